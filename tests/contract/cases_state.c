/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device state: what a VMM saves of a paused guest's device and loads into
 * another instance, where the guest goes on; and what is no such state.
 */
#include "config.h"

#include "contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATE_MAX = 60000,
	/* of the head, vdevices/state.h */
	TYPE_AT = 8,
	VERSION_AT = 24,
	LENGTH_AT = 28,
	HEAD = 32,
};

struct state {
	uint8_t buf[STATE_MAX];
	size_t len;
};

static const unsigned int crosvm = G_CROSVM;

static int save(struct ctx *c, struct guest *g, struct state *s)
{
	ssize_t n = front_save(g->f, s->buf, sizeof(s->buf));

	NEED(n >= 0, "save: %s", front_why(g->f));
	NEED(n >= HEAD && n < STATE_MAX, "a state of %zd bytes", n);
	s->len = (size_t)n;
	return 0;
}

static bool same(const struct state *a, const struct state *b)
{
	return a->len == b->len && !memcmp(a->buf, b->buf, a->len);
}

/* @bad is no state of it: it says so, and is as @before. */
static int refuses(struct ctx *c, struct guest *g, const struct state *bad,
		   const struct state *before, const char *what)
{
	struct state now;
	int ret = front_load(g->f, bad->buf, bad->len);

	NEED(ret != 0, "%s is taken for a state", what);
	NEED(ret == -EREMOTEIO, "%s: %s", what, front_why(g->f));
	DO(save(c, g, &now));
	NEED(same(&now, before),
	     "%s: refused, and yet the device is not as it was", what);
	return 0;
}

/* A state @s that has been tampered with. */
static int not_a_state(struct ctx *c, struct guest *g, const struct state *s)
{
	struct state before, bad;

	DO(save(c, g, &before));
	for (size_t n = 0; n < s->len; n += n < 2 * HEAD ? 1 : 1 + n / 7) {
		bad = *s;
		bad.len = n;
		DO(refuses(c, g, &bad, &before, "a part of a state"));
	}
	bad = *s;
	bad.buf[bad.len++] = 0;
	DO(refuses(c, g, &bad, &before, "a state and a byte"));
	bad.buf[LENGTH_AT]++;
	DO(refuses(c, g, &bad, &before, "a state of a byte more"));
	bad = *s;
	bad.buf[VERSION_AT]++;
	DO(refuses(c, g, &bad, &before, "a later version's state"));
	bad = *s;
	bad.buf[TYPE_AT]++;
	DO(refuses(c, g, &bad, &before, "another device's state"));
	bad.len = sizeof(bad.buf) / 16;
	av_rand_bytes(&c->rand, bad.buf, bad.len);
	return refuses(c, g, &bad, &before, "a heap of bytes");
}

/* Where bits differ it may be a state all the same. */
static int nearly_a_state(struct ctx *c, struct guest *g, const struct state *s)
{
	struct state before, now, bad;

	for (unsigned int i = 0; i < ctx_count(c, 5000, 50); i++) {
		size_t at = av_rand_below(&c->rand, s->len);
		/* the world may say something meanwhile */
		int tries = c->row->answer ? 3 : 1;

		bad = *s;
		bad.buf[at] ^= (uint8_t)(1 + av_rand_below(&c->rand, 255));
		do {
			int ret;

			DO(save(c, g, &before));
			ret = front_load(g->f, bad.buf, bad.len);
			if (ret == 0) {
				break;
			}
			NEED(ret == -EREMOTEIO, "byte %zu: %s", at,
			     front_why(g->f));
			DO(save(c, g, &now));
			tries = same(&now, &before) ? 0 : tries - 1;
			NEED(tries || same(&now, &before),
			     "byte %zu: refused, and yet the device is not as "
			     "it was",
			     at);
		} while (tries);
	}
	return 0;
}

static int check(struct ctx *c, struct guest *g, bool again, uint8_t memo[64])
{
	int ret = 0, knows = 1;

	if (c->row->goes_on) {
		ret = c->row->goes_on(g->f, again, memo);
	} else {
		knows = c->row->knows(g->f);
	}
	NEED(ret == 0 && knows >= 0, "there: %s (%s)",
	     strerror(ret ? -ret : -knows), front_why(g->f));
	NEED(knows, "there it does not know what the guest had said");
	return 0;
}

static int load_and_start(struct ctx *c, struct guest *g,
			  const struct state *s)
{
	FRONT(g, front_load(g->f, s->buf, s->len));
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	return 0;
}

/* @g's guest, whose device was saved as @s, goes on at @other; and once more
 * from where it is then. */
static int goes_on(struct ctx *c, struct guest *g, struct rig *other,
		   const struct state *s)
{
	uint8_t memo[64] = { 0 };
	struct state then;

	NEED(front_move(g->f, other->socket, &c->err) == 0, "move: %s",
	     c->err.msg);
	DO(not_a_state(c, g, s));
	DO(load_and_start(c, g, s));
	DO(check(c, g, false, memo));
	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	DO(save(c, g, &then));
	DO(not_a_state(c, g, &then));
	DO(nearly_a_state(c, g, &then));
	DO(load_and_start(c, g, c->row->goes_on ? s : &then));
	DO(check(c, g, true, memo));
	DO(ctx_probe(c, g));
	NEED(rig_alive(other, &c->err) == 0, "the other one: %s", c->err.msg);
	return 0;
}

/* The driver was gone when the device was saved, which did not know that yet: the
 * next one does not find here what it had said there. */
static int moved_anew(struct ctx *c, struct rig *other)
{
	struct guest *g = ctx_guest(c, G_NO_RESET);
	struct state s;
	int ret;

	if (!g) {
		return -1;
	}
	FRONT(g, c->row->say(g->f));
	NEED(front_reset(g->f, &c->err) == 0, "reset: %s", c->err.msg);
	DO(save(c, g, &s));
	NEED(front_move(g->f, other->socket, &c->err) == 0, "move: %s",
	     c->err.msg);
	FRONT(g, front_load(g->f, s.buf, s.len));
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	ret = c->row->knows(g->f);
	NEED(ret >= 0, "%s", front_why(g->f));
	NEED(!ret, "a driver finds what the one before it had said elsewhere");
	return ctx_probe(c, g);
}

static int saved_and_moved(struct ctx *c, struct rig *other)
{
	const unsigned int *flags = c->arg;
	struct guest *g = ctx_guest(c, flags ? *flags : 0);
	struct state s;

	if (!g) {
		return -1;
	}
	if (c->row->goes_on) {
		DO(ctx_probe(c, g));
	} else {
		FRONT(g, c->row->say(g->f));
	}
	NEED(front_save(g->f, s.buf, sizeof(s.buf)) == -EREMOTEIO,
	     "it saves while its queues run");
	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	DO(save(c, g, &s));
	return goes_on(c, g, other, &s);
}

static int with_another(struct ctx *c,
			int (*run)(struct ctx *c, struct rig *other))
{
	struct guest *g = ctx_guest(c, G_IDLE);
	struct rig other;
	struct av_err err;
	bool saves;
	int ret;

	if (!g) {
		return -1;
	}
	saves = front_has_pf(g->f, VU_PF_DEVICE_STATE);
	ctx_done(g);
	NEED(saves == (c->type->save != NULL), "DEVICE_STATE is%s offered",
	     saves ? "" : " not");
	if (!saves) {
		return ctx_skip(c, "it has no state to move");
	}
	NEED(c->row->goes_on || c->row->knows,
	     "no way to see that it goes on: add knows()");
	ret = rig_start(&other, c->type, c->row, c->rig->home, &err);
	if (ret < 0) {
		ctx_fail(c, "another one: %s", err.msg);
	} else {
		ret = run(c, &other);
	}
	for (size_t i = 0; i < CTX_GUESTS; i++) {
		ctx_done(&c->g[i]);
	}
	if (rig_stop(&other, &err) < 0 && ret == 0) {
		ret = ctx_fail(c, "the other one: %s", err.msg);
	}
	return ret;
}

static int device_state(struct ctx *c)
{
	return with_another(c, saved_and_moved);
}

static int device_state_anew(struct ctx *c)
{
	if (c->row->goes_on) {
		return ctx_skip(c, "it knows nothing of its driver's");
	}
	return with_another(c, moved_anew);
}

const struct contract_case cases_state[] = {
	CASE("C9", "device-state", device_state),
	{ .id = "C9",
	  .name = "device-state-crosvm",
	  .run = device_state,
	  .arg = &crosvm },
	CASE("C9", "device-state-anew", device_state_anew),
	{ .id = NULL },
};
