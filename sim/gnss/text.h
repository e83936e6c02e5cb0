/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions as text for others: NMEA 0183 sentences, rows of GnssLogger. Pure
 * functions of what they are given.
 */
#ifndef AVSIM_GNSS_TEXT_H
#define AVSIM_GNSS_TEXT_H

#include "sim/gnss/sky.h"
#include "sim/topics.h"

#define GNSS_BOOT_NS (60 * VT_S) /* elapsed real time at virtual 0 */

/* ---- NMEA 0183, version 4.10; sentences end with CR LF ---- */

#define GNSS_NMEA_FIX_MAX 400
/* RMC, VTG, GGA into @buf. Return: length. */
size_t gnss_nmea_fix(const struct gnss_fix *f, char *buf);

#define GNSS_NMEA_SATS_MAX 8192
/* GSA (with the DOPs of @f, may be NULL) and GSV of all systems. */
size_t gnss_nmea_sats(const struct gnss_fix *f, const struct gnss_sat *s,
		      size_t n, char *buf);

/* ---- GnssLogger ---- */

extern const char gnss_fix_header[]; /* "Fix,Provider,..." */
extern const char gnss_raw_header[]; /* "Raw,utcTimeMillis,..." */
extern const char gnss_status_header[];

#define GNSS_FIX_LINE_MAX 512
/* "Fix,GPS,..." with 13 columns, no line feed; @t: virtual time. */
size_t gnss_fix_line(const struct gnss_fix *f, const char *provider, vtime t,
		     char *buf);

#define GNSS_RAW_LINE_MAX 640
/**
 * gnss_raw_line() - One signal as a "Raw,..." row of 37 columns
 * @e, @s:	the epoch and one of its signals
 * @unix_ns:	of the epoch
 *
 * c * (TimeNanos + TimeOffsetNanos - FullBiasNanos - BiasNanos -
 * ReceivedSvTimeNanos) is the pseudorange, less the receiver's clock as it knows
 * it; in the week of GPS time, or the day of GLONASS time.
 */
size_t gnss_raw_line(const struct sky_epoch *e, const struct sky_signal *s,
		     int64_t unix_ns, vtime t, char *buf);

/* "G05", as RINEX calls satellites; @buf: 8 bytes. */
const char *gnss_sat_name(unsigned int system, unsigned int svid, char *buf);
/* The other way around; false if it is none. */
bool gnss_sat_parse(const char *name, struct gnss_sat *s);
extern const char *const gnss_system_names[GNSS_N_SYSTEMS];

#endif
