/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap of timers. Invariants: heap[i] is not before its parent; every
 * armed timer knows its slot (index + 1), every other has slot 0; the clock is
 * never after heap[0].due.
 */
#include "config.h"

#include "sim/core/evq.h"

#include <errno.h>
#include <stdlib.h>

struct evq {
	struct vtimer **heap;
	size_t n, room;
	uint64_t seq;
	vtime now;
};

struct evq *evq_create(void)
{
	return calloc(1, sizeof(struct evq));
}

void evq_destroy(struct evq *q)
{
	if (!q) {
		return;
	}
	for (size_t i = 0; i < q->n; i++) {
		q->heap[i]->slot = 0;
	}
	free(q->heap);
	free(q);
}

vtime evq_now(const struct evq *q)
{
	return q->now;
}

const vtime *evq_clock(const struct evq *q)
{
	return &q->now;
}

static bool before(const struct vtimer *a, const struct vtimer *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void put(struct evq *q, size_t i, struct vtimer *t)
{
	q->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct evq *q, size_t i, struct vtimer *t)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!before(t, q->heap[parent])) {
			break;
		}
		put(q, i, q->heap[parent]);
		i = parent;
	}
	put(q, i, t);
}

static void sift_down(struct evq *q, size_t i, struct vtimer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= q->n) {
			break;
		}
		if (child + 1 < q->n &&
		    before(q->heap[child + 1], q->heap[child])) {
			child++;
		}
		if (!before(q->heap[child], t)) {
			break;
		}
		put(q, i, q->heap[child]);
		i = child;
	}
	put(q, i, t);
}

void evq_disarm(struct evq *q, struct vtimer *t)
{
	struct vtimer *last;
	size_t i;

	if (t->slot == 0) {
		return;
	}
	i = t->slot - 1;
	t->slot = 0;
	last = q->heap[--q->n];
	if (last == t) {
		return;
	}
	if (i > 0 && before(last, q->heap[(i - 1) / 2])) {
		sift_up(q, i, last);
	} else {
		sift_down(q, i, last);
	}
}

int evq_arm(struct evq *q, struct vtimer *t, vtime due)
{
	evq_disarm(q, t);
	if (q->n == q->room) {
		size_t room = q->room ? q->room * 2 : 64;
		struct vtimer **heap = realloc(q->heap, room * sizeof(*heap));

		if (!heap) {
			return -ENOMEM;
		}
		q->heap = heap;
		q->room = room;
	}
	t->due = due < q->now ? q->now : due;
	t->seq = q->seq++;
	sift_up(q, q->n++, t);
	return 0;
}

vtime evq_next_due(const struct evq *q)
{
	return q->n > 0 ? q->heap[0]->due : VT_NEVER;
}

bool evq_run_next(struct evq *q)
{
	struct vtimer *t;

	if (q->n == 0) {
		return false;
	}
	t = q->heap[0];
	evq_disarm(q, t);
	q->now = t->due;
	t->fn(t, q->now);
	return true;
}

void evq_run_until(struct evq *q, vtime until)
{
	while (q->n > 0 && q->heap[0]->due <= until) {
		evq_run_next(q);
	}
	if (q->now < until) {
		q->now = until;
	}
}
