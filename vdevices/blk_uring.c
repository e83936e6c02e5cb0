/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by io_uring; see blk_io.h. */
#include "config.h"

#include "vdevices/blk_io.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

enum { DEPTH = 256 };

struct blk_uring {
	struct io_uring ring;
	unsigned int unsubmitted;
};

static bool supported(struct io_uring *ring)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(ring);
	bool ok = p && io_uring_opcode_supported(p, IORING_OP_READV) &&
		  io_uring_opcode_supported(p, IORING_OP_WRITEV) &&
		  io_uring_opcode_supported(p, IORING_OP_FSYNC) &&
		  io_uring_opcode_supported(p, IORING_OP_FALLOCATE);

	free(p);
	return ok;
}

int blk_uring_open(int event_fd, struct blk_uring **out)
{
	struct blk_uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u) {
		return -ENOMEM;
	}
	ret = io_uring_queue_init(DEPTH, &u->ring, 0);
	if (ret) {
		free(u);
		return ret;
	}
	ret = supported(&u->ring)
		      ? io_uring_register_eventfd(&u->ring, event_fd)
		      : -ENOSYS;
	if (ret) {
		io_uring_queue_exit(&u->ring);
		free(u);
		return ret;
	}
	*out = u;
	return 0;
}

void blk_uring_close(struct blk_uring *u)
{
	if (u) {
		io_uring_queue_exit(&u->ring);
		free(u);
	}
}

void blk_uring_start(struct blk_uring *u)
{
	int ret;

	while (u->unsubmitted) {
		ret = io_uring_submit(&u->ring);
		if (ret > 0) {
			u->unsubmitted -= (unsigned int)ret;
		} else if (ret != -EINTR && ret != -EAGAIN) {
			return; /* -EBUSY: when some have been reaped */
		}
	}
}

static void prepare(struct io_uring_sqe *e, const struct blk_job *j)
{
	switch (j->op) {
	case BLK_READ:
		io_uring_prep_readv(e, j->fd, j->iov, j->n_iov, j->off);
		break;
	case BLK_WRITE:
		io_uring_prep_writev(e, j->fd, j->iov, j->n_iov, j->off);
		break;
	case BLK_SYNC:
		io_uring_prep_fsync(e, j->fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_ALLOCATE:
		/* 2.3 passes off_t, later versions u64: both 64 bits */
		io_uring_prep_fallocate(e, j->fd, j->mode, (off_t)j->off,
					(off_t)j->len);
		break;
	}
}

void blk_uring_submit(struct blk_uring *u, struct blk_job *j)
{
	struct io_uring_sqe *e = io_uring_get_sqe(&u->ring);

	while (!e) {
		blk_uring_start(u);
		e = io_uring_get_sqe(&u->ring);
	}
	prepare(e, j);
	io_uring_sqe_set_data(e, j);
	u->unsubmitted++;
}

struct blk_job *blk_uring_reap(struct blk_uring *u, bool wait)
{
	struct io_uring_cqe *c;
	struct blk_job *j;
	int ret;

	do {
		ret = wait ? io_uring_wait_cqe(&u->ring, &c)
			   : io_uring_peek_cqe(&u->ring, &c);
	} while (ret == -EINTR);
	if (ret) {
		return NULL;
	}
	j = io_uring_cqe_get_data(c);
	j->res = c->res;
	io_uring_cqe_seen(&u->ring, c);
	return j;
}
