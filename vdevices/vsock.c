/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation, of vsock_in.c and vsock_out.c as well
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
 * looked at again only through its flags, and memory is freed in vsock_reap()
 * only.
 */
#include "config.h"

#include "vdevices/vsock_priv.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_TICKS = 3 }; /* a guest's driver answers at once or never */

/* ---- buffers ---- */

void *vsock_buf_get(struct vsock_guest *g, size_t need, size_t *size)
{
	size_t n = VSOCK_BUF_MIN;
	unsigned int i = 0;
	struct vsock_spare *p;

	while (n < need && n <= VSOCK_HELD_MAX) {
		n *= 2;
		i++;
	}
	if (g->n.held + n > VSOCK_HELD_MAX) {
		return NULL;
	}
	p = g->spare[i];
	if (p) {
		g->spare[i] = p->next;
		g->spare_bytes -= n;
	} else {
		p = malloc(n);
	}
	if (p) {
		g->n.held += n;
		*size = n;
	}
	return p;
}

void vsock_buf_put(struct vsock_guest *g, void *buf, size_t size)
{
	struct vsock_spare *p = buf;
	unsigned int i = 0;

	if (!buf) {
		return;
	}
	g->n.held -= size;
	if (g->spare_bytes + size > VSOCK_SPARE_MAX) {
		free(buf);
		return;
	}
	while ((size_t)VSOCK_BUF_MIN << i < size) {
		i++;
	}
	p->next = g->spare[i];
	g->spare[i] = p;
	g->spare_bytes += size;
}

static void drop_spare(struct vsock_guest *g)
{
	for (unsigned int i = 0; i < VSOCK_SIZES; i++) {
		while (g->spare[i]) {
			struct vsock_spare *p = g->spare[i];

			g->spare[i] = p->next;
			free(p);
		}
	}
	g->spare_bytes = 0;
}

/* ---- table ---- */

static unsigned int hash_of(uint32_t host, uint32_t guest)
{
	uint32_t x = host * 2654435761u ^ guest * 2246822519u;

	return (x ^ x >> 16) % VSOCK_HASH;
}

struct vsock_conn *vsock_find(struct vsock_guest *g, uint32_t host,
			      uint32_t guest)
{
	struct vsock_conn *c = g->hash[hash_of(host, guest)];

	while (c && (c->host_port != host || c->guest_port != guest ||
		     c->state == CONN_DEAD)) {
		c = c->hash_next;
	}
	return c;
}

struct vsock_conn *vsock_new_conn(struct vsock_guest *g, uint32_t host,
				  uint32_t guest, enum vsock_type type)
{
	struct vsock_conn *c;
	unsigned int i = hash_of(host, guest);

	if (g->n.open >= VSOCK_CONNS_MAX) {
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		return NULL;
	}
	c->g = g;
	c->s.ops = &vsock_stream_ops;
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

void vsock_drop_held(struct vsock_conn *c)
{
	vsock_buf_put(c->g, c->buf, c->size);
	c->buf = NULL;
	c->from = c->to = c->size = c->part = 0;
}

void vsock_dead(struct vsock_conn *c)
{
	bool tell = c->has_service;

	if (c->state == CONN_DEAD) {
		return;
	}
	c->state = CONN_DEAD;
	c->has_service = false;
	c->g->n_dead++;
	c->g->n.open--;
	if (tell && c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

static void unqueue_dead(struct vsock_guest *g)
{
	struct vsock_conn **at = &g->ready;

	while (*at) {
		if ((*at)->state == CONN_DEAD) {
			*at = (*at)->ready_next;
		} else {
			at = &(*at)->ready_next;
		}
	}
	g->ready_end = at;
}

void vsock_reap(struct vsock_guest *g)
{
	if (!g->n_dead || g->depth) {
		return;
	}
	unqueue_dead(g);
	for (unsigned int i = 0; i < VSOCK_HASH && g->n_dead; i++) {
		struct vsock_conn **at = &g->hash[i];

		while (*at) {
			struct vsock_conn *c = *at;

			if (c->state != CONN_DEAD) {
				at = &c->hash_next;
				continue;
			}
			*at = c->hash_next;
			vsock_drop_held(c);
			vsock_buf_put(g, c->out, c->out_size);
			free(c);
			g->n_dead--;
		}
	}
}

void vsock_reset(struct vsock_conn *c)
{
	bool tell = c->has_service;

	c->g->n.reset++;
	vsock_todo(c, DO_RST);
	c->has_service = false;
	c->state = CONN_CLOSING;
	c->ticks = VSOCK_CLOSE_TICKS;
	if (tell && c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
}

/* ---- from the host ---- */

int vsock_connect(struct vsock_guest *g, uint32_t port, enum vsock_type type,
		  struct av_stream **out)
{
	struct vsock_conn *c;

	if (!g->up) {
		return -ENOTCONN;
	}
	do {
		g->next_port++;
		if (g->next_port < VSOCK_EPHEMERAL ||
		    g->next_port == VSOCK_PORT_ANY) {
			g->next_port = VSOCK_EPHEMERAL;
		}
	} while (vsock_find(g, g->next_port, port));
	c = vsock_new_conn(g, g->next_port, port, type);
	if (!c) {
		return g->n.open >= VSOCK_CONNS_MAX ? -EMFILE : -ENOMEM;
	}
	c->state = CONN_CONNECTING;
	c->ticks = CONNECT_TICKS;
	c->has_service = true;
	vsock_todo(c, DO_REQUEST);
	*out = &c->s;
	return 0;
}

uint32_t vsock_host_port(const struct av_stream *s)
{
	return ((const struct vsock_conn *)s)->host_port;
}

enum vsock_type vsock_stream_type(const struct av_stream *s)
{
	return ((const struct vsock_conn *)s)->type;
}

/* ---- all connections of a port ---- */

static void each(struct vsock_guest *g, uint32_t port,
		 void (*fn)(struct vsock_conn *c))
{
	g->depth++;
	for (unsigned int i = 0; i < VSOCK_HASH; i++) {
		for (struct vsock_conn *c = g->hash[i]; c; c = c->hash_next) {
			if (c->state != CONN_DEAD &&
			    (port == 0 || c->host_port == port ||
			     (c->host_port >= VSOCK_EPHEMERAL &&
			      c->guest_port == port))) {
				fn(c);
			}
		}
	}
	g->depth--;
	vsock_reap(g);
}

static void resume(struct vsock_conn *c)
{
	vsock_todo(c, DO_DELIVER);
}

static void tick(struct vsock_conn *c)
{
	if ((c->state == CONN_CLOSING || c->state == CONN_CONNECTING) &&
	    --c->ticks <= 0) {
		if (c->state == CONN_CONNECTING) {
			vsock_reset(c);
		} else {
			vsock_todo(c, DO_RST);
		}
	}
}

unsigned int vsock_reset_port(struct vsock_guest *g, uint32_t port)
{
	uint64_t before = g->n.reset;

	each(g, port, vsock_reset);
	return (unsigned int)(g->n.reset - before);
}

void vsock_resume(struct vsock_guest *g, uint32_t port)
{
	each(g, port, resume);
}

void vsock_tick(struct vsock_guest *g)
{
	if (!g->paused) {
		each(g, 0, tick);
	}
}

/* ---- life ---- */

static void drop_relay(struct vsock_guest *g)
{
	while (g->relay) {
		struct vsock_relay *r = g->relay;

		g->relay = r->next;
		vsock_buf_put(g, r, r->size);
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
	g->paused = false;
	if (!up) {
		g->n_orphans = 0;
		drop_relay(g);
		each(g, 0, vsock_dead);
		drop_spare(g);
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

void vsock_guest_pause(struct vsock_guest *g)
{
	g->paused = true;
}

void vsock_guest_counts(const struct vsock_guest *g, struct vsock_counts *out)
{
	*out = g->n;
}
