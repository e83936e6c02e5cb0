/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The electronic control units of the simulated car and the wire between them:
 * they sample the vehicle state, pack it into frames by the DBC, send cyclic,
 * event and mixed messages with counters and checksums, and arbitrate for the
 * bus at its bit rate. Frames appear on TOPIC_CAN at their end of frame.
 */
#ifndef AVSIM_CAN_ECU_H
#define AVSIM_CAN_ECU_H

#include "sim/can/dbc.h"
#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/topics.h"

enum can_checksum { CHECKSUM_NONE, CHECKSUM_XOR8, CHECKSUM_SUM8,
		    CHECKSUM_CRC8_J1850, CHECKSUM_TOYOTA };
extern const char *const can_checksum_names[]; /* NULL-ended */

/* Where the value of a sent signal comes from: value = f(var). */
struct ecu_source {
	const struct dbc_signal *signal;
	enum vehicle_var var;
	double scale, offset; /* signal = var * scale + offset (no enum map) */
	const struct ecu_map { double var, signal; } *map; /* exact pairs */
	size_t n_map;
};

/* A request signal: what an ECU does when it receives it. */
struct ecu_request {
	const struct dbc_signal *signal;
	enum vehicle_var var;
	double scale, offset; /* var = signal * scale + offset */
	const struct ecu_map *map;
	size_t n_map;
};

/* Per message extras. */
struct ecu_message {
	const struct dbc_message *msg;
	const struct dbc_signal *counter;  /* or NULL */
	const struct dbc_signal *checksum; /* or NULL */
	enum can_checksum kind;
};

struct ecu_bus {
	const char *name; /* "can0" */
	const struct dbc *dbc;
	uint32_t bit_rate;	/* nominal, bit/s */
	uint32_t fd_bit_rate;	/* data phase, 0 = no FD */
	const struct ecu_source *source;
	size_t n_sources;
	const struct ecu_request *request;
	size_t n_requests;
	const struct ecu_message *extra;
	size_t n_extras;
};

/*
 * A multiplexed message: where the selector has no source, the ECU steps it
 * through the values that any of the message's signals names (the low end of
 * each range), rising, one value per frame, and packs only the signals of that
 * value. A full round takes as many cycles as there are values.
 */

struct ecus;

/**
 * ecus_create() - Wire up all buses; subscribes to TOPIC_VEHICLE, owns TOPIC_CAN
 * @buses:	copied shallowly: DBCs and arrays are borrowed for its life
 * @sim:	false: no ECU sends (a foreign log is replayed); only
 *		ecus_send() and ecus_replay() put frames on the bus
 */
int ecus_create(struct evq *q, struct bus *bus, struct cmdq *cmdq,
		const struct ecu_bus *buses, size_t n_buses, bool sim,
		struct ecus **out, struct av_err *err);
void ecus_destroy(struct ecus *e);

/**
 * ecus_send() - Queue a frame for arbitration now (requests, injection)
 * @tx:		value of can_frame.tx
 *
 * Return: 0, -EINVAL (no such bus, bad length or id), -ENOBUFS (64 frames of
 * this sender wait already: the bus is overloaded).
 */
int ecus_send(struct ecus *e, const struct can_frame *f, bool tx);

/* Publish @f right now, as it was recorded, without arbitration. */
void ecus_replay(struct ecus *e, const struct can_frame *f);

/**
 * ecus_request() - Ask for one thing: pack @phys into the message of @s, queue it
 *
 * All bits of a request signal set means "no request" (SNA, signal not
 * available). The message's other signals, and its unused bits, go out like
 * that, so that asking for one thing never disturbs another; an ECU ignores a
 * request signal whose raw value is all ones. Request signals are unsigned and
 * at least two bits wide for this (signals_create() checks it).
 */
int ecus_request(struct ecus *e, unsigned int bus, const struct dbc_signal *s,
		 double phys);

/* Faults: stop or resume what a node sends (@node NULL: the whole bus). */
int ecus_mute(struct ecus *e, unsigned int bus, const char *node, bool mute);

/* Faults: how the sender gets a signal wrong. */
enum ecu_wrong {
	ECU_RIGHT,  /* as the model says; ends the others */
	ECU_STUCK,  /* at @amount, or where it is if that is NaN */
	ECU_OFFSET, /* by @amount */
	ECU_NOISE,  /* normal, deviation @amount, new in every step */
};
/**
 * ecus_distort() - Have the ECU that sends @s get it wrong from now on
 * @amount:	physical, in the unit of the signal
 * @seed:	of the run; each signal has a stream of its own
 *
 * Return: 0, -EINVAL (no such bus), -ENOENT (no ECU sends it), -ENOMEM.
 */
int ecus_distort(struct ecus *e, unsigned int bus, const struct dbc_signal *s,
		 enum ecu_wrong how, double amount, uint64_t seed);

struct can_bus_stats {
	uint64_t frames, bits, errors, dropped;
	double load; /* 0..1 over the last second of virtual time */
};
void ecus_stats(const struct ecus *e, unsigned int bus,
		struct can_bus_stats *out);

/* Bits on the wire incl. exact stuff bits, and ns at the bus's rates. */
unsigned int can_frame_bits(const struct can_frame *f, unsigned int *data_bits);

#endif
