/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On-board diagnostics: the OBD2_* properties out of decoded signals. A live
 * frame every second, freeze frames when a trouble code is raised. Layout: AAOS
 * VehicleProperty.aidl, Obd2IntegerSensorIndex, Obd2FloatSensorIndex.
 */
#ifndef AVSIM_SIGNALS_OBD2_H
#define AVSIM_SIGNALS_OBD2_H

#include "sim/core/evq.h"
#include "sim/signals/signals.h"
#include "sim/vhal/vhal.h"

#define OBD2_FRAMES_MAX 32 /* kept; the oldest makes room */
#define OBD2_PERIOD VT_S

struct obd2;

/**
 * obd2_create() - Feed the OBD2 properties of @v, and become their hook
 *
 * After signals_attach(), before vhal_start(). Return: 0 with *out NULL where
 * the vehicle offers no OBD2_LIVE_FRAME; -ENOMEM.
 */
int obd2_create(struct evq *q, const struct signals *s, struct vhal *v,
		struct obd2 **out);
void obd2_destroy(struct obd2 *o);

/* A trouble code as SAE J2012 writes it: "P0A0F". */
bool obd2_is_code(const char *code);

/* A trouble code comes: the warning lamp lights, a freeze frame keeps the live
 * values of this moment. 0 or -ENOMEM. */
int obd2_raise(struct obd2 *o, const char *code);
/* It goes: without any, the lamp goes out. The freeze frame stays. */
void obd2_mend(struct obd2 *o);

#endif
