/* SPDX-License-Identifier: Apache-2.0 */
/* A candump log in memory, checked as a whole, on the clock of a run. */
#ifndef AVSIM_CAN_CAN_LOG_H
#define AVSIM_CAN_CAN_LOG_H

#include "sim/core/err.h"
#include "sim/topics.h"

#include <stddef.h>
#include <stdint.h>

struct can_log {
	struct can_frame *frame; /* t: ns since the first one; bus: see parse */
	size_t n;
	int64_t epoch_ns; /* Unix time of the first one */
};

/**
 * can_log_parse() - Read the frames of some buses
 * @bus:	interfaces to read, in the order of struct can_frame's bus;
 *		frames of others are left out
 *
 * Time may not go back, and at least one frame must be there. All that is wrong
 * is told. Return: 0, -EINVAL with messages in @d, -ENOMEM.
 */
int can_log_parse(const char *name, const char *buf, size_t len,
		  const char *const *bus, size_t n_buses, struct can_log *out,
		  struct av_diags *d);
void can_log_finish(struct can_log *l);

#endif
