/* SPDX-License-Identifier: Apache-2.0 */
/* Where a port of a guest ends: pseudo-terminals and their users. */
#include "config.h"

#include "tests/unit/stream_rig.h"
#include "tests/unit/test.h"

#include "sim/services/pty.h"
#include "vdevices/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uv_loop_t loop;
static char dir[] = "/tmp/avsim-target-XXXXXX", path[64];

/* @e becomes the guest's end of the port. */
static struct target *target_with(const char *text, struct stream_rig *e)
{
	const struct target_env env = { .loop = &loop };
	struct target *t = NULL;
	struct av_err err = { 0 };
	int ret = target_create(&env, "test", text, &t, &err);

	if (ret) {
		fail_msg("%s", err.msg);
	}
	stream_rig_init(e);
	CHECK_EQ(target_accept(t, &e->s), 0);
	return t;
}

static struct target *pty_with(struct stream_rig *e)
{
	char text[80];

	CHECK_EQ(uv_loop_init(&loop), 0);
	snprintf(path, sizeof(path), "%s/pty", dir);
	snprintf(text, sizeof(text), "pty:%s", path);
	return target_with(text, e);
}

static void finish(struct target *t)
{
	target_destroy(t);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&loop), 0);
	CHECK(access(path, F_OK) < 0);
}

static void turn(void)
{
	for (int i = 0; i < 5; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

/* A terminal hands data on from a work queue. */
static void hears(struct stream_rig *e, const char *text)
{
	while (e->len < strlen(text)) {
		uv_run(&loop, UV_RUN_ONCE);
	}
	turn();
	CHECK_EQ(e->len, strlen(text));
	CHECK(!memcmp(e->got, text, e->len));
}

static void count_active(uv_handle_t *h, void *n)
{
	*(int *)n += uv_is_active(h) != 0;
}

/* Handles that the loop waits for; the watch for users is always one. */
static int active(void)
{
	int n = 0;

	uv_walk(&loop, count_active, &n);
	return n;
}

static void say(struct stream_rig *e, const char *text)
{
	e->s.on_data(&e->s, text, strlen(text));
}

static int user(void)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

TEST(a_pty_without_a_user_wakes_nobody_up)
{
	struct stream_rig e;
	struct target *t = pty_with(&e);
	int fd;

	turn();
	CHECK_EQ(uv_backend_timeout(&loop), -1);
	fd = user();
	turn();
	CHECK_EQ(uv_backend_timeout(&loop), -1);
	close(fd);
	turn();
	CHECK_EQ(uv_backend_timeout(&loop), -1);
	finish(t);
}

TEST(a_user_hears_what_is_said_from_then_on)
{
	char buf[64] = "";
	struct stream_rig e;
	struct target *t = pty_with(&e);
	int fd;

	for (int i = 0; i < 2; i++) {
		say(&e, "nobody hears this");
		fd = user();
		turn();
		say(&e, "hello");
		CHECK_EQ(read(fd, buf, sizeof(buf)), 5);
		CHECK(!memcmp(buf, "hello", 5));
		CHECK_EQ(write(fd, "guest", 5), 5);
		hears(&e, i ? "guestguest" : "guest");
		close(fd);
		turn();
	}
	finish(t);
}

TEST(who_writes_and_leaves_at_once_is_heard)
{
	struct stream_rig e;
	struct target *t = pty_with(&e);
	int fd = user();

	CHECK_EQ(write(fd, "bye", 3), 3);
	close(fd);
	hears(&e, "bye");
	finish(t);
}

TEST(what_the_guest_does_not_take_outlasts_its_writer)
{
	struct stream_rig e;
	struct target *t = pty_with(&e);
	int fd = user();

	turn();
	e.room = 1;
	CHECK_EQ(write(fd, "abc", 3), 3);
	hears(&e, "a");
	close(fd);
	turn();
	hears(&e, "a");
	/* and its hang-up does not keep the loop busy meanwhile */
	CHECK_EQ(active(), 1);
	e.room = 10;
	e.s.on_writable(&e.s);
	hears(&e, "abc");
	fd = user(); /* the next one is seen */
	turn();
	CHECK_EQ(write(fd, "d", 1), 1);
	hears(&e, "abcd");
	close(fd);
	finish(t);
}

static void count(void *ctx)
{
	++*(int *)ctx;
}

TEST(without_inotify_a_timer_looks)
{
	struct rlimit old, low;
	struct pty_watch *w = NULL;
	int n = 0, fd = dup(0);

	CHECK_EQ(uv_loop_init(&loop), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fd;
	close(fd);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
	CHECK_EQ(pty_watch_start(&loop, "/dev/ptmx", count, &n, &w), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	while (n < 2) {
		uv_run(&loop, UV_RUN_ONCE);
	}
	pty_watch_stop(w);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&loop), 0);
}

TEST(nobody_at_the_other_end_takes_all_and_says_nothing)
{
	struct stream_rig e;
	struct target *t;

	CHECK_EQ(uv_loop_init(&loop), 0);
	t = target_with("none", &e);
	say(&e, "is anybody there?");
	turn();
	CHECK_EQ(e.len, 0);
	CHECK(!e.held);
	finish(t);
}

TEST(a_mistyped_service_is_named)
{
	const struct target_env env = { .loop = &loop };
	struct target *t = NULL;
	struct av_err err = { 0 };

	CHECK_EQ(target_create(&env, "p", "gns", &t, &err), -EINVAL);
	CHECK(strstr(err.msg, "did you mean 'gnss'"));
	CHECK_EQ(target_create(&env, "p", "gnss", &t, &err), -EINVAL);
	CHECK(strstr(err.msg, "there is no gnss in this run"));
}

int main(void)
{
	int failed;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	failed = RUN_TESTS(T(a_pty_without_a_user_wakes_nobody_up),
			   T(a_user_hears_what_is_said_from_then_on),
			   T(who_writes_and_leaves_at_once_is_heard),
			   T(what_the_guest_does_not_take_outlasts_its_writer),
			   T(without_inotify_a_timer_looks),
			   T(nobody_at_the_other_end_takes_all_and_says_nothing),
			   T(a_mistyped_service_is_named));
	rmdir(dir);
	return failed;
}
