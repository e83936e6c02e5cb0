/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/bundle.h"
#include "sim/can/candump.h"
#include "sim/can/dbc.h"
#include "sim/core/rand.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

static int parse_n(const char *text, size_t len, struct dbc **out,
		   struct av_diags *d, struct av_diags *w)
{
	/* exactly as large as the text, so that ASan sees reads past it */
	char *copy = malloc(len > 0 ? len : 1);
	int ret;

	memcpy(copy, text, len);
	ret = dbc_parse("t.dbc", copy, len, out, d, w);
	free(copy);
	return ret;
}

/* A file that must load. */
static struct dbc *load(const char *text)
{
	struct av_diags d = { 0 };
	struct dbc *dbc;

	if (parse_n(text, strlen(text), &dbc, &d, NULL) < 0) {
		av_diags_print(&d, stderr);
		fail_msg("does not load");
	}
	assert_int_equal(d.n, 0);
	return dbc;
}

static struct dbc *load_file(const char *path)
{
	struct av_diags d = { 0 };
	struct dbc *dbc;
	char *buf;
	size_t len;

	CHECK_EQ(av_read_file(path, 1 << 28, &buf, &len, NULL), 0);
	if (dbc_parse(path, buf, len, &dbc, &d, NULL) < 0) {
		av_diags_print(&d, stderr);
		fail_msg("%s does not load", path);
	}
	free(buf);
	return dbc;
}

static struct dbc *load_sample(void)
{
	char path[4096];

	return load_file(src_path("tests/data/can/sample.dbc", path));
}

/* One message of 64 bytes with this signal line (after "SG_ "). */
static struct dbc *load_signal(const char *sg)
{
	char text[512];

	snprintf(text, sizeof(text), "BO_ 1 M: 64 X\n SG_ %s\n", sg);
	return load(text);
}

static const struct dbc_signal *find(const struct dbc *dbc, const char *msg,
				     const char *name)
{
	const struct dbc_message *m = dbc_by_name(dbc, msg);

	assert_non_null(m);
	return dbc_signal_by_name(m, name);
}

/* ---- what is read ---- */

TEST(dbc_sample_is_read_as_written)
{
	struct dbc *dbc = load_sample();
	const struct dbc_message *m = dbc_by_id(dbc, 256, false);
	const struct dbc_signal *s;

	CHECK_EQ(dbc->n_messages, 8); /* not VECTOR__INDEPENDENT_SIG_MSG */
	CHECK_STR(dbc->version, "avsim sample 1");
	CHECK_STR(m->name, "ESP_01");
	CHECK_STR(m->sender, "ESP");
	CHECK_EQ(m->len, 8);
	CHECK_STR(m->comment, "Motion of the car; speed at the\n"
			      "centre of mass.");
	s = dbc_signal_by_name(m, "YawRate");
	CHECK_STR(s->comment, "positive \"left\"");
	CHECK_STR(s->unit, "deg/s");
	CHECK(s->big_endian && s->is_signed);
	CHECK_EQ(s->start, 23);
	CHECK_EQ(s->len, 16);
	CHECK_NEAR(s->factor, 0.01, 0);
	CHECK_NEAR(s->min, -327.68, 0);
	CHECK_STR(find(dbc, "Tyres_01", "TyreTempFL")->unit, "\xC2\xB0"
							     "C");
	CHECK(s->msg == m);
	dbc_destroy(dbc);
}

TEST(dbc_labels_are_sorted_and_found)
{
	struct dbc *dbc = load_sample();
	const struct dbc_signal *s = find(dbc, "Motor_01", "Gear");

	CHECK_EQ(s->n_labels, 4);
	CHECK_EQ(s->label[0].raw, 0);
	CHECK_STR(dbc_label_of(s, 3), "D");
	CHECK(dbc_label_of(s, 4) == NULL);
	CHECK(dbc_label_of(s, -1) == NULL);
	dbc_destroy(dbc);
	dbc = load("VAL_TABLE_ OnOff 1 \"on\" 0 \"off\";\n"
		   "BO_ 1 M: 8 X\n SG_ A : 0|64@1+ (1,0) [0|1] \"\" X\n"
		   " SG_ B : 0|8@1- (1,0) [0|1] \"\" X\n"
		   " SG_ C : 0|8@1- (1,0) [0|1] \"\" X\n"
		   "VAL_ 1 A 18446744073709551615 \"all\" 2 \"two\"\n"
		   "  0 \"nil\" ;\nVAL_ 1 B OnOff ;\n"
		   "VAL_ 1 C -1 \"minus\" -1 \"again\" 1.0 \"one\";\n");
	CHECK_STR(dbc_label_of(find(dbc, "M", "A"), -1), "all");
	CHECK_STR(dbc_label_of(find(dbc, "M", "A"), 0), "nil");
	CHECK_STR(dbc_label_of(find(dbc, "M", "B"), 1), "on");
	CHECK_STR(dbc_label_of(find(dbc, "M", "C"), -1), "minus");
	CHECK_STR(dbc_label_of(find(dbc, "M", "C"), 1), "one");
	CHECK_EQ(find(dbc, "M", "C")->n_labels, 2);
	dbc_destroy(dbc);
}

TEST(dbc_attributes_say_how_a_message_is_sent)
{
	struct dbc *dbc = load_sample();
	const struct dbc_message *m = dbc_by_name(dbc, "ESP_01");

	CHECK_EQ(m->send_type, DBC_SEND_CYCLIC);
	CHECK_EQ(m->cycle_ms, 20);
	m = dbc_by_name(dbc, "Motor_01");
	CHECK_EQ(m->send_type, DBC_SEND_MIXED);
	CHECK_EQ(m->delay_ms, 15);
	CHECK_EQ(m->start_delay_ms, 7);
	CHECK_EQ(dbc_by_name(dbc, "Doors_01")->send_type, DBC_SEND_EVENT);
	/* a cycle time says more than the default "NoMsgSendType" */
	CHECK_EQ(dbc_by_name(dbc, "Tyres_01")->send_type, DBC_SEND_CYCLIC);
	CHECK_EQ(dbc_by_name(dbc, "Full_64")->send_type, DBC_SEND_NONE);
	CHECK_STR(dbc_by_name(dbc, "Full_64")->sender, "Motor");
	CHECK(find(dbc, "Motor_01", "Gear")->has_start_value);
	CHECK_NEAR(find(dbc, "Motor_01", "Gear")->start_value, 3, 0);
	CHECK(!find(dbc, "Motor_01", "MotorTorque")->has_start_value);
	dbc_destroy(dbc);
}

TEST(dbc_send_types_of_other_tools_are_understood)
{
	static const struct {
		const char *text;
		enum dbc_send_type want;
	} row[] = {
		{ "Cyclic", DBC_SEND_CYCLIC },
		{ "cyclicX", DBC_SEND_CYCLIC },
		{ "Periodic", DBC_SEND_CYCLIC },
		{ "cyclicIfActive", DBC_SEND_CYCLIC },
		{ "Event", DBC_SEND_EVENT },
		{ "spontaneous", DBC_SEND_EVENT },
		{ "OnChange", DBC_SEND_EVENT },
		{ "OnWrite", DBC_SEND_EVENT },
		{ "OnWriteWithRepetition", DBC_SEND_EVENT },
		{ "IfActive", DBC_SEND_EVENT },
		{ "CyclicAndSpontan", DBC_SEND_MIXED },
		{ "cyclicAndEvent", DBC_SEND_MIXED },
		{ "CyclicWithRepeatOnDemand", DBC_SEND_MIXED },
		{ "NoMsgSendType", DBC_SEND_NONE },
		{ "vector_leerstring", DBC_SEND_NONE },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dbc *dbc;
		char text[512];

		snprintf(
			text, sizeof(text),
			"BO_ 1 M: 8 X\nBA_DEF_ BO_ \"GenMsgSendType\" STRING;\n"
			"BA_ \"GenMsgSendType\" BO_ 1 \"%s\";\n"
			"BA_ \"GenMsgCycleTime\" BO_ 1 100;\n",
			row[i].text);
		dbc = load(text);
		CHECK_EQ(dbc->message[0].send_type, row[i].want);
		dbc_destroy(dbc);
	}
}

TEST(dbc_frame_format_and_rate_switch)
{
	struct dbc *dbc = load_sample();

	CHECK(dbc_by_name(dbc, "Precise_FD")->fd);
	CHECK(dbc_by_name(dbc, "Precise_FD")->brs);
	CHECK(!dbc_by_name(dbc, "ESP_01")->fd);
	CHECK(!dbc_by_name(dbc, "ESP_01")->brs);
	dbc_destroy(dbc);
	/* short FD by name or, without a list, by number; a long one anyway */
	dbc = load("BO_ 1 A: 8 X\nBO_ 2 B: 8 X\nBO_ 3 C: 12 X\n"
		   "BA_ \"VFrameFormat\" BO_ 1 \"StandardCAN_FD\";\n"
		   "BA_ \"VFrameFormat\" BO_ 2 14;\n"
		   "BA_ \"CANFD_BRS\" BO_ 2 0;\n");
	CHECK(dbc_by_name(dbc, "A")->fd && dbc_by_name(dbc, "A")->brs);
	CHECK(dbc_by_name(dbc, "B")->fd && !dbc_by_name(dbc, "B")->brs);
	CHECK(dbc_by_name(dbc, "C")->fd);
	dbc_destroy(dbc);
}

TEST(dbc_long_names_replace_short_ones)
{
	struct dbc *dbc = load_sample();

	CHECK(find(dbc, "Motor_01", "Odometer") == NULL);
	CHECK(find(dbc, "Motor_01", "OdometerSinceDeliveryOfTheVehicle") !=
	      NULL);
	dbc_destroy(dbc);
	/* what refers to them goes on using the short ones */
	dbc = load("BO_ 1 Sh: 8 X\n SG_ B : 0|8@1+ (1,0) [0|1] \"\" X\n"
		   " SG_ A : 8|8@1+ (1,0) [0|1] \"\" X\n"
		   "BA_ \"SystemMessageLongSymbol\" BO_ 1 \"Long_Message\";\n"
		   "BA_ \"SystemSignalLongSymbol\" SG_ 1 B \"Zulu\";\n"
		   "CM_ SG_ 1 B \"text\";\nVAL_ 1 B 1 \"one\";\n");
	CHECK(dbc_by_name(dbc, "Sh") == NULL);
	CHECK_STR(find(dbc, "Long_Message", "Zulu")->comment, "text");
	CHECK_STR(dbc_label_of(find(dbc, "Long_Message", "Zulu"), 1), "one");
	CHECK(find(dbc, "Long_Message", "A") != NULL);
	dbc_destroy(dbc);
}

TEST(dbc_statements_may_come_in_any_order)
{
	struct dbc *dbc = load("VAL_ 1 A 1 \"one\";\nCM_ SG_ 1 A \"c\";\n"
			       "BA_ \"GenMsgCycleTime\" BO_ 1 50;\n"
			       "BO_ 1 M: 8 X\n"
			       " SG_ A : 0|8@1+ (1,0) [0|1] \"\" X\n"
			       "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 9;\n");

	CHECK_EQ(dbc->message[0].cycle_ms, 50);
	CHECK_STR(dbc_label_of(find(dbc, "M", "A"), 1), "one");
	CHECK_STR(find(dbc, "M", "A")->comment, "c");
	dbc_destroy(dbc);
}

TEST(dbc_text_may_be_utf8_or_latin1_and_is_utf8_inside)
{
	struct dbc *dbc;

	dbc = load("BO_ 1 M: 8 X\r\n SG_ A : 0|8@1+ (1,0) [0|1] \"\xB0"
		   "C\" X\r\nCM_ SG_ 1 A \"gr\xFC\xDF\r\nGott\";\r\n");
	CHECK_STR(find(dbc, "M", "A")->unit, "\xC2\xB0"
					     "C");
	CHECK_STR(find(dbc, "M", "A")->comment, "gr\xC3\xBC\xC3\x9F\nGott");
	dbc_destroy(dbc);
	dbc = load("\xEF\xBB\xBF"
		   "BO_ 1 M: 8 X\n SG_ \xC3\x96l : 0|8@1+ (1,0) [0|1] \"\xC2"
		   "\xB0"
		   "C\" X\nVAL_ 1 \xC3\x96l 1 \"\xE2\x82\xAC\";\n");
	CHECK_STR(find(dbc, "M", "\xC3\x96l")->unit, "\xC2\xB0"
						     "C");
	CHECK_STR(dbc_label_of(find(dbc, "M", "\xC3\x96l"), 1), "\xE2\x82\xAC");
	dbc_destroy(dbc);
}

TEST(dbc_numbers_do_not_depend_on_the_locale)
{
	struct dbc *dbc = load_signal("A : 0|8@1+ (1.5E-3,-.25) [-1e2|+7.5] "
				      "\"\" X");

	CHECK_NEAR(dbc->message[0].signal[0].factor, 0.0015, 0);
	CHECK_NEAR(dbc->message[0].signal[0].offset, -0.25, 0);
	CHECK_NEAR(dbc->message[0].signal[0].min, -100, 0);
	CHECK_NEAR(dbc->message[0].signal[0].max, 7.5, 0);
	dbc_destroy(dbc);
}

TEST(dbc_spacing_is_free)
{
	struct dbc *dbc = load("BO_ 1 M :8 X\nSG_ A m2 :0 | 8 @ 1 + (1 , 0) [ 0"
			       "|1]\"x\"X , Y\n\tSG_ B M:8|8@0-(1,0)[0|1]\"\"\n"
			       "BS_:BU_:A B\nVERSION\"v\"");

	CHECK_EQ(dbc->n_signals, 2);
	CHECK_EQ(find(dbc, "M", "A")->mux_parent, 1);
	CHECK_STR(dbc->version, "v");
	dbc_destroy(dbc);
}

TEST(dbc_multiplexing_decides_what_a_frame_carries)
{
	struct dbc *dbc = load_sample();
	const struct dbc_message *m = dbc_by_name(dbc, "Diag_Ext");
	uint8_t data[8] = { 1, 2, 0x34, 0x12, 0, 0, 0, 0x80 };
	double phys[5];
	size_t beta, alpha, wide;

	CHECK(m->ext);
	CHECK_EQ(m->id, 2566834709u & 0x1FFFFFFF);
	alpha = (size_t)(find(dbc, "Diag_Ext", "Alpha") - m->signal);
	beta = (size_t)(find(dbc, "Diag_Ext", "Beta") - m->signal);
	wide = (size_t)(find(dbc, "Diag_Ext", "Wide") - m->signal);
	CHECK_EQ(dbc_decode(m, data, 8, phys, NULL), 3);
	CHECK_NEAR(phys[alpha], 0x1234, 0);
	CHECK(isnan(phys[beta]) && isnan(phys[wide]));
	data[1] = 9;
	dbc_decode(m, data, 8, phys, NULL);
	CHECK(isnan(phys[alpha]) && !isnan(phys[beta]));
	data[0] = 5; /* Page also with 4 to 6 */
	CHECK_EQ(dbc_decode(m, data, 8, phys, NULL), 3);
	CHECK(dbc_signal_present(&m->signal[beta], data, 8));
	data[0] = 3;
	CHECK_EQ(dbc_decode(m, data, 8, phys, NULL), 2);
	CHECK_NEAR(phys[wide], -140737488355328.0 + 0x1234, 0);
	CHECK(!dbc_signal_present(&m->signal[alpha], data, 8));
	data[0] = 200;
	CHECK_EQ(dbc_decode(m, data, 8, phys, NULL), 1);
	/* packing leaves out what is not selected */
	for (size_t i = 0; i < 5; i++) {
		phys[i] = 1;
	}
	dbc_encode(m, phys, data);
	CHECK_EQ(data[0], 1);
	CHECK_EQ(data[1], 1);
	CHECK_EQ(data[2], 0); /* page 1 carries neither Alpha nor Beta */
	dbc_destroy(dbc);
}

/* ---- complaints ---- */

struct complaint {
	const char *text;
	const char *want; /* "line:col: part of the message" */
};

/* Whether one of @d is at the place and holds the text of @want. */
static bool said(const struct av_diags *d, const char *want)
{
	unsigned int line, col;
	int at = 0;

	assert_int_equal(sscanf(want, "%u:%u: %n", &line, &col, &at), 2);
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].line == line && d->v[i].col == col &&
		    strstr(d->v[i].msg, want + at)) {
			return true;
		}
	}
	av_diags_print((struct av_diags *)(uintptr_t)d, stderr);
	return false;
}

TEST(dbc_errors_name_their_place)
{
	static const struct complaint row[] = {
		{ "BO_ x M: 8 X\n", "1:5: expected a message identifier" },
		{ "BO_ 99999999999 M: 8 X\n", "1:5: too large" },
		{ "BO_ 1 M 8 X\n", "1:9: expected ':', found '8'" },
		{ "BO_ 1 M: 2000 X\n", "1:10: 2000 bytes" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|0@1+ (1,0) [0|1] \"\" X\n",
		  "2:12: 0 bits: want 1 to 64" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|65@1+ (1,0) [0|1] \"\" X\n",
		  "2:12: 65 bits: want 1 to 64" },
		{ "BO_ 1 M: 8 X\n SG_ A : 512|1@1+ (1,0) [0|1] \"\" X\n",
		  "2:10: start bit 512 is outside 0..511" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@2+ (1,0) [0|1] \"\" X\n",
		  "2:14: expected a byte order" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1* (1,0) [0|1] \"\" X\n",
		  "2:15: expected + (unsigned) or - (signed)" },
		{ "BO_ 1 M: 8 X\n SG_ A x : 0|8@1+ (1,0) [0|1] \"\" X\n",
		  "2:8: multiplexing mark" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (nan,0) [0|1] \"\" X\n",
		  "2:18: expected a factor, found 'nan'" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (inf,0) [0|1] \"\" X\n",
		  "2:18: expected a factor" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1e999,0) [0|1] \"\" X\n",
		  "2:18: out of range" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|1] km X\n",
		  "2:29: expected the unit in quotes" },
		{ " SG_ A : 0|8@1+ (1,0) [0|1] \"\" X\n", "1:6: before any" },
		{ "BO_ 1 M: 8 X\nVAL_ 1 A 1;\n",
		  "2:11: expected the text of value 1" },
		{ "BO_ 1 M: 8 X\nCM_ BO_ 1 \"never closed\nBO_ 2 N: 8 X\n",
		  "2:11: never closed" },
		{ "BO_ 1 M: 8 X\nBA_ \"GenMsgCycleTime\" BO_ 1 soon;\n",
		  "2:29: expected a number" },
		{ "BO_ 1 M: 8 X\nVAL_ 1 A Table;\n",
		  "2:10: no value table (VAL_TABLE_) is called 'Table'" },
		{ "BO_ 1 M: 8 X\n\n = 3\n",
		  "3:2: expected a statement, found '='" },
		{ "name: something\nlist:\n  - 1\n", "1:1: is this a DBC" },
		{ "BO_ 1 M: 8 X\n SG_ A m1M : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  " SG_ B m1M : 8|8@1+ (1,0) [0|1] \"\" X\n"
		  "SG_MUL_VAL_ 1 A B 1-1;\nSG_MUL_VAL_ 1 B A 1-1;\n",
		  "2:6: goes round in circles" },
		{ "BO_ 1 M: 8 X\n SG_ A m1M : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  "SG_MUL_VAL_ 1 A A 1-1;\n",
		  "2:6: goes round in circles" },
		{ "BO_ 1 M: 8 X\n SG_ A M : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  "SG_MUL_VAL_ 1 A A 1,2;\n",
		  "3:19: range of selector values" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct av_diags d = { 0 };
		struct dbc *dbc = NULL;

		if (parse_n(row[i].text, strlen(row[i].text), &dbc, &d, NULL) !=
			    -EINVAL ||
		    dbc || !said(&d, row[i].want)) {
			fail_msg("want %s in %s", row[i].want, row[i].text);
		}
		av_diags_finish(&d);
	}
}

TEST(dbc_oddities_are_warned_of_and_read)
{
	static const struct complaint row[] = {
		{ "BO_ 1 M: 8 X\n SG_ A : 60|8@1+ (1,0) [0|1] \"\" X\n",
		  "2:6: ends in byte 9, message M has 8" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  " SG_ B : 7|1@1+ (1,0) [0|1] \"\" X\n",
		  "3:6: signals B and A of message M overlap" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  " SG_ A : 8|8@1+ (1,0) [0|1] \"\" X\n",
		  "3:6: has a signal A already" },
		{ "BO_ 1 M: 8 X\nBO_ 1 N: 8 X\n",
		  "2:5: is used before (message M, line 1)" },
		{ "BO_ 1 M: 8 X\nB0_ 2 N: 8 X\n SG_ A : 0|8@1+ (1,0) [0|1] "
		  "\"\" "
		  "X\n",
		  "2:1: unknown statement 'B0_' is skipped (did you mean "
		  "'BO_'?)" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (0,0) [0|1] \"\" X\n",
		  "2:18: factor 0; taken as 1" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|1e999] \"\" X\n",
		  "2:26: a maximum is out of range" },
		{ "BO_ 1 M: 100 X\n SG_ A : 700|8@1+ (1,0) [0|1] \"\" X\n",
		  "1:10: left out: 100 bytes" },
		{ "BO_ 1 M: 13 X\n", "1:10: no CAN FD frame has 13 bytes" },
		{ "BO_ 5000 M: 8 X\n", "1:5: 0x1388 needs 29 bits" },
		{ "BO_ 1073741825 M: 8 X\n", "1:5: is no CAN identifier" },
		{ "BO_ 1 M: 8 X\nCM_ SG_ 1 Nix \"c\";\n",
		  "2:11: comment for signal Nix, which message M does not" },
		{ "BO_ 1 M: 8 X\nVAL_ 7 A 1 \"x\";\n",
		  "2:6: values for message 7, which is not in the file" },
		{ "BO_ 1 M: 8 X\nCM_ BO_ 1 \"c\"\nBO_ 2 N: 8 X\n",
		  "3:1: CM_ ends without ';'" },
		{ "BO_ 1 M: 8 X\n SG_ A m1 : 0|8@1+ (1,0) [0|1] \"\" X\n",
		  "2:6: has no selector (M)" },
		{ "BO_ 1 M: 8 X\n SG_ A : 0|31@1+ (1,0) [0|1] \"\" X\n"
		  "SIG_VALTYPE_ 1 A : 1;\n",
		  "3:20: stays an integer" },
		{ "BO_ 1 M: 8 X\nBA_ \"GenMsgCycleTime\" BO_ 1 -5;\n",
		  "1:5: GenMsgCycleTime of message M is -5 ms" },
		{ "", "0:0: no messages" },
		{ "BO_ 1 2M: 8 X\n", "1:7: '2M' is no identifier" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct av_diags d = { 0 }, w = { 0 };
		struct dbc *dbc = NULL;

		if (parse_n(row[i].text, strlen(row[i].text), &dbc, &d, &w) !=
			    0 ||
		    d.n != 0 || !said(&w, row[i].want)) {
			av_diags_print(&d, stderr);
			fail_msg("want %s in %s", row[i].want, row[i].text);
		}
		dbc_destroy(dbc);
		av_diags_finish(&w);
	}
}

TEST(dbc_all_errors_come_at_once)
{
	static const char text[] = "BO_ 1 M: 8 X\n"
				   " SG_ A : 0|99@1+ (1,0) [0|1] \"\" X\n"
				   " SG_ B : 0|8@1+ (1,0) [0|1] \"\" X\n"
				   " SG_ C : 0|8@7+ (1,0) [0|1] \"\" X\n"
				   "BO_ bad N: 8 X\n"
				   " SG_ D : 0|8@1+ (1,0) [0|1] \"\" X\n"
				   "BO_ 3 O: 8 X\n"
				   "VAL_ 1 B 1 2;\n";
	struct av_diags d = { 0 };
	struct dbc *dbc;

	CHECK_EQ(parse_n(text, sizeof(text) - 1, &dbc, &d, NULL), -EINVAL);
	CHECK_EQ(d.n, 4); /* SG_ D belongs to the broken BO_: no word of it */
	CHECK(said(&d, "2:12: 99 bits"));
	CHECK(said(&d, "4:14: byte order"));
	CHECK(said(&d, "5:5: expected a message identifier"));
	CHECK(said(&d, "8:12: expected the text of value 1"));
	av_diags_finish(&d);
}

TEST(dbc_binary_files_are_refused)
{
	static const char nul[] = "BO_ 1 M: 8 X\n\0 SG_";
	static const char utf16[] = "\xFF\xFE"
				    "B\0O\0_\0 \0";
	struct av_diags d = { 0 };
	struct dbc *dbc;

	CHECK_EQ(parse_n(nul, sizeof(nul) - 1, &dbc, &d, NULL), -EINVAL);
	CHECK(said(&d, "2:1: a NUL byte"));
	av_diags_finish(&d);
	CHECK_EQ(parse_n(utf16, sizeof(utf16) - 1, &dbc, &d, NULL), -EINVAL);
	CHECK(said(&d, "1:4: save it as UTF-8"));
	av_diags_finish(&d);
}

TEST(dbc_ns_list_is_no_statement)
{
	struct dbc *dbc = load("NS_ :\n\tCM_\n\tBA_DEF_\n\tVAL_\nBS_:\n"
			       "BO_ 1 M: 8 X\n");

	CHECK_EQ(dbc->n_messages, 1);
	dbc_destroy(dbc);
	/* all on one line, ended by a statement */
	dbc = load("NS_ : CM_ BA_DEF_ VAL_\nCM_ \"text\";\nBO_ 1 M: 8 X\n");
	CHECK_EQ(dbc->n_messages, 1);
	dbc_destroy(dbc);
}

/* ---- packing ---- */

/* Bit by bit, straight from the definition of start bit and byte order. */
static uint64_t slow_get(const struct dbc_signal *s, const uint8_t *data)
{
	unsigned int at = s->start;
	uint64_t v = 0;

	for (unsigned int k = 0; k < s->len; k++) {
		uint64_t bit = data[at / 8] >> (at % 8) & 1;

		if (s->big_endian) { /* starts at the most significant bit */
			v = v << 1 | bit;
			at = at % 8 ? at - 1 : at + 15;
		} else {
			v |= bit << k;
			at++;
		}
	}
	return v;
}

TEST(dbc_fields_at_every_place_agree_with_bit_by_bit)
{
	struct av_rand rnd;

	av_rand_init(&rnd, 3, "dbc");
	for (int i = 0; i < 20000; i++) {
		uint8_t data[160], copy[160];
		char sg[96];
		struct dbc *dbc;
		const struct dbc_signal *s;
		uint64_t raw = av_rand_u64(&rnd), x, mask;
		size_t len = av_rand_below(&rnd, 3) ? 64 : 8;

		snprintf(sg, sizeof(sg), "A : %u|%u@%u%c (1,0) [0|1] \"\" X",
			 (unsigned int)av_rand_below(&rnd, len == 8 ? 64 : 512),
			 1 + (unsigned int)av_rand_below(&rnd, 64),
			 (unsigned int)av_rand_below(&rnd, 2),
			 av_rand_below(&rnd, 2) ? '+' : '-');
		dbc = load_signal(sg);
		s = &dbc->message[0].signal[0];
		mask = s->len == 64 ? UINT64_MAX : (1ull << s->len) - 1;
		av_rand_bytes(&rnd, data, sizeof(data));
		/* what is beyond the frame reads as 0 */
		memset(data + len, 0, sizeof(data) - len);
		x = slow_get(s, data);
		CHECK_EQ((uint64_t)dbc_get_raw(s, data, len) & mask, x);
		if (s->len < 64) {
			CHECK_EQ(dbc_get_raw(s, data, len) < 0,
				 s->is_signed && x >> (s->len - 1));
		}
		/* setting changes the field and nothing else */
		memcpy(copy, data, sizeof(copy));
		dbc_set_raw(s, data, sizeof(data), (int64_t)raw);
		CHECK_EQ(slow_get(s, data), raw & mask);
		dbc_set_raw(s, data, sizeof(data), (int64_t)x);
		assert_memory_equal(data, copy, sizeof(data));
		dbc_destroy(dbc);
	}
}

TEST(dbc_raw_values_round_and_clamp)
{
	struct dbc *dbc = load_signal("A : 0|8@1- (0.5,10) [0|1] \"\" X\n"
				      " SG_ B : 8|8@1+ (1,0) [0|1] \"\" X\n"
				      " SG_ C : 16|64@1+ (1,0) [0|1] \"\" X\n"
				      " SG_ D : 80|64@1- (1,0) [0|1] \"\" X\n"
				      " SG_ E : 144|53@1+ (-2,1) [0|1] \"\" X");
	const struct dbc_signal *s = dbc->message[0].signal;

	CHECK_EQ(dbc_to_raw(&s[0], 11), 2);
	CHECK_EQ(dbc_to_raw(&s[0], 11.24), 2);
	CHECK_EQ(dbc_to_raw(&s[0], 11.26), 3);
	CHECK_EQ(dbc_to_raw(&s[0], -1e9), -128);
	CHECK_EQ(dbc_to_raw(&s[0], 1e9), 127);
	CHECK_EQ(dbc_to_raw(&s[0], INFINITY), 127);
	CHECK_EQ(dbc_to_raw(&s[0], NAN), 0);
	CHECK_EQ(dbc_to_raw(&s[1], -3), 0);
	CHECK_EQ(dbc_to_raw(&s[1], 255.4), 255);
	CHECK_EQ(dbc_to_raw(&s[1], 300), 255);
	CHECK_EQ(dbc_to_raw(&s[2], 1e30), -1); /* all ones */
	CHECK_EQ(dbc_to_raw(&s[2], 9.5e18), (int64_t)9500000000000000000u);
	CHECK_EQ(dbc_to_raw(&s[3], 1e30), INT64_MAX);
	CHECK_EQ(dbc_to_raw(&s[3], -1e30), INT64_MIN);
	CHECK_EQ(dbc_to_raw(&s[4], -9007199254740991.0 * 2), 9007199254740991);
	CHECK_NEAR(dbc_to_phys(&s[2], -1), 18446744073709551615.0, 0);
	CHECK_NEAR(dbc_to_phys(&s[3], -1), -1, 0);
	CHECK_NEAR(dbc_to_phys(&s[4], 3), -5, 0);
	dbc_destroy(dbc);
}

TEST(dbc_floats_pass_unchanged)
{
	struct dbc *dbc = load_sample();
	const struct dbc_message *m = dbc_by_name(dbc, "Precise_FD");
	double phys[4], back[4];
	uint8_t data[24];

	for (size_t i = 0; i < 4; i++) {
		phys[i] = NAN;
	}
	phys[0] = (double)3.14159274f;
	phys[1] = -1.0 / 3;
	phys[2] = -1e-20f;
	dbc_encode(m, phys, data);
	CHECK_EQ(dbc_decode(m, data, 24, back, NULL), 4);
	CHECK_NEAR(back[0], phys[0], 0);
	CHECK_NEAR(back[1], phys[1], 0);
	CHECK_NEAR(back[2], phys[2], 0);
	CHECK_NEAR(back[3], 0, 0);
	CHECK_EQ(data[0], 0xDB); /* little endian pi */
	dbc_destroy(dbc);
}

TEST(dbc_short_frames_lack_their_last_signals)
{
	struct dbc *dbc = load_sample();
	const struct dbc_message *m = dbc_by_name(dbc, "ESP_01");
	uint8_t data[8] = { 0x10, 0x27, 0, 0, 0, 0, 0, 9 };
	double phys[6];
	int64_t raw[6];

	CHECK_EQ(dbc_decode(m, data, 8, phys, raw), 6);
	CHECK_NEAR(phys[0], 100, 0);
	CHECK_EQ(raw[5], 9);
	CHECK_EQ(dbc_decode(m, data, 7, phys, raw), 5);
	CHECK(isnan(phys[5]));
	CHECK_EQ(dbc_decode(m, data, 3, phys, raw), 1);
	CHECK_EQ(dbc_decode(m, data, 0, phys, raw), 0);
	CHECK_EQ(dbc_decode(m, NULL, 0, phys, NULL), 0);
	dbc_destroy(dbc);
}

TEST(dbc_overlapping_signals_overwrite_in_file_order)
{
	struct dbc *dbc = load("BO_ 1 M: 2 X\n"
			       " SG_ A : 0|16@1+ (1,0) [0|1] \"\" X\n"
			       " SG_ B : 7|8@0+ (1,0) [0|1] \"\" X\n");
	uint8_t data[2];

	dbc_encode(&dbc->message[0], (double[]){ 0xFFFF, 0x12 }, data);
	CHECK_EQ(data[0], 0x12);
	CHECK_EQ(data[1], 0xFF);
	dbc_destroy(dbc);
}

TEST(dbc_many_identifiers_are_all_found)
{
	enum { N = 16384 }; /* fills the hash to one half: long probes */
	char *text = malloc(N * 32), *at = text;
	struct dbc *dbc;

	for (uint32_t i = 0; i < N; i++) {
		at += sprintf(at, "BO_ %u M%u: 8 X\n",
			      (i * 9973u & 0x1FFFFFFF) | 0x80000000u, i);
	}
	dbc = load(text);
	for (uint32_t i = 0; i < N; i++) {
		const struct dbc_message *m =
			dbc_by_id(dbc, i * 9973u & 0x1FFFFFFF, true);

		CHECK(m == &dbc->message[i]);
	}
	CHECK(dbc_by_id(dbc, 1, true) == NULL);
	CHECK(dbc_by_id(dbc, 9973, false) == NULL);
	CHECK(dbc_by_id(dbc, 99999, false) == NULL);
	CHECK_STR(dbc_by_name(dbc, "M16000")->name, "M16000");
	dbc_destroy(dbc);
	free(text);
}

/* ---- real files ---- */

TEST(dbc_real_files_load_without_error)
{
	char dir[4096], path[4400];
	const char *root = shared_path("can", dir);
	struct dirent *e;
	int n = 0;
	DIR *dp;

	if (!root) {
		SKIP("no shared data");
	}
	dp = opendir(root);
	while ((e = readdir(dp))) {
		if (strstr(e->d_name, ".dbc")) {
			snprintf(path, sizeof(path), "%s/%s", root, e->d_name);
			dbc_destroy(load_file(path));
			n++;
		}
	}
	closedir(dp);
	CHECK_EQ(n, 8);
}

/* Frames of @id on can0 of the RAV4 log, in order. */
static bool next_frame(struct candump_reader *r, struct can_frame *f,
		       uint32_t id)
{
	while (candump_next(r, f, NULL) == 1) {
		if (f->id == id && f->bus == 0) {
			return true;
		}
	}
	return false;
}

static double get(const struct dbc *dbc, const char *msg, const char *name,
		  const struct can_frame *f)
{
	const struct dbc_signal *s = find(dbc, msg, name);

	return dbc_to_phys(s, dbc_get_raw(s, f->data, f->len));
}

TEST(dbc_rav4_drive_decodes_to_the_published_values)
{
	char p[4][4096], *log, line[256];
	struct candump_reader r;
	struct can_frame f;
	struct dbc *dbc;
	double t, v, w[4];
	size_t len;
	FILE *csv;
	int n = 0;

	if (!shared_path("can/rav4_drive_60s.candump.log", p[0]) ||
	    !shared_path("can/rav4_decoded_wheel_speed.csv", p[1]) ||
	    !shared_path("can/rav4_decoded_steering.csv", p[2]) ||
	    !shared_path("can/toyota_new_mc_pt_generated.dbc", p[3])) {
		SKIP("no shared data");
	}
	dbc = load_file(p[3]);
	CHECK_EQ(av_read_file(p[0], 1 << 28, &log, &len, NULL), 0);

	candump_reader_init(&r, p[0], log, len);
	csv = fopen(p[1], "r");
	assert_non_null(fgets(line, sizeof(line), csv));
	for (; fgets(line, sizeof(line), csv); n++) {
		CHECK_EQ(sscanf(line, "%lf,%lf,%lf,%lf,%lf,%lf", &t, &v, &w[0],
				&w[1], &w[2], &w[3]),
			 6);
		CHECK(next_frame(&r, &f, 0x0AA));
		CHECK_NEAR((double)f.t / 1e9, t, 1e-6);
		CHECK_NEAR(get(dbc, "WHEEL_SPEEDS", "WHEEL_SPEED_FL", &f) / 3.6,
			   w[0], 1e-12);
		CHECK_NEAR(get(dbc, "WHEEL_SPEEDS", "WHEEL_SPEED_FR", &f) / 3.6,
			   w[1], 1e-12);
		CHECK_NEAR(get(dbc, "WHEEL_SPEEDS", "WHEEL_SPEED_RL", &f) / 3.6,
			   w[2], 1e-12);
		CHECK_NEAR(get(dbc, "WHEEL_SPEEDS", "WHEEL_SPEED_RR", &f) / 3.6,
			   w[3], 1e-12);
	}
	fclose(csv);
	CHECK_EQ(n, 4974);

	candump_reader_init(&r, p[0], log, len);
	csv = fopen(p[2], "r");
	assert_non_null(fgets(line, sizeof(line), csv));
	for (n = 0; fgets(line, sizeof(line), csv); n++) {
		CHECK_EQ(sscanf(line, "%lf,%lf", &t, &v), 2);
		CHECK(next_frame(&r, &f, 0x025));
		CHECK_NEAR((double)f.t / 1e9, t, 1e-6);
		CHECK_NEAR(get(dbc, "STEER_ANGLE_SENSOR", "STEER_ANGLE", &f) +
				   get(dbc, "STEER_ANGLE_SENSOR",
				       "STEER_FRACTION", &f),
			   v, 1e-9);
	}
	fclose(csv);
	CHECK_EQ(n, 4974);
	free(log);
	dbc_destroy(dbc);
}

/* ---- cost ---- */

struct cost {
	double s;
	size_t bytes; /* kept */
};

static struct cost cost_of(const char *text, size_t len)
{
	struct av_diags d = { 0 }, w = { 0 };
	struct timespec a, b;
	struct cost c = { 1e9, 0 };
	struct dbc *dbc;

	for (int i = 0; i < 2; i++) { /* the better of two */
		size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
		double s;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		dbc_parse("big.dbc", text, len, &dbc, &d, &w);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		c.bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
		s = (double)(b.tv_sec - a.tv_sec) +
		    (double)(b.tv_nsec - a.tv_nsec) / 1e9;
		c.s = s < c.s ? s : c.s;
		dbc_destroy(dbc);
		av_diags_finish(&d);
		av_diags_finish(&w);
	}
	return c;
}

#define BIG (4u << 20)

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* @head once, then @unit again and again (%u: a running number), then @tail. */
static size_t fill(char *buf, const char *head, const char *unit,
		   const char *tail)
{
	size_t n = (size_t)sprintf(buf, "%s", head);
	unsigned int k = 0;

	while (n < BIG - 512) {
		n += (size_t)sprintf(buf + n, unit, k, k, k, k);
		k++;
	}
	return n + (size_t)sprintf(buf + n, "%s", tail);
}

TEST(dbc_cost_stays_in_proportion)
{
	static const struct {
		const char *what, *head, *unit, *tail;
	} row[] = {
		{ "one message with all signals", "BO_ 1 M: 8 X\n",
		  " SG_ S%u : 0|8@1+ (1,0) [0|1] \"\" X\n", "" },
		{ "one name for all signals", "BO_ 1 M: 8 X\n",
		  " SG_ S : 0|8@1+ (1,0) [0|1] \"\" X\n", "" },
		{ "one identifier for all messages", "",
		  "BO_ 1 M: 8 X\n SG_ S : 0|8@1+ (1,0) [0|1] \"\" X\n", "" },
		{ "a chain of selectors",
		  "BO_ 1 M: 8 X\n SG_ S0 M : 0|8@1+ "
		  "(1,0) [0|1] \"\" X\n",
		  " SG_ T%u m1M : 0|8@1+ (1,0) [0|1] \"\" X\n"
		  "SG_MUL_VAL_ 1 T%u T%u 1-1;\n",
		  "" },
		{ "errors only", "BO_ 1 M: 8 X\n", " SG_ : 0|8\n", "" },
		{ "unknown statements", "", "FOO%u_ bar;\n", "" },
		{ "one comment", "CM_ \"", "all work and no play ", "\";" },
		{ "a string never closed", "BO_ 1 M: 8 X\nCM_ \"", "text\n",
		  "" },
		{ "quotes", "BO_ 1 M: 8 X\n", "\" ", "" },
		{ "one name", "BO_ 1 ", "name", ": 8 X\n" },
		{ "one number", "BO_ 1 M: 8 X\n SG_ S : 0|8@1+ (", "123",
		  ",0) [0|1] \"\" X\n" },
		{ "one line of blanks", "BO_ 1 M: 8 X\n", "    ", "" },
		{ "one list of labels",
		  "BO_ 1 M: 8 X\n SG_ S : 0|8@1+ (1,0) "
		  "[0|1] \"\" X\nVAL_ 1 S ",
		  "%u \"text\" ", ";\n" },
		{ "one list of ranges",
		  "BO_ 1 M: 8 X\n SG_ S M : 0|8@1+ (1,0) "
		  "[0|1] \"\" X\n SG_ T m1 : 8|8@1+ (1,0)"
		  " [0|1] \"\" X\nSG_MUL_VAL_ 1 T S 1-1",
		  ",%u-%u", ";\n" },
		{ "labels again and again",
		  "BO_ 1 M: 8 X\n SG_ S : 0|8@1+ (1,0)"
		  " [0|1] \"\" X\n",
		  "VAL_ 1 S %u \"x\";\n", "" },
		{ "value tables", "", "VAL_TABLE_ T%u 1 \"x\";\n", "" },
		{ "names of namespaces", "NS_ :", " CM_\n", "" },
	};
	struct cost valid;
	size_t len;
	char *buf;

#ifdef AVSIM_SANITIZED
	SKIP("costs of a sanitized build say nothing");
#endif
	buf = malloc(BIG + 4096);
	/* an ordinary file of the same size */
	len = fill(buf, "",
		   "BO_ %u Message%u: 8 Node\n"
		   " SG_ Speed : 0|16@1+ (0.01,0) [0|655.35] \"km/h\" A\n"
		   " SG_ Torque : 23|12@0- (0.5,-100) [0|0] \"Nm\" A\n"
		   "CM_ SG_ %u Speed \"how fast\";\n"
		   "VAL_ %u Torque 1 \"one\" 2 \"two\";\n",
		   "");
	valid = cost_of(buf, len);
	print_message("valid: %.3f s, %.1f bytes per byte\n", valid.s,
		      (double)valid.bytes / (double)len);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cost c;

		len = fill(buf, row[i].head, row[i].unit, row[i].tail);
		c = cost_of(buf, len);
		print_message("%s: %.3f s, %.1f bytes per byte\n", row[i].what,
			      c.s, (double)c.bytes / (double)len);
		if (c.s > 10 * valid.s + 0.02) {
			fail_msg("%s: %.3f s, a valid file %.3f s", row[i].what,
				 c.s, valid.s);
		}
		if (c.bytes > 4 * valid.bytes) {
			fail_msg("%s: %zu bytes, a valid file %zu", row[i].what,
				 c.bytes, valid.bytes);
		}
	}
	free(buf);
}

TEST(dbc_million_signals_load)
{
	size_t room = 64u << 20, n = 0;
	char *buf;
	struct dbc *dbc;
	struct av_diags d = { 0 };

#ifdef AVSIM_SANITIZED
	SKIP("takes long in a sanitized build");
#endif
	buf = malloc(room);
	for (unsigned int i = 0; i < 1000000; i++) {
		if (i % 20 == 0) {
			n += (size_t)sprintf(buf + n, "BO_ %u M%u: 64 X\n",
					     i | 0x80000000u, i);
		}
		n += (size_t)sprintf(buf + n,
				     " SG_ S%u : %u|8@1+ (1,0) [0|1] \"\" X\n",
				     i, i % 20 * 8);
	}
	CHECK_EQ(dbc_parse("million.dbc", buf, n, &dbc, &d, NULL), 0);
	CHECK_EQ(dbc->n_signals, 1000000);
	CHECK_EQ(dbc->n_messages, 50000);
	CHECK(find(dbc, "M999980", "S999999") != NULL);
	dbc_destroy(dbc);
	free(buf);
}

int main(void)
{
	return RUN_TESTS(
		T(dbc_sample_is_read_as_written),
		T(dbc_labels_are_sorted_and_found),
		T(dbc_attributes_say_how_a_message_is_sent),
		T(dbc_send_types_of_other_tools_are_understood),
		T(dbc_frame_format_and_rate_switch),
		T(dbc_long_names_replace_short_ones),
		T(dbc_statements_may_come_in_any_order),
		T(dbc_text_may_be_utf8_or_latin1_and_is_utf8_inside),
		T(dbc_numbers_do_not_depend_on_the_locale),
		T(dbc_spacing_is_free),
		T(dbc_multiplexing_decides_what_a_frame_carries),
		T(dbc_errors_name_their_place),
		T(dbc_oddities_are_warned_of_and_read),
		T(dbc_all_errors_come_at_once), T(dbc_binary_files_are_refused),
		T(dbc_ns_list_is_no_statement),
		T(dbc_fields_at_every_place_agree_with_bit_by_bit),
		T(dbc_raw_values_round_and_clamp), T(dbc_floats_pass_unchanged),
		T(dbc_short_frames_lack_their_last_signals),
		T(dbc_overlapping_signals_overwrite_in_file_order),
		T(dbc_many_identifiers_are_all_found),
		T(dbc_real_files_load_without_error),
		T(dbc_rav4_drive_decodes_to_the_published_values),
		T(dbc_cost_stays_in_proportion), T(dbc_million_signals_load));
}
