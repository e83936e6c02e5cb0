/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/net_ctrl.h"

#include <endian.h>
#include <string.h>

enum {
	CLASS_RX,
	CLASS_MAC,
	CLASS_VLAN,
	CLASS_ANNOUNCE,
	CLASS_MQ,
	CLASS_OFFLOADS,
	RX_PROMISC = 0,
	RX_ALLMULTI,
	RX_ALLUNI,
	RX_NOMULTI,
	RX_NOUNI,
	RX_NOBCAST,
	MAC_TABLE_SET = 0,
	MAC_ADDR_SET = 1,
};

void net_ctrl_reset(struct net_ctrl *c, const uint8_t mac[NET_MAC_LEN],
		    unsigned int max_pairs)
{
	*c = (struct net_ctrl){ .promisc = true,
				.pairs = 1,
				.max_pairs = max_pairs };
	memcpy(c->mac, mac, NET_MAC_LEN);
	c->offloads = NET_GUEST_OFFLOADS;
}

static uint8_t set_rx(struct net_ctrl *c, uint8_t cmd, const uint8_t *p,
		      size_t len)
{
	bool *mode[] = {
		[RX_PROMISC] = &c->promisc, [RX_ALLMULTI] = &c->allmulti,
		[RX_ALLUNI] = &c->alluni,   [RX_NOMULTI] = &c->nomulti,
		[RX_NOUNI] = &c->nouni,     [RX_NOBCAST] = &c->nobcast,
	};

	if (len != 1 || cmd > RX_NOBCAST || p[0] > 1) {
		return NET_CTRL_ERR;
	}
	*mode[cmd] = p[0];
	return NET_CTRL_OK;
}

/* Return: bytes used, 0: malformed. */
static size_t get_table(struct net_macs *t, const uint8_t *p, size_t len)
{
	uint32_t n;

	if (len < sizeof(n)) {
		return 0;
	}
	memcpy(&n, p, sizeof(n));
	n = le32toh(n);
	if (n > (len - sizeof(n)) / NET_MAC_LEN) {
		return 0;
	}
	t->overflow = n > NET_CTRL_TABLE;
	t->n = t->overflow ? 0 : n;
	memcpy(t->mac, p + sizeof(n), (size_t)t->n * NET_MAC_LEN);
	return sizeof(n) + (size_t)n * NET_MAC_LEN;
}

static uint8_t set_mac(struct net_ctrl *c, uint8_t cmd, const uint8_t *p,
		       size_t len)
{
	struct net_macs uni = { 0 }, multi = { 0 };
	size_t n;

	if (cmd == MAC_ADDR_SET && len == NET_MAC_LEN) {
		memcpy(c->mac, p, NET_MAC_LEN);
		return NET_CTRL_OK;
	}
	if (cmd != MAC_TABLE_SET) {
		return NET_CTRL_ERR;
	}
	n = get_table(&uni, p, len);
	if (!n || n == len || get_table(&multi, p + n, len - n) != len - n) {
		return NET_CTRL_ERR;
	}
	c->uni = uni;
	c->multi = multi;
	return NET_CTRL_OK;
}

static uint8_t set_pairs(struct net_ctrl *c, uint8_t cmd, const uint8_t *p,
			 size_t len)
{
	uint16_t n;

	if (cmd || len != sizeof(n)) {
		return NET_CTRL_ERR;
	}
	memcpy(&n, p, sizeof(n));
	n = le16toh(n);
	if (n < 1 || n > c->max_pairs) {
		return NET_CTRL_ERR;
	}
	c->pairs = n;
	return NET_CTRL_OK;
}

static uint8_t set_offloads(struct net_ctrl *c, uint8_t cmd, const uint8_t *p,
			    size_t len)
{
	uint64_t v;

	if (cmd || len != sizeof(v)) {
		return NET_CTRL_ERR;
	}
	memcpy(&v, p, sizeof(v));
	v = le64toh(v);
	if (v & ~(c->features & NET_GUEST_OFFLOADS)) {
		return NET_CTRL_ERR;
	}
	c->offloads = v;
	return NET_CTRL_OK;
}

static bool has(const struct net_ctrl *c, int feature)
{
	return c->features & NET_BIT(feature);
}

bool net_ctrl_offload(const struct net_ctrl *c, int feature)
{
	return c->features & c->offloads & NET_BIT(feature);
}

uint8_t net_ctrl_command(struct net_ctrl *c, const uint8_t *cmd, size_t len)
{
	const uint8_t *p = cmd + 2;
	uint8_t what;

	if (len < 2) {
		return NET_CTRL_ERR;
	}
	what = cmd[1];
	len -= 2;
	switch (cmd[0]) {
	case CLASS_RX:
		return has(c, what < RX_ALLUNI ? NET_F_CTRL_RX
					       : NET_F_CTRL_RX_EXTRA)
			       ? set_rx(c, what, p, len)
			       : NET_CTRL_ERR;
	case CLASS_MAC:
		return has(c, what == MAC_ADDR_SET ? NET_F_CTRL_MAC_ADDR
						   : NET_F_CTRL_RX)
			       ? set_mac(c, what, p, len)
			       : NET_CTRL_ERR;
	case CLASS_ANNOUNCE:
		if (!has(c, NET_F_GUEST_ANNOUNCE) || what || len) {
			return NET_CTRL_ERR;
		}
		c->announce = false;
		return NET_CTRL_OK;
	case CLASS_MQ:
		return has(c, NET_F_MQ) ? set_pairs(c, what, p, len)
					: NET_CTRL_ERR;
	case CLASS_OFFLOADS:
		return has(c, NET_F_CTRL_GUEST_OFFLOADS)
			       ? set_offloads(c, what, p, len)
			       : NET_CTRL_ERR;
	default:
		return NET_CTRL_ERR;
	}
}

static bool in(const struct net_macs *t, const uint8_t *mac)
{
	for (unsigned int i = 0; i < t->n; i++) {
		if (!memcmp(t->mac[i], mac, NET_MAC_LEN)) {
			return true;
		}
	}
	return t->overflow;
}

bool net_ctrl_wants(const struct net_ctrl *c, const uint8_t *frame)
{
	static const uint8_t bcast[NET_MAC_LEN] = {
		255, 255, 255, 255, 255, 255
	};

	if (c->promisc) {
		return true;
	}
	if (!memcmp(frame, bcast, sizeof(bcast))) {
		return !c->nobcast;
	}
	if (frame[0] & 1) {
		return !c->nomulti && (c->allmulti || in(&c->multi, frame));
	}
	return !c->nouni && (c->alluni || !memcmp(frame, c->mac, NET_MAC_LEN) ||
			     in(&c->uni, frame));
}
