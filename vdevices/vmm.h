/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual machine monitors: what the installed one can do, the command line
 * that runs a guest profile with avsim's devices, and that command as a child.
 * A new VMM is a file vmm_NAME.c and a row in vmm.c.
 */
#ifndef AVSIM_VDEVICES_VMM_H
#define AVSIM_VDEVICES_VMM_H

#include "sim/core/err.h"
#include "vdevices/device.h"
#include "vdevices/guest.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* ---- what there is ---- */

#define VMM_VERSION_MAX 96

struct vmm_caps {
	enum vmm_kind kind;
	char path[PATH_MAX];
	int major, minor;
	char version[VMM_VERSION_MAX]; /* as it says itself */
	char *devices;    /* QEMU: "\nNAME\nNAME\n"; NULL: not asked */
};

/**
 * vmm_probe() - Find and ask the VMM for guests of @arch
 * @program:	a program or its folder; NULL: $AVSIM_QEMU or $AVSIM_CROSVM,
 *		else the PATH, else what make guest-kit unpacked
 *
 * What a QEMU has is kept in $XDG_CACHE_HOME/avsim, by the binary's size and
 * time, for asking takes a second. Return: 0; -ENOENT there is none; other
 * -errno with @err.
 */
int vmm_probe(enum vmm_kind kind, enum guest_arch arch, const char *program,
	      struct vmm_caps *out, struct av_err *err);
void vmm_caps_finish(struct vmm_caps *c);
bool vmm_has(const struct vmm_caps *c, const char *device);
/* "QEMU emulator version 11.1.3 (...)" into major and minor. */
int vmm_parse_version(const char *text, struct vmm_caps *out);
/* The text of -device help: its names, "\nNAME\nNAME\n"; NULL: no memory. */
char *vmm_parse_devices(const char *text, size_t len);
/* True where KVM can run guests of @arch; else @why says why not. */
bool vmm_kvm(enum guest_arch arch, char why[160]);
/* A file of ours in $XDG_CACHE_HOME/avsim/@name, its folder made. */
int vmm_cache_path(const char *name, char out[PATH_MAX], struct av_err *err);

/* ---- command line ---- */

/* One device that runs, or will. */
struct vmm_device {
	const char *name;
	const char *socket;
	const struct vdev_type *type;
	unsigned int queues; /* what it was configured to; 0: the type's */
	const char *mac;     /* of a network device, or NULL: the VMM's */
};

struct vmm_env {
	const struct guest *guest;
	const struct vmm_caps *caps;
	const char *run_dir;
	const struct vmm_device *dev;
	size_t n_dev;
	bool kvm;
	const char *dtb;    /* with the SCMI node, or NULL */
	const char *initrd; /* instead of the profile's, or NULL */
};

struct vmm_command {
	char **argv; /* NULL-ended */
	size_t n;
	char **note; /* what was left out, and the remedy */
	size_t n_notes;
	bool failed; /* no memory */
};

/* Return: 0 or -errno with @err. Free with vmm_command_finish(). */
int vmm_command(const struct vmm_env *env, struct vmm_command *out,
		struct av_err *err);
void vmm_command_finish(struct vmm_command *c);
/* For a shell, an option a line. */
void vmm_command_print(const struct vmm_command *c, FILE *out);

/**
 * vmm_prepare() - Files that the command needs, in the cache: device tree with
 * the SCMI node, ramdisk with bootconfig
 * @dtb, @initrd:	"" where the profile's own will do
 */
int vmm_prepare(const struct vmm_env *env, char dtb[PATH_MAX],
		char initrd[PATH_MAX], struct av_err *err);

/* For the launchers. */
void vmm_arg(struct vmm_command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vmm_note(struct vmm_command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The profile's own arguments, ${run} replaced. */
void vmm_own_args(struct vmm_command *c, const struct vmm_env *env);
/* Kernel command line with the properties that go there. */
char *vmm_cmdline(const struct vmm_env *env);
int vmm_qemu_command(const struct vmm_env *env, struct vmm_command *c,
		     struct av_err *err);
int vmm_crosvm_command(const struct vmm_env *env, struct vmm_command *c,
		       struct av_err *err);
/* How QEMU attaches @type: its -device, or NULL with @why. */
const char *vmm_qemu_device(const struct vmm_caps *c,
			    const struct vdev_type *type, const char **why);

/* ---- as a child ---- */

struct vmm_child;

/* @status: exit status, or 128 + the signal; @asked: by vmm_child_stop(). */
typedef void vmm_ended(void *ctx, int status, bool asked);

/**
 * vmm_child_start() - Run the command in a process group of its own
 * @log:	gets what it prints
 */
int vmm_child_start(uv_loop_t *loop, const struct vmm_command *c,
		    const char *log, vmm_ended *ended, void *ctx,
		    struct vmm_child **out, struct av_err *err);
/* SIGTERM, after 5 s SIGKILL; @ended is called from the loop. */
void vmm_child_stop(struct vmm_child *c);
bool vmm_child_runs(const struct vmm_child *c);
int vmm_child_pid(const struct vmm_child *c);
/* After it ended; memory is freed from the loop. NULL is fine. */
void vmm_child_destroy(struct vmm_child *c);

#endif
