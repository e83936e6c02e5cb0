/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: follows a speed or a route with pedals, selector and steering
 * wheel, like a calm person who knows the car.
 *
 * Route: way points joined by straights, corners rounded by arcs. Steering:
 * curvature of the path ahead plus feedback of lateral and heading error over
 * distance, at the rear axle, alike forward and backward (Samson 1995, IEEE
 * Trans. Autom. Control 40(1); De Luca, Oriolo and Samson 1998, section 4.2),
 * with the understeer of the car taken off (Rajamani 2012, equation 3.11).
 * Speed: the profile that the car can follow with comfortable deceleration,
 * feed forward of the forces, PI for the rest. Comfort limits: Hoberock (1977),
 * J. Dyn. Sys. Meas. Control 99(2).
 */
#include "config.h"

#include "sim/vehicle/model.h"

#include "sim/core/log.h"

#include <errno.h>
#include <stdlib.h>

#define ACCEL 1.5                /* m/s2, comfortable */
#define DECEL 1.2                /* planned ahead on a route */
#define DECEL_MAX 4.0            /* when he must */
#define JERK 4.0                 /* m/s3 */
#define LATERAL 2.0              /* m/s2 in bends */
#define CRAWL 0.8                /* m/s: slowest he plans */
#define FORWARD_SPEED (30 / 3.6) /* where a route says nothing */
#define REVERSE_SPEED (5 / 3.6)
#define STOP_SOFT 0.35 /* m/s: the stop ends softly below */
#define STANDING 0.03  /* m/s */
#define ARRIVE_M 0.05
#define HOLD_PEDAL 0.3
#define HANDS_RATE 9.0 /* rad/s of the steering wheel */
#define PREVIEW_S 0.06 /* looks ahead of the lag of the steering gear */
#define TURNED 0.3     /* rad: turns the wheel this close before he sets off */
#define CORNER_RADIUS 8.0 /* m, of a sharp corner where there is room */
#define CORNER_CUT 0.25   /* m that an arc may miss its way point by */
#define CRUISE_FROM 8.3   /* m/s: uses cruise control above */

/* ---- route ---- */

static double seg_len(const struct route_point *p)
{
	return hypot(p[1].x_m - p[0].x_m, p[1].y_m - p[0].y_m);
}

static double seg_heading(const struct route_point *p)
{
	return atan2(p[1].y_m - p[0].y_m, p[1].x_m - p[0].x_m);
}

static int check_points(const struct route_point *p, size_t n,
			struct av_err *err)
{
	if (n < 2 || n > SIZE_MAX / (4 * sizeof(struct piece))) {
		return av_err_set(err, -EINVAL,
				  "a route needs at least 2 way points");
	}
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(p[i].x_m) || !isfinite(p[i].y_m) ||
		    fabs(p[i].x_m) > 1e7 || fabs(p[i].y_m) > 1e7 ||
		    isinf(p[i].speed_mps) || p[i].speed_mps < 0) {
			return av_err_set(err, -EINVAL,
					  "way point %zu is not a place with a "
					  "speed of 0 or more",
					  i + 1);
		}
		if (i > 0 && seg_len(&p[i - 1]) < 1e-3) {
			return av_err_set(
				err, -EINVAL,
				"way point %zu repeats the one before", i + 1);
		}
	}
	return 0;
}

/* Radius and tangent length of the arc at way point @p[1]; 0: no arc. */
static double corner(const struct route_point *p, double *turn, double *tangent)
{
	double half, room = 0.5 * fmin(seg_len(p), seg_len(p + 1));
	double radius, t;

	*turn = wrap_pi(seg_heading(p + 1) - seg_heading(p));
	half = fabs(*turn) / 2;
	*tangent = 0;
	if (half < 1e-6) {
		return 0;
	}
	t = tan(fmin(half, 1.55));
	radius = CORNER_CUT / (1 / cos(fmin(half, 1.55)) - 1);
	radius = fmax(radius, CORNER_RADIUS);
	radius = fmin(radius, room / t);
	if (radius < 0.5) {
		return 0; /* turns on the spot; steering does what it can */
	}
	*tangent = radius * t;
	return radius;
}

static struct piece *add_piece(struct driver *d, double x, double y,
			       double heading, double curvature, double length,
			       double cap)
{
	struct piece *p = &d->piece[d->n];

	*p = (struct piece){ .x = x,
			     .y = y,
			     .heading = heading,
			     .curvature = curvature,
			     .length = length,
			     .s = d->n ? p[-1].s + p[-1].length : 0,
			     .cap = fmax(cap, CRAWL) };
	d->n++;
	return p;
}

static void build(struct driver *d, const struct route_point *p, size_t n,
		  double speed)
{
	double cut = 0; /* of the straight's begin, by the last arc */

	d->n = 0;
	for (size_t i = 0; i + 1 < n; i++) {
		double h = seg_heading(&p[i]), len = seg_len(&p[i]);
		double c = cos(h), s = sin(h), turn = 0, tangent = 0, r = 0;
		double cap;

		if (!isnan(p[i].speed_mps) && (p[i].speed_mps > 0 || i == 0)) {
			speed = fmax(p[i].speed_mps, CRAWL);
		}
		if (i + 2 < n) {
			r = corner(&p[i], &turn, &tangent);
		}
		add_piece(d, p[i].x_m + cut * c, p[i].y_m + cut * s, h, 0,
			  fmax(len - cut - tangent, 0), speed);
		if (r > 0) {
			cap = isnan(p[i + 1].speed_mps)
				      ? speed
				      : fmin(speed, p[i + 1].speed_mps);
			add_piece(d, p[i].x_m + (len - tangent) * c,
				  p[i].y_m + (len - tangent) * s, h,
				  copysign(1 / r, turn), r * fabs(turn),
				  fmin(cap, sqrt(LATERAL * r)));
		}
		if (r == 0 && fabs(turn) > 0.05) {
			add_piece(d, p[i + 1].x_m, p[i + 1].y_m, h, 0, 0, 0);
		}
		cut = tangent;
	}
}

/* Backward: how fast at each begin, so that what follows can be met. */
static void plan(struct driver *d)
{
	double next = 0;

	for (size_t i = d->n; i-- > 0;) {
		struct piece *p = &d->piece[i];

		p->limit =
			fmin(p->cap, sqrt(next * next + 2 * DECEL * p->length));
		next = p->limit;
	}
}

int vehicle_drive_route(struct vehicle *v, const struct route_point *p,
			size_t n, bool reverse, struct av_err *err)
{
	struct driver *d = &v->driver;
	double speed = reverse ? REVERSE_SPEED : FORWARD_SPEED;
	struct piece *piece;
	int ret = check_points(p, n, err);

	if (ret < 0) {
		return ret;
	}
	if (V(ignition) < IGN_ON) {
		return av_err_set(err, -EACCES,
				  "cannot drive: the ignition is not on");
	}
	piece = calloc(2 * n, sizeof(*piece));
	if (!piece) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (d->phase == DRIVER_SPEED && !reverse && d->target > CRAWL) {
		speed = d->target;
	}
	free(d->piece);
	*d = (struct driver){ .phase = DRIVER_ROUTE,
			      .accel = ACCEL,
			      .piece = piece,
			      .reverse = reverse,
			      .a_cmd = d->a_cmd };
	build(d, p, n, speed);
	plan(d);
	d->left_m = d->piece[d->n - 1].s + d->piece[d->n - 1].length;
	return 0;
}

void vehicle_drive_speed(struct vehicle *v, double speed_mps, double accel_mps2)
{
	struct driver *d = &v->driver;

	if (V(ignition) < IGN_ON && speed_mps != 0) {
		if (!d->told) {
			av_log(AV_LOG_WARN, "driver",
			       "cannot drive: the ignition is not on");
		}
		d->told = true;
		return;
	}
	if (!isfinite(speed_mps) || isinf(accel_mps2) || accel_mps2 <= 0) {
		av_log(AV_LOG_WARN, "driver",
		       "speed and acceleration must be finite, the latter "
		       "more than 0");
		return;
	}
	if (d->phase != DRIVER_SPEED) {
		d->integral = 0;
	}
	d->phase = DRIVER_SPEED;
	d->target = speed_mps;
	d->accel = isnan(accel_mps2) ? ACCEL : fmin(accel_mps2, 12);
	d->told = false;
	d->steady_s = 0;
	d->left_m = 0;
	d->cross_m = 0;
}

void vehicle_drive_manual(struct vehicle *v)
{
	v->driver.phase = DRIVER_MANUAL;
}

/* ---- pedals ---- */

static void pedals(struct vehicle *v, double a)
{
	struct driver *d = &v->driver;
	double m = v->p.chassis_mass, dir = powertrain_dir(v);
	double lag = JERK * STEP_S, force, base, stop;
	double full = v->p.brakes_max_decel * m;
	struct lift l;

	a = clamp(a, d->a_cmd - 2 * lag, d->a_cmd + lag);
	d->a_cmd = a;
	force = v->chassis.mass_eff * a + chassis_resistance(v) +
		m * GRAVITY * v->chassis.sin_grade * dir;
	powertrain_lift(v, &l);
	base = l.lift + l.creep;
	stop = base - l.hold_brake;
	V(throttle) = 0;
	V(brake) = 0;
	if (force >= base - l.hold_brake) {
		double gain = l.drive_max - base;
		double t = gain + l.hold_brake / HOLD_BLEND;

		t = t > 1 ? (force - stop) / t : 0;
		if (t > HOLD_BLEND && gain > 1) {
			t = (force - base) / gain;
		}
		V(throttle) = clamp(t, 0, 1);
	} else {
		/* creep torque goes as the pedal comes */
		double p = (stop - force) / (full + l.creep / CREEP_CUT);

		if (p > CREEP_CUT) {
			p = (stop - l.creep - force) / full;
		}
		V(brake) = clamp(p, 0, 1);
	}
}

static void hold(struct vehicle *v)
{
	V(throttle) = 0;
	V(brake) = approach(V(brake), HOLD_PEDAL, 2 * STEP_S);
	v->driver.a_cmd = 0;
	v->driver.integral = 0;
}

/* Return: true once the car can go that way; else he works on it. */
static bool in_gear(struct vehicle *v, bool reverse)
{
	double want = reverse ? GEAR_R : GEAR_D;
	struct av_err err;

	if (V(gear_current) == want && V(gear_selection) == want) {
		if (V(parking_brake) != 0) {
			actuate_apply(v, VV_parking_brake, 0);
		}
		return true;
	}
	if (fabs(v->chassis.vx) > 0.1) {
		V(throttle) = 0;
		V(brake) = 0.2;
		return false;
	}
	hold(v);
	if (V(gear_selection) == want) {
		return false; /* engages */
	}
	if (actuate_check(v, VV_gear_selection, want, &err) == 0) {
		actuate_apply(v, VV_gear_selection, want);
	} else if (!v->driver.told && V(brake) > 0.2) {
		av_log(AV_LOG_WARN, "driver", "cannot drive: %s", err.msg);
		v->driver.told = true;
	}
	return false;
}

/* PI on the speed error; the integral only mends what is small. */
static double regulate(struct driver *d, double error, double gain)
{
	if (fabs(error) < 0.5) {
		d->integral =
			clamp(d->integral + 0.25 * error * STEP_S, -0.6, 0.6);
	}
	return gain * error + d->integral;
}

/* ---- speed mode ---- */

static void cruise(struct vehicle *v, double error)
{
	struct driver *d = &v->driver;

	d->steady_s = fabs(error) < 0.5 ? d->steady_s + STEP_S : 0;
	if (d->phase != DRIVER_SPEED || d->target < CRUISE_FROM) {
		V(cruise_state) = 0;
		V(cruise_target) = 0;
		return;
	}
	V(cruise_state) = d->steady_s > 2 ? 2 : 1;
	V(cruise_target) = d->target;
}

static void follow_speed(struct vehicle *v)
{
	struct driver *d = &v->driver;
	bool reverse = d->target < 0;
	double speed = v->chassis.vx, target = fabs(d->target), a, error;

	if (V(ignition) < IGN_ON) {
		target = 0;
	}
	if (target == 0) {
		reverse = V(gear_current) == GEAR_R;
	} else if (!in_gear(v, reverse)) {
		cruise(v, 99);
		return;
	}
	speed = reverse ? -speed : speed;
	error = target - speed;
	cruise(v, error);
	if (target == 0 && fabs(speed) < STANDING) {
		hold(v);
		return;
	}
	if (target == 0) {
		/* firm, and soft at the end */
		a = -clamp(1.2 * fabs(speed), 0.3, d->accel);
		pedals(v, a);
		return;
	}
	a = regulate(d, error, 0.8);
	pedals(v, clamp(a, -d->accel, d->accel));
}

/* ---- route mode ---- */

struct place {
	double s;         /* along the route */
	double e;         /* left of it, in the direction of travel */
	double heading;   /* of the route there, math angle */
	double curvature; /* smoothed */
};

static double project(const struct piece *p, double x, double y,
		      struct place *out)
{
	double c = cos(p->heading), s = sin(p->heading);
	double dx = x - p->x, dy = y - p->y, k = p->curvature, ds;

	if (k == 0) {
		ds = dx * c + dy * s;
		out->e = dy * c - dx * s;
	} else {
		double sign = k > 0 ? 1 : -1, r = 1 / fabs(k);
		double rx = dx + sign * s * r, ry = dy - sign * c * r;
		double mid = p->length / (2 * r);
		double angle = sign * (atan2(ry, rx) - p->heading) + PI / 2;

		ds = (wrap_pi(angle - mid) + mid) * r;
		out->e = sign * (r - sqrt(rx * rx + ry * ry));
	}
	out->s = p->s + ds;
	return ds;
}

static void locate(struct driver *d, double x, double y, struct place *out)
{
	while (project(&d->piece[d->at], x, y, out) > d->piece[d->at].length &&
	       d->at + 1 < d->n) {
		d->at++;
	}
}

/* Heading of the route at @s, unwrapped from that of the present piece. */
static double heading_at(const struct driver *d, double s)
{
	size_t i = d->at;
	double turned = 0;

	while (i + 1 < d->n && s > d->piece[i].s + d->piece[i].length) {
		turned += d->piece[i].curvature * d->piece[i].length;
		i++;
	}
	while (i > 0 && s < d->piece[i].s) {
		i--;
		turned -= d->piece[i].curvature * d->piece[i].length;
	}
	return d->piece[d->at].heading + turned +
	       d->piece[i].curvature *
		       clamp(s - d->piece[i].s, 0, d->piece[i].length);
}

/*
 * Hands need time from one angle to another, so a driver turns in before a
 * bend and out before its end: heading and curvature as the mean over a
 * window, which makes a clothoid of every change of curvature.
 */
static void look(const struct driver *d, double speed, struct place *at)
{
	/* bends of LATERAL: the slower, the farther the hands have to turn */
	double time = clamp(11 / (speed * speed + 0.1), 0.6, 1.4);
	double half = fmax(0.3, time / 2 * speed);
	double s = at->s + speed * PREVIEW_S;
	double behind, ahead;

	behind = heading_at(d, s - half);
	ahead = heading_at(d, s + half);
	at->curvature = (ahead - behind) / (2 * half);
	behind = heading_at(d, at->s - half);
	ahead = heading_at(d, at->s + half);
	at->heading = (behind + 2 * heading_at(d, at->s) + ahead) / 4;
}

/* Return: how far the hands still have to turn the wheel, rad. */
static double steer(struct vehicle *v, const struct place *at, double course,
		    double speed)
{
	struct driver *d = &v->driver;
	const struct chassis *c = &v->chassis;
	double reach = fmax(1.8, 0.55 * speed);
	/* the rear axle runs inside of the arc that the middle follows */
	double e = at->e - c->rear * c->rear * at->curvature / 2;
	double turn = sin(course), k, wheel;

	e = clamp(e, -0.8 * reach, 0.8 * reach);
	if (cos(course) < 0) {
		turn = copysign(1, turn); /* heads the wrong way */
	}
	k = at->curvature - e / (reach * reach) - 1.6 * turn / reach;
	wheel = atan(k * v->p.chassis_wheelbase);
	if (d->reverse) {
		wheel = -wheel;
	} else {
		wheel += c->understeer * speed * speed * k;
	}
	wheel *= v->p.chassis_steering_ratio;
	wheel = clamp(wheel, -v->p.chassis_steering_max,
		      v->p.chassis_steering_max);
	V(steering_wheel) =
		approach(V(steering_wheel), wheel, HANDS_RATE * STEP_S);
	return fabs(wheel - V(steering_wheel));
}

/* Speed wanted at the place, and how it changes, m/s2. */
static double profile(const struct driver *d, double s, double speed, double *a)
{
	const struct piece *p = &d->piece[d->at];
	double next = d->at + 1 < d->n ? p[1].limit : 0;
	double left = fmax(p->s + p->length - s, 0);
	double v = sqrt(next * next + 2 * DECEL * left), stop, to_end;

	*a = -DECEL;
	if (d->at + 1 >= d->n || v >= p->cap) {
		v = p->cap;
		*a = 0;
	}
	to_end = fmax(d->left_m - ARRIVE_M / 2, 0);
	stop = sqrt(STOP_SOFT * STOP_SOFT + 2 * DECEL * to_end) - STOP_SOFT;
	if (stop < v) {
		v = stop;
		*a = -DECEL * speed / (stop + STOP_SOFT);
	}
	return v;
}

static void follow_route(struct vehicle *v)
{
	struct driver *d = &v->driver;
	const struct chassis *c = &v->chassis;
	double psi = PI / 2 - c->heading, dir = d->reverse ? -1 : 1;
	double speed = c->vx * dir, want, a, course, turn, limit;
	struct place at;

	locate(d, c->x - c->rear * cos(psi), c->y - c->rear * sin(psi), &at);
	look(d, fabs(speed), &at);
	course = psi + (d->reverse ? PI : 0);
	if (c->vx > 2) {
		/* at speed the rear axle drifts outwards a little */
		course += (c->vy - c->rear * c->yaw_rate) / c->vx;
	}
	course = wrap_pi(course - at.heading);
	d->cross_m = at.e + dir * c->rear * sin(course) -
		     c->rear * c->rear * at.curvature / 2;
	d->left_m = d->piece[d->n - 1].s + d->piece[d->n - 1].length - at.s -
		    dir * c->rear;
	if (!in_gear(v, d->reverse)) {
		return;
	}
	turn = steer(v, &at, course, fabs(speed));
	if (d->left_m < ARRIVE_M && speed < 4 * ARRIVE_M) {
		d->phase = DRIVER_ARRIVED;
		d->target = 0;
		hold(v);
		return;
	}
	if (turn > TURNED && fabs(speed) < STANDING) {
		hold(v);
		return;
	}
	want = profile(d, at.s, fabs(speed), &a);
	/* back on the route first where it bent more than the car can */
	limit = sqrt(1.3 * LATERAL *
		     (v->p.chassis_wheelbase + c->understeer * speed * speed) /
		     (fabs(tan(c->steer)) + 1e-3));
	if (want > limit) {
		want = limit;
		a = 0;
	}
	d->target = want;
	if (V(ignition) < IGN_ON) {
		want = 0;
		a = -DECEL;
	}
	a += regulate(d, want - speed, 1.5);
	pedals(v, clamp(a, -DECEL_MAX, d->accel));
}

void driver_step(struct vehicle *v)
{
	switch (v->driver.phase) {
	case DRIVER_SPEED:
		follow_speed(v);
		return;
	case DRIVER_ROUTE:
		follow_route(v);
		break;
	case DRIVER_ARRIVED:
		hold(v);
		break;
	case DRIVER_MANUAL:
		break;
	}
	V(cruise_state) = 0;
	V(cruise_target) = 0;
}

void vehicle_driver_status(const struct vehicle *v, struct driver_status *out)
{
	const struct driver *d = &v->driver;
	bool route = d->phase == DRIVER_ROUTE || d->phase == DRIVER_ARRIVED;

	*out = (struct driver_status){
		.phase = d->phase,
		.target_mps = d->phase == DRIVER_MANUAL ? 0 : d->target,
		.route_left_m = route ? d->left_m : 0,
		.cross_track_m = route ? d->cross_m : 0,
	};
}
