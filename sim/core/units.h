/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units. Inside, every quantity is SI with degrees Celsius for temperature and
 * radians for angles; a unit is only named where data comes in or goes out.
 */
#ifndef AVSIM_CORE_UNITS_H
#define AVSIM_CORE_UNITS_H

#include "sim/core/err.h"

enum av_dim {
	DIM_NONE,	 /* plain number, count, flag */
	DIM_RATIO,	 /* base 1 (%: 0.01) */
	DIM_TIME,	 /* s */
	DIM_LENGTH,	 /* m */
	DIM_SPEED,	 /* m/s */
	DIM_ACCEL,	 /* m/s2 */
	DIM_ANGLE,	 /* rad */
	DIM_ANGLE_RATE,	 /* rad/s */
	DIM_TEMPERATURE, /* degC */
	DIM_PRESSURE,	 /* Pa */
	DIM_MASS,	 /* kg */
	DIM_FORCE,	 /* N */
	DIM_TORQUE,	 /* Nm */
	DIM_POWER,	 /* W */
	DIM_ENERGY,	 /* J */
	DIM_VOLTAGE,	 /* V */
	DIM_CURRENT,	 /* A */
	DIM_FREQUENCY,	 /* Hz */
	DIM_DATA_RATE,	 /* bit/s */
	DIM_N
};

/* value in base unit = value * scale + offset */
struct av_unit {
	const char *name;
	enum av_dim dim;
	double scale;
	double offset;
};

/**
 * av_unit_find() - Unit by name, as users and DBC files spell it
 * @name:	"km/h", "kph", "degC", "°C", "%", "kPa", "Wh", "deg", ... ("" is
 *		the plain number)
 *
 * Return: borrowed constant, NULL if unknown.
 */
const struct av_unit *av_unit_find(const char *name);

/* Unit @i of the table in no particular order, NULL past the end. */
const struct av_unit *av_unit_at(size_t i);

const char *av_dim_base_name(enum av_dim dim); /* "m/s", "" for none */

static inline double av_unit_to_base(const struct av_unit *u, double v)
{
	return v * u->scale + u->offset;
}

static inline double av_unit_from_base(const struct av_unit *u, double v)
{
	return (v - u->offset) / u->scale;
}

/**
 * av_quantity_parse() - Read "12 km/h", "-5.5 degC", "80 %", "3"
 * @s:		number, optional spaces, optional unit
 * @dim:	what is asked for; a bare number is in its base unit
 * @out:	value in the base unit; untouched on error
 *
 * Return: 0, or -EINVAL with @err filled (unknown unit, wrong dimension, not
 * finite, trailing characters).
 */
int av_quantity_parse(const char *s, enum av_dim dim, double *out,
		      struct av_err *err);

#endif
