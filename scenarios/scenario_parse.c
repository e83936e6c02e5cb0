/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML of a scenario: everything but timeline and expectations
 * (parse_timeline.c). A message never stops the parser: all errors of a file
 * come at once.
 */
#include "config.h"

#include "scenarios/scenario_int.h"
#include "sim/core/date.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names are looked up one by one, so their number is bounded. */
#define NAMES_MAX 256
#define PARAM_TEXT_MAX 200

const char *const sc_top_keys[] = { "name",    "summary",  "duration", "seed",
				    "vehicle", "params",   "start",    "routes",
				    "zones",   "can",	   "imu",      "gnss",
				    "timeline", "faults",  "expect",   NULL };

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n < 64 && !s[n] && s[0] != '-' &&
	       !(s[0] >= '0' && s[0] <= '9');
}

/* A map of names, at most NAMES_MAX; complains about what is none. */
static size_t check_names(struct sc_parser *p, const struct av_yaml *map,
			  const char *what)
{
	if (map->kind != YAML_MAP) {
		sc_error(p, map, "want names and their %s here", what);
		return 0;
	}
	if (map->n > NAMES_MAX) {
		sc_error(p, map, "more than %d %s", NAMES_MAX, what);
		return 0;
	}
	for (size_t i = 0; i < map->n; i++) {
		if (!is_name(map->key[i]->text)) {
			sc_error(p, map->key[i],
				 "'%.64s' is no name: letters, digits, - and "
				 "_, not a digit first",
				 map->key[i]->text);
		}
	}
	return map->n;
}

/* ---- parameters ---- */

static bool has_unit(const char *s, const char **unit)
{
	char *end;

	strtod(s, &end);
	*unit = end + strspn(end, " ");
	return end != s && **unit && av_unit_find(*unit);
}

static bool is_bool(const char *s)
{
	return !strcmp(s, "true") || !strcmp(s, "false");
}

/*
 * A value from outside must be of the kind of the default, or it would turn up
 * as an odd error elsewhere: a number for a number, a speed for a speed, with
 * the unit of the default where it has none.
 */
static const char *set_value(struct sc_parser *p, const char *name,
			     const char *value, const char *def)
{
	const char *unit, *file = p->s->doc.name;
	struct av_err err;
	char *end;
	double v;

	if (strlen(value) > PARAM_TEXT_MAX) {
		p->bad = true;
		av_diag_add(p->d, file, 0, 0, "--set %s: the value is too long",
			    name);
		return def;
	}
	if (has_unit(def, &unit)) {
		const struct av_unit *u = av_unit_find(unit);
		char *text;

		if (av_quantity_parse(value, u->dim, &v, &err) < 0) {
			p->bad = true;
			av_diag_add(p->d, file, 0, 0,
				    "--set %s: %s; the default is %s", name,
				    err.msg, def);
			return def;
		}
		strtod(value, &end);
		if (end[strspn(end, " ")]) {
			return value;
		}
		text = sc_new(p, strlen(value) + strlen(unit) + 2, 1);
		if (text) {
			sprintf(text, "%s %s", value, unit);
		}
		return text ? text : def;
	}
	strtod(def, &end);
	if (end != def && !*end) {
		if (av_quantity_parse(value, DIM_NONE, &v, &err) < 0) {
			p->bad = true;
			av_diag_add(p->d, file, 0, 0,
				    "--set %s: %s; the default is %s", name,
				    err.msg, def);
			return def;
		}
	} else if (is_bool(def) && !is_bool(value)) {
		p->bad = true;
		av_diag_add(p->d, file, 0, 0,
			    "--set %s: want true or false, not '%.32s'", name,
			    value);
		return def;
	}
	return value;
}

static const char *param_at(const void *params, size_t i)
{
	return ((const struct scenario_param *)params)[i].name;
}

static void check_set(struct sc_parser *p, const struct scenario_param *set,
		      size_t n_set)
{
	const struct scenario *s = p->s;
	char hint[96];

	for (size_t i = 0; i < n_set; i++) {
		size_t k = 0;

		while (k < s->n_params &&
		       strcmp(s->param[k].name, set[i].name) != 0) {
			k++;
		}
		if (k == s->n_params) {
			p->bad = true;
			av_diag_add(p->d, s->doc.name, 0, 0,
				    "--set %.64s: the scenario has no such "
				    "parameter%s",
				    set[i].name,
				    av_suggest_text(
					    hint,
					    av_suggest(set[i].name, s->n_params,
						       param_at, s->param)));
		}
	}
}

void sc_parse_params(struct sc_parser *p, const struct av_yaml *node,
		     const struct scenario_param *set, size_t n_set)
{
	static const char *const keys[] = { "default", "help", NULL };
	struct scenario *s = p->s;
	size_t n = node ? check_names(p, node, "parameters") : 0;

	s->param = sc_new(p, n, sizeof(*s->param));
	for (size_t i = 0; i < n && s->param; i++) {
		const struct av_yaml *v = node->item[i], *map = v;
		const char *value = "";

		if (v->kind == YAML_MAP) {
			sc_check(p, av_yaml_check_keys(&s->doc, v, keys, p->d));
			v = av_yaml_get(v, "default");
		}
		sc_check(p, av_yaml_str(sc_at(p, map), v, "default", &value));
		if (strlen(value) > PARAM_TEXT_MAX || strchr(value, '$')) {
			sc_error(p, v,
				 "a parameter is a plain value of at "
				 "most %d characters",
				 PARAM_TEXT_MAX);
			value = "";
		}
		for (size_t k = 0; k < n_set; k++) {
			if (!strcmp(set[k].name, node->key[i]->text)) {
				value = set_value(p, set[k].name, set[k].value,
						  value);
			}
		}
		s->param[s->n_params++] =
			(struct scenario_param){ .name = node->key[i]->text,
						 .value = value };
	}
	check_set(p, set, n_set);
}

/* ---- ${name} in scalars ---- */

struct expansion {
	struct sc_parser *p;
	size_t budget; /* bytes: the tree stays in proportion to the file */
	char *buf;
	size_t room;
};

/* Conditions resolve parameters themselves: there a value is one operand,
 * whatever it holds. */
static bool is_condition_key(const char *key)
{
	return !strcmp(key, "when") || !strcmp(key, "that") ||
	       !strcmp(key, "always") || !strcmp(key, "never");
}

/* "$name" or "${name}" at @s; length in @len. NULL after a message. */
static const char *param_value(struct expansion *x, const struct av_yaml *node,
			       const char *s, size_t *len)
{
	const struct scenario *sc = x->p->s;
	bool brace = s[1] == '{';
	const char *from = s + 1 + brace;
	size_t n = strspn(from, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	char word[64], hint[96];

	*len = (size_t)(from - s) + n + brace;
	if (n == 0 || n >= sizeof(word) || (brace && from[n] != '}')) {
		sc_error(x->p, node,
			 "'$' wants a parameter: ${name}; write $$ for a "
			 "dollar");
		return NULL;
	}
	memcpy(word, from, n);
	word[n] = '\0';
	for (size_t i = 0; i < sc->n_params; i++) {
		if (!strcmp(sc->param[i].name, word)) {
			return sc->param[i].value;
		}
	}
	sc_error(x->p, node, "no parameter '%s' under params:%s", word,
		 av_suggest_text(hint, av_suggest(word, sc->n_params, param_at,
						  sc->param)));
	return NULL;
}

static void expand(struct expansion *x, struct av_yaml *node)
{
	const char *s = node->text;
	size_t n = 0;
	char *text;

	while (*s) {
		const char *add = s;
		size_t len = 1, skip = 1;

		if (s[0] == '$' && s[1] == '$') {
			skip = 2;
		} else if (s[0] == '$') {
			add = param_value(x, node, s, &skip);
			if (!add) {
				return;
			}
			len = strlen(add);
		}
		if (len > x->budget || n + len > ARG_TEXT_MAX) {
			sc_error(x->p, node,
				 "parameters expand to too much text");
			return;
		}
		memcpy(x->buf + n, add, len);
		x->budget -= len;
		n += len;
		s += skip;
	}
	text = sc_strndup(&x->p->s->mem, x->buf, n);
	if (!text) {
		x->p->no_memory = true;
		return;
	}
	node->text = text;
	node->len = n;
}

static void substitute(struct expansion *x, const struct av_yaml *node)
{
	if (node->kind == YAML_SCALAR) {
		if (strchr(node->text, '$')) {
			/* the tree is the scenario's own */
			expand(x, (struct av_yaml *)(uintptr_t)node);
		}
		return;
	}
	for (size_t i = 0; i < node->n; i++) {
		if (!node->key || !is_condition_key(node->key[i]->text) ||
		    node->item[i]->kind != YAML_SCALAR) {
			substitute(x, node->item[i]); /* depth is bounded */
		}
	}
}

void sc_substitute(struct sc_parser *p, const struct av_yaml *root)
{
	struct expansion x = { .p = p, .budget = p->s->src_len * 4 + 65536 };

	x.buf = malloc(ARG_TEXT_MAX + 1);
	if (!x.buf) {
		p->no_memory = true;
		return;
	}
	for (size_t i = 0; i < root->n; i++) {
		if (strcmp(root->key[i]->text, "params") != 0) {
			substitute(&x, root->item[i]);
		}
	}
	free(x.buf);
}

/* ---- start ---- */

static int number(struct sc_parser *p, const struct av_yaml *map,
		  const char *key, enum av_dim dim, double lo, double hi,
		  double *out)
{
	const struct av_yaml *v = av_yaml_get(map, key);
	char *end;

	if (!v) {
		return 0;
	}
	/* first of all, or 90 for a heading would be called out of range */
	if (v->kind == YAML_SCALAR && arg_needs_unit(dim)) {
		double bare = strtod(v->text, &end);

		if (end != v->text && bare != 0 && !end[strspn(end, " ")]) {
			return sc_error(p, v,
					"'%s' needs a unit, like '%.32s %s'",
					key, v->text, arg_unit_example(dim));
		}
	}
	return sc_check(p,
			av_yaml_num(sc_at(p, map), v, key, dim, lo, hi, out));
}

static void choice(struct sc_parser *p, const struct av_yaml *map,
		   const char *key, const char *const *names, int first,
		   double *out)
{
	const struct av_yaml *v = av_yaml_get(map, key);
	int idx;

	if (v && sc_check(p, av_yaml_enum(sc_at(p, map), v, key, names,
					  &idx)) == 0) {
		*out = idx + first;
	}
}

/* "2026-06-01T12:00:00Z"; the time may be left out. */
static void date(struct sc_parser *p, const struct av_yaml *map)
{
	const struct av_yaml *v = av_yaml_get(map, "date");
	int y, mo, d, h = 0, mi = 0, sec = 0, n = 0, m = 0;
	const char *text;

	if (!v ||
	    sc_check(p, av_yaml_str(sc_at(p, map), v, "date", &text)) < 0) {
		return;
	}
	if (strspn(text, "0123456789-T:Z") != strlen(text) ||
	    sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &n) != 3 || n != 10 ||
	    (text[n] &&
	     (sscanf(text + n, "T%2d:%2d:%2dZ%n", &h, &mi, &sec, &m) != 3 ||
	      m != 10 || text[n + m])) ||
	    !av_civil_ok(y, mo, d) || h > 23 || mi > 59 || sec > 59) {
		sc_error(p, v,
			 "'date' must be like 2026-06-01T12:00:00Z "
			 "(UTC), from 1970 to 2199");
		return;
	}
	p->s->info.epoch_ns =
		(((av_days_from_civil(y, mo, d) * 24 + h) * 60 + mi) * 60 + sec) *
		VT_S;
}

static void parse_start(struct sc_parser *p, const struct av_yaml *map)
{
	static const char *const keys[] = {
		"lat",      "lon",          "alt",        "heading",
		"speed",    "gear",         "soc",        "ignition",
		"odometer", "outside_temp", "cabin_temp", "battery_temp",
		"sun",      "rain",         "friction",   "date",
		NULL
	};
	static const char *const gears[] = { "P", "R", "N", "D", NULL };
	static const char *const ignitions[] = { "lock", "off",   "acc",
						 "on",   "start", NULL };
	struct vehicle_start *st = &p->s->info.start;

	if (sc_check(p, av_yaml_check_keys(&p->s->doc, map, keys, p->d)) < 0 &&
	    map->kind != YAML_MAP) {
		return;
	}
	number(p, map, "lat", DIM_NONE, -90, 90, &st->lat_deg);
	number(p, map, "lon", DIM_NONE, -180, 180, &st->lon_deg);
	number(p, map, "alt", DIM_LENGTH, -500, 9000, &st->alt_m);
	number(p, map, "heading", DIM_ANGLE, -7, 7, &st->heading_rad);
	number(p, map, "speed", DIM_SPEED, 0, 100, &st->speed_mps);
	number(p, map, "soc", DIM_RATIO, 0, 1, &st->soc);
	number(p, map, "odometer", DIM_LENGTH, 0, 1e9, &st->odometer_m);
	number(p, map, "outside_temp", DIM_TEMPERATURE, -60, 60,
	       &st->outside_temp_c);
	number(p, map, "cabin_temp", DIM_TEMPERATURE, -60, 90,
	       &st->cabin_temp_c);
	number(p, map, "battery_temp", DIM_TEMPERATURE, -60, 90,
	       &st->battery_temp_c);
	number(p, map, "sun", DIM_RATIO, 0, 1, &st->sun);
	number(p, map, "rain", DIM_RATIO, 0, 1, &st->rain);
	number(p, map, "friction", DIM_NONE, 0.05, 1.5, &st->friction);
	choice(p, map, "gear", gears, 0, &st->gear);
	choice(p, map, "ignition", ignitions, 1, &st->ignition);
	date(p, map);
}

/* ---- gnss ---- */

static void parse_gnss(struct sc_parser *p, const struct av_yaml *map)
{
	static const char *const keys[] = { "trace", "rate", "raw", NULL };
	struct scenario_gnss *g = &p->s->info.gnss;
	const struct av_yaml *v;
	bool raw = true;

	if (sc_check(p, av_yaml_check_keys(&p->s->doc, map, keys, p->d)) < 0 &&
	    map->kind != YAML_MAP) {
		return;
	}
	v = av_yaml_get(map, "trace");
	if (v && sc_check(p, av_yaml_str(sc_at(p, map), v, "trace",
					 &g->trace)) == 0) {
		sc_trace(p, g->trace);
	}
	number(p, map, "rate", DIM_FREQUENCY, 1, 20, &g->rate_hz);
	v = av_yaml_get(map, "raw");
	if (v) {
		sc_check(p, av_yaml_bool(sc_at(p, map), v, "raw", &raw));
		g->no_raw = !raw;
	}
}

/* ---- can ---- */

static void parse_databases(struct sc_parser *p, const struct av_yaml *map)
{
	struct scenario_can *c = &p->s->info.can;

	if (map->kind != YAML_MAP || map->n == 0 ||
	    map->n > SCENARIO_BUSES_MAX) {
		sc_error(p, map,
			 "want 1 to %d buses and their databases here, like "
			 "{ can0: car.dbc }",
			 SCENARIO_BUSES_MAX);
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		c->bus[i] = map->key[i]->text;
		sc_check(p, av_yaml_str(sc_at(p, map), map->item[i],
					c->bus[i], &c->dbc[i]));
	}
	c->n = map->n;
}

/* A log knows where the car was and when: nothing of start: is left to say. */
static void parse_can(struct sc_parser *p, const struct av_yaml *map,
		      const struct av_yaml *start)
{
	static const char *const keys[] = { "trace", "dbc", NULL };
	struct scenario_can *c = &p->s->info.can;
	struct av_yaml_at at = sc_at(p, map);
	const struct av_yaml *v;

	if (sc_check(p, av_yaml_check_keys(&p->s->doc, map, keys, p->d)) < 0 &&
	    map->kind != YAML_MAP) {
		return;
	}
	if (sc_check(p, av_yaml_str(at, av_yaml_get(map, "trace"), "trace",
				    &c->trace)) == 0) {
		sc_trace(p, c->trace);
	}
	v = av_yaml_get(map, "dbc");
	if (v) {
		parse_databases(p, v);
	} else {
		sc_error(p, map, "'dbc' is missing");
	}
	if (start) {
		sc_error(p, start,
			 "'start' does not go with 'can': the log says how "
			 "the car is");
	}
}

/* ---- routes and zones ---- */

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
		ret |= number(p, map, "x", DIM_LENGTH, -1e6, 1e6, x);
		ret |= number(p, map, "y", DIM_LENGTH, -1e6, 1e6, y);
		if (ret == 0 && (isnan(*x) || isnan(*y))) {
			ret = sc_error(p, map, "want both x and y");
		}
		return ret;
	}
	ret |= number(p, map, "lat", DIM_NONE, -90, 90, &lat);
	ret |= number(p, map, "lon", DIM_NONE, -180, 180, &lon);
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
		number(p, node, "speed", DIM_SPEED, 0.1, 100, &out->speed_mps);
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
		number(p, node, "speed", DIM_SPEED, 0.1, 100, &r->speed_mps);
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
	size_t n = check_names(p, node, "routes");

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
		number(p, node, "radius", DIM_LENGTH, 0.01, 1e6, &z->radius_m);
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
	size_t n = check_names(p, node, "zones");

	s->zone = sc_new(p, n, sizeof(*s->zone));
	for (size_t i = 0; i < n && s->zone; i++) {
		s->zone[i].name = node->key[i]->text;
		parse_zone(p, node->item[i], &s->zone[i]);
		s->n_zones++;
	}
}

/* ---- the file ---- */

/* scenarios/parking.yaml is called parking unless it says otherwise. */
static const char *name_of_file(struct sc_parser *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	char *name = sc_strndup(&p->s->mem, base, n);

	p->no_memory = p->no_memory || !name;
	return name;
}

static void parse_head(struct sc_parser *p, const struct av_yaml *root)
{
	struct scenario_info *info = &p->s->info;
	struct av_yaml_at at = sc_at(p, root);
	const struct av_yaml *v;
	long long seed;

	info->name = name_of_file(p, p->s->doc.name);
	info->summary = "";
	info->vehicle = "compact-ev";
	info->seed = 1;
	vehicle_start_defaults(&info->start);
	v = av_yaml_get(root, "name");
	if (v) {
		sc_check(p, av_yaml_str(at, v, "name", &info->name));
	}
	v = av_yaml_get(root, "summary");
	if (v) {
		sc_check(p, av_yaml_str(at, v, "summary", &info->summary));
	}
	v = av_yaml_get(root, "vehicle");
	if (v) {
		sc_check(p, av_yaml_str(at, v, "vehicle", &info->vehicle));
	}
	v = av_yaml_get(root, "seed");
	if (v &&
	    sc_check(p, av_yaml_int(at, v, "seed", 0, INT64_MAX, &seed)) == 0) {
		info->seed = (uint64_t)seed;
	}
	v = av_yaml_get(root, "duration");
	if (sc_check(p, av_yaml_time(at, v, "duration", &info->duration)) ==
		    0 &&
	    (info->duration < VEHICLE_STEP ||
	     info->duration > 366 * 24 * 3600 * VT_S)) {
		sc_error(p, v, "'duration' must be from 10ms to a year");
	}
	v = av_yaml_get(root, "start");
	if (v) {
		parse_start(p, v);
	}
	v = av_yaml_get(root, "gnss");
	if (v) {
		parse_gnss(p, v);
	}
	v = av_yaml_get(root, "can");
	if (v) {
		parse_can(p, v, av_yaml_get(root, "start"));
	}
}

/* A file name or a list of them. */
static void parse_imu(struct sc_parser *p, const struct av_yaml *node)
{
	struct scenario *s = p->s;
	size_t n = node->kind == YAML_SEQ ? node->n : 1;

	s->imu = sc_new(p, n, sizeof(*s->imu));
	for (size_t i = 0; i < n && s->imu; i++) {
		const struct av_yaml *v =
			node->kind == YAML_SEQ ? node->item[i] : node;

		if (sc_check(p, av_yaml_str(sc_at(p, node), v, "imu",
					    &s->imu[s->n_imu])) == 0) {
			s->n_imu++;
		}
	}
}

static int parse(struct sc_parser *p, const struct scenario_param *set,
		 size_t n_set)
{
	struct scenario *s = p->s;
	const struct av_yaml *root = s->doc.root, *v;

	if (!root) {
		return av_diag_add(p->d, s->doc.name, 0, 0,
				   "the file is empty; a scenario has at "
				   "least 'duration:'");
	}
	if (root->kind != YAML_MAP) {
		return av_yaml_err(&s->doc, root, p->d,
				   "want keys and values here, like "
				   "'duration: 60s'");
	}
	sc_check(p, av_yaml_check_keys(&s->doc, root, sc_top_keys, p->d));
	sc_parse_params(p, av_yaml_get(root, "params"), set, n_set);
	sc_substitute(p, root);
	parse_head(p, root);
	v = av_yaml_get(root, "routes");
	if (v) {
		sc_parse_routes(p, v);
	}
	v = av_yaml_get(root, "zones");
	if (v) {
		sc_parse_zones(p, v);
	}
	v = av_yaml_get(root, "imu");
	if (v) {
		parse_imu(p, v);
	}
	sc_parse_timeline(p, av_yaml_get(root, "timeline"),
			  av_yaml_get(root, "faults"));
	v = av_yaml_get(root, "expect");
	if (v) {
		sc_parse_expect(p, v);
	}
	return p->no_memory ? -ENOMEM : p->bad ? -EINVAL : 0;
}

int scenario_parse(const char *name, const char *yaml, size_t len,
		   const struct scenario_param *set, size_t n_set,
		   struct scenario **out, struct av_diags *d)
{
	struct scenario *s = calloc(1, sizeof(*s));
	struct sc_parser p = { .s = s, .d = d };
	int ret = -ENOMEM;

	*out = NULL;
	if (!s) {
		return -ENOMEM;
	}
	s->src = malloc(len + 1);
	if (!s->src) {
		goto fail;
	}
	memcpy(s->src, yaml, len);
	s->src[len] = '\0';
	s->src_len = len;
	ret = av_yaml_parse(name, yaml, len, &s->doc, d);
	if (ret == 0) {
		ret = parse(&p, set, n_set);
	}
	if (ret < 0) {
		goto fail;
	}
	*out = s;
	return 0;

fail:
	scenario_destroy(s);
	return ret;
}
