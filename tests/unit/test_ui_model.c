/* SPDX-License-Identifier: Apache-2.0 */
/* The model behind the dashboards, fed through a real bus. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/can/dbc.h"
#include "sim/signals/signals.h"
#include "sim/world.h"
#include "tests/unit/test.h"
#include "ui/model.h"

static const char dbc_text[] =
	"VERSION \"\"\nBU_: A\n"
	"BO_ 256 MOTION: 8 A\n"
	" SG_ Speed : 0|16@1+ (0.01,0) [0|600] \"km/h\" A\n"
	" SG_ Yaw : 16|16@1- (0.01,0) [-300|300] \"deg/s\" A\n"
	"BO_ 768 PLACE: 8 A\n"
	" SG_ Lat : 0|32@1- (1E-007,0) [-90|90] \"deg\" A\n"
	" SG_ Lon : 32|32@1- (1E-007,0) [-180|180] \"deg\" A\n"
	"BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 65535;\n"
	"BA_DEF_DEF_ \"GenMsgCycleTime\" 0;\n"
	"BA_ \"GenMsgCycleTime\" BO_ 256 100;\n";

static const char vhal_text[] =
	"{ \"properties\": ["
	"{ \"property\": \"VehicleProperty::PERF_VEHICLE_SPEED\","
	"  \"minSampleRate\": 1.0, \"maxSampleRate\": 10.0 },"
	"{ \"property\": \"VehicleProperty::GEAR_SELECTION\","
	"  \"defaultValue\": { \"int32Values\": [4] } } ] }";

static const char bind_speed[] = "bindings:\n"
				 "  - signal: MOTION.Speed\n"
				 "    vss: Vehicle.Speed\n"
				 "  - signal: MOTION.Yaw\n"
				 "    vss: Vehicle.AngularVelocity.Yaw\n";

static const char bind_place[] = "bindings:\n"
				 "  - signal: PLACE.Lat\n"
				 "    vss: Vehicle.CurrentLocation.Latitude\n"
				 "  - signal: PLACE.Lon\n"
				 "    vss: Vehicle.CurrentLocation.Longitude\n";

struct rig {
	struct world w;
	struct dbc *dbc[1];
	char *names[1];
	char name[8];
	struct model *m;
};

/* A world without a vehicle; @bind NULL: without signals and properties. */
static struct rig *rig_new(const char *bind)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct av_diags d = { 0 };
	struct av_err err = { 0 };

	r->w.q = evq_create();
	r->w.bus = bus_create(av_topics, TOPIC_N);
	r->w.duration = VT_NEVER;
	CHECK_EQ(dbc_parse("t.dbc", dbc_text, strlen(dbc_text), &r->dbc[0], &d,
			   NULL),
		 0);
	strcpy(r->name, "can0");
	r->names[0] = r->name;
	r->w.dbc = r->dbc;
	r->w.bus_name = r->names;
	r->w.n_buses = 1;
	if (bind) {
		struct signals_bus bus = { "can0", r->dbc[0] };

		r->w.vhal = vhal_create(r->w.q, r->w.bus);
		CHECK_EQ(vhal_load(r->w.vhal, "t.json", vhal_text,
				   strlen(vhal_text), &d),
			 0);
		if (signals_create("t.yaml", bind, strlen(bind), &bus, 1,
				   r->w.vhal, &r->w.signals, &d) < 0) {
			av_diags_print(&d, stderr);
			fail();
		}
		CHECK_EQ(signals_attach(r->w.signals, r->w.bus, NULL, &err), 0);
	}
	CHECK_EQ(model_create(&r->w, &r->m, &err), 0);
	return r;
}

static void rig_free(struct rig *r)
{
	model_destroy(r->m);
	signals_destroy(r->w.signals);
	vhal_destroy(r->w.vhal);
	dbc_destroy(r->dbc[0]);
	bus_destroy(r->w.bus);
	evq_destroy(r->w.q);
	free(r);
}

static void frame(struct rig *r, vtime t, uint32_t id, const uint8_t *data)
{
	struct can_frame f = { .t = t, .id = id, .len = 8 };

	memcpy(f.data, data, 8);
	evq_run_until(r->w.q, t);
	bus_publish(r->w.bus, TOPIC_CAN, &f);
}

/* MOTION with a speed in km/h and a yaw rate in deg/s */
static void motion(struct rig *r, vtime t, double kmh, double yaw)
{
	uint8_t data[8];
	double phys[2] = { kmh, yaw };

	dbc_encode(&r->dbc[0]->message[0], phys, data);
	frame(r, t, 256, data);
}

static void place(struct rig *r, vtime t, double lat, double lon)
{
	uint8_t data[8];
	double phys[2] = { lat, lon };

	dbc_encode(&r->dbc[0]->message[1], phys, data);
	frame(r, t, 768, data);
}

static enum gauge_state state(struct rig *r, enum gauge g)
{
	struct gauge_value v;

	model_gauge(r->m, g, &v);
	return v.state;
}

/* ---- gauges ---- */

TEST(gauge_tells_absent_silent_and_stale_from_zero)
{
	struct rig *r = rig_new(bind_speed);
	struct gauge_value v;

	CHECK_EQ(state(r, GAUGE_lat), GAUGE_NONE);
	CHECK_EQ(state(r, GAUGE_speed), GAUGE_INIT);
	motion(r, VT_S, 0, 0);
	CHECK_EQ(state(r, GAUGE_speed), GAUGE_OK);
	CHECK_NEAR(model_gauge_or(r->m, GAUGE_speed, -1), 0, 0);
	motion(r, 2 * VT_S, 36, 0);
	model_gauge(r->m, GAUGE_speed, &v);
	CHECK_NEAR(v.v, 10, 1e-9); /* base unit */
	evq_run_until(r->w.q, 2 * VT_S + 500 * VT_MS);
	CHECK_EQ(state(r, GAUGE_speed), GAUGE_OK); /* five cycles are fine */
	evq_run_until(r->w.q, 5 * VT_S);
	model_gauge(r->m, GAUGE_speed, &v);
	CHECK_EQ(v.state, GAUGE_STALE);
	CHECK_NEAR(v.v, 10, 1e-9);
	CHECK_EQ(v.age, 3 * VT_S);
	rig_free(r);
}

TEST(gauge_does_not_age_after_the_end_of_the_run)
{
	struct rig *r = rig_new(bind_speed);

	motion(r, VT_S, 36, 0);
	evq_run_until(r->w.q, 9 * VT_S);
	r->m->ended = true;
	CHECK_EQ(state(r, GAUGE_speed), GAUGE_OK);
	rig_free(r);
}

TEST(gauge_reads_properties_in_the_models_numbers)
{
	struct rig *r = rig_new(bind_speed);

	CHECK_NEAR(model_gauge_or(r->m, GAUGE_gear, NAN), 0, 0); /* P */
	vhal_update_num(r->w.vhal,
			(uint32_t)vhal_slot_of(r->w.vhal, 0x11400400, 0), 2);
	CHECK_NEAR(model_gauge_or(r->m, GAUGE_gear, NAN), 1, 0); /* R */
	rig_free(r);
}

TEST(gauge_falls_back_to_the_vehicle_itself)
{
	struct rig *r = rig_new(NULL);
	struct vehicle_state s = { .t = VT_S };

	CHECK_EQ(state(r, GAUGE_speed), GAUGE_NONE);
	r->w.vehicle = (struct vehicle *)&s; /* only asked for its presence */
	s.v[VV_speed] = r->w.state.v[VV_speed] = 7;
	bus_publish(r->w.bus, TOPIC_VEHICLE, &s);
	CHECK_NEAR(model_gauge_or(r->m, GAUGE_speed, NAN), 7, 0);
	rig_free(r);
}

/* ---- properties ---- */

TEST(prop_counts_changes_not_samples)
{
	struct rig *r = rig_new(bind_speed);
	struct av_err err;
	uint32_t slot = (uint32_t)vhal_slot_of(r->w.vhal, 0x11400400, 0);

	CHECK_EQ(vhal_start(r->w.vhal, &err), 0);
	CHECK_EQ(r->m->prop[slot].n, 0);
	vhal_update_num(r->w.vhal, slot, 8);
	vhal_update_num(r->w.vhal, slot, 8);
	CHECK_EQ(r->m->prop[slot].n, 1);
	vhal_update_num(r->w.vhal, slot, 4);
	CHECK_EQ(r->m->prop[slot].n, 2);
	rig_free(r);
}

TEST(change_marks_fade_by_the_viewers_clock)
{
	struct rig *r = rig_new(bind_speed);
	struct av_err err;
	uint32_t slot = (uint32_t)vhal_slot_of(r->w.vhal, 0x11400400, 0);
	const struct model_prop *p = &r->m->prop[slot];

	CHECK_EQ(vhal_start(r->w.vhal, &err), 0);
	model_tick(r->m, 100 * VT_S, 0);
	CHECK_EQ(model_heat(r->m, p->wall_ms), 0); /* never changed */
	vhal_update_num(r->w.vhal, slot, 8);
	CHECK_EQ(model_heat(r->m, p->wall_ms), 3);
	model_tick(r->m, 100 * VT_S + 600 * VT_MS, 0);
	CHECK_EQ(model_heat(r->m, p->wall_ms), 2);
	model_tick(r->m, 102 * VT_S, 0);
	CHECK_EQ(model_heat(r->m, p->wall_ms), 1);
	model_tick(r->m, 103 * VT_S, 0);
	CHECK_EQ(model_heat(r->m, p->wall_ms), 0);
	rig_free(r);
}

/* ---- motion sensors ---- */

static void sample(struct rig *r, vtime t, double x)
{
	struct imu_sample s = {
		.t = t, .sensor = 1, .n = 3, .name = "a", .value = { x, 0, 9 }
	};

	bus_publish(r->w.bus, TOPIC_IMU, &s);
}

TEST(imu_keeps_the_course_of_the_last_seconds)
{
	struct rig *r = rig_new(NULL);
	struct model *m = r->m;

	/* this world has no sensors: nothing is kept */
	sample(r, 0, 1);
	CHECK_EQ(m->n_imu, 0);
	/* as if it had two */
	free(m->imu);
	m->imu = calloc(2, sizeof(*m->imu));
	m->n_imu = 2;
	sample(r, VT_S, 1);
	sample(r, VT_S + 10 * VT_MS, 2); /* the same tenth: the newest */
	sample(r, VT_S + 300 * VT_MS, 3);
	CHECK_NEAR(m->imu[1].rate_hz, 1 / 0.29, 1e-9);
	CHECK_NEAR(model_imu_course(m, 1, 0, VT_S + 99 * VT_MS), 2, 0);
	CHECK_NEAR(model_imu_course(m, 1, 2, VT_S), 9, 0);
	CHECK(isnan(model_imu_course(m, 1, 0, VT_S + 200 * VT_MS)));
	CHECK_NEAR(model_imu_course(m, 1, 0, VT_S + 300 * VT_MS), 3, 0);
	CHECK(isnan(model_imu_course(m, 1, 0, VT_S + 400 * VT_MS)));
	CHECK(isnan(model_imu_course(m, 1, 0, 0)));
	CHECK(isnan(model_imu_course(m, 0, 0, VT_S)));
	/* long after: nothing of before is left */
	sample(r, 3600 * VT_S, 4);
	CHECK(isnan(model_imu_course(m, 1, 0, VT_S)));
	CHECK(isnan(model_imu_course(m, 1, 0, 3599 * VT_S)));
	CHECK_NEAR(model_imu_course(m, 1, 0, 3600 * VT_S), 4, 0);
	rig_free(r);
}

/* ---- CAN ---- */

TEST(can_rows_are_ordered_and_know_their_message)
{
	struct rig *r = rig_new(NULL);
	static const uint8_t zero[8];

	frame(r, 1, 768, zero);
	frame(r, 2, 0x7ff, zero);
	frame(r, 3, 256, zero);
	frame(r, 4, 256, zero);
	CHECK_EQ(r->m->n_can, 3);
	CHECK_EQ(model_can_at(r->m, 0)->id, 256);
	CHECK_EQ(model_can_at(r->m, 0)->n, 2);
	CHECK_STR(model_can_at(r->m, 0)->msg->name, "MOTION");
	CHECK_EQ(model_can_at(r->m, 1)->id, 768);
	CHECK_EQ(model_can_at(r->m, 2)->id, 0x7ff);
	CHECK(model_can_at(r->m, 2)->msg == NULL);
	rig_free(r);
}

TEST(can_marks_exactly_the_bytes_that_changed)
{
	struct rig *r = rig_new(NULL);
	const uint8_t a[8] = { 1, 2, 3 }, b[8] = { 1, 9, 3 };
	const struct model_can *c;

	model_tick(r->m, VT_S, 0);
	frame(r, 1, 256, a);
	c = model_can_at(r->m, 0);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(model_heat(r->m, c->heat[i]), 0);
	}
	frame(r, 2, 256, b);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(model_heat(r->m, c->heat[i]), i == 1 ? 3 : 0);
	}
	rig_free(r);
}

TEST(can_rate_is_per_second_of_virtual_time)
{
	struct rig *r = rig_new(NULL);
	static const uint8_t zero[8];

	for (int i = 1; i <= 40; i++) {
		frame(r, i * 50 * VT_MS, 256, zero);
	}
	model_tick(r->m, VT_S, 2 * VT_S);
	CHECK_NEAR(model_can_at(r->m, 0)->rate_hz, 20, 1e-9);
	model_tick(r->m, 2 * VT_S, 3 * VT_S);
	CHECK_NEAR(model_can_at(r->m, 0)->rate_hz, 0, 0);
	rig_free(r);
}

TEST(can_identifiers_beyond_the_table_are_counted)
{
	struct rig *r = rig_new(NULL);

	for (uint32_t id = 0; id < MODEL_CAN_MAX + 5; id++) {
		struct can_frame f = { .id = id * 3, .flags = CAN_EXT };

		bus_publish(r->w.bus, TOPIC_CAN, &f);
		bus_publish(r->w.bus, TOPIC_CAN, &f);
	}
	CHECK_EQ(r->m->n_can, MODEL_CAN_MAX);
	CHECK_EQ(r->m->can_untracked, 10);
	CHECK_EQ(r->m->can_frames, 2 * (MODEL_CAN_MAX + 5));
	for (size_t i = 0; i < MODEL_CAN_MAX; i++) {
		CHECK_EQ(model_can_at(r->m, i)->id, i * 3);
		CHECK_EQ(model_can_at(r->m, i)->n, 2);
	}
	rig_free(r);
}

/* ---- log and time bar ---- */

TEST(log_keeps_the_newest_and_counts_the_rest)
{
	struct rig *r = rig_new(NULL);
	char text[32];

	for (int i = 0; i < MODEL_LOG_MAX + 10; i++) {
		snprintf(text, sizeof(text), "line %d", i);
		model_log_sink(r->m, i, AV_LOG_INFO, "t", text);
	}
	CHECK_EQ(r->m->n_log, MODEL_LOG_MAX + 10);
	snprintf(text, sizeof(text), "line %d", MODEL_LOG_MAX + 9);
	CHECK_STR(model_log_at(r->m, 0)->text, text);
	CHECK_STR(model_log_at(r->m, MODEL_LOG_MAX - 1)->text, "line 10");
	CHECK(model_log_at(r->m, MODEL_LOG_MAX) == NULL);
	CHECK_EQ(r->m->n_late, 0); /* nothing to tell after the exit */
	rig_free(r);
}

TEST(log_cuts_long_texts_between_characters)
{
	struct rig *r = rig_new(NULL);
	char text[401] = "";
	const char *kept;
	size_t len;

	for (int i = 0; i < 200; i++) {
		strcat(text, "\xc3\xa9");
	}
	model_log_sink(r->m, 0, AV_LOG_WARN, "t", text);
	kept = model_log_at(r->m, 0)->text;
	len = strlen(kept);
	CHECK(len > 100 && len < sizeof(r->m->log[0].text));
	CHECK_EQ(len % 2, 0);
	CHECK_EQ(r->m->n_late, 1);
	rig_free(r);
}

TEST(refused_command_of_the_user_is_remembered)
{
	struct rig *r = rig_new(NULL);
	struct cmd c = { .source = CMD_FROM_USER, .text = "gear to=D" };
	struct cmd_event e = { .t = VT_S, .cmd = &c, .error = "press the brake" };

	bus_publish(r->w.bus, TOPIC_COMMAND, &e);
	CHECK_EQ(r->m->refused, 1);
	CHECK_STR(r->m->refusal, "press the brake");
	CHECK_EQ(model_log_at(r->m, 0)->level, AV_LOG_WARN);
	c.source = CMD_FROM_GUEST;
	bus_publish(r->w.bus, TOPIC_COMMAND, &e);
	CHECK_EQ(r->m->refused, 1);
	rig_free(r);
}

TEST(bar_of_an_open_run_folds_and_keeps_its_marks)
{
	struct rig *r = rig_new(NULL);
	struct text_event e = { .t = 30 * VT_S, .key = "x", .text = "y" };
	const struct model_bar *b = &r->m->bar;

	CHECK_EQ(b->span, 60 * VT_S);
	bus_publish(r->w.bus, TOPIC_FAULT, &e);
	CHECK_EQ(b->cell[MODEL_BAR_MAX / 2], 1u << MODEL_FAULT);
	e.t = 200 * VT_S;
	bus_publish(r->w.bus, TOPIC_SCENARIO, &e);
	CHECK_EQ(b->span, 240 * VT_S);
	CHECK_EQ(b->cell[MODEL_BAR_MAX / 8], 1u << MODEL_FAULT);
	CHECK_EQ(b->cell[MODEL_BAR_MAX * 200 / 240], 1u << MODEL_SCENARIO);
	rig_free(r);
}

/* ---- path ---- */

TEST(track_follows_the_position_signals)
{
	struct rig *r = rig_new(bind_place);

	place(r, VT_S, 48, 11);
	place(r, 2 * VT_S, 48.0009, 11);
	CHECK_EQ(r->m->track.from, TRACK_POSITION);
	CHECK_NEAR(r->m->track.y_m, 100, 1);
	CHECK_NEAR(r->m->track.x_m, 0, 0.1);
	place(r, 3 * VT_S, 48.0009, 11.00134);
	CHECK_NEAR(r->m->track.x_m, 100, 1);
	CHECK_NEAR(r->m->track.length_m, 200, 2);
	rig_free(r);
}

TEST(track_is_reckoned_where_nothing_tells_the_position)
{
	struct rig *r = rig_new(bind_speed);

	/* 36 km/h and 9 deg/s to the left for 10 s: a quarter of a circle
	 * with a radius of 10 / (pi / 20) m */
	motion(r, 0, 36, 9);
	for (int i = 1; i <= 1000; i++) {
		motion(r, i * 10 * VT_MS, i % 2 ? 36.01 : 36, 9);
	}
	CHECK_EQ(r->m->track.from, TRACK_RECKONED);
	CHECK_NEAR(r->m->track.x_m, -63.7, 0.5);
	CHECK_NEAR(r->m->track.y_m, 63.7, 0.5);
	CHECK_NEAR(r->m->track.length_m, 100, 1);
	rig_free(r);
}

TEST(track_of_any_length_stays_in_its_array)
{
	struct rig *r = rig_new(NULL);
	struct vehicle_state s = { 0 };
	double last = -1;

	for (int i = 0; i <= 100000; i++) {
		s.v[VV_pos_x] = i * 0.3;
		bus_publish(r->w.bus, TOPIC_VEHICLE, &s);
	}
	CHECK(r->m->track.n > MODEL_TRACK_MAX / 4);
	CHECK(r->m->track.n <= MODEL_TRACK_MAX);
	for (size_t i = 0; i < r->m->track.n; i++) {
		CHECK((double)r->m->track.p[i].x_m > last);
		last = (double)r->m->track.p[i].x_m;
	}
	CHECK_NEAR(r->m->track.p[0].x_m, 0, 0);
	CHECK_NEAR(r->m->track.x_m, 30000, 1e-6);
	CHECK_NEAR(r->m->track.length_m, 30000, 30);
	rig_free(r);
}

int main(void)
{
	return RUN_TESTS(
		T(gauge_tells_absent_silent_and_stale_from_zero),
		T(gauge_does_not_age_after_the_end_of_the_run),
		T(gauge_reads_properties_in_the_models_numbers),
		T(gauge_falls_back_to_the_vehicle_itself),
		T(prop_counts_changes_not_samples),
		T(change_marks_fade_by_the_viewers_clock),
		T(imu_keeps_the_course_of_the_last_seconds),
		T(can_rows_are_ordered_and_know_their_message),
		T(can_marks_exactly_the_bytes_that_changed),
		T(can_rate_is_per_second_of_virtual_time),
		T(can_identifiers_beyond_the_table_are_counted),
		T(log_keeps_the_newest_and_counts_the_rest),
		T(log_cuts_long_texts_between_characters),
		T(refused_command_of_the_user_is_remembered),
		T(bar_of_an_open_run_folds_and_keeps_its_marks),
		T(track_follows_the_position_signals),
		T(track_is_reckoned_where_nothing_tells_the_position),
		T(track_of_any_length_stays_in_its_array));
}
