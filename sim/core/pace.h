/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pacing: how virtual time follows the wall clock. The only file that reads a
 * host clock on behalf of the simulation; what it decides never reaches the
 * simulated world, so a run is the same at any speed.
 */
#ifndef AVSIM_CORE_PACE_H
#define AVSIM_CORE_PACE_H

#include "sim/core/vtime.h"

#include <stdbool.h>

#define PACE_MAX 0.0 /* as fast as possible */

struct pace {
	double speed;	 /* virtual seconds per wall second, PACE_MAX */
	bool paused;
	vtime step_to;	 /* while paused: run up to here, then stop again */
	int64_t wall0;	 /* CLOCK_MONOTONIC ns at @virt0 */
	vtime virt0;
	int64_t late_max_ns; /* worst lateness so far */
	uint64_t late_n;     /* wake-ups later than 10 ms */
};

int64_t pace_wall_ns(void); /* CLOCK_MONOTONIC */
int64_t pace_boot_ns(void); /* CLOCK_BOOTTIME, as guests stamp with; for services */

void pace_init(struct pace *p, double speed);
void pace_set_speed(struct pace *p, double speed, vtime now);
void pace_pause(struct pace *p, bool paused, vtime now);
void pace_step(struct pace *p, vtime by, vtime now); /* only while paused */

/**
 * pace_until() - How far virtual time may run at wall time @wall
 * @next:	virtual due time of the next event
 * @wake:	wall time at which @next becomes due; INT64_MAX while paused
 *
 * Return: virtual time up to which events may fire now. After the host slept
 * (SIGSTOP, suspend) virtual time does not burst: what is more than 250 ms late
 * is given up and counted.
 */
vtime pace_until(struct pace *p, int64_t wall, vtime now, vtime next,
		 int64_t *wake);

#endif
