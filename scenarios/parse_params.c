/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of a scenario, and ${name} where they are used.
 */
#include "config.h"

#include "scenarios/scenario_int.h"

#include <stdlib.h>
#include <string.h>

#define PARAM_TEXT_MAX 200

/* ---- parameters ---- */

static bool has_unit(const char *s, const char **unit)
{
	char *end;

	strtod(s, &end);
	*unit = end + strspn(end, " ");
	return end != s && **unit && av_unit_find(*unit);
}

static bool is_bool(const char *s)
{
	return !strcmp(s, "true") || !strcmp(s, "false");
}

/*
 * A value from outside must be of the kind of the default, or it would turn up
 * as an odd error elsewhere: a number for a number, a speed for a speed, with
 * the unit of the default where it has none.
 */
static const char *set_value(struct sc_parser *p, const char *name,
			     const char *value, const char *def)
{
	const char *unit, *file = p->s->doc.name;
	struct av_err err;
	char *end;
	double v;

	if (strlen(value) > PARAM_TEXT_MAX) {
		p->bad = true;
		av_diag_add(p->d, file, 0, 0, "--set %s: the value is too long",
			    name);
		return def;
	}
	if (has_unit(def, &unit)) {
		const struct av_unit *u = av_unit_find(unit);
		char *text;

		if (av_quantity_parse(value, u->dim, &v, &err) < 0) {
			p->bad = true;
			av_diag_add(p->d, file, 0, 0,
				    "--set %s: %s; the default is %s", name,
				    err.msg, def);
			return def;
		}
		strtod(value, &end);
		if (end[strspn(end, " ")]) {
			return value;
		}
		text = sc_new(p, strlen(value) + strlen(unit) + 2, 1);
		if (text) {
			sprintf(text, "%s %s", value, unit);
		}
		return text ? text : def;
	}
	strtod(def, &end);
	if (end != def && !*end) {
		if (av_quantity_parse(value, DIM_NONE, &v, &err) < 0) {
			p->bad = true;
			av_diag_add(p->d, file, 0, 0,
				    "--set %s: %s; the default is %s", name,
				    err.msg, def);
			return def;
		}
	} else if (is_bool(def) && !is_bool(value)) {
		p->bad = true;
		av_diag_add(p->d, file, 0, 0,
			    "--set %s: want true or false, not '%.32s'", name,
			    value);
		return def;
	}
	return value;
}

static const char *param_at(const void *params, size_t i)
{
	return ((const struct scenario_param *)params)[i].name;
}

static void check_set(struct sc_parser *p, const struct scenario_param *set,
		      size_t n_set)
{
	const struct scenario *s = p->s;
	char hint[96];

	for (size_t i = 0; i < n_set; i++) {
		size_t k = 0;

		while (k < s->n_params &&
		       strcmp(s->param[k].name, set[i].name) != 0) {
			k++;
		}
		if (k == s->n_params) {
			p->bad = true;
			av_diag_add(p->d, s->doc.name, 0, 0,
				    "--set %.64s: the scenario has no such "
				    "parameter%s",
				    set[i].name,
				    av_suggest_text(
					    hint,
					    av_suggest(set[i].name, s->n_params,
						       param_at, s->param)));
		}
	}
}

void sc_parse_params(struct sc_parser *p, const struct av_yaml *node,
		     const struct scenario_param *set, size_t n_set)
{
	static const char *const keys[] = { "default", "help", NULL };
	struct scenario *s = p->s;
	size_t n = node ? sc_check_names(p, node, "parameters") : 0;

	s->param = sc_new(p, n, sizeof(*s->param));
	for (size_t i = 0; i < n && s->param; i++) {
		const struct av_yaml *v = node->item[i], *map = v;
		const char *value = "";

		if (v->kind == YAML_MAP) {
			sc_check(p, av_yaml_check_keys(&s->doc, v, keys, p->d));
			v = av_yaml_get(v, "default");
		}
		sc_check(p, av_yaml_str(sc_at(p, map), v, "default", &value));
		if (strlen(value) > PARAM_TEXT_MAX || strchr(value, '$')) {
			sc_error(p, v,
				 "a parameter is a plain value of at "
				 "most %d characters",
				 PARAM_TEXT_MAX);
			value = "";
		}
		for (size_t k = 0; k < n_set; k++) {
			if (!strcmp(set[k].name, node->key[i]->text)) {
				value = set_value(p, set[k].name, set[k].value,
						  value);
			}
		}
		s->param[s->n_params++] =
			(struct scenario_param){ .name = node->key[i]->text,
						 .value = value };
	}
	check_set(p, set, n_set);
}

/* ---- ${name} in scalars ---- */

struct expansion {
	struct sc_parser *p;
	size_t budget; /* bytes: the tree stays in proportion to the file */
	char *buf;
	size_t room;
};

/* Conditions resolve parameters themselves: there a value is one operand,
 * whatever it holds. */
static bool is_condition_key(const char *key)
{
	return !strcmp(key, "when") || !strcmp(key, "that") ||
	       !strcmp(key, "always") || !strcmp(key, "never");
}

/* "$name" or "${name}" at @s; length in @len. NULL after a message. */
static const char *param_value(struct expansion *x, const struct av_yaml *node,
			       const char *s, size_t *len)
{
	const struct scenario *sc = x->p->s;
	bool brace = s[1] == '{';
	const char *from = s + 1 + brace;
	size_t n = strspn(from, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	char word[64], hint[96];

	*len = (size_t)(from - s) + n + brace;
	if (n == 0 || n >= sizeof(word) || (brace && from[n] != '}')) {
		sc_error(x->p, node,
			 "'$' wants a parameter: ${name}; write $$ for a "
			 "dollar");
		return NULL;
	}
	memcpy(word, from, n);
	word[n] = '\0';
	for (size_t i = 0; i < sc->n_params; i++) {
		if (!strcmp(sc->param[i].name, word)) {
			return sc->param[i].value;
		}
	}
	sc_error(x->p, node, "no parameter '%s' under params:%s", word,
		 av_suggest_text(hint, av_suggest(word, sc->n_params, param_at,
						  sc->param)));
	return NULL;
}

static void expand(struct expansion *x, struct av_yaml *node)
{
	const char *s = node->text;
	size_t n = 0;
	char *text;

	while (*s) {
		const char *add = s;
		size_t len = 1, skip = 1;

		if (s[0] == '$' && s[1] == '$') {
			skip = 2;
		} else if (s[0] == '$') {
			add = param_value(x, node, s, &skip);
			if (!add) {
				return;
			}
			len = strlen(add);
		}
		if (len > x->budget || n + len > ARG_TEXT_MAX) {
			sc_error(x->p, node,
				 "parameters expand to too much text");
			return;
		}
		memcpy(x->buf + n, add, len);
		x->budget -= len;
		n += len;
		s += skip;
	}
	text = sc_strndup(&x->p->s->mem, x->buf, n);
	if (!text) {
		x->p->no_memory = true;
		return;
	}
	node->text = text;
	node->len = n;
}

static void substitute(struct expansion *x, const struct av_yaml *node)
{
	if (node->kind == YAML_SCALAR) {
		if (strchr(node->text, '$')) {
			/* the tree is the scenario's own */
			expand(x, (struct av_yaml *)(uintptr_t)node);
		}
		return;
	}
	for (size_t i = 0; i < node->n; i++) {
		if (!node->key || !is_condition_key(node->key[i]->text) ||
		    node->item[i]->kind != YAML_SCALAR) {
			substitute(x, node->item[i]); /* depth is bounded */
		}
	}
}

void sc_substitute(struct sc_parser *p, const struct av_yaml *root)
{
	struct expansion x = { .p = p, .budget = p->s->src_len * 4 + 65536 };

	x.buf = malloc(ARG_TEXT_MAX + 1);
	if (!x.buf) {
		p->no_memory = true;
		return;
	}
	for (size_t i = 0; i < root->n; i++) {
		if (strcmp(root->key[i]->text, "params") != 0) {
			substitute(&x, root->item[i]);
		}
	}
	free(x.buf);
}
