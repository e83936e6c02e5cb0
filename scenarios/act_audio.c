/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on what is heard. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/services/audio_sessions.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>

enum { ARG_DO, ARG_USAGE, ARG_ZONE, ARG_DUCK, ARG_TRANSIENT, ARG_EXCLUSIVE,
       ARG_FOR };

const char *const act_focus_kinds[] = { "acquire", "release", NULL };

static bool flag(const struct args *a, size_t i, bool otherwise)
{
	return a->has[i] ? a->v[i].flag : otherwise;
}

ACT_FN(act_audio_focus_check)
{
	(void)w;
	if (a->has[ARG_ZONE] && a->v[ARG_ZONE].num != floor(a->v[ARG_ZONE].num)) {
		return av_err_set(err, -EINVAL, "'zone' is a whole number");
	}
	if (a->v[ARG_DO].idx == 1 &&
	    (a->has[ARG_DUCK] || a->has[ARG_TRANSIENT] ||
	     a->has[ARG_EXCLUSIVE] || a->has[ARG_FOR])) {
		return av_err_set(err, -EINVAL,
				  "a release has a usage and a zone only");
	}
	if (flag(a, ARG_DUCK, false) && flag(a, ARG_EXCLUSIVE, false)) {
		return av_err_set(err, -EINVAL,
				  "'duck' and 'exclusive' exclude each other");
	}
	if (!flag(a, ARG_TRANSIENT, true) &&
	    (flag(a, ARG_DUCK, false) || flag(a, ARG_EXCLUSIVE, false))) {
		return av_err_set(err, -EINVAL,
				  "'duck' and 'exclusive' are for what is "
				  "transient");
	}
	return 0;
}

ACT_FN(act_audio_focus)
{
	struct audio_session s = {
		.usage = (enum audio_usage)a->v[ARG_USAGE].idx,
		.zone = a->has[ARG_ZONE] ? (int)a->v[ARG_ZONE].num : 0,
		.transient = flag(a, ARG_TRANSIENT, true),
		.duck = flag(a, ARG_DUCK, false),
		.exclusive = flag(a, ARG_EXCLUSIVE, false),
	};

	if (a->v[ARG_DO].idx == 1) {
		return audio_release(w->audio, s.usage, s.zone, err);
	}
	return audio_acquire(w->audio, &s,
			     a->has[ARG_FOR] ? a->v[ARG_FOR].time : VT_NEVER,
			     err);
}
