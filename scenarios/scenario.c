/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario's life, and what others ask of it. */
#include "config.h"

#include "scenarios/scenario_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const verdict_names[] = { "none", "pass", "fail" };

void scenario_destroy(struct scenario *s)
{
	if (!s) {
		return;
	}
	inputs_finish(&s->in);
	av_yaml_finish(&s->doc);
	sc_arena_finish(&s->mem);
	free(s->src);
	free(s->trace);
	free(s->expect);
	free(s);
}

void scenario_info(const struct scenario *s, struct scenario_info *out)
{
	*out = s->info;
}

const char *scenario_trace(const struct scenario *s, size_t i)
{
	return i < s->n_traces ? s->trace[i] : NULL;
}

const char *scenario_imu(const struct scenario *s, size_t i)
{
	return i < s->n_imu ? s->imu[i] : NULL;
}

bool scenario_wants_stop(const struct scenario *s)
{
	return s->stop;
}

void scenario_stop(struct scenario *s)
{
	s->stop = true;
}

size_t scenario_expects(const struct scenario *s, size_t i,
			struct expect_status *out)
{
	if (i < s->n_expects) {
		const struct sc_expect *e = &s->expect[i];

		*out = (struct expect_status){ .text = e->text,
					       .verdict = e->verdict,
					       .decided = e->decided,
					       .reason = e->reason };
	}
	return s->n_expects;
}

enum verdict scenario_verdict(const struct scenario *s)
{
	enum verdict v = s->n_expects > 0 ? VERDICT_PASS : VERDICT_NONE;

	for (size_t i = 0; i < s->n_expects; i++) {
		if (s->expect[i].verdict == VERDICT_FAIL) {
			return VERDICT_FAIL;
		}
		if (s->expect[i].verdict == VERDICT_NONE) {
			v = VERDICT_NONE;
		}
	}
	return v;
}

static const char *route_at(const void *routes, size_t i)
{
	return ((const struct sc_route *)routes)[i].name;
}

const struct sc_route *scenario_route(const struct scenario *s,
				      const char *name, struct av_err *err)
{
	char hint[96];

	for (size_t i = 0; i < s->n_routes; i++) {
		if (!strcmp(s->route[i].name, name)) {
			return &s->route[i];
		}
	}
	av_err_set(err, -ENOENT, "no route '%.64s' under routes:%s", name,
		   av_suggest_text(hint, av_suggest(name, s->n_routes, route_at,
						    s->route)));
	return NULL;
}

const struct route_point *scenario_way_points(const struct scenario *s,
					      size_t i, size_t *n)
{
	if (i >= s->n_routes) {
		return NULL;
	}
	*n = s->route[i].n;
	return s->route[i].point;
}

/* ---- helpers of the parser ---- */

/*
 * A scalar's text is the file's text less quotes, folds and escapes. Walk both
 * until they part; a place past that point is not exact, so the start of the
 * scalar is named instead.
 */
void sc_place(const struct scenario *s, const struct av_yaml *node, size_t off,
	      unsigned int *line, unsigned int *col)
{
	const char *p = s->src, *end = s->src + s->src_len, *nl;
	const char *text = node->text;

	*line = node->line;
	*col = node->col;
	for (unsigned int l = 1; l < node->line; l++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl) {
			return;
		}
		p = nl + 1;
	}
	for (unsigned int c = 1; c < node->col && p < end; p++) {
		c += (p + 1 < end && ((unsigned char)p[1] & 0xc0) != 0x80);
	}
	unsigned int l = node->line, c = node->col;

	if (node->quoted && p < end && (*p == '\'' || *p == '"')) {
		p++;
		c++;
	} else if (node->quoted) { /* | or >: the text is on the next line */
		nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl : end;
	}
	for (size_t i = 0; i <= off; i++) {
		/* a line break and the blanks around it fold to one blank */
		if (p < end && (*p == '\n' || *p == '\r') && text[i] != '\n') {
			while (p < end && strchr(" \t\r\n", *p)) {
				c = *p == '\n' ? 1 : c + 1;
				l += *p == '\n';
				p++;
			}
			i += text[i] == ' ';
		}
		if (i >= off) {
			break;
		}
		if (p >= end || *p != text[i]) {
			return;
		}
		c += ((unsigned char)*p & 0xc0) != 0x80;
		if (*p == '\n') {
			l++;
			c = 1;
		}
		p++;
	}
	*line = l;
	*col = c;
}

struct av_yaml_at sc_at(struct sc_parser *p, const struct av_yaml *parent)
{
	return (struct av_yaml_at){ .doc = &p->s->doc,
				    .d = p->d,
				    .parent = parent };
}

int sc_check(struct sc_parser *p, int ret)
{
	p->bad = p->bad || ret < 0;
	return ret;
}

int sc_error(struct sc_parser *p, const struct av_yaml *node, const char *fmt,
	     ...)
{
	char msg[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	p->bad = true;
	return av_yaml_err(&p->s->doc, node, p->d, "%s", msg);
}

void *sc_new(struct sc_parser *p, size_t n, size_t size)
{
	void *v = sc_allocn(&p->s->mem, n ? n : 1, size);

	p->no_memory = p->no_memory || !v;
	return v;
}

struct place {
	struct sc_parser *p;
	const struct av_yaml *node;
	bool said;
};

static void at_place(void *ctx, size_t off, const char *msg)
{
	struct place *at = ctx;
	unsigned int line = 0, col = 0;

	if (at->p->d->n < AV_DIAGS_MAX) { /* a place costs a look at the file */
		sc_place(at->p->s, at->node, off, &line, &col);
	}
	av_diag_add(at->p->d, at->p->s->doc.name, line, col, "%s", msg);
	at->p->bad = true;
	at->said = true;
}

struct expr *sc_expr(struct sc_parser *p, const struct av_yaml *node)
{
	struct place at = { .p = p, .node = node };
	struct expr *e;

	if (node->kind != YAML_SCALAR) {
		sc_error(p, node,
			 "want a condition here, like "
			 "'PERF_VEHICLE_SPEED > 50 km/h'");
		return NULL;
	}
	e = expr_parse(node->text, p->s->param, p->s->n_params, &p->s->mem,
		       at_place, &at);
	p->no_memory = p->no_memory || (!e && !at.said);
	return e;
}

int sc_trace(struct sc_parser *p, const char *path)
{
	struct scenario *s = p->s;

	for (size_t i = 0; i < s->n_traces; i++) {
		if (!strcmp(s->trace[i], path)) {
			return 0;
		}
	}
	if (s->n_traces == s->room_traces) {
		size_t room = s->room_traces ? s->room_traces * 2 : 4;
		const char **v = realloc(s->trace, room * sizeof(*v));

		if (!v) {
			p->no_memory = true;
			return -ENOMEM;
		}
		s->trace = v;
		s->room_traces = room;
	}
	s->trace[s->n_traces++] = path;
	return 0;
}

struct sc_expect *sc_add_expect(struct sc_parser *p, enum sc_expect_kind kind,
				const struct av_yaml *node, const char *text)
{
	struct scenario *s = p->s;
	struct sc_expect *e;

	if (s->n_expects == s->room_expects) {
		/* spare ones for scenario_fail(), which cannot fail */
		size_t room = s->room_expects ? s->room_expects * 2 : 16;
		struct sc_expect *v = realloc(
			s->expect, (room + SC_IMPLIED_MAX) * sizeof(*v));

		if (!v) {
			p->no_memory = true;
			return NULL;
		}
		s->expect = v;
		s->room_expects = room;
	}
	e = &s->expect[s->n_expects++];
	*e = (struct sc_expect){
		.kind = kind, .node = node, .text = text, .until = VT_NEVER
	};
	return e;
}
