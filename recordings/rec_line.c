/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical text of records. It depends on what was recorded and on nothing
 * else; a record is always one line, whatever its texts hold.
 */
#include "config.h"

#include "recordings/rec_int.h"
#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789ABCDEF";

/* ---- CAN ---- */

#define CAN_ERR_FLAG 0x20000000u /* as candump shows an error frame's id */

size_t rec_can_key(const struct can_frame *f, const char *bus, char *buf)
{
	size_t len = strnlen(bus, REC_CAN_KEY_MAX - 12);
	uint32_t id = f->id;
	int digits = 3;

	memcpy(buf, bus, len);
	buf[len++] = ':';
	if (f->flags & CAN_ERR) {
		id |= CAN_ERR_FLAG;
	}
	if ((f->flags & (CAN_EXT | CAN_ERR)) || id > 0x7ff) {
		digits = 8;
	}
	for (int i = digits - 1; i >= 0; i--) {
		buf[len++] = hex_digits[id >> (4 * i) & 15];
	}
	buf[len] = '\0';
	return len;
}

size_t rec_can_text(const struct can_frame *f, char *buf)
{
	size_t n = 0;

	if (f->flags & CAN_FD) {
		buf[n++] = '#';
		buf[n++] = '#';
		buf[n++] = (char)('0' + ((f->flags & CAN_BRS) ? 1 : 0) +
				  ((f->flags & CAN_ESI) ? 2 : 0));
	} else if (f->flags & CAN_RTR) {
		buf[n++] = 'R';
		if (f->len > 0) {
			buf[n++] = (char)('0' + f->len);
		}
		buf[n] = '\0';
		return n;
	}
	for (size_t i = 0; i < f->len; i++) {
		buf[n++] = hex_digits[f->data[i] >> 4];
		buf[n++] = hex_digits[f->data[i] & 15];
	}
	buf[n] = '\0';
	return n;
}

/* ---- values ---- */

static const double ten_to[] = { 1e0, 1e1, 1e2, 1e3, 1e4,  1e5,	 1e6,
				 1e7, 1e8, 1e9, 1e10, 1e11, 1e12 };

/*
 * A decimal m / 10^k with m < 2^53 and an exact power is one division away from
 * the double nearest to it: the first k that gives @v back has the fewest
 * digits. What is too large (past 2^24 an integer may be longer than it need
 * be) or too small for that goes through its text.
 */
double rec_float_decimal(float v)
{
	double a = fabs((double)v);
	char buf[AV_NUM_TEXT_MAX];

	if (!isfinite(v) || a > 0x1p24 || (a < 1e-4 && a > 0)) {
		double d = (double)v;

		av_num_parse(buf, av_f32_text(v, buf), &d);
		return d;
	}
	for (size_t k = 0; k < sizeof(ten_to) / sizeof(ten_to[0]); k++) {
		double d = nearbyint(a * ten_to[k]) / ten_to[k];

		if ((float)d == (float)a) {
			return copysign(d, (double)v);
		}
	}
	return (double)v;
}

static int reserve(struct rec_text *b, size_t more)
{
	size_t want = b->len + more + 1;
	char *p;

	if (want <= b->room) {
		return 0;
	}
	want += want / 2 + 64;
	p = realloc(b->buf, want);
	if (!p) {
		return -ENOMEM;
	}
	b->buf = p;
	b->room = want;
	return 0;
}

static void put_escape(struct rec_text *b, unsigned char c)
{
	static const char named[] = "\tt\nn\rr";
	const char *n = c ? strchr(named, c) : NULL;

	b->buf[b->len++] = '\\';
	if (n) {
		b->buf[b->len++] = n[1];
	} else {
		b->buf[b->len++] = 'x';
		b->buf[b->len++] = hex_digits[c >> 4];
		b->buf[b->len++] = hex_digits[c & 15];
	}
}

int rec_clean_text(struct rec_text *b, const char *text, size_t len, bool tabs)
{
	if (reserve(b, len * 4) < 0) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c >= 0x20 && c != 0x7f) || (c == '\t' && tabs)) {
			b->buf[b->len++] = (char)c;
		} else {
			put_escape(b, c);
		}
	}
	b->buf[b->len] = '\0';
	return 0;
}

static int put_value(struct rec_text *b, const struct rec_value *v)
{
	if (v->type == VALUE_TEXT) {
		return rec_clean_text(b, v->text, v->len, true);
	}
	if (reserve(b, AV_NUM_TEXT_MAX) < 0) {
		return -ENOMEM;
	}
	if (v->type == VALUE_INT) {
		b->len += (size_t)snprintf(b->buf + b->len, AV_NUM_TEXT_MAX,
					   "%lld", (long long)v->i);
	} else if (v->type == VALUE_REAL) {
		b->len += av_num_text(v->d, b->buf + b->len);
	} else {
		b->buf[b->len] = '\0';
	}
	return 0;
}

static int put_tab(struct rec_text *b)
{
	if (reserve(b, 1) < 0) {
		return -ENOMEM;
	}
	b->buf[b->len++] = '\t';
	b->buf[b->len] = '\0';
	return 0;
}

/* A property's status comes before its value, a command's error after it. */
int rec_value_text(struct rec_text *b, enum rec_channel ch,
		   const struct rec_value *v, const char *note, size_t note_len)
{
	b->len = 0;
	if (!note) {
		return put_value(b, v);
	}
	if (ch == REC_VHAL) {
		if (rec_clean_text(b, note, note_len, false) < 0) {
			return -ENOMEM;
		}
		return v->type == VALUE_NONE ? 0 :
		       put_tab(b) < 0	     ? -ENOMEM :
					       put_value(b, v);
	}
	if (put_value(b, v) < 0 || put_tab(b) < 0) {
		return -ENOMEM;
	}
	return rec_clean_text(b, note, note_len, false);
}

int rec_values_text(struct rec_text *b, const double *v, size_t n)
{
	b->len = 0;
	if (reserve(b, n * (AV_NUM_TEXT_MAX + 1)) < 0) {
		return -ENOMEM;
	}
	b->buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i > 0) {
			b->buf[b->len++] = '\t';
		}
		b->len += av_num_text(v[i], b->buf + b->len);
	}
	return 0;
}

/* ---- lines ---- */

size_t rec_line(const struct rec_record *rec, char *buf, size_t size)
{
	const char *channel = rec_channel_names[rec->ch];
	const char *text = rec->text ? rec->text : "";
	char t[VTIME_STR_MAX];
	const struct {
		const char *p;
		size_t len;
	} part[] = {
		{ t, vtime_format(rec->t, t) }, { "\t", 1 },
		{ channel, strlen(channel) },	{ "\t", 1 },
		{ rec->key, strlen(rec->key) }, { "\t", 1 },
		{ text, strlen(text) },		{ "\n", 1 },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		if (n < size) {
			size_t fit = size - n < part[i].len ? size - n :
							      part[i].len;

			memcpy(buf + n, part[i].p, fit);
		}
		n += part[i].len;
	}
	if (size > 0) {
		buf[n < size ? n : size - 1] = '\0';
	}
	return n;
}
