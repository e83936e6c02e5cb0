/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/device_rig.h"

#include "sim/services/hands.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>

/* ---- hands ---- */

struct room {
	struct evq *q;
	struct bus *bus;
	struct hands *h;
	struct hid_event e[256];
	size_t n;
	struct av_err err;
};

static void on_input(void *ctx, const void *msg)
{
	struct room *r = ctx;

	CHECK(r->n < 256);
	r->e[r->n++] = *(const struct hid_event *)msg;
}

static void room_open(struct room *r)
{
	*r = (struct room){ .q = evq_create() };
	r->bus = bus_create(av_topics, TOPIC_N);
	r->h = hands_create(r->q, r->bus);
	CHECK_EQ(bus_subscribe(r->bus, TOPIC_INPUT, STAGE_TAP, "test", on_input,
			       r, &r->err),
		 0);
}

static void room_close(struct room *r)
{
	hands_destroy(r->h);
	bus_destroy(r->bus);
	evq_destroy(r->q);
}

TEST(a_tap_is_down_then_up_after_its_time)
{
	struct room r;

	room_open(&r);
	CHECK_EQ(hands_touch(r.h, NULL, 2, HANDS_TAP, 7, 9, 80 * VT_MS, &r.err),
		 0);
	evq_run_until(r.q, 79 * VT_MS);
	CHECK_EQ(r.n, 1);
	evq_run_until(r.q, 80 * VT_MS);
	CHECK_EQ(r.n, 2);
	CHECK(r.e[0].down && !r.e[1].down);
	CHECK_EQ(r.e[1].finger, 2);
	CHECK_EQ(r.e[1].x, 7);
	CHECK_EQ(r.e[1].y, 9);
	CHECK_EQ(r.e[1].t, 80 * VT_MS);
	room_close(&r);
}

TEST(a_swipe_goes_straight_and_ends_where_it_shall)
{
	const int from[2] = { 100, 900 }, to[2] = { 400, 0 };
	struct room r;

	room_open(&r);
	CHECK_EQ(hands_swipe(r.h, NULL, 0, from, to, VT_S, &r.err), 0);
	evq_run_until(r.q, 2 * VT_S);
	/* down, 60 places, up */
	CHECK(r.n >= 62 && r.n <= 63);
	for (size_t i = 1; i < r.n; i++) {
		CHECK(r.e[i].x >= r.e[i - 1].x);
		CHECK_NEAR(r.e[i].y, 900 - 3 * (r.e[i].x - 100), 3);
	}
	CHECK_EQ(r.e[r.n - 1].x, 400);
	CHECK_EQ(r.e[r.n - 1].y, 0);
	CHECK_EQ(r.e[r.n - 1].t, VT_S);
	CHECK(!r.e[r.n - 1].down && r.e[r.n - 2].down);
	room_close(&r);
}

TEST(a_finger_does_one_thing_at_a_time)
{
	struct room r;

	room_open(&r);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_DRAG, 1, 1, 0, &r.err),
		 -EINVAL);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_RELEASE, 1, 1, 0, &r.err),
		 -EINVAL);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_PRESS, 1, 1, 0, &r.err), 0);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_TAP, 1, 1, 0, &r.err),
		 -EINVAL);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_DRAG, 50, 1, VT_S, &r.err), 0);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_RELEASE, 0, 0, 0, &r.err),
		 -EBUSY);
	CHECK_EQ(hands_touch(r.h, NULL, 1, HANDS_TAP, 1, 1, VT_S, &r.err), 0);
	evq_run_until(r.q, VT_S);
	CHECK_EQ(hands_touch(r.h, NULL, 0, HANDS_RELEASE, 0, 0, 0, &r.err), 0);
	/* where the drag had left it */
	CHECK_EQ(r.e[r.n - 1].x, 50);
	room_close(&r);
}

TEST(a_knob_clicks_as_often_as_asked)
{
	struct room r;
	int sum = 0;

	room_open(&r);
	CHECK_EQ(hands_turn(r.h, "knob0", REL_WHEEL, -5, 10 * VT_MS, &r.err),
		 0);
	evq_run_until(r.q, 40 * VT_MS);
	for (size_t i = 0; i < r.n; i++) {
		sum += r.e[i].value;
	}
	CHECK_EQ(r.n, 5);
	CHECK_EQ(sum, -5);
	CHECK_EQ(r.e[4].t, 40 * VT_MS);
	room_close(&r);
}

/* ---- the device, its guest and the world's end of its port ---- */

static void touch_open(struct device_rig *d, uint16_t ring)
{
	struct front_opts fo = { .queue_size = ring,
				 .mem = front_mem_create(1, 1 << 20),
				 .without_pf = 1u << VU_PF_RESET_DEVICE };

	*d = (struct device_rig){ .args = { .name = "touch0" } };
	device_rig_open(d, "input", &fo);
}

static void give_frame(struct device_rig *d, const struct port_input *e,
		       size_t n)
{
	struct {
		struct port_header h;
		struct port_input e[64];
	} m = { .h = { .kind = PORT_INPUT } };

	memcpy(m.e, e, n * sizeof(*e));
	device_rig_send(d, &m, sizeof(m.h) + n * sizeof(*e));
}

static void select_(struct device_rig *d, uint8_t select, uint8_t subsel)
{
	CHECK_EQ(front_set_config(d->f, 0, &select, 1, 0), 0);
	CHECK_EQ(front_set_config(d->f, 1, &subsel, 1, 0), 0);
}

TEST(config_tells_what_is_selected_and_nothing_else)
{
	uint8_t c[136], whole[136];
	struct device_rig d;

	touch_open(&d, 64);
	select_(&d, 1, 0);
	CHECK_EQ(front_get_config(d.f, 0, c, sizeof(c)), 0);
	CHECK_EQ(c[2], strlen("avsim Multitouch Touchscreen"));
	CHECK(!memcmp(c + 8, "avsim Multi", 11));
	/* all at once, as QEMU writes it, stale bytes included */
	memcpy(whole, c, sizeof(c));
	whole[0] = 0x12;
	whole[1] = ABS_MT_POSITION_X;
	CHECK_EQ(front_set_config(d.f, 0, whole, sizeof(whole), 0), 0);
	CHECK_EQ(front_get_config(d.f, 0, c, sizeof(c)), 0);
	CHECK_EQ(c[2], 20);
	CHECK_EQ(c[12] | c[13] << 8, 1279);
	for (unsigned int s = 0; s < 256; s++) {
		select_(&d, 0x12, (uint8_t)s);
		CHECK_EQ(front_get_config(d.f, 0, c, sizeof(c)), 0);
		CHECK(c[2] == 0 || c[2] == 20);
	}
	select_(&d, 1, 1);
	CHECK_EQ(front_get_config(d.f, 0, c, sizeof(c)), 0);
	CHECK_EQ(c[2], 0);
	device_rig_close(&d);
}

static const struct port_input move_[] = {
	{ EV_ABS, ABS_MT_SLOT, 0 },
	{ EV_ABS, ABS_MT_TRACKING_ID, 5 },
	{ EV_ABS, ABS_MT_POSITION_X, 3 },
	{ EV_ABS, ABS_MT_POSITION_Y, 4 },
	{ EV_KEY, BTN_TOUCH, 1 },
	{ EV_SYN, SYN_REPORT, 0 },
};
static const struct port_input lift[] = {
	{ EV_ABS, ABS_MT_TRACKING_ID, -1 },
	{ EV_KEY, BTN_TOUCH, 0 },
	{ EV_SYN, SYN_REPORT, 0 },
};

static void check_event(struct device_rig *d, struct port_input e)
{
	struct {
		uint16_t type, code;
		uint32_t value;
	} w;

	CHECK_EQ(front_request(d->f, 0, NULL, 0, &w, sizeof(w), FRONT_WAIT_MS),
		 sizeof(w));
	CHECK_EQ(w.type, e.type);
	CHECK_EQ(w.code, e.code);
	CHECK_EQ((int32_t)w.value, e.value);
}

/* Reads events until one lifts; how many frames, each of which must be whole. */
static unsigned int read_frames(struct device_rig *d)
{
	unsigned int frames = 0, at = 0;
	bool lifted = false;

	while (!lifted) {
		struct port_input e;
		struct {
			uint16_t type, code;
			uint32_t value;
		} w;

		CHECK_EQ(front_request(d->f, 0, NULL, 0, &w, sizeof(w),
				       FRONT_WAIT_MS),
			 sizeof(w));
		e = (struct port_input){ w.type, w.code, (int32_t)w.value };
		lifted = at == 0 && e.value == -1;
		if (lifted) {
			break;
		}
		CHECK(!memcmp(&e, &move_[at], sizeof(e)));
		at = (at + 1) % 6;
		frames += at == 0;
	}
	CHECK_EQ(at, 0);
	return frames;
}

TEST(frames_stay_whole_and_the_last_one_fits_where_a_guest_is_slow)
{
	struct av_err err = { 0 };
	const unsigned int n = 1000; /* 6000 events, the queue takes 4096 */
	struct device_rig d;

	touch_open(&d, 4);
	CHECK_EQ(front_start(d.f, &err), 0);
	for (unsigned int i = 0; i < n; i++) {
		give_frame(&d, move_, 6);
	}
	give_frame(&d, lift, 3);
	/* 512 frames are the three quarters that moves may take */
	device_rig_await(&d.health.dropped, n - 512);
	CHECK_EQ(read_frames(&d), 512);
	device_rig_close(&d);
}

TEST(what_comes_before_the_driver_is_dropped_and_counted)
{
	struct av_err err = { 0 };
	struct device_rig d;

	touch_open(&d, 64);
	give_frame(&d, move_, 6);
	give_frame(&d, move_, 6);
	device_rig_await(&d.health.dropped, 2);
	CHECK_EQ(front_start(d.f, &err), 0);
	give_frame(&d, lift, 3);
	CHECK_EQ(read_frames(&d), 0);
	device_rig_close(&d);
}

static void read_events(struct device_rig *d, int n)
{
	uint8_t e[8];

	while (n--) {
		CHECK_EQ(front_request(d->f, 0, NULL, 0, e, sizeof(e),
				       FRONT_WAIT_MS),
			 sizeof(e));
	}
}

/* QEMU stops and goes on; a finger that is lifted meanwhile must not stay down
 * in the guest. Only a driver that begins anew has nothing to do with it. */
TEST(what_comes_in_a_pause_waits_and_what_comes_in_a_reset_is_forgotten)
{
	struct av_err err = { 0 };
	struct device_rig d;

	touch_open(&d, 64);
	CHECK_EQ(front_start(d.f, &err), 0);
	give_frame(&d, lift, 3);
	CHECK_EQ(read_frames(&d), 0);
	read_events(&d, 2);
	CHECK_EQ(front_stop(d.f, &err), 0);
	give_frame(&d, move_, 6);
	give_frame(&d, lift, 3);
	give_frame(&d, move_, 5); /* half a frame: those before were read */
	device_rig_await(&d.health.errors, 1);
	CHECK_EQ(front_start(d.f, &err), 0);
	CHECK_EQ(read_frames(&d), 1);
	read_events(&d, 2);
	CHECK_EQ(atomic_load(&d.health.dropped), 0);
	/* as a reboot does under QEMU: the device has no other word of it */
	CHECK_EQ(front_stop(d.f, &err), 0);
	give_frame(&d, move_, 6);
	give_frame(&d, lift, 3);
	give_frame(&d, move_, 5);
	device_rig_await(&d.health.errors, 2);
	CHECK_EQ(front_reset(d.f, &err), 0);
	CHECK_EQ(front_start(d.f, &err), 0);
	give_frame(&d, lift, 3);
	CHECK_EQ(read_frames(&d), 0);
	device_rig_close(&d);
}

/* A snapshot is taken with a finger down and half a frame told, and goes on
 * elsewhere: the rest of the frame comes, and then nobody's finger is there. */
TEST(what_waits_is_in_the_state_and_fingers_are_lifted_where_it_goes_on)
{
	static const struct port_input end[] = { { EV_KEY, BTN_TOUCH, 0 },
						 { EV_SYN, SYN_REPORT, 0 } };
	struct av_err err = { 0 };
	struct device_rig a, b = { .args = { .name = "touch0" } };
	uint8_t state[4096];
	ssize_t n;

	touch_open(&a, 64);
	CHECK_EQ(front_start(a.f, &err), 0);
	give_frame(&a, move_, 6);
	read_events(&a, 2);
	CHECK_EQ(front_stop(a.f, &err), 0);
	n = front_save(a.f, state, sizeof(state));
	CHECK(n > 0);
	device_rig_move(&a, &b, "input");
	device_rig_close(&a);
	CHECK_EQ(front_load(b.f, state, (size_t)n), 0);
	CHECK_EQ(front_start(b.f, &err), 0);
	for (int i = 2; i < 6; i++) {
		check_event(&b, move_[i]);
	}
	for (int i = 0; i < 10; i++) {
		check_event(&b, (struct port_input){ EV_ABS, ABS_MT_SLOT, i });
		check_event(&b, (struct port_input){ EV_ABS, ABS_MT_TRACKING_ID,
						     -1 });
	}
	check_event(&b, end[0]);
	check_event(&b, end[1]);
	/* and the new finger's frames come as ever */
	give_frame(&b, move_, 6);
	give_frame(&b, lift, 3);
	CHECK_EQ(read_frames(&b), 1);
	device_rig_close(&b);
	/* another screen is not this one */
	touch_open(&b, 64);
	state[32 + 1 + 2 * 9 + 1]++; /* its width: head, queues, kind */
	CHECK_EQ(front_load(b.f, state, (size_t)n), -EREMOTEIO);
	device_rig_close(&b);
}

TEST(half_a_frame_is_refused)
{
	const struct port_input long_[64] = { { EV_REL, REL_WHEEL, 1 } };
	struct av_err err = { 0 };
	struct device_rig d;

	touch_open(&d, 64);
	CHECK_EQ(front_start(d.f, &err), 0);
	give_frame(&d, move_, 5);
	give_frame(&d, long_, 64); /* ends in EV_SYN, but no frame is so long */
	device_rig_await(&d.health.errors, 2);
	device_rig_close(&d);
}

int main(void)
{
	return RUN_TESTS(
		T(a_tap_is_down_then_up_after_its_time),
		T(a_swipe_goes_straight_and_ends_where_it_shall),
		T(a_finger_does_one_thing_at_a_time),
		T(a_knob_clicks_as_often_as_asked),
		T(config_tells_what_is_selected_and_nothing_else),
		T(frames_stay_whole_and_the_last_one_fits_where_a_guest_is_slow),
		T(what_comes_before_the_driver_is_dropped_and_counted),
		T(what_comes_in_a_pause_waits_and_what_comes_in_a_reset_is_forgotten),
		T(what_waits_is_in_the_state_and_fingers_are_lifted_where_it_goes_on),
		T(half_a_frame_is_refused));
}
