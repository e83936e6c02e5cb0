/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of hands on hardware: keys, rotary knobs, views of the cameras. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	P_KEY = 0x11410A10,
	P_KEY_V2 = 0x15E00A11,
	P_ROTARY = 0x11410A20,
	P_CUSTOM = 0x11410A30,
	P_EVS = 0x11410F10,
	KEY_DOWN = 0,
	KEY_UP = 1,
	DETENTS_MAX = 100,
};

/* VehicleDisplay */
const char *const act_displays[] = { "main",  "cluster",   "hud",
				     "input", "auxiliary", NULL };
const char *const act_key_actions[] = { "press", "down", "up", NULL };
/* RotaryInputType */
const char *const act_rotaries[] = { "navigation", "volume", NULL };
/* EvsServiceType */
const char *const act_views[] = { "rear",
				  "surround",
				  "front",
				  "left",
				  "right",
				  "driver",
				  "front-passengers",
				  "rear-passengers",
				  NULL };

/* Key codes of Android (KeyEvent) that a car has keys for. */
static const struct {
	const char *name;
	int32_t code;
} keys[] = {
	{ "HOME", 3 },		  { "BACK", 4 },
	{ "CALL", 5 },		  { "ENDCALL", 6 },
	{ "DPAD_UP", 19 },	  { "DPAD_DOWN", 20 },
	{ "DPAD_LEFT", 21 },	  { "DPAD_RIGHT", 22 },
	{ "DPAD_CENTER", 23 },	  { "VOLUME_UP", 24 },
	{ "VOLUME_DOWN", 25 },	  { "POWER", 26 },
	{ "ENTER", 66 },	  { "HEADSETHOOK", 79 },
	{ "MENU", 82 },		  { "NOTIFICATION", 83 },
	{ "SEARCH", 84 },	  { "MEDIA_PLAY_PAUSE", 85 },
	{ "MEDIA_STOP", 86 },	  { "MEDIA_NEXT", 87 },
	{ "MEDIA_PREVIOUS", 88 }, { "MEDIA_REWIND", 89 },
	{ "MEDIA_FAST_FORWARD", 90 },
	{ "MUTE", 91 },		  { "MEDIA_PLAY", 126 },
	{ "MEDIA_PAUSE", 127 },	  { "VOLUME_MUTE", 164 },
	{ "APP_SWITCH", 187 },	  { "ASSIST", 219 },
	{ "BRIGHTNESS_DOWN", 220 },
	{ "BRIGHTNESS_UP", 221 }, { "SLEEP", 223 },
	{ "WAKEUP", 224 },	  { "VOICE_ASSIST", 231 },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static const char *key_name(const void *ctx, size_t i)
{
	(void)ctx;
	return keys[i].name;
}

static int read_key(const char *text, int32_t *code, struct av_err *err)
{
	char hint[96], *end;
	long n;

	if (!strncmp(text, "KEYCODE_", 8)) {
		text += 8;
	}
	for (size_t i = 0; i < N_KEYS; i++) {
		if (!strcmp(keys[i].name, text)) {
			*code = keys[i].code;
			return 0;
		}
	}
	errno = 0;
	n = strtol(text, &end, 10);
	if (end != text && !*end && errno == 0 && n >= 0 && n <= 0xffff) {
		*code = (int32_t)n;
		return 0;
	}
	av_suggest_text(hint, av_suggest(text, N_KEYS, key_name, NULL));
	return av_err_set(err, -EINVAL,
			  "no key '%.32s': want a number of Android's KeyEvent "
			  "or a name like HOME%s",
			  text, hint);
}

/* The first slot of @prop. */
static int slot_of(struct world *w, int32_t prop, struct av_err *err)
{
	const struct vhal_prop_config *c = vhal_config(w->vhal, prop);
	const struct vhal_prop_info *info = vhal_prop_by_id(prop);

	if (c && c->n_areas > 0) {
		return (int)c->area[0].slot;
	}
	return av_err_set(err, -ENODEV, "this vehicle has no %s",
			  info ? info->name : "such property");
}

static void inject(struct world *w, int slot, int32_t prop, const int32_t *x,
		   uint32_t n, const int64_t *t)
{
	vhal_update(w->vhal, (uint32_t)slot,
		    &(struct vhal_value){ .t = evq_now(w->q),
					  .prop = prop,
					  .n_i32 = n,
					  .i32 = x,
					  .n_i64 = t ? 1 : 0,
					  .i64 = t });
}

/* ---- keys ---- */

/* Arguments: code, action, display, seat */
static bool to_seat(const struct args *a)
{
	return a->has[3] && a->v[3].flag;
}

ACT_FN(act_key_check)
{
	int32_t code;
	int ret = read_key(a->v[0].str, &code, err);

	if (ret == 0) {
		ret = slot_of(w, to_seat(a) ? P_KEY_V2 : P_KEY, err);
	}
	return ret < 0 ? ret : 0;
}

static void one_key(struct world *w, int slot, bool seat, int32_t code,
		    int32_t display, int32_t action)
{
	const int32_t v1[] = { action, code, display };
	const int32_t v2[] = { display, code, action, 0 };
	const int64_t down = evq_now(w->q);

	if (seat) {
		inject(w, slot, P_KEY_V2, v2, 4, &down);
	} else {
		inject(w, slot, P_KEY, v1, 3, NULL);
	}
}

ACT_FN(act_key)
{
	enum { PRESS, DOWN, UP };
	int how = a->has[1] ? a->v[1].idx : PRESS;
	int32_t display = a->has[2] ? a->v[2].idx : 0, code;
	bool seat = to_seat(a);
	int ret = read_key(a->v[0].str, &code, err);
	int slot = ret < 0 ? ret : slot_of(w, seat ? P_KEY_V2 : P_KEY, err);

	if (slot < 0) {
		return slot;
	}
	if (how != UP) {
		one_key(w, slot, seat, code, display, KEY_DOWN);
	}
	if (how != DOWN) {
		one_key(w, slot, seat, code, display, KEY_UP);
	}
	return 0;
}

/* Arguments: detents, knob, display, gap */
ACT_FN(act_rotary_check)
{
	int slot = slot_of(w, P_ROTARY, err);
	double n = a->v[0].num;

	if (n != (int)n || n == 0) {
		return av_err_set(err, -EINVAL,
				  "'detents' must be a whole number, not 0");
	}
	if (a->has[3] && (a->v[3].time < 0 || a->v[3].time > 2 * VT_S)) {
		return av_err_set(err, -EINVAL, "'gap' must be 0 to 2 s");
	}
	return slot < 0 ? slot : 0;
}

ACT_FN(act_rotary)
{
	int32_t x[3 + DETENTS_MAX];
	int slot = slot_of(w, P_ROTARY, err), ret = act_rotary_check(w, a, err);
	uint32_t n;

	if (ret < 0) {
		return ret;
	}
	x[0] = a->has[1] ? a->v[1].idx : 0;
	x[1] = (int32_t)a->v[0].num;
	x[2] = a->has[2] ? a->v[2].idx : 0;
	n = (uint32_t)abs(x[1]) - 1;
	for (uint32_t i = 0; i < n; i++) {
		x[3 + i] = (int32_t)(a->has[3] ? a->v[3].time : 50 * VT_MS);
	}
	inject(w, slot, P_ROTARY, x, 3 + n, NULL);
	return 0;
}

/* Arguments: number, display, repeat */
ACT_FN(act_custom_input)
{
	int slot = slot_of(w, P_CUSTOM, err);
	const int32_t x[] = { 1000 + (int32_t)a->v[0].num,
			      a->has[1] ? a->v[1].idx : 0,
			      a->has[2] ? (int32_t)a->v[2].num : 1 };

	if (slot < 0) {
		return slot;
	}
	inject(w, slot, P_CUSTOM, x, 3, NULL);
	return 0;
}

/* ---- views ---- */

ACT_FN(act_evs)
{
	int slot = slot_of(w, P_EVS, err);
	const int32_t x[] = { a->v[0].idx, !a->has[1] || a->v[1].flag };

	if (slot < 0) {
		return slot;
	}
	inject(w, slot, P_EVS, x, 2, NULL);
	return 0;
}
