/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds what is sorted by time into a world on its event queue: one timer, one
 * item ahead. When it fires, everything due is fed and the timer moves to the
 * next, so a source of any length costs one timer.
 */
#ifndef AVSIM_RECORDINGS_FEED_H
#define AVSIM_RECORDINGS_FEED_H

#include "sim/core/evq.h"

struct feed {
	struct evq *q;
	/* When the next item is due; VT_NEVER: there is none (or no more). */
	vtime (*due)(void *ctx);
	/* Feed it and step to the one behind it. */
	void (*step)(void *ctx);
	void *ctx;
	struct vtimer timer;
	int error; /* -ENOMEM: the timer could not be set, nothing follows */
};

/* Feed what is due at @now, then go on by itself. */
void feed_run(struct feed *f, vtime now);
/* Go on by itself from the first item's time. */
void feed_start(struct feed *f);
void feed_stop(struct feed *f);

#endif
