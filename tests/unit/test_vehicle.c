/* SPDX-License-Identifier: Apache-2.0 */
/* Motion, powertrain and driver against closed forms. */
#include "config.h"

#include "sim/core/log.h"

#include "tests/unit/vehicle_rig.h"

#include <errno.h>

/* Rolling resistance that does not change while the tyres warm up. */
#define COLD_TYRES "pressure_exponent: 0.4", "pressure_exponent: 0"
#define NO_CLIMATE(v) rig_set(v, VV_hvac_power, 0)

/* Drag and rolling: force = c v^2 + f. */
static double drag_c(const struct vehicle *v)
{
	return 0.5 * v->chassis.air_density * v->p.aero_drag_coefficient *
	       v->p.aero_frontal_area;
}

static double roll_f(const struct vehicle *v)
{
	return v->p.tyre_rolling_resistance * v->p.chassis_mass * GRAVITY;
}

static struct vehicle *rolling_at(const char *const *change, double speed)
{
	struct vehicle_start s;

	vehicle_start_defaults(&s);
	s.speed_mps = speed;
	return rig_started(change, &s);
}

/* ---- energy ---- */

TEST(vehicle_energy_of_battery_is_kinetic_plus_losses)
{
	static const double cycle[] = { 8, 14, 3, 20, 33, 10, 0, 15, 0 };
	struct vehicle *v = rig_new(NULL);
	const struct energy_books *e = &v->books;
	double before = GET(battery_energy), spent, soc_spent;

	for (size_t i = 0; i < sizeof(cycle) / sizeof(cycle[0]); i++) {
		vehicle_drive_speed(v, cycle[i], 1.8);
		SET(grade, i % 3 == 1 ? 0.04 : i % 3 == 2 ? -0.05 : 0);
		SET(regen_level, (double)(i % 3));
		SET(steering_wheel, i % 2 ? 0.25 : 0);
		rig_run(v, 25);
	}
	vehicle_drive_speed(v, 20, NAN);
	rig_run(v, 20); /* kinetic energy at the end as well */
	spent = e->cell_heat + e->motor_loss + e->gear_loss + e->slip +
		e->drag + e->rolling + e->brakes + e->cornering + e->climb +
		e->auxiliary + chassis_kinetic_j(v);
	soc_spent = before - GET(battery_energy);
	CHECK(spent > 2e6);
	CHECK(e->cornering > 1e3);
	CHECK_NEAR(e->chemical, spent, 0.01 * spent);
	CHECK_NEAR(soc_spent, e->chemical, 0.001 * e->chemical);
	vehicle_destroy(v);
}

TEST(vehicle_cruise_takes_the_power_of_its_losses)
{
	const char *const change[] = { COLD_TYRES, NULL };
	struct vehicle *v = rolling_at(change, 30);
	const struct vehicle_params *p = &v->p;
	double f, slip, shaft, omega, torque, loss;

	NO_CLIMATE(v);
	SET(grade, 0.08);
	vehicle_drive_speed(v, 30, NAN);
	rig_run(v, 60);
	f = drag_c(v) * 900 + roll_f(v) * cos(0.08) +
	    p->chassis_mass * GRAVITY * sin(0.08);
	slip = 1 + f / p->tyre_slip_stiffness;
	shaft = f * 30 * slip / p->motor_gear_efficiency;
	omega = 30 * slip / p->chassis_wheel_radius * p->motor_gear_ratio;
	torque = shaft / omega;
	CHECK_NEAR(GET(motor_torque), torque, 0.01 * torque);
	CHECK_NEAR(GET(motor_speed), omega, 0.002 * omega);
	torque = GET(motor_torque);
	omega = GET(motor_speed);
	shaft = torque * omega;
	loss = p->motor_loss_copper * torque * torque +
	       p->motor_loss_iron * omega +
	       p->motor_loss_windage * omega * omega * omega +
	       p->motor_loss_constant + p->motor_loss_inverter * shaft;
	CHECK_NEAR(-GET(battery_power) - v->bat.load_w - shaft, loss,
		   0.005 * loss);
	CHECK(shaft / (shaft + loss) > 0.88);
	CHECK(shaft / (shaft + loss) < 0.97);
	vehicle_destroy(v);
}

TEST(vehicle_recuperation_returns_energy_unless_the_battery_is_full)
{
	struct vehicle_start s;
	struct vehicle *v;

	vehicle_start_defaults(&s);
	s.speed_mps = 25;
	s.soc = 0.5;
	s.battery_temp_c = 25;
	v = rig_started(NULL, &s);
	SET(regen_level, 2);
	rig_run(v, 5);
	CHECK(GET(battery_soc) > 0.5);
	CHECK(GET(battery_power) > 10e3);
	CHECK_NEAR(GET(accel_x), -1.7, 0.35); /* and drag */
	CHECK_NEAR(GET(regen_state), 3, 0);
	SET(regen_level, 0);
	rig_run(v, 0.1);
	CHECK_NEAR(GET(regen_state), 1, 0);
	CHECK(GET(motor_torque) > -0.5);
	vehicle_destroy(v);

	s.soc = 1;
	v = rig_started(NULL, &s);
	SET(regen_level, 2);
	rig_run(v, 3);
	CHECK(GET(battery_soc) <= 1);
	CHECK_NEAR(GET(regen_state), 1, 1.01); /* none or next to none */
	CHECK(GET(battery_power) < 3e3);
	vehicle_destroy(v);
}

TEST(vehicle_recuperation_fades_out_at_walking_speed)
{
	struct vehicle *v = rolling_at(NULL, 3.0);
	double before;

	SET(stopping_mode, STOP_ROLL);
	SET(regen_level, 2);
	rig_run(v, 0.1);
	before = GET(motor_torque);
	CHECK(before < -30);
	while (GET(speed) > 1.2) {
		rig_step(v);
	}
	CHECK(GET(motor_torque) < 0);
	CHECK(GET(motor_torque) > 0.5 * before);
	rig_run(v, 6);
	CHECK(GET(speed) < 0.56);
	CHECK_NEAR(GET(motor_torque), 0, 1e-9);
	vehicle_destroy(v);
}

/* ---- along the road ---- */

TEST(vehicle_coast_down_follows_the_closed_form)
{
	const char *const change[] = { COLD_TYRES, NULL };
	struct vehicle *v = rolling_at(change, 30);
	double f = roll_f(v), c = drag_c(v), m = v->chassis.mass_eff;

	SET(gear_selection, GEAR_N);
	rig_run(v, 0.3);
	/* from here: m dv/dt = -(f + c v^2) */
	for (int k = 0; k < 3; k++) {
		double v0 = GET(speed), t = 30, want;

		want = sqrt(f / c) *
		       tan(atan(v0 * sqrt(c / f)) - t * sqrt(c * f) / m);
		rig_run(v, t);
		CHECK_NEAR(GET(speed), want, 0.002 * v0);
	}
	vehicle_destroy(v);
}

TEST(vehicle_stopping_distance_follows_the_closed_form)
{
	static const double pedal[] = { 0.2, 0.4, 0.6 };
	const char *const change[] = { COLD_TYRES, NULL };

	for (size_t i = 0; i < 3; i++) {
		struct vehicle *v = rolling_at(change, 27.8);
		double c = drag_c(v), m = v->chassis.mass_eff, f, want;

		/* brakes and rolling constant, drag with v^2 */
		f = pedal[i] * v->p.brakes_max_decel * v->p.chassis_mass +
		    roll_f(v);
		want = m / (2 * c) * log(1 + c * 27.8 * 27.8 / f);
		SET(regen_level, 0);
		SET(stopping_mode, STOP_ROLL);
		SET(brake, pedal[i]);
		rig_run(v, 20);
		CHECK_NEAR(GET(trip), want, 0.005 * want);
		CHECK_NEAR(GET(speed), 0, 0);
		vehicle_destroy(v);
	}
}

TEST(vehicle_full_braking_uses_the_friction_of_the_road)
{
	static const double mu[] = { 0.9, 0.4, 0.1 };

	for (size_t i = 0; i < 3; i++) {
		struct vehicle *v = rolling_at(NULL, 20);
		bool abs = false;
		double want = 20 * 20 / (2 * mu[i] * GRAVITY);

		SET(friction, mu[i]);
		SET(brake, 1);
		while (GET(speed) > 0) {
			rig_step(v);
			abs |= GET(abs_active) != 0;
		}
		CHECK(abs);
		CHECK_NEAR(GET(trip), want, 0.08 * want);
		rig_run(v, 1);
		CHECK_NEAR(GET(abs_active), 0, 0);
		vehicle_destroy(v);
	}
}

TEST(vehicle_top_speed_is_where_power_balances)
{
	const char *const change[] = { COLD_TYRES, "top_speed: 160",
				       "top_speed: 400", NULL };
	struct vehicle *v = rolling_at(change, 40);
	double eff = v->p.motor_gear_efficiency, lo = 20, hi = 120;

	NO_CLIMATE(v);
	SET(throttle, 1);
	rig_run(v, 150);
	for (int i = 0; i < 60; i++) {
		double x = 0.5 * (lo + hi), f = drag_c(v) * x * x + roll_f(v);
		double slip = 1 + f / v->p.tyre_slip_stiffness;

		if (f * x * slip / eff < v->p.motor_max_power) {
			lo = x;
		} else {
			hi = x;
		}
	}
	CHECK(lo > 60);
	CHECK_NEAR(GET(speed), lo, 0.01 * lo);
	CHECK_NEAR(GET(motor_torque) * GET(motor_speed), v->p.motor_max_power,
		   0.01 * v->p.motor_max_power);
	vehicle_destroy(v);
}

TEST(vehicle_governor_holds_the_top_speeds)
{
	struct vehicle *v = rolling_at(NULL, 40);

	SET(throttle, 1);
	rig_run(v, 60);
	CHECK(GET(speed) < v->p.motor_top_speed);
	CHECK(GET(speed) > v->p.motor_top_speed - 0.5);
	vehicle_destroy(v);
	v = rig_new(NULL);
	rig_gear(v, GEAR_R);
	SET(throttle, 1);
	rig_run(v, 20);
	CHECK(GET(speed) > -v->p.motor_reverse_speed);
	CHECK(GET(speed) < -v->p.motor_reverse_speed + 0.5);
	vehicle_destroy(v);
}

/* ---- standstill ---- */

TEST(vehicle_hold_stands_still_on_a_grade)
{
	static const double grade[] = { 0.15, -0.15 };

	for (size_t i = 0; i < 2; i++) {
		struct vehicle *v = rig_new(NULL);
		double x, y;

		SET(stopping_mode, STOP_HOLD);
		rig_gear(v, GEAR_D);
		SET(grade, grade[i]);
		x = GET(pos_x);
		y = GET(pos_y);
		for (int k = 0; k < 6000; k++) {
			rig_step(v);
			CHECK_NEAR(GET(speed), 0, 0);
		}
		CHECK_NEAR(GET(pos_x), x, 0);
		CHECK_NEAR(GET(pos_y), y, 0);
		CHECK_NEAR(GET(brake_light), 1, 0);
		SET(throttle, 0.6); /* sets off uphill without rolling back */
		rig_run(v, 3);
		CHECK(GET(speed) > 1);
		vehicle_destroy(v);
	}
}

TEST(vehicle_stops_by_itself_in_hold_mode)
{
	struct vehicle *v = rolling_at(NULL, 8);

	SET(stopping_mode, STOP_HOLD);
	SET(regen_level, 2);
	for (int i = 0; i < 2000; i++) {
		rig_step(v);
		CHECK(GET(speed) >= 0);
	}
	CHECK_NEAR(GET(speed), 0, 0);
	CHECK_NEAR(GET(trip), 8 * 8 / (2 * 1.75), 1.5);
	vehicle_destroy(v);
}

TEST(vehicle_creep_and_roll_do_what_they_say)
{
	struct vehicle *v = rig_new(NULL);

	rig_gear(v, GEAR_D);
	rig_run(v, 20);
	CHECK(GET(speed) > 0.7 * v->p.motor_creep_speed);
	CHECK(GET(speed) < v->p.motor_creep_speed);
	SET(brake, 0.2);
	rig_run(v, 5);
	CHECK_NEAR(GET(speed), 0, 0);
	SET(stopping_mode, STOP_ROLL);
	SET(brake, 0);
	rig_run(v, 5);
	CHECK_NEAR(GET(speed), 0, 0);
	SET(grade, 0.1); /* and back down */
	rig_run(v, 2);
	CHECK_NEAR(GET(speed),
		   -(GRAVITY * sin(0.1) * v->p.chassis_mass -
		     roll_f(v) * cos(0.1)) /
			   v->chassis.mass_eff * 2,
		   0.02);
	vehicle_destroy(v);
}

TEST(vehicle_parking_lock_and_brake_each_hold_a_slope)
{
	for (int lock = 0; lock < 2; lock++) {
		struct vehicle *v = rig_new(NULL);

		if (lock) {
			SET(parking_brake_auto, 0);
			SET(parking_brake, 0);
		} else {
			SET(brake, 0.5);
			SET(gear_selection, GEAR_N);
			rig_run(v, 1);
			SET(brake, 0);
			CHECK_NEAR(GET(parking_brake), 1, 0);
		}
		SET(grade, 0.2);
		rig_run(v, 60);
		SET(grade, -0.2);
		rig_run(v, 60);
		CHECK_NEAR(GET(trip), 0, 0);
		SET(friction, 0.1); /* no tyre holds that */
		rig_run(v, 2);
		CHECK(GET(speed) > 0.5);
		vehicle_destroy(v);
	}
}

TEST(vehicle_brakes_never_push_it_backwards)
{
	for (int dir = 0; dir < 2; dir++) {
		struct vehicle_start s;
		struct vehicle *v;

		vehicle_start_defaults(&s);
		s.speed_mps = dir ? -4 : 4;
		v = rig_started(NULL, &s);
		SET(grade, dir ? -0.1 : 0.1);
		SET(brake, 0.5);
		for (int i = 0; i < 1000; i++) {
			rig_step(v);
			CHECK(dir ? GET(speed) <= 0 : GET(speed) >= 0);
		}
		CHECK_NEAR(GET(speed), 0, 0);
		CHECK_NEAR(GET(accel_x), 0, 0);
		CHECK_NEAR(GET(yaw_rate), 0, 0);
		vehicle_destroy(v);
	}
}

/* ---- across the road ---- */

TEST(vehicle_steady_cornering_follows_the_understeer_gradient)
{
	static const double speed[] = { 5, 10, 20, 30 };

	for (size_t i = 0; i < 4; i++) {
		struct vehicle *v = rolling_at(NULL, speed[i]);
		double l = v->p.chassis_wheelbase, vx, delta, want;
		/* Rajamani (2012), equation 3.11, from the axle loads */
		double k =
			v->p.chassis_mass / l *
			((l - v->p.chassis_front_to_cog) /
				 v->p.tyre_cornering_front -
			 v->p.chassis_front_to_cog / v->p.tyre_cornering_rear);

		/* 0.8 m/s2: where the tyres are linear */
		delta = 0.8 * (l + k * speed[i] * speed[i]) /
			(speed[i] * speed[i]);
		vehicle_drive_speed(v, speed[i], NAN);
		SET(steering_wheel, delta * v->p.chassis_steering_ratio);
		rig_run(v, 8);
		vx = GET(speed);
		want = vx * delta / (l + k * vx * vx);
		CHECK_NEAR(vx, speed[i], 0.2);
		CHECK_NEAR(GET(yaw_rate), want, 0.02 * want);
		CHECK_NEAR(GET(accel_y), want * vx, 0.02 * want * vx);
		CHECK_NEAR(GET(roll), 0.0075 * GET(accel_y), 1e-4);
		vehicle_destroy(v);
	}
}

TEST(vehicle_walking_speed_turns_on_the_geometric_circle)
{
	struct vehicle *v = rig_new(NULL);
	double delta = 0.5, l = v->p.chassis_wheelbase, radius, x0, y0, far = 0;

	rig_gear(v, GEAR_D);
	vehicle_drive_speed(v, 0.9, NAN);
	SET(steering_wheel, delta * v->p.chassis_steering_ratio);
	rig_run(v, 5);
	radius = hypot(l / tan(delta), v->chassis.rear);
	CHECK_NEAR(GET(yaw_rate), GET(speed) * tan(delta) / l, 1e-6);
	x0 = GET(pos_x);
	y0 = GET(pos_y);
	for (int i = 0; i < 5000; i++) {
		rig_step(v);
		far = fmax(far, hypot(GET(pos_x) - x0, GET(pos_y) - y0));
	}
	CHECK_NEAR(far, 2 * radius, 0.02);
	vehicle_destroy(v);
}

TEST(vehicle_wheel_speeds_show_turn_and_distance)
{
	struct vehicle *v = rig_new(NULL);
	double r = v->p.chassis_wheel_radius, turns;

	rig_gear(v, GEAR_D);
	vehicle_drive_speed(v, 6, NAN);
	rig_run(v, 20);
	turns = 0.5 * (GET(wheel_ticks_fl) + GET(wheel_ticks_fr)) /
		v->p.chassis_wheel_ticks;
	CHECK_NEAR(turns * 2 * PI * r, GET(trip), 0.01 * GET(trip));
	SET(steering_wheel, 3);
	rig_run(v, 10);
	CHECK_NEAR((GET(wheel_speed_rr) - GET(wheel_speed_rl)) * r,
		   GET(yaw_rate) * v->p.chassis_track,
		   0.01 * GET(yaw_rate) * v->p.chassis_track);
	CHECK(GET(wheel_speed_fr) > GET(wheel_speed_fl));
	CHECK(GET(speed_display) >= GET(speed));
	vehicle_destroy(v);
}

TEST(vehicle_reverse_drives_and_steers_backwards)
{
	struct vehicle *v = rig_new(NULL);

	rig_gear(v, GEAR_R);
	CHECK_NEAR(GET(reverse_light), 1, 0);
	vehicle_drive_speed(v, -3, NAN);
	rig_run(v, 10);
	CHECK_NEAR(GET(speed), -3, 0.05);
	CHECK(GET(pos_y) < -15); /* it looks north */
	CHECK_NEAR(GET(pos_x), 0, 1e-9);
	CHECK(GET(wheel_ticks_rl) < -100);
	CHECK(GET(motor_torque) > 0);
	CHECK(GET(motor_speed) < 0);
	SET(steering_wheel, 2);
	rig_run(v, 5);
	CHECK_NEAR(GET(yaw_rate), GET(speed) * tan(2 / 15.7) / 2.77, 0.003);
	CHECK(GET(yaw_rate) < 0);
	CHECK(GET(trip) > 15);
	vehicle_destroy(v);
}

TEST(vehicle_limits_of_the_tyres_raise_their_flags)
{
	struct vehicle *v = rig_new(NULL);
	bool seen = false;

	SET(friction, 0.2);
	rig_gear(v, GEAR_D);
	SET(throttle, 1);
	rig_run(v, 0.5);
	CHECK_NEAR(GET(tc_active), 1, 0);
	CHECK(GET(accel_x) < 0.2 * GRAVITY);
	rig_run(v, 12);
	SET(throttle, 0.1);
	SET(steering_wheel, 2);
	for (int i = 0; i < 300; i++) {
		rig_step(v);
		CHECK(fabs(GET(accel_y)) < 0.25 * GRAVITY);
		seen |= GET(tc_active) != 0;
	}
	CHECK(seen);
	CHECK(fabs(GET(slip_angle)) < 0.3); /* the control keeps it */
	vehicle_destroy(v);
}

/* ---- where it is ---- */

TEST(vehicle_position_in_degrees_lies_on_the_ellipsoid)
{
	static const double start[][2] = { { 48, 11 },
					   { -33, 151 },
					   { 70, -20 } };
	const double a = 6378137, f = 1 / 298.257223563, e2 = f * (2 - f);

	for (size_t i = 0; i < 3; i++) {
		double lat0 = start[i][0] * PI / 180;
		double w = sqrt(1 - e2 * sin(lat0) * sin(lat0)), lat, lon;
		double north = a * (1 - e2) / (w * w * w), east = a / w;
		struct geo g;

		geo_init(&g, start[i][0], start[i][1], 0);
		geo_from_enu(&g, 0, 0, &lat, &lon);
		CHECK_NEAR(lat, start[i][0], 1e-11);
		CHECK_NEAR(lon, start[i][1], 1e-11);
		/* near by: the two radii of curvature, in metres */
		geo_from_enu(&g, 30, 40, &lat, &lon);
		CHECK_NEAR((lat * PI / 180 - lat0) * north, 40, 1e-3);
		CHECK_NEAR((lon - start[i][1]) * PI / 180 * east * cos(lat0),
			   30, 1e-3);
	}
	{
		/* 10 km east of 48 N; expected: solved by iteration */
		struct geo g;
		double lat, lon;

		geo_init(&g, 48, 11, 0);
		geo_from_enu(&g, 10000, 0, &lat, &lon);
		CHECK_NEAR(lat, 47.99992184309, 1e-9);
		CHECK_NEAR(lon, 11.13400263521, 1e-9);
	}
}

TEST(vehicle_heading_and_height_follow_the_road)
{
	struct vehicle_start s;
	struct vehicle *v;

	vehicle_start_defaults(&s);
	s.heading_rad = PI / 2; /* east */
	s.alt_m = 100;
	s.speed_mps = 10;
	v = rig_started(NULL, &s);
	vehicle_drive_speed(v, 10, NAN);
	SET(grade, 0.1);
	rig_run(v, 10);
	CHECK_NEAR(GET(pos_z) - 100, sin(0.1) * GET(trip), 1e-6);
	CHECK_NEAR(GET(pos_x), cos(0.1) * GET(trip), 1e-6);
	CHECK_NEAR(GET(pos_y), 0, 1e-6);
	CHECK_NEAR(GET(heading), PI / 2, 1e-9);
	CHECK_NEAR(GET(pitch), -0.1, 0.01); /* nose up is negative */
	CHECK_NEAR(GET(odometer) - 12345600, GET(trip), 1e-6);
	vehicle_destroy(v);
}

/* ---- driver ---- */

struct trip_log {
	double cross, accel, lateral;
	bool arrived;
};

static struct trip_log follow(struct vehicle *v, const struct route_point *p,
			      size_t n, bool reverse, double limit_s)
{
	struct trip_log log = { 0 };
	struct av_err err = { 0 };
	struct driver_status s;

	if (vehicle_drive_route(v, p, n, reverse, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	for (int i = 0; i < limit_s / STEP_S && !log.arrived; i++) {
		rig_step(v);
		vehicle_driver_status(v, &s);
		log.cross = fmax(log.cross, fabs(s.cross_track_m));
		log.accel = fmax(log.accel, fabs(GET(accel_x)));
		log.lateral = fmax(log.lateral, fabs(GET(accel_y)));
		log.arrived = s.phase == DRIVER_ARRIVED;
	}
	rig_run(v, 2);
	return log;
}

/* Distance of the car from the straight or point nearest on the way points. */
static double off_end(const struct vehicle *v, const struct route_point *p)
{
	return hypot(GET(pos_x) - p->x_m, GET(pos_y) - p->y_m);
}

TEST(vehicle_driver_follows_streets_and_stops_at_their_end)
{
	static const struct route_point p[] = {
		{ 0, 0, 13.9 },    { 0, 120, NAN }, { 80, 120, NAN },
		{ 140, 160, NAN }, { 140, 60, 8 },  { 60, 40, NAN },
		{ 60, 0, NAN },
	};
	static const char mode[] = { STOP_CREEP, STOP_ROLL, STOP_HOLD };

	for (size_t i = 0; i < 9; i++) {
		struct vehicle *v = rig_new(NULL);
		struct trip_log log;

		SET(stopping_mode, mode[i / 3]);
		SET(regen_level, (double)(i % 3));
		SET(grade, i == 4 ? 0.05 : i == 5 ? -0.05 : 0);
		log = follow(v, p, 7, false, 200);
		CHECK(log.arrived);
		CHECK(log.cross < 0.25);
		CHECK(log.lateral < 3.0);
		CHECK(log.accel < 2.2);
		/* on a slope metres of the map are longer */
		CHECK(off_end(v, &p[6]) < 0.3);
		CHECK_NEAR(GET(speed), 0, 0);
		CHECK_NEAR(GET(gear_current), GEAR_D, 0);
		vehicle_destroy(v);
	}
}

TEST(vehicle_driver_holds_the_lane_at_motorway_speed)
{
	static struct route_point p[400];
	struct vehicle_start s;
	struct trip_log log;
	struct vehicle *v;

	/* a weave of about 600 m radius, way points every 10 m */
	for (int i = 0; i < 400; i++) {
		p[i].y_m = 10 * i;
		p[i].x_m = 60 * (1 - cos(i * 10 / 200.0));
		p[i].speed_mps = 33;
	}
	vehicle_start_defaults(&s);
	s.speed_mps = 30;
	v = rig_started(NULL, &s);
	log = follow(v, p, 400, false, 300);
	CHECK(log.arrived);
	CHECK(log.cross < 0.35);
	CHECK(log.lateral > 1.2); /* he did not just slow down */
	CHECK(off_end(v, &p[399]) < 0.3);
	vehicle_destroy(v);
}

TEST(vehicle_driver_parks_in_reverse)
{
	/* past the gap, then back into it: two arcs of 6 m radius that shift
	 * the car 2.4 m to the right */
	struct route_point p[40];
	struct vehicle *v = rig_new(NULL);
	struct trip_log log;
	double r = 6, half = acos(1 - 1.2 / r), x = 0, y = 0, h = 0;
	size_t n = 0;

	p[n++] = (struct route_point){ 0, 0, 1.2 };
	p[n++] = (struct route_point){ 0, -1, NAN };
	y = -1;
	for (int i = 0; i < 24; i++) {
		double step = half / 12;

		h += i < 12 ? step / 2 : -step / 2;
		x += 2 * r * sin(step / 2) * sin(h);
		y -= 2 * r * sin(step / 2) * cos(h);
		h += i < 12 ? step / 2 : -step / 2;
		p[n++] = (struct route_point){ x, y, NAN };
	}
	p[n++] = (struct route_point){ x, y - 1.5, NAN };
	log = follow(v, p, n, true, 60);
	CHECK(log.arrived);
	CHECK(log.cross < 0.35);
	CHECK_NEAR(GET(pos_x), 2.4, 0.15);
	CHECK(off_end(v, &p[n - 1]) < 0.3);
	CHECK(fabs(sin(GET(heading))) < 0.06);
	CHECK(cos(GET(heading)) > 0.9);
	CHECK_NEAR(GET(gear_current), GEAR_R, 0);
	/* and pulls straight to the middle of the gap */
	p[0] = (struct route_point){ GET(pos_x), GET(pos_y), 1 };
	p[1] = (struct route_point){ GET(pos_x), GET(pos_y) + 1.2, NAN };
	log = follow(v, p, 2, false, 30);
	CHECK(log.arrived);
	CHECK(off_end(v, &p[1]) < 0.3);
	CHECK_NEAR(GET(gear_current), GEAR_D, 0);
	vehicle_destroy(v);
}

TEST(vehicle_driver_keeps_speeds_and_uses_cruise_control)
{
	struct vehicle *v = rig_new(NULL);
	double over = 0;

	vehicle_drive_speed(v, 25, 2);
	for (int i = 0; i < 4000; i++) {
		rig_step(v);
		over = fmax(over, GET(speed) - 25);
		CHECK(GET(accel_x) < 2.1);
	}
	CHECK(over < 0.6);
	CHECK_NEAR(GET(speed), 25, 0.1);
	CHECK_NEAR(GET(cruise_state), 2, 0);
	CHECK_NEAR(GET(cruise_target), 25, 0);
	SET(grade, 0.06); /* holds it uphill and against the wind */
	SET(wind, 15);
	rig_run(v, 30);
	CHECK_NEAR(GET(speed), 25, 0.15);
	vehicle_drive_speed(v, 0, NAN);
	rig_run(v, 40);
	CHECK_NEAR(GET(speed), 0, 0);
	CHECK_NEAR(GET(cruise_state), 0, 0);
	CHECK_NEAR(GET(brake), 0.3, 1e-9);
	vehicle_destroy(v);
}

TEST(vehicle_driver_refuses_what_cannot_be_driven)
{
	static const struct route_point bad[][2] = {
		{ { 0, 0, NAN }, { 0, 0, NAN } },
		{ { 0, 0, NAN }, { NAN, 0, NAN } },
		{ { 0, 0, NAN }, { INFINITY, 0, NAN } },
		{ { 0, 0, NAN }, { 5, 0, -1 } },
	};
	static const struct route_point good[] = { { 0, 0, 5 }, { 0, 9, 5 } };
	struct vehicle *v = rig_new(NULL);
	struct driver_status s;
	struct av_err err;

	for (size_t i = 0; i < 4; i++) {
		CHECK_EQ(vehicle_drive_route(v, bad[i], 2, false, &err),
			 -EINVAL);
	}
	CHECK_EQ(vehicle_drive_route(v, good, 1, false, &err), -EINVAL);
	SET(ignition, IGN_OFF);
	CHECK_EQ(vehicle_drive_route(v, good, 2, false, &err), -EACCES);
	CHECK(strstr(err.msg, "ignition"));
	vehicle_drive_speed(v, 5, NAN);
	vehicle_driver_status(v, &s);
	CHECK_EQ(s.phase, DRIVER_MANUAL);
	SET(ignition, IGN_ON);
	SET(charge_port_open, 1);
	SET(charge_port_connected, 1);
	CHECK_EQ(vehicle_drive_route(v, good, 2, false, &err), 0);
	rig_run(v, 5);
	CHECK_NEAR(GET(gear_current), GEAR_P, 0); /* the cable holds it */
	CHECK_NEAR(GET(trip), 0, 0);
	vehicle_destroy(v);
}

TEST(vehicle_driver_takes_sharp_and_odd_routes_without_getting_stuck)
{
	static const struct route_point zigzag[] = {
		{ 0, 0, NAN },   { 0, 20, NAN },    { 0.5, 20.5, NAN },
		{ 15, 3, NAN },  { 15.01, 3, NAN }, { 30, 30, 0 },
		{ 60, 30, NAN },
	};
	struct vehicle *v = rig_new(NULL);
	struct trip_log log = follow(v, zigzag, 7, false, 300);

	CHECK(log.arrived);
	CHECK(off_end(v, &zigzag[6]) < 0.5);
	vehicle_destroy(v);
}

/* ---- whole ---- */

static void random_act(struct vehicle *v, struct av_rand *r)
{
	static const double some[] = { -1,  -0.5, 0,   0.3,  1,  2,  3,
				       4,   5,    13,  20,   22, 35, 48,
				       112, 145,  256, 11e3, 1e5 };
	struct route_point p[4];
	struct av_err err;
	double x = some[av_rand_below(r, sizeof(some) / sizeof(some[0]))];

	switch (av_rand_below(r, 60)) {
	case 0:
		vehicle_drive_speed(v, 60 * av_rand_unit(r) - 15, NAN);
		break;
	case 1:
		for (int i = 0; i < 4; i++) {
			p[i].x_m = GET(pos_x) + 100 * av_rand_unit(r);
			p[i].y_m = GET(pos_y) + 100 * av_rand_unit(r);
			p[i].speed_mps = 20 * av_rand_unit(r);
		}
		vehicle_drive_route(v, p, 4, av_rand_below(r, 2), &err);
		break;
	case 2:
		vehicle_drive_manual(v);
		break;
	default:
		if (av_rand_below(r, 2)) {
			x = av_rand_unit(r);
		}
		vehicle_actuate(v, (enum vehicle_var)av_rand_below(r, VV_N), x,
				&err);
		break;
	}
}

TEST(vehicle_no_value_leaves_its_senses_under_random_actuation)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct vehicle *v = rig_new(NULL);
		struct av_rand r;

		av_rand_init(&r, seed, "soak");
		for (int i = 0; i < 60000; i++) {
			if (i % 5 == 0) {
				random_act(v, &r);
			}
			rig_step(v);
			for (int k = 0; k < VV_N; k++) {
				if (!isfinite(v->v[k])) {
					fail_msg("%s at step %d, seed %d",
						 vehicle_var_info[k].name, i,
						 (int)seed);
				}
			}
			CHECK(fabs(GET(speed)) < 80);
			CHECK(fabs(GET(yaw_rate)) < 6);
			CHECK(fabs(GET(accel_x)) < 30);
			CHECK(GET(battery_soc) >= 0 && GET(battery_soc) <= 1);
			CHECK(GET(battery_temp) > -70 &&
			      GET(battery_temp) < 90);
			CHECK(fabs(GET(hvac_temp_l)) < 120);
			CHECK(GET(tyre_pressure_fl) >= 0);
		}
		vehicle_destroy(v);
	}
}

TEST(vehicle_two_runs_are_equal_to_the_last_bit)
{
	struct vehicle *a = rig_new(NULL), *b = rig_new(NULL);
	struct av_rand ra, rb;

	av_rand_init(&ra, 7, "soak");
	av_rand_init(&rb, 7, "soak");
	for (int i = 0; i < 20000; i++) {
		if (i % 10 == 0) {
			random_act(a, &ra);
			random_act(b, &rb);
		}
		rig_step(a);
		rig_step(b);
		CHECK_EQ(memcmp(vehicle_values(a), vehicle_values(b),
				VV_N * sizeof(double)),
			 0);
	}
	CHECK(fabs(a->v[VV_odometer] - 12345600) > 1);
	vehicle_destroy(a);
	vehicle_destroy(b);
}

TEST(vehicle_start_conditions_are_taken_and_checked)
{
	struct vehicle_start s;
	struct vehicle *v = rig_new(NULL);
	struct av_err err;

	vehicle_start_defaults(&s);
	s.lat_deg = 52.5;
	s.lon_deg = 13.4;
	s.soc = 0.33;
	s.odometer_m = 5000;
	s.outside_temp_c = -15;
	s.sun = 0;
	s.gear = GEAR_D;
	CHECK_EQ(vehicle_start(v, &s, &err), 0);
	CHECK_NEAR(GET(lat), 52.5, 0);
	CHECK_NEAR(GET(lon), 13.4, 0);
	CHECK_NEAR(GET(battery_soc), 0.33, 0);
	CHECK_NEAR(GET(hvac_temp_rear), -15, 0);
	CHECK_NEAR(GET(battery_temp), -15, 0);
	CHECK_NEAR(GET(night_mode), 1, 0);
	CHECK_NEAR(GET(headlight), 1, 0);
	CHECK_NEAR(GET(gear_current), GEAR_D, 0);
	CHECK_NEAR(GET(parking_brake), 0, 0);
	s.soc = 1.5;
	CHECK_EQ(vehicle_start(v, &s, &err), -EINVAL);
	CHECK(strstr(err.msg, "soc"));
	CHECK_NEAR(GET(battery_soc), 0.33, 0); /* untouched */
	s.soc = NAN;
	s.speed_mps = 5;
	s.gear = GEAR_R;
	CHECK_EQ(vehicle_start(v, &s, &err), -EINVAL);
	s.gear = NAN;
	CHECK_EQ(vehicle_start(v, &s, &err), 0);
	CHECK_NEAR(GET(gear_current), GEAR_D, 0);
	CHECK_NEAR(GET(wheel_speed_fl) * v->p.chassis_wheel_radius, 5, 1e-9);
	vehicle_destroy(v);
}

int main(void)
{
	av_log_set_level(AV_LOG_ERR); /* refusals are expected here */
	return RUN_TESTS(
		T(vehicle_energy_of_battery_is_kinetic_plus_losses),
		T(vehicle_cruise_takes_the_power_of_its_losses),
		T(vehicle_recuperation_returns_energy_unless_the_battery_is_full),
		T(vehicle_recuperation_fades_out_at_walking_speed),
		T(vehicle_coast_down_follows_the_closed_form),
		T(vehicle_stopping_distance_follows_the_closed_form),
		T(vehicle_full_braking_uses_the_friction_of_the_road),
		T(vehicle_top_speed_is_where_power_balances),
		T(vehicle_governor_holds_the_top_speeds),
		T(vehicle_hold_stands_still_on_a_grade),
		T(vehicle_stops_by_itself_in_hold_mode),
		T(vehicle_creep_and_roll_do_what_they_say),
		T(vehicle_parking_lock_and_brake_each_hold_a_slope),
		T(vehicle_brakes_never_push_it_backwards),
		T(vehicle_steady_cornering_follows_the_understeer_gradient),
		T(vehicle_walking_speed_turns_on_the_geometric_circle),
		T(vehicle_wheel_speeds_show_turn_and_distance),
		T(vehicle_reverse_drives_and_steers_backwards),
		T(vehicle_limits_of_the_tyres_raise_their_flags),
		T(vehicle_position_in_degrees_lies_on_the_ellipsoid),
		T(vehicle_heading_and_height_follow_the_road),
		T(vehicle_driver_follows_streets_and_stops_at_their_end),
		T(vehicle_driver_holds_the_lane_at_motorway_speed),
		T(vehicle_driver_parks_in_reverse),
		T(vehicle_driver_keeps_speeds_and_uses_cruise_control),
		T(vehicle_driver_refuses_what_cannot_be_driven),
		T(vehicle_driver_takes_sharp_and_odd_routes_without_getting_stuck),
		T(vehicle_no_value_leaves_its_senses_under_random_actuation),
		T(vehicle_two_runs_are_equal_to_the_last_bit),
		T(vehicle_start_conditions_are_taken_and_checked));
}
