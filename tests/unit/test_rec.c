/* SPDX-License-Identifier: Apache-2.0 */
/* Writer and reader: what was recorded is read, in the order it happened. */
#include "config.h"

#include "sim/vhal/vhal.h"
#include "tests/unit/rec_rig.h"

#include <errno.h>
#include <sys/stat.h>

static struct rig rig;

static int setup(void **state)
{
	(void)state;
	rig_init(&rig);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_finish(&rig);
	return 0;
}

static const char *series(const char *name, uint64_t n)
{
	const char *path = rig_file(&rig, name);
	struct rec_writer *w = rig_create(path);
	struct av_err err = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		rig_emit(w, i);
		if (i % 97 == 0) {
			rec_tick(w); /* many small chunks */
		}
	}
	CHECK_EQ(rec_close(w, (vtime)n * VT_MS, "pass", &err), 0);
	return path;
}

TEST(rec_gives_back_five_channels_in_order)
{
	const char *path = series("a.avrec", 60000);

	CHECK_EQ(rig_prefix(path), 60000);
	rig_integrity(path);
}

TEST(rec_closed_is_one_file)
{
	char wal[600];
	struct stat st;
	const char *path = series("a.avrec", 100);

	snprintf(wal, sizeof(wal), "%s-wal", path);
	CHECK(stat(wal, &st) < 0);
	snprintf(wal, sizeof(wal), "%s.part", path);
	CHECK(stat(wal, &st) < 0);
}

TEST(rec_does_not_write_over_a_file)
{
	const char *path = series("a.avrec", 10);
	struct rec_writer *w;
	struct av_err err;

	CHECK_EQ(rec_create(path, rig_meta(), NULL, &w, &err), -EEXIST);
	CHECK(strstr(err.msg, "a.avrec"));
	CHECK_EQ(rig_prefix(path), 10);
}

TEST(rec_says_what_it_is)
{
	struct rec_reader *r = rig_open(series("a.avrec", 8000));
	const struct rec_meta *m = rec_meta(r);
	const struct bundle *in;
	struct rec_counts n;
	struct av_err err;

	CHECK_STR(m->title, "rig");
	CHECK_STR(m->generator, "test 1");
	CHECK_STR(m->kind, "run");
	CHECK_STR(m->params, "a=1\nb=two");
	CHECK(m->seed == UINT64_MAX);
	CHECK_EQ(m->duration, 5 * VT_S);
	CHECK(m->epoch_ns == 1690000000123456789);
	CHECK(rec_complete(r));
	CHECK_EQ(rec_end(r), 8 * VT_S);
	CHECK_STR(rec_verdict(r), "pass");
	rec_reader_counts(r, &n);
	CHECK_EQ(n.n[REC_CAN], 5000);
	CHECK_EQ(n.n[REC_IMU], 1000);
	CHECK_EQ(n.n[REC_SCENARIO], 1000);
	CHECK_EQ(n.n[REC_DEVICE], 1000);
	CHECK_EQ(n.n[REC_VHAL], 0);
	in = rec_inputs(r, &err);
	CHECK(in != NULL);
	CHECK_EQ(in->n, 2);
	CHECK_STR(bundle_get(in, BUNDLE_DBC, 1)->key, "body");
	CHECK_STR(bundle_get(in, BUNDLE_DBC, 1)->name, "b.dbc");
	CHECK_STR(bundle_get(in, BUNDLE_DBC, 1)->data, "VERSION \"\"\n");
	rec_close_reader(r);
}

/* Inputs that hardly and that greatly compress, and an empty one. */
TEST(rec_gives_back_its_inputs)
{
	const char *path = rig_file(&rig, "in.avrec");
	struct bundle b = { 0 };
	struct rec_writer *w;
	struct rec_reader *r;
	struct av_err err = { 0 };
	size_t len = 1 << 20;
	char *zeros = calloc(1, len), *noise = malloc(len);
	uint64_t h = 1;

	for (size_t i = 0; i < len; i++) {
		h = h * UINT64_C(6364136223846793005) + 1442695040888963407;
		noise[i] = (char)(h >> 56);
	}
	CHECK_EQ(bundle_add(&b, BUNDLE_TRACE, "z", "z", zeros, len), 0);
	CHECK_EQ(bundle_add(&b, BUNDLE_TRACE, "n", "n", noise, len), 0);
	CHECK_EQ(bundle_add(&b, BUNDLE_TRACE, "e", "e", "", 0), 0);
	CHECK_EQ(rec_create(path, rig_meta(), &b, &w, &err), 0);
	CHECK_EQ(rec_close(w, 0, "none", &err), 0);
	r = rig_open(path);
	CHECK(rec_inputs(r, &err) != NULL);
	for (size_t i = 0; i < 3; i++) {
		const struct bundle_file *f =
			bundle_get(rec_inputs(r, &err), BUNDLE_TRACE, i);

		CHECK_EQ(f->len, b.file[i].len);
		CHECK(!memcmp(f->data, b.file[i].data, f->len));
	}
	rec_close_reader(r);
	bundle_finish(&b);
	free(zeros);
	free(noise);
}

TEST(rec_of_nothing_reads_as_nothing)
{
	const char *path = series("a.avrec", 0);
	struct rec_reader *r;

	CHECK_EQ(rig_prefix(path), 0);
	r = rig_open(path);
	CHECK(rec_complete(r));
	CHECK_EQ(rec_end(r), 0);
	rec_close_reader(r);
}

TEST(rec_not_closed_is_readable_up_to_its_last_commit)
{
	const char *path = rig_file(&rig, "open.avrec");
	struct rec_writer *w = rig_create(path);
	struct rec_reader *r;
	struct rec_counts n;
	struct av_err err;

	for (uint64_t i = 0; i < 20000; i++) {
		rig_emit(w, i);
	}
	rec_tick(w);
	for (int k = 0; k < 500 && rig_prefix(path) < 20000; k++) {
		usleep(10000);
	}
	CHECK_EQ(rig_prefix(path), 20000);
	r = rig_open(path);
	CHECK(!rec_complete(r));
	CHECK_STR(rec_verdict(r), "none");
	CHECK_EQ(rec_end(r), 9999 * VT_MS);
	rec_reader_counts(r, &n);
	CHECK_EQ(n.n[REC_CAN], 12500);
	CHECK_EQ(n.n[REC_DEVICE], 2500);
	/* it may be closed while somebody reads it */
	CHECK_EQ(rec_close(w, 1, "pass", &err), 0);
	rec_close_reader(r);
	CHECK_EQ(rig_prefix(path), 20000);
}

static uint64_t frames(struct rec_writer *w, uint64_t from, uint64_t n)
{
	for (uint64_t i = from; i < from + n; i++) {
		rec_can(w, &(struct can_frame){ .t = (vtime)i, .id = 1 });
	}
	rec_tick(w);
	return from + n;
}

static uint64_t frames_in(const char *path)
{
	struct rec_reader *r = rig_open(path);
	struct rec_counts n;

	rec_reader_counts(r, &n);
	rec_close_reader(r);
	return n.n[REC_CAN];
}

/* The small chunks that the reader has found become part of a full one while it
 * reads; it goes on with what was there when it was opened. */
TEST(rec_reader_has_one_view_of_a_file_that_grows)
{
	const char *path = rig_file(&rig, "grow.avrec");
	struct rec_writer *w = rig_create(path);
	struct rec_reader *r;
	struct rec_record rec;
	struct av_err err = { 0 };
	uint64_t n = 0, seen = 0;

	while (frames_in(path) < 100) {
		n = frames(w, n, 100);
		usleep(1000);
	}
	r = rig_open(path);
	n = frames(w, n, 40000);
	while (frames_in(path) < n) {
		usleep(1000);
	}
	while (rec_next(r, &rec, &err) > 0) {
		seen++;
	}
	CHECK_EQ(err.code, 0);
	CHECK(seen >= 100 && seen < n);
	CHECK_EQ(rec_close(w, (vtime)n, "none", &err), 0);
	rec_close_reader(r);
	CHECK_EQ(frames_in(path), n);
}

/* ---- values ---- */

static void put_vhal(struct rec_writer *w, vtime t, const char *name,
		     struct vhal_value v)
{
	rec_vhal(w, &(struct vhal_event){ .t = t, .value = &v, .name = name });
}

static void put_float(struct rec_writer *w, float f)
{
	put_vhal(w, 0, "F",
		 (struct vhal_value){ .prop = VHAL_TYPE_FLOAT,
				      .n_f32 = 1,
				      .f32 = &f });
}

TEST(rec_keeps_every_kind_of_property_value)
{
	const char *path = rig_file(&rig, "v.avrec");
	struct rec_writer *w = rig_create(path);
	const float f[] = { 0.1f,    -0.0f,    3.4028235e38f, 1e-45f, NAN,
			    INFINITY, -INFINITY, 16777216,      33.333332f };
	const int32_t i32[] = { INT32_MIN, 2, 3 };
	const int64_t i64 = INT64_MIN;
	const float f2[] = { 1.5f, 0.1f };
	struct av_err err;
	char *text;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		put_float(w, f[i]);
	}
	put_vhal(w, 1, "I",
		 (struct vhal_value){ .prop = VHAL_TYPE_INT32,
				      .n_i32 = 1,
				      .i32 = i32 });
	put_vhal(w, 2, "L",
		 (struct vhal_value){ .prop = VHAL_TYPE_INT64,
				      .n_i64 = 1,
				      .i64 = &i64 });
	put_vhal(w, 3, "V",
		 (struct vhal_value){ .prop = VHAL_TYPE_INT32_VEC,
				      .n_i32 = 3,
				      .i32 = i32 });
	put_vhal(w, 4, "W",
		 (struct vhal_value){ .prop = VHAL_TYPE_FLOAT_VEC,
				      .n_f32 = 2,
				      .f32 = f2 });
	put_vhal(w, 5, "S",
		 (struct vhal_value){ .prop = VHAL_TYPE_STRING,
				      .str = "a\tb\n\"c\"" });
	put_vhal(w, 6, "U",
		 (struct vhal_value){ .prop = VHAL_TYPE_FLOAT,
				      .status = VHAL_UNAVAILABLE });
	put_vhal(w, 7, "E",
		 (struct vhal_value){ .prop = VHAL_TYPE_INT32,
				      .status = VHAL_ERROR,
				      .n_i32 = 1,
				      .i32 = i32 + 1 });
	CHECK_EQ(rec_close(w, 8, "none", &err), 0);
	text = rig_text(path, NULL);
	CHECK_STR(text, "0.000000000\tvhal\tF\t0.1\n"
			"0.000000000\tvhal\tF\t-0\n"
			"0.000000000\tvhal\tF\t3.4028235e+38\n"
			"0.000000000\tvhal\tF\t1e-45\n"
			"0.000000000\tvhal\tF\tnan\n"
			"0.000000000\tvhal\tF\tinf\n"
			"0.000000000\tvhal\tF\t-inf\n"
			"0.000000000\tvhal\tF\t16777216\n"
			"0.000000000\tvhal\tF\t33.333332\n"
			"0.000000001\tvhal\tI\t-2147483648\n"
			"0.000000002\tvhal\tL\t-9223372036854775808\n"
			"0.000000003\tvhal\tV\t[-2147483648,2,3]\n"
			"0.000000004\tvhal\tW\t[1.5,0.1]\n"
			"0.000000005\tvhal\tS\t\"a\\tb\\n\\\"c\\\"\"\n"
			"0.000000006\tvhal\tU\tunavailable\n"
			"0.000000007\tvhal\tE\terror\t2\n");
	free(text);
}

/* Every float: what the database shows is what the shortest text says. */
TEST(rec_floats_read_back_as_the_same_float)
{
	uint64_t h = 7;

	for (int i = 0; i < 200000; i++) {
		union {
			uint32_t u;
			float f;
		} x;
		char text[AV_NUM_TEXT_MAX];
		double d, want;

		h = h * UINT64_C(6364136223846793005) + 1442695040888963407;
		x.u = (uint32_t)(h >> 32);
		if (i % 2) { /* around what a car has */
			x.f = (float)(x.u % 400000) / 100.0f - 1000.0f;
		}
		if (isnan(x.f)) {
			continue;
		}
		d = rec_float_decimal(x.f);
		CHECK((float)d == x.f);
		CHECK(!signbit(d) == !signbit(x.f));
		if (isfinite(x.f)) {
			CHECK_EQ(av_num_parse(text, av_f32_text(x.f, text),
					      &want),
				 0);
			if (d != want) {
				fail_msg("%s became %.17g", text, d);
			}
		}
	}
}

TEST(rec_keeps_doubles_of_bulk_channels_to_the_bit)
{
	const char *path = rig_file(&rig, "d.avrec");
	struct rec_writer *w = rig_create(path);
	const double v[] = { NAN, -0.0, 1e308, 5e-324, 0.1, -INFINITY, 1e15 };
	struct rec_record rec;
	struct rec_reader *r;
	struct av_err err;
	char *text;

	rec_values(w, REC_IMU, 0, "all", v, 7);
	rec_values(w, REC_IMU, 0, "none", NULL, 0);
	rec_values(w, REC_IMU, 1, "one", v + 1, 1);
	CHECK_EQ(rec_close(w, 1, "none", &err), 0);
	text = rig_text(path, NULL);
	CHECK_STR(text, "0.000000000\timu\tall\tnan\t-0\t1e+308\t5e-324\t0.1\t"
			"-inf\t1e+15\n"
			"0.000000000\timu\tnone\t\n"
			"0.000000001\timu\tone\t-0\n");
	free(text);
	r = rig_open(path);
	CHECK_EQ(rec_next(r, &rec, &err), 1);
	CHECK_EQ(rec.val, REC_VAL_TEXT);
	CHECK_EQ(rec_next(r, &rec, &err), 1);
	CHECK_EQ(rec_next(r, &rec, &err), 1);
	CHECK_EQ(rec.val, REC_VAL_NUM);
	CHECK(signbit(rec.num));
	CHECK_EQ(rec_next(r, &rec, &err), 0);
	CHECK_EQ(rec_next(r, &rec, &err), 0);
	rec_close_reader(r);
}

TEST(rec_frames_of_all_kinds_have_their_text)
{
	const char *path = rig_file(&rig, "c.avrec");
	struct rec_writer *w = rig_create(path);
	static const struct can_frame f[] = {
		{ .id = 0x2c1, .len = 2, .data = { 1, 0xab } },
		{ .id = 0x2c1, .flags = CAN_EXT, .bus = 1, .len = 0 },
		{ .id = 0x1fffffff, .flags = CAN_EXT, .len = 1 },
		{ .id = 1, .flags = CAN_FD | CAN_BRS, .len = 12 },
		{ .id = 1, .flags = CAN_FD | CAN_ESI, .len = 0 },
		{ .id = 2, .flags = CAN_RTR, .len = 4 },
		{ .id = 2, .flags = CAN_RTR },
		{ .id = 4, .flags = CAN_ERR, .bus = 9, .len = 8 },
	};
	struct av_err err;
	char *text;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		rec_can(w, &f[i]);
	}
	CHECK_EQ(rec_close(w, 0, "none", &err), 0);
	text = rig_text(path, NULL);
	CHECK_STR(text, "0.000000000\tcan\tcan0:2C1\t01AB\n"
			"0.000000000\tcan\tbody:000002C1\t\n"
			"0.000000000\tcan\tcan0:1FFFFFFF\t00\n"
			"0.000000000\tcan\tcan0:001\t##1"
			"000000000000000000000000\n"
			"0.000000000\tcan\tcan0:001\t##2\n"
			"0.000000000\tcan\tcan0:002\tR4\n"
			"0.000000000\tcan\tcan0:002\tR\n"
			"0.000000000\tcan\t?:20000004\t0000000000000000\n");
	free(text);
}

TEST(rec_commands_keep_their_refusal)
{
	const char *path = rig_file(&rig, "k.avrec");
	struct rec_writer *w = rig_create(path);
	struct cmd c = { .source = CMD_FROM_USER, .text = "mark text=x" };
	struct cmd a = { .kind = CMD_ACTUATE,
			 .source = CMD_FROM_ECU,
			 .value = 0.1 };
	struct rec_filter only = { .to = VT_NEVER,
				   .text = true,
				   .only = "command:user" };
	struct av_err err;
	char *text;

	rec_command(w, &(struct cmd_event){ .cmd = &c, .ok = true });
	rec_command(w, &(struct cmd_event){ .cmd = &c, .error = "no\tway" });
	rec_command(w, &(struct cmd_event){ .cmd = &a, .ok = true });
	CHECK_EQ(rec_close(w, 0, "none", &err), 0);
	text = rig_text(path, &only);
	CHECK_STR(text, "0.000000000\tcommand\tuser\tmark text=x\n"
			"0.000000000\tcommand\tuser\tmark text=x\tno\\tway\n");
	free(text);
}

TEST(rec_line_is_one_line_whatever_the_text)
{
	const char *path = rig_file(&rig, "l.avrec");
	struct rec_writer *w = rig_create(path);
	char *big = malloc(REC_TEXT_MAX + 10), *key = calloc(1, 2000), *text;
	static const char want[] = "0.000000000\tscenario\ta?b?c?\t"
				   "1\\n2\\r3\\x01\t4\xc3\xa4\n"
				   "0.000000000\tcamera\ta?b\tx\\ny\n";
	struct av_err err;
	size_t n = 0;

	memset(big, 'x', REC_TEXT_MAX + 9);
	big[REC_TEXT_MAX + 9] = '\0';
	memset(key, 'k', 1999);
	rec_text(w, REC_SCENARIO, 0, "a\tb\nc\x7f", "1\n2\r3\x01\t4\xc3\xa4");
	rec_text(w, REC_CAMERA, 0, "a\tb", "x\ny");
	rec_text(w, REC_SCENARIO, 0, key, big);
	rec_text(w, REC_SCENARIO, 0, "", "");
	CHECK_EQ(rec_close(w, 0, "none", &err), 0);
	text = rig_text(path, NULL);
	CHECK(!strncmp(text, want, strlen(want)));
	for (char *p = text; (p = strchr(p, '\n')); p++) {
		n++;
	}
	CHECK_EQ(n, 4);
	CHECK(strlen(text) > REC_TEXT_MAX + REC_KEY_MAX);
	CHECK(strlen(text) < REC_TEXT_MAX + REC_KEY_MAX + 200);
	free(text);
	free(big);
	free(key);
}

TEST(rec_line_counts_like_snprintf)
{
	struct rec_record rec = { .t = 1, .ch = REC_FAULT, .key = "k",
				  .text = "v" };
	char buf[64];
	size_t n = rec_line(&rec, NULL, 0);

	CHECK_EQ(n, strlen("0.000000001\tfault\tk\tv\n"));
	for (size_t size = 1; size < n + 2; size++) {
		memset(buf, '#', sizeof(buf));
		CHECK_EQ(rec_line(&rec, buf, size), n);
		CHECK_EQ(strlen(buf), size <= n ? size - 1 : n);
		CHECK_EQ(buf[size], '#');
	}
}

/* ---- filters ---- */

/* Lines of the whole dump that @keep holds for. It gets each alone: a search in
 * the megabytes behind a line costs their length (AddressSanitizer checks all of
 * a string, strtod and strstr included). */
static void check_filter(const char *path, const struct rec_filter *f,
			 bool (*keep)(const char *line))
{
	char *all = rig_text(path, NULL), *got = rig_text(path, f);
	char *want = malloc(strlen(all) + 1), *to = want;
	size_t n = 0;

	for (char *at = all; *at;) {
		size_t len = strcspn(at, "\n") + 1;
		char line[256];

		CHECK(len < sizeof(line));
		memcpy(line, at, len);
		line[len] = '\0';
		if (keep(line)) {
			memcpy(to, at, len);
			to += len;
			n++;
		}
		at += len;
	}
	*to = '\0';
	CHECK(n > 0);
	if (strcmp(got, want) != 0) {
		fail_msg("filter: %zu bytes, want %zu", strlen(got),
			 strlen(want));
	}
	free(all);
	free(got);
	free(want);
}

static double time_of(const char *line)
{
	return strtod(line, NULL);
}

static bool in_time(const char *line)
{
	return time_of(line) >= 5 && time_of(line) <= 6;
}

static bool has(const char *line, const char *text)
{
	return strstr(line, text) != NULL;
}

static bool is_imu(const char *line)
{
	return has(line, "\timu\t");
}

static bool is_imu_or_device(const char *line)
{
	return is_imu(line) || has(line, "\tdevice\t");
}

static bool glob_hit(const char *line)
{
	return has(line, "\tcan\tbody:1") || has(line, "\tdevice\tblk0") ||
	       has(line, "\tdevice\tblk1") || has(line, "\tscenario\t");
}

static bool all_three(const char *line)
{
	return in_time(line) && glob_hit(line);
}

TEST(rec_filters_by_time_channel_and_glob)
{
	const char *path = series("f.avrec", 60000);
	struct rec_filter f = { .to = VT_NEVER, .text = true };

	f.from = 5 * VT_S;
	f.to = 6 * VT_S;
	check_filter(path, &f, in_time);
	f = (struct rec_filter){ .to = VT_NEVER,
				 .text = true,
				 .channels = 1u << REC_IMU };
	check_filter(path, &f, is_imu);
	f.channels |= 1u << REC_DEVICE;
	check_filter(path, &f, is_imu_or_device);
	f.channels = 0;
	f.only = "can:body:1*,device:blk0,device:blk1,scenario";
	check_filter(path, &f, glob_hit);
	f.from = 5 * VT_S;
	f.to = 6 * VT_S;
	check_filter(path, &f, all_three);
}

TEST(rec_seek_starts_anew)
{
	const char *path = series("f.avrec", 1000);
	struct rec_filter f = { .to = VT_NEVER, .text = true };
	struct rec_reader *r = rig_open(path);
	struct rec_record rec;
	struct av_err err;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(rec_seek(r, &f, &err), 0);
		for (int k = 0; k < 400; k++) {
			CHECK_EQ(rec_next(r, &rec, &err), 1);
			CHECK_EQ(rec.seq, k + 1);
		}
	}
	f.from = f.to = 100 * VT_MS;
	CHECK_EQ(rec_seek(r, &f, &err), 0);
	CHECK_EQ(rec_next(r, &rec, &err), 1);
	CHECK_EQ(rec.seq, 201);
	CHECK_EQ(rec_next(r, &rec, &err), 1);
	CHECK_EQ(rec_next(r, &rec, &err), 0);
	rec_close_reader(r);
}

/* From each event's own time, and from just behind it. */
TEST(rec_seek_finds_each_event)
{
	struct rec_reader *r = rig_open(series("f.avrec", 1000));
	struct rec_filter f = { .to = VT_NEVER,
				.channels = 1u << REC_SCENARIO |
					    1u << REC_DEVICE };
	struct rec_record rec;
	struct av_err err;

	for (uint64_t i = 3; i < 999; i += 4) {
		f.from = (vtime)(i / 2) * VT_MS;
		CHECK_EQ(rec_seek(r, &f, &err), 0);
		CHECK_EQ(rec_next(r, &rec, &err), 1);
		CHECK_EQ(rec.seq, i + 1);
		f.from++;
		CHECK_EQ(rec_seek(r, &f, &err), 0);
		CHECK_EQ(rec_next(r, &rec, &err), i + 4 < 1000);
		CHECK(i + 4 >= 1000 || rec.seq == i + 5);
	}
	rec_close_reader(r);
}

/* ---- signals ---- */

static const char dbc[] = "VERSION \"\"\n"
			  "BO_ 100 M: 8 E\n"
			  " SG_ A : 0|8@1+ (0.5,0) [0|0] \"km/h\" E\n"
			  " SG_ B : 8|8@1+ (1,0) [0|0] \"\" E\n"
			  "BO_ 101 N: 8 E\n"
			  " SG_ C : 0|8@1+ (1,0) [0|0] \"\" E\n";

static const char *signal_file(uint64_t n)
{
	const char *path = rig_file(&rig, "s.avrec");
	struct bundle b = { 0 };
	struct rec_writer *w;
	struct av_err err = { 0 };

	CHECK_EQ(bundle_add(&b, BUNDLE_DBC, "can0", "a.dbc", dbc,
			    sizeof(dbc) - 1),
		 0);
	CHECK_EQ(rec_create(path, rig_meta(), &b, &w, &err), 0);
	for (uint64_t i = 0; i < n; i++) {
		struct can_frame f = { .t = (vtime)i * VT_MS,
				       .id = 100 + i % 2,
				       .len = 8 };

		f.data[0] = (uint8_t)(i / 10);
		f.data[1] = 7;
		rec_can(w, &f);
	}
	CHECK_EQ(rec_close(w, (vtime)n * VT_MS, "none", &err), 0);
	bundle_finish(&b);
	return path;
}

TEST(rec_signals_come_behind_the_frame_that_changed_them)
{
	struct rec_filter f = { .to = 11 * VT_MS,
				.text = true,
				.signals = true };
	char *text = rig_text(signal_file(12), &f);
	static const char want[] =
		"0.000000000\tcan\tcan0:064\t0007000000000000\n"
		"0.000000000\tsignal\tcan0:M.A\t0\n"
		"0.000000000\tsignal\tcan0:M.B\t7\n"
		"0.001000000\tcan\tcan0:065\t0007000000000000\n"
		"0.001000000\tsignal\tcan0:N.C\t0\n"
		"0.002000000\tcan\tcan0:064\t0007000000000000\n"
		"0.003000000\tcan\tcan0:065\t0007000000000000\n"
		"0.004000000\tcan\t";

	CHECK(!strncmp(text, want, strlen(want)));
	CHECK(strstr(text, "0.010000000\tsignal\tcan0:M.A\t0.5\n"
			   "0.011000000\tcan\tcan0:065\t0107000000000000\n"
			   "0.011000000\tsignal\tcan0:N.C\t1\n"));
	free(text);
}

/* Over several chunks: what is before the wanted part still counts. */
TEST(rec_signals_of_a_part_are_those_of_the_whole)
{
	struct rec_filter f = { .to = VT_NEVER,
				.text = true,
				.signals = true,
				.only = "signal:can0:M.*" };
	const char *path = signal_file(40000);
	char *all = rig_text(path, &f), *part, *tail;

	f.from = 30 * VT_S;
	part = rig_text(path, &f);
	tail = strstr(all, "\n30.");
	CHECK(tail != NULL);
	CHECK(strlen(part) > 1000);
	CHECK_STR(part, tail + 1);
	CHECK(!strstr(part, "M.B"));
	free(all);
	free(part);
}

#define F(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	return RUN_TESTS(F(rec_gives_back_five_channels_in_order),
			 F(rec_closed_is_one_file),
			 F(rec_does_not_write_over_a_file),
			 F(rec_says_what_it_is),
			 F(rec_gives_back_its_inputs),
			 F(rec_of_nothing_reads_as_nothing),
			 F(rec_not_closed_is_readable_up_to_its_last_commit),
			 F(rec_reader_has_one_view_of_a_file_that_grows),
			 F(rec_keeps_every_kind_of_property_value),
			 T(rec_floats_read_back_as_the_same_float),
			 F(rec_keeps_doubles_of_bulk_channels_to_the_bit),
			 F(rec_frames_of_all_kinds_have_their_text),
			 F(rec_commands_keep_their_refusal),
			 F(rec_line_is_one_line_whatever_the_text),
			 T(rec_line_counts_like_snprintf),
			 F(rec_filters_by_time_channel_and_glob),
			 F(rec_seek_starts_anew), F(rec_seek_finds_each_event),
			 F(rec_signals_come_behind_the_frame_that_changed_them),
			 F(rec_signals_of_a_part_are_those_of_the_whole));
}
