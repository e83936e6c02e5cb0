/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the device host: host.c (what the front-end and the world ask) and
 * host_queues.c (queues). */
#ifndef AVSIM_VDEVICES_HOST_IMPL_H
#define AVSIM_VDEVICES_HOST_IMPL_H

#include "vdevices/host.h"
#include "vdevices/spin.h"
#include "vdevices/vhost_user.h"

/* One queue: its kick descriptor's poll handle outlives the descriptor until
 * libuv has let go of it, so it is allocated by itself. */
struct slot {
	uv_poll_t *kick;
	bool enabled;             /* between queue_start and queue_stop */
	bool discards;            /* between queue_discard and queue_stop */
	bool pending;             /* kick() shall be called from host_turn() */
	bool watched;             /* kicks are off: host_turn() looks at it */
	bool said;                /* its break was told */
	struct virtq_counts told; /* as health has them */
	uint32_t depth;           /* likewise: chains in flight */
};

struct vdev_host {
	struct vdev dev;
	uv_loop_t *loop;
	const struct vdev_type *type;
	struct virtq **q;
	struct slot *slot;
	unsigned int n_queues;
	struct notify *notify;
	struct vu *vu;
	struct vu_ops ops; /* save and load as the type has them */
	struct port *port;
	void (*on_ended)(void *ctx);
	void *ended_ctx;
	int listen_fd;
	int reserve; /* given up to take and drop a front-end without it */
	int conn_fd; /* given at the start, until vdev_host_begin() */
	uv_poll_t *listen, *conn;
	int front_fd; /* of @conn; owned by vu */
	uv_idle_t *idle;
	struct spin spin;
	bool busy;      /* idle runs */
	bool kicking;   /* in the type's kick() */
	bool drop;      /* hang up at the next chance: memory is gone */
	bool unplugged; /* front-ends are turned away */
	bool ended;
	bool open; /* type->open() succeeded */
};

static inline struct vdev_host *host_of(struct vdev *d)
{
	return d->host;
}

/* host_queues.c */
/* Have kick(q) called from the loop. */
void host_pend(struct vdev_host *h, unsigned int q);
void host_set_state(struct vdev_host *h); /* of health, by the queues */
void host_turn(uv_idle_t *idle);
void host_kicked(uv_poll_t *p, int status, int events);

/* host.c */
void host_hang_up(struct vdev_host *h, const char *why);

#endif
