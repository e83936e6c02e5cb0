/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front door that lets in one guest at a time. What its stream does not take
 * waits, up to a bound; what goes beyond is lost message by message, so that
 * those which arrive are whole.
 */
#ifndef AVSIM_SERVICES_DOOR_H
#define AVSIM_SERVICES_DOOR_H

#include "sim/services/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct av_door;

struct av_door_ops {
	size_t waiting_max; /* bytes */
	bool hold;          /* nothing is read while anything waits */
	void (*data)(struct av_door *d, const void *buf, size_t len);
	/* The guest is gone, also by av_door_close(). */
	void (*left)(struct av_door *d);
};

struct av_door {
	struct av_acceptor acceptor;
	const struct av_door_ops *ops;
	void *ctx;           /* the service's */
	struct av_stream *s; /* NULL: nobody is there */
	uint8_t *out;        /* not taken yet */
	size_t out_len;
};

void av_door_init(struct av_door *d, const char *name,
		  const struct av_door_ops *ops, void *ctx);
/* Hang up, if somebody is there. */
void av_door_close(struct av_door *d);
/* One message to the guest that is there. */
void av_door_put(struct av_door *d, const void *buf, size_t len);

/* The one of that name among the @n at @doors, or NULL. */
struct av_acceptor *av_door_acceptor(struct av_door *doors, size_t n,
				     const char *name);

#endif
