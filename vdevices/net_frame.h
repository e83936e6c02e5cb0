/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethernet frames of a guest, made fit for libslirp: checksums are filled in,
 * fragments put together, and what would hit a known hole of the library (4.7,
 * Debian 12) is mended or dropped before it gets there.
 *
 * Pure functions over private copies of frames; nothing here knows rings or
 * sockets.
 */
#ifndef AVSIM_VDEVICES_NET_FRAME_H
#define AVSIM_VDEVICES_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NET_MAC_LEN = 6,
	NET_ETH_LEN = 14,
	/* The longest packet of IP, in the longest frame. */
	NET_FRAME_MAX = NET_ETH_LEN + 65535,
	NET_ETH_IP4 = 0x0800,
	NET_ETH_ARP = 0x0806,
	NET_ETH_IP6 = 0x86dd,
};

/* Header of a frame in a virtqueue, VIRTIO 1.4 section 5.1.6; little-endian. */
struct net_hdr {
	uint8_t flags; /* NET_HDR_* */
	uint8_t gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
	uint16_t num_buffers; /* not there before VIRTIO 1 without MRG_RXBUF */
};
enum {
	NET_HDR_NEEDS_CSUM = 1,
	NET_HDR_DATA_VALID = 2,
	NET_GSO_NONE = 0,
	NET_GSO_TCP4 = 1,
	NET_GSO_TCP6 = 4,
	NET_GSO_ECN = 0x80,
};

/* Ones' complement sum over @p, on top of @sum, folded to 16 bits. As it lies
 * in memory: store the complement without swapping. */
uint16_t net_sum(const void *p, size_t len, uint32_t sum);
/* @csum is the field of a sum that covered @old at an even place. */
void net_sum_update(uint8_t *csum, uint16_t old, uint16_t new);

/**
 * net_csum_fill() - Complete a partial checksum (NEEDS_CSUM)
 * @start:	first byte that it covers, counted from the frame's begin
 * @offset:	of the field, from there
 *
 * Return: false: the numbers point outside of the frame; it is unchanged.
 */
bool net_csum_fill(uint8_t *frame, size_t len, uint16_t start, uint16_t offset);

/* Fragments of IPv4 under way: bounded, the oldest gives way. */
struct net_reass;
struct net_reass *net_reass_create(void);
void net_reass_destroy(struct net_reass *r);
/**
 * net_reass_add() - One fragment
 * @frame:	Ethernet frame whose IPv4 header was checked
 * @now_ns:	what waits longer than 30 s is forgotten
 * @out:	gets the whole frame, valid until the next call
 *
 * Return: its length, 0: not complete, or nothing that could become one.
 */
size_t net_reass_add(struct net_reass *r, const uint8_t *frame, size_t len,
		     int64_t now_ns, const uint8_t **out);

enum net_verdict {
	NET_PASS,
	NET_DROP,     /* nothing the stack serves, or malformed */
	NET_FRAGMENT, /* of IPv4: for net_reass_add() */
};

/* What a frame is about, for caps on what the stack keeps. */
enum net_opens {
	NET_OPENS_NOTHING,
	NET_OPENS_TCP, /* a SYN */
	NET_OPENS_UDP,
	NET_OPENS_PING,
};

struct net_about {
	enum net_opens opens;
	uint32_t from; /* hash of the guest's address and port */
	uint32_t flow; /* of both ends; the same in both directions */
	bool urgent;   /* an urgent pointer was cleared */
};

/**
 * net_check() - May this frame go to the stack?
 * @frame:	mended in place: trimmed to what IP says, TCP's URG taken off
 *
 * Refuses what is no ARP, IPv4 or IPv6, lengths that contradict each other,
 * TFTP and DHCPv6 (never served here), and management frames.
 */
enum net_verdict net_check(uint8_t *frame, size_t *len,
			   struct net_about *about);

/* Of a frame to the guest; 0: has none. */
uint32_t net_flow_of(const uint8_t *frame, size_t len);

#endif
