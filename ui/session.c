/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/session.h"

#include "sim/core/pace.h"
#include "sim/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEEP_RECORDINGS 20

int session_trouble(struct av_diags *d, const struct av_err *err)
{
	if (d && d->n > 0) {
		av_diags_print(d, stderr);
		av_diags_finish(d);
		return EXIT_TROUBLE;
	}
	return cli_trouble("%s", err && err->msg[0] ? err->msg :
						      "out of memory");
}

static int by_name(const void *a, const void *b)
{
	const struct scenario_param *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Sorted "K=V\n..." text of the parameters. */
static int make_params(struct session *s)
{
	size_t len = 1;
	char *p;

	if (s->n_set > 0) {
		qsort(s->set, s->n_set, sizeof(*s->set), by_name);
	}
	for (size_t i = 0; i < s->n_set; i++) {
		len += strlen(s->set[i].name) + strlen(s->set[i].value) + 2;
	}
	free(s->params);
	p = s->params = malloc(len);
	if (!p) {
		return cli_trouble("out of memory");
	}
	*p = '\0';
	for (size_t i = 0; i < s->n_set; i++) {
		p += sprintf(p, "%s%s=%s", i ? "\n" : "", s->set[i].name,
			     s->set[i].value);
	}
	return 0;
}

static int add_param(struct session *s, const char *kv, size_t len)
{
	const char *eq = memchr(kv, '=', len);
	struct scenario_param *v;
	char *name, *value;

	if (!eq || eq == kv) {
		return cli_trouble("--set wants NAME=VALUE, not '%.*s'",
				   (int)len, kv);
	}
	name = strndup(kv, (size_t)(eq - kv));
	value = strndup(eq + 1, len - (size_t)(eq + 1 - kv));
	for (size_t i = 0; name && value && i < s->n_set; i++) {
		if (!strcmp(s->set[i].name, name)) {
			free((char *)(uintptr_t)s->set[i].value);
			s->set[i].value = value;
			free(name);
			return 0;
		}
	}
	v = realloc(s->set, (s->n_set + 1) * sizeof(*v));
	if (v) {
		s->set = v;
	}
	if (!v || !name || !value) {
		free(name);
		free(value);
		return cli_trouble("out of memory");
	}
	v[s->n_set++] = (struct scenario_param){ .name = name, .value = value };
	return 0;
}

int session_set(struct session *s, const struct cli_list *set)
{
	for (size_t i = 0; i < set->n; i++) {
		int ret = add_param(s, set->v[i], strlen(set->v[i]));

		if (ret) {
			return ret;
		}
	}
	return make_params(s);
}

int session_set_text(struct session *s, const char *params)
{
	while (*params) {
		size_t len = strcspn(params, "\n");
		int ret = add_param(s, params, len);

		if (ret) {
			return ret;
		}
		params += len + (params[len] == '\n');
	}
	return make_params(s);
}

int session_seed(struct session *s, const char *text)
{
	char *end;

	errno = 0;
	s->seed = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-') {
		return cli_trouble("--seed wants a whole number from 0 to 2^64 "
				   "- 1, not '%s'",
				   text);
	}
	s->has_seed = true;
	return 0;
}

int session_until(struct session *s, const char *text)
{
	if (vtime_parse(text, &s->until) < 0 || s->until <= 0) {
		return cli_trouble("--until wants a time like 20s or 1.5min, "
				   "not '%s'",
				   text);
	}
	return 0;
}

int session_speed(const char *text, double *out)
{
	char *end;
	double v;

	if (!strcmp(text, "max")) {
		*out = PACE_MAX;
		return 0;
	}
	v = strtod(text, &end);
	if (end == text || (*end && strcmp(end, "x") != 0) || !(v >= 0.01) ||
	    !(v <= 1e6)) {
		return cli_trouble("--speed wants max or a factor from 0.01 to "
				   "1e6 like 20, not '%s'",
				   text);
	}
	*out = v;
	return 0;
}

int session_world(struct session *s)
{
	struct world_opts o = { .inputs = &s->inputs,
				.seed = s->has_seed ? &s->seed : NULL,
				.set = s->set,
				.n_set = s->n_set,
				.epoch_ns = s->epoch_ns,
				.until = s->until > 0 ? s->until : VT_NEVER,
				.device = s->device,
				.n_devices = s->n_devices,
				.linger = s->linger };
	struct av_diags d = { 0 };

	if (world_create(&o, &s->w, &d) < 0) {
		return session_trouble(&d, NULL);
	}
	av_diags_finish(&d);
	s->seed = s->w->seed;
	return 0;
}

int session_open(struct session *s, const char *scenario, const char *vehicle)
{
	struct av_diags d = { 0 };
	struct av_err err = { 0 };

	if (inputs_load(cli_data_dir(), scenario, vehicle, s->set, s->n_set,
			&s->inputs, &d, &err) < 0) {
		return session_trouble(&d, &err);
	}
	av_diags_finish(&d);
	return session_world(s);
}

/* ---- recording ---- */

/* mkdir -p */
static int make_dirs(char *path)
{
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0') {
			continue;
		}
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			*p = c;
			return -errno;
		}
		*p = c;
		if (c == '\0') {
			return 0;
		}
	}
}

int session_rec_dir(char out[PATH_MAX], struct av_err *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int n, ret;

	if (state && state[0] == '/') {
		n = snprintf(out, PATH_MAX, "%s/avsim/recordings", state);
	} else if (home && home[0] == '/') {
		n = snprintf(out, PATH_MAX, "%s/.local/state/avsim/recordings",
			     home);
	} else {
		return av_err_set(err, -ENOENT,
				  "no place for recordings: set HOME or "
				  "XDG_STATE_HOME, or give --record FILE or "
				  "--no-record");
	}
	if (n >= PATH_MAX - 256) {
		return av_err_set(err, -ENAMETOOLONG, "path is too long");
	}
	ret = make_dirs(out);
	if (ret < 0) {
		return av_err_set(err, ret,
				  "cannot make %s: %s; give --record FILE or "
				  "--no-record",
				  out, strerror(-ret));
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names start with the date, so the first in order are the oldest. Only files
 * that bear our pattern are touched. */
static void prune(const char *dir)
{
	char *names[4096], path[PATH_MAX];
	size_t n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d) {
		return;
	}
	while (n < sizeof(names) / sizeof(names[0]) && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len > 22 && !strcmp(e->d_name + len - 6, ".avrec") &&
		    strspn(e->d_name, "0123456789") == 8 &&
		    e->d_name[8] == '-') {
			names[n] = strdup(e->d_name);
			n += names[n] != NULL;
		}
	}
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i + KEEP_RECORDINGS <= n &&
		    snprintf(path, sizeof(path), "%s/%s", dir, names[i]) <
			    (int)sizeof(path)) {
			unlink(path);
		}
		free(names[i]);
	}
}

static int default_path(const char *title, char out[PATH_MAX],
			struct av_err *err)
{
	char dir[PATH_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int ret = session_rec_dir(dir, err);

	if (ret < 0) {
		return ret;
	}
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (int i = 0; i < 1000; i++) {
		char suffix[8] = "";

		if (i > 0) {
			snprintf(suffix, sizeof(suffix), "-%d", i);
		}
		if (snprintf(out, PATH_MAX, "%s/%s-%.64s%s.avrec", dir, stamp,
			     title, suffix) >= PATH_MAX) {
			return av_err_set(err, -ENAMETOOLONG,
					  "path is too long");
		}
		if (access(out, F_OK) != 0) {
			prune(dir);
			return 0;
		}
	}
	return av_err_set(err, -EEXIST, "cannot find a free name in %s", dir);
}

int session_record(struct session *s, const char *path, const char *kind,
		   const char *title, int64_t epoch_ns)
{
	struct rec_meta meta = { .title = title,
				 .generator = PACKAGE_STRING,
				 .kind = kind,
				 .seed = s->seed,
				 .params = s->params ? s->params : "",
				 .duration = s->w->duration == VT_NEVER ?
						     -1 :
						     s->w->duration,
				 .epoch_ns = epoch_ns };
	struct av_err err = { 0 };
	int ret = 0;

	if (path) {
		if (snprintf(s->rec_path, PATH_MAX, "%s", path) >= PATH_MAX) {
			return cli_trouble("path is too long: %.64s", path);
		}
	} else {
		ret = default_path(title, s->rec_path, &err);
	}
	if (ret == 0) {
		ret = rec_create(s->rec_path, &meta, &s->inputs, &s->rec, &err);
	}
	if (ret == 0) {
		ret = world_record(s->w, s->rec, &err);
	}
	return ret < 0 ? session_trouble(NULL, &err) : 0;
}

int session_capture(struct session *s, const struct session_capture *o,
		    const char *title, int64_t epoch_ns)
{
	struct capture_opts co = { .path = o->path,
				   .only = o->only,
				   .epoch_ns = epoch_ns,
				   .title = title };
	struct av_err err = { 0 };

	if (!o->path) {
		return o->only ? cli_trouble("--capture-only goes with "
					     "--capture FILE") :
				 0;
	}
	if (capture_open(&co, &s->capture, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	if (world_capture(s->w, s->capture, &err) < 0) {
		session_close_capture(s, NULL);
		unlink(o->path);
		return session_trouble(NULL, &err);
	}
	return 0;
}

int session_close_rec(struct session *s, struct av_err *err)
{
	enum verdict v = s->w->scenario ? scenario_verdict(s->w->scenario) :
					  VERDICT_NONE;
	int ret = 0;

	if (s->rec) {
		ret = rec_close(s->rec, evq_now(s->w->q), verdict_names[v],
				err);
		s->rec = NULL;
	}
	return ret;
}

int session_close_capture(struct session *s, struct av_err *err)
{
	int ret = capture_close(s->capture, err);

	s->capture = NULL;
	return ret;
}

void session_finish(struct session *s)
{
	struct av_err err;

	if (s->rec) {
		session_close_rec(s, &err);
	}
	session_close_capture(s, &err);
	world_destroy(s->w);
	bundle_finish(&s->inputs);
	for (size_t i = 0; i < s->n_set; i++) {
		free((char *)(uintptr_t)s->set[i].name);
		free((char *)(uintptr_t)s->set[i].value);
	}
	free(s->set);
	free(s->params);
	free(s->device);
	*s = (struct session){ 0 };
}
