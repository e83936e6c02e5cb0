/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML of a scenario: its keys but for parameters (parse_params.c), routes
 * and zones (parse_places.c), timeline and expectations (parse_timeline.c). A
 * message never stops the parser: all errors of a file come at once.
 */
#include "config.h"

#include "scenarios/scenario_int.h"
#include "sim/core/date.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names are looked up one by one, so their number is bounded. */
#define NAMES_MAX 256

const char *const sc_top_keys[] = { "name",     "summary", "duration", "seed",
				    "vehicle",  "params",  "start",    "routes",
				    "zones",    "can",     "imu",      "gnss",
				    "timeline", "faults",  "expect",   NULL };

/* ---- for all of them ---- */

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n < 64 && !s[n] && s[0] != '-' &&
	       !(s[0] >= '0' && s[0] <= '9');
}

size_t sc_check_names(struct sc_parser *p, const struct av_yaml *map,
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

int sc_number(struct sc_parser *p, const struct av_yaml *map, const char *key,
	      enum av_dim dim, double lo, double hi, double *out)
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

/* ---- start ---- */

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
		(((av_days_from_civil(y, mo, d) * 24 + h) * 60 + mi) * 60 +
		 sec) *
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
	sc_number(p, map, "lat", DIM_NONE, -90, 90, &st->lat_deg);
	sc_number(p, map, "lon", DIM_NONE, -180, 180, &st->lon_deg);
	sc_number(p, map, "alt", DIM_LENGTH, -500, 9000, &st->alt_m);
	sc_number(p, map, "heading", DIM_ANGLE, -7, 7, &st->heading_rad);
	sc_number(p, map, "speed", DIM_SPEED, 0, 100, &st->speed_mps);
	sc_number(p, map, "soc", DIM_RATIO, 0, 1, &st->soc);
	sc_number(p, map, "odometer", DIM_LENGTH, 0, 1e9, &st->odometer_m);
	sc_number(p, map, "outside_temp", DIM_TEMPERATURE, -60, 60,
		  &st->outside_temp_c);
	sc_number(p, map, "cabin_temp", DIM_TEMPERATURE, -60, 90,
		  &st->cabin_temp_c);
	sc_number(p, map, "battery_temp", DIM_TEMPERATURE, -60, 90,
		  &st->battery_temp_c);
	sc_number(p, map, "sun", DIM_RATIO, 0, 1, &st->sun);
	sc_number(p, map, "rain", DIM_RATIO, 0, 1, &st->rain);
	sc_number(p, map, "friction", DIM_NONE, 0.05, 1.5, &st->friction);
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
	sc_number(p, map, "rate", DIM_FREQUENCY, 1, 20, &g->rate_hz);
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
		sc_check(p, av_yaml_str(sc_at(p, map), map->item[i], c->bus[i],
					&c->dbc[i]));
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
