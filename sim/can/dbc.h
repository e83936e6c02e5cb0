/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DBC databases: parsing, and packing and unpacking of signals through tables
 * made at load time. Contract for all users of DBC files.
 */
#ifndef AVSIM_CAN_DBC_H
#define AVSIM_CAN_DBC_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbc_value_type { DBC_INT, DBC_FLOAT, DBC_DOUBLE };
enum dbc_send_type {
	DBC_SEND_NONE,	 /* never by itself */
	DBC_SEND_CYCLIC, /* every cycle_ms */
	DBC_SEND_EVENT,	 /* when a signal changed */
	DBC_SEND_MIXED,	 /* both */
};

struct dbc_label {
	int64_t raw;
	const char *text; /* UTF-8 */
};

struct dbc_message;

struct dbc_signal {
	const char *name; /* the long name where the file has one */
	const struct dbc_message *msg;
	uint16_t start; /* bit number as in the file */
	uint16_t len;	/* bits, 1..64 */
	bool big_endian;
	bool is_signed;
	enum dbc_value_type type;
	double factor, offset, min, max;
	const char *unit;    /* UTF-8, "" if none */
	const char *comment; /* UTF-8 or NULL */
	bool is_mux;	     /* selects others */
	int mux_parent;	     /* index of the selecting signal, -1: always there */
	const struct dbc_mux_range { /* selector values that carry it */
		uint64_t lo, hi;
	} *mux_range;
	size_t n_mux_ranges;
	const struct dbc_label *label; /* sorted by raw */
	size_t n_labels;
	bool has_start_value; /* GenSigStartValue */
	double start_value;   /* physical */
};

struct dbc_message {
	const char *name;
	uint32_t id; /* without the extended flag */
	bool ext;    /* 29-bit */
	bool fd;     /* CAN FD by attribute VFrameFormat or length > 8 */
	bool brs;    /* FD with bit rate switch */
	uint16_t len; /* bytes */
	const char *sender;  /* node name, "" if none */
	const char *comment; /* or NULL */
	const struct dbc_signal *signal; /* in file order */
	size_t n_signals;
	enum dbc_send_type send_type; /* GenMsgSendType */
	uint32_t cycle_ms;	      /* GenMsgCycleTime, 0 = none */
	uint32_t delay_ms;	      /* GenMsgDelayTime: least spacing */
	uint32_t start_delay_ms;      /* GenMsgStartDelayTime */
	const void *plan;	      /* compiled tables, private */
};

struct dbc {
	const struct dbc_message *message; /* in file order */
	size_t n_messages;
	size_t n_signals; /* over all messages */
	const char *version;
	char *name;    /* as given to dbc_parse() */
	void *private; /* arena, indexes */
};

/**
 * dbc_parse() - Read a DBC file
 * @name:	for messages, copied
 * @buf:	bytes; UTF-8 (BOM allowed) or Latin-1, LF or CRLF
 * @d:		errors as file:line:column; tolerated oddities go to @warn
 * @warn:	may be NULL
 *
 * Return: 0 and *@out (caller dbc_destroy()s), -EINVAL, -ENOMEM.
 */
int dbc_parse(const char *name, const char *buf, size_t len, struct dbc **out,
	      struct av_diags *d, struct av_diags *warn);
void dbc_destroy(struct dbc *dbc);

/* By identifier, O(1); NULL if unknown. */
const struct dbc_message *dbc_by_id(const struct dbc *dbc, uint32_t id,
				    bool ext);
const struct dbc_message *dbc_by_name(const struct dbc *dbc, const char *name);
const struct dbc_signal *dbc_signal_by_name(const struct dbc_message *m,
					    const char *name);

/* Raw value: sign-extended integer, or the bits of a float or double. Bits
 * beyond @len bytes read as 0. */
int64_t dbc_get_raw(const struct dbc_signal *s, const uint8_t *data,
		    size_t len);
void dbc_set_raw(const struct dbc_signal *s, uint8_t *data, size_t len,
		 int64_t raw);

/* Whether a frame of @len bytes carries @s: long enough, and every selector on
 * the way up has a value that selects it. */
bool dbc_signal_present(const struct dbc_signal *s, const uint8_t *data,
			size_t len);
/* The bytes @s touches: [*from, *end). */
void dbc_signal_bytes(const struct dbc_signal *s, unsigned int *from,
		      unsigned int *end);

/* raw <-> physical. dbc_to_raw() rounds to nearest (ties to even) and clamps to
 * the field; NaN is 0 in an integer. */
double dbc_to_phys(const struct dbc_signal *s, int64_t raw);
int64_t dbc_to_raw(const struct dbc_signal *s, double phys);

const char *dbc_label_of(const struct dbc_signal *s, int64_t raw); /* or NULL */

/**
 * dbc_decode() - All signals of one frame
 * @phys:	n_signals values; NaN where multiplexed out or beyond @len
 * @raw:	n_signals values or NULL
 *
 * Return: number of signals present.
 */
size_t dbc_decode(const struct dbc_message *m, const uint8_t *data, size_t len,
		  double *phys, int64_t *raw);

/**
 * dbc_encode() - One frame from physical values
 * @phys:	n_signals values; NaN: leave the bits 0. What the selectors'
 *		values do not select is left out
 * @data:	m->len bytes, overwritten
 */
void dbc_encode(const struct dbc_message *m, const double *phys, uint8_t *data);

#endif
