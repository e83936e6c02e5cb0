/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/model.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "ui/gauge.h"
#include "ui/track.h"

const char *const model_kind_names[MODEL_N_KINDS] = {
	[MODEL_LINE] = "log",	[MODEL_COMMAND] = "command",
	[MODEL_SCENARIO] = "scenario", [MODEL_FAULT] = "fault",
	[MODEL_POWER] = "power", [MODEL_DEVICE] = "device",
};

/* ---- time bar ---- */

static void bar_mark(struct model_bar *b, vtime t, unsigned int kind)
{
	size_t i;

	if (t < 0 || t == VT_NEVER) {
		return;
	}
	while (t > b->span) { /* open end: two cells become one */
		for (i = 0; i < MODEL_BAR_MAX / 2; i++) {
			b->cell[i] = (uint8_t)(b->cell[2 * i] |
					       b->cell[2 * i + 1]);
		}
		memset(b->cell + MODEL_BAR_MAX / 2, 0, MODEL_BAR_MAX / 2);
		b->span = b->span > VT_NEVER / 2 ? VT_NEVER : b->span * 2;
	}
	i = (size_t)((double)t / (double)b->span * MODEL_BAR_MAX);
	if (i >= MODEL_BAR_MAX) {
		i = MODEL_BAR_MAX - 1;
	}
	b->cell[i] = (uint8_t)(b->cell[i] | 1u << kind);
}

/* ---- log ---- */

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size) {
		n = size - 1;
		/* do not cut a UTF-8 sequence in two */
		while (n > 0 && ((unsigned char)src[n] & 0xc0) == 0x80) {
			n--;
		}
	}
	memcpy(dst, src, n);
	dst[n] = '\0';
}

static struct model_log *log_add(struct model *m, vtime t,
				 enum model_kind kind, enum av_log_level level,
				 const char *key, const char *text)
{
	struct model_log *e = &m->log[m->n_log++ % MODEL_LOG_MAX];

	e->t = t;
	e->kind = kind;
	e->level = level;
	copy_text(e->key, sizeof(e->key), key);
	copy_text(e->text, sizeof(e->text), text);
	m->version++;
	return e;
}

const struct model_log *model_log_at(const struct model *m, size_t i)
{
	if (i >= MODEL_LOG_MAX || i >= m->n_log) {
		return NULL;
	}
	return &m->log[(m->n_log - 1 - i) % MODEL_LOG_MAX];
}

void model_log_sink(void *ctx, vtime now, enum av_log_level level,
		    const char *topic, const char *line)
{
	struct model *m = ctx;
	struct model_log *e = log_add(m, now, MODEL_LINE, level, topic, line);

	if (level <= AV_LOG_WARN) {
		m->warnings++;
		if (m->n_late < MODEL_LATE_MAX) {
			m->late[m->n_late++] = *e;
		}
	}
}

static void on_text(struct model *m, enum model_kind kind, const void *msg)
{
	const struct text_event *e = msg;

	log_add(m, e->t, kind, AV_LOG_INFO, e->key, e->text);
	bar_mark(&m->bar, e->t, kind);
}

/* Marks and verdicts are worth a sign on the time bar; single actions would
 * bury them. */
static void on_scenario(void *ctx, const void *msg)
{
	struct model *m = ctx;
	const struct text_event *e = msg;
	bool failed = !strcmp(e->key, "expect") &&
		      !strncmp(e->text, "fail", 4);

	log_add(m, e->t, MODEL_SCENARIO, failed ? AV_LOG_WARN : AV_LOG_INFO,
		e->key, e->text);
	if (strcmp(e->key, "do") != 0) {
		bar_mark(&m->bar, e->t,
			 failed ? MODEL_BAR_FAILED : MODEL_SCENARIO);
	}
}

static void on_fault(void *ctx, const void *msg)
{
	on_text(ctx, MODEL_FAULT, msg);
}

static void on_power(void *ctx, const void *msg)
{
	on_text(ctx, MODEL_POWER, msg);
}

static void on_device(void *ctx, const void *msg)
{
	on_text(ctx, MODEL_DEVICE, msg);
}

static void on_command(void *ctx, const void *msg)
{
	struct model *m = ctx;
	const struct cmd_event *e = msg;
	char text[sizeof(m->log[0].text)];

	if (e->cmd->kind != CMD_TEXT) {
		return; /* what an ECU obeyed shows as its effect */
	}
	if (e->ok) {
		copy_text(text, sizeof(text), e->cmd->text);
	} else {
		snprintf(text, sizeof(text), "%.80s: refused: %s",
			 e->cmd->text, e->error ? e->error : "no reason given");
	}
	log_add(m, e->t, MODEL_COMMAND, e->ok ? AV_LOG_INFO : AV_LOG_WARN,
		cmd_source_names[e->cmd->source], text);
	bar_mark(&m->bar, e->t, MODEL_COMMAND);
	if (!e->ok && e->cmd->source == CMD_FROM_USER) {
		m->refused++;
		copy_text(m->refusal, sizeof(m->refusal),
			  e->error ? e->error : "no reason given");
	}
}

/* ---- properties ---- */

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ b[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	}
	return h;
}

static uint64_t fingerprint(const struct vhal_value *v)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)v->status;

	h = hash_bytes(h, v->i32, v->n_i32 * sizeof(v->i32[0]));
	h = hash_bytes(h, v->i64, v->n_i64 * sizeof(v->i64[0]));
	h = hash_bytes(h, v->f32, v->n_f32 * sizeof(v->f32[0]));
	h = hash_bytes(h, v->bytes, v->n_bytes);
	return v->str ? hash_bytes(h, v->str, strlen(v->str)) : h;
}

static void on_vhal(void *ctx, const void *msg)
{
	struct model *m = ctx;
	const struct vhal_event *e = msg;
	struct model_prop *p;
	uint64_t print;

	if (e->slot >= m->n_props) {
		return;
	}
	p = &m->prop[e->slot];
	print = fingerprint(e->value);
	p->seen = e->t;
	if (!p->any || print != p->print) {
		if (p->any) {
			p->wall_ms = m->wall_ms;
			p->n++;
			m->prop_changes++;
		}
		p->changed = e->t;
		p->print = print;
	}
	p->any = true;
	m->version++;
}

/* The world has started already: what the store holds is the beginning. */
static void read_store(struct model *m)
{
	for (size_t i = 0; i < m->n_props; i++) {
		const struct vhal_value *v = vhal_get(m->w->vhal, (uint32_t)i);
		struct model_prop *p = &m->prop[i];

		p->any = v->status == VHAL_AVAILABLE &&
			 (v->n_i32 || v->n_i64 || v->n_f32 || v->n_bytes ||
			  v->str);
		if (p->any) {
			p->seen = p->changed = v->t;
			p->print = fingerprint(v);
		}
	}
}

/* ---- CAN ---- */

static bool can_before(const struct model_can *a, const struct model_can *b)
{
	if (a->bus != b->bus) {
		return a->bus < b->bus;
	}
	if ((a->flags & CAN_EXT) != (b->flags & CAN_EXT)) {
		return !(a->flags & CAN_EXT);
	}
	return a->id < b->id;
}

static struct model_can *can_new(struct model *m, const struct can_frame *f,
				 size_t bucket)
{
	struct model_can *c;
	size_t at;

	if (m->n_can >= MODEL_CAN_MAX) {
		m->can_untracked++;
		return NULL;
	}
	c = &m->can[m->n_can];
	c->id = f->id;
	c->bus = f->bus;
	c->flags = f->flags;
	c->len = f->len;
	memcpy(c->data, f->data, sizeof(c->data));
	c->first = f->t;
	if (m->w->dbc && f->bus < m->w->n_buses) {
		c->msg = dbc_by_id(m->w->dbc[f->bus], f->id,
				   f->flags & CAN_EXT);
	}
	for (at = m->n_can; at > 0; at--) {
		if (!can_before(c, &m->can[m->can_order[at - 1]])) {
			break;
		}
		m->can_order[at] = m->can_order[at - 1];
	}
	m->can_order[at] = (uint16_t)m->n_can;
	m->can_hash[bucket] = (uint16_t)++m->n_can;
	return c;
}

static struct model_can *can_row(struct model *m, const struct can_frame *f)
{
	const size_t n = sizeof(m->can_hash) / sizeof(m->can_hash[0]);
	uint32_t key = f->id ^ (uint32_t)f->bus << 29 ^
		       (f->flags & CAN_EXT ? 1u << 31 : 0);
	size_t i = (key * UINT32_C(2654435761)) >> 16;

	for (;; i++) {
		size_t bucket = i % n;
		struct model_can *c;

		if (m->can_hash[bucket] == 0) {
			return can_new(m, f, bucket);
		}
		c = &m->can[m->can_hash[bucket] - 1];
		if (c->id == f->id && c->bus == f->bus &&
		    (c->flags & CAN_EXT) == (f->flags & CAN_EXT)) {
			return c;
		}
	}
}

static void on_can(void *ctx, const void *msg)
{
	struct model *m = ctx;
	const struct can_frame *f = msg;
	struct model_can *c;

	m->version++;
	m->can_frames++;
	if (f->flags & CAN_ERR) {
		return;
	}
	c = can_row(m, f);
	if (!c) {
		return;
	}
	c->n++;
	c->last = f->t;
	c->tx = f->tx;
	c->flags = f->flags;
	if (c->len != f->len || memcmp(c->data, f->data, f->len) != 0) {
		for (size_t i = 0; i < f->len; i++) {
			if (i >= c->len || c->data[i] != f->data[i]) {
				c->heat[i] = m->wall_ms;
			}
		}
		c->len = f->len;
		memcpy(c->data, f->data, f->len);
	}
}

const struct model_can *model_can_at(const struct model *m, size_t i)
{
	return &m->can[m->can_order[i]];
}

/* ---- motion sensors ---- */

static void on_fix(struct model *m, const struct gnss_event *e)
{
	struct model_gnss *g = &m->gnss;

	/* other providers only where there is no receiver of satellites */
	if (strcmp(e->provider, "GPS") != 0 && !strcmp(g->provider, "GPS")) {
		return;
	}
	if (g->any && e->t > g->t) {
		g->rate_hz = 1e9 / (double)(e->t - g->t);
	}
	if (!g->any || g->fix.mode != e->fix->mode) {
		g->since = e->t;
	}
	g->any = true;
	g->t = e->t;
	g->fix = *e->fix;
	if (e->fix->mode >= 2) {
		g->good = *e->fix;
		g->true_lat = m->w->state.v[VV_lat];
		g->true_lon = m->w->state.v[VV_lon];
	}
	snprintf(g->provider, sizeof(g->provider), "%s", e->provider);
}

static void on_gnss(void *ctx, const void *msg)
{
	const struct gnss_event *e = msg;
	struct model *m = ctx;
	struct model_gnss *g = &m->gnss;

	switch (e->kind) {
	case GNSS_FIX:
		on_fix(m, e);
		break;
	case GNSS_SATS:
		g->n_sats = e->n_sats < GNSS_SATS_MAX ? e->n_sats :
							GNSS_SATS_MAX;
		memcpy(g->sat, e->sat, g->n_sats * sizeof(*e->sat));
		break;
	case GNSS_RAW:
		g->raws++;
		break;
	}
	m->version++;
}

static void on_imu(void *ctx, const void *msg)
{
	const struct imu_sample *s = msg;
	struct model *m = ctx;
	struct model_imu *i;
	int64_t cell = s->t / MODEL_IMU_CELL;

	if (s->sensor >= m->n_imu) {
		return;
	}
	i = &m->imu[s->sensor];
	if (i->last.n == 0 || cell - i->cell > MODEL_IMU_CELLS) {
		i->cell = cell - MODEL_IMU_CELLS;
	} else if (s->t > i->last.t) {
		i->rate_hz = 1e9 / (double)(s->t - i->last.t);
	}
	while (i->cell < cell) {
		i->cell++;
		for (int a = 0; a < 3; a++) {
			i->course[a][i->cell & (MODEL_IMU_CELLS - 1)] = NAN;
		}
	}
	for (int a = 0; a < 3; a++) {
		i->course[a][cell & (MODEL_IMU_CELLS - 1)] = (float)s->value[a];
	}
	i->last = *s;
	m->version++;
}

double model_imu_course(const struct model *m, size_t sensor, int axis,
			vtime t)
{
	const struct model_imu *i = &m->imu[sensor];
	int64_t cell = t / MODEL_IMU_CELL;

	return i->last.n == 0 || cell > i->cell ||
			       cell <= i->cell - MODEL_IMU_CELLS ?
		       (double)NAN :
		       (double)i->course[axis][cell & (MODEL_IMU_CELLS - 1)];
}

/* ---- path ---- */

static void on_vehicle(void *ctx, const void *msg)
{
	struct model *m = ctx;

	m->state_seen = true;
	m->version++;
	track_vehicle(m, msg);
}

static void on_signal(void *ctx, const void *msg)
{
	track_signal(ctx, msg);
}

/* ---- life ---- */

static int subscribe(struct model *m, struct av_err *err)
{
	static const struct {
		enum av_topic_id topic;
		bus_fn *fn;
	} taps[] = {
		{ TOPIC_COMMAND, on_command },	 { TOPIC_FAULT, on_fault },
		{ TOPIC_VEHICLE, on_vehicle },	 { TOPIC_CAN, on_can },
		{ TOPIC_SIGNAL, on_signal },	 { TOPIC_VHAL, on_vhal },
		{ TOPIC_IMU, on_imu },		 { TOPIC_GNSS, on_gnss },
		{ TOPIC_POWER, on_power },
		{ TOPIC_DEVICE, on_device },	 { TOPIC_BT, on_device },
		{ TOPIC_SCENARIO, on_scenario },
	};

	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
		int ret = bus_subscribe(m->w->bus, taps[i].topic, STAGE_TAP,
					"dashboard", taps[i].fn, m, err);

		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

int model_create(struct world *w, struct model **out, struct av_err *err)
{
	struct model *m = calloc(1, sizeof(*m));
	int ret = -ENOMEM;

	*out = NULL;
	if (!m) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	m->w = w;
	m->wall_ms = 1;
	m->n_props = w->vhal ? vhal_n_slots(w->vhal) : 0;
	m->prop = calloc(m->n_props + 1, sizeof(*m->prop));
	m->can = calloc(MODEL_CAN_MAX, sizeof(*m->can));
	m->log = calloc(MODEL_LOG_MAX, sizeof(*m->log));
	m->n_imu = imu_count(w->imu);
	m->imu = calloc(m->n_imu + 1, sizeof(*m->imu));
	m->gauges = gauges_create(w);
	if (!m->prop || !m->can || !m->log || !m->imu || !m->gauges) {
		av_err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	m->bar.span = w->duration == VT_NEVER || w->duration <= 0 ?
			      60 * VT_S :
			      w->duration;
	m->rate_from = evq_now(w->q);
	m->pace_virt = m->rate_from;
	m->state_seen = w->vehicle != NULL;
	read_store(m);
	track_init(m);
	ret = subscribe(m, err);
	if (ret < 0) {
		goto fail;
	}
	*out = m;
	return 0;

fail:
	model_destroy(m);
	return ret;
}

void model_destroy(struct model *m)
{
	static bus_fn *const fns[] = { on_command, on_fault,  on_vehicle,
				       on_can,	   on_signal, on_vhal,
				       on_imu,	   on_gnss,   on_power,  on_device,
				       on_scenario };

	if (!m) {
		return;
	}
	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
		bus_unsubscribe(m->w->bus, fns[i], m);
	}
	gauges_destroy(m->gauges);
	free(m->imu);
	free(m->log);
	free(m->can);
	free(m->prop);
	free(m);
}

/* ---- viewer ---- */

/* Frames per second of virtual time, over windows of at least one second. */
static void tick_rates(struct model *m, vtime now)
{
	double dt = vtime_to_s(now - m->rate_from);

	if (dt < 1.0) {
		return;
	}
	for (size_t i = 0; i < m->n_can; i++) {
		struct model_can *c = &m->can[i];

		c->rate_hz = (double)(c->n - c->n_window) / dt;
		c->n_window = c->n;
	}
	m->can_rate_hz = (double)(m->can_frames - m->can_frames_window) / dt;
	m->can_frames_window = m->can_frames;
	m->rate_from = now;
}

void model_tick(struct model *m, int64_t wall_ns, vtime now)
{
	int64_t dt = wall_ns - m->pace_wall;

	/* milliseconds modulo 2^32, never 0: that means "never" */
	m->wall_ms = (uint32_t)(wall_ns / VT_MS) | 1u;
	tick_rates(m, now);
	if (m->pace_wall == 0) {
		m->pace_wall = wall_ns;
		m->pace_virt = now;
	} else if (dt >= VT_S / 2) {
		m->pace_real = (double)(now - m->pace_virt) / (double)dt;
		m->pace_wall = wall_ns;
		m->pace_virt = now;
	}
}

int model_heat(const struct model *m, uint32_t wall_ms)
{
	uint32_t age = m->wall_ms - wall_ms;

	if (wall_ms == 0) {
		return 0;
	}
	return age < 400 ? 3 : age < 1000 ? 2 : age < 2500 ? 1 : 0;
}
