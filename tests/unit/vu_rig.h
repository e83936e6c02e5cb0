/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vhost-user back-end with a small device behind it (fills every writable
 * buffer with 'x'), and the front-end's end of its socket: messages by hand,
 * byte by byte where a test wants that. All in one thread: rig_serve() is the
 * host's loop.
 */
#ifndef AVSIM_TESTS_UNIT_VU_RIG_H
#define AVSIM_TESTS_UNIT_VU_RIG_H

#include "vdevices/guest_mem.h"
#include "vdevices/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RIG_QUEUES = 2,
	RIG_NUM = 8,
	RIG_CONFIG = 24,
	RIG_FDS_MAX = 253,
};
#define RIG_GPA 0x40000000ull
#define RIG_UVA 0x7f0000000000ull
#define RIG_MEM 0x10000ull

/* The rings of queue 0, and a buffer, as offsets into the memory. */
#define RIG_DESC 0x1000u
#define RIG_AVAIL 0x2000u
#define RIG_USED 0x3000u
#define RIG_BUF 0x4000u

struct rig {
	struct vu *vu;
	struct vu_ops ops;
	struct virtq *q[RIG_QUEUES];
	int sock; /* the front-end's end */
	int mem_fd;
	uint8_t *mem;
	int kick, call;
	int backend; /* ours of SET_BACKEND_REQ_FD */
	/* what the device saw */
	int watched[RIG_QUEUES];
	bool on[RIG_QUEUES];
	bool throws[RIG_QUEUES]; /* on, and what comes is thrown away */
	unsigned int starts, stops, resets, sets, loads, notes, discards;
	unsigned int resets_at_start[RIG_QUEUES]; /* how many there had been */
	bool hold; /* the device keeps what it pops until it is stopped */
	struct vq_chain held;
	struct iovec iov[64];
	uint8_t config[RIG_CONFIG];
	uint32_t set_off, set_len;
	uint8_t state[4096];
	size_t state_len;
	char note[1024];
	struct av_err err;
	/* last reply */
	struct vu_header h;
	union {
		uint64_t u64;
		struct vu_state state;
		struct vu_config config;
		struct vu_inflight inflight;
		uint8_t bytes[VU_MAX_PAYLOAD];
	} p;
	int reply_fd;
};

/* ---- the device ---- */

static inline uint64_t rig_features(void *ctx)
{
	(void)ctx;
	return VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
	       VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER |
	       1;
}

static inline unsigned int rig_n_queues(void *ctx)
{
	(void)ctx;
	return RIG_QUEUES;
}

static inline uint32_t rig_config_size(void *ctx)
{
	(void)ctx;
	return RIG_CONFIG;
}

static inline void rig_get_config(void *ctx, uint8_t *buf)
{
	memcpy(buf, ((struct rig *)ctx)->config, RIG_CONFIG);
}

/* The first 8 bytes are the driver's. */
static inline int rig_set_config(void *ctx, uint32_t off, const uint8_t *buf,
				 uint32_t len, bool migration)
{
	struct rig *g = ctx;

	g->sets++;
	g->set_off = off;
	g->set_len = len;
	if (off + len > 8 && !migration) {
		return -EPERM;
	}
	memcpy(g->config + off, buf, len);
	return 0;
}

static inline void rig_watch(void *ctx, unsigned int q, int fd)
{
	((struct rig *)ctx)->watched[q] = fd;
}

static inline void rig_work(struct rig *g, unsigned int q)
{
	struct vq_chain c = { .iov = g->iov, .max_iov = 64 };

	while (g->on[q] && !g->held.iov && virtq_pop(g->q[q], &c)) {
		if (g->throws[q]) {
			virtq_push(g->q[q], &c, 0);
			continue;
		}
		if (g->hold) {
			g->held = c;
			return;
		}
		virtq_push(g->q[q], &c,
			   (uint32_t)vq_fill(&c, 0, 'x', c.in_len));
	}
	virtq_flush(g->q[q]);
}

static inline void rig_start_queue(void *ctx, unsigned int q)
{
	struct rig *g = ctx;

	g->starts++;
	g->on[q] = true;
	g->resets_at_start[q] = g->resets;
	rig_work(g, q);
}

static inline void rig_discard_queue(void *ctx, unsigned int q)
{
	struct rig *g = ctx;

	g->discards++;
	g->on[q] = g->throws[q] = true;
	rig_work(g, q);
}

static inline void rig_stop_queue(void *ctx, unsigned int q)
{
	struct rig *g = ctx;

	g->stops++;
	if (q == 0 && g->held.iov) {
		virtq_push(g->q[q], &g->held,
			   (uint32_t)vq_fill(&g->held, 0, 'h', g->held.in_len));
		g->held.iov = NULL;
	}
	virtq_flush(g->q[q]);
	g->on[q] = g->throws[q] = false;
}

static inline void rig_reset(void *ctx)
{
	struct rig *g = ctx;

	g->resets++;
	for (unsigned int q = 0; q < RIG_QUEUES; q++) {
		if (g->on[q]) {
			abort(); /* no queue runs then */
		}
	}
}

static inline int rig_save(void *ctx, uint8_t **buf, size_t *len,
			   struct av_err *err)
{
	struct rig *g = ctx;

	(void)err;
	*buf = malloc(g->state_len ? g->state_len : 1);
	*len = g->state_len;
	memset(*buf, 's', g->state_len);
	return 0;
}

static inline int rig_load(void *ctx, const uint8_t *buf, size_t len,
			   struct av_err *err)
{
	struct rig *g = ctx;

	g->loads++;
	if (len > sizeof(g->state)) {
		return av_err_set(err, -EINVAL, "too long");
	}
	memcpy(g->state, buf, len);
	g->state_len = len;
	return 0;
}

static inline void rig_note(void *ctx, const char *text)
{
	struct rig *g = ctx;

	g->notes++;
	snprintf(g->note, sizeof(g->note), "%s", text);
}

static const struct vu_ops rig_ops = {
	.features = rig_features,
	.n_queues = rig_n_queues,
	.config_size = rig_config_size,
	.get_config = rig_get_config,
	.set_config = rig_set_config,
	.watch_kick = rig_watch,
	.queue_start = rig_start_queue,
	.queue_discard = rig_discard_queue,
	.queue_stop = rig_stop_queue,
	.reset = rig_reset,
	.save = rig_save,
	.load = rig_load,
	.note = rig_note,
};

/* ---- life ---- */

static inline void rig_connect(struct rig *g)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       sv)) {
		abort();
	}
	g->sock = sv[0];
	if (vu_create(sv[1], &g->ops, g, g->q, &g->vu)) {
		abort();
	}
}

static inline void rig_open(struct rig *g)
{
	signal(SIGPIPE, SIG_IGN); /* as ui/main.c does */
	memset(g, 0, sizeof(*g));
	g->ops = rig_ops;
	g->backend = g->reply_fd = -1;
	g->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g->mem_fd = memfd_create("guest", MFD_CLOEXEC);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		g->watched[i] = -1;
		g->q[i] = virtq_create(i);
	}
	if (g->mem_fd < 0 || ftruncate(g->mem_fd, RIG_MEM)) {
		abort();
	}
	g->mem = mmap(NULL, RIG_MEM, PROT_READ | PROT_WRITE, MAP_SHARED,
		      g->mem_fd, 0);
	for (size_t i = 0; i < RIG_CONFIG; i++) {
		g->config[i] = (uint8_t)('A' + i);
	}
	rig_connect(g);
}

static inline void rig_hang_up(struct rig *g)
{
	vu_destroy(g->vu);
	g->vu = NULL;
	close(g->sock);
}

static inline void rig_close(struct rig *g)
{
	int fds[] = { g->kick, g->call, g->mem_fd, g->backend, g->reply_fd };

	rig_hang_up(g);
	for (unsigned int i = 0; i < RIG_QUEUES; i++) {
		virtq_destroy(g->q[i]);
	}
	munmap(g->mem, RIG_MEM);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
}

/* ---- the front-end ---- */

/* Bytes with descriptors, whatever they are. */
static inline ssize_t rig_raw(struct rig *g, const void *buf, size_t len,
			      const int *fds, size_t n_fds)
{
	static union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * RIG_FDS_MAX)];
	} c;
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		struct cmsghdr *cm;

		mh.msg_control = c.buf;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * n_fds);
	}
	return sendmsg(g->sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline void rig_send(struct rig *g, uint32_t request, uint32_t flags,
			    const void *payload, uint32_t size, const int *fds,
			    size_t n_fds)
{
	uint8_t buf[sizeof(struct vu_header) + 2 * VU_MAX_PAYLOAD];
	struct vu_header h = { request, flags | VU_VERSION, size };

	memcpy(buf, &h, sizeof(h));
	if (size) {
		memcpy(buf + sizeof(h), payload, size);
	}
	rig_raw(g, buf, sizeof(h) + size, fds, n_fds);
}

/* What the host does when the socket is readable. 0 or why it ended. */
static inline int rig_serve(struct rig *g)
{
	int ret;

	do {
		ret = vu_input(g->vu, &g->err);
	} while (ret > 0);
	return ret;
}

/* The reply that is there. 0; -EAGAIN none. */
static inline int rig_reply(struct rig *g)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec iov = { .iov_base = &g->h, .iov_len = sizeof(g->h) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = c.buf,
			     .msg_controllen = sizeof(c.buf) };
	ssize_t n = recvmsg(g->sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0) {
		return -errno;
	}
	if (n != sizeof(g->h)) {
		return -EPIPE;
	}
	if (CMSG_FIRSTHDR(&mh)) {
		if (g->reply_fd >= 0) {
			close(g->reply_fd);
		}
		memcpy(&g->reply_fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)),
		       sizeof(int));
	}
	if (g->h.size > sizeof(g->p) ||
	    (g->h.size && recv(g->sock, &g->p, g->h.size, MSG_DONTWAIT) !=
				  (ssize_t)g->h.size)) {
		return -EPROTO;
	}
	return 0;
}

/* Send, serve, and the reply if there is one: 0, -EAGAIN none came; else how
 * the connection ended. */
static inline int rig_call(struct rig *g, uint32_t request, uint32_t flags,
			   const void *payload, uint32_t size, const int *fds,
			   size_t n_fds)
{
	int ret;

	rig_send(g, request, flags, payload, size, fds, n_fds);
	ret = rig_serve(g);
	return ret < 0 ? ret : rig_reply(g);
}

static inline int rig_u64(struct rig *g, uint32_t request, uint64_t v)
{
	return rig_call(g, request, 0, &v, sizeof(v), NULL, 0);
}

static inline int rig_ring(struct rig *g, uint32_t request, uint32_t index,
			   uint32_t num)
{
	struct vu_state s = { index, num };

	return rig_call(g, request, 0, &s, sizeof(s), NULL, 0);
}

static inline struct vu_region rig_region(void)
{
	return (struct vu_region){ RIG_GPA, RIG_MEM, RIG_UVA, 0 };
}

static inline int rig_add_mem(struct rig *g, uint32_t flags)
{
	struct vu_mem_slot s = { 0, rig_region() };

	return rig_call(g, VU_ADD_MEM_REG, flags, &s, sizeof(s), &g->mem_fd, 1);
}

static inline struct vu_addr rig_addr(unsigned int q)
{
	uint64_t at = RIG_UVA + q * 0x8000;

	return (struct vu_addr){ .index = q,
				 .desc = at + RIG_DESC,
				 .used = at + RIG_USED,
				 .avail = at + RIG_AVAIL };
}

/* As QEMU: handshake with the protocol features @without left out. */
static inline void rig_handshake(struct rig *g, uint64_t features,
				 uint64_t without)
{
	rig_call(g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0);
	rig_call(g, VU_GET_PROTOCOL_FEATURES, 0, NULL, 0, NULL, 0);
	rig_u64(g, VU_SET_PROTOCOL_FEATURES, g->p.u64 & ~without);
	rig_call(g, VU_SET_OWNER, 0, NULL, 0, NULL, 0);
	rig_u64(g, VU_SET_FEATURES, features);
}

/* Everything of ring @q but SET_VRING_ENABLE. */
static inline void rig_setup_ring(struct rig *g, unsigned int q)
{
	struct vu_addr a = rig_addr(q);
	uint64_t index = q;

	rig_ring(g, VU_SET_VRING_NUM, q, RIG_NUM);
	rig_ring(g, VU_SET_VRING_BASE, q, 0);
	rig_call(g, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	rig_call(g, VU_SET_VRING_CALL, 0, &index, 8, &g->call, 1);
	rig_call(g, VU_SET_VRING_KICK, 0, &index, 8, &g->kick, 1);
}

#define RIG_FEATURES (VIRTIO_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES)

/* Up to a queue 0 that runs. */
static inline void rig_run(struct rig *g)
{
	rig_handshake(g, RIG_FEATURES, 0);
	rig_add_mem(g, 0);
	rig_setup_ring(g, 0);
	rig_ring(g, VU_SET_VRING_ENABLE, 0, 1);
}

/* ---- the guest's driver, queue 0, split ring ---- */

/* One writable buffer of @len at guest address @gpa, then a kick. */
static inline void rig_offer(struct rig *g, uint64_t gpa, uint32_t len)
{
	struct vring_desc *d = (void *)(g->mem + RIG_DESC);
	struct vring_avail *a = (void *)(g->mem + RIG_AVAIL);
	uint16_t slot = a->idx % RIG_NUM;
	uint64_t one = 1;

	d[slot] = (struct vring_desc){ .addr = gpa,
				       .len = len,
				       .flags = VRING_DESC_F_WRITE };
	a->ring[slot] = slot;
	__atomic_store_n(&a->idx, (uint16_t)(a->idx + 1), __ATOMIC_RELEASE);
	if (write(g->kick, &one, sizeof(one)) != sizeof(one)) {
		abort();
	}
}

/* The host's loop sees the kick descriptor. */
static inline void rig_kick(struct rig *g)
{
	if (g->watched[0] >= 0 && vu_kicked(g->vu, 0)) {
		rig_work(g, 0);
	}
}

static inline uint16_t rig_used(const struct rig *g)
{
	return ((const struct vring_used *)(const void *)(g->mem + RIG_USED))
		->idx;
}

#endif
