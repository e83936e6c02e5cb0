/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run, replay, verify and golden have in common: options into a world, a
 * recording beside it, a summary after it.
 */
#ifndef AVSIM_UI_SESSION_H
#define AVSIM_UI_SESSION_H

#include "sim/world.h"
#include "ui/cli.h"

#include <limits.h>

struct session {
	struct bundle inputs;
	struct scenario_param *set;
	size_t n_set;
	uint64_t seed;
	bool has_seed;
	bool linger; /* see struct world_opts */
	vtime until; /* VT_NEVER = the scenario's duration */
	int64_t epoch_ns; /* Unix time of virtual 0, 0 = not tied */
	struct world_device *device; /* see struct world_opts */
	size_t n_devices;
	struct world *w;
	struct rec_writer *rec;
	char rec_path[PATH_MAX];
	struct capture *capture;
	char *params; /* "K=V\n..." sorted, for the recording's meta */
};

/* Print @d or @err on stderr. Return: EXIT_TROUBLE. */
int session_trouble(struct av_diags *d, const struct av_err *err);

/* "K=V" options; repeated keys: the last wins. 0 or EXIT_TROUBLE (said). */
int session_set(struct session *s, const struct cli_list *set);
/* "K=V\nK=V" of a recording. */
int session_set_text(struct session *s, const char *params);

int session_seed(struct session *s, const char *text);	/* 0 or EXIT_TROUBLE */
int session_until(struct session *s, const char *text); /* 0 or EXIT_TROUBLE */
/* "max", "20", "20x", "0.5" into struct pace's speed. 0 or EXIT_TROUBLE. */
int session_speed(const char *text, double *out);

/* Load scenario and vehicle from disk, create the world. 0 or EXIT_TROUBLE. */
int session_open(struct session *s, const char *scenario, const char *vehicle);
/* Create the world from the inputs that are already there. */
int session_world(struct session *s);

/**
 * session_record() - Start recording
 * @path:	NULL: a new file in the user's state folder, of which the last 20
 *		are kept
 * @kind:	rec_meta.kind
 */
int session_record(struct session *s, const char *path, const char *kind,
		   const char *title, int64_t epoch_ns);

/* What run and replay take for a capture. */
struct session_capture {
	const char *path, *only; /* --capture, --capture-only */
};
#define SESSION_CAPTURE_OPTS(c)                                                \
	{ "capture", OPT_STR, &(c)->path },                                    \
	{ "capture-only", OPT_STR, &(c)->only }

/* Start a capture if one is asked for. 0 or EXIT_TROUBLE. */
int session_capture(struct session *s, const struct session_capture *o,
		    const char *title, int64_t epoch_ns);

/* Close them, where there are any. 0 or -errno with @err. */
int session_close_rec(struct session *s, struct av_err *err);
int session_close_capture(struct session *s, struct av_err *err);
void session_finish(struct session *s);

/* Where recordings go by default (made if missing). 0 or -errno with @err. */
int session_rec_dir(char out[PATH_MAX], struct av_err *err);

#endif
