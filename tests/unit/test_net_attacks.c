/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest against the network stack (G13): urgent data, fragments,
 * garbage for every service, more flows than anybody has. The device runs as it
 * does by default, in a confined child; it must live, keep its memory and
 * descriptors bounded, and go on serving.
 *
 * AVSIM_ATTACKS=full: the whole counts.
 */
#include "config.h"

#include "test.h"

#include "tests/vu/front.h"
#include "tests/vu/procfs.h"
#include "vdevices/host.h"
#include "vdevices/net_ctrl.h"
#include "vdevices/sandbox.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	RX,
	TX,
	HDR = 12,
	ETH = NET_ETH_LEN,
	IP4 = 20,
	P_ICMP = 1,
	P_TCP = 6,
	P_UDP = 17,
	SYN = 2,
	RST = 4,
	ACK = 16,
	URG = 32,
	BUFS = 64,
	BUF = 4096,
	QUIET_MS = 50,
	FULL = 100000,
	FLOWS_MAX = 1024 + 64, /* and what was open before */
};

static const uint32_t router = 0x0a000202, self = 0x0a00020f;

/* ---- the device and its guest ---- */

struct rig {
	pid_t pid;
	int port, conn[2], health_fd;
	struct health *health;
	struct front_mem *m;
	struct front *f;
	uint64_t tx[BUFS], rx[BUFS];
	unsigned int tx_next;
	struct net_hdr hdr; /* the last that came */
	uint8_t frame[NET_FRAME_MAX];
	size_t len;
};

static void await_ready(struct rig *r)
{
	struct {
		struct port_header h;
		char text[1000];
	} m;
	struct pollfd p = { .fd = r->port, .events = POLLIN };

	do {
		memset(&m, 0, sizeof(m));
		if (poll(&p, 1, FRONT_WAIT_MS) < 1 ||
		    recv(r->port, &m, sizeof(m) - 1, 0) <= 0) {
			fail_msg("the device did not start");
		}
		if (!strncmp(m.text, VDEV_CHILD_FAILED, 8)) {
			fail_msg("%s", m.text);
		}
	} while (m.h.kind != PORT_READY);
}

static void post_rx(struct rig *r, unsigned int i)
{
	struct front_buf b = { .gpa = r->rx[i], .len = BUF, .write = true };

	CHECK_EQ(front_add(r->f, RX, &b, 1, i), 0);
}

static void post_all_rx(struct rig *r)
{
	for (unsigned int i = 0; i < BUFS; i++) {
		post_rx(r, i);
	}
	front_kick(r->f, RX);
}

/* @without: features that the driver, protocol features that the front-end does
 * not know. */
static struct rig *rig_start_with(uint64_t without, uint64_t without_pf)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct vdev_args a = { .name = "net0", .seed = 1 };
	struct vdev_host_opts o = { .type = vdev_type_find("net"),
				    .args = &a,
				    .listen_fd = -1 };
	struct av_err err = { 0 };
	struct front_opts fo = { .without = without,
				 .without_pf = without_pf };
	int port[2];

	CHECK_EQ(port_pair(port), 0);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, r->conn),
		 0);
	r->health_fd = memfd_create("health", MFD_CLOEXEC);
	CHECK_EQ(ftruncate(r->health_fd, sizeof(*r->health)), 0);
	r->health = mmap(NULL, sizeof(*r->health), PROT_READ | PROT_WRITE,
			 MAP_SHARED, r->health_fd, 0);
	r->port = port[0];
	o.port_fd = port[1];
	o.conn_fd = r->conn[1];
	o.health = r->health;
	r->pid = vdev_child_start(&o, r->health_fd, true, &err);
	if (r->pid < 0) {
		fail_msg("%s", err.msg);
	}
	close(port[1]);
	close(r->conn[1]);
	await_ready(r);
	r->m = front_mem_create(1, 4 << 20);
	fo.conn_fd = r->conn[0];
	fo.mem = r->m;
	if (front_open(&fo, &r->f, &err) || front_start(r->f, &err)) {
		fail_msg("%s", err.msg);
	}
	for (unsigned int i = 0; i < BUFS; i++) {
		r->tx[i] = front_alloc(r->m, BUF, 64);
		r->rx[i] = front_alloc(r->m, BUF, 64);
	}
	post_all_rx(r);
	return r;
}

static struct rig *rig_start(void)
{
	return rig_start_with(0, 0);
}

/* Ends without a look at how the device does. */
static void rig_abandon(struct rig *r)
{
	front_close(r->f);
	front_mem_destroy(r->m);
	close(r->port);
	munmap(r->health, sizeof(*r->health));
	close(r->health_fd);
	free(r);
}

static void rig_stop(struct rig *r)
{
	int st;

	shutdown(r->port, SHUT_RDWR); /* ends it */
	CHECK_EQ(waitpid(r->pid, &st, 0), r->pid);
	if (st) {
		fail_msg("the device ended with 0x%x", st);
	}
	rig_abandon(r);
}

static void alive(struct rig *r)
{
	int st;

	if (waitpid(r->pid, &st, WNOHANG)) {
		fail_msg("the device's process ended with 0x%x", st);
	}
}

/* It has over @least, and up to @most, descriptors more than @before. */
static void check_fds(const struct rig *r, int before, int least, int most)
{
	if (before < 0) {
		print_message("not checked: %s\n", PROC_FDS_UNKNOWN);
		return;
	}
	CHECK(proc_fds(r->pid) - before > least);
	CHECK(proc_fds(r->pid) - before <= most);
}

static long rss_kb(const struct rig *r)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)r->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %ld", &kb) == 1) {
			break;
		}
	}
	if (f) {
		fclose(f);
	}
	return kb;
}

/* Sanitizers keep freed memory and shadows. */
static void bounded(struct rig *r, long before_kb, long mib)
{
#ifdef AVSIM_SANITIZED
	mib *= 8;
#endif
	alive(r);
	if (rss_kb(r) > before_kb + mib * 1024) {
		fail_msg("resident %ld KiB, %ld before", rss_kb(r), before_kb);
	}
}

/* The next frame into r->frame. False: none came in time. */
static bool receive(struct rig *r, int timeout_ms)
{
	struct front_used u;
	unsigned int n = 1;
	int ret;

	r->len = 0;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p;
		size_t skip = i ? 0 : HDR;

		ret = front_wait(r->f, RX, &u, timeout_ms);
		if (ret == -ETIMEDOUT && !i) {
			return false;
		}
		if (ret || u.len < skip ||
		    u.len - skip > sizeof(r->frame) - r->len) {
			fail_msg("receive: %s", front_why(r->f));
		}
		p = front_mem_at(r->m, r->rx[u.cookie]);
		if (!i) {
			memcpy(&r->hdr, p, HDR);
			n = le16toh(r->hdr.num_buffers);
		}
		memcpy(r->frame + r->len, p + skip, u.len - skip);
		r->len += u.len - skip;
		post_rx(r, (unsigned int)u.cookie);
	}
	front_kick(r->f, RX);
	return true;
}

static void send_frame(struct rig *r, const void *frame, size_t len)
{
	unsigned int i = r->tx_next++ % BUFS;
	struct front_buf b = { .gpa = r->tx[i], .len = (uint32_t)(HDR + len) };
	uint8_t *p = front_mem_at(r->m, r->tx[i]);
	struct front_used u;
	int ret;

	while (front_in_flight(r->f, TX) >= BUFS / 2) {
		front_kick(r->f, TX);
		ret = front_wait(r->f, TX, &u, FRONT_WAIT_MS);
		if (ret) {
			alive(r);
			fail_msg("send: %s", front_why(r->f));
		}
	}
	memset(p, 0, HDR);
	memcpy(p + HDR, frame, len);
	CHECK_EQ(front_add(r->f, TX, &b, 1, 0), 0);
}

/* Out with it, and what came back meanwhile is thrown away. */
static void settle(struct rig *r)
{
	struct front_used u;

	front_kick(r->f, TX);
	while (front_in_flight(r->f, TX)) {
		CHECK_EQ(front_wait(r->f, TX, &u, FRONT_WAIT_MS), 0);
	}
	while (receive(r, QUIET_MS)) {
	}
}

/* ---- frames ---- */

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void store_sum(uint8_t *at, uint16_t sum)
{
	sum = (uint16_t)~sum;
	memcpy(at, &sum, sizeof(sum));
}

/* @n bytes of payload are at f + ETH + IP4; right sums everywhere. */
static size_t make(uint8_t *f, uint8_t proto, uint32_t from, uint32_t to,
		   size_t n)
{
	uint8_t *ip = f + ETH, *up = ip + IP4, pseudo[12] = { 0 };
	int at = proto == P_TCP ? 16 : proto == P_UDP ? 6 : 2;
	uint16_t sum = 0;

	memcpy(f, "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56\x08\x00",
	       ETH);
	memset(ip, 0, IP4);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)(IP4 + n));
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, from);
	put32(ip + 16, to);
	store_sum(ip + 10, net_sum(ip, IP4, 0));
	memcpy(pseudo, ip + 12, 8);
	pseudo[9] = proto;
	put16(pseudo + 10, (unsigned int)n);
	put16(up + at, 0);
	if (proto != P_ICMP) {
		sum = net_sum(pseudo, sizeof(pseudo), 0);
	}
	store_sum(up + at, net_sum(up, n, sum));
	return ETH + IP4 + n;
}

static size_t tcp(uint8_t *f, uint16_t from, uint16_t to, uint32_t seq,
		  uint32_t ack, uint8_t flags, uint16_t urgent,
		  const char *data)
{
	uint8_t *t = f + ETH + IP4;
	size_t n = strlen(data);

	memset(t, 0, 20);
	put16(t, from);
	put16(t + 2, to);
	put32(t + 4, seq);
	put32(t + 8, ack);
	t[12] = 5 << 4;
	t[13] = flags;
	put16(t + 14, 60000);
	put16(t + 18, urgent);
	memcpy(t + 20, data, n);
	return make(f, P_TCP, self, router, 20 + n);
}

static size_t udp(uint8_t *f, uint16_t from, uint32_t to, uint16_t port,
		  const void *data, size_t n)
{
	uint8_t *u = f + ETH + IP4;

	put16(u, from);
	put16(u + 2, port);
	put16(u + 4, (unsigned int)(8 + n));
	memcpy(u + 8, data, n);
	return make(f, P_UDP, self, to, 8 + n);
}

/* Who has 10.0.2.2? The stack learns by it where the guest is. */
static void send_arp(struct rig *r)
{
	uint8_t f[42] = { 0 };

	memset(f, 0xff, 6);
	memcpy(f + 6, "\x52\x54\x00\x12\x34\x56\x08\x06", 8);
	memcpy(f + 14, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	memcpy(f + 22, f + 6, 6);
	put32(f + 28, self);
	put32(f + 38, router);
	send_frame(r, f, sizeof(f));
}

static void arp(struct rig *r)
{
	send_arp(r);
	front_kick(r->f, TX);
	do {
		if (!receive(r, FRONT_WAIT_MS)) {
			alive(r);
			fail_msg("the router answers no ARP");
		}
	} while (r->frame[13] != 6 || r->frame[21] != 2);
}

static bool sum_is_right(const uint8_t *f, size_t len)
{
	uint8_t pseudo[12] = { 0 };
	size_t n = len - ETH - IP4;

	memcpy(pseudo, f + ETH + 12, 8);
	pseudo[9] = P_TCP;
	put16(pseudo + 10, (unsigned int)n);
	return net_sum(f + ETH + IP4, n,
		       net_sum(pseudo, sizeof(pseudo), 0)) == 0xffff;
}

static bool is_tcp(const struct rig *r, uint16_t port, uint8_t flags)
{
	const uint8_t *ip = r->frame + ETH, *t = ip + IP4;

	return r->len >= ETH + IP4 + 20 && r->frame[12] == 8 &&
	       r->frame[13] == 0 && ip[9] == P_TCP &&
	       (t[2] << 8 | t[3]) == port && (t[13] & flags) == flags;
}

/* ---- host ---- */

static int host_socket(int type, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static unsigned int count(unsigned int full)
{
	const char *s = getenv("AVSIM_ATTACKS");

	return s && !strcmp(s, "full") ? full : full / 5;
}

static uint32_t random32(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 32);
}

/* ---- attacks ---- */

/* Opens a connection and returns the host's end of it. */
static int connect_by_hand(struct rig *r, int listener, uint16_t from,
			   uint16_t to, uint32_t *ack)
{
	uint8_t f[200];
	int fd;

	send_frame(r, f, tcp(f, from, to, 1000, 0, SYN, 0, ""));
	front_kick(r->f, TX);
	do {
		if (!receive(r, FRONT_WAIT_MS)) {
			fail_msg("no answer to a SYN");
		}
	} while (!is_tcp(r, from, SYN | ACK));
	*ack = get32(r->frame + ETH + IP4 + 4) + 1;
	send_frame(r, f, tcp(f, from, to, 1001, *ack, ACK, 0, ""));
	CHECK(readable(listener, FRONT_WAIT_MS));
	fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	return fd;
}

/* libslirp 4.7 sends 1499 bytes of its heap for these ten. */
TEST(net_an_urgent_pointer_sends_no_more_than_there_was)
{
	struct rig *r = rig_start();
	char got[4096];
	uint8_t f[200];
	uint16_t port;
	uint32_t ack;
	ssize_t n = 0, part;
	int listener = host_socket(SOCK_STREAM, &port), fd, one = 1;

	CHECK_EQ(listen(listener, 4), 0);
	arp(r);
	fd = connect_by_hand(r, listener, 40000, port, &ack);
	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)),
		 0);
	send_frame(
		r, f,
		tcp(f, 40000, port, 1001, ack, URG | ACK, 1500, "0123456789"));
	send_frame(r, f,
		   tcp(f, 40000, port, 1011, ack, URG | ACK, 65535, "abc"));
	send_frame(r, f, tcp(f, 40000, port, 1014, ack, ACK | 1, 0, ""));
	front_kick(r->f, TX);
	while (readable(fd, FRONT_WAIT_MS) && n < (ssize_t)sizeof(got)) {
		part = read(fd, got + n, sizeof(got) - (size_t)n);
		if (part <= 0) {
			break;
		}
		n += part;
	}
	CHECK_EQ(n, 13);
	CHECK(!memcmp(got, "0123456789abc", 13));
	close(fd);
	close(listener);
	alive(r);
	rig_stop(r);
}

TEST(net_fragments_that_never_end_take_no_memory)
{
	struct rig *r = rig_start();
	uint8_t f[ETH + IP4 + 1480] = { 0 };
	long before;

	arp(r);
	before = rss_kb(r);
	for (unsigned int i = 0; i < count(FULL); i++) {
		size_t len = make(f, P_UDP, self, router, 1480);

		put32(f + ETH + 4, i << 16 | 0x2000 | (i >> 16 & 0xfff));
		put16(f + ETH + 10, 0);
		store_sum(f + ETH + 10, net_sum(f + ETH, IP4, 0));
		send_frame(r, f, len);
	}
	settle(r);
	bounded(r, before, 16);
	arp(r);
	rig_stop(r);
}

/* A service's own port with anything behind, with right sums. */
static size_t garbage_udp(uint8_t *f, uint64_t *s)
{
	static const uint16_t ports[] = { 67, 68, 69, 53, 547, 546, 7, 123 };
	uint16_t from = (uint16_t)(60000 + random32(s) % 4);
	uint32_t to = random32(s) % 2 ? router : 0xffffffff;
	uint8_t body[1400];
	size_t n = random32(s) % sizeof(body);
	size_t len;

	for (size_t i = 0; i < n; i++) {
		body[i] = (uint8_t)random32(s);
	}
	if (random32(s) % 2 && n > 240) { /* near to a BOOTP request */
		memcpy(body, "\1\1\6\0", 4);
		memcpy(body + 236, "\x63\x82\x53\x63\x35\1", 6);
		memset(body + 28, 0, 200);
	}
	len = udp(f, from, to, ports[random32(s) % 6], body, n);
	if (random32(s) % 4 == 0) { /* a length that is not true */
		put16(f + ETH + IP4 + 4, random32(s));
		put16(f + ETH + IP4 + 6, 0);
	}
	return len;
}

static size_t garbage_ip(uint8_t *f, uint64_t *s)
{
	size_t n = 8 + random32(s) % 1000;

	for (size_t i = 0; i < n; i++) {
		f[ETH + IP4 + i] = (uint8_t)random32(s);
	}
	return make(f, random32(s) % 3 ? P_ICMP : (uint8_t)random32(s), self,
		    router, n);
}

/* IPv6 to the router or to all: ND, DHCPv6, UDP with true and false lengths. */
static size_t garbage_ip6(uint8_t *f, uint64_t *s)
{
	static const uint8_t next[] = { 58, 58, 17, 6, 0, 43, 44, 60 };
	size_t n = 8 + random32(s) % 600;
	uint8_t *ip = f + ETH, *up = ip + 40, pseudo[40] = { 0 };

	for (size_t i = 0; i < ETH + 40 + n; i++) {
		f[i] = (uint8_t)random32(s);
	}
	memcpy(f, "\x33\x33\0\1\0\2\x52\x54\0\x12\x34\x56\x86\xdd", ETH);
	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, (unsigned int)n);
	ip[6] = next[random32(s) % 8];
	ip[7] = 255;
	memcpy(ip + 8, "\xfe\x80", 2);
	ip[23] = 9;
	memcpy(ip + 24, "\xff\x02", 2);
	put16(ip + 38, random32(s) % 2 ? 1 : 2);
	up[0] = (uint8_t)(133 + random32(s) % 5);
	if (ip[6] == 17) {
		put16(up + 2, random32(s) % 2 ? 547 : 69);
		put16(up + 4, (unsigned int)n);
	}
	memcpy(pseudo, ip + 8, 32);
	put16(pseudo + 34, (unsigned int)n);
	pseudo[39] = ip[6];
	put16(up + (ip[6] == 58 ? 2 : 6), 0);
	store_sum(up + (ip[6] == 58 ? 2 : 6),
		  net_sum(up, n, net_sum(pseudo, sizeof(pseudo), 0)));
	return ETH + 40 + n;
}

static size_t garbage(uint8_t *f, uint64_t *s)
{
	static const uint16_t types[] = { 0x0806, 0x0800, 0x86dd,
					  0x88f8, 0x8100, 0x9999 };
	size_t n = ETH + random32(s) % 1500;

	for (size_t i = 0; i < n; i++) {
		f[i] = (uint8_t)random32(s);
	}
	put16(f + 12, types[random32(s) % 6]);
	return n;
}

TEST(net_garbage_for_every_service_is_survived)
{
	static size_t (*const kind[])(uint8_t *,
				      uint64_t *) = { garbage_udp, garbage_ip,
						      garbage_ip6, garbage };
	struct rig *r = rig_start();
	uint64_t s = 4711;
	uint8_t f[BUF];
	long before;

	arp(r);
	before = rss_kb(r);
	for (unsigned int i = 0; i < count(FULL); i++) {
		send_frame(r, f, kind[i % 4](f, &s));
		if (i % 1000 == 0) {
			settle(r);
			alive(r);
		}
	}
	settle(r);
	bounded(r, before, 32);
	arp(r);
	rig_stop(r);
}

/* One datagram there; its echo comes back by us. */
static void udp_echo(struct rig *r, int host, uint16_t from, uint16_t port)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint8_t f[200];
	char got[8];

	/* again and again: others' answers may push it out */
	for (int i = 0; i < 20; i++) {
		send_frame(r, f, udp(f, from, router, port, "echo", 4));
		front_kick(r->f, TX);
		if (!readable(host, FRONT_WAIT_MS)) {
			fail_msg("a flow that was there is cut off");
		}
		CHECK_EQ(recvfrom(host, got, sizeof(got), 0,
				  (struct sockaddr *)&peer, &len),
			 4);
		CHECK_EQ(sendto(host, got, 4, 0, (struct sockaddr *)&peer, len),
			 4);
		while (receive(r, 1000)) {
			if (r->frame[ETH + 9] == P_UDP &&
			    r->len >= ETH + IP4 + 12 &&
			    !memcmp(r->frame + ETH + IP4 + 8, "echo", 4)) {
				return;
			}
		}
	}
	fail_msg("no echo came back");
}

/* A flow that goes on while others come by the thousand, and what the device
 * took before them. */
struct flood {
	int host;
	uint16_t echo;
	long rss_kb;
	int fds;
};

static void flood_begin(struct rig *r, struct flood *x)
{
	x->host = host_socket(SOCK_DGRAM, &x->echo);
	arp(r);
	udp_echo(r, x->host, 5000, x->echo);
	x->rss_kb = rss_kb(r);
	x->fds = proc_fds(r->pid);
}

static void flood_end(struct rig *r, struct flood *x)
{
	settle(r);
	check_fds(r, x->fds, 100, FLOWS_MAX); /* they were opened */
	bounded(r, x->rss_kb, 64);
	arp(r);
	udp_echo(r, x->host, 5000, x->echo);
	close(x->host);
}

TEST(net_half_open_flows_are_bounded_and_others_go_on)
{
	struct rig *r = rig_start();
	uint16_t port;
	int listener = host_socket(SOCK_STREAM, &port);
	struct flood x;
	uint8_t f[200];

	CHECK_EQ(listen(listener, 1), 0); /* the rest waits for ever */
	flood_begin(r, &x);
	for (unsigned int i = 0; i < count(FULL); i++) {
		size_t len = tcp(f, (uint16_t)(1024 + i % 60000), port,
				 i * 7919, 0, SYN, 0, "");

		if (i >= 60000) { /* from another address of the network */
			put32(f + ETH + 12, self + 1 + i / 60000);
			len = make(f, P_TCP, self + 1 + i / 60000, router, 20);
		}
		send_frame(r, f, len);
	}
	flood_end(r, &x);
	close(listener);
	rig_stop(r);
}

TEST(net_datagram_flows_and_pings_are_bounded_and_others_go_on)
{
	struct rig *r = rig_start();
	uint16_t sink_port;
	int sink = host_socket(SOCK_DGRAM, &sink_port);
	struct flood x;
	uint8_t f[200];

	flood_begin(r, &x);
	for (unsigned int i = 0; i < count(FULL); i++) {
		if (i % 2) {
			send_frame(r, f,
				   udp(f, (uint16_t)(6000 + i % 59000), router,
				       sink_port, "x", 1));
			continue;
		}
		memset(f + ETH + IP4, 0, 16);
		f[ETH + IP4] = 8; /* ping of the host's loopback net */
		put16(f + ETH + IP4 + 4, i);
		send_frame(r, f, make(f, P_ICMP, self, 0x7f000001, 16));
	}
	flood_end(r, &x);
	close(sink);
	rig_stop(r);
}

/*
 * Segments out of order are kept by libslirp, each with all that a packet
 * needs. The process may end of it, for want of memory; the machine may not
 * notice.
 */
TEST(net_segments_out_of_order_do_not_eat_the_host)
{
#ifdef AVSIM_SANITIZED
	SKIP("memory is not limited under sanitizers");
#else
	enum { FLOWS = 20, WINDOW = 60000 };
	struct rig *r = rig_start();
	int listener, fd[FLOWS], st = 0;
	bool ended = false;
	struct front_used u;
	uint8_t f[200];
	uint16_t port;
	uint32_t ack;
	long most = 0;

	listener = host_socket(SOCK_STREAM, &port);
	CHECK_EQ(listen(listener, FLOWS), 0);
	arp(r);
	for (unsigned int i = 0; i < FLOWS; i++) {
		uint16_t from = (uint16_t)(30000 + i);

		fd[i] = ended ? -1
			      : connect_by_hand(r, listener, from, port, &ack);
		for (uint32_t k = WINDOW; k > 1 && !ended; k -= 2) {
			struct front_buf b = { .gpa = r->tx[0] };
			uint8_t *p = front_mem_at(r->m, r->tx[0]);
			size_t len =
				tcp(f, from, port, 1001 + k, ack, ACK, 0, "x");

			memset(p, 0, HDR);
			memcpy(p + HDR, f, len);
			b.len = (uint32_t)(HDR + len);
			ended = front_add(r->f, TX, &b, 1, 0) != 0;
			front_kick(r->f, TX);
			while (!ended && front_in_flight(r->f, TX)) {
				ended = front_wait(r->f, TX, &u,
						   FRONT_WAIT_MS) != 0;
			}
			while (front_get(r->f, RX, &u) == 1) {
				post_rx(r, (unsigned int)u.cookie);
			}
			front_kick(r->f, RX);
			if (k % 4096 == 0) {
				long now = rss_kb(r);

				most = now > most ? now : most;
			}
		}
		while (!ended && receive(r, QUIET_MS)) {
		}
	}
	printf("most: %ld KiB, %s\n", most, ended ? "ended" : "alive");
	CHECK(most < (SANDBOX_INET_BYTES >> 10) + 32768);
	kill(r->pid, SIGKILL);
	CHECK_EQ(waitpid(r->pid, &st, 0), r->pid);
	CHECK(WIFSIGNALED(st));
	for (unsigned int i = 0; i < FLOWS; i++) {
		if (fd[i] >= 0) {
			close(fd[i]);
		}
	}
	close(listener);
	rig_abandon(r);
#endif
}

static void fault(struct rig *r, enum port_kind kind, const char *name)
{
	struct {
		struct port_header h;
		struct port_fault f;
	} m = { .h.kind = (uint16_t)kind, .f.v = { NAN, NAN, NAN, NAN } };

	snprintf(m.f.name, sizeof(m.f.name), "%s", name);
	CHECK_EQ(send(r->port, &m, sizeof(m), 0), sizeof(m));
}

static unsigned int status(struct rig *r)
{
	uint8_t c[12];

	CHECK_EQ(front_get_config(r->f, 0, c, sizeof(c)), 0);
	return c[6];
}

TEST(net_down_is_in_the_status_where_the_front_end_reads_it)
{
	struct rig *r = rig_start();

	CHECK_EQ(status(r), 1);
	fault(r, PORT_FAULT, "net-down");
	CHECK(front_config_changes(r->f, FRONT_WAIT_MS) > 0);
	CHECK_EQ(status(r), 0);
	fault(r, PORT_CLEAR, "net-down");
	CHECK(front_config_changes(r->f, FRONT_WAIT_MS) > 0);
	CHECK_EQ(status(r), 1 | 2); /* and announce yourself */
	CHECK_EQ(front_request(r->f, 2, "\3\0", 2, &(uint8_t){ 9 }, 1,
			       FRONT_WAIT_MS),
		 1);
	CHECK_EQ(status(r), 1);
	arp(r);
	rig_stop(r);
}

TEST(net_down_hangs_up_where_it_does_not)
{
	struct rig *r = rig_start_with(0, UINT64_C(1) << VU_PF_CONFIG);

	arp(r);
	fault(r, PORT_FAULT, "net-down");
	CHECK_EQ(front_hung_up(r->f, FRONT_WAIT_MS), -ECONNRESET);
	rig_stop(r);
}

struct transfer {
	unsigned int frames, big;
	bool right;
};

/* 60000 bytes from the host by TCP. */
static struct transfer transfer(struct rig *r)
{
	struct transfer x = { .right = true };
	int listener, fd;
	uint16_t port;
	uint32_t first, next;
	uint8_t f[200];
	char data[60000];

	listener = host_socket(SOCK_STREAM, &port);
	CHECK_EQ(listen(listener, 4), 0);
	arp(r);
	fd = connect_by_hand(r, listener, 40000, port, &first);
	front_kick(r->f, TX);
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (char)(i * 7 + i / 256);
	}
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	for (next = first; next != first + sizeof(data);) {
		const uint8_t *t = r->frame + ETH + IP4;
		size_t n;

		CHECK(receive(r, FRONT_WAIT_MS));
		n = r->len - ETH - IP4 - 20;
		if (!is_tcp(r, 40000, ACK) || get32(t + 4) != next ||
		    n > first + sizeof(data) - next) {
			continue;
		}
		if (r->hdr.flags & NET_HDR_NEEDS_CSUM) {
			CHECK(net_csum_fill(r->frame, r->len,
					    le16toh(r->hdr.csum_start),
					    le16toh(r->hdr.csum_offset)));
		}
		x.right = x.right && sum_is_right(r->frame, r->len) &&
			  !memcmp(t + 20, data + (next - first), n) &&
			  (r->len > ETH + 1500) ==
				  (r->hdr.gso_type == NET_GSO_TCP4);
		x.frames++;
		x.big += r->len > ETH + 1500;
		next += (uint32_t)n;
		send_frame(r, f, tcp(f, 40000, port, 1001, next, ACK, 0, ""));
		front_kick(r->f, TX);
	}
	send_frame(r, f, tcp(f, 40000, port, 1001, next, RST, 0, ""));
	settle(r);
	close(fd);
	close(listener);
	return x;
}

/* Return: what the device answers to a command. */
static uint8_t control(struct rig *r, const void *command, uint32_t len)
{
	uint8_t ack = 9;

	CHECK_EQ(front_request(r->f, 2, command, len, &ack, 1, FRONT_WAIT_MS),
		 1);
	return ack;
}

TEST(net_big_segments_come_whole_to_a_driver_that_takes_them)
{
	struct rig *r = rig_start();
	struct transfer x = transfer(r);

	CHECK(x.right && x.big && x.frames <= 15);
	rig_stop(r);
}

TEST(net_big_segments_come_cut_to_one_that_does_not)
{
	struct rig *r = rig_start_with(NET_BIT(NET_F_GUEST_TSO4), 0);
	struct transfer x = transfer(r);

	CHECK(x.right && !x.big && x.frames >= 41);
	rig_stop(r);
}

TEST(net_big_segments_end_where_the_driver_says_so)
{
	static const uint8_t off[] = { 5, 0, 2, 0, 0, 0, 0, 0, 0, 0 };
	struct rig *r = rig_start();
	struct transfer x;

	CHECK(transfer(r).big);
	CHECK_EQ(control(r, off, sizeof(off)), 0);
	x = transfer(r);
	CHECK(x.right && !x.big);
	rig_stop(r);
}

/* Not so by libslirp 4.7 if it has never been told what time it is. */
TEST(net_the_very_first_datagram_is_answered)
{
	struct rig *r = rig_start();
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint8_t f[200];
	char got[8];
	uint16_t port;
	int host = host_socket(SOCK_DGRAM, &port);

	send_arp(r);
	send_frame(r, f, udp(f, 5000, router, port, "echo", 4));
	front_kick(r->f, TX);
	CHECK(readable(host, FRONT_WAIT_MS));
	CHECK_EQ(recvfrom(host, got, sizeof(got), 0, (struct sockaddr *)&peer,
			  &len),
		 4);
	poll(NULL, 0, QUIET_MS);
	CHECK_EQ(sendto(host, got, 4, 0, (struct sockaddr *)&peer, len), 4);
	do {
		CHECK(receive(r, FRONT_WAIT_MS));
	} while (r->frame[13] != 0 || r->frame[ETH + 9] != P_UDP);
	close(host);
	rig_stop(r);
}

TEST(net_buffers_are_heard_of_only_where_frames_wait)
{
	struct rig *r = rig_start();
	unsigned int more = 20, n = 0;
	struct front_used u;

	arp(r);
	post_rx(r, 0);
	CHECK(!front_kick(r->f, RX));
	CHECK_EQ(front_in_flight(r->f, RX), BUFS + 1);
	for (unsigned int i = 0; i < BUFS + 1 + more; i++) {
		send_arp(r);
	}
	front_kick(r->f, TX);
	while (front_in_flight(r->f, TX)) {
		CHECK_EQ(front_wait(r->f, TX, &u, FRONT_WAIT_MS), 0);
	}
	for (unsigned int i = 0; i < BUFS + 1; i++) {
		CHECK_EQ(front_wait(r->f, RX, &u, FRONT_WAIT_MS), 0);
	}
	post_all_rx(r);
	while (n < more) {
		CHECK(receive(r, FRONT_WAIT_MS));
		n++;
	}
	CHECK(!receive(r, QUIET_MS));
	rig_stop(r);
}

TEST(net_control_queue_is_answered)
{
	static const uint8_t on[] = { 0, 0, 1 }, unknown[] = { 7, 7, 7 };
	struct rig *r = rig_start();

	CHECK_EQ(control(r, on, sizeof(on)), 0);
	CHECK_EQ(control(r, unknown, sizeof(unknown)), 1);
	CHECK_EQ(control(r, on, 1), 1);
	rig_stop(r);
}

/* A guest that starts anew is not made to wait for what its last life left. */
TEST(net_a_reset_gives_a_full_stack_back)
{
	struct rig *r = rig_start();
	uint16_t echo, sink_port;
	int host = host_socket(SOCK_DGRAM, &echo);
	int sink = host_socket(SOCK_DGRAM, &sink_port);
	struct av_err err = { 0 };
	int fds_before;
	uint8_t f[200];

	arp(r);
	fds_before = proc_fds(r->pid);
	for (unsigned int i = 0; i < 3000; i++) {
		send_frame(r, f,
			   udp(f, (uint16_t)(6000 + i), router, sink_port, "x",
			       1));
	}
	settle(r);
	check_fds(r, fds_before, 100, FLOWS_MAX);
	CHECK_EQ(front_reset(r->f, &err), 0);
	CHECK_EQ(front_start(r->f, &err), 0);
	post_all_rx(r);
	arp(r);
	check_fds(r, fds_before, -fds_before, 8);
	udp_echo(r, host, 5000, echo);
	close(host);
	close(sink);
	rig_stop(r);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], VDEV_CHILD_ARG)) {
		return vdev_child_main(argc, argv);
	}
	signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS(
		T(net_an_urgent_pointer_sends_no_more_than_there_was),
		T(net_fragments_that_never_end_take_no_memory),
		T(net_garbage_for_every_service_is_survived),
		T(net_half_open_flows_are_bounded_and_others_go_on),
		T(net_datagram_flows_and_pings_are_bounded_and_others_go_on),
		T(net_segments_out_of_order_do_not_eat_the_host),
		T(net_down_is_in_the_status_where_the_front_end_reads_it),
		T(net_down_hangs_up_where_it_does_not),
		T(net_big_segments_come_whole_to_a_driver_that_takes_them),
		T(net_big_segments_come_cut_to_one_that_does_not),
		T(net_big_segments_end_where_the_driver_says_so),
		T(net_the_very_first_datagram_is_answered),
		T(net_buffers_are_heard_of_only_where_frames_wait),
		T(net_control_queue_is_answered),
		T(net_a_reset_gives_a_full_stack_back));
}
