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

/* ---- front-end ---- */

bool trust_ring_num(uint32_t num, bool packed);
bool trust_ring_align(uint64_t desc, uint64_t avail, uint64_t used);

/* A region by itself: sizes, wrap, file long enough (@file_size < 0: unknown).
 */
int trust_region(const struct gm_region *r, int64_t file_size,
		 struct av_err *err);
/* It overlaps none of the @n others, in guest or front-end addresses. */
int trust_region_new(const struct gm_region *r, const struct gm_region *have,
		     size_t n, struct av_err *err);

/* A message's header: version, known size, number of descriptors. */
int trust_msg(const struct vu_header *h, size_t n_fds, struct av_err *err);

/* Device config window: off + len inside @size and VU_CONFIG_MAX. */
bool trust_config(uint32_t off, uint32_t len, uint32_t size);

#endif
