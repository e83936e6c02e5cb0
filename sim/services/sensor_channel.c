/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/sensor_channel.h"

#include "sim/services/door.h"

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

/* What came through a door: the beginning of a request. */
struct request {
	uint8_t in[HEAD + sizeof(ask) - 1];
	size_t len; /* of the request, also of what is not kept */
};

struct sensor_channel {
	struct bus *bus;
	struct imu *imu;
	struct av_door door[N_DOORS];
	struct request request[N_DOORS];
	bool asked[N_DOORS]; /* by the door of requests */
	vtime next;
};

static const char *const names[N_DOORS] = { "sensors-control", "sensors-data",
					    "sensors" };

/* ---- out ---- */

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

static void answer(const struct sensor_channel *c, struct av_door *d)
{
	uint8_t buf[HEAD + 32];
	unsigned long mask = 0;
	char text[32];

	for (size_t i = 0; i < imu_count(c->imu); i++) {
		int row = row_of(c, i);

		mask |= row < 0 ? 0 : 1ul << sensors[row].bit;
	}
	snprintf(text, sizeof(text), "%lu\n", mask);
	av_door_put(d, buf, frame(buf, text));
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
		struct av_door *d = &c->door[i];

		/* a guest that does not read misses whole seconds */
		if (c->asked[i == DATA ? CONTROL : BOTH] && d->s &&
		    !d->out_len) {
			av_door_put(d, buf, len);
		}
	}
}

/* ---- in ---- */

static uint32_t length_of(const struct request *r)
{
	uint32_t len;

	memcpy(&len, r->in + 4, sizeof(len));
	return le32toh(len);
}

static void on_left(struct av_door *d)
{
	struct sensor_channel *c = d->ctx;

	c->request[d - c->door].len = 0;
	c->asked[d - c->door] = false;
}

static void on_data(struct av_door *d, const void *buf, size_t len)
{
	struct sensor_channel *c = d->ctx;
	ptrdiff_t door = d - c->door;
	struct request *r = &c->request[door];
	const uint8_t *p = buf;

	if (door == DATA) {
		return; /* a terminal that is not raw yet echoes */
	}
	for (size_t i = 0; i < len; i++) {
		if (r->len < sizeof(r->in)) {
			r->in[r->len] = p[i];
		}
		r->len++;
		if (r->len < HEAD) {
			continue;
		}
		if (length_of(r) > REQUEST_MAX) {
			av_door_close(d);
			return;
		}
		if (r->len < HEAD + length_of(r)) {
			continue;
		}
		if (r->len >= sizeof(r->in) &&
		    !memcmp(r->in + HEAD, ask, sizeof(ask) - 1)) {
			c->asked[door] = true;
			answer(c, d);
		}
		r->len = 0;
	}
}

/* Nothing is held: the next burst begins when this one is gone. */
static const struct av_door_ops door_ops = {
	.waiting_max = BURST_MAX,
	.data = on_data,
	.left = on_left,
};

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
		av_door_init(&c->door[i], names[i], &door_ops, c);
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
		av_door_close(&c->door[i]);
	}
	free(c);
}

struct av_acceptor *sensor_channel_acceptor(struct sensor_channel *c,
					    const char *name)
{
	return c ? av_door_acceptor(c->door, N_DOORS, name) : NULL;
}
