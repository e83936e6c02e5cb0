/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the guest: their health, and where each listens. */
#include "config.h"

#include <curses.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/tui.h"
#include "vdevices/devices.h"

enum { DETAIL_ROWS = 5, NAME_W = 11, NUM_W = 9, RATE_NS = 1000000000 };

static uint64_t get(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static enum role state_role(uint32_t state)
{
	switch (state) {
	case HEALTH_RUNNING:
		return ROLE_GOOD;
	case HEALTH_BROKEN:
	case HEALTH_DEAD:
		return ROLE_BAD;
	case HEALTH_CONNECTED:
		return ROLE_INFO;
	default:
		return ROLE_DIM;
	}
}

/* "987", "12.3k", "4.56M": at most 6 columns. */
static const char *short_number(uint64_t n, char buf[24])
{
	static const char unit[] = " kMGTPE";
	double v = (double)n;
	int u = 0;

	while (v >= 1000 && unit[u + 1]) {
		v /= 1000;
		u++;
	}
	if (u == 0) {
		snprintf(buf, 24, "%u", (unsigned int)n);
	} else {
		snprintf(buf, 24,
			 v < 10    ? "%.2f%c"
			 : v < 100 ? "%.1f%c"
				   : "%.0f%c",
			 v, unit[u]);
	}
	return buf;
}

static const char *short_time(int64_t ns, char buf[24])
{
	if (ns == 0) {
		return "--";
	}
	if (ns < 1000000) {
		snprintf(buf, 24, "%" PRId64 " us", ns / 1000);
	} else if (ns < 1000000000) {
		snprintf(buf, 24, "%.1f ms", (double)ns / 1e6);
	} else {
		snprintf(buf, 24, "%.1f s", (double)ns / 1e9);
	}
	return buf;
}

/* Requests a second, over the last whole second of wall time. */
static void sample(struct tui *t, struct devices *ds)
{
	struct tui_devices *v = &t->devices;
	int64_t past = t->wall_ns - v->sampled;

	if (v->sampled && past < RATE_NS) {
		return;
	}
	for (size_t i = 0; i < devices_count(ds) && i < TUI_DEVICES_MAX; i++) {
		uint64_t n = get(&device_health(devices_at(ds, i))->requests);

		v->rate[i] = v->sampled && past > 0 ? (double)(n - v->last[i]) *
							      1e9 / (double)past
						    : 0;
		v->last[i] = n;
	}
	v->sampled = t->wall_ns;
}

static const struct {
	const char *title;
	int w;
} columns[] = {
	{ "REQUESTS", 10 }, { "/s", 7 },   { "IN", 8 },  { "OUT", 8 },
	{ "DEPTH", 6 },     { "P99", 9 },  { "ERR", 6 }, { "RESET", 6 },
	{ "CONN", 6 },      { "LOST", 6 },
};

static void draw_head(struct tui *t, struct rect r)
{
	int x = r.x + 1;

	tui_put(t, r.y, x, NAME_W, ROLE_TITLE, "DEVICE");
	tui_put(t, r.y, x + NAME_W, 8, ROLE_TITLE, "TYPE");
	tui_put(t, r.y, x + NAME_W + 8, 10, ROLE_TITLE, "STATE");
	x += NAME_W + 18;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (x + columns[i].w > r.x + r.w) {
			break;
		}
		tui_put_right(t, r.y, x, columns[i].w, ROLE_TITLE, "%s",
			      columns[i].title);
		x += columns[i].w;
	}
}

static void draw_row(struct tui *t, int y, struct rect r, struct devices *ds,
		     size_t at, bool selected)
{
	struct device *dev = devices_at(ds, at);
	const struct health *h = device_health(dev);
	uint32_t state = atomic_load(&h->state);
	uint64_t errors = get(&h->errors), lost = get(&h->dropped);
	enum role role = selected ? ROLE_SELECT : ROLE_TEXT;
	char text[sizeof(columns) / sizeof(columns[0])][24];
	double rate = at < TUI_DEVICES_MAX ? t->devices.rate[at] : 0;
	int x = r.x + 1;

	state = state < HEALTH_N ? state : HEALTH_DEAD;
	if (selected) {
		tui_fill(t, (struct rect){ y, r.x, 1, r.w }, ROLE_SELECT);
	}
	tui_put(t, y, x, NAME_W - 1, role, "%s", device_name(dev));
	tui_put(t, y, x + NAME_W, 7, selected ? role : ROLE_DIM, "%s",
		device_type(dev)->name);
	tui_put(t, y, x + NAME_W + 8, 10, selected ? role : state_role(state),
		"%s", health_state_names[state]);
	x += NAME_W + 18;
	short_number(get(&h->requests), text[0]);
	short_number((uint64_t)(rate + 0.5), text[1]);
	short_number(get(&h->bytes_in), text[2]);
	short_number(get(&h->bytes_out), text[3]);
	short_number(atomic_load(&h->queue_depth), text[4]);
	snprintf(text[5], sizeof(text[5]), "%s",
		 short_time(health_quantile(h, 0.99), (char[24]){ 0 }));
	short_number(errors, text[6]);
	short_number(get(&h->resets), text[7]);
	short_number(get(&h->connects), text[8]);
	short_number(lost, text[9]);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		bool bad = (i == 6 && errors) || (i == 9 && lost);

		if (x + columns[i].w > r.x + r.w) {
			break;
		}
		tui_put_right(t, y, x, columns[i].w,
			      selected ? role
			      : bad    ? ROLE_WARN
				       : ROLE_TEXT,
			      "%s", text[i]);
		x += columns[i].w;
	}
}

static void draw_detail(struct tui *t, struct rect r, struct device *dev)
{
	const struct health *h = device_health(dev);

	r = tui_section(t, r, "%s", device_name(dev));
	tui_put(t, r.y, r.x + 1, r.w - 2, ROLE_TEXT, "%s",
		device_type(dev)->help);
	tui_put(t, r.y + 1, r.x + 1, r.w - 2, ROLE_DIM, "socket    %s",
		*device_socket(dev) ? device_socket(dev)
				    : "(inherited descriptor)");
	tui_put(t, r.y + 2, r.x + 1, r.w - 2, ROLE_DIM,
		"runs in   %s%s, restarted %" PRIu64 " times",
		vdev_home_names[device_home(dev)],
		device_home(dev) != VDEV_CHILD  ? ""
		: atomic_load(&h->seccomp) == 2 ? ", confined"
						: ", NOT confined",
		get(&h->restarts));
	tui_put(t, r.y + 3, r.x + 1, r.w - 2, ROLE_DIM,
		"features  %#" PRIx64 ", median service time %s",
		get(&h->features),
		short_time(health_quantile(h, 0.5), (char[24]){ 0 }));
}

void tui_devices_draw(struct tui *t, struct rect r)
{
	struct devices *ds = t->env.devices;
	struct tui_list *l = &t->devices.list;
	size_t n = devices_count(ds);
	int rows;

	if (n == 0) {
		tui_empty(t, r,
			  "no device: --guest PROFILE or --device TYPE "
			  "attaches some");
		return;
	}
	sample(t, ds);
	rows = r.h - 1 - DETAIL_ROWS;
	tui_list_fit(l, n, rows > 1 ? rows : 1);
	draw_head(t, r);
	for (int i = 0; i < rows && l->top + (size_t)i < n; i++) {
		size_t at = l->top + (size_t)i;

		draw_row(t, r.y + 1 + i, r, ds, at, at == l->sel);
	}
	draw_detail(
		t,
		(struct rect){ r.y + r.h - DETAIL_ROWS, r.x, DETAIL_ROWS, r.w },
		devices_at(ds, l->sel));
}

bool tui_devices_key(struct tui *t, int ch)
{
	t->devices.list.n = devices_count(t->env.devices);
	return tui_list_key(&t->devices.list, ch);
}
