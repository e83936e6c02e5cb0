/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/report_plot.h"

#include "recordings/report.h"

#include <math.h>
#include <string.h>

#define HEIGHT 210.0
#define TOP 8.0
#define BOTTOM 24.0
#define RIGHT 12.0

struct plot {
	FILE *out;
	const struct diff_key *k;
	const struct diff_trace *tr;
	const struct diff_trace_side *side; /* of two */
	double width, left;
	vtime t0, t1;
	double y0, y1;
	bool step; /* values hold until the next one */
};

static double px(const struct plot *p, vtime t)
{
	double f = (double)(t - p->t0) / (double)(p->t1 - p->t0);

	/* what is outside is clipped; only keep it printable */
	f = f < -50 ? -50 : f > 50 ? 50 : f;
	return p->left + f * (p->width - p->left - RIGHT);
}

static double py(const struct plot *p, double y)
{
	double f = (y - p->y0) / (p->y1 - p->y0);

	return HEIGHT - BOTTOM - f * (HEIGHT - BOTTOM - TOP);
}

/* ---- scales ---- */

/* A round step that cuts @span into @want parts at most. */
static double tick_step(double span, int want)
{
	double raw = span / want, mag = pow(10, floor(log10(raw)));
	double f = raw / mag;

	return mag * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

static void value_range(struct plot *p)
{
	double lo = INFINITY, hi = -INFINITY;

	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < p->side[s].n; i++) {
			double y = p->side[s].y[i];

			if (isfinite(y) && fabs(y) < 1e300) {
				lo = y < lo ? y : lo;
				hi = y > hi ? y : hi;
			}
		}
	}
	if (!p->tr->numeric) {
		lo = 0;
		hi = (double)(p->tr->n_labels > 0 ? p->tr->n_labels - 1 : 0);
		for (int s = 0; s < 2; s++) {
			for (size_t i = 0; i < p->side[s].n; i++) {
				hi = p->side[s].y[i] > hi ? p->side[s].y[i] :
							    hi;
			}
		}
	}
	if (lo > hi) {
		lo = 0;
		hi = 1;
	}
	/* a flat line lies in the middle */
	if (hi - lo <= 1e-12 * fabs(hi)) {
		double pad = fabs(hi) > 0 ? fabs(hi) * 0.1 : 1;

		lo -= pad;
		hi += pad;
	} else {
		double pad = (hi - lo) * 0.07;

		lo -= pad;
		hi += pad;
	}
	p->y0 = lo;
	p->y1 = hi;
}

static void value_axis(const struct plot *p)
{
	double step = tick_step(p->y1 - p->y0, 5);

	for (double y = ceil(p->y0 / step) * step; y <= p->y1; y += step) {
		double shown = fabs(y) < step * 1e-6 ? 0 : y;

		fprintf(p->out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" "
			"y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"end\">%.6g</text>\n",
			p->left, p->width - RIGHT, py(p, y), py(p, y),
			p->left - 6, py(p, y) + 4, shown);
		if (y + step == y) {
			break; /* the step is below the number's resolution */
		}
	}
}

/* At most @max characters of @s, a UTF-8 sequence never cut. */
static void cut(char *buf, size_t size, const char *s, size_t max)
{
	size_t n = 0, chars = 0;

	while (s[n] && chars < max && n + 8 < size) {
		n++;
		while (((unsigned char)s[n] & 0xc0) == 0x80 && n + 8 < size) {
			n++;
		}
		chars++;
	}
	memcpy(buf, s, n);
	strcpy(buf + n, s[n] ? "\xe2\x80\xa6" : "");
}

static void label_axis(const struct plot *p)
{
	for (size_t i = 0; i <= p->tr->n_labels; i++) {
		bool rest = i == p->tr->n_labels;
		char text[128];

		if (rest && i < DIFF_TRACE_LABELS) {
			break;
		}
		cut(text, sizeof(text), rest ? "other" : p->tr->label[i], 20);
		fprintf(p->out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" "
			"y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"end\">",
			p->left, p->width - RIGHT, py(p, (double)i),
			py(p, (double)i), p->left - 6, py(p, (double)i) + 4);
		report_esc(p->out, text, ESC_XML);
		fputs("</text>\n", p->out);
	}
}

static void time_axis(const struct plot *p)
{
	double from = vtime_to_s(p->t0), to = vtime_to_s(p->t1);
	double step = tick_step(to - from, p->width > 600 ? 10 : 5);
	double y = HEIGHT - BOTTOM;

	fprintf(p->out,
		"<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
		"y2=\"%.1f\"/>\n",
		p->left, p->width - RIGHT, y, y);
	for (double s = ceil(from / step) * step; s <= to; s += step) {
		double x = px(p, vtime_from_s(s));

		fprintf(p->out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" "
			"y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%.9g</text>\n",
			x, x, TOP, y, x, y + 15,
			fabs(s) < step * 1e-6 ? 0 : s);
		if (s + step == s) {
			break;
		}
	}
}

/* ---- lines ---- */

/* The side's polyline, forwards or backwards, after an "M" or "L". Points that
 * fall on the same spot are left out. */
static void line_to(const struct plot *p, const struct diff_trace_side *s,
		    bool back)
{
	double last_x = -1, last_y = -1;
	bool begun = false;

	for (size_t k = 0; k < s->n; k++) {
		size_t i = back ? s->n - 1 - k : k;
		double x = px(p, s->t[i]), y;

		if (!isfinite(s->y[i])) {
			continue;
		}
		y = py(p, s->y[i]);
		if (begun && fabs(x - last_x) < 0.05 &&
		    fabs(y - last_y) < 0.05) {
			continue;
		}
		if (begun && p->step) {
			fprintf(p->out, back ? "V%.1f" : "H%.1f",
				back ? y : x);
		}
		fprintf(p->out, "%s%.1f %.1f", begun ? "L" : "", x, y);
		last_x = x;
		last_y = y;
		begun = true;
	}
	/* held to the end of the picture */
	if (begun && p->step && !back && s->t[s->n - 1] < p->t1) {
		fprintf(p->out, "H%.1f", p->width - RIGHT);
	}
}

static size_t n_finite(const struct diff_trace_side *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		n += isfinite(s->y[i]) != 0;
	}
	return n;
}

/* What lies between the two lines. */
static void area(const struct plot *p)
{
	const struct diff_trace_side *a = &p->side[0], *b = &p->side[1];

	if (!p->tr->numeric || n_finite(a) < 2 || n_finite(b) < 2) {
		return;
	}
	fputs("<path class=\"area\" d=\"M", p->out);
	line_to(p, a, false);
	fputc('L', p->out);
	if (p->step && b->t[b->n - 1] < p->t1 && isfinite(b->y[b->n - 1])) {
		fprintf(p->out, "%.1f %.1fL", p->width - RIGHT,
			py(p, b->y[b->n - 1]));
	}
	line_to(p, b, true);
	fputs("Z\"/>\n", p->out);
}

static void lines(const struct plot *p)
{
	static const char *const class[] = { "la", "lb" };
	static const char *const dot[] = { "pa", "pb" };


	for (int i = 0; i < 2; i++) {
		const struct diff_trace_side *s = &p->side[i];

		if (n_finite(s) == 0) {
			continue;
		}
		fprintf(p->out, "<path class=\"%s\" d=\"M", class[i]);
		line_to(p, s, false);
		fputs("\"/>\n", p->out);
		/* few enough to be seen one by one */
		for (size_t k = 0; k < s->n && s->n <= 60; k++) {
			if (isfinite(s->y[k]) && s->t[k] >= p->t0 &&
			    s->t[k] <= p->t1) {
				fprintf(p->out,
					"<circle class=\"%s\" cx=\"%.1f\" "
					"cy=\"%.1f\" r=\"%s\"/>\n",
					dot[i], px(p, s->t[k]),
					py(p, s->y[k]), i ? "2" : "3.2");
			}
		}
	}
}

/* Spans that touch in the picture are one, or their shades would add up. */
#define SPAN_JOIN 12.0

static void spans(const struct plot *p)
{
	double x0 = -1, x1 = -1;

	for (size_t i = 0; i <= p->k->n_spans; i++) {
		const struct diff_span *s = &p->k->span[i];
		bool last = i == p->k->n_spans;
		double from = last ? INFINITY : px(p, s->from);
		double to = last ? INFINITY : px(p, s->to);

		if (i > 0 && from > x1 + SPAN_JOIN) {
			double pad = x1 - x0 < 3 ? (3 - (x1 - x0)) / 2 : 0;

			fprintf(p->out,
				"<rect class=\"span\" x=\"%.1f\" y=\"%.1f\" "
				"width=\"%.1f\" height=\"%.1f\"/>\n",
				x0 - pad, TOP, x1 - x0 + 2 * pad,
				HEIGHT - BOTTOM - TOP);
		}
		if (i == 0 || from > x1 + SPAN_JOIN) {
			x0 = from;
			x1 = to;
		}
		x1 = to > x1 ? to : x1;
	}
	fprintf(p->out,
		"<line class=\"first\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
		"y2=\"%.1f\"/>\n",
		px(p, p->k->first.t), px(p, p->k->first.t), TOP - 4,
		HEIGHT - BOTTOM);
}

void report_plot(FILE *out, const struct diff_result *r,
		 const struct diff_trace *t, enum plot_part part)
{
	bool zoom = part == PLOT_ZOOM;
	struct plot p = { .out = out,
			  .k = &r->key[t->key],
			  .tr = t,
			  .side = zoom ? t->zoom : t->side,
			  /* as the columns of .plots */
			  .width = zoom ? 420 : 700,
			  .left = t->numeric ? 62 : 132,
			  .t0 = zoom ? t->zoom_from : r->begin,
			  .t1 = zoom ? t->zoom_to : r->end };

	p.step = !(p.k->tol.kind == TOL_CONTINUOUS &&
		   p.k->tol.interp == TOL_LINEAR);
	if (p.t1 <= p.t0) {
		p.t1 = p.t0 + VT_MS;
	}
	value_range(&p);
	fprintf(out,
		"<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"values "
		"of A and B over time\">\n",
		p.width, HEIGHT);
	if (t->numeric) {
		value_axis(&p);
	} else {
		label_axis(&p);
	}
	time_axis(&p);
	fprintf(out,
		"<svg x=\"%g\" y=\"0\" width=\"%g\" height=\"%g\" "
		"viewBox=\"%g 0 %g %g\">\n",
		p.left, p.width - p.left - RIGHT, HEIGHT, p.left,
		p.width - p.left - RIGHT, HEIGHT);
	spans(&p);
	area(&p);
	lines(&p);
	fputs("</svg>\n</svg>\n", out);
}
