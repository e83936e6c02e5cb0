/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest: what its driver can write into rings, descriptors and
 * request bodies. It may break its own queue until the reset, nothing else; the
 * VMM's connection stays.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
/* what marks a packed slot in its first lap */
#define P_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define P_USED (1 << VRING_PACKED_DESC_F_USED)

enum {
	NUM = 64, /* of the rings of ctx_guest() */
	TABLE_MAX = 1100,
};

/* One attack as it is laid out. */
struct atk {
	struct ctx *c;
	struct guest *g;
	unsigned int q;
	uint64_t buf;   /* 64 KiB in one region */
	uint64_t span;  /* 8 KiB with a region's border in the middle */
	uint64_t table; /* TABLE_MAX descriptors */
};

enum fate {
	EITHER, /* completed or broken, as the device likes */
	BREAKS, /* the queue is broken, where the device takes chains */
	WORKS,  /* it is legal: completed */
};

struct attack {
	void (*lay)(struct atk *a);
	enum fate fate[2]; /* split, packed */
};

static void desc(struct atk *a, unsigned int i, uint64_t addr, uint32_t len,
		 uint16_t flags, uint16_t next)
{
	front_poke_desc(a->g->f, a->q, i, addr, len, flags, next);
}

/* Packed lists lie one behind the other, each offer is for the next of them;
 * @head is what the driver calls it in both formats. */
static void offer(struct atk *a, uint16_t head)
{
	front_poke_offer(a->g->f, a->q, head);
}

/* One descriptor, offered. */
static void single(struct atk *a, uint64_t addr, uint32_t len, uint16_t flags)
{
	desc(a, 0, addr, len, flags, 0);
	offer(a, 0);
}

/* @n of them, each a chain for itself, offered as @head or by their place. */
static void singles(struct atk *a, uint16_t n, uint64_t addr, uint32_t len,
		    int head)
{
	for (uint16_t i = 0; i < n; i++) {
		desc(a, i, addr, len, WRITE, 0);
		offer(a, head < 0 ? i : (uint16_t)head);
	}
}

static void entry(struct atk *a, unsigned int i, uint64_t addr, uint32_t len,
		  uint16_t flags, uint16_t next)
{
	front_poke_entry(a->g->f, a->q, a->table, i, addr, len, flags, next);
}

/* The table with @n entries, offered. */
static void indirect(struct atk *a, uint32_t bytes, uint16_t flags)
{
	single(a, a->table, bytes, INDIRECT | flags);
}

static void push_index(struct atk *a, uint16_t by)
{
	struct front_ring *r = front_ring(a->g->f, a->q);

	desc(a, 0, a->buf, 64, WRITE, 0);
	__atomic_store_n(&r->avail->idx, (uint16_t)(r->avail->idx + by),
			 __ATOMIC_RELEASE);
	front_kick_always(a->g->f, a->q);
}

/* ---- G1: links ---- */

static void self_loop(struct atk *a)
{
	desc(a, 0, a->buf, 16, NEXT, 0);
	offer(a, 0);
}

static void loop_two(struct atk *a)
{
	desc(a, 0, a->buf, 16, NEXT, 1);
	desc(a, 1, a->buf, 16, NEXT, 0);
	offer(a, 0);
}

static void loop_all(struct atk *a)
{
	for (uint16_t i = 0; i < NUM; i++) {
		desc(a, i, a->buf, 1, NEXT, (uint16_t)((i + 1) % NUM));
	}
	offer(a, 0);
}

static void next_end(struct atk *a)
{
	desc(a, 0, a->buf, 16, NEXT, NUM);
	offer(a, 0);
}

static void next_far(struct atk *a)
{
	desc(a, 0, a->buf, 16, NEXT, 65535);
	offer(a, 0);
}

/* Its second slot is nobody's yet. */
static void ends_early(struct atk *a)
{
	desc(a, 0, a->buf, 16, NEXT | P_AVAIL, 0);
}

/* ---- G2: indices ---- */

static void head_end(struct atk *a)
{
	singles(a, 1, a->buf, 64, NUM);
}

static void head_far(struct atk *a)
{
	singles(a, 1, a->buf, 64, 65535);
}

static void jump_one(struct atk *a)
{
	push_index(a, NUM + 1);
}

static void jump_half(struct atk *a)
{
	push_index(a, 0x8000);
}

static void jump_back(struct atk *a)
{
	push_index(a, 0xffff);
}

static void same_head(struct atk *a)
{
	singles(a, 20, a->buf, 64, 0);
}

/* What is the device's to write, and what tells it when to interrupt. */
static void used_rewritten(struct atk *a)
{
	struct front_ring *r = front_ring(a->g->f, a->q);

	if (r->packed) {
		r->driver->flags = 0xffff;
		r->driver->off_wrap = 0xffff;
		r->device->flags = 0xffff;
	} else {
		r->used->idx = 0x1234;
		r->used->flags = 0xffff;
		r->avail->ring[NUM] = 0x8000; /* used_event */
	}
	single(a, a->buf, 64, WRITE);
}

static void garbage(struct atk *a)
{
	struct front_ring *r = front_ring(a->g->f, a->q);

	av_rand_bytes(&a->c->rand, front_mem_at(a->g->m, r->desc_gpa),
		      16 * NUM);
	if (!r->packed) {
		av_rand_bytes(&a->c->rand, r->avail->ring, 2 * NUM);
		push_index(a, NUM);
	}
}

/* A slot that the device must not take, then what it shall. */
static void not_yet(struct atk *a, unsigned int i, uint16_t mark)
{
	desc(a, i, a->buf, 64, WRITE | mark, 0);
	front_kick_always(a->g->f, a->q);
	front_barrier(a->g->f);
	single(a, a->buf, 64, WRITE);
}

static void other_lap(struct atk *a)
{
	not_yet(a, 0, P_USED);
}

static void marked_used(struct atk *a)
{
	not_yet(a, 0, P_AVAIL | P_USED);
}

static void behind_a_gap(struct atk *a)
{
	not_yet(a, 1, P_AVAIL);
}

/* ---- G3: addresses and lengths ---- */

static void at_zero(struct atk *a)
{
	single(a, 0, 64, WRITE);
}

static void outside(struct atk *a)
{
	single(a, 0xdead000000ull, 64, WRITE);
}

static void before_memory(struct atk *a)
{
	single(a, FRONT_GPA_BASE - 8, 64, WRITE);
}

static void past_memory(struct atk *a)
{
	size_t all = front_mem_count(a->g->m) * front_mem_region_size(a->g->m);

	single(a, FRONT_GPA_BASE + all - 8, 64, WRITE);
}

static void wraps(struct atk *a)
{
	single(a, UINT64_MAX - 7, 64, WRITE);
}

static void longest(struct atk *a)
{
	single(a, a->buf, UINT32_MAX, WRITE);
}

static void front_end_address(struct atk *a)
{
	single(a, front_mem_uva(a->g->m, a->buf), 64, WRITE);
}

static void zero_out(struct atk *a)
{
	single(a, a->buf, 0, 0);
}

static void zero_in(struct atk *a)
{
	single(a, a->buf, 0, WRITE);
}

static void zero_between(struct atk *a)
{
	desc(a, 0, a->buf, 0, NEXT, 1);
	desc(a, 1, a->buf, 16, NEXT, 2);
	desc(a, 2, a->buf, 0, NEXT | WRITE, 3);
	desc(a, 3, a->buf + 64, 64, NEXT | WRITE, 4);
	desc(a, 4, 0, 0, WRITE, 0);
	offer(a, 0);
}

static void zero_everywhere(struct atk *a)
{
	for (uint16_t i = 0; i < NUM; i++) {
		desc(a, i, 0, 0, i + 1 < NUM ? NEXT | WRITE : WRITE,
		     (uint16_t)(i + 1));
	}
	offer(a, 0);
}

static void spans(struct atk *a)
{
	single(a, a->span, 8192, WRITE);
}

static void spans_out(struct atk *a)
{
	desc(a, 0, a->span, 4100, NEXT, 1);
	desc(a, 1, a->span + 4000, 4192, WRITE, 0);
	offer(a, 0);
}

static void all_memory(struct atk *a)
{
	single(a, FRONT_GPA_BASE, 4 << 20, 0);
}

/* 1024 x 4 MiB: more than 2^32 - 1 bytes in all */
static void over_4g(struct atk *a)
{
	for (unsigned int i = 0; i < 1024; i++) {
		entry(a, i, FRONT_GPA_BASE, 4 << 20, i < 1023 ? NEXT : 0,
		      (uint16_t)(i + 1));
	}
	indirect(a, 16 * 1024, 0);
}

/* ---- G4: indirect ---- */

static void ind_odd(struct atk *a)
{
	entry(a, 0, a->buf, 64, WRITE, 0);
	entry(a, 1, a->buf, 64, WRITE, 0);
	indirect(a, 17, 0);
}

static void ind_zero(struct atk *a)
{
	indirect(a, 0, 0);
}

static void ind_huge(struct atk *a)
{
	indirect(a, 0xfffffff0u, 0);
}

static void ind_long(struct atk *a)
{
	for (unsigned int i = 0; i < TABLE_MAX; i++) {
		entry(a, i, a->buf, 1, NEXT, (uint16_t)(i + 1));
	}
	entry(a, TABLE_MAX - 1, a->buf, 1, 0, 0);
	indirect(a, 16 * TABLE_MAX, 0);
}

static void ind_nested(struct atk *a)
{
	entry(a, 0, a->table, 32, INDIRECT, 0);
	entry(a, 1, a->buf, 64, WRITE, 0);
	indirect(a, 32, 0);
}

static void ind_loop(struct atk *a)
{
	entry(a, 0, a->buf, 16, NEXT, 1);
	entry(a, 1, a->buf, 16, NEXT, 0);
	indirect(a, 32, 0);
}

static void ind_next_out(struct atk *a)
{
	entry(a, 0, a->buf, 16, NEXT, 2);
	entry(a, 1, a->buf, 16, 0, 0);
	indirect(a, 32, 0);
}

static void ind_outside(struct atk *a)
{
	single(a, 0xdead000000ull, 32, INDIRECT);
}

static void ind_and_next(struct atk *a)
{
	entry(a, 0, a->buf, 64, WRITE, 0);
	desc(a, 0, a->table, 16, INDIRECT | NEXT, 1);
	desc(a, 1, a->buf, 64, WRITE, 0);
	offer(a, 0);
}

static void ind_write_flag(struct atk *a)
{
	entry(a, 0, a->buf, 16, NEXT, 1);
	entry(a, 1, a->buf + 64, 64, WRITE, 0);
	indirect(a, 32, WRITE); /* the flag is to be ignored */
}

static void ind_after_direct(struct atk *a)
{
	entry(a, 0, a->buf + 64, 64, WRITE, 0);
	desc(a, 0, a->buf, 16, NEXT, 1);
	desc(a, 1, a->table, 16, INDIRECT, 0);
	offer(a, 0);
}

/* The table itself lies across two regions (libvhost-user's overflow). */
static void ind_spans(struct atk *a)
{
	uint64_t at = a->span + 4096 - 32;

	for (unsigned int i = 0; i < 64; i++) {
		front_poke_entry(a->g->f, a->q, at, i, a->buf + 64 * i, 64,
				 i < 63 ? NEXT | WRITE : WRITE,
				 (uint16_t)(i + 1));
	}
	single(a, at, 64 * 16, INDIRECT);
}

static void ind_unaligned(struct atk *a)
{
	uint64_t at = a->span + 4096 - 17;

	front_poke_entry(a->g->f, a->q, at, 0, a->buf, 16, NEXT, 1);
	front_poke_entry(a->g->f, a->q, at, 1, a->buf + 64, 64, WRITE, 0);
	single(a, at, 32, INDIRECT);
}

static void ind_self(struct atk *a)
{
	entry(a, 0, a->table, 16 * 4, WRITE, 0);
	indirect(a, 16, 0);
}

/* ---- G5: direction and framing ---- */

static void in_before_out(struct atk *a)
{
	desc(a, 0, a->buf, 64, NEXT | WRITE, 1);
	desc(a, 1, a->buf + 64, 16, 0, 0);
	offer(a, 0);
}

static void only_out(struct atk *a)
{
	single(a, a->buf, 4096, 0);
}

static void only_in(struct atk *a)
{
	single(a, a->buf, 4096, WRITE);
}

static void one_byte_each(struct atk *a)
{
	for (uint16_t i = 0; i < NUM; i++) {
		desc(a, i, a->buf + i, 1,
		     (uint16_t)((i + 1 < NUM ? NEXT : 0) |
				(i >= NUM / 2 ? WRITE : 0)),
		     (uint16_t)(i + 1));
	}
	offer(a, 0);
}

static void one_byte_answer(struct atk *a)
{
	desc(a, 0, a->buf, 64, NEXT, 1);
	desc(a, 1, a->buf + 64, 1, WRITE, 0);
	offer(a, 0);
}

static void elements_1024(struct atk *a)
{
	for (unsigned int i = 0; i < 1024; i++) {
		entry(a, i, a->buf + i, 1,
		      (uint16_t)((i < 1023 ? NEXT : 0) |
				 (i >= 512 ? WRITE : 0)),
		      (uint16_t)(i + 1));
	}
	indirect(a, 16 * 1024, 0);
}

static void elements_spanning(struct atk *a)
{
	for (unsigned int i = 0; i < 1024; i++) {
		entry(a, i, a->span + 4095, 2,
		      (uint16_t)((i < 1023 ? NEXT : 0) | WRITE),
		      (uint16_t)(i + 1));
	}
	indirect(a, 16 * 1024, 0);
}

/* ---- G6: buffers over the rings ---- */

static void writes_descs(struct atk *a)
{
	singles(a, 10, front_ring(a->g->f, a->q)->desc_gpa, 16 * NUM, -1);
}

static void writes_driver(struct atk *a)
{
	struct front_ring *r = front_ring(a->g->f, a->q);

	singles(a, 10, r->avail_gpa, r->packed ? 4 : 6 + 2 * NUM, -1);
}

static void writes_device(struct atk *a)
{
	struct front_ring *r = front_ring(a->g->f, a->q);

	singles(a, 10, r->used_gpa, r->packed ? 4 : 6 + 8 * NUM, -1);
}

/* ---- playing them ---- */

static bool completed(const struct front_ring *r)
{
	if (r->packed) {
		uint16_t f =
			__atomic_load_n(&r->pdesc[0].flags, __ATOMIC_ACQUIRE);

		return (f & P_AVAIL) && (f & P_USED);
	}
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) > 0;
}

static int effect(struct ctx *c, struct atk *a, enum fate fate)
{
	FRONT(a->g, front_barrier(a->g->f));
	if (!ctx_eager(c, a->q)) {
		return 0;
	}
	if (fate == BREAKS) {
		NEED(front_ring_broken(a->g->f, a->q, FRONT_WAIT_MS),
		     "queue %u is not broken by it", a->q);
	}
	for (int ms = 0; fate == WORKS; ms++) {
		if (completed(front_ring(a->g->f, a->q))) {
			break;
		}
		NEED(ms < FRONT_WAIT_MS, "queue %u does not complete it", a->q);
		NEED(!front_ring_broken(a->g->f, a->q, 0),
		     "queue %u is broken by it", a->q);
		usleep(1000);
	}
	return 0;
}

static int play(struct ctx *c)
{
	const struct attack *k = c->arg;
	struct guest *g = ctx_guest(c, 0);
	struct atk a = { .c = c, .g = g };

	if (!g) {
		return -1;
	}
	a.buf = front_alloc(g->m, 65536, 64);
	a.table = front_alloc(g->m, 16 * TABLE_MAX, 64);
	a.span = front_alloc_span(g->m, 8192);
	for (a.q = 0; a.q < front_n_queues(g->f); a.q++) {
		/* packed slots are numbered from an empty ring's begin */
		NEED(front_reset(g->f, &c->err) == 0 &&
			     front_start(g->f, &c->err) == 0,
		     "an empty ring: %s", c->err.msg);
		memset(front_mem_at(g->m, a.buf), 0, 65536);
		k->lay(&a);
		front_kick_always(g->f, a.q);
		DO(effect(c, &a, k->fate[c->packed]));
		DO(ctx_recovers(c, g));
	}
	return 0;
}

#define ATTACK(id_, name_, lay, split, packed, formats_, why_)                 \
	{                                                                      \
		.id = (id_), .name = (name_), .run = play,                     \
		.arg = &(const struct attack){ lay, { split, packed } },       \
		.formats = (formats_), .why = (why_)                           \
	}
#define ALIKE(id, name, lay, fate)                                             \
	ATTACK(id, name, lay, fate, fate, IN_BOTH, NULL)
#define DIFFER(id, name, lay, split, packed)                                   \
	ATTACK(id, name, lay, split, packed, IN_BOTH, NULL)
#define SPLIT(id, name, lay, fate, why)                                        \
	ATTACK(id, name, lay, fate, fate, IN_SPLIT, why)
#define PACKED(id, name, lay, fate, why)                                       \
	ATTACK(id, name, lay, fate, fate, IN_PACKED, why)

#define NO_LINKS "a packed list has no links, only the next slot"
#define NO_INDEX "a packed ring has no index, its slots are marked"
#define NO_MARKS "a split descriptor has no mark of its own"

/* clang-format off */
const struct contract_case cases_ring[] = {
	SPLIT("G1", "self-loop", self_loop, BREAKS, NO_LINKS),
	SPLIT("G1", "loop-of-two", loop_two, BREAKS, NO_LINKS),
	ALIKE("G1", "loop-of-all", loop_all, BREAKS),
	SPLIT("G1", "next-at-end", next_end, BREAKS, NO_LINKS),
	SPLIT("G1", "next-far", next_far, BREAKS, NO_LINKS),
	PACKED("G1", "list-ends-early", ends_early, EITHER, NO_MARKS),
	ALIKE("G2", "head-at-end", head_end, BREAKS),
	ALIKE("G2", "head-far", head_far, BREAKS),
	SPLIT("G2", "index-jumps-one-too-far", jump_one, BREAKS, NO_INDEX),
	SPLIT("G2", "index-jumps-half", jump_half, BREAKS, NO_INDEX),
	SPLIT("G2", "index-jumps-back", jump_back, BREAKS, NO_INDEX),
	PACKED("G2", "slot-of-another-lap", other_lap, WORKS, NO_MARKS),
	PACKED("G2", "slot-marked-used", marked_used, WORKS, NO_MARKS),
	PACKED("G2", "slot-behind-a-gap", behind_a_gap, WORKS, NO_MARKS),
	ALIKE("G2", "same-head-20-times", same_head, EITHER),
	ALIKE("G2", "used-ring-rewritten", used_rewritten, EITHER),
	ALIKE("G2", "ring-garbage", garbage, EITHER),
	ALIKE("G3", "address-zero", at_zero, BREAKS),
	ALIKE("G3", "outside", outside, BREAKS),
	ALIKE("G3", "begins-before-memory", before_memory, BREAKS),
	ALIKE("G3", "ends-past-memory", past_memory, BREAKS),
	ALIKE("G3", "wraps", wraps, BREAKS),
	ALIKE("G3", "longest", longest, BREAKS),
	ALIKE("G3", "front-end-address", front_end_address, BREAKS),
	ALIKE("G3", "zero-length-readable", zero_out, EITHER),
	ALIKE("G3", "zero-length-writable", zero_in, EITHER),
	ALIKE("G3", "zero-length-between", zero_between, EITHER),
	ALIKE("G3", "zero-length-everywhere", zero_everywhere, EITHER),
	ALIKE("G3", "spans-two-regions", spans, WORKS),
	ALIKE("G3", "spans-both-ways", spans_out, WORKS),
	ALIKE("G3", "spans-all-memory", all_memory, EITHER),
	ALIKE("G3", "sum-over-4-gib", over_4g, BREAKS),
	ALIKE("G4", "indirect-odd-length", ind_odd, BREAKS),
	ALIKE("G4", "indirect-empty", ind_zero, BREAKS),
	ALIKE("G4", "indirect-huge", ind_huge, BREAKS),
	ALIKE("G4", "indirect-too-long", ind_long, BREAKS),
	ALIKE("G4", "indirect-nested", ind_nested, BREAKS),
	/* entries of a packed table follow each other, whatever they say */
	DIFFER("G4", "indirect-loop", ind_loop, BREAKS, WORKS),
	DIFFER("G4", "indirect-next-out-of-table", ind_next_out, BREAKS, WORKS),
	ALIKE("G4", "indirect-outside", ind_outside, BREAKS),
	ALIKE("G4", "indirect-and-next", ind_and_next, BREAKS),
	ALIKE("G4", "indirect-write-flag", ind_write_flag, WORKS),
	/* legal at a split chain's end (2.7.5.3.1), not in a packed list */
	DIFFER("G4", "indirect-after-direct", ind_after_direct, WORKS, BREAKS),
	ALIKE("G4", "indirect-table-spans-regions", ind_spans, WORKS),
	ALIKE("G4", "indirect-table-unaligned", ind_unaligned, EITHER),
	ALIKE("G4", "indirect-onto-itself", ind_self, EITHER),
	ALIKE("G5", "writable-before-readable", in_before_out, BREAKS),
	ALIKE("G5", "only-readable", only_out, EITHER),
	ALIKE("G5", "only-writable", only_in, EITHER),
	ALIKE("G5", "one-byte-each", one_byte_each, EITHER),
	ALIKE("G5", "one-byte-answer", one_byte_answer, EITHER),
	ALIKE("G5", "1024-elements", elements_1024, EITHER),
	ALIKE("G5", "1024-elements-spanning", elements_spanning, EITHER),
	ALIKE("G6", "writes-onto-descriptors", writes_descs, EITHER),
	ALIKE("G6", "writes-onto-drivers-area", writes_driver, EITHER),
	ALIKE("G6", "writes-onto-devices-area", writes_device, EITHER),
	{ .id = NULL },
};
/* clang-format on */
