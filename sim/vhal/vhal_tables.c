/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's tables: properties, slots, and how they are found.
 *
 * A slot is one property in one area. Slots are numbered by property in order
 * of first loading, then by area as in the file; every load numbers them anew.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

/* Properties each value of which is an event of its own: a key pressed twice, a
 * request repeated, a write that must be confirmed. */
static bool every_value_counts(int32_t prop)
{
	static const int32_t ids[] = {
		0x11400A03, /* DISPLAY_BRIGHTNESS */
		0x11410A00, /* AP_POWER_STATE_REQ */
		0x11410A01, /* AP_POWER_STATE_REPORT */
		0x11410A04, /* PER_DISPLAY_BRIGHTNESS */
		0x11410A10, /* HW_KEY_INPUT */
		0x11410A20, /* HW_ROTARY_INPUT */
		0x11410A30, /* HW_CUSTOM_INPUT */
		0x11E00F07, /* INITIAL_USER_INFO */
		0x11E00F08, /* SWITCH_USER */
		0x11E00F09, /* CREATE_USER */
		0x15E00A11, /* HW_KEY_INPUT_V2 */
		0x15E00A12, /* HW_MOTION_INPUT */
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (ids[i] == prop) {
			return true;
		}
	}
	return false;
}

static enum vhal_kind kind_of(int32_t prop)
{
	switch (prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
		return KIND_BOOL;
	case VHAL_TYPE_INT32:
		return KIND_I32;
	case VHAL_TYPE_INT64:
		return KIND_I64;
	case VHAL_TYPE_FLOAT:
		return KIND_F32;
	default:
		return KIND_OTHER;
	}
}

static int by_prop(const void *a, const void *b)
{
	const struct vhal_key *x = a, *y = b;

	if (x->prop != y->prop) {
		return x->prop < y->prop ? -1 : 1;
	}
	return x->area < y->area ? -1 : x->area > y->area;
}

int vhal_name_cmp(const void *a, const void *b)
{
	const struct vhal_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct vhal_name *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : x->prop < y->prop ? -1 : x->prop > y->prop;
}

static const char *name_slot(struct vhal_arena *a,
			     const struct vhal_prop_config *cfg, int32_t area)
{
	size_t n = strlen(cfg->name), room;
	char *name;

	if (area == 0) {
		return cfg->name;
	}
	room = n + 2 + vhal_area_text(cfg->prop, area, NULL, 0);
	name = vhal_alloc(a, room);
	if (name) {
		memcpy(name, cfg->name, n);
		name[n] = '/';
		vhal_area_text(cfg->prop, area, name + n + 1, room - n - 1);
	}
	return name;
}

static int fill_slot(struct vhal_slot *s, struct vhal_prop *p, size_t i,
		     struct vhal_arena *arena, vtime now)
{
	const struct vhal_value *init = &p->initial[i];

	s->prop = p;
	s->area = &p->areas[i];
	s->kind = kind_of(p->cfg.prop);
	s->every = every_value_counts(p->cfg.prop);
	s->last = NAN;
	s->val.t = now;
	s->val.prop = p->cfg.prop;
	s->val.area = s->area->area;
	s->name = name_slot(arena, &p->cfg, s->area->area);
	if (!s->name) {
		return -ENOMEM;
	}
	if (init->prop != 0) {
		if (vhal_keep(s, init) < 0) {
			return -ENOMEM;
		}
		s->has = true;
	}
	s->val.status = vhal_shown_status(s);
	return 0;
}

/* New tables of all slots of @prop into @t; nothing of @t on failure. */
static int build_slots(struct vhal *t, struct vhal_prop **prop, size_t n_props,
		       struct vhal_arena *arena, vtime now)
{
	size_t n = 0;

	for (size_t i = 0; i < n_props; i++) {
		n += prop[i]->cfg.n_areas;
	}
	t->slot = calloc(n + 1, sizeof(*t->slot));
	t->key = calloc(n + 1, sizeof(*t->key));
	t->name = calloc(n_props + 1, sizeof(*t->name));
	t->hang = calloc(n + 1, sizeof(*t->hang));
	if (!t->slot || !t->key || !t->name || !t->hang || n > UINT32_MAX) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_props; i++) {
		t->name[i] = (struct vhal_name){ prop[i]->cfg.name,
						 prop[i]->cfg.prop };
		prop[i]->hook = vhal_rule(prop[i]->cfg.prop);
		for (size_t k = 0; k < prop[i]->cfg.n_areas; k++) {
			size_t at = t->n_slots++;

			if (fill_slot(&t->slot[at], prop[i], k, arena, now)) {
				return -ENOMEM;
			}
			t->key[at] = (struct vhal_key){
				.prop = prop[i]->cfg.prop,
				.area = prop[i]->areas[k].area,
				.slot = (uint32_t)at,
			};
		}
	}
	qsort(t->key, n, sizeof(*t->key), by_prop);
	qsort(t->name, n_props, sizeof(*t->name), by_name);
	return 0;
}

/* The slots of the properties that HVAC_POWER_ON lists. */
static void build_hang(struct vhal *v)
{
	const struct vhal_prop *power = vhal_prop_find(v, PROP_HVAC_POWER_ON);

	v->n_hang = 0;
	for (size_t i = 0; power && i < power->cfg.n_config_array; i++) {
		const struct vhal_prop *p =
			vhal_prop_find(v, power->cfg.config_array[i]);

		if (!p || p == power || p->cfg.n_areas == 0 ||
		    v->slot[p->areas[0].slot].hangs) {
			continue;
		}
		for (size_t k = 0; k < p->cfg.n_areas; k++) {
			v->slot[p->areas[k].slot].hangs = true;
			v->hang[v->n_hang++] = p->areas[k].slot;
		}
	}
}

static int by_id(const void *a, const void *b)
{
	const struct vhal_prop *const *x = a, *const *y = b;

	return (*x)->cfg.prop < (*y)->cfg.prop
		       ? -1
		       : (*x)->cfg.prop > (*y)->cfg.prop;
}

/* The store's properties with those of @add, each once, put over and behind
 * them. */
static struct vhal_prop **merge(const struct vhal *v, struct vhal_prop **add,
				size_t n_add, size_t *n_out)
{
	struct vhal_prop **out = calloc(v->n_props + n_add + 1, sizeof(*out));
	struct vhal_prop **sorted = calloc(n_add + 1, sizeof(*sorted));
	size_t n = 0;

	if (!out || !sorted) {
		free(out);
		free(sorted);
		return NULL;
	}
	for (size_t i = 0; i < n_add; i++) {
		sorted[i] = add[i];
	}
	qsort(sorted, n_add, sizeof(*sorted), by_id);
	for (size_t i = 0; i < v->n_props; i++) {
		struct vhal_prop **hit = bsearch(&v->prop[i], sorted, n_add,
						 sizeof(*sorted), by_id);

		out[n++] = hit ? *hit : v->prop[i];
	}
	for (size_t i = 0; i < n_add; i++) {
		if (!vhal_prop_find(v, add[i]->cfg.prop)) {
			out[n++] = add[i];
		}
	}
	free(sorted);
	*n_out = n;
	return out;
}

int vhal_commit(struct vhal *v, struct vhal_prop **add, size_t n_add,
		struct vhal_consts consts, struct vhal_arena *arena)
{
	struct vhal t = { 0 };
	struct vhal_prop **prop;
	size_t n_props;

	prop = merge(v, add, n_add, &n_props);
	if (!prop || build_slots(&t, prop, n_props, arena, evq_now(v->q)) < 0) {
		vhal_free_slots(t.slot, t.n_slots);
		free(t.key);
		free(t.name);
		free(t.hang);
		free(prop);
		return -ENOMEM;
	}
	vhal_free_slots(v->slot, v->n_slots);
	free(v->key);
	free(v->name);
	free(v->hang);
	free(v->prop);
	free((void *)v->consts.v);
	v->slot = t.slot;
	v->n_slots = t.n_slots;
	v->key = t.key;
	v->name = t.name;
	v->hang = t.hang;
	v->prop = prop;
	v->n_props = n_props;
	v->consts = consts;
	for (size_t i = 0; i < v->n_slots; i++) {
		v->slot[i].area->slot = (uint32_t)i;
	}
	vhal_arena_join(&v->arena, arena);
	build_hang(v);
	vhal_hvac_changed(v, false);
	return 0;
}

/* ---- look-ups ---- */

size_t vhal_n_props(const struct vhal *v)
{
	return v->n_props;
}

const struct vhal_prop_config *vhal_prop_at(const struct vhal *v, size_t i)
{
	return i < v->n_props ? &v->prop[i]->cfg : NULL;
}

/* First key not before @prop and @area. */
static size_t lower_bound(const struct vhal *v, int32_t prop, int32_t area)
{
	const struct vhal_key want = { .prop = prop, .area = area };
	size_t lo = 0, hi = v->n_slots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_prop(&v->key[mid], &want) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

const struct vhal_prop *vhal_prop_find(const struct vhal *v, int32_t prop)
{
	size_t at = lower_bound(v, prop, INT32_MIN);

	return at < v->n_slots && v->key[at].prop == prop
		       ? v->slot[v->key[at].slot].prop
		       : NULL;
}

int vhal_set_hook(struct vhal *v, int32_t prop, const struct vhal_hook *hook,
		  void *ctx)
{
	size_t at = lower_bound(v, prop, INT32_MIN);
	struct vhal_prop *p;

	if (at == v->n_slots || v->key[at].prop != prop) {
		return -ENOENT;
	}
	p = v->slot[v->key[at].slot].prop;
	p->hook = hook;
	p->hook_ctx = ctx;
	v->frozen = true;
	return 0;
}

const struct vhal_prop_config *vhal_config(const struct vhal *v, int32_t prop)
{
	const struct vhal_prop *p = vhal_prop_find(v, prop);

	return p ? &p->cfg : NULL;
}

size_t vhal_n_slots(const struct vhal *v)
{
	return v->n_slots;
}

const char *vhal_slot_name(const struct vhal *v, uint32_t slot)
{
	return v->slot[slot].name;
}

int vhal_slot_of(const struct vhal *v, int32_t prop, int32_t area)
{
	size_t at;

	if ((prop & VHAL_AREA_MASK) == VHAL_AREA_GLOBAL) {
		area = 0;
	}
	at = lower_bound(v, prop, area);
	return at < v->n_slots && v->key[at].prop == prop &&
			       v->key[at].area == area
		       ? (int)v->key[at].slot
		       : -1;
}

const struct vhal_prop_config *vhal_slot_config(const struct vhal *v,
						uint32_t slot)
{
	return &v->slot[slot].prop->cfg;
}

const struct vhal_value *vhal_get(const struct vhal *v, uint32_t slot)
{
	return &v->slot[slot].val;
}
