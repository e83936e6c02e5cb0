/* SPDX-License-Identifier: Apache-2.0 */
/* Frames by bus and identifier; the selected one decoded; load of the buses. */
#include "config.h"

#include <curses.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"
#include "ui/tui.h"

enum { VIEW_CAN = 3, BESIDE_COLS = 124, LIST_COLS = 82 };

static const char *bus_name(const struct tui *t, unsigned int bus)
{
	return t->env.w->bus_name && bus < t->env.w->n_buses ?
		       t->env.w->bus_name[bus] :
		       "?";
}

static bool wanted(const struct tui *t, const struct model_can *c)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %X %s", bus_name(t, c->bus), c->id,
		 c->msg ? c->msg->name : "");
	return tui_matches(t, VIEW_CAN, text);
}

/* Rows that the filter lets through, as indices of display order. */
static size_t choose_rows(const struct tui *t, uint16_t *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < t->m->n_can; i++) {
		if (wanted(t, model_can_at(t->m, i))) {
			rows[n++] = (uint16_t)i;
		}
	}
	return n;
}

/* ---- bus load ---- */

static int draw_buses(struct tui *t, struct rect r)
{
	struct world *w = t->env.w;
	int y = r.y, x = r.x + 1;

	for (unsigned int i = 0; w->ecus && i < w->n_buses && i < 4; i++) {
		struct can_bus_stats s = { 0 };

		ecus_stats(w->ecus, i, &s);
		x = r.x + 1;
		x += tui_put(t, y, x, 8, ROLE_TITLE, "%-6s",
			     w->bus_name[i]);
		tui_bar(t, y, x, 16, s.load,
			s.load > 0.8 ? ROLE_BAD :
			s.load > 0.5 ? ROLE_WARN :
				       ROLE_GOOD);
		x += 16;
		x += tui_put(t, y, x, 8, ROLE_TEXT, " %5.1f %%",
			     s.load * 100);
		x += tui_put(t, y, x, 24, ROLE_DIM, "  %llu frames",
			     (unsigned long long)s.frames);
		if (s.errors) {
			x += tui_put(t, y, x, 20, ROLE_BAD, "  %llu errors",
				     (unsigned long long)s.errors);
		}
		if (s.dropped) {
			tui_put(t, y, x, 20, ROLE_BAD, "  %llu dropped",
				(unsigned long long)s.dropped);
		}
		if (i == 0) {
			tui_put_right(t, y, r.x + r.w - 18, 17, ROLE_DIM,
				      "%.0f frames/s", t->m->can_rate_hz);
		}
		y++;
	}
	return y - r.y;
}

/* ---- list ---- */

static void draw_data(struct tui *t, int y, int x, int w,
		      const struct model_can *c)
{
	for (int i = 0; i < c->len && i * 3 + 2 <= w; i++) {
		bool more = i * 3 + 5 > w && i + 1 < c->len;

		tui_put(t, y, x + i * 3, 2,
			more ? ROLE_DIM : tui_heat(t, c->heat[i], ROLE_TEXT),
			more ? "…" : "%02X", c->data[i]);
	}
}

static void draw_row(struct tui *t, int y, struct rect r,
		     const struct model_can *c, bool selected)
{
	enum role role = selected ? ROLE_SELECT : ROLE_TEXT;
	double silent = vtime_to_s(evq_now(t->env.w->q) - c->last);
	bool stale = !t->finished && c->rate_hz <= 0 && c->msg &&
		     c->msg->cycle_ms > 0 && silent > 1;
	int name_w = r.w > 110 ? 28 : 21, x = r.x + 1;

	if (selected) {
		tui_fill(t, (struct rect){ y, r.x, 1, r.w }, ROLE_SELECT);
	} else if (stale) {
		role = ROLE_DIM;
	}
	tui_put(t, y, x, 5, selected ? role : ROLE_DIM, "%s",
		bus_name(t, c->bus));
	tui_put_right(t, y, x + 5, 9, role,
		      c->flags & CAN_EXT ? "%08X" : "%03X", c->id);
	tui_put(t, y, x + 15, name_w - 1,
		selected ? role : c->msg ? role : ROLE_DIM, "%s",
		c->msg ? c->msg->name : "not in the DBC");
	x += 15 + name_w;
	if (stale) {
		tui_put_right(t, y, x, 6, ROLE_WARN, "silent");
	} else {
		tui_put_right(t, y, x, 6, role, "%.1f", c->rate_hz);
	}
	tui_put_right(t, y, x + 6, 8, role, "%llu", (unsigned long long)c->n);
	tui_put_right(t, y, x + 14, 4, role, "%u%s", c->len,
		      c->flags & CAN_FD ? "F" : "");
	x += 19;
	draw_data(t, y, x, r.x + r.w - x - 1, c);
}

static void draw_list(struct tui *t, struct rect r, const uint16_t *rows,
		      size_t n)
{
	int name_w = r.w > 110 ? 28 : 21, x = r.x + 1;
	struct tui_list *l = &t->can.list;

	tui_put(t, r.y, x, 5, ROLE_TITLE, "BUS");
	tui_put_right(t, r.y, x + 5, 9, ROLE_TITLE, "ID");
	tui_put(t, r.y, x + 15, name_w, ROLE_TITLE, "MESSAGE");
	x += 15 + name_w;
	tui_put_right(t, r.y, x, 6, ROLE_TITLE, "HZ");
	tui_put_right(t, r.y, x + 6, 8, ROLE_TITLE, "COUNT");
	tui_put_right(t, r.y, x + 14, 4, ROLE_TITLE, "LEN");
	tui_put(t, r.y, x + 19, 10, ROLE_TITLE, "DATA");
	if (t->filter[VIEW_CAN][0]) {
		tui_put_right(t, r.y, x + 24, r.x + r.w - x - 25, ROLE_DIM,
			      "%zu of %zu, /%s", n, t->m->n_can,
			      t->filter[VIEW_CAN]);
	}
	tui_list_fit(l, n, r.h - 1);
	for (int i = 0; i < r.h - 1 && l->top + (size_t)i < n; i++) {
		size_t at = l->top + (size_t)i;

		draw_row(t, r.y + 1 + i, r, model_can_at(t->m, rows[at]),
			 at == l->sel);
	}
}

/* ---- decoded signals ---- */

/* Where the signals of the selected message are in the binding table. */
static void look_up(struct tui *t, const struct model_can *c)
{
	struct signals *s = t->env.w->signals;
	struct tui_can *v = &t->can;

	if (v->msg == c->msg && v->bus == c->bus) {
		return;
	}
	free(v->idx);
	v->idx = calloc(c->msg->n_signals + 1, sizeof(*v->idx));
	v->n_idx = v->idx ? c->msg->n_signals : 0;
	v->msg = c->msg;
	v->bus = c->bus;
	v->signals = (struct tui_list){ 0 };
	for (size_t i = 0; i < v->n_idx; i++) {
		v->idx[i] = -1;
	}
	for (uint32_t i = 0; s && i < signals_count(s); i++) {
		const struct dbc_signal *d = signals_dbc(s, i);

		if (d && d->msg == c->msg && signals_bus_of(s, i) == c->bus) {
			size_t k = (size_t)(d - c->msg->signal);

			if (k < v->n_idx) {
				v->idx[k] = (int)i;
			}
		}
	}
}

/* Cut at its front: the end tells signals apart. */
static void draw_key(struct tui *t, int y, int x, int w, enum role role,
		     const char *key)
{
	int over = (int)strlen(key) - w; /* ASCII */

	if (over > 0 && w > 0) {
		tui_put(t, y, x, w, role, "…%s", key + over + 1);
	} else {
		tui_put(t, y, x, w, role, "%s", key);
	}
}

static void draw_signal(struct tui *t, int y, struct rect r, size_t i,
			bool selected)
{
	struct signals *s = t->env.w->signals;
	const struct dbc_signal *d = &t->can.msg->signal[i];
	int idx = t->can.idx[i], name_w = 27;
	vtime changed = VT_NEVER, seen = VT_NEVER;
	double v = NAN;
	const char *text, *key = "";
	char num[32];

	if (selected) {
		tui_fill(t, (struct rect){ y, r.x, 1, r.w }, ROLE_SELECT);
	}
	if (idx >= 0) {
		v = signals_value(s, (uint32_t)idx, &changed, &seen);
		key = signals_key(s, (uint32_t)idx);
	}
	tui_put(t, y, r.x + 1, name_w, selected ? ROLE_SELECT : ROLE_TEXT,
		"%s%s", d->is_mux ? "◂" : d->mux_parent >= 0 ? " " : "",
		d->name);
	if (isnan(v)) {
		tui_put_right(t, y, r.x + name_w + 1, 12, ROLE_DIM, "--");
	} else {
		text = dbc_label_of(d, dbc_to_raw(d, v));
		snprintf(num, sizeof(num), "%.8g", v);
		tui_put_right(t, y, r.x + name_w + 1, 12,
			      selected ? ROLE_SELECT : ROLE_STRONG, "%s", num);
		tui_put(t, y, r.x + name_w + 14, 18,
			selected ? ROLE_SELECT : text ? ROLE_INFO : ROLE_DIM,
			"%s", text ? text : d->unit);
	}
	if (strncmp(key, "Vehicle.", 8) == 0) {
		draw_key(t, y, r.x + name_w + 33, r.w - name_w - 33,
			 selected ? ROLE_SELECT : ROLE_DIM, key);
	}
}

static void draw_signals(struct tui *t, struct rect r,
			 const struct model_can *c)
{
	struct tui_list *l = &t->can.signals;

	r = tui_section(t, r, "%s%s%s", c->msg ? c->msg->name : "not decoded",
			c->msg && *c->msg->sender ? "  from " : "",
			c->msg ? c->msg->sender : "");
	if (!c->msg) {
		tui_empty(t, r, "no message of the DBC has this identifier");
		return;
	}
	look_up(t, c);
	tui_list_fit(l, t->can.n_idx, r.h);
	for (int i = 0; i < r.h && l->top + (size_t)i < t->can.n_idx; i++) {
		size_t at = l->top + (size_t)i;

		draw_signal(t, r.y + i, r, at,
			    t->can.on_signals && at == l->sel);
	}
	if (t->can.n_idx > l->page) {
		tui_put_right(t, r.y - 1, r.x, r.w - 1, ROLE_DIM,
			      " %zu-%zu of %zu ", l->top + 1,
			      l->top + l->page, t->can.n_idx);
	}
}

void tui_can_draw(struct tui *t, struct rect r)
{
	uint16_t rows[MODEL_CAN_MAX];
	size_t n = choose_rows(t, rows);
	int used = draw_buses(t, r), low;
	const struct model_can *c;

	r.y += used;
	r.h -= used;
	if (n == 0) {
		tui_empty(t, r,
			  t->filter[VIEW_CAN][0] ?
				  "no message contains '%s'; Esc shows all" :
				  "no frame has been seen yet%s",
			  t->filter[VIEW_CAN]);
		return;
	}
	if (r.w >= BESIDE_COLS) {
		draw_list(t, (struct rect){ r.y, r.x, r.h, LIST_COLS }, rows,
			  n);
		c = model_can_at(t->m, rows[t->can.list.sel]);
		draw_signals(t,
			     (struct rect){ r.y, r.x + LIST_COLS + 1, r.h,
					    r.w - LIST_COLS - 1 },
			     c);
		return;
	}
	low = r.h * 45 / 100;
	draw_list(t, (struct rect){ r.y, r.x, r.h - low, r.w }, rows, n);
	c = model_can_at(t->m, rows[t->can.list.sel]);
	draw_signals(t, (struct rect){ r.y + r.h - low, r.x, low, r.w }, c);
}

/* ---- keys ---- */

static void inject_like(struct tui *t)
{
	uint16_t rows[MODEL_CAN_MAX];
	size_t n = choose_rows(t, rows), used;
	const struct model_can *c;
	char text[256];

	if (n == 0) {
		tui_inject(t, NULL);
		return;
	}
	c = model_can_at(t->m, rows[t->can.list.sel < n ? t->can.list.sel : 0]);
	used = (size_t)snprintf(text, sizeof(text), "%.32s %0*X#",
				bus_name(t, c->bus),
				c->flags & CAN_EXT ? 8 : 3, c->id);
	for (int i = 0; i < c->len && used < sizeof(text) - 3; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%02X", c->data[i]);
	}
	tui_inject(t, text);
}

bool tui_can_key(struct tui *t, int ch)
{
	uint16_t rows[MODEL_CAN_MAX];

	t->can.list.n = choose_rows(t, rows);
	switch (ch) {
	case 'i':
		inject_like(t);
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
	case KEY_LEFT:
	case KEY_RIGHT:
		t->can.on_signals = !t->can.on_signals;
		return true;
	default:
		return tui_list_key(t->can.on_signals ? &t->can.signals :
							&t->can.list,
				    ch);
	}
}
