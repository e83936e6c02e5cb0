/* SPDX-License-Identifier: Apache-2.0 */
/*
 * High-voltage battery, charging, 12 V system, range.
 *
 * Battery: open-circuit voltage by state of charge and one resistance, Plett
 * (2015), section 2.3; resistance by Arrhenius over temperature. State of
 * charge counts coulombs. Limits in the cold follow the known danger of lithium
 * plating (Waldmann et al. 2014, J. Power Sources 262).
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define TIME_SLICES 16
#define CHARGE_RAMP_W_PER_S 25e3
#define DCDC_EFFICIENCY 0.93
#define RECHARGE_BELOW 0.02 /* of the limit, once it was reached */

/* Share of the power that a battery takes or gives at a temperature, degC. */
static const struct vehicle_curve charge_by_temp = {
	.n = 7,
	.x = { -20, -10, 0, 10, 20, 45, 55 },
	.y = { 0.02, 0.10, 0.30, 0.65, 1, 1, 0.2 },
};
static const struct vehicle_curve discharge_by_temp = {
	.n = 5,
	.x = { -30, -15, 0, 10, 60 },
	.y = { 0.3, 0.6, 0.9, 1, 1 },
};

/* ---- the cells ---- */

static double pack_voltage(const struct vehicle *v, double soc)
{
	return v->p.battery_series_cells *
	       vehicle_curve_at(&v->p.battery_cell_voltage, soc);
}

/* Integral of the cell's curve from empty to @soc. */
static double curve_area(const struct vehicle *v, double soc)
{
	const struct vehicle_curve *c = &v->p.battery_cell_voltage;
	size_t i = 1;
	double y;

	while (i < c->n - 1 && soc > c->x[i]) {
		i++;
	}
	y = vehicle_curve_at(c, soc);
	return v->bat.area[i - 1] +
	       0.5 * (c->y[i - 1] + y) * (soc - c->x[i - 1]);
}

static double resistance_at(const struct vehicle *v, double temp)
{
	return v->p.battery_resistance *
	       exp(v->p.battery_resistance_temp *
		   (1 / (temp + KELVIN) - 1 / 298.15));
}

void battery_setup(struct vehicle *v)
{
	const struct vehicle_curve *c = &v->p.battery_cell_voltage;
	struct battery *b = &v->bat;

	b->area[0] = 0;
	for (size_t i = 1; i < c->n; i++) {
		b->area[i] = b->area[i - 1] + 0.5 * (c->y[i - 1] + c->y[i]) *
						      (c->x[i] - c->x[i - 1]);
	}
	V(battery_capacity) = v->p.battery_usable_energy * v->p.battery_health;
	b->charge_c = V(battery_capacity) /
		      (v->p.battery_series_cells * b->area[c->n - 1]);
	b->consumption = v->p.range_reference * 3.6; /* Wh/km to J/m */
}

double battery_discharge_max(const struct vehicle *v)
{
	const struct battery *b = &v->bat;
	double low = v->p.battery_series_cells * v->p.battery_cell_voltage_min;
	double p = v->p.battery_max_discharge *
		   vehicle_curve_at(&discharge_by_temp, V(battery_temp)) *
		   clamp(V(battery_soc) / 0.05, 0, 1);

	return fmin(p, low * fmax(b->volts - low, 0) / b->resistance);
}

/* Power at the terminals that brings the cells to their highest voltage. */
static double voltage_limit(const struct vehicle *v, double volts)
{
	double high = v->p.battery_series_cells * v->p.battery_cell_voltage_max;

	return high * fmax(high - volts, 0) / v->bat.resistance;
}

double battery_charge_max(const struct vehicle *v)
{
	double p = v->p.regen_max_power *
		   vehicle_curve_at(&charge_by_temp, V(battery_temp)) *
		   clamp((1 - V(battery_soc)) / 0.03, 0, 1);

	return fmin(p, voltage_limit(v, v->bat.volts));
}

/* ---- charging ---- */

static bool plugged(const struct vehicle *v)
{
	return V(charge_port_connected) != 0 && V(charge_switch) != 0 &&
	       V(gear_current) == GEAR_P && V(charger_power) > 0;
}

static bool is_dc(const struct vehicle *v)
{
	return V(charger_power) > v->p.charging_dc_from;
}

/* What reaches the high-voltage net at most, W. */
static double offer(const struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double ac;

	if (is_dc(v)) {
		return V(charger_power);
	}
	ac = fmin(V(charger_power), V(charge_current_limit) *
					    p->charging_ac_voltage *
					    p->charging_ac_phases);
	return fmin(ac * p->charging_ac_efficiency, p->charging_ac_power);
}

/* What the cells take at @soc: constant power, then the curve, then constant
 * voltage. */
static double intake(const struct vehicle *v, double soc, double volts)
{
	double p = voltage_limit(v, volts);

	if (is_dc(v)) {
		p = fmin(p, vehicle_curve_at(&v->p.charging_dc_power, soc) *
				    vehicle_curve_at(&charge_by_temp,
						     V(battery_temp)));
	}
	return p;
}

static bool charge_fault(const struct vehicle *v)
{
	return V(battery_temp) > 58 || V(battery_temp) < -35;
}

static void charging_step(struct vehicle *v, double loads)
{
	struct battery *b = &v->bat;
	bool on = plugged(v) && !charge_fault(v);
	double want = 0, soc = V(battery_soc);

	if (soc >= V(charge_limit)) {
		b->topped = true;
	} else if (soc < V(charge_limit) - RECHARGE_BELOW) {
		b->topped = false;
	}
	if (on) {
		/* the charger feeds what the car uses meanwhile as well */
		want = loads + (b->topped ? 0 : intake(v, soc, b->volts));
		want = fmin(want, offer(v));
		b->charge_w =
			fmin(want, b->charge_w + CHARGE_RAMP_W_PER_S * STEP_S);
	} else {
		b->charge_w = 0;
	}
	V(charge_state) = V(charge_port_connected) == 0 ? 3
			  : charge_fault(v)             ? 4
			  : b->topped                   ? 2
			  : on                          ? 1
							: 3;
}

static double time_left(const struct vehicle *v)
{
	const struct battery *b = &v->bat;
	double from = V(battery_soc), to = V(charge_limit), sum = 0;
	double slice = (to - from) / TIME_SLICES;

	if (V(charge_state) != 1 || slice <= 0) {
		return 0;
	}
	for (int i = 0; i < TIME_SLICES; i++) {
		double soc = from + (i + 0.5) * slice;
		double ocv = pack_voltage(v, soc);
		double p = fmin(offer(v) - b->load_w, intake(v, soc, ocv));
		double amps;

		if (p < 50) {
			return 360000; /* as good as never: 100 h */
		}
		amps = (sqrt(ocv * ocv + 4 * b->resistance * p) - ocv) /
		       (2 * b->resistance);
		sum += slice * b->charge_c / amps;
	}
	return fmin(sum, 360000);
}

/* ---- 12 V ---- */

static double lights_w(const struct vehicle *v)
{
	return (V(headlight) == 1   ? 55
		: V(headlight) == 2 ? 16
				    : 0) +
	       (V(high_beam) != 0 ? 45 : 0) + (V(fog_front) != 0 ? 20 : 0) +
	       (V(fog_rear) != 0 ? 6 : 0) + (V(brake_light) != 0 ? 8 : 0) +
	       (V(reverse_light) != 0 ? 5 : 0) +
	       (V(indicator_l) != 0 ? 12 : 0) + (V(indicator_r) != 0 ? 12 : 0) +
	       (V(cabin_light) != 0 ? 4 : 0) +
	       (V(reading_light_l) != 0 ? 2 : 0) +
	       (V(reading_light_r) != 0 ? 2 : 0);
}

static double lv_load(const struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	double w = p->low_voltage_sleep_load + lights_w(v);

	if (V(ignition) >= IGN_ACC) {
		w += p->low_voltage_acc_load;
	}
	if (V(ignition) >= IGN_ON) {
		w += p->low_voltage_base_load;
	}
	w += v->body.wiping ? 70 : 0;
	w += V(horn) != 0 ? 50 : 0;
	return w;
}

/* Return: what the converter takes from the high-voltage net, W. */
static double lv_step(struct vehicle *v, bool hv_on)
{
	const struct vehicle_params *p = &v->p;
	struct battery *b = &v->bat;
	double load = lv_load(v), cap = p->low_voltage_capacity;
	double level, volts, refill = 0;

	if (hv_on) {
		/* recharge current tapers as the battery fills */
		refill = clamp((cap - b->lv_energy) / 600, 0, 600);
		b->lv_energy += refill * STEP_S;
		volts = p->low_voltage_dcdc_voltage - 4e-4 * load;
		load = (load + refill) / DCDC_EFFICIENCY;
	} else {
		b->lv_energy = fmax(b->lv_energy - load * STEP_S, 0);
		level = b->lv_energy / cap;
		volts = p->low_voltage_empty_voltage +
			level * (p->low_voltage_full_voltage -
				 p->low_voltage_empty_voltage) -
			1e-3 * load;
		load = 0;
	}
	V(lv_battery_voltage) += (volts - V(lv_battery_voltage)) * STEP_S / 0.3;
	return load;
}

/* ---- one step ---- */

void battery_step(struct vehicle *v, double motor_w)
{
	struct battery *b = &v->bat;
	bool hv_on = (V(ignition) >= IGN_ON || V(charge_state) == 1) &&
		     (!b->empty || plugged(v));
	double loads = lv_step(v, hv_on), net, root, amps;

	if (hv_on) {
		loads += V(hvac_load) + b->conditioning_w;
	}
	charging_step(v, loads);
	if (b->empty && b->charge_w < loads) {
		loads = b->charge_w;
	}
	net = motor_w + loads - b->charge_w;
	root = b->volts * b->volts - 4 * b->resistance * net;
	amps = (b->volts - sqrt(fmax(root, 0))) / (2 * b->resistance);
	V(battery_soc) =
		clamp(V(battery_soc) - amps * STEP_S / b->charge_c, 0, 1);
	b->empty = V(battery_soc) <= (b->empty ? 0.005 : 0);
	b->heat_j += amps * amps * b->resistance * STEP_S;
	b->used_j += (motor_w + loads) * STEP_S;
	b->load_w = loads;
	v->books.chemical += b->volts * amps * STEP_S;
	v->books.cell_heat += amps * amps * b->resistance * STEP_S;
	v->books.auxiliary += loads * STEP_S;
	v->books.charger += b->charge_w * STEP_S;
	V(battery_current) = -amps;
	V(battery_voltage) = b->volts - amps * b->resistance;
	V(battery_power) = V(battery_current) * V(battery_voltage);
	b->volts = pack_voltage(v, V(battery_soc));
	V(battery_energy) = b->charge_c * v->p.battery_series_cells *
			    curve_area(v, V(battery_soc));
}

void battery_publish(struct vehicle *v)
{
	struct battery *b = &v->bat;

	b->resistance = resistance_at(v, V(battery_temp));
	b->volts = pack_voltage(v, V(battery_soc));
	V(battery_voltage) = b->volts;
	V(battery_energy) = b->charge_c * v->p.battery_series_cells *
			    curve_area(v, V(battery_soc));
	b->empty = V(battery_soc) <= 0;
	V(charge_state) = 3;
	V(lv_battery_voltage) = V(ignition) >= IGN_ON
					? v->p.low_voltage_dcdc_voltage
					: v->p.low_voltage_full_voltage;
	battery_range(v);
}

/* ---- slow ---- */

/* Electric heater in the cold, chiller in the heat, each with hysteresis. */
static double condition(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	struct battery *b = &v->bat;
	bool charging = V(charge_state) == 1;
	double t = V(battery_temp), on = b->conditioning_w > 0 ? 3 : 0;

	b->conditioning_w = 0;
	if (b->empty || !(charging || V(ignition) >= IGN_ON)) {
		return 0;
	}
	if (t < (charging && is_dc(v) ? 12 : -12) + on) {
		b->conditioning_w = p->battery_heater_power;
		return p->battery_heater_power;
	}
	if (t > 36 - on) {
		b->conditioning_w =
			p->battery_chiller_power / p->climate_ac_cop;
		return -p->battery_chiller_power;
	}
	return 0;
}

void battery_heat(struct vehicle *v)
{
	const struct vehicle_params *p = &v->p;
	struct battery *b = &v->bat;
	double heat = b->heat_j + condition(v) * SLOW_S;

	heat -= p->battery_ambient_loss * (V(battery_temp) - V(outside_temp)) *
		SLOW_S;
	if (V(ignition) >= IGN_ON || V(charge_state) == 1) {
		double flow = p->battery_coolant_coupling *
			      (V(battery_temp) - V(coolant_temp)) * SLOW_S;

		/* the valve opens only where the coolant does good */
		if ((flow > 0) == (V(battery_temp) > 24)) {
			heat -= flow;
			V(coolant_temp) += flow / p->coolant_heat_capacity;
		}
	}
	V(battery_temp) += heat / p->battery_heat_capacity;
	b->heat_j = 0;
	b->resistance = resistance_at(v, V(battery_temp));
}

void battery_range(struct vehicle *v)
{
	struct battery *b = &v->bat;
	double ref = v->p.range_reference * 3.6;

	b->consumption +=
		(b->used_j - b->consumption * b->driven_m) / v->p.range_memory;
	b->consumption = clamp(b->consumption, 0.4 * ref, 4 * ref);
	b->used_j = 0;
	b->driven_m = 0;
	V(range) = V(battery_energy) / b->consumption;
	V(charge_time_left) = time_left(v);
}
