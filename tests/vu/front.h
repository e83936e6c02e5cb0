/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fake guest for tests and benches: a vhost-user front-end with a virtqueue
 * driver on top. It speaks as QEMU or as crosvm does, in split and packed
 * rings, and lets a test reach below every layer to misbehave.
 *
 *	struct front_mem *m = front_mem_create(1, 16 << 20);
 *	struct front_opts o = { .path = "rng.sock", .mem = m };
 *	struct front *f;
 *	uint8_t key[32];
 *
 *	front_open(&o, &f, &err);	connect, handshake
 *	front_start(f, &err);		features, memory, rings, DRIVER_OK
 *	front_request(f, 0, NULL, 0, key, 32, FRONT_WAIT_MS);
 *	front_stop(f, &err);		GET_VRING_BASE of each ring
 *	front_close(f);
 *	front_mem_destroy(m);
 *
 * Everything returns 0 (or a count) or -errno. -ECONNRESET: the device hung up;
 * -ETIMEDOUT: it did not answer in time; -EPROTO: it broke the protocol (a used
 * element that was never offered, a wrong reply); front_why() has the text.
 *
 * One thread per struct front. On the hot path (front_add, front_kick,
 * front_get) the only system call is the write to the kick eventfd, and that
 * only where the device asked for kicks.
 */
#ifndef AVSIM_TESTS_VU_FRONT_H
#define AVSIM_TESTS_VU_FRONT_H

#include "sim/core/err.h"
#include "vdevices/vu_proto.h"

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Long enough for a loaded machine; only failures wait so long. */
#define FRONT_WAIT_MS 20000

/* ---- guest memory ---- */

/*
 * Regions of memfds, adjacent in guest-physical space (so that a buffer may
 * span two of them) and scattered in front-end address space (so that nobody
 * mistakes one address for the other). Outlives connections.
 */
struct front_mem;

#define FRONT_GPA_BASE 0x40000000ull
#define FRONT_REGIONS_MAX 512

/**
 * front_mem_create() - Memory of @n regions
 * @region_size:	bytes of each, multiple of 4096
 */
struct front_mem *front_mem_create(unsigned int n, size_t region_size);
void front_mem_destroy(struct front_mem *m);
unsigned int front_mem_count(const struct front_mem *m);
size_t front_mem_region_size(const struct front_mem *m);
int front_mem_fd(const struct front_mem *m, unsigned int i); /* borrowed */
struct vu_region front_mem_region(const struct front_mem *m, unsigned int i);
/* The test's own address of @gpa; contiguous over region borders. */
void *front_mem_at(const struct front_mem *m, uint64_t gpa);
/* Front-end address (of SET_VRING_ADDR) of @gpa. */
uint64_t front_mem_uva(const struct front_mem *m, uint64_t gpa);

/* Guest-physical address of fresh zeroed memory inside one region; 0: full.
 * Never freed, except all that came after a mark. */
uint64_t front_alloc(struct front_mem *m, size_t size, size_t align);
/* The same, with a region border in the middle; needs two regions or more. */
uint64_t front_alloc_span(struct front_mem *m, size_t size);
size_t front_mark(const struct front_mem *m);
void front_release(struct front_mem *m, size_t mark);

/* ---- connection ---- */

enum front_order {
	FRONT_QEMU,   /* QEMU 10's message order, memory by ADD_MEM_REG */
	FRONT_CROSVM, /* SET_OWNER first, memory by SET_MEM_TABLE (<= 32) */
};

struct front_opts {
	const char *path;      /* socket to connect to, or: */
	int conn_fd;           /* connected; taken over; only with path NULL */
	struct front_mem *mem; /* borrowed, longer than the front-end */
	enum front_order order;
	/* Feature bits to accept where offered; 0: all that are offered but
	 * RING_PACKED, IN_ORDER, ACCESS_PLATFORM and VHOST_F_LOG_ALL */
	uint64_t want;
	uint64_t also;         /* in addition to that: RING_PACKED, IN_ORDER */
	uint64_t without;      /* and never these: EVENT_IDX */
	uint64_t without_pf;   /* protocol features to refuse, 1 << VU_PF_* */
	unsigned int n_queues; /* 0: as many as GET_QUEUE_NUM says, else 1 */
	uint16_t queue_size;   /* 0: 256; power of two unless packed */
	bool busy_poll; /* spin for completions; the device never interrupts */
	bool inflight;  /* keep an in-flight table where offered */
	bool all_acks;  /* need_reply on every message (QEMU: memory only) */
	bool base16;    /* packed: base without its upper half, as DPDK's */
	bool no_enable; /* front_start() leaves rings disabled */
};

struct front;

/* A connected socket to @path, or -errno; front_opts.conn_fd takes it. */
int front_connect(const char *path);

/**
 * front_open() - Connect and do what a VMM does at its start
 *
 * Up to where the guest's driver would begin: features are known, config can
 * be read, no memory is shared yet.
 */
int front_open(const struct front_opts *o, struct front **out,
	       struct av_err *err);
/* Features, memory, rings, enable, DRIVER_OK. */
int front_start(struct front *f, struct av_err *err);
/* Disable, GET_VRING_BASE per ring, status 0: so QEMU pauses, and so it begins a
 * reset (10 and 11 with a status for networks only). front_start() goes on from
 * there, on the same rings, with requests that were not completed. */
int front_stop(struct front *f, struct av_err *err);
/* As a guest's reset: stopped, RESET_DEVICE where that was agreed on, and the
 * next front_start() begins with empty rings. What was in flight is forgotten.
 */
int front_reset(struct front *f, struct av_err *err);
/**
 * front_reconnect() - The back-end went away: connect again, to the same
 * memory and rings, and start
 *
 * Ring positions come from the used index as in QEMU; where an in-flight table
 * was kept it is handed back.
 */
int front_reconnect(struct front *f, const char *path, struct av_err *err);
/**
 * front_move() - The guest, stopped before, is migrated: connect to another
 * instance of the device
 *
 * Up to where front_open() leaves it; front_start() goes on from there, in the
 * same memory, on the same rings.
 */
int front_move(struct front *f, const char *path, struct av_err *err);
int front_move_fd(struct front *f, int conn_fd, struct av_err *err);
void front_close(struct front *f); /* hang up without a word; NULL is fine */

struct front_mem *front_mem(const struct front *f);
const char *front_why(const struct front *f); /* of the last error */
int front_socket(const struct front *f);      /* borrowed */
uint64_t front_offered(const struct front *f);
uint64_t front_features(const struct front *f); /* accepted, no bit 30 */
uint64_t front_protocol(const struct front *f); /* accepted */
unsigned int front_n_queues(const struct front *f);
int front_inflight_fd(const struct front *f); /* borrowed; -1 */
bool front_has_pf(const struct front *f, enum vu_protocol_feature bit);
/* -ECONNRESET once the device has hung up, 0 if not within @timeout_ms */
int front_hung_up(struct front *f, int timeout_ms);

/* ---- messages ---- */

/* GET_CONFIG of a window; -ENODATA: the device answered with an empty one */
int front_get_config(struct front *f, uint32_t off, void *buf, uint32_t len);
/* SET_CONFIG, acknowledged where REPLY_ACK is on: -EREMOTEIO refused.
 * @flags: 0 the driver writes, 1 migration */
int front_set_config(struct front *f, uint32_t off, const void *buf,
		     uint32_t len, uint32_t flags);
/* CONFIG_CHANGE messages since the last call; waits for the first one. */
int front_config_changes(struct front *f, int timeout_ms);

/**
 * front_send() - One message, any message
 * @flags:	VU_FLAG_NEED_REPLY or 0; the version is added
 */
int front_send(struct front *f, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, const int *fds,
	       size_t n_fds);
/* Bytes as they are, for broken headers. Up to 250 descriptors. */
int front_send_raw(struct front *f, const void *bytes, size_t len,
		   const int *fds, size_t n_fds);
/**
 * front_recv() - The reply to @request
 * @payload:	up to @max bytes; -EPROTO if it is longer
 * @fd:		gets a descriptor that came along, else -1; may be NULL
 *
 * Return: payload size.
 */
int front_recv(struct front *f, uint32_t request, void *payload, uint32_t max,
	       int *fd);
/* Send with need_reply, return what the device says: 0, or -EREMOTEIO for a
 * non-zero answer. */
int front_send_ack(struct front *f, uint32_t request, const void *payload,
		   uint32_t size, const int *fds, size_t n_fds);
/* A request whose answer is one u64. */
int front_get_u64(struct front *f, uint32_t request, uint64_t *out);
/* Round trip: everything sent before has been handled. */
int front_barrier(struct front *f);

/* DEVICE_STATE, while stopped. Return: bytes, 0; -EREMOTEIO: it was refused. */
ssize_t front_save(struct front *f, void *buf, size_t max);
int front_load(struct front *f, const void *buf, size_t len);

/* The pieces of front_start(), for tests that go astray in between. */
int front_set_features(struct front *f);
int front_set_memory(struct front *f);
int front_ring_setup(struct front *f, unsigned int q); /* NUM .. CALL */
int front_ring_enable(struct front *f, unsigned int q, bool on);
/* GET_VRING_BASE: the ring is stopped; the base goes back in at its setup */
int front_ring_stop(struct front *f, unsigned int q, uint32_t *base);
int front_ring_addr(struct front *f, unsigned int q, uint32_t flags);

/* ---- driver ---- */

struct front_buf {
	uint64_t gpa;
	uint32_t len;
	bool write; /* for the device; readable ones come first */
};

struct front_used {
	uint64_t cookie; /* of front_add() */
	uint32_t len;    /* bytes written, as the device says */
};

/**
 * front_add() - Offer a chain; seen by the device with the next front_kick()
 * @cookie:	anything, comes back with the completion
 *
 * Return: 0, -ENOSPC no free descriptors.
 */
int front_add(struct front *f, unsigned int q, const struct front_buf *b,
	      unsigned int n, uint64_t cookie);
/* The same through an indirect table; @n up to 64. */
int front_add_indirect(struct front *f, unsigned int q,
		       const struct front_buf *b, unsigned int n,
		       uint64_t cookie);
/* Publish what was added and kick if the device asked for it: true. */
bool front_kick(struct front *f, unsigned int q);
void front_kick_always(struct front *f, unsigned int q);
/* The next completion, without waiting. 1; 0 none; -EPROTO. */
int front_get(struct front *f, unsigned int q, struct front_used *u);
/* The same, waiting: 0, -ETIMEDOUT, -ECONNRESET, -EPROTO. */
int front_wait(struct front *f, unsigned int q, struct front_used *u,
	       int timeout_ms);
/* Chains added and not completed. */
unsigned int front_in_flight(const struct front *f, unsigned int q);
unsigned int front_free_descs(const struct front *f, unsigned int q);
/* How often the device interrupted; counted when front_wait() blocks. */
uint64_t front_calls(const struct front *f, unsigned int q);

/**
 * front_request() - One chain there and back: @out for the device to read,
 * @in for its answer
 *
 * The only request in flight on @q. Copies; not for hot paths.
 *
 * Return: bytes written by the device, or -errno.
 */
int front_request(struct front *f, unsigned int q, const void *out,
		  uint32_t out_len, void *in, uint32_t in_len, int timeout_ms);

/* ---- below the driver: the ring itself ---- */

struct front_ring {
	uint16_t num;
	bool packed;
	/* guest-physical places; packed: ring, driver area, device area */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	/* the same as the test sees them; the ones of the other kind: NULL */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *driver, *device;
	int kick_fd, call_fd, err_fd;
};

struct front_ring *front_ring(struct front *f, unsigned int q);
/* One descriptor as it shall be, offered by nobody yet. Packed: slot @i, which
 * the next slot follows, whatever @next says. */
void front_poke_desc(struct front *f, unsigned int q, unsigned int i,
		     uint64_t addr, uint32_t len, uint16_t flags,
		     uint16_t next);
/* The same in the indirect table at @table, as queue @q has them. */
void front_poke_entry(struct front *f, unsigned int q, uint64_t table,
		      unsigned int i, uint64_t addr, uint32_t len,
		      uint16_t flags, uint16_t next);
/* Offer whatever is there, and kick. Split: @head. Packed: the list that begins
 * at the slot behind the last one offered, with @head for its buffer id. */
void front_poke_offer(struct front *f, unsigned int q, uint16_t head);
/* Bytes the device's error eventfd has counted: the ring is broken. */
int front_ring_broken(struct front *f, unsigned int q, int timeout_ms);

#endif
