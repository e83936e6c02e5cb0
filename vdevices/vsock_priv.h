/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of vsock.h share: vsock.c (the connections, see there for the
 * theory), vsock_in.c (what the guest sends), vsock_out.c (what it is sent).
 */
#ifndef AVSIM_VDEVICES_VSOCK_PRIV_H
#define AVSIM_VDEVICES_VSOCK_PRIV_H

#include "vdevices/vsock.h"

enum {
	VSOCK_HASH = 1024,
	VSOCK_ORPHANS = 256,
	VSOCK_CLOSE_TICKS = 8,     /* seconds, as Linux waits */
	VSOCK_EPHEMERAL = 1 << 30, /* first of the host's own ports */
	VSOCK_BUF_MIN = 256,       /* smallest buffer */
	VSOCK_SIZES = 19,          /* the largest: 64 MiB */
	VSOCK_SPARE_MAX = 4 << 20, /* bytes kept for the next packets */
};

enum vsock_state { CONN_CONNECTING, CONN_OPEN, CONN_CLOSING, CONN_DEAD };

/* todo bits, in the order of sending */
enum {
	DO_REQUEST = 1,
	DO_RESPONSE = 2,
	DO_CREDIT = 4,
	DO_ASK_CREDIT = 8,
	DO_WRITABLE = 16, /* the service waits */
	DO_DELIVER = 32,  /* held bytes */
	DO_SHUTDOWN = 64,
	DO_RST = 128,
};

struct vsock_conn {
	struct av_stream s; /* first */
	struct vsock_guest *g;
	struct vsock_conn *hash_next;
	struct vsock_conn *ready_next;
	bool queued;
	uint32_t host_port, guest_port;
	enum vsock_type type;
	enum vsock_state state;
	unsigned int todo;
	bool has_service; /* its on_* may be called */
	bool held;
	bool eof_told;
	uint8_t peer_shut, our_shut, sent_shut;
	int ticks; /* left of CONN_CLOSING or CONN_CONNECTING */
	/* credit, all modulo 2^32 */
	uint32_t tx_cnt, peer_fwd, peer_buf;
	uint32_t rx_cnt, fwd_cnt, told_fwd;
	/* held bytes: [from, to) of buf. seqpacket: a message being put
	 * together, or whole ones each behind its uint32_t length */
	uint8_t *buf;
	size_t from, to, size;
	size_t part; /* seqpacket: where the unfinished message begins */
	/* seqpacket: rest of a message that is being sent */
	uint8_t *out;
	size_t out_from, out_len, out_size;
	char peer[24];
};

struct vsock_relay {
	struct vsock_relay *next;
	size_t size;   /* of its buffer */
	uint32_t from; /* bytes of it that are sent */
	struct vsock_hdr h;
	uint8_t data[];
};

/* A buffer that waits to be used again. */
struct vsock_spare {
	struct vsock_spare *next;
};

struct vsock_guest {
	uint64_t cid;
	struct vsock_out out;
	struct vsock_ports ports;
	bool up;
	bool paused; /* up, but nothing moves */
	struct vsock_conn *hash[VSOCK_HASH];
	struct vsock_conn *ready, **ready_end;
	struct vsock_relay *relay, **relay_end;
	size_t relay_bytes;
	struct vsock_spare *spare[VSOCK_SIZES]; /* by size, doubling */
	size_t spare_bytes;
	struct vsock_hdr orphan[VSOCK_ORPHANS];
	unsigned int orphan_first, n_orphans;
	uint32_t next_port;
	unsigned int depth;  /* of calls that hold a conn pointer */
	unsigned int n_dead; /* to be freed by vsock_reap() */
	struct vsock_counts n;
};

/* Have @c in the ready queue, once. */
static inline void vsock_enqueue(struct vsock_conn *c)
{
	struct vsock_guest *g = c->g;

	if (c->queued || c->state == CONN_DEAD) {
		return;
	}
	c->queued = true;
	c->ready_next = NULL;
	*g->ready_end = c;
	g->ready_end = &c->ready_next;
	g->out.wake(g->out.ctx);
}

static inline void vsock_todo(struct vsock_conn *c, unsigned int bits)
{
	c->todo |= bits;
	vsock_enqueue(c);
}

/* Bytes that the peer has room for. */
static inline uint32_t vsock_credit(const struct vsock_conn *c)
{
	uint32_t used = c->tx_cnt - c->peer_fwd;

	return used < c->peer_buf ? c->peer_buf - used : 0;
}

/* Of @len bytes, how many a fault lets pass now. */
static inline size_t vsock_give(const struct vsock_conn *c, size_t len,
				bool to_guest)
{
	const struct vsock_ports *p = &c->g->ports;
	uint32_t port =
		c->host_port < VSOCK_EPHEMERAL ? c->host_port : c->guest_port;

	return p->give ? p->give(p->ctx, c->g, port, len, to_guest) : len;
}

/* ---- vsock.c ---- */

/* A buffer of *@size >= @need bytes, counted as held; those that were given
 * back come first, so that data moves without an allocation. NULL: there is no
 * memory, or @g holds too much. */
void *vsock_buf_get(struct vsock_guest *g, size_t need, size_t *size);
void vsock_buf_put(struct vsock_guest *g, void *buf, size_t size);

struct vsock_conn *vsock_find(struct vsock_guest *g, uint32_t host,
			      uint32_t guest);
/* NULL: no room, or no memory. */
struct vsock_conn *vsock_new_conn(struct vsock_guest *g, uint32_t host,
				  uint32_t guest, enum vsock_type type);
void vsock_drop_held(struct vsock_conn *c);
/* The connection is over; the service, if any, is told. */
void vsock_dead(struct vsock_conn *c);
/* The guest broke the rules, or a fault: RST to it, and over. */
void vsock_reset(struct vsock_conn *c);
/* Free what is dead; only where nobody holds a pointer to one. */
void vsock_reap(struct vsock_guest *g);

/* ---- vsock_in.c ---- */

/* Held bytes to the service, as far as it takes them. */
void vsock_deliver(struct vsock_conn *c);

/* ---- vsock_out.c ---- */

extern const struct av_stream_ops vsock_stream_ops;

/* We send no more (VSOCK_NO_SEND), or take no more. */
void vsock_shut(struct vsock_conn *c, uint8_t how);
/* RST for a packet that belongs to no connection. */
void vsock_orphan(struct vsock_guest *g, const struct vsock_hdr *in);

#endif
