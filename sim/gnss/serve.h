/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of the GNSS HAL of Android's trout and Cuttlefish guests: a
 * guest asks, one burst answers. Bytes in, bytes out; whatever carries them (a
 * console port, a pty, a socket) calls gnss_serve_feed() and is called back
 * within that very call, so answers are in time however slow the guest.
 *
 *   CMD_GET_LOCATION (16 bytes)		"Fix,..." and the end mark
 *   CMD_GET_RAWMEASUREMENT (22 bytes)	header, the rows of one epoch, end mark
 *
 * The end mark is four line feeds. A request has no end of its own; bytes that
 * belong to none are passed over and counted.
 *
 * trout: one port answers both. Cuttlefish: one port for raw measurements, one
 * for locations; each answers the other's request with the end mark alone.
 *
 * A fix is given until there is another one, also while there is none: without
 * an answer a guest's HAL reports places of its own invention. Its time stamp
 * tells its age. An epoch of raw measurements is given once.
 */
#ifndef AVSIM_GNSS_SERVE_H
#define AVSIM_GNSS_SERVE_H

#include "sim/topics.h"

struct gnss_serve;

enum gnss_port {
	GNSS_PORT_BOTH, /* trout: gnss-uart */
	GNSS_PORT_RAW,	/* Cuttlefish: hvc6 */
	GNSS_PORT_LOCATION, /* Cuttlefish: hvc7 */
};

struct gnss_serve_env {
	const vtime *clock;
	enum gnss_port port;
	/* Of several fixes or epochs since the last request, those younger than
	 * this are given in turn, the oldest first: a client that asks often
	 * enough gets them all. 0: only what came in at the newest moment. */
	vtime keep;
	void (*write)(void *ctx, const void *buf, size_t len);
	void *ctx;
};

struct gnss_serve_stats {
	uint64_t locations, raws; /* requests */
	uint64_t fixes, epochs;	  /* given for the first time */
	uint64_t missed;	  /* fixes and epochs that nobody asked for */
	uint64_t junk;		  /* bytes */
};

struct gnss_serve *gnss_serve_create(const struct gnss_serve_env *env);
void gnss_serve_destroy(struct gnss_serve *s);

/* A message of TOPIC_GNSS; 0 or -ENOMEM (then it is missed). */
int gnss_serve_event(struct gnss_serve *s, const struct gnss_event *e);

/* Bytes of the guest. env.write is called from within, once per request. */
void gnss_serve_feed(struct gnss_serve *s, const void *buf, size_t len);

/* The guest closed its end: half a request is forgotten. */
void gnss_serve_reset(struct gnss_serve *s);
void gnss_serve_stats(const struct gnss_serve *s, struct gnss_serve_stats *out);

#endif
