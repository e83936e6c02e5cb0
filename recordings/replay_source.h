/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds the recorded inputs of a recording into a world on its event queue:
 * commands from outside (kind "run") so that they are applied in the very step
 * they were applied in, CAN frames (kind "import") at their time.
 */
#ifndef AVSIM_RECORDINGS_REPLAY_SOURCE_H
#define AVSIM_RECORDINGS_REPLAY_SOURCE_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"

struct replay_source;
struct world;

/**
 * replay_source_create() - To be called before world_start()
 * @path:	the recording whose inputs are in @w already
 *
 * Commands applied at virtual time 0 are posted at once; of the others, each is
 * posted half a step before the step it belongs to. Reads ahead by one record:
 * memory does not grow with the file.
 */
int replay_source_create(const char *path, struct world *w,
			 struct replay_source **out, struct av_err *err);
void replay_source_destroy(struct replay_source *s);

/* 0, or why the file could not be read on. */
int replay_source_status(const struct replay_source *s, struct av_err *err);

#endif
