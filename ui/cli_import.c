/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim import: foreign logs become a recording. The frames go through the same
 * pipeline as a run's, so properties and signals are recorded with them, and a
 * replay brings exactly the same again.
 */
#include "config.h"

#include "recordings/feed.h"
#include "recordings/formats.h"
#include "sim/core/pace.h"
#include "sim/gnss/trace.h"
#include "sim/inputs.h"
#include "ui/session.h"
#include "ui/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IFACES_MAX 32
#define TICK_FRAMES 4096

struct import_opts {
	const char *out, *map, *sensors;
	struct cli_list dbc, vhal, imu;
	bool sort;
};

/* One input file while it is read. */
struct input {
	char *data;
	const struct importer *format;
	struct import_source *src;
	const char *name;
};

struct import {
	struct session s;
	struct can_frame *frame; /* all of them, with absolute stamps */
	size_t n, room;
	char iface[IFACES_MAX][32];
	size_t n_ifaces;
	bool sort;
	/* positions: when they begin and end, Unix time */
	const char *gnss; /* name of the file, NULL none */
	int64_t gnss_first, gnss_last;
	/* feeding */
	struct feed feed;
	size_t at;
	int64_t epoch;
	vtime end;
};

/* ---- reading ---- */

static const struct importer *probe(const char *data, size_t len)
{
	for (size_t i = 0; i < n_importers; i++) {
		if (importers[i].probe(data, len < 4096 ? len : 4096)) {
			return &importers[i];
		}
	}
	return NULL;
}

/* Index of @name over all files, or -1 if there are too many. */
static int iface_index(struct import *im, const char *name)
{
	for (size_t i = 0; i < im->n_ifaces; i++) {
		if (!strcmp(im->iface[i], name)) {
			return (int)i;
		}
	}
	if (im->n_ifaces == IFACES_MAX) {
		return -1;
	}
	snprintf(im->iface[im->n_ifaces], sizeof(im->iface[0]), "%s", name);
	return (int)im->n_ifaces++;
}

static int add_frame(struct import *im, const struct can_frame *f)
{
	if (im->n == im->room) {
		size_t room = im->room ? im->room * 2 : 4096;
		struct can_frame *v = realloc(im->frame, room * sizeof(*v));

		if (!v) {
			return cli_trouble("out of memory");
		}
		im->frame = v;
		im->room = room;
	}
	im->frame[im->n++] = *f;
	return 0;
}

static int read_frames(struct import *im, const struct input *in,
		       struct av_diags *d)
{
	struct can_frame f;
	unsigned long line = 0;
	int64_t last = INT64_MIN;
	int ret;

	while ((ret = in->format->next(in->src, &f, &line, d)) != 0) {
		const char *iface;
		int bus;

		if (ret < 0) {
			if (d->n + d->dropped >= AV_DIAGS_MAX) {
				break; /* enough said */
			}
			continue;
		}
		if (f.t < last && !im->sort) {
			av_diag_add(d, in->name, (unsigned int)line, 1,
				    "time goes back by %.6f s; --sort puts "
				    "the frames in order",
				    (double)(last - f.t) / 1e9);
		}
		last = f.t;
		iface = in->format->iface(in->src, f.bus);
		bus = iface_index(im, iface ? iface : "?");
		if (bus < 0) {
			return cli_trouble("%s: more than %d interfaces",
					   in->name, IFACES_MAX);
		}
		f.bus = (uint8_t)bus;
		if (add_frame(im, &f)) {
			return EXIT_TROUBLE;
		}
	}
	return 0;
}

/* The world reads the file again; here it is only asked when it begins. */
static int read_gnss(struct import *im, const struct input *in, size_t len,
		     struct av_diags *d)
{
	struct av_diags notes = { 0 };
	struct gnss_trace *t;
	int ret;

	if (im->gnss) {
		return cli_trouble("%s and %s: only one file of positions can "
				   "be imported at a time",
				   im->gnss, in->name);
	}
	ret = gnss_trace_parse(in->name, in->data, len, &t, &notes, d);
	av_diags_finish(&notes);
	if (ret == -EINVAL) {
		return 0; /* said in @d */
	}
	if (ret < 0 || bundle_add(&im->s.inputs, BUNDLE_GNSS, in->name,
				  in->name, in->data, len) < 0) {
		gnss_trace_destroy(t);
		return cli_trouble("out of memory");
	}
	im->gnss = in->name;
	im->gnss_first = t->item[0].unix_ns;
	im->gnss_last = t->item[t->n - 1].unix_ns;
	gnss_trace_destroy(t);
	return 0;
}

static int read_file(struct import *im, const char *name, struct av_diags *d)
{
	struct input in = { .name = name };
	struct av_err err;
	size_t len;
	int ret;

	if (av_read_file(name, (size_t)4 << 30, &in.data, &len, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	in.format = probe(in.data, len);
	if (!in.format) {
		free(in.data);
		return cli_trouble("%s has no format that can be imported; "
				   "avsim list formats shows them",
				   name);
	}
	if (!in.format->open) {
		ret = read_gnss(im, &in, len, d);
		free(in.data);
		return ret;
	}
	in.src = in.format->open(name, in.data, len);
	ret = in.src ? read_frames(im, &in, d) : cli_trouble("out of memory");
	if (in.src) {
		in.format->close(in.src);
	}
	free(in.data);
	return ret;
}

/* Stable order by time: several files, or --sort. Merge sort on an index. */
struct ref {
	int64_t t;
	size_t i;
};

static int by_time(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	return x->t != y->t ? (x->t < y->t ? -1 : 1) : (x->i < y->i ? -1 : 1);
}

static int sort_frames(struct import *im)
{
	struct ref *ref = malloc((im->n + 1) * sizeof(*ref));
	struct can_frame *sorted = malloc((im->n + 1) * sizeof(*sorted));

	if (!ref || !sorted) {
		free(ref);
		free(sorted);
		return cli_trouble("out of memory");
	}
	for (size_t i = 0; i < im->n; i++) {
		ref[i] = (struct ref){ im->frame[i].t, i };
	}
	qsort(ref, im->n, sizeof(*ref), by_time);
	for (size_t i = 0; i < im->n; i++) {
		sorted[i] = im->frame[ref[i].i];
	}
	free(im->frame);
	free(ref);
	im->frame = sorted;
	im->room = im->n + 1;
	return 0;
}

static int read_all(struct import *im, const struct cli_list *files)
{
	struct av_diags d = { 0 };
	int status = 0;

	for (size_t i = 0; i < files->n && status == 0; i++) {
		status = read_file(im, files->v[i], &d);
	}
	if (status == 0 && (d.n > 0 || d.dropped > 0)) {
		status = session_trouble(&d, NULL);
	}
	av_diags_finish(&d);
	if (status == 0 && im->n == 0 && !im->gnss) {
		status = cli_trouble("no frames in %s", files->v[0]);
	}
	if (status == 0 && (files->n > 1 || im->sort)) {
		status = sort_frames(im);
	}
	return status;
}

/* ---- inputs ---- */

/* "can0=toyota.dbc" */
static int add_dbc(struct import *im, const char *arg)
{
	const char *eq = strchr(arg, '=');
	char bus[32];
	struct av_err err;

	if (!eq || eq == arg || eq - arg > 31) {
		return cli_trouble("--dbc wants BUS=FILE, for example "
				   "can0=car.dbc, not '%s'",
				   arg);
	}
	snprintf(bus, sizeof(bus), "%.*s", (int)(eq - arg), arg);
	if (bundle_find(&im->s.inputs, BUNDLE_DBC, bus)) {
		return cli_trouble("two databases for %s", bus);
	}
	return bundle_add_file(&im->s.inputs, BUNDLE_DBC, bus, eq + 1, &err) <
			       0 ?
		       cli_trouble("%s", err.msg) :
		       0;
}

/* The properties of a vehicle lie beside its table: vhal.json, if there. */
static int add_vhal_beside(struct import *im, const char *map)
{
	const char *slash = strrchr(map, '/');
	struct av_err err = { 0 };
	char path[4096];

	if (snprintf(path, sizeof(path), "%.*svhal.json",
		     slash ? (int)(slash + 1 - map) : 0,
		     map) >= (int)sizeof(path) ||
	    access(path, R_OK) != 0) {
		return 0;
	}
	if (bundle_add_file(&im->s.inputs, BUNDLE_VHAL, path, path, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	return 0;
}

/* Traces, and the sensors that show them: --sensors, or beside the table. */
static int add_imu(struct import *im, const struct import_opts *o)
{
	const char *slash = o->map ? strrchr(o->map, '/') : NULL;
	const char *file = o->sensors ? o->sensors : "sensors.yaml";
	struct av_diags d = { 0 };
	struct av_err err = { 0 };
	char dir[PATH_MAX] = ".";
	int ret;

	if (o->imu.n == 0) {
		return o->sensors ? cli_trouble("--sensors wants a trace with "
						"--imu") :
				    0;
	}
	if (!o->sensors && slash) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - o->map),
			 o->map);
	}
	if (o->sensors && (slash = strrchr(o->sensors, '/'))) {
		snprintf(dir, sizeof(dir), "%.*s",
			 slash > o->sensors ? (int)(slash - o->sensors) : 1,
			 o->sensors);
		file = slash + 1;
	}
	ret = inputs_add_sensors(&im->s.inputs, dir, file, &d, &err);
	for (size_t i = 0; i < o->imu.n && ret == 0; i++) {
		ret = bundle_add_file(&im->s.inputs, BUNDLE_IMU, o->imu.v[i],
				      o->imu.v[i], &err);
	}
	if (ret < 0) {
		session_trouble(&d, &err);
		av_diags_finish(&d);
	}
	return ret < 0 ? EXIT_TROUBLE : 0;
}

/* Databases in bus order; a bus without one still has frames, but no signals. */
static int load_inputs(struct import *im, const struct import_opts *o)
{
	static const char none[] = "VERSION \"\"\n";
	struct av_err err;
	uint8_t to[IFACES_MAX];

	for (size_t i = 0; i < o->dbc.n; i++) {
		if (add_dbc(im, o->dbc.v[i])) {
			return EXIT_TROUBLE;
		}
	}
	for (size_t i = 0; i < im->n_ifaces; i++) {
		if (!bundle_find(&im->s.inputs, BUNDLE_DBC, im->iface[i]) &&
		    bundle_add(&im->s.inputs, BUNDLE_DBC, im->iface[i],
			       "(no database)", none, sizeof(none) - 1) < 0) {
			return cli_trouble("out of memory");
		}
	}
	for (size_t i = 0; i < im->n_ifaces; i++) {
		size_t k = 0;

		while (strcmp(bundle_get(&im->s.inputs, BUNDLE_DBC, k)->key,
			      im->iface[i]) != 0) {
			k++;
		}
		to[i] = (uint8_t)k;
	}
	for (size_t i = 0; i < im->n; i++) {
		im->frame[i].bus = to[im->frame[i].bus];
	}
	if (o->map && bundle_add_file(&im->s.inputs, BUNDLE_SIGNALS, o->map,
				      o->map, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	if (o->map && o->vhal.n == 0 && add_vhal_beside(im, o->map)) {
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < o->vhal.n; i++) {
		if (bundle_add_file(&im->s.inputs, BUNDLE_VHAL, o->vhal.v[i],
				    o->vhal.v[i], &err) < 0) {
			return cli_trouble("%s", err.msg);
		}
	}
	return add_imu(im, o);
}

/* ---- feeding ---- */

static vtime due(void *ctx)
{
	const struct import *im = ctx;

	return im->at < im->n ? im->frame[im->at].t : VT_NEVER;
}

static void step(void *ctx)
{
	struct import *im = ctx;

	ecus_replay(im->s.w->ecus, &im->frame[im->at++]);
}

static void progress(const struct import *im, bool last)
{
	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, "\rimporting: %zu of %zu frames%s", im->at,
			im->n, last ? "\n" : "");
	}
}

/* What virtual 0 is, and when it is over: frames decide, then positions. */
static int set_times(struct import *im)
{
	if (im->n == 0) {
		im->epoch = im->gnss_first;
		im->end = im->gnss_last - im->gnss_first;
	} else {
		im->epoch = im->frame[0].t;
		for (size_t i = 0; i < im->n; i++) {
			im->frame[i].t -= im->epoch;
		}
		im->end = im->frame[im->n - 1].t;
	}
	im->end = im->end > 0 ? im->end : 1;
	if (im->gnss && (im->gnss_first - im->epoch > im->end ||
			 im->gnss_last < im->epoch)) {
		return cli_trouble("%s: none of its positions is from the time "
				   "of the frames",
				   im->gnss);
	}
	im->s.epoch_ns = im->epoch;
	im->s.until = im->end;
	return 0;
}

static int play(struct import *im)
{
	struct world *w = im->s.w;
	struct av_err err = { 0 };
	vtime end = im->end;
	int64_t next_tick = pace_wall_ns(), next_show = next_tick + VT_S;
	bool shown = false;
	int ret;

	im->feed = (struct feed){
		.q = w->q, .due = due, .step = step, .ctx = im
	};
	feed_start(&im->feed);
	if (world_start(w, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	while (evq_now(w->q) < end) {
		int64_t wall = pace_wall_ns();
		vtime until = evq_now(w->q) + VT_S;

		world_run_until(w, until < end ? until : end);
		if (wall >= next_tick) {
			rec_tick(im->s.rec);
			next_tick = wall + 100 * VT_MS;
		}
		if (wall >= next_show) {
			progress(im, false);
			shown = true;
			next_show = wall + VT_S / 5;
		}
	}
	world_run_until(w, end); /* a log of one instant */
	if (shown) {
		progress(im, true);
	}
	if (im->feed.error < 0) {
		return session_trouble(NULL, NULL); /* out of memory */
	}
	ret = rec_status(im->s.rec, &err);
	return ret < 0 ? session_trouble(NULL, &err) : 0;
}

static int import(const struct import_opts *o, const struct cli_list *files)
{
	struct import im = { .sort = o->sort };
	struct rec_counts counts;
	struct av_err err = { 0 };
	const char *title;
	char text[512];
	int status = read_all(&im, files);

	if (status == 0) {
		status = load_inputs(&im, o);
	}
	if (status == 0) {
		status = set_times(&im);
	}
	if (status == 0) {
		status = session_world(&im.s);
	}
	if (status == 0) {
		title = strrchr(files->v[0], '/');
		status = session_record(&im.s, o->out, "import",
					title ? title + 1 : files->v[0],
					im.epoch);
	}
	if (status == 0) {
		status = play(&im);
	}
	if (status == 0) {
		rec_counts(im.s.rec, &counts);
		summary_counts(&counts, text, sizeof(text));
		if (session_close_rec(&im.s, &err) < 0) {
			status = session_trouble(NULL, &err);
		} else {
			printf("%s: %.3f s, %s\n", o->out,
			       vtime_to_s(im.end), text);
		}
	}
	session_finish(&im.s);
	free(im.frame);
	return status;
}

static int run(int argc, char **argv)
{
	struct import_opts o = { 0 };
	const struct cli_opt opts[] = {
		{ "o", OPT_STR, &o.out },	 { "dbc", OPT_MULTI, &o.dbc },
		{ "map", OPT_STR, &o.map },	 { "vhal", OPT_MULTI, &o.vhal },
		{ "imu", OPT_MULTI, &o.imu },
		{ "sensors", OPT_STR, &o.sensors },
		{ "sort", OPT_FLAG, &o.sort }, { 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("import", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && (rest.n == 0 || !o.out)) {
		cli_trouble("want: avsim import LOG... -o FILE.avrec [--dbc "
			    "BUS=FILE]... [--map FILE]");
	} else if (ret == 0) {
		status = import(&o, &rest);
	}
	cli_list_finish(&o.dbc);
	cli_list_finish(&o.vhal);
	cli_list_finish(&o.imu);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_import = {
	.name = "import",
	.args = "LOG... -o FILE [OPTION]...",
	.summary = "turn foreign logs into a recording",
	.help = "  -o FILE         the recording to make\n"
		"  --dbc BUS=FILE  decode the frames of a bus; repeatable\n"
		"  --map FILE      binding table: signals to properties\n"
		"  --vhal FILE     properties (AAOS JSON) that the table names; "
		"repeatable;\n"
		"                  without it, vhal.json beside the table\n"
		"  --imu FILE      trace of motion sensors (CSV); repeatable\n"
		"  --sensors FILE  the sensors that show it; without it, "
		"sensors.yaml beside the\n"
		"                  table\n"
		"  --sort          put frames in order of time\n\n"
		"Formats: see avsim list formats; one file of positions (NMEA, "
		"GPX ...) can\nbe among them. Virtual time 0 is the first "
		"frame.\n",
	.run = run,
};
