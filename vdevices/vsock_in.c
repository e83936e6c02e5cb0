/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_priv.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* ---- bytes ---- */

/* The peer thinks it has @left bytes of credit; tell it of more in time. */
static void think_of_credit(struct vsock_conn *c)
{
	uint32_t left = VSOCK_BUF - (c->rx_cnt - c->told_fwd);

	if (c->fwd_cnt != c->told_fwd && left < VSOCK_BUF / 2) {
		vsock_todo(c, DO_CREDIT);
	}
}

static bool may_deliver(const struct vsock_conn *c)
{
	return c->has_service && !c->held && c->state == CONN_OPEN;
}

static int hold_bytes(struct vsock_conn *c, const void *data, size_t len)
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
		size_t size;
		uint8_t *p = vsock_buf_get(c->g, need < 4096 ? 4096 : need,
					   &size);

		if (!p) {
			return -ENOBUFS;
		}
		if (c->buf) {
			memcpy(p, c->buf, c->to);
		}
		vsock_buf_put(c->g, c->buf, c->size);
		c->buf = p;
		c->size = size;
	}
	memcpy(c->buf + c->to, data, len);
	c->to += len;
	return 0;
}

static void tell_eof(struct vsock_conn *c)
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
	if (c->state != CONN_OPEN) {
		return;
	}
	if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
		c->todo |= DO_RST;
	} else {
		c->state = CONN_CLOSING;
		c->ticks = VSOCK_CLOSE_TICKS;
		vsock_shut(c, VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	}
	vsock_enqueue(c);
	c->has_service = false;
	if (c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

static void deliver_stream(struct vsock_conn *c)
{
	while (c->to > c->from && may_deliver(c)) {
		size_t n = c->to - c->from;

		n = n < VSOCK_PAYLOAD_MAX ? n : VSOCK_PAYLOAD_MAX;
		n = vsock_give(c, n, false);
		if (n == 0) {
			return;
		}
		c->from += n;
		c->fwd_cnt += (uint32_t)n;
		c->s.on_data(&c->s, c->buf + c->from - n, n);
	}
}

static void deliver_messages(struct vsock_conn *c)
{
	while (c->part > c->from && may_deliver(c)) {
		uint32_t len;

		memcpy(&len, c->buf + c->from, sizeof(len));
		if (vsock_give(c, len, false) < len) {
			return;
		}
		c->from += sizeof(len) + len;
		c->fwd_cnt += len;
		c->s.on_data(&c->s, c->buf + c->from - len, len);
	}
}

void vsock_deliver(struct vsock_conn *c)
{
	if (c->type == VSOCK_SEQPACKET) {
		deliver_messages(c);
	} else {
		deliver_stream(c);
	}
	if (c->from == c->to && c->buf && c->state != CONN_DEAD) {
		vsock_drop_held(c);
	}
	think_of_credit(c);
	tell_eof(c);
}

static int take_message(struct vsock_conn *c, uint32_t flags, const void *data,
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

static int on_rw(struct vsock_conn *c, uint32_t flags, const void *data,
		 uint32_t len)
{
	int ret;

	if (c->state == CONN_CLOSING) {
		return 0; /* nobody reads it; the guest will hear */
	}
	if (c->state != CONN_OPEN || (c->peer_shut & VSOCK_NO_SEND) ||
	    len > VSOCK_BUF - (c->rx_cnt - c->fwd_cnt)) {
		vsock_reset(c);
		return -EBADMSG;
	}
	c->rx_cnt += len;
	c->g->n.bytes_in += len;
	if (c->type == VSOCK_STREAM && c->to == c->from && may_deliver(c) &&
	    vsock_give(c, len, false) == len) {
		c->fwd_cnt += len;
		c->s.on_data(&c->s, data, len);
		think_of_credit(c);
		return 0;
	}
	ret = c->type == VSOCK_SEQPACKET ? take_message(c, flags, data, len)
					 : hold_bytes(c, data, len);
	if (ret) {
		vsock_reset(c);
		return ret;
	}
	if (may_deliver(c)) {
		vsock_deliver(c);
	}
	return 0;
}

/* ---- control ---- */

static void learn_credit(struct vsock_conn *c, const struct vsock_hdr *h)
{
	c->peer_buf = le32toh(h->buf_alloc);
	c->peer_fwd = le32toh(h->fwd_cnt);
	if ((c->todo & DO_WRITABLE || c->out) && vsock_credit(c)) {
		vsock_enqueue(c);
	}
}

static int on_request(struct vsock_guest *g, const struct vsock_hdr *h)
{
	uint32_t port = le32toh(h->dst_port);
	enum vsock_type type = (enum vsock_type)le16toh(h->type);
	struct vsock_conn *c =
		vsock_new_conn(g, port, le32toh(h->src_port), type);

	if (!c) {
		g->n.refused++;
		vsock_orphan(g, h);
		return 0;
	}
	learn_credit(c, h);
	c->state = CONN_OPEN;
	c->todo = DO_RESPONSE; /* before what the service writes at once */
	if (g->ports.open(g->ports.ctx, g, port, type, &c->s)) {
		g->n.refused++;
		vsock_dead(c);
		vsock_orphan(g, h);
		return 0;
	}
	g->n.opened++;
	c->has_service = c->state == CONN_OPEN;
	vsock_enqueue(c);
	return 0;
}

static void on_shutdown(struct vsock_conn *c, uint32_t flags)
{
	c->peer_shut |= flags & (VSOCK_NO_RECEIVE | VSOCK_NO_SEND);
	if (c->state == CONN_CLOSING) {
		if (c->peer_shut == (VSOCK_NO_RECEIVE | VSOCK_NO_SEND)) {
			vsock_todo(c, DO_RST);
		}
		return;
	}
	vsock_todo(c, DO_DELIVER);
}

static int known(struct vsock_conn *c, const struct vsock_hdr *h,
		 const void *data)
{
	switch (le16toh(h->op)) {
	case VSOCK_OP_RESPONSE:
		if (c->state != CONN_CONNECTING) {
			vsock_reset(c);
			return -EBADMSG;
		}
		c->state = CONN_OPEN;
		c->g->n.opened++;
		learn_credit(c, h);
		vsock_todo(c, DO_WRITABLE);
		return 0;
	case VSOCK_OP_RST:
		vsock_dead(c);
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
		vsock_todo(c, DO_CREDIT);
		return 0;
	default: /* a second REQUEST among them */
		vsock_reset(c);
		return -EBADMSG;
	}
}

static int to_host(struct vsock_guest *g, const struct vsock_hdr *h,
		   const void *data)
{
	uint16_t type = le16toh(h->type);
	struct vsock_conn *c;

	if (type != VSOCK_STREAM && type != VSOCK_SEQPACKET) {
		vsock_orphan(g, h);
		return -EBADMSG;
	}
	c = vsock_find(g, le32toh(h->dst_port), le32toh(h->src_port));
	if (c && c->type != type) {
		vsock_reset(c);
		return -EBADMSG;
	}
	if (c) {
		return known(c, h, data);
	}
	if (le16toh(h->op) == VSOCK_OP_REQUEST) {
		return on_request(g, h);
	}
	vsock_orphan(g, h);
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
			vsock_orphan(g, h);
		}
	}
	g->depth--;
	vsock_reap(g);
	if (ret == -EBADMSG) {
		g->n.bad++;
	}
	return ret;
}
