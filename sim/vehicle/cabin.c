/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cabin and climate; tyres.
 *
 * Cabin: heat balance method of Fayazbakhsh and Bahrami (2013, SAE
 * 2013-01-1507): a node of air per zone (left, right, rear), one node for
 * seats, panels and floor; loss through the body, sun through the glass,
 * people, supply air. Each side's regulator sets the temperature of its supply
 * air; the rear gets of both.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define AIR_CP 1006.0  /* J/(kg K) */
#define PERSON_W 75.0  /* sensible heat, ISO 7730 light activity */
#define SUPPLY_MIN 4.0 /* degC: the evaporator must not freeze */
#define SUPPLY_MAX 60.0
#define FAN_STEPS 7.0
#define REAR_SHARE 0.3
#define FRESH_AIR 0.05 /* kg/s; a blower takes the rest from the cabin */

enum { LEFT, RIGHT, REAR, ZONES };

static bool climate_runs(const struct vehicle *v)
{
	return V(hvac_power) != 0 && V(ignition) >= IGN_ON && !v->bat.empty;
}

static double zone_temp(const struct vehicle *v, int i)
{
	return v->v[VV_hvac_temp_l + i];
}

/* Automatic mode turns fan and flaps as a driver would. */
static void automatic(struct vehicle *v)
{
	for (int i = LEFT; i <= RIGHT; i++) {
		double *fan = &v->v[VV_hvac_fan_l + i];
		double *dir = &v->v[VV_hvac_dir_l + i];
		double err = v->v[VV_hvac_temp_set_l + i] - zone_temp(v, i);
		double *push = &v->cabin.push[i];
		double supply = v->cabin.supply[i], want;
		bool at_limit = supply <= SUPPLY_MIN || supply >= SUPPLY_MAX;

		/* air that can get no hotter or colder must become more */
		*push += (at_limit && fabs(err) > 0.3 ? 0.03 : -0.01) * SLOW_S;
		*push = clamp(*push, 0, FAN_STEPS);
		want = clamp(1 + 0.8 * fabs(err) + *push, 1, FAN_STEPS);
		/* more than half a step of hysteresis against hunting */
		if (fabs(want - *fan) > 0.8) {
			*fan = floor(want + 0.5);
		}
		if (fabs(err) > 1.5) {
			*dir = err > 0 ? 2 : 1;
		} else if (fabs(err) < 1) {
			*dir = 3;
		}
	}
}

/* Temperature of one side's supply air that its regulator wants. */
static double supply_wanted(struct vehicle *v, int side)
{
	double set = v->v[VV_hvac_temp_set_l + side];
	double err = set - zone_temp(v, side);
	double *sum = &v->cabin.integral[side];
	double want;

	if (V(hvac_max_ac) != 0) {
		return SUPPLY_MIN;
	}
	if (V(hvac_max_defrost) != 0) {
		return SUPPLY_MAX;
	}
	want = set + 5 * err + 0.02 * *sum;
	if ((want > SUPPLY_MIN || err > 0) && (want < SUPPLY_MAX || err < 0)) {
		*sum = clamp(*sum + err * SLOW_S, -2500, 2500);
	}
	v->cabin.supply[side] = clamp(want, SUPPLY_MIN, SUPPLY_MAX);
	return v->cabin.supply[side];
}

/* Supply air of both sides: @heat gets W into each zone, return electric W. */
static double supply(struct vehicle *v, double heat[ZONES])
{
	const struct vehicle_params *p = &v->p;
	double mean = (zone_temp(v, 0) + zone_temp(v, 1) + zone_temp(v, 2)) / 3;
	double fresh, in, q[2], flow[2], hot = 0, cold = 0, kh, kc;
	double max_cold = V(hvac_ac) != 0 || V(hvac_max_ac) != 0
				  ? p->climate_ac_power
				  : 0;

	v->cabin.recirc = V(hvac_max_defrost) == 0 &&
			  (V(hvac_recirc) != 0 || V(hvac_max_ac) != 0 ||
			   (V(hvac_auto_recirc) != 0 &&
			    V(outside_temp) > V(hvac_temp_set_l) + 8));
	for (int i = LEFT; i <= RIGHT; i++) {
		flow[i] = p->climate_air_flow / 2 * v->v[VV_hvac_fan_l + i] /
			  FAN_STEPS;
	}
	/* people need no more fresh air than that; dry air for the panes does
	 */
	fresh = v->cabin.recirc ? 0.1
		: V(hvac_max_defrost) != 0
			? 1
			: fmin(1, FRESH_AIR /
					  fmax(flow[LEFT] + flow[RIGHT], 1e-3));
	in = fresh * V(outside_temp) + (1 - fresh) * mean;
	for (int i = LEFT; i <= RIGHT; i++) {
		flow[i] *= AIR_CP;
		q[i] = flow[i] * (supply_wanted(v, i) - in);
		hot += fmax(q[i], 0);
		cold += fmax(-q[i], 0);
	}
	kh = hot > p->climate_heater_power ? p->climate_heater_power / hot : 1;
	kc = cold > max_cold ? max_cold / cold : 1;
	for (int i = LEFT; i <= RIGHT; i++) {
		double k =
			flow[i] > 0 ? q[i] * (q[i] > 0 ? kh : kc) / flow[i] : 0;
		double out = in + k;

		heat[i] += (1 - REAR_SHARE) * flow[i] * (out - zone_temp(v, i));
		heat[REAR] += REAR_SHARE * flow[i] * (out - zone_temp(v, REAR));
	}
	return hot * kh / p->climate_heater_cop + cold * kc / p->climate_ac_cop;
}

/* Heated and cooled surfaces, electric W. */
static double surfaces(const struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double w = 0;

	w += p->climate_seat_heat / 2 *
	     (fabs(V(hvac_seat_heat_l)) + fabs(V(hvac_seat_heat_r)));
	w += 8 * (V(hvac_seat_vent_l) + V(hvac_seat_vent_r));
	w += 20 * fabs(V(hvac_wheel_heat));
	w += 15 * V(hvac_mirror_heat);
	w += V(hvac_defrost_rear) != 0 ? p->climate_window_heat : 0;
	w += V(hvac_defrost_front) != 0 || V(hvac_max_defrost) != 0
		     ? p->climate_front_heat
		     : 0;
	return w;
}

/* W/K between a zone and the outside through its openings. */
static double openings(const struct vehicle *v, int zone)
{
	double loss = v->p.climate_window_loss;
	double roof = V(window_roof) / 3, open;

	switch (zone) {
	case LEFT:
		open = V(window_fl) + 3 * V(door_fl);
		break;
	case RIGHT:
		open = V(window_fr) + 3 * V(door_fr);
		break;
	default:
		open = V(window_rl) + V(window_rr) +
		       3 * (V(door_rl) + V(door_rr) + V(door_trunk));
		break;
	}
	/* wind of driving carries the air out */
	return loss * (open + roof) * (1 + 0.1 * fabs(V(speed)));
}

static void exchange(struct vehicle *v, double heat[ZONES])
{
	const struct vehicle_params *p = &v->p;
	struct cabin *c = &v->cabin;
	double out = V(outside_temp), into_mass = 0, temp[ZONES];

	for (int i = 0; i < ZONES; i++) {
		double t = zone_temp(v, i), mass;

		temp[i] = t;
		mass = p->climate_mass_coupling / ZONES * (t - c->mass_temp);
		into_mass += mass;
		heat[i] -= mass;
		heat[i] -= (p->climate_body_loss / ZONES + openings(v, i)) *
			   (t - out);
		heat[i] += 0.3 / ZONES * V(sun) * p->climate_sun_gain;
	}
	heat[LEFT] += p->climate_zone_mixing * (temp[RIGHT] - temp[LEFT]);
	heat[RIGHT] += p->climate_zone_mixing * (temp[LEFT] - temp[RIGHT]);
	for (int i = LEFT; i <= RIGHT; i++) {
		double q = p->climate_zone_mixing * (temp[REAR] - temp[i]);

		heat[i] += q;
		heat[REAR] -= q;
	}
	into_mass += 0.7 * V(sun) * p->climate_sun_gain;
	c->mass_temp += into_mass * SLOW_S / p->climate_mass_capacity;
}

void cabin_step(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double heat[ZONES] = { 0 }, electric = 0, fan = 0;

	if (V(hvac_dual) == 0) {
		V(hvac_temp_set_r) = V(hvac_temp_set_l);
	}
	if (climate_runs(v)) {
		if (V(hvac_auto) != 0 && V(hvac_max_ac) == 0 &&
		    V(hvac_max_defrost) == 0) {
			automatic(v);
		}
		fan = (V(hvac_fan_l) + V(hvac_fan_r)) / (2 * FAN_STEPS);
		electric =
			supply(v, heat) + surfaces(v) +
			p->climate_blower_power * fan * (0.2 + 0.8 * fan * fan);
	} else {
		v->cabin.integral[LEFT] = 0;
		v->cabin.integral[RIGHT] = 0;
	}
	heat[LEFT] += PERSON_W * V(occupied_l);
	heat[RIGHT] += PERSON_W * V(occupied_r);
	heat[REAR] += PERSON_W * (V(occupied_rl) + V(occupied_rr));
	exchange(v, heat);
	for (int i = 0; i < ZONES; i++) {
		v->v[VV_hvac_temp_l + i] +=
			heat[i] * SLOW_S / p->climate_air_capacity;
	}
	v->cabin.fan += (fan - v->cabin.fan) * SLOW_S / 0.8;
	V(hvac_fan_rpm) = v->cabin.fan * 3800;
	V(hvac_load) = electric;
}

/* ---- tyres ---- */

#define ATMOSPHERE 101325.0

static double tyre_gauge(const struct vehicle *v, int i)
{
	const struct tyre *t = &v->tyre[i];

	/* ideal gas at constant volume */
	return (v->p.tyre_cold_pressure + ATMOSPHERE) * t->gas *
		       (t->temp + KELVIN) / (20 + KELVIN) -
	       ATMOSPHERE;
}

void tyres_publish(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double sum = 0;

	for (int i = 0; i < 4; i++) {
		double gauge = tyre_gauge(v, i);

		if (gauge < 0) {
			/* flat: no more air leaves than comes in */
			v->tyre[i].gas *= ATMOSPHERE / (gauge + ATMOSPHERE);
			gauge = 0;
		}
		v->v[VV_tyre_pressure_fl + i] = gauge;
		v->v[VV_tyre_temp_fl + i] = v->tyre[i].temp;
		/* SAE J2452: falls with pressure to a power */
		sum += pow(p->tyre_cold_pressure / fmax(gauge, 2e4),
			   p->tyre_pressure_exponent);
	}
	v->chassis.rolling = p->tyre_rolling_resistance * sum / 4;
}

/*
 * Heat of rolling resistance against cooling by the air stream (Gent and
 * Walter 2006, The Pneumatic Tire, chapter 12).
 */
void tyres_step(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double speed = fabs(V(speed));
	double heat =
		v->chassis.rolling * p->chassis_mass * GRAVITY * speed / 4;
	double cool = p->tyre_cooling_still + p->tyre_cooling_moving * speed;

	for (int i = 0; i < 4; i++) {
		struct tyre *t = &v->tyre[i];

		t->temp += (heat - cool * (t->temp - V(outside_temp))) *
			   SLOW_S / p->tyre_heat_capacity;
		t->gas *= 1 - fmin(v->v[VV_tyre_leak_fl + i] * SLOW_S, 1);
		t->gas = fmax(t->gas, 0.01);
	}
	tyres_publish(v);
}
