/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV with a header line: one row a fix. Columns by name, in any order, others
 * are passed over:
 *
 *   when it came in	unix_receive_time_s, unix_time_s
 *   time of the fix	utc_fix_time_ms (default: when it came in)
 *   place		latitude_deg longitude_deg [altitude_m] [geoid_m]
 *			or ecef_x_m ecef_y_m ecef_z_m
 *   motion		speed_mps bearing_deg or ecef_vx_mps ecef_vy_mps
 *			ecef_vz_mps
 *   accuracy		h_acc_m v_acc_m speed_acc_mps bearing_acc_deg
 *
 * Lines that begin with # and empty ones are comments.
 */
#include "config.h"

#include "sim/gnss/trace.h"

#include "sim/core/wgs84.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum column {
	C_RECEIVE,
	C_UNIX,
	C_FIX_MS,
	C_LAT,
	C_LON,
	C_ALT,
	C_GEOID,
	C_SPEED,
	C_BEARING,
	C_X,
	C_Y,
	C_Z,
	C_VX,
	C_VY,
	C_VZ,
	C_H_ACC,
	C_V_ACC,
	C_SPEED_ACC,
	C_BEARING_ACC,
	C_N
};

static const char *const names[C_N] = {
	[C_RECEIVE] = "unix_receive_time_s",
	[C_UNIX] = "unix_time_s",
	[C_FIX_MS] = "utc_fix_time_ms",
	[C_LAT] = "latitude_deg",
	[C_LON] = "longitude_deg",
	[C_ALT] = "altitude_m",
	[C_GEOID] = "geoid_m",
	[C_SPEED] = "speed_mps",
	[C_BEARING] = "bearing_deg",
	[C_X] = "ecef_x_m",
	[C_Y] = "ecef_y_m",
	[C_Z] = "ecef_z_m",
	[C_VX] = "ecef_vx_mps",
	[C_VY] = "ecef_vy_mps",
	[C_VZ] = "ecef_vz_mps",
	[C_H_ACC] = "h_acc_m",
	[C_V_ACC] = "v_acc_m",
	[C_SPEED_ACC] = "speed_acc_mps",
	[C_BEARING_ACC] = "bearing_acc_deg",
};

static void read_header(const char *line, size_t len, int8_t col[C_N])
{
	struct gnss_field f[GNSS_FIELDS_MAX];
	size_t n = gnss_split(line, len, f);

	memset(col, -1, C_N);
	for (size_t i = 0; i < n; i++) {
		for (int c = 0; c < C_N; c++) {
			if (strlen(names[c]) == f[i].len &&
			    !memcmp(names[c], f[i].s, f[i].len)) {
				col[c] = (int8_t)i;
			}
		}
	}
}

static bool header_ok(const int8_t col[C_N])
{
	return (col[C_RECEIVE] >= 0 || col[C_UNIX] >= 0 || col[C_FIX_MS] >= 0) &&
	       ((col[C_LAT] >= 0 && col[C_LON] >= 0) ||
		(col[C_X] >= 0 && col[C_Y] >= 0 && col[C_Z] >= 0));
}

static void from_ecef(const double v[C_N], struct gnss_fix *x)
{
	const double e[3] = { v[C_X], v[C_Y], v[C_Z] };
	double enu[3][3], east, north;

	wgs84_from_ecef(e, &x->lat_deg, &x->lon_deg, &x->alt_m);
	wgs84_enu(x->lat_deg, x->lon_deg, enu);
	east = enu[0][0] * v[C_VX] + enu[0][1] * v[C_VY] + enu[0][2] * v[C_VZ];
	north = enu[1][0] * v[C_VX] + enu[1][1] * v[C_VY] +
		enu[1][2] * v[C_VZ];
	x->speed_mps = sqrt(east * east + north * north);
	if (x->speed_mps > 0.1) {
		x->bearing_deg = atan2(east, north) * 57.29577951308232;
		x->bearing_deg += x->bearing_deg < 0 ? 360 : 0;
	}
}

static void read_row(struct gnss_reader *r, const int8_t col[C_N])
{
	struct gnss_field f[GNSS_FIELDS_MAX];
	size_t n = gnss_split(r->line, r->line_len, f);
	double v[C_N], came;
	struct gnss_fix x;

	for (int c = 0; c < C_N; c++) {
		v[c] = NAN;
		if (col[c] >= 0 && (size_t)col[c] < n &&
		    gnss_number(&f[col[c]], &v[c]) < 0) {
			gnss_skip(r, f[col[c]].col,
				  "%s: '%.*s' is no number; row left out",
				  names[c],
				  f[col[c]].len < 40 ? (int)f[col[c]].len : 40,
				  f[col[c]].s);
			return;
		}
	}
	came = !isnan(v[C_RECEIVE]) ? v[C_RECEIVE] :
	       !isnan(v[C_UNIX])    ? v[C_UNIX] :
				      v[C_FIX_MS] / 1000;
	gnss_fix_init(&x);
	x.unix_ms = !isnan(v[C_FIX_MS]) ? v[C_FIX_MS] : came * 1000;
	x.lat_deg = v[C_LAT];
	x.lon_deg = v[C_LON];
	x.alt_m = v[C_ALT];
	x.geoid_m = v[C_GEOID];
	x.speed_mps = v[C_SPEED];
	x.bearing_deg = v[C_BEARING];
	x.h_acc_m = v[C_H_ACC];
	x.v_acc_m = v[C_V_ACC];
	x.speed_acc_mps = v[C_SPEED_ACC];
	x.bearing_acc_deg = v[C_BEARING_ACC];
	if (isnan(x.lat_deg) && !isnan(v[C_X] + v[C_Y] + v[C_Z])) {
		from_ecef(v, &x);
	}
	if (!(came >= 0 && came < 7258118400) ||
	    !(x.unix_ms >= 0 && x.unix_ms < 7258118400000)) {
		gnss_skip(r, 1, "no time in this row");
	} else if (!gnss_place_ok(x.lat_deg, x.lon_deg)) {
		gnss_skip(r, 1, "no place in this row");
	} else {
		x.mode = isnan(x.alt_m) ? 2 : 3;
		/* stamps with six decimals: to the microsecond */
		gnss_add_fix(r, (int64_t)(came * 1e6 + 0.5) * VT_US, "GPS", 3,
			     &x);
	}
}

int gnss_csv_read(struct gnss_reader *r)
{
	bool has_header = false;
	int8_t col[C_N];

	while (!r->no_memory && gnss_line(r)) {
		if (r->line_len == 0 || r->line[0] == '#') {
			continue;
		}
		if (!has_header) {
			read_header(r->line, r->line_len, col);
			has_header = true;
		} else {
			read_row(r, col);
		}
	}
	gnss_derive_motion(r->t);
	return 0;
}

bool gnss_csv_probe(const char *head, size_t len)
{
	const char *end = head + len, *p = head;
	int8_t col[C_N];

	if (len > 2 && !memcmp(head, "\xef\xbb\xbf", 3)) {
		p += 3;
	}
	while (p < end && (*p == '#' || *p == '\n' || *p == '\r')) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	len = 0;
	while (p + len < end && p[len] != '\n' && p[len] != '\r') {
		len++;
	}
	read_header(p, len, col);
	return header_ok(col);
}
