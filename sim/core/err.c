/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/err.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int av_err_set(struct av_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return code;
}

int av_diag_add(struct av_diags *d, const char *file, unsigned int line,
		unsigned int col, const char *fmt, ...)
{
	struct av_diag *v;
	char msg[1024];
	va_list ap;

	if (!d) {
		return -EINVAL;
	}
	if (d->n >= AV_DIAGS_MAX) {
		d->dropped++;
		return -EINVAL;
	}
	v = realloc(d->v, (d->n + 1) * sizeof(*v));
	if (!v) {
		d->dropped++;
		return -EINVAL;
	}
	d->v = v;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	v[d->n] = (struct av_diag){ .file = strdup(file),
				    .line = line,
				    .col = col,
				    .msg = strdup(msg) };
	if (!v[d->n].file || !v[d->n].msg) {
		free(v[d->n].file);
		free(v[d->n].msg);
		d->dropped++;
		return -EINVAL;
	}
	d->n++;
	return -EINVAL;
}

/* Messages of one file stay in the order they were found where the place is the
 * same: qsort is not stable, so the original index breaks ties. */
struct sorted {
	const struct av_diag *diag;
	size_t idx;
};

static int by_place(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c = strcmp(x->diag->file, y->diag->file);

	if (c != 0) {
		return c;
	}
	if (x->diag->line != y->diag->line) {
		return x->diag->line < y->diag->line ? -1 : 1;
	}
	if (x->diag->col != y->diag->col) {
		return x->diag->col < y->diag->col ? -1 : 1;
	}
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

void av_diags_print(struct av_diags *d, FILE *out)
{
	struct sorted s[AV_DIAGS_MAX];

	for (size_t i = 0; i < d->n; i++) {
		s[i] = (struct sorted){ .diag = &d->v[i], .idx = i };
	}
	qsort(s, d->n, sizeof(s[0]), by_place);
	for (size_t i = 0; i < d->n; i++) {
		const struct av_diag *v = s[i].diag;

		if (v->line > 0) {
			fprintf(out, "%s:%u:%u: %s\n", v->file, v->line, v->col,
				v->msg);
		} else {
			fprintf(out, "%s: %s\n", v->file, v->msg);
		}
	}
	if (d->dropped > 0) {
		fprintf(out, "... and %zu more\n", d->dropped);
	}
}

void av_diags_finish(struct av_diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].file);
		free(d->v[i].msg);
	}
	free(d->v);
	*d = (struct av_diags){ 0 };
}

#define SUGGEST_MAX 64

/* Optimal string alignment distance: insert, delete, replace, swap. */
static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int row[3][SUGGEST_MAX + 1];
	unsigned int *before = row[0], *prev = row[1], *cur = row[2], *t;

	for (size_t j = 0; j <= nb; j++) {
		prev[j] = (unsigned int)j;
	}
	for (size_t i = 1; i <= na; i++) {
		cur[0] = (unsigned int)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned int best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best) {
				best = prev[j] + 1;
			}
			if (cur[j - 1] + 1 < best) {
				best = cur[j - 1] + 1;
			}
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < best) {
				best = before[j - 2] + 1;
			}
			cur[j] = best;
		}
		t = before;
		before = prev;
		prev = cur;
		cur = t;
	}
	return prev[nb];
}

const char *av_suggest(const char *word, size_t n,
		       const char *(*name)(const void *ctx, size_t i),
		       const void *ctx)
{
	size_t len = strlen(word);
	unsigned int best = len < 6 ? 2 : (unsigned int)(len / 3 + 1);
	const char *found = NULL;

	if (len == 0 || len > SUGGEST_MAX) {
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const char *c = name(ctx, i);
		size_t nc = c ? strlen(c) : 0;
		unsigned int d;

		if (!c || nc > SUGGEST_MAX ||
		    (nc > len ? nc - len : len - nc) >= best) {
			continue;
		}
		d = distance(word, len, c, nc);
		if (d < best) {
			best = d;
			found = c;
		}
	}
	return found;
}

const char *av_suggest_text(char *buf, const char *candidate)
{
	buf[0] = '\0';
	if (candidate) {
		snprintf(buf, 96, " (did you mean '%.64s'?)", candidate);
	}
	return buf;
}
