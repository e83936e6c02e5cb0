/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal: taken over by dash_create(), handed back by dash_destroy(), and
 * by terminal_restore() where the process ends in any other way. The latter
 * only uses calls that are safe in a signal handler: what it writes was put
 * together beforehand.
 */
#include "config.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "sim/core/log.h"
#include "sim/world.h"
#include "ui/tui.h"

#undef lines /* term.h's short names of capabilities */
#undef columns

#define DRAW_NS (33 * VT_MS)	/* at most 30 pictures a second */
#define IDLE_NS (500 * VT_MS)	/* nothing happened: ages still move on */
#define FADE_NS (2600 * VT_MS)	/* change marks fade so long */

struct dash {
	struct tui t;
	SCREEN *screen;
	int64_t drawn;	    /* wall time of the last picture */
	int64_t touched;    /* wall time of the last change */
	uint64_t version;   /* of the model in that picture */
	bool input;
};

/* ---- restoring, also from a signal handler: hence the one global ---- */

static struct {
	volatile sig_atomic_t active;
	int fd;
	bool have_modes;
	struct termios modes; /* as we found them */
	char text[256];	      /* cursor, colours, main screen, keypad */
	size_t len;
} terminal;

static void terminal_restore(void)
{
	ssize_t n;

	if (!terminal.active) {
		return;
	}
	terminal.active = 0;
	n = write(terminal.fd, terminal.text, terminal.len);
	(void)n; /* nobody left to tell */
	if (terminal.have_modes) {
		tcsetattr(terminal.fd, TCSANOW, &terminal.modes);
	}
}

static void on_deadly(int sig)
{
	terminal_restore();
	raise(sig); /* SA_RESETHAND: now as if we had not been here */
}

static void remember_text(const char *capability)
{
	const char *s = tigetstr(capability);
	size_t n;

	if (!s || s == (const char *)-1) {
		return;
	}
	n = strlen(s);
	if (n < sizeof(terminal.text) - terminal.len) {
		memcpy(terminal.text + terminal.len, s, n);
		terminal.len += n;
	}
}

static void catch_signals(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE,	SIGILL,
				      SIGABRT, SIGINT, SIGTERM, SIGHUP,
				      SIGQUIT, SIGXCPU };
	struct sigaction sa = { .sa_handler = on_deadly }, old;

	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_RESETHAND | SA_NODEFER;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		/* who handles a signal already also destroys the dashboard */
		if (sigaction(deadly[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_DFL) {
			sigaction(deadly[i], &sa, NULL);
		}
	}
}

static void release_signals(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE,	SIGILL,
				      SIGABRT, SIGINT, SIGTERM, SIGHUP,
				      SIGQUIT, SIGXCPU };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		if (sigaction(deadly[i], NULL, &old) == 0 &&
		    old.sa_handler == on_deadly) {
			signal(deadly[i], SIG_DFL);
		}
	}
}

/* ---- colours ---- */

struct look {
	short fg256, bg256; /* -1: the terminal's own */
	short fg8, bg8;
	unsigned int extra; /* attributes with colours */
	unsigned int mono;  /* attributes without */
};

/* clang-format off */
static const struct look looks[ROLE_N] = {
	[ROLE_TEXT]	= { -1, -1,   -1, -1, 0, 0 },
	[ROLE_DIM]	= { 243, -1,  -1, -1, 0, A_DIM },
	[ROLE_TITLE]	= { 110, -1,  COLOR_CYAN, -1, A_BOLD, A_BOLD },
	[ROLE_STRONG]	= { 231, -1,  -1, -1, A_BOLD, A_BOLD },
	[ROLE_BAR]	= { 252, 236, COLOR_WHITE, COLOR_BLUE, 0, A_REVERSE },
	[ROLE_BAR_KEY]	= { 222, 236, COLOR_YELLOW, COLOR_BLUE, A_BOLD, A_REVERSE | A_BOLD },
	[ROLE_SELECT]	= { 231, 24,  COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE },
	[ROLE_GOOD]	= { 114, -1,  COLOR_GREEN, -1, 0, 0 },
	[ROLE_WARN]	= { 221, -1,  COLOR_YELLOW, -1, 0, A_BOLD },
	[ROLE_BAD]	= { 203, -1,  COLOR_RED, -1, A_BOLD, A_BOLD | A_UNDERLINE },
	[ROLE_INFO]	= { 75, -1,   COLOR_CYAN, -1, 0, 0 },
	[ROLE_AMBER]	= { 214, -1,  COLOR_YELLOW, -1, A_BOLD, A_BOLD },
	[ROLE_HEAT1]	= { 179, -1,  COLOR_YELLOW, -1, 0, 0 },
	[ROLE_HEAT2]	= { 221, -1,  COLOR_YELLOW, -1, 0, A_BOLD },
	[ROLE_HEAT3]	= { 229, -1,  COLOR_YELLOW, -1, A_BOLD, A_BOLD | A_UNDERLINE },
	[ROLE_LIT_GOOD]	= { 16, 114,  COLOR_BLACK, COLOR_GREEN, 0, A_REVERSE },
	[ROLE_LIT_WARN]	= { 16, 221,  COLOR_BLACK, COLOR_YELLOW, 0, A_REVERSE },
	[ROLE_LIT_BAD]	= { 231, 160, COLOR_WHITE, COLOR_RED, A_BOLD, A_REVERSE | A_BOLD },
	[ROLE_LIT_INFO]	= { 16, 75,   COLOR_BLACK, COLOR_CYAN, 0, A_REVERSE },
	[ROLE_LIT_AMBER] = { 16, 214, COLOR_BLACK, COLOR_YELLOW, 0, A_REVERSE },
};
/* clang-format on */

static void choose_looks(struct tui *t)
{
	bool many;

	t->colour = has_colors() && start_color() == OK && COLORS >= 8 &&
		    COLOR_PAIRS > ROLE_N;
	if (t->colour) {
		use_default_colors();
	}
	many = COLORS >= 256;
	for (short i = 0; i < ROLE_N; i++) {
		const struct look *l = &looks[i];

		if (!t->colour) {
			t->attr[i] = (int)l->mono;
			continue;
		}
		init_pair((short)(i + 1), many ? l->fg256 : l->fg8,
			  many ? l->bg256 : l->bg8);
		t->attr[i] = (int)(COLOR_PAIR(i + 1) | l->extra);
	}
	if (t->colour && !many) { /* eight colours have no grey */
		t->attr[ROLE_DIM] = (int)A_DIM;
	}
}

/* ---- life ---- */

static void fit_size(struct tui *t)
{
	struct winsize ws;

	/* the run loop may have taken SIGWINCH over: ask */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 &&
	    ws.ws_col > 0 && (ws.ws_row != LINES || ws.ws_col != COLS)) {
		resizeterm(ws.ws_row, ws.ws_col);
		clearok(curscr, TRUE);
	}
	t->rows = LINES;
	t->cols = COLS;
}

static int open_terminal(struct dash *d, struct av_err *err)
{
	terminal.fd = STDOUT_FILENO;
	terminal.len = 0;
	terminal.have_modes = tcgetattr(STDOUT_FILENO, &terminal.modes) == 0;
	d->screen = newterm(NULL, stdout, stdin);
	if (!d->screen) {
		const char *term = getenv("TERM");

		return av_err_set(err, -ENOTTY,
				  "the terminal type '%s' cannot show the "
				  "dashboard; use --headless",
				  term ? term : "");
	}
	remember_text("cnorm");
	remember_text("op");
	remember_text("sgr0");
	remember_text("rmcup");
	remember_text("rmkx");
	terminal.active = 1;
	catch_signals();
	atexit(terminal_restore);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	choose_looks(&d->t);
	return 0;
}

int dash_create(const struct dash_env *env, struct dash **out,
		struct av_err *err)
{
	struct dash *d = calloc(1, sizeof(*d));
	int ret = -ENOMEM;

	*out = NULL;
	if (!d) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	d->t.env = *env;
	d->t.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	ret = model_create(env->w, &d->t.m, err);
	if (ret < 0) {
		goto fail;
	}
	d->t.props.row = calloc(d->t.m->n_props + 1,
				sizeof(*d->t.props.row));
	d->t.props.scratch = calloc(d->t.m->n_props + 1,
				    sizeof(*d->t.props.scratch));
	if (!d->t.props.row || !d->t.props.scratch) {
		ret = av_err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	ret = open_terminal(d, err);
	if (ret < 0) {
		goto fail;
	}
	av_log_set_sink(model_log_sink, d->t.m);
	*out = d;
	return 0;

fail:
	dash_destroy(d);
	return ret;
}

/* What went past while the screen was ours and still matters. */
static void print_warnings(const struct model *m)
{
	char at[VTIME_STR_MAX];

	for (size_t i = 0; i < m->n_late; i++) {
		const struct model_log *e = &m->late[i];

		at[0] = '\0';
		if (e->t != VT_NEVER) {
			at[vtime_format(e->t, at) - 6] = '\0';
		}
		fprintf(stderr, "%s%s%s %s: %s\n", at, at[0] ? " " : "",
			av_log_level_names[e->level], e->key, e->text);
	}
	if (m->warnings > m->n_late) {
		fprintf(stderr, "and %llu more warnings\n",
			(unsigned long long)(m->warnings - m->n_late));
	}
}

void dash_destroy(struct dash *d)
{
	if (!d) {
		return;
	}
	if (d->screen) {
		av_log_set_sink(NULL, NULL);
		endwin();
		terminal.active = 0;
		release_signals();
		delscreen(d->screen);
		print_warnings(d->t.m);
	}
	free(d->t.props.row);
	free(d->t.props.scratch);
	free(d->t.can.idx);
	free(d->t.map.dots);
	model_destroy(d->t.m);
	free(d);
}

int dash_fd(const struct dash *d)
{
	(void)d;
	return STDIN_FILENO;
}

void dash_input(struct dash *d)
{
	int ch, left = 256; /* a paste does not hold the loop up */

	fit_size(&d->t);
	while (left-- > 0 && (ch = getch()) != ERR) {
		if (ch != KEY_RESIZE) {
			tui_key(&d->t, ch);
		}
	}
	d->input = true;
}

/* Is there anything that the last picture does not show? */
static bool worth_drawing(struct dash *d, int64_t wall)
{
	if (d->version != d->t.m->version || d->input) {
		d->touched = wall;
		return true;
	}
	return wall - d->touched < FADE_NS || wall - d->drawn >= IDLE_NS;
}

void dash_draw(struct dash *d)
{
	int64_t wall = pace_wall_ns();

	if (wall - d->drawn < DRAW_NS && !d->input) {
		return;
	}
	model_tick(d->t.m, wall, evq_now(d->t.env.w->q));
	if (!worth_drawing(d, wall)) {
		return;
	}
	fit_size(&d->t);
	d->t.wall_ns = wall;
	d->version = d->t.m->version;
	d->drawn = wall;
	d->input = false;
	tui_draw_all(&d->t);
}

bool dash_wants_quit(const struct dash *d)
{
	return d->t.quit;
}

void dash_finished(struct dash *d)
{
	d->t.finished = true;
	d->t.m->ended = true;
	d->input = true;
}
