/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <curses.h>

#include "ui/tui.h"

bool tui_list_key(struct tui_list *l, int ch)
{
	size_t page = l->page > 1 ? l->page - 1 : 1;

	switch (ch) {
	case KEY_UP:
	case 'k':
		l->sel -= l->sel > 0;
		return true;
	case KEY_DOWN:
	case 'j':
		l->sel += l->sel + 1 < l->n;
		return true;
	case KEY_PPAGE:
		l->sel = l->sel > page ? l->sel - page : 0;
		return true;
	case KEY_NPAGE:
		l->sel += page;
		l->sel = l->sel < l->n ? l->sel : l->n ? l->n - 1 : 0;
		return true;
	case KEY_HOME:
	case 'g':
		l->sel = 0;
		return true;
	case KEY_END:
	case 'G':
		l->sel = l->n ? l->n - 1 : 0;
		return true;
	default:
		return false;
	}
}

void tui_list_fit(struct tui_list *l, size_t n, int rows)
{
	size_t page = rows > 0 ? (size_t)rows : 1;

	l->n = n;
	l->page = page;
	if (l->sel >= n) {
		l->sel = n ? n - 1 : 0;
	}
	if (l->sel < l->top) {
		l->top = l->sel;
	}
	if (l->sel >= l->top + page) {
		l->top = l->sel - page + 1;
	}
	if (l->top + page > n) {
		l->top = n > page ? n - page : 0;
	}
}
