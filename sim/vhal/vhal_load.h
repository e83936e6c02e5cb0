/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a property file: the state of one load, and readers of single values
 * that note what is wrong with its place and go on.
 */
#ifndef AVSIM_VHAL_LOAD_H
#define AVSIM_VHAL_LOAD_H

#include "sim/vhal/vhal_json.h"
#include "sim/vhal/vhal_priv.h"

struct seen { /* to find what is given twice */
	int32_t id;
	const char *name;
	uint32_t node;
};

struct loader {
	struct vhal *v;
	struct vjson_doc doc;
	struct av_diags *d;
	struct vhal_arena arena;
	struct vhal_consts consts; /* of the store and this file */
	unsigned int version;
	struct vhal_prop **prop;
	struct seen *seen;
	size_t n, room; /* of both */
	size_t errors;
	bool oom;
};

#define NONE 0 /* no node: the root is never a member */

/* Note an error; the reading goes on. */
#define complain(l, node, ...)                                                 \
	((l)->errors++, (void)vjson_err(&(l)->doc, node, (l)->d, __VA_ARGS__))

/* Memory of the load; NULL sets l->oom. */
void *vload_alloc(struct loader *l, size_t size);
const char *vload_copy(struct loader *l, uint32_t node);
uint8_t vload_kind(const struct loader *l, uint32_t node);
size_t vload_count(const struct loader *l, uint32_t array);
/* The members of @obj called @names[0..n-1] into @out, NONE where there is
 * none; others are ignored, as the reference loader does. */
void vload_members(const struct loader *l, uint32_t obj,
		   const char *const *names, size_t n, uint32_t *out);
bool vload_want(struct loader *l, uint32_t node, enum vjson_kind k,
		const char *what, const char *noun);
/* Readers: false, with a message about @what, if the value is wrong. Numbers
 * may be constants like "VehicleGear::GEAR_PARK". */
bool vload_int(struct loader *l, uint32_t node, const char *what, int64_t min,
	       int64_t max, int64_t *out);
/* An id or a mask: 32 bits, given signed or unsigned. */
bool vload_bits(struct loader *l, uint32_t node, const char *what,
		int32_t *out);
bool vload_float(struct loader *l, uint32_t node, const char *what, float *out);
bool vload_bool(struct loader *l, uint32_t node, const char *what, bool *out);
/* Likewise arrays; wrong elements are left out. */
void vload_i32s(struct loader *l, uint32_t node, const char *what,
		const int32_t **out, size_t *n);
void vload_i64s(struct loader *l, uint32_t node, const char *what,
		const int64_t **out, size_t *n);
/* A defaultValue; @out stays as it is if it is wrong. */
void vload_value(struct loader *l, uint32_t node,
		 const struct vhal_prop_config *cfg, struct vhal_value *out);

#endif
