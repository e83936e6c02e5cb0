/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement of a device's process: no_new_privs, namespaces where allowed,
 * Landlock at the kernel's best ABI, seccomp. For ever; there is no way back.
 */
#ifndef AVSIM_VDEVICES_SANDBOX_H
#define AVSIM_VDEVICES_SANDBOX_H

#include "sim/core/err.h"

#include <stdbool.h>

struct sandbox_report {
	bool no_new_privs, user_ns, mount_ns, net_ns, pid_ns;
	int landlock_abi; /* 0: not there */
	bool seccomp;
};

/**
 * sandbox_enter() - Confine this single-threaded process
 * @may:	VDEV_MAY_*
 * @r:		what took hold
 *
 * A missing kernel feature is reported in @r, not an error; seccomp and
 * no_new_privs are required. Return: 0 or -errno with @err.
 */
int sandbox_enter(unsigned int may, struct sandbox_report *r,
		  struct av_err *err);

/**
 * sandbox_selftest() - Try what must fail: open, connect, execve, ptrace,
 * socket, mount, kill of the parent, executable memory
 *
 * Inside the confined process. Return: 0, or -EPERM with @err naming the first
 * thing that was allowed.
 */
int sandbox_selftest(unsigned int may, struct av_err *err);

#endif
