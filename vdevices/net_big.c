/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 791, 8200, 9293; the header of a frame: VIRTIO 1.4, 5.1.6. */
#include "config.h"

#include "vdevices/net_big.h"

#include "sim/core/be.h"

#include <endian.h>
#include <string.h>

enum {
	BIG = 16384,
	IP4_MIN = 20,
	IP6_LEN = 40,
	TCP_MIN = 20,
	HEAD_MAX = NET_ETH_LEN + 60 + 60,
	P_TCP = 6,
	TCP_SUM = 16, /* offset of the field */
	FIN = 0x01,
	SYN = 0x02,
	PSH = 0x08,
	CWR = 0x80,
	MORE = 0x2000,
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
};

uint16_t net_big_mtu(uint16_t mtu)
{
	const unsigned int head = IP4_MIN + TCP_MIN;
	unsigned int n = (BIG - head) / (mtu - head);

	return n > 1 ? (uint16_t)(head + n * (mtu - head)) : mtu;
}

/* Where in a frame its parts begin. */
struct shape {
	bool v6;
	size_t up;   /* what IP carries; TCP if tcp */
	size_t body; /* behind the headers that each piece needs */
	bool tcp;
};

static bool shape_of(const uint8_t *f, size_t len, struct shape *s)
{
	uint8_t proto;
	bool part = false;

	if (len < NET_ETH_LEN + IP4_MIN) {
		return false;
	}
	s->v6 = av_be16(f + 12) == NET_ETH_IP6;
	if (s->v6) {
		s->up = NET_ETH_LEN + IP6_LEN;
		proto = f[NET_ETH_LEN + 6];
	} else if (av_be16(f + 12) == NET_ETH_IP4) {
		s->up = NET_ETH_LEN + (f[NET_ETH_LEN] & 15u) * 4u;
		proto = f[NET_ETH_LEN + 9];
		part = av_be16(f + NET_ETH_LEN + 6) & 0x3fff;
	} else {
		return false;
	}
	s->body = s->up;
	s->tcp = proto == P_TCP && !part && len >= s->up + TCP_MIN;
	if (s->tcp) {
		s->body += (f[s->up + 12] >> 4) * 4u;
	}
	return s->body >= s->up + (s->tcp ? TCP_MIN : 0) && s->body <= len &&
	       s->up >= NET_ETH_LEN + IP4_MIN;
}

/* Of the pseudo header over @n bytes of TCP. */
static uint16_t pseudo(const uint8_t *f, const struct shape *s, size_t n)
{
	const uint8_t *ip = f + NET_ETH_LEN;
	uint8_t tail[8] = { 0 };
	uint16_t sum = s->v6 ? net_sum(ip + 8, 32, 0) : net_sum(ip + 12, 8, 0);

	av_put_be32(tail, (uint32_t)n);
	tail[7] = P_TCP;
	return net_sum(tail, sizeof(tail), sum);
}

/* ---- the segment size of a SYN ---- */

static uint8_t *find_mss(uint8_t *f, const struct shape *s)
{
	uint8_t *p = f + s->up + TCP_MIN, *end = f + s->body;

	while (p < end && *p != OPT_END) {
		size_t n = *p == OPT_NOP ? 1 : end - p < 2 ? 0 : p[1];

		if (!n || n > (size_t)(end - p) || (*p != OPT_NOP && n < 2)) {
			return NULL;
		}
		if (*p == OPT_MSS) {
			return n == 4 ? p + 2 : NULL;
		}
		p += n;
	}
	return NULL;
}

void net_big_ask(uint8_t *frame, size_t len, uint16_t mtu)
{
	struct shape s;
	size_t head, n;
	uint16_t old;
	uint8_t *mss;

	if (!shape_of(frame, len, &s) || !s.tcp ||
	    !(frame[s.up + 13] & SYN)) {
		return;
	}
	mss = find_mss(frame, &s);
	head = (s.v6 ? IP6_LEN : IP4_MIN) + TCP_MIN;
	if (!mss || av_be16(mss) != mtu - head) {
		return; /* it has its reasons */
	}
	/* an option may begin at an odd place: the sum of all of them */
	n = s.body - s.up - TCP_MIN;
	old = net_sum(frame + s.up + TCP_MIN, n, 0);
	av_put_be16(mss, net_big_mtu(mtu) - head);
	net_sum_update(frame + s.up + TCP_SUM, old,
		       net_sum(frame + s.up + TCP_MIN, n, 0));
}

/* ---- whole ---- */

bool net_big_hdr(const uint8_t *frame, size_t len, uint16_t mtu,
		 struct net_hdr *h)
{
	struct shape s;

	if (len <= NET_ETH_LEN + (size_t)mtu || !shape_of(frame, len, &s) ||
	    !s.tcp) {
		return false;
	}
	h->flags = NET_HDR_NEEDS_CSUM;
	h->gso_type = s.v6 ? NET_GSO_TCP6 : NET_GSO_TCP4;
	h->hdr_len = htole16((uint16_t)s.body);
	h->gso_size = htole16((uint16_t)(NET_ETH_LEN + mtu - s.body));
	h->csum_start = htole16((uint16_t)s.up);
	h->csum_offset = htole16(TCP_SUM);
	return true;
}

void net_big_partial(uint8_t *frame, size_t len)
{
	struct shape s;
	uint16_t sum;

	if (shape_of(frame, len, &s) && s.tcp) {
		sum = pseudo(frame, &s, len - s.up);
		memcpy(frame + s.up + TCP_SUM, &sum, sizeof(sum));
	}
}

/* ---- in pieces ---- */

static void set_length(uint8_t *p, const struct shape *s, size_t len)
{
	uint8_t *ip = p + NET_ETH_LEN;
	uint16_t sum;

	if (s->v6) {
		av_put_be16(ip + 4, len - s->up);
		return;
	}
	av_put_be16(ip + 2, len - NET_ETH_LEN);
	av_put_be16(ip + 10, 0);
	sum = (uint16_t)~net_sum(ip, s->up - NET_ETH_LEN, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
}

struct piece {
	size_t len, off; /* bytes, and of the body before it */
	size_t nth;
	bool last;
};

static void segment(uint8_t *f, const struct shape *s, const struct piece *p)
{
	uint8_t *ip = f + NET_ETH_LEN, *t = f + s->up;
	size_t n = p->len - s->up;
	uint16_t sum;

	av_put_be32(t + 4, av_be32(t + 4) + (uint32_t)p->off);
	t[13] &= (uint8_t)~((p->last ? 0 : FIN | PSH) | (p->off ? CWR : 0));
	if (!s->v6) {
		av_put_be16(ip + 4, av_be16(ip + 4) + p->nth);
	}
	set_length(f, s, p->len);
	av_put_be16(t + TCP_SUM, 0);
	sum = (uint16_t)~net_sum(t, n, pseudo(f, s, n));
	memcpy(t + TCP_SUM, &sum, sizeof(sum));
}

static void fragment(uint8_t *f, const struct shape *s, const struct piece *p)
{
	uint8_t *at = f + NET_ETH_LEN + 6;
	unsigned int v = av_be16(at);

	/* of a fragment: what it was of that, its pieces are */
	av_put_be16(at, (v & 0xe000) | (p->last ? 0 : MORE) |
				((v + p->off / 8) & 0x1fff));
	set_length(f, s, p->len);
}

void net_big_cut(uint8_t *frame, size_t len, uint16_t mtu, net_piece_fn *piece,
		 void *ctx)
{
	uint8_t head[HEAD_MAX];
	struct piece p = { 0 };
	size_t room, end;
	struct shape s;

	if (len <= NET_ETH_LEN + (size_t)mtu || !shape_of(frame, len, &s) ||
	    (s.v6 && !s.tcp)) {
		piece(ctx, frame, len);
		return;
	}
	memcpy(head, frame, s.body);
	end = len - s.body;
	room = NET_ETH_LEN + mtu - s.body;
	room -= s.tcp ? 0 : room % 8;
	/* each header overwrites what has gone */
	for (; p.off < end; p.off += room, p.nth++) {
		uint8_t *f = frame + p.off;

		p.last = end - p.off <= room;
		p.len = s.body + (p.last ? end - p.off : room);
		memcpy(f, head, s.body);
		(s.tcp ? segment : fragment)(f, &s, &p);
		piece(ctx, f, p.len);
	}
}
