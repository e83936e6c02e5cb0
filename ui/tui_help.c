/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/tui.h"

static const struct {
	const char *key;
	const char *text;
} lines[] = {
	{ "1 2 … 0  Tab", "views" },
	{ "space", "pause, go on" },
	{ ".  ,", "one step of 10 ms, of 1 s (pauses first)" },
	{ "+  -", "faster, slower: 0.1x … 100x, max" },
	{ "↑ ↓ PgUp PgDn", "move in a list; Home and End go to its ends" },
	{ "/  Esc", "search as you type; show everything again" },
	{ "f", "faults and actions: Enter starts or clears" },
	{ "i", "inject a CAN frame; in the CAN view as selected" },
	{ "m", "put a mark into the recording" },
	{ "q", "quit" },
	{ "", "" },
	{ "--", "nothing has come yet" },
	{ "n/a", "nothing in this world can tell" },
	{ "12.0? 3.0 s", "stale: its source fell silent 3 s ago" },
	{ "ERR", "the property reports an error" },
};

void tui_help_draw(struct tui *t)
{
	const int n = sizeof(lines) / sizeof(lines[0]);
	struct rect r = tui_box(t, n + 3, 72, "Help");

	for (int i = 0; i < n; i++) {
		tui_put(t, r.y + i, r.x, 15, ROLE_WARN, "%s", lines[i].key);
		tui_put(t, r.y + i, r.x + 16, r.w - 16, ROLE_TEXT, "%s",
			lines[i].text);
	}
	tui_put_right(t, r.y + n, r.x, r.w, ROLE_DIM, "any key closes this");
}
