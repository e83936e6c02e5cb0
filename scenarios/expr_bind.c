/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: names to inputs, types and units, compilation.
 *
 * Types are checked here so that a condition that can never make sense is an
 * error before the run: comparing a speed with a length, or a speed with a
 * number that has no unit.
 */
#include "config.h"

#include "scenarios/action.h"
#include "scenarios/arena.h"
#include "scenarios/expr_int.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct type bad_type = { TYPE_BAD, DIM_NONE, false };
static const struct type bool_type = { TYPE_BOOL, DIM_NONE, false };

/* ---- code ---- */

static void emit(struct binder *b, enum opcode op, uint32_t idx, double num)
{
	struct expr *e = b->e;

	if (e->n_code == b->room) {
		size_t room = b->room ? b->room * 2 : 8;
		struct insn *v = sc_allocn(b->scope->mem, room, sizeof(*v));

		if (!v) {
			b->no_memory = true;
			return;
		}
		if (e->n_code > 0) {
			memcpy(v, e->code, e->n_code * sizeof(*v));
		}
		e->code = v;
		b->room = room;
	}
	e->code[e->n_code++] =
		(struct insn){ .op = op, .idx = idx, .num = num };
	if (op == OP_CONST || op == OP_LOAD || op == OP_CHANGED ||
	    op == OP_MISSING || op == OP_STALE) {
		b->stack++;
	} else if (op >= OP_OR) {
		b->stack--;
	}
	b->stack_max = b->stack > b->stack_max ? b->stack : b->stack_max;
}

/* Index of an input like @in, new or shared with other expressions. */
static uint32_t input_of(struct binder *b, const struct input *in)
{
	struct inputs *all = b->scope->in;
	struct expr *e = b->e;
	uint32_t i = 0;

	while (i < all->n &&
	       !(all->v[i].kind == in->kind && all->v[i].idx == in->idx &&
		 (!in->text || !strcmp(all->v[i].text, in->text)))) {
		i++;
	}
	if (i == all->n) {
		if (all->n == all->room) {
			size_t room = all->room ? all->room * 2 : 16;
			struct input *v = realloc(all->v, room * sizeof(*v));

			if (!v) {
				b->no_memory = true;
				return 0;
			}
			all->v = v;
			all->room = room;
		}
		all->v[all->n] = *in;
		all->v[all->n].value = NAN;
		all->v[all->n].set = NAN;
		all->n++;
	}
	for (size_t k = 0; k < e->n_inputs; k++) {
		if (e->input[k] == i) {
			return i;
		}
	}
	if (e->n_inputs == b->n_inputs_room) {
		size_t room = b->n_inputs_room ? b->n_inputs_room * 2 : 4;
		uint32_t *v = sc_allocn(b->scope->mem, room, sizeof(*v));

		if (!v) {
			b->no_memory = true;
			return 0;
		}
		if (e->n_inputs > 0) {
			memcpy(v, e->input, e->n_inputs * sizeof(*v));
		}
		e->input = v;
		b->n_inputs_room = room;
	}
	e->input[e->n_inputs++] = i;
	return i;
}

/* ---- labels: GEAR_SELECTION == GEAR_PARK ---- */

static bool can_be_ref(const struct node *n)
{
	return n->kind == NODE_NAME ||
	       (n->kind == NODE_CALL &&
		(n->func == FUNC_VAR || n->func == FUNC_SET));
}

struct label_names {
	const struct dbc_signal *s;
};

static const char *label_at(const void *ctx, size_t i)
{
	const struct label_names *l = ctx;

	return l->s->label[i].text;
}

static const char *word_at(const void *words, size_t i)
{
	return ((const char *const *)words)[i];
}

static bool word_value(struct binder *b, const struct node *label,
		       const struct ref *r, double *out)
{
	char hint[96];
	size_t n = 0;

	for (; r->words[n]; n++) {
		if (!strcmp(r->words[n], label->text)) {
			*out = (double)n;
			return true;
		}
	}
	expr_complain(b, label, "'%.64s' is no value of %s%s", label->text,
		      r->in.name,
		      av_suggest_text(hint, av_suggest(label->text, n, word_at,
						       r->words)));
	return false;
}

static bool label_value(struct binder *b, const struct node *label,
			const struct ref *r, double *out)
{
	const struct dbc_signal *s = r->signal;
	char hint[96] = "";
	int64_t v;

	if (r->words) {
		return word_value(b, label, r, out);
	}
	for (size_t i = 0; s && i < s->n_labels; i++) {
		if (!strcmp(s->label[i].text, label->text)) {
			*out = dbc_to_phys(s, s->label[i].raw) * r->in.scale +
			       r->in.offset;
			return true;
		}
	}
	if (r->enum_name &&
	    vhal_enum_value(r->enum_name, label->text, &v) == 0) {
		*out = (double)v * r->in.scale + r->in.offset;
		return true;
	}
	if (r->enum_name) {
		av_suggest_text(hint,
				vhal_enum_suggest(r->enum_name, label->text));
	} else if (s && s->n_labels > 0) {
		struct label_names names = { s };

		av_suggest_text(hint, av_suggest(label->text, s->n_labels,
						 label_at, &names));
	}
	if (r->enum_name || (s && s->n_labels > 0)) {
		expr_complain(b, label, "'%.64s' is no value of %s%s",
			      label->text,
			      r->enum_name ? r->enum_name : r->in.name, hint);
	} else {
		expr_complain(b, label, "%s has no named values like '%.64s'",
			      r->in.name, label->text);
	}
	return false;
}

/*
 * One side names an input, the other is a word that names nothing: a label. A
 * string property compares with a string. False: an ordinary comparison.
 */
static bool compare_label(struct binder *b, const struct node *n,
			  struct type *out)
{
	const struct node *ref = n->kid, *word = n->kid->next;
	double value;
	struct ref r;

	/* where neither is known, the left one is taken for the misspelt name */
	if (can_be_ref(word) &&
	    (ref->kind == NODE_STR || !can_be_ref(ref) ||
	     (!expr_is_known(b, ref) && expr_is_known(b, word)))) {
		ref = n->kid->next;
		word = n->kid;
	}
	if (!can_be_ref(ref) ||
	    (word->kind != NODE_STR &&
	     (word->kind != NODE_NAME || expr_is_known(b, word)))) {
		return false;
	}
	*out = bool_type;
	if (!expr_resolve(b, ref, &r)) {
		*out = bad_type;
		return true;
	}
	if (n->kind != NODE_EQ && n->kind != NODE_NE) {
		*out = expr_complain(b, n,
				     "'%.64s' can only be compared with == and "
				     "!=",
				     word->text);
		return true;
	}
	if (r.text) {
		r.in.kind = INPUT_TEXT;
		r.in.text = word->text;
		emit(b, OP_LOAD, input_of(b, &r.in), 0);
		emit(b, OP_CONST, 0, 1);
	} else if (label_value(b, word, &r, &value)) {
		emit(b, OP_LOAD, input_of(b, &r.in), 0);
		emit(b, OP_CONST, 0, value);
	} else {
		*out = bad_type;
		return true;
	}
	emit(b, n->kind == NODE_EQ ? OP_EQ : OP_NE, 0, 0);
	return true;
}

/* ---- types ---- */

static const char *dim_text(enum av_dim dim)
{
	static const char *const names[DIM_N] = {
		[DIM_NONE] = "a number",
		[DIM_RATIO] = "a ratio",
		[DIM_TIME] = "a time",
		[DIM_LENGTH] = "a length",
		[DIM_SPEED] = "a speed",
		[DIM_ACCEL] = "an acceleration",
		[DIM_ANGLE] = "an angle",
		[DIM_ANGLE_RATE] = "a turn rate",
		[DIM_TEMPERATURE] = "a temperature",
		[DIM_PRESSURE] = "a pressure",
		[DIM_MASS] = "a mass",
		[DIM_FORCE] = "a force",
		[DIM_TORQUE] = "a torque",
		[DIM_POWER] = "a power",
		[DIM_ENERGY] = "an energy",
		[DIM_VOLTAGE] = "a voltage",
		[DIM_CURRENT] = "a current",
		[DIM_FREQUENCY] = "a frequency",
		[DIM_DATA_RATE] = "a data rate",
	};

	return names[dim];
}

static bool plain(enum av_dim dim)
{
	return dim == DIM_NONE || dim == DIM_RATIO;
}

/* May @l and @r be compared or added? A bare number takes the other's unit
 * where everybody knows it, and 0 is 0 in any (but not a temperature). */
static bool fits(struct binder *b, const struct node *n, struct type l,
		 struct type r, enum av_dim *dim)
{
	const struct node *lit = l.bare ? n->kid : n->kid->next;
	enum av_dim d = l.bare ? r.dim : l.dim;

	*dim = d;
	if (l.dim == r.dim || (plain(l.dim) && plain(r.dim))) {
		return true;
	}
	if (l.bare != r.bare) {
		if (!arg_needs_unit(d) || lit->num == 0) {
			return true;
		}
		expr_complain(b, lit,
			      "the number needs a unit of %s, like '%g %s'",
			      dim_text(d), lit->num, arg_unit_example(d));
		return false;
	}
	expr_complain(b, n, "%s and %s do not go together here",
		      dim_text(l.dim), dim_text(r.dim));
	return false;
}

static struct type compile(struct binder *b, const struct node *n);

static struct type number(struct binder *b, const struct node *n)
{
	struct type t = compile(b, n);

	if (t.kind == TYPE_BOOL) {
		return expr_complain(b, n,
				     "this is true or false, a number is "
				     "wanted here");
	}
	return t;
}

/* As a yes or no: a plain number is true unless it is 0, set() if it
 * happened. */
static struct type truth(struct binder *b, const struct node *n)
{
	struct type t = compile(b, n);

	if (t.kind == TYPE_BAD || t.kind == TYPE_BOOL) {
		return t;
	}
	if (n->kind == NODE_CALL && n->func == FUNC_SET) {
		struct insn *load = &b->e->code[b->e->n_code - 1];

		load->op = OP_MISSING;
		emit(b, OP_NOT, 0, 0);
		return bool_type;
	}
	if (!plain(t.dim) || n->kind == NODE_NUM) {
		return expr_complain(b, n,
				     "compare it with something: this is %s, "
				     "not true or false",
				     dim_text(t.dim));
	}
	emit(b, OP_TRUTH, 0, 0);
	return bool_type;
}

static const struct {
	enum av_dim l, r, product;
} products[] = {
	{ DIM_SPEED, DIM_TIME, DIM_LENGTH },
	{ DIM_ACCEL, DIM_TIME, DIM_SPEED },
	{ DIM_POWER, DIM_TIME, DIM_ENERGY },
	{ DIM_VOLTAGE, DIM_CURRENT, DIM_POWER },
	{ DIM_FORCE, DIM_LENGTH, DIM_ENERGY },
	{ DIM_FORCE, DIM_SPEED, DIM_POWER },
	{ DIM_TORQUE, DIM_ANGLE_RATE, DIM_POWER },
	{ DIM_ANGLE_RATE, DIM_TIME, DIM_ANGLE },
	{ DIM_MASS, DIM_ACCEL, DIM_FORCE },
};
#define N_PRODUCTS (sizeof(products) / sizeof(products[0]))

static struct type multiply(struct binder *b, const struct node *n,
			    struct type l, struct type r)
{
	struct type t = { TYPE_NUM, DIM_NONE, false };
	bool div = n->kind == NODE_DIV;

	if (plain(r.dim)) {
		t.dim = l.dim;
		return t;
	}
	if (div && l.dim == r.dim) {
		return t;
	}
	if (!div && plain(l.dim)) {
		t.dim = r.dim;
		return t;
	}
	for (size_t i = 0; i < N_PRODUCTS; i++) {
		if (!div &&
		    ((products[i].l == l.dim && products[i].r == r.dim) ||
		     (products[i].l == r.dim && products[i].r == l.dim))) {
			t.dim = products[i].product;
			return t;
		}
		if (div && products[i].product == l.dim &&
		    (products[i].r == r.dim || products[i].l == r.dim)) {
			t.dim = products[i].r == r.dim ? products[i].l
						       : products[i].r;
			return t;
		}
	}
	return expr_complain(b, n, "cannot %s %s %s %s",
			     div ? "divide" : "multiply", dim_text(l.dim),
			     div ? "by" : "and", dim_text(r.dim));
}

static struct type arithmetic(struct binder *b, const struct node *n)
{
	static const enum opcode ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV };
	struct type l = number(b, n->kid), r = number(b, n->kid->next);
	struct type t = { TYPE_NUM, DIM_NONE, false };

	emit(b, ops[n->kind - NODE_ADD], 0, 0);
	if (l.kind == TYPE_BAD || r.kind == TYPE_BAD) {
		return bad_type;
	}
	if (n->kind == NODE_MUL || n->kind == NODE_DIV) {
		return multiply(b, n, l, r);
	}
	return fits(b, n, l, r, &t.dim) ? t : bad_type;
}

static struct type comparison(struct binder *b, const struct node *n)
{
	static const enum opcode ops[] = { OP_EQ, OP_NE, OP_LT,
					   OP_LE, OP_GT, OP_GE };
	struct type l, r;
	enum av_dim dim;

	if (compare_label(b, n, &l)) {
		return l;
	}
	l = compile(b, n->kid);
	r = compile(b, n->kid->next);
	emit(b, ops[n->kind - NODE_EQ], 0, 0);
	if (l.kind == TYPE_BAD || r.kind == TYPE_BAD) {
		return bad_type;
	}
	if (l.kind == TYPE_BOOL || r.kind == TYPE_BOOL) {
		bool same = l.kind == r.kind ||
			    (l.kind == TYPE_NUM ? plain(l.dim) : plain(r.dim));

		if (!same || (n->kind != NODE_EQ && n->kind != NODE_NE)) {
			return expr_complain(b, n,
					     "true or false can only be "
					     "compared with == and !=, and "
					     "with its like");
		}
		return bool_type;
	}
	return fits(b, n, l, r, &dim) ? bool_type : bad_type;
}

/* ---- functions ---- */

static struct type changed(struct binder *b, const struct node *n)
{
	struct ref r;

	if (!expr_resolve(b, n->kid, &r)) {
		return bad_type;
	}
	emit(b, n->func == FUNC_CHANGED ? OP_CHANGED : OP_MISSING,
	     input_of(b, &r.in), 0);
	/* true for one step only: run again in the next */
	b->e->always_run = b->e->always_run || n->func == FUNC_CHANGED;
	return bool_type;
}

static struct type stale(struct binder *b, const struct node *n)
{
	const struct node *limit = n->kid->next;
	struct ref r;

	if (!expr_resolve(b, n->kid, &r)) {
		return bad_type;
	}
	if (r.in.kind != INPUT_SIGNAL) {
		return expr_complain(b, n->kid,
				     "stale() is about a signal on the "
				     "bus; for a property see missing()");
	}
	if (limit && (limit->kind != NODE_NUM ||
		      (limit->dim != DIM_TIME && !limit->bare))) {
		return expr_complain(b, limit, "want a time like 2 s here");
	}
	emit(b, OP_STALE, r.in.idx, limit ? limit->num : 1.0);
	b->e->always_run = true;
	return bool_type;
}

static void load_position(struct binder *b, enum vehicle_var var)
{
	struct input in = { .kind = INPUT_VAR,
			    .idx = var,
			    .scale = 1,
			    .name = vehicle_var_info[var].name };

	emit(b, OP_LOAD, input_of(b, &in), 0);
}

static struct type distance(struct binder *b, const struct node *n)
{
	const struct node *arg = n->kid;
	bool bad = false;

	for (int i = 0; i < 2; i++, arg = arg->next) {
		struct type t;

		load_position(b, i ? VV_pos_y : VV_pos_x);
		t = number(b, arg);
		emit(b, OP_SUB, 0, 0);
		if (t.kind == TYPE_NUM && t.dim != DIM_LENGTH && !t.bare) {
			expr_complain(b, arg, "want a length here, not %s",
				      dim_text(t.dim));
			bad = true;
		}
		bad = bad || t.kind == TYPE_BAD;
	}
	emit(b, OP_HYPOT, 0, 0);
	return bad ? bad_type : (struct type){ TYPE_NUM, DIM_LENGTH, false };
}

static const char *zone_at(const void *zones, size_t i)
{
	return ((const struct zone *)zones)[i].name;
}

static struct type in_zone(struct binder *b, const struct node *n)
{
	const struct expr_scope *s = b->scope;
	const struct node *arg = n->kid;
	char hint[96];

	for (size_t i = 0; i < s->n_zones && arg->kind == NODE_NAME; i++) {
		if (!strcmp(s->zone[i].name, arg->text)) {
			load_position(b, VV_pos_x);
			load_position(b, VV_pos_y);
			emit(b, OP_ZONE, (uint32_t)i, 0);
			return bool_type;
		}
	}
	return expr_complain(
		b, arg, "in_zone() wants a name under zones:%s",
		av_suggest_text(hint,
				arg->kind == NODE_NAME
					? av_suggest(arg->text, s->n_zones,
						     zone_at, s->zone)
					: NULL));
}

static struct type extreme(struct binder *b, const struct node *n)
{
	struct type t = number(b, n->kid);

	for (const struct node *k = n->kid->next; k; k = k->next) {
		struct type u = number(b, k);

		emit(b, n->func == FUNC_MIN ? OP_MIN : OP_MAX, 0, 0);
		if (t.kind == TYPE_BAD || u.kind == TYPE_BAD) {
			t = bad_type;
		} else if (t.dim != u.dim && !(plain(t.dim) && plain(u.dim)) &&
			   !t.bare && !u.bare) {
			t = expr_complain(b, k, "%s among %s", dim_text(u.dim),
					  dim_text(t.dim));
		} else if (t.bare) {
			t = u;
		}
	}
	return t;
}

static struct type call(struct binder *b, const struct node *n)
{
	struct type t;
	struct ref r;

	switch (n->func) {
	case FUNC_ABS:
		t = number(b, n->kid);
		emit(b, OP_ABS, 0, 0);
		t.bare = false;
		return t;
	case FUNC_CHANGED:
	case FUNC_MISSING:
		return changed(b, n);
	case FUNC_STALE:
		return stale(b, n);
	case FUNC_DISTANCE_TO:
		return distance(b, n);
	case FUNC_IN_ZONE:
		return in_zone(b, n);
	case FUNC_MIN:
	case FUNC_MAX:
		return extreme(b, n);
	case FUNC_SET:
	case FUNC_VAR:
	case FUNC_N:
		break;
	}
	if (!expr_resolve(b, n, &r)) {
		return bad_type;
	}
	emit(b, OP_LOAD, input_of(b, &r.in), 0);
	return r.type;
}

static struct type name(struct binder *b, const struct node *n)
{
	struct ref r;

	if (!expr_resolve(b, n, &r)) {
		return bad_type;
	}
	if (r.text) {
		return expr_complain(b, n,
				     "%s is a text: compare it with one in "
				     "quotes",
				     n->text);
	}
	emit(b, OP_LOAD, input_of(b, &r.in), 0);
	return r.type;
}

static struct type compile(struct binder *b, const struct node *n)
{
	struct type t, u;

	switch (n->kind) {
	case NODE_NUM:
		emit(b, OP_CONST, 0, n->num);
		return (struct type){ TYPE_NUM, n->dim, n->bare };
	case NODE_BOOL:
		emit(b, OP_CONST, 0, n->num);
		return bool_type;
	case NODE_STR:
		return expr_complain(b, n,
				     "a text can only be compared with a "
				     "signal or property");
	case NODE_NAME:
		return name(b, n);
	case NODE_CALL:
		return call(b, n);
	case NODE_NEG:
		t = number(b, n->kid);
		emit(b, OP_NEG, 0, 0);
		return t;
	case NODE_NOT:
		t = truth(b, n->kid);
		emit(b, OP_NOT, 0, 0);
		return t;
	case NODE_OR:
	case NODE_AND:
		t = truth(b, n->kid);
		u = truth(b, n->kid->next);
		emit(b, n->kind == NODE_OR ? OP_OR : OP_AND, 0, 0);
		return u.kind == TYPE_BAD ? u : t;
	case NODE_ADD:
	case NODE_SUB:
	case NODE_MUL:
	case NODE_DIV:
		return arithmetic(b, n);
	default:
		return comparison(b, n);
	}
}

int expr_bind(struct expr *e, struct world *w, const struct expr_scope *scope,
	      expr_report *report, void *ctx)
{
	struct binder b = {
		.e = e, .w = w, .scope = scope, .report = report, .ctx = ctx
	};

	e->n_code = 0;
	e->n_inputs = 0;
	truth(&b, e->root);
	if (b.no_memory) {
		return -ENOMEM;
	}
	if (!b.bad && b.stack_max > EXPR_STACK_MAX) {
		expr_complain(&b, e->root,
			      "the condition is nested too deeply");
	}
	return b.bad ? -EINVAL : 0;
}
