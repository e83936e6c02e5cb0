/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front-end gone mad: the input is a program of messages (right, wrong, cut
 * off, with descriptors of every kind), guest memory writes, kicks, truncated
 * files and reconnects, played to a back-end with real queues. What must hold:
 * no crash, no wait, no descriptor left over, device and back-end agree on
 * which queues run.
 */
#include "config.h"

#include "tests/unit/vu_rig.h"

#include <sys/resource.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	OPS = 400, /* an input */
	FDS = 10,
	FD_LIMIT = 96,
};

struct input {
	const uint8_t *p;
	size_t left;
};

static void must_at(int ok, int line)
{
	if (!ok) {
		fprintf(stderr, "line %d does not hold\n", line);
		abort();
	}
}
#define must(ok) must_at(ok, __LINE__)

static uint8_t u8(struct input *in)
{
	if (!in->left) {
		return 0;
	}
	in->left--;
	return *in->p++;
}

static uint64_t raw(struct input *in, size_t n)
{
	uint64_t v = 0;

	while (n--) {
		v = v << 8 | u8(in);
	}
	return v;
}

/* A number, most often one that means something. */
static uint64_t num(struct input *in)
{
	static const uint64_t some[] = {
		0,
		1,
		2,
		3,
		7,
		RIG_NUM,
		256,
		4096,
		0x8000,
		0xffff,
		0x80008000,
		UINT32_MAX,
		UINT64_MAX,
		RIG_MEM,
		RIG_GPA,
		RIG_GPA + RIG_BUF,
		RIG_UVA,
		RIG_UVA + RIG_DESC,
		RIG_UVA + RIG_USED,
		RIG_UVA + RIG_AVAIL,
		RIG_UVA + 0x8000 + RIG_DESC,
		RIG_UVA + RIG_MEM - 16,
		RIG_FEATURES,
		RIG_FEATURES | VIRTIO_F_RING_PACKED,
		RIG_FEATURES | VHOST_F_LOG_ALL,
		RIG_FEATURES | VIRTIO_F_EVENT_IDX | VIRTIO_F_IN_ORDER,
		VIRTIO_F_VERSION_1,
		0x9b22b, /* all protocol features */
		0x100,
		0x8081, /* packed: available, in the second lap used */
		(RIG_GPA + RIG_MEM) / 4096 / 8,
	};
	uint8_t how = u8(in);

	if (how < sizeof(some) / sizeof(some[0])) {
		return some[how];
	}
	if (how < 64) {
		return some[how % 31] + (uint64_t)(int8_t)u8(in);
	}
	return raw(in, how < 128 ? 1 : how < 192 ? 4 : 8);
}

/* ---- descriptors of every kind, made once ---- */

static int pool[FDS];

static void make_pool(void)
{
	int sv[2];

	if (pool[0]) {
		return;
	}
	/* a leak must show soon, and nothing above it can hide */
	setrlimit(RLIMIT_NOFILE,
		  &(struct rlimit){ .rlim_cur = FD_LIMIT, .rlim_max = 4096 });
	pool[0] = memfd_create("full", MFD_CLOEXEC);
	pool[1] = memfd_create("short", MFD_CLOEXEC);
	pool[2] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pool[3] = eventfd(0, EFD_CLOEXEC); /* would block */
	must(pipe2(sv, O_CLOEXEC) == 0);
	pool[4] = sv[0];
	pool[5] = sv[1];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	pool[6] = sv[0];
	pool[7] = sv[1];
	pool[8] = open("/dev/null", O_RDWR | O_CLOEXEC);
	pool[9] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
}

/* Also empties what inputs before have filled, so that each is on its own. */
static void clean_pool(void)
{
	static char buf[65536];
	uint64_t n;

	must(ftruncate(pool[0], 0) == 0);
	must(ftruncate(pool[0], RIG_MEM * 4) == 0);
	must(ftruncate(pool[1], 0) == 0);
	must(ftruncate(pool[1], 100) == 0);
	for (int i = 0; i < FDS; i++) {
		lseek(pool[i], 0, SEEK_SET);
		if (i >= 2 && i < 8) {
			fcntl(pool[i], F_SETFL, O_NONBLOCK);
		}
	}
	while (read(pool[2], &n, 8) == 8 || read(pool[3], &n, 8) == 8 ||
	       read(pool[4], buf, sizeof(buf)) > 0 ||
	       read(pool[6], buf, sizeof(buf)) > 0 ||
	       read(pool[7], buf, sizeof(buf)) > 0) {
	}
	fcntl(pool[3], F_SETFL, 0);
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < FD_LIMIT; fd++) {
		n += fcntl(fd, F_GETFD) >= 0;
	}
	return n;
}

static int pick_fd(struct rig *g, struct input *in)
{
	uint8_t k = u8(in) % (FDS + 3);

	return k < FDS            ? pool[k]
	       : k == FDS         ? g->mem_fd
	       : k == FDS + 1     ? g->kick
	       : g->reply_fd >= 0 ? g->reply_fd
				  : g->call;
}

/* ---- messages ---- */

static void put(uint8_t *at, uint64_t v, size_t n)
{
	memcpy(at, &v, n);
}

/* The payload that @request has, of numbers from the input. */
static uint32_t body(struct input *in, uint32_t request, uint8_t *p)
{
	uint32_t n, len;

	switch (request) {
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_BASE:
	case VU_GET_VRING_BASE:
	case VU_SET_VRING_ENABLE:
	case VU_SET_DEVICE_STATE_FD:
		put(p, u8(in) % 4, 4);
		put(p + 4, num(in), 4);
		return 8;
	case VU_SET_VRING_ADDR:
		put(p, u8(in) % 4, 4);
		put(p + 4, u8(in), 4);
		for (int i = 1; i < 5; i++) {
			put(p + 8 * i, num(in), 8);
		}
		return 40;
	case VU_SET_MEM_TABLE:
		n = u8(in) % 40;
		put(p, n, 4);
		put(p + 4, 0, 4);
		for (uint32_t i = 0; i < 4 * n; i++) {
			put(p + 8 + 8 * i, num(in), 8);
		}
		return 8 + 32 * n;
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		for (int i = 0; i < 5; i++) {
			put(p + 8 * i, num(in), 8);
		}
		return 40;
	case VU_GET_CONFIG:
	case VU_SET_CONFIG:
		put(p, num(in), 4);
		len = u8(in);
		put(p + 4, len, 4);
		put(p + 8, u8(in) & 3, 4);
		for (uint32_t i = 0; i < len; i++) {
			p[12 + i] = i < 32 ? u8(in) : 0;
		}
		return 12 + len;
	case VU_GET_INFLIGHT_FD:
	case VU_SET_INFLIGHT_FD:
		put(p, num(in), 8);
		put(p + 8, num(in), 8);
		put(p + 16, u8(in) % 4, 2);
		put(p + 18, num(in), 2);
		put(p + 20, 0, 4);
		return u8(in) & 1 ? 20 : 24;
	case VU_SET_LOG_BASE:
		put(p, num(in), 8);
		put(p + 8, num(in), 8);
		return 16;
	case VU_SET_FEATURES:
	case VU_SET_PROTOCOL_FEATURES:
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
	case VU_SET_STATUS:
		put(p, num(in), 8);
		return 8;
	default:
		return 0;
	}
}

static void reconnect(struct rig *g)
{
	rig_hang_up(g);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		must(!g->on[i] && !virtq_running(g->q[i]));
		must(g->watched[i] == -1);
	}
	rig_connect(g);
}

static void serve(struct rig *g)
{
	int ret;

	do {
		ret = vu_input(g->vu, &g->err);
		must(ret <= 1);
	} while (ret > 0);
	while (rig_reply(g) == 0) {
		must(g->h.flags == (VU_FLAG_REPLY | VU_VERSION));
	}
	if (ret < 0) {
		must(g->err.msg[0] != '\0');
		g->err.msg[0] = '\0';
		reconnect(g);
	}
}

static void message(struct rig *g, struct input *in)
{
	uint8_t buf[sizeof(struct vu_header) + VU_MAX_PAYLOAD] = { 0 };
	uint8_t how = u8(in), cut;
	struct vu_header h = { u8(in) % (VU_N_REQUESTS + 3),
			       VU_VERSION | (how & VU_FLAG_NEED_REPLY), 0 };
	int fds[40];
	size_t n_fds = how & 3, all;

	h.size = body(in, h.request, buf + sizeof(h));
	if ((how & 0xf0) == 0xf0) {
		h.size = (uint32_t)num(in); /* not what it has */
	}
	if ((how & 0xf0) == 0xe0) {
		h.flags = u8(in);
	}
	if ((how & 0xf0) == 0xd0) {
		n_fds = u8(in) % 40;
	}
	for (size_t i = 0; i < n_fds; i++) {
		fds[i] = pick_fd(g, in);
	}
	if (h.request == VU_SET_MEM_TABLE && (how & 4)) {
		for (n_fds = 0; n_fds < buf[sizeof(h)] && n_fds < 40;) {
			fds[n_fds++] = g->mem_fd;
		}
	}
	memcpy(buf, &h, sizeof(h));
	all = sizeof(h) + (h.size < VU_MAX_PAYLOAD ? h.size : 64);
	if ((how & 0xf0) == 0xc0) {
		cut = u8(in); /* in two parts */
		cut = cut < all ? cut : (uint8_t)all;
		if (cut) {
			rig_raw(g, buf, cut, fds, n_fds);
			serve(g);
			n_fds = 0;
		}
		if (cut < all) {
			rig_raw(g, buf + cut, all - cut, fds, n_fds);
		}
	} else {
		rig_raw(g, buf, all, fds, n_fds);
	}
	if (how & 0x80 || !(how & 0x40)) {
		serve(g); /* else it waits for company */
	}
}

/* ---- the rest of the world ---- */

static void guest_writes(struct rig *g, struct input *in)
{
	size_t at = raw(in, 2) % RIG_MEM;
	uint64_t v = num(in);
	size_t n = 1u << (u8(in) & 3);

	if (at + n <= RIG_MEM) {
		memcpy(g->mem + at, &v, n);
	}
}

static void work(struct rig *g)
{
	for (unsigned int q = 0; q < RIG_QUEUES; q++) {
		rig_work(g, q);
	}
	if (vu_check(g->vu)) {
		reconnect(g);
	}
}

/* Our own map of the file must not be hit: it is the same memory. */
static void truncated(struct rig *g, struct input *in)
{
	int fd = u8(in) & 1 ? g->mem_fd : pool[0];

	if (fd == g->mem_fd) {
		/* by exchange: the old file shrinks, we keep a full one */
		int full = memfd_create("guest", MFD_CLOEXEC);

		must(ftruncate(full, RIG_MEM) == 0);
		must(ftruncate(fd, u8(in) * 256) == 0);
		must(mmap(g->mem, RIG_MEM, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, full, 0) == g->mem);
		close(fd);
		g->mem_fd = full;
	} else {
		must(ftruncate(fd, u8(in) * 256) == 0);
	}
}

/* The in-flight table, asked for and handed back, or nearly so. */
static void inflight(struct rig *g, struct input *in)
{
	struct vu_inflight f = { 0, 0, u8(in) % 4, (uint16_t)num(in) };
	uint8_t how = u8(in);

	rig_send(g, VU_GET_INFLIGHT_FD, 0, &f, sizeof(f), NULL, 0);
	if (vu_input(g->vu, &g->err) < 0 || rig_reply(g) || g->reply_fd < 0) {
		serve(g);
		return;
	}
	f = g->p.inflight;
	if (how & 1) { /* what a back-end before us left in it */
		uint64_t v = num(in);

		/* it is sealed, and may end before that */
		must(pwrite(g->reply_fd, &v, 8, u8(in)) >= 0 || errno == EPERM);
	}
	if (how & 2) {
		f.size += (uint64_t)(int8_t)u8(in);
	}
	rig_send(g, VU_SET_INFLIGHT_FD, 0, &f, sizeof(f), &g->reply_fd, 1);
	serve(g);
}

/* A descriptor of ring 0, packed or split. */
static void guest_desc(struct rig *g, struct input *in)
{
	struct vring_desc d = { .addr = num(in),
				.len = (uint32_t)num(in),
				.flags = (uint16_t)num(in),
				.next = u8(in) };

	memcpy(g->mem + RIG_DESC + u8(in) % (2 * RIG_NUM) * sizeof(d), &d,
	       sizeof(d));
}

static void step(struct rig *g, struct input *in)
{
	uint8_t op = u8(in);

	switch (op) {
	default:
		message(g, in);
		break;
	case 0:
		rig_run(g);
		serve(g);
		break;
	case 1:
		rig_offer(g, num(in), (uint32_t)num(in));
		break;
	case 2:
		for (unsigned int q = 0; q < RIG_QUEUES; q++) {
			if (g->watched[q] >= 0) {
				vu_kicked(g->vu, q);
			}
		}
		work(g);
		break;
	case 3:
		guest_writes(g, in);
		break;
	case 4:
		truncated(g, in);
		work(g);
		break;
	case 5:
		reconnect(g);
		break;
	case 6:
		g->hold = !g->hold;
		break;
	case 7:
		vu_config_changed(g->vu);
		break;
	case 8:
		serve(g);
		break;
	case 9:
		rig_handshake(g, num(in), num(in));
		serve(g);
		break;
	case 10:
		rig_setup_ring(g, u8(in) % 3);
		serve(g);
		break;
	case 11:
		rig_add_mem(g, u8(in) & VU_FLAG_NEED_REPLY);
		serve(g);
		break;
	case 12:
		inflight(g, in);
		break;
	case 13:
		guest_desc(g, in);
		break;
	}
	for (unsigned int q = 0; q < RIG_QUEUES; q++) {
		must(g->on[q] == vu_queue_runs(g->vu, q));
		must(g->on[q] == virtq_running(g->q[q]));
		must(g->on[q] || g->watched[q] == -1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct rig g;
	unsigned int before;

	make_pool();
	clean_pool();
	before = open_fds();
	rig_open(&g);
	g.ops.discards = 2; /* the second queue */
	for (int i = 0; i < OPS && in.left; i++) {
		step(&g, &in);
	}
	rig_close(&g);
	must(open_fds() == before);
	return 0;
}
