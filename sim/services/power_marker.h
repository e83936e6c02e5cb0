/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the host asks for Garage Mode from outside, compatible with the trout
 * host server: a marker file whose first word is acted upon ("shutdown", "on"),
 * and a unix socket that writes what it gets into that file.
 */
#ifndef AVSIM_SERVICES_POWER_MARKER_H
#define AVSIM_SERVICES_POWER_MARKER_H

#include "sim/core/cmdq.h"
#include "sim/core/err.h"

#include <uv.h>

struct power_marker;

#define POWER_MARKER_MAX 1024 /* bytes that are looked at */

/**
 * power_marker_create() - Watch @file and serve @socket
 * @file:	need not exist; what it holds now is acted upon, too
 * @socket:	NULL = none
 *
 * Words become recorded commands (CMD_FROM_SERVICE "power ...").
 *
 * Return: 0 or -errno with @err.
 */
int power_marker_create(uv_loop_t *loop, struct cmdq *cmdq, const char *file,
			const char *socket, struct power_marker **out,
			struct av_err *err);
void power_marker_destroy(struct power_marker *m); /* the file stays */

#endif
