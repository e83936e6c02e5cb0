/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver looks at: speed, gear, power, energy, tell-tales, climate. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "ui/tui.h"

enum { LEFT_W = 34, CAR_W = 28 };

#define KMH (1 / 3.6)
#define RAD_PER_DEG 0.017453292519943295
#define POWER_FULL 100e3  /* W at the end of the bar, both ways */
#define STEER_FULL (540 * RAD_PER_DEG)

/* ---- speed in large digits: three rows of block characters ---- */

static const char *const digits[11][3] = {
	{ "█▀█", "█ █", "▀▀▀" }, { "▀█ ", " █ ", "▀▀▀" },
	{ "▀▀█", "█▀▀", "▀▀▀" }, { "▀▀█", " ▀█", "▀▀▀" },
	{ "█ █", "▀▀█", "  ▀" }, { "█▀▀", "▀▀█", "▀▀▀" },
	{ "█▀▀", "█▀█", "▀▀▀" }, { "▀▀█", "  █", "  ▀" },
	{ "█▀█", "█▀█", "▀▀▀" }, { "█▀█", "▀▀█", "▀▀▀" },
	{ "   ", "▀▀▀", "   " }, /* none */
};

static void draw_speed(struct tui *t, int y, int x)
{
	struct gauge_value v;
	enum role role;
	int kmh, n[3], from = 0;

	model_gauge(t->m, GAUGE_speed, &v);
	role = v.state == GAUGE_OK ? ROLE_STRONG : ROLE_DIM;
	if (v.state < GAUGE_STALE) {
		n[0] = -1;
		n[1] = n[2] = 10;
		from = 1;
	} else {
		kmh = (int)lround(fabs(v.v) / KMH);
		kmh = kmh > 999 ? 999 : kmh;
		n[0] = kmh / 100;
		n[1] = kmh / 10 % 10;
		n[2] = kmh % 10;
		from = kmh < 10 ? 2 : kmh < 100 ? 1 : 0;
	}
	if (!t->utf8) {
		if (from == 1 && n[0] < 0) {
			tui_put_right(t, y + 1, x, 11, role, "--");
		} else {
			tui_put_right(t, y + 1, x, 11, role, "%d",
				      n[0] * 100 + n[1] * 10 + n[2]);
		}
	}
	for (int i = from; t->utf8 && i < 3; i++) {
		for (int row = 0; row < 3; row++) {
			tui_put(t, y + row, x + i * 4, 3, role, "%s",
				digits[n[i]][row]);
		}
	}
	tui_put(t, y + 2, x + 12, 5, ROLE_DIM, "km/h");
	if (v.state == GAUGE_STALE) {
		char age[16];

		tui_put(t, y + 3, x, 20, ROLE_WARN, "silent for %s",
			tui_age(v.age, age));
	}
}

static void draw_gear(struct tui *t, int y, int x)
{
	static const char *const names[] = { "P", "R", "N", "D" };
	struct gauge_value v;

	model_gauge(t->m, GAUGE_gear, &v);
	for (int i = 0; i < 4; i++) {
		bool on = v.state >= GAUGE_STALE && (int)v.v == i;

		tui_put(t, y, x + i * 3, 3,
			on ? (v.state == GAUGE_OK ? ROLE_LIT_INFO :
						    ROLE_SELECT) :
			     ROLE_DIM,
			" %s ", names[i]);
	}
	if (v.state < GAUGE_STALE) {
		tui_put(t, y, x + 12, 3, ROLE_DIM, "%s",
			v.state == GAUGE_NONE ? "n/a" : "--");
	}
}

static const char *const ignition_names[] = { "undefined", "locked", "off",
					      "accessory", "on", "start" };

static void draw_ignition(struct tui *t, int y, int x, int w)
{
	struct gauge_value v;

	model_gauge(t->m, GAUGE_ignition, &v);
	if (v.state >= GAUGE_STALE && v.v >= 0 && v.v <= 5) {
		tui_put(t, y, x, w,
			v.v >= 4 ? ROLE_GOOD :
				   ROLE_DIM,
			"ignition %s", ignition_names[(int)v.v]);
	} else {
		tui_put(t, y, x, w, ROLE_DIM, "ignition --");
	}
}

/* ---- bars ---- */

static void label(struct tui *t, int y, int x, const char *text)
{
	tui_put(t, y, x, 8, ROLE_DIM, "%s", text);
}

static void draw_power(struct tui *t, int y, int x)
{
	/* the battery's sign: positive charges */
	double w = model_gauge_or(t->m, GAUGE_power, NAN);

	label(t, y, x, "Power");
	tui_bar_mid(t, y, x + 8, 15, -w / POWER_FULL, ROLE_GOOD,
		    w < -0.6 * POWER_FULL ? ROLE_AMBER : ROLE_INFO);
	tui_gauge(t, y, x + 23, 10, GAUGE_power, -1e3, 1, "kW",
		  w > 200 ? ROLE_GOOD : ROLE_TEXT);
}

static void draw_share(struct tui *t, int y, int x, const char *name,
		       enum gauge g, int digits_, enum role role)
{
	label(t, y, x, name);
	tui_bar(t, y, x + 8, 15, model_gauge_or(t->m, g, 0), role);
	tui_gauge(t, y, x + 23, 10, g, 0.01, digits_, "%", ROLE_TEXT);
}

static enum role soc_role(double soc)
{
	return soc < 0.1 ? ROLE_BAD : soc < 0.2 ? ROLE_WARN : ROLE_GOOD;
}

static void draw_motion(struct tui *t, int y, int x)
{
	double angle = model_gauge_or(t->m, GAUGE_steering, NAN);

	draw_speed(t, y, x);
	draw_gear(t, y, x + 19);
	draw_ignition(t, y + 1, x + 19, 15);
	y += 4;
	draw_power(t, y++, x);
	draw_share(t, y++, x, "Battery", GAUGE_soc, 1,
		   soc_role(model_gauge_or(t->m, GAUGE_soc, 1)));
	label(t, y, x, "Range");
	tui_gauge(t, y++, x + 23, 10, GAUGE_range, 1e3, 1, "km", ROLE_TEXT);
	draw_share(t, y++, x, "Accel", GAUGE_throttle, 0, ROLE_INFO);
	draw_share(t, y++, x, "Brake", GAUGE_brake, 0, ROLE_BAD);
	label(t, y, x, "Steering");
	/* positive is left: draw it where the wheel goes */
	tui_bar_mid(t, y, x + 8, 15, -angle / STEER_FULL, ROLE_INFO,
		    ROLE_INFO);
	tui_gauge(t, y++, x + 23, 10, GAUGE_steering, RAD_PER_DEG, 0, "°",
		  ROLE_TEXT);
}

/* ---- tell-tales ---- */

static const struct {
	enum gauge g;
	const char *text;
	enum role lit;
} telltales[] = {
	{ GAUGE_turn_l, "◀", ROLE_LIT_GOOD },
	{ GAUGE_headlight, "LOW", ROLE_LIT_GOOD },
	{ GAUGE_high_beam, "HIGH", ROLE_LIT_INFO },
	{ GAUGE_fog_front, "FOG", ROLE_LIT_GOOD },
	{ GAUGE_turn_r, "▶", ROLE_LIT_GOOD },
	{ GAUGE_fog_rear, "RFOG", ROLE_LIT_AMBER },
	{ GAUGE_hazard, "HAZ", ROLE_LIT_BAD },
	{ GAUGE_brake_light, "BRAKE", ROLE_LIT_BAD },
	{ GAUGE_reverse_light, "REV", ROLE_LIT_INFO },
	{ GAUGE_parking_brake, "(P)", ROLE_LIT_BAD },
	{ GAUGE_wiper, "WIPE", ROLE_LIT_INFO },
	{ GAUGE_cabin_light, "DOME", ROLE_LIT_WARN },
	{ GAUGE_night, "NIGHT", ROLE_LIT_INFO },
	{ GAUGE_abs, "ABS", ROLE_LIT_WARN },
	{ GAUGE_tc, "TC", ROLE_LIT_WARN },
	{ GAUGE_cruise, "CRUISE", ROLE_LIT_GOOD },
	{ GAUGE_charge_cable, "CABLE", ROLE_LIT_GOOD },
};

static bool is_lit(enum gauge g, double v)
{
	/* WindshieldWipersState counts from 1 = off; cruise control is ready at
	 * 1, drives at 2 */
	return v > (g == GAUGE_wiper || g == GAUGE_cruise ? 1.5 : 0.5);
}

static void draw_telltales(struct tui *t, int y, int x, int w)
{
	int at = x;

	for (size_t i = 0; i < sizeof(telltales) / sizeof(telltales[0]); i++) {
		int need = tui_width(telltales[i].text) + 2;
		struct gauge_value v;

		model_gauge(t->m, telltales[i].g, &v);
		if (v.state == GAUGE_NONE) {
			continue; /* this car has no such lamp */
		}
		if (at + need > x + w) {
			at = x;
			y++;
		}
		if (v.state >= GAUGE_STALE) {
			tui_put(t, y, at, need,
				!is_lit(telltales[i].g, v.v) ? ROLE_DIM :
				v.state == GAUGE_OK ? telltales[i].lit :
						      ROLE_SELECT,
				" %s ", telltales[i].text);
		} else {
			tui_put(t, y, at, need, ROLE_DIM, " %.*s ", need - 2,
				"--------");
		}
		at += need + 1;
	}
}

/* ---- right column ---- */

static int row(struct tui *t, int y, int x, int w, const char *name,
	       enum gauge g, double scale, int digits_, const char *unit)
{
	tui_put(t, y, x, 9, ROLE_DIM, "%s", name);
	tui_gauge(t, y, x + 7, w - 7, g, scale, digits_, unit, ROLE_TEXT);
	return y + 1;
}

static int zone(struct tui *t, int y, int x, int w, const char *name,
		enum gauge is, enum gauge set)
{
	tui_put(t, y, x, 7, ROLE_DIM, "%s", name);
	tui_gauge(t, y, x + 4, 6, is, 1, 1, "", ROLE_TEXT);
	tui_put(t, y, x + 10, 1, ROLE_DIM, "→");
	tui_gauge(t, y, x + 11, w - 11, set, 1, 1, "°", ROLE_TEXT);
	return y + 1;
}

static void flag(struct tui *t, int y, int x, enum gauge g, const char *text)
{
	tui_put(t, y, x, 6,
		model_gauge_or(t->m, g, 0) > 0.5 ? ROLE_GOOD : ROLE_DIM, "%s",
		text);
}

static const char *const charge_names[] = { "", "charging", "full",
					    "not charging", "error" };

static void draw_charge(struct tui *t, int y, int x, int w)
{
	double state = model_gauge_or(t->m, GAUGE_charge_state, NAN);
	double left = model_gauge_or(t->m, GAUGE_charge_left, 0);

	if (isnan(state) || state < 1 || state > 4) {
		tui_put(t, y, x, w, ROLE_DIM, "charger --");
	} else if (state < 1.5 && left > 0) {
		tui_put(t, y, x, w, ROLE_GOOD, "charging %.0f min", left / 60);
	} else {
		tui_put(t, y, x, w,
			state < 2.5 ? ROLE_GOOD :
			state > 3.5 ? ROLE_BAD :
				      ROLE_DIM,
			"%s", charge_names[(int)state]);
	}
}

static void draw_side(struct tui *t, int y, int x, int w)
{
	struct rect r = { y, x, 9, w };

	r = tui_section(t, r, "Climate");
	y = zone(t, r.y, x, w, "left", GAUGE_cabin_l, GAUGE_set_l);
	y = zone(t, y, x, w, "rgt", GAUGE_cabin_r, GAUGE_set_r);
	y = row(t, y, x, w, "fan", GAUGE_fan_l, 1, 0, "");
	flag(t, y, x, GAUGE_hvac_power, "on");
	flag(t, y, x + 3, GAUGE_hvac_ac, "A/C");
	flag(t, y, x + 7, GAUGE_hvac_auto, "auto");
	flag(t, y++, x + 12, GAUGE_hvac_recirc, "rec");
	flag(t, y, x, GAUGE_defrost_front, "front");
	flag(t, y, x + 6, GAUGE_defrost_rear, "rear");
	tui_put(t, y++, x + 11, 6, ROLE_DIM, "defr.");
	y = row(t, y, x, w, "outside", GAUGE_outside, 1, 1, "°C");
	r = tui_section(t, (struct rect){ y, x, 9, w }, "Energy");
	y = row(t, r.y, x, w, "stored", GAUGE_energy, 3.6e6, 1, "kWh");
	y = row(t, y, x, w, "cells", GAUGE_battery_temp, 1, 1, "°C");
	draw_charge(t, y++, x, w);
	r = tui_section(t, (struct rect){ y, x, 9, w }, "Motion");
	y = row(t, r.y, x, w, "along", GAUGE_accel_x, 1, 2, "m/s²");
	y = row(t, y, x, w, "across", GAUGE_accel_y, 1, 2, "m/s²");
	y = row(t, y, x, w, "trip", GAUGE_trip, 1e3, 3, "km");
	y = row(t, y, x, w, "total", GAUGE_odometer, 1e3, 1, "km");
	row(t, y, x, w, "cruise", GAUGE_cruise_target, KMH, 0, "km/h");
}

void tui_drive_draw(struct tui *t, struct rect r)
{
	int extra = r.w > 80 ? (r.w - 80) / 3 : 0;
	int y = r.y + (r.h > 24 ? 1 : 0);
	int car_x = r.x + LEFT_W + extra;
	int side_x = car_x + CAR_W + extra;

	draw_motion(t, y + 1, r.x + 1);
	draw_telltales(t, y + 12, r.x + 1, LEFT_W - 2);
	if (r.w == t->cols) { /* else there is a pane for it */
		tui_log_latest(t,
			       (struct rect){ y + 17, r.x, 3, LEFT_W - 1 });
	}
	tui_car_draw(t, (struct rect){ y, car_x, r.h, CAR_W });
	draw_side(t, y, side_x, r.x + r.w - side_x > 22 ? 22 :
				r.x + r.w - side_x - 1);
}
