/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on motion sensors. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/world.h"

#include <errno.h>

enum { ARG_SENSOR, ARG_RATE };

int act_find_sensor(struct world *w, const char *name, struct av_err *err)
{
	int i = w->imu ? imu_find(w->imu, name) : -1;
	char hint[96];

	if (!w->imu) {
		return av_err_set(err, -ENODEV,
				  "this vehicle has no motion sensors (files: "
				  "sensors: in its vehicle.yaml)");
	}
	if (i < 0) {
		av_suggest_text(hint, imu_suggest(w->imu, name));
		return av_err_set(err, -ENOENT, "no motion sensor '%.64s'%s",
				  name, hint);
	}
	return i;
}

ACT_FN(act_sensor_rate_check)
{
	int i = act_find_sensor(w, a->v[ARG_SENSOR].str, err);

	return i < 0 ? i :
		       imu_check_rate(w->imu, (size_t)i, a->v[ARG_RATE].num,
				      err);
}

ACT_FN(act_sensor_rate)
{
	int i = act_find_sensor(w, a->v[ARG_SENSOR].str, err);

	return i < 0 ? i :
		       imu_set_rate(w->imu, (size_t)i, a->v[ARG_RATE].num, err);
}
