/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vsock devices of one run share: the table of ports (who answers on
 * the host), the way between guests, the hybrid unix sockets by which host
 * programs reach a guest, and the faults.
 */
#ifndef AVSIM_VDEVICES_VSOCK_SWITCH_H
#define AVSIM_VDEVICES_VSOCK_SWITCH_H

#include "sim/core/evq.h"
#include "vdevices/port.h"
#include "vdevices/vsock.h"

#include <uv.h>

struct vsock_switch;

struct vsock_switch_env {
	uv_loop_t *loop;
	struct evq *q; /* faults live in virtual time */
	const char *run_dir;
	struct av_acceptor *(*acceptor)(void *ctx, const char *name);
	void *ctx;
};

struct vsock_switch *vsock_switch_create(const struct vsock_switch_env *env);
void vsock_switch_destroy(struct vsock_switch *sw); /* after all guests */

/**
 * vsock_switch_attach() - A guest appears
 * @hybrid:	path of its hybrid socket, NULL: vsock.sock in the run dir for
 *		the first guest, vsock-CID.sock for others
 *
 * Return: 0 or -errno with @err (CID in use, socket).
 */
int vsock_switch_attach(struct vsock_switch *sw, uint64_t cid,
			const char *hybrid, const struct vsock_out *out,
			struct vsock_guest **g, struct av_err *err);
void vsock_switch_detach(struct vsock_switch *sw, struct vsock_guest *g);

/**
 * vsock_switch_ports() - Add rules "PORT=TARGET[;PORT=TARGET...]"
 *
 * TARGET: a service of avsim ("vhal", "tracing", ...), unix:PATH,
 * exec:PROGRAM ARGS (split at blanks, no shell), closed. Ports without a rule
 * and not in the built-in table go to the unix socket HYBRID_PORT, as host
 * tools expect.
 */
int vsock_switch_ports(struct vsock_switch *sw, const char *rules,
		       struct av_err *err);

/* From avsim to @port of the guest @cid; see vsock_connect(). -ENOENT. */
int vsock_switch_connect(struct vsock_switch *sw, uint64_t cid, uint32_t port,
			 struct av_stream **out);

/* Faults of the fault table, "vsock-..."; v[0] = port (NAN: all). */
void vsock_switch_fault(struct vsock_switch *sw, const struct port_fault *f,
			bool begins);

#endif
