/* SPDX-License-Identifier: Apache-2.0 */
/* The store: values, sets from outside, HVAC power, subscriptions. */
#include "config.h"

#include "sim/vhal/vhal.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

/* ---- a small car ---- */

#define SPEED 0x11600207
#define GEAR 0x11400400
#define NIGHT 0x11200407
#define BRIGHTNESS 0x11400A03
#define VIN 0x11100100
#define EPOCH 0x11500606
#define KEY_INPUT 0x11410A10
#define SEED 0x11700607
#define TICKS 0x11510306
#define ODOMETER 0x11600204
#define RANGE 0x11600308
#define POWER_ON 0x15200510
#define FAN 0x15400500
#define TEMP_SET 0x15600503
#define AC_ON 0x15200505
#define DEFROSTER 0x13200504
#define MIXED 0x21e01111

static const char car[] =
	"{\"properties\":["
	"{\"property\":\"VehicleProperty::PERF_VEHICLE_SPEED\","
	"\"minSampleRate\":1,\"maxSampleRate\":100,"
	"\"defaultValue\":{\"floatValues\":[0]}},"
	"{\"property\":\"VehicleProperty::GEAR_SELECTION\",\"access\":3,"
	"\"areas\":[{\"areaId\":0,\"supportedEnumValues\":[4,8]}],"
	"\"defaultValue\":{\"int32Values\":[4]}},"
	"{\"property\":\"VehicleProperty::NIGHT_MODE\"},"
	"{\"property\":\"VehicleProperty::DISPLAY_BRIGHTNESS\","
	"\"areas\":[{\"areaId\":0,\"minInt32Value\":0,\"maxInt32Value\":100}],"
	"\"defaultValue\":{\"int32Values\":[50]}},"
	"{\"property\":\"VehicleProperty::INFO_VIN\","
	"\"defaultValue\":{\"stringValue\":\"V\"}},"
	"{\"property\":\"VehicleProperty::ANDROID_EPOCH_TIME\"},"
	"{\"property\":\"VehicleProperty::HW_KEY_INPUT\"},"
	"{\"property\":\"VehicleProperty::STORAGE_ENCRYPTION_BINDING_SEED\"},"
	"{\"property\":\"VehicleProperty::WHEEL_TICK\","
	"\"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::PERF_ODOMETER\","
	"\"minSampleRate\":1,\"maxSampleRate\":2},"
	"{\"property\":\"VehicleProperty::RANGE_REMAINING\",\"access\":3,"
	"\"minSampleRate\":1,\"maxSampleRate\":2,"
	"\"defaultValue\":{\"floatValues\":[100]}},"
	"{\"property\":\"VehicleProperty::HVAC_POWER_ON\","
	"\"configArray\":[\"VehicleProperty::HVAC_FAN_SPEED\","
	"\"VehicleProperty::HVAC_TEMPERATURE_SET\","
	"\"VehicleProperty::HVAC_FAN_SPEED\"],"
	"\"areas\":[{\"areaId\":1},{\"areaId\":4}],"
	"\"defaultValue\":{\"int32Values\":[1]}},"
	"{\"property\":\"VehicleProperty::HVAC_FAN_SPEED\","
	"\"areas\":[{\"areaId\":1,\"minInt32Value\":1,\"maxInt32Value\":7},"
	"{\"areaId\":4}],\"defaultValue\":{\"int32Values\":[3]}},"
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_SET\","
	"\"areas\":[{\"areaId\":49,\"minFloatValue\":16,"
	"\"maxFloatValue\":28},{\"areaId\":68,\"access\":1}],"
	"\"defaultValue\":{\"floatValues\":[20]}},"
	"{\"property\":\"VehicleProperty::HVAC_AC_ON\","
	"\"areas\":[{\"areaId\":1}],\"defaultValue\":{\"int32Values\":[0]}},"
	"{\"property\":\"TestVendorProperty::MIXED_TYPE_PROPERTY_FOR_TEST\","
	"\"access\":3,\"changeMode\":1,\"configArray\":[1,1,0,2,0,0,1,0,4]}"
	"]}";

struct ev {
	vtime t, value_t;
	enum vhal_event_why why;
	enum cmd_source source;
	char name[60];
	char text[60];
};

struct fix {
	struct evq *q;
	struct bus *bus;
	struct vhal *v;
	struct ev ev[4000];
	size_t n;
	/* binder */
	uint32_t bound_slot;
	float bound_f32;
	int bound_calls, bound_ret;
};

static void on_event(void *ctx, const struct vhal_event *e)
{
	struct fix *f = ctx;
	struct ev *x = &f->ev[f->n++ % 4000];

	x->t = e->t;
	x->value_t = e->value->t;
	x->why = e->why;
	x->source = e->source;
	snprintf(x->name, sizeof(x->name), "%s", e->name);
	vhal_value_text(e->value, x->text, sizeof(x->text));
}

static void on_topic(void *ctx, const void *msg)
{
	on_event(ctx, msg);
}

static struct fix *fix_new(void)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct av_diags d = { 0 };

	CHECK(f);
	f->q = evq_create();
	f->bus = bus_create(av_topics, TOPIC_N);
	f->v = vhal_create(f->q, f->bus);
	CHECK_EQ(vhal_load(f->v, "car", car, strlen(car), &d), 0);
	CHECK_EQ(bus_subscribe(f->bus, TOPIC_VHAL, STAGE_TAP, "test", on_topic,
			       f, NULL),
		 0);
	return f;
}

static void fix_free(struct fix *f)
{
	vhal_destroy(f->v);
	bus_destroy(f->bus);
	evq_destroy(f->q);
	free(f);
}

/* Started, and what the start published forgotten. */
static struct fix *fix_started(void)
{
	struct fix *f = fix_new();

	CHECK_EQ(vhal_start(f->v, NULL), 0);
	f->n = 0;
	return f;
}

static uint32_t slot(struct fix *f, int32_t prop, int32_t area)
{
	int s = vhal_slot_of(f->v, prop, area);

	CHECK(s >= 0);
	return (uint32_t)s;
}

static struct vhal_value i32(int32_t prop, int32_t area, const int32_t *x,
			     uint32_t n)
{
	return (struct vhal_value){
		.prop = prop, .area = area, .i32 = x, .n_i32 = n
	};
}

static struct vhal_value f32(int32_t prop, int32_t area, const float *x)
{
	return (struct vhal_value){
		.prop = prop, .area = area, .f32 = x, .n_f32 = 1
	};
}

static enum vhal_code set_i32(struct fix *f, int32_t prop, int32_t area,
			      int32_t x)
{
	struct vhal_value val = i32(prop, area, &x, 1);

	return vhal_set(f->v, &val, CMD_FROM_GUEST, NULL);
}

static enum vhal_code set_f32(struct fix *f, int32_t prop, int32_t area,
			      float x)
{
	struct vhal_value val = f32(prop, area, &x);

	return vhal_set(f->v, &val, CMD_FROM_GUEST, NULL);
}

/* The last event was this, and there were @n in all since the last look. */
static void last_event(struct fix *f, size_t n, const char *name,
		       const char *text)
{
	if (f->n != n) {
		fail_msg("%zu events, want %zu; last %s = %s", f->n, n,
			 f->n ? f->ev[f->n - 1].name : "",
			 f->n ? f->ev[f->n - 1].text : "");
	}
	if (n > 0) {
		CHECK_STR(f->ev[n - 1].name, name);
		CHECK_STR(f->ev[n - 1].text, text);
	}
	f->n = 0;
}

/* ---- values from the bus ---- */

TEST(store_shows_initial_values_and_unavailable_without)
{
	struct fix *f = fix_new();
	const struct vhal_value *val;

	CHECK_EQ(vhal_n_slots(f->v), 19);
	val = vhal_get(f->v, slot(f, GEAR, 0));
	CHECK_EQ(val->status, VHAL_AVAILABLE);
	CHECK_EQ(val->i32[0], 4);
	val = vhal_get(f->v, slot(f, NIGHT, 0));
	CHECK_EQ(val->status, VHAL_UNAVAILABLE);
	CHECK_EQ(val->n_i32, 0);
	CHECK_EQ(vhal_slot_of(f->v, GEAR, 7), slot(f, GEAR, 0)); /* global */
	CHECK_EQ(vhal_slot_of(f->v, FAN, 2), -1);
	CHECK_EQ(vhal_slot_of(f->v, 0, 0), -1);
	CHECK(!vhal_config(f->v, 1));
	CHECK_EQ(vhal_slot_config(f->v, slot(f, FAN, 4))->prop, FAN);
	fix_free(f);
}

TEST(store_start_publishes_every_value_once_in_slot_order)
{
	struct fix *f = fix_new();

	CHECK_EQ(vhal_start(f->v, NULL), 0);
	CHECK_EQ(f->n, 12);
	CHECK_STR(f->ev[0].name, "PERF_VEHICLE_SPEED");
	CHECK_STR(f->ev[1].name, "GEAR_SELECTION");
	CHECK_STR(f->ev[2].name, "DISPLAY_BRIGHTNESS");
	CHECK_STR(f->ev[3].name, "INFO_VIN");
	CHECK_STR(f->ev[3].text, "\"V\"");
	CHECK_STR(f->ev[11].name, "HVAC_AC_ON/ROW_1_LEFT");
	fix_free(f);
}

TEST(store_update_publishes_on_change_only)
{
	struct fix *f = fix_started();

	vhal_update_num(f->v, slot(f, GEAR, 0), 4);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, GEAR, 0), 8);
	CHECK_EQ(f->ev[0].why, VHAL_CHANGED);
	CHECK_EQ(f->ev[0].source, CMD_FROM_ECU);
	last_event(f, 1, "GEAR_SELECTION", "8");
	vhal_update_num(f->v, slot(f, GEAR, 0), 8);
	vhal_update_num(f->v, slot(f, GEAR, 0), 8.4); /* the same integer */
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, NIGHT, 0), 0); /* first value */
	last_event(f, 1, "NIGHT_MODE", "false");
	vhal_update_num(f->v, slot(f, NIGHT, 0), 0.25);
	last_event(f, 1, "NIGHT_MODE", "true");
	fix_free(f);
}

TEST(store_update_converts_by_type)
{
	static const struct {
		double x;
		int32_t want;
	} i[] = { { 2.5, 3 },
		  { -2.5, -3 },
		  { 2.4999, 2 },
		  { 1e20, INT32_MAX },
		  { -1e20, INT32_MIN },
		  { -0.4, 0 },
		  { INFINITY, INT32_MAX },
		  { 2147483646.7, INT32_MAX } };
	struct fix *f = fix_started();

	for (size_t k = 0; k < sizeof(i) / sizeof(i[0]); k++) {
		vhal_update_num(f->v, slot(f, GEAR, 0), i[k].x);
		CHECK_EQ(vhal_get(f->v, slot(f, GEAR, 0))->i32[0], i[k].want);
	}
	vhal_update_num(f->v, slot(f, EPOCH, 0), 4503599627370497.0);
	CHECK(vhal_get(f->v, slot(f, EPOCH, 0))->i64[0] == 4503599627370497);
	vhal_update_num(f->v, slot(f, EPOCH, 0), 1e300);
	CHECK(vhal_get(f->v, slot(f, EPOCH, 0))->i64[0] == INT64_MAX);
	vhal_update_num(f->v, slot(f, SPEED, 0), 0.1);
	CHECK(vhal_get(f->v, slot(f, SPEED, 0))->f32[0] == 0.1f);
	vhal_update_num(f->v, slot(f, SPEED, 0), 1e300);
	CHECK(isinf(vhal_get(f->v, slot(f, SPEED, 0))->f32[0]));
	vhal_update_num(f->v, slot(f, VIN, 0), 5); /* no number: no effect */
	CHECK_STR(vhal_get(f->v, slot(f, VIN, 0))->str, "V");
	fix_free(f);
}

TEST(store_nan_makes_unavailable_and_a_number_available_again)
{
	struct fix *f = fix_started();

	vhal_update_num(f->v, slot(f, GEAR, 0), NAN);
	last_event(f, 1, "GEAR_SELECTION", "unavailable 4");
	vhal_update_num(f->v, slot(f, GEAR, 0), NAN);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, GEAR, 0), 4);
	last_event(f, 1, "GEAR_SELECTION", "4");
	vhal_update_status(f->v, slot(f, GEAR, 0), VHAL_ERROR);
	last_event(f, 1, "GEAR_SELECTION", "error 4");
	vhal_update_status(f->v, slot(f, GEAR, 0), VHAL_ERROR);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, GEAR, 0), 4);
	last_event(f, 1, "GEAR_SELECTION", "4");
	vhal_update_status(f->v, slot(f, NIGHT, 0), VHAL_UNAVAILABLE);
	last_event(f, 0, NULL, NULL); /* was and is unavailable */
	fix_free(f);
}

TEST(store_vectors_grow_by_element_and_change_whole)
{
	static const int64_t ticks[] = { 0, 1, 2 };
	struct fix *f = fix_started();
	struct vhal_value val = { .prop = TICKS, .i64 = ticks, .n_i64 = 3 };
	const struct vhal_value *now = vhal_get(f->v, slot(f, TICKS, 0));

	vhal_update_elem(f->v, slot(f, TICKS, 0), 2, 7.6);
	CHECK_EQ(now->n_i64, 3);
	CHECK_EQ(now->i64[0], 0);
	CHECK_EQ(now->i64[2], 8);
	vhal_update_elem(f->v, slot(f, TICKS, 0), 0, -1);
	CHECK_EQ(now->n_i64, 3);
	CHECK_EQ(now->i64[0], -1);
	vhal_update(f->v, slot(f, TICKS, 0), &val);
	CHECK_EQ(now->i64[2], 2);
	CHECK(now->i64 != ticks); /* a copy */
	vhal_update_elem(f->v, slot(f, TICKS, 0), UINT32_MAX, 1);
	CHECK_EQ(now->n_i64, 3);
	vhal_update_num(f->v, slot(f, TICKS, 0), 5);
	CHECK_EQ(now->i64[0], 5);
	CHECK_EQ(now->n_i64, 3);
	fix_free(f);
}

TEST(store_update_of_wrong_shape_has_no_effect)
{
	static const int32_t x[] = { 1, 2 };
	struct fix *f = fix_started();
	struct vhal_value val = i32(GEAR, 0, x, 2);

	vhal_update(f->v, slot(f, GEAR, 0), &val);
	CHECK_EQ(vhal_get(f->v, slot(f, GEAR, 0))->i32[0], 4);
	last_event(f, 0, NULL, NULL);
	fix_free(f);
}

TEST(store_update_of_its_own_value_is_no_change)
{
	static const int32_t keys[] = { 0, 30, 0 };
	struct fix *f = fix_started();
	uint32_t s = slot(f, KEY_INPUT, 0);
	struct vhal_value val = i32(KEY_INPUT, 0, keys, 3), part;

	vhal_update(f->v, slot(f, VIN, 0), vhal_get(f->v, slot(f, VIN, 0)));
	last_event(f, 0, NULL, NULL);
	vhal_update(f->v, s, &val);
	part = *vhal_get(f->v, s);
	part.n_i32 = 2; /* borrowed from the slot it goes to */
	part.i32++;
	vhal_update(f->v, s, &part);
	CHECK_EQ(vhal_get(f->v, s)->n_i32, 2);
	CHECK_EQ(vhal_get(f->v, s)->i32[0], 30);
	fix_free(f);
}

TEST(store_update_may_borrow_from_the_value_it_replaces)
{
	static const int32_t x[] = { 1, 2, 3, 4 };
	static const float y = 1.5f;
	struct fix *f = fix_started();
	uint32_t s = slot(f, MIXED, 0);
	struct vhal_value val = { .prop = MIXED,
				  .i32 = x,
				  .n_i32 = 2,
				  .f32 = &y,
				  .n_f32 = 1,
				  .str = "a long string" };

	vhal_update(f->v, s, &val);
	val = *vhal_get(f->v, s);
	val.i32 = x; /* would lie over the float if stored in place */
	val.n_i32 = 4;
	val.str = NULL;
	vhal_update(f->v, s, &val);
	last_event(f, 2, "MIXED_TYPE_PROPERTY_FOR_TEST",
		   "{i32:[1,2,3,4],f:[1.5]}");
	fix_free(f);
}

TEST(store_key_presses_are_events_even_if_equal)
{
	static const int32_t keys[] = { 0, 30, 0 };
	struct fix *f = fix_started();
	struct vhal_value val = i32(KEY_INPUT, 0, keys, 3);

	vhal_update(f->v, slot(f, KEY_INPUT, 0), &val);
	last_event(f, 1, "HW_KEY_INPUT", "[0,30,0]");
	vhal_update(f->v, slot(f, KEY_INPUT, 0), &val);
	last_event(f, 1, "HW_KEY_INPUT", "[0,30,0]");
	fix_free(f);
}

TEST(store_timestamps_never_repeat_for_a_slot)
{
	struct fix *f = fix_started();
	uint32_t s = slot(f, GEAR, 0);

	evq_run_until(f->q, 50 * VT_MS);
	vhal_update_num(f->v, s, 8);
	CHECK(vhal_get(f->v, s)->t == 50 * VT_MS);
	vhal_update_num(f->v, s, 4);
	CHECK(vhal_get(f->v, s)->t == 50 * VT_MS + 1);
	vhal_update_num(f->v, s, 8);
	CHECK(vhal_get(f->v, s)->t == 50 * VT_MS + 2);
	CHECK(f->ev[f->n - 1].t == 50 * VT_MS); /* the event's is the clock's */
	evq_run_until(f->q, 51 * VT_MS);
	vhal_update_num(f->v, s, 4);
	CHECK(vhal_get(f->v, s)->t == 51 * VT_MS);
	fix_free(f);
}

/* ---- sets from outside ---- */

TEST(set_stores_and_echoes_what_is_not_bound)
{
	struct fix *f = fix_started();

	CHECK_EQ(set_i32(f, GEAR, 0, 8), VHAL_OK);
	CHECK_EQ(f->ev[0].why, VHAL_SET_ECHO);
	CHECK_EQ(f->ev[0].source, CMD_FROM_GUEST);
	last_event(f, 1, "GEAR_SELECTION", "8");
	CHECK_EQ(set_i32(f, GEAR, 0, 8), VHAL_OK);
	last_event(f, 0, NULL, NULL);                /* no change, no event */
	CHECK_EQ(set_f32(f, RANGE, 0, 90), VHAL_OK); /* continuous: at once */
	last_event(f, 1, "RANGE_REMAINING", "90");
	CHECK_EQ(set_i32(f, AC_ON, 1, 5), VHAL_OK);
	last_event(f, 1, "HVAC_AC_ON/ROW_1_LEFT", "true");
	CHECK_EQ(set_i32(f, AC_ON, 1, 1), VHAL_OK);
	last_event(f, 0, NULL, NULL);
	fix_free(f);
}

TEST(set_of_display_brightness_is_confirmed_even_if_unchanged)
{
	struct fix *f = fix_started();

	CHECK_EQ(set_i32(f, BRIGHTNESS, 0, 50), VHAL_OK);
	last_event(f, 1, "DISPLAY_BRIGHTNESS", "50");
	fix_free(f);
}

TEST(set_refuses_by_the_rules_of_the_interface)
{
	static const int32_t two[] = { 1, 2 };
	static const float warm = 20, nan = NAN;
	struct fix *f = fix_started();
	struct vhal_value val;
	struct av_err err;

	/* unknown property, unknown area */
	CHECK_EQ(set_i32(f, 0x11400401, 0, 4), VHAL_INVALID_ARG);
	CHECK_EQ(set_i32(f, FAN, 2, 4), VHAL_INVALID_ARG);
	/* access, of the area */
	CHECK_EQ(set_i32(f, NIGHT, 0, 1), VHAL_ACCESS_DENIED);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 20), VHAL_OK);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x44, 20), VHAL_ACCESS_DENIED);
	/* shape */
	val = i32(GEAR, 0, two, 2);
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, &err), VHAL_INVALID_ARG);
	CHECK_STR(err.msg, "GEAR_SELECTION takes one value, not 2");
	val = i32(GEAR, 0, NULL, 0);
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val = i32(TEMP_SET, 0x31, two, 1);
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val = f32(TEMP_SET, 0x31, &warm);
	val.str = "warm";
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	/* min, max */
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 15.9f), VHAL_INVALID_ARG);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 16), VHAL_OK);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 28.1f), VHAL_INVALID_ARG);
	CHECK_EQ(set_i32(f, FAN, 1, 8), VHAL_INVALID_ARG);
	CHECK_EQ(set_i32(f, FAN, 4, 800), VHAL_OK); /* 0 and 0: no limits */
	/* not finite, even without limits */
	val = f32(RANGE, 0, &nan);
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	/* supported values */
	val = i32(GEAR, 0, two, 1);
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, &err), VHAL_INVALID_ARG);
	CHECK_STR(err.msg, "GEAR_SELECTION does not support the value 1");
	/* not available */
	vhal_update_status(f->v, slot(f, GEAR, 0), VHAL_UNAVAILABLE);
	CHECK_EQ(set_i32(f, GEAR, 0, 4), VHAL_NOT_AVAILABLE);
	fix_free(f);
}

TEST(set_of_a_write_only_property_needs_no_value_before)
{
	static const int64_t ms = 1700000000000;
	struct fix *f = fix_started();
	struct vhal_value val = { .prop = EPOCH, .i64 = &ms, .n_i64 = 1 };

	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_OK);
	last_event(f, 1, "ANDROID_EPOCH_TIME", "1700000000000");
	CHECK_EQ(vhal_check_get(f->v, EPOCH, 0, NULL), VHAL_ACCESS_DENIED);
	fix_free(f);
}

TEST(set_of_mixed_vendor_values_follows_the_config_array)
{
	static const int32_t x[] = { 1, 2, 3, 4 };
	static const float y[] = { 1.5f, 2 };
	static const uint8_t b[] = { 1, 2, 3, 4, 5 };
	struct fix *f = fix_started();
	struct vhal_value ok = { .prop = MIXED,
				 .i32 = x,
				 .n_i32 = 3,
				 .f32 = y,
				 .n_f32 = 1,
				 .bytes = b,
				 .n_bytes = 4,
				 .str = "s" };
	struct vhal_value val = ok;

	CHECK_EQ(vhal_set(f->v, &ok, CMD_FROM_GUEST, NULL), VHAL_OK);
	last_event(f, 1, "MIXED_TYPE_PROPERTY_FOR_TEST",
		   "{i32:[1,2,3],f:[1.5],b:01020304,s:\"s\"}");
	val.n_i32 = 4;
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val = ok;
	val.n_f32 = 2;
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val = ok;
	val.n_bytes = 5;
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	fix_free(f);
}

TEST(set_limits_the_size_and_refuses_bad_utf8)
{
	struct fix *f = fix_new();
	struct av_diags d = { 0 };
	static const char more[] =
		"{\"properties\":[{\"property\":"
		"\"VehicleProperty::CURRENT_POWER_POLICY\"}]}";
	struct vhal_value val = { .prop = 0x11100F23 };
	char *big = malloc(VHAL_VALUE_MAX + 2);

	CHECK(big);
	memset(big, 'a', VHAL_VALUE_MAX + 1);
	big[VHAL_VALUE_MAX + 1] = '\0';
	CHECK_EQ(vhal_load(f->v, "more", more, strlen(more), &d), 0);
	val.str = big;
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val.str = big + 1;
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_OK);
	val.str = "a\xff";
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_INVALID_ARG);
	val.str = NULL; /* a string may be empty */
	CHECK_EQ(vhal_set(f->v, &val, CMD_FROM_GUEST, NULL), VHAL_OK);
	CHECK_STR(vhal_get(f->v, slot(f, 0x11100F23, 0))->str, "");
	free(big);
	fix_free(f);
}

TEST(get_from_outside_by_the_rules)
{
	struct fix *f = fix_started();

	CHECK_EQ(vhal_check_get(f->v, GEAR, 0, NULL), VHAL_OK);
	CHECK_EQ(vhal_check_get(f->v, NIGHT, 0, NULL), VHAL_NOT_AVAILABLE);
	CHECK_EQ(vhal_check_get(f->v, 0x11400401, 0, NULL), VHAL_INVALID_ARG);
	CHECK_EQ(vhal_check_get(f->v, FAN, 2, NULL), VHAL_INVALID_ARG);
	vhal_update_status(f->v, slot(f, GEAR, 0), VHAL_ERROR);
	CHECK_EQ(vhal_check_get(f->v, GEAR, 0, NULL), VHAL_OK);
	fix_free(f);
}

static int binder(void *ctx, uint32_t s, const struct vhal_value *val,
		  struct av_err *err)
{
	struct fix *f = ctx;

	(void)err;
	f->bound_slot = s;
	f->bound_f32 = val->n_f32 ? val->f32[0] : 0;
	f->bound_calls++;
	return f->bound_ret;
}

TEST(set_of_a_bound_property_is_a_request_not_a_change)
{
	struct fix *f = fix_started();
	uint32_t s = slot(f, TEMP_SET, 0x31);

	vhal_set_binder(f->v, binder, f);
	vhal_mark_bound(f->v, s, true);
	CHECK(vhal_config(f->v, TEMP_SET)->bound);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 22), VHAL_OK);
	CHECK_EQ(f->bound_calls, 1);
	CHECK_EQ(f->bound_slot, s);
	CHECK_NEAR((double)f->bound_f32, 22, 0);
	CHECK(vhal_get(f->v, s)->f32[0] == 20);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, s, 22); /* the frames come back */
	last_event(f, 1,
		   "HVAC_TEMPERATURE_SET/ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER",
		   "22");
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 99), VHAL_INVALID_ARG);
	CHECK_EQ(f->bound_calls, 1); /* checked before it is passed on */
	fix_free(f);
}

TEST(set_of_a_bound_property_reports_the_binders_refusal)
{
	static const struct {
		int ret;
		enum vhal_code code;
	} row[] = { { -EAGAIN, VHAL_TRY_AGAIN },
		    { -EINVAL, VHAL_INVALID_ARG },
		    { -ERANGE, VHAL_INVALID_ARG },
		    { -EACCES, VHAL_ACCESS_DENIED },
		    { -ENODEV, VHAL_NOT_AVAILABLE },
		    { -ENOSPC, VHAL_INTERNAL_ERROR } };
	struct fix *f = fix_started();

	vhal_set_binder(f->v, binder, f);
	vhal_mark_bound(f->v, slot(f, TEMP_SET, 0x31), true);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		f->bound_ret = row[i].ret;
		CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 22), row[i].code);
	}
	fix_free(f);
}

TEST(set_of_a_bound_property_without_request_is_read_only)
{
	struct fix *f = fix_started();

	vhal_set_binder(f->v, binder, f);
	vhal_mark_bound(f->v, slot(f, TEMP_SET, 0x31), false);
	CHECK_EQ(vhal_config(f->v, TEMP_SET)->area[0].access, VHAL_READ);
	CHECK_EQ(vhal_config(f->v, TEMP_SET)->access, VHAL_READ);
	CHECK_EQ(set_f32(f, TEMP_SET, 0x31, 22), VHAL_ACCESS_DENIED);
	CHECK_EQ(f->bound_calls, 0);
	fix_free(f);
}

TEST(set_of_bound_brightness_is_confirmed_if_no_frame_will)
{
	struct fix *f = fix_started();

	vhal_set_binder(f->v, binder, f);
	vhal_mark_bound(f->v, slot(f, BRIGHTNESS, 0), true);
	CHECK_EQ(set_i32(f, BRIGHTNESS, 0, 50), VHAL_OK);
	last_event(f, 1, "DISPLAY_BRIGHTNESS", "50");
	CHECK_EQ(set_i32(f, BRIGHTNESS, 0, 51), VHAL_OK);
	last_event(f, 0, NULL, NULL);
	fix_free(f);
}

/* ---- HVAC power ---- */

TEST(hvac_off_makes_overlapping_dependents_unavailable)
{
	struct fix *f = fix_started();

	CHECK_EQ(set_i32(f, POWER_ON, 1, 0), VHAL_OK);
	CHECK_EQ(f->n, 3);
	CHECK_STR(f->ev[0].name, "HVAC_POWER_ON/ROW_1_LEFT");
	CHECK_STR(f->ev[1].name, "HVAC_FAN_SPEED/ROW_1_LEFT");
	CHECK_STR(f->ev[1].text, "unavailable 3");
	last_event(f, 3,
		   "HVAC_TEMPERATURE_SET/ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER",
		   "unavailable 20");
	CHECK_EQ(set_i32(f, FAN, 1, 5), VHAL_NOT_AVAILABLE_DISABLED);
	CHECK_EQ(vhal_check_get(f->v, FAN, 1, NULL),
		 VHAL_NOT_AVAILABLE_DISABLED);
	CHECK_EQ(set_i32(f, FAN, 4, 5), VHAL_OK);   /* the other side is on */
	CHECK_EQ(set_i32(f, AC_ON, 1, 1), VHAL_OK); /* does not hang on it */
	f->n = 0;
	CHECK_EQ(set_i32(f, POWER_ON, 1, 1), VHAL_OK);
	CHECK_EQ(f->n, 3);
	CHECK_STR(f->ev[1].text, "3");
	CHECK_EQ(set_i32(f, FAN, 1, 5), VHAL_OK);
	fix_free(f);
}

TEST(hvac_values_of_the_bus_wait_while_power_is_off)
{
	struct fix *f = fix_started();

	vhal_update_num(f->v, slot(f, POWER_ON, 1), 0);
	f->n = 0;
	vhal_update_num(f->v, slot(f, FAN, 1), 6);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, POWER_ON, 1), 1);
	CHECK_EQ(f->n, 3);
	CHECK_STR(f->ev[1].name, "HVAC_FAN_SPEED/ROW_1_LEFT");
	CHECK_STR(f->ev[1].text, "6");
	fix_free(f);
}

TEST(hvac_power_off_from_the_file_counts_from_the_start)
{
	static const char off[] =
		"{\"properties\":[{\"property\":"
		"\"VehicleProperty::HVAC_POWER_ON\","
		"\"configArray\":[\"VehicleProperty::HVAC_FAN_SPEED\"],"
		"\"areas\":[{\"areaId\":1,\"defaultValue\":"
		"{\"int32Values\":[0]}}]}]}";
	struct fix *f = fix_new();
	struct av_diags d = { 0 };

	CHECK_EQ(vhal_load(f->v, "off", off, strlen(off), &d), 0);
	CHECK_EQ(vhal_get(f->v, slot(f, FAN, 1))->status, VHAL_UNAVAILABLE);
	CHECK_EQ(vhal_get(f->v, slot(f, FAN, 4))->status, VHAL_AVAILABLE);
	CHECK_EQ(vhal_get(f->v, slot(f, TEMP_SET, 0x31))->status,
		 VHAL_AVAILABLE);
	fix_free(f);
}

/* ---- subscriptions ---- */

TEST(sub_delivers_the_current_value_at_once_and_then_each_period)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	evq_run_until(f->q, 7 * VT_MS);
	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 20), 0);
	CHECK_EQ(f->n, 1);
	CHECK(f->ev[0].t == 7 * VT_MS && f->ev[0].value_t == 7 * VT_MS);
	vhal_update_num(f->v, slot(f, SPEED, 0), 3); /* comes with the sample */
	CHECK_EQ(f->n, 1);
	evq_run_until(f->q, VT_S + 7 * VT_MS);
	CHECK_EQ(f->n, 21);
	for (size_t i = 1; i < 21; i++) {
		CHECK(f->ev[i].t == (vtime)(7 + 50 * i) * VT_MS);
		CHECK_EQ(f->ev[i].why, VHAL_SAMPLED);
		CHECK_STR(f->ev[i].text, "3");
		CHECK(f->ev[i].value_t > f->ev[i - 1].value_t);
	}
	vhal_sub_destroy(s);
	f->n = 0;
	evq_run_until(f->q, 3 * VT_S);
	CHECK_EQ(f->n, 0);
	fix_free(f);
}

TEST(sub_rates_are_clamped_to_the_propertys_range)
{
	static const struct {
		float rate;
		size_t per_s;
	} row[] = { { 1000, 100 }, { 0.01f, 1 }, { 0, 1 },
		    { NAN, 1 },    { -5, 1 },    { 25, 25 } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct fix *f = fix_new();
		struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

		CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), row[i].rate), 0);
		f->n = 0;
		evq_run_until(f->q, VT_S);
		CHECK_EQ(f->n, row[i].per_s);
		fix_free(f); /* takes the subscriber along */
	}
}

TEST(sub_same_period_comes_in_slot_order_whatever_the_order_of_adding)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	CHECK_EQ(vhal_sub_add(s, slot(f, RANGE, 0), 2), 0);
	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 2), 0);
	f->n = 0;
	evq_run_until(f->q, VT_S / 2);
	CHECK_EQ(f->n, 2);
	CHECK_STR(f->ev[0].name, "PERF_VEHICLE_SPEED");
	CHECK_STR(f->ev[1].name, "RANGE_REMAINING");
	fix_free(f);
}

TEST(sub_each_slot_keeps_the_phase_of_its_own_start)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	CHECK_EQ(vhal_sub_add(s, slot(f, RANGE, 0), 2), 0);
	evq_run_until(f->q, 100 * VT_MS);
	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 2), 0);
	f->n = 0;
	evq_run_until(f->q, VT_S);
	CHECK_EQ(f->n, 3);
	CHECK(f->ev[0].t == 500 * VT_MS);
	CHECK(f->ev[1].t == 600 * VT_MS);
	CHECK(f->ev[2].t == 1000 * VT_MS);
	fix_free(f);
}

struct joiner {
	struct vtimer t;
	struct fix *f;
	struct vhal_sub *sub;
};

static void join_now(struct vtimer *t, vtime now)
{
	struct joiner *j = t->ctx;

	CHECK(now == VT_S / 2);
	CHECK_EQ(j->f->n, 0);
	CHECK_EQ(vhal_sub_add(j->sub, slot(j->f, SPEED, 0), 2), 0);
}

TEST(sub_added_at_the_instant_of_a_sample_gets_one_event_not_two)
{
	struct fix *f = fix_new();
	struct joiner j = { .t.fn = join_now, .f = f };

	j.t.ctx = &j;
	j.sub = vhal_sub_create(f->v, on_event, f);
	/* armed first, fires before the sample of the same instant */
	CHECK_EQ(evq_arm(f->q, &j.t, VT_S / 2), 0);
	CHECK_EQ(vhal_sub_add(j.sub, slot(f, RANGE, 0), 2), 0);
	f->n = 0;
	evq_run_until(f->q, VT_S / 2);
	CHECK_EQ(f->n, 2);
	CHECK_STR(f->ev[0].name, "PERF_VEHICLE_SPEED");
	CHECK_STR(f->ev[1].name, "RANGE_REMAINING");
	evq_run_until(f->q, VT_S);
	CHECK_EQ(f->n, 4);
	fix_free(f);
}

TEST(sub_again_changes_the_rate)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 10), 0);
	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 50), 0);
	f->n = 0;
	evq_run_until(f->q, VT_S);
	CHECK_EQ(f->n, 50);
	vhal_sub_remove(s, slot(f, SPEED, 0));
	vhal_sub_remove(s, slot(f, SPEED, 0));
	vhal_sub_remove(s, 100000);
	f->n = 0;
	evq_run_until(f->q, 2 * VT_S);
	CHECK_EQ(f->n, 0);
	fix_free(f);
}

TEST(sub_on_change_property_ignores_the_rate)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	CHECK_EQ(vhal_sub_add(s, slot(f, GEAR, 0), 10), 0);
	CHECK_EQ(vhal_sub_add(s, slot(f, NIGHT, 0), 10), 0);
	last_event(f, 1, "GEAR_SELECTION", "4"); /* NIGHT_MODE has no value */
	evq_run_until(f->q, VT_S);
	last_event(f, 0, NULL, NULL);
	vhal_update_num(f->v, slot(f, GEAR, 0), 8);
	last_event(f, 1, "GEAR_SELECTION", "8");
	vhal_update_num(f->v, slot(f, BRIGHTNESS, 0), 8);
	last_event(f, 0, NULL, NULL); /* not subscribed */
	fix_free(f);
}

TEST(sub_samples_nothing_that_never_had_a_value)
{
	struct fix *f = fix_started();

	evq_run_until(f->q, VT_S);
	for (size_t i = 0; i < f->n; i++) {
		CHECK(strcmp(f->ev[i].name, "PERF_ODOMETER") != 0);
		CHECK(strcmp(f->ev[i].name, "WHEEL_TICK") != 0);
	}
	CHECK_EQ(f->n, 12); /* speed 10, range 2 */
	vhal_update_num(f->v, slot(f, ODOMETER, 0), 5);
	f->n = 0;
	evq_run_until(f->q, 2 * VT_S);
	CHECK_EQ(f->n, 14);
	fix_free(f);
}

TEST(sub_of_the_run_samples_at_most_at_10_hz)
{
	struct fix *f = fix_started();

	evq_run_until(f->q, 2 * VT_S);
	CHECK_EQ(f->n, 24); /* speed could do 100 Hz */
	CHECK(f->ev[0].t == 100 * VT_MS);
	fix_free(f);
}

TEST(sub_refuses_what_cannot_be_read)
{
	struct fix *f = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);

	CHECK_EQ(vhal_sub_add(s, slot(f, EPOCH, 0), 1), -EACCES);
	CHECK_EQ(vhal_sub_add(s, 100000, 1), -ENOENT);
	fix_free(f);
}

TEST(sub_two_subscribers_each_get_theirs)
{
	struct fix *f = fix_new(), *g = fix_new();
	struct vhal_sub *s = vhal_sub_create(f->v, on_event, f);
	struct vhal_sub *t = vhal_sub_create(f->v, on_event, g);

	CHECK_EQ(vhal_sub_add(s, slot(f, SPEED, 0), 10), 0);
	CHECK_EQ(vhal_sub_add(t, slot(f, SPEED, 0), 5), 0);
	CHECK_EQ(vhal_sub_add(t, slot(f, GEAR, 0), 0), 0);
	f->n = g->n = 0;
	evq_run_until(f->q, VT_S);
	CHECK_EQ(f->n, 10);
	CHECK_EQ(g->n, 5);
	vhal_sub_destroy(s);
	vhal_update_num(f->v, slot(f, GEAR, 0), 8);
	CHECK_EQ(f->n, 10);
	CHECK_EQ(g->n, 6);
	fix_free(f);
	fix_free(g);
}

TEST(sub_status_change_of_a_continuous_property_comes_at_once)
{
	struct fix *f = fix_started();

	vhal_update_status(f->v, slot(f, SPEED, 0), VHAL_UNAVAILABLE);
	last_event(f, 1, "PERF_VEHICLE_SPEED", "unavailable 0");
	fix_free(f);
}

int main(void)
{
	return RUN_TESTS(
		T(store_shows_initial_values_and_unavailable_without),
		T(store_start_publishes_every_value_once_in_slot_order),
		T(store_update_publishes_on_change_only),
		T(store_update_converts_by_type),
		T(store_nan_makes_unavailable_and_a_number_available_again),
		T(store_vectors_grow_by_element_and_change_whole),
		T(store_update_of_wrong_shape_has_no_effect),
		T(store_update_of_its_own_value_is_no_change),
		T(store_update_may_borrow_from_the_value_it_replaces),
		T(store_key_presses_are_events_even_if_equal),
		T(store_timestamps_never_repeat_for_a_slot),
		T(set_stores_and_echoes_what_is_not_bound),
		T(set_of_display_brightness_is_confirmed_even_if_unchanged),
		T(set_refuses_by_the_rules_of_the_interface),
		T(set_of_a_write_only_property_needs_no_value_before),
		T(set_of_mixed_vendor_values_follows_the_config_array),
		T(set_limits_the_size_and_refuses_bad_utf8),
		T(get_from_outside_by_the_rules),
		T(set_of_a_bound_property_is_a_request_not_a_change),
		T(set_of_a_bound_property_reports_the_binders_refusal),
		T(set_of_a_bound_property_without_request_is_read_only),
		T(set_of_bound_brightness_is_confirmed_if_no_frame_will),
		T(hvac_off_makes_overlapping_dependents_unavailable),
		T(hvac_values_of_the_bus_wait_while_power_is_off),
		T(hvac_power_off_from_the_file_counts_from_the_start),
		T(sub_delivers_the_current_value_at_once_and_then_each_period),
		T(sub_rates_are_clamped_to_the_propertys_range),
		T(sub_same_period_comes_in_slot_order_whatever_the_order_of_adding),
		T(sub_each_slot_keeps_the_phase_of_its_own_start),
		T(sub_added_at_the_instant_of_a_sample_gets_one_event_not_two),
		T(sub_again_changes_the_rate),
		T(sub_on_change_property_ignores_the_rate),
		T(sub_samples_nothing_that_never_had_a_value),
		T(sub_of_the_run_samples_at_most_at_10_hz),
		T(sub_refuses_what_cannot_be_read),
		T(sub_two_subscribers_each_get_theirs),
		T(sub_status_change_of_a_continuous_property_comes_at_once));
}
