/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the host services, the same for run and replay.
 */
#ifndef AVSIM_UI_CLI_SERVICES_H
#define AVSIM_UI_CLI_SERVICES_H

#include "sim/services/services.h"
#include "ui/cli.h"

struct cli_services {
	struct services_opts opts; /* for the run loop */
	const char *dumpstate_config;
	struct dumpstate_config *dumpstate;
};

/* Rows for the table of a command; @s: a struct cli_services. */
#define CLI_SERVICES_OPTS(s)                                                   \
	{ "run-dir", OPT_STR, &(s)->opts.run_dir },                            \
	{ "vhal-tcp", OPT_STR, &(s)->opts.vhal_tcp },                          \
	{ "host-vsock", OPT_FLAG, &(s)->opts.host_vsock },                     \
	{ "dumpstate-tcp", OPT_STR, &(s)->opts.dumpstate_tcp },                \
	{ "dumpstate-config", OPT_STR, &(s)->dumpstate_config },               \
	{ "tracing-tcp", OPT_STR, &(s)->opts.tracing_tcp },                    \
	{ "audio-focus", OPT_STR, &(s)->opts.audio_focus },                    \
	{ "audio-usages", OPT_STR, &(s)->opts.audio_usages },                  \
	{ "nmea-pty", OPT_STR, &(s)->opts.nmea_pty },                          \
	{ "debug-port", OPT_MAYBE, &(s)->opts.debug_port }

/* Check them and read their files, before anything runs. 0 or EXIT_TROUBLE. */
int cli_services_load(struct cli_services *s);
void cli_services_finish(struct cli_services *s);

#endif
