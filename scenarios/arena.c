/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "scenarios/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sc_chunk {
	struct sc_chunk *next;
	size_t used, room;
	_Alignas(16) char data[];
};

#define CHUNK 16384

void *sc_alloc(struct sc_arena *a, size_t size)
{
	struct sc_chunk *c = a->last;
	void *p;

	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	size = (size + 15) & ~(size_t)15;
	if (!c || c->room - c->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = calloc(1, sizeof(*c) + room);
		if (!c) {
			return NULL;
		}
		c->room = room;
		c->next = a->last;
		a->last = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void *sc_allocn(struct sc_arena *a, size_t n, size_t size)
{
	return size > 0 && n > SIZE_MAX / 2 / size ? NULL
						   : sc_alloc(a, n * size);
}

char *sc_strndup(struct sc_arena *a, const char *s, size_t len)
{
	char *p = sc_alloc(a, len + 1);

	if (p) {
		memcpy(p, s, len);
	}
	return p;
}

char *sc_strdup(struct sc_arena *a, const char *s)
{
	return sc_strndup(a, s, strlen(s));
}

void sc_arena_finish(struct sc_arena *a)
{
	while (a->last) {
		struct sc_chunk *next = a->last->next;

		free(a->last);
		a->last = next;
	}
}
