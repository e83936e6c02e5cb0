/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim COMMAND ...; without a command word it is "run", so that
 * `avsim --scenario parking` works.
 */
#include "config.h"

#include "ui/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *command_name(const void *ctx, size_t i)
{
	(void)ctx;
	return cli_table[i]->name;
}

static void usage(FILE *out)
{
	fputs("avsim backs an Android Automotive guest with a simulated car\n\n"
	      "  avsim --scenario parking      run a scenario (see avsim list "
	      "scenarios)\n\ncommands:\n",
	      out);
	for (size_t i = 0; i < cli_n_commands; i++) {
		fprintf(out, "  %-8s %s\n", cli_table[i]->name,
			cli_table[i]->summary);
	}
	fputs("\navsim COMMAND --help tells the options of one; the manual is "
	      "avsim(1)\n",
	      out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	char hint[96];

	setlocale(LC_CTYPE, ""); /* numbers stay in the C locale */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is a failed write */
	if (!strcmp(name, "--help") || !strcmp(name, "-h") ||
	    !strcmp(name, "help")) {
		usage(stdout);
		return EXIT_PASS;
	}
	if (!strcmp(name, "--version")) {
		puts(PACKAGE_STRING);
		return EXIT_PASS;
	}
	for (size_t i = 0; i < cli_n_commands; i++) {
		if (!strcmp(cli_table[i]->name, name)) {
			return cli_table[i]->run(argc - 1, argv + 1);
		}
		if (name[0] == '-' && !strcmp(cli_table[i]->name, "run")) {
			return cli_table[i]->run(argc, argv);
		}
	}
	return cli_trouble("unknown command '%s'%s; avsim --help lists them",
			   name,
			   av_suggest_text(hint, av_suggest(name,
							    cli_n_commands,
							    command_name,
							    NULL)));
}
