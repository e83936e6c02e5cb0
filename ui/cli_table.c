/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli.h"

/* Each in ui/cli_NAME.c; rows in the order that --help shows. */
#define COMMANDS(X)

#define X(name) extern const struct cli_command cli_##name;
COMMANDS(X)
#undef X

const struct cli_command cli_table[] = { { 0 } };
const size_t cli_n_commands = 0;
