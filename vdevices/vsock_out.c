/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_priv.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum {
	ROUND = 256, /* connections a pump */
	RELAY_MAX = 4 << 20,
};

/* ---- one packet ---- */

static void fill(const struct vsock_conn *c, struct vsock_hdr *h,
		 enum vsock_op op, uint32_t flags, uint32_t len)
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

static void send_packet(struct vsock_conn *c, enum vsock_op op, uint32_t flags,
			const void *data, uint32_t len)
{
	struct vsock_hdr h;

	fill(c, &h, op, flags, len);
	c->told_fwd = c->fwd_cnt;
	c->todo &= ~(unsigned int)DO_CREDIT;
	c->tx_cnt += len;
	send_raw(c->g, &h, data);
}

void vsock_orphan(struct vsock_guest *g, const struct vsock_hdr *in)
{
	struct vsock_hdr *h;

	if (le16toh(in->op) == VSOCK_OP_RST) {
		return;
	}
	if (g->n_orphans == VSOCK_ORPHANS) {
		g->orphan_first = (g->orphan_first + 1) % VSOCK_ORPHANS;
		g->n_orphans--;
	}
	h = &g->orphan[(g->orphan_first + g->n_orphans++) % VSOCK_ORPHANS];
	*h = (struct vsock_hdr){ .src_cid = in->dst_cid,
				 .dst_cid = in->src_cid,
				 .src_port = in->dst_port,
				 .dst_port = in->src_port,
				 .type = in->type,
				 .op = htole16(VSOCK_OP_RST) };
	g->out.wake(g->out.ctx);
}

/* ---- the stream that a service has ---- */

static ssize_t write_message(struct vsock_conn *c, const uint8_t *buf,
			     size_t len)
{
	if (len > c->peer_buf) {
		return -EMSGSIZE;
	}
	if (c->out || vsock_credit(c) < len || vsock_give(c, len, true) < len) {
		c->todo |= DO_WRITABLE;
		return 0;
	}
	c->out = vsock_buf_get(c->g, len, &c->out_size);
	if (!c->out) {
		return -ENOMEM;
	}
	memcpy(c->out, buf, len);
	c->out_from = 0;
	c->out_len = len;
	vsock_enqueue(c);
	return (ssize_t)len;
}

static ssize_t on_write(struct av_stream *s, const void *buf, size_t len)
{
	struct vsock_conn *c = (struct vsock_conn *)s;
	struct vsock_guest *g = c->g;
	const uint8_t *p = buf;
	size_t done = 0;

	if (c->state == CONN_DEAD || c->state == CONN_CLOSING ||
	    (c->peer_shut & VSOCK_NO_RECEIVE) || c->our_shut & VSOCK_NO_SEND) {
		return -EPIPE;
	}
	if (c->state == CONN_CONNECTING || (c->todo & DO_RESPONSE)) {
		vsock_todo(c, DO_WRITABLE);
		return 0;
	}
	if (c->type == VSOCK_SEQPACKET) {
		return write_message(c, p, len);
	}
	while (done < len) {
		ssize_t room = g->out.room(g->out.ctx);
		size_t n = len - done;

		n = room < 0 ? 0 : n < (size_t)room ? n : (size_t)room;
		n = n < vsock_credit(c) ? n : vsock_credit(c);
		n = n ? vsock_give(c, n, true) : 0;
		if (n == 0) {
			break;
		}
		send_packet(c, VSOCK_OP_RW, 0, p + done, (uint32_t)n);
		done += n;
	}
	if (done < len) {
		/* no credit: the guest's next packet brings some */
		c->todo |= DO_WRITABLE;
		if (vsock_credit(c)) {
			vsock_enqueue(c);
		}
	}
	return (ssize_t)done;
}

static void on_hold(struct av_stream *s, bool hold)
{
	struct vsock_conn *c = (struct vsock_conn *)s;

	c->held = hold;
	if (!hold && (c->to > c->from || c->peer_shut)) {
		vsock_todo(c, DO_DELIVER);
	}
}

void vsock_shut(struct vsock_conn *c, uint8_t how)
{
	const struct vsock_ports *p = &c->g->ports;

	c->our_shut |= how;
	if (p->half_open && p->half_open(p->ctx, c->host_port)) {
		return; /* a fault: the guest is not told */
	}
	vsock_todo(c, DO_SHUTDOWN);
}

static void on_end(struct av_stream *s)
{
	struct vsock_conn *c = (struct vsock_conn *)s;

	if (c->state == CONN_OPEN) {
		vsock_shut(c, VSOCK_NO_SEND);
	}
}

static void on_close(struct av_stream *s)
{
	struct vsock_conn *c = (struct vsock_conn *)s;

	c->has_service = false;
	if (c->state == CONN_DEAD) {
		return;
	}
	if (c->state == CONN_CONNECTING) {
		vsock_todo(c, DO_RST);
		return;
	}
	vsock_drop_held(c);
	c->state = CONN_CLOSING;
	c->ticks = VSOCK_CLOSE_TICKS;
	if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
		vsock_todo(c, DO_RST);
	} else {
		vsock_shut(c, VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	}
}

const struct av_stream_ops vsock_stream_ops = {
	.write = on_write,
	.hold = on_hold,
	.close = on_close,
	.end = on_end,
};

/* ---- from another guest ---- */

bool vsock_relay_in(struct vsock_guest *g, const struct vsock_hdr *h,
		    const void *data)
{
	uint32_t len = le32toh(h->len);
	struct vsock_relay *r;
	size_t size;

	if (!g->up || g->relay_bytes + sizeof(*r) + len > RELAY_MAX) {
		return false;
	}
	r = vsock_buf_get(g, sizeof(*r) + len, &size);
	if (!r) {
		return false;
	}
	r->next = NULL;
	r->size = size;
	r->from = 0;
	r->h = *h;
	if (len) {
		memcpy(r->data, data, len);
	}
	g->relay_bytes += size;
	*g->relay_end = r;
	g->relay_end = &r->next;
	g->out.wake(g->out.ctx);
	return true;
}

/* ---- pump ---- */

static void end_of_message(struct vsock_conn *c)
{
	vsock_buf_put(c->g, c->out, c->out_size);
	c->out = NULL;
}

/* Fragments of a seqpacket. Return: false: no room. */
static bool send_message(struct vsock_conn *c)
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
static bool send_control(struct vsock_conn *c)
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
static bool send_end(struct vsock_conn *c)
{
	if (c->todo & DO_RST) {
		if (!room(c->g)) {
			return false;
		}
		c->todo = 0;
		send_packet(c, VSOCK_OP_RST, 0, NULL, 0);
		vsock_dead(c);
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
static bool turn(struct vsock_conn *c)
{
	if (!(c->todo & DO_RST) && !send_control(c)) {
		return false;
	}
	if (c->todo & DO_DELIVER) {
		c->todo &= ~(unsigned int)DO_DELIVER;
		vsock_deliver(c);
	}
	if (c->state == CONN_OPEN && c->out && !send_message(c)) {
		return false;
	}
	if ((c->todo & DO_WRITABLE) && c->state == CONN_OPEN &&
	    vsock_credit(c)) {
		if (!room(c->g)) {
			return false;
		}
		if (vsock_give(c, 1, true)) {
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
static void send_part(struct vsock_guest *g, struct vsock_relay *r, uint32_t n)
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
		struct vsock_relay *r = g->relay;
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
		g->relay_bytes -= r->size;
		vsock_buf_put(g, r, r->size);
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
		g->orphan_first = (g->orphan_first + 1) % VSOCK_ORPHANS;
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
		struct vsock_conn *c = g->ready;

		g->ready = c->ready_next;
		if (!g->ready) {
			g->ready_end = &g->ready;
		}
		c->queued = false;
		if (c->state == CONN_DEAD) {
			continue;
		}
		if (!turn(c) && c->state != CONN_DEAD) {
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
		if (c->state != CONN_DEAD &&
		    (c->todo & ~(unsigned int)DO_WRITABLE)) {
			vsock_enqueue(c);
		}
	}
	g->depth--;
	vsock_reap(g);
	return g->ready && room(g);
}
