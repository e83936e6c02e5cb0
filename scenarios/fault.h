/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: what can be broken on purpose, by a scenario, a key or the control
 * API. One table (fault_table.c), one function and one row each.
 */
#ifndef AVSIM_SCENARIOS_FAULT_H
#define AVSIM_SCENARIOS_FAULT_H

#include "scenarios/action.h"

struct world;
struct faults; /* those that are active in one world */

struct fault {
	const char *name; /* [a-z-]+, rows sorted by it */
	const char *help;
	struct arg_spec arg[ACTION_ARGS_MAX];
	int (*begin)(struct world *w, const struct args *a, struct av_err *err);
	void (*end)(struct world *w, const struct args *a);
};

extern const struct fault fault_table[];
extern const size_t n_faults;
const struct fault *fault_find(const char *name);

struct faults *faults_create(struct world *w);
void faults_destroy(struct faults *f);

/* Canonical text of the @i-th active fault, NULL past the end. Borrowed. */
const char *faults_active(const struct faults *f, size_t i);

#endif
