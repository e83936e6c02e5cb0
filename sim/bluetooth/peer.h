/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other device of the piconet, as the simulated controller meets it over the
 * air: what it answers to inquiries and pages, and what crosses the link. The
 * device itself is phone.h. No baseband is simulated: link manager procedures
 * take their usual time and then have happened on both sides.
 */
#ifndef AVSIM_BLUETOOTH_PEER_H
#define AVSIM_BLUETOOTH_PEER_H

#include "sim/bluetooth/hci_proto.h"
#include "sim/core/vtime.h"

#include <stdbool.h>

struct hci;
struct bt_peer;

struct bt_peer_ops {
	void (*connected)(struct bt_peer *p);
	/* @reason: an enum hci_error; not called for a page that failed */
	void (*disconnected)(struct bt_peer *p, uint8_t reason);
	/* A piece of an L2CAP frame. */
	void (*acl)(struct bt_peer *p, bool start, const uint8_t *data,
		    size_t len);
	/* Pairing or authentication ended, with an enum hci_error. */
	void (*authenticated)(struct bt_peer *p, uint8_t status);
	void (*encrypted)(struct bt_peer *p, bool on);
	/* The car wants an audio link: take it? */
	bool (*sync_asked)(struct bt_peer *p);
	/* It is up, gone, or was refused by the car. */
	void (*sync)(struct bt_peer *p, bool up);
	/* A piece of what the car's microphone picked up. */
	void (*voice)(struct bt_peer *p, const uint8_t *data, size_t len);
};

struct bt_peer {
	const struct bt_peer_ops *ops;
	uint8_t addr[6]; /* as on the wire: last byte first */
	uint8_t le_addr[6]; /* random, of its LE advertising */
	uint32_t class_of_device;
	char name[249];
	bool present; /* switched on, somewhere near */
	bool silent;  /* out of range, or a fault keeps it so */
	bool discoverable;
	int rssi_dbm;
	uint8_t eir[240];
	uint8_t adv[31], adv_len;
	/* pairing */
	bool ssp;     /* false: a PIN only */
	bool says_yes; /* what its user answers */
	uint8_t io;   /* capability */
	char pin[17];
	uint32_t shown; /* number on its display while pairing */
	bool has_key;
	uint8_t key[16];
	uint8_t key_of[6]; /* address of the car it belongs to */
};

static inline bool bt_peer_hears(const struct bt_peer *p)
{
	return p && p->present && !p->silent;
}

/* ---- what a peer does; false: it has no link, no room ---- */

/* Page the car; connected() follows, or nothing. */
bool hci_peer_page(struct hci *h);
void hci_peer_disconnect(struct hci *h, uint8_t reason);
bool hci_peer_send(struct hci *h, bool start, const uint8_t *data, size_t len);
/* Demand authentication, then encryption; authenticated() follows. */
bool hci_peer_secure(struct hci *h);
bool hci_peer_sync_open(struct hci *h); /* sync() follows */
void hci_peer_sync_close(struct hci *h);
/* 16-bit samples of HCI_VOICE_LEN bytes to the car. */
void hci_peer_voice(struct hci *h, const uint8_t *data, size_t len);
/* present or silent changed: the link will notice. */
void hci_peer_moved(struct hci *h);

#endif
