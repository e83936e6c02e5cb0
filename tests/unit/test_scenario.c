/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: when things happen, what is expected, how it ends. */
#include "config.h"

#include "sim/core/cmdq.h"
#include "sim/inputs.h"
#include "tests/unit/scenario_world.h"

#include <errno.h>

#define HEAD                                                                   \
	"duration: 4s\n"                                                       \
	"start: { ignition: on, gear: P }\n"

TEST(scenario_at_takes_effect_at_that_very_moment)
{
	static struct run r;

	r.watch = VV_horn;
	r.limit = 0.5;
	run_all(&r, HEAD "timeline:\n"
			 "  - at: 1s\n"
			 "    do: { horn: true }\n"
			 "  - at: 0s\n"
			 "    do: { mark: first }\n");
	CHECK_EQ(r.first_above, VT_S);
	CHECK_EQ(run_count(&r, "1.000 do: horn on=true\n"), 1);
	CHECK_EQ(run_count(&r, "0.000 mark: first\n"), 1);
	CHECK_EQ(run_count(&r, "0.000 start: t\n"), 1);
	CHECK_EQ(run_count(&r, "4.000 end: none\n"), 1);
	run_finish(&r);
}

TEST(scenario_every_keeps_from_until_and_times)
{
	static struct run r;

	run_all(&r, HEAD "timeline:\n"
			 "  - { every: 500ms, do: { mark: a } }\n"
			 "  - { every: 1s, from: 1500ms, until: 3s, "
			 "do: { mark: b } }\n"
			 "  - { every: 10ms, times: 3, from: 1s, "
			 "do: { mark: c } }\n"
			 "  - { every: 25ms, from: 2s, until: 2.1s, "
			 "do: { mark: d } }\n");
	CHECK_EQ(run_count(&r, "mark: a\n"), 9); /* 0, 0.5 .. 4 */
	CHECK_EQ(run_count(&r, "mark: b\n"), 2);
	CHECK_EQ(run_count(&r, "1.500 mark: b\n"), 1);
	CHECK_EQ(run_count(&r, "2.500 mark: b\n"), 1);
	CHECK_EQ(run_count(&r, "mark: c\n"), 3);
	CHECK_EQ(run_count(&r, "1.020 mark: c\n"), 1);
	CHECK_EQ(run_count(&r, "mark: d\n"), 5);
	run_finish(&r);
}

TEST(scenario_when_acts_on_the_edge_once_or_each_time)
{
	static struct run r;

	run_all(&r,
		HEAD "timeline:\n"
		     "  - { every: 1s, do: [ { horn: true }, { wait: 300ms "
		     "}, { horn: false } ] }\n"
		     "  - { when: var(horn), do: { mark: once } }\n"
		     "  - { when: var(horn), repeat: true, do: { mark: each "
		     "} }\n"
		     "  - { when: var(horn), times: 2, do: { mark: twice } "
		     "}\n"
		     "  - { when: var(horn), from: 2.5s, do: { mark: late } "
		     "}\n"
		     "  - { when: var(horn), until: 500ms, repeat: true, "
		     "do: { mark: early } }\n");
	CHECK_EQ(run_count(&r, "mark: once\n"), 1);
	CHECK_EQ(run_count(&r, "mark: each\n"), 4); /* not yet at 4.0 */
	CHECK_EQ(run_count(&r, "mark: twice\n"), 2);
	CHECK_EQ(run_count(&r, "3.010 mark: late\n"), 1);
	CHECK_EQ(run_count(&r, "mark: early\n"), 1);
	run_finish(&r);
}

TEST(scenario_list_waits_and_runs_once_at_a_time)
{
	static struct run r;

	run_all(&r, HEAD
		"timeline:\n"
		"  - at: 1s\n"
		"    do:\n"
		"      - mark: a\n"
		"      - wait: 250ms\n"
		"      - mark: b\n"
		"      - until: var(horn)\n"
		"      - mark: c\n"
		"  - { at: 2s, do: { horn: true } }\n"
		"  - { every: 100ms, times: 20, do: [ { wait: 1s }, { mark: d "
		"} ] }\n");
	CHECK_EQ(run_count(&r, "1.000 mark: a\n"), 1);
	CHECK_EQ(run_count(&r, "1.250 mark: b\n"), 1);
	CHECK_EQ(run_count(&r, "2.010 mark: c\n"), 1);
	/* those that came while it ran were left out */
	CHECK_EQ(run_count(&r, "mark: d\n"), 2);
	run_finish(&r);
}

TEST(scenario_ramp_moves_over_time)
{
	static struct run r;

	r.watch = VV_rain;
	run_all(&r, HEAD "timeline:\n"
			 "  - at: 0s\n"
			 "    do: { var: { name: rain, value: 0.2 } }\n"
			 "  - at: 1s\n"
			 "    do: { var: { name: rain, value: 0.8, over: 2s } "
			 "}\n");
	CHECK_NEAR(r.at_1s, 0.2, 1e-9);
	CHECK_NEAR(r.at_2s, 0.5, 1e-9);
	CHECK_NEAR(r.at_3s, 0.8, 1e-9);
	CHECK_EQ(run_count(&r, "do: var name=rain value=0.8 over=2\n"), 1);
	CHECK_EQ(run_count(&r, "do: "), 2);
	run_finish(&r);
}

TEST(scenario_smooth_ramp_and_profile)
{
	static struct run r;

	r.watch = VV_rain;
	run_all(&r, "duration: 4s\n"
		    "timeline:\n"
		    "  - at: 0s\n"
		    "    do:\n"
		    "      - { var: { name: rain, value: 0 } }\n"
		    "      - { wait: 500ms }\n"
		    "      - { var: { name: rain, value: 1, over: 2s, ease: "
		    "smooth } }\n");
	CHECK_NEAR(r.at_1s, 0.15625, 1e-9); /* 3 u^2 - 2 u^3 of 1/4 */
	CHECK_NEAR(r.at_2s, 0.84375, 1e-9);
	run_finish(&r);

	static struct run p;

	p.watch = VV_rain;
	run_all(&p, "duration: 4s\n"
		    "timeline:\n"
		    "  - at: 500ms\n"
		    "    do: { var: { name: rain, profile: [[0, 0.1], [1s, "
		    "0.5], [1.5s, 0]] } }\n");
	CHECK_NEAR(p.at_1s, 0.3, 1e-9);
	CHECK_NEAR(p.at_2s, 0, 1e-9);
	CHECK_EQ(run_count(&p, "value=profile"), 1);
	run_finish(&p);
}

TEST(scenario_newer_target_ends_a_ramp)
{
	static struct run r;

	r.watch = VV_rain;
	run_all(&r,
		HEAD "timeline:\n"
		     "  - { at: 0s, do: { var: { name: rain, value: 1, "
		     "over: 3s } } }\n"
		     "  - { at: 1500ms, do: { var: { name: rain, value: 0.1 "
		     "} } }\n"
		     "  - { at: 1500ms, do: { var: { name: sun, value: 0.5 "
		     "} } }\n");
	CHECK_NEAR(r.at_1s, 1 / 3.0, 1e-9);
	CHECK_NEAR(r.at_2s, 0.1, 1e-9);
	CHECK_NEAR(r.at_3s, 0.1, 1e-9);
	run_finish(&r);
}

TEST(scenario_profile_and_route_come_from_files)
{
	static const char speed[] = "time,speed\n# comment\n0, 0\r\n"
				    "1;36\n2,36\n";
	static const char way[] = "0,0\n10,0,5\n";
	static const char yaml[] =
		HEAD "routes:\n"
		     "  r: { file: way.csv }\n"
		     "timeline:\n"
		     "  - at: 0s\n"
		     "    do: { speed: { profile: speed.csv, unit: km/h } }\n";
	static struct run r;

	CHECK(run_try(&r, yaml, NULL, 0) < 0);
	CHECK(run_says(&r, "no file 'speed.csv'"));
	CHECK(run_says(&r, "no file 'way.csv'"));
	run_finish(&r);
	memset(&r, 0, sizeof(r));
	r.watch = VV_speed;
	run_try(&r, "duration: 1s\n", NULL, 0); /* fills the bundle */
	world_destroy(r.w);
	free(r.in.file[r.in.n - 1].key);
	free(r.in.file[r.in.n - 1].name);
	free(r.in.file[--r.in.n].data);
	bundle_add(&r.in, BUNDLE_TRACE, "speed.csv", "d/speed.csv", speed,
		   strlen(speed));
	bundle_add(&r.in, BUNDLE_TRACE, "way.csv", "d/way.csv", way,
		   strlen(way));
	run_all(&r, yaml);
	CHECK(r.at_3s > 1);
	run_finish(&r);
}

TEST(scenario_bad_files_are_told_with_their_line)
{
	static const char speed[] = "t,v\n0,0\n1,x\n2\n";
	static struct run r;

	run_try(&r, "duration: 1s\n", NULL, 0);
	world_destroy(r.w);
	free(r.in.file[r.in.n - 1].key);
	free(r.in.file[r.in.n - 1].name);
	free(r.in.file[--r.in.n].data);
	bundle_add(&r.in, BUNDLE_TRACE, "s.csv", "d/s.csv", speed,
		   strlen(speed));
	CHECK(run_try(&r,
		      HEAD "timeline:\n"
			   "  - at: 0s\n"
			   "    do: { brake: { profile: s.csv } }\n",
		      NULL, 0) < 0);
	CHECK_EQ(r.d.n, 2);
	CHECK(run_says(&r, "3:1: want 2 numbers between commas"));
	CHECK(run_says(&r, "4:1: want 2 numbers between commas"));
	run_finish(&r);
}

/* ---- expectations ---- */

static void verdict_is(const char *expect, enum verdict want, double decided,
		       const char *reason)
{
	static struct run r;
	struct expect_status st;
	char yaml[2000];

	memset(&r, 0, sizeof(r));
	snprintf(yaml, sizeof(yaml),
		 HEAD "timeline:\n"
		      "  - { at: 1s, do: { horn: true } }\n"
		      "  - { at: 2s, do: { horn: false } }\n"
		      "expect:\n  - { %s }\n",
		 expect);
	run_all(&r, yaml);
	CHECK_EQ(scenario_expects(r.w->scenario, 0, &st), 1);
	if (st.verdict != want ||
	    fabs(vtime_to_s(st.decided) - decided) > 0.02 ||
	    (reason && (!st.reason || !strstr(st.reason, reason)))) {
		fail_msg("%s: %s at %g: %s", expect, verdict_names[st.verdict],
			 vtime_to_s(st.decided), st.reason);
	}
	CHECK_EQ(scenario_verdict(r.w->scenario), want);
	CHECK_EQ(run_count(&r, verdict_names[want]) > 0, 1);
	run_finish(&r);
}

TEST(scenario_expectations_pass_and_fail)
{
	verdict_is("that: var(horn), by: 2s", VERDICT_PASS, 1, NULL);
	verdict_is("that: var(horn), by: 500ms", VERDICT_FAIL, 0.5,
		   "still false at 0.500 s, horn = 0");
	verdict_is("that: var(horn), at: 1.5s", VERDICT_PASS, 1.5, NULL);
	verdict_is("that: var(horn), at: 2.5s", VERDICT_FAIL, 2.5, "false at");
	verdict_is("that: not var(horn)", VERDICT_PASS, 4, NULL);
	verdict_is("that: var(horn)", VERDICT_FAIL, 4, "false at 4.000 s");
	verdict_is("when: var(horn), that: not var(horn), within: 1500ms",
		   VERDICT_PASS, 2, NULL);
	verdict_is("when: var(horn), that: not var(horn), within: 500ms",
		   VERDICT_FAIL, 1.5, "still false");
	verdict_is("when: var(rain) > 0.5, that: var(horn), within: 1s",
		   VERDICT_FAIL, 4, "never came");
	verdict_is("always: not var(horn)", VERDICT_FAIL, 1, "false at");
	verdict_is("always: not var(horn), from: 2s", VERDICT_PASS, 4, NULL);
	verdict_is("always: var(horn), from: 1s, until: 1.9s", VERDICT_PASS,
		   1.9, NULL);
	verdict_is("never: var(horn)", VERDICT_FAIL, 1, "true at 1.000 s");
	verdict_is("never: var(horn), until: 500ms", VERDICT_PASS, 0.5, NULL);
	verdict_is("that: var(horn), by: 4s, name: x", VERDICT_PASS, 1, NULL);
}

TEST(scenario_expectation_fails_when_the_run_ends_before_its_time)
{
	static struct run r;
	struct expect_status st;

	run_all(&r, HEAD "timeline:\n"
			 "  - { at: 2s, do: end }\n"
			 "expect:\n"
			 "  - { that: var(rain) > 0.5, by: 3s }\n");
	CHECK_EQ(scenario_expects(r.w->scenario, 0, &st), 1);
	CHECK_EQ(st.verdict, VERDICT_FAIL);
	CHECK(strstr(st.reason, "the run ended before"));
	run_finish(&r);
}

TEST(scenario_always_waits_until_there_is_something_to_judge)
{
	/* in the first steps no frame has come yet */
	verdict_is("always: TIRE_PRESSURE/LEFT_FRONT > 100 kPa", VERDICT_PASS,
		   4, NULL);
	verdict_is("never: not (TIRE_PRESSURE/LEFT_FRONT > 100 kPa)",
		   VERDICT_PASS, 4, NULL);
	/* what never comes is no success */
	verdict_is("always: AP_POWER_STATE_REPORT == 5", VERDICT_FAIL, 4,
		   "could not be judged");
}

TEST(scenario_trigger_that_must_come_is_an_expectation)
{
	static struct run r;
	struct expect_status st;

	run_all(&r, HEAD "timeline:\n"
			 "  - { at: 1s, do: { horn: true } }\n"
			 "  - { when: var(horn), within: 2s, do: { mark: yes } "
			 "}\n"
			 "  - { when: var(rain) > 0.5, within: 2s, do: { mark: "
			 "no } }\n");
	CHECK_EQ(scenario_expects(r.w->scenario, 0, &st), 2);
	CHECK_EQ(st.verdict, VERDICT_PASS);
	CHECK_STR(st.text, "within 2s: var(horn)");
	scenario_expects(r.w->scenario, 1, &st);
	CHECK_EQ(st.verdict, VERDICT_FAIL);
	CHECK_EQ(st.decided, 2 * VT_S);
	run_finish(&r);
}

TEST(scenario_refused_action_fails_the_run)
{
	static struct run r;
	struct expect_status st;

	run_all(&r, HEAD "timeline:\n"
			 "  - { at: 1s, do: { gear: D } }\n"
			 "  - { at: 2s, do: { gear: R } }\n");
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_FAIL);
	CHECK_EQ(scenario_expects(r.w->scenario, 0, &st), 1);
	CHECK_STR(st.text, "every action is accepted");
	CHECK_STR(st.reason, "gear to=D: the selector is locked: press the "
			     "brake first");
	CHECK_EQ(run_count(&r, "refused: gear to="), 2);
	run_finish(&r);
}

TEST(scenario_cut_short_leaves_open_what_was_not_reached)
{
	static struct run r;

	run_begin(&r, HEAD "expect:\n"
			   "  - that: var(horn)\n"
			   "  - { that: not var(horn), by: 1s }\n");
	world_run_until(r.w, 2 * VT_S);
	world_end(r.w);
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_NONE);
	run_finish(&r);
}

TEST(scenario_end_action_ends_the_run_as_planned)
{
	static struct run r;

	run_all(&r, HEAD "timeline:\n"
			 "  - { at: 1s, do: end }\n"
			 "  - { at: 2s, do: { mark: too late } }\n"
			 "expect:\n"
			 "  - that: t < 2 s\n");
	CHECK_EQ(evq_now(r.w->q), VT_S);
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_PASS);
	CHECK_EQ(run_count(&r, "too late"), 0);
	run_finish(&r);
}

TEST(scenario_sees_what_a_guest_sets_in_that_step)
{
	static struct run r;

	run_begin(&r, HEAD
		  "timeline:\n"
		  "  - { when: set(HVAC_FAN_SPEED/0x31), repeat: true, "
		  "do: { mark: set } }\n"
		  "  - { when: set(HVAC_FAN_SPEED/0x31) == 5, do: { mark: five "
		  "} }\n"
		  "  - { when: changed(var(hvac_fan_l)), repeat: true, do: { "
		  "mark: moved } }\n");
	world_run_until(r.w, VT_S);
	cmdq_post(r.w->cmdq, CMD_FROM_GUEST,
		  "set property=HVAC_FAN_SPEED/0x31 value=3");
	world_run_until(r.w, 2 * VT_S);
	cmdq_post(r.w->cmdq, CMD_FROM_GUEST,
		  "set property=HVAC_FAN_SPEED/0x31 value=5");
	world_run_until(r.w, VT_NEVER);
	world_end(r.w);
	CHECK_EQ(run_count(&r, "mark: set\n"), 2);
	CHECK_EQ(run_count(&r, "1.020 mark: set\n"), 1);
	CHECK_EQ(run_count(&r, "mark: five\n"), 1);
	CHECK_EQ(run_count(&r, "2.020 mark: five\n"), 1);
	CHECK(run_count(&r, "mark: moved\n") >= 2);
	run_finish(&r);
}

TEST(scenario_fault_breaks_what_it_names_and_mends_it)
{
	static struct run r;

	run_all(&r, "duration: 6s\n"
		    "faults:\n"
		    "  - { at: 2s, fault: can-mute, bus: can0, for: 2s }\n"
		    "expect:\n"
		    "  - { never: 'stale(Vehicle.Speed)', from: 1s, until: 2s "
		    "}\n"
		    "  - { that: 'stale(Vehicle.Speed)', at: 3.9s }\n"
		    "  - { that: 'not stale(Vehicle.Speed)', at: 5s }\n");
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_PASS);
	CHECK_EQ(run_count(&r, "2.000 can-mute: begin bus=can0 for=2\n"), 1);
	CHECK_EQ(run_count(&r, "4.000 can-mute: end bus=can0 for=2\n"), 1);
	run_finish(&r);
}

TEST(scenario_routes_in_degrees_and_metres_agree)
{
	static struct run r;

	/* 0.001 degrees of latitude are 111.2 m there */
	run_all(&r, "duration: 40s\n"
		    "start: { lat: 48, lon: 11, heading: 0 deg, ignition: on "
		    "}\n"
		    "routes:\n"
		    "  north: [{ lat: 48, lon: 11 }, { lat: 48.001, lon: 11 "
		    "}]\n"
		    "timeline:\n"
		    "  - { at: 0s, do: { route: north } }\n"
		    "expect:\n"
		    "  - that: arrived and distance_to(0, 111.19) < 50 cm\n");
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_PASS);
	run_finish(&r);
}

/* ---- the bundled ones ---- */

static enum verdict bundled(const char *name, const struct scenario_param *set,
			    size_t n_set, struct run *r)
{
	struct world_opts o = {
		.inputs = &r->in, .set = set, .n_set = n_set, .until = VT_NEVER
	};
	struct av_err err = { 0 };
	char top[4096];

	av_log_set_sink(run_quiet, NULL);
	if (inputs_load(src_path("", top), name, NULL, set, n_set, &r->in,
			&r->d, &err) < 0 ||
	    world_create(&o, &r->w, &r->d) < 0) {
		av_diags_print(&r->d, stdout);
		fail_msg("%s: %s", name, err.msg);
	}
	bus_subscribe(r->w->bus, TOPIC_SCENARIO, STAGE_TAP, "test", run_on_text,
		      r, &err);
	assert_int_equal(world_start(r->w, &err), 0);
	world_run_until(r->w, VT_NEVER);
	world_end(r->w);
	return scenario_verdict(r->w->scenario);
}

TEST(scenario_bundled_ones_pass)
{
	char top[4096], **names;
	size_t n;

	assert_int_equal(inputs_list(src_path("", top), INPUTS_SCENARIOS,
				     &names, &n), 0);
	CHECK(n >= 7);
	for (size_t i = 0; i < n; i++) {
		static struct run r;

		memset(&r, 0, sizeof(r));
		if (bundled(names[i], NULL, 0, &r) != VERDICT_PASS) {
			fail_msg("%s:\n%s", names[i], r.log);
		}
		run_finish(&r);
		free(names[i]);
	}
	free(names);
}

TEST(scenario_parking_fails_where_the_driver_dawdles)
{
	static const struct scenario_param slow = { "seated", "20" };
	static struct run r;

	CHECK_EQ(bundled("parking", &slow, 1, &r), VERDICT_FAIL);
	CHECK_EQ(run_count(&r, "expect: fail the car is locked"), 1);
	run_finish(&r);
}

TEST(scenario_same_seed_same_events)
{
	static struct run a, b;

	bundled("city-drive", NULL, 0, &a);
	bundled("city-drive", NULL, 0, &b);
	CHECK_STR(a.log, b.log);
	run_finish(&a);
	run_finish(&b);
}

int main(void)
{
	return RUN_TESTS(
		T(scenario_at_takes_effect_at_that_very_moment),
		T(scenario_every_keeps_from_until_and_times),
		T(scenario_when_acts_on_the_edge_once_or_each_time),
		T(scenario_list_waits_and_runs_once_at_a_time),
		T(scenario_ramp_moves_over_time),
		T(scenario_smooth_ramp_and_profile),
		T(scenario_newer_target_ends_a_ramp),
		T(scenario_profile_and_route_come_from_files),
		T(scenario_bad_files_are_told_with_their_line),
		T(scenario_expectations_pass_and_fail),
		T(scenario_expectation_fails_when_the_run_ends_before_its_time),
		T(scenario_always_waits_until_there_is_something_to_judge),
		T(scenario_trigger_that_must_come_is_an_expectation),
		T(scenario_refused_action_fails_the_run),
		T(scenario_cut_short_leaves_open_what_was_not_reached),
		T(scenario_end_action_ends_the_run_as_planned),
		T(scenario_sees_what_a_guest_sets_in_that_step),
		T(scenario_fault_breaks_what_it_names_and_mends_it),
		T(scenario_routes_in_degrees_and_metres_agree),
		T(scenario_bundled_ones_pass),
		T(scenario_parking_fails_where_the_driver_dawdles),
		T(scenario_same_seed_same_events));
}
