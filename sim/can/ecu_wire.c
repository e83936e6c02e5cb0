/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire of one bus. Who has a frame waits; when the bus is idle all who wait
 * start together and the lowest arbitration field wins. That moment is an event
 * of its own, behind everything due at the same instant, so that frames queued
 * at one instant compete whatever their order was.
 */
#include "config.h"

#include "sim/can/ecu_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INTERFRAME_BITS 3
#define POOL_START 64

/* The arbitration field as a number: 11 bits, then for 29-bit identifiers SRR
 * and IDE recessive and 18 bits more; a remote frame loses against data. */
static uint32_t arbitration_key(const struct can_frame *f)
{
	uint32_t rtr = !!(f->flags & CAN_RTR);

	if (f->flags & CAN_ERR) {
		return 0; /* an error flag beats everything */
	}
	if (f->flags & CAN_EXT) {
		return (f->id >> 18) << 21 | 3u << 19 | (f->id & 0x3FFFF) << 1 |
		       rtr;
	}
	return f->id << 21 | rtr << 20;
}

static bool slot_before(const struct wire *w, uint32_t a, uint32_t b)
{
	const struct wire_slot *x = &w->slot[a], *y = &w->slot[b];

	return x->key != y->key ? x->key < y->key : x->seq < y->seq;
}

static int grow(struct wire *w)
{
	size_t room = w->room ? w->room * 2 : POOL_START;
	struct wire_slot *slot = realloc(w->slot, room * sizeof(*slot));
	uint32_t *heap;

	if (!slot) {
		return -ENOMEM;
	}
	w->slot = slot;
	heap = realloc(w->heap, room * sizeof(*heap));
	if (!heap) {
		return -ENOMEM;
	}
	w->heap = heap;
	for (size_t i = w->room; i < room; i++) {
		heap[i] = (uint32_t)i;
	}
	w->room = room;
	return 0;
}

static void heap_up(struct wire *w, size_t i)
{
	uint32_t s = w->heap[i];

	while (i > 0 && slot_before(w, s, w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = s;
}

/* Take the winner out of the heap; its slot becomes free. */
static struct wire_slot *heap_pop(struct wire *w)
{
	uint32_t top = w->heap[0], s = w->heap[--w->n];
	size_t i = 0;

	w->heap[w->n] = top;
	while (2 * i + 1 < w->n) {
		size_t c = 2 * i + 1;

		if (c + 1 < w->n &&
		    slot_before(w, w->heap[c + 1], w->heap[c])) {
			c++;
		}
		if (!slot_before(w, w->heap[c], s)) {
			break;
		}
		w->heap[i] = w->heap[c];
		i = c;
	}
	if (w->n > 0) {
		w->heap[i] = s;
	}
	w->node[w->slot[top].sender].waiting--;
	return &w->slot[top];
}

/* ---- time on the wire ---- */

static vtime bits_ns(unsigned int bits, uint32_t rate)
{
	return (vtime)(((uint64_t)bits * VT_S + rate / 2) / rate);
}

static vtime frame_ns(const struct wire *w, const struct can_frame *f,
		      unsigned int *bits)
{
	unsigned int fast;

	*bits = can_frame_bits(f, &fast);
	return bits_ns(*bits - fast, w->bit_rate) +
	       (fast > 0 ? bits_ns(fast, w->fd_bit_rate) : 0);
}

static void add_load(struct wire *w, vtime now, vtime busy)
{
	int64_t i = now / LOAD_BUCKET;
	struct load_bucket *b = &w->load[i % (LOAD_BUCKETS + 1)];

	if (b->index != i) {
		*b = (struct load_bucket){ .index = i };
	}
	b->busy += busy;
}

double wire_load(const struct wire *w, vtime now)
{
	int64_t i = now / LOAD_BUCKET;
	vtime busy = 0, span = LOAD_BUCKETS * LOAD_BUCKET;
	/* whole buckets, but for the first second, which is what there is */
	bool young = i < LOAD_BUCKETS;
	double load;

	for (size_t k = 0; k < LOAD_BUCKETS + 1; k++) {
		int64_t age = i - w->load[k].index;

		if (young ? age >= 0 : age >= 1 && age <= LOAD_BUCKETS) {
			busy += w->load[k].busy;
		}
	}
	if (young) {
		span = now > 0 ? now : 1;
	}
	load = (double)busy / (double)span;
	return load < 1 ? load : 1;
}

void wire_count(struct wire *w, const struct can_frame *f, vtime now)
{
	unsigned int bits;
	vtime busy =
		frame_ns(w, f, &bits) + bits_ns(INTERFRAME_BITS, w->bit_rate);

	w->frames++;
	w->bits += bits;
	w->errors += !!(f->flags & CAN_ERR);
	add_load(w, now, busy);
}

/* ---- events ---- */

static void wire_wake(struct wire *w)
{
	vtime now = evq_now(w->e->q);

	if (w->state != WIRE_IDLE || w->n == 0) {
		return;
	}
	w->state = WIRE_ARBITRATES;
	evq_arm(w->e->q, &w->timer, now > w->free_at ? now : w->free_at);
}

static void start_frame(struct wire *w, vtime now)
{
	unsigned int bits;

	w->state = WIRE_IDLE;
	while (w->n > 0) {
		struct wire_slot *s = heap_pop(w);
		vtime busy;

		if (w->node[s->sender].muted) {
			w->dropped++;
			continue;
		}
		w->now = *s;
		busy = frame_ns(w, &w->now.f, &bits);
		w->bits += bits;
		w->state = WIRE_BUSY;
		add_load(w, now + busy,
			 busy + bits_ns(INTERFRAME_BITS, w->bit_rate));
		evq_arm(w->e->q, &w->timer, now + busy);
		return;
	}
}

static void end_frame(struct wire *w, vtime now)
{
	w->state = WIRE_IDLE;
	w->free_at = now + bits_ns(INTERFRAME_BITS, w->bit_rate);
	w->frames++;
	w->errors += !!(w->now.f.flags & CAN_ERR);
	w->now.f.t = now;
	bus_publish(w->e->bus, TOPIC_CAN, &w->now.f);
	if (w->now.f.tx) {
		ecu_obey(&w->e->b[w->index], &w->now.f, w->now.only);
	}
	wire_wake(w); /* unless a subscriber's frame has done it */
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct wire *w = t->ctx;

	if (w->state == WIRE_BUSY) {
		end_frame(w, now);
	} else {
		start_frame(w, now);
	}
}

int wire_send(struct wire *w, const struct can_frame *f, uint32_t sender,
	      const struct dbc_signal *only)
{
	struct wire_slot *s;
	int ret;

	if (w->muted || w->node[sender].muted) {
		w->dropped++;
		return 0;
	}
	if (w->node[sender].waiting >= WAITING_MAX) {
		w->dropped++;
		return -ENOBUFS;
	}
	if (w->n == w->room && (ret = grow(w)) < 0) {
		w->dropped++;
		return ret;
	}
	s = &w->slot[w->heap[w->n]];
	*s = (struct wire_slot){ .f = *f,
				 .key = arbitration_key(f),
				 .sender = sender,
				 .seq = w->seq++,
				 .only = only };
	s->f.bus = w->index;
	w->node[sender].waiting++;
	heap_up(w, w->n++);
	wire_wake(w);
	return 0;
}

void wire_mute(struct wire *w, bool mute)
{
	w->muted = mute;
	while (mute && w->n > 0) {
		heap_pop(w);
		w->dropped++;
	}
}

int wire_init(struct wire *w, struct ecus *e, unsigned int index,
	      const struct ecu_bus *b)
{
	w->e = e;
	w->index = (uint8_t)index;
	w->bit_rate = b->bit_rate;
	w->fd_bit_rate = b->fd_bit_rate;
	w->timer = (struct vtimer){ .fn = on_timer, .ctx = w };
	return grow(w);
}

void wire_finish(struct wire *w)
{
	if (w->e && w->e->q) {
		evq_disarm(w->e->q, &w->timer);
	}
	free(w->slot);
	free(w->heap);
	free(w->node);
}
