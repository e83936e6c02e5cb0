/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "procfs.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

int proc_fds(pid_t pid)
{
	char path[64];
	struct stat st;
	int n = -2; /* . and .. */
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d) {
		return stat(path, &st) || !st.st_size ? -1 : (int)st.st_size;
	}
	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}
