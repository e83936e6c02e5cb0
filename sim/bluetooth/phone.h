/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated phone with a host stack of its own: L2CAP signalling, an SDP
 * server, an RFCOMM multiplexer and the audio gateway of the hands-free profile
 * (HFP 1.7, narrow band). That is all it offers, and all its SDP record says.
 *
 * What its user does comes from scenario actions; what the car asks comes over the
 * air (peer.h).
 */
#ifndef AVSIM_BLUETOOTH_PHONE_H
#define AVSIM_BLUETOOTH_PHONE_H

#include "sim/bluetooth/hci.h"
#include "sim/core/err.h"

struct phone;

struct phone_env {
	struct hci *hci; /* its other side; borrowed */
	struct evq *q;
	uint64_t seed;
	void (*event)(void *ctx, const char *key, const char *text);
	void *ctx;
};

struct phone *phone_create(const struct phone_env *env); /* NULL: no memory */
void phone_destroy(struct phone *p);

enum phone_pairing { /* what its user can do while pairing */
	PHONE_NUMBER,	 /* compares numbers */
	PHONE_NOTHING,	 /* no display, no keys: Just Works */
	PHONE_PIN,	 /* an old one: types a PIN */
	PHONE_N_PAIRINGS
};
extern const char *const phone_pairing_names[]; /* "number" "nothing" "pin" */

struct phone_setup {
	const char *name;    /* NULL: "Phone" */
	const char *address; /* NULL: drawn from the seed */
	bool hidden;	     /* does not answer inquiries */
	bool refuses;	     /* its user says no to pairing */
	enum phone_pairing pairing;
	const char *pin; /* NULL: "0000" */
	int rssi_dbm;
};

#define PHONE_NAME_MAX 248 /* bytes */
#define PHONE_NUMBER_MAX 31

/* All of these: 0, or -errno with @err. */
int phone_appear(struct phone *p, const struct phone_setup *s,
		 struct av_err *err);
int phone_disappear(struct phone *p, struct av_err *err);
/* It pages the car, as one does that knows it. */
int phone_connect(struct phone *p, struct av_err *err);
int phone_disconnect(struct phone *p, struct av_err *err);
/* Somebody calls it; @number digits, *, #, +; "" = withheld */
int phone_call(struct phone *p, const char *number, struct av_err *err);
int phone_answer(struct phone *p, struct av_err *err);	/* on the phone */
int phone_hang_up(struct phone *p, struct av_err *err); /* whoever called */
/* Digits and so on, at most PHONE_NUMBER_MAX. 0 or -EINVAL with @err. */
int phone_check_number(const char *number, struct av_err *err);

/* Out of reach (or back); counted, so that faults may overlap. @now: the link
 * breaks at once, not after its supervision timeout. */
void phone_silence(struct phone *p, bool on, bool now);

enum phone_call_state {
	CALL_NONE,
	CALL_INCOMING,
	CALL_DIALLING,
	CALL_ALERTING,
	CALL_ACTIVE,
	CALL_HELD,
};
extern const char *const phone_call_names[];

struct phone_status {
	bool present, reachable, discoverable;
	uint8_t addr[6];
	const char *name;
	int rssi_dbm;
	bool bonded;
	uint32_t shown; /* number on its display, 0 = none */
	unsigned int channels; /* L2CAP */
	bool multiplexer;      /* RFCOMM */
	bool service;	       /* hands-free connection is established */
	enum phone_call_state call;
	const char *number;
	bool audio;
	uint64_t at_commands, at_errors, frames[2], dropped, voice[2];
	int voice_peak; /* of what the car's microphone sent, last call */
};
void phone_status(const struct phone *p, struct phone_status *out);

#endif
