/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net: frames between the queues and the network behind (net_stack.h),
 * through a line that can fail (net_line.h).
 *
 * What the guest sends is copied once and made whole: partial checksums are
 * filled in; a TCP segment of up to 64 KiB (TSO) goes on as it is, since the
 * stack takes packets of any size, which is cheaper than cutting it. What comes
 * back is written straight into the driver's buffers where there are any, and
 * waits in a bounded queue where not; beyond that frames are lost, as on any
 * wire. Segments of TCP may be longer than the MTU there too, for a driver that
 * takes them (net_big.h).
 *
 * Queues are receive, transmit, ... and control. With more than one pair a
 * flow comes back on the pair it was last sent on.
 *
 * It has no state to save: of libslirp's only what its own services talk would
 * move, no connection to the host, and its reader trusts what it reads. A guest
 * that goes on elsewhere finds a router that has just begun.
 *
 * QEMU keeps config space and control queue to itself for this device. A link
 * that is down is shown to such a front-end by hanging up, which it turns into
 * just that; others read it in the status field.
 */
#include "config.h"

#include "recordings/pcap.h"
#include "vdevices/device.h"
#include "vdevices/net_big.h"
#include "vdevices/net_ctrl.h"
#include "vdevices/net_line.h"
#include "vdevices/net_stack.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUDGET = 64,    /* frames of the guest a kick */
	MERGE_MAX = 32, /* buffers that one frame may need */
	QUEUES_MAX = 2 * NET_PAIRS_MAX + 1,
	WAIT_FRAMES = 512, /* for buffers of the driver */
	WAIT_BYTES = 1 << 20,
	STEER = 256, /* flows, by hash; power of two */
	STATUS_UP = 1,
	STATUS_ANNOUNCE = 2,
	HDR_OLD = offsetof(struct net_hdr, num_buffers),
};

/* The config space up to where RSS begins. */
struct net_config {
	uint8_t mac[NET_MAC_LEN];
	uint16_t status, max_pairs, mtu;
};
static_assert(sizeof(struct net_config) == 12, "as in the standard");
static_assert(sizeof(struct net_hdr) == 12, "as in the standard");

struct net_dev {
	struct vdev *d;
	struct net_opts o;
	struct net_stack *stack;
	struct net_line *line;
	struct net_ctrl ctrl;
	struct net_fifo wait;
	bool down, capture;
	unsigned int touched; /* receive queues to flush, a bit each */
	uint8_t steer[STEER]; /* pair that a flow was sent on */
	struct vq_chain tx, rx[MERGE_MAX];
	struct iovec tx_iov[VIRTQ_IOV_MAX];
	struct iovec rx_iov[MERGE_MAX][VIRTQ_IOV_MAX];
	uint8_t cmd[NET_CTRL_MAX];
	uint8_t frame[NET_FRAME_MAX + 2]; /* of the guest, IP header aligned */
	uint8_t big[NET_FRAME_MAX];       /* of the stack */
	uint8_t seen[PORT_DATA_MAX];      /* for the capture */
};

static bool has(const struct net_dev *n, int feature)
{
	return n->d->features & NET_BIT(feature);
}

static size_t hdr_len(const struct net_dev *n)
{
	return n->d->features & (VIRTIO_F_VERSION_1 | NET_BIT(NET_F_MRG_RXBUF))
		       ? sizeof(struct net_hdr)
		       : HDR_OLD;
}

/* Segments longer than the MTU, for it to cut or not as it likes. */
static bool takes_big(const struct net_dev *n, bool ip6)
{
	return net_ctrl_offload(&n->ctrl, NET_F_GUEST_CSUM) &&
	       net_ctrl_offload(&n->ctrl, ip6 ? NET_F_GUEST_TSO6
					      : NET_F_GUEST_TSO4);
}

static bool is_ip6(const uint8_t *frame)
{
	return frame[12] == 0x86;
}

/* Where the control queue is depends on what was negotiated. */
static unsigned int ctrl_queue(const struct net_dev *n)
{
	return has(n, NET_F_MQ) ? 2 * n->o.pairs : 2;
}

static bool is_ctrl(const struct net_dev *n, unsigned int q)
{
	return has(n, NET_F_CTRL_VQ) && q == ctrl_queue(n);
}

static bool ctrl_is_ours(struct net_dev *n)
{
	return has(n, NET_F_CTRL_VQ) && vdev_queue_enabled(n->d, ctrl_queue(n));
}

/* For a capture: the frame without the virtio header. */
static void seen(struct net_dev *n, const uint8_t *frame, size_t len,
		 bool to_guest)
{
	struct port_packet p = { .link = PCAP_NET,
				 .to_guest = to_guest,
				 .full_len = (uint32_t)len };
	size_t max = sizeof(n->seen) - sizeof(p);

	len = len < max ? len : max;
	memcpy(n->seen, &p, sizeof(p));
	memcpy(n->seen + sizeof(p), frame, len);
	vdev_send(n->d, PORT_PACKET, 0, n->seen, sizeof(p) + len);
}

static void dropped(struct net_dev *n)
{
	health_add(&n->d->health->dropped, 1);
}

/* ---- to the guest ---- */

static unsigned int receive_queue(struct net_dev *n, const uint8_t *frame,
				  size_t len)
{
	unsigned int pair;

	if (n->o.pairs == 1) {
		return 0;
	}
	pair = n->steer[net_flow_of(frame, len) & (STEER - 1)];
	if (ctrl_is_ours(n) && pair >= n->ctrl.pairs) {
		pair = 0;
	}
	return vdev_queue_enabled(n->d, 2 * pair) ? 2 * pair : 0;
}

/* Buffers for @need bytes into n->rx. Return: how many; 0: not enough are
 * there; -1: those that are there are too small for it. */
static int get_buffers(struct net_dev *n, struct virtq *vq, size_t need)
{
	int max = has(n, NET_F_MRG_RXBUF) ? MERGE_MAX : 1;
	int k = 0;
	size_t room = 0;

	while (k < max && room < need && virtq_pop(vq, &n->rx[k])) {
		room += n->rx[k++].in_len;
	}
	if (room >= need) {
		return k;
	}
	if (k == max) {
		/* these cannot hold it: given back empty, or it never ends */
		for (int i = 0; i < k; i++) {
			virtq_push(vq, &n->rx[i], 0);
		}
		vdev_error(n->d);
		return -1;
	}
	while (k) {
		virtq_unpop(vq, &n->rx[--k]);
	}
	return 0;
}

static void write_frame(struct net_dev *n, struct virtq *vq, int k,
			const uint8_t *frame, size_t len)
{
	struct net_hdr h = { .num_buffers = htole16((uint16_t)k) };
	size_t skip = hdr_len(n), done = 0;

	if (!net_big_hdr(frame, len, n->o.mtu, &h) &&
	    net_ctrl_offload(&n->ctrl, NET_F_GUEST_CSUM)) {
		h.flags = NET_HDR_DATA_VALID; /* the stack made the sums */
	}
	for (int i = 0; i < k; i++) {
		size_t room = n->rx[i].in_len, part;

		if (!i) {
			/* the first buffer may be shorter than the header */
			skip = vq_write(&n->rx[0], 0, &h, skip);
			room -= skip;
		}
		part = len - done < room ? len - done : room;
		vq_write(&n->rx[i], i ? 0 : skip, frame + done, part);
		virtq_push(vq, &n->rx[i], (uint32_t)(part + (i ? 0 : skip)));
		done += part;
	}
}

/* False: the driver has no buffers for it now. */
static bool give(struct net_dev *n, unsigned int q, const uint8_t *frame,
		 size_t len)
{
	struct virtq *vq = vdev_queue(n->d, q);
	int k = get_buffers(n, vq, hdr_len(n) + len);

	if (!k) {
		return false;
	}
	n->touched |= 1u << (q / 2);
	if (k < 0) {
		dropped(n);
		return true;
	}
	write_frame(n, vq, k, frame, len);
	return true;
}

static void to_guest(struct net_dev *n, const uint8_t *frame, size_t len)
{
	unsigned int q = receive_queue(n, frame, len);

	if (n->down || !vdev_queue_enabled(n->d, q) ||
	    (ctrl_is_ours(n) && !net_ctrl_wants(&n->ctrl, frame))) {
		return;
	}
	if (n->capture) {
		seen(n, frame, len, true);
	}
	if (!n->wait.n && give(n, q, frame, len)) {
		return;
	}
	if (!n->wait.n) {
		vdev_wake(n->d, q); /* kicks are asked for by that */
	}
	if (!net_fifo_put(&n->wait, frame, len, 0)) {
		dropped(n);
	}
}

static void flush(struct net_dev *n)
{
	for (unsigned int i = 0; n->touched; i++, n->touched >>= 1) {
		if ((n->touched & 1) && vdev_queue_enabled(n->d, 2 * i)) {
			vdev_flush(n->d, 2 * i);
		}
	}
}

/* New buffers came to queue @kicked. */
static void kick_rx(struct net_dev *n, unsigned int kicked)
{
	const struct net_frame *e;

	while ((e = net_fifo_first(&n->wait))) {
		unsigned int q = receive_queue(n, e->data, e->len);

		if (!vdev_queue_enabled(n->d, q)) {
			break;
		}
		if (!give(n, q, e->data, e->len)) {
			if (q != kicked) {
				vdev_wake(n->d, q); /* its turn to be heard */
			}
			break;
		}
		net_fifo_drop(&n->wait);
	}
	flush(n);
}

/* A driver refills its buffers with every frame: of no interest, unless frames
 * wait for them. */
static bool net_deaf(struct vdev *d, unsigned int q)
{
	struct net_dev *n = d->priv;

	return q % 2 == 0 && !is_ctrl(n, q) && !n->wait.n;
}

/* ---- from the guest ---- */

static void to_host(struct net_dev *n, uint8_t *frame, size_t len)
{
	if (takes_big(n, is_ip6(frame))) {
		net_big_ask(frame, len, n->o.mtu);
	}
	net_stack_input(n->stack, frame, len);
}

/* Header and frame are read once and judged as read. */
static bool valid(const struct net_dev *n, const struct net_hdr *h,
		  uint8_t *frame, size_t len)
{
	uint8_t gso = h->gso_type & (uint8_t)~NET_GSO_ECN;
	bool tso = (gso == NET_GSO_TCP4 && has(n, NET_F_HOST_TSO4)) ||
		   (gso == NET_GSO_TCP6 && has(n, NET_F_HOST_TSO6));

	if (len < NET_ETH_LEN || (gso != NET_GSO_NONE && !tso) ||
	    (!tso && len > NET_ETH_LEN + (size_t)n->o.mtu + 4)) {
		return false;
	}
	if (!(h->flags & NET_HDR_NEEDS_CSUM)) {
		return !tso;
	}
	return has(n, NET_F_CSUM) &&
	       net_csum_fill(frame, len, le16toh(h->csum_start),
			     le16toh(h->csum_offset));
}

static void take(struct net_dev *n, unsigned int pair)
{
	const size_t skip = hdr_len(n);
	uint8_t *frame = n->frame + 2;
	struct net_hdr h = { 0 };
	size_t len;

	if (n->tx.out_len < skip + NET_ETH_LEN ||
	    n->tx.out_len - skip > NET_FRAME_MAX) {
		vdev_error(n->d);
		return;
	}
	len = n->tx.out_len - skip;
	if (vq_read(&n->tx, 0, &h, skip) != skip ||
	    vq_read(&n->tx, skip, frame, len) != len ||
	    !valid(n, &h, frame, len)) {
		vdev_error(n->d);
		return;
	}
	if (n->down) {
		return;
	}
	if (n->o.pairs > 1) {
		n->steer[net_flow_of(frame, len) & (STEER - 1)] = (uint8_t)pair;
	}
	if (n->capture) {
		seen(n, frame, len, false);
	}
	if (net_line_clear(n->line)) {
		to_host(n, frame, len);
	} else {
		net_line_put(n->line, false, frame, len, health_clock_ns());
	}
}

static bool kick_tx(struct net_dev *n, unsigned int q)
{
	struct virtq *vq = vdev_queue(n->d, q);
	bool more = true;

	for (int i = 0; i < BUDGET && more; i++) {
		more = virtq_pop(vq, &n->tx);
		if (more) {
			take(n, q / 2);
			virtq_push(vq, &n->tx, 0);
		}
	}
	flush(n); /* the stack answers some frames at once */
	return more;
}

static bool kick_ctrl(struct net_dev *n, unsigned int q)
{
	struct virtq *vq = vdev_queue(n->d, q);

	for (int i = 0; i < BUDGET; i++) {
		uint8_t ack;
		size_t len;

		if (!virtq_pop(vq, &n->tx)) {
			return false;
		}
		len = vq_read(&n->tx, 0, n->cmd, sizeof(n->cmd));
		ack = n->tx.out_len > sizeof(n->cmd)
			      ? NET_CTRL_ERR
			      : net_ctrl_command(&n->ctrl, n->cmd, len);
		virtq_push(vq, &n->tx,
			   (uint32_t)vq_write(&n->tx, 0, &ack, sizeof(ack)));
	}
	return true;
}

static bool net_kick(struct vdev *d, unsigned int q)
{
	struct net_dev *n = d->priv;

	if (is_ctrl(n, q)) {
		return kick_ctrl(n, q);
	}
	if (q % 2) {
		return kick_tx(n, q);
	}
	kick_rx(n, q);
	return false;
}

/* ---- what the stack and the line say ---- */

static void fitting_frame(struct net_dev *n, const uint8_t *frame, size_t len)
{
	if (net_line_clear(n->line)) {
		to_guest(n, frame, len);
	} else {
		net_line_put(n->line, true, frame, len, health_clock_ns());
	}
}

static void piece(void *ctx, uint8_t *frame, size_t len)
{
	fitting_frame(ctx, frame, len);
}

/* A line that loses or delays does so frame by frame. */
static void stack_frame(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_dev *n = ctx;

	if (len <= NET_ETH_LEN + (size_t)n->o.mtu || len > sizeof(n->big)) {
		fitting_frame(n, frame, len);
		return;
	}
	memcpy(n->big, frame, len);
	if (net_line_clear(n->line) && takes_big(n, is_ip6(frame))) {
		net_big_partial(n->big, len);
		to_guest(n, n->big, len);
	} else {
		net_big_cut(n->big, len, n->o.mtu, piece, n);
	}
}

static void stack_flush(void *ctx)
{
	flush(ctx);
}

static void line_arrive(void *ctx, bool guest, uint8_t *frame, size_t len)
{
	if (guest) {
		to_guest(ctx, frame, len);
	} else {
		to_host(ctx, frame, len);
	}
}

static void line_lost(void *ctx)
{
	dropped(ctx);
}

static const struct net_stack_ops stack_ops = { .frame = stack_frame,
						.flush = stack_flush };
static const struct net_line_ops line_ops = { .arrive = line_arrive,
					      .flush = stack_flush,
					      .lost = line_lost };

/* ---- device ---- */

static void net_close(struct vdev *d)
{
	struct net_dev *n = d->priv;

	net_line_destroy(n->line);
	net_stack_destroy(n->stack);
	net_fifo_finish(&n->wait);
	free(n);
}

static int net_open(struct vdev *d, const struct vdev_args *a,
		    struct av_err *err)
{
	struct net_dev *n = calloc(1, sizeof(*n));
	struct av_rand r;
	char stream[96];
	int ret;

	if (!n) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	n->d = d;
	d->priv = n;
	n->capture = a->capture;
	n->tx = (struct vq_chain){ .iov = n->tx_iov, .max_iov = VIRTQ_IOV_MAX };
	for (int i = 0; i < MERGE_MAX; i++) {
		n->rx[i].iov = n->rx_iov[i];
		n->rx[i].max_iov = VIRTQ_IOV_MAX;
	}
	ret = net_opts_parse(a, &n->o, err);
	if (!ret && net_fifo_init(&n->wait, WAIT_FRAMES, WAIT_BYTES)) {
		ret = av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	net_ctrl_reset(&n->ctrl, n->o.mac, n->o.pairs);
	snprintf(stream, sizeof(stream), "device/%s/line", a->name);
	av_rand_init(&r, a->seed, stream);
	ret = ret ? ret
		  : net_stack_create(d->loop, &n->o, a->name, &stack_ops, n,
				     &n->stack, err);
	if (!ret) {
		n->line = net_line_create(d->loop, &r, &line_ops, n);
		ret = n->line ? 0
			      : av_err_set(err, -ENOMEM, "%s: out of memory",
					   a->name);
	}
	if (ret) {
		net_close(d);
	}
	return ret;
}

static uint64_t net_features(struct vdev *d)
{
	const struct net_dev *n = d->priv;
	uint64_t f = NET_BIT(NET_F_MAC) | NET_BIT(NET_F_STATUS) |
		     NET_BIT(NET_F_MRG_RXBUF) | NET_BIT(NET_F_MTU) |
		     NET_BIT(NET_F_CTRL_VQ) | NET_BIT(NET_F_CTRL_RX) |
		     NET_BIT(NET_F_CTRL_RX_EXTRA) |
		     NET_BIT(NET_F_CTRL_MAC_ADDR) |
		     NET_BIT(NET_F_GUEST_ANNOUNCE);

	if (n->o.offloads) {
		f |= NET_BIT(NET_F_CSUM) | NET_BIT(NET_F_GUEST_CSUM) |
		     NET_BIT(NET_F_CTRL_GUEST_OFFLOADS) |
		     NET_BIT(NET_F_GUEST_TSO4) | NET_BIT(NET_F_GUEST_TSO6) |
		     NET_BIT(NET_F_HOST_TSO4) | NET_BIT(NET_F_HOST_TSO6) |
		     NET_BIT(NET_F_HOST_ECN);
	}
	if (n->o.pairs > 1) {
		f |= NET_BIT(NET_F_MQ);
	}
	return f;
}

static uint16_t net_n_queues(struct vdev *d)
{
	const struct net_dev *n = d->priv;

	return (uint16_t)(2 * n->o.pairs + 1);
}

static void net_get_config(struct vdev *d, uint8_t *buf)
{
	const struct net_dev *n = d->priv;
	struct net_config c = {
		.status = htole16((n->down ? 0 : STATUS_UP) |
				  (n->ctrl.announce ? STATUS_ANNOUNCE : 0)),
		.max_pairs = htole16((uint16_t)n->o.pairs),
		.mtu = htole16(n->o.mtu),
	};

	memcpy(c.mac, n->o.mac, sizeof(c.mac));
	memcpy(buf, &c, sizeof(c));
}

static void net_start(struct vdev *d, unsigned int q)
{
	struct net_dev *n = d->priv;

	(void)q;
	n->ctrl.features = d->features;
}

/* Chains are never held, so there is no stop(). */
static void net_reset(struct vdev *d)
{
	struct net_dev *n = d->priv;

	net_ctrl_reset(&n->ctrl, n->o.mac, n->o.pairs);
	net_fifo_clear(&n->wait);
	net_line_empty(n->line);
	n->touched = 0;
	memset(n->steer, 0, sizeof(n->steer));
	if (net_stack_crowded(n->stack) && net_stack_renew(n->stack)) {
		vdev_event(d, "a forwarded port was lost in the reset");
	}
}

static void set_down(struct net_dev *n, bool down)
{
	if (n->down == down) {
		return;
	}
	n->down = down;
	n->ctrl.announce =
		!down && has(n, NET_F_GUEST_ANNOUNCE) && ctrl_is_ours(n);
	vdev_event(n->d, "link %s", down ? "down" : "up");
	if (down) {
		net_line_empty(n->line);
		net_fifo_clear(&n->wait);
	}
	vdev_config_changed(n->d);
	vdev_unplug(n->d, down);
}

static void net_message(struct vdev *d, const struct port_msg *m)
{
	struct net_dev *n = d->priv;
	const struct port_fault *f = m->data;
	bool on = m->h.kind == PORT_FAULT;

	if (!on && m->h.kind != PORT_CLEAR) {
		return;
	}
	if (!strcmp(f->name, "net-down")) {
		set_down(n, on);
	} else {
		net_line_fault(n->line, f, on);
	}
}

static void net_look(struct vdev *d)
{
	net_stack_look(((struct net_dev *)d->priv)->stack);
}

const struct vdev_type vdev_net = {
	.name = "net",
	.help = "Ethernet, with a router to the host's network behind it",
	.id = VIRTIO_ID_NET,
	.n_queues = QUEUES_MAX,
	.discards = 0xaaaaaaaa, /* all that transmit */
	.config_size = sizeof(struct net_config),
	.home = VDEV_CHILD,
	.may = VDEV_MAY_INET,
	.opts = net_opt_rows,
	.qemu_device = NULL,
	.reconnects = true,
	.crosvm_type = "net",
	.open = net_open,
	.close = net_close,
	.get_features = net_features,
	.get_n_queues = net_n_queues,
	.get_config = net_get_config,
	.start = net_start,
	.kick = net_kick,
	.look = net_look,
	.deaf = net_deaf,
	.reset = net_reset,
	.message = net_message,
};
