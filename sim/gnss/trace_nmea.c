/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NMEA 0183 (as NMEA 4.11 and the manuals of receivers describe it). Sentences
 * with the same time of day are one epoch: a fix out of RMC, GGA, GNS, GLL, VTG,
 * GST and GSA, satellites out of GSV. A sentence of a kind that the epoch has
 * already begins another one, so repeated times are kept apart.
 *
 * Where both tell a place, GGA or GNS wins over RMC and GLL: it has as many
 * digits or more. Only RMC and ZDA know the date; without one, days count from
 * 1970-01-01, and a time of day that falls by more than half a day begins the
 * next one.
 *
 * A sentence with a wrong checksum is left out. One without any is taken.
 * Bytes that are no sentence (UBX packets between them) are left out line by
 * line.
 */
#include "config.h"

#include "sim/gnss/trace.h"

#include "sim/core/date.h"
#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define KNOT 0.5144444444444445 /* m/s: 1852 m an hour */

enum { HAS_RMC = 1, HAS_GGA = 2, HAS_GLL = 4, HAS_GNS = 8, HAS_GST = 16 };

struct nmea {
	struct gnss_reader *r;
	struct gnss_field f[GNSS_FIELDS_MAX];
	size_t n;
	/* the epoch */
	bool open;
	unsigned int has;
	int64_t tod_ms; /* -1 unknown */
	struct gnss_fix x;
	double undulation;
	bool valid, has_place;
	struct gnss_sat sat[GNSS_SATS_MAX];
	size_t n_sats;
	struct {
		uint8_t system;
		uint16_t svid;
	} used[GNSS_SATS_MAX];
	size_t n_used;
	bool has_gsa;
	/* the file */
	int64_t day; /* -1: no date yet */
	int64_t last_tod_ms;
};

/* ---- the epoch ---- */

static void begin(struct nmea *m)
{
	m->open = true;
	m->has = 0;
	m->tod_ms = -1;
	gnss_fix_init(&m->x);
	m->x.mode = NAN;
	m->undulation = NAN;
	m->valid = m->has_place = m->has_gsa = false;
	m->n_sats = m->n_used = 0;
}

static void mark_used(struct nmea *m)
{
	for (size_t i = 0; i < m->n_used; i++) {
		for (size_t k = 0; k < m->n_sats; k++) {
			if (m->sat[k].system == m->used[i].system &&
			    m->sat[k].svid == m->used[i].svid) {
				m->sat[k].used = true;
			}
		}
	}
}

static void flush(struct nmea *m)
{
	int64_t ns;

	if (!m->open) {
		return;
	}
	m->open = false;
	if (m->tod_ms < 0) {
		return; /* satellites before the first time */
	}
	if (m->day >= 0 && m->last_tod_ms - m->tod_ms > 43200000 &&
	    !(m->has & HAS_RMC)) {
		m->day++;
	} else if (m->day < 0) {
		m->day = 0;
		gnss_skip(m->r, 0, "no date yet (no RMC or ZDA with a right "
				   "checksum): days count from 1970-01-01");
		m->r->t->skipped--; /* nothing was left out */
	}
	m->last_tod_ms = m->tod_ms;
	m->x.unix_ms = (double)(m->day * 86400000 + m->tod_ms);
	ns = (m->day * 86400000 + m->tod_ms) * VT_MS;
	if (m->has & (HAS_RMC | HAS_GGA | HAS_GLL | HAS_GNS)) {
		m->x.geoid_m = m->undulation;
		/* heights above the sea become heights above the ellipsoid */
		m->x.alt_m += isnan(m->undulation) ? 0 : m->undulation;
		if (!m->valid || !m->has_place) {
			m->x.mode = 0;
		} else if (isnan(m->x.mode) || m->x.mode == 0) {
			m->x.mode = isnan(m->x.alt_m) ? 2 : 3;
		}
		gnss_add_fix(m->r, ns, "GPS", 3, &m->x);
	}
	if (m->n_sats > 0) {
		mark_used(m);
		gnss_add_sats(m->r, ns, m->sat, m->n_sats);
	}
}

/* The sentence of kind @has tells time @tod_ms (-1: none). */
static void at_time(struct nmea *m, int64_t tod_ms, unsigned int has)
{
	if (m->open && ((m->has & has) ||
			(tod_ms >= 0 && m->tod_ms >= 0 && m->tod_ms != tod_ms))) {
		flush(m);
	}
	if (!m->open) {
		begin(m);
	}
	m->has |= has;
	m->tod_ms = tod_ms >= 0 ? tod_ms : m->tod_ms;
}

/* ---- fields ---- */

static bool bad_field(struct nmea *m, size_t i, const char *what)
{
	const struct gnss_field *f = &m->f[i];

	gnss_skip(m->r, f->col, "'%.*s' is no %s; sentence left out",
		  f->len < 40 ? (int)f->len : 40, f->s, what);
	return false;
}

/* NaN where it is empty or missing; false after a note. */
static bool number(struct nmea *m, size_t i, double *out)
{
	*out = NAN;
	return i >= m->n || gnss_number(&m->f[i], out) == 0 ||
	       bad_field(m, i, "number");
}

static char letter(const struct nmea *m, size_t i)
{
	return i < m->n && m->f[i].len > 0 ? m->f[i].s[0] : '\0';
}

/* "hhmmss.sss" */
static bool time_of_day(struct nmea *m, size_t i, int64_t *ms)
{
	const struct gnss_field *f = &m->f[i];
	double v;
	int64_t t;

	*ms = -1;
	if (i >= m->n || f->len == 0) {
		return true;
	}
	if (f->len < 6 || f->s[0] < '0' || f->s[0] > '9' ||
	    gnss_number(f, &v) < 0 || v < 0 || v >= 240000) {
		return bad_field(m, i, "time");
	}
	t = (int64_t)(v * 1000 + 0.5);
	*ms = t / 10000000 * 3600000 + t / 100000 % 100 * 60000 + t % 100000;
	return (t / 100000 % 100 < 60 && t % 100000 < 61000) ||
	       bad_field(m, i, "time");
}

/* "ddmm.mmmm,N" at @i: degrees are what is left of the last two digits before
 * the point. */
static bool angle(struct nmea *m, size_t i, const char *signs, double max,
		  double *out)
{
	const struct gnss_field *f = &m->f[i];
	double v, deg;
	char c;

	*out = NAN;
	if (i + 1 >= m->n || f->len == 0) {
		return true;
	}
	c = letter(m, i + 1);
	if (f->s[0] < '0' || f->s[0] > '9' || gnss_number(f, &v) < 0 ||
	    v > max * 100) {
		return bad_field(m, i, "latitude or longitude");
	}
	if (!c || !strchr(signs, c)) {
		return bad_field(m, i + 1, "hemisphere");
	}
	deg = floor(v / 100);
	v -= deg * 100;
	if (v >= 60) {
		return bad_field(m, i, "latitude or longitude");
	}
	/* minutes once more out of the text: none of their digits are lost */
	if (deg > 0) {
		const char *dot = memchr(f->s, '.', f->len);
		size_t whole = dot ? (size_t)(dot - f->s) : f->len;

		if (whole > 2 && av_num_parse(f->s + whole - 2,
					      f->len - whole + 2, &v) < 0) {
			return bad_field(m, i, "latitude or longitude");
		}
	}
	*out = deg + v / 60;
	*out = c == signs[1] ? -*out : *out;
	return true;
}

static bool place(struct nmea *m, size_t i, bool better)
{
	double lat, lon;

	if (!angle(m, i, "NS", 90, &lat) || !angle(m, i + 2, "EW", 180, &lon)) {
		return false;
	}
	if (!isnan(lat) && !isnan(lon) && (better || !m->has_place)) {
		m->x.lat_deg = lat;
		m->x.lon_deg = lon;
		m->has_place = true;
	}
	return true;
}

static bool date(struct nmea *m, int y, int mo, int d)
{
	if (!av_civil_ok(y, mo, d)) {
		return false;
	}
	m->day = av_days_from_civil(y, mo, d);
	return true;
}

/* ---- sentences ---- */

static void rmc(struct nmea *m)
{
	double knots, course, ddmmyy;
	int64_t ms;

	if (!time_of_day(m, 1, &ms) || !number(m, 7, &knots) ||
	    !number(m, 8, &course) || !number(m, 9, &ddmmyy)) {
		return;
	}
	at_time(m, ms, HAS_RMC);
	if (ddmmyy >= 10100 && ddmmyy < 320000) {
		int v = (int)ddmmyy, yy = v % 100;

		/* two digits: GPS began in 1980 */
		if (!date(m, yy < 80 ? 2000 + yy : 1900 + yy, v / 100 % 100,
			  v / 10000)) {
			bad_field(m, 9, "date");
			m->has &= ~(unsigned int)HAS_RMC;
			return;
		}
	}
	if (!place(m, 3, false)) {
		m->has &= ~(unsigned int)HAS_RMC; /* as if it was not there */
		return;
	}
	m->valid = m->valid || letter(m, 2) == 'A' || letter(m, 2) == 'D';
	if (!isnan(knots)) {
		m->x.speed_mps = knots * KNOT;
	}
	if (!isnan(course)) {
		m->x.bearing_deg = course;
	}
}

static void gga(struct nmea *m, bool gns)
{
	double sats, hdop, alt, geoid, quality = 1;
	int64_t ms;

	if (!time_of_day(m, 1, &ms) || !number(m, 7, &sats) ||
	    !number(m, 8, &hdop) || !number(m, 9, &alt) ||
	    !number(m, gns ? 10 : 11, &geoid) ||
	    (!gns && !number(m, 6, &quality))) {
		return;
	}
	at_time(m, ms, gns ? HAS_GNS : HAS_GGA);
	if (!place(m, 2, true)) {
		m->has &= ~(unsigned int)(gns ? HAS_GNS : HAS_GGA);
		return;
	}
	m->valid = m->valid ||
		   (gns ? strcspn(m->f[6].s, "ADEFPRMS,") < m->f[6].len :
			  quality > 0);
	m->x.n_used = sats;
	m->x.hdop = hdop > 0 ? hdop : NAN;
	m->x.alt_m = alt;
	m->undulation = geoid;
}

static void gll(struct nmea *m)
{
	int64_t ms;

	if (!time_of_day(m, 5, &ms)) {
		return;
	}
	at_time(m, ms, HAS_GLL);
	if (!place(m, 1, false)) {
		m->has &= ~(unsigned int)HAS_GLL;
		return;
	}
	m->valid = m->valid || letter(m, 6) == 'A';
}

static void vtg(struct nmea *m)
{
	double course, knots;

	if (number(m, 1, &course) && number(m, 5, &knots)) {
		at_time(m, -1, 0);
		if (!isnan(knots) && isnan(m->x.speed_mps)) {
			m->x.speed_mps = knots * KNOT;
		}
		if (!isnan(course) && isnan(m->x.bearing_deg)) {
			m->x.bearing_deg = course;
		}
	}
}

static void gst(struct nmea *m)
{
	double lat, lon, alt;
	int64_t ms;

	if (time_of_day(m, 1, &ms) && number(m, 6, &lat) &&
	    number(m, 7, &lon) && number(m, 8, &alt)) {
		at_time(m, ms, HAS_GST);
		m->x.h_acc_m = 1.07 * sqrt(lat * lat + lon * lon);
		m->x.v_acc_m = alt;
	}
}

static void zda(struct nmea *m)
{
	double d, mo, y;
	int64_t ms;

	if (time_of_day(m, 1, &ms) && number(m, 2, &d) && number(m, 3, &mo) &&
	    number(m, 4, &y)) {
		at_time(m, ms, 0);
		if (d >= 1 && d < 32 && mo >= 1 && mo < 13 && y > 0 &&
		    y < 3000) {
			date(m, (int)y, (int)mo, (int)d);
		}
	}
}

/* Numbers of satellites in NMEA, by talker or by NMEA 4.10 system id. */
static uint8_t satellite(char talker, int system_id, int id, uint16_t *svid)
{
	int sys = system_id;

	if (sys < 1 || sys > 6) {
		sys = talker == 'P' ? 1 :
		      talker == 'L' ? 2 :
		      talker == 'A' ? 3 :
		      talker == 'B' ? 4 :
		      talker == 'Q' ? 5 :
				      0;
	}
	*svid = (uint16_t)id;
	if (sys == 3) {
		*svid = (uint16_t)(id > 300 ? id - 300 : id);
		return GNSS_GALILEO;
	}
	if (sys == 4) {
		*svid = (uint16_t)(id > 400 ? id - 400 :
				   id > 200 ? id - 200 :
					      id);
		return GNSS_BEIDOU;
	}
	if (sys == 5) {
		*svid = (uint16_t)(id < 193 ? id + 192 : id);
		return GNSS_QZSS;
	}
	if (id >= 65 && id <= 96) {
		*svid = (uint16_t)(id - 64);
		return GNSS_GLONASS;
	}
	if (id >= 33 && id <= 64) {
		*svid = (uint16_t)(id + 87);
		return GNSS_SBAS;
	}
	if (id >= 120 && id <= 158) {
		return GNSS_SBAS;
	}
	if (id >= 193 && id <= 202) {
		return GNSS_QZSS;
	}
	return sys == 2 ? GNSS_GLONASS : GNSS_GPS;
}

static void gsa(struct nmea *m)
{
	double mode, id, pdop, hdop, vdop, sys = 0;
	char talker = m->f[0].len > 2 ? m->f[0].s[2] : 'P';

	if (!number(m, 2, &mode) || !number(m, 15, &pdop) ||
	    !number(m, 16, &hdop) || !number(m, 17, &vdop) ||
	    (m->n > 18 && !number(m, 18, &sys))) {
		return;
	}
	at_time(m, -1, 0);
	m->x.mode = mode >= 2 ? mode : m->x.mode;
	m->x.pdop = pdop > 0 ? pdop : m->x.pdop;
	m->x.vdop = vdop > 0 ? vdop : m->x.vdop;
	m->x.hdop = hdop > 0 && isnan(m->x.hdop) ? hdop : m->x.hdop;
	for (size_t i = 3; i < 15 && i < m->n; i++) {
		uint16_t svid;
		uint8_t s;

		if (!number(m, i, &id)) {
			return;
		}
		if (!(id >= 1 && id < 1000) || m->n_used == GNSS_SATS_MAX) {
			continue;
		}
		s = satellite(talker, isnan(sys) ? 0 : (int)sys, (int)id,
			      &svid);
		m->used[m->n_used].system = s;
		m->used[m->n_used++].svid = svid;
	}
}

/* The strongest of a satellite's signals counts. */
static void in_view(struct nmea *m, const struct gnss_sat *s)
{
	for (size_t i = 0; i < m->n_sats; i++) {
		struct gnss_sat *have = &m->sat[i];

		if (have->system == s->system && have->svid == s->svid) {
			if (!(have->cn0_dbhz >= s->cn0_dbhz) &&
			    !isnan(s->cn0_dbhz)) {
				have->cn0_dbhz = s->cn0_dbhz;
			}
			return;
		}
	}
	if (m->n_sats < GNSS_SATS_MAX) {
		m->sat[m->n_sats++] = *s;
	}
}

static void gsv(struct nmea *m)
{
	char talker = m->f[0].len > 2 ? m->f[0].s[2] : 'P';

	at_time(m, -1, 0);
	for (size_t i = 4; i + 3 < m->n; i += 4) {
		double id, el, az, cn0;
		struct gnss_sat s = { 0 };

		if (!number(m, i, &id) || !number(m, i + 1, &el) ||
		    !number(m, i + 2, &az) || !number(m, i + 3, &cn0)) {
			return;
		}
		if (!(id >= 1 && id < 1000)) {
			continue; /* GLONASS whose number is not known yet */
		}
		s.system = satellite(talker, 0, (int)id, &s.svid);
		s.elevation_deg = el;
		s.azimuth_deg = az;
		s.cn0_dbhz = cn0;
		in_view(m, &s);
	}
}

/* ---- lines ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
				      -1;
}

/* "$...*hh" at @s: checks it and cuts it into fields. */
static bool sentence(struct nmea *m, const char *s, size_t len)
{
	struct gnss_reader *r = m->r;
	const char *star = memchr(s, '*', len);
	size_t body = star ? (size_t)(star - s) : len;
	unsigned int sum = 0;

	for (size_t i = 1; i < body; i++) {
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e) {
			gnss_skip(r, (unsigned int)(s + i - r->line) + 1,
				  "no NMEA sentence: odd byte");
			return false;
		}
		sum ^= (unsigned char)s[i];
	}
	if (star) {
		const char *h = star + 1, *end = s + len;
		int a = h < end ? hex(h[0]) : -1;
		int b = h + 1 < end ? hex(h[1]) : -1;

		if (a < 0 || b < 0 || (unsigned int)(a * 16 + b) != sum) {
			gnss_skip(r, (unsigned int)(star - r->line) + 1,
				  "wrong checksum of %.6s: *%.*s, want *%02X",
				  s, end - h < 2 ? (int)(end - h) : 2, h, sum);
			return false;
		}
	}
	m->n = gnss_split(s, body, m->f);
	for (size_t i = 0; i < m->n; i++) {
		m->f[i].col += (unsigned int)(s - r->line);
	}
	return true;
}

static void take(struct nmea *m)
{
	static const struct {
		const char *name;
		size_t fields; /* at least */
		int what;
	} kinds[] = {
		{ "RMC", 10, 0 }, { "GGA", 10, 1 }, { "GNS", 10, 2 },
		{ "GLL", 7, 3 },  { "VTG", 6, 4 },  { "GST", 9, 5 },
		{ "ZDA", 5, 6 },  { "GSA", 17, 7 }, { "GSV", 4, 8 },
	};
	const struct gnss_field *f = &m->f[0];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (f->len != 6 || memcmp(f->s + 3, kinds[i].name, 3) != 0 ||
		    f->s[1] == 'P') {
			continue;
		}
		if (m->n < kinds[i].fields) {
			gnss_skip(m->r, 1, "%s with %zu fields, want %zu",
				  kinds[i].name, m->n - 1,
				  kinds[i].fields - 1);
			return;
		}
		switch (kinds[i].what) {
		case 0: rmc(m); break;
		case 1: gga(m, false); break;
		case 2: gga(m, true); break;
		case 3: gll(m); break;
		case 4: vtg(m); break;
		case 5: gst(m); break;
		case 6: zda(m); break;
		case 7: gsa(m); break;
		default: gsv(m); break;
		}
		return;
	}
	m->r->t->other++;
}

int gnss_nmea_read(struct gnss_reader *r)
{
	struct nmea m = { .r = r, .day = -1 };

	while (!r->no_memory && gnss_line(r)) {
		const char *s = r->line_len ?
					memchr(r->line, '$', r->line_len) :
					NULL;

		if (r->line_len == 0 || r->line[0] == '#') {
			continue;
		}
		if (!s) {
			gnss_skip(r, 1, "no NMEA sentence");
			continue;
		}
		/* what is behind binary data is worth a try */
		if (sentence(&m, s, r->line_len - (size_t)(s - r->line))) {
			take(&m);
		}
	}
	flush(&m);
	return 0;
}

/* Among the first lines, one "$xxYYY,". */
bool gnss_nmea_probe(const char *head, size_t len)
{
	const char *end = head + len, *p = head;

	for (int i = 0; i < 100 && p < end; i++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (end - p > 7 && p[0] == '$' && p[6] == ',') {
			return true;
		}
		p = nl ? nl + 1 : end;
	}
	return false;
}
