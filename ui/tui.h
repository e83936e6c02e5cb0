/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the terminal dashboard: what its files share. A view is one file,
 * ui/tui_NAME.c, and one row in ui/view_table.c.
 *
 * Everything is drawn anew each time; curses sends only what changed. Text is
 * UTF-8 everywhere; tui_put() writes plain ASCII where the terminal's locale
 * has nothing better.
 */
#ifndef AVSIM_UI_TUI_H
#define AVSIM_UI_TUI_H

#include "ui/dash.h"
#include "ui/model.h"

#include <stdbool.h>
#include <stddef.h>

struct rect {
	int y, x, h, w;
};

/* What a piece of text is, not which colour it has. */
enum role {
	ROLE_TEXT,
	ROLE_DIM,    /* labels, empty states, what is old */
	ROLE_TITLE,  /* of a section */
	ROLE_STRONG, /* the value people look for */
	ROLE_BAR,    /* header and footer */
	ROLE_BAR_KEY,
	ROLE_SELECT, /* cursor line */
	ROLE_GOOD,
	ROLE_WARN,
	ROLE_BAD,
	ROLE_INFO,
	ROLE_AMBER, /* indicators */
	ROLE_HEAT1, /* changed: fading ... */
	ROLE_HEAT2,
	ROLE_HEAT3, /* ... just now */
	ROLE_LIT_GOOD, /* tell-tales that are on */
	ROLE_LIT_WARN,
	ROLE_LIT_BAD,
	ROLE_LIT_INFO,
	ROLE_LIT_AMBER,
	ROLE_N
};

/* A list that scrolls. */
struct tui_list {
	size_t sel, top;
	size_t n;    /* entries, as of the last draw */
	size_t page; /* rows, as of the last draw */
};

/* One line of input. */
struct tui_edit {
	char text[256];
	size_t len, cur;
};

enum tui_mode {
	TUI_NORMAL,
	TUI_SEARCH, /* the view's filter is being typed */
	TUI_PROMPT, /* a dialog asks for a line */
	TUI_HELP,
	TUI_QUIT, /* sure? */
};

struct tui;

/* Called with the line of a prompt. Return: NULL, or what is wrong with it. */
typedef const char *tui_prompt_fn(struct tui *t, const char *text);

enum { TUI_N_VIEWS = 10, TUI_DEVICES_MAX = 64 };

struct tui_props {
	struct tui_list list;
	uint32_t *row; /* slots shown, in order; n_props of them */
	uint32_t *scratch; /* n_props, for sorting */
	size_t n;
	enum { PROPS_BY_NAME, PROPS_BY_CHANGE } sort;
	bool changed_only;
	uint32_t asked; /* slot that the dialog is about */
};

struct tui_can {
	struct tui_list list;
	struct tui_list signals;
	bool on_signals; /* keys scroll the decoded signals */
	/* signals of the selected message in the binding table */
	const struct dbc_message *msg;
	unsigned int bus;
	int *idx;
	size_t n_idx;
};

struct tui_map {
	double m_per_dot; /* 0 = not chosen yet */
	bool fixed;	  /* by the user */
	uint8_t *dots;	  /* canvas, one byte per cell */
	size_t room;
};

struct tui_log {
	size_t back; /* entries between the bottom line and the newest */
	unsigned int hidden; /* bit per enum model_kind */
	int page; /* rows, as of the last draw */
};

struct tui_actions {
	struct tui_list faults, actions;
	bool on_actions;
};

struct tui_devices {
	struct tui_list list;
	int64_t sampled; /* wall time */
	uint64_t last[TUI_DEVICES_MAX]; /* requests then */
	double rate[TUI_DEVICES_MAX]; /* a second */
};

struct tui {
	struct dash_env env;
	struct model *m;
	int rows, cols;
	struct rect clip; /* nothing is drawn outside */
	bool utf8, colour;
	int attr[ROLE_N]; /* for attrset() */

	unsigned int view;
	enum tui_mode mode;
	struct tui_edit edit;
	char filter[TUI_N_VIEWS][64];
	char prompt_title[80], prompt_hint[128], prompt_error[160];
	char error[160]; /* what tui_try() returns */
	tui_prompt_fn *prompt_fn;
	char flash[200]; /* footer message until flash_until */
	bool flash_bad;
	int64_t flash_until, wall_ns;
	uint64_t refused; /* of the model, when last looked */

	struct tui_props props;
	struct tui_can can;
	struct tui_map map;
	struct tui_log log;
	struct tui_actions actions;
	struct tui_list imu;
	struct tui_devices devices;
	bool finished, quit;
};

struct tui_view {
	const char *name;
	const char *brief; /* the same where not all names have room */
	const char *keys; /* for the footer: "key text  key text" */
	void (*draw)(struct tui *t, struct rect r);
	bool (*key)(struct tui *t, int ch); /* true: was for this view */
};
extern const struct tui_view tui_views[TUI_N_VIEWS];

/* ---- tui_draw.c ---- */
/* printf at (y, x), at most @w columns; shorter text is not padded. Return:
 * columns used. */
int tui_put(struct tui *t, int y, int x, int w, enum role role,
	    const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The same, right-aligned in @w columns. */
void tui_put_right(struct tui *t, int y, int x, int w, enum role role,
		   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* In the lines of @r, broken at blanks. Return: lines used. */
int tui_put_wrapped(struct tui *t, struct rect r, enum role role,
		    const char *text);
void tui_fill(struct tui *t, struct rect r, enum role role);
/* "── title ────────" on the first row; returns what is left below. */
struct rect tui_section(struct tui *t, struct rect r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A frame with a title, cleared inside; returns the inside. */
struct rect tui_box(struct tui *t, int h, int w, const char *title);
/* Bars: @share 0..1 from the left; -1..1 from the middle. */
void tui_bar(struct tui *t, int y, int x, int w, double share, enum role role);
void tui_bar_mid(struct tui *t, int y, int x, int w, double share,
		 enum role neg, enum role pos);
/* A sentence in the middle of an empty pane. */
void tui_empty(struct tui *t, struct rect r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int tui_width(const char *text); /* columns of a UTF-8 text */
enum role tui_heat(const struct tui *t, uint32_t wall_ms, enum role cold);

/*
 * A gauge's number, right-aligned in @w: "--" while nothing came, "n/a" where
 * nothing can, "ERR", or the value; a stale value is dim with its age.
 * value = base / @scale, with @digits behind the point and @unit.
 */
void tui_gauge(struct tui *t, int y, int x, int w, enum gauge g, double scale,
	       int digits, const char *unit, enum role role);
/* "350 ms", "12 s", "5 min": at most 6 columns. */
const char *tui_age(vtime age, char buf[16]);
/* "1:02:03.450", hours only if needed. */
const char *tui_clock(vtime t, char buf[24]);

/* ---- tui_list.c ---- */
bool tui_list_key(struct tui_list *l, int ch);
/* Call before drawing @n entries on @rows rows. */
void tui_list_fit(struct tui_list *l, size_t n, int rows);

/* ---- tui_input.c ---- */
void tui_key(struct tui *t, int ch);
/* Ask for a line, starting with @text. */
void tui_prompt(struct tui *t, const char *title, const char *hint,
		const char *text, tui_prompt_fn *fn);
void tui_flash(struct tui *t, bool bad, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Queue a command of the user, "verb key=value ..."; refused while a recording
 * is replayed. tui_try() returns NULL or what is wrong, tui_command() shows it.
 */
const char *tui_try(struct tui *t, const char *text);
/* The same with @text in quotes behind @head, "verb key=" (at most 200). */
const char *tui_try_quoted(struct tui *t, const char *head, const char *text);
void tui_command(struct tui *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tui_inject(struct tui *t, const char *frame); /* opens its dialog */
bool tui_matches(const struct tui *t, unsigned int view, const char *text);

/* ---- tui_frame.c ---- */
void tui_draw_all(struct tui *t);

/* ---- views ---- */
void tui_drive_draw(struct tui *t, struct rect r);
void tui_car_draw(struct tui *t, struct rect r);
void tui_map_draw(struct tui *t, struct rect r);
void tui_props_draw(struct tui *t, struct rect r);
void tui_can_draw(struct tui *t, struct rect r);
void tui_log_draw(struct tui *t, struct rect r);
void tui_actions_draw(struct tui *t, struct rect r);
void tui_imu_draw(struct tui *t, struct rect r);
void tui_gnss_draw(struct tui *t, struct rect r);
void tui_bt_draw(struct tui *t, struct rect r);
void tui_devices_draw(struct tui *t, struct rect r);
void tui_help_draw(struct tui *t);
bool tui_map_key(struct tui *t, int ch);
bool tui_props_key(struct tui *t, int ch);
bool tui_can_key(struct tui *t, int ch);
bool tui_log_key(struct tui *t, int ch);
bool tui_actions_key(struct tui *t, int ch);
bool tui_imu_key(struct tui *t, int ch);
bool tui_devices_key(struct tui *t, int ch);
/* The newest events, short, for a small pane. */
void tui_log_latest(struct tui *t, struct rect r);
/* What is expected of the run, and how it stands. */
void tui_expects_draw(struct tui *t, struct rect r);

#endif
