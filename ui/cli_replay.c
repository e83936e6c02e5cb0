/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim replay: plays a recording through the same pipeline. A run is simulated
 * again from its recorded inputs (scenario, seed, parameters, commands), an
 * imported log is fed frame by frame; either way every record that comes out is
 * compared with the one in the file.
 */
#include "config.h"

#include "recordings/replay_check.h"
#include "recordings/replay_source.h"
#include "ui/cli_services.h"
#include "ui/runloop.h"
#include "ui/session.h"
#include "ui/summary.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

struct replay_opts {
	const char *file, *speed, *from, *to, *only, *record, *log;
	struct cli_services services;
	struct session_capture capture;
	bool headless, loop;
	vtime from_t, to_t;
};

/* Prints matching records as they happen: --only. */
struct printer {
	const char *glob;
	vtime from;
};

static void print_record(const struct printer *p, enum rec_channel ch, vtime t,
			 const char *key, const char *text)
{
	char name[512], stamp[VTIME_STR_MAX];

	snprintf(name, sizeof(name), "%s:%s", rec_channel_names[ch], key);
	if (t >= p->from && fnmatch(p->glob, name, 0) == 0) {
		vtime_format(t, stamp);
		printf("%s\t%s\t%s\t%s\n", stamp, rec_channel_names[ch], key,
		       text);
	}
}

static void print_vhal(void *ctx, const void *msg)
{
	const struct vhal_event *e = msg;
	char text[4096];

	vhal_value_text(e->value, text, sizeof(text));
	print_record(ctx, REC_VHAL, e->t, e->name, text);
}

static void print_scenario(void *ctx, const void *msg)
{
	const struct text_event *e = msg;

	print_record(ctx, REC_SCENARIO, e->t, e->key, e->text);
}

static int attach_printer(struct world *w, struct printer *p,
			  struct av_err *err)
{
	int ret = bus_subscribe(w->bus, TOPIC_VHAL, STAGE_TAP, "replay",
				print_vhal, p, err);

	return ret < 0 ? ret :
			 bus_subscribe(w->bus, TOPIC_SCENARIO, STAGE_TAP,
				       "replay", print_scenario, p, err);
}

/* Inputs, seed and parameters out of the file. */
static int load_inputs(struct session *s, const struct replay_opts *o,
		       struct rec_reader *r)
{
	const struct rec_meta *meta = rec_meta(r);
	struct av_err err = { 0 };
	const struct bundle *in = rec_inputs(r, &err);

	if (!in) {
		return session_trouble(NULL, &err);
	}
	for (size_t i = 0; i < in->n; i++) {
		const struct bundle_file *f = &in->file[i];

		if (bundle_add(&s->inputs, f->role, f->key, f->name, f->data,
			       f->len) < 0) {
			return cli_trouble("out of memory");
		}
	}
	s->seed = meta->seed;
	s->has_seed = true;
	s->epoch_ns = meta->epoch_ns;
	/* as far as it was recorded, also past the scenario's own end */
	s->linger = true;
	s->until = o->to_t < rec_end(r) ? o->to_t : rec_end(r);
	return session_set_text(s, meta->params ? meta->params : "") ?
		       EXIT_TROUBLE :
		       session_world(s);
}

/* A replay that stops before the recording's end is compared up to there: what
 * world_end() then decides is not in the file. */
struct judge {
	struct replay_check *check;
	struct world *w;
	vtime end; /* of the recording */
	struct replay_result *res;
	bool stopped;
};

static void before_end(void *ctx)
{
	struct judge *j = ctx;

	if (evq_now(j->w->q) < j->end) {
		replay_check_stop(j->check, j->res);
		j->stopped = true;
	}
}

static void print_check(const struct replay_result *res)
{
	if (res->error[0]) {
		printf("  compared:   stopped after %llu records: %s\n",
		       (unsigned long long)res->n_compared, res->error);
	} else if (res->differs) {
		printf("  compared:   differs at record %llu\n"
		       "    recorded: %s\n    replayed: %s\n",
		       (unsigned long long)res->at, res->want, res->got);
	} else {
		printf("  compared:   %llu records, all as recorded\n",
		       (unsigned long long)res->n_compared);
	}
}

/* One pass over the file. */
static int play(const struct replay_opts *o, struct rec_reader *reader,
		bool *interrupted, vtime *restart_at)
{
	bool dashboard = !o->headless && !o->only && cli_has_terminal();
	double speed = dashboard ? 1.0 : PACE_MAX;
	struct session s = { 0 };
	struct replay_source *source = NULL;
	struct replay_check *check = NULL;
	struct replay_result res;
	struct judge judge;
	struct printer printer = { .glob = o->only, .from = o->from_t };
	struct pace pace;
	struct runloop loop = { .pace = &pace,
				.dashboard = dashboard,
				.replay = true,
				.services = &o->services.opts,
				.title = rec_meta(reader)->title,
				.recording = o->file };
	struct av_err err = { 0 };
	int status = EXIT_TROUBLE;

	if ((o->speed && session_speed(o->speed, &speed)) ||
	    load_inputs(&s, o, reader)) {
		goto out;
	}
	if (replay_source_create(o->file, s.w, &source, &err) < 0 ||
	    replay_check_create(o->file, s.w->bus, &check, &err) < 0 ||
	    (o->only && attach_printer(s.w, &printer, &err) < 0)) {
		session_trouble(NULL, &err);
		goto out;
	}
	if ((o->record &&
	     session_record(&s, o->record, rec_meta(reader)->kind,
			    rec_meta(reader)->title,
			    rec_meta(reader)->epoch_ns)) ||
	    session_capture(&s, &o->capture, rec_meta(reader)->title,
			    rec_meta(reader)->epoch_ns)) {
		goto out;
	}
	loop.w = s.w;
	loop.rec = s.rec;
	loop.capture = s.capture;
	judge = (struct judge){ .check = check,
				.w = s.w,
				.end = rec_end(reader),
				.res = &res };
	loop.before_end = before_end;
	loop.ctx = &judge;
	if (world_start(s.w, &err) < 0) {
		session_trouble(NULL, &err);
		goto out;
	}
	/* what lies before --from is played too, as fast as it goes: the state
	 * at --from depends on it */
	world_run_until(s.w, o->from_t);
	pace_init(&pace, speed);
	pace_set_speed(&pace, speed, o->from_t);
	if (runloop_run(&loop, &err) < 0) {
		session_trouble(NULL, &err);
		goto out;
	}
	*interrupted = loop.interrupted;
	*restart_at = loop.restart_at;
	if (loop.restart_at >= 0) {
		status = EXIT_PASS;
		goto out;
	}
	if (!judge.stopped) {
		replay_check_finish(check, &res);
	}
	if (o->only) {
		status = session_close_rec(&s, &err) < 0 ||
					 session_close_capture(&s, &err) < 0 ?
				 session_trouble(NULL, &err) :
				 EXIT_PASS;
	} else {
		status = summary_print(&s, &loop, loop.title);
		print_check(&res);
	}
	if (replay_source_status(source, &err) < 0) {
		status = session_trouble(NULL, &err);
	} else if (res.error[0]) {
		status = EXIT_TROUBLE;
	} else if (res.differs && status == EXIT_PASS) {
		status = EXIT_FAIL;
	}
out:
	replay_check_destroy(check);
	replay_source_destroy(source);
	session_finish(&s);
	return status;
}

static int parse_times(struct replay_opts *o)
{
	o->to_t = VT_NEVER;
	if (o->from && (vtime_parse(o->from, &o->from_t) < 0 || o->from_t < 0)) {
		return cli_trouble("--from wants a time like 20s, not '%s'",
				   o->from);
	}
	if (o->to && (vtime_parse(o->to, &o->to_t) < 0 ||
		      o->to_t <= o->from_t)) {
		return cli_trouble("--to wants a time after --from, not '%s'",
				   o->to);
	}
	return 0;
}

static int replay(struct replay_opts *o)
{
	struct rec_reader *reader;
	struct av_err err = { 0 };
	bool interrupted = false;
	vtime restart_at = -1, from = 0;
	int status;

	if (parse_times(o) || (o->log && cli_log_level(o->log)) ||
	    cli_services_load(&o->services)) {
		return EXIT_TROUBLE;
	}
	if (rec_open(o->file, &reader, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	from = o->from_t;
	do {
		restart_at = -1;
		status = play(o, reader, &interrupted, &restart_at);
		o->from_t = restart_at >= 0 ? restart_at : from;
	} while ((restart_at >= 0 || (o->loop && !interrupted)) &&
		 status != EXIT_TROUBLE);
	rec_close_reader(reader);
	return status;
}

static int run(int argc, char **argv)
{
	struct replay_opts o = { 0 };
	const struct cli_opt opts[] = {
		{ "speed", OPT_STR, &o.speed },
		{ "from", OPT_STR, &o.from },
		{ "to", OPT_STR, &o.to },
		{ "loop", OPT_FLAG, &o.loop },
		{ "only", OPT_STR, &o.only },
		{ "record", OPT_STR, &o.record },
		SESSION_CAPTURE_OPTS(&o.capture),
		{ "headless", OPT_FLAG, &o.headless },
		{ "log", OPT_STR, &o.log },
		CLI_SERVICES_OPTS(&o.services),
		{ 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("replay", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n != 1) {
		cli_trouble("want one recording: avsim replay FILE.avrec");
	} else if (ret == 0 && o.loop && (o.record || o.capture.path)) {
		cli_trouble("--loop and --%s exclude each other",
			    o.record ? "record" : "capture");
	} else if (ret == 0) {
		o.file = rest.v[0];
		status = replay(&o);
	}
	cli_services_finish(&o.services);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_replay = {
	.name = "replay",
	.args = "FILE [OPTION]...",
	.summary = "play a recording through the same pipeline and compare",
	.help = "  --speed X|max    as for avsim run\n"
		"  --from, --to     part of it; what lies before --from is "
		"played at full speed\n"
		"  --loop           again and again\n"
		"  --only GLOB      print property and scenario records whose "
		"channel:key\n"
		"                   matches, as they happen; no dashboard\n"
		"  --record FILE    record what comes out\n"
		"  --capture FILE, --capture-only GLOBS\n"
		"                   as for avsim run\n"
		"  --headless       no dashboard, also in a terminal\n"
		"  --run-dir DIR, --vhal-tcp ADDRESS, --dumpstate-tcp "
		"ADDRESS,\n"
		"  --dumpstate-config FILE, --tracing-tcp ADDRESS, "
		"--debug-port[=ADDRESS],\n"
		"  --audio-focus ADDRESS, --audio-usages android|policy,\n"
		"  --nmea-pty PATH\n"
		"                   as for avsim run\n"
		"  --log LEVEL      error, warn, info (default), debug, "
		"trace\n\n"
		"Exit status: 0 as recorded, 1 something came out differently "
		"or an\nexpectation failed, 2 could not play.\n",
	.run = run,
};
