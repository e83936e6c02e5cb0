/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session is to be like, out of a client's perfetto.protos.TraceConfig.
 */
#ifndef AVSIM_SERVICES_TRACING_CONFIG_H
#define AVSIM_SERVICES_TRACING_CONFIG_H

#include "perfetto_config.pb-c.h"
#include "sim/core/err.h"
#include "sim/core/vtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracing_config {
	vtime duration;	   /* VT_NEVER: until it is stopped */
	size_t size;	   /* bytes to keep */
	bool ring;	   /* the newest, else the oldest */
	uint32_t channels; /* bit per rec_channel */
	char ignored[400]; /* what a device's tracer would heed, for people */
};

/**
 * tracing_config_read() - Check and take over what avsim goes by
 * @c:	NULL: nothing is asked for
 *
 * Return: 0; -EINVAL with @err: more room than there is, or a data source
 * "avsim.X" that is none.
 */
int tracing_config_read(const Perfetto__Protos__TraceConfig *c,
			struct tracing_config *out, struct av_err *err);

#endif
