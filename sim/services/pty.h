/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo terminals that others find by a link of a name the user chose.
 */
#ifndef AVSIM_SERVICES_PTY_H
#define AVSIM_SERVICES_PTY_H

#include "sim/core/err.h"

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

#endif
