/* SPDX-License-Identifier: Apache-2.0 */
/* Bluetooth: the controller, the phone, what is between them. */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/bluetooth/bluetooth.h"
#include "sim/world.h"
#include "ui/tui.h"

enum { LABEL_W = 11 };

__attribute__((format(printf, 5, 6))) static struct rect
line(struct tui *t, struct rect r, const char *label, enum role role,
     const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r.h > 0) {
		tui_put(t, r.y, r.x, LABEL_W, ROLE_DIM, "%s", label);
		tui_put(t, r.y, r.x + LABEL_W, r.w - LABEL_W, role, "%s", text);
		r.y++;
		r.h--;
	}
	return r;
}

static void draw_controller(struct tui *t, struct rect r,
			    const struct hci_status *s,
			    const struct bt_controller *c, const char *passes)
{
	char addr[BT_ADDR_TEXT];
	const char *host = c->carrier.emit ? c->carrier.name : NULL;

	r = tui_section(t, r, "Controller");
	if (passes) {
		r = line(t, r, "passes to", ROLE_INFO, "%s", passes);
	}
	r = line(t, r, "host", host ? ROLE_GOOD : ROLE_DIM, "%s",
		 !host	       ? "none is attached" :
		 passes	       ? host :
		 s->reset      ? host :
				 "attached, has not reset it yet");
	if (!passes) {
		r = line(t, r, "address", ROLE_TEXT, "%s",
			 bt_addr_text(s->addr, addr));
		r = line(t, r, "name", ROLE_TEXT, "%s", s->name);
		r = line(t, r, "class", ROLE_TEXT, "%06" PRIx32,
			 s->class_of_device);
		r = line(t, r, "doing", ROLE_STRONG, "%s%s%s%s",
			 s->inquiring ? "inquiry  " : "",
			 s->le_scanning ? "LE scan  " : "",
			 s->le_advertising ? "LE advertising  " : "",
			 s->inquiring || s->le_scanning || s->le_advertising ?
				 "" :
				 "--");
		r = line(t, r, "can be", ROLE_TEXT, "%s%s%s",
			 s->discoverable ? "found  " : "",
			 s->connectable ? "connected" : "",
			 s->discoverable || s->connectable ? "" : "--");
		r = line(t, r, "commands",
			 s->unknown ? ROLE_WARN : ROLE_TEXT,
			 "%" PRIu64 ", %" PRIu64 " refused, %" PRIu64
			 " unknown",
			 s->commands, s->refused, s->unknown);
		if (s->unknown) {
			r = line(t, r, "", ROLE_WARN, "the last: 0x%04x",
				 s->last_unknown);
		}
	}
	r = line(t, r, "packets", ROLE_TEXT,
		 "%" PRIu64 " in, %" PRIu64 " out", c->n.packets[0],
		 c->n.packets[1]);
	if (c->n.dropped || c->n.lost) {
		line(t, r, "trouble", ROLE_BAD,
		     "%" PRIu64 " dropped, lost %" PRIu64 " times",
		     c->n.dropped, c->n.lost);
	}
}

static void draw_link(struct tui *t, struct rect r, const struct hci_status *s,
		      const struct phone_status *p)
{
	static const char *const names[] = { "none", "paging", "up" };

	r = tui_section(t, r, "Link");
	r = line(t, r, "state",
		 s->link == HCI_LINK_UP ? ROLE_GOOD :
		 s->link == HCI_LINK_NONE ? ROLE_DIM :
					      ROLE_INFO,
		 "%s", names[s->link]);
	if (s->link == HCI_LINK_UP) {
		r = line(t, r, "opened by", ROLE_TEXT, "%s, the car is %s",
			 s->by_host ? "the car" : "the phone",
			 s->central ? "central" : "peripheral");
		r = line(t, r, "security",
			 s->encrypted ? ROLE_GOOD : ROLE_WARN, "%s%s%s",
			 s->encrypted ? "encrypted" : "not encrypted",
			 s->pairing ? ", pairing: " : "",
			 s->pairing ? s->pairing : "");
		r = line(t, r, "mode", ROLE_TEXT, "%s",
			 s->sniff ? "sniff" : "active");
		r = line(t, r, "data", ROLE_TEXT,
			 "%" PRIu64 " to the phone, %" PRIu64 " from it",
			 s->acl[0], s->acl[1]);
		r = line(t, r, "channels", ROLE_TEXT, "%u%s%s", p->channels,
			 p->multiplexer ? ", RFCOMM" : "",
			 p->service ? ", hands-free" : "");
	}
	line(t, r, "audio", s->sync ? ROLE_GOOD : ROLE_DIM, "%s",
	     s->sync ? "up" : "none");
}

static void draw_phone(struct tui *t, struct rect r,
		       const struct phone_status *p)
{
	char addr[BT_ADDR_TEXT];

	r = tui_section(t, r, "Phone");
	if (!p->present) {
		tui_put(t, r.y, r.x, r.w, ROLE_DIM,
			"none; action phone-appear brings one");
		return;
	}
	r = line(t, r, "name", ROLE_STRONG, "%s", p->name);
	r = line(t, r, "address", ROLE_TEXT, "%s", bt_addr_text(p->addr, addr));
	r = line(t, r, "reach", p->reachable ? ROLE_GOOD : ROLE_BAD, "%s",
		 !p->reachable	  ? "out of range" :
		 p->discoverable ? "can be found" :
				    "hidden");
	r = line(t, r, "signal", ROLE_TEXT, "%d dBm", p->rssi_dbm);
	r = line(t, r, "bond", p->bonded ? ROLE_GOOD : ROLE_DIM, "%s",
		 p->bonded ? "paired with the car" : "none");
	if (p->shown) {
		r = line(t, r, "shows", ROLE_STRONG, "%06" PRIu32, p->shown);
	}
	line(t, r, "AT", p->at_errors ? ROLE_WARN : ROLE_TEXT,
	     "%" PRIu64 " commands, %" PRIu64 " errors", p->at_commands,
	     p->at_errors);
}

static void draw_call(struct tui *t, struct rect r,
		      const struct phone_status *p)
{
	r = tui_section(t, r, "Call");
	r = line(t, r, "state",
		 p->call == CALL_NONE	? ROLE_DIM :
		 p->call == CALL_ACTIVE ? ROLE_GOOD :
					  ROLE_WARN,
		 "%s", phone_call_names[p->call]);
	if (p->call != CALL_NONE) {
		r = line(t, r, "number", ROLE_STRONG, "%s",
			 p->number[0] ? p->number : "withheld");
	}
	r = line(t, r, "voice", ROLE_TEXT,
		 "%" PRIu64 " to the car, %" PRIu64 " from it", p->voice[1],
		 p->voice[0]);
	line(t, r, "loudest", ROLE_TEXT, "%.0f %% of the car's microphone",
	     p->voice_peak / 327.68);
}

void tui_bt_draw(struct tui *t, struct rect r)
{
	struct bluetooth *bt = t->env.w->bt;
	struct hci_status s;
	struct phone_status p;
	struct rect left = { r.y, r.x + 1, 12, r.w / 2 - 2 }, right;

	hci_status(bluetooth_hci(bt), &s);
	phone_status(bluetooth_phone(bt), &p);
	right = (struct rect){ r.y, r.x + r.w / 2 + 1, 9, r.w - r.w / 2 - 2 };
	draw_controller(t, left, &s, bluetooth_controller(bt),
			bluetooth_passes_to(bt));
	draw_phone(t, right, &p);
	left.y += 12;
	left.h = r.y + r.h - left.y;
	right.y += 9;
	right.h = r.y + r.h - right.y;
	draw_link(t, left, &s, &p);
	draw_call(t, right, &p);
}
