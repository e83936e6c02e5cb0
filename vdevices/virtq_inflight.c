/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-flight tables (vhost-user "Inflight I/O tracking"): which chains were
 * taken and not given back, in memory that the front-end keeps while a back-end
 * dies and comes again. All that is written here is written so that a kill
 * between any two stores leaves a table from which the next start recovers
 * every chain once; the order of the stores is the protocol's.
 *
 * The memory belongs to the front-end, thus nothing is ever read back from it
 * except at a start, and then each field once, checked. What a run needs of it
 * is kept beside in private.
 *
 * Layout, split:  u64 features, u16 version, u16 entries, u16 last_batch_head,
 * u16 used_idx; entry: u8 inflight, 5 pad, u16 next, u64 counter.
 * Packed: u64 features, u16 version, u16 entries, u16 free_head, u16
 * old_free_head, u16 used_idx, u16 old_used_idx, u8 used_wrap, u8
 * old_used_wrap, 10 pad; entry: u8 inflight, pad, u16 next, u16 last, u16 num,
 * u64 counter, u16 id, u16 flags, u32 len, u64 addr.
 *
 * A fresh table is of version 0, and the front-end's base says where to go on.
 * Later the table knows better: after a kill QEMU sends a base from the ring's
 * used index (split) or of the last start (packed).
 */
#include "config.h"

#include "vdevices/virtq_impl.h"

#include <errno.h>
#include <stdlib.h>

enum {
	TABLE_VERSION = 1,
	/* both headers */
	H_VERSION = 8,
	H_NUM = 10,
	/* split */
	H_LAST_BATCH = 12,
	H_USED = 14,
	SPLIT_HEADER = 16,
	SPLIT_ENTRY = 16,
	S_NEXT = 6,
	S_COUNTER = 8,
	/* packed */
	H_FREE = 12,
	H_OLD_FREE = 14,
	H_PUSED = 16,
	H_OLD_USED = 18,
	H_WRAP = 20,
	H_OLD_WRAP = 21,
	PACKED_HEADER = 32,
	PACKED_ENTRY = 32,
	P_NEXT = 2,
	P_LAST = 4,
	P_NUM = 6,
	P_COUNTER = 8,
	P_ID = 16,
	P_FLAGS = 18,
	P_LEN = 20,
	P_ADDR = 24,
};

struct again {
	uint64_t counter;
	uint16_t entry, num;
};

struct vq_inflight {
	uint8_t *table;
	uint64_t counter;
	/* Chains to come again, in counter order. */
	struct again *again;
	unsigned int n_again, next_again;
	/* Batch between two publications: entries, linked by @batch_next. */
	uint16_t batch_head, n_batch;
	/* Split: as in the table. */
	uint16_t last_batch;
	/* Packed: private links of all entries, the free list, and how far
	 * the chain being noted has used it. */
	uint16_t *link, *last;
	uint8_t *mark; /* of entries, while starting */
	uint16_t free_head, note_at, note_last;
	uint16_t old_used; /* as in the table */
	bool old_wrap;
	uint16_t batch_next[];
};

static uint8_t *split_entry(const struct vq_inflight *f, uint16_t i)
{
	return f->table + SPLIT_HEADER + (size_t)i * SPLIT_ENTRY;
}

static uint8_t *packed_entry(const struct vq_inflight *f, uint16_t i)
{
	return f->table + PACKED_HEADER + (size_t)i * PACKED_ENTRY;
}

static void st8(uint8_t *p, uint8_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
	virtq_store_hook(p, 1);
}

static uint8_t ld8(const uint8_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void st64(void *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)p, htole64(v), __ATOMIC_RELAXED);
	virtq_store_hook(p, 8);
}

size_t virtq_inflight_size(uint16_t num, bool packed)
{
	size_t n = packed ? PACKED_HEADER + (size_t)num * PACKED_ENTRY
			  : SPLIT_HEADER + (size_t)num * SPLIT_ENTRY;

	return (n + 63) / 64 * 64;
}

void virtq_inflight_init(void *table, uint16_t num, bool packed)
{
	memset(table, 0, virtq_inflight_size(num, packed));
	vq_st16((uint8_t *)table + H_NUM, num);
}

/* ---- start ---- */

static int by_counter(const void *a, const void *b)
{
	const struct again *x = a, *y = b;

	return x->counter != y->counter ? (x->counter < y->counter ? -1 : 1)
					: (x->entry < y->entry ? -1 : 1);
}

static void sort_again(struct vq_inflight *f)
{
	qsort(f->again, f->n_again, sizeof(*f->again), by_counter);
	if (f->n_again) {
		f->counter = f->again[f->n_again - 1].counter + 1;
	}
}

/* Published, but a kill came before they were struck out. */
static void settle_last_batch(struct virtq *q, struct vq_inflight *f)
{
	uint16_t n = (uint16_t)(q->used - vq_ld16(f->table + H_USED));
	uint16_t at = f->last_batch;

	for (; n && n <= q->num && trust_index(at, q->num); n--) {
		st8(split_entry(f, at), 0);
		at = vq_ld16(split_entry(f, at) + S_NEXT);
	}
	vq_compiler_barrier();
	vq_st16(f->table + H_USED, q->used);
}

static void open_split(struct virtq *q, struct vq_inflight *f, bool fresh)
{
	if (fresh) {
		for (uint16_t i = 0; i < q->num; i++) {
			st8(split_entry(f, i), 0);
		}
		vq_st16(f->table + H_USED, q->used);
		return;
	}
	f->last_batch = vq_ld16(f->table + H_LAST_BATCH);
	settle_last_batch(q, f);
	for (uint16_t i = 0; i < q->num; i++) {
		const uint8_t *e = split_entry(f, i);

		if (ld8(e) == 1) {
			f->again[f->n_again++] = (struct again){
				.counter = vq_ld64(e + S_COUNTER),
				.entry = i,
			};
		}
	}
	sort_again(f);
	/* What was taken is what was given back and what is in flight. */
	q->last_avail = (uint16_t)(q->used + f->n_again);
}

/* Whether the ring shows that the publication under way at the kill was seen:
 * its first slot is not as the driver left it. */
static bool was_exposed(const struct virtq *q, uint16_t slot, bool wrap)
{
	uint16_t flags =
		vq_ld16(q->desc + (size_t)slot * VQ_DESC_SIZE + VQ_DESC_FLAGS);
	uint16_t both = VQ_DESC_AVAIL | VQ_DESC_USED;

	return (flags & both) != (wrap ? VQ_DESC_AVAIL : VQ_DESC_USED);
}

struct packed_header {
	uint16_t free_head, used;
	bool wrap;
};

static int read_packed_header(struct virtq *q, struct vq_inflight *f,
			      struct packed_header *h)
{
	struct packed_header now = {
		.free_head = vq_ld16(f->table + H_FREE),
		.used = vq_ld16(f->table + H_PUSED),
		.wrap = ld8(f->table + H_WRAP) == 1,
	};
	struct packed_header old = {
		.free_head = vq_ld16(f->table + H_OLD_FREE),
		.used = vq_ld16(f->table + H_OLD_USED),
		.wrap = ld8(f->table + H_OLD_WRAP) == 1,
	};

	if (!trust_index(now.used, q->num) || !trust_index(old.used, q->num)) {
		return -EINVAL;
	}
	*h = old;
	if ((now.used != old.used || now.wrap != old.wrap) &&
	    was_exposed(q, old.used, old.wrap)) {
		*h = now;
	}
	return 0;
}

enum { FREE = 1, TAKEN = 2 };

/* Entries on the free list are not in flight, whatever their mark says. */
static void mark_free(struct virtq *q, struct vq_inflight *f, uint16_t at,
		      uint8_t *mark)
{
	for (uint16_t i = 0;
	     i < q->num && trust_index(at, q->num) && !mark[at]; i++) {
		mark[at] = FREE;
		at = f->link[at];
	}
}

static int take_chain(struct virtq *q, struct vq_inflight *f, uint16_t head,
		      uint8_t *mark)
{
	const uint8_t *e = packed_entry(f, head);
	struct again a = { .counter = vq_ld64(e + P_COUNTER),
			   .entry = head,
			   .num = vq_ld16(e + P_NUM) };
	uint16_t at = head;

	for (uint16_t i = 0; i < a.num; i++) {
		if (!trust_index(at, q->num) || mark[at]) {
			return -EINVAL;
		}
		mark[at] = TAKEN;
		f->last[head] = at;
		at = f->link[at];
	}
	f->again[f->n_again++] = a;
	return a.num ? 0 : -EINVAL;
}

/* All that is in no chain in flight is free. */
static void build_free_list(struct virtq *q, struct vq_inflight *f,
			    const uint8_t *mark)
{
	uint16_t head = q->num;

	/* First, so that a kill below leaves no wrong mark. */
	for (uint16_t i = 0; i < q->num; i++) {
		if (mark[i] != TAKEN) {
			st8(packed_entry(f, i), 0);
		}
	}
	vq_compiler_barrier();
	for (uint16_t i = q->num; i-- > 0;) {
		if (mark[i] != TAKEN) {
			f->link[i] = head;
			vq_st16(packed_entry(f, i) + P_NEXT, head);
			head = i;
		}
	}
	f->free_head = head;
	f->note_at = head;
}

/* Position and lap, now and before, by one store: a slot means nothing without
 * its lap, and a kill may come between two. */
static void store_positions(struct virtq *q, struct vq_inflight *f)
{
	st64(f->table + H_PUSED,
	     q->used | (uint64_t)f->old_used << 16 |
		     (uint64_t)q->used_wrap << 32 |
		     (uint64_t)f->old_wrap << 40);
}

static void store_packed_header(struct virtq *q, struct vq_inflight *f)
{
	vq_st16(f->table + H_FREE, f->free_head);
	vq_compiler_barrier();
	store_positions(q, f);
}

static void settle_packed_header(struct virtq *q, struct vq_inflight *f)
{
	vq_st16(f->table + H_OLD_FREE, f->free_head);
	vq_compiler_barrier();
	f->old_used = q->used;
	f->old_wrap = q->used_wrap;
	store_positions(q, f);
}

/*
 * A kill between writing a batch and its first descriptor's flags leaves used
 * descriptors that the driver cannot see yet, and would take for completions
 * as soon as the one before them is there.
 */
static void hide_unexposed(struct virtq *q)
{
	uint16_t at = q->used;
	bool wrap = q->used_wrap;

	while (at != q->last_avail || wrap != q->avail_wrap) {
		uint8_t *p = q->desc + (size_t)at * VQ_DESC_SIZE +
			     VQ_DESC_FLAGS;

		vq_st16(p, wrap ? VQ_DESC_AVAIL : VQ_DESC_USED);
		vq_log_ring(q, p, 2);
		vq_advance(q, &at, &wrap, 1);
	}
}

static int recover_packed(struct virtq *q, struct vq_inflight *f, uint8_t *mark)
{
	struct packed_header h;

	if (read_packed_header(q, f, &h)) {
		return -EINVAL;
	}
	for (uint16_t i = 0; i < q->num; i++) {
		f->link[i] = vq_ld16(packed_entry(f, i) + P_NEXT);
	}
	mark_free(q, f, h.free_head, mark);
	for (uint16_t i = 0; i < q->num; i++) {
		if (!(mark[i] & FREE) && ld8(packed_entry(f, i)) == 1 &&
		    take_chain(q, f, i, mark)) {
			return -EINVAL;
		}
	}
	sort_again(f);
	q->used = h.used;
	q->used_wrap = h.wrap;
	q->last_avail = h.used;
	q->avail_wrap = h.wrap;
	for (unsigned int i = 0; i < f->n_again; i++) {
		vq_advance(q, &q->last_avail, &q->avail_wrap, f->again[i].num);
	}
	hide_unexposed(q);
	return 0;
}

static int open_packed(struct virtq *q, struct vq_inflight *f, bool fresh)
{
	f->mark = calloc(q->num, 1);
	f->link = calloc(q->num, sizeof(*f->link));
	f->last = calloc(q->num, sizeof(*f->last));
	if (!f->mark || !f->link || !f->last) {
		return -ENOMEM;
	}
	if (!fresh && recover_packed(q, f, f->mark)) {
		return -EINVAL;
	}
	build_free_list(q, f, f->mark);
	vq_st16(f->table + H_FREE, f->free_head);
	vq_compiler_barrier();
	settle_packed_header(q, f);
	return 0;
}

int vq_fl_open(struct virtq *q, struct av_err *err)
{
	uint8_t *table = q->s.inflight;
	uint16_t version;
	struct vq_inflight *f;
	int ret = 0;

	if ((uintptr_t)table % 8 || q->s.inflight_num < q->num) {
		return av_err_set(err, -EINVAL,
				  "queue %u: in-flight table of %u entries for "
				  "a ring of %u",
				  q->index, q->s.inflight_num, q->num);
	}
	version = vq_ld16(table + H_VERSION);
	q->fresh = !version;
	if (version > TABLE_VERSION) {
		return av_err_set(err, -EINVAL,
				  "queue %u: in-flight table of version %u",
				  q->index, version);
	}
	f = calloc(1, sizeof(*f) + q->num * sizeof(*f->batch_next));
	q->fl = f;
	if (f) {
		f->table = table;
		f->again = calloc(q->num, sizeof(*f->again));
	}
	if (!f || !f->again) {
		ret = -ENOMEM;
	} else if (q->packed) {
		ret = open_packed(q, f, !version);
	} else {
		open_split(q, f, !version);
	}
	if (ret) {
		return av_err_set(err, ret, "queue %u: %s", q->index,
				  ret == -ENOMEM ? "out of memory"
						 : "in-flight table makes no "
						   "sense");
	}
	vq_compiler_barrier();
	vq_st16(table + H_VERSION, TABLE_VERSION);
	return 0;
}

void vq_fl_close(struct virtq *q)
{
	struct vq_inflight *f = q->fl;

	if (!f) {
		return;
	}
	free(f->again);
	free(f->link);
	free(f->last);
	free(f->mark);
	free(f);
	q->fl = NULL;
}

/* ---- chains that come again ---- */

bool vq_fl_waits(const struct virtq *q)
{
	return q->fl && q->fl->next_again < q->fl->n_again;
}

uint16_t vq_fl_next_split(struct virtq *q)
{
	return q->fl->again[q->fl->next_again++].entry;
}

uint16_t vq_fl_next_packed(struct virtq *q, uint16_t *n_desc)
{
	const struct again *a = &q->fl->again[q->fl->next_again++];

	*n_desc = a->num;
	return a->entry;
}

void vq_fl_desc(struct virtq *q, uint16_t *at, struct vq_packed_desc *d)
{
	const uint8_t *e = packed_entry(q->fl, *at);

	d->addr = vq_ld64(e + P_ADDR);
	d->len = vq_ld32(e + P_LEN);
	d->id = vq_ld16(e + P_ID);
	d->flags = vq_ld16(e + P_FLAGS);
	*at = q->fl->link[*at];
}

bool vq_fl_is_again(const struct virtq *q, uint64_t seq)
{
	return q->fl && seq < q->fl->n_again;
}

void vq_fl_unpop_again(struct virtq *q)
{
	q->fl->next_again--;
}

/* ---- popped ---- */

void vq_fl_fetched(struct virtq *q, uint16_t head)
{
	uint8_t *e = split_entry(q->fl, head);

	st64(e + S_COUNTER, q->fl->counter++);
	vq_compiler_barrier();
	st8(e, 1);
	vq_compiler_barrier();
}

void vq_fl_note(struct virtq *q, const struct vq_packed_desc *d)
{
	struct vq_inflight *f = q->fl;
	uint8_t *e = packed_entry(f, f->note_at);

	vq_st16(e + P_ID, d->id);
	vq_st16(e + P_FLAGS, d->flags);
	vq_st32(e + P_LEN, d->len);
	st64(e + P_ADDR, d->addr);
	f->note_last = f->note_at;
	f->note_at = f->link[f->note_at];
}

uint16_t vq_fl_noted(struct virtq *q, uint16_t n_desc)
{
	struct vq_inflight *f = q->fl;
	uint16_t head = f->free_head;
	uint8_t *e = packed_entry(f, head);

	f->last[head] = f->note_last;
	vq_st16(e + P_LAST, f->note_last);
	vq_st16(e + P_NUM, n_desc);
	st64(e + P_COUNTER, f->counter++);
	vq_compiler_barrier();
	st8(e, 1);
	vq_compiler_barrier();
	/* Until the old head moves too a recovery finds it on the free list:
	 * then it was not taken and the ring still has it. */
	f->free_head = f->note_at;
	vq_st16(f->table + H_FREE, f->free_head);
	vq_compiler_barrier();
	vq_st16(f->table + H_OLD_FREE, f->free_head);
	return head;
}

/* Puts @head's entries in front of the free list. */
static void release(struct vq_inflight *f, uint16_t head)
{
	uint16_t last = f->last[head];

	f->link[last] = f->free_head;
	vq_st16(packed_entry(f, last) + P_NEXT, f->free_head);
	f->free_head = head;
	f->note_at = head;
}

void vq_fl_unfetched(struct virtq *q, uint16_t slot)
{
	struct vq_inflight *f = q->fl;

	if (!q->packed) {
		st8(split_entry(f, slot), 0);
		vq_compiler_barrier();
		return;
	}
	st8(packed_entry(f, slot), 0);
	vq_compiler_barrier();
	release(f, slot);
	vq_compiler_barrier();
	vq_st16(f->table + H_FREE, f->free_head);
	vq_compiler_barrier();
	vq_st16(f->table + H_OLD_FREE, f->free_head);
}

/* ---- pushed ---- */

void vq_fl_batch(struct virtq *q, uint16_t slot)
{
	struct vq_inflight *f = q->fl;

	f->batch_next[slot] = f->batch_head;
	f->batch_head = slot;
	f->n_batch++;
	if (!q->packed) {
		vq_st16(split_entry(f, slot) + S_NEXT, f->last_batch);
		vq_compiler_barrier();
		f->last_batch = slot;
		vq_st16(f->table + H_LAST_BATCH, slot);
	}
}

void vq_fl_publishing(struct virtq *q)
{
	struct vq_inflight *f = q->fl;
	uint16_t at = f->batch_head;

	if (q->packed) {
		for (uint16_t i = 0; i < f->n_batch; i++) {
			release(f, at);
			at = f->batch_next[at];
		}
		vq_compiler_barrier();
		store_packed_header(q, f);
	}
	vq_compiler_barrier();
}

void vq_fl_published(struct virtq *q)
{
	struct vq_inflight *f = q->fl;
	uint16_t at = f->batch_head;

	vq_compiler_barrier();
	for (uint16_t i = 0; i < f->n_batch; i++) {
		st8(q->packed ? packed_entry(f, at) : split_entry(f, at), 0);
		at = f->batch_next[at];
	}
	f->n_batch = 0;
	vq_compiler_barrier();
	if (q->packed) {
		settle_packed_header(q, f);
	} else {
		vq_st16(f->table + H_USED, q->used);
	}
}
