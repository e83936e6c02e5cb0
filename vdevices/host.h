/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device host: runs one device (device.h) behind one listening vhost-user
 * socket on a libuv loop. The same code in the main loop, in a thread
 * (host_thread.c) and in a confined child (host_child.c).
 */
#ifndef AVSIM_VDEVICES_HOST_H
#define AVSIM_VDEVICES_HOST_H

#include "vdevices/device.h"

struct vdev_host;

struct vdev_host_opts {
	const struct vdev_type *type;
	const struct vdev_args *args; /* strings borrowed for the host's life */
	int listen_fd;                /* taken over; -1: none */
	int conn_fd; /* an already connected front-end; -1: none */
	int port_fd; /* the device's end of the message port; taken over */
	struct health *health; /* borrowed */
	bool own_loop; /* nobody else's: may look on before it sleeps */
	/* The world closed the port or asked to stop; or NULL. */
	void (*on_ended)(void *ctx);
	void *ended_ctx;
};

/* Opens the device and begins to listen. -errno with @err: nothing remains. */
int vdev_host_create(uv_loop_t *loop, const struct vdev_host_opts *o,
		     struct vdev_host **out, struct av_err *err);
/* After confinement: the type's ready(), then the first byte is read. */
int vdev_host_begin(struct vdev_host *h, struct av_err *err);
/* Finish requests, hang up; memory is freed from the loop, run it on until
 * uv_run() returns 0 (or, on a shared loop, for another turn). */
void vdev_host_close(struct vdev_host *h);
struct vdev *vdev_host_dev(struct vdev_host *h);
/* What the front-end asks for by DEVICE_STATE, where the type has it; no queue
 * runs. @buf: malloc'ed. */
int vdev_host_save(struct vdev_host *h, uint8_t **buf, size_t *len,
		   struct av_err *err);
int vdev_host_load(struct vdev_host *h, const uint8_t *buf, size_t len,
		   struct av_err *err);
/* The world closed the port or asked to stop: the owner ends the loop. */
bool vdev_host_ended(const struct vdev_host *h);

/* A thread of its own with a loop of its own. */
struct vdev_thread;
/* @o's on_ended is the thread's own. -errno with @err: it did not start. */
int vdev_thread_start(const struct vdev_host_opts *o, struct vdev_thread **out,
		      struct av_err *err);
void vdev_thread_join(struct vdev_thread *t); /* after PORT_STOP or close */

/**
 * vdev_child_start() - A child process of avsim that runs the device confined
 * @sandbox:	false: --no-sandbox
 *
 * @o's descriptors are duplicated into it. Return: pid or -errno.
 */
int vdev_child_start(const struct vdev_host_opts *o, int health_fd,
		     bool sandbox, struct av_err *err);
/* The child's main(): argv as vdev_child_start() made it. Exit status. */
int vdev_child_main(int argc, char **argv);
#define VDEV_CHILD_ARG "--device-host"
/* Begin of its last PORT_EVENT when it could not start; the reason follows. */
#define VDEV_CHILD_FAILED "failed: "

#endif
