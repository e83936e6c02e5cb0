/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: how fast frames and events are taken, how large they are, how fast
 * they are read. Peer of the same run: rows of the same columns by a prepared
 * INSERT of plain SQLite, 1000 to a transaction, in WAL mode.
 */
#include "config.h"

#include "recordings/rec_int.h"
#include "sim/can/candump.h"
#include "sim/vhal/vhal.h"
#include "tests/bench/bench.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FRAMES 2000000
#define N_EVENTS 500000
#define N_READ 10000000 /* frames of the reader's memory test */
#define TICK_EVERY 100000 /* records: as by a run at 20 times real time */

static char dir[64];

static const char *file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	return path;
}

static struct rec_writer *create(const char *path)
{
	static const struct rec_meta meta = { .title = "bench",
					      .generator = "bench",
					      .kind = "run" };
	struct av_err err;
	struct rec_writer *w = NULL;

	if (rec_create(path, &meta, NULL, &w, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return w;
}

static void finish(struct rec_writer *w)
{
	struct av_err err = { 0 };

	if (rec_close(w, 1, "none", &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
}

/* ---- frames ---- */

struct frames {
	struct can_frame *v;
	size_t n;
	vtime span;
	bool real;
};

/* The frames of a drive, else made ones: 40 ids, a counter and noise. */
static void load_frames(struct frames *f)
{
	char path[4096], *data = NULL;
	const char *shared = getenv("AVSIM_SHARED_DATA");
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	struct candump_reader r;
	struct can_frame one;
	struct av_err err;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s%s/can/rav4_drive_60s.candump.log",
		 shared ? shared : (top ? top : "."),
		 shared ? "" : "/../shared/data");
	f->v = calloc(400000, sizeof(*f->v));
	if (f->v && av_read_file(path, 1 << 30, &data, &len, &err) == 0) {
		candump_reader_init(&r, path, data, len);
		while (f->n < 400000 && candump_next(&r, &one, NULL) > 0) {
			f->v[f->n++] = one;
		}
		f->real = true;
	}
	free(data);
	while (!f->real && f->n < 100000) {
		struct can_frame *m = &f->v[f->n];

		*m = (struct can_frame){ .t = (vtime)f->n * 500000,
					 .id = (uint32_t)(f->n % 40) * 8,
					 .len = 8 };
		m->data[0] = (uint8_t)(f->n / 40);
		m->data[1] = (uint8_t)(f->n * 2654435761u >> 24);
		f->n++;
	}
	for (size_t i = f->n; i-- > 0;) {
		f->v[i].t -= f->v[0].t;
	}
	f->span = f->v[f->n - 1].t + 500000;
}

/* @n frames, the drive again and again. */
static void record_frames(struct rec_writer *w, const struct frames *f,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct can_frame one = f->v[i % f->n];

		one.t += (vtime)(i / f->n) * f->span;
		rec_can(w, &one);
		if (i % TICK_EVERY == 0) {
			rec_tick(w);
		}
	}
}

static void bench_frames(const struct frames *f)
{
	const char *path = file("frames.avrec");
	double start = bench_now_s(), rate;
	struct rec_writer *w = create(path);
	struct stat st;

	record_frames(w, f, N_FRAMES);
	finish(w);
	rate = N_FRAMES / (bench_now_s() - start);
	stat(path, &st);
	bench_row("record CAN frames", rate / 1e6, "M/s", ">= 2", NULL, 0);
	bench_row(f->real ? "size of a drive (RAV4 log)" :
			    "size of made frames",
		  (double)st.st_size / 1e6 / (N_FRAMES / 1e6), "MB/1e6",
		  "<= 15", NULL, 0);
}

/* ---- events ---- */

static void record_events(struct rec_writer *w, int n)
{
	static const char *const keys[] = { "PERF_VEHICLE_SPEED/0",
					    "EV_BATTERY_LEVEL/0",
					    "TIRE_PRESSURE/LEFT_FRONT",
					    "ENGINE_OIL_TEMP/0" };

	for (int i = 0; i < n; i++) {
		float f = (float)(i % 5000) * 0.01f;
		struct vhal_value v = { .prop = VHAL_TYPE_FLOAT,
					.n_f32 = 1,
					.f32 = &f };

		rec_vhal(w, &(struct vhal_event){ .t = (vtime)i * 1000000,
						  .value = &v,
						  .name = keys[i % 4] });
		if (i % 1000 == 999) {
			rec_tick(w);
		}
	}
}

/* The same rows by hand. Return: rows a second. */
static double plain_sqlite(int n)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	double start;

	sqlite3_open(file("plain.db"), &db);
	sqlite3_exec(db,
		     "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
		     "CREATE TABLE events(seq INTEGER PRIMARY KEY, t INTEGER "
		     "NOT NULL, key INTEGER NOT NULL, value ANY, note TEXT) "
		     "STRICT;",
		     NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "INSERT INTO events VALUES(?,?,?,?,?)", -1, &st,
			   NULL);
	start = bench_now_s();
	for (int i = 0; i < n; i++) {
		if (i % 1000 == 0) {
			sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		}
		sqlite3_bind_int64(st, 1, i + 1);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)i * 1000000);
		sqlite3_bind_int64(st, 3, i % 4 + 1);
		sqlite3_bind_double(st, 4, (double)(i % 5000) * 0.01);
		sqlite3_bind_null(st, 5);
		sqlite3_step(st);
		sqlite3_reset(st);
		if (i % 1000 == 999) {
			sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		}
	}
	start = bench_now_s() - start;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n / start;
}

/* Until the last row is committed: closing also builds an index. */
static void wait_for(const char *path, int n)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int seen = 0;

	sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	sqlite3_prepare_v2(db, "SELECT max(seq) FROM events", -1, &st, NULL);
	while (seen < n) {
		if (sqlite3_step(st) == SQLITE_ROW) {
			seen = sqlite3_column_int(st, 0);
		}
		sqlite3_reset(st);
		usleep(500);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* Interleaved, the best of three each: the machine has other work. */
static void bench_events(void)
{
	double ours[3], plain[3], o, p;

	for (int i = 0; i < 3; i++) {
		struct rec_writer *w;
		const char *path;
		double start;

		plain[i] = plain_sqlite(N_EVENTS);
		path = file("events.avrec");
		w = create(path);
		start = bench_now_s();
		record_events(w, N_EVENTS);
		rec_tick(w);
		wait_for(path, N_EVENTS);
		ours[i] = N_EVENTS / (bench_now_s() - start);
		finish(w);
	}
	o = ours[0] > ours[1] ? ours[0] : ours[1];
	p = plain[0] > plain[1] ? plain[0] : plain[1];
	o = o > ours[2] ? o : ours[2];
	p = p > plain[2] ? p : plain[2];
	bench_row("record events", o / 1e3, "k/s", ">= 0.9x",
		  "plain SQLite, k/s", p / 1e3);
}

/* ---- reading ---- */

static double read_all(const char *name, bool text)
{
	struct rec_filter f = { .to = VT_NEVER, .text = text };
	char path[128];
	struct rec_reader *r;
	struct rec_record rec;
	struct av_err err = { 0 };
	double start = bench_now_s();
	size_t n = 0;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ret = rec_open(path, &r, &err);
	if (ret == 0) {
		ret = rec_seek(r, &f, &err);
	}
	while (ret == 0 && (ret = rec_next(r, &rec, &err)) > 0) {
		bench_use(&rec);
		n++;
		ret = 0;
	}
	if (ret < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	rec_close_reader(r);
	return (double)n / (bench_now_s() - start);
}

static void bench_read(void)
{
	bench_row("read frames", read_all("frames.avrec", false) / 1e6, "M/s",
		  ">= 10", NULL, 0);
	bench_row("read frames with their text",
		  read_all("frames.avrec", true) / 1e6, "M/s", NULL, NULL, 0);
	bench_row("read events", read_all("events.avrec", false) / 1e6, "M/s",
		  ">= 2", NULL, 0);
	bench_row("read events with their text",
		  read_all("events.avrec", true) / 1e6, "M/s", NULL, NULL, 0);
}

/* ---- memory: in a child of its own, whose peak is nobody else's ---- */

static void two_readers(const char *path)
{
	struct rec_reader *r[2];
	struct rec_record rec;
	struct av_err err = { 0 };
	int ret = 1;

	if (rec_open(path, &r[0], &err) < 0 || rec_open(path, &r[1], &err) < 0) {
		_exit(1);
	}
	while (ret > 0) {
		ret = rec_next(r[0], &rec, &err);
		ret = ret < 0 ? ret : rec_next(r[1], &rec, &err);
	}
	_exit(ret < 0);
}

static void bench_memory(const struct frames *f)
{
	const char *path = file("large.avrec");
	struct rec_writer *w = create(path);
	struct rusage u;
	int status;
	pid_t pid;

	record_frames(w, f, N_READ);
	finish(w);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char self[128];

		/* exec: the child's peak is not the parent's */
		snprintf(self, sizeof(self), "/proc/%ld/exe", (long)getppid());
		execl(self, "bench_rec", "readers", path, (char *)NULL);
		_exit(1);
	}
	if (pid > 0 && wait4(pid, &status, 0, &u) == pid && status == 0) {
		bench_row("two readers over 1e7 records",
			  (double)u.ru_maxrss / 1024, "MB", "<= 128", NULL, 0);
	}
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	struct frames f = { 0 };
	char cmd[128];

	if (argc == 3) {
		two_readers(argv[2]);
	}
	snprintf(dir, sizeof(dir), "%.40s/avsim-bench-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	load_frames(&f);
	bench_title("recording");
	bench_frames(&f);
	bench_events();
	bench_read();
	bench_memory(&f);
	free(f.v);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0;
}
