/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML, the common subset that CI servers read: testsuites, testsuite,
 * testcase, failure, skipped.
 */
#include "config.h"

#include "recordings/report.h"

#include <inttypes.h>

static void failure(const struct diff_result *r, const struct diff_key *k,
		    FILE *out)
{
	char time[VTIME_STR_MAX];

	vtime_format(k->first.t, time);
	fprintf(out, "      <failure type=\"%s\" message=\"at %s s: ",
		diff_what_names[k->first.what], time);
	report_point(out, &k->first, ESC_XML);
	fputs("\">", out);
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		fprintf(out, "%s%" PRIu64 " %s", i ? ", " : "", k->c.n[i],
			diff_what_names[i]);
	}
	fprintf(out, "; %" PRIu64 " same; compared by ", k->c.same);
	report_rule(out, r, k, ESC_XML);
	if (k->has_worst) {
		vtime_format(k->worst_t, time);
		fprintf(out, "; greatest delta %.6g at %s s", k->worst, time);
	}
	fputs("</failure>\n", out);
}

static void testcase(const struct diff_result *r, const struct diff_key *k,
		     FILE *out)
{
	bool bad = diff_total(&k->c) > 0;

	fprintf(out, "    <testcase classname=\"avsim.diff.%s\" name=\"",
		rec_channel_names[k->ch]);
	report_key(out, k, ESC_XML);
	fputs("\" time=\"0\"", out);
	if (k->tol.ignore) {
		fputs(">\n      <skipped message=\"ignored by ", out);
		report_rule(out, r, k, ESC_XML);
		fputs("\"/>\n    </testcase>\n", out);
	} else if (bad) {
		fputs(">\n", out);
		failure(r, k, out);
		fputs("    </testcase>\n", out);
	} else {
		fputs("/>\n", out);
	}
}

void report_junit(const struct diff_result *r, FILE *out)
{
	size_t bad = 0, skipped = 0;

	for (size_t i = 0; i < r->n_keys; i++) {
		bad += diff_total(&r->key[i].c) > 0;
		skipped += r->key[i].tol.ignore;
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out,
		"<testsuites name=\"avsim diff\" tests=\"%zu\" "
		"failures=\"%zu\" errors=\"0\" time=\"0\">\n",
		r->n_keys, bad);
	fputs("  <testsuite name=\"", out);
	report_esc(out, r->name[0], ESC_XML);
	fputs(" : ", out);
	report_esc(out, r->name[1], ESC_XML);
	fprintf(out,
		"\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
		"skipped=\"%zu\" time=\"0\">\n",
		r->n_keys, bad, skipped);
	for (size_t i = 0; i < r->n_keys; i++) {
		testcase(r, &r->key[i], out);
	}
	fputs("  </testsuite>\n</testsuites>\n", out);
}
