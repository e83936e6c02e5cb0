/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/vtime.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t vtime_format(vtime t, char *buf)
{
	uint64_t a = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
	char tmp[VTIME_STR_MAX];
	size_t n = 0, len = 0;

	for (int i = 0; i < 9; i++) {
		tmp[n++] = (char)('0' + a % 10);
		a /= 10;
	}
	tmp[n++] = '.';
	do {
		tmp[n++] = (char)('0' + a % 10);
		a /= 10;
	} while (a > 0);
	if (t < 0) {
		tmp[n++] = '-';
	}
	while (n > 0) {
		buf[len++] = tmp[--n];
	}
	buf[len] = '\0';
	return len;
}

vtime vtime_from_s(double s)
{
	double ns = s * 1e9;

	if (isnan(ns)) {
		return 0;
	}
	if (ns >= 9.2e18) {
		return VT_NEVER;
	}
	if (ns <= -9.2e18) {
		return -VT_NEVER;
	}
	return (vtime)llround(ns);
}

static const struct {
	const char *name;
	int64_t ns;
} time_units[] = {
	{ "", VT_S },	      { "s", VT_S },	    { "ms", VT_MS },
	{ "us", VT_US },      { "ns", 1 },	    { "min", 60 * VT_S },
	{ "h", 3600 * VT_S },
};

int vtime_parse(const char *s, vtime *out)
{
	const char *unit;
	uint64_t whole = 0, frac = 0, frac_div = 1;
	bool neg = false;
	size_t digits = 0;
	int64_t scale = 0;

	if (*s == '-' || *s == '+') {
		neg = *s++ == '-';
	}
	for (; isdigit((unsigned char)*s); s++, digits++) {
		if (whole > UINT64_MAX / 20) {
			return -ERANGE;
		}
		whole = whole * 10 + (uint64_t)(*s - '0');
	}
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++, digits++) {
			if (frac_div < 1000000000) {
				frac = frac * 10 + (uint64_t)(*s - '0');
				frac_div *= 10;
			}
		}
	}
	if (digits == 0) {
		return -EINVAL;
	}
	while (*s == ' ') {
		s++;
	}
	unit = s;
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]);
	     i++) {
		if (!strcmp(unit, time_units[i].name)) {
			scale = time_units[i].ns;
		}
	}
	if (scale == 0) {
		return -EINVAL;
	}
	if (whole > (uint64_t)(INT64_MAX / scale) - 1) {
		return -ERANGE;
	}
	/* frac < frac_div <= 1e9 and scale <= 3.6e12: no overflow in 128 bit */
	whole = whole * (uint64_t)scale +
		(uint64_t)((unsigned __int128)frac * (uint64_t)scale /
			   frac_div);
	*out = neg ? -(vtime)whole : (vtime)whole;
	return 0;
}
