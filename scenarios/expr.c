/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: lexer and Pratt parser.
 *
 *	or < and < not < comparison < + - < * / < unary minus
 *
 * A name may hold dots and colons (Vehicle.Speed, can0:ESP_01.Speed) and, right
 * behind it, a slash and an area (DOOR_POS/ROW_1_LEFT); so a division needs
 * blanks around its slash where a name stands before it.
 */
#include "config.h"

#include "scenarios/arena.h"
#include "scenarios/expr_int.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* sorted by name, indexed by enum func */
const struct func_info func_info[FUNC_N] = {
	[FUNC_ABS] = { "abs", 1, 1 },
	[FUNC_CHANGED] = { "changed", 1, 1 },
	[FUNC_DISTANCE_TO] = { "distance_to", 2, 2 },
	[FUNC_IN_ZONE] = { "in_zone", 1, 1 },
	[FUNC_MAX] = { "max", 2, 16 },
	[FUNC_MIN] = { "min", 2, 16 },
	[FUNC_MISSING] = { "missing", 1, 1 },
	[FUNC_SET] = { "set", 1, 1 },
	[FUNC_STALE] = { "stale", 1, 2 },
	[FUNC_VAR] = { "var", 1, 1 },
};

enum tok {
	TOK_END,
	TOK_NUM,
	TOK_STR,
	TOK_NAME,
	TOK_LPAREN,
	TOK_RPAREN,
	TOK_COMMA,
	TOK_OR,
	TOK_AND,
	TOK_NOT,
	TOK_EQ,
	TOK_NE,
	TOK_LT,
	TOK_LE,
	TOK_GT,
	TOK_GE,
	TOK_PLUS,
	TOK_MINUS,
	TOK_STAR,
	TOK_SLASH,
	TOK_BAD, /* reported */
};

struct parser {
	const char *text, *p;
	const struct scenario_param *params;
	size_t n_params;
	struct sc_arena *mem;
	expr_report *report;
	void *ctx;
	bool failed; /* one message per text is enough: the rest is noise */
	bool no_memory;
	size_t n_nodes;
	unsigned int depth;
	/* the token ahead */
	enum tok tok;
	size_t off, len;
	double num;
	enum av_dim dim;
	bool bare;
	const char *word; /* name or string, in mem */
};

__attribute__((format(printf, 3, 4))) static void complain(struct parser *p,
							   size_t off,
							   const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (p->failed) {
		return;
	}
	p->failed = true;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	p->report(p->ctx, off, msg);
}

/* ---- lexer ---- */

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == ':';
}

static bool area_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t name_len(const char *s)
{
	size_t n = 0;

	while (name_char(s[n])) {
		n++;
	}
	if (s[n] == '/' && area_char(s[n + 1])) {
		n++;
		while (area_char(s[n])) {
			n++;
		}
	}
	return n;
}

/* Length of the unit that @s starts with; it ends at a blank or operator. */
static size_t unit_len(const char *s, const struct av_unit **out)
{
	size_t n = strcspn(s, " \t\r\n)(,<>=!+*-");
	char word[16];

	if (n == 0 || n >= sizeof(word)) {
		return 0;
	}
	memcpy(word, s, n);
	word[n] = '\0';
	*out = av_unit_find(word);
	return *out ? n : 0;
}

/* "50 km/h" at the start of @s. Returns its length, 0 if it is no number. */
static size_t read_quantity(const char *s, double *num, enum av_dim *dim,
			    bool *bare)
{
	const struct av_unit *u;
	char buf[64], *end;
	size_t n = strspn(s, "0123456789."), blanks, unit;

	if (n == 0 || n >= sizeof(buf) - 8 || !isdigit((unsigned char)*s)) {
		return 0;
	}
	if ((s[n] == 'e' || s[n] == 'E') &&
	    (isdigit((unsigned char)s[n + 1]) ||
	     ((s[n + 1] == '-' || s[n + 1] == '+') &&
	      isdigit((unsigned char)s[n + 2])))) {
		n += 2 + strspn(s + n + 2, "0123456789");
	}
	if (n >= sizeof(buf)) {
		return 0;
	}
	memcpy(buf, s, n);
	buf[n] = '\0';
	*num = strtod(buf, &end);
	if (*end || !isfinite(*num)) {
		return 0;
	}
	*dim = DIM_NONE;
	*bare = true;
	blanks = strspn(s + n, " ");
	unit = unit_len(s + n + blanks, &u);
	if (unit > 0) {
		*num = av_unit_to_base(u, *num);
		*dim = u->dim;
		*bare = false;
		n += blanks + unit;
	}
	return isfinite(*num) ? n : 0;
}

static const char *param_name(const void *ctx, size_t i)
{
	return ((const struct scenario_param *)ctx)[i].name;
}

/* $name or ${name}: its value is one literal or one name. */
static enum tok lex_param(struct parser *p)
{
	const char *s = p->p + 1, *value = NULL;
	bool brace = *s == '{';
	char word[64], hint[96];
	size_t n = 0, len, lead;
	bool neg;

	s += brace;
	while (area_char(s[n]) || s[n] == '-') {
		n++;
	}
	if (n == 0 || n >= sizeof(word) || (brace && s[n] != '}')) {
		complain(p, p->off, "want a parameter's name after '$'");
		return TOK_BAD;
	}
	memcpy(word, s, n);
	word[n] = '\0';
	p->p = s + n + brace;
	for (size_t i = 0; i < p->n_params; i++) {
		if (!strcmp(p->params[i].name, word)) {
			value = p->params[i].value;
		}
	}
	if (!value) {
		complain(p, p->off, "no parameter '%s'%s", word,
			 av_suggest_text(hint,
					 av_suggest(word, p->n_params,
						    param_name, p->params)));
		return TOK_BAD;
	}
	lead = strspn(value, " ");
	neg = value[lead] == '-';
	len = read_quantity(value + lead + neg, &p->num, &p->dim, &p->bare);
	if (len > 0 && !value[lead + neg + len]) {
		/* a negative temperature: -10 degF is not -(10 degF) */
		struct av_err err;

		if (neg) {
			(void)av_quantity_parse(value + lead, p->dim, &p->num,
						&err);
		}
		return TOK_NUM;
	}
	if (name_start(*value) && name_len(value) == strlen(value)) {
		p->word = value;
		return TOK_NAME;
	}
	p->word = value;
	return TOK_STR;
}

static enum tok lex_string(struct parser *p)
{
	char quote = *p->p;
	const char *end = strchr(p->p + 1, quote);

	if (!end) {
		complain(p, p->off, "the quote is not closed");
		return TOK_BAD;
	}
	p->word = sc_strndup(p->mem, p->p + 1, (size_t)(end - p->p - 1));
	p->no_memory = p->no_memory || !p->word;
	p->p = end + 1;
	return p->word ? TOK_STR : TOK_BAD;
}

static enum tok lex_name(struct parser *p)
{
	static const struct {
		const char *word;
		enum tok tok;
	} words[] = { { "or", TOK_OR },
		      { "and", TOK_AND },
		      { "not", TOK_NOT } };
	size_t n = name_len(p->p);

	p->word = sc_strndup(p->mem, p->p, n);
	p->p += n;
	if (!p->word) {
		p->no_memory = true;
		return TOK_BAD;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!strcmp(p->word, words[i].word)) {
			return words[i].tok;
		}
	}
	return TOK_NAME;
}

static enum tok lex_op(struct parser *p)
{
	static const struct {
		const char *text;
		enum tok tok;
		const char *instead;
	} ops[] = {
		{ "==", TOK_EQ, NULL },    { "!=", TOK_NE, NULL },
		{ "<=", TOK_LE, NULL },    { ">=", TOK_GE, NULL },
		{ "&&", TOK_BAD, "and" },  { "||", TOK_BAD, "or" },
		{ "<", TOK_LT, NULL },     { ">", TOK_GT, NULL },
		{ "=", TOK_BAD, "==" },    { "!", TOK_BAD, "not" },
		{ "(", TOK_LPAREN, NULL }, { ")", TOK_RPAREN, NULL },
		{ ",", TOK_COMMA, NULL },  { "+", TOK_PLUS, NULL },
		{ "-", TOK_MINUS, NULL },  { "*", TOK_STAR, NULL },
		{ "/", TOK_SLASH, NULL },
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t n = strlen(ops[i].text);

		if (!strncmp(p->p, ops[i].text, n)) {
			if (ops[i].instead) {
				complain(p, p->off, "write '%s' for '%s'",
					 ops[i].instead, ops[i].text);
			}
			p->p += n;
			return ops[i].tok;
		}
	}
	complain(p, p->off, "cannot read '%.8s'", p->p);
	return TOK_BAD;
}

/* Behind a number: a word that is no operator was meant as its unit. */
static bool follows_word(const char *s)
{
	const char *word = s + strspn(s, " ");
	size_t n = strcspn(word, " ()");

	return name_start(*word) &&
	       !(word > s && ((n == 2 && !strncmp(word, "or", 2)) ||
			      (n == 3 && !strncmp(word, "and", 3))));
}

static void next(struct parser *p)
{
	size_t n;

	p->p += strspn(p->p, " \t\r\n");
	p->off = (size_t)(p->p - p->text);
	p->word = NULL;
	if (!*p->p) {
		p->tok = TOK_END;
	} else if (isdigit((unsigned char)*p->p)) {
		n = read_quantity(p->p, &p->num, &p->dim, &p->bare);
		p->p += n;
		p->tok = TOK_NUM;
		if (n == 0) {
			complain(p, p->off, "'%.20s' is not a number", p->p);
			p->tok = TOK_BAD;
		} else if (p->bare && follows_word(p->p)) {
			const char *word = p->p + strspn(p->p, " ");

			complain(p, (size_t)(word - p->text), "no unit '%.*s'",
				 (int)strcspn(word, " ),<>="), word);
			p->tok = TOK_BAD;
		}
	} else if (*p->p == '$') {
		p->tok = lex_param(p);
	} else if (*p->p == '\'' || *p->p == '"') {
		p->tok = lex_string(p);
	} else if (name_start(*p->p)) {
		p->tok = lex_name(p);
	} else {
		p->tok = lex_op(p);
	}
	p->len = (size_t)(p->p - p->text) - p->off;
}

/* ---- parser ---- */

static struct node *new_node(struct parser *p, enum node_kind kind, size_t off)
{
	struct node *n;

	if (++p->n_nodes > EXPR_NODES_MAX) {
		complain(p, off, "the condition is too long");
		return NULL;
	}
	n = sc_alloc(p->mem, sizeof(*n));
	if (!n) {
		p->no_memory = true;
		return NULL;
	}
	n->kind = kind;
	n->off = off;
	return n;
}

static struct node *parse(struct parser *p, int above);

static const char *func_name(const void *ctx, size_t i)
{
	(void)ctx;
	return func_info[i].name;
}

/* The name is read, '(' is ahead. */
static struct node *parse_call(struct parser *p, const char *name, size_t off)
{
	struct node *n = new_node(p, NODE_CALL, off), **tail;
	const struct func_info *f;
	size_t n_args = 0, func = 0;
	char hint[96];

	if (!n) {
		return NULL;
	}
	while (func < FUNC_N && strcmp(func_info[func].name, name) != 0) {
		func++;
	}
	if (func == FUNC_N) {
		complain(p, off, "no function '%.64s'%s", name,
			 av_suggest_text(hint, av_suggest(name, FUNC_N,
							  func_name, NULL)));
		return NULL;
	}
	f = &func_info[func];
	n->func = (enum func)func;
	tail = &n->kid;
	next(p);
	while (p->tok != TOK_RPAREN) {
		struct node *arg;

		if (n_args > 0 && p->tok != TOK_COMMA) {
			complain(p, p->off, "want ',' or ')' here");
			return NULL;
		}
		if (n_args > 0) {
			next(p);
		}
		arg = parse(p, 0);
		if (!arg) {
			return NULL;
		}
		*tail = arg;
		tail = &arg->next;
		n_args++;
	}
	if (n_args < f->min || n_args > f->max) {
		complain(p, off, "%s() takes %zu%s argument%s, not %zu", name,
			 f->min, f->max > f->min ? " or more" : "",
			 f->min == 1 && f->max == 1 ? "" : "s", n_args);
		return NULL;
	}
	next(p);
	return n;
}

static struct node *parse_name(struct parser *p)
{
	const char *word = p->word;
	size_t off = p->off;
	struct node *n;

	next(p);
	if (p->tok == TOK_LPAREN) {
		return parse_call(p, word, off);
	}
	if (!strcmp(word, "true") || !strcmp(word, "false")) {
		n = new_node(p, NODE_BOOL, off);
		if (n) {
			n->num = word[0] == 't';
		}
		return n;
	}
	n = new_node(p, NODE_NAME, off);
	if (n) {
		n->text = word;
	}
	return n;
}

/* -20 degC is a temperature, not minus a temperature: with an offset unit
 * (degF, K) that differs. */
static struct node *parse_negative(struct parser *p)
{
	size_t off = p->off, at;
	const char *after;
	struct node *n;

	next(p);
	at = p->off;
	after = p->p;
	if (p->tok == TOK_NUM && p->text[at] != '$' && p->len < 60) {
		struct av_err err;
		char buf[64];
		double v;

		snprintf(buf, sizeof(buf), "-%.*s", (int)(after - p->text - at),
			 p->text + at);
		if (av_quantity_parse(buf, p->dim, &v, &err) == 0) {
			n = new_node(p, NODE_NUM, off);
			if (n) {
				n->num = v;
				n->dim = p->dim;
				n->bare = p->bare;
				next(p);
			}
			return n;
		}
	}
	n = new_node(p, NODE_NEG, off);
	if (n) {
		n->kid = parse(p, 7);
	}
	return n && n->kid ? n : NULL;
}

static struct node *parse_prefix(struct parser *p)
{
	size_t off = p->off;
	struct node *n = NULL;

	switch (p->tok) {
	case TOK_NUM:
		n = new_node(p, NODE_NUM, off);
		if (n) {
			n->num = p->num;
			n->dim = p->dim;
			n->bare = p->bare;
			next(p);
		}
		return n;
	case TOK_STR:
		n = new_node(p, NODE_STR, off);
		if (n) {
			n->text = p->word;
			next(p);
		}
		return n;
	case TOK_NAME:
		return parse_name(p);
	case TOK_MINUS:
		return parse_negative(p);
	case TOK_NOT:
		next(p);
		n = new_node(p, NODE_NOT, off);
		if (n) {
			n->kid = parse(p, 3);
		}
		return n && n->kid ? n : NULL;
	case TOK_LPAREN:
		next(p);
		n = parse(p, 0);
		if (n && p->tok != TOK_RPAREN) {
			complain(p, p->off,
				 "want ')' here, for the '(' before");
			return NULL;
		}
		if (n) {
			next(p);
		}
		return n;
	case TOK_END:
		complain(p, off,
			 p->n_nodes ? "the condition ends too early"
				    : "the condition is empty");
		return NULL;
	default:
		complain(p, off, "want a value here");
		return NULL;
	}
}

static const struct {
	int power;
	enum node_kind kind;
} infix[] = {
	[TOK_OR] = { 1, NODE_OR },    [TOK_AND] = { 2, NODE_AND },
	[TOK_EQ] = { 4, NODE_EQ },    [TOK_NE] = { 4, NODE_NE },
	[TOK_LT] = { 4, NODE_LT },    [TOK_LE] = { 4, NODE_LE },
	[TOK_GT] = { 4, NODE_GT },    [TOK_GE] = { 4, NODE_GE },
	[TOK_PLUS] = { 5, NODE_ADD }, [TOK_MINUS] = { 5, NODE_SUB },
	[TOK_STAR] = { 6, NODE_MUL }, [TOK_SLASH] = { 6, NODE_DIV },
	[TOK_BAD] = { 0, NODE_OR },
};

/* Operators that bind tighter than @above. */
static struct node *parse(struct parser *p, int above)
{
	struct node *left = NULL, *op;

	if (++p->depth > EXPR_DEPTH_MAX * 3) {
		complain(p, p->off, "parentheses are nested too deeply");
	} else {
		left = parse_prefix(p);
	}
	while (left && infix[p->tok].power > above) {
		int power = infix[p->tok].power;
		enum node_kind kind = infix[p->tok].kind;

		op = new_node(p, kind, p->off);
		if (!op) {
			left = NULL;
			break;
		}
		next(p);
		op->kid = left;
		left->next = parse(p, power);
		left = left->next ? op : NULL;
		if (left && power == 4 && infix[p->tok].power == 4) {
			complain(p, p->off,
				 "a comparison cannot be compared: use 'and'");
			left = NULL;
		}
	}
	p->depth--;
	return left;
}

struct expr *expr_parse(const char *text, const struct scenario_param *params,
			size_t n_params, struct sc_arena *mem,
			expr_report *report, void *ctx)
{
	struct parser p = { .text = text,
			    .p = text,
			    .params = params,
			    .n_params = n_params,
			    .mem = mem,
			    .report = report,
			    .ctx = ctx };
	struct expr *e = sc_alloc(mem, sizeof(*e));
	struct node *root;

	if (!e) {
		return NULL;
	}
	next(&p);
	root = parse(&p, 0);
	if (root && p.tok != TOK_END && !p.failed) {
		complain(&p, p.off, "what is this doing behind the condition?");
		root = NULL;
	}
	if (!root || p.failed) {
		return NULL;
	}
	e->text = text;
	e->root = root;
	return e;
}

const char *expr_text(const struct expr *e)
{
	return e->text;
}
