/* SPDX-License-Identifier: Apache-2.0 */
/* What a confined process must not be able to do, tried for real. */
#include "config.h"

#include "vdevices/device.h"
#include "vdevices/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool can_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool can_create(void)
{
	char path[] = "/tmp/avsim-probe-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0) {
		unlink(path);
	}
	return fd >= 0;
}

static bool can_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool can_inet(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool can_connect(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	/* there is no descriptor to try it on: EBADF is already too far */
	return connect(-1, (const struct sockaddr *)&a, sizeof(a)) == 0 ||
	       errno != EPERM;
}

static bool can_exec(void)
{
	char name[] = "true";
	char *argv[] = { name, NULL };

	execv("/bin/true", argv);
	return false;
}

static bool can_fork(void)
{
	return fork() >= 0;
}

static bool can_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool can_kill(void)
{
	return kill(getppid(), 0) == 0;
}

/* Have the kernel send them when something happens on a descriptor. */
static bool can_order_signals(void)
{
	return fcntl(STDERR_FILENO, F_SETOWN, getppid()) == 0;
}

/* The door to mount() and all the rest. */
static bool can_unshare(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}

static bool can_run_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

const struct sandbox_probe sandbox_probes[] = {
	{ "open", can_open, 0 },
	{ "create a file", can_create, 0 },
	{ "unix socket", can_unix, 0 },
	{ "inet socket", can_inet, VDEV_MAY_INET },
	{ "connect", can_connect, VDEV_MAY_INET },
	{ "execve", can_exec, 0 },
	{ "fork", can_fork, 0 },
	{ "ptrace", can_ptrace, 0 },
	{ "kill", can_kill, 0 },
	{ "order signals", can_order_signals, 0 },
	{ "unshare", can_unshare, 0 },
	{ "executable memory", can_run_memory, 0 },
};
const size_t n_sandbox_probes =
	sizeof(sandbox_probes) / sizeof(sandbox_probes[0]);
