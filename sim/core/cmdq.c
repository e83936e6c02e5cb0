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

#define TEXT_MAX (64u << 10)

/* A ring that grows up to CMDQ_MAX entries and never shrinks. */
struct cmdq {
	const vtime *clock;
	struct cmd *ring;
	size_t room; /* a power of two, or 0 */
	size_t head, n;
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

static struct cmd *at(const struct cmdq *q, size_t i)
{
	return &q->ring[(q->head + i) & (q->room - 1)];
}

void cmdq_destroy(struct cmdq *q)
{
	if (!q) {
		return;
	}
	for (size_t i = 0; i < q->n; i++) {
		free((char *)(uintptr_t)at(q, i)->text);
	}
	free(q->ring);
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

static int push(struct cmdq *q, const struct cmd *c)
{
	if (q->n >= CMDQ_MAX) {
		return -ENOSPC;
	}
	if (q->n == q->room) {
		size_t room = q->room ? q->room * 2 : 16;
		struct cmd *ring = malloc(room * sizeof(*ring));

		if (!ring) {
			return -ENOMEM;
		}
		for (size_t i = 0; i < q->n; i++) {
			ring[i] = *at(q, i);
		}
		free(q->ring);
		q->ring = ring;
		q->room = room;
		q->head = 0;
	}
	q->n++;
	*at(q, q->n - 1) = *c;
	at(q, q->n - 1)->posted = *q->clock;
	return 0;
}

int cmdq_post(struct cmdq *q, enum cmd_source source, const char *text)
{
	struct cmd c = { .kind = CMD_TEXT, .source = source };
	size_t len = strlen(text);
	char *copy;
	int ret;

	if (len > TEXT_MAX) {
		return -E2BIG;
	}
	copy = malloc(len + 1);
	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, text, len + 1);
	c.text = copy;
	ret = push(q, &c);
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
				      .value = value });
}

void cmdq_apply(struct cmdq *q, vtime now)
{
	/* what handlers post waits for the next step */
	for (size_t left = q->n; left > 0; left--) {
		struct av_err err = { 0 };
		struct cmd c = *at(q, 0);
		int ret;

		q->head = (q->head + 1) & (q->room - 1);
		q->n--;
		c.t = now;
		assert(q->fn);
		ret = q->fn(q->ctx, &c, &err);
		if (q->done) {
			q->done(q->done_ctx, &c, ret, &err);
		}
		free((char *)(uintptr_t)c.text);
	}
}

size_t cmdq_waiting(const struct cmdq *q)
{
	return q->n;
}
