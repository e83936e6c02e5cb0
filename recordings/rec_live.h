/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running world as records: what the bus carries, in the very form in which
 * the reader would hand it out of a recording of that run.
 */
#ifndef AVSIM_RECORDINGS_REC_LIVE_H
#define AVSIM_RECORDINGS_REC_LIVE_H

#include "recordings/rec.h"

struct rec_live;
struct signals;

/* One record, borrowed for the call; NULL: one was lost, out of memory. */
typedef void rec_live_fn(void *ctx, const struct rec_record *rec);

struct rec_live_env {
	struct bus *bus;
	const char *who;   /* for error texts, as bus_subscribe() has it */
	uint32_t channels; /* bit per rec_channel */
	/* of the buses, by index; NULL: frames come without key and text */
	char *const *bus_name;
	const struct signals *signals; /* keys of REC_SIGNAL */
	rec_live_fn *fn;
	void *ctx;
};

/* A tap: @fn is called as things happen. 0 or -errno with @err. */
int rec_live_create(const struct rec_live_env *env, struct rec_live **out,
		    struct av_err *err);
/* Not from within @fn. */
void rec_live_destroy(struct rec_live *l);

/* As if @e had just been on the bus: for what is the case already. */
void rec_live_vhal(struct rec_live *l, const struct vhal_event *e);
void rec_live_text(struct rec_live *l, enum rec_channel ch,
		   const struct text_event *e);

#endif
