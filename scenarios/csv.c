/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files of a scenario: lines of numbers between commas. */
#include "config.h"

#include "scenarios/scenario_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of the line [@p, @end) into @row. Returns how many, -1: no number. */
static int read_row(const char *p, const char *end, size_t max, double *row)
{
	size_t n = 0;

	for (;;) {
		char buf[64], *stop;
		size_t len;

		while (p < end && (*p == ' ' || *p == '\t')) {
			p++;
		}
		len = 0;
		while (p + len < end && p[len] != ',' && p[len] != ';') {
			len++;
		}
		if (n == max || len >= sizeof(buf)) {
			return -1;
		}
		memcpy(buf, p, len);
		buf[len] = '\0';
		row[n] = strtod(buf, &stop);
		stop += strspn(stop, " \t\r");
		if (stop == buf || *stop || !isfinite(row[n])) {
			return -1;
		}
		n++;
		if (p + len == end) {
			return (int)n;
		}
		p += len + 1;
	}
}

int sc_csv(const char *name, const char *buf, size_t len, size_t min_cols,
	   size_t max_cols, struct sc_arena *mem, double (**rows)[3],
	   size_t *n_rows, struct av_diags *d)
{
	const char *p = buf, *end = buf + len;
	double(*v)[3];
	size_t lines = 1, n = 0;
	unsigned int line = 0;
	int ret = 0;

	for (size_t i = 0; i < len; i++) {
		lines += buf[i] == '\n';
	}
	v = sc_allocn(mem, lines, sizeof(*v));
	if (!v) {
		return -ENOMEM;
	}
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		int got;

		line++;
		if (stop > p && stop[-1] == '\r') {
			stop--;
		}
		if (p < stop && *p != '#') {
			v[n][2] = NAN;
			got = read_row(p, stop, max_cols, v[n]);
			if (got >= (int)min_cols) {
				n++;
			} else if (line > 1) { /* the first may be a header */
				ret = av_diag_add(
					d, name, line, 1,
					"want %zu%s numbers between "
					"commas",
					min_cols,
					max_cols > min_cols ? " or more" : "");
			}
		}
		p = nl ? nl + 1 : end;
	}
	*rows = v;
	*n_rows = n;
	return ret;
}
