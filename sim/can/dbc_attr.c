/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes: of the many that tools write, the few that say how a message is
 * sent and what things are called. The rest is checked for form and dropped.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const attr_names[ATTR_N] = {
	[ATTR_CYCLE] = "GenMsgCycleTime",
	[ATTR_SEND_TYPE] = "GenMsgSendType",
	[ATTR_DELAY] = "GenMsgDelayTime",
	[ATTR_START_DELAY] = "GenMsgStartDelayTime",
	[ATTR_FRAME_FORMAT] = "VFrameFormat",
	[ATTR_BRS] = "CANFD_BRS",
	[ATTR_MSG_LONG] = "SystemMessageLongSymbol",
	[ATTR_SIG_LONG] = "SystemSignalLongSymbol",
	[ATTR_SIG_START] = "GenSigStartValue",
};

/* Frame formats of Vector's tools by index, where the file does not list them.
 */
#define FORMAT_STD_FD 14
#define FORMAT_EXT_FD 15
#define MS_MAX 86400000.0 /* a day: what is longer is a slip */

/* The attribute's name in quotes. ATTR_N: one we do not use. */
static bool take_attr(struct dbc_parser *p, enum dbc_attr_id *id)
{
	int i;

	if (p->lex.kind != TOK_STRING) {
		return dbc_perr(p, "expected an attribute's name in quotes");
	}
	for (i = 0; i < ATTR_N; i++) {
		if (strlen(attr_names[i]) == p->lex.len &&
		    !memcmp(attr_names[i], p->lex.s, p->lex.len)) {
			break;
		}
	}
	*id = (enum dbc_attr_id)i;
	dbc_lex_next(&p->lex);
	return true;
}

static bool take_value(struct dbc_parser *p, bool keep, struct attr_value *v)
{
	*v = (struct attr_value){ .set = true };
	if (p->lex.kind == TOK_STRING) {
		v->is_text = true;
		v->text = keep ? dbc_take_text(p) : "";
		if (!v->text) {
			return false;
		}
	} else if (dbc_word_double(&p->lex, p->c, &v->num) == -ERANGE) {
		dbc_pwarn(p, p->lex.tok_line, p->lex.tok_col,
			  "attribute value is out of range; left out");
		v->set = false;
	} else if (dbc_word_double(&p->lex, p->c, &v->num) < 0) {
		return dbc_perr(p, "expected a number or a text in quotes as "
				   "the attribute's value");
	}
	dbc_lex_next(&p->lex);
	return true;
}

/* ENUM "a","b",... */
static bool take_choices(struct dbc_parser *p, struct attr_def *def)
{
	const char *first[64], **kept;
	size_t n = 0;

	while (p->lex.kind == TOK_STRING) {
		if (def && n < sizeof(first) / sizeof(first[0])) {
			first[n] = dbc_take_text(p);
			if (!first[n++]) {
				return false;
			}
		}
		dbc_lex_next(&p->lex);
		if (dbc_lex_punct(&p->lex, ',')) {
			dbc_lex_next(&p->lex);
		}
	}
	if (!def) {
		return true;
	}
	kept = arena_alloc(&p->priv->arena, n * sizeof(*kept));
	if (!kept) {
		return dbc_oom(p);
	}
	memcpy(kept, first, n * sizeof(*kept));
	def->is_enum = true;
	def->choice = kept;
	def->n_choices = n;
	return true;
}

bool dbc_stmt_ba_def(struct dbc_parser *p)
{
	enum dbc_attr_id id;

	if (p->lex.kind == TOK_WORD) {
		dbc_lex_next(&p->lex); /* BU_ BO_ SG_ EV_ */
	}
	if (!take_attr(p, &id)) {
		return false;
	}
	if (dbc_lex_is(&p->lex, "ENUM")) {
		dbc_lex_next(&p->lex);
		return take_choices(p, id == ATTR_N ? NULL : &p->attr[id]);
	}
	if (!dbc_lex_is(&p->lex, "INT") && !dbc_lex_is(&p->lex, "HEX") &&
	    !dbc_lex_is(&p->lex, "FLOAT") && !dbc_lex_is(&p->lex, "STRING")) {
		return dbc_perr(p, "expected INT, HEX, FLOAT, STRING or ENUM");
	}
	do { /* limits are of no use to us */
		dbc_lex_next(&p->lex);
	} while (p->lex.kind == TOK_WORD && !p->lex.first);
	return true;
}

bool dbc_stmt_ba_def_def(struct dbc_parser *p)
{
	struct attr_value v;
	enum dbc_attr_id id;

	if (!take_attr(p, &id) || !take_value(p, id != ATTR_N, &v)) {
		return false;
	}
	if (id != ATTR_N) {
		p->attr[id].standard = v;
	}
	return true;
}

static void set_msg_attr(struct parse_msg *m, enum dbc_attr_id id,
			 const struct attr_value *v)
{
	switch (id) {
	case ATTR_CYCLE:
		m->cycle = *v;
		break;
	case ATTR_SEND_TYPE:
		m->send_type = *v;
		break;
	case ATTR_DELAY:
		m->delay = *v;
		break;
	case ATTR_START_DELAY:
		m->start_delay = *v;
		break;
	case ATTR_FRAME_FORMAT:
		m->format = *v;
		break;
	case ATTR_BRS:
		m->brs = *v;
		break;
	case ATTR_MSG_LONG:
		m->long_name = v->is_text && *v->text ? v->text : NULL;
		break;
	default:
		break; /* an attribute of signals */
	}
}

bool dbc_stmt_ba(struct dbc_parser *p)
{
	struct parse_msg *m = NULL;
	enum dbc_attr_id id;
	struct attr_value v;
	long s = -1;

	if (!take_attr(p, &id)) {
		return false;
	}
	if (dbc_lex_is(&p->lex, "BO_")) {
		dbc_lex_next(&p->lex);
		if (!dbc_take_msg(p, "attribute", &m)) {
			return false;
		}
	} else if (dbc_lex_is(&p->lex, "SG_")) {
		dbc_lex_next(&p->lex);
		if (!dbc_take_msg(p, "attribute", &m) ||
		    !dbc_take_sig(p, m, "attribute", &s)) {
			return false;
		}
		m = NULL;
	} else if (dbc_lex_is(&p->lex, "BU_") || dbc_lex_is(&p->lex, "EV_")) {
		dbc_lex_next(&p->lex);
		dbc_lex_next(&p->lex);
	}
	if (!take_value(p, id != ATTR_N && (m || s >= 0), &v)) {
		return false;
	}
	if (m && v.set) {
		set_msg_attr(m, id, &v);
	} else if (s >= 0 && v.set && id == ATTR_SIG_LONG && v.is_text) {
		p->aux[s].long_name = *v.text ? v.text : NULL;
	} else if (s >= 0 && v.set && id == ATTR_SIG_START && !v.is_text) {
		p->aux[s].raw_start_set = true;
		p->aux[s].raw_start = v.num;
	}
	return true;
}

/* ---- what the values mean ---- */

/* The value's text: its own, or that of its index in the definition. */
static const char *choice(const struct attr_def *def,
			  const struct attr_value *v)
{
	if (!v->set || v->is_text) {
		return v->set ? v->text : NULL;
	}
	if (v->num >= 0 && v->num < (double)def->n_choices) {
		return def->choice[(size_t)v->num];
	}
	return NULL;
}

static uint32_t millis(struct dbc_parser *p, const struct parse_msg *m,
		       enum dbc_attr_id id, const struct attr_value *own)
{
	const struct attr_value *v = own->set ? own : &p->attr[id].standard;

	if (!v->set || v->is_text) {
		return 0;
	}
	if (v->num < 0 || v->num > MS_MAX) {
		dbc_pwarn(p, m->line, m->col,
			  "%s of message %.64s is %g ms; taken as 0",
			  attr_names[id], m->m.name, v->num);
		return 0;
	}
	return (uint32_t)(v->num + 0.5);
}

static bool has(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* Names differ between tool chains; these cover what Vector's interaction layer
 * and its imitators write. */
static enum dbc_send_type send_type(const char *t)
{
	bool event = has(t, "event") || has(t, "change") || has(t, "write") ||
		     has(t, "spontan") || has(t, "trigger") ||
		     has(t, "demand") || has(t, "repe") || has(t, "mixed");
	bool cyclic = has(t, "cycli") || has(t, "periodic") || has(t, "fixed");

	if (has(t, "mixed") || (cyclic && event)) {
		return DBC_SEND_MIXED;
	}
	if (cyclic) {
		return DBC_SEND_CYCLIC; /* also cyclicIfActive */
	}
	return event || has(t, "ifactive") ? DBC_SEND_EVENT : DBC_SEND_NONE;
}

static void apply_send_type(struct dbc_parser *p, struct parse_msg *m)
{
	const struct attr_def *def = &p->attr[ATTR_SEND_TYPE];
	const char *own = choice(def, &m->send_type);
	const char *standard = choice(def, &def->standard);

	if (own) {
		m->m.send_type = send_type(own);
	} else if (m->cycle.set && m->m.cycle_ms > 0) {
		/* a cycle time of its own says more than a default type */
		m->m.send_type =
			standard && send_type(standard) == DBC_SEND_MIXED
				? DBC_SEND_MIXED
				: DBC_SEND_CYCLIC;
	} else if (standard && *standard) {
		m->m.send_type = send_type(standard);
	} else if (m->m.cycle_ms > 0) {
		m->m.send_type = DBC_SEND_CYCLIC;
	}
	if (m->m.cycle_ms == 0 && m->m.send_type == DBC_SEND_CYCLIC) {
		m->m.send_type = DBC_SEND_NONE;
	} else if (m->m.cycle_ms == 0 && m->m.send_type == DBC_SEND_MIXED) {
		m->m.send_type = DBC_SEND_EVENT;
	}
}

static void apply_format(struct dbc_parser *p, struct parse_msg *m)
{
	const struct attr_def *fdef = &p->attr[ATTR_FRAME_FORMAT];
	const struct attr_def *bdef = &p->attr[ATTR_BRS];
	const struct attr_value *f =
		m->format.set ? &m->format : &fdef->standard;
	const struct attr_value *b = m->brs.set ? &m->brs : &bdef->standard;
	const char *text = choice(fdef, f);

	m->m.fd = m->m.len > 8;
	if (text) {
		m->m.fd |= has(text, "FD");
	} else if (f->set) {
		m->m.fd |= f->num == FORMAT_STD_FD || f->num == FORMAT_EXT_FD;
	}
	m->m.brs = m->m.fd;
	text = choice(bdef, b);
	if (text) {
		m->m.brs &= strcmp(text, "0") != 0;
	} else if (b->set) {
		m->m.brs &= b->num != 0;
	}
}

static void apply_start(struct dbc_parser *p, size_t i)
{
	const struct attr_value *def = &p->attr[ATTR_SIG_START].standard;
	struct dbc_signal *s = &p->sig[i];

	s->has_start_value = p->aux[i].raw_start_set;
	if (s->has_start_value) {
		s->start_value = p->aux[i].raw_start * s->factor + s->offset;
	} else if (def->set && !def->is_text && def->num != 0) {
		s->has_start_value = true;
		s->start_value = def->num * s->factor + s->offset;
	}
}

void dbc_apply_attrs(struct dbc_parser *p)
{
	for (size_t i = 0; i < p->n_msgs; i++) {
		struct parse_msg *m = &p->msg[i];

		m->m.cycle_ms = millis(p, m, ATTR_CYCLE, &m->cycle);
		m->m.delay_ms = millis(p, m, ATTR_DELAY, &m->delay);
		m->m.start_delay_ms =
			millis(p, m, ATTR_START_DELAY, &m->start_delay);
		apply_send_type(p, m);
		apply_format(p, m);
		if (m->long_name) {
			m->m.name = m->long_name;
		}
	}
	for (size_t i = 0; i < p->n_sigs; i++) {
		apply_start(p, i);
		if (p->aux[i].long_name) {
			p->sig[i].name = p->aux[i].long_name;
		}
	}
}
