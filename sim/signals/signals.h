/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: the binding table of a vehicle (signals.yaml) that ties CAN signal,
 * vehicle model variable, VSS path and VHAL property together, and the gateway
 * that decodes frames by it. Owns TOPIC_SIGNAL.
 *
 * signals.yaml:
 *
 *   messages:                     # extras of sent messages
 *     ESP_01: { counter: Counter, checksum: { signal: Crc, kind: crc8-j1850 } }
 *   bindings:
 *     - signal: ESP_01.VehicleSpeed      # MESSAGE.SIGNAL, BUS:MESSAGE.SIGNAL
 *       model: speed                     # vehicle_vars.h; sent by the ECU
 *       vss: Vehicle.Speed               # key of the signal channel
 *       vhal: PERF_VEHICLE_SPEED         # PROPERTY[/AREA], or a list of them
 *       unit: km/h                       # if the DBC's unit text is missing
 *       vhal_unit: m/s                   # default: the unit of the property
 *       enum: { P: GEAR_PARK, R: GEAR_REVERSE }  # DBC label or raw -> VHAL
 *       model_enum: { P: 0, R: 1 }       # DBC label or raw -> model value
 *       request: IVI_HVAC.TempSetLeft    # a set of the property sends this
 *       scale, offset                    # only where units do not say it
 *     - vss: ..., vhal: ..., value: ...  # constants
 *
 * Every DBC signal that no binding names still is a signal: its key is
 * BUS:MESSAGE.SIGNAL.
 */
#ifndef AVSIM_SIGNALS_SIGNALS_H
#define AVSIM_SIGNALS_SIGNALS_H

#include "sim/can/dbc.h"
#include "sim/can/ecu.h"
#include "sim/core/bus.h"
#include "sim/topics.h"
#include "sim/vhal/vhal.h"

struct signals;

struct signals_bus {
	const char *name; /* "can0" */
	const struct dbc *dbc;
};

/**
 * signals_create() - Read a binding table against the DBCs and the store
 * @yaml:	NULL with @len 0: no table, all signals unbound
 * @vhal:	may be NULL (dump): then vhal: rows are checked by name only
 *
 * Return: 0, -EINVAL with messages in @d, -ENOMEM.
 */
int signals_create(const char *name, const char *yaml, size_t len,
		   const struct signals_bus *buses, size_t n_buses,
		   struct vhal *vhal, struct signals **out, struct av_diags *d);
void signals_destroy(struct signals *s);

/* What the ECUs of @bus send and obey, by this table; borrowed arrays for
 * ecus_create(). */
void signals_ecu_bus(const struct signals *s, unsigned int bus,
		     struct ecu_bus *out);

/**
 * signals_attach() - Run the gateway: TOPIC_CAN -> TOPIC_SIGNAL -> properties
 * @ecus:	sets of bound properties become requests there; may be NULL
 */
int signals_attach(struct signals *s, struct bus *bus, struct ecus *ecus,
		   struct av_err *err);

/* Decode one frame without a bus (dump, export): calls @fn for what changed. */
typedef void signals_fn(void *ctx, const struct signal_event *e);
void signals_decode(struct signals *s, const struct can_frame *f,
		    signals_fn *fn, void *ctx);

size_t signals_count(const struct signals *s);
/* Key in the signal channel: VSS path, or BUS:MESSAGE.SIGNAL. */
const char *signals_key(const struct signals *s, uint32_t idx);
const char *signals_unit(const struct signals *s, uint32_t idx);
const struct dbc_signal *signals_dbc(const struct signals *s, uint32_t idx);
unsigned int signals_bus_of(const struct signals *s, uint32_t idx);
int signals_find(const struct signals *s, const char *key); /* idx or -1 */

/* Latest value: NaN and VT_NEVER before the first frame. */
double signals_value(const struct signals *s, uint32_t idx, vtime *changed,
		     vtime *seen);

#endif
