/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candump -L log files: "(1690000000.123456) can0 123#1122", classic, remote,
 * error and FD ("123##<flags>..") frames, any number of decimals.
 */
#ifndef AVSIM_CAN_CANDUMP_H
#define AVSIM_CAN_CANDUMP_H

#include "sim/core/err.h"
#include "sim/topics.h"

#include <stdio.h>

#define CANDUMP_IFACES_MAX 32
#define CANDUMP_IFACE_LEN 16

/* Reads a whole file held in memory (mapped or not). */
struct candump_reader {
	const char *name; /* borrowed, for messages */
	const char *at, *end, *begin;
	unsigned long line;
	char iface[CANDUMP_IFACES_MAX][CANDUMP_IFACE_LEN]; /* bus index -> name */
	unsigned int n_ifaces;
};

void candump_reader_init(struct candump_reader *r, const char *name,
			 const char *buf, size_t len);

/**
 * candump_next() - Next frame
 * @f:		@f->t is the absolute stamp in ns since the epoch; @f->bus the
 *		index of its interface in @r->iface (added in order of appearance)
 *
 * Empty lines are skipped. Return: 1 a frame, 0 end of file, -EINVAL a bad line
 * (message in @d; the reader has moved past it and can go on).
 */
int candump_next(struct candump_reader *r, struct can_frame *f,
		 struct av_diags *d);

#define CANDUMP_LINE_MAX 256
/**
 * candump_format() - One line with newline, as candump -L writes it
 * @abs_ns:	stamp; six decimals if it is whole microseconds, else nine
 *
 * Return: length.
 */
size_t candump_format(const struct can_frame *f, const char *iface,
		      int64_t abs_ns, char *buf);

#endif
