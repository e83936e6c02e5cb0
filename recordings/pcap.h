/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of packets as Wireshark reads them: pcapng, which holds many interfaces
 * on one timeline, and classic pcap, which holds one. Both little-endian, with
 * stamps in ns.
 * Sources: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap, the LINKTYPE_ pages
 * of the tcpdump group; Linux uapi can.h and vsockmon.h.
 */
#ifndef AVSIM_RECORDINGS_PCAP_H
#define AVSIM_RECORDINGS_PCAP_H

#include "sim/topics.h"

#include <stddef.h>

enum pcap_flavour { PCAP_NG, PCAP_CLASSIC };

/* What an interface carries. */
enum pcap_link {
	PCAP_CAN,   /* SocketCAN frames */
	PCAP_NET,   /* Ethernet frames without FCS */
	PCAP_BT,    /* HCI packets, H4 type byte first */
	PCAP_VSOCK, /* packets of virtio-vsock, its 44-byte header first */
	PCAP_N_LINKS
};
/* "can", "net", "bt", "vsock" */
extern const char *const pcap_link_names[PCAP_N_LINKS];

#define PCAP_SNAPLEN 262144 /* longer packets are cut; the readers' own limit */
#define PCAP_TEXT_MAX 255   /* names and comments are cut there */
/* Bytes that a packet needs beyond its own, at most. */
#define PCAP_PACKET_EXTRA (128 + PCAP_TEXT_MAX)
/* The same for the other blocks, texts included. */
#define PCAP_BLOCK_MAX (128 + 3 * (PCAP_TEXT_MAX + 8))

struct pcap_packet {
	int64_t ns; /* since the Unix epoch; what lies before it counts as 0 */
	unsigned int iface;
	enum pcap_link link;
	bool to_guest;	  /* received, as the guest sees it; else sent */
	uint64_t lost;	  /* packets missing just before this one */
	const char *note; /* or NULL */
	size_t full_len;  /* on the wire, where @len is less; else 0 */
	const uint8_t *data; /* vsock: at least the header */
	size_t len;
};

/* Each writes one block at @p and returns its length; 0 where the flavour has
 * no such block. @p has room for PCAP_BLOCK_MAX bytes; a packet's for its own
 * and PCAP_PACKET_EXTRA. */
size_t pcap_section(enum pcap_flavour v, uint8_t *p, const char *app,
		    const char *note);
size_t pcap_interface(enum pcap_flavour v, uint8_t *p, enum pcap_link link,
		      const char *name);
size_t pcap_packet(enum pcap_flavour v, uint8_t *p,
		   const struct pcap_packet *k);
size_t pcap_stats(enum pcap_flavour v, uint8_t *p, unsigned int iface,
		  int64_t ns, uint64_t n_packets, uint64_t n_lost);

/* Bytes of @k's data in the file, without what frames it. */
size_t pcap_packet_len(const struct pcap_packet *k);

/* How much of the first @len bytes of what the above wrote is whole blocks.
 * @begin: @p is the beginning of the file */
size_t pcap_whole(enum pcap_flavour v, const uint8_t *p, size_t len,
		  bool begin);

/* A frame as SocketCAN lays it out. Return: length. */
#define PCAP_CAN_MAX 72
size_t pcap_can(const struct can_frame *f, uint8_t out[PCAP_CAN_MAX]);

#endif
