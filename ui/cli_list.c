/* SPDX-License-Identifier: Apache-2.0 */
/* avsim list KIND: what there is, straight from the tables. */
#include "config.h"

#include "recordings/formats.h"
#include "scenarios/action.h"
#include "scenarios/fault.h"
#include "scenarios/scenario.h"
#include "sim/bundle.h"
#include "sim/core/units.h"
#include "sim/inputs.h"
#include "sim/vehicle_vars.h"
#include "ui/cli.h"
#include "ui/cli_guest.h"
#include "vdevices/devices.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bundled files ---- */

static void scenario_line(const char *name)
{
	struct scenario_info info = { .summary = "" };
	struct scenario *s = NULL;
	struct av_diags d = { 0 };
	char path[PATH_MAX], *data;
	struct av_err err;
	size_t len;

	snprintf(path, sizeof(path), "%s/scenarios/%s.yaml", cli_data_dir(),
		 name);
	if (av_read_file(path, BUNDLE_FILE_MAX, &data, &len, &err) < 0) {
		printf("%-14s (%s)\n", name, err.msg);
		return;
	}
	if (scenario_parse(path, data, len, NULL, 0, &s, &d) == 0) {
		scenario_info(s, &info);
		printf("%-14s %5.0f s  %s\n", name, vtime_to_s(info.duration),
		       info.summary);
	} else {
		printf("%-14s (has errors: avsim lint %s)\n", name, name);
	}
	scenario_destroy(s);
	av_diags_finish(&d);
	free(data);
}

static void vehicle_line(const char *name)
{
	printf("%s\n", name);
}

static void guest_line(const char *name)
{
	struct guest *g = NULL;
	struct av_diags d = { 0 };
	char path[PATH_MAX];
	struct av_err err;

	cli_guest_path(name, path);
	if (cli_guest_read(path, &g, &d, &err) == 0) {
		printf("%-16s %s\n", name, g->summary);
	} else {
		printf("%-16s (has errors: avsim lint %s)\n", name, path);
	}
	guest_destroy(g);
	av_diags_finish(&d);
}

static int list_bundled(enum inputs_kind kind, void (*line)(const char *name))
{
	char **names;
	size_t n;
	int ret = inputs_list(cli_data_dir(), kind, &names, &n);

	if (ret < 0) {
		return cli_trouble("cannot read %s: %s", cli_data_dir(),
				   strerror(-ret));
	}
	for (size_t i = 0; i < n; i++) {
		line(names[i]);
		free(names[i]);
	}
	free(names);
	if (n == 0) {
		puts("none yet");
	}
	return EXIT_PASS;
}

static int list_scenarios(void)
{
	return list_bundled(INPUTS_SCENARIOS, scenario_line);
}

static int list_vehicles(void)
{
	return list_bundled(INPUTS_VEHICLES, vehicle_line);
}

static int list_guests(void)
{
	return list_bundled(INPUTS_GUESTS, guest_line);
}

/* ---- tables ---- */

static void print_arg(const struct arg_spec *a)
{
	const struct av_unit *u;

	printf("    %-14s %s", a->name, a->help);
	if (a->type == ARG_ENUM && a->names) {
		size_t n = 0;

		printf(":");
		for (; a->names[n] && n < 12; n++) {
			printf(" %s", a->names[n]);
		}
		printf("%s", a->names[n] ? " ..." : "");
	} else if (a->type == ARG_NUM && a->min < a->max) {
		/* in the unit that people use; all units here are linear */
		u = av_unit_find(arg_unit_example(a->dim));
		printf(" (%g to %g%s%s)", av_unit_from_base(u, a->min),
		       av_unit_from_base(u, a->max), *u->name ? " " : "",
		       u->name);
	}
	printf("%s\n", a->required ? "" : " [optional]");
}

static void print_row(const char *name, const char *help,
		      const struct arg_spec *arg)
{
	printf("%-14s %s\n", name, help);
	for (size_t i = 0; i < ACTION_ARGS_MAX && arg[i].name; i++) {
		print_arg(&arg[i]);
	}
}

static int list_actions(void)
{
	for (size_t i = 0; i < n_actions; i++) {
		print_row(action_table[i].verb, action_table[i].help,
			  action_table[i].arg);
	}
	return EXIT_PASS;
}

static int list_faults(void)
{
	for (size_t i = 0; i < n_faults; i++) {
		print_row(fault_table[i].name, fault_table[i].help,
			  fault_table[i].arg);
	}
	return EXIT_PASS;
}

static int list_variables(void)
{
	for (int i = 0; i < VV_N; i++) {
		const struct vehicle_var_info *v = &vehicle_var_info[i];

		printf("%-22s %s %-6s %s\n", v->name, v->writable ? "rw" : "ro",
		       v->unit, v->text);
	}
	return EXIT_PASS;
}

static const struct exporter *exporter_of(const char *name)
{
	for (size_t i = 0; i < n_exporters; i++) {
		if (!strcmp(exporters[i].name, name)) {
			return &exporters[i];
		}
	}
	return NULL;
}

/* Files that avsim reads or writes: the formats of import and export, and those
 * that the simulation itself knows. */
static int list_formats(void)
{
	static const char *const own[] = {
		"avrec          recording: run, record, replay, diff, dump",
		"dbc            CAN database: vehicles, import --dbc",
		"vhal-json      properties as in the AAOS reference VHAL",
		"yaml           scenario, vehicle, binding table, tolerances, guest",
	};

	for (size_t i = 0; i < n_importers; i++) {
		printf("%-14s %s: import%s\n", importers[i].name,
		       importers[i].help,
		       exporter_of(importers[i].name) ? ", export" : "");
	}
	for (size_t i = 0; i < n_exporters; i++) {
		bool both = false;

		for (size_t k = 0; k < n_importers; k++) {
			both |= !strcmp(importers[k].name, exporters[i].name);
		}
		if (!both) {
			printf("%-14s %s: export\n", exporters[i].name,
			       exporters[i].help);
		}
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		puts(own[i]);
	}
	return EXIT_PASS;
}

static void print_opt(const struct vdev_opt *o)
{
	printf("    %-14s %s (%s)\n", o->name, o->help, o->value);
}

static int list_devices(void)
{
	for (size_t i = 0; i < n_vdev_types; i++) {
		const struct vdev_type *t = vdev_types[i];

		printf("%-14s %s; runs in the %s\n", t->name, t->help,
		       vdev_home_names[t->home]);
		for (size_t k = 0; t->opts && t->opts[k].name; k++) {
			print_opt(&t->opts[k]);
		}
	}
	puts("every device");
	for (size_t k = 0; device_common_opts[k].name; k++) {
		print_opt(&device_common_opts[k]);
	}
	return EXIT_PASS;
}

static const struct {
	const char *name;
	int (*print)(void);
} kinds[] = {
	{ "actions", list_actions },     { "devices", list_devices },
	{ "faults", list_faults },       { "formats", list_formats },
	{ "guests", list_guests },       { "scenarios", list_scenarios },
	{ "variables", list_variables }, { "vehicles", list_vehicles },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *kind_at(const void *ctx, size_t i)
{
	(void)ctx;
	return kinds[i].name;
}

static int run(int argc, char **argv)
{
	struct cli_list rest = { 0 };
	int ret = cli_parse("list", argc, argv, NULL, &rest);
	int status = EXIT_TROUBLE;
	char hint[96];
	size_t i = 0;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n != 1) {
		cli_trouble("list what? see avsim list --help");
	} else if (ret == 0) {
		while (i < N_KINDS && strcmp(kinds[i].name, rest.v[0]) != 0) {
			i++;
		}
		status =
			i < N_KINDS
				? kinds[i].print()
				: cli_trouble(
					  "cannot list '%s'%s", rest.v[0],
					  av_suggest_text(
						  hint,
						  av_suggest(rest.v[0], N_KINDS,
							     kind_at, NULL)));
	}
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_list = {
	.name = "list",
	.args = "KIND",
	.summary = "show what there is",
	.help = "  scenarios   bundled scenarios\n"
		"  vehicles    bundled vehicles\n"
		"  actions     verbs of a scenario's do:, of keys and "
		"commands\n"
		"  faults      what can be broken on purpose\n"
		"  variables   quantities of the vehicle model\n"
		"  formats     files that avsim reads and writes\n"
		"  devices     VirtIO devices\n"
		"  guests      guest profiles\n",
	.run = run,
};
