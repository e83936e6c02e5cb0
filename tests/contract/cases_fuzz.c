/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chance and a second thread come up with: rings and bodies rewritten
 * while they are read, random requests, random messages.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NUM = 64, /* of the rings of ctx_guest() */
};

/* ---- G7: a second thread rewrites what is being read ---- */

struct rewriter {
	struct guest *g;
	struct av_rand r;
	uint64_t buf, table;
	_Atomic bool end;
};

static uint64_t palette(struct rewriter *w)
{
	const uint64_t some[] = {
		w->buf,
		w->buf + 4096,
		w->table,
		0,
		FRONT_GPA_BASE + 8,
		UINT64_MAX - 8,
		FRONT_GPA_BASE + (4u << 20) - 4,
		FRONT_GPA_BASE + (1u << 20) - 4,
	};

	return some[av_rand_below(&w->r, sizeof(some) / sizeof(some[0]))];
}

/* len, flags and next of a descriptor in one word */
static uint64_t second_word(struct rewriter *w, bool packed)
{
	static const uint32_t lens[] = { 0,  1,    16,      64,         512,
					 16, 4096, 1 << 20, 0xfffffff0u };
	uint64_t len = lens[av_rand_below(&w->r, 9)];
	uint64_t bits = av_rand_u64(&w->r);
	uint64_t flags = bits & 7;
	uint64_t next = bits >> 8 & (bits & 128 ? 7 : 0xffff);

	if (packed) {
		flags |= bits >> 40 & 0x8080;
		return len | next % NUM << 32 | flags << 48;
	}
	return len | flags << 32 | next << 48;
}

static void *rewrite(void *arg)
{
	struct rewriter *w = arg;

	while (!w->end) {
		for (unsigned int q = 0; q < front_n_queues(w->g->f); q++) {
			struct front_ring *r = front_ring(w->g->f, q);
			unsigned int i =
				(unsigned int)av_rand_below(&w->r, NUM);
			uint64_t *d = r->packed ? (uint64_t *)&r->pdesc[i]
						: (uint64_t *)&r->desc[i];
			uint64_t *t = front_mem_at(w->g->m, w->table);
			uint64_t *b = front_mem_at(w->g->m, w->buf);

			t += 2 * av_rand_below(&w->r, 8);
			__atomic_store_n(&d[0], palette(w), __ATOMIC_RELAXED);
			__atomic_store_n(&d[1], second_word(w, r->packed),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&t[0], palette(w), __ATOMIC_RELAXED);
			__atomic_store_n(&t[1], second_word(w, false),
					 __ATOMIC_RELAXED);
			__atomic_store_n(&b[av_rand_below(&w->r, 8)],
					 av_rand_u64(&w->r) & 0x0f0f0f0f0f0full,
					 __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

static int kick_while_rewritten(struct ctx *c, struct guest *g)
{
	unsigned int n = ctx_count(c, 1000000, 1000);

	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
			struct front_ring *r = front_ring(g->f, q);

			if (!r->packed) {
				front_poke_offer(g->f, q,
						 (uint16_t)(i * 7 % NUM));
			} else {
				front_kick_always(g->f, q);
			}
		}
		/* broken, or full: as a driver that resets and goes on */
		if (i % 64 == 63) {
			NEED(front_reset(g->f, &c->err) == 0, "reset: %s",
			     c->err.msg);
			NEED(front_start(g->f, &c->err) == 0, "start: %s",
			     c->err.msg);
		}
	}
	return 0;
}

static int rewritten(struct ctx *c)
{
	struct guest *g = ctx_guest(c, 0);
	struct rewriter w = { .g = g };
	pthread_t t;
	int ret;

	if (!g) {
		return -1;
	}
	w.buf = front_alloc(g->m, 65536, 64);
	w.table = front_alloc(g->m, 4096, 64);
	av_rand_init(&w.r, av_rand_u64(&c->rand), "rewriter");
	pthread_create(&t, NULL, rewrite, &w);
	ret = kick_while_rewritten(c, g);
	w.end = true;
	pthread_join(t, NULL);
	return ret ? ret : ctx_recovers(c, g);
}

/* ---- G10: random bodies ---- */

static uint32_t random_len(struct ctx *c)
{
	static const uint32_t max[] = { 4, 32, 128, 4096 };

	return 1 + (uint32_t)av_rand_below(&c->rand,
					   max[av_rand_below(&c->rand, 4)]);
}

static void random_body(struct ctx *c, unsigned int q, uint8_t *p, size_t len)
{
	uint64_t kind = av_rand_below(&c->rand, 4);
	size_t n = 0;

	av_rand_bytes(&c->rand, p, len);
	for (size_t i = 0; kind && i < len; i++) {
		/* small numbers, as commands and counts are */
		p[i] = (uint8_t)(i % kind == 0 ? p[i] & 15 : 0);
	}
	if (c->row->seed && av_rand_below(&c->rand, 4)) {
		n = c->row->seed(q, &c->rand, p, len);
	}
	if (n && av_rand_below(&c->rand, 2)) {
		p[av_rand_below(&c->rand, n)] = (uint8_t)av_rand_u64(&c->rand);
	}
}

/* Completed, or broken: 0; then @g is fresh again. */
static int random_outcome(struct ctx *c, struct guest *g, unsigned int q)
{
	struct front_used u;

	if (!ctx_eager(c, q)) {
		while (front_get(g->f, q, &u) > 0) {
		}
		return front_free_descs(g->f, q) < 16 ? ctx_recovers(c, g) : 0;
	}
	for (int ms = 0; ms < FRONT_WAIT_MS; ms += 20) {
		int ret = front_wait(g->f, q, &u, 20);

		if (ret == 0) {
			return 0;
		}
		NEED(ret == -ETIMEDOUT, "queue %u: %s", q, front_why(g->f));
		if (front_ring_broken(g->f, q, 0)) {
			return ctx_recovers(c, g);
		}
	}
	return ctx_fail(c, "queue %u: a request without an end", q);
}

static int random_request(struct ctx *c, struct guest *g, unsigned int q,
			  uint64_t gpa)
{
	unsigned int n_out = (unsigned int)av_rand_below(&c->rand, 4);
	unsigned int n = n_out + (unsigned int)av_rand_below(&c->rand, 4);
	struct front_buf b[8];
	uint64_t at = gpa;

	n += n == 0;
	for (unsigned int i = 0; i < n; i++) {
		b[i] = (struct front_buf){ at, random_len(c), i >= n_out };
		at += b[i].len;
	}
	random_body(c, q, front_mem_at(g->m, gpa), (size_t)(at - gpa));
	if (av_rand_below(&c->rand, 2)) {
		NEED(front_add_indirect(g->f, q, b, n, 1) == 0, "ring is full");
	} else {
		NEED(front_add(g->f, q, b, n, 1) == 0, "ring is full");
	}
	front_kick_always(g->f, q);
	return random_outcome(c, g, q);
}

static int random_bodies(struct ctx *c)
{
	unsigned int n = ctx_count(c, 50000, 250);
	struct guest *g = ctx_guest(c, 0);
	uint64_t gpa;

	if (!g) {
		return -1;
	}
	gpa = front_alloc(g->m, 65536, 64);
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
			DO(random_request(c, g, q, gpa));
		}
	}
	return ctx_recovers(c, g);
}

/* ---- random ones ---- */

static void random_payload(struct ctx *c, uint8_t *p, uint32_t size)
{
	for (uint32_t i = 0; i + 4 <= size; i += 4) {
		uint32_t w = (uint32_t)av_rand_u64(&c->rand);

		switch (av_rand_below(&c->rand, 4)) {
		case 0:
			w &= 3;
			break;
		case 1:
			w &= 0xffff;
			break;
		case 2:
			w = (uint32_t)(FRONT_GPA_BASE + (w & 0xfff0));
			break;
		}
		memcpy(p + i, &w, 4);
	}
}

static int random_messages(struct ctx *c)
{
	static const uint32_t sizes[] = { 0, 8, 8, 8, 16, 20, 40, 40, 72 };
	unsigned int n = ctx_count(c, 100000, 1000);
	struct guest *g = NULL;
	int fds[3];

	NEED(ctx_files(fds, 2) == 0, "no descriptors");
	fds[2] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t p[VU_MAX_PAYLOAD] = { 0 };
		uint32_t size = sizes[av_rand_below(&c->rand, 9)];
		uint32_t request = (uint32_t)av_rand_below(&c->rand, 50);
		size_t at = av_rand_below(&c->rand, 3);

		if (!g) {
			g = ctx_guest(c,
				      av_rand_below(&c->rand, 2) ? 0 : G_IDLE);
			NEED(g, "message %u: %s", i, c->err.msg);
		}
		if (av_rand_below(&c->rand, 50) == 0) {
			size = (uint32_t)av_rand_below(&c->rand, 4096);
		}
		random_payload(c, p, size);
		if (front_send(g->f, request,
			       av_rand_below(&c->rand, 2) ? VU_FLAG_NEED_REPLY
							  : 0,
			       p, size, fds + at,
			       av_rand_below(&c->rand, 4 - at)) < 0 ||
		    av_rand_below(&c->rand, 60) == 0 ||
		    front_hung_up(g->f, 0) < 0) {
			ctx_done(g);
			g = NULL;
		} else { /* answers to whatever are not read, just dropped */
			uint8_t drop[65536];

			while (recv(front_socket(g->f), drop, sizeof(drop),
				    MSG_DONTWAIT) > 0) {
			}
		}
	}
	ctx_close(fds, 3);
	return 0;
}

const struct contract_case cases_fuzz[] = {
	CASE("G7", "rewritten-while-read", rewritten),
	CASE("G10", "random-bodies", random_bodies),
	CASE("F1", "random-messages", random_messages),
	{ .id = NULL },
};
