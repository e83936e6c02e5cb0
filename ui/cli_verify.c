/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim verify: the proof that a scenario is deterministic. Every run is made
 * from scratch; the first is recorded, the others are compared with it record
 * by record while they run.
 */
#include "config.h"

#include "recordings/replay_check.h"
#include "sim/core/pace.h"
#include "ui/session.h"
#include "ui/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verify_opts {
	const char *scenario, *vehicle, *seed, *until, *runs;
	struct cli_list set;
};

/* One world from the options. 0 or EXIT_TROUBLE (said). */
static int open_one(struct session *s, const struct verify_opts *o)
{
	if ((o->seed && session_seed(s, o->seed)) ||
	    (o->until && session_until(s, o->until)) ||
	    session_set(s, &o->set)) {
		return EXIT_TROUBLE;
	}
	return session_open(s, o->scenario, o->vehicle);
}

static int run_one(struct session *s)
{
	struct av_err err = { 0 };

	if (world_start(s->w, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	world_run_until(s->w, VT_NEVER);
	world_end(s->w);
	return 0;
}

static int record_first(const struct verify_opts *o, const char *path)
{
	struct session s = { 0 };
	struct av_err err = { 0 };
	int status = open_one(&s, o);

	if (status == 0) {
		status = session_record(&s, path, "run", o->scenario, 0);
	}
	if (status == 0) {
		status = run_one(&s);
	}
	if (status == 0 && session_close_rec(&s, &err) < 0) {
		status = session_trouble(NULL, &err);
	}
	session_finish(&s);
	return status;
}

/* Return: 0 the same, EXIT_FAIL with both records printed, EXIT_TROUBLE. */
static int compare_one(const struct verify_opts *o, const char *path, long run,
		       uint64_t *n_records)
{
	struct session s = { 0 };
	struct av_err err = { 0 };
	struct replay_check *check = NULL;
	struct replay_result res;
	int status = open_one(&s, o);

	if (status == 0 &&
	    replay_check_create(path, s.w->bus, &check, &err) < 0) {
		status = session_trouble(NULL, &err);
	}
	if (status == 0) {
		status = run_one(&s);
	}
	if (status == 0) {
		replay_check_finish(check, &res);
		*n_records = res.n_compared;
		if (res.error[0]) {
			status = cli_trouble("%s", res.error);
		} else if (res.differs) {
			printf("run %ld differs from run 1 at record %llu:\n"
			       "  run 1: %s\n  run %ld: %s\n",
			       run, (unsigned long long)res.at, res.want, run,
			       res.got);
			status = EXIT_FAIL;
		}
	}
	replay_check_destroy(check);
	session_finish(&s);
	return status;
}

static int verify(const struct verify_opts *o)
{
	const char *tmp = getenv("TMPDIR");
	char dir[512], path[600];
	uint64_t n = 0;
	long runs = 2;
	char *end;
	int status;

	if (o->runs) {
		runs = strtol(o->runs, &end, 10);
		if (end == o->runs || *end || runs < 2 || runs > 1000) {
			return cli_trouble("--runs wants a number from 2 to "
					   "1000, not '%s'",
					   o->runs);
		}
	}
	snprintf(dir, sizeof(dir), "%s/avsim-verify-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		return cli_trouble("cannot make a folder for the first run in "
				   "%s: %s",
				   dir, strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/first.avrec", dir);
	status = record_first(o, path);
	for (long i = 2; i <= runs && status == 0; i++) {
		status = compare_one(o, path, i, &n);
		if (status == 0 && isatty(STDERR_FILENO)) {
			fprintf(stderr, "run %ld of %ld: same\r", i, runs);
		}
	}
	if (status == 0) {
		printf("%s: %ld runs, %llu records each, all the same\n",
		       o->scenario, runs, (unsigned long long)n);
	}
	unlink(path);
	rmdir(dir);
	return status;
}

static int run(int argc, char **argv)
{
	struct verify_opts o = { 0 };
	const struct cli_opt opts[] = {
		{ "scenario", OPT_STR, &o.scenario },
		{ "vehicle", OPT_STR, &o.vehicle },
		{ "seed", OPT_STR, &o.seed },
		{ "until", OPT_STR, &o.until },
		{ "runs", OPT_STR, &o.runs },
		{ "set", OPT_MULTI, &o.set },
		{ 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("verify", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0) {
		if (!o.scenario && rest.n == 1) {
			o.scenario = rest.v[0];
			rest.n = 0;
		}
		if (!o.scenario || rest.n > 0) {
			cli_trouble("want one scenario: avsim verify "
				    "--scenario NAME --runs N");
		} else {
			status = verify(&o);
		}
	}
	cli_list_finish(&o.set);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_verify = {
	.name = "verify",
	.args = "[--scenario] NAME|FILE [OPTION]...",
	.summary = "run a scenario several times and compare every record",
	.help = "  --scenario NAME|FILE  what to run\n"
		"  --runs N              how often (default 2)\n"
		"  --set, --seed, --vehicle, --until\n"
		"                        as for avsim run\n\n"
		"Exit status: 0 all runs are the same, 1 they differ (the first "
		"record that\ndiffers is printed), 2 could not run.\n",
	.run = run,
};
