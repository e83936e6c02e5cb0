/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the virtqueues: what virtq.c (common part and split ring),
 * virtq_packed.c, virtq_chain.c and virtq_inflight.c share. Sections named in
 * comments are those of VIRTIO 1.3.
 */
#ifndef AVSIM_VDEVICES_VIRTQ_IMPL_H
#define AVSIM_VDEVICES_VIRTQ_IMPL_H

#include "vdevices/trust.h"
#include "vdevices/virtq.h"

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

enum {
	VQ_DESC_NEXT = 1,
	VQ_DESC_WRITE = 2,
	VQ_DESC_INDIRECT = 4,
	VQ_DESC_AVAIL = 1 << 7, /* packed */
	VQ_DESC_USED = 1 << 15,
	VQ_DESC_SIZE = 16,
	VQ_DESC_FLAGS = 14, /* packed: offset of the flags */
	VQ_WHY_MAX = 96,
};

/* A push that waits for older ones (IN_ORDER). */
struct vq_done {
	uint32_t written;
	uint16_t head, n_desc, slot;
	bool done;
};

/* The last region that an address was found in: [gpa, gpa + len). */
struct vq_cache {
	uint64_t gpa, len;
	uint8_t *host;
};

struct vq_inflight; /* virtq_inflight.c */

struct virtq {
	bool running, broken;
	bool fresh; /* at the start */
	bool packed, event_idx, in_order, indirect;
	bool want_kick;      /* the driver shall kick */
	bool armed;          /* ... and has been told where it stands */
	bool signalled_once; /* 2.4: the first use after a start interrupts */
	bool avail_wrap, used_wrap;
	uint16_t num;
	/* Split: free-running; packed: slots. */
	uint16_t last_avail, seen_avail, used;
	uint16_t signalled; /* @used when the driver was last considered */
	uint16_t n_pending; /* pushed, not published: chains ... */
	uint32_t n_exposed; /* published, driver not yet considered: slots */
	uint16_t pending_slots;
	uint16_t busy_slots; /* packed: slots of chains not yet pushed */
	unsigned int in_flight;
	/* Packed: the flags that publish the pending ones. */
	uint16_t first_slot, first_flags;
	struct guest_mem *mem;
	uint64_t gen; /* of @mem, when the pointers below were made */
	struct vq_cache cache;
	/* Split: descriptors, available, used. Packed: ring, driver's event
	 * structure, device's. */
	uint8_t *desc, *avail, *usedr;
	uint64_t *busy;       /* bitmap: heads (buffer ids) in flight */
	struct vq_done *done; /* IN_ORDER: by seq % num */
	uint64_t next_seq, publish_seq;
	struct vq_inflight *fl; /* NULL: not tracked */

	unsigned int index;
	struct notify *notify;
	struct virtq_setup s;
	struct virtq_counts counts;
	char why[VQ_WHY_MAX];
};

/* ---- shared memory: one access each, relaxed unless named otherwise ---- */

/* For tests: no byte may be fetched twice, a kill after any store must be
 * survived, and each store be marked dirty after it (test_virtq_hooks.c). */
#ifdef VIRTQ_HOOKS
void virtq_fetch_hook(const void *p, size_t n);
void virtq_store_hook(const void *p, size_t n);
#else
static inline void virtq_fetch_hook(const void *p, size_t n)
{
	(void)p;
	(void)n;
}
static inline void virtq_store_hook(const void *p, size_t n)
{
	(void)p;
	(void)n;
}
#endif

static inline uint16_t vq_ld16(const void *p)
{
	virtq_fetch_hook(p, 2);
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

/* What was written before the value that is seen is seen too. */
static inline uint16_t vq_ld16_acquire(const void *p)
{
	virtq_fetch_hook(p, 2);
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static inline uint32_t vq_ld32(const void *p)
{
	virtq_fetch_hook(p, 4);
	return le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
}

static inline uint64_t vq_ld64(const void *p)
{
	virtq_fetch_hook(p, 8);
	return le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
}

static inline void vq_st16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELAXED);
	virtq_store_hook(p, 2);
}

static inline void vq_st32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, htole32(v), __ATOMIC_RELAXED);
	virtq_store_hook(p, 4);
}

/* Makes what was written before visible first. */
static inline void vq_st16_release(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, htole16(v), __ATOMIC_RELEASE);
	virtq_store_hook(p, 2);
}

/* Between our store and our load of the other side's variable: neither passes
 * the other (both sides do this, so one of them sees the other's). */
static inline void vq_barrier(void)
{
#ifdef __SANITIZE_THREAD__
	static _Atomic int any; /* it does not know fences */

	atomic_fetch_add(&any, 1);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* A kill between two stores must find the first one done: the processor keeps
 * its own order, the compiler is told. */
static inline void vq_compiler_barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* Copy out of guest memory, each byte once. */
void vq_copy_in(void *dst, const void *src, size_t n);

/* ---- common (virtq.c) ---- */

static inline bool vq_is_busy(const struct virtq *q, uint16_t head)
{
	return q->busy[head / 64] >> (head % 64) & 1;
}

static inline void vq_set_busy(struct virtq *q, uint16_t head)
{
	q->busy[head / 64] |= 1ULL << (head % 64);
}

static inline void vq_clear_busy(struct virtq *q, uint16_t head)
{
	q->busy[head / 64] &= ~(1ULL << (head % 64));
}

/* Breaks the queue. Return: -1, for the callers' sake. */
int vq_refuse(struct virtq *q, const char *why);

/* Dirty log: [@p, @p + @len) of a ring was written. Comes after each store: who
 * clears the mark copies the page, and takes it for whole. */
void vq_log_ring(struct virtq *q, const uint8_t *p, size_t len);

/* Position after @n more slots of a packed ring. */
static inline void vq_advance(const struct virtq *q, uint16_t *slot, bool *wrap,
			      uint16_t n)
{
	uint32_t next = (uint32_t)*slot + n;

	if (next >= q->num) {
		next -= q->num;
		*wrap = !*wrap;
	}
	*slot = (uint16_t)next;
}

static inline void vq_retreat(const struct virtq *q, uint16_t *slot, bool *wrap,
			      uint16_t n)
{
	uint32_t next = (uint32_t)*slot + q->num - n;

	if (next >= q->num) {
		next -= q->num;
	} else {
		*wrap = !*wrap;
	}
	*slot = (uint16_t)next;
}

/* ---- chains under construction (virtq_chain.c) ---- */

struct vq_walk {
	struct vq_chain *c;
	uint64_t out_len, in_len;
	unsigned int n, n_out; /* pieces */
	unsigned int n_desc;   /* direct and indirect */
	bool writable;         /* a writable one was seen */
	bool too_long;         /* does not fit c->iov */
};

/* Each: 0, or -1 and the queue is broken. */
int vq_walk_add_slow(struct virtq *q, struct vq_walk *w, uint64_t addr,
		     uint32_t len);
int vq_walk_indirect(struct virtq *q, struct vq_walk *w, uint64_t addr,
		     uint32_t len);
int vq_walk_end(struct virtq *q, struct vq_walk *w);

static inline int vq_walk_add(struct virtq *q, struct vq_walk *w, uint64_t addr,
			      uint32_t len, bool writable)
{
	uint64_t off = addr - q->cache.gpa;

	if (!trust_chain_len(++w->n_desc)) {
		return vq_refuse(q, "chain of too many descriptors");
	}
	if (!trust_order(w->writable, writable)) {
		return vq_refuse(q, "readable buffer behind a writable one");
	}
	w->writable = writable;
	if (off < q->cache.len && len <= q->cache.len - off && len &&
	    w->n < w->c->max_iov) {
		w->c->iov[w->n].iov_base = q->cache.host + off;
		w->c->iov[w->n].iov_len = len;
		w->n++;
	} else if (len && vq_walk_add_slow(q, w, addr, len)) {
		return -1;
	}
	if (writable) {
		w->in_len += len;
	} else {
		w->out_len += len;
		w->n_out = w->n;
	}
	return 0;
}

/* ---- packed ring (virtq_packed.c) ---- */

/* 1 a chain (too_long set where it did not fit), 0 none, -1 broken. */
int vq_packed_pop(struct virtq *q, struct vq_chain *c, bool *too_long);
void vq_packed_publish(struct virtq *q, const struct vq_done *d);
void vq_packed_expose(struct virtq *q);
bool vq_packed_wants_call(struct virtq *q);
bool vq_packed_waits(const struct virtq *q);
void vq_packed_kicks(struct virtq *q, bool on);

/* ---- in-flight tables (virtq_inflight.c) ---- */

struct vq_packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id, flags;
};

/* Takes over what the table says: positions, chains to come again. */
int vq_fl_open(struct virtq *q, struct av_err *err);
void vq_fl_close(struct virtq *q);
/* Chains to hand out before any of the ring's. */
bool vq_fl_waits(const struct virtq *q);
/* Split: the next one's head. */
uint16_t vq_fl_next_split(struct virtq *q);
/* Packed: the next one's entry and how many descriptors it has. */
uint16_t vq_fl_next_packed(struct virtq *q, uint16_t *n_desc);
/* The descriptor of entry *@at; then *@at is the chain's next. */
void vq_fl_desc(struct virtq *q, uint16_t *at, struct vq_packed_desc *d);
/* Give the resubmitted chain popped last back. */
void vq_fl_unpop_again(struct virtq *q);
bool vq_fl_is_again(const struct virtq *q, uint64_t seq);
/* Split: popped. Packed: descriptors noted one by one, then popped. */
void vq_fl_fetched(struct virtq *q, uint16_t head);
void vq_fl_note(struct virtq *q, const struct vq_packed_desc *d);
uint16_t vq_fl_noted(struct virtq *q, uint16_t n_desc); /* its entry */
void vq_fl_unfetched(struct virtq *q, uint16_t slot);
/* Written into the used ring; about to be, then visible in it. */
void vq_fl_batch(struct virtq *q, uint16_t slot);
void vq_fl_publishing(struct virtq *q);
void vq_fl_published(struct virtq *q);

#endif
