/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/gnss/trace.h"

#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which a file is asked whether it is one. */
const struct gnss_format gnss_formats[] = {
	{ "gnsslogger", "GnssLogger text: Fix, Raw and Status rows",
	  gnss_logger_probe, gnss_logger_read },
	{ "gpx", "GPX 1.0 and 1.1, tracks with times", gnss_gpx_probe,
	  gnss_xml_read },
	{ "kml", "KML with gx:Track", gnss_kml_probe, gnss_xml_read },
	{ "nmea", "NMEA 0183 sentences of any talker", gnss_nmea_probe,
	  gnss_nmea_read },
	{ "gnss-csv", "CSV: latitude_deg, longitude_deg or ecef_x_m ..., time",
	  gnss_csv_probe, gnss_csv_read },
};
const size_t n_gnss_formats = sizeof(gnss_formats) / sizeof(gnss_formats[0]);

#define PROBE_LEN 65536

const struct gnss_format *gnss_trace_probe(const char *buf, size_t len)
{
	len = len < PROBE_LEN ? len : PROBE_LEN;
	for (size_t i = 0; i < n_gnss_formats; i++) {
		if (gnss_formats[i].probe(buf, len)) {
			return &gnss_formats[i];
		}
	}
	return NULL;
}

/* ---- lines and fields ---- */

bool gnss_line(struct gnss_reader *r)
{
	const char *end = r->buf + r->len, *p = r->at;

	if (p == end) {
		return false;
	}
	while (p < end && *p != '\n' && *p != '\r') {
		p++;
	}
	r->line = r->at;
	r->line_len = (size_t)(p - r->at);
	r->lineno++;
	if (p + 1 < end && p[0] == '\r' && p[1] == '\n') {
		p++;
	}
	r->at = p < end ? p + 1 : end;
	return true;
}

void gnss_skip(struct gnss_reader *r, unsigned int col, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	r->t->skipped++;
	if (r->notes->n >= AV_DIAGS_MAX) {
		r->notes->dropped++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	av_diag_add(r->notes, r->name, r->lineno, col, "%s", text);
}

size_t gnss_split(const char *line, size_t len, struct gnss_field *f)
{
	size_t n = 0, from = 0;

	for (size_t i = 0; i <= len && n < GNSS_FIELDS_MAX; i++) {
		size_t to = i;

		if (i < len && line[i] != ',') {
			continue;
		}
		while (from < to && (line[from] == ' ' || line[from] == '\t')) {
			from++;
		}
		while (to > from && (line[to - 1] == ' ' ||
				     line[to - 1] == '\t')) {
			to--;
		}
		f[n++] = (struct gnss_field){ line + from, to - from,
					      (unsigned int)from + 1 };
		from = i + 1;
	}
	return n;
}

int gnss_number(const struct gnss_field *f, double *out)
{
	if (f->len == 0) {
		*out = NAN;
		return 0;
	}
	return av_num_parse(f->s, f->len, out) < 0 || !isfinite(*out) ?
		       -EINVAL :
		       0;
}

bool gnss_place_ok(double lat_deg, double lon_deg)
{
	return lat_deg >= -90 && lat_deg <= 90 && lon_deg >= -180 &&
	       lon_deg <= 180;
}

/* ---- collecting ---- */

/* @v with room for one more of @size bytes; NULL without memory. */
static void *grow(struct gnss_reader *r, void *v, size_t n, size_t *room,
		  size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *p;

	if (n < *room) {
		return v;
	}
	p = more > SIZE_MAX / 2 / size ? NULL : realloc(v, more * size);
	if (!p) {
		r->no_memory = true;
		return NULL;
	}
	*room = more;
	return p;
}

static struct gnss_item *add_item(struct gnss_reader *r, int64_t unix_ns,
				  enum gnss_kind kind, size_t idx)
{
	struct gnss_trace *t = r->t;
	struct gnss_item *v = NULL;

	if (t->n < UINT32_MAX) {
		v = grow(r, t->item, t->n, &t->room, sizeof(*v));
	}
	if (!v) {
		r->no_memory = true;
		return NULL;
	}
	t->item = v;
	t->item[t->n] = (struct gnss_item){ .unix_ns = unix_ns,
					    .kind = kind,
					    .idx = (uint32_t)idx };
	return &t->item[t->n++];
}

void gnss_fix_init(struct gnss_fix *f)
{
	for (size_t i = 0; i < GNSS_FIX_N; i++) {
		f->v[i] = NAN;
	}
	f->mode = 3;
}

bool gnss_add_fix(struct gnss_reader *r, int64_t unix_ns, const char *provider,
		  size_t provider_len, const struct gnss_fix *f)
{
	struct gnss_trace *t = r->t;
	struct gnss_item *it = add_item(r, unix_ns, GNSS_FIX, t->n_fixes);
	struct gnss_fix *v;
	size_t n = 0;

	v = grow(r, t->fix, t->n_fixes, &t->fix_room, sizeof(*v));
	if (!it || !v) {
		return false;
	}
	t->fix = v;
	for (size_t i = 0; i < provider_len && n < GNSS_PROVIDER_MAX - 1; i++) {
		char c = provider[i];

		if (c >= 'a' && c <= 'z') {
			c = (char)(c - 'a' + 'A');
		}
		it->provider[n++] = (c >= 'A' && c <= 'Z') ||
						    (c >= '0' && c <= '9') ?
					    c :
					    '_';
	}
	if (n == 0) {
		strcpy(it->provider, "GPS");
	}
	t->fix[t->n_fixes++] = *f;
	return true;
}

bool gnss_add_sats(struct gnss_reader *r, int64_t unix_ns,
		   const struct gnss_sat *s, size_t n)
{
	struct gnss_trace *t = r->t;
	struct gnss_item *it = add_item(r, unix_ns, GNSS_SATS, t->n_sats);

	if (!it) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct gnss_sat *v = grow(r, t->sat, t->n_sats, &t->sat_room,
					  sizeof(*v));

		if (!v) {
			return false;
		}
		t->sat = v;
		t->sat[t->n_sats++] = s[i];
		it->n++;
	}
	t->has_sats = true;
	return true;
}

bool gnss_add_header(struct gnss_reader *r, const char *text, size_t len)
{
	struct gnss_trace *t = r->t;

	if (t->n_headers == GNSS_HEADERS_MAX) {
		gnss_skip(r, 1, "more than %d headers of raw measurements",
			  GNSS_HEADERS_MAX);
		return true;
	}
	t->header[t->n_headers] = strndup(text, len);
	r->no_memory = r->no_memory || !t->header[t->n_headers];
	t->n_headers += !!t->header[t->n_headers];
	return !r->no_memory;
}

static bool add_text(struct gnss_reader *r, const char *s, size_t len)
{
	struct gnss_trace *t = r->t;

	while (t->text_room - t->text_len < len) {
		char *v = grow(r, t->text, t->text_room, &t->text_room, 1);

		if (!v) {
			return false;
		}
		t->text = v;
	}
	memcpy(t->text + t->text_len, s, len);
	t->text_len += len;
	return true;
}

bool gnss_add_raw(struct gnss_reader *r, int64_t unix_ns, bool same,
		  const char *row, size_t len)
{
	struct gnss_trace *t = r->t;
	struct gnss_item *it;

	t->n_rows++;
	if (same && t->text_len > 0) {
		t->text[t->text_len - 1] = '\n';
		return add_text(r, row, len) && add_text(r, "", 1);
	}
	it = add_item(r, unix_ns, GNSS_RAW, t->n_headers - 1);
	if (!it) {
		return false;
	}
	it->text = t->text_len;
	t->n_epochs++;
	return add_text(r, row, len) && add_text(r, "", 1);
}

/* ---- afterwards ---- */

static double turn(double from, double to)
{
	return remainder(to - from, 360);
}

/* Metres east and north from @a to @b: short ways, on a sphere. */
static void way(const struct gnss_fix *a, const struct gnss_fix *b, double *x,
		double *y)
{
	const double m_per_deg = 6371000 * 0.017453292519943295;

	*y = (b->lat_deg - a->lat_deg) * m_per_deg;
	*x = turn(a->lon_deg, b->lon_deg) * m_per_deg *
	     cos(a->lat_deg * 0.017453292519943295);
}

void gnss_derive_motion(struct gnss_trace *t)
{
	for (size_t i = 0; i < t->n_fixes; i++) {
		struct gnss_fix *f = &t->fix[i];
		/* the last one goes on like the one before it */
		const struct gnss_fix *a = i + 1 < t->n_fixes ? f : f - 1;
		const struct gnss_fix *b = a + 1;
		double x, y, dt;

		if (t->n_fixes < 2 || a < t->fix) {
			return;
		}
		dt = (b->unix_ms - a->unix_ms) / 1000;
		way(a, b, &x, &y);
		if (isnan(f->speed_mps) && dt > 0 && dt <= 120) {
			f->speed_mps = sqrt(x * x + y * y) / dt;
		}
		if (isnan(f->bearing_deg) && x * x + y * y > 1) {
			f->bearing_deg = atan2(x, y) * 57.29577951308232;
			f->bearing_deg += f->bearing_deg < 0 ? 360 : 0;
		}
	}
}

/* Stable, by time. Files are nearly in order: insertion would do but for a
 * hostile one, so it is a merge sort. */
static bool sort_items(struct gnss_trace *t)
{
	struct gnss_item *a = t->item, *b, *spare;
	bool sorted = true;

	for (size_t i = 1; i < t->n && sorted; i++) {
		sorted = a[i - 1].unix_ns <= a[i].unix_ns;
	}
	if (sorted) {
		return true;
	}
	spare = b = calloc(t->room, sizeof(*b));
	if (!b) {
		return false;
	}
	for (size_t w = 1; w < t->n; w *= 2) {
		for (size_t lo = 0; lo < t->n; lo += 2 * w) {
			size_t mid = lo + w < t->n ? lo + w : t->n;
			size_t hi = mid + w < t->n ? mid + w : t->n;
			size_t i = lo, k = mid;

			for (size_t o = lo; o < hi; o++) {
				b[o] = k == hi || (i < mid && a[i].unix_ns <=
								      a[k].unix_ns) ?
					       a[i++] :
					       a[k++];
			}
		}
		spare = a;
		a = b;
		b = spare;
	}
	t->item = a;
	free(b);
	return true;
}

int gnss_trace_parse(const char *name, const char *buf, size_t len,
		     struct gnss_trace **out, struct av_diags *notes,
		     struct av_diags *d)
{
	const struct gnss_format *format = gnss_trace_probe(buf, len);
	struct gnss_reader r = { .name = name,
				 .buf = buf,
				 .len = len,
				 .at = buf,
				 .notes = notes,
				 .d = d };
	int ret;

	*out = NULL;
	if (!format) {
		return av_diag_add(d, name, 0, 0,
				   "no format of positions known here: want "
				   "GnssLogger, NMEA, GPX, KML with gx:Track, "
				   "or CSV with latitude_deg, longitude_deg and "
				   "a time in its header");
	}
	if (len > 2 && !memcmp(buf, "\xef\xbb\xbf", 3)) {
		r.at += 3;
	}
	r.t = calloc(1, sizeof(*r.t));
	if (!r.t) {
		return -ENOMEM;
	}
	r.t->format = format;
	ret = format->read(&r);
	if (ret == 0 && (r.no_memory || !sort_items(r.t))) {
		ret = -ENOMEM;
	}
	if (ret == 0 && r.t->n_fixes + r.t->n_epochs == 0) {
		ret = av_diag_add(d, name, 0, 0,
				  "no position with a time in it (%zu rows left "
				  "out, %zu of other kinds)",
				  r.t->skipped, r.t->other);
	}
	if (ret < 0) {
		gnss_trace_destroy(r.t);
		return ret;
	}
	*out = r.t;
	return 0;
}

void gnss_trace_destroy(struct gnss_trace *t)
{
	if (!t) {
		return;
	}
	for (size_t i = 0; i < t->n_headers; i++) {
		free(t->header[i]);
	}
	free(t->item);
	free(t->fix);
	free(t->sat);
	free(t->text);
	free(t);
}

void gnss_trace_summary(const struct gnss_trace *t, char *buf, size_t size)
{
	char raw[80] = "", other[64] = "";

	if (t->n_rows > 0) {
		snprintf(raw, sizeof(raw),
			 ", %zu raw measurements in %zu epochs", t->n_rows,
			 t->n_epochs);
	}
	if (t->other > 0) {
		snprintf(other, sizeof(other), ", %zu of other kinds",
			 t->other);
	}
	snprintf(buf, size, "%s: %zu fixes%s, %zu rows left out%s",
		 t->format->name, t->n_fixes, raw, t->skipped, other);
}

/* ---- another rate ---- */

#define RESAMPLE_MAX 4000000
#define GAP_NS (120 * VT_S)

static double between(double a, double b, double share)
{
	return a + (b - a) * share;
}

static void fix_between(const struct gnss_fix *a, const struct gnss_fix *b,
			double share, struct gnss_fix *out)
{
	*out = *a;
	out->unix_ms = between(a->unix_ms, b->unix_ms, share);
	out->lat_deg = between(a->lat_deg, b->lat_deg, share);
	out->lon_deg = a->lon_deg + turn(a->lon_deg, b->lon_deg) * share;
	out->lon_deg = out->lon_deg > 180  ? out->lon_deg - 360 :
		       out->lon_deg < -180 ? out->lon_deg + 360 :
					     out->lon_deg;
	out->alt_m = between(a->alt_m, b->alt_m, share);
	out->speed_mps = between(a->speed_mps, b->speed_mps, share);
	out->bearing_deg = fmod(a->bearing_deg +
					turn(a->bearing_deg, b->bearing_deg) *
						share +
					360,
				360);
}

int gnss_trace_resample(struct gnss_trace *t, double rate_hz)
{
	struct gnss_reader r = { .t = &(struct gnss_trace){ 0 } };
	const struct gnss_item *prev = NULL;
	int64_t step = (int64_t)(1e9 / rate_hz + 0.5), next = 0;

	for (size_t i = 0; i < t->n && !r.no_memory; i++) {
		const struct gnss_item *it = &t->item[i];
		struct gnss_item *copy;

		if (it->kind != GNSS_FIX) {
			copy = add_item(&r, it->unix_ns, it->kind, it->idx);
			if (copy) {
				*copy = *it;
			}
			continue;
		}
		if (strcmp(it->provider, "GPS") != 0) {
			continue;
		}
		if (!prev || it->unix_ns - prev->unix_ns > GAP_NS) {
			next = it->unix_ns;
		}
		for (; next <= it->unix_ns; next += step) {
			struct gnss_fix f = t->fix[it->idx];

			if (next < it->unix_ns) {
				fix_between(&t->fix[prev->idx],
					    &t->fix[it->idx],
					    (double)(next - prev->unix_ns) /
						    (double)(it->unix_ns -
							     prev->unix_ns),
					    &f);
			}
			if (r.t->n_fixes == RESAMPLE_MAX) {
				r.no_memory = true;
				break;
			}
			gnss_add_fix(&r, next, it->provider,
				     strlen(it->provider), &f);
		}
		prev = it;
	}
	if (r.no_memory || !sort_items(r.t)) {
		free(r.t->item);
		free(r.t->fix);
		return r.t->n_fixes == RESAMPLE_MAX ? -EFBIG : -ENOMEM;
	}
	free(t->item);
	free(t->fix);
	t->item = r.t->item;
	t->n = r.t->n;
	t->room = r.t->room;
	t->fix = r.t->fix;
	t->n_fixes = r.t->n_fixes;
	t->fix_room = r.t->fix_room;
	return 0;
}
