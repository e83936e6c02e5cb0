/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/steer.h"

#include "scenarios/action.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_MAX (3600 * VT_S)

int steer_command(const struct steer *s, const char *text, struct av_err *err)
{
	const struct action *a;
	struct args args;
	void *arena = NULL;
	int ret;

	if (s->replay) {
		return av_err_set(err, -EPERM,
				  "a replay takes its inputs from the "
				  "recording only");
	}
	if (world_done(s->w)) {
		return av_err_set(err, -ESHUTDOWN, "the run has ended");
	}
	ret = action_parse(text, &a, &args, &arena, err);
	if (ret == 0) {
		ret = action_check(s->w, a, &args, true, err);
	}
	free(arena);
	if (ret == 0 && cmdq_post(s->w->cmdq, CMD_FROM_USER, text) < 0) {
		ret = av_err_set(err, -ENOSPC, "too many commands are waiting");
	}
	return ret;
}

void steer_pause(const struct steer *s, bool paused)
{
	pace_pause(s->pace, paused, evq_now(s->w->q));
}

int steer_step(const struct steer *s, vtime by, struct av_err *err)
{
	struct pace *p = s->pace;
	vtime now = evq_now(s->w->q);

	if (!p->paused) {
		return av_err_set(err, -EBUSY, "not paused: pause first");
	}
	if (by < 0 || by > STEP_MAX) {
		return av_err_set(err, -EINVAL, "a step is 0 to 1 hour");
	}
	pace_step(p, by ? by : VEHICLE_STEP,
		  p->step_to > now ? p->step_to : now);
	return 0;
}

int steer_speed(const struct steer *s, double speed, struct av_err *err)
{
	if (!(speed == PACE_MAX || (speed >= 0.01 && speed <= 1e6))) {
		return av_err_set(err, -EINVAL,
				  "speed is 0 (as fast as possible) or 0.01 to "
				  "1e6");
	}
	pace_set_speed(s->pace, speed, evq_now(s->w->q));
	return 0;
}
