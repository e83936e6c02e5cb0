/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/handle.h"
#include "vdevices/host_impl.h"
#include "vdevices/notify.h"
#include "vdevices/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NOTE_MAX = 512,
};

/* ---- libuv handles ---- */

static int poll_new(struct vdev_host *h, int fd, void *data, uv_poll_cb cb,
		    uv_poll_t **out)
{
	uv_poll_t *p = calloc(1, sizeof(*p));
	int ret;

	if (!p) {
		return -ENOMEM;
	}
	ret = uv_poll_init(h->loop, p, fd);
	if (ret) {
		free(p);
		return ret;
	}
	p->data = data;
	uv_poll_start(p, UV_READABLE, cb);
	*out = p;
	return 0;
}

/* ---- what a device may ask ---- */

int vdev_send(struct vdev *d, enum port_kind kind, uint32_t id,
	      const void *data, size_t len)
{
	struct vdev_host *h = host_of(d);

	return h->port ? port_send(h->port, kind, id, 0, data, len) : -EPIPE;
}

__attribute__((format(printf, 3, 0))) static void
tell(struct vdev *d, uint32_t id, const char *fmt, va_list ap)
{
	char text[NOTE_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	vdev_send(d, PORT_EVENT, id, text, strlen(text));
}

void vdev_event(struct vdev *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(d, 0, fmt, ap);
	va_end(ap);
}

void vdev_warn(struct vdev *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(d, PORT_WARN, fmt, ap);
	va_end(ap);
}

void vdev_config_changed(struct vdev *d)
{
	struct vdev_host *h = host_of(d);

	if (h->vu) {
		vu_config_changed(h->vu);
	}
}

void vdev_error(struct vdev *d)
{
	health_add(&d->health->errors, 1);
}

/* ---- what the vhost-user session asks ---- */

static uint64_t op_features(void *ctx)
{
	struct vdev_host *h = ctx;
	const struct vdev_type *t = h->type;

	return (t->get_features ? t->get_features(&h->dev) : t->features) |
	       VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
	       VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED |
	       (t->in_order ? VIRTIO_F_IN_ORDER : 0);
}

static unsigned int op_n_queues(void *ctx)
{
	return ((struct vdev_host *)ctx)->n_queues;
}

static uint32_t op_config_size(void *ctx)
{
	return ((struct vdev_host *)ctx)->type->config_size;
}

static void op_get_config(void *ctx, uint8_t *buf)
{
	struct vdev_host *h = ctx;

	memset(buf, 0, h->type->config_size);
	h->type->get_config(&h->dev, buf);
}

static int op_set_config(void *ctx, uint32_t off, const uint8_t *buf,
			 uint32_t len, bool migration)
{
	struct vdev_host *h = ctx;

	(void)migration;
	return h->type->set_config ? h->type->set_config(&h->dev, off, buf, len)
				   : -EPERM;
}

static void op_watch_kick(void *ctx, unsigned int q, int fd)
{
	struct vdev_host *h = ctx;

	handle_close(h->slot[q].kick);
	if (fd >= 0 && poll_new(h, fd, h, host_kicked, &h->slot[q].kick)) {
		vdev_event(&h->dev, "queue %u: kick descriptor refused", q);
	}
}

static void op_queue_start(void *ctx, unsigned int q)
{
	struct vdev_host *h = ctx;

	h->dev.features = vu_features(h->vu);
	atomic_store_explicit(&h->dev.health->features, h->dev.features,
			      memory_order_relaxed);
	h->slot[q].enabled = true;
	h->slot[q].said = false;
	if (h->type->start) {
		h->type->start(&h->dev, q);
	}
	host_set_state(h);
	host_pend(h, q); /* a kick may have come before */
}

static void op_queue_discard(void *ctx, unsigned int q)
{
	struct vdev_host *h = ctx;

	h->slot[q].discards = true;
	h->slot[q].said = false;
	host_pend(h, q);
}

static void op_queue_stop(void *ctx, unsigned int q)
{
	struct vdev_host *h = ctx;

	if (h->slot[q].discards) {
		h->slot[q].discards = h->slot[q].pending = false;
		return; /* the device does not know of it */
	}
	if (h->type->stop) {
		h->type->stop(&h->dev, q);
	}
	vdev_flush(&h->dev, q);
	h->slot[q].enabled = false;
	h->slot[q].pending = h->slot[q].watched = false;
	host_set_state(h);
}

static void op_reset(void *ctx)
{
	struct vdev_host *h = ctx;

	health_add(&h->dev.health->resets, 1);
	if (h->type->reset) {
		h->type->reset(&h->dev);
	}
	host_set_state(h);
}

/* Where a queue stood, see vu_ring.c. */
struct stood {
	bool ran;
	uint32_t num, base;
};

static void save_queues(const struct vdev_host *h, struct state_out *o)
{
	state_put8(o, (uint8_t)h->n_queues);
	for (unsigned int q = 0; q < h->n_queues; q++) {
		struct stood s = { false, 0, 0 };

		s.ran = h->vu && vu_queue_stood(h->vu, q, &s.num, &s.base);
		state_put8(o, s.ran);
		state_put32(o, s.ran ? s.num : 0);
		state_put32(o, s.ran ? s.base : 0);
	}
}

static int read_queues(const struct vdev_host *h, struct state_in *in,
		       struct stood *s, struct av_err *err)
{
	unsigned int n = state_get8(in);

	if (!in->bad && n != h->n_queues) {
		return av_err_set(err, -EINVAL, "of %u queues, here are %u", n,
				  h->n_queues);
	}
	for (unsigned int q = 0; q < h->n_queues; q++) {
		s[q].ran = state_get_flag(in);
		s[q].num = state_get32(in);
		s[q].base = state_get32(in);
	}
	return 0;
}

int vdev_host_save(struct vdev_host *h, uint8_t **buf, size_t *len,
		   struct av_err *err)
{
	struct state_out o = { .buf = NULL };
	int ret;

	state_begin(&o, h->type->name, h->type->state_version);
	save_queues(h, &o);
	ret = h->type->save(&h->dev, &o, err);
	if (!ret && state_finish(&o)) {
		ret = av_err_set(err, -ENOMEM, "out of memory");
	}
	if (ret) {
		free(o.buf);
		return ret;
	}
	*buf = o.buf;
	*len = o.len;
	return 0;
}

int vdev_host_load(struct vdev_host *h, const uint8_t *buf, size_t len,
		   struct av_err *err)
{
	const struct vdev_type *t = h->type;
	struct state_in in;
	struct stood s[VU_MAX_QUEUES];
	int ret = state_open(&in, buf, len, t->name, t->state_version, err);

	ret = ret ? ret : read_queues(h, &in, s, err);
	ret = ret ? ret : t->load(&h->dev, &in, err);
	for (unsigned int q = 0; !ret && h->vu && q < h->n_queues; q++) {
		if (s[q].ran) {
			vu_queue_moved(h->vu, q, s[q].num, s[q].base);
		}
	}
	return ret;
}

static int op_save(void *ctx, uint8_t **buf, size_t *len, struct av_err *err)
{
	return vdev_host_save(ctx, buf, len, err);
}

static int op_load(void *ctx, const uint8_t *buf, size_t len,
		   struct av_err *err)
{
	return vdev_host_load(ctx, buf, len, err);
}

static void op_note(void *ctx, const char *text)
{
	vdev_event(&((struct vdev_host *)ctx)->dev, "%s", text);
}

static const struct vu_ops host_vu_ops = {
	.features = op_features,
	.n_queues = op_n_queues,
	.config_size = op_config_size,
	.get_config = op_get_config,
	.set_config = op_set_config,
	.watch_kick = op_watch_kick,
	.queue_start = op_queue_start,
	.queue_discard = op_queue_discard,
	.queue_stop = op_queue_stop,
	.reset = op_reset,
	.note = op_note,
};

/* ---- connections ---- */

void host_hang_up(struct vdev_host *h, const char *why)
{
	h->drop = false;
	if (!h->vu) {
		return;
	}
	handle_close(h->conn);
	vu_destroy(h->vu);
	h->vu = NULL;
	h->front_fd = -1;
	for (unsigned int i = 0; i < h->n_queues; i++) {
		handle_close(h->slot[i].kick);
		h->slot[i].enabled = h->slot[i].pending = false;
		h->slot[i].watched = false;
	}
	vdev_event(&h->dev, "disconnected: %s", why);
	host_set_state(h);
}

void vdev_unplug(struct vdev *d, bool out)
{
	struct vdev_host *h = host_of(d);

	if (out && h->vu && vu_reads_config(h->vu)) {
		return;
	}
	h->unplugged = out;
	if (out) {
		host_hang_up(h, "unplugged");
	}
}

static void on_front(uv_poll_t *p, int status, int events)
{
	struct vdev_host *h = p->data;
	struct av_err err = { 0 };
	int ret;

	(void)events;
	ret = status < 0 ? status : vu_input(h->vu, &err);
	if (ret >= 0) {
		return;
	}
	if (ret != -ECONNRESET) {
		vdev_error(&h->dev);
	}
	host_hang_up(h, err.msg[0] ? err.msg : "the front-end hung up");
}

/* Takes @fd. */
static void connected(struct vdev_host *h, int fd)
{
	if (vu_create(fd, &h->ops, h, h->q, &h->vu)) {
		h->vu = NULL;
		vdev_event(&h->dev, "front-end refused: out of memory");
		return;
	}
	if (poll_new(h, fd, h, on_front, &h->conn)) {
		vu_destroy(h->vu);
		h->vu = NULL;
		return;
	}
	h->front_fd = fd;
	health_add(&h->dev.health->connects, 1);
	vdev_event(&h->dev, "connected");
	host_set_state(h);
}

static bool front_gone(const struct vdev_host *h)
{
	struct pollfd p = { .fd = h->front_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* Out of descriptors: the socket would stay readable, and the loop would spin. A
 * confined process cannot open another, so the spare one is a copy. */
static void drop_one(struct vdev_host *h)
{
	int fd;

	if (h->reserve >= 0) {
		close(h->reserve);
	}
	fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
	}
	h->reserve = fcntl(h->listen_fd, F_DUPFD_CLOEXEC, 3);
	vdev_event(&h->dev, "a front-end was turned away: no descriptor left");
}

/* One front-end at a time. A second is turned away, unless the first has died
 * and we are just about to learn of it. */
static void on_listen(uv_poll_t *p, int status, int events)
{
	struct vdev_host *h = p->data;
	int fd;

	(void)events;
	if (status < 0) {
		return;
	}
	fd = accept4(h->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			drop_one(h);
		}
		return;
	}
	if (h->unplugged) {
		close(fd); /* left waiting, QEMU would wait for an answer */
		return;
	}
	if (h->vu && front_gone(h)) {
		host_hang_up(h, "the front-end hung up");
	}
	if (h->vu) {
		close(fd);
		vdev_event(&h->dev, "a second front-end was turned away");
		return;
	}
	connected(h, fd);
}

/* ---- port ---- */

static void end(struct vdev_host *h)
{
	h->ended = true;
	if (h->on_ended) {
		h->on_ended(h->ended_ctx);
	}
}

static void on_message(void *ctx, const struct port_msg *m)
{
	struct vdev_host *h = ctx;

	if (m->h.kind == PORT_STOP) {
		end(h);
	} else if (h->type->message) {
		h->type->message(&h->dev, m);
	}
}

static void on_writable(void *ctx)
{
	struct vdev_host *h = ctx;

	if (h->type->writable) {
		h->type->writable(&h->dev);
	}
}

static void on_port_closed(void *ctx)
{
	end(ctx);
}

static const struct port_ops host_port_ops = {
	.message = on_message,
	.writable = on_writable,
	.closed = on_port_closed,
};

/* ---- life ---- */

static int make_queues(struct vdev_host *h)
{
	const struct vdev_type *t = h->type;

	h->n_queues = t->get_n_queues ? t->get_n_queues(&h->dev) : t->n_queues;
	h->q = calloc(h->n_queues, sizeof(*h->q));
	h->slot = calloc(h->n_queues, sizeof(*h->slot));
	if (!h->q || !h->slot) {
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < h->n_queues; i++) {
		h->q[i] = virtq_create(i);
		if (!h->q[i]) {
			return -ENOMEM;
		}
		virtq_set_notify(h->q[i], h->notify);
	}
	return 0;
}

int vdev_host_create(uv_loop_t *loop, const struct vdev_host_opts *o,
		     struct vdev_host **out, struct av_err *err)
{
	struct vdev_host *h = calloc(1, sizeof(*h));
	int port_fd = o->port_fd;
	int ret = -ENOMEM;

	if (!h) {
		close(port_fd);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	h->loop = loop;
	h->type = o->type;
	h->listen_fd = o->listen_fd;
	h->reserve = -1;
	h->conn_fd = o->conn_fd;
	h->front_fd = -1;
	h->on_ended = o->on_ended;
	h->ended_ctx = o->ended_ctx;
	h->ops = host_vu_ops;
	h->ops.discards = o->type->discards;
	spin_init(&h->spin, o->own_loop);
	if (o->type->save) {
		h->ops.save = op_save;
		h->ops.load = op_load;
	}
	h->dev = (struct vdev){ .type = o->type,
				.name = o->args->name,
				.loop = loop,
				.health = o->health,
				.host = h };
	atomic_store(&o->health->queue_depth, 0); /* a dead child left it */
	h->idle = calloc(1, sizeof(*h->idle));
	if (!h->idle) {
		close(port_fd);
		goto fail;
	}
	uv_idle_init(loop, h->idle);
	h->idle->data = h;
	ret = port_open(loop, port_fd, false, &host_port_ops, h, &h->port);
	if (ret) {
		goto fail;
	}
	ret = o->type->open(&h->dev, o->args, err);
	if (ret) {
		goto fail;
	}
	h->open = true;
	h->notify = notify_create(); /* a confined child cannot any more */
	if (!h->notify) {
		vdev_event(&h->dev, "no asynchronous I/O to be had: a hostile "
				    "front-end could make this device wait");
	}
	ret = make_queues(h);
	if (ret) {
		goto fail;
	}
	*out = h;
	return 0;

fail:
	if (err && !err->code) {
		av_err_set(err, ret, "%s: %s", o->args->name, strerror(-ret));
	}
	vdev_host_close(h);
	return ret;
}

int vdev_host_begin(struct vdev_host *h, struct av_err *err)
{
	int ret;

	if (h->type->ready) {
		ret = h->type->ready(&h->dev, err);
		if (ret) {
			return ret;
		}
	}
	if (h->listen_fd >= 0) {
		h->reserve = fcntl(h->listen_fd, F_DUPFD_CLOEXEC, 3);
		ret = poll_new(h, h->listen_fd, h, on_listen, &h->listen);
		if (ret) {
			return av_err_set(err, ret, "%s: cannot watch: %s",
					  h->dev.name, strerror(-ret));
		}
	}
	if (h->conn_fd >= 0) {
		connected(h, h->conn_fd);
		h->conn_fd = -1;
	}
	host_set_state(h);
	return vdev_send(&h->dev, PORT_READY, 0, NULL, 0);
}

void vdev_host_close(struct vdev_host *h)
{
	if (!h) {
		return;
	}
	host_hang_up(h, "avsim ends");
	if (h->open) {
		h->type->close(&h->dev);
	}
	handle_close(h->listen);
	handle_close(h->idle);
	port_close(h->port);
	for (unsigned int i = 0; h->q && i < h->n_queues; i++) {
		virtq_destroy(h->q[i]);
	}
	notify_destroy(h->notify);
	if (h->listen_fd >= 0) {
		close(h->listen_fd);
	}
	if (h->reserve >= 0) {
		close(h->reserve);
	}
	if (h->conn_fd >= 0) {
		close(h->conn_fd);
	}
	free(h->q);
	free(h->slot);
	free(h);
}

bool vdev_host_ended(const struct vdev_host *h)
{
	return h->ended;
}

struct vdev *vdev_host_dev(struct vdev_host *h)
{
	return &h->dev;
}
