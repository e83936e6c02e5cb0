/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bus of topics: how the stages of the simulation hand data on.
 *
 * Data flows one way. Each topic belongs to one stage (sim/topics.h); only that
 * stage publishes it, and bus_subscribe() refuses a subscriber that is not a
 * later stage, so a loop is a start-up error. The way back is the command queue
 * (sim/core/cmdq.h).
 *
 * Delivery is a plain call, in the publisher's turn, to subscribers ordered by
 * stage and then by subscription. Messages are borrowed for the call.
 */
#ifndef AVSIM_CORE_BUS_H
#define AVSIM_CORE_BUS_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"

#include <stdbool.h>

enum av_stage {
	STAGE_INPUT, /* command queue, replayed inputs */
	STAGE_VEHICLE,
	STAGE_CAN,
	STAGE_SIGNALS,
	STAGE_VHAL,
	STAGE_SENSORS,
	STAGE_GNSS,
	STAGE_CAMERAS,
	STAGE_SERVICES,
	STAGE_DEVICES,
	STAGE_SCENARIO, /* watches everything, acts by command only */
	STAGE_TAP,	/* recorder, dashboards, control API: watch only */
	STAGE_N
};

extern const char *const av_stage_names[STAGE_N];

struct av_topic {
	const char *name;
	enum av_stage owner;
	size_t size;	   /* of the message struct */
	const char *units; /* for people: what the fields hold */
	const char *rate;  /* for people: when it is published */
};

struct bus;
typedef void bus_fn(void *ctx, const void *msg);

/* @topics: borrowed table, indexed by topic number */
struct bus *bus_create(const struct av_topic *topics, size_t n_topics);
void bus_destroy(struct bus *b);

/**
 * bus_subscribe() - Have @fn called for every message of @topic
 * @who:	name for error texts, borrowed for the bus's life
 *
 * Taps may come and go while messages flow (a tap added in a callback sees the
 * next message); all other stages subscribe before bus_seal().
 *
 * Return: 0; -EPERM if @stage is not later than the topic's owner; -EBUSY after
 * bus_seal(); -ENOMEM.
 */
int bus_subscribe(struct bus *b, unsigned int topic, enum av_stage stage,
		  const char *who, bus_fn *fn, void *ctx, struct av_err *err);

/* Forget every subscription of @fn with @ctx. Allowed inside a callback. */
void bus_unsubscribe(struct bus *b, bus_fn *fn, void *ctx);

/* The wiring is complete: from here on only taps may subscribe. */
void bus_seal(struct bus *b);

void bus_publish(struct bus *b, unsigned int topic, const void *msg);

/* Whether publishing @topic would reach anybody; to skip building a message. */
bool bus_wanted(const struct bus *b, unsigned int topic);

#endif
