/* SPDX-License-Identifier: Apache-2.0 */
/* Guest profiles on the command line: --guest, --guest-set, --print-vmm. */
#ifndef AVSIM_UI_CLI_GUEST_H
#define AVSIM_UI_CLI_GUEST_H

#include "ui/cli.h"
#include "ui/cli_devices.h"
#include "vdevices/vmm.h"

#include <limits.h>

/* Where make guest-kit leaves kernel-ARCH and initrd-ARCH.cpio. 0 or -errno
 * with @out "". */
int cli_guest_kit_dir(char out[PATH_MAX]);

struct cli_guest {
	const char *profile; /* --guest: name or file */
	struct cli_list set; /* --guest-set */
	bool print;          /* --print-vmm */
	bool by_hand;        /* --no-vmm */
	/* made of them by cli_guest_load() */
	struct guest *guest;
	char path[PATH_MAX]; /* of the profile */
};

/* Rows for the table of a command; @g: a struct cli_guest. */
#define CLI_GUEST_OPTS(g)                                                      \
	{ "guest", OPT_STR, &(g)->profile },                                   \
		{ "guest-set", OPT_MULTI, &(g)->set },                         \
		{ "no-vmm", OPT_FLAG, &(g)->by_hand },                         \
	{                                                                      \
		"print-vmm", OPT_FLAG, &(g)->print                             \
	}

#define CLI_GUEST_HELP                                                         \
	"  --guest NAME|FILE     run a guest with it; avsim list guests shows\n" \
	"                        profiles\n"                                   \
	"  --guest-set NAME=VALUE\n"                                           \
	"                        a parameter of the profile; repeatable\n"     \
	"  --print-vmm           print the guest's command line and stop\n"      \
	"  --no-vmm              back the profile's devices; you start the guest\n"

/*
 * Read the profile, and load @d: the profile's devices and ports in front of
 * those of the command line, which replace the ones of the same name. Before
 * anything runs. 0 or EXIT_TROUBLE.
 */
int cli_guest_load(struct cli_guest *g, struct cli_devices *d);
/* --print-vmm. @run_dir: NULL where none was given. The exit status. */
int cli_guest_print(const struct cli_guest *g, const struct cli_devices *d,
		    const char *run_dir);
void cli_guest_finish(struct cli_guest *g);

/* File of the bundled profile @name, or @name itself where it is a path. */
void cli_guest_path(const char *name, char out[PATH_MAX]);
/* A profile without values of parameters: what is in it. */
int cli_guest_read(const char *path, struct guest **out, struct av_diags *d,
		   struct av_err *err);

#endif
