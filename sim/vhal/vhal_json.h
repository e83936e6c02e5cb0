/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text (RFC 8259) as a flat tree whose nodes know their place. Refused
 * with a message: duplicate keys, nesting deeper than VJSON_DEPTH_MAX, invalid
 * UTF-8, NUL in strings, lone surrogates, anything behind the value. Time and
 * memory in proportion to the text.
 *
 * A library would do for the values, but none at hand keeps the places, and a
 * message about a wrong value must name its line and column.
 */
#ifndef AVSIM_VHAL_JSON_H
#define AVSIM_VHAL_JSON_H

#include "sim/core/err.h"

#include <stdint.h>

#define VJSON_DEPTH_MAX 128

enum vjson_kind {
	VJSON_NULL,
	VJSON_FALSE,
	VJSON_TRUE,
	VJSON_NUMBER, /* text as written */
	VJSON_STRING, /* text decoded */
	VJSON_ARRAY,
	VJSON_OBJECT, /* children: key, value, key, value ... */
};

/* In order of the text; children follow their container. */
struct vjson_node {
	uint32_t off;  /* of the first character, in the text */
	uint32_t len;  /* bytes of a scalar's text */
	uint32_t next; /* index of the next node that is not a child */
	uint8_t kind;
};

struct vjson_doc {
	struct vjson_node *node;
	size_t n, room;
	char *text; /* copy; scalars end in NUL */
	const char *name;
	const char *src; /* as given, for places */
	size_t len;
	/* the last place asked for: errors mostly come in order */
	uint32_t at_off;
	unsigned int at_line, at_col;
};

/* @name, @src: borrowed for the life of @doc. 0; -EINVAL with one message in
 * @d; -ENOMEM. Afterwards vjson_finish() in any case. */
int vjson_parse(const char *name, const char *src, size_t len,
		struct vjson_doc *doc, struct av_diags *d);
void vjson_finish(struct vjson_doc *doc);

/* Text of a number or string node, NUL-ended. */
const char *vjson_text(const struct vjson_doc *doc, uint32_t node);

/* Children of a container: vjson_first(), then node.next, until vjson_end(). */
static inline uint32_t vjson_first(const struct vjson_doc *doc, uint32_t node)
{
	(void)doc;
	return node + 1;
}

static inline uint32_t vjson_end(const struct vjson_doc *doc, uint32_t node)
{
	return doc->node[node].next;
}

static inline uint32_t vjson_next(const struct vjson_doc *doc, uint32_t node)
{
	return doc->node[node].next;
}

/* Add "name:line:column: text" about @node to @d. Columns count characters.
 * Return: -EINVAL. */
int vjson_err(struct vjson_doc *doc, uint32_t node, struct av_diags *d,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
