/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the block device: dev_blk.c (options, config space, queues, faults)
 * and blk_request.c (one request from header to status).
 */
#ifndef AVSIM_VDEVICES_BLK_H
#define AVSIM_VDEVICES_BLK_H

#include "sim/core/rand.h"
#include "vdevices/blk_image.h"
#include "vdevices/blk_io.h"
#include "vdevices/device.h"

enum {
	BLK_QUEUES_MAX = 16,
	BLK_SEG_MAX = 126, /* buffers of a request beside header and status */
	/* A driver's 128 buffers, and some that cross from region to region. */
	BLK_PIECES = 128 + 32,
	BLK_REQUESTS = 256, /* in flight at once, over all queues */
	BLK_RANGES = 32,    /* of one discard or write-zeroes request */
	BLK_RANGE_SECTORS = 1 << 22,
	BLK_ID_LEN = 20,
};

/* VIRTIO 1.3, 5.2.3 */
#define BLK_F_SEG_MAX (1ULL << 2)
#define BLK_F_RO (1ULL << 5)
#define BLK_F_BLK_SIZE (1ULL << 6)
#define BLK_F_FLUSH (1ULL << 9)
#define BLK_F_TOPOLOGY (1ULL << 10)
#define BLK_F_CONFIG_WCE (1ULL << 11)
#define BLK_F_MQ (1ULL << 12)
#define BLK_F_DISCARD (1ULL << 13)
#define BLK_F_WRITE_ZEROES (1ULL << 14)

struct blk_range {
	uint64_t off, len; /* bytes */
	bool unmap;
};

struct blk;

struct blk_request {
	struct blk_job job;
	struct blk *b;
	struct vq_chain c;
	unsigned int q;
	uint32_t type;
	uint64_t off;      /* first byte on the disk */
	uint32_t len, pos; /* bytes of data, and how many are done */
	uint64_t mark;     /* FLUSH: writes that it covers */
	unsigned int n_ranges, range, way;
	uint32_t written; /* what virtq_push() is told */
	int64_t began, due;
	struct blk_request *next; /* free, or delayed */
	struct blk_range ranges[BLK_RANGES];
	struct iovec iov[BLK_PIECES], data[BLK_PIECES];
};

struct blk_faults {
	bool error, full;
	double chance; /* of @error */
	uint64_t from, to; /* sectors of @error */
	int64_t slow_ns;
};

struct blk {
	struct vdev *d;
	struct blk_image image;
	int own[BLK_KEEP]; /* the overlay, where nobody else keeps it; or -1 */
	/* The overlay when the first of the queues that run began: a guest was
	 * on it; and which have run since. */
	bool begun;
	uint32_t ran;
	/* Its guest goes on with another overlay, which is lost. */
	bool stale, told_stale;
	struct blk_io *io;
	enum blk_engine engine; /* asked for */
	char id[BLK_ID_LEN + 1];
	unsigned int n_queues;
	bool writeback; /* as the driver set it */
	bool no_nowait; /* the file system does not know RWF_NOWAIT */
	uint64_t n_writes, n_flushed; /* completed; those a flush has covered */
	uint64_t n_failed;
	int told_err; /* -errno that the user was last told */
	unsigned int slow; /* left to hand on */
	struct blk_faults fault;
	struct av_rand rand;
	struct blk_request *pool, *free;
	unsigned int busy[BLK_QUEUES_MAX]; /* requests of the queue */
	bool starved[BLK_QUEUES_MAX]; /* chains wait for a request */
	bool pushed[BLK_QUEUES_MAX]; /* to be flushed */
	int stopping; /* this queue is drained: nothing is delayed; -1 */
	struct blk_request *delayed; /* in order of @due */
	uv_timer_t *timer;
};

/* A popped chain: parse and begin; ends in blk_ended(), at once or later. */
void blk_begin(struct blk_request *r);
/* dev_blk.c: the answer is written. */
void blk_ended(struct blk_request *r);
/* Data is safe only with each write. */
bool blk_writethrough(const struct blk *b);

#endif
