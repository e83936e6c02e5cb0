/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of the vehicle model, once: section and key in vehicle.yaml,
 * dimension, allowed range, meaning. struct vehicle_params holds them in base
 * units as section_key. Where sim/core/units.h has no name for a unit, the key
 * or the text says it.
 */
#ifndef AVSIM_VEHICLE_VEHICLE_PARAMS_H
#define AVSIM_VEHICLE_VEHICLE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
/* X(section, key, dimension, min, max, text); rows of a section together */
#define VEHICLE_PARAMS(X) \
	X(chassis, mass,		DIM_MASS, 300, 10000, "with driver") \
	X(chassis, yaw_inertia,		DIM_NONE, 100, 50000, "kg m2, about the vertical axis") \
	X(chassis, wheelbase,		DIM_LENGTH, 1.2, 6, "axle to axle") \
	X(chassis, front_to_cog,	DIM_LENGTH, 0.3, 5, "front axle to centre of mass") \
	X(chassis, cog_height,		DIM_LENGTH, 0.1, 2, "above the road") \
	X(chassis, track,		DIM_LENGTH, 0.8, 2.5, "left to right wheel") \
	X(chassis, wheel_radius,	DIM_LENGTH, 0.15, 0.7, "rolling") \
	X(chassis, wheel_inertia,	DIM_NONE, 0.05, 20, "kg m2, one wheel with brake disc") \
	X(chassis, wheel_ticks,		DIM_NONE, 1, 4096, "encoder ticks per turn") \
	X(chassis, steering_ratio,	DIM_NONE, 5, 30, "steering wheel to road wheel") \
	X(chassis, steering_max,	DIM_ANGLE, 1, 20, "steering wheel, each side") \
	X(chassis, roll_per_accel,	DIM_NONE, 0, 0.05, "rad per m/s2 of lateral acceleration") \
	X(chassis, roll_frequency,	DIM_FREQUENCY, 0.5, 5, "natural, of body roll") \
	X(chassis, pitch_per_accel,	DIM_NONE, 0, 0.05, "rad per m/s2 of braking") \
	X(chassis, pitch_frequency,	DIM_FREQUENCY, 0.5, 5, "natural, of body pitch") \
	X(chassis, body_damping,	DIM_RATIO, 0.05, 2, "ratio of critical, roll and pitch") \
	X(aero, drag_coefficient,	DIM_NONE, 0.05, 2, "") \
	X(aero, frontal_area,		DIM_NONE, 0.3, 12, "m2") \
	X(tyre, cornering_front,	DIM_FORCE, 5e3, 1e6, "per rad of slip angle, both front tyres") \
	X(tyre, cornering_rear,		DIM_FORCE, 5e3, 1e6, "per rad of slip angle, both rear tyres") \
	X(tyre, slip_stiffness,		DIM_FORCE, 1e4, 1e6, "per unit of longitudinal slip, one axle") \
	X(tyre, rolling_resistance,	DIM_RATIO, 0.001, 0.1, "at the cold pressure") \
	X(tyre, pressure_exponent,	DIM_NONE, 0, 1, "rolling resistance falls with pressure to this power") \
	X(tyre, cold_pressure,		DIM_PRESSURE, 5e4, 1e6, "gauge, at 20 degC") \
	X(tyre, heat_capacity,		DIM_NONE, 100, 1e6, "J/K, of one tyre and its air") \
	X(tyre, cooling_still,		DIM_NONE, 0.1, 1000, "W/K, one tyre at standstill") \
	X(tyre, cooling_moving,		DIM_NONE, 0, 1000, "W/K more per m/s of speed") \
	X(motor, max_torque,		DIM_TORQUE, 5, 5000, "at the shaft") \
	X(motor, max_power,		DIM_POWER, 1e3, 2e6, "at the shaft") \
	X(motor, gear_ratio,		DIM_NONE, 1, 30, "motor to wheels") \
	X(motor, gear_efficiency,	DIM_RATIO, 0.5, 1, "") \
	X(motor, inertia,		DIM_NONE, 0.001, 2, "kg m2, rotor") \
	X(motor, loss_copper,		DIM_NONE, 0, 10, "W per Nm2") \
	X(motor, loss_iron,		DIM_NONE, 0, 100, "W per rad/s") \
	X(motor, loss_windage,		DIM_NONE, 0, 1e-3, "W per (rad/s)3") \
	X(motor, loss_constant,		DIM_POWER, 0, 1e4, "controller, when ready to drive") \
	X(motor, loss_inverter,		DIM_RATIO, 0, 0.3, "of the shaft power") \
	X(motor, heat_capacity,		DIM_NONE, 1e3, 1e6, "J/K, winding and stator") \
	X(motor, cooling,		DIM_NONE, 1, 1e4, "W/K, winding to coolant") \
	X(motor, temp_derate,		DIM_TEMPERATURE, 60, 250, "winding: torque fades above, gone 30 K higher") \
	X(motor, top_speed,		DIM_SPEED, 3, 120, "governed") \
	X(motor, reverse_speed,		DIM_SPEED, 1, 20, "governed, in R") \
	X(motor, creep_speed,		DIM_SPEED, 0, 5, "held without pedals in creep mode") \
	X(motor, creep_force,		DIM_FORCE, 0, 1e4, "at the wheels at standstill") \
	X(brakes, max_decel,		DIM_ACCEL, 2, 20, "at full pedal, before the tyres slip") \
	X(brakes, front_share,		DIM_RATIO, 0.3, 0.95, "") \
	X(brakes, parking_force,	DIM_FORCE, 500, 1e5, "at the rear wheels") \
	X(regen, low_decel,		DIM_ACCEL, 0, 5, "lifted accelerator, level 1") \
	X(regen, high_decel,		DIM_ACCEL, 0, 5, "lifted accelerator, level 2") \
	X(regen, pedal_decel,		DIM_ACCEL, 0, 5, "most that the brake pedal takes from the motor") \
	X(regen, max_power,		DIM_POWER, 0, 1e6, "at the shaft") \
	X(regen, fade_start,		DIM_SPEED, 0.1, 20, "full recuperation above") \
	X(regen, fade_end,		DIM_SPEED, 0, 19, "none below") \
	X(battery, usable_energy,	DIM_ENERGY, 1e6, 1e9, "when new") \
	X(battery, health,		DIM_RATIO, 0.2, 1, "share of it left today") \
	X(battery, series_cells,	DIM_NONE, 4, 1000, "") \
	X(battery, resistance,		DIM_NONE, 1e-3, 5, "ohm, pack at 25 degC") \
	X(battery, resistance_temp,	DIM_NONE, 0, 6000, "K, Arrhenius: exp(k (1/T - 1/298.15 K))") \
	X(battery, cell_voltage_max,	DIM_VOLTAGE, 2, 5, "charging never goes above") \
	X(battery, cell_voltage_min,	DIM_VOLTAGE, 1, 4.5, "discharging never goes below") \
	X(battery, max_discharge,	DIM_POWER, 1e3, 2e6, "at the terminals") \
	X(battery, heat_capacity,	DIM_NONE, 1e4, 1e7, "J/K") \
	X(battery, ambient_loss,	DIM_NONE, 0, 500, "W/K to the air") \
	X(battery, coolant_coupling,	DIM_NONE, 0, 5000, "W/K to the coolant while the pump runs") \
	X(battery, heater_power,	DIM_POWER, 0, 2e4, "electric, for a cold battery") \
	X(battery, chiller_power,	DIM_POWER, 0, 5e4, "thermal, for a hot battery") \
	X(charging, ac_power,		DIM_POWER, 100, 1e5, "onboard charger, at its output") \
	X(charging, ac_efficiency,	DIM_RATIO, 0.5, 1, "onboard charger") \
	X(charging, ac_voltage,		DIM_VOLTAGE, 90, 500, "of a phase") \
	X(charging, ac_phases,		DIM_NONE, 1, 3, "") \
	X(charging, dc_from,		DIM_POWER, 1e3, 1e5, "an offer above this is a DC charge point") \
	X(coolant, heat_capacity,	DIM_NONE, 1e3, 1e6, "J/K, coolant and housings") \
	X(coolant, radiator_still,	DIM_NONE, 1, 1e4, "W/K, fan on") \
	X(coolant, radiator_moving,	DIM_NONE, 0, 1e3, "W/K more per m/s of speed") \
	X(low_voltage, dcdc_voltage,	DIM_VOLTAGE, 8, 30, "charging the 12 V battery") \
	X(low_voltage, full_voltage,	DIM_VOLTAGE, 8, 30, "open circuit, full") \
	X(low_voltage, empty_voltage,	DIM_VOLTAGE, 6, 30, "open circuit, empty") \
	X(low_voltage, capacity,	DIM_ENERGY, 1e5, 1e8, "of the 12 V battery") \
	X(low_voltage, base_load,	DIM_POWER, 0, 5e3, "control units, ignition on") \
	X(low_voltage, acc_load,	DIM_POWER, 0, 5e3, "head unit and displays, ignition acc") \
	X(low_voltage, sleep_load,	DIM_POWER, 0, 100, "parked") \
	X(climate, air_capacity,	DIM_NONE, 500, 1e5, "J/K, air and linings of one zone") \
	X(climate, mass_capacity,	DIM_NONE, 1e4, 1e7, "J/K, seats, panels, floor") \
	X(climate, body_loss,		DIM_NONE, 1, 500, "W/K, air of all zones through glass and body") \
	X(climate, mass_coupling,	DIM_NONE, 1, 1000, "W/K, air of all zones to the interior mass") \
	X(climate, zone_mixing,		DIM_NONE, 0, 500, "W/K, between neighbouring zones") \
	X(climate, window_loss,		DIM_NONE, 0, 1000, "W/K per fully open window") \
	X(climate, sun_gain,		DIM_POWER, 0, 1e4, "through the glass at noon") \
	X(climate, air_flow,		DIM_NONE, 0.001, 1, "kg/s at the highest fan step, both sides") \
	X(climate, heater_power,	DIM_POWER, 0, 5e4, "thermal") \
	X(climate, heater_cop,		DIM_NONE, 0.5, 6, "heat per electric power") \
	X(climate, ac_power,		DIM_POWER, 0, 5e4, "thermal") \
	X(climate, ac_cop,		DIM_NONE, 0.5, 6, "cold per electric power") \
	X(climate, blower_power,	DIM_POWER, 0, 5e3, "electric, at the highest step") \
	X(climate, seat_heat,		DIM_POWER, 0, 1e3, "electric, one seat at level 2") \
	X(climate, window_heat,		DIM_POWER, 0, 5e3, "electric, rear window") \
	X(climate, front_heat,		DIM_POWER, 0, 5e3, "electric, windscreen defroster") \
	X(body, door_time,		DIM_TIME, 0.1, 60, "closed to open") \
	X(body, trunk_time,		DIM_TIME, 0.1, 60, "closed to open") \
	X(body, window_time,		DIM_TIME, 0.1, 60, "closed to open") \
	X(body, roof_time,		DIM_TIME, 0.1, 60, "closed to open") \
	X(body, flash_frequency,	DIM_FREQUENCY, 0.5, 4, "of turn signals") \
	X(body, dark_below,		DIM_RATIO, 0, 1, "ambient light: night mode on") \
	X(body, bright_above,		DIM_RATIO, 0, 1, "ambient light: night mode off") \
	X(range, reference,		DIM_NONE, 20, 2000, "Wh/km, first guess") \
	X(range, memory,		DIM_LENGTH, 100, 1e6, "distance over which consumption is averaged") \
	X(start, latitude,		DIM_ANGLE, -1.5533, 1.5533, "") \
	X(start, longitude,		DIM_ANGLE, -3.14159266, 3.14159266, "") \
	X(start, altitude,		DIM_LENGTH, -500, 9000, "above the ellipsoid") \
	X(start, heading,		DIM_ANGLE, 0, 6.28318531, "clockwise from north") \
	X(start, soc,			DIM_RATIO, 0, 1, "") \
	X(start, odometer,		DIM_LENGTH, 0, 1e10, "") \
	X(start, outside_temp,		DIM_TEMPERATURE, -60, 60, "") \
	X(start, sun,			DIM_RATIO, 0, 1, "ambient light") \
	X(start, friction,		DIM_NONE, 0.05, 1.5, "tyre to road")
/* clang-format on */

/* A curve by points, linear between them, flat outside. */
#define VEHICLE_CURVE_MAX 32
struct vehicle_curve {
	size_t n;
	double x[VEHICLE_CURVE_MAX]; /* strictly rising */
	double y[VEHICLE_CURVE_MAX];
};

struct vehicle_params {
#define X(section, key, dim, min, max, text) double section##_##key;
	VEHICLE_PARAMS(X)
#undef X
	bool motor_drives_front; /* motor: drives: front|rear */
	struct vehicle_curve battery_cell_voltage; /* soc -> V, open circuit */
	struct vehicle_curve charging_dc_power;    /* soc -> W at terminals */
};

double vehicle_curve_at(const struct vehicle_curve *c, double x);

#endif
