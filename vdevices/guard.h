/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of files that somebody else may truncate: an access past the new end
 * is SIGBUS. One handler for the process puts zeroes there instead, says so in
 * the mapping's flag, and lets the access go on. Addresses that are not ours go
 * to the handler that was there before.
 *
 * Any thread may add and remove. A thread that touches guarded memory must not
 * block SIGBUS; guard_add() unblocks it for its caller. System calls into such
 * memory raise no signal, they answer EFAULT.
 */
#ifndef AVSIM_VDEVICES_GUARD_H
#define AVSIM_VDEVICES_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct guard;

/**
 * guard_add() - Watch a mapping
 * @page:	granule that can be mapped over: the file's page size
 * @hit:	set true by the first bad access; outlives the guard
 *
 * Return: NULL without memory.
 */
struct guard *guard_add(void *addr, size_t len, size_t page, _Atomic bool *hit);
/* Before munmap(). NULL is fine. */
void guard_remove(struct guard *g);

#endif
