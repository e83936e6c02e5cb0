/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim record: avsim run for those who want the file and nothing else.
 */
#include "config.h"

#include "ui/cli.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern const struct cli_command cli_run;

static int run(int argc, char **argv)
{
	char **v = calloc((size_t)argc + 3, sizeof(*v));
	bool has_out = false, help = false;
	int n = 0, status;

	if (!v) {
		return cli_trouble("out of memory");
	}
	v[n++] = (char *)(uintptr_t)cli_run.name;
	v[n++] = (char *)(uintptr_t)"--headless";
	for (int i = 1; i < argc; i++) {
		bool out = !strcmp(argv[i], "-o");

		help = help || !strcmp(argv[i], "--help") ||
		       !strcmp(argv[i], "-h");
		has_out = has_out || out;
		v[n++] = out ? (char *)(uintptr_t)"--record" : argv[i];
	}
	if (help) {
		status = cli_parse("record", argc, argv, NULL,
				   &(struct cli_list){ 0 }) == 1 ?
				 EXIT_PASS :
				 EXIT_TROUBLE;
	} else if (!has_out) {
		status = cli_trouble("want: avsim record SCENARIO -o FILE");
	} else {
		status = cli_run.run(n, v);
	}
	free(v);
	return status;
}

const struct cli_command cli_record = {
	.name = "record",
	.args = "NAME|FILE -o FILE [OPTION]...",
	.summary = "run a scenario headless into a recording",
	.help = "  -o FILE  the recording to make\n\n"
		"Short for avsim run --headless --record FILE; takes the other "
		"options of\navsim run as well.\n",
	.run = run,
};
