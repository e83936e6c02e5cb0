/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that choose records of a recording: dump, export.
 */
#ifndef AVSIM_UI_CLI_REC_H
#define AVSIM_UI_CLI_REC_H

#include "recordings/rec.h"
#include "ui/cli.h"

struct cli_rec_opts {
	const char *only, *from, *to;
};

#define CLI_REC_OPTS(o)                                                        \
	{ "only", OPT_STR, &(o).only }, { "from", OPT_STR, &(o).from },        \
	{                                                                      \
		"to", OPT_STR, &(o).to                                         \
	}

#define CLI_REC_HELP                                                           \
	"  --only GLOB[,GLOB]  channel or channel:key, for example vhal or\n"  \
	"                      'signal:Vehicle.*'\n"                           \
	"  --from T, --to T    part of the recording, inclusive\n"

/* 0, or EXIT_TROUBLE (said). Signals are derived where @only may ask for them. */
int cli_rec_filter(const struct cli_rec_opts *o, struct rec_filter *out);

#endif
