/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver: publishes TOPIC_GNSS, out of the vehicle's motion or out of a
 * file (sim/gnss/trace.h), and what can go wrong with it.
 *
 * Out of the vehicle: fixes at the wanted rate, satellites and raw measurements
 * once a second, all of one solution (sim/gnss/sky.h). Nothing is computed while
 * nobody listens.
 *
 * Out of a file: its fixes, raw rows and satellites, each at its own time. A file
 * that knows no satellites gets those of the model, once a second, and their DOP
 * where it has none; places and times stay as they are.
 */
#ifndef AVSIM_GNSS_GNSS_H
#define AVSIM_GNSS_GNSS_H

#include "sim/core/evq.h"
#include "sim/gnss/trace.h"
#include "sim/topics.h"

struct gnss;

/* Where a scenario says nothing of the date. */
#define GNSS_DEFAULT_EPOCH_NS (INT64_C(1767225600) * VT_S) /* 2026-01-01 */

struct gnss_env {
	struct evq *q;
	struct bus *bus;
	uint64_t seed;
	int64_t epoch_ns; /* Unix time of virtual 0 */
	bool vehicle;	  /* fixes out of TOPIC_VEHICLE */
	double rate_hz;	  /* 1 to 20 */
	bool raw;	  /* measurements for them */
	struct gnss_trace *trace; /* taken; or NULL */
	int64_t trace_zero_ns;	  /* Unix time of its rows at virtual 0 */
};

/* To be called before bus_seal(). @env->trace is taken in any case. */
int gnss_create(const struct gnss_env *env, struct gnss **out,
		struct av_err *err);
void gnss_destroy(struct gnss *g);
int gnss_start(struct gnss *g); /* 0 or -ENOMEM */

/*
 * What is wrong, now. Change it between events; the next fix shows it. All zero:
 * nothing is.
 */
struct gnss_faults {
	bool outage;	    /* no signal at all, at once */
	bool tunnel;	    /* signals fade, and come back slowly */
	double weaker_db;   /* every C/N0 */
	double multipath_m; /* size of reflections */
	double jump[3];	    /* m east, north, up */
	double drift[2];    /* m/s east, north, since @drift_from */
	vtime drift_from;
	bool spoof;
	double spoof_lat, spoof_lon, spoof_alt; /* NaN altitude: keeps its own */
};
struct gnss_faults *gnss_faults(struct gnss *g);

/* Time since an outage ended matters: tell when outage or tunnel change. */
void gnss_set_tunnel(struct gnss *g, bool in);

/* What was published last, for dashboards; NULL before the first. */
const struct gnss_fix *gnss_last_fix(const struct gnss *g);

#endif
