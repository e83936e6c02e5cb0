/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/topics.h"

#include <string.h>

#define ROW(id, owner_, type, units_, rate_)                                   \
	[id] = { .name = #id,                                                  \
		 .owner = owner_,                                              \
		 .size = sizeof(type),                                         \
		 .units = units_,                                              \
		 .rate = rate_ }

/* clang-format off */
const struct av_topic av_topics[TOPIC_N] = {
	ROW(TOPIC_COMMAND, STAGE_INPUT, struct cmd_event,
	    "text", "per applied command"),
	ROW(TOPIC_FAULT, STAGE_INPUT, struct fault_event,
	    "text", "fault begins, ends"),
	ROW(TOPIC_VEHICLE, STAGE_VEHICLE, struct vehicle_state,
	    "base units, see vehicle_vars.h", "every VEHICLE_STEP (10 ms)"),
	ROW(TOPIC_CAN, STAGE_CAN, struct can_frame,
	    "raw bytes", "per frame, at its end on the wire"),
	ROW(TOPIC_SIGNAL, STAGE_SIGNALS, struct signal_event,
	    "physical value in the DBC's unit", "on change"),
	ROW(TOPIC_VHAL, STAGE_VHAL, struct vhal_event,
	    "AAOS units", "on change, or at the subscribed rate"),
	ROW(TOPIC_IMU, STAGE_SENSORS, struct imu_sample,
	    "m/s2, rad/s, uT", "at the sensor's rate; 10 Hz if nobody asks"),
	ROW(TOPIC_GNSS, STAGE_GNSS, struct gnss_event,
	    "degrees, metres, see GNSS_FIX_FIELDS", "1 to 20 Hz, or as in a file"),
	ROW(TOPIC_POWER, STAGE_SERVICES, struct text_event,
	    "text", "per power state change"),
	ROW(TOPIC_SERVICE, STAGE_SERVICES, struct text_event,
	    "text; latency is wall time", "per answered request"),
	ROW(TOPIC_INPUT, STAGE_SERVICES, struct hid_event,
	    "pixels; codes of evdev", "per change; a moving finger 60 Hz"),
	ROW(TOPIC_BT, STAGE_SERVICES, struct text_event,
	    "text", "per change of a Bluetooth link, pairing, call"),
	ROW(TOPIC_AUDIO, STAGE_SERVICES, struct audio_event,
	    "text and session", "a session of audio focus begins, ends"),
	ROW(TOPIC_DEVICE, STAGE_DEVICES, struct text_event,
	    "text", "per device state change"),
	ROW(TOPIC_SCENARIO, STAGE_SCENARIO, struct text_event,
	    "text", "per action, mark and expectation"),
};
/* clang-format on */

enum { VAR_ro, VAR_rw };
#define X(name_, unit_, rw_, text_)                                            \
	{ .name = #name_, .unit = unit_, .writable = VAR_##rw_, .text = text_ },
const struct vehicle_var_info vehicle_var_info[VV_N] = { VEHICLE_VARS(X) };
#undef X

int vehicle_var_find(const char *name)
{
	for (int i = 0; i < VV_N; i++) {
		if (!strcmp(vehicle_var_info[i].name, name)) {
			return i;
		}
	}
	return -1;
}
