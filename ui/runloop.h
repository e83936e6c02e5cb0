/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a world against the wall clock, with or without a dashboard: the one
 * loop of the process (libuv), shared by run, replay and later the services.
 */
#ifndef AVSIM_UI_RUNLOOP_H
#define AVSIM_UI_RUNLOOP_H

#include "recordings/rec.h"
#include "sim/core/pace.h"
#include "sim/services/services.h"
#include "sim/world.h"
#include "vdevices/devices.h"

struct guest; /* vdevices/guest.h */

struct runloop {
	/* in */
	struct world *w;
	struct pace *pace;
	struct rec_writer *rec; /* or NULL */
	struct capture *capture; /* or NULL */
	bool dashboard;
	bool replay;
	const char *title;
	const char *recording; /* path for the dashboard, or NULL */
	const struct services_opts *services; /* NULL: nothing listens */
	const struct device_spec *device; /* of a guest; needs @services */
	size_t n_devices;
	const char *const *port; /* "NAME=TARGET", see vdevices/ports.h */
	size_t n_ports, n_soft_ports;
	bool no_sandbox;
	const struct guest *guest; /* started once all listens; or NULL */
	void (*before_end)(void *ctx); /* just before world_end(); or NULL */
	void *ctx;
	/* out */
	vtime restart_at; /* a replay was asked to go back to there; else -1 */
	bool interrupted; /* by SIGINT, SIGTERM or the dashboard's quit */
	int64_t wall_ns;
	int rec_error; /* first error of the recording, 0 = none */
	int capture_error; /* likewise */
};

/**
 * runloop_run() - From after world_start() to the end of the run
 *
 * Ends the world (world_end()). Return: 0, or -errno with @err if the loop
 * itself could not be set up.
 */
int runloop_run(struct runloop *r, struct av_err *err);

#endif
