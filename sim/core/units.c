/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEG 0.017453292519943295

/* clang-format off */
static const struct av_unit units[] = {
	{ "",		DIM_NONE,	1, 0 },
	{ "%",		DIM_RATIO,	0.01, 0 },
	{ "percent",	DIM_RATIO,	0.01, 0 },
	{ "s",		DIM_TIME,	1, 0 },
	{ "ms",		DIM_TIME,	1e-3, 0 },
	{ "us",		DIM_TIME,	1e-6, 0 },
	{ "ns",		DIM_TIME,	1e-9, 0 },
	{ "min",	DIM_TIME,	60, 0 },
	{ "h",		DIM_TIME,	3600, 0 },
	{ "m",		DIM_LENGTH,	1, 0 },
	{ "mm",		DIM_LENGTH,	1e-3, 0 },
	{ "cm",		DIM_LENGTH,	1e-2, 0 },
	{ "km",		DIM_LENGTH,	1e3, 0 },
	{ "mi",		DIM_LENGTH,	1609.344, 0 },
	{ "m/s",	DIM_SPEED,	1, 0 },
	{ "km/h",	DIM_SPEED,	1 / 3.6, 0 },
	{ "kph",	DIM_SPEED,	1 / 3.6, 0 },
	{ "kmh",	DIM_SPEED,	1 / 3.6, 0 },
	{ "KPH",	DIM_SPEED,	1 / 3.6, 0 },
	{ "kmph",	DIM_SPEED,	1 / 3.6, 0 },
	{ "mph",	DIM_SPEED,	0.44704, 0 },
	{ "MPH",	DIM_SPEED,	0.44704, 0 },
	{ "kn",		DIM_SPEED,	1852.0 / 3600, 0 },
	{ "m/s2",	DIM_ACCEL,	1, 0 },
	{ "m/s^2",	DIM_ACCEL,	1, 0 },
	{ "m/s\xc2\xb2", DIM_ACCEL,	1, 0 },
	{ "g",		DIM_ACCEL,	9.80665, 0 },
	{ "rad",	DIM_ANGLE,	1, 0 },
	{ "deg",	DIM_ANGLE,	DEG, 0 },
	{ "degrees",	DIM_ANGLE,	DEG, 0 },
	{ "\xc2\xb0",	DIM_ANGLE,	DEG, 0 },
	{ "rad/s",	DIM_ANGLE_RATE,	1, 0 },
	{ "deg/s",	DIM_ANGLE_RATE,	DEG, 0 },
	{ "degrees/s",	DIM_ANGLE_RATE,	DEG, 0 },
	{ "\xc2\xb0/s",	DIM_ANGLE_RATE,	DEG, 0 },
	{ "rpm",	DIM_ANGLE_RATE,	6 * DEG, 0 },
	{ "RPM",	DIM_ANGLE_RATE,	6 * DEG, 0 },
	{ "1/min",	DIM_ANGLE_RATE,	6 * DEG, 0 },
	{ "degC",	DIM_TEMPERATURE, 1, 0 },
	{ "C",		DIM_TEMPERATURE, 1, 0 },
	{ "celsius",	DIM_TEMPERATURE, 1, 0 },
	{ "\xc2\xb0""C", DIM_TEMPERATURE, 1, 0 },
	{ "degF",	DIM_TEMPERATURE, 5.0 / 9, -160.0 / 9 },
	{ "\xc2\xb0""F", DIM_TEMPERATURE, 5.0 / 9, -160.0 / 9 },
	{ "K",		DIM_TEMPERATURE, 1, -273.15 },
	{ "Pa",		DIM_PRESSURE,	1, 0 },
	{ "hPa",	DIM_PRESSURE,	100, 0 },
	{ "kPa",	DIM_PRESSURE,	1e3, 0 },
	{ "bar",	DIM_PRESSURE,	1e5, 0 },
	{ "psi",	DIM_PRESSURE,	6894.757293168, 0 },
	{ "kg",		DIM_MASS,	1, 0 },
	{ "N",		DIM_FORCE,	1, 0 },
	{ "kN",		DIM_FORCE,	1e3, 0 },
	{ "Nm",		DIM_TORQUE,	1, 0 },
	{ "NM",		DIM_TORQUE,	1, 0 },
	{ "W",		DIM_POWER,	1, 0 },
	{ "kW",		DIM_POWER,	1e3, 0 },
	{ "mW",		DIM_POWER,	1e-3, 0 },
	{ "J",		DIM_ENERGY,	1, 0 },
	{ "Wh",		DIM_ENERGY,	3600, 0 },
	{ "kWh",	DIM_ENERGY,	3.6e6, 0 },
	{ "V",		DIM_VOLTAGE,	1, 0 },
	{ "mV",		DIM_VOLTAGE,	1e-3, 0 },
	{ "A",		DIM_CURRENT,	1, 0 },
	{ "mA",		DIM_CURRENT,	1e-3, 0 },
	{ "Hz",		DIM_FREQUENCY,	1, 0 },
	{ "kHz",	DIM_FREQUENCY,	1e3, 0 },
	{ "bit/s",	DIM_DATA_RATE,	1, 0 },
	{ "kbit/s",	DIM_DATA_RATE,	1e3, 0 },
	{ "Mbit/s",	DIM_DATA_RATE,	1e6, 0 },
};
/* clang-format on */

static const char *const base_names[DIM_N] = {
	[DIM_NONE] = "",	 [DIM_RATIO] = "",
	[DIM_TIME] = "s",	 [DIM_LENGTH] = "m",
	[DIM_SPEED] = "m/s",	 [DIM_ACCEL] = "m/s2",
	[DIM_ANGLE] = "rad",	 [DIM_ANGLE_RATE] = "rad/s",
	[DIM_TEMPERATURE] = "degC", [DIM_PRESSURE] = "Pa",
	[DIM_MASS] = "kg",	 [DIM_FORCE] = "N",
	[DIM_TORQUE] = "Nm",	 [DIM_POWER] = "W",
	[DIM_ENERGY] = "J",	 [DIM_VOLTAGE] = "V",
	[DIM_CURRENT] = "A",	 [DIM_FREQUENCY] = "Hz",
	[DIM_DATA_RATE] = "bit/s",
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

const struct av_unit *av_unit_find(const char *name)
{
	for (size_t i = 0; i < N_UNITS; i++) {
		if (!strcmp(units[i].name, name)) {
			return &units[i];
		}
	}
	return NULL;
}

const struct av_unit *av_unit_at(size_t i)
{
	return i < N_UNITS ? &units[i] : NULL;
}

const char *av_dim_base_name(enum av_dim dim)
{
	return dim < DIM_N ? base_names[dim] : "";
}

static const char *unit_name(const void *dim, size_t i)
{
	return units[i].dim == *(const enum av_dim *)dim ? units[i].name : NULL;
}

int av_quantity_parse(const char *s, enum av_dim dim, double *out,
		      struct av_err *err)
{
	const struct av_unit *u;
	const char *rest;
	char *end, hint[96];
	double v;

	/* strtod also takes hex and "nan"; people who write those err */
	v = strtod(s, &end);
	if (end == s || strpbrk(s, "xXpP") == s + 1 || !isfinite(v)) {
		return av_err_set(err, -EINVAL, "'%.64s' is not a number", s);
	}
	rest = end + strspn(end, " ");
	if (!*rest) {
		*out = v;
		return 0;
	}
	u = av_unit_find(rest);
	if (!u) {
		return av_err_set(err, -EINVAL, "unknown unit '%.32s'%s", rest,
				  av_suggest_text(hint,
						  av_suggest(rest, N_UNITS,
							     unit_name, &dim)));
	}
	if (u->dim != dim) {
		const char *want = av_dim_base_name(dim);

		return av_err_set(err, -EINVAL,
				  "unit '%s' does not fit here, %s%s", u->name,
				  *want ? "want one like " : "want a number",
				  want);
	}
	v = av_unit_to_base(u, v);
	if (!isfinite(v)) {
		return av_err_set(err, -EINVAL, "'%.64s' is out of range", s);
	}
	*out = v;
	return 0;
}
