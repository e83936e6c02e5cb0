/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page that needs nothing else: style and pictures are inside, light or dark
 * as the reader's system is, readable in print.
 */
#include "config.h"

#include "recordings/report.h"

#include "recordings/report_plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char style[] =
	":root{--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#667085;"
	"--line:#e3e7ee;--a:#2563eb;--b:#ea7a0c;--bad:#d92d20;--badbg:#fef1f0;"
	"--good:#067647;--goodbg:#e7f8ef;--grid:#edf0f4}"
	"@media(prefers-color-scheme:dark){:root{--bg:#11151c;--card:#181e27;"
	"--ink:#e4e8ef;--dim:#94a0b3;--line:#2a3240;--a:#6ea8ff;--b:#ffae57;"
	"--bad:#ff7a70;--badbg:#3a1c1d;--good:#5fd39a;--goodbg:#12321f;"
	"--grid:#222a36}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--bg);color:var(--ink);"
	"font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
	"main{max-width:1180px;margin:0 auto;padding:28px 24px 60px}"
	"h1{font-size:22px;margin:0 0 4px;display:flex;gap:12px;"
	"align-items:center;flex-wrap:wrap}"
	"h2{font-size:16px;margin:34px 0 10px}"
	"h3{font-size:14px;margin:0;font-weight:600;overflow-wrap:anywhere}"
	".badge{font-size:14px;padding:2px 12px;border-radius:99px}"
	".bad{color:var(--bad);background:var(--badbg)}"
	".good{color:var(--good);background:var(--goodbg)}"
	".dim{color:var(--dim)}.a{color:var(--a)}.b{color:var(--b)}"
	".names{margin:6px 0 0;display:grid;grid-template-columns:auto 1fr;"
	"gap:0 10px;overflow-wrap:anywhere}"
	".cards{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0 0}"
	".card{background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:10px 16px;min-width:112px}"
	".card b{display:block;font-size:22px;line-height:1.25;"
	"font-variant-numeric:tabular-nums}"
	".card b.bad,.card b.good{background:none}"
	".card span{color:var(--dim);font-size:13px}"
	".box{background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:16px;margin:0 0 16px}"
	".two{display:grid;grid-template-columns:1fr 1fr;gap:16px}"
	"@media(max-width:860px){.two{grid-template-columns:1fr}}"
	".scroll{overflow-x:auto}"
	"table{border-collapse:collapse;width:100%;font-size:13px}"
	"th{text-align:left;color:var(--dim);font-weight:500;"
	"border-bottom:1px solid var(--line);padding:6px 10px 6px 0;"
	"white-space:nowrap}"
	"td{padding:5px 10px 5px 0;border-bottom:1px solid var(--grid);"
	"vertical-align:top}"
	"tr:last-child td{border-bottom:0}"
	".n{text-align:right;font-variant-numeric:tabular-nums;"
	"white-space:nowrap}"
	"th.n{text-align:right}"
	"code,.mono td{font:12.5px/1.5 ui-monospace,'SF Mono',Menlo,Consolas,"
	"'DejaVu Sans Mono',monospace}"
	".mono td{white-space:pre}.two>*{min-width:0}"
	".wrap{overflow-wrap:anywhere;white-space:normal!important;"
	"min-width:9em}"
	".key{overflow-wrap:anywhere;white-space:normal!important;width:60%}"
	"tr.mark td{background:var(--badbg);color:var(--bad)}"
	"td.hot{color:var(--bad);font-weight:600}td.zero{color:var(--dim);"
	"opacity:.6}"
	".plots{display:grid;grid-template-columns:700fr 420fr;gap:14px;"
	"margin-top:8px}"
	"@media(max-width:860px){.plots{grid-template-columns:1fr}}"
	"figure{margin:0}figcaption{font-size:12px;color:var(--dim)}"
	"figure>svg{width:100%;height:auto;display:block}"
	"svg text{font:11px system-ui,sans-serif;fill:var(--dim)}"
	".grid{stroke:var(--grid)}.axis{stroke:var(--line)}"
	".la{stroke:var(--a);stroke-width:3.2;opacity:.55;fill:none;"
	"stroke-linejoin:round}"
	".lb{stroke:var(--b);stroke-width:1.5;fill:none;stroke-linejoin:round}"
	".pa{fill:var(--a)}.pb{fill:var(--b)}"
	".area{fill:var(--bad);opacity:.22}.span{fill:var(--bad);opacity:.13}"
	".first{stroke:var(--bad);stroke-dasharray:4 3}"
	"summary{cursor:pointer;color:var(--dim);font-size:14px}"
	".legend{display:flex;gap:16px;font-size:12px;color:var(--dim);"
	"flex-wrap:wrap;margin:0 0 12px}"
	".sw{display:inline-block;width:20px;height:0;border-top:3px solid;"
	"vertical-align:middle;margin-right:6px}"
	".sq{display:inline-block;width:14px;height:12px;background:var(--bad);"
	"opacity:.3;vertical-align:middle;margin-right:6px}"
	"footer{margin-top:36px;color:var(--dim);font-size:12.5px}"
	"@media print{body{background:#fff}.box,.card{break-inside:avoid}}";

static void seconds(FILE *out, vtime t)
{
	char buf[VTIME_STR_MAX];

	vtime_format(t, buf);
	fputs(buf, out);
}

static void card(FILE *out, uint64_t n, const char *what, const char *class)
{
	fprintf(out,
		"<div class=\"card\"><b class=\"%s\">%" PRIu64
		"</b><span>%s</span></div>\n",
		n > 0 ? class : "dim", n, what);
}

static size_t n_bad(const struct diff_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_keys; i++) {
		n += diff_total(&r->key[i].c) > 0;
	}
	return n;
}

static void head(const struct diff_result *r, FILE *out)
{
	const struct diff_counts *t = &r->total;

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,"
	      "initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
	      out);
	report_esc(out, r->name[0], ESC_XML);
	fputs(r->differs ? " differs from " : " is the same as ", out);
	report_esc(out, r->name[1], ESC_XML);
	fprintf(out,
		"</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n"
		"<h1>Recordings compared <span class=\"badge %s\">%s</span>"
		"</h1>\n<div class=\"names\"><b class=\"a\">A</b><code>",
		style, r->differs ? "bad" : "good",
		r->differs ? "differ" : "same");
	report_esc(out, r->name[0], ESC_XML);
	fputs("</code><b class=\"b\">B</b><code>", out);
	report_esc(out, r->name[1], ESC_XML);
	fputs("</code></div>\n<p class=\"dim\">", out);
	seconds(out, r->begin);
	fputs(" to ", out);
	seconds(out, r->end);
	fputs(" s &#183; tolerances: ", out);
	report_esc(out, r->tolerances ? r->tolerances : "none, exact",
		   ESC_XML);
	if (r->only) {
		fputs(" &#183; only ", out);
		report_esc(out, r->only, ESC_XML);
	}
	fputs("</p>\n<div class=\"cards\">\n", out);
	fprintf(out,
		"<div class=\"card\"><b class=\"%s\">%zu / %zu</b>"
		"<span>keys differ</span></div>\n",
		r->differs ? "bad" : "good", n_bad(r), r->n_keys);
	card(out, t->same, "records agree", "");
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		card(out, t->n[i], diff_what_names[i], "bad");
	}
	if (t->allowed) {
		card(out, t->allowed, "allowed", "");
	}
	if (t->ignored) {
		card(out, t->ignored, "ignored", "");
	}
	fputs("</div>\n", out);
}

static void context_side(const struct diff_result *r, int side, FILE *out)
{
	fprintf(out,
		"<div class=\"scroll\"><h3><span class=\"%c\">%c</span> "
		"<span class=\"dim\">",
		'a' + side, 'A' + side);
	report_esc(out, r->name[side], ESC_XML);
	fputs("</span></h3>\n<table class=\"mono\">\n", out);
	for (size_t i = 0; i < r->n_context[side]; i++) {
		const struct diff_line *l = &r->context[side][i];

		fprintf(out, "<tr%s><td>", l->mark ? " class=\"mark\"" : "");
		seconds(out, l->t);
		fprintf(out, "</td><td>%s</td><td class=\"key\">",
			rec_channel_names[l->ch]);
		report_esc(out, l->key, ESC_XML);
		fputs("</td><td class=\"wrap\">", out);
		report_esc(out, l->text, ESC_XML);
		fputs("</td></tr>\n", out);
	}
	if (r->n_context[side] == 0) {
		fputs("<tr><td class=\"dim\">no records</td></tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void first(const struct diff_result *r, FILE *out)
{
	const struct diff_key *k = &r->key[r->first];

	fputs("<h2>First difference</h2>\n<div class=\"box\">\n<p style=\""
	      "margin-top:0\">At <b>",
	      out);
	seconds(out, k->first.t);
	fputs(" s</b>: <code>", out);
	report_key(out, k, ESC_XML);
	fputs("</code> ", out);
	report_point(out, &k->first, ESC_XML);
	fputs("</p>\n", out);
	if (r->context[0] || r->context[1]) {
		fputs("<div class=\"two\">\n", out);
		context_side(r, 0, out);
		context_side(r, 1, out);
		fputs("</div>\n", out);
	}
	fputs("</div>\n", out);
}

static void pictures(const struct diff_result *r, FILE *out)
{
	if (r->n_traces == 0) {
		return;
	}
	fputs("<h2>What differs most</h2>\n<div class=\"legend\">"
	      "<span><i class=\"sw a\"></i>A</span>"
	      "<span><i class=\"sw b\"></i>B</span>"
	      "<span><i class=\"sq\"></i>out of tolerance</span>"
	      "<span><i class=\"sw bad\" style=\"border-top:2px dashed\"></i>"
	      "first difference</span></div>\n",
	      out);
	for (size_t i = 0; i < r->n_traces; i++) {
		const struct diff_trace *t = &r->trace[i];
		const struct diff_key *k = &r->key[t->key];

		fputs("<div class=\"box\">\n<h3><code>", out);
		report_key(out, k, ESC_XML);
		fputs("</code></h3>\n<div class=\"dim\">", out);
		fputs("at ", out);
		seconds(out, k->first.t);
		fputs(" s: ", out);
		report_point(out, &k->first, ESC_XML);
		for (int w = 0; w < DIFF_N_WHATS; w++) {
			if (k->c.n[w] > 0) {
				fprintf(out, " &#183; %" PRIu64 " %s",
					k->c.n[w], diff_what_names[w]);
			}
		}
		if (k->ch == REC_CAN) {
			fprintf(out, " &#183; shown: byte %zu", t->column);
		} else if (t->numeric && t->column > 0) {
			fprintf(out, " &#183; shown: column %zu",
				t->column + 1);
		}
		fputs("</div>\n<div class=\"plots\">\n<figure>\n", out);
		report_plot(out, r, t, PLOT_ALL);
		fputs("<figcaption>whole recording, seconds</figcaption>"
		      "</figure>\n<figure>\n",
		      out);
		report_plot(out, r, t, PLOT_ZOOM);
		fputs("<figcaption>around the first difference</figcaption>"
		      "</figure>\n</div>\n</div>\n",
		      out);
	}
}

static void count_cells(FILE *out, const struct diff_counts *c)
{
	fprintf(out,
		"<td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
		"</td><td class=\"n\">%" PRIu64 "</td>",
		c->a, c->b, c->same);
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		fprintf(out, "<td class=\"n %s\">%" PRIu64 "</td>",
			c->n[i] ? "hot" : "zero", c->n[i]);
	}
}

#define COUNT_HEADS                                                            \
	"<th class=\"n\">A</th><th class=\"n\">B</th><th class=\"n\">same</th>" \
	"<th class=\"n\">changed</th><th class=\"n\">shifted</th>"             \
	"<th class=\"n\">missing</th><th class=\"n\">extra</th>"

static void channels(const struct diff_result *r, FILE *out)
{
	fputs("<h2>Counts per channel</h2>\n<div class=\"box scroll\">\n"
	      "<table><tr><th>channel</th>" COUNT_HEADS "</tr>\n",
	      out);
	for (int i = 0; i < REC_N_CHANNELS; i++) {
		if (r->channel[i].a + r->channel[i].b > 0) {
			fprintf(out, "<tr><td>%s</td>", rec_channel_names[i]);
			count_cells(out, &r->channel[i]);
			fputs("</tr>\n", out);
		}
	}
	fputs("<tr><td><b>total</b></td>", out);
	count_cells(out, &r->total);
	fputs("</tr>\n</table></div>\n", out);
}

static void key_row(const struct diff_result *r, const struct diff_key *k,
		    FILE *out)
{
	bool bad = diff_total(&k->c) > 0;

	fputs("<tr><td class=\"wrap\"><code>", out);
	report_key(out, k, ESC_XML);
	fputs("</code></td>", out);
	count_cells(out, &k->c);
	fputs("<td class=\"n\">", out);
	if (bad) {
		seconds(out, k->first.t);
	}
	fputs("</td><td class=\"n\">", out);
	if (k->has_worst) {
		fprintf(out, "%.6g", k->worst);
	}
	fputs("</td><td class=\"dim\">", out);
	if (k->tol.ignore) {
		fputs("ignored, ", out);
	}
	report_rule(out, r, k, ESC_XML);
	fputs("</td></tr>\n", out);
}

#define KEY_HEADS                                                              \
	"<table><tr><th>key</th>" COUNT_HEADS                                  \
	"<th class=\"n\">first at</th><th class=\"n\">worst delta</th>"        \
	"<th>compared by</th></tr>\n"

static void keys(const struct diff_result *r, FILE *out)
{
	size_t n, *order = report_order(r, BY_COUNT, &n);

	if (n > 0) {
		fputs("<h2>Keys that differ</h2>\n<div class=\"box scroll\">\n"
		      KEY_HEADS,
		      out);
		for (size_t i = 0; i < n; i++) {
			key_row(r, &r->key[order[i]], out);
		}
		fputs("</table></div>\n", out);
	}
	free(order);
	if (n < r->n_keys) {
		fprintf(out,
			"<details><summary>%zu keys without a difference"
			"</summary>\n<div class=\"box scroll\" style=\""
			"margin-top:10px\">\n" KEY_HEADS,
			r->n_keys - n);
		for (size_t i = 0; i < r->n_keys; i++) {
			if (diff_total(&r->key[i].c) == 0) {
				key_row(r, &r->key[i], out);
			}
		}
		fputs("</table></div></details>\n", out);
	}
}

void report_html(const struct diff_result *r, FILE *out)
{
	head(r, out);
	if (r->differs) {
		first(r, out);
		pictures(r, out);
	}
	if (r->n_keys > 0) {
		channels(r, out);
		keys(r, out);
	} else {
		fputs("<p>Neither side has a record to compare.</p>\n", out);
	}
	fputs("<footer>" PACKAGE_STRING " diff</footer>\n</main>\n</body>\n"
	      "</html>\n",
	      out);
}
