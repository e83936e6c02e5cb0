/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEYS 20
#define MOST_DELTAS 10

struct paint {
	const char *good, *bad, *dim, *bold, *off;
};
static const struct paint plain = { "", "", "", "", "" };
static const struct paint colours = { "\033[32m", "\033[31m", "\033[2m",
				      "\033[1m", "\033[0m" };

static void verdict(const struct diff_result *r, FILE *out,
		    const struct paint *c)
{
	const struct diff_counts *t = &r->total;
	size_t bad = 0;

	for (size_t i = 0; i < r->n_keys; i++) {
		bad += diff_total(&r->key[i].c) > 0;
	}
	report_esc(out, r->name[0], ESC_TEXT);
	fputs(" and ", out);
	report_esc(out, r->name[1], ESC_TEXT);
	if (r->differs) {
		fprintf(out, " %s%sdiffer%s: %zu of %zu keys", c->bold, c->bad,
			c->off, bad, r->n_keys);
		for (int i = 0; i < DIFF_N_WHATS; i++) {
			if (t->n[i] > 0) {
				fprintf(out, ", %" PRIu64 " %s", t->n[i],
					diff_what_names[i]);
			}
		}
	} else {
		fprintf(out, " are %sthe same%s: %zu keys, %" PRIu64 " records",
			c->good, c->off, r->n_keys, t->same);
	}
	if (t->allowed > 0) {
		fprintf(out, "; %" PRIu64 " allowed to be missing or extra",
			t->allowed);
	}
	if (t->ignored > 0) {
		fprintf(out, "; %" PRIu64 " ignored", t->ignored);
	}
	fputc('\n', out);
	if (r->tolerances || r->only) {
		fputs(c->dim, out);
		if (r->tolerances) {
			fputs("tolerances ", out);
			report_esc(out, r->tolerances, ESC_TEXT);
		}
		fputs(r->tolerances && r->only ? ", only " :
		      r->only		       ? "only " :
						 "",
		      out);
		report_esc(out, r->only, ESC_TEXT);
		fprintf(out, "%s\n", c->off);
	}
	if (t->a == 0 && t->b == 0) {
		fputs("nothing was compared: neither side has a record\n", out);
	}
}

static void count_row(FILE *out, const char *name, size_t keys,
		      const struct diff_counts *n, const struct paint *c)
{
	fprintf(out, "  %-9s %6zu %10" PRIu64 " %10" PRIu64 " %10" PRIu64, name,
		keys, n->a, n->b, n->same);
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		fprintf(out, " %s%8" PRIu64 "%s", n->n[i] ? c->bad : c->dim,
			n->n[i], c->off);
	}
	fputc('\n', out);
}

static void counts(const struct diff_result *r, FILE *out,
		   const struct paint *c)
{
	size_t keys[REC_N_CHANNELS] = { 0 };

	for (size_t i = 0; i < r->n_keys; i++) {
		keys[r->key[i].ch]++;
	}
	fprintf(out,
		"\n%s  channel     keys          A          B       same  "
		"changed  shifted  missing    extra%s\n",
		c->dim, c->off);
	for (int i = 0; i < REC_N_CHANNELS; i++) {
		if (keys[i] > 0) {
			count_row(out, rec_channel_names[i], keys[i],
				  &r->channel[i], c);
		}
	}
	count_row(out, "total", r->n_keys, &r->total, c);
}

static void context_side(const struct diff_result *r, int side, FILE *out,
			 const struct paint *c)
{
	char time[VTIME_STR_MAX];

	fprintf(out, "  %s%c%s ", c->bold, 'A' + side, c->off);
	report_esc(out, r->name[side], ESC_TEXT);
	fputc('\n', out);
	for (size_t i = 0; i < r->n_context[side]; i++) {
		const struct diff_line *l = &r->context[side][i];

		vtime_format(l->t, time);
		fprintf(out, "  %s%c %s  %-8s ", l->mark ? c->bad : "",
			l->mark ? '>' : ' ', time, rec_channel_names[l->ch]);
		report_esc(out, l->key, ESC_TEXT);
		fputs("  ", out);
		report_esc(out, l->text, ESC_TEXT);
		fprintf(out, "%s\n", l->mark ? c->off : "");
	}
	if (r->n_context[side] == 0) {
		fputs("    (no records)\n", out);
	}
}

static void first(const struct diff_result *r, FILE *out,
		  const struct paint *c)
{
	const struct diff_key *k = &r->key[r->first];
	char time[VTIME_STR_MAX];

	vtime_format(k->first.t, time);
	fprintf(out, "\n%sfirst difference%s at %s s: ", c->bold, c->off, time);
	report_key(out, k, ESC_TEXT);
	fputc(' ', out);
	report_point(out, &k->first, ESC_TEXT);
	fputc('\n', out);
	if (r->context[0] || r->context[1]) {
		context_side(r, 0, out, c);
		context_side(r, 1, out, c);
	}
}

static int key_width(const struct diff_result *r, const size_t *order, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++) {
		const struct diff_key *k = &r->key[order[i]];
		size_t len = strlen(k->key) + 1 +
			     strlen(rec_channel_names[k->ch]);

		width = len > width ? len : width;
	}
	return (int)(width < 76 ? width : 76);
}

static void padded_key(FILE *out, const struct diff_key *k, int width)
{
	int len = (int)(strlen(k->key) + strlen(rec_channel_names[k->ch])) + 1;

	report_key(out, k, ESC_TEXT);
	fprintf(out, "%*s", len < width ? width - len : 0, "");
}

static void keys(const struct diff_result *r, FILE *out, const struct paint *c)
{
	size_t n, *order = report_order(r, BY_COUNT, &n);
	size_t shown = n < MOST_KEYS ? n : MOST_KEYS;
	int w = order ? key_width(r, order, shown) : 0;
	char time[VTIME_STR_MAX];

	fprintf(out,
		"\n%skeys that differ%s\n%s  %-*s  changed  shifted  missing"
		"    extra  first at%s\n",
		c->bold, c->off, c->dim, w, "", c->off);
	for (size_t i = 0; order && i < shown; i++) {
		const struct diff_key *k = &r->key[order[i]];

		fputs("  ", out);
		padded_key(out, k, w);
		for (int x = 0; x < DIFF_N_WHATS; x++) {
			fprintf(out, " %8" PRIu64, k->c.n[x]);
		}
		vtime_format(k->first.t, time);
		fprintf(out, "  %s\n", time);
	}
	if (n > shown) {
		fprintf(out, "  ... and %zu more\n", n - shown);
	}
	free(order);
}

static void deltas(const struct diff_result *r, FILE *out,
		   const struct paint *c)
{
	size_t n, *order = report_order(r, BY_DELTA, &n);
	int w;
	char time[VTIME_STR_MAX];

	n = n < MOST_DELTAS ? n : MOST_DELTAS;
	if (n == 0 || !order) {
		free(order);
		return;
	}
	w = key_width(r, order, n);
	fprintf(out, "\n%sgreatest deltas%s\n", c->bold, c->off);
	for (size_t i = 0; i < n; i++) {
		const struct diff_key *k = &r->key[order[i]];

		fputs("  ", out);
		padded_key(out, k, w);
		vtime_format(k->worst_t, time);
		fprintf(out, "  %-10.6g at %s  ", k->worst, time);
		report_esc(out, k->worst_text[0], ESC_TEXT);
		fputs(" -> ", out);
		report_esc(out, k->worst_text[1], ESC_TEXT);
		if (diff_total(&k->c) == 0) {
			fprintf(out, "  %swithin tolerance%s", c->dim, c->off);
		}
		fputc('\n', out);
	}
	free(order);
}

void report_text(const struct diff_result *r, FILE *out, bool colour)
{
	const struct paint *c = colour ? &colours : &plain;

	verdict(r, out, c);
	if (r->n_keys > 0) {
		counts(r, out, c);
	}
	if (r->differs) {
		first(r, out, c);
		keys(r, out, c);
	}
	deltas(r, out, c);
}
