/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/bus.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const av_stage_names[STAGE_N] = {
	[STAGE_INPUT] = "input",       [STAGE_VEHICLE] = "vehicle",
	[STAGE_CAN] = "can",	       [STAGE_SIGNALS] = "signals",
	[STAGE_VHAL] = "vhal",	       [STAGE_SENSORS] = "sensors",
	[STAGE_GNSS] = "gnss",	       [STAGE_CAMERAS] = "cameras",
	[STAGE_SERVICES] = "services", [STAGE_DEVICES] = "devices",
	[STAGE_SCENARIO] = "scenario", [STAGE_TAP] = "tap",
};

struct sub {
	bus_fn *fn; /* NULL: unsubscribed, swept when nothing is delivered */
	void *ctx;
	enum av_stage stage;
	const char *who;
};

struct list {
	struct sub *v;
	size_t n, room, live;
};

struct bus {
	const struct av_topic *topics;
	size_t n_topics;
	bool sealed;
	unsigned int depth; /* of nested bus_publish() */
	bool dirty;	    /* some list holds swept-out entries */
	struct list list[];
};

struct bus *bus_create(const struct av_topic *topics, size_t n_topics)
{
	struct bus *b = calloc(1, sizeof(*b) + n_topics * sizeof(b->list[0]));

	if (b) {
		b->topics = topics;
		b->n_topics = n_topics;
	}
	return b;
}

void bus_destroy(struct bus *b)
{
	if (!b) {
		return;
	}
	for (size_t i = 0; i < b->n_topics; i++) {
		free(b->list[i].v);
	}
	free(b);
}

int bus_subscribe(struct bus *b, unsigned int topic, enum av_stage stage,
		  const char *who, bus_fn *fn, void *ctx, struct av_err *err)
{
	struct list *l = &b->list[topic];
	size_t at;

	assert(topic < b->n_topics && stage < STAGE_N);
	if (stage <= b->topics[topic].owner) {
		return av_err_set(err, -EPERM,
				  "%s (stage %s) cannot read %s: it belongs to "
				  "stage %s, and data only flows to later stages",
				  who, av_stage_names[stage],
				  b->topics[topic].name,
				  av_stage_names[b->topics[topic].owner]);
	}
	if (b->sealed && stage != STAGE_TAP) {
		return av_err_set(err, -EBUSY,
				  "%s cannot join the running simulation", who);
	}
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 8;
		struct sub *v = realloc(l->v, room * sizeof(*v));

		if (!v) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		l->v = v;
		l->room = room;
	}
	/* taps go last, so a list that is being walked only ever grows */
	for (at = l->n; at > 0 && l->v[at - 1].stage > stage; at--) {
		l->v[at] = l->v[at - 1];
	}
	l->v[at] = (struct sub){
		.fn = fn, .ctx = ctx, .stage = stage, .who = who
	};
	l->n++;
	l->live++;
	return 0;
}

static void sweep(struct list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].fn) {
			l->v[n++] = l->v[i];
		}
	}
	l->n = n;
}

void bus_unsubscribe(struct bus *b, bus_fn *fn, void *ctx)
{
	for (size_t t = 0; t < b->n_topics; t++) {
		struct list *l = &b->list[t];

		for (size_t i = 0; i < l->n; i++) {
			if (l->v[i].fn == fn && l->v[i].ctx == ctx) {
				l->v[i].fn = NULL;
				l->live--;
			}
		}
		if (b->depth == 0) {
			sweep(l);
		} else {
			b->dirty = true;
		}
	}
}

void bus_seal(struct bus *b)
{
	b->sealed = true;
}

void bus_publish(struct bus *b, unsigned int topic, const void *msg)
{
	struct list *l = &b->list[topic];
	size_t n = l->n;

	b->depth++;
	for (size_t i = 0; i < n; i++) {
		if (l->v[i].fn) {
			l->v[i].fn(l->v[i].ctx, msg);
		}
	}
	b->depth--;
	if (b->depth == 0 && b->dirty) {
		for (size_t t = 0; t < b->n_topics; t++) {
			sweep(&b->list[t]);
		}
		b->dirty = false;
	}
}

bool bus_wanted(const struct bus *b, unsigned int topic)
{
	return b->list[topic].live > 0;
}
