/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a network device, read and checked. */
#ifndef AVSIM_VDEVICES_NET_OPTS_H
#define AVSIM_VDEVICES_NET_OPTS_H

#include "vdevices/device.h"
#include "vdevices/net_frame.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	NET_FORWARDS_MAX = 32,
	NET_PAIRS_MAX = 8,
	NET_MTU_MIN = 1280, /* IPv6 */
	NET_MTU_MAX = 65521,
};

struct net_forward {
	bool udp;
	struct in_addr host;
	uint16_t host_port, guest_port;
};

struct net_opts {
	uint8_t mac[NET_MAC_LEN];
	struct in_addr net, mask, host, dhcp, dns;
	bool serve_dhcp, serve_dns, restricted, ipv6, loopback, offloads;
	uint16_t mtu;
	unsigned int pairs;
	const char *hostname; /* borrowed, or NULL */
	struct net_forward forward[NET_FORWARDS_MAX];
	size_t n_forwards;
};

extern const struct vdev_opt net_opt_rows[];

/* -EINVAL with @err. */
int net_opts_parse(const struct vdev_args *a, struct net_opts *o,
		   struct av_err *err);
/* The address that a device has where none is given: of run and name, locally
 * administered. A VMM that keeps the config space to itself must be told it. */
void net_default_mac(uint64_t seed, const char *name, uint8_t mac[NET_MAC_LEN]);

#endif
