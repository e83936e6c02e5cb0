/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/bundle.h"
#include "sim/can/ecu.h"
#include "sim/core/rand.h"

#include <errno.h>
#include <string.h>

#define LOG_MAX 4096

/* One bus with tests/data/can/sample.dbc at 500 kbit/s and a vehicle state that
 * the test changes by hand every 10 ms. */
struct rig {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	struct ecus *ecus;
	struct dbc *dbc;
	struct ecu_bus cfg;
	struct vehicle_state state;
	struct vtimer step;
	struct can_frame log[LOG_MAX];
	size_t n;
	struct cmd acted[64];
	size_t n_acted;
};

static struct ecu_source sources[16];
static struct ecu_request requests[4];
static struct ecu_message extras[2];

static const struct dbc_signal *sig(const struct rig *r, const char *msg,
				    const char *name)
{
	const struct dbc_message *m = dbc_by_name(r->dbc, msg);

	assert_non_null(m);
	assert_non_null(dbc_signal_by_name(m, name));
	return dbc_signal_by_name(m, name);
}

static void on_can(void *ctx, const void *msg)
{
	struct rig *r = ctx;

	assert_true(r->n < LOG_MAX);
	r->log[r->n++] = *(const struct can_frame *)msg;
}

static int on_cmd(void *ctx, const struct cmd *c, struct av_err *err)
{
	struct rig *r = ctx;

	(void)err;
	r->acted[r->n_acted++] = *c;
	return 0;
}

static void on_step(struct vtimer *t, vtime now)
{
	struct rig *r = t->ctx;

	cmdq_apply(r->cmdq, now);
	r->state.t = now;
	bus_publish(r->bus, TOPIC_VEHICLE, &r->state);
	evq_arm(r->q, t, now + VEHICLE_STEP);
}

static struct rig *rig_new(bool sim)
{
	static const struct ecu_map gear_map[] = {
		{ 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }
	};
	struct rig *r = calloc(1, sizeof(*r));
	struct av_diags d = { 0 };
	struct av_err err;
	char path[4096], *buf;
	size_t len, n = 0;

	CHECK_EQ(av_read_file(src_path("tests/data/can/sample.dbc", path),
			      1 << 20, &buf, &len, &err),
		 0);
	CHECK_EQ(dbc_parse("sample.dbc", buf, len, &r->dbc, &d, NULL), 0);
	free(buf);
	r->q = evq_create();
	r->bus = bus_create(av_topics, TOPIC_N);
	r->cmdq = cmdq_create(evq_clock(r->q));
	cmdq_set_handler(r->cmdq, on_cmd, r);
	sources[n++] = (struct ecu_source){
		sig(r, "ESP_01", "VehicleSpeed"), VV_speed, 3.6, 0, NULL, 0
	};
	sources[n++] = (struct ecu_source){
		sig(r, "ESP_01", "YawRate"), VV_yaw_rate, 180 / M_PI, 0, NULL, 0
	};
	sources[n++] = (struct ecu_source){
		sig(r, "Motor_01", "Gear"), VV_gear_current, 1, 0, gear_map, 4
	};
	sources[n++] = (struct ecu_source){ sig(r, "Motor_01", "MotorTorque"),
					    VV_motor_torque,
					    1,
					    0,
					    NULL,
					    0 };
	sources[n++] = (struct ecu_source){
		sig(r, "Doors_01", "DoorFL"), VV_door_fl, 1, 0, NULL, 0
	};
	sources[n++] = (struct ecu_source){
		sig(r, "Doors_01", "WindowFL"), VV_window_fl, 100, 0, NULL, 0
	};
	sources[n++] = (struct ecu_source){ sig(r, "Tyres_01", "PressureFL"),
					    VV_tyre_pressure_fl,
					    1e-3,
					    0,
					    NULL,
					    0 };
	sources[n++] = (struct ecu_source){ sig(r, "Tyres_01", "PressureRR"),
					    VV_tyre_pressure_rr,
					    1e-3,
					    0,
					    NULL,
					    0 };
	requests[0] = (struct ecu_request){
		sig(r, "Doors_Req", "DoorReqFL"), VV_door_fl_set, 1, 0, NULL, 0
	};
	requests[1] = (struct ecu_request){ sig(r, "Doors_Req", "WindowReqFL"),
					    VV_window_fl_set,
					    0.01,
					    0,
					    NULL,
					    0 };
	extras[0] = (struct ecu_message){ dbc_by_name(r->dbc, "ESP_01"),
					  sig(r, "ESP_01", "Esp01Counter"),
					  sig(r, "ESP_01", "Esp01Crc"),
					  CHECKSUM_CRC8_J1850 };
	r->cfg = (struct ecu_bus){ .name = "can0",
				   .dbc = r->dbc,
				   .bit_rate = 500000,
				   .fd_bit_rate = 2000000,
				   .source = sources,
				   .n_sources = n,
				   .request = requests,
				   .n_requests = 2,
				   .extra = extras,
				   .n_extras = 1 };
	CHECK_EQ(ecus_create(r->q, r->bus, r->cmdq, &r->cfg, 1, sim, &r->ecus,
			     &err),
		 0);
	CHECK_EQ(bus_subscribe(r->bus, TOPIC_CAN, STAGE_TAP, "test", on_can, r,
			       &err),
		 0);
	bus_seal(r->bus);
	r->step = (struct vtimer){ .fn = on_step, .ctx = r };
	if (sim) {
		evq_arm(r->q, &r->step, 0);
	}
	return r;
}

static void rig_free(struct rig *r)
{
	ecus_destroy(r->ecus);
	cmdq_destroy(r->cmdq);
	bus_destroy(r->bus);
	evq_destroy(r->q);
	dbc_destroy(r->dbc);
	free(r);
}

static const struct can_frame *nth(const struct rig *r, uint32_t id, size_t k)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->log[i].id == id && k-- == 0) {
			return &r->log[i];
		}
	}
	return NULL;
}

static size_t count(const struct rig *r, uint32_t id)
{
	size_t n = 0;

	while (nth(r, id, n)) {
		n++;
	}
	return n;
}

static double value(const struct rig *r, const struct can_frame *f,
		    const char *msg, const char *name)
{
	const struct dbc_signal *s = sig(r, msg, name);

	assert_non_null(f);
	return dbc_to_phys(s, dbc_get_raw(s, f->data, f->len));
}

static vtime start_of_frame(const struct can_frame *f)
{
	unsigned int fast, bits = can_frame_bits(f, &fast);

	return f->t - (vtime)(bits - fast) * 2000 - (vtime)fast * 500;
}

/* ---- sending ---- */

TEST(ecu_cyclic_frames_start_without_drift)
{
	struct rig *r = rig_new(true);
	vtime first;

	evq_run_until(r->q, 10 * VT_S);
	/* ESP_01 has the lowest id and is alone at its instants or wins them:
	 * the wire may be busy with one other frame at most */
	CHECK(count(r, 0x100) >= 499 && count(r, 0x100) <= 500);
	first = start_of_frame(nth(r, 0x100, 0));
	for (size_t k = 0; k < count(r, 0x100); k++) {
		vtime at = start_of_frame(nth(r, 0x100, k));
		vtime late = at - first - (vtime)k * 20 * VT_MS;

		CHECK(late > -300 * VT_US && late < 300 * VT_US);
	}
	/* Motor_01 names its start delay, 7 ms, where nothing else is due; its
	 * first frame is the event of the first values */
	for (size_t k = 0; k < 90; k++) {
		CHECK_EQ(start_of_frame(nth(r, 0x200, k + 1)),
			 (7 + (vtime)k * 100) * VT_MS);
	}
	rig_free(r);
}

TEST(ecu_frames_hold_the_vehicles_state)
{
	struct rig *r = rig_new(true);

	r->state.v[VV_speed] = 20;
	r->state.v[VV_yaw_rate] = -0.1;
	r->state.v[VV_gear_current] = 1;
	evq_run_until(r->q, 200 * VT_MS);
	CHECK_NEAR(value(r, nth(r, 0x100, 4), "ESP_01", "VehicleSpeed"), 72,
		   0.005);
	CHECK_NEAR(value(r, nth(r, 0x100, 4), "ESP_01", "YawRate"), -5.73,
		   0.005);
	CHECK_NEAR(value(r, nth(r, 0x200, 1), "Motor_01", "Gear"), 1, 0);
	rig_free(r);
}

TEST(ecu_value_without_a_pair_keeps_the_last_one)
{
	struct rig *r = rig_new(true);

	r->state.v[VV_gear_current] = 17; /* in no pair: start value, 3 */
	evq_run_until(r->q, 50 * VT_MS);
	CHECK_NEAR(value(r, nth(r, 0x200, 0), "Motor_01", "Gear"), 3, 0);
	r->state.v[VV_gear_current] = 2;
	evq_run_until(r->q, 150 * VT_MS);
	r->state.v[VV_gear_current] = 9;
	evq_run_until(r->q, 250 * VT_MS);
	CHECK_NEAR(value(r, nth(r, 0x200, count(r, 0x200) - 1), "Motor_01",
			 "Gear"),
		   2, 0);
	rig_free(r);
}

TEST(ecu_event_frames_follow_changes_only)
{
	struct rig *r = rig_new(true);

	evq_run_until(r->q, 995 * VT_MS);
	CHECK_EQ(count(r, 0x300), 1); /* the first values */
	r->state.v[VV_window_fl] = 0.5;
	evq_run_until(r->q, 1995 * VT_MS);
	CHECK_EQ(count(r, 0x300), 2);
	CHECK(nth(r, 0x300, 1)->t > VT_S &&
	      nth(r, 0x300, 1)->t < VT_S + 2 * VT_MS);
	CHECK_NEAR(value(r, nth(r, 0x300, 1), "Doors_01", "WindowFL"), 50, 0);
	/* too small to change the raw value */
	r->state.v[VV_window_fl] = 0.5001;
	evq_run_until(r->q, 2995 * VT_MS);
	CHECK_EQ(count(r, 0x300), 2);
	rig_free(r);
}

TEST(ecu_mixed_frames_keep_their_least_spacing)
{
	struct rig *r = rig_new(true);

	evq_run_until(r->q, 35 * VT_MS);
	for (int i = 0; i < 20; i++) {
		r->state.v[VV_motor_torque] += 10;
		evq_run_until(r->q, evq_now(r->q) + 10 * VT_MS);
	}
	/* a change every 10 ms, a delay time of 15 ms */
	for (size_t k = 3; k < count(r, 0x200); k++) {
		vtime gap = start_of_frame(nth(r, 0x200, k)) -
			    start_of_frame(nth(r, 0x200, k - 1));

		/* the cyclic ones come at their time regardless */
		CHECK(gap >= 14 * VT_MS ||
		      start_of_frame(nth(r, 0x200, k)) % (100 * VT_MS) ==
			      7 * VT_MS);
	}
	CHECK(count(r, 0x200) > 10);
	rig_free(r);
}

TEST(ecu_pages_of_a_multiplexed_message_take_turns)
{
	struct rig *r = rig_new(true);
	const struct can_frame *a, *b;

	r->state.v[VV_tyre_pressure_fl] = 250e3;
	r->state.v[VV_tyre_pressure_rr] = 230e3;
	evq_run_until(r->q, 200 * VT_MS);
	a = nth(r, 0x400, 1);
	b = nth(r, 0x400, 2);
	if (value(r, a, "Tyres_01", "TyreIndex") != 0) {
		const struct can_frame *t = a;

		a = b;
		b = t;
	}
	CHECK_NEAR(value(r, a, "Tyres_01", "TyreIndex"), 0, 0);
	CHECK_NEAR(value(r, a, "Tyres_01", "PressureFL"), 250, 0);
	CHECK_NEAR(value(r, b, "Tyres_01", "TyreIndex"), 3, 0);
	CHECK_NEAR(value(r, b, "Tyres_01", "PressureRR"), 230, 0);
	rig_free(r);
}

static uint8_t crc8_slow(const uint8_t *p, size_t n)
{
	uint8_t crc = 0xFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++) {
			crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x1D
						   : crc << 1);
		}
	}
	return crc ^ 0xFF;
}

TEST(ecu_counter_wraps_and_checksum_holds)
{
	struct rig *r = rig_new(true);

	/* the catalogue's check value of CRC-8/SAE-J1850 */
	CHECK_EQ(crc8_slow((const uint8_t *)"123456789", 9), 0x4B);
	evq_run_until(r->q, VT_S);
	for (size_t k = 0; k < 40; k++) {
		const struct can_frame *f = nth(r, 0x100, k);

		CHECK_NEAR(value(r, f, "ESP_01", "Esp01Counter"),
			   (double)(k % 16), 0);
		CHECK_EQ(f->data[7], crc8_slow(f->data, 7));
	}
	rig_free(r);
}

static uint8_t sum_of(enum can_checksum kind)
{
	struct rig *r = rig_new(false);
	struct ecus *e;
	const struct dbc_signal *door = requests[0].signal;
	struct ecu_message extra = { dbc_by_name(r->dbc, "Doors_Req"), NULL,
				     sig(r, "Doors_Req", "WindowReqFL"), kind };
	uint8_t sum;

	r->cfg.extra = &extra;
	CHECK_EQ(
		ecus_create(r->q, r->bus, r->cmdq, &r->cfg, 1, false, &e, NULL),
		0);
	CHECK_EQ(ecus_request(e, 0, door, 1), 0);
	evq_run_until(r->q, VT_S);
	CHECK_EQ(r->n, 1);
	sum = r->log[0].data[1];
	ecus_destroy(e);
	rig_free(r);
	return sum;
}

TEST(ecu_checksum_kinds)
{
	/* id 0x320, 2 bytes, the other byte asks for 1 in 2 of its bits */
	CHECK_EQ(sum_of(CHECKSUM_XOR8), 0xfd);
	CHECK_EQ(sum_of(CHECKSUM_SUM8), 0xfd);
	CHECK_EQ(sum_of(CHECKSUM_CRC8_J1850),
		 crc8_slow((uint8_t[]){ 0xfd }, 1));
	CHECK_EQ(sum_of(CHECKSUM_TOYOTA), (0x03 + 0x20 + 2 + 0xfd) & 0xff);
}

/* ---- requests ---- */

TEST(ecu_request_is_obeyed_when_it_is_on_the_bus)
{
	struct rig *r = rig_new(true);

	evq_run_until(r->q, 12 * VT_MS);
	CHECK_EQ(ecus_request(r->ecus, 0, requests[1].signal, 40), 0);
	CHECK_EQ(cmdq_waiting(r->cmdq), 0); /* not on the wire yet */
	evq_run_until(r->q, 30 * VT_MS);
	CHECK_EQ(count(r, 0x320), 1);
	CHECK(nth(r, 0x320, 0)->tx);
	CHECK_EQ(r->n_acted, 1);
	CHECK_EQ(r->acted[0].kind, CMD_ACTUATE);
	CHECK_EQ(r->acted[0].var, VV_window_fl_set);
	CHECK_NEAR(r->acted[0].value, 0.4, 1e-9);
	/* the next frame asks for the door only: the rest is all ones */
	CHECK_EQ(ecus_request(r->ecus, 0, requests[0].signal, 1), 0);
	evq_run_until(r->q, 50 * VT_MS);
	CHECK_EQ(nth(r, 0x320, 1)->data[1], 0xff);
	CHECK_EQ(r->n_acted, 2);
	CHECK_EQ(r->acted[1].var, VV_door_fl_set);
	rig_free(r);
}

TEST(ecu_injected_request_is_obeyed_as_a_whole)
{
	struct rig *r = rig_new(true);
	struct can_frame f = { .id = 0x320, .len = 2, .data = { 1, 100 } };

	CHECK_EQ(ecus_send(r->ecus, &f, false), 0);
	evq_run_until(r->q, 5 * VT_MS);
	CHECK_EQ(cmdq_waiting(r->cmdq), 0); /* just a frame */
	CHECK_EQ(ecus_send(r->ecus, &f, true), 0);
	evq_run_until(r->q, 9 * VT_MS);
	CHECK_EQ(cmdq_waiting(r->cmdq), 2);
	evq_run_until(r->q, 10 * VT_MS);
	CHECK_NEAR(r->acted[0].value, 1, 0);
	CHECK_NEAR(r->acted[1].value, 0.5, 1e-9);
	rig_free(r);
}

TEST(ecu_injected_all_ones_ask_for_nothing)
{
	struct rig *r = rig_new(true);
	struct can_frame f = { .id = 0x320, .len = 2, .data = { 1, 0xff } };

	CHECK_EQ(ecus_send(r->ecus, &f, true), 0);
	evq_run_until(r->q, 10 * VT_MS);
	CHECK_EQ(r->n_acted, 1);
	CHECK_EQ(r->acted[0].var, VV_door_fl_set);
	rig_free(r);
}

/* ---- the wire ---- */

TEST(ecu_lowest_identifier_wins_the_bus)
{
	struct rig *r = rig_new(false);
	static const struct can_frame f[] = {
		{ .id = 0x300, .len = 1 },
		{ .id = 0x200, .flags = CAN_RTR, .len = 0 },
		{ .id = 0x200, .len = 1 },
		{ .id = 0x200 << 18, .flags = CAN_EXT, .len = 1 },
		{ .id = 0x100, .len = 1 },
		{ .id = 0x100, .len = 2 },
	};
	static const unsigned int order[] = { 4, 5, 2, 1, 3, 0 };

	/* all at one instant: the order of queueing must not matter */
	for (size_t i = 0; i < 6; i++) {
		CHECK_EQ(ecus_send(r->ecus, &f[i], false), 0);
	}
	evq_run_until(r->q, VT_S);
	CHECK_EQ(r->n, 6);
	for (size_t i = 0; i < 6; i++) {
		CHECK_EQ(r->log[i].id, f[order[i]].id);
		CHECK_EQ(r->log[i].flags, f[order[i]].flags);
		CHECK_EQ(r->log[i].len, f[order[i]].len);
	}
	CHECK_EQ(start_of_frame(&r->log[0]), 0);
	for (size_t i = 1; i < 6; i++) { /* three bits between frames */
		CHECK_EQ(start_of_frame(&r->log[i]), r->log[i - 1].t + 6000);
	}
	rig_free(r);
}

TEST(ecu_running_frame_is_not_interrupted)
{
	struct rig *r = rig_new(false);
	struct can_frame low = { .id = 0x700, .len = 8 };
	struct can_frame high = { .id = 0x001, .len = 1 };

	ecus_send(r->ecus, &low, false);
	evq_run_until(r->q, 50 * VT_US);
	ecus_send(r->ecus, &high, false);
	evq_run_until(r->q, VT_S);
	CHECK_EQ(r->log[0].id, 0x700);
	CHECK_EQ(r->log[1].id, 0x001);
	rig_free(r);
}

TEST(ecu_overload_is_refused_and_counted)
{
	struct rig *r = rig_new(false);
	struct can_frame f = { .id = 0x123, .len = 8 };
	struct can_bus_stats st;

	for (int i = 0; i < 64; i++) {
		CHECK_EQ(ecus_send(r->ecus, &f, false), 0);
	}
	CHECK_EQ(ecus_send(r->ecus, &f, false), -ENOBUFS);
	evq_run_until(r->q, VT_S);
	ecus_stats(r->ecus, 0, &st);
	CHECK_EQ(st.frames, 64);
	CHECK_EQ(st.dropped, 1);
	CHECK_EQ(ecus_send(r->ecus, &f, false), 0);
	rig_free(r);
}

TEST(ecu_bad_frames_are_refused)
{
	struct rig *r = rig_new(false);
	const struct can_frame bad[] = {
		{ .id = 0x800 },
		{ .id = 0x20000000, .flags = CAN_EXT },
		{ .id = 1, .len = 9 },
		{ .id = 1, .len = 13, .flags = CAN_FD },
		{ .id = 1, .flags = CAN_FD | CAN_RTR },
		{ .id = 1, .flags = CAN_BRS },
		{ .id = 1, .bus = 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(ecus_send(r->ecus, &bad[i], false), -EINVAL);
	}
	rig_free(r);
}

TEST(ecu_load_is_the_share_of_busy_time)
{
	struct rig *r = rig_new(false);
	struct can_frame f = { .id = 0x555, .len = 8, .data = { 0x55 } };
	struct can_bus_stats st;
	unsigned int bits = can_frame_bits(&f, NULL);

	for (int i = 0; i < 300; i++) { /* one per 10 ms */
		ecus_send(r->ecus, &f, false);
		evq_run_until(r->q, (i + 1) * 10 * VT_MS);
	}
	ecus_stats(r->ecus, 0, &st);
	CHECK_NEAR(st.load, (bits + 3) * 2e-6 * 100, 1e-9);
	CHECK_EQ(st.bits, bits * 300);
	/* and it goes away */
	evq_run_until(r->q, 5 * VT_S);
	ecus_stats(r->ecus, 0, &st);
	CHECK_NEAR(st.load, 0, 0);
	rig_free(r);
}

TEST(ecu_mute_stops_a_node_and_lets_it_go_on_in_phase)
{
	struct rig *r = rig_new(true);
	size_t before;
	vtime first;

	evq_run_until(r->q, 500 * VT_MS);
	first = start_of_frame(nth(r, 0x100, 0));
	CHECK_EQ(ecus_mute(r->ecus, 0, "ESP", true), 0);
	evq_run_until(r->q, 501 * VT_MS);
	before = count(r, 0x100);
	evq_run_until(r->q, 1000 * VT_MS);
	CHECK_EQ(count(r, 0x100), before);
	CHECK(count(r, 0x200) >= 9);
	CHECK_EQ(ecus_mute(r->ecus, 0, "ESP", false), 0);
	evq_run_until(r->q, 1500 * VT_MS);
	CHECK(count(r, 0x100) >= before + 24);
	CHECK((start_of_frame(nth(r, 0x100, before)) - first) % (20 * VT_MS) <
	      300 * VT_US);
	CHECK_EQ(ecus_mute(r->ecus, 0, "Nobody", true), -ENOENT);
	CHECK_EQ(ecus_mute(r->ecus, 3, NULL, true), -EINVAL);
	rig_free(r);
}

TEST(ecu_muted_bus_is_silent_and_catches_up_on_changes)
{
	struct rig *r = rig_new(true);
	size_t before;

	evq_run_until(r->q, 500 * VT_MS);
	ecus_mute(r->ecus, 0, NULL, true);
	evq_run_until(r->q, 501 * VT_MS);
	before = r->n;
	r->state.v[VV_door_fl] = 1;
	evq_run_until(r->q, 800 * VT_MS);
	CHECK_EQ(r->n, before);
	ecus_mute(r->ecus, 0, NULL, false);
	evq_run_until(r->q, 900 * VT_MS);
	CHECK_EQ(count(r, 0x300), 2);
	CHECK_NEAR(value(r, nth(r, 0x300, 1), "Doors_01", "DoorFL"), 1, 0);
	rig_free(r);
}

TEST(ecu_replayed_frames_pass_unchanged)
{
	struct rig *r = rig_new(false);
	struct can_frame f = { .t = 42, .id = 0x320, .len = 2, .tx = true };

	ecus_replay(r->ecus, &f);
	CHECK_EQ(r->n, 1);
	CHECK_EQ(r->log[0].t, 42);
	evq_run_until(r->q, VT_S);
	CHECK_EQ(r->n, 1); /* nobody sends by himself, nobody obeys */
	CHECK_EQ(cmdq_waiting(r->cmdq), 0);
	rig_free(r);
}

TEST(ecu_fd_message_needs_a_data_rate)
{
	struct rig *r = rig_new(false);
	struct av_err err;
	struct ecus *e;

	r->cfg.fd_bit_rate = 0;
	CHECK_EQ(ecus_create(r->q, r->bus, r->cmdq, &r->cfg, 1, true, &e, &err),
		 -EINVAL);
	assert_non_null(strstr(err.msg, "Precise_FD"));
	rig_free(r);
}

/* ---- bits ---- */

struct stream {
	uint8_t bit[1024];
	unsigned int n;
};

static void put(struct stream *s, uint64_t v, unsigned int n)
{
	while (n-- > 0) {
		s->bit[s->n++] = v >> n & 1;
	}
}

/* Straight from the standard, bit by bit. */
static unsigned int slow_bits(const struct can_frame *f, unsigned int *fast)
{
	struct stream s = { .n = 0 };
	unsigned int crc = 0, stuff = 0, run = 0, last = 2, brs_at = 0;
	unsigned int fd = f->flags & CAN_FD, rtr = !!(f->flags & CAN_RTR);
	unsigned int at_brs = 0, dlc = f->len;
	static const uint8_t fd_len[] = { 12, 16, 20, 24, 32, 48, 64 };

	for (unsigned int i = 0; i < 7; i++) {
		dlc = f->len == fd_len[i] ? 9 + i : dlc;
	}
	put(&s, 0, 1);
	if (f->flags & CAN_EXT) {
		put(&s, f->id >> 18, 11);
		put(&s, 3, 2);
		put(&s, f->id & 0x3FFFF, 18);
		put(&s, rtr, 1);
		put(&s, fd ? 2 : 0, 2);
	} else {
		put(&s, f->id, 11);
		put(&s, rtr, 1);
		put(&s, 0, 1);
		put(&s, fd ? 2 : 0, fd ? 2 : 1);
	}
	if (fd) {
		put(&s, !!(f->flags & CAN_BRS), 1);
		brs_at = s.n;
		put(&s, !!(f->flags & CAN_ESI), 1);
	}
	put(&s, dlc, 4);
	for (unsigned int i = 0; !rtr && i < f->len; i++) {
		put(&s, f->data[i], 8);
	}
	for (unsigned int i = 0; !fd && i < s.n; i++) {
		crc = ((crc >> 14 & 1) != s.bit[i] ? crc << 1 ^ 0x4599
						   : crc << 1) &
		      0x7FFF;
	}
	if (!fd) {
		put(&s, crc, 15);
	}
	for (unsigned int i = 0; i < s.n; i++) {
		run = s.bit[i] == last ? run + 1 : 1;
		last = s.bit[i];
		if (run == 5 && !(fd && i + 1 == s.n)) {
			stuff++;
			last = !last;
			run = 1;
			at_brs += i + 1 < brs_at;
		}
	}
	*fast = 0;
	if (!fd) {
		return s.n + stuff + 10;
	}
	crc = f->len <= 16 ? 17 : 21;
	crc += 4 + (crc + 4 + 3) / 4;
	if (f->flags & CAN_BRS) {
		*fast = s.n - brs_at + stuff - at_brs + crc + 1;
	}
	return s.n + stuff + crc + 10;
}

TEST(frame_bits_agree_with_the_standard_bit_by_bit)
{
	static const uint8_t fd_len[] = { 0, 1,  2,  3,  4,  5,  6,  7,
					  8, 12, 16, 20, 24, 32, 48, 64 };
	struct av_rand rnd;

	av_rand_init(&rnd, 1, "frame_bits");
	for (int i = 0; i < 20000; i++) {
		struct can_frame f = { .id = (uint32_t)av_rand_u64(&rnd) };
		unsigned int kind = (unsigned int)av_rand_below(&rnd, 8);
		unsigned int fast, want_fast, bits;

		f.flags = (uint8_t)(kind & 1 ? CAN_EXT : 0);
		f.id &= kind & 1 ? 0x1FFFFFFF : 0x7FF;
		f.len = (uint8_t)av_rand_below(&rnd, 9);
		if (kind & 2) {
			f.flags |= CAN_FD;
			f.flags |= kind & 4 ? CAN_BRS : CAN_ESI;
			f.len = fd_len[av_rand_below(&rnd, 16)];
		} else if (i % 50 == 0) {
			f.flags |= CAN_RTR;
		}
		/* long runs are what stuffing is about */
		for (unsigned int k = 0; k < f.len; k++) {
			f.data[k] = (uint8_t)(av_rand_u64(&rnd) &
					      av_rand_u64(&rnd) &
					      av_rand_u64(&rnd));
			f.data[k] ^= i & 1 ? 0xFF : 0;
		}
		bits = can_frame_bits(&f, &fast);
		CHECK_EQ(bits, slow_bits(&f, &want_fast));
		CHECK_EQ(fast, want_fast);
	}
}

TEST(frame_bits_stay_within_the_textbook_limits)
{
	struct can_frame f = { .id = 0x555, .len = 8 };

	memset(f.data, 0x55, 8);
	/* 108 bits without stuffing; at most one stuff bit per 4 of 98 - 1 */
	CHECK(can_frame_bits(&f, NULL) >= 108);
	CHECK(can_frame_bits(&f, NULL) <= 112);
	f.id = 0x078; /* 0 0001111 000 0 0 0 1000 ...: runs of four and five */
	memset(f.data, 0x3C, 8);
	CHECK(can_frame_bits(&f, NULL) <= 108 + 24);
	f.flags = CAN_ERR;
	CHECK_EQ(can_frame_bits(&f, NULL), 20);
}

int main(void)
{
	return RUN_TESTS(T(ecu_cyclic_frames_start_without_drift),
			 T(ecu_frames_hold_the_vehicles_state),
			 T(ecu_value_without_a_pair_keeps_the_last_one),
			 T(ecu_event_frames_follow_changes_only),
			 T(ecu_mixed_frames_keep_their_least_spacing),
			 T(ecu_pages_of_a_multiplexed_message_take_turns),
			 T(ecu_counter_wraps_and_checksum_holds),
			 T(ecu_checksum_kinds),
			 T(ecu_request_is_obeyed_when_it_is_on_the_bus),
			 T(ecu_injected_request_is_obeyed_as_a_whole),
			 T(ecu_injected_all_ones_ask_for_nothing),
			 T(ecu_lowest_identifier_wins_the_bus),
			 T(ecu_running_frame_is_not_interrupted),
			 T(ecu_overload_is_refused_and_counted),
			 T(ecu_bad_frames_are_refused),
			 T(ecu_load_is_the_share_of_busy_time),
			 T(ecu_mute_stops_a_node_and_lets_it_go_on_in_phase),
			 T(ecu_muted_bus_is_silent_and_catches_up_on_changes),
			 T(ecu_replayed_frames_pass_unchanged),
			 T(ecu_fd_message_needs_a_data_rate),
			 T(frame_bits_agree_with_the_standard_bit_by_bit),
			 T(frame_bits_stay_within_the_textbook_limits));
}
