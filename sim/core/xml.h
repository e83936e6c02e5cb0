/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files in XML. What may stand where is a table; of a file that
 * keeps to it the caller sees a stream of elements, of one that does not every
 * mistake is told with its line and column.
 *
 * Memory grows only with what the caller keeps. A document type is refused when
 * it begins, so no entity can be declared: none is expanded, and nothing outside
 * the file is ever opened.
 */
#ifndef AVSIM_CORE_XML_H
#define AVSIM_CORE_XML_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define AV_XML_ELEMENTS_MAX 32 /* rows of a table */
#define AV_XML_DEPTH_MAX 16 /* of elements in each other */

/* How often an element stands in its parent. */
enum av_xml_times {
	AV_XML_ONE,
	AV_XML_MAYBE, /* or not at all */
	AV_XML_SOME,  /* one or more */
	AV_XML_ANY,
};

struct av_xml_element {
	const char *name;
	int parent;               /* number in the table; 0: it is the root */
	const char *attribute[2]; /* all required, no others known */
	enum av_xml_times times;
};

/* A kind of file. Elements count from 1, row 0 is the file. */
struct av_xml_kind {
	const struct av_xml_element *element;
	int n_elements; /* with row 0 */
	size_t max;     /* bytes that a file may have */
	/* Element @e begins, or ends. Those that may not be where they are, and
	 * all in them, are not shown. */
	void (*begin)(void *ctx, int e);
	void (*end)(void *ctx, int e);
	/* Text in @e, in any number of pieces. Return: false: none belongs
	 * there (blanks excepted). NULL: nowhere. */
	bool (*text)(void *ctx, int e, const char *s, size_t len);
};

/* A file under way; the reader's own. */
struct av_xml {
	const struct av_xml_kind *kind;
	const char *file, *buf;
	size_t len;
	struct av_diags *d;
	void *ctx;
	bool bad, no_memory;
	void *parser;
	int open[AV_XML_DEPTH_MAX];
	unsigned int depth;
	unsigned int seen[AV_XML_ELEMENTS_MAX]; /* in its present parent */
	const unsigned char **attributes;
	int n_attributes;
	/* where the last message stood, so that places cost one pass in all */
	size_t at;
	unsigned int line, col;
};

/**
 * av_xml_read() - Read all of @buf
 * @x:		for the calls below, within those of @kind
 * @name:	of the file, for messages
 *
 * Return: 0; -EINVAL with all messages in @d; -ENOMEM likewise.
 */
int av_xml_read(struct av_xml *x, const struct av_xml_kind *kind,
		const char *name, const char *buf, size_t len, void *ctx,
		struct av_diags *d);

/* A mistake at the tag that is being read. */
void av_xml_complain(struct av_xml *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Read no further: too much, or (told then) out of memory. */
void av_xml_stop(struct av_xml *x);
void av_xml_no_memory(struct av_xml *x);

/* In begin(): the line of the tag. */
unsigned int av_xml_line(const struct av_xml *x);

/**
 * av_xml_attribute() - In begin(): the value of an attribute
 *
 * Return: to be freed; NULL where it is missing, or memory is (both told).
 */
char *av_xml_attribute(struct av_xml *x, const char *name);

#endif
