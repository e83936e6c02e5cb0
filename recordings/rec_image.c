/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new recording as it comes into being: schema, meta and inputs are made in
 * memory, written under another name and moved into place, so that a recording
 * killed at any moment has them.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rec_sqlite_errno(int sqlite_code)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_TOOBIG:
		return -EFBIG;
	default:
		return -EIO;
	}
}

int rec_meta_put(sqlite3 *db, const char *key, const char *value)
{
	sqlite3_stmt *st;
	int ret = sqlite3_prepare_v2(db,
				     "INSERT OR REPLACE INTO meta VALUES(?,?)",
				     -1, &st, NULL);

	if (ret == SQLITE_OK) {
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, value ? value : "", -1, SQLITE_STATIC);
		sqlite3_step(st);
		ret = sqlite3_finalize(st);
	}
	return ret;
}

int rec_meta_put_int(sqlite3 *db, const char *key, int64_t v)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRId64, v);
	return rec_meta_put(db, key, buf);
}

static int put_all_meta(sqlite3 *db, const struct rec_meta *m)
{
	char seed[24];
	int ret = SQLITE_OK;

	snprintf(seed, sizeof(seed), "%" PRIu64, m->seed);
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "title", m->title },	       { "generator", m->generator },
		{ "kind", m->kind },	       { "seed", seed },
		{ "params", m->params },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ret == SQLITE_OK) {
			ret = rec_meta_put(db, rows[i].key, rows[i].value);
		}
	}
	if (ret == SQLITE_OK) {
		ret = rec_meta_put_int(db, "duration", m->duration);
	}
	if (ret == SQLITE_OK) {
		ret = rec_meta_put_int(db, "epoch_ns", m->epoch_ns);
	}
	for (int i = 0; i < REC_N_CHANNELS && ret == SQLITE_OK; i++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "INSERT INTO channels VALUES(%d,'%s')",
			 i, rec_channel_names[i]);
		ret = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return ret;
}

static int put_input(sqlite3_stmt *st, const struct bundle_file *f)
{
	size_t room = ZSTD_compressBound(f->len), n;
	void *buf = malloc(room);
	int ret;

	if (!buf) {
		return SQLITE_NOMEM;
	}
	n = ZSTD_compress(buf, room, f->data, f->len, 3);
	sqlite3_bind_text(st, 1, bundle_role_names[f->role], -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, f->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, f->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)f->len);
	if (ZSTD_isError(n) || n >= f->len || n * REC_INPUT_RATIO_MAX < f->len) {
		sqlite3_bind_blob64(st, 5, f->data ? f->data : "", f->len,
				    SQLITE_STATIC);
	} else {
		sqlite3_bind_blob64(st, 5, buf, n, SQLITE_STATIC);
	}
	sqlite3_step(st);
	ret = sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	free(buf);
	return ret;
}

static int put_inputs(sqlite3 *db, const struct bundle *in)
{
	sqlite3_stmt *st;
	int ret = sqlite3_prepare_v2(db,
				     "INSERT INTO inputs(role,key,name,size,"
				     "data) VALUES(?,?,?,?,?)",
				     -1, &st, NULL);

	for (size_t i = 0; in && i < in->n && ret == SQLITE_OK; i++) {
		ret = put_input(st, &in->file[i]);
	}
	sqlite3_finalize(st);
	return ret;
}

/* The whole empty recording as bytes; caller sqlite3_free()s them. */
static int make_image(const struct rec_meta *meta, const struct bundle *inputs,
		      unsigned char **image, sqlite3_int64 *size,
		      struct av_err *err)
{
	sqlite3 *db;
	char sql[128];
	int ret = sqlite3_open_v2(":memory:", &db,
				  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					  SQLITE_OPEN_NOMUTEX,
				  NULL);

	/* incremental: pages of deleted small chunks can be given back */
	snprintf(sql, sizeof(sql),
		 "PRAGMA auto_vacuum=2;PRAGMA application_id=%d;"
		 "PRAGMA user_version=%d;BEGIN",
		 REC_APPLICATION_ID, REC_USER_VERSION);
	if (ret == SQLITE_OK) {
		ret = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	if (ret == SQLITE_OK) {
		ret = sqlite3_exec(db, rec_schema_sql, NULL, NULL, NULL);
	}
	if (ret == SQLITE_OK) {
		ret = put_all_meta(db, meta);
	}
	if (ret == SQLITE_OK) {
		ret = put_inputs(db, inputs);
	}
	if (ret == SQLITE_OK) {
		ret = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	if (ret == SQLITE_OK) {
		*image = sqlite3_serialize(db, "main", size, 0);
		ret = *image ? SQLITE_OK : SQLITE_NOMEM;
	}
	if (ret != SQLITE_OK) {
		av_err_set(err, rec_sqlite_errno(ret), "cannot make a recording: %s",
			   sqlite3_errmsg(db));
	} else {
		/* bytes 18 and 19 of the header: the file is in WAL mode */
		(*image)[18] = (*image)[19] = 2;
	}
	sqlite3_close(db);
	return rec_sqlite_errno(ret);
}

static int write_all(int fd, const unsigned char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Put @image at @path, where nothing may be yet, in one go. */
static int place(const char *path, const unsigned char *image, size_t size,
		 struct av_err *err)
{
	size_t len = strlen(path) + 8;
	char *tmp = malloc(len);
	int fd, ret;

	if (!tmp) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	snprintf(tmp, len, "%s.part", path);
	unlink(tmp); /* of a process killed in here */
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}
	ret = write_all(fd, image, size);
	close(fd);
	if (ret == 0 && link(tmp, path) < 0) {
		ret = -errno;
		/* a file system without links: the gap is a microsecond */
		if ((errno == EPERM || errno == ENOTSUP || errno == ENOSYS) &&
		    access(path, F_OK) < 0 && rename(tmp, path) == 0) {
			ret = 0;
		}
	}
	unlink(tmp);
out:
	if (ret == -EEXIST) {
		av_err_set(err, ret,
			   "cannot create recording %s: it exists already; "
			   "remove it or choose another name",
			   path);
	} else if (ret < 0) {
		av_err_set(err, ret, "cannot create recording %s: %s", path,
			   strerror(-ret));
	}
	free(tmp);
	return ret;
}

int rec_image_place(const char *path, const struct rec_meta *meta,
		    const struct bundle *inputs, struct av_err *err)
{
	unsigned char *image = NULL;
	sqlite3_int64 size = 0;
	int ret = make_image(meta, inputs, &image, &size, err);

	if (ret == 0) {
		ret = place(path, image, (size_t)size, err);
	}
	sqlite3_free(image);
	return ret;
}
