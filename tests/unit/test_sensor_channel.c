/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "tests/unit/scenario_world.h"
#include "tests/unit/stream_rig.h"

#include "sim/services/sensor_channel.h"

#include <string.h>

/* @l is the guest's end of the console @name. */
static void line_open(struct stream_rig *l, struct sensor_channel *c,
		      const char *name)
{
	struct av_acceptor *a = sensor_channel_acceptor(c, name);

	stream_rig_init(l);
	CHECK(a);
	CHECK_EQ(a->accept(a, &l->s), 0);
}

static void ask_list(struct stream_rig *l, size_t piece)
{
	uint8_t m[] = "\2\0\0\0\15\0\0\0list-sensors\0";
	const size_t n = 8 + 13;

	for (size_t i = 0; i < n; i += piece) {
		l->s.on_data(&l->s, m + i, n - i < piece ? n - i : piece);
	}
}

/* Text of the frames one after the other; each has a right header. */
static void texts(const struct stream_rig *l, char *out)
{
	size_t n = 0;

	for (size_t at = 0; at < l->len;) {
		uint32_t head[2];

		CHECK(l->len - at >= 8);
		memcpy(head, l->got + at, 8);
		CHECK_EQ(head[0], 0x80000002u);
		CHECK(head[1] <= l->len - at - 8);
		memcpy(out + n, l->got + at + 8, head[1]);
		n += head[1];
		at += 8 + head[1];
	}
	out[n] = '\0';
}

static struct sensor_channel *begin(struct run *r)
{
	struct sensor_channel *c = NULL;
	struct av_err err = { 0 };

	run_begin(r, "name: still\nduration: 10s\nseed: 1\n"
		     "vehicle: compact-ev\ntimeline: []\n");
	CHECK_EQ(sensor_channel_create(r->w->bus, r->w->imu, &c, &err), 0);
	return c;
}

TEST(a_guest_that_asked_gets_each_sensor_once_a_second)
{
	static struct stream_rig control, data;
	static char text[65536];
	static struct run r;
	struct sensor_channel *c = begin(&r);
	double x, y, z;
	int n = 0;

	line_open(&control, c, "sensors-control");
	line_open(&data, c, "sensors-data");
	world_run_until(r.w, 2500 * VT_MS);
	CHECK_EQ(data.len, 0); /* nobody has asked */
	ask_list(&data, 1); /* not here */
	data.s.on_data(&data.s, "\0\0\0\0\xff\xff\xff\xff", 8);
	CHECK(!data.closed);
	ask_list(&control, 3);
	texts(&control, text);
	/* acceleration, gyroscope, magnetometer and their uncalibrated ones */
	CHECK_STR(text, "132615\n");
	world_run_until(r.w, 5500 * VT_MS);
	texts(&data, text);
	for (char *p = text; (p = strstr(p, "acceleration:")); p++) {
		CHECK_EQ(sscanf(p, "acceleration:%lf:%lf:%lf\n", &x, &y, &z),
			 3);
		CHECK_NEAR(x, 0, 0.5);
		CHECK_NEAR(y, 0, 0.5);
		CHECK_NEAR(z, 9.80665, 0.5);
		n++;
	}
	CHECK_EQ(n, 3); /* at 3, 4 and 5 s */
	CHECK(strstr(text, "gyroscope-uncalibrated:"));
	sensor_channel_destroy(c);
	CHECK(control.closed && data.closed);
	run_finish(&r);
}

TEST(a_guest_that_does_not_read_misses_whole_seconds)
{
	static struct stream_rig one;
	static char text[65536];
	static struct run r;
	struct sensor_channel *c = begin(&r);

	line_open(&one, c, "sensors");
	ask_list(&one, 100);
	one.room = 30; /* half of the first burst's first frames */
	world_run_until(r.w, 5500 * VT_MS);
	one.room = sizeof(one.got) - one.len;
	one.s.on_writable(&one.s);
	world_run_until(r.w, 6500 * VT_MS);
	texts(&one, text); /* frames are whole */
	CHECK(strstr(text, "acceleration:"));
	sensor_channel_destroy(c);
	run_finish(&r);
}

TEST(nonsense_ends_the_connection_and_other_words_are_no_request)
{
	static struct stream_rig one;
	static struct run r;
	struct sensor_channel *c = begin(&r);

	line_open(&one, c, "sensors");
	one.s.on_data(&one.s, "\2\0\0\0\3\0\0\0abc", 11);
	one.s.on_data(&one.s, "\2\0\0\0\15\0\0\0list-senzors!", 21);
	CHECK_EQ(one.len, 0);
	CHECK(!one.closed);
	one.s.on_data(&one.s, "\2\0\0\0\377\377\377\377", 8);
	CHECK(one.closed);
	line_open(&one, c, "sensors");
	ask_list(&one, 1);
	CHECK(one.len > 8);
	sensor_channel_destroy(c);
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(
		T(a_guest_that_asked_gets_each_sensor_once_a_second),
		T(a_guest_that_does_not_read_misses_whole_seconds),
		T(nonsense_ends_the_connection_and_other_words_are_no_request));
}
