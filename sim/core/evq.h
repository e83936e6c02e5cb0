/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event queue and virtual clock.
 *
 * Order: by due time, then by arming order (a timer armed first fires first
 * when deadlines match). A timer armed by a callback for the current instant
 * fires in this instant, after everything already due. The clock only moves
 * when evq_run_next() takes an event, to exactly that event's due time.
 */
#ifndef AVSIM_CORE_EVQ_H
#define AVSIM_CORE_EVQ_H

#include "sim/core/vtime.h"

#include <stdbool.h>

struct evq;
struct vtimer;

typedef void vtimer_fn(struct vtimer *t, vtime now);

/* Embed it, or point @ctx where it belongs. Zeroed = not armed. */
struct vtimer {
	vtimer_fn *fn;
	void *ctx;
	vtime due;
	uint64_t seq;
	size_t slot; /* heap position + 1, 0 = not armed; owned by the queue */
};

struct evq *evq_create(void);
void evq_destroy(struct evq *q); /* armed timers are forgotten, not fired */

/* Virtual now; the pointer stays valid as long as the queue. */
vtime evq_now(const struct evq *q);
const vtime *evq_clock(const struct evq *q);

/**
 * evq_arm() - Fire @t at @due; re-arming moves it and takes a new place in line
 * @due:	a time in the past counts as now
 *
 * Return: 0 or -ENOMEM (then @t is not armed).
 */
int evq_arm(struct evq *q, struct vtimer *t, vtime due);
void evq_disarm(struct evq *q, struct vtimer *t); /* not armed: no effect */

/* Due time of the next event, VT_NEVER if there is none. */
vtime evq_next_due(const struct evq *q);

/* Fire exactly one event. Return: false if there was none. */
bool evq_run_next(struct evq *q);

/* Fire everything due at or before @until, then set the clock to @until. */
void evq_run_until(struct evq *q, vtime until);

#endif
