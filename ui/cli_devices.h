/* SPDX-License-Identifier: Apache-2.0 */
/* Options about devices, for the commands that run a world. */
#ifndef AVSIM_UI_CLI_DEVICES_H
#define AVSIM_UI_CLI_DEVICES_H

#include "ui/cli.h"
#include "vdevices/devices.h"

struct cli_devices {
	struct cli_list device; /* --device */
	struct cli_list port;	/* --port, behind those of the profile: */
	size_t n_soft_ports;
	bool no_sandbox, host_entropy;
	/* made of them by cli_devices_load() */
	struct device_spec *spec;
	size_t n;
	void **arena; /* of each spec */
};

/* Rows for the table of a command; @d: a struct cli_devices. */
#define CLI_DEVICES_OPTS(d)                                                    \
	{ "device", OPT_MULTI, &(d)->device },                                 \
		{ "port", OPT_MULTI, &(d)->port },                             \
		{ "no-sandbox", OPT_FLAG, &(d)->no_sandbox },                  \
	{                                                                      \
		"host-entropy", OPT_FLAG, &(d)->host_entropy                   \
	}

#define CLI_DEVICES_HELP                                                       \
	"  --device NAME[:TYPE][,KEY=VALUE...]\n"                              \
	"                        back a VirtIO device over vhost-user at\n"    \
	"                        NAME.sock in the run dir; repeatable; avsim " \
	"list\n"                                                               \
	"                        devices shows types and keys\n"               \
	"  --port NAME=TARGET    a byte channel at NAME.port in the run dir, "  \
	"for a\n"                                                              \
	"                        console or port of the VMM's own; TARGET is " \
	"a part\n"                                                             \
	"                        of avsim (gnss, bt, vhal, ...), pty:PATH, "   \
	"file:PATH,\n"                                                         \
	"                        unix:PATH, echo or none; repeatable\n"        \
	"  --host-entropy        rng gives the host's random bytes: not "      \
	"reproducible\n"                                                       \
	"  --no-sandbox          do not confine the processes of devices\n"

/* Check them before anything runs. 0 or EXIT_TROUBLE. */
int cli_devices_load(struct cli_devices *d);
void cli_devices_finish(struct cli_devices *d);

#endif
