/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and unpacking by the compiled tables.
 *
 * A field of up to 64 bits is read with one load of 8 bytes from the first byte
 * it touches, a byte swap if it is big endian, a shift and a mask; the sign is
 * extended by (x ^ s) - s. Only a field that touches a ninth byte needs a
 * second load. Frames of up to 8 bytes are two words, one per byte order, and
 * their signals shifts of these: no memory is touched per signal but its plan.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <math.h>
#include <string.h>

#define PAD 9 /* bytes a load may touch from the first byte of a field */

static uint64_t load_le(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static void store_le(uint8_t *p, uint64_t x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	memcpy(p, &x, sizeof(x));
}

void dbc_plan_signal(const struct dbc_signal *s, struct sig_plan *p)
{
	unsigned int first = s->start / 8u, bit = s->start % 8u;
	unsigned int over = s->big_endian ? 7 - bit : bit; /* bits before it */

	*p = (struct sig_plan){ .factor = s->factor, .offset = s->offset };
	p->mask = s->len == 64 ? UINT64_MAX : (UINT64_C(1) << s->len) - 1;
	p->sign = s->is_signed ? UINT64_C(1) << (s->len - 1) : 0;
	p->lo = s->is_signed ? -ldexp(1, s->len - 1) : 0;
	p->hi = (s->is_signed ? ldexp(1, s->len - 1) : ldexp(1, s->len)) - 1;
	p->len = (uint8_t)s->len;
	p->byte = (uint8_t)first;
	p->need = (uint16_t)(first + (over + s->len + 7) / 8);
	p->field = FIELD_PLAIN;
	if (over + s->len > 64) {
		p->field = FIELD_WIDE;
		/* big: bits of the ninth byte that belong to the field */
		p->shift = (uint8_t)(s->big_endian ? over + s->len - 64 : over);
	} else {
		p->shift = (uint8_t)(s->big_endian ? 64 - over - s->len : over);
		if (s->len == 64 && !s->is_signed) {
			p->field = FIELD_U64;
		}
	}
	if (s->type == DBC_FLOAT) {
		p->field = FIELD_FLOAT;
	} else if (s->type == DBC_DOUBLE) {
		p->field = FIELD_DOUBLE;
	}
	p->word8 = s->big_endian;
	if (p->need <= 8) {
		p->shift8 =
			(uint8_t)(s->big_endian ? 64 - 8 * first - over - s->len
						: s->start);
	}
}

static const struct sig_plan *plan_of(const struct dbc_signal *s)
{
	const struct msg_plan *m = s->msg->plan;

	return &m->sig[s - s->msg->signal];
}

/* The field's bits from @q, its first byte, of which PAD can be read. */
static uint64_t field_bits(const struct sig_plan *p, const uint8_t *q)
{
	uint64_t x = load_le(q);
	bool nine = p->need > p->byte + 8u;

	if (p->word8) {
		x = __builtin_bswap64(x);
		x = nine ? x << p->shift | q[8] >> (8 - p->shift)
			 : x >> p->shift;
	} else {
		x >>= p->shift;
		if (nine) {
			x |= (uint64_t)q[8] << (64 - p->shift);
		}
	}
	return x & p->mask;
}

static void put_bits(const struct sig_plan *p, uint8_t *q, uint64_t v)
{
	uint64_t x = load_le(q), mask = p->mask;
	bool nine = p->need > p->byte + 8u;
	unsigned int k = p->shift;

	v &= mask;
	if (!p->word8) {
		x = (x & ~(mask << k)) | v << k;
		store_le(q, x);
		if (nine) {
			q[8] = (uint8_t)((q[8] & ~(mask >> (64 - k))) |
					 v >> (64 - k));
		}
		return;
	}
	x = __builtin_bswap64(x);
	if (nine) {
		x = (x & ~(mask >> k)) | v >> k;
		q[8] = (uint8_t)((q[8] & (0xFFu >> k)) | (v << (8 - k) & 0xFF));
	} else {
		x = (x & ~(mask << k)) | v << k;
	}
	store_le(q, __builtin_bswap64(x));
}

static int64_t extend(const struct sig_plan *p, uint64_t x)
{
	return (int64_t)((x ^ p->sign) - p->sign);
}

/* The field's bits in a frame of @len bytes; 0 where there are none. */
static uint64_t frame_field(const struct sig_plan *p, const uint8_t *data,
			    size_t len)
{
	uint8_t tmp[PAD] = { 0 };

	if ((size_t)p->byte + PAD <= len) {
		return field_bits(p, data + p->byte);
	}
	if (p->byte < len) {
		memcpy(tmp, data + p->byte, len - p->byte);
	}
	return field_bits(p, tmp);
}

static int64_t raw_of_bits(const struct sig_plan *p, uint64_t x)
{
	return p->field == FIELD_FLOAT || p->field == FIELD_DOUBLE
		       ? (int64_t)x
		       : extend(p, x);
}

int64_t dbc_get_raw(const struct dbc_signal *s, const uint8_t *data, size_t len)
{
	const struct sig_plan *p = plan_of(s);

	return raw_of_bits(p, frame_field(p, data, len));
}

void dbc_set_raw(const struct dbc_signal *s, uint8_t *data, size_t len,
		 int64_t raw)
{
	const struct sig_plan *p = plan_of(s);
	uint8_t tmp[PAD] = { 0 };
	size_t n;

	if ((size_t)p->byte + PAD <= len) {
		put_bits(p, data + p->byte, (uint64_t)raw);
		return;
	}
	if (p->byte >= len) {
		return;
	}
	n = len - p->byte;
	memcpy(tmp, data + p->byte, n);
	put_bits(p, tmp, (uint64_t)raw);
	memcpy(data + p->byte, tmp, n);
}

/* ---- raw <-> physical ---- */

static double phys_of(const struct sig_plan *p, int64_t raw)
{
	double v;

	switch ((enum dbc_field)p->field) {
	case FIELD_FLOAT: {
		uint32_t bits = (uint32_t)raw;
		float f;

		memcpy(&f, &bits, sizeof(f));
		v = (double)f;
		break;
	}
	case FIELD_DOUBLE:
		memcpy(&v, &raw, sizeof(v));
		break;
	default:
		v = p->sign == 0 && p->len == 64 ? (double)(uint64_t)raw
						 : (double)raw;
		break;
	}
	return v * p->factor + p->offset;
}

/* Nearest integer, ties to even, for |v| < 2^51 (default rounding mode). */
static double nearest(double v)
{
	const double magic = 6755399441055744.0; /* 1.5 * 2^52 */

	return v + magic - magic;
}

static int64_t raw_of_int(const struct sig_plan *p, double v)
{
	if (!(v > p->lo)) { /* also NaN */
		v = v == v ? p->lo : 0;
	} else if (v > p->hi) {
		v = p->hi;
	}
	if (p->len <= 48) {
		return (int64_t)nearest(v);
	}
	v = rint(v);
	/* as doubles, the upper limits of wide fields are one too high */
	if (p->sign) {
		return v >= ldexp(1, p->len - 1) ? (int64_t)(p->sign - 1)
						 : (int64_t)v;
	}
	return v >= ldexp(1, p->len) ? (int64_t)p->mask : (int64_t)(uint64_t)v;
}

static int64_t raw_of(const struct sig_plan *p, double phys)
{
	double v = (phys - p->offset) / p->factor;
	uint32_t bits;
	int64_t raw;
	float f;

	switch ((enum dbc_field)p->field) {
	case FIELD_FLOAT:
		f = (float)v;
		memcpy(&bits, &f, sizeof(bits));
		return bits;
	case FIELD_DOUBLE:
		memcpy(&raw, &v, sizeof(raw));
		return raw;
	default:
		return raw_of_int(p, v);
	}
}

double dbc_to_phys(const struct dbc_signal *s, int64_t raw)
{
	return phys_of(plan_of(s), raw);
}

int64_t dbc_to_raw(const struct dbc_signal *s, double phys)
{
	return raw_of(plan_of(s), phys);
}

const char *dbc_label_of(const struct dbc_signal *s, int64_t raw)
{
	size_t lo = 0, hi = s->n_labels;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->label[mid].raw < raw) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo < s->n_labels && s->label[lo].raw == raw ? s->label[lo].text
							   : NULL;
}

/* ---- whole frames ---- */

static bool selected(const struct dbc_signal *s, uint64_t selector)
{
	for (size_t i = 0; i < s->n_mux_ranges; i++) {
		if (selector >= s->mux_range[i].lo &&
		    selector <= s->mux_range[i].hi) {
			return true;
		}
	}
	return false;
}

bool dbc_signal_present(const struct dbc_signal *s, const uint8_t *data,
			size_t len)
{
	const struct dbc_message *m = s->msg;

	if (plan_of(s)->need > len) {
		return false;
	}
	while (s->mux_parent >= 0) {
		const struct dbc_signal *sel = &m->signal[s->mux_parent];
		const struct sig_plan *p = plan_of(sel);

		if (p->need > len || !selected(s, frame_field(p, data, len))) {
			return false;
		}
		s = sel;
	}
	return true;
}

void dbc_signal_bytes(const struct dbc_signal *s, unsigned int *from,
		      unsigned int *end)
{
	const struct sig_plan *p = plan_of(s);

	*from = p->byte;
	*end = p->need;
}

/* 8 bytes, only plain integers, nothing multiplexed: nearly all there is. */
static void decode_short(const struct sig_plan *restrict p, size_t n,
			 uint64_t little, double *restrict phys,
			 int64_t *restrict raw)
{
	const uint64_t word[2] = { little, __builtin_bswap64(little) };

	for (size_t i = 0; i < n; i++, p++) {
		int64_t v = extend(p, word[p->word8] >> p->shift8 & p->mask);

		phys[i] = (double)v * p->factor + p->offset;
		if (raw) {
			raw[i] = v;
		}
	}
}

#define FRAME_MAX 64
#define FRAME_PADDED (FRAME_MAX + 64) /* start bit 511 and 64 bits more */

size_t dbc_decode(const struct dbc_message *m, const uint8_t *data, size_t len,
		  double *phys, int64_t *raw)
{
	const struct msg_plan *mp = m->plan;
	uint8_t buf[FRAME_PADDED] = { 0 };
	size_t n = 0;

	if (mp->short_plain && len >= 8) {
		decode_short(mp->sig, m->n_signals, load_le(data), phys, raw);
		return m->n_signals;
	}
	len = len < FRAME_MAX ? len : FRAME_MAX;
	if (len > 0) {
		memcpy(buf, data, len);
	}
	if (mp->short_plain && len >= mp->need) {
		decode_short(mp->sig, m->n_signals, load_le(buf), phys, raw);
		return m->n_signals;
	}
	for (size_t k = 0; k < m->n_signals; k++) {
		size_t i = mp->mux_order ? mp->mux_order[k] : k;
		const struct dbc_signal *s = &m->signal[i];
		const struct sig_plan *p = &mp->sig[i];
		bool there = p->need <= len;
		uint64_t x;

		/* an absent selector has left a NaN; integers never are one */
		if (there && s->mux_parent >= 0) {
			const struct sig_plan *sel = &mp->sig[s->mux_parent];

			there = !isnan(phys[s->mux_parent]) &&
				selected(s, field_bits(sel, buf + sel->byte));
		}
		x = there ? field_bits(p, buf + p->byte) : 0;
		if (raw) {
			raw[i] = raw_of_bits(p, x);
		}
		phys[i] = there ? phys_of(p, raw_of_bits(p, x)) : NAN;
		n += there;
	}
	return n;
}

static void encode_short(const struct sig_plan *restrict p, size_t n,
			 const double *restrict phys, uint8_t *data, size_t len)
{
	uint64_t word[2] = { 0 };
	uint8_t buf[8];

	for (size_t i = 0; i < n; i++, p++) {
		double v = (phys[i] - p->offset) / p->factor;

		if (v == v) {
			uint64_t x = (uint64_t)raw_of_int(p, v);

			word[p->word8] |= (x & p->mask) << p->shift8;
		}
	}
	word[0] |= __builtin_bswap64(word[1]);
	if (len >= 8) {
		store_le(data, word[0]);
	} else {
		store_le(buf, word[0]);
		memcpy(data, buf, len);
	}
}

/* Whether signal @i is in the frame, given the selectors' values. */
static bool is_selected(const struct dbc_message *m, size_t i,
			const double *phys)
{
	const struct msg_plan *mp = m->plan;

	for (int up = m->signal[i].mux_parent; up >= 0;
	     up = m->signal[i].mux_parent) {
		const struct sig_plan *sel = &mp->sig[up];

		if (isnan(phys[up]) ||
		    !selected(&m->signal[i],
			      (uint64_t)raw_of(sel, phys[up]) & sel->mask)) {
			return false;
		}
		i = (size_t)up;
	}
	return true;
}

void dbc_encode(const struct dbc_message *m, const double *phys, uint8_t *data)
{
	const struct msg_plan *mp = m->plan;
	uint8_t buf[FRAME_PADDED] = { 0 };

	memset(data, 0, m->len);
	if (mp->short_plain && mp->disjoint && mp->need <= m->len) {
		encode_short(mp->sig, m->n_signals, phys, data,
			     m->len < 8 ? m->len : 8);
		return;
	}
	for (size_t i = 0; i < m->n_signals; i++) {
		const struct sig_plan *p = &mp->sig[i];

		if (!isnan(phys[i]) && is_selected(m, i, phys)) {
			put_bits(p, buf + p->byte,
				 (uint64_t)raw_of(p, phys[i]));
		}
	}
	memcpy(data, buf, m->len < FRAME_MAX ? m->len : FRAME_MAX);
}
