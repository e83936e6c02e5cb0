/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/trust.h"

#include <errno.h>
#include <sys/stat.h>

enum {
	FUSE_MAGIC = 0x65735546, /* of the kernel's fs/fuse */
	INFLIGHT_ALIGN = 64,     /* of the table in its file */
	LOAD = 1,                /* transfers: 0 saves */
	STOPPED = 0,
};

bool trust_ring_num(uint32_t num, bool packed)
{
	if (num == 0 || num > VIRTQ_SIZE_MAX) {
		return false;
	}
	return packed || (num & (num - 1)) == 0;
}

bool trust_ring_align(uint64_t desc, uint64_t avail, uint64_t used)
{
	/* packed: event structures need 4, but are read as two halves */
	return desc % 16 == 0 && avail % 2 == 0 && used % 4 == 0;
}

int trust_file(uint64_t size, uint64_t offset, int64_t file_size,
	       const char *what, struct av_err *err)
{
	/* room for rounding to pages */
	if (size == 0 || size > INT64_MAX / 2 || size > SIZE_MAX / 2) {
		return av_err_set(err, -EINVAL, "%s of %llu bytes", what,
				  (unsigned long long)size);
	}
	if (offset > INT64_MAX / 2) {
		return av_err_set(err, -EINVAL, "%s at file offset %llu", what,
				  (unsigned long long)offset);
	}
	if (file_size >= 0 && size + offset > (uint64_t)file_size) {
		return av_err_set(err, -EINVAL,
				  "%s of %llu bytes at %llu, but its file has "
				  "%lld",
				  what, (unsigned long long)size,
				  (unsigned long long)offset,
				  (long long)file_size);
	}
	return 0;
}

bool trust_file_system(uint64_t type)
{
	return (type & UINT32_MAX) != FUSE_MAGIC;
}

int trust_region(const struct gm_region *r, int64_t file_size,
		 struct av_err *err)
{
	int ret =
		trust_file(r->size, r->offset, file_size, "memory region", err);

	if (ret) {
		return ret;
	}
	if (!trust_range(r->gpa, r->size) || !trust_range(r->uva, r->size)) {
		return av_err_set(
			err, -EINVAL, "memory region at 0x%llx (0x%llx) wraps",
			(unsigned long long)r->gpa, (unsigned long long)r->uva);
	}
	return 0;
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

int trust_region_new(const struct gm_region *r, const struct gm_region *have,
		     size_t n, struct av_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (overlap(r->gpa, r->size, have[i].gpa, have[i].size)) {
			return av_err_set(
				err, -EINVAL,
				"memory region at 0x%llx overlaps one at "
				"0x%llx",
				(unsigned long long)r->gpa,
				(unsigned long long)have[i].gpa);
		}
	}
	return 0;
}

int trust_msg(const struct vu_header *h, size_t n_fds,
	      const struct trust_shape *shape, struct av_err *err)
{
	size_t fds = VU_MAX_FDS;

	if (shape && shape->fds > fds) {
		fds = shape->fds;
	}
	if ((h->flags & VU_FLAG_VERSION) != VU_VERSION) {
		return av_err_set(err, -EPROTO,
				  "message of version %u, not %u: no "
				  "vhost-user front-end",
				  h->flags & VU_FLAG_VERSION, VU_VERSION);
	}
	if (h->flags & VU_FLAG_REPLY) {
		return av_err_set(err, -EPROTO,
				  "a reply, but nothing was "
				  "asked");
	}
	if (n_fds > fds) {
		return av_err_set(err, -EPROTO,
				  "%zu descriptors in a message that may "
				  "have %zu",
				  n_fds, fds);
	}
	if (h->size > VU_MAX_PAYLOAD) {
		return av_err_set(err, -EPROTO,
				  "payload of %u bytes, more "
				  "than any message has",
				  h->size);
	}
	if (shape && (h->size < shape->min || h->size > shape->max)) {
		return av_err_set(err, -EPROTO,
				  "payload of %u bytes, not %u to %u", h->size,
				  shape->min, shape->max);
	}
	return 0;
}

int trust_bits(uint64_t bits, uint64_t offered, struct av_err *err)
{
	if (bits & ~offered) {
		return av_err_set(err, -EINVAL, "bits 0x%llx are not offered",
				  (unsigned long long)(bits & ~offered));
	}
	return 0;
}

int trust_queue(uint64_t index, unsigned int have, struct av_err *err)
{
	if (index >= have) {
		return av_err_set(err, -EPROTO, "queue %llu, the device has %u",
				  (unsigned long long)index, have);
	}
	return 0;
}

int trust_one_fd(size_t n_fds, struct av_err *err)
{
	if (n_fds != 1) {
		return av_err_set(err, -EPROTO, "%zu descriptors, not one",
				  n_fds);
	}
	return 0;
}

int trust_mem_table(const struct vu_mem_table *t, uint32_t size, size_t n_fds,
		    struct av_err *err)
{
	if (t->n > VU_MAX_REGIONS ||
	    size < offsetof(struct vu_mem_table, region) +
			    t->n * sizeof(t->region[0]) ||
	    n_fds < t->n) {
		return av_err_set(err, -EPROTO,
				  "%u regions in %u bytes with %zu descriptors",
				  t->n, size, n_fds);
	}
	return 0;
}

int trust_log(uint32_t size, size_t n_fds, struct av_err *err)
{
	if (n_fds < 1 || size != sizeof(struct vu_log)) {
		return av_err_set(err, -EPROTO,
				  "no descriptor, or no size of the log");
	}
	return 0;
}

int trust_event(uint64_t payload, size_t n_fds, struct av_err *err)
{
	if (payload & ~(uint64_t)(TRUST_FD_INDEX | TRUST_FD_NONE)) {
		return av_err_set(err, -EPROTO, "unknown bits 0x%llx",
				  (unsigned long long)payload);
	}
	return payload & TRUST_FD_NONE ? 0 : trust_one_fd(n_fds, err);
}

bool trust_event_mode(mode_t mode)
{
	return (mode & S_IFMT) == 0;
}

bool trust_state_mode(mode_t mode)
{
	return S_ISFIFO(mode) || S_ISSOCK(mode);
}

bool trust_config(uint32_t off, uint32_t len, uint32_t size)
{
	return size <= VU_CONFIG_MAX && off <= size && len <= size - off;
}

/* As long as the message says; @empty: it may come without its bytes. */
static int window(const struct vu_config *c, uint32_t size, bool empty,
		  struct av_err *err)
{
	const uint32_t head = offsetof(struct vu_config, data);

	if (size - head != c->size && !(empty && size == head)) {
		return av_err_set(err, -EPROTO,
				  "window of %u bytes in a message of %u",
				  c->size, size);
	}
	return 0;
}

static int outside(const struct vu_config *c, uint32_t space,
		   struct av_err *err)
{
	return av_err_set(err, -ERANGE, "bytes %u to %llu, the space has %u",
			  c->offset, (unsigned long long)c->offset + c->size,
			  space);
}

int trust_config_read(const struct vu_config *c, uint32_t size, uint32_t space,
		      struct av_err *err)
{
	int ret = window(c, size, true, err);

	if (!ret && (c->offset >= space ||
		     !trust_config(c->offset, c->size, VU_CONFIG_MAX))) {
		ret = outside(c, space, err);
	}
	return ret;
}

int trust_config_write(const struct vu_config *c, uint32_t size, uint32_t space,
		       struct av_err *err)
{
	int ret = window(c, size, false, err);

	if (!ret && !trust_config(c->offset, c->size, space)) {
		ret = outside(c, space, err);
	}
	return ret;
}

int trust_transfer(const struct vu_transfer *t, struct av_err *err)
{
	if (t->direction > LOAD || t->phase != STOPPED) {
		return av_err_set(err, -EINVAL, "direction %u, phase %u",
				  t->direction, t->phase);
	}
	return 0;
}

int trust_inflight(const struct vu_inflight *f, unsigned int have, bool packed,
		   struct av_err *err)
{
	size_t each;

	if (f->queues == 0 || f->queues > have) {
		return av_err_set(err, -EINVAL,
				  "in-flight table of %u queues, there are %u",
				  f->queues, have);
	}
	if (!trust_ring_num(f->queue_size, packed)) {
		return av_err_set(err, -EINVAL,
				  "in-flight table of queues with %u entries",
				  f->queue_size);
	}
	each = virtq_inflight_size(f->queue_size, packed);
	if (f->size && f->size / each < f->queues) {
		return av_err_set(err, -EINVAL,
				  "in-flight table of %llu bytes, needs %zu",
				  (unsigned long long)f->size,
				  each * f->queues);
	}
	if (f->offset % INFLIGHT_ALIGN) {
		return av_err_set(err, -EINVAL, "in-flight table at offset %llu",
				  (unsigned long long)f->offset);
	}
	return 0;
}
