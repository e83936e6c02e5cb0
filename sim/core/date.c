/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/date.h"

#include <errno.h>
#include <stdio.h>

/* After H. Hinnant's derivation: years begin in March. */
int64_t av_days_from_civil(int y, int m, int d)
{
	int64_t yy = y - (m <= 2), era, yoe, doy;

	era = (yy >= 0 ? yy : yy - 399) / 400;
	yoe = yy - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void av_civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe =
		(doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

bool av_civil_ok(int y, int m, int d)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30,
					  31, 31, 30, 31, 30, 31 };
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return y >= 1970 && y <= 2199 && m >= 1 && m <= 12 && d >= 1 &&
	       d <= month_days[m - 1] && (m != 2 || d < 29 || leap);
}

/* @n digits at *s, moved behind them; -1 if there are fewer. */
static int digits(const char **s, const char *end, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (*s == end || **s < '0' || **s > '9') {
			return -1;
		}
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool skip(const char **s, const char *end, char a, char b)
{
	if (*s < end && (**s == a || **s == b)) {
		(*s)++;
		return true;
	}
	return false;
}

int av_iso_parse(const char *s, size_t len, int64_t *unix_ns)
{
	const char *end = s + len;
	int y, mo, d, h, mi, sec, zh = 0, zm = 0, sign = 0;
	int64_t ns = 0, unit = 100000000;

	y = digits(&s, end, 4);
	if (!skip(&s, end, '-', '-') || (mo = digits(&s, end, 2)) < 0 ||
	    !skip(&s, end, '-', '-') || (d = digits(&s, end, 2)) < 0 ||
	    !skip(&s, end, 'T', ' ') || (h = digits(&s, end, 2)) < 0 ||
	    !skip(&s, end, ':', ':') || (mi = digits(&s, end, 2)) < 0 ||
	    !skip(&s, end, ':', ':') || (sec = digits(&s, end, 2)) < 0) {
		return -EINVAL;
	}
	if (skip(&s, end, '.', ',')) {
		if (s == end || *s < '0' || *s > '9') {
			return -EINVAL;
		}
		for (; s < end && *s >= '0' && *s <= '9'; s++, unit /= 10) {
			ns += (*s - '0') * unit;
		}
	}
	if (s < end && (*s == '+' || *s == '-')) {
		sign = *s++ == '+' ? 1 : -1;
		zh = digits(&s, end, 2);
		skip(&s, end, ':', ':');
		zm = digits(&s, end, 2);
	} else {
		skip(&s, end, 'Z', 'z');
	}
	if (s != end || !av_civil_ok(y, mo, d) || h > 23 || mi > 59 ||
	    sec > 60 || zh < 0 || zh > 23 || zm < 0 || zm > 59) {
		return -EINVAL;
	}
	*unix_ns = (((av_days_from_civil(y, mo, d) * 24 + h - sign * zh) * 60 +
		     mi - sign * zm) *
			    60 +
		    sec) * INT64_C(1000000000) +
		   ns;
	return 0;
}

void av_iso_format(int64_t unix_ms, char *buf)
{
	int64_t day = unix_ms / 86400000, ms = unix_ms % 86400000;
	int y, mo, d;

	if (ms < 0) {
		ms += 86400000;
		day--;
	}
	av_civil_from_days(day, &y, &mo, &d);
	snprintf(buf, AV_ISO_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, mo,
		 d, (int)(ms / 3600000), (int)(ms / 60000 % 60),
		 (int)(ms / 1000 % 60), (int)(ms % 1000));
}

int av_gps_leap(int64_t unix_s)
{
	/* the days from which one more second counts */
	static const struct {
		int16_t year;
		int8_t month;
	} from[] = {
		{ 1981, 7 }, { 1982, 7 }, { 1983, 7 }, { 1985, 7 }, { 1988, 1 },
		{ 1990, 1 }, { 1991, 1 }, { 1992, 7 }, { 1993, 7 }, { 1994, 7 },
		{ 1996, 1 }, { 1997, 7 }, { 1999, 1 }, { 2006, 1 }, { 2009, 1 },
		{ 2012, 7 }, { 2015, 7 }, { 2017, 1 },
	};
	int n = 0;

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		n += unix_s >= av_days_from_civil(from[i].year, from[i].month,
						  1) * 86400;
	}
	return n;
}
