/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/feed.h"

static void on_timer(struct vtimer *t, vtime now)
{
	feed_run(t->ctx, now);
}

void feed_start(struct feed *f)
{
	vtime due = f->due(f->ctx);

	f->timer.fn = on_timer;
	f->timer.ctx = f;
	if (due != VT_NEVER) {
		f->error = evq_arm(f->q, &f->timer, due);
	}
}

void feed_run(struct feed *f, vtime now)
{
	while (f->due(f->ctx) <= now) {
		f->step(f->ctx);
	}
	feed_start(f);
}

void feed_stop(struct feed *f)
{
	evq_disarm(f->q, &f->timer);
}
