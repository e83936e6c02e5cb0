/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Body: ignition and selector, doors, windows, lights, wipers, sensors of
 * light and temperature.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define START_TIME_S 0.5 /* START springs back to ON when ready */
#define CABIN_LIGHT_AFTER_S 10.0
#define DARK_DELAY_S 1.0 /* a bridge is no tunnel */
#define BRIGHT_DELAY_S 3.0
#define HIGH_BEAM_AUTO_SPEED 14.0 /* m/s */

/* ---- ignition and gear ---- */

static void ignition(struct vehicle *v)
{
	if (V(ignition) == IGN_START) {
		v->body.start_s += STEP_S;
		if (v->body.start_s >= START_TIME_S) {
			V(ignition) = IGN_ON;
		}
	} else {
		v->body.start_s = 0;
	}
	if (V(ignition) < IGN_ON && V(gear_selection) != GEAR_P &&
	    fabs(V(speed)) < 0.1) {
		/* a car that is switched off secures itself */
		actuate_apply(v, VV_gear_selection, GEAR_P);
	}
}

static void gear(struct vehicle *v)
{
	if (V(gear_selection) == V(gear_current)) {
		return;
	}
	v->pt.engage_s -= STEP_S;
	/* the lock's pawl would only rattle on a turning wheel */
	if (v->pt.engage_s > 0 ||
	    (V(gear_selection) == GEAR_P && fabs(V(speed)) > 0.5)) {
		return;
	}
	V(gear_current) = V(gear_selection);
	if (V(gear_current) == GEAR_P && V(parking_brake_auto) != 0) {
		V(parking_brake) = 1;
	}
}

/* ---- what moves ---- */

static void slide(double *pos, double want, double time_s)
{
	*pos = approach(*pos, want, STEP_S / time_s);
}

bool body_all_locked(const struct vehicle *v)
{
	return V(lock_fl) != 0 && V(lock_fr) != 0 && V(lock_rl) != 0 &&
	       V(lock_rr) != 0;
}

static void openings(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;

	for (int i = 0; i < 4; i++) {
		double *pos = &v->v[VV_door_fl + i];
		double *set = &v->v[VV_door_fl_set + i];

		if (*pos == 0 && v->v[VV_lock_fl + i] != 0) {
			*set = 0; /* locked before it moved */
		}
		slide(pos, *set, p->body_door_time);
		slide(&v->v[VV_window_fl + i], v->v[VV_window_fl_set + i],
		      p->body_window_time);
	}
	if (V(door_trunk) == 0 && V(lock_trunk) != 0) {
		V(door_trunk_set) = 0;
	}
	slide(&V(door_trunk), V(door_trunk_set), p->body_trunk_time);
	slide(&V(door_hood), V(door_hood_set), p->body_trunk_time);
	slide(&V(window_roof), V(window_roof_set), p->body_roof_time);
}

static void mirrors(struct vehicle *v)
{
	bool locked = body_all_locked(v);

	if (V(mirror_auto_fold) != 0 && locked != v->body.was_locked) {
		V(mirror_fold) = locked;
	}
	v->body.was_locked = locked;
}

static double sweep_time(double level)
{
	return 1.5 - 0.15 * level; /* steady 1..5 */
}

/* Period of one sweep and its pause; 0: not wiping. @sweep: the moving part */
static double wiper_period(const struct vehicle *v, double *sweep)
{
	static const double pause[] = { 12, 8, 5, 3, 1.5 };
	int s = (int)V(wiper_switch);
	double rain = V(rain);

	*sweep = sweep_time(1);
	if (V(ignition) < IGN_ON || s <= 1) {
		return 0;
	}
	if (s == 2) {
		return *sweep;
	}
	if (s <= 7) {
		return *sweep + pause[s - 3];
	}
	if (s <= 12) {
		*sweep = sweep_time(s - 7);
		return *sweep;
	}
	if (rain < 0.02) {
		return 0;
	}
	if (rain < 0.4) {
		return *sweep + 12 * (0.4 - rain) / 0.4;
	}
	*sweep = sweep_time(1 + 4 * (rain - 0.4) / 0.6);
	return *sweep;
}

static void wipers(struct vehicle *v)
{
	struct body *b = &v->body;
	double sweep, period = wiper_period(v, &sweep);

	V(wiper_period) = period;
	V(wiper_state) = period > 0 ? 2 : 1;
	if (!b->wiping && period > 0 && b->wiper_s >= period) {
		b->wiping = true;
		b->wiper_s = 0;
		b->sweep_s = sweep;
	}
	b->wiper_s += STEP_S;
	if (!b->wiping) {
		return;
	}
	if (b->wiper_s >= b->sweep_s) {
		/* a sweep always ends parked; the lever of mist springs back */
		b->wiping = period > 0 && period <= sweep;
		if (b->wiping) {
			b->wiper_s -= b->sweep_s;
			b->sweep_s = sweep;
		}
		if (V(wiper_switch) == 2) {
			V(wiper_switch) = 1;
			b->wiping = false;
		}
	}
	V(wiper_angle) =
		b->wiping ? 0.5 * (1 - cos(2 * PI * b->wiper_s / b->sweep_s))
			  : 0;
}

/* ---- lights ---- */

static void light_sensor(struct vehicle *v)
{
	struct body *b = &v->body;
	bool night = V(night_mode) != 0;
	bool other = night ? V(sun) > v->p.body_bright_above
			   : V(sun) < v->p.body_dark_below;

	b->dark_s = other ? b->dark_s + STEP_S : 0;
	if (b->dark_s >= (night ? BRIGHT_DELAY_S : DARK_DELAY_S)) {
		V(night_mode) = !night;
		b->dark_s = 0;
	}
}

static double low_beam(const struct vehicle *v)
{
	if (V(ignition) < IGN_ON) {
		return 0;
	}
	switch ((int)V(headlight_switch)) {
	case SWITCH_ON:
		return 1;
	case SWITCH_DAYTIME:
		return 2;
	case SWITCH_AUTO:
		return V(night_mode) != 0 || V(rain) > 0.3 ? 1 : 2;
	default:
		return 0;
	}
}

static void outside_lights(struct vehicle *v)
{
	bool low;

	V(headlight) = low_beam(v);
	low = V(headlight) == 1;
	V(high_beam) = low && (V(high_beam_switch) == SWITCH_ON ||
			       (V(high_beam_switch) == SWITCH_AUTO &&
				V(night_mode) != 0 &&
				V(speed) > HIGH_BEAM_AUTO_SPEED));
	V(fog_front) =
		low && (V(fog_front_switch) == SWITCH_ON ||
			(V(fog_front_switch) == SWITCH_AUTO && V(rain) > 0.8));
	/* the rear fog light is never automatic: UN R48, 6.11 */
	V(fog_rear) = low && V(fog_rear_switch) == SWITCH_ON;
	V(hazard) = V(hazard_switch) == SWITCH_ON;
	V(brake_light) = V(brake) > 0.01 ||
			 (V(ignition) >= IGN_ON &&
			  (v->pt.hold ||
			   /* recuperation: UN R13-H, 5.2.22.4 */
			   (V(motor_torque) < 0 && V(gear_current) != GEAR_P &&
			    fabs(V(speed)) > 0.3 &&
			    V(accel_x) * (V(speed) < 0 ? -1 : 1) < -1.3)));
	V(reverse_light) = V(ignition) >= IGN_ON && V(gear_current) == GEAR_R;
}

static void flasher(struct vehicle *v)
{
	struct body *b = &v->body;
	int side = V(hazard) != 0          ? 3
		   : V(ignition) >= IGN_ON ? (int)V(turn_switch)
					   : 0;
	double phase;
	bool lit;

	if (side != b->flash_side) {
		b->flash_side = side;
		b->flash_s = 0; /* a new signal begins lit */
	}
	V(turn_signal) = side;
	phase = b->flash_s * v->p.body_flash_frequency;
	lit = side != 0 && phase - floor(phase) < 0.5;
	V(indicator_r) = lit && (side & 1);
	V(indicator_l) = lit && (side & 2);
	b->flash_s += STEP_S;
}

static void inside_lights(struct vehicle *v)
{
	struct body *b = &v->body;
	bool open = V(door_fl) > 0 || V(door_fr) > 0 || V(door_rl) > 0 ||
		    V(door_rr) > 0;

	if (open) {
		b->cabin_light_s = CABIN_LIGHT_AFTER_S;
	} else if (V(ignition) >= IGN_ON || body_all_locked(v)) {
		b->cabin_light_s = 0;
	} else {
		b->cabin_light_s = fmax(b->cabin_light_s - STEP_S, 0);
	}
	V(cabin_light) =
		V(cabin_light_switch) == SWITCH_ON ||
		(V(cabin_light_switch) == SWITCH_AUTO && b->cabin_light_s > 0);
	V(reading_light_l) = V(reading_light_l_switch) == SWITCH_ON;
	V(reading_light_r) = V(reading_light_r_switch) == SWITCH_ON;
}

static void outside_sensor(struct vehicle *v)
{
	/* behind the bumper: hardly any air at standstill */
	double lag = 25 + 250 / (1 + fabs(V(speed)));

	V(outside_temp_sensor) +=
		(V(outside_temp) - V(outside_temp_sensor)) * STEP_S / lag;
}

void body_step(struct vehicle *v)
{
	ignition(v);
	gear(v);
	openings(v);
	mirrors(v);
	wipers(v);
	light_sensor(v);
	outside_lights(v);
	flasher(v);
	inside_lights(v);
	outside_sensor(v);
}
