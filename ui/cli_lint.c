/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim lint FILE...: the checks of a run without the run. What a file is
 * follows from its name and its first look; a new kind is a row of the table.
 */
#include "config.h"

#include "recordings/tolerance.h"
#include "scenarios/schema.h"
#include "sim/bundle.h"
#include "sim/can/dbc.h"
#include "sim/core/evq.h"
#include "sim/core/yaml.h"
#include "sim/gnss/trace.h"
#include "sim/inputs.h"
#include "sim/sensors/hal_config.h"
#include "sim/sensors/imu_trace.h"
#include "sim/vehicle/vehicle_file.h"
#include "sim/vhal/vhal.h"
#include "sim/world.h"
#include "ui/cli.h"
#include "vdevices/guest.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lint_file {
	const char *arg;  /* as the user wrote it */
	const char *name; /* path of the file */
	const char *data;
	size_t len;
	const struct av_yaml *root; /* of a .yaml that parses, else NULL */
	const struct scenario_param *set;
	size_t n_set;
	bool syntax; /* a scenario by itself, without its vehicle */
};

static int check_scenario(const struct lint_file *f, struct av_diags *d,
			  struct av_err *err)
{
	struct world_opts o = { .set = f->set,
				.n_set = f->n_set,
				.until = VT_NEVER };
	struct bundle inputs = { 0 };
	struct world *w = NULL;
	struct scenario *s;
	int ret;

	if (f->syntax) {
		ret = scenario_parse(f->name, f->data, f->len, f->set, f->n_set,
				     &s, d);
		if (ret == 0) {
			scenario_destroy(s);
		}
		return ret;
	}
	ret = inputs_load(cli_data_dir(), f->name, NULL, f->set, f->n_set,
			  &inputs, d, err);
	if (ret == 0) {
		o.inputs = &inputs;
		ret = world_create(&o, &w, d);
	}
	world_destroy(w);
	bundle_finish(&inputs);
	return ret;
}

/* Folder of @path with its slash, "" if it has none. */
static void folder_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 0,
		 path);
}

static int add(struct bundle *b, enum bundle_role role, const char *key,
	       const char *dir, const char *file, struct av_err *err)
{
	char path[PATH_MAX * 2];

	snprintf(path, sizeof(path), "%s%s", file[0] == '/' ? "" : dir, file);
	return bundle_add_file(b, role, key, path, err);
}

/* A vehicle is right if all its files are, together. */
static int check_vehicle(const struct lint_file *f, struct av_diags *d,
			 struct av_err *err)
{
	struct bundle inputs = { 0 };
	struct world_opts o = { .inputs = &inputs, .until = VT_NEVER };
	struct world *w = NULL;
	struct vehicle_file vf;
	char dir[PATH_MAX];
	int ret = vehicle_file_parse(f->name, f->data, f->len, &vf, d);

	if (ret < 0) {
		return ret;
	}
	folder_of(f->name, dir);
	ret = bundle_add_file(&inputs, BUNDLE_VEHICLE, "vehicle.yaml", f->name,
			      err);
	for (size_t i = 0; i < vf.n_buses && ret == 0; i++) {
		ret = add(&inputs, BUNDLE_DBC, vf.bus[i].name, dir,
			  vf.bus[i].dbc, err);
	}
	if (ret == 0) {
		ret = add(&inputs, BUNDLE_SIGNALS, vf.signals, dir, vf.signals,
			  err);
	}
	if (ret == 0 && vf.sensors[0]) {
		ret = inputs_add_sensors(&inputs, *dir ? dir : ".",
					 vf.sensors, d, err);
	}
	for (size_t i = 0; i < vf.n_vhal && ret == 0; i++) {
		ret = add(&inputs, BUNDLE_VHAL, vf.vhal[i], dir, vf.vhal[i],
			  err);
	}
	if (ret == 0) {
		ret = world_create(&o, &w, d);
	}
	world_destroy(w);
	bundle_finish(&inputs);
	return ret;
}

/* A binding table means nothing without its vehicle. */
static int check_bindings(const struct lint_file *f, struct av_diags *d,
			  struct av_err *err)
{
	struct lint_file vehicle = { .arg = f->arg };
	char dir[PATH_MAX], path[PATH_MAX + 16], *data;
	size_t len;
	int ret;

	folder_of(f->name, dir);
	snprintf(path, sizeof(path), "%svehicle.yaml", dir);
	ret = av_read_file(path, BUNDLE_FILE_MAX, &data, &len, err);
	if (ret < 0) {
		return av_err_set(err, ret,
				  "%s: a binding table is checked with its "
				  "vehicle, but there is no %s",
				  f->arg, path);
	}
	vehicle.name = path;
	vehicle.data = data;
	vehicle.len = len;
	ret = check_vehicle(&vehicle, d, err);
	free(data);
	return ret;
}

static int check_dbc(const struct lint_file *f, struct av_diags *d,
		     struct av_err *err)
{
	struct dbc *dbc;
	int ret = dbc_parse(f->name, f->data, f->len, &dbc, d, NULL);

	(void)err;
	if (ret == 0) {
		dbc_destroy(dbc);
	}
	return ret;
}

static int check_vhal(const struct lint_file *f, struct av_diags *d,
		      struct av_err *err)
{
	struct evq *q = evq_create();
	struct bus *bus = bus_create(av_topics, TOPIC_N);
	struct vhal *v = q && bus ? vhal_create(q, bus) : NULL;
	int ret = v ? vhal_load(v, f->name, f->data, f->len, d)
		    : av_err_set(err, -ENOMEM, "out of memory");

	vhal_destroy(v);
	bus_destroy(bus);
	evq_destroy(q);
	return ret;
}

static int check_tolerances(const struct lint_file *f, struct av_diags *d,
			    struct av_err *err)
{
	struct tolerances t;
	int ret = tolerances_parse(f->name, f->data, f->len, &t, d);

	(void)err;
	if (ret == 0) {
		tolerances_finish(&t);
	}
	return ret;
}

static int check_sensors(const struct lint_file *f, struct av_diags *d,
			 struct av_err *err)
{
	struct bundle inputs = { 0 };
	const char *slash = strrchr(f->name, '/');
	char dir[PATH_MAX];
	const struct bundle_file *x;
	struct hal_config *hal = calloc(1, sizeof(*hal));
	int ret;

	snprintf(dir, sizeof(dir), "%.*s",
		 slash ? (int)(slash - f->name + (slash == f->name)) : 1,
		 slash ? f->name : ".");
	ret = hal ? inputs_add_sensors(&inputs, dir,
				       slash ? slash + 1 : f->name, d, err) :
		    av_err_set(err, -ENOMEM, "out of memory");
	x = bundle_get(&inputs, BUNDLE_SENSORS, 1);
	if (ret == 0 && x) {
		ret = hal_config_parse(x->name, x->data, x->len, hal, d);
	}
	free(hal);
	bundle_finish(&inputs);
	return ret;
}

static int check_hal(const struct lint_file *f, struct av_diags *d,
		     struct av_err *err)
{
	struct hal_config *hal = calloc(1, sizeof(*hal));
	int ret = hal ? hal_config_parse(f->name, f->data, f->len, hal, d) :
			av_err_set(err, -ENOMEM, "out of memory");

	free(hal);
	return ret;
}

static int check_imu_trace(const struct lint_file *f, struct av_diags *d,
			   struct av_err *err)
{
	struct imu_trace *t;
	int ret = imu_trace_parse(f->name, f->data, f->len, &t, d);

	if (ret == -ENOMEM) {
		av_err_set(err, ret, "out of memory");
	}
	imu_trace_destroy(t);
	return ret;
}

/* Rows that a run would leave out are told, but the file is good for one. */
static int check_gnss(const struct lint_file *f, struct av_diags *d,
		      struct av_err *err)
{
	struct av_diags notes = { 0 };
	struct gnss_trace *t;
	char text[200];
	int ret = gnss_trace_parse(f->name, f->data, f->len, &t, &notes, d);

	av_diags_print(&notes, stderr);
	av_diags_finish(&notes);
	if (ret == -ENOMEM) {
		av_err_set(err, ret, "out of memory");
	} else if (ret == 0) {
		gnss_trace_summary(t, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", f->name, text);
	}
	gnss_trace_destroy(t);
	return ret;
}

static int check_guest(const struct lint_file *f, struct av_diags *d,
		       struct av_err *err)
{
	const struct guest_env env = { 0 };
	struct guest *g;
	int ret = guest_parse(f->name, f->data, f->len, &env, &g, d);

	(void)err;
	guest_destroy(g);
	return ret;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n >= s && !strcmp(name + n - s, suffix);
}

static bool is_dbc(const struct lint_file *f)
{
	return has_suffix(f->name, ".dbc");
}

static bool is_json(const struct lint_file *f)
{
	return has_suffix(f->name, ".json");
}

static bool is_bindings(const struct lint_file *f)
{
	return av_yaml_get(f->root, "bindings");
}

static bool is_vehicle(const struct lint_file *f)
{
	return av_yaml_get(f->root, "buses") || av_yaml_get(f->root, "vhal");
}

static bool is_sensors(const struct lint_file *f)
{
	return av_yaml_get(f->root, "sensors");
}

static bool is_hal(const struct lint_file *f)
{
	return has_suffix(f->name, ".xml") && f->len > 0 &&
	       memmem(f->data, f->len, "sensorHalConfiguration", 22);
}

static bool is_gnss(const struct lint_file *f)
{
	return !f->root && !is_dbc(f) && !is_json(f) &&
	       gnss_trace_probe(f->data, f->len);
}

static bool is_imu_trace(const struct lint_file *f)
{
	return has_suffix(f->name, ".csv") &&
	       memmem(f->data, f->len < 4096 ? f->len : 4096, "time_s,", 7);
}

static bool is_guest(const struct lint_file *f)
{
	return av_yaml_get(f->root, "guest");
}

/* The only kind that is a list. */
static bool is_tolerances(const struct lint_file *f)
{
	return f->root && f->root->kind == YAML_SEQ;
}

/* The last row: whatever else ends in .yaml is taken for a scenario, so that
 * a wrong one gets its messages. */
static bool is_yaml(const struct lint_file *f)
{
	return has_suffix(f->name, ".yaml") || has_suffix(f->name, ".yml");
}

static const struct lint_kind {
	bool (*matches)(const struct lint_file *f);
	/* 0, -EINVAL with messages in @d, other -errno with @err */
	int (*check)(const struct lint_file *f, struct av_diags *d,
		     struct av_err *err);
} kinds[] = {
	{ is_dbc, check_dbc },
	{ is_json, check_vhal },
	{ is_hal, check_hal },
	{ is_gnss, check_gnss },
	{ is_imu_trace, check_imu_trace },
	{ is_sensors, check_sensors },
	{ is_guest, check_guest },
	{ is_bindings, check_bindings },
	{ is_vehicle, check_vehicle },
	{ is_tolerances, check_tolerances },
	{ is_yaml, check_scenario },
};

static const struct lint_kind *kind_of(const struct lint_file *f)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].matches(f)) {
			return &kinds[i];
		}
	}
	return NULL;
}

static int lint_data(struct lint_file *f)
{
	struct av_yaml_doc doc = { 0 };
	struct av_diags d = { 0 }, quiet = { 0 };
	struct av_err err = { 0 };
	const struct lint_kind *kind;
	int ret;

	/* errors of the YAML come again from the check, with the same text */
	if (is_yaml(f) &&
	    av_yaml_parse(f->name, f->data, f->len, &doc, &quiet) == 0) {
		f->root = doc.root;
	}
	kind = kind_of(f);
	if (!kind) {
		ret = cli_trouble("%s: what is it? lint knows .yaml, .dbc, "
				  ".json, the sensors' .xml and .csv, files of "
				  "positions",
				  f->arg);
	} else {
		ret = kind->check(f, &d, &err);
		if (ret < 0 && d.n == 0 && d.dropped == 0) {
			cli_trouble("%s", err.msg);
		}
		av_diags_print(&d, stderr);
	}
	if (ret == 0) {
		printf("%s: ok\n", f->arg);
	}
	av_yaml_finish(&doc);
	av_diags_finish(&quiet);
	av_diags_finish(&d);
	return ret == 0 ? EXIT_PASS : EXIT_TROUBLE;
}

static int lint_file(struct lint_file *f)
{
	char path[PATH_MAX], *data;
	struct av_err err;
	size_t len;
	int ret;

	f->name = f->arg;
	if (!strpbrk(f->arg, "/.")) { /* the name of a bundled scenario */
		snprintf(path, sizeof(path), "%s/scenarios/%s.yaml",
			 cli_data_dir(), f->arg);
		f->name = path;
	}
	if (av_read_file(f->name, BUNDLE_FILE_MAX, &data, &len, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	f->data = data;
	f->len = len;
	ret = lint_data(f);
	free(data);
	return ret;
}

/* "K=V" options, cut in place. 0 or EXIT_TROUBLE (said). */
static int read_set(const struct cli_list *set, struct scenario_param *out)
{
	for (size_t i = 0; i < set->n; i++) {
		/* argv is ours to write */
		char *eq = strchr((char *)(uintptr_t)set->v[i], '=');

		if (!eq || eq == set->v[i]) {
			return cli_trouble("--set wants NAME=VALUE, not '%s'",
					   set->v[i]);
		}
		*eq = '\0';
		out[i] = (struct scenario_param){ .name = set->v[i],
						  .value = eq + 1 };
	}
	return 0;
}

static int lint_all(const struct cli_list *files, const struct cli_list *set,
		    bool syntax)
{
	struct scenario_param *params = calloc(set->n + 1, sizeof(*params));
	int status = EXIT_PASS;

	if (!params || read_set(set, params)) {
		free(params);
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < files->n; i++) {
		struct lint_file f = { .arg = files->v[i],
				       .set = params,
				       .n_set = set->n,
				       .syntax = syntax };

		if (lint_file(&f) != EXIT_PASS) {
			status = EXIT_TROUBLE;
		}
	}
	free(params);
	return status;
}

/* 0 or EXIT_TROUBLE (said) */
static int print_schema(const char *of)
{
	if (!*of || !strcmp(of, "scenario")) {
		scenario_schema_print(stdout);
	} else if (!strcmp(of, "guest")) {
		guest_schema_print(stdout);
	} else {
		return cli_trouble("--schema wants scenario or guest, not '%s'",
				   of);
	}
	return EXIT_PASS;
}

static int run(int argc, char **argv)
{
	struct cli_list set = { 0 }, rest = { 0 };
	const char *schema = NULL;
	bool syntax = false;
	const struct cli_opt opts[] = {
		{ "set", OPT_MULTI, &set },
		{ "schema", OPT_MAYBE, &schema },
		{ "syntax", OPT_FLAG, &syntax },
		{ 0 },
	};
	int ret = cli_parse("lint", argc, argv, opts, &rest);
	int status = ret == 1 ? EXIT_PASS : EXIT_TROUBLE;

	if (ret == 0 && schema) {
		status = print_schema(schema);
	} else if (ret == 0 && rest.n == 0) {
		cli_trouble("lint which file? see avsim lint --help");
	} else if (ret == 0) {
		status = lint_all(&rest, &set, syntax);
	}
	cli_list_finish(&set);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_lint = {
	.name = "lint",
	.args = "FILE...",
	.summary = "check scenario, vehicle, sensor, DBC and property files",
	.help = "Prints all errors as file:line:column: message; a scenario "
		"is checked against\nits vehicle as well, a vehicle with all "
		"its "
		"files, just as for a run.\n\n"
		"  --set NAME=VALUE  a parameter of the scenario; repeatable\n"
		"  --syntax          scenarios by themselves, without a "
		"vehicle\n"
		"  --schema[=guest]  print the JSON Schema of scenarios, or of "
		"guest profiles,\n"
		"                    and stop\n\n"
		"Exit status: 0 all files are right, 2 one is not.\n",
	.run = run,
};
