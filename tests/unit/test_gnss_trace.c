/* SPDX-License-Identifier: Apache-2.0 */
/* Files of positions, and the receiver in a world. */
#include "config.h"

#include "sim/gnss/trace.h"
#include "tests/unit/scenario_world.h"

#include <errno.h>

struct file {
	struct gnss_trace *t;
	struct av_diags notes, d;
	int ret;
};

static void read_text(struct file *f, const char *name, const char *text,
		      size_t len)
{
	memset(f, 0, sizeof(*f));
	f->ret = gnss_trace_parse(name, text, len, &f->t, &f->notes, &f->d);
}

static void close_file(struct file *f)
{
	gnss_trace_destroy(f->t);
	av_diags_finish(&f->notes);
	av_diags_finish(&f->d);
}

#define READ(f, text) read_text(f, "t", text, sizeof(text) - 1)

static bool says(const struct av_diags *d, const char *text)
{
	for (size_t i = 0; i < d->n; i++) {
		char line[700];

		snprintf(line, sizeof(line), "%u:%u: %s", d->v[i].line,
			 d->v[i].col, d->v[i].msg);
		if (strstr(line, text)) {
			return true;
		}
	}
	for (size_t i = 0; i < d->n; i++) {
		printf("has %u:%u: %s\n", d->v[i].line, d->v[i].col,
		       d->v[i].msg);
	}
	return false;
}

static bool read_shared(struct file *f, const char *rel)
{
	char path[4096], *data;
	struct av_err err;
	size_t len;

	if (!shared_path(rel, path)) {
		return false;
	}
	CHECK_EQ(av_read_file(path, 1u << 28, &data, &len, &err), 0);
	read_text(f, rel, data, len);
	free(data);
	if (f->ret < 0) {
		av_diags_print(&f->d, stdout);
	}
	return true;
}

/* ---- NMEA ---- */

TEST(nmea_epochs_are_sentences_of_the_same_time)
{
	struct file f;

	READ(&f, "$GPGGA,093012.50,1230.5,S,00700.25,E,1,07,1.1,10.5,M,40.0,M,,"
		 "*7F\r\n"
		 "$GPRMC,093012.50,A,1230.5,S,00700.25,E,10.0,90.0,040526,,,A"
		 "\r\n"
		 "$GPGSV,1,1,02,05,45,120,44,71,10,300,31\r\n"
		 "$GPGSA,A,3,05,,,,,,,,,,,,2.0,1.1,1.6\r\n"
		 "$GPRMC,093013.50,A,1230.6,S,00700.25,E,10.0,90.0,040526,,,A"
		 "\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 2);
	CHECK_EQ(f.t->n, 3);
	CHECK_EQ(f.t->skipped, 0);
	CHECK_EQ(f.t->item[0].unix_ns, INT64_C(1777887012500) * VT_MS);
	CHECK_NEAR(f.t->fix[0].lat_deg, -(12 + 30.5 / 60), 0);
	CHECK_NEAR(f.t->fix[0].lon_deg, 7 + 0.25 / 60, 0);
	CHECK_NEAR(f.t->fix[0].alt_m, 50.5, 1e-12);
	CHECK_NEAR(f.t->fix[0].geoid_m, 40, 0);
	CHECK_NEAR(f.t->fix[0].speed_mps, 5.14444444, 1e-6);
	CHECK_NEAR(f.t->fix[0].vdop, 1.6, 0);
	CHECK_EQ(f.t->item[1].kind, GNSS_SATS);
	CHECK_EQ(f.t->item[1].n, 2);
	CHECK(f.t->sat[0].used && !f.t->sat[1].used);
	CHECK_EQ(f.t->sat[1].system, GNSS_GLONASS);
	CHECK_EQ(f.t->sat[1].svid, 7);
	close_file(&f);
}

TEST(nmea_wrong_checksums_are_left_out_with_a_note)
{
	struct file f;

	READ(&f, "$GPRMC,093012.50,A,1230.5,S,00700.25,E,10.0,90.0,040526,,,A"
		 "\n"
		 "$GPRMC,093013.50,A,1230.6,S,00700.25,E,10.0,90.0,040526,,,A"
		 "*00\n"
		 "$GGPGSV,1,1,02,05,45,120,44*65\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 1);
	CHECK_EQ(f.t->skipped, 2);
	CHECK(says(&f.notes, "2:60: wrong checksum of $GPRMC: *00"));
	CHECK(says(&f.notes, "3:28: wrong checksum of $GGPGS"));
	close_file(&f);
}

TEST(nmea_bad_fields_are_left_out_with_their_column)
{
	struct file f;

	READ(&f, "$GPRMC,093012.50,A,1230.5,S,00700.25,E,x,90.0,040526,,,A\n"
		 "$GPRMC,093012.50,A,1230.5,S,00760.25,E,1,90.0,040526,,,A\n"
		 "$GPRMC,093x12.50,A,1230.5,S,00700.25,E,1,90.0,040526,,,A\n"
		 "$GPRMC,093012.50,A\n"
		 "rubbish\n"
		 "$GPRMC,093014.50,A,1230.5,S,00700.25,E,1,90.0,040526,,,A\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->skipped, 5);
	CHECK_EQ(f.t->n_fixes, 1); /* what is left out is no outage either */
	CHECK(says(&f.notes, "1:40: 'x' is no number"));
	CHECK(says(&f.notes, "2:29: '00760.25' is no latitude or longitude"));
	CHECK(says(&f.notes, "3:8: '093x12.50' is no time"));
	CHECK(says(&f.notes, "4:1: RMC with 2 fields, want 9"));
	CHECK(says(&f.notes, "5:1: no NMEA sentence"));
	close_file(&f);
}

TEST(nmea_midnight_begins_the_next_day)
{
	struct file f;

	READ(&f, "$GPRMC,235959.00,A,1230.5,S,00700.25,E,1,90.0,040526,,,A\n"
		 "$GPGGA,000000.00,1230.5,S,00700.25,E,1,07,1.1,10.5,M,40.0,M,,"
		 "\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->item[1].unix_ns - f.t->item[0].unix_ns, VT_S);
	close_file(&f);
}

TEST(nmea_without_a_fix_keeps_its_time)
{
	struct file f;

	READ(&f, "$GPRMC,093012.50,V,,,,,,,040526,,,N\n"
		 "$GPRMC,093013.50,A,1230.5,S,00700.25,E,1,,040526,,,A\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 2);
	CHECK(f.t->fix[0].mode == 0 && isnan(f.t->fix[0].lat_deg));
	CHECK(f.t->fix[1].mode == 2);
	close_file(&f);
}

TEST(nmea_real_drives)
{
	struct file f;

	if (!read_shared(&f, "gnss/MTV.Local1.ublox-F9K.20200206.nmea")) {
		SKIP("no shared data");
	}
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 1654); /* one second has only a GLL */
	CHECK_EQ(f.t->skipped, 13);
	CHECK_EQ(f.t->item[f.t->n - 1].unix_ns - f.t->item[0].unix_ns,
		 1727 * VT_S);
	close_file(&f);

	/* truth of that drive: no date, since every RMC is wrong */
	CHECK(read_shared(&f, "gnss/MTV.Local1.SPAN-groundtruth.20200206.gga"));
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 1748);
	CHECK_EQ(f.t->skipped, 1748);
	CHECK(says(&f.notes, "3:0: no date yet"));
	CHECK_EQ(f.t->item[0].unix_ns / VT_S, 2 * 3600 + 13 * 60 + 31);
	close_file(&f);

	CHECK(read_shared(&f, "gnss/gpsd/haicom-305N.log"));
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
	CHECK(read_shared(&f, "gnss/gpsd/ublox-neo-m9n-nmea.log"));
	CHECK_EQ(f.t->n_fixes, 61);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
	/* binary, with 14 sentences that tell no place */
	CHECK(read_shared(&f, "gnss/gpsd/ublox-neo-m8l.log"));
	CHECK_EQ(f.ret, -EINVAL);
	CHECK(says(&f.d, "14 of other kinds"));
	close_file(&f);
}

/* ---- GnssLogger ---- */

#define OLD_HEADER                                                             \
	"# Raw,ElapsedRealtimeMillis,TimeNanos,LeapSecond,FullBiasNanos,"      \
	"BiasNanos, Svid\n"                                                    \
	"# \n# Fix,Provider,Latitude,Longitude,Altitude,Speed,Accuracy,"       \
	"(UTC)TimeInMs\n"

TEST(gnsslogger_columns_by_name_old_and_new)
{
	struct file f;

	READ(&f, OLD_HEADER
	     "Fix,gps,37.5,-122,-33.0,1.5,3,1467321969000\n"
	     "Raw,1,72076939000000,,-1151285108458178048,0.0,2\n"
	     "Raw,2,72076939000000,,-1151285108458178048,0.0,3\n"
	     "Raw,3,72077939000000,,-1151285108458178048,0.0,2\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 1);
	CHECK_EQ(f.t->n_epochs, 2);
	CHECK_EQ(f.t->n_rows, 3);
	/* 17 leap seconds in June 2016; the raw epoch comes first */
	CHECK_EQ(f.t->item[0].kind, GNSS_RAW);
	CHECK_EQ(f.t->item[0].unix_ns, INT64_C(1467321968397178048));
	CHECK_STR(f.t->text + f.t->item[0].text,
		  "Raw,1,72076939000000,,-1151285108458178048,0.0,2\n"
		  "Raw,2,72076939000000,,-1151285108458178048,0.0,3");
	CHECK_STR(f.t->header[0],
		  "Raw,ElapsedRealtimeMillis,TimeNanos,LeapSecond,"
		  "FullBiasNanos,BiasNanos, Svid");
	CHECK_STR(f.t->item[1].provider, "GPS");
	CHECK_NEAR(f.t->fix[0].h_acc_m, 3, 0);
	CHECK(isnan(f.t->fix[0].bearing_deg));
	close_file(&f);
}

TEST(gnsslogger_rows_that_make_no_sense_are_left_out)
{
	struct file f;

	READ(&f, "# Fix,Provider,LatitudeDegrees,LongitudeDegrees,"
		 "AltitudeMeters,UnixTimeMillis\n"
		 "Fix,GPS,1,2,3,1000\n"
		 "Fix,GPS,1,2x,3,1000\n"
		 "Fix,GPS,91,2,3,1000\n"
		 "Fix,GPS,1,2,3,\n"
		 "Raw,1,2\n"
		 "Fux,1\n"
		 "Nav,1,2,3\n"
		 "Fix,NLP,1,2,,2000\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 2);
	CHECK_EQ(f.t->skipped, 5);
	CHECK_EQ(f.t->other, 1);
	CHECK(says(&f.notes, "3:11: '2x' is no number"));
	CHECK(says(&f.notes, "4:1: no latitude and longitude"));
	CHECK(says(&f.notes, "5:1: no time"));
	CHECK(says(&f.notes, "6:1: a Raw row before"));
	CHECK(says(&f.notes, "7:1: 'Fux' is no kind of row"));
	CHECK_EQ(f.t->fix[1].mode, 2);
	close_file(&f);
}

TEST(gnsslogger_real_logs)
{
	struct file f;

	if (!read_shared(&f,
			 "gnss/pseudoranges_log_2016_06_30_21_26_07.txt")) {
		SKIP("no shared data");
	}
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 216);
	CHECK_EQ(f.t->n_rows, 1379);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
	CHECK(read_shared(&f, "gnss/pixel7_gnss_log_v3064.txt"));
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 243);
	CHECK_EQ(f.t->n_rows, 930);
	CHECK_EQ(f.t->n_epochs, 31);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
}

/* ---- GPX, KML ---- */

TEST(gpx_track_points_with_times)
{
	struct file f;

	READ(&f, "<?xml version=\"1.0\"?>\n<gpx version=\"1.0\">"
		 "<wpt lat=\"1\" lon=\"2\"><time>2020-01-01T00:00:00Z</time>"
		 "</wpt>\n<trk><trkseg>\n"
		 "<trkpt lat=\"45\" lon=\"14\"><ele>10.5</ele>"
		 "<time>2020-01-01T00:00:00Z</time></trkpt>\n"
		 "<trkpt lat=\"45\" lon=\"14\"/>\n"
		 "<trkpt lat=\"x\" lon=\"14\"/>\n"
		 "<trkpt lat=\"45.001\" lon=\"14\"><time> 2020-01-01T00:00:10Z "
		 "</time></trkpt>\n"
		 "<trkpt lat=\"45.001\" lon=\"14\"><time>yesterday</time>"
		 "</trkpt>\n"
		 "</trkseg></trk></gpx>\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 2);
	CHECK_EQ(f.t->skipped, 3);
	CHECK(says(&f.notes, "a track point without a time"));
	CHECK(says(&f.notes, "a track point wants lat and lon"));
	CHECK(says(&f.notes, "'yesterday' is no time"));
	CHECK_EQ(f.notes.v[0].line, 5);
	CHECK_NEAR(f.t->fix[0].alt_m, 10.5, 0);
	CHECK_NEAR(f.t->fix[0].speed_mps, 11.12, 0.01);
	CHECK_NEAR(f.t->fix[0].bearing_deg, 0, 1e-9);
	CHECK_EQ(f.t->fix[1].mode, 2);
	close_file(&f);
}

TEST(xml_that_is_broken_or_has_a_document_type_is_refused)
{
	struct file f;

	READ(&f, "<gpx><trk><trkseg>\n<trkpt lat=\"1\" lon=\"2\"></trk>");
	CHECK_EQ(f.ret, -EINVAL);
	CHECK_EQ(f.d.n, 1);
	CHECK_EQ(f.d.v[0].line, 2);
	close_file(&f);
	READ(&f, "<!DOCTYPE gpx [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n"
		 "<gpx><trk/>&x;</gpx>");
	CHECK_EQ(f.ret, -EINVAL);
	CHECK(says(&f.d, "document type"));
	close_file(&f);
}

TEST(kml_pairs_of_times_and_places)
{
	struct file f;

	READ(&f, "<kml xmlns:gx=\"x\"><Placemark><TimeStamp><when>"
		 "2014-05-25T18:00:00Z</when></TimeStamp></Placemark>\n"
		 "<gx:Track><when>2014-05-25T18:30:59Z</when>\n"
		 "<when>2014-05-25T18:31:00Z</when><when>soon</when>\n"
		 "<gx:coord>-97 33 250.5</gx:coord><gx:coord>-97 33.0001"
		 "</gx:coord>\n<gx:coord>bad 3</gx:coord>"
		 "<gx:coord>1 2 3</gx:coord></gx:Track></kml>");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 2);
	CHECK(says(&f.notes, "'soon' is no time"));
	CHECK(says(&f.notes, "'bad 3' is no 'longitude latitude altitude'"));
	CHECK(says(&f.notes, "3 times and 4 places"));
	CHECK_NEAR(f.t->fix[0].alt_m, 250.5, 0);
	CHECK_EQ(f.t->fix[1].mode, 2);
	close_file(&f);
}

TEST(xml_real_tracks)
{
	struct file f;

	if (!read_shared(&f, "gnss/around-visnjan-with-car.gpx")) {
		SKIP("no shared data");
	}
	CHECK_EQ(f.t->n_fixes, 104);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
	CHECK(read_shared(&f, "gnss/cerknicko-jezero.gpx"));
	CHECK_EQ(f.t->n_fixes, 296);
	close_file(&f);
	CHECK(read_shared(&f, "gnss/google_ext.kml"));
	CHECK_EQ(f.t->n_fixes, 451);
	CHECK_EQ(f.t->skipped, 0);
	close_file(&f);
}

/* ---- CSV ---- */

TEST(csv_columns_by_name_places_either_way)
{
	struct file f;

	READ(&f, "unix_time_s,ecef_x_m,ecef_y_m,ecef_z_m,ecef_vx_mps,"
		 "ecef_vy_mps,ecef_vz_mps\n"
		 "10.5,6378137,0,0,5,3,4\n"
		 "11.5,6378137,0,zero,0,3,4\n");
	CHECK_EQ(f.ret, 0);
	CHECK_EQ(f.t->n_fixes, 1);
	CHECK_NEAR(f.t->fix[0].lat_deg, 0, 1e-9);
	CHECK_NEAR(f.t->fix[0].alt_m, 0, 1e-6);
	CHECK_NEAR(f.t->fix[0].speed_mps, 5, 1e-9);
	CHECK_NEAR(f.t->fix[0].bearing_deg, 36.87, 0.01);
	CHECK(says(&f.notes, "3:16: ecef_z_m: 'zero' is no number"));
	close_file(&f);
	READ(&f, "a,b\n1,2\n");
	CHECK_EQ(f.ret, -EINVAL);
	close_file(&f);
}

/* Receiver and reference of one drive agree, on one clock. */
TEST(csv_rav4_fixes_are_where_the_reference_was_at_their_time)
{
	struct file fix, pose;
	size_t k = 0, n = 0;
	double worst = 0;

	if (!read_shared(&fix, "gnss/rav4_gnss_ublox_10hz.csv")) {
		SKIP("no shared data");
	}
	CHECK(read_shared(&pose, "gnss/rav4_pose_20hz.csv"));
	CHECK_EQ(fix.t->n_fixes, 579);
	CHECK_EQ(pose.t->n_fixes, 1200);
	for (size_t i = 0; i < fix.t->n_fixes; i++) {
		const struct gnss_fix *a = &fix.t->fix[i], *b;
		double dt, north;

		/* it came in 0.18 to 0.24 s after its own time */
		dt = (double)fix.t->item[i].unix_ns / 1e6 - a->unix_ms;
		CHECK(dt > 80 && dt < 350);
		while (k + 1 < pose.t->n_fixes &&
		       pose.t->fix[k + 1].unix_ms <= a->unix_ms) {
			k++;
		}
		b = &pose.t->fix[k];
		dt = (a->unix_ms - b->unix_ms) / 1000;
		if (dt < 0 || dt > 0.06) {
			continue;
		}
		north = (a->lat_deg - b->lat_deg) * 111195 -
			b->speed_mps *
				cos(b->bearing_deg * 0.01745329252) * dt;
		worst = fmax(worst, fabs(north));
		n++;
	}
	CHECK(n > 500);
	CHECK(worst < 5);
	close_file(&fix);
	close_file(&pose);
}

TEST(resample_is_steady_and_leaves_gaps)
{
	struct file f;

	READ(&f, "unix_time_s,latitude_deg,longitude_deg\n"
		 "0,10,179.9\n2,10.2,-179.9\n200,11,0\n");
	CHECK_EQ(gnss_trace_resample(f.t, 5), 0);
	CHECK_EQ(f.t->n_fixes, 12);
	CHECK_EQ(f.t->item[5].unix_ns, VT_S);
	CHECK_NEAR(f.t->fix[5].lat_deg, 10.1, 1e-12);
	CHECK_NEAR(fabs(f.t->fix[5].lon_deg), 180, 1e-9);
	CHECK_EQ(f.t->item[11].unix_ns, 200 * VT_S);
	close_file(&f);
}

/* ---- in a world ---- */

struct seen {
	struct run r;
	struct gnss_fix fix[4096];
	vtime t[4096];
	size_t n, sats, used, raws;
	double cn0;
};

static void on_gnss(void *ctx, const void *msg)
{
	const struct gnss_event *e = msg;
	struct seen *x = ctx;

	if (e->kind == GNSS_FIX && x->n < 4096) {
		x->t[x->n] = e->t;
		x->fix[x->n++] = *e->fix;
	} else if (e->kind == GNSS_SATS) {
		x->sats = e->n_sats;
		x->used = 0;
		x->cn0 = 0;
		for (size_t i = 0; i < e->n_sats; i++) {
			x->used += e->sat[i].used;
			x->cn0 += e->sat[i].used ? e->sat[i].cn0_dbhz : 0;
		}
		x->cn0 /= (double)(x->used ? x->used : 1);
	} else if (e->kind == GNSS_RAW) {
		x->raws++;
	}
}

static struct seen *begin(const char *yaml)
{
	struct seen *x = calloc(1, sizeof(*x));
	struct av_err err;

	CHECK(x);
	run_begin(&x->r, yaml);
	CHECK_EQ(bus_subscribe(x->r.w->bus, TOPIC_GNSS, STAGE_TAP, "test",
			       on_gnss, x, &err),
		 0);
	return x;
}

static void end(struct seen *x)
{
	run_finish(&x->r);
	free(x);
}

#define HEAD                                                                   \
	"duration: 30s\nstart: { lat: 48, lon: 11, alt: 500 m, speed: 0, "     \
	"ignition: on, gear: P, heading: 90 deg, date: 2026-05-04T09:30:00Z }\n"

/* East and north of the start. */
static double east_of(const struct gnss_fix *f)
{
	return (f->lon_deg - 11) * 111195 * cos(48 * 0.01745329252);
}

static double north_of(const struct gnss_fix *f)
{
	return (f->lat_deg - 48) * 111195;
}

TEST(gnss_follows_the_vehicle_at_the_wanted_rate)
{
	struct seen *x = begin(HEAD "gnss: { rate: 10 Hz }\n"
				    "timeline:\n"
				    "  - at: 0s\n    do: [ { gear: D }, { speed: 30 km/h } ]\n");
	const struct gnss_fix *f;

	world_run_until(x->r.w, 20 * VT_S);
	CHECK_EQ(x->n, 200); /* the one of time 0 came before the tap */
	CHECK_EQ(x->t[9] - x->t[8], VT_S / 10);
	CHECK_EQ(x->raws, 20);
	f = &x->fix[x->n - 1];
	CHECK_NEAR(f->unix_ms, 1777887020000.0, 0);
	CHECK_NEAR(east_of(f), x->r.w->state.v[VV_pos_x], 4 * f->h_acc_m + 1);
	CHECK_NEAR(north_of(f), 0, 4 * f->h_acc_m);
	CHECK_NEAR(f->speed_mps, x->r.w->state.v[VV_speed], 0.3);
	CHECK_NEAR(f->bearing_deg, 90, 3);
	CHECK(f->speed_mps > 3);
	end(x);
}

TEST(gnss_outage_and_tunnel_take_the_fix_away)
{
	struct seen *x = begin(HEAD "faults:\n"
				    "  - {at: 5s, for: 5s, fault: gnss-outage}\n"
				    "  - {at: 15s, for: 5s, fault: "
				    "gnss-tunnel}\n");

	world_run_until(x->r.w, 6 * VT_S);
	CHECK_EQ(x->used, 0);
	CHECK(x->sats > 12);
	world_run_until(x->r.w, 30 * VT_S);
	for (size_t i = 0; i < x->n; i++) {
		double t = vtime_to_s(x->t[i]);
		bool out = (t > 5 && t <= 10) || (t > 16.5 && t < 23);

		if (fabs(t - 16) < 0.6 || fabs(t - 5) < 0.1 ||
		    fabs(t - 10) < 0.1 || fabs(t - 23) < 0.1) {
			continue; /* fading; the very step */
		}
		CHECK(out == (x->fix[i].mode == 0));
		CHECK(out == isnan(x->fix[i].lat_deg));
	}
	end(x);
}

TEST(gnss_jump_drift_and_spoof_move_the_fix)
{
	struct seen *x = begin(
		HEAD "faults:\n"
		     "  - {at: 2s, for: 3s, fault: gnss-jump, east: 50 m, up: "
		     "20 m}\n"
		     "  - {at: 10s, for: 5s, fault: gnss-drift, rate: 3.6 "
		     "km/h, bearing: 180 deg}\n"
		     "  - {at: 20s, for: 5s, fault: gnss-spoof, lat: -33.5, "
		     "lon: 151}\n");

	world_run_until(x->r.w, 30 * VT_S);
	CHECK_NEAR(east_of(&x->fix[0]), 0, 4);
	CHECK_NEAR(east_of(&x->fix[3]), 50, 4);
	CHECK_NEAR(x->fix[3].alt_m, 520.5, 8);
	CHECK_NEAR(east_of(&x->fix[7]), 0, 4);
	CHECK_NEAR(north_of(&x->fix[13]), -4, 4);
	CHECK_NEAR(north_of(&x->fix[17]), 0, 4);
	CHECK_NEAR(x->fix[22].lat_deg, -33.5, 1e-4);
	CHECK_NEAR(x->fix[22].lon_deg, 151, 1e-4);
	CHECK_NEAR(east_of(&x->fix[27]), 0, 4);
	end(x);
}

TEST(gnss_weak_and_multipath_cost_accuracy)
{
	struct seen *x = begin(
		HEAD "faults:\n"
		     "  - {at: 5s, for: 5s, fault: gnss-weak, by: 12}\n"
		     "  - {at: 15s, for: 5s, fault: gnss-multipath}\n");
	double cn0;

	world_run_until(x->r.w, 4 * VT_S);
	cn0 = x->cn0;
	world_run_until(x->r.w, 8 * VT_S);
	CHECK_NEAR(x->cn0, cn0 - 12, 4);
	world_run_until(x->r.w, 30 * VT_S);
	CHECK(x->fix[7].h_acc_m > 1.2 * x->fix[2].h_acc_m);
	CHECK(x->fix[17].h_acc_m > 1.2 * x->fix[2].h_acc_m);
	CHECK_NEAR(x->fix[27].h_acc_m, x->fix[2].h_acc_m, 0.2);
	end(x);
}

/* A file in the place of the vehicle's own receiver, from its first row on. */
TEST(gnss_trace_of_a_scenario_plays_from_time_zero)
{
	static const char csv[] = "unix_time_s,latitude_deg,longitude_deg\n"
				  "1000,1,2\n1000.25,1,2.5\n1003,1,3\n";
	struct seen *x = calloc(1, sizeof(*x));
	struct av_err err;

	CHECK(x);
	bundle_add(&x->r.in, BUNDLE_TRACE, "x.csv", "x.csv", csv,
		   sizeof(csv) - 1);
	run_add(&x->r, BUNDLE_VEHICLE, "vehicle.yaml", "vehicle.yaml");
	run_add(&x->r, BUNDLE_DBC, "can0", "bus.dbc");
	run_add(&x->r, BUNDLE_SIGNALS, "signals.yaml", "signals.yaml");
	run_add(&x->r, BUNDLE_VHAL, "vhal.json", "vhal.json");
	CHECK_EQ(run_try(&x->r, "duration: 5s\ngnss: { trace: x.csv }\n", NULL,
			 0),
		 0);
	CHECK_EQ(bus_subscribe(x->r.w->bus, TOPIC_GNSS, STAGE_TAP, "test",
			       on_gnss, x, &err),
		 0);
	CHECK_EQ(world_start(x->r.w, &err), 0);
	world_run_until(x->r.w, VT_NEVER);
	CHECK_EQ(x->n, 3);
	CHECK_EQ(x->t[0], 0);
	CHECK_EQ(x->t[1], VT_S / 4);
	CHECK_EQ(x->t[2], 3 * VT_S);
	CHECK_NEAR(x->fix[1].lon_deg, 2.5, 0);
	CHECK_NEAR(x->fix[1].unix_ms, 1000250, 0);
	CHECK(x->fix[1].hdop > 0.3); /* of the model: the file has none */
	CHECK(x->sats > 10);
	end(x);
}

TEST(gnss_rate_and_keys_of_a_scenario_are_checked)
{
	struct run r = { 0 };

	CHECK_EQ(run_try(&r, "duration: 1s\ngnss: { rate: 50 Hz, trce: x }\n",
			 NULL, 0),
		 -EINVAL);
	CHECK(run_says(&r, "did you mean 'trace'?"));
	CHECK(run_says(&r, "rate"));
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(
		T(nmea_epochs_are_sentences_of_the_same_time),
		T(nmea_wrong_checksums_are_left_out_with_a_note),
		T(nmea_bad_fields_are_left_out_with_their_column),
		T(nmea_midnight_begins_the_next_day),
		T(nmea_without_a_fix_keeps_its_time), T(nmea_real_drives),
		T(gnsslogger_columns_by_name_old_and_new),
		T(gnsslogger_rows_that_make_no_sense_are_left_out),
		T(gnsslogger_real_logs), T(gpx_track_points_with_times),
		T(xml_that_is_broken_or_has_a_document_type_is_refused),
		T(kml_pairs_of_times_and_places), T(xml_real_tracks),
		T(csv_columns_by_name_places_either_way),
		T(csv_rav4_fixes_are_where_the_reference_was_at_their_time),
		T(resample_is_steady_and_leaves_gaps),
		T(gnss_follows_the_vehicle_at_the_wanted_rate),
		T(gnss_outage_and_tunnel_take_the_fix_away),
		T(gnss_jump_drift_and_spoof_move_the_fix),
		T(gnss_weak_and_multipath_cost_accuracy),
		T(gnss_trace_of_a_scenario_plays_from_time_zero),
		T(gnss_rate_and_keys_of_a_scenario_are_checked));
}
