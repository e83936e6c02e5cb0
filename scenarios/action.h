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
	enum av_dim dim; /* ARG_NUM */
	bool required;
	double min, max;	   /* ARG_NUM, when min < max */
	const char *const *names;  /* ARG_ENUM, NULL-ended */
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
	const char *verb; /* [a-z-]+, rows sorted by it */
	const char *help; /* one line */
	struct arg_spec arg[ACTION_ARGS_MAX]; /* ended by name NULL */
	/* Names exist, values in range: against this world; no effect. */
	int (*check)(struct world *w, const struct args *a, struct av_err *err);
	/* Do it. */
	int (*apply)(struct world *w, const struct args *a, struct av_err *err);
};

extern const struct action action_table[];
extern const size_t n_actions;
const struct action *action_find(const char *verb);

/**
 * action_parse() - "verb key=value key='two words'" into row and arguments
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
