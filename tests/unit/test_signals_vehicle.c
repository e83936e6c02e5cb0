/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundled car's data: every bound property, from the model through ECUs and
 * bus to the store, and back from a set to the model. The rows are the oracle:
 * what a person expects, not what the binding table says.
 */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/bundle.h"
#include "sim/can/ecu.h"
#include "sim/signals/signals.h"
#include "sim/vehicle/vehicle_file.h"

#include <jansson.h>
#include <string.h>

struct row {
	const char *prop;
	enum vehicle_var var;
	double model;  /* value of @var */
	double expect; /* of the property then */
	double tol;    /* half a step of the signal */
	bool set;      /* writable: */
	enum vehicle_var set_var;
	double ask;       /* value set */
	double model_set; /* value that reaches @set_var */
};

/* clang-format off */
#define R(prop, var, model, expect, tol) \
	{ prop, VV_##var, model, expect, tol, false, VV_##var, 0, 0 }
#define W(prop, var, model, expect, tol, set_var, ask, model_set) \
	{ prop, VV_##var, model, expect, tol, true, VV_##set_var, ask, model_set }
#define FLAG(prop, var) R(prop, var, 1, 1, 0)
#define SWITCH(prop, var) W(prop, var, 1, 1, 0, var, 0, 0)
/* driven: has a target of its own; moved: goes where it is told */
#define DRIVEN(prop, var) W(prop, var, 0.4, 40, 0.25, var##_set, 75, 0.75)
#define MOVED(prop, var) W(prop, var, 0.4, 40, 0.25, var, 75, 0.75)
#define LAMP(prop, var, switch_var) \
	R(prop "_STATE", var, 1, 1, 0), \
	W(prop "_SWITCH", switch_var, 1, 1, 0, switch_var, 0, 0)

static const struct row rows[] = {
	R("PERF_VEHICLE_SPEED", speed, -12.5, -12.5, 0.0014),
	R("PERF_VEHICLE_SPEED_DISPLAY", speed_display, 13.1, 13.1, 0.0014),
	/* wheel angle of 0.785 rad, ratio 15.7: 0.05 rad to the left */
	R("PERF_STEERING_ANGLE", steering_wheel, 0.785, -2.8648, 0.0051),
	R("PERF_ODOMETER", odometer, 123456.7, 123.4567, 0.0006),
	R("GEAR_SELECTION", gear_selection, 3, 8, 0),
	R("CURRENT_GEAR", gear_current, 1, 2, 0),
	FLAG("PARKING_BRAKE_ON", parking_brake),
	FLAG("PARKING_BRAKE_AUTO_APPLY", parking_brake_auto),
	R("ACCELERATOR_PEDAL_COMPRESSION_PERCENTAGE", throttle, 0.335, 33.5, 0.051),
	R("BRAKE_PEDAL_COMPRESSION_PERCENTAGE", brake, 1, 100, 0.051),
	R("IGNITION_STATE", ignition, 4, 4, 0),
	FLAG("ABS_ACTIVE", abs_active),
	FLAG("TRACTION_CONTROL_ACTIVE", tc_active),
	SWITCH("ELECTRONIC_STABILITY_CONTROL_ENABLED", esc_enabled),
	R("ELECTRONIC_STABILITY_CONTROL_STATE", esc_enabled, 1, 1, 0),
	R("CRUISE_CONTROL_ENABLED", cruise_state, 2, 1, 0),
	R("CRUISE_CONTROL_STATE", cruise_state, 2, 2, 0),
	R("CRUISE_CONTROL_TARGET_SPEED", cruise_target, 25, 25, 0.0014),
	R("ENV_OUTSIDE_TEMPERATURE", outside_temp_sensor, -12.3, -12.3, 0.051),
	R("TIRE_PRESSURE/LEFT_FRONT", tyre_pressure_fl, 251300, 251.3, 0.051),
	R("TIRE_PRESSURE/RIGHT_FRONT", tyre_pressure_fr, 252300, 252.3, 0.051),
	R("TIRE_PRESSURE/LEFT_REAR", tyre_pressure_rl, 253300, 253.3, 0.051),
	R("TIRE_PRESSURE/RIGHT_REAR", tyre_pressure_rr, 254300, 254.3, 0.051),
	R("RANGE_REMAINING", range, 312340, 312340, 10.1),
	R("EV_BATTERY_LEVEL", battery_energy, 36.4e6 * 3.6, 36400, 0.01),
	R("EV_CURRENT_BATTERY_CAPACITY", battery_capacity, 57.1e6 * 3.6, 57100, 0.51),
	R("EV_BATTERY_INSTANTANEOUS_CHARGE_RATE", battery_power, -41234, -41234e3, 510),
	R("EV_BATTERY_AVERAGE_TEMPERATURE", battery_temp, 27.4, 27.4, 0.051),
	SWITCH("EV_CHARGE_PORT_OPEN", charge_port_open),
	FLAG("EV_CHARGE_PORT_CONNECTED", charge_port_connected),
	SWITCH("EV_CHARGE_SWITCH", charge_switch),
	R("EV_CHARGE_STATE", charge_state, 2, 2, 0),
	W("EV_CHARGE_PERCENT_LIMIT", charge_limit, 0.8, 80, 0.26, charge_limit, 90, 0.9),
	W("EV_CHARGE_CURRENT_DRAW_LIMIT", charge_current_limit, 16, 16, 0.051, charge_current_limit, 10.5, 10.5),
	R("EV_CHARGE_TIME_REMAINING", charge_time_left, 5400, 5400, 0),
	W("EV_BRAKE_REGENERATION_LEVEL", regen_level, 1, 1, 0, regen_level, 2, 2),
	R("EV_REGENERATIVE_BRAKING_STATE", regen_state, 2, 2, 0),
	W("EV_STOPPING_MODE", stopping_mode, 3, 3, 0, stopping_mode, 1, 1),
	W("DISTANCE_DISPLAY_UNITS", unit_distance, 36, 36, 0, unit_distance, 35, 35),
	W("VEHICLE_SPEED_DISPLAY_UNITS", unit_speed, 144, 144, 0, unit_speed, 145, 145),
	W("HVAC_TEMPERATURE_DISPLAY_UNITS", unit_temperature, 49, 49, 0, unit_temperature, 48, 48),
	W("TIRE_PRESSURE_DISPLAY_UNITS", unit_pressure, 114, 114, 0, unit_pressure, 113, 113),
	SWITCH("HVAC_AC_ON", hvac_ac),
	SWITCH("HVAC_MAX_AC_ON", hvac_max_ac),
	SWITCH("HVAC_MAX_DEFROST_ON", hvac_max_defrost),
	SWITCH("HVAC_AUTO_ON", hvac_auto),
	W("HVAC_DUAL_ON", hvac_dual, 1, 0, 0, hvac_dual, 1, 0),
	SWITCH("HVAC_RECIRC_ON", hvac_recirc),
	SWITCH("HVAC_AUTO_RECIRC_ON", hvac_auto_recirc),
	W("HVAC_FAN_SPEED/0x31", hvac_fan_l, 3, 3, 0, hvac_fan_l, 7, 7),
	W("HVAC_FAN_SPEED/0x44", hvac_fan_r, 4, 4, 0, hvac_fan_r, 0, 0),
	W("HVAC_FAN_DIRECTION/0x31", hvac_dir_l, 3, 3, 0, hvac_dir_l, 6, 6),
	W("HVAC_FAN_DIRECTION/0x44", hvac_dir_r, 1, 1, 0, hvac_dir_r, 4, 4),
	W("HVAC_TEMPERATURE_SET/0x31", hvac_temp_set_l, 21.5, 21.5, 0, hvac_temp_set_l, 24.5, 24.5),
	W("HVAC_TEMPERATURE_SET/0x44", hvac_temp_set_r, 19, 19, 0, hvac_temp_set_r, 16, 16),
	R("HVAC_TEMPERATURE_CURRENT/ROW_1_LEFT", hvac_temp_l, 23.4, 23.4, 0.051),
	R("HVAC_TEMPERATURE_CURRENT/ROW_1_RIGHT", hvac_temp_r, 22.4, 22.4, 0.051),
	R("HVAC_TEMPERATURE_CURRENT/0x70", hvac_temp_rear, 21.4, 21.4, 0.051),
	R("HVAC_ACTUAL_FAN_SPEED_RPM", hvac_fan_rpm, 2400, 2400, 1),
	SWITCH("HVAC_DEFROSTER/FRONT_WINDSHIELD", hvac_defrost_front),
	SWITCH("HVAC_DEFROSTER/REAR_WINDSHIELD", hvac_defrost_rear),
	W("HVAC_SEAT_TEMPERATURE/ROW_1_LEFT", hvac_seat_heat_l, 2, 2, 0, hvac_seat_heat_l, -2, -2),
	W("HVAC_SEAT_TEMPERATURE/ROW_1_RIGHT", hvac_seat_heat_r, -1, -1, 0, hvac_seat_heat_r, 1, 1),
	W("HVAC_SEAT_VENTILATION/ROW_1_LEFT", hvac_seat_vent_l, 1, 1, 0, hvac_seat_vent_l, 3, 3),
	W("HVAC_SEAT_VENTILATION/ROW_1_RIGHT", hvac_seat_vent_r, 2, 2, 0, hvac_seat_vent_r, 0, 0),
	W("HVAC_STEERING_WHEEL_HEAT", hvac_wheel_heat, 1, 1, 0, hvac_wheel_heat, 2, 2),
	W("HVAC_SIDE_MIRROR_HEAT", hvac_mirror_heat, 1, 1, 0, hvac_mirror_heat, 2, 2),
	DRIVEN("DOOR_POS/ROW_1_LEFT", door_fl),
	DRIVEN("DOOR_POS/ROW_1_RIGHT", door_fr),
	DRIVEN("DOOR_POS/ROW_2_LEFT", door_rl),
	DRIVEN("DOOR_POS/ROW_2_RIGHT", door_rr),
	DRIVEN("DOOR_POS/REAR", door_trunk),
	DRIVEN("DOOR_POS/HOOD", door_hood),
	SWITCH("DOOR_LOCK/ROW_1_LEFT", lock_fl),
	SWITCH("DOOR_LOCK/ROW_1_RIGHT", lock_fr),
	SWITCH("DOOR_LOCK/ROW_2_LEFT", lock_rl),
	SWITCH("DOOR_LOCK/ROW_2_RIGHT", lock_rr),
	SWITCH("DOOR_LOCK/REAR", lock_trunk),
	SWITCH("DOOR_CHILD_LOCK_ENABLED/ROW_2_LEFT", child_lock_rl),
	SWITCH("DOOR_CHILD_LOCK_ENABLED/ROW_2_RIGHT", child_lock_rr),
	DRIVEN("WINDOW_POS/ROW_1_LEFT", window_fl),
	DRIVEN("WINDOW_POS/ROW_1_RIGHT", window_fr),
	DRIVEN("WINDOW_POS/ROW_2_LEFT", window_rl),
	DRIVEN("WINDOW_POS/ROW_2_RIGHT", window_rr),
	DRIVEN("WINDOW_POS/ROOF_TOP_1", window_roof),
	SWITCH("WINDOW_LOCK/ROW_2_LEFT", window_lock),
	SWITCH("WINDOW_LOCK/ROW_2_RIGHT", window_lock),
	W("MIRROR_Z_POS/DRIVER_LEFT", mirror_l_z, 0.2, 20, 0.5, mirror_l_z, -40, -0.4),
	W("MIRROR_Z_POS/DRIVER_RIGHT", mirror_r_z, 0.3, 30, 0.5, mirror_r_z, -100, -1),
	W("MIRROR_Y_POS/DRIVER_LEFT", mirror_l_y, -0.2, -20, 0.5, mirror_l_y, 100, 1),
	W("MIRROR_Y_POS/DRIVER_RIGHT", mirror_r_y, -0.3, -30, 0.5, mirror_r_y, 60, 0.6),
	SWITCH("MIRROR_LOCK", mirror_lock),
	SWITCH("MIRROR_FOLD", mirror_fold),
	SWITCH("MIRROR_AUTO_FOLD_ENABLED/DRIVER_LEFT", mirror_auto_fold),
	SWITCH("MIRROR_AUTO_FOLD_ENABLED/DRIVER_RIGHT", mirror_auto_fold),
	R("WINDSHIELD_WIPERS_PERIOD", wiper_period, 1.25, 1250, 0.5),
	R("WINDSHIELD_WIPERS_STATE", wiper_state, 2, 2, 0),
	W("WINDSHIELD_WIPERS_SWITCH", wiper_switch, 8, 8, 0, wiper_switch, 13, 13),
	MOVED("SEAT_FORE_AFT_POS/ROW_1_LEFT", seat_l_fore_aft),
	MOVED("SEAT_FORE_AFT_POS/ROW_1_RIGHT", seat_r_fore_aft),
	MOVED("SEAT_HEIGHT_POS/ROW_1_LEFT", seat_l_height),
	MOVED("SEAT_HEIGHT_POS/ROW_1_RIGHT", seat_r_height),
	MOVED("SEAT_BACKREST_ANGLE_1_POS/ROW_1_LEFT", seat_l_backrest),
	MOVED("SEAT_BACKREST_ANGLE_1_POS/ROW_1_RIGHT", seat_r_backrest),
	R("SEAT_OCCUPANCY/ROW_1_LEFT", occupied_l, 1, 2, 0),
	R("SEAT_OCCUPANCY/ROW_1_RIGHT", occupied_r, 0, 1, 0),
	R("SEAT_OCCUPANCY/ROW_2_LEFT", occupied_rl, 1, 2, 0),
	R("SEAT_OCCUPANCY/ROW_2_RIGHT", occupied_rr, 0, 1, 0),
	FLAG("SEAT_BELT_BUCKLED/ROW_1_LEFT", belt_l),
	R("SEAT_BELT_BUCKLED/ROW_1_RIGHT", belt_r, 0, 0, 0),
	FLAG("SEAT_BELT_BUCKLED/ROW_2_LEFT", belt_rl),
	R("SEAT_BELT_BUCKLED/ROW_2_RIGHT", belt_rr, 0, 0, 0),
	R("HEADLIGHTS_STATE", headlight, 2, 2, 0),
	W("HEADLIGHTS_SWITCH", headlight_switch, 256, 256, 0, headlight_switch, 2, 2),
	R("HIGH_BEAM_LIGHTS_STATE", high_beam, 1, 1, 0),
	W("HIGH_BEAM_LIGHTS_SWITCH", high_beam_switch, 0, 0, 0, high_beam_switch, 256, 256),
	LAMP("FRONT_FOG_LIGHTS", fog_front, fog_front_switch),
	LAMP("REAR_FOG_LIGHTS", fog_rear, fog_rear_switch),
	LAMP("HAZARD_LIGHTS", hazard, hazard_switch),
	LAMP("CABIN_LIGHTS", cabin_light, cabin_light_switch),
	R("READING_LIGHTS_STATE/ROW_1_LEFT", reading_light_l, 1, 1, 0),
	R("READING_LIGHTS_STATE/ROW_1_RIGHT", reading_light_r, 0, 0, 0),
	W("READING_LIGHTS_SWITCH/ROW_1_LEFT", reading_light_l_switch, 1, 1, 0, reading_light_l_switch, 0, 0),
	W("READING_LIGHTS_SWITCH/ROW_1_RIGHT", reading_light_r_switch, 0, 0, 0, reading_light_r_switch, 1, 1),
	R("TURN_SIGNAL_STATE", turn_signal, 2, 2, 0),
	R("TURN_SIGNAL_LIGHT_STATE", turn_signal, 2, 2, 0),
	W("TURN_SIGNAL_SWITCH", turn_switch, 2, 2, 0, turn_switch, 1, 1),
	FLAG("NIGHT_MODE", night_mode),
	SWITCH("VEHICLE_HORN_ENGAGED", horn),
	/* last: turns the others off */
	SWITCH("HVAC_POWER_ON", hvac_power),
};
/* clang-format on */
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct car {
	struct evq *q;
	struct bus *bus;
	struct cmdq *cmdq;
	struct dbc *dbc;
	struct vhal *vhal;
	struct signals *signals;
	struct ecus *ecus;
	struct vehicle_state st;
	unsigned int var; /* last actuation */
	double value;
	unsigned int n_actuated;
};

/* What the vehicle does with a request; moving parts move at once. */
static int actuate(void *ctx, const struct cmd *c, struct av_err *err)
{
	struct car *car = ctx;

	(void)err;
	CHECK_EQ(c->kind, CMD_ACTUATE);
	car->var = c->var;
	car->value = c->value;
	car->n_actuated++;
	car->st.v[c->var] = c->value;
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].set && rows[i].set_var == c->var) {
			car->st.v[rows[i].var] = c->value;
		}
	}
	return 0;
}

static char *read_all(const char *rel, size_t *len)
{
	char path[4096], *text = NULL;

	CHECK_EQ(av_read_file(src_path(rel, path), 1 << 24, &text, len, NULL),
		 0);
	return text;
}

#define DIR "sim/vehicles/compact-ev/"

static void car_start(struct car *c)
{
	struct av_diags d = { 0 };
	struct signals_bus sb = { "can0", NULL };
	struct ecu_bus eb;
	size_t len;
	char *text;

	memset(c, 0, sizeof(*c));
	c->q = evq_create();
	c->bus = bus_create(av_topics, TOPIC_N);
	c->cmdq = cmdq_create(evq_clock(c->q));
	cmdq_set_handler(c->cmdq, actuate, c);
	c->vhal = vhal_create(c->q, c->bus);
	text = read_all(DIR "vhal.json", &len);
	CHECK_EQ(vhal_load(c->vhal, "vhal.json", text, len, &d), 0);
	free(text);
	text = read_all(DIR "bus.dbc", &len);
	CHECK_EQ(dbc_parse("bus.dbc", text, len, &c->dbc, &d, &d), 0);
	free(text);
	sb.dbc = c->dbc;
	text = read_all(DIR "signals.yaml", &len);
	CHECK_EQ(signals_create("signals.yaml", text, len, &sb, 1, c->vhal,
				&c->signals, &d),
		 0);
	free(text);
	CHECK_EQ(d.n, 0);
	signals_ecu_bus(c->signals, 0, &eb);
	CHECK_EQ(ecus_create(c->q, c->bus, c->cmdq, &eb, 1, true, &c->ecus,
			     NULL),
		 0);
	CHECK_EQ(signals_attach(c->signals, c->bus, c->ecus, NULL), 0);
	CHECK_EQ(vhal_start(c->vhal, NULL), 0);
}

static void car_stop(struct car *c)
{
	ecus_destroy(c->ecus);
	signals_destroy(c->signals);
	vhal_destroy(c->vhal);
	dbc_destroy(c->dbc);
	cmdq_destroy(c->cmdq);
	bus_destroy(c->bus);
	evq_destroy(c->q);
}

static void car_run(struct car *c, vtime dt)
{
	vtime end = evq_now(c->q) + dt;

	for (vtime t = evq_now(c->q); t < end; t += VEHICLE_STEP) {
		evq_run_until(c->q, t + VEHICLE_STEP);
		cmdq_apply(c->cmdq, evq_now(c->q));
		c->st.t = evq_now(c->q);
		bus_publish(c->bus, TOPIC_VEHICLE, &c->st);
	}
}

static uint32_t slot_of(const struct car *c, const char *name)
{
	struct av_err err = { 0 };
	int32_t prop, area;
	int slot;

	if (vhal_find(c->vhal, name, &prop, &area, &err) < 0) {
		fail_msg("%s: %s", name, err.msg);
	}
	slot = vhal_slot_of(c->vhal, prop, area);
	CHECK(slot >= 0);
	return (uint32_t)slot;
}

static double number_of(const struct car *c, const char *name)
{
	const struct vhal_value *v = vhal_get(c->vhal, slot_of(c, name));

	if (v->status != VHAL_AVAILABLE) {
		return NAN;
	}
	return v->n_f32   ? (double)v->f32[0]
	       : v->n_i64 ? (double)v->i64[0]
	       : v->n_i32 ? (double)v->i32[0]
			  : (double)NAN;
}

static void set_rows(struct car *c)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		c->st.v[rows[i].var] = rows[i].model;
	}
	for (int i = 0; i < 4; i++) {
		c->st.v[VV_wheel_ticks_fl + i] = 1000 * (i + 1) - 3000;
	}
}

static void check_number(const struct car *c, const char *prop, double want,
			 double tol)
{
	double have = number_of(c, prop);

	if (!(fabs(have - want) <= tol + 1e-6 * fabs(want))) {
		fail_msg("%s is %.9g, want %.9g +- %g", prop, have, want, tol);
	}
}

TEST(car_every_property_follows_the_model_over_the_bus)
{
	struct car c;
	const struct vhal_value *v;

	car_start(&c);
	set_rows(&c);
	for (size_t i = 0; i < N_ROWS; i++) {
		CHECK(isnan(number_of(&c, rows[i].prop)));
	}
	car_run(&c, 1500 * VT_MS);
	for (size_t i = 0; i < N_ROWS; i++) {
		check_number(&c, rows[i].prop, rows[i].expect, rows[i].tol);
	}
	/* reset count, front left, front right, rear right, rear left */
	v = vhal_get(c.vhal, slot_of(&c, "WHEEL_TICK"));
	CHECK_EQ(v->n_i64, 5);
	CHECK_EQ(v->i64[0], 0);
	CHECK_EQ(v->i64[1], -2000);
	CHECK_EQ(v->i64[2], -1000);
	CHECK_EQ(v->i64[3], 1000);
	CHECK_EQ(v->i64[4], 0);
	car_stop(&c);
}

TEST(car_at_least_100_pairs_come_from_the_bus_and_each_has_a_row)
{
	struct car c;
	size_t bound = 0;

	car_start(&c);
	for (uint32_t s = 0; s < vhal_n_slots(c.vhal); s++) {
		const char *name = vhal_slot_name(c.vhal, s);
		bool in = !strncmp(name, "WHEEL_TICK", 10);

		if (!vhal_slot_config(c.vhal, s)->bound) {
			continue;
		}
		bound++;
		for (size_t i = 0; i < N_ROWS && !in; i++) {
			in = slot_of(&c, rows[i].prop) == s;
		}
		if (!in) {
			fail_msg("%s has no row in this test", name);
		}
	}
	CHECK_EQ(bound, N_ROWS + 1);
	CHECK(bound >= 100);
	car_stop(&c);
}

static enum vhal_code set_number(struct car *c, const char *name, double x)
{
	int32_t i32 = (int32_t)x;
	float f32 = (float)x;
	struct vhal_value v = { 0 };
	struct av_err err = { 0 };
	enum vhal_code ret;

	CHECK_EQ(vhal_find(c->vhal, name, &v.prop, &v.area, NULL), 0);
	if ((v.prop & VHAL_TYPE_MASK) == VHAL_TYPE_FLOAT) {
		v.f32 = &f32;
		v.n_f32 = 1;
	} else {
		v.i32 = &i32;
		v.n_i32 = 1;
	}
	ret = vhal_check_set(c->vhal, &v, &err);
	if (ret == VHAL_OK) {
		ret = vhal_set(c->vhal, &v, CMD_FROM_GUEST, &err);
	}
	if (ret != VHAL_OK) {
		print_message("%s = %g: %s\n", name, x, err.msg);
	}
	return ret;
}

TEST(car_a_set_reaches_the_model_and_comes_back)
{
	struct car c;

	car_start(&c);
	set_rows(&c);
	car_run(&c, 1500 * VT_MS);
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];
		unsigned int before = c.n_actuated;

		if (!r->set) {
			continue;
		}
		c.st.v[r->var] = r->model; /* an earlier row may share it */
		car_run(&c, 100 * VT_MS);
		if (set_number(&c, r->prop, r->ask) != VHAL_OK) {
			fail_msg("%s refused", r->prop);
		}
		car_run(&c, 150 * VT_MS);
		/* one wish, one actuation: the other signals of the message
		 * asked for nothing */
		CHECK_EQ(c.n_actuated, before + 1);
		CHECK_STR(vehicle_var_info[c.var].name,
			  vehicle_var_info[r->set_var].name);
		CHECK_NEAR(c.value, r->model_set, 1e-9);
		check_number(&c, r->prop, r->ask, 0);
	}
	car_stop(&c);
}

TEST(car_writable_is_exactly_what_has_a_request)
{
	struct car c;

	car_start(&c);
	for (size_t i = 0; i < N_ROWS; i++) {
		uint32_t slot = slot_of(&c, rows[i].prop);
		const struct vhal_prop_config *p =
			vhal_slot_config(c.vhal, slot);

		for (size_t k = 0; k < p->n_areas; k++) {
			if (p->area[k].slot == slot &&
			    (p->area[k].access == VHAL_READ_WRITE) !=
				    rows[i].set) {
				fail_msg("%s: access %d", rows[i].prop,
					 p->area[k].access);
			}
		}
	}
	car_stop(&c);
}

TEST(car_hazard_is_no_turn_signal_but_both_lights)
{
	struct car c;

	car_start(&c);
	set_rows(&c);
	c.st.v[VV_turn_signal] = 3;
	car_run(&c, 500 * VT_MS);
	check_number(&c, "TURN_SIGNAL_STATE", 0, 0);
	check_number(&c, "TURN_SIGNAL_LIGHT_STATE", 3, 0);
	c.st.v[VV_cruise_state] = 0;
	c.st.v[VV_esc_enabled] = 0;
	car_run(&c, 500 * VT_MS);
	check_number(&c, "CRUISE_CONTROL_ENABLED", 0, 0);
	check_number(&c, "CRUISE_CONTROL_STATE", -2, 0);
	check_number(&c, "ELECTRONIC_STABILITY_CONTROL_STATE", -2, 0);
	car_stop(&c);
}

TEST(car_bus_load_is_that_of_a_real_one)
{
	struct can_bus_stats st;
	struct car c;

	car_start(&c);
	set_rows(&c);
	car_run(&c, 3 * VT_S);
	ecus_stats(c.ecus, 0, &st);
	print_message("%.0f frames/s, load %.1f %%\n", (double)st.frames / 3,
		      100 * st.load);
	CHECK(st.frames > 3 * 700 && st.frames < 3 * 1000);
	CHECK(st.load > 0.15 && st.load < 0.35);
	CHECK_EQ(st.dropped, 0);
	car_stop(&c);
}

/* Every model variable but those nobody in the car could know. */
TEST(car_every_variable_is_on_the_bus)
{
	static const char *const hidden[] = {
		"pos_x",        "pos_y",        "outside_temp",
		"friction",     "wind",         "tyre_leak_fl",
		"tyre_leak_fr", "tyre_leak_rl", "tyre_leak_rr",
	};
	struct ecu_bus eb;
	struct car c;

	car_start(&c);
	signals_ecu_bus(c.signals, 0, &eb);
	for (unsigned int v = 0; v < VV_N; v++) {
		bool found = false;

		for (size_t i = 0; i < eb.n_sources; i++) {
			found |= eb.source[i].var == v;
		}
		for (size_t i = 0; i < eb.n_requests; i++) {
			found |= eb.request[i].var == v;
		}
		for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]);
		     i++) {
			found |= !strcmp(hidden[i], vehicle_var_info[v].name);
		}
		if (!found) {
			fail_msg("%s is not on the bus",
				 vehicle_var_info[v].name);
		}
	}
	car_stop(&c);
}

/* Figures that two of the vehicle's files must have in common. */
TEST(car_bus_and_model_agree_on_wheels_and_steering)
{
	const struct vhal_prop_config *ticks;
	struct av_diags d = { 0 };
	struct vehicle_file file;
	struct ecu_bus eb;
	struct car c;
	size_t len, found = 0;
	char *text = read_all(DIR "vehicle.yaml", &len);
	double um;

	CHECK_EQ(vehicle_file_parse("vehicle.yaml", text, len, &file, &d), 0);
	free(text);
	car_start(&c);
	signals_ecu_bus(c.signals, 0, &eb);
	for (size_t i = 0; i < eb.n_sources; i++) {
		const struct ecu_source *s = &eb.source[i];

		if (s->var == VV_wheel_speed_rl) {
			CHECK_NEAR(s->scale,
				   file.params.chassis_wheel_radius * 3.6,
				   1e-4);
			found++;
		}
		if (!strcmp(s->signal->name, "RoadWheelAngle")) {
			CHECK_NEAR(s->scale * 0.017453292519943295,
				   1 / file.params.chassis_steering_ratio,
				   1e-5);
			found++;
		}
	}
	CHECK_EQ(found, 2);
	ticks = vhal_slot_config(c.vhal, slot_of(&c, "WHEEL_TICK"));
	um = 2e6 * 3.14159265358979 * file.params.chassis_wheel_radius /
	     file.params.chassis_wheel_ticks;
	CHECK_EQ(ticks->n_config_array, 5);
	CHECK_NEAR(ticks->config_array[1], um, 1);
	CHECK_NEAR(ticks->config_array[4], um, 1);
	car_stop(&c);
}

static bool vss_has(const json_t *tree, const char *path)
{
	while (tree) {
		size_t n = strcspn(path, ".");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		tree = json_object_get(tree, name);
		if (!path[n]) {
			return tree != NULL &&
			       !json_object_get(tree, "children");
		}
		path += n + 1;
		tree = json_object_get(tree, "children");
	}
	return false;
}

static void check_vss(const struct signals *s, const json_t *tree)
{
	size_t n = 0;

	for (uint32_t i = 0; i < signals_count(s); i++) {
		const char *key = signals_key(s, i);

		if (strchr(key, ':')) {
			continue; /* no path: bus and signal */
		}
		n++;
		if (!vss_has(tree, key)) {
			fail_msg("%s is not in VSS 4.0", key);
		}
	}
	CHECK(n > 20);
}

TEST(car_keys_are_paths_of_vss_4)
{
	char path[4096];
	json_t *tree;
	struct car c;

	if (!shared_path("vss/vss_release_4.0.json", path)) {
		SKIP("no shared data");
	}
	tree = json_load_file(path, 0, NULL);
	CHECK(tree != NULL);
	car_start(&c);
	check_vss(c.signals, tree);
	car_stop(&c);
	json_decref(tree);
}

int main(void)
{
	return RUN_TESTS(
		T(car_every_property_follows_the_model_over_the_bus),
		T(car_at_least_100_pairs_come_from_the_bus_and_each_has_a_row),
		T(car_a_set_reaches_the_model_and_comes_back),
		T(car_writable_is_exactly_what_has_a_request),
		T(car_hazard_is_no_turn_signal_but_both_lights),
		T(car_bus_load_is_that_of_a_real_one),
		T(car_every_variable_is_on_the_bus),
		T(car_bus_and_model_agree_on_wheels_and_steering),
		T(car_keys_are_paths_of_vss_4));
}
