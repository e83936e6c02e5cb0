/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that somebody made or damaged: the reader says what is wrong and which
 * file it is, in little time and memory, or reads what is there.
 */
#include "config.h"

#include "sim/core/pace.h"
#include "sim/core/rand.h"
#include "tests/unit/rec_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#define TIME_MAX (10 * VT_S) /* of one file; a thousand times what it takes */

static struct rig rig;
static char good[512]; /* a recording of 20000 records, two levels of pages */
static struct av_err last;

/* All that a program may do with a file. Return: records read or -errno. */
static int64_t use(const char *path)
{
	struct rec_filter f = { .to = VT_NEVER, .text = true, .signals = true };
	int64_t start = pace_wall_ns(), n = 0;
	struct rec_reader *r = NULL;
	struct rec_record rec;
	int ret;

	last = (struct av_err){ 0 };
	ret = rec_open(path, &r, &last);
	if (ret == 0) {
		if (!rec_inputs(r, &last)) {
			ret = -EBADMSG;
		} else {
			ret = rec_seek(r, &f, &last);
		}
	}
	while (ret == 0 && (ret = rec_next(r, &rec, &last)) > 0) {
		n += rec_line(&rec, NULL, 0) > 0;
		ret = 0;
	}
	rec_close_reader(r);
	if (pace_wall_ns() - start > TIME_MAX) {
		fail_msg("%s took %.1f s", path,
			 (double)(pace_wall_ns() - start) / 1e9);
	}
	if (ret < 0) {
		CHECK_EQ(last.code, ret);
		if (!strstr(last.msg, path)) {
			fail_msg("'%s' does not name the file", last.msg);
		}
	}
	return ret < 0 ? ret : n;
}

static void copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char buf[65536];
	size_t n;

	CHECK(in && out);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
		CHECK_EQ(fwrite(buf, 1, n, out), n);
	}
	fclose(in);
	CHECK_EQ(fclose(out), 0);
}

/* A copy of the good file, changed by @sql. */
static const char *changed(const char *sql)
{
	const char *path = rig_file(&rig, "x.avrec");

	copy(good, path);
	rig_sql(path, sql);
	return path;
}

static void refused(const char *sql, const char *text)
{
	int64_t n = use(changed(sql));

	if (n >= 0 || !strstr(last.msg, text)) {
		fail_msg("%s: %" PRId64 " '%s', want '%s'", sql, n, last.msg,
			 text);
	}
}

static void read_whole(const char *sql)
{
	int64_t n = use(changed(sql));

	if (n != 20000) {
		fail_msg("%s: %" PRId64 " %s", sql, n, last.msg);
	}
}

static int setup(void **state)
{
	struct rec_writer *w;
	struct av_err err;

	(void)state;
	rig_init(&rig);
	snprintf(good, sizeof(good), "%s", rig_file(&rig, "good.avrec"));
	w = rig_create(good);
	for (uint64_t i = 0; i < 20000; i++) {
		rig_emit(w, i);
	}
	CHECK_EQ(rec_close(w, 10 * VT_S, "pass", &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_finish(&rig);
	return 0;
}

/* ---- no recording at all ---- */

static const char *bytes(const void *p, size_t n)
{
	const char *path = rig_file(&rig, "x.avrec");
	FILE *f = fopen(path, "wb");

	CHECK_EQ(fwrite(p, 1, n, f), n);
	CHECK_EQ(fclose(f), 0);
	return path;
}

TEST(hostile_no_database)
{
	struct av_rand r;
	char buf[8192];

	av_rand_init(&r, 5, "hostile");
	CHECK_EQ(use(bytes("", 0)), -EBADMSG);
	CHECK(strstr(last.msg, "it is empty"));
	CHECK(use(bytes("t,x\n", 4)) < 0);
	CHECK(strstr(last.msg, "not a recording"));
	av_rand_bytes(&r, buf, sizeof(buf));
	CHECK(use(bytes(buf, sizeof(buf))) < 0);
	CHECK(strstr(last.msg, "not a recording"));
	memcpy(buf, "SQLite format 3", 16);
	CHECK(use(bytes(buf, sizeof(buf))) < 0);
	CHECK(use(bytes(buf, 16)) < 0);
	CHECK(use(rig_file(&rig, "none.avrec")) == -ENOENT);
	CHECK(use(rig.dir) < 0);
	CHECK(strstr(last.msg, "is not a file"));
}

TEST(hostile_cut_off_anywhere)
{
	const char *path = rig_file(&rig, "x.avrec");
	struct stat st;

	CHECK_EQ(stat(good, &st), 0);
	for (off_t n = 16; n < st.st_size; n += st.st_size / 60 + 7) {
		copy(good, path);
		CHECK_EQ(truncate(path, n), 0);
		CHECK(use(path) < 0);
	}
}

TEST(hostile_sparse_10_gigabytes)
{
	const char *path = rig_file(&rig, "x.avrec");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	if (ftruncate(fd, (off_t)10 << 30) < 0) {
		close(fd);
		SKIP("no file of 10 GB here");
	}
	CHECK(use(path) < 0);
	close(fd);
	copy(good, path);
	CHECK_EQ(truncate(path, (off_t)10 << 30), 0);
	CHECK_EQ(use(path), 20000);
}

/* ---- another database ---- */

TEST(hostile_not_our_database_or_version)
{
	refused("PRAGMA application_id=1", "not a recording of avsim");
	refused("PRAGMA user_version=2000", "use a newer avsim");
	refused("PRAGMA user_version=999", "use an older avsim");
	read_whole("PRAGMA user_version=1007; CREATE TABLE more(x);"
		   "ALTER TABLE events ADD COLUMN extra ANY;"
		   "INSERT INTO meta VALUES('later','1');"
		   "INSERT INTO inputs VALUES(9,'later','a','b',1,x'00');");
}

TEST(hostile_other_things_in_place_of_our_tables)
{
	static const char *const tables[] = { "meta", "inputs", "keys",
					      "events", "chunks" };
	char sql[512];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const char *t = tables[i];

		snprintf(sql, sizeof(sql), "DROP TABLE %s", t);
		refused(sql, t);
		snprintf(sql, sizeof(sql),
			 "ALTER TABLE %s RENAME TO old;"
			 "CREATE VIEW %s AS SELECT * FROM old;",
			 t, t);
		refused(sql, "is not what it should be");
		snprintf(sql, sizeof(sql),
			 "DROP TABLE %s; PRAGMA writable_schema=1;"
			 "INSERT INTO sqlite_schema VALUES('table','%s','%s',0,"
			 "'CREATE VIRTUAL TABLE %s USING fts5(a)');",
			 t, t, t, t);
		refused(sql, t);
		snprintf(sql, sizeof(sql),
			 "DROP TABLE %s; CREATE TABLE %s(a,b,c);", t, t);
		refused(sql, "is not what it should be");
	}
	refused("DROP TABLE events; CREATE VIEW events(seq,t,key,value,note) "
		"AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM "
		"n) SELECT i,i,1,1,1 FROM n;",
		"'events'");
	refused("DROP TABLE events; CREATE TABLE events(seq INTEGER PRIMARY "
		"KEY, t INTEGER, key INTEGER, value ANY GENERATED ALWAYS AS "
		"(printf('%1000000000d', seq)), note TEXT);",
		"'events'");
	refused("DROP TABLE events; CREATE TABLE events(seq INTEGER PRIMARY "
		"KEY, t INTEGER, key INTEGER, value ANY, note TEXT) "
		"WITHOUT ROWID;",
		"damaged");
	read_whole("CREATE TRIGGER a AFTER INSERT ON events BEGIN DELETE FROM "
		   "chunks; END; CREATE VIEW v AS SELECT load_extension('x');"
		   "CREATE INDEX i ON events(abs(t));"
		   "CREATE INDEX j ON keys(channel,name,id);");
}

/* ---- rows ---- */

TEST(hostile_rows_of_chunks)
{
	refused("UPDATE chunks SET count=count+1", "chunk ");
	refused("UPDATE chunks SET count=4000000000", "chunk ");
	refused("UPDATE chunks SET count=-1", "a chunk is absurd");
	refused("UPDATE chunks SET count=1<<40", "a chunk is absurd");
	refused("UPDATE chunks SET size=4000000000", "chunk ");
	refused("UPDATE chunks SET size=0", "chunk ");
	refused("UPDATE chunks SET crc=crc+1 WHERE crc<4294967295",
		"its checksum is wrong");
	refused("UPDATE chunks SET channel=2", "a chunk is absurd");
	refused("UPDATE chunks SET channel=-1", "a chunk is absurd");
	refused("UPDATE chunks SET first_seq=-5", "a chunk is absurd");
	refused("UPDATE chunks SET last_seq=-5", "damaged");
	refused("UPDATE chunks SET last_seq=9223372036854775807", "damaged");
	refused("UPDATE chunks SET first_t=-1", "chunk ");
	refused("UPDATE chunks SET first_t=last_t+1", "chunk ");
	refused("UPDATE chunks SET last_t=9223372036854775807", "chunk ");
	refused("UPDATE chunks SET data=x''", "checksum");
	refused("UPDATE chunks SET data=zeroblob(50000000)", "chunk ");
	refused("INSERT INTO chunks SELECT NULL,channel,first_seq,last_seq,"
		"first_t,last_t,count,size,crc,data FROM chunks",
		"chunks overlap");
	/* the same seq again, in another channel */
	refused("INSERT INTO chunks SELECT NULL,6,first_seq,last_seq,"
		"first_t,last_t,count,size,crc,data FROM chunks WHERE channel=3",
		"out of order");
	refused("UPDATE chunks SET first_t=first_t+5000000,last_t=last_t+"
		"5000000 WHERE channel=3",
		"out of order");
}

TEST(hostile_rows_of_events_and_keys)
{
	refused("UPDATE events SET key=99", "an event has no key");
	refused("UPDATE events SET key=-1", "an event has no key");
	refused("UPDATE events SET key=1<<40", "an event has no key");
	refused("UPDATE events SET t=-t-1", "out of order");
	refused("UPDATE events SET t=9223372036854775807 WHERE seq=12",
		"out of order");
	refused("UPDATE events SET seq=-seq", "out of order");
	refused("UPDATE events SET seq=seq-1 WHERE seq=4", "out of order");
	refused("UPDATE events SET value=zeroblob(30000000) WHERE seq=4",
		"a text is absurd");
	refused("UPDATE events SET note=zeroblob(30000000)||'x' WHERE seq=4",
		"a note is absurd");
	refused("UPDATE keys SET id=1<<40 WHERE id=1", "a key is absurd");
	refused("UPDATE keys SET id=-1 WHERE id=1", "a key is absurd");
	refused("UPDATE keys SET channel=1", "a key is absurd");
	refused("UPDATE keys SET channel=0", "a key is absurd");
	refused("UPDATE keys SET channel=12", "a key is absurd");
	refused("UPDATE keys SET name='a'||char(9)", "a key is absurd");
	refused("UPDATE keys SET name='a'||char(10)", "a key is absurd");
	refused("UPDATE keys SET name='a'||char(0)||'b'", "a key is absurd");
	refused("UPDATE keys SET name=printf('%2000d',1)", "a key is absurd");
	read_whole("UPDATE keys SET id=1000000 WHERE id=1;"
		   "UPDATE events SET key=1000000 WHERE key=1");
	read_whole("UPDATE events SET value=x'00ff' WHERE seq=4");
	read_whole("UPDATE events SET value=NULL WHERE seq=4");
}

TEST(hostile_rows_of_meta_and_inputs)
{
	refused("INSERT INTO meta VALUES('title2',printf('%8000000d',1))",
		"a meta value is absurd");
	refused("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n "
		"LIMIT 5000) INSERT INTO meta SELECT 'k'||i,'' FROM n",
		"a meta value is absurd");
	read_whole("UPDATE meta SET value='x' WHERE key<>'complete'");
	read_whole("UPDATE meta SET value='-9223372036854775809'");
	refused("UPDATE inputs SET size=-1", "an input file is absurd");
	refused("UPDATE inputs SET size=1<<60", "an input file is absurd");
	refused("UPDATE inputs SET size=size+1", "an input file is absurd");
	refused("UPDATE inputs SET data=x''", "an input file is absurd");
	refused("UPDATE inputs SET key='a'||char(10)", "a bus name is absurd");
	refused("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n "
		"LIMIT 5000) INSERT INTO inputs SELECT NULL,'trace','','',0,"
		"x'' FROM n",
		"absurdly many");
	refused("UPDATE inputs SET data=x'424f5f20',size=4 WHERE id=1",
		"cannot decode the signals");
}

/* What unpacks to much more than its size is not believed. */
TEST(hostile_input_that_unpacks_to_200_megabytes)
{
	size_t size = (size_t)200 << 20, room = ZSTD_compressBound(size), n;
	void *zeros = calloc(1, size), *packed = malloc(room);
	const char *path = rig_file(&rig, "x.avrec");
	sqlite3 *db;
	sqlite3_stmt *st;

	CHECK(zeros && packed);
	n = ZSTD_compress(packed, room, zeros, size, 1);
	CHECK(!ZSTD_isError(n) && n < 100000);
	copy(good, path);
	CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_EQ(sqlite3_prepare_v2(db,
				    "UPDATE inputs SET size=?, data=? WHERE "
				    "id=1",
				    -1, &st, NULL),
		 SQLITE_OK);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)size);
	sqlite3_bind_blob(st, 2, packed, (int)n, SQLITE_STATIC);
	CHECK_EQ(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(zeros);
	free(packed);
	CHECK(use(path) < 0);
	CHECK(strstr(last.msg, "an input file is absurd"));
}

/* ---- pages ---- */

struct image {
	uint8_t *p;
	size_t size, page;
};

static struct image load(void)
{
	struct stat st;
	struct image m;
	FILE *f = fopen(good, "rb");

	CHECK(f != NULL);
	CHECK_EQ(fstat(fileno(f), &st), 0);
	m.size = (size_t)st.st_size;
	m.p = malloc(m.size);
	CHECK_EQ(fread(m.p, 1, m.size, f), m.size);
	fclose(f);
	m.page = (size_t)m.p[16] << 8 | m.p[17];
	CHECK(m.page >= 512);
	return m;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Point all children of inner page @no to @child(@arg, cell). */
static void point(struct image *m, size_t no, uint32_t child)
{
	uint8_t *p = m->p + (no - 1) * m->page;
	unsigned int cells = (unsigned int)p[3] << 8 | p[4];

	put32(p + 8, child);
	for (unsigned int i = 0; i < cells; i++) {
		size_t at = (size_t)p[12 + 2 * i] << 8 | p[13 + 2 * i];

		CHECK(at + 4 <= m->page);
		put32(p + at, child);
	}
}

TEST(hostile_trees_that_bite_their_tails)
{
	struct image m = load();
	unsigned int inner = 0;

	for (size_t no = 2; no <= m.size / m.page; no++) {
		uint8_t *p = m.p + (no - 1) * m.page;
		uint8_t *keep;
		uint32_t first;

		if (p[0] != 5 || p[1] || p[2]) {
			continue; /* no inner page of a table */
		}
		inner++;
		keep = malloc(m.page);
		memcpy(keep, p, m.page);
		first = (uint32_t)keep[12] << 8 | keep[13];
		first = (uint32_t)keep[first + 2] << 8 | keep[first + 3];
		point(&m, no, (uint32_t)no); /* itself */
		CHECK(use(bytes(m.p, m.size)) < 0);
		memcpy(p, keep, m.page);
		point(&m, no, first); /* one child many times */
		CHECK(use(bytes(m.p, m.size)) < 0);
		memcpy(p, keep, m.page);
		point(&m, no, 0);
		CHECK(use(bytes(m.p, m.size)) < 0);
		memcpy(p, keep, m.page);
		point(&m, no, 1); /* the schema */
		CHECK(use(bytes(m.p, m.size)) < 0);
		memcpy(p, keep, m.page);
		free(keep);
	}
	CHECK(inner > 0);
	CHECK_EQ(use(bytes(m.p, m.size)), 20000);
	free(m.p);
}

/* Any byte of any page: 1500 files with a fixed seed. */
TEST(hostile_bytes_anywhere)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct image m = load();
	struct av_rand r;
	unsigned int bad = 0;

	av_rand_init(&r, 6, "hostile");
	for (int i = 0; i < 1500; i++) {
		size_t at[4];
		uint8_t keep[4];
		size_t page = av_rand_below(&r, m.size / m.page) * m.page;

		for (int k = 0; k < 4; k++) {
			/* mostly the head of a page, where its structure is */
			at[k] = page + av_rand_below(&r, i % 3 ? 64 : m.page);
			keep[k] = m.p[at[k]];
			m.p[at[k]] = i % 2 ? odd[av_rand_below(&r, 5)] :
					     (uint8_t)av_rand_u64(&r);
		}
		bad += use(bytes(m.p, m.size)) < 0;
		for (int k = 3; k >= 0; k--) {
			m.p[at[k]] = keep[k];
		}
	}
	printf("%u of 1500 damaged files refused\n", bad);
	CHECK(bad > 300);
	CHECK_EQ(use(bytes(m.p, m.size)), 20000);
	free(m.p);
}

/* Of all that came before, what the test itself made included. */
TEST(hostile_files_took_little_memory)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("at most %ld MB resident\n", u.ru_maxrss >> 10);
#ifndef SANITIZED
	CHECK(u.ru_maxrss < 300 << 10);
#endif
}

#define F(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	return RUN_TESTS(F(hostile_no_database), F(hostile_cut_off_anywhere),
			 F(hostile_sparse_10_gigabytes),
			 F(hostile_not_our_database_or_version),
			 F(hostile_other_things_in_place_of_our_tables),
			 F(hostile_rows_of_chunks),
			 F(hostile_rows_of_events_and_keys),
			 F(hostile_rows_of_meta_and_inputs),
			 F(hostile_trees_that_bite_their_tails),
			 F(hostile_bytes_anywhere),
			 F(hostile_input_that_unpacks_to_200_megabytes),
			 T(hostile_files_took_little_memory));
}
