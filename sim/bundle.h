/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input files of a run, in memory: read from disk for a run, from the
 * recording for a replay. What is in the bundle, with seed, parameters and the
 * recorded commands, is all that a run depends on.
 */
#ifndef AVSIM_BUNDLE_H
#define AVSIM_BUNDLE_H

#include "sim/core/err.h"

#include <stddef.h>

enum bundle_role {
	BUNDLE_SCENARIO, /* *.yaml; none for an imported log */
	BUNDLE_VEHICLE,	 /* vehicle.yaml */
	BUNDLE_DBC,	 /* one per bus, in bus order; key = bus name */
	BUNDLE_SIGNALS,	 /* signals.yaml or a --map file */
	BUNDLE_VHAL,	 /* JSON, in load order */
	BUNDLE_TRACE,	 /* a file that a scenario names (profile, route) */
	BUNDLE_SENSORS,	 /* sensors.yaml, then the XML that it names */
	BUNDLE_IMU,	 /* CSV: a recorded trace of motion sensors */
	BUNDLE_GNSS,	 /* an imported file of positions; key = file name */
	BUNDLE_N_ROLES
};

extern const char *const bundle_role_names[BUNDLE_N_ROLES];

struct bundle_file {
	enum bundle_role role;
	char *key;  /* what others call it: bus name, path as written */
	char *name; /* for messages: path as the user would type it */
	char *data;
	size_t len;
};

struct bundle {
	struct bundle_file *file;
	size_t n;
};

#define BUNDLE_FILE_MAX (256u << 20)

/* Copy @data in. Return: 0 or -ENOMEM. */
int bundle_add(struct bundle *b, enum bundle_role role, const char *key,
	       const char *name, const char *data, size_t len);
/* Read a file in. Return: 0, -errno with @err naming path and reason. */
int bundle_add_file(struct bundle *b, enum bundle_role role, const char *key,
		    const char *path, struct av_err *err);
/* @i-th file of @role, or NULL. */
const struct bundle_file *bundle_get(const struct bundle *b,
				     enum bundle_role role, size_t i);
const struct bundle_file *bundle_find(const struct bundle *b,
				      enum bundle_role role, const char *key);
void bundle_finish(struct bundle *b);

/* Whole file into memory, NUL-ended. Caller frees. */
int av_read_file(const char *path, size_t max, char **data, size_t *len,
		 struct av_err *err);

#endif
