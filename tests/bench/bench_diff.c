/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing recordings: speed beside pandas (merge_asof) and GNU diff on the very
 * same files, memory over ten million records, and the same answer as pandas and
 * as the generator, which is checked and not only printed.
 */
#include "config.h"

#include "recordings/diff.h"
#include "recordings/rec.h"
#include "sim/core/rand.h"
#include "sim/core/text.h"
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_KEYS 50
#define STEP_NS (100 * VT_US) /* between records; one key every 5 ms */
#define JITTER_NS (900 * VT_US)
#define TOLERANCE "- match: vhal\n  time: 1ms\n"
#define TOLERANCE_S "0.001"

struct truth {
	uint64_t dropped, changed;
};

struct line {
	vtime t;
	unsigned int key;
	double value;
};

static char dir[64];

static char *path_of(const char *name, char *buf)
{
	snprintf(buf, 128, "%s/%s", dir, name);
	return buf;
}

static void put_line(FILE *f, const struct line *l)
{
	char buf[128], *p = buf;

	p += vtime_format(l->t, p);
	p += sprintf(p, "\tvhal\tP%02u/0\t", l->key);
	p += av_num_text(l->value, p);
	*p++ = '\n';
	fwrite(buf, 1, (size_t)(p - buf), f);
}

/* The other side: 0.05 % dropped, 0.05 % changed, 10 % moved in time. Moved
 * lines are put back in order through a small insertion window. */
struct varied {
	struct line wait[64];
	size_t n;
	FILE *f;
};

static void flush_until(struct varied *v, vtime t)
{
	size_t k = 0;

	while (k < v->n && v->wait[k].t < t) {
		put_line(v->f, &v->wait[k++]);
	}
	v->n -= k;
	memmove(v->wait, v->wait + k, v->n * sizeof(v->wait[0]));
}

static void vary(struct varied *v, struct av_rand *r, struct line l,
		 struct truth *truth)
{
	uint64_t dice = av_rand_below(r, 100000);
	size_t i;

	if (dice < 50) {
		truth->dropped++;
		return;
	}
	if (dice < 100) {
		l.value += 1 + (double)av_rand_below(r, 100) / 100;
		truth->changed++;
	} else if (dice < 10100) {
		l.t += (vtime)av_rand_below(r, 2 * JITTER_NS) - JITTER_NS;
		l.t = l.t < 0 ? 0 : l.t;
	}
	for (i = v->n; i > 0 && v->wait[i - 1].t > l.t; i--) {
		v->wait[i] = v->wait[i - 1];
	}
	v->wait[i] = l;
	v->n++;
}

static struct truth generate(uint64_t n, const char *a, const char *b)
{
	FILE *fa = fopen(a, "w");
	struct varied v = { .f = fopen(b, "w") };
	struct truth truth = { 0 };
	struct av_rand r;

	if (!fa || !v.f) {
		perror(dir);
		exit(1);
	}
	av_rand_init(&r, 2, "bench");
	for (uint64_t i = 0; i < n; i++) {
		struct line l = { .t = (vtime)i * STEP_NS,
				  .key = (unsigned int)(i % N_KEYS),
				  .value = (double)av_rand_below(&r, 100000) /
					   100 };

		put_line(fa, &l);
		flush_until(&v, l.t - JITTER_NS);
		vary(&v, &r, l, &truth);
	}
	flush_until(&v, VT_NEVER);
	if (fclose(fa) != 0 || fclose(v.f) != 0) {
		perror(dir);
		exit(1);
	}
	return truth;
}

/* ---- the candidates ---- */

static double ours(const char *a, const char *b, struct diff_counts *c)
{
	struct tolerances tol;
	struct diff_opts o = { .to = VT_NEVER, .context = 3, .tol = &tol };
	struct diff_result r;
	struct av_err err = { 0 };
	double t;

	if (tolerances_parse("bench", TOLERANCE, strlen(TOLERANCE), &tol,
			     NULL) < 0) {
		exit(1);
	}
	t = bench_now_s();
	if (diff_files(a, b, &o, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	t = bench_now_s() - t;
	*c = r.total;
	diff_result_finish(&r);
	tolerances_finish(&tol);
	return t;
}

static double gnu_diff(const char *a, const char *b)
{
	char cmd[512];
	double t = bench_now_s();

	snprintf(cmd, sizeof(cmd), "diff %s %s >/dev/null", a, b);
	if (system(cmd) < 0) {
		return 0;
	}
	return bench_now_s() - t;
}

/* Seconds; what it found in @c. 0: no pandas. */
static double pandas(const char *a, const char *b, struct diff_counts *c)
{
	const char *python = getenv("PYTHON");
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	char cmd[1024];
	double t = 0;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "%s %s/tests/bench/peer_pandas.py %s %s %s",
		 python ? python : "/usr/bin/python3", top ? top : ".", a, b,
		 TOLERANCE_S);
	p = popen(cmd, "r");
	if (!p ||
	    fscanf(p, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %lf",
		   &c->n[DIFF_MISSING], &c->n[DIFF_CHANGED],
		   &c->n[DIFF_EXTRA], &t) != 4) {
		t = 0;
	}
	if (p) {
		pclose(p);
	}
	return t;
}

static double min(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static void check(const char *who, const struct diff_counts *c,
		  const struct truth *t)
{
	uint64_t missing = c->n[DIFF_MISSING], changed = c->n[DIFF_CHANGED],
		 extra = c->n[DIFF_EXTRA];

	if (missing == t->dropped && changed == t->changed && extra == 0) {
		printf("  %s: missing %" PRIu64 ", changed %" PRIu64
		       ", extra 0, as generated\n",
		       who, missing, changed);
		return;
	}
	fprintf(stderr,
		"%s: missing %" PRIu64 ", changed %" PRIu64 ", extra %" PRIu64
		"; generated were %" PRIu64 ", %" PRIu64 " and 0\n",
		who, missing, changed, extra, t->dropped, t->changed);
	exit(1);
}

static void bench_speed(void)
{
	char a[128], b[128];
	struct truth truth = generate(1000000, path_of("a.txt", a),
				      path_of("b.txt", b));
	double us = 0, gnu = 0, pd = 0;
	struct diff_counts c, pc;

	for (int i = 0; i < 3; i++) { /* interleaved, the best of three */
		us = min(us, ours(a, b, &c));
		gnu = min(gnu, gnu_diff(a, b));
		if (i < 2) {
			pd = min(pd, pandas(a, b, &pc));
		}
	}
	check("avsim", &c, &truth);
	if (pd > 0) {
		check("pandas", &pc, &truth);
	}
	bench_row("dumps, 1e6 and 1e6 records", us, "s", "<= 0.5", NULL, 0);
	bench_row("dumps, 1e6 and 1e6 records", us, "s", "<= 0.1x", "pandas",
		  pd);
	bench_row("dumps, 1e6 and 1e6 records", us, "s", "<= 0.667x",
		  "GNU diff", gnu);
}

/* ---- recordings ---- */

static void record_one(struct rec_writer *w, bool rows, const struct line *l)
{
	float f = (float)l->value;
	char name[16];

	snprintf(name, sizeof(name), "P%02u/0", l->key);
	if (rows) {
		struct vhal_value val = { .t = l->t, .n_f32 = 1, .f32 = &f };
		struct vhal_event e = { .t = l->t, .value = &val, .name = name };

		rec_vhal(w, &e);
	} else {
		rec_values(w, REC_IMU, l->t, name, &l->value, 1);
	}
}

/* A million rows (properties) or a million bulk records (imu). */
static void record(const char *path, bool rows, uint64_t n, bool changed)
{
	struct rec_meta meta = { .title = "bench",
				 .generator = "bench",
				 .kind = "import",
				 .params = "",
				 .duration = -1 };
	struct bundle inputs = { 0 };
	struct rec_writer *w;
	struct av_err err = { 0 };
	struct av_rand r;

	if (rec_create(path, &meta, &inputs, &w, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	av_rand_init(&r, 3, "bench");
	for (uint64_t i = 0; i < n; i++) {
		struct line l = { .t = (vtime)i * STEP_NS,
				  .key = (unsigned int)(i % N_KEYS),
				  .value = (double)av_rand_below(&r, 100000) /
					   100 };

		l.value += changed && i % 2000 == 7;
		record_one(w, rows, &l);
		if (i % 1000 == 0) {
			rec_tick(w);
		}
	}
	if (rec_close(w, (vtime)n * STEP_NS, "none", &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
}

static void bench_recordings(bool rows, const char *name)
{
	const uint64_t n = 1000000;
	char a[128], b[128];
	struct diff_counts c;
	double us = 0;

	record(path_of(rows ? "a1.avrec" : "a2.avrec", a), rows, n, false);
	record(path_of(rows ? "b1.avrec" : "b2.avrec", b), rows, n, true);
	for (int i = 0; i < 3; i++) {
		us = min(us, ours(a, b, &c));
	}
	if (c.n[DIFF_CHANGED] != n / 2000 || c.same != n - n / 2000) {
		fprintf(stderr, "%s: %" PRIu64 " changed, %" PRIu64 " same\n",
			name, c.n[DIFF_CHANGED], c.same);
		exit(1);
	}
	bench_row(name, us, "s", "<= 0.5", NULL, 0);
	unlink(a);
	unlink(b);
}

/* ---- memory ---- */

/* The program as a user runs it; MiB at its peak, 0 if it failed. */
static double peak_mib(const char *a, const char *b, double *s)
{
	struct rusage u;
	int status;
	pid_t pid;

	*s = bench_now_s();
	pid = fork();
	if (pid == 0) {
		execl("./avsim", "avsim", "diff", a, b, "--quiet", NULL);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 1) {
		return 0;
	}
	*s = bench_now_s() - *s;
	return (double)u.ru_maxrss / 1024;
}

static void bench_memory(void)
{
	char a[128], b[128];
	double s, mib;

	generate(10000000, path_of("a.txt", a), path_of("b.txt", b));
	mib = peak_mib(a, b, &s);
	if (mib == 0) {
		fprintf(stderr, "./avsim diff did not run\n");
		exit(1);
	}
	bench_row("peak memory, 1e7 and 1e7 records", mib, "MiB", "<= 128",
		  NULL, 0);
	bench_row("dumps, 1e7 and 1e7 records", s, "s", NULL, NULL, 0);
}

static void clean(void)
{
	char p[128];

	unlink(path_of("a.txt", p));
	unlink(path_of("b.txt", p));
	unlink(path_of("a1.avrec", p));
	unlink(path_of("b1.avrec", p));
	unlink(path_of("a2.avrec", p));
	unlink(path_of("b2.avrec", p));
	rmdir(dir);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/avsim-bench-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	atexit(clean);
	bench_title("diff");
	bench_speed();
	bench_recordings(true, "recordings, 1e6 and 1e6 rows");
	bench_recordings(false, "recordings, 1e6 and 1e6 bulk records");
	bench_memory();
	return 0;
}
