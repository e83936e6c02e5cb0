/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario file may say, and what is said about one that is wrong. */
#include "config.h"

#include "tests/unit/scenario_world.h"

#include <errno.h>
#include <time.h>

static int parse(const char *yaml, size_t len, const struct scenario_param *set,
		 size_t n_set, struct scenario **s, struct av_diags *d)
{
	return scenario_parse("dir/t.yaml", yaml, len, set, n_set, s, d);
}

/* One message, "line:col: text..." */
static void says(const char *yaml, const char *want)
{
	struct run r = { 0 };
	struct scenario *s = NULL;
	int ret = parse(yaml, strlen(yaml), NULL, 0, &s, &r.d);

	if (ret != -EINVAL || s || r.d.n != 1 || !run_says(&r, want)) {
		av_diags_print(&r.d, stdout);
		fail_msg("%s\nwant %s", yaml, want);
	}
	av_diags_finish(&r.d);
}

#define D "duration: 9s\n"
#define DO D "timeline:\n  - at: 1s\n    do: "

TEST(scenario_file_tells_place_and_remedy)
{
	static const char *const rows[][2] = {
		{ "name: x", "1:1: 'duration' is missing" },
		{ "duration: 0", "1:11: 'duration' must be from 10ms" },
		{ "duration: soon", "1:11: 'duration' must be a time like" },
		{ D "sumary: x", "2:1: unknown key 'sumary' (did you mean "
				 "'summary'?)" },
		{ D "seed: -1", "2:7: 'seed' must be from 0" },
		{ "- a", "1:1: want keys and values here" },
		{ D "start: { heading: 90 }", "2:19: 'heading' needs a unit, "
					      "like '90 deg'" },
		{ D "start: { soc: 80 }", "2:15: 'soc' must be from 0 to 1" },
		{ D "start: { gear: S }", "2:16: 'gear' must be one of P, R, "
					  "N, D" },
		{ D "start: { speed: 5 kg }", "2:17: 'speed': unit 'kg' does "
					      "not fit" },
		{ D "start: { date: 2026-13-01 }",
		  "2:16: 'date' must be like" },
		{ D "start: { date: 2026-01-01T25:00:00Z }",
		  "2:16: 'date' must be like" },
		{ D "routes: { 1st: [[0, 0], [1, 1]] }", "2:11: '1st' is no "
							 "name" },
		{ D "routes: { r: [[0, 0]] }", "2:14: a route is a list of at "
					       "least two" },
		{ D "routes: { r: [[0, 0], [1]] }", "2:23: want [east, north, "
						    "speed]" },
		{ D "routes: { r: [[0, 0], [1, 1, 5]] }",
		  "2:30: 'speed' needs a unit, like '5 km/h'" },
		{ D "routes: { r: [{ lat: 1, lon: 2 }, [1, 1]] }",
		  "2:15: a place in lat and lon needs start" },
		{ D "routes: { r: { speed: 5 km/h } }", "either points or a "
							"file" },
		{ D "zones: { z: { x: 1, y: 2 } }",
		  "2:13: 'radius' is missing" },
		{ D "zones: { z: [[0, 0], [1, 1]] }",
		  "at least three corners" },
		{ D "timeline: { at: 1s }", "2:11: 'timeline' is a list" },
		{ D "timeline: [{ at: 1s }]", "2:12: 'do' is missing" },
		{ D "timeline: [{ do: lock }]", "2:12: want exactly one of at, "
						"every and when" },
		{ D "timeline: [{ at: 1s, every: 2s, do: lock }]",
		  "want exactly one of at" },
		{ D "timeline: [{ at: -1s, do: lock }]", "2:18: 'at' cannot be "
							 "negative" },
		{ D "timeline: [{ at: 1s, times: 3, do: lock }]",
		  "2:29: 'times' goes with every or repeat" },
		{ D "timeline: [{ every: 1ms, do: lock }]",
		  "2:21: 'every' must be at least 10ms" },
		{ D "timeline: [{ at: 1s, do: [] }]", "nothing to do here" },
		{ D "timeline: [{ when: 'a >', do: lock }]",
		  "2:24: the condition ends too early" },
		{ DO "{ luck: 1 }", "4:11: unknown action 'luck' (did you mean "
				    "'lock'?)" },
		{ DO "{ lock: true }", "4:17: 'lock' takes no argument" },
		{ DO "horn", "4:9: 'horn' needs 'on'" },
		{ DO "{ horn: [1] }", "4:17: 'on' must be a single value" },
		{ DO "{ horn: true, lock: x }", "4:9: an action is one verb" },
		{ DO "{ door: { wich: fl } }",
		  "4:19: 'door' has no argument "
		  "'wich' (did you mean 'which'?)" },
		{ DO "{ speed: 50 }",
		  "4:18: 'to' needs a unit, like '50 km/h'" },
		{ DO "{ speed: { to: 50 m/s, over: x } }",
		  "4:38: 'over' must be a time" },
		{ DO "{ speed: { to: 50 m/s, ease: smooth } }",
		  "'ease' goes with 'over'" },
		{ DO "{ gear: { to: P, over: 1s } }", "'gear' has no argument "
						      "'over'" },
		{ DO "{ speed: { profile: [[1, 1 m/s], [1, 2 m/s]] } }",
		  "times of a profile must rise" },
		{ DO "{ speed: { profile: [[0, 1]] } }",
		  "4:34: 'to' needs a unit" },
		{ DO "{ speed: { profile: x.csv } }", "a file of values needs "
						      "a unit" },
		{ DO "{ speed: { profile: [[0, 0]], over: 1s } }",
		  "a profile gives all values" },
		{ DO "{ var: { name: rainn, value: 0 } }",
		  "(did you mean 'rain'?)" },
		{ DO "{ var: { name: rain, value: 1 m } }",
		  "unit 'm' does not fit here" },
		{ DO "{ wait: -1s }", "4:17: 'wait' must be from 0" },
		{ DO "{ until: 1 + }", "the condition ends too early" },
		{ DO "wait", "4:9: 'wait' needs a value" },
		{ DO "{ set: { property: X, value: [[1]] } }",
		  "want a plain value here" },
		{ D "faults: [{ at: 1s, wheel: fl }]", "'fault' is missing" },
		{ D "faults: [{ at: 1s, fault: leak }]",
		  "2:27: 'name': unknown 'leak'" },
		{ D "faults: [{ at: 1s, fault: tyre-leak }]",
		  "'fault' needs 'wheel'" },
		{ D "faults: [{ at: 1s, fault: tyre-leak, wheel: fl, bus: x }]",
		  "'fault' has no argument 'bus'" },
		{ D "expect: [{ by: 1s }]", "want exactly one of that, always "
					    "and never" },
		{ D "expect: [{ that: t > 1 s, within: 1s }]",
		  "'within' goes with when" },
		{ D "expect: [{ that: t > 1 s, when: t > 2 s }]",
		  "'when' needs 'within'" },
		{ D "expect: [{ always: t > 1 s, by: 2s }]",
		  "'by' goes with that" },
		{ D "expect: [{ that: t > 1 s, by: 9001ms }]",
		  "2:31: 'by' is 9.001 s, but the run ends at 9 s; see "
		  "'duration'" },
		{ D "expect: [{ that: t > 1 s, at: 10s }]", "2:31: 'at' is 10 s" },
		{ D "expect: [{ never: t > 1 s, from: 10s }]",
		  "2:34: 'from' is 10 s" },
		{ D "name: $x", "2:7: no parameter 'x'" },
		{ D "name: ${x", "2:7: '$' wants a parameter" },
		{ D "params: { a: $b }", "a parameter is a plain value" },
		{ D "params: { a: 1 }\nname: ${b}", "no parameter 'b'" },
		{ D "name: a\nname: b", "3:1: key 'name' is given twice" },
		{ D "name: &x a", "anchors are not supported" },
		{ D "name: *x", "aliases are not supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		says(rows[i][0], rows[i][1]);
	}
}

TEST(scenario_file_points_into_scalars)
{
	says(D "timeline:\n  - { when: \"t > 1 s and # x\", do: lock }",
	     "3:26: cannot read");
	says(D "timeline:\n  - when: t > 1 s\n      and t ! 5\n    do: lock",
	     "4:13: write 'not'");
	says(D "timeline:\n  - when: >-\n      t > 1 s and\n      t ! 5\n"
	       "    do: lock",
	     "5:9: write 'not'");
	says(D "expect:\n  - that: Tür ! 5\n", "3:");
}

TEST(scenario_file_tells_all_errors_at_once)
{
	static const char yaml[] = "duratoin: 5\n"
				   "start: { gear: X, heading: 90 }\n"
				   "timeline:\n"
				   "  - { at: 1s, do: { luck: 1 } }\n"
				   "  - { at: 1s, do: { horn: maybe } }\n"
				   "expect: [{ that: ( }]\n";
	struct run r = { 0 };
	struct scenario *s;

	CHECK_EQ(parse(yaml, strlen(yaml), NULL, 0, &s, &r.d), -EINVAL);
	CHECK_EQ(r.d.n, 7);
	av_diags_finish(&r.d);
}

TEST(scenario_file_names_of_the_world_are_checked_when_bound)
{
	static const char yaml[] = D
		"timeline:\n"
		"  - when: PERF_VEHICLE_SPED > 1 m/s\n"
		"    do:\n"
		"      - set: { property: HVAC_FAN_SPED, value: 1 }\n"
		"      - set: { property: HVAC_FAN_SPEED/0x31, value: fast }\n"
		"      - route: nowhere\n"
		"      - inject: { bus: can7, id: 1 }\n"
		"      - until: var(horm)\n"
		"faults:\n"
		"  - { at: 1s, fault: can-mute, bus: can0, node: XYZ }\n"
		"expect:\n"
		"  - { when: FOO, that: BAR, within: 1s }\n"
		"  - never: in_zone(x)\n";
	static struct run r;

	CHECK(run_try(&r, yaml, NULL, 0) < 0);
	CHECK_EQ(r.d.n, 10);
	CHECK(run_says(&r, "3:11: "));
	CHECK(run_says(&r, "(did you mean 'PERF_VEHICLE_SPEED'?)"));
	CHECK(run_says(&r, "5:9: set: "));
	CHECK(run_says(&r, "6:9: set: "));
	CHECK(run_says(&r, "7:9: route: no route 'nowhere'"));
	CHECK(run_says(&r, "8:9: inject: no bus 'can7'"));
	CHECK(run_says(&r, "9:20: var() wants"));
	CHECK(run_says(&r, "fault: no node 'XYZ'"));
	CHECK(run_says(&r, "13:13: "));
	CHECK(run_says(&r, "13:24: "));
	CHECK(run_says(&r, "14:20: in_zone()"));
	run_finish(&r);
}

/* ---- parameters ---- */

static const char with_params[] = "duration: ${length}\n"
				  "name: a $what and $$5\n"
				  "params:\n"
				  "  length: 60s\n"
				  "  v: { default: 50 km/h, help: speed }\n"
				  "  n: 3\n"
				  "  what: thing\n"
				  "  on: true\n"
				  "timeline:\n"
				  "  - { at: 1s, do: { speed: $v } }\n"
				  "  - { at: 1s, do: { horn: $on } }\n"
				  "expect:\n"
				  "  - that: PERF_VEHICLE_SPEED < $v\n";

TEST(scenario_file_parameters_have_defaults_and_can_be_set)
{
	static const struct scenario_param set[] = {
		{ "v", "30" },
		{ "what", "x: [1]" },
		{ "length", "5s" },
		{ "on", "false" },
	};
	struct scenario_info info;
	struct scenario *s;
	struct av_diags d = { 0 };

	CHECK_EQ(parse(with_params, strlen(with_params), NULL, 0, &s, &d), 0);
	scenario_info(s, &info);
	CHECK_STR(info.name, "a thing and $5");
	CHECK_EQ(info.duration, 60 * VT_S);
	scenario_destroy(s);
	/* a value never becomes structure, a bare number takes the unit */
	CHECK_EQ(parse(with_params, strlen(with_params), set, 4, &s, &d), 0);
	scenario_info(s, &info);
	CHECK_STR(info.name, "a x: [1] and $5");
	CHECK_EQ(info.duration, 5 * VT_S);
	scenario_destroy(s);
	CHECK_EQ(d.n, 0);
}

TEST(scenario_file_set_values_must_be_of_the_defaults_kind)
{
	static const struct scenario_param set[] = {
		{ "v", "30 kg" },  { "n", "many" }, { "on", "perhaps" },
		{ "lenght", "5" }, { "v", "fast" },
	};
	struct run r = { 0 };
	struct scenario *s;

	CHECK_EQ(parse(with_params, strlen(with_params), set, 5, &s, &r.d),
		 -EINVAL);
	CHECK_EQ(r.d.n, 5);
	CHECK(run_says(&r, "--set v: unit 'kg' does not fit here"));
	CHECK(run_says(&r, "--set n: 'many' is not a number; the default is "
			   "3"));
	CHECK(run_says(&r, "--set on: want true or false"));
	CHECK(run_says(&r, "--set lenght: the scenario has no such parameter "
			   "(did you mean 'length'?)"));
	av_diags_finish(&r.d);
}

TEST(scenario_file_info_has_what_a_run_needs)
{
	static const char yaml[] =
		"duration: 2min\nseed: 77\nvehicle: other\nsummary: s\n"
		"start: { lat: 48.5, lon: -11, heading: 90 deg, gear: D, "
		"ignition: acc, soc: 50 %, date: 2026-02-03T04:05:06Z }\n";
	struct scenario_info i;
	struct scenario *s;
	struct av_diags d = { 0 };

	CHECK_EQ(parse(yaml, strlen(yaml), NULL, 0, &s, &d), 0);
	scenario_info(s, &i);
	CHECK_STR(i.name, "t"); /* of the file */
	CHECK_STR(i.vehicle, "other");
	CHECK_EQ(i.seed, 77);
	CHECK_EQ(i.duration, 120 * VT_S);
	CHECK_NEAR(i.start.lat_deg, 48.5, 0);
	CHECK_NEAR(i.start.heading_rad, 1.5707963, 1e-6);
	CHECK_NEAR(i.start.gear, 3, 0);
	CHECK_NEAR(i.start.ignition, 3, 0);
	CHECK_NEAR(i.start.soc, 0.5, 0);
	CHECK(isnan(i.start.speed_mps));
	CHECK_EQ(i.epoch_ns / VT_S, 1770091506);
	scenario_destroy(s);
}

TEST(scenario_file_names_the_files_it_needs)
{
	static const char yaml[] =
		D "routes: { a: { file: way.csv }, b: { file: way.csv } }\n"
		  "timeline:\n"
		  "  - { at: 1s, do: { brake: { profile: b.csv } } }\n";
	struct scenario *s;
	struct av_diags d = { 0 };

	CHECK_EQ(parse(yaml, strlen(yaml), NULL, 0, &s, &d), 0);
	CHECK_STR(scenario_trace(s, 0), "way.csv");
	CHECK_STR(scenario_trace(s, 1), "b.csv");
	CHECK(!scenario_trace(s, 2));
	scenario_destroy(s);
}

/* ---- hostile and odd bytes ---- */

/* Only that it ends, with a verdict; the sanitizers watch. */
static int survive(const char *buf, size_t len)
{
	struct scenario *s = NULL;
	struct av_diags d = { 0 };
	int ret = parse(buf, len, NULL, 0, &s, &d);

	CHECK((ret == 0) == (s != NULL));
	CHECK(ret == 0 || d.n > 0);
	scenario_destroy(s);
	av_diags_finish(&d);
	return ret;
}

static char *repeat(const char *head, const char *s, size_t n, size_t *len)
{
	size_t h = strlen(head), l = strlen(s);
	char *buf = malloc(h + n * l + 1);

	memcpy(buf, head, h);
	for (size_t i = 0; i < n; i++) {
		memcpy(buf + h + i * l, s, l);
	}
	*len = h + n * l;
	buf[*len] = '\0';
	return buf;
}

TEST(scenario_file_survives_odd_bytes)
{
	static const char crlf[] = "duration: 5s\r\nname: x\r\n";
	static const char bom[] = "\xef\xbb\xbf"
				  "duration: 5s";
	static const char nul[] = "duration: 5s\0\nname: x";
	static const char latin[] = "duration: 5s\nname: caf\xe9\n";
	static const char bomb[] = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c "
				   "[*b,*b]\n";

	CHECK(survive("", 0) < 0);
	CHECK(survive("\n", 1) < 0);
	CHECK(survive("\0", 1) < 0);
	CHECK_EQ(survive("duration: 5s", 12), 0); /* no newline */
	CHECK_EQ(survive(crlf, sizeof(crlf) - 1), 0);
	CHECK_EQ(survive(bom, sizeof(bom) - 1), 0);
	CHECK(survive(nul, sizeof(nul) - 1) < 0);
	CHECK(survive(latin, sizeof(latin) - 1) < 0);
	CHECK(survive(bomb, sizeof(bomb) - 1) < 0);
	CHECK(survive("duration: 1e999", 15) < 0);
	CHECK(survive("duration: 99999999999999999999s", 31) < 0);
}

TEST(scenario_file_bounds_depth)
{
	static const char *const rows[][2] = {
		{ "duration: ", "[" },
		{ "duration: ", "{a: " },
		{ "duration: 1s\nexpect:\n  - that: ", "(" },
		{ "duration: 1s\ntimeline: ", "- " },
	};

	for (size_t i = 0; i < 4; i++) {
		size_t len;
		char *buf = repeat(rows[i][0], rows[i][1], 100000, &len);

		CHECK(survive(buf, len) < 0);
		free(buf);
	}
}

TEST(scenario_file_parameters_cannot_blow_up)
{
	char head[600], *buf;
	size_t len;

	snprintf(head, sizeof(head),
		 "duration: 1s\nparams: { p: %0200d }\nname: ", 0);
	buf = repeat(head, "$p ", 100000, &len);
	CHECK(survive(buf, len) < 0);
	free(buf);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ten times the entries may not take much more than ten times as long. */
TEST(scenario_file_takes_time_in_proportion)
{
	static const char *const rows[][2] = {
		{ D "timeline:\n", "- { at: 1s, do: lock }\n" },
		{ D "timeline:\n", "- { when: t > 1 s, do: { horn: x } }\n" },
		{ D "expect:\n", "- { that: t > $x }\n" },
		{ D "routes:\n  r:\n", "  - [1, 2]\n" },
		{ D "timeline:\n- at: 1s\n  do:\n", "  - wait: 1s\n" },
		{ D "params: { p: 1 }\ntimeline:\n",
		  "- { at: $p, do: lock }\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double t[2];

		for (int big = 0; big < 2; big++) {
			size_t len;
			char *buf = repeat(rows[i][0], rows[i][1],
					   big ? 100000 : 10000, &len);

			t[big] = seconds();
			survive(buf, len);
			t[big] = seconds() - t[big];
			free(buf);
		}
		if (t[1] > 30 * t[0] + 0.2) {
			fail_msg("%s: %g s for ten times what took %g s",
				 rows[i][1], t[1], t[0]);
		}
	}
}

int main(void)
{
	return RUN_TESTS(
		T(scenario_file_tells_place_and_remedy),
		T(scenario_file_points_into_scalars),
		T(scenario_file_tells_all_errors_at_once),
		T(scenario_file_names_of_the_world_are_checked_when_bound),
		T(scenario_file_parameters_have_defaults_and_can_be_set),
		T(scenario_file_set_values_must_be_of_the_defaults_kind),
		T(scenario_file_info_has_what_a_run_needs),
		T(scenario_file_names_the_files_it_needs),
		T(scenario_file_survives_odd_bytes),
		T(scenario_file_bounds_depth),
		T(scenario_file_parameters_cannot_blow_up),
		T(scenario_file_takes_time_in_proportion));
}
