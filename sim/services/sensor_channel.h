/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motion sensors for guests without SCMI, as Cuttlefish's sensors HAL wants them
 * on two consoles: on one the guest asks for the list of sensors, on the other it
 * then gets each of them once a second. Acceptors "sensors-control",
 * "sensors-data", and "sensors" for the older single console.
 *
 * A frame is, little-endian, 4 bytes of command (2; bit 31: an answer), 4 bytes of
 * length, and text. The request's text begins with "list-sensors"; its answer is
 * the decimal mask of sensors and a line feed, data are "name:x:y:z" and a line
 * feed, in axes of the car, SI units and uT.
 */
#ifndef AVSIM_SERVICES_SENSOR_CHANNEL_H
#define AVSIM_SERVICES_SENSOR_CHANNEL_H

#include "sim/core/bus.h"
#include "sim/core/err.h"
#include "sim/sensors/imu.h"
#include "sim/services/stream.h"

#define SENSOR_CHANNEL_PERIOD VT_S

struct sensor_channel;

int sensor_channel_create(struct bus *bus, struct imu *imu,
			  struct sensor_channel **out, struct av_err *err);
void sensor_channel_destroy(struct sensor_channel *c); /* NULL is fine */
/* The front door of that name, or NULL. */
struct av_acceptor *sensor_channel_acceptor(struct sensor_channel *c,
					    const char *name);

#endif
