/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded motion sensors: CSV files with a header that says what is in each
 * column (avsim-recording(5), "Traces of motion sensors").
 *
 * The first column is the time: time_s, virtual time, or unix_time_s. Others
 * are KIND_AXIS_UNIT of kinds accel gyro mag, each also as KIND_uncal (axes
 * forward back left right up down, or x y z of the chip; units mps2 g rad_s
 * deg_s uT), or NAME_x NAME_y NAME_z of a sensor's name, along the chip's axes
 * in m/s2, rad/s or uT, and NAME_bias_x ... of an uncalibrated one.
 *
 * An empty field is no sample. Anything else that is no number, a row with
 * another number of fields and a time that does not rise are errors, all told
 * with line and column; nothing of such a file is used.
 */
#ifndef AVSIM_SENSORS_IMU_TRACE_H
#define AVSIM_SENSORS_IMU_TRACE_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"
#include "sim/sensors/sensors_file.h"
#include "sim/topics.h"

#include <stdbool.h>
#include <stddef.h>

#define IMU_TRACE_COLUMNS_MAX 128
/* Where rows are further apart the sensor was silent: nothing is invented. */
#define IMU_TRACE_GAP VT_S

/* What one sensor measured. */
struct imu_series {
	char name[SENSORS_NAME_MAX]; /* of the sensor, "" = by kind */
	enum imu_kind kind;	     /* where @name is "" */
	bool uncal;
	bool car_axes; /* ahead, left, up; else the chip's own */
	size_t n;
	vtime *t;
	double (*v)[IMU_VALUES_MAX];
	size_t n_values; /* 3 or 6 */
	size_t at;	 /* of the last look-up */
};

struct imu_trace {
	bool unix_time; /* times are ns since the epoch */
	vtime first, last;
	size_t n_series;
	struct imu_series *series;
};

/**
 * imu_trace_parse() - Read a CSV file
 *
 * Return: 0; -EINVAL with all messages in @d; -ENOMEM.
 */
int imu_trace_parse(const char *name, const char *buf, size_t len,
		    struct imu_trace **out, struct av_diags *d);
void imu_trace_destroy(struct imu_trace *t);

/**
 * imu_series_at() - The values at @t, straight lines between rows
 *
 * Fast where times of calls rise. Return: false before the first row, after the
 * last and in a gap.
 */
bool imu_series_at(struct imu_series *s, vtime t, double v[IMU_VALUES_MAX]);

#endif
