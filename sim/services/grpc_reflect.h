/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC server reflection for everything that a server serves.
 */
#ifndef AVSIM_SERVICES_GRPC_REFLECT_H
#define AVSIM_SERVICES_GRPC_REFLECT_H

#include "sim/services/grpc.h"

/* @slot: memory for the service, at least as long-lived as @s. 0 or -ENOMEM. */
int grpc_reflect_add(struct grpc_server *s, struct grpc_service *slot);

#endif
