/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/spin.h"

#include <sched.h>

static bool alone(void)
{
	cpu_set_t set;

	/* an error: more CPUs than the set has room for */
	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) < 2;
}

void spin_init(struct spin *s, bool allowed)
{
	*s = (struct spin){ .max = allowed && !alone() ? SPIN_MAX_NS : 0,
			    .asleep = true };
}

/* What the pause before @came says about the next one. */
static void learn(struct spin *s, int64_t came)
{
	if (came - s->worked > s->max || came < s->penance) {
		s->window = 0; /* it would have been in vain */
	} else if (s->window < s->max) {
		s->window = s->window ? 2 * s->window : s->max / 4;
	}
}

void spin_worked(struct spin *s, int64_t came, int64_t now)
{
	if (s->asleep) {
		learn(s, came);
	}
	s->worked = now;
	s->asleep = !s->window;
}

bool spin_on(struct spin *s, int64_t looked, int64_t now)
{
	if (now - looked > SPIN_ROBBED_NS) {
		s->window = 0;
		s->penance = now + SPIN_PENANCE_NS;
	}
	if (now - s->worked >= s->window) {
		s->asleep = true;
	}
	return !s->asleep;
}
