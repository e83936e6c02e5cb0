/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all unit tests share: cmocka, and where test data lies.
 *
 *	TEST(evq_equal_times_fire_in_arming_order)
 *	{
 *		CHECK_EQ(..., ...);
 *	}
 *	int main(void)
 *	{
 *		return RUN_TESTS(T(evq_equal_times_fire_in_arming_order));
 *	}
 */
#ifndef AVSIM_TESTS_UNIT_TEST_H
#define AVSIM_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#define TEST(name) static void name(__attribute__((unused)) void **state_)
#define T(name) cmocka_unit_test(name)
#define RUN_TESTS(...)                                                         \
	test_run((const struct CMUnitTest[]){ __VA_ARGS__ },                   \
		 sizeof((const struct CMUnitTest[]){ __VA_ARGS__ }) /          \
			 sizeof(struct CMUnitTest))

#define CHECK(x) assert_true(x)
#define CHECK_EQ(a, b) assert_int_equal(a, b)
#define CHECK_STR(a, b) assert_string_equal(a, b)
#define CHECK_NEAR(a, b, tol)                                                  \
	do {                                                                   \
		double a_ = (a), b_ = (b), t_ = (tol);                         \
		if (!(fabs(a_ - b_) <= t_)) {                                  \
			fail_msg("%s = %.12g, want %.12g +- %g", #a, a_, b_,   \
				 t_);                                          \
		}                                                              \
	} while (0)

/* Ends the test as skipped, with its reason on the terminal. */
#define SKIP(...)                                                              \
	do {                                                                   \
		printf("SKIP %s: ", __func__);                                 \
		printf(__VA_ARGS__);                                           \
		printf("\n");                                                  \
		skip();                                                        \
	} while (0)

static inline int test_run(const struct CMUnitTest *tests, size_t n)
{
	return _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
}

/* A file of the source tree: "tests/data/x.dbc". */
static inline const char *src_path(const char *rel, char buf[4096])
{
	const char *dir = getenv("AVSIM_TOP_SRCDIR");

	snprintf(buf, 4096, "%s/%s", dir ? dir : ".", rel);
	return buf;
}

/* A file of the shared data set: "can/tesla_can.dbc"; NULL where it is not
 * there (then SKIP("no shared data")). */
static inline const char *shared_path(const char *rel, char buf[4096])
{
	const char *dir = getenv("AVSIM_SHARED_DATA");

	if (dir) {
		snprintf(buf, 4096, "%s/%s", dir, rel);
	} else {
		char top[4096];

		if (snprintf(buf, 4096, "%s/%s",
			     src_path("../shared/data", top), rel) >= 4096) {
			return NULL;
		}
	}
	return access(buf, R_OK) == 0 ? buf : NULL;
}

#endif
