/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the dumpstate service: calls and commands (dumpstate.c), texts about
 * avsim itself (dumpstate_text.c).
 */
#ifndef AVSIM_SERVICES_DUMPSTATE_INT_H
#define AVSIM_SERVICES_DUMPSTATE_INT_H

#include "sim/core/bus.h"
#include "sim/services/dumpstate.h"

/* The last happenings, as text, oldest overwritten. */
struct event_ring;
struct event_ring *event_ring_create(struct bus *bus, struct av_err *err);
void event_ring_destroy(struct event_ring *r);
void event_ring_print(const struct event_ring *r, FILE *out);

void dumpstate_print_status(const struct services_env *env, FILE *out);
void dumpstate_print_properties(const struct services_env *env, FILE *out);

#endif
