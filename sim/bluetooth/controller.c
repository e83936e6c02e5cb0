/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/controller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bt_controller_init(struct bt_controller *c,
		       const struct bt_controller_ops *ops, const vtime *clock)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->clock = clock;
	h4_init(&c->in, H4_FROM_HOST);
	c->queue = malloc(BT_QUEUE_MAX);
	return c->queue ? 0 : -ENOMEM;
}

void bt_controller_finish(struct bt_controller *c)
{
	free(c->queue);
	c->queue = NULL;
}

static void restart(struct bt_controller *c)
{
	c->head = c->used = 0;
	c->waiting = c->starved = false;
	c->in.len = 0;
	c->in.lost = false;
	c->ops->restarted(c);
}

int bt_controller_attach(struct bt_controller *c,
			 const struct bt_carrier *carrier)
{
	if (c->carrier.emit) {
		return -EBUSY;
	}
	restart(c);
	c->carrier = *carrier;
	return 0;
}

void bt_controller_detach(struct bt_controller *c, const void *ctx)
{
	if (c->carrier.emit && c->carrier.ctx == ctx) {
		c->carrier = (struct bt_carrier){ 0 };
		restart(c);
	}
}

int bt_controller_tap(struct bt_controller *c, bt_tap_fn *fn, void *ctx)
{
	for (size_t i = 0; i < BT_TAPS_MAX; i++) {
		if (!c->tap[i].fn) {
			c->tap[i].fn = fn;
			c->tap[i].ctx = ctx;
			return 0;
		}
	}
	return -ENOSPC;
}

void bt_controller_untap(struct bt_controller *c, bt_tap_fn *fn, void *ctx)
{
	for (size_t i = 0; i < BT_TAPS_MAX; i++) {
		if (c->tap[i].fn == fn && c->tap[i].ctx == ctx) {
			c->tap[i].fn = NULL;
		}
	}
}

static void count(struct bt_controller *c, enum bt_dir dir, const uint8_t *h4,
		  size_t len)
{
	c->n.packets[dir]++;
	c->n.bytes[dir] += len;
	for (size_t i = 0; i < BT_TAPS_MAX; i++) {
		if (c->tap[i].fn) {
			c->tap[i].fn(c->tap[i].ctx, *c->clock, dir, h4, len);
		}
	}
}

/* ---- to the host ---- */

static void put(struct bt_controller *c, const void *buf, size_t len)
{
	size_t at = (c->head + c->used) % BT_QUEUE_MAX;
	size_t first = BT_QUEUE_MAX - at < len ? BT_QUEUE_MAX - at : len;

	memcpy(c->queue + at, buf, first);
	memcpy(c->queue, (const uint8_t *)buf + first, len - first);
	c->used += len;
}

static void peek(const struct bt_controller *c, size_t off, void *buf,
		 size_t len)
{
	size_t at = (c->head + off) % BT_QUEUE_MAX;
	size_t first = BT_QUEUE_MAX - at < len ? BT_QUEUE_MAX - at : len;

	memcpy(buf, c->queue + at, first);
	memcpy((uint8_t *)buf + first, c->queue, len - first);
}

bool bt_controller_emit(struct bt_controller *c, const uint8_t *h4, size_t len)
{
	uint8_t head[2] = { (uint8_t)len, (uint8_t)(len >> 8) };

	if (!c->carrier.emit || len > H4_MAX) {
		return false;
	}
	if (c->used == 0 && c->carrier.emit(c->carrier.ctx, h4, len)) {
		count(c, BT_TO_HOST, h4, len);
		return true;
	}
	if (len + sizeof(head) > BT_QUEUE_MAX - c->used) {
		c->n.dropped++;
		return false;
	}
	count(c, BT_TO_HOST, h4, len);
	put(c, head, sizeof(head));
	put(c, h4, len);
	return true;
}

void bt_controller_ready(struct bt_controller *c)
{
	while (c->used > 0 && c->carrier.emit) {
		uint8_t head[2], pkt[H4_MAX];
		size_t len;

		peek(c, 0, head, sizeof(head));
		len = (size_t)(head[0] | head[1] << 8);
		peek(c, sizeof(head), pkt, len);
		if (!c->carrier.emit(c->carrier.ctx, pkt, len)) {
			return;
		}
		c->head = (c->head + sizeof(head) + len) % BT_QUEUE_MAX;
		c->used -= sizeof(head) + len;
	}
	if (c->ops->drained) {
		c->ops->drained(c);
	}
	bt_controller_resume(c);
}

/* ---- from the host ---- */

/* @again: it was counted when it was not taken the first time */
static bool hand_over(struct bt_controller *c, bool again)
{
	if (c->used > BT_QUEUE_MAX / 2) {
		c->waiting = true;
		c->counted = again && c->counted;
		return false;
	}
	if (!again || !c->counted) {
		count(c, BT_TO_CONTROLLER, c->in.buf, c->in.len);
	}
	c->counted = true;
	c->waiting = !c->ops->packet(c, c->in.buf, c->in.len);
	return !c->waiting;
}

size_t bt_controller_feed(struct bt_controller *c, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t left = len;

	while (!c->waiting) {
		switch (h4_feed(&c->in, &p, &left)) {
		case H4_MORE:
			return len;
		case H4_PACKET:
			hand_over(c, false);
			break;
		case H4_LOST:
			c->n.lost++;
			c->ops->lost(c);
			break;
		}
	}
	c->starved = left > 0;
	return len - left;
}

void bt_controller_resume(struct bt_controller *c)
{
	if (c->waiting && !hand_over(c, true)) {
		return;
	}
	if (c->starved && c->carrier.on_room) {
		c->starved = false;
		c->carrier.on_room(c->carrier.ctx);
	}
}
