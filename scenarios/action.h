/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions: what a scenario, a key, the control API or a guest can make happen.
 * One table (action_table.c), one function and one row each; YAML, command
 * text, the schema and `avsim list actions` all come from the rows.
 */
#ifndef AVSIM_SCENARIOS_ACTION_H
#define AVSIM_SCENARIOS_ACTION_H

#include "sim/core/err.h"
#include "sim/core/units.h"
#include "sim/core/vtime.h"

#include <stdbool.h>
#include <stddef.h>

struct world;

enum arg_type {
	ARG_STR,
	ARG_NUM,  /* double in the base unit of its dimension */
	ARG_TIME, /* vtime */
	ARG_BOOL,
	ARG_ENUM, /* index into names */
	ARG_TEXT, /* any scalar or list, kept as canonical text */
};

struct arg_spec {
	const char *name;
	enum arg_type type;
	enum av_dim dim; /* ARG_NUM; DIM_N: the row's dim() tells */
	bool required;
	double min, max;          /* ARG_NUM, when min < max */
	const char *const *names; /* ARG_ENUM, NULL-ended */
	const char *device;       /* ARG_STR that names a device: its type */
	const char *help;
};

#define ACTION_ARGS_MAX 12

struct args {
	bool has[ACTION_ARGS_MAX];
	union {
		const char *str;
		double num;
		vtime time;
		bool flag;
		int idx;
	} v[ACTION_ARGS_MAX];
};

struct action {
	const char *verb;                     /* [a-z-]+, rows sorted by it */
	const char *help;                     /* one line */
	struct arg_spec arg[ACTION_ARGS_MAX]; /* ended by name NULL */
	/* Further arguments that depend on those in @arg (of a fault by its
	 * name), ended by name NULL, or NULL; they follow in struct args. */
	const struct arg_spec *(*more)(const struct args *a);
	enum av_dim (*dim)(const struct args *a); /* of a DIM_N argument */
	/* Argument that over: and profile: move, counted from 1; 0 = none. */
	unsigned int ramp;
	/* What that argument moves, now; where a ramp starts. */
	int (*current)(struct world *w, const struct args *a, double *out);
	/* Names exist, values in range: against this world; no effect. */
	int (*check)(struct world *w, const struct args *a, struct av_err *err);
	/* Do it. */
	int (*apply)(struct world *w, const struct args *a, struct av_err *err);
};

extern const struct action action_table[];
extern const size_t n_actions;
const struct action *action_find(const char *verb);
const char *action_suggest(const char *verb); /* nearest verb or NULL */

/* Specification of argument @i with @a known so far; NULL past the end. */
const struct arg_spec *action_arg(const struct action *act,
				  const struct args *a, size_t i);
enum av_dim action_arg_dim(const struct action *act, const struct args *a,
			   size_t i);

/* True for the dimensions whose numbers a person must write with a unit: the
 * base unit is not what everybody would take it for. 0 never needs one. */
bool arg_needs_unit(enum av_dim dim);
/* A unit of that kind as people write it: "km/h". */
const char *arg_unit_example(enum av_dim dim);

/**
 * arg_read() - One argument from its text
 * @person:	written by a person: arg_needs_unit() holds
 * @text:	borrowed by string arguments
 */
int arg_read(const struct action *act, struct args *a, size_t i, bool person,
	     const char *text, struct av_err *err);

/* Every required argument is there. Return: 0 or -EINVAL, @err filled. */
int action_complete(const struct action *act, const struct args *a,
		    struct av_err *err);

/**
 * action_check() - Names exist, values are in range: against this world
 * @now:	a person asks for it now, of this run: a device that it names is
 *		there. Else, in a run without devices, one may be named that a
 *		run for a guest has.
 */
int action_check(struct world *w, const struct action *act,
		 const struct args *a, bool now, struct av_err *err);

/**
 * action_parse() - "verb key=value key='two words'" into row and arguments
 *
 * A quote inside quotes is doubled. Control characters are refused.
 *
 * @arena:	gets the strings; caller frees *arena after use
 */
int action_parse(const char *text, const struct action **out, struct args *args,
		 void **arena, struct av_err *err);

/* Canonical text: arguments in table order, shortest numbers, base units. */
size_t action_text(const struct action *a, const struct args *args, char *buf,
		   size_t size);

/* The command queue's handler: parse, check, apply. @ctx is the world. */
struct cmd;
int action_command(void *ctx, const struct cmd *c, struct av_err *err);

#endif
