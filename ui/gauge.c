/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/gauge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/units.h"
#include "sim/world.h"
#include "ui/model.h"

struct gauge_row {
	const char *vss;
	const char *prop;
	const char *unit; /* of the property, or how to read its number */
	enum av_dim dim;
	int32_t area;
	enum vehicle_var var;
};

#define X(name_, dim_, vss_, prop_, area_, unit_, var_)                        \
	[GAUGE_##name_] = { .vss = vss_,                                       \
			    .prop = prop_,                                     \
			    .unit = unit_,                                     \
			    .dim = DIM_##dim_,                                 \
			    .area = area_,                                     \
			    .var = VV_##var_ },
static const struct gauge_row rows[GAUGE_N] = { GAUGES(X) };
#undef X

enum reading { /* how the number of a property becomes the gauge's */
	READ_PLAIN,
	READ_MAX, /* of its range */
	READ_GEAR,
	READ_SEAT,
	READ_LEFT,
	READ_RIGHT,
	READ_CRUISE,
	READ_WIPER,
};

static const struct {
	const char *name;
	enum reading how;
} readings[] = {
	{ "max", READ_MAX },	   { "gear", READ_GEAR },
	{ "seat", READ_SEAT },	   { "left", READ_LEFT },
	{ "right", READ_RIGHT },   { "cruise", READ_CRUISE },
	{ "wiper", READ_WIPER },
};

struct source {
	int signal; /* index of the binding table, -1 none */
	double sig_scale, sig_offset;
	int slot; /* of the store, -1 none */
	bool bound, continuous;
	enum reading how;
	double prop_scale, prop_offset; /* READ_MAX: 1 / maximum */
};

struct gauges {
	struct source src[GAUGE_N];
};

/* base = value * scale + offset for a quantity of @dim given in @unit */
static void conversion(const char *unit, enum av_dim dim, double *scale,
		       double *offset)
{
	const struct av_unit *u = dim == DIM_NONE ? NULL : av_unit_find(unit);

	*scale = 1;
	*offset = 0;
	if (u && u->dim == dim) {
		*scale = u->scale;
		*offset = u->offset;
	}
}

static void find_signal(const struct world *w, const struct gauge_row *r,
			struct source *s)
{
	s->signal = w->signals && *r->vss ? signals_find(w->signals, r->vss) :
					    -1;
	if (s->signal >= 0) {
		conversion(signals_unit(w->signals, (uint32_t)s->signal),
			   r->dim, &s->sig_scale, &s->sig_offset);
	}
}

/* The area that is or contains the one asked for. */
static const struct vhal_area_config *find_area(const struct vhal_prop_config *c,
						int32_t area)
{
	for (size_t i = 0; i < c->n_areas; i++) {
		if (c->area[i].area == area || (c->area[i].area & area)) {
			return &c->area[i];
		}
	}
	return NULL;
}

static void find_slot(const struct world *w, const struct gauge_row *r,
		      struct source *s)
{
	const struct vhal_prop_info *info;
	const struct vhal_prop_config *c = NULL;
	const struct vhal_area_config *a = NULL;

	s->slot = -1;
	if (!w->vhal || !*r->prop) {
		return;
	}
	info = vhal_prop_by_name(r->prop);
	if (info) {
		c = vhal_config(w->vhal, info->id);
	}
	if (c) {
		a = r->area || c->n_areas == 0 ? find_area(c, r->area) :
						 &c->area[0];
	}
	if (!a) {
		return;
	}
	s->slot = (int)a->slot;
	s->bound = c->bound;
	s->continuous = c->mode == VHAL_CONTINUOUS;
	conversion(r->unit, r->dim, &s->prop_scale, &s->prop_offset);
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		if (!strcmp(r->unit, readings[i].name)) {
			s->how = readings[i].how;
		}
	}
	if (s->how == READ_MAX && a->max_i32 > 0) {
		s->prop_scale = 1.0 / a->max_i32;
	}
}

struct gauges *gauges_create(const struct world *w)
{
	struct gauges *g = calloc(1, sizeof(*g));

	for (int i = 0; g && i < GAUGE_N; i++) {
		find_signal(w, &rows[i], &g->src[i]);
		find_slot(w, &rows[i], &g->src[i]);
	}
	return g;
}

void gauges_destroy(struct gauges *g)
{
	free(g);
}

/* First number of @v, or NaN. */
static double first_number(const struct vhal_value *v)
{
	if (v->n_f32 > 0) {
		return (double)v->f32[0];
	}
	if (v->n_i32 > 0) {
		return v->i32[0];
	}
	if (v->n_i64 > 0) {
		return (double)v->i64[0];
	}
	return NAN;
}

/* VehicleGear: 1 neutral, 2 reverse, 4 park, 8 drive, 16.. gears -> P R N D */
static double gear_of(double v)
{
	return v == 4 ? 0 : v == 2 ? 1 : v == 1 ? 2 : v >= 8 ? 3 : NAN;
}

static double read_property(const struct source *s, double v)
{
	switch (s->how) {
	case READ_GEAR:
		return gear_of(v);
	case READ_SEAT: /* VehicleSeatOccupancyState: 1 vacant, 2 occupied */
		return v == 2;
	case READ_RIGHT: /* VehicleTurnSignal: bit 0 right, bit 1 left */
		return (int)v & 1;
	case READ_LEFT:
		return ((int)v & 2) != 0;
	case READ_CRUISE: /* CruiseControlState: 1 enabled, 2 activated, 3 driver
			   * overrides */
		return v == 1 ? 1 : v == 2 || v == 3 ? 2 : 0;
	case READ_WIPER: /* WindshieldWipersState as in the model */
	case READ_PLAIN:
	case READ_MAX:
		break;
	}
	return v * s->prop_scale + s->prop_offset;
}

/* How long the source of @d may be silent before its value is old news. */
static vtime patience(const struct model *m, const struct dbc_signal *d,
		      unsigned int bus)
{
	const struct dbc_message *msg = d ? d->msg : NULL;

	if (!msg) {
		return VT_NEVER;
	}
	if (msg->cycle_ms > 0) {
		vtime t = (vtime)msg->cycle_ms * 5 * VT_MS;

		return t > VT_S / 2 ? t : VT_S / 2;
	}
	/* no cycle time in the DBC: what was usual so far */
	for (size_t i = 0; i < m->n_can; i++) {
		const struct model_can *c = &m->can[i];

		if (c->msg == msg && c->bus == bus && c->n > 1) {
			vtime t = (c->last - c->first) / (vtime)(c->n - 1) * 10;

			return t > 2 * VT_S ? t : 2 * VT_S;
		}
	}
	return VT_NEVER;
}

static void from_signal(const struct model *m, const struct source *s,
			vtime now, struct gauge_value *out)
{
	struct signals *sig = m->w->signals;
	uint32_t idx = (uint32_t)s->signal;
	const struct dbc_signal *d = signals_dbc(sig, idx);
	vtime changed = VT_NEVER, seen = VT_NEVER;
	double v = signals_value(sig, idx, &changed, &seen);

	if (seen == VT_NEVER || isnan(v)) {
		out->state = GAUGE_INIT;
		return;
	}
	out->v = v * s->sig_scale + s->sig_offset;
	out->age = now - seen;
	out->state = !m->ended && d &&
				     out->age > patience(m, d,
							 signals_bus_of(sig, idx)) ?
			     GAUGE_STALE :
			     GAUGE_OK;
}

static void from_property(const struct model *m, const struct source *s,
			  vtime now, struct gauge_value *out)
{
	const struct vhal_value *v = vhal_get(m->w->vhal, (uint32_t)s->slot);
	const struct model_prop *p = &m->prop[s->slot];
	double x = first_number(v);

	if (v->status != VHAL_AVAILABLE && p->any) {
		out->state = GAUGE_ERROR;
		return;
	}
	if (isnan(x)) {
		out->state = GAUGE_INIT;
		return;
	}
	out->v = read_property(s, x);
	out->age = p->any ? now - p->seen : 0;
	/* continuous ones are sampled at least once a second */
	out->state = s->continuous && s->bound && p->any && !m->ended &&
				     out->age > 3 * VT_S ?
			     GAUGE_STALE :
			     GAUGE_OK;
}

void model_gauge(const struct model *m, enum gauge g, struct gauge_value *out)
{
	const struct source *s = &m->gauges->src[g];
	vtime now = evq_now(m->w->q);

	*out = (struct gauge_value){ .v = NAN, .state = GAUGE_NONE };
	if (s->signal >= 0) {
		from_signal(m, s, now, out);
	}
	if (out->state < GAUGE_STALE && s->slot >= 0 &&
	    (s->bound || !m->w->vehicle)) {
		from_property(m, s, now, out);
	}
	if (out->state == GAUGE_NONE && m->w->vehicle && m->state_seen) {
		out->v = m->w->state.v[rows[g].var];
		out->age = now - m->w->state.t;
		out->state = GAUGE_OK;
	}
	if (out->state < GAUGE_STALE || isnan(out->v)) {
		out->v = NAN;
	}
}

double model_gauge_or(const struct model *m, enum gauge g, double fallback)
{
	struct gauge_value v;

	model_gauge(m, g, &v);
	return v.state >= GAUGE_STALE && !isnan(v.v) ? v.v : fallback;
}
