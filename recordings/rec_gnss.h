/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AVSIM_RECORDINGS_REC_GNSS_H
#define AVSIM_RECORDINGS_REC_GNSS_H

#include "sim/topics.h"

/* One record of @t: @n values, or @text. */
typedef void rec_gnss_fn(void *ctx, vtime t, const char *key, const double *v,
			 size_t n, const char *text);

/* Call @fn for each record of @e, in order. */
void rec_gnss_split(const struct gnss_event *e, rec_gnss_fn *fn, void *ctx);

#endif
