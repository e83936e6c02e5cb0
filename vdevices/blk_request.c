/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of virtio-blk (VIRTIO 1.3, 5.2.6).
 *
 * What the page cache has is read at once (RWF_NOWAIT, which a file system in
 * memory neither knows nor needs) and writes go straight into it: for 4 KiB both
 * cost less than handing the job on. What would sleep (a read from the disk,
 * flush, discard) goes to blk_io.
 *
 * A request walks over its bytes: each step finds the file that has the next
 * ones (image or overlay) and how far it goes.
 */
#include "config.h"

#include "vdevices/blk.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/uio.h>

enum {
	T_IN = 0,
	T_OUT = 1,
	T_FLUSH = 4,
	T_GET_ID = 8,
	T_DISCARD = 11,
	T_WRITE_ZEROES = 13,
};

enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

struct wire_header {
	uint32_t type, reserved;
	uint64_t sector;
};
static_assert(sizeof(struct wire_header) == 16, "5.2.6");

struct wire_range {
	uint64_t sector;
	uint32_t count, flags;
};
static_assert(sizeof(struct wire_range) == 16, "5.2.6");

enum { RANGE_UNMAP = 1 };

enum { SLOW_NS = 1000000, SLOW_ONES = 64 };
enum { ZEROES = 65536, ZERO_PIECES = 16 };
static const uint8_t zeroes[ZEROES];

/* ---- the end of it ---- */

static void answer(struct blk_request *r, uint8_t status)
{
	if (status != S_OK && r->c.in_len > 1) {
		/* All up to the status counts as written: nothing stale. */
		vq_fill(&r->c, 0, 0, r->c.in_len - 1);
	}
	r->written = r->c.in_len;
	if (r->c.in_len) {
		vq_write(&r->c, r->c.in_len - 1, &status, 1);
	}
	blk_ended(r);
}

/* To the user too, once for each kind, unless a fault of the scenario may be the
 * cause. */
static void say_failed(struct blk_request *r, const char *what, int err)
{
	struct blk *b = r->b;
	void (*say)(struct vdev *d, const char *fmt, ...)
		__attribute__((format(printf, 2, 3))) = vdev_event;

	if (err != b->told_err && !b->fault.error && !b->fault.full) {
		b->told_err = err;
		say = vdev_warn;
	}
	say(b->d,
	    "%s of %s%s at sector %" PRIu64 " failed: %s (%" PRIu64
	    " failures)",
	    what, b->image.path,
	    r->type != T_IN && b->image.held ? "'s overlay" : "",
	    (r->off + r->pos) / BLK_SECTOR, strerror(-err), b->n_failed);
}

static void fail(struct blk_request *r, const char *what, int err)
{
	struct blk *b = r->b;

	vdev_error(b->d);
	/* The first ones, then now and then: a full disk fails every write. */
	if (++b->n_failed <= 8 || b->n_failed % 1024 == 0) {
		say_failed(r, what, err);
	}
	answer(r, S_IOERR);
}

static void submit(struct blk_request *r, enum blk_op op, int fd,
		   void (*done)(struct blk_job *))
{
	r->job.op = op;
	r->job.fd = fd;
	r->job.done = done;
	blk_io_submit(r->b->io, &r->job);
}

static struct blk_request *request_of(struct blk_job *j)
{
	return (struct blk_request *)((char *)j -
				      offsetof(struct blk_request, job));
}

/* ---- flush ---- */

static void on_synced(struct blk_job *j)
{
	struct blk_request *r = request_of(j);

	if (j->res < 0) {
		fail(r, "flush", j->res);
		return;
	}
	if (r->mark > r->b->n_flushed) {
		r->b->n_flushed = r->mark;
	}
	answer(r, S_OK);
}

/* A throw-away overlay is never safe, and need not be. */
static void sync_image(struct blk_request *r)
{
	struct blk *b = r->b;

	if (b->image.read_only || b->image.held || b->n_flushed == b->n_writes) {
		answer(r, S_OK);
		return;
	}
	r->mark = b->n_writes;
	submit(r, BLK_SYNC, b->image.fd, on_synced);
}

static void written(struct blk_request *r)
{
	r->b->n_writes++;
	if (blk_writethrough(r->b)) {
		sync_image(r);
	} else {
		answer(r, S_OK);
	}
}

/* ---- read and write ---- */

static void go_on(struct blk_request *r);

/*
 * To or from memory, which takes no longer than a copy; unless the kernel holds
 * back who writes faster than the disk, or has swapped the memory out. Others
 * would wait behind that, so the next ones are handed on.
 */
static ssize_t copy_at_once(struct blk_request *r, int fd, unsigned int n,
			    off_t off)
{
	struct blk *b = r->b;
	int64_t t;
	ssize_t k;

	if (b->slow) {
		b->slow--;
		errno = EAGAIN;
		return -1;
	}
	t = health_clock_ns();
	k = r->type == T_OUT ? pwritev(fd, r->data, (int)n, off)
			     : preadv(fd, r->data, (int)n, off);
	if (health_clock_ns() - t > SLOW_NS) {
		b->slow = SLOW_ONES;
	}
	return k;
}

/* Bytes moved, 0 at the end of the file, -EAGAIN: it would sleep. */
static ssize_t at_once(struct blk_request *r, int fd, unsigned int n)
{
	off_t off = (off_t)(r->off + r->pos);
	ssize_t k;

	do {
		if (r->type == T_OUT ||
		    blk_image_in_memory(&r->b->image, fd)) {
			k = copy_at_once(r, fd, n, off);
		} else if (r->b->no_nowait) {
			return -EAGAIN;
		} else {
			k = preadv2(fd, r->data, (int)n, off, RWF_NOWAIT);
		}
	} while (k < 0 && errno == EINTR);
	if (k >= 0 || errno != EOPNOTSUPP || r->type == T_OUT) {
		return k < 0 ? -errno : k;
	}
	r->b->no_nowait = true;
	return -EAGAIN;
}

static bool moved(struct blk_request *r, ssize_t n)
{
	if (n <= 0) {
		/* 0: somebody made the file shorter */
		fail(r, r->type == T_OUT ? "write" : "read",
		     n ? (int)n : -EIO);
		return false;
	}
	if (r->type == T_OUT) {
		blk_image_wrote(&r->b->image, r->off + r->pos, (uint64_t)n);
	}
	r->pos += (uint32_t)n;
	return true;
}

static void on_moved(struct blk_job *j)
{
	struct blk_request *r = request_of(j);

	if (moved(r, j->res)) {
		go_on(r);
	}
}

static void go_on(struct blk_request *r)
{
	struct blk *b = r->b;

	while (r->pos < r->len) {
		uint64_t len = r->len - r->pos;
		ssize_t k;
		int fd, n;

		if (r->type == T_OUT) {
			fd = blk_image_write_fd(&b->image);
			n = vq_out(&r->c, sizeof(struct wire_header) + r->pos,
				   len, r->data, BLK_PIECES);
		} else {
			fd = blk_image_find(&b->image, r->off + r->pos, &len);
			n = vq_in(&r->c, r->pos, len, r->data, BLK_PIECES);
		}
		if (n < 0) {
			fail(r, "request", n);
			return;
		}
		k = at_once(r, fd, (unsigned int)n);
		if (k == -EAGAIN) {
			r->job.iov = r->data;
			r->job.n_iov = (unsigned int)n;
			r->job.off = r->off + r->pos;
			submit(r, r->type == T_OUT ? BLK_WRITE : BLK_READ, fd,
			       on_moved);
			return;
		}
		if (!moved(r, k)) {
			return;
		}
	}
	if (r->type == T_OUT) {
		written(r);
	} else {
		answer(r, S_OK);
	}
}

/* ---- discard, write zeroes ---- */

static void next_range(struct blk_request *r);

static void on_range_zeroed(struct blk_job *j)
{
	struct blk_request *r = request_of(j);

	if (j->res <= 0) {
		fail(r, "write of zeroes", j->res ? j->res : -EIO);
		return;
	}
	blk_image_wrote(&r->b->image, j->off, (uint64_t)j->res);
	r->ranges[r->range].off += (uint64_t)j->res;
	r->ranges[r->range].len -= (uint64_t)j->res;
	next_range(r);
}

/* The file system cannot do better. */
static void write_range(struct blk_request *r)
{
	const struct blk_range *g = &r->ranges[r->range];
	uint64_t left = g->len;
	unsigned int n = 0;

	for (; n < ZERO_PIECES && left; n++) {
		size_t k = left < ZEROES ? (size_t)left : ZEROES;

		r->data[n].iov_base = (void *)(uintptr_t)zeroes;
		r->data[n].iov_len = k;
		left -= k;
	}
	r->job.iov = r->data;
	r->job.n_iov = n;
	r->job.off = g->off;
	submit(r, BLK_WRITE, blk_image_write_fd(&r->b->image), on_range_zeroed);
}

/* Ways to make zeroes, best first. A hole reads as zeroes, so it does for
 * both; keeping the blocks is only what a driver prefers. */
static const int keep_blocks[] = {
	FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
};

enum { N_WAYS = sizeof(keep_blocks) / sizeof(keep_blocks[0]) };

static void on_range_done(struct blk_job *j)
{
	struct blk_request *r = request_of(j);
	struct blk_range *g = &r->ranges[r->range];

	if (j->res == -EOPNOTSUPP || j->res == -ENOSYS || j->res == -EINVAL) {
		r->way++;
	} else if (j->res < 0) {
		fail(r, "discard", j->res);
		return;
	} else {
		blk_image_wrote(&r->b->image, g->off, g->len);
		g->len = 0;
	}
	next_range(r);
}

static void next_range(struct blk_request *r)
{
	struct blk_range *g;

	while (r->range < r->n_ranges && !r->ranges[r->range].len) {
		r->range++;
		r->way = 0;
	}
	if (r->range == r->n_ranges) {
		written(r);
		return;
	}
	g = &r->ranges[r->range];
	if (!r->way && g->unmap) {
		r->way = N_WAYS - 1;
	}
	if (r->way >= N_WAYS) {
		/* A discard is a hint; but what an overlay does not hold would
		 * show the image again, and that is fine for one too. */
		if (r->type == T_DISCARD) {
			g->len = 0;
			next_range(r);
		} else {
			write_range(r);
		}
		return;
	}
	r->job.mode = keep_blocks[r->way];
	r->job.off = g->off;
	r->job.len = g->len;
	submit(r, BLK_ALLOCATE, blk_image_write_fd(&r->b->image),
	       on_range_done);
}

/* Return: status; all ranges are checked before the first is touched. */
static uint8_t parse_ranges(struct blk_request *r)
{
	struct wire_range w[BLK_RANGES];
	size_t n = r->len / sizeof(w[0]);

	if (!n || r->len % sizeof(w[0]) || n > BLK_RANGES) {
		return S_IOERR;
	}
	vq_read(&r->c, sizeof(struct wire_header), w, r->len);
	for (size_t i = 0; i < n; i++) {
		uint64_t sector = le64toh(w[i].sector);
		uint32_t count = le32toh(w[i].count);
		uint32_t flags = le32toh(w[i].flags);

		if (flags & ~(r->type == T_DISCARD ? 0u : RANGE_UNMAP)) {
			return S_UNSUPP; /* 5.2.6.2 */
		}
		if (count > BLK_RANGE_SECTORS ||
		    !blk_image_has(&r->b->image, sector, count)) {
			return S_IOERR;
		}
		r->ranges[i] = (struct blk_range){
			.off = sector * BLK_SECTOR,
			.len = (uint64_t)count * BLK_SECTOR,
			.unmap = r->type == T_DISCARD || flags,
		};
	}
	r->n_ranges = (unsigned int)n;
	r->range = r->way = 0;
	return S_OK;
}

/* ---- begin ---- */

/* What a fault makes of it. */
static int broken_by_fault(struct blk_request *r, uint64_t sector,
			   uint64_t n)
{
	struct blk *b = r->b;
	bool write = r->type == T_OUT || r->type == T_WRITE_ZEROES;

	if (b->fault.full && write) {
		return -ENOSPC;
	}
	if (!b->fault.error || r->type == T_GET_ID ||
	    (r->type != T_FLUSH &&
	     (sector >= b->fault.to || sector + n <= b->fault.from))) {
		return 0;
	}
	return av_rand_unit(&b->rand) < b->fault.chance ? -EIO : 0;
}

static void move_data(struct blk_request *r, uint64_t sector)
{
	if (r->len % BLK_SECTOR ||
	    !blk_image_has(&r->b->image, sector, r->len / BLK_SECTOR)) {
		answer(r, S_IOERR);
		return;
	}
	r->off = sector * BLK_SECTOR;
	go_on(r);
}

static void tell_id(struct blk_request *r)
{
	size_t n = r->len < BLK_ID_LEN ? r->len : BLK_ID_LEN;

	vq_fill(&r->c, 0, 0, r->len);
	vq_write(&r->c, 0, r->b->id, n);
	answer(r, S_OK);
}

static void change_ranges(struct blk_request *r)
{
	uint8_t status = parse_ranges(r);

	if (status == S_OK) {
		next_range(r);
	} else {
		answer(r, status);
	}
}

static bool writes(uint32_t type)
{
	return type == T_OUT || type == T_DISCARD || type == T_WRITE_ZEROES;
}

static void dispatch(struct blk_request *r, uint64_t sector)
{
	int err;

	if (r->b->stale) {
		vdev_error(r->b->d);
		answer(r, S_IOERR);
		return;
	}
	if (writes(r->type) && r->b->image.read_only) {
		answer(r, S_IOERR);
		return;
	}
	err = broken_by_fault(r, sector, r->len / BLK_SECTOR);
	if (err) {
		r->off = sector * BLK_SECTOR;
		fail(r, writes(r->type) ? "write" : "read", err);
		return;
	}
	switch (r->type) {
	case T_IN:
	case T_OUT:
		move_data(r, sector);
		break;
	case T_FLUSH:
		sync_image(r);
		break;
	case T_GET_ID:
		tell_id(r);
		break;
	case T_DISCARD:
	case T_WRITE_ZEROES:
		change_ranges(r);
		break;
	default:
		answer(r, S_UNSUPP);
	}
}

void blk_begin(struct blk_request *r)
{
	struct wire_header h;

	r->pos = 0;
	r->off = 0;
	r->len = 0;
	r->type = UINT32_MAX;
	if (vq_read(&r->c, 0, &h, sizeof(h)) != sizeof(h) || !r->c.in_len) {
		answer(r, S_IOERR);
		return;
	}
	r->type = le32toh(h.type);
	r->len = writes(r->type) ? r->c.out_len - (uint32_t)sizeof(h)
				 : r->c.in_len - 1;
	dispatch(r, le64toh(h.sector));
}
