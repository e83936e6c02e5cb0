/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets for byte channels that a VMM offers itself: --port NAME=TARGET listens
 * at <run dir>/NAME.port, for QEMU's -chardev socket behind virtconsole and
 * virtserialport, or crosvm's --serial type=unix-stream.
 */
#ifndef AVSIM_VDEVICES_PORTS_H
#define AVSIM_VDEVICES_PORTS_H

#include "vdevices/target.h"

struct ports;

/**
 * ports_create() - Listen for each of @spec, "NAME=TARGET"
 * @n_soft:	so many of the first ones are services that this run may lack;
 *		there the log says so, and the port ends nowhere
 *
 * Return: 0 or -errno with @err: nothing listens.
 */
int ports_create(const struct target_env *env, const char *run_dir,
		 const char *const *spec, size_t n, size_t n_soft,
		 struct ports **out, struct av_err *err);
void ports_destroy(struct ports *p); /* NULL is fine */

/* A name of a port: [A-Za-z0-9._-]+, not beginning with '.', short. */
int ports_check_name(const char *name, struct av_err *err);
/* Before anything runs: the form of "NAME=TARGET". 0 or -EINVAL with @err. */
int ports_check(const char *spec, struct av_err *err);

#endif
