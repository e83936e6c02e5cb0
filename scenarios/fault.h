/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: what can be broken on purpose, by a scenario, a key or the control
 * API. One table (fault_table.c), one function and one row each.
 */
#ifndef AVSIM_SCENARIOS_FAULT_H
#define AVSIM_SCENARIOS_FAULT_H

#include "scenarios/action.h"

struct fault_event; /* sim/topics.h */
struct world;
struct faults; /* those that are active in one world */

struct fault {
	const char *name; /* [a-z-]+, rows sorted by it */
	const char *help;
	struct arg_spec arg[ACTION_ARGS_MAX];
	/* Names exist in this world; NULL: nothing to check. */
	int (*check)(struct world *w, const struct args *a, struct av_err *err);
	/* Type of the devices (vdevices/) that this is for; they are told by
	 * their port. Then begin and end are not needed. An argument named
	 * "device" picks one by its name. */
	const char *device;
	int (*begin)(struct world *w, const struct args *a, struct av_err *err);
	/* Again and again while it lasts, NULL: not needed. Returns the time
	 * to the next call. */
	vtime (*tick)(struct world *w, const struct args *a);
	void (*end)(struct world *w, const struct args *a);
};

extern const struct fault fault_table[];
extern const size_t n_faults;
const struct fault *fault_find(const char *name);

struct faults *faults_create(struct world *w);
void faults_destroy(struct faults *f);

/**
 * faults_begin() - Break it; the same fault with the same arguments starts anew
 * @args:	of the row, strings copied
 * @last:	how long, VT_NEVER = until cleared
 */
int faults_begin(struct faults *f, const struct fault *row,
		 const struct args *args, vtime last, struct av_err *err);
/* End all faults of @row, NULL: all. Return: how many. */
size_t faults_clear(struct faults *f, const struct fault *row);

/* Call @fn for each active fault of devices of @type, as when it began. */
void faults_of_device(const struct faults *f, const char *type,
		      void (*fn)(void *ctx, const struct fault_event *e),
		      void *ctx);

/* Canonical text of the @i-th active fault, NULL past the end. Borrowed. */
const char *faults_active(const struct faults *f, size_t i);

/* ---- rows that have a file of their own ---- */
#define FAULT_BEGIN(name)                                                      \
	int name(struct world *w, const struct args *a, struct av_err *err)
#define FAULT_END(name) void name(struct world *w, const struct args *a)

/* fault_gnss.c */
FAULT_BEGIN(fault_gnss_check);
FAULT_BEGIN(fault_gnss_outage_begin);
FAULT_END(fault_gnss_outage_end);
FAULT_BEGIN(fault_gnss_tunnel_begin);
FAULT_END(fault_gnss_tunnel_end);
FAULT_BEGIN(fault_gnss_weak_begin);
FAULT_END(fault_gnss_weak_end);
FAULT_BEGIN(fault_gnss_multipath_begin);
FAULT_END(fault_gnss_multipath_end);
FAULT_BEGIN(fault_gnss_jump_begin);
FAULT_END(fault_gnss_jump_end);
FAULT_BEGIN(fault_gnss_drift_begin);
FAULT_END(fault_gnss_drift_end);
FAULT_BEGIN(fault_gnss_spoof_begin);
FAULT_END(fault_gnss_spoof_end);

#endif
