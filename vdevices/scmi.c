/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message layouts: Arm DEN0056 (SCMI 3.0), sections 4.2 (base) and 4.7 (sensor).
 * All little endian.
 */
#include "config.h"

#include "vdevices/scmi.h"

#include "sim/core/text.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

enum {
	HEAD = 4,
	STATUS = 4,
	TYPE_COMMAND = 0,
	TYPE_NOTIFICATION = 3,
	DESCRIPTOR = 28,
	AXIS_DESCRIPTOR = 28 + 20, /* with extended attributes */
	AGENT_PLATFORM = 0,
	AGENT_GUEST = 1,
	AGENT_SELF = -1,
	READING = 16, /* of an axis */
	PARAMS_MAX = 8,
	MANTISSA_MAX = 65535,
	EXPONENT_MIN = -16,
};

/* Bits of descriptors and of the config word. */
#define ATTR_NOTIFY (1u << 30)
#define ATTR_STAMP_EXPONENT(e) (((uint32_t)(e) & 0x1f) << 10)
#define ATTR_STAMPED (1u << 9)
#define ATTR_EXTENDED (1u << 8)
#define ATTR_AXES(n) ((uint32_t)(n) << 16)
#define ATTR_SCALE(e) (((uint32_t)(e) & 0x1f) << 11)
#define ATTR_HAS_AXES (1u << 8)
#define CFG_ENABLED 1u
#define CFG_STAMPED 2u
#define CFG_RESERVED 0x1fcu
#define CFG_ROUNDING(c) ((c) >> 9 & 3)
#define CFG_EXPONENT(c) ((int)((c) >> 11 & 0x1f))
#define CFG_MANTISSA(c) ((c) >> 16)

enum { ROUND_DOWN, ROUND_UP, ROUND_NEAREST };

/* One command being answered. */
struct call {
	struct scmi *s;
	bool notify;
	enum scmi_protocol protocol;
	uint32_t p[PARAMS_MAX / 4]; /* parameters */
	uint8_t *v;                 /* values go here */
	size_t room, len;
};

static void put(struct call *c, uint32_t v)
{
	v = htole32(v);
	memcpy(c->v + c->len, &v, sizeof(v));
	c->len += sizeof(v);
}

static void put64(struct call *c, int64_t v)
{
	put(c, (uint32_t)v);
	put(c, (uint32_t)((uint64_t)v >> 32));
}

static void put_name(struct call *c, const char *name)
{
	memset(c->v + c->len, 0, SCMI_NAME_MAX);
	memcpy(c->v + c->len, name, strnlen(name, SCMI_NAME_MAX - 1));
	c->len += SCMI_NAME_MAX;
}

/* ---- intervals ---- */

static double seconds(uint32_t mantissa, int exponent)
{
	return (double)mantissa * pow(10, exponent);
}

bool scmi_interval(double rate_hz, uint32_t *mantissa, int *exponent)
{
	bool any = false;

	if (!(rate_hz > 0)) {
		return false;
	}
	for (int e = 0; e >= EXPONENT_MIN; e--) {
		double want = pow(10, -e) / rate_hz, m = round(want);

		if (m > MANTISSA_MAX) {
			break;
		}
		if (m < 1) {
			continue;
		}
		*mantissa = (uint32_t)m;
		*exponent = e;
		any = true;
		if (fabs(want - m) <= 1e-9 * want) {
			break; /* exact: the shortest is the one */
		}
	}
	return any;
}

static uint32_t interval_word(const struct scmi_sensor *x, size_t rate)
{
	uint32_t m = 0;
	int e = 0;

	scmi_interval(x->rate_hz[rate], &m, &e);
	return m << 5 | ((uint32_t)e & 0x1f);
}

static double interval_of(const struct scmi_sensor *x, size_t rate)
{
	uint32_t m = 0;
	int e = 0;

	scmi_interval(x->rate_hz[rate], &m, &e);
	return seconds(m, e);
}

/* The rate whose interval is @want, or the one that @rounding says. */
static size_t rate_for(const struct scmi_sensor *x, double want,
		       unsigned int rounding)
{
	size_t up = 0, down = x->n_rates - 1;
	double a, b;

	/* rates rise, so intervals fall */
	for (size_t i = 0; i < x->n_rates; i++) {
		double have = interval_of(x, i);

		if (fabs(have - want) <= 1e-4 * have) {
			return i;
		}
		if (have > want) {
			up = i;
		}
	}
	for (size_t i = x->n_rates; i-- > 0;) {
		if (interval_of(x, i) < want) {
			down = i;
		}
	}
	if (rounding == ROUND_UP) {
		return up;
	}
	a = interval_of(x, up);
	b = interval_of(x, down);
	return rounding == ROUND_NEAREST && fabs(a - want) < fabs(b - want)
		       ? up
		       : down;
}

/* ---- base protocol ---- */

static int base_version(struct call *c)
{
	put(c, 0x20000);
	return SCMI_SUCCESS;
}

static int base_attributes(struct call *c)
{
	put(c, 1 | 1 << 8); /* protocols, agents */
	return SCMI_SUCCESS;
}

static int base_vendor(struct call *c)
{
	put_name(c, "avsim");
	return SCMI_SUCCESS;
}

static int base_sub_vendor(struct call *c)
{
	put_name(c, "sensors");
	return SCMI_SUCCESS;
}

static int base_implementation(struct call *c)
{
	put(c, 1);
	return SCMI_SUCCESS;
}

static int base_protocols(struct call *c)
{
	if (c->p[0] > 1) {
		return SCMI_INVALID_PARAMETERS;
	}
	put(c, c->p[0] == 0);
	if (c->p[0] == 0) {
		put(c, SCMI_SENSOR);
	}
	return SCMI_SUCCESS;
}

static int base_agent(struct call *c)
{
	switch ((int32_t)c->p[0]) {
	case AGENT_PLATFORM:
		put(c, AGENT_PLATFORM);
		put_name(c, "platform");
		return SCMI_SUCCESS;
	case AGENT_GUEST:
	case AGENT_SELF:
		put(c, AGENT_GUEST);
		put_name(c, "guest");
		return SCMI_SUCCESS;
	default:
		return SCMI_NOT_FOUND;
	}
}

static int base_notify_errors(struct call *c)
{
	/* there are none to tell of */
	return c->p[0] > 1 ? SCMI_INVALID_PARAMETERS : SCMI_SUCCESS;
}

/* ---- sensor protocol ---- */

static int sensor_version(struct call *c)
{
	put(c, 0x30000);
	return SCMI_SUCCESS;
}

static int sensor_attributes(struct call *c)
{
	put(c, (uint32_t)c->s->n); /* no asynchronous readings */
	put(c, 0);                 /* and no shared memory */
	put(c, 0);
	put(c, 0);
	return SCMI_SUCCESS;
}

/* The sensor that the first parameter names. */
static struct scmi_sensor *sensor_of(struct call *c)
{
	return c->p[0] < c->s->n ? &c->s->sensor[c->p[0]] : NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int sensor_description(struct call *c)
{
	size_t first = c->p[0], n;

	if (first > c->s->n || (first == c->s->n && first)) {
		return SCMI_OUT_OF_RANGE;
	}
	n = least(c->s->n - first, (c->room - 4) / DESCRIPTOR);
	put(c, (uint32_t)(n | (c->s->n - first - n) << 16));
	for (size_t i = first; i < first + n; i++) {
		const struct scmi_sensor *x = &c->s->sensor[i];

		put(c, (uint32_t)i);
		put(c, (c->notify ? ATTR_NOTIFY : 0) |
			       (c->s->stamps ? ATTR_STAMP_EXPONENT(-9) |
						       ATTR_STAMPED
					     : 0));
		put(c, ATTR_AXES(SCMI_AXES) | ATTR_SCALE(x->exponent) |
			       ATTR_HAS_AXES | x->type);
		put_name(c, x->name);
	}
	return SCMI_SUCCESS;
}

static int sensor_axes(struct call *c)
{
	static const char *const names[2][SCMI_AXES] = {
		{ "gyro_X", "gyro_Y", "gyro_Z" },
		{ "accel_X", "accel_Y", "accel_Z" },
	};
	const struct scmi_sensor *x = sensor_of(c);
	size_t first = c->p[1], n;

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	if (first >= SCMI_AXES) {
		return SCMI_OUT_OF_RANGE;
	}
	n = least(SCMI_AXES - first, (c->room - 4) / AXIS_DESCRIPTOR);
	put(c, (uint32_t)(n | (SCMI_AXES - first - n) << 26));
	for (size_t i = first; i < first + n; i++) {
		put(c, (uint32_t)i);
		put(c, ATTR_EXTENDED);
		put(c, ATTR_SCALE(x->exponent) | x->type);
		put_name(c, names[x->type == SCMI_METRES_PER_S2][i]);
		/* resolution: one quantum */
		put(c, 1 | ((uint32_t)x->exponent & 0x1f) << 27);
		put64(c, -x->raw_max);
		put64(c, x->raw_max);
	}
	return SCMI_SUCCESS;
}

static int sensor_intervals(struct call *c)
{
	const struct scmi_sensor *x = sensor_of(c);
	size_t first = c->p[1], n;

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	if (first >= x->n_rates) {
		return SCMI_OUT_OF_RANGE;
	}
	n = least(x->n_rates - first, (c->room - 4) / 4);
	put(c, (uint32_t)(n | (x->n_rates - first - n) << 16));
	for (size_t i = first; i < first + n; i++) {
		/* intervals rise */
		put(c, interval_word(x, x->n_rates - 1 - i));
	}
	return SCMI_SUCCESS;
}

static int sensor_config_get(struct call *c)
{
	const struct scmi_sensor *x = sensor_of(c);
	uint32_t word;

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	word = interval_word(x, x->rate);
	put(c, (x->enabled ? CFG_ENABLED : 0) | (x->stamped ? CFG_STAMPED : 0) |
		       (word & 0x1f) << 11 | word >> 5 << 16);
	return SCMI_SUCCESS;
}

static int sensor_config_set(struct call *c)
{
	struct scmi_sensor *x = sensor_of(c);
	uint32_t w = c->p[1];
	int e = CFG_EXPONENT(w);

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	if ((w & CFG_RESERVED) || CFG_ROUNDING(w) > ROUND_NEAREST ||
	    ((w & CFG_STAMPED) && !c->s->stamps)) {
		return SCMI_INVALID_PARAMETERS;
	}
	x->enabled = w & CFG_ENABLED;
	x->stamped = w & CFG_STAMPED;
	if (CFG_MANTISSA(w)) { /* 0: as before */
		e = e > 15 ? e - 32 : e;
		x->rate = rate_for(x, seconds(CFG_MANTISSA(w), e),
				   CFG_ROUNDING(w));
	}
	return SCMI_SUCCESS;
}

static void put_reading(struct call *c, const struct scmi_sensor *x,
			const struct scmi_sample *at)
{
	for (int i = 0; i < SCMI_AXES; i++) {
		put64(c, at->v[i]);
		put64(c, x->stamped ? at->t : 0);
	}
}

static int sensor_reading(struct call *c)
{
	const struct scmi_sensor *x = sensor_of(c);

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	if (c->p[1]) {
		return SCMI_NOT_SUPPORTED; /* asynchronous */
	}
	if (!x->have_last) {
		return SCMI_HARDWARE_ERROR; /* nothing measured yet */
	}
	put_reading(c, x, &x->last);
	return SCMI_SUCCESS;
}

static int sensor_notify(struct call *c)
{
	struct scmi_sensor *x = sensor_of(c);

	if (!x) {
		return SCMI_NOT_FOUND;
	}
	if (c->p[1] > 1) {
		return SCMI_INVALID_PARAMETERS;
	}
	x->notify = c->p[1];
	return SCMI_SUCCESS;
}

/* ---- commands ---- */

static int message_attributes(struct call *c);

/* Sizes of parameters and, where not a list, of values; the least of a list is
 * its header with one element. */
static const struct command {
	uint8_t protocol, id, params, values;
	bool notifies; /* only where notifications are possible */
	int (*run)(struct call *c);
} commands[] = {
	{ SCMI_BASE, 0x0, 0, 4, false, base_version },
	{ SCMI_BASE, 0x1, 0, 4, false, base_attributes },
	{ SCMI_BASE, 0x2, 4, 4, false, message_attributes },
	{ SCMI_BASE, 0x3, 0, 16, false, base_vendor },
	{ SCMI_BASE, 0x4, 0, 16, false, base_sub_vendor },
	{ SCMI_BASE, 0x5, 0, 4, false, base_implementation },
	{ SCMI_BASE, 0x6, 4, 8, false, base_protocols },
	{ SCMI_BASE, 0x7, 4, 20, false, base_agent },
	{ SCMI_BASE, 0x8, 4, 0, true, base_notify_errors },
	{ SCMI_SENSOR, 0x0, 0, 4, false, sensor_version },
	{ SCMI_SENSOR, 0x1, 0, 16, false, sensor_attributes },
	{ SCMI_SENSOR, 0x2, 4, 4, false, message_attributes },
	{ SCMI_SENSOR, 0x3, 4, 4 + DESCRIPTOR, false, sensor_description },
	{ SCMI_SENSOR, 0x6, 8, SCMI_AXES *READING, false, sensor_reading },
	{ SCMI_SENSOR, 0x7, 8, 4 + AXIS_DESCRIPTOR, false, sensor_axes },
	{ SCMI_SENSOR, 0x8, 8, 8, false, sensor_intervals },
	{ SCMI_SENSOR, 0x9, 4, 4, false, sensor_config_get },
	{ SCMI_SENSOR, 0xa, 8, 0, false, sensor_config_set },
	{ SCMI_SENSOR, 0xb, 8, 0, true, sensor_notify },
};

static const struct command *find(uint32_t protocol, uint32_t id, bool notify)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *m = &commands[i];

		if (m->protocol == protocol && m->id == id &&
		    (notify || !m->notifies)) {
			return m;
		}
	}
	return NULL;
}

static int message_attributes(struct call *c)
{
	if (!find(c->protocol, c->p[0], c->notify)) {
		return SCMI_NOT_FOUND;
	}
	put(c, 0);
	return SCMI_SUCCESS;
}

static int run(struct call *c, const struct command *m, const uint8_t *params,
	       size_t len)
{
	if (!m) {
		return SCMI_NOT_SUPPORTED;
	}
	if (len < m->params) {
		return SCMI_PROTOCOL_ERROR;
	}
	for (size_t i = 0; i < m->params / 4u; i++) {
		memcpy(&c->p[i], params + 4 * i, 4);
		c->p[i] = le32toh(c->p[i]);
	}
	return m->run(c);
}

size_t scmi_request(struct scmi *s, bool notify, const uint8_t *in, size_t len,
		    uint8_t *out, size_t max, enum scmi_status *status)
{
	struct call c = { .s = s, .notify = notify, .v = out + HEAD + STATUS };
	const struct command *m;
	uint32_t head, word;
	int st = SCMI_PROTOCOL_ERROR;

	if (len < HEAD || max < HEAD + STATUS) {
		return 0;
	}
	memcpy(&head, in, sizeof(head));
	word = le32toh(head);
	c.protocol = (enum scmi_protocol)(word >> 10 & 0xff);
	c.room = least(max, SCMI_ANSWER_MAX) - HEAD - STATUS;
	m = find(c.protocol, word & 0xff, notify);
	if (m && m->values > c.room) {
		return 0;
	}
	if ((word >> 8 & 3) == TYPE_COMMAND) {
		st = run(&c, m, in + HEAD, len - HEAD);
	}
	memcpy(out, &head, sizeof(head));
	word = htole32((uint32_t)st);
	memcpy(out + HEAD, &word, sizeof(word));
	if (status) {
		*status = (enum scmi_status)st;
	}
	return HEAD + STATUS + (st ? 0 : c.len);
}

/* ---- samples ---- */

double scmi_rate(const struct scmi *s, size_t i)
{
	const struct scmi_sensor *x = &s->sensor[i];

	return x->enabled ? x->rate_hz[x->rate] : 0;
}

void scmi_sample(struct scmi *s, size_t i, const struct scmi_sample *x)
{
	s->sensor[i].last = *x;
	s->sensor[i].have_last = true;
}

bool scmi_wants(const struct scmi *s, size_t i)
{
	return s->sensor[i].enabled && s->sensor[i].notify;
}

void scmi_update(const struct scmi *s, size_t i, const struct scmi_sample *x,
		 uint8_t out[SCMI_UPDATE_SIZE])
{
	struct call c = { .v = out, .room = SCMI_UPDATE_SIZE };

	put(&c, 1 | TYPE_NOTIFICATION << 8 | SCMI_SENSOR << 10);
	put(&c, AGENT_PLATFORM);
	put(&c, (uint32_t)i);
	put_reading(&c, &s->sensor[i], x);
}

void scmi_reset(struct scmi *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct scmi_sensor *x = &s->sensor[i];

		x->rate = 0;
		x->enabled = x->stamped = x->notify = false;
	}
}

/* ---- texts of the world ---- */

static bool number(const char *text, double *v)
{
	return text && av_num_parse(text, strlen(text), v) == 0;
}

static bool read_rates(struct scmi_sensor *x, char **save)
{
	const char *word;
	uint32_t m;
	int e;

	while ((word = strtok_r(NULL, " ", save))) {
		double *hz = &x->rate_hz[x->n_rates];

		if (x->n_rates == SCMI_RATES_MAX || !number(word, hz) ||
		    !scmi_interval(*hz, &m, &e) ||
		    (x->n_rates && hz[0] <= hz[-1])) {
			return false;
		}
		x->n_rates++;
	}
	return x->n_rates > 0;
}

static bool read_name(char *to, size_t size, const char *from)
{
	if (!from || strlen(from) >= size) {
		return false;
	}
	memcpy(to, from, strlen(from) + 1);
	return true;
}

static bool read_sensor(struct scmi_sensor *x, char **save)
{
	double exponent, max;
	const char *kind;

	if (!read_name(x->name, sizeof(x->name), strtok_r(NULL, " ", save)) ||
	    !read_name(x->source, sizeof(x->source),
		       strtok_r(NULL, " ", save))) {
		return false;
	}
	kind = strtok_r(NULL, " ", save);
	if (!kind ||
	    (strcmp(kind, "accelerometer") && strcmp(kind, "gyroscope"))) {
		return false;
	}
	x->type = kind[0] == 'a' ? SCMI_METRES_PER_S2 : SCMI_RADIANS_PER_S;
	if (!number(strtok_r(NULL, " ", save), &exponent) ||
	    !number(strtok_r(NULL, " ", save), &max) ||
	    !(exponent >= -16 && exponent <= 15) || /* nor NaN */
	    !(max >= 1 && max <= INT32_MAX)) {
		return false;
	}
	x->exponent = (int)exponent;
	x->raw_max = (int64_t)max;
	return read_rates(x, save);
}

int scmi_control(struct scmi *s, const char *text, size_t len,
		 struct av_err *err)
{
	struct scmi_sensor x = { .type = SCMI_METRES_PER_S2 };
	char buf[1024], *save = NULL;
	const char *verb;

	if (len >= sizeof(buf)) {
		return av_err_set(err, -EINVAL, "too long");
	}
	memcpy(buf, text, len);
	buf[len] = '\0';
	verb = strtok_r(buf, " ", &save);
	if (verb && !strcmp(verb, "sensors")) {
		s->n = 0;
		return 0;
	}
	if (!verb || strcmp(verb, "sensor")) {
		return av_err_set(err, -EINVAL, "not 'sensors' or 'sensor'");
	}
	if (s->n == SCMI_SENSORS_MAX) {
		return av_err_set(err, -EINVAL, "more than %d sensors",
				  SCMI_SENSORS_MAX);
	}
	if (!read_sensor(&x, &save)) {
		return av_err_set(err, -EINVAL, "malformed sensor");
	}
	s->sensor[s->n++] = x; /* off, at the lowest rate */
	return 0;
}
