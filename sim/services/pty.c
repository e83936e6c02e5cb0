/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int link_pty(const char *target, const char *path, struct av_err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    stat(path, &st) < 0) {
		unlink(path); /* points nowhere: of a killed run */
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
