/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the vehicle's state to the bytes of a frame, and from the bytes of a
 * request to the vehicle.
 */
#include "config.h"

#include "sim/can/ecu_priv.h"

#include <math.h>
#include <string.h>

const char *const can_checksum_names[] = {
	[CHECKSUM_NONE] = "none",     [CHECKSUM_XOR8] = "xor8",
	[CHECKSUM_SUM8] = "sum8",     [CHECKSUM_CRC8_J1850] = "crc8-j1850",
	[CHECKSUM_TOYOTA] = "toyota", NULL,
};

/* ---- counter and checksum ---- */

/* SAE J1850: polynomial 0x1D, start and final XOR 0xFF, by nibble. */
static uint8_t crc8(uint8_t crc, uint8_t byte)
{
	static const uint8_t table[16] = { 0x00, 0x1D, 0x3A, 0x27, 0x74, 0x69,
					   0x4E, 0x53, 0xE8, 0xF5, 0xD2, 0xCF,
					   0x9C, 0x81, 0xA6, 0xBB };

	crc ^= byte;
	crc = (uint8_t)(crc << 4 ^ table[crc >> 4]);
	return (uint8_t)(crc << 4 ^ table[crc >> 4]);
}

static uint8_t checksum(enum can_checksum kind, const struct can_frame *f,
			unsigned int skip_from, unsigned int skip_end)
{
	uint8_t sum = kind == CHECKSUM_CRC8_J1850 ? 0xFF : 0;

	if (kind == CHECKSUM_TOYOTA) {
		sum = f->len;
		for (uint32_t id = f->id; id > 0; id >>= 8) {
			sum = (uint8_t)(sum + (id & 0xFF));
		}
	}
	for (unsigned int i = 0; i < f->len; i++) {
		uint8_t b = f->data[i];

		if (i >= skip_from && i < skip_end) {
			continue;
		}
		switch (kind) {
		case CHECKSUM_XOR8:
			sum ^= b;
			break;
		case CHECKSUM_CRC8_J1850:
			sum = crc8(sum, b);
			break;
		default:
			sum = (uint8_t)(sum + b);
			break;
		}
	}
	return kind == CHECKSUM_CRC8_J1850 ? sum ^ 0xFF : sum;
}

void ecu_protect(const struct ecu_message *extra, uint64_t *counter,
		 unsigned int sum_from, unsigned int sum_end,
		 struct can_frame *f)
{
	if (!extra) {
		return;
	}
	if (extra->counter) {
		/* the field keeps the low bits: it wraps at its size */
		dbc_set_raw(extra->counter, f->data, f->len, (int64_t)*counter);
		++*counter;
	}
	if (extra->checksum && extra->kind != CHECKSUM_NONE) {
		dbc_set_raw(extra->checksum, f->data, f->len,
			    checksum(extra->kind, f, sum_from, sum_end));
	}
}

/* ---- sending ---- */

static uint8_t frame_len(const struct dbc_message *m)
{
	static const uint8_t fd_len[] = { 12, 16, 20, 24, 32, 48, 64 };

	if (m->len <= 8) {
		return (uint8_t)m->len;
	}
	for (size_t i = 0; i < sizeof(fd_len); i++) {
		if (m->len <= fd_len[i]) {
			return fd_len[i];
		}
	}
	return 64;
}

void ecu_blank_frame(const struct ecu_bus_state *b, const struct dbc_message *m,
		     struct can_frame *f)
{
	*f = (struct can_frame){ .id = m->id, .len = frame_len(m) };
	f->flags = m->ext ? CAN_EXT : 0;
	if (m->fd) {
		f->flags |= CAN_FD;
		f->flags |= m->brs && b->cfg.fd_bit_rate ? CAN_BRS : 0;
	}
	for (size_t i = 0; i < m->n_signals; i++) {
		const struct dbc_signal *s = &m->signal[i];

		if (s->has_start_value && s->mux_parent < 0) {
			dbc_set_raw(s, f->data, m->len,
				    dbc_to_raw(s, s->start_value));
		}
	}
}

static void sample_one(struct sent_signal *s, double var)
{
	const struct ecu_source *src = s->src;

	s->var = var;
	if (src->n_map == 0) {
		s->raw = dbc_to_raw(s->sig, var * src->scale + src->offset);
		s->sampled = true;
		return;
	}
	for (size_t i = 0; i < src->n_map; i++) {
		if (fabs(src->map[i].var - var) < 1e-9) {
			s->raw = dbc_to_raw(s->sig, src->map[i].signal);
			s->sampled = true;
			return;
		}
	}
	/* no pair for this value: what was sent before stays */
}

static void distort(struct sent_signal *s)
{
	struct distortion *w = s->wrong;
	double by = w->amount;

	if (w->how == ECU_STUCK) {
		s->raw = w->raw;
		return;
	}
	if (w->how == ECU_NOISE) {
		by *= av_rand_gauss(&w->rand);
	}
	s->raw = dbc_to_raw(s->sig, dbc_to_phys(s->sig, s->raw) + by);
}

void ecu_sample(struct ecu_msg *m)
{
	const struct ecus *e = m->b->e;

	if (m->sampled == e->n_states) {
		return;
	}
	m->sampled = e->n_states;
	for (size_t i = 0; i < m->n_sigs; i++) {
		struct sent_signal *s = &m->sig[i];
		double var = e->state.v[s->src->var];

		if (!s->sampled || var != s->var || s->wrong) {
			sample_one(s, var);
			if (s->wrong) {
				distort(s);
			}
		}
	}
}

bool ecu_changed(struct ecu_msg *m)
{
	for (size_t i = 0; i < m->n_sigs; i++) {
		struct sent_signal *s = &m->sig[i];

		if (!s->sampled || (s->ever_sent && s->raw == s->sent)) {
			continue;
		}
		for (size_t p = 0; s->paged && p < m->n_pages; p++) {
			if (m->page[p] == s->page) {
				m->at_page = p;
			}
		}
		return true;
	}
	return false;
}

void ecu_pack(struct ecu_msg *m, struct can_frame *f)
{
	*f = m->frame;
	ecu_sample(m);
	if (m->selector && m->n_pages > 0) {
		dbc_set_raw(m->selector, f->data, sizeof(f->data),
			    (int64_t)m->page[m->at_page]);
		m->at_page = (m->at_page + 1) % m->n_pages;
	}
	for (size_t i = 0; i < m->n_sigs; i++) {
		struct sent_signal *s = &m->sig[i];

		if (!s->sampled ||
		    (s->sig->mux_parent >= 0 &&
		     !dbc_signal_present(s->sig, f->data, f->len))) {
			continue;
		}
		dbc_set_raw(s->sig, f->data, sizeof(f->data), s->raw);
		s->sent = s->raw;
		s->ever_sent = true;
	}
	ecu_protect(m->extra, &m->counter, m->sum_from, m->sum_end, f);
}

/* ---- obeying ---- */

static void obey_one(struct ecu_bus_state *b, const struct ecu_request *r,
		     double phys)
{
	if (r->n_map == 0) {
		cmdq_post_actuate(b->e->cmdq, r->var,
				  phys * r->scale + r->offset);
		return;
	}
	for (size_t i = 0; i < r->n_map; i++) {
		if (fabs(r->map[i].signal - phys) <
		    0.5 * fabs(r->signal->factor)) {
			cmdq_post_actuate(b->e->cmdq, r->var, r->map[i].var);
			return;
		}
	}
	/* a value that asks for nothing ("no request") */
}

/* All ones; a single bit has no value to spare for it. */
static bool asks_nothing(const struct dbc_signal *s, int64_t raw)
{
	return s->len > 1 && s->len < 64 && !s->is_signed &&
	       raw == (INT64_C(1) << s->len) - 1;
}

void ecu_obey(struct ecu_bus_state *b, const struct can_frame *f,
	      const struct dbc_signal *only)
{
	const struct dbc_message *m;

	if (!b->e->sim || !b->e->cmdq || b->cfg.n_requests == 0 ||
	    f->flags & (CAN_RTR | CAN_ERR)) {
		return;
	}
	m = dbc_by_id(b->cfg.dbc, f->id, f->flags & CAN_EXT);
	for (size_t i = 0; m && i < b->cfg.n_requests; i++) {
		const struct ecu_request *r = &b->cfg.request[i];

		int64_t raw;

		if (r->signal->msg != m || (only && only != r->signal) ||
		    !dbc_signal_present(r->signal, f->data, f->len)) {
			continue;
		}
		raw = dbc_get_raw(r->signal, f->data, f->len);
		if (!asks_nothing(r->signal, raw)) {
			obey_one(b, r, dbc_to_phys(r->signal, raw));
		}
	}
}
