/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/sensor_channel.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIST_SENSORS = 2,
	HEAD = 8,
	REQUEST_MAX = 4096, /* a longer one is nonsense */
	TEXT_MAX = 160,
	BURST_MAX = IMU_SENSORS_MAX * (HEAD + TEXT_MAX),
};
#define RESPONSE 0x80000000u

static const char ask[] = "list-sensors";

/* Bits of the mask by what Android calls the sensor's type. */
static const struct {
	int android_type;
	unsigned int bit;
	const char *name;
} sensors[] = {
	{ 1, 0, "acceleration" },
	{ 4, 1, "gyroscope" },
	{ 2, 2, "magnetic" },
	{ 14, 9, "magnetic-uncalibrated" },
	{ 16, 10, "gyroscope-uncalibrated" },
	{ 35, 17, "acceleration-uncalibrated" },
};
#define N_SENSORS (sizeof(sensors) / sizeof(sensors[0]))

enum { CONTROL, DATA, BOTH, N_DOORS };

struct door {
	struct av_acceptor acceptor;
	struct sensor_channel *c;
	struct av_stream *s; /* NULL: nobody is there */
	/* the beginning of a request */
	uint8_t in[HEAD + sizeof(ask) - 1];
	size_t in_len;	/* of the request, also of what is not kept */
	/* not taken yet; while there is any, no new burst begins */
	uint8_t out[BURST_MAX];
	size_t out_len;
};

struct sensor_channel {
	struct bus *bus;
	struct imu *imu;
	struct door door[N_DOORS];
	bool asked[N_DOORS]; /* by the door of requests */
	vtime next;
};

static const char *const names[N_DOORS] = { "sensors-control", "sensors-data",
					    "sensors" };

/* ---- out ---- */

static void put(struct door *d, const uint8_t *buf, size_t len)
{
	ssize_t n = d->out_len ? 0 : av_stream_write(d->s, buf, len);

	if (n < 0 || (size_t)n == len ||
	    d->out_len + len > sizeof(d->out)) {
		return;
	}
	memcpy(d->out + d->out_len, buf + n, len - (size_t)n);
	d->out_len += len - (size_t)n;
}

static size_t frame(uint8_t *buf, const char *text)
{
	uint32_t head[2] = { htole32(LIST_SENSORS | RESPONSE),
			     htole32((uint32_t)strlen(text)) };

	memcpy(buf, head, HEAD);
	memcpy(buf + HEAD, text, strlen(text));
	return HEAD + strlen(text);
}

/* Row of the table for a sensor; -1: the guest does not know its kind. */
static int row_of(const struct sensor_channel *c, size_t sensor)
{
	struct imu_info info;

	imu_info(c->imu, sensor, &info);
	for (size_t i = 0; i < N_SENSORS; i++) {
		if (sensors[i].android_type == info.android_type) {
			return (int)i;
		}
	}
	return -1;
}

static void answer(struct door *d)
{
	uint8_t buf[HEAD + 32];
	unsigned long mask = 0;
	char text[32];

	for (size_t i = 0; i < imu_count(d->c->imu); i++) {
		int row = row_of(d->c, i);

		mask |= row < 0 ? 0 : 1ul << sensors[row].bit;
	}
	snprintf(text, sizeof(text), "%lu\n", mask);
	put(d, buf, frame(buf, text));
}

static size_t burst(const struct sensor_channel *c, uint8_t *buf)
{
	size_t len = 0;

	for (size_t i = 0; i < imu_count(c->imu); i++) {
		int row = row_of(c, i);
		struct imu_sample s;
		char text[TEXT_MAX];
		double v[3];

		if (row < 0 || imu_read(c->imu, i, &s)) {
			continue;
		}
		imu_to_car(c->imu, i, s.value, v);
		snprintf(text, sizeof(text), "%s:%.6f:%.6f:%.6f\n",
			 sensors[row].name, v[0], v[1], v[2]);
		len += frame(buf + len, text);
	}
	return len;
}

/* Samples come at 10 Hz at least: the clock that is needed here. */
static void on_imu(void *ctx, const void *msg)
{
	const struct imu_sample *s = msg;
	struct sensor_channel *c = ctx;
	uint8_t buf[BURST_MAX];
	size_t len;

	if (s->t < c->next) {
		return;
	}
	c->next = s->t - s->t % SENSOR_CHANNEL_PERIOD + SENSOR_CHANNEL_PERIOD;
	if (!c->asked[CONTROL] && !c->asked[BOTH]) {
		return;
	}
	len = burst(c, buf);
	for (int i = DATA; i <= BOTH; i++) {
		struct door *d = &c->door[i];

		/* a guest that does not read misses whole seconds */
		if (c->asked[i == DATA ? CONTROL : BOTH] && d->s &&
		    !d->out_len) {
			put(d, buf, len);
		}
	}
}

/* ---- in ---- */

static void request(struct door *d)
{
	size_t i = (size_t)(d - d->c->door);

	if (!memcmp(d->in + HEAD, ask, sizeof(ask) - 1)) {
		d->c->asked[i] = true;
		answer(d);
	}
}

static uint32_t length_of(const struct door *d)
{
	uint32_t len;

	memcpy(&len, d->in + 4, sizeof(len));
	return le32toh(len);
}

static void leave(struct door *d)
{
	d->s = NULL;
	d->in_len = d->out_len = 0;
	d->c->asked[d - d->c->door] = false;
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct door *d = s->user;
	const uint8_t *p = buf;

	if (d == &d->c->door[DATA]) {
		return; /* a terminal that is not raw yet echoes */
	}
	for (size_t i = 0; i < len; i++) {
		if (d->in_len < sizeof(d->in)) {
			d->in[d->in_len] = p[i];
		}
		d->in_len++;
		if (d->in_len < HEAD) {
			continue;
		}
		if (length_of(d) > REQUEST_MAX) {
			leave(d);
			av_stream_close(s);
			return;
		}
		if (d->in_len == HEAD + length_of(d)) {
			if (d->in_len >= sizeof(d->in)) {
				request(d);
			}
			d->in_len = 0;
		}
	}
}

static void on_writable(struct av_stream *s)
{
	struct door *d = s->user;
	ssize_t n = d->out_len ? av_stream_write(s, d->out, d->out_len) : 0;

	if (n > 0) {
		d->out_len -= (size_t)n;
		memmove(d->out, d->out + n, d->out_len);
	}
}

static void on_closed(struct av_stream *s)
{
	leave(s->user);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct door *d = a->ctx;

	if (d->s) {
		return -EBUSY;
	}
	d->s = s;
	s->user = d;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	return 0;
}

/* ---- life ---- */

int sensor_channel_create(struct bus *bus, struct imu *imu,
			  struct sensor_channel **out, struct av_err *err)
{
	struct sensor_channel *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	c->bus = bus;
	c->imu = imu;
	for (int i = 0; i < N_DOORS; i++) {
		c->door[i].c = c;
		c->door[i].acceptor = (struct av_acceptor){ .name = names[i],
							    .accept = on_accept,
							    .ctx = &c->door[i] };
	}
	ret = bus_subscribe(bus, TOPIC_IMU, STAGE_TAP, "sensor channel", on_imu,
			    c, err);
	if (ret < 0) {
		free(c);
		return ret;
	}
	*out = c;
	return 0;
}

void sensor_channel_destroy(struct sensor_channel *c)
{
	if (!c) {
		return;
	}
	bus_unsubscribe(c->bus, on_imu, c);
	for (int i = 0; i < N_DOORS; i++) {
		struct av_stream *s = c->door[i].s;

		if (s) {
			leave(&c->door[i]);
			av_stream_close(s);
		}
	}
	free(c);
}

struct av_acceptor *sensor_channel_acceptor(struct sensor_channel *c,
					    const char *name)
{
	for (int i = 0; c && i < N_DOORS; i++) {
		if (!strcmp(names[i], name)) {
			return &c->door[i].acceptor;
		}
	}
	return NULL;
}
