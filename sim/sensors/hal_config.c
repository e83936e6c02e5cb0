/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/hal_config.h"

#include "sim/core/text.h"
#include "sim/core/xml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum element {
	E_ROOT = 1,
	E_MODULES,
	E_MODULE,
	E_SENSORS,
	E_SENSOR,
	E_CONFIGURATION,
	E_ORIENTATION,
	E_O_X, /* x, y, z of orientation ... */
	E_O_Y,
	E_O_Z,
	E_LOCATION,
	E_L_X, /* ... and of location */
	E_L_Y,
	E_L_Z,
	E_N
};

static const struct av_xml_element elements[E_N] = {
	[E_ROOT] = { "sensorHalConfiguration", 0, { "version" }, AV_XML_ONE },
	[E_MODULES] = { "modules", E_ROOT, { NULL }, AV_XML_ONE },
	[E_MODULE] = { "module",
		       E_MODULES,
		       { "halName", "halVersion" },
		       AV_XML_SOME },
	[E_SENSORS] = { "sensors", E_MODULE, { NULL }, AV_XML_ONE },
	[E_SENSOR] = { "sensor", E_SENSORS, { "name", "type" }, AV_XML_SOME },
	[E_CONFIGURATION] = { "configuration",
			      E_SENSOR,
			      { NULL },
			      AV_XML_MAYBE },
	[E_ORIENTATION] = { "orientation",
			    E_CONFIGURATION,
			    { "rotate" },
			    AV_XML_ONE },
	[E_O_X] = { "x", E_ORIENTATION, { "map", "negate" }, AV_XML_ONE },
	[E_O_Y] = { "y", E_ORIENTATION, { "map", "negate" }, AV_XML_ONE },
	[E_O_Z] = { "z", E_ORIENTATION, { "map", "negate" }, AV_XML_ONE },
	[E_LOCATION] = { "location", E_CONFIGURATION, { NULL }, AV_XML_ONE },
	[E_L_X] = { "x", E_LOCATION, { NULL }, AV_XML_ONE },
	[E_L_Y] = { "y", E_LOCATION, { NULL }, AV_XML_ONE },
	[E_L_Z] = { "z", E_LOCATION, { NULL }, AV_XML_ONE },
};

struct reader {
	struct av_xml xml;
	struct hal_config *c;
	bool ours; /* in the module of the HAL */
	struct hal_sensor sensor;
	char text[64]; /* of a location's x, y, z */
	size_t text_len;
};

/* ---- attributes ---- */

/* Of XML Schema, hence four spellings. */
static void read_bool(struct reader *r, const char *name, bool *out)
{
	char *v = av_xml_attribute(&r->xml, name);

	if (!v) {
		return;
	}
	*out = !strcmp(v, "true") || !strcmp(v, "1");
	if (!*out && strcmp(v, "false") != 0 && strcmp(v, "0") != 0) {
		av_xml_complain(&r->xml, "'%s' is true or false, not '%.32s'",
				name, v);
	}
	free(v);
}

static void read_whole(struct reader *r, const char *name, int min, int max,
		       int *out)
{
	char *v = av_xml_attribute(&r->xml, name);
	double num;

	if (!v) {
		return;
	}
	if (av_num_parse(v, strlen(v), &num) < 0 || num != floor(num) ||
	    !(num >= min) || !(num <= max)) {
		av_xml_complain(&r->xml,
				"'%s' is a whole number from %d to %d, not "
				"'%.32s'",
				name, min, max, v);
	} else {
		*out = (int)num;
	}
	free(v);
}

/* ---- elements ---- */

static void read_version(struct reader *r, const char *name)
{
	char *v = av_xml_attribute(&r->xml, name);
	double num;

	if (v && (av_num_parse(v, strlen(v), &num) < 0 || !isfinite(num))) {
		av_xml_complain(&r->xml,
				"'%s' is a number like 1.0, not '%.32s'", name,
				v);
	}
	free(v);
}

static bool is_ours(struct reader *r)
{
	char *v = av_xml_attribute(&r->xml, "halName");
	bool ours = v && !strcmp(v, HAL_MODULE);

	free(v);
	return ours;
}

static void begin_sensor(struct reader *r)
{
	char *v = av_xml_attribute(&r->xml, "name");

	r->sensor = (struct hal_sensor){ 0 };
	if (v && (!*v || strlen(v) >= sizeof(r->sensor.name))) {
		av_xml_complain(&r->xml, "'name' must have 1 to %zu bytes",
				sizeof(r->sensor.name) - 1);
	} else if (v) {
		memcpy(r->sensor.name, v, strlen(v) + 1);
	}
	free(v);
	read_whole(r, "type", 1, 65535 + 65536, &r->sensor.type);
}

static void on_begin(void *ctx, int e)
{
	struct reader *r = ctx;
	int map = 0;

	switch (e) {
	case E_ROOT:
		read_version(r, "version");
		break;
	case E_MODULE:
		read_version(r, "halVersion");
		r->ours = is_ours(r);
		break;
	case E_SENSOR:
		begin_sensor(r);
		break;
	case E_CONFIGURATION:
		r->sensor.configured = true;
		break;
	case E_ORIENTATION:
		read_bool(r, "rotate", &r->sensor.rotate);
		break;
	case E_O_X:
	case E_O_Y:
	case E_O_Z:
		read_whole(r, "map", 0, 2, &map);
		r->sensor.map[e - E_O_X] = (unsigned int)map;
		read_bool(r, "negate", &r->sensor.negate[e - E_O_X]);
		break;
	case E_L_X:
	case E_L_Y:
	case E_L_Z:
		r->text_len = 0;
		break;
	default:
		break;
	}
}

static void end_coordinate(struct reader *r, int e)
{
	const char *s = r->text;
	size_t len = r->text_len;
	double v;

	while (len > 0 && strchr(" \t\r\n", s[len - 1])) {
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", *s)) {
		s++;
		len--;
	}
	if (r->text_len == sizeof(r->text) || av_num_parse(s, len, &v) < 0 ||
	    !(fabs(v) <= 1e5)) {
		av_xml_complain(
			&r->xml,
			"'%s' of 'location' is a number of millimetres, "
			"not '%.*s'",
			elements[e].name, (int)len, s);
		return;
	}
	r->sensor.location_mm[e - E_L_X] = v;
}

static void end_orientation(struct reader *r)
{
	const unsigned int *m = r->sensor.map;

	if (m[0] == m[1] || m[0] == m[2] || m[1] == m[2]) {
		av_xml_complain(&r->xml,
				"two axes of '%s' have the same 'map': the HAL "
				"would drop this sensor",
				r->sensor.name);
	}
}

static void end_sensor(struct reader *r)
{
	if (!r->ours) {
		return;
	}
	if (hal_config_find(r->c, r->sensor.name, r->sensor.type)) {
		av_xml_complain(&r->xml,
				"sensor '%s' of type %d is there twice",
				r->sensor.name, r->sensor.type);
	} else if (r->c->n == HAL_SENSORS_MAX) {
		av_xml_complain(&r->xml, "more than %d sensors",
				HAL_SENSORS_MAX);
		av_xml_stop(&r->xml);
	} else {
		r->c->sensor[r->c->n++] = r->sensor;
	}
}

static void on_end(void *ctx, int e)
{
	struct reader *r = ctx;

	switch (e) {
	case E_L_X:
	case E_L_Y:
	case E_L_Z:
		end_coordinate(r, e);
		break;
	case E_ORIENTATION:
		end_orientation(r);
		break;
	case E_SENSOR:
		end_sensor(r);
		break;
	default:
		break;
	}
}

static bool on_text(void *ctx, int e, const char *s, size_t len)
{
	struct reader *r = ctx;
	size_t room = sizeof(r->text) - r->text_len;

	if (e < E_L_X || e > E_L_Z) {
		return false;
	}
	len = len < room ? len : room;
	memcpy(r->text + r->text_len, s, len);
	r->text_len += len;
	return true;
}

static const struct av_xml_kind kind = { .element = elements,
					 .n_elements = E_N,
					 .max = HAL_CONFIG_MAX,
					 .begin = on_begin,
					 .end = on_end,
					 .text = on_text };

int hal_config_parse(const char *name, const char *buf, size_t len,
		     struct hal_config *out, struct av_diags *d)
{
	struct reader r = { .c = calloc(1, sizeof(*r.c)) };
	int ret;

	if (!r.c) {
		return -ENOMEM;
	}
	ret = av_xml_read(&r.xml, &kind, name, buf, len, &r, d);
	if (ret == 0) {
		*out = *r.c;
	}
	free(r.c);
	return ret;
}

const struct hal_sensor *hal_config_find(const struct hal_config *c,
					 const char *name, int type)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->sensor[i].type == type &&
		    !strcmp(c->sensor[i].name, name)) {
			return &c->sensor[i];
		}
	}
	return NULL;
}
