/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <curses.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "ui/tui.h"

/* What ASCII has for the characters that the dashboard draws with. */
static const struct {
	uint32_t from, to; /* code points, inclusive */
	char ascii;
} ascii_table[] = {
	{ 0x00b0, 0x00b0, 'o' }, /* degree */
	{ 0x00b2, 0x00b2, '2' }, { 0x00b3, 0x00b3, '3' },
	{ 0x00b5, 0x00b5, 'u' }, { 0x00b7, 0x00b7, '.' },
	{ 0x03bc, 0x03bc, 'u' }, { 0x2013, 0x2014, '-' },
	{ 0x2026, 0x2026, '~' }, /* ellipsis */
	{ 0x2190, 0x2190, '<' }, { 0x2191, 0x2191, '^' },
	{ 0x2192, 0x2192, '>' }, { 0x2193, 0x2193, 'v' },
	{ 0x2196, 0x2196, '\\' }, { 0x2197, 0x2197, '/' },
	{ 0x2198, 0x2198, '\\' }, { 0x2199, 0x2199, '/' },
	{ 0x2500, 0x2501, '-' }, { 0x2502, 0x2503, '|' },
	{ 0x2504, 0x2505, '-' }, { 0x2506, 0x2507, ':' },
	{ 0x250a, 0x250b, ':' }, { 0x250c, 0x254b, '+' },
	{ 0x256d, 0x256e, '.' }, { 0x256f, 0x2570, '\'' },
	{ 0x2571, 0x2571, '/' }, { 0x2572, 0x2572, '\\' },
	{ 0x2580, 0x2580, '"' }, { 0x2581, 0x2583, '.' },
	{ 0x2584, 0x2584, 'm' }, { 0x2585, 0x2588, '#' },
	{ 0x2589, 0x258b, '#' }, { 0x258c, 0x2590, '|' },
	{ 0x2591, 0x2591, '.' }, { 0x2592, 0x2593, ':' },
	{ 0x25a0, 0x25a0, '#' }, { 0x25b2, 0x25b2, '^' },
	{ 0x25b6, 0x25b6, '>' }, { 0x25b8, 0x25b8, '>' },
	{ 0x25bc, 0x25bc, 'v' }, { 0x25c0, 0x25c0, '<' },
	{ 0x25c2, 0x25c2, '<' }, { 0x25cb, 0x25cb, 'o' },
	{ 0x25cf, 0x25cf, '*' }, { 0x2800, 0x2800, ' ' },
	{ 0x2713, 0x2713, '+' }, { 0x2717, 0x2717, 'x' },
	{ 0x2801, 0x28ff, '*' },
};

static char to_ascii(uint32_t c)
{
	for (size_t i = 0; i < sizeof(ascii_table) / sizeof(ascii_table[0]);
	     i++) {
		if (c >= ascii_table[i].from && c <= ascii_table[i].to) {
			return ascii_table[i].ascii;
		}
	}
	return '?';
}

/* Next code point of @s, which may hold anything. Return: bytes taken. */
static size_t next_char(const char *s, uint32_t *out)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? u[0] : u[0] & (0x7fu >> len);

	*out = '?';
	if (u[0] >= 0xf8 || (u[0] >= 0x80 && u[0] < 0xc2)) {
		return 1;
	}
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			return 1;
		}
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) &&
	    c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000)) {
		*out = c;
	}
	return len;
}

static int char_width(uint32_t c)
{
	int w = c < 0x80 ? 1 : wcwidth((wchar_t)c);

	/* what this C library does not know still takes room */
	return w < 0 ? 1 : w;
}

int tui_width(const char *text)
{
	uint32_t c;
	int w = 0;

	while (*text) {
		text += next_char(text, &c);
		w += char_width(c);
	}
	return w;
}

/* @text at (y, x), cut with an ellipsis at @w columns and at the clip. */
static int put_text(struct tui *t, int y, int x, int w, enum role role,
		    const char *text)
{
	const struct rect *c = &t->clip;
	bool cut = tui_width(text) > w;
	wchar_t out[512];
	size_t n = 0;
	int used = 0, room = w;

	if (y < c->y || y >= c->y + c->h || x < c->x || x >= c->x + c->w) {
		return 0;
	}
	if (room > c->x + c->w - x) {
		room = c->x + c->w - x;
	}
	while (*text && n < sizeof(out) / sizeof(out[0])) {
		uint32_t ch;
		size_t len = next_char(text, &ch);
		int cw = char_width(ch);

		if (used + cw > room) {
			break;
		}
		if (cut && used + cw >= w && text[len]) {
			ch = 0x2026;
			cw = 1;
		}
		if (!t->utf8 && ch >= 0x80) {
			ch = (unsigned char)to_ascii(ch);
			cw = 1;
		}
		out[n++] = (wchar_t)ch;
		used += cw;
		text += len;
		if (ch == 0x2026 && cut) {
			break;
		}
	}
	attrset(t->attr[role]);
	mvaddnwstr(y, x, out, (int)n);
	attrset(A_NORMAL);
	return used;
}

int tui_put(struct tui *t, int y, int x, int w, enum role role,
	    const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return w > 0 ? put_text(t, y, x, w, role, buf) : 0;
}

void tui_put_right(struct tui *t, int y, int x, int w, enum role role,
		   const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	int used;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	used = tui_width(buf);
	if (w > 0) {
		put_text(t, y, used < w ? x + w - used : x, w, role, buf);
	}
}

void tui_fill(struct tui *t, struct rect r, enum role role)
{
	attrset(t->attr[role]);
	for (int y = r.y; y < r.y + r.h; y++) {
		if (y >= t->clip.y && y < t->clip.y + t->clip.h) {
			mvhline(y, r.x, ' ', r.w);
		}
	}
	attrset(A_NORMAL);
}

struct rect tui_section(struct tui *t, struct rect r, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	int x;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	tui_put(t, r.y, r.x, r.w, ROLE_DIM, "──");
	x = r.x + 3;
	x += put_text(t, r.y, x, r.w - 4, ROLE_TITLE, buf) + 1;
	for (; x < r.x + r.w; x++) {
		tui_put(t, r.y, x, 1, ROLE_DIM, "─");
	}
	return (struct rect){ r.y + 1, r.x, r.h - 1, r.w };
}

struct rect tui_box(struct tui *t, int h, int w, const char *title)
{
	struct rect r;

	h = h > t->rows ? t->rows : h;
	w = w > t->cols ? t->cols : w;
	r = (struct rect){ (t->rows - h) / 2, (t->cols - w) / 2, h, w };
	tui_fill(t, r, ROLE_TEXT);
	for (int x = r.x; x < r.x + r.w; x++) {
		tui_put(t, r.y, x, 1, ROLE_INFO, "─");
		tui_put(t, r.y + r.h - 1, x, 1, ROLE_INFO, "─");
	}
	for (int y = r.y; y < r.y + r.h; y++) {
		bool top = y == r.y, end = y == r.y + r.h - 1;

		tui_put(t, y, r.x, 1, ROLE_INFO, "%s",
			top ? "╭" : end ? "╰" : "│");
		tui_put(t, y, r.x + r.w - 1, 1, ROLE_INFO, "%s",
			top ? "╮" : end ? "╯" : "│");
	}
	tui_put(t, r.y, r.x + 2, r.w - 4, ROLE_TITLE, " %s ", title);
	return (struct rect){ r.y + 1, r.x + 2, r.h - 2, r.w - 4 };
}

/* Not quite the height of a line, so that bars above each other stay apart. */
#define BAR_FULL "▆"
#define BAR_EMPTY "▁"

void tui_bar(struct tui *t, int y, int x, int w, double share, enum role role)
{
	int n;

	share = !(share > 0) ? 0 : share > 1 ? 1 : share; /* NaN is empty */
	n = (int)lround(share * w);
	if (n == 0 && share > 0.001) {
		n = 1; /* a little is not nothing */
	}
	for (int i = 0; i < w; i++) {
		tui_put(t, y, x + i, 1, i < n ? role : ROLE_DIM, "%s",
			i < n ? BAR_FULL : BAR_EMPTY);
	}
}

void tui_bar_mid(struct tui *t, int y, int x, int w, double share,
		 enum role neg, enum role pos)
{
	int half = (w - 1) / 2, n;

	share = share > 1 ? 1 : share < -1 ? -1 : share;
	n = isnan(share) ? 0 : (int)lround(share * half);
	if (n == 0 && fabs(share) * half > 0.05) {
		n = share > 0 ? 1 : -1;
	}
	for (int i = -half; i <= half; i++) {
		bool on = (n < 0 && i >= n && i < 0) ||
			  (n > 0 && i <= n && i > 0);

		tui_put(t, y, x + half + i, 1,
			i == 0 ? ROLE_TEXT : on ? n < 0 ? neg : pos : ROLE_DIM,
			"%s", i == 0 ? "│" : on ? BAR_FULL : BAR_EMPTY);
	}
}

void tui_empty(struct tui *t, struct rect r, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	int w;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	w = tui_width(buf);
	put_text(t, r.y + r.h / 3, w < r.w ? r.x + (r.w - w) / 2 : r.x, r.w,
		 ROLE_DIM, buf);
}

enum role tui_heat(const struct tui *t, uint32_t wall_ms, enum role cold)
{
	int h = model_heat(t->m, wall_ms);

	return h == 0 ? cold : (enum role)(ROLE_HEAT1 + h - 1);
}

int tui_put_wrapped(struct tui *t, struct rect r, enum role role,
		    const char *text)
{
	int n = 0;

	while (*text && n < r.h) {
		size_t len = strlen(text), best = 0;
		char line[256];

		/* as many words as fit; the last line takes the rest */
		for (size_t i = 0; n + 1 < r.h && i < len; i++) {
			if (text[i] == ' ' && (int)i <= r.w) {
				best = i;
			}
		}
		if (best == 0 || tui_width(text) <= r.w) {
			best = len;
		}
		snprintf(line, sizeof(line), "%.*s", (int)best, text);
		tui_put(t, r.y + n++, r.x, r.w, role, "%s", line);
		text += best;
		text += *text == ' ';
	}
	return n;
}

const char *tui_age(vtime age, char buf[16])
{
	double s = vtime_to_s(age);

	if (s < 1) {
		snprintf(buf, 16, "%.0f ms", s * 1e3);
	} else if (s < 10) {
		snprintf(buf, 16, "%.1f s", s);
	} else if (s < 120) {
		snprintf(buf, 16, "%.0f s", s);
	} else if (s < 7200) {
		snprintf(buf, 16, "%.0f min", s / 60);
	} else {
		snprintf(buf, 16, "%.0f h", s / 3600);
	}
	return buf;
}

const char *tui_clock(vtime t, char buf[24])
{
	int64_t ms = t / VT_MS, s = ms / 1000;

	if (s >= 3600) {
		snprintf(buf, 24, "%lld:%02lld:%02lld.%03lld",
			 (long long)(s / 3600), (long long)(s / 60 % 60),
			 (long long)(s % 60), (long long)(ms % 1000));
	} else {
		snprintf(buf, 24, "%lld:%02lld.%03lld", (long long)(s / 60),
			 (long long)(s % 60), (long long)(ms % 1000));
	}
	return buf;
}

void tui_gauge(struct tui *t, int y, int x, int w, enum gauge g, double scale,
	       int digits, const char *unit, enum role role)
{
	struct gauge_value v;
	char age[16], text[64];
	double shown;

	model_gauge(t->m, g, &v);
	switch (v.state) {
	case GAUGE_NONE:
		tui_put_right(t, y, x, w, ROLE_DIM, "n/a");
		return;
	case GAUGE_INIT:
		tui_put_right(t, y, x, w, ROLE_DIM, "--");
		return;
	case GAUGE_ERROR:
		tui_put_right(t, y, x, w, ROLE_BAD, "ERR");
		return;
	case GAUGE_STALE:
		snprintf(text, sizeof(text), "%.*f? %s", digits, v.v / scale,
			 tui_age(v.age, age));
		if (tui_width(text) > w) { /* then the mark alone */
			*strchr(text, ' ') = '\0';
		}
		tui_put_right(t, y, x, w, ROLE_DIM, "%s", text);
		return;
	case GAUGE_OK:
		break;
	}
	shown = v.v / scale;
	if (fabs(shown) < 0.5 * pow(10, -digits)) {
		shown = 0; /* no "-0.0" */
	}
	tui_put_right(t, y, x, w, role, "%.*f%s%s", digits, shown,
		      *unit ? " " : "", unit);
}
