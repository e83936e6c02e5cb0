/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The car from above, nose up: doors swing out, windows run down, lamps light,
 * tyre pressures stand beside the wheels.
 *
 *	             ▀▀───────▀▀
 *	 235 █     ╭─────────────╮     █ 235     wheel and pressure
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "ui/tui.h"

enum {
	BODY_X = 8, /* left side of the body */
	BODY_W = 12, /* right side is BODY_X + BODY_W - 1 */
	HEIGHT = 18,
};

static bool on(const struct tui *t, enum gauge g)
{
	return model_gauge_or(t->m, g, 0) > 0.5;
}

/* ---- body ---- */

static const char *const body[HEIGHT - 1] = {
	"╭──────────╮", /* 0 bumper */
	"│          │", "│          │", /* bonnet */
	"│╭────────╮│", /* 3 windscreen */
	"││        ││", "│          │", "│          │", "│          │",
	"├          ┤", /* 8 between the doors */
	"│          │", "│          │", "│          │",
	"││        ││", "│╰────────╯│", /* 13 rear window */
	"│          │", "│          │", "╰──────────╯",
};

static void draw_body(struct tui *t, int y, int x)
{
	for (int i = 0; i < HEIGHT - 1; i++) {
		tui_put(t, y + i, x + BODY_X, BODY_W, ROLE_TEXT, "%s",
			body[i]);
	}
}

static void draw_lid(struct tui *t, int y, int x, enum gauge g,
		     const char *name)
{
	struct gauge_value v;

	model_gauge(t->m, g, &v);
	if (v.state >= GAUGE_STALE && v.v > 0.01) {
		tui_put(t, y, x + BODY_X + 1, BODY_W - 2, ROLE_LIT_WARN,
			"%s", name);
	}
}

/* ---- doors and windows ---- */

/* A door of three rows at the side of the body, hinges in front. @dir: -1 the
 * left side. */
static void draw_door(struct tui *t, int y, int x, int dir, enum gauge g)
{
	struct gauge_value v;
	int steep;

	model_gauge(t->m, g, &v);
	if (v.state < GAUGE_STALE) {
		for (int i = 0; i < 3; i++) {
			tui_put(t, y + i, x, 1, ROLE_DIM, "┊");
		}
		return;
	}
	if (v.v <= 0.01) {
		return; /* the body's line is the closed door */
	}
	steep = v.v < 0.5;
	for (int i = 0; i < 3; i++) {
		int out = steep ? (i + 1) / 2 : i;

		tui_put(t, y + i, x, 1, ROLE_TEXT, " ");
		tui_put(t, y + i, x + dir * out, 1, ROLE_WARN, "%s",
			steep && i == 0 ? "│" : dir < 0 ? "╱" : "╲");
	}
}

/* Glass inside of the door: what is left of it, from below. */
static void draw_window(struct tui *t, int y, int x, enum gauge g)
{
	struct gauge_value v;
	int gone;

	model_gauge(t->m, g, &v);
	if (v.state < GAUGE_STALE) {
		return;
	}
	gone = v.v <= 0.01 ? 0 : (int)ceil(v.v * 3 - 0.01);
	for (int i = 0; i < 3; i++) {
		tui_put(t, y + i, x, 1, i < gone ? ROLE_WARN : ROLE_INFO, "%s",
			i < gone ? "·" : "┃");
	}
}

static void draw_roof(struct tui *t, int y, int x)
{
	double open = model_gauge_or(t->m, GAUGE_window_roof, 0);

	if (open > 0.01) {
		tui_put(t, y, x + BODY_X + 3, BODY_W - 6, ROLE_LIT_WARN,
			" roof ");
	}
}

/* ---- people and locks ---- */

static void draw_seat(struct tui *t, int y, int x, enum gauge sits,
		      enum gauge belt)
{
	struct gauge_value s, b;

	model_gauge(t->m, sits, &s);
	model_gauge(t->m, belt, &b);
	if (s.state < GAUGE_STALE) {
		tui_put(t, y, x, 1, ROLE_DIM, "·");
	} else if (s.v < 0.5) {
		tui_put(t, y, x, 1, ROLE_DIM, "○");
	} else {
		tui_put(t, y, x, 1,
			b.state >= GAUGE_STALE && b.v > 0.5 ? ROLE_GOOD :
							      ROLE_BAD,
			"●");
	}
}

static void draw_locks(struct tui *t, int y, int x, int w)
{
	static const enum gauge doors[] = { GAUGE_lock_fl, GAUGE_lock_fr,
					    GAUGE_lock_rl, GAUGE_lock_rr };
	struct gauge_value v;
	int n = 0, locked = 0;

	for (size_t i = 0; i < 4; i++) {
		model_gauge(t->m, doors[i], &v);
		if (v.state >= GAUGE_STALE) {
			n++;
			locked += v.v > 0.5;
		}
	}
	if (n == 0) {
		tui_put(t, y, x + (w - 7) / 2, w, ROLE_DIM, "locks --");
	} else if (locked == n) {
		tui_put(t, y, x + (w - 6) / 2, w, ROLE_GOOD, "locked");
	} else if (locked == 0) {
		tui_put(t, y, x + (w - 8) / 2, w, ROLE_TEXT, "unlocked");
	} else {
		tui_put(t, y, x + (w - 13) / 2, w, ROLE_WARN,
			"%d of %d locked", locked, n);
	}
}

/* ---- lamps ---- */

static void draw_front(struct tui *t, int y, int x)
{
	int right = x + BODY_X + BODY_W - 1;
	const char *lamp = "▀▀";
	enum role role;

	if (on(t, GAUGE_headlight) || on(t, GAUGE_high_beam)) {
		role = on(t, GAUGE_high_beam) ? ROLE_INFO : ROLE_WARN;
		tui_put(t, y, x + BODY_X + 1, 2, role, "%s", lamp);
		tui_put(t, y, right - 2, 2, role, "%s", lamp);
	}
	if (on(t, GAUGE_fog_front)) {
		tui_put(t, y, x + BODY_X + 3, 2, ROLE_GOOD, "▄▄");
		tui_put(t, y, right - 4, 2, ROLE_GOOD, "▄▄");
	}
	if (on(t, GAUGE_turn_l)) {
		tui_put(t, y, x + BODY_X - 1, 1, ROLE_AMBER, "◀");
	}
	if (on(t, GAUGE_turn_r)) {
		tui_put(t, y, right + 1, 1, ROLE_AMBER, "▶");
	}
}

static void draw_rear(struct tui *t, int y, int x)
{
	int left = x + BODY_X, right = left + BODY_W - 1;

	if (on(t, GAUGE_brake_light)) {
		tui_put(t, y, left + 1, 2, ROLE_BAD, "▄▄");
		tui_put(t, y, right - 2, 2, ROLE_BAD, "▄▄");
	}
	if (on(t, GAUGE_reverse_light)) {
		tui_put(t, y, left + 3, 1, ROLE_STRONG, "▄");
		tui_put(t, y, right - 3, 1, ROLE_STRONG, "▄");
	}
	if (on(t, GAUGE_fog_rear)) {
		tui_put(t, y, left + 4, 1, ROLE_AMBER, "▄");
	}
	if (on(t, GAUGE_turn_l)) {
		tui_put(t, y, left - 1, 1, ROLE_AMBER, "◀");
	}
	if (on(t, GAUGE_turn_r)) {
		tui_put(t, y, right + 1, 1, ROLE_AMBER, "▶");
	}
	if (on(t, GAUGE_charge_cable)) {
		tui_put(t, y - 3, right + 1, 3,
			on(t, GAUGE_power) ? ROLE_GOOD : ROLE_WARN, "━━━");
	} else if (on(t, GAUGE_charge_flap)) {
		tui_put(t, y - 3, right + 1, 1, ROLE_WARN, "╲");
	}
}

/* ---- wheels ---- */

static void draw_wheel(struct tui *t, int y, int x, int dir, enum gauge g)
{
	struct gauge_value v;
	enum role role;
	int px = dir < 0 ? x - 6 : x + 2;
	const char *missing;
	double kpa;

	model_gauge(t->m, g, &v);
	missing = v.state == GAUGE_NONE ? "n/a" : "--";
	kpa = v.v / 1e3;
	/* a quarter below the usual 230 to 250 kPa is what a TPMS warns of */
	role = v.state != GAUGE_OK ? ROLE_DIM :
	       kpa < 150	   ? ROLE_BAD :
	       kpa < 185	   ? ROLE_WARN :
				     ROLE_TEXT;
	for (int i = 0; i < 2; i++) {
		tui_put(t, y + i, x, 1, role == ROLE_TEXT ? ROLE_DIM : role,
			"█");
	}
	if (v.state < GAUGE_STALE) {
		if (dir < 0) {
			tui_put_right(t, y, px, 5, ROLE_DIM, "%s", missing);
		} else {
			tui_put(t, y, px, 5, ROLE_DIM, "%s", missing);
		}
		return;
	}
	if (dir < 0) {
		tui_put_right(t, y, px, 5, role, "%.0f", kpa);
		tui_put_right(t, y + 1, px, 5, ROLE_DIM, "kPa");
	} else {
		tui_put(t, y, px, 5, role, "%.0f", kpa);
		tui_put(t, y + 1, px, 5, ROLE_DIM, "kPa");
	}
}

void tui_car_draw(struct tui *t, struct rect r)
{
	int x = r.x, y = r.y + 1;
	int left = x + BODY_X, right = left + BODY_W - 1;

	draw_body(t, y, x);
	draw_front(t, y, x);
	draw_rear(t, y + HEIGHT - 2, x);
	draw_lid(t, y + 1, x, GAUGE_door_hood, "   hood   ");
	draw_lid(t, y + 15, x, GAUGE_door_trunk, "  trunk   ");
	draw_wheel(t, y + 1, left - 1, -1, GAUGE_tyre_fl);
	draw_wheel(t, y + 1, right + 1, 1, GAUGE_tyre_fr);
	draw_wheel(t, y + 14, left - 1, -1, GAUGE_tyre_rl);
	draw_wheel(t, y + 14, right + 1, 1, GAUGE_tyre_rr);
	draw_door(t, y + 5, left, -1, GAUGE_door_fl);
	draw_door(t, y + 5, right, 1, GAUGE_door_fr);
	draw_door(t, y + 9, left, -1, GAUGE_door_rl);
	draw_door(t, y + 9, right, 1, GAUGE_door_rr);
	draw_window(t, y + 5, left + 1, GAUGE_window_fl);
	draw_window(t, y + 5, right - 1, GAUGE_window_fr);
	draw_window(t, y + 9, left + 1, GAUGE_window_rl);
	draw_window(t, y + 9, right - 1, GAUGE_window_rr);
	draw_seat(t, y + 6, left + 3, GAUGE_occupied_l, GAUGE_belt_l);
	draw_seat(t, y + 6, right - 3, GAUGE_occupied_r, GAUGE_belt_r);
	draw_seat(t, y + 10, left + 3, GAUGE_occupied_rl, GAUGE_belt_rl);
	draw_seat(t, y + 10, right - 3, GAUGE_occupied_rr, GAUGE_belt_rr);
	draw_roof(t, y + 8, x);
	draw_locks(t, y + HEIGHT - 1, x + BODY_X - 4, BODY_W + 8);
}
