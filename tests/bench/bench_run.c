/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole runs: the parking scenario headless on one core, what it takes to start,
 * and how late a replayed drive's frames are beside a bare timer loop. Needs
 * ./avsim built and, for the lateness, a candump log.
 */
#include "config.h"

#include "tests/bench/bench.h"

#include "recordings/replay_source.h"
#include "sim/world.h"
#include "ui/runloop.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 7

struct figures {
	double wall_s, rss_mb;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* Run a program pinned to one core, output thrown away. */
static struct figures run_pinned(char *const argv[])
{
	struct figures f = { 0 };
	double t = bench_now_s();
	struct rusage ru;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(0, &set);
		sched_setaffinity(0, sizeof(set), &set);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &ru) < 0 ||
	    !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		return f;
	}
	f.wall_s = bench_now_s() - t;
	f.rss_mb = (double)ru.ru_maxrss / 1024;
	return f;
}

static void sumo_peer(double *factor)
{
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	char path[4096];
	double t;
	FILE *p;

	snprintf(path, sizeof(path), "sh %s/tests/bench/peer_sumo.sh",
		 top ? top : ".");
	p = popen(path, "r");
	*factor = p && fscanf(p, "%lf", &t) == 1 && t > 0 ? 600 / t : 0;
	if (p) {
		pclose(p);
	}
}

static void bench_runs(const char *work)
{
	char rec[4200];
	char *plain[] = { (char *)"./avsim",	 (char *)"run",
			  (char *)"parking",	 (char *)"--headless",
			  (char *)"--no-record", NULL };
	char *recorded[] = { (char *)"./avsim",	   (char *)"run",
			     (char *)"parking",	   (char *)"--headless",
			     (char *)"--record",   rec,
			     NULL };
	char *start[] = { (char *)"./avsim",	 (char *)"run",
			  (char *)"parking",	 (char *)"--headless",
			  (char *)"--no-record", (char *)"--until",
			  (char *)"10ms",	 NULL };
	double a[ROUNDS], b[ROUNDS], c[ROUNDS], rss = 0, sumo = 0;

	snprintf(rec, sizeof(rec), "%s/run.avrec", work);
	for (int i = 0; i < ROUNDS; i++) {
		struct figures f;

		a[i] = run_pinned(plain).wall_s;
		f = run_pinned(recorded);
		unlink(rec);
		b[i] = f.wall_s;
		rss = f.rss_mb > rss ? f.rss_mb : rss;
		c[i] = run_pinned(start).wall_s;
	}
	sumo_peer(&sumo);
	bench_row("parking 60 s, one core", 60 / median(a, ROUNDS),
		  "x real time", ">= 1000",
		  sumo > 0 ? "SUMO, one car, no CAN" :
			     "SUMO is not installed",
		  sumo);
	bench_row("parking 60 s, recorded, one core",
		  60 / median(b, ROUNDS), "x real time", ">= 500", NULL, 0);
	bench_row("memory of that", rss, "MB", "<= 50", NULL, 0);
	bench_row("exec to first step and exit", median(c, ROUNDS) * 1e3, "ms",
		  "<= 50", NULL, 0);
}

/* ---- lateness ---- */

#define LATE_MAX 200000

struct late {
	double us[LATE_MAX];
	size_t n;
	struct pace *pace;
};

static void on_can(void *ctx, const void *msg)
{
	struct late *l = ctx;
	const struct can_frame *f = msg;

	if (l->n < LATE_MAX) {
		l->us[l->n++] = (double)(pace_wall_ns() - l->pace->wall0 -
					 (f->t - l->pace->virt0)) /
				1e3;
	}
}

static int replay_part(const char *path, double seconds, struct late *l,
		       int64_t *due, size_t *n_due)
{
	struct rec_reader *r;
	struct rec_record rec;
	struct rec_filter f = { .to = VT_NEVER, .channels = 1u << REC_CAN };
	struct bundle in = { 0 };
	struct world *w;
	struct replay_source *src;
	struct pace pace;
	struct av_err err;
	struct av_diags d = { 0 };
	struct runloop loop = { .pace = &pace };

	if (rec_open(path, &r, &err) < 0 || rec_seek(r, &f, &err) < 0) {
		return -EIO;
	}
	*n_due = 0;
	while (rec_next(r, &rec, &err) > 0 &&
	       rec.t <= vtime_from_s(seconds) && *n_due < LATE_MAX) {
		due[(*n_due)++] = rec.t;
	}
	for (size_t i = 0; i < rec_inputs(r, &err)->n; i++) {
		const struct bundle_file *b = &rec_inputs(r, &err)->file[i];

		bundle_add(&in, b->role, b->key, b->name, b->data, b->len);
	}
	rec_close_reader(r);
	if (world_create(&(struct world_opts){ .inputs = &in,
					       .until = vtime_from_s(seconds) },
			 &w, &d) < 0 ||
	    replay_source_create(path, w, &src, &err) < 0 ||
	    bus_subscribe(w->bus, TOPIC_CAN, STAGE_TAP, "bench", on_can, l,
			  &err) < 0 ||
	    world_start(w, &err) < 0) {
		return -EIO;
	}
	pace_init(&pace, 1);
	l->pace = &pace;
	loop.w = w;
	runloop_run(&loop, &err);
	replay_source_destroy(src);
	world_destroy(w);
	bundle_finish(&in);
	return 0;
}

static void nanosleep_loop(const int64_t *due, size_t n, struct late *l)
{
	int64_t start = pace_wall_ns();

	for (size_t i = 0; i < n; i++) {
		int64_t at = start + due[i];
		struct timespec ts = { .tv_sec = at / 1000000000,
				       .tv_nsec = at % 1000000000 };

		if (i == 0 || due[i] != due[i - 1]) {
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts,
					NULL);
		}
		if (l->n < LATE_MAX) {
			l->us[l->n++] = (double)(pace_wall_ns() - at) / 1e3;
		}
	}
}

static void bench_lateness(const char *work)
{
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	const char *shared = getenv("AVSIM_SHARED_DATA");
	static struct late ours, bare;
	static int64_t due[LATE_MAX];
	char rec[4200], log[4200], cmd[16384];
	double p50, p99;
	size_t n = 0;

	snprintf(rec, sizeof(rec), "%s/rav4.avrec", work);
	if (shared) {
		snprintf(log, sizeof(log), "%s/can/rav4_drive_60s.candump.log",
			 shared);
	} else {
		snprintf(log, sizeof(log),
			 "%s/../shared/data/can/rav4_drive_60s.candump.log",
			 top ? top : ".");
	}
	if (access(log, R_OK) != 0) {
		printf("replay lateness: skipped, no rav4_drive_60s.candump.log\n");
		return;
	}
	snprintf(cmd, sizeof(cmd), "./avsim import %s -o %s >/dev/null", log,
		 rec);
	if (system(cmd) != 0) {
		printf("replay lateness: skipped, the import failed\n");
		return;
	}
	for (int i = 0; i < 3; i++) { /* in turn: the machine is noisy */
		if (replay_part(rec, 3, &ours, due, &n) < 0) {
			printf("replay lateness: the replay failed\n");
			return;
		}
		nanosleep_loop(due, n, &bare);
	}
	qsort(ours.us, ours.n, sizeof(double), by_value);
	qsort(bare.us, bare.n, sizeof(double), by_value);
	p50 = bare.us[bare.n / 2];
	p99 = bare.us[bare.n * 99 / 100];
	bench_row("replay lateness p50", ours.us[ours.n / 2], "us", "<= 1.3x",
		  "clock_nanosleep loop", p50);
	bench_row("replay lateness p99", ours.us[ours.n * 99 / 100], "us",
		  "<= 1.3x", "clock_nanosleep loop", p99);
	unlink(rec);
}

int main(void)
{
	char work[] = "/tmp/avsim-bench-XXXXXX";

	if (!mkdtemp(work)) {
		return 1;
	}
	bench_title("run");
	bench_runs(work);
	bench_lateness(work);
	rmdir(work);
	return 0;
}
