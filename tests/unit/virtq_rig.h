/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings under a test's hand: a small guest memory of two regions that are
 * neighbours for the guest and apart on the host, and a driver for both
 * formats. It stands in for guest_mem.c, so that tests see what is marked dirty
 * and take regions away as they like.
 */
#ifndef AVSIM_TESTS_UNIT_VIRTQ_RIG_H
#define AVSIM_TESTS_UNIT_VIRTQ_RIG_H

#include "vdevices/virtq.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define GPA0 0x1000000ull
#define REGION 0x400000ull /* bytes of each of the two */
#define BORDER (GPA0 + REGION)
#define UVA0 0x7f0000000000ull
#define D_NEXT 1
#define D_WRITE 2
#define D_INDIRECT 4
#define D_AVAIL 0x80
#define D_USED 0x8000

/* ---- memory ---- */

struct guest_mem {
	uint8_t *host[2];
	bool gone[2];
	uint64_t gen;
	bool logging;
	uint64_t dirty_bytes, last_dirty; /* of the last mark: its address */
	/* Of the first region: bytes that were stored and have not been marked
	 * since. NULL: nobody looks. */
	uint8_t *unmarked;
};

static void *mem_at(const struct guest_mem *m, uint64_t gpa)
{
	return m->host[gpa >= BORDER] + (gpa - (gpa >= BORDER ? BORDER : GPA0));
}

void *gm_at(const struct guest_mem *m, uint64_t gpa, size_t *len)
{
	uint64_t i = gpa >= BORDER, room;

	if (gpa < GPA0 || gpa >= GPA0 + 2 * REGION || m->gone[i]) {
		return NULL;
	}
	room = GPA0 + (i + 1) * REGION - gpa;
	if (*len > room) {
		*len = room;
	}
	return mem_at(m, gpa);
}

int gm_iov(const struct guest_mem *m, uint64_t gpa, size_t len,
	   struct iovec *iov, size_t max)
{
	size_t n = 0, part;

	for (; len; gpa += part, len -= part, n++) {
		void *p;

		part = len;
		p = gm_at(m, gpa, &part);
		if (!p) {
			return -EFAULT;
		}
		if (n == max) {
			return -E2BIG;
		}
		iov[n].iov_base = p;
		iov[n].iov_len = part;
	}
	return (int)n;
}

void *gm_ring(const struct guest_mem *m, uint64_t uva, size_t len)
{
	size_t n = len;
	void *p = gm_at(m, uva - UVA0, &n);

	return n == len ? p : NULL;
}

uint64_t gm_generation(const struct guest_mem *m)
{
	return m->gen;
}

bool gm_logging(const struct guest_mem *m)
{
	return m->logging;
}

void gm_dirty(struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	m->last_dirty = gpa;
	m->dirty_bytes += len;
	if (m->unmarked && gpa - GPA0 < REGION) {
		memset(m->unmarked + (gpa - GPA0), 0, len);
	}
}

void gm_dirty_host(struct guest_mem *m, const void *host, size_t len)
{
	for (int i = 0; i < 2; i++) {
		size_t off = (size_t)((const uint8_t *)host - m->host[i]);

		if (off < REGION) {
			gm_dirty(m, GPA0 + (uint64_t)i * REGION + off, len);
		}
	}
}

/* ---- driver ---- */

struct wire_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t a, b; /* split: flags, next; packed: id, flags */
};

struct buf {
	uint64_t gpa;
	uint32_t len;
	bool in; /* the device writes it */
};

struct rig {
	struct guest_mem mem;
	struct virtq *q;
	struct virtq_setup s;
	struct wire_desc *desc;
	uint16_t *avail, *used; /* packed: driver's, device's event structure */
	uint16_t num;
	bool packed;
	uint16_t avail_pos, used_pos; /* split: free-running; packed: slots */
	bool avail_wrap, used_wrap;
	uint16_t n_free, *next;  /* split: free descriptors */
	uint16_t free_head, *n_desc; /* by id: descriptors, 0 not in flight */
	uint16_t n_ids, *ids;    /* packed: free ids, a stack */
	uint64_t alloc;          /* next free guest address */
	int call_fd, err_fd;
};

static uint64_t rig_alloc(struct rig *r, size_t size, size_t align)
{
	uint64_t at = (r->alloc + align - 1) / align * align;

	r->alloc = at + size;
	return at;
}

/* As a driver that begins: empty rings, base of a fresh queue. */
static void rig_rings(struct rig *r)
{
	memset(r->desc, 0, 16u * r->num);
	memset(r->avail, 0, r->packed ? 4u : 6u + 2u * r->num);
	memset(r->used, 0, r->packed ? 4u : 6u + 8u * r->num);
	r->avail_pos = 0;
	r->used_pos = 0;
	r->avail_wrap = true;
	r->used_wrap = true;
	r->s.base = r->packed ? 0x80008000u : 0;
	r->free_head = 0;
	r->n_free = r->num;
	r->n_ids = r->num;
	for (uint16_t i = 0; i < r->num; i++) {
		r->next[i] = (uint16_t)(i + 1);
		r->ids[i] = (uint16_t)(r->num - 1 - i);
		r->n_desc[i] = 0;
	}
}

static int rig_start(struct rig *r)
{
	return virtq_start(r->q, &r->s, NULL);
}

static uint8_t *rig_region(void)
{
	return mmap(NULL, REGION, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static struct rig *rig_create(bool packed, uint16_t num, uint64_t features)
{
	struct rig *r = calloc(1, sizeof(*r));
	uint64_t desc, avail, used;

	r->mem.host[0] = rig_region();
	r->mem.host[1] = rig_region();
	r->alloc = GPA0;
	r->num = num;
	r->packed = packed;
	r->next = calloc(num, sizeof(*r->next));
	r->n_desc = calloc(num, sizeof(*r->n_desc));
	r->ids = calloc(num, sizeof(*r->ids));
	r->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->err_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	desc = rig_alloc(r, 16u * num, 16);
	avail = rig_alloc(r, 6u + 2u * num, 4);
	used = rig_alloc(r, 6u + 8u * num, 4);
	r->desc = mem_at(&r->mem, desc);
	r->avail = mem_at(&r->mem, avail);
	r->used = mem_at(&r->mem, used);
	r->s = (struct virtq_setup){
		.mem = &r->mem,
		.features = features | VIRTIO_F_VERSION_1 |
			    (packed ? VIRTIO_F_RING_PACKED : 0),
		.num = num,
		.desc = UVA0 + desc,
		.avail = UVA0 + avail,
		.used = UVA0 + used,
		.call_fd = r->call_fd,
		.err_fd = r->err_fd,
	};
	rig_rings(r);
	r->q = virtq_create(0);
	return r;
}

static void rig_destroy(struct rig *r)
{
	virtq_destroy(r->q);
	close(r->call_fd);
	close(r->err_fd);
	free(r->next);
	free(r->n_desc);
	free(r->ids);
	free(r->mem.unmarked);
	munmap(r->mem.host[0], REGION);
	munmap(r->mem.host[1], REGION);
	free(r);
}

static void packed_slot(struct rig *r, uint16_t slot, struct wire_desc d)
{
	/* Attackers of the TSan test look on. */
	__atomic_store_n(&r->desc[slot].addr, d.addr, __ATOMIC_RELAXED);
	__atomic_store_n(&r->desc[slot].len, d.len, __ATOMIC_RELAXED);
	__atomic_store_n(&r->desc[slot].a, d.a, __ATOMIC_RELAXED);
	__atomic_store_n(&r->desc[slot].b, d.b, __ATOMIC_RELEASE);
}

static void packed_step(struct rig *r, uint16_t *pos, bool *wrap, uint16_t n)
{
	*pos = (uint16_t)(*pos + n);
	if (*pos >= r->num) {
		*pos = (uint16_t)(*pos - r->num);
		*wrap = !*wrap;
	}
}

/* @d as it shall be, flags without AVAIL and USED: @n slots of one chain, made
 * available at once. */
static void packed_offer(struct rig *r, const struct wire_desc *d, uint16_t n)
{
	uint16_t slot = r->avail_pos, head = slot;
	bool wrap = r->avail_wrap;
	uint16_t head_flags = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct wire_desc e = d[i];

		e.b |= wrap ? D_AVAIL : D_USED;
		if (!i) {
			head_flags = e.b;
			e.b ^= D_AVAIL | D_USED; /* not yet */
		}
		packed_slot(r, slot, e);
		packed_step(r, &slot, &wrap, 1);
	}
	__atomic_store_n(&r->desc[head].b, head_flags, __ATOMIC_RELEASE);
	r->avail_pos = slot;
	r->avail_wrap = wrap;
}

static void split_offer(struct rig *r, uint16_t head)
{
	r->avail[2 + r->avail_pos % r->num] = head;
	r->avail_pos++;
	__atomic_store_n(&r->avail[1], r->avail_pos, __ATOMIC_RELEASE);
}

static uint16_t buf_flags(const struct buf *b, bool more)
{
	return (uint16_t)((b->in ? D_WRITE : 0) | (more ? D_NEXT : 0));
}

/* Return: id, or -1: no room. */
static int rig_offer_flags(struct rig *r, const struct buf *b, uint16_t n,
			   uint16_t flags)
{
	struct wire_desc d[VIRTQ_CHAIN_MAX];
	uint16_t id, at;

	if (r->n_free < n) {
		return -1;
	}
	if (r->packed) {
		id = r->ids[--r->n_ids];
		for (uint16_t i = 0; i < n; i++) {
			d[i] = (struct wire_desc){
				b[i].gpa, b[i].len, id,
				buf_flags(&b[i], i + 1 < n) | flags
			};
		}
		packed_offer(r, d, n);
	} else {
		id = r->free_head;
		at = id;
		for (uint16_t i = 0; i < n; i++) {
			r->desc[at] = (struct wire_desc){
				b[i].gpa, b[i].len,
				buf_flags(&b[i], i + 1 < n) | flags, r->next[at]
			};
			r->free_head = r->next[at];
			at = r->next[at];
		}
		split_offer(r, id);
	}
	r->n_free = (uint16_t)(r->n_free - n);
	r->n_desc[id] = n;
	return id;
}

static inline int rig_offer(struct rig *r, const struct buf *b, uint16_t n)
{
	return rig_offer_flags(r, b, n, 0);
}

/* A plain request: 16 bytes out, @in bytes in, at places of its own. */
static inline int rig_request(struct rig *r, uint32_t in)
{
	struct buf b[2] = { { BORDER - 4096, 16, false },
			    { BORDER + 8192, in, true } };

	return rig_offer(r, b, 2);
}

static bool used_waits(const struct rig *r, struct wire_desc *u)
{
	uint16_t flags;

	if (!r->packed) {
		uint16_t idx = __atomic_load_n(&r->used[1], __ATOMIC_ACQUIRE);
		uint32_t e[2];

		memcpy(e, (uint8_t *)r->used + 4 + 8 * (r->used_pos % r->num),
		       8);
		u->a = (uint16_t)e[0];
		u->len = e[1];
		return idx != r->used_pos;
	}
	flags = __atomic_load_n(&r->desc[r->used_pos].b, __ATOMIC_ACQUIRE);
	u->a = r->desc[r->used_pos].a;
	u->len = r->desc[r->used_pos].len;
	return !!(flags & D_AVAIL) == r->used_wrap &&
	       !!(flags & D_USED) == r->used_wrap;
}

/* The next completion. 1; 0 none; -1 it was never offered. */
static int rig_used(struct rig *r, uint16_t *id, uint32_t *len)
{
	struct wire_desc u;
	uint16_t n;

	if (!used_waits(r, &u)) {
		return 0;
	}
	if (u.a >= r->num || !r->n_desc[u.a]) {
		return -1;
	}
	*id = u.a;
	*len = u.len;
	n = r->n_desc[u.a];
	r->n_desc[u.a] = 0;
	r->n_free = (uint16_t)(r->n_free + n);
	if (r->packed) {
		r->ids[r->n_ids++] = u.a;
		packed_step(r, &r->used_pos, &r->used_wrap, n);
		return 1;
	}
	r->used_pos++;
	for (uint16_t i = 1, at = u.a;; i++, at = r->next[at]) {
		if (i == n) {
			r->next[at] = r->free_head;
			break;
		}
	}
	r->free_head = u.a;
	return 1;
}

/* Interrupts since the last look. */
static inline uint64_t rig_calls(struct rig *r)
{
	uint64_t n = 0;

	return read(r->call_fd, &n, 8) == 8 ? n : 0;
}

static inline uint64_t rig_errors(struct rig *r)
{
	uint64_t n = 0;

	return read(r->err_fd, &n, 8) == 8 ? n : 0;
}

/* Event index: interrupt when the used position passes @pos (split:
 * free-running; packed: slot, with its lap's wrap). */
static inline void rig_used_event(struct rig *r, uint16_t pos, bool wrap)
{
	if (r->packed) {
		r->avail[0] = (uint16_t)(pos | wrap << 15);
		r->avail[1] = 2;
	} else {
		r->avail[2 + r->num] = pos;
	}
}

/* Whether a driver that has just moved on from @old would kick. */
static inline bool rig_would_kick(struct rig *r, uint16_t old, bool event_idx)
{
	uint16_t event;

	if (!r->packed) {
		memcpy(&event, (uint8_t *)r->used + 4 + 8 * r->num, 2);
		return event_idx ? (uint16_t)(r->avail_pos - event - 1) <
					   (uint16_t)(r->avail_pos - old)
				 : !(r->used[0] & 1);
	}
	if (r->used[1] != 2) {
		return r->used[1] == 0;
	}
	event = r->used[0] & 0x7fff;
	if (r->used[0] >> 15 != r->avail_wrap) {
		event = (uint16_t)(event - r->num);
	}
	if (r->avail_pos <= old) {
		old = (uint16_t)(old - r->num);
	}
	return (uint16_t)(r->avail_pos - event - 1) <
	       (uint16_t)(r->avail_pos - old);
}

#endif
