/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the three parts of conditions: parse, bind, evaluate. */
#ifndef AVSIM_SCENARIOS_EXPR_INT_H
#define AVSIM_SCENARIOS_EXPR_INT_H

#include "scenarios/expr.h"

enum node_kind {
	NODE_NUM,  /* num, dim, bare */
	NODE_BOOL, /* num */
	NODE_STR,  /* text */
	NODE_NAME, /* text */
	NODE_CALL, /* func, kids */
	NODE_NEG,
	NODE_NOT,
	NODE_OR,
	NODE_AND,
	NODE_EQ,
	NODE_NE,
	NODE_LT,
	NODE_LE,
	NODE_GT,
	NODE_GE,
	NODE_ADD,
	NODE_SUB,
	NODE_MUL,
	NODE_DIV,
};

enum func {
	FUNC_ABS,
	FUNC_CHANGED,
	FUNC_DISTANCE_TO,
	FUNC_IN_ZONE,
	FUNC_MAX,
	FUNC_MIN,
	FUNC_MISSING,
	FUNC_SET,
	FUNC_STALE,
	FUNC_VAR,
	FUNC_N
};

struct func_info {
	const char *name;
	size_t min, max; /* arguments */
};
extern const struct func_info func_info[FUNC_N];

struct node {
	enum node_kind kind;
	size_t off; /* in the text */
	double num;
	enum av_dim dim;
	bool bare;        /* a number without unit */
	const char *text; /* of a name or string */
	enum func func;
	struct node *kid;  /* first operand or argument */
	struct node *next; /* sibling */
};

enum opcode {
	OP_CONST,   /* num */
	OP_LOAD,    /* input */
	OP_CHANGED, /* input */
	OP_MISSING, /* input */
	OP_STALE,   /* signal idx; num: limit in s */
	OP_TRUTH,
	OP_NEG,
	OP_ABS,
	OP_NOT,
	OP_OR,
	OP_AND,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MIN,
	OP_MAX,
	OP_HYPOT,
	OP_ZONE, /* zone index; takes x and y */
};

struct insn {
	enum opcode op;
	uint32_t idx;
	double num;
};

struct expr {
	const char *text;
	struct node *root;
	struct insn *code;
	size_t n_code;
	uint32_t *input; /* indexes of the inputs it reads */
	size_t n_inputs;
	bool always_run; /* depends on time in ways inputs do not show */
	bool known;      /* @last is valid */
	bool last;
};

/* ---- binding ---- */

enum type_kind { TYPE_BAD, TYPE_NUM, TYPE_BOOL };

struct type {
	enum type_kind kind;
	enum av_dim dim; /* TYPE_NUM */
	bool bare; /* literal without unit: fits where no unit is needed */
};

struct binder {
	struct expr *e;
	struct world *w;
	const struct expr_scope *scope;
	expr_report *report;
	void *ctx;
	size_t room, n_inputs_room;
	size_t stack, stack_max;
	bool bad, no_memory;
};

/* What a name means; kind TYPE_BAD: nothing. */
struct ref {
	struct type type;
	struct input in;
	bool text;             /* a string property */
	const char *enum_name; /* of a property, or NULL */
	const char *const *words; /* its values, of a built-in name, or NULL */
	const struct dbc_signal *signal;
};

/* Report about @n; the expression is bad then. Return: TYPE_BAD. */
__attribute__((format(printf, 3, 4))) struct type expr_complain(
	struct binder *b, const struct node *n, const char *fmt, ...);
/* A name, var(NAME) or set(NAME); reports what it cannot resolve. */
bool expr_resolve(struct binder *b, const struct node *n, struct ref *r);
/* Whether @n names something of the world (so it is no enum label). */
bool expr_is_known(struct binder *b, const struct node *n);

#endif
