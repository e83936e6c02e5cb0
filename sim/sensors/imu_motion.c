/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the states of the vehicle to what a chip in it feels.
 *
 * A state holds the mean acceleration of its step, and angles at its end. Mean
 * rates are differences of angles, so what is integrated again gives exactly the
 * angles of the vehicle. All of it belongs to the middle of the step; between
 * two middles everything runs along straight lines.
 *
 * Kinematics of Euler angles in the order yaw, pitch, roll: Diebel (2006),
 * section 5.6.
 */
#include "config.h"

#include "sim/sensors/imu_priv.h"

#include <math.h>
#include <string.h>

#define GRAVITY 9.80665 /* m/s2, standard */
#define PI 3.141592653589793
#define STEP_S (1e-9 * VEHICLE_STEP)

/*
 * Where a scenario changes the slope at once, the path bends over this length,
 * as under a car, and not slower than at this speed: a jolt off the road whose
 * integral is the new climb, instead of a pulse that no range could hold.
 */
#define BEND_M 3.0
#define BEND_MIN_MPS 5.0

/* ---- track ---- */

static void bend(const struct motion *from, double speed, struct motion *to)
{
	double share = fmax(fabs(speed), BEND_MIN_MPS) * STEP_S / BEND_M;
	double by = (to->slope - from->bend) * fmin(share, 1);

	to->bend = from->bend + by;
	to->accel_z = by / STEP_S * speed;
}

/* The angle next to @near that means the same as @a. */
static double unwrap(double a, double near)
{
	return a + 2 * PI * round((near - a) / (2 * PI));
}

void motion_add(struct motion_track *k, const struct vehicle_state *s)
{
	struct motion end = { .accel_x = s->v[VV_accel_x],
			      .accel_y = s->v[VV_accel_y],
			      .roll = s->v[VV_roll],
			      .pitch = s->v[VV_pitch],
			      .yaw = PI / 2 - s->v[VV_heading],
			      .slope = s->v[VV_grade],
			      .bend = s->v[VV_grade] };
	struct motion mid = end;

	k->lat = s->v[VV_lat];
	k->lon = s->v[VV_lon];
	k->t = s->t;
	if (k->n == 0) {
		mid.yaw_rate = s->v[VV_yaw_rate];
		k->m[0] = k->m[1] = mid;
		k->last = end;
		k->n = 1;
		return;
	}
	end.yaw = unwrap(end.yaw, k->last.yaw);
	bend(&k->last, s->v[VV_speed], &end);
	mid.accel_z = end.accel_z;
	mid.bend = 0.5 * (end.bend + k->last.bend);
	mid.roll = 0.5 * (end.roll + k->last.roll);
	mid.pitch = 0.5 * (end.pitch + k->last.pitch);
	mid.yaw = 0.5 * (end.yaw + k->last.yaw);
	mid.slope = 0.5 * (end.slope + k->last.slope);
	mid.roll_rate = (end.roll - k->last.roll) / STEP_S;
	mid.pitch_rate = (end.pitch - k->last.pitch) / STEP_S;
	mid.yaw_rate = (end.yaw - k->last.yaw) / STEP_S;
	k->m[0] = k->m[1];
	if (k->n > 1) {
		mid.roll_accel = (mid.roll_rate - k->m[0].roll_rate) / STEP_S;
		mid.pitch_accel =
			(mid.pitch_rate - k->m[0].pitch_rate) / STEP_S;
		mid.yaw_accel = (mid.yaw_rate - k->m[0].yaw_rate) / STEP_S;
	}
	k->m[1] = mid;
	k->last = end;
	k->n = 2;
}

void motion_at(const struct motion_track *k, vtime t, struct motion *out)
{
	double w = (double)(t - k->t) / (double)VEHICLE_STEP;
	double a[MOTION_N], b[MOTION_N];

	w = w < 0 ? 0 : w > 1 ? 1 : w;
	memcpy(a, &k->m[0], sizeof(a));
	memcpy(b, &k->m[1], sizeof(b));
	for (size_t i = 0; i < MOTION_N; i++) {
		a[i] += w * (b[i] - a[i]);
	}
	memcpy(out, a, sizeof(a));
}

/* ---- rotations ---- */

/* Into axes pitched by @a (nose down), then rolled by @b (to the right). */
static void pitch_roll(double a, double b, double v[3])
{
	double s = sin(a), c = cos(a);
	double x = c * v[0] - s * v[2], z = s * v[0] + c * v[2], y = v[1];

	s = sin(b);
	c = cos(b);
	v[0] = x;
	v[1] = c * y + s * z;
	v[2] = c * z - s * y;
}

/* Euler rates, or their derivatives, as a vector in body axes. */
static void euler_vector(const struct motion *m, double roll, double pitch,
			 double yaw, double out[3])
{
	double sr = sin(m->roll), cr = cos(m->roll);
	double sp = sin(m->pitch), cp = cos(m->pitch);

	out[0] = roll - yaw * sp;
	out[1] = pitch * cr + yaw * sr * cp;
	out[2] = yaw * cr * cp - pitch * sr;
}

void motion_turn(const struct motion *m, double out[3])
{
	euler_vector(m, m->roll_rate, m->pitch_rate, m->yaw_rate, out);
}

static void cross(const double a[3], const double b[3], double out[3])
{
	out[0] = a[1] * b[2] - a[2] * b[1];
	out[1] = a[2] * b[0] - a[0] * b[2];
	out[2] = a[0] * b[1] - a[1] * b[0];
}

void motion_force(const struct motion *m, const double arm[3], double out[3])
{
	double f[3] = { m->accel_x, m->accel_y, 0 };
	double jolt[3] = { 0, 0, m->accel_z }, up[3] = { 0, 0, GRAVITY };
	double w[3], dw[3], a[3], b[3], c[3];

	pitch_roll(m->pitch + m->slope, m->roll, f);
	pitch_roll(m->pitch + m->bend, m->roll, jolt);
	pitch_roll(m->pitch, m->roll, up);
	motion_turn(m, w);
	/* products of rates are left out of the angular acceleration: below
	 * 0.01 rad/s2 for a car */
	euler_vector(m, m->roll_accel, m->pitch_accel, m->yaw_accel, dw);
	cross(dw, arm, a);
	cross(w, arm, b);
	cross(w, b, c);
	for (int i = 0; i < 3; i++) {
		out[i] = f[i] + jolt[i] + up[i] + a[i] + c[i];
	}
}

/* ---- magnetic field ---- */

/* Gauss coefficients of degree 1, nT: IGRF-13 (Alken et al. 2021), 2020.0. */
#define G10 (-29404.8)
#define G11 (-1450.9)
#define H11 4652.5
#define RADIUS_M 6371200.0

void earth_field(double lat_deg, double lon_deg, double height_m, double out[3])
{
	double lat = lat_deg * PI / 180, lon = lon_deg * PI / 180;
	double s = G11 * cos(lon) + H11 * sin(lon);
	double shrink = pow(RADIUS_M / (RADIUS_M + height_m), 3) / 1000;

	out[0] = shrink * (G11 * sin(lon) - H11 * cos(lon));
	out[1] = shrink * (s * sin(lat) - G10 * cos(lat));
	out[2] = shrink * 2 * (G10 * sin(lat) + s * cos(lat));
}

/* The field is worked out once per cell of this size, for its corner: it changes
 * by less than 0.02 uT in there. */
#define CELLS_PER_DEG 100

void motion_field(struct motion_track *k, const struct motion *m, double out[3])
{
	double s = sin(m->yaw), c = cos(m->yaw);
	const double *f = k->field;
	double lat = floor(k->lat * CELLS_PER_DEG) / CELLS_PER_DEG;
	double lon = floor(k->lon * CELLS_PER_DEG) / CELLS_PER_DEG;

	if ((f[0] == 0 && f[1] == 0 && f[2] == 0) || lat != k->cell_lat ||
	    lon != k->cell_lon) {
		earth_field(lat, lon, 0, k->field);
		k->cell_lat = lat;
		k->cell_lon = lon;
	}
	out[0] = c * f[0] + s * f[1];
	out[1] = c * f[1] - s * f[0];
	out[2] = f[2];
	pitch_roll(m->pitch, m->roll, out);
}
