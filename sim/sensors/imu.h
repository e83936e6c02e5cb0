/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motion sensors: accelerometers, gyroscopes and magnetometers, each also
 * uncalibrated, as a guest's drivers see them.
 *
 * A sample is a function of the vehicle's motion, of the seed, of its own moment
 * and of the rate that was set, never of who reads or how often. So reading has
 * no side effects, and a replay without the guest gives the same samples.
 *
 * The vehicle moves in steps of 10 ms; what a sensor shows is interpolated
 * between the middles of the last two whole steps. That makes a delay of 15 ms,
 * the same for all sensors, in the order of the filters in real chips.
 * Recorded traces (sim/sensors/imu_trace.h) have no delay.
 *
 * Model: the body turns about the centre of mass (ISO 8855 angles); specific
 * force there is acceleration less gravity (9.80665 m/s2), at the chip with the
 * lever arm's share of turning. The rotation of the earth is below a quantum of
 * such gyroscopes and left out. The magnetic field is that of a tilted dipole
 * (IGRF-13, degree 1, epoch 2020) at the place of the car; steel of the car and
 * local anomalies are the bias of the chip.
 */
#ifndef AVSIM_SENSORS_IMU_H
#define AVSIM_SENSORS_IMU_H

#include "sim/bundle.h"
#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/sensors/sensors_file.h"
#include "sim/topics.h"

#define IMU_SENSORS_MAX (2 * SENSORS_CHIPS_MAX)
/* Rate on TOPIC_IMU of the calibrated sensors while nobody asks for one. */
#define IMU_RECORD_HZ 10.0
#define IMU_DELAY (3 * VEHICLE_STEP / 2)

struct imu;

struct imu_env {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	uint64_t seed;
	int64_t epoch_ns; /* Unix time of virtual 0, 0 = not tied */
	/* centre of mass: ahead of and above the centre of the rear axle, m */
	double mass_ahead, mass_above;
	bool vehicle; /* there is one; else only traces give samples */
};

/**
 * imu_create() - The sensors of BUNDLE_SENSORS, fed by BUNDLE_IMU traces or the
 * vehicle
 *
 * Where a trace has a sensor, by its name or its kind, that sensor shows the
 * trace. Unix times count from @env->epoch_ns, and where that is 0, from the
 * earliest row of all traces. Subscribes before bus_seal().
 *
 * Return: 0 (*out is NULL if the bundle has no sensors.yaml), -EINVAL with all
 * messages in @d, -ENOMEM.
 */
int imu_create(const struct imu_env *env, const struct bundle *in,
	       struct imu **out, struct av_diags *d);
void imu_destroy(struct imu *m);

/* The first samples come a period later. */
void imu_start(struct imu *m);

struct imu_info {
	const char *name;
	enum imu_kind kind;
	bool uncalibrated;
	int android_type; /* 1 2 4, uncalibrated 35 14 16 */
	int exponent;	  /* a quantum is 10^exponent ... */
	const char *unit; /* ... of this */
	int32_t raw_max;  /* range, in quanta, both signs */
	size_t n_rates;
	const double *rate_hz; /* that it offers, rising */
};

size_t imu_count(const struct imu *m);
void imu_info(const struct imu *m, size_t sensor, struct imu_info *out);
int imu_find(const struct imu *m, const char *name); /* index or -1 */
const char *imu_suggest(const struct imu *m, const char *name); /* or NULL */

/**
 * imu_enable() - A device asks for samples on TOPIC_IMU at @rate_hz
 *
 * Posts the command "sensor-rate" as the guest's: it takes effect at the next
 * step and is recorded. One rate per sensor, the last one counts. The first
 * sample comes a period after, all at exact intervals (rounded to ns each, not
 * summed up).
 *
 * Return: 0, -EDOM (rate outside of 0.1 to the sensor's highest), or what
 * cmdq_post() says.
 */
int imu_enable(struct imu *m, size_t sensor, double rate_hz);
int imu_disable(struct imu *m, size_t sensor);

/**
 * imu_read() - What the sensor shows now
 *
 * Return: 0; -ENODATA where it is silent (a fault, a gap in the trace, before
 * anything moved).
 */
int imu_read(struct imu *m, size_t sensor, struct imu_sample *out);

/* The rate asked for, 0 = nobody; what "sensor-rate" does. */
double imu_rate(const struct imu *m, size_t sensor);
int imu_check_rate(const struct imu *m, size_t sensor, double rate_hz,
		   struct av_err *err);
int imu_set_rate(struct imu *m, size_t sensor, double rate_hz,
		 struct av_err *err);

/* Of the chip's axes into those of the car as Android has them: x right, y
 * ahead, z up. For guests whose HAL turns nothing. */
void imu_to_car(const struct imu *m, size_t sensor, const double chip[3],
		double car[3]);

/* ---- faults; each stays until it is taken back ---- */

enum imu_fault {
	IMU_STUCK,   /* @on: shows what it showed */
	IMU_DROPOUT, /* @on: no samples */
	IMU_BIAS,    /* @amount on axis @axis (0..2, -1 all), 0 ends */
	IMU_NOISE,   /* more noise of deviation @amount, 0 ends */
	IMU_CLOCK,   /* rate times @amount, 1 ends */
};
/* @amount: in the sensor's unit; IMU_STUCK and IMU_DROPOUT: 0 ends. */
void imu_break(struct imu *m, size_t sensor, enum imu_fault what, int axis,
	       double amount);

#endif
