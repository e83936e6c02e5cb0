/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/bt_remote.h"

#include "sim/core/log.h"
#include "sim/services/sock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's interface, which its headers do not carry (net/bluetooth/hci.h). */
#define BT_PROTO_HCI 1
#define HCI_CHANNEL_USER 1
struct sockaddr_hci {
	sa_family_t family;
	unsigned short dev;
	unsigned short channel;
};

struct bt_remote {
	struct bt_controller c; /* first */
	char *where;
	bool dead;
	struct h4 framer;	   /* of what comes from it */
	struct av_stream *stream; /* TCP, else NULL */
	uint8_t out[H4_MAX];
	size_t out_len;
	int fd; /* user channel, else -1 */
	uv_poll_t poll;
	bool polling; /* the handle is initialised */
	bool full;    /* the kernel took no packet */
};

static void poll_for(struct bt_remote *r);

/* The host notices, as if the hardware had failed. */
static void died(struct bt_remote *r, const char *why)
{
	static const uint8_t error[] = { H4_EVENT, 0x10, 1, 0xff };

	if (r->dead) {
		return;
	}
	r->dead = true;
	if (r->polling) {
		uv_poll_stop(&r->poll);
	}
	av_log(AV_LOG_ERR, "bluetooth", "controller %s is gone: %s", r->where,
	       why);
	bt_controller_emit(&r->c, error, sizeof(error));
}

/* ---- from it ---- */

static void received(struct bt_remote *r, const uint8_t *buf, size_t len)
{
	while (len > 0) {
		enum h4_result res = h4_feed(&r->framer, &buf, &len);

		if (res == H4_PACKET) {
			bt_controller_emit(&r->c, r->framer.buf, r->framer.len);
		} else if (res == H4_LOST) {
			av_log(AV_LOG_ERR, "bluetooth",
			       "%s sends something that is not H4; waiting for "
			       "its answer to a reset",
			       r->where);
		}
	}
}

static void hold(struct bt_remote *r, bool on)
{
	if (r->stream) {
		av_stream_hold(r->stream, on);
	} else if (r->polling && !r->dead) {
		poll_for(r);
	}
}

static bool crowded(const struct bt_remote *r)
{
	return r->c.used > BT_QUEUE_MAX / 2 - 4096;
}

/* ---- TCP ---- */

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct bt_remote *r = s->user;

	received(r, buf, len);
	if (crowded(r)) {
		hold(r, true);
	}
}

static bool flush(struct bt_remote *r)
{
	ssize_t n = r->out_len ? av_stream_write(r->stream, r->out, r->out_len) :
				 0;

	if (n > 0) {
		r->out_len -= (size_t)n;
		memmove(r->out, r->out + n, r->out_len);
	}
	return r->out_len == 0;
}

static void on_writable(struct av_stream *s)
{
	struct bt_remote *r = s->user;

	if (flush(r)) {
		bt_controller_resume(&r->c);
	}
}

static void on_closed(struct av_stream *s)
{
	struct bt_remote *r = s->user;

	r->stream = NULL;
	r->out_len = 0;
	died(r, "it closed the connection");
}

static int open_tcp(struct bt_remote *r, uv_loop_t *loop, const char *address,
		    struct av_err *err)
{
	const char *colon = strrchr(address, ':');
	char host[256], *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	size_t len = colon ? (size_t)(colon - address) : 0;
	int ret;

	if (!colon || len == 0 || len >= sizeof(host) || *end || port == 0 ||
	    port > 65535) {
		return av_err_set(err, -EINVAL,
				  "--bt-controller wants tcp:HOST:PORT, as "
				  "tcp:localhost:7300, not 'tcp:%.64s'",
				  address);
	}
	if (address[0] == '[' && len > 2 && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	ret = sock_connect_tcp(loop, host, (unsigned int)port, &r->stream, err);
	if (ret < 0) {
		r->stream = NULL;
		return ret;
	}
	r->stream->user = r;
	r->stream->on_data = on_data;
	r->stream->on_writable = on_writable;
	r->stream->on_closed = on_closed;
	return 0;
}

/* ---- user channel: whole packets ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bt_remote *r = poll->data;
	uint8_t buf[H4_MAX];
	ssize_t n;

	if (status < 0) {
		died(r, uv_strerror(status));
		return;
	}
	if (events & UV_READABLE) {
		n = read(r->fd, buf, sizeof(buf));
		if (n > 0) {
			bt_controller_emit(&r->c, buf, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			died(r, n ? strerror(errno) : "end of file");
			return;
		}
	}
	if ((events & UV_WRITABLE) && r->full) {
		r->full = false;
		bt_controller_resume(&r->c);
	}
	poll_for(r);
}

static void poll_for(struct bt_remote *r)
{
	uv_poll_start(&r->poll,
		      (crowded(r) ? 0 : UV_READABLE) |
			      (r->full ? UV_WRITABLE : 0),
		      on_poll);
}

static int open_user_channel(struct bt_remote *r, uv_loop_t *loop,
			     const char *name, struct av_err *err)
{
	struct sockaddr_hci addr = { .family = AF_BLUETOOTH,
				     .channel = HCI_CHANNEL_USER };
	char *end;
	unsigned long dev = strtoul(name + 3, &end, 10);

	if (!isdigit((unsigned char)name[3]) || *end || dev > 65534) {
		return av_err_set(err, -EINVAL,
				  "--bt-controller wants tcp:HOST:PORT or a "
				  "controller as hci0, not '%.64s'",
				  name);
	}
	addr.dev = (unsigned short)dev;
	r->fd = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       BT_PROTO_HCI);
	if (r->fd < 0) {
		return av_err_set(err, -errno,
				  "cannot use %s: %s", name,
				  errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ?
					  "this host's kernel has no Bluetooth "
					  "(modprobe bluetooth, or leave "
					  "--bt-controller out)" :
					  strerror(errno));
	}
	if (bind(r->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int e = errno;

		return av_err_set(
			err, -e, "cannot take %s from the kernel: %s", name,
			e == EPERM || e == EACCES ?
				"it needs the capability CAP_NET_ADMIN (run "
				"as root)" :
			e == EBUSY || e == EUSERS ?
				"it is in use (bluetoothctl power off, or "
				"hciconfig down, frees it)" :
			e == ENODEV ? "there is no such controller" :
				      strerror(e));
	}
	uv_poll_init(loop, &r->poll, r->fd);
	r->poll.data = r;
	r->polling = true;
	poll_for(r);
	return 0;
}

/* ---- to it ---- */

static bool on_packet(struct bt_controller *c, const uint8_t *h4, size_t len)
{
	struct bt_remote *r = (struct bt_remote *)c;

	if (r->dead) {
		return true; /* into the void; the host was told */
	}
	if (r->fd >= 0) {
		r->full = write(r->fd, h4, len) < 0 && errno == EAGAIN;
		if (r->full) {
			poll_for(r);
		}
		return !r->full;
	}
	if (r->out_len > 0) {
		return false;
	}
	memcpy(r->out, h4, len);
	r->out_len = len;
	flush(r);
	return true;
}

static void on_lost(struct bt_controller *c)
{
	static const uint8_t error[] = { H4_EVENT, 0x10, 1, 1 };

	/* its own framer never sees the nonsense, so we answer for it */
	bt_controller_emit(c, error, sizeof(error));
}

static void on_drained(struct bt_controller *c)
{
	hold((struct bt_remote *)c, false);
}

static void on_restarted(struct bt_controller *c)
{
	on_drained(c); /* the next host will reset it */
}

static const struct bt_controller_ops ops = {
	.packet = on_packet,
	.lost = on_lost,
	.drained = on_drained,
	.restarted = on_restarted,
};

/* ---- life ---- */

static void free_it(struct bt_remote *r)
{
	if (r->fd >= 0) {
		close(r->fd);
	}
	bt_controller_finish(&r->c);
	free(r->where);
	free(r);
}

int bt_remote_create(uv_loop_t *loop, const char *where, const vtime *clock,
		     struct bt_remote **out, struct av_err *err)
{
	struct bt_remote *r = calloc(1, sizeof(*r));
	int ret;

	if (!r) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	r->fd = -1;
	r->where = strdup(where);
	if (bt_controller_init(&r->c, &ops, clock) < 0 || !r->where) {
		free_it(r);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	h4_init(&r->framer, H4_FROM_CONTROLLER);
	if (!strncmp(where, "tcp:", 4)) {
		ret = open_tcp(r, loop, where + 4, err);
	} else if (!strncmp(where, "hci", 3)) {
		ret = open_user_channel(r, loop, where, err);
	} else {
		ret = av_err_set(err, -EINVAL,
				 "--bt-controller wants tcp:HOST:PORT or a "
				 "controller as hci0, not '%.64s'",
				 where);
	}
	if (ret < 0) {
		free_it(r);
		return ret;
	}
	*out = r;
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	free_it(handle->data);
}

void bt_remote_destroy(struct bt_remote *r)
{
	if (!r) {
		return;
	}
	if (r->stream) {
		av_stream_close(r->stream);
		r->stream = NULL;
	}
	if (r->polling) {
		uv_close((uv_handle_t *)&r->poll, on_handle_closed);
	} else {
		free_it(r);
	}
}

struct bt_controller *bt_remote_controller(struct bt_remote *r)
{
	return &r->c;
}
