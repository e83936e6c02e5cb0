/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calendar dates, proleptic Gregorian, UTC. No time zones, no leap seconds but
 * those of GPS time.
 */
#ifndef AVSIM_CORE_DATE_H
#define AVSIM_CORE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Days from 1970-01-01. */
int64_t av_days_from_civil(int year, int month, int day);
void av_civil_from_days(int64_t days, int *year, int *month, int *day);
bool av_civil_ok(int year, int month, int day); /* years 1970 to 2199 */

/**
 * av_iso_parse() - "2026-06-01T12:00:00.250Z" to ns since 1970
 *
 * The fraction may be left out; the zone is Z, +hh:mm, -hh:mm or nothing (UTC).
 * A blank may stand for the T.
 *
 * Return: 0, or -EINVAL (*unix_ns untouched).
 */
int av_iso_parse(const char *s, size_t len, int64_t *unix_ns);

#define AV_ISO_MAX 40
/* "2026-06-01T12:00:00.250Z" with ms into @buf (AV_ISO_MAX). */
void av_iso_format(int64_t unix_ms, char *buf);

/* Seconds by which GPS time is ahead of UTC at that moment: 13 in 1999, 18
 * since 2017 (IERS Bulletin C). */
int av_gps_leap(int64_t unix_s);
#define AV_GPS_EPOCH_S INT64_C(315964800) /* 1980-01-06, in Unix time */

#endif
