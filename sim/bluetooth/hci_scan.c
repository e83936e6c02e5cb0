/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there: inquiry, names, LE scan. */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

#define INQUIRY_FIRST (350 * VT_MS) /* until a scanning device is met */
#define INQUIRY_AGAIN (2560 * VT_MS)
#define INQUIRY_UNIT (1280 * VT_MS)
#define LE_ADV_INTERVAL (300 * VT_MS)

/* ---- inquiry ---- */

static void put_class(uint8_t *p, uint32_t class_of_device)
{
	p[0] = (uint8_t)class_of_device;
	p[1] = (uint8_t)(class_of_device >> 8);
	p[2] = (uint8_t)(class_of_device >> 16);
}

static void found(struct hci *h)
{
	const struct bt_peer *peer = h->peer;
	uint8_t p[255] = { 1 };
	uint8_t mode = h->reg.inquiry_mode[0];

	memcpy(p + 1, peer->addr, 6);
	p[7] = 1; /* page scan repetition R1 */
	p[8] = 0;
	if (mode == 0) {
		p[9] = 0;
		put_class(p + 10, peer->class_of_device);
		put16(p + 13, 0x1234);
		hci_event(h, EV_INQUIRY_RESULT, p, 15);
		return;
	}
	put_class(p + 9, peer->class_of_device);
	put16(p + 12, 0x1234);
	p[14] = (uint8_t)peer->rssi_dbm;
	if (mode == 1 || peer->eir[0] == 0) {
		hci_event(h, EV_INQUIRY_RESULT_RSSI, p, 15);
		return;
	}
	memcpy(p + 15, peer->eir, sizeof(peer->eir));
	hci_event(h, EV_EXT_INQUIRY_RESULT, p, sizeof(p));
}

static void inquiry_over(struct hci *h)
{
	uint8_t status = HCI_OK;

	h->inquiry.on = false;
	hci_event(h, EV_INQUIRY_COMPLETE, &status, 1);
}

static void on_inquiry(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;
	vtime left = h->inquiry.until - now;

	if (left <= 0) {
		inquiry_over(h);
		return;
	}
	if (bt_peer_hears(h->peer) && h->peer->discoverable) {
		found(h);
		if (h->inquiry.limited && --h->inquiry.left == 0) {
			inquiry_over(h);
			return;
		}
	}
	hci_arm(h, t, left < INQUIRY_AGAIN ? left : INQUIRY_AGAIN);
}

HCI_FN(cmd_inquiry)
{
	(void)len;
	(void)r;
	if (h->inquiry.on) {
		return HCI_DISALLOWED;
	}
	/* an access code of 0x9E8B00 to 0x9E8B3F, 1.28 to 61.44 s */
	if (p[2] != 0x9e || p[1] != 0x8b || p[0] > 0x3f || p[3] == 0 ||
	    p[3] > 0x30) {
		return HCI_INVALID;
	}
	h->inquiry.on = true;
	h->inquiry.limited = p[4] > 0;
	h->inquiry.left = p[4];
	h->inquiry.until = evq_now(h->env.q) + p[3] * INQUIRY_UNIT;
	hci_arm(h, &h->inquiry.timer, INQUIRY_FIRST);
	return HCI_OK;
}

HCI_FN(cmd_inquiry_cancel)
{
	(void)p;
	(void)len;
	(void)r;
	if (!h->inquiry.on) {
		return HCI_DISALLOWED;
	}
	h->inquiry.on = false;
	evq_disarm(h->env.q, &h->inquiry.timer);
	return HCI_OK;
}

/* ---- names ---- */

static void name_event(struct hci *h, uint8_t status)
{
	uint8_t p[255] = { status };

	h->naming.on = false;
	memcpy(p + 1, h->naming.addr, 6);
	if (status == HCI_OK) {
		memcpy(p + 7, h->peer->name, 248);
	}
	hci_event(h, EV_REMOTE_NAME, p, sizeof(p));
}

static bool name_known(const struct hci *h)
{
	return bt_peer_hears(h->peer) &&
	       !memcmp(h->peer->addr, h->naming.addr, 6);
}

static void on_name(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;

	(void)now;
	name_event(h, name_known(h) ? HCI_OK : HCI_PAGE_TIMEOUT);
}

HCI_FN(cmd_remote_name)
{
	bool linked = hci_link_to(h, p, LINK_UP) != NULL;

	(void)len;
	(void)r;
	if (h->naming.on) {
		return HCI_DISALLOWED;
	}
	h->naming.on = true;
	memcpy(h->naming.addr, p, 6);
	hci_arm(h, &h->naming.timer,
		linked	      ? HCI_LMP :
		name_known(h) ? HCI_PAGE :
				get16(h->reg.page_timeout) * HCI_SLOT);
	return HCI_OK;
}

static void name_cancelled(struct hci *h, const struct hci_op *op)
{
	(void)op;
	if (h->naming.on) {
		name_event(h, HCI_UNKNOWN_CONNECTION);
	}
}

HCI_FN(cmd_remote_name_cancel)
{
	(void)len;
	ret_put(r, p, 6);
	if (!h->naming.on || memcmp(h->naming.addr, p, 6) != 0) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (!hci_later(h, 0, 0, name_cancelled, NULL, 0)) {
		return HCI_MEMORY_FULL;
	}
	evq_disarm(h->env.q, &h->naming.timer);
	return HCI_OK;
}

/* ---- LE ---- */

static void report(struct hci *h, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t p[1 + 1 + 1 + 6 + 1 + 31 + 1] = { 1, type, 1 /* random */ };

	memcpy(p + 3, h->peer->le_addr, 6);
	p[9] = (uint8_t)len;
	if (len > 0) {
		memcpy(p + 10, data, len);
	}
	p[10 + len] = (uint8_t)h->peer->rssi_dbm;
	hci_le_event(h, LE_ADVERTISING_REPORT, p, 11 + len);
}

static bool in_accept_list(const struct hci *h)
{
	for (size_t i = 0; i < HCI_ACCEPT_LIST_MAX; i++) {
		if (h->accept[i].used && h->accept[i].type == 1 &&
		    !memcmp(h->accept[i].addr, h->peer->le_addr, 6)) {
			return true;
		}
	}
	return false;
}

static void on_le(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;

	(void)now;
	if (!h->reg.le_scan_enable[0]) {
		return;
	}
	if (bt_peer_hears(h->peer) && h->peer->adv_len > 0 &&
	    (!(h->reg.le_scan_params[6] & 1) || in_accept_list(h)) &&
	    !(h->le_reported && h->reg.le_scan_enable[1])) {
		h->le_reported = true;
		report(h, 0x02, h->peer->adv, h->peer->adv_len);
		if (h->reg.le_scan_params[0] == 1) {
			report(h, 0x04, NULL, 0); /* nothing more to say */
		}
	}
	hci_arm(h, t, LE_ADV_INTERVAL);
}

HCI_FN(cmd_le_scan_params)
{
	(void)len;
	(void)r;
	if (h->reg.le_scan_enable[0]) {
		return HCI_DISALLOWED;
	}
	/* passive or active, interval and window in units of 0.625 ms */
	if (p[0] > 1 || get16(p + 1) < 4 || get16(p + 1) > 0x4000 ||
	    get16(p + 3) < 4 || get16(p + 3) > get16(p + 1) || p[5] > 3 ||
	    p[6] > 3) {
		return HCI_INVALID;
	}
	return HCI_OK;
}

HCI_FN(cmd_le_scan_enable)
{
	(void)len;
	(void)r;
	if (p[0] > 1 || p[1] > 1) {
		return HCI_INVALID;
	}
	if (p[0] && !h->reg.le_scan_enable[0]) {
		h->le_reported = false;
		hci_arm(h, &h->le_timer, LE_ADV_INTERVAL / 2);
	}
	return HCI_OK;
}

HCI_FN(cmd_le_adv_busy)
{
	(void)p;
	(void)len;
	(void)r;
	return h->reg.le_adv_enable[0] ? HCI_DISALLOWED : HCI_OK;
}

/* Nothing that advertises here can be connected to: it waits. */
HCI_FN(cmd_le_connect)
{
	(void)p;
	(void)len;
	(void)r;
	if (h->le_connecting) {
		return HCI_DISALLOWED;
	}
	h->le_connecting = true;
	return HCI_OK;
}

static void le_cancelled(struct hci *h, const struct hci_op *op)
{
	uint8_t p[18] = { HCI_UNKNOWN_CONNECTION };

	(void)op;
	hci_le_event(h, LE_CONNECTION_COMPLETE, p, sizeof(p));
}

HCI_FN(cmd_le_connect_cancel)
{
	(void)p;
	(void)len;
	(void)r;
	if (!h->le_connecting) {
		return HCI_DISALLOWED;
	}
	if (!hci_later(h, 0, 0, le_cancelled, NULL, 0)) {
		return HCI_MEMORY_FULL;
	}
	h->le_connecting = false;
	return HCI_OK;
}

/* ---- life ---- */

void hci_scan_init(struct hci *h)
{
	h->inquiry.timer = (struct vtimer){ .fn = on_inquiry, .ctx = h };
	h->naming.timer = (struct vtimer){ .fn = on_name, .ctx = h };
	h->le_timer = (struct vtimer){ .fn = on_le, .ctx = h };
}

void hci_scan_reset(struct hci *h)
{
	evq_disarm(h->env.q, &h->inquiry.timer);
	evq_disarm(h->env.q, &h->naming.timer);
	evq_disarm(h->env.q, &h->le_timer);
	h->inquiry.on = h->naming.on = h->le_connecting = false;
}
