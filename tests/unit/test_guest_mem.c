/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/guest_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

enum {
	K = 1024,
};
#define GPA 0x40000000ull
#define UVA 0x7f0000000000ull

static int file_of(size_t size)
{
	int fd = memfd_create("region", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size)) {
		abort();
	}
	return fd;
}

/* Region @i of a row of adjacent ones of 64 KiB, filled with '0' + i; far
 * apart in front-end addresses. @keep: a descriptor of it, or NULL. */
static struct gm_region region(unsigned int i)
{
	return (struct gm_region){ .gpa = GPA + i * 64ull * K,
				   .size = 64 * K,
				   .uva = UVA + i * 0x1000000ull };
}

static void add(struct guest_mem *m, unsigned int i, int *keep)
{
	struct gm_region r = region(i);
	struct av_err err = { 0 };
	char fill[K];
	int fd = file_of(64 * K);

	memset(fill, (int)('0' + i), K);
	for (int k = 0; k < 64; k++) {
		CHECK_EQ(pwrite(fd, fill, K, k * K), K);
	}
	if (keep) {
		*keep = dup(fd);
	}
	CHECK_EQ(gm_add(m, &r, fd, &err), 0);
}

/* In the C library's place: what lies on FUSE is for a test to say. */
static long fs_type = 0x01021994; /* tmpfs */

int fstatfs(int fd, struct statfs *s)
{
	(void)fd;
	*s = (struct statfs){ .f_type = (__typeof__(s->f_type))fs_type };
	return 0;
}

TEST(gm_takes_no_files_whose_pages_somebody_else_brings)
{
	struct guest_mem *m = gm_create();
	struct gm_region r = region(0);
	struct av_err err = { 0 };
	int64_t size;
	int fd = file_of(64 * K);

	fs_type = 0x65735546;
	CHECK_EQ(gm_file_size(fd, &size), -EMEDIUMTYPE);
	CHECK_EQ(gm_set_log(m, dup(fd), 8192, 0, &err), -EMEDIUMTYPE);
	CHECK_EQ(gm_add(m, &r, fd, &err), -EMEDIUMTYPE);
	CHECK(strstr(err.msg, "FUSE"));
	CHECK_EQ(gm_count(m), 0);
	fs_type = 0x01021994;
	CHECK_EQ(gm_add(m, &r, file_of(64 * K), &err), 0);
	gm_destroy(m);
}

TEST(gm_finds_every_byte_of_its_regions_and_no_other)
{
	struct guest_mem *m = gm_create();
	size_t len;

	len = 1;
	CHECK(gm_at(m, GPA, &len) == NULL);
	/* added out of order; a hole at 2 */
	add(m, 3, NULL);
	add(m, 0, NULL);
	add(m, 1, NULL);
	CHECK_EQ(gm_count(m), 3);
	for (unsigned int i = 0; i < 5; i++) {
		static const uint64_t offs[] = { 0, 1, 4095, 64 * K - 1 };

		for (size_t k = 0; k < 4; k++) {
			uint64_t gpa = GPA + i * 64ull * K + offs[k];
			const char *p;

			len = 100;
			p = gm_at(m, gpa, &len);
			if (i == 2 || i == 4) {
				CHECK(p == NULL);
				continue;
			}
			CHECK(p != NULL);
			CHECK_EQ(*p, '0' + i);
			CHECK_EQ(len, 64 * K - offs[k] < 100 ? 64 * K - offs[k]
							     : 100);
		}
	}
	len = 1;
	CHECK(gm_at(m, GPA - 1, &len) == NULL);
	len = 1;
	CHECK(gm_at(m, UINT64_MAX, &len) == NULL);
	gm_destroy(m);
}

TEST(gm_ranges_may_span_regions_but_not_holes)
{
	struct guest_mem *m = gm_create();
	struct iovec iov[4];
	char buf[8];

	add(m, 0, NULL);
	add(m, 1, NULL);
	add(m, 3, NULL);
	CHECK_EQ(gm_iov(m, GPA + 64 * K - 3, 8, iov, 4), 2);
	CHECK_EQ(iov[0].iov_len, 3);
	CHECK_EQ(iov[1].iov_len, 5);
	CHECK_EQ(*(char *)iov[0].iov_base, '0');
	CHECK_EQ(*(char *)iov[1].iov_base, '1');
	CHECK_EQ(gm_iov(m, GPA + 64 * K - 3, 8, iov, 1), -E2BIG);
	CHECK_EQ(gm_iov(m, GPA, 0, iov, 4), 0);
	CHECK_EQ(gm_iov(m, 0, 0, iov, 4), 0);
	CHECK_EQ(gm_iov(m, GPA + 128 * K - 1, 2, iov, 4), -EFAULT);
	CHECK_EQ(gm_iov(m, UINT64_MAX, 2, iov, 4), -EFAULT);
	CHECK_EQ(gm_iov(m, GPA, SIZE_MAX, iov, 4), -EFAULT);
	CHECK_EQ(gm_read(m, GPA + 64 * K - 3, buf, 8), 0);
	CHECK(!memcmp(buf, "00011111", 8));
	CHECK_EQ(gm_read(m, GPA + 128 * K - 4, buf, 8), -EFAULT);
	CHECK_EQ(gm_read(m, UINT64_MAX - 3, buf, 8), -EFAULT);
	gm_destroy(m);
}

TEST(gm_region_at_the_very_end_of_the_address_space_does_not_wrap)
{
	struct guest_mem *m = gm_create();
	struct gm_region r = { .gpa = UINT64_MAX - 4096,
			       .size = 4096,
			       .uva = UINT64_MAX - 8191 };
	struct av_err err = { 0 };
	struct iovec iov[2];

	CHECK_EQ(gm_add(m, &r, file_of(4096), &err), 0);
	CHECK_EQ(gm_iov(m, r.gpa + 4095, 1, iov, 2), 1);
	CHECK_EQ(gm_iov(m, r.gpa + 4095, 2, iov, 2), -EFAULT);
	CHECK(gm_ring(m, r.uva, 4096) != NULL);
	CHECK(gm_ring(m, r.uva, 4097) == NULL);
	r.gpa = UINT64_MAX - 4095;
	CHECK_EQ(gm_add(m, &r, file_of(4096), &err), -EINVAL);
	CHECK(strstr(err.msg, "wraps"));
	r.gpa = 0;
	r.uva = UINT64_MAX - 4095;
	CHECK_EQ(gm_add(m, &r, file_of(4096), &err), -EINVAL);
	CHECK(strstr(err.msg, "wraps"));
	gm_destroy(m);
}

TEST(gm_rings_lie_in_one_region_and_are_aligned_as_they_say)
{
	struct guest_mem *m = gm_create();
	struct gm_region odd = {
		.gpa = 0x1000, .size = 4096, .uva = 0x5000, .offset = 8
	};
	struct av_err err = { 0 };

	add(m, 0, NULL);
	add(m, 1, NULL);
	CHECK_EQ(*(char *)gm_ring(m, UVA + 0x1000000, 64 * K), '1');
	CHECK(gm_ring(m, UVA + 16, 64 * K) == NULL);
	CHECK(gm_ring(m, UVA - 16, 32) == NULL);
	CHECK(gm_ring(m, GPA, 16) == NULL);
	CHECK(gm_ring(m, UVA, SIZE_MAX) == NULL);
	CHECK_EQ(gm_add(m, &odd, file_of(8192), &err), 0);
	CHECK(gm_ring(m, 0x5000, 16) == NULL);
	gm_destroy(m);
}

TEST(gm_file_offsets_need_not_be_whole_pages)
{
	struct guest_mem *m = gm_create();
	struct gm_region r = { .gpa = 0x1000, .size = 10, .offset = 5000 };
	struct av_err err = { 0 };
	int fd = file_of(5010);
	char buf[10];

	CHECK_EQ(pwrite(fd, "abcdefghij", 10, 5000), 10);
	CHECK_EQ(gm_add(m, &r, fd, &err), 0);
	CHECK_EQ(gm_read(m, 0x1000, buf, 10), 0);
	CHECK(!memcmp(buf, "abcdefghij", 10));
	CHECK_EQ(gm_read(m, 0x1000, buf, 11), -EFAULT);
	gm_destroy(m);
}

TEST(gm_table_is_replaced_whole_or_emptied)
{
	struct guest_mem *m = gm_create();
	struct gm_region r[3] = { region(4), region(5), region(6) };
	int fds[3] = { file_of(64 * K), file_of(64 * K), file_of(64 * K) };
	uint64_t gen = gm_generation(m);
	struct av_err err = { 0 };
	size_t len = 1;

	add(m, 0, NULL);
	CHECK(gm_generation(m) != gen);
	gen = gm_generation(m);
	CHECK_EQ(gm_set_table(m, r, 3, fds, &err), 0);
	CHECK(gm_generation(m) != gen);
	CHECK_EQ(gm_count(m), 3);
	CHECK(gm_at(m, GPA, &len) == NULL);
	CHECK(gm_at(m, r[2].gpa, &len) != NULL);
	/* the third overlaps the second */
	r[2].gpa = r[1].gpa + 4096;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(fcntl(fds[i], F_GETFD), -1); /* taken over */
		fds[i] = file_of(64 * K);
	}
	CHECK_EQ(gm_set_table(m, r, 3, fds, &err), -EINVAL);
	CHECK(strstr(err.msg, "overlaps"));
	CHECK_EQ(gm_count(m), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(fcntl(fds[i], F_GETFD), -1);
	}
	gm_destroy(m);
}

TEST(gm_takes_512_regions_and_gives_them_back_one_by_one)
{
	struct guest_mem *m = gm_create();
	struct av_err err = { 0 };
	int fd = file_of(GM_MAX_REGIONS * 4096ull);
	struct gm_region r = { .size = 4096 };
	uint16_t v;

	for (unsigned int i = 0; i < GM_MAX_REGIONS; i++) {
		/* every second one first, then those between */
		unsigned int k = i * 2 % (GM_MAX_REGIONS + 1);

		v = (uint16_t)k;
		r.gpa = r.uva = GPA + k * 4096ull;
		r.offset = k * 4096ull;
		if (k == GM_MAX_REGIONS) {
			continue;
		}
		CHECK_EQ(pwrite(fd, &v, 2, (off_t)r.offset), 2);
		CHECK_EQ(gm_add(m, &r, dup(fd), &err), 0);
	}
	r.gpa = r.uva = GPA + 511 * 4096ull;
	r.offset = 0;
	while (gm_count(m) < GM_MAX_REGIONS) {
		CHECK_EQ(gm_add(m, &r, dup(fd), &err), 0);
		r.gpa += 1 << 20;
	}
	CHECK_EQ(gm_add(m, &r, dup(fd), &err), -ENOSPC);
	for (unsigned int k = 0; k < GM_MAX_REGIONS - 1; k++) {
		CHECK_EQ(gm_read(m, GPA + k * 4096ull, &v, 2), 0);
		CHECK_EQ(v, k);
	}
	r.gpa = r.uva = GPA + 7 * 4096;
	r.size = 4095;
	CHECK_EQ(gm_remove(m, &r), -ENOENT);
	r.size = 4096;
	r.uva++;
	CHECK_EQ(gm_remove(m, &r), -ENOENT);
	r.uva--;
	r.offset = 12345; /* does not count */
	CHECK_EQ(gm_remove(m, &r), 0);
	CHECK_EQ(gm_remove(m, &r), -ENOENT);
	CHECK_EQ(gm_read(m, r.gpa, &v, 2), -EFAULT);
	CHECK_EQ(gm_read(m, r.gpa + 4096, &v, 2), 0);
	CHECK_EQ(v, 8);
	close(fd);
	gm_destroy(m);
}

TEST(gm_truncated_file_reads_as_zeroes_and_is_told)
{
	struct guest_mem *m = gm_create();
	int fd, other;
	size_t len = 64 * K;
	char *p;

	add(m, 0, &fd);
	add(m, 1, &other);
	p = gm_at(m, GPA, &len);
	CHECK_EQ(ftruncate(fd, 4096), 0);
	CHECK(!gm_broken(m));
	CHECK_EQ(p[4095], '0');
	CHECK(!gm_broken(m));
	CHECK_EQ(p[40 * K], 0);
	CHECK(gm_broken(m));
	p[50 * K] = 'w'; /* goes nowhere, harms nobody */
	CHECK_EQ(p[50 * K], 'w');
	CHECK_EQ(p[4096], 0); /* below the first bad page */
	CHECK_EQ(p[0], '0');
	len = 1;
	CHECK_EQ(*(char *)gm_at(m, GPA + 64 * K, &len), '1');
	gm_clear(m);
	CHECK(!gm_broken(m));
	close(fd);
	close(other);
	gm_destroy(m);
}

TEST(gm_system_calls_into_truncated_memory_answer_efault)
{
	struct guest_mem *m = gm_create();
	struct iovec iov[2];
	int fd, src = file_of(8192);

	add(m, 0, &fd);
	CHECK_EQ(gm_iov(m, GPA + 32 * K, 8192, iov, 2), 1);
	CHECK_EQ(preadv(src, iov, 1, 0), 8192);
	CHECK_EQ(ftruncate(fd, 4096), 0);
	CHECK_EQ(preadv(src, iov, 1, 0), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(pwritev(src, iov, 1, 0), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(*(volatile char *)iov[0].iov_base, 0);
	CHECK(gm_broken(m));
	CHECK_EQ(preadv(src, iov, 1, 0), 8192);
	close(src);
	close(fd);
	gm_destroy(m);
}

/* One thread's guest: truncated over and over, while others come and go. */
static void *storm(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct guest_mem *m = gm_create();
		size_t len = 64 * K;
		volatile char *p;
		int fd;

		add(m, 0, &fd);
		add(m, 1, NULL);
		p = gm_at(m, GPA, &len);
		CHECK(p != NULL);
		if (ftruncate(fd, 0) || p[(i * 4099) % (64 * K)] != 0 ||
		    !gm_broken(m)) {
			*(int *)arg = 1;
		}
		close(fd);
		gm_destroy(m);
	}
	return NULL;
}

TEST(gm_guard_serves_many_threads)
{
	pthread_t t[4];
	int failed[4] = { 0 };

	for (int i = 0; i < 4; i++) {
		CHECK_EQ(pthread_create(&t[i], NULL, storm, &failed[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		CHECK_EQ(failed[i], 0);
	}
}

/* Runs @f in a child; the signal that ended it, or 0. */
static int died_of(void (*f)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		f();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void touch_foreign(void)
{
	int fd = file_of(4096);
	volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	signal(SIGBUS, SIG_DFL);
	add(gm_create(), 0, NULL);
	if (ftruncate(fd, 0) == 0) {
		(void)p[0];
	}
}

static void be_sent_one(void)
{
	signal(SIGBUS, SIG_DFL);
	add(gm_create(), 0, NULL);
	raise(SIGBUS);
}

static void exit_well(int sig)
{
	(void)sig;
	_exit(0);
}

static void keep_earlier(void)
{
	signal(SIGBUS, exit_well);
	add(gm_create(), 0, NULL);
	raise(SIGBUS);
	_exit(1);
}

TEST(gm_guard_leaves_other_faults_alone)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		keep_earlier();
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK_EQ(died_of(touch_foreign), SIGBUS);
	CHECK_EQ(died_of(be_sent_one), SIGBUS);
}

TEST(gm_dirty_log_has_a_bit_for_every_page_written)
{
	struct guest_mem *m = gm_create();
	int fd = file_of(8192);
	struct av_err err = { 0 };
	uint8_t *log = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	size_t len = 1;
	char *p;

	add(m, 0, NULL);
	gm_dirty(m, 0, UINT64_MAX); /* no log: nothing */
	/* the log lies 16 bytes into the file and covers 64 pages */
	CHECK_EQ(gm_set_log(m, dup(fd), 8, 16, &err), 0);
	gm_dirty(m, 0x5000, 1);
	CHECK_EQ(log[16], 0); /* not enabled */
	CHECK(!gm_logging(m));
	gm_log_enable(m, true);
	CHECK(gm_logging(m));
	gm_dirty(m, 0x5000, 1);
	CHECK_EQ(log[16], 1 << 5);
	CHECK(gm_log_take(m) && !gm_log_take(m));
	gm_dirty(m, 0x7fff, 2); /* two pages, two bytes */
	CHECK_EQ(log[16], 1 << 5 | 1 << 7);
	CHECK_EQ(log[17], 1);
	gm_dirty(m, 0x9000, 0);
	CHECK_EQ(log[17], 1);
	/* pages without a bit, and lengths out of this world */
	gm_dirty(m, 64 * 4096, 1 << 20);
	gm_dirty(m, UINT64_MAX, 2);
	gm_dirty(m, 62 * 4096, 1ull << 60);
	CHECK_EQ(log[23], 0xc0);
	CHECK_EQ(log[24], 0);
	CHECK_EQ(log[15], 0);
	/* by host address: 0x40000000 has no bit here */
	CHECK_EQ(gm_set_log(m, fd, 8192, 0, &err), 0);
	p = gm_at(m, GPA, &len);
	gm_dirty_host(m, p, 4096);
	gm_dirty_host(m, &err, 4);
	gm_log_take(m);
	CHECK_EQ(gm_set_log(m, -1, 0, 0, &err), 0);
	CHECK(!gm_logging(m));
	munmap(log, 8192);
	gm_destroy(m);
}

TEST(gm_dirty_by_host_address_marks_the_guests_page)
{
	struct guest_mem *m = gm_create();
	int fd = file_of(GPA / 4096 / 8 + 64);
	struct av_err err = { 0 };
	size_t len = 1;
	uint8_t b[3] = { 0 };
	char *p;

	add(m, 0, NULL);
	add(m, 1, NULL);
	CHECK_EQ(gm_set_log(m, dup(fd), GPA / 4096 / 8 + 64, 0, &err), 0);
	gm_log_enable(m, true);
	p = gm_at(m, GPA + 64 * K, &len);
	gm_dirty_host(m, p + 4095, 2);
	CHECK_EQ(pread(fd, b, 3, GPA / 4096 / 8), 3);
	CHECK_EQ(b[0], 0);
	CHECK_EQ(b[1], 0);
	CHECK_EQ(b[2], 3); /* pages 16 and 17 */
	close(fd);
	gm_destroy(m);
}

TEST(gm_truncated_dirty_log_breaks_the_memory_only)
{
	struct guest_mem *m = gm_create();
	int fd = file_of(8192);
	struct av_err err = { 0 };

	CHECK_EQ(gm_set_log(m, dup(fd), 8192, 0, &err), 0);
	gm_log_enable(m, true);
	CHECK_EQ(ftruncate(fd, 0), 0);
	gm_dirty(m, 0, 1 << 20);
	CHECK(gm_broken(m));
	close(fd);
	gm_destroy(m);
}

int main(void)
{
	return RUN_TESTS(
		T(gm_guard_leaves_other_faults_alone),
		T(gm_takes_no_files_whose_pages_somebody_else_brings),
		T(gm_finds_every_byte_of_its_regions_and_no_other),
		T(gm_ranges_may_span_regions_but_not_holes),
		T(gm_region_at_the_very_end_of_the_address_space_does_not_wrap),
		T(gm_rings_lie_in_one_region_and_are_aligned_as_they_say),
		T(gm_file_offsets_need_not_be_whole_pages),
		T(gm_table_is_replaced_whole_or_emptied),
		T(gm_takes_512_regions_and_gives_them_back_one_by_one),
		T(gm_truncated_file_reads_as_zeroes_and_is_told),
		T(gm_system_calls_into_truncated_memory_answer_efault),
		T(gm_guard_serves_many_threads),
		T(gm_dirty_log_has_a_bit_for_every_page_written),
		T(gm_dirty_by_host_address_marks_the_guests_page),
		T(gm_truncated_dirty_log_breaks_the_memory_only));
}
