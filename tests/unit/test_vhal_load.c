/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the interface and the JSON configuration. */
#include "config.h"

#include "sim/bundle.h"
#include "sim/vhal/vhal_json.h"
#include "sim/vhal/vhal_priv.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test.h"

/* ---- helpers ---- */

struct fix {
	struct evq *q;
	struct vhal *v;
	struct av_diags d;
};

static struct fix fix_new(void)
{
	struct fix f = { .q = evq_create() };

	CHECK(f.q);
	f.v = vhal_create(f.q, NULL);
	CHECK(f.v);
	return f;
}

static void fix_free(struct fix *f)
{
	av_diags_finish(&f->d);
	vhal_destroy(f->v);
	evq_destroy(f->q);
}

static int load_text(struct fix *f, const char *json)
{
	return vhal_load(f->v, "t.json", json, strlen(json), &f->d);
}

static int load_file(struct fix *f, const char *path)
{
	char *text;
	size_t len;
	int ret;

	CHECK_EQ(av_read_file(path, 1 << 24, &text, &len, NULL), 0);
	ret = vhal_load(f->v, path, text, len, &f->d);
	free(text);
	if (ret < 0) {
		av_diags_print(&f->d, stdout);
	}
	return ret;
}

/* @json is refused with exactly this message at this place, and nothing of it
 * is loaded. */
static void refused(const char *json, unsigned int line, unsigned int col,
		    const char *msg)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, json), -EINVAL);
	CHECK(f.d.n >= 1);
	if (!strstr(f.d.v[0].msg, msg) || f.d.v[0].line != line ||
	    f.d.v[0].col != col) {
		fail_msg("%s\nwant %u:%u: %s\ngot  %u:%u: %s", json, line, col,
			 msg, f.d.v[0].line, f.d.v[0].col, f.d.v[0].msg);
	}
	CHECK_EQ(vhal_n_props(f.v), 0);
	CHECK_EQ(vhal_n_slots(f.v), 0);
	fix_free(&f);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- tables ---- */

TEST(tables_every_property_is_found_by_name_and_by_id)
{
	const struct vhal_prop_info *p, *before = NULL;
	size_t n = 0;

	for (; (p = vhal_prop_row(n)); n++) {
		CHECK(vhal_prop_by_name(p->name) == p);
		CHECK(vhal_prop_by_id(p->id) == p);
		CHECK(!before || strcmp(before->name, p->name) < 0);
		before = p;
	}
	CHECK_EQ(n, 280);
	CHECK(!vhal_prop_by_name("PERF_VEHICLE_SPED"));
	CHECK(!vhal_prop_by_name(""));
	CHECK(!vhal_prop_by_id(0));
	CHECK(!vhal_prop_by_id(-1));
	CHECK_EQ(vhal_prop_by_name("PERF_VEHICLE_SPEED")->id, 0x11600207);
	CHECK_EQ(vhal_prop_by_name("PERF_VEHICLE_SPEED")->mode,
		 VHAL_CONTINUOUS);
	CHECK_STR(vhal_prop_by_name("PERF_VEHICLE_SPEED")->unit,
		  "METER_PER_SEC");
	CHECK_EQ(vhal_prop_by_name("SEAT_MEMORY_SET")->access, VHAL_WRITE);
	CHECK_EQ(vhal_prop_by_name("BRAKE_PAD_WEAR_PERCENTAGE")->id,
		 0x17600311);
}

TEST(tables_every_property_has_known_types_unit_and_enums)
{
	struct vhal_consts units =
		vhal_consts_type(vhal_builtin, "VehicleUnit", 11);
	const struct vhal_prop_info *p;

	for (size_t i = 0; (p = vhal_prop_row(i)); i++) {
		const char *e = p->enum_name;

		if (p->unit[0]) {
			CHECK(vhal_consts_find(units, p->unit,
					       strlen(p->unit)));
		}
		while (*e) {
			size_t len = strcspn(e, " ");

			CHECK(vhal_consts_type(vhal_builtin, e, len).n > 0);
			e += len + (e[len] == ' ');
		}
	}
}

TEST(tables_constants_are_sorted_and_found)
{
	int64_t x;

	for (size_t i = 0; i < vhal_builtin.n; i++) {
		const struct vhal_const *c = &vhal_builtin.v[i];

		CHECK(i == 0 || vhal_const_cmp(c - 1, c) < 0);
		CHECK_EQ(vhal_enum_value(c->type, c->name, &x), 0);
		CHECK_EQ(x, c->value);
		CHECK(vhal_enum_label(c->type, c->value));
	}
	CHECK_EQ(vhal_enum_value(NULL, "VehicleGear::GEAR_PARK", &x), 0);
	CHECK_EQ(x, 4);
	CHECK_EQ(vhal_enum_value(NULL, "VehicleProperty::HVAC_FAN_SPEED", &x),
		 0);
	CHECK_EQ(x, 0x15400500);
	CHECK_EQ(vhal_enum_value("VehicleGear", "GEAR_DRIVE", &x), 0);
	CHECK_EQ(x, 8);
	CHECK_EQ(vhal_enum_value("VehicleGear", "GEAR_DRIV", &x), -ENOENT);
	CHECK_EQ(vhal_enum_value("VehicleGea", "GEAR_DRIVE", &x), -ENOENT);
	CHECK_EQ(vhal_enum_value(NULL, "GEAR_DRIVE", &x), -ENOENT);
	CHECK_EQ(vhal_enum_value("CruiseControlState ErrorState",
				 "NOT_AVAILABLE_SAFETY", &x),
		 0);
	CHECK_EQ(x, -6);
	CHECK_STR(vhal_enum_label("CruiseControlState ErrorState", -2),
		  "NOT_AVAILABLE_DISABLED");
	CHECK_STR(vhal_enum_label("VehicleIgnitionState", 4), "ON");
	CHECK(!vhal_enum_label("VehicleIgnitionState", 77));
	CHECK(!vhal_enum_label("", 4));
	CHECK_EQ(vhal_enum_value("Constants", "HVAC_LEFT", &x), 0);
	CHECK_EQ(x, 0x31);
	CHECK_EQ(vhal_enum_value("VehicleVendorPermission",
				 "PERMISSION_GET_VENDOR_CATEGORY_10", &x),
		 0);
	CHECK_EQ(x, 0xa1000);
}

/* Android's own metadata of the interface, read with another JSON reader. */
TEST(tables_agree_with_androids_metadata)
{
	char buf[4096];
	const char *path = shared_path("vhal/android15/android.hardware."
				       "automotive.vehicle-types-meta.json",
				       buf);
	json_t *root, *type, *val;
	size_t i, k, n_enum = 0, n_prop = 0;

	if (!path) {
		SKIP("no shared data");
	}
	root = json_load_file(path, 0, NULL);
	CHECK(root);
	json_array_foreach(root, i, type)
	{
		const char *name =
			json_string_value(json_object_get(type, "name"));

		json_array_foreach(json_object_get(type, "values"), k, val)
		{
			const char *vname =
				json_string_value(json_object_get(val, "name"));
			int64_t want = json_integer_value(
				json_object_get(val, "value"));
			const char *data = json_string_value(
				json_object_get(val, "data_enum"));
			int64_t got;

			if (!strcmp(name, "VehicleProperty")) {
				const struct vhal_prop_info *p =
					vhal_prop_by_id((int32_t)want);

				CHECK(p);
				/* some names there are sentences */
				if (!strpbrk(vname, " ./")) {
					CHECK_STR(p->name, vname);
				}
				if (data) {
					CHECK(!strncmp(p->enum_name, data,
						       strlen(data)));
				} else {
					CHECK_STR(p->enum_name, "");
				}
				n_prop++;
				continue;
			}
			CHECK_EQ(vhal_enum_value(name, vname, &got), 0);
			CHECK_EQ(got, want);
			n_enum++;
		}
	}
	json_decref(root);
	CHECK_EQ(n_prop, 267);
	CHECK(n_enum > 250);
}

/* ---- reference files ---- */

TEST(load_reference_files_unmodified)
{
	static const char *const files[] = {
		"vhal/android15/DefaultProperties.json",
		"vhal/android15/TestProperties.json",
		"vhal/android15/VendorClusterTestProperties.json",
	};
	static const size_t n_props[] = { 258, 270, 275 };
	struct fix f = fix_new();
	char buf[4096];

	for (size_t i = 0; i < 3; i++) {
		const char *path = shared_path(files[i], buf);

		if (!path) {
			fix_free(&f);
			SKIP("no shared data");
		}
		CHECK_EQ(load_file(&f, path), 0);
		CHECK_EQ(vhal_n_props(f.v), n_props[i]);
	}
	for (uint32_t s = 0; s < vhal_n_slots(f.v); s++) {
		const struct vhal_value *val = vhal_get(f.v, s);
		int32_t prop, area;
		struct av_err err;

		CHECK_EQ(vhal_slot_of(f.v, val->prop, val->area), s);
		CHECK_EQ(vhal_find(f.v, vhal_slot_name(f.v, s), &prop, &area,
				   &err),
			 0);
		CHECK_EQ(prop, val->prop);
		CHECK_EQ(area, val->area);
	}
	CHECK_EQ(vhal_config(f.v, 0x21e01111)->n_config_array, 9);
	CHECK_STR(vhal_config(f.v, 0x21e01111)->name,
		  "MIXED_TYPE_PROPERTY_FOR_TEST");
	CHECK_STR(
		vhal_get(f.v, (uint32_t)vhal_slot_of(f.v, 0x21e01111, 0))->str,
		"MIXED property");
	fix_free(&f);
}

TEST(load_overrides_replace_whole_properties)
{
	struct fix f = fix_new();
	char buf[4096];
	const struct vhal_prop_config *c;
	size_t n;

	if (!shared_path("vhal/android15/DefaultProperties.json", buf)) {
		fix_free(&f);
		SKIP("no shared data");
	}
	CHECK_EQ(load_file(&f, buf), 0);
	n = vhal_n_props(f.v);
	CHECK_EQ(vhal_config(f.v, 0x11400400)->n_config_array, 9);
	CHECK_EQ(load_file(&f, shared_path("vhal/override/gear_selection.json",
					   buf)),
		 0);
	CHECK_EQ(
		load_file(&f,
			  shared_path("vhal/override/hvac_temperature_set.json",
				      buf)),
		0);
	CHECK_EQ(vhal_n_props(f.v), n);
	CHECK_EQ(vhal_config(f.v, 0x11400400)->n_config_array, 0);
	CHECK_EQ(vhal_get(f.v, (uint32_t)vhal_slot_of(f.v, 0x11400400, 0))
			 ->i32[0],
		 8);
	c = vhal_config(f.v, 0x15600503);
	CHECK_EQ(c->n_areas, 1);
	CHECK_EQ(c->area[0].area, 0x31);
	CHECK_NEAR((double)c->area[0].max_f32, 32, 0);
	CHECK_STR(vhal_slot_name(f.v, c->area[0].slot),
		  "HVAC_TEMPERATURE_SET/ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER");
	fix_free(&f);
}

TEST(load_vendor_file_with_names_units_and_enums)
{
	struct fix f = fix_new();
	char buf[4096];
	const struct vhal_prop_config *c;
	int64_t x;

	CHECK_EQ(load_file(&f, src_path("tests/data/vhal/vendor.json", buf)),
		 0);
	CHECK_EQ(vhal_n_props(f.v), 3);
	c = vhal_prop_at(f.v, 0);
	CHECK_STR(c->name, "ACME_MODE");
	CHECK_STR(c->enum_name, "AcmeMode");
	CHECK_EQ(c->area[0].n_enum_values, 2);
	CHECK_EQ(c->area[0].enum_value[1], 2);
	CHECK_STR(vhal_label(f.v, c->prop, 16), "RACE");
	CHECK_EQ(vhal_get(f.v, c->area[0].slot)->i32[0], 1);
	c = vhal_prop_at(f.v, 1);
	CHECK_EQ(c->mode, VHAL_CONTINUOUS);
	CHECK_EQ(c->access, VHAL_READ);
	CHECK_STR(c->unit, "METER_PER_SEC");
	CHECK_NEAR((double)c->min_rate_hz, 0.5, 0);
	CHECK_EQ(vhal_get(f.v, c->area[0].slot)->status, VHAL_UNAVAILABLE);
	CHECK_EQ(vhal_get(f.v, c->area[0].slot)->n_f32, 0);
	CHECK_STR(vhal_prop_at(f.v, 2)->name, "0x21700103");
	/* types of an earlier file are known to a later one */
	CHECK_EQ(load_text(&f, "{\"properties\":[{\"property\":557842689,"
			       "\"access\":3,\"changeMode\":1,\"defaultValue\":"
			       "{\"int32Values\":[\"AcmeMode::RACE\"]}}]}"),
		 0);
	CHECK_EQ(vhal_get(f.v, 0)->i32[0], 16);
	CHECK_EQ(vhal_enum_value("AcmeMode", "RACE", &x), -ENOENT);
	fix_free(&f);
}

/* ---- defaults and areas ---- */

#define FAN(ver, def, areas)                                                   \
	"{\"apiVersion\":" ver ",\"properties\":[{\"property\":"               \
	"\"VehicleProperty::HVAC_FAN_SPEED\"" def ",\"areas\":[" areas "]}]}"
#define DEF(x) ",\"defaultValue\":{\"int32Values\":[" x "]}"
#define AREA(id, def) "{\"areaId\":\"Constants::" id "\"" def "}"

/* Value in area @i, or -1 for none. */
static int fan(struct fix *f, uint32_t i)
{
	return vhal_get(f->v, i)->n_i32 ? vhal_get(f->v, i)->i32[0] : -1;
}

TEST(load_default_of_property_goes_to_all_areas_if_none_has_its_own)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, FAN("1", DEF("3"),
				   AREA("SEAT_1_LEFT",
					"") "," AREA("SEAT_1_RIGHT", ""))),
		 0);
	CHECK_EQ(fan(&f, 0), 3);
	CHECK_EQ(fan(&f, 1), 3);
	fix_free(&f);
}

TEST(load_version_1_area_defaults_switch_the_propertys_off)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, FAN("1", DEF("3"),
				   AREA("SEAT_1_LEFT", DEF("5")) "," AREA(
					   "SEAT_1_RIGHT", ""))),
		 0);
	CHECK_EQ(fan(&f, 0), 5);
	CHECK_EQ(fan(&f, 1), -1);
	CHECK_EQ(vhal_get(f.v, 1)->status, VHAL_UNAVAILABLE);
	fix_free(&f);
}

TEST(load_version_2_area_defaults_go_over_the_propertys)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, FAN("2", DEF("3"),
				   AREA("SEAT_1_LEFT", DEF("5")) "," AREA(
					   "SEAT_1_RIGHT", ""))),
		 0);
	CHECK_EQ(fan(&f, 0), 5);
	CHECK_EQ(fan(&f, 1), 3);
	fix_free(&f);
}

TEST(load_property_without_areas_gets_area_0)
{
	struct fix f = fix_new();
	const struct vhal_prop_config *c;

	CHECK_EQ(load_text(&f, "{\"properties\":[{\"property\":"
			       "\"VehicleProperty::NIGHT_MODE\"}]}"),
		 0);
	c = vhal_prop_at(f.v, 0);
	CHECK_EQ(c->n_areas, 1);
	CHECK_EQ(c->area[0].area, 0);
	CHECK_EQ(c->area[0].access, VHAL_READ);
	CHECK(c->area[0].variable_rate);
	CHECK_EQ(c->mode, VHAL_ON_CHANGE);
	CHECK_STR(vhal_slot_name(f.v, 0), "NIGHT_MODE");
	fix_free(&f);
}

TEST(load_area_keys_of_all_versions)
{
	struct fix f = fix_new();
	const struct vhal_area_config *a;

	CHECK_EQ(load_text(&f,
			   "{\"properties\":[{\"property\":356517120,"
			   "\"access\":\"VehiclePropertyAccess::READ\","
			   "\"changeMode\":2,\"minSampleRate\":1,"
			   "\"maxSampleRate\":2.5,\"configString\":\"x\","
			   "\"configArray\":[1,\"VehicleGear::GEAR_PARK\",-1],"
			   "\"areas\":[{\"areaId\":5,\"access\":3,"
			   "\"minInt32Value\":-1,\"maxInt32Value\":1e1,"
			   "\"minInt64Value\":-9223372036854775808,"
			   "\"maxInt64Value\":9223372036854775807,"
			   "\"minFloatValue\":-1,\"maxFloatValue\":0.5,"
			   "\"supportedEnumValues\":[2,4],"
			   "\"supportVariableUpdateRate\":false,"
			   "\"hasSupportedValueInfo\":{\"hasMaxSupportedValue\""
			   ":true}}]}]}"),
		 0);
	CHECK_EQ(vhal_prop_at(f.v, 0)->mode, VHAL_CONTINUOUS);
	CHECK_EQ(vhal_prop_at(f.v, 0)->access, VHAL_READ);
	CHECK_STR(vhal_prop_at(f.v, 0)->config_string, "x");
	CHECK_EQ(vhal_prop_at(f.v, 0)->config_array[1], 4);
	CHECK_EQ(vhal_prop_at(f.v, 0)->config_array[2], -1);
	a = &vhal_prop_at(f.v, 0)->area[0];
	CHECK_EQ(a->area, 5);
	CHECK_EQ(a->access, VHAL_READ_WRITE);
	CHECK_EQ(a->min_i32, -1);
	CHECK_EQ(a->max_i32, 10);
	CHECK(a->min_i64 == INT64_MIN && a->max_i64 == INT64_MAX);
	CHECK_NEAR((double)a->max_f32, 0.5, 0);
	CHECK_EQ(a->n_enum_values, 2);
	CHECK(!a->variable_rate);
	CHECK(!a->has_min_supported && a->has_max_supported);
	fix_free(&f);
}

TEST(load_obd2_properties_get_no_value_from_a_file)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, "{\"properties\":[{\"property\":"
			       "\"VehicleProperty::OBD2_LIVE_FRAME\"" DEF(
				       "1") "}]}"),
		 0);
	CHECK_EQ(vhal_get(f.v, 0)->n_i32, 0);
	fix_free(&f);
}

/* ---- errors ---- */

TEST(load_errors_name_line_column_and_remedy)
{
	refused("", 1, 1, "the file is empty");
	refused(" \n\t\n", 3, 1, "the file is empty");
	refused("[]", 1, 1, "the file must be an object");
	refused("{}", 1, 1, "missing 'properties'");
	refused("{\"properties\": 3}", 1, 16, "properties must be an array");
	refused("{\"apiVersion\": 3, \"properties\": []}", 1, 16,
		"apiVersion is out of range: 3 is not in 1 to 2");
	refused("{\n  \"properties\": [\n    17\n  ]\n}", 3, 5,
		"a property must be an object");
	refused("{\"properties\": [{}]}", 1, 17, "missing 'property'");
	refused("{\"properties\": [{\"property\": 1}]}", 1, 30,
		"0x1 is no property id: unknown group");
	refused("{\"properties\": [\n{\"property\":\n "
		"\"VehicleProperty::PERF_VEHICLE_SPED\"}]}",
		3, 2,
		"unknown property 'PERF_VEHICLE_SPED' (did you mean "
		"'PERF_VEHICLE_SPEED'?)");
	refused("{\"properties\": [{\"property\":\"VehiclePropety::X\"}]}", 1,
		29,
		"unknown type 'VehiclePropety' (did you mean "
		"'VehicleProperty'?)");
	refused("{\"properties\": [{\"property\":\"NIGHT_MODE\"}]}", 1, 29,
		"'NIGHT_MODE' is not a constant");
	refused(FAN("1", DEF("\"VehicleGear::GEAR_PAK\""), ""), 1, 108,
		"VehicleGear has no 'GEAR_PAK' (did you mean 'GEAR_PARK'?)");
}

TEST(load_columns_count_characters_not_bytes)
{
	refused("{\"\xc3\xa4\xe2\x82\xac\": 1, \"properties\": 1}", 1, 25,
		"properties must be an array");
	refused("\xef\xbb\xbf{}", 1, 1, "missing 'properties'");
	refused("{\"a\": \"\\u00e4\\n\", \"properties\": 1}", 1, 33,
		"properties must be an array");
}

TEST(load_collects_all_errors_of_a_file_and_loads_nothing)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f,
			   "{\"properties\": [\n"
			   "{\"property\": 0},\n"
			   "{\"property\": \"VehicleProperty::NIGHT_MODE\"},\n"
			   "{\"property\": \"VehicleProperty::NOTHING\"},\n"
			   "{\"property\": \"VehicleProperty::INFO_VIN\","
			   "\"defaultValue\": 1}]}"),
		 -EINVAL);
	CHECK_EQ(f.d.n, 3);
	CHECK_EQ(f.d.v[0].line, 2);
	CHECK_EQ(f.d.v[1].line, 4);
	CHECK_EQ(f.d.v[2].line, 5);
	CHECK_EQ(vhal_n_props(f.v), 0);
	fix_free(&f);
}

TEST(load_refuses_what_the_store_could_not_keep)
{
	refused("{\"properties\": [{\"property\": "
		"\"VehicleProperty::NIGHT_MODE\"},\n{\"property\": "
		"\"VehicleProperty::NIGHT_MODE\"}]}",
		2, 14, "NIGHT_MODE is given twice");
	refused(FAN("1", "",
		    AREA("SEAT_1_LEFT", "") ",\n" AREA("SEAT_1_LEFT", "")),
		2, 1, "HVAC_FAN_SPEED has the area 0x1 twice");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1}]}",
		1, 17, "missing 'changeMode'");
	refused("{\"properties\": [{\"property\": 559939842, "
		"\"changeMode\": 1}]}",
		1, 17, "missing 'access'");
	refused("{\"properties\": [{\"property\": "
		"\"VehicleProperty::PERF_VEHICLE_SPEED\", "
		"\"minSampleRate\": 1}]}",
		1, 17, "missing 'maxSampleRate' of a continuous property");
	refused("{\"properties\": [{\"property\": "
		"\"VehicleProperty::PERF_VEHICLE_SPEED\", "
		"\"minSampleRate\": 5, \"maxSampleRate\": 2}]}",
		1, 86, "minSampleRate is greater than maxSampleRate");
	refused("{\"properties\": [{\"property\": "
		"\"VehicleProperty::NIGHT_MODE\", \"areas\": [\n"
		"{\"areaId\": 1}]}]}",
		2, 12, "NIGHT_MODE is a global property");
	refused(FAN("1", "", "{\"areaId\": 1, \"minInt32Value\": 2}"), 1, 117,
		"the smallest value is greater than the largest");
	refused(FAN("1", "", "{}"), 1, 86, "missing 'areaId'");
}

TEST(load_refuses_defaults_of_the_wrong_shape)
{
	refused(FAN("1", ",\"defaultValue\":{\"floatValues\":[1]}", ""), 1, 92,
		"HVAC_FAN_SPEED is INT32: a value of another type");
	refused(FAN("1", DEF("1,2"), ""), 1, 92,
		"HVAC_FAN_SPEED takes one value, not 2");
	refused(FAN("1", ",\"defaultValue\":{}", ""), 1, 92,
		"HVAC_FAN_SPEED takes one value, not 0");
	refused(FAN("1", DEF("1.5"), ""), 1, 108,
		"int32Values must be an integer, not 1.5");
	refused(FAN("1", DEF("true"), ""), 1, 108,
		"int32Values must be an integer or a constant");
	refused(FAN("1", DEF("2147483648"), ""), 1, 108,
		"int32Values is out of range");
	refused(FAN("1", DEF("99999999999999999999"), ""), 1, 108,
		"int32Values must be an integer");
}

TEST(load_refuses_bad_vendor_names_and_enums)
{
	refused("{\"enums\": {\"VehicleGear\": {\"X\": 1}}, \"properties\": "
		"[]}",
		1, 12, "VehicleGear is a type of the interface");
	refused("{\"enums\": {\"A\": {\"x\": 1}}, \"properties\": []}", 1, 18,
		"a name is made of capital letters");
	refused("{\"enums\": {\"A b\": {}}, \"properties\": []}", 1, 12,
		"a type's name is made of letters");
	refused("{\"enums\": [], \"properties\": []}", 1, 11,
		"enums must be an object");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1,"
		"\"changeMode\": 1, \"name\": \"NIGHT_MODE\"}]}",
		1, 78, "NIGHT_MODE is the name of property 0x11200407");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1,"
		"\"changeMode\": 1, \"name\": \"A/B\"}]}",
		1, 78, "a name is made of capital letters");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1,"
		"\"changeMode\": 1, \"name\": \"A\"},\n{\"property\": "
		"559939843,"
		"\"access\": 1,\"changeMode\": 1,\n\"name\": \"A\"}]}",
		3, 9, "the name A is another property's already");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1,"
		"\"changeMode\": 1, \"enum\": \"Nope\"}]}",
		1, 78, "unknown type 'Nope'");
	refused("{\"properties\": [{\"property\": 559939842, \"access\": 1,"
		"\"changeMode\": 1, \"unit\": \"mph\"}]}",
		1, 78, "unknown VehicleUnit 'mph'");
}

TEST(load_is_over_once_the_store_is_in_use)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, FAN("1", DEF("3"), "")), 0);
	vhal_mark_bound(f.v, 0, true);
	CHECK_EQ(load_text(&f, FAN("1", DEF("3"), "")), -EBUSY);
	CHECK_EQ(f.d.n, 1);
	fix_free(&f);
}

/* ---- JSON ---- */

TEST(json_errors_name_the_place)
{
	refused("{\"properties\": [}", 1, 17, "this is no JSON value");
	refused("{\"properties\": [1,]}", 1, 19, "a value is missing after");
	refused("{\"a\": 1,}", 1, 9, "a key is missing after ','");
	refused("{\"a\" 1}", 1, 6, "expected ':'");
	refused("{a: 1}", 1, 2, "expected a key in quotes");
	refused("{\"a\": 1 \"b\": 2}", 1, 9, "expected ',' or '}'");
	refused("{\"a\": [1 2]}", 1, 10, "expected ',' or ']'");
	refused("{\"a\": 1", 1, 8, "expected ',' or '}'");
	refused("{\"a\":", 1, 6, "the file ends too early");
	refused("{\"a", 1, 2, "string without an end");
	refused("{\"a\": 1,\n \"b\": {\"c\": 1,\n\"c\": 2}}", 3, 1,
		"duplicate key 'c'");
	refused("{\"a\": 1, \"\\u0061\": 2}", 1, 10, "duplicate key 'a'");
	refused("{} {}", 1, 4, "text behind the end of the value");
	refused("{\"a\": 01}", 1, 7, "a number cannot start with 0");
	refused("{\"a\": -}", 1, 7, "a number needs a digit after '-'");
	refused("{\"a\": 1.}", 1, 7, "a number needs a digit after its point");
	refused("{\"a\": 1e}", 1, 7, "a number needs a digit in its exponent");
	refused("{\"a\": nul}", 1, 7, "this is no JSON value");
	refused("{\"a\": \"\\x\"}", 1, 8, "unknown escape");
	refused("{\"a\": \"\\u12g4\"}", 1, 8, "\\u needs four");
	refused("{\"a\": \"\\ud800\"}", 1, 8, "half a surrogate pair");
	refused("{\"a\": \"\\udc00\\ud800\"}", 1, 8, "half a surrogate pair");
	refused("{\"a\": \"\\u0000\"}", 1, 8, "a string cannot hold \\u0000");
	refused("{\"a\": \"x\ny\"}", 1, 9, "control character in a string");
	refused("{\"a\":\n \"x\xff\"}", 2, 4, "invalid UTF-8");
	refused("{\"a\":\n \"\xc3\"}", 2, 3, "invalid UTF-8");
	refused("{\"\xed\xa0\x80\": 1}", 1, 3, "invalid UTF-8");
	refused("{\"\xc0\x80\": 1}", 1, 3, "invalid UTF-8");
	refused("{\"\xf4\x90\x80\x80\": 1}", 1, 3, "invalid UTF-8");
	refused("{\"a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\": 1}", 1, 4,
		"invalid UTF-8");
}

TEST(json_nul_bytes_are_refused_everywhere)
{
	static const char text[] = "{\"a\0b\": 1}", tail[] = "{}\0";
	struct fix f = fix_new();

	CHECK_EQ(vhal_load(f.v, "t", text, sizeof(text) - 1, &f.d), -EINVAL);
	CHECK_EQ(f.d.v[0].col, 4);
	CHECK_EQ(vhal_load(f.v, "t", tail, sizeof(tail) - 1, &f.d), -EINVAL);
	CHECK_EQ(f.d.v[1].col, 3);
	fix_free(&f);
}

TEST(json_strings_are_decoded)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, "{\"properties\":[{\"property\":"
			       "\"VehicleProperty::INFO_VIN\",\"defaultValue\":"
			       "{\"stringValue\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\t"
			       "\\u00e4\\u20AC\\ud83d\\ude00\xc3\xa4\"}}]}"),
		 0);
	CHECK_STR(vhal_get(f.v, 0)->str, "a\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac"
					 "\xf0\x9f\x98\x80\xc3\xa4");
	fix_free(&f);
}

TEST(json_crlf_and_no_final_newline_are_fine)
{
	struct fix f = fix_new();

	CHECK_EQ(load_text(&f, "\xef\xbb\xbf{\r\n\"properties\":\r\n[]\r\n}"),
		 0);
	CHECK_EQ(vhal_n_props(f.v), 0);
	fix_free(&f);
}

TEST(json_numbers_out_of_range_are_refused_not_infinite)
{
	refused("{\"properties\": [{\"property\": "
		"\"VehicleProperty::HVAC_TEMPERATURE_SET\", \"areas\": [\n"
		"{\"areaId\": 1, \"maxFloatValue\": 1e999}]}]}",
		2, 32, "maxFloatValue is out of range of a float: 1e999");
	refused("{\"properties\": [{\"property\": 1e999}]}", 1, 30,
		"property must be an integer, not 1e999");
	refused("{\"properties\": [{\"property\": -1e-999}]}", 1, 30,
		"0x0 is no property id");
	refused("{\"properties\": [{\"property\": "
		"99999999999999999999999999999999999999999999999}]}",
		1, 30, "property must be an integer");
}

/* A file of @n times @open and then @n times @close. */
static char *nested(size_t n, char open, char close)
{
	char *s = malloc(2 * n + 1);

	CHECK(s);
	memset(s, open, n);
	memset(s + n, close, n);
	s[2 * n] = '\0';
	return s;
}

TEST(json_depth_bomb_is_refused)
{
	char *s = nested(100000, '[', ']');

	refused(s, 1, VJSON_DEPTH_MAX + 1, "nested too deeply");
	free(s);
}

/* Text of a file with @n vendor properties, or @n errors. */
static char *many(size_t n, bool good)
{
	char *s = malloc(n * 128 + 64);
	size_t at;

	CHECK(s);
	at = (size_t)sprintf(s, "{\"properties\":[\n");
	for (size_t i = 0; i < n; i++) {
		at += (size_t)sprintf(
			s + at,
			"{\"property\":%ld,\"access\":3,\"changeMode\":1,"
			"\"name\":\"P_%zu\",\"defaultValue\":{\"int32Values\":"
			"[%s]}}%s\n",
			0x21400000L + (long)(i & 0xffff) +
				(i > 0xffff ? 0x100000 : 0),
			i,
			good ? (i > 0xffff ? "],\"int64Values\":[7" : "7")
			     : "\"VehicleGear::GEAR_X\"",
			i + 1 < n ? "," : "");
	}
	strcpy(s + at, "]}");
	return s;
}

static double time_of(size_t n, bool good)
{
	char *s = many(n, good);
	double best = 1e9;

	for (int k = 0; k < 3; k++) {
		struct fix f = fix_new();
		double t = seconds();

		CHECK_EQ(load_text(&f, s), good ? 0 : -EINVAL);
		t = seconds() - t;
		best = t < best ? t : best;
		CHECK_EQ(vhal_n_props(f.v), good ? n : 0);
		CHECK_EQ(f.d.n + f.d.dropped, good ? 0 : n);
		fix_free(&f);
	}
	free(s);
	return best;
}

TEST(load_100000_properties_takes_time_in_proportion)
{
	double small = time_of(10000, true), large = time_of(100000, true);
	double wrong = time_of(100000, false);

	print_message("10000: %.1f ms, 100000: %.1f ms, with 100000 errors: "
		      "%.1f ms\n",
		      small * 1e3, large * 1e3, wrong * 1e3);
	CHECK(large < 30 * small); /* n log n, and a noisy machine */
	CHECK(wrong < 10 * large);
}

TEST(load_objects_with_many_keys_take_time_in_proportion)
{
	char *s = malloc(100000 * 16 + 64);
	struct fix f = fix_new();
	double t = seconds();
	size_t at;

	CHECK(s);
	at = (size_t)sprintf(s, "{\"properties\":[]");
	for (int i = 0; i < 100000; i++) {
		at += (size_t)sprintf(s + at, ",\"k%d\":0", i);
	}
	strcpy(s + at, "}");
	CHECK_EQ(load_text(&f, s), 0);
	CHECK(seconds() - t < 2);
	free(s);
	fix_free(&f);
}

int main(void)
{
	return RUN_TESTS(
		T(tables_every_property_is_found_by_name_and_by_id),
		T(tables_every_property_has_known_types_unit_and_enums),
		T(tables_constants_are_sorted_and_found),
		T(tables_agree_with_androids_metadata),
		T(load_reference_files_unmodified),
		T(load_overrides_replace_whole_properties),
		T(load_vendor_file_with_names_units_and_enums),
		T(load_default_of_property_goes_to_all_areas_if_none_has_its_own),
		T(load_version_1_area_defaults_switch_the_propertys_off),
		T(load_version_2_area_defaults_go_over_the_propertys),
		T(load_property_without_areas_gets_area_0),
		T(load_area_keys_of_all_versions),
		T(load_obd2_properties_get_no_value_from_a_file),
		T(load_errors_name_line_column_and_remedy),
		T(load_columns_count_characters_not_bytes),
		T(load_collects_all_errors_of_a_file_and_loads_nothing),
		T(load_refuses_what_the_store_could_not_keep),
		T(load_refuses_defaults_of_the_wrong_shape),
		T(load_refuses_bad_vendor_names_and_enums),
		T(load_is_over_once_the_store_is_in_use),
		T(json_errors_name_the_place),
		T(json_nul_bytes_are_refused_everywhere),
		T(json_strings_are_decoded),
		T(json_crlf_and_no_final_newline_are_fine),
		T(json_numbers_out_of_range_are_refused_not_infinite),
		T(json_depth_bomb_is_refused),
		T(load_100000_properties_takes_time_in_proportion),
		T(load_objects_with_many_keys_take_time_in_proportion));
}
