/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver as a serial line: NMEA sentences on a pty, for gpsd and others
 * that want a device. What they write is read and passed over.
 */
#ifndef AVSIM_SERVICES_NMEA_PTY_H
#define AVSIM_SERVICES_NMEA_PTY_H

#include "sim/core/bus.h"
#include "sim/core/err.h"

#include <stdint.h>
#include <uv.h>

struct nmea_pty;

struct nmea_pty_stats {
	uint64_t bursts;  /* fixes and statuses written */
	uint64_t dropped; /* for want of a reader */
};

/* @path: becomes a symbolic link to the pty. 0 or -errno with @err. */
int nmea_pty_create(uv_loop_t *loop, struct bus *bus, const char *path,
		    struct nmea_pty **out, struct av_err *err);
void nmea_pty_destroy(struct nmea_pty *p);
void nmea_pty_stats(const struct nmea_pty *p, struct nmea_pty_stats *out);

#endif
