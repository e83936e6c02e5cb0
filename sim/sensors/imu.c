/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chip measures; one or two sensors (calibrated, uncalibrated) show it:
 *
 *	uncalibrated = motion + bias(t) + noise(t)
 *	calibrated   = uncalibrated - estimate of the bias
 *
 * bias(t) is drawn at switch-on and walks from second to second; noise(t) is a
 * draw that belongs to the moment, so both sensors of a chip share it. White
 * noise of density d at rate r has the deviation d * sqrt(r / 2). Then faults,
 * quantisation, the end of the range.
 *
 * What samples are published when: one timer per sensor, at the rate that a
 * guest asked for, or IMU_RECORD_HZ; uncalibrated sensors only on request.
 */
#include "config.h"

#include "sim/sensors/imu.h"

#include "sim/core/log.h"
#include "sim/core/rand.h"
#include "sim/core/text.h"
#include "sim/sensors/hal_config.h"
#include "sim/sensors/imu_priv.h"
#include "sim/sensors/imu_trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 0.1

struct chip {
	struct sensors_chip p;
	double arm[3];	     /* from the centre of mass, body axes, m */
	unsigned int src[3]; /* axis of the chip = sign * body axis src */
	double sign[3];
	struct av_rand noise[3], walk_rand[3];
	double bias[3], estimate[3];
	int64_t walk_s;	    /* the walk is known at this second ... */
	double walk[2][3]; /* ... and at the next */
};

struct broken {
	bool stuck, silent;
	struct imu_sample held; /* while stuck */
	double bias[3];
	double noise;
	double clock; /* factor of the rate */
};

struct sensor {
	struct imu *all;
	struct chip *chip;
	const char *name;
	bool uncal;
	struct imu_series *series; /* NULL: from the vehicle */
	double rate_hz;		   /* asked for, 0 = nobody */
	struct vtimer timer;
	vtime base; /* sample k is due at base + k periods */
	uint64_t k;
	struct broken broken;
};

struct imu {
	struct imu_env env;
	size_t n_chips, n;
	struct chip chip[SENSORS_CHIPS_MAX];
	struct sensor sensor[IMU_SENSORS_MAX];
	struct motion_track track;
	struct imu_trace **trace;
	size_t n_traces;
	struct av_rand extra[3]; /* of the noise fault */
};

static const double scale10[10] = { 1,	 1e1, 1e2, 1e3, 1e4,
				    1e5, 1e6, 1e7, 1e8, 1e9 };

/* ---- creation: chips and sensors ---- */

/* Car axes of Android (right, ahead, up) out of body axes (ahead, left, up). */
static const unsigned int car_src[3] = { 1, 0, 2 };
static const double car_sign[3] = { -1, 1, 1 };

static int android_type(enum imu_kind kind, bool uncal)
{
	static const int types[IMU_N_KINDS][2] = {
		[IMU_ACCEL] = { 1, 35 },
		[IMU_GYRO] = { 4, 16 },
		[IMU_MAG] = { 2, 14 },
	};

	return types[kind][uncal];
}

/* Mounted as the HAL believes, or with the axes of the car. */
static void mount(struct imu *m, struct chip *c, const struct hal_sensor *h)
{
	double at[3];

	memcpy(at, c->p.position, sizeof(at));
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int to = h ? h->map[i] : i;

		c->src[to] = car_src[i];
		c->sign[to] = car_sign[i] * (h && h->negate[i] ? -1 : 1);
	}
	if (h) {
		at[0] = h->location_mm[1] / 1000;
		at[1] = -h->location_mm[0] / 1000;
		at[2] = h->location_mm[2] / 1000;
	}
	c->arm[0] = at[0] - m->env.mass_ahead;
	c->arm[1] = at[1];
	c->arm[2] = at[2] - m->env.mass_above;
}

static void init_chip(struct imu *m, struct chip *c,
		      const struct hal_config *hal)
{
	const struct hal_sensor *h =
		hal_config_find(hal, c->p.name, android_type(c->p.kind, false));
	char stream[SENSORS_NAME_MAX + 16];
	struct av_rand r;

	if (!h && c->p.uncal[0]) {
		h = hal_config_find(hal, c->p.uncal,
				    android_type(c->p.kind, true));
	}
	mount(m, c, h && h->configured ? h : NULL);
	snprintf(stream, sizeof(stream), "imu %s bias", c->p.name);
	av_rand_init(&r, m->env.seed, stream);
	for (int i = 0; i < 3; i++) {
		c->bias[i] = c->p.bias * av_rand_gauss(&r);
		c->estimate[i] =
			c->bias[i] - c->p.residual * av_rand_gauss(&r);
		snprintf(stream, sizeof(stream), "imu %s noise %d", c->p.name,
			 i);
		av_rand_init(&c->noise[i], m->env.seed, stream);
		snprintf(stream, sizeof(stream), "imu %s walk %d", c->p.name,
			 i);
		av_rand_init(&c->walk_rand[i], m->env.seed, stream);
		c->walk[1][i] = c->p.drift * av_rand_gauss(&c->walk_rand[i]);
	}
}

static void on_timer(struct vtimer *t, vtime now);

static void add_sensor(struct imu *m, struct chip *c, bool uncal)
{
	struct sensor *s = &m->sensor[m->n++];

	s->all = m;
	s->chip = c;
	s->uncal = uncal;
	s->name = uncal ? c->p.uncal : c->p.name;
	s->broken.clock = 1;
	s->timer = (struct vtimer){ .fn = on_timer, .ctx = s };
}

/* What the HAL expects and nobody simulates is worth a line. */
static void tell_unknown(const struct imu *m, const struct hal_config *hal)
{
	for (size_t i = 0; i < hal->n; i++) {
		const struct hal_sensor *h = &hal->sensor[i];
		int at = imu_find(m, h->name);

		if (at < 0 ||
		    android_type(m->sensor[at].chip->p.kind,
				 m->sensor[at].uncal) != h->type) {
			av_log(AV_LOG_WARN, "imu",
			       "the HAL configuration has a sensor '%s' of "
			       "type %d that sensors.yaml has not",
			       h->name, h->type);
		}
	}
}

static int load_chips(struct imu *m, const struct sensors_file *f,
		      const struct bundle *in, const char *name,
		      struct av_diags *d)
{
	struct hal_config *hal = calloc(1, sizeof(*hal));
	const struct bundle_file *x;
	int ret = hal ? 0 : -ENOMEM;

	if (ret == 0 && f->hal_config[0]) {
		x = bundle_find(in, BUNDLE_SENSORS, f->hal_config);
		ret = x ? hal_config_parse(x->name, x->data, x->len, hal, d) :
			  av_diag_add(d, name, 0, 0,
				      "the file '%s' that 'hal_configuration' "
				      "names is missing",
				      f->hal_config);
	}
	if (ret < 0) {
		free(hal);
		return ret;
	}
	m->n_chips = f->n_chips;
	for (size_t i = 0; i < f->n_chips; i++) {
		struct chip *c = &m->chip[i];

		c->p = f->chip[i];
		init_chip(m, c, hal);
		add_sensor(m, c, false);
		if (c->p.uncal[0]) {
			add_sensor(m, c, true);
		}
	}
	tell_unknown(m, hal);
	free(hal);
	return 0;
}

/* ---- creation: traces ---- */

static struct sensor *sensor_of(struct imu *m, const struct imu_series *s)
{
	for (size_t i = 0; i < m->n; i++) {
		struct sensor *to = &m->sensor[i];

		if (s->name[0] ? !strcmp(s->name, to->name) :
				 s->kind == to->chip->p.kind &&
					 s->uncal == to->uncal) {
			return to;
		}
	}
	return NULL;
}

static int bind_series(struct imu *m, const char *file, struct imu_series *s,
		       struct av_diags *d)
{
	struct sensor *to = sensor_of(m, s);
	char hint[96];

	if (!to && s->name[0]) {
		av_suggest_text(hint, imu_suggest(m, s->name));
		return av_diag_add(d, file, 0, 0,
				   "this vehicle has no sensor '%s'%s", s->name,
				   hint);
	}
	if (!to) {
		av_log(AV_LOG_WARN, "imu",
		       "%s: this vehicle has no %s%s, its columns are left "
		       "out",
		       file, s->uncal ? "uncalibrated " : "",
		       imu_kind_names[s->kind]);
		return 0;
	}
	if (to->series) {
		return av_diag_add(d, file, 0, 0,
				   "there is another trace of '%s'", to->name);
	}
	to->series = s;
	return 0;
}

static int load_trace(struct imu *m, const struct bundle_file *f,
		      struct av_diags *d)
{
	struct imu_trace **v =
		realloc(m->trace, (m->n_traces + 1) * sizeof(*v)), *t;
	int ret, bad = 0;

	if (!v) {
		return -ENOMEM;
	}
	m->trace = v;
	ret = imu_trace_parse(f->name, f->data, f->len, &t, d);
	if (ret < 0) {
		return ret;
	}
	v[m->n_traces++] = t;
	for (size_t i = 0; i < t->n_series; i++) {
		bad |= bind_series(m, f->name, &t->series[i], d);
	}
	return bad ? -EINVAL : 0;
}

/* Bring Unix times to virtual time. */
static void shift_traces(struct imu *m)
{
	int64_t epoch = m->env.epoch_ns;

	for (size_t i = 0; i < m->n_traces && m->env.epoch_ns == 0; i++) {
		if (m->trace[i]->unix_time &&
		    (epoch == 0 || m->trace[i]->first < epoch)) {
			epoch = m->trace[i]->first;
		}
	}
	for (size_t i = 0; i < m->n_traces; i++) {
		struct imu_trace *t = m->trace[i];

		for (size_t s = 0; t->unix_time && s < t->n_series; s++) {
			for (size_t k = 0; k < t->series[s].n; k++) {
				t->series[s].t[k] -= epoch;
			}
		}
	}
}

static int load_traces(struct imu *m, const struct bundle *in,
		       struct av_diags *d)
{
	const struct bundle_file *f;
	int ret = 0, r;

	for (size_t i = 0; (f = bundle_get(in, BUNDLE_IMU, i)); i++) {
		r = load_trace(m, f, d);
		ret = r < 0 ? r : ret; /* go on: all errors of all files */
	}
	shift_traces(m);
	return ret;
}

static void on_vehicle(void *ctx, const void *msg)
{
	struct imu *m = ctx;

	motion_add(&m->track, msg);
}

static int load(struct imu *m, const struct bundle *in, struct av_diags *d)
{
	const struct bundle_file *f = bundle_get(in, BUNDLE_SENSORS, 0);
	struct sensors_file *sf = calloc(1, sizeof(*sf));
	struct av_err err;
	int ret = sf ? 0 : -ENOMEM;

	if (ret == 0) {
		ret = sensors_file_parse(f->name, f->data, f->len, sf, d);
	}
	if (ret == 0) {
		ret = load_chips(m, sf, in, f->name, d);
	}
	if (ret == 0) {
		ret = load_traces(m, in, d);
	}
	free(sf);
	for (int i = 0; i < 3; i++) {
		char stream[32];

		snprintf(stream, sizeof(stream), "imu fault noise %d", i);
		av_rand_init(&m->extra[i], m->env.seed, stream);
	}
	if (ret == 0 && m->env.vehicle) {
		ret = bus_subscribe(m->env.bus, TOPIC_VEHICLE, STAGE_SENSORS,
				    "motion sensors", on_vehicle, m, &err);
	}
	return ret;
}

int imu_create(const struct imu_env *env, const struct bundle *in,
	       struct imu **out, struct av_diags *d)
{
	const struct bundle_file *f = bundle_get(in, BUNDLE_IMU, 0);
	struct imu *m;
	int ret;

	*out = NULL;
	if (!bundle_get(in, BUNDLE_SENSORS, 0)) {
		return f ? av_diag_add(d, f->name, 0, 0,
				       "a trace of motion sensors needs a "
				       "sensors.yaml that describes them") :
			   0;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		return -ENOMEM;
	}
	m->env = *env;
	ret = load(m, in, d);
	if (ret < 0) {
		imu_destroy(m);
		return ret;
	}
	*out = m;
	return 0;
}

void imu_destroy(struct imu *m)
{
	if (!m) {
		return;
	}
	bus_unsubscribe(m->env.bus, on_vehicle, m);
	for (size_t i = 0; i < m->n; i++) {
		evq_disarm(m->env.q, &m->sensor[i].timer);
	}
	for (size_t i = 0; i < m->n_traces; i++) {
		imu_trace_destroy(m->trace[i]);
	}
	free(m->trace);
	free(m);
}

/* ---- a sample ---- */

/* Bias at @t: from second to second along straight lines. */
static double bias_at(struct chip *c, vtime t, int axis)
{
	double w = vtime_to_s(t) - (double)c->walk_s;

	return c->bias[axis] + c->walk[0][axis] +
	       w * (c->walk[1][axis] - c->walk[0][axis]);
}

static void walk_to(struct chip *c, vtime t)
{
	while (c->walk_s + 1 <= t / VT_S) {
		c->walk_s++;
		for (int i = 0; i < 3; i++) {
			c->walk[0][i] = c->walk[1][i];
			c->walk[1][i] +=
				c->p.drift * av_rand_gauss(&c->walk_rand[i]);
		}
	}
}

/* From body axes into those of the chip. */
static void to_chip(const struct chip *c, double v[3])
{
	double b[3] = { v[0], v[1], v[2] };

	for (int i = 0; i < 3; i++) {
		v[i] = c->sign[i] * b[c->src[i]];
	}
}

static double sampling_hz(const struct sensor *s)
{
	return s->rate_hz > 0 ? s->rate_hz : IMU_RECORD_HZ;
}

static bool from_trace(struct sensor *s, vtime t, double v[IMU_VALUES_MAX])
{
	if (!imu_series_at(s->series, t, v)) {
		return false;
	}
	if (s->series->car_axes) {
		to_chip(s->chip, v);
	}
	return true;
}

static bool from_vehicle(struct sensor *s, vtime t, double v[IMU_VALUES_MAX])
{
	struct motion_track *k = &s->all->track;
	struct chip *c = s->chip;
	struct av_rand r;
	struct motion m;

	if (k->n == 0) {
		return false;
	}
	motion_at(k, t, &m);
	if (c->p.kind == IMU_ACCEL) {
		motion_force(&m, c->arm, v);
	} else if (c->p.kind == IMU_GYRO) {
		motion_turn(&m, v);
	} else {
		motion_field(k, &m, v);
	}
	to_chip(c, v);
	walk_to(c, t);
	for (int i = 0; i < 3; i++) {
		v[i] += bias_at(c, t, i) - (s->uncal ? 0 : c->estimate[i]);
		v[i + 3] = c->estimate[i];
		if (c->p.noise > 0) {
			av_rand_at(&c->noise[i], (uint64_t)t, &r);
			v[i] += c->p.noise * sqrt(sampling_hz(s) / 2) *
				av_rand_gauss(&r);
		}
	}
	return true;
}

static void apply_faults(const struct sensor *s, vtime t, double v[3])
{
	const struct broken *b = &s->broken;
	struct av_rand r;

	for (int i = 0; i < 3; i++) {
		v[i] += b->bias[i];
		if (b->noise > 0) {
			av_rand_at(&s->all->extra[i], (uint64_t)t, &r);
			v[i] += b->noise * av_rand_gauss(&r);
		}
	}
}

static int32_t raw_max(const struct chip *c)
{
	return (int32_t)floor(c->p.range * scale10[-c->p.exponent] + 1e-6);
}

static bool take(struct sensor *s, vtime t, struct imu_sample *out)
{
	double v[IMU_VALUES_MAX] = { 0 };
	double scale = scale10[-s->chip->p.exponent];
	double max = raw_max(s->chip);

	if (s->series ? !from_trace(s, t, v) : !from_vehicle(s, t, v)) {
		return false;
	}
	apply_faults(s, t, v);
	*out = (struct imu_sample){ .t = t,
				    .sensor = (uint32_t)(s - s->all->sensor),
				    .n = s->uncal ? 6 : 3,
				    .name = s->name };
	for (uint32_t i = 0; i < out->n; i++) {
		double q = round(v[i] * scale);

		q = q > max ? max : q < -max ? -max : q;
		out->raw[i] = (int32_t)q;
		out->value[i] = (double)out->raw[i] / scale;
	}
	return true;
}

int imu_read(struct imu *m, size_t sensor, struct imu_sample *out)
{
	struct sensor *s = &m->sensor[sensor];
	vtime t = evq_now(m->env.q);

	if (s->broken.silent) {
		return -ENODATA;
	}
	if (s->broken.stuck) {
		*out = s->broken.held;
		out->t = t;
		return 0;
	}
	return take(s, t, out) ? 0 : -ENODATA;
}

/* ---- sampling ---- */

static void arm(struct sensor *s)
{
	double hz = sampling_hz(s) * s->broken.clock;
	vtime due = s->base + llround((double)s->k * 1e9 / hz);

	if (s->uncal && s->rate_hz <= 0) {
		evq_disarm(s->all->env.q, &s->timer);
		return;
	}
	if (evq_arm(s->all->env.q, &s->timer, due) < 0) {
		av_log(AV_LOG_ERR, "imu", "out of memory: %s is silent",
		       s->name);
	}
}

/* Start counting anew. Unasked samples are on multiples of their period. */
static void restart(struct sensor *s)
{
	vtime now = evq_now(s->all->env.q);

	s->base = s->rate_hz > 0 ? now : 0;
	s->k = 1;
	if (s->rate_hz <= 0) {
		double hz = sampling_hz(s) * s->broken.clock;

		s->k = (uint64_t)floor(vtime_to_s(now) * hz + 1e-9) + 1;
	}
	arm(s);
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct sensor *s = t->ctx;
	struct imu *m = s->all;
	struct imu_sample sample;

	(void)now;
	s->k++;
	arm(s);
	if (bus_wanted(m->env.bus, TOPIC_IMU) &&
	    imu_read(m, (size_t)(s - m->sensor), &sample) == 0) {
		bus_publish(m->env.bus, TOPIC_IMU, &sample);
	}
}

void imu_start(struct imu *m)
{
	for (size_t i = 0; i < m->n; i++) {
		restart(&m->sensor[i]);
	}
}

/* ---- rates ---- */

static double rate_max(const struct sensor *s)
{
	return s->chip->p.rate_hz[s->chip->p.n_rates - 1];
}

int imu_check_rate(const struct imu *m, size_t sensor, double rate_hz,
		   struct av_err *err)
{
	const struct sensor *s = &m->sensor[sensor];

	if (rate_hz == 0 || (rate_hz >= RATE_MIN && rate_hz <= rate_max(s))) {
		return 0;
	}
	return av_err_set(err, -EDOM,
			  "%s samples at %g to %g Hz, or 0 for nobody", s->name,
			  RATE_MIN, rate_max(s));
}

int imu_set_rate(struct imu *m, size_t sensor, double rate_hz,
		 struct av_err *err)
{
	struct sensor *s = &m->sensor[sensor];
	int ret = imu_check_rate(m, sensor, rate_hz, err);

	if (ret == 0) {
		s->rate_hz = rate_hz;
		restart(s);
	}
	return ret;
}

double imu_rate(const struct imu *m, size_t sensor)
{
	return m->sensor[sensor].rate_hz;
}

static int post_rate(struct imu *m, size_t sensor, double rate_hz)
{
	char text[160], num[AV_NUM_TEXT_MAX];

	av_num_text(rate_hz, num);
	snprintf(text, sizeof(text), "sensor-rate sensor=%s rate=%s",
		 m->sensor[sensor].name, num);
	return cmdq_post(m->env.cmdq, CMD_FROM_GUEST, text);
}

int imu_enable(struct imu *m, size_t sensor, double rate_hz)
{
	if (rate_hz == 0 || imu_check_rate(m, sensor, rate_hz, NULL) < 0) {
		return -EDOM;
	}
	return post_rate(m, sensor, rate_hz);
}

int imu_disable(struct imu *m, size_t sensor)
{
	return post_rate(m, sensor, 0);
}

/* ---- what there is ---- */

size_t imu_count(const struct imu *m)
{
	return m ? m->n : 0;
}

void imu_info(const struct imu *m, size_t sensor, struct imu_info *out)
{
	const struct sensor *s = &m->sensor[sensor];
	const struct sensors_chip *p = &s->chip->p;

	*out = (struct imu_info){ .name = s->name,
				  .kind = p->kind,
				  .uncalibrated = s->uncal,
				  .android_type =
					  android_type(p->kind, s->uncal),
				  .exponent = p->exponent,
				  .unit = imu_kind_units[p->kind],
				  .raw_max = raw_max(s->chip),
				  .n_rates = p->n_rates,
				  .rate_hz = p->rate_hz };
}

int imu_find(const struct imu *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!strcmp(m->sensor[i].name, name)) {
			return (int)i;
		}
	}
	return -1;
}

static const char *name_at(const void *m, size_t i)
{
	return ((const struct imu *)m)->sensor[i].name;
}

const char *imu_suggest(const struct imu *m, const char *name)
{
	return av_suggest(name, m->n, name_at, m);
}

void imu_to_car(const struct imu *m, size_t sensor, const double chip[3],
		double car[3])
{
	const struct chip *c = m->sensor[sensor].chip;
	double body[3];

	for (int i = 0; i < 3; i++) {
		body[c->src[i]] = c->sign[i] * chip[i];
	}
	for (int i = 0; i < 3; i++) {
		car[i] = car_sign[i] * body[car_src[i]];
	}
}

/* ---- faults ---- */

void imu_break(struct imu *m, size_t sensor, enum imu_fault what, int axis,
	       double amount)
{
	struct sensor *s = &m->sensor[sensor];
	struct broken *b = &s->broken;

	switch (what) {
	case IMU_STUCK:
		b->stuck = amount != 0 && take(s, evq_now(m->env.q), &b->held);
		break;
	case IMU_DROPOUT:
		b->silent = amount != 0;
		break;
	case IMU_BIAS:
		for (int i = 0; i < 3; i++) {
			b->bias[i] = axis < 0 || axis == i ? amount :
							     b->bias[i];
		}
		break;
	case IMU_NOISE:
		b->noise = amount;
		break;
	case IMU_CLOCK:
		b->clock = amount;
		restart(s);
		break;
	}
}
