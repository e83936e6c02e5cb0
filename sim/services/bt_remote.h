/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller that is not simulated here: behind a TCP connection that speaks
 * H4, as RootCanal's HCI port does, or one of the host's own, taken from its
 * kernel as a user channel.
 */
#ifndef AVSIM_SERVICES_BT_REMOTE_H
#define AVSIM_SERVICES_BT_REMOTE_H

#include "sim/bluetooth/controller.h"
#include "sim/core/err.h"

#include <uv.h>

struct bt_remote;

/**
 * bt_remote_create() - Connect to it
 * @where:	"tcp:HOST:PORT" ("[ADDRESS]:PORT" for IPv6) or "hciN"
 * @clock:	virtual time, for captures
 *
 * Return: 0 or -errno with @err.
 */
int bt_remote_create(uv_loop_t *loop, const char *where, const vtime *clock,
		     struct bt_remote **out, struct av_err *err);
/* Carriers must have left it. */
void bt_remote_destroy(struct bt_remote *r);

struct bt_controller *bt_remote_controller(struct bt_remote *r);

#endif
