/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-bt (id 40, as Linux's driver has it; not in the specification): one
 * HCI packet a buffer, behind its H4 type byte. The controller is the one of
 * the world, reached as any other carrier reaches it: a stream of H4.
 *
 * Linux posts a single receive buffer of 1000 bytes and posts it again from a
 * work item, so packets wait here; the controller is held back while they do.
 * It makes none that is longer than a buffer.
 *
 * It has no state to save: the controller's links are the world's, and another
 * world has none of them.
 *
 * No VMM has a stub for it: QEMU's generic test device carries it (11 and up).
 */
#include "config.h"

#include "sim/bluetooth/h4.h"
#include "sim/services/stream.h"
#include "vdevices/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	Q_TX, /* driver to device */
	Q_RX,
	N_QUEUES,
	BUDGET = 32,
	CONFIG_SIZE = 5, /* u8 type, u16 vendor, u16 msft_opcode: all 0 */
	WAIT_MAX = 64 * 1024,
};

struct bt {
	struct av_stream s; /* first: what the controller's service has */
	struct vdev *d;
	struct av_acceptor *service;
	bool open; /* the service has the stream */
	bool held; /* by the service: it takes no more for now */
	bool full; /* it was refused bytes: tell it when there is room */
	struct h4 to_guest; /* finds the packets in what the service writes */
	struct vq_chain chain;
	struct iovec iov[VIRTQ_IOV_MAX];
	uint8_t packet[H4_MAX];
	/* packets for the guest: u16 length, bytes */
	uint8_t wait[WAIT_MAX];
	size_t from, to;
};

/* ---- to the guest ---- */

static bool room(const struct bt *b)
{
	return b->to + 2 + H4_MAX <= sizeof(b->wait);
}

static void keep(struct bt *b, const uint8_t *packet, size_t len)
{
	uint16_t n = (uint16_t)len;

	memcpy(b->wait + b->to, &n, sizeof(n));
	memcpy(b->wait + b->to + sizeof(n), packet, len);
	b->to += sizeof(n) + len;
}

static void compact(struct bt *b)
{
	memmove(b->wait, b->wait + b->from, b->to - b->from);
	b->to -= b->from;
	b->from = 0;
}

/* One packet into one buffer. False: there is no buffer. */
static bool give(struct bt *b)
{
	struct virtq *vq = vdev_queue(b->d, Q_RX);
	uint16_t n;

	if (!vdev_queue_enabled(b->d, Q_RX) || !virtq_pop(vq, &b->chain)) {
		return false;
	}
	memcpy(&n, b->wait + b->from, sizeof(n));
	if (b->chain.in_len < n) {
		vdev_error(b->d); /* not Linux: a packet in parts is none */
		virtq_push(vq, &b->chain, 0);
	} else {
		virtq_push(vq, &b->chain,
			   (uint32_t)vq_write(&b->chain, 0,
					      b->wait + b->from + sizeof(n),
					      n));
	}
	b->from += sizeof(n) + n;
	return true;
}

static void kick_rx(struct bt *b)
{
	while (b->from < b->to && give(b)) {
	}
	compact(b);
	if (b->full && room(b) && b->open) {
		b->full = false;
		b->s.on_writable(&b->s);
	}
}

/* ---- the stream ---- */

static ssize_t on_write(struct av_stream *s, const void *buf, size_t len)
{
	struct bt *b = (struct bt *)s;
	const uint8_t *p = buf;
	size_t left = len;

	while (left) {
		if (!room(b)) {
			b->full = true;
			break;
		}
		switch (h4_feed(&b->to_guest, &p, &left)) {
		case H4_PACKET:
			keep(b, b->to_guest.buf, b->to_guest.len);
			break;
		case H4_LOST:
			vdev_error(b->d);
			break;
		default:
			break;
		}
	}
	vdev_wake(b->d, Q_RX);
	return (ssize_t)(len - left);
}

static void on_hold(struct av_stream *s, bool hold)
{
	struct bt *b = (struct bt *)s;

	b->held = hold;
	if (!hold) {
		vdev_wake(b->d, Q_TX);
	}
}

static void on_close(struct av_stream *s)
{
	((struct bt *)s)->open = false;
}

static const struct av_stream_ops stream_ops = {
	.write = on_write,
	.hold = on_hold,
	.close = on_close,
};

/* The driver is there: the guest is the controller's host from now on, and stays
 * it while it is paused. */
static void attach(struct bt *b)
{
	if (b->open) {
		return;
	}
	b->s = (struct av_stream){ .ops = &stream_ops, .peer = b->d->name };
	b->from = b->to = 0;
	b->held = b->full = false;
	h4_init(&b->to_guest, H4_FROM_CONTROLLER);
	b->open = !b->service->accept(b->service, &b->s);
	if (!b->open) {
		vdev_event(b->d, "the controller has another host");
	}
}

static void detach(struct bt *b)
{
	bool tell = b->open;

	b->open = false;
	b->from = b->to = 0;
	if (tell && b->s.on_closed) {
		b->s.on_closed(&b->s);
	}
}

/* ---- device ---- */

static int bt_open(struct vdev *d, const struct vdev_args *a,
		   struct av_err *err)
{
	struct bt *b;

	if (!a->acceptor || !a->acceptor(a->acceptor_ctx, "bt")) {
		return av_err_set(err, -EINVAL,
				  "%s: this run has no Bluetooth controller",
				  a->name);
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	b->d = d;
	b->service = a->acceptor(a->acceptor_ctx, "bt");
	b->chain = (struct vq_chain){ .iov = b->iov, .max_iov = VIRTQ_IOV_MAX };
	d->priv = b;
	return 0;
}

static void bt_close(struct vdev *d)
{
	detach(d->priv);
	free(d->priv);
}

static void bt_get_config(struct vdev *d, uint8_t *buf)
{
	(void)d;
	(void)buf; /* a primary controller of no vendor: all zero */
}

static void bt_start(struct vdev *d, unsigned int q)
{
	(void)q;
	if (vdev_queue_enabled(d, Q_TX) && vdev_queue_enabled(d, Q_RX)) {
		attach(d->priv);
	}
}

static void bt_reset(struct vdev *d)
{
	detach(d->priv);
}

/* A packet is copied once and judged as copied. */
static void take(struct bt *b)
{
	size_t n = vq_read(&b->chain, 0, b->packet, sizeof(b->packet));

	if (n == 0 || b->chain.out_len > sizeof(b->packet) ||
	    h4_length(H4_FROM_HOST, b->packet, n) != n) {
		vdev_error(b->d);
		return;
	}
	if (b->open) {
		b->s.on_data(&b->s, b->packet, n);
	}
}

static bool kick_tx(struct bt *b)
{
	struct virtq *vq = vdev_queue(b->d, Q_TX);

	for (int i = 0; i < BUDGET; i++) {
		if (b->held || !virtq_pop(vq, &b->chain)) {
			return false;
		}
		take(b);
		virtq_push(vq, &b->chain, 0);
	}
	return true;
}

static bool bt_kick(struct vdev *d, unsigned int q)
{
	if (q == Q_TX) {
		return kick_tx(d->priv);
	}
	kick_rx(d->priv);
	return false;
}

const struct vdev_type vdev_bt = {
	.name = "bt",
	.help = "Bluetooth controller with a simulated phone near it",
	.id = VIRTIO_ID_BT,
	.n_queues = N_QUEUES,
	.config_size = CONFIG_SIZE,
	.home = VDEV_LOOP,
	.loop_only = true,
	.open = bt_open,
	.close = bt_close,
	.get_config = bt_get_config,
	.start = bt_start,
	.kick = bt_kick,
	.reset = bt_reset,
};
