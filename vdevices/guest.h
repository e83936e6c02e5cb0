/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest profile: which machine the guest is, what it boots, and which of its
 * devices avsim backs. YAML, avsim-guest(5); the launchers (vmm.h) make a
 * command line of it.
 */
#ifndef AVSIM_VDEVICES_GUEST_H
#define AVSIM_VDEVICES_GUEST_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define GUEST_LIST_MAX 64 /* devices, ports, properties, arguments each */

enum vmm_kind { VMM_QEMU, VMM_CROSVM, VMM_N };
extern const char *const vmm_names[]; /* VMM_N of them, then NULL */

enum guest_arch { GUEST_ARM64, GUEST_X86_64, GUEST_N_ARCHES };
extern const char *const guest_arch_names[];

enum guest_accel { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };

enum guest_port_to { GUEST_PORT_SOCKET, GUEST_PORT_LOG, GUEST_PORT_NONE };

/* A port of the VMM's own virtio-serial controller. */
struct guest_port {
	const char *name; /* the guest's name of it, or NULL */
	bool console;     /* an hvc; else a plain port */
	long long nr;     /* -1: the next free one */
	enum guest_port_to to;
	/* socket: in the run dir, avsim listens; log: file in the run dir */
	const char *file;
	/* of one that carries a service: what --port takes for it, or NULL */
	const char *listen;
};

struct guest_pair {
	const char *key, *value;
};

struct guest {
	/* scalars; the table in guest.c has a row for each */
	const char *name, *summary, *proven;
	int arch, vmm, accel, props;
	const char *machine, *cpu, *kernel, *initrd, *firmware, *cmdline;
	long long cpus, memory_mib, cid;
	/* lists */
	struct guest_pair property[GUEST_LIST_MAX];
	size_t n_properties;
	/* as --device takes them: "NAME:TYPE,KEY=VALUE..." */
	const char *device[GUEST_LIST_MAX];
	size_t n_devices;
	struct guest_port port[GUEST_LIST_MAX];
	size_t n_ports;
	const char *arg[VMM_N][GUEST_LIST_MAX];
	size_t n_args[VMM_N];
	/* A parameter without a value, and what it is for; NULL: none. */
	const char *missing, *missing_help;
	void *memory;
};

/* How "properties" reach an Android guest. */
enum { PROPS_CMDLINE, PROPS_BOOTCONFIG };

/* What --guest-set gave, and the names that are always there: "kit" (where
 * make guest-kit left kernel and initrd). */
struct guest_env {
	const struct guest_pair *set;
	size_t n_set;
	const char *kit_dir;
};

/**
 * guest_parse() - Read a profile
 * @env:	values; a parameter without one is noted in @out->missing
 *
 * "${NAME}" in texts is a parameter, "${kit}", "${cid}" or "${run}"; the last
 * one stays for the launcher. Return: 0; -EINVAL with all messages in @d and
 * *@out NULL; -ENOMEM.
 */
int guest_parse(const char *name, const char *buf, size_t len,
		const struct guest_env *env, struct guest **out,
		struct av_diags *d);
void guest_destroy(struct guest *g);

/* JSON Schema of profiles, from the parser's table. */
void guest_schema_print(FILE *out);

#endif
