/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of one run: every stage, wired. The only place (with ui/cli_*.c)
 * that knows them all.
 */
#ifndef AVSIM_WORLD_H
#define AVSIM_WORLD_H

#include "recordings/capture.h"
#include "recordings/feed.h"
#include "recordings/rec.h"
#include "scenarios/scenario.h"
#include "sim/bundle.h"
#include "sim/can/can_log.h"
#include "sim/can/ecu.h"
#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/gnss/gnss.h"
#include "sim/sensors/imu.h"
#include "sim/signals/obd2.h"
#include "sim/signals/signals.h"
#include "sim/vehicle/vehicle.h"
#include "sim/vhal/vhal.h"

struct audio_sessions;
struct bluetooth;
struct hands;
struct power;

/* One that this run backs for a guest. */
struct world_device {
	const char *name, *type;
};

struct world {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	uint64_t seed;
	struct vehicle *vehicle; /* NULL when a foreign log plays */
	struct can_log log; /* of a scenario with "can:", in its place */
	struct feed log_feed;
	size_t log_at;
	struct ecus *ecus;
	struct signals *signals;
	struct vhal *vhal;
	struct audio_sessions *audio; /* sim/services/audio_sessions.h */
	struct hands *hands; /* sim/services/hands.h */
	struct power *power; /* sim/services/power.h */
	struct bluetooth *bt; /* sim/bluetooth/bluetooth.h */
	struct gnss *gnss; /* NULL where there is nothing to tell a place by */
	struct imu *imu;   /* NULL where there are no motion sensors */
	struct obd2 *obd2; /* NULL where the vehicle has no OBD2 properties */
	struct scenario *scenario; /* NULL when a foreign log is replayed */
	vtime duration;		   /* the run ends here; VT_NEVER = open */
	int64_t epoch_ns; /* Unix time of virtual 0; 0 = not tied */
	size_t n_buses;
	struct dbc **dbc;
	char **bus_name;
	struct faults *faults; /* scenarios/fault.h */
	const struct world_device *device; /* see struct world_opts */
	size_t n_devices;
	struct vtimer step;
	struct vehicle_state state; /* last published */
	const struct cmd *cmd; /* being applied, else NULL */
	bool stop;
};

struct world_opts {
	const struct bundle *inputs;
	const uint64_t *seed; /* NULL = the scenario's */
	const struct scenario_param *set;
	size_t n_set;
	vtime until; /* --until; VT_NEVER = the scenario's duration */
	int64_t epoch_ns; /* Unix time of virtual 0; 0 = not tied */
	bool linger; /* the end of the scenario is not the end of the run */
	const struct world_device *device; /* borrowed; to check names against */
	size_t n_devices;
};

/**
 * world_create() - Everything up to, not including, the first step
 *
 * Return: 0, -EINVAL with all messages in @d, -ENOMEM.
 */
int world_create(const struct world_opts *o, struct world **out,
		 struct av_diags *d);
void world_destroy(struct world *w);

/* First values, first commands; once, after taps have subscribed. */
int world_start(struct world *w, struct av_err *err);

/* Run events up to and including @until or the end of the run. */
void world_run_until(struct world *w, vtime until);
bool world_done(const struct world *w);
void world_end(struct world *w); /* verdicts of what is still open */

/* Have the world's records written by @rec (a tap). */
int world_record(struct world *w, struct rec_writer *rec, struct av_err *err);
/* Have its CAN frames written to @c; nothing else has used @c before. */
int world_capture(struct world *w, struct capture *c, struct av_err *err);

#endif
