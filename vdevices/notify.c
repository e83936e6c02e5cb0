/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIO by its system calls. A completion is also put into a ring that the
 * kernel shares with us; it is taken out there, without another call.
 */
#include "config.h"

#include "vdevices/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	RING_MAGIC = 0xa10a10a1, /* of fs/aio.c */
};

/* Begin of the ring; events follow. The context's id is its address. */
struct ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_len;
};

struct notify {
	aio_context_t ctx;
	int null_fd; /* write-only */
};

struct notify *notify_create(void)
{
	struct notify *n = calloc(1, sizeof(*n));
	const struct ring *r;

	if (!n) {
		return NULL;
	}
	n->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (n->null_fd < 0 || syscall(SYS_io_setup, 1, &n->ctx)) {
		n->ctx = 0;
		notify_destroy(n);
		return NULL;
	}
	r = (const struct ring *)n->ctx;
	if (r->magic != (uint32_t)RING_MAGIC || r->incompat) {
		notify_destroy(n);
		return NULL;
	}
	return n;
}

void notify_destroy(struct notify *n)
{
	if (!n) {
		return;
	}
	if (n->ctx) {
		syscall(SYS_io_destroy, n->ctx);
	}
	if (n->null_fd >= 0) {
		close(n->null_fd);
	}
	free(n);
}

static int submit(const struct notify *n, uint16_t op, int fd)
{
	struct iocb cb = {
		.aio_lio_opcode = op,
		.aio_fildes = (uint32_t)n->null_fd,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *list = &cb;

	return syscall(SYS_io_submit, n->ctx, 1L, &list) == 1 ? 0 : -errno;
}

int notify_signal(struct notify *n, int fd)
{
	struct ring *r;
	uint64_t one = 1;
	int ret;

	if (!n) {
		return write(fd, &one, sizeof(one)) < 0 ? -errno : 0;
	}
	ret = submit(n, IOCB_CMD_PWRITE, fd);
	r = (struct ring *)n->ctx;
	__atomic_store_n(&r->head, __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	return ret;
}

/* The descriptor is looked at before the request, and ours fails: a file that
 * is only written cannot be read. */
bool notify_takes(const struct notify *n, int fd)
{
	return !n || submit(n, IOCB_CMD_PREAD, fd) == -EBADF;
}
