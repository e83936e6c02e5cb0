/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtqueue, split or packed, as the device sees it: chains of guest
 * buffers are popped, worked on in place and pushed back.
 *
 * A guest owns the ring's memory and rewrites it at will, so each field is read
 * once into private memory and the copy is checked (trust.h). What fails breaks
 * this queue until it is started anew (virtq_broken()); nothing else is
 * touched.
 *
 * Nothing here allocates after virtq_start(), nor does a device on the way of
 * its data (tests/unit/test_no_alloc.c).
 */
#ifndef AVSIM_VDEVICES_VIRTQ_H
#define AVSIM_VDEVICES_VIRTQ_H

#include "vdevices/guest_mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VIRTQ_SIZE_MAX 32768
/* Descriptors in one chain, direct and indirect together. */
#define VIRTQ_CHAIN_MAX 1024
/* Pieces such a chain can need: some cross from region to region. */
#define VIRTQ_IOV_MAX (VIRTQ_CHAIN_MAX + 32)

/* Feature bits of rings and transport, VIRTIO 1.4 section 6. */
#define VIRTIO_F_INDIRECT_DESC (1ULL << 28)
#define VIRTIO_F_EVENT_IDX (1ULL << 29)
#define VIRTIO_F_VERSION_1 (1ULL << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ULL << 33)
#define VIRTIO_F_RING_PACKED (1ULL << 34)
#define VIRTIO_F_IN_ORDER (1ULL << 35)

/*
 * A chain that the driver offered. The caller brings the iovec array, so that
 * how much is in flight is the device's decision; the pieces point into guest
 * memory and stay valid until the chain is pushed or the queue stopped.
 */
struct vq_chain {
	struct iovec
		*iov; /* caller's: n_out readable pieces, then n_in writable */
	uint16_t max_iov; /* caller's; VIRTQ_IOV_MAX takes any legal chain */
	uint16_t n_out, n_in;
	uint32_t out_len, in_len; /* bytes; both together < 2^32 */
	/* the queue's own business */
	uint16_t head;   /* split: descriptor; packed: buffer id */
	uint16_t n_desc; /* packed: ring slots it took */
	uint16_t slot;   /* its entry in the in-flight table */
	uint64_t seq;    /* popped as number seq of this queue's life */
};

struct notify; /* notify.h */
struct virtq;

struct virtq_setup {
	struct guest_mem *mem;
	uint64_t features; /* negotiated */
	uint16_t num;
	/* front-end addresses; packed: ring, device area, driver area */
	uint64_t desc, used, avail;
	bool log_used;          /* dirty-log writes of the used ring ... */
	uint64_t log_used_addr; /* ... as if it lay at this guest address */
	uint32_t base; /* SET_VRING_BASE: split index or packed indices word */
	/* In-flight table of this queue, or NULL; see virtq_inflight_size(). */
	void *inflight;
	uint16_t inflight_num; /* entries the table was made for */
	int call_fd, err_fd;   /* borrowed; -1 = none */
};

/* What a queue did, for health; plain numbers, of its thread. */
struct virtq_counts {
	uint64_t popped, pushed, bytes_in,
		bytes_out; /* bytes: out of / into the guest */
	uint64_t kicks, calls, broken, too_long;
};

struct virtq *virtq_create(unsigned int index);
void virtq_destroy(struct virtq *q);
/* What signals its call and error descriptors; borrowed. NULL, as at first: a
 * write(), for which a front-end can make us wait. */
void virtq_set_notify(struct virtq *q, struct notify *n);
struct notify *virtq_get_notify(const struct virtq *q);

/**
 * virtq_start() - Bind to a ring; requests in flight before come first
 *
 * Return: 0; -EINVAL with @err: size, alignment or addresses refused.
 */
int virtq_start(struct virtq *q, const struct virtq_setup *s,
		struct av_err *err);
/* Return: the base that GET_VRING_BASE answers. The device has finished. */
uint32_t virtq_stop(struct virtq *q);
bool virtq_running(const struct virtq *q);
/* Of the last virtq_start(): a driver began with this ring, no device had
 * worked on it before. */
bool virtq_fresh(const struct virtq *q);
/* Ring addresses anew after the memory table changed. -EFAULT: broken. */
int virtq_remap(struct virtq *q);
/* A stopped ring breaks nothing; broken stays until the next start. */
bool virtq_broken(const struct virtq *q);
void virtq_break(struct virtq *q, const char *why); /* also for devices */
const char *virtq_why(const struct virtq *q); /* of the last break, or NULL */
/* May change while running. Signals once: a call may have been lost. */
void virtq_set_call(struct virtq *q, int fd);
void virtq_set_err(struct virtq *q, int fd);
void virtq_set_log(struct virtq *q, bool on, uint64_t guest_addr);
unsigned int virtq_index(const struct virtq *q);
uint16_t virtq_size(const struct virtq *q);
void virtq_get_counts(const struct virtq *q, struct virtq_counts *out);
void virtq_count_kick(struct virtq *q); /* one came */
/* Chains popped and not yet pushed. */
unsigned int virtq_in_flight(const struct virtq *q);

/**
 * virtq_pop() - Take the next chain
 *
 * Chains that are legal but need more than c->max_iov pieces are completed with
 * length 0, counted (too_long) and skipped.
 *
 * Return: 1 a chain; 0 none, or the queue is stopped or broken.
 */
int virtq_pop(struct virtq *q, struct vq_chain *c);
/* Hand the last popped chain back; it will come again. Several: last first. */
void virtq_unpop(struct virtq *q, struct vq_chain *c);

/**
 * virtq_push() - Give the chain back, @written bytes of its writable part
 * filled
 *
 * Seen by the driver at once or with the next virtq_flush(), which also calls
 * it. Any order, also where IN_ORDER was negotiated (held back then). @c->iov
 * is as it was popped: the dirty log goes by it.
 */
void virtq_push(struct virtq *q, const struct vq_chain *c, uint32_t written);
/* Publish what was pushed and interrupt the driver if it wants that. */
void virtq_flush(struct virtq *q);
/* Publish in the middle of a burst: a driver that looks sees it, the interrupt
 * is left to the virtq_flush() that must follow. */
void virtq_expose(struct virtq *q);

/* True if a chain waits. */
bool virtq_ready(struct virtq *q);
/* Whether the driver shall kick. Enabling returns true if a chain came in
 * meanwhile: pop again. On after virtq_start(). */
bool virtq_want_kick(struct virtq *q, bool on);

/* ---- access to a chain's bytes; offsets count from the part's begin ---- */

/* Copy readable bytes. Return: how many were there. Read each field once! */
size_t vq_read(const struct vq_chain *c, size_t off, void *buf, size_t len);
/* Copy into the writable part. Return: how many fitted. */
size_t vq_write(const struct vq_chain *c, size_t off, const void *buf,
		size_t len);
size_t vq_fill(const struct vq_chain *c, size_t off, int byte, size_t len);
/**
 * vq_out(), vq_in() - A range of the readable or writable part as pieces
 *
 * Return: pieces, -E2BIG over @max, -ERANGE where the part is shorter.
 */
int vq_out(const struct vq_chain *c, size_t off, size_t len, struct iovec *iov,
	   size_t max);
int vq_in(const struct vq_chain *c, size_t off, size_t len, struct iovec *iov,
	  size_t max);

/* ---- in-flight tracking (vhost-user INFLIGHT_SHMFD) ---- */

/* Bytes of the table of one queue with @num entries, multiple of 64. */
size_t virtq_inflight_size(uint16_t num, bool packed);
/* Prepare a fresh (zeroed) table. */
void virtq_inflight_init(void *table, uint16_t num, bool packed);

#endif
