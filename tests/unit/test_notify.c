/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signalling a descriptor whose counter is full and whose write would block:
 * the alarm ends a test that waits.
 */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	ALARM_S = 20,
};

TEST(notify_counts_as_a_write_would)
{
	struct notify *n = notify_create();
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t v;

	CHECK(n);
	/* more often than the kernel's ring has room */
	for (int i = 0; i < 10000; i++) {
		CHECK_EQ(notify_signal(n, fd), 0);
	}
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 10000);
	CHECK_EQ(notify_signal(NULL, fd), 0);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(v, 1);
	notify_destroy(n);
	close(fd);
}

TEST(notify_does_not_wait_for_who_fills_the_counter)
{
	struct notify *n = notify_create();
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t v = UINT64_MAX - 1;

	CHECK(n);
	CHECK_EQ(write(fd, &v, 8), 8);
	alarm(ALARM_S);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(notify_signal(n, fd), 0);
	}
	alarm(0);
	CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	notify_destroy(n);
	close(fd);
}

TEST(notify_takes_eventfds_and_does_not_signal_them_for_that)
{
	struct notify *n = notify_create();
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int other[] = { open("/dev/null", O_RDWR | O_CLOEXEC),
			memfd_create("notify", MFD_CLOEXEC),
			epoll_create1(EPOLL_CLOEXEC),
			timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) };
	uint64_t v;

	CHECK(n);
	CHECK(notify_takes(n, fd));
	CHECK_EQ(read(fd, &v, 8), -1);
	CHECK_EQ(errno, EAGAIN);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		CHECK(other[i] >= 0);
		CHECK(!notify_takes(n, other[i]));
		CHECK_EQ(notify_signal(n, other[i]), -EINVAL);
		close(other[i]);
	}
	notify_destroy(n);
	notify_destroy(NULL);
	close(fd);
}

int main(void)
{
	return RUN_TESTS(
		T(notify_counts_as_a_write_would),
		T(notify_does_not_wait_for_who_fills_the_counter),
		T(notify_takes_eventfds_and_does_not_signal_them_for_that));
}
