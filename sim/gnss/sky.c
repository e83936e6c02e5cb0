/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Periods are whole numbers of ns and phases are taken modulo them, so that the
 * model is as exact in 2199 as in 2020.
 */
#include "config.h"

#include "sim/gnss/sky.h"

#include "sim/core/date.h"
#include "sim/core/rand.h"
#include "sim/core/wgs84.h"

#include <math.h>
#include <string.h>

#define TAU 6.283185307179586
#define DEG (TAU / 360)

#define SIDEREAL_DAY_NS INT64_C(86164090530833)
#define MODEL_EPOCH_NS (INT64_C(1577836800) - AV_GPS_EPOCH_S) * VT_S

struct shell {
	enum gnss_system system;
	unsigned int planes, slots;
	double radius_m, inclination_deg;
	int64_t period_ns;
};

static const struct shell shells[] = {
	{ GNSS_GPS, 6, 5, 26559700, 55, SIDEREAL_DAY_NS / 2 },
	{ GNSS_GLONASS, 3, 8, 25508000, 64.8, SIDEREAL_DAY_NS / 17 * 8 },
	{ GNSS_GALILEO, 3, 8, 29600000, 56, SIDEREAL_DAY_NS / 17 * 10 },
};
#define N_SHELLS (sizeof(shells) / sizeof(shells[0]))

int64_t sky_gps_ns(int64_t unix_ns)
{
	int64_t s = unix_ns / VT_S;

	return unix_ns + (av_gps_leap(s) - AV_GPS_EPOCH_S) * VT_S;
}

/* Shell of satellite @i; its number there in @k. */
static const struct shell *shell_of(unsigned int i, unsigned int *k)
{
	const struct shell *s = shells;

	while (i >= s->planes * s->slots) {
		i -= s->planes * s->slots;
		s++;
	}
	*k = i;
	return s;
}

enum gnss_system sky_system(unsigned int i, uint16_t *svid)
{
	unsigned int k;
	const struct shell *s = shell_of(i, &k);

	*svid = (uint16_t)(k + 1);
	return s->system;
}

int sky_index(enum gnss_system sys, uint16_t svid)
{
	unsigned int base = 0;

	for (size_t i = 0; i < N_SHELLS; i++) {
		unsigned int n = shells[i].planes * shells[i].slots;

		if (shells[i].system == sys) {
			return svid >= 1 && svid <= n ? (int)(base + svid - 1) :
							-1;
		}
		base += n;
	}
	return -1;
}

/* Turns since the model's epoch with that period, 0..1. */
static double phase(int64_t dt_ns, int64_t period_ns)
{
	int64_t rest = dt_ns % period_ns;

	return (double)(rest < 0 ? rest + period_ns : rest) /
	       (double)period_ns;
}

void sky_orbit(unsigned int i, int64_t gps_ns, double pos[3], double vel[3])
{
	unsigned int k;
	const struct shell *s = shell_of(i, &k);
	unsigned int plane = k / s->slots, slot = k % s->slots;
	int64_t dt = gps_ns - MODEL_EPOCH_NS;
	double we = TAU / ((double)SIDEREAL_DAY_NS / 1e9);
	double n = TAU / ((double)s->period_ns / 1e9);
	double node = TAU * ((double)plane / s->planes -
			     phase(dt, SIDEREAL_DAY_NS));
	double u = TAU * ((double)slot / s->slots +
			  (double)plane / (s->planes * s->slots) +
			  phase(dt, s->period_ns));
	double ci = cos(s->inclination_deg * DEG);
	double si = sin(s->inclination_deg * DEG);
	double cn = cos(node), sn = sin(node), cu = cos(u), su = sin(u);
	double r = s->radius_m;

	pos[0] = r * (cn * cu - sn * su * ci);
	pos[1] = r * (sn * cu + cn * su * ci);
	pos[2] = r * su * si;
	vel[0] = r * n * (-cn * su - sn * cu * ci) + we * pos[1];
	vel[1] = r * n * (-sn * su + cn * cu * ci) - we * pos[0];
	vel[2] = r * n * cu * si;
}

/* ---- noise ---- */

static double knot(uint64_t seed, const char *stream, unsigned int sub,
		   int64_t k)
{
	struct av_rand r;

	av_rand_init(&r, seed ^ (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15) ^
			     (uint64_t)sub << 48,
		     stream);
	return av_rand_gauss(&r);
}

double sky_noise(uint64_t seed, const char *stream, unsigned int sub,
		 double t_s, double tau_s)
{
	double x = t_s / tau_s, k = floor(x), f = x - k;
	double a = knot(seed, stream, sub, (int64_t)k);
	double b = knot(seed, stream, sub, (int64_t)k + 1);

	/* the deviation stays 1 on the way from knot to knot */
	return a * cos(f * TAU / 4) + b * sin(f * TAU / 4);
}

/* ---- signals ---- */

/*
 * Light path: the satellite where it was when the signal left, turned into the
 * frame of the moment of reception.
 */
static double light_path(unsigned int i, const struct sky_where *w,
			 const double me[3], double to[3], double vel[3])
{
	double we = TAU / ((double)SIDEREAL_DAY_NS / 1e9);
	double r = 2.3e7, p[3], v[3];

	/* the second time around it is exact to 0.1 mm */
	for (int k = 0; k < 2; k++) {
		double tau = r / GNSS_LIGHT, c, s;

		sky_orbit(i, w->gps_ns - (int64_t)(tau * 1e9 + 0.5), p, v);
		c = cos(we * tau);
		s = sin(we * tau);
		to[0] = c * p[0] + s * p[1] - me[0];
		to[1] = c * p[1] - s * p[0] - me[1];
		to[2] = p[2] - me[2];
		vel[0] = c * v[0] + s * v[1];
		vel[1] = c * v[1] - s * v[0];
		vel[2] = v[2];
		r = sqrt(to[0] * to[0] + to[1] * to[1] + to[2] * to[2]);
	}
	return r;
}

/* C/N0 of an open sky: an antenna that looks up. */
static double open_sky_cn0(double elevation_deg)
{
	return 30 + 17 * sqrt(elevation_deg / 90);
}

static void one_signal(const struct sky_where *w, double enu[3][3],
		       const double me[3], unsigned int i,
		       struct sky_epoch *out)
{
	struct sky_signal s = { .i = i };
	double to[3], vel[3], los[3], noise, low;

	sky_orbit(i, w->gps_ns, to, vel);
	if ((to[0] - me[0]) * enu[2][0] + (to[1] - me[1]) * enu[2][1] +
		    (to[2] - me[2]) * enu[2][2] <
	    0) {
		return; /* below the horizon */
	}
	s.system = sky_system(i, &s.svid);
	s.range_m = light_path(i, w, me, to, vel);
	for (int k = 0; k < 3; k++) {
		los[k] = (enu[k][0] * to[0] + enu[k][1] * to[1] +
			  enu[k][2] * to[2]) /
			 s.range_m;
	}
	s.elevation_deg = asin(los[2]) / DEG;
	if (s.elevation_deg < SKY_MASK_DEG) {
		return;
	}
	s.azimuth_deg = atan2(los[0], los[1]) / DEG;
	if (s.azimuth_deg < 0) {
		s.azimuth_deg += 360;
	}
	s.cn0_dbhz = open_sky_cn0(s.elevation_deg) - w->weaker_db +
		     1.5 * sky_noise(w->seed, "gnss.cn0", i, w->t_s, 20);
	s.used = !w->blocked && s.cn0_dbhz >= 20;
	/* weak and low signals are the bad ones */
	low = 1 / sin((s.elevation_deg + 3) * DEG);
	s.sigma_m = 0.45 * low + 12 * pow(10, -s.cn0_dbhz / 20);
	s.rate_sigma_mps = 0.03 + 2 * pow(10, -s.cn0_dbhz / 20);
	noise = 0.9 * sky_noise(w->seed, "gnss.range", i, w->t_s, 90) +
		0.436 * sky_noise(w->seed, "gnss.noise", i, w->t_s, 1);
	s.error_m = s.sigma_m * noise;
	s.rate_error_mps = s.rate_sigma_mps *
			   sky_noise(w->seed, "gnss.rate", i, w->t_s, 0.5);
	if (w->multipath_m > 0 && s.elevation_deg < 40) {
		/* a reflection is always longer, and comes and goes */
		s.error_m += w->multipath_m *
			     fabs(sky_noise(w->seed, "gnss.multipath", i,
					    w->t_s, 8));
		s.cn0_dbhz -= 4;
		s.sigma_m += 0.5 * w->multipath_m;
	}
	for (int k = 0; k < 3; k++) {
		s.rate_mps += los[k] * (enu[k][0] * vel[0] +
					enu[k][1] * vel[1] +
					enu[k][2] * vel[2] - w->vel[k]);
	}
	out->n_tracked += s.used;
	out->s[out->n++] = s;
}

/* ---- the solution ---- */

/* Invert a symmetric positive 4 x 4 matrix; false if it cannot be. */
static bool invert(double m[4][4], double out[4][4])
{
	double a[4][8];

	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 4; k++) {
			a[i][k] = m[i][k];
			a[i][k + 4] = i == k;
		}
	}
	for (int i = 0; i < 4; i++) {
		int p = i;

		for (int k = i + 1; k < 4; k++) {
			p = fabs(a[k][i]) > fabs(a[p][i]) ? k : p;
		}
		if (fabs(a[p][i]) < 1e-9) {
			return false;
		}
		for (int k = 0; k < 8; k++) {
			double x = a[p][k];

			a[p][k] = a[i][k];
			a[i][k] = x;
		}
		for (int k = 7; k >= i; k--) {
			a[i][k] /= a[i][i];
		}
		for (int r = 0; r < 4; r++) {
			for (int k = 7; r != i && k >= i; k--) {
				a[r][k] -= a[r][i] * a[i][k];
			}
		}
	}
	for (int i = 0; i < 4; i++) {
		memcpy(out[i], &a[i][4], 4 * sizeof(double));
	}
	return true;
}

/* Row of the geometry: how the pseudorange moves with east, north, up, clock */
static void geometry(const struct sky_signal *s, double h[4])
{
	double el = s->elevation_deg * DEG, az = s->azimuth_deg * DEG;

	h[0] = -cos(el) * sin(az);
	h[1] = -cos(el) * cos(az);
	h[2] = -sin(el);
	h[3] = 1;
}

/* Sum of h w h' over the used signals, inverted. */
static bool covariance(const struct sky_epoch *e, int what, double q[4][4])
{
	double m[4][4] = { { 0 } }, h[4];

	for (size_t i = 0; i < e->n; i++) {
		const struct sky_signal *s = &e->s[i];
		double sigma = what == 0 ? 1 :
			       what == 1 ? s->sigma_m :
					   s->rate_sigma_mps;

		if (!s->used) {
			continue;
		}
		geometry(s, h);
		for (int r = 0; r < 4; r++) {
			for (int c = 0; c < 4; c++) {
				m[r][c] += h[r] * h[c] / (sigma * sigma);
			}
		}
	}
	return invert(m, q);
}

static void solve(const struct sky_epoch *e, double q[4][4], bool rate,
		  double x[4])
{
	double b[4] = { 0 }, h[4];

	for (size_t i = 0; i < e->n; i++) {
		const struct sky_signal *s = &e->s[i];
		double sigma = rate ? s->rate_sigma_mps : s->sigma_m;
		double v = rate ? s->rate_error_mps : s->error_m;

		geometry(s, h);
		for (int r = 0; s->used && r < 4; r++) {
			b[r] += h[r] * v / (sigma * sigma);
		}
	}
	for (int r = 0; r < 4; r++) {
		x[r] = q[r][0] * b[0] + q[r][1] * b[1] + q[r][2] * b[2] +
		       q[r][3] * b[3];
	}
}

/* Take out of the errors what would move the fix. */
static void keep_fix(struct sky_epoch *e, const double x[4], const double v[4])
{
	double h[4];

	for (size_t i = 0; i < e->n; i++) {
		geometry(&e->s[i], h);
		for (int r = 0; r < 4; r++) {
			e->s[i].error_m -= h[r] * x[r];
			e->s[i].rate_error_mps -= h[r] * v[r];
		}
	}
}

void sky_observe(const struct sky_where *w, struct sky_epoch *out)
{
	double enu[3][3], me[3], dop[4][4], q[4][4], qv[4][4], x[4], v[4];

	*out = (struct sky_epoch){ 0 };
	wgs84_enu(w->lat_deg, w->lon_deg, enu);
	wgs84_to_ecef(w->lat_deg, w->lon_deg, w->alt_m, me);
	for (unsigned int i = 0; i < SKY_SATS; i++) {
		one_signal(w, enu, me, i, out);
	}
	out->n_used = out->n_tracked;
	if (out->n_used < 4 || !covariance(out, 0, dop) ||
	    !covariance(out, 1, q) || !covariance(out, 2, qv)) {
		out->n_used = 0;
		for (size_t i = 0; i < out->n; i++) {
			out->s[i].used = false;
		}
		return;
	}
	out->solved = true;
	solve(out, q, false, x);
	solve(out, qv, true, v);
	if (w->exact) {
		keep_fix(out, x, v);
	} else {
		memcpy(out->offset, x, sizeof(out->offset));
		memcpy(out->vel_offset, v, sizeof(out->vel_offset));
		out->clock_m = x[3];
	}
	out->hdop = sqrt(dop[0][0] + dop[1][1]);
	out->vdop = sqrt(dop[2][2]);
	out->pdop = sqrt(dop[0][0] + dop[1][1] + dop[2][2]);
	/* 68 % of a round scatter lie within 1.07 of its radial deviation */
	out->h_acc_m = 1.07 * sqrt(q[0][0] + q[1][1]);
	out->v_acc_m = sqrt(q[2][2]);
	out->speed_acc_mps = sqrt((qv[0][0] + qv[1][1]) / 2);
}
