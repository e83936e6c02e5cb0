/* SPDX-License-Identifier: Apache-2.0 */
/* All properties of the store: value, label, unit, age, what changed. */
#include "config.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "ui/tui.h"

enum { VIEW_PROPS = 2, DETAIL_ROWS = 3 };

/* ---- texts ---- */

static const struct {
	const char *unit;
	const char *sign;
} units[] = {
	{ "AMPERE", "A" },
	{ "AMPERE_HOURS", "Ah" },
	{ "BAR", "bar" },
	{ "CELSIUS", "°C" },
	{ "DEGREES", "°" },
	{ "FAHRENHEIT", "°F" },
	{ "HERTZ", "Hz" },
	{ "IMPERIAL_GALLON", "gal" },
	{ "KELVIN", "K" },
	{ "KILOMETER", "km" },
	{ "KILOMETERS_PER_HOUR", "km/h" },
	{ "KILOPASCAL", "kPa" },
	{ "KILOWATT_HOUR", "kWh" },
	{ "LITER", "l" },
	{ "METER", "m" },
	{ "METER_PER_SEC", "m/s" },
	{ "MILE", "mi" },
	{ "MILES_PER_HOUR", "mph" },
	{ "MILLIAMPERE", "mA" },
	{ "MILLILITER", "ml" },
	{ "MILLIMETER", "mm" },
	{ "MILLISECS", "ms" },
	{ "MILLI_SECS", "ms" },
	{ "MILLIVOLT", "mV" },
	{ "MILLIWATTS", "mW" },
	{ "NANO_SECS", "ns" },
	{ "PERCENTILE", "%" },
	{ "PSI", "psi" },
	{ "RPM", "rpm" },
	{ "SECS", "s" },
	{ "VOLT", "V" },
	{ "WATT_HOUR", "Wh" },
	{ "YEAR", "year" },
};

static const char *unit_sign(const char *unit)
{
	/* "VehicleUnit::METER_PER_SEC" and the bare name are the same */
	const char *colon = strrchr(unit, ':');

	unit = colon ? colon + 1 : unit;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(unit, units[i].unit)) {
			return units[i].sign;
		}
	}
	return unit;
}

static bool has_value(const struct vhal_value *v)
{
	return v->n_i32 || v->n_i64 || v->n_f32 || v->n_bytes || v->str;
}

/* "8 GEAR_DRIVE", "true", "12.5" */
static void value_text(const struct vhal_value *v,
		       const struct vhal_prop_info *info, char *buf,
		       size_t size)
{
	const char *label = NULL;
	size_t n = vhal_value_text(v, buf, size);

	if ((v->prop & VHAL_TYPE_MASK) == VHAL_TYPE_INT32 && v->n_i32 == 1 &&
	    info && *info->enum_name) {
		label = vhal_enum_label(info->enum_name, v->i32[0]);
	}
	if (label && n < size) {
		snprintf(buf + n, size - n, " %s", label);
	}
}

/* ---- which rows, in which order ---- */

static int by_change(const struct tui *t, uint32_t a, uint32_t b)
{
	const struct model_prop *pa = &t->m->prop[a], *pb = &t->m->prop[b];

	/* never changed goes last, then the latest first */
	if ((pa->n > 0) != (pb->n > 0)) {
		return pa->n > 0 ? -1 : 1;
	}
	if (pa->n > 0 && pa->changed != pb->changed) {
		return pa->changed > pb->changed ? -1 : 1;
	}
	return 0;
}

/* Insertion by merge: stable, so that equals stay in the order of names. */
static void merge_sort(const struct tui *t, uint32_t *v, uint32_t *tmp,
		       size_t n)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2) {
		return;
	}
	merge_sort(t, v, tmp, half);
	merge_sort(t, v + half, tmp, n - half);
	while (i < half && j < n) {
		tmp[k++] = by_change(t, v[i], v[j]) <= 0 ? v[i++] : v[j++];
	}
	while (i < half) {
		tmp[k++] = v[i++];
	}
	memcpy(v, tmp, k * sizeof(*v));
}

static int compare_names(const void *a, const void *b, void *vhal)
{
	return strcmp(vhal_slot_name(vhal, *(const uint32_t *)a),
		      vhal_slot_name(vhal, *(const uint32_t *)b));
}

static void choose_rows(struct tui *t)
{
	struct tui_props *p = &t->props;
	struct vhal *vhal = t->env.w->vhal;
	uint32_t selected = p->n > 0 ? p->row[p->list.sel] : UINT32_MAX;

	p->n = 0;
	for (uint32_t i = 0; i < t->m->n_props; i++) {
		if ((!p->changed_only || t->m->prop[i].n > 0) &&
		    tui_matches(t, VIEW_PROPS, vhal_slot_name(vhal, i))) {
			p->row[p->n++] = i;
		}
	}
	if (p->list.sel >= p->n) {
		p->list.sel = p->n > 0 ? p->n - 1 : 0;
	}
	qsort_r(p->row, p->n, sizeof(p->row[0]), compare_names, vhal);
	if (p->sort == PROPS_BY_CHANGE) {
		merge_sort(t, p->row, p->scratch, p->n);
		return; /* the cursor stays where it is, rows move */
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->row[i] == selected) {
			p->list.sel = i;
		}
	}
}

/* ---- drawing ---- */

static void draw_row(struct tui *t, int y, struct rect r, int name_w,
		     uint32_t slot, bool selected)
{
	struct vhal *vhal = t->env.w->vhal;
	const struct vhal_prop_config *c = vhal_slot_config(vhal, slot);
	const struct vhal_prop_info *info = vhal_prop_by_id(c->prop);
	const struct vhal_value *v = vhal_get(vhal, slot);
	const struct model_prop *p = &t->m->prop[slot];
	const char *name = vhal_slot_name(vhal, slot);
	enum role role = tui_heat(t, p->wall_ms, ROLE_TEXT);
	int x = r.x + 1, value_w = r.w - name_w - 19;
	char text[320], age[16];

	if (selected) {
		tui_fill(t, (struct rect){ y, r.x, 1, r.w }, ROLE_SELECT);
	}
	tui_put(t, y, r.x, 1, role, "%s",
		model_heat(t->m, p->wall_ms) ? "▌" : " ");
	/* areas matter more than the tail of a long name: keep both ends */
	if (tui_width(name) > name_w && strlen(name) < 200) {
		const char *slash = strchr(name, '/');
		int tail = slash ? tui_width(slash) : 0;

		if (tail > 0 && tail < name_w - 8) {
			tui_put(t, y, x, name_w,
				selected ? ROLE_SELECT : ROLE_TEXT, "%.*s…%s",
				name_w - tail - 1, name, slash);
			name = NULL;
		}
	}
	if (name) {
		tui_put(t, y, x, name_w, selected ? ROLE_SELECT : ROLE_TEXT,
			"%s", name);
	}
	x += name_w + 1;
	if (v->status != VHAL_AVAILABLE && (p->any || has_value(v))) {
		tui_put(t, y, x, value_w, ROLE_BAD, "%s",
			v->status == VHAL_ERROR ? "ERROR" : "unavailable");
	} else if (!has_value(v)) {
		tui_put(t, y, x, value_w, ROLE_DIM, "--");
	} else {
		value_text(v, info, text, sizeof(text));
		tui_put(t, y, x, value_w,
			selected && role == ROLE_TEXT ? ROLE_SELECT : role,
			"%s", text);
	}
	x += value_w + 1;
	tui_put(t, y, x, 7, selected ? ROLE_SELECT : ROLE_DIM, "%s",
		info ? unit_sign(info->unit) : "");
	if (p->n > 0) {
		tui_put_right(t, y, x + 8, 7, selected ? ROLE_SELECT : ROLE_DIM,
			      "%s",
			      tui_age(evq_now(t->env.w->q) - p->changed, age));
	}
}

static const char *type_name(int32_t prop)
{
	switch (prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_STRING:
		return "STRING";
	case VHAL_TYPE_BOOLEAN:
		return "BOOLEAN";
	case VHAL_TYPE_INT32:
		return "INT32";
	case VHAL_TYPE_INT32_VEC:
		return "INT32_VEC";
	case VHAL_TYPE_INT64:
		return "INT64";
	case VHAL_TYPE_INT64_VEC:
		return "INT64_VEC";
	case VHAL_TYPE_FLOAT:
		return "FLOAT";
	case VHAL_TYPE_FLOAT_VEC:
		return "FLOAT_VEC";
	case VHAL_TYPE_BYTES:
		return "BYTES";
	default:
		return "MIXED";
	}
}

static void range_text(const struct vhal_prop_config *c, int32_t area,
		       char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < c->n_areas; i++) {
		const struct vhal_area_config *a = &c->area[i];

		if (a->area != area) {
			continue;
		}
		if (a->min_i32 || a->max_i32) {
			snprintf(buf, size, "  %d to %d", a->min_i32,
				 a->max_i32);
		} else if (a->min_f32 != 0 || a->max_f32 != 0) {
			snprintf(buf, size, "  %g to %g", (double)a->min_f32,
				 (double)a->max_f32);
		}
	}
}

static void draw_detail(struct tui *t, struct rect r, uint32_t slot)
{
	static const char *const access[] = { "no access", "read", "write",
					      "read and write" };
	static const char *const modes[] = { "static", "on change",
					     "continuous" };
	struct vhal *vhal = t->env.w->vhal;
	const struct vhal_prop_config *c = vhal_slot_config(vhal, slot);
	const struct vhal_value *v = vhal_get(vhal, slot);
	const struct vhal_prop_info *info = vhal_prop_by_id(c->prop);
	const struct model_prop *p = &t->m->prop[slot];
	char range[64], rate[48] = "", text[600];

	range_text(c, v->area, range, sizeof(range));
	if (c->mode == VHAL_CONTINUOUS) {
		snprintf(rate, sizeof(rate), " %g to %g Hz",
			 (double)c->min_rate_hz, (double)c->max_rate_hz);
	}
	r = tui_section(t, r, "%s", vhal_slot_name(vhal, slot));
	tui_put(t, r.y, r.x + 1, r.w - 2, ROLE_DIM,
		"0x%08x/0x%x  %s  %s%s  %s%s  %s  %u changes",
		(unsigned int)c->prop, (unsigned int)v->area,
		type_name(c->prop), modes[c->mode], rate, access[c->access],
		range, c->bound ? "on the bus" : "stored only", p->n);
	if (has_value(v)) {
		value_text(v, info, text, sizeof(text));
		tui_put(t, r.y + 1, r.x + 1, r.w - 2, ROLE_STRONG, "%s %s",
			text, info ? unit_sign(info->unit) : "");
	} else {
		tui_put(t, r.y + 1, r.x + 1, r.w - 2, ROLE_DIM,
			"no value yet");
	}
}

void tui_props_draw(struct tui *t, struct rect r)
{
	struct tui_props *p = &t->props;
	int name_w = r.w < 100 ? 36 : r.w < 130 ? 48 : 58;
	struct rect rows = { r.y + 1, r.x, r.h - 1 - DETAIL_ROWS, r.w };

	if (t->m->n_props == 0) {
		tui_empty(t, r, "this world has no properties");
		return;
	}
	choose_rows(t);
	tui_list_fit(&p->list, p->n, rows.h);
	tui_put(t, r.y, r.x + 1, name_w, ROLE_TITLE, "PROPERTY / AREA");
	tui_put(t, r.y, r.x + 2 + name_w, 30, ROLE_TITLE, "VALUE");
	tui_put(t, r.y, r.x + r.w - 16, 7, ROLE_TITLE, "UNIT");
	tui_put_right(t, r.y, r.x + r.w - 8, 7, ROLE_TITLE, "CHANGED");
	tui_put_right(t, r.y, r.x + name_w + 8, r.w - name_w - 25, ROLE_DIM,
		      "%zu of %zu%s%s%s%s", p->n, t->m->n_props,
		      p->changed_only ? ", changed" : "",
		      p->sort == PROPS_BY_CHANGE ? ", latest" : "",
		      t->filter[VIEW_PROPS][0] ? ", /" : "",
		      t->filter[VIEW_PROPS]);
	if (p->n == 0) {
		tui_empty(t, rows,
			  t->filter[VIEW_PROPS][0] ?
				  "no name contains '%s'; Esc shows all" :
				  "nothing has changed yet%s",
			  t->filter[VIEW_PROPS]);
		return;
	}
	for (int i = 0; i < rows.h && p->list.top + (size_t)i < p->n; i++) {
		size_t at = p->list.top + (size_t)i;

		draw_row(t, rows.y + i, rows, name_w, p->row[at],
			 at == p->list.sel);
	}
	draw_detail(t,
		    (struct rect){ rows.y + rows.h, r.x, DETAIL_ROWS, r.w },
		    p->row[p->list.sel]);
}

/* ---- keys ---- */

static const char *set_property(struct tui *t, const char *text)
{
	char head[200];

	snprintf(head, sizeof(head), "set property=%.150s value=",
		 vhal_slot_name(t->env.w->vhal, t->props.asked));
	return tui_try_quoted(t, head, text);
}

static void ask_set(struct tui *t)
{
	struct vhal *vhal = t->env.w->vhal;
	char value[200], title[80];

	t->props.asked = t->props.row[t->props.list.sel];
	vhal_value_text(vhal_get(vhal, t->props.asked), value, sizeof(value));
	snprintf(title, sizeof(title), "Set %.60s",
		 vhal_slot_name(vhal, t->props.asked));
	tui_prompt(t, title,
		   "as a guest would: a number, enum name, true or false, "
		   "[list]",
		   value, set_property);
}

bool tui_props_key(struct tui *t, int ch)
{
	struct tui_props *p = &t->props;

	if (t->m->n_props == 0) {
		return false;
	}
	/* keys may come faster than pictures: act on what would be shown */
	choose_rows(t);
	p->list.n = p->n;
	switch (ch) {
	case 'o':
		p->sort = p->sort == PROPS_BY_NAME ? PROPS_BY_CHANGE :
						     PROPS_BY_NAME;
		p->list.sel = p->list.top = 0;
		return true;
	case 'c':
		p->changed_only = !p->changed_only;
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (p->n > 0) {
			ask_set(t);
		}
		return true;
	default:
		return tui_list_key(&p->list, ch);
	}
}
