/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings that nobody closed, where nothing may be written: on a medium that
 * is read-only, in somebody else's folder.
 */
#include "config.h"

#include "tests/unit/rec_rig.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define N_RECORDS 5000
#define NOBODY 65534

/* Records and commits, then dies without closing. */
static void record_and_die(const char *path)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		struct rec_writer *w = rig_create(path);
		struct stat st;
		char wal[600];

		for (uint64_t i = 0; i < N_RECORDS; i++) {
			rig_emit(w, i);
		}
		rec_tick(w);
		snprintf(wal, sizeof(wal), "%s-wal", path);
		for (int i = 0; i < 500; i++) {
			if (stat(wal, &st) == 0 && st.st_size > 4096) {
				break;
			}
			usleep(10000);
		}
		usleep(100000);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* In a child that may not write into the folder: 1 if it reads all records, 2
 * if some, 3 if none; 253 to 255 where something is wrong. */
static int read_as_nobody(struct rig *g, const char *path)
{
	char shm[600];
	pid_t pid;
	int status;

	snprintf(shm, sizeof(shm), "%s-shm", path);
	unlink(shm); /* copied without it, as it would be */
	CHECK_EQ(chmod(g->dir, 0555), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct rec_reader *r;
		struct rec_record rec;
		struct av_err err = { 0 };
		struct rec_filter f = { .to = VT_NEVER };
		uint64_t n = 0;

		if ((geteuid() == 0 && setuid(NOBODY) < 0) ||
		    rec_open(path, &r, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(255);
		}
		if (rec_complete(r) || rec_seek(r, &f, &err) < 0) {
			_exit(253);
		}
		while (rec_next(r, &rec, &err) > 0) {
			n++;
		}
		rec_close_reader(r);
		_exit(access(shm, F_OK) == 0 ? 254
		      : n == N_RECORDS       ? 1
		      : n > 0                ? 2
					     : 3);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(chmod(g->dir, 0755), 0);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* As left behind under @name, with or without its -wal file. */
static int left_behind(const char *name, bool wal)
{
	struct rig g;
	char path[512], log[600];
	int ret;

	rig_init(&g);
	snprintf(path, sizeof(path), "%s", rig_file(&g, name));
	record_and_die(path);
	if (!wal) {
		snprintf(log, sizeof(log), "%s-wal", path);
		CHECK_EQ(unlink(log), 0);
	}
	ret = read_as_nobody(&g, path);
	rig_finish(&g);
	return ret;
}

TEST(rec_not_closed_reads_whole_from_a_read_only_folder)
{
	CHECK_EQ(left_behind("a.avrec", true), 1);
	CHECK_EQ(left_behind("50%?a#b.avrec", true), 1);
}

/* Copied without its -wal: empty, but a recording. */
TEST(rec_main_file_alone_opens_from_a_read_only_folder)
{
	CHECK_EQ(left_behind("a.avrec", false), 3);
	CHECK_EQ(left_behind("50%?a#b.avrec", false), 3);
}

int main(void)
{
	return RUN_TESTS(T(rec_not_closed_reads_whole_from_a_read_only_folder),
			 T(rec_main_file_alone_opens_from_a_read_only_folder));
}
