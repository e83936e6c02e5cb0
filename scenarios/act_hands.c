/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of hands on input devices of the guest: screens, keys, knobs. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/core/evdev.h"
#include "sim/services/hands.h"
#include "sim/world.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>

enum { X, Y, T_ACTION, T_FOR, T_FINGER, T_DEVICE };
enum { TO_X = 2, TO_Y, S_FOR, S_FINGER, S_DEVICE };
enum { P_CODE, P_ACTION, P_DEVICE, P_FOR };
enum { DETENTS, AXIS, GAP, DEVICE };

#define TIME_MAX (60 * VT_S)

/* in the order of enum hands_touch and enum hands_key */
const char *const act_touch_kinds[] = { "tap", "press", "drag", "release",
					NULL };
const char *const act_press_kinds[] = { "press", "down", "up", NULL };
const char *const act_turn_axes[] = { "wheel", "dial", NULL };

static vtime time_of(const struct args *a, size_t i, vtime otherwise)
{
	return a->has[i] ? a->v[i].time : otherwise;
}

static const char *device_of(const struct args *a, size_t i)
{
	return a->has[i] ? a->v[i].str : NULL;
}

static int check_time(const struct args *a, size_t i, const char *name,
		      struct av_err *err)
{
	if (a->has[i] && (a->v[i].time < 0 || a->v[i].time > TIME_MAX)) {
		return av_err_set(err, -EINVAL, "'%s' must be 0 to 60 s",
				  name);
	}
	return 0;
}

/* ---- screens ---- */

static int whole(const struct args *a, size_t i, const char *name,
		 struct av_err *err)
{
	return a->has[i] && a->v[i].num != (int)a->v[i].num ?
		       av_err_set(err, -EINVAL, "'%s' is a whole number",
				  name) :
		       0;
}

ACT_FN(act_touch_check)
{
	int ret = whole(a, X, "x", err);

	(void)w;
	ret = ret ? ret : whole(a, Y, "y", err);
	ret = ret ? ret : whole(a, T_FINGER, "finger", err);
	ret = ret ? ret : check_time(a, T_FOR, "for", err);
	if (ret == 0 && (!a->has[X] || !a->has[Y]) &&
	    !(a->has[T_ACTION] && a->v[T_ACTION].idx == HANDS_RELEASE)) {
		ret = av_err_set(err, -EINVAL, "'x' and 'y' are missing");
	}
	return ret;
}

ACT_FN(act_touch)
{
	enum hands_touch what = a->has[T_ACTION] ?
					(enum hands_touch)a->v[T_ACTION].idx :
					HANDS_TAP;
	vtime length = time_of(a, T_FOR,
			       what == HANDS_DRAG ? 300 * VT_MS : 80 * VT_MS);

	return hands_touch(w->hands, device_of(a, T_DEVICE),
			   a->has[T_FINGER] ? (unsigned int)a->v[T_FINGER].num :
					      0,
			   what, a->has[X] ? (int)a->v[X].num : 0,
			   a->has[Y] ? (int)a->v[Y].num : 0, length, err);
}

ACT_FN(act_swipe_check)
{
	int ret = whole(a, X, "x", err);

	(void)w;
	ret = ret ? ret : whole(a, Y, "y", err);
	ret = ret ? ret : whole(a, TO_X, "to-x", err);
	ret = ret ? ret : whole(a, TO_Y, "to-y", err);
	ret = ret ? ret : whole(a, S_FINGER, "finger", err);
	return ret ? ret : check_time(a, S_FOR, "for", err);
}

ACT_FN(act_swipe)
{
	const int from[2] = { (int)a->v[X].num, (int)a->v[Y].num };
	const int to[2] = { (int)a->v[TO_X].num, (int)a->v[TO_Y].num };

	return hands_swipe(w->hands, device_of(a, S_DEVICE),
			   a->has[S_FINGER] ? (unsigned int)a->v[S_FINGER].num :
					      0,
			   from, to, time_of(a, S_FOR, 300 * VT_MS), err);
}

/* ---- keys ---- */

ACT_FN(act_press_check)
{
	const char *name = a->v[P_CODE].str;
	char hint[96];

	(void)w;
	if (evdev_key_find(name) < 0) {
		av_suggest_text(hint, evdev_key_suggest(name));
		return av_err_set(err, -EINVAL,
				  "no key '%.32s': want a name of Linux's "
				  "KEY_* like HOMEPAGE or VOLUMEUP%s",
				  name, hint);
	}
	return check_time(a, P_FOR, "for", err);
}

ACT_FN(act_press)
{
	int code = evdev_key_find(a->v[P_CODE].str);

	if (code < 0) {
		return act_press_check(w, a, err);
	}
	return hands_key(w->hands, device_of(a, P_DEVICE), (uint16_t)code,
			 a->has[P_ACTION] ? (enum hands_key)a->v[P_ACTION].idx :
					    HANDS_KEY_PRESS,
			 time_of(a, P_FOR, 50 * VT_MS), err);
}

/* ---- knobs ---- */

ACT_FN(act_turn_check)
{
	(void)w;
	if (a->v[DETENTS].num == 0) {
		return av_err_set(err, -EINVAL, "'detents' must not be 0");
	}
	return whole(a, DETENTS, "detents", err) ?
		       -EINVAL :
		       check_time(a, GAP, "gap", err);
}

ACT_FN(act_turn)
{
	bool dial = a->has[AXIS] && a->v[AXIS].idx == 1;
	int ret = act_turn_check(w, a, err);

	return ret ? ret :
		     hands_turn(w->hands, device_of(a, DEVICE),
				dial ? REL_DIAL : REL_WHEEL,
				(int)a->v[DETENTS].num,
				time_of(a, GAP, 50 * VT_MS), err);
}
