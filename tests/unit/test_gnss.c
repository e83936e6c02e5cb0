/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver: constellation, measurements, texts, the guest's protocol. */
#include "config.h"

#include "sim/core/date.h"
#include "sim/core/text.h"
#include "sim/core/wgs84.h"
#include "sim/gnss/serve.h"
#include "sim/gnss/sky.h"
#include "sim/gnss/text.h"
#include "sim/gnss/trace.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define MUNICH_LAT 48.1374
#define MUNICH_LON 11.5755

static struct sky_where munich(double t_s)
{
	return (struct sky_where){
		.seed = 7,
		.gps_ns = sky_gps_ns(INT64_C(1777887000) * VT_S +
				     vtime_from_s(t_s)),
		.t_s = t_s,
		.lat_deg = MUNICH_LAT,
		.lon_deg = MUNICH_LON,
		.alt_m = 520,
	};
}

/* ---- dates and places ---- */

TEST(date_days_and_civil_dates_are_inverse)
{
	int y, m, d;

	for (int64_t day = -1000; day < 84000; day += 7) {
		av_civil_from_days(day, &y, &m, &d);
		CHECK_EQ(av_days_from_civil(y, m, d), day);
	}
	CHECK_EQ(av_days_from_civil(2000, 2, 29), 11016);
	CHECK(av_civil_ok(2000, 2, 29) && !av_civil_ok(2001, 2, 29));
}

TEST(date_iso_text_with_zone_and_fraction)
{
	int64_t ns = 0;
	char buf[AV_ISO_MAX];

	CHECK_EQ(av_iso_parse("2020-12-18T06:15:50Z", 20, &ns), 0);
	CHECK_EQ(ns, INT64_C(1608272150) * VT_S);
	CHECK_EQ(av_iso_parse("2020-12-18T07:15:50.5+01:00", 27, &ns), 0);
	CHECK_EQ(ns, INT64_C(1608272150) * VT_S + VT_S / 2);
	av_iso_format(ns / VT_MS, buf);
	CHECK_STR(buf, "2020-12-18T06:15:50.500Z");
	CHECK_EQ(av_iso_parse("2020-13-18T06:15:50Z", 20, &ns), -EINVAL);
	CHECK_EQ(av_iso_parse("2020-12-18T06:15:50Zx", 21, &ns), -EINVAL);
	CHECK_EQ(av_iso_parse("2020-12-18", 10, &ns), -EINVAL);
}

TEST(date_leap_seconds_of_gps_time)
{
	CHECK_EQ(av_gps_leap(AV_GPS_EPOCH_S), 0);
	CHECK_EQ(av_gps_leap(1467321969), 17); /* June 2016 */
	CHECK_EQ(av_gps_leap(1483228799), 17);
	CHECK_EQ(av_gps_leap(1483228800), 18); /* 2017 */
}

TEST(wgs84_there_and_back)
{
	double e[3], lat, lon, h;

	for (double a = -89; a < 90; a += 17) {
		wgs84_to_ecef(a, a * 2, 1234.5, e);
		wgs84_from_ecef(e, &lat, &lon, &h);
		CHECK_NEAR(lat, a, 1e-10);
		CHECK_NEAR(lon, a * 2, 1e-10);
		CHECK_NEAR(h, 1234.5, 1e-6);
	}
	/* first rows of the reference pose of the RAV4 drive */
	wgs84_from_ecef((const double[]){ -2712087.5168089615,
					  -4261670.055956,
					  3881014.4539216976 },
			&lat, &lon, &h);
	CHECK_NEAR(lat, 37.72099, 1e-4);
	CHECK_NEAR(lon, -122.47230, 1e-4);
	wgs84_from_ecef((const double[]){ 0, 0, 6356752.314245 }, &lat, &lon,
			&h);
	CHECK_NEAR(lat, 90, 1e-12);
	CHECK_NEAR(h, 0, 1e-5);
}

/* ---- constellation ---- */

TEST(sky_orbits_keep_radius_and_velocity)
{
	double p[3], q[3], v[3], u[3];

	for (unsigned int i = 0; i < SKY_SATS; i += 5) {
		int64_t t = sky_gps_ns(INT64_C(1777887000) * VT_S);

		sky_orbit(i, t, p, v);
		sky_orbit(i, t + VT_S / 100, q, u);
		for (int k = 0; k < 3; k++) {
			/* the velocity is the derivative of the place */
			CHECK_NEAR((q[k] - p[k]) * 100, (v[k] + u[k]) / 2,
				   1e-4);
		}
		CHECK(sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) > 25e6);
	}
}

/* GPS satellites come back to the same place after a sidereal day. */
TEST(sky_orbits_repeat_after_a_sidereal_day)
{
	double p[3], q[3], v[3];
	int64_t t = sky_gps_ns(INT64_C(4000000000) * VT_S);

	sky_orbit(3, t, p, v);
	sky_orbit(3, t + INT64_C(86164090530833), q, v);
	for (int k = 0; k < 3; k++) {
		CHECK_NEAR(p[k], q[k], 0.01);
	}
}

TEST(sky_shows_a_plausible_number_of_satellites_everywhere)
{
	struct sky_epoch e;
	unsigned int worst = 99;

	for (int lat = -90; lat <= 90; lat += 30) {
		for (int h = 0; h < 24; h += 3) {
			struct sky_where w = munich(h * 3600);

			w.lat_deg = lat;
			sky_observe(&w, &e);
			CHECK(e.solved);
			CHECK(e.hdop > 0.3 && e.hdop < 2);
			CHECK_NEAR(e.pdop,
				   sqrt(e.hdop * e.hdop + e.vdop * e.vdop),
				   1e-9);
			worst = e.n_used < worst ? (unsigned int)e.n_used :
						   worst;
		}
	}
	CHECK(worst >= 12);
}

TEST(sky_same_question_same_answer)
{
	struct sky_where w = munich(12.5), other = munich(99);
	static struct sky_epoch a, b;

	sky_observe(&w, &a);
	sky_observe(&other, &b);
	sky_observe(&w, &b);
	CHECK(!memcmp(&a, &b, sizeof(a)));
	w.seed++;
	sky_observe(&w, &b);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
}

/* Errors are as large as the accuracy says, and no white noise. */
TEST(sky_errors_match_the_stated_accuracy)
{
	struct sky_epoch e;
	double sum = 0, acc = 0, up = 0, v_acc = 0, steps = 0, last = 0;
	int inside = 0, n = 2000;

	for (int i = 0; i < n; i++) {
		struct sky_where w = munich(i * 37);
		double r;

		sky_observe(&w, &e);
		r = sqrt(e.offset[0] * e.offset[0] +
			 e.offset[1] * e.offset[1]);
		inside += r <= e.h_acc_m;
		sum += r * r;
		acc += e.h_acc_m * e.h_acc_m;
		up += e.offset[2] * e.offset[2];
		v_acc += e.v_acc_m * e.v_acc_m;
	}
	CHECK_NEAR((double)inside / n, 0.68, 0.06);
	CHECK_NEAR(sqrt(up / v_acc), 1, 0.12);
	CHECK_NEAR(sqrt(sum / acc) * 1.07, 1, 0.12);
	for (int i = 0; i < 600; i++) {
		struct sky_where w = munich(i * 0.1);

		sky_observe(&w, &e);
		steps += i ? fabs(e.offset[0] - last) : 0;
		last = e.offset[0];
	}
	CHECK(steps / 599 < 0.1); /* m in 0.1 s */
}

TEST(sky_blocked_and_weak_skies_give_no_fix)
{
	struct sky_where w = munich(0);
	struct sky_epoch e;

	w.blocked = true;
	sky_observe(&w, &e);
	CHECK(!e.solved && e.n_used == 0 && e.n > 12);
	w = munich(0);
	w.weaker_db = 40;
	sky_observe(&w, &e);
	CHECK(!e.solved);
	w.weaker_db = 12;
	sky_observe(&w, &e);
	CHECK(e.solved && e.n_used < e.n && e.h_acc_m > 0.7);
}

/* ---- raw measurements: solve them as a stranger would ---- */

struct row {
	double pr_m, rate;
	int sat;
	int64_t sent_gps; /* when the signal left, ns */
};

static double field(const char *line, int n)
{
	double v = NAN;

	while (n-- > 0) {
		line = strchr(line, ',');
		CHECK(line);
		line++;
	}
	if (av_num_parse(line, strcspn(line, ","), &v) < 0) {
		return NAN;
	}
	return v;
}

static int64_t whole(const char *line, int n)
{
	while (n-- > 0) {
		line = strchr(line, ',') + 1;
	}
	return strtoll(line, NULL, 10);
}

static struct row read_row(const char *line)
{
	int64_t week = INT64_C(604800) * VT_S, day = INT64_C(86400) * VT_S;
	int64_t rx = whole(line, 2) - whole(line, 5), tx = whole(line, 14);
	int system = (int)whole(line, 28), leap = (int)whole(line, 3);
	double fraction = field(line, 12) - field(line, 6);
	int64_t path;
	struct row r;

	CHECK(!strncmp(line, "Raw,", 4));
	CHECK(whole(line, 36) > 0); /* the last column is there */
	if (system == GNSS_GLONASS) {
		path = ((rx + (3 * 3600 - leap) * VT_S) - tx) % day;
	} else {
		path = (rx - tx) % week;
	}
	path = path > day / 2 ? path - day : path;
	r.pr_m = ((double)path + fraction) * GNSS_LIGHT * 1e-9;
	r.sat = sky_index((enum gnss_system)system, (uint16_t)whole(line, 11));
	r.sent_gps = rx - path;
	r.rate = field(line, 17) - field(line, 8) * 1e-9 * GNSS_LIGHT;
	CHECK(r.sat >= 0);
	return r;
}

static void gauss(double m[4][5], double x[4])
{
	for (int i = 0; i < 4; i++) {
		int p = i;

		for (int k = i; k < 4; k++) {
			p = fabs(m[k][i]) > fabs(m[p][i]) ? k : p;
		}
		for (int k = 0; k < 5; k++) {
			double y = m[i][k];

			m[i][k] = m[p][k];
			m[p][k] = y;
		}
		for (int r = 0; r < 4; r++) {
			double f = r == i ? 0 : m[r][i] / m[i][i];

			for (int k = i; k < 5; k++) {
				m[r][k] -= f * m[i][k];
			}
		}
	}
	for (int i = 0; i < 4; i++) {
		x[i] = m[i][4] / m[i][i];
	}
}

/* Iterated, from a place some km off; weights as the rows say. */
static void solve(const char *const *line, size_t n, double pos[3],
		  double *clock_m, double vel[3])
{
	const double we = 7.2921158e-5;
	double dx[4];

	for (int round = 0; round < 8; round++) {
		double m[4][5] = { { 0 } }, mv[4][5] = { { 0 } };

		for (size_t i = 0; i < n; i++) {
			struct row r = read_row(line[i]);
			double p[3], v[3], s[3], d, h[4], t, w, wv, rho;

			sky_orbit((unsigned int)r.sat, r.sent_gps, p, v);
			d = r.pr_m / GNSS_LIGHT * we;
			s[0] = cos(d) * p[0] + sin(d) * p[1];
			s[1] = cos(d) * p[1] - sin(d) * p[0];
			s[2] = p[2];
			t = cos(d) * v[0] + sin(d) * v[1];
			v[1] = cos(d) * v[1] - sin(d) * v[0];
			v[0] = t;
			rho = 0;
			for (int k = 0; k < 3; k++) {
				rho += (s[k] - pos[k]) * (s[k] - pos[k]);
			}
			rho = sqrt(rho);
			for (int k = 0; k < 3; k++) {
				h[k] = (pos[k] - s[k]) / rho;
			}
			h[3] = 1;
			w = 1 / field(line[i], 15);
			wv = 1 / field(line[i], 18);
			t = 0;
			for (int k = 0; k < 3; k++) {
				t -= h[k] * v[k];
			}
			for (int a = 0; a < 4; a++) {
				for (int b = 0; b < 4; b++) {
					m[a][b] += h[a] * h[b] * w * w;
					mv[a][b] += h[a] * h[b] * wv * wv;
				}
				m[a][4] += h[a] * w * w *
					   (r.pr_m - rho - *clock_m);
				mv[a][4] += h[a] * wv * wv * (r.rate - t);
			}
		}
		gauss(m, dx);
		for (int k = 0; k < 3; k++) {
			pos[k] += dx[k];
		}
		*clock_m += dx[3];
		gauss(mv, dx);
		memcpy(vel, dx, 3 * sizeof(double));
	}
}

/*
 * Pseudoranges and rates of the rows give the fix again. Bounds: 0.5 m and
 * 0.02 m/s, since the rows state their uncertainty in whole ns and so weigh a
 * little differently.
 */
TEST(raw_measurements_solved_by_least_squares_give_the_fix)
{
	static char text[SKY_SATS][GNSS_RAW_LINE_MAX];
	const char *line[SKY_SATS];
	struct sky_epoch e;

	for (int i = 0; i < 20; i++) {
		double t_s = i * 613.25, pos[3], vel[3], clock_m = 0, enu[3][3];
		double lat, lon, h, east, north, fix_e[3], v[3];
		struct sky_where w = munich(t_s);
		size_t n = 0;

		w.vel[0] = 13;
		w.vel[1] = -7;
		sky_observe(&w, &e);
		for (size_t k = 0; k < e.n; k++) {
			if (e.s[k].used) {
				gnss_raw_line(&e, &e.s[k],
					      INT64_C(1777887000) * VT_S +
						      vtime_from_s(t_s),
					      vtime_from_s(t_s), text[n]);
				line[n] = text[n];
				n++;
			}
		}
		wgs84_to_ecef(48.2, 11.5, 0, pos);
		solve(line, n, pos, &clock_m, vel);
		wgs84_from_ecef(pos, &lat, &lon, &h);
		/* in metres from the true place, as the fix's error is */
		wgs84_enu(MUNICH_LAT, MUNICH_LON, enu);
		wgs84_to_ecef(MUNICH_LAT, MUNICH_LON, 520, fix_e);
		for (int k = 0; k < 3; k++) {
			v[k] = enu[k][0] * (pos[0] - fix_e[0]) +
			       enu[k][1] * (pos[1] - fix_e[1]) +
			       enu[k][2] * (pos[2] - fix_e[2]);
			CHECK_NEAR(v[k], e.offset[k], 0.5);
		}
		CHECK_NEAR(clock_m, 0, 0.5); /* the receiver solved it */
		east = enu[0][0] * vel[0] + enu[0][1] * vel[1] +
		       enu[0][2] * vel[2];
		north = enu[1][0] * vel[0] + enu[1][1] * vel[1] +
			enu[1][2] * vel[2];
		CHECK_NEAR(east, 13 + e.vel_offset[0], 0.02);
		CHECK_NEAR(north, -7 + e.vel_offset[1], 0.02);
	}
}

TEST(raw_header_has_the_columns_that_the_guest_wants_in_order)
{
	CHECK(!strncmp(gnss_raw_header, "Raw,utcTimeMillis,TimeNanos,", 28));
	CHECK_EQ(whole("a,1,2", 2), 2);
	const char *p = gnss_raw_header;
	int n = 1;

	for (; *p; p++) {
		n += *p == ',';
	}
	CHECK_EQ(n, 37);
	CHECK(strstr(gnss_raw_header, ",FullInterSignalBiasNanos,"));
	p = gnss_raw_header;
	for (int i = 0; i < 31; i++) {
		p = strchr(p, ',') + 1;
	}
	CHECK(!strncmp(p, "FullInterSignalBiasNanos,", 25));
}

/* ---- NMEA ---- */

static struct gnss_fix sample_fix(void)
{
	struct gnss_fix f;

	gnss_fix_init(&f);
	f.unix_ms = 1777887012345.0; /* 2026-05-04T09:30:12.345Z */
	f.lat_deg = -12.5;
	f.lon_deg = 7 + 1 / 60.0 / 1e7;
	f.alt_m = 520.25;
	f.geoid_m = 45.75;
	f.speed_mps = 10;
	f.bearing_deg = 359.999;
	f.hdop = 0.9;
	f.n_used = 9;
	return f;
}

TEST(nmea_sentences_of_a_fix)
{
	struct gnss_fix f = sample_fix();
	char buf[GNSS_NMEA_FIX_MAX];
	size_t n = gnss_nmea_fix(&f, buf);

	CHECK_EQ(n, strlen(buf));
	CHECK_STR(buf, "$GNRMC,093012.345,A,1230.0000000,S,00700.0000001,E,"
		       "19.438,0.00,040526,,,A,V*18\r\n"
		       "$GNVTG,0.00,T,,M,19.438,N,36.000,K,A*21\r\n"
		       "$GNGGA,093012.345,1230.0000000,S,00700.0000001,E,1,09,"
		       "0.90,474.500,M,45.750,M,,*63\r\n");
}

TEST(nmea_without_a_fix_says_so_and_gives_no_place)
{
	struct gnss_fix f = sample_fix();
	char buf[GNSS_NMEA_FIX_MAX];

	f.mode = 0;
	gnss_nmea_fix(&f, buf);
	CHECK(strstr(buf, "$GNRMC,093012.345,V,,,,,,,040526,,,N,V*"));
	CHECK(strstr(buf, "$GNGGA,093012.345,,,,,0,09,"));
}

TEST(nmea_sixty_minutes_never_appear)
{
	struct gnss_fix f = sample_fix();
	char buf[GNSS_NMEA_FIX_MAX];

	f.lat_deg = 47.9999999999999;
	gnss_nmea_fix(&f, buf);
	CHECK(strstr(buf, ",4800.0000000,N,"));
}

TEST(nmea_satellites_by_system)
{
	const struct gnss_sat s[] = {
		{ GNSS_GPS, true, 5, 120, 45, 44 },
		{ GNSS_GLONASS, true, 7, 300, 10, 31 },
		{ GNSS_GPS, false, 9, 10, 3, NAN },
		{ GNSS_SBAS, false, 133, 180, 30, 40 },
	};
	struct gnss_fix f = sample_fix();
	char buf[GNSS_NMEA_SATS_MAX];

	gnss_nmea_sats(&f, s, 4, buf);
	CHECK_STR(buf, "$GNGSA,A,3,05,,,,,,,,,,,,,0.90,,1*0D\r\n"
		       "$GNGSA,A,3,71,,,,,,,,,,,,,0.90,,2*0D\r\n"
		       "$GPGSV,1,1,03,05,45,120,44,09,03,010,,46,30,180,40,1*57"
		       "\r\n"
		       "$GLGSV,1,1,01,71,10,300,31,1*4F\r\n");
}

TEST(satellite_names_there_and_back)
{
	struct gnss_sat s = { 0 };
	char buf[8];

	CHECK_STR(gnss_sat_name(GNSS_GALILEO, 7, buf), "E07");
	CHECK(gnss_sat_parse("E07", &s));
	CHECK_EQ(s.system, GNSS_GALILEO);
	CHECK_EQ(s.svid, 7);
	CHECK(gnss_sat_parse("S133", &s) && s.svid == 133);
	CHECK(!gnss_sat_parse("", &s) && !gnss_sat_parse("Z01", &s) &&
	      !gnss_sat_parse("G", &s) && !gnss_sat_parse("G1x", &s));
}

TEST(fix_line_has_thirteen_columns_and_leaves_out_what_it_does_not_know)
{
	struct gnss_fix f = sample_fix();
	char buf[GNSS_FIX_LINE_MAX];

	gnss_fix_line(&f, "GPS", VT_S, buf);
	CHECK_STR(buf, "Fix,GPS,-12.5,7.000000001666667,520.25,10,4.5,359.999,"
		       "1777887012345,,,61000000000,");
}

/* ---- the guest's protocol ---- */

struct port {
	struct gnss_serve *s;
	vtime now;
	char out[65536];
	size_t n;
	unsigned int writes;
};

static void on_write(void *ctx, const void *buf, size_t len)
{
	struct port *p = ctx;

	CHECK(p->n + len < sizeof(p->out));
	memcpy(p->out + p->n, buf, len);
	p->n += len;
	p->out[p->n] = '\0';
	p->writes++;
}

static void open_port(struct port *p, enum gnss_port kind, vtime keep)
{
	struct gnss_serve_env env = { .clock = &p->now,
				      .port = kind,
				      .keep = keep,
				      .write = on_write,
				      .ctx = p };

	memset(p, 0, sizeof(*p));
	p->s = gnss_serve_create(&env);
	CHECK(p->s);
}

static const char *ask(struct port *p, const char *text)
{
	p->n = 0;
	p->out[0] = '\0';
	gnss_serve_feed(p->s, text, strlen(text));
	return p->out;
}

static void tell_fix(struct port *p, vtime t, double lat)
{
	struct gnss_fix f;
	struct gnss_event e = { .t = t,
				.kind = GNSS_FIX,
				.fix = &f,
				.provider = "GPS" };

	gnss_fix_init(&f);
	f.unix_ms = 1000;
	f.lat_deg = lat;
	f.lon_deg = 0;
	p->now = t;
	CHECK_EQ(gnss_serve_event(p->s, &e), 0);
}

static void tell_raw(struct port *p, vtime t, const char *rows)
{
	struct gnss_event e = { .t = t,
				.kind = GNSS_RAW,
				.rows = rows,
				.header = "Raw,a,b" };

	p->now = t;
	CHECK_EQ(gnss_serve_event(p->s, &e), 0);
}

#define LOC "CMD_GET_LOCATION"
#define RAW "CMD_GET_RAWMEASUREMENT"

TEST(serve_location_until_there_is_another)
{
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, 0);
	CHECK_STR(ask(&p, LOC), "\n\n\n\n");
	tell_fix(&p, VT_S, 1);
	CHECK_STR(ask(&p, LOC), "Fix,GPS,1,0,,,,,1000,,,61000000000,\n\n\n\n");
	CHECK_STR(ask(&p, LOC), "Fix,GPS,1,0,,,,,1000,,,61000000000,\n\n\n\n");
	tell_fix(&p, 2 * VT_S, 2);
	tell_fix(&p, 3 * VT_S, 3);
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,3,", 10));
	CHECK_EQ(p.writes, 4);
	gnss_serve_destroy(p.s);
}

TEST(serve_raw_epoch_once_with_its_header)
{
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, 0);
	tell_raw(&p, VT_S, "Raw,1,2\nRaw,3,4");
	CHECK_STR(ask(&p, RAW), "# Raw,a,b\nRaw,1,2\nRaw,3,4\n\n\n\n");
	CHECK_STR(ask(&p, RAW), "\n\n\n\n");
	gnss_serve_destroy(p.s);
}

TEST(serve_requests_in_pieces_together_and_between_rubbish)
{
	struct gnss_serve_stats st;
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, 0);
	tell_fix(&p, VT_S, 1);
	tell_raw(&p, VT_S, "Raw,1,2");
	CHECK_STR(ask(&p, "CMD_GET_"), "");
	CHECK(!strncmp(ask(&p, "LOCATION" RAW), "Fix,", 4));
	CHECK_EQ(p.writes, 2);
	CHECK(strstr(p.out, "\n\n\n\n# Raw,a,b\n"));
	p.writes = 0;
	ask(&p, "xCMD_GET_CMD_GET_LOCATION\n");
	CHECK_EQ(p.writes, 1);
	gnss_serve_stats(p.s, &st);
	CHECK_EQ(st.junk, 10);
	CHECK_EQ(st.locations, 2);
	/* half a request of one that left is not the beginning of another's */
	ask(&p, "CMD_GET_LOC");
	gnss_serve_reset(p.s);
	CHECK_STR(ask(&p, "ATION"), "");
	gnss_serve_destroy(p.s);
}

TEST(serve_cuttlefish_ports_keep_to_their_own_kind)
{
	struct port p;

	open_port(&p, GNSS_PORT_RAW, 0);
	tell_fix(&p, VT_S, 1);
	tell_raw(&p, VT_S, "Raw,1,2");
	CHECK_STR(ask(&p, LOC), "\n\n\n\n");
	CHECK_STR(ask(&p, RAW), "# Raw,a,b\nRaw,1,2\n\n\n\n");
	gnss_serve_destroy(p.s);
	open_port(&p, GNSS_PORT_LOCATION, 0);
	tell_fix(&p, VT_S, 1);
	tell_raw(&p, VT_S, "Raw,1,2");
	CHECK_STR(ask(&p, RAW), "\n\n\n\n");
	CHECK(!strncmp(ask(&p, LOC), "Fix,", 4));
	gnss_serve_destroy(p.s);
}

TEST(serve_rows_of_one_moment_or_within_keep_come_in_turn)
{
	struct gnss_serve_stats st;
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, 0);
	tell_fix(&p, VT_S, 1);
	tell_fix(&p, VT_S, 2);
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,1,", 10));
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,2,", 10));
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,2,", 10));
	gnss_serve_destroy(p.s);
	open_port(&p, GNSS_PORT_BOTH, VT_S);
	for (int i = 0; i < 4; i++) {
		tell_fix(&p, i * VT_S / 2, i);
	}
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,1,", 10));
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,2,", 10));
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,3,", 10));
	gnss_serve_stats(p.s, &st);
	CHECK_EQ(st.missed, 1);
	CHECK_EQ(st.fixes, 3);
	gnss_serve_destroy(p.s);
}

TEST(serve_memory_stays_bounded_when_nobody_asks)
{
	struct gnss_serve_stats st;
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, VT_NEVER);
	for (int i = 0; i < 1000; i++) {
		tell_fix(&p, i, i % 90);
	}
	gnss_serve_stats(p.s, &st);
	CHECK_EQ(st.missed, 1000 - 64);
	gnss_serve_destroy(p.s);
}

TEST(serve_the_last_place_stays_while_there_is_no_fix)
{
	struct gnss_fix f;
	struct gnss_event e = { .t = 2 * VT_S,
				.kind = GNSS_FIX,
				.fix = &f,
				.provider = "GPS" };
	struct port p;

	open_port(&p, GNSS_PORT_BOTH, 0);
	tell_fix(&p, VT_S, 1);
	gnss_fix_init(&f);
	f.mode = 0;
	CHECK_EQ(gnss_serve_event(p.s, &e), 0);
	CHECK(!strncmp(ask(&p, LOC), "Fix,GPS,1,0,", 12));
	gnss_serve_destroy(p.s);
}

int main(void)
{
	return RUN_TESTS(
		T(date_days_and_civil_dates_are_inverse),
		T(date_iso_text_with_zone_and_fraction),
		T(date_leap_seconds_of_gps_time), T(wgs84_there_and_back),
		T(sky_orbits_keep_radius_and_velocity),
		T(sky_orbits_repeat_after_a_sidereal_day),
		T(sky_shows_a_plausible_number_of_satellites_everywhere),
		T(sky_same_question_same_answer),
		T(sky_errors_match_the_stated_accuracy),
		T(sky_blocked_and_weak_skies_give_no_fix),
		T(raw_measurements_solved_by_least_squares_give_the_fix),
		T(raw_header_has_the_columns_that_the_guest_wants_in_order),
		T(nmea_sentences_of_a_fix),
		T(nmea_without_a_fix_says_so_and_gives_no_place),
		T(nmea_sixty_minutes_never_appear),
		T(nmea_satellites_by_system), T(satellite_names_there_and_back),
		T(fix_line_has_thirteen_columns_and_leaves_out_what_it_does_not_know),
		T(serve_location_until_there_is_another),
		T(serve_raw_epoch_once_with_its_header),
		T(serve_requests_in_pieces_together_and_between_rubbish),
		T(serve_cuttlefish_ports_keep_to_their_own_kind),
		T(serve_rows_of_one_moment_or_within_keep_come_in_turn),
		T(serve_memory_stays_bounded_when_nobody_asks),
		T(serve_the_last_place_stays_while_there_is_no_fix));
}
