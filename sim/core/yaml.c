/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's event stream, turned into a tree.
 *
 * Nodes and texts live in an arena of chunks; a container's children collect on
 * a stack while it is open and move into the arena when it closes. Aliases are
 * refused, so the tree is at most as large as the file and there is no bomb.
 */
#include "config.h"

#include "sim/core/yaml.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct chunk {
	struct chunk *next;
	size_t used, room;
	_Alignas(16) char data[];
};

struct builder {
	struct av_yaml_doc *doc;
	struct av_diags *d;
	const struct av_yaml **stack; /* children of open containers */
	size_t n, room;
	size_t n_nodes;
	bool bad;
	const char *buf; /* the text, for messages */
	size_t len;
};

static void *arena_alloc(struct av_yaml_doc *doc, size_t size)
{
	struct chunk *c = doc->arena;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!c || c->room - c->used < size) {
		size_t room = size > 16384 ? size : 16384;

		c = malloc(sizeof(*c) + room);
		if (!c) {
			return NULL;
		}
		*c = (struct chunk){ .next = doc->arena, .room = room };
		doc->arena = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void av_yaml_finish(struct av_yaml_doc *doc)
{
	struct chunk *c = doc->arena;

	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
	free(doc->name);
	*doc = (struct av_yaml_doc){ 0 };
}

static unsigned int clamp(size_t v)
{
	return v >= UINT_MAX ? UINT_MAX : (unsigned int)v + 1;
}

static int complain(struct builder *b, const yaml_mark_t *at, const char *what)
{
	b->bad = true;
	return av_diag_add(b->d, b->doc->name, clamp(at->line),
			   clamp(at->column), "%s", what);
}

static int push(struct builder *b, const struct av_yaml *node)
{
	if (b->n == b->room) {
		size_t room = b->room ? b->room * 2 : 256;
		const struct av_yaml **v =
			realloc(b->stack, room * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		b->stack = v;
		b->room = room;
	}
	b->stack[b->n++] = node;
	return 0;
}

static struct av_yaml *new_node(struct builder *b, enum av_yaml_kind kind,
				const yaml_event_t *ev)
{
	struct av_yaml *node = arena_alloc(b->doc, sizeof(*node));

	if (node) {
		*node = (struct av_yaml){
			.kind = kind,
			.line = clamp(ev->start_mark.line),
			.col = clamp(ev->start_mark.column),
		};
	}
	return node;
}

static int cmp_key(const void *a, const void *b)
{
	const struct av_yaml *x = *(const struct av_yaml *const *)a;
	const struct av_yaml *y = *(const struct av_yaml *const *)b;
	int c = strcmp(x->text, y->text);

	if (c != 0) {
		return c;
	}
	return x->line != y->line ? (x->line < y->line ? -1 : 1) :
				    (x->col < y->col ? -1 : x->col > y->col);
}

/* Keys must be scalars and differ. Sorted copy: a file of 1e6 keys stays fast. */
static int check_map(struct builder *b, const struct av_yaml *map)
{
	const struct av_yaml **sorted;

	for (size_t i = 0; i < map->n; i++) {
		if (map->key[i]->kind != YAML_SCALAR) {
			b->bad = true;
			av_diag_add(b->d, b->doc->name, map->key[i]->line,
				    map->key[i]->col, "a key must be a word");
			return 0;
		}
	}
	if (map->n < 2) {
		return 0;
	}
	sorted = malloc(map->n * sizeof(*sorted));
	if (!sorted) {
		return -ENOMEM;
	}
	memcpy(sorted, map->key, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), cmp_key);
	for (size_t i = 1; i < map->n; i++) {
		if (!strcmp(sorted[i]->text, sorted[i - 1]->text)) {
			b->bad = true;
			av_diag_add(b->d, b->doc->name, sorted[i]->line,
				    sorted[i]->col,
				    "key '%.64s' is given twice, first in line "
				    "%u",
				    sorted[i]->text, sorted[i - 1]->line);
		}
	}
	free(sorted);
	return 0;
}

static int close_container(struct builder *b, struct av_yaml *node,
			   size_t first)
{
	size_t n = b->n - first;
	const struct av_yaml **v = NULL;

	if (n > 0) {
		v = arena_alloc(b->doc, n * sizeof(*v));
		if (!v) {
			return -ENOMEM;
		}
	}
	if (node->kind == YAML_SEQ) {
		for (size_t i = 0; i < n; i++) {
			v[i] = b->stack[first + i];
		}
		node->n = n;
		node->item = v;
	} else {
		node->n = n / 2;
		for (size_t i = 0; i < node->n; i++) {
			v[i] = b->stack[first + 2 * i];
			v[node->n + i] = b->stack[first + 2 * i + 1];
		}
		node->key = v;
		node->item = v ? v + node->n : NULL;
	}
	b->n = first;
	return node->kind == YAML_MAP ? check_map(b, node) : 0;
}

static int scalar(struct builder *b, const yaml_event_t *ev,
		  const struct av_yaml **out)
{
	size_t len = ev->data.scalar.length;
	struct av_yaml *node = new_node(b, YAML_SCALAR, ev);
	char *text = arena_alloc(b->doc, len + 1);

	if (!node || !text) {
		return -ENOMEM;
	}
	memcpy(text, ev->data.scalar.value, len);
	text[len] = '\0';
	if (strlen(text) != len) {
		return complain(b, &ev->start_mark, "NUL in a text");
	}
	node->text = text;
	node->len = len;
	node->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	*out = node;
	return 0;
}

static const char *refused(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return "aliases are not supported: write the value out";
	case YAML_SCALAR_EVENT:
		return ev->data.scalar.anchor ? "anchors are not supported" :
		       ev->data.scalar.tag    ? "tags are not supported" :
						NULL;
	case YAML_SEQUENCE_START_EVENT:
		return ev->data.sequence_start.anchor ?
			       "anchors are not supported" :
		       ev->data.sequence_start.tag ? "tags are not supported" :
						     NULL;
	case YAML_MAPPING_START_EVENT:
		return ev->data.mapping_start.anchor ?
			       "anchors are not supported" :
		       ev->data.mapping_start.tag ? "tags are not supported" :
						    NULL;
	default:
		return NULL;
	}
}

/* libyaml's own words, but for the mistake that its words do not explain. */
static int syntax_error(struct builder *b, const yaml_parser_t *parser)
{
	const yaml_mark_t *at = &parser->problem_mark;

	if (at->index < b->len && b->buf[at->index] == '\t') {
		return complain(b, at, "a tab: indent with spaces");
	}
	return av_diag_add(b->d, b->doc->name, clamp(at->line),
			   clamp(at->column), "%s%s%s", parser->problem,
			   parser->context ? " " : "",
			   parser->context ? parser->context : "");
}

/* Reads events until the document ends. 0, -EINVAL (said), -ENOMEM. */
static int build(struct builder *b, yaml_parser_t *parser)
{
	struct {
		struct av_yaml *node;
		size_t first;
	} open[AV_YAML_DEPTH_MAX];
	size_t depth = 0;
	int n_docs = 0;

	for (;;) {
		const struct av_yaml *done = NULL;
		yaml_event_t ev;
		const char *why;
		bool end = false;
		int ret = 0;

		if (!yaml_parser_parse(parser, &ev)) {
			if (parser->error == YAML_MEMORY_ERROR) {
				return -ENOMEM;
			}
			if (parser->error == YAML_READER_ERROR) {
				return av_diag_add(
					b->d, b->doc->name,
					clamp(parser->mark.line),
					clamp(parser->mark.column),
					"%s near byte %zu", parser->problem,
					parser->problem_offset);
			}
			return syntax_error(b, parser);
		}
		why = refused(&ev);
		if (why) {
			ret = complain(b, &ev.start_mark, why);
		} else if (b->n_nodes++ > AV_YAML_NODES_MAX) {
			ret = complain(b, &ev.start_mark, "too many values");
		} else {
			switch (ev.type) {
			case YAML_STREAM_END_EVENT:
				end = true;
				break;
			case YAML_DOCUMENT_START_EVENT:
				if (++n_docs > 1) {
					ret = complain(b, &ev.start_mark,
						       "a second document "
						       "starts here, only one "
						       "is allowed");
				}
				break;
			case YAML_SCALAR_EVENT:
				ret = scalar(b, &ev, &done);
				break;
			case YAML_SEQUENCE_START_EVENT:
			case YAML_MAPPING_START_EVENT:
				if (depth == AV_YAML_DEPTH_MAX) {
					ret = complain(b, &ev.start_mark,
						       "nested too deeply");
					break;
				}
				open[depth].node = new_node(
					b,
					ev.type == YAML_MAPPING_START_EVENT ?
						YAML_MAP :
						YAML_SEQ,
					&ev);
				open[depth].first = b->n;
				ret = open[depth].node ? 0 : -ENOMEM;
				depth++;
				break;
			case YAML_SEQUENCE_END_EVENT:
			case YAML_MAPPING_END_EVENT:
				depth--;
				done = open[depth].node;
				ret = close_container(b, open[depth].node,
						      open[depth].first);
				break;
			default:
				break;
			}
		}
		yaml_event_delete(&ev);
		if (ret == 0 && done && depth == 0) {
			b->doc->root = done;
		} else if (ret == 0 && done) {
			ret = push(b, done);
		}
		if (ret < 0 || end) {
			return ret;
		}
	}
}

int av_yaml_parse(const char *name, const char *buf, size_t len,
		  struct av_yaml_doc *doc, struct av_diags *d)
{
	struct builder b = {
		.doc = doc, .d = d, .buf = buf, .len = len
	};
	yaml_parser_t parser;
	int ret;

	*doc = (struct av_yaml_doc){ .name = strdup(name) };
	if (!doc->name) {
		return -ENOMEM;
	}
	if (!yaml_parser_initialize(&parser)) {
		av_yaml_finish(doc);
		return -ENOMEM;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)buf, len);
	ret = build(&b, &parser);
	yaml_parser_delete(&parser);
	free(b.stack);
	if (ret == 0 && b.bad) {
		ret = -EINVAL;
	}
	if (ret < 0) {
		av_yaml_finish(doc);
	}
	return ret;
}

const struct av_yaml *av_yaml_get(const struct av_yaml *map, const char *key)
{
	if (!map || map->kind != YAML_MAP) {
		return NULL;
	}
	for (size_t i = 0; i < map->n; i++) {
		if (!strcmp(map->key[i]->text, key)) {
			return map->item[i];
		}
	}
	return NULL;
}

int av_yaml_err(const struct av_yaml_doc *doc, const struct av_yaml *node,
		struct av_diags *d, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return av_diag_add(d, doc->name, node ? node->line : 1,
			   node ? node->col : 1, "%s", msg);
}

static const char *list_name(const void *list, size_t i)
{
	return ((const char *const *)list)[i];
}

static size_t list_len(const char *const *list)
{
	size_t n = 0;

	while (list[n]) {
		n++;
	}
	return n;
}

int av_yaml_check_keys(const struct av_yaml_doc *doc, const struct av_yaml *map,
		       const char *const *known, struct av_diags *d)
{
	size_t n_known = list_len(known);
	int ret = 0;

	if (!map || map->kind != YAML_MAP) {
		return av_yaml_err(doc, map, d, "want keys and values here");
	}
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->key[i]->text;
		char hint[96];
		size_t k = 0;

		while (k < n_known && strcmp(known[k], key) != 0) {
			k++;
		}
		if (k == n_known) {
			ret = av_yaml_err(
				doc, map->key[i], d, "unknown key '%.64s'%s",
				key,
				av_suggest_text(hint, av_suggest(key, n_known,
								 list_name,
								 known)));
		}
	}
	return ret;
}

static int want_scalar(struct av_yaml_at at, const struct av_yaml *node,
		       const char *what)
{
	if (!node) {
		return av_yaml_err(at.doc, at.parent, at.d, "'%s' is missing",
				   what);
	}
	if (node->kind != YAML_SCALAR) {
		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be a single value", what);
	}
	return 0;
}

int av_yaml_str(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, const char **out)
{
	int ret = want_scalar(at, node, what);

	if (ret == 0) {
		*out = node->text;
	}
	return ret;
}

int av_yaml_bool(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, bool *out)
{
	static const char *const words[] = { "false", "true", "off", "on",
					     "no",    "yes",  NULL };
	int ret = want_scalar(at, node, what);

	if (ret < 0) {
		return ret;
	}
	for (int i = 0; words[i]; i++) {
		if (!strcmp(node->text, words[i])) {
			*out = i & 1;
			return 0;
		}
	}
	return av_yaml_err(at.doc, node, at.d,
			   "'%s' must be true or false, not '%.32s'", what,
			   node->text);
}

int av_yaml_int(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, long long min, long long max, long long *out)
{
	int ret = want_scalar(at, node, what);
	char *end;
	long long v;

	if (ret < 0) {
		return ret;
	}
	errno = 0;
	v = strtoll(node->text, &end, 0);
	if (end == node->text || *end || node->quoted) {
		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be a whole number, not '%.32s'",
				   what, node->text);
	}
	if (errno == ERANGE || v < min || v > max) {
		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be from %lld to %lld", what, min,
				   max);
	}
	*out = v;
	return 0;
}

int av_yaml_num(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, enum av_dim dim, double min, double max,
		double *out)
{
	int ret = want_scalar(at, node, what);
	struct av_err err;
	double v;

	if (ret < 0) {
		return ret;
	}
	ret = av_quantity_parse(node->text, dim, &v, &err);
	if (ret < 0) {
		return av_yaml_err(at.doc, node, at.d, "'%s': %s", what,
				   err.msg);
	}
	if (!(v >= min && v <= max)) {
		const char *unit = av_dim_base_name(dim);

		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be from %g to %g%s%s", what, min,
				   max, *unit ? " " : "", unit);
	}
	*out = v;
	return 0;
}

int av_yaml_time(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, vtime *out)
{
	int ret = want_scalar(at, node, what);

	if (ret < 0) {
		return ret;
	}
	if (vtime_parse(node->text, out) < 0) {
		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be a time like 2.5s or 300ms, "
				   "not '%.32s'",
				   what, node->text);
	}
	return 0;
}

int av_yaml_enum(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, const char *const *names, int *out)
{
	int ret = want_scalar(at, node, what);
	char list[256] = "", hint[96];
	size_t used = 0, n = list_len(names);

	if (ret < 0) {
		return ret;
	}
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], node->text)) {
			*out = (int)i;
			return 0;
		}
		if (used < sizeof(list) - 1) {
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 i ? ", " : "", names[i]);
		}
	}
	return av_yaml_err(at.doc, node, at.d,
			   "'%s' must be one of %s%s; not '%.32s'%s", what,
			   list, used >= sizeof(list) ? "..." : "", node->text,
			   av_suggest_text(hint, av_suggest(node->text, n,
							    list_name, names)));
}
