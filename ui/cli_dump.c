/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/rec.h"
#include "ui/cli.h"
#include "ui/cli_rec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One canonical line; long ones through the heap. 0 or -errno. */
static int put_line(const struct rec_record *rec)
{
	char buf[4096], *line = buf;
	size_t n = rec_line(rec, buf, sizeof(buf));
	int ret;

	if (n >= sizeof(buf)) {
		line = malloc(n + 1);
		if (!line) {
			return -ENOMEM;
		}
		rec_line(rec, line, n + 1);
	}
	ret = fwrite(line, 1, n, stdout) == n ? 0 : -errno;
	if (line != buf) {
		free(line);
	}
	return ret;
}

static int dump(const char *path, const struct rec_filter *f)
{
	struct rec_reader *r;
	struct rec_record rec;
	struct av_err err = { 0 };
	int ret = rec_open(path, &r, &err);

	if (ret < 0) {
		return cli_trouble("%s", err.msg);
	}
	ret = rec_seek(r, f, &err);
	while (ret == 0 && (ret = rec_next(r, &rec, &err)) > 0) {
		ret = put_line(&rec);
	}
	rec_close_reader(r);
	if (ret == 0 && fflush(stdout) != 0) {
		ret = -errno;
	}
	if (ferror(stdout)) {
		/* the reader of a pipe has seen enough: no need to tell it */
		return ret == -EPIPE ? EXIT_TROUBLE :
				       cli_trouble("cannot write to standard "
						   "output: %s",
						   strerror(-ret));
	}
	return ret < 0 ? cli_trouble("%s", err.msg[0] ? err.msg :
							"out of memory") :
			 EXIT_PASS;
}

static int run(int argc, char **argv)
{
	struct cli_rec_opts o = { 0 };
	const struct cli_opt opts[] = { CLI_REC_OPTS(o), { 0 } };
	struct rec_filter f;
	struct cli_list rest = { 0 };
	int ret = cli_parse("dump", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n != 1) {
		cli_trouble("want one recording: avsim dump FILE.avrec");
	} else if (ret == 0 && cli_rec_filter(&o, &f) == 0) {
		status = dump(rest.v[0], &f);
	}
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_dump = {
	.name = "dump",
	.args = "FILE [OPTION]...",
	.summary = "print a recording as canonical text",
	.help = CLI_REC_HELP
		"\nOne record a line: time in seconds, channel, key, values, "
		"separated by tabs;\nsee avsim-recording(5).\n",
	.run = run,
};
