/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/gnss/text.h"

#include "sim/core/date.h"
#include "sim/core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const gnss_system_names[GNSS_N_SYSTEMS] = {
	"unknown", "GPS", "SBAS", "GLONASS", "QZSS", "BeiDou", "Galileo"
};

static const char letters[GNSS_N_SYSTEMS] = { 'X', 'G', 'S', 'R',
					      'J', 'C', 'E' };

const char *gnss_sat_name(unsigned int system, unsigned int svid, char *buf)
{
	snprintf(buf, 8, "%c%02u",
		 letters[system < GNSS_N_SYSTEMS ? system : GNSS_UNKNOWN],
		 svid % 1000);
	return buf;
}

bool gnss_sat_parse(const char *name, struct gnss_sat *s)
{
	const char *l = *name ? memchr(letters, *name, sizeof(letters)) : NULL;
	char *end;
	unsigned long id;

	if (!l || name[1] < '0' || name[1] > '9') {
		return false;
	}
	id = strtoul(name + 1, &end, 10);
	if (*end || id > 999) {
		return false;
	}
	s->system = (uint8_t)(l - letters);
	s->svid = (uint16_t)id;
	return true;
}

/* ---- NMEA ---- */

/* "*hh\r\n" behind the sentence that begins at @from. Return: new length. */
static size_t finish(char *buf, size_t from, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = from + 1; i < len; i++) {
		sum ^= (unsigned char)buf[i];
	}
	return len + (size_t)sprintf(buf + len, "*%02X\r\n", sum);
}

/* ",ddmm.mmmmmmm,N"; degrees of two or three digits */
static size_t angle(double deg, int digits, char pos, char neg, char *buf)
{
	double a = fabs(deg), whole = floor(a);
	long long min7 = llround((a - whole) * 60 * 1e7);

	if (min7 >= 600000000) {
		min7 -= 600000000;
		whole += 1;
	}
	return (size_t)sprintf(buf, ",%0*d%02lld.%07lld,%c", digits, (int)whole,
			       min7 / 10000000, min7 % 10000000,
			       deg < 0 ? neg : pos);
}

static size_t place(const struct gnss_fix *f, bool ok, char *buf)
{
	size_t n;

	if (!ok) {
		return (size_t)sprintf(buf, ",,,,");
	}
	n = angle(f->lat_deg, 2, 'N', 'S', buf);
	return n + angle(f->lon_deg, 3, 'E', 'W', buf + n);
}

/* ",12.34" or "," */
static size_t field(double v, int digits, double max, char *buf)
{
	return !(v > -max && v < max) ?
		       (size_t)sprintf(buf, ",") :
		       (size_t)sprintf(buf, ",%.*f", digits, v);
}

static double course(const struct gnss_fix *f)
{
	double c = fmod(f->bearing_deg, 360);

	c += c < 0 ? 360 : 0;
	return c >= 359.995 ? 0 : c;
}

struct when {
	int day, month, year;
	char tod[16]; /* "hhmmss.sss" */
};

static struct when when_of(double unix_ms)
{
	struct when w;
	int64_t ms = unix_ms >= 0 && unix_ms < 7258118400000 ?
			     llround(unix_ms) :
			     0;
	int rest = (int)(ms % 86400000);

	av_civil_from_days(ms / 86400000, &w.year, &w.month, &w.day);
	snprintf(w.tod, sizeof(w.tod), "%02d%02d%02d.%03d",
		 rest / 3600000 % 100, rest / 60000 % 60, rest / 1000 % 60,
		 rest % 1000);
	return w;
}

static bool has_fix(const struct gnss_fix *f)
{
	return f->mode >= 2 && f->lat_deg >= -90 && f->lat_deg <= 90 &&
	       f->lon_deg >= -180 && f->lon_deg <= 180;
}

size_t gnss_nmea_fix(const struct gnss_fix *f, char *buf)
{
	const double knot = 1852 / 3600.0;
	struct when w = when_of(f->unix_ms);
	bool ok = has_fix(f);
	double none = ok ? 0 : NAN;
	double geoid = isnan(f->geoid_m) ? 0 : f->geoid_m;
	size_t n = 0, from;
	char mode = ok ? 'A' : 'N';

	n += (size_t)sprintf(buf, "$GNRMC,%s,%c", w.tod, ok ? 'A' : 'V');
	n += place(f, ok, buf + n);
	n += field(f->speed_mps / knot + none, 3, 1e5, buf + n);
	n += field(course(f) + none, 2, 361, buf + n);
	n += (size_t)sprintf(buf + n, ",%02d%02d%02d,,,%c,V", w.day, w.month,
			     w.year % 100, mode);
	n = finish(buf, 0, n);

	from = n;
	n += (size_t)sprintf(buf + n, "$GNVTG");
	n += field(course(f) + none, 2, 361, buf + n);
	n += (size_t)sprintf(buf + n, ",T,,M");
	n += field(f->speed_mps / knot + none, 3, 1e5, buf + n);
	n += (size_t)sprintf(buf + n, ",N");
	n += field(f->speed_mps * 3.6 + none, 3, 1e6, buf + n);
	n += (size_t)sprintf(buf + n, ",K,%c", mode);
	n = finish(buf, from, n);

	from = n;
	n += (size_t)sprintf(buf + n, "$GNGGA,%s", w.tod);
	n += place(f, ok, buf + n);
	n += (size_t)sprintf(buf + n, ",%d,%02d", ok,
			     f->n_used > 0 && f->n_used < 99 ? (int)f->n_used :
							       0);
	n += field(f->hdop, 2, 100, buf + n);
	n += field(f->alt_m - geoid + none, 3, 1e6, buf + n);
	n += (size_t)sprintf(buf + n, ",M");
	n += field(geoid + none, 3, 1e4, buf + n);
	n += (size_t)sprintf(buf + n, ",M,,");
	return finish(buf, from, n);
}

/* Systems of GSV and GSA: talker and NMEA 4.10 system id. */
static const struct {
	uint8_t system;
	char talker;
	int id;
} talkers[] = {
	{ GNSS_GPS, 'P', 1 },	  { GNSS_GLONASS, 'L', 2 },
	{ GNSS_GALILEO, 'A', 3 }, { GNSS_BEIDOU, 'B', 4 },
	{ GNSS_QZSS, 'Q', 5 },
};
#define N_TALKERS (sizeof(talkers) / sizeof(talkers[0]))

/* As NMEA counts them; 0: another talker's. */
static int nmea_id(const struct gnss_sat *s, uint8_t system)
{
	if (s->system == GNSS_SBAS && system == GNSS_GPS) {
		return s->svid >= 120 && s->svid <= 151 ? s->svid - 87 : 0;
	}
	if (s->system != system) {
		return 0;
	}
	switch (system) {
	case GNSS_GLONASS:
		return s->svid >= 1 && s->svid <= 32 ? s->svid + 64 : 0;
	case GNSS_QZSS:
		return s->svid >= 193 ? s->svid - 192 : s->svid;
	default:
		return s->svid <= 99 ? s->svid : 0;
	}
}

static size_t gsa(const struct gnss_fix *f, const struct gnss_sat *s, size_t n,
		  size_t k, char *buf)
{
	size_t len = (size_t)sprintf(buf, "$GNGSA,A,%d",
				     f && has_fix(f) ? (int)f->mode : 1);
	int used = 0, id;

	for (size_t i = 0; i < n && used < 12; i++) {
		id = s[i].used ? nmea_id(&s[i], talkers[k].system) : 0;
		if (id > 0) {
			len += (size_t)sprintf(buf + len, ",%02d", id);
			used++;
		}
	}
	if (used == 0 && k > 0) {
		return 0;
	}
	for (; used < 12; used++) {
		buf[len++] = ',';
	}
	len += field(f ? f->pdop : NAN, 2, 100, buf + len);
	len += field(f ? f->hdop : NAN, 2, 100, buf + len);
	len += field(f ? f->vdop : NAN, 2, 100, buf + len);
	len += (size_t)sprintf(buf + len, ",%d", talkers[k].id);
	return finish(buf, 0, len);
}

/* Four satellites a sentence, nine sentences at most. */
static size_t gsv(const struct gnss_sat *s, size_t n, size_t k, char *buf)
{
	const struct gnss_sat *mine[36];
	size_t m = 0, len = 0, from = 0;

	for (size_t i = 0; i < n && m < 36; i++) {
		if (nmea_id(&s[i], talkers[k].system) > 0) {
			mine[m++] = &s[i];
		}
	}
	for (size_t i = 0; i < m; i++) {
		const struct gnss_sat *a = mine[i];

		if (i % 4 == 0) {
			from = len;
			len += (size_t)sprintf(buf + len,
					       "$G%cGSV,%zu,%zu,%02zu",
					       talkers[k].talker, (m + 3) / 4,
					       i / 4 + 1, m);
		}
		len += (size_t)sprintf(buf + len, ",%02d",
				       nmea_id(a, talkers[k].system));
		len += a->elevation_deg >= 0 && a->elevation_deg <= 90 ?
			       (size_t)sprintf(buf + len, ",%02.0f",
					       a->elevation_deg) :
			       (size_t)sprintf(buf + len, ",");
		len += a->azimuth_deg >= 0 && a->azimuth_deg <= 360 ?
			       (size_t)sprintf(buf + len, ",%03d",
					       (int)lround(a->azimuth_deg) %
						       360) :
			       (size_t)sprintf(buf + len, ",");
		len += a->cn0_dbhz > 0 && a->cn0_dbhz < 99 ?
			       (size_t)sprintf(buf + len, ",%02.0f",
					       a->cn0_dbhz) :
			       (size_t)sprintf(buf + len, ",");
		if (i % 4 == 3 || i + 1 == m) {
			len += (size_t)sprintf(buf + len, ",1");
			len = finish(buf, from, len);
		}
	}
	return len;
}

size_t gnss_nmea_sats(const struct gnss_fix *f, const struct gnss_sat *s,
		      size_t n, char *buf)
{
	size_t len = 0;

	for (size_t k = 0; k < N_TALKERS; k++) {
		len += gsa(f, s, n, k, buf + len);
	}
	for (size_t k = 0; k < N_TALKERS; k++) {
		len += gsv(s, n, k, buf + len);
	}
	return len;
}

/* ---- GnssLogger ---- */

const char gnss_fix_header[] =
	"Fix,Provider,LatitudeDegrees,LongitudeDegrees,AltitudeMeters,SpeedMps,"
	"AccuracyMeters,BearingDegrees,UnixTimeMillis,SpeedAccuracyMps,"
	"BearingAccuracyDegrees,elapsedRealtimeNanos,VerticalAccuracyMeters";

const char gnss_raw_header[] =
	"Raw,utcTimeMillis,TimeNanos,LeapSecond,TimeUncertaintyNanos,"
	"FullBiasNanos,BiasNanos,BiasUncertaintyNanos,DriftNanosPerSecond,"
	"DriftUncertaintyNanosPerSecond,HardwareClockDiscontinuityCount,Svid,"
	"TimeOffsetNanos,State,ReceivedSvTimeNanos,"
	"ReceivedSvTimeUncertaintyNanos,Cn0DbHz,PseudorangeRateMetersPerSecond,"
	"PseudorangeRateUncertaintyMetersPerSecond,AccumulatedDeltaRangeState,"
	"AccumulatedDeltaRangeMeters,AccumulatedDeltaRangeUncertaintyMeters,"
	"CarrierFrequencyHz,CarrierCycles,CarrierPhase,CarrierPhaseUncertainty,"
	"MultipathIndicator,SnrInDb,ConstellationType,AgcDb,BasebandCn0DbHz,"
	"FullInterSignalBiasNanos,FullInterSignalBiasUncertaintyNanos,"
	"SatelliteInterSignalBiasNanos,SatelliteInterSignalBiasUncertaintyNanos,"
	"CodeType,ChipsetElapsedRealtimeNanos";

const char gnss_status_header[] =
	"Status,UnixTimeMillis,SignalCount,SignalIndex,ConstellationType,Svid,"
	"CarrierFrequencyHz,Cn0DbHz,AzimuthDegrees,ElevationDegrees,UsedInFix,"
	"HasAlmanacData,HasEphemerisData,BasebandCn0DbHz";

/* ",12.5", or "," for what is not known */
static size_t number(double v, char *buf)
{
	*buf = ',';
	return 1 + (isfinite(v) ? av_num_text(v, buf + 1) : 0);
}

/* What a fix without an accuracy of its own is good for: 5 m a satellite, one
 * deviation, times the DOP. */
static double accuracy(double known, double dop)
{
	return isnan(known) ? 5 * dop : known;
}

size_t gnss_fix_line(const struct gnss_fix *f, const char *provider, vtime t,
		     char *buf)
{
	size_t n = (size_t)sprintf(buf, "Fix,%.15s", provider);

	n += number(f->lat_deg, buf + n);
	n += number(f->lon_deg, buf + n);
	n += number(f->alt_m, buf + n);
	n += number(f->speed_mps, buf + n);
	n += number(accuracy(f->h_acc_m, f->hdop), buf + n);
	n += number(f->bearing_deg, buf + n);
	n += number(f->unix_ms, buf + n);
	n += number(f->speed_acc_mps, buf + n);
	n += number(f->bearing_acc_deg, buf + n);
	n += (size_t)sprintf(buf + n, ",%lld", (long long)(t + GNSS_BOOT_NS));
	n += number(accuracy(f->v_acc_m, f->vdop), buf + n);
	buf[n] = '\0';
	return n;
}

/*
 * Rows are made by the dozen each second, so their numbers do without printf():
 * whole ones, and ones with six decimals less trailing zeros, a comma before.
 */
static size_t word(const char *w, char *buf)
{
	size_t n = strlen(w);

	memcpy(buf, w, n);
	return n;
}

static size_t digits(uint64_t v, size_t least, char *buf)
{
	char d[24];
	size_t n = 0;

	while (v > 0 || n < least) {
		d[n++] = (char)('0' + v % 10);
		v /= 10;
	}
	for (size_t i = 0; i < n; i++) {
		buf[i] = d[n - 1 - i];
	}
	return n;
}

static size_t whole(int64_t v, char *buf)
{
	size_t n = 1;

	*buf = ',';
	if (v < 0) {
		buf[n++] = '-';
	}
	return n + digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1, buf + n);
}

/* @v: some 10^12 at most */
static size_t fixed(double v, char *buf)
{
	int64_t micro = llround(v * 1e6);
	uint64_t u = micro < 0 ? 0 - (uint64_t)micro : (uint64_t)micro;
	size_t n = 1;

	*buf = ',';
	if (micro < 0) {
		buf[n++] = '-';
	}
	n += digits(u / 1000000, 1, buf + n);
	buf[n++] = '.';
	n += digits(u % 1000000, 6, buf + n);
	while (buf[n - 1] == '0' && buf[n - 2] != '.') {
		n--;
	}
	return n;
}

/* The receiver's oscillator runs fast by this; a whole number of virtual ns
 * makes one ns, so that its clock is exact. */
#define DRIFT_NS_PER_S 25
#define DRIFT_TEXT "25"
#define NS_PER_DRIFT (VT_S / DRIFT_NS_PER_S)

#define WEEK_NS (INT64_C(604800) * VT_S)
#define DAY_NS (INT64_C(86400) * VT_S)

size_t gnss_raw_line(const struct sky_epoch *e, const struct sky_signal *s,
		     int64_t unix_ns, vtime t, char *buf)
{
	int64_t gps = sky_gps_ns(unix_ns), drifted = t / NS_PER_DRIFT;
	int64_t time_nanos = GNSS_BOOT_NS + t + drifted;
	int64_t full_bias = GNSS_BOOT_NS + t - gps, sent, sv_time;
	double ns_per_m = 1e9 / GNSS_LIGHT;
	double path_ns = (s->range_m + s->error_m) * ns_per_m;
	int64_t carrier = 1575420000;
	int leap = av_gps_leap(unix_ns / VT_S), state = 1 + 2 + 4 + 8 + 16384;
	size_t n;

	sent = gps - (int64_t)llround(path_ns);
	sv_time = sent % WEEK_NS;
	if (s->system == GNSS_GLONASS) {
		sv_time = (sent + (3 * 3600 - leap) * VT_S) % DAY_NS;
		state = 1 + 2 + 64 + 128 + 32768;
		carrier = 1602000000 + (s->svid * 3 % 14 - 7) * 562500;
	} else if (s->system == GNSS_GALILEO) {
		state = 1 + 2 + 8 + 1024 + 2048 + 4096 + 16384;
	}
	n = word("Raw", buf);
	n += whole(unix_ns / VT_MS, buf + n);
	n += whole(time_nanos, buf + n);
	n += whole(leap, buf + n);
	n += word(",", buf + n); /* no uncertainty of TimeNanos */
	n += whole(full_bias, buf + n);
	n += fixed((double)drifted + e->clock_m * ns_per_m, buf + n);
	n += fixed(e->v_acc_m * ns_per_m, buf + n);
	n += word("," DRIFT_TEXT ",5,0", buf + n);
	n += whole(s->svid, buf + n);
	n += fixed(path_ns - (double)llround(path_ns), buf + n);
	n += whole(state, buf + n);
	n += whole(sv_time, buf + n);
	n += whole((int64_t)ceil(s->sigma_m * ns_per_m), buf + n);
	n += fixed(round(s->cn0_dbhz * 10) / 10, buf + n);
	n += fixed(s->rate_mps + s->rate_error_mps +
			   DRIFT_NS_PER_S * 1e-9 * GNSS_LIGHT,
		   buf + n);
	n += fixed(s->rate_sigma_mps, buf + n);
	n += word(",0,0.0,0.0", buf + n);
	n += whole(carrier, buf + n);
	n += word(",,,,0,", buf + n);
	n += whole(s->system, buf + n);
	n += word(",", buf + n); /* no AGC */
	n += fixed(round(s->cn0_dbhz * 10 - 40) / 10, buf + n);
	n += word(",,,,,C", buf + n);
	n += whole(t + GNSS_BOOT_NS, buf + n);
	buf[n] = '\0';
	return n;
}
