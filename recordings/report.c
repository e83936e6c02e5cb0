/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/report.h"

#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 :
		   s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
		   s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		   s[0] >= 0xf0 && s[0] < 0xf5 ? 4 :
						 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90)) {
		return 0; /* overlong, surrogate, beyond Unicode */
	}
	/* U+FFFE and U+FFFF are no XML characters */
	if (n == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe) {
		return 0;
	}
	return n;
}

static void esc_ascii(FILE *out, unsigned char c, enum report_esc how)
{
	if (how == ESC_JSON) {
		if (c < 0x20 || c == 0x7f) {
			fprintf(out, "\\u%04x", c);
		} else {
			fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
		}
		return;
	}
	if (how == ESC_XML && strchr("<>&\"'", c)) {
		fprintf(out, "&#%d;", c);
	} else if (c == '\t') {
		fputs("  ", out);
	} else if (c < 0x20 || c == 0x7f) {
		fputs("\xef\xbf\xbd", out);
	} else {
		fputc(c, out);
	}
}

void report_esc(FILE *out, const char *text, enum report_esc how)
{
	const unsigned char *s = (const unsigned char *)(text ? text : "");

	while (*s) {
		size_t n = utf8_len(s);

		if (n == 1) {
			esc_ascii(out, *s, how);
		} else if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0) {
			fputs("\xef\xbf\xbd", out); /* C1: terminals obey it */
		} else if (n > 0) {
			fwrite(s, 1, n, out);
		} else {
			fputs("\xef\xbf\xbd", out);
			n = 1;
		}
		s += n;
	}
}

void report_key(FILE *out, const struct diff_key *k, enum report_esc how)
{
	fputs(rec_channel_names[k->ch], out);
	fputc(':', out);
	report_esc(out, k->key, how);
}

void report_num(FILE *out, double v)
{
	char buf[AV_NUM_TEXT_MAX];

	av_num_text(v, buf);
	fputs(buf, out);
}

void report_rule(FILE *out, const struct diff_result *r,
		 const struct diff_key *k, enum report_esc how)
{
	if (k->rule < 0) {
		fputs("exact", out);
		return;
	}
	fprintf(out, "line %u of ", k->tol.line);
	report_esc(out, r->tolerances, how);
}

void report_point(FILE *out, const struct diff_point *p, enum report_esc how)
{
	fputs(diff_what_names[p->what], out);
	switch (p->what) {
	case DIFF_CHANGED:
		fputs(", ", out);
		report_esc(out, p->text[0], how);
		fputs(how == ESC_XML ? " &#8594; " : " -> ", out);
		report_esc(out, p->text[1], how);
		if (isfinite(p->delta)) {
			fprintf(out, " (delta %.6g)", p->delta);
		}
		break;
	case DIFF_SHIFTED:
		fputs(" by ", out);
		fprintf(out, "%.9g s, ", vtime_to_s(p->at[1] - p->at[0]));
		report_esc(out, p->text[0], how);
		break;
	default:
		fputs(p->what == DIFF_MISSING ? " from B, " : " in B, ", out);
		report_esc(out, p->text[p->what == DIFF_MISSING ? 0 : 1], how);
		break;
	}
}

struct ordered {
	const struct diff_key *k;
	size_t idx;
};

static int by_delta(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->k->worst != y->k->worst) {
		return x->k->worst > y->k->worst ? -1 : 1;
	}
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

static int by_count(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	uint64_t nx = diff_total(&x->k->c), ny = diff_total(&y->k->c);

	if (nx != ny) {
		return nx > ny ? -1 : 1;
	}
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

size_t *report_order(const struct diff_result *r, enum report_order by,
		     size_t *n)
{
	struct ordered *v = calloc(r->n_keys ? r->n_keys : 1, sizeof(*v));
	size_t *out = calloc(r->n_keys ? r->n_keys : 1, sizeof(*out));

	*n = 0;
	for (size_t i = 0; v && out && i < r->n_keys; i++) {
		const struct diff_key *k = &r->key[i];

		if (by == BY_DELTA ? k->has_worst : diff_total(&k->c) > 0) {
			v[(*n)++] = (struct ordered){ k, i };
		}
	}
	if (*n > 0) {
		qsort(v, *n, sizeof(*v), by == BY_DELTA ? by_delta : by_count);
	}
	for (size_t i = 0; i < *n; i++) {
		out[i] = v[i].idx;
	}
	free(v);
	return out;
}

static const struct {
	const char *ending;
	void (*write)(const struct diff_result *r, FILE *out);
} writers[] = {
	{ ".txt", NULL }, /* has an argument more */
	{ ".json", report_json },
	{ ".xml", report_junit },
	{ ".html", report_html },
};

static int find_writer(const char *path, struct av_err *err)
{
	const char *dot = strrchr(path, '.');

	for (int i = 0; dot && i < 4; i++) {
		if (!strcmp(dot, writers[i].ending)) {
			return i;
		}
	}
	return av_err_set(err, -EINVAL,
			  "cannot tell the kind of report '%s' by its ending; "
			  "want .txt, .json, .xml or .html",
			  path);
}

int report_check_name(const char *path, struct av_err *err)
{
	int i = find_writer(path, err);

	return i < 0 ? i : 0;
}

int report_file(const struct diff_result *r, const char *path,
		struct av_err *err)
{
	int i = find_writer(path, err);
	bool bad;
	FILE *f;

	if (i < 0) {
		return i;
	}
	f = fopen(path, "we");
	if (!f) {
		return av_err_set(err, -errno, "cannot write %s: %s", path,
				  strerror(errno));
	}
	if (writers[i].write) {
		writers[i].write(r, f);
	} else {
		report_text(r, f, false);
	}
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad) {
		return av_err_set(err, -EIO, "cannot write %s: %s", path,
				  strerror(errno));
	}
	return 0;
}
