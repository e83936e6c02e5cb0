/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's part of a guest's bug report: dumpstate_proto.DumpstateServer, the
 * gRPC service that the trout dumpstate HAL asks. Answers are what commands of
 * the configuration print, and avsim's own state:
 *
 *	avsim-status		scenario, time, pace, expectations
 *	avsim-events		the last DUMPSTATE_EVENTS happenings
 *	avsim-devices		services, streams, counters
 *	avsim-properties	all properties with their values
 */
#ifndef AVSIM_SERVICES_DUMPSTATE_H
#define AVSIM_SERVICES_DUMPSTATE_H

#include "sim/services/dumpstate_config.h"
#include "sim/services/grpc.h"
#include "sim/services/services.h"

#include <stdio.h>

#define DUMPSTATE_EVENTS 1000
#define DUMPSTATE_CHUNK 65536	      /* bytes of one message at most */
#define DUMPSTATE_TIMEOUT_MS 10000    /* of one command */
#define DUMPSTATE_OUTPUT_MAX (16u << 20) /* bytes of one answer */
#define DUMPSTATE_JOBS_MAX 16	      /* commands at once; more are refused */

struct dumpstate;

struct dumpstate_env {
	const struct services_env *services; /* copied */
	/* NULL: avsim's own services only, the system log is made of them */
	const struct dumpstate_config *config;
	unsigned int timeout_ms; /* 0 = DUMPSTATE_TIMEOUT_MS */
	size_t output_max;	 /* 0 = DUMPSTATE_OUTPUT_MAX */
	void (*devices)(void *ctx, FILE *out); /* text of avsim-devices */
	void *ctx;
};

/* Adds the service to @server. Return: 0 or -errno with @err. */
int dumpstate_create(const struct dumpstate_env *env,
		     struct grpc_server *server, struct dumpstate **out,
		     struct av_err *err);
/* After grpc_server_destroy(): no call is open any more. */
void dumpstate_destroy(struct dumpstate *d);

struct dumpstate_stats {
	unsigned int running; /* commands now */
	uint64_t commands, failed;
};
void dumpstate_stats(const struct dumpstate *d, struct dumpstate_stats *out);

#endif
