/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue of virtio-scmi: samples to guests that are slow. */
#include "config.h"

#include "tests/unit/device_rig.h"

#include "vdevices/scmi.h"

#include <errno.h>

enum {
	COMMAND,
	EVENT,
	BUFFERS = 256, /* as Linux */
	BATCH = 16,    /* a third of what Linux can hold, see dev_scmi.c */
	WAITING = 4096,
};

struct bench {
	struct device_rig d;
	uint64_t at[BUFFERS]; /* guest-physical, by cookie */
	int64_t given, got;   /* stamps of the last */
};

static void command(struct bench *b, uint32_t id, uint32_t value)
{
	uint32_t out[3] = { SCMI_SENSOR << 10 | id, 0, value }, in[34];

	CHECK_EQ(front_request(b->d.f, COMMAND, out, sizeof(out), in,
			       sizeof(in), FRONT_WAIT_MS),
		 8);
	CHECK_EQ(in[1], SCMI_SUCCESS);
}

static void offer(struct bench *b, uint64_t i)
{
	struct front_buf fb = { b->at[i], 128, true };

	CHECK_EQ(front_add(b->d.f, EVENT, &fb, 1, i), 0);
}

static const struct device_rig one_sensor = {
	.args = { .name = "scmi0" },
	.told = "sensor scmi.iio.accel accel accelerometer -3 39226 400",
};

static void bench_open(struct bench *b)
{
	struct front_opts fo = { .queue_size = BUFFERS,
				 .mem = front_mem_create(1, 1 << 20),
				 .without_pf = 1u << VU_PF_RESET_DEVICE };
	struct av_err err = { 0 };

	*b = (struct bench){ .d = one_sensor };
	device_rig_open(&b->d, "scmi", &fo);
	CHECK_EQ(front_start(b->d.f, &err), 0);
	for (uint64_t i = 0; i < BUFFERS; i++) {
		b->at[i] = front_alloc(b->d.mem, 128, 8);
		offer(b, i);
	}
	front_kick(b->d.f, EVENT);
	command(b, 0xb, 1);                            /* notify */
	command(b, 0xa, 25u << 16 | 28 << 11 | 3);     /* 25e-4 s, stamps */
}

/* Samples 1, 2, 3 ... with that stamp and, in x, that value. */
static void give(struct bench *b, int n, uint64_t lost)
{
	struct {
		struct port_header h;
		struct scmi_sample x;
		uint64_t lost;
	} m = { .h = { .kind = PORT_SAMPLE }, .lost = lost };

	for (int i = 0; i < n; i++) {
		m.x.t = ++b->given;
		m.x.v[0] = b->given;
		device_rig_send(&b->d, &m, sizeof(m));
	}
}

/* The next one; it keeps its buffer. Return: its cookie. */
static uint64_t take(struct bench *b)
{
	const uint32_t *w;
	struct front_used u;

	CHECK_EQ(front_wait(b->d.f, EVENT, &u, FRONT_WAIT_MS), 0);
	CHECK_EQ(u.len, SCMI_UPDATE_SIZE);
	w = front_mem_at(b->d.mem, b->at[u.cookie]);
	b->got++;
	CHECK_EQ(w[3], b->got); /* in their order, none missing */
	CHECK_EQ(w[5], b->got); /* with their own stamp */
	return u.cookie;
}

static bool nothing_comes(struct bench *b, int ms)
{
	struct front_used u;

	return front_wait(b->d.f, EVENT, &u, ms) == -ETIMEDOUT;
}

TEST(a_guest_that_keeps_up_gets_each_sample_as_it_comes)
{
	struct bench b;
	int kicks = 0;

	bench_open(&b);
	for (int i = 0; i < 1000; i++) {
		give(&b, 1, 0);
		offer(&b, take(&b));
		kicks += front_kick(b.d.f, EVENT);
	}
	/* the device looks for buffers itself: they cost the guest no exit */
	CHECK(kicks <= 1);
	CHECK_EQ(atomic_load(&b.d.health.dropped), 0);
	device_rig_close(&b.d);
}

/* Time is only waited for here where nothing may come in it. */
TEST(a_guest_that_is_behind_gets_the_next_batch_when_it_has_taken_the_last)
{
	uint64_t cookie[BATCH];
	struct bench b;

	bench_open(&b);
	give(&b, 100, 0);
	for (int i = 0; i < BATCH; i++) {
		cookie[i] = take(&b);
	}
	CHECK(nothing_comes(&b, 30));
	/* in its interrupt: one buffer after the other comes back */
	for (int i = 0; i < BATCH - 1; i++) {
		offer(&b, cookie[i]);
		front_kick_always(b.d.f, EVENT);
	}
	CHECK(nothing_comes(&b, 30));
	offer(&b, cookie[BATCH - 1]);
	front_kick_always(b.d.f, EVENT);
	for (int i = 0; i < BATCH; i++) {
		cookie[i] = take(&b);
	}
	CHECK(nothing_comes(&b, 30));
	device_rig_close(&b.d);
}

TEST(a_guest_that_is_behind_gets_every_sample_in_the_end)
{
	struct bench b;

	bench_open(&b);
	give(&b, 500, 0);
	for (int i = 0; i < 500; i++) {
		uint64_t cookie = take(&b);

		usleep(i % 50 ? 0 : 20000);
		offer(&b, cookie);
		front_kick(b.d.f, EVENT);
	}
	/* and then it keeps up again */
	for (int i = 0; i < 100; i++) {
		give(&b, 1, 0);
		offer(&b, take(&b));
		front_kick(b.d.f, EVENT);
	}
	CHECK_EQ(atomic_load(&b.d.health.dropped), 0);
	device_rig_close(&b.d);
}

TEST(what_does_not_fit_is_dropped_and_counted)
{
	struct bench b;

	bench_open(&b);
	give(&b, WAITING + BATCH + 100, 0);
	device_rig_await(&b.d.health.dropped, 100);
	/* as is what the world had no room for */
	give(&b, 1, 7);
	device_rig_await(&b.d.health.dropped, 108);
	for (int i = 0; i < WAITING + BATCH; i++) {
		offer(&b, take(&b));
		front_kick(b.d.f, EVENT);
	}
	CHECK(nothing_comes(&b, 30));
	device_rig_close(&b.d);
}

TEST(a_guest_that_is_paused_gets_what_it_asked_for_when_it_goes_on)
{
	struct av_err err = { 0 };
	struct bench b;

	bench_open(&b);
	for (int k = 0; k < 3; k++) {
		give(&b, BATCH, 0);
		for (int i = 0; i < BATCH; i++) {
			offer(&b, take(&b));
		}
		front_kick(b.d.f, EVENT);
		CHECK_EQ(front_stop(b.d.f, &err), 0);
		give(&b, BATCH, 0);
		CHECK_EQ(front_start(b.d.f, &err), 0);
		for (int i = 0; i < BATCH; i++) {
			offer(&b, take(&b));
		}
		front_kick(b.d.f, EVENT);
	}
	CHECK_EQ(atomic_load(&b.d.health.dropped), 0);
	device_rig_close(&b.d);
}

TEST(a_driver_that_starts_anew_finds_nothing_of_the_last)
{
	struct av_err err = { 0 };
	struct bench b;

	bench_open(&b);
	give(&b, 100, 0);
	for (int i = 0; i < BATCH; i++) {
		take(&b);
	}
	CHECK_EQ(front_reset(b.d.f, &err), 0);
	CHECK_EQ(front_start(b.d.f, &err), 0);
	for (uint64_t i = 0; i < BUFFERS; i++) {
		offer(&b, i);
	}
	front_kick(b.d.f, EVENT);
	CHECK(nothing_comes(&b, 30));
	command(&b, 0xb, 1);
	command(&b, 0xa, 25u << 16 | 28 << 11 | 3);
	b.got = b.given;
	for (int i = 0; i < 100; i++) {
		give(&b, 1, 0);
		offer(&b, take(&b));
		front_kick(b.d.f, EVENT);
	}
	device_rig_close(&b.d);
}

/* Nobody tells the other one what to notify of, and how. */
TEST(a_guest_gets_what_waited_and_what_comes_where_it_goes_on)
{
	static uint8_t state[1 << 16];
	struct av_err err = { 0 };
	struct bench a, b;
	uint64_t cookie[BATCH];
	ssize_t n;

	bench_open(&a);
	give(&a, 100, 0);
	for (int i = 0; i < BATCH; i++) {
		cookie[i] = take(&a);
	}
	CHECK_EQ(front_stop(a.d.f, &err), 0);
	do { /* until it has seen all samples */
		n = front_save(a.d.f, state, sizeof(state));
		CHECK(n > 0);
	} while (n < (100 - BATCH) * 33);
	b = a;
	b.d = one_sensor;
	device_rig_move(&a.d, &b.d, "scmi");
	CHECK_EQ(front_load(b.d.f, state, (size_t)n), 0);
	CHECK_EQ(front_start(b.d.f, &err), 0);
	for (int i = 0; i < BATCH; i++) {
		offer(&b, cookie[i]);
	}
	for (int i = 0; i < 100 - BATCH; i++) {
		offer(&b, take(&b));
		front_kick(b.d.f, EVENT);
	}
	for (int i = 0; i < 20; i++) {
		give(&b, 1, 0);
		offer(&b, take(&b));
		front_kick(b.d.f, EVENT);
	}
	CHECK_EQ(atomic_load(&b.d.health.dropped), 0);
	device_rig_close(&a.d);
	device_rig_close(&b.d);
}

/* A guest would take the samples of one for another's. */
TEST(a_state_of_other_sensors_is_refused)
{
	static uint8_t state[1 << 16];
	struct device_rig d = { .args = { .name = "scmi0" },
				.told = "sensor scmi.iio.gyro gyro gyroscope "
					"-3 39226 400" };
	struct front_opts fo = { .mem = front_mem_create(1, 1 << 20) };
	struct av_err err = { 0 };
	struct bench b;
	ssize_t n;

	bench_open(&b);
	CHECK_EQ(front_stop(b.d.f, &err), 0);
	n = front_save(b.d.f, state, sizeof(state));
	CHECK(n > 0);
	device_rig_open(&d, "scmi", &fo);
	CHECK_EQ(front_load(d.f, state, (size_t)n), -EREMOTEIO);
	device_rig_close(&d);
	device_rig_close(&b.d);
}

int main(void)
{
	return RUN_TESTS(
		T(a_guest_that_keeps_up_gets_each_sample_as_it_comes),
		T(a_guest_that_is_behind_gets_the_next_batch_when_it_has_taken_the_last),
		T(a_guest_that_is_behind_gets_every_sample_in_the_end),
		T(what_does_not_fit_is_dropped_and_counted),
		T(a_guest_that_is_paused_gets_what_it_asked_for_when_it_goes_on),
		T(a_driver_that_starts_anew_finds_nothing_of_the_last),
		T(a_guest_gets_what_waited_and_what_comes_where_it_goes_on),
		T(a_state_of_other_sensors_is_refused));
}
