/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Bluetooth controller as a carrier sees it: H4 bytes in, H4 packets out. What
 * is behind it is simulated (hci.h), a TCP controller or one of the host's own
 * (sim/services/bt_remote.h); the carrier cannot tell. A carrier is a console port,
 * a virtio-bt device, a pty or a socket; there is one at a time.
 *
 *	carrier                         controller
 *	bt_controller_attach()    -->   what was waiting for the last one is gone
 *	bt_controller_feed()      -->   commands, data; takes what it has room for
 *	         emit()           <--   one packet; false: no room
 *	bt_controller_ready()     -->   there is room again
 *	         on_room()        <--   feed the rest now
 *
 * All on the loop's thread. emit() may be called from within feed() and ready().
 * Packets to the host that the carrier does not take wait, BT_QUEUE_MAX bytes of
 * them; while half of it is in use nothing more is taken from the host.
 */
#ifndef AVSIM_BLUETOOTH_CONTROLLER_H
#define AVSIM_BLUETOOTH_CONTROLLER_H

#include "sim/bluetooth/h4.h"
#include "sim/core/vtime.h"

#define BT_QUEUE_MAX 65536
#define BT_TAPS_MAX 4

enum bt_dir { BT_TO_CONTROLLER, BT_TO_HOST };

/* Sees every packet as it crosses, with its type byte; for captures. */
typedef void bt_tap_fn(void *ctx, vtime now, enum bt_dir dir,
		       const uint8_t *h4, size_t len);

struct bt_controller;

/* What the thing behind it implements. */
struct bt_controller_ops {
	/* A packet of the host. False: no room, it comes again after
	 * bt_controller_resume(). */
	bool (*packet)(struct bt_controller *c, const uint8_t *h4, size_t len);
	/* The host's stream lost its synchronisation. */
	void (*lost)(struct bt_controller *c);
	/* The carrier has taken all that waited. May be NULL. */
	void (*drained)(struct bt_controller *c);
	/* Another carrier, or none: the host is not the same any more. */
	void (*restarted)(struct bt_controller *c);
};

struct bt_carrier {
	const char *name; /* for people: "pty", "unix", "console" */
	bool (*emit)(void *ctx, const uint8_t *h4, size_t len);
	void (*on_room)(void *ctx);
	void *ctx;
};

struct bt_counters {
	uint64_t packets[2], bytes[2]; /* by enum bt_dir */
	uint64_t dropped; /* to the host, which did not read */
	uint64_t lost;	  /* times its bytes made no sense */
};

/* Embedded first in what implements it. */
struct bt_controller {
	const struct bt_controller_ops *ops;
	const vtime *clock;
	struct bt_carrier carrier; /* emit NULL: none */
	struct {
		bt_tap_fn *fn;
		void *ctx;
	} tap[BT_TAPS_MAX];
	struct h4 in;
	bool waiting; /* @in holds a packet that was not taken */
	bool counted; /* it was shown to the taps nevertheless */
	bool starved; /* feed() left something with the carrier */
	uint8_t *queue;	      /* BT_QUEUE_MAX: u16 length and packet, ring */
	size_t head, used;
	struct bt_counters n;
};

/* Return: 0 or -ENOMEM. */
int bt_controller_init(struct bt_controller *c,
		       const struct bt_controller_ops *ops, const vtime *clock);
void bt_controller_finish(struct bt_controller *c);

/* ---- for carriers ---- */

/* Become the carrier; -EBUSY if there is one. Nothing stale comes. */
int bt_controller_attach(struct bt_controller *c,
			 const struct bt_carrier *carrier);
void bt_controller_detach(struct bt_controller *c, const void *ctx);

/* Return: bytes taken; fewer than @len: on_room() follows. */
size_t bt_controller_feed(struct bt_controller *c, const void *buf, size_t len);
void bt_controller_ready(struct bt_controller *c);

/* 0, or -ENOSPC with BT_TAPS_MAX of them. */
int bt_controller_tap(struct bt_controller *c, bt_tap_fn *fn, void *ctx);
void bt_controller_untap(struct bt_controller *c, bt_tap_fn *fn, void *ctx);

/* ---- for implementations ---- */

/* One packet to the host, at most 65535 bytes. Return: false: it was dropped,
 * because the host does not read (or there is none). */
bool bt_controller_emit(struct bt_controller *c, const uint8_t *h4, size_t len);
/* There is room for packets of the host again. */
void bt_controller_resume(struct bt_controller *c);

#endif
