/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign formats: one file and one row (formats.c) each.
 */
#ifndef AVSIM_RECORDINGS_FORMATS_H
#define AVSIM_RECORDINGS_FORMATS_H

#include "recordings/rec.h"

#include <stdio.h>

/* ---- export ---- */

struct exporter {
	const char *name; /* --format */
	const char *help;
	/* Write what @f lets through of @r. 0 or -errno with @err; a failing
	 * @out is noticed by the caller. */
	int (*run)(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err);
};

extern const struct exporter exporters[];
extern const size_t n_exporters;

/* ---- import ---- */

struct import_source;

/*
 * What reads one file: CAN frames with absolute stamps, in file order. Without
 * open() it is a format of sim/gnss/trace.h: the file itself becomes an input of
 * the recording, and the world plays it.
 */
struct importer {
	const char *name;
	const char *help;
	/* Does the file look like ours? @head: its first bytes. */
	bool (*probe)(const char *head, size_t len);
	/* @data stays the caller's. Messages about bad lines go to @d. */
	struct import_source *(*open)(const char *name, const char *data,
				      size_t len);
	/* 1 a frame (t: ns since the epoch; bus: index of import_iface), 0 the
	 * end, -EINVAL a bad line (said in @d; call again to go on). */
	int (*next)(struct import_source *s, struct can_frame *f,
		    unsigned long *line, struct av_diags *d);
	const char *(*iface)(const struct import_source *s, unsigned int bus);
	void (*close)(struct import_source *s);
};

extern const struct importer importers[];
extern const size_t n_importers;

#endif
