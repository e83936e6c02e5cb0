/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scenarios/action.h"
#include "sim/services/steer.h"
#include "sim/world.h"
#include "ui/tui.h"

#define KEY_ESC 27
#define FLASH_NS (4 * VT_S)
#define STEP_SMALL (10 * VT_MS)
#define STEP_BIG VT_S

enum { VIEW_ACTIONS = 5 };

void tui_flash(struct tui *t, bool bad, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->flash, sizeof(t->flash), fmt, ap);
	va_end(ap);
	t->flash_bad = bad;
	t->flash_until = pace_wall_ns() + FLASH_NS;
}

static struct steer steered(const struct tui *t)
{
	return (struct steer){ .w = t->env.w,
			       .pace = t->env.pace,
			       .replay = t->env.replay };
}

const char *tui_try(struct tui *t, const char *text)
{
	struct steer s = steered(t);
	struct av_err err = { 0 };

	if (steer_command(&s, text, &err) < 0) {
		snprintf(t->error, sizeof(t->error), "%.*s",
			 (int)sizeof(t->error) - 1, err.msg);
		return t->error;
	}
	tui_flash(t, false, "%s%s", text,
		  t->env.pace->paused ? "  (waits for the next step)" : "");
	return NULL;
}

void tui_command(struct tui *t, const char *fmt, ...)
{
	char text[320];
	const char *error;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error = tui_try(t, text);
	if (error) {
		tui_flash(t, true, "%s", error);
	}
}

bool tui_matches(const struct tui *t, unsigned int view, const char *text)
{
	const char *needle = t->filter[view];
	size_t n = strlen(needle);

	for (; *text; text++) {
		if (!strncasecmp(text, needle, n)) {
			return true;
		}
	}
	return n == 0;
}

/* ---- one line of input ---- */

static void edit_set(struct tui_edit *e, const char *text)
{
	snprintf(e->text, sizeof(e->text), "%s", text);
	e->len = e->cur = strlen(e->text);
}

static void edit_delete(struct tui_edit *e, size_t at)
{
	memmove(e->text + at, e->text + at + 1, e->len - at);
	e->len--;
}

static bool edit_key(struct tui_edit *e, int ch)
{
	switch (ch) {
	case KEY_LEFT:
		e->cur -= e->cur > 0;
		return true;
	case KEY_RIGHT:
		e->cur += e->cur < e->len;
		return true;
	case KEY_HOME:
	case 'A' & 0x1f:
		e->cur = 0;
		return true;
	case KEY_END:
	case 'E' & 0x1f:
		e->cur = e->len;
		return true;
	case 'U' & 0x1f:
		edit_set(e, "");
		return true;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		if (e->cur > 0) {
			edit_delete(e, --e->cur);
		}
		return true;
	case KEY_DC:
		if (e->cur < e->len) {
			edit_delete(e, e->cur);
		}
		return true;
	default:
		break;
	}
	if (ch >= 0x20 && ch < 0x7f && e->len + 1 < sizeof(e->text)) {
		memmove(e->text + e->cur + 1, e->text + e->cur,
			e->len - e->cur + 1);
		e->text[e->cur++] = (char)ch;
		e->len++;
		return true;
	}
	return false;
}

/* ---- dialogs ---- */

void tui_prompt(struct tui *t, const char *title, const char *hint,
		const char *text, tui_prompt_fn *fn)
{
	snprintf(t->prompt_title, sizeof(t->prompt_title), "%s", title);
	snprintf(t->prompt_hint, sizeof(t->prompt_hint), "%s", hint);
	t->prompt_error[0] = '\0';
	t->prompt_fn = fn;
	edit_set(&t->edit, text);
	t->mode = TUI_PROMPT;
}

/* "can0 2F0#0102", as candump writes it; blanks and dots between the bytes */
static const char *inject(struct tui *t, const char *text)
{
	char bus[32], id[16], data[129], command[256];
	size_t digits = 0;
	int used = 0;

	if (sscanf(text, " %31s %15[0-9a-fA-F]%n", bus, id, &used) != 2 ||
	    text[used] != '#') {
		return "want BUS ID#DATA, for example can0 2F0#01FF";
	}
	for (text += used + 1; *text; text++) {
		if (*text == ' ' || *text == '.') {
			continue;
		}
		if (!isxdigit((unsigned char)*text)) {
			return "data are hexadecimal digits";
		}
		if (digits == sizeof(data) - 1) {
			return "a frame has at most 64 bytes";
		}
		data[digits++] = *text;
	}
	data[digits] = '\0';
	snprintf(command, sizeof(command), "inject bus=%s id=%s%s%s", bus, id,
		 digits ? " data=" : "", data);
	return tui_try(t, command);
}

void tui_inject(struct tui *t, const char *frame)
{
	char text[64];

	snprintf(text, sizeof(text), "%.40s ",
		 t->env.w->n_buses ? t->env.w->bus_name[0] : "can0");
	tui_prompt(t, "Inject a CAN frame",
		   "BUS ID#DATA in hex, as candump writes it; an id of 8 "
		   "digits has 29 bits",
		   frame ? frame : text, inject);
}

const char *tui_try_quoted(struct tui *t, const char *head, const char *text)
{
	char command[800];
	size_t n = (size_t)snprintf(command, sizeof(command), "%s'", head);

	for (; *text && n < sizeof(command) - 4; text++) {
		if (*text == '\'') {
			command[n++] = '\''; /* doubled inside quotes */
		}
		command[n++] = *text;
	}
	command[n++] = '\'';
	command[n] = '\0';
	return tui_try(t, command);
}

static const char *mark(struct tui *t, const char *text)
{
	return tui_try_quoted(t, "mark text=", text);
}

static void prompt_key(struct tui *t, int ch)
{
	const char *error;

	if (ch == KEY_ESC) {
		t->mode = TUI_NORMAL;
	} else if (ch == '\r' || ch == '\n' || ch == KEY_ENTER) {
		t->mode = TUI_NORMAL;
		error = t->prompt_fn(t, t->edit.text);
		if (error) {
			snprintf(t->prompt_error, sizeof(t->prompt_error),
				 "%s", error);
			t->mode = TUI_PROMPT;
		}
	} else if (edit_key(&t->edit, ch)) {
		t->prompt_error[0] = '\0';
	}
}

static void search_key(struct tui *t, int ch)
{
	char *filter = t->filter[t->view];

	if (ch == KEY_ESC) {
		filter[0] = '\0';
		t->mode = TUI_NORMAL;
	} else if (ch == '\r' || ch == '\n' || ch == KEY_ENTER ||
		   ch == KEY_DOWN || ch == KEY_UP) {
		t->mode = TUI_NORMAL;
	} else if (edit_key(&t->edit, ch)) {
		snprintf(filter, sizeof(t->filter[0]), "%.*s",
			 (int)sizeof(t->filter[0]) - 1, t->edit.text);
	}
}

/* ---- pace ---- */

static void change_speed(struct tui *t, int by)
{
	static const double steps[] = { 0.1, 0.2, 0.5, 1,  2,	5,
					10,  20,  50,  100, PACE_MAX };
	const int n = sizeof(steps) / sizeof(steps[0]);
	struct pace *p = t->env.pace;
	struct steer s = steered(t);
	int at = n - 1;

	if (p->speed > PACE_MAX) {
		for (at = 0; at < n - 2 && steps[at] < p->speed - 1e-9; at++) {
		}
		/* between two steps: going down, the next lower one is next */
		if (steps[at] > p->speed + 1e-9 && by > 0) {
			at--;
		}
	}
	at += by;
	at = at < 0 ? 0 : at >= n ? n - 1 : at;
	steer_speed(&s, steps[at], NULL);
}

static void step(struct tui *t, vtime by)
{
	struct steer s = steered(t);

	if (!t->env.pace->paused) {
		steer_pause(&s, true);
	}
	steer_step(&s, by, NULL);
}

static bool pace_key(struct tui *t, int ch)
{
	struct steer s = steered(t);

	switch (ch) {
	case ' ':
		steer_pause(&s, !t->env.pace->paused);
		return true;
	case '.':
		step(t, STEP_SMALL);
		return true;
	case ',':
		step(t, STEP_BIG);
		return true;
	case '+':
	case '=':
		change_speed(t, 1);
		return true;
	case '-':
		change_speed(t, -1);
		return true;
	default:
		return false;
	}
}

/* ---- everything else ---- */

static void ask_quit(struct tui *t)
{
	if (t->finished) {
		t->quit = true;
	} else {
		t->mode = TUI_QUIT;
	}
}

static void normal_key(struct tui *t, int ch)
{
	const struct tui_view *v = &tui_views[t->view];

	if (ch >= '0' && ch <= '9') {
		/* the tenth key of the row is 0 */
		unsigned int view = ch == '0' ? 9 : (unsigned int)(ch - '1');

		t->view = view < TUI_N_VIEWS ? view : t->view;
		return;
	}
	if ((v->key && v->key(t, ch)) || pace_key(t, ch)) {
		return;
	}
	switch (ch) {
	case '\t':
		t->view = (t->view + 1) % TUI_N_VIEWS;
		break;
	case KEY_BTAB:
		t->view = (t->view + TUI_N_VIEWS - 1) % TUI_N_VIEWS;
		break;
	case '/':
		if (strstr(v->keys, "search")) {
			edit_set(&t->edit, t->filter[t->view]);
			t->mode = TUI_SEARCH;
		}
		break;
	case KEY_ESC:
		t->filter[t->view][0] = '\0';
		t->flash_until = 0;
		break;
	case 'f':
		t->view = VIEW_ACTIONS;
		t->actions.on_actions = false;
		break;
	case 'i':
		tui_inject(t, NULL);
		break;
	case 'm':
		tui_prompt(t, "Mark this moment",
			   "a word or two for the recording", "", mark);
		break;
	case 'h':
	case '?':
	case KEY_F(1):
		t->mode = TUI_HELP;
		break;
	case 'q':
	case KEY_F(10):
		ask_quit(t);
		break;
	case 'L' & 0x1f:
		clearok(curscr, TRUE);
		break;
	default:
		break;
	}
}

void tui_key(struct tui *t, int ch)
{
	switch (t->mode) {
	case TUI_NORMAL:
		normal_key(t, ch);
		break;
	case TUI_SEARCH:
		search_key(t, ch);
		break;
	case TUI_PROMPT:
		prompt_key(t, ch);
		break;
	case TUI_HELP:
		t->mode = TUI_NORMAL;
		break;
	case TUI_QUIT:
		t->quit = ch == 'y' || ch == 'Y' || ch == 'q' || ch == '\r';
		t->mode = TUI_NORMAL;
		break;
	}
}
