/* SPDX-License-Identifier: Apache-2.0 */
/* The power controller, with guests played by sets. */
#include "config.h"

#include "sim/services/power.h"
#include "tests/unit/scenario_world.h"

/* What the car asked for on AP_POWER_STATE_REQ: "0.010 REQ: [0,0]" */
static void on_vhal(void *ctx, const void *msg)
{
	const struct vhal_event *e = msg;
	struct run *r = ctx;
	char text[64];

	if (!strcmp(e->name, "AP_POWER_STATE_REQ") ||
	    !strcmp(e->name, "AP_POWER_STATE_REPORT") ||
	    !strcmp(e->name, "AP_POWER_BOOTUP_REASON")) {
		vhal_value_text(e->value, text, sizeof(text));
		run_event(r, &(struct text_event){ .t = e->t,
						   .key = e->name + 9,
						   .text = text });
	}
}

#define HEAD                                                                   \
	"name: t\nduration: 60s\nvehicle: compact-ev\n"                        \
	"start: { ignition: on, gear: P }\n"

static void begin(struct run *r, const char *yaml)
{
	struct av_err err;

	memset(r, 0, sizeof(*r));
	run_begin(r, yaml);
	CHECK_EQ(bus_subscribe(r->w->bus, TOPIC_POWER, STAGE_TAP, "test",
			       run_on_text, r, &err),
		 0);
	CHECK_EQ(bus_subscribe(r->w->bus, TOPIC_VHAL, STAGE_TAP, "test",
			       on_vhal, r, &err),
		 0);
}

static void post(struct run *r, enum cmd_source from, const char *text)
{
	CHECK_EQ(cmdq_post(r->w->cmdq, from, text), 0);
	/* applied in the next step, answered in the one after it */
	world_run_until(r->w, evq_now(r->w->q) + 2 * VEHICLE_STEP);
}

static void report(struct run *r, int what, int ms)
{
	char text[80];

	snprintf(text, sizeof(text),
		 "set property=AP_POWER_STATE_REPORT value=[%d,%d]", what, ms);
	post(r, CMD_FROM_GUEST, text);
}

static void pass(struct run *r, vtime t)
{
	world_run_until(r->w, evq_now(r->w->q) + t);
}

static enum power_state state(const struct run *r)
{
	return power_state(r->w->power);
}

static bool has(const struct run *r, const char *text)
{
	return run_count(r, text) > 0;
}

/* The reason of the only failure, "" for none. */
static const char *failure(const struct run *r)
{
	struct expect_status st = { 0 };
	size_t n = scenario_expects(r->w->scenario, 0, &st);

	if (n == 0) {
		return "";
	}
	CHECK_EQ(n, 1);
	CHECK_EQ(st.verdict, VERDICT_FAIL);
	CHECK_STR(st.text, "the guest keeps the deadlines of a shutdown");
	return st.reason;
}

static void boot(struct run *r)
{
	report(r, 1, 0);
	report(r, 6, 0);
	CHECK_EQ(state(r), POWER_ON);
}

TEST(power_answers_reports_as_the_reference_does)
{
	static const struct {
		int report;
		const char *answer;
		enum power_state state;
	} rows[] = {
		{ 1, "STATE_REQ: [0,0]", POWER_STARTING },
		{ 6, NULL, POWER_ON },
		{ 7, NULL, POWER_ON },
		{ 4, NULL, POWER_ON },
		{ 2, "STATE_REQ: [3,0]", POWER_FINISHED },
		{ 3, "STATE_REQ: [0,0]", POWER_STARTING },
		{ 6, NULL, POWER_ON },
		{ 5, "STATE_REQ: [3,0]", POWER_FINISHED },
		{ 1, "STATE_REQ: [0,0]", POWER_STARTING },
		{ 8, "STATE_REQ: [0,0]", POWER_STARTING },
		{ 9, "STATE_REQ: [3,0]", POWER_FINISHED },
		{ 10, "STATE_REQ: [0,0]", POWER_STARTING },
		{ 77, NULL, POWER_STARTING },
	};
	static struct run r;

	begin(&r, HEAD);
	CHECK_EQ(state(&r), POWER_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.n = 0;
		memset(r.log, 0, sizeof(r.log));
		report(&r, rows[i].report, 0);
		CHECK_EQ(state(&r), rows[i].state);
		CHECK_EQ(run_count(&r, "STATE_REQ:"), rows[i].answer ? 1 : 0);
		CHECK(!rows[i].answer || has(&r, rows[i].answer));
	}
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_postponed_twice_then_finished)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown");
	CHECK(has(&r, "STATE_REQ: [1,2]"));
	CHECK_EQ(state(&r), POWER_PREPARE);
	report(&r, 7, 0);
	CHECK_EQ(state(&r), POWER_GARAGE);
	pass(&r, 4 * VT_S);
	report(&r, 4, 5000);
	pass(&r, 4 * VT_S);
	report(&r, 4, 5000); /* the same again is a heartbeat, too */
	CHECK_EQ(run_count(&r, "STATE_REPORT: [4,5000]"), 2);
	CHECK(has(&r, "postpone: 2 postponements, 10 s in all"));
	pass(&r, 4 * VT_S);
	report(&r, 5, 0);
	CHECK_EQ(state(&r), POWER_FINISHED);
	pass(&r, 20 * VT_S);
	CHECK_EQ(state(&r), POWER_FINISHED);
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_heartbeat_missed_after_more_than_five_seconds)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown");
	report(&r, 4, 5000);
	/* asked at 0.050, heard at 0.070; looked every second from 0.050 */
	world_run_until(r.w, 5050 * VT_MS);
	CHECK_EQ(state(&r), POWER_GARAGE);
	world_run_until(r.w, 6050 * VT_MS);
	CHECK_EQ(state(&r), POWER_OVERDUE);
	CHECK_STR(failure(&r), "no heartbeat for 5.98 s (limit 5 s) after 1 "
			       "postponement, 5 s in all");
	CHECK(has(&r, "6.050 deadline: no heartbeat"));
	/* what comes late is answered all the same */
	report(&r, 5, 0);
	CHECK(has(&r, "STATE_REQ: [3,0]"));
	CHECK_EQ(state(&r), POWER_FINISHED);
	CHECK_EQ(scenario_verdict(r.w->scenario), VERDICT_FAIL);
	run_finish(&r);
}

TEST(power_no_answer_to_a_request_fails)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_SERVICE,
	     "power request=shutdown param=shutdown-only");
	CHECK(has(&r, "request: shutdown param=shutdown-only from=service"));
	CHECK(has(&r, "STATE_REQ: [1,3]"));
	pass(&r, 7 * VT_S);
	CHECK_STR(failure(&r), "no answer to the shutdown request for 6 s "
			       "(limit 5 s)");
	run_finish(&r);
}

TEST(power_without_a_guest_is_not_judged)
{
	static struct run r;

	begin(&r, HEAD "timeline: [ { at: 1s, do: { power: shutdown } } ]\n");
	pass(&r, 2 * VT_S);
	CHECK_EQ(state(&r), POWER_PREPARE);
	pass(&r, 6 * VT_S);
	CHECK_EQ(state(&r), POWER_NONE);
	CHECK(has(&r, "7.000 deadline: no answer"));
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_a_guests_own_request_is_not_judged)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_GUEST, "set property=SHUTDOWN_REQUEST value=4");
	CHECK(has(&r, "ignored: SHUTDOWN_REQUEST from=guest: VEHICLE_IN_USE is "
		      "true"));
	CHECK_EQ(state(&r), POWER_ON);
	post(&r, CMD_FROM_GUEST, "set property=VEHICLE_IN_USE value=false");
	post(&r, CMD_FROM_GUEST, "set property=SHUTDOWN_REQUEST value=4");
	CHECK(has(&r, "STATE_REQ: [1,4]"));
	CHECK_EQ(state(&r), POWER_PREPARE);
	pass(&r, 7 * VT_S);
	CHECK_EQ(state(&r), POWER_OVERDUE);
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_cancelled_shutdown_goes_on)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=on");
	CHECK(has(&r, "ignored: on from=user: no shutdown is under way"));
	post(&r, CMD_FROM_USER, "power request=shutdown max=3");
	report(&r, 4, 5000);
	post(&r, CMD_FROM_USER, "power request=on");
	CHECK(has(&r, "STATE_REQ: [2,0]"));
	CHECK_EQ(state(&r), POWER_CANCEL);
	pass(&r, 4 * VT_S);  /* the maximum is off with it */
	report(&r, 4, 5000); /* was on its way: no heartbeat any more */
	report(&r, 8, 0);
	CHECK_EQ(state(&r), POWER_STARTING);
	report(&r, 6, 0);
	CHECK_EQ(state(&r), POWER_ON);
	pass(&r, 20 * VT_S);
	CHECK_EQ(state(&r), POWER_ON);
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_cancel_that_is_not_confirmed_fails)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown");
	report(&r, 4, 5000);
	post(&r, CMD_FROM_USER, "power request=on");
	for (int i = 0; i < 7; i++) {
		report(&r, 4, 5000);
		pass(&r, VT_S);
	}
	CHECK_STR(failure(&r), "no answer to the end of the shutdown for 6 s "
			       "(limit 5 s)");
	run_finish(&r);
}

TEST(power_garage_mode_over_its_maximum_fails)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown max=3.5");
	for (int i = 0; i < 3; i++) {
		report(&r, 4, 2000);
		pass(&r, VT_S);
	}
	CHECK_EQ(state(&r), POWER_GARAGE);
	pass(&r, VT_S);
	CHECK_STR(failure(&r), "not finished within the maximum of 3.5 s after "
			       "3 postponements, 6 s in all");
	CHECK(has(&r, "3.550 deadline: "));
	run_finish(&r);
}

TEST(power_finishing_at_the_maximum_is_in_time)
{
	static struct run r;

	/* both commands are applied at full steps: 0 and 3 s */
	begin(&r, HEAD "timeline:\n"
		       "  - { at: 0s, do: { set: { property: "
		       "AP_POWER_STATE_REPORT, value: [6, 0] } } }\n"
		       "  - { at: 1s, do: { power: { request: shutdown, max: "
		       "3s } } }\n"
		       "  - { at: 4s, do: { set: { property: "
		       "AP_POWER_STATE_REPORT, value: [5, 0] } } }\n");
	pass(&r, 10 * VT_S);
	CHECK_EQ(state(&r), POWER_FINISHED);
	CHECK_STR(failure(&r), "");
	run_finish(&r);
}

TEST(power_guest_that_restarts_instead_of_finishing_fails)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown");
	report(&r, 4, 5000);
	report(&r, 1, 0);
	CHECK_EQ(state(&r), POWER_STARTING);
	CHECK_STR(failure(&r), "the guest started anew instead of finishing");
	run_finish(&r);
}

TEST(power_second_request_starts_over)
{
	static struct run r;

	begin(&r, HEAD);
	boot(&r);
	post(&r, CMD_FROM_USER, "power request=shutdown max=5");
	report(&r, 4, 5000);
	pass(&r, 4 * VT_S);
	post(&r, CMD_FROM_USER,
	     "power request=shutdown param=sleep-immediately");
	CHECK(has(&r, "STATE_REQ: [1,4]"));
	CHECK_EQ(state(&r), POWER_PREPARE);
	pass(&r, 4 * VT_S);
	CHECK_STR(failure(&r), ""); /* neither old maximum nor old heartbeat */
	report(&r, 2, 0);
	CHECK_EQ(state(&r), POWER_FINISHED);
	post(&r, CMD_FROM_USER, "power request=shutdown");
	CHECK(has(&r, "ignored: shutdown from=user: the guest has finished "
		      "already"));
	run_finish(&r);
}

TEST(power_bootup_reason_is_told)
{
	static struct run r;

	begin(&r, HEAD);
	post(&r, CMD_FROM_USER, "power request=on reason=remote-access");
	CHECK(has(&r, "BOOTUP_REASON: 2"));
	run_finish(&r);
}

TEST(power_is_a_word_in_conditions)
{
	static struct run r;

	begin(&r, HEAD "timeline:\n"
		       "  - { at: 1s, do: { set: { property: "
		       "AP_POWER_STATE_REPORT, value: [6, 0] } } }\n"
		       "  - { when: power == on, do: { power: { request: "
		       "shutdown, param: can-hibernate } } }\n"
		       "  - { when: power == prepare, do: { mark: asked } }\n"
		       "expect: [ { that: power == finished } ]\n");
	world_run_until(r.w, VT_NEVER);
	world_end(r.w);
	/* on at 1.000, seen and asked for in the step after, sent in the next
	 */
	CHECK(has(&r, "1.020 STATE_REQ: [1,6]"));
	CHECK(has(&r, "mark: asked"));
	CHECK(has(&r, "power = overdue"));
	run_finish(&r);
}

TEST(power_arguments_are_checked)
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	CHECK(run_try(&r,
		      HEAD
		      "timeline:\n"
		      "  - { at: 1s, do: { power: { request: on, max: 3s } } "
		      "}\n"
		      "  - { at: 1s, do: { power: { request: shutdown, max: 0s "
		      "} } }\n"
		      "  - { when: power == prepared, do: lock }\n",
		      NULL, 0) < 0);
	CHECK(run_says(&r, "'param' and 'max' go with 'shutdown' only"));
	CHECK(run_says(&r, "'max' must be more than 0"));
	CHECK(run_says(&r, "did you mean 'prepare'?"));
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(
		T(power_answers_reports_as_the_reference_does),
		T(power_postponed_twice_then_finished),
		T(power_heartbeat_missed_after_more_than_five_seconds),
		T(power_no_answer_to_a_request_fails),
		T(power_without_a_guest_is_not_judged),
		T(power_a_guests_own_request_is_not_judged),
		T(power_cancelled_shutdown_goes_on),
		T(power_cancel_that_is_not_confirmed_fails),
		T(power_garage_mode_over_its_maximum_fails),
		T(power_finishing_at_the_maximum_is_in_time),
		T(power_guest_that_restarts_instead_of_finishing_fails),
		T(power_second_request_starts_over),
		T(power_bootup_reason_is_told),
		T(power_is_a_word_in_conditions),
		T(power_arguments_are_checked));
}
