/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control queue of a network device, VIRTIO 1.4 section 5.1.6.5, and what
 * the driver wants to receive by it. QEMU answers it by itself; crosvm hands it
 * on.
 */
#ifndef AVSIM_VDEVICES_NET_CTRL_H
#define AVSIM_VDEVICES_NET_CTRL_H

#include "vdevices/net_frame.h"

enum {
	NET_F_CSUM = 0,
	NET_F_GUEST_CSUM = 1,
	NET_F_CTRL_GUEST_OFFLOADS = 2,
	NET_F_MTU = 3,
	NET_F_MAC = 5,
	NET_F_GUEST_TSO4 = 7,
	NET_F_GUEST_TSO6 = 8,
	NET_F_HOST_TSO4 = 11,
	NET_F_HOST_TSO6 = 12,
	NET_F_HOST_ECN = 13,
	NET_F_MRG_RXBUF = 15,
	NET_F_STATUS = 16,
	NET_F_CTRL_VQ = 17,
	NET_F_CTRL_RX = 18,
	NET_F_CTRL_RX_EXTRA = 20,
	NET_F_GUEST_ANNOUNCE = 21,
	NET_F_MQ = 22,
	NET_F_CTRL_MAC_ADDR = 23,
};
#define NET_BIT(f) (UINT64_C(1) << (f))
/* What the driver may switch while it runs. */
#define NET_GUEST_OFFLOADS                                                     \
	(NET_BIT(NET_F_GUEST_CSUM) | NET_BIT(NET_F_GUEST_TSO4) |               \
	 NET_BIT(NET_F_GUEST_TSO6))

enum {
	NET_CTRL_TABLE = 64, /* addresses; more: all are received */
	/* Longest command that means anything: a MAC table whose rest is cut */
	NET_CTRL_MAX = 2 + 2 * (4 + 1024 * NET_MAC_LEN),
	NET_CTRL_OK = 0,
	NET_CTRL_ERR = 1,
};

struct net_macs {
	unsigned int n;
	bool overflow;
	uint8_t mac[NET_CTRL_TABLE][NET_MAC_LEN];
};

struct net_ctrl {
	uint8_t mac[NET_MAC_LEN];
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	struct net_macs uni, multi;
	unsigned int pairs, max_pairs; /* in use, in all */
	uint64_t features;             /* negotiated */
	uint64_t offloads;             /* GUEST_* bits in use */
	bool announce; /* asked to announce itself, until it has */
};

/* As after a reset: everything is received, one pair. */
void net_ctrl_reset(struct net_ctrl *c, const uint8_t mac[NET_MAC_LEN],
		    unsigned int max_pairs);
/* One command; NET_CTRL_OK or NET_CTRL_ERR. */
uint8_t net_ctrl_command(struct net_ctrl *c, const uint8_t *cmd, size_t len);
/* Is the offload of this bit negotiated and in use? */
bool net_ctrl_offload(const struct net_ctrl *c, int feature);
/* Does the driver want this frame? */
bool net_ctrl_wants(const struct net_ctrl *c, const uint8_t *frame);

#endif
