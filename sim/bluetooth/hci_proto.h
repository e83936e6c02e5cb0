/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of the Host Controller Interface (Bluetooth Core 5.4, Vol 4 Part E;
 * errors: Vol 1 Part F). Everything on the wire is little-endian.
 */
#ifndef AVSIM_BLUETOOTH_HCI_PROTO_H
#define AVSIM_BLUETOOTH_HCI_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define HCI_OP(ogf, ocf) ((ogf) << 10 | (ocf))

enum hci_error {
	HCI_OK = 0x00,
	HCI_UNKNOWN_COMMAND = 0x01,
	HCI_UNKNOWN_CONNECTION = 0x02,
	HCI_PAGE_TIMEOUT = 0x04,
	HCI_AUTH_FAILURE = 0x05,
	HCI_KEY_MISSING = 0x06,
	HCI_MEMORY_FULL = 0x07,
	HCI_CONNECTION_TIMEOUT = 0x08,
	HCI_SCO_LIMIT = 0x0a,
	HCI_CONNECTION_EXISTS = 0x0b,
	HCI_DISALLOWED = 0x0c,
	HCI_REJECTED_RESOURCES = 0x0d,
	HCI_REJECTED_SECURITY = 0x0e,
	HCI_ACCEPT_TIMEOUT = 0x10,
	HCI_UNSUPPORTED = 0x11,
	HCI_INVALID = 0x12,
	HCI_REMOTE_USER = 0x13,
	HCI_REMOTE_POWER_OFF = 0x15,
	HCI_LOCAL_HOST = 0x16,
	HCI_PAIRING_NOT_ALLOWED = 0x18,
	HCI_UNSPECIFIED = 0x1f,
};

enum hci_event_code {
	EV_INQUIRY_COMPLETE = 0x01,
	EV_INQUIRY_RESULT = 0x02,
	EV_CONNECTION_COMPLETE = 0x03,
	EV_CONNECTION_REQUEST = 0x04,
	EV_DISCONNECTION_COMPLETE = 0x05,
	EV_AUTH_COMPLETE = 0x06,
	EV_REMOTE_NAME = 0x07,
	EV_ENCRYPTION_CHANGE = 0x08,
	EV_LINK_KEY_CHANGED = 0x09,
	EV_REMOTE_FEATURES = 0x0b,
	EV_REMOTE_VERSION = 0x0c,
	EV_QOS_SETUP_COMPLETE = 0x0d,
	EV_COMMAND_COMPLETE = 0x0e,
	EV_COMMAND_STATUS = 0x0f,
	EV_HARDWARE_ERROR = 0x10,
	EV_FLUSH_OCCURRED = 0x11,
	EV_ROLE_CHANGE = 0x12,
	EV_COMPLETED_PACKETS = 0x13,
	EV_MODE_CHANGE = 0x14,
	EV_RETURN_LINK_KEYS = 0x15,
	EV_PIN_CODE_REQUEST = 0x16,
	EV_LINK_KEY_REQUEST = 0x17,
	EV_LINK_KEY = 0x18,
	EV_BUFFER_OVERFLOW = 0x1a,
	EV_MAX_SLOTS = 0x1b,
	EV_CLOCK_OFFSET = 0x1c,
	EV_PACKET_TYPE = 0x1d,
	EV_INQUIRY_RESULT_RSSI = 0x22,
	EV_REMOTE_EXT_FEATURES = 0x23,
	EV_SYNC_COMPLETE = 0x2c,
	EV_SYNC_CHANGED = 0x2d,
	EV_EXT_INQUIRY_RESULT = 0x2f,
	EV_KEY_REFRESH = 0x30,
	EV_IO_CAP_REQUEST = 0x31,
	EV_IO_CAP_RESPONSE = 0x32,
	EV_USER_CONFIRM = 0x33,
	EV_USER_PASSKEY = 0x34,
	EV_PAIRING_COMPLETE = 0x36,
	EV_SUPERVISION_TIMEOUT = 0x38,
	EV_PASSKEY_NOTIFICATION = 0x3b,
	EV_REMOTE_HOST_FEATURES = 0x3d,
	EV_LE_META = 0x3e,
};

enum { LE_ADVERTISING_REPORT = 0x02, LE_CONNECTION_COMPLETE = 0x01 };

enum { ROLE_CENTRAL, ROLE_PERIPHERAL };

enum { TYPE_SCO, TYPE_ACL, TYPE_ESCO };

enum { SCAN_INQUIRY = 1, SCAN_PAGE = 2 };

enum { /* IO capabilities */
	IO_DISPLAY_ONLY,
	IO_DISPLAY_YES_NO,
	IO_KEYBOARD_ONLY,
	IO_NONE,
};

enum { /* link key types */
	KEY_COMBINATION = 0x00,
	KEY_UNAUTHENTICATED = 0x04,
	KEY_AUTHENTICATED = 0x05,
	KEY_CHANGED = 0x06,
};

enum { /* packet boundary flags of ACL data, in place in the handle field */
	ACL_START_NO_FLUSH = 0x0000,
	ACL_CONTINUE = 0x1000,
	ACL_START = 0x2000,
	ACL_PB_MASK = 0x3000,
	HCI_HANDLE_MASK = 0x0fff,
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

#endif
