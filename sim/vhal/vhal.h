/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL property store: configuration as in the AAOS reference VHAL's JSON
 * files, values, access rules, subscriptions on the virtual clock. Owns
 * TOPIC_VHAL. Facts: AAOS vehicle HAL AIDL of Android 15.
 */
#ifndef AVSIM_VHAL_VHAL_H
#define AVSIM_VHAL_VHAL_H

#include "sim/core/bus.h"
#include "sim/core/err.h"
#include "sim/core/evq.h"
#include "sim/topics.h"

enum {
	VHAL_TYPE_STRING = 0x00100000,
	VHAL_TYPE_BOOLEAN = 0x00200000,
	VHAL_TYPE_INT32 = 0x00400000,
	VHAL_TYPE_INT32_VEC = 0x00410000,
	VHAL_TYPE_INT64 = 0x00500000,
	VHAL_TYPE_INT64_VEC = 0x00510000,
	VHAL_TYPE_FLOAT = 0x00600000,
	VHAL_TYPE_FLOAT_VEC = 0x00610000,
	VHAL_TYPE_BYTES = 0x00700000,
	VHAL_TYPE_MIXED = 0x00e00000,
	VHAL_TYPE_MASK = 0x00ff0000,
	VHAL_AREA_MASK = 0x0f000000,
	VHAL_GROUP_MASK = (int)0xf0000000u,
};
enum vhal_access { VHAL_NONE, VHAL_READ, VHAL_WRITE, VHAL_READ_WRITE };
enum vhal_mode { VHAL_STATIC, VHAL_ON_CHANGE, VHAL_CONTINUOUS };
enum vhal_status { VHAL_AVAILABLE, VHAL_UNAVAILABLE, VHAL_ERROR };

/* Names and built-in defaults of properties and enums (all generations). */
struct vhal_prop_info {
	const char *name;
	int32_t id;
	enum vhal_mode mode;
	enum vhal_access access;
	const char *unit;	/* VehicleUnit name, "" = none */
	const char *enum_name;	/* type of its values, "" = none */
};
const struct vhal_prop_info *vhal_prop_by_name(const char *name);
const struct vhal_prop_info *vhal_prop_by_id(int32_t id);
/* "VehicleGear::GEAR_PARK" or NAME within @enum_name. 0 or -ENOENT. */
int vhal_enum_value(const char *enum_name, const char *name, int64_t *out);
const char *vhal_enum_label(const char *enum_name, int64_t v); /* or NULL */

struct vhal_area_config {
	int32_t area;
	enum vhal_access access;
	int32_t min_i32, max_i32; /* both 0 = no limit; likewise below */
	int64_t min_i64, max_i64;
	float min_f32, max_f32;
	const int64_t *enum_value; /* supportedEnumValues */
	size_t n_enum_values;
	bool variable_rate;
	uint32_t slot; /* index over all property-area pairs of the store */
};

struct vhal_prop_config {
	int32_t prop;
	const char *name; /* "PERF_VEHICLE_SPEED", vendor: from its file or "0x..." */
	enum vhal_access access;
	enum vhal_mode mode;
	const int32_t *config_array;
	size_t n_config_array;
	const char *config_string;
	float min_rate_hz, max_rate_hz;
	const struct vhal_area_config *area;
	size_t n_areas;
	bool bound; /* values come from the bus; a set becomes a request */
};

struct vhal;

struct vhal *vhal_create(struct evq *q, struct bus *bus);
void vhal_destroy(struct vhal *v);

/**
 * vhal_load() - Add the properties of one JSON file; later files replace whole
 * properties of earlier ones
 *
 * The reference format unmodified, plus for vendor files: "name" of a property,
 * "enums" at the root. Return: 0; -EINVAL with file:line:column messages in @d
 * and nothing of the file loaded; -ENOMEM.
 */
int vhal_load(struct vhal *v, const char *name, const char *json, size_t len,
	      struct av_diags *d);

size_t vhal_n_props(const struct vhal *v);
const struct vhal_prop_config *vhal_prop_at(const struct vhal *v, size_t i);
const struct vhal_prop_config *vhal_config(const struct vhal *v, int32_t prop);

/**
 * vhal_find() - "PROPERTY", "PROPERTY/AREA" by name or number
 * @area:	area by name ("ROW_1_LEFT", "LEFT_FRONT", "SEAT_1_LEFT"), 0x.. or
 *		decimal; where a property has exactly one area it may be left out
 *
 * Return: 0, -ENOENT with a suggestion in @err.
 */
int vhal_find(const struct vhal *v, const char *text, int32_t *prop,
	      int32_t *area, struct av_err *err);

size_t vhal_n_slots(const struct vhal *v);
const char *vhal_slot_name(const struct vhal *v, uint32_t slot); /* PROP/AREA */
int vhal_slot_of(const struct vhal *v, int32_t prop, int32_t area); /* or -1 */
const struct vhal_prop_config *vhal_slot_config(const struct vhal *v,
						uint32_t slot);

/* Current value; status unavailable and no arrays where there is none yet. */
const struct vhal_value *vhal_get(const struct vhal *v, uint32_t slot);

/* AAOS status codes of get and set. */
enum vhal_code { VHAL_OK, VHAL_TRY_AGAIN, VHAL_INVALID_ARG, VHAL_NOT_AVAILABLE,
		 VHAL_ACCESS_DENIED, VHAL_INTERNAL_ERROR };

/**
 * vhal_check_set() - May @val be written from outside, by the AAOS rules?
 */
enum vhal_code vhal_check_set(const struct vhal *v, const struct vhal_value *val,
			      struct av_err *err);

/**
 * vhal_set() - A set from outside, already a command
 *
 * Bound properties go to the binder (vhal_set_binder()), which requests them on
 * the bus; the event follows when the frames come back. Others are stored and
 * echoed.
 */
enum vhal_code vhal_set(struct vhal *v, const struct vhal_value *val,
			enum cmd_source source, struct av_err *err);

/* Passes a checked set of a bound property on to the bus. */
typedef int vhal_binder_fn(void *ctx, uint32_t slot,
			   const struct vhal_value *val, struct av_err *err);
void vhal_set_binder(struct vhal *v, vhal_binder_fn *fn, void *ctx);
void vhal_mark_bound(struct vhal *v, uint32_t slot, bool writable);

/* From the bus side: the value is now @x (converted to the property's type);
 * published by change mode. */
void vhal_update_num(struct vhal *v, uint32_t slot, double x);
void vhal_update(struct vhal *v, uint32_t slot, const struct vhal_value *val);
void vhal_update_status(struct vhal *v, uint32_t slot, enum vhal_status s);

/* ---- subscriptions ---- */
struct vhal_sub; /* one subscriber: a set of slots, each with its rate */
typedef void vhal_sub_fn(void *ctx, const struct vhal_event *e);

/* Events go to @fn; TOPIC_VHAL carries those of the run's own subscriber, which
 * samples each continuous property at its maximum rate. */
struct vhal_sub *vhal_sub_create(struct vhal *v, vhal_sub_fn *fn, void *ctx);
void vhal_sub_destroy(struct vhal_sub *s);
/* @rate_hz is clamped to the property's range; ignored for on-change ones. The
 * current value is delivered at once. 0, -ENOENT, -EACCES, -ENOMEM. */
int vhal_sub_add(struct vhal_sub *s, uint32_t slot, float rate_hz);
void vhal_sub_remove(struct vhal_sub *s, uint32_t slot);

/* Publish all current values on TOPIC_VHAL and start the run's subscriber. */
int vhal_start(struct vhal *v, struct av_err *err);

/* ---- text ---- */
/* Canonical text of a value: scalars as such, vectors "[1,2]", strings quoted as
 * in JSON, bytes hex, floats shortest round trip. Return length, snprintf-like. */
size_t vhal_value_text(const struct vhal_value *val, char *buf, size_t size);
/* Reverse, by the type of @prop; numbers, enum names, true/false. @arena gets
 * the arrays (caller frees *arena). */
int vhal_value_parse(const struct vhal *v, int32_t prop, int32_t area,
		     const char *text, struct vhal_value *out, void **arena,
		     struct av_err *err);

#endif
