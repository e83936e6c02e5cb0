/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins two streams: what one reads, the other writes, with half-closes, and
 * with at most one piece of data waiting each way. Ends when both ways have
 * ended or one side is gone.
 */
#ifndef AVSIM_VDEVICES_BRIDGE_H
#define AVSIM_VDEVICES_BRIDGE_H

#include "sim/services/stream.h"

struct bridge;
struct bridges { /* all of one owner */
	struct bridge *first;
};

/**
 * bridge() - Join @a and @b; sets their on_*
 * @ended:	called once when it is over, by itself; or NULL
 *
 * Return: 0; -ENOMEM: nothing was touched.
 */
int bridge(struct bridges *all, struct av_stream *a,
		 struct av_stream *b, void (*ended)(void *ctx), void *ctx,
		 struct bridge **out);
/* @len bytes that @a had sent before it was joined; at most 64 KiB. */
int bridge_first(struct bridge *br, const void *buf, size_t len);
void bridges_end(struct bridges *all);

#endif
