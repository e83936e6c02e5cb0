/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders of runs: each run has one, named by its process id, below a folder of
 * the user; its sockets are in it.
 */
#ifndef AVSIM_SERVICES_RUNDIR_H
#define AVSIM_SERVICES_RUNDIR_H

#include <limits.h>

/* Room left in a path for the name of a run and of a socket in it. */
#define RUNDIR_TAIL 32

/**
 * rundir_base() - Where the folders of runs are: in $XDG_RUNTIME_DIR, or where
 * there is none (su, sudo, containers), in $TMPDIR or /tmp
 * Return: 0 or -ENAMETOOLONG.
 */
int rundir_base(char out[PATH_MAX - RUNDIR_TAIL]);

/**
 * rundir_each() - Folders of runs that are still there
 * @ctx:	handed on to @found
 *
 * Return: how many there are.
 */
unsigned int rundir_each(const char *base,
			 void (*found)(void *ctx, const char *dir), void *ctx);

/* Removes what killed runs left in @base. */
void rundir_sweep(const char *base);

#endif
