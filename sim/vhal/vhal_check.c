/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be read and written from outside: the rules of the AAOS interface
 * and its reference implementation.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

#define BAD_BYTE 4

/* How many bytes follow the first one of a character, or BAD_BYTE. */
static unsigned int followers(unsigned char c)
{
	if (c < 0x80) {
		return 0;
	}
	if (c < 0xc2 || c > 0xf4) {
		return BAD_BYTE;
	}
	return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

size_t vhal_utf8_good(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0;

	while (i < len) {
		unsigned char c = p[i];
		unsigned int more = followers(c);

		if (more == BAD_BYTE || more > len - i - 1) {
			return i;
		}
		for (unsigned int k = 1; k <= more; k++) {
			if ((p[i + k] & 0xc0) != 0x80) {
				return i;
			}
		}
		if ((c == 0xe0 && p[i + 1] < 0xa0) ||
		    (c == 0xed && p[i + 1] > 0x9f) ||
		    (c == 0xf0 && p[i + 1] < 0x90) ||
		    (c == 0xf4 && p[i + 1] > 0x8f)) {
			return i;
		}
		i += more + 1;
	}
	return len;
}

uint32_t vhal_put_utf8(char *to, unsigned int c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* ---- shape ---- */

static const char *type_name(int32_t prop)
{
	const struct vhal_const *c = vhal_consts_label(
		vhal_consts_type(vhal_builtin, "VehiclePropertyType", 19),
		prop & VHAL_TYPE_MASK);

	return c ? c->name : "unknown type";
}

/*
 * MIXED properties of vendors say their layout in nine numbers: has string, has
 * boolean, has int32, int32 vector, has int64, int64 vector, has float, float
 * vector, bytes. Booleans and int32 share one array.
 */
static int check_mixed(const struct vhal_prop_config *cfg,
		       const struct vhal_value *val, struct av_err *err)
{
	const int32_t *c = cfg->config_array;
	int64_t want[3], got[3] = { val->n_i32, val->n_i64, val->n_f32 };
	static const char *const what[] = { "int32", "int64", "float" };

	if ((cfg->prop & VHAL_GROUP_MASK) != GROUP_VENDOR ||
	    cfg->n_config_array != 9) {
		return 0;
	}
	want[0] = (int64_t)c[1] + c[2] + c[3];
	want[1] = (int64_t)c[4] + c[5];
	want[2] = (int64_t)c[6] + c[7];
	for (size_t i = 0; i < 3; i++) {
		if (got[i] != want[i]) {
			return av_err_set(err, -EINVAL,
					  "%s takes %lld %s values, not %lld",
					  cfg->name, (long long)want[i],
					  what[i], (long long)got[i]);
		}
	}
	if ((int64_t)val->n_bytes > c[8]) {
		return av_err_set(err, -EINVAL, "%s takes %d bytes, not %u",
				  cfg->name, (int)c[8], val->n_bytes);
	}
	if (c[0] == 0 && val->str && val->str[0]) {
		return av_err_set(err, -EINVAL, "%s takes no string",
				  cfg->name);
	}
	return 0;
}

int vhal_check_shape(const struct vhal_prop_config *cfg,
		     const struct vhal_value *val, bool inside,
		     struct av_err *err)
{
	uint32_t n[4] = { val->n_i32, val->n_i64, val->n_f32, val->n_bytes };
	bool str = val->str && val->str[0], vec = vhal_is_vector(cfg->prop);
	size_t own = 4;

	switch (cfg->prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
	case VHAL_TYPE_INT32:
	case VHAL_TYPE_INT32_VEC:
		own = 0;
		break;
	case VHAL_TYPE_INT64:
	case VHAL_TYPE_INT64_VEC:
		own = 1;
		break;
	case VHAL_TYPE_FLOAT:
	case VHAL_TYPE_FLOAT_VEC:
		own = 2;
		break;
	case VHAL_TYPE_BYTES:
		own = 3;
		break;
	case VHAL_TYPE_STRING:
		str = false;
		break;
	default: /* MIXED */
		return inside ? 0 : check_mixed(cfg, val, err);
	}
	for (size_t i = 0; i < 4; i++) {
		if (i != own && n[i] > 0) {
			return av_err_set(err, -EINVAL,
					  "%s is %s: a value of another type "
					  "was given",
					  cfg->name, type_name(cfg->prop));
		}
	}
	if (str) {
		return av_err_set(err, -EINVAL, "%s is %s, not a string",
				  cfg->name, type_name(cfg->prop));
	}
	if (own < 3 && !vec && n[own] != 1) {
		return av_err_set(err, -EINVAL, "%s takes one value, not %u",
				  cfg->name, n[own]);
	}
	if (vec && !inside && n[own] == 0) {
		return av_err_set(err, -EINVAL, "%s takes at least one value",
				  cfg->name);
	}
	return 0;
}

/* ---- values ---- */

static int out_of_range(const struct vhal_slot *s, struct av_err *err, double x,
			double min, double max)
{
	return av_err_set(err, -EINVAL, "%s takes %.9g to %.9g, not %.9g",
			  s->name, min, max, x);
}

static int check_range(const struct vhal_slot *s, const struct vhal_value *val,
		       struct av_err *err)
{
	const struct vhal_area_config *a = s->area;
	int32_t type = s->val.prop & VHAL_TYPE_MASK;

	for (uint32_t i = 0; i < val->n_f32; i++) {
		if (!isfinite(val->f32[i])) {
			return av_err_set(
				err, -EINVAL,
				"%s takes no value that is not finite",
				s->name);
		}
	}
	if (type == VHAL_TYPE_MIXED || type == VHAL_TYPE_BOOLEAN) {
		return 0;
	}
	for (uint32_t i = 0; (a->min_i32 || a->max_i32) && i < val->n_i32;
	     i++) {
		if (val->i32[i] < a->min_i32 || val->i32[i] > a->max_i32) {
			return out_of_range(s, err, val->i32[i], a->min_i32,
					    a->max_i32);
		}
	}
	for (uint32_t i = 0; (a->min_i64 || a->max_i64) && i < val->n_i64;
	     i++) {
		if (val->i64[i] < a->min_i64 || val->i64[i] > a->max_i64) {
			return out_of_range(s, err, (double)val->i64[i],
					    (double)a->min_i64,
					    (double)a->max_i64);
		}
	}
	for (uint32_t i = 0;
	     (a->min_f32 != 0 || a->max_f32 != 0) && i < val->n_f32; i++) {
		if (val->f32[i] < a->min_f32 || val->f32[i] > a->max_f32) {
			return out_of_range(s, err, (double)val->f32[i],
					    (double)a->min_f32,
					    (double)a->max_f32);
		}
	}
	return 0;
}

static bool in_enum(const struct vhal_area_config *a, int64_t x)
{
	for (size_t i = 0; i < a->n_enum_values; i++) {
		if (a->enum_value[i] == x) {
			return true;
		}
	}
	return false;
}

static int check_enum(const struct vhal_slot *s, const struct vhal_value *val,
		      struct av_err *err)
{
	if (s->area->n_enum_values == 0 ||
	    (s->val.prop & VHAL_TYPE_MASK) == VHAL_TYPE_MIXED) {
		return 0;
	}
	for (uint32_t i = 0; i < val->n_i32; i++) {
		if (!in_enum(s->area, val->i32[i])) {
			return av_err_set(err, -EINVAL,
					  "%s does not support the value %d",
					  s->name, (int)val->i32[i]);
		}
	}
	for (uint32_t i = 0; i < val->n_i64; i++) {
		if (!in_enum(s->area, val->i64[i])) {
			return av_err_set(err, -EINVAL,
					  "%s does not support the value %lld",
					  s->name, (long long)val->i64[i]);
		}
	}
	return 0;
}

static int check_size(const struct vhal_slot *s, const struct vhal_value *val,
		      struct av_err *err)
{
	size_t len = val->str ? strnlen(val->str, VHAL_VALUE_MAX + 1) : 0;
	size_t size = len + val->n_bytes + (size_t)val->n_i32 * 4 +
		      (size_t)val->n_i64 * 8 + (size_t)val->n_f32 * 4;

	if (size > VHAL_VALUE_MAX) {
		return av_err_set(err, -EINVAL,
				  "%s: a value of more than %u bytes", s->name,
				  VHAL_VALUE_MAX);
	}
	if (len > 0 && vhal_utf8_good(val->str, len) < len) {
		return av_err_set(err, -EINVAL, "%s: the string is not UTF-8",
				  s->name);
	}
	return 0;
}

/* ---- outside ---- */

static const struct vhal_slot *find(const struct vhal *v, int32_t prop,
				    int32_t area, struct av_err *err)
{
	const struct vhal_prop *p = vhal_prop_find(v, prop);
	const struct vhal_prop_info *info = vhal_prop_by_id(prop);
	int slot = vhal_slot_of(v, prop, area);

	if (!p) {
		av_err_set(err, -EINVAL,
			   "this vehicle has no property 0x%08x%s%s",
			   (unsigned int)prop, info ? " " : "",
			   info ? info->name : "");
		return NULL;
	}
	if (slot < 0) {
		av_err_set(err, -EINVAL, "%s has no area 0x%x", p->cfg.name,
			   (unsigned int)area);
		return NULL;
	}
	return &v->slot[slot];
}

enum vhal_code vhal_check_get(const struct vhal *v, int32_t prop, int32_t area,
			      struct av_err *err)
{
	const struct vhal_slot *s = find(v, prop, area, err);

	if (!s) {
		return VHAL_INVALID_ARG;
	}
	if (!(s->area->access & VHAL_READ)) {
		av_err_set(err, -EACCES, "%s cannot be read", s->name);
		return VHAL_ACCESS_DENIED;
	}
	if (s->power_off) {
		av_err_set(err, -ENODEV, "%s is disabled: HVAC_POWER_ON is off",
			   s->name);
		return VHAL_NOT_AVAILABLE_DISABLED;
	}
	if (!s->has) {
		av_err_set(err, -ENODEV, "%s has no value yet", s->name);
		return VHAL_NOT_AVAILABLE;
	}
	return VHAL_OK;
}

enum vhal_code vhal_check_set(const struct vhal *v,
			      const struct vhal_value *val, struct av_err *err)
{
	const struct vhal_slot *s = find(v, val->prop, val->area, err);

	if (!s) {
		return VHAL_INVALID_ARG;
	}
	if (!(s->area->access & VHAL_WRITE)) {
		av_err_set(err, -EACCES, "%s is read only", s->name);
		return VHAL_ACCESS_DENIED;
	}
	if (vhal_check_shape(&s->prop->cfg, val, false, err) < 0 ||
	    check_size(s, val, err) < 0 || check_range(s, val, err) < 0 ||
	    check_enum(s, val, err) < 0) {
		return VHAL_INVALID_ARG;
	}
	if (s->power_off) {
		av_err_set(err, -ENODEV, "%s is disabled: HVAC_POWER_ON is off",
			   s->name);
		return VHAL_NOT_AVAILABLE_DISABLED;
	}
	if (s->own_status == VHAL_UNAVAILABLE) {
		av_err_set(err, -ENODEV, "%s is not available now", s->name);
		return VHAL_NOT_AVAILABLE;
	}
	if (s->prop->hook && s->prop->hook->check) {
		return s->prop->hook->check(v, s->prop->hook_ctx, val, err);
	}
	return VHAL_OK;
}

enum vhal_code vhal_query(const struct vhal *v, const struct vhal_value *q,
			  const struct vhal_value **out, struct av_err *err)
{
	enum vhal_code code = vhal_check_get(v, q->prop, q->area, err);
	const struct vhal_prop *p = vhal_prop_find(v, q->prop);

	if ((code == VHAL_OK || code == VHAL_NOT_AVAILABLE) && p->hook &&
	    p->hook->get) {
		return p->hook->get(v, p->hook_ctx, q, out, err);
	}
	if (code == VHAL_OK) {
		*out = vhal_get(v, (uint32_t)vhal_slot_of(v, q->prop, q->area));
	}
	return code;
}
