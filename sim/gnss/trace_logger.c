/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GnssLogger text. "# Tag,Column,..." lines name the columns of the rows that
 * begin with that tag; what a log calls a column changed between versions, so
 * each has its names. Rows are put in time by UTC: Fix and Status rows carry it,
 * for Raw rows it comes out of the receiver's clock (TimeNanos - FullBiasNanos -
 * BiasNanos is GPS time), or else out of utcTimeMillis.
 */
#include "config.h"

#include "sim/gnss/trace.h"

#include "sim/core/date.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum tag { TAG_FIX, TAG_RAW, TAG_STATUS, TAG_N };

static const char *const tag_names[TAG_N] = { "Fix", "Raw", "Status" };
static const char *const other_tags[] = {
	"UncalAccel", "Accel", "UncalGyro", "Gyro", "UncalMag", "Mag",
	"OrientationDeg", "GameRotationVector", "Nav", "NMEA", "Agc", "PSL",
	"Baro", "Steps",
};

enum column {
	/* Fix */
	C_PROVIDER,
	C_LAT,
	C_LON,
	C_ALT,
	C_SPEED,
	C_ACC,
	C_BEARING,
	C_TIME,
	C_SPEED_ACC,
	C_BEARING_ACC,
	C_V_ACC,
	C_N_USED,
	/* Raw */
	C_TIME_NANOS,
	C_LEAP,
	C_FULL_BIAS,
	C_BIAS,
	C_UTC,
	/* Status */
	C_SYSTEM,
	C_SVID,
	C_CN0,
	C_AZIMUTH,
	C_ELEVATION,
	C_USED,
	C_N
};

static const struct {
	enum tag tag;
	enum column column;
	const char *name;
} names[] = {
	{ TAG_FIX, C_PROVIDER, "Provider" },
	{ TAG_FIX, C_LAT, "LatitudeDegrees" },
	{ TAG_FIX, C_LAT, "Latitude" },
	{ TAG_FIX, C_LON, "LongitudeDegrees" },
	{ TAG_FIX, C_LON, "Longitude" },
	{ TAG_FIX, C_ALT, "AltitudeMeters" },
	{ TAG_FIX, C_ALT, "Altitude" },
	{ TAG_FIX, C_SPEED, "SpeedMps" },
	{ TAG_FIX, C_SPEED, "Speed" },
	{ TAG_FIX, C_ACC, "AccuracyMeters" },
	{ TAG_FIX, C_ACC, "Accuracy" },
	{ TAG_FIX, C_BEARING, "BearingDegrees" },
	{ TAG_FIX, C_TIME, "UnixTimeMillis" },
	{ TAG_FIX, C_TIME, "(UTC)TimeInMs" },
	{ TAG_FIX, C_SPEED_ACC, "SpeedAccuracyMps" },
	{ TAG_FIX, C_BEARING_ACC, "BearingAccuracyDegrees" },
	{ TAG_FIX, C_V_ACC, "VerticalAccuracyMeters" },
	{ TAG_FIX, C_N_USED, "NumberOfUsedSignals" },
	{ TAG_RAW, C_TIME_NANOS, "TimeNanos" },
	{ TAG_RAW, C_LEAP, "LeapSecond" },
	{ TAG_RAW, C_FULL_BIAS, "FullBiasNanos" },
	{ TAG_RAW, C_BIAS, "BiasNanos" },
	{ TAG_RAW, C_UTC, "utcTimeMillis" },
	{ TAG_STATUS, C_TIME, "UnixTimeMillis" },
	{ TAG_STATUS, C_SYSTEM, "ConstellationType" },
	{ TAG_STATUS, C_SVID, "Svid" },
	{ TAG_STATUS, C_CN0, "Cn0DbHz" },
	{ TAG_STATUS, C_AZIMUTH, "AzimuthDegrees" },
	{ TAG_STATUS, C_ELEVATION, "ElevationDegrees" },
	{ TAG_STATUS, C_USED, "UsedInFix" },
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

struct logger {
	struct gnss_reader *r;
	int8_t col[TAG_N][C_N]; /* index of the field, -1 none */
	bool has[TAG_N];
	struct gnss_field f[GNSS_FIELDS_MAX];
	size_t n;
	int64_t time_nanos; /* of the epoch, INT64_MIN before the first */
	int64_t status_ms;
	struct gnss_sat sat[GNSS_SATS_MAX];
	size_t n_sats;
	int64_t last_ms; /* of a Fix row */
};

/* ---- columns ---- */

static bool is(const struct gnss_field *f, const char *s)
{
	return f->len == strlen(s) && !memcmp(f->s, s, f->len);
}

static void header(struct logger *l, enum tag tag)
{
	memset(l->col[tag], -1, sizeof(l->col[tag]));
	l->has[tag] = true;
	for (size_t i = 1; i < l->n; i++) {
		for (size_t k = 0; k < N_NAMES; k++) {
			if (names[k].tag == tag && is(&l->f[i], names[k].name)) {
				l->col[tag][names[k].column] = (int8_t)i;
			}
		}
	}
}

/* Fix rows of a log whose header was cut off. */
static void default_fix(struct logger *l)
{
	static const enum column order[] = {
		C_N,	C_PROVIDER, C_LAT,  C_LON,	 C_ALT,	C_SPEED,
		C_ACC,	C_BEARING,  C_TIME, C_SPEED_ACC, C_BEARING_ACC,
	};

	memset(l->col[TAG_FIX], -1, sizeof(l->col[TAG_FIX]));
	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++) {
		l->col[TAG_FIX][order[i]] = (int8_t)i;
	}
	l->has[TAG_FIX] = true;
}

/* Field of the column, NULL where the row has none. */
static const struct gnss_field *field(const struct logger *l, enum tag tag,
				      enum column c)
{
	int i = l->col[tag][c];

	return i >= 0 && (size_t)i < l->n ? &l->f[i] : NULL;
}

/* NaN where there is none or it is empty; false after a note. */
static bool number(struct logger *l, enum tag tag, enum column c, double *out)
{
	const struct gnss_field *f = field(l, tag, c);

	*out = NAN;
	if (f && gnss_number(f, out) < 0) {
		gnss_skip(l->r, f->col, "'%.*s' is no number; row left out",
			  f->len < 40 ? (int)f->len : 40, f->s);
		return false;
	}
	return true;
}

/* Whole numbers beyond 2^53. */
static bool whole(struct logger *l, enum column c, int64_t *out, bool *any)
{
	const struct gnss_field *f = field(l, TAG_RAW, c);
	int64_t v = 0;
	size_t i = 0;
	bool minus;

	*out = 0;
	*any = f && f->len > 0;
	if (!*any) {
		return true;
	}
	minus = f->s[0] == '-';
	for (i = minus; i < f->len && f->s[i] >= '0' && f->s[i] <= '9' &&
			v < INT64_MAX / 10 - 10;
	     i++) {
		v = v * 10 + (f->s[i] - '0');
	}
	if (i < f->len || i == minus) {
		gnss_skip(l->r, f->col,
			  "'%.*s' is no whole number; row left out",
			  f->len < 40 ? (int)f->len : 40, f->s);
		return false;
	}
	*out = minus ? -v : v;
	return true;
}

/* ---- rows ---- */

#define MS_MAX 7258118400000.0 /* the year 2200 */

static void fix_row(struct logger *l)
{
	const struct gnss_field *p;
	struct gnss_fix x;
	double n;

	if (!l->has[TAG_FIX]) {
		default_fix(l);
	}
	gnss_fix_init(&x);
	if (!number(l, TAG_FIX, C_LAT, &x.lat_deg) ||
	    !number(l, TAG_FIX, C_LON, &x.lon_deg) ||
	    !number(l, TAG_FIX, C_ALT, &x.alt_m) ||
	    !number(l, TAG_FIX, C_SPEED, &x.speed_mps) ||
	    !number(l, TAG_FIX, C_ACC, &x.h_acc_m) ||
	    !number(l, TAG_FIX, C_BEARING, &x.bearing_deg) ||
	    !number(l, TAG_FIX, C_TIME, &x.unix_ms) ||
	    !number(l, TAG_FIX, C_SPEED_ACC, &x.speed_acc_mps) ||
	    !number(l, TAG_FIX, C_BEARING_ACC, &x.bearing_acc_deg) ||
	    !number(l, TAG_FIX, C_V_ACC, &x.v_acc_m) ||
	    !number(l, TAG_FIX, C_N_USED, &n)) {
		return;
	}
	/* since 3.0.3 a 13th column is there, which headers did not name */
	if (l->col[TAG_FIX][C_V_ACC] < 0 && l->n == 13 &&
	    (gnss_number(&l->f[12], &x.v_acc_m) < 0)) {
		x.v_acc_m = NAN;
	}
	if (!gnss_place_ok(x.lat_deg, x.lon_deg)) {
		gnss_skip(l->r, 1, "no latitude and longitude in this row");
		return;
	}
	if (!(x.unix_ms >= 0 && x.unix_ms < MS_MAX)) {
		gnss_skip(l->r, 1, "no time in this row");
		return;
	}
	x.n_used = n > 0 ? n : NAN;
	x.mode = isnan(x.alt_m) ? 2 : 3;
	p = field(l, TAG_FIX, C_PROVIDER);
	l->last_ms = (int64_t)x.unix_ms;
	gnss_add_fix(l->r, l->last_ms * VT_MS, p ? p->s : "", p ? p->len : 0,
		     &x);
}

/* UTC of a Raw row; false after a note. */
static bool raw_time(struct logger *l, int64_t *unix_ns, int64_t *time_nanos)
{
	int64_t full, leap;
	bool has_time, has_full, has_leap;
	double bias, utc;

	if (!whole(l, C_TIME_NANOS, time_nanos, &has_time) ||
	    !whole(l, C_FULL_BIAS, &full, &has_full) ||
	    !whole(l, C_LEAP, &leap, &has_leap) ||
	    !number(l, TAG_RAW, C_BIAS, &bias) ||
	    !number(l, TAG_RAW, C_UTC, &utc)) {
		return false;
	}
	if (has_time && has_full && *time_nanos >= 0 && full <= 0 &&
	    full > -INT64_MAX / 2 && *time_nanos < INT64_MAX / 4) {
		int64_t gps = *time_nanos - full -
			      (fabs(bias) < 1e9 ? (int64_t)bias : 0);
		int64_t s = gps / VT_S + AV_GPS_EPOCH_S;

		leap = has_leap && leap > 0 && leap < 60 ? leap :
							   av_gps_leap(s - 18);
		*unix_ns = gps + (AV_GPS_EPOCH_S - leap) * VT_S;
		return true;
	}
	if (utc >= 0 && utc < MS_MAX) {
		*unix_ns = (int64_t)utc * VT_MS;
		*time_nanos = has_time ? *time_nanos : (int64_t)utc;
		return true;
	}
	gnss_skip(l->r, 1, "neither TimeNanos with FullBiasNanos nor "
			   "utcTimeMillis tells when this row was measured");
	return false;
}

static void raw_row(struct logger *l)
{
	struct gnss_reader *r = l->r;
	int64_t unix_ns, nanos;

	if (!l->has[TAG_RAW] || r->t->n_headers == 0) {
		gnss_skip(r, 1, "a Raw row before the '# Raw,...' line that "
				"names its columns");
		return;
	}
	if (r->line_len > GNSS_ROW_MAX) {
		gnss_skip(r, GNSS_ROW_MAX, "this row is longer than %d bytes",
			  GNSS_ROW_MAX);
		return;
	}
	for (size_t i = 0; i < r->line_len; i++) {
		if ((unsigned char)r->line[i] < 0x20 || r->line[i] == 0x7f) {
			gnss_skip(r, (unsigned int)i + 1,
				  "control character in this row");
			return;
		}
	}
	if (raw_time(l, &unix_ns, &nanos)) {
		gnss_add_raw(r, unix_ns, nanos == l->time_nanos, r->line,
			     r->line_len);
		l->time_nanos = nanos;
	}
}

static void flush_status(struct logger *l)
{
	if (l->n_sats > 0) {
		gnss_add_sats(l->r, l->status_ms * VT_MS, l->sat, l->n_sats);
		l->n_sats = 0;
	}
}

static void status_row(struct logger *l)
{
	double ms, sys, svid, cn0, az, el, used;
	size_t i;

	if (!l->has[TAG_STATUS]) {
		gnss_skip(l->r, 1, "a Status row before the '# Status,...' "
				   "line that names its columns");
		return;
	}
	if (!number(l, TAG_STATUS, C_TIME, &ms) ||
	    !number(l, TAG_STATUS, C_SYSTEM, &sys) ||
	    !number(l, TAG_STATUS, C_SVID, &svid) ||
	    !number(l, TAG_STATUS, C_CN0, &cn0) ||
	    !number(l, TAG_STATUS, C_AZIMUTH, &az) ||
	    !number(l, TAG_STATUS, C_ELEVATION, &el) ||
	    !number(l, TAG_STATUS, C_USED, &used)) {
		return;
	}
	if (!(sys >= 0 && sys < GNSS_N_SYSTEMS && svid >= 0 && svid < 1000)) {
		gnss_skip(l->r, 1, "no satellite in this row");
		return;
	}
	/* some versions leave the time out */
	if (!(ms >= 0 && ms < MS_MAX)) {
		ms = (double)l->last_ms;
	}
	if ((int64_t)ms != l->status_ms) {
		flush_status(l);
		l->status_ms = (int64_t)ms;
	}
	/* one entry per satellite: its strongest signal */
	for (i = 0; i < l->n_sats; i++) {
		if (l->sat[i].system == (uint8_t)sys &&
		    l->sat[i].svid == (uint16_t)svid) {
			break;
		}
	}
	if (i == GNSS_SATS_MAX) {
		gnss_skip(l->r, 1, "more than %d satellites at once",
			  GNSS_SATS_MAX);
		return;
	}
	if (i == l->n_sats || l->sat[i].cn0_dbhz < cn0) {
		bool was_used = i < l->n_sats && l->sat[i].used;

		l->sat[i] = (struct gnss_sat){ .system = (uint8_t)sys,
					       .svid = (uint16_t)svid,
					       .used = used == 1 || was_used,
					       .azimuth_deg = az,
					       .elevation_deg = el,
					       .cn0_dbhz = cn0 };
		l->n_sats += i == l->n_sats;
	}
}

static void comment(struct logger *l)
{
	struct gnss_reader *r = l->r;
	const char *s = r->line + 1, *end = r->line + r->line_len;

	while (s < end && (*s == ' ' || *s == '\t')) {
		s++;
	}
	l->n = gnss_split(s, (size_t)(end - s), l->f);
	for (int t = 0; t < TAG_N; t++) {
		if (l->n > 2 && is(&l->f[0], tag_names[t])) {
			header(l, (enum tag)t);
			if (t == TAG_RAW) {
				gnss_add_header(r, s, (size_t)(end - s));
				l->time_nanos = INT64_MIN;
			}
		}
	}
}

static bool of_other_kind(const struct gnss_field *f)
{
	for (size_t i = 0; i < sizeof(other_tags) / sizeof(*other_tags); i++) {
		if (is(f, other_tags[i])) {
			return true;
		}
	}
	return false;
}

static void row(struct logger *l)
{
	struct gnss_reader *r = l->r;

	l->n = gnss_split(r->line, r->line_len, l->f);
	if (is(&l->f[0], "Fix")) {
		fix_row(l);
	} else if (is(&l->f[0], "Raw")) {
		raw_row(l);
	} else if (is(&l->f[0], "Status")) {
		status_row(l);
	} else if (of_other_kind(&l->f[0])) {
		r->t->other++;
	} else {
		gnss_skip(r, 1, "'%.*s' is no kind of row of GnssLogger",
			  l->f[0].len < 40 ? (int)l->f[0].len : 40, l->f[0].s);
	}
}

int gnss_logger_read(struct gnss_reader *r)
{
	struct logger l = { .r = r,
			    .time_nanos = INT64_MIN,
			    .status_ms = INT64_MIN };

	memset(l.col, -1, sizeof(l.col));
	while (!r->no_memory && gnss_line(r)) {
		if (r->line_len == 0) {
			continue;
		}
		if (r->line[0] == '#') {
			comment(&l);
		} else {
			row(&l);
		}
	}
	flush_status(&l);
	return 0;
}

/* A "# Raw," or "# Fix," header, or a first row of such a kind. */
bool gnss_logger_probe(const char *head, size_t len)
{
	const char *end = head + len, *p = head;

	if (len > 2 && !memcmp(head, "\xef\xbb\xbf", 3)) {
		p += 3;
	}
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *s = p;
		bool mark = *s == '#';

		while (s < end && (*s == '#' || *s == ' ')) {
			s++;
		}
		if (end - s > 4 &&
		    (!memcmp(s, "Raw,", 4) || !memcmp(s, "Fix,", 4))) {
			return true;
		}
		if (!mark && s < end && *s != '\n' && *s != '\r') {
			return false;
		}
		p = nl ? nl + 1 : end;
	}
	return false;
}
