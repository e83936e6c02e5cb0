/* SPDX-License-Identifier: Apache-2.0 */
/* Motion sensors: what each shows now, and its course over the last seconds. */
#include "config.h"

#include <curses.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "ui/tui.h"

enum { ROWS = 4, LABEL_W = 11, VALUE_W = 16, BAR_W = 17 };

#define RAD_PER_DEG 0.017453292519943295

/* How people look at each kind: unit, digits, end of the bar. */
static const struct {
	const char *unit;
	double scale; /* shown = value / scale */
	int digits;
	double full; /* as shown */
	double span; /* least height of the course, as shown */
} kinds[IMU_N_KINDS] = {
	[IMU_ACCEL] = { "m/s²", 1, 3, 10, 0.5 },
	[IMU_GYRO] = { "°/s", RAD_PER_DEG, 2, 45, 1 },
	[IMU_MAG] = { "µT", 1, 1, 60, 4 },
};

/* Where an axis of the chip looks in the car: "back". */
static const char *looks(const struct imu *m, size_t sensor, int axis)
{
	static const char *const names[3][2] = { { "left", "right" },
						 { "back", "ahead" },
						 { "down", "up" } };
	double chip[3] = { 0 }, car[3];

	chip[axis] = 1;
	imu_to_car(m, sensor, chip, car);
	for (int i = 0; i < 3; i++) {
		if (fabs(car[i]) > 0.5) {
			return names[i][car[i] > 0];
		}
	}
	return "";
}

/* ---- what the three axes mean together ---- */

static double length(const double v[3])
{
	return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

static void meaning(const struct tui *t, size_t sensor,
		    const struct imu_info *info, char *buf, size_t size)
{
	const struct model_imu *i = &t->m->imu[sensor];
	double car[3], h;

	imu_to_car(t->env.w->imu, sensor, i->last.value, car);
	switch (info->kind) {
	case IMU_ACCEL:
		snprintf(buf, size, "total %.2f m/s²", length(car));
		break;
	case IMU_GYRO:
		snprintf(buf, size, "turning %s %.1f °/s",
			 car[2] < 0 ? "right" : "left",
			 fabs(car[2]) / RAD_PER_DEG);
		break;
	default:
		/* of the nose, from magnetic north, on a level road */
		h = atan2(-car[0], car[1]) / RAD_PER_DEG;
		snprintf(buf, size, "magnetic heading %.0f°, %.1f µT",
			 h < 0 ? h + 360 : h, length(car));
		break;
	}
}

/* ---- drawing ---- */

static const char *const blocks[] = { "▁", "▂", "▃", "▄",
				      "▅", "▆", "▇", "█" };

/* The last @w tenths of a second, the newest on the right. */
static void draw_course(struct tui *t, int y, int x, int w, size_t sensor,
			int axis, const struct imu_info *info)
{
	static const char ascii[] = ".:-=+*%#";
	vtime now = evq_now(t->env.w->q), from;
	double lo = INFINITY, hi = -INFINITY, span, v;

	w = w < MODEL_IMU_CELLS ? w : MODEL_IMU_CELLS;
	from = now - (w - 1) * MODEL_IMU_CELL;
	for (int i = 0; i < w; i++) {
		v = model_imu_course(t->m, sensor, axis,
				     from + i * MODEL_IMU_CELL);
		lo = v < lo ? v : lo;
		hi = v > hi ? v : hi;
	}
	/* noise alone must not look like motion */
	span = kinds[info->kind].span * kinds[info->kind].scale;
	if (hi - lo < span) {
		lo = (lo + hi - span) / 2;
		hi = lo + span;
	}
	for (int i = 0; i < w; i++) {
		int k;

		if (from + i * MODEL_IMU_CELL < 0) {
			continue;
		}
		v = model_imu_course(t->m, sensor, axis,
				     from + i * MODEL_IMU_CELL);
		if (isnan(v)) {
			tui_put(t, y, x + i, 1, ROLE_DIM, " ");
			continue;
		}
		k = (int)floor((v - lo) / (hi - lo) * 8);
		k = k < 0 ? 0 : k > 7 ? 7 : k;
		if (t->utf8) {
			tui_put(t, y, x + i, 1, ROLE_INFO, "%s", blocks[k]);
		} else {
			tui_put(t, y, x + i, 1, ROLE_INFO, "%c", ascii[k]);
		}
	}
}

static void draw_axis(struct tui *t, int y, struct rect r, size_t sensor,
		      int axis, const struct imu_info *info, bool stale)
{
	const struct imu_sample *s = &t->m->imu[sensor].last;
	double v = s->value[axis] / kinds[info->kind].scale;
	bool full = abs(s->raw[axis]) >= info->raw_max;
	int x = r.x + 2, rest;

	tui_put(t, y, x, LABEL_W, ROLE_DIM, "%c %s", "xyz"[axis],
		looks(t->env.w->imu, sensor, axis));
	x += 8;
	tui_put_right(t, y, x, VALUE_W - 5, stale ? ROLE_DIM :
					    full  ? ROLE_BAD :
						    ROLE_STRONG,
		      "%.*f", kinds[info->kind].digits, v);
	tui_put(t, y, x + VALUE_W - 4, 5, ROLE_DIM, "%s",
		kinds[info->kind].unit);
	x += VALUE_W + 1;
	tui_bar_mid(t, y, x, BAR_W, v / kinds[info->kind].full,
		    full ? ROLE_BAD : ROLE_INFO, full ? ROLE_BAD : ROLE_INFO);
	x += BAR_W + 2;
	rest = r.x + r.w - x - 1;
	draw_course(t, y, x, rest, sensor, axis, info);
}

static void draw_sensor(struct tui *t, struct rect r, size_t sensor,
			bool selected)
{
	struct imu *m = t->env.w->imu;
	const struct model_imu *i = &t->m->imu[sensor];
	vtime age = evq_now(t->env.w->q) - i->last.t;
	double asked = imu_rate(m, sensor);
	struct imu_info info;
	char text[120], age_text[16];
	bool stale;
	int used;

	imu_info(m, sensor, &info);
	if (selected) {
		tui_fill(t, (struct rect){ r.y, r.x, 1, r.w }, ROLE_SELECT);
	}
	used = tui_put(t, r.y, r.x + 1, 28, selected ? ROLE_SELECT : ROLE_TITLE,
		       "%s", info.name);
	used += tui_put(t, r.y, r.x + 2 + used, 40,
			selected ? ROLE_SELECT : ROLE_DIM, "%s%s",
			info.uncalibrated ? "uncalibrated " : "",
			imu_kind_names[info.kind]);
	if (asked > 0) {
		used += tui_put(t, r.y, r.x + 3 + used, 12,
				selected ? ROLE_SELECT : ROLE_GOOD, "%g Hz",
				asked);
		if (fabs(i->rate_hz / asked - 1) > 0.01 && i->rate_hz > 0) {
			used += tui_put(t, r.y, r.x + 4 + used, 16,
					selected ? ROLE_SELECT : ROLE_WARN,
					"gives %.4g Hz", i->rate_hz);
		}
	} else if (i->last.n > 0) {
		used += tui_put(t, r.y, r.x + 3 + used, 24,
				selected ? ROLE_SELECT : ROLE_DIM,
				"%.4g Hz, nobody asks",
				i->rate_hz > 0 ? i->rate_hz : IMU_RECORD_HZ);
	}
	/* three periods without a sample: silent */
	stale = i->last.n == 0 || vtime_to_s(age) > 3.1 / (asked > 0 ? asked :
							   IMU_RECORD_HZ);
	if (i->last.n == 0) {
		tui_put_right(t, r.y, r.x + used + 4, r.w - used - 5,
			      selected ? ROLE_SELECT : ROLE_DIM, "%s",
			      asked > 0 ? "--" : "nobody asks");
		return;
	}
	meaning(t, sensor, &info, text, sizeof(text));
	if (stale) {
		snprintf(text, sizeof(text), "silent for %s",
			 tui_age(age, age_text));
	}
	tui_put_right(t, r.y, r.x + used + 4, r.w - used - 5,
		      selected ? ROLE_SELECT :
		      stale    ? ROLE_WARN :
				 ROLE_TEXT,
		      "%s", text);
	for (int a = 0; a < 3 && a + 1 < r.h; a++) {
		draw_axis(t, r.y + 1 + a, r, sensor, a, &info, stale);
	}
}

/* Lines that a sensor takes: one alone where it never showed anything. */
static int height(const struct tui *t, size_t sensor)
{
	return t->m->imu[sensor].last.n == 0 ? 1 : ROWS;
}

void tui_imu_draw(struct tui *t, struct rect r)
{
	struct tui_list *l = &t->imu;
	int y = r.y, need = 0;

	l->n = t->m->n_imu;
	l->page = 3;
	if (l->n == 0) {
		tui_empty(t, r, "no motion sensors in this world");
		return;
	}
	l->sel = l->sel < l->n ? l->sel : l->n - 1;
	/* scroll until the selected one is in sight as a whole */
	l->top = l->top < l->sel ? l->top : l->sel;
	for (size_t i = l->top; i <= l->sel; i++) {
		need += height(t, i);
	}
	while (need > r.h && l->top < l->sel) {
		need -= height(t, l->top++);
	}
	for (size_t i = l->top; i < l->n && y < r.y + r.h; i++) {
		draw_sensor(t, (struct rect){ y, r.x, r.y + r.h - y, r.w }, i,
			    i == l->sel);
		y += height(t, i);
	}
}

/* ---- keys ---- */

static const char *set_rate(struct tui *t, const char *text)
{
	return tui_try(t, text);
}

bool tui_imu_key(struct tui *t, int ch)
{
	struct imu_info info;
	char text[160], hint[128];
	size_t used = 0;

	t->imu.n = t->m->n_imu;
	if (ch != '\r' && ch != '\n' && ch != KEY_ENTER) {
		return tui_list_key(&t->imu, ch);
	}
	if (t->imu.n == 0) {
		return true;
	}
	imu_info(t->env.w->imu, t->imu.sel, &info);
	snprintf(text, sizeof(text), "sensor-rate sensor=%s rate='100 Hz'",
		 info.name);
	hint[0] = '\0';
	for (size_t i = 0; i < info.n_rates && used < sizeof(hint); i++) {
		used += (size_t)snprintf(hint + used, sizeof(hint) - used,
					 "%s%g", i ? ", " : "",
					 info.rate_hz[i]);
	}
	if (used < sizeof(hint)) {
		snprintf(hint + used, sizeof(hint) - used,
			 " Hz; 0: nobody asks");
	}
	tui_prompt(t, "Rate of a motion sensor", hint, text, set_rate);
	return true;
}
