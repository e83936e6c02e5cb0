/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded positions as files of foreign programs, read into one form:
 * GnssLogger, NMEA 0183, GPX, KML (gx:Track), CSV with named columns.
 *
 * What a file does not say stays NaN, but for speed and bearing, which are
 * derived from the positions where a file has none at all. A row that makes no
 * sense is left out with a note (file:line:column); only a file that gives no
 * fix, or XML that is not well-formed, is refused.
 */
#ifndef AVSIM_GNSS_TRACE_H
#define AVSIM_GNSS_TRACE_H

#include "sim/topics.h"

struct gnss_reader;

struct gnss_format {
	const char *name; /* for --format and people */
	const char *help;
	bool (*probe)(const char *head, size_t len);
	int (*read)(struct gnss_reader *r);
};
extern const struct gnss_format gnss_formats[];
extern const size_t n_gnss_formats;

struct gnss_item {
	int64_t unix_ns; /* when it came in */
	enum gnss_kind kind;
	uint32_t idx;	 /* first of fix[], sat[]; of a header for GNSS_RAW */
	uint32_t n;	 /* of GNSS_SATS */
	size_t text;	 /* offset in @text of GNSS_RAW */
	char provider[GNSS_PROVIDER_MAX];
};

#define GNSS_HEADERS_MAX 16 /* of raw measurements in one file */

struct gnss_trace {
	const struct gnss_format *format;
	struct gnss_item *item; /* in order of time */
	size_t n;
	struct gnss_fix *fix;
	size_t n_fixes;
	struct gnss_sat *sat;
	size_t n_sats;
	char *text; /* raw rows of each epoch, ended by NUL */
	size_t text_len;
	char *header[GNSS_HEADERS_MAX];
	size_t n_headers;
	/* for people */
	size_t n_epochs, n_rows; /* raw */
	size_t skipped;		 /* rows left out, each with a note */
	size_t other;		 /* rows of kinds that are of no use here */
	bool has_sats;
	/* room of the arrays */
	size_t room, fix_room, sat_room, text_room;
};

/* The format that the beginning of a file looks like, or NULL. */
const struct gnss_format *gnss_trace_probe(const char *buf, size_t len);

/**
 * gnss_trace_parse() - Read a file of any of the formats
 * @notes:	what was left out, at most AV_DIAGS_MAX of it
 * @d:		why the file is refused
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int gnss_trace_parse(const char *name, const char *buf, size_t len,
		     struct gnss_trace **out, struct av_diags *notes,
		     struct av_diags *d);
void gnss_trace_destroy(struct gnss_trace *t);

/* "1748 fixes, 12 raw epochs (93 rows), 13 rows left out" */
void gnss_trace_summary(const struct gnss_trace *t, char *buf, size_t size);

/**
 * gnss_trace_resample() - Fixes at a steady rate between those of the file
 *
 * Straight lines over at most 120 s; longer gaps stay gaps. Fixes of providers
 * other than the satellites' receiver are dropped. Return: 0, -EFBIG, -ENOMEM.
 */
int gnss_trace_resample(struct gnss_trace *t, double rate_hz);

/* ---- what the formats share ---- */

struct gnss_reader {
	const char *name, *buf;
	size_t len;
	struct gnss_trace *t;
	struct av_diags *notes, *d;
	bool no_memory;
	/* line that gnss_line() found */
	const char *at, *line;
	size_t line_len;
	unsigned int lineno;
};

/* Next line without its end: LF, CR LF or CR. false at the end. */
bool gnss_line(struct gnss_reader *r);
/* A row is left out: file:line:col. */
void gnss_skip(struct gnss_reader *r, unsigned int col, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void gnss_fix_init(struct gnss_fix *f); /* all NaN, mode 3 */
/* Copied; false without memory. */
bool gnss_add_fix(struct gnss_reader *r, int64_t unix_ns, const char *provider,
		  size_t provider_len, const struct gnss_fix *f);
bool gnss_add_sats(struct gnss_reader *r, int64_t unix_ns,
		   const struct gnss_sat *s, size_t n);
bool gnss_add_header(struct gnss_reader *r, const char *text, size_t len);
/* One row; it belongs to the epoch before it if @same. */
bool gnss_add_raw(struct gnss_reader *r, int64_t unix_ns, bool same,
		  const char *row, size_t len);
void gnss_derive_motion(struct gnss_trace *t);
bool gnss_place_ok(double lat_deg, double lon_deg);

/* Fields of a line between commas, blanks around them cut. */
#define GNSS_FIELDS_MAX 64
struct gnss_field {
	const char *s;
	size_t len;
	unsigned int col;
};
size_t gnss_split(const char *line, size_t len, struct gnss_field *f);
/* 0; -EINVAL if it is no number. An empty field is NaN. */
int gnss_number(const struct gnss_field *f, double *out);

bool gnss_logger_probe(const char *head, size_t len);
int gnss_logger_read(struct gnss_reader *r);
bool gnss_nmea_probe(const char *head, size_t len);
int gnss_nmea_read(struct gnss_reader *r);
bool gnss_gpx_probe(const char *head, size_t len);
bool gnss_kml_probe(const char *head, size_t len);
int gnss_xml_read(struct gnss_reader *r);
bool gnss_csv_probe(const char *head, size_t len);
int gnss_csv_read(struct gnss_reader *r);

#endif
