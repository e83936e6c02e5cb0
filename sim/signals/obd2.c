/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * One row per sensor that this program can tell, with the VSS path of its
 * signal; a path that the vehicle's table does not have, or that no frame has
 * carried yet, leaves the sensor's bit clear. Freeze frames are named by the
 * virtual time of the code, made unique: the same in every run.
 */
#include "config.h"

#include "sim/signals/obd2.h"

#include "sim/core/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	P_LIVE = 0x11E00D00,
	P_FREEZE = 0x11E00D01,
	P_INFO = 0x11E00D02,
	P_CLEAR = 0x11E00D03,
	P_FUEL_TYPE = 0x11410105,
	P_IGNITION = 0x11400409,

	N_INT = 32,   /* system sensors; a vendor's follow */
	N_FLOAT = 71,
	N_VENDOR_MAX = 256,

	I_MIL_ON = 1,
	I_RUNTIME = 7,
	I_DISTANCE_MIL = 8,
	I_DISTANCE_CLEARED = 10,
	I_VOLTAGE = 12,
	I_AMBIENT = 13,
	I_TIME_MIL = 14,
	I_TIME_CLEARED = 15,
	I_FUEL_TYPE = 21,
	F_SPEED = 9,
	F_PEDAL_D = 53,
	F_PEDAL_RELATIVE = 67,
	F_BATTERY_LIFE = 68,

	IGNITION_ON = 4,
};

/* Sensors that are a signal. */
static const struct sensor {
	bool is_float;
	unsigned int index;
	const char *path;
	const char *unit; /* what the sensor is in */
} sensors[] = {
	{ false, I_VOLTAGE, "Vehicle.LowVoltageBattery.CurrentVoltage", "V" },
	{ false, I_AMBIENT, "Vehicle.Exterior.AirTemperature", "degC" },
	{ true, F_SPEED, "Vehicle.Speed", "km/h" },
	{ true, F_PEDAL_D, "Vehicle.Chassis.Accelerator.PedalPosition", "%" },
	{ true, F_PEDAL_RELATIVE, "Vehicle.Chassis.Accelerator.PedalPosition",
	  "%" },
	{ true, F_BATTERY_LIFE,
	  "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current", "%" },
};
#define N_SENSORS (sizeof(sensors) / sizeof(sensors[0]))

struct frame {
	vtime t;
	char code[8];
	int32_t *i32; /* i32, f32 and bits in one block */
	float *f32;
	uint8_t *bits;
	struct vhal_value value; /* as it goes out, when asked for */
};

struct obd2 {
	struct evq *q;
	const struct signals *s;
	struct vhal *v;
	struct vtimer tick;
	unsigned int n_int, n_float, n_bits;
	int live, info; /* slots, -1: not offered */
	int signal[N_SENSORS], odometer;
	struct frame now;
	struct frame frame[OBD2_FRAMES_MAX];
	size_t n_frames;
	unsigned int n_codes; /* present now */
	vtime newest;	      /* time stamp given last */
	vtime lamp_since, cleared_since, ignition_since;
	double lamp_m, cleared_m; /* odometer then */
};

/* ---- a frame ---- */

static int frame_alloc(const struct obd2 *o, struct frame *f)
{
	f->i32 = calloc(1, o->n_int * sizeof(int32_t) +
				   o->n_float * sizeof(float) + o->n_bits);
	if (!f->i32) {
		return -ENOMEM;
	}
	f->f32 = (float *)(void *)(f->i32 + o->n_int);
	f->bits = (uint8_t *)(f->f32 + o->n_float);
	return 0;
}

static void valid(struct obd2 *o, unsigned int bit)
{
	o->now.bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
}

static void put_int(struct obd2 *o, unsigned int i, double x)
{
	o->now.i32[i] = x >= INT32_MAX ? INT32_MAX :
			x <= INT32_MIN ? INT32_MIN :
					 (int32_t)lround(x);
	valid(o, i);
}

static void put_float(struct obd2 *o, unsigned int i, double x)
{
	o->now.f32[i] = (float)x;
	valid(o, o->n_int + i);
}

/* Value of a signal in @unit; NaN if there is none yet. */
static double read_signal(const struct obd2 *o, int idx, const char *unit)
{
	const struct av_unit *from, *to = av_unit_find(unit);
	double x;

	if (idx < 0) {
		return NAN;
	}
	x = signals_value(o->s, (uint32_t)idx, NULL, NULL);
	from = av_unit_find(signals_unit(o->s, (uint32_t)idx));
	return from && to && from->dim == to->dim ?
		       av_unit_from_base(to, av_unit_to_base(from, x)) :
		       x;
}

/* Obd2FuelType for a FuelType. */
static int fuel_type(const struct vhal *v)
{
	static const int8_t of[] = { 0, 1, 1, 4, 4, 4, 3, 5, 6, 6, 8 };
	int slot = vhal_slot_of(v, P_FUEL_TYPE, 0);
	const struct vhal_value *val =
		slot < 0 ? NULL : vhal_get(v, (uint32_t)slot);

	return val && val->n_i32 == 1 && val->i32[0] > 0 &&
			       val->i32[0] < (int32_t)sizeof(of)
		       ? of[val->i32[0]]
		       : -1;
}

static bool ignition_on(const struct obd2 *o)
{
	int slot = vhal_slot_of(o->v, P_IGNITION, 0);
	const struct vhal_value *val =
		slot < 0 ? NULL : vhal_get(o->v, (uint32_t)slot);

	return val && val->n_i32 == 1 && val->i32[0] >= IGNITION_ON;
}

/* Time and distance since the lamp came on, and since codes were cleared. */
static void put_counters(struct obd2 *o, vtime now)
{
	double m = read_signal(o, o->odometer, "m");

	put_int(o, I_MIL_ON, o->n_codes > 0);
	put_int(o, I_TIME_MIL,
		o->n_codes ? floor(vtime_to_s(now - o->lamp_since) / 60) : 0);
	put_int(o, I_TIME_CLEARED,
		floor(vtime_to_s(now - o->cleared_since) / 60));
	put_int(o, I_RUNTIME,
		o->ignition_since == VT_NEVER ?
			0 :
			floor(vtime_to_s(now - o->ignition_since)));
	if (isnan(m)) {
		return;
	}
	if (isnan(o->cleared_m)) {
		o->cleared_m = m;
	}
	put_int(o, I_DISTANCE_MIL,
		o->n_codes ? floor((m - o->lamp_m) / 1000) : 0);
	put_int(o, I_DISTANCE_CLEARED, floor((m - o->cleared_m) / 1000));
}

static void fill(struct obd2 *o)
{
	vtime now = evq_now(o->q);
	int fuel = fuel_type(o->v);

	memset(o->now.i32, 0,
	       o->n_int * sizeof(int32_t) + o->n_float * sizeof(float) +
		       o->n_bits);
	if (!ignition_on(o)) {
		o->ignition_since = VT_NEVER;
	} else if (o->ignition_since == VT_NEVER) {
		o->ignition_since = now;
	}
	for (size_t i = 0; i < N_SENSORS; i++) {
		double x = read_signal(o, o->signal[i], sensors[i].unit);

		if (isnan(x)) {
			continue;
		}
		if (sensors[i].is_float) {
			put_float(o, sensors[i].index, x);
		} else {
			put_int(o, sensors[i].index, x);
		}
	}
	if (fuel >= 0) {
		put_int(o, I_FUEL_TYPE, fuel);
	}
	put_counters(o, now);
}

static struct vhal_value as_value(const struct obd2 *o, const struct frame *f,
				  int32_t prop)
{
	return (struct vhal_value){ .t = f->t,
				    .prop = prop,
				    .n_i32 = o->n_int,
				    .i32 = f->i32,
				    .n_f32 = o->n_float,
				    .f32 = f->f32,
				    .n_bytes = o->n_bits,
				    .bytes = f->bits,
				    .str = f->code[0] ? f->code : NULL };
}

static void publish_live(struct obd2 *o)
{
	struct vhal_value val;

	fill(o);
	val = as_value(o, &o->now, P_LIVE);
	vhal_update(o->v, (uint32_t)o->live, &val);
}

static void on_tick(struct vtimer *t, vtime now)
{
	struct obd2 *o = t->ctx;

	publish_live(o);
	/* cannot fail: the timer's place in the queue was free a moment ago */
	evq_arm(o->q, t, now + OBD2_PERIOD);
}

/* ---- freeze frames ---- */

static void publish_info(struct obd2 *o)
{
	int64_t t[OBD2_FRAMES_MAX];

	if (o->info < 0) {
		return;
	}
	for (size_t i = 0; i < o->n_frames; i++) {
		t[i] = o->frame[i].t;
	}
	vhal_update(o->v, (uint32_t)o->info,
		    &(struct vhal_value){ .prop = P_INFO,
					  .n_i64 = (uint32_t)o->n_frames,
					  .i64 = t });
}

static void drop_frame(struct obd2 *o, size_t i)
{
	free(o->frame[i].i32);
	o->n_frames--;
	memmove(&o->frame[i], &o->frame[i + 1],
		(o->n_frames - i) * sizeof(o->frame[0]));
}

static int find_frame(const struct obd2 *o, int64_t t)
{
	for (size_t i = 0; i < o->n_frames; i++) {
		if (o->frame[i].t == t) {
			return (int)i;
		}
	}
	return -1;
}

bool obd2_is_code(const char *code)
{
	return strlen(code) == 5 && strchr("PCBU", code[0]) &&
	       code[1] >= '0' && code[1] <= '3' &&
	       strspn(code + 2, "0123456789ABCDEF") == 3;
}

int obd2_raise(struct obd2 *o, const char *code)
{
	struct frame f = { 0 };
	vtime now = evq_now(o->q);

	if (frame_alloc(o, &f) < 0) {
		return -ENOMEM;
	}
	if (o->n_codes++ == 0) {
		o->lamp_since = now;
		o->lamp_m = read_signal(o, o->odometer, "m");
	}
	publish_live(o);
	memcpy(f.i32, o->now.i32,
	       o->n_int * sizeof(int32_t) + o->n_float * sizeof(float) +
		       o->n_bits);
	/* 0 would be no name: a guest could not tell it from none */
	f.t = o->newest = now > o->newest ? now : o->newest + 1;
	snprintf(f.code, sizeof(f.code), "%s", code);
	if (o->n_frames == OBD2_FRAMES_MAX) {
		drop_frame(o, 0);
	}
	o->frame[o->n_frames++] = f;
	publish_info(o);
	return 0;
}

void obd2_mend(struct obd2 *o)
{
	if (o->n_codes > 0) {
		o->n_codes--;
	}
	publish_live(o);
}

static enum vhal_code freeze_get(const struct vhal *v, void *ctx,
				 const struct vhal_value *q,
				 const struct vhal_value **out,
				 struct av_err *err)
{
	struct obd2 *o = ctx;
	int i = q->n_i64 == 1 ? find_frame(o, q->i64[0]) : -1;

	(void)v;
	if (q->n_i64 != 1) {
		av_err_set(err, -EINVAL,
			   "OBD2_FREEZE_FRAME is read with one time stamp of "
			   "OBD2_FREEZE_FRAME_INFO");
		return VHAL_INVALID_ARG;
	}
	if (i < 0) {
		av_err_set(err, -ENOENT, "no freeze frame of time %lld",
			   (long long)q->i64[0]);
		return VHAL_NOT_AVAILABLE;
	}
	o->frame[i].value = as_value(o, &o->frame[i], P_FREEZE);
	*out = &o->frame[i].value;
	return VHAL_OK;
}

static enum vhal_code clear_check(const struct vhal *v, void *ctx,
				  const struct vhal_value *val,
				  struct av_err *err)
{
	const struct vhal_prop_config *c = vhal_config(v, P_CLEAR);
	const struct obd2 *o = ctx;

	if (val->n_i64 > 0 && (c->n_config_array < 1 ||
			       c->config_array[0] != 1)) {
		av_err_set(err, -ENODEV,
			   "this vehicle only clears all freeze frames");
		return VHAL_NOT_AVAILABLE;
	}
	for (uint32_t i = 0; i < val->n_i64; i++) {
		if (find_frame(o, val->i64[i]) < 0) {
			av_err_set(err, -EINVAL,
				   "no freeze frame of time %lld",
				   (long long)val->i64[i]);
			return VHAL_INVALID_ARG;
		}
	}
	return VHAL_OK;
}

static enum vhal_code clear_set(struct vhal *v, void *ctx, uint32_t slot,
				const struct vhal_value *val,
				enum cmd_source source, struct av_err *err)
{
	struct obd2 *o = ctx;

	(void)v, (void)slot, (void)source, (void)err;
	for (uint32_t i = 0; i < val->n_i64; i++) {
		int at = find_frame(o, val->i64[i]);

		if (at >= 0) { /* not named twice */
			drop_frame(o, (size_t)at);
		}
	}
	while (val->n_i64 == 0 && o->n_frames > 0) {
		drop_frame(o, 0);
	}
	if (o->n_frames == 0) {
		o->cleared_since = evq_now(o->q);
		o->cleared_m = read_signal(o, o->odometer, "m");
	}
	publish_info(o);
	return VHAL_OK;
}

static const struct vhal_hook freeze_hook = { .get = freeze_get };
static const struct vhal_hook clear_hook = { .check = clear_check,
					     .set = clear_set };

/* ---- creation ---- */

static unsigned int vendor_sensors(const struct vhal_prop_config *c, size_t i)
{
	return i < c->n_config_array && c->config_array[i] > 0 &&
			       c->config_array[i] <= N_VENDOR_MAX
		       ? (unsigned int)c->config_array[i]
		       : 0;
}

int obd2_create(struct evq *q, const struct signals *s, struct vhal *v,
		struct obd2 **out)
{
	const struct vhal_prop_config *c = vhal_config(v, P_LIVE);
	struct obd2 *o;

	*out = NULL;
	if (!c) {
		return 0;
	}
	o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	o->q = q;
	o->s = s;
	o->v = v;
	o->n_int = N_INT + vendor_sensors(c, 0);
	o->n_float = N_FLOAT + vendor_sensors(c, 1);
	o->n_bits = (o->n_int + o->n_float + 7) / 8;
	o->live = vhal_slot_of(v, P_LIVE, 0);
	o->info = vhal_slot_of(v, P_INFO, 0);
	for (size_t i = 0; i < N_SENSORS; i++) {
		o->signal[i] = signals_find(s, sensors[i].path);
	}
	o->odometer = signals_find(s, "Vehicle.TraveledDistance");
	o->cleared_m = NAN;
	o->ignition_since = VT_NEVER;
	o->tick = (struct vtimer){ .fn = on_tick, .ctx = o };
	if (frame_alloc(o, &o->now) < 0 ||
	    evq_arm(q, &o->tick, evq_now(q) + OBD2_PERIOD) < 0) {
		obd2_destroy(o);
		return -ENOMEM;
	}
	/* either may be missing: then nobody asks */
	vhal_set_hook(v, P_FREEZE, &freeze_hook, o);
	vhal_set_hook(v, P_CLEAR, &clear_hook, o);
	publish_live(o);
	publish_info(o);
	*out = o;
	return 0;
}

void obd2_destroy(struct obd2 *o)
{
	if (!o) {
		return;
	}
	evq_disarm(o->q, &o->tick);
	while (o->n_frames > 0) {
		drop_frame(o, o->n_frames - 1);
	}
	free(o->now.i32);
	free(o);
}
