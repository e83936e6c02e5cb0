/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats.h"
#include "ui/cli.h"
#include "ui/cli_rec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *exporter_name(const void *ctx, size_t i)
{
	(void)ctx;
	return exporters[i].name;
}

static const struct exporter *find(const char *name)
{
	char hint[96];

	for (size_t i = 0; i < n_exporters; i++) {
		if (!strcmp(exporters[i].name, name)) {
			return &exporters[i];
		}
	}
	cli_trouble("no format '%s'%s; avsim list formats shows them", name,
		    av_suggest_text(hint, av_suggest(name, n_exporters,
						     exporter_name, NULL)));
	return NULL;
}

/* Standard output, a device or a pipe: nothing that a file could replace. */
static bool is_stream(const char *out)
{
	struct stat st;

	return !strcmp(out, "-") || (stat(out, &st) == 0 &&
				     !S_ISREG(st.st_mode));
}

/* To a new file beside @out, moved into place when it is whole. */
static int export_file(struct rec_reader *r, const struct exporter *e,
		       const struct rec_filter *f, const char *out)
{
	struct av_err err = { 0 };
	bool to_stdout = !strcmp(out, "-"), stream = is_stream(out);
	size_t len = strlen(out) + 8;
	char *tmp = malloc(len);
	FILE *file = stdout;
	int ret;

	if (!tmp) {
		return cli_trouble("out of memory");
	}
	snprintf(tmp, len, "%s%s", out, stream ? "" : ".part");
	if (!to_stdout) {
		file = fopen(tmp, "we");
		if (!file) {
			ret = cli_trouble("cannot write %s: %s", tmp,
					  strerror(errno));
			free(tmp);
			return ret;
		}
	}
	ret = e->run(r, f, file, &err);
	if (ret < 0) {
		cli_trouble("%s", err.msg);
	}
	if (ferror(file) | (to_stdout ? fflush(file) : fclose(file))) {
		ret = ret < 0 ? ret : -EIO;
		cli_trouble("cannot write %s: %s", out, strerror(errno));
	}
	if (ret == 0 && !stream && rename(tmp, out) < 0) {
		ret = -errno;
		cli_trouble("cannot write %s: %s", out, strerror(errno));
	}
	if (ret < 0 && !stream) {
		unlink(tmp);
	}
	free(tmp);
	return ret < 0 ? EXIT_TROUBLE : EXIT_PASS;
}

static int run(int argc, char **argv)
{
	struct cli_rec_opts o = { 0 };
	const char *format = NULL, *out = NULL;
	const struct cli_opt opts[] = { CLI_REC_OPTS(o),
					{ "format", OPT_STR, &format },
					{ "o", OPT_STR, &out },
					{ 0 } };
	const struct exporter *e = NULL;
	struct rec_reader *r;
	struct rec_filter f;
	struct av_err err = { 0 };
	struct cli_list rest = { 0 };
	int ret = cli_parse("export", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && (rest.n != 1 || !format || !out)) {
		cli_trouble("want: avsim export FILE.avrec --format F -o OUT");
	} else if (ret == 0 && (e = find(format)) &&
		   cli_rec_filter(&o, &f) == 0) {
		if (rec_open(rest.v[0], &r, &err) < 0) {
			cli_trouble("%s", err.msg);
		} else {
			status = export_file(r, e, &f, out);
			rec_close_reader(r);
		}
	}
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_export = {
	.name = "export",
	.args = "FILE --format F -o OUT [OPTION]...",
	.summary = "write a recording in another format",
	.help = "  --format F          see avsim list formats\n"
		"  -o OUT              file to write, - for standard "
		"output\n" CLI_REC_HELP,
	.run = run,
};
