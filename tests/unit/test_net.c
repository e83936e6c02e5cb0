/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, options, control commands and the line of a network device. */
#include "config.h"

#include "test.h"

#include "vdevices/health.h"
#include "vdevices/net_big.h"
#include "vdevices/net_ctrl.h"
#include "vdevices/net_line.h"
#include "vdevices/net_opts.h"
#include "vdevices/net_stack.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>
#include <uv.h>

/* ---- frames ---- */

enum { TCP = 6, UDP = 17, ETH = NET_ETH_LEN, IP4 = 20 };

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void ip_sum(uint8_t *ip)
{
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = (uint16_t)~net_sum(ip, (ip[0] & 15u) * 4u, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
}

/* Ethernet and IPv4 header around @n bytes, which the caller fills. */
static uint8_t *make_ip4(uint8_t *f, uint8_t proto, size_t n)
{
	uint8_t *ip = f + ETH;

	memset(f, 0, ETH + IP4 + n);
	memcpy(f, "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56\x08\x00",
	       ETH);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)(IP4 + n));
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
	ip_sum(ip);
	return ip + IP4;
}

/* Sum of the pseudo header, as a driver leaves it with NEEDS_CSUM. */
static uint16_t pseudo(const uint8_t *f, size_t n)
{
	uint8_t p[12] = { 0 };

	memcpy(p, f + ETH + 12, 8);
	p[9] = f[ETH + 9];
	put16(p + 10, (unsigned int)n);
	return net_sum(p, sizeof(p), 0);
}

static bool sum_is_right(const uint8_t *f, size_t n)
{
	return net_sum(f + ETH + IP4, n, pseudo(f, n)) == 0xffff;
}

/* A TCP segment with @flags and a right sum. */
static size_t make_tcp(uint8_t *f, uint8_t flags, uint16_t urgent, size_t n)
{
	uint8_t *t = make_ip4(f, TCP, 20 + n);
	uint16_t sum;

	put16(t, 40000);
	put16(t + 2, 80);
	t[12] = 5 << 4;
	t[13] = flags;
	put16(t + 14, 65535);
	put16(t + 18, urgent);
	for (size_t i = 0; i < n; i++) {
		t[20 + i] = (uint8_t)(i * 7);
	}
	sum = (uint16_t)~net_sum(t, 20 + n, pseudo(f, 20 + n));
	memcpy(t + 16, &sum, sizeof(sum));
	return ETH + IP4 + 20 + n;
}

TEST(net_sum_is_that_of_rfc_1071)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03,
					   0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t buf[70000];
	uint32_t slow = 0;
	uint16_t got;

	got = net_sum(example, sizeof(example), 0);
	CHECK_EQ(ntohs(got), 0xddf2);
	for (size_t i = 0; i < sizeof(buf); i++) {
		buf[i] = (uint8_t)(i * 31 + 255 * (i % 3));
	}
	for (size_t len = 0; len < sizeof(buf); len += 1 + len / 3) {
		slow = 0;
		for (size_t i = 0; i < len; i++) {
			slow += (uint32_t)(buf[i] << (i % 2 ? 0 : 8));
			slow = (slow & 0xffff) + (slow >> 16);
		}
		got = ntohs(net_sum(buf, len, 0));
		CHECK_EQ(got == 0xffff ? 0 : got, slow == 0xffff ? 0 : slow);
	}
}

TEST(net_partial_checksums_become_whole)
{
	uint8_t f[200];
	uint16_t part;

	for (size_t n = 0; n < 60; n++) {
		size_t len = make_tcp(f, 0x10, 0, n);

		part = pseudo(f, 20 + n);
		memcpy(f + ETH + IP4 + 16, &part, sizeof(part));
		CHECK(net_csum_fill(f, len, ETH + IP4, 16));
		CHECK(sum_is_right(f, 20 + n));
	}
}

TEST(net_checksum_places_outside_of_the_frame_change_nothing)
{
	static const uint16_t at[][2] = {
		{ 0, 0 },      { 13, 0 },        { 60, 0 },
		{ 59, 0 },     { 34, 25 },       { 34, 65535 },
		{ 65535, 16 }, { 65535, 65535 }, { 34, 65502 },
	};
	uint8_t f[64] = { 1, 2, 3 }, same[64];

	memcpy(same, f, sizeof(f));
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		CHECK(!net_csum_fill(f, 60, at[i][0], at[i][1]));
		CHECK(!memcmp(f, same, sizeof(f)));
	}
	CHECK(net_csum_fill(f, 60, 34, 24)); /* the last two bytes */
}

TEST(net_urgent_segments_lose_flag_and_pointer_and_keep_a_right_sum)
{
	static const struct {
		uint8_t flags;
		uint16_t urgent;
	} in[] = {
		{ 0x38, 1500 }, { 0x20, 1 }, { 0x3f, 65535 },
		{ 0x18, 1500 }, { 0x20, 0 }, { 0x22, 0x1234 },
	};
	struct net_about a;
	uint8_t f[200];

	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		size_t len = make_tcp(f, in[i].flags, in[i].urgent, 10);
		const uint8_t *t = f + ETH + IP4;

		CHECK_EQ(net_check(f, &len, &a), NET_PASS);
		CHECK(a.urgent);
		CHECK_EQ(t[13], in[i].flags & ~0x20);
		CHECK_EQ(t[18] | t[19], 0);
		CHECK(sum_is_right(f, 30));
	}
}

TEST(net_a_wrong_sum_is_not_made_right_by_taking_urg_off)
{
	struct net_about a;
	uint8_t f[200];
	size_t len = make_tcp(f, 0x38, 1500, 10);

	f[ETH + IP4 + 25] ^= 1;
	CHECK_EQ(net_check(f, &len, &a), NET_PASS);
	CHECK(!sum_is_right(f, 30));
}

TEST(net_frames_without_urg_stay_as_they_are)
{
	uint8_t f[200], same[200];
	struct net_about a;
	size_t len = make_tcp(f, 0x18, 0, 10);

	memcpy(same, f, len);
	CHECK_EQ(net_check(f, &len, &a), NET_PASS);
	CHECK(!a.urgent && !memcmp(f, same, len));
	CHECK_EQ(a.opens, NET_OPENS_NOTHING);
	len = make_tcp(f, 0x02, 0, 0);
	CHECK_EQ(net_check(f, &len, &a), NET_PASS);
	CHECK_EQ(a.opens, NET_OPENS_TCP);
}

static enum net_verdict udp_to(uint16_t port, bool v6)
{
	struct net_about a;
	uint8_t f[120];
	uint8_t *u = make_ip4(f, UDP, 20);
	size_t len = ETH + IP4 + 20;

	if (v6) {
		memset(f + ETH, 0, sizeof(f) - ETH);
		put16(f + 12, NET_ETH_IP6);
		f[ETH] = 0x60;
		f[ETH + 5] = 20;
		f[ETH + 6] = UDP;
		u = f + ETH + 40;
		len = ETH + 40 + 20;
	}
	put16(u, 1000);
	put16(u + 2, port);
	put16(u + 4, 20);
	return net_check(f, &len, &a);
}

TEST(net_dhcpv6_tftp_and_management_frames_do_not_pass)
{
	struct net_about a;
	uint8_t f[100] = { 0 };
	size_t len = sizeof(f);

	CHECK_EQ(udp_to(53, false), NET_PASS);
	CHECK_EQ(udp_to(67, false), NET_PASS);
	CHECK_EQ(udp_to(53, true), NET_PASS);
	CHECK_EQ(udp_to(69, false), NET_DROP);
	CHECK_EQ(udp_to(69, true), NET_DROP);
	CHECK_EQ(udp_to(547, true), NET_DROP);
	put16(f + 12, 0x88f8); /* NC-SI */
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
	put16(f + 12, 0x8100); /* VLAN */
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
}

TEST(net_lengths_that_contradict_each_other_do_not_pass)
{
	struct net_about a;
	uint8_t f[200];
	size_t len;

	for (len = 0; len < ETH; len++) {
		size_t n = len;

		memset(f, 0, sizeof(f));
		CHECK_EQ(net_check(f, &n, &a), NET_DROP);
	}
	len = make_tcp(f, 0x10, 0, 10) - 1; /* cut */
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
	len = make_tcp(f, 0x10, 0, 10);
	f[ETH] = 0x4f; /* a header longer than the packet */
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
	len = make_tcp(f, 0x10, 0, 10);
	f[ETH] = 0x44;
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
	len = make_tcp(f, 0x10, 0, 10);
	f[ETH + IP4 + 12] = 15 << 4; /* options past the end */
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
	len = make_tcp(f, 0x10, 0, 10) + 6; /* padding of short frames */
	CHECK_EQ(net_check(f, &len, &a), NET_PASS);
	CHECK_EQ(len, ETH + IP4 + 30);
	make_ip4(f, UDP, 20);
	put16(f + ETH + IP4 + 4, 21);
	len = ETH + IP4 + 20;
	CHECK_EQ(net_check(f, &len, &a), NET_DROP);
}

/* ---- fragments ---- */

static uint8_t whole[70000];

/* Bytes [off, off + n) of whole[] as a fragment. */
static size_t fragment(uint8_t *f, uint16_t id, size_t off, size_t n, bool more)
{
	uint8_t *p = make_ip4(f, UDP, n);

	put16(f + ETH + 4, id);
	put16(f + ETH + 6, (unsigned int)(off / 8) | (more ? 0x2000u : 0u));
	ip_sum(f + ETH);
	memcpy(p, whole + off, n);
	return ETH + IP4 + n;
}

static size_t add(struct net_reass *r, uint16_t id, size_t off, size_t n,
		  bool more, const uint8_t **out)
{
	static uint8_t f[70000];
	size_t len = fragment(f, id, off, n, more);
	struct net_about a;

	CHECK_EQ(net_check(f, &len, &a), NET_FRAGMENT);
	return net_reass_add(r, f, len, id, out);
}

TEST(net_fragments_come_together_in_any_order)
{
	static const int order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	struct net_reass *r = net_reass_create();
	const uint8_t *out = NULL;
	struct net_about a;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(whole); i++) {
		whole[i] = (uint8_t)(i * 13 + i / 256);
	}
	put16(whole + 4, 3500); /* the length that UDP says */
	for (size_t i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++) {
			int part = order[i][k];

			CHECK_EQ(len, 0);
			len = add(r, (uint16_t)i, (size_t)part * 1480,
				  part == 2 ? 3500 - 2960 : 1480, part != 2,
				  &out);
		}
		CHECK_EQ(len, ETH + IP4 + 3500);
		CHECK(!memcmp(out + ETH + IP4, whole, 3500));
		CHECK_EQ(net_sum(out + ETH, IP4, 0), 0xffff);
		CHECK_EQ(net_check((uint8_t *)(uintptr_t)out, &len, &a),
			 NET_PASS);
		len = 0;
	}
	net_reass_destroy(r);
}

TEST(net_fragments_that_overlap_or_end_twice_come_to_nothing)
{
	struct net_reass *r = net_reass_create();
	const uint8_t *out = NULL;

	CHECK_EQ(add(r, 1, 0, 1480, true, &out), 0);
	CHECK_EQ(add(r, 1, 1472, 16, true, &out), 0); /* overlap */
	CHECK_EQ(add(r, 1, 1480, 100, false, &out), 0);
	CHECK_EQ(add(r, 2, 1480, 100, false, &out), 0);
	CHECK_EQ(add(r, 2, 2960, 100, false, &out), 0); /* another end */
	CHECK_EQ(add(r, 2, 0, 1480, true, &out), 0);
	CHECK_EQ(add(r, 3, 1480, 100, false, &out), 0);
	CHECK_EQ(add(r, 3, 1600, 8, true, &out), 0); /* behind the end */
	CHECK_EQ(add(r, 3, 0, 1480, true, &out), 0);
	CHECK_EQ(add(r, 4, 65528, 1480, true, &out), 0); /* over 64 KiB */
	CHECK_EQ(add(r, 5, 0, 1479, true, &out), 0);     /* not of eights */
	net_reass_destroy(r);
}

TEST(net_fragments_of_many_packets_push_the_oldest_out)
{
	struct net_reass *r = net_reass_create();
	const uint8_t *out = NULL;

	for (uint16_t i = 0; i < 5000; i++) {
		CHECK_EQ(add(r, i, 0, 1480, true, &out), 0);
	}
	CHECK_EQ(add(r, 1, 1480, 8, false, &out), 0);
	CHECK(add(r, 4999, 1480, 8, false, &out) > 0);
	net_reass_destroy(r);
}

/* ---- big frames ---- */

TEST(net_a_big_mtu_is_of_whole_segments)
{
	for (unsigned int mtu = NET_MTU_MIN; mtu <= NET_MTU_MAX; mtu++) {
		unsigned int big = net_big_mtu((uint16_t)mtu);

		CHECK(big >= mtu && (big <= 16384 || big == mtu));
		CHECK_EQ((big - 40) % (mtu - 40), 0);
	}
	CHECK_EQ(net_big_mtu(1500), 40 + 11 * 1460);
}

/* A SYN with @options (of fours) and a right sum. */
static size_t make_syn(uint8_t *f, const char *options, size_t n)
{
	uint8_t *t = f + ETH + IP4;
	uint16_t sum;

	make_tcp(f, 0x02, 0, n);
	memcpy(t + 20, options, n);
	t[12] = (uint8_t)((20 + n) / 4 << 4);
	t[16] = t[17] = 0;
	sum = (uint16_t)~net_sum(t, 20 + n, pseudo(f, 20 + n));
	memcpy(t + 16, &sum, sizeof(sum));
	return ETH + IP4 + 20 + n;
}

TEST(net_segment_sizes_of_syns_are_raised)
{
	/* 1460 = 0x05b4, 16060 = 0x3ebc; at even and odd places */
	static const struct {
		const char *in, *out;
		size_t n;
	} opts[] = {
		{ "\2\4\5\xb4", "\2\4\x3e\xbc", 4 },
		{ "\1\2\4\5\xb4\1\1\1", "\1\2\4\x3e\xbc\1\1\1", 8 },
		{ "\1\1\1\1\2\4\5\xb4", "\1\1\1\1\2\4\x3e\xbc", 8 },
		{ "\4\2\3\3\7\2\4\5\xb4\0\0\0",
		  "\4\2\3\3\7\2\4\x3e\xbc\0\0\0", 12 },
	};
	uint8_t f[200];

	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		size_t len = make_syn(f, opts[i].in, opts[i].n);

		net_big_ask(f, len, 1500);
		CHECK(!memcmp(f + ETH + IP4 + 20, opts[i].out, opts[i].n));
		CHECK(sum_is_right(f, 20 + opts[i].n));
	}
}

TEST(net_segment_sizes_with_a_reason_stay)
{
	static const struct {
		const char *in;
		size_t n;
	} opts[] = {
		{ "\2\4\5\xb3", 4 },             /* smaller */
		{ "\2\4\x23\x28", 4 },           /* larger */
		{ "\0\2\4\5\xb4\0\0\0", 8 },     /* behind the end */
		{ "\3\0\2\4\5\xb4\0\0", 8 },     /* an option of none */
		{ "\3\1\2\4\5\xb4\0\0", 8 },     /* of one byte */
		{ "\2\3\5\xb4", 4 },             /* of another length */
		{ "\1\1\2\4", 4 },               /* cut */
		{ "\1\1\1\2", 4 },
		{ "", 0 },
	};
	uint8_t f[200], same[200];
	size_t len;

	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		len = make_syn(f, opts[i].in, opts[i].n);
		memcpy(same, f, len);
		net_big_ask(f, len, 1500);
		CHECK(!memcmp(f, same, len));
	}
	len = make_syn(f, "\2\4\5\xb4", 4);
	f[ETH + IP4 + 13] = 0x10; /* no SYN */
	memcpy(same, f, len);
	net_big_ask(f, len, 1500);
	for (size_t cut = 0; cut < len; cut++) {
		f[ETH + IP4 + 13] = same[ETH + IP4 + 13] = 0x02;
		net_big_ask(f, cut, 1500);
	}
	CHECK(!memcmp(f, same, len));
}

TEST(net_big_segments_say_how_they_would_be_cut)
{
	static uint8_t f[20000], same[20000];
	size_t len = make_tcp(f, 0x18, 0, 16060);
	struct net_hdr h = { 0 };

	CHECK(!net_big_hdr(f, 1514, 1500, &h));
	CHECK(net_big_hdr(f, 1515, 1500, &h));
	CHECK_EQ(h.flags, NET_HDR_NEEDS_CSUM);
	CHECK_EQ(h.gso_type, NET_GSO_TCP4);
	CHECK_EQ(le16toh(h.gso_size), 1460);
	CHECK_EQ(le16toh(h.hdr_len), 54);
	memcpy(same, f, len);
	net_big_partial(f, len);
	CHECK(memcmp(f, same, len));
	CHECK(net_csum_fill(f, len, le16toh(h.csum_start),
			    le16toh(h.csum_offset)));
	CHECK(!memcmp(f, same, len));
	f[ETH + 9] = UDP;
	CHECK(!net_big_hdr(f, len, 1500, &h));
}

struct pieces {
	unsigned int n;
	size_t total;   /* bytes behind headers */
	uint16_t id;    /* of the last */
	uint8_t flags;  /* all of them ... */
	uint8_t last;   /* and of the last */
	uint8_t body[70000];
	bool v6, right;
};

static void take_segment(void *ctx, uint8_t *f, size_t len)
{
	struct pieces *p = ctx;
	size_t head = p->v6 ? 40 : IP4, n = len - ETH - head;
	const uint8_t *ip = f + ETH, *t = ip + head;
	uint8_t ps[40] = { 0 };
	uint16_t have = (uint16_t)(p->v6 ? ip[4] << 8 | ip[5]
					 : ip[2] << 8 | ip[3]);

	memcpy(ps, p->v6 ? ip + 8 : ip + 12, p->v6 ? 32 : 8);
	put16(ps + 34, (unsigned int)n);
	ps[39] = TCP;
	p->right = p->right && len <= ETH + 1500 &&
		   have == (p->v6 ? n : len - ETH) &&
		   net_sum(t, n, net_sum(ps, sizeof(ps), 0)) == 0xffff &&
		   ((uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 |
		    (uint32_t)t[6] << 8 | t[7]) ==
			   (uint32_t)(0xfffff000u + p->total);
	if (!p->v6) {
		p->right = p->right && net_sum(ip, IP4, 0) == 0xffff &&
			   (!p->n || (ip[4] << 8 | ip[5]) == p->id + 1);
		p->id = (uint16_t)(ip[4] << 8 | ip[5]);
	}
	memcpy(p->body + p->total, t + 20, n - 20);
	p->total += n - 20;
	p->flags |= p->last;
	p->last = t[13];
	p->n++;
}

TEST(net_big_segments_are_cut_into_right_ones)
{
	static const size_t sizes[] = { 1461, 2920, 16060, 32768, 65000 };
	static uint8_t f[70000], body[70000];
	static struct pieces p;

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i / 2], len = make_tcp(f, 0x99, 0, n);
		size_t each = 1460;
		uint8_t *t = f + ETH + IP4;

		memset(&p, 0, sizeof(p));
		p.right = true;
		p.v6 = i % 2;
		if (p.v6) {
			t = f + ETH + 40;
			memmove(t, f + ETH + IP4, len - ETH - IP4);
			len += 20;
			each = 1440;
			put16(f + 12, NET_ETH_IP6);
			memset(f + ETH, 0x60, 40);
			f[ETH + 6] = TCP;
		}
		put16(t + 4, 0xffff); /* sequence numbers go round */
		put16(t + 6, 0xf000);
		memcpy(body, t + 20, n);
		net_big_cut(f, len, 1500, take_segment, &p);
		CHECK(p.right);
		CHECK_EQ(p.n, (n + each - 1) / each);
		CHECK_EQ(p.total, n);
		CHECK(!memcmp(p.body, body, n));
		/* FIN and PSH with the last; that the window shrank once */
		CHECK_EQ(p.last, 0x19);
		CHECK_EQ(p.flags, 0x90);
	}
}

struct reunion {
	struct net_reass *r;
	const uint8_t *out;
	size_t len;
	unsigned int n;
};

static void take_fragment(void *ctx, uint8_t *f, size_t len)
{
	struct reunion *u = ctx;
	struct net_about a;
	size_t same = len;

	CHECK(len <= ETH + 1500);
	CHECK_EQ(u->len, 0); /* not whole before the last */
	CHECK_EQ(net_check(f, &len, &a), NET_FRAGMENT);
	CHECK_EQ(len, same);
	u->len = net_reass_add(u->r, f, len, 0, &u->out);
	u->n++;
}

TEST(net_big_datagrams_are_cut_into_fragments)
{
	static uint8_t f[70000], same[70000];
	struct reunion u = { .r = net_reass_create() };
	size_t len = ETH + IP4 + 8008;

	make_ip4(f, UDP, 8008);
	for (size_t i = 0; i < 8008; i++) {
		f[ETH + IP4 + i] = (uint8_t)(i * 11 + i / 256);
	}
	memcpy(same, f, len);
	net_big_cut(f, len, 1500, take_fragment, &u);
	CHECK_EQ(u.n, 6);
	CHECK_EQ(u.len, len);
	CHECK(!memcmp(u.out, same, len));
	net_reass_destroy(u.r);
}

TEST(net_fragments_are_cut_into_smaller_ones)
{
	static uint8_t f[70000];
	struct reunion u = { .r = net_reass_create() };
	size_t len;

	for (size_t i = 0; i < sizeof(whole); i++) {
		whole[i] = (uint8_t)(i * 13 + i / 256);
	}
	len = fragment(f, 7, 0, 16064, true);
	net_big_cut(f, len, 1500, take_fragment, &u);
	CHECK_EQ(u.n, 11);
	CHECK_EQ(u.len, 0);
	len = fragment(f, 7, 16064, 4000, false);
	net_big_cut(f, len, 1500, take_fragment, &u);
	CHECK_EQ(u.n, 14);
	CHECK_EQ(u.len, ETH + IP4 + 20064);
	CHECK(!memcmp(u.out + ETH + IP4, whole, 20064));
	net_reass_destroy(u.r);
}

static void take_whole(void *ctx, uint8_t *f, size_t len)
{
	(void)f;
	*(size_t *)ctx = len;
}

TEST(net_what_cannot_be_cut_comes_whole)
{
	static uint8_t f[70000];
	size_t len, got = 0;

	len = make_tcp(f, 0x10, 0, 1460);
	net_big_cut(f, len, 1500, take_whole, &got);
	CHECK_EQ(got, len);
	make_ip4(f, UDP, 3000);
	put16(f + 12, NET_ETH_IP6);
	net_big_cut(f, 3000, 1500, take_whole, &got);
	CHECK_EQ(got, 3000);
	put16(f + 12, NET_ETH_ARP);
	net_big_cut(f, 2000, 1500, take_whole, &got);
	CHECK_EQ(got, 2000);
}

/* ---- options ---- */

static int parse(const char *key, const char *value, struct net_opts *o,
		 struct av_err *err)
{
	struct vdev_args a = { .name = "net0",
			       .seed = 7,
			       .opt = { { key, value } },
			       .n_opts = key ? 1 : 0 };

	*err = (struct av_err){ 0 };
	return net_opts_parse(&a, o, err);
}

TEST(net_options_have_defaults)
{
	struct net_opts o, again;
	struct av_err err;
	uint8_t mac[NET_MAC_LEN];

	CHECK_EQ(parse(NULL, NULL, &o, &err), 0);
	CHECK_STR(inet_ntoa(o.net), "10.0.2.0");
	CHECK_STR(inet_ntoa(o.host), "10.0.2.2");
	CHECK_STR(inet_ntoa(o.dns), "10.0.2.3");
	CHECK_STR(inet_ntoa(o.dhcp), "10.0.2.15");
	CHECK(o.serve_dhcp && o.serve_dns && o.ipv6 && o.loopback &&
	      o.offloads && !o.restricted);
	CHECK_EQ(o.mtu, 1500);
	CHECK_EQ(o.mac[0] & 3, 2); /* local, of one station */
	CHECK_EQ(parse(NULL, NULL, &again, &err), 0);
	CHECK(!memcmp(o.mac, again.mac, sizeof(o.mac)));
	net_default_mac(7, "net1", mac);
	CHECK(memcmp(o.mac, mac, sizeof(mac)));
	net_default_mac(8, "net0", mac);
	CHECK(memcmp(o.mac, mac, sizeof(mac)));
}

TEST(net_options_are_read)
{
	struct net_opts o;
	struct av_err err;

	CHECK_EQ(parse("mac", "52:54:00:AB:cd:ef", &o, &err), 0);
	CHECK(!memcmp(o.mac, "\x52\x54\0\xab\xcd\xef", 6));
	CHECK_EQ(parse("net", "192.168.7.0/25", &o, &err), 0);
	CHECK_STR(inet_ntoa(o.dhcp), "192.168.7.15");
	CHECK_EQ(parse("dhcp", "off", &o, &err), 0);
	CHECK(!o.serve_dhcp);
	CHECK_EQ(parse("forward", "tcp:8022:22;udp:0.0.0.0:5353:53", &o, &err),
		 0);
	CHECK_EQ(o.n_forwards, 2);
	CHECK(!o.forward[0].udp && o.forward[1].udp);
	CHECK_STR(inet_ntoa(o.forward[0].host), "127.0.0.1");
	CHECK_STR(inet_ntoa(o.forward[1].host), "0.0.0.0");
	CHECK_EQ(o.forward[1].host_port, 5353);
	CHECK_EQ(o.forward[1].guest_port, 53);
}

TEST(net_options_that_are_wrong_say_what_they_want)
{
	static const char *const bad[][3] = {
		{ "mac", "52:54:00:ab:cd", "six bytes" },
		{ "mac", "53:54:00:ab:cd:ef", "one station" },
		{ "mac", "52:54:00:ab:cd:e+", "six bytes" },
		{ "net", "10.0.2.0", "a network like" },
		{ "net", "10.0.2.1/24", "behind the mask" },
		{ "net", "10.0.2.0/30", "8 to 27 bits" },
		{ "host", "10.0.3.2", "inside of net=" },
		{ "host", "10.0.2.255", "inside of net=" },
		{ "host", "10.0.2.15", "three addresses" },
		{ "dhcp", "on", "an address" },
		{ "forward", "8022:22", "like tcp:8022:22" },
		{ "forward", "tcp:0:22", "like tcp:8022:22" },
		{ "forward", "tcp:8022:65536", "like tcp:8022:22" },
		{ "forward", "tcp:a:b:c:d:e", "like tcp:8022:22" },
		{ "ipv6", "yes", "on or off" },
		{ "mtu", "1200", "from 1280 to 65521" },
		{ "mtu", "1500x", "from 1280 to 65521" },
		{ "queues", "9", "from 1 to 8" },
		{ "hostname", "a b", "letters" },
		{ "hostname", "", "letters" },
	};
	struct net_opts o;
	struct av_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(parse(bad[i][0], bad[i][1], &o, &err), -EINVAL);
		if (!strstr(err.msg, bad[i][2])) {
			fail_msg("%s=%s: %s", bad[i][0], bad[i][1], err.msg);
		}
	}
}

/* ---- control queue ---- */

static const uint8_t own[NET_MAC_LEN] = { 2, 1, 1, 1, 1, 1 };

static struct net_ctrl ctrl_new(void)
{
	struct net_ctrl c;

	net_ctrl_reset(&c, own, 4);
	c.features = UINT64_MAX;
	return c;
}

static uint8_t command(struct net_ctrl *c, const char *bytes, size_t n)
{
	return net_ctrl_command(c, (const uint8_t *)bytes, n);
}
#define COMMAND(c, text) command(c, text, sizeof(text) - 1)

TEST(net_control_filters_what_the_driver_does_not_want)
{
	struct net_ctrl c = ctrl_new();
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint8_t other[6] = { 2, 9, 9, 9, 9, 9 };
	static const uint8_t multi[6] = { 1, 0, 0x5e, 0, 0, 1 };

	CHECK(net_ctrl_wants(&c, other)); /* everything, after a reset */
	CHECK_EQ(COMMAND(&c, "\0\0\0"), NET_CTRL_OK); /* promisc off */
	CHECK(net_ctrl_wants(&c, own) && net_ctrl_wants(&c, all));
	CHECK(!net_ctrl_wants(&c, other) && !net_ctrl_wants(&c, multi));
	CHECK_EQ(COMMAND(&c, "\1\0\1\0\0\0\2\11\11\11\11\11"
			     "\1\0\0\0\1\0\x5e\0\0\1"),
		 NET_CTRL_OK);
	CHECK(net_ctrl_wants(&c, other) && net_ctrl_wants(&c, multi));
	CHECK_EQ(COMMAND(&c, "\0\3\1"), NET_CTRL_OK); /* nomulti */
	CHECK(!net_ctrl_wants(&c, multi));
	CHECK_EQ(COMMAND(&c, "\0\5\1"), NET_CTRL_OK); /* nobcast */
	CHECK(!net_ctrl_wants(&c, all));
	CHECK_EQ(COMMAND(&c, "\1\1\2\7\7\7\7\7"), NET_CTRL_OK);
	CHECK(!net_ctrl_wants(&c, own));
}

TEST(net_control_refuses_what_is_malformed_or_not_negotiated)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {
		{ "", 0 },
		{ "\0", 1 },
		{ "\0\0", 2 },
		{ "\0\0\2", 3 },
		{ "\0\6\1", 3 },
		{ "\1\1\2\7\7\7\7", 7 },
		{ "\1\0\1\0\0\0\2\11\11\11\11\11", 12 },
		{ "\1\0\377\377\377\377\0\0\0\0", 10 },
		{ "\1\0\0\0\0\0\0\0\0\0\0", 11 },
		{ "\2\0\1\0", 4 },                /* VLAN is not offered */
		{ "\3\1", 2 },                    /* no such announcement */
		{ "\4\0\0\0", 4 },                /* no pair */
		{ "\4\0\5\0", 4 },                /* more than there are */
		{ "\4\1\1\0", 4 },                /* RSS */
		{ "\5\0\0\4\0\0\0\0\0\0", 10 }, /* UFO */
		{ "\377\377", 2 },
	};
	struct net_ctrl c = ctrl_new();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(command(&c, bad[i].text, bad[i].n), NET_CTRL_ERR);
	}
	CHECK_EQ(COMMAND(&c, "\4\0\2\0"), NET_CTRL_OK);
	CHECK_EQ(c.pairs, 2);
	CHECK(net_ctrl_offload(&c, NET_F_GUEST_TSO4));
	CHECK_EQ(COMMAND(&c, "\5\0\2\0\0\0\0\0\0\0"), NET_CTRL_OK);
	CHECK(!net_ctrl_offload(&c, NET_F_GUEST_TSO4));
	CHECK_EQ(COMMAND(&c, "\5\0\0\0\0\0\0\0\0\0"), NET_CTRL_OK);
	CHECK_EQ(c.offloads, 0);
	c.announce = true;
	CHECK_EQ(COMMAND(&c, "\3\0"), NET_CTRL_OK);
	CHECK(!c.announce);
	c.features = 0;
	CHECK_EQ(COMMAND(&c, "\0\0\1"), NET_CTRL_ERR);
	CHECK_EQ(COMMAND(&c, "\3\0"), NET_CTRL_ERR);
	c.offloads = NET_GUEST_OFFLOADS;
	CHECK(!net_ctrl_offload(&c, NET_F_GUEST_TSO4));
	CHECK_EQ(COMMAND(&c, "\5\0\2\0\0\0\0\0\0\0"), NET_CTRL_ERR);
}

TEST(net_control_with_too_many_addresses_receives_all)
{
	struct net_ctrl c = ctrl_new();
	uint8_t cmd[2 + 4 + 100 * 6 + 4] = { 1, 0, 100 };

	CHECK_EQ(COMMAND(&c, "\0\0\0"), NET_CTRL_OK);
	CHECK_EQ(net_ctrl_command(&c, cmd, sizeof(cmd)), NET_CTRL_OK);
	CHECK(c.uni.overflow && !c.multi.overflow);
	CHECK(net_ctrl_wants(&c, (const uint8_t *)"\2\3\4\5\6\7"));
	CHECK(!net_ctrl_wants(&c, (const uint8_t *)"\3\3\4\5\6\7"));
}

/* ---- frames that wait ---- */

/* Whatever the order of coming and going: what the limits allow fits, and comes
 * out as it went in. */
TEST(net_a_queue_takes_what_its_limits_allow_and_keeps_order)
{
	enum { N = 20, BYTES = 200000, ROUNDS = 20000 };
	static uint8_t frame[NET_FRAME_MAX];
	struct net_fifo f;
	struct av_rand r;
	size_t len[N], first = 0, n = 0, bytes = 0;
	uint8_t said = 0, heard = 0;

	av_rand_init(&r, 1, "fifo");
	CHECK_EQ(net_fifo_init(&f, N, BYTES), 0);
	for (int i = 0; i < ROUNDS; i++) {
		size_t max = av_rand_below(&r, 4) ? 1500 : NET_FRAME_MAX;
		size_t k = 1 + av_rand_below(&r, max);
		const struct net_frame *e = net_fifo_first(&f);

		CHECK_EQ(e != NULL, n > 0);
		if (e && av_rand_below(&r, 2)) {
			CHECK_EQ(e->len, len[first]);
			CHECK_EQ(e->data[0], heard);
			CHECK_EQ(e->data[e->len - 1], heard);
			heard++;
			bytes -= len[first];
			first = (first + 1) % N;
			n--;
			net_fifo_drop(&f);
			continue;
		}
		memset(frame, said, k);
		CHECK_EQ(net_fifo_put(&f, frame, k, i),
			 n < N && bytes + k <= BYTES);
		if (n < N && bytes + k <= BYTES) {
			len[(first + n++) % N] = k;
			bytes += k;
			said++;
		}
	}
	CHECK(said > 0 && heard > 0);
	net_fifo_clear(&f);
	CHECK(!net_fifo_first(&f));
	net_fifo_finish(&f);
}

/* ---- the line ---- */

struct arrivals {
	unsigned int n[2], lost;
	unsigned int last;
	bool in_order;
};

static void arrive(void *ctx, bool to_guest, uint8_t *frame, size_t len)
{
	struct arrivals *a = ctx;
	unsigned int k;

	CHECK_EQ(len, sizeof(k));
	memcpy(&k, frame, sizeof(k));
	a->in_order = a->in_order && (!a->n[to_guest] || k > a->last);
	a->last = k;
	a->n[to_guest]++;
}

static void line_flush(void *ctx)
{
	(void)ctx;
}

static void line_lost(void *ctx)
{
	((struct arrivals *)ctx)->lost++;
}

static void keep_alive(uv_prepare_t *p)
{
	(void)p;
}

static const struct net_line_ops line_ops = { arrive, line_flush, line_lost };

/* What came of @n frames to the guest under fault @name. */
static struct arrivals transfer(const char *name, double a, double b,
				unsigned int n, uint64_t seed, int64_t *ns)
{
	struct port_fault f = { .v = { a, b, NAN, NAN } };
	struct arrivals got = { .in_order = true };
	struct net_line *l;
	struct av_rand r;
	int64_t t0 = health_clock_ns();
	uv_prepare_t alive; /* a line alone does not keep a loop going */
	uv_loop_t loop;

	uv_loop_init(&loop);
	uv_prepare_init(&loop, &alive);
	uv_prepare_start(&alive, keep_alive);
	av_rand_init(&r, seed, "line");
	l = net_line_create(&loop, &r, &line_ops, &got);
	snprintf(f.name, sizeof(f.name), "%s", name);
	CHECK(net_line_clear(l));
	net_line_fault(l, &f, true);
	CHECK(!net_line_clear(l));
	for (unsigned int i = 0; i < n; i++) {
		net_line_put(l, true, (const uint8_t *)&i, sizeof(i),
			     health_clock_ns());
	}
	net_line_fault(l, &f, false);
	while (!net_line_clear(l)) {
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	*ns = health_clock_ns() - t0;
	net_line_destroy(l);
	uv_close((uv_handle_t *)&alive, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&loop), 0);
	return got;
}

TEST(net_loss_takes_its_share_and_the_seed_says_which)
{
	int64_t ns;
	struct arrivals a = transfer("net-loss", 0.3, NAN, 4000, 1, &ns);
	struct arrivals same = transfer("net-loss", 0.3, NAN, 4000, 1, &ns);
	struct arrivals other = transfer("net-loss", 0.3, NAN, 4000, 2, &ns);

	CHECK_NEAR(a.n[1], 2800, 150);
	CHECK(a.in_order && !a.n[0]);
	CHECK_EQ(a.n[1], same.n[1]);
	CHECK(a.n[1] != other.n[1]);
	CHECK_EQ(transfer("net-loss", 1, NAN, 50, 1, &ns).n[1], 0);
	CHECK_EQ(transfer("net-loss", 1, 2, 50, 1, &ns).n[1], 50); /* out */
	CHECK_EQ(transfer("net-loss", 1, 1, 50, 1, &ns).n[1], 0);  /* in */
}

TEST(net_delay_is_kept_and_so_is_the_order)
{
	int64_t ns;
	struct arrivals a = transfer("net-delay", 0.05, 0.04, 200, 1, &ns);

	CHECK_EQ(a.n[1], 200);
	CHECK(a.in_order);
	CHECK(ns >= 20000000); /* the last is at least near 50 - 40 ms; that
				  of 200 is the latest of all */
	a = transfer("net-delay", 0.03, NAN, 1, 1, &ns);
	CHECK(a.n[1] == 1 && ns >= 29000000);
}

TEST(net_bandwidth_spreads_frames_and_a_full_line_loses)
{
	int64_t ns;
	struct arrivals a = transfer("net-bandwidth", 32000, NAN, 100, 1, &ns);

	CHECK_EQ(a.n[1], 100);
	CHECK(ns >= 99000000); /* 100 frames of 32 bits at 32 kbit/s */
	a = transfer("net-bandwidth", 1e9, NAN, 9000, 1, &ns);
	CHECK_EQ(a.n[1] + a.lost, 9000);
	CHECK_EQ(a.lost, 9000 - 8192);
}

int main(void)
{
	return RUN_TESTS(
		T(net_sum_is_that_of_rfc_1071),
		T(net_partial_checksums_become_whole),
		T(net_checksum_places_outside_of_the_frame_change_nothing),
		T(net_urgent_segments_lose_flag_and_pointer_and_keep_a_right_sum),
		T(net_a_wrong_sum_is_not_made_right_by_taking_urg_off),
		T(net_frames_without_urg_stay_as_they_are),
		T(net_dhcpv6_tftp_and_management_frames_do_not_pass),
		T(net_lengths_that_contradict_each_other_do_not_pass),
		T(net_fragments_come_together_in_any_order),
		T(net_fragments_that_overlap_or_end_twice_come_to_nothing),
		T(net_fragments_of_many_packets_push_the_oldest_out),
		T(net_a_big_mtu_is_of_whole_segments),
		T(net_segment_sizes_of_syns_are_raised),
		T(net_segment_sizes_with_a_reason_stay),
		T(net_big_segments_say_how_they_would_be_cut),
		T(net_big_segments_are_cut_into_right_ones),
		T(net_big_datagrams_are_cut_into_fragments),
		T(net_fragments_are_cut_into_smaller_ones),
		T(net_what_cannot_be_cut_comes_whole),
		T(net_options_have_defaults), T(net_options_are_read),
		T(net_options_that_are_wrong_say_what_they_want),
		T(net_control_filters_what_the_driver_does_not_want),
		T(net_control_refuses_what_is_malformed_or_not_negotiated),
		T(net_control_with_too_many_addresses_receives_all),
		T(net_loss_takes_its_share_and_the_seed_says_which),
		T(net_delay_is_kept_and_so_is_the_order),
		T(net_a_queue_takes_what_its_limits_allow_and_keeps_order),
		T(net_bandwidth_spreads_frames_and_a_full_line_loses));
}
