/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/vehicle/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int vehicle_create(const char *name, const char *yaml, size_t len,
		   uint64_t seed, struct vehicle **out, struct av_diags *d)
{
	struct vehicle_file *file = calloc(1, sizeof(*file));
	struct vehicle *v = calloc(1, sizeof(*v));
	struct vehicle_start none;
	int ret = -ENOMEM;

	if (!file || !v) {
		goto fail;
	}
	ret = vehicle_file_parse(name, yaml, len, file, d);
	if (ret < 0) {
		goto fail;
	}
	v->p = file->params;
	av_rand_init(&v->rand, seed, "vehicle");
	vehicle_start_defaults(&none);
	ret = vehicle_start(v, &none, NULL);
	if (ret < 0) {
		goto fail;
	}
	free(file);
	*out = v;
	return 0;

fail:
	free(file);
	free(v);
	return ret;
}

void vehicle_destroy(struct vehicle *v)
{
	if (v) {
		free(v->driver.piece);
		free(v);
	}
}

void vehicle_start_defaults(struct vehicle_start *s)
{
	*s = (struct vehicle_start){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN,
				     NAN, NAN, NAN, NAN, NAN, NAN, NAN };
}

/* ---- start ---- */

static int pick(double given, double def, double min, double max,
		const char *what, double *out, struct av_err *err)
{
	*out = isnan(given) ? def : given;
	if (*out >= min && *out <= max) {
		return 0;
	}
	return av_err_set(err, -EINVAL, "start: %s must be from %g to %g", what,
			  min, max);
}

static int complete(const struct vehicle *v, const struct vehicle_start *in,
		    struct vehicle_start *s, struct av_err *err)
{
	const struct vehicle_params *p = &v->p;
	double deg = 180 / PI, moving;
	int bad = 0;

#define PICK(field, def, min, max)                                             \
	(bad = bad ||                                                          \
	       pick(in->field, def, min, max, #field, &s->field, err) < 0)
	PICK(lat_deg, p->start_latitude * deg, -89, 89);
	PICK(lon_deg, p->start_longitude * deg, -180, 180);
	PICK(alt_m, p->start_altitude, -500, 9000);
	PICK(heading_rad, p->start_heading, -7, 7);
	PICK(speed_mps, 0, -p->motor_reverse_speed, 100);
	PICK(soc, p->start_soc, 0, 1);
	PICK(odometer_m, p->start_odometer, 0, 1e10);
	PICK(outside_temp_c, p->start_outside_temp, -60, 70);
	PICK(cabin_temp_c, s->outside_temp_c, -60, 90);
	PICK(battery_temp_c, s->outside_temp_c, -40, 70);
	PICK(sun, p->start_sun, 0, 1);
	PICK(rain, 0, 0, 1);
	PICK(friction, p->start_friction, 0.02, 1.5);
	PICK(ignition, IGN_ON, IGN_LOCK, IGN_ON);
	moving = s->speed_mps > 0 ? GEAR_D : s->speed_mps < 0 ? GEAR_R : GEAR_P;
	PICK(gear, moving, GEAR_P, GEAR_D);
#undef PICK
	if (bad) {
		return -EINVAL;
	}
	if (s->gear != floor(s->gear) || s->ignition != floor(s->ignition)) {
		return av_err_set(err, -EINVAL,
				  "start: gear and ignition are whole numbers");
	}
	if (s->speed_mps != 0 && (s->gear == GEAR_P || s->ignition < IGN_ON ||
				  (s->gear == GEAR_D && s->speed_mps < 0) ||
				  (s->gear == GEAR_R && s->speed_mps > 0))) {
		return av_err_set(err, -EINVAL,
				  "start: a moving car needs a gear that fits "
				  "and the ignition on");
	}
	return 0;
}

/* What the driver's last trip left behind. */
static void habits(struct vehicle *v)
{
	V(parking_brake_auto) = 1;
	V(esc_enabled) = 1;
	V(regen_level) = 1;
	V(stopping_mode) = STOP_CREEP;
	V(charge_switch) = 1;
	V(charge_limit) = 1;
	V(charge_current_limit) = 16;
	V(hvac_power) = 1;
	V(hvac_ac) = 1;
	V(hvac_auto) = 1;
	V(hvac_auto_recirc) = 1;
	V(hvac_temp_set_l) = 22;
	V(hvac_temp_set_r) = 22;
	V(hvac_fan_l) = 2;
	V(hvac_fan_r) = 2;
	V(hvac_dir_l) = 3;
	V(hvac_dir_r) = 3;
	V(mirror_auto_fold) = 1;
	V(wiper_switch) = 1;
	V(seat_l_fore_aft) = 0.5;
	V(seat_r_fore_aft) = 0.4;
	V(seat_l_height) = 0.5;
	V(seat_r_height) = 0.5;
	V(seat_l_backrest) = 0.2;
	V(seat_r_backrest) = 0.25;
	V(occupied_l) = 1;
	V(belt_l) = 1;
	V(headlight_switch) = SWITCH_AUTO;
	V(cabin_light_switch) = SWITCH_AUTO;
	V(unit_distance) = 35;
	V(unit_speed) = 145;
	V(unit_temperature) = 48;
	V(unit_pressure) = 112;
}

static void place(struct vehicle *v, const struct vehicle_start *s)
{
	struct chassis *c = &v->chassis;

	geo_init(&v->geo, s->lat_deg, s->lon_deg, s->alt_m);
	V(lat) = s->lat_deg;
	V(lon) = s->lon_deg;
	c->z = s->alt_m;
	V(pos_z) = s->alt_m;
	c->heading = s->heading_rad - 2 * PI * floor(s->heading_rad / (2 * PI));
	c->vx = s->speed_mps;
	V(odometer) = s->odometer_m;
}

static void temperatures(struct vehicle *v, const struct vehicle_start *s)
{
	struct av_rand rand = v->rand; /* each start draws the same */

	V(outside_temp) = s->outside_temp_c;
	V(outside_temp_sensor) = s->outside_temp_c;
	V(hvac_temp_l) = s->cabin_temp_c;
	V(hvac_temp_r) = s->cabin_temp_c;
	V(hvac_temp_rear) = s->cabin_temp_c;
	v->cabin.mass_temp = s->cabin_temp_c;
	V(battery_temp) = s->battery_temp_c;
	V(motor_temp) = s->outside_temp_c;
	V(coolant_temp) = s->outside_temp_c;
	for (int i = 0; i < 4; i++) {
		v->tyre[i].temp = s->outside_temp_c;
		/* nobody fills four tyres alike: within 1 % */
		v->tyre[i].gas = 1 + 0.01 * (av_rand_unit(&rand) - 0.5);
	}
}

int vehicle_start(struct vehicle *v, const struct vehicle_start *in,
		  struct av_err *err)
{
	struct vehicle_params p = v->p;
	struct av_rand rand = v->rand;
	struct vehicle_start s;
	int ret = complete(v, in, &s, err);

	if (ret < 0) {
		return ret;
	}
	free(v->driver.piece);
	memset(v, 0, sizeof(*v));
	v->p = p;
	v->rand = rand;
	habits(v);
	V(ignition) = s.ignition;
	V(gear_selection) = s.gear;
	V(gear_current) = s.gear;
	V(parking_brake) = s.gear == GEAR_P;
	V(sun) = s.sun;
	V(rain) = s.rain;
	V(friction) = s.friction;
	V(night_mode) = s.sun < p.body_dark_below;
	V(battery_soc) = s.soc;
	v->bat.lv_energy = 0.9 * p.low_voltage_capacity;
	chassis_setup(v);
	place(v, &s);
	temperatures(v, &s);
	battery_setup(v);
	battery_publish(v);
	tyres_publish(v);
	chassis_air(v);
	chassis_publish(v);
	for (int i = 0; i < 4; i++) {
		v->v[VV_wheel_speed_fl + i] =
			s.speed_mps / p.chassis_wheel_radius;
	}
	V(motor_speed) =
		s.speed_mps * p.motor_gear_ratio / p.chassis_wheel_radius;
	V(regen_state) = 1;
	v->body.was_locked = body_all_locked(v);
	v->body.wiper_s = 1e3;
	body_step(v);
	return 0;
}

/* ---- step ---- */

static void slow_part(struct vehicle *v)
{
	/* spread, so that no step costs much more than the others */
	switch (v->slow) {
	case 0:
		powertrain_heat(v);
		battery_heat(v);
		break;
	case 2:
		cabin_step(v);
		break;
	case 4:
		tyres_step(v);
		break;
	case 6:
		chassis_air(v);
		break;
	case 8:
		battery_range(v);
		break;
	default:
		break;
	}
	v->slow = (v->slow + 1) % SLOW_EVERY;
}

void vehicle_step(struct vehicle *v, vtime now)
{
	struct forces f;

	v->now = now;
	driver_step(v);
	body_step(v);
	powertrain_forces(v, &f);
	chassis_step(v, &f);
	battery_step(v, powertrain_electric(v));
	slow_part(v);
}

const double *vehicle_values(const struct vehicle *v)
{
	return v->v;
}

int vehicle_actuate(struct vehicle *v, enum vehicle_var var, double value,
		    struct av_err *err)
{
	int ret = actuate_check(v, var, value, err);

	if (ret == 0) {
		actuate_apply(v, var, value);
	}
	return ret;
}
