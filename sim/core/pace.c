/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/pace.h"

#include <math.h>
#include <time.h>

#define GIVE_UP_NS (250 * VT_MS) /* wall time we try to catch up */

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * VT_S + ts.tv_nsec;
}

int64_t pace_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t pace_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

/* From now on virtual time @now belongs to wall time @wall. */
static void rebase(struct pace *p, int64_t wall, vtime now)
{
	p->wall0 = wall;
	p->virt0 = now;
}

void pace_init(struct pace *p, double speed)
{
	*p = (struct pace){ .speed = speed };
	rebase(p, pace_wall_ns(), 0);
}

void pace_set_speed(struct pace *p, double speed, vtime now)
{
	p->speed = speed;
	rebase(p, pace_wall_ns(), now);
}

void pace_pause(struct pace *p, bool paused, vtime now)
{
	p->paused = paused;
	p->step_to = now;
	rebase(p, pace_wall_ns(), now);
}

void pace_step(struct pace *p, vtime by, vtime now)
{
	if (p->paused) {
		p->step_to = now + by;
	}
}

/* Wall time at which virtual time @t is due. */
static int64_t wall_of(const struct pace *p, vtime t)
{
	double ns = (double)(t - p->virt0) / p->speed;

	return ns >= 9e18 ? INT64_MAX : p->wall0 + (int64_t)llround(ns);
}

vtime pace_until(struct pace *p, int64_t wall, vtime now, vtime next,
		 int64_t *wake)
{
	int64_t due, late;

	if (p->paused) {
		*wake = next <= p->step_to ? wall : INT64_MAX;
		return p->step_to;
	}
	*wake = wall;
	if (p->speed <= PACE_MAX) {
		return VT_NEVER;
	}
	if (next == VT_NEVER) {
		*wake = INT64_MAX;
		return now;
	}
	due = wall_of(p, next);
	late = wall - due;
	if (late < 0) {
		*wake = due;
		return now;
	}
	if (late > p->late_max_ns) {
		p->late_max_ns = late;
	}
	if (late > 10 * VT_MS) {
		p->late_n++;
	}
	if (late > GIVE_UP_NS) {
		rebase(p, wall, next);
		return next;
	}
	return p->virt0 + (vtime)((double)(wall - p->wall0) * p->speed);
}
