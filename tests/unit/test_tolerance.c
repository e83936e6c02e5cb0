/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/tolerance.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

static int parse(const char *text, struct tolerances *t, struct av_diags *d)
{
	*d = (struct av_diags){ 0 };
	return tolerances_parse("t.yaml", text, strlen(text), t, d);
}

static void check_refused(const char *text, unsigned int line, unsigned int col,
			  const char *msg)
{
	struct tolerances t;
	struct av_diags d;

	CHECK_EQ(parse(text, &t, &d), -EINVAL);
	CHECK_EQ(t.n, 0);
	CHECK(d.n >= 1);
	if (d.v[0].line != line || d.v[0].col != col ||
	    !strstr(d.v[0].msg, msg)) {
		fail_msg("%u:%u: %s; want %u:%u: %s", d.v[0].line, d.v[0].col,
			 d.v[0].msg, line, col, msg);
	}
	av_diags_finish(&d);
}

TEST(tolerance_reads_every_key)
{
	static const char text[] = "- match: \"imu,vhal:*SPEED*\"\n"
				   "  kind: continuous\n"
				   "  abs: 0.05\n"
				   "  rel: 2 %\n"
				   "  time: 20ms\n"
				   "  max_gap: 0.5s\n"
				   "  interpolate: hold\n"
				   "  missing: allow\n"
				   "- match: device\n"
				   "  kind: event\n"
				   "  order: any\n"
				   "  window: 3s\n"
				   "  extra: allow\n"
				   "- match: can\n"
				   "  ignore: true\n";
	struct tolerances t;
	struct av_diags d;

	(void)state_;
	CHECK_EQ(parse(text, &t, &d), 0);
	CHECK_EQ(t.n, 3);
	CHECK_EQ(t.rule[0].kind, TOL_CONTINUOUS);
	CHECK_EQ(t.rule[0].interp, TOL_HOLD);
	CHECK_NEAR(t.rule[0].abs, 0.05, 0);
	CHECK_NEAR(t.rule[0].rel, 0.02, 1e-17);
	CHECK_EQ(t.rule[0].time, 20 * VT_MS);
	CHECK_EQ(t.rule[0].max_gap, 500 * VT_MS);
	CHECK(t.rule[0].allow_missing && !t.rule[0].allow_extra);
	CHECK_EQ(t.rule[1].line, 9);
	CHECK(t.rule[1].any_order && t.rule[1].allow_extra);
	CHECK_EQ(t.rule[1].window, 3 * VT_S);
	CHECK(t.rule[2].ignore);
	CHECK_EQ(t.rule[2].window, TOL_WINDOW_DEFAULT);
	CHECK_EQ(tolerances_find(&t, REC_IMU, "accel"), 0);
	CHECK_EQ(tolerances_find(&t, REC_VHAL, "PERF_VEHICLE_SPEED/0"), 0);
	CHECK_EQ(tolerances_find(&t, REC_VHAL, "GEAR_SELECTION/0"), -1);
	CHECK_EQ(tolerances_find(&t, REC_CAN, "0:1A0"), 2);
	CHECK_EQ(tolerances_find(NULL, REC_CAN, "0:1A0"), -1);
	tolerances_finish(&t);
}

TEST(tolerance_file_without_rules_is_fine)
{
	struct tolerances t;
	struct av_diags d;

	(void)state_;
	CHECK_EQ(parse("", &t, &d), 0);
	CHECK_EQ(t.n, 0);
	tolerances_finish(&t);
	CHECK_EQ(parse("[]\n", &t, &d), 0);
	tolerances_finish(&t);
}

TEST(tolerance_defaults_are_exact)
{
	(void)state_;
	for (int ch = 0; ch < REC_N_CHANNELS; ch++) {
		const struct tolerance *t =
			tolerance_default((enum rec_channel)ch);

		CHECK(t->abs == 0 && t->rel == 0);
		CHECK_EQ(t->time, 0);
		CHECK_EQ(t->max_gap, 0);
		CHECK(!t->ignore && !t->any_order && !t->allow_missing &&
		      !t->allow_extra);
	}
	CHECK_EQ(tolerance_default(REC_IMU)->kind, TOL_CONTINUOUS);
	CHECK_EQ(tolerance_default(REC_COMMAND)->kind, TOL_EVENT);
}

TEST(tolerance_mistakes_have_a_place_and_a_remedy)
{
	(void)state_;
	check_refused("match: vhal\n", 1, 1, "want a list of rules");
	check_refused("- vhal\n", 1, 3, "want keys and values");
	check_refused("- abs: 1\n", 1, 3, "'match' is missing");
	check_refused("- match: \"\"\n", 1, 10, "must not be empty");
	check_refused("- match: vhla:X\n", 1, 10, "did you mean 'vhal'?");
	check_refused("- match: vhal,signl:*\n", 1, 10,
		      "did you mean 'signal'?");
	check_refused("- match: vhal\n  windw: 1s\n", 2, 3,
		      "did you mean 'window'?");
	check_refused("- match: vhal\n  abs: -1\n", 2, 8, "'abs' must be");
	check_refused("- match: vhal\n  rel: 150 %\n", 2, 8, "'rel' must be");
	check_refused("- match: vhal\n  abs: nan\n", 2, 8, "abs");
	check_refused("- match: vhal\n  time: 5 parsec\n", 2, 9,
		      "must be a time");
	check_refused("- match: vhal\n  time: -5ms\n", 2, 9, "'time' must be");
	check_refused("- match: vhal\n  order: none\n", 2, 10,
		      "must be one of keep, any");
	check_refused("- match: vhal\n  kind: event\n  max_gap: 1s\n", 3, 12,
		      "'max_gap' is for kind: continuous");
	check_refused("- match: imu\n  kind: continuous\n  order: any\n", 3, 10,
		      "'order' is for kind: event");
	check_refused("- match: vhal\n  time: 2s\n  window: 1s\n", 3, 11,
		      "'window' is smaller than 'time'");
	check_refused("- match: vhal\n- match: imu\n- match: vhal\n", 3, 3,
		      "never used: line 1 matches 'vhal' first");
}

TEST(tolerance_mistakes_come_all_at_once)
{
	struct tolerances t;
	struct av_diags d;

	(void)state_;
	CHECK_EQ(parse("- match: vhal\n  abs: x\n  rel: y\n- mtch: imu\n"
		       "- match: can\n  ignore: perhaps\n",
		       &t, &d),
		 -EINVAL);
	/* abs, rel, mtch unknown, match missing, ignore */
	CHECK_EQ(d.n, 5);
	av_diags_finish(&d);
}

int main(void)
{
	return RUN_TESTS(T(tolerance_reads_every_key),
			 T(tolerance_file_without_rules_is_fine),
			 T(tolerance_defaults_are_exact),
			 T(tolerance_mistakes_have_a_place_and_a_remedy),
			 T(tolerance_mistakes_come_all_at_once));
}
