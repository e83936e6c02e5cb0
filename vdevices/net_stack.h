/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network behind the guest: one libslirp on a libuv loop. Frames in, frames
 * out; who may reach what is net_opts.h.
 *
 * Holds at most NET_FLOWS_MAX host sockets: beyond that the guest cannot open
 * more until some end, and what is open goes on.
 */
#ifndef AVSIM_VDEVICES_NET_STACK_H
#define AVSIM_VDEVICES_NET_STACK_H

#include "vdevices/net_opts.h"

#include <uv.h>

#define NET_FLOWS_MAX 1024

struct net_stack;

struct net_stack_ops {
	/* A frame for the guest; may come from inside net_stack_input().
	 * With offloads as long as net_big_mtu() allows. */
	void (*frame)(void *ctx, const uint8_t *frame, size_t len);
	/* A batch of them is over. */
	void (*flush)(void *ctx);
};

struct net_stack_counts {
	uint64_t refused;   /* frames that net_check() or ipv6=off dropped */
	uint64_t urgent;    /* TCP segments whose URG was cleared */
	uint64_t over_flow; /* frames dropped since too many sockets are open */
	unsigned int flows; /* sockets now */
};

/* Binds the forwarded ports. -errno with @err, the port named. */
int net_stack_create(uv_loop_t *loop, const struct net_opts *o,
		     const char *name, const struct net_stack_ops *ops,
		     void *ctx, struct net_stack **out, struct av_err *err);
void net_stack_destroy(struct net_stack *s);

/* What came in on sockets, without waiting for the loop's turn. */
void net_stack_look(struct net_stack *s);

/* @frame: complete checksums; changed on the way. */
void net_stack_input(struct net_stack *s, uint8_t *frame, size_t len);
/* Most of its sockets are in use. */
bool net_stack_crowded(const struct net_stack *s);
/* Ends all flows. -errno: not all forwarded ports could be bound again. */
int net_stack_renew(struct net_stack *s);
void net_stack_get_counts(const struct net_stack *s,
			  struct net_stack_counts *out);

#endif
