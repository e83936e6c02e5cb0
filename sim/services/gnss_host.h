/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Front doors of the receiver for a guest's GNSS HAL (sim/gnss/serve.h), whatever
 * carries its bytes: "gnss" answers both requests, as trout's one port wants it,
 * "gnss-raw" and "gnss-fixed" one each, as Cuttlefish's two. Each serves one
 * guest at a time, and remembers between its visits what it has given.
 */
#ifndef AVSIM_SERVICES_GNSS_HOST_H
#define AVSIM_SERVICES_GNSS_HOST_H

#include "sim/core/bus.h"
#include "sim/core/err.h"
#include "sim/gnss/serve.h"
#include "sim/services/stream.h"

struct gnss_host;

int gnss_host_create(struct bus *bus, const vtime *clock,
		     struct gnss_host **out, struct av_err *err);
void gnss_host_destroy(struct gnss_host *h); /* NULL is fine */

/* The front door of that name, or NULL. */
struct av_acceptor *gnss_host_acceptor(struct gnss_host *h, const char *name);
/* Of all of them together. */
void gnss_host_stats(const struct gnss_host *h, struct gnss_serve_stats *out);

#endif
