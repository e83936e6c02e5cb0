/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about a link that is up: what the other side is, how the link is.
 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

/* ---- commands: what the other side is ---- */

/* An event behind a procedure: status, handle, and more. */
static uint8_t ask(struct hci *h, const uint8_t *p, size_t n,
		   void (*fn)(struct hci *, const struct hci_op *))
{
	if (!hci_link(h, get16(p))) {
		return HCI_UNKNOWN_CONNECTION;
	}
	return hci_later(h, HCI_LMP, get16(p), fn, p + 2, n) ? HCI_OK
							     : HCI_MEMORY_FULL;
}

static void head(struct hci *h, const struct hci_op *op, uint8_t *p)
{
	p[0] = hci_link(h, op->handle) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
	put16(p + 1, op->handle);
}

/* A phone's: as ours, without LE. */
static void peer_features(const struct hci *h, uint8_t page, uint8_t f[8])
{
	static const uint8_t base[8] = { 0xaf, 0x3a, 0x0d, 0xfe,
					 0x83, 0xe7, 0x71, 0x83 };

	memset(f, 0, 8);
	if (page == 0) {
		memcpy(f, base, 8);
		f[6] |= h->peer && h->peer->ssp ? 0x08 : 0;
	} else if (page == 1) {
		f[0] = h->peer && h->peer->ssp;
	}
}

static void features_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[11];

	head(h, op, p);
	peer_features(h, 0, p + 3);
	hci_event(h, EV_REMOTE_FEATURES, p, sizeof(p));
}

static void ext_features_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[13];

	head(h, op, p);
	if (op->arg[0] > 1 && p[0] == HCI_OK) {
		p[0] = HCI_INVALID;
	}
	p[3] = op->arg[0];
	p[4] = 1;
	peer_features(h, op->arg[0], p + 5);
	hci_event(h, EV_REMOTE_EXT_FEATURES, p, sizeof(p));
}

static void version_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[8];

	head(h, op, p);
	p[3] = 0x09;
	put16(p + 4, 0xffff);
	put16(p + 6, 0x0001);
	hci_event(h, EV_REMOTE_VERSION, p, sizeof(p));
}

static void clock_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[5];

	head(h, op, p);
	put16(p + 3, 0x1234);
	hci_event(h, EV_CLOCK_OFFSET, p, sizeof(p));
}

static void packet_type_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[5];

	head(h, op, p);
	memcpy(p + 3, op->arg, 2);
	hci_event(h, EV_PACKET_TYPE, p, sizeof(p));
}

HCI_FN(cmd_remote_features)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, features_done);
}

HCI_FN(cmd_remote_ext_features)
{
	(void)len;
	(void)r;
	return ask(h, p, 1, ext_features_done);
}

HCI_FN(cmd_remote_version)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, version_done);
}

HCI_FN(cmd_clock_offset)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, clock_done);
}

HCI_FN(cmd_packet_type)
{
	(void)len;
	(void)r;
	return ask(h, p, 2, packet_type_done);
}

/* ---- commands: how the link is ---- */

HCI_FN(cmd_role)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u8(r, l ? l->role : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

static void role_switched(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);

	if (l) {
		l->role = op->arg[0];
		hci_role_changed(h, HCI_OK, l);
	}
}

HCI_FN(cmd_switch_role)
{
	struct link *l = hci_link_to(h, p, LINK_UP);

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (p[6] > 1) {
		return HCI_INVALID;
	}
	if (!(l->policy[0] & 1)) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, role_switched, p + 6, 1)
		       ? HCI_OK
		       : HCI_MEMORY_FULL;
}

HCI_FN(cmd_read_policy)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? get16(l->policy) : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_policy)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	memcpy(l->policy, p + 2, 2);
	return HCI_OK;
}

static void mode_changed(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);
	uint8_t p[6] = { 0 };

	head(h, op, p);
	p[3] = op->arg[0];
	memcpy(p + 4, op->arg + 1, 2);
	if (l) {
		l->mode = op->arg[0];
	}
	hci_event(h, EV_MODE_CHANGE, p, sizeof(p));
}

HCI_FN(cmd_sniff)
{
	struct link *l = hci_link(h, get16(p));
	uint8_t arg[3] = { 2, p[2], p[3] }; /* the longest interval asked */

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (get16(p + 2) < get16(p + 4) || (p[2] & 1) || get16(p + 2) < 2) {
		return HCI_INVALID;
	}
	if (!(l->policy[0] & 4) || l->mode != 0) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, mode_changed, arg, 3)
		       ? HCI_OK
		       : HCI_MEMORY_FULL;
}

HCI_FN(cmd_exit_sniff)
{
	struct link *l = hci_link(h, get16(p));
	static const uint8_t arg[3] = { 0 };

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (l->mode != 2) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, mode_changed, arg, 3)
		       ? HCI_OK
		       : HCI_MEMORY_FULL;
}

HCI_FN(cmd_sniff_subrating)
{
	(void)len;
	ret_put(r, p, 2);
	return hci_link(h, get16(p)) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

static void qos_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[21] = { 0 };

	head(h, op, p);
	p[4] = 1; /* best effort */
	put32(p + 13, 0xffffffff);
	put32(p + 17, 0xffffffff);
	hci_event(h, EV_QOS_SETUP_COMPLETE, p, sizeof(p));
}

HCI_FN(cmd_qos)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, qos_done);
}

HCI_FN(cmd_flush)
{
	(void)len;
	ret_put(r, p, 2);
	if (!hci_link(h, get16(p))) {
		return HCI_UNKNOWN_CONNECTION;
	}
	return hci_later(h, 0, get16(p), hci_acl_flushed, NULL, 0)
		       ? HCI_OK
		       : HCI_MEMORY_FULL;
}

HCI_FN(cmd_read_auto_flush)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? l->flush : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_auto_flush)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (get16(p + 2) > 0x07ff) {
		return HCI_INVALID;
	}
	l->flush = get16(p + 2);
	return HCI_OK;
}

HCI_FN(cmd_read_supervision)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? l->supervision : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_supervision)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	l->supervision = get16(p + 2);
	return HCI_OK;
}

HCI_FN(cmd_link_value)
{
	static const uint8_t channels[10] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					      0xff, 0xff, 0xff, 0xff, 0x7f };
	const uint8_t *op = p - 3; /* opcode and length are before it */

	(void)len;
	ret_put(r, p, 2);
	switch (get16(op)) {
	case 0x1401:
		ret_u16(r, 0);
		break;
	case 0x1403:
		ret_u8(r, bt_peer_hears(h->peer) ? 255 : 0);
		break;
	case 0x1405: /* above the golden receive power range */
		ret_u8(r, 0);
		break;
	case 0x1406:
		ret_u8(r, 1);
		ret_put(r, channels, sizeof(channels));
		break;
	default:
		break;
	}
	return hci_link(h, get16(p)) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}
