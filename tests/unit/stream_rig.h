/* SPDX-License-Identifier: Apache-2.0 */
/* A carrier of one byte stream that keeps what a service writes to its guest. */
#ifndef AVSIM_TESTS_UNIT_STREAM_RIG_H
#define AVSIM_TESTS_UNIT_STREAM_RIG_H

#include "sim/services/stream.h"

#include <stdint.h>
#include <string.h>

struct stream_rig {
	struct av_stream s; /* first */
	uint8_t got[65536];
	size_t len, room; /* of @got: how much more is taken */
	bool held, closed;
};

static inline ssize_t stream_rig_write(struct av_stream *s, const void *buf,
				       size_t len)
{
	struct stream_rig *r = (struct stream_rig *)s;
	size_t n = len < r->room ? len : r->room;

	memcpy(r->got + r->len, buf, n);
	r->len += n;
	r->room -= n;
	return (ssize_t)n;
}

static inline void stream_rig_hold(struct av_stream *s, bool hold)
{
	((struct stream_rig *)s)->held = hold;
}

static inline void stream_rig_close(struct av_stream *s)
{
	((struct stream_rig *)s)->closed = true;
}

/* To be handed to whatever accepts it. */
static inline void stream_rig_init(struct stream_rig *r)
{
	static const struct av_stream_ops ops = { .write = stream_rig_write,
						  .hold = stream_rig_hold,
						  .close = stream_rig_close };

	*r = (struct stream_rig){ .s.ops = &ops, .room = sizeof(r->got) };
}

#endif
