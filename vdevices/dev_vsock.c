/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock: binds the protocol (vsock.h) to the queues. In the loop, since
 * services take the guest's bytes as they come, without a socket between.
 *
 * QEMU keeps the event queue to itself and gives two rings, crosvm gives three.
 */
#include "config.h"

#include "recordings/pcap.h"
#include "sim/world.h"
#include "vdevices/devices.h"
#include "vdevices/state.h"
#include "vdevices/vsock_switch.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	Q_RX,
	Q_TX,
	Q_EVENT,
	N_QUEUES,
	BUDGET = 64, /* packets of the guest a kick */
	EVENT_TRANSPORT_RESET = 0,
	F_STREAM = 1 << 0,
	F_SEQPACKET = 1 << 1,
};

struct vsock_dev {
	struct vdev *d;
	struct vsock_switch *sw;
	struct vsock_guest *g;
	uint64_t cid;
	bool seqpacket, capture;
	bool kicking;    /* packets to the guest are flushed at its end */
	bool have_rx;    /* rx holds a chain that is not filled yet */
	bool want_reset; /* an event waits for a buffer */
	struct vq_chain rx, tx;
	struct iovec rx_iov[VIRTQ_IOV_MAX], tx_iov[VIRTQ_IOV_MAX];
	uint8_t data[VSOCK_PAYLOAD_MAX];
	uint8_t *seen; /* a packet for the capture is put together here */
};

/* ---- to the guest ---- */

static ssize_t room(void *ctx)
{
	struct vsock_dev *v = ctx;
	struct virtq *vq = vdev_queue(v->d, Q_RX);
	size_t n;

	while (!v->have_rx) {
		if (!vdev_queue_enabled(v->d, Q_RX) || !virtq_pop(vq, &v->rx)) {
			return -1;
		}
		if (v->rx.in_len < sizeof(struct vsock_hdr)) {
			virtq_push(vq, &v->rx, 0); /* useless */
			vdev_error(v->d);
			continue;
		}
		v->have_rx = true;
	}
	n = v->rx.in_len - sizeof(struct vsock_hdr);
	return (ssize_t)(n < VSOCK_PAYLOAD_MAX ? n : VSOCK_PAYLOAD_MAX);
}

static void send_(void *ctx, const struct vsock_hdr *h, const void *data)
{
	struct vsock_dev *v = ctx;
	uint32_t len = le32toh(h->len);

	vq_write(&v->rx, 0, h, sizeof(*h));
	if (len) {
		vq_write(&v->rx, sizeof(*h), data, len);
	}
	virtq_push(vdev_queue(v->d, Q_RX), &v->rx, (uint32_t)sizeof(*h) + len);
	v->have_rx = false;
	/* a service may write at any moment */
	if (!v->kicking) {
		vdev_flush(v->d, Q_RX);
	}
}

static void wake(void *ctx)
{
	struct vsock_dev *v = ctx;

	vdev_wake(v->d, Q_RX);
}

/* For a capture: the virtio header and the payload, in a struct port_packet. */
static void seen(void *ctx, const struct vsock_hdr *h, const void *data,
		 bool to_guest)
{
	struct vsock_dev *v = ctx;
	const size_t head = sizeof(struct port_packet) + sizeof(*h);
	size_t len = le32toh(h->len), max = PORT_DATA_MAX - head;
	struct port_packet p = { .link = PCAP_VSOCK,
				 .to_guest = to_guest,
				 .full_len = (uint32_t)(sizeof(*h) + len) };

	len = len < max ? len : max;
	memcpy(v->seen, &p, sizeof(p));
	memcpy(v->seen + sizeof(p), h, sizeof(*h));
	if (len) {
		memcpy(v->seen + head, data, len);
	}
	vdev_send(v->d, PORT_PACKET, 0, v->seen, head + len);
}

/* ---- device ---- */

static int read_cid(const struct vdev_args *a, uint64_t *cid,
		    struct av_err *err)
{
	const char *text = vdev_opt(a, "cid", "3");
	char *end;

	*cid = strtoull(text, &end, 10);
	if (*end || end == text || *cid < VSOCK_CID_GUEST_MIN ||
	    *cid >= VSOCK_CID_ANY) {
		return av_err_set(err, -EINVAL,
				  "%s: cid is '%s', not a number from 3 to "
				  "4294967294",
				  a->name, text);
	}
	return 0;
}

static int open_guest(struct vsock_dev *v, const struct vdev_args *a,
		      struct av_err *err)
{
	const struct vsock_out out = { .room = room,
				       .send = send_,
				       .wake = wake,
				       .seen = v->capture ? seen : NULL,
				       .ctx = v };
	const char *ports = vdev_opt(a, "ports", NULL);
	int ret = vsock_switch_attach(
		v->sw, v->cid, vdev_opt(a, "hybrid", NULL), &out, &v->g, err);

	if (!ret && ports) {
		ret = vsock_switch_ports(v->sw, ports, err);
	}
	return ret;
}

static void vsock_close(struct vdev *d)
{
	struct vsock_dev *v = d->priv;

	if (v->g) {
		vsock_switch_detach(v->sw, v->g);
	}
	free(v->seen);
	free(v);
}

static int vsock_open(struct vdev *d, const struct vdev_args *a,
		      struct av_err *err)
{
	const char *seq = vdev_opt(a, "seqpacket", "on");
	struct vsock_dev *v;
	int ret;

	if (!a->vsock) {
		return av_err_set(err, -EINVAL, "%s: vsock runs in the loop",
				  a->name);
	}
	if (!strcmp(a->name, "vsock")) {
		return av_err_set(err, -EINVAL,
				  "vsock.sock is where host programs reach "
				  "the guest; name the device vsock0");
	}
	if (strcmp(seq, "on") && strcmp(seq, "off")) {
		return av_err_set(err, -EINVAL,
				  "%s: seqpacket is '%s', not on or off",
				  a->name, seq);
	}
	v = calloc(1, sizeof(*v));
	if (!v) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	v->d = d;
	v->sw = a->vsock;
	v->seqpacket = !strcmp(seq, "on");
	v->capture = a->capture;
	v->rx = (struct vq_chain){ .iov = v->rx_iov, .max_iov = VIRTQ_IOV_MAX };
	v->tx = (struct vq_chain){ .iov = v->tx_iov, .max_iov = VIRTQ_IOV_MAX };
	v->seen = malloc(PORT_DATA_MAX);
	ret = v->seen ? read_cid(a, &v->cid, err)
		      : av_err_set(err, -ENOMEM, "out of memory");
	d->priv = v;
	ret = ret ? ret : open_guest(v, a, err);
	if (ret) {
		vsock_close(d);
	}
	return ret;
}

static uint64_t vsock_features(struct vdev *d)
{
	const struct vsock_dev *v = d->priv;

	return F_STREAM | (v->seqpacket ? F_SEQPACKET : 0);
}

static void vsock_get_config(struct vdev *d, uint8_t *buf)
{
	const struct vsock_dev *v = d->priv;
	uint64_t cid = htole64(v->cid);

	memcpy(buf, &cid, sizeof(cid));
}

static void vsock_start(struct vdev *d, unsigned int q)
{
	struct vsock_dev *v = d->priv;

	(void)q;
	if (vdev_queue_enabled(d, Q_RX) && vdev_queue_enabled(d, Q_TX)) {
		vsock_guest_up(v->g, true);
	}
}

static void vsock_stop(struct vdev *d, unsigned int q)
{
	struct vsock_dev *v = d->priv;

	if (q == Q_RX && v->have_rx) {
		virtq_unpop(vdev_queue(d, Q_RX), &v->rx);
		v->have_rx = false;
	}
	if (q != Q_EVENT) {
		vsock_guest_pause(v->g);
	}
}

/* One packet. Its header and bytes are copied once and judged as copied. */
static void take(struct vsock_dev *v)
{
	struct vsock_hdr h;
	uint32_t len;

	if (vq_read(&v->tx, 0, &h, sizeof(h)) != sizeof(h)) {
		vdev_error(v->d);
		return;
	}
	len = le32toh(h.len);
	if (len > sizeof(v->data) ||
	    vq_read(&v->tx, sizeof(h), v->data, len) != len) {
		vdev_error(v->d);
		return;
	}
	if (vsock_input(v->g, &h, v->data) == -EBADMSG) {
		vdev_error(v->d);
	}
}

static bool kick_tx(struct vsock_dev *v)
{
	struct virtq *vq = vdev_queue(v->d, Q_TX);

	for (int i = 0; i < BUDGET; i++) {
		if (!virtq_pop(vq, &v->tx)) {
			return false;
		}
		take(v);
		virtq_push(vq, &v->tx, 0);
	}
	return true;
}

/* After a reset of the transport the driver reads its CID anew. */
static void kick_event(struct vsock_dev *v)
{
	struct virtq *vq = vdev_queue(v->d, Q_EVENT);
	uint32_t id = htole32(EVENT_TRANSPORT_RESET);

	if (v->want_reset && vdev_queue_enabled(v->d, Q_EVENT) &&
	    virtq_pop(vq, &v->tx)) {
		virtq_push(vq, &v->tx,
			   (uint32_t)vq_write(&v->tx, 0, &id, sizeof(id)));
		v->want_reset = false;
	}
}

static bool vsock_kick(struct vdev *d, unsigned int q)
{
	struct vsock_dev *v = d->priv;
	bool more = false;

	v->kicking = true;
	if (q == Q_TX) {
		more = kick_tx(v);
	} else if (q == Q_EVENT) {
		kick_event(v);
	} else {
		more = vsock_pump(v->g);
	}
	v->kicking = false;
	vdev_flush(d, Q_RX);
	return more;
}

static void vsock_reset(struct vdev *d)
{
	struct vsock_dev *v = d->priv;

	v->want_reset = false; /* a driver that starts anew has none to lose */
	v->have_rx = false;
	vsock_guest_up(v->g, false);
}

/* Connections do not move (5.10.6.7): where the guest goes on it has to hear
 * that they are gone, and what its CID is now. */
static int vsock_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	(void)d;
	(void)o;
	(void)err;
	return 0;
}

static int vsock_load(struct vdev *d, struct state_in *in, struct av_err *err)
{
	struct vsock_dev *v = d->priv;
	int ret = state_end(in, err);

	if (!ret) {
		vsock_reset(d);
		v->want_reset = true;
	}
	return ret;
}

/* The simulated machine slept: whatever was connected is not any more. */
static void transport_reset(struct vsock_dev *v)
{
	unsigned int n = vsock_reset_port(v->g, 0);

	v->want_reset = true;
	vdev_wake(v->d, Q_EVENT);
	vdev_event(v->d, "transport reset, %u connections", n);
}

static void vsock_message(struct vdev *d, const struct port_msg *m)
{
	struct vsock_dev *v = d->priv;

	if (m->h.kind == PORT_FAULT || m->h.kind == PORT_CLEAR) {
		vsock_switch_fault(v->sw, m->data, m->h.kind == PORT_FAULT);
	} else if (m->h.kind == PORT_CONTROL && m->len == 5 &&
		   !memcmp(m->data, "reset", 5)) {
		transport_reset(v);
	}
}

/* ---- the world's side: a machine that goes to sleep ---- */

struct glue {
	struct device *dev;
	struct world *w;
};

static void on_power(void *ctx, const void *msg)
{
	const struct text_event *e = msg;
	struct glue *gl = ctx;

	if (!strcmp(e->key, "state") && !strcmp(e->text, "finished")) {
		(void)device_send(gl->dev, PORT_CONTROL, 0, "reset", 5);
	}
}

static int glue_open(struct device *dev, struct world *w, void *priv,
		     struct av_err *err)
{
	struct glue *gl = priv;

	gl->dev = dev;
	gl->w = w;
	return bus_subscribe(w->bus, TOPIC_POWER, STAGE_TAP, "vsock", on_power,
			     gl, err);
}

static void glue_close(struct device *dev, void *priv)
{
	struct glue *gl = priv;

	(void)dev;
	bus_unsubscribe(gl->w->bus, on_power, gl);
}

static const struct vdev_glue vsock_glue = {
	.size = sizeof(struct glue),
	.open = glue_open,
	.close = glue_close,
};

static const struct vdev_opt vsock_opts[] = {
	{ .name = "cid", .value = "N", .help = "of the guest, default 3" },
	{ .name = "ports",
	  .value = "PORT=TARGET;...",
	  .help = "who answers: a service, unix:PATH, exec:COMMAND, closed" },
	{ .name = "hybrid",
	  .value = "PATH",
	  .help = "socket for host programs, default vsock.sock in the run "
		  "dir" },
	{ .name = "seqpacket",
	  .value = "on|off",
	  .help = "offer message sockets, default on" },
	{ .name = NULL },
};

const struct vdev_type vdev_vsock = {
	.name = "vsock",
	.help = "sockets between the guest, avsim's services and the host",
	.id = VIRTIO_ID_VSOCK,
	.n_queues = N_QUEUES,
	.config_size = 8,
	.home = VDEV_LOOP,
	.loop_only = true,
	.opts = vsock_opts,
	.qemu_device = "vhost-user-vsock",
	.crosvm_type = "vsock",
	.open = vsock_open,
	.close = vsock_close,
	.get_features = vsock_features,
	.get_config = vsock_get_config,
	.start = vsock_start,
	.stop = vsock_stop,
	.kick = vsock_kick,
	.reset = vsock_reset,
	.state_version = 1,
	.save = vsock_save,
	.load = vsock_load,
	.message = vsock_message,
	.glue = &vsock_glue,
};
