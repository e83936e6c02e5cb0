/* SPDX-License-Identifier: Apache-2.0 */
/* A confined process can do its work and nothing else. */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/device.h"
#include "vdevices/sandbox.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
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
			 T(the_kernel_says_that_it_is_confined));
}
