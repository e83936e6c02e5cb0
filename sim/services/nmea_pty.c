/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line has no memory: who opens it later must not find what was said before.
 * So what nobody read by the time of the next sentences is thrown away. The far
 * end stays open here, or the near one would report a hang-up for ever.
 */
#include "config.h"

#include "sim/services/nmea_pty.h"

#include "sim/core/log.h"
#include "sim/gnss/text.h"
#include "sim/services/pty.h"
#include "sim/topics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A terminal holds 4095 bytes; a burst of all systems is about 2000. */
#define UNREAD_MAX 1500

struct nmea_pty {
	struct bus *bus;
	int fd, far;
	char *path;
	uv_poll_t poll;
	struct nmea_pty_stats stats;
	char buf[GNSS_NMEA_SATS_MAX];
};

static void put(struct nmea_pty *p, size_t len)
{
	int unread = 0;

	if (ioctl(p->far, FIONREAD, &unread) == 0 && unread > UNREAD_MAX) {
		tcflush(p->far, TCIFLUSH);
		p->stats.dropped++;
	}
	/* what does not fit is lost, as on a line */
	if (write(p->fd, p->buf, len) < 0) {
		p->stats.dropped++;
	}
	p->stats.bursts++;
}

static void on_gnss(void *ctx, const void *msg)
{
	const struct gnss_event *e = msg;
	struct nmea_pty *p = ctx;

	if (e->kind == GNSS_FIX && !strcmp(e->provider, "GPS")) {
		put(p, gnss_nmea_fix(e->fix, p->buf));
	} else if (e->kind == GNSS_SATS) {
		put(p, gnss_nmea_sats(e->fix, e->sat, e->n_sats, p->buf));
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct nmea_pty *p = poll->data;
	char buf[512];

	(void)status, (void)events;
	while (read(p->fd, buf, sizeof(buf)) > 0) {
	}
}

int nmea_pty_create(uv_loop_t *loop, struct bus *bus, const char *path,
		    struct nmea_pty **out, struct av_err *err)
{
	struct nmea_pty *p = calloc(1, sizeof(*p));
	char name[PTY_NAME_MAX];
	struct termios t;
	int ret;

	if (!p) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	p->bus = bus;
	p->path = strdup(path);
	ret = p->path ? pty_open(path, &p->fd, &p->far, name, err) :
			av_err_set(err, -ENOMEM, "out of memory");
	if (ret < 0) {
		free(p->path);
		free(p);
		return ret;
	}
	if (tcgetattr(p->far, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(p->far, TCSANOW, &t);
	}
	uv_poll_init(loop, &p->poll, p->fd);
	p->poll.data = p;
	uv_poll_start(&p->poll, UV_READABLE, on_readable);
	ret = bus_subscribe(bus, TOPIC_GNSS, STAGE_TAP, "nmea", on_gnss, p,
			    err);
	if (ret < 0) {
		nmea_pty_destroy(p);
		return ret;
	}
	av_log(AV_LOG_INFO, "gnss", "NMEA at %s (%s)", path, name);
	*out = p;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct nmea_pty *p = h->data;

	close(p->fd);
	close(p->far);
	free(p);
}

void nmea_pty_destroy(struct nmea_pty *p)
{
	if (!p) {
		return;
	}
	bus_unsubscribe(p->bus, on_gnss, p);
	unlink(p->path);
	free(p->path);
	uv_close((uv_handle_t *)&p->poll, on_closed);
}

void nmea_pty_stats(const struct nmea_pty *p, struct nmea_pty_stats *out)
{
	*out = p->stats;
}
