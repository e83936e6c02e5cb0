/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli_diff.h"

#include "recordings/diff.h"
#include "recordings/report.h"
#include "sim/bundle.h"
#include "sim/vhal/vhal.h"
#include "ui/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLERANCES_MAX (16u << 20)
#define CONTEXT_DEFAULT 3

struct diff_cli {
	const char *tolerances, *only, *from, *to, *context;
	struct cli_list report;
	bool quiet;
};

bool cli_vhal_is_continuous(const char *key)
{
	char name[128];
	size_t len = strcspn(key, "/");
	const struct vhal_prop_info *p;

	if (len >= sizeof(name)) {
		return false;
	}
	memcpy(name, key, len);
	name[len] = '\0';
	p = vhal_prop_by_name(name);
	return p && p->mode == VHAL_CONTINUOUS;
}

int cli_load_tolerances(const char *path, struct tolerances *t)
{
	struct av_err err = { 0 };
	struct av_diags d = { 0 };
	char *text = NULL;
	size_t len;
	int ret = av_read_file(path, TOLERANCES_MAX, &text, &len, &err);

	if (ret < 0) {
		return cli_trouble("%s", err.msg);
	}
	ret = tolerances_parse(path, text, len, t, &d);
	free(text);
	if (ret == -ENOMEM) {
		cli_trouble("out of memory");
	}
	av_diags_print(&d, stderr);
	av_diags_finish(&d);
	return ret < 0 ? EXIT_TROUBLE : 0;
}

static int read_time(const char *name, const char *text, vtime *out)
{
	if (text && (vtime_parse(text, out) < 0 || *out < 0)) {
		return cli_trouble("--%s wants a time like 20s or 1.5min, not "
				   "'%s'",
				   name, text);
	}
	return 0;
}

static int read_options(const struct diff_cli *c, struct diff_opts *o)
{
	char *end;
	struct av_err err;
	unsigned long n;

	if (read_time("from", c->from, &o->from) ||
	    read_time("to", c->to, &o->to)) {
		return EXIT_TROUBLE;
	}
	if (o->to < o->from) {
		return cli_trouble("--to is before --from");
	}
	o->only = c->only;
	if (c->context) {
		n = strtoul(c->context, &end, 10);
		if (end == c->context || *end || n > DIFF_CONTEXT_MAX ||
		    c->context[0] == '-') {
			return cli_trouble("--context wants a number from 0 to "
					   "%d, not '%s'",
					   DIFF_CONTEXT_MAX, c->context);
		}
		o->context = n;
	}
	for (size_t i = 0; i < c->report.n; i++) {
		const char *path = c->report.v[i];
		size_t len = strlen(path);

		if (report_check_name(path, &err) < 0) {
			return cli_trouble("%s", err.msg);
		}
		if (len > 5 && !strcmp(path + len - 5, ".html")) {
			o->traces = REPORT_HTML_TRACES;
		}
	}
	return 0;
}

static int compare(const struct diff_cli *c, const char *a, const char *b)
{
	struct diff_opts o = { .to = VT_NEVER,
			       .context = CONTEXT_DEFAULT,
			       .continuous = cli_vhal_is_continuous };
	struct tolerances tol = { 0 };
	struct diff_result r = { 0 };
	struct av_err err = { 0 };
	int status = read_options(c, &o);

	if (status == 0 && c->tolerances) {
		status = cli_load_tolerances(c->tolerances, &tol);
		o.tol = &tol;
	}
	if (status == 0 && diff_files(a, b, &o, &r, &err) < 0) {
		status = cli_trouble("%s", err.msg);
	} else if (status == 0) {
		status = r.differs ? EXIT_FAIL : EXIT_PASS;
		if (!c->quiet) {
			report_text(&r, stdout, isatty(STDOUT_FILENO));
		}
	}
	for (size_t i = 0; i < c->report.n && status != EXIT_TROUBLE; i++) {
		if (report_file(&r, c->report.v[i], &err) < 0) {
			status = cli_trouble("%s", err.msg);
		}
	}
	diff_result_finish(&r);
	tolerances_finish(&tol);
	return status;
}

static int run(int argc, char **argv)
{
	struct diff_cli c = { 0 };
	const struct cli_opt opts[] = {
		{ "tolerances", OPT_STR, &c.tolerances },
		{ "only", OPT_STR, &c.only },
		{ "from", OPT_STR, &c.from },
		{ "to", OPT_STR, &c.to },
		{ "report", OPT_MULTI, &c.report },
		{ "context", OPT_STR, &c.context },
		{ "quiet", OPT_FLAG, &c.quiet },
		{ 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("diff", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n != 2) {
		cli_trouble("want two recordings: avsim diff A B");
	} else if (ret == 0) {
		status = compare(&c, rest.v[0], rest.v[1]);
	}
	cli_list_finish(&c.report);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_diff = {
	.name = "diff",
	.args = "A B [OPTION]...",
	.summary = "compare two recordings: what changed, where first, by how "
		   "much",
	.help = "A and B are recordings (.avrec) or canonical dumps (avsim dump; "
		"plain or zstd).\n\n"
		"  --tolerances FILE     YAML list of rules by channel:key; "
		"without a rule a key\n"
		"                        is compared exactly\n"
		"  --only GLOB[,GLOB]    channel or channel:key, e.g. "
		"vhal,command or\n"
		"                        'vhal:HVAC_*'\n"
		"  --from T, --to T      part of the recordings, inclusive\n"
		"  --report FILE         .txt, .json, .xml (JUnit) or .html; may "
		"be repeated\n"
		"  --context N           records around the first difference "
		"(default 3)\n"
		"  --quiet               exit status and reports only\n\n"
		"Exit status: 0 the same, 1 they differ, 2 could not compare.\n",
	.run = run,
};
