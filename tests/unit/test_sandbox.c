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
#include <signal.h>
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

TEST(the_kernel_says_that_it_is_confined)
{
	struct sandbox_report r;
	int st;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (sandbox_enter(0, &r, NULL)) {
			_exit(NO_SANDBOX);
		}
		printf("user_ns=%d mount_ns=%d net_ns=%d landlock=%d\n",
		       r.user_ns, r.mount_ns, r.net_ns, r.landlock_abi);
		fflush(stdout);
		_exit(r.no_new_privs && r.seccomp ? ALLOWED : REFUSED);
	}
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK(WIFEXITED(st));
	CHECK_EQ(WEXITSTATUS(st), ALLOWED);
}

int main(void)
{
	return RUN_TESTS(T(what_must_fail_inside_works_outside),
			 T(what_must_fail_fails_inside),
			 T(a_device_can_do_its_work_inside),
			 T(a_ring_does_not_do_what_system_calls_must_not),
			 T(no_ring_is_made_or_changed_inside),
			 T(the_kernel_says_that_it_is_confined));
}
