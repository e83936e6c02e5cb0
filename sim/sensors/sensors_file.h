/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensors.yaml: the motion sensors of a vehicle, where they are mounted and how
 * good they are.
 */
#ifndef AVSIM_SENSORS_SENSORS_FILE_H
#define AVSIM_SENSORS_SENSORS_FILE_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define SENSORS_CHIPS_MAX 8
#define SENSORS_RATES_MAX 16
#define SENSORS_NAME_MAX 64
#define SENSORS_PATH_MAX 256

enum imu_kind { IMU_ACCEL, IMU_GYRO, IMU_MAG, IMU_N_KINDS };
extern const char *const imu_kind_names[IMU_N_KINDS + 1]; /* NULL-ended */
extern const char *const imu_kind_units[IMU_N_KINDS];	  /* "m/s2" ... */

/* One chip; amounts in the unit of its kind: m/s2, rad/s, uT. */
struct sensors_chip {
	char name[SENSORS_NAME_MAX];
	char uncal[SENSORS_NAME_MAX]; /* its uncalibrated sensor, "" = none */
	enum imu_kind kind;
	/* ahead, left and above of the centre of the rear axle, m */
	double position[3];
	int exponent;  /* a quantum is 10^exponent */
	double range;  /* largest magnitude */
	double noise;  /* density, unit per root of Hz */
	double bias;   /* deviation between specimens, at switch-on */
	double residual; /* deviation of what calibration leaves of it */
	double drift;  /* random walk of the bias, unit per root of s */
	size_t n_rates;
	double rate_hz[SENSORS_RATES_MAX]; /* rising */
};

/* Plain data: copy it, nothing to free. */
struct sensors_file {
	char hal_config[SENSORS_PATH_MAX]; /* relative to the file, "" = none */
	size_t n_chips;
	struct sensors_chip chip[SENSORS_CHIPS_MAX];
};

/**
 * sensors_file_parse() - Read the text of a sensors.yaml
 * @name:	of the file, for messages
 * @out:	filled on success only
 *
 * Return: 0, -EINVAL with all messages in @d, -ENOMEM.
 */
int sensors_file_parse(const char *name, const char *yaml, size_t len,
		       struct sensors_file *out, struct av_diags *d);

#endif
