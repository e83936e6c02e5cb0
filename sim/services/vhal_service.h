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

/* Time stamp that goes out with the present value of @slot, ns. */
int64_t vhal_service_stamp(struct vhal_service *s, uint32_t slot);

/**
 * vhal_service_post() - Post the command "@verb property='..' value='..'"
 *
 * Return: as cmdq_post(); -E2BIG also where the value is longer than a command
 * may hold.
 */
int vhal_service_post(struct vhal_service *s, const char *verb, uint32_t slot,
		      const struct vhal_value *val, enum cmd_source source);

/* Text of `dumpsys` for @args; caller frees, NULL = out of memory. @more: the
 * guest shall add its own state. */
char *vhal_service_dump(struct vhal_service *s, char **args, size_t n,
			bool *more);

struct vhal_service_stats {
	unsigned int streams;
	uint64_t events;    /* values handed to streams */
	uint64_t coalesced; /* replaced by newer ones for slow streams */
	uint64_t sets, gets;
};
void vhal_service_stats(const struct vhal_service *s,
			struct vhal_service_stats *out);

#endif
