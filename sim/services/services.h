/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All host services of one run: who listens where. Each service is a file with a
 * create and a destroy and two lines in services.c.
 */
#ifndef AVSIM_SERVICES_SERVICES_H
#define AVSIM_SERVICES_SERVICES_H

#include "sim/core/err.h"
#include "sim/core/pace.h"
#include "sim/services/stream.h"

#include <uv.h>

struct dumpstate_config;
struct world;
struct services;

struct services_opts {
	const char *run_dir;  /* NULL: a new one below XDG_RUNTIME_DIR */
	const char *vhal_tcp; /* also listen there; NULL = unix socket only */
	/* Serve guests of VMMs with the kernel's vhost-vsock too: VHAL at 9210
	 * and 9300, dumpstate at 9310, tracing at 9510. */
	bool host_vsock;
	const char *power_file;	  /* marker to watch, or NULL */
	const char *power_socket; /* writes it; NULL = none */
	const char *dumpstate_tcp;
	const struct dumpstate_config *dumpstate; /* borrowed; NULL = avsim's
						     own services only */
	const char *tracing_tcp;
	const char *audio_focus;  /* address of the guest; NULL = none */
	const char *audio_usages; /* see audio_focus.h */
	const char *bt_pty;	   /* link to a pty with H4; NULL = none */
	const char *bt_controller; /* see bt_remote.h; NULL = simulated */
	const char *bt_snoop;	   /* file for HCI traffic, NULL = none */
	int64_t epoch_ns; /* Unix time of virtual 0, for that */
	const char *nmea_pty; /* link to a pty with NMEA; NULL = none */
	const char *debug_port; /* "" = 33452 on loopback; NULL = closed */
};

struct services_env {
	uv_loop_t *loop;
	struct world *w;
	struct pace *pace;
	const char *title;
	const char *recording; /* path or NULL */
	bool replay;
	/* what only the run loop can do; may be NULL */
	void (*quit)(void *ctx);
	void (*seek)(void *ctx, vtime to);
	/* To a guest's vsock port; -errno while it is not up. */
	int (*vsock)(void *ctx, uint64_t cid, uint32_t port,
		     struct av_stream **out);
	void *ctx;
};

/**
 * services_create() - Make the run dir (0700) and listen in it: vhal.sock,
 * ctl.sock, dumpstate.sock, tracing.sock, bt.sock
 *
 * After world_start(). Return: 0, or -errno with @err: nothing listens.
 */
int services_create(const struct services_env *env,
		    const struct services_opts *o, struct services **out,
		    struct av_err *err);
/* Ends all connections, removes sockets and the run dir if it was made here. */
void services_destroy(struct services *s);

const char *services_run_dir(const struct services *s);

/* What can be had by other carriers (vsock, console ports); NULL-ended. */
extern const char *const services_names[];

/* The front door of that name, NULL: this run does not have it. */
struct av_acceptor *services_acceptor(struct services *s, const char *name);

#endif
