/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the ECU stage: ecu.c (what is sent when), ecu_pack.c
 * (from the vehicle's state to bytes) and ecu_wire.c (whose turn it is).
 */
#ifndef AVSIM_CAN_ECU_PRIV_H
#define AVSIM_CAN_ECU_PRIV_H

#include "sim/can/ecu.h"
#include "sim/core/rand.h"

#define WAITING_MAX 64 /* frames of one sender */

/* ---- the wire ---- */

struct wire_slot {
	struct can_frame f;
	uint32_t key;    /* arbitration field: the lower wins */
	uint32_t sender; /* index of the node; n_nodes: from outside */
	uint64_t seq;    /* among equals the first queued goes first */
	const struct dbc_signal *only; /* the one signal to obey, or NULL */
};

enum wire_state {
	WIRE_IDLE,
	WIRE_ARBITRATES, /* start of frame at the timer */
	WIRE_BUSY,       /* end of frame at the timer */
};

#define LOAD_BUCKET (100 * VT_MS)
#define LOAD_BUCKETS 10 /* one second */

struct ecu_node {
	const char *name;
	bool muted;
	unsigned int waiting;
};

struct wire {
	struct ecus *e;
	uint8_t index; /* of the bus */
	uint32_t bit_rate, fd_bit_rate;
	enum wire_state state;
	struct vtimer timer;
	vtime free_at; /* end of the last frame and interframe space */
	bool muted;
	struct wire_slot *slot; /* pool */
	uint32_t *heap;         /* slots: [0, n) wait, [n, room) are free */
	size_t n, room;
	uint64_t seq;
	struct wire_slot now;  /* the frame on the wire, if busy */
	vtime bit_ns_start;    /* start of that frame */
	struct ecu_node *node; /* n_nodes + 1, the last is "outside" */
	size_t n_nodes;
	uint64_t frames, bits, errors, dropped;
	struct load_bucket {
		int64_t index; /* time / LOAD_BUCKET */
		vtime busy;
	} load[LOAD_BUCKETS + 1];
};

int wire_init(struct wire *w, struct ecus *e, unsigned int index,
	      const struct ecu_bus *b);
void wire_finish(struct wire *w);
/* Return: 0 (also where it is lost on a muted bus), -ENOBUFS, -ENOMEM. */
int wire_send(struct wire *w, const struct can_frame *f, uint32_t sender,
	      const struct dbc_signal *only);
void wire_mute(struct wire *w, bool mute);
double wire_load(const struct wire *w, vtime now);
void wire_count(struct wire *w, const struct can_frame *f, vtime now);

/* ---- messages ---- */

/* What a fault does to a signal. */
struct distortion {
	enum ecu_wrong how;
	double amount;
	int64_t raw; /* ECU_STUCK */
	struct av_rand rand;
};

struct sent_signal {
	const struct ecu_source *src;
	const struct dbc_signal *sig; /* src->signal */
	double var;                   /* model value that @raw was made of */
	int64_t raw;                  /* now */
	int64_t sent;                 /* in the last frame that carried it */
	uint64_t page;                /* selector value that carries it */
	bool sampled, ever_sent, paged;
	struct distortion *wrong; /* NULL: none */
};

struct ecu_msg {
	struct ecu_bus_state *b;
	const struct dbc_message *m;
	struct vtimer cycle, event;
	uint32_t sender;
	struct sent_signal *sig; /* those always there first */
	size_t n_sigs;
	const struct ecu_message *extra; /* or NULL */
	uint64_t counter;
	unsigned int sum_from, sum_end; /* bytes of the checksum */
	struct can_frame frame; /* header and what is constant in the data */
	const struct dbc_signal *selector; /* pages take turns, or NULL */
	uint64_t *page;
	size_t n_pages, at_page;
	vtime last; /* when the last one was queued */
	bool ever_sent;
	uint64_t sampled; /* state counter */
};

/* A message that carries requests: the frame as it was last asked for. */
struct request_msg {
	const struct dbc_message *m;
	const struct ecu_message *extra;
	uint32_t sender;
	uint64_t counter;
	unsigned int sum_from, sum_end;
	struct can_frame frame;
};

struct ecu_bus_state {
	struct ecus *e;
	struct ecu_bus cfg;
	struct wire wire;
	struct ecu_msg *msg;
	size_t n_msgs;
	struct request_msg *request;
	size_t n_request_msgs;
};

struct ecus {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	bool sim;
	struct ecu_bus_state *b;
	size_t n_buses;
	struct vehicle_state state;
	uint64_t n_states; /* received so far; 0: @state is not valid */
};

/* Frame header and constant bits of @m: start values of all signals but those
 * that come and go. */
void ecu_blank_frame(const struct ecu_bus_state *b, const struct dbc_message *m,
		     struct can_frame *f);
/* Bring the raw values up to date with the state. */
void ecu_sample(struct ecu_msg *m);
/* Whether any signal's raw value differs from the last frame's; turns to the
 * page of the first that does. */
bool ecu_changed(struct ecu_msg *m);
void ecu_pack(struct ecu_msg *m, struct can_frame *f);
/* Counter and checksum. */
void ecu_protect(const struct ecu_message *extra, uint64_t *counter,
		 unsigned int sum_from, unsigned int sum_end,
		 struct can_frame *f);
/* Post what @f asks for (@only: just that signal). */
void ecu_obey(struct ecu_bus_state *b, const struct can_frame *f,
	      const struct dbc_signal *only);

#endif
