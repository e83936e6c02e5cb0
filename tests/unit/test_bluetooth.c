/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated Bluetooth controller, seen by a host. */
#include "config.h"

#include "tests/unit/bt_rig.h"

#include "sim/bluetooth/h4.h"

#include <errno.h>

#define H (uint8_t)r->handle, (uint8_t)(r->handle >> 8)

/* ---- H4 ---- */

TEST(h4_packets_come_out_of_any_pieces)
{
	static const uint8_t in[] = { 1, 3, 12, 0, 2, 1, 0x20, 3,
				      0, 7, 8,  9, 3, 5, 0,    1,
				      4, 1, 9,  4, 1, 0xaa };
	static const size_t want[] = { 4, 8, 5, 5 };

	for (size_t piece = 1; piece <= sizeof(in); piece++) {
		struct h4 h;
		size_t n = 0;

		h4_init(&h, H4_FROM_HOST);
		for (size_t at = 0; at < sizeof(in); at += piece) {
			const uint8_t *p = in + at;
			size_t len = sizeof(in) - at < piece ?
					     sizeof(in) - at :
					     piece;
			enum h4_result res;

			while ((res = h4_feed(&h, &p, &len)) != H4_MORE) {
				CHECK_EQ(res, H4_PACKET);
				CHECK_EQ(h.len, want[n]);
				n++;
			}
		}
		CHECK_EQ(n, 4);
	}
}

TEST(h4_nonsense_is_skipped_up_to_a_reset)
{
	static const uint8_t in[] = { 9,  9, 1, 3, 12, 1, 3, 12, 1, 3, 12, 0,
				      1, 1, 16, 0 };
	const uint8_t *p = in;
	size_t len = sizeof(in);
	struct h4 h;

	h4_init(&h, H4_FROM_HOST);
	CHECK_EQ(h4_feed(&h, &p, &len), H4_LOST);
	CHECK_EQ(h4_feed(&h, &p, &len), H4_PACKET);
	CHECK_EQ(memcmp(h.buf, "\1\3\x0c\0", 4), 0);
	CHECK_EQ(h4_feed(&h, &p, &len), H4_PACKET);
	CHECK_EQ(h.buf[1], 1);
	CHECK_EQ(h4_feed(&h, &p, &len), H4_MORE);
	CHECK_EQ(h.skipped, 8);
	CHECK_EQ(h.n_lost, 1);
}

TEST(h4_longer_than_any_packet_is_nonsense)
{
	static const uint8_t in[] = { 2, 1, 0, 0xff, 0xff };
	const uint8_t *p = in;
	size_t len = sizeof(in);
	struct h4 h;

	h4_init(&h, H4_FROM_CONTROLLER);
	CHECK_EQ(h4_feed(&h, &p, &len), H4_LOST);
}

/* ---- commands ---- */

TEST(bt_lost_host_gets_a_hardware_error_and_is_understood_after_reset)
{
	struct rig *r = rig_new(1);

	rig_raw(r, BYTES(0x77, 1, 2, 3));
	CHECK(rig_event(r, 0x10));
	rig_raw(r, BYTES(1, 3, 12, 0));
	CHECK(rig_event(r, 0x0e));
	CHECK_EQ(rig_do(r, 0x1009, NOTHING)[0], 0);
	rig_free(r);
}

TEST(bt_unknown_commands_and_wrong_lengths_are_refused)
{
	struct rig *r = rig_new(1);

	CHECK_EQ(rig_ask(r, 0xfd53, NOTHING), 0x01); /* vendor */
	CHECK_EQ(rig_ask(r, 0x0403, BYTES(1)), 0x01);
	CHECK_EQ(rig_do(r, 0x0c1a, BYTES(1, 2))[0], 0x12);
	CHECK_EQ(rig_do(r, 0x0c1a, NOTHING)[0], 0x12);
	CHECK_EQ(rig_ask(r, 0x0401, BYTES(1, 2, 3, 4, 5)), 0x12);
	rig_free(r);
}

TEST(bt_reset_restores_what_was_written)
{
	struct rig *r = rig_new(1);

	CHECK_EQ(rig_do(r, 0x0c24, BYTES(8, 4, 0x26))[0], 0);
	CHECK_EQ(rig_do(r, 0x0c23, NOTHING)[3], 0x26);
	CHECK_EQ(rig_do(r, 0x0c03, NOTHING)[0], 0);
	CHECK_EQ(rig_do(r, 0x0c23, NOTHING)[3], 0);
	rig_free(r);
}

TEST(bt_inquiry_finds_the_phone_with_name_and_rssi)
{
	struct rig *r = rig_new(1);
	const uint8_t *e;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_ask(r, 0x0401, BYTES(0x33, 0x8b, 0x9e, 4, 0)), 0);
	CHECK_EQ(rig_ask(r, 0x0401, BYTES(0x33, 0x8b, 0x9e, 4, 0)), 0x0c);
	rig_run(r, VT_S);
	e = rig_event(r, 0x2f);
	CHECK(e);
	assert_memory_equal(e + 1, ((const uint8_t[]){ PHONE_ADDR }), 6);
	CHECK_EQ((int8_t)e[14], -50);
	/* UUIDs, power, name */
	assert_memory_equal(
		e + 15, "\3\3\x1f\x11\2\x0a\4\x0d\x09" "Anna's phone", 21);
	CHECK(!rig_event(r, 0x01));
	rig_run(r, 5 * VT_S);
	CHECK(rig_event(r, 0x01));
	rig_free(r);
}

TEST(bt_page_into_the_void_times_out)
{
	struct rig *r = rig_new(1);

	rig_up(r);
	CHECK_EQ(rig_connect(r), 0x04);
	rig_free(r);
}

/* ---- links ---- */

static void authenticate(struct rig *r, uint8_t io)
{
	rig_ask(r, 0x0411, BYTES(H));
	rig_run(r, 100 * VT_MS);
	CHECK(rig_event(r, 0x17));
	CHECK_EQ(rig_do(r, 0x040c, BYTES(PHONE_ADDR))[0], 0);
	rig_run(r, 100 * VT_MS);
	CHECK(rig_event(r, 0x31));
	CHECK_EQ(rig_do(r, 0x042b, BYTES(PHONE_ADDR, io, 0, 3))[0], 0);
	rig_run(r, 100 * VT_MS);
	CHECK(rig_event(r, 0x33));
	CHECK_EQ(rig_do(r, 0x042c, BYTES(PHONE_ADDR))[0], 0);
	rig_run(r, VT_S);
}

TEST(bt_pairing_without_a_display_is_not_authenticated)
{
	struct rig *r = rig_new(1);
	const uint8_t *e;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_connect(r), 0);
	authenticate(r, 3); /* the car has neither display nor keys */
	CHECK_EQ(rig_event(r, 0x36)[0], 0);
	e = rig_event(r, 0x18);
	CHECK_EQ(e[22], 4);
	CHECK_EQ(rig_event(r, 0x06)[0], 0);
	rig_free(r);
}

TEST(bt_a_phone_that_says_no_is_not_paired)
{
	struct rig *r = rig_new(1);

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, true);
	CHECK_EQ(rig_connect(r), 0);
	authenticate(r, 1);
	CHECK_EQ(rig_event(r, 0x36)[0], 0x05);
	CHECK_EQ(rig_event(r, 0x06)[0], 0x05);
	CHECK(!rig_event(r, 0x18));
	/* and so cannot be encrypted */
	CHECK_EQ(rig_ask(r, 0x0413, BYTES(H, 1)), 0);
	rig_run(r, VT_S);
	CHECK_EQ(rig_event(r, 0x08)[0], 0x06);
	rig_free(r);
}

TEST(bt_an_old_phone_wants_its_pin)
{
	struct rig *r = rig_new(1);

	rig_up(r);
	rig_phone(r, PHONE_PIN, false);
	CHECK_EQ(rig_connect(r), 0);
	for (int right = 0; right < 2; right++) {
		rig_ask(r, 0x0411, BYTES(H));
		rig_run(r, 100 * VT_MS);
		CHECK(rig_event(r, 0x17));
		rig_do(r, 0x040c, BYTES(PHONE_ADDR));
		rig_run(r, 100 * VT_MS);
		CHECK(rig_event(r, 0x16));
		CHECK_EQ(rig_do(r, 0x040d,
				BYTES(PHONE_ADDR, 4, '0', '0', '0',
				      right ? '0' : '1', 0, 0, 0, 0, 0, 0, 0, 0,
				      0, 0, 0, 0))[0],
			 0);
		rig_run(r, VT_S);
		CHECK_EQ(rig_event(r, 0x06)[0], right ? 0 : 0x05);
	}
	rig_free(r);
}

TEST(bt_a_wrong_key_is_an_authentication_failure)
{
	struct rig *r = rig_new(1);

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_connect(r), 0);
	for (int known = 0; known < 2; known++) {
		rig_ask(r, 0x0411, BYTES(H));
		rig_run(r, 100 * VT_MS);
		CHECK(rig_event(r, 0x17));
		rig_do(r, 0x040b, BYTES(PHONE_ADDR, 1, 2, 3, 4, 5, 6, 7, 8, 9,
					10, 11, 12, 13, 14, 15, 16));
		rig_run(r, VT_S);
		/* key missing; then there is one, another */
		CHECK_EQ(rig_event(r, 0x06)[0], known ? 0x05 : 0x06);
		if (!known) {
			authenticate(r, 1);
			CHECK_EQ(rig_event(r, 0x06)[0], 0);
		}
	}
	rig_free(r);
}

TEST(bt_data_completes_one_by_one_and_too_much_of_it_overflows)
{
	struct rig *r = rig_new(1);
	uint8_t pkt[5 + 990] = { 2 };
	unsigned int completed = 0;
	const uint8_t *e;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_connect(r), 0);
	pkt[1] = (uint8_t)r->handle;
	pkt[2] = 0x20;
	pkt[3] = 990 & 0xff;
	pkt[4] = 990 >> 8;
	for (int i = 0; i < 8; i++) {
		rig_raw(r, pkt, sizeof(pkt));
	}
	CHECK(!rig_event(r, 0x1a));
	rig_raw(r, pkt, sizeof(pkt));
	CHECK(rig_event(r, 0x1a));
	rig_run(r, 4 * VT_MS); /* six slots are 3.75 ms */
	e = rig_event(r, 0x13);
	CHECK(e && e[0] == 1 && e[3] == 1);
	CHECK(!rig_event(r, 0x13));
	rig_run(r, VT_S);
	while ((e = rig_event(r, 0x13))) {
		completed += e[3];
	}
	CHECK_EQ(completed, 7);
	rig_free(r);
}

TEST(bt_out_of_range_ends_a_link_after_its_supervision_timeout)
{
	struct rig *r = rig_new(1);
	const uint8_t *e;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_connect(r), 0);
	CHECK_EQ(rig_do(r, 0x0c37, BYTES(H, 0x40, 0x1f))[0], 0); /* 5 s */
	phone_silence(bluetooth_phone(r->bt), true, false);
	rig_run(r, 4 * VT_S);
	phone_silence(bluetooth_phone(r->bt), false, false);
	rig_run(r, 4 * VT_S);
	CHECK(!rig_event(r, 0x05)); /* it was back in time */
	phone_silence(bluetooth_phone(r->bt), true, false);
	rig_run(r, 4990 * VT_MS);
	CHECK(!rig_event(r, 0x05));
	rig_run(r, 20 * VT_MS);
	e = rig_event(r, 0x05);
	CHECK(e && e[3] == 0x08);
	CHECK_EQ(rig_connect(r), 0x04);
	phone_silence(bluetooth_phone(r->bt), false, false);
	CHECK_EQ(rig_connect(r), 0);
	rig_free(r);
}

TEST(bt_phone_pages_the_car_that_scans_for_it)
{
	struct rig *r = rig_new(1);
	const uint8_t *e;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(phone_connect(bluetooth_phone(r->bt), NULL), 0);
	rig_run(r, 2 * VT_S);
	CHECK(!rig_event(r, 0x04)); /* not connectable */
	CHECK_EQ(rig_do(r, 0x0c1a, BYTES(2))[0], 0);
	CHECK_EQ(phone_connect(bluetooth_phone(r->bt), NULL), 0);
	rig_run(r, 2 * VT_S);
	e = rig_event(r, 0x04);
	CHECK(e && e[9] == 1);
	CHECK_EQ(rig_ask(r, 0x0409, BYTES(PHONE_ADDR, 0)), 0);
	rig_run(r, VT_S);
	e = rig_event(r, 0x12); /* the car asked to be central */
	CHECK(e && e[7] == 0);
	CHECK_EQ(rig_event(r, 0x03)[0], 0);
	CHECK_EQ(phone_disconnect(bluetooth_phone(r->bt), NULL), 0);
	rig_run(r, VT_S);
	CHECK_EQ(rig_event(r, 0x05)[3], 0x13);
	rig_free(r);
}

/* ---- the carrier ---- */

TEST(bt_a_host_that_does_not_read_is_not_listened_to)
{
	struct rig *r = rig_new(1);
	static const uint8_t name[] = { 1, 0x14, 0x0c, 0 };
	size_t taken = 0;

	rig_up(r);
	r->full = true;
	while (bt_controller_feed(r->c, name, sizeof(name)) == sizeof(name)) {
		CHECK(++taken < 1000);
	}
	CHECK(taken > 100); /* 255 bytes an answer, half of the queue */
	CHECK_EQ(bt_controller_feed(r->c, name, sizeof(name)), 0);
	CHECK_EQ(r->on_room, 0);
	r->full = false;
	bt_controller_ready(r->c);
	CHECK_EQ(r->on_room, 1);
	CHECK_EQ(r->c->n.dropped, 0);
	rig_free(r);
}

TEST(bt_the_next_host_finds_nothing_of_the_last)
{
	struct rig *r = rig_new(1);
	struct bt_carrier other = r->c->carrier;

	rig_up(r);
	rig_phone(r, PHONE_NUMBER, false);
	CHECK_EQ(rig_connect(r), 0);
	r->full = true;
	rig_command(r, 0x0c14, NOTHING);
	CHECK_EQ(bt_controller_attach(r->c, &other), -EBUSY);
	bt_controller_detach(r->c, r);
	CHECK_EQ(bt_controller_attach(r->c, &other), 0);
	r->full = false;
	r->seen = r->n;
	bt_controller_ready(r->c);
	rig_run(r, VT_S);
	CHECK_EQ(r->seen, r->n);
	CHECK_EQ(rig_do(r, 0x0c23, NOTHING)[0], 0);
	CHECK(strstr(r->log, "bt-link down by reset"));
	rig_free(r);
}

TEST(bt_same_seed_same_packets)
{
	struct rig *r[3];

	for (int i = 0; i < 3; i++) {
		r[i] = rig_new(i == 2 ? 2 : 1);
		rig_up(r[i]);
		rig_phone(r[i], PHONE_NUMBER, false);
		rig_ask(r[i], 0x0401, BYTES(0x33, 0x8b, 0x9e, 4, 0));
		CHECK_EQ(rig_connect(r[i]), 0);
		authenticate(r[i], 1);
	}
	CHECK_EQ(r[0]->n, r[1]->n);
	for (size_t i = 0; i < r[0]->n; i++) {
		CHECK_EQ(r[0]->pkt[i].t, r[1]->pkt[i].t);
		CHECK_EQ(r[0]->pkt[i].len, r[1]->pkt[i].len);
		assert_memory_equal(r[0]->pkt[i].data, r[1]->pkt[i].data,
				    r[0]->pkt[i].len);
	}
	CHECK_STR(r[0]->log, r[1]->log);
	/* another seed, another key */
	assert_memory_not_equal(r[0]->pkt[r[0]->n - 2].data,
				r[2]->pkt[r[2]->n - 2].data, 24);
	for (int i = 0; i < 3; i++) {
		rig_free(r[i]);
	}
}

int main(void)
{
	return RUN_TESTS(
		T(h4_packets_come_out_of_any_pieces),
		T(h4_nonsense_is_skipped_up_to_a_reset),
		T(h4_longer_than_any_packet_is_nonsense),
		T(bt_lost_host_gets_a_hardware_error_and_is_understood_after_reset),
		T(bt_unknown_commands_and_wrong_lengths_are_refused),
		T(bt_reset_restores_what_was_written),
		T(bt_inquiry_finds_the_phone_with_name_and_rssi),
		T(bt_page_into_the_void_times_out),
		T(bt_pairing_without_a_display_is_not_authenticated),
		T(bt_a_phone_that_says_no_is_not_paired),
		T(bt_an_old_phone_wants_its_pin),
		T(bt_a_wrong_key_is_an_authentication_failure),
		T(bt_data_completes_one_by_one_and_too_much_of_it_overflows),
		T(bt_out_of_range_ends_a_link_after_its_supervision_timeout),
		T(bt_phone_pages_the_car_that_scans_for_it),
		T(bt_a_host_that_does_not_read_is_not_listened_to),
		T(bt_the_next_host_finds_nothing_of_the_last),
		T(bt_same_seed_same_packets));
}
