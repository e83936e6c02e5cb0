/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/pcap.h"

#include "sim/core/be.h"

#include <string.h>

const char *const pcap_link_names[PCAP_N_LINKS] = {
	[PCAP_CAN] = "can",
	[PCAP_NET] = "net",
	[PCAP_BT] = "bt",
	[PCAP_VSOCK] = "vsock",
};

/* LINKTYPE_CAN_SOCKETCAN, _ETHERNET, _BLUETOOTH_HCI_H4_WITH_PHDR, _VSOCK */
static const uint16_t link_types[PCAP_N_LINKS] = {
	[PCAP_CAN] = 227,
	[PCAP_NET] = 1,
	[PCAP_BT] = 201,
	[PCAP_VSOCK] = 271,
};

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATS = 5,
	BLOCK_PACKET = 6,

	OPT_END = 0,
	OPT_COMMENT = 1,
	SECTION_APP = 4,
	INTERFACE_NAME = 2,
	INTERFACE_TSRESOL = 9,
	PACKET_FLAGS = 2,
	PACKET_DROPS = 4,
	STATS_RECEIVED = 4,
	STATS_DROPPED = 5,

	FILE_HEADER = 24,   /* of classic pcap */
	RECORD_HEADER = 16, /* of its packets; no pcapng block is shorter */
	VIRTIO_HEADER = 44, /* of virtio-vsock */
	VSOCK_HEADER = 32,  /* of vsockmon, before it */
	HCI_HEADER = 4,	    /* the direction */
};

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)v), (uint16_t)(v >> 16));
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	return put32(put32(p, (uint32_t)v), (uint32_t)(v >> 32));
}

static uint8_t *pad(uint8_t *p, size_t len)
{
	for (; len % 4 != 0; len++) {
		*p++ = 0;
	}
	return p;
}

static uint8_t *option(uint8_t *p, uint16_t code, const void *data, size_t len)
{
	p = put16(put16(p, code), (uint16_t)len);
	if (len > 0) {
		memcpy(p, data, len);
	}
	return pad(p + len, len);
}

static uint8_t *option_text(uint8_t *p, uint16_t code, const char *text)
{
	return text && *text ? option(p, code, text,
				      strnlen(text, PCAP_TEXT_MAX)) :
			       p;
}

static uint8_t *option_u64(uint8_t *p, uint16_t code, uint64_t v)
{
	uint8_t b[8];

	put64(b, v);
	return option(p, code, b, sizeof(b));
}

/* Type and room for the length; block_end() fills that in, at both ends. */
static uint8_t *block_begin(uint8_t *p, uint32_t type)
{
	return put32(put32(p, type), 0);
}

static size_t block_end(uint8_t *begin, uint8_t *p)
{
	uint32_t len = (uint32_t)(p - begin) + 4;

	put32(begin + 4, len);
	put32(p, len);
	return len;
}

/* The stamp's upper half comes first. */
static uint8_t *put_stamp(uint8_t *p, int64_t ns)
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;

	return put32(put32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

size_t pcap_section(enum pcap_flavour v, uint8_t *p, const char *app,
		    const char *note)
{
	uint8_t *at = p;

	if (v == PCAP_CLASSIC) {
		return 0; /* the only header has the link type in it */
	}
	at = block_begin(at, BLOCK_SECTION);
	at = put32(at, 0x1a2b3c4d);
	at = put16(put16(at, 1), 0);	/* version 1.0 */
	at = put64(at, UINT64_MAX);	/* length of the section: not known */
	at = option_text(at, OPT_COMMENT, note);
	at = option_text(at, SECTION_APP, app);
	at = option(at, OPT_END, NULL, 0);
	return block_end(p, at);
}

size_t pcap_interface(enum pcap_flavour v, uint8_t *p, enum pcap_link link,
		      const char *name)
{
	uint8_t *at = p;

	if (v == PCAP_CLASSIC) {
		at = put32(at, 0xa1b23c4d);
		at = put16(put16(at, 2), 4);
		at = put64(at, 0); /* time zone, accuracy */
		at = put32(put32(at, PCAP_SNAPLEN), link_types[link]);
		return (size_t)(at - p);
	}
	at = block_begin(at, BLOCK_INTERFACE);
	at = put16(put16(at, link_types[link]), 0);
	at = put32(at, PCAP_SNAPLEN);
	at = option_text(at, INTERFACE_NAME, name);
	at = option(at, INTERFACE_TSRESOL, "\x09", 1);
	at = option(at, OPT_END, NULL, 0);
	return block_end(p, at);
}

/* ---- packets ---- */

/* What the link type has before a packet as it came. */
static size_t frame_len(enum pcap_link link)
{
	return link == PCAP_VSOCK ? VSOCK_HEADER :
	       link == PCAP_BT	  ? HCI_HEADER :
				    0;
}

size_t pcap_packet_len(const struct pcap_packet *k)
{
	size_t max = PCAP_SNAPLEN - frame_len(k->link);

	return k->len < max ? k->len : max;
}

/* vsockmon: addresses and ports as in the virtio header, which follows. */
static uint8_t *put_vsock_frame(uint8_t *p, const uint8_t h[VIRTIO_HEADER])
{
	enum { UNKNOWN, CONNECT, DISCONNECT, CONTROL, PAYLOAD };
	/* by virtio operation: INVALID REQUEST RESPONSE RST SHUTDOWN RW
	 * CREDIT_UPDATE CREDIT_REQUEST */
	static const uint8_t ops[] = { UNKNOWN,	   CONNECT,    CONNECT,
				       DISCONNECT, DISCONNECT, PAYLOAD,
				       CONTROL,	   CONTROL };
	unsigned int op = h[30] | (unsigned int)h[31] << 8;

	memcpy(p, h, 24); /* both CIDs, both ports: the same layout */
	p = put16(p + 24, op < sizeof(ops) ? ops[op] : UNKNOWN);
	return put32(put16(p, 2), VIRTIO_HEADER); /* transport 2: virtio */
}

static uint8_t *put_data(uint8_t *p, const struct pcap_packet *k)
{
	size_t len = pcap_packet_len(k);

	if (k->link == PCAP_VSOCK) {
		p = put_vsock_frame(p, k->data);
	} else if (k->link == PCAP_BT) {
		av_put_be32(p, k->to_guest ? 1 : 0);
		p += HCI_HEADER;
	}
	memcpy(p, k->data, len);
	return p + len;
}

static size_t packet_classic(uint8_t *p, const struct pcap_packet *k,
			     uint32_t len, uint32_t full)
{
	uint64_t ns = k->ns > 0 ? (uint64_t)k->ns : 0;
	uint8_t *at = put32(p, (uint32_t)(ns / VT_S));

	at = put32(at, (uint32_t)(ns % VT_S));
	at = put32(put32(at, len), full);
	at = put_data(at, k);
	return (size_t)(at - p);
}

size_t pcap_packet(enum pcap_flavour v, uint8_t *p,
		   const struct pcap_packet *k)
{
	size_t frame = frame_len(k->link);
	size_t whole = k->len > k->full_len ? k->len : k->full_len;
	uint32_t len = (uint32_t)(pcap_packet_len(k) + frame);
	uint32_t full = (uint32_t)(whole < UINT32_MAX / 2 ? whole + frame :
							    UINT32_MAX / 2);
	uint8_t flags[4], *at = p;

	if (v == PCAP_CLASSIC) {
		return packet_classic(p, k, len, full);
	}
	at = block_begin(at, BLOCK_PACKET);
	at = put_stamp(put32(at, k->iface), k->ns);
	at = put32(put32(at, len), full);
	at = pad(put_data(at, k), len);
	at = option_text(at, OPT_COMMENT, k->note);
	put32(flags, k->to_guest ? 1 : 2);
	at = option(at, PACKET_FLAGS, flags, sizeof(flags));
	if (k->lost > 0) {
		at = option_u64(at, PACKET_DROPS, k->lost);
	}
	at = option(at, OPT_END, NULL, 0);
	return block_end(p, at);
}

size_t pcap_stats(enum pcap_flavour v, uint8_t *p, unsigned int iface,
		  int64_t ns, uint64_t n_packets, uint64_t n_lost)
{
	uint8_t *at = p;

	if (v == PCAP_CLASSIC) {
		return 0;
	}
	at = put_stamp(put32(block_begin(at, BLOCK_STATS), iface), ns);
	at = option_u64(at, STATS_RECEIVED, n_packets + n_lost);
	at = option_u64(at, STATS_DROPPED, n_lost);
	at = option(at, OPT_END, NULL, 0);
	return block_end(p, at);
}

static size_t get32(const uint8_t *p)
{
	return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

size_t pcap_whole(enum pcap_flavour v, const uint8_t *p, size_t len, bool begin)
{
	size_t at = 0, next = 0;

	while (next <= len) {
		at = next;
		if (v == PCAP_CLASSIC && begin && at == 0) {
			next = FILE_HEADER;
		} else if (len - at < RECORD_HEADER) {
			break;
		} else if (v == PCAP_CLASSIC) {
			next = at + RECORD_HEADER + get32(p + at + 8);
		} else {
			next = at + get32(p + at + 4);
		}
	}
	return at;
}

size_t pcap_can(const struct can_frame *f, uint8_t out[PCAP_CAN_MAX])
{
	uint32_t id = f->id;
	size_t n = f->flags & CAN_RTR ? 0 : f->len;

	id |= f->flags & CAN_EXT ? 0x80000000u : 0;
	id |= f->flags & CAN_RTR ? 0x40000000u : 0;
	id |= f->flags & CAN_ERR ? 0x20000000u : 0;
	av_put_be32(out, id);
	out[4] = f->len;
	out[5] = 0;
	if (f->flags & CAN_FD) {
		out[5] = (uint8_t)(4 | (f->flags & CAN_BRS ? 1 : 0) |
				   (f->flags & CAN_ESI ? 2 : 0));
	}
	out[6] = out[7] = 0;
	memcpy(out + 8, f->data, n);
	return 8 + n;
}
