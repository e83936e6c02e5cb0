/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues built with hooks at each access to shared memory (VIRTQ_HOOKS):
 * nothing of a guest's is fetched twice, a back-end may die after any store
 * without a request being lost or given back twice, and what it stores in a ring
 * is marked dirty after that, so that a migration copies it. And a guest that
 * rewrites its rings all the time, from another thread.
 */
#include "config.h"

#include "virtq_rig.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "test.h"

void virtq_fetch_hook(const void *p, size_t n);
void virtq_store_hook(const void *p, size_t n);

static struct iovec g_iov[VIRTQ_IOV_MAX];

/* ---- fetches ---- */

static struct {
	const uint8_t *base; /* NULL: do not count */
	uint8_t *seen;       /* a byte for each of the region */
	unsigned int total, twice;
} g_fetch;

void virtq_fetch_hook(const void *p, size_t n)
{
	size_t off = (size_t)((const uint8_t *)p - g_fetch.base);

	if (!g_fetch.base || off >= REGION) {
		return;
	}
	g_fetch.total++;
	for (size_t i = 0; i < n && off + i < REGION; i++) {
		g_fetch.twice += g_fetch.seen[off + i]++ != 0;
	}
}

static void check_single_fetch(bool packed)
{
	struct rig *r =
		rig_create(packed, 16,
			   VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	struct vq_chain c = { .iov = g_iov, .max_iov = VIRTQ_IOV_MAX };
	struct buf b[5] = { { BORDER, 16, false },
			    { BORDER + 64, 16, false },
			    { BORDER + 128, 16, false },
			    { BORDER + 512, 512, true },
			    { BORDER + 256, 1, true } };
	uint64_t at = rig_alloc(r, 80, 16);
	struct wire_desc *t = mem_at(&r->mem, at);
	struct buf table = { at, 80, false };

	for (int i = 0; i < 5; i++) {
		uint16_t flags = buf_flags(&b[i], !packed && i < 4);

		t[i] = (struct wire_desc){ b[i].gpa, b[i].len,
					   packed ? (uint16_t)0 : flags,
					   packed ? flags
						  : (uint16_t)(i + 1) };
	}
	CHECK_EQ(rig_start(r), 0);
	g_fetch.seen = calloc(1, REGION);
	for (int lap = 0; lap < 100; lap++) {
		rig_offer(r, b, 5);
		rig_offer_flags(r, &table, 1, D_INDIRECT);
		for (int i = 0; i < 2; i++) {
			uint16_t id;
			uint32_t len;

			memset(g_fetch.seen, 0, REGION);
			g_fetch.total = 0;
			g_fetch.base = r->mem.host[0];
			CHECK_EQ(virtq_pop(r->q, &c), 1);
			g_fetch.base = NULL;
			CHECK(g_fetch.total > 0);
			CHECK_EQ(g_fetch.twice, 0);
			CHECK_EQ(c.n_out, 3);
			virtq_push(r->q, &c, 1);
			virtq_flush(r->q);
			CHECK_EQ(rig_used(r, &id, &len), 1);
		}
	}
	free(g_fetch.seen);
	g_fetch.seen = NULL;
	rig_destroy(r);
}

TEST(each_byte_is_fetched_once_split)
{
	check_single_fetch(false);
}

TEST(each_byte_is_fetched_once_packed)
{
	check_single_fetch(true);
}

/* ---- death after any store ---- */

static jmp_buf g_death;
static long g_lives = -1; /* stores left; < 0: immortal */
static struct guest_mem *g_stored_in;

void virtq_store_hook(const void *p, size_t n)
{
	size_t off;

	if (g_stored_in) {
		off = (size_t)((const uint8_t *)p - g_stored_in->host[0]);
		if (off < REGION) {
			memset(g_stored_in->unmarked + off, 1, n);
		}
	}
	if (g_lives > 0 && --g_lives == 0) {
		g_lives = -1;
		longjmp(g_death, 1);
	}
}

enum { N_REQUESTS = 40, DEPTH = 5 };

struct story {
	struct rig *r;
	void *table;
	int id_of[N_REQUESTS]; /* -1 not offered, -2 completed */
	int offered, completed;
	struct iovec iov[DEPTH][4];
	struct vq_chain c[DEPTH];
	bool taken[DEPTH];
	uint32_t x;
};

/* A migration, which takes marks away and copies pages at any moment, has seen
 * each store in a ring marked since. */
static void all_is_marked(const struct rig *r)
{
	CHECK(!memchr(r->mem.unmarked, 1, (size_t)(r->alloc - GPA0)));
}

static void collect(struct story *s)
{
	uint16_t id;
	uint32_t len;
	int ret;

	while ((ret = rig_used(s->r, &id, &len)) == 1) {
		int i = 0;

		while (i < s->offered && s->id_of[i] != id) {
			i++;
		}
		CHECK(i < s->offered);
		s->id_of[i] = -2;
		s->completed++;
	}
	CHECK_EQ(ret, 0); /* nothing given back twice */
}

/* Requests of one to three descriptors, some of them indirect. */
static int story_offer(struct story *s)
{
	struct buf b[3] = { { BORDER, 16, false },
			    { BORDER + 64, 16, false },
			    { BORDER + 128, 16, true } };

	s->x = s->x * 1664525 + 1013904223;
	return rig_offer(s->r, b + (s->x >> 30) % 3,
			 (uint16_t)(3 - (s->x >> 30) % 3));
}

static void offer_some(struct story *s)
{
	while (s->offered < N_REQUESTS) {
		int id = story_offer(s);

		if (id < 0) {
			return;
		}
		s->id_of[s->offered++] = id;
	}
}

/* One turn of a device: take some, give back some of them, the wrong way
 * round, now and then one unpopped. Return: done. */
static bool turn(struct story *s)
{
	for (int i = 0; i < DEPTH; i++) {
		if (s->taken[i]) {
			continue;
		}
		s->c[i] = (struct vq_chain){ .iov = s->iov[i], .max_iov = 4 };
		if (virtq_pop(s->r->q, &s->c[i]) != 1) {
			break;
		}
		all_is_marked(s->r);
		s->x = s->x * 1664525 + 1013904223;
		if (s->x >> 29 == 0) {
			virtq_unpop(s->r->q, &s->c[i]);
			break;
		}
		s->taken[i] = true;
	}
	for (int i = DEPTH; i-- > 0;) {
		s->x = s->x * 1664525 + 1013904223;
		if (s->taken[i] && s->x >> 30) {
			s->taken[i] = false;
			virtq_push(s->r->q, &s->c[i], 1);
			all_is_marked(s->r);
		}
	}
	virtq_flush(s->r->q);
	all_is_marked(s->r);
	virtq_want_kick(s->r->q, s->x & 1 << 20);
	virtq_want_kick(s->r->q, true);
	all_is_marked(s->r);
	CHECK_STR(virtq_broken(s->r->q) ? virtq_why(s->r->q) : "", "");
	return s->offered == N_REQUESTS && !virtq_ready(s->r->q) &&
	       !virtq_in_flight(s->r->q);
}

static void story_reborn(struct story *s)
{
	virtq_destroy(s->r->q);
	s->r->q = virtq_create(0);
	memset(s->taken, 0, sizeof(s->taken));
	memset(s->r->mem.unmarked, 0, (size_t)(s->r->alloc - GPA0));
	if (!s->r->packed) {
		s->r->s.base = s->r->used[1];
	}
}

/* Return: false: it came to its end before its time was up. */
static bool tell(bool packed, uint64_t features, long lives, long second)
{
	struct story *volatile s = calloc(1, sizeof(*s));
	volatile long left = second;
	volatile bool died = false;

	s->x = (uint32_t)lives;
	s->r = rig_create(packed, 16, features);
	s->table = aligned_alloc(64, virtq_inflight_size(16, packed));
	virtq_inflight_init(s->table, 16, packed);
	s->r->s.inflight = s->table;
	s->r->s.inflight_num = 16;
	s->r->s.log_used = true;
	s->r->s.log_used_addr = s->r->s.used - UVA0;
	s->r->mem.logging = true;
	s->r->mem.unmarked = calloc(1, REGION);
	g_stored_in = &s->r->mem;
	g_lives = lives;
	if (setjmp(g_death)) {
		died = true;
		g_lives = left; /* and once more, in the middle of recovery */
		left = -1;
		story_reborn(s);
	}
	CHECK_EQ(rig_start(s->r), 0);
	all_is_marked(s->r);
	do {
		collect(s);
		offer_some(s);
	} while (!turn(s));
	g_lives = -1;
	collect(s);
	CHECK_EQ(s->completed, N_REQUESTS); /* nothing lost */
	g_stored_in = NULL;
	rig_destroy(s->r);
	free(s->table);
	free(s);
	return died;
}

static void check_deaths(bool packed, uint64_t features)
{
	long n = 1;

	while (tell(packed, features, n, -1)) {
		n++;
	}
	CHECK(n > 300);
	for (long i = 1; i < n; i += 3) {
		for (long again = 1; again < 60; again++) {
			tell(packed, features, i, again);
		}
	}
}

TEST(death_after_any_store_loses_nothing_split)
{
	check_deaths(false, VIRTIO_F_EVENT_IDX);
}

TEST(death_after_any_store_loses_nothing_packed)
{
	check_deaths(true, VIRTIO_F_EVENT_IDX);
}

TEST(death_after_any_store_loses_nothing_in_order)
{
	check_deaths(false, VIRTIO_F_IN_ORDER);
	check_deaths(true, VIRTIO_F_IN_ORDER);
}

TEST(death_after_any_store_loses_nothing_without_event_idx)
{
	check_deaths(false, 0);
	check_deaths(true, 0);
}

/* ---- a guest that rewrites its rings ---- */

struct attack {
	struct rig *r;
	uint16_t *words; /* desc, avail, used and a table */
	size_t n;
	_Atomic bool stop;
};

static void put(struct wire_desc *at, uint64_t addr, uint32_t len, uint16_t a,
		uint16_t b)
{
	__atomic_store_n(&at->addr, addr, __ATOMIC_RELAXED);
	__atomic_store_n(&at->len, len, __ATOMIC_RELAXED);
	__atomic_store_n(&at->a, a, __ATOMIC_RELAXED);
	__atomic_store_n(&at->b, b, __ATOMIC_RELEASE);
}

static void *attacker(void *ctx)
{
	struct attack *a = ctx;
	uint64_t x = 88172645463325252u;

	while (!atomic_load_explicit(&a->stop, memory_order_relaxed)) {
		size_t i;
		uint16_t v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		i = (size_t)(x >> 8) % a->n;
		v = (uint16_t)(x >> 40);
		switch (x & 7) {
		case 0:
			break; /* anything */
		case 1:
		case 2:
			v &= D_NEXT | D_WRITE | D_INDIRECT | D_AVAIL | D_USED;
			break;
		default:
			v &= 15;
		}
		__atomic_store_n(a->words + i, v, __ATOMIC_RELAXED);
		if (!(x >> 58)) {
			sched_yield(); /* leave something to break */
		}
	}
	return NULL;
}

/* What a driver in its right mind would write: four chains, one of them
 * indirect. */
static void plausible(struct rig *r, uint64_t at)
{
	uint16_t idx = __atomic_load_n(&r->avail[1], __ATOMIC_RELAXED);

	for (uint16_t k = 0; k < 4; k++) {
		uint16_t indirect = k == 3 ? D_INDIRECT : 0;
		struct wire_desc d = { indirect ? at : BORDER + k, 16, 0, 0 };

		put(mem_at(&r->mem, at), BORDER, 16, 0, 0);
		if (r->packed) {
			d.a = k;
			d.b = D_AVAIL | indirect;
		} else {
			d.a = indirect;
			__atomic_store_n(&r->avail[2 + (idx + k) % 16],
					 k, __ATOMIC_RELAXED);
		}
		put(&r->desc[k], d.addr, d.len, d.a, d.b);
	}
	if (!r->packed) {
		__atomic_fetch_add(&r->avail[1], 4, __ATOMIC_RELAXED);
	}
}

static void check_attack(bool packed, uint64_t features)
{
	struct rig *r = rig_create(packed, 16, features);
	struct vq_chain c = { .iov = g_iov, .max_iov = VIRTQ_IOV_MAX };
	struct attack a = { .r = r, .words = (uint16_t *)r->desc };
	uint64_t popped = 0, at = rig_alloc(r, 1024, 16);
	pthread_t thread;

	a.n = (size_t)(at + 1024 - GPA0) / 2;
	CHECK_EQ(pthread_create(&thread, NULL, attacker, &a), 0);
	for (int i = 0; i < 30000; i++) {
		uint8_t head[16];

		if (!virtq_running(r->q) || virtq_broken(r->q) || i % 8 == 0) {
			r->s.base = packed ? 0x80008000u
					   : __atomic_load_n(&r->avail[1],
							     __ATOMIC_RELAXED);
			CHECK_EQ(rig_start(r), 0);
		}
		plausible(r, at);
		for (int k = 0; k < 32 && virtq_pop(r->q, &c) == 1; k++) {
			size_t total = 0;

			for (unsigned int v = 0; v < c.n_out + c.n_in; v++) {
				uint8_t *p = c.iov[v].iov_base;

				CHECK((size_t)(p - r->mem.host[0]) < REGION ||
				      (size_t)(p - r->mem.host[1]) < REGION);
				total += c.iov[v].iov_len;
			}
			CHECK_EQ(total, (size_t)c.out_len + c.in_len);
			vq_read(&c, 0, head, sizeof(head));
			virtq_push(r->q, &c, k & 1);
			popped++;
		}
		virtq_flush(r->q);
	}
	atomic_store(&a.stop, true);
	pthread_join(thread, NULL);
	CHECK(popped > 1000);
	rig_destroy(r);
}

TEST(rings_rewritten_while_read_are_survived)
{
	for (int i = 0; i < 8; i++) {
		check_attack(i & 1,
			     (i & 2 ? VIRTIO_F_IN_ORDER : 0) |
				     (i & 4 ? VIRTIO_F_EVENT_IDX : 0) |
				     VIRTIO_F_INDIRECT_DESC);
	}
}

int main(void)
{
	return RUN_TESTS(T(each_byte_is_fetched_once_split),
			 T(each_byte_is_fetched_once_packed),
			 T(death_after_any_store_loses_nothing_split),
			 T(death_after_any_store_loses_nothing_packed),
			 T(death_after_any_store_loses_nothing_in_order),
			 T(death_after_any_store_loses_nothing_without_event_idx),
			 T(rings_rewritten_while_read_are_survived));
}
