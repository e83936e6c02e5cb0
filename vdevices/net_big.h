/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames longer than the wire's MTU: a stack that makes one segment of what
 * would be eleven, and a driver that takes it (VIRTIO_NET_F_GUEST_TSO4), have a
 * fraction of the work. The stack goes by the maximum segment size that the
 * guest names when a connection begins, so that is raised on its way; where
 * such a frame may not go on as it is, it is cut.
 *
 * Pure functions over private copies of frames that passed net_check(), or that
 * the stack made.
 */
#ifndef AVSIM_VDEVICES_NET_BIG_H
#define AVSIM_VDEVICES_NET_BIG_H

#include "vdevices/net_frame.h"

/* The MTU for the stack where the wire's is @mtu: room for as many whole
 * segments as 16 KiB hold; never below @mtu. Longer ones gain nothing: the
 * guest's window is 64 KiB, and three of them shall be under way. */
uint16_t net_big_mtu(uint16_t mtu);

/* In a SYN: if the guest named the segment size of @mtu, it names that of
 * net_big_mtu(). */
void net_big_ask(uint8_t *frame, size_t len, uint16_t mtu);

/**
 * net_big_hdr() - What the driver has to know of a big segment
 * @h:	gets gso_type, gso_size, hdr_len and where the sum belongs
 *
 * Return: false: no TCP, or not longer than @mtu: @h is as it was.
 */
bool net_big_hdr(const uint8_t *frame, size_t len, uint16_t mtu,
		 struct net_hdr *h);
/* The sum of a TCP segment becomes the partial one that NEEDS_CSUM promises. */
void net_big_partial(uint8_t *frame, size_t len);

typedef void net_piece_fn(void *ctx, uint8_t *piece, size_t len);
/**
 * net_big_cut() - Frames of @mtu: segments of TCP, fragments of other IPv4
 * @frame:	used up: pieces are made in it
 * @piece:	gets one after the other
 *
 * What fits or cannot be cut (IPv6 is not fragmented on the way) comes as it
 * is.
 */
void net_big_cut(uint8_t *frame, size_t len, uint16_t mtu, net_piece_fn *piece,
		 void *ctx);

#endif
