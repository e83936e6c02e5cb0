/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No allocation on the kick path (virtq.h): thousands of requests to each kind
 * of device, whose thread must not call the allocator once after the first
 * ones. All calls of the process come by here; those of the test's own thread
 * are not counted, and of libslirp only what it makes us allocate.
 */
#include "config.h"

#include "tests/unit/device_rig.h"
#include "tests/vu/echo.h"

#include "sim/core/evq.h"
#include "sim/services/stream.h"
#include "vdevices/scmi.h"
#include "vdevices/vsock_priv.h"
#include "vdevices/vsock_switch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <netinet/in.h>
#include <stdatomic.h>

enum {
	WARM = 100,  /* requests of a kind before it is counted */
	MANY = 2000, /* counted */
	FEW = 200,   /* ... of those that a timer delays */
};

/* ---- the allocator ---- */

#ifndef AVSIM_SANITIZED /* which have their own */

/* glibc's, behind the names that are taken over here */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

extern char __executable_start, etext; /* of the linker: this program */

static _Thread_local bool bystander;
static _Atomic bool counting;
static _Atomic unsigned long calls, ours;
static _Atomic uintptr_t culprit; /* who called first, as addr2line knows it */

static void count(const void *from)
{
	uintptr_t at = (uintptr_t)from, begin = (uintptr_t)&__executable_start;
	uintptr_t nobody = 0;

	if (!counting || bystander) {
		return;
	}
	calls++;
	if (at >= begin && at < (uintptr_t)&etext) {
		ours++;
		at -= begin;
		atomic_compare_exchange_strong(&culprit, &nobody, at);
	}
}

/* Not inlined: it is the caller that tells whose call it is. */
__attribute__((noinline)) void *malloc(size_t n)
{
	count(__builtin_return_address(0));
	return __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
	count(__builtin_return_address(0));
	return __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
	count(__builtin_return_address(0));
	return __libc_realloc(p, n);
}

void free(void *p)
{
	if (p) {
		count(__builtin_return_address(0));
	}
	__libc_free(p);
}

static void begin_to_count(void)
{
	bystander = true;
	calls = ours = culprit = 0;
	counting = true;
}

/* @libs: calls by libraries are to be none either. */
static void end_of_count(bool libs)
{
	counting = false;
	if (ours || (libs && calls)) {
		fail_msg("%lu calls of the allocator, %lu of avsim's, the "
			 "first at 0x%lx",
			 calls, ours, (unsigned long)culprit);
	}
}

/* ---- the rig ---- */

struct dut {
	struct device_rig d;
	char dir[64];
	/* vsock */
	uv_loop_t world; /* does not run */
	struct evq *q;
};

static struct av_stream *slow;

/* The service "slow" takes one packet, then waits for a word to "go". */
static void slow_data(struct av_stream *s, const void *buf, size_t len)
{
	(void)buf;
	(void)len;
	av_stream_hold(s, true);
}

static void go_data(struct av_stream *s, const void *buf, size_t len)
{
	av_stream_hold(slow, false);
	echo_data(s, buf, len);
}

static int take(struct av_acceptor *a, struct av_stream *s)
{
	int ret = echo_accept(a, s);

	if (!strcmp(a->name, "slow")) {
		s->on_data = slow_data;
		slow = s;
	} else if (!strcmp(a->name, "go")) {
		s->on_data = go_data;
	}
	return ret;
}

static struct av_acceptor *acceptor(void *ctx, const char *name)
{
	static struct av_acceptor all[] = {
		{ .name = "echo", .accept = take },
		{ .name = "bt", .accept = take },
		{ .name = "slow", .accept = take },
		{ .name = "go", .accept = take },
	};

	(void)ctx;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i].name, name)) {
			return &all[i];
		}
	}
	return NULL;
}

static void option(struct dut *t, const char *key, const char *value)
{
	size_t n = t->d.args.n_opts++;

	t->d.args.opt[n].key = key;
	t->d.args.opt[n].value = value;
}

static void dut_open(struct dut *t, const char *type, bool packed)
{
	struct front_opts fo = { .queue_size = 64,
				 .mem = front_mem_create(1, 1 << 20),
				 .also = packed ? VIRTIO_F_RING_PACKED : 0 };
	struct av_err err = { 0 };

	t->d.args.name = "dut0";
	t->d.args.acceptor = acceptor;
	device_rig_open(&t->d, type, &fo);
	if (front_start(t->d.f, &err)) {
		fail_msg("%s", err.msg);
	}
	CHECK_EQ(!!(front_features(t->d.f) & VIRTIO_F_RING_PACKED), packed);
}

static void request(struct dut *t, unsigned int q, const void *out,
		    size_t out_len, void *in, size_t in_len, int want)
{
	int n = front_request(t->d.f, q, out, (uint32_t)out_len, in,
			      (uint32_t)in_len, FRONT_WAIT_MS);

	if (n < 0 || (want >= 0 && n != want)) {
		fail_msg("queue %u: %d bytes of %d: %s", q, n, want,
			 front_why(t->d.f));
	}
}

/* ---- rng, blk, console ---- */

static void rng(struct dut *t)
{
	uint8_t buf[64];

	request(t, 0, NULL, 0, buf, sizeof(buf), sizeof(buf));
}

static void blk(struct dut *t)
{
	struct {
		uint32_t type, reserved;
		uint64_t sector;
		uint8_t data[4096];
	} w = { .type = 1, .sector = 8 };
	uint8_t in[4097];

	request(t, 0, &w, sizeof(w), in, 1, 1);
	CHECK_EQ(in[0], 0);
	w.type = 0;
	request(t, 0, &w, 16, in, sizeof(in), sizeof(in));
	w.type = 4; /* flush */
	request(t, 0, &w, 16, in, 1, 1);
	CHECK_EQ(in[0], 0);
}

static void console_setup(struct dut *t)
{
	static const uint8_t say[3][8] = { { 0, 0, 0, 0, 0, 0, 1 },
					   { 1, 0, 0, 0, 3, 0, 1 },
					   { 1, 0, 0, 0, 6, 0, 1 } };

	for (int i = 0; i < 3; i++) {
		request(t, 3, say[i], 8, NULL, 0, 0);
	}
}

static void console(struct dut *t)
{
	char back[5];

	request(t, 5, "hello", 5, NULL, 0, 0);
	request(t, 4, NULL, 0, back, 5, 5);
}

/* ---- input ---- */

static void input(struct dut *t)
{
	static const uint8_t led[8] = { EV_LED, 0, 0, 0, 1 };
	const struct {
		struct port_header h;
		struct port_input e[3];
	} frame = { { .kind = PORT_INPUT },
		    { { EV_ABS, ABS_MT_TRACKING_ID, -1 },
		      { EV_KEY, BTN_TOUCH, 0 },
		      { EV_SYN, SYN_REPORT, 0 } } };
	uint8_t event[8];

	request(t, 1, led, sizeof(led), NULL, 0, 0);
	device_rig_send(&t->d, &frame, sizeof(frame));
	for (int i = 0; i < 3; i++) {
		request(t, 0, NULL, 0, event, sizeof(event), sizeof(event));
	}
}

/* ---- scmi ---- */

static void scmi(struct dut *t)
{
	struct {
		struct port_header h;
		struct scmi_sample x;
		uint64_t lost;
	} m = { .h = { .kind = PORT_SAMPLE } };
	const uint32_t vendor = 0x10 << 10 | 3;
	uint32_t in[34];

	request(t, 0, &vendor, sizeof(vendor), in, sizeof(in), 24);
	m.x.t = 1;
	device_rig_send(&t->d, &m, sizeof(m));
	request(t, 1, NULL, 0, in, 128, SCMI_UPDATE_SIZE);
}

static void scmi_setup(struct dut *t)
{
	const uint32_t notify[3] = { 0x15 << 10 | 0xb, 0, 1 };
	const uint32_t rate[3] = { 0x15 << 10 | 0xa, 0,
				   25u << 16 | 28 << 11 | 3 };
	uint32_t in[8];

	request(t, 0, notify, sizeof(notify), in, sizeof(in), -1);
	CHECK_EQ(in[1], 0);
	request(t, 0, rate, sizeof(rate), in, sizeof(in), -1);
	CHECK_EQ(in[1], 0);
}

/* ---- bt ---- */

static void bt(struct dut *t)
{
	static const uint8_t acl[] = { 2, 1, 0, 4, 0, 'p', 'i', 'n', 'g' };
	uint8_t in[1000];

	request(t, 0, acl, sizeof(acl), NULL, 0, 0);
	request(t, 1, NULL, 0, in, sizeof(in), sizeof(acl));
}

/* ---- net ---- */

enum { RX, TX, HDR = 12, ARP_ANSWER = 0x0806, IP = 0x0800 };

static int udp_sock;
static uint16_t udp_port; /* network order */

static void net_expect(struct dut *t, unsigned int type)
{
	uint8_t in[2048];

	do {
		request(t, RX, NULL, 0, in, sizeof(in), -1);
	} while ((in[HDR + 12] << 8 | in[HDR + 13]) != (int)type);
}

/* Who is the router? It answers at once. */
static void arp(struct dut *t)
{
	static const char ask[] =
		"\0\0\0\0\0\0\0\0\0\0\0\0"
		"\xff\xff\xff\xff\xff\xff\x52\x54\0\x12\x34\x56\x08\x06"
		"\0\1\x08\0\6\4\0\1\x52\x54\0\x12\x34\x56\x0a\0\2\x0f"
		"\0\0\0\0\0\0\x0a\0\2\2";

	request(t, TX, ask, sizeof(ask) - 1, NULL, 0, 0);
}

static void net_arp(struct dut *t)
{
	arp(t);
	net_expect(t, ARP_ANSWER);
}

/* The driver has no buffers for a while. */
static void net_backlog(struct dut *t)
{
	for (int i = 0; i < 8; i++) {
		arp(t);
	}
	for (int i = 0; i < 8; i++) {
		net_expect(t, ARP_ANSWER);
	}
}

/* There and back through a socket of the host. */
static void net_udp(struct dut *t)
{
	uint8_t f[HDR + 14 + 20 + 8 + 32] =
		"\0\0\0\0\0\0\0\0\0\0\0\0"
		"\x52\x55\x0a\0\2\2\x52\x54\0\x12\x34\x56\x08\0"
		"\x45\0\0\x3c\0\0\0\0\x40\x11\x62\xa1"
		"\x0a\0\2\x0f\x0a\0\2\2\x15\xb3\0\0\0\x28\0\0";
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	memcpy(f + HDR + 14 + 20 + 2, &udp_port, 2);
	request(t, TX, f, sizeof(f), NULL, 0, 0);
	n = recvfrom(udp_sock, f, sizeof(f), 0, (struct sockaddr *)&from, &len);
	CHECK_EQ(n, 32);
	CHECK_EQ(sendto(udp_sock, f, 32, 0, (struct sockaddr *)&from, len), 32);
	net_expect(t, IP);
}

static void udp_open(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_sec = FRONT_WAIT_MS / 1000 };
	socklen_t len = sizeof(a);

	udp_sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(udp_sock, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_EQ(getsockname(udp_sock, (struct sockaddr *)&a, &len), 0);
	CHECK_EQ(setsockopt(udp_sock, SOL_SOCKET, SO_RCVTIMEO, &wait,
			    sizeof(wait)),
		 0);
	udp_port = a.sin_port;
}

static void net_slower(struct dut *t)
{
	const struct {
		struct port_header h;
		struct port_fault f;
	} m = { { .kind = PORT_FAULT },
		{ .name = "net-delay", .v = { 0.001 } } };

	device_rig_send(&t->d, &m, sizeof(m));
}

/* ---- vsock ---- */

struct flow {
	uint32_t host, guest;
	uint32_t got; /* bytes */
};

static struct flow echo_flow = { 7, 1001, 0 };
static struct flow slow_flow = { 9, 1002, 0 };
static struct flow go_flow = { 10, 1003, 0 };

static void vs_send(struct dut *t, const struct flow *f, uint16_t op,
		    uint32_t len)
{
	struct {
		struct vsock_hdr h;
		uint8_t data[4096];
	} p = { .h = { .src_cid = 3,
		       .dst_cid = VSOCK_CID_HOST,
		       .src_port = f->guest,
		       .dst_port = f->host,
		       .len = len,
		       .type = VSOCK_STREAM,
		       .op = op,
		       .buf_alloc = 1 << 18,
		       .fwd_cnt = f->got } };

	request(t, TX, &p, sizeof(p.h) + len, NULL, 0, 0);
}

/* What comes meanwhile is of no interest. */
static void vs_expect(struct dut *t, struct flow *f, uint16_t op, uint32_t len)
{
	struct {
		struct vsock_hdr h;
		uint8_t data[4096];
	} p;

	do {
		request(t, RX, NULL, 0, &p, sizeof(p), -1);
		if (p.h.op == VSOCK_OP_RST) {
			fail_msg("port %u is reset", p.h.src_port);
		}
	} while (p.h.op != op || p.h.dst_port != f->guest);
	CHECK_EQ(p.h.len, len);
	f->got += len;
}

static void vs_dial(struct dut *t, struct flow *f)
{
	f->got = 0;
	vs_send(t, f, VSOCK_OP_REQUEST, 0);
	vs_expect(t, f, VSOCK_OP_RESPONSE, 0);
}

static void vs_echo(struct dut *t)
{
	vs_send(t, &echo_flow, VSOCK_OP_RW, 100);
	vs_expect(t, &echo_flow, VSOCK_OP_RW, 100);
}

/* The second packet is held until there is a word to go on. */
static void vs_held(struct dut *t)
{
	vs_send(t, &slow_flow, VSOCK_OP_RW, 100);
	vs_send(t, &slow_flow, VSOCK_OP_RW, 100);
	vs_send(t, &go_flow, VSOCK_OP_RW, 1);
	vs_expect(t, &go_flow, VSOCK_OP_RW, 1);
	vs_send(t, &go_flow, VSOCK_OP_RW, 1);
	vs_expect(t, &go_flow, VSOCK_OP_RW, 1);
}

static void vs_open(struct dut *t, bool packed)
{
	struct vsock_switch_env env = { .loop = &t->world,
					.run_dir = t->dir,
					.acceptor = acceptor };

	uv_loop_init(&t->world);
	t->q = env.q = evq_create();
	t->d.args.vsock = vsock_switch_create(&env);
	option(t, "ports", "7=echo;9=slow;10=go");
	dut_open(t, "vsock", packed);
	vs_dial(t, &echo_flow);
	vs_dial(t, &slow_flow);
	vs_dial(t, &go_flow);
}

static void vs_close(struct dut *t)
{
	vsock_switch_destroy(t->d.args.vsock);
	uv_run(&t->world, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&t->world), 0);
	evq_destroy(t->q);
}

/* ---- the tests ---- */

static void many(struct dut *t, void (*one)(struct dut *t), int n, bool libs)
{
	for (int i = 0; i < WARM; i++) {
		one(t);
	}
	begin_to_count();
	for (int i = 0; i < n; i++) {
		one(t);
	}
	end_of_count(libs);
}

TEST(rng_gives_bytes)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { 0 };

		dut_open(&t, "rng", packed);
		many(&t, rng, MANY, true);
		device_rig_close(&t.d);
	}
}

TEST(blk_reads_writes_and_flushes)
{
	static const char *const engines[] = { "auto", "threads" };

	for (int i = 0; i < 4; i++) {
		struct dut t = { .dir = "/tmp/avsim-no-alloc-XXXXXX" };
		int fd = mkostemp(t.dir, O_CLOEXEC);

		CHECK(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
		close(fd);
		option(&t, "file", t.dir);
		option(&t, "io", engines[i / 2]);
		dut_open(&t, "blk", i % 2);
		many(&t, blk, MANY, true);
		device_rig_close(&t.d);
		unlink(t.dir);
	}
}

TEST(console_talks_both_ways)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { 0 };

		option(&t, "ports", "hvc=echo;a=echo");
		dut_open(&t, "console", packed);
		console_setup(&t);
		many(&t, console, MANY, true);
		device_rig_close(&t.d);
	}
}

TEST(input_tells_and_is_told)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { 0 };

		dut_open(&t, "input", packed);
		many(&t, input, MANY, true);
		device_rig_close(&t.d);
	}
}

TEST(scmi_answers_and_notifies)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = {
			.d.told = "sensor scmi.iio.accel accel accelerometer "
				  "-3 39226 400"
		};

		dut_open(&t, "scmi", packed);
		scmi_setup(&t);
		many(&t, scmi, MANY, true);
		device_rig_close(&t.d);
	}
}

TEST(bt_carries_packets_both_ways)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { 0 };

		dut_open(&t, "bt", packed);
		many(&t, bt, MANY, true);
		device_rig_close(&t.d);
	}
}

TEST(net_carries_frames_both_ways)
{
	udp_open();
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { 0 };

		dut_open(&t, "net", packed);
		many(&t, net_arp, MANY, false);
		many(&t, net_udp, MANY, false);
		many(&t, net_backlog, FEW, false);
		net_slower(&t);
		many(&t, net_arp, FEW, false);
		device_rig_close(&t.d);
	}
	close(udp_sock);
}

TEST(vsock_carries_data_both_ways)
{
	for (int packed = 0; packed < 2; packed++) {
		struct dut t = { .dir = "/tmp/avsim-no-alloc-XXXXXX" };

		CHECK(mkdtemp(t.dir));
		vs_open(&t, packed);
		many(&t, vs_echo, MANY, true);
		many(&t, vs_held, MANY, true);
		device_rig_close(&t.d);
		vs_close(&t);
		rmdir(t.dir);
	}
}

/* ---- vsock without its device: messages, and what another guest says ---- */

static ssize_t out_room(void *ctx)
{
	(void)ctx;
	return 4096;
}

static void out_send(void *ctx, const struct vsock_hdr *h, const void *data)
{
	(void)data;
	*(uint64_t *)ctx += h->len;
}

static void out_wake(void *ctx)
{
	(void)ctx;
}

static int open_echo(void *ctx, struct vsock_guest *g, uint32_t port,
		     enum vsock_type type, struct av_stream *s)
{
	(void)ctx;
	(void)g;
	(void)port;
	(void)type;
	return take(acceptor(NULL, "echo"), s);
}

static const uint8_t said[6000];

/* In parts of 3000 bytes there, of 4096 back. */
static void message(struct vsock_guest *g)
{
	static uint32_t got;
	struct vsock_hdr h = { .src_cid = 3,
			       .dst_cid = VSOCK_CID_HOST,
			       .src_port = 1001,
			       .dst_port = 7,
			       .type = VSOCK_SEQPACKET,
			       .op = VSOCK_OP_REQUEST,
			       .buf_alloc = 1 << 18,
			       .fwd_cnt = got };

	if (!got) {
		CHECK_EQ(vsock_input(g, &h, NULL), 0);
		vsock_pump(g);
	}
	h.op = VSOCK_OP_RW;
	h.len = sizeof(said) / 2;
	CHECK_EQ(vsock_input(g, &h, said), 0);
	h.flags = VSOCK_EOM;
	CHECK_EQ(vsock_input(g, &h, said), 0);
	while (vsock_pump(g)) {
	}
	got += sizeof(said);
}

static void relay(struct vsock_guest *g)
{
	const struct vsock_hdr h = { .src_cid = 4,
				     .dst_cid = 3,
				     .len = sizeof(said),
				     .type = VSOCK_STREAM,
				     .op = VSOCK_OP_RW };

	CHECK(vsock_relay_in(g, &h, said));
	CHECK(vsock_relay_in(g, &h, said));
	CHECK(!vsock_pump(g));
}

static void without_device(void (*one)(struct vsock_guest *g), uint64_t bytes)
{
	const struct vsock_ports ports = { .open = open_echo };
	uint64_t sent = 0;
	const struct vsock_out out = { .room = out_room,
				       .send = out_send,
				       .wake = out_wake,
				       .ctx = &sent };
	struct vsock_guest *g;

	CHECK_EQ(vsock_guest_create(3, &out, &ports, &g), 0);
	vsock_guest_up(g, true);
	one(g);
	begin_to_count();
	bystander = false; /* this thread is the device's */
	for (int i = 0; i < MANY; i++) {
		one(g);
	}
	end_of_count(true);
	CHECK_EQ(sent, bytes * (MANY + 1));
	vsock_guest_destroy(g);
}

TEST(vsock_carries_messages_and_echoes)
{
	without_device(message, sizeof(said));
}

TEST(vsock_carries_what_another_guest_says)
{
	without_device(relay, 2 * sizeof(said));
}

/* Once red, so that green means something. */
TEST(an_allocation_is_seen)
{
	void *volatile p;

	begin_to_count();
	bystander = false;
	p = malloc(1);
	counting = false;
	CHECK(p);
	CHECK_EQ(ours, 1);
	free(p);
}

int main(void)
{
	return RUN_TESTS(T(an_allocation_is_seen), T(rng_gives_bytes),
			 T(blk_reads_writes_and_flushes),
			 T(console_talks_both_ways), T(input_tells_and_is_told),
			 T(scmi_answers_and_notifies),
			 T(bt_carries_packets_both_ways),
			 T(net_carries_frames_both_ways),
			 T(vsock_carries_data_both_ways),
			 T(vsock_carries_messages_and_echoes),
			 T(vsock_carries_what_another_guest_says));
}

#else

TEST(no_allocation_on_the_kick_path)
{
	SKIP("the sanitizers have their own allocator");
}

int main(void)
{
	return RUN_TESTS(T(no_allocation_on_the_kick_path));
}

#endif
