/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The satellites of the model: where they are, which are in view, what a
 * receiver makes of them.
 *
 * The constellation is a stated one, not today's: circular orbits without
 * perturbations, which fixes everything for ever.
 *
 *   system	planes x slots	radius		inclination	period
 *   GPS	6 x 5		26 559 700 m	55 deg		half a sidereal day
 *   GLONASS	3 x 8		25 508 000 m	64.8 deg	8/17 of one
 *   Galileo	3 x 8		29 600 000 m	56 deg		10/17 of one
 *
 * Walker pattern: node of plane p at p * 360/planes, slot s at s * 360/slots
 * + p * 360 * F / total (F = 1), at 2020-01-01T00:00:00 GPS time, when Greenwich
 * is at right ascension 0. Satellite clocks are perfect, all systems keep GPS
 * time, and there is no atmosphere: what goes wrong with a signal is one error
 * per satellite (troposphere, ionosphere, reflections, thermal noise together),
 * a smooth random function of time.
 */
#ifndef AVSIM_GNSS_SKY_H
#define AVSIM_GNSS_SKY_H

#include "sim/topics.h"

#define GNSS_LIGHT 299792458.0 /* m/s */
#define SKY_SATS (30 + 24 + 24)
#define SKY_MASK_DEG 5.0 /* below it a satellite is not tracked */

/* Time in here: ns of GPS time since 1980-01-06. */
int64_t sky_gps_ns(int64_t unix_ns);

/* Satellite @i of the model, 0 .. SKY_SATS - 1. */
enum gnss_system sky_system(unsigned int i, uint16_t *svid);
int sky_index(enum gnss_system sys, uint16_t svid); /* -1 unknown */

/* Position and velocity at @gps_ns in the earth-fixed frame of that moment. */
void sky_orbit(unsigned int i, int64_t gps_ns, double pos[3], double vel[3]);

/* What the receiver and its surroundings are like at an epoch. */
struct sky_where {
	uint64_t seed;
	int64_t gps_ns;
	double t_s;	 /* virtual time, for the noise */
	double lat_deg, lon_deg, alt_m;
	double vel[3]; /* m/s east, north, up */
	double weaker_db; /* taken from each C/N0 */
	double multipath_m; /* size of reflections from low satellites, or 0 */
	bool blocked;	    /* no sky at all */
	bool exact; /* position is a known fix: errors must not move it */
};

/* A tracked signal. */
struct sky_signal {
	unsigned int i;
	enum gnss_system system;
	uint16_t svid;
	bool used;
	double azimuth_deg, elevation_deg, cn0_dbhz;
	double range_m;	 /* light path to @where, without clocks */
	double error_m;	 /* of the pseudorange, as the receiver sees it */
	double rate_mps; /* of the range */
	double rate_error_mps;
	double sigma_m, rate_sigma_mps;
};

struct sky_epoch {
	struct sky_signal s[SKY_SATS];
	size_t n;	 /* in view above the mask, tracked or not */
	size_t n_tracked, n_used;
	bool solved; /* enough satellites: the rest is valid */
	double offset[3];     /* error of the position, m east, north, up */
	double clock_m;       /* and of the receiver's clock */
	double vel_offset[3]; /* m/s */
	double h_acc_m, v_acc_m, speed_acc_mps;
	double pdop, hdop, vdop;
};

/**
 * sky_observe() - Satellites in view of @where, their signals, and the fix
 *
 * The fix is the weighted least-squares solution of just these signals: a
 * receiver that solves the pseudoranges (range + error + clock) gets the same
 * position, its DOP is that of this geometry, its accuracy that of these sigmas.
 * The same @where gives the same epoch, whatever was observed before.
 */
void sky_observe(const struct sky_where *where, struct sky_epoch *out);

/* A smooth random function of @t_s: mean 0, deviation 1, correlated over about
 * @tau_s. The same for the same arguments. */
double sky_noise(uint64_t seed, const char *stream, unsigned int sub,
		 double t_s, double tau_s);

#endif
