/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract [--device NAME] [--home loop|thread|child] [--case TEXT]
 *	TEXT: of a case's line, "packed-" included
 * contract --list
 *	attacks, the cases that play them and their ring formats (coverage.c);
 *	fails where a format is left out without a reason
 * contract --serve SOCKET --device NAME [--home HOME] [--option KEY=VALUE]...
 *	a device for other front-ends (tests/peers), until stdin ends
 *
 * AVSIM_ATTACKS=full: the counts of make check-attacks; AVSIM_CHECK_QUICK: a
 * hundredth. AVSIM_SEED=N: the random cases' seed, printed at the start.
 * AVSIM_CONTRACT_EVENTS: what devices tell the world goes to stderr.
 */
#include "config.h"

#include "contract.h"

#include "tests/vu/procfs.h"
#include "vdevices/host.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char *const home_names[] = { "loop", "thread", "child" };

enum {
	RSS_MAX_KB = 8 << 10, /* growth over all cases, of one device */
	SMALL_REGION = 1 << 20,
	TINY_REGION = 64 << 10,
};

struct totals {
	unsigned int ok, failed, skipped;
};

struct options {
	const char *device, *home, *only, *serve;
	char *option[VDEV_OPTS_MAX];
	size_t n_options;
	uint64_t seed;
};

const struct contract_case *const contract_lists[] = {
	cases_life, cases_ring,	  cases_message, cases_memory,
	cases_fuzz, cases_state,  cases_device,	 cases_pause,
	NULL,
};

/* ---- for the cases ---- */

int ctx_fail(struct ctx *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return -1;
}

int ctx_within(struct ctx *c, const char *what)
{
	size_t n = strlen(what) + 2;

	if (n < sizeof(c->why)) {
		memmove(c->why + n, c->why, sizeof(c->why) - n);
		memcpy(c->why, what, n - 2);
		memcpy(c->why + n - 2, ": ", 2);
		c->why[sizeof(c->why) - 1] = '\0';
	}
	return -1;
}

int ctx_skip(struct ctx *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return 1;
}

unsigned int ctx_count(const struct ctx *c, unsigned int full,
		       unsigned int least)
{
	unsigned int n = full / c->divisor;

	return n < least ? least : n;
}

struct guest *ctx_guest(struct ctx *c, unsigned int flags)
{
	bool packed = c->packed && !(flags & G_SPLIT);
	struct guest *g = c->g;
	struct front_opts o = {
		.path = flags & G_BYSTANDER ? c->rig->bystander
					    : c->rig->socket,
		.order = flags & G_CROSVM ? FRONT_CROSVM : FRONT_QEMU,
		.also = (packed ? VIRTIO_F_RING_PACKED : 0) |
			(flags & G_IN_ORDER ? VIRTIO_F_IN_ORDER : 0),
		.without = flags & G_NO_EVENT_IDX ? VIRTIO_F_EVENT_IDX : 0,
		.queue_size = flags & G_BIG_RING ? 1024 : 64,
		.inflight = flags & G_INFLIGHT,
		.all_acks = flags & G_ACKS,
		.base16 = flags & G_BASE16,
		.no_enable = flags & G_NO_ENABLE,
		.without_pf =
			(flags & G_NO_RESET ? 1u << VU_PF_RESET_DEVICE : 0) |
			(flags & G_NO_STATUS ? 1u << VU_PF_STATUS : 0),
	};

	while (g->m && g < c->g + CTX_GUESTS - 1) {
		g++;
	}
	ctx_done(g);
	g->m = flags & G_REGIONS ? front_mem_create(300, TINY_REGION)
				 : front_mem_create(4, SMALL_REGION);
	o.mem = g->m;
	if (front_open(&o, &g->f, &c->err) < 0) {
		ctx_fail(c, "connecting: %s", c->err.msg);
		g->f = NULL;
		ctx_done(g);
		return NULL;
	}
	if (!(flags & G_IDLE) && front_start(g->f, &c->err) < 0) {
		ctx_fail(c, "starting: %s", c->err.msg);
		ctx_done(g);
		return NULL;
	}
	return g;
}

void ctx_done(struct guest *g)
{
	front_close(g->f);
	front_mem_destroy(g->m);
	g->f = NULL;
	g->m = NULL;
}

int ctx_probe(struct ctx *c, struct guest *g)
{
	int ret = c->row->probe ? c->row->probe(g->f) : front_barrier(g->f);

	NEED(ret == 0, "a valid request fails: %s (%s)", strerror(-ret),
	     front_why(g->f));
	return 0;
}

int ctx_next_client(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_SPLIT);

	if (!g || ctx_probe(c, g)) {
		return ctx_within(c, "next client");
	}
	ctx_done(g);
	return 0;
}

int ctx_bystander(struct ctx *c)
{
	struct guest *g = ctx_guest(c, G_SPLIT | G_BYSTANDER);
	uint8_t buf[16];

	NEED(g, "other device: %s", c->err.msg);
	FRONT(g,
	      front_request(g->f, 0, NULL, 0, buf, sizeof(buf), FRONT_WAIT_MS));
	ctx_done(g);
	return 0;
}

int ctx_recovers(struct ctx *c, struct guest *g)
{
	NEED(front_reset(g->f, &c->err) == 0, "reset after it: %s", c->err.msg);
	NEED(front_start(g->f, &c->err) == 0, "start after it: %s", c->err.msg);
	return ctx_probe(c, g);
}

bool ctx_eager(const struct ctx *c, unsigned int q)
{
	return q < 64 && (c->row->eager >> q & 1);
}

int ctx_eager_queue(const struct ctx *c)
{
	return c->row->eager ? __builtin_ctzll(c->row->eager) : -1;
}

int ctx_each_queue(struct ctx *c, int (*run)(struct ctx *c, unsigned int q))
{
	struct guest *g = ctx_guest(c, G_IDLE);
	unsigned int n = g ? front_n_queues(g->f) : 0;
	char what[32];

	NEED(g, "%s", c->err.msg);
	ctx_done(g);
	for (unsigned int q = 0; q < n; q++) {
		if (run(c, q)) {
			snprintf(what, sizeof(what), "queue %u", q);
			return ctx_within(c, what);
		}
	}
	return 0;
}

int ctx_files(int *fd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		fd[i] = memfd_create("bad", MFD_CLOEXEC);
		if (fd[i] < 0 || ftruncate(fd[i], 4096) < 0) {
			return -1;
		}
	}
	return 0;
}

void ctx_close(const int *fd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		close(fd[i]);
	}
}

int ctx_add_plain(struct guest *g, unsigned int q, uint64_t gpa,
		  uint64_t cookie)
{
	const struct front_buf b[2] = { { gpa, 16, false },
					{ gpa + 64, 64, true } };

	return front_add(g->f, q, b, 2, cookie);
}

int ctx_judge(struct ctx *c, struct guest *g, uint32_t request,
	      const void *payload, uint32_t size, const int *fds, size_t n_fds,
	      enum verdict v)
{
	uint8_t reply[VU_MAX_PAYLOAD];
	uint64_t answer = 0;
	int fd = -1, ret;

	ret = front_send(g->f, request, VU_FLAG_NEED_REPLY, payload, size, fds,
			 n_fds);
	if (ret == 0) {
		ret = front_recv(g->f, request, reply, sizeof(reply), &fd);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (ret == 8) {
		memcpy(&answer, reply, 8);
	}
	NEED(ret >= 0 || ret == -ECONNRESET || ret == -EPIPE, "answer: %s",
	     front_why(g->f));
	NEED(ret >= 0 || v == ANY || v == REFUSED, "it ends the connection");
	NEED(ret < 0 || v == ANY || v == LIVES || answer != 0 || ret != 8,
	     "it is accepted");
	if (ret >= 0) {
		ret = front_barrier(g->f);
		NEED(ret >= 0 || v == ANY || v == REFUSED,
		     "it ends the connection afterwards");
	}
	return 0;
}

void ctx_work(struct guest *g, uint64_t gpa)
{
	for (unsigned int q = 0; q < front_n_queues(g->f); q++) {
		const struct front_buf b[2] = { { gpa, 64, false },
						{ gpa + 64, 4000, true } };

		front_add(g->f, q, b, 2, 0);
		front_kick_always(g->f, q);
	}
}

/* ---- running them ---- */

static int fds_settle(struct ctx *c, int want)
{
	int n = -1;

	for (int i = 0; i < FRONT_WAIT_MS; i++) {
		n = rig_fds(c->rig);
		if (n == want) {
			return 0;
		}
		usleep(1000);
	}
	return ctx_fail(c, "%d descriptors, %d before", n, want);
}

/* What must hold after every case, whatever it did. */
static int aftermath(struct ctx *c, int fds)
{
	struct av_err err;

	for (size_t i = 0; i < CTX_GUESTS; i++) {
		ctx_done(&c->g[i]);
	}
	if (rig_alive(c->rig, &err) < 0) {
		return ctx_fail(c, "%s", err.msg);
	}
	DO(ctx_next_client(c));
	DO(ctx_bystander(c));
	return fds >= 0 ? fds_settle(c, fds) : 0;
}

static void report(const struct ctx *c, const struct contract_case *k,
		   int verdict, int64_t ms)
{
	static const char *const words[] = { "FAIL", "ok  ", "skip" };

	printf("%s contract %s/%s %s %s%s", words[verdict + 1], c->type->name,
	       home_names[c->rig->home], k->id, c->packed ? "packed-" : "",
	       k->name);
	if (verdict) {
		printf(": %s", c->why);
	}
	printf(" (%lld ms)\n", (long long)ms);
	fflush(stdout);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* In the format that c->packed says. */
static bool chosen(const struct options *o, const struct ctx *c,
		   const struct contract_case *k)
{
	char text[128];

	if ((k->type && strcmp(k->type, c->type->name) != 0) ||
	    (c->packed ? k->formats == IN_SPLIT || k->formats == IN_EITHER
		       : k->formats == IN_PACKED)) {
		return false;
	}
	snprintf(text, sizeof(text), "%s %s%s", k->id,
		 c->packed ? "packed-" : "", k->name);
	return !o->only || strstr(text, o->only);
}

/* Return: the verdict; a rig that did not survive is replaced. */
static int run_case(struct ctx *c, const struct contract_case *k, int fds)
{
	int64_t t = now_ms();
	int ret, after;
	char why[sizeof(c->why)];

	c->why[0] = '\0';
	c->arg = k->arg;
	if (k->in_order && !c->type->in_order) {
		ret = ctx_skip(c, "it does not offer IN_ORDER");
		report(c, k, ret, 0);
		return ret;
	}
	ret = k->run(c);
	snprintf(why, sizeof(why), "%s", c->why);
	after = aftermath(c, fds);
	if (after == 0) {
		snprintf(c->why, sizeof(c->why), "%s", why);
	} else {
		ctx_within(c, ret < 0 ? why : "afterwards");
	}
	ret = after < 0 ? after : ret;
	report(c, k, ret, now_ms() - t);
	return ret;
}

static int check_rss(struct ctx *c, long before)
{
	long after = rig_rss_kb(c->rig);

#ifdef AVSIM_SANITIZED
	(void)after, (void)before; /* freed memory is kept on purpose */
	return 0;
#else
	NEED(after - before <= RSS_MAX_KB, "%ld kB resident, %ld before", after,
	     before);
	return 0;
#endif
}

struct baseline {
	int fds;
	long rss_kb;
};

/* Once through everything, so that lazy set-up is no growth. */
static int measure(struct ctx *c, struct baseline *b)
{
	int before = -2;

	DO(ctx_next_client(c));
	DO(ctx_bystander(c));
	for (int i = 0; i < 100; i++) {
		b->fds = rig_fds(c->rig);
		if (b->fds == before) {
			break;
		}
		before = b->fds;
		usleep(50000);
	}
	b->rss_kb = rig_rss_kb(c->rig);
	return 0;
}

static int restart(struct ctx *c, enum vdev_home home, struct totals *t)
{
	struct av_err err;
	int ret;

	rig_stop(c->rig, &err);
	ret = rig_start(c->rig, c->type, c->row, home, &c->err);
	if (ret < 0) {
		printf("FAIL contract %s/%s - starts: %s\n", c->type->name,
		       home_names[home], c->err.msg);
		t->failed++;
		rig_stop(c->rig, &err);
	}
	return ret;
}

static int start(struct ctx *c, enum vdev_home home, struct baseline *b,
		 struct totals *t)
{
	struct av_err err;

	if (restart(c, home, t) < 0) {
		return -1;
	}
	if (measure(c, b)) {
		printf("FAIL contract %s/%s - serves: %s\n", c->type->name,
		       home_names[home], c->why);
		t->failed++;
		rig_stop(c->rig, &err);
		return -1;
	}
	return 0;
}

/* In each of its formats. Return: -1: no rig is left. */
static int run_formats(struct ctx *c, const struct contract_case *k,
		       const struct options *o, struct baseline *b,
		       struct totals *t)
{
	for (int packed = 0; packed < 2; packed++) {
		int ret;

		c->packed = packed;
		if (!chosen(o, c, k)) {
			continue;
		}
		ret = run_case(c, k, b->fds);
		t->ok += ret == 0;
		t->skipped += ret > 0;
		t->failed += ret < 0;
		if (ret < 0 && start(c, c->rig->home, b, t)) {
			return -1;
		}
	}
	c->packed = false;
	return 0;
}

static void run_all(struct ctx *c, enum vdev_home home, const struct options *o,
		    struct totals *t)
{
	static const struct contract_case end = { .id = "end",
						  .name = "memory" };
	static const struct contract_case fds = { .id = "end",
						  .name = "descriptors" };
	struct baseline b;
	struct av_err err;
	int ret;

	c->packed = false;
	if (start(c, home, &b, t)) {
		return;
	}
	for (size_t l = 0; contract_lists[l]; l++) {
		const struct contract_case *k = contract_lists[l];

		for (; k->id; k++) {
			if (run_formats(c, k, o, &b, t)) {
				return;
			}
		}
	}
	if (b.fds < 0) { /* else looked at after each case */
		report(c, &fds, ctx_skip(c, "%s", PROC_FDS_UNKNOWN), 0);
		t->skipped++;
	}
	ret = check_rss(c, b.rss_kb);
	report(c, &end, ret, 0);
	t->failed += ret < 0;
	if (rig_stop(c->rig, &err) < 0) {
		printf("FAIL contract %s/%s end: %s\n", c->type->name,
		       home_names[home], err.msg);
		t->failed++;
	}
}

static void run_type(const struct vdev_type *type, const struct options *o,
		     struct totals *t)
{
	const struct contract_row *row = contract_row_find(type->name);
	const char *missing = row->missing ? row->missing() : NULL;
	struct rig rig = { 0 };
	struct ctx *c;

	if (missing) {
		printf("skip contract %s: %s\n", type->name, missing);
		t->skipped++;
		return;
	}
	c = calloc(1, sizeof(*c));
	c->rig = &rig;
	c->row = row;
	c->type = type;
	c->divisor = getenv("AVSIM_CHECK_QUICK") ? 100 : 20;
	if (getenv("AVSIM_ATTACKS") &&
	    !strcmp(getenv("AVSIM_ATTACKS"), "full")) {
		c->divisor = 1;
	}
	av_rand_init(&c->rand, o->seed, type->name);
	for (int h = VDEV_LOOP; h <= VDEV_CHILD; h++) {
		if ((o->home && strcmp(o->home, home_names[h])) ||
		    (type->loop_only && h != VDEV_LOOP)) {
			continue;
		}
		run_all(c, (enum vdev_home)h, o, t);
	}
	free(c);
}

/* ---- for other front-ends ---- */

/* The row's options, and those of the command line over them. */
static int add_options(struct contract_row *row, const struct options *o)
{
	for (size_t i = 0; i < o->n_options; i++) {
		char *eq = strchr(o->option[i], '=');
		size_t at = 0;

		if (!eq) {
			return -EINVAL;
		}
		*eq = '\0';
		while (at < VDEV_OPTS_MAX && row->opt[at].key &&
		       strcmp(row->opt[at].key, o->option[i])) {
			at++;
		}
		if (at == VDEV_OPTS_MAX) {
			return -E2BIG;
		}
		row->opt[at].key = o->option[i];
		row->opt[at].value = eq + 1;
	}
	return 0;
}

static int serve(const struct options *o)
{
	const struct vdev_type *type = vdev_type_find(o->device);
	struct contract_row row = *contract_row_find(o->device);
	enum vdev_home home = type->home;
	struct av_err err = { 0 };
	struct rig rig;
	char buf[64];
	int ret;

	for (int h = VDEV_LOOP; o->home && h <= VDEV_CHILD; h++) {
		if (!strcmp(o->home, home_names[h])) {
			home = (enum vdev_home)h;
		}
	}
	ret = add_options(&row, o);
	ret = ret ? ret : rig_start(&rig, type, &row, home, &err);
	if (ret == 0 && symlink(rig.socket, o->serve) < 0) {
		ret = av_err_set(&err, -errno, "%s: %s", o->serve,
				 strerror(errno));
	}
	if (ret < 0) {
		fprintf(stderr, "contract: %s\n",
			err.msg[0] ? err.msg : strerror(-ret));
		return 2;
	}
	printf("serving\n");
	fflush(stdout);
	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0) {
	}
	unlink(o->serve);
	ret = rig_alive(&rig, &err);
	ret = ret ? ret : rig_stop(&rig, &err);
	if (ret) {
		fprintf(stderr, "contract: %s\n", err.msg);
	}
	return ret ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: contract [--device NAME] [--home loop|thread|child] "
		"[--case TEXT]\n"
		"       contract --list\n"
		"       contract --serve SOCKET --device NAME [--home HOME] "
		"[--option KEY=VALUE]...\n");
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	const char *seed = getenv("AVSIM_SEED");

	o->seed = seed ? strtoull(seed, NULL, 0) : 1;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			return -EINVAL;
		} else if (!strcmp(argv[i], "--device")) {
			o->device = argv[i + 1];
		} else if (!strcmp(argv[i], "--home")) {
			o->home = argv[i + 1];
		} else if (!strcmp(argv[i], "--case")) {
			o->only = argv[i + 1];
		} else if (!strcmp(argv[i], "--serve")) {
			o->serve = argv[i + 1];
		} else if (!strcmp(argv[i], "--option") &&
			   o->n_options < VDEV_OPTS_MAX) {
			o->option[o->n_options++] = argv[i + 1];
		} else {
			return -EINVAL;
		}
	}
	if (o->serve && !o->device) {
		return -EINVAL;
	}
	return o->device && !vdev_type_find(o->device) ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct totals t = { 0 };

	if (rig_is_child(argc, argv)) {
		return vdev_child_main(argc, argv);
	}
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		coverage_print();
		return coverage_check() ? 1 : 0;
	}
	if (parse(argc, argv, &o) < 0) {
		return usage();
	}
	signal(SIGPIPE, SIG_IGN);
	if (o.serve) {
		return serve(&o);
	}
	printf("contract: seed %llu\n", (unsigned long long)o.seed);
	if (coverage_check()) {
		return 1;
	}
	for (size_t i = 0; i < n_vdev_types; i++) {
		if (!o.device || !strcmp(o.device, vdev_types[i]->name)) {
			run_type(vdev_types[i], &o, &t);
		}
	}
	printf("contract: %u ok, %u failed, %u skipped\n", t.ok, t.failed,
	       t.skipped);
	return t.failed ? 1 : t.ok ? 0 : 77;
}
