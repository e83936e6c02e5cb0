/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals a front-end's event descriptors without ever waiting for it.
 *
 * write() on an eventfd waits while the counter is full, unless the open file
 * says O_NONBLOCK: both are in the hands of the front-end, which has the same
 * open file, and eventfds know no RWF_NOWAIT. The kernel itself never waits
 * when it signals a completion, so we have it complete something: an empty
 * asynchronous write to nowhere. That costs half a microsecond more.
 *
 * One for each thread that signals.
 */
#ifndef AVSIM_VDEVICES_NOTIFY_H
#define AVSIM_VDEVICES_NOTIFY_H

#include <stdbool.h>

struct notify;

/* NULL: this kernel has no asynchronous I/O, or none left (fs.aio-max-nr). */
struct notify *notify_create(void);
void notify_destroy(struct notify *n);
/* 0 or -errno. @n NULL: by write(), which may wait. */
int notify_signal(struct notify *n, int fd);
/* Whether notify_signal() can signal @fd, that is: is it an eventfd? */
bool notify_takes(const struct notify *n, int fd);

#endif
