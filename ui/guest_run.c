/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/guest_run.h"

#include "sim/core/log.h"
#include "sim/topics.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct guest_run {
	struct world *w;
	struct vmm_child *child;
	char log[PATH_MAX + 32];
};

/* What the command needs of each device; sockets in one block at @paths. */
static size_t list_devices(const struct device_spec *spec, size_t n,
			   const char *run_dir, struct vmm_device *dev,
			   char (*paths)[PATH_MAX])
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct device_spec *s = &spec[i];

		if (s->fd >= 0) {
			continue; /* somebody else has the other end */
		}
		snprintf(paths[k], PATH_MAX, "%s/%s.sock", run_dir, s->name);
		dev[k].name = s->name;
		dev[k].type = s->type;
		dev[k].socket = s->socket ? s->socket : paths[k];
		for (size_t o = 0; o < s->n_opts; o++) {
			if (!strcmp(s->opt[o].key, "queues")) {
				dev[k].queues = (unsigned int)strtoul(
					s->opt[o].value, NULL, 10);
			} else if (!strcmp(s->opt[o].key, "mac")) {
				dev[k].mac = s->opt[o].value;
			}
		}
		k++;
	}
	return k;
}

static int build(struct vmm_env *env, struct vmm_command *out,
		 struct av_err *err)
{
	char dtb[PATH_MAX], initrd[PATH_MAX];
	int ret = vmm_prepare(env, dtb, initrd, err);

	if (ret < 0) {
		return ret;
	}
	env->dtb = dtb[0] ? dtb : NULL;
	env->initrd = initrd[0] ? initrd : NULL;
	return vmm_command(env, out, err);
}

/* What it takes says the profile alone: it can be written for another machine. */
static bool probe_absent(const struct guest *g, int ret, struct vmm_caps *caps)
{
	if (g->vmm != VMM_CROSVM || ret != -ENOENT || getenv("AVSIM_CROSVM")) {
		return false;
	}
	snprintf(caps->path, sizeof(caps->path), "crosvm");
	return true;
}

int guest_run_command(const struct guest *g, const struct device_spec *dev,
		      size_t n, const char *run_dir, bool absent_too,
		      struct vmm_command *out, char version[VMM_VERSION_MAX],
		      struct av_err *err)
{
	struct vmm_device *list = calloc(n + 1, sizeof(*list));
	char(*paths)[PATH_MAX] = calloc(n + 1, PATH_MAX);
	struct vmm_caps caps = { 0 };
	char why[160] = "";
	struct vmm_env env = { .guest = g,
			       .caps = &caps,
			       .run_dir = run_dir,
			       .dev = list };
	int ret;

	if (!list || !paths) {
		ret = av_err_set(err, -ENOMEM, "out of memory");
	} else {
		ret = vmm_probe((enum vmm_kind)g->vmm, (enum guest_arch)g->arch,
				NULL, &caps, err);
		if (absent_too && probe_absent(g, ret, &caps)) {
			ret = 0;
		}
	}
	if (ret == 0) {
		env.n_dev = list_devices(dev, n, run_dir, list, paths);
		env.kvm = g->accel == ACCEL_KVM ||
			  (g->accel == ACCEL_AUTO &&
			   vmm_kvm((enum guest_arch)g->arch, why));
		snprintf(version, VMM_VERSION_MAX, "%s", caps.version);
		ret = build(&env, out, err);
	}
	vmm_caps_finish(&caps);
	free(list);
	free(paths);
	return ret;
}

/* Into the recording, the log and the dashboards' event list. */
static void tell(struct guest_run *r, enum av_log_level level, const char *text)
{
	struct text_event e = { .t = evq_now(r->w->q),
				.key = "guest",
				.text = text };

	bus_publish(r->w->bus, TOPIC_DEVICE, &e);
	av_log(level, "guest", "%s", text);
}

static void on_ended(void *ctx, int status, bool asked)
{
	struct guest_run *r = ctx;
	char text[PATH_MAX + 128];

	if (asked || status == 0) {
		tell(r, AV_LOG_INFO,
		     asked ? "ended" : "has powered off; the run goes on");
		return;
	}
	snprintf(text, sizeof(text), "ended with %s %d, see %s",
		 status > 128 ? "signal" : "status",
		 status > 128 ? status - 128 : status, r->log);
	tell(r, AV_LOG_ERR, text);
}

static int start(uv_loop_t *loop, struct guest_run *r,
		 const struct vmm_command *c, const char *version,
		 struct av_err *err)
{
	char text[VMM_VERSION_MAX + 16];
	int ret;

	for (size_t i = 0; i < c->n_notes; i++) {
		tell(r, AV_LOG_WARN, c->note[i]);
	}
	ret = vmm_child_start(loop, c, r->log, on_ended, r, &r->child, err);
	if (ret == 0) {
		snprintf(text, sizeof(text), "started: %s", version);
		tell(r, AV_LOG_INFO, text);
	}
	return ret;
}

int guest_run_start(uv_loop_t *loop, struct world *w, const struct guest *g,
		    const struct device_spec *dev, size_t n,
		    const char *run_dir, struct guest_run **out,
		    struct av_err *err)
{
	struct guest_run *r = calloc(1, sizeof(*r));
	struct vmm_command c = { 0 };
	char version[VMM_VERSION_MAX];
	int ret;

	if (!r) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	r->w = w;
	snprintf(r->log, sizeof(r->log), "%s/guest-vmm.log", run_dir);
	ret = guest_run_command(g, dev, n, run_dir, false, &c, version, err);
	if (ret == 0) {
		ret = start(loop, r, &c, version, err);
		vmm_command_finish(&c);
	}
	if (ret < 0) {
		free(r);
		return ret;
	}
	*out = r;
	return 0;
}

void guest_run_end(uv_loop_t *loop, struct guest_run *r)
{
	if (!r) {
		return;
	}
	vmm_child_stop(r->child);
	while (vmm_child_runs(r->child)) {
		uv_run(loop, UV_RUN_ONCE);
	}
	vmm_child_destroy(r->child);
	free(r);
}
