/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A link of a killed run points nowhere, or to a pty that has got the same
 * number since: one that is younger than the link. */
static bool is_stale(const char *path)
{
	struct stat link, pty;

	if (lstat(path, &link) < 0 || !S_ISLNK(link.st_mode)) {
		return false;
	}
	return stat(path, &pty) < 0 ||
	       (S_ISCHR(pty.st_mode) &&
		(pty.st_ctim.tv_sec > link.st_mtim.tv_sec ||
		 (pty.st_ctim.tv_sec == link.st_mtim.tv_sec &&
		  pty.st_ctim.tv_nsec > link.st_mtim.tv_nsec)));
}

static int link_pty(const char *target, const char *path, struct av_err *err)
{
	if (is_stale(path)) {
		unlink(path);
	}
	return symlink(target, path) < 0 ?
		       av_err_set(err, -errno, "cannot link the pty to %s: %s",
				  path, strerror(errno)) :
		       0;
}

int pty_open(const char *path, int *master, int *slave, char *name,
	     struct av_err *err)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), s;
	int ret;

	if (m < 0 || grantpt(m) < 0 || unlockpt(m) < 0 ||
	    ptsname_r(m, name, PTY_NAME_MAX) != 0) {
		ret = av_err_set(err, -errno, "cannot make a pty: %s",
				 strerror(errno));
		goto fail_master;
	}
	s = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0) {
		ret = av_err_set(err, -errno, "cannot open %s: %s", name,
				 strerror(errno));
		goto fail_master;
	}
	ret = link_pty(name, path, err);
	if (ret < 0) {
		goto fail_slave;
	}
	*master = m;
	*slave = s;
	return 0;

fail_slave:
	close(s);
fail_master:
	if (m >= 0) {
		close(m);
	}
	return ret;
}
