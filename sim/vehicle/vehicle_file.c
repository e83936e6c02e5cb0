/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/vehicle/vehicle_file.h"

#include "sim/core/units.h"
#include "sim/core/yaml.h"

#include <errno.h>
#include <string.h>

/* ---- the numbers: one row each ---- */

struct param_row {
	const char *section;
	const char *key;
	size_t offset; /* of the double in struct vehicle_params */
	enum av_dim dim;
	double min, max;
};

static const struct param_row rows[] = {
#define X(section_, key_, dim_, min_, max_, text_)                             \
	{ .section = #section_,                                                \
	  .key = #key_,                                                        \
	  .offset = offsetof(struct vehicle_params, section_##_##key_),        \
	  .dim = dim_,                                                         \
	  .min = min_,                                                         \
	  .max = max_ },
	VEHICLE_PARAMS(X)
#undef X
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Keys of a section that are no plain numbers. */
static const struct {
	const char *section;
	const char *key;
} other_keys[] = {
	{ "motor", "drives" },
	{ "battery", "cell_voltage" },
	{ "charging", "dc_power" },
};
#define N_OTHER (sizeof(other_keys) / sizeof(other_keys[0]))

#define KEYS_MAX 40

struct reader {
	const struct av_yaml_doc *doc;
	struct av_diags *d;
	struct vehicle_file *f;
};

static struct av_yaml_at at(const struct reader *r,
			    const struct av_yaml *parent)
{
	return (struct av_yaml_at){ r->doc, r->d, parent };
}

static int read_section(const struct reader *r, const char *section)
{
	const struct av_yaml *map = av_yaml_get(r->doc->root, section);
	const char *known[KEYS_MAX + 1];
	size_t n = 0;
	int ret = 0;

	if (!map) {
		return av_yaml_err(r->doc, r->doc->root, r->d,
				   "section '%s' is missing", section);
	}
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!strcmp(rows[i].section, section) && n < KEYS_MAX) {
			known[n++] = rows[i].key;
		}
	}
	for (size_t i = 0; i < N_OTHER; i++) {
		if (!strcmp(other_keys[i].section, section) && n < KEYS_MAX) {
			known[n++] = other_keys[i].key;
		}
	}
	known[n] = NULL;
	ret = av_yaml_check_keys(r->doc, map, known, r->d);
	if (map->kind != YAML_MAP) {
		return ret;
	}
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct param_row *p = &rows[i];

		if (strcmp(p->section, section) == 0 &&
		    av_yaml_num(at(r, map), av_yaml_get(map, p->key), p->key,
				p->dim, p->min, p->max,
				(double *)(void *)((char *)&r->f->params +
						   p->offset)) < 0) {
			ret = -EINVAL;
		}
	}
	return ret;
}

static int read_sections(const struct reader *r)
{
	int ret = 0;

	for (size_t i = 0; i < N_ROWS; i++) {
		/* rows of a section stand together */
		if (i == 0 || strcmp(rows[i].section, rows[i - 1].section)) {
			int one = read_section(r, rows[i].section);

			ret = one < 0 ? one : ret;
		}
	}
	return ret;
}

/* ---- curves ---- */

double vehicle_curve_at(const struct vehicle_curve *c, double x)
{
	size_t i = 1;

	if (x <= c->x[0]) {
		return c->y[0];
	}
	while (i < c->n && x > c->x[i]) {
		i++;
	}
	if (i >= c->n) {
		return c->y[c->n - 1];
	}
	return c->y[i - 1] + (c->y[i] - c->y[i - 1]) * (x - c->x[i - 1]) /
				     (c->x[i] - c->x[i - 1]);
}

/* @ymin, @ymax: of the y values; x are states of charge */
static int read_curve(const struct reader *r, const char *section,
		      const char *key, enum av_dim ydim, double ymin,
		      double ymax, struct vehicle_curve *c)
{
	const struct av_yaml *map = av_yaml_get(r->doc->root, section);
	const struct av_yaml *seq = av_yaml_get(map, key);
	int ret = 0;

	if (!seq || seq->kind != YAML_SEQ || seq->n < 2 ||
	    seq->n > VEHICLE_CURVE_MAX) {
		return av_yaml_err(r->doc, seq ? seq : map, r->d,
				   "'%s' must be a list of 2 to %d points "
				   "[state of charge, value]",
				   key, VEHICLE_CURVE_MAX);
	}
	for (size_t i = 0; i < seq->n; i++) {
		const struct av_yaml *pt = seq->item[i];

		if (pt->kind != YAML_SEQ || pt->n != 2) {
			ret = av_yaml_err(r->doc, pt, r->d,
					  "a point of '%s' is a list of two: "
					  "[state of charge, value]",
					  key);
			continue;
		}
		if (av_yaml_num(at(r, pt), pt->item[0], key, DIM_RATIO, 0, 1,
				&c->x[i]) < 0 ||
		    av_yaml_num(at(r, pt), pt->item[1], key, ydim, ymin, ymax,
				&c->y[i]) < 0) {
			ret = -EINVAL;
		} else if (ret == 0 && i > 0 && c->x[i] <= c->x[i - 1]) {
			ret = av_yaml_err(r->doc, pt, r->d,
					  "points of '%s' must rise in state "
					  "of charge",
					  key);
		}
	}
	c->n = seq->n;
	return ret;
}

/* The open-circuit voltage is integrated over all of 0 to 1 and inverted. */
static int check_cell_voltage(const struct reader *r)
{
	const struct av_yaml *map = av_yaml_get(r->doc->root, "battery");
	const struct vehicle_params *p = &r->f->params;
	const struct vehicle_curve *c = &p->battery_cell_voltage;

	if (c->x[0] > 0 || c->x[c->n - 1] < 1) {
		return av_yaml_err(
			r->doc, av_yaml_get(map, "cell_voltage"), r->d,
			"'cell_voltage' must reach from 0 to 100 %%");
	}
	for (size_t i = 1; i < c->n; i++) {
		if (c->y[i] < c->y[i - 1]) {
			return av_yaml_err(
				r->doc, av_yaml_get(map, "cell_voltage"), r->d,
				"'cell_voltage' must not fall");
		}
	}
	if (c->y[0] <= p->battery_cell_voltage_min ||
	    c->y[c->n - 1] >= p->battery_cell_voltage_max) {
		return av_yaml_err(r->doc, av_yaml_get(map, "cell_voltage"),
				   r->d,
				   "'cell_voltage' must stay between "
				   "cell_voltage_min and cell_voltage_max");
	}
	return 0;
}

/* ---- texts ---- */

static int read_text(const struct reader *r, const struct av_yaml *parent,
		     const struct av_yaml *node, const char *what, char *out,
		     size_t size)
{
	const char *s;

	if (av_yaml_str(at(r, parent), node, what, &s) < 0) {
		return -EINVAL;
	}
	if (!*s || strlen(s) >= size) {
		return av_yaml_err(r->doc, node, r->d,
				   "'%s' must have 1 to %zu characters", what,
				   size - 1);
	}
	for (const char *c = s; *c; c++) {
		if ((unsigned char)*c < 0x20) {
			return av_yaml_err(r->doc, node, r->d,
					   "'%s' contains a control character",
					   what);
		}
	}
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int read_info(const struct reader *r)
{
	static const char *const known[] = { "make",  "model",  "vin",
					     "year",  "driver", "length",
					     "width", "height", NULL };
	static const char *const sides[] = { "left", "right", NULL };
	const struct av_yaml *map = av_yaml_get(r->doc->root, "info");
	struct vehicle_info *info = &r->f->info;
	long long year = 0;
	int side = 0, bad = 0;

	if (!map) {
		return av_yaml_err(r->doc, r->doc->root, r->d,
				   "section 'info' is missing");
	}
	if (av_yaml_check_keys(r->doc, map, known, r->d) < 0) {
		bad = 1;
	}
	if (map->kind != YAML_MAP) {
		return -EINVAL;
	}
	bad |= read_text(r, map, av_yaml_get(map, "make"), "make", info->make,
			 sizeof(info->make));
	bad |= read_text(r, map, av_yaml_get(map, "model"), "model",
			 info->model, sizeof(info->model));
	bad |= read_text(r, map, av_yaml_get(map, "vin"), "vin", info->vin,
			 sizeof(info->vin));
	bad |= av_yaml_int(at(r, map), av_yaml_get(map, "year"), "year", 1886,
			   9999, &year);
	bad |= av_yaml_enum(at(r, map), av_yaml_get(map, "driver"), "driver",
			    sides, &side);
	bad |= av_yaml_num(at(r, map), av_yaml_get(map, "length"), "length",
			   DIM_LENGTH, 1, 30, &info->length_m);
	bad |= av_yaml_num(at(r, map), av_yaml_get(map, "width"), "width",
			   DIM_LENGTH, 0.5, 4, &info->width_m);
	bad |= av_yaml_num(at(r, map), av_yaml_get(map, "height"), "height",
			   DIM_LENGTH, 0.5, 5, &info->height_m);
	info->year = (int)year;
	info->driver_right = side == 1;
	return bad ? -EINVAL : 0;
}

/* ---- buses and files ---- */

static int read_bus(const struct reader *r, const struct av_yaml *map,
		    struct vehicle_bus *b)
{
	static const char *const known[] = { "name", "dbc", "bit_rate",
					     "fd_bit_rate", NULL };
	const struct av_yaml *fd = av_yaml_get(map, "fd_bit_rate");
	int bad = 0;

	bad |= av_yaml_check_keys(r->doc, map, known, r->d);
	if (map->kind != YAML_MAP) {
		return -EINVAL;
	}
	bad |= read_text(r, map, av_yaml_get(map, "name"), "name", b->name,
			 sizeof(b->name));
	bad |= read_text(r, map, av_yaml_get(map, "dbc"), "dbc", b->dbc,
			 sizeof(b->dbc));
	bad |= av_yaml_num(at(r, map), av_yaml_get(map, "bit_rate"), "bit_rate",
			   DIM_DATA_RATE, 1e4, 1e6, &b->bit_rate);
	if (fd) {
		bad |= av_yaml_num(at(r, map), fd, "fd_bit_rate", DIM_DATA_RATE,
				   1e4, 8e6, &b->fd_bit_rate);
	}
	return bad ? -EINVAL : 0;
}

static int read_buses(const struct reader *r)
{
	const struct av_yaml *seq = av_yaml_get(r->doc->root, "buses");
	int ret = 0;

	if (!seq || seq->kind != YAML_SEQ || seq->n < 1 ||
	    seq->n > VEHICLE_BUSES_MAX) {
		return av_yaml_err(r->doc, seq ? seq : r->doc->root, r->d,
				   "'buses' must be a list of 1 to %d buses "
				   "like {name: can0, dbc: bus.dbc, bit_rate: "
				   "500 kbit/s}",
				   VEHICLE_BUSES_MAX);
	}
	for (size_t i = 0; i < seq->n; i++) {
		struct vehicle_bus *b = &r->f->bus[i];

		if (read_bus(r, seq->item[i], b) < 0) {
			ret = -EINVAL;
			continue;
		}
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(r->f->bus[k].name, b->name)) {
				ret = av_yaml_err(r->doc, seq->item[i], r->d,
						  "bus '%s' is there twice",
						  b->name);
			}
		}
	}
	r->f->n_buses = seq->n;
	return ret;
}

static int read_files(const struct reader *r)
{
	static const char *const known[] = { "signals", "sensors", "vhal",
					     NULL };
	const struct av_yaml *map = av_yaml_get(r->doc->root, "files");
	const struct av_yaml *vhal;
	int bad = 0;

	if (!map) {
		return av_yaml_err(r->doc, r->doc->root, r->d,
				   "section 'files' is missing");
	}
	bad |= av_yaml_check_keys(r->doc, map, known, r->d);
	if (map->kind != YAML_MAP) {
		return -EINVAL;
	}
	bad |= read_text(r, map, av_yaml_get(map, "signals"), "signals",
			 r->f->signals, sizeof(r->f->signals));
	if (av_yaml_get(map, "sensors")) {
		bad |= read_text(r, map, av_yaml_get(map, "sensors"), "sensors",
				 r->f->sensors, sizeof(r->f->sensors));
	}
	vhal = av_yaml_get(map, "vhal");
	if (!vhal || vhal->kind != YAML_SEQ || vhal->n < 1 ||
	    vhal->n > VEHICLE_VHAL_MAX) {
		return av_yaml_err(r->doc, vhal ? vhal : map, r->d,
				   "'vhal' must be a list of 1 to %d property "
				   "files, in load order",
				   VEHICLE_VHAL_MAX);
	}
	for (size_t i = 0; i < vhal->n; i++) {
		bad |= read_text(r, vhal, vhal->item[i], "vhal", r->f->vhal[i],
				 sizeof(r->f->vhal[i]));
	}
	r->f->n_vhal = vhal->n;
	return bad ? -EINVAL : 0;
}

/* ---- the whole ---- */

/* What must hold between parameters that are each in range. */
static int check_relations(const struct reader *r)
{
	const struct vehicle_params *p = &r->f->params;
	const struct av_yaml *root = r->doc->root;
	int ret = 0;

	if (p->chassis_front_to_cog >= p->chassis_wheelbase) {
		ret = av_yaml_err(r->doc, av_yaml_get(root, "chassis"), r->d,
				  "'front_to_cog' must be less than "
				  "'wheelbase'");
	}
	if (p->chassis_steering_max / p->chassis_steering_ratio > 1.2) {
		ret = av_yaml_err(r->doc, av_yaml_get(root, "chassis"), r->d,
				  "'steering_max' by 'steering_ratio' turns "
				  "the road wheels beyond 1.2 rad");
	}
	if (p->regen_fade_end >= p->regen_fade_start) {
		ret = av_yaml_err(r->doc, av_yaml_get(root, "regen"), r->d,
				  "'fade_end' must be less than 'fade_start'");
	}
	if (p->body_dark_below > p->body_bright_above) {
		ret = av_yaml_err(r->doc, av_yaml_get(root, "body"), r->d,
				  "'dark_below' must not exceed "
				  "'bright_above'");
	}
	return ret < 0 ? ret : check_cell_voltage(r);
}

static int read_root(const struct reader *r)
{
	static const char *const drives[] = { "rear", "front", NULL };
	const struct av_yaml *motor = av_yaml_get(r->doc->root, "motor");
	const char *known[KEYS_MAX + 1] = { "info", "buses", "files" };
	size_t n = 3;
	int bad = 0, front = 0;

	if (!r->doc->root) {
		return av_diag_add(r->d, r->doc->name, 1, 1,
				   "file is empty: no vehicle");
	}
	for (size_t i = 0; i < N_ROWS; i++) {
		if (i == 0 || strcmp(rows[i].section, rows[i - 1].section)) {
			known[n++] = rows[i].section;
		}
	}
	known[n] = NULL;
	bad |= av_yaml_check_keys(r->doc, r->doc->root, known, r->d);
	if (r->doc->root->kind != YAML_MAP) {
		return -EINVAL;
	}
	bad |= read_info(r);
	bad |= read_buses(r);
	bad |= read_files(r);
	bad |= read_sections(r);
	if (motor) {
		bad |= av_yaml_enum(at(r, motor), av_yaml_get(motor, "drives"),
				    "drives", drives, &front);
		r->f->params.motor_drives_front = front == 1;
	}
	if (av_yaml_get(r->doc->root, "battery")) {
		bad |= read_curve(r, "battery", "cell_voltage", DIM_VOLTAGE, 1,
				  5, &r->f->params.battery_cell_voltage);
	}
	if (av_yaml_get(r->doc->root, "charging")) {
		bad |= read_curve(r, "charging", "dc_power", DIM_POWER, 0, 1e6,
				  &r->f->params.charging_dc_power);
	}
	return bad ? -EINVAL : check_relations(r);
}

int vehicle_file_parse(const char *name, const char *yaml, size_t len,
		       struct vehicle_file *out, struct av_diags *d)
{
	struct av_yaml_doc doc;
	struct vehicle_file f = { 0 };
	int ret = av_yaml_parse(name, yaml, len, &doc, d);

	if (ret < 0) {
		return ret;
	}
	ret = read_root(&(struct reader){ &doc, d, &f });
	if (ret == 0) {
		*out = f;
	}
	av_yaml_finish(&doc);
	return ret;
}
