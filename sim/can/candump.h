/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candump -L log files: "(1690000000.123456) can0 123#1122", classic, remote,
 * error and FD ("123##<flags>..") frames, any number of decimals.
 */
#ifndef AVSIM_CAN_CANDUMP_H
#define AVSIM_CAN_CANDUMP_H

#include "sim/core/err.h"
#include "sim/topics.h"

#include <stddef.h>
#include <stdint.h>

#define CANDUMP_IFACES_MAX 32
#define CANDUMP_IFACE_LEN 16

/*
 * What a line shows beyond its frame, so that it can be written back as it was.
 * Zeroed: as candump -L writes by default.
 */
struct candump_style {
	uint8_t decimals; /* of the stamp, 0..9; 0 also: six or nine by value */
	uint8_t width;	  /* of the interface column, right-aligned */
	char mark;	  /* 'R' received, 'T' sent, 0 none (candump -x) */
	char raw_dlc;	  /* '9'..'F' after "_" of an 8-byte frame, else 0 */
	uint8_t fd_bits;  /* FD flag bits that struct can_frame has not (4, 8) */
};

/* Reads a whole file held in memory (mapped or not). */
struct candump_reader {
	const char *name; /* borrowed, for messages */
	const char *at, *end, *begin;
	unsigned long line;
	char iface[CANDUMP_IFACES_MAX][CANDUMP_IFACE_LEN]; /* bus index -> name */
	unsigned int n_ifaces;
	unsigned int last; /* interface of the frame before */
	struct candump_style style; /* of the line just read */
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
 * @iface:	at most CANDUMP_IFACE_LEN - 1 characters are written
 * @abs_ns:	stamp, >= 0; six decimals if it is whole microseconds, else nine
 * @buf:	CANDUMP_LINE_MAX bytes
 *
 * Return: length.
 */
size_t candump_format(const struct can_frame *f, const char *iface,
		      int64_t abs_ns, char *buf);
/* The same in the style of a line that was read; NULL: the default. */
size_t candump_format_as(const struct can_frame *f, const char *iface,
			 int64_t abs_ns, const struct candump_style *style,
			 char *buf);

#endif
