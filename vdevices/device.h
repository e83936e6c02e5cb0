/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is: one file (dev_NAME.c) with one struct vdev_type, and one
 * row in table.c. It does not know whether it runs in the loop, in a thread or
 * in a confined child; it gets queues (virtq.h), a message port and a libuv
 * loop, and nothing else. All calls come on the device's own thread.
 */
#ifndef AVSIM_VDEVICES_DEVICE_H
#define AVSIM_VDEVICES_DEVICE_H

#include "sim/core/err.h"
#include "vdevices/health.h"
#include "vdevices/port.h"
#include "vdevices/virtq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct av_acceptor; /* sim/services/stream.h */
struct state_in;    /* state.h */
struct state_out;
struct vdev;
struct vdev_glue;
struct vsock_switch; /* vsock_switch.h */

/* Ids of VIRTIO 1.4 chapter 5 (and the private ones of Linux). */
enum virtio_id {
	VIRTIO_ID_NET = 1,
	VIRTIO_ID_BLOCK = 2,
	VIRTIO_ID_CONSOLE = 3,
	VIRTIO_ID_RNG = 4,
	VIRTIO_ID_INPUT = 18,
	VIRTIO_ID_VSOCK = 19,
	VIRTIO_ID_SCMI = 32,
	VIRTIO_ID_BT = 40,
};

/* Where a device runs. */
enum vdev_home {
	VDEV_LOOP,   /* the process's loop: low rate, or needs streams */
	VDEV_THREAD, /* a thread and loop of its own */
	VDEV_CHILD,  /* a confined child process */
};

/* What the sandbox must leave to a confined device; nothing by default. */
enum {
	VDEV_MAY_INET = 1, /* IPv4/IPv6 sockets: the host's network */
	VDEV_MAY_IO_URING = 2, /* to enter a ring that was made before */
	VDEV_MAY_THREADS = 4, /* clone() of threads */
};

/* An option that a guest profile or the command line can give. */
struct vdev_opt {
	const char *name, *value, *help; /* value: "FILE", "on|off", "N" */
	bool path; /* a host path: opened before confinement, see vdev_args */
};

#define VDEV_OPTS_MAX 16
#define VDEV_KEEP 2 /* descriptors of vdev_type.keep() */

struct vdev_args {
	const char *name; /* of this instance: "blk0" */
	uint64_t seed; /* of the run; use av_rand_init() with "device/NAME" */
	struct {
		const char *key, *value;
	} opt[VDEV_OPTS_MAX];
	size_t n_opts;
	bool capture; /* send each packet as PORT_PACKET too */
	/* VDEV_KEEP descriptors that type->keep() made, borrowed; NULL: it
	 * made none, or nobody asked it to. */
	const int *keep;
	/* Devices in the loop only: where a guest's streams go, by name
	 * ("vhal", "gnss", ...); NULL elsewhere. */
	struct av_acceptor *(*acceptor)(void *ctx, const char *name);
	void *acceptor_ctx;
	struct vsock_switch *vsock; /* likewise; shared by the run's guests */
};
/* The value of @key, or @otherwise. */
const char *vdev_opt(const struct vdev_args *a, const char *key,
		     const char *otherwise);

struct vdev_type {
	const char *name; /* "rng": [a-z]+ */
	const char *help; /* one line for `avsim list devices` */
	enum virtio_id id;
	uint64_t features;    /* device bits; ring bits are the core's */
	uint16_t n_queues;    /* most that it has */
	uint16_t config_size; /* bytes, <= 256; 0 none */
	/* Completes requests after kick() has returned; calls vdev_flush() and
	 * health_served() itself. Else the host does both after kick(). */
	bool async;
	/* Queues (bits) whose chains are thrown away while they are started and
	 * disabled, as the standard wants of a network's; others' wait. */
	uint32_t discards;
	bool in_order;       /* completes in the order popped: offer IN_ORDER */
	enum vdev_home home; /* by default */
	bool loop_only;      /* needs args->acceptor */
	unsigned int may;    /* VDEV_MAY_* */
	const struct vdev_opt *opts; /* ended by name NULL; may be NULL */
	/* QEMU's -device without "-pci"; NULL: only vhost-user-test-device */
	const char *qemu_device;
	/* QEMU connects it again to a back-end that comes back. Others must not
	 * try: the stubs built on vhost-user-base (rng, input, test-device ...)
	 * free their session at a hang-up and assert when the chardev opens
	 * again; vsock just stays dead. */
	bool reconnects;
	const char *crosvm_type; /* --vhost-user type=; NULL: none */

	/* In avsim itself, once for the run: what must outlive the device's
	 * process, as descriptors (else -1) for every open(). Optional. */
	int (*keep)(const struct vdev_args *args, int fd[VDEV_KEEP],
		    struct av_err *err);
	/* Open host resources by @args, set d->priv; before confinement.
	 * Return 0 or -errno with @err naming the remedy. */
	int (*open)(struct vdev *d, const struct vdev_args *args,
		    struct av_err *err);
	/* The loop runs and the process is confined; optional. */
	int (*ready)(struct vdev *d, struct av_err *err);
	void (*close)(struct vdev *d); /* also after a failed ready() */
	/* Bits that depend on options, instead of .features; optional. */
	uint64_t (*get_features)(struct vdev *d);
	uint16_t (*get_n_queues)(struct vdev *d); /* optional */
	/* The whole config space, @buf of config_size, zeroed. */
	void (*get_config)(struct vdev *d, uint8_t *buf);
	/* Driver wrote [off, off + len): checked to be inside. -EPERM: not
	 * writable. Optional. */
	int (*set_config)(struct vdev *d, uint32_t off, const uint8_t *buf,
			  uint32_t len);
	/* Queue @q runs now (SET_VRING_ENABLE and a kick fd): for a driver that
	 * is new, or that goes on after a pause; optional. */
	void (*start)(struct vdev *d, unsigned int q);
	/* Chains may wait. Handle at most some dozens, then return true if
	 * more wait: other queues come first, then kick() again. */
	bool (*kick)(struct vdev *d, unsigned int q);
	/* Kicks of @q would say nothing that matters: its chains are looked for
	 * when there is something for them. After vdev_wake() it is asked anew.
	 * Optional. */
	bool (*deaf)(struct vdev *d, unsigned int q);
	/* While the host looks on at rings before it sleeps (spin.h): see to
	 * what else may bring work for them, in a microsecond or so. Optional;
	 * without it the loop has its turn instead. */
	void (*look)(struct vdev *d);
	/* Queue stops: complete (or unpop) all its chains before returning. It
	 * may be a pause: what the driver said stays, what is to be said waits.
	 * Optional for devices that complete within kick(). */
	void (*stop)(struct vdev *d, unsigned int q);
	/* All queues have stopped, and the driver is gone (reset, disconnect),
	 * which can show as late as when the next one starts: forget what it
	 * said. Optional. */
	void (*reset)(struct vdev *d);
	/* From the world; optional. */
	void (*message)(struct vdev *d, const struct port_msg *m);
	void (*writable)(
		struct vdev *d); /* the port, after -EAGAIN; optional */
	/* DEVICE_STATE: what the driver has said and been told, so that another
	 * instance goes on with it; optional, both or none. No queue runs.
	 * load() gets foreign bytes: it takes the place of all the driver had
	 * said here before, or -errno with @err and nothing is changed. */
	uint16_t state_version; /* of what follows the head, see state.h */
	int (*save)(struct vdev *d, struct state_out *o, struct av_err *err);
	int (*load)(struct vdev *d, struct state_in *in, struct av_err *err);

	/* The world's side of it, on the main loop; optional. */
	const struct vdev_glue *glue;
};

extern const struct vdev_type *const vdev_types[];
extern const size_t n_vdev_types;
const struct vdev_type *vdev_type_find(const char *name);

/* One running device, as its file sees it. */
struct vdev {
	const struct vdev_type *type;
	const char *name;
	void *priv;
	uv_loop_t *loop;
	struct health *health;
	uint64_t features; /* negotiated; valid while a queue runs */
	int64_t kicked_at; /* in kick(): health_clock_ns() at its begin */
	/* the host's */
	void *host;
};

/* Queue @q, running or not; never NULL for q < n_queues. */
struct virtq *vdev_queue(struct vdev *d, unsigned int q);
/* True between start() and stop(): enabled and started. */
bool vdev_queue_enabled(struct vdev *d, unsigned int q);
/* Have kick(q) called from the loop: something to give to the guest came. */
void vdev_wake(struct vdev *d, unsigned int q);
/* virtq_flush() of an async device: health is told too. */
void vdev_flush(struct vdev *d, unsigned int q);
/* The same for virtq_expose(). */
void vdev_expose(struct vdev *d, unsigned int q);
/* To the world, see port_send(). */
int vdev_send(struct vdev *d, enum port_kind kind, uint32_t id,
	      const void *data, size_t len);
/* PORT_EVENT, printf-like; vdev_warn() has the user's log say it too. */
void vdev_event(struct vdev *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vdev_warn(struct vdev *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The config space has other contents now (CONFIG_CHANGE_MSG). */
void vdev_config_changed(struct vdev *d);
/* Count one failed request. */
void vdev_error(struct vdev *d);
/*
 * As if the device had been pulled out: a front-end that keeps the config space
 * to itself (QEMU's net) is hung up on, and turned away until it is back (@out
 * false). Others are left alone, they read the config space. Also while none is
 * connected. Calls stop() and reset() before it returns.
 */
void vdev_unplug(struct vdev *d, bool out);

#endif
