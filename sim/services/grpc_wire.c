/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/grpc_wire.h"

#include "sim/core/be.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[GRPC_N_STATUS] = {
	[GRPC_OK] = "OK",
	[GRPC_CANCELLED] = "CANCELLED",
	[GRPC_UNKNOWN] = "UNKNOWN",
	[GRPC_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
	[GRPC_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
	[GRPC_NOT_FOUND] = "NOT_FOUND",
	[GRPC_ALREADY_EXISTS] = "ALREADY_EXISTS",
	[GRPC_PERMISSION_DENIED] = "PERMISSION_DENIED",
	[GRPC_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
	[GRPC_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
	[GRPC_ABORTED] = "ABORTED",
	[GRPC_OUT_OF_RANGE] = "OUT_OF_RANGE",
	[GRPC_UNIMPLEMENTED] = "UNIMPLEMENTED",
	[GRPC_INTERNAL] = "INTERNAL",
	[GRPC_UNAVAILABLE] = "UNAVAILABLE",
	[GRPC_DATA_LOSS] = "DATA_LOSS",
	[GRPC_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *grpc_status_name(enum grpc_status s)
{
	return (unsigned int)s < GRPC_N_STATUS ? status_names[s] : "?";
}

uint8_t *grpc_buf_grow(struct grpc_buf *b, size_t len)
{
	if (len > b->room - b->n) {
		size_t used = grpc_buf_len(b), room = b->room;

		if (b->head > 0) { /* what is sent makes room first */
			memmove(b->v, b->v + b->head, used);
			b->n = used;
			b->head = 0;
		}
		if (len > room - used) {
			uint8_t *v;

			room = room ? room : 256;
			while (room - used < len) {
				room *= 2;
			}
			v = realloc(b->v, room);
			if (!v) {
				return NULL;
			}
			b->v = v;
			b->room = room;
		}
	}
	b->n += len;
	return b->v + b->n - len;
}

#define KEEP_ROOM 65536 /* a burst's memory is given back after it */

void grpc_buf_drop(struct grpc_buf *b, size_t len)
{
	b->head += len;
	if (b->head == b->n) {
		b->head = b->n = 0;
		if (b->room > KEEP_ROOM) {
			grpc_buf_finish(b);
		}
	}
}

void grpc_buf_finish(struct grpc_buf *b)
{
	free(b->v);
	*b = (struct grpc_buf){ 0 };
}

/* Room for a message of @len bytes behind its prefix; NULL = out of memory. */
static uint8_t *prefixed(struct grpc_buf *b, size_t len)
{
	uint8_t *p;

	if (len > UINT32_MAX - GRPC_PREFIX) {
		return NULL;
	}
	p = grpc_buf_grow(b, GRPC_PREFIX + len);
	if (!p) {
		return NULL;
	}
	p[0] = 0;
	av_put_be32(p + 1, (uint32_t)len);
	return p + GRPC_PREFIX;
}

int grpc_buf_message(struct grpc_buf *b, const ProtobufCMessage *msg)
{
	uint8_t *p = prefixed(b, protobuf_c_message_get_packed_size(msg));

	if (p) {
		protobuf_c_message_pack(msg, p);
	}
	return p ? 0 : -ENOMEM;
}

int grpc_buf_packed(struct grpc_buf *b, const uint8_t *msg, size_t len)
{
	uint8_t *p = prefixed(b, len);

	if (p && len > 0) {
		memcpy(p, msg, len);
	}
	return p ? 0 : -ENOMEM;
}

int grpc_buf_next(const struct grpc_buf *b, size_t max, const uint8_t **at,
		  size_t *len)
{
	const uint8_t *p = b->v + b->head;
	size_t have = grpc_buf_len(b), n;

	if (have < GRPC_PREFIX) {
		return 0;
	}
	n = av_be32(p + 1);
	if (p[0] != 0) {
		return -GRPC_UNIMPLEMENTED;
	}
	if (n > max) {
		return -GRPC_RESOURCE_EXHAUSTED;
	}
	if (have - GRPC_PREFIX < n) {
		return 0;
	}
	*at = p + GRPC_PREFIX;
	*len = n;
	return 1;
}

/* malloc with a budget: a few bytes on the wire can unpack into very many. */
static void *bounded_alloc(void *ctx, size_t size)
{
	struct grpc_arena *a = ctx;

	if (size > a->left) {
		return NULL;
	}
	a->left -= size;
	return malloc(size);
}

static void bounded_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

ProtobufCMessage *grpc_unpack(const ProtobufCMessageDescriptor *d,
			      const uint8_t *data, size_t len)
{
	struct grpc_arena a = { .left = GRPC_UNPACKED_MAX };
	ProtobufCAllocator alloc = { .alloc = bounded_alloc,
				     .free = bounded_free,
				     .allocator_data = &a };

	return protobuf_c_message_unpack(d, &alloc, len, data);
}

void grpc_unpack_free(ProtobufCMessage *msg)
{
	protobuf_c_message_free_unpacked(msg, NULL);
}

size_t grpc_percent_encode(const char *text, char *out, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text && n + 4 < size; text++) {
		unsigned char ch = (unsigned char)*text;

		if (ch >= 0x20 && ch <= 0x7e && ch != '%') {
			out[n++] = (char)ch;
		} else {
			out[n++] = '%';
			out[n++] = hex[ch >> 4];
			out[n++] = hex[ch & 15];
		}
	}
	out[n] = '\0';
	return n;
}

static int hex_digit(uint8_t c)
{
	return isdigit(c)     ? c - '0' :
	       isxdigit(c) ? (c | 32) - 'a' + 10 :
				-1;
}

void grpc_percent_decode(const uint8_t *in, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		int hi = -1, lo = -1;

		if (in[i] == '%' && len - i > 2) {
			hi = hex_digit(in[i + 1]);
			lo = hex_digit(in[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			out[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			out[n++] = (char)in[i];
		}
	}
	out[n] = '\0';
}

uint64_t grpc_timeout_ns(const uint8_t *v, size_t len)
{
	static const struct {
		uint8_t unit;
		uint64_t ns;
	} units[] = {
		{ 'H', UINT64_C(3600000000000) }, { 'M', UINT64_C(60000000000) },
		{ 'S', 1000000000 },		  { 'm', 1000000 },
		{ 'u', 1000 },			  { 'n', 1 },
	};
	uint64_t n = 0;

	if (len < 2 || len > 9) { /* at most eight digits */
		return UINT64_MAX;
	}
	for (size_t i = 0; i + 1 < len; i++) {
		if (!isdigit(v[i])) {
			return UINT64_MAX;
		}
		n = n * 10 + (uint64_t)(v[i] - '0');
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit == v[len - 1]) {
			/* 8 digits of hours fit: 1e8 * 3.6e12 overflows, clip */
			return n > UINT64_MAX / 2 / units[i].ns ?
				       UINT64_MAX / 2 :
				       n * units[i].ns;
		}
	}
	return UINT64_MAX;
}
