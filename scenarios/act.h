/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of the action table call; one file act_FAMILY.c per family.
 * Numbers below index the row's arguments in table order.
 */
#ifndef AVSIM_SCENARIOS_ACT_H
#define AVSIM_SCENARIOS_ACT_H

#include "scenarios/action.h"
#include "sim/vehicle_vars.h"

/* Set a model variable; -ENODEV where a foreign log is replayed. */
int act_set_var(struct world *w, enum vehicle_var var, double value,
		struct av_err *err);

#define ACT_FN(name)                                                           \
	int name(struct world *w, const struct args *a, struct av_err *err)

/* act_drive.c */
ACT_FN(act_accelerate);
ACT_FN(act_brake);
ACT_FN(act_gear);
ACT_FN(act_ignition);
ACT_FN(act_manual);
ACT_FN(act_parking_brake);
ACT_FN(act_route);
ACT_FN(act_route_check);
ACT_FN(act_speed);
ACT_FN(act_steer);
ACT_FN(act_stop);
ACT_FN(act_throttle);
int act_speed_now(struct world *w, const struct args *a, double *out);
int act_brake_now(struct world *w, const struct args *a, double *out);
int act_steer_now(struct world *w, const struct args *a, double *out);
int act_throttle_now(struct world *w, const struct args *a, double *out);

/* act_audio.c */
ACT_FN(act_audio_focus);
ACT_FN(act_audio_focus_check);
extern const char *const act_focus_kinds[];

/* act_body.c */
ACT_FN(act_belt);
ACT_FN(act_charge);
ACT_FN(act_climate);
ACT_FN(act_door);
ACT_FN(act_hazard);
ACT_FN(act_horn);
ACT_FN(act_lights);
ACT_FN(act_lock);
ACT_FN(act_mirror);
ACT_FN(act_occupant);
ACT_FN(act_seat);
ACT_FN(act_trunk);
ACT_FN(act_turn_signal);
ACT_FN(act_unlock);
ACT_FN(act_weather);
ACT_FN(act_window);
ACT_FN(act_wipers);

/* act_data.c */
ACT_FN(act_end);
ACT_FN(act_inject);
ACT_FN(act_inject_check);
ACT_FN(act_log);
ACT_FN(act_mark);
ACT_FN(act_power);
ACT_FN(act_power_check);
ACT_FN(act_set);
ACT_FN(act_set_check);
ACT_FN(act_var);
ACT_FN(act_vhal_inject);
ACT_FN(act_vhal_inject_check);
enum av_dim act_var_dim(const struct args *a);
int act_var_now(struct world *w, const struct args *a, double *out);
extern const char *const act_var_names[]; /* the writable ones */
extern const char *const act_power_requests[];

/* act_sensor.c */
ACT_FN(act_sensor_rate);
ACT_FN(act_sensor_rate_check);
/* Index of the motion sensor called @name; -ENODEV, -ENOENT with a hint. */
int act_find_sensor(struct world *w, const char *name, struct av_err *err);

/* act_hands.c */
ACT_FN(act_press);
ACT_FN(act_press_check);
ACT_FN(act_swipe);
ACT_FN(act_swipe_check);
ACT_FN(act_touch);
ACT_FN(act_touch_check);
ACT_FN(act_turn);
ACT_FN(act_turn_check);
extern const char *const act_press_kinds[];
extern const char *const act_touch_kinds[];
extern const char *const act_turn_axes[];

/* act_input.c */
ACT_FN(act_custom_input);
ACT_FN(act_evs);
ACT_FN(act_key);
ACT_FN(act_key_check);
ACT_FN(act_rotary);
ACT_FN(act_rotary_check);
extern const char *const act_displays[];
extern const char *const act_key_actions[];
extern const char *const act_rotaries[];
extern const char *const act_views[];

/* act_phone.c */
ACT_FN(act_phone_answer);
ACT_FN(act_phone_appear);
ACT_FN(act_phone_appear_check);
ACT_FN(act_phone_call);
ACT_FN(act_phone_call_check);
ACT_FN(act_phone_connect);
ACT_FN(act_phone_disappear);
ACT_FN(act_phone_disconnect);
ACT_FN(act_phone_hang_up);

/* fault.c */
ACT_FN(act_fault);
ACT_FN(act_fault_check);
ACT_FN(act_clear_fault);
const struct arg_spec *act_fault_more(const struct args *a);
extern const char *const fault_names[];	/* as fault_table, NULL-ended */
extern const char *const wheel_names[]; /* fl fr rl rr */

/* lists that several rows share */
extern const char *const act_doors[];
extern const char *const act_gears[];
extern const char *const act_ignitions[];
extern const char *const act_lamps[];
extern const char *const act_lamp_modes[];
extern const char *const act_seats[];
extern const char *const act_front_seats[];
extern const char *const act_turns[];
extern const char *const act_windows[];
extern const char *const act_wiper_modes[];
extern const char *const act_zones[];

#endif
