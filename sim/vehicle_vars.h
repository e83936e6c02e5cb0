/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every quantity the vehicle model exposes, once: name, unit, who may change
 * it, meaning. The binding table of a vehicle (signals.yaml, "model:") and the
 * scenario language ("var:") name them; struct vehicle_state holds them.
 *
 * Units are those of sim/core/units.h base units ("" = number, flag or the
 * enum value given in the text). Zones: l/r = left/right of the first row, rl/rr
 * = second row; tyres and wheels fl fr rl rr. Positions of doors and windows
 * are ratios, 0 closed, 1 fully open.
 *
 * A "rw" row is a target that an ECU request or a scenario may set
 * (vehicle_actuate()); the model moves the matching "ro" row towards it.
 */
#ifndef AVSIM_VEHICLE_VARS_H
#define AVSIM_VEHICLE_VARS_H

/* clang-format off */
/* X(name, unit, rw|ro, text) */
#define VEHICLE_VARS(X) \
	/* motion; ISO 8855 axes: x forward, y left, z up */ \
	X(speed,		"m/s",	ro, "forward speed at the centre of mass, negative backward") \
	X(speed_display,	"m/s",	ro, "what the cluster shows: never below the true speed") \
	X(accel_x,		"m/s2",	ro, "longitudinal acceleration") \
	X(accel_y,		"m/s2",	ro, "lateral acceleration, positive left") \
	X(yaw_rate,		"rad/s", ro, "positive left") \
	X(slip_angle,		"rad",	ro, "side slip at the centre of mass") \
	X(pos_x,		"m",	ro, "east of the start point") \
	X(pos_y,		"m",	ro, "north of the start point") \
	X(pos_z,		"m",	ro, "height above the WGS84 ellipsoid") \
	X(lat,			"",	ro, "degrees, WGS84") \
	X(lon,			"",	ro, "degrees, WGS84") \
	X(heading,		"rad",	ro, "clockwise from north, 0 to 2 pi") \
	X(grade,		"rad",	rw, "slope of the road, positive uphill") \
	X(roll,			"rad",	ro, "body roll, positive leaning right") \
	X(pitch,		"rad",	ro, "body pitch, road slope included, positive nose down") \
	X(odometer,		"m",	ro, "total distance") \
	X(trip,			"m",	ro, "distance since scenario start") \
	X(wheel_speed_fl,	"rad/s", ro, "wheel rotation") \
	X(wheel_speed_fr,	"rad/s", ro, "wheel rotation") \
	X(wheel_speed_rl,	"rad/s", ro, "wheel rotation") \
	X(wheel_speed_rr,	"rad/s", ro, "wheel rotation") \
	X(wheel_ticks_fl,	"",	ro, "encoder ticks, signed sum") \
	X(wheel_ticks_fr,	"",	ro, "encoder ticks, signed sum") \
	X(wheel_ticks_rl,	"",	ro, "encoder ticks, signed sum") \
	X(wheel_ticks_rr,	"",	ro, "encoder ticks, signed sum") \
	/* driver's controls */ \
	X(throttle,		"",	rw, "accelerator pedal, 0..1") \
	X(brake,		"",	rw, "brake pedal, 0..1") \
	X(steering_wheel,	"rad",	rw, "steering wheel angle, positive left") \
	X(gear_selection,	"",	rw, "selector: 0 P, 1 R, 2 N, 3 D") \
	X(gear_current,		"",	ro, "gear engaged: 0 P, 1 R, 2 N, 3 D") \
	X(parking_brake,	"",	rw, "0 released, 1 applied") \
	X(parking_brake_auto,	"",	rw, "1: applied by itself in P") \
	X(ignition,		"",	rw, "VehicleIgnitionState: 1 lock, 2 off, 3 acc, 4 on, 5 start") \
	X(turn_switch,		"",	rw, "lever: 0 none, 1 right, 2 left") \
	X(turn_signal,		"",	ro, "what flashes: 0 none, 1 right, 2 left, 3 both (hazard)") \
	X(horn,			"",	rw, "1 sounding") \
	X(cruise_state,		"",	ro, "0 off, 1 enabled, 2 active") \
	X(cruise_target,	"m/s",	ro, "set speed") \
	X(abs_active,		"",	ro, "1 while anti-lock intervenes") \
	X(tc_active,		"",	ro, "1 while traction control intervenes") \
	X(esc_enabled,		"",	rw, "1 stability control on") \
	/* powertrain and battery */ \
	X(motor_speed,		"rad/s", ro, "rotor") \
	X(motor_torque,		"Nm",	ro, "at the shaft, negative regenerates") \
	X(motor_temp,		"degC",	ro, "winding") \
	X(coolant_temp,		"degC",	ro, "coolant of motor and battery loop") \
	X(regen_level,		"",	rw, "recuperation: 0 off, 1 low, 2 high") \
	X(stopping_mode,	"",	rw, "EvStoppingMode: 1 creep, 2 roll, 3 hold") \
	X(regen_state,		"",	ro, "EvRegenerativeBrakingState: 1 disabled, 2 partial, 3 full") \
	X(battery_soc,		"%",	ro, "state of charge, ratio 0..1") \
	X(battery_energy,	"J",	ro, "energy left") \
	X(battery_capacity,	"J",	ro, "usable energy when full, today") \
	X(battery_power,	"W",	ro, "at the terminals, positive charges") \
	X(battery_voltage,	"V",	ro, "pack") \
	X(battery_current,	"A",	ro, "positive charges") \
	X(battery_temp,		"degC",	ro, "mean of the cells") \
	X(range,		"m",	ro, "estimated distance to empty") \
	X(charge_port_open,	"",	rw, "flap") \
	X(charge_port_connected, "",	rw, "cable plugged in") \
	X(charge_switch,	"",	rw, "1: charging allowed") \
	X(charge_limit,		"%",	rw, "stop at this state of charge") \
	X(charge_current_limit,	"A",	rw, "AC draw limit") \
	X(charge_state,		"",	ro, "EvChargeState: 1 charging, 2 full, 3 not charging, 4 error") \
	X(charge_time_left,	"s",	ro, "to the limit, 0 if not charging") \
	X(charger_power,	"W",	rw, "what the charge point offers") \
	X(lv_battery_voltage,	"V",	ro, "12 V system") \
	/* surroundings */ \
	X(outside_temp,		"degC",	rw, "air, true value") \
	X(outside_temp_sensor,	"degC",	ro, "as the sensor behind the bumper shows it") \
	X(sun,			"",	rw, "ambient light, 0 night .. 1 noon") \
	X(rain,			"",	rw, "0 dry .. 1 downpour") \
	X(night_mode,		"",	ro, "1 when the light sensor says dark") \
	X(friction,		"",	rw, "tyre-road friction coefficient") \
	X(wind,			"m/s",	rw, "head wind") \
	/* cabin; zones l, r, rear */ \
	X(hvac_power,		"",	rw, "climate on") \
	X(hvac_ac,		"",	rw, "compressor allowed") \
	X(hvac_max_ac,		"",	rw, "1 maximum cooling") \
	X(hvac_max_defrost,	"",	rw, "1 maximum defrost") \
	X(hvac_auto,		"",	rw, "1 automatic") \
	X(hvac_dual,		"",	rw, "1: zones set apart, 0: coupled, starting from the left") \
	X(hvac_recirc,		"",	rw, "1 recirculate") \
	X(hvac_auto_recirc,	"",	rw, "1 by air quality") \
	X(hvac_temp_set_l,	"degC",	rw, "wanted, driver's side") \
	X(hvac_temp_set_r,	"degC",	rw, "wanted, passenger's side") \
	X(hvac_temp_l,		"degC",	ro, "cabin air, left") \
	X(hvac_temp_r,		"degC",	ro, "cabin air, right") \
	X(hvac_temp_rear,	"degC",	ro, "cabin air, second row") \
	X(hvac_fan_l,		"",	rw, "fan step 0..7") \
	X(hvac_fan_r,		"",	rw, "fan step 0..7") \
	X(hvac_fan_rpm,		"",	ro, "blower, 1/min") \
	X(hvac_dir_l,		"",	rw, "VehicleHvacFanDirection bits") \
	X(hvac_dir_r,		"",	rw, "VehicleHvacFanDirection bits") \
	X(hvac_defrost_front,	"",	rw, "windscreen") \
	X(hvac_defrost_rear,	"",	rw, "heated rear window") \
	X(hvac_mirror_heat,	"",	rw, "0 off .. 2") \
	X(hvac_wheel_heat,	"",	rw, "steering wheel, -2..2") \
	X(hvac_seat_heat_l,	"",	rw, "-2 cool .. 2 heat") \
	X(hvac_seat_heat_r,	"",	rw, "-2 cool .. 2 heat") \
	X(hvac_seat_vent_l,	"",	rw, "0..3") \
	X(hvac_seat_vent_r,	"",	rw, "0..3") \
	X(hvac_load,		"W",	ro, "electric power of climate") \
	/* tyres */ \
	X(tyre_pressure_fl,	"kPa",	ro, "gauge pressure, Pa inside") \
	X(tyre_pressure_fr,	"kPa",	ro, "gauge pressure, Pa inside") \
	X(tyre_pressure_rl,	"kPa",	ro, "gauge pressure, Pa inside") \
	X(tyre_pressure_rr,	"kPa",	ro, "gauge pressure, Pa inside") \
	X(tyre_temp_fl,		"degC",	ro, "air inside") \
	X(tyre_temp_fr,		"degC",	ro, "air inside") \
	X(tyre_temp_rl,		"degC",	ro, "air inside") \
	X(tyre_temp_rr,		"degC",	ro, "air inside") \
	X(tyre_leak_fl,		"",	rw, "share of air lost per second (puncture)") \
	X(tyre_leak_fr,		"",	rw, "share of air lost per second (puncture)") \
	X(tyre_leak_rl,		"",	rw, "share of air lost per second (puncture)") \
	X(tyre_leak_rr,		"",	rw, "share of air lost per second (puncture)") \
	/* doors: target and position */ \
	X(door_fl_set,		"",	rw, "wanted") \
	X(door_fr_set,		"",	rw, "wanted") \
	X(door_rl_set,		"",	rw, "wanted") \
	X(door_rr_set,		"",	rw, "wanted") \
	X(door_trunk_set,	"",	rw, "wanted") \
	X(door_hood_set,	"",	rw, "wanted") \
	X(door_fl,		"",	ro, "position") \
	X(door_fr,		"",	ro, "position") \
	X(door_rl,		"",	ro, "position") \
	X(door_rr,		"",	ro, "position") \
	X(door_trunk,		"",	ro, "position") \
	X(door_hood,		"",	ro, "position") \
	X(lock_fl,		"",	rw, "1 locked") \
	X(lock_fr,		"",	rw, "1 locked") \
	X(lock_rl,		"",	rw, "1 locked") \
	X(lock_rr,		"",	rw, "1 locked") \
	X(lock_trunk,		"",	rw, "1 locked") \
	X(child_lock_rl,	"",	rw, "1 on") \
	X(child_lock_rr,	"",	rw, "1 on") \
	/* windows */ \
	X(window_fl_set,	"",	rw, "wanted") \
	X(window_fr_set,	"",	rw, "wanted") \
	X(window_rl_set,	"",	rw, "wanted") \
	X(window_rr_set,	"",	rw, "wanted") \
	X(window_roof_set,	"",	rw, "wanted") \
	X(window_fl,		"",	ro, "position") \
	X(window_fr,		"",	ro, "position") \
	X(window_rl,		"",	ro, "position") \
	X(window_rr,		"",	ro, "position") \
	X(window_roof,		"",	ro, "position") \
	X(window_lock,		"",	rw, "1: rear switches dead") \
	/* mirrors, steering column, wipers */ \
	X(mirror_fold,		"",	rw, "1 folded") \
	X(mirror_lock,		"",	rw, "1 locked") \
	X(mirror_auto_fold,	"",	rw, "1: folds when locked") \
	X(mirror_l_y,		"",	rw, "-1..1, horizontal") \
	X(mirror_l_z,		"",	rw, "-1..1, vertical") \
	X(mirror_r_y,		"",	rw, "-1..1, horizontal") \
	X(mirror_r_z,		"",	rw, "-1..1, vertical") \
	X(wiper_switch,		"",	rw, "WindshieldWipersSwitch: 1 off, 2 mist, 3..7 interval, 8..12 steady, 13 auto") \
	X(wiper_state,		"",	ro, "WindshieldWipersState: 1 off, 2 on") \
	X(wiper_period,		"s",	ro, "time of one sweep and pause, 0 when off") \
	X(wiper_angle,		"",	ro, "0 parked .. 1 upright") \
	/* seats; -1..1 or 0..1 positions, l = driver */ \
	X(seat_l_fore_aft,	"",	rw, "0 back .. 1 front") \
	X(seat_r_fore_aft,	"",	rw, "0 back .. 1 front") \
	X(seat_l_height,	"",	rw, "0..1") \
	X(seat_r_height,	"",	rw, "0..1") \
	X(seat_l_backrest,	"",	rw, "0 upright .. 1 flat") \
	X(seat_r_backrest,	"",	rw, "0 upright .. 1 flat") \
	X(occupied_l,		"",	rw, "1 somebody sits") \
	X(occupied_r,		"",	rw, "1 somebody sits") \
	X(occupied_rl,		"",	rw, "1 somebody sits") \
	X(occupied_rr,		"",	rw, "1 somebody sits") \
	X(belt_l,		"",	rw, "1 buckled") \
	X(belt_r,		"",	rw, "1 buckled") \
	X(belt_rl,		"",	rw, "1 buckled") \
	X(belt_rr,		"",	rw, "1 buckled") \
	/* lights; switch: VehicleLightSwitch 0 off, 1 on, 2 daytime, 256 auto */ \
	X(headlight_switch,	"",	rw, "low beam") \
	X(high_beam_switch,	"",	rw, "high beam") \
	X(fog_front_switch,	"",	rw, "front fog") \
	X(fog_rear_switch,	"",	rw, "rear fog") \
	X(hazard_switch,	"",	rw, "hazard") \
	X(cabin_light_switch,	"",	rw, "cabin") \
	X(reading_light_l_switch, "",	rw, "driver") \
	X(reading_light_r_switch, "",	rw, "passenger") \
	X(headlight,		"",	ro, "VehicleLightState: 0 off, 1 on, 2 daytime") \
	X(high_beam,		"",	ro, "VehicleLightState") \
	X(fog_front,		"",	ro, "VehicleLightState") \
	X(fog_rear,		"",	ro, "VehicleLightState") \
	X(hazard,		"",	ro, "VehicleLightState") \
	X(cabin_light,		"",	ro, "VehicleLightState") \
	X(reading_light_l,	"",	ro, "VehicleLightState") \
	X(reading_light_r,	"",	ro, "VehicleLightState") \
	X(brake_light,		"",	ro, "1 lit") \
	X(reverse_light,	"",	ro, "1 lit") \
	X(indicator_l,		"",	ro, "1 lit right now") \
	X(indicator_r,		"",	ro, "1 lit right now") \
	/* display units the driver chose: VehicleUnit values */ \
	X(unit_distance,	"",	rw, "35 km, 36 mile") \
	X(unit_speed,		"",	rw, "145 km/h, 144 mph") \
	X(unit_temperature,	"",	rw, "48 C, 49 F") \
	X(unit_pressure,	"",	rw, "112 kPa, 113 psi, 114 bar")
/* clang-format on */

enum vehicle_var {
#define X(name, unit, rw, text) VV_##name,
	VEHICLE_VARS(X)
#undef X
	VV_N
};

struct vehicle_var_info {
	const char *name;
	const char *unit; /* how people see it; inside it is the base unit */
	int writable;
	const char *text;
};

extern const struct vehicle_var_info vehicle_var_info[VV_N];

/* Index of the variable called @name, or -1. */
int vehicle_var_find(const char *name);

#endif
