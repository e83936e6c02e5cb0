/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor_hal_configuration.xml of AAOS: how the sensors HAL of a guest turns
 * the axes of a chip into those of the car, and where it says the chip is. The
 * file of a product is loaded unmodified.
 *
 * The HAL reads the module of its own name and there the sensors whose name
 * and Android type match. With rotate true, axis i of the car is channel
 * map[i] of the chip, negated where it says so; with rotate false the data are
 * left alone and the placement report tells the same rotation. So in both
 * cases this is the orientation in which the chip is mounted.
 */
#ifndef AVSIM_SENSORS_HAL_CONFIG_H
#define AVSIM_SENSORS_HAL_CONFIG_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define HAL_CONFIG_MAX (1u << 20)
#define HAL_SENSORS_MAX 64
#define HAL_MODULE "android.hardware.sensors@2.0-Google-IIO-Subhal"

/* Car axes of Android: x right, y ahead, z up; origin in the rear axle. */
struct hal_sensor {
	char name[64];
	int type;	  /* Android sensor type */
	bool configured;  /* has <configuration>; else what follows is unset */
	bool rotate;	  /* the HAL turns the axes, not the application */
	unsigned int map[3];
	bool negate[3];
	double location_mm[3];
};

struct hal_config {
	size_t n;
	struct hal_sensor sensor[HAL_SENSORS_MAX]; /* of HAL_MODULE */
};

/**
 * hal_config_parse() - Read a sensor_hal_configuration.xml
 * @out:	filled on success only
 *
 * Refused as well is what the HAL would drop without a word: a sensor whose
 * maps do not differ. Document types (and so entities) are not taken.
 *
 * Return: 0, -EINVAL with all messages in @d, -ENOMEM.
 */
int hal_config_parse(const char *name, const char *buf, size_t len,
		     struct hal_config *out, struct av_diags *d);

/* The sensor of that name and type, or NULL. */
const struct hal_sensor *hal_config_find(const struct hal_config *c,
					 const char *name, int type);

#endif
