/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vehicle: physics and body of one car, stepped every VEHICLE_STEP of
 * virtual time, with a driver who follows speeds and routes.
 */
#ifndef AVSIM_VEHICLE_VEHICLE_H
#define AVSIM_VEHICLE_VEHICLE_H

#include "sim/core/err.h"
#include "sim/core/rand.h"
#include "sim/topics.h"
#include "sim/vehicle_vars.h"

struct vehicle;

/**
 * vehicle_create() - From the text of a vehicle.yaml
 * @seed:	of the run; the vehicle takes its own streams
 *
 * Return: 0, -EINVAL with messages in @d, -ENOMEM.
 */
int vehicle_create(const char *name, const char *yaml, size_t len,
		   uint64_t seed, struct vehicle **out, struct av_diags *d);
void vehicle_destroy(struct vehicle *v);

/* Start conditions; NaN = the vehicle file's default. */
struct vehicle_start {
	double lat_deg, lon_deg, alt_m;
	double heading_rad; /* clockwise from north */
	double speed_mps;
	double soc; /* 0..1 */
	double odometer_m;
	double outside_temp_c, cabin_temp_c, battery_temp_c;
	double sun, rain, friction;
	double gear;     /* 0 P 1 R 2 N 3 D */
	double ignition; /* VehicleIgnitionState */
};
void vehicle_start_defaults(struct vehicle_start *s); /* all NaN */
int vehicle_start(struct vehicle *v, const struct vehicle_start *s,
		  struct av_err *err);

/* Advance from @now - VEHICLE_STEP to @now. */
void vehicle_step(struct vehicle *v, vtime now);

/* Current values, VV_N of them, base units; valid as long as @v. */
const double *vehicle_values(const struct vehicle *v);

/**
 * vehicle_actuate() - Set a "rw" variable (what an ECU or a scenario does)
 *
 * Return: 0; -EPERM read-only; -EDOM not finite or out of its range; -EACCES
 * the car refuses now (for instance D without the brake), reason in @err.
 */
int vehicle_actuate(struct vehicle *v, enum vehicle_var var, double value,
		    struct av_err *err);

/* ---- the driver ---- */

/*
 * The driver moves throttle, brake, selector and parking brake through the same
 * interlocks as everybody; while he drives he overrides what was actuated
 * there. On a route he steers as well.
 */

/*
 * Follow a speed, negative backward; 0 stops and holds. @accel_mps2: comfort
 * limit, NaN = default. Steering stays as actuated. Ignored with a log line
 * while the ignition is not on.
 */
void vehicle_drive_speed(struct vehicle *v, double speed_mps,
			 double accel_mps2);

/* Way point of a route, metres east and north of the start point. */
struct route_point {
	double x_m, y_m;
	double speed_mps; /* wanted there, NaN = keep */
};

/**
 * vehicle_drive_route() - Follow way points (copied), then stop at the last
 * @reverse:	drive it backwards (selector R)
 *
 * Sharp corners become arcs of 8 m radius where there is room. The driver picks
 * gear, pedals and steering, slows down for bends and stops with the centre of
 * mass at the last point. Where no speed is given he keeps the one he has, or
 * 30 km/h forward and 5 km/h backward.
 *
 * Return: 0, -EINVAL (fewer than 2 points, not finite, repeated), -EACCES (the
 * ignition is not on), -ENOMEM.
 */
int vehicle_drive_route(struct vehicle *v, const struct route_point *p,
			size_t n, bool reverse, struct av_err *err);

/* Feet and hands off: throttle, brake and steering stay as actuated. */
void vehicle_drive_manual(struct vehicle *v);

enum driver_phase { DRIVER_MANUAL, DRIVER_SPEED, DRIVER_ROUTE, DRIVER_ARRIVED };
struct driver_status {
	enum driver_phase phase;
	double target_mps;
	double route_left_m;  /* along the route */
	double cross_track_m; /* left positive */
};
void vehicle_driver_status(const struct vehicle *v, struct driver_status *out);

#endif
