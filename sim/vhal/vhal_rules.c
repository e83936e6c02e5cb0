/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What some properties do beyond being stored: one row per property. Facts: the
 * behaviours of the AAOS reference vehicle (fake_impl, Android 15). A bound
 * property never comes to its set: the car's ECUs answer it.
 */
#include "config.h"

#include "sim/vhal/vhal_priv.h"

#include <errno.h>
#include <math.h>

enum {
	P_GEAR_SELECTION = 0x11400400,
	P_TEMPERATURE_SET = 0x15600503,
	P_SUGGESTION = 0x11610515,
	P_MAP_SERVICE = 0x11E00C00,
	P_INITIAL_USER_INFO = 0x11E00F07,
	P_SWITCH_USER = 0x11E00F08,
	P_CREATE_USER = 0x11E00F09,
	P_REMOVE_USER = 0x11E00F0A,
	P_USER_IDENTIFICATION = 0x11E00F0B,
	P_EVS_SERVICE_REQUEST = 0x11410F10,
	P_CLUSTER_DISPLAY_STATE = 0x11410F35,
	P_CLUSTER_REQUEST_DISPLAY = 0x11400F37,
	P_CRUISE_ENABLED = 0x1120100F,
	P_CRUISE_TYPE = 0x11401010,
	P_CRUISE_STATE = 0x11401011,
	P_CRUISE_COMMAND = 0x11401012,
	P_CRUISE_TIME_GAP = 0x11401014,
	P_LANE_CENTERING_COMMAND = 0x1140100B,
	P_LANE_CENTERING_STATE = 0x1140100C,
};

#define CHECK_FN(name)                                                         \
	static enum vhal_code name(const struct vhal *v, void *ctx,            \
				   const struct vhal_value *val,               \
				   struct av_err *err)
#define SET_FN(name)                                                           \
	static enum vhal_code name(struct vhal *v, void *ctx, uint32_t slot,   \
				   const struct vhal_value *val,               \
				   enum cmd_source source, struct av_err *err)

/* First number of a global property, @other where it has none. */
static int32_t now(const struct vhal *v, int32_t prop, int32_t other)
{
	int slot = vhal_slot_of(v, prop, 0);
	const struct vhal_value *val =
		slot < 0 ? NULL : vhal_get(v, (uint32_t)slot);

	return val && val->n_i32 > 0 ? val->i32[0] : other;
}

/* A global property gets numbers, if the vehicle offers it. */
static void tell(struct vhal *v, int32_t prop, const int32_t *x, uint32_t n)
{
	int slot = vhal_slot_of(v, prop, 0);

	if (slot >= 0) {
		vhal_update(v, (uint32_t)slot,
			    &(struct vhal_value){
				    .prop = prop, .n_i32 = n, .i32 = x });
	}
}

/* ---- climate ---- */

CHECK_FN(suggestion_check)
{
	(void)v;
	(void)ctx;
	if (val->n_f32 != 4 || (val->f32[1] != 48 && val->f32[1] != 49)) {
		av_err_set(err, -EINVAL,
			   "HVAC_TEMPERATURE_VALUE_SUGGESTION takes four "
			   "values, the second 48 (Celsius) or 49 "
			   "(Fahrenheit)");
		return VHAL_INVALID_ARG;
	}
	return VHAL_OK;
}

/* The nearest step of the seat temperatures, in both units. Their configuration
 * array has minimum, maximum and step of each unit, times ten. */
SET_FN(suggestion_set)
{
	const struct vhal_prop_config *seat = vhal_config(v, P_TEMPERATURE_SET);
	float out[4] = { val->f32[0], val->f32[1], val->f32[2], val->f32[3] };
	struct vhal_value answer = *val;
	const int32_t *c;
	double step, last;

	if (!seat || seat->n_config_array < 6 || seat->config_array[2] <= 0 ||
	    seat->config_array[5] <= 0) {
		return vhal_store(v, slot, val, source, err);
	}
	(void)ctx;
	c = seat->config_array;
	last = floor(((double)c[1] - c[0]) / c[2]);
	step = val->f32[1] == 48 ? (10 * (double)val->f32[0] - c[0]) / c[2] :
				   (10 * (double)val->f32[0] - c[3]) / c[5];
	step = fmax(0, fmin(round(step), last));
	out[2] = (float)((c[0] + step * c[2]) / 10);
	out[3] = (float)((c[3] + step * c[5]) / 10);
	answer.f32 = out;
	answer.status = VHAL_AVAILABLE;
	vhal_answer(v, slot, &answer);
	return VHAL_OK;
}

/* ---- driver assistance ---- */

static const struct adas {
	int32_t enabled, state;
} adas[] = {
	{ 0x1120040E, 0x1140040F }, /* ELECTRONIC_STABILITY_CONTROL */
	{ 0x11201000, 0x11401001 }, /* AUTOMATIC_EMERGENCY_BRAKING */
	{ 0x11201002, 0x11401003 }, /* FORWARD_COLLISION_WARNING */
	{ 0x11201004, 0x14401005 }, /* BLIND_SPOT_WARNING */
	{ 0x11201006, 0x11401007 }, /* LANE_DEPARTURE_WARNING */
	{ 0x11201008, 0x11401009 }, /* LANE_KEEP_ASSIST */
	{ 0x1120100A, 0x1140100C }, /* LANE_CENTERING_ASSIST */
	{ 0x1120100D, 0x1140100E }, /* EMERGENCY_LANE_KEEP_ASSIST */
	{ 0x1120100F, 0x11401011 }, /* CRUISE_CONTROL */
	{ 0x11201016, 0x11401017 }, /* HANDS_ON_DETECTION, driver */
	{ 0x11201016, 0x11401018 }, /* HANDS_ON_DETECTION, warning */
	{ 0x11201019, 0x1140101A }, /* DRIVER_DROWSINESS_ATTENTION */
	{ 0x1120101B, 0x1140101C }, /* ... its warning */
	{ 0x1120101D, 0x1140101E }, /* DRIVER_DISTRACTION */
	{ 0x1120101F, 0x11401020 }, /* ... its warning */
	{ 0x11201021, 0x11401022 }, /* LOW_SPEED_COLLISION_WARNING */
	{ 0x11201023, 0x11401024 }, /* CROSS_TRAFFIC_MONITORING */
	{ 0x11201025, 0x11401026 }, /* LOW_SPEED_AUTOMATIC_EMERGENCY_BRAKING */
};

enum { STATE_ENABLED = 1, STATE_DISABLED = -2, CRUISE_STANDARD = 1,
       CRUISE_ADAPTIVE = 2 };

/* Each area of @prop says @x. */
static void tell_areas(struct vhal *v, int32_t prop, int32_t x)
{
	const struct vhal_prop_config *c = vhal_config(v, prop);

	for (size_t i = 0; c && !c->bound && i < c->n_areas; i++) {
		vhal_update_num(v, c->area[i].slot, x);
	}
}

SET_FN(adas_set)
{
	enum vhal_code code = vhal_store(v, slot, val, source, err);
	bool on = val->i32[0] != 0;

	(void)ctx;
	if (code != VHAL_OK) {
		return code;
	}
	if (on && val->prop == P_CRUISE_ENABLED) {
		tell_areas(v, P_CRUISE_TYPE, CRUISE_ADAPTIVE);
	}
	for (size_t i = 0; i < sizeof(adas) / sizeof(adas[0]); i++) {
		if (adas[i].enabled == val->prop) {
			tell_areas(v, adas[i].state,
				   on ? STATE_ENABLED : STATE_DISABLED);
		}
	}
	return VHAL_OK;
}

/* What a negative state of an assistant means for its commands. */
static enum vhal_code state_code(int32_t state)
{
	static const enum vhal_code codes[] = {
		[2] = VHAL_NOT_AVAILABLE_DISABLED,
		[3] = VHAL_NOT_AVAILABLE_SPEED_LOW,
		[4] = VHAL_NOT_AVAILABLE_SPEED_HIGH,
		[5] = VHAL_NOT_AVAILABLE_POOR_VISIBILITY,
		[6] = VHAL_NOT_AVAILABLE_SAFETY,
	};

	if (state >= 0) {
		return VHAL_OK;
	}
	return state <= -2 && state >= -6 ? codes[-state] : VHAL_NOT_AVAILABLE;
}

static enum vhal_code judged(enum vhal_code code, struct av_err *err)
{
	if (code != VHAL_OK) {
		av_err_set(err, -ENODEV, "the assistant is not available: %s",
			   vhal_code_names[code]);
	}
	return code;
}

static bool keeps_no_distance(const struct vhal *v)
{
	return now(v, P_CRUISE_TYPE, CRUISE_ADAPTIVE) == CRUISE_STANDARD;
}

CHECK_FN(cruise_command_check)
{
	enum vhal_code code = state_code(now(v, P_CRUISE_STATE, 0));

	(void)ctx;
	/* 5 and 6 change the time gap */
	if (code == VHAL_OK && val->i32[0] >= 5 && keeps_no_distance(v)) {
		code = VHAL_NOT_AVAILABLE_DISABLED;
	}
	return judged(code, err);
}

CHECK_FN(time_gap_check)
{
	(void)ctx;
	(void)val;
	return judged(keeps_no_distance(v) ? VHAL_NOT_AVAILABLE_DISABLED :
					     VHAL_OK,
		      err);
}

static enum vhal_code time_gap_get(const struct vhal *v, void *ctx,
				   const struct vhal_value *q,
				   const struct vhal_value **out,
				   struct av_err *err)
{
	int slot = vhal_slot_of(v, q->prop, 0);

	*out = vhal_get(v, (uint32_t)slot);
	return v->slot[slot].has ? time_gap_check(v, ctx, q, err) :
				   VHAL_NOT_AVAILABLE;
}

CHECK_FN(lane_command_check)
{
	(void)ctx;
	(void)val;
	return judged(state_code(now(v, P_LANE_CENTERING_STATE, 0)), err);
}

/* ---- users ---- */

enum { SWITCH_LEGACY = 1, SWITCH_ANDROID = 2, SWITCH_RESPONSE = 3,
       SWITCH_POST = 5, USER_SUCCESS = 1, INITIAL_DEFAULT = 0 };

static enum vhal_code want_ints(const struct vhal_value *val, uint32_t n,
				struct av_err *err)
{
	if (val->n_i32 >= n) {
		return VHAL_OK;
	}
	av_err_set(err, -EINVAL, "a user request has at least %u numbers", n);
	return VHAL_INVALID_ARG;
}

CHECK_FN(user_check)
{
	(void)v;
	(void)ctx;
	return want_ints(val, 2, err);
}

CHECK_FN(switch_user_check)
{
	enum vhal_code code = want_ints(val, 2, err);

	(void)v;
	(void)ctx;
	if (code == VHAL_OK && val->i32[1] != SWITCH_LEGACY &&
	    val->i32[1] != SWITCH_ANDROID && val->i32[1] != SWITCH_POST) {
		av_err_set(err, -EINVAL,
			   "Android sends the messages 1, 2 and 5, not %d",
			   (int)val->i32[1]);
		return VHAL_INVALID_ARG;
	}
	return code;
}

/* The reference vehicle knows no associations unless somebody injected some. */
CHECK_FN(identification_check)
{
	int slot = vhal_slot_of(v, val->prop, 0);

	(void)ctx;
	if (v->slot[slot].has) {
		return want_ints(val, 2, err);
	}
	av_err_set(err, -ENODEV, "users are not identified by this vehicle");
	return VHAL_NOT_AVAILABLE;
}

static enum vhal_code answer(struct vhal *v, uint32_t slot,
			     const struct vhal_value *val, const int32_t *x,
			     uint32_t n)
{
	vhal_answer(v, slot,
		    &(struct vhal_value){
			    .prop = val->prop, .n_i32 = n, .i32 = x });
	return VHAL_OK;
}

SET_FN(initial_user_set)
{
	const int32_t x[] = { val->i32[0], INITIAL_DEFAULT };

	(void)ctx, (void)source, (void)err;
	return answer(v, slot, val, x, 2);
}

SET_FN(switch_user_set)
{
	const int32_t x[] = { val->i32[0], SWITCH_RESPONSE, USER_SUCCESS };

	(void)ctx, (void)source, (void)err;
	return val->i32[1] == SWITCH_ANDROID ? answer(v, slot, val, x, 3) :
					       VHAL_OK;
}

SET_FN(create_user_set)
{
	const int32_t x[] = { val->i32[0], USER_SUCCESS };

	(void)ctx, (void)source, (void)err;
	return answer(v, slot, val, x, 2);
}

/* What was injected, with the number of this request. */
SET_FN(identification_set)
{
	const struct vhal_value *have = vhal_get(v, slot);
	int32_t x[64];
	uint32_t n = have->n_i32 < 64 ? have->n_i32 : 64;

	(void)ctx, (void)source, (void)err;
	for (uint32_t i = 0; i < n; i++) {
		x[i] = i ? have->i32[i] : val->i32[0];
	}
	return answer(v, slot, val, x, n);
}

/* Done, and nobody hears of it. */
SET_FN(silent_set)
{
	(void)v, (void)ctx, (void)slot, (void)val, (void)source, (void)err;
	return VHAL_OK;
}

/* ---- displays ---- */

/* Android wants to show something on the cluster: its display is on, with the
 * bounds it had. */
SET_FN(request_display_set)
{
	int to = vhal_slot_of(v, P_CLUSTER_DISPLAY_STATE, 0);
	int32_t x[9] = { 1, -1, -1, -1, -1, -1, -1, -1, -1 };
	const struct vhal_value *have;
	enum vhal_code code = vhal_store(v, slot, val, source, err);

	(void)ctx;
	if (code != VHAL_OK || to < 0) {
		return code;
	}
	have = vhal_get(v, (uint32_t)to);
	for (uint32_t i = 1; i < 9 && i < have->n_i32; i++) {
		x[i] = have->i32[i];
	}
	vhal_answer(v, (uint32_t)to,
		    &(struct vhal_value){ .prop = P_CLUSTER_DISPLAY_STATE,
					  .n_i32 = 9,
					  .i32 = x });
	return VHAL_OK;
}

/* Reverse is engaged: the rear view opens, and closes again after it. */
static void gear_changed(struct vhal *v, void *ctx, uint32_t slot)
{
	enum { REARVIEW = 0, GEAR_REVERSE = 2 };
	const struct vhal_value *gear = vhal_get(v, slot);
	bool on = gear->status == VHAL_AVAILABLE && gear->n_i32 > 0 &&
		  gear->i32[0] == GEAR_REVERSE;
	int evs = vhal_slot_of(v, P_EVS_SERVICE_REQUEST, 0);
	const struct vhal_value *have =
		evs < 0 ? NULL : vhal_get(v, (uint32_t)evs);
	const int32_t x[] = { REARVIEW, on };

	(void)ctx;
	/* another view that somebody opened stays, unless reverse wants it */
	if (on || (have && have->n_i32 >= 1 && have->i32[0] == REARVIEW)) {
		tell(v, P_EVS_SERVICE_REQUEST, x, 2);
	}
}

/* ---- the rows ---- */

static const struct {
	int32_t prop;
	struct vhal_hook hook;
} rules[] = {
	{ P_GEAR_SELECTION, { .changed = gear_changed } },
	{ P_SUGGESTION,
	  { .check = suggestion_check, .set = suggestion_set } },
	{ P_CRUISE_COMMAND, { .check = cruise_command_check } },
	{ P_CRUISE_TIME_GAP, { .get = time_gap_get, .check = time_gap_check } },
	{ P_LANE_CENTERING_COMMAND, { .check = lane_command_check } },
	{ P_MAP_SERVICE, { .set = silent_set } },
	{ P_INITIAL_USER_INFO,
	  { .check = user_check, .set = initial_user_set } },
	{ P_SWITCH_USER,
	  { .check = switch_user_check, .set = switch_user_set } },
	{ P_CREATE_USER, { .check = user_check, .set = create_user_set } },
	{ P_REMOVE_USER, { .check = user_check, .set = silent_set } },
	{ P_USER_IDENTIFICATION,
	  { .check = identification_check, .set = identification_set } },
	{ P_CLUSTER_REQUEST_DISPLAY, { .set = request_display_set } },
};

static const struct vhal_hook adas_hook = { .set = adas_set };

const struct vhal_hook *vhal_rule(int32_t prop)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].prop == prop) {
			return &rules[i].hook;
		}
	}
	for (size_t i = 0; i < sizeof(adas) / sizeof(adas[0]); i++) {
		if (adas[i].enabled == prop) {
			return &adas_hook;
		}
	}
	return NULL;
}
