/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/blk_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct blk_io {
	struct blk_uring *uring; /* one of the two */
	struct blk_pool *pool;
	uv_poll_t poll; /* of @event_fd: jobs are done */
	int event_fd;
	unsigned int pending;
	void (*idle)(void *ctx);
	void *ctx;
};

static struct blk_job *reap(struct blk_io *io, bool wait)
{
	return io->uring ? blk_uring_reap(io->uring, wait)
			 : blk_pool_reap(io->pool, wait);
}

static void finish_all(struct blk_io *io, bool wait)
{
	struct blk_job *j;

	while ((j = reap(io, wait))) {
		io->pending--;
		wait = false;
		j->done(j); /* may submit more */
	}
	blk_io_start(io);
	io->idle(io->ctx);
}

static void on_event(uv_poll_t *p, int status, int events)
{
	struct blk_io *io = p->data;
	uint64_t n;

	(void)status;
	(void)events;
	if (read(io->event_fd, &n, sizeof(n)) > 0) {
		finish_all(io, false);
	}
}

static int open_ring(struct blk_io *io, enum blk_engine want)
{
	int ret = want == BLK_THREADS
			  ? 0
			  : blk_uring_open(io->event_fd, &io->uring);

	return want == BLK_URING ? ret : 0;
}

int blk_io_open(uv_loop_t *loop, enum blk_engine want, void (*idle)(void *ctx),
		void *ctx, struct blk_io **out, struct av_err *err)
{
	struct blk_io *io = calloc(1, sizeof(*io));
	int ret;

	if (!io) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	io->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ret = io->event_fd < 0 ? -errno : open_ring(io, want);
	if (ret) {
		if (io->event_fd >= 0) {
			close(io->event_fd);
		}
		free(io);
		return av_err_set(err, ret,
				  want == BLK_URING
					  ? "no io_uring here: %s; leave out "
					    "io=uring"
					  : "no eventfd for file access: %s",
				  strerror(-ret));
	}
	io->idle = idle;
	io->ctx = ctx;
	uv_poll_init(loop, &io->poll, io->event_fd);
	io->poll.data = io;
	uv_poll_start(&io->poll, UV_READABLE, on_event);
	*out = io;
	return 0;
}

int blk_io_ready(struct blk_io *io, struct av_err *err)
{
	int ret = io->uring ? 0 : blk_pool_open(io->event_fd, &io->pool);

	return ret ? av_err_set(err, ret, "no threads for file access: %s",
				strerror(-ret))
		   : 0;
}

static void on_closed(uv_handle_t *h)
{
	struct blk_io *io = h->data;

	close(io->event_fd);
	free(io);
}

void blk_io_close(struct blk_io *io)
{
	if (!io) {
		return;
	}
	blk_uring_close(io->uring);
	blk_pool_close(io->pool);
	uv_close((uv_handle_t *)&io->poll, on_closed);
}

enum blk_engine blk_io_engine(const struct blk_io *io)
{
	return io->uring ? BLK_URING : BLK_THREADS;
}

void blk_io_submit(struct blk_io *io, struct blk_job *j)
{
	io->pending++;
	if (io->uring) {
		blk_uring_submit(io->uring, j);
	} else {
		blk_pool_submit(io->pool, j);
	}
}

void blk_io_start(struct blk_io *io)
{
	if (io->uring) {
		blk_uring_start(io->uring);
	}
}

void blk_io_wait(struct blk_io *io)
{
	if (io->pending) {
		blk_io_start(io);
		finish_all(io, true);
	}
}

unsigned int blk_io_pending(const struct blk_io *io)
{
	return io->pending;
}
