/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-scmi: the vehicle's accelerometer and gyroscope as a platform's SCMI
 * sensors (scmi.h), of which Linux makes IIO devices.
 *
 * The world tells what sensors there are and hands on each of their samples;
 * the rate that a driver asks for goes back as the command "sensor-rate", so it
 * is recorded, and a replay without the guest samples alike.
 *
 * Samples wait here until the guest can take them. It would seem to take 256, its
 * event buffers, but Linux's interrupt moves each into a queue of 4096 bytes, 51
 * samples of all sensors, gives the buffer back at once and drops what does not
 * fit; a worker empties that queue, and gets the processor when no interrupt has
 * it. So a sample goes out as it comes only while the guest keeps up. Once a BATCH
 * is out the guest is behind: nothing more goes until all of it has come back,
 * then the guest is left alone for as long as that took, and then it gets the
 * next BATCH. How long it is left alone falls slowly, for on a loaded host a
 * batch that met the guest awake came back soon and says little. A guest with
 * hardly any processor time so gets its samples late; where more wait than there
 * is room for, the newest is dropped, and counted.
 */
#include "config.h"

#include "sim/core/log.h"
#include "sim/core/text.h"
#include "sim/world.h"
#include "vdevices/devices.h"
#include "vdevices/handle.h"
#include "vdevices/scmi.h"
#include "vdevices/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	Q_COMMAND,
	Q_EVENT,
	N_QUEUES,
	F_P2A_CHANNELS = 1 << 0,
	BUDGET = 64,        /* chains a kick */
	REQUEST_MAX = 256,  /* Linux sends 136 at most */
	WAITING_MAX = 4096, /* samples, on either side of the port; 5 s of two
			     * sensors at 400 Hz */
	BATCH = 16,         /* samples on their way to the guest */
	TICK_MS = 4,        /* by which a guest that is behind is timed */
	REST_MAX = 10,      /* ticks; one long stop says nothing of the next */
	HELD_MAX = 256,     /* event buffers; Linux has that many */
	EVENT_PIECES = 4,   /* of an event buffer; one would do */
};

/* An event buffer of the driver's. */
struct held {
	struct vq_chain c;
	struct iovec iov[EVENT_PIECES];
};

/* What goes through the port; @lost: dropped before it, of all sensors. */
struct message {
	struct scmi_sample x;
	uint64_t lost;
};

struct waiting {
	uint32_t sensor;
	struct message m;
};

struct backlog {
	uint32_t head, n;
	struct waiting at[WAITING_MAX];
};

struct scmi_dev {
	struct scmi s;
	double told[SCMI_SENSORS_MAX]; /* rate that the world knows of, Hz */
	struct iovec iov[VIRTQ_IOV_MAX];
	struct backlog waiting;
	uint32_t first, n_held; /* of held, a ring */
	uint32_t out;           /* sent, and the buffer is not back yet */
	struct held held[HELD_MAX];
	bool behind, ticked;
	/* ticks: of the batch; since it is back; to leave the guest alone */
	unsigned int away, rested, rest;
	uv_timer_t *tick; /* runs while behind */
};

static bool backlog_add(struct backlog *b, const struct waiting *w)
{
	if (b->n == WAITING_MAX) {
		return false;
	}
	b->at[(b->head + b->n++) % WAITING_MAX] = *w;
	return true;
}

static struct waiting *backlog_first(struct backlog *b)
{
	return b->n ? &b->at[b->head] : NULL;
}

static void backlog_pop(struct backlog *b)
{
	b->head = (b->head + 1) % WAITING_MAX;
	b->n--;
}

static int scmi_open(struct vdev *d, const struct vdev_args *a,
		     struct av_err *err)
{
	const char *stamps = vdev_opt(a, "timestamps", "on");
	struct scmi_dev *v;

	if (strcmp(stamps, "on") && strcmp(stamps, "off")) {
		return av_err_set(err, -EINVAL,
				  "%s: timestamps is '%s', not on or off",
				  a->name, stamps);
	}
	v = calloc(1, sizeof(*v));
	if (!v) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	v->s.stamps = !strcmp(stamps, "on");
	d->priv = v;
	return 0;
}

static int scmi_ready(struct vdev *d, struct av_err *err)
{
	struct scmi_dev *v = d->priv;

	v->tick = malloc(sizeof(*v->tick));
	if (!v->tick) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", d->name);
	}
	uv_timer_init(d->loop, v->tick);
	v->tick->data = d;
	return 0;
}

static void scmi_close(struct vdev *d)
{
	struct scmi_dev *v = d->priv;

	handle_close(v->tick);
	free(v);
}

/* Have the world sample as the guest wants it. */
static void tell_rates(struct vdev *d)
{
	struct scmi_dev *v = d->priv;
	char text[160], num[AV_NUM_TEXT_MAX];

	for (size_t i = 0; i < v->s.n; i++) {
		double hz = scmi_rate(&v->s, i);

		if (hz == v->told[i]) {
			continue;
		}
		av_num_text(hz, num);
		snprintf(text, sizeof(text), "sensor-rate sensor=%s rate=%s",
			 v->s.sensor[i].source, num);
		if (vdev_send(d, PORT_COMMAND, 0, text, strlen(text))) {
			return; /* scmi_writable() goes on */
		}
		v->told[i] = hz;
	}
}

static void serve(struct vdev *d, const struct vq_chain *c)
{
	struct scmi_dev *v = d->priv;
	uint8_t in[REQUEST_MAX], out[SCMI_ANSWER_MAX];
	size_t len = vq_read(c, 0, in, sizeof(in));
	size_t max = c->in_len < sizeof(out) ? c->in_len : sizeof(out);
	enum scmi_status st = SCMI_SUCCESS;

	len = scmi_request(&v->s, d->features & F_P2A_CHANNELS, in, len, out,
			   max, &st);
	vq_write(c, 0, out, len);
	virtq_push(vdev_queue(d, Q_COMMAND), c, (uint32_t)len);
	if (len == 0 || st == SCMI_PROTOCOL_ERROR) {
		vdev_error(d);
	}
}

static bool kick_commands(struct vdev *d)
{
	struct scmi_dev *v = d->priv;
	struct vq_chain c = { .iov = v->iov, .max_iov = VIRTQ_IOV_MAX };
	bool more = true;

	for (int i = 0; i < BUDGET && more; i++) {
		more = virtq_pop(vdev_queue(d, Q_COMMAND), &c);
		if (more) {
			serve(d, &c);
		}
	}
	tell_rates(d);
	return more;
}

/* ---- samples to the guest ---- */

static void take_buffers(struct vdev *d)
{
	struct scmi_dev *v = d->priv;
	struct virtq *vq = vdev_queue(d, Q_EVENT);

	while (v->n_held < HELD_MAX) {
		struct held *h = &v->held[(v->first + v->n_held) % HELD_MAX];

		h->c = (struct vq_chain){ .iov = h->iov,
					  .max_iov = EVENT_PIECES };
		if (!virtq_pop(vq, &h->c)) {
			break;
		}
		if (h->c.in_len < SCMI_UPDATE_SIZE) {
			virtq_push(vq, &h->c, 0); /* useless */
			vdev_error(d);
			continue;
		}
		v->n_held++;
		v->out -= v->out > 0;
	}
}

static void send_one(struct vdev *d)
{
	struct scmi_dev *v = d->priv;
	const struct waiting *w = backlog_first(&v->waiting);
	const struct vq_chain *c = &v->held[v->first].c;
	uint8_t out[SCMI_UPDATE_SIZE];

	scmi_update(&v->s, w->sensor, &w->m.x, out);
	vq_write(c, 0, out, sizeof(out));
	virtq_push(vdev_queue(d, Q_EVENT), c, sizeof(out));
	v->first = (v->first + 1) % HELD_MAX;
	v->n_held--;
	v->out++;
	backlog_pop(&v->waiting);
}

/* The first one that the guest still wants. */
static bool any_waits(struct scmi_dev *v)
{
	const struct waiting *w;

	while ((w = backlog_first(&v->waiting)) &&
	       !scmi_wants(&v->s, w->sensor)) {
		backlog_pop(&v->waiting);
	}
	return w;
}

static void send_batch(struct vdev *d)
{
	struct scmi_dev *v = d->priv;

	while (any_waits(v) && v->n_held && v->out < BATCH) {
		send_one(d);
	}
}

static void on_tick(uv_timer_t *t)
{
	struct vdev *d = t->data;
	struct scmi_dev *v = d->priv;

	v->ticked = true;
	vdev_wake(d, Q_EVENT);
}

/* A tick of a guest that is behind. */
static void let_catch_up(struct vdev *d)
{
	struct scmi_dev *v = d->priv;

	if (v->out) {
		v->away += v->away < REST_MAX;
		v->rest = v->away > v->rest ? v->away : v->rest;
		return;
	}
	if (v->rested < v->rest) {
		v->rested++;
		return;
	}
	v->rest -= (v->rest + 3) / 4;
	v->away = v->rested = 0;
	send_batch(d);
	if (v->waiting.n == 0 && v->rest == 0) {
		v->behind = false;
		uv_timer_stop(v->tick);
	}
}

static bool kick_events(struct vdev *d)
{
	struct scmi_dev *v = d->priv;

	take_buffers(d);
	if (v->behind) {
		if (v->ticked) {
			v->ticked = false;
			let_catch_up(d);
		}
		return false;
	}
	send_batch(d);
	if (v->waiting.n) {
		v->behind = true;
		v->ticked = false;
		v->away = v->rested = 0;
		v->rest = 1;
		uv_timer_start(v->tick, on_tick, TICK_MS, TICK_MS);
	}
	return false;
}

/* The driver gets back what it lent, the last one first. */
static void scmi_stop(struct vdev *d, unsigned int q)
{
	struct scmi_dev *v = d->priv;

	while (q == Q_EVENT && v->n_held) {
		v->n_held--;
		virtq_unpop(
			vdev_queue(d, q),
			&v->held[(v->first + v->n_held) % HELD_MAX].c);
	}
	if (q == Q_EVENT) {
		v->out = 0;
		v->behind = false;
		uv_timer_stop(v->tick);
	}
}

static bool scmi_kick(struct vdev *d, unsigned int q)
{
	return q == Q_COMMAND ? kick_commands(d) : kick_events(d);
}

/* A driver gives each event buffer back at once: they are looked at with the
 * next sample, or the next tick. */
static bool scmi_deaf(struct vdev *d, unsigned int q)
{
	(void)d;
	return q == Q_EVENT;
}

static void scmi_dev_reset(struct vdev *d)
{
	struct scmi_dev *v = d->priv;

	v->waiting.n = 0;
	scmi_reset(&v->s);
	tell_rates(d);
}

static void take_sample(struct vdev *d, const struct port_msg *m)
{
	struct scmi_dev *v = d->priv;
	struct waiting w = { .sensor = m->h.id };

	if (m->h.id >= v->s.n || m->len != sizeof(w.m)) {
		return;
	}
	memcpy(&w.m, m->data, sizeof(w.m));
	health_add(&d->health->dropped, w.m.lost);
	scmi_sample(&v->s, w.sensor, &w.m.x);
	if (!scmi_wants(&v->s, w.sensor)) {
		return;
	}
	if (!backlog_add(&v->waiting, &w)) {
		health_add(&d->health->dropped, 1);
	}
	vdev_wake(d, Q_EVENT);
}

static void scmi_message(struct vdev *d, const struct port_msg *m)
{
	struct scmi_dev *v = d->priv;
	struct av_err err = { 0 };

	if (m->h.kind == PORT_SAMPLE) {
		take_sample(d, m);
	} else if (m->h.kind == PORT_CONTROL) {
		if (scmi_control(&v->s, m->data, m->len, &err)) {
			vdev_event(d, "the world said: %s", err.msg);
		}
		if (v->s.n == 0) {
			v->waiting.n = 0; /* of sensors that are gone */
		}
	}
}

/* ---- state ---- */

enum { ENABLED = 1, STAMPED = 2, NOTIFY = 4, ALL = 7 };

/* How the guest has set its sensors, and the samples that wait for it. */
static int scmi_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	const struct scmi_dev *v = d->priv;

	(void)err;
	state_put8(o, v->s.stamps);
	state_put8(o, (uint8_t)v->s.n);
	for (size_t i = 0; i < v->s.n; i++) {
		const struct scmi_sensor *x = &v->s.sensor[i];

		state_put_text(o, x->name);
		state_put64(o, (uint64_t)x->type << 32 | (uint32_t)x->exponent);
		state_put8(o, (uint8_t)x->rate);
		state_put8(o, (uint8_t)((x->enabled ? ENABLED : 0) |
					(x->stamped ? STAMPED : 0) |
					(x->notify ? NOTIFY : 0)));
	}
	state_put16(o, (uint16_t)v->waiting.n);
	for (uint32_t i = 0; i < v->waiting.n; i++) {
		const struct waiting *w =
			&v->waiting.at[(v->waiting.head + i) % WAITING_MAX];

		state_put8(o, (uint8_t)w->sensor);
		state_put64(o, (uint64_t)w->m.x.t);
		for (int k = 0; k < SCMI_AXES; k++) {
			state_put64(o, (uint64_t)w->m.x.v[k]);
		}
	}
	return 0;
}

/* @s is of the sensors that are here; gets what the guest had set. False: the
 * state is of others, which a guest would not know for the same. */
static bool read_sensors(struct scmi *s, struct state_in *in)
{
	bool same = state_get_flag(in) == s->stamps;

	same &= state_get8(in) == s->n;
	for (size_t i = 0; same && i < s->n; i++) {
		struct scmi_sensor *x = &s->sensor[i];
		uint8_t is;

		same = state_same_text(in, x->name);
		same &= state_get64(in) ==
			((uint64_t)x->type << 32 | (uint32_t)x->exponent);
		x->rate = state_get8(in);
		is = state_get8(in);
		x->enabled = is & ENABLED;
		x->stamped = is & STAMPED;
		x->notify = is & NOTIFY;
		in->bad |= x->rate >= x->n_rates || is & ~ALL;
		in->bad |= x->stamped && !s->stamps;
	}
	return same;
}

static void read_waiting(struct backlog *b, const struct scmi *s,
			 struct state_in *in)
{
	uint16_t n = state_get16(in);

	in->bad |= n > WAITING_MAX;
	for (b->n = 0; b->n < n && !in->bad; b->n++) {
		struct waiting *w = &b->at[b->n];

		w->sensor = state_get8(in);
		in->bad |= w->sensor >= s->n;
		w->m.x.t = (int64_t)state_get64(in);
		for (int k = 0; k < SCMI_AXES; k++) {
			w->m.x.v[k] = (int64_t)state_get64(in);
		}
	}
}

static int scmi_load(struct vdev *d, struct state_in *in, struct av_err *err)
{
	struct scmi_dev *v = d->priv;
	struct backlog *b = calloc(1, sizeof(*b));
	struct scmi s = v->s;
	int ret = 0;

	if (!b) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (!read_sensors(&s, in) && !in->bad) {
		ret = av_err_set(err, -EINVAL,
				 "of other sensors; give both the same names "
				 "and timestamps");
	}
	read_waiting(b, &s, in);
	ret = ret ? ret : state_end(in, err);
	if (!ret) {
		v->s = s;
		v->waiting = *b;
		tell_rates(d);
	}
	free(b);
	return ret;
}

/* ---- the world's side ---- */

struct glue {
	struct device *dev;
	struct world *w;
	size_t n;
	struct {
		size_t imu; /* its index there */
		char name[SCMI_NAME_MAX];
	} shown[SCMI_SENSORS_MAX];
	uint64_t lost;          /* not told yet */
	struct backlog waiting; /* for the port */
};

/* False: the port is full. Samples come in bursts where the host was held up. */
static bool hand_on(struct glue *g, struct waiting *w)
{
	int ret;

	w->m.lost = g->lost;
	ret = device_send(g->dev, PORT_SAMPLE, w->sensor, &w->m, sizeof(w->m));
	g->lost = ret ? g->lost : 0;
	return ret != -EAGAIN;
}

static void glue_writable(struct device *dev, void *priv)
{
	struct glue *g = priv;
	struct waiting *w;

	(void)dev;
	while ((w = backlog_first(&g->waiting)) && hand_on(g, w)) {
		backlog_pop(&g->waiting);
	}
}

/* A sample is worth handing on before the driver's rate has taken effect too:
 * it is what a single reading shows. */
static void on_imu(void *ctx, const void *msg)
{
	const struct imu_sample *s = msg;
	struct glue *g = ctx;
	struct waiting w = { .m.x.t = s->t };

	for (size_t i = 0; i < g->n; i++) {
		if (g->shown[i].imu != s->sensor) {
			continue;
		}
		w.sensor = (uint32_t)i;
		for (int k = 0; k < SCMI_AXES; k++) {
			w.m.x.v[k] = s->raw[k];
		}
		if ((g->waiting.n || !hand_on(g, &w)) &&
		    !backlog_add(&g->waiting, &w)) {
			g->lost++;
		}
	}
}

static void tell_sensors(struct device *dev, void *priv)
{
	static const char none[] = "sensors";
	const struct glue *g = priv;
	char text[1024];

	(void)device_send(dev, PORT_CONTROL, 0, none, sizeof(none) - 1);
	for (size_t i = 0; i < g->n; i++) {
		struct imu_info s;
		size_t len;

		imu_info(g->w->imu, g->shown[i].imu, &s);
		len = (size_t)snprintf(text, sizeof(text),
				       "sensor %s %s %s %d %d",
				       g->shown[i].name, s.name,
				       imu_kind_names[s.kind], s.exponent,
				       s.raw_max);
		for (size_t k = 0; k < s.n_rates && k < SCMI_RATES_MAX; k++) {
			text[len++] = ' ';
			len += av_num_text(s.rate_hz[k], text + len);
		}
		(void)device_send(dev, PORT_CONTROL, 0, text, len);
	}
}

/* Sensor @name of the vehicle, shown to the guest as @shown. */
static int show(struct glue *g, const char *name, const char *shown,
		struct av_err *err)
{
	const char *dev = device_name(g->dev), *hint;
	int i = g->w->imu ? imu_find(g->w->imu, name) : -1;
	struct imu_info s;
	char text[96];

	if (i < 0) {
		hint = g->w->imu ? imu_suggest(g->w->imu, name) : NULL;
		av_suggest_text(text, hint);
		return av_err_set(err, -EINVAL,
				  "%s: this vehicle has no motion sensor "
				  "'%s'%s",
				  dev, name, text);
	}
	imu_info(g->w->imu, (size_t)i, &s);
	if (s.kind == IMU_MAG) {
		return av_err_set(err, -EINVAL,
				  "%s: '%s' is a magnetometer, for which SCMI "
				  "has no driver; leave it out",
				  dev, name);
	}
	if (!*shown || strlen(shown) >= SCMI_NAME_MAX ||
	    strpbrk(shown, " \t'\"") || strpbrk(name, " \t'\"")) {
		return av_err_set(err, -EINVAL,
				  "%s: SCMI cannot name a sensor '%s': 1 to %d "
				  "characters without blanks; say %s=NAME",
				  dev, shown, SCMI_NAME_MAX - 1, name);
	}
	if (g->n == SCMI_SENSORS_MAX) {
		return av_err_set(err, -EINVAL, "%s: more than %d sensors", dev,
				  SCMI_SENSORS_MAX);
	}
	g->shown[g->n].imu = (size_t)i;
	strcpy(g->shown[g->n].name, shown);
	g->n++;
	return 0;
}

static int show_all(struct glue *g, const char *names, struct av_err *err)
{
	char *copy = strdup(names), *save = NULL, *shown;
	int ret = 0;

	if (!copy) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (char *s = strtok_r(copy, ";", &save); s && !ret;
	     s = strtok_r(NULL, ";", &save)) {
		shown = strchr(s, '=');
		if (shown) {
			*shown++ = '\0';
		}
		ret = show(g, s, shown ? shown : s, err);
	}
	free(copy);
	return ret;
}

/* What AAOS's sensor HAL looks for, as far as the vehicle has it. */
static void show_usual(struct glue *g)
{
	static const char *const names[] = { "scmi.iio.accel",
					     "scmi.iio.gyro" };
	struct av_err err = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (show(g, names[i], names[i], &err)) {
			av_log(AV_LOG_WARN, device_name(g->dev), "%s", err.msg);
		}
	}
}

static int glue_open(struct device *dev, struct world *w, void *priv,
		     struct av_err *err)
{
	const char *names = device_opt(dev, "names", NULL);
	struct glue *g = priv;
	int ret = 0;

	g->dev = dev;
	g->w = w;
	if (names) {
		ret = show_all(g, names, err);
	} else {
		show_usual(g);
	}
	if (!ret) {
		ret = bus_subscribe(w->bus, TOPIC_IMU, STAGE_TAP, "scmi",
				    on_imu, g, err);
	}
	if (!ret) {
		tell_sensors(dev, g);
	}
	return ret;
}

static void glue_close(struct device *dev, void *priv)
{
	struct glue *g = priv;

	(void)dev;
	bus_unsubscribe(g->w->bus, on_imu, g);
}

/* The guest lost its device with the process; nobody asks for samples now. */
static void glue_restarted(struct device *dev, void *priv)
{
	struct glue *g = priv;

	g->waiting.n = 0;
	for (size_t i = 0; i < g->n; i++) {
		if (imu_rate(g->w->imu, g->shown[i].imu) > 0) {
			(void)imu_disable(g->w->imu, g->shown[i].imu);
		}
	}
	tell_sensors(dev, priv);
}

static const struct vdev_glue scmi_glue = {
	.size = sizeof(struct glue),
	.open = glue_open,
	.close = glue_close,
	.writable = glue_writable,
	.restarted = glue_restarted,
};

static const struct vdev_opt scmi_opts[] = {
	{ .name = "names",
	  .value = "SENSOR[=NAME];...",
	  .help = "sensors of the vehicle, and their names in the guest; "
		  "default scmi.iio.accel;scmi.iio.gyro" },
	{ .name = "timestamps",
	  .value = "on|off",
	  .help = "off: the guest stamps samples as they come; default on" },
	{ .name = NULL },
};

const struct vdev_type vdev_scmi = {
	.name = "scmi",
	.help = "accelerometer and gyroscope of the vehicle, for Arm guests",
	.id = VIRTIO_ID_SCMI,
	.features = F_P2A_CHANNELS,
	.n_queues = N_QUEUES,
	.home = VDEV_LOOP,
	.opts = scmi_opts,
	.qemu_device = "vhost-user-scmi",
	.crosvm_type = "scmi",
	.open = scmi_open,
	.ready = scmi_ready,
	.close = scmi_close,
	.stop = scmi_stop,
	.kick = scmi_kick,
	.deaf = scmi_deaf,
	.reset = scmi_dev_reset,
	.message = scmi_message,
	.writable = tell_rates,
	.state_version = 1,
	.save = scmi_save,
	.load = scmi_load,
	.glue = &scmi_glue,
};
