/* SPDX-License-Identifier: Apache-2.0 */
/* OBD2 frames of the bundled car; the actions for keys and knobs. */
#include "config.h"

#include "tests/unit/scenario_world.h"

#include <stdlib.h>

#define LIVE 0x11E00D00
#define FREEZE 0x11E00D01
#define INFO 0x11E00D02
#define CLEAR 0x11E00D03

static const struct vhal_value *have(struct run *r, int32_t prop)
{
	return vhal_get(r->w->vhal, (uint32_t)vhal_slot_of(r->w->vhal, prop, 0));
}

static bool valid(const struct vhal_value *f, unsigned int bit)
{
	return f->bytes[bit / 8] >> (bit % 8) & 1;
}

static const struct vhal_value *freeze(struct run *r, int64_t t,
				       enum vhal_code *code)
{
	const struct vhal_value *out = NULL;
	struct av_err err;

	*code = vhal_query(r->w->vhal,
			   &(struct vhal_value){
				   .prop = FREEZE, .n_i64 = 1, .i64 = &t },
			   &out, &err);
	return *code == VHAL_OK ? out : NULL;
}

static enum vhal_code clear(struct run *r, const int64_t *t, uint32_t n)
{
	struct av_err err;

	return vhal_set(r->w->vhal,
			&(struct vhal_value){
				.prop = CLEAR, .n_i64 = n, .i64 = t },
			CMD_FROM_GUEST, &err);
}

TEST(obd2_live_frame_says_what_the_car_does)
{
	static struct run r;
	const struct vhal_value *f;
	const double *v;

	run_begin(&r, "duration: 60s\n"
		      "start: { gear: D, ignition: on, outside_temp: -7 degC "
		      "}\n"
		      "timeline:\n  - { at: 1s, do: { speed: 36 km/h } }\n");
	world_run_until(r.w, 30 * VT_S + 10 * VT_MS);
	f = have(&r, LIVE);
	v = vehicle_values(r.w->vehicle);
	CHECK_EQ(f->n_i32, 32);
	CHECK_EQ(f->n_f32, 71);
	CHECK_EQ(f->n_bytes, 13);
	CHECK(!f->str);
	CHECK(valid(f, 32 + 9));
	CHECK_NEAR((double)f->f32[9], v[VV_speed] * 3.6, 0.5);
	CHECK_NEAR((double)f->f32[9], 36, 2);
	CHECK(valid(f, 12));
	CHECK_NEAR(f->i32[12], v[VV_lv_battery_voltage], 0.51);
	CHECK(valid(f, 13));
	CHECK_EQ(f->i32[13], -7);
	CHECK(valid(f, 21));
	CHECK_EQ(f->i32[21], 8); /* electric */
	CHECK(valid(f, 32 + 68));
	CHECK_NEAR((double)f->f32[68], v[VV_battery_soc] * 100, 0.6);
	CHECK(valid(f, 32 + 53) && valid(f, 32 + 67));
	CHECK_NEAR((double)f->f32[53], v[VV_throttle] * 100, 2);
	CHECK(valid(f, 1));
	CHECK_EQ(f->i32[1], 0);
	CHECK_NEAR(f->i32[7], 30, 1); /* the first second sees it */
	/* nothing that burns: no fuel trim, no fuel level */
	CHECK(!valid(f, 0) && !valid(f, 32 + 2) && !valid(f, 32 + 42));
	/* bits behind the last sensor are clear */
	CHECK_EQ(f->bytes[12] >> 7, 0);
	CHECK_EQ(have(&r, INFO)->n_i64, 0);
	CHECK_EQ(have(&r, INFO)->status, VHAL_AVAILABLE);
	run_finish(&r);
}

TEST(obd2_codes_light_the_lamp_and_keep_a_frame_each)
{
	static struct run r;
	const struct vhal_value *f;
	enum vhal_code code;
	struct av_err err;
	float speed;
	int64_t t[2];

	run_begin(&r, "duration: 60s\n"
		      "start: { gear: D, ignition: on }\n"
		      "timeline:\n  - { at: 1s, do: { speed: 36 km/h } }\n"
		      "faults:\n"
		      "  - { at: 20s, fault: dtc, code: P0A0F, for: 10s }\n"
		      "  - { at: 20s, fault: dtc, code: U0100, for: 20s }\n");
	world_run_until(r.w, 25 * VT_S);
	CHECK_EQ(have(&r, LIVE)->i32[1], 1);
	CHECK_EQ(have(&r, INFO)->n_i64, 2);
	t[0] = have(&r, INFO)->i64[0];
	t[1] = have(&r, INFO)->i64[1];
	CHECK_EQ(t[0], 20 * VT_S);
	CHECK_EQ(t[1], 20 * VT_S + 1);
	f = freeze(&r, t[0], &code);
	CHECK_EQ(code, VHAL_OK);
	CHECK_EQ(f->t, t[0]);
	assert_string_equal(f->str, "P0A0F");
	CHECK_EQ(f->i32[1], 1);
	CHECK(valid(f, 32 + 9));
	speed = f->f32[9];
	CHECK_NEAR((double)speed, 36, 2);
	assert_string_equal(freeze(&r, t[1], &code)->str, "U0100");
	/* no such frame; no time at all */
	freeze(&r, 7, &code);
	CHECK_EQ(code, VHAL_NOT_AVAILABLE);
	CHECK_EQ(vhal_query(r.w->vhal, &(struct vhal_value){ .prop = FREEZE },
			    &f, &err),
		 VHAL_INVALID_ARG);
	/* the lamp is on until the last code is gone; frames stay as they were */
	world_run_until(r.w, 35 * VT_S);
	CHECK_EQ(have(&r, LIVE)->i32[1], 1);
	world_run_until(r.w, 45 * VT_S);
	CHECK_EQ(have(&r, LIVE)->i32[1], 0);
	CHECK_NEAR((double)freeze(&r, t[0], &code)->f32[9], (double)speed, 0);
	/* selective, unknown, all */
	CHECK_EQ(clear(&r, (const int64_t[]){ 7 }, 1), VHAL_INVALID_ARG);
	CHECK_EQ(have(&r, INFO)->n_i64, 2);
	CHECK_EQ(clear(&r, &t[0], 1), VHAL_OK);
	CHECK_EQ(have(&r, INFO)->n_i64, 1);
	CHECK_EQ(have(&r, INFO)->i64[0], t[1]);
	freeze(&r, t[0], &code);
	CHECK_EQ(code, VHAL_NOT_AVAILABLE);
	CHECK_EQ(clear(&r, NULL, 0), VHAL_OK);
	CHECK_EQ(have(&r, INFO)->n_i64, 0);
	run_finish(&r);
}

TEST(obd2_keeps_the_newest_frames)
{
	static struct run r;
	const struct vhal_value *info;
	enum vhal_code code;

	run_begin(&r, "duration: 100s\nstart: { ignition: on }\n");
	for (int i = 0; i < OBD2_FRAMES_MAX + 5; i++) {
		char text[8];

		snprintf(text, sizeof(text), "P00%02d", i);
		assert_int_equal(obd2_raise(r.w->obd2, text), 0);
	}
	info = have(&r, INFO);
	CHECK_EQ(info->n_i64, OBD2_FRAMES_MAX);
	assert_string_equal(freeze(&r, info->i64[0], &code)->str, "P0005");
	run_finish(&r);
}

TEST(obd2_codes_are_five_characters)
{
	CHECK(obd2_is_code("P0A0F"));
	CHECK(obd2_is_code("U3FFF"));
	CHECK(!obd2_is_code("P0A0"));
	CHECK(!obd2_is_code("P0A0F0"));
	CHECK(!obd2_is_code("X0A0F"));
	CHECK(!obd2_is_code("P4A0F"));
	CHECK(!obd2_is_code("p0a0f"));
	CHECK(!obd2_is_code(""));
}

/* ---- keys, knobs, views ---- */

static void on_vhal(void *ctx, const void *msg)
{
	const struct vhal_event *e = msg;
	struct run *r = ctx;
	char text[400];
	int n;

	vhal_value_text(e->value, text, sizeof(text));
	if (e->t > 0 && (!strncmp(e->name, "HW_", 3) ||
			 !strncmp(e->name, "EVS_", 4))) {
		n = snprintf(r->log + r->n, sizeof(r->log) - r->n, "%s %s\n",
			     e->name, text);
		r->n += (size_t)n;
	}
}

TEST(input_actions_make_the_vectors_of_the_interface)
{
	static struct run r;
	struct av_err err;

	assert_int_equal(
		run_try(&r,
			"duration: 12s\n"
			"start: { gear: P, ignition: on }\n"
			"timeline:\n"
			"  - { at: 1s, do: { key: HOME } }\n"
			"  - { at: 2s, do: { key: { code: 66, action: down, "
			"display: cluster } } }\n"
			"  - { at: 3s, do: { key: { code: VOLUME_UP, action: "
			"up, seat: true } } }\n"
			"  - { at: 4s, do: { rotary: { detents: -3, knob: "
			"volume, gap: 20ms } } }\n"
			"  - { at: 5s, do: { rotary: 1 } }\n"
			"  - { at: 6s, do: { custom-input: 3 } }\n"
			"  - { at: 7s, do: { evs: surround } }\n"
			"  - { at: 8s, do: { evs: { view: surround, on: false "
			"} } }\n"
			"  - { at: 9s, do: [{ brake: 50 % }, { gear: R }] }\n"
			"  - { at: 10s, do: { gear: D } }\n",
			NULL, 0),
		0);
	bus_subscribe(r.w->bus, TOPIC_VHAL, STAGE_TAP, "test", on_vhal, &r,
		      &err);
	assert_int_equal(world_start(r.w, &err), 0);
	world_run_until(r.w, VT_NEVER);
	assert_string_equal(
		r.log,
		"HW_KEY_INPUT [0,3,0]\nHW_KEY_INPUT [1,3,0]\n"
		"HW_KEY_INPUT [0,66,1]\n"
		"HW_KEY_INPUT_V2/ROW_1_LEFT {i32:[0,24,1,0],i64:[3000000000]}\n"
		"HW_ROTARY_INPUT [1,-3,0,20000000,20000000]\n"
		"HW_ROTARY_INPUT [0,1,0]\n"
		"HW_CUSTOM_INPUT [1003,0,1]\n"
		"EVS_SERVICE_REQUEST [1,1]\n"
		"EVS_SERVICE_REQUEST [1,0]\n"
		"EVS_SERVICE_REQUEST [0,1]\n"
		"EVS_SERVICE_REQUEST [0,0]\n");
	run_finish(&r);
}

TEST(input_actions_refuse_what_makes_no_sense)
{
	static struct run r;

	CHECK(run_try(&r,
		      "duration: 1s\n"
		      "timeline:\n"
		      "  - { at: 0s, do: { key: HOMER } }\n"
		      "  - { at: 0s, do: { key: 70000 } }\n"
		      "  - { at: 0s, do: { rotary: 0 } }\n"
		      "  - { at: 0s, do: { rotary: 1.5 } }\n"
		      "faults:\n"
		      "  - { at: 0s, fault: dtc, code: P0A }\n",
		      NULL, 0) < 0);
	CHECK(run_says(&r, "no key 'HOMER'"));
	CHECK(run_says(&r, "did you mean 'HOME'"));
	CHECK(run_says(&r, "no key '70000'"));
	CHECK(run_says(&r, "whole number, not 0"));
	CHECK(run_says(&r, "trouble code like P0A0F"));
	run_finish(&r);
}

int main(void)
{
	return RUN_TESTS(T(obd2_live_frame_says_what_the_car_does),
			 T(obd2_codes_light_the_lamp_and_keep_a_frame_each),
			 T(obd2_keeps_the_newest_frames),
			 T(obd2_codes_are_five_characters),
			 T(input_actions_make_the_vectors_of_the_interface),
			 T(input_actions_refuse_what_makes_no_sense));
}
