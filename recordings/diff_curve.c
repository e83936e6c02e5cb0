/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves. A sample x of one side is judged against what the other side does in
 * [t - time, t + time]: its samples there and, by interpolation, its values at
 * both ends. The smallest and greatest of these, widened by abs and rel, must
 * enclose x. Interpolation bridges gaps up to max_gap; where a gap is wider, and
 * before the first and after the last sample, the nearest one stands in if it is
 * no further away than max_gap. Otherwise x is missing from the other side.
 *
 * Values of several columns (imu, vectors) are judged column by column; one out
 * of tolerance makes the sample differ. The delta of a sample is its distance
 * from the enclosed range, 0 inside: what the time tolerance cannot explain.
 *
 * A sample is judged as soon as the other side has gone past the end of what it
 * needs, so that a stream holds about 2 x time + max_gap of samples.
 */
#include "config.h"

#include "recordings/diff_int.h"

#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct samples {
	vtime *t;
	uint64_t *pos;
	double *v;	 /* cols per sample */
	size_t n, cap;
	size_t next;	 /* first that is not judged yet */
	size_t cursor;	 /* in the other's: last one before t - time, if any */
};

struct diff_curve {
	size_t cols;
	struct samples side[2];
	uint64_t bad[2]; /* samples out of tolerance */
};

int diff_curve_init(struct diff_stream *s, size_t cols)
{
	s->curve = calloc(1, sizeof(*s->curve));
	if (!s->curve) {
		return -ENOMEM;
	}
	s->curve->cols = cols;
	return 0;
}

static int grow_samples(struct samples *p, size_t cols)
{
	size_t cap = p->cap ? p->cap * 2 : 16;
	vtime *t = realloc(p->t, cap * sizeof(*t));
	uint64_t *pos;
	double *v;

	if (!t) {
		return -ENOMEM;
	}
	p->t = t;
	pos = realloc(p->pos, cap * sizeof(*pos));
	if (!pos) {
		return -ENOMEM;
	}
	p->pos = pos;
	v = realloc(p->v, cap * cols * sizeof(*v));
	if (!v) {
		return -ENOMEM;
	}
	p->v = v;
	p->cap = cap;
	return 0;
}

/* Forget the first @n samples of @p; the other side's cursor moves along. */
static void drop(struct samples *p, struct samples *other, size_t n,
		 size_t cols)
{
	size_t left = p->n - n;

	memmove(p->t, p->t + n, left * sizeof(*p->t));
	memmove(p->pos, p->pos + n, left * sizeof(*p->pos));
	memmove(p->v, p->v + n * cols, left * cols * sizeof(*p->v));
	p->n = left;
	p->next -= n;
	other->cursor -= other->cursor < n ? other->cursor : n;
}

/* The range that a column of the other side takes. */
struct range {
	double lo, hi;
	bool any;
	uint64_t odd; /* bits of a NaN among the samples, 0 = none */
};

static void widen(struct range *r, double v)
{
	if (isnan(v)) {
		memcpy(&r->odd, &v, sizeof(v));
		return;
	}
	r->lo = r->any && r->lo < v ? r->lo : v;
	r->hi = r->any && r->hi > v ? r->hi : v;
	r->any = true;
}

/* Value of column @c at @t between samples @i and @i + 1. */
static double between(const struct diff_stream *s, const struct samples *o,
		      size_t i, size_t c, vtime t)
{
	size_t cols = s->curve->cols;
	double a = o->v[i * cols + c], b = o->v[(i + 1) * cols + c];
	double f;

	if (a == b || t == o->t[i] || isnan(a) || isnan(b)) {
		return a;
	}
	f = (double)(t - o->t[i]) / (double)(o->t[i + 1] - o->t[i]);
	return a + (b - a) * f;
}

/* The value at one moment @t, if the samples around it allow: @i is the last
 * sample at or before it, or -1. */
static void widen_at(const struct diff_stream *s, const struct samples *o,
		     ptrdiff_t i, size_t c, vtime t, struct range *r)
{
	size_t cols = s->curve->cols, next = (size_t)(i + 1);
	vtime gap = s->k.tol.max_gap;
	bool linear = s->k.tol.interp == TOL_LINEAR;

	if (linear && i >= 0 && next < o->n && o->t[next] - o->t[i] <= gap) {
		widen(r, between(s, o, (size_t)i, c, t));
	} else if (i >= 0 && t - o->t[i] <= gap) {
		widen(r, o->v[(size_t)i * cols + c]);
	} else if ((linear || i < 0) && next < o->n && o->t[next] - t <= gap) {
		widen(r, o->v[next * cols + c]);
	}
}

static char *num_text(double v, const char *prefix)
{
	char buf[AV_NUM_TEXT_MAX], *p;
	size_t n = strlen(prefix);

	av_num_text(v, buf);
	p = malloc(n + strlen(buf) + 1);
	if (p) {
		memcpy(p, prefix, n);
		strcpy(p + n, buf);
	}
	return p;
}

/* How far @v is outside of @r; 0 inside. */
static double distance(const struct range *r, double v, double *nearest)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	if (isnan(v)) {
		*nearest = r->any ? r->lo : NAN;
		return bits == r->odd ? 0 : INFINITY;
	}
	*nearest = NAN;
	if (!r->any) {
		return INFINITY; /* a number against a text */
	}
	*nearest = v < r->lo ? r->lo : v > r->hi ? r->hi : v;
	return diff_num_delta(v, *nearest);
}

static void note(struct diff_stream *s, enum diff_what what, int side, size_t i,
		 double delta, double v, double nearest)
{
	const struct samples *p = &s->curve->side[side];
	char *own = num_text(v, ""), *other = NULL;

	if (what == DIFF_CHANGED) {
		other = num_text(nearest, "~");
	}
	diff_note_at(s, what, side, p->t[i], p->pos[i], delta,
		     side ? other : own, side ? own : other);
}

static void judge(struct diff_stream *s, int side, size_t i)
{
	struct diff_curve *cv = s->curve;
	struct samples *p = &cv->side[side], *o = &cv->side[!side];
	const struct tolerance *tol = &s->k.tol;
	vtime lo = p->t[i] - tol->time, hi = p->t[i] + tol->time;
	double worst = -1, worst_v = 0, worst_near = 0;
	bool out = false, covered = false, at_lo;
	ptrdiff_t i0, i1;

	while (p->cursor + 1 < o->n && o->t[p->cursor + 1] < lo) {
		p->cursor++;
	}
	i0 = o->n > 0 && o->t[p->cursor] < lo ? (ptrdiff_t)p->cursor : -1;
	at_lo = (size_t)(i0 + 1) < o->n && o->t[i0 + 1] == lo;
	i1 = i0;
	while ((size_t)(i1 + 1) < o->n && o->t[i1 + 1] <= hi) {
		i1++;
	}
	for (size_t c = 0; c < cv->cols; c++) {
		double v = p->v[i * cv->cols + c], near, delta;
		struct range r = { 0 };

		if (!at_lo) {
			widen_at(s, o, i0, c, lo, &r);
		}
		for (ptrdiff_t k = i0 + 1; k <= i1; k++) {
			widen(&r, o->v[(size_t)k * cv->cols + c]);
		}
		widen_at(s, o, i1, c, hi, &r);
		covered = covered || r.any || r.odd;
		delta = distance(&r, v, &near);
		out = out || isinf(delta) ||
		      (delta > 0 && !diff_num_within(tol, v, near));
		if (delta > worst) {
			worst = delta;
			worst_v = v;
			worst_near = near;
		}
	}
	if (!covered) {
		note(s, side ? DIFF_EXTRA : DIFF_MISSING, side, i, NAN,
		     p->v[i * cv->cols], 0);
		return;
	}
	if (worst > 0) {
		struct diff_item x = { .kind = DIFF_NUM, .num = worst_v };
		struct diff_item y = { .kind = DIFF_NUM, .num = worst_near };

		diff_note_delta(s, worst, p->t[i], side ? &y : &x,
				side ? &x : &y);
	}
	if (out) {
		cv->bad[side]++;
		note(s, DIFF_CHANGED, side, i, worst, worst_v, worst_near);
	} else if (side == 0) {
		s->k.c.same++;
	}
}

static void judge_ready(struct diff_stream *s, int side, vtime now, bool final)
{
	struct samples *p = &s->curve->side[side];
	const struct samples *o = &s->curve->side[!side];
	const struct tolerance *tol = &s->k.tol;

	for (; p->next < p->n; p->next++) {
		vtime hi = p->t[p->next] + tol->time;

		if (!final && now - hi <= tol->max_gap &&
		    !(o->n > 0 && o->t[o->n - 1] > hi && now > hi)) {
			break;
		}
		judge(s, side, p->next);
	}
}

/* Samples of @side that neither side will ask for again. */
static void trim(struct diff_stream *s, int side, vtime now)
{
	struct samples *p = &s->curve->side[side];
	struct samples *o = &s->curve->side[!side];
	vtime need = o->next < o->n ? o->t[o->next] : now;
	size_t n = 0;

	need -= s->k.tol.time;
	/* worth the copying only when it frees half of the room */
	if (p->n < p->cap) {
		return;
	}
	while (n + 1 < p->n && n < p->next && p->t[n + 1] <= need) {
		n++;
	}
	if (n > 0 && n >= p->cap / 2) {
		drop(p, o, n, s->curve->cols);
	}
}

void diff_curve_push(struct diff_stream *s, int side, const struct diff_rec *r)
{
	struct diff_curve *cv = s->curve;
	struct samples *p = &cv->side[side];
	double v[CURVE_COLS_MAX];
	bool all_num;
	size_t n;

	if (r->t > s->last) {
		judge_ready(s, 0, r->t, false);
		judge_ready(s, 1, r->t, false);
		s->last = r->t;
	}
	trim(s, side, r->t);
	if (p->n == p->cap && grow_samples(p, cv->cols) < 0) {
		s->d->error = -ENOMEM;
		return;
	}
	n = diff_value_nums(r, v, cv->cols, &all_num);
	for (size_t c = 0; c < cv->cols; c++) {
		p->v[p->n * cv->cols + c] = c < n ? v[c] : (double)NAN;
	}
	p->t[p->n] = r->t;
	p->pos[p->n] = r->pos;
	p->n++;
}

void diff_curve_end(struct diff_stream *s)
{
	struct diff_curve *cv = s->curve;
	uint64_t *bad = &s->k.c.n[DIFF_CHANGED];

	judge_ready(s, 0, VT_NEVER, true);
	judge_ready(s, 1, VT_NEVER, true);
	/* both sides see most differences: the count is not to be doubled */
	*bad = cv->bad[0] > cv->bad[1] ? cv->bad[0] : cv->bad[1];
}

void diff_curve_free(struct diff_stream *s)
{
	if (!s->curve) {
		return;
	}
	for (int i = 0; i < 2; i++) {
		free(s->curve->side[i].t);
		free(s->curve->side[i].pos);
		free(s->curve->side[i].v);
	}
	free(s->curve);
	s->curve = NULL;
}
