/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/net_line.h"

#include "vdevices/health.h"
#include "vdevices/net_frame.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	TO_HOST,
	TO_GUEST,
	WAYS,
	LINE_FRAMES = 8192,
	LINE_BYTES = 4 << 20, /* each way: 320 ms at 100 Mbit/s */
};
#define EARLY_NS 500000 /* half a tick of the loop's timers */

/* What a frame of @len bytes takes of the ring. */
static size_t place_of(size_t len)
{
	return (sizeof(struct net_frame) + len + 15) & ~(size_t)15;
}

int net_fifo_init(struct net_fifo *f, size_t max_n, size_t max_bytes)
{
	*f = (struct net_fifo){ .max_n = max_n, .max_bytes = max_bytes };
	/* where a frame goes on at 0, less than the longest one is lost */
	f->size =
		max_bytes + max_n * place_of(15) + 2 * place_of(NET_FRAME_MAX);
	f->ring = malloc(f->size);
	f->size = f->ring ? f->size : 0;
	return f->ring ? 0 : -ENOMEM;
}

void net_fifo_finish(struct net_fifo *f)
{
	free(f->ring);
	*f = (struct net_fifo){ 0 };
}

/* Room for @need bytes in one piece behind the last frame, or NULL. */
static uint8_t *place(struct net_fifo *f, size_t need)
{
	bool around = f->n && f->to <= f->from;

	if (around ? f->from - f->to >= need : f->size - f->to >= need) {
		return f->ring + f->to;
	}
	if (around || f->from < need) {
		return NULL;
	}
	f->end = f->to;
	return f->ring;
}

bool net_fifo_put(struct net_fifo *f, const uint8_t *frame, size_t len,
		  int64_t due)
{
	struct net_frame *e;
	uint8_t *p;

	if (f->n >= f->max_n || len > f->max_bytes - f->bytes) {
		return false;
	}
	p = place(f, place_of(len));
	if (!p) {
		return false;
	}
	e = (void *)p;
	e->due = due;
	e->len = len;
	memcpy(e->data, frame, len);
	f->to = (size_t)(p - f->ring) + place_of(len);
	f->n++;
	f->bytes += len;
	return true;
}

struct net_frame *net_fifo_first(const struct net_fifo *f)
{
	return f->n ? (void *)(f->ring + f->from) : NULL;
}

void net_fifo_drop(struct net_fifo *f)
{
	const struct net_frame *e = net_fifo_first(f);
	bool around = f->to <= f->from;

	f->n--;
	f->bytes -= e->len;
	f->from += place_of(e->len);
	if (!f->n) {
		f->from = f->to = 0;
	} else if (around && f->from == f->end) {
		f->from = 0;
	}
}

void net_fifo_clear(struct net_fifo *f)
{
	f->n = f->bytes = f->from = f->to = 0;
}

struct way {
	struct net_fifo fifo;
	double loss;     /* share */
	int64_t free_at; /* the last bit of what was sent has left, ns */
	int64_t last_due;
};

struct net_line {
	uv_timer_t timer; /* first: closed and freed as this */
	const struct net_line_ops *ops;
	void *ctx;
	struct av_rand rand;
	struct way way[WAYS];
	double delay_ns, jitter_ns;
	double rate_bps; /* 0: no limit */
};

static void finish(struct net_line *l)
{
	for (int i = 0; i < WAYS; i++) {
		net_fifo_finish(&l->way[i].fifo);
	}
	free(l);
}

struct net_line *net_line_create(uv_loop_t *loop, const struct av_rand *rand,
				 const struct net_line_ops *ops, void *ctx)
{
	struct net_line *l = calloc(1, sizeof(*l));

	if (!l) {
		return NULL;
	}
	l->ops = ops;
	l->ctx = ctx;
	l->rand = *rand;
	for (int i = 0; i < WAYS; i++) {
		if (net_fifo_init(&l->way[i].fifo, LINE_FRAMES, LINE_BYTES)) {
			finish(l);
			return NULL;
		}
	}
	uv_timer_init(loop, &l->timer);
	uv_unref((uv_handle_t *)&l->timer);
	return l;
}

static void on_closed(uv_handle_t *h)
{
	finish((struct net_line *)h);
}

void net_line_destroy(struct net_line *l)
{
	if (l) {
		net_line_empty(l);
		uv_close((uv_handle_t *)&l->timer, on_closed);
	}
}

void net_line_empty(struct net_line *l)
{
	for (int i = 0; i < WAYS; i++) {
		net_fifo_clear(&l->way[i].fifo);
		l->way[i].free_at = l->way[i].last_due = 0;
	}
	uv_timer_stop(&l->timer);
}

static double given(double v, double otherwise)
{
	return isfinite(v) && v >= 0 ? v : otherwise;
}

/* Arguments as in scenarios/fault_table.c. */
void net_line_fault(struct net_line *l, const struct port_fault *f, bool on)
{
	if (!strcmp(f->name, "net-loss")) {
		int which = (int)given(f->v[1], 0); /* both, in, out */
		double share = on ? given(f->v[0], 0) : 0;

		l->way[TO_GUEST].loss = !on || which != 2 ? share : 0;
		l->way[TO_HOST].loss = !on || which != 1 ? share : 0;
	} else if (!strcmp(f->name, "net-delay")) {
		l->delay_ns = on ? fmin(given(f->v[0], 0), 60) * 1e9 : 0;
		l->jitter_ns = on ? fmin(given(f->v[1], 0), 60) * 1e9 : 0;
	} else if (!strcmp(f->name, "net-bandwidth")) {
		l->rate_bps = on ? given(f->v[0], 0) : 0;
	}
}

bool net_line_clear(const struct net_line *l)
{
	return l->delay_ns <= 0 && l->jitter_ns <= 0 && l->rate_bps <= 0 &&
	       l->way[TO_GUEST].loss <= 0 && l->way[TO_HOST].loss <= 0 &&
	       !l->way[TO_GUEST].fifo.n && !l->way[TO_HOST].fifo.n;
}

static void deliver(struct net_line *l, int64_t now)
{
	for (int i = 0; i < WAYS; i++) {
		struct net_fifo *f = &l->way[i].fifo;
		struct net_frame *e;

		while ((e = net_fifo_first(f)) && e->due <= now + EARLY_NS) {
			l->ops->arrive(l->ctx, i == TO_GUEST, e->data, e->len);
			net_fifo_drop(f);
		}
	}
	l->ops->flush(l->ctx);
}

static void on_timer(uv_timer_t *t);

static void arm(struct net_line *l, int64_t now)
{
	int64_t due = INT64_MAX;

	for (int i = 0; i < WAYS; i++) {
		const struct net_frame *e = net_fifo_first(&l->way[i].fifo);

		due = e && e->due < due ? e->due : due;
	}
	if (due == INT64_MAX) {
		uv_timer_stop(&l->timer);
		return;
	}
	uv_update_time(l->timer.loop);
	due = (due - now + EARLY_NS) / 1000000;
	uv_timer_start(&l->timer, on_timer, due > 0 ? (uint64_t)due : 0, 0);
}

static void on_timer(uv_timer_t *t)
{
	struct net_line *l = (struct net_line *)t;
	int64_t now = health_clock_ns();

	deliver(l, now);
	arm(l, now);
}

void net_line_put(struct net_line *l, bool to_guest, const uint8_t *frame,
		  size_t len, int64_t now_ns)
{
	struct way *w = &l->way[to_guest ? TO_GUEST : TO_HOST];
	int64_t due = now_ns, sent;
	bool first = !w->fifo.n;

	if (w->loss > 0 && av_rand_unit(&l->rand) < w->loss) {
		return;
	}
	if (l->rate_bps > 0) {
		due = w->free_at > due ? w->free_at : due;
		due += (int64_t)((double)len * 8e9 / fmax(l->rate_bps, 1));
	}
	sent = due;
	due += (int64_t)l->delay_ns;
	if (l->jitter_ns > 0) {
		due += (int64_t)((2 * av_rand_unit(&l->rand) - 1) *
				 l->jitter_ns);
	}
	due = due > w->last_due ? due : w->last_due;
	if (!net_fifo_put(&w->fifo, frame, len, due)) {
		l->ops->lost(l->ctx);
		return;
	}
	w->free_at = sent;
	w->last_due = due;
	if (first) {
		arm(l, now_ns);
	}
}
