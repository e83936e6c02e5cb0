/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a device: handshake, configuration space, reset, reconnect, and
 * front-ends that come, go and die as they please.
 */
#include "config.h"

#include "contract.h"

#include "vdevices/virtq.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BIT(n) (1ull << (n))

static int served(struct ctx *c, unsigned int flags)
{
	struct guest *g = ctx_guest(c, flags);

	if (!g) {
		return -1;
	}
	DO(ctx_probe(c, g));
	NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
	NEED(front_start(g->f, &c->err) == 0, "start again: %s", c->err.msg);
	DO(ctx_probe(c, g));
	ctx_done(g);
	return 0;
}

static int handshake_qemu(struct ctx *c)
{
	return served(c, 0);
}

static int handshake_qemu_acks(struct ctx *c)
{
	return served(c, G_ACKS);
}

static int handshake_crosvm(struct ctx *c)
{
	return served(c, G_CROSVM);
}

static int rings(struct ctx *c)
{
	const unsigned int *flags = c->arg;

	return served(c, *flags);
}

static int features(struct ctx *c)
{
	const uint64_t ring = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
			      VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED;
	/* 24, 25, 27, 31: nobody's; 33: no IOTLB here; 36..49: transport */
	const uint64_t never = BIT(24) | BIT(25) | BIT(27) | BIT(31) |
			       VIRTIO_F_ACCESS_PLATFORM | (0x3fffull << 36);
	const uint64_t pf = BIT(VU_PF_MQ) | BIT(VU_PF_REPLY_ACK) |
			    BIT(VU_PF_LOG_SHMFD) | BIT(VU_PF_INFLIGHT_SHMFD) |
			    BIT(VU_PF_RESET_DEVICE) | BIT(VU_PF_STATUS) |
			    BIT(VU_PF_CONFIGURE_MEM_SLOTS);
	struct guest *g = ctx_guest(c, G_IDLE);
	uint64_t f;

	if (!g) {
		return -1;
	}
	f = front_offered(g->f);
	NEED((f & ring) == ring, "ring features 0x%llx", (unsigned long long)f);
	NEED(!(f & never), "reserved features 0x%llx",
	     (unsigned long long)(f & never));
	NEED(f & VHOST_F_LOG_ALL, "no dirty log");
	NEED((front_protocol(g->f) & pf) == pf, "protocol features 0x%llx",
	     (unsigned long long)front_protocol(g->f));
	NEED(front_n_queues(g->f) <= c->type->n_queues, "%u queues, %u known",
	     front_n_queues(g->f), c->type->n_queues);
	NEED(front_has_pf(g->f, VU_PF_CONFIG) == (c->type->config_size > 0),
	     "config space is%s offered",
	     front_has_pf(g->f, VU_PF_CONFIG) ? "" : " not");
	NEED(!c->type->in_order || (f & VIRTIO_F_IN_ORDER), "no IN_ORDER");
	return 0;
}

/* ---- configuration space ---- */

static int config_read(struct ctx *c)
{
	static const uint32_t bad[][2] = {
		{ VU_CONFIG_MAX, 1 }, { VU_CONFIG_MAX - 1, 2 },
		{ UINT32_MAX, 1 },    { UINT32_MAX - 3, 8 },
		{ 0x80000000u, 4 },
	};
	const uint32_t size = c->type->config_size;
	uint8_t whole[VU_CONFIG_MAX], part[VU_CONFIG_MAX];
	struct guest *g;

	if (!size) {
		return ctx_skip(c, "no config space");
	}
	g = ctx_guest(c, G_IDLE);
	if (!g) {
		return -1;
	}
	FRONT(g, front_get_config(g->f, 0, whole, size));
	for (uint32_t off = 0; off < size; off++) {
		uint32_t len = 1 + (off * 7) % (size - off);

		FRONT(g, front_get_config(g->f, off, part, len));
		NEED(!memcmp(part, whole + off, len),
		     "bytes %u to %u differ from the whole", off, off + len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		NEED(front_get_config(g->f, bad[i][0], part, bad[i][1]) ==
			     -ENODATA,
		     "window %u+%u is not refused", bad[i][0], bad[i][1]);
	}
	/* a VMM that knows more fields than the device reads zeroes */
	if (front_get_config(g->f, 0, part, VU_CONFIG_MAX) == 0) {
		NEED(!memcmp(part, whole, size), "the whole window differs");
		for (uint32_t i = size; i < VU_CONFIG_MAX; i++) {
			NEED(part[i] == 0, "byte %u of %u is 0x%x", i, size,
			     part[i]);
		}
	}
	FRONT(g, front_get_config(g->f, 0, part, size));
	return 0;
}

static int config_write(struct ctx *c)
{
	const uint32_t size = c->type->config_size;
	unsigned int n = ctx_count(c, 20000, 200);
	uint8_t buf[VU_CONFIG_MAX];
	struct guest *g;

	if (!size) {
		return ctx_skip(c, "no config space");
	}
	g = ctx_guest(c, 0);
	if (!g) {
		return -1;
	}
	FRONT(g, front_get_config(g->f, 0, buf, size));
	FRONT(g, front_set_config(g->f, 0, buf, size, 0));
	for (unsigned int i = 0; i < n; i++) {
		uint32_t off = (uint32_t)av_rand_below(&c->rand, size + 8);
		uint32_t len = (uint32_t)av_rand_below(&c->rand, size + 8);
		int ret;

		av_rand_bytes(&c->rand, buf, sizeof(buf));
		if (i % 2) { /* small numbers reach further */
			for (uint32_t k = 0; k < size; k++) {
				buf[k] &= 7;
			}
		}
		len = len > VU_CONFIG_MAX ? VU_CONFIG_MAX : len;
		ret = front_set_config(g->f, off, buf, len, 0);
		NEED(ret == 0 || ret == -EREMOTEIO, "write %u+%u: %s", off, len,
		     front_why(g->f));
		NEED(ret < 0 || off + len <= size,
		     "write %u+%u over the end is accepted", off, len);
	}
	FRONT(g, front_get_config(g->f, 0, buf, size));
	ctx_done(g);
	return 0;
}

/* ---- reset, reconnect ---- */

static int reset(struct ctx *c)
{
	unsigned int n = ctx_count(c, 1000, 20);
	struct guest *g = ctx_guest(c, 0);

	if (!g) {
		return -1;
	}
	for (unsigned int i = 0; i < n; i++) {
		DO(ctx_recovers(c, g));
	}
	return 0;
}

/* Reset with work under way, as often as a driver can rebind. */
static int reset_storm(struct ctx *c)
{
	unsigned int n = ctx_count(c, 1000, 50);
	struct guest *g = ctx_guest(c, 0);
	uint64_t gpa;

	if (!g) {
		return -1;
	}
	gpa = front_alloc(g->m, 4096, 64);
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
			for (unsigned int k = 0; k < 1 + i % 16; k++) {
				ctx_add_plain(g, q, gpa, k);
			}
			front_kick_always(g->f, q);
		}
		NEED(front_reset(g->f, &c->err) == 0, "reset %u: %s", i,
		     c->err.msg);
		NEED(front_start(g->f, &c->err) == 0, "start %u: %s", i,
		     c->err.msg);
	}
	return ctx_recovers(c, g);
}

static int reconnect(struct ctx *c)
{
	unsigned int n = ctx_count(c, 1000, 100);

	for (unsigned int i = 0; i < n; i++) {
		struct guest *g = ctx_guest(c, i % 3 ? G_IDLE : 0);

		NEED(g, "number %u: %s", i, c->err.msg);
		if (i % 7 == 0 && i % 3 == 0) {
			DO(ctx_probe(c, g));
		}
		ctx_done(g);
	}
	return 0;
}

/* Requests in flight when the connection breaks come back once each. */
static int reconnect_in_flight(struct ctx *c)
{
	const int q = ctx_eager_queue(c);
	enum { N = 20 };

	if (q < 0) {
		return ctx_skip(c, "its queues wait for the device");
	}
	for (unsigned int i = 0; i < ctx_count(c, 500, 10); i++) {
		struct guest *g = ctx_guest(c, G_INFLIGHT);
		struct front_used u;
		uint64_t gpa, seen = 0;

		if (!g) {
			return -1;
		}
		gpa = front_alloc(g->m, 4096, 64);
		for (unsigned int k = 0; k < N; k++) {
			NEED(ctx_add_plain(g, q, gpa, k) == 0, "ring too small");
			if (k == i % N) {
				front_kick(g->f, q);
			}
		}
		front_kick(g->f, q);
		NEED(front_reconnect(g->f, c->rig->socket, &c->err) == 0,
		     "reconnect: %s", c->err.msg);
		front_kick_always(g->f, q);
		for (unsigned int k = 0; k < N; k++) {
			int ret = front_wait(g->f, q, &u, FRONT_WAIT_MS);

			NEED(ret == 0, "round %u: %u of %u came back: %s", i, k,
			     N, front_why(g->f));
			NEED(!(seen >> u.cookie & 1), "round %u: %llu twice", i,
			     (unsigned long long)u.cookie);
			seen |= BIT(u.cookie);
		}
		NEED(front_get(g->f, q, &u) == 0, "one more than were sent");
		ctx_done(g);
	}
	return 0;
}

/* GET_VRING_BASE with requests on their way; none is lost, none done twice. */
static int stop_and_go(struct ctx *c)
{
	const int q = ctx_eager_queue(c);
	static const unsigned int kinds[] = { 0, G_NO_EVENT_IDX };
	unsigned int n = ctx_count(c, 2000, 66);
	struct guest *g = NULL;
	uint64_t gpa = 0;

	if (q < 0) {
		return ctx_skip(c, "its queues wait for the device");
	}
	for (unsigned int i = 0; i < n; i++) {
		unsigned int sent = 0, back = 0;
		uint64_t seen = 0;
		struct front_used u;
		int ret;

		if (i % (n / 2) == 0 && i / (n / 2) < 2) {
			if (g) {
				ctx_done(g);
			}
			g = ctx_guest(c, kinds[i / (n / 2)]);
			if (!g) {
				return -1;
			}
			gpa = front_alloc(g->m, 4096, 64);
		}
		while (sent < 30 && ctx_add_plain(g, q, gpa, sent) == 0) {
			sent++;
			if (sent % 8 == i % 8) {
				front_kick(g->f, q);
			}
		}
		front_kick(g->f, q);
		NEED(front_stop(g->f, &c->err) == 0, "stop: %s", c->err.msg);
		while ((ret = front_get(g->f, q, &u)) > 0) {
			seen |= BIT(u.cookie);
			back++;
		}
		NEED(ret == 0, "%s", front_why(g->f));
		usleep(i % 4 * 50);
		NEED(front_get(g->f, q, &u) == 0, "a stopped ring moved");
		NEED(front_start(g->f, &c->err) == 0, "start: %s", c->err.msg);
		front_kick_always(g->f, q);
		for (; back < sent; back++) {
			ret = front_wait(g->f, q, &u, FRONT_WAIT_MS);
			NEED(ret == 0, "%u of %u came back: %s", back, sent,
			     front_why(g->f));
			NEED(!(seen >> u.cookie & 1), "one came twice");
			seen |= BIT(u.cookie);
		}
	}
	return 0;
}

/* What was kicked while disabled is served once the ring is enabled. */
static int late_enable(struct ctx *c)
{
	const int q = ctx_eager_queue(c);
	struct guest *g = ctx_guest(c, 0);
	struct front_used u;
	uint64_t gpa;

	if (!g) {
		return -1;
	}
	if (q < 0) {
		return ctx_skip(c, "its queues wait for the device");
	}
	gpa = front_alloc(g->m, 4096, 64);
	for (int i = 0; i < 20; i++) {
		FRONT(g, front_ring_enable(g->f, q, false));
		NEED(ctx_add_plain(g, q, gpa, 7) == 0, "no descriptors");
		front_kick_always(g->f, q);
		FRONT(g, front_barrier(g->f));
		FRONT(g, front_ring_enable(g->f, q, true));
		FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
	}
	return 0;
}

/* The driver swaps interrupt descriptors as the guest masks its vector. */
static int call_swap(struct ctx *c)
{
	struct guest *g = ctx_guest(c, 0);

	if (!g) {
		return -1;
	}
	for (unsigned int i = 0; i < 200; i++) {
		const struct front_ring *r = front_ring(g->f, 0);
		uint64_t q = 0, none = 0x100;
		int fd = r->call_fd;

		FRONT(g, front_send(g->f, VU_SET_VRING_CALL, 0,
				    i % 2 ? &none : &q, 8, &fd, !(i % 2)));
		if (i % 2 == 0) {
			DO(ctx_probe(c, g));
		}
	}
	return 0;
}

/* ---- dirty log ---- */

struct dirty {
	uint8_t *map;
	size_t size;
};

static bool is_dirty(const struct dirty *d, uint64_t gpa)
{
	return __atomic_load_n(&d->map[gpa / 4096 / 8], __ATOMIC_ACQUIRE) >>
		       (gpa / 4096 % 8) &
	       1;
}

/* As a migration begins. */
static int log_begin(struct ctx *c, struct guest *g, unsigned int q,
		     struct dirty *d)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct vu_log l = {
		.size = (FRONT_GPA_BASE + (4u << 20)) / 4096 / 8
	};
	uint64_t f, answer;

	NEED(fd >= 0 && ftruncate(fd, (off_t)l.size) == 0, "no file");
	d->size = l.size;
	d->map = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FRONT(g, front_send(g->f, VU_SET_LOG_BASE, 0, &l, sizeof(l), &fd, 1));
	close(fd);
	NEED(front_recv(g->f, VU_SET_LOG_BASE, &answer, 8, NULL) == 8,
	     "no answer to SET_LOG_BASE");
	f = front_features(g->f) | VHOST_F_LOG_ALL |
	    VHOST_USER_F_PROTOCOL_FEATURES;
	FRONT(g, front_send(g->f, VU_SET_FEATURES, 0, &f, 8, NULL, 0));
	FRONT(g, front_ring_addr(g->f, q, 1));
	FRONT(g, front_barrier(g->f));
	return 0;
}

/* Where completions are shown: used ring, or descriptors. */
struct shown {
	uint64_t gpa;
	size_t len;
	uint8_t copy[1024]; /* as a migration has it */
};

/* Marks away, then the copy: who marks before a store has it lost here. */
static void migrate(struct guest *g, const struct dirty *d, struct shown *s)
{
	for (size_t i = 0; i < s->len; i++) {
		uint64_t page = (s->gpa + i) / 4096;

		__atomic_fetch_and(&d->map[page / 8],
				   (uint8_t)~(1 << page % 8), __ATOMIC_ACQ_REL);
		i += 4095 - (s->gpa + i) % 4096;
	}
	memcpy(s->copy, front_mem_at(g->m, s->gpa), s->len);
}

/* Until there is a completion. Return: how many were taken, or -errno. */
static int migrate_until_used(struct guest *g, unsigned int q,
			      const struct dirty *d, struct shown *s)
{
	struct front_used u;
	int ret = 0;

	for (int spin = 0; spin < 20000 && ret == 0; spin++) {
		migrate(g, d, s);
		ret = front_get(g->f, q, &u);
	}
	return ret;
}

static int log_round(struct ctx *c, struct guest *g, unsigned int q,
		     const struct dirty *d, uint64_t gpa)
{
	const struct front_ring *r = front_ring(g->f, q);
	struct shown s = { r->packed ? r->desc_gpa : r->used_gpa,
			   r->packed ? 16u * r->num : 4u + 8u * r->num,
			   { 0 } };
	const uint8_t *now = front_mem_at(g->m, s.gpa);
	struct front_used u;
	unsigned int n = 0;
	int ret;

	NEED(s.len <= sizeof(s.copy), "a ring of %u", r->num);
	while (n < 8 && ctx_add_plain(g, q, gpa, n) == 0) {
		n++;
	}
	NEED(n, "no descriptors");
	front_kick_always(g->f, q);
	ret = migrate_until_used(g, q, d, &s);
	FRONT(g, ret);
	for (n -= (unsigned int)ret; n; n--) {
		FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
	}
	FRONT(g, front_barrier(g->f)); /* it has marked too */
	for (size_t i = 0; i < s.len; i++) {
		NEED(now[i] == s.copy[i] || is_dirty(d, s.gpa + i),
		     "byte %zu of the ring changed after its page was marked",
		     i);
	}
	return 0;
}

static int dirty_log(struct ctx *c)
{
	const int q = ctx_eager_queue(c);
	struct guest *g = ctx_guest(c, 0);
	struct dirty d = { NULL, 0 };
	struct front_used u;
	uint64_t gpa;
	int ret = 0;

	if (!g) {
		return -1;
	}
	if (q < 0) {
		return ctx_skip(c, "its queues wait for the device");
	}
	DO(log_begin(c, g, (unsigned int)q, &d));
	gpa = front_alloc(g->m, 4096, 4096);
	NEED(ctx_add_plain(g, q, gpa, 1) == 0, "no descriptors");
	front_kick_always(g->f, q);
	FRONT(g, front_wait(g->f, q, &u, FRONT_WAIT_MS));
	FRONT(g, front_barrier(g->f));
	NEED(u.len == 0 || is_dirty(&d, gpa),
	     "%u bytes written, page is not marked", u.len);
	NEED(is_dirty(&d, front_ring(g->f, q)->used_gpa),
	     "the page of the used ring, or of the event structure, is not "
	     "marked");
	for (unsigned int i = 0; !ret && i < ctx_count(c, 20000, 1000); i++) {
		ret = log_round(c, g, (unsigned int)q, &d, gpa);
	}
	munmap(d.map, d.size);
	return ret;
}

/* ---- front-ends in number, and their deaths ---- */

static int two_front_ends(struct ctx *c)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct guest *g = ctx_guest(c, 0);
	int fd[5];

	if (!g) {
		front_mem_destroy(m);
		return -1;
	}
	for (int k = 0; k < 5; k++) {
		struct vu_header h = { VU_SET_OWNER, VU_VERSION, 0 };
		struct front_opts o = { .path = c->rig->socket, .mem = m };

		/* the second one speaks, and nobody need answer */
		fd[k] = front_connect(o.path);
		NEED(fd[k] >= 0, "cannot connect while another is served");
		if (write(fd[k], &h, sizeof(h)) != sizeof(h)) {
			NEED(errno == EPIPE || errno == ECONNRESET, "write: %s",
			     strerror(errno));
		}
		DO(ctx_probe(c, g));
	}
	for (int k = 0; k < 5; k++) {
		close(fd[k]);
		DO(ctx_probe(c, g));
	}
	front_mem_destroy(m);
	return 0;
}

/* A front-end's whole life, as fast as it goes, until somebody kills it. */
static void live(struct ctx *c)
{
	for (unsigned int i = 0;; i++) {
		static const unsigned int kinds[] = { 0, G_CROSVM, G_INFLIGHT };
		struct guest *g = ctx_guest(c, kinds[i % 3]);
		uint64_t gpa;

		if (!g) {
			continue; /* the predecessor is still being served */
		}
		gpa = front_alloc(g->m, 4096, 64);
		for (unsigned int k = 0; k < 20; k++) {
			for (unsigned int q = 0; q < front_n_queues(g->f);
			     q++) {
				ctx_add_plain(g, q, gpa, k);
				front_kick(g->f, q);
			}
		}
		if (c->row->probe && ctx_eager_queue(c) < 0) {
			c->row->probe(g->f);
		}
		front_reset(g->f, &c->err);
		ctx_done(g);
	}
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Times and memory only where all 250 in each format are: some for the
 * allocator to find its size, and of the others one in twenty for what else the
 * machine does, or more where one that follows nobody's death waits as long. */
static int killed(struct ctx *c)
{
	unsigned int n = ctx_count(c, 250, 5), late = 0, busy = 0;
	long before = 0, after;

	for (unsigned int i = 0; i < n; i++) {
		pid_t pid = fork();
		int64_t t;

		if (pid == 0) {
			live(c);
		}
		usleep((useconds_t)av_rand_below(&c->rand, 20000));
		kill(pid, SIGKILL);
		t = now_us();
		waitpid(pid, NULL, 0);
		DO(ctx_next_client(c));
		late += now_us() - t > 100000;
		t = now_us();
		DO(c->divisor > 1 ? 0 : ctx_next_client(c));
		busy += now_us() - t > 100000;
		NEED(rig_alive(c->rig, &c->err) == 0, "kill %u: %s", i,
		     c->err.msg);
		if (i == n / 10) {
			before = rig_rss_kb(c->rig);
		}
	}
	after = rig_rss_kb(c->rig);
#ifdef AVSIM_SANITIZED
	(void)after, (void)before, (void)late, (void)busy;
	return 0;
#else
	NEED(c->divisor > 1 || after - before < 1024,
	     "%ld kB more after %u kills", after - before, n);
	NEED(c->divisor > 1 || late <= n / 20 + 2 * busy,
	     "%u of %u times the next one waited for more than 100 ms, %u "
	     "without a death",
	     late, n, busy);
	return 0;
#endif
}

/* ---- storms ---- */

struct storm {
	struct guest *g;
	int nobody; /* -1, or kick this instead */
	_Atomic bool end;
	_Atomic uint64_t kicks;
};

static void *storm_thread(void *arg)
{
	struct storm *s = arg;
	uint64_t one = 1;

	while (!s->end) {
		for (unsigned int q = 0; q < front_n_queues(s->g->f); q++) {
			int fd = s->nobody >= 0
					 ? s->nobody
					 : front_ring(s->g->f, q)->kick_fd;

			if (write(fd, &one, 8) == 8) {
				s->kicks++;
			}
		}
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The p99 of the other device's requests while @s kicks: us, or -1. */
static int64_t p99_in_storm(struct ctx *c, struct storm *s, struct guest *other,
			    unsigned int n)
{
	int64_t *us = calloc(n, sizeof(*us)), p99;
	unsigned int done = 0;
	pthread_t t;
	uint8_t buf[16];

	s->end = false;
	s->kicks = 0;
	pthread_create(&t, NULL, storm_thread, s);
	while (done < n) {
		int64_t begin = now_us();

		if (front_request(other->f, 0, NULL, 0, buf, sizeof(buf),
				  FRONT_WAIT_MS) <= 0) {
			break;
		}
		us[done++] = now_us() - begin;
	}
	s->end = true;
	pthread_join(t, NULL);
	qsort(us, done, sizeof(*us), by_value);
	p99 = done == n ? us[n - 1 - n / 100] : -1;
	free(us);
	if (p99 < 0) {
		ctx_fail(c,
			 "after %llu kicks the other device served %u of %u",
			 (unsigned long long)s->kicks, done, n);
	}
	return p99;
}

/* One guest kicks without end; the other device serves all the same, its p99
 * not more than twice what it is while somebody kicks into the void. */
static int kick_storm(struct ctx *c)
{
	enum { TRIES = 8, SLACK_US = 20 };
	unsigned int n = ctx_count(c, 20000, 200);
	struct storm s = { .g = ctx_guest(c, 0) };
	struct guest *other = ctx_guest(c, G_BYSTANDER);
	int nobody = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int64_t calm = 0, p99 = 0;

	if (!s.g || !other) {
		close(nobody);
		return -1;
	}
	for (int i = 0; i < TRIES; i++) {
		s.nobody = nobody;
		calm = p99_in_storm(c, &s, other, n);
		s.nobody = -1;
		p99 = calm < 0 ? -1 : p99_in_storm(c, &s, other, n);
		if (p99 < 0 || c->divisor > 1 || p99 <= 2 * calm + SLACK_US) {
			break;
		}
	}
	close(nobody);
	if (p99 < 0) {
		return -1;
	}
	NEED(c->divisor > 1 || p99 <= 2 * calm + SLACK_US,
	     "p99 of the other device is %lld us, without %lld us",
	     (long long)p99, (long long)calm);
	return ctx_probe(c, s.g);
}

enum { REST_MS = 250 };

/* CPU time of the device's process while there is no request. */
static int64_t idle_cpu_ms(struct ctx *c)
{
	int64_t t = rig_cpu_ns(c->rig);

	usleep(REST_MS * 1000);
	return (rig_cpu_ns(c->rig) - t) / 1000000;
}

/* Chains wait in every queue, of devices that have nothing to tell too. */
static int no_spin(struct ctx *c)
{
	static const unsigned int kinds[] = { 0, G_NO_EVENT_IDX };
	int64_t ms = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct guest *g = ctx_guest(c, kinds[i]);
		uint64_t gpa;

		if (!g) {
			return -1;
		}
		gpa = front_alloc(g->m, 4096, 64);
		for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
			for (unsigned int k = 0; k < 16; k++) {
				const struct front_buf b = { gpa, 1500, true };

				front_add(g->f, q, &b, 1, k);
			}
			front_kick_always(g->f, q);
		}
		for (int tries = 0; tries < 5; tries++) {
			ms = idle_cpu_ms(c);
			if (ms < REST_MS / 10) {
				break;
			}
		}
		NEED(ms < REST_MS / 10,
		     "%lld ms of CPU in %d ms of rest (kind 0x%x)",
		     (long long)ms, REST_MS, kinds[i]);
		ctx_done(g);
	}
	return 0;
}

#define RINGS(name_, flags, formats_, why_)                                    \
	{                                                                      \
		.id = "C3", .name = (name_), .run = rings,                     \
		.arg = &(const unsigned int){ flags },                         \
		.in_order = ((flags) & G_IN_ORDER) != 0,                       \
		.formats = (formats_), .why = (why_)                           \
	}

/* clang-format off */
const struct contract_case cases_life[] = {
	CASE("C1", "handshake-qemu", handshake_qemu),
	CASE("C1", "handshake-qemu-acks", handshake_qemu_acks),
	CASE("C1", "handshake-crosvm", handshake_crosvm),
	ONCE("C2", "features", features, "before there are rings"),
	RINGS("no-event-index", G_NO_EVENT_IDX, IN_BOTH, NULL),
	RINGS("in-order", G_IN_ORDER, IN_BOTH, NULL),
	RINGS("in-flight-table", G_INFLIGHT, IN_BOTH, NULL),
	RINGS("ring-of-1024", G_BIG_RING, IN_BOTH, NULL),
	RINGS("300-regions", G_REGIONS, IN_BOTH, NULL),
	RINGS("base-of-16-bits", G_BASE16, IN_PACKED, "a split base has no more"),
	ONCE("C4", "config-read", config_read, "before there are rings"),
	ONCE("C4", "config-write", config_write, "beside the rings"),
	CASE("C5", "reset", reset),
	CASE("C6", "reconnect", reconnect),
	CASE("C6", "reconnect-in-flight", reconnect_in_flight),
	CASE("C7", "late-enable", late_enable),
	CASE("C7", "call-swap", call_swap),
	CASE("C8", "dirty-log", dirty_log),
	CASE("F4", "killed-front-end", killed),
	CASE("F5", "two-front-ends", two_front_ends),
	CASE("F7", "stop-and-go", stop_and_go),
	CASE("F8", "reset-storm", reset_storm),
	CASE("G9", "kick-storm", kick_storm),
	CASE("G11", "no-spin", no_spin),
	{ .id = NULL },
};
/* clang-format on */
