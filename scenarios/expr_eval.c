/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: inputs read once per step, programs run where one changed. */
#include "config.h"

#include "scenarios/arena.h"
#include "scenarios/expr_int.h"
#include "sim/services/power.h"
#include "sim/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void inputs_finish(struct inputs *in)
{
	free(in->v);
	*in = (struct inputs){ 0 };
}

static double value_of(const struct vhal_value *v)
{
	if (v->status != VHAL_AVAILABLE) {
		return NAN;
	}
	return v->n_i32 > 0   ? v->i32[0]
	       : v->n_f32 > 0 ? (double)v->f32[0]
	       : v->n_i64 > 0 ? (double)v->i64[0]
			      : NAN;
}

static double read_input(struct input *i, const struct world *w, vtime now)
{
	const struct vhal_value *v;
	struct driver_status st;
	vtime when, seen;
	double x;

	switch (i->kind) {
	case INPUT_SIGNAL:
		return signals_value(w->signals, i->idx, &when, &seen) *
			       i->scale +
		       i->offset;
	case INPUT_PROP:
		return value_of(vhal_get(w->vhal, i->idx)) * i->scale +
		       i->offset;
	case INPUT_TEXT:
		v = vhal_get(w->vhal, i->idx);
		return v->status == VHAL_AVAILABLE && v->str
			       ? !strcmp(v->str, i->text)
			       : (double)NAN;
	case INPUT_VAR:
		return w->vehicle ? w->state.v[i->idx] : (double)NAN;
	case INPUT_TIME:
		return vtime_to_s(now);
	case INPUT_SET:
		x = i->set;
		i->set = NAN;
		return x;
	case INPUT_POWER:
		return power_state(w->power);
	case INPUT_ROUTE_LEFT:
	case INPUT_CROSS_TRACK:
	case INPUT_ARRIVED:
		break;
	}
	if (!w->vehicle) {
		return NAN;
	}
	vehicle_driver_status(w->vehicle, &st);
	return i->kind == INPUT_ROUTE_LEFT    ? st.route_left_m
	       : i->kind == INPUT_CROSS_TRACK ? st.cross_track_m
					      : st.phase == DRIVER_ARRIVED;
}

void inputs_read(struct inputs *in, const struct world *w, vtime now)
{
	for (size_t k = 0; k < in->n; k++) {
		struct input *i = &in->v[k];
		double x = read_input(i, w, now);

		i->changed = in->fresh ||
			     (x != i->value && !(isnan(x) && isnan(i->value)));
		i->value = x;
		i->seen = i->seen || !isnan(x);
	}
	in->fresh = false;
}

void inputs_set(struct inputs *in, uint32_t slot, const struct vhal_value *v)
{
	for (size_t k = 0; k < in->n; k++) {
		struct input *i = &in->v[k];

		if (i->kind == INPUT_SET && i->idx == slot) {
			i->set = value_of(v) * i->scale + i->offset;
		}
	}
}

/* Even-odd rule. */
static bool zone_holds(const struct zone *z, double x, double y)
{
	bool in = false;

	if (z->n == 0) {
		double dx = x - z->x_m, dy = y - z->y_m;

		return dx * dx + dy * dy <= z->radius_m * z->radius_m;
	}
	for (size_t i = 0, j = z->n - 1; i < z->n; j = i++) {
		const double *a = z->point[i], *b = z->point[j];

		if ((a[1] > y) != (b[1] > y) &&
		    x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]) {
			in = !in;
		}
	}
	return in;
}

/* Values pass through 32-bit floats on their way (FLOAT properties), so equal
 * means equal to their precision. */
static bool same(double a, double b)
{
	return a == b || fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

static bool is_stale(const struct world *w, uint32_t idx, double limit_s,
		     vtime now)
{
	vtime when, seen;

	signals_value(w->signals, idx, &when, &seen);
	return seen == VT_NEVER ? vtime_to_s(now) > limit_s
				: vtime_to_s(now - seen) > limit_s;
}

static double run(const struct expr *e, const struct expr_scope *scope,
		  const struct world *w, vtime now)
{
	const struct input *in = scope->in->v;
	double st[EXPR_STACK_MAX];
	size_t n = 0;

	for (const struct insn *c = e->code; c < e->code + e->n_code; c++) {
		double a, b;

		switch (c->op) {
		case OP_CONST:
			st[n++] = c->num;
			continue;
		case OP_LOAD:
			st[n++] = in[c->idx].value;
			continue;
		case OP_CHANGED:
			st[n++] = in[c->idx].changed;
			continue;
		case OP_MISSING:
			st[n++] = isnan(in[c->idx].value);
			continue;
		case OP_STALE:
			st[n++] = is_stale(w, c->idx, c->num, now);
			continue;
		case OP_TRUTH:
			st[n - 1] = !isnan(st[n - 1]) && st[n - 1] != 0;
			continue;
		case OP_NEG:
			st[n - 1] = -st[n - 1];
			continue;
		case OP_ABS:
			st[n - 1] = fabs(st[n - 1]);
			continue;
		case OP_NOT:
			st[n - 1] = !(st[n - 1] == 1);
			continue;
		default:
			break;
		}
		b = st[--n];
		a = st[n - 1];
		switch (c->op) {
		case OP_OR:
			a = a == 1 || b == 1;
			break;
		case OP_AND:
			a = a == 1 && b == 1;
			break;
		case OP_EQ:
			a = same(a, b);
			break;
		case OP_NE:
			a = !isnan(a) && !isnan(b) && !same(a, b);
			break;
		case OP_LT:
			a = a < b;
			break;
		case OP_LE:
			a = a <= b;
			break;
		case OP_GT:
			a = a > b;
			break;
		case OP_GE:
			a = a >= b;
			break;
		case OP_ADD:
			a += b;
			break;
		case OP_SUB:
			a -= b;
			break;
		case OP_MUL:
			a *= b;
			break;
		case OP_DIV:
			a /= b;
			break;
		case OP_MIN:
			a = isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
			break;
		case OP_MAX:
			a = isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
			break;
		case OP_HYPOT:
			a = sqrt(a * a + b * b);
			break;
		case OP_ZONE:
			a = zone_holds(&scope->zone[c->idx], a, b);
			break;
		default:
			break;
		}
		st[n - 1] = a;
	}
	return st[0];
}

bool expr_true(struct expr *e, const struct expr_scope *scope,
	       const struct world *w, vtime now)
{
	bool again = !e->known || e->always_run;

	for (size_t i = 0; i < e->n_inputs && !again; i++) {
		again = scope->in->v[e->input[i]].changed;
	}
	if (again) {
		/* a missing BOOLEAN property is NaN: not true */
		e->last = run(e, scope, w, now) == 1;
		e->known = true;
	}
	return e->last;
}

bool expr_ready(const struct expr *e, const struct inputs *in)
{
	for (size_t i = 0; i < e->n_code; i++) {
		if (e->code[i].op == OP_MISSING || e->code[i].op == OP_STALE) {
			return true; /* it asks just that */
		}
	}
	for (size_t k = 0; k < e->n_inputs; k++) {
		const struct input *i = &in->v[e->input[k]];

		if (!i->seen && i->kind != INPUT_SET) {
			return false;
		}
	}
	return true;
}

void expr_values(const struct expr *e, const struct inputs *in, char *buf,
		 size_t size)
{
	size_t n = 0;

	if (size > 0) {
		buf[0] = '\0';
	}
	for (size_t k = 0; k < e->n_inputs && n < size; k++) {
		const struct input *i = &in->v[e->input[k]];
		double own = i->scale != 0 ? (i->value - i->offset) / i->scale
					   : i->value;

		if (isnan(own)) {
			n += (size_t)snprintf(buf + n, size - n,
					      "%s%s is missing", k ? ", " : "",
					      i->name);
		} else if (i->kind == INPUT_POWER) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s = %s",
					      k ? ", " : "", i->name,
					      power_state_names[(int)own]);
		} else {
			n += (size_t)snprintf(buf + n, size - n, "%s%s = %.6g",
					      k ? ", " : "", i->name, own);
		}
	}
}
