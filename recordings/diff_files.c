/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/diff.h"

#include "recordings/diff_source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int diff_source_open(const char *path, struct diff_source **out,
		     struct av_err *err)
{
	char head[16];
	struct stat st;
	ssize_t n = 0;
	int fd;

	/* a pipe would lose what is read here: it is taken for a dump */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, head, sizeof(head));
			close(fd);
		}
	}
	if (n == sizeof(head) && !memcmp(head, "SQLite format 3", 16)) {
		return diff_source_rec(path, out, err);
	}
	return diff_source_dump(path, out, err);
}

int diff_files(const char *a, const char *b, const struct diff_opts *o,
	       struct diff_result *out, struct av_err *err)
{
	struct diff_source *src[2] = { NULL, NULL };
	int ret = diff_source_open(a, &src[0], err);

	*out = (struct diff_result){ 0 };
	if (ret == 0) {
		ret = diff_source_open(b, &src[1], err);
	}
	if (ret == 0) {
		ret = diff_sources(src[0], src[1], o, out, err);
	}
	diff_source_close(src[0]);
	diff_source_close(src[1]);
	return ret;
}
