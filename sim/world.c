/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of the world, every VEHICLE_STEP, in this order:
 *
 *  1. commands posted since the last step are applied (cmdq_apply)
 *  2. the vehicle moves on (vehicle_step) and publishes TOPIC_VEHICLE: ECUs
 *     sample it
 *  3. the scenario looks at everything and posts commands for the next step
 *
 * Between steps the event queue fires what is due: frames end on the wire, are
 * decoded, become signals, properties, samples. Without a vehicle (a foreign
 * log) steps still happen, for commands.
 */
#include "config.h"

#include "sim/world.h"

#include "scenarios/action.h"
#include "scenarios/fault.h"
#include "sim/bluetooth/bluetooth.h"
#include "sim/core/log.h"
#include "sim/services/audio_sessions.h"
#include "sim/services/hands.h"
#include "sim/services/power.h"
#include "sim/vehicle/vehicle_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct av_diags *d)
{
	av_diag_add(d, "avsim", 0, 0, "out of memory");
	return -ENOMEM;
}

/* What is an input belongs into the recording; of the rest only failures say
 * anything that the other channels do not. */
static void command_done(void *ctx, const struct cmd *c, int ret,
			 const struct av_err *err)
{
	struct world *w = ctx;
	struct cmd_event e = { .t = c->t,
			       .cmd = c,
			       .ok = ret >= 0,
			       .error = ret < 0 ? err->msg : NULL };

	if (ret < 0 && c->kind == CMD_TEXT) {
		av_log(AV_LOG_WARN, "command", "%s: '%s' refused: %s",
		       cmd_source_names[c->source], c->text, err->msg);
	}
	if (c->kind == CMD_TEXT && (ret < 0 || cmd_source_is_input(c->source))) {
		bus_publish(w->bus, TOPIC_COMMAND, &e);
	}
}

static void publish_vehicle(struct world *w, vtime now)
{
	w->state.t = now;
	memcpy(w->state.v, vehicle_values(w->vehicle), sizeof(w->state.v));
	bus_publish(w->bus, TOPIC_VEHICLE, &w->state);
}

static void world_step(struct vtimer *t, vtime now)
{
	struct world *w = t->ctx;

	cmdq_apply(w->cmdq, now);
	if (w->vehicle) {
		vehicle_step(w->vehicle, now);
		publish_vehicle(w, now);
	}
	if (w->scenario) {
		scenario_step(w->scenario, now);
		w->stop = w->stop || scenario_wants_stop(w->scenario);
	}
	if (evq_arm(w->q, t, now + VEHICLE_STEP) < 0) {
		w->stop = true; /* out of memory: end the run, keep its record */
	}
}

/* ---- creation ---- */

static int load_buses(struct world *w, const struct bundle *in,
		      struct av_diags *d)
{
	const struct bundle_file *f;
	int ret = 0, r;

	while (bundle_get(in, BUNDLE_DBC, w->n_buses)) {
		w->n_buses++;
	}
	if ((w->n_buses == 0 && !bundle_get(in, BUNDLE_GNSS, 0)) ||
	    w->n_buses > 255) {
		return av_diag_add(d, "avsim", 0, 0,
				   "want 1 to 255 CAN buses, have %zu",
				   w->n_buses);
	}
	w->dbc = calloc(w->n_buses + 1, sizeof(struct dbc *));
	w->bus_name = calloc(w->n_buses + 1, sizeof(char *));
	if (!w->dbc || !w->bus_name) {
		return no_memory(d);
	}
	for (size_t i = 0; i < w->n_buses; i++) {
		f = bundle_get(in, BUNDLE_DBC, i);
		w->bus_name[i] = strdup(f->key);
		if (!w->bus_name[i]) {
			return no_memory(d);
		}
		r = dbc_parse(f->name, f->data, f->len, &w->dbc[i], d, NULL);
		ret = r < 0 ? r : ret; /* go on: show all errors of all files */
	}
	return ret;
}

static int load_vhal(struct world *w, const struct bundle *in,
		     struct av_diags *d)
{
	const struct bundle_file *f;
	int ret = 0, r;

	w->vhal = vhal_create(w->q, w->bus);
	if (!w->vhal) {
		return no_memory(d);
	}
	for (size_t i = 0; (f = bundle_get(in, BUNDLE_VHAL, i)); i++) {
		r = vhal_load(w->vhal, f->name, f->data, f->len, d);
		ret = r < 0 ? r : ret;
	}
	return ret;
}

static int load_imu(struct world *w, const struct world_opts *o,
		    const struct vehicle_file *vf, struct av_diags *d)
{
	const struct vehicle_params *p = vf ? &vf->params : NULL;
	struct imu_env env = { .q = w->q,
			       .bus = w->bus,
			       .cmdq = w->cmdq,
			       .seed = w->seed,
			       .epoch_ns = w->epoch_ns,
			       .vehicle = p != NULL };
	int ret;

	if (p) {
		env.mass_ahead = p->chassis_wheelbase - p->chassis_front_to_cog;
		env.mass_above = p->chassis_cog_height -
				 p->chassis_wheel_radius;
	}
	ret = imu_create(&env, o->inputs, &w->imu, d);
	return ret == -ENOMEM ? no_memory(d) : ret;
}

/* What was left out of a file of positions, for people. */
static void tell_notes(const struct av_diags *notes)
{
	enum { SHOWN = 10 };

	for (size_t i = 0; i < notes->n && i < SHOWN; i++) {
		const struct av_diag *n = &notes->v[i];

		av_log(AV_LOG_WARN, "gnss", "%s:%u:%u: %s", n->file, n->line,
		       n->col, n->msg);
	}
	if (notes->n > SHOWN) {
		av_log(AV_LOG_WARN, "gnss", "and %zu more like these",
		       notes->n + notes->dropped - SHOWN);
	}
}

static int load_trace(const struct bundle_file *f, double rate_hz,
		      struct gnss_trace **out, struct av_diags *d)
{
	struct av_diags notes = { 0 };
	char text[200];
	int ret = gnss_trace_parse(f->name, f->data, f->len, out, &notes, d);

	tell_notes(&notes);
	av_diags_finish(&notes);
	if (ret == 0) {
		gnss_trace_summary(*out, text, sizeof(text));
		av_log(AV_LOG_INFO, "gnss", "%s: %s", f->name, text);
	}
	if (ret == 0 && rate_hz > 0) {
		ret = gnss_trace_resample(*out, rate_hz);
		if (ret == -EFBIG) {
			ret = av_diag_add(d, f->name, 0, 0,
					  "too long for that rate");
		}
	}
	return ret == -ENOMEM ? no_memory(d) : ret;
}

/* Positions of another day than the frames would never be seen. */
static int check_overlap(const struct world *w, const struct bundle_file *f,
			 const struct gnss_trace *t, struct av_diags *d)
{
	const struct can_log *l = &w->log;

	if (t->item[0].unix_ns > l->epoch_ns + l->frame[l->n - 1].t ||
	    t->item[t->n - 1].unix_ns < l->epoch_ns) {
		return av_diag_add(d, f->name, 0, 0,
				   "none of its positions is from the time of "
				   "the frames");
	}
	return 0;
}

static int load_gnss(struct world *w, const struct bundle *in,
		     const struct scenario_info *info, struct av_diags *d)
{
	const struct scenario_gnss *sg = &info->gnss;
	const struct bundle_file *f = bundle_get(in, BUNDLE_GNSS, 0);
	struct gnss_env env = { .q = w->q,
				.bus = w->bus,
				.seed = w->seed,
				.epoch_ns = w->epoch_ns,
				.rate_hz = sg->rate_hz > 0 ? sg->rate_hz : 1,
				.raw = !sg->no_raw,
				.trace_zero_ns = w->epoch_ns };
	struct av_err err = { 0 };
	int ret = 0;

	if (!f && sg->trace) {
		f = bundle_find(in, BUNDLE_TRACE, sg->trace);
		if (!f) {
			return 0; /* a lint without the files beside it */
		}
	}
	if (f) {
		ret = load_trace(f, sg->rate_hz, &env.trace, d);
		if (ret < 0) {
			gnss_trace_destroy(env.trace);
			return ret;
		}
	}
	env.vehicle = !f && w->vehicle;
	if (!f && !env.vehicle) {
		return 0;
	}
	if (env.trace && info->can.trace) {
		ret = check_overlap(w, f, env.trace, d);
		if (ret < 0) {
			gnss_trace_destroy(env.trace);
			return ret;
		}
	} else if (env.trace && sg->trace && env.trace->n > 0) {
		env.trace_zero_ns = env.trace->item[0].unix_ns;
	}
	if (env.epoch_ns == 0) {
		env.epoch_ns = GNSS_DEFAULT_EPOCH_NS;
	}
	ret = gnss_create(&env, &w->gnss, &err);
	return ret < 0 ? no_memory(d) : 0;
}

static void power_missed(void *ctx, vtime now, const char *reason)
{
	struct world *w = ctx;

	if (w->scenario) {
		scenario_fail(w->scenario, now,
			      "the guest keeps the deadlines of a shutdown",
			      reason);
	}
}

static int load_power(struct world *w, struct av_diags *d)
{
	w->power = power_create(&(struct power_env){ .q = w->q,
						     .bus = w->bus,
						     .cmdq = w->cmdq,
						     .vhal = w->vhal,
						     .missed = power_missed,
						     .ctx = w });
	return w->power ? 0 : no_memory(d);
}

static int load_signals(struct world *w, const struct bundle *in,
			struct av_diags *d)
{
	const struct bundle_file *f = bundle_get(in, BUNDLE_SIGNALS, 0);
	struct signals_bus *buses = calloc(w->n_buses + 1, sizeof(*buses));
	int ret;

	if (!buses) {
		return no_memory(d);
	}
	for (size_t i = 0; i < w->n_buses; i++) {
		buses[i] = (struct signals_bus){ .name = w->bus_name[i],
						 .dbc = w->dbc[i] };
	}
	ret = signals_create(f ? f->name : "no signals.yaml",
			     f ? f->data : NULL, f ? f->len : 0, buses,
			     w->n_buses, w->vhal, &w->signals, d);
	free(buses);
	return ret;
}

/* Bit rates come from vehicle.yaml; a foreign log has no say in them. */
static int load_ecus(struct world *w, const struct vehicle_file *vf,
		     struct av_diags *d)
{
	struct ecu_bus *buses = calloc(w->n_buses + 1, sizeof(*buses));
	struct av_err err;
	int ret;

	if (!buses) {
		return no_memory(d);
	}
	for (size_t i = 0; i < w->n_buses; i++) {
		signals_ecu_bus(w->signals, (unsigned int)i, &buses[i]);
		buses[i].name = w->bus_name[i];
		buses[i].dbc = w->dbc[i];
		buses[i].bit_rate = vf ? (uint32_t)vf->bus[i].bit_rate : 500000;
		buses[i].fd_bit_rate = 
			vf ? (uint32_t)vf->bus[i].fd_bit_rate : 2000000;
	}
	ret = ecus_create(w->q, w->bus, w->cmdq, buses, w->n_buses,
			  w->vehicle != NULL, &w->ecus, &err);
	free(buses);
	if (ret == 0) {
		ret = signals_attach(w->signals, w->bus, w->ecus, &err);
	}
	if (ret < 0) {
		av_diag_add(d, "avsim", 0, 0, "%s", err.msg);
		return ret;
	}
	ret = obd2_create(w->q, w->signals, w->vhal, &w->obd2);
	return ret < 0 ? no_memory(d) : 0;
}

static int load_vehicle(struct world *w, const struct bundle *in,
			const struct scenario_info *info, struct av_diags *d)
{
	const struct bundle_file *f = bundle_get(in, BUNDLE_VEHICLE, 0);
	struct av_err err;
	int ret;

	ret = vehicle_create(f->name, f->data, f->len, w->seed, &w->vehicle, d);
	if (ret == 0 && info) {
		ret = vehicle_start(w->vehicle, &info->start, &err);
		if (ret < 0) {
			av_diag_add(d, bundle_get(in, BUNDLE_SCENARIO, 0)->name,
				    0, 0, "start: %s", err.msg);
		}
	}
	return ret;
}

/* ---- frames of a log ---- */

static vtime log_due(void *ctx)
{
	const struct world *w = ctx;

	return w->log_at < w->log.n ? w->log.frame[w->log_at].t : VT_NEVER;
}

static void log_step(void *ctx)
{
	struct world *w = ctx;

	ecus_replay(w->ecus, &w->log.frame[w->log_at++]);
}

/* Its first frame is virtual 0, and ties it to the time of day. */
static int load_log(struct world *w, const struct bundle *in,
		    const struct scenario_can *can, struct av_diags *d)
{
	const struct bundle_file *f;
	int ret;

	if (!can->trace) {
		return 0;
	}
	f = bundle_find(in, BUNDLE_TRACE, can->trace);
	if (!f || w->n_buses != can->n) {
		return av_diag_add(d, can->trace, 0, 0,
				   "the log or a database of it is not among "
				   "the inputs");
	}
	ret = can_log_parse(f->name, f->data, f->len, can->bus, can->n,
			    &w->log, d);
	if (ret < 0) {
		return ret == -ENOMEM ? no_memory(d) : ret;
	}
	w->epoch_ns = w->log.epoch_ns;
	w->log_feed = (struct feed){
		.q = w->q, .due = log_due, .step = log_step, .ctx = w
	};
	return 0;
}

static int load(struct world *w, const struct world_opts *o,
		struct av_diags *d)
{
	const struct bundle_file *f;
	struct scenario_info info = { 0 };
	struct vehicle_file vf = { 0 };
	int ret, r;

	f = bundle_get(o->inputs, BUNDLE_SCENARIO, 0);
	if (f) {
		ret = scenario_parse(f->name, f->data, f->len, o->set, o->n_set,
				     &w->scenario, d);
		if (ret < 0) {
			return ret;
		}
		scenario_info(w->scenario, &info);
		w->seed = info.seed;
		w->duration = o->linger ? VT_NEVER : info.duration;
		w->epoch_ns = info.epoch_ns;
	} else {
		w->epoch_ns = o->epoch_ns;
	}
	if (o->seed) {
		w->seed = *o->seed;
	}
	if (o->until < w->duration) {
		w->duration = o->until;
	}
	ret = load_buses(w, o->inputs, d);
	r = load_vhal(w, o->inputs, d);
	ret = ret < 0 ? ret : r;
	f = bundle_get(o->inputs, BUNDLE_VEHICLE, 0);
	if (f) {
		r = vehicle_file_parse(f->name, f->data, f->len, &vf, d);
		ret = ret < 0 ? ret : r;
		if (r == 0 && vf.n_buses != w->n_buses) {
			ret = av_diag_add(d, f->name, 0, 0,
					  "names %zu buses, but there are %zu "
					  "DBC files",
					  vf.n_buses, w->n_buses);
		}
		if (r == 0) {
			r = load_vehicle(w, o->inputs,
					 w->scenario ? &info : NULL, d);
			ret = ret < 0 ? ret : r;
		}
	}
	if (ret == 0) {
		ret = load_log(w, o->inputs, &info.can, d);
	}
	if (ret == 0) {
		ret = load_signals(w, o->inputs, d);
	}
	if (ret == 0) {
		ret = load_ecus(w, f ? &vf : NULL, d);
	}
	if (ret == 0) {
		ret = load_imu(w, o, f ? &vf : NULL, d);
	}
	if (ret == 0) {
		ret = load_gnss(w, o->inputs, &info, d);
	}
	if (ret == 0) {
		ret = load_power(w, d);
	}
	if (ret == 0) {
		w->audio = audio_sessions_create(w->q, w->bus, w->seed);
		w->hands = hands_create(w->q, w->bus);
		ret = w->audio && w->hands ? 0 : no_memory(d);
	}
	if (ret == 0) {
		w->bt = bluetooth_create(w->q, w->bus, w->seed);
		ret = w->bt ? 0 : no_memory(d);
	}
	if (ret == 0) {
		w->faults = faults_create(w);
		ret = w->faults ? 0 : no_memory(d);
	}
	if (ret == 0 && w->scenario) {
		ret = scenario_bind(w->scenario, w, o->inputs, d);
	}
	return ret;
}

int world_create(const struct world_opts *o, struct world **out,
		 struct av_diags *d)
{
	struct world *w = calloc(1, sizeof(*w));
	int ret;

	*out = NULL;
	if (!w) {
		return no_memory(d);
	}
	w->duration = VT_NEVER;
	w->device = o->device;
	w->n_devices = o->n_devices;
	w->q = evq_create();
	w->bus = bus_create(av_topics, TOPIC_N);
	w->cmdq = w->q ? cmdq_create(evq_clock(w->q)) : NULL;
	w->step = (struct vtimer){ .fn = world_step, .ctx = w };
	if (!w->q || !w->bus || !w->cmdq) {
		ret = no_memory(d);
		goto fail;
	}
	cmdq_set_handler(w->cmdq, action_command, w);
	cmdq_set_done(w->cmdq, command_done, w);
	ret = load(w, o, d);
	if (ret < 0) {
		goto fail;
	}
	bus_seal(w->bus);
	av_log_set_clock(evq_clock(w->q));
	*out = w;
	return 0;

fail:
	world_destroy(w);
	return ret;
}

void world_destroy(struct world *w)
{
	if (!w) {
		return;
	}
	av_log_set_clock(NULL);
	scenario_destroy(w->scenario);
	faults_destroy(w->faults);
	bluetooth_destroy(w->bt);
	hands_destroy(w->hands);
	audio_sessions_destroy(w->audio);
	power_destroy(w->power);
	gnss_destroy(w->gnss);
	imu_destroy(w->imu);
	obd2_destroy(w->obd2);
	feed_stop(&w->log_feed);
	can_log_finish(&w->log);
	signals_destroy(w->signals);
	ecus_destroy(w->ecus);
	vhal_destroy(w->vhal);
	vehicle_destroy(w->vehicle);
	for (size_t i = 0; i < w->n_buses && w->dbc && w->bus_name; i++) {
		dbc_destroy(w->dbc[i]);
		free(w->bus_name[i]);
	}
	free(w->dbc);
	free(w->bus_name);
	cmdq_destroy(w->cmdq);
	bus_destroy(w->bus);
	evq_destroy(w->q);
	free(w);
}

/* ---- running ---- */

int world_start(struct world *w, struct av_err *err)
{
	int ret = vhal_start(w->vhal, err);

	if (ret < 0) {
		return ret;
	}
	if (w->scenario) {
		ret = scenario_start(w->scenario, err);
		if (ret < 0) {
			return ret;
		}
	}
	cmdq_apply(w->cmdq, 0);
	if (w->vehicle) {
		publish_vehicle(w, 0);
	}
	if (w->imu) {
		imu_start(w->imu);
	}
	if (w->gnss && gnss_start(w->gnss) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (w->log.n > 0) {
		feed_start(&w->log_feed);
		if (w->log_feed.error < 0) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	return evq_arm(w->q, &w->step, VEHICLE_STEP);
}

bool world_done(const struct world *w)
{
	return w->stop || evq_now(w->q) >= w->duration;
}

void world_run_until(struct world *w, vtime until)
{
	if (until > w->duration) {
		until = w->duration;
	}
	while (!w->stop && evq_next_due(w->q) <= until) {
		evq_run_next(w->q);
	}
	if (!w->stop && until != VT_NEVER) {
		evq_run_until(w->q, until);
	}
}

void world_end(struct world *w)
{
	if (w->scenario) {
		scenario_end(w->scenario, evq_now(w->q));
	}
}
