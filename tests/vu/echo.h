/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that says what it hears, for streams of devices: its callbacks.
 * What the guest had no room for waits; more than ECHO_ROOM is lost.
 */
#ifndef AVSIM_TESTS_VU_ECHO_H
#define AVSIM_TESTS_VU_ECHO_H

#include "sim/services/stream.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_ROOM = 8192 };

struct echo {
	uint8_t data[ECHO_ROOM];
	size_t len;
};

static inline void echo_more(struct av_stream *s)
{
	struct echo *e = s->user;
	ssize_t n = e->len ? av_stream_write(s, e->data, e->len) : 0;

	if (n > 0) {
		e->len -= (size_t)n;
		memmove(e->data, e->data + n, e->len);
	}
}

static inline void echo_data(struct av_stream *s, const void *buf, size_t len)
{
	struct echo *e = s->user;
	size_t room = sizeof(e->data) - e->len;

	len = len < room ? len : room;
	memcpy(e->data + e->len, buf, len);
	e->len += len;
	echo_more(s);
}

static inline void echo_closed(struct av_stream *s)
{
	free(s->user);
}

static inline int echo_accept(struct av_acceptor *a, struct av_stream *s)
{
	(void)a;
	s->user = calloc(1, sizeof(struct echo));
	s->on_data = echo_data;
	s->on_writable = echo_more;
	s->on_closed = echo_closed;
	return s->user ? 0 : -ENOMEM;
}

#endif
