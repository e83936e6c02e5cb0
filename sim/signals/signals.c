/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway. Each frame is compared with the last one of its message; only
 * signals that lie in payload bytes that differ are looked at, and only those
 * whose raw value differs go on, to TOPIC_SIGNAL and to the property store.
 */
#include "config.h"

#include "sim/signals/signals_priv.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sig_block {
	struct sig_block *next;
	_Alignas(max_align_t) unsigned char data[];
};

void *sig_alloc(struct signals *s, size_t size)
{
	struct sig_block *b = malloc(sizeof(*b) + (size ? size : 1));

	if (!b) {
		return NULL;
	}
	b->next = s->blocks;
	s->blocks = b;
	return b->data;
}

/* ---- building ---- */

uint64_t sig_bytes(const struct dbc_signal *d, uint16_t *end)
{
	unsigned int first = d->start / 8u, last;

	if (d->big_endian) {
		/* the start is the most significant bit; bits go down to bit 0
		 * of a byte and on to bit 7 of the next one */
		last = (first * 8 + 7 - d->start % 8u + d->len - 1u) / 8;
	} else {
		last = (d->start + d->len - 1u) / 8;
	}
	*end = (uint16_t)(last + 1);
	if (last >= SIG_DATA_MAX) {
		return ~UINT64_C(
			0); /* never whole in a frame: @end sees to it */
	}
	return (~UINT64_C(0) >> (63 - last)) & (~UINT64_C(0) << first);
}

static int init_sig(struct signals *s, const struct sig_bus *bus,
		    uint32_t msg_idx, uint32_t idx, const struct dbc_signal *d)
{
	struct sig *sg = &s->sig[idx];
	size_t size =
		strlen(bus->name) + strlen(d->msg->name) + strlen(d->name) + 3;
	char *key = sig_alloc(s, size);

	if (!key) {
		return -ENOMEM;
	}
	snprintf(key, size, "%s:%s.%s", bus->name, d->msg->name, d->name);
	sg->dbc = d;
	sg->key = key;
	sg->unit = d->unit;
	sg->value = NAN;
	sg->changed = VT_NEVER;
	sg->seen = VT_NEVER;
	sg->msg = msg_idx;
	sg->next = -1;
	sg->bytes = sig_bytes(d, &sg->end);
	if (d->mux_parent >= 0) {
		s->msg[msg_idx].mux = true;
	}
	return 0;
}

static int init_tables(struct signals *s, const struct signals_bus *buses,
		       size_t n_buses)
{
	uint32_t m = 0, g = 0;
	int ret;

	for (size_t b = 0; b < n_buses; b++) {
		s->n_msgs += buses[b].dbc->n_messages;
		s->n_sigs += buses[b].dbc->n_signals;
	}
	s->bus = calloc(n_buses + 1, sizeof(*s->bus));
	s->msg = calloc(s->n_msgs + 1, sizeof(*s->msg));
	s->sig = calloc(s->n_sigs + 1, sizeof(*s->sig));
	if (!s->bus || !s->msg || !s->sig) {
		return -ENOMEM;
	}
	s->n_buses = n_buses;
	for (size_t b = 0; b < n_buses; b++) {
		const struct dbc *dbc = buses[b].dbc;
		struct sig_bus *bus = &s->bus[b];

		bus->name = buses[b].name;
		bus->dbc = dbc;
		bus->first_msg = m;
		for (size_t i = 0; i < dbc->n_messages; i++, m++) {
			const struct dbc_message *msg = &dbc->message[i];

			s->msg[m].dbc = msg;
			s->msg[m].first_sig = g;
			s->msg[m].derived = -1;
			s->msg[m].seen = VT_NEVER;
			for (size_t k = 0; k < msg->n_signals; k++, g++) {
				ret = init_sig(s, bus, m, g, &msg->signal[k]);
				if (ret < 0) {
					return ret;
				}
			}
		}
	}
	assert(g == s->n_sigs);
	return 0;
}

struct key_ref {
	const char *key;
	uint32_t idx;
};

static int cmp_key_ref(const void *a, const void *b)
{
	const struct key_ref *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->idx > y->idx) - (x->idx < y->idx);
}

static int sort_keys(struct signals *s)
{
	struct key_ref *ref = calloc(s->n_sigs + 1, sizeof(*ref));

	s->by_key = calloc(s->n_sigs + 1, sizeof(*s->by_key));
	if (!ref || !s->by_key) {
		free(ref);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < s->n_sigs; i++) {
		ref[i] = (struct key_ref){ s->sig[i].key, i };
	}
	qsort(ref, s->n_sigs, sizeof(*ref), cmp_key_ref);
	for (size_t i = 0; i < s->n_sigs; i++) {
		s->by_key[i] = ref[i].idx;
	}
	free(ref);
	return 0;
}

static int cmp_target(const void *a, const void *b)
{
	const struct sig_target *x = a, *y = b;

	if (x->sig != y->sig) {
		return x->sig < y->sig ? -1 : 1;
	}
	if (x->slot != y->slot) {
		return x->slot < y->slot ? -1 : 1;
	}
	return (x->elem > y->elem) - (x->elem < y->elem);
}

static int cmp_request(const void *a, const void *b)
{
	const struct sig_request *x = a, *y = b;

	return (x->slot > y->slot) - (x->slot < y->slot);
}

/* Order what the table bound, so that running needs no search. */
static void index_bindings(struct signals *s)
{
	if (s->n_targets) {
		qsort(s->target, s->n_targets, sizeof(*s->target), cmp_target);
	}
	if (s->n_requests) {
		qsort(s->request, s->n_requests, sizeof(*s->request),
		      cmp_request);
	}
	for (uint32_t i = 0; i < s->n_targets; i++) {
		struct sig *sg = &s->sig[s->target[i].sig];

		if (!sg->n_targets++) {
			sg->first_target = i;
		}
	}
	for (size_t i = 0; i < s->n_sigs; i++) {
		struct sig *sg = &s->sig[i];

		sg->request = s->msg[sg->msg].request;
	}
}

int signals_create(const char *name, const char *yaml, size_t len,
		   const struct signals_bus *buses, size_t n_buses,
		   struct vhal *vhal, struct signals **out, struct av_diags *d)
{
	struct signals *s = calloc(1, sizeof(*s));
	int ret;

	*out = NULL;
	if (!s) {
		return -ENOMEM;
	}
	s->vhal = vhal;
	ret = init_tables(s, buses, n_buses);
	if (ret == 0 && len > 0) {
		ret = sig_bind(s, name, yaml, len, d);
	}
	if (ret == 0) {
		index_bindings(s);
		ret = sort_keys(s);
	}
	if (ret < 0) {
		signals_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void signals_destroy(struct signals *s)
{
	if (!s) {
		return;
	}
	for (size_t b = 0; s->bus && b < s->n_buses; b++) {
		free(s->bus[b].source);
		free(s->bus[b].request);
		free(s->bus[b].extra);
	}
	while (s->blocks) {
		struct sig_block *next = s->blocks->next;

		free(s->blocks);
		s->blocks = next;
	}
	free(s->bus);
	free(s->msg);
	free(s->sig);
	free(s->by_key);
	free(s->target);
	free(s->vec);
	free(s->request);
	free(s->constant);
	free(s);
}

void signals_ecu_bus(const struct signals *s, unsigned int bus,
		     struct ecu_bus *out)
{
	const struct sig_bus *b = &s->bus[bus];

	assert(bus < s->n_buses);
	*out = (struct ecu_bus){
		.name = b->name,
		.dbc = b->dbc,
		.bit_rate = SIG_BIT_RATE,
		.fd_bit_rate = SIG_FD_BIT_RATE,
		.source = b->source,
		.n_sources = b->n_sources,
		.request = b->request,
		.n_requests = b->n_requests,
		.extra = b->extra,
		.n_extras = b->n_extras,
	};
}

/* ---- properties ---- */

static void set_elem(struct signals *s, int vec, uint32_t elem, double x)
{
	struct sig_vec *v = &s->vec[vec];

	v->value[elem] = x;
	v->have[elem] = true;
	v->dirty = true;
}

/* Hand vector properties on, once per frame, when they are complete. */
static void flush_vecs(struct signals *s, vtime t)
{
	for (size_t i = 0; i < s->n_vecs; i++) {
		struct sig_vec *v = &s->vec[i];
		struct vhal_value val = { .t = t,
					  .prop = v->prop,
					  .area = v->area };
		int32_t i32[SIG_VEC_MAX];
		int64_t i64[SIG_VEC_MAX];
		float f32[SIG_VEC_MAX];

		if (!v->dirty) {
			continue;
		}
		v->dirty = false;
		for (uint32_t k = 0; k < v->n; k++) {
			if (!v->have[k]) {
				goto next;
			}
			/* saturate: a conversion out of range is undefined */
			i64[k] = (int64_t)fmin(fmax(rint(v->value[k]), -9e18),
					       9e18);
			i32[k] = (int32_t)fmin(
				fmax(rint(v->value[k]), INT32_MIN), INT32_MAX);
			f32[k] = (float)v->value[k];
		}
		switch (v->prop & VHAL_TYPE_MASK) {
		case VHAL_TYPE_INT64_VEC:
			val.i64 = i64;
			val.n_i64 = v->n;
			break;
		case VHAL_TYPE_FLOAT_VEC:
			val.f32 = f32;
			val.n_f32 = v->n;
			break;
		default:
			val.i32 = i32;
			val.n_i32 = v->n;
			break;
		}
		vhal_update(s->vhal, v->slot, &val);
	next:;
	}
}

static const struct sig_map *map_find(const struct sig_map *map, size_t n,
				      int64_t raw)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (map[mid].raw == raw) {
			return &map[mid];
		}
		if (map[mid].raw < raw) {
			lo = mid + 1;
		} else {
			n = mid;
		}
	}
	return NULL;
}

static void feed(struct signals *s, const struct sig *sg)
{
	for (uint32_t i = 0; i < sg->n_targets; i++) {
		const struct sig_target *g = &s->target[sg->first_target + i];
		double x = sg->value * g->lin.scale + g->lin.offset;

		if (g->map) {
			const struct sig_map *m =
				map_find(g->map, g->n_map, sg->raw);

			x = m ? m->value : NAN;
		}
		if (!isfinite(x)) {
			vhal_update_status(s->vhal, g->slot, VHAL_UNAVAILABLE);
		} else if (g->vec >= 0) {
			set_elem(s, g->vec, g->elem, x);
		} else {
			vhal_update_num(s->vhal, g->slot, x);
		}
	}
}

/* ---- frames ---- */

static uint64_t changed_bytes(const struct sig_msg *m,
			      const struct can_frame *f, uint8_t len)
{
	uint64_t mask = 0;

	if (!m->have || m->len != len || m->mux) {
		return ~UINT64_C(0);
	}
	for (uint8_t i = 0; i < len; i++) {
		mask |= (uint64_t)(m->data[i] != f->data[i]) << i;
	}
	return mask;
}

/* Do the selectors of this frame say that @d is in it? */
static bool mux_present(const struct dbc_message *m, const struct dbc_signal *d,
			const struct can_frame *f, uint8_t len)
{
	/* n_signals bounds the walk where a file's selectors go in a ring */
	for (size_t depth = 0; d->mux_parent >= 0; depth++) {
		const struct dbc_signal *sel = &m->signal[d->mux_parent];
		uint64_t v = (uint64_t)dbc_get_raw(sel, f->data, len);
		bool in = false;

		for (size_t i = 0; i < d->n_mux_ranges; i++) {
			in |= v >= d->mux_range[i].lo &&
			      v <= d->mux_range[i].hi;
		}
		if (!in || depth > m->n_signals) {
			return false;
		}
		d = sel;
	}
	return true;
}

static bool all_ones(const struct dbc_signal *d, int64_t raw)
{
	return d->len < 64 && raw == (INT64_C(1) << d->len) - 1;
}

/* The signal's value in this frame. Return: whether it is another one. */
static bool take(struct sig *sg, const struct can_frame *f, uint8_t len)
{
	int64_t raw = dbc_get_raw(sg->dbc, f->data, len);

	if (sg->request && all_ones(sg->dbc, raw)) {
		sg->known = false; /* so that the same request again is news */
		sg->value = NAN;
		return false;
	}
	if (sg->known && raw == sg->raw) {
		return false;
	}
	sg->raw = raw;
	sg->value = dbc_to_phys(sg->dbc, raw);
	sg->changed = f->t;
	sg->known = true;
	return true;
}

/* Likewise for a sum or mean. */
static bool take_derived(struct sig *sg, const struct can_frame *f, uint8_t len)
{
	double sum = 0;

	for (size_t i = 0; i < sg->n_parts; i++) {
		sum += dbc_to_phys(sg->part[i],
				   dbc_get_raw(sg->part[i], f->data, len));
	}
	sum *= sg->factor;
	if (sg->known && sum == sg->value) {
		return false;
	}
	sg->raw = dbc_get_raw(sg->dbc, f->data, len);
	sg->value = sum;
	sg->changed = f->t;
	sg->known = true;
	return true;
}

static struct sig_msg *find_msg(struct signals *s, const struct can_frame *f)
{
	const struct sig_bus *bus;
	const struct dbc_message *m;

	if (f->bus >= s->n_buses || (f->flags & (CAN_RTR | CAN_ERR))) {
		return NULL;
	}
	bus = &s->bus[f->bus];
	m = dbc_by_id(bus->dbc, f->id, f->flags & CAN_EXT);
	return m ? &s->msg[bus->first_msg + (uint32_t)(m - bus->dbc->message)]
		 : NULL;
}

struct sink {
	signals_fn *fn; /* NULL: nobody */
	void *ctx;
};

static void decode_one(struct signals *s, struct sig *sg,
		       const struct can_frame *f, uint8_t len,
		       const struct sink *out)
{
	sg->seen = f->t;
	if (!(sg->part ? take_derived(sg, f, len) : take(sg, f, len))) {
		return;
	}
	if (out->fn) {
		out->fn(out->ctx,
			&(struct signal_event){
				.t = f->t,
				.idx = (uint32_t)(sg - s->sig),
				.value = sg->value,
				.raw = sg->raw,
				.label = sg->part ? NULL
						  : dbc_label_of(sg->dbc,
								 sg->raw),
			});
	}
	if (s->topics && sg->n_targets) {
		feed(s, sg);
	}
}

static void decode(struct signals *s, const struct can_frame *f,
		   const struct sink *out)
{
	uint8_t len = f->len <= SIG_DATA_MAX ? f->len : SIG_DATA_MAX;
	struct sig_msg *m = find_msg(s, f);
	uint64_t changed;

	if (!m) {
		return;
	}
	m->seen = f->t;
	if (!m->mux && m->have && m->len == len &&
	    !memcmp(m->data, f->data, len)) {
		return;
	}
	changed = changed_bytes(m, f, len);
	for (size_t i = 0; i < m->dbc->n_signals; i++) {
		struct sig *sg = &s->sig[m->first_sig + i];

		if ((sg->bytes & changed) && sg->end <= len &&
		    (!m->mux || mux_present(m->dbc, sg->dbc, f, len))) {
			decode_one(s, sg, f, len, out);
		}
	}
	for (int i = m->derived; i >= 0; i = s->sig[i].next) {
		struct sig *sg = &s->sig[i];

		if ((sg->bytes & changed) && sg->end <= len) {
			decode_one(s, sg, f, len, out);
		}
	}
	if (s->topics) {
		flush_vecs(s, f->t);
	}
	memcpy(m->data, f->data, len);
	m->len = len;
	m->have = true;
}

void signals_decode(struct signals *s, const struct can_frame *f,
		    signals_fn *fn, void *ctx)
{
	decode(s, f, &(struct sink){ fn, ctx });
}

/* ---- wiring ---- */

static void publish(void *ctx, const struct signal_event *e)
{
	struct signals *s = ctx;

	bus_publish(s->topics, TOPIC_SIGNAL, e);
}

static void on_frame(void *ctx, const void *msg)
{
	struct signals *s = ctx;

	struct sink out = { bus_wanted(s->topics, TOPIC_SIGNAL) ? publish
								: NULL,
			    s };

	decode(s, msg, &out);
}

static int first_number(const struct vhal_value *val, double *out)
{
	if (val->n_i32) {
		*out = val->i32[0];
	} else if (val->n_i64) {
		*out = (double)val->i64[0];
	} else if (val->n_f32) {
		*out = val->f32[0];
	} else {
		return -EINVAL;
	}
	return 0;
}

static const struct sig_request *find_request(const struct signals *s,
					      uint32_t slot)
{
	struct sig_request key = { .slot = slot };

	if (!s->n_requests) {
		return NULL;
	}
	return bsearch(&key, s->request, s->n_requests, sizeof(key),
		       cmp_request);
}

/* Raw value to ask for. 0, or -ERANGE where the signal cannot carry it. */
static int request_raw(const struct sig_request *r, double x, int64_t *raw)
{
	if (r->map) {
		for (size_t i = 0; i < r->n_map; i++) {
			if (r->map[i].value == x) {
				*raw = r->map[i].raw;
				return 0;
			}
		}
		return -ERANGE;
	}
	x = x * r->lin.scale + r->lin.offset;
	if (!isfinite(x)) {
		return -ERANGE;
	}
	*raw = dbc_to_raw(r->dbc, x);
	/* a clamped value is another one; all ones asks for nothing */
	if (fabs(dbc_to_phys(r->dbc, *raw) - x) > fabs(r->dbc->factor) ||
	    all_ones(r->dbc, *raw)) {
		return -ERANGE;
	}
	return 0;
}

static int on_set(void *ctx, uint32_t slot, const struct vhal_value *val,
		  struct av_err *err)
{
	struct signals *s = ctx;
	const struct sig_request *r = find_request(s, slot);
	const char *name = vhal_slot_name(s->vhal, slot);
	int64_t raw;
	double x;
	int ret;

	if (!r) {
		return av_err_set(err, -EACCES,
				  "%s only follows the bus: no request signal",
				  name);
	}
	if (!s->ecus) {
		return av_err_set(err, -ENODEV,
				  "no ECU to ask for %s in this run", name);
	}
	if (first_number(val, &x) < 0) {
		return av_err_set(err, -EINVAL, "no number for %s", name);
	}
	if (request_raw(r, x, &raw) < 0) {
		return av_err_set(err, -ERANGE, "%s.%s cannot carry %g of %s",
				  r->dbc->msg->name, r->dbc->name, x, name);
	}
	ret = ecus_request(s->ecus, r->bus, r->dbc, dbc_to_phys(r->dbc, raw));
	if (ret < 0) {
		return av_err_set(err, ret, "cannot send %s: %s",
				  r->dbc->msg->name, strerror(-ret));
	}
	return 0;
}

int signals_attach(struct signals *s, struct bus *bus, struct ecus *ecus,
		   struct av_err *err)
{
	int ret;

	assert(!s->topics);
	ret = bus_subscribe(bus, TOPIC_CAN, STAGE_SIGNALS, "signals", on_frame,
			    s, err);
	if (ret < 0) {
		return ret;
	}
	s->topics = bus;
	s->ecus = ecus;
	if (!s->vhal) {
		return 0;
	}
	for (size_t i = 0; i < s->n_targets; i++) {
		uint32_t slot = s->target[i].slot;

		vhal_mark_bound(s->vhal, slot, find_request(s, slot));
	}
	for (size_t i = 0; i < s->n_constants; i++) {
		const struct sig_const *c = &s->constant[i];

		vhal_mark_bound(s->vhal, c->slot, false);
		if (c->vec >= 0) {
			set_elem(s, c->vec, c->elem, c->value);
		} else {
			vhal_update_num(s->vhal, c->slot, c->value);
		}
	}
	vhal_set_binder(s->vhal, on_set, s);
	return 0;
}

/* ---- looking ---- */

size_t signals_count(const struct signals *s)
{
	return s->n_sigs;
}

const char *signals_key(const struct signals *s, uint32_t idx)
{
	return s->sig[idx].key;
}

const char *signals_unit(const struct signals *s, uint32_t idx)
{
	return s->sig[idx].unit;
}

const struct dbc_signal *signals_dbc(const struct signals *s, uint32_t idx)
{
	return s->sig[idx].dbc;
}

unsigned int sig_msg_bus(const struct signals *s, uint32_t msg)
{
	unsigned int b = (unsigned int)s->n_buses - 1;

	while (b > 0 && s->bus[b].first_msg > msg) {
		b--;
	}
	return b;
}

unsigned int signals_bus_of(const struct signals *s, uint32_t idx)
{
	return sig_msg_bus(s, s->sig[idx].msg);
}

int signals_find(const struct signals *s, const char *key)
{
	size_t lo = 0, hi = s->n_sigs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->sig[s->by_key[mid]].key, key) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (lo < s->n_sigs && !strcmp(s->sig[s->by_key[lo]].key, key)) {
		return (int)s->by_key[lo];
	}
	return -1;
}

double signals_value(const struct signals *s, uint32_t idx, vtime *changed,
		     vtime *seen)
{
	const struct sig *sg = &s->sig[idx];

	if (changed) {
		*changed = sg->changed;
	}
	if (seen) {
		*seen = sg->seen == VT_NEVER || s->msg[sg->msg].mux
				? sg->seen
				: s->msg[sg->msg].seen;
	}
	return sg->value;
}
