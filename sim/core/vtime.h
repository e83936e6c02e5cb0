/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time: signed 64-bit nanoseconds since scenario start. Wraps after 292
 * years; nothing in the simulation reads any other clock.
 */
#ifndef AVSIM_CORE_VTIME_H
#define AVSIM_CORE_VTIME_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t vtime; /* ns since scenario start */

#define VT_US INT64_C(1000)
#define VT_MS INT64_C(1000000)
#define VT_S INT64_C(1000000000)
#define VT_NEVER INT64_MAX
#define VTIME_STR_MAX 24

/**
 * vtime_format() - Write @t as seconds with nine decimals ("12.345000000")
 * @buf:	at least VTIME_STR_MAX bytes
 *
 * Return: length without the terminating NUL.
 */
size_t vtime_format(vtime t, char *buf);

/**
 * vtime_parse() - Read a duration: "90", "1.5s", "200ms", "10us", "2min", "1h"
 * @s:		text; a bare number is seconds; spaces before the unit allowed
 * @out:	result in ns, exact for up to nine decimals of a second
 *
 * Return: 0, -EINVAL if it is no duration, -ERANGE if it overflows.
 */
int vtime_parse(const char *s, vtime *out);

static inline double vtime_to_s(vtime t)
{
	return (double)t / 1e9;
}

/**
 * vtime_from_s() - Nearest ns to @s seconds; saturates instead of overflowing
 */
vtime vtime_from_s(double s);

#endif
