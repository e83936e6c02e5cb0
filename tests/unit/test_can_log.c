/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/can/can_log.h"

#include <errno.h>
#include <string.h>

static const char *const buses[] = { "pt", "body" };

static int parse(const char *text, size_t n_buses, struct can_log *l,
		 struct av_diags *d)
{
	return can_log_parse("t.log", text, strlen(text), buses, n_buses, l, d);
}

TEST(can_log_counts_from_the_first_frame_of_the_buses_it_plays)
{
	struct av_diags d = { 0 };
	struct can_log l;

	CHECK_EQ(parse("(100.000000) radar 001#00\n"
		       "(100.500000) body 002#01\n"
		       "(100.500000) pt 003#02\n"
		       "(100.250000) radar 001#00\n"
		       "(101.000001) pt 004#03\n",
		       2, &l, &d),
		 0);
	CHECK_EQ(l.n, 3);
	CHECK_EQ(l.epoch_ns, 100500000000);
	CHECK_EQ(l.frame[0].t, 0);
	CHECK_EQ(l.frame[0].bus, 1);
	CHECK_EQ(l.frame[0].id, 2);
	CHECK_EQ(l.frame[1].t, 0);
	CHECK_EQ(l.frame[1].bus, 0);
	CHECK_EQ(l.frame[2].t, 500001000);
	CHECK_EQ(l.frame[2].data[0], 3);
	can_log_finish(&l);
	can_log_finish(&l);
}

TEST(can_log_tells_all_that_is_wrong_and_holds_nothing)
{
	struct av_diags d = { 0 };
	struct can_log l;

	CHECK_EQ(parse("(100.5) pt 001#00\n(100.25) pt 001#00\nnonsense\n"
		       "(100.75) pt 001#00\n(100.6) pt 001#00\n",
		       1, &l, &d),
		 -EINVAL);
	CHECK_EQ(d.n, 3);
	CHECK_EQ(d.v[0].line, 2);
	CHECK(strstr(d.v[0].msg, "time goes back") != NULL);
	CHECK_EQ(d.v[1].line, 3);
	CHECK_EQ(d.v[2].line, 5);
	CHECK(l.frame == NULL);
	CHECK_EQ(l.n, 0);
	av_diags_finish(&d);
}

TEST(can_log_without_frames_of_its_buses_is_refused)
{
	struct av_diags d = { 0 };
	struct can_log l;

	CHECK_EQ(parse("(100.5) radar 001#00\n", 2, &l, &d), -EINVAL);
	CHECK_EQ(d.n, 1);
	CHECK(strstr(d.v[0].msg, "pt") != NULL);
	av_diags_finish(&d);
	CHECK_EQ(parse("", 1, &l, NULL), -EINVAL);
}

int main(void)
{
	return RUN_TESTS(
		T(can_log_counts_from_the_first_frame_of_the_buses_it_plays),
		T(can_log_tells_all_that_is_wrong_and_holds_nothing),
		T(can_log_without_frames_of_its_buses_is_refused));
}
