/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-user back-end: one connection of a front-end (QEMU, crosvm) to one
 * device. Speaks every message of the standard's table; a front-end that breaks
 * the rules loses its connection and nothing else.
 *
 * Does no polling: the owner (host.c) calls vu_input() when the socket is
 * readable, and is told which kick descriptors to watch. A ring without kick
 * descriptor, which would have to be polled, is refused. SIGPIPE is ignored in
 * this process.
 *
 * What a guest decides (ring sizes, ring addresses, no VIRTIO 1) keeps its
 * queue down, with a note. Other broken rules end the connection. Requests that
 * are unknown, not negotiated or refused by the device are answered with an
 * error where an answer is expected, and noted.
 */
#ifndef AVSIM_VDEVICES_VHOST_USER_H
#define AVSIM_VDEVICES_VHOST_USER_H

#include "sim/core/err.h"
#include "vdevices/virtq.h"
#include "vdevices/vu_proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vu;

/* What the device behind it is; all calls from inside vu_*(). */
struct vu_ops {
	uint64_t (*features)(void *ctx); /* device and ring bits */
	unsigned int (*n_queues)(void *ctx);
	uint32_t (*config_size)(void *ctx); /* 0: CONFIG is not offered */
	void (*get_config)(void *ctx, uint8_t *buf); /* config_size bytes */
	/* 0 or -errno; the smallest window that covers what changes (VMMs
	 * write the whole space for a byte), not called for none. Reads may
	 * go past the end: zeroes, up to VU_CONFIG_MAX. */
	int (*set_config)(void *ctx, uint32_t off, const uint8_t *buf,
			  uint32_t len, bool migration);
	/* Watch @fd (-1: none any more) and call vu_kicked(q). */
	void (*watch_kick)(void *ctx, unsigned int q, int fd);
	/* Queue @q runs (started and enabled); virtq is bound. Chains may
	 * wait whose kick is gone: take it as one. */
	void (*queue_start)(void *ctx, unsigned int q);
	/* Queues (bits) whose chains are thrown away while they are started
	 * and disabled; chains of others wait. */
	uint64_t discards;
	/* Such a queue runs so: give back what comes, without any effect. */
	void (*queue_discard)(void *ctx, unsigned int q);
	/* Finish all chains of @q before returning; then it is unbound (or
	 * starts again: its memory has moved, or it is reset). */
	void (*queue_stop)(void *ctx, unsigned int q);
	/* The driver is gone, or another one comes, see vu_ring.c: forget all
	 * that it said. No queue runs. */
	void (*reset)(void *ctx);
	/* DEVICE_STATE, NULL where not offered; no queue runs. save: malloc'ed.
	 * load: all of it, or -errno with @err and all is as it was. */
	int (*save)(void *ctx, uint8_t **buf, size_t *len, struct av_err *err);
	int (*load)(void *ctx, const uint8_t *buf, size_t len,
		    struct av_err *err);
	/* For people and the recording: "features 0x...", refused messages. */
	void (*note)(void *ctx, const char *text);
};

/**
 * vu_create() - Serve a connected front-end
 * @fd:		SOCK_STREAM, non-blocking; taken over, also on failure
 * @queues:	@ops->n_queues() of them, created by the caller, not started
 */
int vu_create(int fd, const struct vu_ops *ops, void *ctx,
	      struct virtq *const *queues, struct vu **out);
/* Stops all queues (queue_stop, reset), releases memory and descriptors. */
void vu_destroy(struct vu *vu);

/**
 * vu_input() - The socket is readable: handle what is complete, without
 * blocking
 *
 * At most some dozens of messages a call. Return: 1 more may wait, 0 fine,
 * -errno with @err: the connection is over (-ECONNRESET: front-end hung up
 * between messages; -EPROTO: it broke the rules); the caller destroys.
 */
int vu_input(struct vu *vu, struct av_err *err);

/* The kick descriptor of @q was readable; reads it empty. True: queue runs. */
bool vu_kicked(struct vu *vu, unsigned int q);
/* After queue work: memory gone (SIGBUS)? Then -EFAULT: destroy. */
int vu_check(struct vu *vu);

/* Tell the front-end; dropped silently where it offered no channel. */
void vu_config_changed(struct vu *vu);
uint64_t vu_features(const struct vu *vu); /* negotiated, without bit 30 */
bool vu_reads_config(const struct vu *vu); /* CONFIG was negotiated */
/* Where @q stood when it stopped; false: it has not run since the last reset. In
 * load(): where it did in the instance that was saved. */
bool vu_queue_stood(const struct vu *vu, unsigned int q, uint32_t *num,
		    uint32_t *base);
void vu_queue_moved(struct vu *vu, unsigned int q, uint32_t num, uint32_t base);
bool vu_queue_runs(const struct vu *vu, unsigned int q);

#endif
