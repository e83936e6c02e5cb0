/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of a scenario: "PERF_VEHICLE_SPEED > 50 km/h and not var(horn)".
 *
 * A text is parsed into a tree (syntax), bound against a world (names, units,
 * types) into a small stack program, and evaluated over inputs that all
 * programs of a scenario share: each is read once per step, and a program runs
 * only in a step in which one of its inputs changed.
 *
 * Values are doubles in base units; a missing value is NaN. A comparison with a
 * missing value is false, whichever it is.
 */
#ifndef AVSIM_SCENARIOS_EXPR_H
#define AVSIM_SCENARIOS_EXPR_H

#include "scenarios/scenario.h"
#include "sim/core/units.h"
#include "sim/core/vtime.h"

struct vhal_value;
struct world;
struct sc_arena;
struct expr;

/* A message about the character at @off of the text. */
typedef void expr_report(void *ctx, size_t off, const char *msg);

#define EXPR_NODES_MAX 2000 /* of one condition */
#define EXPR_DEPTH_MAX 64   /* of parentheses in each other */
#define EXPR_STACK_MAX 256

/**
 * expr_parse() - Syntax of one condition
 * @text:	borrowed for the expression's life
 * @params:	what $name stands for: always a literal or a name, never more
 *
 * Return: the expression, in @mem; NULL after a report, or without memory (then
 * nothing was reported).
 */
struct expr *expr_parse(const char *text, const struct scenario_param *params,
			size_t n_params, struct sc_arena *mem,
			expr_report *report, void *ctx);

/* ---- inputs ---- */
enum input_kind {
	INPUT_SIGNAL, /* idx of the binding table */
	INPUT_PROP,   /* slot of the store */
	INPUT_TEXT,   /* 1 while string property @idx equals @text */
	INPUT_VAR,    /* model variable */
	INPUT_TIME,
	INPUT_ROUTE_LEFT,
	INPUT_CROSS_TRACK,
	INPUT_ARRIVED,
	INPUT_POWER, /* enum power_state */
	INPUT_SET, /* value of a set of slot @idx in this step, or NaN */
};

struct input {
	enum input_kind kind;
	uint32_t idx;
	double scale, offset; /* to the base unit */
	const char *text;     /* INPUT_TEXT */
	const char *name;     /* for people */
	double value;
	bool changed; /* in this step */
	bool seen;    /* was there once */
	double set;   /* INPUT_SET: what came in since the last step */
};

struct inputs {
	struct input *v;
	size_t n, room;
	bool fresh; /* nothing was read yet */
};

void inputs_finish(struct inputs *in);
/* Read all, as after a step at @now. */
void inputs_read(struct inputs *in, const struct world *w, vtime now);
/* A set of @slot was applied. */
void inputs_set(struct inputs *in, uint32_t slot, const struct vhal_value *v);

/* ---- zones ---- */
struct zone {
	const char *name;
	double x_m, y_m, radius_m; /* a circle, if there are no points */
	const double (*point)[2];
	size_t n;
};

/* What names in conditions can mean, beside the world. */
struct expr_scope {
	struct inputs *in;
	const struct zone *zone;
	size_t n_zones;
	struct sc_arena *mem;
};

/**
 * expr_bind() - Resolve names, check types and units, compile
 *
 * Return: 0; -EINVAL after reports (all of this expression); -ENOMEM.
 */
int expr_bind(struct expr *e, struct world *w, const struct expr_scope *scope,
	      expr_report *report, void *ctx);

/* Truth now; @w for what depends on the time a signal was seen. */
bool expr_true(struct expr *e, const struct expr_scope *scope,
	       const struct world *w, vtime now);

/* All that it reads has been there once, so that "false" means false and not
 * "nothing known yet". */
bool expr_ready(const struct expr *e, const struct inputs *in);

/* "PERF_VEHICLE_SPEED = 3.2, t = 12" for the reason of a failure. */
void expr_values(const struct expr *e, const struct inputs *in, char *buf,
		 size_t size);
const char *expr_text(const struct expr *e);

/* Dimension of a model variable; unit of a property's values (NULL: none). */
enum av_dim scenario_var_dim(enum vehicle_var var);
const struct av_unit *scenario_prop_unit(int32_t prop);

#endif
