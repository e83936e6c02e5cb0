/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 50 /* without inotify */

/* A link of a killed run points nowhere, or to a pty that has got the same
 * number since: one that is younger than the link. */
static bool is_stale(const char *path)
{
	struct stat link, pty;

	if (lstat(path, &link) < 0 || !S_ISLNK(link.st_mode)) {
		return false;
	}
	return stat(path, &pty) < 0 ||
	       (S_ISCHR(pty.st_mode) &&
		(pty.st_ctim.tv_sec > link.st_mtim.tv_sec ||
		 (pty.st_ctim.tv_sec == link.st_mtim.tv_sec &&
		  pty.st_ctim.tv_nsec > link.st_mtim.tv_nsec)));
}

static int link_pty(const char *target, const char *path, struct av_err *err)
{
	if (is_stale(path)) {
		unlink(path);
	}
	return symlink(target, path) < 0 ?
		       av_err_set(err, -errno, "cannot link the pty to %s: %s",
				  path, strerror(errno)) :
		       0;
}

int pty_open(const char *path, int *master, int *slave, char *name,
	     struct av_err *err)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), s;
	int ret;

	if (m < 0 || grantpt(m) < 0 || unlockpt(m) < 0 ||
	    ptsname_r(m, name, PTY_NAME_MAX) != 0) {
		ret = av_err_set(err, -errno, "cannot make a pty: %s",
				 strerror(errno));
		goto fail_master;
	}
	s = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0) {
		ret = av_err_set(err, -errno, "cannot open %s: %s", name,
				 strerror(errno));
		goto fail_master;
	}
	ret = link_pty(name, path, err);
	if (ret < 0) {
		goto fail_slave;
	}
	*master = m;
	*slave = s;
	return 0;

fail_slave:
	close(s);
fail_master:
	if (m >= 0) {
		close(m);
	}
	return ret;
}

/* ---- who comes ---- */

struct pty_watch {
	int fd; /* inotify, or -1 */
	union {
		uv_handle_t any;
		uv_poll_t poll;
		uv_timer_t timer;
	} h;
	void (*opened)(void *ctx);
	void *ctx;
};

static void on_event(uv_poll_t *p, int status, int events)
{
	struct pty_watch *w = p->data;
	char buf[1024]; /* which events is known */

	(void)status;
	(void)events;
	while (read(w->fd, buf, sizeof(buf)) > 0) {
	}
	w->opened(w->ctx);
}

static void on_timer(uv_timer_t *t)
{
	struct pty_watch *w = t->data;

	w->opened(w->ctx);
}

int pty_watch_start(uv_loop_t *loop, const char *name,
		    void (*opened)(void *ctx), void *ctx,
		    struct pty_watch **out)
{
	struct pty_watch *w = calloc(1, sizeof(*w));

	if (!w) {
		return -ENOMEM;
	}
	w->opened = opened;
	w->ctx = ctx;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd >= 0 && (inotify_add_watch(w->fd, name, IN_OPEN) < 0 ||
			   uv_poll_init(loop, &w->h.poll, w->fd) < 0)) {
		close(w->fd);
		w->fd = -1;
	}
	if (w->fd >= 0) {
		uv_poll_start(&w->h.poll, UV_READABLE, on_event);
	} else {
		uv_timer_init(loop, &w->h.timer);
		uv_timer_start(&w->h.timer, on_timer, LOOK_MS, LOOK_MS);
	}
	w->h.any.data = w;
	*out = w;
	return 0;
}

static void on_stopped(uv_handle_t *h)
{
	struct pty_watch *w = h->data;

	if (w->fd >= 0) {
		close(w->fd);
	}
	free(w);
}

void pty_watch_stop(struct pty_watch *w)
{
	if (w) {
		uv_close(&w->h.any, on_stopped);
	}
}
