/* SPDX-License-Identifier: Apache-2.0 */
/* The path driven, north up, in braille dots: two by four to a character. */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "ui/tui.h"

#define M_PER_DOT_MIN 0.02
#define M_PER_DOT_AUTO 0.1 /* a car is 45 dots long then */
#define RAD_PER_DEG 0.017453292519943295

struct canvas {
	struct rect r;
	double cx_m, cy_m; /* in the middle */
	double scale;	   /* metres per dot */
	uint8_t *path, *plan; /* dots of each cell: driven, and planned */
};

/* Zoom goes in steps so that the picture stands still most of the time. */
#define ZOOM_STEP 1.4142135623730951

struct box {
	double x0, x1, y0, y1;
};

static void widen(struct box *b, double x, double y)
{
	b->x0 = x < b->x0 ? x : b->x0;
	b->x1 = x > b->x1 ? x : b->x1;
	b->y0 = y < b->y0 ? y : b->y0;
	b->y1 = y > b->y1 ? y : b->y1;
}

/* Way points of the @i-th route, or NULL. They count from the start point, as
 * the path does if there is a vehicle. */
static const struct route_point *route(const struct tui *t, size_t i,
				       size_t *n)
{
	const struct world *w = t->env.w;

	return w->scenario && w->vehicle ?
		       scenario_way_points(w->scenario, i, n) :
		       NULL;
}

static struct box extent(const struct tui *t)
{
	const struct model_track *tr = &t->m->track;
	struct box b = { tr->x_m, tr->x_m, tr->y_m, tr->y_m };
	const struct route_point *p;
	size_t n;

	for (size_t i = 0; i < tr->n; i++) {
		widen(&b, (double)tr->p[i].x_m, (double)tr->p[i].y_m);
	}
	for (size_t i = 0; (p = route(t, i, &n)); i++) {
		for (size_t k = 0; k < n; k++) {
			widen(&b, p[k].x_m, p[k].y_m);
		}
	}
	return b;
}

static void choose_view(struct tui *t, struct canvas *c)
{
	const struct model_track *tr = &t->m->track;
	struct box b = extent(t);
	double w = c->r.w * 2, h = c->r.h * 4;

	if (t->map.m_per_dot <= 0) {
		t->map.m_per_dot = M_PER_DOT_AUTO;
	}
	if (!t->map.fixed) {
		double need = fmax((b.x1 - b.x0) / (w * 0.85),
				   (b.y1 - b.y0) / (h * 0.75));

		while (t->map.m_per_dot < need) {
			t->map.m_per_dot *= ZOOM_STEP;
		}
		/* in again only if there is some room to spare */
		while (t->map.m_per_dot > M_PER_DOT_AUTO * ZOOM_STEP &&
		       t->map.m_per_dot > need * ZOOM_STEP * 1.1) {
			t->map.m_per_dot /= ZOOM_STEP;
		}
	}
	c->scale = t->map.m_per_dot;
	c->cx_m = (b.x0 + b.x1) / 2;
	c->cy_m = (b.y0 + b.y1) / 2;
	if (t->map.fixed) { /* then the car stays in the middle */
		c->cx_m = tr->x_m;
		c->cy_m = tr->y_m;
	}
}

static bool open_canvas(struct tui *t, struct canvas *c)
{
	size_t cells = (size_t)c->r.w * (size_t)c->r.h, need = 2 * cells;

	if (need > t->map.room) {
		uint8_t *p = realloc(t->map.dots, need);

		if (!p) {
			return false;
		}
		t->map.dots = p;
		t->map.room = need;
	}
	c->path = t->map.dots;
	c->plan = c->path + cells;
	memset(c->path, 0, need);
	return true;
}

static void dot(const struct canvas *c, uint8_t *dots, int x, int y)
{
	/* bit of the dot in column x % 2, row y % 4 of U+2800 */
	static const uint8_t bits[4][2] = {
		{ 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
	};

	if (x >= 0 && y >= 0 && x < c->r.w * 2 && y < c->r.h * 4) {
		dots[y / 4 * c->r.w + x / 2] |= bits[y % 4][x % 2];
	}
}

static double dot_x(const struct canvas *c, double x_m)
{
	return (x_m - c->cx_m) / c->scale + c->r.w;
}

static double dot_y(const struct canvas *c, double y_m)
{
	return (c->cy_m - y_m) / c->scale + c->r.h * 2;
}

/* A straight line between two places, in metres. */
static void line(const struct canvas *c, uint8_t *dots, double x0_m,
		 double y0_m, double x1_m, double y1_m)
{
	double x = dot_x(c, x0_m), y = dot_y(c, y0_m);
	double dx = dot_x(c, x1_m) - x, dy = dot_y(c, y1_m) - y;
	double len = fmax(fabs(dx), fabs(dy));
	int n = len > 4000 ? 4000 : (int)ceil(len);

	for (int i = 0; i <= n; i++) {
		double k = n ? (double)i / n : 0;

		dot(c, dots, (int)lround(x + dx * k), (int)lround(y + dy * k));
	}
}

static void plot_path(const struct tui *t, const struct canvas *c)
{
	const struct model_track *tr = &t->m->track;

	for (size_t i = 0; i < tr->n; i++) {
		bool last = i + 1 == tr->n;

		line(c, c->path, (double)tr->p[i].x_m, (double)tr->p[i].y_m,
		     last ? tr->x_m : (double)tr->p[i + 1].x_m,
		     last ? tr->y_m : (double)tr->p[i + 1].y_m);
	}
}

static void plot_routes(const struct tui *t, const struct canvas *c)
{
	const struct route_point *p;
	size_t n;

	for (size_t i = 0; (p = route(t, i, &n)); i++) {
		for (size_t k = 0; k + 1 < n; k++) {
			line(c, c->plan, p[k].x_m, p[k].y_m, p[k + 1].x_m,
			     p[k + 1].y_m);
		}
	}
}

static void draw_dots(struct tui *t, const struct canvas *c)
{
	for (int y = 0; y < c->r.h; y++) {
		for (int x = 0; x < c->r.w; x++) {
			int at = y * c->r.w + x;
			/* never mixed: the driven path hides the plan */
			bool driven = c->path[at] != 0;
			unsigned int b = driven ? c->path[at] : c->plan[at];

			if (b && !driven && !t->utf8) {
				tui_put(t, c->r.y + y, c->r.x + x, 1, ROLE_DIM,
					".");
			} else if (b) {
				/* U+2800 + b in UTF-8 */
				tui_put(t, c->r.y + y, c->r.x + x, 1,
					driven ? ROLE_INFO : ROLE_DIM,
					"\xe2%c%c", (int)(0xa0 + (b >> 6)),
					(int)(0x80 + (b & 0x3f)));
			}
		}
	}
}

static void draw_mark(struct tui *t, const struct canvas *c, double x_m,
		      double y_m, enum role role, const char *sign)
{
	/* the cell that holds the dot that line() would set */
	double x = floor(round(dot_x(c, x_m)) / 2);
	double y = floor(round(dot_y(c, y_m)) / 4);

	if (x >= 0 && y >= 0 && x < c->r.w && y < c->r.h) {
		tui_put(t, c->r.y + (int)y, c->r.x + (int)x, 1, role, "%s",
			sign);
	}
}

static const char *arrow(double heading_rad)
{
	static const char *const arrows[] = { "↑", "↗", "→", "↘",
					      "↓", "↙", "←", "↖" };

	if (isnan(heading_rad)) {
		return "●";
	}
	return arrows[(int)lround(heading_rad / (M_PI / 4)) & 7];
}

/* A bar of 1, 2 or 5 times a power of ten metres, a quarter of the width. */
static void draw_scale(struct tui *t, const struct canvas *c)
{
	double want = c->r.w / 4.0 * 2 * c->scale;
	double m = pow(10, floor(log10(want)));
	int y = c->r.y + c->r.h - 1, w;

	m = want >= 5 * m ? 5 * m : want >= 2 * m ? 2 * m : m;
	w = (int)lround(m / c->scale / 2);
	tui_put(t, y, c->r.x + 1, 1, ROLE_DIM, "├");
	for (int i = 1; i < w; i++) {
		tui_put(t, y, c->r.x + 1 + i, 1, ROLE_DIM, "─");
	}
	tui_put(t, y, c->r.x + 1 + w, 1, ROLE_DIM, "┤");
	tui_put(t, y, c->r.x + 3 + w, 10, ROLE_DIM,
		m >= 1000 ? "%g km" : "%g m", m >= 1000 ? m / 1000 : m);
}

static void draw_facts(struct tui *t, struct rect r, double heading)
{
	const struct model_track *tr = &t->m->track;
	struct gauge_value lat, lon;

	model_gauge(t->m, GAUGE_lat, &lat);
	model_gauge(t->m, GAUGE_lon, &lon);
	tui_put(t, r.y, r.x + 1, 3, ROLE_DIM, "N ↑");
	if (lat.state >= GAUGE_STALE && lon.state >= GAUGE_STALE) {
		tui_put_right(t, r.y, r.x + 5, r.w - 6,
			      lat.state == GAUGE_OK ? ROLE_TEXT : ROLE_DIM,
			      "%.6f %.6f", lat.v, lon.v);
	} else if (tr->from == TRACK_RECKONED) {
		tui_put_right(t, r.y, r.x + 5, r.w - 6, ROLE_WARN,
			      "estimated from speed and yaw rate");
	}
	tui_put_right(t, r.y + r.h - 1, r.x + r.w / 2, r.w / 2 - 1, ROLE_TEXT,
		      tr->length_m < 1000 ? "%.0f m driven" : "%.2f km driven",
		      tr->length_m < 1000 ? tr->length_m : tr->length_m / 1e3);
	if (!isnan(heading)) {
		tui_put_right(t, r.y + 1, r.x + 5, r.w - 6, ROLE_DIM, "%.0f°",
			      fmod(heading / RAD_PER_DEG + 360, 360));
	}
}

void tui_map_draw(struct tui *t, struct rect r)
{
	const struct model_track *tr = &t->m->track;
	struct canvas c = { .r = r };
	double heading = model_gauge_or(t->m, GAUGE_heading, tr->heading_rad);

	if (tr->n == 0) {
		tui_empty(t, r,
			  t->m->w->vehicle || t->m->sig_lat >= 0 ?
				  "no position yet" :
				  "nothing here tells where the car is");
		return;
	}
	if (!open_canvas(t, &c)) {
		return;
	}
	choose_view(t, &c);
	plot_routes(t, &c);
	plot_path(t, &c);
	draw_dots(t, &c);
	draw_mark(t, &c, (double)tr->p[0].x_m, (double)tr->p[0].y_m,
		  ROLE_GOOD, "○");
	draw_mark(t, &c, tr->x_m, tr->y_m, ROLE_LIT_WARN, arrow(heading));
	draw_scale(t, &c);
	draw_facts(t, r, heading);
}

bool tui_map_key(struct tui *t, int ch)
{
	double *scale = &t->map.m_per_dot;

	if (*scale <= 0) {
		return false; /* not drawn yet */
	}
	switch (ch) {
	case 'z':
		*scale = fmax(*scale / ZOOM_STEP, M_PER_DOT_MIN);
		t->map.fixed = true;
		return true;
	case 'Z':
		*scale = fmin(*scale * ZOOM_STEP, 1e5);
		t->map.fixed = true;
		return true;
	case 'a':
		t->map.fixed = false;
		return true;
	default:
		return false;
	}
}
