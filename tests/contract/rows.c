/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each device needs to be tested here. A new device works without a row;
 * with one its requests are tested too.
 */
#include "config.h"

#include "contract.h"

#include "sim/core/evq.h"
#include "vdevices/scmi.h"
#include "vdevices/vsock_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- rng ---- */

static int rng_probe(struct front *f)
{
	static const uint8_t zero[64];
	uint8_t buf[64];
	int n = front_request(f, 0, NULL, 0, buf, sizeof(buf), FRONT_WAIT_MS);

	if (n < 0) {
		return n;
	}
	return n == sizeof(buf) && memcmp(buf, zero, sizeof(buf)) ? 0 : -EIO;
}

/* Bytes are those of that place in the stream. */
static int rng_goes_on(struct front *f, bool again, uint8_t memo[64])
{
	uint8_t buf[64];
	int n = front_request(f, 0, NULL, 0, buf, sizeof(buf), FRONT_WAIT_MS);

	if (n < 0) {
		return n;
	}
	if (!again) {
		memcpy(memo, buf, sizeof(buf));
	}
	return memcmp(memo, buf, sizeof(buf)) ? -EIO : 0;
}

/* ---- blk ---- */

enum { BLK_IN, BLK_OUT, BLK_DISK_SIZE = 4 << 20 };

struct blk_header {
	uint32_t type, reserved;
	uint64_t sector;
};

static int blk_prepare(const char *dir)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/disk.raw", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ret = fd < 0 || ftruncate(fd, BLK_DISK_SIZE) ? -errno : 0;
	if (fd >= 0) {
		close(fd);
	}
	return ret;
}

/* A sector there and back. */
static int blk_probe(struct front *f)
{
	struct blk_header h = { .type = BLK_OUT, .sector = 7 };
	uint8_t out[16 + 512], in[513];
	int n;

	memset(out, 0x5a, sizeof(out));
	memcpy(out, &h, sizeof(h));
	n = front_request(f, 0, out, sizeof(out), in, 1, FRONT_WAIT_MS);
	if (n != 1 || in[0]) {
		return n < 0 ? n : -EIO;
	}
	h.type = BLK_IN;
	n = front_request(f, 0, &h, sizeof(h), in, sizeof(in), FRONT_WAIT_MS);
	if (n != sizeof(in)) {
		return n < 0 ? n : -EIO;
	}
	return in[512] || memcmp(in, out + 16, 512) ? -EIO : 0;
}

/* That writes are not to be cached. */
enum { BLK_WRITEBACK = 32 };

static int blk_say(struct front *f)
{
	const uint8_t through = 0;
	int ret = blk_probe(f);

	return ret ? ret : front_set_config(f, BLK_WRITEBACK, &through, 1, 0);
}

static int blk_knows(struct front *f)
{
	uint8_t writeback;
	int ret = front_get_config(f, BLK_WRITEBACK, &writeback, 1);

	return ret < 0 ? ret : !writeback;
}

static size_t blk_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
		       size_t max)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 10, 14 };
	uint64_t sectors = BLK_DISK_SIZE / 512;
	struct blk_header h = {
		.type = types[av_rand_below(r, 8)],
		.sector = av_rand_below(r, 4) ? av_rand_below(r, sectors + 2)
					      : av_rand_u64(r),
	};
	uint32_t range[4] = { (uint32_t)av_rand_below(r, sectors + 2), 0,
			      (uint32_t)av_rand_below(r, 100),
			      (uint32_t)av_rand_below(r, 3) };

	(void)q;
	if (max < sizeof(h) + sizeof(range)) {
		return 0;
	}
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), range, sizeof(range));
	return sizeof(h) + sizeof(range);
}

static size_t blk_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	const struct blk_header h = { .type = i % 3 ? BLK_IN : 99 + i,
				      .sector = i };

	(void)q;
	(void)max;
	memcpy(buf, &h, sizeof(h));
	return sizeof(h);
}

static int blk_unknown(struct front *f)
{
	struct blk_header h = { .type = 99 };
	uint8_t status = 0xff;
	int n = front_request(f, 0, &h, sizeof(h), &status, 1, FRONT_WAIT_MS);

	return n < 0 ? n : n == 1 && status == 2 ? 0 : -EIO; /* UNSUPP */
}

/* ---- net ---- */

enum { NET_RX, NET_TX, NET_CTRL, NET_HDR = 12, NET_ARP = 42 };

/* Who has 10.0.2.2? */
static const uint8_t net_arp[NET_HDR + NET_ARP] = {
	[NET_HDR] = 0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff, /* to all */
	0x52,
	0x54,
	0,
	0x12,
	0x34,
	0x56, /* from the guest */
	0x08,
	0x06,
	0,
	1,
	0x08,
	0,
	6,
	4,
	0,
	1, /* an ARP request */
	0x52,
	0x54,
	0,
	0x12,
	0x34,
	0x56,
	10,
	0,
	2,
	15, /* sender */
	0,
	0,
	0,
	0,
	0,
	0,
	10,
	0,
	2,
	2, /* target */
};

/* Who has 10.0.2.@host? */
static int net_ask(struct front *f, uint8_t host)
{
	size_t mark = front_mark(front_mem(f));
	const struct front_buf out = {
		.gpa = front_alloc(front_mem(f), sizeof(net_arp), 64),
		.len = sizeof(net_arp),
	};
	uint8_t *p = front_mem_at(front_mem(f), out.gpa);
	struct front_used u;
	int ret;

	front_release(front_mem(f), mark);
	memcpy(p, net_arp, sizeof(net_arp));
	p[sizeof(net_arp) - 1] = host;
	ret = front_add(f, NET_TX, &out, 1, 0);
	front_kick(f, NET_TX);
	return ret ? ret : front_wait(f, NET_TX, &u, FRONT_WAIT_MS);
}

/* Who answers first; what else the router sends meanwhile is skipped. */
static int net_answer(struct front *f)
{
	size_t mark = front_mark(front_mem(f));
	const struct front_buf in = {
		.gpa = front_alloc(front_mem(f), 2048, 64),
		.len = 2048,
		.write = true,
	};
	const uint8_t *p = front_mem_at(front_mem(f), in.gpa);
	struct front_used u;

	front_release(front_mem(f), mark);
	do {
		int ret = front_add(f, NET_RX, &in, 1, 0);

		front_kick(f, NET_RX);
		ret = ret ? ret : front_wait(f, NET_RX, &u, FRONT_WAIT_MS);
		if (ret) {
			return ret;
		}
	} while (u.len < NET_HDR + NET_ARP || p[NET_HDR + 12] != 0x08 ||
		 p[NET_HDR + 13] != 0x06 || p[NET_HDR + 21] != 2);
	return p[NET_HDR + 31];
}

/* The router's answer. */
static int net_probe(struct front *f)
{
	int ret = net_ask(f, 2);

	ret = ret ? ret : net_answer(f);
	return ret < 0 ? ret : ret == 2 ? 0 : -EIO;
}

/* An answer that waits for a buffer. */
static int net_say(struct front *f)
{
	return net_ask(f, 2);
}

static int net_knows(struct front *f)
{
	int ret = net_ask(f, 3);

	ret = ret ? ret : net_answer(f);
	return ret < 0 ? ret : ret == 2;
}

static size_t net_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
		       size_t max)
{
	/* an IPv4 frame whose checksum is the device's work */
	static const uint8_t udp[] = {
		1,    0,    0,    0,    0,    0,  34, 0,    6,    0,  0,
		0,    0x52, 0x55, 10,   0,    2,  2,  0x52, 0x54, 0,  0x12,
		0x34, 0x56, 0x08, 0,    0x45, 0,  0,  40,   0,    0,  0,
		0,    64,   17,   0,    0,    10, 0,  2,    15,   10, 0,
		2,    2,    0x30, 0x39, 0,    9,  0,  20,   0,    0,
	};

	if (max < sizeof(udp)) {
		return 0;
	}
	if (q == NET_CTRL) {
		buf[0] = (uint8_t)av_rand_below(r, 7);
		buf[1] = (uint8_t)av_rand_below(r, 6);
		buf[2] = (uint8_t)av_rand_below(r, 4);
		return 3;
	}
	if (q != NET_TX) {
		return 0;
	}
	if (av_rand_below(r, 2)) {
		memcpy(buf, udp, sizeof(udp));
		return sizeof(udp);
	}
	memcpy(buf, net_arp, max < sizeof(net_arp) ? max : sizeof(net_arp));
	return max < sizeof(net_arp) ? max : sizeof(net_arp);
}

/* Opens, flows, fragments and neighbours, each another one. */
static size_t net_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	uint8_t *ip = buf + NET_HDR + 14, *up = ip + 20;

	if (q == NET_CTRL) { /* VLAN ids */
		buf[0] = 2;
		buf[1] = 0;
		buf[2] = (uint8_t)i;
		buf[3] = (uint8_t)(i >> 8);
		return 4;
	}
	if (q != NET_TX || max < 128) {
		return 0;
	}
	memset(buf, 0, 128);
	if (i % 4 == 0) {
		memcpy(buf, net_arp, sizeof(net_arp));
		memcpy(buf + NET_HDR + 29, &i, 3);
		return sizeof(net_arp);
	}
	buf[0] = 1; /* the checksum is the device's work */
	buf[6] = 34;
	buf[8] = i % 4 == 1 ? 16 : 6;
	memcpy(buf + NET_HDR,
	       "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56\x08\x00", 14);
	ip[0] = 0x45;
	ip[3] = 40;
	memcpy(ip + 4, &i, 2); /* id */
	ip[6] = i % 4 == 3 ? 0x20 : 0;
	ip[8] = 64;
	ip[9] = i % 4 == 1 ? 6 : 17;
	memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02", 7);
	ip[19] = i % 8 < 4 ? 2 : (uint8_t)(100 + (i >> 20));
	up[0] = (uint8_t)(i >> 11);
	up[1] = (uint8_t)(i >> 3);
	up[3] = i % 4 == 1 ? 9 : 69; /* TFTP is one of them */
	up[5] = 20;
	if (i % 4 == 1) {
		up[12] = 5 << 4;
		up[13] = i % 16 < 12 ? 2 : 2 | 32; /* SYN, urgent */
		up[15] = 0xff;
		up[18] = 0x7f;
	}
	return NET_HDR + 14 + 40;
}

static int net_unknown(struct front *f)
{
	static const uint8_t command[3] = { 99, 0, 0 };
	uint8_t ack = 0xff;
	int n = front_request(f, NET_CTRL, command, sizeof(command), &ack, 1,
			      FRONT_WAIT_MS);

	return n < 0 ? n : n == 1 && ack == 1 ? 0 : -EIO;
}

/* ---- console ---- */

static const uint8_t console_ready[8] = { 0, 0, 0, 0, 0, 0, 1 };
static const uint8_t console_port_ready[8] = { 1, 0, 0, 0, 3, 0, 1 };
static const uint8_t console_port_open[8] = { 1, 0, 0, 0, 6, 0, 1 };

/* Port 1 is opened. */
static int console_say(struct front *f)
{
	const uint8_t *const say[3] = { console_ready, console_port_ready,
					console_port_open };
	int n = 0;

	for (int i = 0; i < 3 && n >= 0; i++) {
		n = front_request(f, 3, say[i], 8, NULL, 0, FRONT_WAIT_MS);
	}
	return n < 0 ? n : 0;
}

/* What is said there comes back. */
static int console_echo(struct front *f)
{
	char back[6] = { 0 };
	int n;

	n = front_request(f, 5, "hello", 5, NULL, 0, FRONT_WAIT_MS);
	if (n < 0) {
		return n;
	}
	for (size_t got = 0; got < 5; got += (size_t)n) {
		n = front_request(f, 4, NULL, 0, back + got,
				  (uint32_t)(5 - got), FRONT_WAIT_MS);
		if (n < 0) {
			return n;
		}
	}
	return strcmp(back, "hello") ? -EIO : 0;
}

static int console_probe(struct front *f)
{
	int ret = console_say(f);

	return ret ? ret : console_echo(f);
}

/* The first ports that it told of wait for a buffer, and the open one is open;
 * else the name of the one made ready now comes first. */
static int console_knows(struct front *f)
{
	enum { DEVICE_ADD = 1, PORT_NAME = 7 };
	uint8_t m[72] = { 0 };
	int n = front_request(f, 3, console_port_ready, 8, NULL, 0,
			      FRONT_WAIT_MS);

	n = n < 0 ? n
		  : front_request(f, 2, NULL, 0, m, sizeof(m), FRONT_WAIT_MS);
	if (n < 0) {
		return n;
	}
	if (m[4] == PORT_NAME) {
		return 0;
	}
	n = m[4] == DEVICE_ADD ? console_echo(f) : -EIO;
	return n < 0 ? n : 1;
}

static size_t console_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
			   size_t max)
{
	if (q != 3 || max < 8) {
		return 0;
	}
	memset(buf, 0, 8);
	buf[0] = (uint8_t)av_rand_below(r, 4);
	buf[4] = (uint8_t)av_rand_below(r, 9);
	buf[6] = (uint8_t)av_rand_below(r, 2);
	return 8;
}

/* Ports that there are, and others; opened, closed, made ready. */
static size_t console_keyed(unsigned int q, uint32_t i, uint8_t *buf,
			    size_t max)
{
	uint32_t id = i % 4 ? i : i / 4 % 2;

	if (q != 3 || max < 8) {
		memset(buf, (int)i, 100);
		return q & 1 ? 100 : 0;
	}
	memset(buf, 0, 8);
	memcpy(buf, &id, 4);
	buf[4] = (uint8_t)(i % 3 ? 6 : 3);
	buf[6] = (uint8_t)(i / 8 & 1);
	return 8;
}

/* ---- input ---- */

/* A lamp is switched: there is none, but the driver gets its buffer back. */
static int input_probe(struct front *f)
{
	static const uint8_t led[8] = { 0x11, 0, 0, 0, 1 };
	int n = front_request(f, 1, led, sizeof(led), NULL, 0, FRONT_WAIT_MS);

	return n < 0 ? n : 0;
}

/* What of its config space is shown. */
static int input_say(struct front *f)
{
	const uint8_t select = 1;
	int ret = input_probe(f);

	return ret ? ret : front_set_config(f, 0, &select, 1, 0);
}

static int input_knows(struct front *f)
{
	uint8_t select;
	int ret = front_get_config(f, 0, &select, 1);

	return ret < 0 ? ret : select == 1;
}

static size_t input_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	if (q != 1 || max < 8) {
		return 0;
	}
	memset(buf, 0, 8);
	buf[0] = 0x11;
	memcpy(buf + 2, &i, 2);
	memcpy(buf + 4, &i, 4);
	return 8;
}

/* ---- scmi ---- */

enum { SCMI_CMD, SCMI_EVENT, SCMI_HEAD = 4 };

static uint32_t scmi_head(uint32_t protocol, uint32_t message)
{
	return protocol << 10 | message | 0x155u << 18;
}

/* The vendor's name. */
static int scmi_probe(struct front *f)
{
	uint32_t head = scmi_head(0x10, 3);
	uint8_t in[136];
	int n = front_request(f, SCMI_CMD, &head, sizeof(head), in, sizeof(in),
			      FRONT_WAIT_MS);

	if (n < 0) {
		return n;
	}
	return n == 24 && !memcmp(in, &head, 4) &&
			       !memcmp(in + 4, "\0\0\0\0avsim", 10)
		       ? 0
		       : -EIO;
}

enum {
	SCMI_CONFIG_GET = 0x9,
	SCMI_CONFIG_SET = 0xa,
	SCMI_NOTIFY = 0xb,
	SCMI_100_HZ = 1 << 16 | 30 << 11 | 3, /* 1e-2 s, stamped, enabled */
	SCMI_400_HZ = 25 << 16 | 28 << 11 | 3,
};

/* @value: sent, of a command that sets; what came, of one that gets. */
static int scmi_ask(struct front *f, uint32_t id, uint32_t *value)
{
	const uint32_t out[3] = { scmi_head(0x15, id), 0, *value };
	uint32_t in[3] = { 0 };
	int n = front_request(f, SCMI_CMD, out, sizeof(out), in, sizeof(in),
			      FRONT_WAIT_MS);

	*value = in[2];
	return n < 0 ? n : n < 8 || in[1] ? -EIO : 0;
}

static int scmi_set(struct front *f, uint32_t id, uint32_t value)
{
	return scmi_ask(f, id, &value);
}

/* That it is to notify, and at which rate. */
static int scmi_say(struct front *f)
{
	int ret = scmi_set(f, SCMI_NOTIFY, 1);

	return ret ? ret : scmi_set(f, SCMI_CONFIG_SET, SCMI_400_HZ);
}

/* A sample, which the world takes when the rate changes, is notified. */
static int scmi_knows(struct front *f)
{
	uint32_t config = 0;
	uint8_t update[SCMI_UPDATE_SIZE];
	int ret = scmi_ask(f, SCMI_CONFIG_GET, &config);

	if (ret || config != SCMI_400_HZ) {
		return ret;
	}
	ret = scmi_set(f, SCMI_CONFIG_SET, SCMI_100_HZ);
	ret = ret ? ret
		  : front_request(f, SCMI_EVENT, NULL, 0, update,
				  sizeof(update), FRONT_WAIT_MS);
	if (ret != sizeof(update)) {
		return ret < 0 ? ret : -EIO;
	}
	ret = scmi_set(f, SCMI_CONFIG_SET, SCMI_400_HZ);
	return ret ? ret : 1;
}

/* The world measures once where 100 Hz are asked for. */
static void scmi_answer(struct port *p, const struct port_msg *m)
{
	static const char ask[] = "sensor-rate sensor=accel rate=100";
	const struct {
		struct scmi_sample x;
		uint64_t lost;
	} sample = { .x = { .t = 1, .v = { 1, 2, 3 } } };

	if (m->h.kind == PORT_COMMAND && m->len == strlen(ask) &&
	    !memcmp(m->data, ask, m->len)) {
		port_send(p, PORT_SAMPLE, 0, 0, &sample, sizeof(sample));
	}
}

static size_t scmi_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
			size_t max)
{
	uint32_t w[3] = { scmi_head(av_rand_below(r, 2) ? 0x10 : 0x15,
				    (uint32_t)av_rand_below(r, 14)),
			  (uint32_t)av_rand_below(r, 3),
			  (uint32_t)av_rand_below(r, 4) };
	size_t n = SCMI_HEAD + 4 * (size_t)av_rand_below(r, 3);

	if (q != SCMI_CMD || max < n) {
		return 0;
	}
	memcpy(buf, w, n);
	return n;
}

/* Each sensor that there could be is asked for, and to notify. */
static size_t scmi_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	const uint32_t w[4] = { scmi_head(i % 5 ? 0x15 : i % 256, i / 5 % 14),
				i, i % 2 ? i : 1, i };

	if (q != SCMI_CMD || max < sizeof(w)) {
		return 0;
	}
	memcpy(buf, w, sizeof(w));
	return SCMI_HEAD + 4 * (i % 4);
}

/* Linux waits a minute for an answer that does not come. */
static int scmi_unknown(struct front *f)
{
	const uint32_t ask[2] = { scmi_head(0x7f, 1), scmi_head(0x15, 0xee) };

	for (int i = 0; i < 2; i++) {
		int32_t in[2];
		int n = front_request(f, SCMI_CMD, &ask[i], 4, in, sizeof(in),
				      FRONT_WAIT_MS);

		if (n < 0) {
			return n;
		}
		if (n != 8 || in[0] != (int32_t)ask[i] || in[1] != -1) {
			return -EIO; /* not NOT_SUPPORTED */
		}
	}
	return 0;
}

/* ---- vsock ---- */

struct vsock_world {
	struct evq *q;
	struct vsock_switch *sw;
};

static void *vsock_world(uv_loop_t *loop, const char *dir, struct vdev_args *a)
{
	struct vsock_world *w = calloc(1, sizeof(*w));
	struct vsock_switch_env env = { .loop = loop,
					.run_dir = dir,
					.acceptor = a->acceptor };

	w->q = env.q = evq_create();
	w->sw = a->vsock = vsock_switch_create(&env);
	return w;
}

static void vsock_world_end(void *world)
{
	struct vsock_world *w = world;

	vsock_switch_destroy(w->sw);
	evq_destroy(w->q);
	free(w);
}

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_ECHO_PORT = 7 };

/* Room for one packet, until the next one. */
static uint64_t vsock_room(struct front *f)
{
	size_t mark = front_mark(front_mem(f));
	uint64_t gpa = front_alloc(front_mem(f), 4096, 64);

	front_release(front_mem(f), mark);
	return gpa;
}

/* One packet there. */
static int vsock_send(struct front *f, uint16_t op, const char *text)
{
	uint64_t gpa = vsock_room(f);
	struct vsock_hdr h = { .src_cid = 3,
			       .dst_cid = VSOCK_CID_HOST,
			       .src_port = 1234,
			       .dst_port = VSOCK_ECHO_PORT,
			       .len = (uint32_t)strlen(text),
			       .type = VSOCK_STREAM,
			       .op = op,
			       .flags = op == VSOCK_OP_SHUTDOWN ? 3 : 0,
			       .buf_alloc = 1 << 18 };
	const struct front_buf b = { gpa, (uint32_t)sizeof(h) + h.len, false };
	uint8_t *p = front_mem_at(front_mem(f), gpa);
	struct front_used u;
	int ret;

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), text, h.len);
	ret = front_add(f, VSOCK_TX, &b, 1, 0);
	front_kick(f, VSOCK_TX);
	return ret ? ret : front_wait(f, VSOCK_TX, &u, FRONT_WAIT_MS);
}

/* The next packet, its text to @text; credit updates in between are skipped.
 * Return: its operation. */
static int vsock_next(struct front *f, char text[16])
{
	uint64_t gpa = vsock_room(f);
	const struct front_buf b = { gpa, 4096, true };
	const uint8_t *p = front_mem_at(front_mem(f), gpa);
	struct vsock_hdr h;
	struct front_used u;
	int ret;

	do {
		ret = front_add(f, VSOCK_RX, &b, 1, 0);
		front_kick(f, VSOCK_RX);
		ret = ret ? ret : front_wait(f, VSOCK_RX, &u, FRONT_WAIT_MS);
		if (ret < 0) {
			return ret;
		}
		memcpy(&h, p, sizeof(h));
	} while (h.op == VSOCK_OP_CREDIT_UPDATE);
	if (h.len > 15) {
		return -EIO;
	}
	memcpy(text, p + sizeof(h), h.len);
	text[h.len] = '\0';
	return h.op;
}

static int vsock_expect(struct front *f, uint16_t op, const char *text)
{
	char got[16];
	int ret = vsock_next(f, got);

	return ret < 0 ? ret : ret == op && !strcmp(got, text) ? 0 : -EIO;
}

static int vsock_probe(struct front *f)
{
	int ret = vsock_send(f, VSOCK_OP_REQUEST, "");

	ret = ret ? ret : vsock_expect(f, VSOCK_OP_RESPONSE, "");
	ret = ret ? ret : vsock_send(f, VSOCK_OP_RW, "hello");
	ret = ret ? ret : vsock_expect(f, VSOCK_OP_RW, "hello");
	ret = ret ? ret : vsock_send(f, VSOCK_OP_SHUTDOWN, "");
	return ret ? ret : vsock_expect(f, VSOCK_OP_RST, "");
}

/* A connection, and an echo on its way. */
static int vsock_say(struct front *f)
{
	int ret = vsock_send(f, VSOCK_OP_REQUEST, "");

	ret = ret ? ret : vsock_expect(f, VSOCK_OP_RESPONSE, "");
	return ret ? ret : vsock_send(f, VSOCK_OP_RW, "hello");
}

static int vsock_knows(struct front *f)
{
	char got[16];
	int ret = vsock_send(f, VSOCK_OP_RW, "again");

	ret = ret ? ret : vsock_next(f, got);
	if (ret < 0 || ret == VSOCK_OP_RST) {
		return ret < 0 ? ret : 0;
	}
	return ret == VSOCK_OP_RW && !strcmp(got, "helloagain") ? 1 : -EIO;
}

/* Where it goes on it hears that its connections are gone; a driver that begins
 * anew has none to hear of. */
static int vsock_goes_on(struct front *f, bool again, uint8_t memo[64])
{
	uint32_t event = 99;
	int n;

	(void)memo;
	if (again) {
		return 0;
	}
	n = front_request(f, VSOCK_EVENT, NULL, 0, &event, sizeof(event),
			  FRONT_WAIT_MS);
	return n < 0 ? n : n == sizeof(event) && event == 0 ? 0 : -EIO;
}

static size_t vsock_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
			 size_t max)
{
	struct vsock_hdr h = {
		.src_cid = 3,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = (uint32_t)av_rand_below(r, 20),
		.dst_port = av_rand_below(r, 2)
				    ? VSOCK_ECHO_PORT
				    : (uint32_t)av_rand_below(r, 20000),
		.len = (uint32_t)av_rand_below(r, 200),
		.type = (uint16_t)(1 + av_rand_below(r, 2)),
		.op = (uint16_t)av_rand_below(r, 9),
		.buf_alloc = (uint32_t)av_rand_below(r, 1 << 20),
		.fwd_cnt = (uint32_t)av_rand_below(r, 1000),
	};

	if (q != VSOCK_TX || max < sizeof(h)) {
		return 0;
	}
	memcpy(buf, &h, sizeof(h));
	return sizeof(h);
}

/* A connection for each port. */
static size_t vsock_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	const struct vsock_hdr h = {
		.src_cid = 3,
		.dst_cid = i % 16 ? VSOCK_CID_HOST : 3 + i,
		.src_port = i,
		.dst_port = i % 4 ? VSOCK_ECHO_PORT : i,
		.type = (uint16_t)(1 + i / 2 % 2),
		.op = i % 64 ? VSOCK_OP_REQUEST : VSOCK_OP_CREDIT_REQUEST,
		.buf_alloc = i,
	};

	if (q != VSOCK_TX || max < sizeof(h)) {
		return 0;
	}
	memcpy(buf, &h, sizeof(h));
	return sizeof(h);
}

/* An operation that there is not, and a port where nobody listens. */
static int vsock_unknown(struct front *f)
{
	int ret = vsock_send(f, 99, "");

	return ret ? ret : vsock_expect(f, VSOCK_OP_RST, "");
}

/* ---- bt ---- */

static const uint8_t bt_ping[] = { 2, 1, 0, 4, 0, 'p', 'i', 'n', 'g' };
static const uint8_t bt_pong[] = { 2, 1, 0, 4, 0, 'p', 'o', 'n', 'g' };

/* Data for the controller. */
static int bt_send(struct front *f, const uint8_t acl[sizeof(bt_ping)])
{
	int n = front_request(f, 0, acl, sizeof(bt_ping), NULL, 0,
			      FRONT_WAIT_MS);

	return n < 0 ? n : 0;
}

/* The rig's one says the same: 1 a ping, 0 a pong. */
static int bt_back(struct front *f)
{
	uint8_t back[1000];
	int n = front_request(f, 1, NULL, 0, back, sizeof(back), FRONT_WAIT_MS);

	if (n != sizeof(bt_ping)) {
		return n < 0 ? n : -EIO;
	}
	return !memcmp(back, bt_ping, sizeof(bt_ping))   ? 1
	       : !memcmp(back, bt_pong, sizeof(bt_pong)) ? 0
							 : -EIO;
}

static int bt_say(struct front *f)
{
	return bt_send(f, bt_ping);
}

static int bt_knows(struct front *f)
{
	int ret = bt_send(f, bt_pong);

	return ret ? ret : bt_back(f);
}

static int bt_probe(struct front *f)
{
	int ret = bt_send(f, bt_ping);

	ret = ret ? ret : bt_back(f);
	return ret < 0 ? ret : ret == 1 ? 0 : -EIO;
}

/* A packet of some type with a length that fits, mostly. */
static size_t bt_seed(unsigned int q, struct av_rand *r, uint8_t *buf,
		      size_t max)
{
	if (q != 0 || max < 5) {
		return 0;
	}
	buf[0] = (uint8_t)(1 + av_rand_below(r, 5));
	buf[1] = (uint8_t)av_rand_u64(r);
	buf[2] = (uint8_t)av_rand_below(r, 16);
	buf[3] = (uint8_t)av_rand_below(r, 8);
	buf[4] = 0;
	return 5;
}

/* Connections by handle, commands by opcode. */
static size_t bt_keyed(unsigned int q, uint32_t i, uint8_t *buf, size_t max)
{
	if (q != 0 || max < 16) {
		return 0;
	}
	memset(buf, 0, 16);
	buf[0] = (uint8_t)(i % 2 ? 1 : 2);
	memcpy(buf + 1, &i, 2);
	buf[3] = 3;
	return i % 2 ? 7 : 8;
}

const struct contract_row contract_rows[] = {
	{
		.type = "bt",
		.probe = bt_probe,
		.say = bt_say,
		.knows = bt_knows,
		.eager = 1,
		.seed = bt_seed,
		.keyed = bt_keyed,
	},
	{
		.type = "blk",
		.opt = { { "file", "@disk.raw" }, { "queues", "2" } },
		.prepare = blk_prepare,
		.probe = blk_probe,
		.say = blk_say,
		.knows = blk_knows,
		.eager = 3,
		.seed = blk_seed,
		.keyed = blk_keyed,
		.unknown = blk_unknown,
	},
	{
		.type = "console",
		.opt = { { "ports", "hvc=echo;a=echo" } },
		.probe = console_probe,
		.say = console_say,
		.knows = console_knows,
		.eager = 1 << 3,
		.seed = console_seed,
		.keyed = console_keyed,
	},
	{
		.type = "input",
		.probe = input_probe,
		.say = input_say,
		.knows = input_knows,
		.eager = 1 << 1,
		.keyed = input_keyed,
	},
	{
		.type = "rng",
		.probe = rng_probe,
		.goes_on = rng_goes_on,
		.eager = 1,
	},
	{
		.type = "scmi",
		.told = "sensor scmi.iio.accel accel accelerometer -3 39226 "
			"100 400",
		.answer = scmi_answer,
		.probe = scmi_probe,
		.say = scmi_say,
		.knows = scmi_knows,
		.eager = 1 << SCMI_CMD,
		.seed = scmi_seed,
		.keyed = scmi_keyed,
		.unknown = scmi_unknown,
	},
	{
		.type = "net",
		.probe = net_probe,
		.say = net_say,
		.knows = net_knows,
		.eager = 1 << NET_TX | 1 << NET_CTRL,
		.seed = net_seed,
		.keyed = net_keyed,
		.unknown = net_unknown,
	},
	{
		.type = "vsock",
		.opt = { { "ports", "7=echo;8=deaf" } },
		.world = vsock_world,
		.world_end = vsock_world_end,
		.probe = vsock_probe,
		.say = vsock_say,
		.knows = vsock_knows,
		.goes_on = vsock_goes_on,
		.eager = 1 << VSOCK_TX,
		.seed = vsock_seed,
		.keyed = vsock_keyed,
		.unknown = vsock_unknown,
	},
};
const size_t n_contract_rows = sizeof(contract_rows) / sizeof(contract_rows[0]);

const struct contract_row *contract_row_find(const char *type)
{
	static const struct contract_row none;

	for (size_t i = 0; i < n_contract_rows; i++) {
		if (!strcmp(contract_rows[i].type, type)) {
			return &contract_rows[i];
		}
	}
	return &none;
}
