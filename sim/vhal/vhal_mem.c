/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of memory that are freed together. */
#include "config.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

#define CHUNK_SIZE 16384

struct vhal_chunk {
	struct vhal_chunk *next;
	size_t used, room;
	alignas(max_align_t) char data[];
};

void *vhal_alloc(struct vhal_arena *a, size_t size)
{
	struct vhal_chunk *c = a->head;
	size_t room;
	void *p;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!c || c->room - c->used < size) {
		room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		c = calloc(1, sizeof(*c) + room);
		if (!c) {
			return NULL;
		}
		c->room = room;
		c->next = a->head;
		a->head = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

char *vhal_strdup(struct vhal_arena *a, const char *s, size_t len)
{
	char *p = vhal_alloc(a, len + 1);

	if (p) {
		memcpy(p, s, len);
	}
	return p;
}

void vhal_arena_finish(struct vhal_arena *a)
{
	while (a->head) {
		struct vhal_chunk *next = a->head->next;

		free(a->head);
		a->head = next;
	}
}

void vhal_arena_join(struct vhal_arena *to, struct vhal_arena *from)
{
	struct vhal_chunk **end = &from->head;

	while (*end) {
		end = &(*end)->next;
	}
	*end = to->head;
	to->head = from->head;
	from->head = NULL;
}
