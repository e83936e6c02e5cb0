/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dashboard shows: latest values, counters and short histories,
 * collected from the bus by taps. No screen in here, so that the terminal and
 * a window can share it.
 *
 * Cheap by construction: a message costs a table look-up and a copy, nothing is
 * allocated after model_create(), rings overwrite their oldest entry and count
 * it. Values are read from the stores when they are drawn, not when they
 * change.
 *
 * Change marks fade by the wall clock of the person who looks, so that they
 * also work while paused or stepping; model_tick() brings that clock in.
 */
#ifndef AVSIM_UI_MODEL_H
#define AVSIM_UI_MODEL_H

#include "sim/core/err.h"
#include "sim/core/log.h"
#include "sim/topics.h"

#include <stdbool.h>
#include <stdint.h>

struct dbc_message;
struct world;

enum {
	MODEL_CAN_MAX = 1024, /* different identifiers */
	MODEL_LOG_MAX = 2048, /* entries kept */
	MODEL_BAR_MAX = 512,  /* cells of the time bar */
	MODEL_TRACK_MAX = 4096, /* points of the driven path */
	MODEL_LATE_MAX = 32,  /* log lines kept for after the exit */
};

/* ---- log ---- */
enum model_kind {
	MODEL_LINE, /* av_log() */
	MODEL_COMMAND,
	MODEL_SCENARIO,
	MODEL_FAULT,
	MODEL_POWER,
	MODEL_DEVICE,
	MODEL_N_KINDS
};
extern const char *const model_kind_names[MODEL_N_KINDS];

struct model_log {
	vtime t; /* VT_NEVER: before the clock existed */
	enum model_kind kind;
	enum av_log_level level; /* of other kinds: INFO, or WARN if it failed */
	char key[24];
	char text[168];
};

/* ---- properties: one per slot of the store ---- */
struct model_prop {
	vtime seen;	   /* last event */
	vtime changed;	   /* last event with another value */
	uint32_t wall_ms;  /* of that change; 0 = never changed */
	uint32_t n;	   /* changes */
	uint64_t print;	   /* of the value, to see changes of sampled ones */
	bool any;	   /* an event was seen */
};

/* ---- CAN: one per bus and identifier ---- */
struct model_can {
	uint32_t id;
	uint8_t bus, flags, len;
	bool tx;
	uint8_t data[64];
	uint32_t heat[64]; /* wall_ms of each byte's last change, 0 = never */
	uint64_t n, n_window; /* frames; at the start of the rate window */
	double rate_hz;
	vtime first, last;
	const struct dbc_message *msg; /* NULL: not in the DBC */
};

/* ---- motion sensors: one each, with the course of the last seconds ---- */
enum { MODEL_IMU_CELLS = 256 };
#define MODEL_IMU_CELL (VT_S / 10)
/* ---- satellite navigation ---- */
struct model_gnss {
	bool any; /* a fix or its loss was seen */
	vtime t, since; /* last of the receiver; its mode changed */
	struct gnss_fix fix;
	struct gnss_fix good; /* the last with a place; mode 0: none yet */
	double true_lat, true_lon; /* where the car was then */
	char provider[GNSS_PROVIDER_MAX];
	double rate_hz;
	struct gnss_sat sat[GNSS_SATS_MAX];
	size_t n_sats;
	uint64_t raws; /* epochs */
};

struct model_imu {
	struct imu_sample last; /* n is 0: none yet */
	double rate_hz;		/* by the last two samples */
	/* Ring, by virtual time in units of MODEL_IMU_CELL; NaN where none
	 * came. */
	int64_t cell;
	float course[3][MODEL_IMU_CELLS];
};

/* ---- path driven ---- */
struct model_point {
	float x_m, y_m; /* east and north of the start */
};
enum model_track_from { TRACK_NONE, TRACK_POSITION, TRACK_VEHICLE,
			TRACK_RECKONED };
struct model_track {
	enum model_track_from from;
	struct model_point p[MODEL_TRACK_MAX];
	size_t n;
	double spacing_m;   /* least distance of two points, grows */
	double length_m;    /* driven, by the points */
	double x_m, y_m;    /* now */
	double heading_rad; /* now, clockwise from north; NaN unknown */
	double lat0, lon0;
};

/* ---- events over the run ---- */
enum { MODEL_BAR_FAILED = MODEL_N_KINDS }; /* a failed expectation */
struct model_bar {
	uint8_t cell[MODEL_BAR_MAX]; /* bit per enum model_kind, and that one */
	vtime span;		     /* of all cells; open runs double it */
};

struct model {
	struct world *w;
	uint32_t wall_ms; /* wall clock of the last tick, from 1 on */
	uint64_t version; /* grows with every message */

	struct model_prop *prop;
	size_t n_props;
	uint64_t prop_changes;

	struct model_can *can; /* MODEL_CAN_MAX of them, @n_can used */
	size_t n_can;
	uint16_t can_order[MODEL_CAN_MAX]; /* by bus and identifier */
	uint16_t can_hash[4 * MODEL_CAN_MAX]; /* index + 1 */
	uint64_t can_frames, can_frames_window, can_untracked;
	double can_rate_hz;
	vtime rate_from; /* start of the rate window */

	struct model_log *log; /* ring of MODEL_LOG_MAX */
	uint64_t n_log;	       /* ever written */
	uint64_t warnings;
	struct model_log late[MODEL_LATE_MAX]; /* warnings, for after the exit */
	size_t n_late;
	uint64_t refused; /* commands of the user that failed */
	char refusal[168]; /* why the last one failed */

	struct model_gnss gnss;
	struct model_imu *imu; /* by sensor */
	size_t n_imu;

	struct model_bar bar;
	struct model_track track;
	double reckon_speed, reckon_yaw; /* m/s, rad/s */
	vtime reckon_t;
	int sig_lat, sig_lon, sig_speed, sig_yaw; /* -1 = none */
	double lat, lon;

	double pace_real; /* virtual seconds per wall second, as measured */
	vtime pace_virt;
	int64_t pace_wall;

	struct gauges *gauges; /* ui/gauge.c */
	bool state_seen; /* of the vehicle itself */
	bool ended;
};

/**
 * model_create() - Watch @w from now on; needs its stages, any may be NULL
 *
 * Return: 0, -ENOMEM, or what bus_subscribe() says.
 */
int model_create(struct world *w, struct model **out, struct av_err *err);
void model_destroy(struct model *m);

/* A moment of the viewer: @wall_ns any monotonic clock, @now virtual time. */
void model_tick(struct model *m, int64_t wall_ns, vtime now);

/* An av_log_sink; @ctx is the model. */
void model_log_sink(void *ctx, vtime now, enum av_log_level level,
		    const char *topic, const char *line);

/* Entry @i counted from the newest (0); NULL past the oldest kept. */
const struct model_log *model_log_at(const struct model *m, size_t i);

/* What an axis showed around @t, NaN if nothing is known. */
double model_imu_course(const struct model *m, size_t sensor, int axis,
			vtime t);

/* Row @i in display order; @i < n_can. */
const struct model_can *model_can_at(const struct model *m, size_t i);

/* How fresh a change at @wall_ms is: 3 now, 2, 1, 0 faded or never. */
int model_heat(const struct model *m, uint32_t wall_ms);

/* ---- gauges: single quantities, wherever they come from ---- */

enum gauge_state {
	GAUGE_NONE,  /* nothing in this world carries it */
	GAUGE_INIT,  /* something does, but it has not spoken yet */
	GAUGE_ERROR, /* the property says error or unavailable */
	GAUGE_STALE, /* a value, but its source has gone silent */
	GAUGE_OK,
};

struct gauge_value {
	double v; /* base unit; valid if STALE or OK, else NaN */
	enum gauge_state state;
	vtime age; /* since the source last spoke */
};

/*
 * X(name, dimension, VSS path, property, area, unit of the property, model
 * variable). The signal is preferred, then the property, then the model's own
 * value; enum-like ones are in the model's numbers (vehicle_vars.h).
 */
#define VSS_DOOR(r, s) "Vehicle.Cabin.Door.Row" #r "." s
#define VSS_TYRE(r, s) "Vehicle.Chassis.Axle.Row" #r ".Wheel." s ".Tire"
#define VSS_LIGHT "Vehicle.Body.Lights."
#define VSS_BATTERY "Vehicle.Powertrain.TractionBattery."
#define VSS_HVAC "Vehicle.Cabin.HVAC."
/* clang-format off */
#define GAUGES(X) \
	X(speed,	SPEED,	"Vehicle.Speed", "PERF_VEHICLE_SPEED", 0, "m/s", speed) \
	X(accel_x,	ACCEL,	"Vehicle.Acceleration.Longitudinal", "", 0, "", accel_x) \
	X(accel_y,	ACCEL,	"Vehicle.Acceleration.Lateral", "", 0, "", accel_y) \
	X(yaw_rate,	ANGLE_RATE, "Vehicle.AngularVelocity.Yaw", "", 0, "", yaw_rate) \
	X(lat,		NONE,	"Vehicle.CurrentLocation.Latitude", "", 0, "", lat) \
	X(lon,		NONE,	"Vehicle.CurrentLocation.Longitude", "", 0, "", lon) \
	X(alt,		LENGTH,	"Vehicle.CurrentLocation.Altitude", "", 0, "", pos_z) \
	X(heading,	ANGLE,	"Vehicle.CurrentLocation.Heading", "", 0, "", heading) \
	X(odometer,	LENGTH,	"Vehicle.TraveledDistance", "PERF_ODOMETER", 0, "km", odometer) \
	X(trip,		LENGTH,	"Vehicle.TraveledDistanceSinceStart", "", 0, "", trip) \
	X(throttle,	RATIO,	"Vehicle.Chassis.Accelerator.PedalPosition", "ACCELERATOR_PEDAL_COMPRESSION_PERCENTAGE", 0, "%", throttle) \
	X(brake,	RATIO,	"Vehicle.Chassis.Brake.PedalPosition", "BRAKE_PEDAL_COMPRESSION_PERCENTAGE", 0, "%", brake) \
	X(steering,	ANGLE,	"Vehicle.Chassis.SteeringWheel.Angle", "", 0, "", steering_wheel) \
	X(gear,		NONE,	"", "GEAR_SELECTION", 0, "gear", gear_selection) \
	X(ignition,	NONE,	"", "IGNITION_STATE", 0, "", ignition) \
	X(parking_brake, NONE,	"Vehicle.Chassis.ParkingBrake.IsEngaged", "PARKING_BRAKE_ON", 0, "", parking_brake) \
	X(cruise,	NONE,	"", "CRUISE_CONTROL_STATE", 0, "cruise", cruise_state) \
	X(cruise_target, SPEED,	"Vehicle.ADAS.CruiseControl.SpeedSet", "CRUISE_CONTROL_TARGET_SPEED", 0, "m/s", cruise_target) \
	X(abs,		NONE,	"Vehicle.ADAS.ABS.IsEngaged", "ABS_ACTIVE", 0, "", abs_active) \
	X(tc,		NONE,	"Vehicle.ADAS.TCS.IsEngaged", "TRACTION_CONTROL_ACTIVE", 0, "", tc_active) \
	X(esc,		NONE,	"Vehicle.ADAS.ESC.IsEnabled", "ELECTRONIC_STABILITY_CONTROL_ENABLED", 0, "", esc_enabled) \
	X(soc,		RATIO,	VSS_BATTERY "StateOfCharge.Current", "", 0, "", battery_soc) \
	X(power,	POWER,	VSS_BATTERY "CurrentPower", "EV_BATTERY_INSTANTANEOUS_CHARGE_RATE", 0, "mW", battery_power) \
	X(energy,	ENERGY,	VSS_BATTERY "StateOfCharge.CurrentEnergy", "EV_BATTERY_LEVEL", 0, "Wh", battery_energy) \
	X(range,	LENGTH,	"Vehicle.Powertrain.Range", "RANGE_REMAINING", 0, "m", range) \
	X(battery_temp,	TEMPERATURE, VSS_BATTERY "Temperature.Average", "EV_BATTERY_AVERAGE_TEMPERATURE", 0, "degC", battery_temp) \
	X(charge_state,	NONE,	"", "EV_CHARGE_STATE", 0, "", charge_state) \
	X(charge_cable,	NONE,	VSS_BATTERY "Charging.IsChargingCableConnected", "EV_CHARGE_PORT_CONNECTED", 0, "", charge_port_connected) \
	X(charge_flap,	NONE,	"", "EV_CHARGE_PORT_OPEN", 0, "", charge_port_open) \
	X(charge_left,	TIME,	VSS_BATTERY "Charging.TimeToComplete", "EV_CHARGE_TIME_REMAINING", 0, "s", charge_time_left) \
	X(outside,	TEMPERATURE, "Vehicle.Exterior.AirTemperature", "ENV_OUTSIDE_TEMPERATURE", 0, "degC", outside_temp_sensor) \
	X(night,	NONE,	"", "NIGHT_MODE", 0, "", night_mode) \
	X(hvac_power,	NONE,	"", "HVAC_POWER_ON", 0x1, "", hvac_power) \
	X(hvac_ac,	NONE,	VSS_HVAC "IsAirConditioningActive", "HVAC_AC_ON", 0x1, "", hvac_ac) \
	X(hvac_auto,	NONE,	"", "HVAC_AUTO_ON", 0x1, "", hvac_auto) \
	X(hvac_recirc,	NONE,	VSS_HVAC "IsRecirculationActive", "HVAC_RECIRC_ON", 0x1, "", hvac_recirc) \
	X(defrost_front, NONE,	VSS_HVAC "IsFrontDefrosterActive", "HVAC_DEFROSTER", 0x1, "", hvac_defrost_front) \
	X(defrost_rear,	NONE,	VSS_HVAC "IsRearDefrosterActive", "HVAC_DEFROSTER", 0x2, "", hvac_defrost_rear) \
	X(cabin_l,	TEMPERATURE, "", "HVAC_TEMPERATURE_CURRENT", 0x1, "degC", hvac_temp_l) \
	X(cabin_r,	TEMPERATURE, "", "HVAC_TEMPERATURE_CURRENT", 0x4, "degC", hvac_temp_r) \
	X(set_l,	TEMPERATURE, VSS_HVAC "Station.Row1.Driver.Temperature", "HVAC_TEMPERATURE_SET", 0x1, "degC", hvac_temp_set_l) \
	X(set_r,	TEMPERATURE, VSS_HVAC "Station.Row1.Passenger.Temperature", "HVAC_TEMPERATURE_SET", 0x4, "degC", hvac_temp_set_r) \
	X(fan_l,	NONE,	"", "HVAC_FAN_SPEED", 0x1, "", hvac_fan_l) \
	X(fan_r,	NONE,	"", "HVAC_FAN_SPEED", 0x4, "", hvac_fan_r) \
	X(tyre_fl,	PRESSURE, VSS_TYRE(1, "Left") ".Pressure", "TIRE_PRESSURE", 0x1, "kPa", tyre_pressure_fl) \
	X(tyre_fr,	PRESSURE, VSS_TYRE(1, "Right") ".Pressure", "TIRE_PRESSURE", 0x2, "kPa", tyre_pressure_fr) \
	X(tyre_rl,	PRESSURE, VSS_TYRE(2, "Left") ".Pressure", "TIRE_PRESSURE", 0x4, "kPa", tyre_pressure_rl) \
	X(tyre_rr,	PRESSURE, VSS_TYRE(2, "Right") ".Pressure", "TIRE_PRESSURE", 0x8, "kPa", tyre_pressure_rr) \
	X(door_fl,	NONE,	"", "DOOR_POS", 0x1, "max", door_fl) \
	X(door_fr,	NONE,	"", "DOOR_POS", 0x4, "max", door_fr) \
	X(door_rl,	NONE,	"", "DOOR_POS", 0x10, "max", door_rl) \
	X(door_rr,	NONE,	"", "DOOR_POS", 0x40, "max", door_rr) \
	X(door_hood,	NONE,	"", "DOOR_POS", 0x10000000, "max", door_hood) \
	X(door_trunk,	NONE,	"", "DOOR_POS", 0x20000000, "max", door_trunk) \
	X(lock_fl,	NONE,	VSS_DOOR(1, "DriverSide") ".IsLocked", "DOOR_LOCK", 0x1, "", lock_fl) \
	X(lock_fr,	NONE,	VSS_DOOR(1, "PassengerSide") ".IsLocked", "DOOR_LOCK", 0x4, "", lock_fr) \
	X(lock_rl,	NONE,	VSS_DOOR(2, "DriverSide") ".IsLocked", "DOOR_LOCK", 0x10, "", lock_rl) \
	X(lock_rr,	NONE,	VSS_DOOR(2, "PassengerSide") ".IsLocked", "DOOR_LOCK", 0x40, "", lock_rr) \
	X(lock_trunk,	NONE,	"Vehicle.Body.Trunk.Rear.IsLocked", "DOOR_LOCK", 0x20000000, "", lock_trunk) \
	X(window_fl,	NONE,	"", "WINDOW_POS", 0x10, "max", window_fl) \
	X(window_fr,	NONE,	"", "WINDOW_POS", 0x40, "max", window_fr) \
	X(window_rl,	NONE,	"", "WINDOW_POS", 0x100, "max", window_rl) \
	X(window_rr,	NONE,	"", "WINDOW_POS", 0x400, "max", window_rr) \
	X(window_roof,	NONE,	"", "WINDOW_POS", 0x10000, "max", window_roof) \
	X(mirror_fold,	NONE,	"", "MIRROR_FOLD", 0, "", mirror_fold) \
	X(occupied_l,	NONE,	"Vehicle.Cabin.Seat.Row1.DriverSide.IsOccupied", "SEAT_OCCUPANCY", 0x1, "seat", occupied_l) \
	X(occupied_r,	NONE,	"Vehicle.Cabin.Seat.Row1.PassengerSide.IsOccupied", "SEAT_OCCUPANCY", 0x4, "seat", occupied_r) \
	X(occupied_rl,	NONE,	"Vehicle.Cabin.Seat.Row2.DriverSide.IsOccupied", "SEAT_OCCUPANCY", 0x10, "seat", occupied_rl) \
	X(occupied_rr,	NONE,	"Vehicle.Cabin.Seat.Row2.PassengerSide.IsOccupied", "SEAT_OCCUPANCY", 0x40, "seat", occupied_rr) \
	X(belt_l,	NONE,	"Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted", "SEAT_BELT_BUCKLED", 0x1, "", belt_l) \
	X(belt_r,	NONE,	"Vehicle.Cabin.Seat.Row1.PassengerSide.IsBelted", "SEAT_BELT_BUCKLED", 0x4, "", belt_r) \
	X(belt_rl,	NONE,	"Vehicle.Cabin.Seat.Row2.DriverSide.IsBelted", "SEAT_BELT_BUCKLED", 0x10, "", belt_rl) \
	X(belt_rr,	NONE,	"Vehicle.Cabin.Seat.Row2.PassengerSide.IsBelted", "SEAT_BELT_BUCKLED", 0x40, "", belt_rr) \
	X(turn_l,	NONE,	VSS_LIGHT "DirectionIndicator.Left.IsSignaling", "TURN_SIGNAL_STATE", 0, "left", indicator_l) \
	X(turn_r,	NONE,	VSS_LIGHT "DirectionIndicator.Right.IsSignaling", "TURN_SIGNAL_STATE", 0, "right", indicator_r) \
	X(headlight,	NONE,	VSS_LIGHT "Beam.Low.IsOn", "HEADLIGHTS_STATE", 0, "", headlight) \
	X(high_beam,	NONE,	VSS_LIGHT "Beam.High.IsOn", "HIGH_BEAM_LIGHTS_STATE", 0, "", high_beam) \
	X(fog_front,	NONE,	VSS_LIGHT "Fog.Front.IsOn", "FRONT_FOG_LIGHTS_STATE", 0, "", fog_front) \
	X(fog_rear,	NONE,	VSS_LIGHT "Fog.Rear.IsOn", "REAR_FOG_LIGHTS_STATE", 0, "", fog_rear) \
	X(hazard,	NONE,	VSS_LIGHT "Hazard.IsSignaling", "HAZARD_LIGHTS_STATE", 0, "", hazard) \
	X(cabin_light,	NONE,	"Vehicle.Cabin.Light.IsDomeOn", "CABIN_LIGHTS_STATE", 0, "", cabin_light) \
	X(brake_light,	NONE,	VSS_LIGHT "Brake.IsActive", "", 0, "", brake_light) \
	X(reverse_light, NONE,	VSS_LIGHT "Backup.IsOn", "", 0, "", reverse_light) \
	X(wiper,	NONE,	"", "WINDSHIELD_WIPERS_STATE", 0, "wiper", wiper_state)
/* clang-format on */

enum gauge {
#define X(name, dim, vss, prop, area, unit, var) GAUGE_##name,
	GAUGES(X)
#undef X
	GAUGE_N
};

void model_gauge(const struct model *m, enum gauge g, struct gauge_value *out);

/* The value if there is one, stale or not; else @fallback. */
double model_gauge_or(const struct model *m, enum gauge g, double fallback);

#endif
