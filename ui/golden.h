/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of golden recordings, DIR/manifest.yaml:
 *
 *	- name: parking
 *	  scenario: parking
 *	  seed: 7			# optional
 *	  set: { speed: 10 km/h }	# optional
 *	  keep: vhal,scenario		# channels or keys, as for --only
 *	  tolerances: parking.tolerances.yaml	# optional, beside it
 *	  reasons:			# why it was written, oldest first
 *	    - first version
 *
 * The golden itself is DIR/NAME.trace.zst, a canonical dump of what is kept.
 */
#ifndef AVSIM_UI_GOLDEN_H
#define AVSIM_UI_GOLDEN_H

#include "sim/core/err.h"

#include <stddef.h>

struct golden {
	char *name;
	char *scenario;
	char *seed;   /* or NULL */
	char **set;   /* "K=V" */
	size_t n_set;
	char *keep;
	char *tolerances; /* file name or NULL */
	char **reason;
	size_t n_reasons;
};

struct goldens {
	struct golden *v;
	size_t n;
};

#define GOLDEN_REASON_MAX 300

int goldens_parse(const char *name, const char *buf, size_t len,
		  struct goldens *out, struct av_diags *d);
/* Takes effect in the manifest by goldens_write(). 0 or -ENOMEM. */
int golden_add_reason(struct golden *g, const char *reason);
/* The whole manifest, by a temporary file beside it. 0 or -errno with @err. */
int goldens_write(const struct goldens *g, const char *path,
		  struct av_err *err);
void goldens_finish(struct goldens *g);

#endif
