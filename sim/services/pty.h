/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo terminals that others find by a link of a name the user chose.
 */
#ifndef AVSIM_SERVICES_PTY_H
#define AVSIM_SERVICES_PTY_H

#include "sim/core/err.h"

#include <uv.h>

#define PTY_NAME_MAX 64

/**
 * pty_open() - A new pty, and @path as a symbolic link to it
 * @master:	ours, does not block
 * @slave:	the others' end; while nobody has it open, reads of @master fail
 * @name:	its real name, PTY_NAME_MAX bytes
 *
 * A link that a killed run left behind is replaced, nothing else is. Whoever
 * closes the fds removes the link. Return: 0 or -errno with @err.
 */
int pty_open(const char *path, int *master, int *slave, char *name,
	     struct av_err *err);

/*
 * While nobody has a pty open, its master tells of nothing but a hang-up that
 * stays. This tells when somebody comes.
 */
struct pty_watch;

/**
 * pty_watch_start() - Call @opened each time somebody opens the pty @name
 *
 * It may have been closed again by then, and is called for nothing where the
 * kernel has no inotify to spare and a timer stands in. Return: 0 or -ENOMEM.
 */
int pty_watch_start(uv_loop_t *loop, const char *name,
		    void (*opened)(void *ctx), void *ctx,
		    struct pty_watch **out);
/* Memory is freed from the loop. NULL is fine. */
void pty_watch_stop(struct pty_watch *w);

#endif
