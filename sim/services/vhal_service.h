/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL over gRPC for guests of both generations on one port: the store's
 * values go out on streams, sets come in as commands.
 */
#ifndef AVSIM_SERVICES_VHAL_SERVICE_H
#define AVSIM_SERVICES_VHAL_SERVICE_H

#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/services/grpc.h"
#include "sim/vhal/vhal.h"

struct vhal_service;

struct vhal_service_env {
	uv_loop_t *loop;
	struct evq *q;
	struct vhal *vhal;
	struct cmdq *cmdq;
};

/* Adds both services to @server. After vhal_start(). 0 or -errno. */
int vhal_service_create(const struct vhal_service_env *env,
			struct grpc_server *server, struct vhal_service **out);
/* After grpc_server_destroy(): no call is open any more. */
void vhal_service_destroy(struct vhal_service *s);

struct vhal_service_stats {
	unsigned int streams;
	uint64_t events;    /* values handed to streams */
	uint64_t coalesced; /* replaced by newer ones for slow streams */
	uint64_t sets, gets;
};
void vhal_service_stats(const struct vhal_service *s,
			struct vhal_service_stats *out);

#endif
