/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as a scenario; freed in one go. */
#ifndef AVSIM_SCENARIOS_ARENA_H
#define AVSIM_SCENARIOS_ARENA_H

#include <stddef.h>

struct sc_chunk;
struct sc_arena {
	struct sc_chunk *last;
};

/* Zeroed, aligned for anything; NULL without memory. */
void *sc_alloc(struct sc_arena *a, size_t size);
void *sc_allocn(struct sc_arena *a, size_t n, size_t size);
char *sc_strndup(struct sc_arena *a, const char *s, size_t len);
char *sc_strdup(struct sc_arena *a, const char *s);
void sc_arena_finish(struct sc_arena *a);

#endif
