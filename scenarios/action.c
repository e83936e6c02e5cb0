/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command texts: "verb key=value key='two words'". The canonical form names the
 * arguments in table order, numbers in base units as short as they read back,
 * times in seconds; so the same action always gives the same bytes, whether it
 * was written in a scenario, typed or replayed.
 */
#include "config.h"

#include "scenarios/action.h"

#include "scenarios/scenario_int.h"
#include "sim/core/cmdq.h"
#include "sim/vehicle/vehicle.h"
#include "sim/world.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct action *action_find(const char *verb)
{
	size_t lo = 0, hi = n_actions;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(verb, action_table[mid].verb);

		if (c == 0) {
			return &action_table[mid];
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

static const char *verb_at(const void *ctx, size_t i)
{
	(void)ctx;
	return action_table[i].verb;
}

const char *action_suggest(const char *verb)
{
	return av_suggest(verb, n_actions, verb_at, NULL);
}

static size_t n_own(const struct action *act)
{
	size_t n = 0;

	while (n < ACTION_ARGS_MAX && act->arg[n].name) {
		n++;
	}
	return n;
}

const struct arg_spec *action_arg(const struct action *act,
				  const struct args *a, size_t i)
{
	size_t own = n_own(act);
	const struct arg_spec *more;

	if (i < own) {
		return &act->arg[i];
	}
	more = act->more && i < ACTION_ARGS_MAX ? act->more(a) : NULL;
	if (!more) {
		return NULL;
	}
	for (size_t k = 0; k < i - own; k++) {
		if (!more[k].name) {
			return NULL;
		}
	}
	return more[i - own].name ? &more[i - own] : NULL;
}

enum av_dim action_arg_dim(const struct action *act, const struct args *a,
			   size_t i)
{
	const struct arg_spec *s = action_arg(act, a, i);

	return s->dim == DIM_N ? act->dim(a) : s->dim;
}

bool arg_needs_unit(enum av_dim dim)
{
	switch (dim) {
	case DIM_NONE:
	case DIM_RATIO:
	case DIM_TIME:
	case DIM_LENGTH:
	case DIM_ACCEL:
	case DIM_TEMPERATURE:
		return false;
	default:
		return true;
	}
}

const char *arg_unit_example(enum av_dim dim)
{
	switch (dim) {
	case DIM_SPEED:
		return "km/h";
	case DIM_ANGLE:
		return "deg";
	case DIM_ANGLE_RATE:
		return "deg/s";
	case DIM_PRESSURE:
		return "kPa";
	case DIM_ENERGY:
		return "kWh";
	case DIM_POWER:
		return "kW";
	default:
		return av_dim_base_name(dim);
	}
}

/* ---- reading one argument ---- */

static int read_num(const struct arg_spec *s, enum av_dim dim, bool person,
		    const char *text, double *out, struct av_err *err)
{
	const char *unit = av_dim_base_name(dim);
	struct av_err why;
	char lo[32], hi[32], *end;
	double v;

	/* a plain number may be written in percent */
	if (av_quantity_parse(text, dim, &v, &why) < 0 &&
	    (dim != DIM_NONE ||
	     av_quantity_parse(text, DIM_RATIO, &v, NULL) < 0)) {
		return av_err_set(err, -EINVAL, "'%s': %s", s->name, why.msg);
	}
	if (person && v != 0 && arg_needs_unit(dim)) {
		strtod(text, &end);
		if (!end[strspn(end, " ")]) {
			return av_err_set(err, -EINVAL,
					  "'%s' needs a unit, like '%.32s %s'",
					  s->name, text, arg_unit_example(dim));
		}
	}
	if (s->min < s->max && !(v >= s->min && v <= s->max)) {
		return av_err_set(err, -EINVAL,
				  "'%s' must be from %s to %s%s%s", s->name,
				  sc_num(s->min, lo), sc_num(s->max, hi),
				  *unit ? " " : "", unit);
	}
	*out = v == 0 ? 0 : v; /* no negative zero in a canonical text */
	return 0;
}

static int read_bool(const struct arg_spec *s, const char *text, bool *out,
		     struct av_err *err)
{
	static const char *const words[] = { "false", "true", "off",
					     "on",    "no",   "yes" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i])) {
			*out = i & 1;
			return 0;
		}
	}
	return av_err_set(err, -EINVAL,
			  "'%s' must be true or false, not '%.32s'", s->name,
			  text);
}

static const char *list_at(const void *names, size_t i)
{
	return ((const char *const *)names)[i];
}

static int read_enum(const struct arg_spec *s, const char *text, int *out,
		     struct av_err *err)
{
	char list[380] = "", hint[96];
	size_t n = 0, used = 0;

	for (; s->names[n]; n++) {
		if (!strcmp(s->names[n], text)) {
			*out = (int)n;
			return 0;
		}
		if (used < sizeof(list)) {
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 n ? ", " : "", s->names[n]);
		}
	}
	av_suggest_text(hint, av_suggest(text, n, list_at, s->names));
	if (used >= sizeof(list)) {
		return av_err_set(err, -EINVAL, "'%s': unknown '%.64s'%s",
				  s->name, text, hint);
	}
	return av_err_set(err, -EINVAL, "'%s' must be one of %s; not '%.64s'%s",
			  s->name, list, text, hint);
}

static int read_text(const struct arg_spec *s, const char *text,
		     const char **out, struct av_err *err)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 127) {
			return av_err_set(err, -EINVAL,
					  "'%s' holds a control character",
					  s->name);
		}
	}
	if (strlen(text) > ARG_TEXT_MAX) {
		return av_err_set(err, -EINVAL,
				  "'%s' is longer than %d characters", s->name,
				  ARG_TEXT_MAX);
	}
	*out = text;
	return 0;
}

int arg_read(const struct action *act, struct args *a, size_t i, bool person,
	     const char *text, struct av_err *err)
{
	const struct arg_spec *s = action_arg(act, a, i);
	int ret = 0;

	switch (s->type) {
	case ARG_STR:
	case ARG_TEXT:
		ret = read_text(s, text, &a->v[i].str, err);
		break;
	case ARG_NUM:
		ret = read_num(s, action_arg_dim(act, a, i), person, text,
			       &a->v[i].num, err);
		break;
	case ARG_TIME:
		if (vtime_parse(text, &a->v[i].time) < 0 || a->v[i].time < 0) {
			ret = av_err_set(err, -EINVAL,
					 "'%s' must be a time like 2.5s or "
					 "300ms, not '%.32s'",
					 s->name, text);
		}
		break;
	case ARG_BOOL:
		ret = read_bool(s, text, &a->v[i].flag, err);
		break;
	case ARG_ENUM:
		ret = read_enum(s, text, &a->v[i].idx, err);
		break;
	}
	a->has[i] = ret == 0;
	return ret;
}

int action_complete(const struct action *act, const struct args *a,
		    struct av_err *err)
{
	const struct arg_spec *s;

	for (size_t i = 0; (s = action_arg(act, a, i)); i++) {
		if (s->required && !a->has[i]) {
			return av_err_set(err, -EINVAL, "'%s' needs '%s' (%s)",
					  act->verb, s->name, s->help);
		}
	}
	return 0;
}

/* ---- a whole command ---- */

/* Cut the next word off *@p: a key up to '=' or blank. NULL at the end. */
static char *next_word(char **p)
{
	char *s = *p + strspn(*p, " "), *end;

	if (!*s) {
		return NULL;
	}
	end = s + strcspn(s, " =");
	*p = end;
	return s;
}

/* The value behind '=' at *@p, unquoted in place. NULL: quote left open. */
static char *next_value(char **p)
{
	char *s = *p, *from, *to;

	if (*s != '\'') {
		*p = s + strcspn(s, " ");
		if (**p) {
			*(*p)++ = '\0';
		}
		return s;
	}
	for (from = to = s + 1; *from; from++) {
		if (*from == '\'' && from[1] != '\'') {
			break;
		}
		from += *from == '\'';
		*to++ = *from;
	}
	if (!*from) {
		return NULL;
	}
	*to = '\0';
	*p = from + 1;
	return s + 1;
}

struct word_pair {
	char *key, *value;
};

/* Find @key among the arguments known now; -1 if it is none. */
static int find_arg(const struct action *act, const struct args *a,
		    const char *key)
{
	const struct arg_spec *s;

	for (size_t i = 0; (s = action_arg(act, a, i)); i++) {
		if (!strcmp(s->name, key)) {
			return (int)i;
		}
	}
	return -1;
}

struct arg_names {
	const struct action *act;
	const struct args *args;
};

static const char *arg_name(const void *ctx, size_t i)
{
	const struct arg_names *n = ctx;
	const struct arg_spec *s = action_arg(n->act, n->args, i);

	return s ? s->name : NULL;
}

int action_unknown_arg(const struct action *act, const struct args *a,
		       const char *key, struct av_err *err)
{
	struct arg_names names = { act, a };
	char hint[96];

	return av_err_set(err, -EINVAL, "'%s' has no argument '%.64s'%s",
			  act->verb, key,
			  av_suggest_text(hint, av_suggest(key, ACTION_ARGS_MAX,
							   arg_name, &names)));
}

/*
 * Arguments that others depend on come first in the table but may come last in
 * the text, so read in rounds: each takes what is known by now.
 */
static int read_pairs(const struct action *act, struct args *a,
		      struct word_pair *w, size_t n, struct av_err *err)
{
	bool progress = true;

	while (progress) {
		progress = false;
		for (size_t k = 0; k < n; k++) {
			int i = w[k].key ? find_arg(act, a, w[k].key) : -1;
			int ret;

			if (i < 0 ||
			    (action_arg(act, a, (size_t)i)->dim == DIM_N &&
			     !a->has[0])) {
				continue;
			}
			if (a->has[i]) {
				return av_err_set(err, -EINVAL,
						  "'%s' is given twice",
						  w[k].key);
			}
			ret = arg_read(act, a, (size_t)i, false, w[k].value,
				       err);
			if (ret < 0) {
				return ret;
			}
			w[k].key = NULL;
			progress = true;
		}
	}
	for (size_t k = 0; k < n; k++) {
		if (w[k].key && find_arg(act, a, w[k].key) < 0) {
			return action_unknown_arg(act, a, w[k].key, err);
		}
	}
	return action_complete(act, a, err);
}

static int split_pairs(char *p, struct word_pair *w, size_t *n,
		       struct av_err *err)
{
	char *key;

	for (*n = 0; (key = next_word(&p)); (*n)++) {
		if (*n == ACTION_ARGS_MAX) {
			return av_err_set(err, -EINVAL, "too many arguments");
		}
		if (*p != '=') {
			return av_err_set(err, -EINVAL,
					  "want key=value, not '%.64s'", key);
		}
		*p++ = '\0';
		w[*n].key = key;
		w[*n].value = next_value(&p);
		if (!w[*n].value) {
			return av_err_set(err, -EINVAL,
					  "the quote of '%.64s' is not closed",
					  key);
		}
	}
	return 0;
}

int action_parse(const char *text, const struct action **out, struct args *args,
		 void **arena, struct av_err *err)
{
	struct word_pair w[ACTION_ARGS_MAX];
	size_t n = 0, len = strlen(text);
	char hint[96], *copy, *p, *verb;
	const struct action *act = NULL;
	int ret;

	*arena = NULL;
	*args = (struct args){ 0 };
	copy = malloc(len + 1);
	if (!copy) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	memcpy(copy, text, len + 1);
	p = copy;
	verb = next_word(&p);
	if (!verb || *p == '=') {
		ret = av_err_set(err, -EINVAL, "want a verb first");
		goto out;
	}
	if (*p) {
		*p++ = '\0';
	}
	act = action_find(verb);
	if (!act) {
		ret = av_err_set(err, -EINVAL, "unknown action '%.64s'%s", verb,
				 av_suggest_text(hint, action_suggest(verb)));
		goto out;
	}
	ret = split_pairs(p, w, &n, err);
	if (ret == 0) {
		ret = read_pairs(act, args, w, n, err);
	}
out:
	if (ret < 0) {
		free(copy);
		return ret;
	}
	*out = act;
	*arena = copy;
	return 0;
}

/* ---- canonical text ---- */

struct sink {
	char *buf;
	size_t size, n;
};

static void put_char(struct sink *o, char c)
{
	if (o->n + 1 < o->size) {
		o->buf[o->n] = c;
	}
	o->n++;
}

static void put(struct sink *o, const char *s)
{
	while (*s) {
		put_char(o, *s++);
	}
}

static void put_str(struct sink *o, const char *s)
{
	if (*s && !strpbrk(s, " '")) {
		put(o, s);
		return;
	}
	put_char(o, '\'');
	for (; *s; s++) {
		if (*s == '\'') {
			put_char(o, '\'');
		}
		put_char(o, *s);
	}
	put_char(o, '\'');
}

static void put_time(struct sink *o, vtime t)
{
	char buf[VTIME_STR_MAX];
	size_t n = vtime_format(t, buf);

	while (n > 0 && buf[n - 1] == '0') {
		n--;
	}
	buf[n > 0 && buf[n - 1] == '.' ? n - 1 : n] = '\0';
	put(o, buf);
}

size_t action_text(const struct action *a, const struct args *args, char *buf,
		   size_t size)
{
	struct sink o = { .buf = buf, .size = size };
	const struct arg_spec *s;
	char num[32];

	put(&o, a->verb);
	for (size_t i = 0; (s = action_arg(a, args, i)); i++) {
		if (!args->has[i]) {
			continue;
		}
		put_char(&o, ' ');
		put(&o, s->name);
		put_char(&o, '=');
		switch (s->type) {
		case ARG_STR:
		case ARG_TEXT:
			put_str(&o, args->v[i].str);
			break;
		case ARG_NUM:
			put(&o, sc_num(args->v[i].num, num));
			break;
		case ARG_TIME:
			put_time(&o, args->v[i].time);
			break;
		case ARG_BOOL:
			put(&o, args->v[i].flag ? "true" : "false");
			break;
		case ARG_ENUM:
			put(&o, s->names[args->v[i].idx]);
			break;
		}
	}
	if (size > 0) {
		buf[o.n < size ? o.n : size - 1] = '\0';
	}
	return o.n;
}

/* ---- checks ---- */

static int no_device(const struct world *w, const char *type, const char *name,
		     struct av_err *err)
{
	char names[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < w->n_devices && n < sizeof(names); i++) {
		if (!strcmp(w->device[i].type, type)) {
			n += (size_t)snprintf(names + n, sizeof(names) - n,
					      "%s%s", n ? ", " : "",
					      w->device[i].name);
		}
	}
	return n ? av_err_set(err, -ENODEV,
			      "no %s device '%.64s'; there are: %s", type,
			      name, names)
		 : av_err_set(err, -ENODEV,
			      "no %s device '%.64s': this run has none; add "
			      "one with --device",
			      type, name);
}

static bool has_device(const struct world *w, const char *type,
		       const char *name)
{
	for (size_t i = 0; i < w->n_devices; i++) {
		if (!strcmp(w->device[i].type, type) &&
		    !strcmp(w->device[i].name, name)) {
			return true;
		}
	}
	return false;
}

int action_check(struct world *w, const struct action *act,
		 const struct args *a, bool now, struct av_err *err)
{
	int ret = act->check ? act->check(w, a, err) : 0;
	const struct arg_spec *s;

	if (!w->n_devices && !now) {
		return ret;
	}
	for (size_t i = 0; !ret && (s = action_arg(act, a, i)); i++) {
		if (s->device && a->has[i] &&
		    !has_device(w, s->device, a->v[i].str)) {
			ret = no_device(w, s->device, a->v[i].str, err);
		}
	}
	return ret;
}

/* ---- the command queue's handler ---- */

static int apply_text(struct world *w, const char *text, struct av_err *err)
{
	const struct action *act;
	struct args args;
	void *arena;
	int ret = action_parse(text, &act, &args, &arena, err);

	if (ret < 0) {
		return ret;
	}
	ret = action_check(w, act, &args, false, err);
	if (ret == 0) {
		ret = act->apply(w, &args, err);
	}
	free(arena);
	return ret;
}

int action_command(void *ctx, const struct cmd *c, struct av_err *err)
{
	struct world *w = ctx;
	int ret;

	if (c->kind == CMD_ACTUATE) {
		if (!w->vehicle || c->var >= VV_N) {
			return av_err_set(err, -ENODEV, "no simulated vehicle");
		}
		return vehicle_actuate(w->vehicle, (enum vehicle_var)c->var,
				       c->value, err);
	}
	w->cmd = c;
	ret = apply_text(w, c->text, err);
	w->cmd = NULL;
	if (ret < 0 && c->source == CMD_FROM_SCENARIO && w->scenario) {
		scenario_refused(w->scenario, c, err);
	}
	return ret;
}
