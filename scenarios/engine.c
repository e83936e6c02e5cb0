/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a scenario. After each step of the world the engine reads the inputs of
 * all conditions, decides what is due, and posts commands that the world
 * applies at the start of the next step; so an action of "at: 5s" is posted in
 * the step before and takes effect at 5 s exactly.
 *
 * A do: list runs from top to bottom; wait: and until: hold it without holding
 * anything else. An entry that is due again while its list still runs is not
 * started a second time.
 */
#include "config.h"

#include "scenarios/scenario_int.h"
#include "sim/bundle.h"
#include "sim/core/cmdq.h"
#include "sim/world.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- binding ---- */

struct bind_place {
	struct scenario *s;
	struct av_diags *d;
	const struct av_yaml *node;
};

static void at_place(void *ctx, size_t off, const char *msg)
{
	struct bind_place *at = ctx;
	unsigned int line = 0, col = 0;

	if (at->d->n < AV_DIAGS_MAX) {
		sc_place(at->s, at->node, off, &line, &col);
	}
	av_diag_add(at->d, at->s->doc.name, line, col, "%s", msg);
}

static int bind_expr(struct scenario *s, struct av_diags *d, struct expr *e,
		     const struct av_yaml *node)
{
	struct bind_place at = { s, d, node };

	return e ? expr_bind(e, s->w, &s->scope, at_place, &at) : 0;
}

static const struct bundle_file *trace_file(const struct scenario *s,
					    const struct bundle *in,
					    const char *path,
					    const struct av_yaml *node,
					    struct av_diags *d)
{
	const struct bundle_file *f =
		in ? bundle_find(in, BUNDLE_TRACE, path) : NULL;

	if (!f) {
		av_yaml_err(&s->doc, node, d, "no file '%.200s'", path);
	}
	return f;
}

static int load_profile(struct scenario *s, struct sc_step *step,
			const struct bundle *in, struct av_diags *d)
{
	const struct arg_spec *arg = &step->act->arg[step->act->ramp - 1];
	const struct av_unit *u = step->profile_unit;
	const struct bundle_file *f =
		trace_file(s, in, step->profile_file, step->node, d);
	double(*rows)[3];
	size_t n;
	int ret;

	if (!f) {
		return -EINVAL;
	}
	ret = sc_csv(f->name, f->data, f->len, 2, 2, &s->mem, &rows, &n, d);
	if (ret < 0) {
		return ret;
	}
	step->knot = sc_allocn(&s->mem, n + 1, sizeof(*step->knot));
	if (!step->knot) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		double v = u ? av_unit_to_base(u, rows[i][1]) : rows[i][1];

		step->knot[i] = (struct sc_knot){ vtime_from_s(rows[i][0]), v };
		if (step->knot[i].t < 0 ||
		    (i > 0 && step->knot[i].t <= step->knot[i - 1].t)) {
			return av_diag_add(d, f->name, 0, 0,
					   "row %zu: times must rise from 0 on",
					   i + 1);
		}
		if (arg->min < arg->max && !(v >= arg->min && v <= arg->max)) {
			return av_diag_add(d, f->name, 0, 0,
					   "row %zu: %g is out of range", i + 1,
					   rows[i][1]);
		}
	}
	if (n == 0) {
		return av_diag_add(d, f->name, 0, 0, "no values in this file");
	}
	step->n_knots = n;
	step->args.v[step->act->ramp - 1].num = step->knot[0].v;
	return 0;
}

static int bind_step(struct scenario *s, struct sc_step *step,
		     const struct bundle *in, struct av_diags *d)
{
	struct av_err err = { 0 };
	int ret;

	if (step->kind == STEP_UNTIL) {
		return bind_expr(s, d, step->until, step->node->item[0]);
	}
	if (step->kind == STEP_WAIT) {
		return 0;
	}
	if (step->profile_file) {
		ret = load_profile(s, step, in, d);
		if (ret < 0) {
			return ret;
		}
	}
	ret = action_check(s->w, step->act, &step->args, false, &err);
	return ret < 0 ? av_yaml_err(&s->doc, step->node, d, "%s: %s",
				     step->act->verb, err.msg)
		       : 0;
}

static int load_route(struct scenario *s, struct sc_route *r,
		      const struct bundle *in, struct av_diags *d)
{
	const struct bundle_file *f = trace_file(s, in, r->file, r->node, d);
	double(*rows)[3];
	size_t n;
	int ret;

	if (!f) {
		return -EINVAL;
	}
	ret = sc_csv(f->name, f->data, f->len, 2, 3, &s->mem, &rows, &n, d);
	if (ret < 0) {
		return ret;
	}
	if (n < 2) {
		return av_diag_add(d, f->name, 0, 0,
				   "a route has at least two way points");
	}
	r->point = sc_allocn(&s->mem, n, sizeof(*r->point));
	if (!r->point) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		r->point[i] = (struct route_point){
			.x_m = rows[i][0],
			.y_m = rows[i][1],
			.speed_mps =
				isnan(rows[i][2]) ? r->speed_mps : rows[i][2],
		};
	}
	r->n = n;
	return 0;
}

/* Room for what a run needs, so that stepping never allocates. */
static int make_room(struct scenario *s)
{
	s->moving = sc_allocn(&s->mem, s->n_steps + 1, sizeof(void *));
	s->posted = sc_allocn(&s->mem, s->n_steps + 1, sizeof(void *));
	if (!s->expect) {
		s->expect = calloc(SC_IMPLIED_MAX, sizeof(*s->expect));
	}
	return s->moving && s->posted && s->expect ? 0 : -ENOMEM;
}

int scenario_bind(struct scenario *s, struct world *w,
		  const struct bundle *inputs, struct av_diags *d)
{
	int ret = make_room(s), bad = 0;

	if (ret < 0) {
		return ret;
	}
	s->w = w;
	s->in.fresh = true;
	s->scope = (struct expr_scope){ .in = &s->in,
					.zone = s->zone,
					.n_zones = s->n_zones,
					.mem = &s->mem };
	for (size_t i = 0; i < s->n_routes; i++) {
		if (s->route[i].file) {
			bad |= load_route(s, &s->route[i], inputs, d);
		}
	}
	for (size_t i = 0; i < s->n_entries; i++) {
		struct sc_entry *e = &s->entry[i];

		bad |= bind_expr(s, d, e->when, av_yaml_get(e->node, "when"));
		for (size_t k = 0; k < e->n; k++) {
			bad |= bind_step(s, &e->step[k], inputs, d);
		}
	}
	for (size_t i = 0; i < s->n_expects; i++) {
		struct sc_expect *x = &s->expect[i];
		const struct av_yaml *that = x->node;

		if (that->kind == YAML_MAP) {
			that = av_yaml_get(x->node, "that");
			that = that ? that : av_yaml_get(x->node, "always");
			that = that ? that : av_yaml_get(x->node, "never");
		}
		bad |= bind_expr(s, d, x->that, that);
		bad |= bind_expr(s, d, x->when, av_yaml_get(x->node, "when"));
	}
	return bad ? -EINVAL : 0;
}

/* ---- events ---- */

static void publish(struct scenario *s, vtime now, const char *key,
		    const char *text)
{
	bus_publish(s->w->bus, TOPIC_SCENARIO,
		    &(struct text_event){ .t = now, .key = key, .text = text });
}

/* Actions are announced in the step they take effect. */
static void announce(struct scenario *s, vtime now)
{
	for (size_t i = 0; i < s->n_posted; i++) {
		/* a mark speaks for itself */
		if (strcmp(s->posted[i]->act->verb, "mark") != 0) {
			publish(s, now, "do", s->posted[i]->text);
		}
	}
	s->n_posted = 0;
}

/* ---- actions ---- */

/* Do @a and @b move the same thing? */
static bool same_target(const struct sc_step *a, const struct sc_step *b)
{
	return a->act == b->act && a->act->ramp &&
	       (a->act->ramp == 1 || a->args.v[0].idx == b->args.v[0].idx);
}

static void post_text(struct scenario *s, const char *text)
{
	/* a full queue drops it; the world logs nothing then, so do it here */
	struct av_err err;
	int ret = cmdq_post(s->w->cmdq, CMD_FROM_SCENARIO, text);

	if (ret < 0) {
		av_err_set(&err, ret, "the command queue is full");
		scenario_refused(
			s, &(struct cmd){ .text = text, .t = evq_now(s->w->q) },
			&err);
	}
}

static void post_value(struct scenario *s, struct sc_step *step, double v)
{
	struct args args = step->args;
	char text[512];

	args.v[step->act->ramp - 1].num = v;
	action_text(step->act, &args, text, sizeof(text));
	post_text(s, text);
}

static double profile_at(const struct sc_step *step, vtime t)
{
	size_t lo = 0, hi = step->n_knots - 1;
	const struct sc_knot *k = step->knot;

	if (t <= k[0].t) {
		return k[0].v;
	}
	if (t >= k[hi].t) {
		return k[hi].v;
	}
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (k[mid].t <= t) {
			lo = mid;
		} else {
			hi = mid;
		}
	}
	return k[lo].v + (k[hi].v - k[lo].v) * (double)(t - k[lo].t) /
				 (double)(k[hi].t - k[lo].t);
}

/* The value that takes effect at @t. */
static double value_at(const struct sc_step *step, vtime t, bool *last)
{
	double to, u;

	t -= step->start;
	if (step->n_knots > 0) {
		*last = t >= step->knot[step->n_knots - 1].t;
		return profile_at(step, t);
	}
	to = step->args.v[step->act->ramp - 1].num;
	*last = t >= step->over;
	if (*last) {
		return to;
	}
	u = (double)t / (double)step->over;
	if (step->smooth) {
		u = u * u * (3 - 2 * u);
	}
	return step->from + (to - step->from) * u;
}

static void forget_moving(struct scenario *s, size_t i)
{
	s->moving[i]->moving = false;
	memmove(&s->moving[i], &s->moving[i + 1],
		(s->n_moving - i - 1) * sizeof(*s->moving));
	s->n_moving--;
}

/* @effect: when what is posted now takes effect */
static void act(struct scenario *s, struct sc_step *step, vtime effect)
{
	for (size_t i = 0; i < s->n_moving; i++) {
		if (same_target(s->moving[i], step)) {
			forget_moving(s, i);
			break;
		}
	}
	if (s->n_posted < s->n_steps) {
		s->posted[s->n_posted++] = step;
	}
	if (step->n_knots == 0 && step->over == 0) {
		post_text(s, step->text);
		return;
	}
	step->moving = true;
	step->start = effect;
	step->from = 0;
	if (step->n_knots == 0 && step->act->current) {
		/* no vehicle: starts at 0 */
		(void)step->act->current(s->w, &step->args, &step->from);
	}
	s->moving[s->n_moving++] = step;
}

static void move(struct scenario *s, vtime effect)
{
	for (size_t i = 0; i < s->n_moving;) {
		struct sc_step *step = s->moving[i];
		bool last;
		double v = value_at(step, effect, &last);

		post_value(s, step, v);
		if (last) {
			forget_moving(s, i);
		} else {
			i++;
		}
	}
}

static void run_list(struct scenario *s, struct sc_entry *e, vtime now,
		     vtime effect)
{
	for (; e->pc < e->n; e->pc++) {
		struct sc_step *step = &e->step[e->pc];

		if (effect < e->resume) {
			return;
		}
		switch (step->kind) {
		case STEP_ACT:
			act(s, step, effect);
			break;
		case STEP_WAIT:
			e->resume = effect + step->wait;
			break;
		case STEP_UNTIL:
			if (!expr_true(step->until, &s->scope, s->w, now)) {
				return;
			}
			break;
		}
	}
	e->running = false;
}

static void fire(struct scenario *s, struct sc_entry *e, vtime now,
		 vtime effect)
{
	e->fired++;
	if (e->times > 0 && e->fired >= e->times) {
		e->done = true;
	}
	if (!e->running) {
		e->running = true;
		e->pc = 0;
		e->resume = effect;
		run_list(s, e, now, effect);
	}
}

static bool is_due(struct scenario *s, struct sc_entry *e, vtime now,
		   vtime effect)
{
	bool is, rose;

	switch (e->trigger) {
	case TRIGGER_AT:
		e->done = effect >= e->at;
		return e->done;
	case TRIGGER_EVERY:
		if (effect < e->next) {
			return false;
		}
		e->next += e->every;
		e->done = e->next > e->until;
		return true;
	case TRIGGER_WHEN:
		break;
	}
	if (now > e->until) {
		e->done = true;
		return false;
	}
	if (now < e->from) {
		return false;
	}
	is = expr_true(e->when, &s->scope, s->w, now);
	rose = is && !e->was_true;
	e->was_true = is;
	e->done = rose && !e->repeat;
	return rose;
}

/* ---- expectations ---- */

static void decide(struct scenario *s, struct sc_expect *x, vtime now,
		   enum verdict v, const char *reason)
{
	char buf[600];

	x->verdict = v;
	x->decided = now;
	x->reason = reason ? sc_strdup(&s->mem, reason) : NULL;
	snprintf(buf, sizeof(buf), "%s %.300s%s%.250s", verdict_names[v],
		 x->text, reason ? ": " : "", reason ? reason : "");
	publish(s, now, "expect", buf);
}

static void fail(struct scenario *s, struct sc_expect *x, vtime now,
		 const char *what)
{
	char values[200], reason[300], at[VTIME_STR_MAX];

	expr_values(x->that, &s->in, values, sizeof(values));
	vtime_format(now, at);
	snprintf(reason, sizeof(reason), "%s at %.*s s%s%s", what,
		 (int)strlen(at) - 6, at, *values ? ", " : "", values);
	decide(s, x, now, VERDICT_FAIL, reason);
}

static void judge_after(struct scenario *s, struct sc_expect *x, vtime now)
{
	if (!x->started && expr_true(x->when, &s->scope, s->w, now)) {
		x->started = true;
		x->start = now;
	}
	if (!x->started) {
		return;
	}
	if (expr_true(x->that, &s->scope, s->w, now)) {
		decide(s, x, now, VERDICT_PASS, NULL);
	} else if (now >= x->start + x->within) {
		fail(s, x, now, "still false");
	}
}

/* Before anything was seen nothing is judged: neither kept nor broken. */
static void judge_always(struct scenario *s, struct sc_expect *x, vtime now)
{
	bool want = x->kind == EXPECT_ALWAYS;

	if (now < x->from || (!x->judged && !expr_ready(x->that, &s->in))) {
		return;
	}
	if (now > x->until && x->judged) {
		decide(s, x, now, VERDICT_PASS, NULL);
		return;
	}
	if (now > x->until) {
		fail(s, x, now, "could not be judged");
		return;
	}
	x->judged = true;
	if (expr_true(x->that, &s->scope, s->w, now) != want) {
		fail(s, x, now, want ? "false" : "true");
	}
}

static void judge(struct scenario *s, struct sc_expect *x, vtime now)
{
	switch (x->kind) {
	case EXPECT_BY:
		if (now >= x->from &&
		    expr_true(x->that, &s->scope, s->w, now)) {
			decide(s, x, now, VERDICT_PASS, NULL);
		} else if (now >= x->by) {
			fail(s, x, now, "still false");
		}
		break;
	case EXPECT_AT:
		if (now >= x->by) {
			if (expr_true(x->that, &s->scope, s->w, now)) {
				decide(s, x, now, VERDICT_PASS, NULL);
			} else {
				fail(s, x, now, "false");
			}
		}
		break;
	case EXPECT_AFTER:
		judge_after(s, x, now);
		break;
	case EXPECT_ALWAYS:
	case EXPECT_NEVER:
		judge_always(s, x, now);
		break;
	case EXPECT_END:
	case EXPECT_IMPLIED:
		break;
	}
}

/* The run is over, as planned: nothing stays open. */
static void judge_end(struct scenario *s, struct sc_expect *x, vtime now)
{
	switch (x->kind) {
	case EXPECT_END:
		if (expr_true(x->that, &s->scope, s->w, now)) {
			decide(s, x, now, VERDICT_PASS, NULL);
		} else {
			fail(s, x, now, "false");
		}
		break;
	case EXPECT_AFTER:
		fail(s, x, now,
		     x->started ? "the run ended before"
				: "the 'when' never came, the run "
				  "ended");
		break;
	case EXPECT_BY:
	case EXPECT_AT:
		fail(s, x, now, "the run ended before");
		break;
	case EXPECT_ALWAYS:
	case EXPECT_NEVER:
		if (x->judged) {
			decide(s, x, now, VERDICT_PASS, NULL);
		} else {
			fail(s, x, now, "could not be judged: the run ended");
		}
		break;
	case EXPECT_IMPLIED:
		break;
	}
}

void scenario_fail(struct scenario *s, vtime now, const char *what,
		   const char *reason)
{
	size_t n = s->n_expects, implied = 0;

	while (implied < n &&
	       s->expect[n - 1 - implied].kind == EXPECT_IMPLIED) {
		if (!strcmp(s->expect[n - 1 - implied].text, what)) {
			return;
		}
		implied++;
	}
	assert(implied < SC_IMPLIED_MAX); /* a row more, a place more */
	s->expect[n] = (struct sc_expect){ .kind = EXPECT_IMPLIED,
					   .text = what };
	s->n_expects++;
	decide(s, &s->expect[n], now, VERDICT_FAIL, reason);
}

void scenario_refused(struct scenario *s, const struct cmd *c,
		      const struct av_err *err)
{
	char text[900];

	snprintf(text, sizeof(text), "%.400s: %.400s", c->text, err->msg);
	publish(s, c->t, "refused", text);
	scenario_fail(s, c->t, "every action is accepted", text);
}

void scenario_was_set(struct scenario *s, uint32_t slot,
		      const struct vhal_value *v)
{
	inputs_set(&s->in, slot, v);
}

/* ---- steps ---- */

static void run_entries(struct scenario *s, vtime now, vtime effect)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		struct sc_entry *e = &s->entry[i];

		if (e->running) {
			run_list(s, e, now, effect);
		}
		if (!e->done && is_due(s, e, now, effect)) {
			fire(s, e, now, effect);
		}
	}
	move(s, effect);
}

int scenario_start(struct scenario *s, struct av_err *err)
{
	char text[300];

	(void)err;
	for (size_t i = 0; i < s->n_entries; i++) {
		struct sc_entry *e = &s->entry[i];

		e->next = e->from;
		e->done = e->trigger == TRIGGER_EVERY && e->from > e->until;
	}
	snprintf(text, sizeof(text), "%.250s", s->info.name);
	publish(s, 0, "start", text);
	/* what is due at 0 takes effect at 0; conditions have to wait for the
	 * first step */
	for (size_t i = 0; i < s->n_entries; i++) {
		struct sc_entry *e = &s->entry[i];

		if (!e->done && e->trigger != TRIGGER_WHEN &&
		    is_due(s, e, 0, 0)) {
			fire(s, e, 0, 0);
		}
	}
	move(s, 0);
	announce(s, 0);
	return 0;
}

void scenario_step(struct scenario *s, vtime now)
{
	announce(s, now);
	inputs_read(&s->in, s->w, now);
	for (size_t i = 0; i < s->n_expects; i++) {
		if (s->expect[i].verdict == VERDICT_NONE) {
			judge(s, &s->expect[i], now);
		}
	}
	run_entries(s, now, now + VEHICLE_STEP);
}

void scenario_end(struct scenario *s, vtime now)
{
	bool whole = s->stop || now >= s->info.duration;

	inputs_read(&s->in, s->w, now);
	for (size_t i = 0; i < s->n_expects && whole; i++) {
		if (s->expect[i].verdict == VERDICT_NONE) {
			judge_end(s, &s->expect[i], now);
		}
	}
	publish(s, now, "end", verdict_names[scenario_verdict(s)]);
}
