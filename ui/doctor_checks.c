/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/doctor.h"

#include "sim/services/rundir.h"
#include "ui/cli.h"
#include "ui/cli_guest.h"
#include "ui/session.h"
#include "vdevices/sandbox.h"
#include "vdevices/vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const doctor_verdicts[DOCTOR_N] = { "ok", "warn", "BAD" };

/* @remedy may be "". */
static void say(struct doctor_result *r, enum doctor_verdict v,
		const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct doctor_result *r, enum doctor_verdict v,
		const char *remedy, const char *fmt, ...)
{
	va_list ap;

	r->verdict = v;
	snprintf(r->remedy, sizeof(r->remedy), "%s", remedy);
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

/* ---- files ---- */

static void check_data(struct doctor_result *r)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/scenarios/parking.yaml",
		 cli_data_dir());
	if (access(path, R_OK) == 0) {
		say(r, DOCTOR_OK, "", "%s", cli_data_dir());
	} else {
		say(r, DOCTOR_BAD,
		    "install avsim, or name its source tree in AVSIM_DATADIR",
		    "no scenarios in %s", cli_data_dir());
	}
}

/* The nearest parent that is there must be ours to write. */
static bool can_make(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	while (access(path, F_OK) < 0 && strrchr(path, '/') > path) {
		*strrchr(path, '/') = '\0';
	}
	return access(path, W_OK | X_OK) == 0;
}

static void check_run_dir(struct doctor_result *r)
{
	char dir[PATH_MAX - RUNDIR_TAIL];

	if (rundir_base(dir) < 0 || !can_make(dir)) {
		say(r, DOCTOR_BAD, "set XDG_RUNTIME_DIR or TMPDIR to a folder "
				   "of yours",
		    "no folder for the sockets of runs");
	} else if (strlen(dir) > 70) {
		say(r, DOCTOR_WARN,
		    "set XDG_RUNTIME_DIR or TMPDIR to a shorter path",
		    "%s leaves little of the 108 bytes of a socket's path", dir);
	} else {
		say(r, DOCTOR_OK, "", "%s", dir);
	}
}

static void check_recordings(struct doctor_result *r)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	bool has = state && state[0] == '/';
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s%s", has ? state : home ? home : "",
		 has ? "" : "/.local/state");
	if ((has || home) && can_make(dir)) {
		say(r, DOCTOR_OK, "", "%s/avsim/recordings", dir);
	} else {
		say(r, DOCTOR_WARN,
		    "set HOME or XDG_STATE_HOME, or give --record FILE",
		    "no place for recordings");
	}
}

/* ---- terminal ---- */

static void check_terminal(struct doctor_result *r)
{
	const char *term = getenv("TERM");
	struct winsize ws = { 0 };

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		say(r, DOCTOR_OK, "", "none here: runs are headless");
	} else if (!term || !*term || !strcmp(term, "dumb")) {
		say(r, DOCTOR_WARN, "set TERM, as to xterm-256color",
		    "TERM is %s: no dashboard", term && *term ? term : "empty");
	} else if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
		say(r, DOCTOR_WARN, "use a UTF-8 locale, as LC_ALL=C.UTF-8",
		    "%s, but the locale is %s: bars and maps in plain letters",
		    term, nl_langinfo(CODESET));
	} else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col &&
		   (ws.ws_col < 80 || ws.ws_row < 24)) {
		say(r, DOCTOR_WARN, "make it 80 by 24 or larger",
		    "%s, %d by %d: views are cut", term, ws.ws_col, ws.ws_row);
	} else {
		say(r, DOCTOR_OK, "", "%s, UTF-8, %d by %d", term, ws.ws_col,
		    ws.ws_row);
	}
}

/* ---- virtual machines ---- */

static void check_qemu(struct doctor_result *r, enum guest_arch arch)
{
	struct vmm_caps c = { 0 };
	struct av_err err = { 0 };
	int ret = vmm_probe(VMM_QEMU, arch, NULL, &c, &err);

	if (ret < 0) {
		say(r, DOCTOR_WARN, "", "%s", err.msg);
	} else if (c.major < 7 || (c.major == 7 && c.minor < 2)) {
		say(r, DOCTOR_WARN, "7.2 or later is wanted", "%s: %s", c.path,
		    c.version);
	} else if (!vmm_has(&c, "vhost-user-test-device-pci")) {
		say(r, DOCTOR_OK, "10.2 or later attaches all devices; see "
				  "the table below",
		    "%s: %s", c.path, c.version);
	} else {
		say(r, DOCTOR_OK, "", "%s: %s", c.path, c.version);
	}
	vmm_caps_finish(&c);
}

static void check_qemu_arm64(struct doctor_result *r)
{
	check_qemu(r, GUEST_ARM64);
}

static void check_qemu_x86_64(struct doctor_result *r)
{
	check_qemu(r, GUEST_X86_64);
}

static void check_crosvm(struct doctor_result *r)
{
	struct vmm_caps c = { 0 };
	struct av_err err = { 0 };

	if (vmm_probe(VMM_CROSVM, GUEST_X86_64, NULL, &c, &err) == 0) {
		say(r, DOCTOR_OK, "", "%s: %s", c.path, c.version);
	} else {
		say(r, DOCTOR_OK, "only for profiles with vmm: crosvm", "%s",
		    err.msg);
	}
	vmm_caps_finish(&c);
}

static void check_kvm(struct doctor_result *r)
{
	char why[160] = "";

	for (int a = 0; a < GUEST_N_ARCHES; a++) {
		if (vmm_kvm((enum guest_arch)a, why)) {
			say(r, DOCTOR_OK, "", "runs %s guests",
			    guest_arch_names[a]);
			return;
		}
	}
#if defined(__x86_64__)
	vmm_kvm(GUEST_X86_64, why);
#endif
	say(r, DOCTOR_WARN, "guests are emulated: small ones boot in seconds, "
			    "Android in many minutes",
	    "%s", why);
}

static void check_kit(struct doctor_result *r)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];

	if (cli_guest_kit_dir(dir) == 0) {
		snprintf(path, sizeof(path), "%s/kernel-arm64", dir);
	}
	if (dir[0] && access(path, R_OK) == 0) {
		say(r, DOCTOR_OK, "", "%s", dir);
	} else {
		say(r, DOCTOR_OK, "make guest-kit, in the source tree",
		    "not made yet: --guest kit has nothing to boot");
	}
}

/* ---- kernel ---- */

static void check_memfd(struct doctor_result *r)
{
	int fd = memfd_create("avsim", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
		say(r, DOCTOR_OK, "", "with seals");
	} else {
		say(r, DOCTOR_BAD, "Linux 3.17 or later; a container may "
				   "forbid it",
		    "memfd_create: %s", strerror(errno));
	}
	if (fd >= 0) {
		close(fd);
	}
}

/* In a child: there is no way back out of a sandbox. */
static bool child_lacks(enum sandbox_part part)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sandbox_report r;

		_exit(sandbox_enter(0, &r, NULL) || r.lacks >> part & 1);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

static void check_namespaces(struct doctor_result *r)
{
	if (child_lacks(SANDBOX_NAMESPACES)) {
		say(r, DOCTOR_WARN, sandbox_lacks[SANDBOX_NAMESPACES].remedy,
		    "not allowed: devices are confined by seccomp and Landlock "
		    "alone");
	} else {
		say(r, DOCTOR_OK, "", "user, mount and network");
	}
}

static void check_landlock(struct doctor_result *r)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0) {
		say(r, DOCTOR_OK, "", "ABI %ld", abi);
	} else {
		say(r, DOCTOR_WARN, sandbox_lacks[SANDBOX_LANDLOCK].remedy,
		    "not there: devices are confined by seccomp and "
		    "namespaces alone");
	}
}

static void check_seccomp(struct doctor_result *r)
{
	unsigned int action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) {
		say(r, DOCTOR_OK, "", "filters");
	} else {
		say(r, DOCTOR_BAD, "a kernel with CONFIG_SECCOMP_FILTER; "
				   "--no-sandbox does without",
		    "no filters: devices in processes of their own do not "
		    "start");
	}
}

static void check_io_uring(struct doctor_result *r)
{
	/* made shut, restricted, then opened: see blk_uring.c */
	struct io_uring_params p = { .flags = IORING_SETUP_R_DISABLED };
	long fd = syscall(SYS_io_uring_setup, 1, &p);

	if (fd >= 0) {
		close((int)fd);
		say(r, DOCTOR_OK, "", "there");
	} else {
		say(r, DOCTOR_OK, errno == EPERM ? "sysctl "
						   "kernel.io_uring_disabled=0"
						 : "Linux 5.10 or later",
		    "%s: block devices use threads instead", strerror(errno));
	}
}

static void check_vsock(struct doctor_result *r)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		say(r, DOCTOR_OK, "", "AF_VSOCK is there");
	} else {
		say(r, DOCTOR_OK, "only for VMMs with the kernel's vhost-vsock: "
				  "modprobe vhost_vsock",
		    "no AF_VSOCK: %s", strerror(errno));
	}
}

static void check_limits(struct doctor_result *r)
{
	struct rlimit files = { 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 1024) {
		say(r, DOCTOR_WARN, "ulimit -n 4096",
		    "%llu open files: a thousand vsock connections need more",
		    (unsigned long long)files.rlim_cur);
	} else {
		say(r, DOCTOR_OK, "", "%llu open files",
		    (unsigned long long)files.rlim_cur);
	}
}

const struct doctor_check doctor_checks[] = {
	{ "data", "scenarios and vehicles", check_data },
	{ "run-dir", "sockets of runs", check_run_dir },
	{ "recordings", "runs without --record", check_recordings },
	{ "terminal", "dashboard", check_terminal },
	{ "limits", "connections", check_limits },
	{ "memfd", "health and guest memory", check_memfd },
	{ "seccomp", "sandbox", check_seccomp },
	{ "landlock", "sandbox", check_landlock },
	{ "namespaces", "sandbox", check_namespaces },
	{ "io_uring", "block devices", check_io_uring },
	{ "vsock", "vhost-vsock of the kernel", check_vsock },
	{ "kvm", "fast guests", check_kvm },
	{ "qemu-arm64", "arm64 guests", check_qemu_arm64 },
	{ "qemu-x86_64", "x86_64 guests", check_qemu_x86_64 },
	{ "crosvm", "guests on crosvm", check_crosvm },
	{ "guest-kit", "--guest kit", check_kit },
};
const size_t n_doctor_checks = sizeof(doctor_checks) / sizeof(doctor_checks[0]);
