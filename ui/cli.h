/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one row per subcommand (cli_table.c), each in a file of its
 * own, ui/cli_NAME.c. A subcommand returns its exit status: 0 pass, 1 an
 * expectation or a diff failed, 2 could not run.
 */
#ifndef AVSIM_UI_CLI_H
#define AVSIM_UI_CLI_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_PASS = 0, EXIT_FAIL = 1, EXIT_TROUBLE = 2 };

struct cli_command {
	const char *name;
	const char *args;    /* synopsis after the name */
	const char *summary; /* one line */
	const char *help;    /* options and notes, shown by --help */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct cli_command *const cli_table[];
extern const size_t cli_n_commands;

/*
 * Option parsing for all commands: "--name value" or "--name=value"; a name of one
 * letter is "-o value". Unknown ones give a suggestion and exit status 2.
 */
struct cli_opt {
	const char *name; /* without dashes */
	/* OPT_MAYBE: a value only as "--name=value", else it is "" */
	enum { OPT_FLAG, OPT_STR, OPT_MAYBE, OPT_MULTI } type;
	void *out; /* bool *, const char **, likewise, struct cli_list * */
};
struct cli_list {
	const char **v;
	size_t n;
};

/**
 * cli_parse() - Options into @opts, the rest into @rest (borrowed from argv)
 *
 * "--help" prints the command's help and returns 1; the caller then exits 0.
 * Return: 0, 1 (help shown), -EINVAL (message printed).
 */
int cli_parse(const char *command, int argc, char **argv,
	      const struct cli_opt *opts, struct cli_list *rest);
void cli_list_finish(struct cli_list *l);

/* "avsim: text" on stderr. Return: EXIT_TROUBLE. */
int cli_trouble(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Where the project's data (scenarios, vehicles) is: a folder. Borrowed. */
const char *cli_data_dir(void);

#endif
