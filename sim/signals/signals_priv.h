/* SPDX-License-Identifier: Apache-2.0 */
/* What bind.c builds and signals.c runs. */
#ifndef AVSIM_SIGNALS_SIGNALS_PRIV_H
#define AVSIM_SIGNALS_SIGNALS_PRIV_H

#include "sim/signals/signals.h"

#define SIG_DATA_MAX 64     /* bytes of a CAN FD frame */
#define SIG_VEC_MAX 64      /* elements of a bound vector property */
#define SIG_BIT_RATE 500000 /* usual ones, where a vehicle does not say */
#define SIG_FD_BIT_RATE 2000000

/* y = x * scale + offset */
struct sig_lin {
	double scale, offset;
};

/* Raw value of a signal and the number that stands for it elsewhere. */
struct sig_map {
	int64_t raw;
	double value;
};

struct sig {
	const struct dbc_signal *dbc;
	const char *key;
	const char *unit;
	double value; /* NaN before the first frame */
	int64_t raw;
	vtime changed;
	vtime seen; /* kept in multiplexed messages only, else the message's */
	uint64_t bytes; /* of the payload that its value depends on, bit each */
	uint32_t msg;
	uint32_t first_target, n_targets;
	uint16_t end;      /* first payload byte after it */
	bool known;        /* has a value */
	bool request;      /* of a request message: all ones is no value */
	unsigned int line; /* of its binding, 0 = none */
	/* sum: and mean: rows: made of signals of the same message */
	const struct dbc_signal *const *part; /* NULL: a signal of the DBC */
	size_t n_parts;
	double factor; /* of the sum */
	int next;      /* the next one of the message, or -1 */
};

struct sig_msg {
	const struct dbc_message *dbc;
	uint32_t first_sig;
	int derived;  /* first signal of a sum: or mean: row, or -1 */
	bool mux;     /* has signals that are not in every frame */
	bool have;    /* @data is the last payload */
	bool request; /* a request: signal lies in it */
	uint8_t len;
	uint8_t data[SIG_DATA_MAX];
	vtime seen;
};

/* A property, or an element of one, that a signal feeds. */
struct sig_target {
	uint32_t sig;
	uint32_t slot;
	int vec; /* index of the vector it is part of, -1: scalar */
	uint32_t elem;
	struct sig_lin lin;
	const struct sig_map *map; /* instead of @lin; sorted by raw */
	size_t n_map;
};

/* A vector property put together of several signals. */
struct sig_vec {
	uint32_t slot;
	int32_t prop, area;
	uint32_t n; /* elements */
	bool have[SIG_VEC_MAX];
	double value[SIG_VEC_MAX];
	bool dirty;
};

/* What a set of a property sends. */
struct sig_request {
	uint32_t slot;
	unsigned int bus;
	const struct dbc_signal *dbc;
	struct sig_lin lin;        /* property -> signal */
	const struct sig_map *map; /* instead: raw -> property, as written */
	size_t n_map;
};

struct sig_bus {
	const char *name;
	const struct dbc *dbc;
	uint32_t first_msg;
	struct ecu_source *source;
	size_t n_sources;
	struct ecu_request *request;
	size_t n_requests;
	struct ecu_message *extra;
	size_t n_extras;
};

/* A constant element or property; @vec as in struct sig_target. */
struct sig_const {
	uint32_t slot;
	int vec;
	uint32_t elem;
	double value;
};

struct sig_block;

struct signals {
	struct sig_bus *bus;
	size_t n_buses;
	struct sig_msg *msg;
	size_t n_msgs;
	struct sig *sig;
	size_t n_sigs;
	uint32_t *by_key;          /* signals in the order of their keys */
	struct sig_target *target; /* by signal */
	size_t n_targets;
	struct sig_vec *vec;
	size_t n_vecs;
	struct sig_request *request; /* by slot */
	size_t n_requests;
	struct sig_const *constant;
	size_t n_constants;
	struct vhal *vhal;
	struct bus *topics; /* once attached */
	struct ecus *ecus;
	struct sig_block *blocks; /* names and maps */
};

/* Memory that lives as long as @s, or NULL. */
void *sig_alloc(struct signals *s, size_t size);

/* Payload bytes that @d lies in; @end: the first one after it. */
uint64_t sig_bytes(const struct dbc_signal *d, uint16_t *end);

/* Bus that message @msg is on. */
unsigned int sig_msg_bus(const struct signals *s, uint32_t msg);

/* Read the binding table into @s, whose signals are there already. */
int sig_bind(struct signals *s, const char *name, const char *yaml, size_t len,
	     struct av_diags *d);

#endif
