/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * inotify on the folder tells when something of the marker's name comes or
 * changes; a look every second covers what it cannot (a folder that is not
 * there yet, a file system without inotify). A look reads the file and acts if
 * it is not the one seen last: another inode, time, size or content. So two
 * events of one write are one request, and the same word written again is a new
 * one.
 */
#include "config.h"

#include "sim/services/power_marker.h"

#include "sim/core/log.h"
#include "sim/services/sock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 1000

struct power_marker {
	struct cmdq *cmdq;
	char file[PATH_MAX], dir[PATH_MAX];
	const char *base; /* in @file */
	uv_timer_t timer;
	uv_fs_event_t watch;
	bool watching;
	unsigned int open_handles;
	struct av_acceptor acceptor;
	struct sock_listener *sock;
	struct stat seen; /* st_ino 0: there was no file */
	char text[POWER_MARKER_MAX];
	size_t len;
};

/* ---- the file ---- */

/* @text: the first word, ended */
static void act(struct power_marker *m, char *word)
{
	const char *cmd = NULL;
	int ret;

	if (!strcmp(word, "shutdown")) {
		cmd = "power request=shutdown param=can-sleep";
	} else if (!strcmp(word, "on")) {
		cmd = "power request=on";
	}
	if (cmd) {
		av_log(AV_LOG_INFO, "power", "%s says %s", m->file, word);
		ret = cmdq_post(m->cmdq, CMD_FROM_SERVICE, cmd);
		if (ret < 0) {
			av_log(AV_LOG_ERR, "power", "'%s' was not taken: %s",
			       cmd, strerror(-ret));
		}
		return;
	}
	for (char *p = word; *p; p++) {
		*p = isprint((unsigned char)*p) ? *p : '?';
	}
	av_log(AV_LOG_ERR, "power",
	       "%s: want 'shutdown' or 'on' as first word, not '%.32s'",
	       m->file, word);
}

static bool is_seen(const struct power_marker *m, const struct stat *st,
		    const char *text, size_t len)
{
	return st->st_ino == m->seen.st_ino && st->st_dev == m->seen.st_dev &&
	       st->st_size == m->seen.st_size &&
	       st->st_mtim.tv_sec == m->seen.st_mtim.tv_sec &&
	       st->st_mtim.tv_nsec == m->seen.st_mtim.tv_nsec &&
	       len == m->len && !memcmp(text, m->text, len);
}

static void look(struct power_marker *m)
{
	static const char blank[] = " \t\r\n\v\f";
	char text[POWER_MARKER_MAX + 1], *word;
	struct stat st;
	ssize_t n = -1;
	int fd = open(m->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		n = read(fd, text, POWER_MARKER_MAX);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (n < 0) {
		m->seen.st_ino = 0;
		return;
	}
	if (is_seen(m, &st, text, (size_t)n)) {
		return;
	}
	m->seen = st;
	m->len = (size_t)n;
	memcpy(m->text, text, m->len);
	text[n] = '\0';
	word = text + strspn(text, blank);
	word[strcspn(word, blank)] = '\0';
	if (*word) { /* else it is being written */
		act(m, word);
	}
}

static void on_change(uv_fs_event_t *w, const char *name, int events,
		      int status)
{
	struct power_marker *m = w->data;

	(void)events;
	if (status < 0) {
		uv_fs_event_stop(w);
		m->watching = false;
	} else if (!name || !strcmp(name, m->base)) {
		look(m);
	}
}

static void on_timer(uv_timer_t *t)
{
	struct power_marker *m = t->data;

	if (!m->watching) {
		m->watching =
			uv_fs_event_start(&m->watch, on_change, m->dir, 0) == 0;
	}
	look(m);
}

/* ---- the socket ---- */

/* Under another name first: a reader never sees half of it. */
static int write_marker(const struct power_marker *m, const void *buf,
			size_t len)
{
	char tmp[PATH_MAX + 16];
	ssize_t n;
	int fd, ret = 0;

	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", m->file);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	n = write(fd, buf, len);
	if (n != (ssize_t)len) {
		ret = n < 0 ? -errno : -ENOSPC;
	}
	close(fd);
	if (ret == 0 && rename(tmp, m->file) < 0) {
		ret = -errno;
	}
	if (ret < 0) {
		unlink(tmp);
	}
	return ret;
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct power_marker *m = s->user;
	int ret = write_marker(m, buf,
			       len < POWER_MARKER_MAX ? len : POWER_MARKER_MAX);

	if (ret < 0) {
		av_log(AV_LOG_ERR, "power", "cannot write %s: %s", m->file,
		       strerror(-ret));
	}
	av_stream_close(s);
	look(m);
}

static void on_nothing(struct av_stream *s)
{
	(void)s;
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	s->user = a->ctx;
	s->on_data = on_data;
	s->on_writable = on_nothing;
	s->on_closed = on_nothing;
	return 0;
}

/* ---- creation ---- */

static int split_path(struct power_marker *m, const char *file,
		      struct av_err *err)
{
	const char *slash = strrchr(file, '/');

	if (strlen(file) >= sizeof(m->file) - 16) {
		return av_err_set(err, -ENAMETOOLONG, "path is too long: %.64s",
				  file);
	}
	if (!*file || (slash && !slash[1])) {
		return av_err_set(err, -EINVAL,
				  "the power state file needs a name, not "
				  "'%.64s'",
				  file);
	}
	strcpy(m->file, file);
	m->base = slash ? m->file + (slash + 1 - file) : m->file;
	snprintf(m->dir, sizeof(m->dir), "%.*s",
		 slash > file ? (int)(slash - file) : 1, slash ? file : ".");
	return 0;
}

int power_marker_create(uv_loop_t *loop, struct cmdq *cmdq, const char *file,
			const char *socket, struct power_marker **out,
			struct av_err *err)
{
	struct power_marker *m = calloc(1, sizeof(*m));
	int ret;

	if (!m) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	m->cmdq = cmdq;
	ret = split_path(m, file, err);
	if (ret == 0 && socket) {
		m->acceptor = (struct av_acceptor){ .name = "power",
						    .accept = on_accept,
						    .ctx = m };
		ret = sock_listen_unix(loop, socket, &m->acceptor, &m->sock,
				       err);
	}
	if (ret < 0) {
		free(m);
		return ret;
	}
	uv_timer_init(loop, &m->timer);
	uv_fs_event_init(loop, &m->watch);
	m->timer.data = m->watch.data = m;
	m->open_handles = 2;
	on_timer(&m->timer);
	uv_timer_start(&m->timer, on_timer, LOOK_MS, LOOK_MS);
	*out = m;
	return 0;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct power_marker *m = h->data;

	if (--m->open_handles == 0) {
		free(m);
	}
}

void power_marker_destroy(struct power_marker *m)
{
	if (m) {
		sock_listener_destroy(m->sock);
		uv_close((uv_handle_t *)&m->timer, on_handle_closed);
		uv_close((uv_handle_t *)&m->watch, on_handle_closed);
	}
}
