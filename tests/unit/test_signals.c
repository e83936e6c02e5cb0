/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/signals/signals.h"

#include <errno.h>
#include <string.h>

static const char dbc_text[] =
	"VERSION \"\"\n"
	"BU_: ESC GW\n"
	"BO_ 256 ESP: 8 ESC\n"
	" SG_ Speed : 0|16@1- (0.01,0) [0|0] \"km/h\" GW\n"
	" SG_ Gear : 16|2@1+ (1,0) [0|3] \"\" GW\n"
	" SG_ Part : 18|4@1- (0.1,0) [0|0] \"km/h\" GW\n"
	" SG_ Fruit : 24|8@1+ (1,0) [0|255] \"bananas\" GW\n"
	" SG_ Level : 32|8@1+ (0.5,0) [0|100] \"%\" GW\n"
	" SG_ Tail : 63|1@1+ (1,0) [0|1] \"\" GW\n"
	"BO_ 257 MUX: 3 ESC\n"
	" SG_ Sel M : 0|8@1+ (1,0) [0|1] \"\" GW\n"
	" SG_ A m0 : 8|16@1+ (1,0) [0|0] \"\" GW\n"
	" SG_ B m1 : 8|16@1+ (1,0) [0|0] \"\" GW\n"
	"BO_ 512 REQ: 3 GW\n"
	" SG_ Temp : 0|8@1+ (0.5,0) [0|0] \"degC\" ESC\n"
	" SG_ On : 8|2@1+ (1,0) [0|3] \"\" ESC\n"
	" SG_ Gear : 10|3@1+ (1,0) [0|7] \"\" ESC\n"
	" SG_ Bit : 13|1@1+ (1,0) [0|1] \"\" ESC\n"
	" SG_ Neg : 14|4@1- (1,0) [0|0] \"\" ESC\n"
	" SG_ Level : 18|4@1+ (10,0) [0|100] \"%\" ESC\n"
	"BO_ 768 CLIMA: 1 ESC\n"
	" SG_ Temp : 0|8@1+ (0.5,0) [0|0] \"degC\" GW\n"
	"VAL_ 256 Gear 0 \"P\" 1 \"R\" 2 \"N\" 3 \"D\" ;\n"
	"VAL_ 512 Gear 0 \"P\" 3 \"D\" ;\n";

static const char store_text[] =
	"{\"properties\":["
	"{\"property\":\"VehicleProperty::PERF_VEHICLE_SPEED\","
	" \"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::GEAR_SELECTION\"},"
	"{\"property\":\"VehicleProperty::CURRENT_GEAR\"},"
	"{\"property\":\"VehicleProperty::INFO_VIN\"},"
	"{\"property\":\"VehicleProperty::EV_CHARGE_PERCENT_LIMIT\"},"
	"{\"property\":\"VehicleProperty::WHEEL_TICK\","
	" \"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_SET\",\"areas\":["
	" {\"areaId\":1,\"minFloatValue\":16,\"maxFloatValue\":28},"
	" {\"areaId\":4,\"minFloatValue\":0,\"maxFloatValue\":1000}]}]}";

struct fixture {
	struct evq *q;
	struct bus *bus;
	struct dbc *dbc;
	struct vhal *vhal;
	struct signals *s;
	struct av_diags d;
	size_t n_events;
	struct signal_event last;
};

static void on_signal(void *ctx, const void *msg)
{
	struct fixture *f = ctx;

	f->last = *(const struct signal_event *)msg;
	f->n_events++;
}

static int setup_rows(struct fixture *f, const char *yaml, bool store)
{
	struct signals_bus b = { "can0", NULL };

	memset(f, 0, sizeof(*f));
	f->q = evq_create();
	f->bus = bus_create(av_topics, TOPIC_N);
	f->vhal = vhal_create(f->q, f->bus);
	CHECK_EQ(vhal_load(f->vhal, "store", store_text, strlen(store_text),
			   &f->d),
		 0);
	CHECK_EQ(dbc_parse("t.dbc", dbc_text, strlen(dbc_text), &f->dbc, &f->d,
			   NULL),
		 0);
	b.dbc = f->dbc;
	return signals_create("t.yaml", yaml, strlen(yaml), &b, 1,
			      store ? f->vhal : NULL, &f->s, &f->d);
}

static void setup(struct fixture *f, const char *yaml)
{
	if (setup_rows(f, yaml, true) < 0) {
		av_diags_print(&f->d, stdout);
		fail_msg("the table does not load");
	}
	CHECK_EQ(f->d.n, 0);
	CHECK_EQ(bus_subscribe(f->bus, TOPIC_SIGNAL, STAGE_TAP, "test",
			       on_signal, f, NULL),
		 0);
	CHECK_EQ(signals_attach(f->s, f->bus, NULL, NULL), 0);
	CHECK_EQ(vhal_start(f->vhal, NULL), 0);
}

static void teardown(struct fixture *f)
{
	signals_destroy(f->s);
	vhal_destroy(f->vhal);
	dbc_destroy(f->dbc);
	bus_destroy(f->bus);
	evq_destroy(f->q);
	av_diags_finish(&f->d);
}

static void frame(struct fixture *f, uint32_t id, const char *hex, vtime t)
{
	struct can_frame fr = { .t = t, .id = id };

	for (; hex[0] && hex[1]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };

		fr.data[fr.len++] = (uint8_t)strtoul(two, NULL, 16);
	}
	evq_run_until(f->q, t);
	bus_publish(f->bus, TOPIC_CAN, &fr);
}

static double value(const struct fixture *f, const char *key)
{
	int i = signals_find(f->s, key);

	CHECK(i >= 0);
	return signals_value(f->s, (uint32_t)i, NULL, NULL);
}

static const struct vhal_value *prop(const struct fixture *f, const char *name)
{
	int32_t p, a;

	CHECK_EQ(vhal_find(f->vhal, name, &p, &a, NULL), 0);
	return vhal_get(f->vhal, (uint32_t)vhal_slot_of(f->vhal, p, a));
}

TEST(signals_without_a_table_go_by_bus_message_and_name)
{
	struct fixture f;
	vtime seen, changed;

	setup(&f, "");
	CHECK_EQ(signals_count(f.s), 16);
	CHECK_STR(signals_key(f.s, 0), "can0:ESP.Speed");
	CHECK_STR(signals_unit(f.s, 0), "km/h");
	CHECK_EQ(signals_find(f.s, "can0:ESP.Sped"), -1);
	CHECK(isnan(signals_value(f.s, 0, &changed, &seen)));
	CHECK_EQ(seen, VT_NEVER);
	CHECK_EQ(changed, VT_NEVER);
	frame(&f, 256, "1027000000000000", 5 * VT_MS);
	CHECK_NEAR(value(&f, "can0:ESP.Speed"), 100.0, 1e-9);
	CHECK_EQ(f.n_events, 6);
	teardown(&f);
}

TEST(signals_only_what_changed_is_published)
{
	struct fixture f;
	vtime seen, changed;

	setup(&f, "");
	frame(&f, 256, "1027000000000000", 10 * VT_MS);
	f.n_events = 0;
	frame(&f, 256, "1027000000000000", 20 * VT_MS);
	CHECK_EQ(f.n_events, 0);
	frame(&f, 256, "1027020000000000", 30 * VT_MS);
	CHECK_EQ(f.n_events, 1);
	CHECK_STR(signals_key(f.s, f.last.idx), "can0:ESP.Gear");
	CHECK_STR(f.last.label, "N");
	CHECK_EQ(f.last.raw, 2);
	CHECK_EQ(f.last.t, 30 * VT_MS);
	signals_value(f.s, 0, &changed, &seen);
	CHECK_EQ(changed, 10 * VT_MS);
	CHECK_EQ(seen, 30 * VT_MS);
	teardown(&f);
}

TEST(signals_beyond_a_short_frame_keep_their_value)
{
	struct fixture f;

	setup(&f, "");
	frame(&f, 256, "10270000000000ff", 0);
	CHECK_NEAR(value(&f, "can0:ESP.Tail"), 1, 0);
	frame(&f, 256, "2027", 10);
	CHECK_NEAR(value(&f, "can0:ESP.Speed"), 100.16, 1e-9);
	CHECK_NEAR(value(&f, "can0:ESP.Tail"), 1, 0);
	frame(&f, 256, "", 20);
	CHECK_NEAR(value(&f, "can0:ESP.Speed"), 100.16, 1e-9);
	teardown(&f);
}

TEST(signals_multiplexed_ones_come_with_their_selector)
{
	struct fixture f;
	vtime seen;
	int b;

	setup(&f, "");
	frame(&f, 257, "000500", 1);
	CHECK_NEAR(value(&f, "can0:MUX.A"), 5, 0);
	CHECK(isnan(value(&f, "can0:MUX.B")));
	frame(&f, 257, "010700", 2);
	CHECK_NEAR(value(&f, "can0:MUX.A"), 5, 0);
	CHECK_NEAR(value(&f, "can0:MUX.B"), 7, 0);
	f.n_events = 0;
	frame(&f, 257, "000500", 3);
	CHECK_EQ(f.n_events, 1); /* the selector; A is 5 as before */
	b = signals_find(f.s, "can0:MUX.B");
	signals_value(f.s, (uint32_t)b, NULL, &seen);
	CHECK_EQ(seen, 2);
	frame(&f, 257, "090500", 4); /* nobody's */
	CHECK_NEAR(value(&f, "can0:MUX.A"), 5, 0);
	teardown(&f);
}

TEST(signals_remote_and_error_frames_carry_nothing)
{
	struct can_frame fr = { .id = 256, .len = 8, .flags = CAN_RTR };
	struct fixture f;

	setup(&f, "");
	bus_publish(f.bus, TOPIC_CAN, &fr);
	fr.flags = CAN_ERR;
	bus_publish(f.bus, TOPIC_CAN, &fr);
	fr.flags = CAN_EXT; /* another identifier */
	bus_publish(f.bus, TOPIC_CAN, &fr);
	fr.flags = 0;
	fr.bus = 1;
	bus_publish(f.bus, TOPIC_CAN, &fr);
	CHECK_EQ(f.n_events, 0);
	teardown(&f);
}

TEST(signals_a_sum_follows_both_parts)
{
	struct fixture f;

	setup(&f, "bindings:\n"
		  "  - sum: [ESP.Speed, ESP.Part]\n"
		  "    vss: Vehicle.Speed\n"
		  "    vhal: PERF_VEHICLE_SPEED\n"
		  "  - mean: [ESP.Speed, ESP.Part]\n"
		  "    vss: Vehicle.AverageSpeed\n");
	frame(&f, 256, "1027000000000000", 1);
	CHECK_NEAR(value(&f, "Vehicle.Speed"), 100.0, 1e-9);
	f.n_events = 0;
	frame(&f, 256, "10270c0000000000", 2); /* Part 3: 0.3 km/h */
	CHECK_EQ(f.n_events, 3); /* the part and both made of it */
	CHECK_NEAR(value(&f, "can0:ESP.Speed"), 100.0, 1e-9);
	CHECK_NEAR(value(&f, "Vehicle.AverageSpeed"), 50.15, 1e-9);
	CHECK_NEAR(value(&f, "Vehicle.Speed"), 100.3, 1e-9);
	CHECK_NEAR(value(&f, "can0:ESP.Part"), 0.3, 1e-9);
	CHECK_NEAR(prop(&f, "PERF_VEHICLE_SPEED")->f32[0], 100.3 / 3.6, 1e-5);
	teardown(&f);
}

TEST(signals_values_outside_an_enum_make_the_property_unavailable)
{
	struct fixture f;

	setup(&f, "bindings:\n"
		  "  - signal: ESP.Gear\n"
		  "    vhal: [GEAR_SELECTION, CURRENT_GEAR]\n"
		  "    enum: { P: GEAR_PARK, 3: GEAR_DRIVE }\n");
	frame(&f, 256, "0000030000000000", 1);
	CHECK_EQ(prop(&f, "GEAR_SELECTION")->i32[0], 8);
	CHECK_EQ(prop(&f, "CURRENT_GEAR")->i32[0], 8);
	frame(&f, 256, "0000010000000000", 2);
	CHECK_EQ(prop(&f, "GEAR_SELECTION")->status, VHAL_UNAVAILABLE);
	frame(&f, 256, "0000000000000000", 3);
	CHECK_EQ(prop(&f, "GEAR_SELECTION")->status, VHAL_AVAILABLE);
	CHECK_EQ(prop(&f, "GEAR_SELECTION")->i32[0], 4);
	teardown(&f);
}

TEST(signals_a_vector_appears_when_it_is_complete)
{
	struct fixture f;
	const struct vhal_value *v;

	setup(&f, "bindings:\n"
		  "  - vhal: WHEEL_TICK\n"
		  "    vhal_index: 0\n"
		  "    value: 7\n"
		  "  - signal: ESP.Fruit\n"
		  "    unit: ''\n"
		  "    vhal: WHEEL_TICK\n"
		  "    vhal_index: 1\n"
		  "    vhal_scale: 2\n"
		  "  - signal: MUX.Sel\n"
		  "    vhal: WHEEL_TICK\n"
		  "    vhal_index: 2\n");
	CHECK_EQ(prop(&f, "WHEEL_TICK")->n_i64, 0);
	frame(&f, 256, "0000000500000000", 1);
	CHECK_EQ(prop(&f, "WHEEL_TICK")->n_i64, 0);
	frame(&f, 257, "010000", 2);
	v = prop(&f, "WHEEL_TICK");
	CHECK_EQ(v->n_i64, 3);
	CHECK_EQ(v->i64[0], 7);
	CHECK_EQ(v->i64[1], 10);
	CHECK_EQ(v->i64[2], 1);
	teardown(&f);
}

TEST(signals_a_request_of_all_ones_is_no_value)
{
	struct fixture f;

	setup(&f, "bindings:\n"
		  "  - signal: CLIMA.Temp\n"
		  "    model: hvac_temp_set_l\n"
		  "    vhal: HVAC_TEMPERATURE_SET/ROW_1_LEFT\n"
		  "    request: REQ.Temp\n");
	frame(&f, 512, "2affff", 1);
	CHECK_EQ(f.n_events, 2); /* Temp, and signed Neg */
	CHECK_NEAR(value(&f, "can0:REQ.Temp"), 21, 0);
	frame(&f, 512, "ffffff", 2);
	CHECK(isnan(value(&f, "can0:REQ.Temp")));
	f.n_events = 0;
	frame(&f, 512, "2affff", 3); /* the same wish again is news */
	CHECK_EQ(f.n_events, 1);
	teardown(&f);
}

static enum vhal_code set_temp(struct fixture *f, int32_t area, float t,
			       struct av_err *err)
{
	struct vhal_value v = { .area = area, .f32 = &t, .n_f32 = 1 };
	int32_t dummy;

	CHECK_EQ(vhal_find(f->vhal, "HVAC_TEMPERATURE_SET/1", &v.prop, &dummy,
			   NULL),
		 0);
	return vhal_set(f->vhal, &v, CMD_FROM_USER, err);
}

static const char temp_rows[] = "bindings:\n"
				"  - signal: CLIMA.Temp\n"
				"    model: hvac_temp_set_l\n"
				"    vhal: HVAC_TEMPERATURE_SET/4\n"
				"    request: REQ.Temp\n";

TEST(signals_a_set_without_ecus_is_refused)
{
	struct av_err err = { 0 };
	struct fixture f;

	setup(&f, temp_rows);
	frame(&f, 768, "20", 1);
	CHECK_EQ(set_temp(&f, 4, 20, &err), VHAL_NOT_AVAILABLE);
	CHECK(strstr(err.msg, "no ECU"));
	teardown(&f);
}

static void on_request(void *ctx, const void *msg)
{
	*(struct can_frame *)ctx = *(const struct can_frame *)msg;
}

TEST(signals_a_set_that_the_bus_cannot_carry_is_refused)
{
	struct can_frame sent = { 0 };
	struct av_err err = { 0 };
	struct cmdq *cmdq;
	struct ecus *ecus;
	struct ecu_bus eb;
	struct fixture f;

	CHECK_EQ(setup_rows(&f, temp_rows, true), 0);
	cmdq = cmdq_create(evq_clock(f.q));
	signals_ecu_bus(f.s, 0, &eb);
	CHECK_EQ(ecus_create(f.q, f.bus, cmdq, &eb, 1, false, &ecus, &err), 0);
	CHECK_EQ(signals_attach(f.s, f.bus, ecus, &err), 0);
	frame(&f, 768, "20", 1);
	CHECK_EQ(bus_subscribe(f.bus, TOPIC_CAN, STAGE_TAP, "test", on_request,
			       &sent, NULL),
		 0);
	/* 127.5 is all ones, 200 beyond the field */
	CHECK_EQ(set_temp(&f, 4, 127.5f, &err), VHAL_INVALID_ARG);
	CHECK(strstr(err.msg, "REQ.Temp cannot carry 127.5"));
	CHECK_EQ(set_temp(&f, 4, 200, &err), VHAL_INVALID_ARG);
	evq_run_until(f.q, VT_S);
	CHECK_EQ(sent.len, 0);
	CHECK_EQ(set_temp(&f, 4, 21.5f, &err), VHAL_OK);
	evq_run_until(f.q, 2 * VT_S);
	CHECK_EQ(sent.id, 512);
	CHECK_EQ(sent.len, 3);
	CHECK_EQ(sent.data[0], 43);
	CHECK_EQ(sent.data[1], 0xff); /* asks for nothing else */
	CHECK_EQ(sent.data[2], 0xff);
	CHECK(sent.tx);
	ecus_destroy(ecus);
	cmdq_destroy(cmdq);
	teardown(&f);
}

/* ---- what is wrong with a table ---- */

static const struct {
	const char *yaml, *place, *text;
} bad[] = {
	{ "bindngs: []", "1:1", "bindings" },
	{ "bindings: 3", "1:11", "list" },
	{ "messages: [a]", "1:11", "map" },
	{ "bindings:\n  - sgnal: ESP.Speed", "2:5", "did you mean 'signal'" },
	{ "bindings:\n  - signal: ESP", "2:13", "MESSAGE.SIGNAL" },
	{ "bindings:\n  - signal: ESQ.Speed", "2:13", "did you mean 'ESP'" },
	{ "bindings:\n  - signal: ESP.Spede", "2:13", "did you mean 'Speed'" },
	{ "bindings:\n  - signal: can1:ESP.Speed", "2:13",
	  "unknown bus 'can1' (did you mean 'can0'?)" },
	{ "bindings:\n  - signal: ESP.Speed\n    model: sped", "3:12",
	  "did you mean 'speed'" },
	{ "bindings:\n  - signal: ESP.Fruit\n    model: speed", "2:5",
	  "'bananas'" },
	{ "bindings:\n  - signal: ESP.Gear\n    model: speed", "3:12",
	  "no conversion from m/s to a plain number (say scale:" },
	{ "bindings:\n  - signal: ESP.Speed\n    model: speed\n    scale: 0",
	  "4:12", "must not be 0" },
	{ "bindings:\n  - signal: ESP.Speed\n    unit: km/hh", "3:11",
	  "did you mean 'km/h'" },
	{ "bindings:\n  - signal: ESP.Speed\n  - signal: ESP.Speed", "3:13",
	  "bound in line 2 already" },
	{ "bindings:\n  - signal: ESP.Speed\n    vss: A.B\n"
	  "  - signal: ESP.Gear\n    vss: A.B",
	  "4:1", "A.B is the key of line 2 already" },
	{ "bindings:\n  - signal: ESP.Speed\n    vss: has blanks", "3:10",
	  "path" },
	{ "bindings:\n  - signal: ESP.Speed\n    vhal: PERF_VEHICLE_SPED",
	  "3:11", "did you mean 'PERF_VEHICLE_SPEED'" },
	{ "bindings:\n  - signal: ESP.Speed\n    vhal: INFO_VIN", "3:11",
	  "no plain numbers" },
	{ "bindings:\n  - signal: ESP.Tail\n    vhal: WHEEL_TICK", "3:11",
	  "vhal_index" },
	{ "bindings:\n  - signal: ESP.Gear\n    vhal: GEAR_SELECTION\n"
	  "    vhal_index: 1",
	  "4:17", "no vector" },
	{ "bindings:\n  - signal: ESP.Tail\n    vhal: WHEEL_TICK\n"
	  "    vhal_index: 64",
	  "4:17", "vhal_index" },
	{ "bindings:\n  - signal: ESP.Gear\n"
	  "    vhal: [GEAR_SELECTION, GEAR_SELECTION]",
	  "3:28", "has a source already" },
	{ "bindings:\n  - signal: ESP.Gear\n    vhal: GEAR_SELECTION\n"
	  "    enum: { Q: GEAR_PARK }",
	  "4:13", "no label 'Q'" },
	{ "bindings:\n  - signal: ESP.Gear\n    vhal: GEAR_SELECTION\n"
	  "    enum: { P: GEAR_PRAK }",
	  "4:16", "'GEAR_PRAK' is no value of VehicleGear" },
	{ "bindings:\n  - signal: ESP.Gear\n    vhal: GEAR_SELECTION\n"
	  "    enum: GEAR_PARK",
	  "4:11", "map of label: value" },
	{ "bindings:\n  - signal: ESP.Gear\n    model: gear_selection\n"
	  "    model_enum: { P: x }",
	  "4:22", "number" },
	{ "bindings:\n  - sum: [ESP.Gear, MUX.Sel]\n    vss: A.B", "2:21",
	  "one message" },
	{ "bindings:\n  - sum: [ESP.Gear, ESP.Speed]\n    vss: A.B", "2:21",
	  "one unit" },
	{ "bindings:\n  - mean: [ESP.Speed]\n    vss: A.B", "2:11", "list" },
	{ "bindings:\n  - mean: [ESP.Speed, ESP.Part]", "2:11", "needs vss:" },
	{ "bindings:\n  - sum: [ESP.Speed, ESP.Part]\n    signal: ESP.Speed",
	  "2:10", "exclude" },
	{ "bindings:\n  - signal: CLIMA.Temp\n    request: REQ.Temp", "3:14",
	  "needs model:" },
	{ "bindings:\n  - signal: CLIMA.Temp\n    model: hvac_temp_l\n"
	  "    request: REQ.Temp",
	  "3:12", "read-only" },
	{ "bindings:\n  - signal: ESP.Tail\n    model: horn\n"
	  "    request: REQ.Bit",
	  "4:14", "at least 2 bits" },
	{ "bindings:\n  - signal: ESP.Tail\n    model: horn\n"
	  "    request: REQ.Neg",
	  "4:14", "unsigned" },
	{ "bindings:\n  - signal: ESP.Level\n    model: charge_limit\n"
	  "    request: REQ.Temp",
	  "4:14", "does not go with %" },
	{ "bindings:\n  - signal: ESP.Tail\n    request_model: horn", "3:20",
	  "without request:" },
	{ "bindings:\n  - vhal: GEAR_SELECTION", "2:5", "value:" },
	{ "bindings:\n  - signal: ESP.Tail\n    value: 3", "3:12", "no value" },
	{ "bindings:\n  - signal: ESP.Gear\n    model: gear_selection\n"
	  "    model_enum: { R: 1, N: 2 }\n    request: REQ.Gear",
	  "4:17", "REQ.Gear has none of these labels" },
	{ "messages: { ESQ: {} }", "1:13", "unknown message" },
	{ "messages: { ESP: { countr: Gear } }", "1:20", "counter" },
	{ "messages: { ESP: { counter: Gaer } }", "1:29",
	  "did you mean 'Gear'" },
	{ "messages: { ESP: { checksum: Tail } }", "1:30", "checksum" },
	{ "messages: { ESP: { checksum: { signal: Tail, kind: crc9 } } }",
	  "1:52", "unknown checksum" },
};

TEST(signals_errors_name_place_and_remedy)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;
		char place[32];

		if (setup_rows(&f, bad[i].yaml, true) == 0) {
			fail_msg("accepted: %s", bad[i].yaml);
		}
		CHECK(f.s == NULL);
		CHECK(f.d.n > 0);
		snprintf(place, sizeof(place), "%u:%u", f.d.v[0].line,
			 f.d.v[0].col);
		if (strcmp(place, bad[i].place) ||
		    !strstr(f.d.v[0].msg, bad[i].text)) {
			fail_msg("%s\n\tgives %s: %s", bad[i].yaml, place,
				 f.d.v[0].msg);
		}
		CHECK_STR(f.d.v[0].file, "t.yaml");
		teardown(&f);
	}
}

TEST(signals_all_errors_come_at_once)
{
	struct fixture f;

	CHECK_EQ(setup_rows(&f,
			    "bindings:\n"
			    "  - signal: ESP.Nope\n"
			    "  - signal: ESP.Gear\n"
			    "    vhal: NOPE\n"
			    "  - signal: ESP.Speed\n"
			    "    model: nope\n",
			    true),
		 -EINVAL);
	CHECK_EQ(f.d.n, 3);
	teardown(&f);
}

TEST(signals_without_a_store_bind_no_properties)
{
	struct fixture f;

	CHECK_EQ(
		setup_rows(&f,
			   "bindings:\n"
			   "  - signal: ESP.Speed\n"
			   "    vss: Vehicle.Speed\n"
			   "    vhal: [PERF_VEHICLE_SPEED, SOME_VENDORS_OWN]\n",
			   false),
		0);
	CHECK(signals_find(f.s, "Vehicle.Speed") >= 0);
	teardown(&f);
}

TEST(signals_ecus_get_sources_requests_and_extras)
{
	struct ecu_bus b;
	struct fixture f;

	setup(&f, "messages:\n"
		  "  ESP: { counter: Fruit, checksum: { signal: Level, kind: "
		  "sum8 } }\n"
		  "bindings:\n"
		  "  - signal: ESP.Speed\n"
		  "    model: speed\n"
		  "    scale: 2\n"
		  "  - signal: ESP.Gear\n"
		  "    model: gear_selection\n"
		  "    model_enum: { P: 10, D: 13 }\n"
		  "    request: REQ.Gear\n"
		  "  - signal: ESP.Level\n"
		  "    model: window_fl\n"
		  "    request: REQ.Level\n"
		  "    request_model: window_fl_set\n");
	signals_ecu_bus(f.s, 0, &b);
	CHECK_EQ(b.n_sources, 3);
	CHECK_STR(b.source[0].signal->name, "Speed");
	CHECK_EQ(b.source[0].var, VV_speed);
	CHECK_NEAR(b.source[0].scale, 7.2, 1e-12);
	CHECK_EQ(b.source[1].n_map, 2);
	CHECK_NEAR(b.source[1].map[1].var, 13, 0);
	CHECK_NEAR(b.source[1].map[1].signal, 3, 0);
	CHECK_NEAR(b.source[2].scale, 100, 1e-9);
	CHECK_EQ(b.n_requests, 2);
	CHECK_EQ(b.request[0].n_map, 2);
	CHECK_EQ(b.request[1].var, VV_window_fl_set);
	CHECK_NEAR(b.request[1].scale, 0.01, 1e-12);
	CHECK_EQ(b.n_extras, 1);
	CHECK_STR(b.extra[0].counter->name, "Fruit");
	CHECK_STR(b.extra[0].checksum->name, "Level");
	CHECK_EQ(b.extra[0].kind, CHECKSUM_SUM8);
	teardown(&f);
}

int main(void)
{
	return RUN_TESTS(
		T(signals_without_a_table_go_by_bus_message_and_name),
		T(signals_only_what_changed_is_published),
		T(signals_beyond_a_short_frame_keep_their_value),
		T(signals_multiplexed_ones_come_with_their_selector),
		T(signals_remote_and_error_frames_carry_nothing),
		T(signals_a_sum_follows_both_parts),
		T(signals_values_outside_an_enum_make_the_property_unavailable),
		T(signals_a_vector_appears_when_it_is_complete),
		T(signals_a_request_of_all_ones_is_no_value),
		T(signals_a_set_without_ecus_is_refused),
		T(signals_a_set_that_the_bus_cannot_carry_is_refused),
		T(signals_errors_name_place_and_remedy),
		T(signals_all_errors_come_at_once),
		T(signals_without_a_store_bind_no_properties),
		T(signals_ecus_get_sources_requests_and_extras));
}
