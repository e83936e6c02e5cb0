/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request may set, to what, and when the car says no.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#include <errno.h>

struct limit {
	double min, max;
	bool whole;        /* integers only */
	const double *set; /* if not NULL: just these, ended by NAN */
};

static const double light_switch[] = { 0, 1, 2, 256, NAN };
static const double plain_switch[] = { 0, 1, 256, NAN };
static const double distance_units[] = { 35, 36, NAN };
static const double speed_units[] = { 144, 145, NAN };
static const double temperature_units[] = { 48, 49, NAN };
static const double pressure_units[] = { 112, 113, 114, NAN };
static const double fan_directions[] = { 1, 2, 3, 4, 6, NAN };

#define FLAG                                                                   \
	{                                                                      \
		.min = 0, .max = 1, .whole = true                              \
	}
#define RATIO                                                                  \
	{                                                                      \
		.min = 0, .max = 1                                             \
	}
#define REAL(lo, hi)                                                           \
	{                                                                      \
		.min = (lo), .max = (hi)                                       \
	}
#define WHOLE(lo, hi)                                                          \
	{                                                                      \
		.min = (lo), .max = (hi), .whole = true                        \
	}
#define ONE_OF(list)                                                           \
	{                                                                      \
		.min = 0, .max = 1, .set = (list)                              \
	}

/* clang-format off */
static const struct limit limits[VV_N] = {
	[VV_grade] = REAL(-0.5, 0.5),
	[VV_throttle] = RATIO,
	[VV_brake] = RATIO,
	[VV_steering_wheel] = REAL(-20, 20), /* and the car's own lock */
	[VV_gear_selection] = WHOLE(0, 3),
	[VV_parking_brake] = FLAG,
	[VV_parking_brake_auto] = FLAG,
	[VV_ignition] = WHOLE(1, 5),
	[VV_turn_switch] = WHOLE(0, 2),
	[VV_horn] = FLAG,
	[VV_esc_enabled] = FLAG,
	[VV_regen_level] = WHOLE(0, 2),
	[VV_stopping_mode] = WHOLE(1, 3),
	[VV_charge_port_open] = FLAG,
	[VV_charge_port_connected] = FLAG,
	[VV_charge_switch] = FLAG,
	[VV_charge_limit] = REAL(0.2, 1),
	[VV_charge_current_limit] = REAL(0, 80),
	[VV_charger_power] = REAL(0, 500e3),
	[VV_outside_temp] = REAL(-60, 70),
	[VV_sun] = RATIO,
	[VV_rain] = RATIO,
	[VV_friction] = REAL(0.02, 1.5),
	[VV_wind] = REAL(-60, 60),
	[VV_hvac_power] = FLAG,
	[VV_hvac_ac] = FLAG,
	[VV_hvac_max_ac] = FLAG,
	[VV_hvac_max_defrost] = FLAG,
	[VV_hvac_auto] = FLAG,
	[VV_hvac_dual] = FLAG,
	[VV_hvac_recirc] = FLAG,
	[VV_hvac_auto_recirc] = FLAG,
	[VV_hvac_temp_set_l] = REAL(14, 32),
	[VV_hvac_temp_set_r] = REAL(14, 32),
	[VV_hvac_fan_l] = WHOLE(0, 7),
	[VV_hvac_fan_r] = WHOLE(0, 7),
	[VV_hvac_dir_l] = ONE_OF(fan_directions),
	[VV_hvac_dir_r] = ONE_OF(fan_directions),
	[VV_hvac_defrost_front] = FLAG,
	[VV_hvac_defrost_rear] = FLAG,
	[VV_hvac_mirror_heat] = WHOLE(0, 2),
	[VV_hvac_wheel_heat] = WHOLE(-2, 2),
	[VV_hvac_seat_heat_l] = WHOLE(-2, 2),
	[VV_hvac_seat_heat_r] = WHOLE(-2, 2),
	[VV_hvac_seat_vent_l] = WHOLE(0, 3),
	[VV_hvac_seat_vent_r] = WHOLE(0, 3),
	[VV_tyre_leak_fl] = RATIO,
	[VV_tyre_leak_fr] = RATIO,
	[VV_tyre_leak_rl] = RATIO,
	[VV_tyre_leak_rr] = RATIO,
	[VV_door_fl_set] = RATIO,
	[VV_door_fr_set] = RATIO,
	[VV_door_rl_set] = RATIO,
	[VV_door_rr_set] = RATIO,
	[VV_door_trunk_set] = RATIO,
	[VV_door_hood_set] = RATIO,
	[VV_lock_fl] = FLAG,
	[VV_lock_fr] = FLAG,
	[VV_lock_rl] = FLAG,
	[VV_lock_rr] = FLAG,
	[VV_lock_trunk] = FLAG,
	[VV_child_lock_rl] = FLAG,
	[VV_child_lock_rr] = FLAG,
	[VV_window_fl_set] = RATIO,
	[VV_window_fr_set] = RATIO,
	[VV_window_rl_set] = RATIO,
	[VV_window_rr_set] = RATIO,
	[VV_window_roof_set] = RATIO,
	[VV_window_lock] = FLAG,
	[VV_mirror_fold] = FLAG,
	[VV_mirror_lock] = FLAG,
	[VV_mirror_auto_fold] = FLAG,
	[VV_mirror_l_y] = REAL(-1, 1),
	[VV_mirror_l_z] = REAL(-1, 1),
	[VV_mirror_r_y] = REAL(-1, 1),
	[VV_mirror_r_z] = REAL(-1, 1),
	[VV_wiper_switch] = WHOLE(1, 13),
	[VV_seat_l_fore_aft] = RATIO,
	[VV_seat_r_fore_aft] = RATIO,
	[VV_seat_l_height] = RATIO,
	[VV_seat_r_height] = RATIO,
	[VV_seat_l_backrest] = RATIO,
	[VV_seat_r_backrest] = RATIO,
	[VV_occupied_l] = FLAG,
	[VV_occupied_r] = FLAG,
	[VV_occupied_rl] = FLAG,
	[VV_occupied_rr] = FLAG,
	[VV_belt_l] = FLAG,
	[VV_belt_r] = FLAG,
	[VV_belt_rl] = FLAG,
	[VV_belt_rr] = FLAG,
	[VV_headlight_switch] = ONE_OF(light_switch),
	[VV_high_beam_switch] = ONE_OF(plain_switch),
	[VV_fog_front_switch] = ONE_OF(plain_switch),
	[VV_fog_rear_switch] = ONE_OF(plain_switch),
	[VV_hazard_switch] = ONE_OF(plain_switch),
	[VV_cabin_light_switch] = ONE_OF(plain_switch),
	[VV_reading_light_l_switch] = ONE_OF(plain_switch),
	[VV_reading_light_r_switch] = ONE_OF(plain_switch),
	[VV_unit_distance] = ONE_OF(distance_units),
	[VV_unit_speed] = ONE_OF(speed_units),
	[VV_unit_temperature] = ONE_OF(temperature_units),
	[VV_unit_pressure] = ONE_OF(pressure_units),
};
/* clang-format on */

static int check_range(const struct vehicle *v, enum vehicle_var var,
		       double value, struct av_err *err)
{
	const struct limit *l = &limits[var];
	const char *name = vehicle_var_info[var].name;
	double min = l->min, max = l->max;

	if (!isfinite(value)) {
		return av_err_set(err, -EDOM, "%s must be a finite number",
				  name);
	}
	if (l->set) {
		for (const double *s = l->set; !isnan(*s); s++) {
			if (*s == value) {
				return 0;
			}
		}
		return av_err_set(err, -EDOM, "%s has no value %g", name,
				  value);
	}
	if (var == VV_steering_wheel) {
		max = v->p.chassis_steering_max;
		min = -max;
	}
	if (value < min || value > max) {
		return av_err_set(err, -EDOM, "%s must be from %g to %g", name,
				  min, max);
	}
	if (l->whole && value != floor(value)) {
		return av_err_set(err, -EDOM, "%s must be a whole number",
				  name);
	}
	return 0;
}

/* ---- interlocks ---- */

static int refuse(struct av_err *err, const char *why)
{
	return av_err_set(err, -EACCES, "%s", why);
}

static int check_gear(const struct vehicle *v, double want, struct av_err *err)
{
	double now = V(gear_selection), speed = V(speed);

	if (want == now) {
		return 0;
	}
	if (want == GEAR_P) {
		return fabs(speed) > 0.8 ? refuse(err, "P needs standstill")
					 : 0;
	}
	if (V(ignition) < IGN_ON) {
		return refuse(err, "the selector is locked: switch the "
				   "ignition on first");
	}
	if (now == GEAR_P && V(charge_port_connected) != 0) {
		return refuse(err, "the selector is locked: unplug the "
				   "charging cable first");
	}
	if (now == GEAR_P && V(brake) < 0.05) {
		return refuse(err, "the selector is locked: press the brake "
				   "first");
	}
	if (want == GEAR_R && speed > 1.5) {
		return refuse(err, "R needs less than 5 km/h forward");
	}
	if (want == GEAR_D && speed < -1.5) {
		return refuse(err, "D needs less than 5 km/h backward");
	}
	return 0;
}

static int check_ignition(const struct vehicle *v, double want,
			  struct av_err *err)
{
	if (want < IGN_ON && fabs(V(speed)) > 0.8) {
		return refuse(err, "the ignition goes off at standstill only");
	}
	if (want == IGN_START && V(gear_current) != GEAR_P &&
	    V(gear_current) != GEAR_N) {
		return refuse(err, "starting needs P or N");
	}
	return 0;
}

static int check_charge_port(const struct vehicle *v, enum vehicle_var var,
			     double want, struct av_err *err)
{
	if (var == VV_charge_port_open) {
		if (want == 0 && V(charge_port_connected) != 0) {
			return refuse(err,
				      "the flap cannot close on the cable");
		}
		return want != 0 && fabs(V(speed)) > 0.8
			       ? refuse(err, "the charge flap opens at "
					     "standstill only")
			       : 0;
	}
	if (want == 0) {
		return 0;
	}
	if (V(charge_port_open) == 0) {
		return refuse(err, "the charge flap is closed: open it first");
	}
	return V(gear_selection) != GEAR_P ? refuse(err, "plugging in needs P")
					   : 0;
}

static int check_door(const struct vehicle *v, enum vehicle_var var,
		      double want, struct av_err *err)
{
	bool shut = v->v[var - VV_door_fl_set + VV_door_fl] == 0;
	bool locked = var == VV_door_trunk_set ? V(lock_trunk) != 0
		      : var == VV_door_hood_set
			      ? false
			      : v->v[var - VV_door_fl_set + VV_lock_fl] != 0;

	if (want == 0 || !shut) {
		return 0;
	}
	if (locked) {
		return refuse(err, "the door is locked: unlock it first");
	}
	return fabs(V(speed)) > 0.8
		       ? refuse(err, "doors open at standstill only")
		       : 0;
}

static int check_lock(const struct vehicle *v, enum vehicle_var var,
		      double want, struct av_err *err)
{
	double pos = v->v[var - VV_lock_fl + VV_door_fl];

	return want != 0 && pos > 0
		       ? refuse(err, "an open door cannot be locked: close it "
				     "first")
		       : 0;
}

int actuate_check(const struct vehicle *v, enum vehicle_var var, double value,
		  struct av_err *err)
{
	int ret;

	if ((unsigned int)var >= VV_N || !vehicle_var_info[var].writable) {
		return av_err_set(err, -EPERM, "%s is read-only",
				  (unsigned int)var < VV_N
					  ? vehicle_var_info[var].name
					  : "no such variable");
	}
	ret = check_range(v, var, value, err);
	if (ret < 0) {
		return ret;
	}
	switch (var) {
	case VV_gear_selection:
		return check_gear(v, value, err);
	case VV_ignition:
		return check_ignition(v, value, err);
	case VV_charge_port_open:
	case VV_charge_port_connected:
		return check_charge_port(v, var, value, err);
	case VV_door_fl_set:
	case VV_door_fr_set:
	case VV_door_rl_set:
	case VV_door_rr_set:
	case VV_door_trunk_set:
	case VV_door_hood_set:
		return check_door(v, var, value, err);
	case VV_lock_fl:
	case VV_lock_fr:
	case VV_lock_rl:
	case VV_lock_rr:
	case VV_lock_trunk:
		return check_lock(v, var, value, err);
	case VV_window_rl_set:
	case VV_window_rr_set:
		return V(window_lock) != 0
			       ? refuse(err, "the rear windows are locked")
			       : 0;
	case VV_mirror_fold:
	case VV_mirror_l_y:
	case VV_mirror_l_z:
	case VV_mirror_r_y:
	case VV_mirror_r_z:
		return V(mirror_lock) != 0
			       ? refuse(err, "the mirrors are locked")
			       : 0;
	default:
		return 0;
	}
}

/* ---- effects ---- */

/* The two extremes exclude each other; leaving one returns to automatic. */
static void extreme(struct vehicle *v, enum vehicle_var other, double on,
		    double dir)
{
	if (on != 0) {
		v->v[other] = 0;
		V(hvac_power) = 1;
		V(hvac_fan_l) = 7;
		V(hvac_fan_r) = 7;
		V(hvac_dir_l) = dir;
		V(hvac_dir_r) = dir;
	}
	V(hvac_auto) = on == 0;
}

void actuate_apply(struct vehicle *v, enum vehicle_var var, double value)
{
	bool change = v->v[var] != value;

	v->v[var] = value;
	switch (var) {
	case VV_gear_selection:
		v->pt.engage_s = 0.25;
		break;
	case VV_charge_limit:
		v->bat.topped = V(battery_soc) >= value;
		break;
	case VV_charge_port_connected:
		v->bat.topped = V(battery_soc) >= V(charge_limit);
		break;
	case VV_hvac_fan_l:
		V(hvac_auto) = 0;
		if (V(hvac_dual) == 0) {
			V(hvac_fan_r) = value;
		}
		break;
	case VV_hvac_dir_l:
		V(hvac_auto) = 0;
		if (V(hvac_dual) == 0) {
			V(hvac_dir_r) = value;
		}
		break;
	case VV_hvac_fan_r:
	case VV_hvac_dir_r:
		V(hvac_auto) = 0;
		break;
	case VV_hvac_temp_set_l:
		if (V(hvac_dual) == 0) {
			V(hvac_temp_set_r) = value;
		}
		break;
	case VV_hvac_temp_set_r:
		if (V(hvac_dual) == 0) {
			V(hvac_temp_set_l) = value;
		}
		break;
	case VV_hvac_dual:
		if (value == 0) {
			V(hvac_temp_set_r) = V(hvac_temp_set_l);
			V(hvac_fan_r) = V(hvac_fan_l);
			V(hvac_dir_r) = V(hvac_dir_l);
		}
		break;
	case VV_hvac_max_ac:
		if (change) {
			extreme(v, VV_hvac_max_defrost, value, 1);
		}
		break;
	case VV_hvac_max_defrost:
		if (change) {
			extreme(v, VV_hvac_max_ac, value, 4);
		}
		break;
	case VV_wiper_switch:
		if (change && !v->body.wiping) {
			v->body.wiper_s = 1e3; /* wipe at once */
		}
		break;
	default:
		break;
	}
}
