/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_switch_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BURST_S 0.1 /* a bandwidth limit lets so much through at once */
#define OPEN_NS (20 * VT_MS)

static bool is(const struct vsock_fault *r, const char *name)
{
	return !strcmp(r->f.name, name);
}

static void resume(struct vsock_switch *sw, uint32_t port)
{
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
		if (sw->guest[i]) {
			vsock_resume(sw->guest[i]->g, port);
		}
	}
}

static void reset(struct vsock_switch *sw, uint32_t port)
{
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
		if (sw->guest[i]) {
			vsock_reset_port(sw->guest[i]->g, port);
		}
	}
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct vsock_fault *r = t->ctx;

	if (is(r, "vsock-storm")) {
		double hz = isnan(r->f.v[1]) ? 1 : r->f.v[1];

		reset(r->sw, r->port);
		(void)evq_arm(r->sw->env.q, t, now + vtime_from_s(1 / hz));
		return;
	}
	r->armed = false;
	/* a delay is over; how long the gate is open, its first user says */
	r->open_until = VT_NEVER;
	resume(r->sw, r->port);
}

static void arm(struct vsock_fault *r, double s)
{
	struct evq *q = r->sw->env.q;

	if (!r->armed) {
		r->armed = !evq_arm(q, &r->timer, evq_now(q) + vtime_from_s(s));
	}
}

/* Token bucket on the virtual clock. */
static size_t limit(struct vsock_fault *r, size_t len)
{
	vtime now = evq_now(r->sw->env.q);
	double rate = r->f.v[1];
	size_t n;

	r->tokens += rate * vtime_to_s(now - r->filled);
	r->filled = now;
	r->tokens = fmin(r->tokens, fmax(rate * BURST_S, 1));
	n = r->tokens < (double)len ? (size_t)r->tokens : len;
	r->tokens -= (double)n;
	if (n < len) {
		arm(r, 0.02);
	}
	return n;
}

/* What waited passes the gate together with what comes within OPEN_NS. The
 * world may have stepped on since the gate opened: that time does not count. */
static bool gate(struct vsock_fault *r)
{
	vtime now = evq_now(r->sw->env.q);

	if (r->open_until == VT_NEVER) {
		r->open_until = now + OPEN_NS;
	}
	if (now > r->open_until) {
		arm(r, r->f.v[1]);
		return false;
	}
	return true;
}

size_t vsock_fault_give(void *ctx, struct vsock_guest *g, uint32_t port,
			size_t len, bool to_guest)
{
	struct vsock_switch *sw = ctx;

	(void)g;
	(void)to_guest;
	for (size_t i = 0; i < sw->n_faults && len; i++) {
		struct vsock_fault *r = sw->fault[i];

		if (r->port && r->port != port) {
			continue;
		}
		if (is(r, "vsock-stall")) {
			return 0;
		}
		if (is(r, "vsock-bandwidth")) {
			len = limit(r, len);
		} else if (is(r, "vsock-delay")) {
			if (!gate(r)) {
				return 0;
			}
		}
	}
	return len;
}

bool vsock_fault_active(const struct vsock_switch *sw, const char *name,
			uint32_t port)
{
	for (size_t i = 0; i < sw->n_faults; i++) {
		const struct vsock_fault *r = sw->fault[i];

		if (is(r, name) && (!r->port || r->port == port)) {
			return true;
		}
	}
	return false;
}

bool vsock_fault_half_open(void *ctx, uint32_t port)
{
	return vsock_fault_active(ctx, "vsock-half-open", port);
}

void vsock_fault_end(struct vsock_switch *sw, size_t i)
{
	struct vsock_fault *r = sw->fault[i];
	uint32_t port = r->port;

	evq_disarm(sw->env.q, &r->timer);
	free(r);
	sw->fault[i] = sw->fault[--sw->n_faults];
	resume(sw, port);
}

void vsock_switch_fault(struct vsock_switch *sw, const struct port_fault *f,
			bool begins)
{
	uint32_t port = isnan(f->v[0]) ? 0 : (uint32_t)f->v[0];
	struct vsock_fault *r;

	if (!begins) {
		for (size_t i = sw->n_faults; i-- > 0;) {
			if (is(sw->fault[i], f->name) &&
			    sw->fault[i]->port == port) {
				vsock_fault_end(sw, i);
			}
		}
		return;
	}
	r = sw->n_faults < VSOCK_FAULTS_MAX ? calloc(1, sizeof(*r)) : NULL;
	if (!r) {
		return;
	}
	r->sw = sw;
	r->f = *f;
	r->port = port;
	r->timer = (struct vtimer){ .fn = on_timer, .ctx = r };
	r->filled = evq_now(sw->env.q);
	r->open_until = -1;
	sw->fault[sw->n_faults++] = r;
	if (is(r, "vsock-reset") || is(r, "vsock-refuse")) {
		reset(sw, port);
	} else if (is(r, "vsock-storm")) {
		arm(r, 0);
	}
}
