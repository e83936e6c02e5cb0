/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a guest's stream ends on the host: what the ports of vsock, of a
 * console device and of --port name behind "NAME=".
 *
 *	SERVICE		a part of avsim by name: "vhal", "gnss", "bt"
 *	unix:PATH	a listening socket of somebody
 *	exec:COMMAND	a program (vsock only)
 *	closed		nobody (vsock only)
 *	file:PATH	what the guest says is appended there
 *	pty:PATH	a pseudo-terminal, and a link to it at PATH
 *	echo		the guest itself
 *	none		nobody: what the guest says is thrown away
 */
#ifndef AVSIM_VDEVICES_TARGET_H
#define AVSIM_VDEVICES_TARGET_H

#include "sim/core/err.h"
#include "sim/services/stream.h"

#include <uv.h>

enum target_kind {
	TARGET_SERVICE,
	TARGET_UNIX,
	TARGET_EXEC,
	TARGET_CLOSED,
	TARGET_FILE,
	TARGET_PTY,
	TARGET_ECHO,
	TARGET_NONE,
};
#define TARGETS_VSOCK                                                          \
	(1u << TARGET_SERVICE | 1u << TARGET_UNIX | 1u << TARGET_EXEC |        \
	 1u << TARGET_CLOSED)
#define TARGETS_PORT                                                           \
	(1u << TARGET_SERVICE | 1u << TARGET_UNIX | 1u << TARGET_FILE |        \
	 1u << TARGET_PTY | 1u << TARGET_ECHO | 1u << TARGET_NONE)

struct target_env {
	uv_loop_t *loop;
	struct av_acceptor *(*acceptor)(void *ctx, const char *name);
	void *ctx;
};

/**
 * target_parse() - Which kind @text is, of those in @kinds
 * @who:	for the message: "port 9210", "gnss-uart"
 * @arg:	what follows the colon, or the service's name; inside @text
 *
 * Return: 0 or -EINVAL with @err.
 */
int target_parse(const struct target_env *env, const char *who,
		 const char *text, unsigned int kinds, enum target_kind *kind,
		 const char **arg, struct av_err *err);

/**
 * target_each() - Split "NAME=TARGET[;NAME=TARGET...]"
 * @one:	0, or -errno with @err to end it
 */
int target_each(const char *list,
		int (*one)(void *ctx, const char *name, const char *target,
			   struct av_err *err),
		void *ctx, struct av_err *err);

/* A target of a port: lasts, while guests come and go. */
struct target;

/* Files are opened and ptys made here. 0 or -errno with @err. */
int target_create(const struct target_env *env, const char *who,
		  const char *text, struct target **out, struct av_err *err);
void target_destroy(struct target *t); /* ends its streams; NULL is fine */
/* What an av_acceptor does: take the guest's stream. -EBUSY: it has one. */
int target_accept(struct target *t, struct av_stream *s);

#endif
