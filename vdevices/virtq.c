/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues: what both formats share, and the split ring (VIRTIO 2.7).
 *
 * A push writes into the used ring, a flush makes it visible and asks once
 * whether the driver wants to be interrupted: a burst costs one index store,
 * one barrier and at most one system call.
 */
#include "config.h"

#include "vdevices/notify.h"
#include "vdevices/virtq_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	AVAIL_NO_INTERRUPT = 1,
	USED_NO_NOTIFY = 1,
};

struct virtq *virtq_create(unsigned int index)
{
	struct virtq *q = calloc(1, sizeof(*q));

	if (q) {
		q->index = index;
		q->s.call_fd = -1;
		q->s.err_fd = -1;
	}
	return q;
}

static void release(struct virtq *q)
{
	vq_fl_close(q);
	free(q->busy);
	free(q->done);
	q->busy = NULL;
	q->done = NULL;
	q->running = false;
	q->in_flight = 0;
}

void virtq_destroy(struct virtq *q)
{
	if (q) {
		release(q);
		free(q);
	}
}

void virtq_set_notify(struct virtq *q, struct notify *n)
{
	q->notify = n;
}

struct notify *virtq_get_notify(const struct virtq *q)
{
	return q->notify;
}

static void signal_fd(const struct virtq *q, int fd)
{
	if (fd >= 0) {
		/* Full or gone: the front-end's loss alone. */
		notify_signal(q->notify, fd);
	}
}

int vq_refuse(struct virtq *q, const char *why)
{
	if (!q->broken) {
		q->broken = true;
		q->counts.broken++;
		snprintf(q->why, sizeof(q->why), "%s", why);
		signal_fd(q, q->s.err_fd);
	}
	return -1;
}

void virtq_break(struct virtq *q, const char *why)
{
	if (q->running) {
		vq_refuse(q, why);
	}
}

static uint8_t *avail_ring(const struct virtq *q, uint16_t at)
{
	return q->avail + 4 + 2 * (size_t)(at & (q->num - 1));
}

static uint8_t *used_ring(const struct virtq *q, uint16_t at)
{
	return q->usedr + 4 + 8 * (size_t)(at & (q->num - 1));
}

static const uint8_t *used_event(const struct virtq *q)
{
	return q->avail + 4 + 2 * (size_t)q->num;
}

static uint8_t *avail_event(const struct virtq *q)
{
	return q->usedr + 4 + 8 * (size_t)q->num;
}

/* ---- start and stop ---- */

static bool aligned(const void *p, size_t n)
{
	return p && (uintptr_t)p % n == 0;
}

/* Host addresses of the rings. A region may map at an odd place, so alignment
 * is a question again. */
static int resolve(struct virtq *q)
{
	const struct virtq_setup *s = &q->s;
	size_t num = q->num;

	q->cache = (struct vq_cache){ .len = 0 };
	q->gen = gm_generation(q->mem);
	q->desc = gm_ring(q->mem, s->desc, VQ_DESC_SIZE * num);
	q->avail = gm_ring(q->mem, s->avail, q->packed ? 4 : 6 + 2 * num);
	q->usedr = gm_ring(q->mem, s->used, q->packed ? 4 : 6 + 8 * num);
	if (!aligned(q->desc, 16) || !aligned(q->avail, q->packed ? 4 : 2) ||
	    !aligned(q->usedr, 4)) {
		return -EFAULT;
	}
	return 0;
}

int virtq_remap(struct virtq *q)
{
	if (!q->running) {
		return 0;
	}
	if (resolve(q)) {
		vq_refuse(q, "ring outside the guest's memory");
		return -EFAULT;
	}
	return 0;
}

/* Ring memory may be touched. */
static bool usable(struct virtq *q)
{
	return q->running && !q->broken &&
	       (gm_generation(q->mem) == q->gen || !virtq_remap(q));
}

static void take_base(struct virtq *q)
{
	uint32_t base = q->s.base;

	if (q->packed) {
		q->last_avail = base & 0x7fff;
		q->avail_wrap = base >> 15 & 1;
		q->used = base >> 16 & 0x7fff;
		q->used_wrap = base >> 31;
		if (base >> 16 == 0 && !q->s.inflight) {
			/* DPDK says where it wants to go on, and no more */
			q->used = q->last_avail;
			q->used_wrap = q->avail_wrap;
		}
		return;
	}
	q->last_avail = (uint16_t)base;
	q->used = vq_ld16(q->usedr + 2);
	/* In order: what a back-end before us took and did not give back is
	 * all that lies behind the used index. */
	if (q->in_order && !q->s.inflight &&
	    (uint16_t)(q->last_avail - q->used) <= q->num) {
		q->last_avail = q->used;
	}
}

/* At the begin of its first lap: drivers zero a ring before they use it. */
static bool at_begin(const struct virtq *q)
{
	const uint8_t *last;

	if (q->packed) {
		last = q->desc + (q->num - 1) * (size_t)VQ_DESC_SIZE;
		return !q->last_avail && q->avail_wrap && !q->used &&
		       q->used_wrap && !vq_ld64(last) && !vq_ld64(last + 8);
	}
	last = used_ring(q, (uint16_t)(q->num - 1));
	return !q->last_avail && !q->used && !vq_ld32(last) &&
	       !vq_ld32(last + 4);
}

static int allocate(struct virtq *q)
{
	q->busy = calloc(((size_t)q->num + 63) / 64, sizeof(*q->busy));
	if (q->in_order) {
		q->done = calloc(q->num, sizeof(*q->done));
	}
	return q->busy && (q->done || !q->in_order) ? 0 : -ENOMEM;
}

int virtq_start(struct virtq *q, const struct virtq_setup *s,
		struct av_err *err)
{
	struct virtq_counts counts = q->counts;
	struct notify *notify = q->notify;
	int ret;

	release(q);
	*q = (struct virtq){
		.index = q->index,
		.counts = counts,
		.notify = notify,
		.s = *s,
		.mem = s->mem,
		.num = s->num,
		.packed = s->features & VIRTIO_F_RING_PACKED,
		.event_idx = s->features & VIRTIO_F_EVENT_IDX,
		.in_order = s->features & VIRTIO_F_IN_ORDER,
		.indirect = s->features & VIRTIO_F_INDIRECT_DESC,
		.want_kick = true,
		.fresh = true,
	};
	if (!trust_ring_num(s->num, q->packed)) {
		return av_err_set(err, -EINVAL, "queue %u: size %u refused",
				  q->index, s->num);
	}
	if (resolve(q)) {
		return av_err_set(err, -EINVAL,
				  "queue %u: ring not aligned or outside the "
				  "guest's memory",
				  q->index);
	}
	take_base(q);
	if (q->packed && !(trust_index(q->last_avail, q->num) &&
			   trust_index(q->used, q->num))) {
		return av_err_set(err, -EINVAL,
				  "queue %u: base 0x%x beyond a ring of %u",
				  q->index, s->base, q->num);
	}
	ret = allocate(q);
	if (ret) {
		av_err_set(err, ret, "queue %u: out of memory", q->index);
	} else if (s->inflight) {
		ret = vq_fl_open(q, err);
	}
	if (ret) {
		release(q);
		return ret;
	}
	q->fresh = q->fresh && at_begin(q);
	q->seen_avail = q->last_avail;
	q->signalled = q->used;
	q->running = true;
	virtq_want_kick(q, true);
	/* one may have been lost with who was before */
	signal_fd(q, q->s.call_fd);
	return 0;
}

uint32_t virtq_stop(struct virtq *q)
{
	uint32_t base;

	virtq_flush(q);
	base = q->last_avail;
	if (q->packed) {
		base |= (uint32_t)q->avail_wrap << 15 |
			(uint32_t)q->used << 16 | (uint32_t)q->used_wrap << 31;
	}
	release(q);
	return base;
}

/* ---- questions ---- */

bool virtq_running(const struct virtq *q)
{
	return q->running;
}

bool virtq_fresh(const struct virtq *q)
{
	return q->fresh;
}

bool virtq_broken(const struct virtq *q)
{
	return q->broken;
}

const char *virtq_why(const struct virtq *q)
{
	return q->broken ? q->why : NULL;
}

void virtq_set_call(struct virtq *q, int fd)
{
	q->s.call_fd = fd;
	if (q->running) {
		signal_fd(q, fd);
	}
}

void virtq_set_err(struct virtq *q, int fd)
{
	q->s.err_fd = fd;
}

void virtq_set_log(struct virtq *q, bool on, uint64_t guest_addr)
{
	q->s.log_used = on;
	q->s.log_used_addr = guest_addr;
}

unsigned int virtq_index(const struct virtq *q)
{
	return q->index;
}

uint16_t virtq_size(const struct virtq *q)
{
	return q->num;
}

void virtq_get_counts(const struct virtq *q, struct virtq_counts *out)
{
	*out = q->counts;
}

void virtq_count_kick(struct virtq *q)
{
	q->counts.kicks++;
}

unsigned int virtq_in_flight(const struct virtq *q)
{
	return q->in_flight;
}

/* ---- dirty log ---- */

void vq_log_ring(struct virtq *q, const uint8_t *p, size_t len)
{
	if (!q->s.log_used || !gm_logging(q->mem)) {
		return;
	}
	if (q->packed) {
		/* The message has room for one address; ours are two. */
		gm_dirty_host(q->mem, p, len);
	} else {
		gm_dirty(q->mem,
			 q->s.log_used_addr + (uint64_t)(p - q->usedr), len);
	}
}

static void log_written(struct virtq *q, const struct vq_chain *c,
			uint32_t written)
{
	const struct iovec *v = c->iov + c->n_out;

	for (size_t n; written && v < c->iov + c->n_out + c->n_in;
	     written -= (uint32_t)n, v++) {
		n = v->iov_len < written ? v->iov_len : written;
		gm_dirty_host(q->mem, v->iov_base, n);
	}
}

/* ---- pop ---- */

/* Look at the driver's index. 1 more than we took, 0 none, -1 broken. */
static int look(struct virtq *q)
{
	uint16_t idx = vq_ld16_acquire(q->avail + 2);

	if (!trust_avail(idx, q->last_avail, q->num)) {
		return vq_refuse(q, "available index jumps beyond the ring");
	}
	q->seen_avail = idx;
	return idx != q->last_avail;
}

static void split_kicks(struct virtq *q, bool on)
{
	q->armed = on;
	if (!q->event_idx) {
		vq_st16(q->usedr, on ? 0 : USED_NO_NOTIFY);
		vq_log_ring(q, q->usedr, 2);
	} else if (on) {
		vq_st16(avail_event(q), q->seen_avail);
		vq_log_ring(q, avail_event(q), 2);
	}
	vq_barrier();
}

static int split_waits(struct virtq *q)
{
	int ret;

	if (q->last_avail != q->seen_avail) {
		return 1;
	}
	ret = look(q);
	if (ret || !q->want_kick || !q->event_idx || q->armed) {
		return ret;
	}
	split_kicks(q, true);
	return look(q);
}

/* One descriptor of the table, each half in one load. */
static struct trust_desc split_desc(const uint8_t *p)
{
	uint64_t tail = vq_ld64(p + 8);

	return (struct trust_desc){
		.addr = vq_ld64(p),
		.len = (uint32_t)tail,
		.flags = (uint16_t)(tail >> 32),
		.next = (uint16_t)(tail >> 48),
	};
}

static int split_walk(struct virtq *q, struct vq_walk *w, uint16_t head)
{
	uint16_t at = head;

	for (unsigned int n = 0; n < q->num; n++) {
		struct trust_desc d =
			split_desc(q->desc + (size_t)at * VQ_DESC_SIZE);

		if (d.flags & VQ_DESC_INDIRECT) {
			if (d.flags & VQ_DESC_NEXT) {
				return vq_refuse(q, "indirect descriptor with "
						    "a next one");
			}
			return vq_walk_indirect(q, w, d.addr, d.len);
		}
		if (vq_walk_add(q, w, d.addr, d.len,
				d.flags & VQ_DESC_WRITE)) {
			return -1;
		}
		if (!(d.flags & VQ_DESC_NEXT)) {
			return 0;
		}
		if (!trust_index(d.next, q->num)) {
			return vq_refuse(q, "next beyond the ring");
		}
		at = d.next;
	}
	return vq_refuse(q, "looped chain");
}

static int split_pop(struct virtq *q, struct vq_chain *c, bool *too_long)
{
	struct vq_walk w = { .c = c };
	bool again = vq_fl_waits(q);
	uint16_t head;

	if (again) {
		head = vq_fl_next_split(q);
	} else {
		int ret = split_waits(q);

		if (ret <= 0) {
			return ret;
		}
		head = vq_ld16(avail_ring(q, q->last_avail));
	}
	if (!trust_index(head, q->num)) {
		return vq_refuse(q, "head beyond the ring");
	}
	if (vq_is_busy(q, head)) {
		return vq_refuse(q, "head already in flight");
	}
	if (split_walk(q, &w, head) || vq_walk_end(q, &w)) {
		return -1;
	}
	c->head = head;
	c->slot = head;
	c->n_desc = 1;
	vq_set_busy(q, head);
	if (!again) {
		q->armed = false;
		q->last_avail++;
		if (q->fl) {
			vq_fl_fetched(q, head);
		}
	}
	*too_long = w.too_long;
	return 1;
}

int virtq_pop(struct virtq *q, struct vq_chain *c)
{
	/* A guest that feeds such chains for ever does not hold us for ever. */
	for (unsigned int skipped = 0; usable(q); skipped++) {
		bool too_long;
		int ret = q->packed ? vq_packed_pop(q, c, &too_long)
				    : split_pop(q, c, &too_long);

		if (ret <= 0) {
			return 0;
		}
		c->seq = q->next_seq++;
		q->in_flight++;
		q->counts.popped++;
		if (!too_long) {
			q->counts.bytes_in += c->out_len;
			return 1;
		}
		q->counts.too_long++;
		virtq_push(q, c, 0);
		if (skipped >= q->num) {
			vq_refuse(q, "nothing but chains that are too long");
		}
	}
	return 0;
}

void virtq_unpop(struct virtq *q, struct vq_chain *c)
{
	if (!q->in_flight) {
		return; /* as in virtq_push() */
	}
	q->in_flight--;
	if (!usable(q) || c->seq + 1 != q->next_seq) {
		return;
	}
	q->next_seq--;
	q->counts.popped--;
	q->counts.bytes_in -= c->out_len;
	vq_clear_busy(q, c->head);
	if (q->packed) {
		q->busy_slots = (uint16_t)(q->busy_slots - c->n_desc);
	}
	if (vq_fl_is_again(q, c->seq)) {
		vq_fl_unpop_again(q);
		return;
	}
	if (q->packed) {
		vq_retreat(q, &q->last_avail, &q->avail_wrap, c->n_desc);
	} else {
		q->last_avail--;
	}
	if (q->fl) {
		vq_fl_unfetched(q, c->slot);
	}
}

/* ---- push ---- */

static bool split_wants_call(struct virtq *q)
{
	if (!q->event_idx) {
		return !(vq_ld16(q->avail) & AVAIL_NO_INTERRUPT);
	}
	return (uint16_t)(q->used - vq_ld16(used_event(q)) - 1) <
	       (uint16_t)(q->used - q->signalled);
}

static void expose(struct virtq *q)
{
	if (q->fl) {
		vq_fl_publishing(q);
	}
	if (q->packed) {
		vq_packed_expose(q);
	} else {
		vq_st16_release(q->usedr + 2, q->used);
		vq_log_ring(q, q->usedr + 2, 2);
	}
	if (q->fl) {
		vq_fl_published(q);
	}
	q->n_pending = 0;
}

static unsigned int pending_slots(const struct virtq *q)
{
	return q->packed ? q->pending_slots : q->n_pending;
}

void virtq_expose(struct virtq *q)
{
	if (q->n_pending && usable(q)) {
		q->n_exposed += pending_slots(q);
		expose(q);
	}
}

void virtq_flush(struct virtq *q)
{
	bool call;

	if ((!q->n_pending && !q->n_exposed) || !usable(q)) {
		return;
	}
	if (q->n_pending) {
		expose(q);
	}
	q->n_exposed = 0;
	vq_barrier();
	call = q->packed ? vq_packed_wants_call(q) : split_wants_call(q);
	q->signalled = q->used;
	if (call || !q->signalled_once) {
		q->signalled_once = true;
		q->counts.calls++;
		signal_fd(q, q->s.call_fd);
	}
}

static void publish(struct virtq *q, const struct vq_done *d)
{
	/* Where the driver wants to be called is found within a lap only. */
	if (q->n_exposed + pending_slots(q) + d->n_desc > q->num) {
		virtq_flush(q);
	}
	if (q->packed) {
		vq_packed_publish(q, d);
	} else {
		uint8_t *p = used_ring(q, q->used);

		vq_st32(p, d->head);
		vq_st32(p + 4, d->written);
		vq_log_ring(q, p, 8);
		q->used++;
	}
	q->n_pending++;
	vq_clear_busy(q, d->head);
	if (q->fl) {
		vq_fl_batch(q, d->slot);
	}
}

/* Pushes in any order, published in the order popped. */
static void publish_in_order(struct virtq *q, uint64_t seq,
			     const struct vq_done *d)
{
	struct vq_done *first;

	q->done[seq % q->num] = *d;
	while ((first = &q->done[q->publish_seq % q->num])->done) {
		first->done = false;
		publish(q, first);
		q->publish_seq++;
	}
}

void virtq_push(struct virtq *q, const struct vq_chain *c, uint32_t written)
{
	struct vq_done d = {
		.written = written < c->in_len ? written : c->in_len,
		.head = c->head,
		.n_desc = c->n_desc,
		.slot = c->slot,
		.done = true,
	};

	if (!q->in_flight) {
		return; /* stopped and started anew meanwhile */
	}
	q->in_flight--;
	if (!usable(q)) {
		return;
	}
	q->counts.pushed++;
	q->counts.bytes_out += d.written;
	if (gm_logging(q->mem)) {
		log_written(q, c, d.written);
	}
	if (q->in_order) {
		publish_in_order(q, c->seq, &d);
	} else {
		publish(q, &d);
	}
}

bool virtq_ready(struct virtq *q)
{
	if (!usable(q)) {
		return false;
	}
	if (vq_fl_waits(q)) {
		return true;
	}
	if (q->packed) {
		return vq_packed_waits(q);
	}
	return q->last_avail != q->seen_avail || look(q) > 0;
}

bool virtq_want_kick(struct virtq *q, bool on)
{
	if (!usable(q)) {
		return false;
	}
	q->want_kick = on;
	if (q->packed) {
		vq_packed_kicks(q, on);
	} else {
		split_kicks(q, on);
	}
	return on && virtq_ready(q);
}
