/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the motion sensors: how the car moves, and what that is at a point
 * of it. Body axes are ISO 8855: x ahead, y left, z up.
 */
#ifndef AVSIM_SENSORS_IMU_PRIV_H
#define AVSIM_SENSORS_IMU_PRIV_H

#include "sim/topics.h"

/* One step of the vehicle, at its middle. */
struct motion {
	/* of the centre of mass: along and across the road, off the path */
	double accel_x, accel_y, accel_z;
	double roll, pitch, yaw; /* rad; yaw from east, left, not wrapped */
	double roll_rate, pitch_rate, yaw_rate;
	double roll_accel, pitch_accel, yaw_accel;
	double slope; /* of the road, positive uphill */
	double bend;  /* slope of the path, which follows that */
};
#define MOTION_N (sizeof(struct motion) / sizeof(double))

/* The last two steps. */
struct motion_track {
	struct motion m[2];  /* older, newer */
	struct motion last;  /* angles at the end of the newer step */
	vtime t;	     /* of the last state */
	unsigned int n;	     /* states seen, up to 2 */
	double lat, lon;     /* of the last state */
	double cell_lat, cell_lon;   /* where the field was worked out */
	double field[3];     /* there: east, north, up, uT */
};

void motion_add(struct motion_track *k, const struct vehicle_state *s);
/* Between the two, at time @t of the sensors' clock. */
void motion_at(const struct motion_track *k, vtime t, struct motion *out);

/* Specific force at @arm from the centre of mass, m/s2; rates, rad/s; the
 * magnetic field, uT. All in body axes. */
void motion_force(const struct motion *m, const double arm[3], double out[3]);
void motion_turn(const struct motion *m, double out[3]);
void motion_field(struct motion_track *k, const struct motion *m,
		  double out[3]);

/* Dipole field at a place: east, north, up, uT. */
void earth_field(double lat_deg, double lon_deg, double height_m,
		 double out[3]);

#endif
