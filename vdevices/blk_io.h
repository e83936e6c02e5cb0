/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File operations that may block, done beside a loop: by io_uring where the
 * kernel permits it, else by four threads. Jobs are the caller's; nothing is
 * allocated after blk_io_open().
 */
#ifndef AVSIM_VDEVICES_BLK_IO_H
#define AVSIM_VDEVICES_BLK_IO_H

#include "sim/core/err.h"

#include <stdint.h>
#include <sys/uio.h>
#include <uv.h>

enum blk_op {
	BLK_READ,
	BLK_WRITE,
	BLK_SYNC,     /* fdatasync() */
	BLK_ALLOCATE, /* fallocate() with @mode */
};

struct blk_job {
	enum blk_op op;
	int fd, mode;
	uint64_t off, len; /* @len: BLK_ALLOCATE only */
	const struct iovec *iov;
	unsigned int n_iov;
	int res; /* bytes (READ, WRITE) or 0; -errno */
	void (*done)(struct blk_job *j);
	struct blk_job *next; /* the queue's own */
};

enum blk_engine { BLK_ANY, BLK_URING, BLK_THREADS };

struct blk_io;

/**
 * blk_io_open() - Before confinement: the ring
 * @want:	BLK_ANY: io_uring, else threads
 * @idle:	called with @ctx after a batch of done()s
 *
 * Return: 0, or -errno with @err.
 */
int blk_io_open(uv_loop_t *loop, enum blk_engine want, void (*idle)(void *ctx),
		void *ctx, struct blk_io **out, struct av_err *err);
/* After confinement: threads, where there is no ring; now it takes jobs.
 * -errno with @err. */
int blk_io_ready(struct blk_io *io, struct av_err *err);
/* All jobs are done. Freed from the loop. NULL is fine. */
void blk_io_close(struct blk_io *io);
enum blk_engine blk_io_engine(const struct blk_io *io);

/* Take a job; begun by blk_io_start() at the latest. done() comes from the loop
 * or from blk_io_wait(), never from in here. */
void blk_io_submit(struct blk_io *io, struct blk_job *j);
void blk_io_start(struct blk_io *io);
/* Sleep until at least one job is done, and call its done(). */
void blk_io_wait(struct blk_io *io);
unsigned int blk_io_pending(const struct blk_io *io);

/* ---- the two engines ---- */

struct blk_uring;
struct io_uring;
/* A ring that takes the operations of jobs and nothing else, for ever. */
int blk_uring_setup(struct io_uring *ring, int event_fd);
int blk_uring_open(int event_fd, struct blk_uring **out);
void blk_uring_close(struct blk_uring *u);
void blk_uring_submit(struct blk_uring *u, struct blk_job *j);
void blk_uring_start(struct blk_uring *u);
/* The next finished job, NULL: none yet. */
struct blk_job *blk_uring_reap(struct blk_uring *u, bool wait);

struct blk_pool;
int blk_pool_open(int event_fd, struct blk_pool **out);
void blk_pool_close(struct blk_pool *p);
void blk_pool_submit(struct blk_pool *p, struct blk_job *j);
struct blk_job *blk_pool_reap(struct blk_pool *p, bool wait);

#endif
