/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Satellite navigation: the sky over the car (the zenith in the middle, the
 * horizon on the rim, north up), the fix, and how strong each signal is.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/date.h"
#include "sim/gnss/text.h"
#include "sim/world.h"
#include "ui/tui.h"

enum { LABEL_W = 11, FACTS_W = 40, FACTS_H = 10, CELL_W = 18 };

#define RAD_PER_DEG 0.017453292519943295

static bool received(const struct gnss_sat *s)
{
	return s->cn0_dbhz > 0;
}

static enum role role_of(const struct gnss_sat *s)
{
	return s->used ? ROLE_GOOD : received(s) ? ROLE_WARN : ROLE_DIM;
}

/* ---- sky ---- */

struct sky {
	int y, x;   /* cell of the zenith */
	double ry, rx; /* cells from there to the horizon */
	struct rect clip;
	/* names already there */
	struct {
		int y, x;
	} name[GNSS_SATS_MAX];
	size_t n_names;
};

static void cell_of(const struct sky *s, double azimuth_deg,
		    double elevation_deg, int *y, int *x)
{
	double r = (90 - elevation_deg) / 90, a = azimuth_deg * RAD_PER_DEG;

	*y = s->y - (int)lround(r * s->ry * cos(a));
	*x = s->x + (int)lround(r * s->rx * sin(a));
}

static void put_at(struct tui *t, const struct sky *s, double azimuth_deg,
		   double elevation_deg, int w, enum role role,
		   const char *text)
{
	int y, x;

	cell_of(s, azimuth_deg, elevation_deg, &y, &x);
	x -= w / 2;
	if (y >= s->clip.y && y < s->clip.y + s->clip.h && x >= s->clip.x &&
	    x + w <= s->clip.x + s->clip.w) {
		tui_put(t, y, x, w, role, "%s", text);
	}
}

static void draw_rings(struct tui *t, const struct sky *s)
{
	static const char *const names[] = { "N", "E", "S", "W" };

	for (int el = 0; el < 90; el += 30) {
		for (int a = 0; a < 360; a += el ? 6 : 3) {
			put_at(t, s, a, el, 1, ROLE_DIM, t->utf8 ? "·" : ".");
		}
	}
	put_at(t, s, 0, 90, 1, ROLE_DIM, "+");
	for (int i = 0; i < 4; i++) {
		put_at(t, s, i * 90, 0, 1, ROLE_TITLE, names[i]);
	}
}

static bool taken(const struct sky *s, int y, int x)
{
	for (size_t i = 0; i < s->n_names; i++) {
		if (s->name[i].y == y && abs(s->name[i].x - x) < 3) {
			return true;
		}
	}
	return false;
}

/* Where it is, or a line above or below where somebody else is. */
static void put_name(struct tui *t, struct sky *s, const struct gnss_sat *a)
{
	static const int moves[] = { 0, -1, 1, -2, 2 };
	char name[8];
	int y, x;

	cell_of(s, a->azimuth_deg, a->elevation_deg, &y, &x);
	x -= 1;
	for (int i = 0; i < 5; i++) {
		int row = y + moves[i];

		if (row < s->clip.y || row >= s->clip.y + s->clip.h ||
		    taken(s, row, x)) {
			continue;
		}
		s->name[s->n_names].y = row;
		s->name[s->n_names++].x = x;
		tui_put(t, row, x, 3, role_of(a), "%s",
			gnss_sat_name(a->system, a->svid, name));
		return;
	}
}

static void draw_sky(struct tui *t, struct rect r)
{
	const struct model_gnss *g = &t->m->gnss;
	struct sky s = { .y = r.y + r.h / 2,
			 .x = r.x + r.w / 2,
			 .ry = (r.h - 1) / 2,
			 .clip = r };

	s.rx = fmin(2.1 * s.ry, (r.w - 4) / 2);
	draw_rings(t, &s);
	/* the ones that matter have first choice */
	for (int pass = 2; pass >= 0; pass--) {
		for (size_t i = 0; i < g->n_sats; i++) {
			const struct gnss_sat *a = &g->sat[i];
			int rank = a->used ? 2 : received(a) ? 1 : 0;

			if (rank == pass && a->elevation_deg >= 0 &&
			    a->azimuth_deg >= 0) {
				put_name(t, &s, a);
			}
		}
	}
}

/* ---- facts ---- */

static void fact(struct tui *t, struct rect r, int row, const char *label,
		 enum role role, const char *text)
{
	if (row < r.h) {
		tui_put(t, r.y + row, r.x, LABEL_W, ROLE_DIM, "%s", label);
		tui_put(t, r.y + row, r.x + LABEL_W, r.w - LABEL_W, role, "%s",
			text);
	}
}

#define FACT(t, r, row, label, role, ...)                                      \
	do {                                                                   \
		char text_[96];                                                \
                                                                               \
		snprintf(text_, sizeof(text_), __VA_ARGS__);                   \
		fact(t, r, row, label, role, text_);                           \
	} while (0)

/* How far the fix is beside the car, if there is one that knows. */
static double off_by(const struct tui *t, const struct gnss_fix *f)
{
	const struct model_gnss *g = &t->m->gnss;
	const double m = 111195;
	double x, y;

	if (!t->env.w->vehicle) {
		return NAN;
	}
	y = (f->lat_deg - g->true_lat) * m;
	x = (f->lon_deg - g->true_lon) * m *
	    cos(f->lat_deg * RAD_PER_DEG);
	return sqrt(x * x + y * y);
}

static const char *dop(double v, char buf[16])
{
	snprintf(buf, 16, isnan(v) ? "--" : "%.1f", v);
	return buf;
}

static void draw_status(struct tui *t, struct rect r)
{
	const struct model_gnss *g = &t->m->gnss;
	vtime now = evq_now(t->env.w->q), age = now - g->t;
	char rate[24] = "", old[16];

	if (age > 3 * VT_S && g->fix.mode >= 2) {
		FACT(t, r, 0, "Fix", ROLE_WARN, "silent for %s",
		     tui_age(age, old));
		return;
	}
	if (g->fix.mode < 2) {
		FACT(t, r, 0, "Fix", ROLE_BAD, "none for %s",
		     tui_age(now - g->since, old));
		return;
	}
	if (g->rate_hz > 0) {
		snprintf(rate, sizeof(rate), ", %.3g Hz", g->rate_hz);
	}
	FACT(t, r, 0, "Fix", ROLE_GOOD, "%s, %s%s",
	     g->fix.mode < 3 ? "2D, no height" : "3D", g->provider, rate);
}

static void draw_place(struct tui *t, struct rect r)
{
	const struct model_gnss *g = &t->m->gnss;
	const struct gnss_fix *f = &g->good;
	/* what was true once is still worth seeing */
	enum role role = g->fix.mode >= 2 ? ROLE_STRONG : ROLE_DIM;
	double off = off_by(t, f);
	char alt[24] = "--";

	if (f->mode < 2) {
		FACT(t, r, 1, "Place", ROLE_DIM, "--");
		return;
	}
	FACT(t, r, 1, g->fix.mode >= 2 ? "Place" : "Last place", role,
	     "%.7f %.7f", f->lat_deg, f->lon_deg);
	if (!isnan(f->alt_m)) {
		snprintf(alt, sizeof(alt), "%.1f m", f->alt_m);
	}
	fact(t, r, 2, "Height", role, alt);
	if (isnan(f->speed_mps)) {
		FACT(t, r, 3, "Speed", ROLE_DIM, "--");
	} else if (isnan(f->bearing_deg)) {
		FACT(t, r, 3, "Speed", role, "%.1f km/h", f->speed_mps * 3.6);
	} else {
		FACT(t, r, 3, "Speed", role, "%.1f km/h towards %.0f%s",
		     f->speed_mps * 3.6, f->bearing_deg, t->utf8 ? "°" : "");
	}
	if (isnan(f->h_acc_m)) {
		FACT(t, r, 4, "Accuracy", ROLE_DIM, "not stated");
	} else {
		FACT(t, r, 4, "Accuracy", role, "%.1f m, height %.1f m",
		     f->h_acc_m, isnan(f->v_acc_m) ? 0 : f->v_acc_m);
	}
	if (!isnan(off) && g->fix.mode >= 2) {
		FACT(t, r, 5, "Off by",
		     off > 3 * f->h_acc_m + 3 ? ROLE_BAD : role,
		     off < 1000 ? "%.1f m from the car" :
				  "%.0f m from the car",
		     off);
	}
}

static void draw_facts(struct tui *t, struct rect r)
{
	const struct model_gnss *g = &t->m->gnss;
	const struct gnss_fix *f = &g->fix;
	size_t used = 0, heard = 0;
	char p[16], h[16], v[16], when[AV_ISO_MAX];

	for (size_t i = 0; i < g->n_sats; i++) {
		used += g->sat[i].used;
		heard += received(&g->sat[i]);
	}
	draw_status(t, r);
	draw_place(t, r);
	FACT(t, r, 6, "DOP", f->hdop > 5 ? ROLE_WARN : ROLE_TEXT,
	     "P %s  H %s  V %s", dop(f->pdop, p), dop(f->hdop, h),
	     dop(f->vdop, v));
	FACT(t, r, 7, "Satellites", used > 3 ? ROLE_TEXT : ROLE_WARN,
	     "%zu used, %zu received of %zu", used, heard, g->n_sats);
	if (f->unix_ms >= 0 && f->unix_ms < 7258118400000) {
		av_iso_format((int64_t)f->unix_ms, when);
		when[10] = ' ';
		FACT(t, r, 8, "UTC", ROLE_TEXT, "%.21s", when);
	}
}

/* ---- strengths ---- */

static void draw_signal(struct tui *t, int y, int x, const struct gnss_sat *s)
{
	char name[8];

	tui_put(t, y, x, 3, role_of(s), "%s",
		gnss_sat_name(s->system, s->svid, name));
	if (received(s)) {
		tui_bar(t, y, x + 4, CELL_W - 9, s->cn0_dbhz / 55, role_of(s));
		tui_put_right(t, y, x + CELL_W - 5, 3, ROLE_TEXT, "%.0f",
			      s->cn0_dbhz);
	} else {
		tui_put_right(t, y, x + CELL_W - 5, 3, ROLE_DIM, "--");
	}
}

/* Columns from top to bottom; those received come first. */
static void draw_signals(struct tui *t, struct rect r)
{
	const struct model_gnss *g = &t->m->gnss;
	size_t cols = (size_t)(r.w / CELL_W), rows = (size_t)r.h, n = 0;
	size_t room = cols * rows;

	if (r.h < 1 || cols < 1) {
		return;
	}
	if (g->n_sats > room) {
		rows--; /* the last line says how many more */
		room = cols * rows;
	}
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < g->n_sats && n < room; i++) {
			if (received(&g->sat[i]) == (pass == 0)) {
				draw_signal(t, r.y + (int)(n % rows),
					    r.x + (int)(n / rows) * CELL_W,
					    &g->sat[i]);
				n++;
			}
		}
	}
	if (n < g->n_sats) {
		tui_put(t, r.y + r.h - 1, r.x, r.w, ROLE_DIM,
			"and %zu more", g->n_sats - n);
	}
}

void tui_gnss_draw(struct tui *t, struct rect r)
{
	struct rect sky = r, side = r, low;

	if (!t->m->gnss.any && t->m->gnss.n_sats == 0) {
		tui_empty(t, r,
			  t->env.w->gnss ? "no fix yet" :
					   "nothing here tells where the car "
					   "is");
		return;
	}
	sky.w = r.w - FACTS_W - 2;
	if (sky.w > r.h * 21 / 10 + 6) {
		sky.w = r.h * 21 / 10 + 6;
	}
	if (sky.w >= 24 && r.h >= 9) {
		draw_sky(t, sky);
		side.x += sky.w + 2;
		side.w -= sky.w + 2;
	}
	draw_facts(t, side);
	if (side.h <= FACTS_H + 2) {
		return;
	}
	side.y += FACTS_H;
	side.h -= FACTS_H;
	low = tui_section(t, side, "C/N0 in dBHz");
	draw_signals(t, low);
}
