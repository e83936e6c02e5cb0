/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal dashboard. Watches the world as a tap, acts by commands and by
 * the pace; never holds virtual time up.
 */
#ifndef AVSIM_UI_DASH_H
#define AVSIM_UI_DASH_H

#include "sim/core/err.h"
#include "sim/core/pace.h"

struct world;
struct dash;
struct devices;

struct dash_env {
	struct world *w;
	struct pace *pace;
	const char *title;     /* scenario or recording */
	const char *recording; /* path, NULL = none */
	bool replay;
	struct devices *devices; /* of the guest; NULL = none */
};

/* Takes the terminal over; restored by dash_destroy() and on every exit. */
int dash_create(const struct dash_env *env, struct dash **out,
		struct av_err *err);
void dash_destroy(struct dash *d);

int dash_fd(const struct dash *d); /* poll for input */
void dash_input(struct dash *d);   /* keys are waiting, or SIGWINCH came */
void dash_draw(struct dash *d);	   /* at most 30 times a second */
bool dash_wants_quit(const struct dash *d);
void dash_finished(struct dash *d); /* the run is over; keep showing */

#endif
