/* SPDX-License-Identifier: Apache-2.0 */
/* A world of the bundled vehicle, run by a scenario given as text. */
#ifndef AVSIM_TESTS_UNIT_SCENARIO_WORLD_H
#define AVSIM_TESTS_UNIT_SCENARIO_WORLD_H

#include "scenarios/scenario.h"
#include "sim/bundle.h"
#include "sim/core/log.h"
#include "sim/inputs.h"
#include "sim/vehicle/vehicle_file.h"
#include "sim/world.h"
#include "tests/unit/test.h"

#include <string.h>

struct run {
	struct bundle in;
	const char *sensors; /* text of another sensors.yaml, or NULL */
	struct av_diags d;
	struct world *w;
	char log[65536]; /* "1.000 mark: text\n" of scenario and faults */
	size_t n;
	/* of one model variable, as published */
	enum vehicle_var watch;
	vtime first_above; /* when it was first above @limit */
	double limit, at_1s, at_2s, at_3s;
};

static void run_add(struct run *r, enum bundle_role role, const char *key,
		    const char *file)
{
	char path[4096], rel[600];
	struct av_err err;

	snprintf(rel, sizeof(rel), "sim/vehicles/compact-ev/%s", file);
	if (bundle_add_file(&r->in, role, key, src_path(rel, path), &err) < 0) {
		fail_msg("%s", err.msg);
	}
}

static void run_quiet(void *ctx, vtime now, enum av_log_level level,
		      const char *topic, const char *line)
{
	(void)ctx, (void)now, (void)level, (void)topic, (void)line;
}

static void run_add_sensors(struct run *r, const char *file)
{
	struct av_err err = { 0 };
	char dir[4096];

	if (r->sensors) {
		bundle_add(&r->in, BUNDLE_SENSORS, "sensors.yaml",
			   "sensors.yaml", r->sensors, strlen(r->sensors));
	} else if (inputs_add_sensors(
			   &r->in, src_path("sim/vehicles/compact-ev", dir),
			   file, &r->d, &err) < 0) {
		fail_msg("%s", err.msg);
	}
}

/* Parse and bind; the messages are in r->d. */
static int run_try(struct run *r, const char *yaml,
		   const struct scenario_param *set, size_t n_set)
{
	struct world_opts o = {
		.inputs = &r->in, .set = set, .n_set = n_set, .until = VT_NEVER
	};
	const struct bundle_file *f;
	struct vehicle_file vf;

	av_log_set_sink(run_quiet, NULL);
	if (r->in.n == 0) {
		run_add(r, BUNDLE_VEHICLE, "vehicle.yaml", "vehicle.yaml");
		f = bundle_get(&r->in, BUNDLE_VEHICLE, 0);
		assert_int_equal(vehicle_file_parse(f->name, f->data, f->len,
						    &vf, &r->d),
				 0);
		for (size_t i = 0; i < vf.n_buses; i++) {
			run_add(r, BUNDLE_DBC, vf.bus[i].name, vf.bus[i].dbc);
		}
		run_add(r, BUNDLE_SIGNALS, vf.signals, vf.signals);
		run_add_sensors(r, vf.sensors);
		for (size_t i = 0; i < vf.n_vhal; i++) {
			run_add(r, BUNDLE_VHAL, vf.vhal[i], vf.vhal[i]);
		}
	}
	bundle_add(&r->in, BUNDLE_SCENARIO, "t", "t.yaml", yaml, strlen(yaml));
	return world_create(&o, &r->w, &r->d);
}

static void run_event(struct run *r, const struct text_event *e)
{
	int n = snprintf(r->log + r->n, sizeof(r->log) - r->n, "%.3f %s: %s\n",
			 vtime_to_s(e->t), e->key, e->text);

	r->n += r->n + (size_t)n < sizeof(r->log) ? (size_t)n : 0;
}

static void run_on_text(void *ctx, const void *msg)
{
	run_event(ctx, msg);
}

static void run_on_vehicle(void *ctx, const void *msg)
{
	const struct vehicle_state *s = msg;
	struct run *r = ctx;
	double v = s->v[r->watch];

	if (v > r->limit && r->first_above < 0) {
		r->first_above = s->t;
	}
	r->at_1s = s->t == VT_S ? v : r->at_1s;
	r->at_2s = s->t == 2 * VT_S ? v : r->at_2s;
	r->at_3s = s->t == 3 * VT_S ? v : r->at_3s;
}

static void run_begin(struct run *r, const char *yaml)
{
	struct av_err err = { 0 };

	r->first_above = -1;
	if (run_try(r, yaml, NULL, 0) < 0) {
		av_diags_print(&r->d, stdout);
		fail_msg("scenario refused");
	}
	bus_subscribe(r->w->bus, TOPIC_SCENARIO, STAGE_TAP, "test", run_on_text,
		      r, &err);
	bus_subscribe(r->w->bus, TOPIC_FAULT, STAGE_TAP, "test", run_on_text, r,
		      &err);
	bus_subscribe(r->w->bus, TOPIC_VEHICLE, STAGE_TAP, "test",
		      run_on_vehicle, r, &err);
	if (world_start(r->w, &err) < 0) {
		fail_msg("%s", err.msg);
	}
}

static inline void run_all(struct run *r, const char *yaml)
{
	run_begin(r, yaml);
	world_run_until(r->w, VT_NEVER);
	world_end(r->w);
}

static void run_finish(struct run *r)
{
	world_destroy(r->w);
	bundle_finish(&r->in);
	av_diags_finish(&r->d);
	av_log_set_sink(NULL, NULL);
}

/* How often @text occurs in the log. */
static inline size_t run_count(const struct run *r, const char *text)
{
	size_t n = 0;

	for (const char *p = r->log; (p = strstr(p, text)); p++) {
		n++;
	}
	return n;
}

/* Some message of the diags contains "line:col: ...text". */
static inline bool run_says(const struct run *r, const char *text)
{
	for (size_t i = 0; i < r->d.n; i++) {
		char line[1200];

		snprintf(line, sizeof(line), "%u:%u: %s", r->d.v[i].line,
			 r->d.v[i].col, r->d.v[i].msg);
		if (strstr(line, text)) {
			return true;
		}
	}
	return false;
}

#endif
