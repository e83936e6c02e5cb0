/* SPDX-License-Identifier: Apache-2.0 */
/* Text of values and names of slots, both ways. */
#include "config.h"

#include "sim/core/rand.h"
#include "sim/vhal/vhal.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

#define B 0x21200001
#define I 0x21400002
#define IV 0x21410003
#define L 0x21500004
#define LV 0x21510005
#define F 0x21600006
#define FV 0x21610007
#define X 0x21700008
#define M 0x21e00009
#define S 0x2110000a

static const char all_types[] =
	"{\"enums\":{\"Mode\":{\"ECO\":1,\"SPORT\":2}},\"properties\":["
	"{\"property\":555745281,\"access\":3,\"changeMode\":1,\"name\":\"B\"},"
	"{\"property\":557842434,\"access\":3,\"changeMode\":1,\"name\":\"I\","
	"\"enum\":\"Mode\"},"
	"{\"property\":557907971,\"access\":3,\"changeMode\":1},"
	"{\"property\":558891012,\"access\":3,\"changeMode\":1},"
	"{\"property\":558956549,\"access\":3,\"changeMode\":1},"
	"{\"property\":559939590,\"access\":3,\"changeMode\":1},"
	"{\"property\":560005127,\"access\":3,\"changeMode\":1},"
	"{\"property\":560988168,\"access\":3,\"changeMode\":1},"
	"{\"property\":568328201,\"access\":3,\"changeMode\":1},"
	"{\"property\":554696714,\"access\":3,\"changeMode\":1},"
	"{\"property\":\"VehicleProperty::GEAR_SELECTION\"},"
	"{\"property\":\"VehicleProperty::CRUISE_CONTROL_STATE\"},"
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_SET\",\"areas\":["
	"{\"areaId\":49},{\"areaId\":68}]},"
	"{\"property\":\"VehicleProperty::TIRE_PRESSURE\",\"minSampleRate\":1,"
	"\"maxSampleRate\":2,\"areas\":[{\"areaId\":1},{\"areaId\":8}]},"
	"{\"property\":\"VehicleProperty::DOOR_LOCK\",\"areas\":["
	"{\"areaId\":\"Constants::DOOR_1_LEFT\"},"
	"{\"areaId\":\"Constants::DOOR_REAR\"}]},"
	"{\"property\":\"VehicleProperty::WINDOW_POS\",\"areas\":["
	"{\"areaId\":65536}]},"
	"{\"property\":\"VehicleProperty::MIRROR_Z_POS\",\"areas\":["
	"{\"areaId\":3}]},"
	"{\"property\":\"VehicleProperty::HVAC_FAN_SPEED\",\"areas\":["
	"{\"areaId\":1},{\"areaId\":17}]},"
	"{\"property\":\"VehicleProperty::HVAC_FAN_DIRECTION\",\"areas\":["
	"{\"areaId\":17},{\"areaId\":49}]},"
	"{\"property\":\"VehicleProperty::ULTRASONICS_SENSOR_POSITION\","
	"\"areas\":[{\"areaId\":1},{\"areaId\":2048}]}"
	"]}";

struct fix {
	struct evq *q;
	struct vhal *v;
};

static struct fix fix_new(void)
{
	struct fix f = { .q = evq_create() };
	struct av_diags d = { 0 };

	f.v = vhal_create(f.q, NULL);
	CHECK_EQ(vhal_load(f.v, "t", all_types, strlen(all_types), &d), 0);
	return f;
}

static void fix_free(struct fix *f)
{
	vhal_destroy(f->v);
	evq_destroy(f->q);
}

/* @text, read and written again, is @canon. */
static void reads(struct fix *f, int32_t prop, const char *text,
		  const char *canon)
{
	struct vhal_value val;
	struct av_err err;
	char out[400];
	void *arena;
	size_t n;

	if (vhal_value_parse(f->v, prop, 0, text, &val, &arena, &err) < 0) {
		fail_msg("'%s': %s", text, err.msg);
	}
	CHECK_EQ(val.prop, prop);
	n = vhal_value_text(&val, out, sizeof(out));
	CHECK_STR(out, canon);
	CHECK_EQ(n, strlen(canon));
	free(arena);
}

static void same(struct fix *f, int32_t prop, const char *text)
{
	reads(f, prop, text, text);
}

static void refused(struct fix *f, int32_t prop, const char *text,
		    const char *msg)
{
	struct vhal_value val;
	struct av_err err = { 0 };
	void *arena;

	CHECK(vhal_value_parse(f->v, prop, 0, text, &val, &arena, &err) < 0);
	CHECK(!arena);
	if (!strstr(err.msg, msg)) {
		fail_msg("'%s': want '%s', got '%s'", text, msg, err.msg);
	}
}

TEST(text_round_trips_all_types)
{
	struct fix f = fix_new();

	same(&f, B, "true");
	same(&f, B, "false");
	same(&f, I, "0");
	same(&f, I, "-2147483648");
	same(&f, I, "2147483647");
	same(&f, IV, "[]");
	same(&f, IV, "[1,-2,3]");
	same(&f, L, "-9223372036854775808");
	same(&f, L, "9223372036854775807");
	same(&f, LV, "[1,9223372036854775807]");
	same(&f, F, "21.5");
	same(&f, F, "-0");
	same(&f, F, "0.1");
	same(&f, F, "1.4013e-45");
	same(&f, F, "3.4028235e+38");
	same(&f, F, "nan");
	same(&f, F, "inf");
	same(&f, F, "-inf");
	same(&f, FV, "[0.5,1e+06,123456,1234567]");
	same(&f, X, "00ff7f");
	same(&f, X, "");
	same(&f, M, "{}");
	same(&f, M, "{i32:[1,2],i64:[-3],f:[0.5],b:00ff,s:\"x,}\\\"\"}");
	same(&f, M, "{f:[1]}");
	same(&f, M, "{s:\"\"}");
	same(&f, S, "\"\"");
	same(&f, S, "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f/\xc3\xa4\"");
	fix_free(&f);
}

TEST(text_reads_what_people_write)
{
	struct fix f = fix_new();

	reads(&f, B, "1", "true");
	reads(&f, B, " 0 ", "false");
	reads(&f, I, "0x10", "16");
	reads(&f, I, " 7 ", "7");
	reads(&f, I, "+7", "7");
	reads(&f, I, "SPORT", "2");
	reads(&f, I, "Mode::ECO", "1");
	reads(&f, I, "VehicleGear::GEAR_PARK", "4");
	reads(&f, 0x11400400, "GEAR_DRIVE", "8");
	reads(&f, 0x11401011, "NOT_AVAILABLE_SAFETY", "-6");
	reads(&f, 0x11401011, "ENABLED", "1");
	reads(&f, IV, "1, 2", "[1,2]");
	reads(&f, IV, "[ 1 , VehicleGear::GEAR_PARK ]", "[1,4]");
	reads(&f, F, "20", "20");
	reads(&f, F, "20.50", "20.5");
	reads(&f, F, ".5", "0.5");
	reads(&f, F, "1e3", "1000");
	reads(&f, F, "VehicleUnit::CELSIUS", "48");
	reads(&f, X, "0xABcd", "abcd");
	reads(&f, S, "plain words, \"quoted\"",
	      "\"plain words, \\\"quoted\\\"\"");
	reads(&f, S, "\"\\u00e4\\ud83d\\ude00\\/\"",
	      "\"\xc3\xa4\xf0\x9f\x98\x80/\"");
	reads(&f, M, "{ i32:[1] , f: [2] }", "{i32:[1],f:[2]}");
	fix_free(&f);
}

TEST(text_status_goes_before_the_value)
{
	struct fix f = fix_new();
	char out[40];

	same(&f, F, "unavailable");
	same(&f, F, "unavailable 21.5");
	same(&f, F, "error");
	same(&f, I, "error -1");
	same(&f, S, "unavailable \"x\"");
	vhal_value_text(vhal_get(f.v, 0), out, sizeof(out));
	CHECK_STR(out, "unavailable");
	fix_free(&f);
}

TEST(text_refuses_with_reason_and_suggestion)
{
	struct fix f = fix_new();

	refused(&f, B, "2", "B takes true or false, not '2'");
	refused(&f, I, "", "I takes an integer, not 'nothing'");
	refused(&f, I, "1.5", "takes an integer");
	refused(&f, I, "2147483648", "takes an integer of 32 bits");
	refused(&f, I, "0x", "takes an integer");
	refused(&f, I, "1 2", "I takes one value, not '2'");
	refused(&f, I, "SPROT", "Mode has no 'SPROT' (did you mean 'SPORT'?)");
	refused(&f, I, "VehicleGear::GEAR_PAK", "did you mean 'GEAR_PARK'?");
	refused(&f, L, "9223372036854775808", "takes an integer");
	refused(&f, L, "ECO", "takes an integer");
	refused(&f, IV, "[1,2", "takes a list like [1,2]");
	refused(&f, IV, "[1,]", "takes an integer");
	refused(&f, IV, "[1]]", "takes one value");
	refused(&f, F, "1e999", "takes a number");
	refused(&f, F, "warm", "takes a number");
	refused(&f, X, "abc", "hexadecimal digits in pairs");
	refused(&f, X, "xy", "takes one value");
	refused(&f, S, "\"abc", "takes a string with its closing quote");
	refused(&f, S, "\"\\q\"", "an escape as in JSON");
	refused(&f, S, "\"\\u0000\"", "without NUL");
	refused(&f, S, "\"\\ud800\"", "surrogate");
	refused(&f, M, "[1]", "takes {i32:");
	refused(&f, M, "{q:1}", "the parts i32, i64, f, b and s");
	refused(&f, M, "{i32:[1]", "',' or '}'");
	refused(&f, 5, "1", "no property 0x00000005");
	fix_free(&f);
}

/* Text of @x is the first of %.6g to %.9g that reads back. */
static void is_shortest(float x)
{
	struct vhal_value val = { .prop = F, .f32 = &x, .n_f32 = 1 };
	char out[40], want[40];

	vhal_value_text(&val, out, sizeof(out));
	for (int p = 6; p <= 9; p++) {
		snprintf(want, sizeof(want), "%.*g", p, (double)x);
		if (strtof(want, NULL) == x) {
			break;
		}
	}
	if (strcmp(out, want) != 0) {
		fail_msg("%.9g: '%s', want '%s'", (double)x, out, want);
	}
}

TEST(text_floats_are_the_shortest_that_read_back)
{
	struct av_rand r;

	av_rand_init(&r, 1, "floats");
	for (int i = 0; i < 100000; i++) {
		uint32_t bits = (uint32_t)av_rand_u64(&r);
		float x;

		memcpy(&x, &bits, sizeof(x));
		if (!isnan(x)) {
			is_shortest(x);
		}
		/* everyday sizes, of many digits and of few */
		x = (float)(pow(10, av_rand_unit(&r) * 9 - 2.5) *
			    (i % 2 ? 1 : -1));
		is_shortest(x);
		is_shortest((float)(round((double)x * 100) / 100));
		is_shortest((float)((double)av_rand_below(&r, 3000000) / 1000));
	}
}

TEST(text_floats_at_the_edges_of_the_fast_way)
{
	static const float edge[] = { 0.01f, 0.1f, 1,    10,  1e2f,
				      1e3f,  1e4f, 1e5f, 1e6f };

	for (size_t i = 0; i < sizeof(edge) / sizeof(edge[0]); i++) {
		float up = edge[i], down = edge[i];

		for (int k = 0; k < 200; k++) {
			is_shortest(up);
			is_shortest(-down);
			up = nextafterf(up, HUGE_VALF);
			down = nextafterf(down, 0);
		}
	}
	for (int e = -7; e < 20; e++) { /* uneven neighbours */
		is_shortest(ldexpf(1, e));
		is_shortest(nextafterf(ldexpf(1, e), 0));
		is_shortest(nextafterf(ldexpf(1, e), HUGE_VALF));
	}
}

TEST(text_whole_floats_look_as_percent_g_prints_them)
{
	for (int i = -999999; i <= 999999; i += 7) {
		struct vhal_value val = { .prop = F, .n_f32 = 1 };
		float x = (float)i;
		char out[40], want[40];

		val.f32 = &x;
		vhal_value_text(&val, out, sizeof(out));
		snprintf(want, sizeof(want), "%.6g", (double)x);
		CHECK_STR(out, want);
	}
}

TEST(text_is_cut_like_snprintf)
{
	static const int32_t x[] = { 1, 22, 333 };
	struct vhal_value val = { .prop = IV, .i32 = x, .n_i32 = 3 };
	char out[10];

	for (size_t size = 0; size <= sizeof(out); size++) {
		memset(out, '#', sizeof(out));
		CHECK_EQ(vhal_value_text(&val, out, size), 10);
		if (size > 0) {
			CHECK_EQ(strlen(out), size - 1);
			CHECK(!strncmp(out, "[1,22,333]", size - 1));
		}
		for (size_t i = size; i < sizeof(out); i++) {
			CHECK_EQ(out[i], '#');
		}
	}
}

/* ---- names ---- */

static void finds(struct fix *f, const char *text, int32_t prop, int32_t area)
{
	int32_t p = 0, a = 0;
	struct av_err err;

	if (vhal_find(f->v, text, &p, &a, &err) < 0) {
		fail_msg("'%s': %s", text, err.msg);
	}
	CHECK_EQ(p, prop);
	CHECK_EQ(a, area);
}

static void finds_not(struct fix *f, const char *text, const char *msg)
{
	int32_t p, a;
	struct av_err err = { 0 };

	CHECK_EQ(vhal_find(f->v, text, &p, &a, &err), -ENOENT);
	if (!strstr(err.msg, msg)) {
		fail_msg("'%s': want '%s', got '%s'", text, msg, err.msg);
	}
}

TEST(names_of_slots_are_property_and_areas)
{
	static const char *const want[] = {
		"B",
		"I",
		"0x21410003",
		"0x21500004",
		"0x21510005",
		"0x21600006",
		"0x21610007",
		"0x21700008",
		"0x21e00009",
		"0x2110000a",
		"GEAR_SELECTION",
		"CRUISE_CONTROL_STATE",
		"HVAC_TEMPERATURE_SET/ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER",
		"HVAC_TEMPERATURE_SET/ROW_1_RIGHT|ROW_2_RIGHT",
		"TIRE_PRESSURE/LEFT_FRONT",
		"TIRE_PRESSURE/RIGHT_REAR",
		"DOOR_LOCK/ROW_1_LEFT",
		"DOOR_LOCK/REAR",
		"WINDOW_POS/ROOF_TOP_1",
		"MIRROR_Z_POS/DRIVER_LEFT|DRIVER_RIGHT",
		"HVAC_FAN_SPEED/ROW_1_LEFT",
		"HVAC_FAN_SPEED/ROW_1_LEFT|ROW_2_LEFT",
		"HVAC_FAN_DIRECTION/ROW_1_LEFT|ROW_2_LEFT",
		"HVAC_FAN_DIRECTION/ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER",
		"ULTRASONICS_SENSOR_POSITION/0x1",
		"ULTRASONICS_SENSOR_POSITION/0x800",
	};
	struct fix f = fix_new();

	CHECK_EQ(vhal_n_slots(f.v), sizeof(want) / sizeof(want[0]));
	for (uint32_t i = 0; i < vhal_n_slots(f.v); i++) {
		const struct vhal_value *val = vhal_get(f.v, i);

		CHECK_STR(vhal_slot_name(f.v, i), want[i]);
		finds(&f, want[i], val->prop, val->area);
	}
	fix_free(&f);
}

TEST(names_are_found_in_all_spellings)
{
	struct fix f = fix_new();

	finds(&f, "VehicleProperty::GEAR_SELECTION", 0x11400400, 0);
	finds(&f, "0x11400400", 0x11400400, 0);
	finds(&f, "289408000", 0x11400400, 0);
	finds(&f, "0X11400400/0", 0x11400400, 0);
	finds(&f, "HVAC_TEMPERATURE_SET/0x31", 0x15600503, 0x31);
	finds(&f, "HVAC_TEMPERATURE_SET/68", 0x15600503, 0x44);
	finds(&f, "HVAC_TEMPERATURE_SET/HVAC_LEFT", 0x15600503, 0x31);
	finds(&f, "HVAC_TEMPERATURE_SET/Constants::HVAC_RIGHT", 0x15600503,
	      0x44);
	/* one constituent, by any name */
	finds(&f, "HVAC_TEMPERATURE_SET/ROW_1_LEFT", 0x15600503, 0x31);
	finds(&f, "HVAC_TEMPERATURE_SET/SEAT_1_RIGHT", 0x15600503, 0x44);
	finds(&f, "HVAC_TEMPERATURE_SET/ROW_2_CENTER|ROW_1_LEFT", 0x15600503,
	      0x31);
	finds(&f, "TIRE_PRESSURE/WHEEL_REAR_RIGHT", 0x17600309, 8);
	finds(&f, "WINDOW_POS", 0x13400bc0, 0x10000); /* the only area */
	/* the area itself goes before one that contains it */
	finds(&f, "HVAC_FAN_SPEED/ROW_1_LEFT", 0x15400500, 1);
	finds(&f, "HVAC_FAN_SPEED/ROW_2_LEFT", 0x15400500, 17);
	fix_free(&f);
}

TEST(names_not_found_come_with_a_remedy)
{
	struct fix f = fix_new();

	finds_not(&f, "GEAR_SELECTON",
		  "unknown property 'GEAR_SELECTON' (did you mean "
		  "'GEAR_SELECTION'?)");
	finds_not(&f, "NIGHT_MODE",
		  "this vehicle has no property NIGHT_MODE: it is not in its "
		  "configuration");
	finds_not(&f, "", "unknown property ''");
	finds_not(&f, "/", "unknown property ''");
	finds_not(&f, "0x1", "unknown property '0x1'");
	finds_not(&f, "99999999999999999999999", "unknown property");
	finds_not(&f, "TIRE_PRESSURE",
		  "TIRE_PRESSURE needs an area; its areas: LEFT_FRONT, "
		  "RIGHT_REAR");
	finds_not(&f, "TIRE_PRESSURE/LEFT_REAR",
		  "TIRE_PRESSURE has no area LEFT_REAR; its areas: LEFT_FRONT");
	finds(&f, "HVAC_FAN_DIRECTION/ROW_2_CENTER", 0x15400501, 49);
	finds_not(&f, "HVAC_FAN_DIRECTION/ROW_1_LEFT",
		  "HVAC_FAN_DIRECTION has several areas with ROW_1_LEFT; its "
		  "areas: ROW_1_LEFT|ROW_2_LEFT, ");
	finds_not(&f, "TIRE_PRESSURE/NOWHERE", "has no area NOWHERE");
	finds_not(&f, "TIRE_PRESSURE/", "has no area");
	finds_not(&f, "TIRE_PRESSURE/LEFT_FRONT|", "has no area LEFT_FRONT|");
	finds_not(&f, "TIRE_PRESSURE/LEFT_FRONT/x", "has no area");
	finds_not(&f, "TIRE_PRESSURE/0", "has no area 0");
	fix_free(&f);
}

int main(void)
{
	return RUN_TESTS(T(text_round_trips_all_types),
			 T(text_reads_what_people_write),
			 T(text_status_goes_before_the_value),
			 T(text_refuses_with_reason_and_suggestion),
			 T(text_floats_are_the_shortest_that_read_back),
			 T(text_floats_at_the_edges_of_the_fast_way),
			 T(text_whole_floats_look_as_percent_g_prints_them),
			 T(text_is_cut_like_snprintf),
			 T(names_of_slots_are_property_and_areas),
			 T(names_are_found_in_all_spellings),
			 T(names_not_found_come_with_a_remedy));
}
