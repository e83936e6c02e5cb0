/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxml2's SAX2 interface. Its calls carry the parser, whose _private is ours.
 */
#include "config.h"

#include "sim/core/xml.h"

#include <assert.h>
#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

enum { UNKNOWN = -1 }; /* an element that may not be where it is */

/* ---- messages ---- */

/* Move line and column on to where the tag that is being read begins. */
static void find_place(struct av_xml *x)
{
	long end = xmlByteConsumed(x->parser);
	size_t tag = end < 0 ? 0 : (size_t)end < x->len ? (size_t)end : x->len;

	while (tag > x->at && (tag == x->len || x->buf[tag] != '<')) {
		tag--;
	}
	for (; x->at < tag; x->at++) {
		if (x->buf[x->at] == '\n') {
			x->line++;
			x->col = 1;
		} else {
			x->col++;
		}
	}
}

void av_xml_complain(struct av_xml *x, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	x->bad = true;
	if (x->d->n >= AV_DIAGS_MAX) {
		x->d->dropped++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	find_place(x);
	av_diag_add(x->d, x->file, x->line, x->col, "%s", text);
}

void av_xml_stop(struct av_xml *x)
{
	xmlStopParser(x->parser);
}

void av_xml_no_memory(struct av_xml *x)
{
	x->no_memory = true;
	xmlStopParser(x->parser);
}

/* libxml2's own messages: what is not well-formed. */
static void on_error(void *ctx, xmlErrorPtr e)
{
	struct av_xml *x = ((xmlParserCtxtPtr)ctx)->_private;
	char text[256];

	if ((x->bad || x->no_memory) && e->code == XML_ERR_USER_STOP) {
		return;
	}
	snprintf(text, sizeof(text), "%s", e->message ? e->message : "?");
	text[strcspn(text, "\r\n")] = '\0';
	av_diag_add(x->d, x->file, e->line > 0 ? (unsigned int)e->line : 0,
		    e->int2 > 0 ? (unsigned int)e->int2 : 0,
		    "not well-formed XML: %s", text);
	x->bad = true;
}

/* Of what libxml2 cannot tie to a context (the input's encoding) and would
 * print itself; the document is not well-formed then, which is told. */
static void on_stray_error(void *ctx, xmlErrorPtr e)
{
	(void)ctx;
	(void)e;
}

/* ---- where we are ---- */

static int top(const struct av_xml *x)
{
	return x->depth ? x->open[x->depth - 1] : 0;
}

unsigned int av_xml_line(const struct av_xml *x)
{
	int line = xmlSAX2GetLineNumber(x->parser);

	return line > 0 ? (unsigned int)line : 0;
}

static const char *name_of(const struct av_xml *x, int e)
{
	return x->kind->element[e].name;
}

/* ---- attributes ---- */

/* Since no entities are to be replaced, libxml2 leaves "&amp;" as "&#38;", and
 * no other '&' can be in a value where no document type is. */
static char *plain(char *s)
{
	char *to = s;

	for (const char *p = s; p && *p; p++) {
		*to++ = *p;
		p += !strncmp(p, "&#38;", 5) ? 4 : 0;
	}
	if (s) {
		*to = '\0';
	}
	return s;
}

/* SAX2 gives attributes in fives: name, prefix, URI, value, its end. */
static const unsigned char **find_attribute(const struct av_xml *x,
					    const char *name)
{
	for (int i = 0; i < x->n_attributes; i++) {
		if (!strcmp((const char *)x->attributes[5 * i], name)) {
			return &x->attributes[5 * i];
		}
	}
	return NULL;
}

char *av_xml_attribute(struct av_xml *x, const char *name)
{
	const unsigned char **a = find_attribute(x, name);
	char *value;

	if (!a) {
		return NULL;
	}
	value = plain(strndup((const char *)a[3], (size_t)(a[4] - a[3])));
	if (!value) {
		av_xml_no_memory(x);
	}
	return value;
}

static void check_attributes(struct av_xml *x, int e)
{
	const char *const *known = x->kind->element[e].attribute;

	for (int i = 0; i < x->n_attributes; i++) {
		const char *name = (const char *)x->attributes[5 * i];
		bool ok = x->attributes[5 * i + 1]; /* another namespace's */

		for (size_t k = 0; k < 2 && known[k]; k++) {
			ok = ok || !strcmp(known[k], name);
		}
		if (!ok) {
			av_xml_complain(x, "'%s' has no attribute '%.64s'",
					name_of(x, e), name);
		}
	}
	for (size_t k = 0; k < 2 && known[k]; k++) {
		if (!find_attribute(x, known[k])) {
			av_xml_complain(x, "'%s' needs '%s'", name_of(x, e),
					known[k]);
		}
	}
}

/* ---- elements ---- */

static int find_element(const struct av_xml *x, int parent, const char *name)
{
	for (int e = 1; e < x->kind->n_elements; e++) {
		if (x->kind->element[e].parent == parent &&
		    !strcmp(name_of(x, e), name)) {
			return e;
		}
	}
	return UNKNOWN;
}

static const char *candidate(const void *ctx, size_t i)
{
	const struct av_xml *x = ctx;

	return i && x->kind->element[i].parent == top(x)
		       ? x->kind->element[i].name
		       : NULL;
}

static void misplaced(struct av_xml *x, const char *name)
{
	char hint[96];

	av_suggest_text(hint, av_suggest(name, (size_t)x->kind->n_elements,
					 candidate, x));
	if (top(x) == 0) {
		av_xml_complain(x, "the root must be '%s', not '%.64s'%s",
				name_of(x, 1), name, hint);
	} else {
		av_xml_complain(x, "'%s' cannot hold '%.64s'%s",
				name_of(x, top(x)), name, hint);
	}
}

/* @e begins: once more in its parent, and none of its own yet. */
static void count(struct av_xml *x, int e)
{
	enum av_xml_times times = x->kind->element[e].times;

	if (++x->seen[e] == 2 &&
	    (times == AV_XML_ONE || times == AV_XML_MAYBE)) {
		av_xml_complain(x, "'%s' is there twice", name_of(x, e));
	}
	for (int c = 1; c < x->kind->n_elements; c++) {
		x->seen[c] = x->kind->element[c].parent == e ? 0 : x->seen[c];
	}
}

/* What had to be in @e and was not. */
static void check_children(struct av_xml *x, int e)
{
	for (int c = 1; c < x->kind->n_elements; c++) {
		enum av_xml_times times = x->kind->element[c].times;

		if (x->kind->element[c].parent == e && x->seen[c] == 0 &&
		    (times == AV_XML_ONE || times == AV_XML_SOME)) {
			av_xml_complain(x, "'%s' needs '%s'", name_of(x, e),
					name_of(x, c));
		}
	}
}

/* ---- what libxml2 calls ---- */

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_ns, const xmlChar **ns, int n,
		     int n_default, const xmlChar **a)
{
	struct av_xml *x = ((xmlParserCtxtPtr)ctx)->_private;
	int e = find_element(x, top(x), (const char *)name);

	(void)prefix, (void)uri, (void)n_ns, (void)ns, (void)n_default;
	if (x->depth == AV_XML_DEPTH_MAX) {
		av_xml_complain(x, "elements are nested too deep");
		xmlStopParser(x->parser);
		return;
	}
	if (e == UNKNOWN && top(x) != UNKNOWN) { /* else: said already */
		misplaced(x, (const char *)name);
	}
	x->open[x->depth++] = e;
	if (e == UNKNOWN) {
		return;
	}
	x->attributes = a;
	x->n_attributes = n;
	count(x, e);
	check_attributes(x, e);
	x->kind->begin(x->ctx, e);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct av_xml *x = ((xmlParserCtxtPtr)ctx)->_private;
	int e = x->depth ? x->open[--x->depth] : UNKNOWN;

	(void)name, (void)prefix, (void)uri;
	if (e == UNKNOWN) {
		return;
	}
	check_children(x, e);
	if (x->kind->end) {
		x->kind->end(x->ctx, e);
	}
}

static void on_text(void *ctx, const xmlChar *s, int len)
{
	struct av_xml *x = ((xmlParserCtxtPtr)ctx)->_private;

	if (x->kind->text && top(x) != UNKNOWN &&
	    x->kind->text(x->ctx, top(x), (const char *)s, (size_t)len)) {
		return;
	}
	for (int i = 0; i < len; i++) {
		if (!strchr(BLANKS, s[i])) {
			av_xml_complain(x, "text outside of a tag");
			return;
		}
	}
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	struct av_xml *x = ((xmlParserCtxtPtr)ctx)->_private;

	(void)name, (void)external, (void)system;
	av_xml_complain(x, "a document type is not taken here; remove "
			   "<!DOCTYPE ...>");
	xmlStopParser(x->parser);
}

static int parse(struct av_xml *x)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	xmlParserCtxtPtr p = xmlCreateMemoryParserCtxt(x->buf, (int)x->len);

	if (!p) {
		return -ENOMEM;
	}
	x->parser = p;
	*p->sax = sax;
	p->_private = x;
	xmlCtxtUseOptions(p, XML_PARSE_NONET);
	xmlParseDocument(p);
	if (p->myDoc) {
		xmlFreeDoc(p->myDoc);
	}
	if (!p->wellFormed && !x->bad && !x->no_memory) {
		av_xml_complain(x, "not well-formed XML");
	}
	xmlFreeParserCtxt(p);
	x->parser = NULL;
	return x->no_memory ? -ENOMEM : x->bad ? -EINVAL : 0;
}

int av_xml_read(struct av_xml *x, const struct av_xml_kind *kind,
		const char *name, const char *buf, size_t len, void *ctx,
		struct av_diags *d)
{
	xmlStructuredErrorFunc old = xmlStructuredError;
	void *old_ctx = xmlStructuredErrorContext;
	int ret;

	assert(kind->n_elements <= AV_XML_ELEMENTS_MAX);
	if (len == 0) {
		return av_diag_add(d, name, 0, 0, "the file is empty");
	}
	if (len > kind->max) {
		return av_diag_add(d, name, 0, 0,
				   "the file is larger than %zu bytes",
				   kind->max);
	}
	*x = (struct av_xml){ .kind = kind,
			      .file = name,
			      .buf = buf,
			      .len = len,
			      .d = d,
			      .ctx = ctx,
			      .line = 1,
			      .col = 1 };
	xmlSetStructuredErrorFunc(NULL, on_stray_error);
	ret = parse(x);
	xmlSetStructuredErrorFunc(old_ctx, old);
	if (ret == -ENOMEM) {
		av_diag_add(d, name, 0, 0, "out of memory");
	}
	return ret;
}
