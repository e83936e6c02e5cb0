/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole device behind its socket: requests of any contents and framing on all
 * its queues, writes to its config space, messages of the world, resets, and
 * states that may be its own: one that is refused must have changed nothing.
 *
 * First byte: which device; then steps of [kind, length, bytes]. The rings are
 * well-formed: others see to those (fuzz_virtq, fuzz_vhost_user).
 *
 * Built with VIRTQ_HOOKS (fetch_device) it also sees each access of a device to
 * a request's readable bytes, and stops at the second one to the same byte.
 */
#include "config.h"

#include "sim/core/evdev.h"
#include "sim/services/stream.h"
#include "vdevices/host.h"
#include "vdevices/state.h"
#include "vdevices/vsock_switch.h"
#include "vdevices/vu_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GPA 0x40000000ull
enum {
	QUEUES = 6,
	NUM = 16,     /* descriptors of a queue; a request has two to four */
	REQUEST = 4,  /* ... of which it has so many to itself */
	RING = 4096,  /* bytes of a queue's rings, one after the other */
	SLOT = 4096,  /* bytes of a request */
	SLOTS_AT = QUEUES * RING,
	SLOTS = NUM / REQUEST,
	MEM = SLOTS_AT + QUEUES * SLOTS * SLOT,
	DISK = 1 << 20,
	STEPS_MAX = 64,
};

struct kind {
	const char *type;
	struct {
		const char *key, *value;
	} opt[4];
};

static const struct kind kinds[] = {
	{ "console", { { "ports", "hvc=echo;a=echo" } } },
	{ "console", { { "ports", "a=echo" } } },
	{ "input", { { "kind", "touch" } } },
	{ "input", { { "kind", "keys" } } },
	{ "input", { { "kind", "rotary" } } },
	{ "blk", { { "file", "@" }, { "queues", "2" } } },
	{ "blk", { { "file", "@" }, { "overlay", "on" }, { "queues", "1" } } },
	{ "scmi", { { NULL, NULL } } },
	{ "rng", { { NULL, NULL } } },
	{ "bt", { { NULL, NULL } } },
	{ "vsock", { { "ports", "7=echo" } } },
	/* reaches nobody */
	{ "net", { { "restrict", "on" }, { "dns", "off" } } },
};

struct fuzz {
	uv_loop_t loop;
	struct health health;
	struct vdev_args args;
	struct evq *q;
	struct vsock_switch *sw; /* NULL: no vsock device */
	struct vdev_host *host;
	struct port *port; /* the world's end */
	int sock, mem_fd;
	uint8_t *mem;
	unsigned int n_queues;
	int kick[QUEUES];
	uint16_t n[QUEUES]; /* requests offered since the ring began */
	char path[64];
};

/* ---- fetches ---- */

#ifdef VIRTQ_HOOKS
void virtq_fetch_hook(const void *p, size_t n);
void virtq_store_hook(const void *p, size_t n);

/* The device's own view of the memory, and what it has seen of it. */
static struct {
	uintptr_t base;
	unsigned int total;
	bool seen[MEM];
} fetch;

void virtq_fetch_hook(const void *p, size_t n)
{
	size_t off = (uintptr_t)p - fetch.base;

	if (!fetch.base || off >= MEM || off < SLOTS_AT) {
		return; /* rings: test_virtq_hooks */
	}
	fetch.total++;
	for (size_t i = off; i < off + n && i < MEM; i++) {
		if (fetch.seen[i]) {
			fprintf(stderr,
				"byte %zu of a request is fetched twice\n",
				(i - SLOTS_AT) % SLOT);
			abort();
		}
		fetch.seen[i] = true;
	}
}

void virtq_store_hook(const void *p, size_t n)
{
	(void)p;
	(void)n;
}

/* A mapping of the same file that is not ours. */
static void fetch_begin(const void *mine)
{
	FILE *m = fopen("/proc/self/maps", "r");
	char line[512];
	uintptr_t at;

	fetch.base = 0;
	while (m && fgets(line, sizeof(line), m)) {
		if (strstr(line, "/memfd:guest ") &&
		    sscanf(line, "%" SCNxPTR "-", &at) == 1 &&
		    at != (uintptr_t)mine) {
			fetch.base = at;
		}
	}
	if (m) {
		fclose(m);
	}
	assert(fetch.base);
}

static void fetch_forget(size_t at)
{
	memset(fetch.seen + at, 0, SLOT);
}
#else
static void fetch_begin(const void *mine)
{
	(void)mine;
}

static void fetch_forget(size_t at)
{
	(void)at;
}
#endif

/* ---- the world ---- */

static void echo_data(struct av_stream *s, const void *buf, size_t len)
{
	av_stream_write(s, buf, len); /* what does not fit is lost */
}

static void echo_nothing(struct av_stream *s)
{
	(void)s;
}

static int echo_accept(struct av_acceptor *a, struct av_stream *s)
{
	(void)a;
	s->on_data = echo_data;
	s->on_writable = echo_nothing;
	s->on_closed = echo_nothing;
	return 0;
}

static struct av_acceptor *acceptor(void *ctx, const char *name)
{
	static struct av_acceptor echo = { .name = "echo",
					   .accept = echo_accept };

	(void)ctx;
	(void)name;
	return &echo;
}

static void on_message(void *ctx, const struct port_msg *m)
{
	(void)ctx;
	(void)m;
}

static void on_closed(void *ctx)
{
	(void)ctx;
}

static const struct port_ops port_ops = {
	.message = on_message,
	.closed = on_closed,
};

/* ---- the front-end ---- */

static void turn(struct fuzz *f)
{
	uint8_t drop[4096];

	for (int i = 0; i < 4; i++) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	while (recv(f->sock, drop, sizeof(drop), MSG_DONTWAIT) > 0) {
	}
}

static void send_msg(struct fuzz *f, uint32_t request, const void *payload,
		     uint32_t size, int fd)
{
	if (vu_send(f->sock, request, 0, payload, size, fd)) {
		abort(); /* no step is one that it may hang up for */
	}
}

static void send_u64(struct fuzz *f, uint32_t request, uint64_t v, int fd)
{
	send_msg(f, request, &v, sizeof(v), fd);
}

static struct vring ring_of(struct fuzz *f, unsigned int q)
{
	struct vring r;

	vring_init(&r, NUM, f->mem + (size_t)q * RING, 64);
	return r;
}

static void start_queue(struct fuzz *f, unsigned int q)
{
	struct vring r = ring_of(f, q);
	uint64_t at = GPA - (uintptr_t)f->mem;
	struct vu_addr a = { .index = q,
			     .desc = (uintptr_t)r.desc + at,
			     .used = (uintptr_t)r.used + at,
			     .avail = (uintptr_t)r.avail + at };
	struct vu_state s = { q, NUM };

	memset(f->mem + (size_t)q * RING, 0, RING);
	f->n[q] = 0;
	send_msg(f, VU_SET_VRING_NUM, &s, sizeof(s), -1);
	s.num = 0;
	send_msg(f, VU_SET_VRING_BASE, &s, sizeof(s), -1);
	send_msg(f, VU_SET_VRING_ADDR, &a, sizeof(a), -1);
	send_u64(f, VU_SET_VRING_KICK, q, f->kick[q]);
	s.num = 1;
	send_msg(f, VU_SET_VRING_ENABLE, &s, sizeof(s), -1);
}

static void handshake(struct fuzz *f, const struct vdev_type *t)
{
	struct vu_mem_table m = { .n = 1, .region = { { GPA, MEM, GPA, 0 } } };
	uint64_t features = t->get_features
				    ? t->get_features(vdev_host_dev(f->host))
				    : t->features;

	send_u64(f, VU_SET_PROTOCOL_FEATURES,
		 1u << VU_PF_MQ |
			 (t->config_size ? 1u << VU_PF_CONFIG : 0) |
			 (t->save ? 1u << VU_PF_DEVICE_STATE : 0) |
			 1u << VU_PF_STATUS,
		 -1);
	send_u64(f, VU_SET_FEATURES,
		 features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
			 VHOST_USER_F_PROTOCOL_FEATURES,
		 -1);
	send_msg(f, VU_SET_MEM_TABLE, &m, 8 + sizeof(m.region[0]), f->mem_fd);
	turn(f);
	fetch_begin(f->mem);
	for (unsigned int q = 0; q < f->n_queues; q++) {
		start_queue(f, q);
		turn(f);
	}
}

/* ---- steps ---- */

/* @b[0]: where the readable part ends and how it is cut; @b[1]: the writable
 * part's size. */
static void request(struct fuzz *f, unsigned int q, const uint8_t *b,
		    size_t len)
{
	static const uint32_t room[8] = { 0, 1, 8, 16, 64, 513, 1024, 2048 };
	struct vring r = ring_of(f, q);
	size_t slot = f->n[q] % SLOTS, out, cut;
	size_t at = SLOTS_AT + (q * SLOTS + slot) * SLOT;
	uint16_t head = (uint16_t)(slot * REQUEST), n = 0;
	struct vring_desc d[REQUEST];

	if (len < 2 || (uint16_t)(f->n[q] - r.used->idx) >= SLOTS) {
		return; /* full: until the next reset */
	}
	out = len - 2;
	cut = out ? (b[0] >> 4) % (out + 1) : 0;
	memcpy(f->mem + at, b + 2, out);
	fetch_forget(at);
	if (cut) {
		d[n++] = (struct vring_desc){ GPA + at, (uint32_t)cut, 0, 0 };
	}
	if (out > cut) {
		d[n++] = (struct vring_desc){ GPA + at + cut,
					      (uint32_t)(out - cut), 0, 0 };
	}
	if (room[b[1] & 7] || !n) {
		uint32_t in = room[b[1] & 7];

		cut = in > 1 && b[1] & 8;
		if (cut) {
			d[n++] = (struct vring_desc){ GPA + at + 2047, 1,
						      VRING_DESC_F_WRITE, 0 };
			in--;
		}
		d[n++] = (struct vring_desc){ GPA + at + 2048, in,
					      VRING_DESC_F_WRITE, 0 };
	}
	for (uint16_t i = 0; i < n; i++) {
		d[i].next = (uint16_t)(head + i + 1);
		d[i].flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
		r.desc[head + i] = d[i];
	}
	r.avail->ring[f->n[q] % NUM] = head;
	__atomic_store_n(&r.avail->idx, ++f->n[q], __ATOMIC_RELEASE);
	eventfd_write(f->kick[q], 1);
}

static void set_config(struct fuzz *f, const struct vdev_type *t,
		       const uint8_t *b, size_t len)
{
	struct vu_config c = { 0 };
	const uint32_t head = offsetof(struct vu_config, data);

	if (len < 2 || !t->config_size) {
		return;
	}
	c.offset = b[0] % t->config_size;
	c.size = (uint32_t)len - 1;
	if (c.size > t->config_size - c.offset) {
		c.size = t->config_size - c.offset;
	}
	memcpy(c.data, b + 1, c.size);
	send_msg(f, VU_SET_CONFIG, &c, head + c.size, -1);
	c.offset = 0;
	c.size = t->config_size;
	send_msg(f, VU_GET_CONFIG, &c, head + c.size, -1);
}

/* From the world: of kinds that come to no device as a surprise. */
static void message(struct fuzz *f, const uint8_t *b, size_t len)
{
	static const enum port_kind some[] = { PORT_INPUT, PORT_CONTROL,
					       PORT_FAULT, PORT_CLEAR };
	enum port_kind k = some[b[0] & 3];
	struct port_fault fault = { 0 };
	size_t at;

	if (k == PORT_FAULT || k == PORT_CLEAR) {
		/* the name ends at a 0; numbers as the table lets them by */
		for (at = 1; at < len && at < sizeof(fault.name) && b[at];
		     at++) {
			fault.name[at - 1] = (char)b[at];
		}
		for (size_t i = 0; i < PORT_FAULT_ARGS; i++) {
			fault.v[i] = ++at < len ? b[at] * 0.01 : NAN;
		}
		port_send(f->port, k, 0, 0, &fault, sizeof(fault));
	} else {
		port_send(f->port, k, 0, 0, b + 1, len - 1);
	}
}

static void stop_queues(struct fuzz *f)
{
	for (unsigned int q = 0; q < f->n_queues; q++) {
		struct vu_state s = { q, 0 };

		send_msg(f, VU_GET_VRING_BASE, &s, sizeof(s), -1);
	}
	turn(f);
}

static void start_queues(struct fuzz *f)
{
	for (unsigned int q = 0; q < f->n_queues; q++) {
		start_queue(f, q);
		turn(f);
	}
}

static void reset(struct fuzz *f)
{
	stop_queues(f);
	send_u64(f, VU_SET_STATUS, 0, -1);
	turn(f);
	start_queues(f);
}

static void save(struct fuzz *f, uint8_t **buf, size_t *len)
{
	struct av_err err = { 0 };

	if (vdev_host_save(f->host, buf, len, &err) || *len < STATE_HEAD_SIZE) {
		fprintf(stderr, "no state: %s\n", err.msg);
		abort();
	}
}

/* @b[0]: 0 all of it, 1 its own one with the bytes from @b[2] on at place @b[1],
 * else what follows a head. */
static void make_state(struct fuzz *f, const struct vdev_type *t,
		       const uint8_t *b, size_t len, struct state_out *o)
{
	uint8_t *own;
	size_t n, at;

	if (b[0] == 0) {
		state_put(o, b + 1, len - 1);
	} else if (b[0] == 1) {
		save(f, &own, &n);
		state_put(o, own, n);
		free(own);
		at = b[1] < n ? b[1] : n;
		memcpy(o->buf + at, b + 2, len - 2 < n - at ? len - 2 : n - at);
	} else {
		state_begin(o, t->name, t->state_version);
		state_put(o, b + 1, len - 1);
		assert(!state_finish(o));
	}
}

/* As crosvm: the rings go on after that. */
static void load(struct fuzz *f, const struct state_out *o)
{
	struct vu_transfer load = { .direction = 1 };
	int p[2];

	if (pipe(p) || write(p[1], o->buf, o->len) != (ssize_t)o->len) {
		abort();
	}
	send_msg(f, VU_SET_DEVICE_STATE_FD, &load, sizeof(load), p[0]);
	close(p[0]);
	close(p[1]);
	send_msg(f, VU_CHECK_DEVICE_STATE, NULL, 0, -1);
	turn(f);
}

static void state(struct fuzz *f, const struct vdev_type *t, const uint8_t *b,
		  size_t len)
{
	struct state_out o = { .buf = NULL };
	uint8_t *before, *after;
	size_t n_before, n_after;
	struct av_err err;

	/* what an overlay holds is not to be had */
	if (!t->save || len < 2 ||
	    !strcmp(vdev_opt(&f->args, "overlay", "off"), "on")) {
		return;
	}
	stop_queues(f);
	make_state(f, t, b, len, &o);
	save(f, &before, &n_before);
	if (vdev_host_load(f->host, o.buf, o.len, &err)) {
		save(f, &after, &n_after);
		assert(n_before == n_after &&
		       !memcmp(before, after, n_before));
		free(after);
	} else {
		load(f, &o);
	}
	free(before);
	free(o.buf);
	start_queues(f);
}

static void step(struct fuzz *f, const struct vdev_type *t, uint8_t kind,
		 const uint8_t *b, size_t len)
{
	unsigned int q = (kind & 15) % f->n_queues;

	switch (kind >> 4) {
	case 12:
		state(f, t, b, len);
		break;
	case 13:
		set_config(f, t, b, len);
		break;
	case 14:
		if (len) {
			message(f, b, len);
		}
		break;
	case 15:
		reset(f);
		break;
	default:
		request(f, q, b, len);
		break;
	}
	turn(f);
}

/* ---- life ---- */

/* One disk for all inputs; what they write there they find again. */
static int disk(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("disk", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, DISK)) {
			abort();
		}
	}
	return fd;
}

/* For the sockets of vsock, which go with the device; it goes at the end. */
static char dir[32];

static void remove_dir(void)
{
	rmdir(dir);
}

static const char *run_dir(void)
{
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/tmp/avsim-fuzz-XXXXXX");
		if (!mkdtemp(dir)) {
			abort();
		}
		atexit(remove_dir);
	}
	return dir;
}

static void begin(struct fuzz *f, const struct kind *k,
		  const struct vdev_type *t)
{
	struct vdev_host_opts o = { .type = t,
				    .args = &f->args,
				    .listen_fd = -1,
				    .health = &f->health };
	struct av_err err = { 0 };
	int sv[2], port[2];

	signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&f->loop)) {
		abort();
	}
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", disk());
	f->args = (struct vdev_args){ .name = "fuzz0",
				      .seed = 1,
				      .acceptor = acceptor };
	for (size_t i = 0; i < 4 && k->opt[i].key; i++) {
		f->args.opt[i].key = k->opt[i].key;
		f->args.opt[i].value =
			k->opt[i].value[0] == '@' ? f->path : k->opt[i].value;
		f->args.n_opts++;
	}
	if (t->id == VIRTIO_ID_VSOCK) {
		struct vsock_switch_env env = { .loop = &f->loop,
						.q = f->q = evq_create(),
						.run_dir = run_dir(),
						.acceptor = acceptor };

		f->args.vsock = f->sw = vsock_switch_create(&env);
	}
	f->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	if (f->mem_fd < 0 || ftruncate(f->mem_fd, MEM) || port_pair(port) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       sv)) {
		abort();
	}
	f->mem = mmap(NULL, MEM, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem_fd,
		      0);
	f->sock = sv[0];
	o.conn_fd = sv[1];
	o.port_fd = port[1];
	if (port_open(&f->loop, port[0], true, &port_ops, f, &f->port) ||
	    vdev_host_create(&f->loop, &o, &f->host, &err) ||
	    vdev_host_begin(f->host, &err)) {
		fprintf(stderr, "%s: %s\n", k->type, err.msg);
		abort();
	}
	f->n_queues = t->get_n_queues ? t->get_n_queues(vdev_host_dev(f->host))
				      : t->n_queues;
	assert(f->n_queues <= QUEUES);
	for (unsigned int q = 0; q < f->n_queues; q++) {
		f->kick[q] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	handshake(f, t);
}

static void end(struct fuzz *f)
{
	vdev_host_close(f->host);
	if (f->sw) {
		vsock_switch_destroy(f->sw);
		evq_destroy(f->q);
	}
	port_close(f->port);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&f->loop)) {
		abort();
	}
	for (unsigned int q = 0; q < f->n_queues; q++) {
		close(f->kick[q]);
	}
	close(f->sock);
	munmap(f->mem, MEM);
	close(f->mem_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kind *k;
	const struct vdev_type *t;
	struct fuzz *f;

	if (size < 1) {
		return 0;
	}
	k = &kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))];
	t = vdev_type_find(k->type);
	f = calloc(1, sizeof(*f));
	begin(f, k, t);
	data++;
	size--;
	for (int i = 0; i < STEPS_MAX && size >= 2; i++) {
		uint8_t kind = data[0];
		size_t len = data[1];

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		step(f, t, kind, data, len);
		data += len;
		size -= len;
	}
	/* whatever it was told, it is still there */
	assert(atomic_load(&f->health.state) >= HEALTH_CONNECTED);
	end(f);
	free(f);
	return 0;
}
