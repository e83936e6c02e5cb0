/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads a pty may come late, or never. While nobody has it open what the
 * guest says is thrown away, as on a line without a plug: a kernel that waits for
 * its console would stand still. Once somebody has it, nothing is lost: the
 * guest's stream is held while the terminal is full.
 */
#include "config.h"

#include "vdevices/target.h"

#include "sim/core/log.h"
#include "sim/services/pty.h"
#include "sim/services/services.h"
#include "sim/services/sock.h"
#include "vdevices/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
	/* The guest's stream is held beyond this. Not before: QEMU drops what a
	 * virtconsole's socket does not take at once (flush_buf() of its
	 * virtio-console.c), and a socket takes some 100 KiB. */
	OUT_MAX = 1 << 20,
	CHUNK = 4096,
};

static const struct {
	const char *prefix;
	enum target_kind kind;
} prefixes[] = {
	{ "unix:", TARGET_UNIX },
	{ "exec:", TARGET_EXEC },
	{ "file:", TARGET_FILE },
	{ "pty:", TARGET_PTY },
};

struct target {
	struct target_env env;
	enum target_kind kind;
	char *arg;
	struct av_stream *s; /* the guest's, of file, pty and echo */
	struct bridges bridges;
	int fd; /* of a file or a pty */
	/* from the guest, not taken yet: [out_off, out_len) */
	uint8_t *out;
	size_t out_len, out_off;
	/* to the guest, not taken yet */
	uint8_t in[CHUNK];
	size_t in_len;
	/* pty */
	uv_poll_t poll;
	struct pty_watch *users;
	bool live; /* somebody has it open */
};

/* ---- parsing ---- */

static const char *service_at(const void *ctx, size_t i)
{
	(void)ctx;
	return services_names[i];
}

/* @text is none of ours. */
static int no_target(const char *who, const char *text, unsigned int kinds,
		     struct av_err *err)
{
	char hint[96];
	size_t n = 0;

	while (services_names[n] && strcmp(services_names[n], text) != 0) {
		n++;
	}
	if (services_names[n]) {
		return av_err_set(err, -EINVAL,
				  "%s: there is no %s in this run", who, text);
	}
	av_suggest_text(hint, av_suggest(text, n, service_at, NULL));
	return av_err_set(err, -EINVAL,
			  "%s: there is no service '%s'%s; a target is a service "
			  "(vhal, gnss, bt, ...), unix:PATH, %s",
			  who, text, hint,
			  kinds & 1u << TARGET_PTY
				  ? "pty:PATH, file:PATH, echo or none"
				  : "exec:COMMAND or closed");
}

int target_parse(const struct target_env *env, const char *who,
		 const char *text, unsigned int kinds, enum target_kind *kind,
		 const char **arg, struct av_err *err)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (!strncmp(text, prefixes[i].prefix, n) && text[n] &&
		    kinds & 1u << prefixes[i].kind) {
			*kind = prefixes[i].kind;
			*arg = text + n;
			return 0;
		}
	}
	*arg = text;
	if (!strcmp(text, "closed") && kinds & 1u << TARGET_CLOSED) {
		*kind = TARGET_CLOSED;
		return 0;
	}
	if (env->acceptor && env->acceptor(env->ctx, text)) {
		*kind = TARGET_SERVICE;
		return 0;
	}
	if (!strcmp(text, "echo") && kinds & 1u << TARGET_ECHO) {
		*kind = TARGET_ECHO;
		return 0;
	}
	if (!strcmp(text, "none") && kinds & 1u << TARGET_NONE) {
		*kind = TARGET_NONE;
		return 0;
	}
	return no_target(who, text, kinds, err);
}

int target_each(const char *list,
		int (*one)(void *ctx, const char *name, const char *target,
			   struct av_err *err),
		void *ctx, struct av_err *err)
{
	char *copy = strdup(list), *rest = copy, *item;
	int ret = copy ? 0 : av_err_set(err, -ENOMEM, "out of memory");

	while (!ret && (item = strsep(&rest, ";"))) {
		char *eq = strchr(item, '=');

		if (!*item) {
			continue;
		}
		if (!eq || eq == item) {
			ret = av_err_set(err, -EINVAL,
					 "'%s' is not PORT=TARGET, as in "
					 "hvc0=pty:/tmp/hvc0",
					 item);
			break;
		}
		*eq = '\0';
		ret = one(ctx, item, eq + 1, err);
	}
	free(copy);
	return ret;
}

/* ---- bytes of the guest that wait ---- */

static void watch(struct target *t);

/* Return: bytes taken. */
static size_t put(struct target *t, const uint8_t *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	if (t->kind == TARGET_ECHO) {
		n = av_stream_write(t->s, buf, len);
		return n < 0 ? len : (size_t)n;
	}
	if (t->kind == TARGET_NONE || (t->kind == TARGET_PTY && !t->live)) {
		return len;
	}
	while (done < len) {
		n = write(t->fd, buf + done, len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			/* a full disk, or a hang-up to come: the rest is lost */
			return errno == EAGAIN ? done : len;
		}
		done += (size_t)n;
	}
	return done;
}

static void flush(struct target *t)
{
	if (t->out_len) {
		t->out_off +=
			put(t, t->out + t->out_off, t->out_len - t->out_off);
	}
	if (t->out_off == t->out_len) {
		free(t->out);
		t->out = NULL;
		t->out_len = t->out_off = 0;
		if (t->s) {
			av_stream_hold(t->s, false);
		}
	}
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct target *t = s->user;
	size_t n = t->out_len ? 0 : put(t, buf, len);
	uint8_t *more;

	if (n == len) {
		return;
	}
	if (t->out_off > t->out_len / 2) {
		t->out_len -= t->out_off;
		memmove(t->out, t->out + t->out_off, t->out_len);
		t->out_off = 0;
	}
	more = realloc(t->out, t->out_len + len - n);
	if (!more) {
		return;
	}
	t->out = more;
	memcpy(t->out + t->out_len, (const uint8_t *)buf + n, len - n);
	t->out_len += len - n;
	/* a carrier that cannot be held at once may have some more */
	if (t->out_len - t->out_off > OUT_MAX) {
		av_stream_hold(s, true);
	}
	watch(t);
}

/* ---- bytes for the guest ---- */

static void give(struct target *t)
{
	ssize_t n = t->in_len ? av_stream_write(t->s, t->in, t->in_len) : 0;

	if (n > 0) {
		t->in_len -= (size_t)n;
		memmove(t->in, t->in + n, t->in_len);
	}
}

static void on_writable(struct av_stream *s)
{
	struct target *t = s->user;

	if (t->kind == TARGET_ECHO) {
		flush(t);
	} else {
		give(t);
		watch(t);
	}
}

static void on_closed(struct av_stream *s)
{
	struct target *t = s->user;

	t->s = NULL;
	t->in_len = 0;
	if (t->kind == TARGET_ECHO) {
		free(t->out);
		t->out = NULL;
		t->out_len = t->out_off = 0;
	}
	watch(t);
}

/* ---- the pty ---- */

static void on_poll(uv_poll_t *p, int status, int events);

static void watch(struct target *t)
{
	int events = t->out_len ? UV_WRITABLE : 0;

	if (t->kind != TARGET_PTY || !t->live) {
		return;
	}
	if (!t->in_len) {
		events |= UV_DISCONNECT | (t->s ? UV_READABLE : 0);
	}
	if (events) {
		uv_poll_start(&t->poll, events, on_poll);
	} else {
		uv_poll_stop(&t->poll); /* a hang-up could not be masked */
	}
}

/* Who wrote and left at once is heard, too. */
static void on_opened(void *ctx)
{
	struct target *t = ctx;
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	if (t->live || poll(&p, 1, 0) < 0 || p.revents & POLLERR ||
	    (p.revents & (POLLHUP | POLLIN)) == POLLHUP) {
		return;
	}
	t->live = true;
	watch(t);
}

static void hung_up(struct target *t)
{
	uv_poll_stop(&t->poll);
	t->live = false;
	t->in_len = 0;
	flush(t);
	tcflush(t->fd, TCIOFLUSH);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct target *t = p->data;
	ssize_t n = 0;

	if (status >= 0 && events & UV_WRITABLE) {
		flush(t);
	}
	if (status >= 0 && events & UV_READABLE && t->s && !t->in_len) {
		n = read(t->fd, t->in, sizeof(t->in));
		if (n > 0) {
			t->in_len = (size_t)n;
			give(t);
		} else if (n < 0 && errno != EAGAIN) {
			hung_up(t);
			return;
		}
	}
	/* what was written before the hang-up is read first */
	if (status < 0 || (events & UV_DISCONNECT && n <= 0 && !t->in_len)) {
		hung_up(t);
		return;
	}
	watch(t);
}

static int open_pty(struct target *t, const char *who, struct av_err *err)
{
	char name[PTY_NAME_MAX];
	struct termios tio;
	int slave, ret = pty_open(t->arg, &t->fd, &slave, name, err);

	if (ret) {
		return ret;
	}
	if (tcgetattr(slave, &tio) == 0) {
		cfmakeraw(&tio);
		tcsetattr(slave, TCSANOW, &tio);
	}
	close(slave); /* from now on there is a hang-up to see */
	ret = pty_watch_start(t->env.loop, name, on_opened, t, &t->users);
	if (ret) {
		unlink(t->arg);
		close(t->fd);
		return av_err_set(err, ret, "out of memory");
	}
	uv_poll_init(t->env.loop, &t->poll, t->fd);
	t->poll.data = t;
	on_opened(t); /* before it was watched */
	av_log(AV_LOG_INFO, who, "at %s (%s)", t->arg, name);
	return 0;
}

static int open_file(struct target *t, const char *who, struct av_err *err)
{
	t->fd = open(t->arg, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	return t->fd < 0 ? av_err_set(err, -errno, "%s: cannot write %s: %s",
				      who, t->arg, strerror(errno))
			 : 0;
}

/* ---- life ---- */

int target_create(const struct target_env *env, const char *who,
		  const char *text, struct target **out, struct av_err *err)
{
	struct target *t = calloc(1, sizeof(*t));
	const char *arg;
	int ret;

	if (!t) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	t->env = *env;
	t->fd = -1;
	ret = target_parse(env, who, text, TARGETS_PORT, &t->kind, &arg, err);
	if (!ret) {
		t->arg = strdup(arg);
		ret = t->arg ? 0 : av_err_set(err, -ENOMEM, "out of memory");
	}
	if (!ret && t->kind == TARGET_FILE) {
		ret = open_file(t, who, err);
	} else if (!ret && t->kind == TARGET_PTY) {
		ret = open_pty(t, who, err);
	}
	if (ret) {
		free(t->arg);
		free(t);
		return ret;
	}
	*out = t;
	return 0;
}

static int accept_unix(struct target *t, struct av_stream *s)
{
	struct av_stream *host;
	int ret = sock_connect_unix(t->env.loop, t->arg, &host, NULL);

	if (ret) {
		return ret;
	}
	ret = bridge(&t->bridges, s, host, NULL, NULL, NULL);
	if (ret) {
		av_stream_close(host);
	}
	return ret;
}

int target_accept(struct target *t, struct av_stream *s)
{
	struct av_acceptor *a;

	switch (t->kind) {
	case TARGET_SERVICE:
		a = t->env.acceptor(t->env.ctx, t->arg);
		return a ? a->accept(a, s) : -ECONNREFUSED;
	case TARGET_UNIX:
		return accept_unix(t, s);
	default:
		break;
	}
	if (t->s) {
		return -EBUSY;
	}
	t->s = s;
	s->user = t;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	watch(t);
	return 0;
}

static void target_free(struct target *t)
{
	if (t->fd >= 0) {
		close(t->fd);
	}
	free(t->out);
	free(t->arg);
	free(t);
}

static void on_handle_closed(uv_handle_t *h)
{
	target_free(h->data);
}

void target_destroy(struct target *t)
{
	if (!t) {
		return;
	}
	bridges_end(&t->bridges);
	if (t->s) {
		av_stream_close(t->s);
		t->s = NULL;
	}
	if (t->kind == TARGET_PTY) {
		unlink(t->arg);
		pty_watch_stop(t->users);
		uv_close((uv_handle_t *)&t->poll, on_handle_closed);
		return;
	}
	target_free(t);
}
