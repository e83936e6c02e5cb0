/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power controller of the car: asks the guest to shut down, answers what it
 * reports, watches its heartbeats while it works off its jobs (Garage Mode).
 * Owns TOPIC_POWER.
 *
 * It lives inside the simulated world: virtual clock only, what the guest says
 * comes in as recorded sets, its own answers are commands of an ECU.
 */
#ifndef AVSIM_SERVICES_POWER_H
#define AVSIM_SERVICES_POWER_H

#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/vhal/vhal.h"

struct power;

enum power_state {
	POWER_NONE,     /* no guest has reported in this run */
	POWER_STARTING, /* the guest was told ON, has not reported ON yet */
	POWER_ON,
	POWER_PREPARE,  /* asked to shut down, has not answered */
	POWER_GARAGE,   /* prepares, postpones: Garage Mode */
	POWER_CANCEL,   /* shutdown called off, not confirmed yet */
	POWER_FINISHED, /* sleeps, hibernates or is off */
	POWER_OVERDUE,  /* a deadline went by; what it says still counts */
	POWER_N_STATES
};
extern const char *const power_state_names[]; /* "prepare"; NULL-ended */

/* VehicleApPowerStateShutdownParam from 1 on, and VehicleApPowerBootupReason
 * from 0 on, as scenarios write them; NULL-ended. */
extern const char *const power_param_names[];
extern const char *const power_reason_names[];
#define POWER_CAN_SLEEP 2 /* what a shutdown asks for by default */

#define POWER_CHECK (1 * VT_S)     /* how often heartbeats are looked for */
#define POWER_HEARTBEAT (5 * VT_S) /* longer than that without is too long */

struct power_env {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	const struct vhal *vhal;
	/* A guest that had reported before missed a deadline of a shutdown that
	 * the scenario or a client asked for. May be NULL. */
	void (*missed)(void *ctx, vtime now, const char *reason);
	void *ctx;
};

struct power *power_create(const struct power_env *env); /* NULL: no memory */
void power_destroy(struct power *p);

/**
 * power_shutdown() - Ask the guest to prepare for shutdown
 * @by:		who wants it; a guest's own wish is watched but not judged
 * @param:	VehicleApPowerStateShutdownParam, 1 to 7
 * @max:	the guest has to finish within it; 0 = however long it takes
 *
 * While a shutdown is under way it starts over with the new parameter; a guest
 * that has finished is not asked again.
 */
void power_shutdown(struct power *p, enum cmd_source by, int param, vtime max);

/* Call a shutdown off; without one nothing but a record of it. */
void power_on(struct power *p, enum cmd_source by);

/* What AP_POWER_BOOTUP_REASON says to the next boot. */
void power_reason(struct power *p, int reason);

/* A set from outside was applied: a report, a request. Others are ignored. */
void power_was_set(struct power *p, const struct vhal_value *val,
		   enum cmd_source by);

enum power_state power_state(const struct power *p);

#endif
