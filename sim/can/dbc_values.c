/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VAL_TABLE_ and VAL_: texts for raw values.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_START "+-.0123456789"

struct label_tmp {
	struct dbc_label label;
	size_t seq; /* in the file: the first of equals wins */
};

static int by_raw(const void *a, const void *b)
{
	const struct label_tmp *x = a, *y = b;

	if (x->label.raw != y->label.raw) {
		return x->label.raw < y->label.raw ? -1 : 1;
	}
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool take_raw(struct dbc_parser *p, int64_t *raw)
{
	double v;
	int ret = dbc_word_int(&p->lex, raw);

	if (ret == -EINVAL && dbc_word_double(&p->lex, p->c, &v) == 0 &&
	    v > -9e18 && v < 9e18) {
		*raw = (int64_t)v;
		ret = 0;
		if ((double)*raw != v) {
			dbc_pwarn(p, p->lex.tok_line, p->lex.tok_col,
				  "value %g is no whole number; taken as %lld",
				  v, (long long)*raw);
		}
	}
	if (ret < 0) {
		return dbc_perr(p, "expected a number and a text in quotes, "
				   "or ';'");
	}
	dbc_lex_next(&p->lex);
	return true;
}

/* <number> "text" ... up to ';' */
static bool take_labels(struct dbc_parser *p, const struct dbc_label **out,
			size_t *n_out)
{
	struct dbc_label *kept;
	size_t n = 0, k = 0;

	while (p->lex.kind == TOK_WORD &&
	       (!p->lex.first || strchr(NUMBER_START, *p->lex.s))) {
		struct label_tmp t = { .seq = n };

		if (n == p->label_room) {
			size_t room = n ? n * 2 : 64;
			struct label_tmp *v =
				realloc(p->label, room * sizeof(*v));

			if (!v) {
				return dbc_oom(p);
			}
			p->label = v;
			p->label_room = room;
		}
		if (!take_raw(p, &t.label.raw)) {
			return false;
		}
		if (p->lex.kind != TOK_STRING) {
			return dbc_perr(p,
					"expected the text of value %lld in "
					"quotes",
					(long long)t.label.raw);
		}
		t.label.text = dbc_take_text(p);
		if (!t.label.text) {
			return false;
		}
		dbc_lex_next(&p->lex);
		p->label[n++] = t;
	}
	if (n > 0) {
		qsort(p->label, n, sizeof(p->label[0]), by_raw);
	}
	kept = arena_alloc(&p->priv->arena, n * sizeof(*kept));
	if (!kept) {
		return dbc_oom(p);
	}
	for (size_t i = 0; i < n; i++) {
		if (k == 0 || kept[k - 1].raw != p->label[i].label.raw) {
			kept[k++] = p->label[i].label;
		}
	}
	*out = kept;
	*n_out = k;
	return true;
}

bool dbc_stmt_val_table(struct dbc_parser *p)
{
	struct value_table t = { 0 };

	if (p->lex.kind != TOK_WORD) {
		return dbc_perr(p, "expected the name of the value table");
	}
	t.name = dbc_take_text(p);
	if (!t.name) {
		return false;
	}
	dbc_lex_next(&p->lex);
	if (!take_labels(p, &t.label, &t.n)) {
		return false;
	}
	if (p->n_tables == p->table_room) {
		size_t room = p->table_room ? p->table_room * 2 : 16;
		struct value_table *v = realloc(p->table, room * sizeof(*v));

		if (!v) {
			return dbc_oom(p);
		}
		p->table = v;
		p->table_room = room;
	}
	p->table[p->n_tables++] = t;
	return true;
}

static int table_cmp(const void *a, const void *b)
{
	const struct value_table *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* "VAL_ 12 Gear GearTable;" */
static bool take_table(struct dbc_parser *p, const struct dbc_label **out,
		       size_t *n)
{
	struct value_table key = { .name = dbc_take_text(p) }, *t;

	if (!key.name) {
		return false;
	}
	t = p->n_tables > 0 ? bsearch(&key, p->table, p->n_tables, sizeof(*t),
				      table_cmp)
			    : NULL;
	if (!t) {
		return dbc_perr(p,
				"no value table (VAL_TABLE_) is called "
				"'%.64s'",
				key.name);
	}
	*out = t->label;
	*n = t->n;
	dbc_lex_next(&p->lex);
	return true;
}

void dbc_sort_tables(struct dbc_parser *p)
{
	if (p->n_tables > 0) {
		qsort(p->table, p->n_tables, sizeof(p->table[0]), table_cmp);
	}
}

bool dbc_stmt_val(struct dbc_parser *p)
{
	struct dbc_lex at = p->lex;
	const struct dbc_label *label;
	struct parse_msg *m = NULL;
	uint32_t id;
	long s = -1;
	size_t n;
	bool ok;

	/* of a message's signal, or of an environment variable */
	if (dbc_word_u32(&p->lex, &id) == 0) {
		if (!dbc_take_msg(p, "values", &m) ||
		    !dbc_take_sig(p, m, "values", &s)) {
			return false;
		}
	} else {
		dbc_lex_next(&p->lex);
	}
	if (p->lex.kind == TOK_WORD && !strchr(NUMBER_START, *p->lex.s)) {
		ok = take_table(p, &label, &n);
	} else {
		ok = take_labels(p, &label, &n);
	}
	if (!ok || s < 0) {
		return ok;
	}
	if (p->sig[s].label) {
		dbc_pwarn(p, at.tok_line, at.tok_col,
			  "values of signal %.64s are given twice; the later "
			  "ones count",
			  p->sig[s].name);
	}
	p->sig[s].label = label;
	p->sig[s].n_labels = n;
	return true;
}
