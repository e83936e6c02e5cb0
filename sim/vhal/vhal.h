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
	VHAL_AREA_GLOBAL = 0x01000000,
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
	const char *enum_name;	/* types of its values, "" = none */
};
const struct vhal_prop_info *vhal_prop_by_name(const char *name);
const struct vhal_prop_info *vhal_prop_by_id(int32_t id);
/* Property @i in order of names, NULL past the end. */
const struct vhal_prop_info *vhal_prop_row(size_t i);
/*
 * "VehicleGear::GEAR_PARK" or NAME within @enum_name, which may list several
 * types as vhal_prop_info does ("CruiseControlState ErrorState"), or be NULL.
 * 0 or -ENOENT.
 */
int vhal_enum_value(const char *enum_name, const char *name, int64_t *out);
const char *vhal_enum_label(const char *enum_name, int64_t v); /* or NULL */
/* The nearest name for a mistyped one, or NULL. */
const char *vhal_enum_suggest(const char *enum_name, const char *name);

struct vhal_area_config {
	int32_t area;
	enum vhal_access access;
	int32_t min_i32, max_i32; /* both 0 = no limit; likewise below */
	int64_t min_i64, max_i64;
	float min_f32, max_f32;
	const int64_t *enum_value; /* supportedEnumValues */
	size_t n_enum_values;
	bool variable_rate;
	/* hasSupportedValueInfo of interface V4 */
	bool has_min_supported, has_max_supported, has_supported_list;
	uint32_t slot; /* index over all property-area pairs of the store */
};

struct vhal_prop_config {
	int32_t prop;
	const char *name; /* "PERF_VEHICLE_SPEED"; vendor: of its file, "0x..." */
	const char *unit;      /* as in struct vhal_prop_info */
	const char *enum_name;
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

/* @bus: NULL = nobody gets TOPIC_VHAL (tests, tools) */
struct vhal *vhal_create(struct evq *q, struct bus *bus);
void vhal_destroy(struct vhal *v);

/**
 * vhal_load() - Add the properties of one JSON file; later files replace whole
 * properties of earlier ones
 *
 * The reference format unmodified, plus for vendor files: "name", "unit" (a
 * VehicleUnit) and "enum" of a property, and "enums" at the root, an object of
 * types, each an object of NAME: value. Properties of the group VENDOR need
 * "access" and "changeMode", continuous ones their sample rates.
 *
 * All files are loaded before anything is bound, subscribed or started: each
 * load numbers the slots anew and sets all values to their initial ones.
 *
 * Return: 0; -EINVAL with file:line:column messages in @d and nothing of the
 * file loaded; -EBUSY too late (message in @d); -ENOMEM.
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

/* AAOS status codes of get and set, with the numbers of the interface. */
enum vhal_code {
	VHAL_OK,
	VHAL_TRY_AGAIN,
	VHAL_INVALID_ARG,
	VHAL_NOT_AVAILABLE,
	VHAL_ACCESS_DENIED,
	VHAL_INTERNAL_ERROR,
	VHAL_NOT_AVAILABLE_DISABLED, /* HVAC or an assistant is off */
	VHAL_NOT_AVAILABLE_SPEED_LOW,
	VHAL_NOT_AVAILABLE_SPEED_HIGH,
	VHAL_NOT_AVAILABLE_POOR_VISIBILITY,
	VHAL_NOT_AVAILABLE_SAFETY,
	VHAL_N_CODES
};
extern const char *const vhal_code_names[VHAL_N_CODES]; /* "NOT_AVAILABLE" */

#define VHAL_VALUE_MAX (256u << 10) /* bytes of one value set from outside */
#define VHAL_ELEMS_MAX 4096 /* elements vhal_update_elem() grows a vector to */

/**
 * vhal_check_get() - What a get from outside answers, by the AAOS rules
 *
 * VHAL_OK also for a value whose status is not available (the status is in the
 * value); NOT_AVAILABLE where there never was one; NOT_AVAILABLE_DISABLED for
 * what hangs on HVAC_POWER_ON while that is off.
 */
enum vhal_code vhal_check_get(const struct vhal *v, int32_t prop, int32_t area,
			      struct av_err *err);

/**
 * vhal_query() - A get from outside whose request carries values
 * @q:		property, area, and the arguments of those properties that take
 *		some (the time stamp of a freeze frame); of others ignored
 * @out:	the answer, valid until the property changes
 */
enum vhal_code vhal_query(const struct vhal *v, const struct vhal_value *q,
			  const struct vhal_value **out, struct av_err *err);

/**
 * vhal_check_set() - May @val be written from outside, by the AAOS rules?
 *
 * Order of the checks: INVALID_ARG for an unknown property or area;
 * ACCESS_DENIED; INVALID_ARG for the wrong shape, outside min..max, not in
 * supportedEnumValues, not finite, not UTF-8, over VHAL_VALUE_MAX;
 * NOT_AVAILABLE (NOT_AVAILABLE_DISABLED) while its status is unavailable. Time
 * and status of @val are ignored; so is the area of a global property.
 */
enum vhal_code vhal_check_set(const struct vhal *v,
			      const struct vhal_value *val, struct av_err *err);

/**
 * vhal_set() - A set from outside, already a command
 *
 * Bound properties go to the binder (vhal_set_binder()), which requests them on
 * the bus; the event follows when the frames come back. Others are stored and
 * echoed.
 */
enum vhal_code vhal_set(struct vhal *v, const struct vhal_value *val,
			enum cmd_source source, struct av_err *err);

/*
 * Passes a checked set of a bound property on to the bus. 0, or: -EAGAIN try
 * again, -EINVAL -ERANGE -EDOM invalid, -EACCES -EPERM refused, -ENODEV -EBUSY
 * not available, anything else an internal error.
 */
typedef int vhal_binder_fn(void *ctx, uint32_t slot,
			   const struct vhal_value *val, struct av_err *err);
void vhal_set_binder(struct vhal *v, vhal_binder_fn *fn, void *ctx);
/* @writable: a set can be requested on the bus. Where it cannot, the area is
 * offered to guests as READ even if the file says READ_WRITE. */
void vhal_mark_bound(struct vhal *v, uint32_t slot, bool writable);

/*
 * What a property does beyond being stored; each member may be NULL. The
 * built-in ones are the rows of vhal_rules.c.
 */
struct vhal_hook {
	/* Answer to vhal_query(), after the checks of a get but whether or not
	 * there is a value; *out as there. */
	enum vhal_code (*get)(const struct vhal *v, void *ctx,
			      const struct vhal_value *q,
			      const struct vhal_value **out,
			      struct av_err *err);
	/* After the general checks of a set; no effect. */
	enum vhal_code (*check)(const struct vhal *v, void *ctx,
				const struct vhal_value *val,
				struct av_err *err);
	/* Instead of storing and echoing a checked set of an unbound
	 * property. */
	enum vhal_code (*set)(struct vhal *v, void *ctx, uint32_t slot,
			      const struct vhal_value *val,
			      enum cmd_source source, struct av_err *err);
	/* The value or status of @slot is new. */
	void (*changed)(struct vhal *v, void *ctx, uint32_t slot);
};

/* @hook replaces the built-in one of @prop; borrowed. 0 or -ENOENT. After all
 * files are loaded. */
int vhal_set_hook(struct vhal *v, int32_t prop, const struct vhal_hook *hook,
		  void *ctx);

/*
 * From the bus side: the value is now @x, converted to the property's type
 * (BOOLEAN: not 0; integers: to nearest, saturated; vectors: one element) and
 * available. A change is published at once for on-change properties; continuous
 * ones are sampled. NaN: status unavailable. No effect on STRING, BYTES, MIXED.
 */
void vhal_update_num(struct vhal *v, uint32_t slot, double x);
/* Likewise one element of a vector, which grows with zeros up to it. */
void vhal_update_elem(struct vhal *v, uint32_t slot, uint32_t i, double x);
/* Likewise a whole value with its status (@val's time is ignored). Properties
 * whose every value is an event (keys, power requests) publish it even if
 * unchanged. */
void vhal_update(struct vhal *v, uint32_t slot, const struct vhal_value *val);
void vhal_update_status(struct vhal *v, uint32_t slot, enum vhal_status s);
/* Likewise, as an answer: published even if unchanged. */
void vhal_answer(struct vhal *v, uint32_t slot, const struct vhal_value *val);

/* ---- subscriptions ---- */
struct vhal_sub; /* one subscriber: a set of slots, each with its rate */

/* Must not add to, remove from or destroy subscriptions. */
typedef void vhal_sub_fn(void *ctx, const struct vhal_event *e);

#define VHAL_RATE_MAX_HZ 1000.0f     /* of any subscription */
#define VHAL_RUN_RATE_MAX_HZ 10.0f   /* of the run's own, for TOPIC_VHAL */

struct vhal_sub *vhal_sub_create(struct vhal *v, vhal_sub_fn *fn, void *ctx);
void vhal_sub_destroy(struct vhal_sub *s);

/**
 * vhal_sub_add() - Subscribe to a slot, or change its rate
 * @rate_hz:	of a continuous property, clamped to its range; else ignored
 *
 * The current value, if there is one, is delivered at once. A continuous
 * property then comes every period from now on, changed or not, unless it never
 * had a value; an on-change one when value or status changes.
 *
 * Return: 0, -ENOENT no such slot, -EACCES it cannot be read, -ENOMEM.
 */
int vhal_sub_add(struct vhal_sub *s, uint32_t slot, float rate_hz);
void vhal_sub_remove(struct vhal_sub *s, uint32_t slot);

/* Publish all current values on TOPIC_VHAL, which from here on carries every
 * change of on-change properties and samples of the continuous ones at their
 * maximum rate, at most VHAL_RUN_RATE_MAX_HZ. */
int vhal_start(struct vhal *v, struct av_err *err);

/* ---- text ---- */
/*
 * Canonical text of a value: "true", "12", "21.5" (shortest that reads back the
 * same), vectors "[1,2]", strings quoted as in JSON, bytes as hex digits, MIXED
 * {i32:[1],i64:[2],f:[0.5],b:00ff,s:"x"} with the parts present. Status: not
 * available is "unavailable" or "unavailable 21.5" (the last value), likewise
 * "error". Return: length, as snprintf.
 */
size_t vhal_value_text(const struct vhal_value *val, char *buf, size_t size);

/**
 * vhal_value_parse() - Reverse of it, by the type of @prop
 * @arena:	gets the arrays; caller frees *arena. NULL after an error
 *
 * People may also write enum names (with or without their type), 0 and 1 for
 * booleans, hexadecimal integers, vectors without brackets, strings without
 * quotes. Return: 0, -EINVAL with @err filled, -ENOENT unknown property,
 * -ENOMEM.
 */
int vhal_value_parse(const struct vhal *v, int32_t prop, int32_t area,
		     const char *text, struct vhal_value *out, void **arena,
		     struct av_err *err);

/* Name of @x among the values of @prop, vendor types included, or NULL. */
const char *vhal_label(const struct vhal *v, int32_t prop, int64_t x);

#endif
