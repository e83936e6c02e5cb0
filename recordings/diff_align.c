/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences. Each side of a stream has a queue of records that have no partner
 * yet. While the heads agree (value within abs and rel, time within "time") they
 * leave in pairs at once: the common case costs one comparison and no memory.
 *
 * Where they do not agree there is a dispute. Heads further apart than the
 * window have no partner. One difference by itself shows in the two or three
 * records that follow it (settle_single()). Otherwise both sides wait for some
 * lookahead (8, then
 * 32, then ALIGN_MAX records, or until the window has passed), and the cheapest
 * alignment of the two stretches is found by dynamic programming; of its steps
 * those are taken that later records cannot overturn: all of them if it ends in
 * three agreeing pairs, else the first half. Time is linear in the records,
 * with a constant factor of 2 x ALIGN_MAX steps where nothing agrees at all.
 *
 * A dispute is looked at only when time moves on, with everything of both sides
 * up to then in the queues: what is decided does not depend on which of the
 * files is called A.
 */
#include "config.h"

#include "recordings/diff_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Costs. A pair that moved or changed is dearer than one that agrees, cheaper
 * than one missing and one extra; a changed one only near its place. */
#define COST_GAP 1000u
#define COST_SHIFTED 600u
#define COST_SHIFTED_FAR 300u /* more at the end of the window */
#define COST_CHANGED 1000u
#define COST_CHANGED_LATE 1400u /* ... and out of time */
#define COST_CHANGED_FAR 800u
#define COST_NEVER UINT32_MAX

enum { STEP_PAIR, STEP_A, STEP_B };

static struct diff_item *queue_push(struct diff_queue *q)
{
	if (q->n == q->cap) {
		uint32_t cap = q->cap ? q->cap * 2 : 4;
		struct diff_item *v;

		if (cap > UINT32_MAX / 2 || !(v = malloc(cap * sizeof(*v)))) {
			return NULL;
		}
		for (uint32_t i = 0; i < q->n; i++) {
			v[i] = *queue_at(q, i);
		}
		free(q->v);
		q->v = v;
		q->cap = cap;
		q->head = 0;
	}
	return queue_at(q, q->n++);
}

static void item_finish(struct diff_item *i)
{
	if (i->len > ITEM_INLINE) {
		free(i->u.heap);
	}
}

static void queue_pop(struct diff_queue *q)
{
	item_finish(queue_at(q, 0));
	q->head = (q->head + 1) & (q->cap - 1);
	q->n--;
}

static void enqueue(struct diff_stream *s, int side, const struct diff_rec *r)
{
	struct diff_item *i = queue_push(&s->q[side]);
	char *copy = NULL;

	if (i && r->len > ITEM_INLINE) {
		copy = malloc(r->len);
		if (!copy) {
			s->q[side].n--;
			i = NULL;
		}
	}
	if (!i) {
		s->d->error = -ENOMEM;
		return;
	}
	diff_item_view(i, r);
	if (copy) {
		memcpy(copy, r->val, r->len);
		i->u.heap = copy;
	}
}

static vtime apart(const struct diff_item *a, const struct diff_item *b)
{
	return a->t > b->t ? a->t - b->t : b->t - a->t;
}

/* A pair whose values agree. */
static void pair_agrees(struct diff_stream *s, const struct diff_item *a,
			const struct diff_item *b, double delta)
{
	vtime dt = apart(a, b);

	if (delta > 0) {
		diff_note_delta(s, delta, a->t < b->t ? a->t : b->t, a, b);
	}
	if (dt > s->k.worst_shift) {
		s->k.worst_shift = dt;
	}
	if (dt > s->k.tol.time) {
		diff_note(s, DIFF_SHIFTED, a, b, NAN);
	} else {
		s->k.c.same++;
	}
}

static void take_pair(struct diff_stream *s)
{
	const struct diff_item *a = queue_at(&s->q[0], 0);
	const struct diff_item *b = queue_at(&s->q[1], 0);
	double delta;

	if (diff_value_cmp(s, a, b, &delta) != CMP_DIFFERENT) {
		pair_agrees(s, a, b, delta);
	} else {
		diff_note_delta(s, delta, a->t < b->t ? a->t : b->t, a, b);
		diff_note(s, DIFF_CHANGED, a, b, delta);
	}
	queue_pop(&s->q[0]);
	queue_pop(&s->q[1]);
}

static void take_single(struct diff_stream *s, int side)
{
	struct diff_item *i = queue_at(&s->q[side], 0);

	if (!i->gone) {
		diff_note(s, side ? DIFF_EXTRA : DIFF_MISSING, side ? NULL : i,
			  side ? i : NULL, NAN);
	}
	queue_pop(&s->q[side]);
}

static bool heads_agree(struct diff_stream *s)
{
	const struct diff_item *a = queue_at(&s->q[0], 0);
	const struct diff_item *b = queue_at(&s->q[1], 0);
	double delta;

	if (apart(a, b) > s->k.tol.time ||
	    diff_value_cmp(s, a, b, &delta) == CMP_DIFFERENT) {
		return false;
	}
	pair_agrees(s, a, b, delta);
	queue_pop(&s->q[0]);
	queue_pop(&s->q[1]);
	return true;
}

/* ---- dispute ---- */

static uint32_t pair_cost(const struct diff_stream *s,
			  const struct diff_item *a, const struct diff_item *b)
{
	vtime dt = apart(a, b), w = s->k.tol.window;
	uint32_t far;
	double delta;

	if (dt > w) {
		return COST_NEVER;
	}
	far = w > 0 ? (uint32_t)(1000.0 * (double)dt / (double)w) : 0;
	if (diff_value_cmp(s, a, b, &delta) != CMP_DIFFERENT) {
		return dt <= s->k.tol.time ?
			       0 :
			       COST_SHIFTED + far * COST_SHIFTED_FAR / 1000;
	}
	return dt <= s->k.tol.time ?
		       COST_CHANGED :
		       COST_CHANGED_LATE + far * COST_CHANGED_FAR / 1000;
}

static void fill_table(struct diff_stream *s, uint32_t na, uint32_t nb)
{
	struct diff_align *t = s->d->align;

	for (uint32_t i = 0; i <= na; i++) {
		t->cost[i][0] = i * COST_GAP;
		t->step[i][0] = STEP_A;
	}
	for (uint32_t j = 0; j <= nb; j++) {
		t->cost[0][j] = j * COST_GAP;
		t->step[0][j] = STEP_B;
	}
	for (uint32_t i = 1; i <= na; i++) {
		const struct diff_item *a = queue_at(&s->q[0], i - 1);

		for (uint32_t j = 1; j <= nb; j++) {
			const struct diff_item *b = queue_at(&s->q[1], j - 1);
			uint32_t c = pair_cost(s, a, b);
			uint32_t up = t->cost[i - 1][j] + COST_GAP;
			uint32_t left = t->cost[i][j - 1] + COST_GAP;
			bool later_a = a->t > b->t;

			/* of equals: pairs, then what came later, so that the
			 * choice is the same with the sides exchanged */
			t->cost[i][j] = up < left || (up == left && later_a) ?
						up :
						left;
			t->step[i][j] = up < left || (up == left && later_a) ?
						STEP_A :
						STEP_B;
			if (c != COST_NEVER &&
			    c + t->cost[i - 1][j - 1] <= t->cost[i][j]) {
				t->cost[i][j] = c + t->cost[i - 1][j - 1];
				t->step[i][j] = STEP_PAIR;
			}
		}
	}
}

/* Where the alignment ends if the rest of the longer side may still find its
 * partners: the cheapest cell of the last row and column. */
static void open_end(const struct diff_align *t, uint32_t na, uint32_t nb,
		     uint32_t *ei, uint32_t *ej)
{
	*ei = na;
	*ej = nb;
	for (uint32_t k = 1; k <= na || k <= nb; k++) {
		if (k <= nb && t->cost[na][nb - k] < t->cost[*ei][*ej]) {
			*ei = na;
			*ej = nb - k;
		}
		if (k <= na && t->cost[na - k][nb] < t->cost[*ei][*ej]) {
			*ei = na - k;
			*ej = nb;
		}
	}
}

/* Steps from the heads on into path[]. *clean: agreeing pairs at its end. */
static uint32_t trace_back(const struct diff_stream *s, uint32_t i, uint32_t j,
			   uint32_t *clean)
{
	struct diff_align *t = s->d->align;
	uint32_t n = 0;
	bool in_clean = true;

	*clean = 0;
	while (i > 0 || j > 0) {
		uint8_t step = t->step[i][j];

		in_clean = in_clean && step == STEP_PAIR &&
			   t->cost[i][j] == t->cost[i - 1][j - 1];
		*clean += in_clean;
		t->path[n++] = step;
		i -= step != STEP_B;
		j -= step != STEP_A;
	}
	for (uint32_t k = 0; k < n / 2; k++) {
		uint8_t swap = t->path[k];

		t->path[k] = t->path[n - 1 - k];
		t->path[n - 1 - k] = swap;
	}
	return n;
}

static void take_steps(struct diff_stream *s, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		if (s->d->align->path[k] == STEP_PAIR) {
			take_pair(s);
		} else {
			take_single(s, s->d->align->path[k] == STEP_B);
		}
	}
}

/*
 * Resolve as much of the dispute as can be, or ask for more lookahead. @ripe:
 * what the heads could be paired with is all there; @final: nothing follows at
 * all.
 */
static void resolve(struct diff_stream *s, bool ripe, bool final)
{
	uint32_t limit = ripe ? ALIGN_MAX : s->look;
	uint32_t na = s->q[0].n < limit ? s->q[0].n : limit;
	uint32_t nb = s->q[1].n < limit ? s->q[1].n : limit;
	bool all = na == s->q[0].n && nb == s->q[1].n && ripe;
	uint32_t ei = na, ej = nb, n, clean;

	fill_table(s, na, nb);
	if (!all) {
		open_end(s->d->align, na, nb, &ei, &ej);
	}
	n = trace_back(s, ei, ej, &clean);
	if (clean >= 3 || (all && final)) {
		take_steps(s, n);
		s->look = 8;
	} else if (!ripe && s->look < ALIGN_MAX) {
		s->look = s->look * 4 < ALIGN_MAX ? s->look * 4 : ALIGN_MAX;
	} else {
		take_steps(s, n > 1 ? n / 2 : 1);
	}
}

/* ---- one difference by itself ---- */

static bool same_value(const struct diff_stream *s, uint32_t i, uint32_t j)
{
	double delta;

	return diff_value_cmp(s, queue_at(&s->q[0], i), queue_at(&s->q[1], j),
			      &delta) != CMP_DIFFERENT;
}

static bool in_time(const struct diff_stream *s, uint32_t i, uint32_t j)
{
	return apart(queue_at(&s->q[0], i), queue_at(&s->q[1], j)) <=
	       s->k.tol.time;
}

static bool agree(const struct diff_stream *s, uint32_t i, uint32_t j)
{
	return in_time(s, i, j) && same_value(s, i, j);
}

/* A head that moved: nothing that follows fits either head as well or better. */
static bool moved_in_place(const struct diff_stream *s)
{
	vtime dt = apart(queue_at(&s->q[0], 0), queue_at(&s->q[1], 0));

	return same_value(s, 0, 0) &&
	       !(same_value(s, 1, 0) &&
		 apart(queue_at(&s->q[0], 1), queue_at(&s->q[1], 0)) <= dt) &&
	       !(same_value(s, 0, 1) &&
		 apart(queue_at(&s->q[0], 0), queue_at(&s->q[1], 1)) <= dt);
}

/*
 * The usual disputes, decided as the alignment would decide them: a pair that
 * moved or changed before a pair that is not out of order, or one record too
 * many before two that agree. Return: whether it was one of them.
 */
static bool settle_single(struct diff_stream *s)
{
	if (s->q[0].n < 3 || s->q[1].n < 3) {
		return false;
	}
	if (moved_in_place(s) || (in_time(s, 0, 0) && agree(s, 1, 1))) {
		take_pair(s);
		return true;
	}
	for (int side = 0; side < 2; side++) {
		uint32_t a = side == 0, b = side == 1;

		if (agree(s, a, b) && agree(s, a + 1, b + 1)) {
			take_single(s, side);
			return true;
		}
	}
	return false;
}

/* Decide what can be decided before anything of time @now is taken in. */
static void settle(struct diff_stream *s, vtime now, bool final)
{
	vtime window = s->k.tol.window;

	s->dispute = false;
	while (s->q[0].n > 0 && s->q[1].n > 0) {
		vtime ta = queue_at(&s->q[0], 0)->t;
		vtime tb = queue_at(&s->q[1], 0)->t;
		bool ripe;

		if (heads_agree(s)) {
			s->look = 8;
			continue;
		}
		if (ta - tb > window || tb - ta > window) {
			take_single(s, tb < ta);
			continue;
		}
		if (settle_single(s)) {
			continue;
		}
		ripe = final || now - (ta < tb ? ta : tb) > window;
		if (!ripe && (s->q[0].n < s->look || s->q[1].n < s->look)) {
			s->dispute = true;
			return;
		}
		resolve(s, ripe, final);
	}
	for (int side = 0; side < 2; side++) {
		struct diff_queue *q = &s->q[side];

		while (q->n > 0 &&
		       (final || now - queue_at(q, 0)->t > window)) {
			take_single(s, side);
		}
	}
}

/* ---- any order ---- */

/* A partner for @r anywhere in the other queue (near its head, in case a file
 * has a great many records of one moment). */
#define ANY_ORDER_MAX 1024
static bool match_any(struct diff_stream *s, int side, const struct diff_rec *r)
{
	struct diff_queue *q = &s->q[!side];
	struct diff_item view;

	diff_item_view(&view, r);
	for (uint32_t i = 0; i < q->n && i < ANY_ORDER_MAX; i++) {
		struct diff_item *o = queue_at(q, i);
		double delta;

		if (!o->gone && apart(o, &view) <= s->k.tol.time &&
		    diff_value_cmp(s, side ? o : &view, side ? &view : o,
				   &delta) != CMP_DIFFERENT) {
			pair_agrees(s, side ? o : &view, side ? &view : o,
				    delta);
			o->gone = true;
			return true;
		}
	}
	return false;
}

/* Whatever is older than "time" has missed its partner. */
static void expire_any(struct diff_stream *s, vtime now, bool final)
{
	for (int side = 0; side < 2; side++) {
		struct diff_queue *q = &s->q[side];

		while (q->n > 0 &&
		       (final || queue_at(q, 0)->gone ||
			now - queue_at(q, 0)->t > s->k.tol.time)) {
			take_single(s, side);
		}
	}
}

/* ---- entry points ---- */

void diff_align_push(struct diff_stream *s, int side, const struct diff_rec *r)
{
	struct diff_queue *other = &s->q[!side];
	bool moved = r->t > s->last;

	if (moved) {
		s->last = r->t;
	}
	if (s->k.tol.any_order) {
		if (moved) {
			expire_any(s, r->t, false);
		}
		if (!match_any(s, side, r)) {
			enqueue(s, side, r);
		}
		return;
	}
	if (moved && s->q[side].n > 0) {
		settle(s, r->t, false);
	}
	if (!s->dispute && s->q[side].n == 0 && other->n > 0) {
		struct diff_item view;
		struct diff_item *head = queue_at(other, 0);
		double delta;

		diff_item_view(&view, r);
		if (apart(head, &view) <= s->k.tol.time &&
		    diff_value_cmp(s, side ? head : &view, side ? &view : head,
				   &delta) != CMP_DIFFERENT) {
			pair_agrees(s, side ? head : &view,
				    side ? &view : head, delta);
			queue_pop(other);
			return;
		}
	}
	enqueue(s, side, r);
}

void diff_align_end(struct diff_stream *s)
{
	if (s->k.tol.any_order) {
		expire_any(s, VT_NEVER, true);
	} else {
		settle(s, VT_NEVER, true);
	}
}

void diff_align_free(struct diff_stream *s)
{
	for (int side = 0; side < 2; side++) {
		while (s->q[side].n > 0) {
			queue_pop(&s->q[side]);
		}
		free(s->q[side].v);
	}
}
