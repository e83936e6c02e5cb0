/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const bundle_role_names[BUNDLE_N_ROLES] = {
	[BUNDLE_SCENARIO] = "scenario", [BUNDLE_VEHICLE] = "vehicle",
	[BUNDLE_DBC] = "dbc",		[BUNDLE_SIGNALS] = "signals",
	[BUNDLE_VHAL] = "vhal",		[BUNDLE_TRACE] = "trace",
	[BUNDLE_SENSORS] = "sensors",	[BUNDLE_IMU] = "imu",
	[BUNDLE_GNSS] = "gnss",
};

int av_read_file(const char *path, size_t max, char **data, size_t *len,
		 struct av_err *err)
{
	struct stat st;
	size_t room, n = 0;
	char *buf = NULL;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return av_err_set(err, -errno, "cannot open %s: %s", path,
				  strerror(errno));
	}
	if (fstat(fd, &st) < 0) {
		goto fail_errno;
	}
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		goto fail_errno;
	}
	room = st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
	for (;;) {
		char *p;
		ssize_t got;

		if (n + 1 >= room || !buf) {
			if (buf) {
				room *= 2;
			}
			if (room > max + 1) {
				room = max + 2;
			}
			p = realloc(buf, room + 1);
			if (!p) {
				errno = ENOMEM;
				goto fail_errno;
			}
			buf = p;
		}
		got = read(fd, buf + n, room - n);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			goto fail_errno;
		}
		if (got == 0) {
			break;
		}
		n += (size_t)got;
		if (n > max) {
			ret = av_err_set(err, -EFBIG,
					 "%s is larger than %zu MiB", path,
					 max >> 20);
			goto fail;
		}
	}
	close(fd);
	buf[n] = '\0';
	*data = buf;
	*len = n;
	return 0;

fail_errno:
	ret = av_err_set(err, -errno, "cannot read %s: %s", path,
			 strerror(errno));
fail:
	free(buf);
	close(fd);
	return ret;
}

static int take(struct bundle *b, enum bundle_role role, const char *key,
		const char *name, char *data, size_t len)
{
	struct bundle_file *v = realloc(b->file, (b->n + 1) * sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	b->file = v;
	v[b->n] = (struct bundle_file){ .role = role,
					.key = strdup(key),
					.name = strdup(name),
					.data = data,
					.len = len };
	if (!v[b->n].key || !v[b->n].name) {
		free(v[b->n].key);
		free(v[b->n].name);
		return -ENOMEM;
	}
	b->n++;
	return 0;
}

int bundle_add(struct bundle *b, enum bundle_role role, const char *key,
	       const char *name, const char *data, size_t len)
{
	char *copy = malloc(len + 1);
	int ret;

	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, data, len);
	copy[len] = '\0';
	ret = take(b, role, key, name, copy, len);
	if (ret < 0) {
		free(copy);
	}
	return ret;
}

int bundle_add_file(struct bundle *b, enum bundle_role role, const char *key,
		    const char *path, struct av_err *err)
{
	char *data;
	size_t len;
	int ret;

	ret = av_read_file(path, BUNDLE_FILE_MAX, &data, &len, err);
	if (ret < 0) {
		return ret;
	}
	ret = take(b, role, key, path, data, len);
	if (ret < 0) {
		free(data);
		return av_err_set(err, ret, "out of memory");
	}
	return 0;
}

const struct bundle_file *bundle_get(const struct bundle *b,
				     enum bundle_role role, size_t i)
{
	for (size_t k = 0; k < b->n; k++) {
		if (b->file[k].role == role && i-- == 0) {
			return &b->file[k];
		}
	}
	return NULL;
}

const struct bundle_file *bundle_find(const struct bundle *b,
				      enum bundle_role role, const char *key)
{
	for (size_t k = 0; k < b->n; k++) {
		if (b->file[k].role == role && !strcmp(b->file[k].key, key)) {
			return &b->file[k];
		}
	}
	return NULL;
}

void bundle_finish(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->file[i].key);
		free(b->file[i].name);
		free(b->file[i].data);
	}
	free(b->file);
	*b = (struct bundle){ 0 };
}
