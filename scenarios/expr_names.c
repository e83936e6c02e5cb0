/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: what a name means in a world, and what was meant by a wrong one.
 */
#include "config.h"

#include "scenarios/expr_int.h"
#include "sim/services/power.h"
#include "sim/world.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct type bad_type = { TYPE_BAD, DIM_NONE, false };

struct type expr_complain(struct binder *b, const struct node *n,
			  const char *fmt, ...)
{
	char msg[600];
	va_list ap;

	b->bad = true;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	b->report(b->ctx, n->off, msg);
	return bad_type;
}

/* ---- units ---- */

static enum av_dim unit_dim(const char *unit, double *scale, double *offset)
{
	const struct av_unit *u = av_unit_find(unit);

	*scale = u ? u->scale : 1;
	*offset = u ? u->offset : 0;
	return u ? u->dim : DIM_NONE;
}

enum av_dim scenario_var_dim(enum vehicle_var var)
{
	const struct av_unit *u = av_unit_find(vehicle_var_info[var].unit);

	return u ? u->dim : DIM_NONE;
}

const struct av_unit *scenario_prop_unit(int32_t prop)
{
	static const struct {
		const char *vhal, *unit;
	} names[] = {
		{ "AMPERE", "A" },
		{ "BAR", "bar" },
		{ "CELSIUS", "degC" },
		{ "DEGREES", "deg" },
		{ "FAHRENHEIT", "degF" },
		{ "HERTZ", "Hz" },
		{ "KELVIN", "K" },
		{ "KILOMETER", "km" },
		{ "KILOMETERS_PER_HOUR", "km/h" },
		{ "KILOPASCAL", "kPa" },
		{ "KILOWATT_HOUR", "kWh" },
		{ "METER", "m" },
		{ "METER_PER_SEC", "m/s" },
		{ "MILE", "mi" },
		{ "MILES_PER_HOUR", "mph" },
		{ "MILLIAMPERE", "mA" },
		{ "MILLIMETER", "mm" },
		{ "MILLIVOLT", "mV" },
		{ "MILLIWATTS", "mW" },
		{ "MILLI_SECS", "ms" },
		{ "NANO_SECS", "ns" },
		{ "PERCENTILE", "%" },
		{ "PSI", "psi" },
		{ "RPM", "rpm" },
		{ "SECS", "s" },
		{ "WATT_HOUR", "Wh" },
	};
	const struct vhal_prop_info *info = vhal_prop_by_id(prop);
	const char *name = info && info->unit ? info->unit : "";
	const char *colon = strrchr(name, ':');

	name = colon ? colon + 1 : name;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i].vhal, name)) {
			return av_unit_find(names[i].unit);
		}
	}
	return *name ? av_unit_find(name) : NULL;
}

/* ---- names ---- */

static bool ref_signal(struct binder *b, const char *name, struct ref *r)
{
	int idx = b->w->signals ? signals_find(b->w->signals, name) : -1;

	if (idx < 0) {
		return false;
	}
	r->in = (struct input){ .kind = INPUT_SIGNAL,
				.idx = (uint32_t)idx,
				.name = name };
	r->type.kind = TYPE_NUM;
	r->type.dim = unit_dim(signals_unit(b->w->signals, (uint32_t)idx),
			       &r->in.scale, &r->in.offset);
	r->signal = signals_dbc(b->w->signals, (uint32_t)idx);
	return true;
}

/* @err tells why not, @type is TYPE_BAD then. */
static bool ref_prop(struct binder *b, const char *name, struct ref *r,
		     struct av_err *err)
{
	const struct vhal_prop_info *info;
	const struct av_unit *u;
	int32_t prop, area;
	int slot;

	if (!b->w->vhal || vhal_find(b->w->vhal, name, &prop, &area, err) < 0) {
		return false;
	}
	slot = vhal_slot_of(b->w->vhal, prop, area);
	if (slot < 0) {
		return false;
	}
	info = vhal_prop_by_id(prop);
	u = scenario_prop_unit(prop);
	r->in = (struct input){ .kind = INPUT_PROP,
				.idx = (uint32_t)slot,
				.scale = u ? u->scale : 1,
				.offset = u ? u->offset : 0,
				.name = name };
	r->type.dim = u ? u->dim : DIM_NONE;
	r->enum_name = info && info->enum_name && *info->enum_name
			       ? info->enum_name
			       : NULL;
	switch (prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
		r->type.kind = TYPE_BOOL;
		return true;
	case VHAL_TYPE_INT32:
	case VHAL_TYPE_INT64:
	case VHAL_TYPE_FLOAT:
	case VHAL_TYPE_INT32_VEC: /* of a list: the first */
	case VHAL_TYPE_INT64_VEC:
	case VHAL_TYPE_FLOAT_VEC:
		r->type.kind = TYPE_NUM;
		return true;
	case VHAL_TYPE_STRING:
		r->type.kind = TYPE_NUM;
		r->text = true;
		return true;
	default:
		av_err_set(err, -EINVAL,
			   "%s has no value that a condition could compare",
			   name);
		return false;
	}
}

static const char *any_name(const void *ctx, size_t i)
{
	static const char *const words[] = { "t", "route_left", "cross_track",
					     "arrived", "power" };
	const struct world *w = ctx;
	size_t n = sizeof(words) / sizeof(words[0]);

	if (i < n) {
		return words[i];
	}
	i -= n;
	n = w->vhal ? vhal_n_slots(w->vhal) : 0;
	if (i < n) {
		return vhal_slot_name(w->vhal, (uint32_t)i);
	}
	i -= n;
	return signals_key(w->signals, (uint32_t)i);
}

static struct type unknown_name(struct binder *b, const struct node *n,
				const struct av_err *why)
{
	size_t count = 5;
	char hint[96];
	const char *near;

	if (!strncmp(why->msg, n->text, strlen(n->text)) ||
	    strchr(n->text, '/')) {
		return expr_complain(b, n, "%s", why->msg);
	}
	if (vehicle_var_find(n->text) >= 0) {
		return expr_complain(
			b, n,
			"unknown name '%.64s' (did you mean the model "
			"variable, var(%.64s)?)",
			n->text, n->text);
	}
	count += b->w->vhal ? vhal_n_slots(b->w->vhal) : 0;
	count += b->w->signals ? signals_count(b->w->signals) : 0;
	near = av_suggest(n->text, count, any_name, b->w);
	if (!near && why->msg[0]) {
		return expr_complain(b, n, "%s", why->msg);
	}
	return expr_complain(b, n, "unknown signal or property '%.64s'%s",
			     n->text, av_suggest_text(hint, near));
}

static bool builtin(const char *name, struct ref *r)
{
	static const struct {
		const char *name;
		enum input_kind kind;
		struct type type;
		const char *const *words;
	} rows[] = {
		{ "t", INPUT_TIME, { TYPE_NUM, DIM_TIME, false }, NULL },
		{ "route_left",
		  INPUT_ROUTE_LEFT,
		  { TYPE_NUM, DIM_LENGTH, false },
		  NULL },
		{ "cross_track",
		  INPUT_CROSS_TRACK,
		  { TYPE_NUM, DIM_LENGTH, false },
		  NULL },
		{ "arrived",
		  INPUT_ARRIVED,
		  { TYPE_BOOL, DIM_NONE, false },
		  NULL },
		{ "power",
		  INPUT_POWER,
		  { TYPE_NUM, DIM_NONE, false },
		  power_state_names },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!strcmp(rows[i].name, name)) {
			*r = (struct ref){ .type = rows[i].type,
					   .words = rows[i].words,
					   .in = { .kind = rows[i].kind,
						   .scale = 1,
						   .name = rows[i].name } };
			return true;
		}
	}
	return false;
}

static const char *var_name(const void *ctx, size_t i)
{
	(void)ctx;
	return vehicle_var_info[i].name;
}

static bool resolve_var(struct binder *b, const struct node *call,
			struct ref *r)
{
	const struct node *arg = call->kid;
	char hint[96];
	int var = arg->kind == NODE_NAME ? vehicle_var_find(arg->text) : -1;

	if (var < 0) {
		expr_complain(
			b, arg, "var() wants a variable of the model%s",
			av_suggest_text(hint,
					arg->kind == NODE_NAME
						? av_suggest(arg->text, VV_N,
							     var_name, NULL)
						: NULL));
		return false;
	}
	*r = (struct ref){ .type = { TYPE_NUM,
				     scenario_var_dim((enum vehicle_var)var),
				     false },
			   .in = { .kind = INPUT_VAR,
				   .idx = (uint32_t)var,
				   .scale = 1,
				   .name = vehicle_var_info[var].name } };
	return true;
}

/* A name, var(NAME) or set(NAME); reports what it cannot resolve. */
bool expr_resolve(struct binder *b, const struct node *n, struct ref *r)
{
	struct av_err err = { 0 };
	bool is_set = n->kind == NODE_CALL && n->func == FUNC_SET;
	const struct node *name = is_set ? n->kid : n;

	*r = (struct ref){ .type = bad_type };
	if (n->kind == NODE_CALL && n->func == FUNC_VAR) {
		return resolve_var(b, n, r);
	}
	if (name->kind != NODE_NAME) {
		expr_complain(b, name, "want the name of a %s here",
			      is_set ? "property" : "signal or property");
		return false;
	}
	if (!is_set &&
	    (builtin(name->text, r) || ref_signal(b, name->text, r))) {
		return true;
	}
	if (!ref_prop(b, name->text, r, &err)) {
		unknown_name(b, name, &err);
		return false;
	}
	if (is_set) {
		r->in.kind = INPUT_SET;
		r->type.kind = TYPE_NUM;
		if (r->text) {
			expr_complain(b, name,
				      "set() of a text cannot be watched");
			return false;
		}
	}
	return true;
}

/* Whether @n names something of the world (so it is no enum label). */
bool expr_is_known(struct binder *b, const struct node *n)
{
	struct av_err err;
	struct ref r;

	if (n->kind != NODE_NAME) {
		return n->kind == NODE_CALL;
	}
	return builtin(n->text, &r) || ref_signal(b, n->text, &r) ||
	       ref_prop(b, n->text, &r, &err);
}
