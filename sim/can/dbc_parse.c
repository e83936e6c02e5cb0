/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of a DBC file. Only statements with a ';' have a sure end; after
 * an error reading goes on behind the next ';' or at the next line that starts
 * with a keyword, so that one slip costs one message.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- arena ---- */

struct arena_chunk {
	struct arena_chunk *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = size > 0 ? (size + 7) & ~(size_t)7 : 8;
	if (size > a->room - a->used) {
		size_t room = size > 32768 ? size : 32768;
		struct arena_chunk *c = malloc(sizeof(*c) + room);

		if (!c) {
			return NULL;
		}
		c->next = a->head;
		a->head = c;
		a->room = room;
		a->used = 0;
	}
	p = (char *)a->head->data + a->used;
	a->used += size;
	return p;
}

void arena_finish(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *c = a->head;

		a->head = c->next;
		free(c);
	}
}

/* ---- messages ---- */

__attribute__((format(printf, 5, 0))) static void vdiag(
	struct av_diags *d, const char *name, unsigned int line,
	unsigned int col, const char *fmt, va_list ap)
{
	char msg[600];

	if (!d) {
		return;
	}
	if (d->n >= AV_DIAGS_MAX) {
		d->dropped++; /* do not even format what nobody will see */
		return;
	}
	vsnprintf(msg, sizeof(msg), fmt, ap);
	av_diag_add(d, name, line, col, "%s", msg);
}

bool dbc_perr(struct dbc_parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(p->d, p->name, p->lex.tok_line, p->lex.tok_col, fmt, ap);
	va_end(ap);
	p->n_errors++;
	return false;
}

void dbc_perr_at(struct dbc_parser *p, unsigned int line, unsigned int col,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(p->d, p->name, line, col, fmt, ap);
	va_end(ap);
	p->n_errors++;
}

void dbc_pwarn(struct dbc_parser *p, unsigned int line, unsigned int col,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(p->warn, p->name, line, col, fmt, ap);
	va_end(ap);
}

bool dbc_oom(struct dbc_parser *p)
{
	p->oom = true;
	return false;
}

const char *dbc_shown(const struct dbc_parser *p, char buf[64])
{
	size_t n = p->lex.len < 40 ? p->lex.len : 40;

	if (p->lex.kind == TOK_END) {
		return "the end of the file";
	}
	if (p->lex.kind == TOK_STRING) {
		return "a text in quotes";
	}
	snprintf(buf, 64, "'%.*s%s'", (int)n, p->lex.s,
		 p->lex.len > n ? "..." : "");
	for (char *c = buf; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			*c = '?';
		}
	}
	return buf;
}

/* ---- text ---- */

const char *dbc_take_text(struct dbc_parser *p)
{
	const char *s = p->lex.s;
	size_t len = p->lex.len, n = 0;
	char *out;

	if (len == 0) {
		return "";
	}
	for (size_t i = 0; i < len; i++) {
		n += p->latin1 && (unsigned char)s[i] >= 0x80 ? 2 : 1;
	}
	out = arena_alloc(&p->priv->arena, n + 1);
	if (!out) {
		p->oom = true;
		return NULL;
	}
	n = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\\' && i + 1 < len && s[i + 1] == '"') {
			continue;
		}
		if (c == '\r' && i + 1 < len && s[i + 1] == '\n') {
			continue;
		}
		if (p->latin1 && c >= 0x80) {
			out[n++] = (char)(0xC0 | c >> 6);
			c = (unsigned char)(0x80 | (c & 0x3F));
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return out;
}

static bool utf8_ok(const unsigned char *s, size_t len, size_t *bad)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = s[i];
		size_t n = c < 0x80                ? 1
			   : c >= 0xC2 && c < 0xE0 ? 2
			   : c >= 0xE0 && c < 0xF0 ? 3
			   : c >= 0xF0 && c < 0xF5 ? 4
						   : 0;

		*bad = i;
		if (n == 0 || n > len - i) {
			return false;
		}
		for (size_t k = 1; k < n; k++) {
			if ((s[i + k] & 0xC0) != 0x80) {
				return false;
			}
		}
		if ((c == 0xE0 && s[i + 1] < 0xA0) ||
		    (c == 0xED && s[i + 1] >= 0xA0) ||
		    (c == 0xF0 && s[i + 1] < 0x90) ||
		    (c == 0xF4 && s[i + 1] >= 0x90)) {
			return false;
		}
		i += n;
	}
	return true;
}

/* ---- the list of statements ---- */

enum { END_LINE = 1, END_SEMICOLON = 2 };
static const struct statement {
	const char *word;
	bool (*fn)(struct dbc_parser *p);
	int pass; /* 0: known, and of no use to us */
	int end;
} statements[] = {
	{ "SG_", dbc_stmt_sg, 1, END_LINE },
	{ "BO_", dbc_stmt_bo, 1, END_LINE },
	{ "CM_", dbc_stmt_cm, 2, END_SEMICOLON },
	{ "VAL_", dbc_stmt_val, 2, END_SEMICOLON },
	{ "BA_", dbc_stmt_ba, 2, END_SEMICOLON },
	{ "BA_DEF_", dbc_stmt_ba_def, 1, END_SEMICOLON },
	{ "BA_DEF_DEF_", dbc_stmt_ba_def_def, 1, END_SEMICOLON },
	{ "VAL_TABLE_", dbc_stmt_val_table, 1, END_SEMICOLON },
	{ "SIG_VALTYPE_", dbc_stmt_valtype, 2, END_SEMICOLON },
	{ "SG_MUL_VAL_", dbc_stmt_mul_val, 2, END_SEMICOLON },
	{ "BO_TX_BU_", dbc_stmt_tx_bu, 2, END_SEMICOLON },
	{ "VERSION", dbc_stmt_version, 1, END_LINE },
	{ "NS_", NULL, 0, END_LINE },
	{ "BS_", NULL, 0, END_LINE },
	{ "BU_", NULL, 0, END_LINE },
	{ "EV_", NULL, 0, END_SEMICOLON },
	{ "EV_DATA_", NULL, 0, END_SEMICOLON },
	{ "ENVVAR_DATA_", NULL, 0, END_SEMICOLON },
	{ "SGTYPE_", NULL, 0, END_SEMICOLON },
	{ "SGTYPE_VAL_", NULL, 0, END_SEMICOLON },
	{ "SIGTYPE_VALTYPE_", NULL, 0, END_SEMICOLON },
	{ "SIG_TYPE_REF_", NULL, 0, END_SEMICOLON },
	{ "SIG_GROUP_", NULL, 0, END_SEMICOLON },
	{ "BA_REL_", NULL, 0, END_SEMICOLON },
	{ "BA_DEF_REL_", NULL, 0, END_SEMICOLON },
	{ "BA_DEF_DEF_REL_", NULL, 0, END_SEMICOLON },
	{ "BA_SGTYPE_", NULL, 0, END_SEMICOLON },
	{ "BA_DEF_SGTYPE_", NULL, 0, END_SEMICOLON },
	{ "BU_SG_REL_", NULL, 0, END_SEMICOLON },
	{ "BU_EV_REL_", NULL, 0, END_SEMICOLON },
	{ "BU_BO_REL_", NULL, 0, END_SEMICOLON },
	{ "CAT_", NULL, 0, END_SEMICOLON },
	{ "CAT_DEF_", NULL, 0, END_SEMICOLON },
	{ "FILTER", NULL, 0, END_SEMICOLON },
	{ "NS_DESC_", NULL, 0, END_SEMICOLON },
};
#define N_STATEMENTS (sizeof(statements) / sizeof(statements[0]))

static const struct statement *find_statement(const struct dbc_lex *l)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		if (dbc_lex_is(l, statements[i].word)) {
			return &statements[i];
		}
	}
	return NULL;
}

static const char *statement_name(const void *ctx, size_t i)
{
	(void)ctx;
	return statements[i].word;
}

/* Behind the next ';' or to the next line that starts with a keyword. */
static void resync(struct dbc_parser *p)
{
	while (p->lex.kind != TOK_END &&
	       !(p->lex.first && find_statement(&p->lex))) {
		bool end = dbc_lex_punct(&p->lex, ';');

		dbc_lex_next(&p->lex);
		if (end) {
			break;
		}
	}
}

/* NS_: a list of keywords, one a line. It ends at a statement: at a word that
 * never stands in such a list, or that something follows on its line. */
static void skip_ns(struct dbc_parser *p)
{
	if (dbc_lex_punct(&p->lex, ':')) {
		dbc_lex_next(&p->lex);
	}
	while (p->lex.kind == TOK_WORD) {
		struct dbc_lex word = p->lex;

		if (dbc_lex_is(&word, "BS_") || dbc_lex_is(&word, "BU_") ||
		    dbc_lex_is(&word, "BO_") || dbc_lex_is(&word, "SG_") ||
		    dbc_lex_is(&word, "VERSION")) {
			return;
		}
		dbc_lex_next(&p->lex);
		if (!p->lex.first && p->lex.kind != TOK_END &&
		    (p->lex.kind != TOK_WORD || !find_statement(&p->lex) ||
		     dbc_lex_is(&p->lex, "BU_") || dbc_lex_is(&p->lex, "BO_") ||
		     dbc_lex_is(&p->lex, "SG_"))) {
			p->lex = word;
			return;
		}
	}
}

static void end_statement(struct dbc_parser *p, const struct statement *st)
{
	char buf[64];

	if (dbc_lex_punct(&p->lex, ';')) {
		dbc_lex_next(&p->lex);
	} else if (st->end == END_SEMICOLON) {
		if (p->lex.kind == TOK_END ||
		    (p->lex.first && find_statement(&p->lex))) {
			DBC_WARN(p, "%s ends without ';'", st->word);
		} else {
			dbc_perr(p, "expected ';' at the end of %s, found %s",
				 st->word, dbc_shown(p, buf));
			resync(p);
		}
	} else if (p->lex.kind != TOK_END && !p->lex.first) {
		dbc_perr(p, "%s at the end of %s makes no sense",
			 dbc_shown(p, buf), st->word);
		resync(p);
	}
}

static void unknown_statement(struct dbc_parser *p)
{
	char word[80], hint[96], buf[64];
	size_t n = p->lex.len < sizeof(word) ? p->lex.len : sizeof(word) - 1;

	memcpy(word, p->lex.s, n);
	word[n] = '\0';
	if (p->warn && p->warn->n < AV_DIAGS_MAX) { /* a hint takes time */
		DBC_WARN(p, "unknown statement %s is skipped%s",
			 dbc_shown(p, buf),
			 av_suggest_text(hint,
					 av_suggest(word, N_STATEMENTS,
						    statement_name, NULL)));
	} else if (p->warn) {
		p->warn->dropped++;
	}
	p->n_unknown++;
	p->in_msg = false; /* it may have been a message */
	p->skip_sigs = true;
	dbc_lex_next(&p->lex);
	resync(p);
}

static void one_statement(struct dbc_parser *p, int pass)
{
	const struct statement *st = find_statement(&p->lex);
	char buf[64];

	if (p->lex.kind != TOK_WORD) {
		if (pass == 1 && !dbc_lex_punct(&p->lex, ';')) {
			dbc_perr(p, "expected a statement, found %s",
				 dbc_shown(p, buf));
		}
		dbc_lex_next(&p->lex);
		resync(p);
		return;
	}
	if (!st) {
		if (pass == 1) {
			unknown_statement(p);
		} else {
			dbc_lex_next(&p->lex);
			resync(p);
		}
		return;
	}
	dbc_lex_next(&p->lex);
	p->n_known++;
	if (!strcmp(st->word, "NS_")) {
		skip_ns(p);
	} else if (st->pass != pass) {
		resync(p);
	} else if (st->fn(p)) {
		end_statement(p, st);
	} else {
		resync(p);
	}
}

static void run_pass(struct dbc_parser *p, const char *buf, size_t len,
		     int pass)
{
	p->lex = (struct dbc_lex){
		.at = buf, .end = buf + len, .line_start = buf, .line = 1
	};
	p->in_msg = p->skip_sigs = false;
	p->n_known = 0;
	dbc_lex_next(&p->lex);
	while (p->lex.kind != TOK_END && !p->oom) {
		one_statement(p, pass);
	}
}

/* Things about the bytes: what makes it no text, and which encoding it is. */
static bool check_bytes(struct dbc_parser *p, const char *buf, size_t len,
			bool bom)
{
	const char *nul = memchr(buf, '\0', len);
	unsigned int line = 1;
	const char *start = buf;
	size_t bad;

	if (nul) {
		for (const char *c = buf; c < nul; c++) {
			if (*c == '\n') {
				line++;
				start = c + 1;
			}
		}
		dbc_perr_at(p, line, (unsigned int)(nul - start) + 1,
			    "a NUL byte: this is no DBC text%s",
			    len > 1 && ((unsigned char)buf[0] >= 0xFE ||
					(nul == buf + 1))
				    ? " (UTF-16? save it as UTF-8)"
				    : "");
		return false;
	}
	p->latin1 = !utf8_ok((const unsigned char *)buf, len, &bad);
	if (p->latin1 && bom) {
		dbc_pwarn(p, 0, 0,
			  "not UTF-8 although it has its mark (byte "
			  "%zu); read as Latin-1",
			  bad);
	}
	return true;
}

static int parse(struct dbc_parser *p, const char *buf, size_t len,
		 struct dbc *dbc)
{
	bool bom = len >= 3 && !memcmp(buf, "\xEF\xBB\xBF", 3);

	if (bom) {
		buf += 3;
		len -= 3;
	}
	if (len > 0 && !check_bytes(p, buf, len, bom)) {
		return -EINVAL;
	}
	if (len > UINT32_MAX - 16) {
		dbc_perr_at(p, 0, 0, "larger than 4 GiB");
		return -EINVAL;
	}
	run_pass(p, buf, len, 1);
	if (p->lex.open_line > 0) {
		dbc_perr_at(p, p->lex.open_line, p->lex.open_col,
			    "this text is never closed by a quote (\")");
	}
	if (!p->oom && p->n_known == 0 && p->n_unknown > 0) {
		dbc_perr_at(p, 1, 1,
			    "no DBC statement found: is this a DBC "
			    "file?");
	}
	if (p->oom || !dbc_index(p)) {
		return -ENOMEM;
	}
	run_pass(p, buf, len, 2);
	if (p->oom) {
		return -ENOMEM;
	}
	return dbc_link(p, dbc);
}

int dbc_parse(const char *name, const char *buf, size_t len, struct dbc **out,
	      struct av_diags *d, struct av_diags *warn)
{
	struct dbc_parser p = { .name = name, .d = d, .warn = warn };
	struct dbc *dbc = calloc(1, sizeof(*dbc));
	int ret = -ENOMEM;

	*out = NULL;
	p.priv = calloc(1, sizeof(*p.priv));
	p.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	p.version = "";
	p.sig_room = 64; /* never NULL: messages point into it */
	p.sig = calloc(p.sig_room, sizeof(*p.sig));
	p.aux = calloc(p.sig_room, sizeof(*p.aux));
	if (dbc && p.priv && p.c && p.sig && p.aux) {
		dbc->private = p.priv;
		dbc->name = strdup(name);
		ret = dbc->name ? parse(&p, buf, len, dbc) : -ENOMEM;
	} else {
		free(p.priv);
	}
	free(p.msg);
	free(p.sig);
	free(p.aux);
	free(p.msg_by_id);
	free(p.sig_by_name);
	free(p.table);
	free(p.label);
	free(p.range);
	if (p.c) {
		freelocale(p.c);
	}
	if (ret < 0) {
		dbc_destroy(dbc);
		return ret;
	}
	*out = dbc;
	return 0;
}

void dbc_destroy(struct dbc *dbc)
{
	struct dbc_private *v = dbc ? dbc->private : NULL;

	if (v) {
		arena_finish(&v->arena);
		free(v->message);
		free(v->signal);
		free(v->sig_plan);
		free(v->msg_plan);
		free(v->sig_by_name);
		free(v->mux_order);
		free(v->msg_by_name);
		free(v->ext_sorted);
		free(v->ext_hash);
		free(v);
	}
	if (dbc) {
		free(dbc->name);
		free(dbc);
	}
}
