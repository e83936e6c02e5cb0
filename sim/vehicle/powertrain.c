/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motor, gear, recuperation and brakes.
 *
 * Motor: torque up to the corner speed, power above it; losses copper T^2, iron
 * w, windage w^3, constant (Larminie and Lowry 2012, section 9.2) and a share
 * of the shaft power for the inverter. Recuperation: the released accelerator
 * asks for a deceleration, the brake pedal takes the motor first and friction
 * for the rest (Ehsani et al. 2018, chapter 13), fading out at walking speed.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define BRAKE_OVERRIDES 0.1 /* pedal beyond which the accelerator is dead */
#define PEDAL_FREE 0.01     /* less is no foot on the pedal */
#define STANDING 0.02       /* m/s */
#define HOLD_DECEL 0.4      /* m/s2, of the hold function at least */
#define GOVERNOR_BAND 0.5   /* m/s over which power fades at top speed */
#define LOCK_FORCE 4e4      /* N, pawl of the parking lock */

int powertrain_dir(const struct vehicle *v)
{
	return V(gear_current) == GEAR_D   ? 1
	       : V(gear_current) == GEAR_R ? -1
					   : 0;
}

static bool ready(const struct vehicle *v)
{
	return V(ignition) >= IGN_ON && !v->bat.empty;
}

static double drive_limit(const struct vehicle *v, double u, double omega)
{
	const struct vehicle_params *p = &v->p;
	double top = V(gear_current) == GEAR_R ? p->motor_reverse_speed
					       : p->motor_top_speed;
	double hot =
		clamp((p->motor_temp_derate + 30 - V(motor_temp)) / 30, 0, 1);
	double power = battery_discharge_max(v) - v->bat.load_w - v->pt.loss_w;
	double torque = p->motor_max_torque * hot;

	power = clamp(power, 0, p->motor_max_power);
	if (torque * omega > power) {
		torque = power / omega;
	}
	return torque * p->motor_gear_ratio * p->motor_gear_efficiency /
	       p->chassis_wheel_radius * clamp((top - u) / GOVERNOR_BAND, 0, 1);
}

/* Share of the recuperation asked for that is left at low speed. */
static double regen_fade(const struct vehicle *v, double u)
{
	double end = v->p.regen_fade_end;
	double band = v->p.regen_fade_start - end;

	if (V(stopping_mode) == STOP_CREEP) {
		end = fmax(end, v->p.motor_creep_speed);
	}
	return clamp((u - end) / band, 0, 1);
}

static double regen_limit(const struct vehicle *v, double u)
{
	const struct vehicle_params *p = &v->p;
	double force = p->motor_max_torque * p->motor_gear_ratio /
		       (p->motor_gear_efficiency * p->chassis_wheel_radius);
	double power = fmin(p->regen_max_power, battery_charge_max(v)) /
		       p->motor_gear_efficiency;

	if (V(regen_level) == 0 || u <= 0) {
		return 0;
	}
	return fmin(force, power / u);
}

static double lift_decel(const struct vehicle *v)
{
	return V(regen_level) == 0   ? 0
	       : V(regen_level) == 1 ? v->p.regen_low_decel
				     : v->p.regen_high_decel;
}

void powertrain_lift(const struct vehicle *v, struct lift *out)
{
	const struct vehicle_params *p = &v->p;
	const struct chassis *c = &v->chassis;
	int dir = powertrain_dir(v);
	double u = c->vx * dir;
	double want = lift_decel(v) * c->mass_eff;

	*out = (struct lift){ 0 };
	if (dir == 0 || !ready(v)) {
		return;
	}
	out->drive_max = drive_limit(v, u, fabs(V(motor_speed)));
	out->fade = regen_fade(v, u);
	out->regen_max = regen_limit(v, u);
	out->lift = -fmin(want * out->fade, out->regen_max);
	if (V(stopping_mode) == STOP_CREEP && u < p->motor_creep_speed) {
		/* like a torque converter */
		out->creep = p->motor_creep_force *
			     fmin(1 - u / fmax(p->motor_creep_speed, 0.1), 1.2);
		out->creep = fmin(out->creep, out->drive_max);
	}
	if (V(stopping_mode) == STOP_HOLD && u > 0 && u < p->regen_fade_start) {
		/* goes on as the motor began, down a slope too */
		out->hold_brake =
			fmax(want, HOLD_DECEL * c->mass_eff) + out->lift +
			fmax(-p->chassis_mass * GRAVITY * c->sin_grade * dir,
			     0);
	}
}

/* The hold function keeps a stopped car until the motor can. */
static bool hold_step(const struct vehicle *v, double drive)
{
	int dir = powertrain_dir(v);
	double slope = v->p.chassis_mass * GRAVITY * v->chassis.sin_grade * dir;

	if (V(stopping_mode) != STOP_HOLD || dir == 0 || !ready(v) ||
	    fabs(v->chassis.vx) > STANDING) {
		return false;
	}
	return V(throttle) < PEDAL_FREE || drive < slope;
}

static void brake_forces(const struct vehicle *v, const struct lift *l,
			 double *motor, struct forces *out)
{
	const struct vehicle_params *p = &v->p;
	double want = V(brake) * p->brakes_max_decel * p->chassis_mass;
	double regen = 0, front, rear;

	if (want > 0 && *motor <= 0) {
		regen = fmin(want,
			     p->regen_pedal_decel * p->chassis_mass * l->fade);
		regen = clamp(l->regen_max + *motor, 0, regen);
		*motor -= regen;
	}
	/* what the motor does is taken off its own axle first */
	front = want * p->brakes_front_share;
	rear = want - front;
	if (p->motor_drives_front) {
		rear -= fmax(regen - front, 0);
		front -= fmin(regen, front);
	} else {
		front -= fmax(regen - rear, 0);
		rear -= fmin(regen, rear);
	}
	out->brake_front = fmax(front, 0);
	out->brake_rear = fmax(rear, 0);
}

void powertrain_forces(struct vehicle *v, struct forces *out)
{
	const struct vehicle_params *p = &v->p;
	int dir = powertrain_dir(v);
	double throttle = V(brake) > BRAKE_OVERRIDES ? 0 : V(throttle);
	double motor, hold;
	struct lift l;

	*out = (struct forces){ 0 };
	powertrain_lift(v, &l);
	motor = l.lift + l.creep * clamp(1 - V(brake) / CREEP_CUT, 0, 1);
	motor += throttle * (l.drive_max - motor);
	v->pt.hold = hold_step(v, motor);
	brake_forces(v, &l, &motor, out);
	hold = v->pt.hold ? p->chassis_mass * GRAVITY
			  : l.hold_brake * fmax(1 - throttle / HOLD_BLEND, 0);
	out->brake_front += hold * p->brakes_front_share;
	out->brake_rear += hold * (1 - p->brakes_front_share);
	out->motor = v->pt.hold ? 0 : motor * dir;
	out->lock_rear = V(parking_brake) != 0 ? p->brakes_parking_force : 0;
	out->lock_drive = V(gear_current) == GEAR_P ? LOCK_FORCE : 0;
}

static double regen_state(const struct vehicle *v)
{
	double power = fmin(v->p.regen_max_power, battery_charge_max(v));

	if (V(regen_level) == 0 || power <= 0 || !ready(v)) {
		return 1;
	}
	return V(regen_level) == 1 || power < 0.9 * v->p.regen_max_power ? 2
									 : 3;
}

double powertrain_electric(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	const struct chassis *c = &v->chassis;
	double wheel = c->motor_power, eff = p->motor_gear_efficiency;
	double shaft = wheel > 0 ? wheel / eff : wheel * eff;
	double slip = p->motor_drives_front ? c->slip_front : c->slip_rear;
	double omega, torque, loss = 0;

	omega = (c->vx + slip * fabs(c->vx)) * p->motor_gear_ratio /
		p->chassis_wheel_radius;
	torque = c->motor_force * p->chassis_wheel_radius /
		 p->motor_gear_ratio * (wheel > 0 ? 1 / eff : eff);
	if (ready(v)) {
		double w = fabs(omega);

		loss = p->motor_loss_copper * torque * torque +
		       p->motor_loss_iron * w +
		       p->motor_loss_windage * w * w * w +
		       p->motor_loss_constant +
		       p->motor_loss_inverter * fabs(shaft);
	}
	v->books.gear_loss += fabs(shaft - wheel) * STEP_S;
	v->books.motor_loss += loss * STEP_S;
	v->pt.loss_w = loss;
	v->pt.heat_j += loss * STEP_S;
	V(motor_speed) = omega;
	/* along the gear: negative recuperates, in reverse too */
	V(motor_torque) = torque * (V(gear_current) == GEAR_R ? -1 : 1);
	V(regen_state) = regen_state(v);
	return shaft + loss;
}

void powertrain_heat(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double to_coolant =
		p->motor_cooling * (V(motor_temp) - V(coolant_temp)) * SLOW_S;
	/* a thermostat keeps the radiator shut while the coolant is cold */
	double open = clamp((V(coolant_temp) - 25) / 15, 0.03, 1);
	double radiator = (p->coolant_radiator_still +
			   p->coolant_radiator_moving * fabs(V(speed))) *
			  open * (V(coolant_temp) - V(outside_temp)) * SLOW_S;

	/* most of the loss is in the winding, the rest in the inverter */
	V(motor_temp) +=
		(0.75 * v->pt.heat_j - to_coolant) / p->motor_heat_capacity;
	V(coolant_temp) += (0.25 * v->pt.heat_j + to_coolant - radiator) /
			   p->coolant_heat_capacity;
	v->pt.heat_j = 0;
}
