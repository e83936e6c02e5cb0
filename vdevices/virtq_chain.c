/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: building one out of checked descriptors, and reading and writing its
 * bytes. How a driver cuts a request into buffers means nothing (VIRTIO 2.7.4),
 * so access is by offset into the readable or the writable part.
 */
#include "config.h"

#include "vdevices/virtq_impl.h"

#include <errno.h>

#ifdef __SANITIZE_THREAD__
void vq_copy_in(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	virtq_fetch_hook(src, n);
	for (size_t i = 0; i < n; i++) {
		d[i] = __atomic_load_n(s + i, __ATOMIC_RELAXED);
	}
}
#else
void vq_copy_in(void *dst, const void *src, size_t n)
{
	virtq_fetch_hook(src, n);
	memcpy(dst, src, n);
	/* What was copied is used from @dst, never fetched anew. */
	vq_compiler_barrier();
}
#endif

/* ---- building ---- */

/* Remember the region around @addr; most drivers stay within one. */
static void cache_region(struct virtq *q, uint64_t addr)
{
	size_t len = SIZE_MAX;
	struct vq_cache c = { .gpa = addr };

	c.host = gm_at(q->mem, addr, &len);
	if (!c.host) {
		return;
	}
	c.len = len;
	if (q->cache.len && addr > q->cache.gpa &&
	    addr - q->cache.gpa < q->cache.len) {
		return; /* it is the cached one: the length ran out */
	}
	q->cache = c;
}

int vq_walk_add_slow(struct virtq *q, struct vq_walk *w, uint64_t addr,
		     uint32_t len)
{
	unsigned int room = w->c->max_iov - w->n;
	int n;

	if (!trust_range(addr, len)) {
		return vq_refuse(q, "buffer beyond the end of addresses");
	}
	n = gm_iov(q->mem, addr, len, w->c->iov + w->n, room);
	if (n == -E2BIG) {
		w->too_long = true;
		return 0;
	}
	if (n <= 0) {
		return vq_refuse(q, "buffer outside the guest's memory");
	}
	w->n += (unsigned int)n;
	cache_region(q, addr);
	return 0;
}

/* A private copy of @n entries at @addr: the table may lie in pieces. */
static int copy_table(struct virtq *q, uint64_t addr, uint8_t *table,
		      size_t len)
{
	if (!trust_range(addr, len)) {
		return vq_refuse(q, "indirect table beyond the end of "
				    "addresses");
	}
	while (len) {
		uint64_t off = addr - q->cache.gpa;
		size_t n = len;
		const void *p;

		if (off < q->cache.len && n <= q->cache.len - off) {
			p = q->cache.host + off;
		} else {
			p = gm_at(q->mem, addr, &n);
		}
		if (!p) {
			return vq_refuse(q, "indirect table outside the "
					    "guest's memory");
		}
		vq_copy_in(table, p, n);
		table += n;
		addr += n;
		len -= n;
	}
	return 0;
}

static struct trust_desc table_entry(const struct virtq *q,
				     const uint8_t *table, uint32_t i)
{
	struct trust_desc d;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	table += (size_t)i * VQ_DESC_SIZE;
	memcpy(&u64, table, 8);
	d.addr = le64toh(u64);
	memcpy(&u32, table + 8, 4);
	d.len = le32toh(u32);
	memcpy(&u16, table + (q->packed ? VQ_DESC_FLAGS : 12), 2);
	d.flags = le16toh(u16);
	memcpy(&u16, table + (q->packed ? 12 : 14), 2);
	d.next = le16toh(u16);
	return d;
}

int vq_walk_indirect(struct virtq *q, struct vq_walk *w, uint64_t addr,
		     uint32_t len)
{
	uint8_t table[VIRTQ_CHAIN_MAX * VQ_DESC_SIZE];
	uint32_t n = len / VQ_DESC_SIZE, at = 0;

	if (!q->indirect) {
		return vq_refuse(q, "indirect descriptor, not negotiated");
	}
	if (!trust_indirect_len(len)) {
		return vq_refuse(q, "indirect table of a wrong length");
	}
	if (copy_table(q, addr, table, len)) {
		return -1;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct trust_desc d = table_entry(q, table, at);

		if (d.flags & VQ_DESC_INDIRECT) {
			return vq_refuse(q, "indirect table inside another");
		}
		if (vq_walk_add(q, w, d.addr, d.len,
				d.flags & VQ_DESC_WRITE)) {
			return -1;
		}
		if (q->packed) {
			at++; /* 2.8.8: in sequence, only WRITE counts */
			continue;
		}
		if (!(d.flags & VQ_DESC_NEXT)) {
			return 0;
		}
		if (!trust_index(d.next, n)) {
			return vq_refuse(q, "next beyond the indirect table");
		}
		at = d.next;
	}
	return q->packed ? 0 : vq_refuse(q, "looped indirect table");
}

int vq_walk_end(struct virtq *q, struct vq_walk *w)
{
	if (w->out_len + w->in_len > UINT32_MAX) {
		return vq_refuse(q, "chain of 4 GiB and more");
	}
	w->c->n_out = (uint16_t)w->n_out;
	w->c->n_in = (uint16_t)(w->n - w->n_out);
	w->c->out_len = (uint32_t)w->out_len;
	w->c->in_len = (uint32_t)w->in_len;
	return 0;
}

/* ---- access ---- */

/* A place in a list of pieces. */
struct cursor {
	const struct iovec *v, *end;
	size_t off;
};

static struct cursor seek(const struct iovec *v, unsigned int n, size_t off)
{
	struct cursor c = { .v = v, .end = v + n, .off = off };

	while (c.v < c.end && c.off >= c.v->iov_len) {
		c.off -= c.v->iov_len;
		c.v++;
	}
	return c;
}

/* The next at most @len bytes in one piece; 0 at the end. */
static size_t take(struct cursor *c, size_t len, void **p)
{
	size_t n;

	if (c->v == c->end || !len) {
		return 0;
	}
	n = c->v->iov_len - c->off;
	*p = (uint8_t *)c->v->iov_base + c->off;
	if (n > len) {
		c->off += len;
		return len;
	}
	c->v++;
	c->off = 0;
	return n;
}

size_t vq_read(const struct vq_chain *c, size_t off, void *buf, size_t len)
{
	struct cursor at = seek(c->iov, c->n_out, off);
	size_t n, done = 0;
	void *p;

	while ((n = take(&at, len - done, &p)) > 0) {
		vq_copy_in((uint8_t *)buf + done, p, n);
		done += n;
	}
	return done;
}

size_t vq_write(const struct vq_chain *c, size_t off, const void *buf,
		size_t len)
{
	struct cursor at = seek(c->iov + c->n_out, c->n_in, off);
	size_t n, done = 0;
	void *p;

	while ((n = take(&at, len - done, &p)) > 0) {
		memcpy(p, (const uint8_t *)buf + done, n);
		done += n;
	}
	return done;
}

size_t vq_fill(const struct vq_chain *c, size_t off, int byte, size_t len)
{
	struct cursor at = seek(c->iov + c->n_out, c->n_in, off);
	size_t n, done = 0;
	void *p;

	while ((n = take(&at, len - done, &p)) > 0) {
		memset(p, byte, n);
		done += n;
	}
	return done;
}

static int part(struct cursor at, size_t len, struct iovec *iov, size_t max)
{
	size_t n, k = 0;
	void *p;

	while ((n = take(&at, len, &p)) > 0) {
		if (k == max) {
			return -E2BIG;
		}
		iov[k].iov_base = p;
		iov[k].iov_len = n;
		k++;
		len -= n;
	}
	return len ? -ERANGE : (int)k;
}

int vq_out(const struct vq_chain *c, size_t off, size_t len, struct iovec *iov,
	   size_t max)
{
	return part(seek(c->iov, c->n_out, off), len, iov, max);
}

int vq_in(const struct vq_chain *c, size_t off, size_t len, struct iovec *iov,
	  size_t max)
{
	return part(seek(c->iov + c->n_out, c->n_in, off), len, iov, max);
}
