/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement of a device's process: no_new_privs, namespaces where allowed,
 * Landlock at the kernel's best ABI, seccomp. For ever; there is no way back.
 */
#ifndef AVSIM_VDEVICES_SANDBOX_H
#define AVSIM_VDEVICES_SANDBOX_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Private memory of a device with VDEV_MAY_INET; 1024 connections need half. */
#define SANDBOX_INET_BYTES (512 << 20)

/* Parts that a host may lack, and devices run all the same. */
enum sandbox_part {
	SANDBOX_NAMESPACES,
	SANDBOX_LANDLOCK,
	SANDBOX_N_PARTS
};
extern const struct sandbox_lack {
	const char *what, *remedy; /* for people */
} sandbox_lacks[SANDBOX_N_PARTS];

struct sandbox_report {
	bool no_new_privs, user_ns, mount_ns, net_ns;
	int landlock_abi; /* 0: not there */
	bool seccomp;
	unsigned int lacks; /* a bit for each enum sandbox_part */
};

/**
 * sandbox_enter() - Confine this single-threaded process
 * @may:	VDEV_MAY_*
 * @r:		what took hold
 *
 * With VDEV_MAY_INET memory is limited to SANDBOX_INET_BYTES.
 *
 * Stays open: the descriptors there are. With VDEV_MAY_INET also the host's
 * network and /etc/resolv.conf. A missing namespace or Landlock is reported in
 * @r, not an error; no_new_privs, no capabilities and seccomp are required.
 * Return: 0 or -errno with @err.
 */
int sandbox_enter(unsigned int may, struct sandbox_report *r,
		  struct av_err *err);

/*
 * Self-test: things that must fail in a confined process. sandbox_probe() tries
 * one and returns true if it was allowed; a probe may also end the process by
 * SIGSYS, which is as good. Callers fork before.
 */
struct sandbox_probe {
	const char *name;
	bool (*allowed)(void);
	unsigned int unless; /* VDEV_MAY_* that permits it */
};
extern const struct sandbox_probe sandbox_probes[];
extern const size_t n_sandbox_probes;

#endif
