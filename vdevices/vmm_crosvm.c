/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crosvm. Its memory is always shared. It ends with the first back-end that
 * hangs up, so there is nothing to reconnect; KVM is all it runs on.
 */
#include "config.h"

#include "vdevices/vmm.h"

#include <errno.h>
#include <stdlib.h>

static void arg_ports(struct vmm_command *c, const struct vmm_env *env)
{
	const struct guest *g = env->guest;
	size_t num = 0; /* hvcN is number N + 1 */

	for (size_t i = 0; i < g->n_ports; i++) {
		const struct guest_port *p = &g->port[i];

		if (!p->console) {
			vmm_note(c, "port %s is left out: crosvm has consoles "
				    "only",
				 p->name ? p->name : p->file);
			continue;
		}
		num++;
		vmm_arg(c, "--serial");
		if (p->to == GUEST_PORT_SOCKET) {
			vmm_arg(c, "hardware=virtio-console,num=%zu,"
				   "type=unix-stream,input-unix-stream=true,"
				   "path=%s/%s",
				num, env->run_dir, p->file);
		} else if (p->to == GUEST_PORT_LOG) {
			vmm_arg(c, "hardware=virtio-console,num=%zu,type=file,"
				   "path=%s/%s",
				num, env->run_dir, p->file);
		} else {
			vmm_arg(c, "hardware=virtio-console,num=%zu,type=sink",
				num);
		}
	}
}

int vmm_crosvm_command(const struct vmm_env *env, struct vmm_command *c,
		       struct av_err *err)
{
	const struct guest *g = env->guest;
	const char *initrd = env->initrd ? env->initrd : g->initrd;
	char *cmdline = vmm_cmdline(env);

	if (!g->kernel && !g->firmware) {
		free(cmdline);
		return av_err_set(err, -EINVAL, "nothing to boot");
	}
	vmm_arg(c, "run");
	vmm_arg(c, "--cpus");
	vmm_arg(c, "%lld", g->cpus);
	vmm_arg(c, "--mem");
	vmm_arg(c, "%lld", g->memory_mib);
	vmm_arg(c, "--vhost-user-connect-timeout-ms");
	vmm_arg(c, "30000");
	vmm_arg(c, "--serial");
	vmm_arg(c, "hardware=serial,num=1,type=file,path=%s/guest-serial.log,"
		   "console",
		env->run_dir);
	for (size_t i = 0; i < env->n_dev; i++) {
		const struct vmm_device *d = &env->dev[i];

		if (!d->type->crosvm_type) {
			vmm_note(c, "%s is left out: crosvm has no type for it",
				 d->name);
			continue;
		}
		vmm_arg(c, "--vhost-user");
		vmm_arg(c, "%s,socket=%s", d->type->crosvm_type, d->socket);
	}
	arg_ports(c, env);
	vmm_own_args(c, env);
	if (initrd && g->kernel) {
		vmm_arg(c, "--initrd");
		vmm_arg(c, "%s", initrd);
	}
	if (cmdline && *cmdline) {
		vmm_arg(c, "--params");
		vmm_arg(c, "%s", cmdline);
	}
	free(cmdline);
	if (g->firmware) {
		vmm_arg(c, "--bios");
		vmm_arg(c, "%s", g->firmware);
	} else {
		vmm_arg(c, "%s", g->kernel);
	}
	return 0;
}
