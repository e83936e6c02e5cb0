/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/can/can_log.h"

#include "sim/can/candump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which of @bus the interface is, or -1. */
static int find_bus(const char *iface, const char *const *bus, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(bus[i], iface)) {
			return (int)i;
		}
	}
	return -1;
}

static int add(struct can_log *l, size_t *room, const struct can_frame *f)
{
	if (l->n == *room) {
		size_t n = *room ? *room * 2 : 4096;
		struct can_frame *v = realloc(l->frame, n * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		l->frame = v;
		*room = n;
	}
	l->frame[l->n++] = *f;
	return 0;
}

static int read_frames(struct candump_reader *r, const char *const *bus,
		       size_t n_buses, struct can_log *l, struct av_diags *d)
{
	int to[CANDUMP_IFACES_MAX], got, ret = 0;
	unsigned int known = 0; /* interfaces that @to is filled for */
	size_t room = 0;
	struct can_frame f;

	while ((got = candump_next(r, &f, d)) != 0) {
		if (got < 0) {
			ret = got;
			if (d->n + d->dropped >= AV_DIAGS_MAX) {
				break; /* enough said */
			}
			continue;
		}
		for (; known < r->n_ifaces; known++) {
			to[known] = find_bus(r->iface[known], bus, n_buses);
		}
		if (to[f.bus] < 0) {
			continue;
		}
		f.bus = (uint8_t)to[f.bus];
		if (l->n == 0) {
			l->epoch_ns = f.t;
		}
		f.t -= l->epoch_ns;
		if (f.t < (l->n ? l->frame[l->n - 1].t : 0)) {
			ret = av_diag_add(d, r->name, (unsigned int)r->line, 1,
					  "time goes back here; avsim import "
					  "--sort and avsim export put such a "
					  "log in order");
			continue;
		}
		if (add(l, &room, &f) < 0) {
			return -ENOMEM;
		}
	}
	return ret;
}

int can_log_parse(const char *name, const char *buf, size_t len,
		  const char *const *bus, size_t n_buses, struct can_log *out,
		  struct av_diags *d)
{
	struct candump_reader r;
	int ret;

	*out = (struct can_log){ 0 };
	candump_reader_init(&r, name, buf, len);
	ret = read_frames(&r, bus, n_buses, out, d);
	if (ret == 0 && out->n == 0) {
		ret = av_diag_add(d, name, 0, 0,
				  "no frame of %s%s is in this log", bus[0],
				  n_buses > 1 ? " or the other buses" : "");
	}
	if (ret < 0) {
		can_log_finish(out);
	}
	return ret;
}

void can_log_finish(struct can_log *l)
{
	free(l->frame);
	*l = (struct can_log){ 0 };
}
