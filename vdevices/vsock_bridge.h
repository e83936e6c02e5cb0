/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins two streams: what one reads, the other writes, with half-closes, and
 * with at most one piece of data waiting each way. Ends when both ways have
 * ended or one side is gone.
 */
#ifndef AVSIM_VDEVICES_VSOCK_BRIDGE_H
#define AVSIM_VDEVICES_VSOCK_BRIDGE_H

#include "sim/services/stream.h"

struct vsock_bridge;
struct vsock_bridges { /* all of one owner */
	struct vsock_bridge *first;
};

/**
 * vsock_bridge() - Join @a and @b; sets their on_*
 * @ended:	called once when it is over, by itself; or NULL
 *
 * Return: 0; -ENOMEM: nothing was touched.
 */
int vsock_bridge(struct vsock_bridges *all, struct av_stream *a,
		 struct av_stream *b, void (*ended)(void *ctx), void *ctx,
		 struct vsock_bridge **out);
/* @len bytes that @a had sent before it was joined; at most 64 KiB. */
int vsock_bridge_first(struct vsock_bridge *br, const void *buf, size_t len);
void vsock_bridges_end(struct vsock_bridges *all);

#endif
