/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few messages of a trace, packet by packet; which and when is perfetto.c's.
 */
#ifndef AVSIM_RECORDINGS_PERFETTO_WIRE_H
#define AVSIM_RECORDINGS_PERFETTO_WIRE_H

#include "recordings/perfetto.h"

#define PERFETTO_TEXT_MAX 1000 /* bytes of a name; longer ones are cut */
#define PERFETTO_ARGS_MAX 8

/* A packet under construction. */
struct packet {
	uint8_t v[PERFETTO_PACKET_MAX];
	size_t n;
};

enum packet_type { /* as in TrackEvent.Type */
	PACKET_BEGIN = 1,
	PACKET_END = 2,
	PACKET_INSTANT = 3,
	PACKET_COUNTER = 4,
};

/* What a slice or an instant has beside its name: @text, or a number. */
struct packet_arg {
	const char *name;
	const char *text;
	double num;
};

struct packet_event {
	enum packet_type type;
	vtime t;
	uint64_t track;
	const char *name; /* PACKET_BEGIN, PACKET_INSTANT */
	double value;	  /* PACKET_COUNTER */
	const struct packet_arg *arg;
	size_t n_args; /* at most PERFETTO_ARGS_MAX */
};
void packet_event(struct packet *p, const struct packet_event *e);

/* @unit: of a counter, may be ""; NULL: no counter. */
void packet_track(struct packet *p, uint64_t uuid, uint64_t parent,
		  const char *name, const char *unit);
void packet_clock(struct packet *p, vtime t, int64_t unix_ns);

#endif
