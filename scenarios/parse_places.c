/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes and zones of a scenario.
 */
#include "config.h"

#include "scenarios/scenario_int.h"

#include <math.h>

/* Metres east and north of the start of a place in degrees, on the WGS84
 * ellipsoid's radii of curvature there; good to centimetres over some km. */
static int from_degrees(struct sc_parser *p, const struct av_yaml *node,
			double lat, double lon, double *x, double *y)
{
	const struct vehicle_start *st = &p->s->info.start;
	const double a = 6378137.0, e2 = 6.69437999014e-3;
	const double deg = 0.017453292519943295;
	double s, w;

	if (isnan(st->lat_deg) || isnan(st->lon_deg)) {
		return sc_error(p, node,
				"a place in lat and lon needs start: "
				"{ lat, lon }");
	}
	s = sin(st->lat_deg * deg);
	w = sqrt(1 - e2 * s * s);
	*x = (lon - st->lon_deg) * deg * (a / w) * cos(st->lat_deg * deg);
	*y = (lat - st->lat_deg) * deg * (a * (1 - e2) / (w * w * w));
	return 0;
}

/* { x, y } or { lat, lon }, other keys are the caller's. */
static int place(struct sc_parser *p, const struct av_yaml *map, double *x,
		 double *y)
{
	double lat = NAN, lon = NAN;
	bool degrees = av_yaml_get(map, "lat") || av_yaml_get(map, "lon");
	bool metres = av_yaml_get(map, "x") || av_yaml_get(map, "y");
	int ret = 0;

	if (degrees == metres) {
		return sc_error(p, map, "want either x and y, or lat and lon");
	}
	*x = NAN;
	*y = NAN;
	if (metres) {
		ret |= sc_number(p, map, "x", DIM_LENGTH, -1e6, 1e6, x);
		ret |= sc_number(p, map, "y", DIM_LENGTH, -1e6, 1e6, y);
		if (ret == 0 && (isnan(*x) || isnan(*y))) {
			ret = sc_error(p, map, "want both x and y");
		}
		return ret;
	}
	ret |= sc_number(p, map, "lat", DIM_NONE, -90, 90, &lat);
	ret |= sc_number(p, map, "lon", DIM_NONE, -180, 180, &lon);
	if (ret == 0 && (isnan(lat) || isnan(lon))) {
		ret = sc_error(p, map, "want both lat and lon");
	}
	return ret ? ret : from_degrees(p, map, lat, lon, x, y);
}

/* [x, y] of a list, metres. */
static int place_list(struct sc_parser *p, const struct av_yaml *list,
		      size_t max, double *x, double *y)
{
	int ret = 0;

	if (list->n < 2 || list->n > max) {
		return sc_error(p, list, "want [east, north%s]",
				max > 2 ? ", speed" : "");
	}
	ret |= sc_check(p, av_yaml_num(sc_at(p, list), list->item[0], "east",
				       DIM_LENGTH, -1e6, 1e6, x));
	ret |= sc_check(p, av_yaml_num(sc_at(p, list), list->item[1], "north",
				       DIM_LENGTH, -1e6, 1e6, y));
	return ret;
}

static void parse_point(struct sc_parser *p, const struct av_yaml *node,
			double speed, struct route_point *out)
{
	static const char *const keys[] = { "x",   "y",     "lat",
					    "lon", "speed", NULL };
	struct av_err err;

	*out = (struct route_point){ .speed_mps = speed };
	if (node->kind == YAML_MAP) {
		sc_check(p, av_yaml_check_keys(&p->s->doc, node, keys, p->d));
		place(p, node, &out->x_m, &out->y_m);
		sc_number(p, node, "speed", DIM_SPEED, 0.1, 100,
			  &out->speed_mps);
	} else if (node->kind == YAML_SEQ) {
		if (place_list(p, node, 3, &out->x_m, &out->y_m) == 0 &&
		    node->n == 3) {
			const struct av_yaml *v = node->item[2];
			struct arg_spec spec = { .name = "speed",
						 .type = ARG_NUM,
						 .dim = DIM_SPEED,
						 .min = 0.1,
						 .max = 100 };
			struct action as = { .verb = "route", .arg = { spec } };
			struct args a = { 0 };

			if (v->kind != YAML_SCALAR) {
				sc_error(p, v, "want a speed here");
			} else if (arg_read(&as, &a, 0, true, v->text, &err) <
				   0) {
				sc_error(p, v, "%s", err.msg);
			} else {
				out->speed_mps = a.v[0].num;
			}
		}
	} else {
		sc_error(p, node,
			 "want a way point: [east, north], [east, "
			 "north, speed] or a map");
	}
}

static void parse_route(struct sc_parser *p, const struct av_yaml *node,
			struct sc_route *r)
{
	static const char *const keys[] = { "points", "file", "reverse",
					    "speed", NULL };
	const struct av_yaml *points = node, *v;

	r->speed_mps = NAN;
	r->node = node;
	if (node->kind == YAML_MAP) {
		sc_check(p, av_yaml_check_keys(&p->s->doc, node, keys, p->d));
		sc_number(p, node, "speed", DIM_SPEED, 0.1, 100, &r->speed_mps);
		v = av_yaml_get(node, "reverse");
		if (v) {
			sc_check(p, av_yaml_bool(sc_at(p, node), v, "reverse",
						 &r->reverse));
		}
		points = av_yaml_get(node, "points");
		v = av_yaml_get(node, "file");
		if (!points == !v) {
			sc_error(p, node,
				 "a route has either points or a "
				 "file");
			return;
		}
		if (v && sc_check(p, av_yaml_str(sc_at(p, node), v, "file",
						 &r->file)) == 0) {
			sc_trace(p, r->file);
			return;
		}
	}
	if (!points || points->kind != YAML_SEQ || points->n < 2) {
		sc_error(p, points ? points : node,
			 "a route is a list of at least two way points");
		return;
	}
	r->point = sc_new(p, points->n, sizeof(*r->point));
	for (size_t i = 0; i < points->n && r->point; i++) {
		parse_point(p, points->item[i], r->speed_mps, &r->point[i]);
		r->n++;
	}
}

void sc_parse_routes(struct sc_parser *p, const struct av_yaml *node)
{
	struct scenario *s = p->s;
	size_t n = sc_check_names(p, node, "routes");

	s->route = sc_new(p, n, sizeof(*s->route));
	for (size_t i = 0; i < n && s->route; i++) {
		s->route[i].name = node->key[i]->text;
		parse_route(p, node->item[i], &s->route[i]);
		s->n_routes++;
	}
}

static void parse_zone(struct sc_parser *p, const struct av_yaml *node,
		       struct zone *z)
{
	static const char *const keys[] = { "x",   "y",      "lat",
					    "lon", "radius", NULL };
	double(*point)[2];

	if (node->kind == YAML_MAP) {
		sc_check(p, av_yaml_check_keys(&p->s->doc, node, keys, p->d));
		place(p, node, &z->x_m, &z->y_m);
		z->radius_m = NAN;
		sc_number(p, node, "radius", DIM_LENGTH, 0.01, 1e6,
			  &z->radius_m);
		if (isnan(z->radius_m)) {
			sc_error(p, node, "'radius' is missing");
		}
		return;
	}
	if (node->kind != YAML_SEQ || node->n < 3) {
		sc_error(p, node,
			 "a zone is { x, y, radius } or a list of at "
			 "least three corners [east, north]");
		return;
	}
	point = sc_new(p, node->n, sizeof(*point));
	for (size_t i = 0; i < node->n && point; i++) {
		if (node->item[i]->kind == YAML_SEQ) {
			place_list(p, node->item[i], 2, &point[i][0],
				   &point[i][1]);
		} else {
			sc_error(p, node->item[i],
				 "want a corner: [east, north]");
		}
	}
	z->point = (const double(*)[2])point;
	z->n = node->n;
}

void sc_parse_zones(struct sc_parser *p, const struct av_yaml *node)
{
	struct scenario *s = p->s;
	size_t n = sc_check_names(p, node, "zones");

	s->zone = sc_new(p, n, sizeof(*s->zone));
	for (size_t i = 0; i < n && s->zone; i++) {
		s->zone[i].name = node->key[i]->text;
		parse_zone(p, node->item[i], &s->zone[i]);
		s->n_zones++;
	}
}
