/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim COMMAND ...; without a command word it is "run", so that
 * `avsim --scenario parking` works.
 */
#include "config.h"

#include "ui/cli.h"
#include "vdevices/host.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NOFILE_MAX = 65536 };

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

/*
 * A file that gets the number of a closed standard stream would take the texts
 * meant for it. What stands in fails reads and writes as a closed one does.
 */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) {
			return;
		}
	}
}

/* Output that did not arrive is no success; a reader that left knows it. */
static int check_output(int status)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	int ret;

	errno = 0;
	ret = fflush(stdout);
	if (ret == 0 && !ferror(stdout)) {
		return status;
	}
	if (status != EXIT_TROUBLE &&
	    !(poll(&out, 1, 0) == 1 && (out.revents & POLLERR))) {
		cli_trouble("cannot write to standard output%s%s",
			    errno ? ": " : "", errno ? strerror(errno) : "");
	}
	return EXIT_TROUBLE;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	char hint[96];

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
	return cli_trouble(
		"unknown command '%s'%s; avsim --help lists them", name,
		av_suggest_text(hint, av_suggest(name, cli_n_commands,
						 command_name, NULL)));
}

/* Each connection of a guest to the host is a descriptor; the usual soft limit
 * of 1024 is for programs that still use select(). */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max < NOFILE_MAX ? r.rlim_max : NOFILE_MAX;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int main(int argc, char **argv)
{
	/* a device's own process: no terminal, no locale, nothing of the rest
	 */
	if (argc > 1 && !strcmp(argv[1], VDEV_CHILD_ARG)) {
		return vdev_child_main(argc, argv);
	}
	hold_standard_streams();
	raise_limits();
	setlocale(LC_CTYPE, ""); /* numbers stay in the C locale */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is a failed write */
	return check_output(run(argc, argv));
}
