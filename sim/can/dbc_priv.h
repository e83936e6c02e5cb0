/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the DBC reader only: tokens, the parser's state while
 * it reads, and the compiled tables that stay.
 *
 * A file is read twice. The first pass takes what defines things (BO_, SG_,
 * VAL_TABLE_, BA_DEF_, defaults), the second what refers to them (CM_, BA_,
 * VAL_, SIG_VALTYPE_, SG_MUL_VAL_, BO_TX_BU_), so that order does not matter.
 * Then dbc_link() resolves names, multiplexing and attributes and compiles.
 */
#ifndef AVSIM_CAN_DBC_PRIV_H
#define AVSIM_CAN_DBC_PRIV_H

#include "sim/can/dbc.h"

#include <locale.h>

/* ---- memory that lives as long as the database ---- */

struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used, room;
};
void *arena_alloc(struct arena *a, size_t size); /* 8-aligned, NULL: OOM */
void arena_finish(struct arena *a);

/* ---- tokens ---- */

enum dbc_token { TOK_END, TOK_WORD, TOK_STRING, TOK_PUNCT };

struct dbc_lex {
	const char *at, *end;
	const char *line_start;
	unsigned int line;
	/* the current token */
	enum dbc_token kind;
	const char *s; /* its text, a string without the quotes */
	size_t len;
	unsigned int tok_line, tok_col;
	bool first;                       /* first on its line */
	unsigned int open_line, open_col; /* of a string never closed */
};

void dbc_lex_next(struct dbc_lex *l);
bool dbc_lex_is(const struct dbc_lex *l, const char *word);
bool dbc_lex_punct(const struct dbc_lex *l, char c);

/* The word at @l as a number. Return: 0, -EINVAL none, -ERANGE too large. */
int dbc_word_u32(const struct dbc_lex *l, uint32_t *out);
int dbc_word_int(const struct dbc_lex *l, int64_t *out);
int dbc_word_double(const struct dbc_lex *l, locale_t c, double *out);

/* ---- compiled tables ---- */

enum dbc_field {
	FIELD_PLAIN, /* int of at most 8 touched bytes that fits an int64 */
	FIELD_U64,   /* 64 bits unsigned */
	FIELD_WIDE,  /* int over 9 bytes */
	FIELD_FLOAT,
	FIELD_DOUBLE,
};

/* One signal, in one cache line: what packing and unpacking needs. */
struct sig_plan {
	uint64_t mask; /* len ones */
	uint64_t sign; /* top bit of a signed field, else 0 */
	double factor, offset;
	double lo, hi;  /* raw limits of the field */
	uint16_t need;  /* bytes a frame must have to carry it */
	uint8_t byte;   /* first byte touched */
	uint8_t shift;  /* down from the 8 bytes there; see dbc_plan_signal() */
	uint8_t word8;  /* frames of 8 bytes: byte order, 0 little, 1 big */
	uint8_t shift8; /* and shift in the whole frame */
	uint8_t len;    /* bits */
	uint8_t field;  /* enum dbc_field */
};

struct msg_plan {
	const struct sig_plan *sig;
	const uint32_t *by_name;   /* signal indexes, sorted by name, index */
	const uint32_t *mux_order; /* selectors before selected; NULL: no mux */
	uint16_t need;             /* the most any signal needs */
	bool short_plain;          /* no mux, all FIELD_PLAIN within 8 bytes */
	bool disjoint;             /* no two signals share a bit */
};

void dbc_plan_signal(const struct dbc_signal *s, struct sig_plan *p);

#define DBC_EXT_PROBES 16
struct dbc_private {
	struct arena arena;
	struct dbc_message *message;
	struct dbc_signal *signal;
	struct sig_plan *sig_plan;
	struct msg_plan *msg_plan;
	uint32_t *sig_by_name; /* one block, see msg_plan.by_name */
	uint32_t *mux_order;   /* one block, see msg_plan.mux_order */
	uint32_t *msg_by_name; /* message indexes sorted by name, index */
	uint32_t *ext_sorted;  /* 29-bit messages sorted by id, index */
	size_t n_ext;
	uint32_t *ext_hash; /* message index + 1; 0 = free */
	uint32_t ext_mask;
	uint32_t std[2048]; /* message index + 1 */
};

/* ---- the parser while it reads ---- */

enum dbc_attr_id {
	ATTR_CYCLE,
	ATTR_SEND_TYPE,
	ATTR_DELAY,
	ATTR_START_DELAY,
	ATTR_FRAME_FORMAT,
	ATTR_BRS,
	ATTR_MSG_LONG,
	ATTR_SIG_LONG,
	ATTR_SIG_START,
	ATTR_N
};

struct attr_value {
	bool set;
	bool is_text;
	double num;
	const char *text; /* arena */
};

struct attr_def {
	bool is_enum;
	const char *const *choice; /* arena */
	size_t n_choices;
	struct attr_value standard; /* BA_DEF_DEF_ */
};

enum dbc_mux_mark { MUX_NONE = 0, MUX_SELECTS = 1, MUX_SELECTED = 2 };

struct parse_sig { /* beside each struct dbc_signal */
	unsigned int line, col;
	uint32_t mux_value;
	int32_t mux_parent; /* by SG_MUL_VAL_, else -1 */
	uint8_t mux;        /* enum dbc_mux_mark bits */
	const char *long_name;
	bool raw_start_set;
	double raw_start;
};

struct parse_msg {
	struct dbc_message m; /* signal, n_signals unused */
	uint32_t file_id;     /* as written */
	uint32_t first, n;    /* its signals */
	unsigned int line, col;
	bool dropped; /* known, but not part of the result */
	const char *long_name;
	struct attr_value cycle, delay, start_delay, send_type, format, brs;
};

struct value_table {
	const char *name;
	const struct dbc_label *label;
	size_t n;
};

struct dbc_parser {
	const char *name;
	struct dbc_lex lex;
	struct av_diags *d, *warn;
	size_t n_errors;
	bool oom;
	bool latin1;
	locale_t c; /* numbers are read the same under any locale */
	struct dbc_private *priv;
	const char *version;
	struct parse_msg *msg;
	size_t n_msgs, msg_room;
	struct dbc_signal *sig;
	struct parse_sig *aux;
	size_t n_sigs, sig_room;
	uint32_t *msg_by_id;   /* sorted by file_id, index */
	uint32_t *sig_by_name; /* sorted by name within each message */
	struct value_table *table;
	size_t n_tables, table_room;
	struct attr_def attr[ATTR_N];
	bool in_msg;    /* SG_ belongs to the last message */
	bool skip_sigs; /* the BO_ before was unusable: SG_ are skipped */
	size_t n_known, n_unknown; /* statements */
	const char *last_unit;
	struct label_tmp *label; /* scratch of one VAL_ */
	size_t label_room;
	struct dbc_mux_range *range; /* scratch of one SG_MUL_VAL_ */
	size_t range_room;
};

/* Message at the current token. Return: false, to be returned. */
bool dbc_perr(struct dbc_parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void dbc_pwarn(struct dbc_parser *p, unsigned int line, unsigned int col,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void dbc_perr_at(struct dbc_parser *p, unsigned int line, unsigned int col,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* At the current token. */
#define DBC_WARN(p, ...)                                                       \
	dbc_pwarn(p, (p)->lex.tok_line, (p)->lex.tok_col, __VA_ARGS__)

bool dbc_oom(struct dbc_parser *p);
/* The current token for a message: its beginning, quoted. */
const char *dbc_shown(const struct dbc_parser *p, char buf[64]);

/* Copies of the current token's text as UTF-8 in the arena; NULL: OOM. */
const char *dbc_take_text(struct dbc_parser *p);

/* The message or signal that the current token names; the token is consumed.
 * NULL with *@known false where it does not exist (a warning is given). */
bool dbc_take_msg(struct dbc_parser *p, const char *what,
		  struct parse_msg **out);
bool dbc_take_sig(struct dbc_parser *p, struct parse_msg *m, const char *what,
		  long *out);

bool dbc_expect(struct dbc_parser *p, char c);

/* Statements; false: a message was given. dbc_stmt.c */
bool dbc_stmt_bo(struct dbc_parser *p);
bool dbc_stmt_sg(struct dbc_parser *p);
bool dbc_stmt_cm(struct dbc_parser *p);
bool dbc_stmt_valtype(struct dbc_parser *p);
bool dbc_stmt_mul_val(struct dbc_parser *p);
bool dbc_stmt_tx_bu(struct dbc_parser *p);
bool dbc_stmt_version(struct dbc_parser *p);
/* dbc_attr.c */
bool dbc_stmt_ba_def(struct dbc_parser *p);
bool dbc_stmt_ba_def_def(struct dbc_parser *p);
bool dbc_stmt_ba(struct dbc_parser *p);
void dbc_apply_attrs(struct dbc_parser *p);
/* dbc_values.c */
void dbc_sort_tables(struct dbc_parser *p); /* between the passes */
bool dbc_stmt_val_table(struct dbc_parser *p);
bool dbc_stmt_val(struct dbc_parser *p);

/* dbc_link.c: indexes for the second pass; then everything else. */
bool dbc_index(struct dbc_parser *p);
int dbc_link(struct dbc_parser *p, struct dbc *dbc);

#endif
