/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract suite: what every device must survive and keep, run over each row of
 * vdev_types[] in each home (loop, thread, confined child).
 *
 * A rig is a process of its own that hosts the device under test and, in its
 * loop, an rng as bystander. The test process plays the guest (tests/vu) and
 * the VMM, and watches the rig from outside: alive, descriptors, memory, CPU.
 */
#ifndef AVSIM_TESTS_CONTRACT_CONTRACT_H
#define AVSIM_TESTS_CONTRACT_CONTRACT_H

#include "sim/core/rand.h"
#include "tests/vu/front.h"
#include "vdevices/device.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- rows.c: what a device needs to be tested ---- */

/*
 * Optional: a type without a row is started without options and only answers
 * the tests that need no knowledge of it.
 */
struct contract_row {
	const char *type;
	/* A value "@NAME" becomes a path in the rig's folder. */
	struct {
		const char *key, *value;
	} opt[VDEV_OPTS_MAX];
	/* Makes files in the rig's folder before the device opens. 0 or
	 * -errno. */
	int (*prepare)(const char *dir);
	/* In the rig, before the device opens: what the world gives to a
	 * device in the loop (@a->acceptor is there, for the service "echo").
	 * The result goes to @world_end after the device has closed. */
	void *(*world)(uv_loop_t *loop, const char *dir, struct vdev_args *a);
	void (*world_end)(void *world);
	/* What the world says to the device first (PORT_CONTROL); or NULL. */
	const char *told;
	/* The world's answer to what the device says; optional. */
	void (*answer)(struct port *p, const struct port_msg *m);
	/* Why it cannot be tested here, or NULL. */
	const char *(*missing)(void);
	/* One valid request and its answer, on a started front-end: 0, or
	 * -errno. */
	int (*probe)(struct front *f);
	/* Something that a driver says and that stays until the device is
	 * reset: 0 or -errno; and whether it is known: 1, 0 or -errno. NULL:
	 * there is nothing. */
	int (*say)(struct front *f);
	int (*knows)(struct front *f);
	/* Bit q: chains on queue q are taken as they come (not event queues,
	 * which wait for something to tell). */
	uint64_t eager;
	/* Requests of queue q: begin of a valid header, which the fuzzer
	 * mutates; the size of it, 0: all random. */
	size_t (*seed)(unsigned int q, struct av_rand *r, uint8_t *buf,
		       size_t max);
	/* Request number @i of queue @q, which names something else than the
	 * one before: a port, a flow, a sector. 0: there are none. */
	size_t (*keyed)(unsigned int q, uint32_t i, uint8_t *buf, size_t max);
	/* Where the type has save() and knows() does not tell: whether it goes
	 * on in another instance; and once more from the same state (@again),
	 * where it has to find the same. 0 or -errno. */
	int (*goes_on)(struct front *f, bool again, uint8_t memo[64]);
	/* A request that no device knows gets the answer that says so: 0, or
	 * -errno. */
	int (*unknown)(struct front *f);
};
extern const struct contract_row contract_rows[];
extern const size_t n_contract_rows;
const struct contract_row *contract_row_find(const char *type);

/* ---- rig.c: the process under test ---- */

struct rig {
	pid_t pid; /* 0: none */
	char dir[96];
	char socket[128], bystander[128];
	int control; /* closing it ends the rig */
	const struct vdev_type *type;
	enum vdev_home home;
	struct health *health; /* of the device; shared */
	struct rig_shared *sh;
};

int rig_start(struct rig *r, const struct vdev_type *type,
	      const struct contract_row *row, enum vdev_home home,
	      struct av_err *err);
/* Clean end: -ECHILD with @err if it did not end well (sanitizer, crash). */
int rig_stop(struct rig *r, struct av_err *err);
/* 0, or -ECHILD with @err: the rig or its confined child is dead. */
int rig_alive(struct rig *r, struct av_err *err);
/* The process that hosts the device: the rig, or its child. */
pid_t rig_device_pid(const struct rig *r);
int rig_fds(const struct rig *r); /* open descriptors there; see proc_fds() */
long rig_rss_kb(const struct rig *r);    /* resident, there */
int64_t rig_cpu_ns(const struct rig *r); /* user and system time */
/* For main(): argv of a confined device, to be handed on. */
bool rig_is_child(int argc, char **argv);

/* ---- contract.c: cases ---- */

#define CTX_GUESTS 8

struct guest {
	struct front_mem *m;
	struct front *f;
};

struct ctx {
	struct rig *rig;
	const struct contract_row *row; /* never NULL */
	const struct vdev_type *type;
	struct guest g[CTX_GUESTS]; /* closed after each case */
	struct av_rand rand;
	struct av_err err;
	char why[640];
	unsigned int divisor; /* of counts */
	const void *arg;      /* of the case */
	bool packed;          /* the rings of its guests */
};

enum {
	G_SPLIT = 1, /* whatever the case's format */
	G_NO_EVENT_IDX = 2,
	G_CROSVM = 4,
	G_INFLIGHT = 8,
	G_IDLE = 16, /* connected, not started */
	G_IN_ORDER = 32,
	G_BYSTANDER = 64, /* to the other device */
	G_REGIONS = 128,  /* 300 of them */
	G_BIG_RING = 256, /* 1024 entries, not 64 */
	G_ACKS = 512,     /* every message is acknowledged */
	G_BASE16 = 1024,  /* packed bases as DPDK sends them */
	G_NO_ENABLE = 2048, /* started, its rings are left disabled */
	G_NO_RESET = 4096,  /* without RESET_DEVICE */
	G_NO_STATUS = 8192, /* without STATUS */
};

/* With rings of the case's format. NULL with c->why: the device does not
 * serve. */
struct guest *ctx_guest(struct ctx *c, unsigned int flags);
void ctx_done(struct guest *g); /* hang up, give memory back */
int ctx_fail(struct ctx *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* -1 */
/* Says before what the failure before was about. -1 */
int ctx_within(struct ctx *c, const char *what);
int ctx_skip(struct ctx *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* 1 */
/* @full in check-attacks, a fraction in check, at least @least. */
unsigned int ctx_count(const struct ctx *c, unsigned int full,
		       unsigned int least);
/* One valid request to the device under test, where the row has one. */
int ctx_probe(struct ctx *c, struct guest *g);
/* The device serves a new front-end as if nothing had been. */
int ctx_next_client(struct ctx *c);
/* The other device serves. */
int ctx_bystander(struct ctx *c);
/* Reset by the driver, start anew, serve. */
int ctx_recovers(struct ctx *c, struct guest *g);
bool ctx_eager(const struct ctx *c, unsigned int q);
/* The first such queue; -1 none. */
int ctx_eager_queue(const struct ctx *c);

/* Each queue, one after the other, until one fails. */
int ctx_each_queue(struct ctx *c, int (*run)(struct ctx *c, unsigned int q));

/* A chain that is harmless wherever it goes. */
int ctx_add_plain(struct guest *g, unsigned int q, uint64_t gpa,
		  uint64_t cookie);

/* @n memfds of 4096 bytes: 0 */
int ctx_files(int *fd, unsigned int n);
void ctx_close(const int *fd, unsigned int n);
/* A request with memory around @gpa on every queue, with kicks. */
void ctx_work(struct guest *g, uint64_t gpa);

enum verdict {
	ANY,     /* as the device likes */
	REFUSED, /* a non-zero answer, or the connection is over */
	LIVES,   /* the connection goes on */
	NACKED,  /* it goes on, and the answer is not zero */
};

/* Send with need_reply and judge what comes back. */
int ctx_judge(struct ctx *c, struct guest *g, uint32_t request,
	      const void *payload, uint32_t size, const int *fds, size_t n_fds,
	      enum verdict v);

#define NEED(cond, ...)                                                        \
	do {                                                                   \
		if (!(cond)) {                                                 \
			return ctx_fail(c, __VA_ARGS__);                       \
		}                                                              \
	} while (0)
/* A call that fills c->why itself. */
#define DO(call)                                                               \
	do {                                                                   \
		int ret_ = (call);                                             \
		if (ret_) {                                                    \
			return ret_;                                           \
		}                                                              \
	} while (0)
/* A front_*() call on guest @g. */
#define FRONT(g, call)                                                         \
	do {                                                                   \
		int ret_ = (call);                                             \
		if (ret_ < 0) {                                                \
			return ctx_fail(c, "%s: %s", #call,                    \
					front_why((g)->f));                    \
		}                                                              \
	} while (0)

/* Rings that a case runs with. */
enum formats {
	IN_BOTH,   /* once with each */
	IN_SPLIT,  /* it cannot be said in the other one */
	IN_PACKED, /* ... */
	IN_EITHER, /* once: the format cannot matter to it */
};

struct contract_case {
	const char *id, *name;
	int (*run)(struct ctx *c); /* 0 ok, -1 failed, 1 skipped */
	const void *arg;           /* its c->arg */
	const char *type;          /* only for this device; NULL: all */
	bool in_order;             /* only where IN_ORDER is offered */
	enum formats formats;
	const char *why; /* where that is not IN_BOTH */
};

#define CASE(id_, name_, run_)                                                 \
	{                                                                      \
		.id = (id_), .name = (name_), .run = (run_)                    \
	}
#define CASE_OF(type_, id_, name_, run_)                                       \
	{                                                                      \
		.id = (id_), .name = (name_), .run = (run_), .type = (type_)   \
	}
#define ONCE(id_, name_, run_, why_)                                           \
	{                                                                      \
		.id = (id_), .name = (name_), .run = (run_),                   \
		.formats = IN_EITHER, .why = (why_)                            \
	}

extern const struct contract_case cases_life[], cases_ring[], cases_message[],
	cases_memory[], cases_fuzz[], cases_state[], cases_device[],
	cases_pause[];
/* All of these, ended by NULL. */
extern const struct contract_case *const contract_lists[];

/* ---- coverage.c: which case is which attack's ---- */

void coverage_print(void);
/* 0, or -ENOENT: an attack without a case, a case that is not there, or one
 * that leaves a ring format out and does not say why. */
int coverage_check(void);

#endif
