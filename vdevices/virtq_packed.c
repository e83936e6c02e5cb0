/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed ring (VIRTIO 2.8): one array of descriptors; the driver writes
 * available ones over the used ones. Two bits of each, compared with a wrap
 * counter that both sides flip after the last slot, tell whose it is.
 */
#include "config.h"

#include "vdevices/virtq_impl.h"

enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };

static uint8_t *slot_at(const struct virtq *q, uint16_t slot)
{
	return q->desc + (size_t)slot * VQ_DESC_SIZE;
}

/* Length, id and flags: one load, so that none is fetched twice. */
static uint64_t load_tail(const struct virtq *q, uint16_t slot)
{
	const void *p = slot_at(q, slot) + 8;

	virtq_fetch_hook(p, 8);
	return le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE));
}

static bool is_avail(uint64_t tail, bool wrap)
{
	uint64_t flags = tail >> 48;

	return !!(flags & VQ_DESC_AVAIL) == wrap &&
	       !!(flags & VQ_DESC_USED) != wrap;
}

static struct vq_packed_desc unpack(const struct virtq *q, uint16_t slot,
				    uint64_t tail)
{
	return (struct vq_packed_desc){
		.addr = vq_ld64(slot_at(q, slot)),
		.len = (uint32_t)tail,
		.id = (uint16_t)(tail >> 32),
		.flags = (uint16_t)(tail >> 48),
	};
}

bool vq_packed_waits(const struct virtq *q)
{
	uint16_t flags = vq_ld16(slot_at(q, q->last_avail) + VQ_DESC_FLAGS);

	return is_avail((uint64_t)flags << 48, q->avail_wrap);
}

static int add(struct virtq *q, struct vq_walk *w, const struct vq_packed_desc *d,
	       uint16_t n_before)
{
	if (!(d->flags & VQ_DESC_INDIRECT)) {
		return vq_walk_add(q, w, d->addr, d->len,
				   d->flags & VQ_DESC_WRITE);
	}
	if (n_before || d->flags & VQ_DESC_NEXT) {
		return vq_refuse(q, "indirect descriptor in a list");
	}
	return vq_walk_indirect(q, w, d->addr, d->len);
}

static int finish(struct virtq *q, struct vq_walk *w, uint16_t id,
		  uint16_t n_desc)
{
	struct vq_chain *c = w->c;

	if (!trust_index(id, q->num)) {
		return vq_refuse(q, "buffer id beyond the ring");
	}
	if (vq_is_busy(q, id)) {
		return vq_refuse(q, "buffer id already in flight");
	}
	if (vq_walk_end(q, w)) {
		return -1;
	}
	c->head = id;
	c->n_desc = n_desc;
	return 0;
}

static int pop_again(struct virtq *q, struct vq_walk *w)
{
	uint16_t n_desc, entry = vq_fl_next_packed(q, &n_desc);
	uint16_t at = entry;
	struct vq_packed_desc d = { .flags = 0 };

	for (uint16_t i = 0; i < n_desc; i++) {
		vq_fl_desc(q, &at, &d);
		if (add(q, w, &d, i)) {
			return -1;
		}
	}
	w->c->slot = entry;
	return finish(q, w, d.id, n_desc);
}

static int pop_ring(struct virtq *q, struct vq_walk *w, uint64_t tail)
{
	uint16_t slot = q->last_avail, n = 0;
	bool wrap = q->avail_wrap;
	struct vq_packed_desc d;

	for (;;) {
		if ((unsigned int)q->busy_slots + n >= q->num) {
			return vq_refuse(q, "more descriptors than slots");
		}
		d = unpack(q, slot, tail);
		if (q->fl) {
			vq_fl_note(q, &d);
		}
		if (add(q, w, &d, n)) {
			return -1;
		}
		n++;
		vq_advance(q, &slot, &wrap, 1);
		if (!(d.flags & VQ_DESC_NEXT)) {
			break;
		}
		tail = load_tail(q, slot);
	}
	if (finish(q, w, d.id, n)) {
		return -1;
	}
	q->last_avail = slot;
	q->avail_wrap = wrap;
	w->c->slot = q->fl ? vq_fl_noted(q, n) : 0;
	return 0;
}

int vq_packed_pop(struct virtq *q, struct vq_chain *c, bool *too_long)
{
	struct vq_walk w = { .c = c };
	int ret;

	if (vq_fl_waits(q)) {
		ret = pop_again(q, &w);
	} else {
		uint64_t tail = load_tail(q, q->last_avail);

		if (!is_avail(tail, q->avail_wrap)) {
			if (!q->want_kick || !q->event_idx || q->armed) {
				return 0;
			}
			vq_packed_kicks(q, true);
			tail = load_tail(q, q->last_avail);
			if (!is_avail(tail, q->avail_wrap)) {
				return 0;
			}
		}
		q->armed = false;
		ret = pop_ring(q, &w, tail);
	}
	if (ret) {
		return -1;
	}
	vq_set_busy(q, c->head);
	q->busy_slots = (uint16_t)(q->busy_slots + c->n_desc);
	*too_long = w.too_long;
	return 1;
}

/* The first one's flags are held back: the driver looks at slots in order, so
 * they publish all. */
void vq_packed_publish(struct virtq *q, const struct vq_done *d)
{
	uint8_t *p = slot_at(q, q->used);
	uint16_t flags = q->used_wrap ? VQ_DESC_AVAIL | VQ_DESC_USED : 0;

	if (d->written) {
		flags |= VQ_DESC_WRITE;
	}
	vq_st32(p + 8, d->written);
	vq_st16(p + 12, d->head);
	if (!q->n_pending) {
		q->first_slot = q->used;
		q->first_flags = flags;
	} else {
		vq_st16(p + VQ_DESC_FLAGS, flags);
	}
	vq_log_ring(q, p, VQ_DESC_SIZE);
	q->pending_slots = (uint16_t)(q->pending_slots + d->n_desc);
	vq_advance(q, &q->used, &q->used_wrap, d->n_desc);
}

void vq_packed_expose(struct virtq *q)
{
	uint8_t *p = slot_at(q, q->first_slot) + VQ_DESC_FLAGS;

	vq_st16_release(p, q->first_flags);
	vq_log_ring(q, p, 2);
	q->busy_slots = (uint16_t)(q->busy_slots - q->pending_slots);
	q->pending_slots = 0;
}

/* Positions in this window are counted from the current lap's begin, so those
 * of the lap before are negative. */
bool vq_packed_wants_call(struct virtq *q)
{
	uint32_t event = vq_ld32(q->avail);
	uint16_t old = q->signalled, off = event & 0x7fff;

	if ((event >> 16 & 3) != EVENT_DESC) {
		return (event >> 16 & 3) != EVENT_DISABLE;
	}
	if (q->used <= old) {
		old = (uint16_t)(old - q->num);
	}
	if ((event >> 15 & 1) != q->used_wrap) {
		off = (uint16_t)(off - q->num);
	}
	return (uint16_t)(q->used - off - 1) < (uint16_t)(q->used - old);
}

void vq_packed_kicks(struct virtq *q, bool on)
{
	uint32_t v = EVENT_DISABLE << 16;

	if (on) {
		v = (uint32_t)EVENT_ENABLE << 16;
		if (q->event_idx) {
			v = (uint32_t)EVENT_DESC << 16 |
			    (uint32_t)q->avail_wrap << 15 | q->last_avail;
		}
	}
	vq_st32(q->usedr, v);
	vq_log_ring(q, q->usedr, 4);
	q->armed = on;
	vq_barrier();
}
