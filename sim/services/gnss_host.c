/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/gnss_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A HAL asks once a second for what may come once a second: one that is a bit
 * late still gets each. */
#define KEEP (1500 * VT_MS)
/* Answers that a guest asked for and does not read; the largest has 100 KiB. */
#define WAITING_MAX (1 << 20)

struct door {
	struct av_acceptor acceptor;
	struct gnss_serve *serve;
	struct av_stream *s; /* NULL: nobody is there */
	char *out;	     /* not taken yet */
	size_t out_len;
};

static const struct {
	const char *name;
	enum gnss_port port;
} names[] = {
	{ "gnss", GNSS_PORT_BOTH },
	{ "gnss-raw", GNSS_PORT_RAW },
	{ "gnss-fixed", GNSS_PORT_LOCATION },
};
#define N_DOORS (sizeof(names) / sizeof(names[0]))

struct gnss_host {
	struct bus *bus;
	struct door door[N_DOORS];
};

static void leave(struct door *d)
{
	d->s = NULL;
	free(d->out);
	d->out = NULL;
	d->out_len = 0;
	gnss_serve_reset(d->serve);
}

/* What the stream does not take waits; an answer beyond the bound is lost as a
 * whole, so that no end mark is in a wrong place. */
static void on_answer(void *ctx, const void *buf, size_t len)
{
	struct door *d = ctx;
	ssize_t n = 0;
	char *more;

	if (!d->out_len) {
		n = av_stream_write(d->s, buf, len);
	}
	if (n < 0 || (size_t)n == len || d->out_len + len > WAITING_MAX) {
		return;
	}
	len -= (size_t)n;
	more = realloc(d->out, d->out_len + len);
	if (more) {
		d->out = more;
		memcpy(d->out + d->out_len, (const char *)buf + n, len);
		d->out_len += len;
		av_stream_hold(d->s, true);
	}
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct door *d = s->user;

	gnss_serve_feed(d->serve, buf, len);
}

static void on_writable(struct av_stream *s)
{
	struct door *d = s->user;
	ssize_t n = d->out_len ? av_stream_write(s, d->out, d->out_len) : 0;

	if (n <= 0) {
		return;
	}
	d->out_len -= (size_t)n;
	memmove(d->out, d->out + n, d->out_len);
	if (!d->out_len) {
		av_stream_hold(s, false);
	}
}

static void on_closed(struct av_stream *s)
{
	leave(s->user);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct door *d = a->ctx;

	if (d->s) {
		return -EBUSY;
	}
	d->s = s;
	s->user = d;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	return 0;
}

static void on_gnss(void *ctx, const void *msg)
{
	struct gnss_host *h = ctx;

	for (size_t i = 0; i < N_DOORS; i++) {
		(void)gnss_serve_event(h->door[i].serve, msg);
	}
}

int gnss_host_create(struct bus *bus, const vtime *clock,
		     struct gnss_host **out, struct av_err *err)
{
	struct gnss_host *h = calloc(1, sizeof(*h));
	int ret;

	if (!h) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	h->bus = bus;
	for (size_t i = 0; i < N_DOORS; i++) {
		struct door *d = &h->door[i];
		struct gnss_serve_env env = { .clock = clock,
					      .port = names[i].port,
					      .keep = KEEP,
					      .write = on_answer,
					      .ctx = d };

		d->acceptor = (struct av_acceptor){ .name = names[i].name,
						    .accept = on_accept,
						    .ctx = d };
		d->serve = gnss_serve_create(&env);
		if (!d->serve) {
			gnss_host_destroy(h);
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	ret = bus_subscribe(bus, TOPIC_GNSS, STAGE_TAP, "gnss ports", on_gnss,
			    h, err);
	if (ret < 0) {
		gnss_host_destroy(h);
		return ret;
	}
	*out = h;
	return 0;
}

void gnss_host_destroy(struct gnss_host *h)
{
	if (!h) {
		return;
	}
	bus_unsubscribe(h->bus, on_gnss, h);
	for (size_t i = 0; i < N_DOORS; i++) {
		struct door *d = &h->door[i];

		if (d->s) {
			struct av_stream *s = d->s;

			leave(d);
			av_stream_close(s);
		}
		gnss_serve_destroy(d->serve);
	}
	free(h);
}

struct av_acceptor *gnss_host_acceptor(struct gnss_host *h, const char *name)
{
	for (size_t i = 0; h && i < N_DOORS; i++) {
		if (!strcmp(names[i].name, name)) {
			return &h->door[i].acceptor;
		}
	}
	return NULL;
}

void gnss_host_stats(const struct gnss_host *h, struct gnss_serve_stats *out)
{
	*out = (struct gnss_serve_stats){ 0 };
	for (size_t i = 0; i < N_DOORS; i++) {
		struct gnss_serve_stats s;

		gnss_serve_stats(h->door[i].serve, &s);
		out->locations += s.locations;
		out->raws += s.raws;
		out->fixes += s.fixes;
		out->epochs += s.epochs;
		out->junk += s.junk;
	}
}
