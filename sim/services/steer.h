/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steering a run: what the control API offers, as plain calls. The gRPC service
 * (control.c) and the dashboards go through here, so that they obey the same
 * rules.
 */
#ifndef AVSIM_SERVICES_STEER_H
#define AVSIM_SERVICES_STEER_H

#include "sim/core/err.h"
#include "sim/core/pace.h"

struct world;

/* Who is steered; borrowed pointers, cheap to make on the spot. */
struct steer {
	struct world *w;
	struct pace *pace;
	bool replay;
};

/**
 * steer_command() - "verb key=value ...", checked now, applied with the next
 * step as CMD_FROM_USER
 *
 * Return: 0; -EPERM in a replay, whose inputs are in the recording; -ESHUTDOWN
 * after the end; -ENOSPC the queue is full; else what the check said.
 */
int steer_command(const struct steer *s, const char *text, struct av_err *err);

void steer_pause(const struct steer *s, bool paused);

/* Only while paused: go on by @by (0 = one step of the simulation). Steps that
 * were asked for before the loop came round add up. -EBUSY, -EINVAL. */
int steer_step(const struct steer *s, vtime by, struct av_err *err);

/* 0 (PACE_MAX) or 0.01 to 1e6 virtual seconds per second. -EINVAL. */
int steer_speed(const struct steer *s, double speed, struct av_err *err);

#endif
