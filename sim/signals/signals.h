/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: the binding table of a vehicle (signals.yaml) that ties CAN signal,
 * vehicle model variable, VSS path and VHAL property together, and the gateway
 * that decodes frames by it. Owns TOPIC_SIGNAL.
 *
 * signals.yaml:
 *
 *   messages:                       # extras of sent messages
 *     ESP_01: { counter: Count, checksum: { signal: Crc, kind: crc8-j1850 } }
 *   bindings:
 *     - signal: ESP_01.Speed        # MESSAGE.SIGNAL or BUS:MESSAGE.SIGNAL
 *       unit: km/h                  # if the DBC's own is missing or odd
 *       vss: Vehicle.Speed          # its key in the signal channel
 *       model: speed                # vehicle_vars.h; what its ECU sends
 *       scale: 1                    # signal = model * scale + offset
 *       offset: 0
 *       model_enum: { P: 0, R: 1 }  # label or raw value: model value
 *       vhal: PERF_VEHICLE_SPEED    # PROPERTY[/AREA], or a list
 *       vhal_unit: m/s              # if it is not what AAOS says
 *       vhal_scale: 1               # property = signal * vhal_scale +
 *       vhal_offset: 0              #            vhal_offset
 *       vhal_index: 0               # element of a vector property
 *       enum: { P: GEAR_PARK }      # label or raw value: VHAL name, number
 *       request: IVI_HVAC.TempLeft  # what a set of the property sends
 *       request_model: temp_set     # what its receiver sets; default: model
 *     - sum: [ESP_01.Angle, ESP_01.AngleFraction] # or mean: [...]
 *       vss: Vehicle.Chassis.SteeringWheel.Angle
 *     - vhal: WHEEL_TICK            # a constant
 *       vhal_index: 0
 *       value: 0
 *
 * Units are converted first: model (base unit) to signal to property. A scale
 * comes on top. Between plain numbers and a dimension there is no conversion:
 * then a scale must be given (1 will do), lest a unit is forgotten; a ratio and
 * a plain number are the same ("50 %" is 0.5, say vhal_unit: "%" for 50).
 *
 * The items of a vhal: list are names, or maps with property: and keys of their
 * own instead of the row's: unit, scale, offset, index, enum. A property whose
 * signal has a raw value that its enum: does not name becomes unavailable.
 *
 * A request goes the same way back; with enum: and model_enum: by label. A
 * property is writable if a row has a request: for it and the store's
 * configuration says so.
 *
 * Every DBC signal that no binding names still is a signal: its key is
 * BUS:MESSAGE.SIGNAL. A sum: or mean: of signals of one message is one more
 * signal, after all those of the DBCs; signals_dbc() is its first part.
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
 * @vhal:	may be NULL (dump): then vhal: rows bind nothing, and properties
 *		of unknown name may be a vendor's
 *
 * Return: 0, -EINVAL with messages in @d, -ENOMEM.
 */
int signals_create(const char *name, const char *yaml, size_t len,
		   const struct signals_bus *buses, size_t n_buses,
		   struct vhal *vhal, struct signals **out, struct av_diags *d);
void signals_destroy(struct signals *s);

/*
 * What the ECUs of @bus send and obey, by this table; borrowed arrays for
 * ecus_create(). Bit rates are the usual ones, a vehicle file knows better.
 */
void signals_ecu_bus(const struct signals *s, unsigned int bus,
		     struct ecu_bus *out);

/**
 * signals_attach() - Run the gateway: TOPIC_CAN -> TOPIC_SIGNAL -> properties
 * @ecus:	sets of bound properties become requests there; NULL: refused
 *
 * Marks the bound properties in the store and becomes its binder. Once only.
 */
int signals_attach(struct signals *s, struct bus *bus, struct ecus *ecus,
		   struct av_err *err);

/*
 * Decode one frame without a bus (dump, export): calls @fn for what changed.
 * Request signals that ask for nothing (all ones) are passed over.
 */
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

/*
 * Latest value: NaN and VT_NEVER before the first frame. @seen is when a frame
 * last carried it; older than a few cycles means stale.
 */
double signals_value(const struct signals *s, uint32_t idx, vtime *changed,
		     vtime *seen);

#endif
