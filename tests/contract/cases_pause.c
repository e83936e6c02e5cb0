/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that is paused and goes on, and a driver that begins anew: QEMU
 * says the same to stop either, and with RESET_DEVICE left out nothing else
 * tells them apart than where the rings begin. And rings that are started but
 * not enabled.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <unistd.h>

static const unsigned int kinds[] = {
	G_NO_RESET,
	G_NO_RESET | G_BASE16,
	G_NO_RESET | G_INFLIGHT,
	G_NO_RESET | G_NO_STATUS,
	G_NO_RESET | G_NO_STATUS | G_CROSVM,
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int each_kind(struct ctx *c, int (*run)(struct ctx *c, struct guest *g))
{
	for (size_t i = 0; i < N_KINDS; i++) {
		struct guest *g = ctx_guest(c, kinds[i]);
		char what[32];
		int ret = g ? run(c, g) : -1;

		if (ret < 0) {
			snprintf(what, sizeof(what), "kind 0x%x", kinds[i]);
			return ctx_within(c, what);
		}
		ctx_done(g);
		if (ret > 0) {
			return ret;
		}
	}
	return 0;
}

static unsigned int resets(const struct ctx *c)
{
	return (unsigned int)atomic_load(&c->rig->health->resets);
}

static int pause_and_go_on(struct ctx *c, struct guest *g)
{
	unsigned int before = resets(c);
	uint64_t status = 1;

	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	if (front_has_pf(g->f, VU_PF_STATUS)) {
		FRONT(g, front_get_u64(g->f, VU_GET_STATUS, &status));
		NEED(status == 0, "stopped, its status is 0x%llx",
		     (unsigned long long)status);
	}
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	NEED(resets(c) == before, "a pause resets it");
	return 0;
}

static int begin_anew(struct ctx *c, struct guest *g)
{
	NEED(front_reset(g->f, &c->err) == 0, "reset: %s", c->err.msg);
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	return 0;
}

/* ---- what a driver has said ---- */

static int state_kept(struct ctx *c, struct guest *g)
{
	int ret;

	if (!c->row->say) {
		return ctx_skip(c, "no state of it is known here");
	}
	FRONT(g, c->row->say(g->f));
	for (int i = 0; i < 3; i++) {
		DO(pause_and_go_on(c, g));
	}
	ret = c->row->knows(g->f);
	NEED(ret >= 0, "after a pause: %s", front_why(g->f));
	NEED(ret, "a pause costs the guest what it had said");
	return 0;
}

static int state_kept_case(struct ctx *c)
{
	return each_kind(c, state_kept);
}

static int state_gone(struct ctx *c, struct guest *g)
{
	int ret;

	if (!c->row->say) {
		return ctx_skip(c, "no state of it is known here");
	}
	FRONT(g, c->row->say(g->f));
	DO(pause_and_go_on(c, g));
	DO(begin_anew(c, g));
	ret = c->row->knows(g->f);
	NEED(ret >= 0, "after a reset: %s", front_why(g->f));
	NEED(!ret, "a driver finds what the one before it had said");
	return 0;
}

static int state_gone_case(struct ctx *c)
{
	return each_kind(c, state_gone);
}

/* ---- each queue as the one that tells ---- */

/* One chain on queue @q, done if it is one that is. */
static int work(struct ctx *c, struct guest *g, unsigned int q, uint64_t gpa)
{
	struct front_used u;

	NEED(ctx_add_plain(g, q, gpa, q) == 0, "no descriptors");
	front_kick_always(g->f, q);
	if (ctx_eager(c, q)) {
		FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
	} else {
		FRONT(g, front_barrier(g->f));
	}
	return 0;
}

static int queue_tells(struct ctx *c, unsigned int q)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		struct guest *g = ctx_guest(c, kinds[i]);
		unsigned int before, waits;
		uint64_t gpa;

		if (!g) {
			return -1;
		}
		gpa = front_alloc(g->m, 4096, 64);
		for (int k = 0; k < 3; k++) {
			DO(work(c, g, q, gpa));
			waits = front_in_flight(g->f, q);
			DO(pause_and_go_on(c, g));
			NEED(front_in_flight(g->f, q) == waits,
			     "a chain was lost");
		}
		DO(work(c, g, q, gpa));
		before = resets(c);
		DO(begin_anew(c, g));
		NEED(!ctx_eager(c, q) || resets(c) == before + 1,
		     "kind 0x%x: a driver begins anew: %u resets", kinds[i],
		     resets(c) - before);
		DO(work(c, g, q, gpa));
		DO(pause_and_go_on(c, g));
		DO(begin_anew(c, g));
		DO(ctx_probe(c, g));
		ctx_done(g);
	}
	return 0;
}

static int queue_tells_case(struct ctx *c)
{
	return ctx_each_queue(c, queue_tells);
}

/* Only one queue is started again, and the others later: no second reset, and
 * none if it went on. */
static int some_queues(struct ctx *c)
{
	const int q = ctx_eager_queue(c);
	struct guest *g = ctx_guest(c, G_NO_RESET);
	unsigned int before = resets(c);
	uint64_t gpa;

	if (!g) {
		return -1;
	}
	if (q < 0) {
		return ctx_skip(c, "its queues wait for the device");
	}
	gpa = front_alloc(g->m, 4096, 64);
	for (int i = 0; i < 4; i++) {
		bool anew = i % 2;

		DO(work(c, g, (unsigned int)q, gpa));
		NEED((anew ? front_reset : front_stop)(g->f, &c->err) == 0,
		     "stop: %s", c->err.msg);
		FRONT(g, front_ring_setup(g->f, (unsigned int)q));
		FRONT(g, front_ring_enable(g->f, (unsigned int)q, true));
		before += anew;
		DO(work(c, g, (unsigned int)q, gpa));
		for (unsigned int k = 0; k < front_n_queues(g->f); k++) {
			if (k != (unsigned int)q) {
				FRONT(g, front_ring_setup(g->f, k));
				FRONT(g, front_ring_enable(g->f, k, true));
			}
		}
		FRONT(g, front_barrier(g->f));
		NEED(resets(c) == before, "round %d: %u resets, not %u", i,
		     resets(c), before);
	}
	return ctx_probe(c, g);
}

/* ---- started, but not enabled ---- */

static int disabled_queue(struct ctx *c, unsigned int q)
{
	bool discards = q < 32 && (c->type->discards >> q & 1);
	struct guest *g = ctx_guest(c, G_NO_ENABLE);
	struct front_used u;
	uint64_t gpa;

	if (!g) {
		return -1;
	}
	gpa = front_alloc(g->m, 4096, 64);
	for (unsigned int k = 0; k < 30; k++) {
		NEED(ctx_add_plain(g, q, gpa, k) == 0, "no descriptors");
		front_kick_always(g->f, q);
		if (discards) {
			FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
			NEED(u.len == 0, "%u bytes written", u.len);
		}
	}
	FRONT(g, front_barrier(g->f));
	NEED(front_get(g->f, q, &u) == 0, "disabled, it is served");
	FRONT(g, front_ring_enable(g->f, q, true));
	for (unsigned int k = 0; k < 30 && ctx_eager(c, q) && !discards; k++) {
		FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
	}
	ctx_done(g);
	return 0;
}

static int disabled(struct ctx *c)
{
	return ctx_each_queue(c, disabled_queue);
}

/* What was thrown away had no effect. */
static int disabled_net(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_NO_ENABLE);
	int ret;

	if (!g) {
		return -1;
	}
	FRONT(g, c->row->say(g->f));
	for (unsigned int k = 0; k < front_n_queues(g->f); k++) {
		FRONT(g, front_ring_enable(g->f, k, true));
	}
	FRONT(g, front_barrier(g->f));
	ret = c->row->knows(g->f);
	NEED(ret >= 0, "enabled: %s", front_why(g->f));
	NEED(!ret, "a frame on a disabled queue is answered");
	return 0;
}

const struct contract_case cases_pause[] = {
	CASE("C10", "pause-keeps-state", state_kept_case),
	CASE("C10", "anew-forgets-state", state_gone_case),
	CASE("C10", "pause-or-anew-each-queue", queue_tells_case),
	CASE("C10", "pause-or-anew-some-queues", some_queues),
	CASE("C7", "disabled", disabled),
	CASE_OF("net", "C7", "disabled-transmits-nothing", disabled_net),
	{ .id = NULL },
};
