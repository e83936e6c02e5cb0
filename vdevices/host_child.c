/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device in a child process of its own: the same program, started anew with
 * its descriptors at fixed numbers, confined before it reads a guest's byte.
 */
#include "config.h"

#include "vdevices/host.h"
#include "vdevices/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Descriptors of a child, which has no others but 0 to 2. */
enum {
	FD_PORT = 3,
	FD_LISTEN,
	FD_CONN,
	FD_HEALTH,
	FD_KEEP,
	FD_END = FD_KEEP + VDEV_KEEP,
	FDS = FD_END - FD_PORT,
	FD_SAFE = 32, /* parent's copies are moved above, out of dup2's way */
};

/* argv: program, VDEV_CHILD_ARG, type, name, seed, flags, key=value ... */
enum {
	ARG_TYPE = 2,
	ARG_NAME,
	ARG_SEED,
	ARG_FLAGS, /* s sandbox, p capture, l listens, c connected, k keeps */
	ARG_OPTS,
	ARGS_MAX = ARG_OPTS + VDEV_OPTS_MAX + 1,
};

/* What is left of the environment: for the loader, for builds with sanitizers
 * or coverage, and where temporary files go. */
static const char *const env_kept[] = {
	"LD_LIBRARY_PATH", "LD_PRELOAD",   "TMPDIR",
	"ASAN_OPTIONS",	   "LSAN_OPTIONS", "TSAN_OPTIONS",
	"UBSAN_OPTIONS",   "GCOV_PREFIX",  "LLVM_PROFILE_FILE",
};
enum { N_ENV_KEPT = sizeof(env_kept) / sizeof(env_kept[0]) };

extern char **environ;

struct argv_mem {
	char seed[24];
	char flags[8];
	char *opt[VDEV_OPTS_MAX];
	char *argv[ARGS_MAX];
	char *env[N_ENV_KEPT + 1];
};

static bool is_kept(const char *var)
{
	for (size_t i = 0; i < N_ENV_KEPT; i++) {
		size_t n = strlen(env_kept[i]);

		if (!strncmp(var, env_kept[i], n) && var[n] == '=') {
			return true;
		}
	}
	return false;
}

static void build_env(struct argv_mem *m)
{
	size_t n = 0;

	for (char **e = environ; *e && n < N_ENV_KEPT; e++) {
		if (is_kept(*e)) {
			m->env[n++] = *e;
		}
	}
}

static int build_argv(const struct vdev_host_opts *o, bool sandbox,
		      struct argv_mem *m)
{
	const struct vdev_args *a = o->args;
	size_t n = 0;

	memset(m, 0, sizeof(*m));
	snprintf(m->seed, sizeof(m->seed), "%" PRIu64, a->seed);
	snprintf(m->flags, sizeof(m->flags), "-%s%s%s%s%s", sandbox ? "s" : "",
		 a->capture ? "p" : "", o->listen_fd >= 0 ? "l" : "",
		 o->conn_fd >= 0 ? "c" : "", a->keep ? "k" : "");
	build_env(m);
	m->argv[0] = (char *)(uintptr_t) "avsim";
	m->argv[1] = (char *)(uintptr_t)VDEV_CHILD_ARG;
	m->argv[ARG_TYPE] = (char *)(uintptr_t)o->type->name;
	m->argv[ARG_NAME] = (char *)(uintptr_t)a->name;
	m->argv[ARG_SEED] = m->seed;
	m->argv[ARG_FLAGS] = m->flags;
	for (n = 0; n < a->n_opts; n++) {
		size_t len = strlen(a->opt[n].key) + strlen(a->opt[n].value);

		m->opt[n] = malloc(len + 2);
		if (!m->opt[n]) {
			return -ENOMEM;
		}
		snprintf(m->opt[n], len + 2, "%s=%s", a->opt[n].key,
			 a->opt[n].value);
		m->argv[ARG_OPTS + n] = m->opt[n];
	}
	return 0;
}

/* @fd: from FD_PORT on; -1 none. */
static int spawn(const int fd[FDS], struct argv_mem *m)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	pid_t pid;
	int ret;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawnattr_setsigmask(&at, &none);
	/* a process group of its own: ^C in the terminal is the parent's */
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK |
					      POSIX_SPAWN_SETPGROUP);
	/* the terminal is not for a child, but for its last words */
	ret = -posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	ret = ret ? ret : -posix_spawn_file_actions_adddup2(&fa, 0, 1);
	for (int i = 0; i < FDS && !ret; i++) {
		ret = fd[i] >= 0 ? -posix_spawn_file_actions_adddup2(
					   &fa, fd[i], FD_PORT + i)
				 : -posix_spawn_file_actions_addclose(
					   &fa, FD_PORT + i);
	}
	/* whoever started avsim may have left others open */
	ret = ret ? ret
		  : -posix_spawn_file_actions_addclosefrom_np(&fa, FD_END);
	if (!ret) {
		ret = -posix_spawn(&pid, "/proc/self/exe", &fa, &at, m->argv,
				   m->env);
	}
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	return ret ? ret : pid;
}

/* A copy above the numbers that the child uses, so that no dup2 hits it. */
static int lift(int *fd)
{
	if (*fd < 0) {
		return 0;
	}
	*fd = fcntl(*fd, F_DUPFD_CLOEXEC, FD_SAFE);
	return *fd < 0 ? -errno : 0;
}

int vdev_child_start(const struct vdev_host_opts *o, int health_fd,
		     bool sandbox, struct av_err *err)
{
	int fd[FDS] = { o->port_fd, o->listen_fd, o->conn_fd, health_fd };
	struct argv_mem m;
	int lifted = 0;
	int ret = 0;

	for (int i = 0; i < VDEV_KEEP; i++) {
		fd[FD_KEEP - FD_PORT + i] = o->args->keep ? o->args->keep[i]
							  : -1;
	}
	while (lifted < FDS && !ret) {
		ret = lift(&fd[lifted]);
		lifted += !ret;
	}
	if (!ret) {
		ret = build_argv(o, sandbox, &m);
		ret = ret ? ret : spawn(fd, &m);
		for (size_t i = 0; i < VDEV_OPTS_MAX; i++) {
			free(m.opt[i]);
		}
	}
	for (int i = 0; i < lifted; i++) {
		if (fd[i] >= 0) {
			close(fd[i]);
		}
	}
	if (ret < 0) {
		return av_err_set(err, ret, "%s: cannot start its process: %s",
				  o->args->name, strerror(-ret));
	}
	return ret;
}

/* ---- in the child ---- */

static int parse(int argc, char **argv, struct vdev_args *a,
		 struct vdev_host_opts *o, bool *sandbox)
{
	static const int kept[VDEV_KEEP] = { FD_KEEP, FD_KEEP + 1 };
	const char *flags;

	if (argc < ARG_OPTS || argc - ARG_OPTS > VDEV_OPTS_MAX) {
		return -EINVAL;
	}
	o->type = vdev_type_find(argv[ARG_TYPE]);
	if (!o->type) {
		return -EINVAL;
	}
	a->name = argv[ARG_NAME];
	a->seed = strtoull(argv[ARG_SEED], NULL, 10);
	flags = argv[ARG_FLAGS];
	*sandbox = strchr(flags, 's');
	a->capture = strchr(flags, 'p');
	a->keep = strchr(flags, 'k') ? kept : NULL;
	for (int i = ARG_OPTS; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq) {
			return -EINVAL;
		}
		*eq = '\0';
		a->opt[a->n_opts].key = argv[i];
		a->opt[a->n_opts++].value = eq + 1;
	}
	o->args = a;
	o->port_fd = FD_PORT;
	o->listen_fd = strchr(flags, 'l') ? FD_LISTEN : -1;
	o->conn_fd = strchr(flags, 'c') ? FD_CONN : -1;
	return 0;
}

static void on_ended(void *ctx)
{
	uv_stop(ctx);
}

/* Return: 0, or -errno with @err: the device must not run. */
static int confine(struct vdev_host *host, unsigned int may, struct av_err *err)
{
	struct vdev *d = vdev_host_dev(host);
	struct sandbox_report r;
	int ret;

	/* libuv makes what it needs at its first turn: before the door shuts */
	uv_run(d->loop, UV_RUN_NOWAIT);
	ret = sandbox_enter(may, &r, err);
	if (ret) {
		return ret;
	}
	atomic_store(&d->health->seccomp, 2);
	atomic_store(&d->health->sandbox_lacks, r.lacks);
	vdev_event(d,
		   "sandbox seccomp=2 no_new_privs=1 landlock=%d user_ns=%d "
		   "mount_ns=%d net_ns=%d",
		   r.landlock_abi, r.user_ns, r.mount_ns, r.net_ns);
	return 0;
}

/* By hand: the port may not be open, or closed already. */
static void say_failed(int fd, const struct av_err *err)
{
	struct port_header h = { .kind = PORT_EVENT };
	char text[sizeof(VDEV_CHILD_FAILED) + sizeof(err->msg)];
	struct iovec iov[2] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = text },
	};

	snprintf(text, sizeof(text), VDEV_CHILD_FAILED "%s", err->msg);
	iov[1].iov_len = strlen(text);
	if (writev(fd, iov, 2) < 0) {
		fprintf(stderr, "avsim: %s\n", err->msg);
	}
}

int vdev_child_main(int argc, char **argv)
{
	struct vdev_host_opts o = { 0 };
	struct vdev_args a = { 0 };
	struct vdev_host *host = NULL;
	struct av_err err = { 0 };
	bool sandbox = true;
	uv_loop_t loop;
	int ret, say;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (int fd = FD_PORT; fd < FD_END; fd++) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (parse(argc, argv, &a, &o, &sandbox)) {
		fputs("avsim: " VDEV_CHILD_ARG " is for avsim itself\n",
		      stderr);
		return 2;
	}
	say = fcntl(FD_PORT, F_DUPFD_CLOEXEC, FD_SAFE);
	o.health = mmap(NULL, sizeof(*o.health), PROT_READ | PROT_WRITE,
			MAP_SHARED, FD_HEALTH, 0);
	close(FD_HEALTH);
	if (o.health == MAP_FAILED || uv_loop_init(&loop)) {
		return 2;
	}
	o.own_loop = true;
	o.on_ended = on_ended;
	o.ended_ctx = &loop;
	ret = vdev_host_create(&loop, &o, &host, &err);
	if (!ret && sandbox) {
		ret = confine(host, o.type->may, &err);
	}
	if (!ret) {
		ret = vdev_host_begin(host, &err);
	}
	if (ret) {
		say_failed(say, &err);
		_exit(2);
	}
	close(say);
	while (!vdev_host_ended(host)) {
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	vdev_host_close(host);
	uv_run(&loop, UV_RUN_NOWAIT);
	/* exit handlers may want what the sandbox forbids */
	_exit(0);
}
