/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/bluetooth.h"

#include "sim/topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bluetooth {
	struct evq *q;
	struct bus *bus;
	struct hci *hci;
	struct phone *phone;
	struct bt_controller *other;
	const char *what;
};

static void on_event(void *ctx, const char *key, const char *text)
{
	struct bluetooth *b = ctx;
	char name[32];

	snprintf(name, sizeof(name), "bt-%s", key);
	bus_publish(b->bus, TOPIC_BT,
		    &(struct text_event){ .t = evq_now(b->q),
					  .key = name,
					  .text = text });
}

struct bluetooth *bluetooth_create(struct evq *q, struct bus *bus,
				   uint64_t seed)
{
	struct bluetooth *b = calloc(1, sizeof(*b));

	if (!b) {
		return NULL;
	}
	b->q = q;
	b->bus = bus;
	b->hci = hci_create(&(struct hci_env){
		.q = q, .seed = seed, .event = on_event, .ctx = b });
	if (b->hci) {
		b->phone = phone_create(&(struct phone_env){ .hci = b->hci,
							     .q = q,
							     .seed = seed,
							     .event = on_event,
							     .ctx = b });
	}
	if (!b->phone) {
		bluetooth_destroy(b);
		return NULL;
	}
	return b;
}

void bluetooth_destroy(struct bluetooth *b)
{
	if (b) {
		phone_destroy(b->phone);
		hci_destroy(b->hci);
		free(b);
	}
}

struct hci *bluetooth_hci(struct bluetooth *b)
{
	return b->hci;
}

struct phone *bluetooth_phone(struct bluetooth *b)
{
	return b->phone;
}

struct bt_controller *bluetooth_controller(struct bluetooth *b)
{
	return b->other ? b->other : hci_controller(b->hci);
}

void bluetooth_use(struct bluetooth *b, struct bt_controller *c,
		   const char *what)
{
	struct bt_controller *old = bluetooth_controller(b), *new;

	b->other = c;
	new = bluetooth_controller(b);
	if (new != old) { /* taps go along */
		memcpy(new->tap, old->tap, sizeof(new->tap));
		memset(old->tap, 0, sizeof(old->tap));
	}
	b->what = c ? what : NULL;
}

int bluetooth_tap(struct bluetooth *b, bt_tap_fn *fn, void *ctx)
{
	return bt_controller_tap(bluetooth_controller(b), fn, ctx);
}

void bluetooth_untap(struct bluetooth *b, bt_tap_fn *fn, void *ctx)
{
	bt_controller_untap(bluetooth_controller(b), fn, ctx);
}

const char *bluetooth_passes_to(const struct bluetooth *b)
{
	return b->what;
}
