/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCMI (Arm DEN0056) as a platform that has motion sensors: base protocol 2.0
 * and sensor protocol 3.0. Bytes of a command in, bytes of its answer out; it
 * knows neither queues nor the world.
 *
 * Sensors have three axes of one kind. Linux makes an IIO device of each, with
 * the sensor's name; raw values are quanta of 10^exponent.
 */
#ifndef AVSIM_VDEVICES_SCMI_H
#define AVSIM_VDEVICES_SCMI_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCMI_SENSORS_MAX 8
#define SCMI_RATES_MAX 16
#define SCMI_NAME_MAX 16 /* with its NUL */
#define SCMI_SOURCE_MAX 64
#define SCMI_AXES 3
/* Linux takes 128 bytes behind header and status; answers are paged so. */
#define SCMI_VALUES_MAX 128
#define SCMI_ANSWER_MAX (8 + SCMI_VALUES_MAX)
#define SCMI_UPDATE_SIZE (12 + SCMI_AXES * 16)

/* Types of SCMI sensors that Linux has an IIO driver for. */
enum scmi_type {
	SCMI_RADIANS_PER_S = 0x57,
	SCMI_METRES_PER_S2 = 0x59,
};

enum scmi_protocol {
	SCMI_BASE = 0x10,
	SCMI_SENSOR = 0x15,
};

enum scmi_status {
	SCMI_SUCCESS = 0,
	SCMI_NOT_SUPPORTED = -1,
	SCMI_INVALID_PARAMETERS = -2,
	SCMI_NOT_FOUND = -4,
	SCMI_OUT_OF_RANGE = -5,
	SCMI_HARDWARE_ERROR = -9,
	SCMI_PROTOCOL_ERROR = -10,
};

struct scmi_sample {
	int64_t t; /* virtual time, ns */
	int64_t v[SCMI_AXES];
};

struct scmi_sensor {
	char name[SCMI_NAME_MAX];     /* that the guest sees */
	char source[SCMI_SOURCE_MAX]; /* that commands name it by */
	enum scmi_type type;
	int exponent;    /* a quantum is 10^exponent, -16..15 */
	int64_t raw_max; /* range, both signs */
	size_t n_rates;
	double rate_hz[SCMI_RATES_MAX]; /* rising, each with an interval */
	/* as the guest set it */
	size_t rate; /* index of the one chosen */
	bool enabled, stamped, notify;
	bool have_last;
	struct scmi_sample last;
};

struct scmi {
	bool stamps; /* sensors offer timestamps */
	size_t n;
	struct scmi_sensor sensor[SCMI_SENSORS_MAX];
};

/* What a driver had set is forgotten: all off, at the lowest rate. */
void scmi_reset(struct scmi *s);

/**
 * scmi_control() - A text of the world
 *
 * "sensors" forgets all; "sensor NAME SOURCE KIND EXPONENT MAX RATE..." adds
 * one, KIND being accelerometer or gyroscope, MAX in quanta, rates in Hz.
 *
 * Return: 0, -EINVAL with @err, nothing changed.
 */
int scmi_control(struct scmi *s, const char *text, size_t len,
		 struct av_err *err);

/**
 * scmi_request() - Answer one command
 * @notify:	P2A_CHANNELS was negotiated
 * @out:	room for the answer, at least 8 bytes
 * @status:	what the answer says; may be NULL
 *
 * Lists are paged to @max and SCMI_ANSWER_MAX. Return: bytes of the answer; 0
 * for what cannot be answered, since it has no header or @max is too small.
 */
size_t scmi_request(struct scmi *s, bool notify, const uint8_t *in, size_t len,
		    uint8_t *out, size_t max, enum scmi_status *status);

/* Samples a second that the guest asks of sensor @i; 0 none. */
double scmi_rate(const struct scmi *s, size_t i);
/* The sensor shows this now. */
void scmi_sample(struct scmi *s, size_t i, const struct scmi_sample *x);
/* Whether the guest wants to be told of sensor @i's samples. */
bool scmi_wants(const struct scmi *s, size_t i);
/* The notification SENSOR_UPDATE of @x. */
void scmi_update(const struct scmi *s, size_t i, const struct scmi_sample *x,
		 uint8_t out[SCMI_UPDATE_SIZE]);

/* Seconds of @rate_hz as mantissa * 10^exponent, 16 and 5 bits. False: a rate
 * that cannot be told. */
bool scmi_interval(double rate_hz, uint32_t *mantissa, int *exponent);

#endif
