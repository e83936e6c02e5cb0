/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/bundle.h"
#include "sim/can/candump.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* First frame of @line, from a buffer that ends with it. */
static int read_one(const char *line, struct can_frame *f, struct av_diags *d)
{
	struct candump_reader r;
	size_t len = strlen(line);
	char *copy = malloc(len > 0 ? len : 1);
	int ret;

	memcpy(copy, line, len);
	candump_reader_init(&r, "t.log", copy, len);
	ret = candump_next(&r, f, d);
	free(copy);
	return ret;
}

TEST(candump_classic_frame)
{
	struct can_frame f;

	CHECK_EQ(read_one("(1690000000.123456) can0 12A#11aBcD\n", &f, NULL),
		 1);
	CHECK_EQ(f.t, 1690000000123456000);
	CHECK_EQ(f.id, 0x12A);
	CHECK_EQ(f.flags, 0);
	CHECK_EQ(f.len, 3);
	CHECK_EQ(f.data[0], 0x11);
	CHECK_EQ(f.data[1], 0xAB);
	CHECK_EQ(f.data[2], 0xCD);
	CHECK_EQ(f.data[3], 0);
	CHECK_EQ(read_one("(0000000001.000000) vcan1 00000123#", &f, NULL), 1);
	CHECK_EQ(f.flags, CAN_EXT);
	CHECK_EQ(f.id, 0x123);
	CHECK_EQ(f.len, 0);
}

TEST(candump_remote_error_and_fd_frames)
{
	struct can_frame f;

	CHECK_EQ(read_one("(1.0) can0 123#R4\n", &f, NULL), 1);
	CHECK_EQ(f.flags, CAN_RTR);
	CHECK_EQ(f.len, 4);
	CHECK_EQ(read_one("(1.0) can0 123#R\n", &f, NULL), 1);
	CHECK_EQ(f.len, 0);
	CHECK_EQ(read_one("(1.0) can0 20000004#0004000000000000\n", &f, NULL),
		 1);
	CHECK_EQ(f.flags, CAN_ERR);
	CHECK_EQ(f.id, 4);
	CHECK_EQ(read_one("(1.0) can0 123##311223344556677889900AABB\n", &f,
			  NULL),
		 1);
	CHECK_EQ(f.flags, CAN_FD | CAN_BRS | CAN_ESI);
	CHECK_EQ(f.len, 12);
	CHECK_EQ(f.data[11], 0xBB);
	CHECK_EQ(read_one("(1.0) can0 1FFFFFFF##0\n", &f, NULL), 1);
	CHECK_EQ(f.flags, CAN_FD | CAN_EXT);
	CHECK_EQ(f.len, 0);
}

TEST(candump_any_number_of_decimals)
{
	static const struct {
		const char *text;
		int64_t want;
	} row[] = {
		{ "(7) c 1A0#", 7000000000 },
		{ "(7.) c 1A0#", 7000000000 },
		{ "(7.1) c 1A0#", 7100000000 },
		{ "(7.123456789) c 1A0#", 7123456789 },
		{ "(7.1234567899999) c 1A0#", 7123456789 },
		{ "(0000000007.000001) c 1A0#", 7000001000 },
		{ "(9223372035.999999999) c 1A0#", 9223372035999999999 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct can_frame f;

		CHECK_EQ(read_one(row[i].text, &f, NULL), 1);
		CHECK_EQ(f.t, row[i].want);
	}
}

TEST(candump_spacing_marks_and_line_ends)
{
	static const char text[] = "\xEF\xBB\xBF\r\n\n"
				   "(1.0)  can0  123#11.22.33 \r\n"
				   "(2.0) can1 123#11 R\n"
				   "  \n"
				   "(3.0) can0 123#11 T\r\n"
				   "(4.0) can0 123#1122334455667788_B";
	struct candump_reader r;
	struct can_frame f;

	candump_reader_init(&r, "t.log", text, sizeof(text) - 1);
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(f.len, 3);
	CHECK_EQ(f.bus, 0);
	CHECK_EQ(r.line, 3);
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(f.bus, 1);
	CHECK_EQ(r.style.mark, 'R');
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(f.bus, 0);
	CHECK_EQ(r.line, 6);
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(f.len, 8);
	CHECK_EQ(r.style.raw_dlc, 'B');
	CHECK_EQ(candump_next(&r, &f, NULL), 0);
	CHECK_EQ(candump_next(&r, &f, NULL), 0);
	CHECK_EQ(r.n_ifaces, 2);
	CHECK_STR(r.iface[1], "can1");
}

TEST(candump_bad_lines_are_named_and_passed_over)
{
	static const struct {
		const char *line;
		unsigned int col;
		const char *want;
	} row[] = {
		{ "1.0 can0 123#11", 1, "expected a line like" },
		{ "(x) can0 123#11", 2, "expected a time stamp" },
		{ "(-1.0) can0 123#11", 2, "expected a time stamp" },
		{ "(9223372036.0) can0 123#11", 2, "out of range" },
		{ "(99999999999999999999999.0) can0 123#11", 2,
		  "out of range" },
		{ "(1.0 can0 123#11", 5, "expected ')'" },
		{ "(1.0)can0 123#11", 6, "expected a blank" },
		{ "(1.0) ", 7, "expected an interface" },
		{ "(1.0) abcdefghijklmnop 123#11", 7, "longer than 15" },
		{ "(1.0) can0", 11, "3 or 8 hex digits" },
		{ "(1.0) can0 12#11", 12, "3 or 8 hex digits" },
		{ "(1.0) can0 1234#11", 12, "3 or 8 hex digits" },
		{ "(1.0) can0 800#11", 12, "above 7FF" },
		{ "(1.0) can0 40000000#11", 12, "above 1FFFFFFF" },
		{ "(1.0) can0 123 11", 15, "expected '#'" },
		{ "(1.0) can0 123#1", 16, "half a data byte" },
		{ "(1.0) can0 123#112233445566778899", 32, "more than 8" },
		{ "(1.0) can0 123#11 zz", 19, "does not belong" },
		{ "(1.0) can0 123##", 17, "FD flags" },
		{ "(1.0) can0 123##0112233445566778899", 36,
		  "no CAN FD frame" },
		{ "(1.0) can0 20000001##011", 25, "error frame" },
		{ "(1.0) can0 123#R9", 18, "at most 8" },
		{ "(1.0) can0 123#1122334455667788_3", 32, "length code" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct av_diags d = { 0 };
		struct candump_reader r;
		struct can_frame f;
		char text[256];

		CHECK_EQ(read_one(row[i].line, &f, NULL), -EINVAL);
		snprintf(text, sizeof(text), "\n%s\n(5.0) can0 7FF#AA\n",
			 row[i].line);
		candump_reader_init(&r, "t.log", text, strlen(text));
		CHECK_EQ(candump_next(&r, &f, &d), -EINVAL);
		CHECK_EQ(d.n, 1);
		if (d.v[0].line != 2 || d.v[0].col != row[i].col ||
		    !strstr(d.v[0].msg, row[i].want)) {
			fail_msg("%s: %u:%u: %s", row[i].line, d.v[0].line,
				 d.v[0].col, d.v[0].msg);
		}
		CHECK_EQ(candump_next(&r, &f, &d), 1);
		CHECK_EQ(f.id, 0x7FF);
		av_diags_finish(&d);
	}
}

TEST(candump_too_many_interfaces)
{
	struct candump_reader r;
	struct can_frame f;
	char text[2048];
	size_t n = 0;

	for (unsigned int i = 0; i < 33; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "(1.0) bus%u 123#\n", i);
	}
	candump_reader_init(&r, "t.log", text, n);
	for (unsigned int i = 0; i < 32; i++) {
		CHECK_EQ(candump_next(&r, &f, NULL), 1);
		CHECK_EQ(f.bus, i);
	}
	CHECK_EQ(candump_next(&r, &f, NULL), -EINVAL);
	CHECK_EQ(candump_next(&r, &f, NULL), 0);
}

TEST(candump_nothing_in_nothing_out)
{
	struct candump_reader r;
	struct can_frame f;

	candump_reader_init(&r, "t.log", NULL, 0);
	CHECK_EQ(candump_next(&r, &f, NULL), 0);
	CHECK_EQ(read_one("\n\n", &f, NULL), 0);
	CHECK_EQ(read_one("(1.0) can0 123#11", &f, NULL), 1); /* no newline */
	CHECK_EQ(read_one("\0", &f, NULL), 0);
}

TEST(candump_time_may_go_back)
{
	static const char text[] = "(5.0) can0 123#\n(4.0) can0 123#\n";
	struct candump_reader r;
	struct can_frame f;

	candump_reader_init(&r, "t.log", text, sizeof(text) - 1);
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(candump_next(&r, &f, NULL), 1);
	CHECK_EQ(f.t, 4 * VT_S);
}

TEST(candump_formats_like_can_utils)
{
	struct can_frame f = { .id = 0x12A, .len = 2, .data = { 0xAB, 1 } };
	char buf[CANDUMP_LINE_MAX];
	size_t n;

	n = candump_format(&f, "can0", 1690000000123456000, buf);
	CHECK_STR(buf, "(1690000000.123456) can0 12A#AB01\n");
	CHECK_EQ(n, strlen(buf));
	candump_format(&f, "can0", 1, buf);
	CHECK_STR(buf, "(0000000000.000000001) can0 12A#AB01\n");
	f.flags = CAN_EXT | CAN_RTR;
	candump_format(&f, "can0", 0, buf);
	CHECK_STR(buf, "(0000000000.000000) can0 0000012A#R2\n");
	f.flags = CAN_FD | CAN_BRS;
	candump_format(&f, "can0", 0, buf);
	CHECK_STR(buf, "(0000000000.000000) can0 12A##1AB01\n");
	f.flags = CAN_ERR;
	candump_format(&f, "can0", 0, buf);
	CHECK_STR(buf, "(0000000000.000000) can0 2000012A#AB01\n");
	/* the longest line fits */
	f = (struct can_frame){ .id = 1, .len = 64, .flags = CAN_FD | CAN_EXT };
	n = candump_format_as(&f, "0123456789abcdefXXX", INT64_MAX,
			      &(struct candump_style){ .decimals = 9,
						       .width = 255,
						       .mark = 'T' },
			      buf);
	CHECK(n < CANDUMP_LINE_MAX);
}

/* Every frame of @text, written back. */
static void round_trip(const char *name, const char *text, size_t len,
		       size_t frames)
{
	struct candump_reader r;
	struct can_frame f;
	char line[CANDUMP_LINE_MAX];
	const char *at = text;
	size_t n = 0;

	candump_reader_init(&r, name, text, len);
	while (candump_next(&r, &f, NULL) == 1) {
		size_t k = candump_format_as(&f, r.iface[f.bus], f.t, &r.style,
					     line);

		CHECK(k == (size_t)(r.at - at) && !memcmp(line, at, k));
		/* and without the style, as these logs are the default */
		CHECK_EQ(candump_format(&f, r.iface[f.bus], f.t, line),
			 (size_t)(r.at - at));
		at = r.at;
		n++;
	}
	CHECK(at == text + len);
	CHECK_EQ(n, frames);
}

TEST(candump_logs_come_back_byte_by_byte)
{
	char path[4096], *buf;
	size_t len;

	CHECK_EQ(av_read_file(
			 src_path("tests/data/can/sample.candump.log", path),
			 1 << 20, &buf, &len, NULL),
		 0);
	round_trip(path, buf, len, 9);
	free(buf);
	if (!shared_path("can/frs_brz_can_sample.log", path)) {
		SKIP("no shared data: only the sample of the source tree");
	}
	CHECK_EQ(av_read_file(path, 1 << 28, &buf, &len, NULL), 0);
	round_trip(path, buf, len, 82558);
	free(buf);
	shared_path("can/rav4_drive_60s.candump.log", path);
	CHECK_EQ(av_read_file(path, 1 << 28, &buf, &len, NULL), 0);
	round_trip(path, buf, len, 98680);
	free(buf);
}

TEST(candump_styles_come_back)
{
	static const char *const line[] = {
		"(1690000000.123000000)   can0 123#1122\n",
		"(1690000000.1) can0 123#1122 R\n",
		"(1690000000.123456) can0 123##511\n",
		"(1690000000.123456) can0 123#1122334455667788_F T\n",
	};

	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		struct candump_reader r;
		struct can_frame f;
		char buf[CANDUMP_LINE_MAX];

		candump_reader_init(&r, "t.log", line[i], strlen(line[i]));
		CHECK_EQ(candump_next(&r, &f, NULL), 1);
		candump_format_as(&f, r.iface[f.bus], f.t, &r.style, buf);
		CHECK_STR(buf, line[i]);
	}
}

static double seconds_for(const char *text, size_t len, size_t *frames)
{
	struct candump_reader r;
	struct av_diags d = { 0 };
	struct timespec a, b;
	struct can_frame f;
	int ret;

	*frames = 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	candump_reader_init(&r, "big.log", text, len);
	while ((ret = candump_next(&r, &f, &d)) != 0) {
		*frames += ret == 1;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	av_diags_finish(&d);
	return (double)(b.tv_sec - a.tv_sec) +
	       (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

TEST(candump_cost_stays_in_proportion)
{
	static const char *const unit[] = {
		"(1690000000.123456) can0 123#1122334455667788\n", /* valid */
		"(",
		"(1",
		"x",
		"\n",
		" ",
		"(1.0) a\n",
		"(1690000000.123456) can0 123#112233445566778899\n",
		"(1.00000000000000000000000000000000000000000000000000000",
		"#",
		"..",
	};
#ifdef AVSIM_SANITIZED
	size_t len = 4u << 20, n;
#else
	size_t len = 100u << 20, n; /* one line of it, where there is no \n */
#endif
	char *buf = malloc(len);
	double valid = 0;

	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		size_t k = strlen(unit[i]);
		double s;

		for (size_t at = 0; at < len; at += k) {
			memcpy(buf + at, unit[i], k < len - at ? k : len - at);
		}
		s = seconds_for(buf, len, &n);
		valid = i == 0 ? s : valid;
		if (s > 10 * valid + 0.02) {
			fail_msg("'%s': %.3f s, a valid log %.3f s", unit[i], s,
				 valid);
		}
	}
	free(buf);
}

int main(void)
{
	return RUN_TESTS(
		T(candump_classic_frame), T(candump_remote_error_and_fd_frames),
		T(candump_any_number_of_decimals),
		T(candump_spacing_marks_and_line_ends),
		T(candump_bad_lines_are_named_and_passed_over),
		T(candump_too_many_interfaces),
		T(candump_nothing_in_nothing_out), T(candump_time_may_go_back),
		T(candump_formats_like_can_utils),
		T(candump_logs_come_back_byte_by_byte),
		T(candump_styles_come_back),
		T(candump_cost_stays_in_proportion));
}
