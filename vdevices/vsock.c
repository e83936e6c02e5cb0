/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A connection that has something to do (a control packet to send, held bytes
 * to deliver, a service that waits for room) stands in the guest's ready queue,
 * once. vsock_pump() takes them in turn; the guest's buffers running out ends
 * the round and the next buffers continue it, so that no connection starves
 * another.
 *
 * A control packet is a bit in conn->todo, so that there is never more than one
 * of each kind waiting, whatever the guest sends. Answers to packets without a
 * connection (RST) have a small ring of their own; the oldest is dropped.
 *
 * Callbacks into services may close any stream: after one, a connection is
 * looked at again only through its flags, and memory is freed in reap() only.
 */
#include "config.h"

#include "vdevices/vsock.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HASH = 1024,
	ORPHANS = 256,
	ROUND = 256,       /* connections a pump */
	CLOSE_TICKS = 8,   /* seconds, as Linux waits */
	CONNECT_TICKS = 3, /* a guest's driver answers at once or never */
	RELAY_MAX = 4 << 20,
	EPHEMERAL = 1 << 30, /* first of the host's own ports */
};

enum state { CONNECTING, OPEN, CLOSING, DEAD };

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

struct conn {
	struct av_stream s; /* first */
	struct vsock_guest *g;
	struct conn *hash_next;
	struct conn *ready_next;
	bool queued;
	uint32_t host_port, guest_port;
	enum vsock_type type;
	enum state state;
	unsigned int todo;
	bool has_service; /* its on_* may be called */
	bool held;
	bool eof_told;
	uint8_t peer_shut, our_shut, sent_shut;
	int ticks; /* left of CLOSING or CONNECTING */
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
	size_t out_from, out_len;
	char peer[24];
};

struct relay {
	struct relay *next;
	uint32_t from; /* bytes of it that are sent */
	struct vsock_hdr h;
	uint8_t data[];
};

struct vsock_guest {
	uint64_t cid;
	struct vsock_out out;
	struct vsock_ports ports;
	bool up;
	struct conn *hash[HASH];
	struct conn *ready, **ready_end;
	struct relay *relay, **relay_end;
	size_t relay_bytes;
	struct vsock_hdr orphan[ORPHANS];
	unsigned int orphan_first, n_orphans;
	uint32_t next_port;
	unsigned int depth;  /* of calls that hold a conn pointer */
	unsigned int n_dead; /* to be freed by reap() */
	struct vsock_counts n;
};

/* ---- table ---- */

static unsigned int hash_of(uint32_t host, uint32_t guest)
{
	uint32_t x = host * 2654435761u ^ guest * 2246822519u;

	return (x ^ x >> 16) % HASH;
}

static struct conn *find(struct vsock_guest *g, uint32_t host, uint32_t guest)
{
	struct conn *c = g->hash[hash_of(host, guest)];

	while (c && (c->host_port != host || c->guest_port != guest ||
		     c->state == DEAD)) {
		c = c->hash_next;
	}
	return c;
}

static void enqueue(struct conn *c)
{
	struct vsock_guest *g = c->g;

	if (c->queued || c->state == DEAD) {
		return;
	}
	c->queued = true;
	c->ready_next = NULL;
	*g->ready_end = c;
	g->ready_end = &c->ready_next;
	g->out.wake(g->out.ctx);
}

static void todo(struct conn *c, unsigned int bits)
{
	c->todo |= bits;
	enqueue(c);
}

static void drop_held(struct conn *c)
{
	c->g->n.held -= c->size;
	free(c->buf);
	c->buf = NULL;
	c->from = c->to = c->size = c->part = 0;
}

/* The connection is over; the service, if any, is told. */
static void dead(struct conn *c)
{
	bool tell = c->has_service;

	if (c->state == DEAD) {
		return;
	}
	c->state = DEAD;
	c->has_service = false;
	c->g->n_dead++;
	c->g->n.open--;
	if (tell && c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

static void unqueue_dead(struct vsock_guest *g)
{
	struct conn **at = &g->ready;

	while (*at) {
		if ((*at)->state == DEAD) {
			*at = (*at)->ready_next;
		} else {
			at = &(*at)->ready_next;
		}
	}
	g->ready_end = at;
}

/* Free what is dead; only where nobody holds a pointer to one. */
static void reap(struct vsock_guest *g)
{
	if (!g->n_dead || g->depth) {
		return;
	}
	unqueue_dead(g);
	for (unsigned int i = 0; i < HASH && g->n_dead; i++) {
		struct conn **at = &g->hash[i];

		while (*at) {
			struct conn *c = *at;

			if (c->state != DEAD) {
				at = &c->hash_next;
				continue;
			}
			*at = c->hash_next;
			drop_held(c);
			free(c->out);
			free(c);
			g->n_dead--;
		}
	}
}

/* ---- to the guest ---- */

static uint32_t credit(const struct conn *c)
{
	uint32_t used = c->tx_cnt - c->peer_fwd;

	return used < c->peer_buf ? c->peer_buf - used : 0;
}

static void fill(const struct conn *c, struct vsock_hdr *h, enum vsock_op op,
		 uint32_t flags, uint32_t len)
{
	*h = (struct vsock_hdr){
		.src_cid = htole64(VSOCK_CID_HOST),
		.dst_cid = htole64(c->g->cid),
		.src_port = htole32(c->host_port),
		.dst_port = htole32(c->guest_port),
		.len = htole32(len),
		.type = htole16((uint16_t)c->type),
		.op = htole16((uint16_t)op),
		.flags = htole32(flags),
		.buf_alloc = htole32(VSOCK_BUF),
		.fwd_cnt = htole32(c->fwd_cnt),
	};
}

static void send_raw(struct vsock_guest *g, const struct vsock_hdr *h,
		     const void *data)
{
	g->n.packets_out++;
	g->n.bytes_out += le32toh(h->len);
	if (g->out.seen) {
		g->out.seen(g->out.ctx, h, data, true);
	}
	g->out.send(g->out.ctx, h, data);
}

static void send_packet(struct conn *c, enum vsock_op op, uint32_t flags,
			const void *data, uint32_t len)
{
	struct vsock_hdr h;

	fill(c, &h, op, flags, len);
	c->told_fwd = c->fwd_cnt;
	c->todo &= ~(unsigned int)DO_CREDIT;
	c->tx_cnt += len;
	send_raw(c->g, &h, data);
}

/* RST for a packet that belongs to no connection. */
static void orphan(struct vsock_guest *g, const struct vsock_hdr *in)
{
	struct vsock_hdr *h;

	if (le16toh(in->op) == VSOCK_OP_RST) {
		return;
	}
	if (g->n_orphans == ORPHANS) {
		g->orphan_first = (g->orphan_first + 1) % ORPHANS;
		g->n_orphans--;
	}
	h = &g->orphan[(g->orphan_first + g->n_orphans++) % ORPHANS];
	*h = (struct vsock_hdr){ .src_cid = in->dst_cid,
				 .dst_cid = in->src_cid,
				 .src_port = in->dst_port,
				 .dst_port = in->src_port,
				 .type = in->type,
				 .op = htole16(VSOCK_OP_RST) };
	g->out.wake(g->out.ctx);
}

static size_t give(const struct conn *c, size_t len, bool to_guest)
{
	const struct vsock_ports *p = &c->g->ports;
	uint32_t port = c->host_port < EPHEMERAL ? c->host_port : c->guest_port;

	return p->give ? p->give(p->ctx, c->g, port, len, to_guest) : len;
}

/* ---- the stream that a service has ---- */

static ssize_t write_message(struct conn *c, const uint8_t *buf, size_t len)
{
	if (len > c->peer_buf) {
		return -EMSGSIZE;
	}
	if (c->out || credit(c) < len || give(c, len, true) < len) {
		c->todo |= DO_WRITABLE;
		return 0;
	}
	c->out = malloc(len ? len : 1);
	if (!c->out) {
		return -ENOMEM;
	}
	memcpy(c->out, buf, len);
	c->out_from = 0;
	c->out_len = len;
	enqueue(c);
	return (ssize_t)len;
}

static ssize_t on_write(struct av_stream *s, const void *buf, size_t len)
{
	struct conn *c = (struct conn *)s;
	struct vsock_guest *g = c->g;
	const uint8_t *p = buf;
	size_t done = 0;

	if (c->state == DEAD || c->state == CLOSING ||
	    (c->peer_shut & VSOCK_NO_RECEIVE) || c->our_shut & VSOCK_NO_SEND) {
		return -EPIPE;
	}
	if (c->state == CONNECTING || (c->todo & DO_RESPONSE)) {
		todo(c, DO_WRITABLE);
		return 0;
	}
	if (c->type == VSOCK_SEQPACKET) {
		return write_message(c, p, len);
	}
	while (done < len) {
		ssize_t room = g->out.room(g->out.ctx);
		size_t n = len - done;

		n = room < 0 ? 0 : n < (size_t)room ? n : (size_t)room;
		n = n < credit(c) ? n : credit(c);
		n = n ? give(c, n, true) : 0;
		if (n == 0) {
			break;
		}
		send_packet(c, VSOCK_OP_RW, 0, p + done, (uint32_t)n);
		done += n;
	}
	if (done < len) {
		/* no credit: the guest's next packet brings some */
		c->todo |= DO_WRITABLE;
		if (credit(c)) {
			enqueue(c);
		}
	}
	return (ssize_t)done;
}

static void on_hold(struct av_stream *s, bool hold)
{
	struct conn *c = (struct conn *)s;

	c->held = hold;
	if (!hold && (c->to > c->from || c->peer_shut)) {
		todo(c, DO_DELIVER);
	}
}

static void shut(struct conn *c, uint8_t how)
{
	const struct vsock_ports *p = &c->g->ports;

	c->our_shut |= how;
	if (p->half_open && p->half_open(p->ctx, c->host_port)) {
		return; /* a fault: the guest is not told */
	}
	todo(c, DO_SHUTDOWN);
}

static void on_end(struct av_stream *s)
{
	struct conn *c = (struct conn *)s;

	if (c->state == OPEN) {
		shut(c, VSOCK_NO_SEND);
	}
}

static void on_close(struct av_stream *s)
{
	struct conn *c = (struct conn *)s;

	c->has_service = false;
	if (c->state == DEAD) {
		return;
	}
	if (c->state == CONNECTING) {
		todo(c, DO_RST);
		return;
	}
	drop_held(c);
	c->state = CLOSING;
	c->ticks = CLOSE_TICKS;
	if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
		todo(c, DO_RST);
	} else {
		shut(c, VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	}
}

static const struct av_stream_ops stream_ops = {
	.write = on_write,
	.hold = on_hold,
	.close = on_close,
	.end = on_end,
};

/* ---- from the guest: bytes ---- */

/* The peer thinks it has @left bytes of credit; tell it of more in time. */
static void think_of_credit(struct conn *c)
{
	uint32_t left = VSOCK_BUF - (c->rx_cnt - c->told_fwd);

	if (c->fwd_cnt != c->told_fwd && left < VSOCK_BUF / 2) {
		todo(c, DO_CREDIT);
	}
}

static bool may_deliver(const struct conn *c)
{
	return c->has_service && !c->held && c->state == OPEN;
}

static int hold_bytes(struct conn *c, const void *data, size_t len)
{
	size_t need = c->to - c->from + len;

	if (len == 0) {
		return 0;
	}
	if (c->from && c->to + len > c->size) {
		memmove(c->buf, c->buf + c->from, c->to - c->from);
		c->part -= c->from < c->part ? c->from : c->part;
		c->to -= c->from;
		c->from = 0;
	}
	if (need > c->size) {
		size_t size = c->size ? c->size : 4096;
		uint8_t *p;

		while (size < need) {
			size *= 2;
		}
		if (c->g->n.held + size - c->size > VSOCK_HELD_MAX) {
			return -ENOBUFS;
		}
		p = realloc(c->buf, size);
		if (!p) {
			return -ENOMEM;
		}
		c->g->n.held += size - c->size;
		c->buf = p;
		c->size = size;
	}
	memcpy(c->buf + c->to, data, len);
	c->to += len;
	return 0;
}

static void tell_eof(struct conn *c)
{
	if (!(c->peer_shut & VSOCK_NO_SEND) || c->eof_told || c->to > c->from ||
	    !may_deliver(c)) {
		return;
	}
	c->eof_told = true;
	if (c->s.on_eof && c->peer_shut == VSOCK_NO_SEND) {
		c->s.on_eof(&c->s);
		return;
	}
	if (c->s.on_eof && !(c->our_shut & VSOCK_NO_SEND)) {
		c->s.on_eof(&c->s);
	}
	/* both directions are over, or the service knows no half of one */
	if (c->state != OPEN) {
		return;
	}
	if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
		c->todo |= DO_RST;
	} else {
		c->state = CLOSING;
		c->ticks = CLOSE_TICKS;
		shut(c, VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	}
	enqueue(c);
	c->has_service = false;
	if (c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

static void deliver_stream(struct conn *c)
{
	while (c->to > c->from && may_deliver(c)) {
		size_t n = c->to - c->from;

		n = n < VSOCK_PAYLOAD_MAX ? n : VSOCK_PAYLOAD_MAX;
		n = give(c, n, false);
		if (n == 0) {
			return;
		}
		c->from += n;
		c->fwd_cnt += (uint32_t)n;
		c->s.on_data(&c->s, c->buf + c->from - n, n);
	}
}

static void deliver_messages(struct conn *c)
{
	while (c->part > c->from && may_deliver(c)) {
		uint32_t len;

		memcpy(&len, c->buf + c->from, sizeof(len));
		if (give(c, len, false) < len) {
			return;
		}
		c->from += sizeof(len) + len;
		c->fwd_cnt += len;
		c->s.on_data(&c->s, c->buf + c->from - len, len);
	}
}

/* Held bytes to the service, as far as it takes them. */
static void deliver(struct conn *c)
{
	if (c->type == VSOCK_SEQPACKET) {
		deliver_messages(c);
	} else {
		deliver_stream(c);
	}
	if (c->from == c->to && c->buf && c->state != DEAD) {
		drop_held(c);
	}
	think_of_credit(c);
	tell_eof(c);
}

static int take_message(struct conn *c, uint32_t flags, const void *data,
			uint32_t len)
{
	uint32_t whole = 0;
	int ret = 0;

	if (c->part == c->to) { /* a new one: room for its length */
		ret = hold_bytes(c, &whole, sizeof(whole));
	}
	ret = ret ? ret : hold_bytes(c, data, len);
	if (ret || !(flags & VSOCK_EOM)) {
		return ret;
	}
	whole = (uint32_t)(c->to - c->part - sizeof(whole));
	memcpy(c->buf + c->part, &whole, sizeof(whole));
	c->part = c->to;
	return 0;
}

static void reset(struct conn *c)
{
	bool tell = c->has_service;

	c->g->n.reset++;
	todo(c, DO_RST);
	c->has_service = false;
	c->state = CLOSING;
	c->ticks = CLOSE_TICKS;
	if (tell && c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

static int on_rw(struct conn *c, uint32_t flags, const void *data, uint32_t len)
{
	int ret;

	if (c->state == CLOSING) {
		return 0; /* nobody reads it; the guest will hear */
	}
	if (c->state != OPEN || (c->peer_shut & VSOCK_NO_SEND) ||
	    len > VSOCK_BUF - (c->rx_cnt - c->fwd_cnt)) {
		reset(c);
		return -EBADMSG;
	}
	c->rx_cnt += len;
	c->g->n.bytes_in += len;
	if (c->type == VSOCK_STREAM && c->to == c->from && may_deliver(c) &&
	    give(c, len, false) == len) {
		c->fwd_cnt += len;
		c->s.on_data(&c->s, data, len);
		think_of_credit(c);
		return 0;
	}
	ret = c->type == VSOCK_SEQPACKET ? take_message(c, flags, data, len)
					 : hold_bytes(c, data, len);
	if (ret) {
		reset(c);
		return ret;
	}
	if (may_deliver(c)) {
		deliver(c);
	}
	return 0;
}

/* ---- from the guest: control ---- */

static struct conn *new_conn(struct vsock_guest *g, uint32_t host,
			     uint32_t guest, enum vsock_type type)
{
	struct conn *c;
	unsigned int i = hash_of(host, guest);

	if (g->n.open >= VSOCK_CONNS_MAX) {
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		return NULL;
	}
	c->g = g;
	c->s.ops = &stream_ops;
	snprintf(c->peer, sizeof(c->peer), "cid %u port %u",
		 (unsigned int)g->cid, guest);
	c->s.peer = c->peer;
	c->host_port = host;
	c->guest_port = guest;
	c->type = type;
	c->hash_next = g->hash[i];
	g->hash[i] = c;
	g->n.open++;
	return c;
}

static void learn_credit(struct conn *c, const struct vsock_hdr *h)
{
	c->peer_buf = le32toh(h->buf_alloc);
	c->peer_fwd = le32toh(h->fwd_cnt);
	if ((c->todo & DO_WRITABLE || c->out) && credit(c)) {
		enqueue(c);
	}
}

static int on_request(struct vsock_guest *g, const struct vsock_hdr *h)
{
	uint32_t port = le32toh(h->dst_port);
	enum vsock_type type = (enum vsock_type)le16toh(h->type);
	struct conn *c = new_conn(g, port, le32toh(h->src_port), type);

	if (!c) {
		g->n.refused++;
		orphan(g, h);
		return 0;
	}
	learn_credit(c, h);
	c->state = OPEN;
	c->todo = DO_RESPONSE; /* before what the service writes at once */
	if (g->ports.open(g->ports.ctx, g, port, type, &c->s)) {
		g->n.refused++;
		dead(c);
		orphan(g, h);
		return 0;
	}
	g->n.opened++;
	c->has_service = c->state == OPEN;
	enqueue(c);
	return 0;
}

static void on_shutdown(struct conn *c, uint32_t flags)
{
	c->peer_shut |= flags & (VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	if (c->state == CLOSING) {
		if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
			todo(c, DO_RST);
		}
		return;
	}
	todo(c, DO_DELIVER);
}

static int known(struct conn *c, const struct vsock_hdr *h, const void *data)
{
	switch (le16toh(h->op)) {
	case VSOCK_OP_RESPONSE:
		if (c->state != CONNECTING) {
			reset(c);
			return -EBADMSG;
		}
		c->state = OPEN;
		c->g->n.opened++;
		learn_credit(c, h);
		todo(c, DO_WRITABLE);
		return 0;
	case VSOCK_OP_RST:
		dead(c);
		return 0;
	case VSOCK_OP_SHUTDOWN:
		learn_credit(c, h);
		on_shutdown(c, le32toh(h->flags));
		return 0;
	case VSOCK_OP_RW:
		learn_credit(c, h);
		return on_rw(c, le32toh(h->flags), data, le32toh(h->len));
	case VSOCK_OP_CREDIT_UPDATE:
		learn_credit(c, h);
		return 0;
	case VSOCK_OP_CREDIT_REQUEST:
		learn_credit(c, h);
		todo(c, DO_CREDIT);
		return 0;
	default: /* a second REQUEST among them */
		reset(c);
		return -EBADMSG;
	}
}

static int to_host(struct vsock_guest *g, const struct vsock_hdr *h,
		   const void *data)
{
	uint16_t type = le16toh(h->type);
	struct conn *c;

	if (type != VSOCK_STREAM && type != VSOCK_SEQPACKET) {
		orphan(g, h);
		return -EBADMSG;
	}
	c = find(g, le32toh(h->dst_port), le32toh(h->src_port));
	if (c && c->type != type) {
		reset(c);
		return -EBADMSG;
	}
	if (c) {
		return known(c, h, data);
	}
	if (le16toh(h->op) == VSOCK_OP_REQUEST) {
		return on_request(g, h);
	}
	orphan(g, h);
	return 0;
}

int vsock_input(struct vsock_guest *g, const struct vsock_hdr *h,
		const void *data)
{
	int ret;

	g->n.packets_in++;
	if (le64toh(h->src_cid) != g->cid) {
		g->n.bad++; /* somebody else's name */
		return -EBADMSG;
	}
	if (g->out.seen) {
		g->out.seen(g->out.ctx, h, data, false);
	}
	g->depth++;
	if (le64toh(h->dst_cid) == VSOCK_CID_HOST) {
		ret = to_host(g, h, data);
	} else {
		ret = g->ports.relay ? g->ports.relay(g->ports.ctx, g, h, data)
				     : -ENOENT;
		if (ret) {
			orphan(g, h);
		}
	}
	g->depth--;
	reap(g);
	if (ret == -EBADMSG) {
		g->n.bad++;
	}
	return ret;
}

bool vsock_relay_in(struct vsock_guest *g, const struct vsock_hdr *h,
		    const void *data)
{
	uint32_t len = le32toh(h->len);
	struct relay *r;

	if (!g->up || g->relay_bytes + sizeof(*r) + len > RELAY_MAX) {
		return false;
	}
	r = malloc(sizeof(*r) + len);
	if (!r) {
		return false;
	}
	r->next = NULL;
	r->from = 0;
	r->h = *h;
	if (len) {
		memcpy(r->data, data, len);
	}
	g->relay_bytes += sizeof(*r) + len;
	*g->relay_end = r;
	g->relay_end = &r->next;
	g->out.wake(g->out.ctx);
	return true;
}

/* ---- pump ---- */

static void end_of_message(struct conn *c)
{
	free(c->out);
	c->out = NULL;
}

/* Fragments of a seqpacket. Return: false: no room. */
static bool send_message(struct conn *c)
{
	struct vsock_guest *g = c->g;

	while (c->out) {
		ssize_t room = g->out.room(g->out.ctx);
		size_t n = c->out_len - c->out_from;
		bool last;

		if (room < 0) {
			return false;
		}
		n = n < (size_t)room ? n : (size_t)room;
		last = c->out_from + n == c->out_len;
		send_packet(c, VSOCK_OP_RW, last ? VSOCK_EOM : 0,
			    c->out + c->out_from, (uint32_t)n);
		c->out_from += n;
		if (last) {
			end_of_message(c);
		}
	}
	return true;
}

static bool room(const struct vsock_guest *g)
{
	return g->out.room(g->out.ctx) >= 0;
}

/* Control packets of @c that come before data. Return: false: no room. */
static bool send_control(struct conn *c)
{
	static const struct {
		unsigned int bit;
		enum vsock_op op;
	} order[] = {
		{ DO_REQUEST, VSOCK_OP_REQUEST },
		{ DO_RESPONSE, VSOCK_OP_RESPONSE },
		{ DO_CREDIT, VSOCK_OP_CREDIT_UPDATE },
		{ DO_ASK_CREDIT, VSOCK_OP_CREDIT_REQUEST },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(c->todo & order[i].bit)) {
			continue;
		}
		if (!room(c->g)) {
			return false;
		}
		c->todo &= ~order[i].bit;
		send_packet(c, order[i].op, 0, NULL, 0);
	}
	return true;
}

/* Return: false: no room. */
static bool send_end(struct conn *c)
{
	if (c->todo & DO_RST) {
		if (!room(c->g)) {
			return false;
		}
		c->todo = 0;
		send_packet(c, VSOCK_OP_RST, 0, NULL, 0);
		dead(c);
		return true;
	}
	if ((c->todo & DO_SHUTDOWN) && !c->out) {
		if (!room(c->g)) {
			return false;
		}
		c->todo &= ~(unsigned int)DO_SHUTDOWN;
		if (c->our_shut != c->sent_shut) {
			c->sent_shut = c->our_shut;
			send_packet(c, VSOCK_OP_SHUTDOWN, c->our_shut, NULL, 0);
		}
	}
	return true;
}

/* One turn of one connection. Return: false: no room, it stays first. */
static bool turn(struct conn *c)
{
	if (!(c->todo & DO_RST) && !send_control(c)) {
		return false;
	}
	if (c->todo & DO_DELIVER) {
		c->todo &= ~(unsigned int)DO_DELIVER;
		deliver(c);
	}
	if (c->state == OPEN && c->out && !send_message(c)) {
		return false;
	}
	if ((c->todo & DO_WRITABLE) && c->state == OPEN && credit(c)) {
		if (!room(c->g)) {
			return false;
		}
		if (give(c, 1, true)) {
			c->todo &= ~(unsigned int)DO_WRITABLE;
			if (c->has_service && c->s.on_writable) {
				c->s.on_writable(&c->s);
			}
		}
	}
	return send_end(c);
}

/* The next part of a packet that another guest sent: its driver cuts for its
 * own buffers, ours may be smaller. Only the last part ends a message. */
static void send_part(struct vsock_guest *g, struct relay *r, uint32_t n)
{
	struct vsock_hdr h = r->h;
	uint32_t left = le32toh(h.len) - r->from;

	n = n < left ? n : left;
	h.len = htole32(n);
	if (n < left) {
		h.flags &= htole32(~(uint32_t)(VSOCK_EOM | VSOCK_EOR));
	}
	send_raw(g, &h, r->data + r->from);
	r->from += n;
}

static bool pump_relay(struct vsock_guest *g)
{
	while (g->relay) {
		struct relay *r = g->relay;
		ssize_t n = g->out.room(g->out.ctx);

		if (n < 0 || (n == 0 && r->from < le32toh(r->h.len))) {
			return false;
		}
		send_part(g, r, (uint32_t)n);
		if (r->from < le32toh(r->h.len)) {
			continue;
		}
		g->relay = r->next;
		if (!g->relay) {
			g->relay_end = &g->relay;
		}
		g->relay_bytes -= sizeof(*r) + le32toh(r->h.len);
		free(r);
	}
	return true;
}

static bool pump_orphans(struct vsock_guest *g)
{
	while (g->n_orphans) {
		if (!room(g)) {
			return false;
		}
		send_raw(g, &g->orphan[g->orphan_first], NULL);
		g->orphan_first = (g->orphan_first + 1) % ORPHANS;
		g->n_orphans--;
	}
	return true;
}

bool vsock_pump(struct vsock_guest *g)
{
	unsigned int n = 0;

	if (!g->up || !pump_orphans(g) || !pump_relay(g)) {
		return false;
	}
	g->depth++;
	while (g->ready && n++ < ROUND) {
		struct conn *c = g->ready;

		g->ready = c->ready_next;
		if (!g->ready) {
			g->ready_end = &g->ready;
		}
		c->queued = false;
		if (c->state == DEAD) {
			continue;
		}
		if (!turn(c) && c->state != DEAD) {
			if (c->queued) {
				break; /* it wrote meanwhile: it is in line */
			}
			/* first in line again */
			c->queued = true;
			c->ready_next = g->ready;
			g->ready = c;
			if (!c->ready_next) {
				g->ready_end = &c->ready_next;
			}
			break;
		}
		/* more to do that only waits for its next turn */
		if (c->state != DEAD &&
		    (c->todo & ~(unsigned int)DO_WRITABLE)) {
			enqueue(c);
		}
	}
	g->depth--;
	reap(g);
	return g->ready && room(g);
}

/* ---- from the host ---- */

int vsock_connect(struct vsock_guest *g, uint32_t port, enum vsock_type type,
		  struct av_stream **out)
{
	struct conn *c;

	if (!g->up) {
		return -ENOTCONN;
	}
	do {
		g->next_port++;
		if (g->next_port < EPHEMERAL ||
		    g->next_port == VSOCK_PORT_ANY) {
			g->next_port = EPHEMERAL;
		}
	} while (find(g, g->next_port, port));
	c = new_conn(g, g->next_port, port, type);
	if (!c) {
		return g->n.open >= VSOCK_CONNS_MAX ? -EMFILE : -ENOMEM;
	}
	c->state = CONNECTING;
	c->ticks = CONNECT_TICKS;
	c->has_service = true;
	todo(c, DO_REQUEST);
	*out = &c->s;
	return 0;
}

uint32_t vsock_host_port(const struct av_stream *s)
{
	return ((const struct conn *)s)->host_port;
}

enum vsock_type vsock_stream_type(const struct av_stream *s)
{
	return ((const struct conn *)s)->type;
}

/* ---- all connections of a port ---- */

static void each(struct vsock_guest *g, uint32_t port,
		 void (*fn)(struct conn *c))
{
	g->depth++;
	for (unsigned int i = 0; i < HASH; i++) {
		for (struct conn *c = g->hash[i]; c; c = c->hash_next) {
			if (c->state != DEAD &&
			    (port == 0 || c->host_port == port ||
			     (c->host_port >= EPHEMERAL &&
			      c->guest_port == port))) {
				fn(c);
			}
		}
	}
	g->depth--;
	reap(g);
}

static void resume(struct conn *c)
{
	todo(c, DO_DELIVER);
}

static void tick(struct conn *c)
{
	if ((c->state == CLOSING || c->state == CONNECTING) &&
	    --c->ticks <= 0) {
		if (c->state == CONNECTING) {
			reset(c);
		} else {
			todo(c, DO_RST);
		}
	}
}

unsigned int vsock_reset_port(struct vsock_guest *g, uint32_t port)
{
	uint64_t before = g->n.reset;

	each(g, port, reset);
	return (unsigned int)(g->n.reset - before);
}

void vsock_resume(struct vsock_guest *g, uint32_t port)
{
	each(g, port, resume);
}

void vsock_tick(struct vsock_guest *g)
{
	each(g, 0, tick);
}

/* ---- life ---- */

static void drop_relay(struct vsock_guest *g)
{
	while (g->relay) {
		struct relay *r = g->relay;

		g->relay = r->next;
		free(r);
	}
	g->relay_end = &g->relay;
	g->relay_bytes = 0;
}

int vsock_guest_create(uint64_t cid, const struct vsock_out *out,
		       const struct vsock_ports *ports, struct vsock_guest **g)
{
	struct vsock_guest *n = calloc(1, sizeof(*n));

	if (!n) {
		return -ENOMEM;
	}
	n->cid = cid;
	n->out = *out;
	n->ports = *ports;
	n->ready_end = &n->ready;
	n->relay_end = &n->relay;
	*g = n;
	return 0;
}

void vsock_guest_up(struct vsock_guest *g, bool up)
{
	g->up = up;
	if (!up) {
		g->n_orphans = 0;
		drop_relay(g);
		each(g, 0, dead);
	}
}

void vsock_guest_destroy(struct vsock_guest *g)
{
	if (!g) {
		return;
	}
	vsock_guest_up(g, false);
	free(g);
}

uint64_t vsock_guest_cid(const struct vsock_guest *g)
{
	return g->cid;
}

bool vsock_guest_is_up(const struct vsock_guest *g)
{
	return g->up;
}

void vsock_guest_counts(const struct vsock_guest *g, struct vsock_counts *out)
{
	*out = g->n;
}
