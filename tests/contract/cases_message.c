/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile front-end: what can be written into the socket, handed over as a
 * descriptor, or done to a file after it was handed over. It may lose its
 * connection, nothing else; other devices are served meanwhile.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	Q_END = 0xe0e0, /* a word: the first queue that is not there */
	WORDS = 12,
};

struct bad {
	uint32_t request, size;
	enum verdict verdict;
	unsigned int n_fds; /* memfds of 4096 bytes */
	uint32_t w[WORDS];
};

/* In both states: rings stopped, rings running. */
static int bad_message(struct ctx *c)
{
	const struct bad *b = c->arg;
	int fds[64];

	for (unsigned int k = 0; k < 2; k++) {
		struct guest *g = ctx_guest(c, k ? 0 : G_IDLE);
		uint32_t w[WORDS];

		NEED(g, "%s", c->err.msg);
		memcpy(w, b->w, sizeof(w));
		for (int i = 0; i < WORDS; i++) {
			w[i] = w[i] == Q_END ? front_n_queues(g->f) : w[i];
		}
		NEED(ctx_files(fds, b->n_fds) == 0, "no descriptors");
		DO(ctx_judge(c, g, b->request, w, b->size, fds, b->n_fds,
			     b->verdict));
		ctx_close(fds, b->n_fds);
		ctx_done(g);
		DO(ctx_next_client(c));
	}
	return 0;
}

/* ---- ring addresses ---- */

static int ring_addresses_of(struct ctx *c, unsigned int q)
{
	for (unsigned int i = 0; i < 9; i++) {
		struct guest *g = ctx_guest(c, G_IDLE);
		struct front_ring *r;
		struct vu_addr a = { .index = q };
		struct vu_state e = { q, 1 };

		NEED(g, "%s", c->err.msg);
		FRONT(g, front_set_features(g->f));
		FRONT(g, front_set_memory(g->f));
		FRONT(g, front_ring_setup(g->f, q));
		r = front_ring(g->f, q);
		a.desc = front_mem_uva(g->m, r->desc_gpa);
		a.avail = front_mem_uva(g->m, r->avail_gpa);
		a.used = front_mem_uva(g->m, r->used_gpa);
		switch (i) {
		case 0:
			a.desc = 0;
			break;
		case 1:
			a.used = UINT64_MAX - 4;
			break;
		case 2:
			a.avail = front_mem_region(g->m, 3).uva +
				  front_mem_region_size(g->m) - 16;
			break;
		case 3:
			a.desc += 8; /* unaligned */
			break;
		case 4:
			a.used += 2;
			break;
		case 5:
			a.avail += 1;
			break;
		case 6: /* guest-physical where front-end addresses belong */
			a.desc = r->desc_gpa;
			break;
		case 7:
			a.desc = a.avail = a.used; /* one onto the other */
			break;
		case 8:
			a.index = UINT32_MAX;
			break;
		}
		/* when it is refused is the device's business: here, at the
		 * enable, at the kick */
		if (front_send(g->f, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL,
			       0) == 0 &&
		    front_send(g->f, VU_SET_VRING_ENABLE, 0, &e, sizeof(e),
			       NULL, 0) == 0) {
			front_kick_always(g->f, q);
			front_barrier(g->f);
			front_poke_offer(g->f, q, 0);
			front_barrier(g->f);
		}
		ctx_done(g);
		DO(ctx_next_client(c));
	}
	return 0;
}

static int ring_addresses(struct ctx *c)
{
	return ctx_each_queue(c, ring_addresses_of);
}

/* NUM, BASE, ADDR, KICK and the memory anew while the device works. */
static int changed_while_running(struct ctx *c)
{
	for (unsigned int i = 0; i < ctx_count(c, 500, 24); i++) {
		struct guest *g = ctx_guest(c, 0);
		struct vu_state s = { 0, 32 };
		uint64_t gpa, q, f;
		int fd;

		NEED(g, "%s", c->err.msg);
		q = i / 8 % front_n_queues(g->f);
		s.index = (uint32_t)q;
		gpa = front_alloc(g->m, 4096, 64);
		for (unsigned int k = 0; k < 10; k++) {
			const struct front_buf b = { gpa, 64, true };

			front_add(g->f, (unsigned int)q, &b, 1, k);
		}
		front_kick_always(g->f, (unsigned int)q);
		switch (i % 8) {
		case 0:
			front_send(g->f, VU_SET_VRING_NUM, 0, &s, 8, NULL, 0);
			break;
		case 1:
			s.num = (uint32_t)av_rand_u64(&c->rand);
			front_send(g->f, VU_SET_VRING_BASE, 0, &s, 8, NULL, 0);
			break;
		case 2:
			front_ring_addr(g->f, (unsigned int)q, 0);
			break;
		case 3:
			fd = front_ring(g->f, (unsigned int)q)->kick_fd;
			front_send(g->f, VU_SET_VRING_KICK, 0, &q, 8, &fd, 1);
			break;
		case 4:
			front_set_memory(g->f);
			break;
		case 5:
			f = VIRTIO_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES;
			front_send(g->f, VU_SET_FEATURES, 0, &f, 8, NULL, 0);
			break;
		case 6:
			front_send(g->f, VU_RESET_OWNER, 0, NULL, 0, NULL, 0);
			break;
		case 7:
			front_ring_setup(g->f, (unsigned int)q);
			break;
		}
		front_kick_always(g->f, (unsigned int)q);
		front_barrier(g->f);
		ctx_done(g);
		if (i % 8 == 7) {
			DO(ctx_next_client(c));
		}
	}
	return 0;
}

/* ---- F3: descriptors without end ---- */

static int many_fds(struct ctx *c)
{
	unsigned int n = ctx_count(c, 10000, 200);
	int fds[250];

	for (unsigned int i = 0; i < 250; i++) {
		fds[i] = c->rig->control;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct guest *g = ctx_guest(c, G_IDLE);
		struct vu_header h = { i % 2 ? VU_GET_FEATURES
					     : VU_SET_MEM_TABLE,
				       VU_VERSION, i % 3 ? 8 : 0 };
		uint64_t v = 0;

		NEED(g, "message %u: %s", i, c->err.msg);
		front_send_raw(g->f, &h, sizeof(h), fds, 9 + i % 242);
		if (h.size) {
			front_send_raw(g->f, &v, 8, fds, 250);
		}
		ctx_done(g);
	}
	return 0;
}

/* ---- framing ---- */

static int broken_headers(struct ctx *c)
{
	static const struct vu_header bad[] = {
		{ VU_GET_FEATURES, 0, 0 },
		{ VU_GET_FEATURES, 2, 0 },
		{ VU_GET_FEATURES, 3, 0 },
		{ VU_GET_FEATURES, VU_VERSION | VU_FLAG_REPLY, 0 },
		{ VU_GET_FEATURES, 0xfffffff1u, 0 },
		{ VU_GET_FEATURES, VU_VERSION, 8 },
		{ VU_SET_FEATURES, VU_VERSION, 0 },
		{ VU_SET_FEATURES, VU_VERSION, 7 },
		{ VU_SET_FEATURES, VU_VERSION, UINT32_MAX },
		{ VU_SET_MEM_TABLE, VU_VERSION, 0x80000000u },
		{ VU_SET_MEM_TABLE, VU_VERSION, VU_MAX_PAYLOAD + 1 },
		{ 0, VU_VERSION, 0 },
		{ UINT32_MAX, VU_VERSION, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guest *g = ctx_guest(c, i % 2 ? 0 : G_IDLE);
		uint8_t more[8192] = { 0 };

		NEED(g, "%s", c->err.msg);
		front_send_raw(g->f, &bad[i], sizeof(bad[i]), NULL, 0);
		front_send_raw(g->f, more, sizeof(more), NULL, 0);
		ctx_done(g);
		DO(ctx_next_client(c));
	}
	return 0;
}

/* A message cut at every length, then the end. */
static int cut_short(struct ctx *c)
{
	struct {
		struct vu_header h;
		struct vu_addr a;
	} m = { { VU_SET_VRING_ADDR, VU_VERSION, sizeof(struct vu_addr) },
		{ 0 } };

	for (size_t n = 1; n < sizeof(m); n += 3) {
		struct guest *g = ctx_guest(c, G_IDLE);

		NEED(g, "%s", c->err.msg);
		FRONT(g, front_send_raw(g->f, &m, n, &c->rig->control, n % 2));
		ctx_done(g);
	}
	return ctx_next_client(c);
}

/* Half a message, and nothing more: nobody else waits for it. */
static int half_a_message(struct ctx *c)
{
	struct vu_header h = { VU_SET_FEATURES, VU_VERSION, 8 };
	uint64_t v = VIRTIO_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES;
	struct guest *g = ctx_guest(c, G_IDLE);

	NEED(g, "%s", c->err.msg);
	FRONT(g, front_send_raw(g->f, &h, 5, NULL, 0));
	DO(ctx_bystander(c));
	FRONT(g,
	      front_send_raw(g->f, (uint8_t *)&h + 5, sizeof(h) - 5, NULL, 0));
	DO(ctx_bystander(c));
	FRONT(g, front_send_raw(g->f, &v, 3, NULL, 0));
	DO(ctx_bystander(c));
	FRONT(g, front_send_raw(g->f, (uint8_t *)&v + 3, 5, NULL, 0));
	FRONT(g, front_start(g->f, &c->err));
	return ctx_probe(c, g);
}

static int byte_by_byte(struct ctx *c)
{
	uint8_t m[20], reply[8];
	struct vu_header h = { VU_GET_FEATURES, VU_VERSION, 0 };
	struct guest *g = ctx_guest(c, G_IDLE);

	NEED(g, "%s", c->err.msg);
	memcpy(m, &h, sizeof(h));
	for (int n = 0; n < 20; n++) {
		for (size_t i = 0; i < sizeof(h); i++) {
			FRONT(g, front_send_raw(g->f, m + i, 1, NULL, 0));
			if (i % 4 == 0) {
				usleep(200);
			}
		}
		FRONT(g, front_recv(g->f, VU_GET_FEATURES, reply, 8, NULL));
	}
	return 0;
}

static int many_in_one_write(struct ctx *c)
{
	struct vu_header h[50];
	struct guest *g = ctx_guest(c, G_IDLE);
	uint64_t v;

	NEED(g, "%s", c->err.msg);
	for (int i = 0; i < 50; i++) {
		h[i] = (struct vu_header){ VU_GET_FEATURES, VU_VERSION, 0 };
	}
	FRONT(g, front_send_raw(g->f, h, sizeof(h), NULL, 0));
	for (int i = 0; i < 50; i++) {
		FRONT(g, front_recv(g->f, VU_GET_FEATURES, &v, 8, NULL));
	}
	return 0;
}

/* Questions without end, answers never read: nobody else waits. */
static int answers_unread(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_IDLE);
	struct vu_header h[64];
	int sock;

	NEED(g, "%s", c->err.msg);
	sock = front_socket(g->f);
	for (int i = 0; i < 64; i++) {
		h[i] = (struct vu_header){ VU_GET_FEATURES, VU_VERSION, 0 };
	}
	for (int i = 0; i < 20000; i++) {
		ssize_t n =
			send(sock, h, sizeof(h), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN) {
			break; /* hung up on us, as it may */
		}
		if (n < 0) {
			usleep(100);
			i += 100;
		}
		if (i % 1000 == 0) {
			DO(ctx_bystander(c));
		}
	}
	return ctx_bystander(c);
}

/* ---- descriptors that block, or never rest ---- */

/* Its counter full and O_NONBLOCK taken back: a write would wait for ever. */
static int fill_and_block(int fd)
{
	uint64_t full = UINT64_MAX - 1, v;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, &v, 8) == 8) {
	}
	if (write(fd, &full, 8) != 8) {
		return -1;
	}
	return fcntl(fd, F_SETFL, 0);
}

static int block_queue(struct ctx *c, unsigned int q, uint32_t request)
{
	struct guest *g = ctx_guest(c, G_NO_EVENT_IDX);
	uint64_t v = q;
	int fd = eventfd(0, EFD_CLOEXEC);

	NEED(g && fd >= 0, "%s", c->err.msg);
	front_send(g->f, request, 0, &v, 8, &fd, 1);
	FRONT(g, front_barrier(g->f));
	NEED(fill_and_block(fd) == 0, "eventfd");
	if (c->packed) { /* do call */
		front_ring(g->f, q)->driver->flags =
			VRING_PACKED_EVENT_FLAG_ENABLE;
	} else {
		front_ring(g->f, q)->avail->flags = 0;
	}
	if (request == VU_SET_VRING_ERR) {
		front_poke_offer(g->f, q, 65535); /* breaks it */
	} else {
		ctx_work(g, front_alloc(g->m, 8192, 64));
	}
	DO(ctx_bystander(c));
	NEED(front_barrier(g->f) == 0, "queue %u: it waits: %s", q,
	     front_why(g->f));
	NEED(fill_and_block(fd) == 0, "eventfd");
	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
	close(fd);
	ctx_done(g);
	return 0;
}

static int block_both(struct ctx *c, unsigned int q)
{
	DO(block_queue(c, q, VU_SET_VRING_CALL));
	DO(block_queue(c, q, VU_SET_VRING_ERR));
	return ctx_next_client(c);
}

/* Call and error descriptors whose write would block. */
static int call_that_blocks(struct ctx *c)
{
	return ctx_each_queue(c, block_both);
}

/* What is no eventfd is refused wherever one belongs. */
static int no_eventfd(struct ctx *c)
{
	static const uint32_t requests[] = { VU_SET_VRING_KICK,
					     VU_SET_VRING_CALL,
					     VU_SET_VRING_ERR, VU_SET_LOG_FD };
	sigset_t none;
	int fd[9], p[2];

	sigemptyset(&none);
	NEED(pipe2(p, O_CLOEXEC) == 0, "pipe");
	fd[0] = p[0];
	fd[1] = p[1];
	fd[2] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fd[4] = open("/", O_RDONLY | O_CLOEXEC);
	fd[5] = memfd_create("event", MFD_CLOEXEC);
	fd[6] = epoll_create1(EPOLL_CLOEXEC);
	fd[7] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	fd[8] = signalfd(-1, &none, SFD_CLOEXEC);
	for (size_t i = 0; i < 4 * 9; i++) {
		struct guest *g = ctx_guest(c, i % 2 ? 0 : G_IDLE);
		uint64_t q = 0;

		NEED(g && fd[i / 4] >= 0, "%s", c->err.msg);
		if (ctx_judge(c, g, requests[i % 4], &q, 8, &fd[i / 4], 1,
			      REFUSED)) {
			return ctx_fail(c, "kind %zu is accepted by request %u",
					i / 4, requests[i % 4]);
		}
		ctx_done(g);
	}
	ctx_close(fd, 9);
	return ctx_next_client(c);
}

/* A kick descriptor that is always readable, or gone, or no such thing. */
static int kick_never_rests_of(struct ctx *c, unsigned int queue)
{
	for (int k = 0; k < 6; k++) {
		struct guest *g = ctx_guest(c, G_IDLE);
		int p[2], fd = -1;
		uint64_t q = queue;

		NEED(g && pipe2(p, O_CLOEXEC) == 0, "%s", c->err.msg);
		FRONT(g, front_set_features(g->f));
		FRONT(g, front_set_memory(g->f));
		FRONT(g, front_ring_setup(g->f, queue));
		FRONT(g, front_ring_enable(g->f, queue, true));
		switch (k) {
		case 0:
			close(p[1]); /* hung up */
			p[1] = -1;
			fd = dup(p[0]);
			break;
		case 1:
			fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
			break;
		case 2:
			fd = memfd_create("kick", MFD_CLOEXEC);
			break;
		case 3:
			fd = dup(front_socket(g->f));
			break;
		case 4:
			fd = dup(p[1]); /* cannot be read */
			break;
		case 5:
			NEED(write(p[1], "abc", 3) == 3, "pipe");
			fd = dup(p[0]);
			break;
		}
		front_send(g->f, VU_SET_VRING_KICK, 0, &q, 8, &fd, 1);
		front_barrier(g->f);
		for (int i = 0; i < 5; i++) {
			DO(ctx_bystander(c));
		}
		close(fd);
		close(p[0]);
		if (p[1] >= 0) {
			close(p[1]);
		}
		ctx_done(g);
		DO(ctx_next_client(c));
	}
	return 0;
}

static int kick_never_rests(struct ctx *c)
{
	return ctx_each_queue(c, kick_never_rests_of);
}

/* A state transfer from a pipe that nobody fills, into one nobody empties. */
static int state_that_blocks(struct ctx *c)
{
	for (uint32_t k = 0; k < 4; k++) {
		struct guest *g = ctx_guest(c, G_IDLE);
		struct vu_transfer t = { .direction = k % 2 };
		struct vu_header h = { VU_CHECK_DEVICE_STATE, VU_VERSION, 0 };
		static uint8_t fill[1 << 17];
		int p[2];

		NEED(g && pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0, "%s",
		     c->err.msg);
		if (!front_has_pf(g->f, VU_PF_DEVICE_STATE) && k < 2) {
			close(p[0]);
			close(p[1]);
			ctx_done(g);
			continue;
		}
		while (k % 2 == 0 && write(p[1], fill, sizeof(fill)) > 0) {
		}
		fcntl(p[0], F_SETFL, 0);
		fcntl(p[1], F_SETFL, 0);
		front_send(g->f, VU_SET_DEVICE_STATE_FD, 0, &t, sizeof(t),
			   &p[!t.direction], 1);
		front_send_raw(g->f, &h, sizeof(h), NULL, 0);
		DO(ctx_bystander(c));
		ctx_done(g);
		close(p[0]);
		close(p[1]);
		DO(ctx_next_client(c));
	}
	return 0;
}

#define MSG_IN(formats_, why_, name_, request, size, verdict, n_fds, ...)      \
	{                                                                      \
		.id = "F1", .name = (name_), .run = bad_message,               \
		.arg = &(const struct bad){ request, size,      verdict,       \
					    n_fds,   { __VA_ARGS__ } },        \
		.formats = (formats_), .why = (why_)                           \
	}
#define MSG(...)                                                               \
	MSG_IN(IN_EITHER, "the message is refused or no ring's", __VA_ARGS__)
/* of rings: what they are when it comes is part of it */
#define RING_MSG(...) MSG_IN(IN_BOTH, NULL, __VA_ARGS__)

#define FRAMES "bytes on the socket"
#define EVENTS "descriptors, not rings"

/* clang-format off */
const struct contract_case cases_message[] = {
	RING_MSG("ring-size-0", VU_SET_VRING_NUM, 8, REFUSED, 0, 0, 0),
	RING_MSG("ring-size-65536", VU_SET_VRING_NUM, 8, REFUSED, 0, 0, 65536),
	RING_MSG("ring-size-max", VU_SET_VRING_NUM, 8, REFUSED, 0, 0, UINT32_MAX),
	MSG("ring-size-queue-end", VU_SET_VRING_NUM, 8, REFUSED, 0, Q_END, 64),
	MSG("ring-size-queue-9999", VU_SET_VRING_NUM, 8, REFUSED, 0, 9999, 64),
	MSG("ring-size-queue-max", VU_SET_VRING_NUM, 8, REFUSED, 0, UINT32_MAX, 64),
	MSG("base-queue-end", VU_SET_VRING_BASE, 8, REFUSED, 0, Q_END, 0),
	MSG("base-queue-9999", VU_SET_VRING_BASE, 8, REFUSED, 0, 9999, 0),
	RING_MSG("base-garbage", VU_SET_VRING_BASE, 8, ANY, 0, 0, UINT32_MAX),
	MSG("get-base-queue-end", VU_GET_VRING_BASE, 8, ANY, 0, Q_END, 0),
	MSG("get-base-queue-9999", VU_GET_VRING_BASE, 8, ANY, 0, 9999, 0),
	MSG("address-queue-end", VU_SET_VRING_ADDR, 40, REFUSED, 0, Q_END),
	MSG("address-queue-9999", VU_SET_VRING_ADDR, 40, REFUSED, 0, 9999),
	MSG("enable-queue-end", VU_SET_VRING_ENABLE, 8, REFUSED, 0, Q_END, 1),
	MSG("enable-queue-9999", VU_SET_VRING_ENABLE, 8, REFUSED, 0, 9999, 1),
	MSG("enable-2", VU_SET_VRING_ENABLE, 8, ANY, 0, 0, 2),
	MSG("kick-queue-255", VU_SET_VRING_KICK, 8, REFUSED, 1, 255),
	MSG("call-queue-255", VU_SET_VRING_CALL, 8, REFUSED, 1, 255),
	MSG("err-queue-255", VU_SET_VRING_ERR, 8, REFUSED, 1, 255),
	MSG("kick-garbage", VU_SET_VRING_KICK, 8, ANY, 1, 0xfffffe00u, UINT32_MAX),
	RING_MSG("kick-without-fd", VU_SET_VRING_KICK, 8, ANY, 0, 0),
	RING_MSG("call-without-fd", VU_SET_VRING_CALL, 8, ANY, 0, 0),
	MSG("kick-two-fds", VU_SET_VRING_KICK, 8, ANY, 2, 0),
	RING_MSG("kick-none-with-fd", VU_SET_VRING_KICK, 8, ANY, 1, 0x100),
	RING_MSG("in-band-kick", VU_VRING_KICK, 8, ANY, 0, 0, 0),
	MSG("unknown-46", 46, 0, NACKED, 0, 0),
	MSG("unknown-100", 100, 8, NACKED, 0, 0),
	MSG("unknown-with-fds", 1002, 8, NACKED, 2, 0),
	MSG("unknown-max", UINT32_MAX, 40, NACKED, 0, 0),
	RING_MSG("features-all", VU_SET_FEATURES, 8, ANY, 0, UINT32_MAX, UINT32_MAX),
	RING_MSG("features-none", VU_SET_FEATURES, 8, ANY, 0, 0, 0),
	MSG("features-7-bytes", VU_SET_FEATURES, 7, REFUSED, 0, 0, 0),
	MSG("features-9-bytes", VU_SET_FEATURES, 9, REFUSED, 0, 0, 0),
	MSG("protocol-features-all", VU_SET_PROTOCOL_FEATURES, 8, ANY, 0, UINT32_MAX, UINT32_MAX),
	MSG("owner-twice", VU_SET_OWNER, 0, ANY, 0, 0),
	MSG("owner-with-fds", VU_SET_OWNER, 0, ANY, 8, 0),
	RING_MSG("reset-owner", VU_RESET_OWNER, 0, LIVES, 0, 0),
	MSG("memory-without-payload", VU_SET_MEM_TABLE, 0, REFUSED, 0, 0),
	MSG("memory-9-fds-for-8", VU_SET_MEM_TABLE, 8, REFUSED, 9, 8),
	MSG("slot-without-fd", VU_ADD_MEM_REG, 40, REFUSED, 0, 0),
	MSG("slot-two-fds", VU_ADD_MEM_REG, 40, REFUSED, 2, 0, 0, 0, 16, 4096, 0, 0, 32),
	MSG("slot-remove-unknown", VU_REM_MEM_REG, 40, REFUSED, 0, 0, 0, 0, 16, 4096),
	MSG("slot-remove-with-fd", VU_REM_MEM_REG, 40, REFUSED, 1, 0, 0, 0, 16, 4096),
	MSG("log-without-fd", VU_SET_LOG_BASE, 16, REFUSED, 0, 4096, 0, 0, 0),
	MSG("log-longer-than-file", VU_SET_LOG_BASE, 16, REFUSED, 1, 65536, 0, 0, 0),
	MSG("log-huge", VU_SET_LOG_BASE, 16, REFUSED, 1, 0, 0x7fffffffu, 0, 0),
	MSG("log-wraps", VU_SET_LOG_BASE, 16, REFUSED, 1, 4096, 0, UINT32_MAX, UINT32_MAX),
	MSG("log-fd-without", VU_SET_LOG_FD, 0, ANY, 0, 0),
	MSG("channel-without-fd", VU_SET_BACKEND_REQ_FD, 0, REFUSED, 0, 0),
	MSG("channel-is-a-file", VU_SET_BACKEND_REQ_FD, 0, ANY, 1, 0),
	MSG("iotlb", VU_IOTLB_MSG, 32, ANY, 0, 0),
	MSG("endian", VU_SET_VRING_ENDIAN, 8, ANY, 0, 0, 1),
	MSG("config-get-empty", VU_GET_CONFIG, 0, ANY, 0, 0),
	MSG("config-get-wraps", VU_GET_CONFIG, 12, ANY, 0, UINT32_MAX, 256, 0),
	MSG("config-get-huge", VU_GET_CONFIG, 12, ANY, 0, 0, UINT32_MAX, 0),
	MSG("config-set-lies", VU_SET_CONFIG, 16, REFUSED, 0, 0, 256, 0, 0),
	MSG("config-set-wraps", VU_SET_CONFIG, 16, REFUSED, 0, UINT32_MAX, 4, 0, 0),
	MSG("config-set-empty", VU_SET_CONFIG, 0, REFUSED, 0, 0),
	MSG("crypto", VU_CREATE_CRYPTO_SESSION, 40, ANY, 0, 0),
	MSG("postcopy", VU_POSTCOPY_ADVISE, 0, ANY, 0, 0),
	MSG("postcopy-listen", VU_POSTCOPY_LISTEN, 0, ANY, 0, 0),
	RING_MSG("inflight-get-max", VU_GET_INFLIGHT_FD, 20, ANY, 0, 0, 0, 0, 0, UINT32_MAX),
	RING_MSG("inflight-get-none", VU_GET_INFLIGHT_FD, 20, ANY, 0, 0, 0, 0, 0, 0),
	MSG("inflight-without-fd", VU_SET_INFLIGHT_FD, 20, REFUSED, 0, 4096, 0, 0, 0, 0x400001),
	RING_MSG("inflight-short-file", VU_SET_INFLIGHT_FD, 20, REFUSED, 1, 0x100000, 0, 0, 0, 0x400001),
	RING_MSG("inflight-short-size", VU_SET_INFLIGHT_FD, 20, REFUSED, 1, 16, 0, 0, 0, 0x400001),
	RING_MSG("inflight-huge", VU_SET_INFLIGHT_FD, 20, REFUSED, 1, 0, 0x7fffffffu, 0, 0, UINT32_MAX),
	RING_MSG("inflight-offset", VU_SET_INFLIGHT_FD, 20, REFUSED, 1, 4096, 0, UINT32_MAX, UINT32_MAX, 0x400001),
	MSG("gpu-socket", VU_GPU_SET_SOCKET, 0, ANY, 1, 0),
	RING_MSG("reset-device", VU_RESET_DEVICE, 0, LIVES, 0, 0),
	RING_MSG("status-garbage", VU_SET_STATUS, 8, ANY, 0, UINT32_MAX, UINT32_MAX),
	MSG("shared-object", VU_GET_SHARED_OBJECT, 16, ANY, 0, 0),
	MSG("state-direction", VU_SET_DEVICE_STATE_FD, 8, ANY, 1, 7, 0),
	MSG("state-without-fd", VU_SET_DEVICE_STATE_FD, 8, ANY, 0, 0, 0),
	MSG("state-check", VU_CHECK_DEVICE_STATE, 0, ANY, 0, 0),
	MSG("shmem-config", VU_GET_SHMEM_CONFIG, 0, ANY, 0, 0),
	MSG("rarp", VU_SEND_RARP, 8, ANY, 0, 0),
	MSG("mtu", VU_NET_SET_MTU, 8, ANY, 0, 0),
	ONCE("F1", "broken-headers", broken_headers, FRAMES),
	ONCE("F1", "cut-short", cut_short, FRAMES),
	ONCE("F1", "half-a-message", half_a_message, FRAMES),
	ONCE("F1", "byte-by-byte", byte_by_byte, FRAMES),
	ONCE("F1", "many-in-one-write", many_in_one_write, FRAMES),
	ONCE("F1", "answers-unread", answers_unread, FRAMES),
	CASE("F1", "ring-addresses", ring_addresses),
	CASE("F1", "call-that-blocks", call_that_blocks),
	ONCE("F1", "no-eventfd", no_eventfd, EVENTS),
	CASE("F1", "kick-never-rests", kick_never_rests),
	ONCE("F1", "state-that-blocks", state_that_blocks, "bytes of a pipe"),
	ONCE("F3", "250-descriptors", many_fds, FRAMES),
	CASE("F6", "changed-while-running", changed_while_running),
	{ .id = NULL },
};
/* clang-format on */
