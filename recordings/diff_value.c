/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equality of values. Without abs and rel it is identity of the canonical text
 * (of the bits of a number, all NaNs being one). With them, texts are cut into
 * columns at the separators of the canonical forms (tab, comma, space, brackets,
 * '='), separators must agree, and columns are equal as text or, where both are
 * numbers, within tolerance.
 */
#include "config.h"

#include "recordings/diff_int.h"

#include "recordings/rec_int.h"
#include "sim/core/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool diff_num_same(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

bool diff_num_within(const struct tolerance *t, double a, double b)
{
	double big = fmax(fabs(a), fabs(b));
	double limit = fmax(t->abs, t->rel * big);

	if (a == b || (isnan(a) && isnan(b))) {
		return true;
	}
	if (isnan(a) || isnan(b) || isinf(a) || isinf(b)) {
		return false;
	}
	if (limit == 0) {
		return false;
	}
	return fabs(a - b) <= limit + 2 * DBL_EPSILON * big;
}

double diff_num_delta(double a, double b)
{
	if (a == b || (isnan(a) && isnan(b))) {
		return 0;
	}
	if (isnan(a) || isnan(b)) {
		return INFINITY;
	}
	return fabs(a - b);
}

static bool is_separator(char c)
{
	return c == '\t' || c == ',' || c == ' ' || c == '[' || c == ']' ||
	       c == '=';
}

/* Hex and opaque data look like numbers now and then. */
static bool has_numbers(enum rec_channel ch)
{
	return ch != REC_CAN && ch != REC_CAMERA && ch != REC_AUDIO;
}

static size_t token_len(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && !is_separator(*p)) {
		p++;
	}
	return (size_t)(p - start);
}

/* CMP_DIFFERENT goes on to the end for the sake of *delta. */
static enum diff_cmp text_cmp(const struct tolerance *t, const char *a,
			      size_t na, const char *b, size_t nb,
			      double *delta)
{
	const char *ea = a + na, *eb = b + nb;
	enum diff_cmp ret = CMP_WITHIN;

	for (;;) {
		size_t la = token_len(a, ea), lb = token_len(b, eb);
		double x, y;

		if (la != lb || memcmp(a, b, la) != 0) {
			if (av_num_parse(a, la, &x) < 0 ||
			    av_num_parse(b, lb, &y) < 0) {
				ret = CMP_DIFFERENT;
			} else {
				*delta = isnan(*delta) ?
						 diff_num_delta(x, y) :
						 fmax(*delta,
						      diff_num_delta(x, y));
				if (!diff_num_within(t, x, y)) {
					ret = CMP_DIFFERENT;
				}
			}
		}
		a += la;
		b += lb;
		if (a == ea || b == eb) {
			return a == ea && b == eb ? ret : CMP_DIFFERENT;
		}
		if (*a++ != *b++) {
			return CMP_DIFFERENT;
		}
	}
}

static enum diff_cmp num_cmp(const struct tolerance *t, double a, double b,
			     double *delta)
{
	if (diff_num_same(a, b) || (isnan(a) && isnan(b))) {
		*delta = 0;
		return CMP_EQUAL;
	}
	*delta = diff_num_delta(a, b);
	/* without a tolerance 0 and -0 are two: their texts differ */
	if (t->abs == 0 && t->rel == 0) {
		return CMP_DIFFERENT;
	}
	return diff_num_within(t, a, b) ? CMP_WITHIN : CMP_DIFFERENT;
}

enum diff_cmp diff_value_cmp(const struct diff_stream *s,
			     const struct diff_item *a,
			     const struct diff_item *b, double *delta)
{
	const struct tolerance *t = &s->k.tol;
	enum diff_cmp ret;

	*delta = NAN;
	if (a->kind != b->kind) {
		return CMP_DIFFERENT;
	}
	if (a->kind == DIFF_NUM) {
		return num_cmp(t, a->num, b->num, delta);
	}
	if (a->len == b->len && !memcmp(item_val(a), item_val(b), a->len)) {
		return CMP_EQUAL;
	}
	if (a->kind == DIFF_FRAME || !has_numbers(s->k.ch)) {
		return CMP_DIFFERENT;
	}
	ret = text_cmp(t, item_val(a), a->len, item_val(b), b->len, delta);
	return t->abs > 0 || t->rel > 0 ? ret : CMP_DIFFERENT;
}

void diff_item_view(struct diff_item *i, const struct diff_rec *r)
{
	i->t = r->t;
	i->pos = r->pos;
	i->num = r->num;
	i->len = r->len;
	i->kind = (uint8_t)r->kind;
	i->gone = false;
	if (r->len <= ITEM_INLINE) {
		memcpy(i->u.in, r->val ? r->val : "", r->len);
	} else {
		i->u.heap = (char *)(uintptr_t)r->val;
	}
}

/* See diff_rec.c: flags, length, data. */
static char *frame_text(const struct diff_item *i)
{
	const char *p = item_val(i);
	char buf[REC_CAN_TEXT_MAX];
	struct can_frame f = { .flags = (uint8_t)p[0], .len = (uint8_t)p[1] };

	memcpy(f.data, p + 2, i->len - 2);
	rec_can_text(&f, buf);
	return strdup(buf);
}

char *diff_item_text(const struct diff_item *i)
{
	char buf[DIFF_TEXT_MAX];

	if (i->kind == DIFF_FRAME) {
		return frame_text(i);
	}
	if (i->kind == DIFF_NUM) {
		av_num_text(i->num, buf);
	} else if (i->len < sizeof(buf)) {
		memcpy(buf, item_val(i), i->len);
		buf[i->len] = '\0';
	} else {
		memcpy(buf, item_val(i), sizeof(buf) - 4);
		strcpy(buf + sizeof(buf) - 4, "...");
	}
	return strdup(buf);
}

static double text_as_nan(const char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	double v;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	}
	/* quiet NaN; the lowest bit set keeps it apart from a real "nan" */
	h = 0x7ff8000000000000u | (h & 0x0007fffffffffffeu) | 1;
	memcpy(&v, &h, sizeof(v));
	return v;
}

size_t diff_value_nums(const struct diff_rec *r, double *out, size_t max,
		       bool *all_num)
{
	const char *p = r->val, *end = r->val + r->len;
	size_t n = 0;

	*all_num = true;
	if (r->kind == DIFF_NUM) {
		out[0] = isnan(r->num) ? (double)NAN : r->num;
		return 1;
	}
	*all_num = r->kind == DIFF_TEXT && r->len > 0;
	while (p < end) {
		size_t len = token_len(p, end);

		if (len > 0) {
			if (n == max) {
				*all_num = false;
				break;
			}
			if (av_num_parse(p, len, &out[n]) < 0) {
				out[n] = text_as_nan(p, len);
				*all_num = false;
			}
			n++;
		}
		p += len + (p + len < end);
	}
	*all_num = *all_num && n > 0;
	return n;
}
