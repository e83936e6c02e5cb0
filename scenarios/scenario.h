/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenarios: the YAML language and the engine that runs it. The engine watches
 * the world at STAGE_SCENARIO and acts only by commands (CMD_FROM_SCENARIO).
 */
#ifndef AVSIM_SCENARIOS_SCENARIO_H
#define AVSIM_SCENARIOS_SCENARIO_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"
#include "sim/vehicle/vehicle.h"

#include <stdbool.h>
#include <stdint.h>

struct bundle;
struct world;
struct scenario;

struct scenario_param {
	const char *name;
	const char *value; /* text as for a YAML scalar */
};

/* Satellite navigation: out of the vehicle unless a trace is named. */
struct scenario_gnss {
	const char *trace; /* key of a BUNDLE_TRACE file, or NULL */
	double rate_hz;	   /* 0 = 1 Hz, or as in the trace */
	bool no_raw;
};

/* Frames of a log in the place of a simulated vehicle. */
#define SCENARIO_BUSES_MAX 8
struct scenario_can {
	const char *trace; /* key of a BUNDLE_TRACE file, or NULL */
	size_t n;
	const char *bus[SCENARIO_BUSES_MAX]; /* interfaces of the log */
	const char *dbc[SCENARIO_BUSES_MAX]; /* files, as written */
};

/* What the run needs to know before there is a world. */
struct scenario_info {
	const char *name;
	const char *summary;
	vtime duration;
	uint64_t seed;
	const char *vehicle; /* name or path of the vehicle's folder */
	struct vehicle_start start;
	int64_t epoch_ns; /* Unix time of virtual 0, 0 = not tied */
	struct scenario_gnss gnss;
	struct scenario_can can;
};

/**
 * scenario_parse() - Syntax, names of keys, verbs, arguments, units, parameters
 * @set:	--set K=V, override the params: of the file; unknown ones are
 * errors
 *
 * All errors of the file are collected. Return: 0, -EINVAL, -ENOMEM.
 */
int scenario_parse(const char *name, const char *yaml, size_t len,
		   const struct scenario_param *set, size_t n_set,
		   struct scenario **out, struct av_diags *d);
void scenario_destroy(struct scenario *s);
void scenario_info(const struct scenario *s, struct scenario_info *out);

/* Path, as written, of the @i-th file that the scenario names (profiles, way
 * points); NULL past the end. Relative to the scenario's folder. The caller
 * puts them into the bundle as BUNDLE_TRACE under that key. */
const char *scenario_trace(const struct scenario *s, size_t i);

/* The same of traces of motion sensors, for BUNDLE_IMU. */
const char *scenario_imu(const struct scenario *s, size_t i);

/**
 * scenario_bind() - Names of signals, properties, variables, faults against the
 * world; all errors collected. Then the scenario can run in @w.
 * @inputs:	holds the scenario_trace() files; borrowed for the call
 */
int scenario_bind(struct scenario *s, struct world *w,
		  const struct bundle *inputs, struct av_diags *d);

/* Way points of the @i-th route, metres east and north of the start point; NULL
 * past the last route. For the map of a dashboard. Valid after
 * scenario_bind(). */
const struct route_point *scenario_way_points(const struct scenario *s,
					      size_t i, size_t *n);

/* Called by the world: at the start, after each step, at the end. */
int scenario_start(struct scenario *s, struct av_err *err);
void scenario_step(struct scenario *s, vtime now);
void scenario_end(struct scenario *s, vtime now);
bool scenario_wants_stop(const struct scenario *s); /* action "end" */

/**
 * scenario_fail() - Something that goes without saying did not hold at @now
 * @what:	what should have held; a literal, borrowed. Of one @what the
 *		first failure counts.
 */
void scenario_fail(struct scenario *s, vtime now, const char *what,
		   const char *reason);

enum verdict { VERDICT_NONE, VERDICT_PASS, VERDICT_FAIL };
extern const char *const verdict_names[]; /* "none" "pass" "fail" */
struct expect_status {
	const char *text;     /* what must hold, as written */
	enum verdict verdict; /* NONE: open */
	vtime decided;
	const char *reason; /* of a failure */
};
size_t scenario_expects(const struct scenario *s, size_t i,
			struct expect_status *out); /* returns how many */
enum verdict scenario_verdict(const struct scenario *s);

#endif
