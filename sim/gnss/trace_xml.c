/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPX 1.0 and 1.1 (track points with a time) and KML (gx:Track: "when" and
 * gx:coord in pairs). Read as a stream of elements (SAX2): memory grows with
 * what is kept, and every message has a line. A document type is refused when it
 * begins, so no entity can be declared: none is expanded and nothing outside the
 * file is ever opened.
 */
#include "config.h"

#include "sim/gnss/trace.h"

#include "sim/core/date.h"
#include "sim/core/text.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 200  /* of an element that means something */
#define DEPTH_MAX 100 /* of elements */

/* Children of a track point, by their local name. */
static const struct {
	const char *name;
	int field; /* enum gnss_fix_field; -1 the time */
} children[] = {
	{ "time", -1 },
	{ "ele", GNSS_F_alt_m },
	{ "speed", GNSS_F_speed_mps },
	{ "course", GNSS_F_bearing_deg },
	{ "geoidheight", GNSS_F_geoid_m },
	{ "hdop", GNSS_F_hdop },
	{ "vdop", GNSS_F_vdop },
	{ "pdop", GNSS_F_pdop },
	{ "sat", GNSS_F_n_used },
};

struct xml {
	struct gnss_reader *r;
	xmlParserCtxtPtr ctxt;
	unsigned int depth;
	bool kml, bad;
	/* element whose text is collected */
	enum { TEXT_NONE, TEXT_CHILD, TEXT_WHEN, TEXT_COORD } what;
	size_t child;
	unsigned int text_depth;
	char text[TEXT_MAX];
	size_t len;
	bool too_long;
	/* GPX */
	unsigned int point_depth; /* 0: not in a track point */
	unsigned int track_depth;
	struct gnss_fix x;
	int64_t ns;
	bool has_time, spoilt;
	/* KML: pairs of the track that is open */
	int64_t *when;
	size_t n_when, when_room;
	struct gnss_fix *coord;
	size_t n_coords, coord_room;
};

static unsigned int here(struct xml *x)
{
	int line = xmlSAX2GetLineNumber(x->ctxt);

	return line > 0 ? (unsigned int)line : 0;
}

static unsigned int column(struct xml *x)
{
	int col = xmlSAX2GetColumnNumber(x->ctxt);

	return col > 0 ? (unsigned int)col : 0;
}

#define SKIP_HERE(x, ...)                                                      \
	do {                                                                   \
		(x)->r->lineno = here(x);                                      \
		gnss_skip((x)->r, column(x), __VA_ARGS__);                     \
	} while (0)

static void stop(struct xml *x, const char *why)
{
	if (!x->bad) {
		av_diag_add(x->r->d, x->r->name, here(x), column(x), "%s",
			    why);
	}
	x->bad = true;
	xmlStopParser(x->ctxt);
}

/* libxml2's own messages: what is not well-formed. */
static void on_error(void *ctx, xmlErrorPtr e)
{
	struct xml *x = ((xmlParserCtxtPtr)ctx)->_private;
	char text[256];

	if (x->bad || e->level < XML_ERR_ERROR) {
		return;
	}
	snprintf(text, sizeof(text), "%s", e->message ? e->message : "?");
	text[strcspn(text, "\r\n")] = '\0';
	av_diag_add(x->r->d, x->r->name,
		    e->line > 0 ? (unsigned int)e->line : 0,
		    e->int2 > 0 ? (unsigned int)e->int2 : 0,
		    "not well-formed XML: %s", text);
	x->bad = true;
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *id,
		       const xmlChar *uri)
{
	struct xml *x = ((xmlParserCtxtPtr)ctx)->_private;

	(void)name, (void)id, (void)uri;
	stop(x, "a document type is not taken here; remove the <!DOCTYPE ...>");
}

/* ---- GPX ---- */

/* Attribute @name without a prefix as a number. */
static bool attribute(int n, const xmlChar **a, const char *name, double *out)
{
	for (int i = 0; i < n; i++, a += 5) {
		if (!strcmp((const char *)a[0], name) && !a[1]) {
			return av_num_parse((const char *)a[3],
					    (size_t)(a[4] - a[3]), out) == 0;
		}
	}
	return false;
}

static void begin_point(struct xml *x, int n, const xmlChar **a)
{
	gnss_fix_init(&x->x);
	x->point_depth = x->depth;
	x->has_time = false;
	x->spoilt = false;
	if (!attribute(n, a, "lat", &x->x.lat_deg) ||
	    !attribute(n, a, "lon", &x->x.lon_deg) ||
	    !gnss_place_ok(x->x.lat_deg, x->x.lon_deg)) {
		SKIP_HERE(x, "a track point wants lat and lon in degrees; "
			     "point left out");
		x->spoilt = true;
	}
}

static void end_point(struct xml *x)
{
	x->point_depth = 0;
	if (x->spoilt) {
		return;
	}
	if (!x->has_time) {
		SKIP_HERE(x, "a track point without a time; point left out");
		return;
	}
	x->x.unix_ms = (double)(x->ns / VT_MS);
	if (!isnan(x->x.geoid_m)) {
		x->x.alt_m += x->x.geoid_m;
	}
	x->x.mode = isnan(x->x.alt_m) ? 2 : 3;
	gnss_add_fix(x->r, x->ns, "GPS", 3, &x->x);
}

static void end_child(struct xml *x)
{
	int field = children[x->child].field;
	double v;

	if (field < 0) {
		if (av_iso_parse(x->text, x->len, &x->ns) == 0 && x->ns >= 0) {
			x->has_time = true;
			return;
		}
		SKIP_HERE(x, "'%.40s' is no time like 2026-06-01T12:00:00Z; "
			     "point left out",
			  x->text);
		x->spoilt = true;
	} else if (av_num_parse(x->text, x->len, &v) == 0 && isfinite(v)) {
		x->x.v[field] = v;
	} else {
		SKIP_HERE(x, "%s: '%.40s' is no number; point left out",
			  children[x->child].name, x->text);
		x->spoilt = true;
	}
}

static void gpx_start(struct xml *x, const char *name, int n,
		      const xmlChar **a)
{
	if (!x->track_depth && !strcmp(name, "trk")) {
		x->track_depth = x->depth;
	} else if (x->track_depth && !x->point_depth &&
		   !strcmp(name, "trkpt")) {
		begin_point(x, n, a);
	} else if (x->point_depth && x->what == TEXT_NONE) {
		for (size_t i = 0; i < sizeof(children) / sizeof(*children);
		     i++) {
			if (!strcmp(name, children[i].name)) {
				x->what = TEXT_CHILD;
				x->child = i;
			}
		}
	}
}

/* ---- KML ---- */

static void *room_for(struct xml *x, void *v, size_t n, size_t *room,
		      size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *p;

	if (n < *room) {
		return v;
	}
	p = realloc(v, more * size);
	if (!p) {
		x->r->no_memory = true;
		xmlStopParser(x->ctxt);
		return NULL;
	}
	*room = more;
	return p;
}

static void end_when(struct xml *x)
{
	int64_t *v = room_for(x, x->when, x->n_when, &x->when_room,
			      sizeof(*v));

	if (!v) {
		return;
	}
	x->when = v;
	v[x->n_when] = -1;
	if (av_iso_parse(x->text, x->len, &v[x->n_when]) < 0 ||
	    v[x->n_when] < 0) {
		v[x->n_when] = -1;
		SKIP_HERE(x, "'%.40s' is no time like 2026-06-01T12:00:00Z; "
			     "point left out",
			  x->text);
	}
	x->n_when++;
}

/* "lon lat alt" */
static void end_coord(struct xml *x)
{
	struct gnss_fix *v = room_for(x, x->coord, x->n_coords, &x->coord_room,
				      sizeof(*v));
	double num[3] = { NAN, NAN, NAN };
	const char *p = x->text;
	size_t n = 0;
	bool ok = true;

	if (!v) {
		return;
	}
	x->coord = v;
	for (; ok && n < 3 && *p; n++) {
		size_t len = strcspn(p, " \t\r\n");

		ok = av_num_parse(p, len, &num[n]) == 0;
		p += len + strspn(p + len, " \t\r\n");
	}
	gnss_fix_init(&v[x->n_coords]);
	v[x->n_coords].lon_deg = num[0];
	v[x->n_coords].lat_deg = num[1];
	v[x->n_coords].alt_m = isfinite(num[2]) ? num[2] : NAN;
	/* an empty one stands for a time without a place */
	if (n > 0 && (!ok || *p || !gnss_place_ok(num[1], num[0]))) {
		SKIP_HERE(x, "'%.40s' is no 'longitude latitude altitude'; "
			     "point left out",
			  x->text);
		v[x->n_coords].lat_deg = NAN;
	}
	x->n_coords++;
}

static void end_track(struct xml *x)
{
	size_t n = x->n_when < x->n_coords ? x->n_when : x->n_coords;

	if (x->n_when != x->n_coords) {
		SKIP_HERE(x, "a gx:Track of %zu times and %zu places; what has "
			     "no partner is left out",
			  x->n_when, x->n_coords);
	}
	for (size_t i = 0; i < n; i++) {
		struct gnss_fix *f = &x->coord[i];

		if (x->when[i] >= 0 && !isnan(f->lat_deg)) {
			f->unix_ms = (double)(x->when[i] / VT_MS);
			f->mode = isnan(f->alt_m) ? 2 : 3;
			gnss_add_fix(x->r, x->when[i], "GPS", 3, f);
		}
	}
	x->n_when = x->n_coords = 0;
	x->track_depth = 0;
}

static void kml_start(struct xml *x, const char *name)
{
	if (!x->track_depth && !strcmp(name, "Track")) {
		x->track_depth = x->depth;
	} else if (x->track_depth && x->depth == x->track_depth + 1) {
		x->what = !strcmp(name, "when")	 ? TEXT_WHEN :
			  !strcmp(name, "coord") ? TEXT_COORD :
						   TEXT_NONE;
	}
}

/* ---- elements ---- */

static void on_start(void *ctx, const xmlChar *local, const xmlChar *prefix,
		     const xmlChar *uri, int n_ns, const xmlChar **ns, int n,
		     int n_default, const xmlChar **a)
{
	struct xml *x = ((xmlParserCtxtPtr)ctx)->_private;
	int before = x->what;

	(void)prefix, (void)uri, (void)n_ns, (void)ns, (void)n_default;
	if (++x->depth > DEPTH_MAX) {
		stop(x, "elements nest too deep");
		return;
	}
	if (x->kml) {
		kml_start(x, (const char *)local);
	} else {
		gpx_start(x, (const char *)local, n, a);
	}
	if (x->what != TEXT_NONE && (int)x->what != before) {
		x->text_depth = x->depth;
		x->len = 0;
		x->too_long = false;
	}
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct xml *x = ((xmlParserCtxtPtr)ctx)->_private;

	if (x->what == TEXT_NONE || x->depth != x->text_depth) {
		return;
	}
	if ((size_t)len >= TEXT_MAX - x->len) {
		x->too_long = true;
		return;
	}
	memcpy(x->text + x->len, text, (size_t)len);
	x->len += (size_t)len;
}

/* Blanks around the text are no part of it. */
static void trim(struct xml *x)
{
	size_t from = 0;

	x->len = x->too_long ? 0 : x->len;
	while (x->len > 0 && strchr(" \t\r\n", x->text[x->len - 1])) {
		x->len--;
	}
	while (from < x->len && strchr(" \t\r\n", x->text[from])) {
		from++;
	}
	x->len -= from;
	memmove(x->text, x->text + from, x->len);
	x->text[x->len] = '\0';
}

static void on_end(void *ctx, const xmlChar *local, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct xml *x = ((xmlParserCtxtPtr)ctx)->_private;

	(void)local, (void)prefix, (void)uri;
	if (x->what != TEXT_NONE && x->depth == x->text_depth) {
		int what = x->what;

		trim(x);
		x->what = TEXT_NONE;
		if (what == TEXT_CHILD) {
			end_child(x);
		} else if (what == TEXT_WHEN) {
			end_when(x);
		} else {
			end_coord(x);
		}
	}
	if (x->point_depth == x->depth && x->point_depth) {
		end_point(x);
	}
	if (x->track_depth == x->depth && x->track_depth) {
		if (x->kml) {
			end_track(x);
		}
		x->track_depth = 0;
	}
	x->depth--;
}

int gnss_xml_read(struct gnss_reader *r)
{
	xmlSAXHandler sax = { .initialized = XML_SAX2_MAGIC,
			      .startElementNs = on_start,
			      .endElementNs = on_end,
			      .characters = on_text,
			      .cdataBlock = on_text,
			      .internalSubset = on_doctype,
			      .serror = (xmlStructuredErrorFunc)on_error };
	struct xml x = { .r = r, .kml = gnss_kml_probe(r->buf, r->len) };
	const size_t piece = 1u << 20;
	int ret = 0;

	x.ctxt = xmlCreatePushParserCtxt(&sax, NULL, NULL, 0, NULL);
	if (!x.ctxt) {
		return -ENOMEM;
	}
	x.ctxt->_private = &x;
	xmlCtxtUseOptions(x.ctxt, XML_PARSE_NONET | XML_PARSE_NODICT);
	x.ctxt->_private = &x;
	for (size_t at = 0; at < r->len && !x.bad && !r->no_memory;
	     at += piece) {
		size_t n = r->len - at < piece ? r->len - at : piece;

		xmlParseChunk(x.ctxt, r->buf + at, (int)n, 0);
	}
	if (!x.bad && !r->no_memory) {
		xmlParseChunk(x.ctxt, NULL, 0, 1);
	}
	if (!x.bad && !r->no_memory && !x.ctxt->wellFormed) {
		stop(&x, "not well-formed XML");
	}
	ret = x.bad ? -EINVAL : 0;
	xmlFreeParserCtxt(x.ctxt);
	free(x.when);
	free(x.coord);
	gnss_derive_motion(r->t);
	return ret;
}

/* "<gpx" or "<kml" with any prefix as the first element. */
static bool root_is(const char *head, size_t len, const char *name)
{
	const char *end = head + len, *p = head;
	size_t n = strlen(name);

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *s = p + 1;

		if (end - p > 3 && !memcmp(p, "<!--", 4)) {
			p = s;
			while (end - p > 2 && memcmp(p, "-->", 3) != 0) {
				p++;
			}
			continue;
		}
		if (s < end && *s != '?' && *s != '!') {
			while (s < end && ((*s >= 'a' && *s <= 'z') ||
					   (*s >= '0' && *s <= '9'))) {
				s++;
			}
			s = s < end && *s == ':' ? s + 1 : p + 1;
			return (size_t)(end - s) > n && !memcmp(s, name, n) &&
			       strchr(" \t\r\n>/", s[n]);
		}
		p = s;
	}
	return false;
}

static bool looks_like_xml(const char *head, size_t len)
{
	size_t i = len > 2 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < len && strchr(" \t\r\n", head[i])) {
		i++;
	}
	return i < len && head[i] == '<';
}

bool gnss_gpx_probe(const char *head, size_t len)
{
	return looks_like_xml(head, len) && root_is(head, len, "gpx");
}

bool gnss_kml_probe(const char *head, size_t len)
{
	return looks_like_xml(head, len) && root_is(head, len, "kml");
}
