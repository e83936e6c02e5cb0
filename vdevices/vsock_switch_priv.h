/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of vsock_switch.h share: vsock_switch.c (guests and ports),
 * vsock_fault.c, vsock_hybrid.c (the unix sockets of host programs) and
 * vsock_exec.c (programs behind a port).
 */
#ifndef AVSIM_VDEVICES_VSOCK_SWITCH_PRIV_H
#define AVSIM_VDEVICES_VSOCK_SWITCH_PRIV_H

#include "sim/services/sock.h"
#include "vdevices/bridge.h"
#include "vdevices/target.h"
#include "vdevices/vsock_switch.h"

enum {
	VSOCK_GUESTS_MAX = 8,
	VSOCK_RULES_MAX = 64,
	VSOCK_FAULTS_MAX = 32,
	VSOCK_PATH_LEN = 108,
};

struct vsock_rule {
	uint32_t port;
	enum target_kind target;
	char *arg; /* owned */
};

struct vsock_fault {
	struct vsock_switch *sw;
	struct port_fault f;
	uint32_t port; /* 0 = all */
	struct vtimer timer;
	double tokens; /* bandwidth: bytes that may move now */
	vtime filled;
	vtime open_until; /* delay: the gate */
	bool armed;       /* the timer runs */
};

struct vsock_attached {
	struct vsock_switch *sw;
	struct vsock_guest *g;
	char path[VSOCK_PATH_LEN];
	struct sock_listener *listener;
	struct av_acceptor acceptor;
};

struct vsock_switch {
	struct vsock_switch_env env;
	struct vsock_attached *guest[VSOCK_GUESTS_MAX];
	struct vsock_rule rule[VSOCK_RULES_MAX];
	size_t n_rules;
	struct vsock_fault *fault[VSOCK_FAULTS_MAX];
	size_t n_faults;
	struct bridges bridges;
	struct vsock_hybrid *hybrids;
	struct vsock_child *children;
	uv_timer_t *tick;
};

/* ---- vsock_fault.c ---- */

/* Both for struct vsock_ports; @ctx is the switch. */
size_t vsock_fault_give(void *ctx, struct vsock_guest *g, uint32_t port,
			size_t len, bool to_guest);
bool vsock_fault_half_open(void *ctx, uint32_t port);
/* Does the fault @name hold for @port now? */
bool vsock_fault_active(const struct vsock_switch *sw, const char *name,
			uint32_t port);
void vsock_fault_end(struct vsock_switch *sw, size_t i);

/* ---- vsock_hybrid.c ---- */

int vsock_hybrid_accept(struct av_acceptor *acc, struct av_stream *s);
/* Of clients that have not been joined to the guest @a yet; NULL: of any. */
void vsock_hybrids_end(struct vsock_switch *sw, const struct vsock_attached *a);

/* ---- vsock_exec.c ---- */

/* Start @command with a socket of @type for its input and output, and join it
 * to @s. */
int vsock_exec(struct vsock_switch *sw, const char *command, int type,
	       struct av_stream *s);
/* Kill what runs. */
void vsock_exec_end(struct vsock_switch *sw);

#endif
