/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli_guest.h"

#include "sim/bundle.h"
#include "sim/inputs.h"
#include "sim/services/rundir.h"
#include "ui/guest_run.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROFILE_MAX (1u << 20)

int cli_guest_kit_dir(char out[PATH_MAX])
{
	const char *own = getenv("AVSIM_GUEST_CACHE");
	int ret = 0;

	out[0] = '\0';
	if (own && *own) {
		snprintf(out, PATH_MAX, "%s/current", own);
	} else {
		ret = vmm_cache_path("guest-kit/current", out, NULL);
	}
	if (ret < 0) {
		out[0] = '\0';
	}
	return ret;
}

void cli_guest_path(const char *name, char out[PATH_MAX])
{
	if (strpbrk(name, "/.")) {
		snprintf(out, PATH_MAX, "%s", name);
	} else {
		snprintf(out, PATH_MAX, "%s/vdevices/guests/%s.yaml",
			 cli_data_dir(), name);
	}
}

static int read_profile(const char *path, const struct guest_env *env,
			struct guest **out, struct av_diags *d,
			struct av_err *err)
{
	char *data;
	size_t len;
	int ret = av_read_file(path, PROFILE_MAX, &data, &len, err);

	*out = NULL;
	if (ret == 0) {
		ret = guest_parse(path, data, len, env, out, d);
		free(data);
	}
	return ret;
}

int cli_guest_read(const char *path, struct guest **out, struct av_diags *d,
		   struct av_err *err)
{
	const struct guest_env env = { 0 };

	return read_profile(path, &env, out, d, err);
}

struct name_list {
	char **v;
	size_t n;
};

static const char *name_at(const void *ctx, size_t i)
{
	const struct name_list *l = ctx;

	return l->v[i];
}

static int no_such_profile(const char *name)
{
	struct name_list l = { 0 };
	char hint[96];
	int status;

	inputs_list(cli_data_dir(), INPUTS_GUESTS, &l.v, &l.n);
	status = cli_trouble("no guest profile is called '%s'%s; avsim list "
			     "guests shows them",
			     name,
			     av_suggest_text(hint, av_suggest(name, l.n,
							      name_at, &l)));
	for (size_t i = 0; i < l.n; i++) {
		free(l.v[i]);
	}
	free(l.v);
	return status;
}

/* "K=V" options, cut in place. 0 or EXIT_TROUBLE (said). */
static int read_set(const struct cli_list *set, struct guest_pair *out)
{
	for (size_t i = 0; i < set->n; i++) {
		/* argv is ours to write */
		char *eq = strchr((char *)(uintptr_t)set->v[i], '=');

		if (!eq || eq == set->v[i]) {
			return cli_trouble("--guest-set wants NAME=VALUE, not "
					   "'%s'",
					   set->v[i]);
		}
		*eq = '\0';
		out[i] = (struct guest_pair){ set->v[i], eq + 1 };
	}
	return 0;
}

static int load(struct cli_guest *g, const struct guest_env *env)
{
	struct av_diags d = { 0 };
	struct av_err err = { 0 };
	int ret = read_profile(g->path, env, &g->guest, &d, &err);

	if (ret < 0 && d.n == 0) {
		cli_trouble("%s", err.msg);
	}
	av_diags_print(&d, stderr);
	av_diags_finish(&d);
	return ret < 0 ? EXIT_TROUBLE : 0;
}

/* Do the two texts begin with the same name? It ends at one of @ends. */
static bool same_name(const char *a, const char *b, const char *ends)
{
	size_t n = strcspn(a, ends);

	return n == strcspn(b, ends) && !strncmp(a, b, n);
}

/* @own of the profile in front of @given, which replace those of the same name;
 * @n_left: of @own. */
static int merge(const char *const *own, size_t n_own, const char *ends,
		 struct cli_list *given, size_t *n_left)
{
	const char **v = calloc(n_own + given->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v) {
		return cli_trouble("out of memory");
	}
	for (size_t i = 0; i < n_own; i++) {
		bool replaced = false;

		for (size_t k = 0; k < given->n; k++) {
			replaced |= same_name(own[i], given->v[k], ends);
		}
		if (!replaced) {
			v[n++] = own[i];
		}
	}
	*n_left = n;
	for (size_t k = 0; k < given->n; k++) {
		v[n++] = given->v[k];
	}
	cli_list_finish(given);
	given->v = v;
	given->n = n;
	return 0;
}

static int merge_profile(const struct guest *g, struct cli_devices *d)
{
	const char *port[GUEST_LIST_MAX];
	size_t n = 0, n_devices;
	int status;

	for (size_t i = 0; i < g->n_ports; i++) {
		if (g->port[i].listen) {
			port[n++] = g->port[i].listen;
		}
	}
	status = merge(g->device, g->n_devices, ":,", &d->device, &n_devices);
	return status ? status
		      : merge(port, n, "=", &d->port, &d->n_soft_ports);
}

static int load_profile(struct cli_guest *g)
{
	struct guest_pair *set = NULL;
	struct guest_env env = { .n_set = g->set.n };
	char kit[PATH_MAX];
	int status;

	cli_guest_path(g->profile, g->path);
	if (access(g->path, F_OK) < 0 && !strpbrk(g->profile, "/.")) {
		return no_such_profile(g->profile);
	}
	set = calloc(g->set.n + 1, sizeof(*set));
	if (!set) {
		return cli_trouble("out of memory");
	}
	status = read_set(&g->set, set);
	env.set = set;
	env.kit_dir = cli_guest_kit_dir(kit) == 0 ? kit : NULL;
	if (!status) {
		status = load(g, &env);
	}
	if (!status && g->guest->missing) {
		status = cli_trouble("guest profile '%s' wants --guest-set "
				     "%s=VALUE: %s",
				     g->guest->name, g->guest->missing,
				     g->guest->missing_help);
	}
	free(set);
	return status;
}

int cli_guest_load(struct cli_guest *g, struct cli_devices *d)
{
	int status = 0;

	if (!g->profile && (g->set.n || g->print || g->by_hand)) {
		return cli_trouble("%s wants --guest NAME",
				   g->print     ? "--print-vmm"
				   : g->by_hand ? "--no-vmm"
						: "--guest-set");
	}
	if (g->profile) {
		status = load_profile(g);
	}
	if (!status && g->guest) {
		status = merge_profile(g->guest, d);
	}
	return status ? status : cli_devices_load(d);
}

/* The command may be run from elsewhere. */
static int absolute(const char *run_dir, char out[PATH_MAX])
{
	char base[PATH_MAX];
	int n;

	if (!run_dir) {
		if (rundir_base(base) < 0) {
			return -ENAMETOOLONG;
		}
		n = snprintf(out, PATH_MAX, "%s/guest", base);
	} else if (run_dir[0] == '/') {
		n = snprintf(out, PATH_MAX, "%s", run_dir);
	} else if (getcwd(base, sizeof(base))) {
		n = snprintf(out, PATH_MAX, "%s/%s", base, run_dir);
	} else {
		return -errno;
	}
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int cli_guest_print(const struct cli_guest *g, const struct cli_devices *d,
		    const char *run_dir)
{
	struct vmm_command c;
	struct av_err err = { 0 };
	char dir[PATH_MAX], version[VMM_VERSION_MAX];
	int ret = absolute(run_dir, dir);

	if (ret < 0) {
		return cli_trouble("no run dir: %s", strerror(-ret));
	}
	ret = guest_run_command(g->guest, d->spec, d->n, dir, true, &c, version,
				&err);
	if (ret < 0) {
		return cli_trouble("%s", err.msg);
	}
	if (!version[0]) {
		fprintf(stderr, "avsim: written without asking: %s\n", err.msg);
	}
	for (size_t i = 0; i < c.n_notes; i++) {
		fprintf(stderr, "avsim: %s\n", c.note[i]);
	}
	if (!run_dir) {
		fprintf(stderr, "avsim: for a run with --no-vmm --run-dir %s\n", dir);
	}
	vmm_command_print(&c, stdout);
	vmm_command_finish(&c);
	return EXIT_PASS;
}

void cli_guest_finish(struct cli_guest *g)
{
	guest_destroy(g->guest);
	g->guest = NULL;
	cli_list_finish(&g->set);
}
