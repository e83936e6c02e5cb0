/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli.h"

/* Each in ui/cli_NAME.c; rows in the order that --help shows. */
#define COMMANDS(X)                                                            \
	X(run)                                                                 \
	X(record)                                                              \
	X(replay)                                                              \
	X(verify)                                                              \
	X(diff)                                                                \
	X(golden)                                                              \
	X(dump)                                                                \
	X(import)                                                              \
	X(export)                                                              \
	X(lint)                                                                \
	X(list)                                                                \
	X(ctl)                                                                 \
	X(doctor)

#define X(name) extern const struct cli_command cli_##name;
COMMANDS(X)
#undef X

#define X(name) &cli_##name,
const struct cli_command *const cli_table[] = { COMMANDS(X) };
#undef X
const size_t cli_n_commands = sizeof(cli_table) / sizeof(cli_table[0]);
