/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vehicle.yaml: what a vehicle's folder consists of (buses, binding table,
 * property files), who built it, and every parameter of its physics.
 */
#ifndef AVSIM_VEHICLE_VEHICLE_FILE_H
#define AVSIM_VEHICLE_VEHICLE_FILE_H

#include "sim/core/err.h"
#include "sim/vehicle/vehicle_params.h"

#include <stddef.h>

#define VEHICLE_NAME_MAX 64
#define VEHICLE_PATH_MAX 256
#define VEHICLE_BUSES_MAX 8
#define VEHICLE_VHAL_MAX 16

struct vehicle_bus {
	char name[VEHICLE_NAME_MAX]; /* "can0", as in a candump */
	char dbc[VEHICLE_PATH_MAX];  /* relative to the vehicle's folder */
	double bit_rate;             /* bit/s */
	double fd_bit_rate; /* bit/s of the data phase, 0 = no CAN FD */
};

struct vehicle_info {
	char make[VEHICLE_NAME_MAX];
	char model[VEHICLE_NAME_MAX];
	char vin[VEHICLE_NAME_MAX];
	int year;
	bool driver_right; /* right-hand drive */
	double length_m, width_m, height_m;
};

/* Plain data: copy it, nothing to free. */
struct vehicle_file {
	struct vehicle_info info;
	size_t n_buses;
	struct vehicle_bus bus[VEHICLE_BUSES_MAX];
	char signals[VEHICLE_PATH_MAX];
	char sensors[VEHICLE_PATH_MAX]; /* motion sensors, "" = none */
	size_t n_vhal;
	char vhal[VEHICLE_VHAL_MAX][VEHICLE_PATH_MAX]; /* in load order */
	struct vehicle_params params;
};

/**
 * vehicle_file_parse() - Read the text of a vehicle.yaml
 * @name:	of the file, for messages
 * @out:	filled on success only
 * @d:		gets all that is wrong with the file
 *
 * Every parameter must be there: a default hidden in the program would be a
 * second place to look for what a vehicle is. Return: 0, -EINVAL with messages
 * in @d, -ENOMEM.
 */
int vehicle_file_parse(const char *name, const char *yaml, size_t len,
		       struct vehicle_file *out, struct av_diags *d);

#endif
