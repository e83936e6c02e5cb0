/* SPDX-License-Identifier: Apache-2.0 */
/* A confined process can do its work and nothing else. */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/blk_io.h"
#include "vdevices/device.h"
#include "vdevices/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 42, ALLOWED, NO_SANDBOX };

/* Runs @p in a child, confined or not. */
static int probe(const struct sandbox_probe *p, unsigned int may, bool confined)
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		struct sandbox_report r;

		if (confined && sandbox_enter(may, &r, NULL)) {
			_exit(NO_SANDBOX);
		}
		_exit(p->allowed() ? ALLOWED : REFUSED);
	}
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	if (WIFSIGNALED(st)) {
		CHECK_EQ(WTERMSIG(st), SIGSYS);
		return REFUSED;
	}
	return WEXITSTATUS(st);
}

TEST(what_must_fail_fails_inside)
{
	static const unsigned int may[] = {
		0, VDEV_MAY_INET, VDEV_MAY_IO_URING | VDEV_MAY_THREADS
	};

	for (size_t m = 0; m < sizeof(may) / sizeof(may[0]); m++) {
		for (size_t i = 0; i < n_sandbox_probes; i++) {
			const struct sandbox_probe *p = &sandbox_probes[i];

			if (p->unless & may[m]) {
				continue;
			}
			print_message("%s with %#x\n", p->name, may[m]);
			CHECK_EQ(probe(p, may[m], true), REFUSED);
		}
	}
}

/* A probe that fails outside too would prove nothing. */
TEST(what_must_fail_inside_works_outside)
{
	for (size_t i = 0; i < n_sandbox_probes; i++) {
		const struct sandbox_probe *p = &sandbox_probes[i];

		print_message("%s\n", p->name);
		/* a program that replaced the process ends with 0 */
		assert_int_not_equal(probe(p, 0, false), REFUSED);
	}
}

static bool can_work(void)
{
	uint64_t one = 1;
	int fd = eventfd(0, EFD_CLOEXEC);
	int mem = memfd_create("m", MFD_CLOEXEC);
	char *p;

	if (fd < 0 || write(fd, &one, sizeof(one)) != sizeof(one) || mem < 0 ||
	    ftruncate(mem, 4096)) {
		return false;
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
	if (p == MAP_FAILED) {
		return false;
	}
	p[0] = 1;
	return !munmap(p, 4096) && !close(mem);
}

TEST(a_device_can_do_its_work_inside)
{
	static const struct sandbox_probe work = { "work", can_work, 0 };

	CHECK_EQ(probe(&work, 0, true), ALLOWED);
	CHECK_EQ(probe(&work, VDEV_MAY_INET, true), ALLOWED);
}

/* ---- io_uring: operations that no filter of system calls sees ---- */

enum { MAY_BLK = VDEV_MAY_IO_URING | VDEV_MAY_THREADS };

static struct sockaddr_un peer = { .sun_family = AF_UNIX };
static int peer_fd, own_fd; /* who listens there; a socket to connect */

static void listen_for_probes(void)
{
	/* abstract: nothing to clean up */
	snprintf(peer.sun_path + 1, sizeof(peer.sun_path) - 1,
		 "avsim-test-sandbox-%d", getpid());
	peer_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(peer_fd, (const struct sockaddr *)&peer, sizeof(peer)), 0);
	CHECK_EQ(listen(peer_fd, 4), 0);
}

static void ask_open(struct io_uring_sqe *e)
{
	io_uring_prep_openat(e, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
}

static void ask_connect(struct io_uring_sqe *e)
{
	io_uring_prep_connect(e, own_fd, (const struct sockaddr *)&peer,
			      sizeof(peer));
}

/* By hand: not in Debian 12's header. Linux 5.19. */
static void ask_socket(struct io_uring_sqe *e)
{
	memset(e, 0, sizeof(*e));
	e->opcode = 45;
	e->fd = AF_UNIX;
	e->off = SOCK_STREAM;
}

static const struct {
	const char *name;
	void (*ask)(struct io_uring_sqe *e);
	bool may_lack; /* an older kernel */
} ring_probes[] = {
	{ "open", ask_open, false },
	{ "connect", ask_connect, false },
	{ "socket", ask_socket, true },
};
enum { N_RING_PROBES = sizeof(ring_probes) / sizeof(ring_probes[0]) };

static int do_op(struct io_uring *ring, void (*ask)(struct io_uring_sqe *e))
{
	struct io_uring_sqe *e = io_uring_get_sqe(ring);
	struct io_uring_cqe *c;
	int res;

	ask(e);
	io_uring_submit(ring);
	if (io_uring_wait_cqe(ring, &c)) {
		return -EIO;
	}
	res = c->res;
	io_uring_cqe_seen(ring, c);
	return res;
}

/* What an operation gives to a process with a ring: -errno as seen there. */
static int ring_probe(size_t i, bool shut, bool confined)
{
	struct io_uring ring;
	pid_t pid;
	int st;

	own_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid = fork();
	if (pid == 0) {
		struct sandbox_report r;
		int event_fd = eventfd(0, EFD_CLOEXEC), res;

		if ((shut ? blk_uring_setup(&ring, event_fd)
			  : io_uring_queue_init(4, &ring, 0)) ||
		    (confined && sandbox_enter(MAY_BLK, &r, NULL))) {
			_exit(255);
		}
		res = do_op(&ring, ring_probes[i].ask);
		_exit(res < 0 ? -res : 0);
	}
	close(own_fd);
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFEXITED(st));
	return -WEXITSTATUS(st);
}

static bool no_rings(void)
{
	struct io_uring ring;
	int event_fd = eventfd(0, EFD_CLOEXEC);
	int ret = blk_uring_setup(&ring, event_fd);

	if (!ret) {
		io_uring_queue_exit(&ring);
	}
	close(event_fd);
	return ret;
}

TEST(a_ring_does_not_do_what_system_calls_must_not)
{
	if (no_rings()) {
		SKIP("no io_uring here, or one before Linux 5.10");
	}
	listen_for_probes();
	for (size_t i = 0; i < N_RING_PROBES; i++) {
		int open = ring_probe(i, false, false);

		print_message("%s by io_uring\n", ring_probes[i].name);
		if (open == -EINVAL && ring_probes[i].may_lack) {
			continue;
		}
		CHECK_EQ(open, 0); /* else the next would prove nothing */
		CHECK_EQ(ring_probe(i, true, true), -EACCES);
		/* it is the ring's doing: the namespaces help by accident */
		CHECK_EQ(ring_probe(i, true, false), -EACCES);
	}
	close(peer_fd);
}

static bool can_make_ring(void)
{
	struct io_uring_params p = { 0 };

	return syscall(SYS_io_uring_setup, 4, &p) >= 0 || errno != EPERM;
}

static bool can_change_ring(void)
{
	/* there is no descriptor to try it on: EBADF is already too far */
	return syscall(SYS_io_uring_register, -1, IORING_REGISTER_BUFFERS, NULL,
		       0) == 0 ||
	       errno != EPERM;
}

TEST(no_ring_is_made_or_changed_inside)
{
	static const struct sandbox_probe make = { "make", can_make_ring, 0 };
	static const struct sandbox_probe change = { "change", can_change_ring,
						     0 };
	static const unsigned int may[] = { 0, VDEV_MAY_INET, MAY_BLK };

	if (no_rings()) {
		SKIP("no io_uring here, or one before Linux 5.10");
	}
	CHECK_EQ(probe(&make, 0, false), ALLOWED);
	CHECK_EQ(probe(&change, 0, false), ALLOWED);
	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
		CHECK_EQ(probe(&make, may[i], true), REFUSED);
		CHECK_EQ(probe(&change, may[i], true), REFUSED);
	}
}

/* ---- as others see it ---- */

/* A process that is confined, says how by its status, and waits for its end. */
static pid_t start_confined(unsigned int may, int *end)
{
	struct sandbox_report r;
	int p[2], said[2];
	char c = 0;
	pid_t pid;

	CHECK_EQ(pipe(p) | pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		c = !sandbox_enter(may, &r, NULL) && r.no_new_privs &&
				    r.seccomp
			    ? 'y'
			    : 'n';
		if (write(said[1], &c, 1) != 1 || read(p[0], &c, 1)) {
			_exit(1);
		}
		_exit(0);
	}
	close(p[0]);
	close(said[1]);
	CHECK_EQ(read(said[0], &c, 1), 1);
	CHECK_EQ(c, 'y');
	close(said[0]);
	*end = p[1];
	return pid;
}

/* A line of /proc/@pid/status, a number in @base. */
static uint64_t status_of(pid_t pid, const char *key, int base)
{
	char path[64], line[256];
	uint64_t v = UINT64_MAX;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) &&
		    line[strlen(key)] == ':') {
			v = strtoull(line + strlen(key) + 1, NULL, base);
		}
	}
	if (f) {
		fclose(f);
	}
	return v;
}

TEST(the_kernel_says_that_it_is_confined)
{
	static const unsigned int may[] = { 0, VDEV_MAY_INET, MAY_BLK };
	struct sandbox_report r;
	int end, st;
	bool can_drop; /* the bounding set too */
	pid_t pid = fork();

	if (pid == 0) {
		_exit(!sandbox_enter(0, &r, NULL) && r.user_ns);
	}
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	can_drop = WEXITSTATUS(st) || !geteuid();
	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
		pid = start_confined(may[i], &end);
		CHECK_EQ(status_of(pid, "Seccomp", 10), 2);
		CHECK_EQ(status_of(pid, "NoNewPrivs", 10), 1);
		CHECK_EQ(status_of(pid, "CapInh", 16), 0);
		CHECK_EQ(status_of(pid, "CapPrm", 16), 0);
		CHECK_EQ(status_of(pid, "CapEff", 16), 0);
		CHECK_EQ(status_of(pid, "CapAmb", 16), 0);
		if (can_drop) {
			CHECK_EQ(status_of(pid, "CapBnd", 16), 0);
		}
		close(end);
		CHECK_EQ(waitpid(pid, &st, 0), pid);
	}
}

/* ---- hosts that permit less ---- */

/* From here on @nr fails with @err, as on a host without it. */
static void take_away(int nr, int err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add(f, SCMP_ACT_ERRNO((unsigned int)err), nr, 0) ||
	    seccomp_load(f)) {
		_exit(NO_SANDBOX);
	}
	seccomp_release(f);
}

/* What a process that cannot use @nr lacks; REFUSED: it must not run. */
static int lacks_without(int nr, int err)
{
	struct sandbox_report r;
	struct av_err e = { 0 };
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		take_away(nr, err);
		if (!sandbox_enter(0, &r, &e)) {
			_exit((int)r.lacks);
		}
		/* says why, and what to do */
		_exit(strstr(e.msg, strerror(err)) &&
				      strstr(e.msg, "--no-sandbox")
			      ? REFUSED
			      : NO_SANDBOX);
	}
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFEXITED(st));
	return WEXITSTATUS(st);
}

TEST(what_a_host_does_not_permit_is_reported)
{
	int ns = lacks_without(SCMP_SYS(unshare), EPERM);
	int ll = lacks_without(SCMP_SYS(landlock_create_ruleset), ENOSYS);

	CHECK(ns != NO_SANDBOX && ns & 1 << SANDBOX_NAMESPACES);
	CHECK(ll != NO_SANDBOX && ll & 1 << SANDBOX_LANDLOCK);
}

TEST(without_a_filter_of_system_calls_nothing_runs)
{
	CHECK_EQ(lacks_without(SCMP_SYS(seccomp), EINVAL), REFUSED);
}

int main(void)
{
	return RUN_TESTS(T(what_must_fail_inside_works_outside),
			 T(what_must_fail_fails_inside),
			 T(a_device_can_do_its_work_inside),
			 T(a_ring_does_not_do_what_system_calls_must_not),
			 T(no_ring_is_made_or_changed_inside),
			 T(the_kernel_says_that_it_is_confined),
			 T(what_a_host_does_not_permit_is_reported),
			 T(without_a_filter_of_system_calls_nothing_runs));
}
