/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on the body, the cabin, the charge port and the world around. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/world.h"

#include <errno.h>

const char *const act_doors[] = { "fl",    "fr",   "rl",  "rr",
				  "trunk", "hood", "all", NULL };
const char *const act_windows[] = {
	"fl", "fr", "rl", "rr", "roof", "all", NULL
};
const char *const act_seats[] = { "l", "r", "rl", "rr", NULL };
const char *const act_front_seats[] = { "l", "r", NULL };
const char *const act_turns[] = { "off", "right", "left", NULL };
const char *const act_lamps[] = { "low",          "high",          "fog-front",
				  "fog-rear",     "hazard",        "cabin",
				  "reading-left", "reading-right", NULL };
const char *const act_lamp_modes[] = { "off", "on", "daytime", "auto", NULL };
const char *const act_zones[] = { "left", "right", "all", NULL };
/* WindshieldWipersSwitch counts from 1 */
const char *const act_wiper_modes[] = {
	"off",        "mist",       "interval-1", "interval-2", "interval-3",
	"interval-4", "interval-5", "steady-1",   "steady-2",   "steady-3",
	"steady-4",   "steady-5",   "auto",       NULL
};

ACT_FN(act_belt)
{
	static const enum vehicle_var belt[] = { VV_belt_l, VV_belt_r,
						 VV_belt_rl, VV_belt_rr };

	return act_set_var(w, belt[a->v[0].idx],
			   a->has[1] ? a->v[1].flag : true, err);
}

ACT_FN(act_occupant)
{
	static const enum vehicle_var seat[] = { VV_occupied_l, VV_occupied_r,
						 VV_occupied_rl,
						 VV_occupied_rr };

	return act_set_var(w, seat[a->v[0].idx],
			   a->has[1] ? a->v[1].flag : true, err);
}

ACT_FN(act_seat)
{
	static const enum vehicle_var var[][4] = {
		{ VV_seat_l_fore_aft, VV_seat_l_height, VV_seat_l_backrest,
		  VV_hvac_seat_heat_l },
		{ VV_seat_r_fore_aft, VV_seat_r_height, VV_seat_r_backrest,
		  VV_hvac_seat_heat_r },
	};
	int ret = 0;

	for (size_t i = 0; i < 4 && ret == 0; i++) {
		if (a->has[i + 1]) {
			ret = act_set_var(w, var[a->v[0].idx][i],
					  a->v[i + 1].num, err);
		}
	}
	return ret;
}

/* @to or open/closed, as doors and windows take them */
static double opening(const struct args *a)
{
	if (a->has[2]) {
		return a->v[2].num;
	}
	return a->has[1] && !a->v[1].flag ? 0 : 1;
}

/* One of @var by @which, or all of the first @n_all. */
static int set_which(struct world *w, const enum vehicle_var *var,
		     const char *const *names, int which, size_t n_all,
		     double value, struct av_err *err)
{
	int ret = 0;

	if (names[which + 1]) {
		return act_set_var(w, var[which], value, err);
	}
	for (size_t i = 0; i < n_all && ret == 0; i++) {
		ret = act_set_var(w, var[i], value, err);
	}
	return ret;
}

static const enum vehicle_var doors[] = { VV_door_fl_set,    VV_door_fr_set,
					  VV_door_rl_set,    VV_door_rr_set,
					  VV_door_trunk_set, VV_door_hood_set };

ACT_FN(act_door)
{
	/* "all" are the four doors people use */
	return set_which(w, doors, act_doors, a->v[0].idx, 4, opening(a), err);
}

ACT_FN(act_trunk)
{
	return act_set_var(w, VV_door_trunk_set,
			   !a->has[0] || a->v[0].flag ? 1 : 0, err);
}

ACT_FN(act_window)
{
	static const enum vehicle_var windows[] = {
		VV_window_fl_set, VV_window_fr_set,   VV_window_rl_set,
		VV_window_rr_set, VV_window_roof_set,
	};

	return set_which(w, windows, act_windows, a->v[0].idx, 4, opening(a),
			 err);
}

static int set_locks(struct world *w, bool locked, struct av_err *err)
{
	static const enum vehicle_var locks[] = { VV_lock_fl, VV_lock_fr,
						  VV_lock_rl, VV_lock_rr,
						  VV_lock_trunk };
	int ret = 0;

	for (size_t i = 0; i < 5 && ret == 0; i++) {
		ret = act_set_var(w, locks[i], locked, err);
	}
	return ret;
}

ACT_FN(act_lock)
{
	(void)a;
	return set_locks(w, true, err);
}

ACT_FN(act_unlock)
{
	(void)a;
	return set_locks(w, false, err);
}

ACT_FN(act_hazard)
{
	return act_set_var(w, VV_hazard_switch, a->v[0].flag, err);
}

ACT_FN(act_horn)
{
	return act_set_var(w, VV_horn, a->v[0].flag, err);
}

ACT_FN(act_turn_signal)
{
	return act_set_var(w, VV_turn_switch, a->v[0].idx, err);
}

ACT_FN(act_lights)
{
	static const enum vehicle_var lamp[] = {
		VV_headlight_switch,       VV_high_beam_switch,
		VV_fog_front_switch,       VV_fog_rear_switch,
		VV_hazard_switch,          VV_cabin_light_switch,
		VV_reading_light_l_switch, VV_reading_light_r_switch,
	};
	static const double mode[] = { 0, 1, 2, 256 }; /* VehicleLightSwitch */

	return act_set_var(w, lamp[a->v[0].idx], mode[a->v[1].idx], err);
}

ACT_FN(act_mirror)
{
	return act_set_var(w, VV_mirror_fold, a->v[0].flag, err);
}

ACT_FN(act_wipers)
{
	return act_set_var(w, VV_wiper_switch, a->v[0].idx + 1, err);
}

/* Set what is given; @first: index of the argument of var[0]. */
static int set_given(struct world *w, const struct args *a, size_t first,
		     const enum vehicle_var *var, const struct arg_spec *spec,
		     size_t n, struct av_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		if (a->has[first + i]) {
			ret = act_set_var(w, var[i],
					  spec[first + i].type == ARG_BOOL
						  ? a->v[first + i].flag
						  : a->v[first + i].num,
					  err);
		}
	}
	return ret;
}

ACT_FN(act_climate)
{
	static const enum vehicle_var zone[][2] = {
		{ VV_hvac_temp_set_l, VV_hvac_fan_l },
		{ VV_hvac_temp_set_r, VV_hvac_fan_r },
	};
	static const enum vehicle_var rest[] = {
		VV_hvac_power,         VV_hvac_ac,
		VV_hvac_auto,          VV_hvac_recirc,
		VV_hvac_defrost_front, VV_hvac_defrost_rear,
		VV_hvac_max_defrost,
	};
	const struct arg_spec *spec = action_find("climate")->arg;
	int which = a->has[0] ? a->v[0].idx : 2;
	int ret;

	/* power first: a car that is off may refuse the rest */
	ret = set_given(w, a, 3, rest, spec, 7, err);
	if (ret == 0 && which < 2) { /* one side: they part */
		ret = act_set_var(w, VV_hvac_dual, 1, err);
	}
	for (int z = 0; z < 2 && ret == 0; z++) {
		if (which == z || which == 2) {
			ret = set_given(w, a, 1, zone[z], spec, 2, err);
		}
	}
	return ret;
}

ACT_FN(act_charge)
{
	static const enum vehicle_var rest[] = { VV_charger_power,
						 VV_charge_limit,
						 VV_charge_current_limit,
						 VV_charge_switch };
	int ret = 0;

	if (a->has[0] && a->v[0].flag) {
		ret = act_set_var(w, VV_charge_port_open, 1, err);
	}
	if (ret == 0 && a->has[0]) {
		ret = act_set_var(w, VV_charge_port_connected, a->v[0].flag,
				  err);
	}
	if (ret == 0 && a->has[0] && !a->v[0].flag) {
		ret = act_set_var(w, VV_charge_port_open, 0, err);
	}
	return ret < 0 ? ret
		       : set_given(w, a, 1, rest, action_find("charge")->arg, 4,
				   err);
}

ACT_FN(act_weather)
{
	static const enum vehicle_var var[] = {
		VV_outside_temp, VV_rain, VV_sun,
		VV_grade,        VV_wind, VV_friction,
	};

	return set_given(w, a, 0, var, action_find("weather")->arg, 6, err);
}
