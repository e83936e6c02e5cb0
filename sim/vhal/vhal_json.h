/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text (RFC 8259) as a flat tree whose nodes know their place. Refused
 * with a message: duplicate keys, nesting deeper than JSON_DEPTH_MAX, invalid
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

#define JSON_DEPTH_MAX 128

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER, /* text as written */
	JSON_STRING, /* text decoded */
	JSON_ARRAY,
	JSON_OBJECT, /* children: key, value, key, value ... */
};

/* In order of the text; children follow their container. */
struct json_node {
	uint32_t off;  /* of the first character, in the text */
	uint32_t len;  /* bytes of a scalar's text */
	uint32_t next; /* index of the next node that is not a child */
	uint8_t kind;
};

struct json_doc {
	struct json_node *node;
	size_t n, room;
	char *text; /* copy; scalars end in NUL */
	const char *name;
	const char *src; /* as given, for places */
	size_t len;
	/* the last place asked for: errors mostly come in order */
	uint32_t at_off;
	unsigned int at_line, at_col;
};

/* @name, @src: borrowed for the life of @doc. 0; -EINVAL with one message in @d;
 * -ENOMEM. Afterwards json_finish() in any case. */
int json_parse(const char *name, const char *src, size_t len,
	       struct json_doc *doc, struct av_diags *d);
void json_finish(struct json_doc *doc);

/* Text of a number or string node, NUL-ended. */
const char *json_text(const struct json_doc *doc, uint32_t node);

/* Children of a container: json_first(), then node.next, until json_end(). */
static inline uint32_t json_first(const struct json_doc *doc, uint32_t node)
{
	(void)doc;
	return node + 1;
}

static inline uint32_t json_end(const struct json_doc *doc, uint32_t node)
{
	return doc->node[node].next;
}

static inline uint32_t json_next(const struct json_doc *doc, uint32_t node)
{
	return doc->node[node].next;
}

/* Add "name:line:column: text" about @node to @d. Columns count characters.
 * Return: -EINVAL. */
int json_err(struct json_doc *doc, uint32_t node, struct av_diags *d,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
