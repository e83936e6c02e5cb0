/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the property store: what its files share.
 */
#ifndef AVSIM_VHAL_PRIV_H
#define AVSIM_VHAL_PRIV_H

#include "sim/vhal/vhal.h"

#define PROP_HVAC_POWER_ON 0x15200510
#define GROUP_VENDOR 0x20000000

/* ---- memory that lives as long as the store ---- */
struct vhal_arena {
	struct vhal_chunk *head;
};
/* Zeroed, aligned for anything; NULL on ENOMEM. @size may be 0. */
void *vhal_alloc(struct vhal_arena *a, size_t size);
char *vhal_strdup(struct vhal_arena *a, const char *s, size_t len);
void vhal_arena_finish(struct vhal_arena *a);
/* Everything in @from now belongs to @to. */
void vhal_arena_join(struct vhal_arena *to, struct vhal_arena *from);

/* ---- constants ---- */
struct vhal_const {
	const char *type;
	const char *name;
	int64_t value;
};
struct vhal_consts { /* sorted by type and name */
	const struct vhal_const *v;
	size_t n;
};
extern const struct vhal_consts vhal_builtin;
int vhal_const_cmp(const struct vhal_const *a, const struct vhal_const *b);

/* The rows of @type; n = 0 if there are none. */
struct vhal_consts vhal_consts_type(struct vhal_consts c, const char *type,
				    size_t len);
const struct vhal_const *vhal_consts_find(struct vhal_consts type,
					  const char *name, size_t len);
const struct vhal_const *vhal_consts_label(struct vhal_consts type, int64_t x);
/* Bits of areas of the given type (VEHICLE_AREA bits of a property id). */
struct vhal_consts vhal_area_consts(int32_t prop);

/**
 * vhal_const_resolve() - "Type::NAME", VehicleProperty included
 * @extra:	vendor types beside the built-in ones
 * @why:	NULL, or VHAL_WHY_MAX bytes for "unknown type 'x' (did you mean
 * ..)"
 */
#define VHAL_WHY_MAX 320
int vhal_const_resolve(struct vhal_consts extra, const char *text, size_t len,
		       int64_t *out, char *why);
/* NAME or Type::NAME among the types listed in @enum_name. */
int vhal_enum_find(struct vhal_consts extra, const char *enum_name,
		   const char *name, size_t len, int64_t *out);
const char *vhal_enum_label_in(struct vhal_consts extra, const char *enum_name,
			       int64_t v);

/* ---- the store ---- */
enum vhal_kind { /* how a slot's value is kept */
		 KIND_BOOL,
		 KIND_I32,
		 KIND_I64,
		 KIND_F32,
		 KIND_OTHER, /* arrays, in heap[cur] */
};

struct vhal_prop {
	struct vhal_prop_config cfg;    /* first: a config is its property */
	struct vhal_area_config *areas; /* = cfg.area */
	struct vhal_value *initial;     /* per area; prop 0 = none */
	const struct vhal_hook *hook;   /* or NULL */
	void *hook_ctx;
};

struct vhal_slot {
	struct vhal_value val; /* what vhal_get() shows */
	union {
		int32_t i32;
		int64_t i64;
		float f32;
	} num;
	double last; /* number last given by the bus; NaN = unknown */
	enum vhal_kind kind;
	bool has;       /* there is a value */
	bool every;     /* each value is an event, changed or not */
	bool power_off; /* hangs on an HVAC_POWER_ON that is off */
	bool hangs;     /* ... on HVAC_POWER_ON at all */
	bool bound, writable;
	int32_t own_status; /* without power_off */
	const char *name;
	struct vhal_prop *prop;
	struct vhal_area_config *area;
	void *heap[2]; /* the value being replaced stays readable */
	size_t room[2];
	unsigned int cur;
	struct vhal_sub **sub; /* who listens, in order of subscription */
	uint32_t n_subs, subs_room;
};

struct vhal_key { /* sorted by prop, area */
	int32_t prop, area;
	uint32_t slot;
};

struct vhal_name { /* sorted */
	const char *name;
	int32_t prop;
};
int vhal_name_cmp(const void *a, const void *b); /* by name alone */

struct vhal {
	struct evq *q;
	struct bus *bus;
	struct vhal_arena arena;
	struct vhal_prop **prop; /* in order of first appearance */
	size_t n_props;
	struct vhal_consts consts; /* of vendor files */
	struct vhal_slot *slot;
	size_t n_slots;
	struct vhal_key *key;   /* n_slots */
	struct vhal_name *name; /* n_props */
	uint32_t *hang;         /* slots that hang on HVAC_POWER_ON */
	size_t n_hang;
	vhal_binder_fn *binder;
	void *binder_ctx;
	struct vhal_sub *run;  /* feeds TOPIC_VHAL */
	struct vhal_sub *subs; /* all, linked */
	unsigned int depth;    /* of nested deliveries */
	bool frozen;           /* bound or subscribed: no more loading */
};

/* Make a file's properties part of the store: all or nothing. Takes @arena on
 * success. */
int vhal_commit(struct vhal *v, struct vhal_prop **prop, size_t n,
		struct vhal_consts consts, struct vhal_arena *arena);

/* The built-in hook of @prop, or NULL (vhal_rules.c). */
const struct vhal_hook *vhal_rule(int32_t prop);
/* Store a checked set and echo it. */
enum vhal_code vhal_store(struct vhal *v, uint32_t slot,
			  const struct vhal_value *val, enum cmd_source source,
			  struct av_err *err);

/* The arrays of @val, of the right shape, become the slot's. 0 or -ENOMEM. */
int vhal_keep(struct vhal_slot *s, const struct vhal_value *val);
/* The status that vhal_get() shows: power and lack of a value included. */
int32_t vhal_shown_status(const struct vhal_slot *s);
/* HVAC_POWER_ON has changed: what hangs on it becomes available or not. */
void vhal_hvac_changed(struct vhal *v, bool publish);
void vhal_free_slots(struct vhal_slot *slot, size_t n);

bool vhal_is_vector(int32_t prop);
const struct vhal_prop *vhal_prop_find(const struct vhal *v, int32_t prop);
/* Area name into @buf: "ROW_1_LEFT|ROW_2_LEFT", "0x1"; snprintf-like. */
size_t vhal_area_text(int32_t prop, int32_t area, char *buf, size_t size);

/* Does the shape of @val fit the type of @cfg? @inside: given by the bus or a
 * file, not by a guest. 0 or -EINVAL with @err. */
int vhal_check_shape(const struct vhal_prop_config *cfg,
		     const struct vhal_value *val, bool inside,
		     struct av_err *err);
/* Bytes of the longest beginning that is well-formed UTF-8 (RFC 3629: shortest
 * forms only, no surrogates). */
size_t vhal_utf8_good(const char *s, size_t len);
uint32_t vhal_put_utf8(char *to, unsigned int c); /* up to 4 bytes; how many */

/* To everybody who listens to @s, and TOPIC_VHAL. */
void vhal_deliver(struct vhal *v, struct vhal_slot *s, enum vhal_event_why why,
		  enum cmd_source source);
void vhal_drop_subs(struct vhal *v);

#endif
