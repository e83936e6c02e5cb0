/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of the driver: where to go, pedals, wheel, selector, key. */
#include "config.h"

#include "scenarios/act.h"
#include "scenarios/scenario_int.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>

const char *const act_gears[] = { "P", "R", "N", "D", NULL };
/* VehicleIgnitionState counts from 1 */
const char *const act_ignitions[] = {
	"lock", "off", "acc", "on", "start", NULL
};

static int no_car(struct av_err *err)
{
	return av_err_set(err, -ENODEV,
			  "there is no simulated vehicle in this run");
}

int act_set_var(struct world *w, enum vehicle_var var, double value,
		struct av_err *err)
{
	struct av_err why = { 0 };
	int ret;

	if (!w->vehicle) {
		return no_car(err);
	}
	ret = vehicle_actuate(w->vehicle, var, value, &why);
	if (ret < 0 && why.msg[0]) {
		return av_err_set(err, ret, "%s", why.msg);
	}
	if (ret < 0) {
		return av_err_set(err, ret, "%s cannot become %g",
				  vehicle_var_info[var].name, value);
	}
	return 0;
}

static int var_now(struct world *w, enum vehicle_var var, double *out)
{
	if (!w->vehicle) {
		return -ENODEV;
	}
	*out = vehicle_values(w->vehicle)[var];
	return 0;
}

int act_speed_now(struct world *w, const struct args *a, double *out)
{
	(void)a;
	return var_now(w, VV_speed, out);
}

int act_brake_now(struct world *w, const struct args *a, double *out)
{
	(void)a;
	return var_now(w, VV_brake, out);
}

int act_steer_now(struct world *w, const struct args *a, double *out)
{
	(void)a;
	return var_now(w, VV_steering_wheel, out);
}

int act_throttle_now(struct world *w, const struct args *a, double *out)
{
	(void)a;
	return var_now(w, VV_throttle, out);
}

ACT_FN(act_speed)
{
	if (!w->vehicle) {
		return no_car(err);
	}
	vehicle_drive_speed(w->vehicle, a->v[0].num,
			    a->has[1] ? a->v[1].num : NAN);
	return 0;
}

ACT_FN(act_accelerate)
{
	return act_speed(w, a, err);
}

ACT_FN(act_stop)
{
	if (!w->vehicle) {
		return no_car(err);
	}
	vehicle_drive_speed(w->vehicle, 0, a->has[0] ? a->v[0].num : NAN);
	return 0;
}

ACT_FN(act_manual)
{
	(void)a;
	if (!w->vehicle) {
		return no_car(err);
	}
	vehicle_drive_manual(w->vehicle);
	return 0;
}

/* Whoever moves a pedal or the wheel by hand takes over from the driver model;
 * what he does not touch stays where it was. */
static int by_hand(struct world *w, enum vehicle_var var, double value,
		   struct av_err *err)
{
	if (!w->vehicle) {
		return no_car(err);
	}
	vehicle_drive_manual(w->vehicle);
	return act_set_var(w, var, value, err);
}

ACT_FN(act_throttle)
{
	return by_hand(w, VV_throttle, a->v[0].num, err);
}

ACT_FN(act_brake)
{
	return by_hand(w, VV_brake, a->v[0].num, err);
}

ACT_FN(act_steer)
{
	return by_hand(w, VV_steering_wheel, a->v[0].num, err);
}

ACT_FN(act_gear)
{
	return act_set_var(w, VV_gear_selection, a->v[0].idx, err);
}

ACT_FN(act_ignition)
{
	return act_set_var(w, VV_ignition, a->v[0].idx + 1, err);
}

ACT_FN(act_parking_brake)
{
	return act_set_var(w, VV_parking_brake, a->v[0].flag, err);
}

ACT_FN(act_route_check)
{
	return w->scenario
		       ? scenario_route(w->scenario, a->v[0].str, err) ? 0
								       : -ENOENT
		       : av_err_set(err, -ENOENT, "no scenario, so no routes");
}

ACT_FN(act_route)
{
	const struct sc_route *r =
		scenario_route(w->scenario, a->v[0].str, err);

	if (!w->vehicle) {
		return no_car(err);
	}
	return vehicle_drive_route(w->vehicle, r->point, r->n,
				   a->has[1] ? a->v[1].flag : r->reverse, err);
}
