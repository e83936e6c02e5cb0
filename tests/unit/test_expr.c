/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "scenarios/arena.h"
#include "scenarios/expr.h"
#include "tests/unit/scenario_world.h"

#include <errno.h>

static const struct scenario_param params[] = {
	{ "fast", "50 km/h" }, { "gear", "GEAR_PARK" },  { "cold", "-10 degF" },
	{ "n", "3" },          { "trick", "1 or true" }, { "yes", "true" },
};
#define N_PARAMS (sizeof(params) / sizeof(params[0]))

struct said {
	size_t off;
	char msg[600];
	unsigned int n;
};

static void on_message(void *ctx, size_t off, const char *msg)
{
	struct said *s = ctx;

	if (s->n++ == 0) {
		s->off = off;
		snprintf(s->msg, sizeof(s->msg), "%s", msg);
	}
}

/* 1 true, 0 false, -1 with @said */
static int judge(struct run *r, const char *text, struct said *said)
{
	static const double corners[][2] = { { -1, -1 }, { 1, -1 }, { 0, 2 } };
	struct zone zones[] = {
		{ .name = "here", .radius_m = 1 },
		{ .name = "there", .x_m = 100, .radius_m = 1 },
		{ .name = "triangle", .point = corners, .n = 3 },
	};
	struct sc_arena mem = { 0 };
	struct inputs in = { .fresh = true };
	struct expr_scope scope = { &in, zones, 3, &mem };
	struct expr *e;
	int ret = -1;

	*said = (struct said){ 0 };
	e = expr_parse(text, params, N_PARAMS, &mem, on_message, said);
	if (e && expr_bind(e, r->w, &scope, on_message, said) == 0) {
		inputs_read(&in, r->w, evq_now(r->w->q));
		ret = expr_true(e, &scope, r->w, evq_now(r->w->q));
	}
	inputs_finish(&in);
	sc_arena_finish(&mem);
	return ret;
}

static const char parked[] =
	"duration: 60s\n"
	"start: { ignition: on, gear: P, outside_temp: 20 degC, soc: 50 % }\n";

TEST(expr_evaluates_as_written)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "true", 1 },
		{ "false", 0 },
		{ "1 < 2", 1 },
		{ "2 <= 2 and 3 >= 4", 0 },
		{ "1 == 2 or 3 != 4", 1 },
		{ "not 1 == 2", 1 },
		{ "not not false", 0 },
		{ "true or false and false", 1 }, /* and first */
		{ "(true or false) and false", 0 },
		{ "2 + 3 * 4 == 14", 1 },
		{ "(2 + 3) * 4 == 20", 1 },
		{ "10 - 3 - 2 == 5", 1 }, /* from the left */
		{ "12 / 3 / 2 == 2", 1 },
		{ "-2 * -3 == 6", 1 },
		{ "-(2 + 3) == -5", 1 },
		{ "1e3 == 1000", 1 },
		{ "abs(-3) == 3", 1 },
		{ "min(3, 1, 2) == 1 and max(3, 1, 2) == 3", 1 },
		{ "36 km/h == 10 m/s", 1 },
		{ "1 h == 3600 s", 1 },
		{ "50 % == 0.5", 1 },
		{ "32 degF == 0 degC", 1 },
		{ "-40 degF == -40 degC", 1 },
		{ "90 deg > 1.5 rad", 1 },
		{ "36 km/h * 10 s == 100 m", 1 },
		{ "100 m / 10 s == 36 km/h", 1 },
		{ "1 kW * 1 h == 1 kWh", 1 },
		{ "t == 2 s", 1 },
		{ "t >= 1.9s", 1 },
		{ "var(ignition) == 4", 1 },
		{ "var(parking_brake)", 1 },
		{ "not var(horn)", 1 },
		{ "var(outside_temp) > 19 degC", 1 },
		{ "var(outside_temp) > 70 degF", 0 },
		{ "var(battery_soc) > 49 %", 1 },
		{ "var(speed) == 0", 1 },
		{ "PERF_VEHICLE_SPEED == 0 km/h", 1 },
		{ "Vehicle.Speed < 1 km/h", 1 },
		{ "PARKING_BRAKE_ON", 1 },
		{ "PARKING_BRAKE_ON == true", 1 },
		{ "GEAR_SELECTION == GEAR_PARK", 1 },
		{ "GEAR_PARK == GEAR_SELECTION", 1 },
		{ "GEAR_SELECTION != GEAR_REVERSE", 1 },
		{ "GEAR_SELECTION == 4", 1 },
		{ "GEAR_SELECTION == 'GEAR_PARK'", 1 },
		{ "GEAR_SELECTION == VehicleGear::GEAR_PARK", 1 },
		{ "IGNITION_STATE == ON", 1 },
		{ "DOOR_POS/ROW_1_LEFT == 0", 1 },
		{ "INFO_MAKE == 'nothing'", 0 },
		{ "INFO_MAKE != 'nothing'", 1 },
		{ "ENV_OUTSIDE_TEMPERATURE > 50 degF", 1 },
		{ "missing(PERF_VEHICLE_SPEED)", 0 },
		{ "missing(AP_POWER_STATE_REPORT)", 1 },
		{ "stale(Vehicle.Speed)", 0 },
		{ "stale(Vehicle.Speed, 1 ms)", 1 },
		{ "distance_to(0, 0) < 1 m", 1 },
		{ "distance_to(30, 40 m) > 49 m", 1 },
		{ "in_zone(here) and not in_zone(there)", 1 },
		{ "in_zone(triangle)", 1 },
		{ "arrived", 0 },
		{ "route_left == 0", 1 },
		{ "set(HVAC_FAN_SPEED/0x31)", 0 },
		{ "set(HVAC_FAN_SPEED/0x31) == 3", 0 },
		{ "set(HVAC_FAN_SPEED/0x31) != 3", 0 }, /* there is none */
		{ "PERF_VEHICLE_SPEED < $fast", 1 },
		{ "GEAR_SELECTION == ${gear}", 1 },
		{ "$cold < -23 degC and $cold > -24 degC", 1 },
		{ "$n == 3", 1 },
		{ "DISTANCE_DISPLAY_UNITS == KILOMETER", 1 },
	};
	static struct run r;
	struct said said;

	run_begin(&r, parked);
	world_run_until(r.w, 2 * VT_S);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = judge(&r, rows[i].text, &said);

		if (got != rows[i].want) {
			fail_msg("%s: %d, want %d (%s)", rows[i].text, got,
				 rows[i].want, said.msg);
		}
	}
	run_finish(&r);
}

TEST(expr_points_at_what_is_wrong)
{
	static const struct {
		const char *text;
		size_t off;
		const char *msg;
	} rows[] = {
		{ "", 0, "the condition is empty" },
		{ "1 <", 3, "the condition ends too early" },
		{ "1 < 2 3", 6, "what is this doing behind the condition?" },
		{ "(1 < 2", 6, "want ')' here" },
		{ "1 < 2 < 3", 6, "a comparison cannot be compared" },
		{ "1 = 2", 2, "write '==' for '='" },
		{ "true && false", 5, "write 'and' for '&&'" },
		{ "!true", 0, "write 'not' for '!'" },
		{ "1 # 2", 2, "cannot read '# 2'" },
		{ "'open", 0, "the quote is not closed" },
		{ "5 km/hh > t", 2, "no unit 'km/hh'" },
		{ "5 m/2 > 1 m", 2, "no unit 'm/2'" },
		{ "5x > t", 1, "no unit 'x'" },
		{ "1e999 > 2", 0, "is not a number" },
		{ "1.2.3 > 2", 0, "is not a number" },
		{ "$slow > 2", 0, "no parameter 'slow'" },
		{ "$fats > 2 m/s", 0,
		  "no parameter 'fats' (did you mean "
		  "'fast'?)" },
		{ "$ > 2", 0, "want a parameter's name after '$'" },
		{ "foo(1)", 0, "no function 'foo'" },
		{ "mni(1, 2) < 3", 0, "did you mean 'min'?" },
		{ "abs() > 1", 0, "abs() takes 1 argument, not 0" },
		{ "min(1) > 1", 0, "min() takes 2 or more arguments, not 1" },
		{ "PERF_VEHICLE_SPED > 1 m/s", 0,
		  "(did you mean 'PERF_VEHICLE_SPEED'?)" },
		{ "Vehicle.Sped > 1 m/s", 0,
		  "(did you mean 'Vehicle.Speed'?)" },
		{ "horn", 0, "did you mean the model variable, var(horn)?" },
		{ "true and var(horm)", 13, "(did you mean 'horn'?)" },
		{ "DOOR_POS == 0", 0, "DOOR_POS" },
		{ "DOOR_POS/ROW_7 == 0", 0, "DOOR_POS" },
		{ "GEAR_SELECTION == GEAR_PRAK", 18,
		  "'GEAR_PRAK' is no value of VehicleGear (did you mean "
		  "'GEAR_PARK'?)" },
		{ "GEAR_SELECTON == GEAR_PARK", 0,
		  "(did you mean 'GEAR_SELECTION'?)" },
		{ "GEAR_PARK == GEAR_SELECTON", 0,
		  "unknown property 'GEAR_PARK'" },
		{ "GEAR_SELECTION < GEAR_PARK", 15,
		  "can only be compared with == and !=" },
		{ "PERF_VEHICLE_SPEED > 50", 21, "needs a unit of a speed" },
		{ "PERF_VEHICLE_SPEED > 50 m", 19,
		  "a speed and a length do not go together" },
		{ "PERF_VEHICLE_SPEED", 0,
		  "compare it with something: this is a speed" },
		{ "1", 0, "compare it with something" },
		{ "'text'", 0, "a text can only be compared" },
		{ "INFO_MAKE", 0, "is a text: compare it" },
		{ "t * t > 1", 2, "cannot multiply a time and a time" },
		{ "abs(true) > 1", 4, "a number is wanted here" },
		{ "true > false", 5, "can only be compared with ==" },
		{ "in_zone(nowhere)", 8, "wants a name under zones:" },
		{ "in_zone(ther)", 8, "(did you mean 'there'?)" },
		{ "distance_to(1 s, 2) < 5 m", 12, "want a length here" },
		{ "stale(PERF_VEHICLE_SPEED)", 6, "see missing()" },
		{ "stale(Vehicle.Speed, 5 m)", 21, "want a time" },
		{ "changed(3)", 8, "want the name of a signal or property" },
		{ "set(Vehicle.Speed)", 4, "Vehicle.Speed" },
		{ "$trick", 0, "a text can only be compared" },
	};
	static struct run r;
	struct said said;

	run_begin(&r, parked);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = judge(&r, rows[i].text, &said);

		if (got != -1 || said.off != rows[i].off ||
		    !strstr(said.msg, rows[i].msg)) {
			fail_msg("%s: %d at %zu: %s; want %zu: %s",
				 rows[i].text, got, said.off, said.msg,
				 rows[i].off, rows[i].msg);
		}
	}
	run_finish(&r);
}

TEST(expr_reports_all_unknown_names_at_once)
{
	static struct run r;
	struct said said;

	run_begin(&r, parked);
	CHECK_EQ(judge(&r, "FOO_A > 1 and FOO_B > 2 or not var(foo_c)", &said),
		 -1);
	CHECK_EQ(said.n, 3);
	run_finish(&r);
}

TEST(expr_comparison_with_a_missing_value_is_false)
{
	static struct run r;
	struct said said;

	/* before the first frame nothing is known */
	run_begin(&r, parked);
	CHECK_EQ(judge(&r, "missing(Vehicle.Speed)", &said), 1);
	CHECK_EQ(judge(&r, "Vehicle.Speed == 0", &said), 0);
	CHECK_EQ(judge(&r, "Vehicle.Speed != 0", &said), 0);
	CHECK_EQ(judge(&r, "max(Vehicle.Speed, 1 m/s) > 0", &said), 0);
	CHECK_EQ(judge(&r, "not Vehicle.Speed == 0", &said), 1);
	run_finish(&r);
}

/* @n times @open, the middle, @n times @close */
static char *nest(const char *open, const char *mid, const char *close,
		  size_t n)
{
	size_t room = n * (strlen(open) + strlen(close)) + strlen(mid) + 1;
	char *s = malloc(room), *p = s;

	for (size_t i = 0; i < n; i++) {
		p = stpcpy(p, open);
	}
	p = stpcpy(p, mid);
	for (size_t i = 0; i < n; i++) {
		p = stpcpy(p, close);
	}
	return s;
}

TEST(expr_bounds_depth_and_length)
{
	static const struct {
		const char *open, *mid, *close;
	} rows[] = {
		{ "(", "true", ")" },    { "not ", "true", "" },
		{ "- ", "1", "" },       { "", "true", " and true" },
		{ "abs(", "1", ")" },    { "1 + (", "1", ")" },
		{ "min(1, ", "1", ")" }, { "", "1", " + 1" },
	};
	static struct run r;
	struct said said;

	run_begin(&r, parked);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *deep =
			nest(rows[i].open, rows[i].mid, rows[i].close, 100000);

		CHECK_EQ(judge(&r, deep, &said), -1);
		CHECK_EQ(said.n, 1);
		free(deep);
	}
	for (size_t i = 0; i < 4; i++) {
		char *ok = nest(rows[i].open, rows[i].mid, rows[i].close, 30);

		judge(&r, ok, &said);
		CHECK(i == 2 || said.n == 0);
		free(ok);
	}
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(T(expr_evaluates_as_written),
			 T(expr_points_at_what_is_wrong),
			 T(expr_reports_all_unknown_names_at_once),
			 T(expr_comparison_with_a_missing_value_is_false),
			 T(expr_bounds_depth_and_length));
}
