/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command queue: the only way back from later stages, people and guests into
 * the simulation.
 *
 * A command is posted at any moment, waits, and is applied at the start of the
 * next simulation step (cmdq_apply()): first what came from outside, then what
 * the simulation derived, each in posting order. So it does not matter when
 * between two steps an outside command came in, and a replay need not know. What came from outside
 * the simulation (keys, control API, guests) is published on TOPIC_COMMAND with
 * the time it was applied, so that the recorder keeps it and a replay posts it
 * again at exactly that time. What the simulation itself derived (scenario,
 * ECUs) is applied alike but is not an input: a replay derives it again.
 *
 * Commands are text in one canonical form, "verb key=value ...", the same verbs
 * and arguments as the scenario language (scenarios/action.h), except the
 * CMD_ACTUATE ones, which an ECU posts when a request frame reaches it.
 */
#ifndef AVSIM_CORE_CMDQ_H
#define AVSIM_CORE_CMDQ_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"

#include <stdbool.h>

enum cmd_source {
	CMD_FROM_SCENARIO,
	CMD_FROM_ECU,
	CMD_FROM_USER,	  /* keys and mouse of a dashboard, the control API */
	CMD_FROM_GUEST,	  /* a guest's HAL or driver */
	CMD_FROM_SERVICE, /* avsim's own services, on behalf of a client */
	CMD_N_SOURCES
};

extern const char *const cmd_source_names[CMD_N_SOURCES];

/* True for the sources whose commands are inputs: recorded and replayed. */
bool cmd_source_is_input(enum cmd_source s);

enum cmd_kind {
	CMD_TEXT,
	CMD_ACTUATE,
};

struct cmd {
	enum cmd_kind kind;
	enum cmd_source source;
	vtime posted; /* virtual time of posting */
	vtime t;      /* virtual time of applying, set by cmdq_apply() */
	const char *text; /* CMD_TEXT */
	unsigned int var; /* CMD_ACTUATE: enum vehicle_var */
	double value;	  /* CMD_ACTUATE: in the variable's unit */
};

struct cmdq;

/* Applies one command. A failure is reported on TOPIC_COMMAND, not returned. */
typedef int cmdq_fn(void *ctx, const struct cmd *c, struct av_err *err);

/* Called for every command once applied; @ret and @err are the outcome. */
typedef void cmdq_done_fn(void *ctx, const struct cmd *c, int ret,
			  const struct av_err *err);

struct cmdq *cmdq_create(const vtime *clock);
void cmdq_destroy(struct cmdq *q);
void cmdq_set_handler(struct cmdq *q, cmdq_fn *fn, void *ctx);
void cmdq_set_done(struct cmdq *q, cmdq_done_fn *fn, void *ctx);

/* Waiting commands of each kind and bytes of their texts: a guest cannot grow
 * it beyond that, also while the run is paused. */
#define CMDQ_MAX 65536
#define CMDQ_BYTES_MAX ((size_t)16 << 20)
#define CMDQ_TEXT_MAX 65536 /* bytes of one text */

/**
 * cmdq_post() - Queue "verb key=value ..." (copied)
 *
 * Return: 0, -ENOSPC if there is no more room for now, -E2BIG over
 * CMDQ_TEXT_MAX, -ENOMEM.
 */
int cmdq_post(struct cmdq *q, enum cmd_source source, const char *text);

/* Queue a request that an ECU received; see enum vehicle_var. */
int cmdq_post_actuate(struct cmdq *q, unsigned int var, double value);

/**
 * cmdq_apply() - Apply everything posted so far, at virtual time @now
 *
 * Commands posted while it runs wait for the next call.
 */
void cmdq_apply(struct cmdq *q, vtime now);

size_t cmdq_waiting(const struct cmdq *q);

#endif
