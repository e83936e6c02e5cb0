/* SPDX-License-Identifier: Apache-2.0 */
/* libuv handles that were allocated by themselves, since libuv needs each until
 * it has let go of it, and so longer than its owner may live. */
#ifndef AVSIM_VDEVICES_HANDLE_H
#define AVSIM_VDEVICES_HANDLE_H

#include <stdlib.h>
#include <uv.h>

static inline void handle_closed(uv_handle_t *h)
{
	free(h);
}

/* Close and free what @p points to, a handle of any kind; NULL is fine. @p is
 * NULL then. */
#define handle_close(p)                                                        \
	do {                                                                   \
		if (p) {                                                       \
			uv_close((uv_handle_t *)(p), handle_closed);           \
			(p) = NULL;                                            \
		}                                                              \
	} while (0)

#endif
