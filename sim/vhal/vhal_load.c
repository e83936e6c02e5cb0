/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON configuration of the AAOS reference VHAL (interface versions 1 and
 * 2), with names, units and enums for vendor properties added.
 *
 * Everything is read into memory of its own first and becomes part of the store
 * only if the whole file is right. Errors do not stop the reading: each is
 * noted with its place.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_load.h"

/* ---- areas ---- */

enum {
	A_AREA_ID,
	A_ACCESS,
	A_MIN_I32,
	A_MAX_I32,
	A_MIN_I64,
	A_MAX_I64,
	A_MIN_F32,
	A_MAX_F32,
	A_ENUM,
	A_VUR,
	A_SUPPORTED,
	A_DEFAULT,
	A_N
};

static const char *const area_keys[A_N] = {
	[A_AREA_ID] = "areaId",
	[A_ACCESS] = "access",
	[A_MIN_I32] = "minInt32Value",
	[A_MAX_I32] = "maxInt32Value",
	[A_MIN_I64] = "minInt64Value",
	[A_MAX_I64] = "maxInt64Value",
	[A_MIN_F32] = "minFloatValue",
	[A_MAX_F32] = "maxFloatValue",
	[A_ENUM] = "supportedEnumValues",
	[A_VUR] = "supportVariableUpdateRate",
	[A_SUPPORTED] = "hasSupportedValueInfo",
	[A_DEFAULT] = "defaultValue",
};

static void read_limits(struct loader *l, uint32_t node, const uint32_t *m,
			struct vhal_area_config *a)
{
	int64_t x;

	if (m[A_MIN_I32] && vload_int(l, m[A_MIN_I32], area_keys[A_MIN_I32],
				      INT32_MIN, INT32_MAX, &x)) {
		a->min_i32 = (int32_t)x;
	}
	if (m[A_MAX_I32] && vload_int(l, m[A_MAX_I32], area_keys[A_MAX_I32],
				      INT32_MIN, INT32_MAX, &x)) {
		a->max_i32 = (int32_t)x;
	}
	if (m[A_MIN_I64]) {
		vload_int(l, m[A_MIN_I64], area_keys[A_MIN_I64], INT64_MIN,
			  INT64_MAX, &a->min_i64);
	}
	if (m[A_MAX_I64]) {
		vload_int(l, m[A_MAX_I64], area_keys[A_MAX_I64], INT64_MIN,
			  INT64_MAX, &a->max_i64);
	}
	if (m[A_MIN_F32]) {
		vload_float(l, m[A_MIN_F32], area_keys[A_MIN_F32], &a->min_f32);
	}
	if (m[A_MAX_F32]) {
		vload_float(l, m[A_MAX_F32], area_keys[A_MAX_F32], &a->max_f32);
	}
	if (a->min_i32 > a->max_i32 || a->min_i64 > a->max_i64 ||
	    a->min_f32 > a->max_f32) {
		uint32_t at = a->min_i32 > a->max_i32   ? m[A_MIN_I32]
			      : a->min_i64 > a->max_i64 ? m[A_MIN_I64]
							: m[A_MIN_F32];

		complain(l, at ? at : node,
			 "the smallest value is greater than the largest");
	}
}

static void read_supported(struct loader *l, uint32_t node,
			   struct vhal_area_config *a)
{
	static const char *const names[] = { "hasMinSupportedValue",
					     "hasMaxSupportedValue",
					     "hasSupportedValuesList" };
	bool *const to[] = { &a->has_min_supported, &a->has_max_supported,
			     &a->has_supported_list };
	uint32_t m[3];

	if (!vload_want(l, node, VJSON_OBJECT, area_keys[A_SUPPORTED],
			"an object")) {
		return;
	}
	vload_members(l, node, names, 3, m);
	for (size_t i = 0; i < 3; i++) {
		if (m[i] != NONE) {
			vload_bool(l, m[i], names[i], to[i]);
		}
	}
}

static bool read_access(struct loader *l, uint32_t node, enum vhal_access *out)
{
	int64_t x;

	if (!vload_int(l, node, "access", VHAL_NONE, VHAL_READ_WRITE, &x)) {
		return false;
	}
	*out = (enum vhal_access)x;
	return true;
}

static void read_area(struct loader *l, uint32_t node, struct vhal_prop *p,
		      size_t i)
{
	struct vhal_area_config *a = &p->areas[i];
	uint32_t m[A_N];

	a->access = p->cfg.access;
	a->variable_rate = true;
	if (!vload_want(l, node, VJSON_OBJECT, "an area", "an object")) {
		return;
	}
	vload_members(l, node, area_keys, A_N, m);
	if (m[A_AREA_ID] == NONE) {
		complain(l, node, "missing 'areaId'");
	} else if (vload_bits(l, m[A_AREA_ID], "areaId", &a->area) &&
		   a->area != 0 &&
		   (p->cfg.prop & VHAL_AREA_MASK) == VHAL_AREA_GLOBAL) {
		complain(l, m[A_AREA_ID],
			 "%s is a global property: its only area is 0",
			 p->cfg.name);
	}
	if (m[A_ACCESS] != NONE) {
		read_access(l, m[A_ACCESS], &a->access);
	}
	read_limits(l, node, m, a);
	if (m[A_ENUM] != NONE) {
		vload_i64s(l, m[A_ENUM], area_keys[A_ENUM], &a->enum_value,
			   &a->n_enum_values);
	}
	if (m[A_VUR] != NONE) {
		vload_bool(l, m[A_VUR], area_keys[A_VUR], &a->variable_rate);
	}
	if (m[A_SUPPORTED] != NONE) {
		read_supported(l, m[A_SUPPORTED], a);
	}
	if (m[A_DEFAULT] != NONE) {
		vload_value(l, m[A_DEFAULT], &p->cfg, &p->initial[i]);
	}
}

static int by_seen_id(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->id != y->id) {
		return x->id < y->id ? -1 : 1;
	}
	return x->node < y->node ? -1 : x->node > y->node;
}

/* No two areas of @p are the same. */
static void check_areas(struct loader *l, const struct vhal_prop *p,
			uint32_t array)
{
	struct seen *s = calloc(p->cfg.n_areas + 1, sizeof(*s));
	size_t n = 0;

	if (!s) {
		l->oom = true;
		return;
	}
	for (uint32_t i = vjson_first(&l->doc, array);
	     i < vjson_end(&l->doc, array); i = vjson_next(&l->doc, i), n++) {
		s[n] = (struct seen){ .id = p->areas[n].area, .node = i };
	}
	qsort(s, n, sizeof(*s), by_seen_id);
	for (size_t i = 1; i < n; i++) {
		if (s[i].id == s[i - 1].id) {
			complain(l, s[i].node, "%s has the area 0x%x twice",
				 p->cfg.name, (unsigned int)s[i].id);
		}
	}
	free(s);
}

static bool room_for_areas(struct loader *l, struct vhal_prop *p, size_t n)
{
	p->areas = vload_alloc(l, n * sizeof(*p->areas));
	p->initial = vload_alloc(l, n * sizeof(*p->initial));
	p->cfg.area = p->areas;
	p->cfg.n_areas = n;
	return p->areas && p->initial;
}

static void read_areas(struct loader *l, uint32_t node, struct vhal_prop *p)
{
	size_t n = 0, before = l->errors;

	if (node != NONE &&
	    vload_want(l, node, VJSON_ARRAY, "areas", "an array")) {
		n = vload_count(l, node);
	}
	if (!room_for_areas(l, p, n > 0 ? n : 1)) {
		return;
	}
	if (n == 0) { /* as the reference: one area, 0 */
		p->areas[0].access = p->cfg.access;
		p->areas[0].variable_rate = true;
		return;
	}
	n = 0;
	for (uint32_t i = vjson_first(&l->doc, node);
	     i < vjson_end(&l->doc, node); i = vjson_next(&l->doc, i)) {
		read_area(l, i, p, n++);
	}
	if (l->errors == before) {
		check_areas(l, p, node);
	}
}

/* ---- properties ---- */

enum {
	P_PROPERTY,
	P_ACCESS,
	P_MODE,
	P_STRING,
	P_ARRAY,
	P_DEFAULT,
	P_MIN_RATE,
	P_MAX_RATE,
	P_AREAS,
	P_NAME,
	P_UNIT,
	P_ENUM,
	P_N
};

static const char *const prop_keys[P_N] = {
	[P_PROPERTY] = "property",
	[P_ACCESS] = "access",
	[P_MODE] = "changeMode",
	[P_STRING] = "configString",
	[P_ARRAY] = "configArray",
	[P_DEFAULT] = "defaultValue",
	[P_MIN_RATE] = "minSampleRate",
	[P_MAX_RATE] = "maxSampleRate",
	[P_AREAS] = "areas",
	[P_NAME] = "name",
	[P_UNIT] = "unit",
	[P_ENUM] = "enum",
};

static bool known_type(const char *type, int32_t bits)
{
	return vhal_consts_label(
		       vhal_consts_type(vhal_builtin, type, strlen(type)),
		       bits) != NULL;
}

static bool read_id(struct loader *l, uint32_t node, uint32_t id_node,
		    int32_t *out)
{
	int32_t id;

	if (id_node == NONE) {
		complain(l, node, "missing 'property'");
		return false;
	}
	if (!vload_bits(l, id_node, "property", &id)) {
		return false;
	}
	if (!known_type("VehiclePropertyGroup", id & VHAL_GROUP_MASK)) {
		complain(l, id_node, "0x%x is no property id: unknown group",
			 (unsigned int)id);
		return false;
	}
	if (!known_type("VehicleArea", id & VHAL_AREA_MASK)) {
		complain(l, id_node,
			 "0x%x is no property id: unknown area type",
			 (unsigned int)id);
		return false;
	}
	if (!known_type("VehiclePropertyType", id & VHAL_TYPE_MASK)) {
		complain(l, id_node,
			 "0x%x is no property id: unknown value type",
			 (unsigned int)id);
		return false;
	}
	*out = id;
	return true;
}

static bool name_ok(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && n <= 96 && s[n] == '\0' && (s[0] < '0' || s[0] > '9');
}

static const char *default_name(struct loader *l, int32_t id)
{
	const struct vhal_const *c = vhal_consts_label(
		vhal_consts_type(vhal_builtin, "TestVendorProperty", 18), id);
	char hex[16];
	char *name;

	if (c) {
		return c->name;
	}
	snprintf(hex, sizeof(hex), "0x%08x", (unsigned int)id);
	name = vhal_strdup(&l->arena, hex, strlen(hex));
	l->oom |= !name;
	return name;
}

/* Name, unit and values' type: built in, or told by a vendor's file. */
static void read_names(struct loader *l, const uint32_t *m,
		       const struct vhal_prop_info *info,
		       struct vhal_prop_config *cfg)
{
	struct vhal_consts units =
		vhal_consts_type(vhal_builtin, "VehicleUnit", 11);

	cfg->name = info ? info->name : default_name(l, cfg->prop);
	cfg->unit = info ? info->unit : "";
	cfg->enum_name = info ? info->enum_name : "";
	if (m[P_NAME] != NONE &&
	    vload_want(l, m[P_NAME], VJSON_STRING, "name", "a string")) {
		const char *name = vjson_text(&l->doc, m[P_NAME]);
		const struct vhal_prop_info *other = vhal_prop_by_name(name);

		if (!name_ok(name)) {
			complain(l, m[P_NAME],
				 "a name is made of capital "
				 "letters, digits and '_', at most 96");
		} else if (info ? strcmp(name, info->name) != 0
				: other != NULL) {
			complain(l, m[P_NAME],
				 "%s is the name of property 0x%x",
				 info ? info->name : name,
				 (unsigned int)(info ? info->id : other->id));
		} else {
			cfg->name = vload_copy(l, m[P_NAME]);
		}
	}
	if (m[P_UNIT] != NONE &&
	    vload_want(l, m[P_UNIT], VJSON_STRING, "unit", "a string")) {
		const struct vhal_const *c =
			vhal_consts_find(units, vjson_text(&l->doc, m[P_UNIT]),
					 l->doc.node[m[P_UNIT]].len);

		if (!c) {
			complain(l, m[P_UNIT], "unknown VehicleUnit '%.60s'",
				 vjson_text(&l->doc, m[P_UNIT]));
		} else {
			cfg->unit = c->name;
		}
	}
	if (m[P_ENUM] != NONE &&
	    vload_want(l, m[P_ENUM], VJSON_STRING, "enum", "a string")) {
		const char *type = vjson_text(&l->doc, m[P_ENUM]);
		size_t len = l->doc.node[m[P_ENUM]].len;

		if (vhal_consts_type(l->consts, type, len).n == 0 &&
		    vhal_consts_type(vhal_builtin, type, len).n == 0) {
			complain(l, m[P_ENUM],
				 "unknown type '%.60s': it is "
				 "not in the \"enums\" of this file",
				 type);
		} else {
			cfg->enum_name = vload_copy(l, m[P_ENUM]);
		}
	}
}

static void read_mode(struct loader *l, uint32_t node, const uint32_t *m,
		      const struct vhal_prop_info *info,
		      struct vhal_prop_config *cfg)
{
	int64_t x;

	cfg->access = info ? info->access : VHAL_NONE;
	cfg->mode = info ? info->mode : VHAL_STATIC;
	if (m[P_ACCESS] != NONE) {
		read_access(l, m[P_ACCESS], &cfg->access);
	} else if (!info) {
		complain(l, node,
			 "missing 'access': 0x%x is not a property of "
			 "the interface",
			 (unsigned int)cfg->prop);
	}
	if (m[P_MODE] != NONE) {
		if (vload_int(l, m[P_MODE], prop_keys[P_MODE], VHAL_STATIC,
			      VHAL_CONTINUOUS, &x)) {
			cfg->mode = (enum vhal_mode)x;
		}
	} else if (!info) {
		complain(l, node,
			 "missing 'changeMode': 0x%x is not a property "
			 "of the interface",
			 (unsigned int)cfg->prop);
	}
}

static void read_rate(struct loader *l, uint32_t node, uint32_t rate_node,
		      const char *what, bool needed, float *out)
{
	if (rate_node == NONE) {
		if (needed) {
			complain(l, node,
				 "missing '%s' of a continuous property", what);
		}
		return;
	}
	if (vload_float(l, rate_node, what, out) && (*out < 0 || *out > 1e6f)) {
		complain(l, rate_node, "%s must be 0 to 1000000 Hz", what);
	}
}

static void read_rates(struct loader *l, uint32_t node, const uint32_t *m,
		       struct vhal_prop_config *cfg)
{
	bool needed = cfg->mode == VHAL_CONTINUOUS;
	size_t before = l->errors;

	read_rate(l, node, m[P_MIN_RATE], prop_keys[P_MIN_RATE], needed,
		  &cfg->min_rate_hz);
	read_rate(l, node, m[P_MAX_RATE], prop_keys[P_MAX_RATE], needed,
		  &cfg->max_rate_hz);
	if (l->errors > before || !needed) {
		return;
	}
	if (cfg->max_rate_hz <= 0) {
		complain(l, m[P_MAX_RATE], "maxSampleRate must be above 0");
	} else if (cfg->min_rate_hz > cfg->max_rate_hz) {
		complain(l, m[P_MIN_RATE],
			 "minSampleRate is greater than maxSampleRate");
	}
}

/* OBD2 frames come from the diagnostics, never from a file. */
static bool is_obd2(int32_t id)
{
	return id >= 0x11E00D00 && id <= 0x11E00D03;
}

/* The property's own default, for the areas that the version gives it to. */
static void spread_default(const struct loader *l, struct vhal_prop *p,
			   const struct vhal_value *def)
{
	bool any = false;

	for (size_t i = 0; i < p->cfg.n_areas; i++) {
		any |= p->initial[i].prop != 0;
	}
	for (size_t i = 0; i < p->cfg.n_areas; i++) {
		if (is_obd2(p->cfg.prop)) {
			p->initial[i].prop = 0;
		} else if (p->initial[i].prop == 0 &&
			   (l->version >= 2 || !any)) {
			p->initial[i] = *def;
		}
	}
}

/* Room grows with what has an id at least: a file of anything else costs no
 * more than its nodes. */
static void add_property(struct loader *l, struct vhal_prop *p, uint32_t node)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		struct vhal_prop **prop =
			realloc(l->prop, room * sizeof(*prop));
		struct seen *seen;

		if (!prop) {
			l->oom = true;
			return;
		}
		l->prop = prop;
		seen = realloc(l->seen, room * sizeof(*seen));
		if (!seen) {
			l->oom = true;
			return;
		}
		l->seen = seen;
		l->room = room;
	}
	l->seen[l->n] = (struct seen){ .id = p->cfg.prop,
				       .name = p->cfg.name,
				       .node = node };
	l->prop[l->n++] = p;
}

static void read_property(struct loader *l, uint32_t node)
{
	const struct vhal_prop_info *info;
	struct vhal_value def = { 0 };
	struct vhal_prop *p;
	uint32_t m[P_N];
	int32_t id;

	if (!vload_want(l, node, VJSON_OBJECT, "a property", "an object")) {
		return;
	}
	vload_members(l, node, prop_keys, P_N, m);
	p = vload_alloc(l, sizeof(*p));
	if (!p || !read_id(l, node, m[P_PROPERTY], &id)) {
		return;
	}
	info = vhal_prop_by_id(id);
	p->cfg.prop = id;
	p->cfg.config_string = "";
	read_names(l, m, info, &p->cfg);
	read_mode(l, node, m, info, &p->cfg);
	if (m[P_STRING] != NONE &&
	    vload_want(l, m[P_STRING], VJSON_STRING, prop_keys[P_STRING],
		       "a string")) {
		p->cfg.config_string = vload_copy(l, m[P_STRING]);
	}
	if (m[P_ARRAY] != NONE) {
		vload_i32s(l, m[P_ARRAY], prop_keys[P_ARRAY],
			   &p->cfg.config_array, &p->cfg.n_config_array);
	}
	read_rates(l, node, m, &p->cfg);
	read_areas(l, m[P_AREAS], p);
	if (m[P_DEFAULT] != NONE) {
		vload_value(l, m[P_DEFAULT], &p->cfg, &def);
	}
	if (l->oom) {
		return;
	}
	spread_default(l, p, &def);
	add_property(l, p, m[P_NAME] ? m[P_NAME] : m[P_PROPERTY]);
}

static int by_seen_name(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : x->node < y->node ? -1 : x->node > y->node;
}

/* No property and no name given twice, in this file or against the store. */
static void check_twice(struct loader *l)
{
	const struct vhal *v = l->v;

	if (l->n == 0) {
		return;
	}
	qsort(l->seen, l->n, sizeof(*l->seen), by_seen_id);
	for (size_t i = 1; i < l->n; i++) {
		if (l->seen[i].id == l->seen[i - 1].id) {
			complain(l, l->seen[i].node, "%s is given twice",
				 l->seen[i].name);
		}
	}
	qsort(l->seen, l->n, sizeof(*l->seen), by_seen_name);
	for (size_t i = 0; i < l->n; i++) {
		const struct seen *s = &l->seen[i];
		const struct vhal_name key = { .name = s->name };
		const struct vhal_name *old =
			v->n_props == 0
				? NULL
				: bsearch(&key, v->name, v->n_props,
					  sizeof(*v->name), vhal_name_cmp);

		if ((i > 0 && !strcmp(s->name, s[-1].name) &&
		     s->id != s[-1].id) ||
		    (old && old->prop != s->id)) {
			complain(l, s->node,
				 "the name %s is another property's already",
				 s->name);
		}
	}
}

/* ---- the root ---- */

static void read_enum(struct loader *l, uint32_t key, struct vhal_const *out,
		      size_t *n)
{
	const char *type = vjson_text(&l->doc, key);
	size_t len = l->doc.node[key].len;
	uint32_t obj = key + 1;

	if (len == 0 || len > 96 ||
	    strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789_") != len) {
		complain(l, key,
			 "a type's name is made of letters, digits and "
			 "'_', at most 96");
		return;
	}
	if (vhal_consts_type(vhal_builtin, type, len).n > 0) {
		complain(l, key, "%s is a type of the interface", type);
		return;
	}
	if (!vload_want(l, obj, VJSON_OBJECT, type,
			"an object of NAME: value")) {
		return;
	}
	type = vload_copy(l, key);
	for (uint32_t i = vjson_first(&l->doc, obj);
	     type && i < vjson_end(&l->doc, obj);
	     i = vjson_next(&l->doc, i + 1)) {
		struct vhal_const *c = &out[*n];

		if (!name_ok(vjson_text(&l->doc, i))) {
			complain(l, i,
				 "a name is made of capital letters, "
				 "digits and '_', at most 96");
		} else if (vload_int(l, i + 1, vjson_text(&l->doc, i),
				     INT64_MIN, INT64_MAX, &c->value)) {
			c->type = type;
			c->name = vload_copy(l, i);
			*n += c->name != NULL;
		}
	}
}

static int by_const(const void *a, const void *b)
{
	return vhal_const_cmp(a, b);
}

/* The file's own types beside those of earlier files; a type given again
 * replaces the earlier one. */
static void read_enums(struct loader *l, uint32_t node)
{
	const struct vhal_consts old = l->v->consts;
	struct vhal_const *all;
	struct vhal_consts own;
	size_t n = 0, n_own, room = old.n;

	if (node != NONE) {
		if (!vload_want(l, node, VJSON_OBJECT, "enums",
				"an object of types")) {
			return;
		}
		room += (vjson_end(&l->doc, node) - node) / 2;
	}
	all = calloc(room + 1, sizeof(*all));
	if (!all) {
		l->oom = true;
		return;
	}
	for (uint32_t i = node + 1;
	     node != NONE && i < vjson_end(&l->doc, node);
	     i = vjson_next(&l->doc, i + 1)) {
		read_enum(l, i, all, &n);
	}
	qsort(all, n, sizeof(*all), by_const);
	n_own = n;
	own = (struct vhal_consts){ .v = all, .n = n_own };
	for (size_t i = 0; i < old.n; i++) {
		if (vhal_consts_type(own, old.v[i].type, strlen(old.v[i].type))
			    .n == 0) {
			all[n++] = old.v[i];
		}
	}
	qsort(all, n, sizeof(*all), by_const);
	l->consts = (struct vhal_consts){ .v = all, .n = n };
}

static void read_root(struct loader *l)
{
	static const char *const names[] = { "apiVersion", "properties",
					     "enums" };
	uint32_t m[3];
	int64_t version;

	if (!vload_want(l, 0, VJSON_OBJECT, "the file", "an object")) {
		return;
	}
	vload_members(l, 0, names, 3, m);
	if (m[0] != NONE && vload_int(l, m[0], names[0], 1, 2, &version)) {
		l->version = (unsigned int)version;
	}
	read_enums(l, m[2]);
	if (m[1] == NONE) {
		complain(l, 0, "missing 'properties'");
		return;
	}
	if (l->oom || !vload_want(l, m[1], VJSON_ARRAY, names[1], "an array")) {
		return;
	}
	for (uint32_t i = vjson_first(&l->doc, m[1]);
	     i < vjson_end(&l->doc, m[1]) && !l->oom;
	     i = vjson_next(&l->doc, i)) {
		read_property(l, i);
	}
	if (!l->oom) {
		check_twice(l);
	}
}

int vhal_load(struct vhal *v, const char *name, const char *json, size_t len,
	      struct av_diags *d)
{
	struct loader l = { .v = v, .d = d, .version = 1 };
	int ret;

	if (v->frozen) {
		av_diag_add(d, name, 0, 0,
			    "property files are loaded before "
			    "anything is bound or started");
		return -EBUSY;
	}
	ret = vjson_parse(name, json, len, &l.doc, d);
	if (ret == 0) {
		read_root(&l);
		ret = l.oom ? -ENOMEM : l.errors > 0 ? -EINVAL : 0;
	}
	vjson_finish(&l.doc);
	if (ret == 0) {
		ret = vhal_commit(v, l.prop, l.n, l.consts, &l.arena);
	}
	if (ret < 0) {
		free((void *)l.consts.v);
		vhal_arena_finish(&l.arena);
	}
	free(l.prop);
	free(l.seen);
	return ret;
}
