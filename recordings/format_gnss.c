/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions of a recording as NMEA, GPX, KML and GnssLogger text. Only the
 * satellite receiver's own fixes go into NMEA, GPX and KML (provider GPS);
 * GnssLogger has all of them, and raw rows as they came.
 */
#include "config.h"

#include "recordings/formats_int.h"

#include "sim/core/date.h"
#include "sim/core/text.h"
#include "sim/gnss/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers between tabs. Return: how many. */
static size_t numbers(const char *text, double *v, size_t max)
{
	size_t n = 0;

	while (n < max && *text) {
		size_t len = strcspn(text, "\t");

		if (av_num_parse(text, len, &v[n]) < 0) {
			break;
		}
		n++;
		text += len + (text[len] == '\t');
	}
	return n;
}

/* What an exporter gets to see. */
struct gnss_out {
	FILE *out;
	struct gnss_fix fix; /* the latest of the receiver */
	bool has_fix;
	struct gnss_sat sat[GNSS_SATS_MAX]; /* of one moment */
	size_t n_sats;
	vtime sats_t;
	size_t points;
	void (*on_fix)(struct gnss_out *o, const struct gnss_fix *f,
		       const char *provider, vtime t);
	void (*on_sats)(struct gnss_out *o); /* or NULL */
	void (*on_text)(struct gnss_out *o, const char *key, const char *text);
};

static void flush_sats(struct gnss_out *o)
{
	if (o->n_sats > 0 && o->on_sats) {
		o->on_sats(o);
	}
	o->n_sats = 0;
}

static void one_record(struct gnss_out *o, const struct rec_record *rec)
{
	struct gnss_sat s = { 0 };
	struct gnss_fix f;
	double v[4];

	if (!strncmp(rec->key, "sat/", 4)) {
		if (o->n_sats > 0 && o->sats_t != rec->t) {
			flush_sats(o);
		}
		if (gnss_sat_parse(rec->key + 4, &s) &&
		    numbers(rec->text, v, 4) == 4 &&
		    o->n_sats < GNSS_SATS_MAX) {
			s.azimuth_deg = v[0];
			s.elevation_deg = v[1];
			s.cn0_dbhz = v[2];
			s.used = v[3] == 1;
			o->sat[o->n_sats++] = s;
			o->sats_t = rec->t;
		}
		return;
	}
	flush_sats(o);
	if (!strncmp(rec->key, "fix/", 4)) {
		if (numbers(rec->text, f.v, GNSS_FIX_N) == GNSS_FIX_N) {
			o->on_fix(o, &f, rec->key + 4, rec->t);
		}
	} else if (o->on_text && !strncmp(rec->key, "raw", 3)) {
		o->on_text(o, rec->key, rec->text);
	}
}

static int each(struct rec_reader *r, const struct rec_filter *f,
		struct gnss_out *o, struct av_err *err)
{
	struct rec_filter gnss = *f;
	struct rec_record rec;
	int ret;

	gnss.channels = 1u << REC_GNSS;
	gnss.signals = false;
	gnss.text = true;
	ret = rec_seek(r, &gnss, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		one_record(o, &rec);
		ret = 0;
	}
	flush_sats(o);
	return ret;
}

/* ---- NMEA ---- */

static bool of_receiver(const char *provider)
{
	return !strcmp(provider, "GPS");
}

static void nmea_fix(struct gnss_out *o, const struct gnss_fix *f,
		     const char *provider, vtime t)
{
	char buf[GNSS_NMEA_FIX_MAX];

	(void)t;
	if (of_receiver(provider)) {
		o->fix = *f;
		o->has_fix = true;
		fwrite(buf, 1, gnss_nmea_fix(f, buf), o->out);
	}
}

static void nmea_sats(struct gnss_out *o)
{
	char buf[GNSS_NMEA_SATS_MAX];

	fwrite(buf, 1,
	       gnss_nmea_sats(o->has_fix ? &o->fix : NULL, o->sat, o->n_sats,
			      buf),
	       o->out);
}

int export_nmea_run(struct rec_reader *r, const struct rec_filter *f,
		    FILE *out, struct av_err *err)
{
	struct gnss_out o = { .out = out,
			      .on_fix = nmea_fix,
			      .on_sats = nmea_sats };

	return each(r, f, &o, err);
}

/* ---- GPX ---- */

static void element(FILE *out, const char *name, double v)
{
	char num[AV_NUM_TEXT_MAX];

	if (isfinite(v)) {
		av_num_text(v, num);
		fprintf(out, "<%s>%s</%s>", name, num, name);
	}
}

static void gpx_fix(struct gnss_out *o, const struct gnss_fix *f,
		    const char *provider, vtime t)
{
	char lat[AV_NUM_TEXT_MAX], lon[AV_NUM_TEXT_MAX], when[AV_ISO_MAX];

	(void)t;
	if (!of_receiver(provider)) {
		return;
	}
	if (f->mode < 2) {
		/* a new segment behind the gap */
		if (o->points > 0) {
			fputs("  </trkseg>\n  <trkseg>\n", o->out);
			o->points = 0;
		}
		return;
	}
	av_num_text(f->lat_deg, lat);
	av_num_text(f->lon_deg, lon);
	av_iso_format((int64_t)f->unix_ms, when);
	fprintf(o->out, "   <trkpt lat=\"%s\" lon=\"%s\">", lat, lon);
	element(o->out, "ele",
		f->alt_m - (isnan(f->geoid_m) ? 0 : f->geoid_m));
	fprintf(o->out, "<time>%s</time>", when);
	element(o->out, "geoidheight", f->geoid_m);
	element(o->out, "sat", f->n_used);
	element(o->out, "hdop", f->hdop);
	element(o->out, "vdop", f->vdop);
	element(o->out, "pdop", f->pdop);
	fputs("</trkpt>\n", o->out);
	o->points++;
}

int export_gpx_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err)
{
	struct gnss_out o = { .out = out, .on_fix = gpx_fix };
	int ret;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<gpx version=\"1.1\" creator=\"avsim\" "
	      "xmlns=\"http://www.topografix.com/GPX/1/1\">\n"
	      " <trk>\n  <trkseg>\n",
	      out);
	ret = each(r, f, &o, err);
	fputs("  </trkseg>\n </trk>\n</gpx>\n", out);
	return ret;
}

/* ---- KML ---- */

static void kml_when(struct gnss_out *o, const struct gnss_fix *f,
		     const char *provider, vtime t)
{
	char when[AV_ISO_MAX];

	(void)t;
	if (of_receiver(provider) && f->mode >= 2) {
		av_iso_format((int64_t)f->unix_ms, when);
		fprintf(o->out, "    <when>%s</when>\n", when);
	}
}

static void kml_coord(struct gnss_out *o, const struct gnss_fix *f,
		      const char *provider, vtime t)
{
	char lat[AV_NUM_TEXT_MAX], lon[AV_NUM_TEXT_MAX], alt[AV_NUM_TEXT_MAX];

	(void)t;
	if (of_receiver(provider) && f->mode >= 2) {
		av_num_text(f->lat_deg, lat);
		av_num_text(f->lon_deg, lon);
		av_num_text(isnan(f->alt_m) ? 0 : f->alt_m, alt);
		fprintf(o->out, "    <gx:coord>%s %s %s</gx:coord>\n", lon,
			lat, alt);
	}
}

/* A track has all its times first, then all its places: two passes. */
int export_kml_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err)
{
	struct gnss_out o = { .out = out, .on_fix = kml_when };
	int ret;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<kml xmlns=\"http://www.opengis.net/kml/2.2\" "
	      "xmlns:gx=\"http://www.google.com/kml/ext/2.2\">\n"
	      " <Document>\n  <Placemark>\n   <gx:Track>\n"
	      "    <altitudeMode>absolute</altitudeMode>\n",
	      out);
	ret = each(r, f, &o, err);
	if (ret == 0) {
		o.on_fix = kml_coord;
		ret = each(r, f, &o, err);
	}
	fputs("   </gx:Track>\n  </Placemark>\n </Document>\n</kml>\n", out);
	return ret;
}

/* ---- GnssLogger ---- */

static void logger_fix(struct gnss_out *o, const struct gnss_fix *f,
		       const char *provider, vtime t)
{
	char line[GNSS_FIX_LINE_MAX];

	if (of_receiver(provider)) {
		o->fix = *f;
		o->has_fix = true;
	}
	if (f->mode >= 2) {
		gnss_fix_line(f, provider, t, line);
		fprintf(o->out, "%s\n", line);
	}
}

static void logger_sats(struct gnss_out *o)
{
	for (size_t i = 0; i < o->n_sats; i++) {
		const struct gnss_sat *s = &o->sat[i];
		char cn0[AV_NUM_TEXT_MAX] = "";

		if (!isnan(s->cn0_dbhz)) {
			av_num_text(s->cn0_dbhz, cn0);
		}
		fprintf(o->out, "Status,%.0f,%zu,%zu,%u,%u,,%s,%g,%g,%d,1,1,\n",
			o->has_fix ? o->fix.unix_ms : 0, o->n_sats, i,
			s->system, s->svid, cn0, s->azimuth_deg,
			s->elevation_deg, s->used);
	}
}

static void logger_text(struct gnss_out *o, const char *key, const char *text)
{
	fprintf(o->out, "%s%s\n", strcmp(key, "raw") ? "# " : "", text);
}

int export_gnsslogger_run(struct rec_reader *r, const struct rec_filter *f,
			  FILE *out, struct av_err *err)
{
	struct gnss_out o = { .out = out,
			      .on_fix = logger_fix,
			      .on_sats = logger_sats,
			      .on_text = logger_text };

	fprintf(out, "# \n# Header Description:\n# \n# Version: v3.0.6.4 "
		     "Platform: avsim\n# \n# %s\n# \n# %s\n# \n# %s\n# \n",
		gnss_raw_header, gnss_fix_header, gnss_status_header);
	return each(r, f, &o, err);
}
