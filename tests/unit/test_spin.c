/* SPDX-License-Identifier: Apache-2.0 */
/* When a device looks on before it sleeps, against a made-up clock. */
#include "config.h"

#include "vdevices/spin.h"

#include "test.h"

enum { US = 1000 };

/* Whatever this machine has. */
static struct spin two_cpus(void)
{
	struct spin s;

	spin_init(&s, true);
	s.max = SPIN_MAX_NS;
	return s;
}

/* A request each @pause after the last answer, @work long. Return: ns looked
 * at in vain, over @n of them; @slept: requests that found it asleep. */
static int64_t drive(struct spin *s, int64_t *now, int n, int64_t pause,
		     int64_t work, int *slept)
{
	int64_t wasted = 0;

	*slept = 0;
	for (int i = 0; i < n; i++) {
		int64_t came = *now + pause, t = *now;

		while (t < came && spin_on(s, t, t + US / 2)) {
			t += US / 2;
		}
		if (t < came) {
			(*slept)++;
			wasted += t - *now;
		}
		*now = came + work;
		spin_worked(s, came, *now);
	}
	return wasted;
}

TEST(a_driver_that_comes_again_at_once_finds_it_awake)
{
	struct spin s = two_cpus();
	int64_t now = 1000 * US;
	int slept;

	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	CHECK(slept <= 3);
	drive(&s, &now, 1000, 15 * US, 2 * US, &slept);
	CHECK(slept <= 3);
}

TEST(pauses_too_long_for_it_cost_nothing)
{
	struct spin s = two_cpus();
	int64_t now = 1000 * US;
	int slept;

	CHECK_EQ(drive(&s, &now, 1000, 100 * US, 2 * US, &slept), 0);
	CHECK_EQ(slept, 1000);
	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	/* one bet is lost to learn that times have changed */
	CHECK(drive(&s, &now, 1000, 100 * US, 2 * US, &slept) <= SPIN_MAX_NS);
	CHECK_EQ(slept, 1000);
}

TEST(after_the_last_request_it_sleeps)
{
	struct spin s = two_cpus();
	int64_t now = 1000 * US;
	int slept;

	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	CHECK(spin_on(&s, now, now + US));
	CHECK(!spin_on(&s, now + SPIN_MAX_NS, now + SPIN_MAX_NS));
	CHECK(!spin_on(&s, now + US, now + US)); /* until there was work */
	spin_worked(&s, now + SPIN_MAX_NS, now + SPIN_MAX_NS);
	CHECK(spin_on(&s, now + SPIN_MAX_NS, now + SPIN_MAX_NS + US));
}

TEST(where_others_want_the_cpu_it_leaves_it_to_them)
{
	struct spin s = two_cpus();
	int64_t now = 1000 * US;
	int slept;

	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	CHECK(!spin_on(&s, now, now + SPIN_ROBBED_NS + 1));
	now += SPIN_ROBBED_NS + 1;
	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	CHECK_EQ(slept, 1000);
	now += SPIN_PENANCE_NS;
	drive(&s, &now, 1000, 3 * US, 2 * US, &slept);
	CHECK(slept <= 4);
}

TEST(a_loop_shared_with_others_never_looks_on)
{
	struct spin s;
	int64_t now = 1000 * US;
	int slept;

	spin_init(&s, false);
	CHECK_EQ(drive(&s, &now, 1000, 0, 2 * US, &slept), 0);
	CHECK(!spin_on(&s, now, now));
}

int main(void)
{
	return RUN_TESTS(T(a_driver_that_comes_again_at_once_finds_it_awake),
			 T(pauses_too_long_for_it_cost_nothing),
			 T(after_the_last_request_it_sleeps),
			 T(where_others_want_the_cpu_it_leaves_it_to_them),
			 T(a_loop_shared_with_others_never_looks_on));
}
