/* SPDX-License-Identifier: Apache-2.0 */
/* The bundled car on a test bench, for the unit tests of the vehicle model. */
#ifndef AVSIM_TESTS_UNIT_VEHICLE_RIG_H
#define AVSIM_TESTS_UNIT_VEHICLE_RIG_H

#include "sim/bundle.h"
#include "sim/vehicle/model.h"

#include <string.h>

#include "tests/unit/test.h"

/* With @change: pairs "old text", "new text" in vehicle.yaml, NULL-ended. */
static inline struct vehicle *rig_new(const char *const *change)
{
	char path[4096], *text, *where;
	struct av_diags d = { 0 };
	struct vehicle *v = NULL;
	size_t len;

	CHECK_EQ(av_read_file(
			 src_path("sim/vehicles/compact-ev/vehicle.yaml", path),
			 1 << 20, &text, &len, NULL),
		 0);
	for (; change && change[0]; change += 2) {
		char *next = malloc(len + strlen(change[1]) + 1);

		where = strstr(text, change[0]);
		if (!where || !next) {
			fail_msg("no '%s' in vehicle.yaml", change[0]);
		}
		sprintf(next, "%.*s%s%s", (int)(where - text), text, change[1],
			where + strlen(change[0]));
		free(text);
		text = next;
		len = strlen(text);
	}
	if (vehicle_create("vehicle.yaml", text, len, 1, &v, &d) < 0) {
		av_diags_print(&d, stderr);
		fail_msg("vehicle.yaml is refused");
	}
	free(text);
	return v;
}

static inline struct vehicle *rig_started(const char *const *change,
					  const struct vehicle_start *s)
{
	struct vehicle *v = rig_new(change);
	struct av_err err = { 0 };

	if (vehicle_start(v, s, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	return v;
}

static inline void rig_step(struct vehicle *v)
{
	vehicle_step(v, v->now + VEHICLE_STEP);
}

static inline void rig_run(struct vehicle *v, double seconds)
{
	for (int i = 0; i < (int)(seconds / STEP_S + 0.5); i++) {
		rig_step(v);
	}
}

static inline int rig_try(struct vehicle *v, enum vehicle_var var, double x)
{
	struct av_err err;

	return vehicle_actuate(v, var, x, &err);
}

static inline void rig_set(struct vehicle *v, enum vehicle_var var, double x)
{
	struct av_err err = { 0 };

	if (vehicle_actuate(v, var, x, &err) < 0) {
		fail_msg("%s = %g: %s", vehicle_var_info[var].name, x, err.msg);
	}
}

static inline double rig_get(const struct vehicle *v, enum vehicle_var var)
{
	return vehicle_values(v)[var];
}

#define GET(name) rig_get(v, VV_##name)
#define SET(name, x) rig_set(v, VV_##name, x)
#define TRY(name, x) rig_try(v, VV_##name, x)

/* In gear, parking brake and pedals free, as a driver would do it. */
static inline void rig_gear(struct vehicle *v, double gear)
{
	SET(brake, 0.3);
	SET(gear_selection, gear);
	rig_run(v, 0.5);
	SET(parking_brake, 0);
	SET(brake, 0);
}

#endif
