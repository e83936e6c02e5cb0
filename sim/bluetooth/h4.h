/* SPDX-License-Identifier: Apache-2.0 */
/*
 * H4: HCI packets on a byte stream, each behind one type byte (Bluetooth Core,
 * Vol 4 Part A). Bytes in, whole packets out.
 *
 * A stream that makes no sense has lost its synchronisation. As section 4 of
 * that part says the receiver then says so once (a controller by a Hardware
 * Error event) and skips everything up to the next HCI_Reset command.
 */
#ifndef AVSIM_BLUETOOTH_H4_H
#define AVSIM_BLUETOOTH_H4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	H4_COMMAND = 1,
	H4_ACL = 2,
	H4_SCO = 3,
	H4_EVENT = 4,
	H4_ISO = 5,
};

#define H4_MAX 4096 /* of a packet with its type byte; longer is nonsense */

/* Which side the bytes come from. */
enum h4_from { H4_FROM_HOST, H4_FROM_CONTROLLER };

struct h4 {
	enum h4_from from;
	bool lost;     /* skipping, until a Reset is found */
	uint64_t n_lost; /* how often that happened */
	uint64_t skipped; /* bytes */
	size_t len;    /* of what is in @buf */
	uint8_t buf[H4_MAX];
};

void h4_init(struct h4 *h, enum h4_from from);

enum h4_result {
	H4_MORE,   /* all of the input is used up, no packet yet */
	H4_PACKET, /* h->buf holds a packet of h->len bytes */
	H4_LOST,   /* synchronisation was lost just now */
};

/**
 * h4_feed() - Take bytes from *@buf, advancing it, up to the end of a packet
 *
 * After H4_PACKET the packet is there until the next call, which begins the next
 * one. A controller that loses its host's stream finds it again at HCI_Reset, a
 * host its controller's at the Command Complete of that.
 */
enum h4_result h4_feed(struct h4 *h, const uint8_t **buf, size_t *len);

/* Length of the packet that begins with these bytes, with its type byte; 0: too
 * few to tell; (size_t)-1: no packet begins so. */
size_t h4_length(enum h4_from from, const uint8_t *p, size_t n);

#endif
