/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated Bluetooth controller, seen by a host. */
#include "config.h"

#include "tests/unit/bt_rig.h"

#include "sim/bluetooth/h4.h"

#define H r->handle & 0xff, r->handle >> 8

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
		T(bt_page_into_the_void_times_out));
}
