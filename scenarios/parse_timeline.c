/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML of what happens and what must hold: timeline, faults, expect. */
#include "config.h"

#include "scenarios/fault.h"
#include "scenarios/scenario_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES_MAX 1000000000LL

/* ---- actions ---- */

static bool in_list(const char *const *list, const char *word)
{
	for (size_t i = 0; list && list[i]; i++) {
		if (!strcmp(list[i], word)) {
			return true;
		}
	}
	return false;
}

/* A list of scalars as "[1,2]". */
static const char *list_text(struct sc_parser *p, const struct av_yaml *node)
{
	size_t len = 3, n = 0;
	char *text;

	for (size_t i = 0; i < node->n; i++) {
		if (node->item[i]->kind != YAML_SCALAR) {
			sc_error(p, node->item[i], "want a plain value here");
			return NULL;
		}
		len += node->item[i]->len + 1;
	}
	if (len > ARG_TEXT_MAX) {
		sc_error(p, node, "the list is too long");
		return NULL;
	}
	text = sc_new(p, len, 1);
	if (!text) {
		return NULL;
	}
	text[n++] = '[';
	for (size_t i = 0; i < node->n; i++) {
		n += (size_t)sprintf(text + n, "%s%s", i ? "," : "",
				     node->item[i]->text);
	}
	strcpy(text + n, "]");
	return text;
}

static int read_arg(struct sc_parser *p, const struct av_yaml *node,
		    struct sc_step *step, size_t i)
{
	const struct arg_spec *s = action_arg(step->act, &step->args, i);
	const char *text = node->text;
	struct av_err err;

	if (node->kind == YAML_SEQ && s->type == ARG_TEXT) {
		text = list_text(p, node);
		if (!text) {
			return -EINVAL;
		}
	} else if (node->kind != YAML_SCALAR) {
		return sc_error(p, node, "'%s' must be a single value",
				s->name);
	}
	if (arg_read(step->act, &step->args, i, true, text, &err) < 0) {
		return sc_error(p, node, "%s", err.msg);
	}
	return 0;
}

static const char *const motion_keys[] = { "over", "ease", "profile", "unit",
					   NULL };

/* One pass over the keys that are arguments known by now. */
static int read_known(struct sc_parser *p, const struct av_yaml *map,
		      const char *const *skip, struct sc_step *step,
		      bool dependent)
{
	int ret = 0;

	for (size_t k = 0; k < map->n; k++) {
		const char *key = map->key[k]->text;
		const struct arg_spec *s;

		for (size_t i = 0; !in_list(skip, key) &&
				   (s = action_arg(step->act, &step->args, i));
		     i++) {
			bool late = s->dim == DIM_N || i >= ACTION_ARGS_MAX ||
				    !step->act->arg[i].name;

			if (!strcmp(s->name, key) && late == dependent &&
			    (s->dim != DIM_N || step->args.has[0])) {
				ret |= read_arg(p, map->item[k], step, i);
			}
		}
	}
	return ret;
}

/* Keys that are neither arguments nor anything else. */
static int check_arg_keys(struct sc_parser *p, const struct av_yaml *map,
			  const char *const *skip, const struct sc_step *step)
{
	struct av_err err;
	int ret = 0;

	for (size_t k = 0; k < map->n; k++) {
		const char *key = map->key[k]->text;
		const struct arg_spec *s;
		bool known = in_list(skip, key) ||
			     (step->act->ramp && in_list(motion_keys, key));

		for (size_t i = 0;
		     !known && (s = action_arg(step->act, &step->args, i));
		     i++) {
			known = !strcmp(s->name, key);
		}
		if (!known) {
			action_unknown_arg(step->act, &step->args, key, &err);
			ret = sc_error(p, map->key[k], "%s", err.msg);
		}
	}
	return ret;
}

static int knot_value(struct sc_parser *p, const struct av_yaml *node,
		      struct sc_step *step, double *out)
{
	size_t i = step->act->ramp - 1;
	struct sc_step probe = *step;

	if (read_arg(p, node, &probe, i) < 0) {
		return -EINVAL;
	}
	*out = probe.args.v[i].num;
	return 0;
}

static int parse_knots(struct sc_parser *p, const struct av_yaml *list,
		       struct sc_step *step)
{
	int ret = 0;

	if (list->n == 0) {
		return sc_error(p, list,
				"a profile has at least one [time, "
				"value]");
	}
	step->knot = sc_new(p, list->n, sizeof(*step->knot));
	if (!step->knot) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct av_yaml *v = list->item[i];
		struct sc_knot *k = &step->knot[i];

		if (v->kind != YAML_SEQ || v->n != 2) {
			ret = sc_error(p, v, "want [time, value]");
			continue;
		}
		ret |= sc_check(p, av_yaml_time(sc_at(p, v), v->item[0], "time",
						&k->t));
		ret |= knot_value(p, v->item[1], step, &k->v);
		if (ret == 0 && (k->t < 0 || (i > 0 && k->t <= k[-1].t))) {
			ret = sc_error(p, v->item[0],
				       "times of a profile must rise from 0 "
				       "on");
		}
	}
	step->n_knots = ret ? 0 : list->n;
	return ret;
}

static int parse_profile(struct sc_parser *p, const struct av_yaml *map,
			 struct sc_step *step)
{
	const struct av_yaml *v = av_yaml_get(map, "profile");
	const struct av_yaml *unit = av_yaml_get(map, "unit");
	enum av_dim dim =
		action_arg_dim(step->act, &step->args, step->act->ramp - 1);
	size_t i = step->act->ramp - 1;

	if (unit && (unit->kind != YAML_SCALAR || !av_unit_find(unit->text) ||
		     (av_unit_find(unit->text)->dim != dim))) {
		return sc_error(p, unit, "'unit' must be one like '%s'",
				arg_unit_example(dim));
	}
	if (unit && v && v->kind != YAML_SCALAR) {
		return sc_error(p, unit, "'unit' is for profiles from a file");
	}
	if (!v) {
		return unit ? sc_error(p, unit, "'unit' goes with 'profile'")
			    : 0;
	}
	if (step->args.has[i] || av_yaml_get(map, "over")) {
		return sc_error(p, v,
				"a profile gives all values: leave '%s' "
				"and 'over' out",
				step->act->arg[i].name);
	}
	if (v->kind == YAML_MAP) {
		return sc_error(p, v,
				"want a list of [time, value] or the "
				"name of a CSV file");
	}
	step->args.has[i] = true;
	if (v->kind == YAML_SCALAR) {
		step->profile_file = v->text;
		step->profile_unit = unit ? av_unit_find(unit->text) : NULL;
		if (!unit && arg_needs_unit(dim)) {
			return sc_error(p, v,
					"a file of values needs a unit, "
					"like 'unit: %s'",
					arg_unit_example(dim));
		}
		return sc_trace(p, v->text);
	}
	return parse_knots(p, v, step);
}

static int parse_motion(struct sc_parser *p, const struct av_yaml *map,
			struct sc_step *step)
{
	static const char *const eases[] = { "linear", "smooth", NULL };
	const struct av_yaml *over = av_yaml_get(map, "over");
	const struct av_yaml *ease = av_yaml_get(map, "ease");
	int idx = 0, ret = 0;

	if (over &&
	    sc_check(p, av_yaml_time(sc_at(p, map), over, "over",
				     &step->over)) == 0 &&
	    (step->over < 0 || step->over > 366 * 24 * 3600 * VT_S)) {
		ret = sc_error(p, over, "'over' must be from 0 to a year");
	}
	if (ease) {
		ret |= sc_check(p, av_yaml_enum(sc_at(p, map), ease, "ease",
						eases, &idx));
		step->smooth = idx == 1;
		if (!over) {
			ret = sc_error(p, ease, "'ease' goes with 'over'");
		}
	}
	return ret | parse_profile(p, map, step);
}

/* Canonical text; a moving target shows where it goes and how. */
static const char *step_text(struct sc_parser *p, const struct sc_step *step)
{
	size_t n = action_text(step->act, &step->args, NULL, 0);
	char *text = sc_new(p, n + 64, 1), num[32];

	if (!text) {
		return NULL;
	}
	action_text(step->act, &step->args, text, n + 1);
	if (step->n_knots > 0 || step->profile_file) {
		/* the value in the text is only the first of the profile */
		char *eq = strrchr(text, '=');

		strcpy(eq + 1, "profile");
	} else if (step->over > 0) {
		snprintf(text + n, 64, " over=%s%s",
			 sc_num(vtime_to_s(step->over), num),
			 step->smooth ? " ease=smooth" : "");
	}
	return text;
}

static int finish_step(struct sc_parser *p, const struct av_yaml *node,
		       struct sc_step *step)
{
	struct av_err err;

	if (step->n_knots > 0) {
		step->args.v[step->act->ramp - 1].num = step->knot[0].v;
	}
	if (action_complete(step->act, &step->args, &err) < 0) {
		return sc_error(p, node, "%s", err.msg);
	}
	step->text = step_text(p, step);
	if (step->text && strlen(step->text) > CMDQ_TEXT_MAX) {
		return sc_error(p, node,
				"'%s' has more than %d characters of arguments",
				step->act->verb, CMDQ_TEXT_MAX);
	}
	return step->text ? 0 : -ENOMEM;
}

int sc_parse_args(struct sc_parser *p, const struct av_yaml *node,
		  const struct av_yaml *map, const char *const *skip,
		  struct sc_step *step)
{
	int ret = read_known(p, map, skip, step, false);

	ret |= read_known(p, map, skip, step, true);
	ret |= check_arg_keys(p, map, skip, step);
	if (ret == 0 && step->act->ramp) {
		ret = parse_motion(p, map, step);
	}
	return ret ? ret : finish_step(p, node, step);
}

/* wait: and until: are of the language, not actions of the car */
static const char *const step_verbs[] = { "until", "wait" };

static const char *any_verb(const void *ctx, size_t i)
{
	(void)ctx;
	return i < n_actions ? action_table[i].verb : step_verbs[i - n_actions];
}

static int unknown_verb(struct sc_parser *p, const struct av_yaml *node)
{
	char hint[96];

	return sc_error(
		p, node,
		"unknown action '%.64s'%s; avsim list actions "
		"shows them",
		node->text,
		av_suggest_text(hint, av_suggest(node->text, n_actions + 2,
						 any_verb, NULL)));
}

static int parse_wait(struct sc_parser *p, const struct av_yaml *value,
		      bool until, struct sc_step *step)
{
	step->kind = until ? STEP_UNTIL : STEP_WAIT;
	if (until) {
		step->until = sc_expr(p, value);
		return step->until ? 0 : -EINVAL;
	}
	if (sc_check(p, av_yaml_time(sc_at(p, value), value, "wait",
				     &step->wait)) < 0) {
		return -EINVAL;
	}
	return step->wait < 0 || step->wait > 366 * 24 * 3600 * VT_S
		       ? sc_error(p, value, "'wait' must be from 0 to a year")
		       : 0;
}

static int parse_step(struct sc_parser *p, const struct av_yaml *node,
		      struct sc_step *step)
{
	const struct av_yaml *verb = node, *value = NULL;

	step->node = node;
	if (node->kind == YAML_MAP && node->n == 1) {
		verb = node->key[0];
		value = node->item[0];
	} else if (node->kind != YAML_SCALAR) {
		return sc_error(p, node,
				"an action is one verb and its arguments, "
				"like 'gear: R' or 'door: { which: fl }'");
	}
	if (!strcmp(verb->text, "wait") || !strcmp(verb->text, "until")) {
		return value ? parse_wait(p, value, verb->text[0] == 'u', step)
			     : sc_error(p, node, "'%s' needs a value",
					verb->text);
	}
	step->act = action_find(verb->text);
	if (!step->act) {
		return unknown_verb(p, verb);
	}
	if (value && value->kind == YAML_MAP) {
		return sc_parse_args(p, verb, value, NULL, step);
	}
	/* "verb:" alone is an empty plain scalar */
	if (value &&
	    !(value->kind == YAML_SCALAR && !value->len && !value->quoted)) {
		if (!step->act->arg[0].name) {
			return sc_error(p, value, "'%s' takes no argument",
					verb->text);
		}
		if (read_arg(p, value, step, 0) < 0) {
			return -EINVAL;
		}
	}
	return finish_step(p, verb, step);
}

void sc_parse_do(struct sc_parser *p, const struct av_yaml *node,
		 struct sc_entry *e)
{
	bool list = node->kind == YAML_SEQ;
	size_t n = list ? node->n : 1;

	if (n == 0) {
		sc_error(p, node, "nothing to do here");
		return;
	}
	e->step = sc_new(p, n, sizeof(*e->step));
	for (size_t i = 0; i < n && e->step; i++) {
		parse_step(p, list ? node->item[i] : node, &e->step[i]);
	}
	e->n = e->step ? n : 0;
	p->s->n_steps += e->n;
}

/* ---- triggers ---- */

static vtime read_time(struct sc_parser *p, const struct av_yaml *map,
		       const char *key, vtime otherwise)
{
	const struct av_yaml *v = av_yaml_get(map, key);
	vtime t;

	if (!v || sc_check(p, av_yaml_time(sc_at(p, map), v, key, &t)) < 0) {
		return otherwise;
	}
	if (t < 0) {
		sc_error(p, v, "'%s' cannot be negative", key);
		return otherwise;
	}
	return t;
}

/* Keys that only go with another one. */
static void only_with(struct sc_parser *p, const struct av_yaml *map,
		      const char *key, const char *other, bool there)
{
	const struct av_yaml *v = av_yaml_get(map, key);

	if (v && !there) {
		sc_error(p, v, "'%s' goes with %s", key, other);
	}
}

static const char *join(struct sc_parser *p, const char *a, const char *b,
			const char *c, const char *d)
{
	size_t room = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
	char *text = sc_new(p, room, 1);

	if (text) {
		snprintf(text, room, "%s%s%s%s", a, b, c, d);
	}
	return text;
}

static void parse_trigger(struct sc_parser *p, const struct av_yaml *map,
			  struct sc_entry *e)
{
	const struct av_yaml *at = av_yaml_get(map, "at");
	const struct av_yaml *every = av_yaml_get(map, "every");
	const struct av_yaml *when = av_yaml_get(map, "when"), *v;
	struct sc_expect *x;

	e->node = map;
	if (!at + !every + !when != 2) {
		sc_error(p, map, "want exactly one of at, every and when");
		return;
	}
	e->trigger = at ? TRIGGER_AT : every ? TRIGGER_EVERY : TRIGGER_WHEN;
	e->at = read_time(p, map, "at", 0);
	e->every = read_time(p, map, "every", VT_S);
	e->from = read_time(p, map, "from", 0);
	e->until = read_time(p, map, "until", VT_NEVER);
	only_with(p, map, "from", "every or when", !at);
	only_with(p, map, "until", "every or when", !at);
	only_with(p, map, "times", "every or repeat", !at);
	only_with(p, map, "repeat", "when", when != NULL);
	only_with(p, map, "within", "when", when != NULL);
	if (every && e->every < VEHICLE_STEP) {
		sc_error(p, every,
			 "'every' must be at least 10ms, the step of "
			 "the simulation");
	}
	v = av_yaml_get(map, "times");
	if (v) {
		sc_check(p, av_yaml_int(sc_at(p, map), v, "times", 1, TIMES_MAX,
					&e->times));
	}
	v = av_yaml_get(map, "repeat");
	if (v) {
		sc_check(p,
			 av_yaml_bool(sc_at(p, map), v, "repeat", &e->repeat));
	}
	if (e->trigger == TRIGGER_WHEN && e->times > 1) {
		e->repeat = true;
	}
	if (!when) {
		return;
	}
	e->when = sc_expr(p, when);
	v = av_yaml_get(map, "within");
	if (v && e->when) {
		/* a trigger that must come is an expectation as well */
		x = sc_add_expect(p, EXPECT_BY, when,
				  join(p, "within ",
				       v->kind == YAML_SCALAR ? v->text : "",
				       ": ", when->text));
		if (x) {
			x->that = sc_expr(p, when);
			x->from = e->from;
			x->by = e->from + read_time(p, map, "within", 0);
		}
	}
}

static void parse_entry(struct sc_parser *p, const struct av_yaml *node,
			struct sc_entry *e)
{
	static const char *const keys[] = { "at",     "every",  "when",
					    "from",   "until",  "times",
					    "repeat", "within", "do",
					    "name",   NULL };
	const struct av_yaml *body = av_yaml_get(node, "do");

	if (sc_check(p, av_yaml_check_keys(&p->s->doc, node, keys, p->d)) < 0 &&
	    node->kind != YAML_MAP) {
		return;
	}
	parse_trigger(p, node, e);
	if (body) {
		sc_parse_do(p, body, e);
	} else {
		sc_error(p, node, "'do' is missing");
	}
}

/* { at: 20 s, fault: tyre-leak, wheel: fl, for: 30 s } */
static void parse_fault(struct sc_parser *p, const struct av_yaml *node,
			struct sc_entry *e)
{
	static const char *const own[] = { "at",    "every", "when",   "from",
					   "until", "times", "repeat", "within",
					   "fault", "name",  NULL };
	const struct av_yaml *name = av_yaml_get(node, "fault");
	struct sc_step *step;

	if (node->kind != YAML_MAP) {
		sc_error(p, node, "want a fault: { at: 5s, fault: NAME, ... }");
		return;
	}
	parse_trigger(p, node, e);
	if (!name) {
		sc_error(p, node,
			 "'fault' is missing; avsim list faults "
			 "shows what there is");
		return;
	}
	step = e->step = sc_new(p, 1, sizeof(*e->step));
	if (!step) {
		return;
	}
	e->n = 1;
	p->s->n_steps++;
	step->node = node;
	step->act = action_find("fault");
	if (read_arg(p, name, step, 0) == 0) {
		sc_parse_args(p, name, node, own, step);
	}
}

static size_t list_of(struct sc_parser *p, const struct av_yaml *node,
		      const char *what)
{
	if (!node) {
		return 0;
	}
	if (node->kind != YAML_SEQ) {
		sc_error(p, node, "'%s' is a list: its items start with '- '",
			 what);
		return 0;
	}
	return node->n;
}

void sc_parse_timeline(struct sc_parser *p, const struct av_yaml *timeline,
		       const struct av_yaml *faults)
{
	size_t n = list_of(p, timeline, "timeline");
	size_t n_fault = list_of(p, faults, "faults");
	struct scenario *s = p->s;

	s->entry = sc_new(p, n + n_fault, sizeof(*s->entry));
	if (!s->entry) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		parse_entry(p, timeline->item[i], &s->entry[i]);
	}
	for (size_t i = 0; i < n_fault; i++) {
		parse_fault(p, faults->item[i], &s->entry[n + i]);
	}
	s->n_entries = n + n_fault;
}

/* ---- expectations ---- */

/* What people read: the name, or what was written. */
static const char *expect_text(struct sc_parser *p, const struct av_yaml *map,
			       const struct sc_expect *x,
			       const struct av_yaml *cond)
{
	const struct av_yaml *name = av_yaml_get(map, "name");
	const struct av_yaml *when = av_yaml_get(map, "when");
	char num[32];

	if (name && name->kind == YAML_SCALAR) {
		return name->text;
	}
	if (cond->kind != YAML_SCALAR || (when && when->kind != YAML_SCALAR)) {
		return "";
	}
	switch (x->kind) {
	case EXPECT_BY:
		return join(p, "by ", sc_num(vtime_to_s(x->by), num),
			    " s: ", cond->text);
	case EXPECT_AT:
		return join(p, "at ", sc_num(vtime_to_s(x->by), num),
			    " s: ", cond->text);
	case EXPECT_AFTER:
		return join(p, "after ", when->text, ": ", cond->text);
	case EXPECT_ALWAYS:
		return join(p, "always: ", cond->text, "", "");
	case EXPECT_NEVER:
		return join(p, "never: ", cond->text, "", "");
	default:
		return join(p, "at the end: ", cond->text, "", "");
	}
}

/* What the run never gets to cannot be judged. */
static void within_run(struct sc_parser *p, const struct av_yaml *map,
		       const char *key, vtime t)
{
	const struct av_yaml *v = av_yaml_get(map, key);
	vtime end = p->s->info.duration;
	char at[32], last[32];

	if (v && end > 0 && t > end) {
		sc_error(p, v,
			 "'%s' is %s s, but the run ends at %s s; see "
			 "'duration'",
			 key, sc_num(vtime_to_s(t), at),
			 sc_num(vtime_to_s(end), last));
	}
}

static void parse_expectation(struct sc_parser *p, const struct av_yaml *map)
{
	static const char *const keys[] = { "that",   "by",   "at",
					    "within", "when", "always",
					    "never",  "from", "until",
					    "name",   NULL };
	const struct av_yaml *that = av_yaml_get(map, "that");
	const struct av_yaml *always = av_yaml_get(map, "always");
	const struct av_yaml *never = av_yaml_get(map, "never");
	const struct av_yaml *by = av_yaml_get(map, "by");
	const struct av_yaml *at = av_yaml_get(map, "at");
	const struct av_yaml *when = av_yaml_get(map, "when");
	const struct av_yaml *cond = that ? that : always ? always : never;
	struct sc_expect *x;

	if (sc_check(p, av_yaml_check_keys(&p->s->doc, map, keys, p->d)) < 0 &&
	    map->kind != YAML_MAP) {
		return;
	}
	if (!that + !always + !never != 2) {
		sc_error(p, map, "want exactly one of that, always and never");
		return;
	}
	only_with(p, map, "by", "that", that && !when && !at);
	only_with(p, map, "at", "that", that && !when);
	only_with(p, map, "when", "that", that != NULL);
	only_with(p, map, "within", "when", when != NULL);
	only_with(p, map, "from", "always and never", !that);
	only_with(p, map, "until", "always and never", !that);
	if (when && !av_yaml_get(map, "within")) {
		sc_error(p, when,
			 "'when' needs 'within': how long it may take");
	}
	x = sc_add_expect(p,
			  always  ? EXPECT_ALWAYS
			  : never ? EXPECT_NEVER
			  : when  ? EXPECT_AFTER
			  : at    ? EXPECT_AT
			  : by    ? EXPECT_BY
				  : EXPECT_END,
			  map, "");
	if (!x) {
		return;
	}
	x->by = read_time(p, map, at ? "at" : "by", 0);
	x->from = read_time(p, map, "from", 0);
	x->until = read_time(p, map, "until", VT_NEVER);
	x->within = read_time(p, map, "within", 0);
	within_run(p, map, at ? "at" : "by", x->by);
	within_run(p, map, "from", x->from);
	x->text = expect_text(p, map, x, cond);
	x->that = sc_expr(p, cond);
	x->when = when ? sc_expr(p, when) : NULL;
}

void sc_parse_expect(struct sc_parser *p, const struct av_yaml *node)
{
	size_t n = list_of(p, node, "expect");

	for (size_t i = 0; i < n; i++) {
		parse_expectation(p, node->item[i]);
	}
}
