/* SPDX-License-Identifier: Apache-2.0 */
/* What properties do beyond being stored. */
#include "config.h"

#include "sim/bundle.h"
#include "sim/vhal/vhal.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

/* clang-format off */
static const char car[] = "{\"properties\":["
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_SET\",\"areas\":["
	"{\"areaId\":1,\"minFloatValue\":16,\"maxFloatValue\":28}],"
	"\"configArray\":[160,280,5,608,824,9],\"defaultValue\":{\"floatValues\":[20]}},"
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_VALUE_SUGGESTION\"},"
	"{\"property\":\"VehicleProperty::CRUISE_CONTROL_ENABLED\"},"
	"{\"property\":\"VehicleProperty::CRUISE_CONTROL_COMMAND\"},"
	"{\"property\":\"VehicleProperty::CRUISE_CONTROL_TYPE\",\"defaultValue\":{\"int32Values\":[1]}},"
	"{\"property\":\"VehicleProperty::CRUISE_CONTROL_STATE\",\"defaultValue\":{\"int32Values\":[1]}},"
	"{\"property\":\"VehicleProperty::ADAPTIVE_CRUISE_CONTROL_TARGET_TIME_GAP\","
	"\"defaultValue\":{\"int32Values\":[1000]}},"
	"{\"property\":\"VehicleProperty::BLIND_SPOT_WARNING_ENABLED\"},"
	"{\"property\":\"VehicleProperty::BLIND_SPOT_WARNING_STATE\","
	"\"areas\":[{\"areaId\":1},{\"areaId\":2}],\"defaultValue\":{\"int32Values\":[1]}},"
	"{\"property\":\"VehicleProperty::CLUSTER_DISPLAY_STATE\","
	"\"defaultValue\":{\"int32Values\":[0,0,0,800,480,-1,-1,-1,-1]}},"
	"{\"property\":\"VehicleProperty::CLUSTER_REQUEST_DISPLAY\"},"
	"{\"property\":\"VehicleProperty::EVS_SERVICE_REQUEST\",\"defaultValue\":{\"int32Values\":[0,0]}},"
	"{\"property\":\"VehicleProperty::GEAR_SELECTION\",\"defaultValue\":{\"int32Values\":[4]}},"
	"{\"property\":\"VehicleProperty::VEHICLE_MAP_SERVICE\"}]}";
/* clang-format on */

struct fix {
	struct evq *q;
	struct vhal *v;
	struct vhal_sub *sub;
	char log[4000]; /* "NAME text\n" of every event but the first ones */
};

static void on_event(void *ctx, const struct vhal_event *e)
{
	struct fix *f = ctx;
	size_t n = strlen(f->log);
	char text[200];

	vhal_value_text(e->value, text, sizeof(text));
	snprintf(f->log + n, sizeof(f->log) - n, "%s %s\n", e->name, text);
}

static void setup(struct fix *f)
{
	struct av_diags d = { 0 };
	struct bundle in = { 0 };
	struct av_err err;
	char path[4096];

	memset(f, 0, sizeof(*f));
	f->q = evq_create();
	f->v = vhal_create(f->q, NULL);
	assert_int_equal(vhal_load(f->v, "car", car, sizeof(car) - 1, &d), 0);
	assert_int_equal(
		bundle_add_file(&in, BUNDLE_VHAL, "users",
				src_path("tests/data/vhal/users.json", path),
				&err),
		0);
	assert_int_equal(vhal_load(f->v, "users", in.file[0].data, in.file[0].len,
				   &d),
			 0);
	bundle_finish(&in);
	f->sub = vhal_sub_create(f->v, on_event, f);
	for (uint32_t i = 0; i < vhal_n_slots(f->v); i++) {
		vhal_sub_add(f->sub, i, 1);
	}
	f->log[0] = '\0';
}

static void teardown(struct fix *f)
{
	vhal_destroy(f->v);
	evq_destroy(f->q);
}

/* A guest's set of "PROPERTY" to text as of vhal_value_parse(). */
static enum vhal_code set(struct fix *f, const char *prop, const char *text)
{
	struct vhal_value val = { 0 };
	struct av_err err = { 0 };
	int32_t id, area;
	void *arena;
	enum vhal_code code;

	assert_int_equal(vhal_find(f->v, prop, &id, &area, &err), 0);
	if (vhal_value_parse(f->v, id, area, text, &val, &arena, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	f->log[0] = '\0';
	code = vhal_set(f->v, &val, CMD_FROM_GUEST, &err);
	free(arena);
	return code;
}

static void update(struct fix *f, const char *prop, double x)
{
	struct av_err err;
	int32_t id, area;

	assert_int_equal(vhal_find(f->v, prop, &id, &area, &err), 0);
	f->log[0] = '\0';
	vhal_update_num(f->v, (uint32_t)vhal_slot_of(f->v, id, area), x);
}

#define CHECK_LOG(text) assert_string_equal(f.log, text)

TEST(rules_temperature_suggestion_is_the_nearest_step_in_both_units)
{
#define SUGGEST "HVAC_TEMPERATURE_VALUE_SUGGESTION"
	struct fix f;

	setup(&f);
	CHECK_EQ(set(&f, SUGGEST, "[21.3,48,0,0]"), VHAL_OK);
	CHECK_LOG(SUGGEST " [21.3,48,21.5,70.7]\n");
	CHECK_EQ(set(&f, SUGGEST, "[21.3,48,0,0]"), VHAL_OK);
	CHECK_LOG(SUGGEST " [21.3,48,21.5,70.7]\n");
	CHECK_EQ(set(&f, SUGGEST, "[70,49,0,0]"), VHAL_OK);
	CHECK_LOG(SUGGEST " [70,49,21,69.8]\n");
	CHECK_EQ(set(&f, SUGGEST, "[1e9,48,0,0]"), VHAL_OK);
	CHECK_LOG(SUGGEST " [1e+09,48,28,82.4]\n");
	CHECK_EQ(set(&f, SUGGEST, "[-300,49,0,0]"), VHAL_OK);
	CHECK_LOG(SUGGEST " [-300,49,16,60.8]\n");
	CHECK_EQ(set(&f, SUGGEST, "[21,48,0]"), VHAL_INVALID_ARG);
	CHECK_EQ(set(&f, SUGGEST, "[21,50,0,0]"), VHAL_INVALID_ARG);
	CHECK_LOG("");
	teardown(&f);
}

TEST(rules_assistants_follow_their_switches)
{
	struct fix f;

	setup(&f);
	CHECK_EQ(set(&f, "CRUISE_CONTROL_ENABLED", "false"), VHAL_OK);
	CHECK_LOG("CRUISE_CONTROL_ENABLED false\nCRUISE_CONTROL_STATE -2\n");
	CHECK_EQ(set(&f, "CRUISE_CONTROL_ENABLED", "true"), VHAL_OK);
	CHECK_LOG("CRUISE_CONTROL_ENABLED true\nCRUISE_CONTROL_TYPE 2\n"
		  "CRUISE_CONTROL_STATE 1\n");
	CHECK_EQ(set(&f, "BLIND_SPOT_WARNING_ENABLED", "false"), VHAL_OK);
	CHECK_LOG("BLIND_SPOT_WARNING_ENABLED false\n"
		  "BLIND_SPOT_WARNING_STATE/DRIVER_LEFT -2\n"
		  "BLIND_SPOT_WARNING_STATE/DRIVER_RIGHT -2\n");
	teardown(&f);
}

TEST(rules_cruise_commands_answer_with_the_reason)
{
	static const struct {
		int state;
		enum vhal_code code;
	} row[] = {
		{ -1, VHAL_NOT_AVAILABLE },
		{ -2, VHAL_NOT_AVAILABLE_DISABLED },
		{ -3, VHAL_NOT_AVAILABLE_SPEED_LOW },
		{ -4, VHAL_NOT_AVAILABLE_SPEED_HIGH },
		{ -5, VHAL_NOT_AVAILABLE_POOR_VISIBILITY },
		{ -6, VHAL_NOT_AVAILABLE_SAFETY },
		{ -7, VHAL_NOT_AVAILABLE },
		{ 2, VHAL_OK },
	};
	const struct vhal_value q = { .prop = 0x11401014 };
	const struct vhal_value *out = NULL;
	struct av_err err;
	struct fix f;

	setup(&f);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		update(&f, "CRUISE_CONTROL_STATE", row[i].state);
		CHECK_EQ(set(&f, "CRUISE_CONTROL_COMMAND", "1"), row[i].code);
	}
	/* a standard cruise control keeps no distance */
	CHECK_EQ(set(&f, "CRUISE_CONTROL_COMMAND", "5"),
		 VHAL_NOT_AVAILABLE_DISABLED);
	CHECK_EQ(set(&f, "ADAPTIVE_CRUISE_CONTROL_TARGET_TIME_GAP", "900"),
		 VHAL_NOT_AVAILABLE_DISABLED);
	CHECK_EQ(vhal_query(f.v, &q, &out, &err), VHAL_NOT_AVAILABLE_DISABLED);
	update(&f, "CRUISE_CONTROL_TYPE", 2);
	CHECK_EQ(set(&f, "CRUISE_CONTROL_COMMAND", "5"), VHAL_OK);
	CHECK_EQ(set(&f, "ADAPTIVE_CRUISE_CONTROL_TARGET_TIME_GAP", "900"),
		 VHAL_OK);
	CHECK_EQ(vhal_query(f.v, &q, &out, &err), VHAL_OK);
	CHECK_EQ(out->i32[0], 900);
	teardown(&f);
}

TEST(rules_user_requests_are_answered_as_by_the_reference)
{
	struct fix f;

	setup(&f);
	CHECK_EQ(set(&f, "INITIAL_USER_INFO", "{i32:[41,3,10,8,1,10,8]}"),
		 VHAL_OK);
	CHECK_LOG("INITIAL_USER_INFO {i32:[41,0]}\n");
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[42,2,11,0,10,8,0]}"), VHAL_OK);
	CHECK_LOG("SWITCH_USER {i32:[42,3,1]}\n");
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[42,2,11,0,10,8,0]}"), VHAL_OK);
	CHECK_LOG("SWITCH_USER {i32:[42,3,1]}\n"); /* even if the same */
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[43,1,11,0,10,8,0]}"), VHAL_OK);
	CHECK_LOG("");
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[-1,5,11,0,11,8,0]}"), VHAL_OK);
	CHECK_LOG("");
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[44,4,11]}"), VHAL_INVALID_ARG);
	CHECK_EQ(set(&f, "SWITCH_USER", "{i32:[44]}"), VHAL_INVALID_ARG);
	CHECK_EQ(set(&f, "CREATE_USER", "{i32:[45,12,0,10,8,0],s:\"me\"}"),
		 VHAL_OK);
	CHECK_LOG("CREATE_USER {i32:[45,1]}\n");
	CHECK_EQ(set(&f, "REMOVE_USER", "{i32:[46,12,0,10,8,0]}"), VHAL_OK);
	CHECK_LOG("");
	CHECK_EQ(set(&f, "USER_IDENTIFICATION_ASSOCIATION",
		     "{i32:[47,10,0,1,1,1]}"),
		 VHAL_NOT_AVAILABLE);
	teardown(&f);
}

TEST(rules_user_associations_that_were_injected_are_told)
{
	const int32_t x[] = { 0, 1, 1, 2 };
	struct fix f;

	setup(&f);
	vhal_update(f.v, (uint32_t)vhal_slot_of(f.v, 0x11E00F0B, 0),
		    &(struct vhal_value){
			    .prop = 0x11E00F0B, .n_i32 = 4, .i32 = x });
	CHECK_EQ(set(&f, "USER_IDENTIFICATION_ASSOCIATION",
		     "{i32:[47,10,0,1,1,1]}"),
		 VHAL_OK);
	CHECK_LOG("USER_IDENTIFICATION_ASSOCIATION {i32:[47,1,1,2]}\n");
	teardown(&f);
}

TEST(rules_reverse_opens_the_rear_view)
{
	const int32_t left[] = { 3, 1 };
	struct fix f;

	setup(&f);
	update(&f, "GEAR_SELECTION", 2);
	CHECK_LOG("GEAR_SELECTION 2\nEVS_SERVICE_REQUEST [0,1]\n");
	update(&f, "GEAR_SELECTION", 8);
	CHECK_LOG("GEAR_SELECTION 8\nEVS_SERVICE_REQUEST [0,0]\n");
	update(&f, "GEAR_SELECTION", 4);
	CHECK_LOG("GEAR_SELECTION 4\n");
	/* a view that somebody opened is none of its business */
	vhal_update(f.v, (uint32_t)vhal_slot_of(f.v, 0x11410F10, 0),
		    &(struct vhal_value){
			    .prop = 0x11410F10, .n_i32 = 2, .i32 = left });
	update(&f, "GEAR_SELECTION", 8);
	CHECK_LOG("GEAR_SELECTION 8\n");
	teardown(&f);
}

TEST(rules_cluster_display_goes_on_when_android_asks)
{
	struct fix f;

	setup(&f);
	for (int i = 0; i < 2; i++) { /* an answer each time */
		CHECK_EQ(set(&f, "CLUSTER_REQUEST_DISPLAY", "1"), VHAL_OK);
		CHECK_LOG("CLUSTER_DISPLAY_STATE "
			  "[1,0,0,800,480,-1,-1,-1,-1]\n");
	}
	CHECK_EQ(set(&f, "VEHICLE_MAP_SERVICE", "{i32:[1,2]}"), VHAL_OK);
	CHECK_LOG("");
	teardown(&f);
}

int main(void)
{
	return RUN_TESTS(
		T(rules_temperature_suggestion_is_the_nearest_step_in_both_units),
		T(rules_assistants_follow_their_switches),
		T(rules_cruise_commands_answer_with_the_reason),
		T(rules_user_requests_are_answered_as_by_the_reference),
		T(rules_user_associations_that_were_injected_are_told),
		T(rules_reverse_opens_the_rear_view),
		T(rules_cluster_display_goes_on_when_android_asks));
}
