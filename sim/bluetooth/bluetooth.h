/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bluetooth of one world: the simulated controller and the simulated phone, on the
 * virtual clock. Publishes TOPIC_BT: what a person or a query wants to know of
 * the traffic (links, pairing, calls), not the traffic itself, which is for captures
 * (bt_controller_tap()).
 */
#ifndef AVSIM_BLUETOOTH_BLUETOOTH_H
#define AVSIM_BLUETOOTH_BLUETOOTH_H

#include "sim/bluetooth/phone.h"
#include "sim/core/bus.h"

struct bluetooth;

struct bluetooth *bluetooth_create(struct evq *q, struct bus *bus,
				   uint64_t seed); /* NULL: no memory */
void bluetooth_destroy(struct bluetooth *b);

struct hci *bluetooth_hci(struct bluetooth *b);
struct phone *bluetooth_phone(struct bluetooth *b);

/* What carriers attach to: the simulated one unless told otherwise. */
struct bt_controller *bluetooth_controller(struct bluetooth *b);
/* Another in its place, borrowed; NULL: the simulated one again. Only while no
 * carrier is attached. @what: for people, borrowed: "tcp 127.0.0.1:6402" */
void bluetooth_use(struct bluetooth *b, struct bt_controller *c,
		   const char *what);
/* Sees what crosses the controller in use, whichever that is. 0 or -ENOSPC. */
int bluetooth_tap(struct bluetooth *b, bt_tap_fn *fn, void *ctx);
void bluetooth_untap(struct bluetooth *b, bt_tap_fn *fn, void *ctx);
/* What it is, NULL: the simulated one. */
const char *bluetooth_passes_to(const struct bluetooth *b);

#endif
