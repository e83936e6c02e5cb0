/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control API avsim.v1.Control: look into a running avsim and steer it.
 */
#ifndef AVSIM_SERVICES_CONTROL_H
#define AVSIM_SERVICES_CONTROL_H

#include "sim/services/grpc.h"
#include "sim/services/services.h"

struct control;

/* Adds the service to @server; @env is copied. 0 or -errno with @err. */
int control_create(const struct services_env *env, struct grpc_server *server,
		   struct control **out, struct av_err *err);
/* After grpc_server_destroy(). */
void control_destroy(struct control *c);

#endif
