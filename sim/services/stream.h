/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connected byte stream, whatever carries it: unix socket, TCP, virtio-vsock.
 * The carrier calls the on_* functions, the service the av_stream_*() ones, all
 * on the loop's thread. A service never learns which carrier it has.
 */
#ifndef AVSIM_SERVICES_STREAM_H
#define AVSIM_SERVICES_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct av_stream;

/* What a carrier implements. */
struct av_stream_ops {
	/* Take up to @len bytes. Return: how many were taken (fewer: the
	 * carrier is full and will call on_writable), or -errno: it is dead and
	 * on_closed follows from the loop. */
	ssize_t (*write)(struct av_stream *s, const void *buf, size_t len);
	/* Stop or resume on_data. Optional: NULL = cannot be held back. */
	void (*hold)(struct av_stream *s, bool hold);
	/* The service is done: send what was taken, then close. No on_* call
	 * comes after; @s is the carrier's again. */
	void (*close)(struct av_stream *s);
	/* Nothing more will be written; reading goes on. Optional. */
	void (*end)(struct av_stream *s);
};

struct av_stream {
	const struct av_stream_ops *ops;
	const char *peer; /* for people: "unix", "127.0.0.1:4711", "cid 3" */
	/* set by the service when it takes the stream */
	void *user;
	void (*on_data)(struct av_stream *s, const void *buf, size_t len);
	void (*on_writable)(struct av_stream *s);
	/* The peer will send no more but may still read. Optional: NULL = for
	 * this service that is the same as on_closed. */
	void (*on_eof)(struct av_stream *s);
	/* The peer is gone. The service must not touch @s after returning. */
	void (*on_closed)(struct av_stream *s);
};

static inline ssize_t av_stream_write(struct av_stream *s, const void *buf,
				      size_t len)
{
	return s->ops->write(s, buf, len);
}

static inline void av_stream_hold(struct av_stream *s, bool hold)
{
	if (s->ops->hold) {
		s->ops->hold(s, hold);
	}
}

static inline void av_stream_close(struct av_stream *s)
{
	s->ops->close(s);
}

/* Half-close where the carrier can, else nothing: close() will do it. */
static inline void av_stream_end(struct av_stream *s)
{
	if (s->ops->end) {
		s->ops->end(s);
	}
}

/*
 * What accepts streams: a service's front door. Return 0 with the on_* set, or
 * -errno: the carrier closes the stream.
 */
struct av_acceptor {
	const char *name;
	int (*accept)(struct av_acceptor *a, struct av_stream *s);
	void *ctx;
};

#endif
