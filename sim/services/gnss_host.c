/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/gnss_host.h"

#include "sim/services/door.h"

#include <errno.h>
#include <stdlib.h>

/* A HAL asks once a second for what may come once a second: one that is a bit
 * late still gets each. */
#define KEEP (1500 * VT_MS)
/* Answers that a guest asked for and does not read; the largest has 100 KiB. */
#define WAITING_MAX (1 << 20)

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
	struct av_door door[N_DOORS];
	struct gnss_serve *serve[N_DOORS];
};

static struct gnss_serve *serve_of(const struct av_door *d)
{
	const struct gnss_host *h = d->ctx;

	return h->serve[d - h->door];
}

static void on_data(struct av_door *d, const void *buf, size_t len)
{
	gnss_serve_feed(serve_of(d), buf, len);
}

static void on_left(struct av_door *d)
{
	gnss_serve_reset(serve_of(d));
}

static const struct av_door_ops door_ops = {
	.waiting_max = WAITING_MAX,
	.hold = true,
	.data = on_data,
	.left = on_left,
};

static void on_answer(void *ctx, const void *buf, size_t len)
{
	av_door_put(ctx, buf, len);
}

static void on_gnss(void *ctx, const void *msg)
{
	struct gnss_host *h = ctx;

	for (size_t i = 0; i < N_DOORS; i++) {
		(void)gnss_serve_event(h->serve[i], msg);
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
		struct gnss_serve_env env = { .clock = clock,
					      .port = names[i].port,
					      .keep = KEEP,
					      .write = on_answer,
					      .ctx = &h->door[i] };

		av_door_init(&h->door[i], names[i].name, &door_ops, h);
		h->serve[i] = gnss_serve_create(&env);
		if (!h->serve[i]) {
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
		av_door_close(&h->door[i]);
		gnss_serve_destroy(h->serve[i]);
	}
	free(h);
}

struct av_acceptor *gnss_host_acceptor(struct gnss_host *h, const char *name)
{
	return h ? av_door_acceptor(h->door, N_DOORS, name) : NULL;
}

void gnss_host_stats(const struct gnss_host *h, struct gnss_serve_stats *out)
{
	*out = (struct gnss_serve_stats){ 0 };
	for (size_t i = 0; i < N_DOORS; i++) {
		struct gnss_serve_stats s;

		gnss_serve_stats(h->serve[i], &s);
		out->locations += s.locations;
		out->raws += s.raws;
		out->fixes += s.fixes;
		out->epochs += s.epochs;
		out->junk += s.junk;
	}
}
