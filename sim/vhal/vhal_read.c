/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a property file: numbers, constants, arrays, defaults. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_load.h"

uint8_t vload_kind(const struct loader *l, uint32_t node)
{
	return l->doc.node[node].kind;
}

void *vload_alloc(struct loader *l, size_t size)
{
	void *p = vhal_alloc(&l->arena, size);

	if (!p) {
		l->oom = true;
	}
	return p;
}

const char *vload_copy(struct loader *l, uint32_t node)
{
	char *p = vhal_strdup(&l->arena, vjson_text(&l->doc, node),
			      l->doc.node[node].len);

	if (!p) {
		l->oom = true;
	}
	return p;
}

size_t vload_count(const struct loader *l, uint32_t array)
{
	size_t n = 0;

	for (uint32_t i = vjson_first(&l->doc, array);
	     i < vjson_end(&l->doc, array); i = vjson_next(&l->doc, i)) {
		n++;
	}
	return n;
}

void vload_members(const struct loader *l, uint32_t obj,
		   const char *const *names, size_t n, uint32_t *out)
{
	memset(out, 0, n * sizeof(*out));
	for (uint32_t i = vjson_first(&l->doc, obj);
	     i < vjson_end(&l->doc, obj); i = vjson_next(&l->doc, i + 1)) {
		const char *key = vjson_text(&l->doc, i);

		for (size_t k = 0; k < n; k++) {
			if (!strcmp(key, names[k])) {
				out[k] = i + 1;
			}
		}
	}
}

/* ---- scalars ---- */

static bool read_constant(struct loader *l, uint32_t node, int64_t *out)
{
	char why[VHAL_WHY_MAX] = "";
	bool full = !l->d || l->d->n >= AV_DIAGS_MAX;

	if (vhal_const_resolve(l->consts, vjson_text(&l->doc, node),
			       l->doc.node[node].len, out,
			       full ? NULL : why) == 0) {
		return true;
	}
	complain(l, node, "invalid constant: %s", why);
	return false;
}

/* Is the number @text an integer of 64 bits? "2.0" and "1e3" are. */
static bool integral(const char *text, int64_t *out)
{
	char *end;
	double x;

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*end == '\0') {
		return errno == 0;
	}
	x = strtod(text, NULL);
	if (!(fabs(x) < 0x1p53) || x != floor(x)) {
		return false;
	}
	*out = (int64_t)x;
	return true;
}

bool vload_int(struct loader *l, uint32_t node, const char *what, int64_t min,
	       int64_t max, int64_t *out)
{
	int64_t x;

	if (vload_kind(l, node) == VJSON_STRING) {
		if (!read_constant(l, node, &x)) {
			return false;
		}
	} else if (vload_kind(l, node) != VJSON_NUMBER) {
		complain(l, node,
			 "%s must be an integer or a constant like "
			 "VehicleGear::GEAR_PARK",
			 what);
		return false;
	} else if (!integral(vjson_text(&l->doc, node), &x)) {
		complain(l, node, "%s must be an integer, not %.60s", what,
			 vjson_text(&l->doc, node));
		return false;
	}
	if (x < min || x > max) {
		complain(l, node,
			 "%s is out of range: %lld is not in %lld to "
			 "%lld",
			 what, (long long)x, (long long)min, (long long)max);
		return false;
	}
	*out = x;
	return true;
}

bool vload_bits(struct loader *l, uint32_t node, const char *what, int32_t *out)
{
	int64_t x;

	if (!vload_int(l, node, what, INT32_MIN, UINT32_MAX, &x)) {
		return false;
	}
	*out = (int32_t)(uint32_t)x;
	return true;
}

bool vload_float(struct loader *l, uint32_t node, const char *what, float *out)
{
	int64_t c;
	float x;

	if (vload_kind(l, node) == VJSON_STRING) {
		if (!read_constant(l, node, &c)) {
			return false;
		}
		x = (float)c;
	} else if (vload_kind(l, node) == VJSON_NUMBER) {
		x = strtof(vjson_text(&l->doc, node), NULL);
	} else {
		complain(l, node, "%s must be a number", what);
		return false;
	}
	if (!isfinite(x)) {
		complain(l, node, "%s is out of range of a float: %.60s", what,
			 vjson_text(&l->doc, node));
		return false;
	}
	*out = x;
	return true;
}

bool vload_bool(struct loader *l, uint32_t node, const char *what, bool *out)
{
	if (vload_kind(l, node) != VJSON_TRUE &&
	    vload_kind(l, node) != VJSON_FALSE) {
		complain(l, node, "%s must be true or false", what);
		return false;
	}
	*out = vload_kind(l, node) == VJSON_TRUE;
	return true;
}

bool vload_want(struct loader *l, uint32_t node, enum vjson_kind k,
		const char *what, const char *noun)
{
	if (vload_kind(l, node) == k) {
		return true;
	}
	complain(l, node, "%s must be %s", what, noun);
	return false;
}

/* ---- arrays ---- */

void vload_i32s(struct loader *l, uint32_t node, const char *what,
		const int32_t **out, size_t *n)
{
	int32_t *v;
	int64_t x;
	size_t k = 0;

	if (!vload_want(l, node, VJSON_ARRAY, what, "an array of integers")) {
		return;
	}
	v = vload_alloc(l, vload_count(l, node) * sizeof(*v));
	for (uint32_t i = vjson_first(&l->doc, node);
	     v && i < vjson_end(&l->doc, node); i = vjson_next(&l->doc, i)) {
		if (vload_int(l, i, what, INT32_MIN, INT32_MAX, &x)) {
			v[k++] = (int32_t)x;
		}
	}
	*out = v;
	*n = v ? k : 0;
}

void vload_i64s(struct loader *l, uint32_t node, const char *what,
		const int64_t **out, size_t *n)
{
	int64_t *v;
	size_t k = 0;

	if (!vload_want(l, node, VJSON_ARRAY, what, "an array of integers")) {
		return;
	}
	v = vload_alloc(l, vload_count(l, node) * sizeof(*v));
	for (uint32_t i = vjson_first(&l->doc, node);
	     v && i < vjson_end(&l->doc, node); i = vjson_next(&l->doc, i)) {
		if (vload_int(l, i, what, INT64_MIN, INT64_MAX, &v[k])) {
			k++;
		}
	}
	*out = v;
	*n = v ? k : 0;
}

static void read_f32s(struct loader *l, uint32_t node, const char *what,
		      const float **out, size_t *n)
{
	float *v;
	size_t k = 0;

	if (!vload_want(l, node, VJSON_ARRAY, what, "an array of numbers")) {
		return;
	}
	v = vload_alloc(l, vload_count(l, node) * sizeof(*v));
	for (uint32_t i = vjson_first(&l->doc, node);
	     v && i < vjson_end(&l->doc, node); i = vjson_next(&l->doc, i)) {
		if (vload_float(l, i, what, &v[k])) {
			k++;
		}
	}
	*out = v;
	*n = v ? k : 0;
}

/* ---- values ---- */

void vload_value(struct loader *l, uint32_t node,
		 const struct vhal_prop_config *cfg, struct vhal_value *out)
{
	static const char *const names[] = { "int32Values", "int64Values",
					     "floatValues", "stringValue" };
	size_t before = l->errors, n_i32 = 0, n_i64 = 0, n_f32 = 0;
	struct vhal_value val = { .prop = cfg->prop };
	struct av_err err;
	uint32_t m[4];

	if (!vload_want(l, node, VJSON_OBJECT, "defaultValue", "an object")) {
		return;
	}
	vload_members(l, node, names, 4, m);
	if (m[0] != NONE) {
		vload_i32s(l, m[0], names[0], &val.i32, &n_i32);
	}
	if (m[1] != NONE) {
		vload_i64s(l, m[1], names[1], &val.i64, &n_i64);
	}
	if (m[2] != NONE) {
		read_f32s(l, m[2], names[2], &val.f32, &n_f32);
	}
	if (m[3] != NONE &&
	    vload_want(l, m[3], VJSON_STRING, names[3], "a string")) {
		val.str = vload_copy(l, m[3]);
	}
	val.n_i32 = (uint32_t)n_i32;
	val.n_i64 = (uint32_t)n_i64;
	val.n_f32 = (uint32_t)n_f32;
	if (l->errors > before || l->oom) {
		return;
	}
	if (vhal_check_shape(cfg, &val, true, &err) < 0) {
		complain(l, node, "wrong defaultValue: %s", err.msg);
		return;
	}
	*out = val;
}
