/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was read to what is used: indexes, multiplexing, checks that need
 * whole messages, and the compiled tables.
 *
 * Indexes are sorted arrays, not hash tables, so that no file can make a
 * look-up slow; only identifiers have a hash in front (bounded probes).
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- indexes ---- */

static int by_file_id(const void *a, const void *b, void *ctx)
{
	const struct dbc_parser *p = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	uint32_t x = p->msg[i].file_id, y = p->msg[j].file_id;

	return x != y ? (x < y ? -1 : 1) : i < j ? -1 : i > j;
}

static int by_sig_name(const void *a, const void *b, void *ctx)
{
	const struct dbc_signal *sig = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int c = strcmp(sig[i].name, sig[j].name);

	return c != 0 ? c : i < j ? -1 : i > j;
}

static int by_msg_name(const void *a, const void *b, void *ctx)
{
	const struct dbc_message *m = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int c = strcmp(m[i].name, m[j].name);

	return c != 0 ? c : i < j ? -1 : i > j;
}

static int by_msg_id(const void *a, const void *b, void *ctx)
{
	const struct dbc_message *m = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	return m[i].id != m[j].id ? (m[i].id < m[j].id ? -1 : 1)
	       : i < j            ? -1
				  : i > j;
}

/* Signals @sig[0..n) by name into @idx. */
static void sort_signals(uint32_t *idx, const struct dbc_signal *sig, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		idx[i] = (uint32_t)i;
	}
	if (n > 1) {
		qsort_r(idx, n, sizeof(*idx), by_sig_name,
			(void *)(uintptr_t)sig);
	}
}

static void *alloc_n(size_t n, size_t size)
{
	return calloc(n > 0 ? n : 1, size);
}

static void warn_duplicates(struct dbc_parser *p)
{
	for (size_t i = 1; i < p->n_msgs; i++) {
		const struct parse_msg *a = &p->msg[p->msg_by_id[i - 1]];
		const struct parse_msg *b = &p->msg[p->msg_by_id[i]];

		if (a->file_id == b->file_id && !b->dropped) {
			dbc_pwarn(
				p, b->line, b->col,
				"identifier of message %.64s is used before "
				"(message %.64s, line %u), which answers to it",
				b->m.name, a->m.name, a->line);
		}
	}
	for (size_t i = 0; i < p->n_msgs; i++) {
		const struct parse_msg *m = &p->msg[i];
		const struct dbc_signal *sig = p->sig + m->first;
		const uint32_t *idx = p->sig_by_name + m->first;

		for (uint32_t k = 1; k < m->n; k++) {
			const struct parse_sig *a = p->aux + m->first + idx[k];

			if (!strcmp(sig[idx[k - 1]].name, sig[idx[k]].name)) {
				dbc_pwarn(p, a->line, a->col,
					  "message %.64s has a signal %.64s "
					  "already",
					  m->m.name, sig[idx[k]].name);
			}
		}
	}
}

bool dbc_index(struct dbc_parser *p)
{
	p->msg_by_id = alloc_n(p->n_msgs, sizeof(*p->msg_by_id));
	p->sig_by_name = alloc_n(p->n_sigs, sizeof(*p->sig_by_name));
	if (!p->msg_by_id || !p->sig_by_name) {
		return dbc_oom(p);
	}
	for (size_t i = 0; i < p->n_msgs; i++) {
		const struct parse_msg *m = &p->msg[i];

		p->msg_by_id[i] = (uint32_t)i;
		sort_signals(p->sig_by_name + m->first, p->sig + m->first,
			     m->n);
	}
	if (p->n_msgs > 1) {
		qsort_r(p->msg_by_id, p->n_msgs, sizeof(*p->msg_by_id),
			by_file_id, p);
	}
	dbc_sort_tables(p);
	warn_duplicates(p);
	return true;
}

/* ---- multiplexing ---- */

/* mN without SG_MUL_VAL_ hangs on the message's M. */
static bool link_simple_mux(struct dbc_parser *p, const struct parse_msg *m)
{
	long root = -1;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct parse_sig *a = p->aux + m->first + i;

		p->sig[m->first + i].is_mux = a->mux & MUX_SELECTS;
		if (a->mux != MUX_SELECTS) {
			continue;
		}
		if (root < 0) {
			root = i;
		} else {
			dbc_pwarn(p, a->line, a->col,
				  "message %.64s has a second selector (M); "
				  "%.64s counts",
				  m->m.name,
				  p->sig[m->first + (uint32_t)root].name);
		}
	}
	for (uint32_t i = 0; i < m->n; i++) {
		struct parse_sig *a = p->aux + m->first + i;
		struct dbc_signal *s = p->sig + m->first + i;
		struct dbc_mux_range *r;

		if (a->mux_parent >= 0) {
			s->mux_parent = a->mux_parent;
			continue;
		}
		if (!(a->mux & MUX_SELECTED)) {
			continue;
		}
		if (root < 0) {
			dbc_pwarn(p, a->line, a->col,
				  "signal %.64s is multiplexed, but message "
				  "%.64s has no selector (M); taken as always "
				  "there",
				  s->name, m->m.name);
			continue;
		}
		r = arena_alloc(&p->priv->arena, sizeof(*r));
		if (!r) {
			return dbc_oom(p);
		}
		*r = (struct dbc_mux_range){ a->mux_value, a->mux_value };
		s->mux_range = r;
		s->n_mux_ranges = 1;
		s->mux_parent = (int)root;
	}
	return true;
}

/*
 * Order of message @m's signals with every selector before what it selects,
 * else file order, into @order. @state: per signal 0 new, 1 on the way up, 2
 * placed. Each signal is walked over at most twice.
 */
static void order_mux(struct dbc_parser *p, const struct parse_msg *m,
		      uint32_t *order, uint8_t *state, uint32_t *stack)
{
	struct dbc_signal *sig = p->sig + m->first;
	uint32_t n = 0;

	memset(state, 0, m->n);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t depth = 0;
		long at = i;

		while (at >= 0 && state[at] == 0) {
			state[at] = 1;
			stack[depth++] = (uint32_t)at;
			at = sig[at].mux_parent;
		}
		if (at >= 0 && state[at] == 1) {
			const struct parse_sig *a = p->aux + m->first + at;

			dbc_perr_at(p, a->line, a->col,
				    "multiplexing of signal %.64s goes round "
				    "in circles",
				    sig[at].name);
			sig[at].mux_parent = -1;
		}
		while (depth > 0) {
			uint32_t top = stack[--depth];

			state[top] = 2;
			order[n++] = top;
		}
	}
}

static bool link_mux(struct dbc_parser *p)
{
	uint8_t *state = alloc_n(p->n_sigs, 1);
	uint32_t *stack = alloc_n(p->n_sigs, sizeof(*stack));
	bool ok = state && stack;

	p->priv->mux_order = alloc_n(p->n_sigs, sizeof(uint32_t));
	ok = ok && p->priv->mux_order;
	for (size_t i = 0; ok && i < p->n_msgs; i++) {
		const struct parse_msg *m = &p->msg[i];

		ok = link_simple_mux(p, m);
		for (uint32_t k = 0; k < m->n; k++) {
			struct dbc_signal *s = p->sig + m->first + k;

			if (s->mux_parent >= 0) {
				p->sig[m->first + (uint32_t)s->mux_parent]
					.is_mux = true;
			}
		}
		if (ok) {
			order_mux(p, m, p->priv->mux_order + m->first, state,
				  stack);
		}
	}
	free(state);
	free(stack);
	return ok || dbc_oom(p);
}

/* Selectors are read as integers. */
static void fix_selectors(struct dbc_parser *p)
{
	for (size_t i = 0; i < p->n_sigs; i++) {
		if (p->sig[i].is_mux && p->sig[i].type != DBC_INT) {
			dbc_pwarn(p, p->aux[i].line, p->aux[i].col,
				  "selector %.64s stays an integer",
				  p->sig[i].name);
			p->sig[i].type = DBC_INT;
		}
	}
}

/* ---- compile ---- */

/* Bit @k of @s, counted from its least significant, as a bit of the frame:
 * byte * 8 + bit within the byte. */
static unsigned int frame_bit(const struct dbc_signal *s, unsigned int k)
{
	unsigned int pos;

	if (!s->big_endian) {
		return s->start + k;
	}
	pos = (s->start & ~7u) + (7 - (s->start & 7u)) + s->len - 1 - k;
	return (pos & ~7u) + (7 - (pos & 7u));
}

#define FRAME_BITS_MAX ((511 + 64 + 8) / 8 * 8)

/* Complaints about where the signals lie. Return: whether no two share a bit.
 */
static bool check_layout(struct dbc_parser *p, const struct parse_msg *m,
			 const struct sig_plan *plan)
{
	uint32_t owner[FRAME_BITS_MAX] = { 0 }; /* index + 1 */
	bool disjoint = true;

	/* first those that are always there, then those that come and go */
	for (int muxed = 0; muxed <= 1; muxed++) {
		for (uint32_t i = 0; i < m->n; i++) {
			const struct dbc_signal *s = p->sig + m->first + i;
			const struct parse_sig *a = p->aux + m->first + i;
			uint32_t hit = 0;

			if ((s->mux_parent >= 0) != muxed) {
				continue;
			}
			for (unsigned int k = 0; k < s->len; k++) {
				uint32_t *o = &owner[frame_bit(s, k)];

				hit = hit ? hit : *o;
				if (!muxed && !*o) {
					*o = i + 1;
				}
			}
			if (hit) {
				disjoint = false;
				dbc_pwarn(p, a->line, a->col,
					  "signals %.64s and %.64s of message "
					  "%.64s overlap",
					  s->name,
					  p->sig[m->first + hit - 1].name,
					  m->m.name);
			}
			if (plan[i].need > m->m.len) {
				dbc_pwarn(p, a->line, a->col,
					  "signal %.64s ends in byte %u, "
					  "message %.64s has %u",
					  s->name, plan[i].need, m->m.name,
					  m->m.len);
			}
		}
	}
	return disjoint;
}

static void compile_msg(struct dbc_parser *p, const struct parse_msg *m,
			struct sig_plan *plan, struct msg_plan *out)
{
	bool mux = false;

	*out = (struct msg_plan){ .sig = plan, .short_plain = true };
	for (uint32_t i = 0; i < m->n; i++) {
		const struct dbc_signal *s = p->sig + m->first + i;

		dbc_plan_signal(s, &plan[i]);
		mux |= s->mux_parent >= 0;
		if (plan[i].need > out->need) {
			out->need = plan[i].need;
		}
		out->short_plain &= plan[i].field == FIELD_PLAIN;
	}
	out->short_plain &= !mux && out->need <= 8;
	out->disjoint = check_layout(p, m, plan);
	if (mux) {
		out->mux_order = p->priv->mux_order + m->first;
	}
}

/* ---- the result ---- */

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7FEB352Du;
	x ^= x >> 15;
	x *= 0x846CA68Bu;
	return x ^ x >> 16;
}

static bool index_ids(struct dbc_private *v, size_t n)
{
	uint32_t room = 16;

	v->msg_by_name = alloc_n(n, sizeof(uint32_t));
	v->ext_sorted = alloc_n(n, sizeof(uint32_t));
	for (size_t i = 0; i < n; i++) {
		v->n_ext += v->message[i].ext;
	}
	while (room < 2 * v->n_ext) {
		room *= 2;
	}
	v->ext_hash = alloc_n(room, sizeof(uint32_t));
	v->ext_mask = room - 1;
	if (!v->msg_by_name || !v->ext_sorted || !v->ext_hash) {
		return false;
	}
	v->n_ext = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = v->message[i].id;

		v->msg_by_name[i] = i;
		if (!v->message[i].ext) {
			v->std[id] = v->std[id] ? v->std[id] : i + 1;
			continue;
		}
		v->ext_sorted[v->n_ext++] = i;
		for (uint32_t k = 0; k < DBC_EXT_PROBES; k++) {
			uint32_t *h = &v->ext_hash[(mix(id) + k) & v->ext_mask];

			if (*h && v->message[*h - 1].id == id) {
				break; /* the first of duplicates */
			}
			if (!*h) {
				*h = i + 1;
				break;
			}
		}
	}
	if (n > 1) {
		qsort_r(v->msg_by_name, n, sizeof(uint32_t), by_msg_name,
			v->message);
	}
	if (v->n_ext > 1) {
		qsort_r(v->ext_sorted, v->n_ext, sizeof(uint32_t), by_msg_id,
			v->message);
	}
	return true;
}

static bool compile(struct dbc_parser *p, struct dbc *dbc)
{
	struct dbc_private *v = p->priv;
	size_t n = 0;

	v->signal = p->sig; /* takes it */
	p->sig = NULL;
	for (size_t i = 0; i < p->n_msgs; i++) {
		const struct parse_msg *pm = &p->msg[i];
		struct dbc_message *m = &v->message[n];

		if (pm->dropped) {
			continue;
		}
		*m = pm->m;
		m->signal = v->signal + pm->first;
		m->n_signals = pm->n;
		v->msg_plan[n].by_name = v->sig_by_name + pm->first;
		sort_signals(v->sig_by_name + pm->first, v->signal + pm->first,
			     pm->n);
		m->plan = &v->msg_plan[n++];
		for (uint32_t k = 0; k < pm->n; k++) {
			v->signal[pm->first + k].msg = m;
		}
		dbc->n_signals += pm->n;
	}
	dbc->message = v->message;
	dbc->n_messages = n;
	dbc->version = p->version;
	return index_ids(v, n);
}

int dbc_link(struct dbc_parser *p, struct dbc *dbc)
{
	struct dbc_private *v = p->priv;
	size_t kept = 0;

	dbc_apply_attrs(p);
	if (!link_mux(p)) {
		return -ENOMEM;
	}
	fix_selectors(p);
	v->message = alloc_n(p->n_msgs, sizeof(*v->message));
	v->msg_plan = alloc_n(p->n_msgs, sizeof(*v->msg_plan));
	v->sig_plan = alloc_n(p->n_sigs, sizeof(*v->sig_plan));
	v->sig_by_name = alloc_n(p->n_sigs, sizeof(*v->sig_by_name));
	if (!v->message || !v->msg_plan || !v->sig_plan || !v->sig_by_name) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_msgs; i++) {
		const struct parse_msg *m = &p->msg[i];

		if (!m->dropped) {
			compile_msg(p, m, v->sig_plan + m->first,
				    &v->msg_plan[kept++]);
		}
	}
	if (p->n_errors > 0) {
		return -EINVAL;
	}
	if (kept == 0) {
		dbc_pwarn(p, 0, 0, "no messages");
	}
	return compile(p, dbc) ? 0 : -ENOMEM;
}

/* ---- look-ups ---- */

static const struct dbc_message *by_ext(const struct dbc_private *v,
					uint32_t id)
{
	size_t lo = 0, hi = v->n_ext;

	for (uint32_t k = 0; k < DBC_EXT_PROBES; k++) {
		uint32_t h = v->ext_hash[(mix(id) + k) & v->ext_mask];

		if (!h) {
			return NULL;
		}
		if (v->message[h - 1].id == id) {
			return &v->message[h - 1];
		}
	}
	while (lo < hi) { /* crowded out of the hash */
		size_t mid = lo + (hi - lo) / 2;

		if (v->message[v->ext_sorted[mid]].id < id) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (lo < v->n_ext && v->message[v->ext_sorted[lo]].id == id) {
		return &v->message[v->ext_sorted[lo]];
	}
	return NULL;
}

const struct dbc_message *dbc_by_id(const struct dbc *dbc, uint32_t id,
				    bool ext)
{
	const struct dbc_private *v = dbc->private;

	if (ext) {
		return by_ext(v, id);
	}
	return id < 2048 && v->std[id] ? &v->message[v->std[id] - 1] : NULL;
}

const struct dbc_message *dbc_by_name(const struct dbc *dbc, const char *name)
{
	const struct dbc_private *v = dbc->private;
	size_t lo = 0, hi = dbc->n_messages;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(v->message[v->msg_by_name[mid]].name, name) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (lo < dbc->n_messages &&
	    !strcmp(v->message[v->msg_by_name[lo]].name, name)) {
		return &v->message[v->msg_by_name[lo]];
	}
	return NULL;
}

const struct dbc_signal *dbc_signal_by_name(const struct dbc_message *m,
					    const char *name)
{
	const struct msg_plan *plan = m->plan;
	size_t lo = 0, hi = m->n_signals;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->signal[plan->by_name[mid]].name, name) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (lo < m->n_signals &&
	    !strcmp(m->signal[plan->by_name[lo]].name, name)) {
		return &m->signal[plan->by_name[lo]];
	}
	return NULL;
}
