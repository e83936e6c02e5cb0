/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets of one trace in memory, in blocks. When there is no more room the
 * oldest block goes, or what comes is dropped; packets of the head stay.
 */
#ifndef AVSIM_SERVICES_TRACE_STORE_H
#define AVSIM_SERVICES_TRACE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_BLOCK 65536u /* bytes; a packet is smaller */

struct trace_store {
	/* lists of blocks, each a whole number of packets */
	struct trace_block *head, *last_head;
	struct trace_block *first, *last;
	size_t n_blocks; /* not of the head */
	size_t max_blocks;
	bool ring;
	uint64_t dropped; /* packets */
};

/* @size: bytes, rounded up; at least two blocks. */
void trace_store_init(struct trace_store *s, size_t size, bool ring);
void trace_store_finish(struct trace_store *s);
/* False: dropped, and counted. */
bool trace_store_put(struct trace_store *s, bool head, const uint8_t *data,
		     size_t len);
size_t trace_store_bytes(const struct trace_store *s); /* of memory */

/* Blocks in order of the file; NULL begins and ends. The store must not change
 * meanwhile. */
const struct trace_block *trace_store_next(const struct trace_store *s,
					   const struct trace_block *b);
const uint8_t *trace_block_data(const struct trace_block *b, size_t *len);

#endif
