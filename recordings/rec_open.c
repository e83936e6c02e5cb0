/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a recording, whatever is in the file. It is opened read-only, with
 * views, triggers and extensions off; our tables must be plain tables with our
 * columns; every number is bounded before memory is asked for.
 */
#include "config.h"

#include "recordings/rec_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define META_MAX (4 << 20) /* bytes of one meta value: --set may be long */
#define META_ROWS_MAX 1000

int rec_reader_fail(const struct rec_reader *r, struct av_err *err,
		    const char *what)
{
	return av_err_set(err, -EBADMSG, "recording %s is damaged: %s", r->path,
			  what);
}

int rec_reader_sql_fail(const struct rec_reader *r, struct av_err *err)
{
	int code = sqlite3_errcode(r->db);

	if (code == SQLITE_NOMEM) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (code == SQLITE_NOTADB) {
		return av_err_set(err, -EBADMSG,
				  "%s is not a recording: want an .avrec file",
				  r->path);
	}
	return rec_reader_fail(r, err, sqlite3_errmsg(r->db));
}

/* ---- the file ---- */

/* Cheap look at the header, for texts that name the mistake. */
static int look(const char *path, struct av_err *err)
{
	char head[16];
	struct stat st;
	FILE *f;
	size_t n;

	if (stat(path, &st) < 0) {
		return av_err_set(err, -errno, "cannot open recording %s: %s",
				  path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode)) {
		return av_err_set(err, -EINVAL, "%s is not a file", path);
	}
	f = fopen(path, "rbe");
	if (!f) {
		return av_err_set(err, -errno, "cannot open recording %s: %s",
				  path, strerror(errno));
	}
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	if (n != sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0) {
		return av_err_set(err, -EBADMSG, "%s is not a recording: %s",
				  path,
				  n == 0 ? "it is empty" :
					   "want an .avrec file");
	}
	return 0;
}

/* @name: path or URI; @vfs: NULL, or the one without locks. */
static int open_as(struct rec_reader *r, const char *name, int flags,
		   const char *vfs)
{
	int ret;

	sqlite3_close(r->db);
	r->db = NULL;
	ret = sqlite3_open_v2(name, &r->db,
			      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				      SQLITE_OPEN_PRIVATECACHE | flags,
			      vfs);
	if (ret != SQLITE_OK) {
		return ret;
	}
	sqlite3_busy_timeout(r->db, 5000);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, BUNDLE_FILE_MAX + 65536);
	sqlite3_exec(r->db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
	sqlite3_exec(r->db, "PRAGMA mmap_size=0", NULL, NULL, NULL);
	if (vfs) {
		/* the index of the log in memory, not in a -shm file */
		sqlite3_exec(r->db, "PRAGMA locking_mode=EXCLUSIVE", NULL,
			     NULL, NULL);
	}
	/* first touch of the file */
	return sqlite3_exec(r->db, "SELECT count(*) FROM sqlite_schema", NULL,
			    NULL, NULL);
}

/* "file:PATH?immutable=1"; caller frees. */
static char *immutable_uri(const char *path)
{
	char *uri = malloc(strlen(path) * 3 + 32), *p = uri;

	if (!uri) {
		return NULL;
	}
	p += sprintf(p, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path)) {
			p += sprintf(p, "%%%02X", (unsigned int)*path);
		} else {
			*p++ = *path;
		}
	}
	strcpy(p, "?immutable=1");
	return uri;
}

/* What SQLite says where it may not make the files beside the recording. */
static bool not_writable(int code)
{
	return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

/*
 * Of a recording that was not closed the newest part is in the -wal file, and
 * SQLite wants a -shm file to read that. Where it can neither find nor make one,
 * on read-only media, nobody is writing either: then it works without locks.
 * And without a -wal file what is in the main file is all there is.
 */
static int open_db(struct rec_reader *r, struct av_err *err)
{
	int ret = open_as(r, r->path, 0, NULL);
	char *uri;

	if (not_writable(ret)) {
		ret = open_as(r, r->path, 0, "unix-none");
	}
	if (not_writable(ret)) {
		uri = immutable_uri(r->path);
		if (!uri) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		ret = open_as(r, uri, SQLITE_OPEN_URI, NULL);
		free(uri);
	}
	if (ret == SQLITE_OK) {
		/* one view of a file that may still grow: the chunks that the
		 * directory names would else be replaced by larger ones */
		ret = sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);
	}
	return ret == SQLITE_OK ? 0 : rec_reader_sql_fail(r, err);
}

static sqlite3_int64 pragma(struct rec_reader *r, const char *sql)
{
	sqlite3_int64 v = -1;
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		v = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return v;
}

/* ---- schema ---- */

static int check_version(struct rec_reader *r, struct av_err *err)
{
	sqlite3_int64 version = pragma(r, "PRAGMA user_version");

	if (pragma(r, "PRAGMA application_id") != REC_APPLICATION_ID) {
		return av_err_set(err, -EBADMSG,
				  "%s is an SQLite database but not a "
				  "recording of avsim",
				  r->path);
	}
	if (version / 1000 != REC_VERSION_MAJOR) {
		return av_err_set(err, -EPROTO,
				  "recording %s has format %lld.%lld, this "
				  "avsim reads %d.x: use %s avsim",
				  r->path, version / 1000, version % 1000,
				  REC_VERSION_MAJOR,
				  version / 1000 > REC_VERSION_MAJOR ?
					  "a newer" :
					  "an older");
	}
	return 0;
}

/* Is @table an ordinary table? (A view or a virtual table could be anything.) */
static bool is_table(struct rec_reader *r, const char *table)
{
	bool ok = false;
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT type, sql FROM sqlite_schema "
			       "WHERE name = ?",
			       -1, &st, NULL) != SQLITE_OK) {
		return false;
	}
	sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(st, 0);
		const char *sql = (const char *)sqlite3_column_text(st, 1);

		ok = type && sql && !strcmp(type, "table") &&
		     !sqlite3_strnicmp(sql, "CREATE TABLE", 12) &&
		     sqlite3_step(st) == SQLITE_DONE;
	}
	sqlite3_finalize(st);
	return ok;
}

/* The columns of one table from @c on must come first and be plain ones. */
static bool check_table(struct rec_reader *r, const struct rec_column **c)
{
	const char *table = (*c)->table;
	char *sql = sqlite3_mprintf("PRAGMA table_xinfo(%Q)", table);
	sqlite3_stmt *st = NULL;
	bool ok = sql && is_table(r, table) &&
		  sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) == SQLITE_OK;

	for (; (*c)->table && !strcmp((*c)->table, table); (*c)++) {
		const char *name, *type;

		if (!ok || sqlite3_step(st) != SQLITE_ROW) {
			ok = false;
			continue;
		}
		name = (const char *)sqlite3_column_text(st, 1);
		type = (const char *)sqlite3_column_text(st, 2);
		ok = name && type && !strcmp(name, (*c)->name) &&
		     !strcmp(type, (*c)->type) &&
		     sqlite3_column_int(st, 6) == 0; /* not generated */
	}
	sqlite3_finalize(st);
	sqlite3_free(sql);
	return ok;
}

static int check_schema(struct rec_reader *r, struct av_err *err)
{
	const struct rec_column *c = rec_columns;

	while (c->table) {
		const char *table = c->table;
		char text[64];

		if (!check_table(r, &c)) {
			snprintf(text, sizeof(text),
				 "its table '%s' is not what it should be",
				 table);
			return rec_reader_fail(r, err, text);
		}
	}
	return 0;
}

/* ---- meta ---- */

static int take_text(struct rec_reader *r, int slot, const char **out,
		     const char *value, struct av_err *err)
{
	free(r->meta_text[slot]);
	r->meta_text[slot] = strdup(value);
	*out = r->meta_text[slot];
	return *out ? 0 : av_err_set(err, -ENOMEM, "out of memory");
}

static int take_meta(struct rec_reader *r, const char *key, const char *value,
		     struct av_err *err)
{
	long long n = strtoll(value, NULL, 10);

	if (!strcmp(key, "title")) {
		return take_text(r, 0, &r->meta.title, value, err);
	}
	if (!strcmp(key, "generator")) {
		return take_text(r, 1, &r->meta.generator, value, err);
	}
	if (!strcmp(key, "kind")) {
		return take_text(r, 2, &r->meta.kind, value, err);
	}
	if (!strcmp(key, "params")) {
		return take_text(r, 3, &r->meta.params, value, err);
	}
	if (!strcmp(key, "seed")) {
		r->meta.seed = strtoull(value, NULL, 10);
	} else if (!strcmp(key, "duration")) {
		r->meta.duration = n;
	} else if (!strcmp(key, "epoch_ns") || !strcmp(key, "epoch")) {
		r->meta.epoch_ns = n;
	} else if (!strcmp(key, "end")) {
		r->end = n < 0 ? 0 : n;
	} else if (!strcmp(key, "verdict")) {
		snprintf(r->verdict, sizeof(r->verdict), "%s", value);
	} else if (!strcmp(key, "complete")) {
		r->complete = !strcmp(value, "1");
	}
	for (int i = 0; i < REC_N_CHANNELS && !strncmp(key, "count.", 6); i++) {
		if (!strcmp(key + 6, rec_channel_names[i])) {
			r->counts.n[i] = n < 0 ? 0 : (uint64_t)n;
		}
	}
	return 0;
}

static int load_meta(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	int ret = 0, step, n = 0;

	for (int i = 0; i < 4; i++) {
		static const char *const none[] = { "", "", "run", "" };

		if (take_text(r, i,
			      i == 0 ? &r->meta.title :
			      i == 1 ? &r->meta.generator :
			      i == 2 ? &r->meta.kind :
				       &r->meta.params,
			      none[i], err) < 0) {
			return -ENOMEM;
		}
	}
	r->meta.duration = -1;
	if (sqlite3_prepare_v2(r->db, "SELECT key, value FROM meta", -1, &st,
			       NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while (ret == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(st, 0);
		const char *value = (const char *)sqlite3_column_text(st, 1);

		if (!key || !value || ++n > META_ROWS_MAX ||
		    sqlite3_column_bytes(st, 1) > META_MAX) {
			ret = rec_reader_fail(r, err, "a meta value is absurd");
		} else {
			ret = take_meta(r, key, value, err);
		}
	}
	if (ret == 0 && step != SQLITE_DONE) {
		ret = rec_reader_sql_fail(r, err);
	}
	sqlite3_finalize(st);
	return ret;
}

/* ---- keys ---- */

static int take_key(struct rec_reader *r, sqlite3_stmt *st, struct av_err *err)
{
	sqlite3_int64 id = sqlite3_column_int64(st, 0);
	sqlite3_int64 ch = sqlite3_column_int64(st, 1);
	const char *name = (const char *)sqlite3_column_text(st, 2);
	size_t len = (size_t)sqlite3_column_bytes(st, 2);
	struct rec_key *k;

	if (id < 1 || id > REC_KEYS_MAX || ch < 0 || ch >= REC_N_CHANNELS ||
	    ch == REC_SIGNAL || rec_is_bulk((enum rec_channel)ch) || !name ||
	    len > REC_KEY_MAX || !rec_key_ok(name, len)) {
		return rec_reader_fail(r, err, "a key is absurd");
	}
	if ((size_t)id >= r->n_keys) {
		size_t n = (size_t)id + 1 + r->n_keys / 2;

		k = realloc(r->key, n * sizeof(*k));
		if (!k) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		memset(k + r->n_keys, 0, (n - r->n_keys) * sizeof(*k));
		r->key = k;
		r->n_keys = n;
	}
	k = &r->key[id];
	if (k->name) {
		return rec_reader_fail(r, err, "a key is there twice");
	}
	k->name = strdup(name);
	k->ch = (enum rec_channel)ch;
	return k->name ? 0 : av_err_set(err, -ENOMEM, "out of memory");
}

static int load_keys(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	int ret = 0, step;

	if (sqlite3_prepare_v2(r->db, "SELECT id, channel, name FROM keys", -1,
			       &st, NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while (ret == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		ret = take_key(r, st, err);
	}
	if (ret == 0 && step != SQLITE_DONE) {
		ret = rec_reader_sql_fail(r, err);
	}
	sqlite3_finalize(st);
	return ret;
}

/* ---- chunk directory ---- */

static struct rec_lane *lane_of(struct rec_reader *r, sqlite3_int64 ch)
{
	for (size_t i = 0; i < REC_N_BULK; i++) {
		if ((sqlite3_int64)r->lane[i].ch == ch) {
			return &r->lane[i];
		}
	}
	return NULL;
}

static bool in_u32(sqlite3_int64 v)
{
	return v >= 0 && v <= UINT32_MAX;
}

static int take_chunk(struct rec_reader *r, sqlite3_stmt *st, int64_t *last,
		      struct av_err *err)
{
	struct rec_lane *l = lane_of(r, sqlite3_column_int64(st, 1));
	struct rec_chunk_at c = { .id = sqlite3_column_int64(st, 0) };
	struct rec_chunk_at *v;

	if (c.id <= *last) {
		return rec_reader_fail(r, err, "its chunks are in disorder");
	}
	*last = c.id;
	if (!l || l->n_chunks >= REC_CHUNKS_MAX ||
	    sqlite3_column_int64(st, 2) < 0 ||
	    !in_u32(sqlite3_column_int64(st, 6)) ||
	    !in_u32(sqlite3_column_int64(st, 7)) ||
	    !in_u32(sqlite3_column_int64(st, 8))) {
		return rec_reader_fail(r, err, "a chunk is absurd");
	}
	c.info = (struct rec_chunk_info){
		.ch = l->ch,
		.first_seq = (uint64_t)sqlite3_column_int64(st, 2),
		.last_seq = (uint64_t)sqlite3_column_int64(st, 3),
		.first_t = sqlite3_column_int64(st, 4),
		.last_t = sqlite3_column_int64(st, 5),
		.count = (uint32_t)sqlite3_column_int64(st, 6),
		.size = (uint32_t)sqlite3_column_int64(st, 7),
		.crc = (uint32_t)sqlite3_column_int64(st, 8),
	};
	if ((l->n_chunks & (l->n_chunks - 1)) == 0) {
		v = realloc(l->chunk, (l->n_chunks ? l->n_chunks * 2 : 1) *
					      sizeof(*v));
		if (!v) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		l->chunk = v;
	}
	l->chunk[l->n_chunks++] = c;
	if (!r->complete) {
		r->counts.n[l->ch] += c.info.count;
	}
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct rec_chunk_at *x = a, *y = b;

	return x->info.first_seq < y->info.first_seq ? -1 :
	       x->info.first_seq > y->info.first_seq;
}

static int load_chunks(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	int64_t last = INT64_MIN;
	int ret = 0, step;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT rowid, channel, first_seq, last_seq, "
			       "first_t, last_t, count, size, crc FROM chunks "
			       "ORDER BY rowid",
			       -1, &st, NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while (ret == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		ret = take_chunk(r, st, &last, err);
	}
	if (ret == 0 && step != SQLITE_DONE) {
		ret = rec_reader_sql_fail(r, err);
	}
	sqlite3_finalize(st);
	for (size_t i = 0; i < REC_N_BULK && ret == 0; i++) {
		struct rec_lane *l = &r->lane[i];

		if (l->n_chunks == 0) {
			continue;
		}
		qsort(l->chunk, l->n_chunks, sizeof(*l->chunk), by_seq);
		for (size_t k = 1; k < l->n_chunks; k++) {
			if (l->chunk[k].info.first_seq <=
			    l->chunk[k - 1].info.last_seq) {
				ret = rec_reader_fail(r, err,
						      "chunks overlap");
				break;
			}
		}
		if (l->chunk[l->n_chunks - 1].info.last_t > r->end &&
		    !r->complete) {
			r->end = l->chunk[l->n_chunks - 1].info.last_t;
		}
	}
	return ret;
}

/* A recording that was cut off did not get to write its counts and its end. */
static int count_events(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	sqlite3_int64 last = INT64_MIN;
	int step;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT seq, key, t FROM events ORDER BY rowid",
			       -1, &st, NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		sqlite3_int64 seq = sqlite3_column_int64(st, 0);
		sqlite3_int64 id = sqlite3_column_int64(st, 1);

		if (seq <= last) {
			sqlite3_finalize(st);
			return rec_reader_fail(r, err,
					       "its events are in disorder");
		}
		last = seq;
		if (id > 0 && (size_t)id < r->n_keys && r->key[id].name) {
			r->counts.n[r->key[id].ch]++;
		}
		if (sqlite3_column_int64(st, 2) > r->end) {
			r->end = sqlite3_column_int64(st, 2);
		}
	}
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : rec_reader_sql_fail(r, err);
}

/* ---- open and close ---- */

static const enum rec_channel bulk[REC_N_BULK] = { REC_CAN, REC_IMU, REC_GNSS,
						   REC_CAMERA, REC_AUDIO };

int rec_open(const char *path, struct rec_reader **out, struct av_err *err)
{
	struct rec_reader *r;
	int ret = look(path, err);

	if (ret < 0) {
		return ret;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < REC_N_BULK; i++) {
		r->lane[i].ch = bulk[i];
	}
	snprintf(r->verdict, sizeof(r->verdict), "none");
	r->path = strdup(path);
	ret = r->path ? open_db(r, err) :
			av_err_set(err, -ENOMEM, "out of memory");
	if (ret == 0) {
		ret = check_version(r, err);
	}
	if (ret == 0) {
		ret = check_schema(r, err);
	}
	if (ret == 0) {
		ret = load_meta(r, err);
	}
	if (ret == 0) {
		ret = load_keys(r, err);
	}
	if (ret == 0) {
		ret = load_chunks(r, err);
	}
	if (ret == 0 && !r->complete) {
		ret = count_events(r, err);
	}
	if (ret == 0) {
		ret = rec_load_buses(r, err);
	}
	if (ret == 0) {
		ret = rec_seek(r, &(struct rec_filter){ .to = VT_NEVER,
							.text = true },
			       err);
	}
	if (ret < 0) {
		rec_close_reader(r);
		return ret;
	}
	*out = r;
	return 0;
}

void rec_close_reader(struct rec_reader *r)
{
	if (!r) {
		return;
	}
	sqlite3_finalize(r->events);
	sqlite3_finalize(r->event_at);
	sqlite3_finalize(r->chunk_data);
	sqlite3_close(r->db);
	for (size_t i = 0; i < REC_N_BULK; i++) {
		free(r->lane[i].chunk);
		free(r->lane[i].wanted);
		free(r->lane[i].can_key);
		rec_decoder_destroy(r->lane[i].dec);
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		free(r->key[i].name);
	}
	for (size_t i = 0; i < r->n_buses; i++) {
		free(r->bus_name[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		free(r->meta_text[i]);
	}
	rec_derived_destroy(r->derived);
	bundle_finish(&r->inputs);
	free(r->key);
	free(r->bus_name);
	free(r->only);
	free(r->text.buf);
	free(r->path);
	free(r);
}

const struct rec_meta *rec_meta(const struct rec_reader *r)
{
	return &r->meta;
}

bool rec_complete(const struct rec_reader *r)
{
	return r->complete;
}

vtime rec_end(const struct rec_reader *r)
{
	return r->end;
}

const char *rec_verdict(const struct rec_reader *r)
{
	return r->verdict;
}

void rec_reader_counts(const struct rec_reader *r, struct rec_counts *out)
{
	*out = r->counts;
}
