/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-device health: written by the device's host (loop, thread or child),
 * read by the world. In shared memory, so reading costs a confined child
 * nothing; a child that lies here only lies to the dashboard.
 */
#ifndef AVSIM_VDEVICES_HEALTH_H
#define AVSIM_VDEVICES_HEALTH_H

#include <stdatomic.h>
#include <stdint.h>

enum health_state {
	HEALTH_WAITING,   /* listening, no front-end */
	HEALTH_CONNECTED, /* front-end there, driver not */
	HEALTH_RUNNING,   /* at least one queue runs */
	HEALTH_BROKEN,    /* guest broke a queue: until its reset */
	HEALTH_DEAD,      /* child ended; restarted, if it can be */
	HEALTH_N
};
extern const char *const health_state_names[HEALTH_N];

/* Service times (kick seen to used published) in powers of sqrt(2) from 1 us.
 */
#define HEALTH_BUCKETS 48

struct health {
	_Atomic uint32_t state;
	_Atomic uint32_t queue_depth; /* chains in flight now */
	_Atomic uint64_t requests, bytes_in, bytes_out;
	_Atomic uint64_t
		errors; /* broken queues, refused messages, failed requests */
	_Atomic uint64_t resets, connects, restarts, dropped;
	_Atomic uint64_t service[HEALTH_BUCKETS];
	_Atomic uint64_t features; /* negotiated */
	_Atomic uint32_t
		seccomp; /* 2: confined by filter, as the kernel says */
	_Atomic uint32_t sandbox_lacks; /* bits of enum sandbox_part */
};

/* The device side's only clock (CLOCK_MONOTONIC, ns): service times here,
 * timers of a network stack. Never enters the simulation. */
int64_t health_clock_ns(void);

static inline void health_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

void health_served(struct health *h, int64_t ns);
/* Quantile @q (0..1) of the service times in ns, upper bucket bound; 0: none.
 */
int64_t health_quantile(const struct health *h, double q);

#endif
