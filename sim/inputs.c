/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/inputs.h"

#include "sim/sensors/sensors_file.h"
#include "sim/vehicle/vehicle_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "dir/file", or @file alone where it is absolute. */
static int join(char out[PATH_MAX], const char *dir, const char *file)
{
	int n = file[0] == '/' ? snprintf(out, PATH_MAX, "%s", file) :
				 snprintf(out, PATH_MAX, "%s/%s", dir, file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool looks_like_path(const char *name)
{
	return strchr(name, '/') || strchr(name, '.');
}

static const char *list_name(const void *names, size_t i)
{
	return ((char *const *)names)[i];
}

static void list_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(names[i]);
	}
	free(names);
}

/* "no scenario called 'x' (did you mean 'y'?); avsim list scenarios ..." */
static int unknown_name(const char *data_dir, bool vehicles, const char *name,
			struct av_err *err)
{
	const char *kind = vehicles ? "vehicle" : "scenario";
	char **names = NULL, hint[96] = "";
	size_t n = 0;

	if (inputs_list(data_dir, vehicles, &names, &n) == 0) {
		av_suggest_text(hint, av_suggest(name, n, list_name, names));
	}
	av_err_set(err, -ENOENT,
		   "no %s called '%.64s'%s; avsim list %ss shows the bundled "
		   "ones, a path works as well",
		   kind, name, hint, kind);
	list_free(names, n);
	return -ENOENT;
}

static int find_scenario(const char *data_dir, const char *name,
			 char path[PATH_MAX], struct av_err *err)
{
	if (!looks_like_path(name)) {
		int n = snprintf(path, PATH_MAX, "%s/scenarios/%s.yaml",
				 data_dir, name);

		if (n < PATH_MAX && access(path, R_OK) == 0) {
			return 0;
		}
		if (access(name, R_OK) != 0 || is_dir(name)) {
			return unknown_name(data_dir, false, name, err);
		}
	}
	if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX) {
		return av_err_set(err, -ENAMETOOLONG, "path is too long: %.64s",
				  name);
	}
	return 0;
}

static int find_vehicle(const char *data_dir, const char *base,
			const char *name, char path[PATH_MAX],
			struct av_err *err)
{
	if (!looks_like_path(name)) {
		int n = snprintf(path, PATH_MAX, "%s/sim/vehicles/%s", data_dir,
				 name);

		if (n < PATH_MAX && is_dir(path)) {
			return 0;
		}
		return unknown_name(data_dir, true, name, err);
	}
	if (join(path, base, name) < 0 || !is_dir(path)) {
		return av_err_set(err, -ENOENT, "no vehicle folder %s", path);
	}
	return 0;
}

/* The folder of @file, "." if it has none. */
static void folder_of(const char *file, char out[PATH_MAX])
{
	const char *slash = strrchr(file, '/');

	snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - file) : 1,
		 slash ? file : ".");
}

static int add(struct bundle *b, enum bundle_role role, const char *key,
	       const char *dir, const char *file, struct av_err *err)
{
	char path[PATH_MAX];

	if (join(path, dir, file) < 0) {
		return av_err_set(err, -ENAMETOOLONG, "path is too long: %.64s",
				  file);
	}
	return bundle_add_file(b, role, key, path, err);
}

int inputs_add_sensors(struct bundle *b, const char *dir, const char *file,
		       struct av_diags *d, struct av_err *err)
{
	const struct bundle_file *f;
	struct sensors_file *sf;
	int ret = add(b, BUNDLE_SENSORS, file, dir, file, err);

	if (ret < 0) {
		return ret;
	}
	sf = calloc(1, sizeof(*sf));
	if (!sf) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	f = bundle_get(b, BUNDLE_SENSORS, 0);
	ret = sensors_file_parse(f->name, f->data, f->len, sf, d);
	if (ret == 0 && sf->hal_config[0]) {
		ret = add(b, BUNDLE_SENSORS, sf->hal_config, dir,
			  sf->hal_config, err);
	}
	free(sf);
	return ret;
}

static int add_vehicle(struct bundle *b, const char *dir, struct av_diags *d,
		       struct av_err *err)
{
	const struct bundle_file *f;
	struct vehicle_file vf = { 0 };
	int ret;

	ret = add(b, BUNDLE_VEHICLE, "vehicle.yaml", dir, "vehicle.yaml", err);
	if (ret < 0) {
		return ret;
	}
	f = bundle_get(b, BUNDLE_VEHICLE, 0);
	ret = vehicle_file_parse(f->name, f->data, f->len, &vf, d);
	if (ret < 0) {
		return ret;
	}
	for (size_t i = 0; i < vf.n_buses && ret == 0; i++) {
		ret = add(b, BUNDLE_DBC, vf.bus[i].name, dir, vf.bus[i].dbc,
			  err);
	}
	if (ret == 0) {
		ret = add(b, BUNDLE_SIGNALS, vf.signals, dir, vf.signals, err);
	}
	if (ret == 0 && vf.sensors[0]) {
		ret = inputs_add_sensors(b, dir, vf.sensors, d, err);
	}
	for (size_t i = 0; i < vf.n_vhal && ret == 0; i++) {
		ret = add(b, BUNDLE_VHAL, vf.vhal[i], dir, vf.vhal[i], err);
	}
	return ret;
}

/*
 * A log in the vehicle's place: the databases that the scenario names, and of
 * the folder the files with the usual names. Physics there are not used.
 */
static int add_log(struct bundle *b, const struct scenario_can *can,
		   const char *base, const char *dir, bool imu,
		   struct av_diags *d, struct av_err *err)
{
	int ret = 0;

	for (size_t i = 0; i < can->n && ret == 0; i++) {
		ret = add(b, BUNDLE_DBC, can->bus[i], base, can->dbc[i], err);
	}
	if (ret == 0) {
		ret = add(b, BUNDLE_SIGNALS, "signals.yaml", dir,
			  "signals.yaml", err);
	}
	if (ret == 0) {
		ret = add(b, BUNDLE_VHAL, "vhal.json", dir, "vhal.json", err);
	}
	if (ret == 0 && imu) {
		ret = inputs_add_sensors(b, dir, "sensors.yaml", d, err);
	}
	return ret;
}

int inputs_load(const char *data_dir, const char *scenario,
		const char *vehicle, const struct scenario_param *set,
		size_t n_set, struct bundle *out, struct av_diags *d,
		struct av_err *err)
{
	char path[PATH_MAX], base[PATH_MAX], dir[PATH_MAX];
	const struct bundle_file *f;
	struct scenario *s = NULL;
	struct scenario_info info;
	const char *trace;
	int ret;

	ret = find_scenario(data_dir, scenario, path, err);
	if (ret < 0) {
		return ret;
	}
	ret = bundle_add_file(out, BUNDLE_SCENARIO, scenario, path, err);
	if (ret < 0) {
		return ret;
	}
	f = bundle_get(out, BUNDLE_SCENARIO, 0);
	ret = scenario_parse(f->name, f->data, f->len, set, n_set, &s, d);
	if (ret < 0) {
		return ret;
	}
	folder_of(path, base);
	for (size_t i = 0; ret == 0 && (trace = scenario_trace(s, i)); i++) {
		ret = add(out, BUNDLE_TRACE, trace, base, trace, err);
	}
	for (size_t i = 0; ret == 0 && (trace = scenario_imu(s, i)); i++) {
		ret = add(out, BUNDLE_IMU, trace, base, trace, err);
	}
	if (ret == 0) {
		scenario_info(s, &info);
		/* a folder given on the command line is relative to where the
		 * user is, one in the scenario to the scenario */
		ret = vehicle ? find_vehicle(data_dir, ".", vehicle, dir, err) :
				find_vehicle(data_dir, base, info.vehicle, dir,
					     err);
	}
	if (ret == 0) {
		ret = info.can.trace ?
			      add_log(out, &info.can, base, dir,
				      scenario_imu(s, 0) != NULL, d, err) :
			      add_vehicle(out, dir, d, err);
	}
	scenario_destroy(s);
	return ret;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int inputs_list(const char *data_dir, enum inputs_kind kind, char ***names,
		size_t *n)
{
	static const char *const folders[] = {
		[INPUTS_SCENARIOS] = "scenarios",
		[INPUTS_VEHICLES] = "sim/vehicles",
		[INPUTS_GUESTS] = "vdevices/guests",
	};
	char path[PATH_MAX], sub[PATH_MAX + 300];
	struct dirent *e;
	DIR *dir;

	*names = NULL;
	*n = 0;
	snprintf(path, sizeof(path), "%s/%s", data_dir, folders[kind]);
	dir = opendir(path);
	if (!dir) {
		return -errno;
	}
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);
		char **v, *name;

		if (e->d_name[0] == '.') {
			continue;
		}
		if (kind == INPUTS_VEHICLES) {
			snprintf(sub, sizeof(sub), "%s/%s/vehicle.yaml", path,
				 e->d_name);
			if (access(sub, R_OK) != 0) {
				continue;
			}
		} else if (len < 6 || strcmp(e->d_name + len - 5, ".yaml")) {
			continue;
		} else {
			len -= 5;
		}
		name = strndup(e->d_name, len);
		v = realloc(*names, (*n + 1) * sizeof(*v));
		if (!v || !name) {
			free(name);
			if (v) {
				*names = v;
			}
			list_free(*names, *n);
			closedir(dir);
			return -ENOMEM;
		}
		v[(*n)++] = name;
		*names = v;
	}
	closedir(dir);
	if (*n > 0) {
		qsort(*names, *n, sizeof(**names), by_name);
	}
	return 0;
}
