/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on the phone in the car. */
#include "config.h"

#include "scenarios/act.h"
#include "sim/bluetooth/bluetooth.h"
#include "sim/world.h"

#include <errno.h>
#include <string.h>

enum { ARG_NAME, ARG_ADDRESS, ARG_PAIRING, ARG_PIN, ARG_ACCEPT, ARG_HIDDEN,
       ARG_RSSI };

static const char *text(const struct args *a, size_t i)
{
	return a->has[i] ? a->v[i].str : NULL;
}

ACT_FN(act_phone_appear_check)
{
	uint8_t addr[6];

	(void)w;
	if (a->has[ARG_ADDRESS] && bt_addr_parse(text(a, ARG_ADDRESS), addr)) {
		return av_err_set(err, -EINVAL,
				  "'address' wants six bytes like "
				  "02:00:5E:10:20:30, not '%.40s'",
				  text(a, ARG_ADDRESS));
	}
	if (a->has[ARG_NAME] && (!*text(a, ARG_NAME) ||
				 strlen(text(a, ARG_NAME)) > PHONE_NAME_MAX)) {
		return av_err_set(err, -EINVAL,
				  "the phone's name has 1 to %d bytes",
				  PHONE_NAME_MAX);
	}
	if (a->has[ARG_PIN] &&
	    (!*text(a, ARG_PIN) || strlen(text(a, ARG_PIN)) > 16)) {
		return av_err_set(err, -EINVAL, "a PIN has 1 to 16 characters");
	}
	if (a->has[ARG_PIN] && (!a->has[ARG_PAIRING] ||
				a->v[ARG_PAIRING].idx != PHONE_PIN)) {
		return av_err_set(err, -EINVAL, "'pin' goes with pairing: pin");
	}
	return 0;
}

ACT_FN(act_phone_appear)
{
	struct phone_setup s = {
		.name = text(a, ARG_NAME),
		.address = text(a, ARG_ADDRESS),
		.pairing = a->has[ARG_PAIRING] ?
				   (enum phone_pairing)a->v[ARG_PAIRING].idx :
				   PHONE_NUMBER,
		.pin = text(a, ARG_PIN),
		.refuses = a->has[ARG_ACCEPT] && !a->v[ARG_ACCEPT].flag,
		.hidden = a->has[ARG_HIDDEN] && a->v[ARG_HIDDEN].flag,
		.rssi_dbm = a->has[ARG_RSSI] ? (int)a->v[ARG_RSSI].num : -50,
	};

	return phone_appear(bluetooth_phone(w->bt), &s, err);
}

ACT_FN(act_phone_call_check)
{
	(void)w;
	return a->has[0] ? phone_check_number(a->v[0].str, err) : 0;
}

ACT_FN(act_phone_call)
{
	return phone_call(bluetooth_phone(w->bt),
			  a->has[0] ? a->v[0].str : "+49895550123", err);
}

ACT_FN(act_phone_answer)
{
	(void)a;
	return phone_answer(bluetooth_phone(w->bt), err);
}

ACT_FN(act_phone_connect)
{
	(void)a;
	return phone_connect(bluetooth_phone(w->bt), err);
}

ACT_FN(act_phone_disappear)
{
	(void)a;
	return phone_disappear(bluetooth_phone(w->bt), err);
}

ACT_FN(act_phone_disconnect)
{
	(void)a;
	return phone_disconnect(bluetooth_phone(w->bt), err);
}

ACT_FN(act_phone_hang_up)
{
	(void)a;
	return phone_hang_up(bluetooth_phone(w->bt), err);
}
