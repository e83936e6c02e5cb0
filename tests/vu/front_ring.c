/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: split and packed rings from their layouts in the kernel's
 * headers, not from avsim's own code, which is what is being tested.
 */
#include "config.h"

#include "front_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define P_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define P_USED (1u << VRING_PACKED_DESC_F_USED)

static uint16_t load16(const void *p)
{
	return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE);
}

static void store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE);
}

static uint16_t *used_event(const struct front_ring *r)
{
	return &r->avail->ring[r->num];
}

static const uint16_t *avail_event(const struct front_ring *r)
{
	return (const uint16_t *)&r->used->ring[r->num];
}

/* ---- making rings ---- */

/* Quiet until front_wait() asks to be interrupted. */
static void interrupts_off(struct front_queue *q)
{
	if (q->r.packed) {
		store16(&q->r.driver->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	} else {
		store16(&q->r.avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
		store16(used_event(&q->r), (uint16_t)(q->used + 0x7fff));
	}
}

static void interrupts_on(struct front_queue *q)
{
	if (q->r.packed && q->event_idx) {
		store16(&q->r.driver->off_wrap,
			(uint16_t)(q->used | q->used_wrap << 15));
		store16(&q->r.driver->flags, VRING_PACKED_EVENT_FLAG_DESC);
	} else if (q->r.packed) {
		store16(&q->r.driver->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	} else {
		store16(&q->r.avail->flags, 0);
		store16(used_event(&q->r), q->used);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void clear_shared(struct front_queue *q)
{
	struct front_ring *r = &q->r;

	if (r->packed) {
		memset(r->pdesc, 0, 16u * r->num);
		memset(r->driver, 0, sizeof(*r->driver));
		memset(r->device, 0, sizeof(*r->device));
	} else {
		memset(r->desc, 0, 16u * r->num);
		memset(r->avail, 0, 6 + 2u * r->num);
		memset(r->used, 0, 6 + 8u * r->num);
	}
}

void front_queue_reset(struct front_queue *q)
{
	uint16_t num = q->r.num;

	clear_shared(q);
	memset(q->chain, 0, num * sizeof(*q->chain));
	for (unsigned int i = 0; i < num; i++) {
		q->next[i] = (uint16_t)(i + 1);
	}
	q->free_head = 0;
	q->free_tail = (uint16_t)(num - 1);
	q->n_free = q->n_ids = num;
	q->fifo_head = q->fifo_n = 0;
	q->batch_id = -1;
	q->avail = q->kicked = q->used = 0;
	q->avail_wrap = q->used_wrap = true;
	q->base = q->r.packed ? 1u << 15 | 1u << 31 : 0;
	interrupts_off(q);
}

int front_queue_make(struct front *f, unsigned int qi)
{
	struct front_queue *q = &f->q[qi];
	struct front_mem *m = f->o.mem;
	struct front_ring *r = &q->r;
	size_t num = f->o.queue_size ? f->o.queue_size : 256;

	r->packed = f->features & VIRTIO_F_RING_PACKED;
	q->event_idx = f->features & VIRTIO_F_EVENT_IDX;
	q->in_order = f->features & VIRTIO_F_IN_ORDER;
	q->busy = f->o.busy_poll;
	if (r->num) {
		return 0;
	}
	r->desc_gpa = front_alloc(m, 16 * num, 64);
	r->avail_gpa = front_alloc(m, r->packed ? 4 : 6 + 2 * num, 64);
	r->used_gpa = front_alloc(m, r->packed ? 4 : 6 + 8 * num, 64);
	if (!r->desc_gpa || !r->avail_gpa || !r->used_gpa) {
		return front_fail(f, -ENOMEM, "no guest memory for ring %u",
				  qi);
	}
	r->num = (uint16_t)num;
	if (r->packed) {
		r->pdesc = front_mem_at(m, r->desc_gpa);
		r->driver = front_mem_at(m, r->avail_gpa);
		r->device = front_mem_at(m, r->used_gpa);
	} else {
		r->desc = front_mem_at(m, r->desc_gpa);
		r->avail = front_mem_at(m, r->avail_gpa);
		r->used = front_mem_at(m, r->used_gpa);
	}
	q->chain = calloc(num, sizeof(*q->chain));
	q->next = calloc(num, sizeof(*q->next));
	q->fifo = calloc(num, sizeof(*q->fifo));
	if (!q->chain || !q->next || !q->fifo) {
		abort();
	}
	front_queue_reset(q);
	return 0;
}

void front_queue_finish(struct front_queue *q)
{
	free(q->chain);
	free(q->next);
	free(q->fifo);
}

uint32_t front_queue_base(const struct front_queue *q)
{
	uint32_t at;

	if (!q->r.packed) {
		return load16(&q->r.used->idx);
	}
	at = (uint32_t)(q->used | q->used_wrap << 15);
	return at | at << 16;
}

/* ---- offering ---- */

static void offered(struct front_queue *q, uint16_t id, uint64_t cookie,
		    uint16_t n_desc, const struct front_buf *b, unsigned int n)
{
	struct front_chain *c = &q->chain[id];

	c->cookie = cookie;
	c->n_desc = n_desc;
	c->in_len = 0;
	for (unsigned int i = 0; i < n; i++) {
		c->in_len += b[i].write ? b[i].len : 0;
	}
	if (q->in_order) {
		q->fifo[(q->fifo_head + q->fifo_n) % q->r.num] = id;
		q->fifo_n++;
	}
}

static void add_split(struct front_queue *q, const struct front_buf *b,
		      unsigned int n, const struct front_buf *whole,
		      unsigned int n_whole, uint16_t extra, uint64_t cookie)
{
	uint16_t head = q->free_head, i = head, last = head;

	for (unsigned int k = 0; k < n; k++) {
		struct vring_desc d = {
			.addr = b[k].gpa,
			.len = b[k].len,
			.flags =
				(uint16_t)((b[k].write ? VRING_DESC_F_WRITE
						       : 0) |
					   (k + 1 < n ? VRING_DESC_F_NEXT : 0) |
					   extra),
			.next = k + 1 < n ? q->next[i] : 0,
		};

		q->r.desc[i] = d;
		last = i;
		i = q->next[i];
	}
	q->free_head = i;
	q->n_free = (uint16_t)(q->n_free - n);
	offered(q, head, cookie, (uint16_t)n, whole, n_whole);
	q->chain[head].last = last;
	q->r.avail->ring[q->avail % q->r.num] = head;
	q->avail++;
}

static void add_packed(struct front_queue *q, const struct front_buf *b,
		       unsigned int n, const struct front_buf *whole,
		       unsigned int n_whole, uint16_t extra, uint64_t cookie)
{
	uint16_t id = q->free_head, first = q->avail, first_flags = 0;

	for (unsigned int k = 0; k < n; k++) {
		struct vring_packed_desc *d = &q->r.pdesc[q->avail];
		uint16_t flags =
			(uint16_t)((b[k].write ? VRING_DESC_F_WRITE : 0) |
				   (k + 1 < n ? VRING_DESC_F_NEXT : 0) | extra |
				   (q->avail_wrap ? P_AVAIL : P_USED));

		d->addr = b[k].gpa;
		d->len = b[k].len;
		d->id = id;
		if (k == 0) {
			first_flags = flags; /* last, so that all are there */
		} else {
			d->flags = flags;
		}
		if (++q->avail == q->r.num) {
			q->avail = 0;
			q->avail_wrap = !q->avail_wrap;
		}
	}
	q->free_head = q->next[id];
	q->n_ids--;
	q->n_free = (uint16_t)(q->n_free - n);
	q->kicked = (uint16_t)(q->kicked + n);
	offered(q, id, cookie, (uint16_t)n, whole, n_whole);
	store16(&q->r.pdesc[first].flags, first_flags);
}

static int add(struct front_queue *q, const struct front_buf *b, unsigned int n,
	       const struct front_buf *whole, unsigned int n_whole,
	       uint16_t extra, uint64_t cookie)
{
	if (n == 0 || n > q->n_free || (q->r.packed && q->n_ids == 0)) {
		return -ENOSPC;
	}
	if (q->r.packed) {
		add_packed(q, b, n, whole, n_whole, extra, cookie);
	} else {
		add_split(q, b, n, whole, n_whole, extra, cookie);
	}
	return 0;
}

int front_add(struct front *f, unsigned int qi, const struct front_buf *b,
	      unsigned int n, uint64_t cookie)
{
	return add(&f->q[qi], b, n, b, n, 0, cookie);
}

int front_add_indirect(struct front *f, unsigned int qi,
		       const struct front_buf *b, unsigned int n,
		       uint64_t cookie)
{
	struct front_queue *q = &f->q[qi];
	const size_t table = 16 * FRONT_INDIRECT_MAX;
	struct front_buf one = { .len = 16 * n };
	uint8_t *t;

	if (n > FRONT_INDIRECT_MAX || n == 0) {
		return -E2BIG;
	}
	if (!q->n_free || (q->r.packed && !q->n_ids)) {
		return -ENOSPC;
	}
	if (!q->indirect_gpa) {
		q->indirect_gpa = front_alloc(f->o.mem, table * q->r.num, 64);
		if (!q->indirect_gpa) {
			return -ENOMEM;
		}
	}
	one.gpa = q->indirect_gpa + q->free_head * table;
	t = front_mem_at(f->o.mem, one.gpa);
	for (unsigned int i = 0; i < n; i++) {
		uint16_t w = b[i].write ? VRING_DESC_F_WRITE : 0;
		struct vring_desc s = {
			.addr = b[i].gpa,
			.len = b[i].len,
			.flags = (uint16_t)(w | (i + 1 < n ? VRING_DESC_F_NEXT
							   : 0)),
			.next = (uint16_t)(i + 1 < n ? i + 1 : 0),
		};
		struct vring_packed_desc p = {
			.addr = b[i].gpa,
			.len = b[i].len,
			.flags = w,
		};

		memcpy(t + 16 * i, q->r.packed ? (void *)&p : (void *)&s, 16);
	}
	return add(q, &one, 1, b, n, VRING_DESC_F_INDIRECT, cookie);
}

static void write_kick(struct front_queue *q)
{
	uint64_t one = 1;

	if (q->r.kick_fd >= 0 && write(q->r.kick_fd, &one, 8) != 8) {
		/* full: it is readable, which is all that counts */
		return;
	}
}

static bool kick_wanted(struct front_queue *q, uint16_t old)
{
	const struct front_ring *r = &q->r;
	uint16_t ev;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!r->packed) {
		return q->event_idx ? vring_need_event(load16(avail_event(r)),
						       q->avail, old)
				    : !(load16(&r->used->flags) &
					VRING_USED_F_NO_NOTIFY);
	}
	switch (load16(&r->device->flags)) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		break;
	default:
		return true;
	}
	ev = load16(&r->device->off_wrap);
	if (ev >> 15 == q->avail_wrap) {
		ev &= 0x7fff;
	} else {
		ev = (uint16_t)((ev & 0x7fff) - r->num);
	}
	return vring_need_event(ev, q->avail, old);
}

bool front_kick(struct front *f, unsigned int qi)
{
	struct front_queue *q = &f->q[qi];
	uint16_t old;
	bool wanted;

	if (q->r.packed) {
		if (!q->kicked) {
			return false;
		}
		old = (uint16_t)(q->avail - q->kicked);
		q->kicked = 0;
	} else {
		old = q->kicked;
		if (q->avail == old) {
			return false;
		}
		q->kicked = q->avail;
		store16(&q->r.avail->idx, q->avail);
	}
	wanted = kick_wanted(q, old);
	if (wanted) {
		write_kick(q);
	}
	return wanted;
}

void front_kick_always(struct front *f, unsigned int qi)
{
	if (!front_kick(f, qi)) {
		write_kick(&f->q[qi]);
	}
}

/* ---- completions ---- */

/* The device's next used element: 1 and its id and length, or 0. */
static int read_used(struct front_queue *q, uint32_t *id, uint32_t *len)
{
	struct front_ring *r = &q->r;

	if (r->packed) {
		struct vring_packed_desc *d = &r->pdesc[q->used];
		uint16_t flags = load16(&d->flags);
		bool a = flags & P_AVAIL, u = flags & P_USED;

		if (a != u || u != q->used_wrap) {
			return 0;
		}
		*id = d->id;
		*len = d->len;
	} else {
		if (load16(&r->used->idx) == q->used) {
			return 0;
		}
		*id = r->used->ring[q->used % r->num].id;
		*len = r->used->ring[q->used % r->num].len;
	}
	return 1;
}

static void chain_done(struct front_queue *q, uint16_t id)
{
	struct front_chain *c = &q->chain[id];

	q->n_free = (uint16_t)(q->n_free + c->n_desc);
	if (q->r.packed) {
		q->n_ids++;
		q->next[q->free_tail] = id;
		q->free_tail = id;
		/* an empty list had its head past the end */
		if (q->n_ids == 1) {
			q->free_head = id;
		}
		q->used = (uint16_t)(q->used + c->n_desc);
		if (q->used >= q->r.num) {
			q->used = (uint16_t)(q->used - q->r.num);
			q->used_wrap = !q->used_wrap;
		}
	} else {
		if (q->n_free == c->n_desc) {
			q->free_head = id;
		}
		q->next[q->free_tail] = id;
		q->free_tail = c->last;
		q->used++;
		if (!(q->used & 0xfff) && q->busy) {
			interrupts_off(q);
		}
	}
	c->n_desc = 0;
}

int front_get(struct front *f, unsigned int qi, struct front_used *u)
{
	struct front_queue *q = &f->q[qi];
	uint32_t id, len;

	if (q->batch_id >= 0) {
		id = (uint32_t)q->batch_id;
		len = q->batch_len;
	} else if (!read_used(q, &id, &len)) {
		return 0;
	}
	if (id >= q->r.num || !q->chain[id].n_desc) {
		return front_fail(f, -EPROTO,
				  "queue %u: used id %u is not in flight", qi,
				  id);
	}
	if (len > q->chain[id].in_len) {
		return front_fail(f, -EPROTO,
				  "queue %u: %u bytes written into %u", qi, len,
				  q->chain[id].in_len);
	}
	if (q->in_order) {
		uint16_t first = q->fifo[q->fifo_head];

		q->batch_id = first == id ? -1 : (int32_t)id;
		q->batch_len = len;
		len = first == id ? len : q->chain[first].in_len;
		id = first;
		q->fifo_head = (uint16_t)((q->fifo_head + 1) % q->r.num);
		q->fifo_n--;
	}
	u->cookie = q->chain[id].cookie;
	u->len = len;
	chain_done(q, (uint16_t)id);
	return 1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_busy(struct front *f, unsigned int qi, struct front_used *u,
		     int64_t until)
{
	for (unsigned int spins = 1;; spins++) {
		int ret = front_get(f, qi, u);

		if (ret) {
			return ret < 0 ? ret : 0;
		}
		if (spins % 65536 == 0) {
			ret = front_hung_up(f, 0);
			if (ret < 0) {
				return ret;
			}
			if (now_ms() >= until) {
				return front_fail(f, -ETIMEDOUT,
						  "queue %u: no completion",
						  qi);
			}
		}
	}
}

int front_wait(struct front *f, unsigned int qi, struct front_used *u,
	       int timeout_ms)
{
	struct front_queue *q = &f->q[qi];
	int64_t until;
	int ret = front_get(f, qi, u);

	if (ret) {
		return ret < 0 ? ret : 0;
	}
	until = now_ms() + timeout_ms;
	if (q->busy) {
		return wait_busy(f, qi, u, until);
	}
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = q->r.call_fd, .events = POLLIN },
			{ .fd = f->sock, .events = POLLRDHUP },
		};
		int64_t left = until - now_ms();
		uint64_t n;

		interrupts_on(q);
		ret = front_get(f, qi, u);
		if (ret) {
			return ret < 0 ? ret : 0;
		}
		if (left <= 0) {
			return front_fail(f, -ETIMEDOUT,
					  "queue %u: no completion", qi);
		}
		poll(p, 2, (int)left);
		if (p[0].revents && read(q->r.call_fd, &n, 8) == 8) {
			q->calls += n;
		} else if (p[1].revents) {
			return front_fail(f, -ECONNRESET, "the device hung up");
		}
	}
}

unsigned int front_in_flight(const struct front *f, unsigned int qi)
{
	const struct front_queue *q = &f->q[qi];
	unsigned int n = 0;

	for (unsigned int i = 0; i < q->r.num; i++) {
		n += q->chain[i].n_desc > 0;
	}
	return n;
}

unsigned int front_free_descs(const struct front *f, unsigned int qi)
{
	return f->q[qi].n_free;
}

uint64_t front_calls(const struct front *f, unsigned int qi)
{
	return f->q[qi].calls;
}

int front_request(struct front *f, unsigned int q, const void *out,
		  uint32_t out_len, void *in, uint32_t in_len, int timeout_ms)
{
	struct front_buf b[2];
	struct front_used u;
	unsigned int n = 0;
	int ret;

	if (f->scratch_len < out_len + in_len) {
		f->scratch_len = out_len + in_len;
		f->scratch = front_alloc(f->o.mem, f->scratch_len, 16);
		if (!f->scratch) {
			f->scratch_len = 0;
			return front_fail(f, -ENOMEM, "no guest memory");
		}
	}
	if (out_len) {
		memcpy(front_mem_at(f->o.mem, f->scratch), out, out_len);
		b[n++] = (struct front_buf){ f->scratch, out_len, false };
	}
	if (in_len) {
		b[n++] = (struct front_buf){ f->scratch + out_len, in_len,
					     true };
	}
	ret = front_add(f, q, b, n, UINT64_MAX);
	if (ret < 0) {
		return front_fail(f, ret, "queue %u: no free descriptors", q);
	}
	front_kick(f, q);
	ret = front_wait(f, q, &u, timeout_ms);
	if (ret < 0) {
		return ret;
	}
	if (u.cookie != UINT64_MAX) {
		return front_fail(f, -EPROTO,
				  "queue %u: another request was in flight", q);
	}
	if (in_len) {
		memcpy(in, front_mem_at(f->o.mem, f->scratch + out_len), u.len);
	}
	return (int)u.len;
}

/* ---- below the driver ---- */

struct front_ring *front_ring(struct front *f, unsigned int q)
{
	return &f->q[q].r;
}

void front_poke_desc(struct front *f, unsigned int q, unsigned int i,
		     uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	front_poke_entry(f, q, f->q[q].r.desc_gpa, i, addr, len, flags, next);
}

void front_poke_entry(struct front *f, unsigned int q, uint64_t table,
		      unsigned int i, uint64_t addr, uint32_t len,
		      uint16_t flags, uint16_t next)
{
	struct vring_desc s = { addr, len, flags, next };
	struct vring_packed_desc p = { addr, len, next, flags };
	uint8_t *at = front_mem_at(f->o.mem, table + 16ull * i);

	memcpy(at, f->q[q].r.packed ? (void *)&p : (void *)&s, 16);
}

/* The list at the next slot: its first flags last. */
static void poke_list(struct front_queue *q, uint16_t id)
{
	struct vring_packed_desc *first = &q->r.pdesc[q->avail];
	uint16_t mark = q->avail_wrap ? P_AVAIL : P_USED;
	bool more = true;

	for (unsigned int n = 0; more && n < q->r.num; n++) {
		struct vring_packed_desc *d = &q->r.pdesc[q->avail];

		d->id = id;
		more = d->flags & VRING_DESC_F_NEXT;
		if (d != first) {
			d->flags |= q->avail_wrap ? P_AVAIL : P_USED;
		}
		if (++q->avail == q->r.num) {
			q->avail = 0;
			q->avail_wrap = !q->avail_wrap;
		}
	}
	store16(&first->flags, first->flags | mark);
}

void front_poke_offer(struct front *f, unsigned int qi, uint16_t head)
{
	struct front_queue *q = &f->q[qi];

	if (q->r.packed) {
		poke_list(q, head);
	} else {
		q->r.avail->ring[q->avail % q->r.num] = head;
		q->avail++;
		q->kicked = q->avail;
		store16(&q->r.avail->idx, q->avail);
	}
	write_kick(q);
}

int front_ring_broken(struct front *f, unsigned int qi, int timeout_ms)
{
	struct pollfd p = { .fd = f->q[qi].r.err_fd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, timeout_ms) <= 0 || read(p.fd, &n, 8) != 8) {
		return 0;
	}
	return n > INT32_MAX ? INT32_MAX : (int)n;
}
