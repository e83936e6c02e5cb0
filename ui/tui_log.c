/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: commands, scenario, faults, power, devices, log lines. */
#include "config.h"

#include <curses.h>
#include <string.h>

#include "ui/tui.h"

enum { VIEW_LOG = 4 };

static enum role kind_role(const struct model_log *e)
{
	if (e->level == AV_LOG_ERR) {
		return ROLE_BAD;
	}
	if (e->level == AV_LOG_WARN) {
		return ROLE_WARN;
	}
	switch (e->kind) {
	case MODEL_FAULT:
		return ROLE_BAD;
	case MODEL_COMMAND:
		return ROLE_AMBER;
	case MODEL_SCENARIO:
		return !strncmp(e->text, "pass ", 5) ? ROLE_GOOD : ROLE_INFO;
	case MODEL_POWER:
	case MODEL_DEVICE:
		return ROLE_GOOD;
	default:
		return ROLE_DIM;
	}
}

static bool shown(const struct tui *t, const struct model_log *e)
{
	/* in its own view only: the small pane shows everything */
	if (t->view != VIEW_LOG) {
		return true;
	}
	return !(t->log.hidden & 1u << e->kind) &&
	       (tui_matches(t, VIEW_LOG, e->text) ||
		tui_matches(t, VIEW_LOG, e->key));
}

static void draw_entry(struct tui *t, int y, struct rect r,
		       const struct model_log *e)
{
	const char *kind = e->kind == MODEL_LINE ?
				   av_log_level_names[e->level] :
				   model_kind_names[e->kind];
	enum role role = kind_role(e);
	char at[24];
	int x = r.x + 1;

	if (e->t != VT_NEVER) {
		tui_put_right(t, y, x, 10, ROLE_DIM, "%s", tui_clock(e->t, at));
	}
	tui_put(t, y, x + 11, 8, role, "%s", kind);
	x += 20;
	x += tui_put(t, y, x, 16, ROLE_DIM, "%s", e->key) + 1;
	tui_put(t, y, x, r.x + r.w - x - 1,
		e->level <= AV_LOG_WARN || e->kind == MODEL_FAULT ? role :
								    ROLE_TEXT,
		"%s", e->text);
}

static void draw_status(struct tui *t, struct rect r)
{
	int x = r.x + 1;

	for (unsigned int k = 0; k < MODEL_N_KINDS; k++) {
		bool off = t->log.hidden & 1u << k;

		x += tui_put(t, r.y, x, 14, off ? ROLE_DIM : ROLE_TITLE,
			     "%s%s", off ? "-" : "", model_kind_names[k]);
		x += 2;
	}
	if (t->filter[VIEW_LOG][0]) {
		tui_put(t, r.y, x, r.x + r.w - x, ROLE_WARN, "/%s",
			t->filter[VIEW_LOG]);
	}
	if (t->log.back > 0) {
		tui_put_right(t, r.y, r.x + r.w - 22, 21, ROLE_WARN,
			      "%zu newer below", t->log.back);
	} else if (t->m->n_log > MODEL_LOG_MAX) {
		tui_put_right(t, r.y, r.x + r.w - 22, 21, ROLE_DIM,
			      "%llu older dropped",
			      (unsigned long long)(t->m->n_log -
						   MODEL_LOG_MAX));
	}
}

/* Number of entries that are shown at all, @stop at most. */
static size_t count(const struct tui *t, size_t stop)
{
	const struct model_log *e;
	size_t n = 0;

	for (size_t i = 0; n < stop && (e = model_log_at(t->m, i)); i++) {
		n += shown(t, e);
	}
	return n;
}

void tui_log_draw(struct tui *t, struct rect r)
{
	const struct model_log *e;
	bool own = t->view == VIEW_LOG;
	size_t back = own ? t->log.back : 0, n;
	int y;

	if (own) {
		draw_status(t, r);
		r.y++;
		r.h--;
		t->log.page = r.h;
	}
	n = count(t, back + (size_t)r.h);
	if (n == 0) {
		tui_empty(t, r,
			  t->m->n_log ? "nothing here matches; Esc shows all" :
					"nothing has happened yet");
		return;
	}
	/* newest at the bottom; a short log starts at the top */
	y = r.y + (n - (back < n ? back : n) < (size_t)r.h ?
			   (int)(n - (back < n ? back : n)) :
			   r.h) - 1;
	for (size_t i = 0; y >= r.y && (e = model_log_at(t->m, i)); i++) {
		if (!shown(t, e)) {
			continue;
		}
		if (back > 0) {
			back--;
			continue;
		}
		draw_entry(t, y--, r, e);
	}
}

void tui_log_latest(struct tui *t, struct rect r)
{
	const struct model_log *e;
	int y, n = 0;
	char at[24];

	for (size_t i = 0; n < r.h && (e = model_log_at(t->m, i)); i++) {
		n++;
	}
	y = r.y + n - 1;
	for (size_t i = 0; y >= r.y && (e = model_log_at(t->m, i)); i++, y--) {
		tui_clock(e->t == VT_NEVER ? 0 : e->t, at);
		at[strlen(at) - 2] = '\0'; /* tenths */
		tui_put_right(t, y, r.x, 7, ROLE_DIM, "%s", at);
		tui_put(t, y, r.x + 8, r.w - 8, kind_role(e), "%s %s", e->key,
			e->text);
	}
}

static void scroll_by(struct tui *t, long by)
{
	size_t n = count(t, MODEL_LOG_MAX);
	long max = (long)n - t->log.page, to = (long)t->log.back + by;

	max = max < 0 ? 0 : max;
	t->log.back = (size_t)(to < 0 ? 0 : to > max ? max : to);
}

/* One kind after the other alone, then all of them again. */
static void next_kind(struct tui *t)
{
	const unsigned int all = (1u << MODEL_N_KINDS) - 1;
	unsigned int only = all & ~t->log.hidden;

	if (t->log.hidden == 0) {
		only = 1;
	} else {
		only <<= 1;
	}
	t->log.hidden = only >= 1u << MODEL_N_KINDS ? 0 : all & ~only;
	t->log.back = 0;
}

bool tui_log_key(struct tui *t, int ch)
{
	switch (ch) {
	case KEY_UP:
	case 'k':
		scroll_by(t, 1);
		return true;
	case KEY_DOWN:
	case 'j':
		scroll_by(t, -1);
		return true;
	case KEY_PPAGE:
		scroll_by(t, t->log.page);
		return true;
	case KEY_NPAGE:
		scroll_by(t, -t->log.page);
		return true;
	case KEY_HOME:
	case 'g':
		scroll_by(t, MODEL_LOG_MAX);
		return true;
	case KEY_END:
	case 'G':
		t->log.back = 0;
		return true;
	case 't':
		next_kind(t);
		return true;
	default:
		return false;
	}
}
