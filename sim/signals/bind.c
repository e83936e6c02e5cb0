/* SPDX-License-Identifier: Apache-2.0 */
/* The binding table: signals.yaml, checked against DBCs, model and store. */
#include "config.h"

#include "sim/signals/bind.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a row or an item of its vhal: list says about the property side. */
struct vhal_side {
	const struct av_yaml *name;
	const struct av_yaml *unit, *scale, *offset, *index, *map;
};

/* ---- properties ---- */

/* Does the value type of @prop hold numbers, and several of them? */
static int prop_shape(int32_t prop, bool *vector)
{
	switch (prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
	case VHAL_TYPE_INT32:
	case VHAL_TYPE_INT64:
	case VHAL_TYPE_FLOAT:
		*vector = false;
		return 0;
	case VHAL_TYPE_INT32_VEC:
	case VHAL_TYPE_INT64_VEC:
	case VHAL_TYPE_FLOAT_VEC:
		*vector = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static bool slot_taken(const struct signals *s, uint32_t slot, uint32_t elem)
{
	for (size_t i = 0; i < s->n_targets; i++) {
		if (s->target[i].slot == slot && s->target[i].elem == elem) {
			return true;
		}
	}
	for (size_t i = 0; i < s->n_constants; i++) {
		if (s->constant[i].slot == slot &&
		    s->constant[i].elem == elem) {
			return true;
		}
	}
	return false;
}

/* The vector that @slot is put together in. Return: its index, -ENOMEM. */
static int get_vec(struct binder *b, uint32_t slot, int32_t prop, int32_t area,
		   uint32_t elem)
{
	struct signals *s = b->s;
	struct sig_vec *v = NULL;
	size_t i = 0;

	while (i < s->n_vecs && s->vec[i].slot != slot) {
		i++;
	}
	if (i == s->n_vecs) {
		v = bind_push(&s->vec, &s->n_vecs, sizeof(*v));
		if (!v) {
			return bind_no_memory(b);
		}
		v->slot = slot;
		v->prop = prop;
		v->area = area;
	}
	v = &s->vec[i];
	v->n = v->n > elem + 1 ? v->n : elem + 1;
	return (int)i;
}

/* Where a property side leads; all that signal and constant rows share. */
struct place {
	struct bind_prop p;
	uint32_t slot;
	int vec;
	uint32_t elem;
};

/* Without a store: what is known of the name, for its checks. Return: 1. */
static int name_only(const char *name, struct place *p)
{
	const struct vhal_prop_info *info;
	char text[128];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "/"), name);
	info = vhal_prop_by_name(text);
	p->p.unit = info ? info->unit : NULL;
	p->p.enum_name = info ? info->enum_name : NULL;
	return 1;
}

static int find_slot(struct binder *b, const struct av_yaml *name,
		     struct place *p)
{
	const struct vhal_prop_config *c;
	struct av_err err = { 0 };
	int slot;

	if (vhal_find(b->s->vhal, name->text, &p->p.prop, &p->p.area, &err) <
	    0) {
		return bind_fail(b, name, "%s", err.msg);
	}
	slot = vhal_slot_of(b->s->vhal, p->p.prop, p->p.area);
	if (slot < 0) {
		return bind_fail(b, name,
				 "%.64s has no such area in the vehicle's "
				 "configuration",
				 name->text);
	}
	p->slot = (uint32_t)slot;
	c = vhal_slot_config(b->s->vhal, p->slot);
	p->p.unit = c->unit;
	p->p.enum_name = c->enum_name;
	return 0;
}

/* Return: 0; 1 nothing to bind to (no store); negative: an error was told. */
static int find_place(struct binder *b, const struct vhal_side *v,
		      struct place *p)
{
	struct av_yaml_at at = { &b->doc, b->d, v->name };
	const char *name = v->name->text;
	long long index = 0;
	bool vector;

	if (v->name->kind != YAML_SCALAR) {
		return bind_fail(b, v->name,
				 "a property is written NAME or NAME/AREA");
	}
	if (!b->s->vhal) {
		return name_only(name, p);
	}
	if (find_slot(b, v->name, p) < 0) {
		return -EINVAL;
	}
	if (prop_shape(p->p.prop, &vector) < 0) {
		return bind_fail(b, v->name, "%.64s holds no plain numbers",
				 name);
	}
	if (vector && !v->index) {
		return bind_fail(b, v->name,
				 "%.64s is a vector: say which element with "
				 "vhal_index:",
				 name);
	}
	if (!vector && v->index) {
		return bind_fail(b, v->index, "%.64s is no vector", name);
	}
	if (v->index && av_yaml_int(at, v->index, "vhal_index", 0,
				    SIG_VEC_MAX - 1, &index) < 0) {
		b->errors++;
		return -EINVAL;
	}
	p->elem = (uint32_t)index;
	if (slot_taken(b->s, p->slot, p->elem)) {
		return bind_fail(b, v->name, "%.64s has a source already",
				 name);
	}
	p->vec = -1;
	if (vector) {
		p->vec = get_vec(b, p->slot, p->p.prop, p->p.area, p->elem);
	}
	return vector && p->vec < 0 ? p->vec : 0;
}

/* ---- one row ---- */

struct row {
	const struct av_yaml *node;
	struct sig_bus *bus; /* of the signal */
	int sig;
	const struct av_unit *unit; /* of the signal; NULL: unknown text */
	int req;                    /* request signal, -1: none */
	const struct av_unit *req_unit;
};

static const struct av_yaml *get(const struct row *r, const char *key)
{
	return av_yaml_get(r->node, key);
}

/* Odd unit texts of DBC files matter only where something is converted. */
static int need_unit(struct binder *b, const struct row *r)
{
	const struct dbc_signal *d = b->s->sig[r->sig].dbc;

	if (r->unit) {
		return 0;
	}
	return bind_fail(b, r->node,
			 "the DBC gives %s.%s the unit '%.16s', which "
			 "means nothing here (say unit:)",
			 d->msg->name, d->name, d->unit);
}

/* Conversion from the base unit of @var to the signal, by the row. */
static int var_lin(struct binder *b, const struct row *r,
		   const struct av_yaml *node, int var, struct sig_lin *lin)
{
	enum av_dim dim = av_unit_find(vehicle_var_info[var].unit)->dim;
	struct av_unit base = { av_dim_base_name(dim), dim, 1, 0 };

	*lin = (struct sig_lin){ 1, 0 };
	if (get(r, "model_enum")) {
		return 0;
	}
	if (need_unit(b, r) < 0) {
		return -EINVAL;
	}
	return bind_read_lin(b, node, &base, r->unit, get(r, "scale"),
			     get(r, "offset"), "scale", lin);
}

static int row_model(struct binder *b, struct row *r)
{
	const struct av_yaml *node = get(r, "model");
	const struct av_yaml *map = get(r, "model_enum");
	const struct dbc_signal *d = b->s->sig[r->sig].dbc;
	struct ecu_source *src;
	struct sig_lin lin;
	int var;

	if (!node) {
		return 0;
	}
	var = bind_find_var(b, node);
	if (var < 0 || var_lin(b, r, node, var, &lin) < 0) {
		return -EINVAL;
	}
	src = bind_push(&r->bus->source, &r->bus->n_sources, sizeof(*src));
	if (!src) {
		return bind_no_memory(b);
	}
	*src = (struct ecu_source){ .signal = d,
				    .var = (enum vehicle_var)var,
				    .scale = lin.scale,
				    .offset = lin.offset };
	return map ? bind_read_model_enum(b, map, d, false, &src->map,
					  &src->n_map)
		   : 0;
}

/* Can @d ask, and for what the row's signal shows? Sets the row's req_unit. */
static int check_request(struct binder *b, struct row *r,
			 const struct dbc_signal *d, const struct av_yaml *node)
{
	if (d->is_signed || d->type != DBC_INT || d->len < 2 ||
	    d->mux_parent >= 0) {
		return bind_fail(b, node,
				 "a request signal is unsigned, of at least "
				 "2 bits and not multiplexed: all ones is "
				 "'no request'");
	}
	if (need_unit(b, r) < 0) {
		return -EINVAL;
	}
	r->req_unit = av_unit_find(d->unit);
	if (!r->req_unit || !bind_same_kind(r->req_unit, r->unit)) {
		return bind_fail(b, node,
				 "its unit '%.16s' does not go with %s of the "
				 "signal",
				 d->unit, bind_unit_text(r->unit));
	}
	return 0;
}

/* The request signal, and what its receiver sets. */
static int row_request(struct binder *b, struct row *r)
{
	const struct av_yaml *node = get(r, "request");
	const struct av_yaml *to = get(r, "request_model");
	const struct av_yaml *map = get(r, "model_enum");
	struct signals *s = b->s;
	struct sig_bus *bus;
	struct ecu_request *q;
	const struct dbc_signal *d;
	struct sig_lin lin;
	int var;

	if (!node) {
		return to ? bind_fail(b, to, "request_model: without request:")
			  : 0;
	}
	to = to ? to : get(r, "model");
	if (!to) {
		return bind_fail(b, node,
				 "a request needs model: or request_model:, "
				 "the variable that it sets");
	}
	r->req = bind_find_signal(b, node, "request");
	var = bind_find_var(b, to);
	if (r->req < 0 || var < 0) {
		return -EINVAL;
	}
	d = s->sig[r->req].dbc;
	if (check_request(b, r, d, node) < 0) {
		return -EINVAL;
	}
	if (!vehicle_var_info[var].writable) {
		return bind_fail(b, to,
				 "%s is read-only in the model (name what the "
				 "request sets in request_model:)",
				 to->text);
	}
	if (var_lin(b, r, to, var, &lin) < 0) {
		return -EINVAL;
	}
	s->msg[s->sig[r->req].msg].request = true;
	bus = &s->bus[sig_msg_bus(s, s->sig[r->req].msg)];
	for (size_t i = 0; i < bus->n_requests; i++) {
		if (bus->request[i].signal == d) {
			return bind_fail(b, node,
					 "%s is a request of another row "
					 "already",
					 node->text);
		}
	}
	q = bind_push(&bus->request, &bus->n_requests, sizeof(*q));
	if (!q) {
		return bind_no_memory(b);
	}
	lin = bind_lin_then(bind_lin_units(r->req_unit, r->unit),
			    bind_lin_inverse(lin));
	*q = (struct ecu_request){ .signal = d,
				   .var = (enum vehicle_var)var,
				   .scale = lin.scale,
				   .offset = lin.offset };
	return map ? bind_read_model_enum(b, map, d, true, &q->map, &q->n_map)
		   : 0;
}

/* A set of @p sends the row's request signal. */
static int add_request(struct binder *b, const struct row *r,
		       const struct vhal_side *v, const struct place *p,
		       struct sig_lin to_prop)
{
	const struct vhal_prop_config *c =
		vhal_slot_config(b->s->vhal, p->slot);
	enum vhal_access access = c->access;
	struct sig_request *q;
	struct sig_lin lin;

	for (size_t i = 0; i < c->n_areas; i++) {
		if (c->area[i].slot == p->slot) {
			access = c->area[i].access;
		}
	}
	if (access != VHAL_WRITE && access != VHAL_READ_WRITE) {
		return 0;
	}
	if (p->vec >= 0) {
		return bind_fail(b, v->name,
				 "%.64s is a writable vector: an element "
				 "of it cannot be requested",
				 v->name->text);
	}
	q = bind_push(&b->s->request, &b->s->n_requests, sizeof(*q));
	if (!q) {
		return bind_no_memory(b);
	}
	lin = bind_lin_then(bind_lin_inverse(to_prop),
			    bind_lin_units(r->unit, r->req_unit));
	*q = (struct sig_request){
		.slot = p->slot,
		.bus = signals_bus_of(b->s, (uint32_t)r->req),
		.dbc = b->s->sig[r->req].dbc,
		.lin = lin,
	};
	if (v->map && bind_read_enum(b, v->map, q->dbc, &p->p, true, &q->map,
				     &q->n_map) < 0) {
		return -EINVAL;
	}
	return 0;
}

static int row_property(struct binder *b, const struct row *r,
			const struct vhal_side *v)
{
	const struct dbc_signal *d = b->s->sig[r->sig].dbc;
	const struct av_unit *unit = NULL;
	struct sig_target t = { .sig = (uint32_t)r->sig }, *at;
	struct place p = { .vec = -1 };
	int ret = find_place(b, v, &p);

	if (ret < 0) {
		return ret;
	}
	t.lin = (struct sig_lin){ 1, 0 };
	if (v->map) {
		if (bind_read_enum(b, v->map, d, &p.p, false, &t.map,
				   &t.n_map) < 0) {
			return -EINVAL;
		}
	} else {
		unit = v->unit ? bind_read_unit(b, v->unit)
			       : bind_prop_unit(p.p.unit);
		if (!unit || need_unit(b, r) < 0) {
			return -EINVAL;
		}
		/* without a store a vendor's property cannot be checked */
		if (ret == 1 && !p.p.unit) {
			return 0;
		}
		if (bind_read_lin(b, v->name, r->unit, unit, v->scale,
				  v->offset, "vhal_scale", &t.lin) < 0) {
			return -EINVAL;
		}
	}
	if (ret == 1) {
		return 0;
	}
	t.slot = p.slot;
	t.vec = p.vec;
	t.elem = p.elem;
	if (r->req >= 0 && add_request(b, r, v, &p, t.lin) < 0) {
		return -EINVAL;
	}
	at = bind_push(&b->s->target, &b->s->n_targets, sizeof(*at));
	if (!at) {
		return bind_no_memory(b);
	}
	*at = t;
	return 0;
}

/* The property side as the row says it, for plain names. */
static struct vhal_side row_side(const struct row *r)
{
	return (struct vhal_side){
		.unit = get(r, "vhal_unit"),
		.scale = get(r, "vhal_scale"),
		.offset = get(r, "vhal_offset"),
		.index = get(r, "vhal_index"),
		.map = get(r, "enum"),
	};
}

static int item_side(struct binder *b, const struct av_yaml *node,
		     struct vhal_side *v)
{
	static const char *const keys[] = { "property", "unit",  "scale",
					    "offset",   "index", "enum",
					    NULL };

	if (node->kind == YAML_SCALAR) {
		v->name = node;
		return 0;
	}
	if (av_yaml_check_keys(&b->doc, node, keys, b->d) < 0) {
		b->errors++;
		return -EINVAL;
	}
	*v = (struct vhal_side){
		.name = av_yaml_get(node, "property"),
		.unit = av_yaml_get(node, "unit"),
		.scale = av_yaml_get(node, "scale"),
		.offset = av_yaml_get(node, "offset"),
		.index = av_yaml_get(node, "index"),
		.map = av_yaml_get(node, "enum"),
	};
	return v->name ? 0 : bind_fail(b, node, "missing 'property'");
}

static void row_properties(struct binder *b, const struct row *r)
{
	const struct av_yaml *node = get(r, "vhal");
	struct vhal_side v = row_side(r);

	if (!node) {
		return;
	}
	if (node->kind != YAML_SEQ) {
		if (item_side(b, node, &v) == 0) {
			row_property(b, r, &v);
		}
		return;
	}
	for (size_t i = 0; i < node->n && bind_goes_on(b); i++) {
		v = row_side(r);
		if (item_side(b, node->item[i], &v) == 0) {
			row_property(b, r, &v);
		}
	}
}

static int row_key(struct binder *b, const struct row *r)
{
	const struct av_yaml *node = get(r, "vss");
	char *key;

	if (!node) {
		return 0;
	}
	if (node->kind != YAML_SCALAR || !node->len ||
	    strpbrk(node->text, " \t\n:")) {
		return bind_fail(b, node,
				 "vss is a path such as Vehicle.Speed");
	}
	key = sig_alloc(b->s, node->len + 1);
	if (!key) {
		return bind_no_memory(b);
	}
	memcpy(key, node->text, node->len + 1);
	b->s->sig[r->sig].key = key;
	return 0;
}

/* A signal made of others: index, or negative. */
static int derive(struct binder *b, const struct av_yaml *list, bool mean)
{
	struct signals *s = b->s;
	const struct dbc_signal **part;
	const struct sig *first = NULL;
	struct sig *sg;

	if (list->kind != YAML_SEQ || list->n < 2 || list->n > SIG_VEC_MAX) {
		return bind_fail(b, list,
				 "sum: and mean: take a list of signals");
	}
	part = sig_alloc(s, list->n * sizeof(*part));
	if (!part) {
		return bind_no_memory(b);
	}
	sg = &s->sig[s->n_sigs]; /* make_room() has seen to it */
	*sg = (struct sig){ .key = "",
			    .value = NAN,
			    .changed = VT_NEVER,
			    .seen = VT_NEVER,
			    .next = -1 };
	for (size_t i = 0; i < list->n; i++) {
		int idx = bind_find_signal(b, list->item[i], "a part");
		const struct sig *p;

		if (idx < 0) {
			return idx;
		}
		p = &s->sig[idx];
		first = first ? first : p;
		if (p->msg != first->msg || strcmp(p->unit, first->unit) ||
		    p->dbc->mux_parent >= 0) {
			return bind_fail(b, list->item[i],
					 "the parts are signals of one message "
					 "and one unit, not multiplexed");
		}
		part[i] = p->dbc;
		sg->bytes |= p->bytes;
		sg->end = sg->end > p->end ? sg->end : p->end;
	}
	sg->dbc = first->dbc;
	sg->unit = first->unit;
	sg->msg = first->msg;
	sg->part = part;
	sg->n_parts = list->n;
	sg->factor = mean ? 1.0 / (double)list->n : 1;
	return (int)s->n_sigs;
}

/* signal:, sum: or mean:. Return: index, negative, or INT_MAX for none. */
static int row_signal(struct binder *b, const struct row *r)
{
	const struct av_yaml *sum = get(r, "sum"), *mean = get(r, "mean");
	const struct av_yaml *node = get(r, "signal");
	const struct av_yaml *list = sum ? sum : mean;
	int idx;

	if ((node != NULL) + (sum != NULL) + (mean != NULL) > 1) {
		return bind_fail(b, list,
				 "signal:, sum: and mean: exclude each other");
	}
	if (node) {
		return bind_find_signal(b, node, "signal");
	}
	if (!list) {
		return INT_MAX;
	}
	if (!get(r, "vss") || get(r, "model") || get(r, "request") ||
	    get(r, "enum")) {
		return bind_fail(b, list,
				 "a row with %s: needs vss:, and cannot be "
				 "sent, requested or an enum",
				 sum ? "sum" : "mean");
	}
	idx = derive(b, list, mean != NULL);
	if (idx >= 0) {
		struct sig_msg *m = &b->s->msg[b->s->sig[idx].msg];

		b->s->sig[idx].next = m->derived;
		m->derived = idx;
		b->s->n_sigs++;
	}
	return idx;
}

static void bind_constant(struct binder *b, const struct row *r)
{
	const struct av_yaml *value = get(r, "value");
	struct vhal_side v = row_side(r);
	struct place p = { .vec = -1 };
	struct sig_const *c;
	double x;
	int ret;

	v.name = get(r, "vhal");
	if (!value || !v.name) {
		bind_fail(b, r->node,
			  "a binding has signal:, sum: or mean:, or vhal: and "
			  "value:");
		return;
	}
	ret = find_place(b, &v, &p);
	if (ret < 0 || bind_enum_value(b, &p.p, value, &x) < 0 || ret == 1) {
		return;
	}
	c = bind_push(&b->s->constant, &b->s->n_constants, sizeof(*c));
	if (!c) {
		bind_no_memory(b);
		return;
	}
	*c = (struct sig_const){ p.slot, p.vec, p.elem, x };
}

static void bind_row(struct binder *b, const struct av_yaml *node)
{
	static const char *const keys[] = {
		"signal",        "sum",        "mean",      "unit",
		"vss",           "model",      "scale",     "offset",
		"model_enum",    "vhal",       "vhal_unit", "vhal_scale",
		"vhal_offset",   "vhal_index", "enum",      "request",
		"request_model", "value",      NULL
	};
	struct row r = { .node = node, .req = -1 };
	const struct av_yaml *unit;
	struct sig *sg;

	if (av_yaml_check_keys(&b->doc, node, keys, b->d) < 0) {
		b->errors++;
		return;
	}
	r.sig = row_signal(b, &r);
	if (r.sig == INT_MAX) {
		bind_constant(b, &r);
	}
	if (r.sig < 0 || r.sig == INT_MAX) {
		return;
	}
	if (get(&r, "value")) {
		bind_fail(b, get(&r, "value"),
			  "a signal has no value: of its own here");
		return;
	}
	sg = &b->s->sig[r.sig];
	if (sg->line) {
		bind_fail(b, get(&r, "signal"),
			  "%s.%s is bound in line %u already",
			  sg->dbc->msg->name, sg->dbc->name, sg->line);
		return;
	}
	sg->line = node->line;
	r.bus = &b->s->bus[sig_msg_bus(b->s, sg->msg)];
	unit = get(&r, "unit");
	r.unit = unit ? bind_read_unit(b, unit) : av_unit_find(sg->unit);
	if (unit && !r.unit) {
		return;
	}
	if (unit) {
		sg->unit = r.unit->name;
	}
	if (row_key(b, &r) < 0 || row_model(b, &r) < 0 ||
	    row_request(b, &r) < 0) {
		return;
	}
	row_properties(b, &r);
}

/* ---- the file ---- */

/* Each row may make one signal; nothing moves once rows are read. */
static int make_room(struct binder *b, size_t n_rows)
{
	struct sig *p =
		realloc(b->s->sig, (b->s->n_sigs + n_rows + 1) * sizeof(*p));

	if (!p) {
		return bind_no_memory(b);
	}
	b->s->sig = p;
	return 0;
}

static void bind_root(struct binder *b, const struct av_yaml *root)
{
	static const char *const keys[] = { "messages", "bindings", NULL };
	const struct av_yaml *map, *rows;

	if (av_yaml_check_keys(&b->doc, root, keys, b->d) < 0) {
		b->errors++;
		return;
	}
	map = av_yaml_get(root, "messages");
	if (map && map->kind != YAML_MAP) {
		bind_fail(b, map, "messages: is a map of message names");
		map = NULL;
	}
	for (size_t i = 0; map && i < map->n && bind_goes_on(b); i++) {
		bind_message(b, map->key[i], map->item[i]);
	}
	rows = av_yaml_get(root, "bindings");
	if (rows && rows->kind != YAML_SEQ) {
		bind_fail(b, rows, "bindings: is a list");
		rows = NULL;
	}
	if (rows && make_room(b, rows->n) < 0) {
		return;
	}
	for (size_t i = 0; rows && i < rows->n && bind_goes_on(b); i++) {
		bind_row(b, rows->item[i]);
	}
}

/* Two signals of one key could not be told apart in a recording. */
struct named {
	const char *key;
	unsigned int line;
};

static int cmp_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->line > y->line) - (x->line < y->line);
}

static int check_keys_differ(struct binder *b)
{
	struct named *v = calloc(b->s->n_sigs + 1, sizeof(*v));
	size_t n = 0;

	if (!v) {
		return bind_no_memory(b);
	}
	for (size_t i = 0; i < b->s->n_sigs; i++) {
		if (b->s->sig[i].line) {
			v[n++] = (struct named){ b->s->sig[i].key,
						 b->s->sig[i].line };
		}
	}
	qsort(v, n, sizeof(*v), cmp_named);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(v[i].key, v[i - 1].key)) {
			b->errors++;
			av_diag_add(b->d, b->doc.name, v[i].line, 1,
				    "%.128s is the key of line %u already",
				    v[i].key, v[i - 1].line);
		}
	}
	free(v);
	return 0;
}

int sig_bind(struct signals *s, const char *name, const char *yaml, size_t len,
	     struct av_diags *d)
{
	struct binder b = { .s = s, .d = d };
	int ret = av_yaml_parse(name, yaml, len, &b.doc, d);

	if (ret < 0) {
		return ret;
	}
	if (b.doc.root) {
		bind_root(&b, b.doc.root);
		check_keys_differ(&b);
	}
	av_yaml_finish(&b.doc);
	return b.oom ? -ENOMEM : b.errors ? -EINVAL : 0;
}
