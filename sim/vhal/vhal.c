/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's values: from the bus, from outside, and what hangs on HVAC power.
 *
 * A number lives in the slot itself, so that the usual update allocates
 * nothing; arrays live in two blocks used in turn.
 */
#include "config.h"

#include "sim/vhal/vhal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

const char *const vhal_code_names[VHAL_N_CODES] = {
	[VHAL_OK] = "OK",
	[VHAL_TRY_AGAIN] = "TRY_AGAIN",
	[VHAL_INVALID_ARG] = "INVALID_ARG",
	[VHAL_NOT_AVAILABLE] = "NOT_AVAILABLE",
	[VHAL_ACCESS_DENIED] = "ACCESS_DENIED",
	[VHAL_INTERNAL_ERROR] = "INTERNAL_ERROR",
	[VHAL_NOT_AVAILABLE_DISABLED] = "NOT_AVAILABLE_DISABLED",
	[VHAL_NOT_AVAILABLE_SPEED_LOW] = "NOT_AVAILABLE_SPEED_LOW",
	[VHAL_NOT_AVAILABLE_SPEED_HIGH] = "NOT_AVAILABLE_SPEED_HIGH",
	[VHAL_NOT_AVAILABLE_POOR_VISIBILITY] = "NOT_AVAILABLE_POOR_VISIBILITY",
	[VHAL_NOT_AVAILABLE_SAFETY] = "NOT_AVAILABLE_SAFETY",
};

struct vhal *vhal_create(struct evq *q, struct bus *bus)
{
	struct vhal *v = calloc(1, sizeof(*v));

	if (v) {
		v->q = q;
		v->bus = bus;
	}
	return v;
}

void vhal_free_slots(struct vhal_slot *slot, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(slot[i].heap[0]);
		free(slot[i].heap[1]);
		free(slot[i].sub);
	}
	free(slot);
}

void vhal_destroy(struct vhal *v)
{
	if (!v) {
		return;
	}
	vhal_drop_subs(v);
	vhal_free_slots(v->slot, v->n_slots);
	free(v->prop);
	free(v->key);
	free(v->name);
	free(v->hang);
	free((void *)v->consts.v);
	vhal_arena_finish(&v->arena);
	free(v);
}

bool vhal_is_vector(int32_t prop)
{
	int32_t type = prop & VHAL_TYPE_MASK;

	return type == VHAL_TYPE_INT32_VEC || type == VHAL_TYPE_INT64_VEC ||
	       type == VHAL_TYPE_FLOAT_VEC;
}

/* ---- values ---- */

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static size_t str_size(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* Copy the arrays of @src to @block, which has room for them, and point @dst
 * there. */
static void lay_out(struct vhal_value *dst, const struct vhal_value *src,
		    char *block)
{
	size_t len = str_size(src->str);

	dst->n_i64 = src->n_i64;
	dst->n_i32 = src->n_i32;
	dst->n_f32 = src->n_f32;
	dst->n_bytes = src->n_bytes;
	dst->i64 = src->n_i64 ? (const int64_t *)(void *)block : NULL;
	if (src->n_i64) {
		memcpy(block, src->i64, src->n_i64 * sizeof(int64_t));
		block += src->n_i64 * sizeof(int64_t);
	}
	dst->i32 = src->n_i32 ? (const int32_t *)(void *)block : NULL;
	if (src->n_i32) {
		memcpy(block, src->i32, src->n_i32 * sizeof(int32_t));
		block += src->n_i32 * sizeof(int32_t);
	}
	dst->f32 = src->n_f32 ? (const float *)(void *)block : NULL;
	if (src->n_f32) {
		memcpy(block, src->f32, src->n_f32 * sizeof(float));
		block += src->n_f32 * sizeof(float);
	}
	dst->bytes = src->n_bytes ? (const uint8_t *)block : NULL;
	if (src->n_bytes) {
		memcpy(block, src->bytes, src->n_bytes);
		block += src->n_bytes;
	}
	dst->str = len ? block : NULL;
	if (len) {
		memcpy(block, src->str, len);
	}
}

static size_t arrays_size(const struct vhal_value *val)
{
	return (size_t)val->n_i64 * 8 + (size_t)val->n_i32 * 4 +
	       (size_t)val->n_f32 * 4 + val->n_bytes + str_size(val->str);
}

static bool same_array(const void *a, size_t na, const void *b, size_t nb,
		       size_t size)
{
	return na == nb && (na == 0 || !memcmp(a, b, na * size));
}

static bool same_arrays(const struct vhal_value *a, const struct vhal_value *b)
{
	return same_array(a->i32, a->n_i32, b->i32, b->n_i32, 4) &&
	       same_array(a->i64, a->n_i64, b->i64, b->n_i64, 8) &&
	       same_array(a->f32, a->n_f32, b->f32, b->n_f32, 4) &&
	       same_array(a->bytes, a->n_bytes, b->bytes, b->n_bytes, 1) &&
	       !strcmp(a->str ? a->str : "", b->str ? b->str : "");
}

int32_t vhal_shown_status(const struct vhal_slot *s)
{
	return !s->has || s->power_off ? VHAL_UNAVAILABLE : s->own_status;
}

/* The timestamp of a change now: never the same twice. */
static void stamp(const struct vhal *v, struct vhal_slot *s)
{
	vtime now = evq_now(v->q);

	s->val.t = now > s->val.t ? now : s->val.t + 1;
}

int vhal_keep(struct vhal_slot *s, const struct vhal_value *val)
{
	size_t size;
	unsigned int other = s->cur ^ 1;

	s->last = NAN;
	switch (s->kind) {
	case KIND_BOOL:
		s->num.i32 = val->i32[0] != 0;
		s->val.i32 = &s->num.i32;
		s->val.n_i32 = 1;
		return 0;
	case KIND_I32:
		s->num.i32 = val->i32[0];
		s->val.i32 = &s->num.i32;
		s->val.n_i32 = 1;
		return 0;
	case KIND_I64:
		s->num.i64 = val->i64[0];
		s->val.i64 = &s->num.i64;
		s->val.n_i64 = 1;
		return 0;
	case KIND_F32:
		s->num.f32 = val->f32[0];
		s->val.f32 = &s->num.f32;
		s->val.n_f32 = 1;
		return 0;
	case KIND_OTHER:
		break;
	}
	size = align8(arrays_size(val));
	if (size > s->room[other]) {
		void *block = malloc(size);

		if (!block) {
			return -ENOMEM;
		}
		free(s->heap[other]);
		s->heap[other] = block;
		s->room[other] = size;
	}
	lay_out(&s->val, val, s->heap[other]);
	s->cur = other;
	return 0;
}

/* ---- HVAC power ---- */

/* Areas whose HVAC_POWER_ON is off, as one mask. */
static int32_t hvac_off_mask(const struct vhal *v, const struct vhal_prop *p)
{
	int32_t mask = 0;

	for (size_t i = 0; i < p->cfg.n_areas; i++) {
		const struct vhal_slot *s = &v->slot[p->areas[i].slot];

		if (s->has && s->val.i32[0] == 0) {
			mask |= s->val.area;
		}
	}
	return mask;
}

void vhal_hvac_changed(struct vhal *v, bool publish)
{
	const struct vhal_prop *p = vhal_prop_find(v, PROP_HVAC_POWER_ON);
	int32_t mask;

	if (!p) {
		return;
	}
	mask = hvac_off_mask(v, p);
	for (size_t i = 0; i < v->n_hang; i++) {
		struct vhal_slot *s = &v->slot[v->hang[i]];
		bool off = (s->val.area & mask) != 0;

		if (off == s->power_off) {
			continue;
		}
		s->power_off = off;
		s->val.status = vhal_shown_status(s);
		if (publish && s->has) {
			stamp(v, s);
			vhal_deliver(v, s, VHAL_CHANGED, CMD_FROM_ECU);
		}
	}
}

/* ---- changes ---- */

/* Value or status of @s is new: stamp and publish it by its change mode. */
static void changed(struct vhal *v, struct vhal_slot *s,
		    enum vhal_event_why why, enum cmd_source source)
{
	const struct vhal_hook *hook = s->prop->hook;
	int32_t before = s->val.status;

	s->val.status = vhal_shown_status(s);
	stamp(v, s);
	/* what is switched off has no value to tell, only that it is off */
	if (s->power_off && before == s->val.status && why != VHAL_SET_ECHO) {
		return;
	}
	if (s->prop->cfg.mode != VHAL_CONTINUOUS || why == VHAL_SET_ECHO ||
	    (before != s->val.status && before != VHAL_UNAVAILABLE)) {
		vhal_deliver(v, s, why, source);
	}
	if (s->prop->cfg.prop == PROP_HVAC_POWER_ON) {
		vhal_hvac_changed(v, true);
	}
	if (hook && hook->changed) {
		hook->changed(v, s->prop->hook_ctx, (uint32_t)(s - v->slot));
	}
}

/* A copy of @val as the store keeps it: booleans 0 or 1 (in @truth), strings
 * never NULL, the slot's area. */
static struct vhal_value normal(const struct vhal_slot *s,
				const struct vhal_value *val, int32_t *truth)
{
	struct vhal_value norm = *val;

	norm.area = s->val.area;
	if (s->kind == KIND_BOOL) {
		*truth = val->i32[0] != 0;
		norm.i32 = truth;
	}
	if ((norm.prop & VHAL_TYPE_MASK) == VHAL_TYPE_STRING && !norm.str) {
		norm.str = "";
	}
	return norm;
}

/* @always: an event even if nothing is new. */
static void update(struct vhal *v, uint32_t slot, const struct vhal_value *val,
		   bool always)
{
	struct vhal_slot *s = &v->slot[slot];
	struct vhal_value norm;
	int32_t truth;
	bool same;

	if (val->status != VHAL_AVAILABLE && arrays_size(val) == 0) {
		vhal_update_status(v, slot, (enum vhal_status)val->status);
		return;
	}
	if (vhal_check_shape(&s->prop->cfg, val, true, NULL) < 0) {
		return;
	}
	norm = normal(s, val, &truth);
	same = s->has && same_arrays(&s->val, &norm);
	if (same && norm.status == s->own_status && !always) {
		return;
	}
	if (!same && vhal_keep(s, &norm) < 0) {
		return; /* out of memory: the old value stays */
	}
	s->has = true;
	s->own_status = norm.status;
	changed(v, s, VHAL_CHANGED, CMD_FROM_ECU);
}

void vhal_update(struct vhal *v, uint32_t slot, const struct vhal_value *val)
{
	update(v, slot, val, v->slot[slot].every);
}

void vhal_answer(struct vhal *v, uint32_t slot, const struct vhal_value *val)
{
	update(v, slot, val, true);
}

void vhal_update_status(struct vhal *v, uint32_t slot, enum vhal_status status)
{
	struct vhal_slot *s = &v->slot[slot];
	int32_t before = s->val.status;

	if (s->own_status == (int32_t)status) {
		return;
	}
	s->own_status = (int32_t)status;
	s->last = NAN;
	if (vhal_shown_status(s) != before) {
		changed(v, s, VHAL_CHANGED, CMD_FROM_ECU);
	}
}

/* Nearest integer, halves away from zero, saturated to lo..hi. */
static int64_t to_int(double x, double lo, double hi, int64_t ilo, int64_t ihi)
{
	return x <= lo ? ilo : x >= hi ? ihi : llround(x);
}

static int32_t to_i32(double x)
{
	return (int32_t)to_int(x, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX);
}

static int64_t to_i64(double x)
{
	return to_int(x, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX);
}

static float to_f32(double x)
{
	return x > (double)HUGE_VALF ? HUGE_VALF : (float)x;
}

/* @x into the slot's own number. Return: whether that changed it. */
static bool keep_num(struct vhal_slot *s, double x)
{
	int32_t i32;
	int64_t i64;
	float f32;

	switch (s->kind) {
	case KIND_BOOL:
	case KIND_I32:
		i32 = s->kind == KIND_BOOL ? x != 0 : to_i32(x);
		if (s->has && s->num.i32 == i32) {
			return false;
		}
		s->num.i32 = i32;
		s->val.i32 = &s->num.i32;
		s->val.n_i32 = 1;
		return true;
	case KIND_I64:
		i64 = to_i64(x);
		if (s->has && s->num.i64 == i64) {
			return false;
		}
		s->num.i64 = i64;
		s->val.i64 = &s->num.i64;
		s->val.n_i64 = 1;
		return true;
	case KIND_F32:
		f32 = to_f32(x);
		if (s->has && s->num.f32 == f32) {
			return false;
		}
		s->num.f32 = f32;
		s->val.f32 = &s->num.f32;
		s->val.n_f32 = 1;
		return true;
	case KIND_OTHER:
		break;
	}
	return false;
}

void vhal_update_num(struct vhal *v, uint32_t slot, double x)
{
	struct vhal_slot *s = &v->slot[slot];
	bool fresh;

	if (x == s->last) { /* never true for NaN */
		return;
	}
	if (isnan(x)) {
		vhal_update_status(v, slot, VHAL_UNAVAILABLE);
		return;
	}
	if (s->kind == KIND_OTHER) {
		vhal_update_elem(v, slot, 0, x);
		return;
	}
	fresh = keep_num(s, x);
	s->last = x;
	if (!fresh && s->own_status == VHAL_AVAILABLE) {
		return;
	}
	s->has = true;
	s->own_status = VHAL_AVAILABLE;
	changed(v, s, VHAL_CHANGED, CMD_FROM_ECU);
}

/* Grow the array at @old to hold element @i; the copy is the caller's. */
static void *grown(const void *old, uint32_t n, uint32_t i, size_t size)
{
	void *p = calloc((size_t)(i < n ? n : i + 1), size);

	if (p && n > 0) {
		memcpy(p, old, n * size);
	}
	return p;
}

void vhal_update_elem(struct vhal *v, uint32_t slot, uint32_t i, double x)
{
	struct vhal_slot *s = &v->slot[slot];
	struct vhal_value val = s->val;
	void *copy = NULL;

	if (isnan(x)) {
		vhal_update_status(v, slot, VHAL_UNAVAILABLE);
		return;
	}
	if (s->kind != KIND_OTHER) {
		vhal_update_num(v, slot, x);
		return;
	}
	if (i >= VHAL_ELEMS_MAX) {
		return;
	}
	val.status = VHAL_AVAILABLE;
	switch (val.prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_INT32_VEC:
		copy = grown(val.i32, val.n_i32, i, sizeof(int32_t));
		if (copy) {
			((int32_t *)copy)[i] = to_i32(x);
			val.i32 = copy;
			val.n_i32 = i < val.n_i32 ? val.n_i32 : i + 1;
		}
		break;
	case VHAL_TYPE_INT64_VEC:
		copy = grown(val.i64, val.n_i64, i, sizeof(int64_t));
		if (copy) {
			((int64_t *)copy)[i] = to_i64(x);
			val.i64 = copy;
			val.n_i64 = i < val.n_i64 ? val.n_i64 : i + 1;
		}
		break;
	case VHAL_TYPE_FLOAT_VEC:
		copy = grown(val.f32, val.n_f32, i, sizeof(float));
		if (copy) {
			((float *)copy)[i] = to_f32(x);
			val.f32 = copy;
			val.n_f32 = i < val.n_f32 ? val.n_f32 : i + 1;
		}
		break;
	default:
		break;
	}
	if (copy) {
		vhal_update(v, slot, &val);
		free(copy);
	}
}

/* ---- sets from outside ---- */

void vhal_set_binder(struct vhal *v, vhal_binder_fn *fn, void *ctx)
{
	v->binder = fn;
	v->binder_ctx = ctx;
}

void vhal_mark_bound(struct vhal *v, uint32_t slot, bool writable)
{
	struct vhal_slot *s = &v->slot[slot];
	enum vhal_access all = VHAL_READ_WRITE;

	v->frozen = true;
	s->bound = true;
	s->writable = writable;
	s->prop->cfg.bound = true;
	if (writable || s->area->access != VHAL_READ_WRITE) {
		return;
	}
	/* the property's access is what all its areas have in common */
	s->area->access = VHAL_READ;
	for (size_t i = 0; i < s->prop->cfg.n_areas; i++) {
		all &= s->prop->areas[i].access;
	}
	s->prop->cfg.access &= all;
}

static enum vhal_code code_of_errno(int ret)
{
	switch (-ret) {
	case 0:
		return VHAL_OK;
	case EAGAIN:
		return VHAL_TRY_AGAIN;
	case EINVAL:
	case ERANGE:
	case EDOM:
		return VHAL_INVALID_ARG;
	case EACCES:
	case EPERM:
		return VHAL_ACCESS_DENIED;
	case ENODEV:
	case EBUSY:
		return VHAL_NOT_AVAILABLE;
	default:
		return VHAL_INTERNAL_ERROR;
	}
}

static enum vhal_code set_bound(struct vhal *v, struct vhal_slot *s,
				const struct vhal_value *val, bool same,
				enum cmd_source source, struct av_err *err)
{
	uint32_t slot = (uint32_t)(s - v->slot);
	int ret;

	if (!s->writable || !v->binder) {
		av_err_set(err, -EACCES,
			   "%s cannot be set: nothing in this "
			   "vehicle takes a request for it",
			   s->name);
		return VHAL_ACCESS_DENIED;
	}
	ret = v->binder(v->binder_ctx, slot, val, err);
	if (ret == 0 && same && s->every) {
		/* no frame will change it, but the writer waits for an event */
		changed(v, s, VHAL_SET_ECHO, source);
	}
	return code_of_errno(ret);
}

enum vhal_code vhal_store(struct vhal *v, uint32_t slot,
			  const struct vhal_value *val, enum cmd_source source,
			  struct av_err *err)
{
	struct vhal_slot *s = &v->slot[slot];
	bool same = s->has && same_arrays(&s->val, val);

	if (same && s->own_status == VHAL_AVAILABLE && !s->every) {
		return VHAL_OK;
	}
	if (!same && vhal_keep(s, val) < 0) {
		av_err_set(err, -ENOMEM, "out of memory");
		return VHAL_INTERNAL_ERROR;
	}
	s->has = true;
	s->own_status = VHAL_AVAILABLE;
	changed(v, s, VHAL_SET_ECHO, source);
	return VHAL_OK;
}

enum vhal_code vhal_set(struct vhal *v, const struct vhal_value *val,
			enum cmd_source source, struct av_err *err)
{
	enum vhal_code code = vhal_check_set(v, val, err);
	const struct vhal_prop *p;
	struct vhal_slot *s;
	struct vhal_value norm;
	uint32_t slot;
	int32_t truth;

	if (code != VHAL_OK) {
		return code;
	}
	slot = (uint32_t)vhal_slot_of(v, val->prop, val->area);
	s = &v->slot[slot];
	p = s->prop;
	norm = normal(s, val, &truth);
	norm.status = VHAL_AVAILABLE;
	if (s->bound) {
		return set_bound(v, s, &norm,
				 s->has && same_arrays(&s->val, &norm), source,
				 err);
	}
	if (p->hook && p->hook->set) {
		return p->hook->set(v, p->hook_ctx, slot, &norm, source, err);
	}
	return vhal_store(v, slot, &norm, source, err);
}
