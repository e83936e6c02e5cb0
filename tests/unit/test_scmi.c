/* SPDX-License-Identifier: Apache-2.0 */
/* The SCMI platform, asked as Linux's scmi_iio asks it. */
#include "config.h"

#include "test.h"

#include "vdevices/scmi.h"

#include <string.h>

struct rig {
	struct scmi s;
	bool notify;
	size_t room;
	uint32_t in[34], v[34]; /* params; answer behind the header */
	size_t n;               /* words of the answer behind the status */
};

static const char *const world[] = {
	"sensors",
	("sensor scmi.iio.accel accel accelerometer -3 39226 12.5 25 50 100 "
	 "200 400"),
	"sensor scmi.iio.gyro gyro gyroscope -4 87266 12.5 25 50 100 200 400",
};

static void start(struct rig *r)
{
	struct av_err err = { 0 };

	memset(r, 0, sizeof(*r));
	r->s.stamps = r->notify = true;
	r->room = SCMI_ANSWER_MAX;
	for (size_t i = 0; i < 3; i++) {
		CHECK_EQ(scmi_control(&r->s, world[i], strlen(world[i]), &err),
			 0);
	}
}

/* Returns the status; 99: no answer at all. */
static int ask(struct rig *r, uint32_t protocol, uint32_t id, uint32_t a,
	       uint32_t b)
{
	uint32_t in[3] = { 0x3ffu << 18 | protocol << 10 | id, a, b }, out[34];
	size_t len;

	memset(out, 0, sizeof(out));
	len = scmi_request(&r->s, r->notify, (uint8_t *)in, sizeof(in),
			   (uint8_t *)out, r->room, NULL);
	if (!len) {
		return 99;
	}
	CHECK_EQ(out[0], in[0]);
	CHECK_EQ(len % 4, 0);
	r->n = len / 4 - 2;
	memcpy(r->v, out + 2, sizeof(out) - 8);
	CHECK(out[1] == 0 || r->n == 0);
	return (int32_t)out[1];
}

TEST(base_protocol_says_who_it_is)
{
	struct rig r;

	start(&r);
	CHECK_EQ(ask(&r, 0x10, 0, 0, 0), 0);
	CHECK_EQ(r.v[0], 0x20000);
	CHECK_EQ(ask(&r, 0x10, 1, 0, 0), 0);
	CHECK_EQ(r.v[0], 0x101);
	CHECK_EQ(ask(&r, 0x10, 3, 0, 0), 0);
	CHECK_EQ(r.n, 4);
	CHECK_STR((char *)r.v, "avsim");
	CHECK_EQ(ask(&r, 0x10, 6, 0, 0), 0);
	CHECK_EQ(r.n, 2);
	CHECK_EQ(r.v[0], 1);
	CHECK_EQ(r.v[1], 0x15);
	CHECK_EQ(ask(&r, 0x10, 6, 1, 0), 0);
	CHECK_EQ(r.n, 1);
	CHECK_EQ(r.v[0], 0);
	CHECK_EQ(ask(&r, 0x10, 7, 0xffffffff, 0), 0);
	CHECK_EQ(r.v[0], 1);
	CHECK_EQ(ask(&r, 0x10, 7, 7, 0), SCMI_NOT_FOUND);
}

TEST(unknown_ids_get_a_status)
{
	struct rig r;

	start(&r);
	CHECK_EQ(ask(&r, 0x14, 0, 0, 0), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 4, 0, 1), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 5, 0, 1), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 0xff, 0, 0), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 2, 4, 0), SCMI_NOT_FOUND);
	CHECK_EQ(ask(&r, 0x15, 2, 0xb, 0), 0);
	CHECK_EQ(ask(&r, 0x10, 2, 0x107, 0), SCMI_NOT_FOUND);
}

TEST(short_commands_are_protocol_errors_or_nothing)
{
	uint32_t in[2] = { 0x15 << 10 | 9, 0 }, out[2];
	enum scmi_status st;
	struct rig r;

	start(&r);
	CHECK_EQ(scmi_request(&r.s, true, (uint8_t *)in, 3, (uint8_t *)out, 8,
			      &st),
		 0);
	CHECK_EQ(scmi_request(&r.s, true, (uint8_t *)in, 7, (uint8_t *)out, 8,
			      &st),
		 0); /* a config word would not fit */
	in[0] = 0x15 << 10 | 0xb;
	CHECK_EQ(scmi_request(&r.s, true, (uint8_t *)in, 7, (uint8_t *)out, 8,
			      &st),
		 8);
	CHECK_EQ(st, SCMI_PROTOCOL_ERROR);
	in[0] |= 2 << 8; /* not a command */
	CHECK_EQ(scmi_request(&r.s, true, (uint8_t *)in, 8, (uint8_t *)out, 8,
			      &st),
		 8);
	CHECK_EQ(st, SCMI_PROTOCOL_ERROR);
}

TEST(descriptions_are_paged_to_what_linux_takes)
{
	struct rig r;
	struct av_err err;
	uint32_t first = 0;

	start(&r);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(scmi_control(&r.s, world[2], strlen(world[2]), &err),
			 0);
	}
	CHECK_EQ(ask(&r, 0x15, 3, 0, 0), 0);
	CHECK_EQ(r.v[0], 4 | 3 << 16);
	CHECK_EQ(r.n, 1 + 4 * 7);
	CHECK_EQ(ask(&r, 0x15, 3, 4, 0), 0);
	CHECK_EQ(r.v[0], 3);
	CHECK_EQ(r.v[1], 4);
	CHECK_EQ(ask(&r, 0x15, 3, 7, 0), SCMI_OUT_OF_RANGE);
	/* two axes of 48 bytes, then one */
	CHECK_EQ(ask(&r, 0x15, 7, 0, first), 0);
	CHECK_EQ(r.v[0], 2 | 1u << 26);
	CHECK_EQ(ask(&r, 0x15, 7, 0, 2), 0);
	CHECK_EQ(r.v[0], 1);
	CHECK_EQ(r.v[1], 2);
	CHECK_STR((char *)&r.v[4], "accel_Z");
	CHECK_EQ(ask(&r, 0x15, 7, 0, 3), SCMI_OUT_OF_RANGE);
	CHECK_EQ(ask(&r, 0x15, 7, 9, 0), SCMI_NOT_FOUND);
	r.room = 8 + 8;
	CHECK_EQ(ask(&r, 0x15, 8, 0, 1), 0);
	CHECK_EQ(r.v[0], 1 | 4 << 16);
}

TEST(a_sensor_is_described_as_scmi_iio_wants_it)
{
	struct rig r;

	start(&r);
	CHECK_EQ(ask(&r, 0x15, 3, 1, 0), 0);
	CHECK_EQ(r.v[0], 1);
	CHECK(r.v[2] & 1u << 30);
	CHECK(r.v[2] & 1u << 9);
	CHECK_EQ(r.v[2] >> 10 & 0x1f, 32 - 9);
	CHECK_EQ(r.v[3] & 0x1ff, 0x157);
	CHECK_EQ(r.v[3] >> 16 & 0x3f, 3);
	CHECK_STR((char *)&r.v[4], "scmi.iio.gyro");
	CHECK_EQ(ask(&r, 0x15, 7, 0, 0), 0);
	CHECK_EQ(r.v[1], 0);
	CHECK_EQ(r.v[2], 1 << 8);
	CHECK_EQ(r.v[3], 0x59 | (32 - 3) << 11);
	CHECK_STR((char *)&r.v[4], "accel_X");
	CHECK_EQ(r.v[8], 1 | (uint32_t)(32 - 3) << 27);
	CHECK_EQ((int32_t)r.v[9], -39226);
	CHECK_EQ((int32_t)r.v[10], -1);
	CHECK_EQ(r.v[11], 39226);
	CHECK_EQ(r.v[12], 0);
}

static void check_interval(uint32_t word, uint32_t mantissa, int exponent)
{
	CHECK_EQ(word >> 5, mantissa);
	CHECK_EQ(word & 0x1f, exponent & 0x1f);
}

TEST(intervals_rise_and_are_exact)
{
	struct rig r;
	uint32_t m;
	int e;

	start(&r);
	CHECK_EQ(ask(&r, 0x15, 8, 0, 0), 0);
	CHECK_EQ(r.v[0], 6);
	check_interval(r.v[1], 25, -4);
	check_interval(r.v[2], 5, -3);
	check_interval(r.v[3], 1, -2);
	check_interval(r.v[6], 8, -2);
	CHECK(scmi_interval(30, &m, &e));
	CHECK_EQ(m, 33333);
	CHECK_EQ(e, -6);
	CHECK(scmi_interval(0.1, &m, &e));
	CHECK_EQ(m, 10);
	CHECK_EQ(e, 0);
	CHECK(!scmi_interval(0, &m, &e));
	CHECK(!scmi_interval(1e-9, &m, &e));
}

/* 0.0025 s as Linux writes it. */
#define HZ_400 (25000u << 16 | (32u - 7) << 11)
#define SET(rounding, mantissa, exponent)                                      \
	((uint32_t)(mantissa) << 16 | ((uint32_t)(exponent)&0x1f) << 11 |      \
	 (uint32_t)(rounding) << 9)

TEST(a_rate_is_set_as_linux_does_it)
{
	struct rig r;

	start(&r);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, HZ_400 | 2 << 9), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 0, 0); /* off */
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 3), 0); /* on, interval as before */
	CHECK_NEAR(scmi_rate(&r.s, 0), 400, 0);
	CHECK_NEAR(scmi_rate(&r.s, 1), 0, 0);
	CHECK_EQ(ask(&r, 0x15, 9, 0, 0), 0);
	CHECK_EQ(r.v[0], 25u << 16 | (32u - 4) << 11 | 3);
	scmi_reset(&r.s);
	CHECK_NEAR(scmi_rate(&r.s, 0), 0, 0);
}

TEST(other_intervals_are_rounded_as_asked)
{
	struct rig r;

	start(&r);
	/* 8 ms, between 5 (200 Hz) and 10 (100 Hz) */
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(0, 8, -3)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 200, 0);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(1, 8, -3)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 100, 0);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(2, 8, -3)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 100, 0);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(2, 7, -3)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 200, 0);
	/* beyond either end */
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(0, 1, -9)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 400, 0);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(1, 60, 3)), 0);
	CHECK_NEAR(scmi_rate(&r.s, 0), 12.5, 0);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | SET(3, 1, 0)),
		 SCMI_INVALID_PARAMETERS);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 1 | 1 << 4), SCMI_INVALID_PARAMETERS);
	CHECK_EQ(ask(&r, 0x15, 0xa, 2, 1), SCMI_NOT_FOUND);
}

TEST(readings_have_stamps_where_asked)
{
	const struct scmi_sample x = { .t = 5000000123, .v = { 1, -2, 3 } };
	struct rig r;

	start(&r);
	CHECK_EQ(ask(&r, 0x15, 6, 0, 0), SCMI_HARDWARE_ERROR);
	scmi_sample(&r.s, 0, &x);
	CHECK_EQ(ask(&r, 0x15, 6, 0, 1), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 6, 0, 0), 0);
	CHECK_EQ(r.n, 12);
	CHECK_EQ(r.v[0], 1);
	CHECK_EQ(r.v[2], 0);
	CHECK_EQ(r.v[4], 0xfffffffe);
	CHECK_EQ(r.v[5], 0xffffffff);
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 3), 0);
	CHECK_EQ(ask(&r, 0x15, 6, 0, 0), 0);
	CHECK_EQ(r.v[2], 5000000123 & 0xffffffff);
	CHECK_EQ(r.v[3], 5000000123 >> 32);
	r.s.stamps = false;
	CHECK_EQ(ask(&r, 0x15, 0xa, 0, 3), SCMI_INVALID_PARAMETERS);
	CHECK_EQ(ask(&r, 0x15, 3, 0, 0), 0);
	CHECK(!(r.v[2] & 1 << 9));
}

TEST(updates_are_notifications_of_enabled_sensors)
{
	const struct scmi_sample x = { .t = 7, .v = { 1, 2, -3 } };
	uint32_t out[SCMI_UPDATE_SIZE / 4];
	struct rig r;

	start(&r);
	CHECK(!scmi_wants(&r.s, 1));
	CHECK_EQ(ask(&r, 0x15, 0xb, 1, 1), 0);
	CHECK(!scmi_wants(&r.s, 1));
	CHECK_EQ(ask(&r, 0x15, 0xa, 1, 3), 0);
	CHECK(scmi_wants(&r.s, 1));
	CHECK(!scmi_wants(&r.s, 0));
	scmi_update(&r.s, 1, &x, (uint8_t *)out);
	CHECK_EQ(out[0], 0x15 << 10 | 3 << 8 | 1);
	CHECK_EQ(out[2], 1);
	CHECK_EQ(out[3], 1);
	CHECK_EQ(out[5], 7);
	CHECK_EQ((int32_t)out[11], -3);
	CHECK_EQ(ask(&r, 0x15, 0xb, 1, 2), SCMI_INVALID_PARAMETERS);
	CHECK_EQ(ask(&r, 0x15, 0xb, 1, 0), 0);
	CHECK(!scmi_wants(&r.s, 1));
}

TEST(without_the_event_queue_nothing_notifies)
{
	struct rig r;

	start(&r);
	r.notify = false;
	CHECK_EQ(ask(&r, 0x15, 0xb, 0, 1), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 2, 0xb, 0), SCMI_NOT_FOUND);
	CHECK_EQ(ask(&r, 0x10, 8, 1, 0), SCMI_NOT_SUPPORTED);
	CHECK_EQ(ask(&r, 0x15, 3, 0, 0), 0);
	CHECK(!(r.v[2] & 1u << 30));
}

TEST(texts_of_the_world_are_checked)
{
	static const char *const bad[] = {
		"",
		"sensor",
		"other",
		"sensor scmi.iio.accel.x a accelerometer -3 1 1",
		"sensor a a magnetometer -3 1 1",
		"sensor a a gyroscope -17 1 1",
		"sensor a a gyroscope x 1 1",
		"sensor a a gyroscope -3 0 1",
		"sensor a a gyroscope -3 1",
		"sensor a a gyroscope -3 1 0",
		"sensor a a gyroscope -3 1 2 1",
		"sensor a a gyroscope -3 1 nan",
		("sensor a a gyroscope -3 1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 "
		 "15 16 17"),
		"sensor a a gyroscope nan 1 1",
		"sensor a a gyroscope -3 nan 1",
	};
	struct av_err err;
	struct rig r;

	start(&r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(scmi_control(&r.s, bad[i], strlen(bad[i]), &err) < 0);
		CHECK_EQ(r.s.n, 2);
	}
	while (r.s.n < SCMI_SENSORS_MAX) {
		CHECK_EQ(scmi_control(&r.s, world[1], strlen(world[1]), &err),
			 0);
	}
	CHECK(scmi_control(&r.s, world[1], strlen(world[1]), &err) < 0);
	CHECK_EQ(scmi_control(&r.s, "sensors", 7, &err), 0);
	CHECK_EQ(r.s.n, 0);
	CHECK_EQ(ask(&r, 0x15, 3, 0, 0), 0);
	CHECK_EQ(r.v[0], 0);
}

int main(void)
{
	return RUN_TESTS(T(base_protocol_says_who_it_is),
			 T(unknown_ids_get_a_status),
			 T(short_commands_are_protocol_errors_or_nothing),
			 T(descriptions_are_paged_to_what_linux_takes),
			 T(a_sensor_is_described_as_scmi_iio_wants_it),
			 T(intervals_rise_and_are_exact),
			 T(a_rate_is_set_as_linux_does_it),
			 T(other_intervals_are_rounded_as_asked),
			 T(readings_have_stamps_where_asked),
			 T(updates_are_notifications_of_enabled_sensors),
			 T(without_the_event_queue_nothing_notifies),
			 T(texts_of_the_world_are_checked));
}
