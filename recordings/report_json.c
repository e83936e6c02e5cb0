/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/report.h"

#include <inttypes.h>
#include <math.h>

static void string(FILE *out, const char *name, const char *s)
{
	fprintf(out, "\"%s\": ", name);
	if (!s) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	report_esc(out, s, ESC_JSON);
	fputc('"', out);
}

static void number(FILE *out, const char *name, double v)
{
	fprintf(out, "\"%s\": ", name);
	if (isfinite(v)) {
		report_num(out, v);
	} else {
		fputs("null", out);
	}
}

/* Exact: nine decimals, as in the dump. */
static void seconds(FILE *out, const char *name, vtime t)
{
	char buf[VTIME_STR_MAX];

	vtime_format(t, buf);
	fprintf(out, "\"%s\": %s", name, buf);
}

static void counts(FILE *out, const struct diff_counts *c)
{
	fprintf(out,
		"\"records_a\": %" PRIu64 ", \"records_b\": %" PRIu64
		", \"same\": %" PRIu64,
		c->a, c->b, c->same);
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		fprintf(out, ", \"%s\": %" PRIu64, diff_what_names[i], c->n[i]);
	}
	fprintf(out, ", \"allowed\": %" PRIu64 ", \"ignored\": %" PRIu64,
		c->allowed, c->ignored);
}

static void point(FILE *out, const struct diff_point *p)
{
	static const char *const side[] = { "a", "b" };

	fputs("{ ", out);
	string(out, "what", diff_what_names[p->what]);
	fputs(", ", out);
	seconds(out, "t", p->t);
	for (int i = 0; i < 2; i++) {
		char name[8];

		fputs(", ", out);
		string(out, side[i], p->text[i]);
		if (p->has[i]) {
			snprintf(name, sizeof(name), "t_%s", side[i]);
			fputs(", ", out);
			seconds(out, name, p->at[i]);
		}
	}
	fputs(", ", out);
	number(out, "delta", p->delta);
	fputs(" }", out);
}

static void context(const struct diff_result *r, FILE *out)
{
	for (int side = 0; side < 2; side++) {
		fprintf(out, ",\n    \"context_%c\": [", 'a' + side);
		for (size_t i = 0; i < r->n_context[side]; i++) {
			const struct diff_line *l = &r->context[side][i];

			fputs(i ? ",\n      { " : "\n      { ", out);
			seconds(out, "t", l->t);
			fputs(", ", out);
			string(out, "channel", rec_channel_names[l->ch]);
			fputs(", ", out);
			string(out, "key", l->key);
			fputs(", ", out);
			string(out, "value", l->text);
			fprintf(out, ", \"mark\": %s }",
				l->mark ? "true" : "false");
		}
		fputs("\n    ]", out);
	}
}

static void first(const struct diff_result *r, FILE *out)
{
	const struct diff_key *k = &r->key[r->first];

	fputs("  \"first\": {\n    ", out);
	string(out, "channel", rec_channel_names[k->ch]);
	fputs(", ", out);
	string(out, "key", k->key);
	fputs(",\n    \"point\": ", out);
	point(out, &k->first);
	context(r, out);
	fputs("\n  },\n", out);
}

static void key(const struct diff_key *k, FILE *out)
{
	fputs("    { ", out);
	string(out, "channel", rec_channel_names[k->ch]);
	fputs(", ", out);
	string(out, "key", k->key);
	fputs(", ", out);
	string(out, "verdict",
	       k->tol.ignore	     ? "ignored" :
	       diff_total(&k->c) > 0 ? "differ" :
				       "same");
	fputs(", ", out);
	string(out, "kind", k->curve ? "continuous" : "event");
	if (k->rule >= 0) {
		fprintf(out, ", \"rule_line\": %u", k->tol.line);
	}
	fputs(", ", out);
	counts(out, &k->c);
	if (k->has_worst) {
		fputs(", ", out);
		number(out, "worst_delta", k->worst);
		fputs(", ", out);
		seconds(out, "worst_t", k->worst_t);
	}
	fputs(", ", out);
	seconds(out, "worst_shift_s", k->worst_shift);
	if (diff_total(&k->c) > 0) {
		fputs(", \"first\": ", out);
		point(out, &k->first);
		fputs(", \"spans\": [", out);
		for (size_t i = 0; i < k->n_spans; i++) {
			fputs(i ? ", { " : " { ", out);
			seconds(out, "from", k->span[i].from);
			fputs(", ", out);
			seconds(out, "to", k->span[i].to);
			fprintf(out, ", \"n\": %" PRIu64 " }", k->span[i].n);
		}
		fputs(" ]", out);
	}
	fputs(" }", out);
}

void report_json(const struct diff_result *r, FILE *out)
{
	bool more = false;

	fputs("{\n  \"format\": \"avsim-diff\",\n  \"version\": 1,\n  ", out);
	string(out, "a", r->name[0]);
	fputs(",\n  ", out);
	string(out, "b", r->name[1]);
	fputs(",\n  ", out);
	string(out, "tolerances", r->tolerances);
	fputs(",\n  ", out);
	string(out, "only", r->only);
	fputs(",\n  ", out);
	string(out, "verdict", r->differs ? "differ" : "same");
	fputs(",\n  ", out);
	seconds(out, "begin_s", r->begin);
	fputs(",\n  ", out);
	seconds(out, "end_s", r->end);
	fputs(",\n  \"total\": { ", out);
	counts(out, &r->total);
	fputs(" },\n  \"channels\": {", out);
	for (int i = 0; i < REC_N_CHANNELS; i++) {
		const struct diff_counts *c = &r->channel[i];

		if (c->a + c->b > 0) {
			fprintf(out, "%s\n    \"%s\": { ", more ? "," : "",
				rec_channel_names[i]);
			counts(out, c);
			fputs(" }", out);
			more = true;
		}
	}
	fputs("\n  },\n", out);
	if (r->differs) {
		first(r, out);
	}
	fputs("  \"keys\": [", out);
	for (size_t i = 0; i < r->n_keys; i++) {
		fputs(i ? ",\n" : "\n", out);
		key(&r->key[i], out);
	}
	fputs("\n  ]\n}\n", out);
}
