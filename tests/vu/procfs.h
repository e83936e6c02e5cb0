/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process that a test watches. */
#ifndef AVSIM_TESTS_VU_PROCFS_H
#define AVSIM_TESTS_VU_PROCFS_H

#include <sys/types.h>

/*
 * Open descriptors of @pid. -1: nobody tells. Of a confined child only root gets
 * a list, but everybody the list's length, from Linux 6.2 on.
 */
int proc_fds(pid_t pid);
#define PROC_FDS_UNKNOWN                                                       \
	"before Linux 6.2 only root sees how many descriptors a confined "     \
	"child has"

#endif
