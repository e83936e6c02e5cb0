/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/sock.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMES = 400 };

struct waiter {
	struct sockaddr_un a;
	atomic_int begun, done; /* rounds */
	int refused;
};

/* As a script does: once the file is there, connect. */
static void *wait_and_connect(void *arg)
{
	struct waiter *w = arg;

	for (int i = 1; i <= TIMES; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		while (atomic_load(&w->begun) < i ||
		       access(w->a.sun_path, F_OK)) {
		}
		w->refused += connect(fd, (struct sockaddr *)&w->a,
				      sizeof(w->a)) != 0;
		close(fd);
		atomic_store(&w->done, i);
	}
	return NULL;
}

TEST(sock_a_file_that_is_there_can_be_connected_to)
{
	char dir[] = "/tmp/test-sock-XXXXXX";
	struct waiter w = { .a.sun_family = AF_UNIX };
	struct av_err err = { 0 };
	pthread_t t;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(w.a.sun_path, sizeof(w.a.sun_path), "%s/s.sock", dir);
	CHECK_EQ(pthread_create(&t, NULL, wait_and_connect, &w), 0);
	for (int i = 1; i <= TIMES; i++) {
		int fd;

		atomic_store(&w.begun, i);
		if (sock_bind_unix(w.a.sun_path, 4, &fd, &err)) {
			fail_msg("%s", err.msg);
		}
		while (atomic_load(&w.done) < i) {
		}
		CHECK_EQ(unlink(w.a.sun_path), 0);
		close(fd);
	}
	pthread_join(t, NULL);
	CHECK_EQ(w.refused, 0);
	CHECK_EQ(rmdir(dir), 0); /* and nothing else was left */
}

TEST(sock_replaces_the_dead_and_nothing_else)
{
	char dir[] = "/tmp/test-sock-XXXXXX", path[64], beside[66];
	struct av_err err = { 0 };
	struct stat st;
	int fd, other;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	snprintf(beside, sizeof(beside), "%s~", path);
	CHECK_EQ(sock_bind_unix(path, 4, &fd, &err), 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(sock_bind_unix(path, 4, &other, &err), -EADDRINUSE);
	close(fd); /* and the file stays: whoever had it is dead */
	CHECK_EQ(sock_bind_unix(path, 4, &fd, &err), 0);
	close(fd);
	CHECK_EQ(unlink(path), 0);

	/* files of somebody's */
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	CHECK_EQ(sock_bind_unix(path, 4, &fd, &err), -EADDRINUSE);
	CHECK_EQ(unlink(path), 0);
	fd = open(beside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(sock_bind_unix(path, 4, &fd, &err), 0);
		close(fd);
	}
	CHECK_EQ(unlink(beside), 0);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(rmdir(dir), 0);
}

int main(void)
{
	return RUN_TESTS(T(sock_a_file_that_is_there_can_be_connected_to),
			 T(sock_replaces_the_dead_and_nothing_else));
}
