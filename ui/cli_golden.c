/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim golden: scenarios whose property traces are kept, so that a change of
 * behaviour is seen, looked at, and then accepted with a reason.
 */
#include "config.h"

#include "recordings/diff.h"
#include "recordings/report.h"
#include "sim/core/text.h"
#include "ui/cli_diff.h"
#include "ui/golden.h"
#include "ui/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#define MANIFEST_MAX (16u << 20)
#define LEVEL 19 /* written seldom, kept for ever */

struct golden_cli {
	const char *dir, *only, *reason;
	struct cli_list report;
	char manifest[PATH_MAX];
	char tmp[PATH_MAX]; /* folder for the runs */
	struct goldens all;
	bool written; /* the manifest has a new reason */
};

/* ---- a run ---- */

static int simulate(const struct golden *g, const char *path)
{
	struct cli_list set = { .v = (const char **)g->set, .n = g->n_set };
	struct session s = { .until = VT_NEVER };
	struct av_err err = { 0 };
	int status = session_set(&s, &set);

	if (status == 0 && g->seed) {
		status = session_seed(&s, g->seed);
	}
	if (status == 0) {
		status = session_open(&s, g->scenario, NULL);
	}
	if (status == 0) {
		status = session_record(&s, path, "run", g->scenario, 0);
	}
	if (status == 0 && world_start(s.w, &err) < 0) {
		status = session_trouble(NULL, &err);
	}
	if (status == 0) {
		world_run_until(s.w, VT_NEVER);
		world_end(s.w);
	}
	if (status == 0 && session_close_rec(&s, &err) < 0) {
		status = session_trouble(NULL, &err);
	}
	session_finish(&s);
	return status;
}

/* A path below @dir. 0 or EXIT_TROUBLE (said). */
static int join(char out[PATH_MAX], const char *dir, const char *name,
		const char *suffix)
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix) >= PATH_MAX) {
		return cli_trouble("path is too long: %s", dir);
	}
	return 0;
}

/* ---- the trace ---- */

struct packer {
	ZSTD_CCtx *z;
	FILE *f;
	char *line;
	size_t room;
	char out[65536];
};

static int pack(struct packer *p, const void *data, size_t len,
		ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = { .src = data, .size = len };
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = p->out, .size = sizeof(p->out) };

		left = ZSTD_compressStream2(p->z, &out, &in, end);
		if (ZSTD_isError(left) ||
		    fwrite(p->out, 1, out.pos, p->f) != out.pos) {
			return -EIO;
		}
	} while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int pack_record(struct packer *p, const struct rec_record *rec)
{
	size_t n = rec_line(rec, p->line, p->room);

	if (n >= p->room) {
		char *v = realloc(p->line, n + 1);

		if (!v) {
			return -ENOMEM;
		}
		p->line = v;
		p->room = n + 1;
		rec_line(rec, p->line, p->room);
	}
	return pack(p, p->line, n, ZSTD_e_continue);
}

static int pack_all(struct packer *p, const char *rec_path, const char *keep,
		    struct av_err *err)
{
	struct rec_filter f = { .to = VT_NEVER, .only = keep, .text = true };
	struct rec_record rec = { 0 };
	struct rec_reader *r;
	int ret = rec_open(rec_path, &r, err);

	if (ret < 0) {
		return ret;
	}
	ret = rec_seek(r, &f, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		ret = pack_record(p, &rec);
	}
	if (ret == 0) {
		ret = pack(p, "", 0, ZSTD_e_end);
	}
	rec_close_reader(r);
	return ret;
}

/* What @keep lets through of a recording, as a compressed dump. */
static int write_trace(const char *rec_path, const char *keep, const char *path)
{
	struct packer p = { .z = ZSTD_createCCtx() };
	struct av_err err = { 0 };
	char tmp[PATH_MAX + 8];
	int ret = -ENOMEM;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	p.f = fopen(tmp, "we");
	if (p.f && p.z) {
		ZSTD_CCtx_setParameter(p.z, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(p.z, ZSTD_c_checksumFlag, 1);
		ret = pack_all(&p, rec_path, keep, &err);
	}
	if (p.f && fclose(p.f) != 0) {
		ret = -EIO;
	}
	ZSTD_freeCCtx(p.z);
	free(p.line);
	if (ret < 0 || rename(tmp, path) < 0) {
		unlink(tmp);
		return cli_trouble("cannot write %s: %s", path,
				   err.msg[0] ? err.msg : strerror(errno));
	}
	return 0;
}

/* ---- comparing ---- */

static int compare(const char *a, const char *b, const struct diff_opts *o,
		   struct diff_result *r)
{
	struct av_err err = { 0 };

	if (diff_files(a, b, o, r, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	return 0;
}

static int write_reports(const struct golden_cli *c,
			 const struct diff_result *r)
{
	struct av_err err;

	for (size_t i = 0; i < c->report.n; i++) {
		if (report_file(r, c->report.v[i], &err) < 0) {
			return cli_trouble("%s", err.msg);
		}
	}
	return 0;
}

static int check_one(const struct golden_cli *c, const struct golden *g)
{
	struct diff_opts o = { .to = VT_NEVER,
			       .only = g->keep,
			       .context = 3,
			       .traces = REPORT_HTML_TRACES,
			       .continuous = cli_vhal_is_continuous };
	char run[PATH_MAX], trace[PATH_MAX], tol_path[PATH_MAX];
	struct tolerances tol = { 0 };
	struct diff_result r = { 0 };
	int status = join(trace, c->dir, g->name, ".trace.zst");

	if (status == 0 && access(trace, R_OK) < 0) {
		return cli_trouble("there is no %s yet; write it with avsim "
				   "golden update --only %s --reason TEXT",
				   trace, g->name);
	}
	status = status ? status : join(run, c->tmp, g->name, ".avrec");
	if (status == 0 && g->tolerances) {
		status = join(tol_path, c->dir, g->tolerances, "");
		status = status ? status : cli_load_tolerances(tol_path, &tol);
		o.tol = &tol;
	}
	status = status ? status : simulate(g, run);
	status = status ? status : compare(trace, run, &o, &r);
	if (status == 0 && !r.differs) {
		printf("%s: same, %llu records\n", g->name,
		       (unsigned long long)r.total.same);
	} else if (status == 0) {
		status = EXIT_FAIL;
		report_text(&r, stdout, isatty(STDOUT_FILENO));
		printf("\n%s differs from its golden. If that is meant: avsim "
		       "golden update --only %s --reason TEXT\n",
		       g->name, g->name);
	}
	if (status != EXIT_TROUBLE && write_reports(c, &r)) {
		status = EXIT_TROUBLE;
	}
	unlink(run);
	diff_result_finish(&r);
	tolerances_finish(&tol);
	return status;
}

static int update_one(struct golden_cli *c, struct golden *g)
{
	struct diff_opts o = { .to = VT_NEVER, .context = 3 };
	char run[2][PATH_MAX], trace[PATH_MAX];
	struct diff_result r = { 0 };
	int status = join(trace, c->dir, g->name, ".trace.zst");

	status = status ? status : join(run[0], c->tmp, g->name, ".1.avrec");
	status = status ? status : join(run[1], c->tmp, g->name, ".2.avrec");
	if (status) {
		return status;
	}
	status = simulate(g, run[0]);
	status = status ? status : simulate(g, run[1]);
	status = status ? status : compare(run[0], run[1], &o, &r);
	if (status == 0 && r.differs) {
		report_text(&r, stdout, isatty(STDOUT_FILENO));
		printf("\n%s is not written: two runs of it differ\n",
		       g->name);
		status = EXIT_FAIL;
	}
	status = status ? status : write_trace(run[0], g->keep, trace);
	if (status == 0) {
		printf("%s: written\n", trace);
		c->written = true;
		if (golden_add_reason(g, c->reason) < 0) {
			status = cli_trouble("out of memory");
		}
	}
	unlink(run[0]);
	unlink(run[1]);
	diff_result_finish(&r);
	return status;
}

/* ---- the command ---- */

static const char *golden_name(const void *ctx, size_t i)
{
	return ((const struct goldens *)ctx)->v[i].name;
}

/* All that --only lets through; the worst status of them. */
static int each(struct golden_cli *c, bool update)
{
	const char *only = c->only ? c->only : "*";
	int worst = 0;
	size_t n = 0;
	char hint[96];

	for (size_t i = 0; i < c->all.n; i++) {
		struct golden *g = &c->all.v[i];
		int status;

		if (!av_glob(only, strlen(only), g->name)) {
			continue;
		}
		n++;
		status = update ? update_one(c, g) : check_one(c, g);
		worst = status > worst ? status : worst;
	}
	if (n == 0) {
		return cli_trouble("no golden is called '%s'%s; see %s", only,
				   av_suggest_text(hint,
						   av_suggest(only, c->all.n,
							      golden_name,
							      &c->all)),
				   c->manifest);
	}
	return worst;
}

static int load(struct golden_cli *c)
{
	struct av_diags d = { 0 };
	struct av_err err = { 0 };
	char *text = NULL;
	size_t len;
	int ret;

	if (join(c->manifest, c->dir, "manifest.yaml", "")) {
		return EXIT_TROUBLE;
	}
	if (av_read_file(c->manifest, MANIFEST_MAX, &text, &len, &err) < 0) {
		return cli_trouble("%s", err.msg);
	}
	ret = goldens_parse(c->manifest, text, len, &c->all, &d);
	free(text);
	return ret < 0 ? session_trouble(&d, &err) : 0;
}

static int make_tmp(struct golden_cli *c)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(c->tmp, sizeof(c->tmp), "%.400s/avsim-golden-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(c->tmp)) {
		return cli_trouble("cannot make a folder for the runs, %s: %s",
				   c->tmp, strerror(errno));
	}
	return 0;
}

static int golden(struct golden_cli *c, bool update)
{
	char dir[PATH_MAX];
	struct av_err err = { 0 };
	int status;

	if (!c->dir) {
		if (join(dir, cli_data_dir(), "tests/golden", "")) {
			return EXIT_TROUBLE;
		}
		c->dir = dir;
	}
	status = load(c);
	status = status ? status : make_tmp(c);
	if (status) {
		return status;
	}
	status = each(c, update);
	rmdir(c->tmp);
	/* what was written is in the manifest even if another one failed */
	if (c->written && goldens_write(&c->all, c->manifest, &err) < 0) {
		status = cli_trouble("%s", err.msg);
	}
	return status;
}

static int check_update_options(const struct golden_cli *c)
{
	if (!c->only || !c->reason || !*c->reason) {
		return cli_trouble("golden update wants --only GLOB and "
				   "--reason TEXT: which ones, and why");
	}
	if (strlen(c->reason) > GOLDEN_REASON_MAX || strchr(c->reason, '\n')) {
		return cli_trouble("--reason wants one line of at most %d "
				   "bytes",
				   GOLDEN_REASON_MAX);
	}
	return 0;
}

static int check_check_options(const struct golden_cli *c)
{
	struct av_err err;

	if (c->reason) {
		return cli_trouble("--reason is for golden update");
	}
	for (size_t i = 0; i < c->report.n; i++) {
		if (report_check_name(c->report.v[i], &err) < 0) {
			return cli_trouble("%s", err.msg);
		}
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct golden_cli c = { 0 };
	const struct cli_opt opts[] = {
		{ "dir", OPT_STR, &c.dir },
		{ "only", OPT_STR, &c.only },
		{ "reason", OPT_STR, &c.reason },
		{ "report", OPT_MULTI, &c.report },
		{ 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("golden", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n == 1 && !strcmp(rest.v[0], "check")) {
		status = check_check_options(&c);
		status = status ? status : golden(&c, false);
	} else if (ret == 0 && rest.n == 1 && !strcmp(rest.v[0], "update")) {
		status = check_update_options(&c);
		status = status ? status : golden(&c, true);
	} else if (ret == 0) {
		cli_trouble("want avsim golden check or avsim golden update");
	}
	goldens_finish(&c.all);
	cli_list_finish(&c.report);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_golden = {
	.name = "golden",
	.args = "check|update [OPTION]...",
	.summary = "compare scenarios with their golden recordings, or write "
		   "these anew",
	.help = "  --only GLOB    which goldens, by name (update: needed)\n"
		"  --reason TEXT  why the golden changes; kept in the manifest "
		"(update: needed)\n"
		"  --dir DIR      where they are (default tests/golden of the "
		"source tree)\n"
		"  --report FILE  check: as for avsim diff\n\n"
		"update runs each scenario twice and refuses where the runs "
		"differ.\n"
		"Exit status: 0 the same or written, 1 they differ, 2 could "
		"not run.\n",
	.run = run,
};
