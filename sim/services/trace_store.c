/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/trace_store.h"

#include <stdlib.h>
#include <string.h>

struct trace_block {
	struct trace_block *next;
	size_t len;
	unsigned int n; /* packets */
	bool head;
	uint8_t data[TRACE_BLOCK];
};

void trace_store_init(struct trace_store *s, size_t size, bool ring)
{
	size_t n = (size + TRACE_BLOCK - 1) / TRACE_BLOCK;

	*s = (struct trace_store){ .max_blocks = n > 2 ? n : 2, .ring = ring };
}

static void free_list(struct trace_block *b)
{
	while (b) {
		struct trace_block *next = b->next;

		free(b);
		b = next;
	}
}

void trace_store_finish(struct trace_store *s)
{
	free_list(s->head);
	free_list(s->first);
	*s = (struct trace_store){ 0 };
}

/* The oldest block, empty, no longer in the list. */
static struct trace_block *recycle(struct trace_store *s)
{
	struct trace_block *b = s->first;

	s->dropped += b->n;
	s->first = b->next;
	s->n_blocks--;
	b->next = NULL;
	b->len = b->n = 0;
	return b;
}

static struct trace_block *new_block(struct trace_store *s, bool head)
{
	struct trace_block **first = head ? &s->head : &s->first;
	struct trace_block **last = head ? &s->last_head : &s->last;
	struct trace_block *b;

	if (head || s->n_blocks < s->max_blocks) {
		b = malloc(sizeof(*b));
		if (!b) {
			return NULL;
		}
		b->next = NULL;
		b->len = b->n = 0;
		b->head = head;
	} else if (s->ring) {
		b = recycle(s);
	} else {
		return NULL;
	}
	s->n_blocks += !head;
	if (*first) {
		(*last)->next = b;
	} else {
		*first = b;
	}
	*last = b;
	return b;
}

bool trace_store_put(struct trace_store *s, bool head, const uint8_t *data,
		     size_t len)
{
	struct trace_block *b = head ? s->last_head : s->last;

	if (!b || len > TRACE_BLOCK - b->len) {
		b = len <= TRACE_BLOCK ? new_block(s, head) : NULL;
	}
	if (!b) {
		s->dropped++;
		return false;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->n++;
	return true;
}

size_t trace_store_bytes(const struct trace_store *s)
{
	size_t n = s->n_blocks;

	for (const struct trace_block *b = s->head; b; b = b->next) {
		n++;
	}
	return n * sizeof(struct trace_block);
}

const struct trace_block *trace_store_next(const struct trace_store *s,
					   const struct trace_block *b)
{
	if (!b) {
		return s->head ? s->head : s->first;
	}
	return b->next || !b->head ? b->next : s->first;
}

const uint8_t *trace_block_data(const struct trace_block *b, size_t *len)
{
	*len = b->len;
	return b->data;
}
