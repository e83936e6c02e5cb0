/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every check of what a guest or a front-end says, in one place and without
 * side effects: true or 0 means it may be used. Callers pass private copies,
 * never shared memory.
 */
#ifndef AVSIM_VDEVICES_TRUST_H
#define AVSIM_VDEVICES_TRUST_H

#include "vdevices/guest_mem.h"
#include "vdevices/virtq.h"
#include "vdevices/vu_proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- ring: all inline, on the hot path ---- */

struct trust_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next; /* split: next; packed: id */
};

/* The driver's index is at most one lap ahead of ours. */
static inline bool trust_avail(uint16_t avail, uint16_t seen, uint16_t num)
{
	return (uint16_t)(avail - seen) <= num;
}

static inline bool trust_index(uint32_t i, uint32_t n)
{
	return i < n;
}

/* A range that does not wrap. */
static inline bool trust_range(uint64_t addr, uint64_t len)
{
	return len <= UINT64_MAX - addr;
}

/* An indirect table: whole entries, some, not more than a chain may have. */
static inline bool trust_indirect_len(uint32_t len)
{
	return len != 0 && len % 16 == 0 && len / 16 <= VIRTQ_CHAIN_MAX;
}

static inline bool trust_chain_len(unsigned int n)
{
	return n <= VIRTQ_CHAIN_MAX;
}

/* Buffers for the device to write come after all that it reads. */
static inline bool trust_order(bool seen_writable, bool writable)
{
	return writable || !seen_writable;
}

/* ---- front-end ---- */

bool trust_ring_num(uint32_t num, bool packed);
bool trust_ring_align(uint64_t desc, uint64_t avail, uint64_t used);

/* A part of a file: not empty, no wrap, file long enough (@file_size < 0:
 * unknown). @what names it in @err. */
int trust_file(uint64_t size, uint64_t offset, int64_t file_size,
	       const char *what, struct av_err *err);
/* A file system (f_type of fstatfs()) whose pages come by themselves. Those of
 * FUSE come when a process pleases, and an access would wait for it. */
bool trust_file_system(uint64_t type);

/* A region by itself: sizes, wrap, file long enough. */
int trust_region(const struct gm_region *r, int64_t file_size,
		 struct av_err *err);
/* It overlaps none of the @n others in guest addresses. It may in front-end
 * addresses: one block of memory can be seen at two guest addresses. */
int trust_region_new(const struct gm_region *r, const struct gm_region *have,
		     size_t n, struct av_err *err);

/* What a request looks like. */
struct trust_shape {
	uint16_t min, max; /* payload bytes */
	uint16_t fds;      /* descriptors that make sense; others are closed */
};

/* A message's header: version, direction, size and number of descriptors.
 * @shape NULL: an unknown request, only the general limits. */
int trust_msg(const struct vu_header *h, size_t n_fds,
	      const struct trust_shape *shape, struct av_err *err);

/* Only what was offered. */
int trust_bits(uint64_t bits, uint64_t offered, struct av_err *err);
int trust_queue(uint64_t index, unsigned int have, struct av_err *err);
/* A message that needs a descriptor has one and no other. */
int trust_one_fd(size_t n_fds, struct av_err *err);

/* @size: of the whole payload. As many regions and descriptors as it says. */
int trust_mem_table(const struct vu_mem_table *t, uint32_t size, size_t n_fds,
		    struct av_err *err);
/* SET_LOG_BASE: a file and which part of it. */
int trust_log(uint32_t size, size_t n_fds, struct av_err *err);

#define TRUST_FD_INDEX 0xffu /* which queue */
#define TRUST_FD_NONE 0x100u /* no descriptor comes with it */
/* The payload of a kick, call or error message, after its queue. */
int trust_event(uint64_t payload, size_t n_fds, struct av_err *err);

/* A kick, call, error or log descriptor: of the kernel's own kinds, that
 * raise no SIGPIPE and hold no file of anybody's (@mode of fstat()). */
bool trust_event_mode(mode_t mode);

/* A descriptor for the device's state: one that can be told not to wait. */
bool trust_state_mode(mode_t mode);

/* Which way the device's state goes, and when. */
int trust_transfer(const struct vu_transfer *t, struct av_err *err);

/* Device config window: off + len inside @size and VU_CONFIG_MAX. */
bool trust_config(uint32_t off, uint32_t len, uint32_t size);
/* A message of @size bytes that reads, or writes, a device's @space. Reading may
 * go beyond its end. */
int trust_config_read(const struct vu_config *c, uint32_t size, uint32_t space,
		      struct av_err *err);
int trust_config_write(const struct vu_config *c, uint32_t size, uint32_t space,
		       struct av_err *err);

/* An in-flight table for some of @have queues, where it may lie in its file;
 * size 0: not made yet. */
int trust_inflight(const struct vu_inflight *f, unsigned int have, bool packed,
		   struct av_err *err);

#endif
