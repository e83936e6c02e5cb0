/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/text.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t not_finite(double v, char *buf)
{
	strcpy(buf, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
	return strlen(buf);
}

static size_t whole_number(double v, char *buf)
{
	uint64_t a = (uint64_t)fabs(v);
	char tmp[24];
	size_t n = 0, len = 0;

	if (signbit(v)) {
		buf[len++] = '-';
	}
	do {
		tmp[n++] = (char)('0' + a % 10);
		a /= 10;
	} while (a > 0);
	while (n > 0) {
		buf[len++] = tmp[--n];
	}
	buf[len] = '\0';
	return len;
}

size_t av_num_text(double v, char *buf)
{
	int n = 0;

	if (!isfinite(v)) {
		return not_finite(v, buf);
	}
	if (fabs(v) < 1e15 && v == trunc(v)) {
		return whole_number(v, buf);
	}
	/* subnormals have fewer digits to tell apart */
	for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
		n = snprintf(buf, AV_NUM_TEXT_MAX, "%.*g", digits, v);
		if (strtod(buf, NULL) == v) {
			break;
		}
	}
	return (size_t)n;
}

size_t av_f32_text(float v, char *buf)
{
	int n = 0;

	if (!isfinite(v)) {
		return not_finite((double)v, buf);
	}
	if (fabsf(v) < 1e7f && v == truncf(v)) {
		return whole_number((double)v, buf);
	}
	for (int digits = fabsf(v) < FLT_MIN ? 1 : 6; digits <= 9; digits++) {
		n = snprintf(buf, AV_NUM_TEXT_MAX, "%.*g", digits, (double)v);
		if (strtof(buf, NULL) == v) {
			break;
		}
	}
	return (size_t)n;
}

static const double ten_to[] = { 1e0,  1e1,  1e2,  1e3,	 1e4,  1e5,
				 1e6,  1e7,  1e8,  1e9,	 1e10, 1e11,
				 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
				 1e18, 1e19, 1e20, 1e21, 1e22 };

/* What the fast path leaves: many digits, big exponents. The text has been
 * checked, so that strtod() sees decimal numbers only. */
static int parse_slow(const char *s, size_t len, double *out)
{
	char small[64], *copy = small, *end;
	int ret = 0;
	double v;

	if (len >= sizeof(small)) {
		copy = malloc(len + 1);
		if (!copy) {
			return -EINVAL;
		}
	}
	memcpy(copy, s, len);
	copy[len] = '\0';
	v = strtod(copy, &end);
	if (end != copy + len) {
		ret = -EINVAL;
	} else {
		*out = v;
	}
	if (copy != small) {
		free(copy);
	}
	return ret;
}

static int parse_word(const char *s, size_t len, bool neg, double *out)
{
	if (len == 3 && !memcmp(s, "nan", 3)) {
		*out = NAN;
	} else if (len == 3 && !memcmp(s, "inf", 3)) {
		*out = neg ? -INFINITY : INFINITY;
	} else {
		return -EINVAL;
	}
	return 0;
}

int av_num_parse(const char *s, size_t len, double *out)
{
	const char *p = s, *end = s + len;
	uint64_t m = 0;
	int digits = 0, scale = 0, e = 0, used = 0;
	bool neg = false, eneg = false;
	double v;

	if (p < end && (*p == '-' || *p == '+')) {
		neg = *p++ == '-';
	}
	for (; p < end && *p >= '0' && *p <= '9'; p++, digits++) {
		if (used < 19) {
			m = m * 10 + (uint64_t)(*p - '0');
			used += m > 0;
		} else {
			used = 20;
		}
	}
	if (p < end && *p == '.') {
		for (p++; p < end && *p >= '0' && *p <= '9'; p++, digits++) {
			if (used < 19) {
				m = m * 10 + (uint64_t)(*p - '0');
				used += m > 0;
				scale--;
			} else {
				used = 20;
			}
		}
	}
	if (digits == 0) {
		return parse_word(p, (size_t)(end - p), neg, out);
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '-' || *p == '+')) {
			eneg = *p++ == '-';
		}
		if (p == end) {
			return -EINVAL;
		}
		for (; p < end && *p >= '0' && *p <= '9'; p++) {
			if (e < 100000) {
				e = e * 10 + (*p - '0');
			}
		}
	}
	if (p != end) {
		return -EINVAL;
	}
	scale += eneg ? -e : e;
	/* exact: both operands are exact doubles, one rounding */
	if (used > 19 || m > (UINT64_C(1) << 53) || scale < -22 || scale > 22) {
		return parse_slow(s, len, out);
	}
	v = (double)m;
	v = scale < 0 ? v / ten_to[-scale] : v * ten_to[scale];
	*out = neg ? -v : v;
	return 0;
}

bool av_glob(const char *pattern, size_t pattern_len, const char *text)
{
	const char *p = pattern, *end = pattern + pattern_len;
	const char *star = NULL, *again = NULL;

	/* only the last '*' need ever be stretched: time is O(pattern x text) */
	while (*text) {
		if (p < end && *p == '*') {
			star = ++p;
			again = text;
		} else if (p < end && (*p == '?' || *p == *text)) {
			p++;
			text++;
		} else if (star) {
			p = star;
			text = ++again;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*') {
		p++;
	}
	return p == end;
}

static bool one_matches(const char *p, size_t len, const char *channel,
			const char *key)
{
	const char *colon = memchr(p, ':', len);
	size_t n = colon ? (size_t)(colon - p) : len;

	return av_glob(p, n, channel) &&
	       (!colon || av_glob(colon + 1, len - n - 1, key));
}

bool av_glob_only(const char *only, const char *channel, const char *key)
{
	for (;;) {
		size_t len = strcspn(only, ",");

		if (len > 0 && one_matches(only, len, channel, key)) {
			return true;
		}
		if (!only[len]) {
			return false;
		}
		only += len + 1;
	}
}
