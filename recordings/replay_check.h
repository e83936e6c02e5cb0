/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares a running world with a recording, record by record, in order: a tap
 * that re-creates each record and holds it against the next one of the file.
 */
#ifndef AVSIM_RECORDINGS_REPLAY_CHECK_H
#define AVSIM_RECORDINGS_REPLAY_CHECK_H

#include "sim/core/bus.h"
#include "sim/core/err.h"

#include <stdbool.h>
#include <stdint.h>

struct replay_check;

struct replay_result {
	uint64_t n_compared;
	bool differs;
	uint64_t at;	 /* number of the first record that differs, from 1 */
	char want[512];	 /* its canonical line in the file, or "(end)" */
	char got[512];	 /* what the run made instead, or "(end)" */
	char error[512]; /* the file could not be read on; "" = none */
};

/* @path: the recording; taps every recorded topic of @bus. 0 or -errno. */
int replay_check_create(const char *path, struct bus *bus,
			struct replay_check **out, struct av_err *err);

/* The run is over: what is left in the file is a difference. */
void replay_check_finish(struct replay_check *c, struct replay_result *out);
/* The run was cut short: what is left in the file is not looked at. */
void replay_check_stop(struct replay_check *c, struct replay_result *out);
void replay_check_destroy(struct replay_check *c);

#endif
