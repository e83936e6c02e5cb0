/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs by io_uring; see blk_io.h.
 *
 * What goes through a ring is no system call, so no filter of those sees it: a
 * ring that takes any operation would give a confined process sockets, files
 * and names again. Ours is restricted to a few before the process is confined,
 * and the sandbox permits to enter it, not to make or change one.
 */
#include "config.h"

#include "vdevices/blk_io.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH = 256 };

struct blk_uring {
	struct io_uring ring;
	unsigned int unsubmitted;
};

/* All that prepare() makes. */
static const uint8_t ops[] = { IORING_OP_READV, IORING_OP_WRITEV,
			       IORING_OP_FSYNC, IORING_OP_FALLOCATE };
enum { N_OPS = sizeof(ops) / sizeof(ops[0]) };

static bool supported(struct io_uring *ring)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(ring);
	bool ok = p;

	for (size_t i = 0; i < N_OPS && ok; i++) {
		ok = io_uring_opcode_supported(p, ops[i]);
	}
	free(p);
	return ok;
}

/* By hand: Debian 12's liburing declares both functions and exports neither. */
static int change(struct io_uring *ring, unsigned int what, void *arg,
		  unsigned int n)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, arg, n)
		       ? -errno
		       : 0;
}

/* From here on it takes @ops without flags, and no registration at all. */
static int shut(struct io_uring *ring)
{
	struct io_uring_restriction r[N_OPS] = { 0 };
	int ret;

	for (size_t i = 0; i < N_OPS; i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = ops[i];
	}
	ret = change(ring, IORING_REGISTER_RESTRICTIONS, r, N_OPS);
	return ret ? ret
		   : change(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int blk_uring_setup(struct io_uring *ring, int event_fd)
{
	int ret = io_uring_queue_init(DEPTH, ring, IORING_SETUP_R_DISABLED);

	if (ret) {
		return ret; /* -EINVAL: before 5.10, which has no restrictions */
	}
	ret = supported(ring) ? io_uring_register_eventfd(ring, event_fd)
			      : -ENOSYS;
	ret = ret ? ret : shut(ring);
	if (ret) {
		io_uring_queue_exit(ring);
	}
	return ret;
}

int blk_uring_open(int event_fd, struct blk_uring **out)
{
	struct blk_uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u) {
		return -ENOMEM;
	}
	ret = blk_uring_setup(&u->ring, event_fd);
	if (ret) {
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
