/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two dumps out of one input, cut at the first 0xff byte, compared under the
 * rules that the first byte picks, and every report of the result.
 */
#include "config.h"

#include "recordings/diff.h"
#include "recordings/diff_source.h"
#include "recordings/report.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const rules[] = {
	"",
	"- match: \"*\"\n  abs: 1\n  time: 10ms\n",
	"- match: \"*\"\n  kind: continuous\n  max_gap: 1s\n  abs: 0.5\n",
	("- match: \"*\"\n  kind: continuous\n  max_gap: 1s\n  time: 100ms\n"
	 "  interpolate: hold\n"),
	"- match: \"*\"\n  order: any\n  time: 1s\n",
	"- match: \"*\"\n  rel: 10 %\n  window: 10ms\n  missing: allow\n",
};

static void check(const struct diff_result *r)
{
	for (size_t i = 0; i < r->n_keys; i++) {
		const struct diff_counts *c = &r->key[i].c;

		if (r->key[i].curve) {
			continue;
		}
		assert(c->a + c->b ==
		       2 * (c->same + c->n[DIFF_CHANGED] +
			    c->n[DIFF_SHIFTED]) +
			       c->n[DIFF_MISSING] + c->n[DIFF_EXTRA] +
			       c->allowed + c->ignored);
	}
}

static void write_reports(const struct diff_result *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f) {
		report_text(r, f, true);
		report_json(r, f);
		report_junit(r, f);
		report_html(r, f);
		fclose(f);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memchr(data, 0xff, size);
	const char *rule;
	struct diff_source *a = NULL, *b = NULL;
	struct tolerances tol = { 0 };
	struct av_diags d = { 0 };
	struct diff_opts o = { .to = VT_NEVER,
			       .context = 3,
			       .traces = REPORT_HTML_TRACES,
			       .tol = &tol };
	struct diff_result r;
	size_t na;

	if (size < 1) {
		return 0;
	}
	rule = rules[data[0] % (sizeof(rules) / sizeof(rules[0]))];
	data++;
	size--;
	na = cut && cut >= data ? (size_t)(cut - data) : size;
	if (tolerances_parse("t", rule, strlen(rule), &tol, &d) == 0 &&
	    diff_source_mem("a", (const char *)data, na, &a, NULL) == 0 &&
	    diff_source_mem("b", (const char *)data + na + (na < size),
			    size - na - (na < size), &b, NULL) == 0 &&
	    diff_sources(a, b, &o, &r, NULL) == 0) {
		check(&r);
		write_reports(&r);
		diff_result_finish(&r);
	}
	diff_source_close(a);
	diff_source_close(b);
	tolerances_finish(&tol);
	av_diags_finish(&d);
	return 0;
}
