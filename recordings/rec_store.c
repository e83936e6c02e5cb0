/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite side of the writer. One thread at a time: rec_create() makes it,
 * the writer thread feeds it, rec_close() finishes it.
 *
 * The file comes into being complete: schema, meta and inputs are made in
 * memory, written under another name and moved into place, so that a recording
 * killed at any moment has them. From then on it is in WAL mode: a commit is a
 * write without a sync, which kill -9 cannot take back; the syncs happen at
 * checkpoints, on the writer thread.
 *
 * A bulk channel collects its items in memory. When a chunk is full it becomes
 * a row; a commit in between writes what is new as a small chunk, and these are
 * deleted in the transaction that writes the full one.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Checkpoint each 16 MiB of log: rare enough that the syncs do not matter. */
#define CHECKPOINT_PAGES 4000
#define BUSY_MS 5000
#define N_BULK 5

static const enum rec_channel bulk_channels[N_BULK] = {
	REC_CAN, REC_IMU, REC_GNSS, REC_CAMERA, REC_AUDIO,
};

/* Items of one bulk channel that are in no full chunk yet. */
struct bulk {
	uint8_t *buf;
	size_t len, room;
	uint32_t n;
	size_t flushed_len; /* what small chunks hold already */
	uint32_t flushed_n;
	sqlite3_int64 *small; /* ids of these chunks */
	size_t n_small, small_room;
};

struct key {
	char *name;
	uint32_t hash;
	uint8_t ch;
};

struct rec_store {
	sqlite3 *db;
	char *path;
	struct av_err err;
	bool in_tx;
	sqlite3_stmt *add_event, *add_key, *add_chunk, *del_chunk;
	struct rec_encoder *enc;
	struct bulk bulk[N_BULK];
	struct key *key; /* id - 1 */
	size_t n_keys, key_room;
	uint32_t *hash; /* id, 0 = free */
	size_t hash_mask;
};

const struct av_err *rec_store_error(const struct rec_store *s)
{
	return &s->err;
}

static int errno_of(int sqlite_code)
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

/* The first failure is the one that people want to know. */
static int fail(struct rec_store *s, int sqlite_code)
{
	int ret = errno_of(sqlite_code);

	if (s->err.code == 0) {
		av_err_set(&s->err, ret, "cannot write recording %s: %s%s",
			   s->path, sqlite3_errmsg(s->db),
			   ret == -ENOSPC ? "; free some space" : "");
	}
	return ret;
}

static int no_memory(struct rec_store *s)
{
	return av_err_set(&s->err, -ENOMEM,
			  "cannot write recording %s: out of memory", s->path);
}

static int exec(struct rec_store *s, const char *sql)
{
	int ret = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return ret == SQLITE_OK ? 0 : fail(s, ret);
}

/* Run a prepared statement that gives no rows. */
static int run(struct rec_store *s, sqlite3_stmt *st)
{
	int ret = sqlite3_step(st);

	if (ret == SQLITE_DONE) {
		sqlite3_reset(st);
		return 0;
	}
	ret = fail(s, ret);
	sqlite3_reset(st);
	return ret;
}

static int begin(struct rec_store *s)
{
	int ret;

	if (s->in_tx) {
		return 0;
	}
	ret = exec(s, "BEGIN IMMEDIATE");
	s->in_tx = ret == 0;
	return ret;
}

/* ---- creation ---- */

static int put_meta(sqlite3 *db, const char *key, const char *value)
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

static int put_meta_int(sqlite3 *db, const char *key, int64_t v)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRId64, v);
	return put_meta(db, key, buf);
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
			ret = put_meta(db, rows[i].key, rows[i].value);
		}
	}
	if (ret == SQLITE_OK) {
		ret = put_meta_int(db, "duration", m->duration);
	}
	if (ret == SQLITE_OK) {
		ret = put_meta_int(db, "epoch_ns", m->epoch_ns);
	}
	for (int i = 0; i < REC_N_CHANNELS && ret == SQLITE_OK; i++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "INSERT INTO channels VALUES(%d,'%s')",
			 i, rec_channel_names[i]);
		ret = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return ret;
}

/* The reader takes a compressed file at up to this ratio; beyond it is stored
 * as it is, which is then still small. */
#define RATIO_MAX 200

static int put_input(sqlite3 *db, sqlite3_stmt *st, const struct bundle_file *f)
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
	if (ZSTD_isError(n) || n >= f->len || n * RATIO_MAX < f->len) {
		sqlite3_bind_blob64(st, 5, f->data ? f->data : "", f->len,
				    SQLITE_STATIC);
	} else {
		sqlite3_bind_blob64(st, 5, buf, n, SQLITE_STATIC);
	}
	sqlite3_step(st);
	ret = sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	free(buf);
	(void)db;
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
		ret = put_input(db, st, &in->file[i]);
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
		av_err_set(err, errno_of(ret), "cannot make a recording: %s",
			   sqlite3_errmsg(db));
	} else {
		/* bytes 18 and 19 of the header: the file is in WAL mode */
		(*image)[18] = (*image)[19] = 2;
	}
	sqlite3_close(db);
	return errno_of(ret);
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

static int prepare(struct rec_store *s)
{
	const struct {
		sqlite3_stmt **st;
		const char *sql;
	} all[] = {
		{ &s->add_event, "INSERT INTO events VALUES(?,?,?,?,?)" },
		{ &s->add_key, "INSERT INTO keys VALUES(?,?,?)" },
		{ &s->add_chunk, "INSERT INTO chunks(channel,first_seq,"
				 "last_seq,first_t,last_t,count,size,crc,data) "
				 "VALUES(?,?,?,?,?,?,?,?,?)" },
		{ &s->del_chunk, "DELETE FROM chunks WHERE id=?" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int ret = sqlite3_prepare_v3(s->db, all[i].sql, -1,
					     SQLITE_PREPARE_PERSISTENT,
					     all[i].st, NULL);

		if (ret != SQLITE_OK) {
			return fail(s, ret);
		}
	}
	return 0;
}

static int open_db(struct rec_store *s)
{
	char sql[128];
	int ret = sqlite3_open_v2(s->path, &s->db,
				  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
					  SQLITE_OPEN_PRIVATECACHE,
				  NULL);

	if (ret != SQLITE_OK) {
		return fail(s, ret);
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	snprintf(sql, sizeof(sql),
		 "PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
		 "PRAGMA wal_autocheckpoint=%d",
		 CHECKPOINT_PAGES);
	ret = exec(s, sql);
	return ret < 0 ? ret : prepare(s);
}

#define HASH_ROOM 256 /* at first */

int rec_store_create(const char *path, const struct rec_meta *meta,
		     const struct bundle *inputs, struct rec_store **out,
		     struct av_err *err)
{
	struct rec_store *s;
	unsigned char *image = NULL;
	sqlite3_int64 size = 0;
	int ret;

	ret = make_image(meta, inputs, &image, &size, err);
	if (ret == 0) {
		ret = place(path, image, (size_t)size, err);
	}
	sqlite3_free(image);
	if (ret < 0) {
		return ret;
	}
	s = calloc(1, sizeof(*s));
	if (s) {
		s->path = strdup(path);
		s->enc = rec_encoder_create();
		s->hash = calloc(HASH_ROOM, sizeof(*s->hash));
		s->hash_mask = HASH_ROOM - 1;
	}
	if (!s || !s->path || !s->enc || !s->hash) {
		ret = av_err_set(err, -ENOMEM, "out of memory");
	} else {
		ret = open_db(s);
		if (ret < 0 && err) {
			*err = s->err;
		}
	}
	if (ret < 0) {
		rec_store_destroy(s);
		unlink(path);
		return ret;
	}
	*out = s;
	return 0;
}

void rec_store_destroy(struct rec_store *s)
{
	if (!s) {
		return;
	}
	sqlite3_finalize(s->add_event);
	sqlite3_finalize(s->add_key);
	sqlite3_finalize(s->add_chunk);
	sqlite3_finalize(s->del_chunk);
	sqlite3_close(s->db);
	rec_encoder_destroy(s->enc);
	for (size_t i = 0; i < N_BULK; i++) {
		free(s->bulk[i].buf);
		free(s->bulk[i].small);
	}
	for (size_t i = 0; i < s->n_keys; i++) {
		free(s->key[i].name);
	}
	free(s->key);
	free(s->hash);
	free(s->path);
	free(s);
}

/* ---- keys ---- */

static uint32_t hash_of(uint8_t ch, const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ ch;

	for (size_t i = 0; i < len; i++) {
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	}
	return (uint32_t)(h >> 32 ^ h);
}

static int grow_keys(struct rec_store *s)
{
	size_t room = (s->hash_mask + 1) * 2;
	uint32_t *hash = calloc(room, sizeof(*hash));

	if (!hash) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->n_keys; i++) {
		size_t h = s->key[i].hash & (room - 1);

		while (hash[h]) {
			h = (h + 1) & (room - 1);
		}
		hash[h] = (uint32_t)i + 1;
	}
	free(s->hash);
	s->hash = hash;
	s->hash_mask = room - 1;
	return 0;
}

static int add_key(struct rec_store *s, uint8_t ch, const char *name,
		   size_t len, uint32_t hash, sqlite3_int64 *id)
{
	size_t h;
	char *copy;

	if (s->n_keys == REC_KEYS_MAX) {
		return av_err_set(&s->err, -E2BIG,
				  "cannot write recording %s: more than %d "
				  "different keys",
				  s->path, REC_KEYS_MAX);
	}
	if (s->n_keys == s->key_room) {
		size_t room = s->key_room ? s->key_room * 2 : 64;
		struct key *key = realloc(s->key, room * sizeof(*key));

		if (!key) {
			return no_memory(s);
		}
		s->key = key;
		s->key_room = room;
	}
	copy = malloc(len + 1);
	if (!copy || (s->n_keys * 2 > s->hash_mask && grow_keys(s) < 0)) {
		free(copy);
		return no_memory(s);
	}
	memcpy(copy, name, len);
	copy[len] = '\0';
	s->key[s->n_keys++] =
		(struct key){ .name = copy, .hash = hash, .ch = ch };
	for (h = hash & s->hash_mask; s->hash[h]; h = (h + 1) & s->hash_mask) {
	}
	s->hash[h] = (uint32_t)s->n_keys;
	*id = (sqlite3_int64)s->n_keys;
	sqlite3_bind_int64(s->add_key, 1, *id);
	sqlite3_bind_int(s->add_key, 2, ch);
	sqlite3_bind_text(s->add_key, 3, copy, (int)len, SQLITE_STATIC);
	return run(s, s->add_key);
}

static int key_id(struct rec_store *s, const struct rec_item *it,
		  sqlite3_int64 *id)
{
	const char *name = rec_item_key(it);
	uint32_t hash = hash_of(it->ch, name, it->key_len);

	for (size_t h = hash & s->hash_mask; s->hash[h];
	     h = (h + 1) & s->hash_mask) {
		const struct key *k = &s->key[s->hash[h] - 1];

		if (k->hash == hash && k->ch == it->ch &&
		    !strcmp(k->name, name)) {
			*id = s->hash[h];
			return 0;
		}
	}
	return add_key(s, it->ch, name, it->key_len, hash, id);
}

/* ---- events ---- */

static void bind_float(sqlite3_stmt *st, double v)
{
	if (isnan(v)) { /* SQLite has no NaN, it would become NULL */
		sqlite3_bind_text(st, 4, "nan", 3, SQLITE_STATIC);
	} else {
		sqlite3_bind_double(st, 4, v);
	}
}

static int store_event(struct rec_store *s, const struct rec_item *it)
{
	sqlite3_stmt *st = s->add_event;
	const char *note = rec_item_note(it);
	sqlite3_int64 key = 0;
	int ret = key_id(s, it, &key);

	if (ret < 0) {
		return ret;
	}
	sqlite3_bind_int64(st, 1, (sqlite3_int64)it->seq);
	sqlite3_bind_int64(st, 2, it->t);
	sqlite3_bind_int64(st, 3, key);
	switch (it->kind) {
	case ITEM_INT:
		sqlite3_bind_int64(st, 4, it->i);
		break;
	case ITEM_FLOAT:
		bind_float(st, rec_float_decimal(it->f));
		break;
	case ITEM_DOUBLE:
		bind_float(st, it->d);
		break;
	case ITEM_TEXT:
		sqlite3_bind_text(st, 4, rec_item_text(it),
				  (int)it->text.text_len, SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_null(st, 4);
		break;
	}
	if (*note) {
		sqlite3_bind_text(st, 5, note, -1, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(st, 5);
	}
	return run(s, st);
}

/* ---- bulk ---- */

static struct bulk *bulk_of(struct rec_store *s, enum rec_channel ch)
{
	for (size_t i = 0; i < N_BULK; i++) {
		if (bulk_channels[i] == ch) {
			return &s->bulk[i];
		}
	}
	return NULL;
}

static int write_chunk(struct rec_store *s, enum rec_channel ch,
		       const uint8_t *items, size_t n)
{
	sqlite3_stmt *st = s->add_chunk;
	struct rec_chunk_info info;
	const uint8_t *data;
	size_t len;

	if (rec_encode(s->enc, ch, items, n, &info, &data, &len) < 0) {
		return no_memory(s);
	}
	sqlite3_bind_int(st, 1, (int)ch);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)info.first_seq);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)info.last_seq);
	sqlite3_bind_int64(st, 4, info.first_t);
	sqlite3_bind_int64(st, 5, info.last_t);
	sqlite3_bind_int64(st, 6, info.count);
	sqlite3_bind_int64(st, 7, info.size);
	sqlite3_bind_int64(st, 8, info.crc);
	sqlite3_bind_blob(st, 9, data, (int)len, SQLITE_STATIC);
	return run(s, st);
}

/* All of it as one chunk, in place of the small ones. */
static int write_full(struct rec_store *s, struct bulk *b, enum rec_channel ch)
{
	int ret = 0;

	if (b->n == 0) {
		return 0;
	}
	if (b->n_small == 1 && b->flushed_n == b->n) {
		goto out; /* the only small one holds it all */
	}
	for (size_t i = 0; i < b->n_small && ret == 0; i++) {
		sqlite3_bind_int64(s->del_chunk, 1, b->small[i]);
		ret = run(s, s->del_chunk);
	}
	if (ret == 0) {
		ret = write_chunk(s, ch, b->buf, b->n);
	}
out:
	b->len = b->flushed_len = 0;
	b->n = b->flushed_n = 0;
	b->n_small = 0;
	return ret;
}

/* What is new since the last commit, as a small chunk. */
static int write_small(struct rec_store *s, struct bulk *b, enum rec_channel ch)
{
	int ret;

	if (b->n == b->flushed_n) {
		return 0;
	}
	if (b->n_small == b->small_room) {
		size_t room = b->small_room ? b->small_room * 2 : 16;
		sqlite3_int64 *p = realloc(b->small, room * sizeof(*p));

		if (!p) {
			return no_memory(s);
		}
		b->small = p;
		b->small_room = room;
	}
	ret = write_chunk(s, ch, b->buf + b->flushed_len, b->n - b->flushed_n);
	b->small[b->n_small++] = sqlite3_last_insert_rowid(s->db);
	b->flushed_len = b->len;
	b->flushed_n = b->n;
	return ret;
}

static int store_bulk(struct rec_store *s, const struct rec_item *it)
{
	struct bulk *b = bulk_of(s, (enum rec_channel)it->ch);
	int ret = 0;

	if (b->n > 0 && (b->n >= REC_CHUNK_RECORDS ||
			 b->len + it->size > REC_CHUNK_BYTES)) {
		ret = write_full(s, b, (enum rec_channel)it->ch);
	}
	if (b->len + it->size > b->room) {
		size_t room = (b->len + it->size) * 2;
		uint8_t *p;

		if (room < 65536) {
			room = 65536;
		}
		p = realloc(b->buf, room);
		if (!p) {
			return no_memory(s);
		}
		b->buf = p;
		b->room = room;
	}
	memcpy(b->buf + b->len, it, it->size);
	b->len += it->size;
	b->n++;
	return ret;
}

/* ---- all together ---- */

int rec_store_item(struct rec_store *s, const struct rec_item *it)
{
	int ret = begin(s);

	if (ret < 0) {
		return ret;
	}
	return rec_is_bulk((enum rec_channel)it->ch) ? store_bulk(s, it) :
						       store_event(s, it);
}

int rec_store_commit(struct rec_store *s)
{
	int ret = 0;

	if (!s->in_tx) {
		return 0;
	}
	for (size_t i = 0; i < N_BULK && ret == 0; i++) {
		ret = write_small(s, &s->bulk[i], bulk_channels[i]);
	}
	if (ret == 0) {
		ret = exec(s, "COMMIT");
	}
	if (ret < 0) {
		rec_store_rollback(s);
		return ret;
	}
	s->in_tx = false;
	return 0;
}

void rec_store_rollback(struct rec_store *s)
{
	if (s->in_tx) {
		/* fails where SQLite has rolled back by itself: also fine */
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		s->in_tx = false;
	}
}

static int put_end(struct rec_store *s, vtime end, const char *verdict,
		   const struct rec_counts *counts)
{
	int ret = put_meta_int(s->db, "end", end);

	if (ret == SQLITE_OK) {
		ret = put_meta(s->db, "verdict", verdict);
	}
	for (int i = 0; i < REC_N_CHANNELS && ret == SQLITE_OK; i++) {
		char key[32];

		snprintf(key, sizeof(key), "count.%s", rec_channel_names[i]);
		ret = put_meta_int(s->db, key, (int64_t)counts->n[i]);
	}
	if (ret == SQLITE_OK) {
		ret = put_meta(s->db, "complete", "1");
	}
	return ret == SQLITE_OK ? 0 : fail(s, ret);
}

/* Out of WAL mode: one file, no -wal and -shm beside it. Where a reader holds
 * the file that has to wait for the next one who opens it; no failure. */
static int leave_wal(struct rec_store *s)
{
	int ret;

	sqlite3_busy_timeout(s->db, 100);
	sqlite3_exec(s->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
	ret = sqlite3_exec(s->db, "PRAGMA journal_mode=DELETE", NULL, NULL,
			   NULL);
	return ret == SQLITE_OK || errno_of(ret) == -EBUSY ? 0 : fail(s, ret);
}

/* In steps, so that a disk that fills up in the last ones takes nothing with it:
 * the records, what the recording says about its end, the index. */
int rec_store_finish(struct rec_store *s, vtime end, const char *verdict,
		     const struct rec_counts *counts)
{
	int ret = begin(s);

	for (size_t i = 0; i < N_BULK && ret == 0; i++) {
		ret = write_full(s, &s->bulk[i], bulk_channels[i]);
	}
	if (ret == 0) {
		ret = rec_store_commit(s);
	}
	if (ret == 0) {
		ret = begin(s);
	}
	if (ret == 0) {
		ret = put_end(s, end, verdict, counts);
	}
	if (ret == 0) {
		ret = rec_store_commit(s);
	}
	if (ret == 0) {
		ret = exec(s, rec_indexes_sql);
	}
	rec_store_rollback(s);
	return ret == 0 ? leave_wal(s) : ret;
}
