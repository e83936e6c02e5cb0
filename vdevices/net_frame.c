/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libslirp 4.7 must not see, and why:
 *
 *  - a TCP segment with URG: it sends as many bytes of its heap to the host's
 *    socket as the pointer says, whatever there is (fixed in 4.8.0). Urgent
 *    data becomes plain data, as with any peer that has SO_OOBINLINE set.
 *  - DHCPv6 and NC-SI commands: bounds are checked too late (CVE-2026-95508).
 *    Nothing here is configured by either.
 *  - TFTP: there is nothing to serve.
 *  - fragments: kept without limit for 30 s. They are put together here, and
 *    the stack, which takes packets of any size, sees one packet.
 *
 * RFC 791, 8200, 9293, 1071 (sums), 1624 (their update).
 */
#include "config.h"

#include "vdevices/net_frame.h"

#include "sim/core/be.h"

#include <stdlib.h>
#include <string.h>

enum {
	IP4_MIN = 20,
	IP6_LEN = 40,
	TCP_MIN = 20,
	UDP_LEN = 8,
	ARP_LEN = 28,
	P_ICMP = 1,
	P_TCP = 6,
	P_UDP = 17,
	PORT_TFTP = 69,
	PORT_DHCP6 = 547,
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	ICMP_ECHO = 8,
};

uint16_t net_sum(const void *p, size_t len, uint32_t sum)
{
	const uint8_t *b = p;
	uint64_t s = sum, w;
	uint32_t h;

	for (; len >= 8; len -= 8, b += 8) {
		memcpy(&w, b, sizeof(w));
		s += (w & UINT32_MAX) + (w >> 32);
	}
	for (; len >= 2; len -= 2, b += 2) {
		uint16_t v;

		memcpy(&v, b, sizeof(v));
		s += v;
	}
	if (len) {
		uint8_t last[2] = { *b, 0 };
		uint16_t v;

		memcpy(&v, last, sizeof(v));
		s += v;
	}
	s = (s & UINT32_MAX) + (s >> 32);
	s = (s & UINT32_MAX) + (s >> 32);
	h = (uint32_t)s;
	h = (h & 0xffff) + (h >> 16);
	h = (h & 0xffff) + (h >> 16);
	return (uint16_t)h;
}

void net_sum_update(uint8_t *csum, uint16_t old, uint16_t new)
{
	uint16_t have, sum;

	memcpy(&have, csum, sizeof(have));
	sum = (uint16_t)~have;
	sum = net_sum(&new, sizeof(new), (uint32_t)sum + (uint16_t)~old);
	have = (uint16_t)~sum;
	memcpy(csum, &have, sizeof(have));
}

bool net_csum_fill(uint8_t *frame, size_t len, uint16_t start, uint16_t offset)
{
	size_t field = (size_t)start + offset;
	uint16_t sum;

	if (start < NET_ETH_LEN || start >= len || field + 2 > len) {
		return false;
	}
	sum = (uint16_t)~net_sum(frame + start, len - start, 0);
	if (!sum) {
		sum = 0xffff; /* 0 means "none" to UDP, the same to others */
	}
	memcpy(frame + field, &sum, sizeof(sum));
	return true;
}

/* ---- fragments ---- */

enum {
	SLOTS = 8,
	UNIT = 8,
	UNITS = 65536 / UNIT,
	HEAD_MAX = NET_ETH_LEN + 60,
};
#define STALE_NS INT64_C(30000000000)

struct slot {
	bool used;
	uint8_t key[11]; /* addresses, id, protocol */
	int64_t t;       /* of the first fragment that came */
	uint32_t end;    /* bytes of payload in all; 0: the last is missing */
	uint32_t have;   /* bytes of payload that came */
	size_t head;     /* bytes of Ethernet and IP header; 0: missing */
	uint8_t header[HEAD_MAX];
	uint64_t came[UNITS / 64];
	uint8_t room[HEAD_MAX + 65536];
};

struct net_reass {
	struct slot slot[SLOTS];
};

struct net_reass *net_reass_create(void)
{
	return calloc(1, sizeof(struct net_reass));
}

void net_reass_destroy(struct net_reass *r)
{
	free(r);
}

static struct slot *slot_of(struct net_reass *r, const uint8_t key[11],
			    int64_t now)
{
	struct slot *oldest = &r->slot[0];

	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &r->slot[i];

		if (s->used && now - s->t > STALE_NS) {
			s->used = false;
		}
		if (s->used && !memcmp(s->key, key, sizeof(s->key))) {
			return s;
		}
		if (oldest->used && (!s->used || s->t < oldest->t)) {
			oldest = s;
		}
	}
	oldest->used = true;
	memcpy(oldest->key, key, sizeof(oldest->key));
	oldest->t = now;
	oldest->end = oldest->have = 0;
	oldest->head = 0;
	memset(oldest->came, 0, sizeof(oldest->came));
	return oldest;
}

/* Marks [off, off + n). False: a part of it had come before. */
static bool mark(struct slot *s, uint32_t off, uint32_t n)
{
	uint32_t first = off / UNIT, last = (off + n + UNIT - 1) / UNIT;

	for (uint32_t i = first; i < last; i++) {
		if (s->came[i / 64] >> (i % 64) & 1) {
			return false;
		}
	}
	for (uint32_t i = first; i < last; i++) {
		s->came[i / 64] |= UINT64_C(1) << (i % 64);
	}
	return true;
}

/* The header of the first fragment, lengths and sum as of the whole. */
static size_t finish(struct slot *s, const uint8_t **out)
{
	uint8_t *frame = s->room + HEAD_MAX - s->head;
	uint8_t *ip = frame + NET_ETH_LEN;
	size_t hlen = s->head - NET_ETH_LEN;
	size_t total = hlen + s->end;
	uint16_t sum;

	s->used = false;
	if (total > 65535) {
		return 0;
	}
	memcpy(frame, s->header, s->head);
	av_put_be16(ip + 2, total);
	ip[6] = ip[7] = 0;
	ip[10] = ip[11] = 0;
	sum = (uint16_t)~net_sum(ip, hlen, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
	*out = frame;
	return NET_ETH_LEN + total;
}

size_t net_reass_add(struct net_reass *r, const uint8_t *frame, size_t len,
		     int64_t now_ns, const uint8_t **out)
{
	const uint8_t *ip = frame + NET_ETH_LEN;
	size_t hlen = (ip[0] & 15u) * 4u;
	uint32_t n = (uint32_t)(len - NET_ETH_LEN - hlen);
	uint32_t off = (av_be16(ip + 6) & 0x1fffu) * 8u;
	bool more = av_be16(ip + 6) & 0x2000;
	uint8_t key[11];
	struct slot *s;

	if (net_sum(ip, hlen, 0) != 0xffff || !n || (more && n % UNIT) ||
	    off + n > 65535 - IP4_MIN) {
		return 0;
	}
	memcpy(key, ip + 12, 8);
	memcpy(key + 8, ip + 4, 2);
	key[10] = ip[9];
	s = slot_of(r, key, now_ns);
	if ((s->end && (off + n > s->end || !more)) || !mark(s, off, n)) {
		s->used = false; /* overlaps are attacks, RFC 5722 */
		return 0;
	}
	memcpy(s->room + HEAD_MAX + off, ip + hlen, n);
	s->have += n;
	if (!off) {
		s->head = NET_ETH_LEN + hlen;
		memcpy(s->header, frame, s->head);
	}
	if (!more) {
		s->end = off + n;
	}
	if (s->end && s->have > s->end) {
		s->used = false;
		return 0;
	}
	return s->end && s->head && s->have == s->end ? finish(s, out) : 0;
}

/* ---- checks ---- */

/* FNV-1a; only spreads, an attacker may collide his own flows. */
static uint32_t hash(const uint8_t *p, size_t n, uint32_t h)
{
	for (size_t i = 0; i < n; i++) {
		h = (h ^ p[i]) * 16777619u;
	}
	return h;
}

#define HASH_INIT 2166136261u

static enum net_verdict check_tcp(uint8_t *t, size_t len, struct net_about *a)
{
	uint16_t old, new;
	size_t hlen;

	if (len < TCP_MIN) {
		return NET_DROP;
	}
	hlen = (t[12] >> 4) * 4u;
	if (hlen < TCP_MIN || hlen > len) {
		return NET_DROP;
	}
	if ((t[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		a->opens = NET_OPENS_TCP;
	}
	if (!(t[13] & TCP_URG) && !t[18] && !t[19]) {
		return NET_PASS;
	}
	a->urgent = true;
	memcpy(&old, t + 12, sizeof(old));
	t[13] = (uint8_t)(t[13] & ~TCP_URG);
	memcpy(&new, t + 12, sizeof(new));
	net_sum_update(t + 16, old, new);
	memcpy(&old, t + 18, sizeof(old));
	t[18] = t[19] = 0;
	net_sum_update(t + 16, old, 0);
	return NET_PASS;
}

static enum net_verdict check_udp(const uint8_t *u, size_t len, bool v6,
				  struct net_about *a)
{
	uint16_t to;

	if (len < UDP_LEN || av_be16(u + 4) < UDP_LEN || av_be16(u + 4) > len) {
		return NET_DROP;
	}
	to = av_be16(u + 2);
	if (to == PORT_TFTP || (v6 && to == PORT_DHCP6)) {
		return NET_DROP;
	}
	a->opens = NET_OPENS_UDP;
	return NET_PASS;
}

/* Ports add up to the same in both directions, and so do addresses. */
static void flow_of(struct net_about *a, const uint8_t *src, const uint8_t *dst,
		    size_t n, const uint8_t *ports)
{
	uint32_t from = hash(src, n, HASH_INIT);
	uint32_t to = hash(dst, n, HASH_INIT);

	if (ports) {
		from = hash(ports, 2, from);
		to = hash(ports + 2, 2, to);
	}
	a->from = from;
	a->flow = from + to;
}

static enum net_verdict check_ip4(uint8_t *frame, size_t *len,
				  struct net_about *a)
{
	uint8_t *ip = frame + NET_ETH_LEN;
	size_t have = *len - NET_ETH_LEN;
	size_t hlen, total;
	const uint8_t *up;

	if (have < IP4_MIN || ip[0] >> 4 != 4) {
		return NET_DROP;
	}
	hlen = (ip[0] & 15u) * 4u;
	total = av_be16(ip + 2);
	if (hlen < IP4_MIN || total < hlen || total > have) {
		return NET_DROP;
	}
	*len = NET_ETH_LEN + total;
	if (av_be16(ip + 6) & 0x3fff) {
		return NET_FRAGMENT;
	}
	up = ip + hlen;
	flow_of(a, ip + 12, ip + 16, 4,
		(ip[9] == P_TCP || ip[9] == P_UDP) && total - hlen >= 4 ? up
									: NULL);
	switch (ip[9]) {
	case P_TCP:
		return check_tcp(ip + hlen, total - hlen, a);
	case P_UDP:
		return check_udp(up, total - hlen, false, a);
	case P_ICMP:
		if (total - hlen < 8) {
			return NET_DROP;
		}
		if (up[0] == ICMP_ECHO) {
			a->opens = NET_OPENS_PING;
		}
		return NET_PASS;
	default:
		return NET_DROP; /* IGMP and others: nobody listens */
	}
}

static enum net_verdict check_ip6(uint8_t *frame, size_t *len,
				  struct net_about *a)
{
	uint8_t *ip = frame + NET_ETH_LEN;
	size_t have = *len - NET_ETH_LEN;
	size_t n;

	if (have < IP6_LEN || ip[0] >> 4 != 6) {
		return NET_DROP;
	}
	n = av_be16(ip + 4);
	if (n > have - IP6_LEN) {
		return NET_DROP;
	}
	*len = NET_ETH_LEN + IP6_LEN + n;
	ip += IP6_LEN;
	flow_of(a, ip - 32, ip - 16, 16, NULL);
	switch (frame[NET_ETH_LEN + 6]) {
	case P_TCP:
		if (n >= 4) {
			flow_of(a, ip - 32, ip - 16, 16, ip);
		}
		return check_tcp(ip, n, a);
	case P_UDP:
		if (n >= 4) {
			flow_of(a, ip - 32, ip - 16, 16, ip);
		}
		return check_udp(ip, n, true, a);
	case 58: /* ICMPv6: type, code, sum and a word at least */
		return n >= 8 ? NET_PASS : NET_DROP;
	default:
		return NET_DROP; /* extension headers: the stack knows none */
	}
}

enum net_verdict net_check(uint8_t *frame, size_t *len, struct net_about *about)
{
	*about = (struct net_about){ 0 };
	if (*len < NET_ETH_LEN) {
		return NET_DROP;
	}
	switch (av_be16(frame + 12)) {
	case NET_ETH_ARP:
		return *len >= NET_ETH_LEN + ARP_LEN ? NET_PASS : NET_DROP;
	case NET_ETH_IP4:
		return check_ip4(frame, len, about);
	case NET_ETH_IP6:
		return check_ip6(frame, len, about);
	default:
		return NET_DROP;
	}
}

uint32_t net_flow_of(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + NET_ETH_LEN;
	struct net_about a = { 0 };
	size_t hlen;

	if (len >= NET_ETH_LEN + IP4_MIN &&
	    av_be16(frame + 12) == NET_ETH_IP4) {
		hlen = (ip[0] & 15u) * 4u;
		flow_of(&a, ip + 12, ip + 16, 4,
			(ip[9] == P_TCP || ip[9] == P_UDP) &&
					len >= NET_ETH_LEN + hlen + 4
				? ip + hlen
				: NULL);
	} else if (len >= NET_ETH_LEN + IP6_LEN + 4 &&
		   av_be16(frame + 12) == NET_ETH_IP6) {
		flow_of(&a, ip + 8, ip + 24, 16,
			ip[6] == P_TCP || ip[6] == P_UDP ? ip + IP6_LEN : NULL);
	}
	return a.flow;
}
