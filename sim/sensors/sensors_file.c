/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/sensors_file.h"

#include "sim/core/units.h"
#include "sim/core/yaml.h"

#include <errno.h>
#include <math.h>
#include <string.h>

const char *const imu_kind_names[IMU_N_KINDS + 1] = {
	[IMU_ACCEL] = "accelerometer",
	[IMU_GYRO] = "gyroscope",
	[IMU_MAG] = "magnetometer",
};

const char *const imu_kind_units[IMU_N_KINDS] = {
	[IMU_ACCEL] = "m/s2",
	[IMU_GYRO] = "rad/s",
	[IMU_MAG] = "uT",
};

/* Nothing in sim/core/units.h measures fields: plain numbers, in uT. */
static const enum av_dim kind_dim[IMU_N_KINDS] = {
	[IMU_ACCEL] = DIM_ACCEL,
	[IMU_GYRO] = DIM_ANGLE_RATE,
	[IMU_MAG] = DIM_NONE,
};

#define EXPONENT_MIN (-9)
#define RAW_MAX 1e9 /* quanta; fits 32 bits with room for arithmetic */

struct reader {
	const struct av_yaml_doc *doc;
	struct av_diags *d;
	struct sensors_file *f;
};

static struct av_yaml_at at(const struct reader *r,
			    const struct av_yaml *parent)
{
	return (struct av_yaml_at){ r->doc, r->d, parent };
}

/* Names stand in recordings, commands and column titles of CSV files. */
static int read_name(const struct reader *r, const struct av_yaml *map,
		     const char *key, char out[SENSORS_NAME_MAX])
{
	const struct av_yaml *node = av_yaml_get(map, key);
	const char *s;

	if (av_yaml_str(at(r, map), node, key, &s) < 0) {
		return -EINVAL;
	}
	if (!*s || strlen(s) >= SENSORS_NAME_MAX ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789._-") != strlen(s)) {
		return av_yaml_err(r->doc, node, r->d,
				   "'%s' must have 1 to %d letters, digits, "
				   "dots, dashes or underscores",
				   key, SENSORS_NAME_MAX - 1);
	}
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int read_position(const struct reader *r, const struct av_yaml *map,
			 struct sensors_chip *c)
{
	const struct av_yaml *seq = av_yaml_get(map, "position");
	int bad = 0;

	if (!seq) {
		return 0;
	}
	if (seq->kind != YAML_SEQ || seq->n != 3) {
		return av_yaml_err(r->doc, seq, r->d,
				   "'position' is a list of three lengths: "
				   "ahead, left and above of the centre of the "
				   "rear axle");
	}
	for (size_t i = 0; i < 3; i++) {
		bad |= av_yaml_num(at(r, seq), seq->item[i], "position",
				   DIM_LENGTH, -10, 10, &c->position[i]);
	}
	return bad ? -EINVAL : 0;
}

static int read_rates(const struct reader *r, const struct av_yaml *map,
		      struct sensors_chip *c)
{
	const struct av_yaml *seq = av_yaml_get(map, "rates");

	if (!seq || seq->kind != YAML_SEQ || seq->n < 1 ||
	    seq->n > SENSORS_RATES_MAX) {
		return av_yaml_err(r->doc, seq ? seq : map, r->d,
				   "'rates' must be a list of 1 to %d rising "
				   "rates like [12.5 Hz, 100 Hz]",
				   SENSORS_RATES_MAX);
	}
	for (size_t i = 0; i < seq->n; i++) {
		if (av_yaml_num(at(r, seq), seq->item[i], "rates",
				DIM_FREQUENCY, 1, 1000, &c->rate_hz[i]) < 0) {
			return -EINVAL;
		}
		if (i > 0 && c->rate_hz[i] <= c->rate_hz[i - 1]) {
			return av_yaml_err(r->doc, seq->item[i], r->d,
					   "'rates' must rise");
		}
	}
	c->n_rates = seq->n;
	return 0;
}

/* Devices tell a guest the power of ten, so it has to be one. */
static int read_quantum(const struct reader *r, const struct av_yaml *map,
			struct sensors_chip *c)
{
	const struct av_yaml *node = av_yaml_get(map, "quantum");
	double q;

	if (av_yaml_num(at(r, map), node, "quantum", kind_dim[c->kind], 1e-9, 1,
			&q) < 0) {
		return -EINVAL;
	}
	c->exponent = (int)lround(log10(q));
	if (fabs(q * pow(10, -c->exponent) - 1) > 1e-9 ||
	    c->exponent < EXPONENT_MIN) {
		return av_yaml_err(r->doc, node, r->d,
				   "'quantum' must be a power of ten of %s",
				   imu_kind_units[c->kind]);
	}
	return 0;
}

static int read_amount(const struct reader *r, const struct av_yaml *map,
		       const char *key, enum av_dim dim, double *out)
{
	const struct av_yaml *node = av_yaml_get(map, key);

	return node ? av_yaml_num(at(r, map), node, key, dim, 0, 1e6, out) : 0;
}

static int read_chip(const struct reader *r, const struct av_yaml *map,
		     struct sensors_chip *c)
{
	static const char *const known[] = {
		"name",	 "kind",  "uncalibrated", "position", "quantum", "range",
		"noise", "bias",  "residual",	  "drift",    "rates",	 NULL
	};
	int kind, bad = 0;

	bad |= av_yaml_check_keys(r->doc, map, known, r->d);
	if (map->kind != YAML_MAP) {
		return -EINVAL;
	}
	bad |= read_name(r, map, "name", c->name);
	if (av_yaml_get(map, "uncalibrated")) {
		bad |= read_name(r, map, "uncalibrated", c->uncal);
	}
	bad |= read_position(r, map, c);
	bad |= read_rates(r, map, c);
	if (av_yaml_enum(at(r, map), av_yaml_get(map, "kind"), "kind",
			 imu_kind_names, &kind) < 0) {
		return -EINVAL; /* without it no unit is known */
	}
	c->kind = (enum imu_kind)kind;
	bad |= read_quantum(r, map, c);
	bad |= av_yaml_num(at(r, map), av_yaml_get(map, "range"), "range",
			   kind_dim[kind], 1e-3, 1e6, &c->range);
	/* densities have units of their own: plain numbers */
	bad |= read_amount(r, map, "noise", DIM_NONE, &c->noise);
	bad |= read_amount(r, map, "drift", DIM_NONE, &c->drift);
	bad |= read_amount(r, map, "bias", kind_dim[kind], &c->bias);
	bad |= read_amount(r, map, "residual", kind_dim[kind], &c->residual);
	if (!bad && c->range * pow(10, -c->exponent) > RAW_MAX) {
		bad = av_yaml_err(r->doc, av_yaml_get(map, "range"), r->d,
				  "'range' has more than 1e9 quanta");
	}
	return bad ? -EINVAL : 0;
}

static bool name_taken(const struct sensors_file *f, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(f->chip[i].name, name) ||
		    !strcmp(f->chip[i].uncal, name)) {
			return true;
		}
	}
	return false;
}

static int read_chips(const struct reader *r)
{
	const struct av_yaml *seq = av_yaml_get(r->doc->root, "sensors");
	int ret = 0;

	if (!seq || seq->kind != YAML_SEQ || seq->n < 1 ||
	    seq->n > SENSORS_CHIPS_MAX) {
		return av_yaml_err(r->doc, seq ? seq : r->doc->root, r->d,
				   "'sensors' must be a list of 1 to %d chips",
				   SENSORS_CHIPS_MAX);
	}
	for (size_t i = 0; i < seq->n; i++) {
		struct sensors_chip *c = &r->f->chip[i];

		if (read_chip(r, seq->item[i], c) < 0) {
			ret = -EINVAL;
			continue;
		}
		if (name_taken(r->f, i, c->name) ||
		    (c->uncal[0] && (name_taken(r->f, i, c->uncal) ||
				     !strcmp(c->name, c->uncal)))) {
			ret = av_yaml_err(r->doc, seq->item[i], r->d,
					  "a sensor called '%s' is there "
					  "twice",
					  name_taken(r->f, i, c->name) ?
						  c->name :
						  c->uncal);
		}
	}
	r->f->n_chips = seq->n;
	return ret;
}

static int read_root(const struct reader *r)
{
	static const char *const known[] = { "hal_configuration", "sensors",
					     NULL };
	const struct av_yaml *root = r->doc->root, *node;
	const char *path = "";
	int bad = 0;

	if (!root) {
		return av_diag_add(r->d, r->doc->name, 1, 1,
				   "file is empty: no sensors");
	}
	bad |= av_yaml_check_keys(r->doc, root, known, r->d);
	if (root->kind != YAML_MAP) {
		return -EINVAL;
	}
	node = av_yaml_get(root, "hal_configuration");
	if (node) {
		bad |= av_yaml_str(at(r, root), node, "hal_configuration",
				   &path);
		if (!bad && (!*path || strlen(path) >= SENSORS_PATH_MAX)) {
			bad = av_yaml_err(r->doc, node, r->d,
					  "'hal_configuration' must have 1 to "
					  "%d characters",
					  SENSORS_PATH_MAX - 1);
		}
	}
	if (!bad) {
		memcpy(r->f->hal_config, path, strlen(path) + 1);
	}
	bad |= read_chips(r);
	return bad ? -EINVAL : 0;
}

int sensors_file_parse(const char *name, const char *yaml, size_t len,
		       struct sensors_file *out, struct av_diags *d)
{
	struct av_yaml_doc doc;
	struct sensors_file f = { 0 };
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
