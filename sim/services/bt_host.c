/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A pty tells when its last user closes it, by a hang-up that then stays, and
 * pty_watch when the next one comes. Only from that moment on is the controller
 * attached, so nobody finds what was meant for somebody else. A user who finds
 * it taken waits: a timer looks until it is free.
 */
#include "config.h"

#include "sim/services/bt_host.h"

#include "sim/core/log.h"
#include "sim/services/pty.h"
#include "sim/services/sock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LOOK_MS 100
#define READ_MAX 65536

/* Bytes between a carrier of streams and the controller. */
struct pipe {
	struct bt_host *h;
	ssize_t (*write)(struct pipe *p, const void *buf, size_t len);
	void (*hold)(struct pipe *p, bool hold);
	bool attached;
	uint8_t in[READ_MAX], out[H4_MAX]; /* not taken yet */
	size_t in_len, out_len;
};

struct bt_host {
	struct bluetooth *bt;
	struct bt_controller *c; /* attached to */
	struct {
		struct pipe pipe;
		struct av_acceptor acceptor;
		struct sock_listener *listener;
		struct av_stream *stream;
	} sock;
	struct {
		struct pipe pipe;
		int fd;
		char *path; /* the link, NULL = none was made */
		uv_poll_t poll;
		uv_timer_t timer;
		struct pty_watch *users;
		bool held, want_write;
	} pty;
	unsigned int open_handles;
};

/* ---- pipes ---- */

static bool pipe_flush(struct pipe *p)
{
	ssize_t n = p->out_len ? p->write(p, p->out, p->out_len) : 0;

	if (n > 0) {
		p->out_len -= (size_t)n;
		memmove(p->out, p->out + n, p->out_len);
	}
	return p->out_len == 0;
}

static bool pipe_emit(void *ctx, const uint8_t *h4, size_t len)
{
	struct pipe *p = ctx;

	if (p->out_len > 0) {
		return false;
	}
	memcpy(p->out, h4, len);
	p->out_len = len;
	pipe_flush(p);
	return true;
}

static void pipe_on_room(void *ctx)
{
	struct pipe *p = ctx;
	size_t n = bt_controller_feed(p->h->c, p->in, p->in_len);

	p->in_len -= n;
	memmove(p->in, p->in + n, p->in_len);
	if (p->in_len == 0) {
		p->hold(p, false);
	}
}

static int pipe_attach(struct pipe *p, const char *name)
{
	struct bt_carrier carrier = { .name = name,
				      .emit = pipe_emit,
				      .on_room = pipe_on_room,
				      .ctx = p };
	struct bt_controller *c = bluetooth_controller(p->h->bt);
	int ret = bt_controller_attach(c, &carrier);

	if (ret == 0) {
		p->h->c = c;
		p->attached = true;
		p->in_len = p->out_len = 0;
	}
	return ret;
}

static void pipe_detach(struct pipe *p)
{
	if (p->attached) {
		p->attached = false;
		bt_controller_detach(p->h->c, p);
	}
}

/* @len: at most READ_MAX, and only while nothing of before is left */
static void pipe_input(struct pipe *p, const void *buf, size_t len)
{
	size_t n = bt_controller_feed(p->h->c, buf, len);

	if (n < len) {
		p->in_len = len - n;
		memcpy(p->in, (const uint8_t *)buf + n, p->in_len);
		p->hold(p, true);
	}
}

static void pipe_writable(struct pipe *p)
{
	if (pipe_flush(p)) {
		bt_controller_ready(p->h->c);
	}
}

/* ---- the socket ---- */

static ssize_t sock_write(struct pipe *p, const void *buf, size_t len)
{
	return av_stream_write(p->h->sock.stream, buf, len);
}

static void sock_hold(struct pipe *p, bool hold)
{
	av_stream_hold(p->h->sock.stream, hold);
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	pipe_input(s->user, buf, len);
}

static void on_writable(struct av_stream *s)
{
	pipe_writable(s->user);
}

static void on_closed(struct av_stream *s)
{
	struct pipe *p = s->user;

	p->h->sock.stream = NULL;
	pipe_detach(p);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct bt_host *h = a->ctx;
	int ret = pipe_attach(&h->sock.pipe, "socket");

	if (ret < 0) {
		return ret;
	}
	h->sock.stream = s;
	s->user = &h->sock.pipe;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	return 0;
}

/* ---- the pty ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void pty_poll(struct bt_host *h)
{
	int events = (h->pty.held ? 0 : UV_READABLE) |
		     (h->pty.want_write ? UV_WRITABLE : 0) | UV_DISCONNECT;

	uv_poll_start(&h->pty.poll, events, on_poll);
}

static ssize_t pty_write(struct pipe *p, const void *buf, size_t len)
{
	struct bt_host *h = p->h;
	ssize_t n = write(h->pty.fd, buf, len);

	n = n < 0 ? 0 : n;
	if (((size_t)n < len) != h->pty.want_write) {
		h->pty.want_write = (size_t)n < len;
		pty_poll(h);
	}
	return n;
}

static void pty_hold(struct pipe *p, bool hold)
{
	p->h->pty.held = hold;
	pty_poll(p->h);
}

static void pty_opened(void *ctx);

static void pty_look(uv_timer_t *timer)
{
	pty_opened(timer->data);
}

static void pty_opened(void *ctx)
{
	struct bt_host *h = ctx;
	struct pollfd pf = { .fd = h->pty.fd, .events = POLLIN };
	struct termios t;

	uv_timer_stop(&h->pty.timer);
	if (h->pty.pipe.attached || poll(&pf, 1, 0) < 0 ||
	    (pf.revents & (POLLHUP | POLLERR))) {
		return;
	}
	if (pipe_attach(&h->pty.pipe, "pty") < 0) {
		uv_timer_start(&h->pty.timer, pty_look, LOOK_MS, 0);
		return;
	}
	/* whoever opened it may have left it as a terminal is by default */
	if (tcgetattr(h->pty.fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(h->pty.fd, TCSANOW, &t);
	}
	h->pty.held = h->pty.want_write = false;
	pty_poll(h);
}

static void pty_gone(struct bt_host *h)
{
	uv_poll_stop(&h->pty.poll);
	pipe_detach(&h->pty.pipe);
	tcflush(h->pty.fd, TCIOFLUSH);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bt_host *h = poll->data;
	uint8_t buf[4096];
	ssize_t n = -1;

	if (status == 0 && (events & UV_READABLE)) {
		n = read(h->pty.fd, buf, sizeof(buf));
		if (n > 0) {
			pipe_input(&h->pty.pipe, buf, (size_t)n);
		} else if (n < 0 && errno == EAGAIN) {
			n = 0;
		}
	}
	if (status < 0 || ((events & (UV_READABLE | UV_DISCONNECT)) && n < 0)) {
		pty_gone(h); /* EIO: its last user closed it */
		return;
	}
	if (events & UV_WRITABLE) {
		h->pty.want_write = false;
		pty_poll(h);
		pipe_writable(&h->pty.pipe);
	}
}

static int open_pty(struct bt_host *h, uv_loop_t *loop, const char *path,
		    struct av_err *err)
{
	char name[PTY_NAME_MAX];
	int slave, ret;

	ret = pty_open(path, &h->pty.fd, &slave, name, err);
	if (ret < 0) {
		return ret;
	}
	close(slave); /* from now on there is a hang-up to see */
	h->pty.path = strdup(path);
	if (!h->pty.path ||
	    pty_watch_start(loop, name, pty_opened, h, &h->pty.users) < 0) {
		unlink(path);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	uv_poll_init(loop, &h->pty.poll, h->pty.fd);
	uv_timer_init(loop, &h->pty.timer);
	h->pty.poll.data = h->pty.timer.data = h;
	h->open_handles = 2;
	pty_opened(h); /* before it was watched */
	av_log(AV_LOG_INFO, "bluetooth", "H4 at %s (%s)", path, name);
	return 0;
}

/* ---- life ---- */

int bt_host_create(uv_loop_t *loop, struct bluetooth *bt, const char *socket,
		   const char *pty, struct bt_host **out, struct av_err *err)
{
	struct bt_host *h = calloc(1, sizeof(*h));
	int ret;

	if (!h) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	h->bt = bt;
	h->pty.fd = -1;
	h->sock.pipe.h = h->pty.pipe.h = h;
	h->sock.pipe.write = sock_write;
	h->sock.pipe.hold = sock_hold;
	h->pty.pipe.write = pty_write;
	h->pty.pipe.hold = pty_hold;
	h->sock.acceptor = (struct av_acceptor){ .name = "bluetooth",
						 .accept = on_accept,
						 .ctx = h };
	ret = sock_listen_unix(loop, socket, &h->sock.acceptor,
			       &h->sock.listener, err);
	if (ret == 0 && pty) {
		ret = open_pty(h, loop, pty, err);
	}
	if (ret < 0) {
		bt_host_destroy(h);
		return ret;
	}
	*out = h;
	return 0;
}

struct av_acceptor *bt_host_acceptor(struct bt_host *h)
{
	return &h->sock.acceptor;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct bt_host *h = handle->data;

	if (--h->open_handles == 0) {
		close(h->pty.fd);
		free(h);
	}
}

void bt_host_destroy(struct bt_host *h)
{
	if (!h) {
		return;
	}
	pipe_detach(&h->sock.pipe);
	pipe_detach(&h->pty.pipe);
	sock_listener_destroy(h->sock.listener);
	if (h->pty.path) {
		unlink(h->pty.path);
		free(h->pty.path);
	}
	pty_watch_stop(h->pty.users);
	if (h->open_handles > 0) {
		uv_close((uv_handle_t *)&h->pty.poll, on_handle_closed);
		uv_close((uv_handle_t *)&h->pty.timer, on_handle_closed);
		return;
	}
	if (h->pty.fd >= 0) {
		close(h->pty.fd);
	}
	free(h);
}
