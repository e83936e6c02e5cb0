/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cable between the guest and the network, and what can be wrong with it:
 * loss, delay, bandwidth. Frames keep their order; what waits is bounded.
 */
#ifndef AVSIM_VDEVICES_NET_LINE_H
#define AVSIM_VDEVICES_NET_LINE_H

#include "sim/core/rand.h"
#include "vdevices/port.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* ---- frames that wait ---- */

struct net_frame {
	int64_t due; /* ns */
	size_t len;
	uint8_t data[];
};

/* They lie in a ring made beforehand, each in one piece. */
struct net_fifo {
	uint8_t *ring;
	size_t size, from, to;
	size_t end; /* of what is there before it goes on at 0 */
	size_t n, bytes;
	size_t max_n, max_bytes;
};

/* -ENOMEM: it takes nothing. */
int net_fifo_init(struct net_fifo *f, size_t max_n, size_t max_bytes);
void net_fifo_finish(struct net_fifo *f);
/* A copy goes in. False: full. */
bool net_fifo_put(struct net_fifo *f, const uint8_t *frame, size_t len,
		  int64_t due);
/* The first one, until it is dropped; NULL: none. */
struct net_frame *net_fifo_first(const struct net_fifo *f);
void net_fifo_drop(struct net_fifo *f);
void net_fifo_clear(struct net_fifo *f);

/* ---- the line ---- */

struct net_line;

struct net_line_ops {
	void (*arrive)(void *ctx, bool to_guest, uint8_t *frame, size_t len);
	void (*flush)(void *ctx); /* a batch has arrived */
	void (*lost)(void *ctx);  /* a frame found the line full */
};

/* @rand: copied; what is lost is its choice. */
struct net_line *net_line_create(uv_loop_t *loop, const struct av_rand *rand,
				 const struct net_line_ops *ops, void *ctx);
void net_line_destroy(struct net_line *l);

/* "net-loss", "net-delay", "net-bandwidth"; others are not its business. */
void net_line_fault(struct net_line *l, const struct port_fault *f, bool on);
/* Nothing is wrong and nothing waits: frames need not go through it. */
bool net_line_clear(const struct net_line *l);
void net_line_put(struct net_line *l, bool to_guest, const uint8_t *frame,
		  size_t len, int64_t now_ns);
void net_line_empty(struct net_line *l); /* all under way is lost */

#endif
