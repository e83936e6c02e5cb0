/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/cmdq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const cmd_source_names[CMD_N_SOURCES] = {
	[CMD_FROM_SCENARIO] = "scenario", [CMD_FROM_ECU] = "ecu",
	[CMD_FROM_USER] = "user",	  [CMD_FROM_GUEST] = "guest",
	[CMD_FROM_SERVICE] = "service",
};

bool cmd_source_is_input(enum cmd_source s)
{
	return s == CMD_FROM_USER || s == CMD_FROM_GUEST ||
	       s == CMD_FROM_SERVICE;
}

/* Grows up to CMDQ_MAX entries and never shrinks. */
struct ring {
	struct cmd *v;
	size_t room; /* a power of two, or 0 */
	size_t head, n;
	size_t bytes; /* of texts that wait */
};

struct cmdq {
	const vtime *clock;
	struct ring input;   /* from outside, see cmd_source_is_input() */
	struct ring derived; /* from the simulation itself */
	cmdq_fn *fn;
	void *ctx;
	cmdq_done_fn *done;
	void *done_ctx;
};

struct cmdq *cmdq_create(const vtime *clock)
{
	struct cmdq *q = calloc(1, sizeof(*q));

	if (q) {
		q->clock = clock;
	}
	return q;
}

static struct cmd *at(const struct ring *r, size_t i)
{
	return &r->v[(r->head + i) & (r->room - 1)];
}

static void ring_finish(struct ring *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free((char *)(uintptr_t)at(r, i)->text);
	}
	free(r->v);
}

void cmdq_destroy(struct cmdq *q)
{
	if (!q) {
		return;
	}
	ring_finish(&q->input);
	ring_finish(&q->derived);
	free(q);
}

void cmdq_set_handler(struct cmdq *q, cmdq_fn *fn, void *ctx)
{
	q->fn = fn;
	q->ctx = ctx;
}

void cmdq_set_done(struct cmdq *q, cmdq_done_fn *fn, void *ctx)
{
	q->done = fn;
	q->done_ctx = ctx;
}

static int push(struct cmdq *q, const struct cmd *c, size_t len)
{
	struct ring *r = cmd_source_is_input(c->source) ? &q->input :
							  &q->derived;

	if (r->n >= CMDQ_MAX || len > CMDQ_BYTES_MAX - r->bytes) {
		return -ENOSPC;
	}
	if (r->n == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct cmd *v = malloc(room * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		for (size_t i = 0; i < r->n; i++) {
			v[i] = *at(r, i);
		}
		free(r->v);
		r->v = v;
		r->room = room;
		r->head = 0;
	}
	r->n++;
	r->bytes += len;
	*at(r, r->n - 1) = *c;
	at(r, r->n - 1)->posted = *q->clock;
	return 0;
}

int cmdq_post(struct cmdq *q, enum cmd_source source, const char *text)
{
	struct cmd c = { .kind = CMD_TEXT, .source = source };
	size_t len = strlen(text);
	char *copy;
	int ret;

	if (len > CMDQ_TEXT_MAX) {
		return -E2BIG;
	}
	copy = malloc(len + 1);
	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, text, len + 1);
	c.text = copy;
	ret = push(q, &c, len);
	if (ret < 0) {
		free(copy);
	}
	return ret;
}

int cmdq_post_actuate(struct cmdq *q, unsigned int var, double value)
{
	return push(q, &(struct cmd){ .kind = CMD_ACTUATE,
				      .source = CMD_FROM_ECU,
				      .var = var,
				      .value = value },
		    0);
}

static void apply_ring(struct cmdq *q, struct ring *r, size_t n, vtime now)
{
	for (; n > 0; n--) {
		struct av_err err = { 0 };
		struct cmd c = *at(r, 0);
		int ret;

		r->head = (r->head + 1) & (r->room - 1);
		r->n--;
		r->bytes -= c.text ? strlen(c.text) : 0;
		c.t = now;
		assert(q->fn);
		ret = q->fn(q->ctx, &c, &err);
		if (q->done) {
			q->done(q->done_ctx, &c, ret, &err);
		}
		free((char *)(uintptr_t)c.text);
	}
}

void cmdq_apply(struct cmdq *q, vtime now)
{
	/* what handlers post waits for the next step */
	size_t n_input = q->input.n, n_derived = q->derived.n;

	apply_ring(q, &q->input, n_input, now);
	apply_ring(q, &q->derived, n_derived, now);
}

size_t cmdq_waiting(const struct cmdq *q)
{
	return q->input.n + q->derived.n;
}
