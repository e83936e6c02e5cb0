/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated Bluetooth controller: BR/EDR and legacy LE advertising and scan,
 * alone on the air with at most one other device. What Linux and Android need to
 * find, pair with and use a phone. Commands are rows of hci_table.c; one that has no
 * row is answered with "unknown command", as a real controller would.
 *
 * All of it runs on the virtual clock. Commands are answered at once; what takes
 * a procedure on the air takes that long.
 */
#ifndef AVSIM_BLUETOOTH_HCI_H
#define AVSIM_BLUETOOTH_HCI_H

#include "sim/bluetooth/controller.h"
#include "sim/bluetooth/peer.h"
#include "sim/core/evq.h"

/* The largest packet to the host is 1000 bytes: the receive buffer that Linux'
 * virtio_bt posts. */
#define HCI_ACL_LEN 990
#define HCI_ACL_BUFFERS 8
#define HCI_VOICE_LEN 120 /* 60 samples of 8 kHz, 16 bit, little-endian */
#define HCI_VOICE_PERIOD (7500 * VT_US)

struct hci;

struct hci_env {
	struct evq *q;
	uint64_t seed;
	/* What a person or a recording wants to know; may be NULL. */
	void (*event)(void *ctx, const char *key, const char *text);
	void *ctx;
};

struct hci *hci_create(const struct hci_env *env); /* NULL: no memory */
void hci_destroy(struct hci *h);
struct bt_controller *hci_controller(struct hci *h);
void hci_set_peer(struct hci *h, struct bt_peer *p); /* borrowed */

enum hci_link_state {
	HCI_LINK_NONE,
	HCI_LINK_PAGING,
	HCI_LINK_UP,
};

/* For dashboards. */
struct hci_status {
	uint8_t addr[6];
	char name[249]; /* that the host gave it */
	uint32_t class_of_device;
	bool reset;	/* by a host, since a carrier came */
	bool inquiring, le_scanning, le_advertising;
	bool discoverable, connectable;
	enum hci_link_state link;
	uint16_t handle;
	bool by_host, central, encrypted, authenticated, sniff;
	const char *pairing; /* step, NULL = none */
	bool sync;
	uint16_t sync_handle;
	uint64_t commands, unknown, refused; /* of the host */
	uint16_t last_unknown;
	uint64_t acl[2], sco[2], events, overflows; /* by enum bt_dir */
};
void hci_status(const struct hci *h, struct hci_status *out);

/* Name of a command, "?" if it has no row. */
const char *hci_command_name(uint16_t opcode);

/* "AA:BB:CC:DD:EE:FF" */
#define BT_ADDR_TEXT 18
const char *bt_addr_text(const uint8_t addr[6], char buf[BT_ADDR_TEXT]);
/* 0 or -EINVAL */
int bt_addr_parse(const char *text, uint8_t addr[6]);

#endif
