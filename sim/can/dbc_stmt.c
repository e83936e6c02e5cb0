/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of a DBC file that define messages and signals or speak of
 * them. Each is called behind its keyword and leaves the token behind it.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Signals that belong to no message live in a made-up one with this id. */
#define PSEUDO_ID 0xC0000000u
#define EXT_FLAG 0x80000000u
#define ID_MAX_EXT 0x1FFFFFFFu
#define ID_MAX_STD 0x7FFu
#define LEN_MAX_CAN 64
#define LEN_MAX_TP 1785 /* SAE J1939-21 transport: the longest in a DBC */
#define START_MAX 511

/* Units repeat from line to line. */
static const char *take_unit(struct dbc_parser *p)
{
	const char *last = p->last_unit;

	if (!last || strlen(last) != p->lex.len ||
	    memcmp(last, p->lex.s, p->lex.len) != 0) {
		p->last_unit = dbc_take_text(p);
	}
	return p->last_unit;
}

/* ---- small grammar ---- */

bool dbc_expect(struct dbc_parser *p, char c)
{
	char buf[64];

	if (!dbc_lex_punct(&p->lex, c)) {
		return dbc_perr(p, "expected '%c', found %s", c,
				dbc_shown(p, buf));
	}
	dbc_lex_next(&p->lex);
	return true;
}

static bool take_u32(struct dbc_parser *p, const char *what, uint32_t *out)
{
	char buf[64];
	int ret = dbc_word_u32(&p->lex, out);

	if (ret < 0) {
		return dbc_perr(p, "expected %s, found %s%s", what,
				dbc_shown(p, buf),
				ret == -ERANGE ? ", which is too large" : "");
	}
	dbc_lex_next(&p->lex);
	return true;
}

static bool take_double(struct dbc_parser *p, const char *what, double *out)
{
	char buf[64];
	int ret = dbc_word_double(&p->lex, p->c, out);

	if (ret < 0) {
		return dbc_perr(
			p, "expected %s, found %s%s", what, dbc_shown(p, buf),
			ret == -ERANGE ? ", which is out of range" : "");
	}
	dbc_lex_next(&p->lex);
	return true;
}

/* min and max are only for people: an absurd one is no reason to refuse. */
static bool take_limit(struct dbc_parser *p, const char *what, double *out)
{
	if (dbc_word_double(&p->lex, p->c, out) == -ERANGE) {
		DBC_WARN(p, "%s is out of range; taken as the largest number",
			 what);
		*out = *p->lex.s == '-' ? -HUGE_VAL : HUGE_VAL;
		dbc_lex_next(&p->lex);
		return true;
	}
	return take_double(p, what, out);
}

static bool take_name(struct dbc_parser *p, const char *what, const char **out)
{
	char buf[64];
	char c = p->lex.len > 0 ? *p->lex.s : '\0';

	if (p->lex.kind != TOK_WORD) {
		return dbc_perr(p, "expected %s, found %s", what,
				dbc_shown(p, buf));
	}
	if ((c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-') {
		DBC_WARN(p, "%s %s is no identifier", what, dbc_shown(p, buf));
	}
	*out = dbc_take_text(p);
	dbc_lex_next(&p->lex);
	return *out != NULL;
}

static void *grow(void *v, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : 64;
	void *nv = realloc(v, want * size);

	if (nv) {
		*room = want;
	}
	return nv;
}

/* ---- BO_ and SG_ ---- */

static void check_id(struct dbc_parser *p, struct parse_msg *m)
{
	char buf[64];

	m->m.ext = m->file_id & EXT_FLAG;
	m->m.id = m->file_id & ID_MAX_EXT;
	if (m->file_id & ~(EXT_FLAG | ID_MAX_EXT)) {
		m->m.ext = true;
		DBC_WARN(p, "%s is no CAN identifier; taken as extended 0x%X",
			 dbc_shown(p, buf), m->m.id);
	} else if (!m->m.ext && m->m.id > ID_MAX_STD) {
		m->m.ext = true;
		DBC_WARN(p,
			 "identifier 0x%X needs 29 bits; taken as extended "
			 "(add 2147483648)",
			 m->m.id);
	}
}

static bool can_fd_len(uint32_t len)
{
	return len <= 8 || (len <= 24 && len % 4 == 0) || len == 32 ||
	       len == 48 || len == 64;
}

bool dbc_stmt_bo(struct dbc_parser *p)
{
	struct parse_msg m = { 0 };
	uint32_t len;

	p->in_msg = false;
	p->skip_sigs = true; /* until the line proves good */
	m.line = p->lex.tok_line;
	m.col = p->lex.tok_col;
	if (dbc_word_u32(&p->lex, &m.file_id) == 0) {
		if (m.file_id == PSEUDO_ID) {
			m.dropped = true;
		} else {
			check_id(p, &m);
		}
	}
	if (!take_u32(p, "a message identifier", &m.file_id) ||
	    !take_name(p, "a message name", &m.m.name) || !dbc_expect(p, ':')) {
		return false;
	}
	m.dropped |= !strcmp(m.m.name, "VECTOR__INDEPENDENT_SIG_MSG");
	if (dbc_word_u32(&p->lex, &len) == 0 && len > LEN_MAX_CAN) {
		if (len > LEN_MAX_TP) {
			return dbc_perr(p,
					"message %.64s has %u bytes: a CAN "
					"FD frame holds at most 64",
					m.m.name, len);
		}
		DBC_WARN(p,
			 "message %.64s is left out: %u bytes do not fit one "
			 "frame (at most 64)",
			 m.m.name, len);
		m.dropped = true;
	} else if (dbc_word_u32(&p->lex, &len) == 0 && !can_fd_len(len)) {
		DBC_WARN(p,
			 "no CAN FD frame has %u bytes: message %.64s is sent "
			 "padded",
			 len, m.m.name);
	}
	if (!take_u32(p, "a length in bytes", &len)) {
		return false;
	}
	m.m.len = (uint16_t)len;
	m.m.sender = "";
	if (p->lex.kind == TOK_WORD && !p->lex.first) {
		if (!dbc_lex_is(&p->lex, "Vector__XXX") &&
		    !(m.m.sender = dbc_take_text(p))) {
			return false;
		}
		dbc_lex_next(&p->lex);
	}
	if (p->n_msgs == p->msg_room) {
		struct parse_msg *v = grow(p->msg, &p->msg_room, sizeof(*v));

		if (!v) {
			return dbc_oom(p);
		}
		p->msg = v;
	}
	m.first = (uint32_t)p->n_sigs;
	p->msg[p->n_msgs++] = m;
	p->in_msg = !m.dropped;
	p->skip_sigs = m.dropped;
	return true;
}

/* M, m12 or m12M between name and colon */
static bool take_mux(struct dbc_parser *p, struct parse_sig *a)
{
	struct dbc_lex digits = p->lex;
	char buf[64];

	if (p->lex.kind != TOK_WORD) {
		return true;
	}
	if (dbc_lex_is(&p->lex, "M")) {
		a->mux = MUX_SELECTS;
		dbc_lex_next(&p->lex);
		return true;
	}
	if (*digits.s == 'm') {
		digits.s++;
		digits.len--;
		a->mux = MUX_SELECTED;
		if (digits.len > 0 && digits.s[digits.len - 1] == 'M') {
			digits.len--;
			a->mux |= MUX_SELECTS;
		}
		if (digits.len > 0 &&
		    dbc_word_u32(&digits, &a->mux_value) == 0) {
			dbc_lex_next(&p->lex);
			return true;
		}
	}
	return dbc_perr(p,
			"expected ':' or a multiplexing mark (M, m<number> "
			"or m<number>M), found %s",
			dbc_shown(p, buf));
}

/* "@1+": byte order and sign, as one word or two */
static bool take_order(struct dbc_parser *p, struct dbc_signal *s)
{
	char text[3] = { 0 }, buf[64];
	size_t n = 0;

	if (p->lex.kind == TOK_WORD && p->lex.len <= 2) {
		memcpy(text, p->lex.s, p->lex.len);
		n = p->lex.len;
	}
	if (n == 0 || (text[0] != '0' && text[0] != '1')) {
		return dbc_perr(p,
				"expected a byte order (0 or 1) after '@', "
				"found %s",
				dbc_shown(p, buf));
	}
	if (n == 1) {
		dbc_lex_next(&p->lex);
		if (p->lex.kind == TOK_WORD && p->lex.len == 1) {
			text[1] = *p->lex.s;
		}
	}
	if (text[1] != '+' && text[1] != '-') {
		return dbc_perr(p,
				"expected + (unsigned) or - (signed), "
				"found %s",
				dbc_shown(p, buf));
	}
	dbc_lex_next(&p->lex);
	s->big_endian = text[0] == '0';
	s->is_signed = text[1] == '-';
	return true;
}

static bool take_bits(struct dbc_parser *p, struct dbc_signal *s)
{
	struct dbc_lex at;
	uint32_t v;

	at = p->lex;
	if (!take_u32(p, "a start bit", &v)) {
		return false;
	}
	if (v > START_MAX) {
		p->lex = at;
		return dbc_perr(p, "start bit %u is outside 0..%d", v,
				START_MAX);
	}
	s->start = (uint16_t)v;
	if (!dbc_expect(p, '|')) {
		return false;
	}
	at = p->lex;
	if (!take_u32(p, "a length in bits", &v)) {
		return false;
	}
	if (v < 1 || v > 64) {
		p->lex = at;
		return dbc_perr(p, "signal %.64s has %u bits: want 1 to 64",
				s->name, v);
	}
	s->len = (uint16_t)v;
	return dbc_expect(p, '@') && take_order(p, s);
}

static bool take_scale(struct dbc_parser *p, struct dbc_signal *s)
{
	if (!dbc_expect(p, '(')) {
		return false;
	}
	if (dbc_word_double(&p->lex, p->c, &s->factor) == 0 && s->factor == 0) {
		DBC_WARN(p, "signal %.64s has factor 0; taken as 1", s->name);
	}
	if (!take_double(p, "a factor", &s->factor) || !dbc_expect(p, ',') ||
	    !take_double(p, "an offset", &s->offset) || !dbc_expect(p, ')') ||
	    !dbc_expect(p, '[') || !take_limit(p, "a minimum", &s->min) ||
	    !dbc_expect(p, '|') || !take_limit(p, "a maximum", &s->max) ||
	    !dbc_expect(p, ']')) {
		return false;
	}
	if (s->factor == 0) {
		s->factor = 1;
	}
	return true;
}

/* Receivers: read over; a line may break after a comma. */
static void skip_receivers(struct dbc_parser *p)
{
	bool comma = false;

	while (dbc_lex_punct(&p->lex, ',') ||
	       (p->lex.kind == TOK_WORD && (comma || !p->lex.first))) {
		comma = dbc_lex_punct(&p->lex, ',');
		dbc_lex_next(&p->lex);
	}
}

static bool add_sig(struct dbc_parser *p, const struct dbc_signal *s,
		    const struct parse_sig *a)
{
	if (p->n_sigs == p->sig_room) {
		size_t room = p->sig_room;
		struct dbc_signal *sv = grow(p->sig, &room, sizeof(*sv));
		struct parse_sig *av;

		if (!sv) {
			return dbc_oom(p);
		}
		p->sig = sv;
		av = grow(p->aux, &p->sig_room, sizeof(*av));
		if (!av) {
			return dbc_oom(p);
		}
		p->aux = av;
	}
	p->sig[p->n_sigs] = *s;
	p->aux[p->n_sigs] = *a;
	p->n_sigs++;
	p->msg[p->n_msgs - 1].n++;
	return true;
}

bool dbc_stmt_sg(struct dbc_parser *p)
{
	struct dbc_signal s = { .mux_parent = -1 };
	struct parse_sig a = { .line = p->lex.tok_line,
			       .col = p->lex.tok_col,
			       .mux_parent = -1 };
	char buf[64];

	if (!p->in_msg) {
		return p->skip_sigs ? false
				    : dbc_perr(p, "a signal (SG_) before any "
						  "message (BO_)");
	}
	if (!take_name(p, "a signal name", &s.name) || !take_mux(p, &a) ||
	    !dbc_expect(p, ':') || !take_bits(p, &s) || !take_scale(p, &s)) {
		return false;
	}
	if (p->lex.kind != TOK_STRING) {
		return dbc_perr(p, "expected the unit in quotes, found %s",
				dbc_shown(p, buf));
	}
	s.unit = take_unit(p);
	if (!s.unit) {
		return false;
	}
	dbc_lex_next(&p->lex);
	skip_receivers(p);
	return add_sig(p, &s, &a);
}

/* ---- statements about messages and signals ---- */

/* First of the message indexes sorted by file id that is not below @id. */
static size_t lower_msg(const struct dbc_parser *p, uint32_t id)
{
	size_t lo = 0, hi = p->n_msgs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->msg[p->msg_by_id[mid]].file_id < id) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

bool dbc_take_msg(struct dbc_parser *p, const char *what,
		  struct parse_msg **out)
{
	struct dbc_lex at = p->lex;
	uint32_t id;
	size_t i;

	if (!take_u32(p, "a message identifier", &id)) {
		return false;
	}
	i = lower_msg(p, id);
	*out = NULL;
	if (i < p->n_msgs && p->msg[p->msg_by_id[i]].file_id == id) {
		*out = &p->msg[p->msg_by_id[i]];
	} else if (id != PSEUDO_ID) {
		dbc_pwarn(p, at.tok_line, at.tok_col,
			  "%s for message %u, which is not in the file", what,
			  id);
	}
	return true;
}

bool dbc_take_sig(struct dbc_parser *p, struct parse_msg *m, const char *what,
		  long *out)
{
	struct dbc_lex at = p->lex;
	struct arena mark = p->priv->arena;
	const uint32_t *idx;
	const char *name;
	size_t lo = 0, hi;

	if (!take_name(p, "a signal name", &name)) {
		return false;
	}
	*out = -1;
	if (p->priv->arena.head == mark.head) {
		p->priv->arena = mark; /* only for this look-up */
	}
	if (!m) {
		return true;
	}
	idx = p->sig_by_name + m->first;
	hi = m->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(p->sig[m->first + idx[mid]].name, name) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	if (lo < m->n && !strcmp(p->sig[m->first + idx[lo]].name, name)) {
		*out = (long)(m->first + idx[lo]);
	} else if (!m->dropped) {
		dbc_pwarn(p, at.tok_line, at.tok_col,
			  "%s for signal %.64s, which message %.64s does not "
			  "have",
			  what, name, m->m.name);
	}
	return true;
}

bool dbc_stmt_cm(struct dbc_parser *p)
{
	struct parse_msg *m = NULL;
	long s = -1;
	const char *text;
	char buf[64];

	if (dbc_lex_is(&p->lex, "BO_")) {
		dbc_lex_next(&p->lex);
		if (!dbc_take_msg(p, "comment", &m)) {
			return false;
		}
	} else if (dbc_lex_is(&p->lex, "SG_")) {
		dbc_lex_next(&p->lex);
		if (!dbc_take_msg(p, "comment", &m) ||
		    !dbc_take_sig(p, m, "comment", &s)) {
			return false;
		}
		m = NULL;
	} else if (dbc_lex_is(&p->lex, "BU_") || dbc_lex_is(&p->lex, "EV_")) {
		dbc_lex_next(&p->lex);
		dbc_lex_next(&p->lex);
	}
	if (p->lex.kind != TOK_STRING) {
		return dbc_perr(p, "expected a comment in quotes, found %s",
				dbc_shown(p, buf));
	}
	if (!m && s < 0) {
		dbc_lex_next(&p->lex);
		return true;
	}
	text = dbc_take_text(p);
	if (!text) {
		return false;
	}
	dbc_lex_next(&p->lex);
	if (m) {
		m->m.comment = text;
	} else {
		p->sig[s].comment = text;
	}
	return true;
}

bool dbc_stmt_valtype(struct dbc_parser *p)
{
	struct parse_msg *m;
	struct dbc_lex at;
	uint32_t kind;
	long s;

	if (!dbc_take_msg(p, "value type", &m) ||
	    !dbc_take_sig(p, m, "value type", &s)) {
		return false;
	}
	if (dbc_lex_punct(&p->lex, ':')) {
		dbc_lex_next(&p->lex);
	}
	at = p->lex;
	if (!take_u32(p, "a value type (0 integer, 1 float, 2 double)",
		      &kind)) {
		return false;
	}
	if (s < 0) {
		return true;
	}
	if (kind == 1 && p->sig[s].len == 32) {
		p->sig[s].type = DBC_FLOAT;
	} else if (kind == 2 && p->sig[s].len == 64) {
		p->sig[s].type = DBC_DOUBLE;
	} else if (kind != 0) {
		dbc_pwarn(p, at.tok_line, at.tok_col,
			  "signal %.64s stays an integer: type %u does not fit "
			  "its %u bits (1 = float of 32, 2 = double of 64)",
			  p->sig[s].name, kind, p->sig[s].len);
	}
	return true;
}

/* "1-3": the word, split. Spaces around the dash are tolerated. */
static bool take_range(struct dbc_parser *p, struct dbc_mux_range *r)
{
	struct dbc_lex lo = p->lex, hi = p->lex;
	const char *dash = NULL;
	uint32_t a, b;
	char buf[64];

	if (p->lex.kind == TOK_WORD) {
		dash = memchr(p->lex.s, '-', p->lex.len);
	}
	if (dash) {
		lo.len = (size_t)(dash - lo.s);
		hi.s = dash + 1;
		hi.len = p->lex.len - lo.len - 1;
	}
	if (!dash || lo.len == 0 || hi.len == 0 || dbc_word_u32(&lo, &a) < 0 ||
	    dbc_word_u32(&hi, &b) < 0) {
		return dbc_perr(p,
				"expected a range of selector values like "
				"2-5, found %s",
				dbc_shown(p, buf));
	}
	if (b < a) {
		DBC_WARN(p, "range %u-%u is backwards", a, b);
	}
	*r = (struct dbc_mux_range){ .lo = a < b ? a : b, .hi = a < b ? b : a };
	dbc_lex_next(&p->lex);
	return true;
}

bool dbc_stmt_mul_val(struct dbc_parser *p)
{
	struct dbc_mux_range *kept;
	struct parse_msg *m;
	size_t n = 0;
	long s, sel;

	if (!dbc_take_msg(p, "multiplexing", &m) ||
	    !dbc_take_sig(p, m, "multiplexing", &s) ||
	    !dbc_take_sig(p, m, "multiplexing", &sel)) {
		return false;
	}
	do {
		if (dbc_lex_punct(&p->lex, ',')) {
			dbc_lex_next(&p->lex);
		}
		if (n == p->range_room) {
			kept = grow(p->range, &p->range_room, sizeof(*kept));
			if (!kept) {
				return dbc_oom(p);
			}
			p->range = kept;
		}
		if (!take_range(p, &p->range[n++])) {
			return false;
		}
	} while (dbc_lex_punct(&p->lex, ','));
	if (s < 0 || sel < 0) {
		return true;
	}
	kept = arena_alloc(&p->priv->arena, n * sizeof(*kept));
	if (!kept) {
		return dbc_oom(p);
	}
	memcpy(kept, p->range, n * sizeof(*kept));
	p->sig[s].mux_range = kept;
	p->sig[s].n_mux_ranges = n;
	p->aux[s].mux_parent = (int32_t)((size_t)sel - m->first);
	return true;
}

bool dbc_stmt_tx_bu(struct dbc_parser *p)
{
	struct parse_msg *m;

	if (!dbc_take_msg(p, "transmitters", &m) || !dbc_expect(p, ':')) {
		return false;
	}
	/* the first one speaks for a message without a sender */
	if (m && !*m->m.sender && p->lex.kind == TOK_WORD &&
	    !dbc_lex_is(&p->lex, "Vector__XXX")) {
		m->m.sender = dbc_take_text(p);
		if (!m->m.sender) {
			return false;
		}
	}
	while (p->lex.kind == TOK_WORD || dbc_lex_punct(&p->lex, ',')) {
		dbc_lex_next(&p->lex);
	}
	return true;
}

bool dbc_stmt_version(struct dbc_parser *p)
{
	char buf[64];

	if (p->lex.kind != TOK_STRING) {
		return dbc_perr(p, "expected the version in quotes, found %s",
				dbc_shown(p, buf));
	}
	p->version = dbc_take_text(p);
	dbc_lex_next(&p->lex);
	return p->version != NULL;
}
