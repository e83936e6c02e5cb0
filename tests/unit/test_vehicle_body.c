/* SPDX-License-Identifier: Apache-2.0 */
/* Battery, cabin, tyres, body and interlocks of the vehicle model. */
#include "config.h"

#include "tests/unit/vehicle_rig.h"

#include <errno.h>

static struct vehicle *parked(double outside, double cabin, double soc)
{
	struct vehicle_start s;

	vehicle_start_defaults(&s);
	s.outside_temp_c = outside;
	s.cabin_temp_c = cabin;
	s.soc = soc;
	s.sun = 0;
	return rig_started(NULL, &s);
}

/* ---- actuation ---- */

TEST(vehicle_actuate_takes_finite_values_of_rw_variables_only)
{
	static const double probe[] = { 0, 0.5, 1, 2, 3, 20, 35, 48, 112, 145 };
	struct vehicle *v = rig_new(NULL);
	double before[VV_N];

	memcpy(before, vehicle_values(v), sizeof(before));
	for (int i = 0; i < VV_N; i++) {
		enum vehicle_var var = (enum vehicle_var)i;
		bool takes = false;

		if (!vehicle_var_info[i].writable) {
			CHECK_EQ(rig_try(v, var, 0), -EPERM);
			CHECK_EQ(rig_try(v, var, NAN), -EPERM);
			continue;
		}
		CHECK_EQ(rig_try(v, var, NAN), -EDOM);
		CHECK_EQ(rig_try(v, var, INFINITY), -EDOM);
		CHECK_EQ(rig_try(v, var, -INFINITY), -EDOM);
		CHECK_EQ(rig_try(v, var, 1e300), -EDOM);
		CHECK_EQ(memcmp(before, vehicle_values(v), sizeof(before)), 0);
		for (size_t k = 0; k < sizeof(probe) / sizeof(probe[0]); k++) {
			takes |= actuate_check(v, var, probe[k], NULL) != -EDOM;
		}
		if (!takes) {
			fail_msg("%s takes nothing", vehicle_var_info[i].name);
		}
		/* what it holds now is a value it takes */
		CHECK(actuate_check(v, var, before[i], NULL) != -EDOM);
	}
	CHECK_EQ(rig_try(v, VV_N, 0), -EPERM);
	CHECK_EQ(TRY(gear_selection, 1.5), -EDOM);
	CHECK_EQ(TRY(headlight_switch, 3), -EDOM);
	CHECK_EQ(TRY(steering_wheel, 8.9), 0);
	CHECK_EQ(TRY(steering_wheel, 8.91), -EDOM); /* 510 deg */
	vehicle_destroy(v);
}

static void refused(struct vehicle *v, enum vehicle_var var, double x,
		    const char *why)
{
	struct av_err err = { 0 };
	double before = rig_get(v, var);

	CHECK_EQ(vehicle_actuate(v, var, x, &err), -EACCES);
	if (!strstr(err.msg, why)) {
		fail_msg("want '%s', got '%s'", why, err.msg);
	}
	CHECK_NEAR(rig_get(v, var), before, 0);
}

TEST(vehicle_selector_interlocks_give_their_reason)
{
	struct vehicle *v = rig_new(NULL);

	refused(v, VV_gear_selection, GEAR_D, "press the brake");
	SET(brake, 0.5);
	SET(charge_port_open, 1);
	SET(charge_port_connected, 1);
	refused(v, VV_gear_selection, GEAR_D, "unplug");
	refused(v, VV_charge_port_open, 0, "cable");
	SET(charge_port_connected, 0);
	SET(charge_port_open, 0);
	refused(v, VV_charge_port_connected, 1, "flap is closed");
	SET(ignition, IGN_ACC);
	refused(v, VV_gear_selection, GEAR_R, "ignition");
	SET(ignition, IGN_ON);
	SET(gear_selection, GEAR_D);
	CHECK_NEAR(GET(gear_current), GEAR_P, 0); /* takes a moment */
	rig_run(v, 0.5);
	CHECK_NEAR(GET(gear_current), GEAR_D, 0);
	SET(parking_brake, 0);
	SET(brake, 0);
	SET(throttle, 0.5);
	rig_run(v, 3);
	refused(v, VV_gear_selection, GEAR_P, "standstill");
	refused(v, VV_gear_selection, GEAR_R, "5 km/h");
	refused(v, VV_ignition, IGN_OFF, "standstill");
	refused(v, VV_ignition, IGN_START, "P or N");
	refused(v, VV_door_fl_set, 1, "standstill");
	refused(v, VV_charge_port_open, 1, "standstill");
	SET(gear_selection, GEAR_N);
	SET(throttle, 0);
	SET(brake, 0.5);
	rig_run(v, 5);
	SET(gear_selection, GEAR_P);
	rig_run(v, 0.5);
	CHECK_NEAR(GET(parking_brake), 1, 0); /* by itself */
	vehicle_destroy(v);
}

TEST(vehicle_ignition_start_falls_back_and_off_secures)
{
	struct vehicle *v = rig_new(NULL);

	SET(ignition, IGN_OFF);
	SET(ignition, IGN_START);
	rig_run(v, 0.2);
	CHECK_NEAR(GET(ignition), IGN_START, 0);
	rig_run(v, 0.5);
	CHECK_NEAR(GET(ignition), IGN_ON, 0);
	rig_gear(v, GEAR_D);
	SET(brake, 0.5);
	SET(ignition, IGN_OFF);
	rig_run(v, 1);
	CHECK_NEAR(GET(gear_current), GEAR_P, 0);
	CHECK_NEAR(GET(parking_brake), 1, 0);
	SET(throttle, 1);
	SET(brake, 0);
	rig_run(v, 1);
	CHECK_NEAR(GET(trip), 0, 1e-3);
	CHECK_NEAR(GET(motor_torque), 0, 0);
	vehicle_destroy(v);
}

/* ---- doors, windows, mirrors ---- */

TEST(vehicle_doors_move_at_their_rate_and_obey_their_locks)
{
	struct vehicle *v = rig_new(NULL);

	SET(door_fl_set, 1);
	rig_run(v, 0.6);
	CHECK_NEAR(GET(door_fl), 0.5, 0.01);
	CHECK_NEAR(GET(cabin_light), 1, 0);
	refused(v, VV_lock_fl, 1, "open door");
	rig_run(v, 2);
	CHECK_NEAR(GET(door_fl), 1, 0);
	SET(door_fl_set, 0);
	rig_run(v, 2);
	CHECK_NEAR(GET(door_fl), 0, 0);
	SET(lock_fl, 1);
	refused(v, VV_door_fl_set, 1, "locked");
	CHECK_EQ(TRY(door_fr_set, 1), 0);
	SET(lock_fr, 1); /* before it moved: the lock wins */
	rig_run(v, 1);
	CHECK_NEAR(GET(door_fr), 0, 0);
	SET(lock_trunk, 1);
	refused(v, VV_door_trunk_set, 1, "locked");
	SET(lock_trunk, 0);
	SET(door_trunk_set, 1);
	rig_run(v, 2);
	CHECK_NEAR(GET(door_trunk), 0.5, 0.01);
	vehicle_destroy(v);
}

TEST(vehicle_windows_move_and_the_rear_ones_can_be_locked)
{
	struct vehicle *v = rig_new(NULL);

	SET(window_fl_set, 0.5);
	SET(window_rl_set, 1);
	rig_run(v, 0.7);
	CHECK_NEAR(GET(window_fl), 0.2, 0.01);
	rig_run(v, 10);
	CHECK_NEAR(GET(window_fl), 0.5, 0);
	CHECK_NEAR(GET(window_rl), 1, 0);
	SET(window_lock, 1);
	refused(v, VV_window_rl_set, 0, "locked");
	CHECK_EQ(TRY(window_fr_set, 1), 0);
	vehicle_destroy(v);
}

TEST(vehicle_mirrors_fold_when_all_is_locked)
{
	struct vehicle *v = rig_new(NULL);

	SET(lock_fl, 1);
	SET(lock_fr, 1);
	SET(lock_rl, 1);
	rig_run(v, 0.1);
	CHECK_NEAR(GET(mirror_fold), 0, 0);
	SET(lock_rr, 1);
	rig_run(v, 0.1);
	CHECK_NEAR(GET(mirror_fold), 1, 0);
	SET(lock_fl, 0);
	rig_run(v, 0.1);
	CHECK_NEAR(GET(mirror_fold), 0, 0);
	SET(mirror_lock, 1);
	refused(v, VV_mirror_l_y, 0.5, "locked");
	vehicle_destroy(v);
}

/* ---- lights, wipers ---- */

TEST(vehicle_indicators_flash_at_90_a_minute)
{
	struct vehicle *v = rig_new(NULL);
	int edges = 0;
	double lit = 0, last = 0;

	SET(turn_switch, 2);
	for (int i = 0; i < 1000; i++) {
		rig_step(v);
		edges += GET(indicator_l) != 0 && last == 0;
		last = GET(indicator_l);
		lit += last;
		CHECK_NEAR(GET(indicator_r), 0, 0);
	}
	CHECK_EQ(edges, 15); /* 1.5 Hz for 10 s */
	CHECK_NEAR(lit, 500, 10);
	CHECK_NEAR(GET(turn_signal), 2, 0);
	SET(hazard_switch, 1);
	rig_step(v);
	CHECK_NEAR(GET(turn_signal), 3, 0);
	CHECK_NEAR(GET(indicator_l) + GET(indicator_r), 2, 0);
	SET(ignition, IGN_OFF); /* hazard works without, the lever does not */
	rig_step(v);
	CHECK_NEAR(GET(hazard), 1, 0);
	SET(hazard_switch, 0);
	rig_step(v);
	CHECK_NEAR(GET(turn_signal), 0, 0);
	vehicle_destroy(v);
}

TEST(vehicle_lights_follow_the_sun_with_hysteresis)
{
	struct vehicle *v = rig_new(NULL);

	rig_run(v, 1);
	CHECK_NEAR(GET(headlight), 2, 0); /* daytime running */
	SET(high_beam_switch, 1);
	SET(sun, 0.15); /* between the thresholds */
	rig_run(v, 5);
	CHECK_NEAR(GET(night_mode), 0, 0);
	CHECK_NEAR(GET(high_beam), 0, 0); /* only with low beam */
	SET(sun, 0.05);
	rig_run(v, 0.5);
	CHECK_NEAR(GET(night_mode), 0, 0); /* a bridge */
	rig_run(v, 1);
	CHECK_NEAR(GET(night_mode), 1, 0);
	CHECK_NEAR(GET(headlight), 1, 0);
	CHECK_NEAR(GET(high_beam), 1, 0);
	SET(sun, 0.15);
	rig_run(v, 10);
	CHECK_NEAR(GET(night_mode), 1, 0);
	SET(sun, 0.5);
	rig_run(v, 2);
	CHECK_NEAR(GET(night_mode), 1, 0);
	rig_run(v, 2);
	CHECK_NEAR(GET(night_mode), 0, 0);
	SET(headlight_switch, 1);
	SET(fog_rear_switch, 1);
	rig_step(v);
	CHECK_NEAR(GET(headlight), 1, 0);
	CHECK_NEAR(GET(fog_rear), 1, 0);
	SET(ignition, IGN_OFF);
	rig_step(v);
	CHECK_NEAR(GET(headlight) + GET(fog_rear) + GET(high_beam), 0, 0);
	SET(brake, 0.2);
	rig_step(v);
	CHECK_NEAR(GET(brake_light), 1, 0);
	vehicle_destroy(v);
}

static int sweeps(struct vehicle *v, double seconds)
{
	int n = 0;
	double last = GET(wiper_angle);

	for (int i = 0; i < seconds / STEP_S; i++) {
		rig_step(v);
		n += last < 0.5 && GET(wiper_angle) >= 0.5;
		last = GET(wiper_angle);
		CHECK(last >= 0 && last <= 1);
	}
	return n;
}

TEST(vehicle_wipers_wipe_as_set_and_by_rain)
{
	struct vehicle *v = rig_new(NULL);

	CHECK_EQ(sweeps(v, 5), 0);
	SET(wiper_switch, 8);
	CHECK_NEAR(sweeps(v, 27), 20, 1); /* 1.35 s each */
	SET(wiper_switch, 5);
	CHECK_NEAR(sweeps(v, 63.5), 10, 1); /* 5 s of pause */
	CHECK_NEAR(GET(wiper_period), 6.35, 1e-9);
	SET(wiper_switch, 1);
	rig_run(v, 2);
	CHECK_NEAR(GET(wiper_angle), 0, 0); /* always parks */
	CHECK_NEAR(GET(wiper_state), 1, 0);
	SET(wiper_switch, 2);
	CHECK_EQ(sweeps(v, 10), 1);
	CHECK_NEAR(GET(wiper_switch), 1, 0);
	SET(wiper_switch, 13);
	CHECK_EQ(sweeps(v, 10), 0);
	SET(rain, 0.1);
	CHECK_NEAR(sweeps(v, 60), 6, 1);
	SET(rain, 1);
	CHECK_NEAR(sweeps(v, 60), 80, 3);
	vehicle_destroy(v);
}

/* ---- temperatures ---- */

TEST(vehicle_cabin_cools_with_the_time_constant_of_its_parts)
{
	struct vehicle *v = parked(0, 40, 0.8);
	const struct vehicle_params *p = &v->p;
	double ca = 3 * p->climate_air_capacity, cm = p->climate_mass_capacity;
	double um = p->climate_mass_coupling, ub = p->climate_body_loss;
	double tr = -(um + ub) / ca - um / cm;
	double det = um * ub / (ca * cm);
	double slow = tr / 2 + sqrt(tr * tr / 4 - det), first, half;

	/* two nodes: air and interior; the slow eigenvalue remains */
	SET(hvac_power, 0);
	SET(occupied_l, 0);
	rig_run(v, 900);
	first = GET(hvac_temp_l);
	CHECK_NEAR(GET(hvac_temp_rear), first, 1e-9);
	rig_run(v, 1800);
	half = first * exp(slow * 1800);
	CHECK(half < 0.7 * first);
	CHECK_NEAR(GET(hvac_temp_l), half, 0.01 * half);
	CHECK_NEAR(GET(hvac_load), 0, 0);
	vehicle_destroy(v);
}

TEST(vehicle_climate_brings_each_side_to_its_temperature)
{
	static const double outside[] = { -10, 35 };

	for (size_t i = 0; i < 2; i++) {
		struct vehicle *v = parked(outside[i], outside[i], 0.8);
		double power;

		SET(hvac_dual, 0);
		SET(hvac_temp_set_r, 23);
		CHECK_NEAR(GET(hvac_temp_set_l), 23, 0);
		SET(hvac_dual, 1);
		SET(hvac_temp_set_l, 21);
		CHECK_NEAR(GET(hvac_temp_set_r), 23, 0);
		rig_run(v, 30);
		power = GET(hvac_load);
		CHECK(power > 1200); /* works hard at first */
		CHECK(GET(hvac_fan_l) > 5);
		CHECK(GET(hvac_fan_rpm) > 2000);
		CHECK(GET(battery_power) < -power);
		rig_run(v, 2400);
		CHECK_NEAR(GET(hvac_temp_l), 21, 0.7);
		CHECK_NEAR(GET(hvac_temp_r), 23, 0.7);
		CHECK_NEAR(GET(hvac_temp_rear), 22, 3);
		CHECK(GET(hvac_load) < power);
		CHECK(GET(hvac_load) > 200);
		vehicle_destroy(v);
	}
}

TEST(vehicle_climate_switches_act_on_each_other)
{
	struct vehicle *v = parked(30, 30, 0.8);

	SET(hvac_temp_set_l, 19);
	CHECK_NEAR(GET(hvac_temp_set_r), 19, 0); /* not dual: follows */
	SET(hvac_fan_l, 3);
	CHECK_NEAR(GET(hvac_auto), 0, 0);
	CHECK_NEAR(GET(hvac_fan_r), 3, 0);
	SET(hvac_max_defrost, 1);
	CHECK_NEAR(GET(hvac_fan_l), 7, 0);
	CHECK_NEAR(GET(hvac_dir_l), 4, 0);
	SET(hvac_max_ac, 1);
	CHECK_NEAR(GET(hvac_max_defrost), 0, 0);
	rig_run(v, 300);
	CHECK(GET(hvac_temp_l) < 19);
	SET(hvac_max_ac, 0);
	CHECK_NEAR(GET(hvac_auto), 1, 0);
	SET(hvac_auto, 0);
	SET(hvac_ac, 0);
	rig_run(v, 600); /* without compressor it stays warm */
	CHECK(GET(hvac_temp_l) > 25);
	SET(hvac_power, 0);
	rig_run(v, 10);
	CHECK_NEAR(GET(hvac_load), 0, 0);
	CHECK(GET(hvac_fan_rpm) < 1);
	SET(ignition, IGN_OFF);
	SET(hvac_power, 1);
	rig_run(v, 1);
	CHECK_NEAR(GET(hvac_load), 0, 0);
	vehicle_destroy(v);
}

TEST(vehicle_sun_heats_a_parked_cabin_and_windows_let_it_out)
{
	struct vehicle *v = parked(25, 25, 0.8);
	double hot;

	SET(hvac_power, 0);
	SET(sun, 1);
	rig_run(v, 7200);
	hot = GET(hvac_temp_l);
	CHECK(hot > 38);
	CHECK(hot < 60);
	SET(window_fl_set, 1);
	SET(window_fr_set, 1);
	SET(window_rl_set, 1);
	SET(window_rr_set, 1);
	rig_run(v, 1800);
	CHECK(GET(hvac_temp_l) < hot - 8);
	vehicle_destroy(v);
}

TEST(vehicle_outside_sensor_lags_and_faster_when_driving)
{
	struct vehicle *v = parked(10, 10, 0.8);
	double standing;

	SET(outside_temp, 0);
	rig_run(v, 60);
	standing = GET(outside_temp_sensor);
	CHECK(standing > 6);
	vehicle_drive_speed(v, 15, NAN);
	rig_run(v, 60);
	CHECK(GET(outside_temp_sensor) < 0.4 * standing);
	vehicle_destroy(v);
}

/* ---- tyres ---- */

TEST(vehicle_tyre_pressure_follows_the_gas_law)
{
	static const double temp[] = { -20, 20, 40 };
	double fill[3];

	for (size_t i = 0; i < 3; i++) {
		struct vehicle *v = parked(temp[i], temp[i], 0.8);

		fill[i] = (GET(tyre_pressure_fl) + 101325) / (temp[i] + 273.15);
		CHECK_NEAR(GET(tyre_temp_fl), temp[i], 0);
		CHECK_NEAR(fill[i] * 293.15 - 101325, 250e3, 2500);
		vehicle_destroy(v);
	}
	CHECK_NEAR(fill[0], fill[1], 1e-9);
	CHECK_NEAR(fill[2], fill[1], 1e-9);
}

TEST(vehicle_tyres_warm_up_by_rolling_and_lose_air_by_a_leak)
{
	struct vehicle *v = parked(20, 20, 0.9);
	const struct vehicle_params *p = &v->p;
	double cold = GET(tyre_pressure_fr), heat, want;

	vehicle_drive_speed(v, 27.8, NAN);
	rig_run(v, 1800);
	/* steady: rolling power = cooling */
	heat = v->chassis.rolling * p->chassis_mass * GRAVITY * 27.8 / 4;
	want = 20 +
	       heat / (p->tyre_cooling_still + p->tyre_cooling_moving * 27.8);
	CHECK_NEAR(GET(tyre_temp_fr), want, 1);
	CHECK(GET(tyre_pressure_fr) > cold + 15e3);
	SET(tyre_leak_rl, 0.01);
	rig_run(v, 30);
	CHECK_NEAR((GET(tyre_pressure_rl) + 101325) /
			   (GET(tyre_pressure_rr) + 101325),
		   exp(-0.3), 0.02);
	rig_run(v, 600);
	CHECK_NEAR(GET(tyre_pressure_rl), 0, 1); /* flat, not a vacuum */
	CHECK(v->chassis.rolling > 1.2 * p->tyre_rolling_resistance);
	vehicle_destroy(v);
}

/* ---- battery ---- */

static void plug(struct vehicle *v, double watts)
{
	SET(charge_port_open, 1);
	SET(charge_port_connected, 1);
	SET(charger_power, watts);
}

TEST(vehicle_charges_at_home_to_its_limit_and_stops)
{
	struct vehicle *v = parked(15, 15, 0.50);
	double energy, left, took = 0;

	SET(ignition, IGN_OFF);
	SET(charge_limit, 0.6);
	plug(v, 11e3);
	rig_run(v, 10);
	CHECK_NEAR(GET(charge_state), 1, 0);
	CHECK(GET(battery_power) > 9.5e3);
	CHECK(GET(battery_power) < 11e3);
	energy = GET(battery_energy);
	left = GET(charge_time_left);
	CHECK_NEAR(left, 0.1 * 58 * 3.6e6 / 10e3, 150);
	while (GET(charge_state) == 1 && took < 2 * left) {
		rig_run(v, 10);
		took += 10;
	}
	CHECK_NEAR(took, left, 0.03 * left);
	CHECK_NEAR(GET(battery_soc), 0.6, 1e-3);
	CHECK_NEAR(GET(charge_state), 2, 0);
	CHECK_NEAR(GET(charge_time_left), 0, 0);
	CHECK(GET(battery_energy) > energy + 0.09 * 58 * 3.6e6);
	rig_run(v, 600); /* and stays there */
	CHECK_NEAR(GET(battery_soc), 0.6, 2e-3);
	CHECK_NEAR(GET(battery_current), 0, 0.5);
	SET(charge_limit, 0.62); /* more, please */
	rig_run(v, 5);
	CHECK_NEAR(GET(charge_state), 1, 0);
	SET(charge_switch, 0);
	rig_run(v, 1);
	CHECK_NEAR(GET(charge_state), 3, 0);
	CHECK(GET(battery_power) < 1);
	vehicle_destroy(v);
}

TEST(vehicle_draws_no_more_than_the_current_limit)
{
	struct vehicle *v = parked(15, 15, 0.50);

	plug(v, 11e3);
	SET(ignition, IGN_OFF);
	SET(charge_current_limit, 6);
	rig_run(v, 10);
	CHECK_NEAR(GET(battery_power), 6 * 230 * 3 * 0.92, 400);
	CHECK(GET(battery_power) < 6 * 230 * 3 * 0.92);
	vehicle_destroy(v);
}

TEST(vehicle_fast_charging_tapers_and_never_exceeds_the_cell_voltage)
{
	struct vehicle_start s;
	struct vehicle *v;
	double at20 = 0, at80 = 0, took = 0, last = 0;

	vehicle_start_defaults(&s);
	s.soc = 0.1;
	s.battery_temp_c = 28;
	s.outside_temp_c = 22;
	v = rig_started(NULL, &s);
	plug(v, 150e3);
	while (GET(charge_state) != 2 && took < 7200) {
		rig_run(v, 1);
		took += 1;
		CHECK(GET(battery_voltage) <= 108 * 4.20 + 1e-6);
		CHECK(GET(battery_temp) < 50);
		if (GET(battery_soc) < 0.21) {
			at20 = GET(battery_power);
		}
		if (GET(battery_soc) < 0.81) {
			at80 = GET(battery_power);
			last = took;
		}
	}
	CHECK(at20 > 100e3);
	CHECK_NEAR(at80, 48e3, 6e3);
	CHECK_NEAR(last, 30 * 60, 240); /* 10 to 81 % in about half an hour */
	CHECK_NEAR(GET(battery_soc), 1, 1e-6);
	CHECK(took < 7200);
	vehicle_destroy(v);
}

TEST(vehicle_cold_battery_charges_slowly_and_is_heated)
{
	struct vehicle *v = parked(-15, -15, 0.2);
	double cold;

	plug(v, 150e3);
	rig_run(v, 30);
	cold = GET(battery_power);
	CHECK(cold > 0);
	CHECK(cold < 15e3);
	rig_run(v, 1500);
	CHECK(GET(battery_temp) > -2);
	CHECK(GET(battery_power) > 2 * cold);
	vehicle_destroy(v);
}

TEST(vehicle_empty_battery_stops_the_car_and_nothing_breaks)
{
	struct vehicle_start s;
	struct vehicle *v;

	vehicle_start_defaults(&s);
	s.soc = 0.012;
	v = rig_started(NULL, &s);
	vehicle_drive_speed(v, 25, NAN);
	rig_run(v, 900);
	CHECK_NEAR(GET(battery_soc), 0, 0.006);
	CHECK(GET(speed) < 10);
	CHECK(GET(range) < 1500);
	CHECK_NEAR(GET(hvac_load), 0, 6000);
	CHECK(GET(battery_voltage) >= 108 * 2.8 - 1);
	vehicle_destroy(v);
}

TEST(vehicle_battery_warms_by_the_heat_of_its_current)
{
	const char *const change[] = { "ambient_loss: 7", "ambient_loss: 0",
				       "coolant_coupling: 180",
				       "coolant_coupling: 0", NULL };
	struct vehicle_start s;
	struct vehicle *v;
	double volts, amps;

	vehicle_start_defaults(&s);
	s.speed_mps = 30;
	v = rig_started(change, &s);
	SET(grade, 0.1);
	vehicle_drive_speed(v, 30, NAN);
	rig_run(v, 300);
	volts = v->bat.volts;
	amps = -GET(battery_current);
	CHECK_NEAR(volts - GET(battery_voltage), amps * v->bat.resistance, 0.1);
	CHECK(v->books.cell_heat > 5e5);
	CHECK_NEAR(GET(battery_temp) - 15,
		   v->books.cell_heat / v->p.battery_heat_capacity, 0.01);
	/* Arrhenius: 2200 K */
	CHECK_NEAR(v->bat.resistance,
		   0.085 * exp(2200 *
			       (1 / (GET(battery_temp) + 273.15) - 1 / 298.15)),
		   1e-6);
	vehicle_destroy(v);
}

TEST(vehicle_range_learns_from_consumption)
{
	struct vehicle *v = parked(15, 20, 0.8);
	double first = GET(range), fast;

	CHECK_NEAR(first, 0.79 * 58e3 / 155 * 1000, 8e3);
	vehicle_drive_speed(v, 40, NAN);
	rig_run(v, 600);
	fast = GET(battery_energy) / GET(range) / 3.6; /* Wh/km */
	CHECK(fast > 160);
	CHECK(GET(range) < 0.8 * first);
	vehicle_destroy(v);
}

TEST(vehicle_twelve_volts_come_from_the_converter_or_run_down)
{
	struct vehicle *v = rig_new(NULL);
	double rested;

	rig_run(v, 5);
	CHECK_NEAR(GET(lv_battery_voltage), 14.1, 0.2);
	SET(ignition, IGN_OFF);
	rig_run(v, 10);
	rested = GET(lv_battery_voltage);
	CHECK_NEAR(rested, 12.6, 0.15);
	SET(ignition, IGN_ACC); /* head unit without the converter */
	rig_run(v, 3600);
	CHECK(GET(lv_battery_voltage) < rested - 0.1);
	SET(ignition, IGN_ON);
	rig_run(v, 5);
	CHECK_NEAR(GET(lv_battery_voltage), 14.0, 0.3);
	vehicle_destroy(v);
}

TEST(vehicle_motor_warms_up_under_load)
{
	struct vehicle_start s;
	struct vehicle *v;

	vehicle_start_defaults(&s);
	s.speed_mps = 20;
	s.outside_temp_c = 30;
	s.soc = 1;
	v = rig_started(NULL, &s);
	SET(grade, 0.12);
	vehicle_drive_speed(v, 30, NAN);
	rig_run(v, 600);
	CHECK(GET(motor_temp) > 60);
	CHECK(GET(motor_temp) < 180);
	CHECK(GET(coolant_temp) > 31.5);
	CHECK(GET(coolant_temp) < 75);
	CHECK(GET(battery_temp) > 31);
	vehicle_destroy(v);
}

int main(void)
{
	return RUN_TESTS(
		T(vehicle_actuate_takes_finite_values_of_rw_variables_only),
		T(vehicle_selector_interlocks_give_their_reason),
		T(vehicle_ignition_start_falls_back_and_off_secures),
		T(vehicle_doors_move_at_their_rate_and_obey_their_locks),
		T(vehicle_windows_move_and_the_rear_ones_can_be_locked),
		T(vehicle_mirrors_fold_when_all_is_locked),
		T(vehicle_indicators_flash_at_90_a_minute),
		T(vehicle_lights_follow_the_sun_with_hysteresis),
		T(vehicle_wipers_wipe_as_set_and_by_rain),
		T(vehicle_cabin_cools_with_the_time_constant_of_its_parts),
		T(vehicle_climate_brings_each_side_to_its_temperature),
		T(vehicle_climate_switches_act_on_each_other),
		T(vehicle_sun_heats_a_parked_cabin_and_windows_let_it_out),
		T(vehicle_outside_sensor_lags_and_faster_when_driving),
		T(vehicle_tyre_pressure_follows_the_gas_law),
		T(vehicle_tyres_warm_up_by_rolling_and_lose_air_by_a_leak),
		T(vehicle_charges_at_home_to_its_limit_and_stops),
		T(vehicle_draws_no_more_than_the_current_limit),
		T(vehicle_fast_charging_tapers_and_never_exceeds_the_cell_voltage),
		T(vehicle_cold_battery_charges_slowly_and_is_heated),
		T(vehicle_empty_battery_stops_the_car_and_nothing_breaks),
		T(vehicle_battery_warms_by_the_heat_of_its_current),
		T(vehicle_range_learns_from_consumption),
		T(vehicle_twelve_volts_come_from_the_converter_or_run_down),
		T(vehicle_motor_warms_up_under_load));
}
