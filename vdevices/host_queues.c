/* SPDX-License-Identifier: Apache-2.0 */
/* A host's queues: when their device is called, and when it may sleep. */
#include "config.h"

#include "vdevices/host_impl.h"

enum {
	BUDGET = 64,      /* chains that are thrown away at once */
	LOOKS = 16,       /* at rings, between two of the clock */
	LOOK_NS = 2000,   /* in vain, then descriptors come */
	TURN_NS = 100000, /* and not later than that */
};

struct virtq *vdev_queue(struct vdev *d, unsigned int q)
{
	return host_of(d)->q[q];
}

bool vdev_queue_enabled(struct vdev *d, unsigned int q)
{
	return host_of(d)->slot[q].enabled;
}

static void keep_awake(struct vdev_host *h)
{
	if (!h->busy && h->idle) {
		h->busy = true;
		uv_idle_start(h->idle, host_turn);
	}
}

void host_pend(struct vdev_host *h, unsigned int q)
{
	h->slot[q].pending = true;
	keep_awake(h);
}

void vdev_wake(struct vdev *d, unsigned int q)
{
	struct vdev_host *h = host_of(d);

	if (h->slot[q].enabled) {
		host_pend(h, q);
	}
}

void host_set_state(struct vdev_host *h)
{
	uint32_t s = h->vu ? HEALTH_CONNECTED : HEALTH_WAITING;

	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (virtq_broken(h->q[i])) {
			s = HEALTH_BROKEN;
			break;
		}
		if (h->slot[i].enabled) {
			s = HEALTH_RUNNING;
		}
	}
	atomic_store_explicit(&h->dev.health->state, s, memory_order_relaxed);
}

static void say_broken(struct vdev_host *h, unsigned int q)
{
	const char *why = virtq_why(h->q[q]);

	if (h->slot[q].said) {
		return;
	}
	h->slot[q].said = true;
	vdev_error(&h->dev);
	vdev_event(&h->dev, "queue %u broken: %s", q, why ? why : "?");
	host_set_state(h);
}

static bool kick(struct vdev_host *h, unsigned int q)
{
	bool more;

	h->kicking = true;
	more = h->type->kick(&h->dev, q);
	h->kicking = false;
	return more;
}

/* Kicks are off, and stay so if the queue is empty and its ring is looked at
 * instead: true. */
static bool watch(struct vdev_host *h, unsigned int q)
{
	if (!h->spin.window || virtq_ready(h->q[q]) || virtq_broken(h->q[q])) {
		return false;
	}
	h->slot[q].watched = true;
	keep_awake(h);
	return true;
}

static bool deaf(struct vdev_host *h, unsigned int q)
{
	return h->type->deaf && h->type->deaf(&h->dev, q);
}

/*
 * Kicks are switched off while the device works. A device that leaves chains
 * where they are (it has nothing to give) must not be called over and over for
 * them: after kicks are on again it is asked once more, and if it takes none
 * then, it wants none.
 */
static bool work(struct vdev_host *h, unsigned int q)
{
	struct virtq *vq = h->q[q];
	struct virtq_counts before, after;
	bool more, last = false;

	for (;;) {
		virtq_get_counts(vq, &before);
		more = kick(h, q);
		virtq_get_counts(vq, &after);
		if (after.popped != before.popped && h->spin.max) {
			spin_worked(&h->spin, h->dev.kicked_at,
				    health_clock_ns());
		}
		if (!h->slot[q].enabled || more) {
			return more;
		}
		if (deaf(h, q) || (after.popped == before.popped && last)) {
			return false;
		}
		if (watch(h, q)) {
			return false;
		}
		if (!virtq_want_kick(vq, true)) {
			return false;
		}
		last = after.popped == before.popped;
		if (!last) {
			return true; /* others first */
		}
	}
}

/* Return: requests completed since the last time. */
static uint64_t account(struct vdev_host *h, unsigned int q)
{
	struct virtq_counts c, *told = &h->slot[q].told;
	uint32_t depth = virtq_in_flight(h->q[q]);
	struct health *hl = h->dev.health;
	uint64_t n;

	virtq_get_counts(h->q[q], &c);
	n = c.pushed - told->pushed;
	health_add(&hl->requests, n);
	health_add(&hl->bytes_in, c.bytes_in - told->bytes_in);
	health_add(&hl->bytes_out, c.bytes_out - told->bytes_out);
	*told = c;
	if (depth != h->slot[q].depth) {
		/* of all queues; nobody else writes it */
		atomic_store_explicit(
			&hl->queue_depth,
			atomic_load_explicit(&hl->queue_depth,
					     memory_order_relaxed) +
				depth - h->slot[q].depth,
			memory_order_relaxed);
		h->slot[q].depth = depth;
	}
	return n;
}

void vdev_flush(struct vdev *d, unsigned int q)
{
	struct vdev_host *h = host_of(d);
	uint64_t n = account(h, q); /* before anybody can ask */

	virtq_flush(h->q[q]);
	if (n && !h->kicking && h->spin.max) {
		int64_t now = health_clock_ns();

		spin_worked(&h->spin, now, now);
		if (h->slot[q].enabled && !h->slot[q].watched && !deaf(h, q) &&
		    watch(h, q)) {
			virtq_want_kick(h->q[q], false);
		}
	}
}

void vdev_expose(struct vdev *d, unsigned int q)
{
	account(host_of(d), q);
	virtq_expose(host_of(d)->q[q]);
}

static void check(struct vdev_host *h, unsigned int q)
{
	if (virtq_broken(h->q[q])) {
		say_broken(h, q);
	}
	if (h->vu && vu_check(h->vu)) {
		h->drop = true;
		host_pend(h, q);
	}
}

/* Queue @q is not enabled: nobody has what is in it. Its kicks stay on. */
static void discard(struct vdev_host *h, unsigned int q)
{
	struct iovec iov[VIRTQ_IOV_MAX];
	struct vq_chain c = { .iov = iov, .max_iov = VIRTQ_IOV_MAX };
	int n = 0;

	while (n < BUDGET && virtq_pop(h->q[q], &c)) {
		virtq_push(h->q[q], &c, 0);
		n++;
	}
	virtq_flush(h->q[q]);
	account(h, q);
	health_add(&h->dev.health->dropped, (uint64_t)n);
	if (n == BUDGET) {
		host_pend(h, q);
	}
	check(h, q);
}

/* What is in the ring came at @now. */
static void serve(struct vdev_host *h, unsigned int q, int64_t now)
{
	struct virtq *vq = h->q[q];

	h->dev.kicked_at = now;
	h->slot[q].pending = false;
	if (h->slot[q].discards) {
		discard(h, q);
		return;
	}
	if (!h->slot[q].enabled) {
		return;
	}
	if (!h->slot[q].watched) {
		virtq_want_kick(vq, false);
	}
	h->slot[q].watched = false;
	if (work(h, q)) {
		host_pend(h, q);
	}
	if (!h->slot[q].enabled) {
		return;
	}
	if (!h->type->async) {
		virtq_flush(vq);
	}
	if (account(h, q) && !h->type->async) {
		health_served(h->dev.health, health_clock_ns() - now);
	}
	check(h, q);
}

static bool any_pending(const struct vdev_host *h)
{
	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (h->slot[i].pending) {
			return true;
		}
	}
	return false;
}

/* Return: the first watched queue that has a chain, or broke when we looked for
 * one; -1 none. */
static int find_ready(const struct vdev_host *h)
{
	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (h->slot[i].watched &&
		    (virtq_ready(h->q[i]) || virtq_broken(h->q[i]))) {
			return (int)i;
		}
	}
	return -1;
}

/* Return: true: come again, after descriptors had their turn. */
static bool look_on(struct vdev_host *h)
{
	int64_t now = health_clock_ns(), looked = now;
	int64_t end = now + LOOK_NS, last = now + TURN_NS;

	while (spin_on(&h->spin, looked, now)) {
		int q = -1;

		if (now > last || (now > end && !h->type->look)) {
			return true;
		}
		if (now > end) {
			h->type->look(&h->dev);
			looked = now = health_clock_ns();
			end = now + LOOK_NS;
		}
		for (int i = 0; i < LOOKS && q < 0; i++) {
			q = find_ready(h);
		}
		looked = now;
		now = health_clock_ns();
		if (q >= 0) {
			serve(h, (unsigned int)q, now);
			if (any_pending(h)) {
				return true;
			}
			looked = now = h->spin.worked;
			end = now + LOOK_NS;
		}
	}
	return false;
}

/* Kicks on again; what came meanwhile pends. */
static void watch_no_more(struct vdev_host *h)
{
	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (h->slot[i].watched) {
			h->slot[i].watched = false;
			if (virtq_want_kick(h->q[i], true) ||
			    virtq_broken(h->q[i])) {
				h->slot[i].pending = true;
			}
		}
	}
}

void host_turn(uv_idle_t *idle)
{
	struct vdev_host *h = idle->data;

	if (h->drop) {
		host_hang_up(h,
			     "guest memory is gone (the file was truncated)");
	}
	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (h->slot[i].pending) {
			serve(h, i, health_clock_ns());
		}
	}
	/* only now: one queue's work may have woken an earlier one */
	if (any_pending(h) || look_on(h)) {
		return;
	}
	watch_no_more(h);
	if (!any_pending(h) && h->idle) {
		h->busy = false;
		uv_idle_stop(h->idle);
	}
}

/* The queue of a kick handle is found by its place. */
void host_kicked(uv_poll_t *p, int status, int events)
{
	struct vdev_host *h = p->data;

	(void)events;
	for (unsigned int i = 0; i < h->n_queues; i++) {
		if (h->slot[i].kick != p) {
			continue;
		}
		if (status < 0) {
			uv_poll_stop(p);
		} else if (vu_kicked(h->vu, i)) {
			serve(h, i, health_clock_ns());
		}
		return;
	}
}
