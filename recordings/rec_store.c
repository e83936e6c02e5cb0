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

/* The first failure is the one that people want to know. */
static int fail(struct rec_store *s, int sqlite_code)
{
	int ret = rec_sqlite_errno(sqlite_code);

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
	int ret = rec_image_place(path, meta, inputs, err);

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
	int ret = rec_meta_put_int(s->db, "end", end);

	if (ret == SQLITE_OK) {
		ret = rec_meta_put(s->db, "verdict", verdict);
	}
	for (int i = 0; i < REC_N_CHANNELS && ret == SQLITE_OK; i++) {
		char key[32];

		snprintf(key, sizeof(key), "count.%s", rec_channel_names[i]);
		ret = rec_meta_put_int(s->db, key, (int64_t)counts->n[i]);
	}
	if (ret == SQLITE_OK) {
		ret = rec_meta_put(s->db, "complete", "1");
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
	return ret == SQLITE_OK || rec_sqlite_errno(ret) == -EBUSY ? 0 : fail(s, ret);
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
