/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/vu/vpeer.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RX, TX, RING = 256, TX_SLOTS = 64 };

struct vpeer {
	struct vpeer_opts o;
	struct front_mem *mem;
	struct front *f;
	uint64_t rx_gpa[RING], tx_gpa[TX_SLOTS];
	uint16_t tx_free[TX_SLOTS];
	unsigned int n_tx_free;
	struct vpeer_conn *conn;
	unsigned int next;
	uint32_t listening;
	struct vpeer_conn *accepted;
};

struct front *vpeer_front(struct vpeer *v)
{
	return v->f;
}

static void post_rx(struct vpeer *v, unsigned int i)
{
	struct front_buf b = { v->rx_gpa[i],
			       sizeof(struct vsock_hdr) + VPEER_RX_BUF, true };

	front_add(v->f, RX, &b, 1, i);
}

static int start(struct vpeer *v, struct av_err *err)
{
	int ret = front_start(v->f, err);

	if (ret) {
		return ret;
	}
	/* one split descriptor each */
	for (unsigned int i = 0; i < RING; i++) {
		post_rx(v, i);
	}
	front_kick(v->f, RX);
	v->n_tx_free = TX_SLOTS;
	for (unsigned int i = 0; i < TX_SLOTS; i++) {
		v->tx_free[i] = (uint16_t)i;
	}
	return 0;
}

int vpeer_open(const struct vpeer_opts *o, struct vpeer **out,
	       struct av_err *err)
{
	struct vpeer *v = calloc(1, sizeof(*v));
	struct front_opts fo = { .path = o->path,
				 .n_queues = 2,
				 .queue_size = RING,
				 .busy_poll = o->busy_poll };
	int ret;

	v->o = *o;
	v->conn = calloc(o->conns, sizeof(*v->conn));
	v->mem = front_mem_create(1, 16 << 20);
	fo.mem = v->mem;
	for (unsigned int i = 0; i < RING; i++) {
		v->rx_gpa[i] = front_alloc(
			v->mem, sizeof(struct vsock_hdr) + VPEER_RX_BUF, 64);
	}
	for (unsigned int i = 0; i < TX_SLOTS; i++) {
		v->tx_gpa[i] = front_alloc(
			v->mem, sizeof(struct vsock_hdr) + VPEER_TX_MAX, 64);
	}
	ret = front_open(&fo, &v->f, err);
	ret = ret ? ret : start(v, err);
	if (ret) {
		vpeer_close(v);
		return ret;
	}
	*out = v;
	return 0;
}

void vpeer_close(struct vpeer *v)
{
	front_close(v->f);
	front_mem_destroy(v->mem);
	free(v->conn);
	free(v);
}

int vpeer_reboot(struct vpeer *v, struct av_err *err)
{
	int ret = front_reset(v->f, err);

	memset(v->conn, 0, v->o.conns * sizeof(*v->conn));
	v->accepted = NULL;
	return ret ? ret : start(v, err);
}

/* ---- out ---- */

static void reap_tx(struct vpeer *v)
{
	struct front_used u;

	while (front_get(v->f, TX, &u) == 1) {
		v->tx_free[v->n_tx_free++] = (uint16_t)u.cookie;
	}
}

static void put(struct vpeer *v, struct vpeer_conn *c, enum vsock_op op,
		uint32_t flags, const void *data, uint32_t len)
{
	struct vsock_hdr h = {
		.src_cid = htole64(v->o.cid),
		.dst_cid = htole64(v->o.to ? v->o.to : VSOCK_CID_HOST),
		.src_port = htole32(c->guest_port),
		.dst_port = htole32(c->host_port),
		.len = htole32(len),
		.type = htole16(VSOCK_STREAM),
		.op = htole16((uint16_t)op),
		.flags = htole32(flags),
		.buf_alloc = htole32(VPEER_BUF),
		.fwd_cnt = htole32(v->o.hold_credit ? 0 : c->rx_cnt),
	};
	struct front_buf b = { .len = (uint32_t)sizeof(h) + len };
	unsigned int slot;
	uint8_t *p;

	reap_tx(v);
	while (!v->n_tx_free) {
		struct front_used u;

		if (front_wait(v->f, TX, &u, FRONT_WAIT_MS)) {
			return; /* the next vpeer_run() says why */
		}
		v->tx_free[v->n_tx_free++] = (uint16_t)u.cookie;
	}
	slot = v->tx_free[--v->n_tx_free];
	b.gpa = v->tx_gpa[slot];
	p = front_mem_at(v->mem, b.gpa);
	memcpy(p, &h, sizeof(h));
	if (len) {
		memcpy(p + sizeof(h), data, len);
	}
	c->told = c->rx_cnt;
	front_add(v->f, TX, &b, 1, slot);
	front_kick(v->f, TX);
}

static struct vpeer_conn *slot_of(struct vpeer *v)
{
	for (unsigned int i = 0; i < v->o.conns; i++) {
		struct vpeer_conn *c = &v->conn[(v->next + i) % v->o.conns];

		if (c->state == VPEER_FREE) {
			v->next = (unsigned int)(c - v->conn) + 1;
			*c = (struct vpeer_conn){ 0 };
			return c;
		}
	}
	return NULL;
}

struct vpeer_conn *vpeer_dial(struct vpeer *v, uint32_t guest_port,
			      uint32_t host_port)
{
	struct vpeer_conn *c = slot_of(v);

	if (c) {
		c->state = VPEER_DIALLING;
		c->guest_port = guest_port;
		c->host_port = host_port;
		put(v, c, VSOCK_OP_REQUEST, 0, NULL, 0);
	}
	return c;
}

uint32_t vpeer_send(struct vpeer *v, struct vpeer_conn *c, const void *buf,
		    uint32_t len)
{
	uint32_t room = c->peer_buf - (c->tx_cnt - c->peer_fwd);

	len = len < room ? len : room;
	len = len < VPEER_TX_MAX ? len : VPEER_TX_MAX;
	if (len && c->state == VPEER_OPEN) {
		c->tx_cnt += len;
		c->sent += len;
		put(v, c, VSOCK_OP_RW, 0, buf, len);
		return len;
	}
	return 0;
}

void vpeer_shutdown(struct vpeer *v, struct vpeer_conn *c, unsigned int how)
{
	put(v, c, VSOCK_OP_SHUTDOWN, how, NULL, 0);
}

void vpeer_reset(struct vpeer *v, struct vpeer_conn *c)
{
	put(v, c, VSOCK_OP_RST, 0, NULL, 0);
	c->state = VPEER_FREE;
}

void vpeer_free(struct vpeer_conn *c)
{
	c->state = VPEER_FREE;
}

void vpeer_listen(struct vpeer *v, uint32_t port)
{
	v->listening = port;
}

struct vpeer_conn *vpeer_accepted(struct vpeer *v)
{
	struct vpeer_conn *c = v->accepted;

	v->accepted = NULL;
	return c;
}

/* ---- in ---- */

static struct vpeer_conn *find(struct vpeer *v, uint32_t guest, uint32_t host)
{
	for (unsigned int i = 0; i < v->o.conns; i++) {
		struct vpeer_conn *c = &v->conn[i];

		if (c->state != VPEER_FREE && c->guest_port == guest &&
		    c->host_port == host) {
			return c;
		}
	}
	return NULL;
}

static void host_dials(struct vpeer *v, const struct vsock_hdr *h)
{
	struct vpeer_conn *c = slot_of(v), none = { 0 };

	if (!c || le32toh(h->dst_port) != v->listening) {
		none.guest_port = le32toh(h->dst_port);
		none.host_port = le32toh(h->src_port);
		put(v, &none, VSOCK_OP_RST, 0, NULL, 0);
		return;
	}
	c->guest_port = le32toh(h->dst_port);
	c->host_port = le32toh(h->src_port);
	c->state = VPEER_OPEN;
	c->peer_buf = le32toh(h->buf_alloc);
	c->peer_fwd = le32toh(h->fwd_cnt);
	put(v, c, VSOCK_OP_RESPONSE, 0, NULL, 0);
	v->accepted = c;
}

static void payload(struct vpeer *v, struct vpeer_conn *c, const uint8_t *p,
		    uint32_t len)
{
	c->rx_cnt += len;
	c->received += len;
	if (v->o.data) {
		v->o.data(v, c, p, len);
	}
	if (!v->o.hold_credit && c->state == VPEER_OPEN &&
	    c->rx_cnt - c->told > VPEER_BUF / 4) {
		put(v, c, VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	}
}

static void packet(struct vpeer *v, const struct vsock_hdr *h,
		   const uint8_t *data)
{
	struct vpeer_conn *c =
		find(v, le32toh(h->dst_port), le32toh(h->src_port));

	if (le16toh(h->op) == VSOCK_OP_REQUEST) {
		host_dials(v, h);
		return;
	}
	if (!c) {
		return;
	}
	c->peer_buf = le32toh(h->buf_alloc);
	c->peer_fwd = le32toh(h->fwd_cnt);
	switch (le16toh(h->op)) {
	case VSOCK_OP_RESPONSE:
		c->state = VPEER_OPEN;
		break;
	case VSOCK_OP_RST:
		c->state = VPEER_RESET;
		break;
	case VSOCK_OP_SHUTDOWN:
		c->shut |= le32toh(h->flags);
		break;
	case VSOCK_OP_RW:
		payload(v, c, data, le32toh(h->len));
		break;
	case VSOCK_OP_CREDIT_REQUEST:
		put(v, c, VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
		break;
	default:
		break;
	}
}

static void take(struct vpeer *v, const struct front_used *u)
{
	struct vsock_hdr h;
	const uint8_t *p = front_mem_at(v->mem, v->rx_gpa[u->cookie]);

	memcpy(&h, p, sizeof(h));
	if (u->len >= sizeof(h) && le32toh(h.len) == u->len - sizeof(h)) {
		packet(v, &h, p + sizeof(h));
	}
	post_rx(v, (unsigned int)u->cookie);
}

int vpeer_run(struct vpeer *v, int timeout_ms)
{
	struct front_used u;
	int n = 0, ret;

	reap_tx(v);
	ret = front_get(v->f, RX, &u);
	if (ret == 0 && timeout_ms) {
		ret = front_wait(v->f, RX, &u, timeout_ms);
		ret = ret == -ETIMEDOUT ? 0 : ret ? ret : 1;
	}
	while (ret == 1) {
		take(v, &u);
		n++;
		ret = front_get(v->f, RX, &u);
	}
	if (n) {
		front_kick(v->f, RX);
	}
	return ret < 0 ? ret : n;
}
