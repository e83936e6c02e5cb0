/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes that fail. A VFS over SQLite's own lets the Nth operation that needs
 * the disk fail, once or for good, for all N of a short recording; and a file
 * size limit stands for a full disk.
 */
#include "config.h"

#include "tests/unit/rec_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* ---- the VFS ---- */

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	atomic_long n;	   /* operations so far */
	long fail_at;	   /* 0: none */
	bool for_good;
	int code;
} shim;

struct shim_file {
	sqlite3_file base;
	sqlite3_io_methods methods; /* of the real file, but for ours */
	sqlite3_file *real;
};

static bool fails(void)
{
	long n = atomic_fetch_add(&shim.n, 1) + 1;

	return shim.fail_at > 0 && (n == shim.fail_at ||
				    (shim.for_good && n > shim.fail_at));
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct shim_file *)(void *)f)->real;
}

#define PASS(name, args, call)                                                 \
	static int shim_##name args                                            \
	{                                                                      \
		return real_of(f)->pMethods->call;                             \
	}
#define PASS_OR_FAIL(name, args, call)                                         \
	static int shim_##name args                                            \
	{                                                                      \
		return fails() ? shim.code : real_of(f)->pMethods->call;       \
	}
PASS(read, (sqlite3_file * f, void *p, int n, sqlite3_int64 at),
     xRead(real_of(f), p, n, at))
PASS_OR_FAIL(write, (sqlite3_file * f, const void *p, int n, sqlite3_int64 at),
	     xWrite(real_of(f), p, n, at))
PASS_OR_FAIL(truncate, (sqlite3_file * f, sqlite3_int64 n),
	     xTruncate(real_of(f), n))
PASS_OR_FAIL(sync, (sqlite3_file * f, int flags), xSync(real_of(f), flags))
PASS(size, (sqlite3_file * f, sqlite3_int64 *n), xFileSize(real_of(f), n))
PASS(lock, (sqlite3_file * f, int how), xLock(real_of(f), how))
PASS(unlock, (sqlite3_file * f, int how), xUnlock(real_of(f), how))
PASS(locked, (sqlite3_file * f, int *out), xCheckReservedLock(real_of(f), out))
PASS(control, (sqlite3_file * f, int op, void *p),
     xFileControl(real_of(f), op, p))
PASS(sector, (sqlite3_file * f), xSectorSize(real_of(f)))
PASS(traits, (sqlite3_file * f), xDeviceCharacteristics(real_of(f)))
PASS_OR_FAIL(shm_map,
	     (sqlite3_file * f, int i, int size, int extend,
	      void volatile **out),
	     xShmMap(real_of(f), i, size, extend, out))
PASS(shm_lock, (sqlite3_file * f, int at, int n, int flags),
     xShmLock(real_of(f), at, n, flags))
PASS(shm_unmap, (sqlite3_file * f, int del), xShmUnmap(real_of(f), del))

static void shim_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_close(sqlite3_file *f)
{
	int ret = real_of(f)->pMethods->xClose(real_of(f));

	free(real_of(f));
	return ret;
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_locked,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_traits,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		     int flags, int *out)
{
	struct shim_file *s = (void *)f;
	int ret;

	(void)v;
	s->base.pMethods = NULL;
	s->real = calloc(1, (size_t)shim.real->szOsFile);
	ret = shim.real->xOpen(shim.real, name, s->real, flags, out);
	if (ret != SQLITE_OK || !s->real->pMethods) {
		free(s->real);
		return ret;
	}
	s->base.pMethods = &shim_methods;
	return SQLITE_OK;
}

static void shim_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "failing";
	shim.vfs.szOsFile = (int)sizeof(struct shim_file);
	shim.vfs.xOpen = shim_open;
	shim.vfs.pNext = NULL;
	CHECK_EQ(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

static void shim_remove(void)
{
	sqlite3_vfs_unregister(&shim.vfs);
	sqlite3_vfs_register(shim.real, 1);
}

/* ---- */

#define N_RECORDS 3000

/* A short recording with commits in between. @close_ret: of rec_close(). */
static bool record(const char *path, int *close_ret, struct av_err *err)
{
	struct rec_writer *w;
	int ret = rec_create(path, rig_meta(), rig_inputs(), &w, err);

	if (ret < 0) {
		return false;
	}
	for (uint64_t i = 0; i < N_RECORDS; i++) {
		rig_emit(w, i);
		if (i % 1000 == 999) {
			rec_tick(w);
			/* wait for the writer, so that N means one thing */
			for (int k = 0; k < 3; k++) {
				usleep(500);
			}
		}
	}
	*close_ret = rec_close(w, N_RECORDS, "pass", err);
	return true;
}

static void check_file(const char *path, int ret)
{
	struct rec_reader *r = rig_open(path);
	uint64_t n = rig_prefix(path);

	if (ret == 0) {
		CHECK_EQ(n, N_RECORDS);
		CHECK(rec_complete(r));
	}
	rec_close_reader(r);
	rig_integrity(path);
	CHECK_EQ(rig_prefix(path), n);
}

/* The Nth operation fails with @code, for N from 1 until none fails. */
static void torture(struct rig *g, int code, int want, bool for_good)
{
	const char *path = rig_file(g, "full.avrec");
	unsigned int said = 0, n = 0;

	for (long at = 1;; at++) {
		struct av_err err = { 0 };
		int ret = 0;
		bool made;
		long ops;

		shim_install();
		atomic_store(&shim.n, 0);
		shim.fail_at = at;
		shim.for_good = for_good;
		shim.code = code;
		made = record(path, &ret, &err);
		ops = atomic_load(&shim.n);
		shim_remove();
		if (!made) {
			CHECK(access(path, F_OK) < 0);
			CHECK(err.code < 0 && err.msg[0]);
		} else {
			if (ret < 0) {
				CHECK_EQ(err.code, ret);
				CHECK_EQ(ret, want);
				CHECK(strstr(err.msg, path));
				said++;
			}
			check_file(path, ret);
		}
		rig_clear(g);
		n++;
		if (ops < at) {
			break; /* that many there are not */
		}
		CHECK(at < 2000);
	}
	printf("%u recordings, %u told of the failure\n", n, said);
	CHECK(n > 10 && said > 3);
}

TEST(rec_survives_every_write_that_finds_the_disk_full)
{
	struct rig g;

	rig_init(&g);
	torture(&g, SQLITE_FULL, -ENOSPC, true);
	torture(&g, SQLITE_FULL, -ENOSPC, false);
	rig_finish(&g);
}

TEST(rec_survives_every_write_that_fails)
{
	struct rig g;

	rig_init(&g);
	torture(&g, SQLITE_IOERR_WRITE, -EIO, true);
	torture(&g, SQLITE_IOERR_WRITE, -EIO, false);
	rig_finish(&g);
}

TEST(rec_status_tells_the_reason_once)
{
	struct rig g;
	struct av_err err = { 0 };
	struct rec_writer *w;
	const char *path;
	int ret = 0;

	rig_init(&g);
	path = rig_file(&g, "s.avrec");
	shim_install();
	atomic_store(&shim.n, 0);
	shim.fail_at = 0;
	w = rig_create(path);
	rig_emit(w, 0);
	CHECK_EQ(rec_status(w, &err), 0);
	shim.for_good = true;
	shim.code = SQLITE_FULL;
	shim.fail_at = atomic_load(&shim.n) + 1;
	for (uint64_t i = 1; i < 100000 && ret == 0; i++) {
		rig_emit(w, i);
		if (i % 100 == 0) {
			rec_tick(w);
			usleep(200);
			ret = rec_status(w, &err);
		}
	}
	CHECK_EQ(ret, -ENOSPC);
	CHECK(strstr(err.msg, path));
	CHECK(strstr(err.msg, "free some space"));
	err.msg[0] = '\0';
	CHECK_EQ(rec_status(w, &err), -ENOSPC);
	CHECK_STR(err.msg, "");
	for (uint64_t i = 100000; i < 300000; i++) {
		rig_emit(w, i); /* the run goes on */
	}
	CHECK_EQ(rec_close(w, 1, "pass", &err), -ENOSPC);
	shim_remove();
	check_file(path, -ENOSPC);
	rig_finish(&g);
}

TEST(rec_stops_at_the_file_size_limit)
{
	struct rlimit old, lim;
	struct av_err err = { 0 };
	struct rec_writer *w;
	struct rig g;
	const char *path;

	rig_init(&g);
	path = rig_file(&g, "l.avrec");
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
	lim = old;
	lim.rlim_cur = 1 << 20;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &lim), 0);
	w = rig_create(path);
	for (uint64_t i = 0; i < 400000; i++) {
		rig_emit(w, i);
		if (i % 5000 == 0) {
			rec_tick(w);
			/* the first ones are in the file before the limit is
			 * near, also where the writer has to wait for a CPU */
			usleep(i == 5000 ? 500000 : 2000);
		}
	}
	CHECK(rec_close(w, 1, "pass", &err) < 0);
	CHECK(strstr(err.msg, path));
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	check_file(path, -EIO);
	CHECK(rig_prefix(path) >= 5000);
	rig_finish(&g);
}

int main(void)
{
	return RUN_TESTS(T(rec_survives_every_write_that_finds_the_disk_full),
			 T(rec_survives_every_write_that_fails),
			 T(rec_status_tells_the_reason_once),
			 T(rec_stops_at_the_file_size_limit));
}
