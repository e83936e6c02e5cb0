/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "scenarios/act.h"
#include "scenarios/fault.h"
#include "sim/core/cmdq.h"
#include "tests/unit/scenario_world.h"

#include <errno.h>

TEST(action_rows_are_sorted_and_tell_what_they_are)
{
	for (size_t i = 0; i < n_actions; i++) {
		const struct action *a = &action_table[i];

		CHECK(i == 0 || strcmp(action_table[i - 1].verb, a->verb) < 0);
		CHECK(strspn(a->verb, "abcdefghijklmnopqrstuvwxyz-") ==
		      strlen(a->verb));
		CHECK(a->help && *a->help && a->apply);
		CHECK(action_find(a->verb) == a);
		for (size_t k = 0; k < ACTION_ARGS_MAX && a->arg[k].name; k++) {
			const struct arg_spec *s = &a->arg[k];

			CHECK(s->help && *s->help);
			CHECK((s->type == ARG_ENUM) == (s->names != NULL));
			CHECK(s->dim != DIM_N || a->dim);
			for (size_t m = 0; m < k; m++) {
				CHECK(strcmp(a->arg[m].name, s->name) != 0);
			}
		}
		CHECK(a->ramp == 0 ||
		      (a->arg[a->ramp - 1].type == ARG_NUM && a->current));
	}
	CHECK(!action_find("nothing"));
}

TEST(fault_rows_are_sorted_and_named_alike_in_the_action)
{
	for (size_t i = 0; i < n_faults; i++) {
		const struct fault *f = &fault_table[i];

		CHECK(i == 0 || strcmp(fault_table[i - 1].name, f->name) < 0);
		CHECK_STR(fault_names[i], f->name);
		CHECK(f->help && *f->help);
		CHECK(f->device || (f->begin && f->end));
		CHECK(fault_find(f->name) == f);
	}
	CHECK(!fault_names[n_faults]);
}

static const char *canonical(const char *text, char buf[1024])
{
	const struct action *act;
	struct av_err err;
	struct args args;
	void *arena;

	if (action_parse(text, &act, &args, &arena, &err) < 0) {
		snprintf(buf, 1024, "%s", err.msg);
		return buf;
	}
	action_text(act, &args, buf, 1024);
	free(arena);
	return buf;
}

TEST(action_text_is_canonical_whatever_was_written)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "speed to='36 km/h'", "speed to=10" },
		{ "speed accel=2 to=10", "speed to=10 accel=2" },
		{ "  horn   on=yes ", "horn on=true" },
		{ "mark text='two words'", "mark text='two words'" },
		{ "mark text='it''s'", "mark text='it''s'" },
		{ "mark text=''", "mark text=''" },
		{ "mark text=plain", "mark text=plain" },
		{ "mark text='a=b'", "mark text=a=b" },
		{ "var value='-4 degF' name=outside_temp",
		  "var name=outside_temp value=-20" },
		{ "var name=rain value=30%", "var name=rain value=0.3" },
		{ "brake pedal=-0", "brake pedal=0" },
		{ "fault wheel=rr for=1500ms name=tyre-leak",
		  "fault name=tyre-leak for=1.5 wheel=rr" },
		{ "fault name=can-mute bus=can0 for=30",
		  "fault name=can-mute for=30 bus=can0" },
		{ "set property=X value='[1, 2]'",
		  "set property=X value='[1, 2]'" },
		{ "lock", "lock" },
	};
	char buf[1024], again[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_STR(canonical(rows[i].in, buf), rows[i].out);
		CHECK_STR(canonical(rows[i].out, again), rows[i].out);
	}
}

TEST(action_parse_names_what_is_wrong)
{
	static const struct {
		const char *in, *msg;
	} rows[] = {
		{ "", "want a verb first" },
		{ "=5", "want a verb first" },
		{ "sped to=5",
		  "unknown action 'sped' (did you mean 'speed'?)" },
		{ "speed", "'speed' needs 'to' (speed; negative drives "
			   "backwards)" },
		{ "speed tp=5", "'speed' has no argument 'tp' (did you mean "
				"'to'?)" },
		{ "speed to", "want key=value, not 'to'" },
		{ "speed to=5 to=6", "'to' is given twice" },
		{ "speed to=5m", "'to': unit 'm' does not fit here, want one "
				 "like m/s" },
		{ "speed to=nan", "'to': 'nan' is not a number" },
		{ "speed to=101", "'to' must be from -10 to 100 m/s" },
		{ "horn on=maybe", "'on' must be true or false, not 'maybe'" },
		{ "gear to=X", "'to' must be one of P, R, N, D; not 'X' (did "
			       "you mean 'P'?)" },
		{ "mark text='open", "the quote of 'text' is not closed" },
		{ "mark text='a\tb'", "'text' holds a control character" },
		{ "fault name=tyre-leak weel=fl",
		  "'fault' has no argument 'weel' (did you mean 'wheel'?)" },
		{ "fault wheel=fl", "'fault' has no argument 'wheel'" },
		{ "fault name=tyre-leak", "'fault' needs 'wheel' (which)" },
		{ "fault name=tyre-leak wheel=fl for=-1",
		  "'for' must be a time like 2.5s or 300ms, not '-1'" },
		{ "var value=1", "'var' needs 'name' (a writable variable)" },
		{ "var name=speed value=1", "'name': unknown 'speed'" },
	};
	char buf[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_STR(canonical(rows[i].in, buf), rows[i].msg);
	}
}

TEST(action_parse_takes_texts_as_long_as_a_command_may_be)
{
	char *text = malloc(CMDQ_TEXT_MAX + 64), *end;
	const struct action *act;
	struct av_err err;
	struct args args;
	void *arena;

	end = stpcpy(text, "mark text=");
	memset(end, 'x', CMDQ_TEXT_MAX + 1);
	end[CMDQ_TEXT_MAX] = '\0';
	CHECK_EQ(action_parse(text, &act, &args, &arena, &err), 0);
	CHECK_EQ(strlen(args.v[0].str), CMDQ_TEXT_MAX);
	free(arena);
	end[CMDQ_TEXT_MAX] = 'x';
	end[CMDQ_TEXT_MAX + 1] = '\0';
	CHECK_EQ(action_parse(text, &act, &args, &arena, &err), -EINVAL);
	CHECK(strstr(err.msg, "longer than 65536"));
	free(text);
}

TEST(action_text_tells_its_length_like_snprintf)
{
	struct args a = { .has = { true }, .v = { { .str = "hello you" } } };
	const struct action *act = action_find("mark");
	char buf[8];

	CHECK_EQ(action_text(act, &a, NULL, 0),
		 strlen("mark text='hello you'"));
	CHECK_EQ(action_text(act, &a, buf, sizeof(buf)), 21);
	CHECK_STR(buf, "mark te");
}

#define EMPTY "duration: 60s\nstart: { ignition: on, gear: P }\n"

static int command(struct run *r, const char *text, struct av_err *err)
{
	struct cmd c = { .kind = CMD_TEXT,
			 .source = CMD_FROM_USER,
			 .text = text };

	return action_command(r->w, &c, err);
}

static void go(struct run *r, double seconds)
{
	world_run_until(r->w, evq_now(r->w->q) + vtime_from_s(seconds));
}

#define VAR(r, name) vehicle_values((r).w->vehicle)[VV_##name]

TEST(action_command_moves_the_car)
{
	static struct run r;
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	CHECK_EQ(command(&r, "door which=fl", &err), 0);
	CHECK_EQ(command(&r, "window which=rr to=0.5", &err), 0);
	CHECK_EQ(command(&r, "lights lamp=low to=on", &err), 0);
	CHECK_EQ(command(&r, "hazard on=true", &err), 0);
	CHECK_EQ(command(&r, "wipers to=steady-1", &err), 0);
	CHECK_EQ(command(&r, "belt seat=rl", &err), 0);
	CHECK_EQ(command(&r, "seat seat=r height=0.25 heat=1", &err), 0);
	CHECK_EQ(command(&r, "climate zone=right temp=25 power=true", &err), 0);
	CHECK_EQ(command(&r, "weather rain=0.5 outside-temp=-3", &err), 0);
	CHECK_EQ(command(&r, "charge plug=true power=11000 limit=0.9", &err),
		 0);
	go(&r, 4);
	CHECK_NEAR(VAR(r, door_fl), 1, 1e-9);
	CHECK_NEAR(VAR(r, window_rr), 0.5, 1e-9);
	CHECK_NEAR(VAR(r, window_rl), 0, 1e-9);
	CHECK_NEAR(VAR(r, headlight), 1, 0);
	CHECK_NEAR(VAR(r, turn_signal), 3, 0);
	CHECK_NEAR(VAR(r, wiper_switch), 8, 0);
	CHECK_NEAR(VAR(r, belt_rl), 1, 0);
	CHECK_NEAR(VAR(r, seat_r_height), 0.25, 1e-9);
	CHECK_NEAR(VAR(r, hvac_seat_heat_r), 1, 0);
	CHECK_NEAR(VAR(r, hvac_temp_set_r), 25, 0);
	CHECK(VAR(r, hvac_temp_set_l) != 25);
	CHECK_NEAR(VAR(r, rain), 0.5, 0);
	CHECK_NEAR(VAR(r, outside_temp), -3, 0);
	CHECK_NEAR(VAR(r, charge_port_connected), 1, 0);
	CHECK_NEAR(VAR(r, charge_state), 1, 0);
	run_finish(&r);
}

TEST(action_command_says_why_the_car_refuses)
{
	static struct run r;
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	CHECK_EQ(command(&r, "gear to=D", &err), -EACCES);
	CHECK_STR(err.msg, "the selector is locked: press the brake first");
	CHECK_EQ(command(&r, "brake pedal=0.5", &err), 0);
	CHECK_EQ(command(&r, "gear to=D", &err), 0);
	CHECK_EQ(command(&r, "route follow=nowhere", &err), -ENOENT);
	CHECK_EQ(command(&r, "clear-fault", &err), -ENOENT);
	CHECK_STR(err.msg, "no fault is active");
	run_finish(&r);
}

TEST(action_set_obeys_the_rules_for_guests_and_converts_units)
{
	static struct run r;
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	go(&r, 1);
	CHECK_EQ(command(&r,
			 "set property=HVAC_TEMPERATURE_SET/0x31 "
			 "value='77 degF'",
			 &err),
		 0);
	go(&r, 1);
	CHECK_NEAR(VAR(r, hvac_temp_set_l), 25, 1e-3);
	CHECK(command(&r, "set property=PERF_VEHICLE_SPEED value=3", &err) < 0);
	CHECK(command(&r, "set property=PERF_VEHICLE_SPED value=3", &err) < 0);
	CHECK(strstr(err.msg, "PERF_VEHICLE_SPEED"));
	/* the car itself may publish what guests must not write */
	CHECK_EQ(command(&r,
			 "vhal-inject property=AP_POWER_STATE_REQ value=[1,2]",
			 &err),
		 0);
	run_finish(&r);
}

struct seen {
	uint32_t id;
	uint8_t len, flags;
	uint8_t data[64];
	unsigned int n;
};

static void on_can(void *ctx, const void *msg)
{
	const struct can_frame *f = msg;
	struct seen *s = ctx;

	if (f->id == s->id) {
		s->len = f->len;
		s->flags = f->flags;
		memcpy(s->data, f->data, sizeof(s->data));
		s->n++;
	}
}

TEST(action_inject_puts_the_frame_on_the_bus)
{
	static struct run r;
	struct seen seen = { .id = 0x7F1 };
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	bus_subscribe(r.w->bus, TOPIC_CAN, STAGE_TAP, "test", on_can, &seen,
		      &err);
	CHECK_EQ(command(&r, "inject bus=can0 id=7F1 data='DE AD be ef'", &err),
		 0);
	go(&r, 0.1);
	CHECK_EQ(seen.n, 1);
	CHECK_EQ(seen.len, 4);
	CHECK_EQ(seen.data[0] << 8 | seen.data[3], 0xDEEF);
	seen.id = 0x12345678;
	CHECK_EQ(command(&r, "inject bus=can0 id=0x12345678", &err), 0);
	go(&r, 0.1);
	CHECK_EQ(seen.n, 2);
	CHECK(seen.flags & CAN_EXT);
	CHECK(command(&r, "inject bus=can9 id=1", &err) < 0);
	CHECK(strstr(err.msg, "no bus 'can9', there is can0"));
	CHECK(command(&r, "inject bus=can0 id=20000000", &err) < 0);
	CHECK(command(&r, "inject bus=can0 id=-1", &err) < 0);
	CHECK(command(&r, "inject bus=can0 id=1 data=abc", &err) < 0);
	CHECK(command(&r, "inject bus=can0 id=1 data=010203040506070809",
		      &err) < 0);
	run_finish(&r);
}

TEST(fault_begins_ends_and_can_be_cleared)
{
	static struct run r;
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	CHECK_EQ(command(&r, "fault name=tyre-leak wheel=fl rate=0.01 for=2",
			 &err),
		 0);
	CHECK_EQ(command(&r, "fault name=tyre-leak wheel=rr", &err), 0);
	CHECK_STR(faults_active(r.w->faults, 0),
		  "tyre-leak wheel=fl rate=0.01 for=2");
	CHECK_STR(faults_active(r.w->faults, 1), "tyre-leak wheel=rr");
	CHECK(!faults_active(r.w->faults, 2));
	go(&r, 1);
	CHECK_NEAR(VAR(r, tyre_leak_fl), 0.01, 0);
	go(&r, 1.5);
	CHECK_NEAR(VAR(r, tyre_leak_fl), 0, 0);
	CHECK_EQ(command(&r, "clear-fault name=tyre-leak", &err), 0);
	CHECK(!faults_active(r.w->faults, 0));
	CHECK_NEAR(VAR(r, tyre_leak_rr), 0, 0);
	CHECK_EQ(run_count(&r, "tyre-leak: begin"), 2);
	CHECK_EQ(run_count(&r, "2.000 tyre-leak: end wheel=fl rate=0.01 for=2"),
		 1);
	CHECK_EQ(run_count(&r, "2.500 tyre-leak: end wheel=rr"), 1);
	run_finish(&r);
}

TEST(fault_with_the_same_arguments_starts_anew)
{
	static struct run r;
	struct av_err err = { 0 };

	run_begin(&r, EMPTY);
	CHECK_EQ(command(&r, "fault name=tyre-leak wheel=fl for=2", &err), 0);
	go(&r, 1);
	CHECK_EQ(command(&r, "fault name=tyre-leak wheel=fl for=2", &err), 0);
	CHECK(!faults_active(r.w->faults, 1));
	go(&r, 1.5);
	CHECK(faults_active(r.w->faults, 0));
	go(&r, 1);
	CHECK(!faults_active(r.w->faults, 0));
	run_finish(&r);
}

TEST(fault_can_mute_silences_a_node_and_flood_fills_the_bus)
{
	static struct run r;
	struct av_err err = { 0 };
	struct can_bus_stats before, after;

	run_begin(&r, EMPTY);
	go(&r, 1);
	CHECK_EQ(command(&r, "fault name=can-mute bus=can0", &err), 0);
	ecus_stats(r.w->ecus, 0, &before);
	go(&r, 1);
	ecus_stats(r.w->ecus, 0, &after);
	CHECK(after.frames - before.frames <= 1);
	CHECK_EQ(command(&r, "clear-fault", &err), 0);
	CHECK_EQ(command(&r, "fault name=can-flood bus=can0 rate=3000", &err),
		 0);
	go(&r, 1);
	ecus_stats(r.w->ecus, 0, &after);
	CHECK(after.frames - before.frames >= 3000);
	CHECK(command(&r, "fault name=can-mute bus=can0 node=Nobody", &err) <
	      0);
	CHECK(strstr(err.msg, "no node 'Nobody' sends on can0"));
	run_finish(&r);
}

static double speed_of(struct run *r)
{
	int idx = signals_find(r->w->signals, "Vehicle.Speed");
	vtime changed, seen;

	return signals_value(r->w->signals, (uint32_t)idx, &changed, &seen);
}

TEST(fault_signal_is_stuck_off_or_noisy_until_it_ends)
{
	static struct run r;
	struct av_err err = { 0 };
	double lo = 1e9, hi = -1e9;

	run_begin(&r, EMPTY);
	CHECK_EQ(command(&r, "speed to=10", &err), 0);
	go(&r, 15);
	CHECK_NEAR(speed_of(&r), 36, 0.5);
	CHECK_EQ(command(&r,
			 "fault name=signal-stuck signal=Vehicle.Speed "
			 "value='30 m/s' for=1",
			 &err),
		 0);
	go(&r, 0.5);
	CHECK_NEAR(speed_of(&r), 108, 0.1);
	go(&r, 1);
	CHECK_NEAR(speed_of(&r), 36, 0.5);
	CHECK_EQ(command(&r,
			 "fault name=signal-offset signal=Vehicle.Speed "
			 "by='-5 km/h'",
			 &err),
		 0);
	go(&r, 0.5);
	CHECK_NEAR(speed_of(&r), 31, 0.5);
	CHECK_EQ(command(&r, "clear-fault", &err), 0);
	go(&r, 0.1);
	CHECK_EQ(command(&r, "fault name=signal-stuck signal=Vehicle.Speed",
			 &err),
		 0);
	CHECK_EQ(command(&r, "stop", &err), 0);
	go(&r, 10);
	CHECK_NEAR(VAR(r, speed), 0, 0.01);
	CHECK_NEAR(speed_of(&r), 36, 0.5);
	CHECK_EQ(command(&r, "clear-fault", &err), 0);
	go(&r, 0.5);
	CHECK_NEAR(speed_of(&r), 0, 0.1);
	CHECK_EQ(command(&r,
			 "fault name=signal-noise signal=Vehicle.Speed "
			 "deviation=2",
			 &err),
		 0);
	for (int i = 0; i < 200; i++) {
		go(&r, 0.02);
		lo = fmin(lo, speed_of(&r));
		hi = fmax(hi, speed_of(&r));
	}
	CHECK(lo < -2 && lo > -10 && hi > 2 && hi < 10);
	CHECK(command(&r, "fault name=signal-stuck signal=Vehicle.Sped", &err) <
	      0);
	CHECK(strstr(err.msg, "(did you mean 'Vehicle.Speed'?)"));
	CHECK(command(&r,
		      "fault name=signal-offset signal=Vehicle.Speed by='5 m'",
		      &err) < 0);
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(
		T(action_rows_are_sorted_and_tell_what_they_are),
		T(fault_rows_are_sorted_and_named_alike_in_the_action),
		T(action_text_is_canonical_whatever_was_written),
		T(action_parse_names_what_is_wrong),
		T(action_parse_takes_texts_as_long_as_a_command_may_be),
		T(action_text_tells_its_length_like_snprintf),
		T(action_command_moves_the_car),
		T(action_command_says_why_the_car_refuses),
		T(action_set_obeys_the_rules_for_guests_and_converts_units),
		T(action_inject_puts_the_frame_on_the_bus),
		T(fault_begins_ends_and_can_be_cleared),
		T(fault_with_the_same_arguments_starts_anew),
		T(fault_can_mute_silences_a_node_and_flood_fills_the_bus),
		T(fault_signal_is_stuck_off_or_noisy_until_it_ends));
}
