/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a Bluetooth host on this machine, or a VMM's console port, meets the
 * controller of the world: a unix socket and a pseudo-terminal with H4 on them. Who
 * comes first is served; others are turned away until it leaves.
 */
#ifndef AVSIM_SERVICES_BT_HOST_H
#define AVSIM_SERVICES_BT_HOST_H

#include "sim/bluetooth/bluetooth.h"
#include "sim/core/err.h"
#include "sim/services/stream.h"

#include <uv.h>

struct bt_host;

/**
 * bt_host_create() - Listen at @socket; and make a pty with a link to it at @pty
 * @pty:	NULL = none; must not exist, unless it is a dangling link
 */
int bt_host_create(uv_loop_t *loop, struct bluetooth *bt, const char *socket,
		   const char *pty, struct bt_host **out, struct av_err *err);
void bt_host_destroy(struct bt_host *h);
/* For other carriers: what the socket has. */
struct av_acceptor *bt_host_acceptor(struct bt_host *h);

#endif
