/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host without a kernel: commands and data as bytes, answers looked up by
 * event code. The bytes are written from the specification, not from the code.
 */
#ifndef AVSIM_TESTS_UNIT_BT_RIG_H
#define AVSIM_TESTS_UNIT_BT_RIG_H

#include "sim/bluetooth/bluetooth.h"
#include "sim/topics.h"
#include "tests/unit/test.h"

#include <string.h>

#define RIG_MAX 4096

struct rig {
	struct evq *q;
	struct bus *bus;
	struct bluetooth *bt;
	struct bt_controller *c;
	struct {
		uint8_t data[1100];
		size_t len;
		vtime t;
	} pkt[RIG_MAX]; /* all that came */
	size_t n, seen; /* those before @seen were looked at */
	bool full;	/* takes nothing */
	unsigned int on_room;
	uint16_t handle, sync;
	char log[8192];
	size_t log_len;
};

#define BYTES(...)                                                             \
	(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static bool rig_emit(void *ctx, const uint8_t *h4, size_t len)
{
	struct rig *r = ctx;

	if (r->full) {
		return false;
	}
	assert_true(r->n < RIG_MAX && len <= 1000);
	memcpy(r->pkt[r->n].data, h4, len);
	r->pkt[r->n].len = len;
	r->pkt[r->n++].t = evq_now(r->q);
	return true;
}

static void rig_on_room(void *ctx)
{
	((struct rig *)ctx)->on_room++;
}

static void rig_on_bt(void *ctx, const void *msg)
{
	struct rig *r = ctx;
	const struct text_event *e = msg;
	int n = snprintf(r->log + r->log_len, sizeof(r->log) - r->log_len,
			 "%s %s\n", e->key, e->text);

	r->log_len += (size_t)n < sizeof(r->log) - r->log_len ? (size_t)n : 0;
}

static inline struct rig *rig_new(uint64_t seed)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct bt_carrier carrier = { .name = "test",
				      .emit = rig_emit,
				      .on_room = rig_on_room,
				      .ctx = r };

	assert_non_null(r);
	r->q = evq_create();
	r->bus = bus_create(av_topics, TOPIC_N);
	assert_int_equal(bus_subscribe(r->bus, TOPIC_BT, STAGE_TAP, "test",
				       rig_on_bt, r, NULL),
			 0);
	r->bt = bluetooth_create(r->q, r->bus, seed);
	assert_non_null(r->bt);
	r->c = bluetooth_controller(r->bt);
	assert_int_equal(bt_controller_attach(r->c, &carrier), 0);
	return r;
}

static inline void rig_free(struct rig *r)
{
	bt_controller_detach(r->c, r);
	bluetooth_destroy(r->bt);
	bus_destroy(r->bus);
	evq_destroy(r->q);
	free(r);
}

static inline void rig_run(struct rig *r, vtime d)
{
	evq_run_until(r->q, evq_now(r->q) + d);
}

static inline void rig_raw(struct rig *r, const uint8_t *p, size_t len)
{
	assert_int_equal(bt_controller_feed(r->c, p, len), len);
}

/* Parameters of the next event @code (of packets not looked at), NULL: none. */
static inline const uint8_t *rig_event(struct rig *r, uint8_t code)
{
	for (; r->seen < r->n; r->seen++) {
		if (r->pkt[r->seen].data[0] == 4 &&
		    r->pkt[r->seen].data[1] == code) {
			return r->pkt[r->seen++].data + 3;
		}
	}
	return NULL;
}

/* The next packet of @type, with its length. */
static inline const uint8_t *rig_packet(struct rig *r, uint8_t type, size_t *len)
{
	for (; r->seen < r->n; r->seen++) {
		if (r->pkt[r->seen].data[0] == type) {
			*len = r->pkt[r->seen].len;
			return r->pkt[r->seen++].data;
		}
	}
	return NULL;
}

static inline void rig_command(struct rig *r, uint16_t op, const uint8_t *p,
			       size_t len)
{
	uint8_t buf[4 + 255] = { 1, (uint8_t)op, (uint8_t)(op >> 8),
				 (uint8_t)len };

	if (len > 0) {
		memcpy(buf + 4, p, len);
	}
	rig_raw(r, buf, 4 + len);
}

/* The command, and its Command Complete from the status on. */
static inline const uint8_t *rig_do(struct rig *r, uint16_t op,
				    const uint8_t *p, size_t len)
{
	const uint8_t *e;

	rig_command(r, op, p, len);
	e = rig_event(r, 0x0e);
	assert_non_null(e);
	assert_int_equal(e[1] | e[2] << 8, op);
	return e + 3;
}

/* The status of its Command Status. */
static inline uint8_t rig_ask(struct rig *r, uint16_t op, const uint8_t *p,
			      size_t len)
{
	const uint8_t *e;

	rig_command(r, op, p, len);
	e = rig_event(r, 0x0f);
	assert_non_null(e);
	assert_int_equal(e[2] | e[3] << 8, op);
	return e[0];
}

#define NOTHING NULL, 0

/* 02:00:5E:10:20:30 on the wire */
#define PHONE_ADDR 0x30, 0x20, 0x10, 0x5e, 0x00, 0x02

static inline void rig_phone(struct rig *r, enum phone_pairing pairing,
			     bool refuses)
{
	struct phone_setup s = { .name = "Anna's phone",
				 .address = "02:00:5E:10:20:30",
				 .pairing = pairing,
				 .refuses = refuses,
				 .rssi_dbm = -50 };

	assert_int_equal(phone_appear(bluetooth_phone(r->bt), &s, NULL), 0);
}

/* As a host does after power-on: reset, all events, simple pairing. */
static inline void rig_up(struct rig *r)
{
	assert_int_equal(rig_do(r, 0x0c03, NOTHING)[0], 0);
	rig_do(r, 0x0c01, BYTES(255, 255, 255, 255, 255, 255, 255, 0x3f));
	rig_do(r, 0x2001, BYTES(255, 255, 255, 255, 255, 255, 255, 255));
	rig_do(r, 0x0c56, BYTES(1));
	rig_do(r, 0x0c45, BYTES(2));
}

/* Create Connection to the phone; 0 or the status. */
static inline uint8_t rig_connect(struct rig *r)
{
	const uint8_t *e;

	assert_int_equal(rig_ask(r, 0x0405,
				 BYTES(PHONE_ADDR, 0x18, 0xcc, 1, 0, 0, 0, 1)),
			 0);
	rig_run(r, 6 * VT_S);
	e = rig_event(r, 0x03);
	assert_non_null(e);
	r->handle = (uint16_t)(e[1] | e[2] << 8);
	return e[0];
}

#endif
