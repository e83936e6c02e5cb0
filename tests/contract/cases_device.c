/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest says to one kind of device: state that grows with what it says,
 * writes larger than anything, credit that is none, frames for a network stack;
 * and what a device answers to what it does not know.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"
#include "vdevices/vsock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOT = 512, /* bytes of a keyed request, and of its answer */
	CREATES_KB = 64 << 10,
	BIG = 1 << 18,
};

/* ---- many requests under way ---- */

/* Requests on one queue, many at once, whatever comes of them. */
struct flood {
	struct guest *g;
	unsigned int q, depth, busy;
	uint64_t base;
	uint64_t i; /* next request's number */
	bool free_slot[64];
};

static void flood_begin(struct flood *f, struct guest *g, unsigned int q)
{
	*f = (struct flood){ .g = g, .q = q, .depth = 20 };
	f->base = front_alloc(g->m, (size_t)2 * SLOT * f->depth, 64);
	memset(f->free_slot, 1, sizeof(f->free_slot));
}

/* What the device has done with. -1: it is stuck. */
static int flood_reap(struct ctx *c, struct flood *f, bool wait)
{
	struct front_used u;
	int ret = 1;

	while (f->busy && ret > 0) {
		ret = front_get(f->g->f, f->q, &u);
		if (ret == 0 && wait && ctx_eager(c, f->q)) {
			ret = front_wait(f->g->f, f->q, &u, FRONT_WAIT_MS) == 0
				      ? 1
				      : -1;
		}
		if (ret > 0) {
			f->free_slot[u.cookie] = true;
			f->busy--;
			wait = false;
		}
	}
	NEED(ret >= 0, "queue %u, request %llu: %s", f->q,
	     (unsigned long long)f->i, front_why(f->g->f));
	return 0;
}

static int flood_add(struct ctx *c, struct flood *f, const uint8_t *out,
		     size_t len)
{
	unsigned int s = 0;
	struct front_buf b[2];

	while (s < f->depth && !f->free_slot[s]) {
		s++;
	}
	if (s == f->depth) {
		return 0; /* a queue that waits for the device: full */
	}
	b[0] = (struct front_buf){ f->base + (uint64_t)2 * SLOT * s,
				   (uint32_t)len, false };
	b[1] = (struct front_buf){ b[0].gpa + SLOT, SLOT, true };
	memcpy(front_mem_at(f->g->m, b[0].gpa), out, len);
	if (front_add(f->g->f, f->q, len ? b : b + 1, len ? 2 : 1, s) == 0) {
		f->free_slot[s] = false;
		f->busy++;
	}
	front_kick(f->g->f, f->q);
	f->i++;
	return flood_reap(c, f, f->busy == f->depth);
}

/* ---- G8: state keyed by what the guest says ---- */

/* Each key that a guest can choose, a million of them; @rx: whether it takes
 * what the device says to it. */
static int creates(struct ctx *c, struct guest *g, unsigned int n, bool rx)
{
	struct flood f, in[16];
	unsigned int queues = front_n_queues(g->f);
	uint8_t buf[SLOT];

	queues = queues < 16 ? queues : 16;
	for (unsigned int q = 0; q < queues; q++) {
		flood_begin(&in[q], g, q);
	}
	for (unsigned int q = 0; q < queues; q++) {
		flood_begin(&f, g, q);
		for (unsigned int i = 0; i < n; i++) {
			size_t len = c->row->keyed
					     ? c->row->keyed(q, i, buf,
							     sizeof(buf))
					     : 0;

			if (!len && !ctx_eager(c, q)) {
				break; /* nothing to say there */
			}
			DO(flood_add(c, &f, buf, len));
			if (front_ring_broken(g->f, q, 0)) {
				return ctx_fail(c, "queue %u breaks at %u", q,
						i);
			}
			for (unsigned int k = 0; rx && k < queues; k++) {
				if (k != q && !ctx_eager(c, k)) {
					DO(flood_add(c, &in[k], buf, 0));
				}
			}
		}
	}
	return 0;
}

static int million_keys(struct ctx *c)
{
	unsigned int n = ctx_count(c, 500000, 2500);

	for (unsigned int k = 0; k < 2; k++) {
		struct guest *g = ctx_guest(c, 0);
		long before = rig_rss_kb(c->rig), after;
		int ret;

		NEED(g, "%s", c->err.msg);
		ret = creates(c, g, n / 2, k);
		if (ret) {
			return ret;
		}
		FRONT(g, front_barrier(g->f));
		after = rig_rss_kb(c->rig);
#ifndef AVSIM_SANITIZED /* which keeps freed memory on purpose */
		NEED(after - before <= CREATES_KB,
		     "%ld kB resident after %u of a kind, %ld before", after,
		     n / 2, before);
#endif
		DO(ctx_bystander(c));
		DO(ctx_recovers(c, g));
		ctx_done(g);
		(void)before;
		(void)after;
	}
	return 0;
}

/* ---- G10, 2.7: an answer to what it does not know ---- */

static int unknown_request(struct ctx *c)
{
	struct guest *g = ctx_guest(c, 0);
	int ret;

	NEED(g, "%s", c->err.msg);
	if (!c->row->unknown) {
		return ctx_skip(c, "it has no requests that it could not know");
	}
	for (int i = 0; i < 20; i++) {
		ret = c->row->unknown(g->f);
		NEED(ret == 0, "no proper answer: %s (%s)", strerror(-ret),
		     front_why(g->f));
	}
	return ctx_probe(c, g);
}

/* ---- G12: more than 64 KiB in one request ---- */

static int large_requests(struct ctx *c)
{
	static const uint32_t sizes[] = { 65535, 65536,	   65537, 65536 + 44,
					  BIG,	 BIG + 44, 4097 };

	struct guest *g = ctx_guest(c, 0);
	uint64_t at;

	NEED(g, "%s", c->err.msg);
	at = front_alloc(g->m, 2 * BIG + 4096, 64);
	for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
		for (unsigned int i = 0; i < 7 * 3; i++) {
			uint32_t n = sizes[i / 3];
			const struct front_buf b[2] = {
				{ at, n, false },
				{ at + BIG + 2048, n, true },
			};
			uint8_t *p = front_mem_at(g->m, at);

			memset(p, 0, BIG);
			if (c->row->seed) {
				c->row->seed(q, &c->rand, p, 512);
			}
			NEED(front_add(g->f, q, b + (i % 3 == 1),
				       i % 3 == 2 ? 2 : 1, i) == 0,
			     "queue %u is full", q);
			front_kick_always(g->f, q);
			FRONT(g, front_barrier(g->f));
			if (i % 3 == 2) {
				DO(ctx_recovers(c, g));
			}
		}
	}
	return 0;
}

/* ---- G12: vsock ---- */

enum { RX, TX, ECHO_PORT = 7, DEAF_PORT, MINE = 5000 };

struct packet {
	struct vsock_hdr h;
	uint8_t data[512];
};

/* What my port MINE + @to says to port @to, or to the echo. */
static int say(struct ctx *c, struct guest *g, uint16_t op, uint32_t to,
	       uint32_t credit, uint32_t len)
{
	static uint8_t buf[sizeof(struct vsock_hdr) + 4096];
	struct vsock_hdr h = {
		.src_cid = 3,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = MINE + to,
		.dst_port = to == DEAF_PORT ? DEAF_PORT : ECHO_PORT,
		.len = len,
		.type = VSOCK_STREAM,
		.op = op,
		.buf_alloc = credit,
	};
	int ret;

	memcpy(buf, &h, sizeof(h));
	ret = front_request(g->f, TX, buf, (uint32_t)sizeof(h) + len, NULL, 0,
			    FRONT_WAIT_MS);
	NEED(ret >= 0, "sending: %s", front_why(g->f));
	return 0;
}

/* Packets that come within @ms of silence: how many of each operation, and
 * payload bytes. */
struct heard {
	unsigned int op[16];
	uint64_t bytes;
};

static int listen_to(struct ctx *c, struct guest *g, struct heard *h, int ms)
{
	struct packet p;
	int ret;

	memset(h, 0, sizeof(*h));
	for (;;) {
		/* a buffer that was not filled waits in the ring: no two */
		struct front_used u;
		size_t mark = front_mark(g->m);
		const struct front_buf b = { front_alloc(g->m, sizeof(p), 64),
					     sizeof(p), true };

		if (front_in_flight(g->f, RX) == 0) {
			NEED(front_add(g->f, RX, &b, 1, b.gpa) == 0, "full");
		} else {
			front_release(g->m, mark);
		}
		front_kick(g->f, RX);
		ret = front_wait(g->f, RX, &u, ms);
		if (ret == -ETIMEDOUT) {
			return 0;
		}
		NEED(ret == 0, "listening: %s", front_why(g->f));
		memcpy(&p, front_mem_at(g->m, u.cookie), sizeof(p));
		h->op[p.h.op & 15]++;
		h->bytes += p.h.len;
	}
}

/* The packet @op comes sooner or later. */
static int await(struct ctx *c, struct guest *g, uint16_t op)
{
	struct heard h;

	for (int i = 0; i < FRONT_WAIT_MS / 50; i++) {
		DO(listen_to(c, g, &h, 50));
		if (h.op[op]) {
			return 0;
		}
	}
	return ctx_fail(c, "no packet of operation %u", op);
}

static int dial(struct ctx *c, struct guest *g, uint32_t to, uint32_t credit)
{
	DO(say(c, g, VSOCK_OP_REQUEST, to, credit, 0));
	return await(c, g, VSOCK_OP_RESPONSE);
}

/* A peer without room gets not one byte, and holds up nobody. */
static int zero_credit(struct ctx *c)
{
	struct guest *g = ctx_guest(c, 0);
	struct heard h;

	NEED(g, "%s", c->err.msg);
	DO(dial(c, g, ECHO_PORT, 0));
	for (int i = 0; i < 50; i++) {
		DO(say(c, g, VSOCK_OP_RW, ECHO_PORT, 0, 100));
	}
	DO(listen_to(c, g, &h, 200));
	NEED(h.bytes == 0, "%llu bytes against no credit",
	     (unsigned long long)h.bytes);
	NEED(h.op[VSOCK_OP_RST] == 0, "it is reset");
	DO(dial(c, g, 100, 1 << 18)); /* another connection */
	/* seven bytes of room: seven bytes */
	DO(say(c, g, VSOCK_OP_CREDIT_UPDATE, ECHO_PORT, 7, 0));
	DO(listen_to(c, g, &h, 200));
	NEED(h.bytes == 7, "%llu bytes against a credit of 7",
	     (unsigned long long)h.bytes);
	return ctx_bystander(c);
}

/* More than the device has room for: that connection ends, and no other. */
static int credit_overflow(struct ctx *c)
{
	struct guest *g = ctx_guest(c, 0);

	NEED(g, "%s", c->err.msg);
	DO(dial(c, g, DEAF_PORT, 1 << 18));
	for (unsigned int i = 0; i < 2 * VSOCK_BUF / 4096; i++) {
		DO(say(c, g, VSOCK_OP_RW, DEAF_PORT, 1 << 18, 4096));
	}
	DO(await(c, g, VSOCK_OP_RST));
	DO(dial(c, g, ECHO_PORT, 1 << 18));
	return ctx_bystander(c);
}

/* Resets for connections that are not, for those that are, and all the
 * while nobody takes the device's packets. A reset is answered by nothing. */
static int reset_storm(struct ctx *c)
{
	unsigned int n = ctx_count(c, 100000, 2000);
	struct guest *g = ctx_guest(c, 0);
	struct heard h;

	NEED(g, "%s", c->err.msg);
	DO(dial(c, g, ECHO_PORT, 1 << 18));
	for (unsigned int i = 0; i < n; i++) {
		DO(say(c, g, VSOCK_OP_RST, i % 3 ? i : ECHO_PORT, 0, 0));
	}
	DO(listen_to(c, g, &h, 100));
	NEED(h.op[VSOCK_OP_RST] == 0, "%u resets answer %u",
	     h.op[VSOCK_OP_RST], n);
	for (unsigned int i = 0; i < n / 2; i++) {
		DO(say(c, g, VSOCK_OP_REQUEST, 100 + i, 1 << 18, 0));
		DO(say(c, g, VSOCK_OP_RST, 100 + i, 0, 0));
	}
	DO(ctx_bystander(c));
	return ctx_recovers(c, g);
}

/* ---- F7: what was written is there, and as it was written last ---- */

struct wire {
	uint32_t type, reserved;
	uint64_t sector;
};

static int write_round(struct ctx *c, struct guest *g, uint64_t at,
		       unsigned int round, unsigned int n)
{
	unsigned int back = 0;
	struct front_used u;
	int ret = 0;

	for (unsigned int k = 0; k < n; k++) {
		uint64_t gpa = at + 1024ull * k;
		struct wire *w = front_mem_at(g->m, gpa);
		const struct front_buf b[2] = { { gpa, 16 + 512, false },
						{ gpa + 1023, 1, true } };

		*w = (struct wire){ .type = 1, .sector = k };
		for (unsigned int i = 0; i < 512 / 4; i++) {
			uint32_t v = round << 16 | k << 8 | (i & 0xff);

			memcpy((uint8_t *)(w + 1) + 4 * i, &v, 4);
		}
		NEED(front_add(g->f, 0, b, 2, k) == 0, "ring too small");
		if (k == n / 2 || k == n - 1) {
			front_kick(g->f, 0);
		}
	}
	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	while ((ret = front_get(g->f, 0, &u)) > 0) {
		back++;
	}
	NEED(ret == 0, "%s", front_why(g->f));
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	front_kick_always(g->f, 0);
	for (; back < n; back++) {
		FRONT(g, front_wait(g->f, 0, &u, FRONT_WAIT_MS));
	}
	NEED(front_get(g->f, 0, &u) == 0, "more came back than were sent");
	return 0;
}

static int pattern_disk(struct ctx *c)
{
	static const unsigned int kinds[] = { 0, G_INFLIGHT };

	for (unsigned int kind = 0; kind < 2; kind++) {
		struct guest *g = ctx_guest(c, kinds[kind]);
		unsigned int n = ctx_count(c, 2000, 50);
		uint64_t at;

		NEED(g, "%s", c->err.msg);
		at = front_alloc(g->m, 32 * 1024, 64);
		for (unsigned int round = 1; round <= n; round++) {
			DO(write_round(c, g, at, round, 20));
			for (unsigned int k = 0; k < 20; k++) {
				struct wire w = { .sector = k };
				uint8_t in[513];
				const uint8_t *was =
					front_mem_at(g->m, at + 1024ull * k);
				int ret = front_request(g->f, 0, &w, sizeof(w),
							in, sizeof(in),
							FRONT_WAIT_MS);

				NEED(ret == 513 && in[512] == 0,
				     "read: %s, status %u", front_why(g->f),
				     in[512]);
				NEED(!memcmp(in, was + 16, 512),
				     "round %u: sector %u is another", round,
				     k);
			}
		}
		ctx_done(g);
	}
	return 0;
}

const struct contract_case cases_device[] = {
	CASE("G8", "million-keys", million_keys),
	CASE("G10", "unknown-request", unknown_request),
	CASE("G12", "over-64-kib", large_requests),
	CASE_OF("vsock", "G12", "zero-credit", zero_credit),
	CASE_OF("vsock", "G12", "credit-overflow", credit_overflow),
	CASE_OF("vsock", "G12", "vsock-reset-storm", reset_storm),
	CASE_OF("blk", "F7", "pattern-disk", pattern_disk),
	{ .id = NULL },
};
