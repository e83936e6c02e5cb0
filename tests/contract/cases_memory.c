/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile front-end's memory: tables of regions, files that are none, that
 * shrink, that vanish below a running ring. The dirty log and the in-flight
 * table are its files too.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- memory tables ---- */

static int add_region(struct ctx *c, struct guest *g, const struct vu_region *r,
		      int fd, enum verdict v)
{
	struct vu_mem_slot s = { .region = *r };

	return ctx_judge(c, g, VU_ADD_MEM_REG, &s, sizeof(s), &fd, fd >= 0, v);
}

static int bad_regions(struct ctx *c)
{
	static const struct vu_region bad[] = {
		{ 0x100000000ull, 0, 0x200000000000ull, 0 },
		{ 0x100000000ull, 8192, 0x200000000000ull, 0 },
		{ 0x100000000ull, 4096, 0x200000000000ull, 4096 },
		{ 0x100000000ull, 4096, 0x200000000000ull, UINT64_MAX - 4095 },
		{ 0x100000000ull, UINT64_MAX, 0x200000000000ull, 0 },
		{ UINT64_MAX - 100, 4096, 0x200000000000ull, 0 },
		{ 0x100000000ull, 4096, UINT64_MAX - 100, 0 },
		{ 0x100000000ull, 1ull << 62, 0x200000000000ull, 0 },
		/* over one that is there */
		{ FRONT_GPA_BASE + 4096, 4096, 0x200000000000ull, 0 },
		{ FRONT_GPA_BASE - 2048, 4096, 0x200000000000ull, 0 },
	};
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guest *g = ctx_guest(c, 0);

		NEED(g, "%s", c->err.msg);
		NEED(ctx_files(&fd, 1) == 0, "no descriptors");
		if (add_region(c, g, &bad[i], fd, REFUSED)) {
			close(fd);
			return ctx_fail(c, "region %zu is accepted", i);
		}
		close(fd);
		ctx_done(g);
		DO(ctx_next_client(c));
	}
	return 0;
}

/* Descriptors that are no memory, or none that may be written. */
static int bad_region_files(struct ctx *c)
{
	const struct vu_region r = { 0x100000000ull, 4096, 0x200000000000ull,
				     0 };

	for (int i = 0; i < 7; i++) {
		struct guest *g = ctx_guest(c, G_IDLE);
		char path[64];
		int p[2] = { -1, -1 }, fd = -1, ret;

		NEED(g && pipe2(p, O_CLOEXEC) == 0, "%s", c->err.msg);
		switch (i) {
		case 0:
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
			break;
		case 1:
			fd = dup(p[0]);
			break;
		case 2:
			fd = eventfd(0, EFD_CLOEXEC);
			break;
		case 3:
			fd = open("/", O_RDONLY | O_CLOEXEC);
			break;
		case 4:
			fd = -1; /* none at all */
			break;
		case 5: /* read-only */
			ret = memfd_create("ro", MFD_CLOEXEC);
			ret = ftruncate(ret, 4096) < 0 ? -1 : ret;
			snprintf(path, sizeof(path), "/proc/self/fd/%d", ret);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			close(ret);
			break;
		case 6: /* sealed against writing */
			fd = memfd_create("sealed",
					  MFD_CLOEXEC | MFD_ALLOW_SEALING);
			if (ftruncate(fd, 4096) < 0 ||
			    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0) {
				return ctx_fail(c, "cannot seal a file");
			}
			break;
		}
		ret = add_region(c, g, &r, fd, REFUSED);
		close(p[0]);
		close(p[1]);
		if (fd >= 0) {
			close(fd);
		}
		if (ret) {
			return ctx_fail(c, "file %d is accepted", i);
		}
		ctx_done(g);
	}
	return 0;
}

static int bad_tables(struct ctx *c)
{
	/* regions announced and described, descriptors; room or descriptors to
	 * spare are no offence: DPDK's messages are longer than their table */
	static const struct {
		uint32_t n, room, fds;
		enum verdict verdict;
		uint64_t step; /* from region to region */
	} t[] = {
		{ UINT32_MAX, 1, 1, REFUSED, 8192 },
		{ 33, 33, 33, REFUSED, 8192 },
		{ 2, 1, 1, REFUSED, 8192 },
		{ 2, 2, 1, REFUSED, 8192 },
		{ 8, 8, 0, REFUSED, 8192 },
		{ 2, 2, 2, REFUSED, 0 },
		{ 2, 2, 2, REFUSED, 2048 },
		{ 1, 2, 1, ANY, 8192 },
		{ 1, 1, 2, ANY, 8192 },
		{ 0, 1, 1, ANY, 8192 },
	};
	int fds[40];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct guest *g = ctx_guest(c, i & 1 ? 0 : G_IDLE);
		struct vu_region r[33];
		uint8_t buf[8 + sizeof(r)] = { 0 };

		NEED(g, "%s", c->err.msg);
		for (uint32_t k = 0; k < 33; k++) {
			r[k] = (struct vu_region){
				0x100000000ull + k * t[i].step, 4096,
				0x200000000000ull + k * t[i].step, 0
			};
		}
		memcpy(buf, &t[i].n, 4);
		memcpy(buf + 8, r, sizeof(r));
		NEED(ctx_files(fds, t[i].fds) == 0, "no descriptors");
		if (ctx_judge(c, g, VU_SET_MEM_TABLE, buf,
			      8 + t[i].room * (uint32_t)sizeof(r[0]), fds,
			      t[i].fds, t[i].verdict)) {
			return ctx_fail(c, "table %zu is accepted", i);
		}
		ctx_close(fds, t[i].fds);
		ctx_done(g);
	}
	return 0;
}

/* 512 slots, and not one more. */
static int all_slots(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_IDLE);
	struct vu_mem_slot s = { .region = { .size = 4096 } };
	uint64_t slots = 0;
	int fd;

	NEED(g && ctx_files(&fd, 1) == 0, "%s", c->err.msg);
	FRONT(g, front_get_u64(g->f, VU_GET_MAX_MEM_SLOTS, &slots));
	NEED(slots >= 509 && slots <= 65536, "%llu slots",
	     (unsigned long long)slots);
	for (uint64_t i = 0; i < slots; i++) {
		s.region.gpa = 0x100000000ull + i * 4096;
		s.region.uva = 0x200000000000ull + i * 8192;
		FRONT(g, front_send_ack(g->f, VU_ADD_MEM_REG, &s, sizeof(s),
					&fd, 1));
	}
	s.region.gpa += 4096;
	s.region.uva += 8192;
	DO(ctx_judge(c, g, VU_ADD_MEM_REG, &s, sizeof(s), &fd, 1, REFUSED));
	close(fd);
	return 0;
}

/* Regions vanish below waiting buffers, then below the ring itself. */
static int regions_removed_of(struct ctx *c, unsigned int q)
{
	struct guest *g = ctx_guest(c, 0);
	struct vu_mem_slot s = { 0 };
	unsigned int ring;
	int ret = 0;

	NEED(g, "%s", c->err.msg);
	ring = (unsigned int)((front_ring(g->f, q)->desc_gpa - FRONT_GPA_BASE) /
			      front_mem_region_size(g->m));
	for (unsigned int i = 0; i < 4 && ret == 0; i++) {
		struct vu_region r = front_mem_region(g->m, i);
		const struct front_buf b = { r.gpa + r.size - 64, 64, true };

		if (i == ring) {
			continue;
		}
		for (int n = 0; n < 4; n++) {
			front_add(g->f, q, &b, 1, 0);
		}
		front_kick_always(g->f, q);
		s.region = r;
		ret = front_send_ack(g->f, VU_REM_MEM_REG, &s, sizeof(s), NULL,
				     0);
		NEED(ret == 0, "region %u: %s", i, front_why(g->f));
		front_add(g->f, q, &b, 1, 0); /* gone by now */
		front_kick_always(g->f, q);
		FRONT(g, front_barrier(g->f));
	}
	s.region = front_mem_region(g->m, ring);
	if (front_send_ack(g->f, VU_REM_MEM_REG, &s, sizeof(s), NULL, 0) == 0) {
		front_kick_always(g->f, q);
		front_barrier(g->f);
	}
	/* and once more what is not there */
	DO(ctx_judge(c, g, VU_REM_MEM_REG, &s, sizeof(s), NULL, 0, REFUSED));
	ctx_done(g);
	DO(ctx_next_client(c));
	return 0;
}

static int regions_removed(struct ctx *c)
{
	return ctx_each_queue(c, regions_removed_of);
}

/* ---- F2: files that shrink ---- */

static int truncated(struct ctx *c)
{
	const size_t half = 512 << 10;

	for (unsigned int i = 0; i < ctx_count(c, 250, 6); i++) {
		struct guest *g = ctx_guest(c, 0);
		unsigned int data, ring;
		uint64_t gpa;

		NEED(g, "%s", c->err.msg);
		ring = (unsigned int)((front_ring(g->f, 0)->desc_gpa -
				       FRONT_GPA_BASE) /
				      front_mem_region_size(g->m));
		data = (ring + 1) % 4;
		gpa = front_mem_region(g->m, data).gpa + half;
		/* the driver writes its rings for as long as it can */
		if (i % 3 == 0) {
			ftruncate(front_mem_fd(g->m, data), 0);
			ctx_work(g, gpa);
		} else if (i % 3 == 1) {
			ctx_work(g, gpa);
			ftruncate(front_mem_fd(g->m, data), (off_t)half);
			ctx_work(g, gpa);
		} else {
			uint64_t one = 1;

			ctx_work(g, gpa);
			for (unsigned int r = 0; r < 4; r++) {
				ftruncate(front_mem_fd(g->m, r), 0);
			}
			for (unsigned int q = 0; q < front_n_queues(g->f);
			     q++) {
				if (write(front_ring(g->f, q)->kick_fd, &one,
					  8) != 8) {
					break;
				}
			}
		}
		front_barrier(g->f);
		ctx_done(g);
		DO(ctx_next_client(c));
		NEED(rig_alive(c->rig, &c->err) == 0, "round %u: %s", i,
		     c->err.msg);
	}
	return ctx_bystander(c);
}

/* A dirty log in a file of ours, cut before or while it is used. */
static int truncated_log(struct ctx *c, bool late)
{
	struct guest *g = ctx_guest(c, G_IDLE);
	struct vu_log l = { .size = (FRONT_GPA_BASE + (4u << 20)) / 4096 / 8 };
	int fd = memfd_create("log", MFD_CLOEXEC);
	uint64_t f, answer;

	NEED(g && ftruncate(fd, (off_t)l.size) == 0, "%s", c->err.msg);
	FRONT(g, front_send(g->f, VU_SET_LOG_BASE, 0, &l, sizeof(l), &fd, 1));
	FRONT(g, front_recv(g->f, VU_SET_LOG_BASE, &answer, 8, NULL));
	f = front_features(g->f) | VHOST_F_LOG_ALL |
	    VHOST_USER_F_PROTOCOL_FEATURES;
	FRONT(g, front_send(g->f, VU_SET_FEATURES, 0, &f, 8, NULL, 0));
	NEED(late || ftruncate(fd, 0) == 0, "truncate");
	FRONT(g, front_set_memory(g->f));
	for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
		front_ring_setup(g->f, q);
		front_ring_addr(g->f, q, 1);
		front_ring_enable(g->f, q, true);
	}
	for (int i = 0; i < 2; i++) {
		ctx_work(g, front_alloc(g->m, 8192, 64));
		front_barrier(g->f);
		NEED(ftruncate(fd, 0) == 0, "truncate");
	}
	close(fd);
	ctx_done(g);
	return 0;
}

static int truncated_inflight(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_IDLE);
	struct vu_inflight t = { .size = 1 << 20, .queue_size = 64 };
	int fd = memfd_create("inflight", MFD_CLOEXEC);

	NEED(g && ftruncate(fd, (off_t)t.size) == 0, "%s", c->err.msg);
	t.queues = (uint16_t)front_n_queues(g->f);
	FRONT(g, front_set_features(g->f));
	if (front_send_ack(g->f, VU_SET_INFLIGHT_FD, &t, sizeof(t), &fd, 1) ==
		    0 &&
	    front_start(g->f, &c->err) == 0) {
		for (int i = 0; i < 2; i++) {
			ctx_work(g, front_alloc(g->m, 8192, 64));
			front_barrier(g->f);
			NEED(ftruncate(fd, 0) == 0, "truncate");
		}
	}
	close(fd);
	ctx_done(g);
	return 0;
}

/* The dirty log and the in-flight table are files of the front-end too. */
static int truncated_tables(struct ctx *c)
{
	DO(truncated_log(c, false));
	DO(ctx_next_client(c));
	DO(truncated_log(c, true));
	DO(ctx_next_client(c));
	DO(truncated_inflight(c));
	return ctx_next_client(c);
}

static int inflight_garbage(struct ctx *c)
{
	for (unsigned int i = 0; i < ctx_count(c, 1000, 25); i++) {
		struct guest *g = ctx_guest(c, G_INFLIGHT);
		uint8_t *p;
		size_t len;
		int fd;

		NEED(g, "%s", c->err.msg);
		fd = dup(front_inflight_fd(g->f));
		len = (size_t)lseek(fd, 0, SEEK_END);
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		NEED(p != MAP_FAILED, "mmap");
		/* the version stays: it is what makes the rest be believed */
		for (size_t at = i % 3 ? 10 : 0; at < len; at++) {
			if (i % 3 != 2 || av_rand_below(&c->rand, 40) == 0) {
				p[at] = (uint8_t)av_rand_u64(&c->rand);
			}
		}
		if (front_reconnect(g->f, c->rig->socket, &c->err) == 0) {
			ctx_work(g, front_alloc(g->m, 8192, 64));
			av_rand_bytes(&c->rand, p, len);
			ctx_work(g, front_alloc(g->m, 8192, 64));
			front_barrier(g->f);
			front_reset(g->f, &c->err);
		}
		munmap(p, len);
		close(fd);
		ctx_done(g);
		DO(i % 10 == 0 ? ctx_next_client(c) : 0);
	}
	return 0;
}

#define TABLES "memory is described, no ring touched"

const struct contract_case cases_memory[] = {
	ONCE("F1", "bad-regions", bad_regions, TABLES),
	ONCE("F1", "bad-region-files", bad_region_files, TABLES),
	ONCE("F1", "bad-tables", bad_tables, TABLES),
	ONCE("F1", "all-slots", all_slots, TABLES),
	CASE("F1", "inflight-garbage", inflight_garbage),
	CASE("F2", "truncated-memory", truncated),
	CASE("F2", "truncated-tables", truncated_tables),
	CASE("F6", "regions-removed", regions_removed),
	{ .id = NULL },
};
