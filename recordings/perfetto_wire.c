/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of fields are those of google/perfetto's protos, see perfetto.h. All
 * texts are cut to PERFETTO_TEXT_MAX, so that a packet has room for what it may
 * hold at most.
 */
#include "config.h"

#include "recordings/perfetto_wire.h"

#include <assert.h>
#include <string.h>

/* Ours in a trace merged of several: "avsi". */
#define SEQUENCE_ID UINT32_C(0x61767369)

enum wire { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

enum {
	TRACE_PACKET = 1,

	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_TRACK_DESCRIPTOR = 60,

	SNAPSHOT_CLOCKS = 1,
	SNAPSHOT_PRIMARY = 2,
	CLOCK_ID = 1,
	CLOCK_TIMESTAMP = 2,
	CLOCK_IS_REALTIME = 1,
	CLOCK_IS_BOOTTIME = 6,

	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	COUNTER_UNIT_NAME = 6,

	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_COUNTER_DOUBLE = 44,

	ANNOTATION_DOUBLE = 5,
	ANNOTATION_STRING = 6,
	ANNOTATION_NAME = 10,
};

static void put_byte(struct packet *p, unsigned int b)
{
	assert(p->n < sizeof(p->v));
	p->v[p->n++] = (uint8_t)b;
}

static void put_varint(struct packet *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7) {
		put_byte(p, (unsigned int)(v & 0x7f) | 0x80);
	}
	put_byte(p, (unsigned int)v);
}

static void put_tag(struct packet *p, unsigned int field, enum wire w)
{
	put_varint(p, field << 3 | w);
}

static void put_uint(struct packet *p, unsigned int field, uint64_t v)
{
	put_tag(p, field, VARINT);
	put_varint(p, v);
}

static void put_double(struct packet *p, unsigned int field, double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	put_tag(p, field, FIXED64);
	for (int i = 0; i < 8; i++) {
		put_byte(p, (unsigned int)(v >> 8 * i) & 0xff);
	}
}

/* Bytes of the UTF-8 character at @s, 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80			 ? 1 :
		   s[0] >= 0xc2 && s[0] < 0xe0	 ? 2 :
		   s[0] >= 0xe0 && s[0] < 0xf0	 ? 3 :
		   s[0] >= 0xf0 && s[0] < 0xf5	 ? 4 :
						   0;
	uint32_t c = n > 1 ? s[0] & (0xffu >> (n + 1)) : s[0];

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	return n > 1 && (c < least[n] || c > 0x10ffff ||
			 (c >= 0xd800 && c < 0xe000)) ?
		       0 :
		       n;
}

/* A string must be UTF-8 or the whole file is refused; tabs part the columns of
 * a record's text and are blanks here. */
static void put_text(struct packet *p, unsigned int field, const char *text)
{
	char clean[PERFETTO_TEXT_MAX];
	size_t len = 0;

	while (*text) {
		size_t n = utf8_len((const unsigned char *)text);

		if (len + (n ? n : 1) > sizeof(clean)) {
			break;
		}
		if (n > 1) {
			memcpy(clean + len, text, n);
		} else {
			clean[len] = n == 0 ? '?' : *text == '\t' ? ' ' : *text;
		}
		len += n ? n : 1;
		text += n ? n : 1;
	}
	put_tag(p, field, LENGTH);
	put_varint(p, len);
	assert(len <= sizeof(p->v) - p->n);
	memcpy(p->v + p->n, clean, len);
	p->n += len;
}

/* A message within: its length is known when it closes. Most fit in one byte. */
static size_t open_message(struct packet *p, unsigned int field)
{
	put_tag(p, field, LENGTH);
	put_byte(p, 0);
	return p->n;
}

static void close_message(struct packet *p, size_t start)
{
	size_t len = p->n - start, more = 0;

	for (size_t v = len; v >= 0x80; v >>= 7) {
		more++;
	}
	assert(more <= sizeof(p->v) - p->n);
	memmove(p->v + start + more, p->v + start, len);
	p->n = start - 1;
	put_varint(p, len);
	p->n += len;
}

static size_t open_packet(struct packet *p)
{
	size_t start;

	p->n = 0;
	start = open_message(p, TRACE_PACKET);
	put_uint(p, PACKET_SEQUENCE_ID, SEQUENCE_ID);
	return start;
}

static uint64_t stamp(vtime t)
{
	return t > 0 ? (uint64_t)t : 0;
}

static void put_arg(struct packet *p, const struct packet_arg *a)
{
	size_t start = open_message(p, EVENT_ANNOTATION);

	put_text(p, ANNOTATION_NAME, a->name);
	if (a->text) {
		put_text(p, ANNOTATION_STRING, a->text);
	} else {
		put_double(p, ANNOTATION_DOUBLE, a->num);
	}
	close_message(p, start);
}

void packet_event(struct packet *p, const struct packet_event *e)
{
	size_t packet = open_packet(p), event;

	put_uint(p, PACKET_TIMESTAMP, stamp(e->t));
	event = open_message(p, PACKET_TRACK_EVENT);
	put_uint(p, EVENT_TYPE, (uint64_t)e->type);
	put_uint(p, EVENT_TRACK, e->track);
	if (e->name) {
		put_text(p, EVENT_NAME, e->name);
	}
	if (e->type == PACKET_COUNTER) {
		put_double(p, EVENT_COUNTER_DOUBLE, e->value);
	}
	assert(e->n_args <= PERFETTO_ARGS_MAX);
	for (size_t i = 0; i < e->n_args; i++) {
		put_arg(p, &e->arg[i]);
	}
	close_message(p, event);
	close_message(p, packet);
}

void packet_track(struct packet *p, uint64_t uuid, uint64_t parent,
		  const char *name, const char *unit)
{
	size_t packet = open_packet(p);
	size_t track = open_message(p, PACKET_TRACK_DESCRIPTOR);

	put_uint(p, TRACK_UUID, uuid);
	if (parent) {
		put_uint(p, TRACK_PARENT, parent);
	}
	put_text(p, TRACK_NAME, name);
	if (unit) {
		size_t counter = open_message(p, TRACK_COUNTER);

		if (*unit) {
			put_text(p, COUNTER_UNIT_NAME, unit);
		}
		close_message(p, counter);
	}
	close_message(p, track);
	close_message(p, packet);
}

static void put_clock(struct packet *p, uint64_t id, uint64_t t)
{
	size_t start = open_message(p, SNAPSHOT_CLOCKS);

	put_uint(p, CLOCK_ID, id);
	put_uint(p, CLOCK_TIMESTAMP, t);
	close_message(p, start);
}

void packet_clock(struct packet *p, vtime t, int64_t unix_ns)
{
	size_t packet = open_packet(p);
	size_t snapshot = open_message(p, PACKET_CLOCK_SNAPSHOT);

	put_clock(p, CLOCK_IS_BOOTTIME, stamp(t));
	put_clock(p, CLOCK_IS_REALTIME, stamp(unix_ns));
	put_uint(p, SNAPSHOT_PRIMARY, CLOCK_IS_BOOTTIME);
	close_message(p, snapshot);
	close_message(p, packet);
}
