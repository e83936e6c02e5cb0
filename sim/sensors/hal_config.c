/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read as a stream of elements (SAX2), as sim/services/dumpstate_config.c does
 * and for the same reasons: messages with a line, memory bounded, nothing
 * outside the file is opened. Which element may stand where is one table.
 */
#include "config.h"

#include "sim/sensors/hal_config.h"

#include "sim/core/text.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum element {
	E_NONE,
	E_ROOT,
	E_MODULES,
	E_MODULE,
	E_SENSORS,
	E_SENSOR,
	E_CONFIGURATION,
	E_ORIENTATION,
	E_O_X, /* x, y, z of orientation ... */
	E_O_Y,
	E_O_Z,
	E_LOCATION,
	E_L_X, /* ... and of location */
	E_L_Y,
	E_L_Z,
	E_UNKNOWN,
	E_N
};

static const struct {
	const char *name;
	enum element parent;
	const char *attribute[2]; /* all required */
	bool once;		  /* in its parent, and required there */
} elements[E_N] = {
	[E_ROOT] = { "sensorHalConfiguration", E_NONE, { "version" }, true },
	[E_MODULES] = { "modules", E_ROOT, { NULL }, true },
	[E_MODULE] = { "module", E_MODULES, { "halName", "halVersion" },
		       false },
	[E_SENSORS] = { "sensors", E_MODULE, { NULL }, true },
	[E_SENSOR] = { "sensor", E_SENSORS, { "name", "type" }, false },
	[E_CONFIGURATION] = { "configuration", E_SENSOR, { NULL }, false },
	[E_ORIENTATION] = { "orientation", E_CONFIGURATION, { "rotate" },
			    true },
	[E_O_X] = { "x", E_ORIENTATION, { "map", "negate" }, true },
	[E_O_Y] = { "y", E_ORIENTATION, { "map", "negate" }, true },
	[E_O_Z] = { "z", E_ORIENTATION, { "map", "negate" }, true },
	[E_LOCATION] = { "location", E_CONFIGURATION, { NULL }, true },
	[E_L_X] = { "x", E_LOCATION, { NULL }, true },
	[E_L_Y] = { "y", E_LOCATION, { NULL }, true },
	[E_L_Z] = { "z", E_LOCATION, { NULL }, true },
	[E_UNKNOWN] = { "?", E_N, { NULL }, false },
};

#define DEPTH_MAX 16
#define VALUE_MAX 256 /* bytes of an attribute that means something */

struct reader {
	xmlParserCtxtPtr xml;
	const char *file, *buf;
	size_t len;
	struct av_diags *d;
	struct hal_config *c;
	enum element open[DEPTH_MAX];
	unsigned int seen[E_N]; /* of each, in its present parent */
	unsigned int depth;
	bool ours; /* in the module of the HAL */
	struct hal_sensor sensor;
	char text[64]; /* of a location's x, y, z */
	size_t text_len;
	/* where the last message stood, so that places cost one pass in all */
	size_t at;
	unsigned int line, col;
	bool bad;
};

/* ---- messages ---- */

/* Move line and column on to where the tag that is being read begins. */
static void find_place(struct reader *r)
{
	long end = xmlByteConsumed(r->xml);
	size_t tag = end < 0 ? 0 : (size_t)end < r->len ? (size_t)end : r->len;

	while (tag > r->at && (tag == r->len || r->buf[tag] != '<')) {
		tag--;
	}
	for (; r->at < tag; r->at++) {
		if (r->buf[r->at] == '\n') {
			r->line++;
			r->col = 1;
		} else {
			r->col++;
		}
	}
}

#define COMPLAIN(r, ...)                                                       \
	do {                                                                   \
		find_place(r);                                                 \
		av_diag_add((r)->d, (r)->file, (r)->line, (r)->col,            \
			    __VA_ARGS__);                                      \
		(r)->bad = true;                                               \
	} while (0)

/* libxml2's own messages: what is not well-formed. */
static void on_error(void *ctx, xmlErrorPtr e)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	char text[256];

	if (r->bad && e->code == XML_ERR_USER_STOP) {
		return;
	}
	snprintf(text, sizeof(text), "%s", e->message ? e->message : "?");
	text[strcspn(text, "\r\n")] = '\0';
	av_diag_add(r->d, r->file, e->line > 0 ? (unsigned int)e->line : 0,
		    e->int2 > 0 ? (unsigned int)e->int2 : 0,
		    "not well-formed XML: %s", text);
	r->bad = true;
}

/* Of what libxml2 cannot tie to a context (the input's encoding) and would print
 * itself; the document is not well-formed then, which is told. */
static void on_stray_error(void *ctx, xmlErrorPtr e)
{
	(void)ctx;
	(void)e;
}

/* ---- attributes ---- */

/* SAX2 gives attributes in fives: name, prefix, URI, value, its end. */
static bool attribute(struct reader *r, enum element e, const xmlChar **a,
		      int n, const char *name, char out[VALUE_MAX])
{
	size_t len;

	for (int i = 0; i < n; i++) {
		if (strcmp((const char *)a[5 * i], name) != 0) {
			continue;
		}
		len = (size_t)(a[5 * i + 4] - a[5 * i + 3]);
		if (len >= VALUE_MAX) {
			COMPLAIN(r, "'%s' is longer than %d bytes", name,
				 VALUE_MAX - 1);
			return false;
		}
		memcpy(out, a[5 * i + 3], len);
		out[len] = '\0';
		return true;
	}
	COMPLAIN(r, "'%s' needs '%s'", elements[e].name, name);
	return false;
}

static void check_attributes(struct reader *r, enum element e,
			     const xmlChar **a, int n)
{
	for (int i = 0; i < n; i++) {
		const char *name = (const char *)a[5 * i];
		bool ok = a[5 * i + 1] != NULL; /* of another namespace */

		for (size_t k = 0; k < 2 && elements[e].attribute[k]; k++) {
			ok = ok || !strcmp(elements[e].attribute[k], name);
		}
		if (!ok) {
			COMPLAIN(r, "'%s' has no attribute '%.64s'",
				 elements[e].name, name);
		}
	}
}

/* Of XML Schema, hence four spellings. */
static void read_bool(struct reader *r, enum element e, const xmlChar **a,
		      int n, const char *name, bool *out)
{
	char v[VALUE_MAX];

	if (!attribute(r, e, a, n, name, v)) {
		return;
	}
	*out = !strcmp(v, "true") || !strcmp(v, "1");
	if (!*out && strcmp(v, "false") != 0 && strcmp(v, "0") != 0) {
		COMPLAIN(r, "'%s' is true or false, not '%.32s'", name, v);
	}
}

static void read_whole(struct reader *r, enum element e, const xmlChar **a,
		       int n, const char *name, int min, int max, int *out)
{
	char v[VALUE_MAX];
	double num;

	if (!attribute(r, e, a, n, name, v)) {
		return;
	}
	if (av_num_parse(v, strlen(v), &num) < 0 || num != floor(num) ||
	    !(num >= min) || !(num <= max)) {
		COMPLAIN(r, "'%s' is a whole number from %d to %d, not '%.32s'",
			 name, min, max, v);
		return;
	}
	*out = (int)num;
}

/* ---- elements ---- */

static void read_version(struct reader *r, enum element e, const xmlChar **a,
			 int n, const char *name)
{
	char v[VALUE_MAX];
	double num;

	if (attribute(r, e, a, n, name, v) &&
	    (av_num_parse(v, strlen(v), &num) < 0 || !isfinite(num))) {
		COMPLAIN(r, "'%s' is a number like 1.0, not '%.32s'", name, v);
	}
}

static void begin_sensor(struct reader *r, const xmlChar **a, int n)
{
	char v[VALUE_MAX];

	r->sensor = (struct hal_sensor){ 0 };
	if (attribute(r, E_SENSOR, a, n, "name", v)) {
		if (!*v || strlen(v) >= sizeof(r->sensor.name)) {
			COMPLAIN(r, "'name' must have 1 to %zu bytes",
				 sizeof(r->sensor.name) - 1);
		} else {
			memcpy(r->sensor.name, v, strlen(v) + 1);
		}
	}
	read_whole(r, E_SENSOR, a, n, "type", 1, 65535 + 65536,
		   &r->sensor.type);
}

static void begin(struct reader *r, enum element e, const xmlChar **a, int n)
{
	char v[VALUE_MAX];
	int map = 0;

	switch (e) {
	case E_ROOT:
		read_version(r, e, a, n, "version");
		break;
	case E_MODULE:
		read_version(r, e, a, n, "halVersion");
		r->ours = attribute(r, e, a, n, "halName", v) &&
			  !strcmp(v, HAL_MODULE);
		break;
	case E_SENSOR:
		begin_sensor(r, a, n);
		break;
	case E_CONFIGURATION:
		r->sensor.configured = true;
		break;
	case E_ORIENTATION:
		read_bool(r, e, a, n, "rotate", &r->sensor.rotate);
		break;
	case E_O_X:
	case E_O_Y:
	case E_O_Z:
		read_whole(r, e, a, n, "map", 0, 2, &map);
		r->sensor.map[e - E_O_X] = (unsigned int)map;
		read_bool(r, e, a, n, "negate", &r->sensor.negate[e - E_O_X]);
		break;
	case E_L_X:
	case E_L_Y:
	case E_L_Z:
		r->text_len = 0;
		break;
	default:
		break;
	}
}

static void end_coordinate(struct reader *r, enum element e)
{
	const char *s = r->text;
	size_t len = r->text_len;
	double v;

	while (len > 0 && strchr(" \t\r\n", s[len - 1])) {
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", *s)) {
		s++;
		len--;
	}
	if (r->text_len == sizeof(r->text) || av_num_parse(s, len, &v) < 0 ||
	    !(fabs(v) <= 1e5)) {
		COMPLAIN(r, "'%s' of 'location' is a number of millimetres, "
			    "not '%.*s'",
			 elements[e].name, (int)len, s);
		return;
	}
	r->sensor.location_mm[e - E_L_X] = v;
}

static void end_orientation(struct reader *r)
{
	const unsigned int *m = r->sensor.map;

	if (m[0] == m[1] || m[0] == m[2] || m[1] == m[2]) {
		COMPLAIN(r, "two axes of '%s' have the same 'map': the HAL "
			    "would drop this sensor",
			 r->sensor.name);
	}
}

static void end_sensor(struct reader *r)
{
	if (!r->ours) {
		return;
	}
	if (hal_config_find(r->c, r->sensor.name, r->sensor.type)) {
		COMPLAIN(r, "sensor '%s' of type %d is there twice",
			 r->sensor.name, r->sensor.type);
	} else if (r->c->n == HAL_SENSORS_MAX) {
		COMPLAIN(r, "more than %d sensors", HAL_SENSORS_MAX);
		xmlStopParser(r->xml);
	} else {
		r->c->sensor[r->c->n++] = r->sensor;
	}
}

/* What had to be in @e and was not. */
static void check_children(struct reader *r, enum element e)
{
	for (enum element c = E_ROOT; c < E_UNKNOWN; c++) {
		bool many = c == E_MODULE || c == E_SENSOR;

		if (elements[c].parent == e && r->seen[c] == 0 &&
		    (elements[c].once || many)) {
			COMPLAIN(r, "'%s' needs '%s'", elements[e].name,
				 elements[c].name);
		}
	}
}

static void end(struct reader *r, enum element e)
{
	check_children(r, e);
	switch (e) {
	case E_L_X:
	case E_L_Y:
	case E_L_Z:
		end_coordinate(r, e);
		break;
	case E_ORIENTATION:
		end_orientation(r);
		break;
	case E_SENSOR:
		end_sensor(r);
		break;
	default:
		break;
	}
}

/* ---- what libxml2 calls ---- */

static enum element find_element(enum element parent, const char *name)
{
	for (enum element e = E_ROOT; e < E_UNKNOWN; e++) {
		if (elements[e].parent == parent &&
		    !strcmp(elements[e].name, name)) {
			return e;
		}
	}
	return E_UNKNOWN;
}

static const char *candidate(const void *ctx, size_t i)
{
	return elements[i].parent == *(const enum element *)ctx ?
		       elements[i].name :
		       NULL;
}

static void misplaced(struct reader *r, enum element parent, const char *name)
{
	char hint[96];

	av_suggest_text(hint, av_suggest(name, E_UNKNOWN, candidate, &parent));
	if (parent == E_NONE) {
		COMPLAIN(r, "the root must be '%s', not '%.64s'%s",
			 elements[E_ROOT].name, name, hint);
	} else {
		COMPLAIN(r, "'%s' cannot hold '%.64s'%s", elements[parent].name,
			 name, hint);
	}
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_ns, const xmlChar **ns, int n,
		     int n_default, const xmlChar **a)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	enum element parent = r->depth ? r->open[r->depth - 1] : E_NONE;
	enum element e = find_element(parent, (const char *)name);

	(void)prefix;
	(void)uri;
	(void)n_ns;
	(void)ns;
	(void)n_default;
	if (r->depth == DEPTH_MAX) {
		COMPLAIN(r, "elements are nested too deep");
		xmlStopParser(r->xml);
		return;
	}
	r->open[r->depth++] = e;
	if (e == E_UNKNOWN) {
		if (parent != E_UNKNOWN) { /* else: said already */
			misplaced(r, parent, (const char *)name);
		}
		return;
	}
	if (++r->seen[e] == 2 && e != E_MODULE && e != E_SENSOR) {
		COMPLAIN(r, "'%s' is there twice", elements[e].name);
	}
	for (enum element c = E_ROOT; c < E_UNKNOWN; c++) {
		r->seen[c] = elements[c].parent == e ? 0 : r->seen[c];
	}
	check_attributes(r, e, a, n);
	begin(r, e, a, n);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	enum element e = r->depth ? r->open[--r->depth] : E_UNKNOWN;

	(void)name;
	(void)prefix;
	(void)uri;
	if (e != E_UNKNOWN) {
		end(r, e);
	}
}

static void on_text(void *ctx, const xmlChar *s, int len)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	enum element e = r->depth ? r->open[r->depth - 1] : E_NONE;

	for (int i = 0; i < len; i++) {
		if (e >= E_L_X && e <= E_L_Z) {
			if (r->text_len < sizeof(r->text)) {
				r->text[r->text_len++] = (char)s[i];
			}
		} else if (!strchr(" \t\r\n", s[i])) {
			COMPLAIN(r, "text outside of a tag");
			return;
		}
	}
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;

	(void)name;
	(void)external;
	(void)system;
	COMPLAIN(r, "a document type is not taken here; remove <!DOCTYPE ...>");
	xmlStopParser(r->xml);
}

static int read_xml(struct reader *r)
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

	xmlStructuredErrorFunc old = xmlStructuredError;
	void *old_ctx = xmlStructuredErrorContext;

	xmlSetStructuredErrorFunc(NULL, on_stray_error);
	r->xml = xmlCreateMemoryParserCtxt(r->buf, (int)r->len);
	if (!r->xml) {
		xmlSetStructuredErrorFunc(old_ctx, old);
		return -ENOMEM;
	}
	*r->xml->sax = sax;
	r->xml->_private = r;
	xmlCtxtUseOptions(r->xml, XML_PARSE_NONET);
	xmlParseDocument(r->xml);
	if (r->xml->myDoc) {
		xmlFreeDoc(r->xml->myDoc);
	}
	if (!r->xml->wellFormed && !r->bad) {
		COMPLAIN(r, "not well-formed XML");
	}
	xmlFreeParserCtxt(r->xml);
	xmlSetStructuredErrorFunc(old_ctx, old);
	return r->bad ? -EINVAL : 0;
}

int hal_config_parse(const char *name, const char *buf, size_t len,
		     struct hal_config *out, struct av_diags *d)
{
	struct reader r = { .file = name,
			    .buf = buf,
			    .len = len,
			    .d = d,
			    .line = 1,
			    .col = 1 };
	int ret;

	if (len == 0) {
		return av_diag_add(d, name, 0, 0, "the file is empty");
	}
	if (len > HAL_CONFIG_MAX) {
		return av_diag_add(d, name, 0, 0,
				   "the file is larger than %u bytes",
				   HAL_CONFIG_MAX);
	}
	r.c = calloc(1, sizeof(*r.c));
	if (!r.c) {
		return -ENOMEM;
	}
	ret = read_xml(&r);
	if (ret == 0) {
		*out = *r.c;
	}
	free(r.c);
	return ret;
}

const struct hal_sensor *hal_config_find(const struct hal_config *c,
					 const char *name, int type)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->sensor[i].type == type &&
		    !strcmp(c->sensor[i].name, name)) {
			return &c->sensor[i];
		}
	}
	return NULL;
}
