/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BATCH = 32, /* messages a wake-up: other handles of the loop come first
		     */
	DRAIN = 4096,
};

/* What each kind may be. A hold kind is kept by its sender while the port is
 * full; any other is dropped and counted. */
static const struct {
	bool to_device, hold;
	size_t min, max;
} kinds[PORT_N_KINDS] = {
	[PORT_FAULT] = { true, true, sizeof(struct port_fault),
			 sizeof(struct port_fault) },
	[PORT_CLEAR] = { true, true, sizeof(struct port_fault),
			 sizeof(struct port_fault) },
	[PORT_DATA] = { true, true, 0, PORT_DATA_MAX },
	[PORT_INPUT] = { true, false, sizeof(struct port_input),
			 PORT_DATA_MAX },
	[PORT_SAMPLE] = { true, true, sizeof(int64_t), 1024 },
	[PORT_CONTROL] = { true, true, 1, 4096 },
	[PORT_STOP] = { true, true, 0, 0 },
	[PORT_EVENT] = { false, false, 1, 4096 },
	[PORT_COMMAND] = { false, false, 1, 4096 },
	[PORT_REPLY] = { false, true, 0, PORT_DATA_MAX },
	[PORT_PACKET] = { false, false, sizeof(struct port_packet),
			  PORT_DATA_MAX },
	[PORT_READY] = { false, true, 0, 0 },
};

struct port {
	uv_poll_t poll; /* first: closed and freed as this */
	int fd;
	bool to_device; /* this is the world's end */
	bool closed;    /* port_close() was called */
	bool dead;      /* the other end is gone */
	bool blocked;   /* an -EAGAIN waits for writable() */
	const struct port_ops *ops;
	void *ctx;
	uint64_t dropped;
	uint16_t lost[PORT_N_KINDS]; /* not told to the other end yet */
	struct port_header in;
	uint8_t *buf;
};

int port_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, fd)) {
		return -errno;
	}
	return 0;
}

static void watch(struct port *p);

static void gone(struct port *p)
{
	if (p->dead) {
		return;
	}
	p->dead = true;
	uv_poll_stop(&p->poll);
	if (p->ops->closed) {
		p->ops->closed(p->ctx);
	}
}

/* Return: false when there is no more to read for now. */
static bool take(struct port *p)
{
	struct iovec iov[2] = {
		{ .iov_base = &p->in, .iov_len = sizeof(p->in) },
		{ .iov_base = p->buf, .iov_len = PORT_DATA_MAX },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	struct port_msg m = { .data = p->buf };
	ssize_t n = recvmsg(p->fd, &mh, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (n <= 0) {
		gone(p);
		return false;
	}
	if ((size_t)n < sizeof(p->in) || (mh.msg_flags & MSG_TRUNC)) {
		p->dropped++;
		return true;
	}
	m.h = p->in;
	m.len = (size_t)n - sizeof(p->in);
	if (m.h.kind >= PORT_N_KINDS ||
	    kinds[m.h.kind].to_device == p->to_device ||
	    m.len < kinds[m.h.kind].min || m.len > kinds[m.h.kind].max) {
		p->dropped++;
		return true;
	}
	p->ops->message(p->ctx, &m);
	return true;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct port *p = (struct port *)h;

	if (status < 0) {
		gone(p);
		return;
	}
	if (events & UV_WRITABLE) {
		p->blocked = false;
		watch(p);
		if (p->ops->writable) {
			p->ops->writable(p->ctx);
		}
	}
	for (int i = 0;
	     i < BATCH && (events & UV_READABLE) && !p->closed && !p->dead;
	     i++) {
		if (!take(p)) {
			break;
		}
	}
}

static void watch(struct port *p)
{
	if (!p->closed && !p->dead) {
		uv_poll_start(&p->poll,
			      UV_READABLE | (p->blocked ? UV_WRITABLE : 0),
			      on_poll);
	}
}

int port_open(uv_loop_t *loop, int fd, bool to_device,
	      const struct port_ops *ops, void *ctx, struct port **out)
{
	struct port *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	if (!p) {
		goto err_fd;
	}
	p->fd = fd;
	p->to_device = to_device;
	p->ops = ops;
	p->ctx = ctx;
	p->buf = malloc(PORT_DATA_MAX);
	if (!p->buf) {
		goto err_free;
	}
	ret = uv_poll_init(loop, &p->poll, fd);
	if (ret) {
		goto err_free;
	}
	watch(p);
	*out = p;
	return 0;

err_free:
	free(p->buf);
	free(p);
err_fd:
	close(fd);
	return ret;
}

void port_drain(struct port *p)
{
	/* bounded: its end of the pair may live on in another process */
	for (int i = 0; i < DRAIN && p && !p->closed && !p->dead; i++) {
		if (!take(p)) {
			break;
		}
	}
}

static void on_close(uv_handle_t *h)
{
	struct port *p = (struct port *)h;

	free(p->buf);
	free(p);
}

void port_close(struct port *p)
{
	if (!p || p->closed) {
		return;
	}
	p->closed = true;
	uv_close((uv_handle_t *)&p->poll, on_close);
	close(p->fd);
}

int port_send(struct port *p, enum port_kind kind, uint32_t id, vtime t,
	      const void *data, size_t len)
{
	struct port_header h = { .kind = (uint16_t)kind,
				 .lost = p->lost[kind],
				 .id = id,
				 .t = t };
	struct iovec iov[2] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };

	if (len > kinds[kind].max) {
		return -E2BIG;
	}
	if (p->dead || p->closed) {
		return -EPIPE;
	}
	if (sendmsg(p->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		p->lost[kind] = 0;
		return 0;
	}
	if (errno != EAGAIN && errno != ENOBUFS) {
		return -EPIPE;
	}
	if (!kinds[kind].hold) {
		p->dropped++;
		if (p->lost[kind] < UINT16_MAX) {
			p->lost[kind]++;
		}
		return -EAGAIN;
	}
	if (!p->blocked) {
		p->blocked = true;
		watch(p);
	}
	return -EAGAIN;
}

uint64_t port_dropped(const struct port *p)
{
	return p->dropped;
}
