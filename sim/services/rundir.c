/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/rundir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int rundir_base(char out[PATH_MAX - RUNDIR_TAIL])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");
	size_t size = PATH_MAX - RUNDIR_TAIL;
	int n;

	if (xdg && xdg[0] == '/' && access(xdg, W_OK | X_OK) == 0) {
		n = snprintf(out, size, "%s/avsim", xdg);
	} else {
		n = snprintf(out, size, "%s/avsim-%u",
			     tmp && tmp[0] == '/' ? tmp : "/tmp",
			     (unsigned int)geteuid());
	}
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* A file alone says nothing: a killed run leaves its own. */
static bool is_listening(const char *dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/ctl.sock", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && n < (int)sizeof(a.sun_path) &&
		   connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return yes;
}

static void each_folder(const char *base,
			void (*f)(void *ctx, const char *dir, long pid),
			void *ctx)
{
	struct dirent *e;
	DIR *d = opendir(base);

	while (d && (e = readdir(d))) {
		char path[PATH_MAX], *end;
		long pid = strtol(e->d_name, &end, 10);

		if (isdigit((unsigned char)e->d_name[0]) && *end == '\0' &&
		    pid > 0 &&
		    snprintf(path, sizeof(path), "%s/%s", base, e->d_name) <
			    (int)sizeof(path)) {
			f(ctx, path, pid);
		}
	}
	if (d) {
		closedir(d);
	}
}

struct search {
	void (*found)(void *ctx, const char *dir);
	void *ctx;
	unsigned int n;
};

static void take_running(void *ctx, const char *dir, long pid)
{
	struct search *s = ctx;

	(void)pid;
	if (is_listening(dir)) {
		s->n++;
		s->found(s->ctx, dir);
	}
}

unsigned int rundir_each(const char *base,
			 void (*found)(void *ctx, const char *dir), void *ctx)
{
	struct search s = { .found = found, .ctx = ctx };

	each_folder(base, take_running, &s);
	return s.n;
}

/* Of a guest; kept after its run for people to read. */
static bool is_log(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".log");
}

/*
 * Neither a process nor a listener: containers may share a folder and not their
 * process ids, and a run that starts has no listener yet.
 */
static void remove_dead(void *ctx, const char *dir, long pid)
{
	struct dirent *e;
	DIR *d;

	(void)ctx;
	if (kill((pid_t)pid, 0) == 0 || errno != ESRCH || is_listening(dir)) {
		return;
	}
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    (S_ISSOCK(st.st_mode) || is_log(e->d_name))) {
			unlinkat(dirfd(d), e->d_name, 0);
		}
	}
	if (d) {
		closedir(d);
		rmdir(dir);
	}
}

void rundir_sweep(const char *base)
{
	each_folder(base, remove_dead, NULL);
}
