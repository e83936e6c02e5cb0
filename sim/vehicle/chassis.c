/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motion: longitudinal balance of forces and the bicycle model.
 *
 * Longitudinal: Gillespie (1992), chapter 4 (drag, rolling, grade). What can
 * only resist (brakes, rolling resistance, locks) is dry friction: it holds a
 * standing car against any smaller force and never pushes one through zero
 * (Karnopp 1985, J. Dyn. Sys. Meas. Control 107(1)).
 *
 * Lateral: dynamic bicycle model, Rajamani (2012), section 2.3, with tyres of
 * linear stiffness that saturate at the friction of their load (brush model of
 * Fiala 1954; Pacejka 2012, section 3.2), the limit reduced by the friction
 * circle. Integrated by backward Euler on the secant stiffness, stable at any
 * speed. Below about 2 m/s slip angles lose their meaning and the kinematic
 * model (Rajamani 2012, section 2.2) takes over.
 *
 * Axes: ISO 8855.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define SUB_S (STEP_S / SUBSTEPS)

/* Kinematic below the first, dynamic above the second, m/s. */
#define KINEMATIC_BELOW 1.0
#define DYNAMIC_ABOVE 2.5

/* Steering gear: lag, and what arms manage (about 720 deg/s at the wheel). */
#define STEER_LAG_S 0.04
#define STEER_RATE 0.8 /* rad/s at the road wheels */

/* Stability control intervenes beyond this deviation of yaw rate, rad/s. */
#define ESC_BAND 0.08
#define ESC_MIN_SPEED 5.0
#define ABS_MIN_SPEED 1.5

void chassis_setup(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	struct chassis *c = &v->chassis;
	double r2 = p->chassis_wheel_radius * p->chassis_wheel_radius;
	double g = p->motor_gear_ratio;

	c->front = p->chassis_front_to_cog;
	c->rear = p->chassis_wheelbase - c->front;
	c->mass_eff =
		p->chassis_mass +
		(4 * p->chassis_wheel_inertia + p->motor_inertia * g * g) / r2;
	/* Rajamani (2012), equation 3.11 */
	c->understeer = p->chassis_mass / p->chassis_wheelbase *
			(c->rear / p->tyre_cornering_front -
			 c->front / p->tyre_cornering_rear);
	c->cos_grade = 1;
}

void chassis_air(struct vehicle *v)
{
	/* ISO 2533: pressure by height, density by the gas law */
	v->chassis.air_density = 101325 * exp(-V(pos_z) / 8434) /
				 (287.05 * (V(outside_temp) + KELVIN));
}

double chassis_kinetic_j(const struct vehicle *v)
{
	const struct chassis *c = &v->chassis;

	return 0.5 * (c->mass_eff * c->vx * c->vx +
		      v->p.chassis_mass * c->vy * c->vy +
		      v->p.chassis_yaw_inertia * c->yaw_rate * c->yaw_rate);
}

/* ---- forces ---- */

static double drag_force(const struct vehicle *v, double vx)
{
	double rel = vx + V(wind);

	return -0.5 * v->chassis.air_density * v->p.aero_drag_coefficient *
	       v->p.aero_frontal_area * rel * fabs(rel);
}

static double rolling_force(const struct vehicle *v)
{
	return v->chassis.rolling * v->p.chassis_mass * GRAVITY *
	       v->chassis.cos_grade;
}

double chassis_resistance(const struct vehicle *v)
{
	const struct chassis *c = &v->chassis;
	double sign = c->vx < 0 ? -1 : 1;

	return rolling_force(v) - sign * drag_force(v, c->vx);
}

/* Tyre forces of a sub-step after friction had its say. */
struct tyres {
	double fz_front, fz_rear;
	double motor;       /* signed */
	double brake_front; /* magnitudes, locks included */
	double brake_rear;
	double grip_front; /* left for lateral force, N */
	double grip_rear;
};

static double grip_left(double mu_fz, double fx)
{
	double left = mu_fz * mu_fz - fx * fx;

	/* a locked or spinning wheel still has a little */
	return left > 0.04 * mu_fz * mu_fz ? sqrt(left) : 0.2 * mu_fz;
}

static void axle_loads(const struct vehicle *v, struct tyres *t)
{
	const struct chassis *c = &v->chassis;
	double m = v->p.chassis_mass, len = v->p.chassis_wheelbase;
	double fz = m * GRAVITY * c->cos_grade;
	double shift = m * v->p.chassis_cog_height *
		       (c->ax + GRAVITY * c->sin_grade) / len;

	t->fz_front = clamp(fz * c->rear / len - shift, 0.05 * fz, 0.95 * fz);
	t->fz_rear = fz - t->fz_front;
}

static void limit_by_friction(struct vehicle *v, const struct forces *f,
			      struct tyres *t)
{
	struct chassis *c = &v->chassis;
	bool front_drive = v->p.motor_drives_front;
	double mu = V(friction), motor_front, motor_rear;
	double lim_front = mu * t->fz_front, lim_rear = mu * t->fz_rear;
	double lim_drive = front_drive ? lim_front : lim_rear;
	bool moving = fabs(c->vx) > ABS_MIN_SPEED;

	t->motor = f->motor;
	if (fabs(t->motor) > lim_drive) {
		bool control = V(esc_enabled) != 0;

		/* controlled slip keeps near the peak, a spinning wheel not */
		t->motor =
			copysign((control ? 0.97 : 0.8) * lim_drive, f->motor);
		if (t->motor * c->vx < 0 && moving) {
			c->abs = true;
		} else {
			c->tc = control;
		}
	}
	motor_front = front_drive ? t->motor : 0;
	motor_rear = front_drive ? 0 : t->motor;
	t->brake_front = f->brake_front + (front_drive ? f->lock_drive : 0);
	t->brake_rear = f->brake_rear + f->lock_rear +
			(front_drive ? 0 : f->lock_drive);
	/* recuperation uses up its share of the same tyre's friction */
	lim_front -= motor_front * c->vx < 0 ? fabs(motor_front) : 0;
	lim_rear -= motor_rear * c->vx < 0 ? fabs(motor_rear) : 0;
	if (t->brake_front > lim_front) {
		c->abs |= moving;
		t->brake_front = lim_front > 0 ? lim_front : 0;
	}
	if (t->brake_rear > lim_rear) {
		c->abs |= moving;
		t->brake_rear = lim_rear > 0 ? lim_rear : 0;
	}
	t->grip_front =
		grip_left(mu * t->fz_front, fabs(motor_front) + t->brake_front);
	t->grip_rear =
		grip_left(mu * t->fz_rear, fabs(motor_rear) + t->brake_rear);
}

/*
 * Secant stiffness of the brush model: F = -secant * tan(slip angle).
 * @grip: most lateral force, N
 */
static double tyre_secant(double stiffness, double tan_slip, double grip)
{
	double a = fabs(tan_slip);
	double z = stiffness * a / (3 * grip);

	return z < 1 ? stiffness * (1 - z + z * z / 3) : grip / a;
}

/* ---- one sub-step ---- */

/* Yaw moment and braking of the stability control. */
static double esc_moment(struct vehicle *v, double steer, double *brake)
{
	struct chassis *c = &v->chassis;
	double ref, over, limit;

	*brake = 0;
	if (V(esc_enabled) == 0 || c->vx < ESC_MIN_SPEED) {
		return 0;
	}
	limit = 0.95 * V(friction) * GRAVITY / c->vx;
	ref = c->vx * steer /
	      (v->p.chassis_wheelbase + c->understeer * c->vx * c->vx);
	ref = clamp(ref, -limit, limit);
	over = c->yaw_rate - ref;
	if (fabs(over) < ESC_BAND) {
		return 0;
	}
	c->tc = true;
	over -= copysign(ESC_BAND, over);
	/* one side braked: the moment is its force times half the track */
	limit = 0.25 * V(friction) * v->p.chassis_mass * GRAVITY;
	*brake = fmin(fabs(over) * 2e4, limit);
	return -copysign(*brake * v->p.chassis_track / 2, over);
}

static void longitudinal(struct vehicle *v, const struct tyres *t,
			 double cornering, double esc_brake)
{
	struct chassis *c = &v->chassis;
	struct energy_books *e = &v->books;
	double drag = drag_force(v, c->vx);
	double climb = -v->p.chassis_mass * GRAVITY * c->sin_grade;
	double roll = rolling_force(v);
	double brakes = t->brake_front + t->brake_rear + esc_brake;
	double swing = v->p.chassis_mass * c->yaw_rate * c->vy;
	double act = t->motor + drag + climb + cornering + swing;
	double res = roll + brakes;
	double old = c->vx, now, mean, sign;

	if (old == 0) {
		sign = act < 0 ? -1 : 1;
		now = fabs(act) <= res
			      ? 0
			      : (act - sign * res) / c->mass_eff * SUB_S;
	} else {
		sign = old < 0 ? -1 : 1;
		now = old + (act - sign * res) / c->mass_eff * SUB_S;
		if (now * old < 0) {
			/* friction ends at standstill; if the rest is stronger
			 * the next sub-step sets off the other way */
			now = 0;
		}
	}
	mean = 0.5 * (old + now);
	c->vx = now;
	e->drag -= drag * mean * SUB_S;
	e->climb -= climb * mean * SUB_S;
	e->rolling += roll * fabs(mean) * SUB_S;
	if (now == 0 && old != 0) {
		/* the brakes took what was left, not all they could have */
		double used = 0.5 * c->mass_eff * old * old +
			      act * mean * SUB_S - roll * fabs(mean) * SUB_S;

		e->brakes += fmax(used, 0);
	} else {
		e->brakes += brakes * fabs(mean) * SUB_S;
	}
	c->motor_force += t->motor / SUBSTEPS;
	c->motor_power += t->motor * mean / SUBSTEPS;
}

/* Backward Euler of side slip speed and yaw rate; returns the force of the
 * front tyres along the car (negative: cornering costs speed). */
static double lateral(struct vehicle *v, const struct tyres *t, double sd,
		      double cd, double moment)
{
	struct chassis *c = &v->chassis;
	double m = v->p.chassis_mass, iz = v->p.chassis_yaw_inertia;
	double a = c->front, b = c->rear, vx = c->vx;
	double wx = vx * cd + (c->vy + a * c->yaw_rate) * sd;
	double wy = -vx * sd + (c->vy + a * c->yaw_rate) * cd;
	double ux = fmax(fabs(wx), 0.5), ur = fmax(fabs(vx), 0.5);
	double ry = c->vy - b * c->yaw_rate;
	double kf =
		tyre_secant(v->p.tyre_cornering_front, wy / ux, t->grip_front) /
		ux;
	double kr =
		tyre_secant(v->p.tyre_cornering_rear, ry / ur, t->grip_rear) /
		ur;
	double h = SUB_S;
	/* (1 - h A) x' = x + h g */
	double a11 = 1 + h * (kf * cd * cd + kr) / m;
	double a12 = h * ((kf * cd * cd * a - kr * b) / m + vx);
	double a21 = h * (a * kf * cd * cd - b * kr) / iz;
	double a22 = 1 + h * (a * a * kf * cd * cd + b * b * kr) / iz;
	double g1 = c->vy + h * kf * cd * vx * sd / m;
	double g2 = c->yaw_rate + h * (a * kf * cd * vx * sd + moment) / iz;
	double det = a11 * a22 - a12 * a21;
	double fyf, fyr;

	c->vy = (g1 * a22 - a12 * g2) / det;
	c->yaw_rate = (a11 * g2 - a21 * g1) / det;
	wy = -vx * sd + (c->vy + a * c->yaw_rate) * cd;
	ry = c->vy - b * c->yaw_rate;
	fyf = -kf * wy;
	fyr = -kr * ry;
	v->books.cornering -= (fyf * wy + fyr * ry) * h;
	return -fyf * sd;
}

static void substep(struct vehicle *v, const struct forces *f, double sd,
		    double cd)
{
	struct chassis *c = &v->chassis;
	double speed = fabs(c->vx), esc_brake = 0, moment, along = 0;
	double yaw, w;
	struct tyres t;

	axle_loads(v, &t);
	limit_by_friction(v, f, &t);
	if (speed > KINEMATIC_BELOW) {
		moment = esc_moment(v, c->steer, &esc_brake);
		along = lateral(v, &t, sd, cd, moment);
	}
	longitudinal(v, &t, along, esc_brake);
	if (speed < DYNAMIC_ABOVE) {
		w = clamp((DYNAMIC_ABOVE - speed) /
				  (DYNAMIC_ABOVE - KINEMATIC_BELOW),
			  0, 1);
		w *= w * (3 - 2 * w);
		yaw = c->vx * sd / (cd * v->p.chassis_wheelbase);
		c->yaw_rate += w * (yaw - c->yaw_rate);
		c->vy += w * (yaw * c->rear - c->vy);
	}
	/* slip of each axle, for the wheel speeds */
	c->slip_front = clamp(((v->p.motor_drives_front ? t.motor : 0) -
			       copysign(t.brake_front, c->vx)) /
				      v->p.tyre_slip_stiffness,
			      -0.15, 0.15);
	c->slip_rear = clamp(((v->p.motor_drives_front ? 0 : t.motor) -
			      copysign(t.brake_rear, c->vx)) /
				     v->p.tyre_slip_stiffness,
			     -0.15, 0.15);
}

/* ---- one step ---- */

static void settle(double *x, double *rate, double want, double freq,
		   double damping)
{
	double w = 2 * PI * freq;

	*rate += STEP_S * (w * w * (want - *x) - 2 * damping * w * *rate);
	*x += STEP_S * *rate;
}

static void body_attitude(struct vehicle *v)
{
	struct chassis *c = &v->chassis;
	const struct vehicle_params *p = &v->p;

	/* a left bend (ay > 0) rolls the body to the right: positive about x;
	 * braking (ax < 0) lowers the nose: positive about y. A bend in the
	 * road reaches the body through the same springs, so that it turns at
	 * a rate that a gyroscope can see. */
	settle(&c->roll, &c->roll_rate, p->chassis_roll_per_accel * c->ay,
	       p->chassis_roll_frequency, p->chassis_body_damping);
	settle(&c->pitch, &c->pitch_rate,
	       -p->chassis_pitch_per_accel * c->ax - c->grade_seen,
	       p->chassis_pitch_frequency, p->chassis_body_damping);
}

static void wheels(struct vehicle *v, double sd, double cd)
{
	struct chassis *c = &v->chassis;
	double half = v->p.chassis_track / 2;
	double side = c->vy + c->front * c->yaw_rate;
	double left = c->vx - c->yaw_rate * half;
	double right = c->vx + c->yaw_rate * half;
	double w[4] = { left * cd + side * sd, right * cd + side * sd, left,
			right };

	for (int i = 0; i < 4; i++) {
		double slip = i < 2 ? c->slip_front : c->slip_rear;

		w[i] = (w[i] + slip * fabs(w[i])) / v->p.chassis_wheel_radius;
		c->turn[i] += w[i] * STEP_S;
		v->v[VV_wheel_speed_fl + i] = w[i];
		v->v[VV_wheel_ticks_fl + i] =
			floor(c->turn[i] * v->p.chassis_wheel_ticks / (2 * PI));
	}
}

static void move(struct vehicle *v, double dx, double dy, double dyaw)
{
	struct chassis *c = &v->chassis;
	double mid = c->heading - dyaw / 2; /* heading turns clockwise */
	double s = sin(mid), k = cos(mid), dist = sqrt(dx * dx + dy * dy);

	c->x += (dx * s - dy * k) * c->cos_grade;
	c->y += (dx * k + dy * s) * c->cos_grade;
	c->z += dx * c->sin_grade;
	c->heading -= dyaw;
	if (c->heading < 0) {
		c->heading += 2 * PI;
	}
	if (c->heading >= 2 * PI) {
		c->heading -= 2 * PI;
	}
	V(odometer) += dist;
	V(trip) += dist;
	v->bat.driven_m += dist;
}

/* What the tyres lost by slipping, and the power the shaft had to give. */
static void book_slip(struct vehicle *v)
{
	struct chassis *c = &v->chassis;
	double slip = v->p.motor_drives_front ? c->slip_front : c->slip_rear;
	double motor_slip =
		clamp(c->motor_force / v->p.tyre_slip_stiffness, -0.15, 0.15);
	double lost = 0;

	/* the brakes' part of the slip is heat of the brakes */
	slip = fabs(slip) < fabs(motor_slip) ? slip : motor_slip;
	lost = fabs(c->motor_power * slip);
	c->motor_power += lost;
	v->books.slip += lost * STEP_S;
}

void chassis_step(struct vehicle *v, const struct forces *f)
{
	struct chassis *c = &v->chassis;
	double want = V(steering_wheel) / v->p.chassis_steering_ratio;
	double old_vx = c->vx, old_vy = c->vy;
	double dx = 0, dy = 0, dyaw = 0, sd, cd;

	c->steer += clamp((want - c->steer) * STEP_S / STEER_LAG_S,
			  -STEER_RATE * STEP_S, STEER_RATE * STEP_S);
	sd = sin(c->steer);
	cd = cos(c->steer);
	if (V(grade) != c->grade_seen) {
		c->grade_seen = V(grade);
		c->sin_grade = sin(c->grade_seen);
		c->cos_grade = cos(c->grade_seen);
	}
	c->abs = false;
	c->tc = false;
	c->motor_force = 0;
	c->motor_power = 0;
	for (int i = 0; i < SUBSTEPS; i++) {
		double vx = c->vx, vy = c->vy, yaw = c->yaw_rate;

		substep(v, f, sd, cd);
		dx += 0.5 * (vx + c->vx) * SUB_S;
		dy += 0.5 * (vy + c->vy) * SUB_S;
		dyaw += 0.5 * (yaw + c->yaw_rate) * SUB_S;
	}
	c->ax = (c->vx - old_vx) / STEP_S - dyaw / STEP_S * c->vy;
	c->ay = (c->vy - old_vy) / STEP_S + dyaw / STEP_S * c->vx;
	book_slip(v);
	body_attitude(v);
	if (dx != 0 || dy != 0 || dyaw != 0) {
		move(v, dx, dy, dyaw);
	}
	wheels(v, sd, cd);
	chassis_publish(v);
}

void chassis_publish(struct vehicle *v)
{
	const struct chassis *c = &v->chassis;
	double speed = fabs(c->vx);

	V(speed) = c->vx;
	/* UN R39: never less than true, at most 10 % and 4 km/h more */
	V(speed_display) = speed * 1.02 + fmin(speed * 0.1, 0.3);
	V(accel_x) = c->ax;
	V(accel_y) = c->ay;
	V(yaw_rate) = c->yaw_rate;
	V(slip_angle) = speed > 0.1 ? atan2(c->vy, speed) : 0;
	if (V(pos_x) != c->x || V(pos_y) != c->y) {
		V(pos_x) = c->x;
		V(pos_y) = c->y;
		geo_from_enu(&v->geo, c->x, c->y, &V(lat), &V(lon));
	}
	V(pos_z) = c->z;
	V(heading) = c->heading;
	V(roll) = c->roll;
	V(pitch) = c->pitch;
	V(abs_active) = c->abs;
	V(tc_active) = c->tc;
}
