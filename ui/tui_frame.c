/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds the views: header, tabs, time bar, footer and dialogs; and
 * which panes share the screen where there is room.
 */
#include "config.h"

#include <curses.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/world.h"
#include "ui/tui.h"

enum { MIN_ROWS = 20, MIN_COLS = 72, WIDE_ROWS = 34, WIDE_COLS = 116 };

/* ---- header ---- */

static int put_pace(struct tui *t, int y, int x)
{
	const struct pace *p = t->env.pace;
	char speed[32];

	if (p->speed > PACE_MAX) {
		snprintf(speed, sizeof(speed), "%gx", p->speed);
	} else {
		snprintf(speed, sizeof(speed), "max %.0fx", t->m->pace_real);
	}
	if (t->finished) {
		return tui_put(t, y, x, 20, ROLE_LIT_INFO, " ENDED ");
	}
	if (p->paused) {
		return tui_put(t, y, x, 20, ROLE_LIT_WARN, " PAUSED ");
	}
	return tui_put(t, y, x, 20, ROLE_BAR, "▶ %s", speed);
}

static void put_verdict(struct tui *t, int y, int x, int w)
{
	const struct scenario *s = t->env.w->scenario;
	struct expect_status e;
	size_t n, open = 0, failed = 0;

	n = s ? scenario_expects(s, 0, &e) : 0;
	for (size_t i = 0; i < n; i++) {
		scenario_expects(s, i, &e);
		open += e.verdict == VERDICT_NONE;
		failed += e.verdict == VERDICT_FAIL;
	}
	if (n == 0) {
		return;
	}
	if (failed > 0) {
		tui_put_right(t, y, x, w, ROLE_LIT_BAD, " FAILED %zu of %zu ",
			      failed, n);
	} else if (open > 0) {
		tui_put_right(t, y, x, w, ROLE_BAR, "%zu of %zu passed ",
			      n - open, n);
	} else {
		tui_put_right(t, y, x, w, ROLE_LIT_GOOD, " PASSED %zu ", n);
	}
}

static void draw_header(struct tui *t)
{
	const struct pace *p = t->env.pace;
	vtime end = t->env.w->duration;
	char now[24], total[24];
	double v = model_gauge_or(t->m, GAUGE_speed, NAN);
	int x = 1;

	tui_fill(t, (struct rect){ 0, 0, 1, t->cols }, ROLE_BAR);
	x += tui_put(t, 0, x, 24, ROLE_BAR_KEY, "%s%s",
		     t->env.replay ? "replay " : "", t->env.title);
	tui_clock(evq_now(t->env.w->q), now);
	if (end == VT_NEVER) {
		snprintf(total, sizeof(total), "open");
	} else {
		tui_clock(end, total);
		total[strlen(total) - 4] = '\0'; /* no ms */
	}
	x += 2;
	x += tui_put(t, 0, x, 30, ROLE_BAR, "%s / %s", now, total);
	x = x < 40 ? 40 : x + 2;
	put_pace(t, 0, x);
	x += 11;
	if (!isnan(v)) {
		tui_put_right(t, 0, x, 8, ROLE_BAR, "%.0f km/h",
			      fabs(v) * 3.6);
	}
	x += 9;
	if (p->late_max_ns > 10 * VT_MS && t->cols - x > 38) {
		tui_put(t, 0, x, 20, ROLE_LIT_WARN, " late max %.0f ms ",
			(double)p->late_max_ns / 1e6);
	} else if (t->cols - x > 38) {
		tui_put(t, 0, x, 20, ROLE_BAR, "late max %.1f ms",
			(double)p->late_max_ns / 1e6);
	}
	put_verdict(t, 0, t->cols - 17, 17);
}

static void draw_tabs(struct tui *t)
{
	double late_ms = (double)t->env.pace->late_max_ns / 1e6;
	int x = 1, full = 0, room;
	const char *path = t->env.recording, *slash;

	for (unsigned int i = 0; i < TUI_N_VIEWS; i++) {
		full += tui_width(tui_views[i].name) + 5;
	}
	for (unsigned int i = 0; i < TUI_N_VIEWS; i++) {
		bool on = i == t->view, wide = full <= t->cols;

		x += tui_put(t, 1, x, 20, on ? ROLE_SELECT : ROLE_DIM,
			     " %u %s%s", (i + 1) % 10,
			     wide ? tui_views[i].name : tui_views[i].brief,
			     wide || on ? " " : "");
		x += wide;
	}
	room = t->cols - x - 1;
	if (t->env.pace->late_n > 0 && t->cols < 110) {
		tui_put_right(t, 1, x, room, ROLE_WARN,
			      late_ms < 1000 ? "late %.0f ms" : "late %.1f s",
			      late_ms < 1000 ? late_ms : late_ms / 1000);
	} else if (path && room > 16) {
		slash = strrchr(path, '/');
		if (slash && tui_width(path) > room - 7) {
			path = slash + 1;
		}
		tui_put_right(t, 1, x, room, ROLE_DIM, "%s %s",
			      t->env.replay ? "from" : "●", path);
	} else if (path) {
		tui_put_right(t, 1, x, room, ROLE_DIM, "%s",
			      t->env.replay ? "replay" : "● rec");
	} else if (room > 15) {
		tui_put_right(t, 1, x, room, ROLE_DIM, "not recorded");
	}
}

/* ---- time bar ---- */

static const struct {
	unsigned int kind;
	enum role role;
	const char *sign;
} bar_marks[] = { /* the first that applies is shown */
	{ MODEL_BAR_FAILED, ROLE_BAD, "✗" },
	{ MODEL_FAULT, ROLE_BAD, "▲" },
	{ MODEL_COMMAND, ROLE_WARN, "◂" },
	{ MODEL_POWER, ROLE_GOOD, "▲" },
	{ MODEL_DEVICE, ROLE_INFO, "●" },
	{ MODEL_SCENARIO, ROLE_INFO, "│" },
};

enum { N_BAR_MARKS = sizeof(bar_marks) / sizeof(bar_marks[0]) };

static unsigned int bar_bits(const struct model_bar *b, int col, int w)
{
	int from = col * MODEL_BAR_MAX / w, to = (col + 1) * MODEL_BAR_MAX / w;
	unsigned int bits = b->cell[from];

	for (int i = from + 1; i < to; i++) {
		bits |= b->cell[i];
	}
	return bits;
}

static void draw_time_bar(struct tui *t, int y)
{
	const struct model_bar *b = &t->m->bar;
	char now[24], end[24];
	int x = 10, w = t->cols - 20, at;

	tui_clock(evq_now(t->env.w->q), now);
	now[strlen(now) - 2] = '\0'; /* tenths */
	tui_clock(b->span, end);
	end[strlen(end) - 4] = '\0';
	tui_put_right(t, y, 0, 9, ROLE_STRONG, "%s", now);
	tui_put(t, y, t->cols - 9, 9, ROLE_DIM, "%s%s", end,
		t->env.w->duration == VT_NEVER ? "..." : "");
	at = (int)((double)evq_now(t->env.w->q) / (double)b->span * w);
	for (int i = 0; i < w; i++) {
		unsigned int bits = bar_bits(b, i, w);
		enum role role = i <= at ? ROLE_INFO : ROLE_DIM;
		const char *sign = i < at ? "━" : i == at ? "●" : "─";

		for (size_t k = 0; i != at && k < N_BAR_MARKS; k++) {
			if (bits & 1u << bar_marks[k].kind) {
				role = bar_marks[k].role;
				sign = bar_marks[k].sign;
				break;
			}
		}
		tui_put(t, y, x + i, 1, role, "%s", sign);
	}
}

/* ---- footer ---- */

/* "key text  key text": keys stand out. */
static int put_keys(struct tui *t, int y, int x, const char *keys)
{
	while (*keys && x < t->cols) {
		size_t key = strcspn(keys, " "), text;

		x += tui_put(t, y, x, t->cols - x, ROLE_BAR_KEY, "%.*s",
			     (int)key, keys);
		keys += key;
		text = strstr(keys, "  ") ?
			       (size_t)(strstr(keys, "  ") - keys) :
			       strlen(keys);
		x += tui_put(t, y, x, t->cols - x, ROLE_BAR, "%.*s", (int)text,
			     keys);
		keys += text;
		x += 2;
		keys += strspn(keys, " ");
	}
	return x;
}

static void draw_footer(struct tui *t, int y)
{
	char keys[256];
	int x;

	tui_fill(t, (struct rect){ y, 0, 1, t->cols }, ROLE_BAR);
	if (t->mode == TUI_QUIT) {
		tui_put(t, y, 1, t->cols - 2, ROLE_LIT_WARN,
			" The run is not over. End it here?  y yes   any "
			"other key no ");
		return;
	}
	if (t->mode == TUI_SEARCH) {
		x = 1 + tui_put(t, y, 1, 10, ROLE_BAR_KEY, "search: ");
		x += tui_put(t, y, x, t->cols - x, ROLE_BAR, "%s",
			     t->edit.text);
		tui_put(t, y, 9 + (int)t->edit.cur, 1, ROLE_SELECT, "%c",
			t->edit.cur < t->edit.len ?
				t->edit.text[t->edit.cur] :
				' ');
		tui_put_right(t, y, x + 2, t->cols - x - 3, ROLE_BAR,
			      "Enter keep  Esc all");
		return;
	}
	if (t->wall_ns < t->flash_until) {
		tui_put(t, y, 0, t->cols, t->flash_bad ? ROLE_LIT_BAD : ROLE_BAR,
			" %s ", t->flash);
		return;
	}
	snprintf(keys, sizeof(keys), "%s%s%s",
		 t->finished ? "q quit" :
		 t->env.pace->paused ?
			       "space go on  . 10 ms  , 1 s" :
			       "space pause  +/- speed",
		 *tui_views[t->view].keys ? "  " : "",
		 tui_views[t->view].keys);
	x = put_keys(t, y, 1, keys);
	if (!*tui_views[t->view].keys || t->cols - x > 50) {
		x = put_keys(t, y, x,
			     strstr(keys, "i inject") ?
				     "f faults  m mark" :
				     "f faults  i inject  m mark");
	}
	if (t->cols - x > 15 && !t->finished) {
		put_keys(t, y, t->cols - 15, "? help  q quit");
	} else if (t->cols - x > 7) {
		put_keys(t, y, t->cols - 7, "? help");
	}
}

/* ---- panes ---- */

static void draw_pane(struct tui *t, struct rect r,
		      void (*draw)(struct tui *, struct rect))
{
	struct rect all = t->clip;

	if (r.h > 0 && r.w > 0) {
		t->clip = r;
		draw(t, r);
		t->clip = all;
	}
}

static struct rect pane(struct tui *t, int y, int x, int h, int w,
			const char *title,
			void (*draw)(struct tui *, struct rect))
{
	struct rect r = tui_section(t, (struct rect){ y, x, h, w }, "%s",
				    title);

	draw_pane(t, r, draw);
	return r;
}

/* The first view of a large terminal shows the others in small as well. */
static void draw_wide(struct tui *t, int y, int h)
{
	const int left = 80, top = 21;
	int right = t->cols - left - 1, low = h - top;
	struct expect_status e;
	size_t n = t->env.w->scenario ?
			   scenario_expects(t->env.w->scenario, 0, &e) :
			   0;

	draw_pane(t, (struct rect){ y, 0, top, left }, tui_drive_draw);
	pane(t, y, left + 1, top, right, "Map", tui_map_draw);
	if (n > 0) {
		pane(t, y + top, 0, low, left, "Log", tui_log_draw);
		pane(t, y + top, left + 1, low, right, "Expected",
		     tui_expects_draw);
	} else {
		pane(t, y + top, 0, low, t->cols, "Log", tui_log_draw);
	}
}

static void draw_view(struct tui *t)
{
	int y = 2, h = t->rows - 4;

	if (t->view == 0 && t->rows >= WIDE_ROWS && t->cols >= WIDE_COLS) {
		draw_wide(t, y, h);
	} else {
		draw_pane(t, (struct rect){ y, 0, h, t->cols },
			  tui_views[t->view].draw);
	}
}

/* ---- dialogs ---- */

static void draw_prompt(struct tui *t)
{
	int w = t->cols < 84 ? t->cols - 4 : 80, x;
	struct rect r = tui_box(t, 6, w, t->prompt_title);
	size_t from = 0;

	if (t->prompt_error[0]) {
		tui_put(t, r.y, r.x, r.w, ROLE_BAD, "%s", t->prompt_error);
	} else {
		tui_put(t, r.y, r.x, r.w, ROLE_DIM, "%s", t->prompt_hint);
	}
	if (t->edit.cur + 3 > (size_t)r.w) {
		from = t->edit.cur + 3 - (size_t)r.w;
	}
	tui_fill(t, (struct rect){ r.y + 2, r.x, 1, r.w }, ROLE_BAR);
	x = r.x + tui_put(t, r.y + 2, r.x, 2, ROLE_BAR, "> ");
	tui_put(t, r.y + 2, x, r.w - 2, ROLE_BAR, "%s", t->edit.text + from);
	tui_put(t, r.y + 2, x + (int)(t->edit.cur - from), 1, ROLE_SELECT,
		"%c",
		t->edit.cur < t->edit.len ? t->edit.text[t->edit.cur] : ' ');
	tui_put_right(t, r.y + 3, r.x, r.w, ROLE_DIM, "Enter do it  Esc no");
}

/* Tell at once when a command of the person here came to nothing. */
static void watch_refusals(struct tui *t)
{
	if (t->m->refused != t->refused) {
		t->refused = t->m->refused;
		tui_flash(t, true, "refused: %s", t->m->refusal);
	}
}

void tui_draw_all(struct tui *t)
{
	erase();
	t->clip = (struct rect){ 0, 0, t->rows, t->cols };
	if (t->rows < MIN_ROWS || t->cols < MIN_COLS) {
		tui_put(t, t->rows / 2, 0, t->cols, ROLE_WARN,
			"too small: %dx%d, want %dx%d", t->cols, t->rows,
			MIN_COLS, MIN_ROWS);
		tui_put(t, t->rows / 2 + 1, 0, t->cols, ROLE_DIM,
			"the run goes on; q quits");
		wnoutrefresh(stdscr);
		doupdate();
		return;
	}
	watch_refusals(t);
	draw_header(t);
	draw_tabs(t);
	draw_view(t);
	draw_time_bar(t, t->rows - 2);
	draw_footer(t, t->rows - 1);
	if (t->mode == TUI_HELP) {
		tui_help_draw(t);
	} else if (t->mode == TUI_PROMPT) {
		draw_prompt(t);
	}
	wnoutrefresh(stdscr);
	doupdate();
}
