/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU 7.2 and later. What it has is asked, never derived from its version; the
 * version decides the spelling of reconnect alone (reconnect= in seconds until
 * 9.1, reconnect-ms= from 9.2 on).
 *
 * Guest memory must be shared, or QEMU hands the back-ends a memory table
 * without it and says nothing.
 */
#include "config.h"

#include "vdevices/vmm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECONNECT_MS 200
#define TEST_DEVICE "vhost-user-test-device-pci"

const char *vmm_qemu_device(const struct vmm_caps *c,
			    const struct vdev_type *type, const char **why)
{
	static _Thread_local char name[64];

	if (type->id == VIRTIO_ID_NET) {
		return "virtio-net-pci";
	}
	if (type->qemu_device) {
		snprintf(name, sizeof(name), "%s-pci", type->qemu_device);
		if (vmm_has(c, name)) {
			return name;
		}
	}
	if (vmm_has(c, TEST_DEVICE)) {
		return TEST_DEVICE;
	}
	*why = type->id == VIRTIO_ID_SCMI
		       ? "this QEMU has vhost-user-scmi in its Arm programs only"
		       : "QEMU 10.2 and later can attach it";
	return NULL;
}

static void arg_chardev(struct vmm_command *c, const struct vmm_env *env,
			const char *id, const char *path, bool again)
{
	const struct vmm_caps *q = env->caps;
	char text[48] = "";

	if (again && (q->major > 9 || (q->major == 9 && q->minor >= 2))) {
		snprintf(text, sizeof(text), ",reconnect-ms=%d", RECONNECT_MS);
	} else if (again) {
		snprintf(text, sizeof(text), ",reconnect=1");
	}
	vmm_arg(c, "-chardev");
	vmm_arg(c, "socket,id=%s,path=%s%s", id, path, text);
}

/* Its config space is QEMU's own: what it says must be told. */
static void arg_net(struct vmm_command *c, const struct vmm_device *d,
		    const char *name)
{
	unsigned int pairs = d->queues ? d->queues : 1;
	char queues[24] = "", mq[48] = "";

	if (pairs > 1) {
		snprintf(queues, sizeof(queues), ",queues=%u", pairs);
		snprintf(mq, sizeof(mq), ",mq=on,vectors=%u", 2 * pairs + 2);
	}
	vmm_arg(c, "-netdev");
	vmm_arg(c, "vhost-user,id=net-%s,chardev=%s%s", d->name, d->name,
		queues);
	vmm_arg(c, "-device");
	vmm_arg(c, "%s,netdev=net-%s%s%s%s", name, d->name,
		d->mac ? ",mac=" : "", d->mac ? d->mac : "", mq);
}

static void arg_device(struct vmm_command *c, const struct vmm_env *env,
		       const struct vmm_device *d)
{
	const struct vdev_type *t = d->type;
	unsigned int queues = d->queues ? d->queues : t->n_queues;
	const char *why = "", *name = vmm_qemu_device(env->caps, t, &why);

	if (!name || (t->id == VIRTIO_ID_SCMI && !env->dtb)) {
		vmm_note(c, "%s is left out: %s", d->name,
			 name ? "SCMI needs a device tree, that is an arm64 "
				"guest on QEMU's virt machine"
			      : why);
		return;
	}
	arg_chardev(c, env, d->name, d->socket, t->reconnects);
	if (t->id == VIRTIO_ID_NET) {
		arg_net(c, d, name);
		return;
	}
	vmm_arg(c, "-device");
	if (!strcmp(name, TEST_DEVICE)) {
		vmm_arg(c, "%s,chardev=%s,virtio-id=%d,num_vqs=%u,"
			   "config_size=%u",
			name, d->name, t->id, queues, t->config_size);
	} else if (t->id == VIRTIO_ID_BLOCK) {
		unsigned int cpus = (unsigned int)env->guest->cpus;

		vmm_arg(c, "%s,chardev=%s,num-queues=%u", name, d->name,
			queues < cpus ? queues : cpus);
	} else {
		vmm_arg(c, "%s,chardev=%s", name, d->name);
	}
}

static void arg_ports(struct vmm_command *c, const struct vmm_env *env)
{
	const struct guest *g = env->guest;

	if (!g->n_ports) {
		return;
	}
	vmm_arg(c, "-device");
	vmm_arg(c, "virtio-serial-pci,id=ports,max_ports=31");
	for (size_t i = 0; i < g->n_ports; i++) {
		const struct guest_port *p = &g->port[i];
		char id[32], path[PATH_MAX], nr[24] = "", name[96] = "";

		snprintf(id, sizeof(id), "port%zu", i);
		snprintf(path, sizeof(path), "%s/%s", env->run_dir,
			 p->file ? p->file : "");
		if (p->to == GUEST_PORT_SOCKET) {
			arg_chardev(c, env, id, path, true);
		} else {
			vmm_arg(c, "-chardev");
			if (p->to == GUEST_PORT_LOG) {
				vmm_arg(c, "file,id=%s,path=%s,append=on", id,
					path);
			} else {
				vmm_arg(c, "null,id=%s", id);
			}
		}
		if (p->nr >= 0) {
			snprintf(nr, sizeof(nr), ",nr=%lld", p->nr);
		}
		if (p->name) {
			snprintf(name, sizeof(name), ",name=%s", p->name);
		}
		vmm_arg(c, "-device");
		vmm_arg(c, "%s,bus=ports.0,chardev=%s%s%s",
			p->console ? "virtconsole" : "virtserialport", id, nr,
			name);
	}
}

static void arg_machine(struct vmm_command *c, const struct vmm_env *env)
{
	const struct guest *g = env->guest;
	const char *machine = g->machine ? g->machine
			      : g->arch == GUEST_ARM64 ? "virt"
						       : "q35";

	vmm_arg(c, "-name");
	vmm_arg(c, "avsim-%s", g->name);
	vmm_arg(c, "-nodefaults");
	vmm_arg(c, "-no-user-config");
	vmm_arg(c, "-machine");
	vmm_arg(c, "%s,memory-backend=mem", machine);
	vmm_arg(c, "-object");
	vmm_arg(c, "memory-backend-memfd,id=mem,size=%lldM,share=on",
		g->memory_mib);
	vmm_arg(c, "-m");
	vmm_arg(c, "%lldM", g->memory_mib);
	vmm_arg(c, "-accel");
	vmm_arg(c, env->kvm ? "kvm" : "tcg");
	vmm_arg(c, "-cpu");
	vmm_arg(c, "%s", g->cpu ? g->cpu : env->kvm ? "host" : "max");
	vmm_arg(c, "-smp");
	vmm_arg(c, "%lld", g->cpus);
	vmm_arg(c, "-rtc");
	vmm_arg(c, "base=utc");
	vmm_arg(c, "-display");
	vmm_arg(c, "none");
	vmm_arg(c, "-chardev");
	vmm_arg(c, "file,id=serial,path=%s/guest-serial.log,append=on",
		env->run_dir);
	vmm_arg(c, "-serial");
	vmm_arg(c, "chardev:serial");
}

static void arg_boot(struct vmm_command *c, const struct vmm_env *env)
{
	const struct guest *g = env->guest;
	const char *initrd = env->initrd ? env->initrd : g->initrd;
	char *cmdline = vmm_cmdline(env);

	if (g->firmware) {
		vmm_arg(c, "-bios");
		vmm_arg(c, "%s", g->firmware);
	}
	if (g->kernel) {
		vmm_arg(c, "-kernel");
		vmm_arg(c, "%s", g->kernel);
		if (initrd) {
			vmm_arg(c, "-initrd");
			vmm_arg(c, "%s", initrd);
		}
		vmm_arg(c, "-append");
		vmm_arg(c, "%s", cmdline ? cmdline : "");
	}
	if (env->dtb) {
		vmm_arg(c, "-dtb");
		vmm_arg(c, "%s", env->dtb);
	}
	free(cmdline);
}

/* QEMU's option parser ends a value at a comma. */
static int check_commas(const struct vmm_env *env, struct av_err *err)
{
	if (strchr(env->run_dir, ',')) {
		return av_err_set(err, -EINVAL,
				  "QEMU takes no comma in a path: %s",
				  env->run_dir);
	}
	for (size_t i = 0; i < env->n_dev; i++) {
		if (strchr(env->dev[i].socket, ',')) {
			return av_err_set(err, -EINVAL,
					  "QEMU takes no comma in a path: %s",
					  env->dev[i].socket);
		}
	}
	return 0;
}

int vmm_qemu_command(const struct vmm_env *env, struct vmm_command *c,
		     struct av_err *err)
{
	int ret = check_commas(env, err);

	if (ret < 0) {
		return ret;
	}
	if (env->caps->major < 7 ||
	    (env->caps->major == 7 && env->caps->minor < 2)) {
		return av_err_set(err, -ENOSYS,
				  "%s is %d.%d: avsim wants QEMU 7.2 or later",
				  env->caps->path, env->caps->major,
				  env->caps->minor);
	}
	arg_machine(c, env);
	arg_boot(c, env);
	for (size_t i = 0; i < env->n_dev; i++) {
		arg_device(c, env, &env->dev[i]);
	}
	arg_ports(c, env);
	vmm_own_args(c, env);
	return 0;
}
