/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What server and client share: message framing, bounded unpacking, byte
 * queues, percent-encoding, timeouts.
 */
#ifndef AVSIM_SERVICES_GRPC_WIRE_H
#define AVSIM_SERVICES_GRPC_WIRE_H

#include "sim/services/grpc.h"

#define GRPC_PREFIX 5 /* compressed flag, big-endian length */

/* Bytes in order; data is v[head .. n). */
struct grpc_buf {
	uint8_t *v;
	size_t head, n, room;
};

static inline size_t grpc_buf_len(const struct grpc_buf *b)
{
	return b->n - b->head;
}

/* @len more bytes at the end, not yet filled; NULL = out of memory. */
uint8_t *grpc_buf_grow(struct grpc_buf *b, size_t len);
void grpc_buf_drop(struct grpc_buf *b, size_t len); /* from the front */
void grpc_buf_finish(struct grpc_buf *b);

/* Append @msg with its prefix. 0 or -ENOMEM. */
int grpc_buf_message(struct grpc_buf *b, const ProtobufCMessage *msg);
int grpc_buf_packed(struct grpc_buf *b, const uint8_t *msg, size_t len);

/**
 * grpc_buf_next() - A whole message at the front of @b?
 * @at, @len:	the message without its prefix
 *
 * Return: 1 yes, 0 more bytes needed, or a status to end the call with, as a
 * negative number: -GRPC_RESOURCE_EXHAUSTED (too long), -GRPC_UNIMPLEMENTED
 * (compressed).
 */
int grpc_buf_next(const struct grpc_buf *b, size_t max, const uint8_t **at,
		  size_t *len);

/* Unpack with at most GRPC_UNPACKED_MAX bytes of memory; NULL if it does not
 * parse or would take more. Free with grpc_unpack_free(). */
struct grpc_arena {
	size_t left;
};
ProtobufCMessage *grpc_unpack(const ProtobufCMessageDescriptor *d,
			      const uint8_t *data, size_t len);
void grpc_unpack_free(ProtobufCMessage *msg);

/* grpc-message: printable ASCII stays, the rest becomes %XX. */
size_t grpc_percent_encode(const char *text, char *out, size_t size);
void grpc_percent_decode(const uint8_t *in, size_t len, char *out, size_t size);

/* grpc-timeout "100m" to ns; UINT64_MAX if it is malformed. */
uint64_t grpc_timeout_ns(const uint8_t *v, size_t len);

#endif
