/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device in a thread of its own, the fake guest of tests/vu at its socket,
 * and the test at the world's end of its message port.
 *
 *	struct front_opts o = { .mem = front_mem_create(1, 1 << 20) };
 *	struct device_rig d = { .args = { .name = "rng0" } };
 *
 *	device_rig_open(&d, "rng", &o);
 *	front_start(d.f, &err);
 *	device_rig_close(&d);
 */
#ifndef AVSIM_TESTS_UNIT_DEVICE_RIG_H
#define AVSIM_TESTS_UNIT_DEVICE_RIG_H

#include "tests/unit/test.h"
#include "tests/vu/front.h"
#include "vdevices/host.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct device_rig {
	/* the test's, before it is opened */
	struct vdev_args args;
	const char *told; /* a PORT_CONTROL that is there first; or NULL */
	/* and from then on */
	struct health health;
	struct vdev_thread *thread;
	int port; /* the world's end */
	struct front_mem *mem;
	struct front *f;
};

/* The device alone. As vdev_thread_start(); the port is there in any case. */
static inline int device_rig_start(struct device_rig *d, const char *type,
				   int conn_fd, struct av_err *err)
{
	struct vdev_host_opts o = { .type = vdev_type_find(type),
				    .args = &d->args,
				    .listen_fd = -1,
				    .conn_fd = conn_fd,
				    .health = &d->health };
	struct {
		struct port_header h;
		char text[200];
	} m = { .h = { .kind = PORT_CONTROL } };
	int port[2];

	CHECK_EQ(port_pair(port), 0);
	d->port = port[0];
	o.port_fd = port[1];
	if (d->told) {
		strcpy(m.text, d->told);
		CHECK(send(d->port, &m, sizeof(m.h) + strlen(m.text), 0) > 0);
	}
	return vdev_thread_start(&o, &d->thread, err);
}

/* With a guest whose driver has not begun; @fo's memory is the rig's. */
static inline void device_rig_open(struct device_rig *d, const char *type,
				   struct front_opts *fo)
{
	struct av_err err = { 0 };
	int conn[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn), 0);
	fo->conn_fd = conn[0];
	d->mem = fo->mem;
	if (device_rig_start(d, type, conn[1], &err) ||
	    front_open(fo, &d->f, &err)) {
		fail_msg("%s", err.msg);
	}
}

/* @from's guest, which is stopped, goes on at @to, its device not started yet. */
static inline void device_rig_move(struct device_rig *from,
				   struct device_rig *to, const char *type)
{
	struct av_err err = { 0 };
	int conn[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn), 0);
	if (device_rig_start(to, type, conn[1], &err) ||
	    front_move_fd(from->f, conn[0], &err)) {
		fail_msg("%s", err.msg);
	}
	to->mem = from->mem;
	to->f = from->f;
	from->mem = NULL;
	from->f = NULL;
}

static inline void device_rig_close(struct device_rig *d)
{
	front_close(d->f);
	if (d->mem) {
		front_mem_destroy(d->mem);
	}
	close(d->port);
	vdev_thread_join(d->thread);
}

/* A message of the world, once the port has room for it. */
static inline void device_rig_send(struct device_rig *d, const void *msg,
				   size_t len)
{
	while (send(d->port, msg, len, 0) < 0) {
		CHECK_EQ(errno, EAGAIN);
		usleep(1000);
	}
}

/* Until @c is @n, as the device works in a thread of its own. */
static inline void device_rig_await(_Atomic uint64_t *c, uint64_t n)
{
	for (int i = 0; i < 20000 && atomic_load(c) < n; i++) {
		usleep(1000);
	}
	CHECK_EQ(atomic_load(c), n);
}

#endif
