/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams over unix and TCP sockets: listeners and connections on a libuv loop.
 */
#ifndef AVSIM_SERVICES_SOCK_H
#define AVSIM_SERVICES_SOCK_H

#include "sim/core/err.h"
#include "sim/services/stream.h"

#include <stdint.h>
#include <uv.h>

#define SOCK_CONNS_MAX 1024 /* per listener; more are closed at once */

struct sock_listener;

/**
 * sock_bind_unix() - A listening socket at @path, mode 0600
 *
 * When the file is there, it can be connected to. A dead socket file there is
 * replaced, a live one is an error. Return: 0 or -errno with @err.
 */
int sock_bind_unix(const char *path, int backlog, int *out, struct av_err *err);

/**
 * sock_listen_unix() - Listen at @path, see sock_bind_unix()
 *
 * Return: 0 or -errno with @err.
 */
int sock_listen_unix(uv_loop_t *loop, const char *path, struct av_acceptor *a,
		     struct sock_listener **out, struct av_err *err);

/**
 * sock_listen_tcp() - Listen at @address ("PORT" = loopback, "HOST:PORT",
 * "[::1]:PORT"); other than loopback gives a warning in the log
 * @port:	the port bound, for "0"; may be NULL
 */
int sock_listen_tcp(uv_loop_t *loop, const char *address, struct av_acceptor *a,
		    struct sock_listener **out, unsigned int *port,
		    struct av_err *err);

/**
 * sock_listen_vsock() - Listen on the host's AF_VSOCK, for VMMs that have the
 * kernel's vhost-vsock: any CID may connect
 *
 * Return: 0 or -errno with @err.
 */
int sock_listen_vsock(uv_loop_t *loop, uint32_t port, struct av_acceptor *a,
		      struct sock_listener **out, struct av_err *err);

/* Closes the listener and all its connections. */
void sock_listener_destroy(struct sock_listener *l);

/* Connections now, and how many were turned away (limits, descriptors). */
void sock_listener_stats(const struct sock_listener *l, unsigned int *open,
			 uint64_t *refused);

/**
 * sock_connect_unix() - Connect to a listening unix socket, at once
 * Return: 0 and a stream whose on_* the caller sets before the loop runs on.
 */
int sock_connect_unix(uv_loop_t *loop, const char *path, struct av_stream **out,
		      struct av_err *err);
/* A stream over a connected, non-blocking socket; @fd is taken, also on
 * failure. -ENOMEM. */
int sock_adopt(uv_loop_t *loop, int fd, const char *name,
	       struct av_stream **out);
/* @type: SOCK_SEQPACKET: one write and one on_data is one message. */
int sock_connect_unix_type(uv_loop_t *loop, const char *path, int type,
			   struct av_stream **out, struct av_err *err);
int sock_connect_vsock(uv_loop_t *loop, uint32_t cid, uint32_t port,
		       struct av_stream **out, struct av_err *err);
int sock_connect_tcp(uv_loop_t *loop, const char *host, unsigned int port,
		     struct av_stream **out, struct av_err *err);

#endif
