/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order matters: Landlock needs no_new_privs, namespaces need /proc and
 * mount(), which needs the capabilities that the first of them brings, and after
 * seccomp none of the calls used here is left.
 *
 * There is no namespace of process ids: only a child of who makes one is in it,
 * so each device would cost a second process that waits and passes its end on.
 * What it would hide is out of reach already: kill, ptrace and the signals that
 * fcntl() can order are refused, and /proc is not there.
 *
 * What a library may try in good faith (open a locale, connect to a name
 * service) gets EPERM; everything else that is not on the list ends the
 * process.
 */
#include "config.h"

#include "vdevices/sandbox.h"

#include "vdevices/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libseccomp's own macros leave members out */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define RESOLV "/etc/resolv.conf"

const struct sandbox_lack sandbox_lacks[SANDBOX_N_PARTS] = {
	[SANDBOX_NAMESPACES] = {
		"no user, mount and network namespaces",
		"sysctl kernel.unprivileged_userns_clone=1, or AppArmor's "
		"restriction of user namespaces off for avsim" },
	[SANDBOX_LANDLOCK] = {
		"no Landlock",
		"a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in the "
		"lsm= list" },
};

/* ---- namespaces ---- */

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0) {
		return false;
	}
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static bool map_ids(uid_t uid, gid_t gid)
{
	char map[64];

	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!put("/proc/self/uid_map", map)) {
		return false;
	}
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return put("/proc/self/gid_map", map);
}

/* The resolver's file is all that is left of the host's files, read-only. */
static bool keep_resolv(void)
{
	int fd;

	if (mkdir("./etc", 0700)) {
		return false;
	}
	fd = open("." RESOLV, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0) {
		return false;
	}
	close(fd);
	return !mount(RESOLV, "." RESOLV, NULL, MS_BIND, NULL);
}

/* An empty root on a tmpfs that takes no more files. */
static bool empty_root(unsigned int may)
{
	bool inet = may & VDEV_MAY_INET;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/tmp", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID,
		  inet ? "nr_inodes=4,mode=0700" : "nr_inodes=2,mode=0700") ||
	    chdir("/tmp")) {
		return false;
	}
	if (inet) {
		keep_resolv(); /* without: no names, still a network */
	}
	mount(NULL, "/tmp", NULL,
	      MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID, NULL);
	return !syscall(SYS_pivot_root, ".", ".") &&
	       !umount2(".", MNT_DETACH) && !chdir("/");
}

/* Where the distribution forbids the first, only root gets the others. */
static void namespaces(unsigned int may, struct sandbox_report *r)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	r->user_ns = !unshare(CLONE_NEWUSER) && map_ids(uid, gid);
	unshare(CLONE_NEWIPC | CLONE_NEWUTS);
	r->mount_ns = !unshare(CLONE_NEWNS) && empty_root(may);
	r->net_ns = !(may & VDEV_MAY_INET) && !unshare(CLONE_NEWNET);
}

/* ---- capabilities ---- */

/* Also those that a new user namespace gave. The bounding set stays where
 * neither that nor root took hold; no_new_privs makes nothing of it. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	const struct __user_cap_data_struct none[2] = { { 0 } };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		prctl(PR_CAPBSET_DROP, cap);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &h, none) ? -errno : 0;
}

/* ---- Landlock, by its system calls: the C library has no wrappers ---- */

#define FS_ABI1 ((UINT64_C(1) << 13) - 1)
/* By ABI 1..5: REFER, TRUNCATE, none, IOCTL_DEV. */
static const uint64_t fs_bits[] = {
	FS_ABI1,
	FS_ABI1 | (UINT64_C(1) << 13),
	FS_ABI1 | (UINT64_C(3) << 13),
	FS_ABI1 | (UINT64_C(3) << 13),
	FS_ABI1 | (UINT64_C(7) << 13),
};

/* struct landlock_ruleset_attr as of ABI 6; older headers lack the tail. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static void allow_resolv(int ruleset)
{
	struct landlock_path_beneath_attr a = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = open(RESOLV, O_PATH | O_CLOEXEC),
	};

	if (a.parent_fd >= 0) {
		syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &a, 0);
		close(a.parent_fd);
	}
}

static int landlock(unsigned int may)
{
	struct ruleset rs = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	size_t size;
	long fd;

	if (abi < 1) {
		return 0;
	}
	rs.fs = fs_bits[abi < 5 ? abi - 1 : 4];
	rs.net = (may & VDEV_MAY_INET) ? 0 : 3; /* TCP bind, connect */
	rs.scoped = 3; /* abstract unix sockets, signals */
	size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	fd = syscall(SYS_landlock_create_ruleset, &rs, size, 0);
	if (fd < 0) {
		return 0;
	}
	if (may & VDEV_MAY_INET) {
		allow_resolv((int)fd);
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0)) {
		abi = 0;
	}
	close((int)fd);
	return (int)abi;
}

/* ---- seccomp ---- */

/* What an event loop, memory and already open descriptors need. */
static const int always[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(accept4),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(eventfd2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(pipe2),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64),
	SCMP_SYS(lseek),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fsync),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(memfd_create),
	SCMP_SYS(futex),
	SCMP_SYS(futex_waitv),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(io_submit), /* notify.c, on a context made before */
	SCMP_SYS(io_destroy),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Libraries may try these in good faith: refused, not deadly. */
static const int refused[] = {
	SCMP_SYS(open),           SCMP_SYS(openat),
	SCMP_SYS(openat2),        SCMP_SYS(access),
	SCMP_SYS(faccessat),      SCMP_SYS(faccessat2),
	SCMP_SYS(stat),           SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),     SCMP_SYS(statx),
	SCMP_SYS(readlink),       SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),         SCMP_SYS(getdents64),
	SCMP_SYS(unlink),         SCMP_SYS(unlinkat),
	SCMP_SYS(connect),        SCMP_SYS(bind),
	SCMP_SYS(listen),         SCMP_SYS(socket),
	SCMP_SYS(socketpair),     SCMP_SYS(setsockopt),
	SCMP_SYS(ioctl),          SCMP_SYS(prctl),
	SCMP_SYS(kill),           SCMP_SYS(tkill),
	SCMP_SYS(sysinfo),        SCMP_SYS(uname),
	SCMP_SYS(prlimit64),      SCMP_SYS(sched_setscheduler),
	SCMP_SYS(setpriority),    SCMP_SYS(process_vm_readv),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_register),
};

static const int inet[] = {
	SCMP_SYS(connect),    SCMP_SYS(bind),       SCMP_SYS(listen),
	SCMP_SYS(setsockopt), SCMP_SYS(openat),     SCMP_SYS(open),
	SCMP_SYS(stat),       SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(uname),      SCMP_SYS(sysinfo),    SCMP_SYS(accept),
};

/* Of a ring made before, which takes little; see blk_uring.c. */
static const int uring[] = {
	SCMP_SYS(io_uring_enter),
};

static int add_all(scmp_filter_ctx f, uint32_t action, const int *nr, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int ret = nr[i] < 0 ? 0 : seccomp_rule_add(f, action, nr[i], 0);

		if (ret) {
			return ret;
		}
	}
	return 0;
}

static bool in(const int *nr, size_t n, int x)
{
	for (size_t i = 0; i < n; i++) {
		if (nr[i] == x) {
			return true;
		}
	}
	return false;
}

#define ALL(a) (a), sizeof(a) / sizeof((a)[0])

static int add_refused(scmp_filter_ctx f, unsigned int may)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int nr = refused[i];
		int ret;

		if (nr < 0 ||
		    ((may & VDEV_MAY_INET) &&
		     (in(ALL(inet), nr) || nr == SCMP_SYS(socket))) ||
		    nr == SCMP_SYS(ioctl) || nr == SCMP_SYS(newfstatat)) {
			continue;
		}
		ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 0);
		if (ret) {
			return ret;
		}
	}
	return 0;
}

/* Without those that order signals, to any process of the user. */
static const int fcntls[] = {
	F_DUPFD,      F_DUPFD_CLOEXEC, F_GETFD,	     F_SETFD,
	F_GETFL,      F_SETFL,	       F_ADD_SEALS,  F_GET_SEALS,
	F_SETPIPE_SZ, F_GETPIPE_SZ,
};

static int add_fcntl(scmp_filter_ctx f)
{
	const int nr[] = { SCMP_SYS(fcntl), SCMP_SYS(fcntl64) };
	int ret = 0;

	for (size_t i = 0; i < 2 * sizeof(fcntls) / sizeof(fcntls[0]); i++) {
		if (!ret && nr[i % 2] >= 0) {
			ret = seccomp_rule_add(
				f, SCMP_ACT_ALLOW, nr[i % 2], 1,
				SCMP_A1_32(SCMP_CMP_EQ,
					   (unsigned int)fcntls[i / 2]));
		}
	}
	return ret;
}

/* Rules that look at arguments. */
static int add_narrow(scmp_filter_ctx f, unsigned int may)
{
	const uint32_t ok = SCMP_ACT_ALLOW, no = SCMP_ACT_ERRNO(EPERM);
	int ret;

	/* never memory that is executable */
	ret = seccomp_rule_add(f, ok, SCMP_SYS(mmap), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ret = ret ? ret
		  : seccomp_rule_add(
			    f, no, SCMP_SYS(mmap), 1,
			    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	ret = ret ? ret
		  : seccomp_rule_add(f, ok, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ret = ret ? ret
		  : seccomp_rule_add(
			    f, no, SCMP_SYS(mprotect), 1,
			    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	/* libuv sets descriptors non-blocking this way; no other ioctl */
	for (size_t i = 0; i < 2 && !ret; i++) {
		ret = seccomp_rule_add(
			f, ok, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_EQ, i ? FIONREAD : FIONBIO));
	}
	/* abort() of the C library, to itself only */
	ret = ret ? ret
		  : seccomp_rule_add(
			    f, ok, SCMP_SYS(tgkill), 1,
			    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	if (!ret && !(may & VDEV_MAY_INET)) {
		/* fstat() of newer C libraries: an empty path */
		ret = seccomp_rule_add(f, ok, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ,
					       AT_EMPTY_PATH, AT_EMPTY_PATH));
		ret = ret ? ret
			  : seccomp_rule_add(f, no, SCMP_SYS(newfstatat), 1,
					     SCMP_A3(SCMP_CMP_MASKED_EQ,
						     AT_EMPTY_PATH, 0));
	}
	if (!ret && (may & VDEV_MAY_INET)) {
		ret = seccomp_rule_add(f, ok, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_INET));
		ret = ret ? ret
			  : seccomp_rule_add(f, ok, SCMP_SYS(socket), 1,
					     SCMP_A0(SCMP_CMP_EQ, AF_INET6));
		/* a resolver in good faith: the C library asks for the number
		 * of an interface by a socket of another family */
		for (int af = 0; af < AF_INET6 && !ret; af++) {
			ret = af == AF_INET ? 0
					    : seccomp_rule_add(
						      f, no, SCMP_SYS(socket),
						      1,
						      SCMP_A0(SCMP_CMP_EQ,
							      (unsigned int)
								      af));
		}
		ret = ret ? ret
			  : seccomp_rule_add(f, no, SCMP_SYS(socket), 1,
					     SCMP_A0(SCMP_CMP_GT, AF_INET6));
	}
	if (!ret && (may & VDEV_MAY_THREADS)) {
		ret = seccomp_rule_add(f, ok, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
					       CLONE_THREAD));
		ret = ret ? ret
			  : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
					     SCMP_SYS(clone3), 0);
	}
	return ret;
}

static int filter(unsigned int may)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret;

	if (!f) {
		return -ENOMEM;
	}
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1); /* why, if not */
	ret = add_all(f, SCMP_ACT_ALLOW, ALL(always));
	ret = ret ? ret : add_refused(f, may);
	ret = ret ? ret : add_narrow(f, may);
	ret = ret ? ret : add_fcntl(f);
	if (!ret && (may & VDEV_MAY_INET)) {
		ret = add_all(f, SCMP_ACT_ALLOW, ALL(inet));
	}
	if (!ret && (may & VDEV_MAY_IO_URING)) {
		ret = add_all(f, SCMP_ACT_ALLOW, ALL(uring));
	}
	ret = ret ? ret : seccomp_load(f);
	seccomp_release(f);
	return ret;
}

/*
 * What a guest can make a network stack keep (segments out of order, a hundred
 * bytes of book-keeping for each) has no bound of its own. Then that process
 * ends and is started anew. Not under sanitizers: shadow memory counts too.
 */
static void limit_memory(unsigned int may)
{
#ifndef AVSIM_SANITIZED
	const struct rlimit r = { SANDBOX_INET_BYTES, SANDBOX_INET_BYTES };

	if (may & VDEV_MAY_INET) {
		setrlimit(RLIMIT_DATA, &r);
	}
#else
	(void)may;
#endif
}

static unsigned int lacks(unsigned int may, const struct sandbox_report *r)
{
	unsigned int bits = 0;

	if (!r->user_ns || !r->mount_ns ||
	    (!r->net_ns && !(may & VDEV_MAY_INET))) {
		bits |= 1u << SANDBOX_NAMESPACES;
	}
	if (!r->landlock_abi) {
		bits |= 1u << SANDBOX_LANDLOCK;
	}
	return bits;
}

int sandbox_enter(unsigned int may, struct sandbox_report *r,
		  struct av_err *err)
{
	int ret;

	*r = (struct sandbox_report){ 0 };
	limit_memory(may);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		return av_err_set(err, -errno,
				  "the kernel has no no_new_privs; run with "
				  "--no-sandbox if you trust the guest");
	}
	r->no_new_privs = true;
	prctl(PR_SET_DUMPABLE, 1); /* /proc/self must be ours for the maps */
	namespaces(may, r);
	prctl(PR_SET_DUMPABLE, 0);
	ret = drop_capabilities();
	if (ret) {
		return av_err_set(err, ret,
				  "cannot drop capabilities: %s; run with "
				  "--no-sandbox if you trust the guest",
				  strerror(-ret));
	}
	r->landlock_abi = landlock(may);
	r->lacks = lacks(may, r);
	ret = filter(may);
	if (ret) {
		return av_err_set(
			err, ret,
			"cannot install the system call filter: %s; "
			"run with --no-sandbox if you trust the guest",
			strerror(-ret));
	}
	r->seccomp = true;
	return 0;
}
