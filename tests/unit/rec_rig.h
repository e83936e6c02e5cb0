/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of recordings share: a folder of their own, a recording of
 * known contents, and all of a recording as text.
 */
#ifndef AVSIM_TESTS_UNIT_REC_RIG_H
#define AVSIM_TESTS_UNIT_REC_RIG_H

#include "recordings/rec_int.h"
#include "sim/core/text.h"
#include "tests/unit/test.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>

/* ---- a folder ---- */

struct rig {
	char dir[256];
	char path[512]; /* of the last rig_file() */
};

static inline void rig_init(struct rig *g)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(g->dir, sizeof(g->dir), "%.200s/avsim-rec-XXXXXX",
		 tmp ? tmp : "/tmp");
	CHECK(mkdtemp(g->dir) != NULL);
}

static inline const char *rig_file(struct rig *g, const char *name)
{
	snprintf(g->path, sizeof(g->path), "%s/%s", g->dir, name);
	return g->path;
}

static inline void rig_clear(struct rig *g)
{
	DIR *d = opendir(g->dir);
	struct dirent *e;
	char path[600];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", g->dir,
				 e->d_name);
			unlink(path);
		}
	}
	if (d) {
		closedir(d);
	}
}

static inline void rig_finish(struct rig *g)
{
	rig_clear(g);
	rmdir(g->dir);
}

/* ---- a recording ---- */

static inline const struct rec_meta *rig_meta(void)
{
	static const struct rec_meta meta = { .title = "rig",
					      .generator = "test 1",
					      .kind = "run",
					      .seed = UINT64_MAX,
					      .params = "a=1\nb=two",
					      .duration = 5 * VT_S,
					      .epoch_ns = 1690000000123456789 };

	return &meta;
}

static inline struct bundle *rig_inputs(void)
{
	static struct bundle b;

	if (b.n == 0) {
		CHECK_EQ(bundle_add(&b, BUNDLE_DBC, "can0", "a.dbc",
				    "VERSION \"\"\n", 11),
			 0);
		CHECK_EQ(bundle_add(&b, BUNDLE_DBC, "body", "b.dbc",
				    "VERSION \"\"\n", 11),
			 0);
	}
	return &b;
}

static inline struct rec_writer *rig_create(const char *path)
{
	struct av_err err = { 0 };
	struct rec_writer *w = NULL;

	if (rec_create(path, rig_meta(), rig_inputs(), &w, &err) < 0) {
		fail_msg("rec_create: %s", err.msg);
	}
	return w;
}

/* Record @i of a known series, over five channels; 1 ms apart. */
static inline void rig_emit(struct rec_writer *w, uint64_t i)
{
	uint64_t h = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	vtime t = (vtime)(i / 2) * VT_MS;
	struct can_frame f = { .t = t,
			       .id = (uint32_t)(h >> 8) & 0x7ff,
			       .bus = h & 1,
			       .len = 8 };
	double v[3] = { (double)(h >> 40), -0.0, (double)i / 7 };
	char text[64];

	switch (i % 8) {
	case 3:
		snprintf(text, sizeof(text), "text %" PRIu64, i);
		rec_text(w, REC_SCENARIO, t, h & 1024 ? "mark" : "note", text);
		break;
	case 5:
		rec_values(w, REC_IMU, t, "accel", v, 3);
		break;
	case 7:
		snprintf(text, sizeof(text), "blk%u", (unsigned int)(h & 3));
		rec_text(w, REC_DEVICE, t, text, "reset");
		break;
	default:
		memcpy(f.data, &h, 8);
		rec_can(w, &f);
		break;
	}
}

/* The line of record @i, made without the recorder's own code. */
static inline void rig_line(uint64_t i, char out[256])
{
	uint64_t h = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t ms = i / 2;
	int n = snprintf(out, 256, "%" PRIu64 ".%03" PRIu64 "000000\t",
			 ms / 1000, ms % 1000);
	char num[3][AV_NUM_TEXT_MAX];
	uint8_t data[8];

	switch (i % 8) {
	case 3:
		snprintf(out + n, 128, "scenario\t%s\ttext %" PRIu64 "\n",
			 h & 1024 ? "mark" : "note", i);
		break;
	case 5:
		av_num_text((double)(h >> 40), num[0]);
		av_num_text((double)i / 7, num[2]);
		snprintf(out + n, 200, "imu\taccel\t%s\t-0\t%s\n", num[0],
			 num[2]);
		break;
	case 7:
		snprintf(out + n, 128, "device\tblk%u\treset\n",
			 (unsigned int)(h & 3));
		break;
	default:
		memcpy(data, &h, 8);
		snprintf(out + n, 128,
			 "can\t%s:%03X\t%02X%02X%02X%02X%02X%02X%02X%02X\n",
			 h & 1 ? "body" : "can0",
			 (unsigned int)(h >> 8) & 0x7ff, data[0], data[1],
			 data[2], data[3], data[4], data[5], data[6], data[7]);
		break;
	}
}

/* ---- reading ---- */

static inline struct rec_reader *rig_open(const char *path)
{
	struct av_err err = { 0 };
	struct rec_reader *r = NULL;

	if (rec_open(path, &r, &err) < 0) {
		fail_msg("rec_open: %s", err.msg);
	}
	return r;
}

/* All that @f lets through, as text. Caller frees. */
static inline char *rig_text(const char *path, const struct rec_filter *f)
{
	struct rec_filter all = { .to = VT_NEVER, .text = true };
	struct rec_reader *r = rig_open(path);
	struct av_err err = { 0 };
	struct rec_record rec;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int ret = rec_seek(r, f ? f : &all, &err);

	while (ret == 0 && (ret = rec_next(r, &rec, &err)) > 0) {
		size_t n = rec_line(&rec, NULL, 0);
		char *line = malloc(n + 1);

		CHECK_EQ(rec_line(&rec, line, n + 1), n);
		CHECK_EQ(strlen(line), n);
		fwrite(line, 1, n, out);
		free(line);
		ret = 0;
	}
	fclose(out);
	rec_close_reader(r);
	if (ret < 0) {
		fail_msg("reading %s: %s", path, err.msg);
	}
	return text;
}

/* How many records of the series the file holds: they must be its beginning. */
static inline uint64_t rig_prefix(const char *path)
{
	char *text = rig_text(path, NULL), *at = text;
	uint64_t n = 0;

	while (*at) {
		char want[256];
		size_t len;

		rig_line(n, want);
		len = strlen(want);
		if (strncmp(at, want, len) != 0) {
			fail_msg("record %" PRIu64 " is %.*s, want %s", n,
				 (int)strcspn(at, "\n"), at, want);
		}
		at += len;
		n++;
	}
	free(text);
	return n;
}

/* What PRAGMA integrity_check says, as any program that opens the file. */
static inline void rig_integrity(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *st;

	CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_EQ(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st,
				    NULL),
		 SQLITE_OK);
	CHECK_EQ(sqlite3_step(st), SQLITE_ROW);
	CHECK_STR((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* Change the file by SQL, as somebody with the sqlite3 shell. */
static inline void rig_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *msg = NULL;

	CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK) {
		fail_msg("%s: %s", sql, msg);
	}
	sqlite3_close(db);
}

#endif
