/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent when. Every message that its database says is sent has a row
 * here: cyclic ones a timer, event ones a look at each vehicle state, mixed
 * ones both. Frame k of a cyclic message is queued at start + k * cycle,
 * whatever became of the frames before: only its way over the wire takes time.
 */
#include "config.h"

#include "sim/can/ecu_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX_STD 0x7FFu
#define ID_MAX_EXT 0x1FFFFFFFu

/* ---- sending ---- */

static bool muted(const struct ecu_msg *m)
{
	return m->b->wire.muted || m->b->wire.node[m->sender].muted;
}

static void send_msg(struct ecu_msg *m, vtime now)
{
	struct can_frame f;

	if (muted(m)) {
		m->b->wire.dropped++; /* changes stay unsent, not forgotten */
		return;
	}
	ecu_pack(m, &f);
	m->last = now;
	m->ever_sent = true;
	wire_send(&m->b->wire, &f, m->sender, NULL); /* counts what it drops */
}

static void on_cycle(struct vtimer *t, vtime now)
{
	struct ecu_msg *m = t->ctx;

	evq_arm(m->b->e->q, t, t->due + m->m->cycle_ms * VT_MS);
	send_msg(m, now);
}

/* Something changed: send it, or as soon as the least spacing allows. */
static void check_event(struct ecu_msg *m, vtime now)
{
	vtime ready = m->last + m->m->delay_ms * VT_MS;

	if (muted(m) || m->event.slot != 0) {
		return;
	}
	ecu_sample(m);
	if (!ecu_changed(m)) {
		return;
	}
	if (m->ever_sent && ready > now) {
		evq_arm(m->b->e->q, &m->event, ready);
	} else {
		send_msg(m, now);
	}
}

static void on_event(struct vtimer *t, vtime now)
{
	check_event(t->ctx, now);
}

static void on_vehicle(void *ctx, const void *msg)
{
	struct ecus *e = ctx;
	vtime now = evq_now(e->q);

	e->state = *(const struct vehicle_state *)msg;
	e->n_states++;
	for (size_t i = 0; i < e->n_buses; i++) {
		struct ecu_bus_state *b = &e->b[i];

		for (size_t k = 0; k < b->n_msgs; k++) {
			enum dbc_send_type type = b->msg[k].m->send_type;

			if (type == DBC_SEND_EVENT || type == DBC_SEND_MIXED) {
				check_event(&b->msg[k], now);
			}
		}
	}
}

/* ---- set-up ---- */

static const struct ecu_message *find_extra(const struct ecu_bus *b,
					    const struct dbc_message *m,
					    unsigned int *from,
					    unsigned int *end)
{
	for (size_t i = 0; i < b->n_extras; i++) {
		if (b->extra[i].msg == m) {
			if (b->extra[i].checksum) {
				dbc_signal_bytes(b->extra[i].checksum, from,
						 end);
			}
			return &b->extra[i];
		}
	}
	return NULL;
}

/* Index of the node called @name, added if it is new. */
static int add_node(struct wire *w, const char *name, uint32_t *out)
{
	struct ecu_node *v;

	for (size_t i = 0; i < w->n_nodes; i++) {
		if (!strcmp(w->node[i].name, name)) {
			*out = (uint32_t)i;
			return 0;
		}
	}
	v = realloc(w->node, (w->n_nodes + 2) * sizeof(*v));
	if (!v) {
		return -ENOMEM;
	}
	w->node = v;
	v[w->n_nodes] = (struct ecu_node){ .name = name };
	v[w->n_nodes + 1] = (struct ecu_node){ .name = "" }; /* outside */
	*out = (uint32_t)w->n_nodes++;
	return 0;
}

static int add_page(struct ecu_msg *m, uint64_t value)
{
	uint64_t *v;
	size_t at = m->n_pages;

	for (size_t i = 0; i < m->n_pages; i++) {
		if (m->page[i] == value) {
			return 0;
		}
	}
	v = realloc(m->page, (m->n_pages + 1) * sizeof(*v));
	if (!v) {
		return -ENOMEM;
	}
	m->page = v;
	for (; at > 0 && v[at - 1] > value; at--) {
		v[at] = v[at - 1];
	}
	v[at] = value;
	m->n_pages++;
	return 0;
}

/*
 * Multiplexed signals whose selector nobody drives: the pages take turns. One
 * level; a selector that is selected itself must be driven.
 */
static int set_pages(struct ecu_msg *m)
{
	const struct dbc_signal *sel = NULL;
	int ret;

	for (size_t i = 0; i < m->n_sigs && !sel; i++) {
		int up = m->sig[i].sig->mux_parent;

		if (up >= 0 && m->m->signal[up].mux_parent < 0) {
			sel = &m->m->signal[up];
		}
	}
	for (size_t i = 0; i < m->n_sigs; i++) {
		if (m->sig[i].sig == sel) {
			return 0;
		}
	}
	m->selector = sel;
	for (size_t i = 0; sel && i < m->n_sigs; i++) {
		struct sent_signal *s = &m->sig[i];

		if (s->sig->mux_parent == sel - m->m->signal &&
		    s->sig->n_mux_ranges > 0) {
			s->paged = true;
			s->page = s->sig->mux_range[0].lo;
			ret = add_page(m, s->page);
			if (ret < 0) {
				return ret;
			}
		}
	}
	return 0;
}

static int set_sources(struct ecu_msg *m, const struct ecu_bus *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_sources; i++) {
		n += b->source[i].signal->msg == m->m;
	}
	m->sig = calloc(n > 0 ? n : 1, sizeof(*m->sig));
	if (!m->sig) {
		return -ENOMEM;
	}
	/* selectors have to be in the frame before what they select */
	for (int muxed = 0; muxed <= 1; muxed++) {
		for (size_t i = 0; i < b->n_sources; i++) {
			const struct dbc_signal *s = b->source[i].signal;
			unsigned int from, end;

			if (s->msg != m->m || (s->mux_parent >= 0) != muxed) {
				continue;
			}
			dbc_signal_bytes(s, &from, &end);
			if (end <= m->m->len) {
				m->sig[m->n_sigs++] = (struct sent_signal){
					.src = &b->source[i], .sig = s
				};
			}
		}
	}
	return set_pages(m);
}

/* Messages without a start delay of their own are spread over their cycle by
 * the golden ratio, on a grid of 100 us. */
static vtime start_of(const struct dbc_message *m, size_t i)
{
	uint64_t cycle_us = m->cycle_ms * UINT64_C(1000);
	uint32_t part = (uint32_t)i * 2654435769u;

	if (m->start_delay_ms > 0) {
		return m->start_delay_ms * VT_MS;
	}
	return (vtime)((cycle_us * part >> 32) / 100 * 100) * VT_US;
}

static int add_msg(struct ecu_bus_state *b, const struct dbc_message *m,
		   struct av_err *err)
{
	struct ecu_msg *em = &b->msg[b->n_msgs];
	int ret;

	if (m->fd && b->cfg.fd_bit_rate == 0) {
		return av_err_set(err, -EINVAL,
				  "message %s of bus %s needs CAN FD: give the "
				  "bus a data bit rate",
				  m->name, b->cfg.name);
	}
	*em = (struct ecu_msg){ .b = b, .m = m };
	em->extra = find_extra(&b->cfg, m, &em->sum_from, &em->sum_end);
	em->cycle = (struct vtimer){ .fn = on_cycle, .ctx = em };
	em->event = (struct vtimer){ .fn = on_event, .ctx = em };
	ecu_blank_frame(b, m, &em->frame);
	b->n_msgs++; /* from here on it is freed with the others */
	ret = set_sources(em, &b->cfg);
	if (ret == 0) {
		ret = add_node(&b->wire, m->sender, &em->sender);
	}
	if (ret == 0 && m->send_type != DBC_SEND_EVENT) {
		ret = evq_arm(b->e->q, &em->cycle,
			      evq_now(b->e->q) + start_of(m, b->n_msgs - 1));
	}
	return ret < 0 ? av_err_set(err, ret, "out of memory") : 0;
}

static int add_request(struct ecu_bus_state *b, const struct dbc_message *m,
		       struct av_err *err)
{
	struct request_msg *r;

	for (size_t i = 0; i < b->n_request_msgs; i++) {
		if (b->request[i].m == m) {
			return 0;
		}
	}
	r = realloc(b->request, (b->n_request_msgs + 1) * sizeof(*r));
	if (!r) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	b->request = r;
	r += b->n_request_msgs++;
	*r = (struct request_msg){ .m = m };
	r->extra = find_extra(&b->cfg, m, &r->sum_from, &r->sum_end);
	ecu_blank_frame(b, m, &r->frame);
	if (add_node(&b->wire, m->sender, &r->sender) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int setup_bus(struct ecus *e, size_t i, const struct ecu_bus *cfg,
		     struct av_err *err)
{
	struct ecu_bus_state *b = &e->b[i];
	const struct dbc *dbc = cfg->dbc;
	uint32_t outside;
	int ret;

	b->e = e;
	b->cfg = *cfg;
	if (cfg->bit_rate == 0) {
		return av_err_set(err, -EINVAL, "bus %s has no bit rate",
				  cfg->name);
	}
	ret = wire_init(&b->wire, e, (unsigned int)i, cfg);
	if (ret == 0) {
		ret = add_node(&b->wire, "", &outside);
	}
	b->msg = calloc(dbc->n_messages + 1, sizeof(*b->msg));
	if (ret < 0 || !b->msg) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t k = 0; k < cfg->n_requests && ret == 0; k++) {
		ret = add_request(b, cfg->request[k].signal->msg, err);
	}
	for (size_t k = 0; e->sim && k < dbc->n_messages && ret == 0; k++) {
		if (dbc->message[k].send_type != DBC_SEND_NONE) {
			ret = add_msg(b, &dbc->message[k], err);
		}
	}
	return ret;
}

int ecus_create(struct evq *q, struct bus *bus, struct cmdq *cmdq,
		const struct ecu_bus *buses, size_t n_buses, bool sim,
		struct ecus **out, struct av_err *err)
{
	struct ecus *e = calloc(1, sizeof(*e));
	int ret = 0;

	*out = NULL;
	if (!e || n_buses > UINT8_MAX) {
		free(e);
		return e ? av_err_set(err, -EINVAL, "more than 255 buses")
			 : av_err_set(err, -ENOMEM, "out of memory");
	}
	e->q = q;
	e->bus = bus;
	e->cmdq = cmdq;
	e->sim = sim;
	e->b = calloc(n_buses + 1, sizeof(*e->b));
	if (!e->b) {
		free(e);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n_buses && ret == 0; i++) {
		e->n_buses = i + 1;
		ret = setup_bus(e, i, &buses[i], err);
	}
	if (ret == 0 && sim) {
		ret = bus_subscribe(bus, TOPIC_VEHICLE, STAGE_CAN, "ecus",
				    on_vehicle, e, err);
	}
	if (ret < 0) {
		ecus_destroy(e);
		return ret;
	}
	*out = e;
	return 0;
}

void ecus_destroy(struct ecus *e)
{
	if (!e) {
		return;
	}
	if (e->bus) {
		bus_unsubscribe(e->bus, on_vehicle, e);
	}
	for (size_t i = 0; i < e->n_buses; i++) {
		struct ecu_bus_state *b = &e->b[i];

		for (size_t k = 0; k < b->n_msgs; k++) {
			evq_disarm(e->q, &b->msg[k].cycle);
			evq_disarm(e->q, &b->msg[k].event);
			for (size_t n = 0; n < b->msg[k].n_sigs; n++) {
				free(b->msg[k].sig[n].wrong);
			}
			free(b->msg[k].sig);
			free(b->msg[k].page);
		}
		free(b->msg);
		free(b->request);
		wire_finish(&b->wire);
	}
	free(e->b);
	free(e);
}

/* ---- what others ask for ---- */

static bool fd_len_ok(unsigned int len)
{
	return len <= 8 || (len <= 24 && len % 4 == 0) || len == 32 ||
	       len == 48 || len == 64;
}

static bool frame_ok(const struct ecus *e, const struct can_frame *f)
{
	uint32_t id_max =
		f->flags & (CAN_EXT | CAN_ERR) ? ID_MAX_EXT : ID_MAX_STD;

	if (f->bus >= e->n_buses || f->id > id_max) {
		return false;
	}
	if (f->flags & CAN_FD) {
		return !(f->flags & (CAN_RTR | CAN_ERR)) && fd_len_ok(f->len) &&
		       e->b[f->bus].wire.fd_bit_rate > 0;
	}
	return f->len <= 8 && !(f->flags & (CAN_BRS | CAN_ESI));
}

int ecus_send(struct ecus *e, const struct can_frame *f, bool tx)
{
	struct can_frame copy = *f;
	struct wire *w;

	if (!frame_ok(e, f)) {
		return -EINVAL;
	}
	w = &e->b[f->bus].wire;
	copy.tx = tx;
	return wire_send(w, &copy, (uint32_t)w->n_nodes, NULL);
}

void ecus_replay(struct ecus *e, const struct can_frame *f)
{
	if (f->bus < e->n_buses) {
		wire_count(&e->b[f->bus].wire, f, evq_now(e->q));
	}
	bus_publish(e->bus, TOPIC_CAN, f);
}

/* Give the selectors above @s values that let the frame carry it. */
static void select_signal(const struct dbc_signal *s, struct can_frame *f)
{
	while (s->mux_parent >= 0) {
		const struct dbc_signal *sel = &s->msg->signal[s->mux_parent];

		if (s->n_mux_ranges > 0) {
			dbc_set_raw(sel, f->data, sizeof(f->data),
				    (int64_t)s->mux_range[0].lo);
		}
		s = sel;
	}
}

int ecus_request(struct ecus *e, unsigned int bus, const struct dbc_signal *s,
		 double phys)
{
	struct ecu_bus_state *b;

	if (bus >= e->n_buses) {
		return -EINVAL;
	}
	b = &e->b[bus];
	for (size_t i = 0; i < b->n_request_msgs; i++) {
		struct request_msg *r = &b->request[i];

		if (r->m != s->msg) {
			continue;
		}
		/* all ones: the others ask for nothing */
		memset(r->frame.data, 0xff, r->frame.len);
		if (!dbc_signal_present(s, r->frame.data, r->frame.len)) {
			select_signal(s, &r->frame);
		}
		dbc_set_raw(s, r->frame.data, sizeof(r->frame.data),
			    dbc_to_raw(s, phys));
		r->frame.tx = true;
		ecu_protect(r->extra, &r->counter, r->sum_from, r->sum_end,
			    &r->frame);
		return wire_send(&b->wire, &r->frame, r->sender, s);
	}
	return -EINVAL;
}

int ecus_mute(struct ecus *e, unsigned int bus, const char *node, bool mute)
{
	struct wire *w;

	if (bus >= e->n_buses) {
		return -EINVAL;
	}
	w = &e->b[bus].wire;
	if (!node) {
		wire_mute(w, mute);
		return 0;
	}
	for (size_t i = 0; i < w->n_nodes; i++) {
		if (*node && !strcmp(w->node[i].name, node)) {
			w->node[i].muted = mute;
			return 0;
		}
	}
	return -ENOENT;
}

static int set_wrong(struct sent_signal *s, enum ecu_wrong how, double amount,
		     uint64_t seed)
{
	struct distortion *w = s->wrong;

	if (how == ECU_RIGHT) {
		free(w);
		s->wrong = NULL;
		s->sampled = false; /* back to what the model says */
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w) {
			return -ENOMEM;
		}
	}
	w->how = how;
	w->amount = amount;
	w->raw = isnan(amount) ? s->raw : dbc_to_raw(s->sig, amount);
	av_rand_init(&w->rand, seed, s->sig->name);
	s->wrong = w;
	return 0;
}

int ecus_distort(struct ecus *e, unsigned int bus, const struct dbc_signal *s,
		 enum ecu_wrong how, double amount, uint64_t seed)
{
	struct ecu_bus_state *b = bus < e->n_buses ? &e->b[bus] : NULL;

	if (!b) {
		return -EINVAL;
	}
	for (size_t k = 0; k < b->n_msgs; k++) {
		struct ecu_msg *m = &b->msg[k];

		for (size_t i = 0; i < m->n_sigs && m->m == s->msg; i++) {
			if (m->sig[i].sig == s) {
				return set_wrong(&m->sig[i], how, amount, seed);
			}
		}
	}
	return -ENOENT;
}

void ecus_stats(const struct ecus *e, unsigned int bus,
		struct can_bus_stats *out)
{
	const struct wire *w;

	*out = (struct can_bus_stats){ 0 };
	if (bus >= e->n_buses) {
		return;
	}
	w = &e->b[bus].wire;
	out->frames = w->frames;
	out->bits = w->bits;
	out->errors = w->errors;
	out->dropped = w->dropped;
	out->load = wire_load(w, evq_now(e->q));
}
