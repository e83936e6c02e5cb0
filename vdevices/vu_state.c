/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives a back-end: the in-flight table, kept by the front-end for the
 * next one of us, and the device's state on its way through a pipe.
 *
 * Nobody waits for a pipe here: it is made large enough for the largest state,
 * written at once, and read when the front-end says that it has closed its end.
 */
#include "config.h"

#include "vdevices/vu_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SAVE = 0,
	LOAD = 1,
	NO_FD = 0x100, /* in the answer: use the one you sent */
};

/* ---- in-flight table ---- */

static bool packed(const struct vu *vu)
{
	return vu->features & VIRTIO_F_RING_PACKED;
}

/* A sealed file of @size with @n fresh tables. Return: it, or -errno. */
static int make_table(size_t size, unsigned int n, uint16_t num, bool is_packed)
{
	int fd =
		memfd_create("avsim-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *map;
	int ret;

	if (fd < 0) {
		return -errno;
	}
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
		    0) {
		goto fail;
	}
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		goto fail;
	}
	for (unsigned int i = 0; i < n; i++) {
		virtq_inflight_init(map + i * (size / n), num, is_packed);
	}
	munmap(map, size);
	return fd;

fail:
	ret = -errno;
	close(fd);
	return ret;
}

int vu_get_inflight_fd(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_inflight f = m->p.inflight;
	int ret;

	f.size = f.offset = 0;
	ret = trust_inflight(&f, vu->n_rings, packed(vu), err);
	if (ret < 0) {
		return ret;
	}
	f.size = f.queues * virtq_inflight_size(f.queue_size, packed(vu));
	ret = make_table(f.size, f.queues, f.queue_size, packed(vu));
	if (ret < 0) {
		return av_err_set(err, ret == -EPROTO ? -EIO : ret, "%s",
				  strerror(-ret));
	}
	m->reply_fd = ret;
	/* as long as the request: QEMU's structure ends in padding */
	memset(m->p.bytes, 0, m->h.size);
	m->p.inflight = f;
	m->reply_size = m->h.size;
	return 0;
}

int vu_set_inflight_fd(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_inflight f = m->p.inflight;
	struct gm_file *map;
	int64_t file_size;
	int fd, ret = trust_one_fd(m->n_fds, err);

	if (ret < 0) {
		return ret;
	}
	if (vu_any_running(vu)) {
		return av_err_set(err, -EBUSY, "queues run");
	}
	fd = vu_take_fd(m, 0);
	ret = gm_file_size(fd, &file_size);
	ret = ret ? ret
		  : trust_file(f.size, f.offset, file_size, "in-flight table",
			       err);
	ret = ret ? ret : trust_inflight(&f, vu->n_rings, packed(vu), err);
	if (ret < 0) {
		close(fd);
		return -EPROTO;
	}
	ret = gm_file_map(vu->mem, fd, f.size, f.offset, &map);
	close(fd);
	if (ret < 0) {
		return av_err_set(err, ret, "cannot map it: %s",
				  strerror(-ret));
	}
	gm_file_unmap(vu->inflight_map);
	vu->inflight_map = map;
	vu->inflight = f;
	vu->inflight_packed = packed(vu);
	return 0;
}

void *vu_inflight_of(const struct vu *vu, unsigned int index)
{
	const struct vu_inflight *f = &vu->inflight;
	uint8_t *p;

	if (!vu->inflight_map || index >= f->queues ||
	    vu->inflight_packed != packed(vu)) {
		return NULL;
	}
	p = gm_file_data(vu->inflight_map);
	return p + index * virtq_inflight_size(f->queue_size, packed(vu));
}

/* ---- device state ---- */

/* Pipes and sockets: O_NONBLOCK is the front-end's to take back, so each call
 * says it. Older kernels know that for sockets only. */
static int nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno
								       : 0;
}

static ssize_t write_some(int fd, const void *buf, size_t len)
{
	const struct iovec v = { .iov_base = (void *)(uintptr_t)buf,
				 .iov_len = len };
	ssize_t n = pwritev2(fd, &v, 1, -1, RWF_NOWAIT);

	return n < 0 && errno == EOPNOTSUPP ? write(fd, buf, len) : n;
}

static ssize_t read_some(int fd, void *buf, size_t len)
{
	const struct iovec v = { .iov_base = buf, .iov_len = len };
	ssize_t n = preadv2(fd, &v, 1, -1, RWF_NOWAIT);

	return n < 0 && errno == EOPNOTSUPP ? read(fd, buf, len) : n;
}

/* Return: 0 or -errno; -EAGAIN: it does not hold that much. */
static int write_all(int fd, const uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = write_some(fd, buf, len);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int save(struct vu *vu, int fd, struct av_err *err)
{
	uint8_t *buf = NULL;
	size_t len = 0;
	struct av_err why = { 0 };
	int ret = vu->ops->save(vu->ctx, &buf, &len, &why);

	if (ret < 0) {
		return av_err_set(err, ret, "the device cannot save: %s",
				  why.msg);
	}
	ret = len > VU_STATE_MAX ? -E2BIG : write_all(fd, buf, len);
	free(buf);
	if (ret < 0) {
		return av_err_set(err, ret, "%zu bytes of state: %s", len,
				  ret == -EAGAIN ? "the pipe is too small"
						 : strerror(-ret));
	}
	vu_note(vu, "state saved: %zu bytes", len);
	return 0;
}

int vu_set_device_state_fd(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	const struct vu_transfer t = m->p.transfer;
	struct stat st;
	int fd, ret = trust_one_fd(m->n_fds, err);

	ret = ret ? ret : trust_transfer(&t, err);
	if (ret < 0) {
		return ret;
	}
	if (vu_any_running(vu)) {
		return av_err_set(err, -EBUSY, "queues run");
	}
	fd = vu_take_fd(m, 0);
	ret = gm_fstat(fd, &st);
	ret = ret ? ret : trust_state_mode(st.st_mode) ? 0 : -EINVAL;
	ret = ret ? ret : nonblocking(fd);
	fcntl(fd, F_SETPIPE_SZ, VU_STATE_MAX); /* no pipe: it may do */
	vu_set_fd(&vu->state_fd, -1);
	if (ret < 0) {
		av_err_set(err, ret, "%s", strerror(-ret));
	} else if (t.direction == SAVE) {
		ret = save(vu, fd, err);
	}
	if (!ret && t.direction == LOAD) {
		vu->state_fd = fd;
	} else {
		close(fd);
	}
	vu->state_ret = ret;
	m->p.u64 = NO_FD;
	m->reply_size = sizeof(m->p.u64);
	return ret == -EPROTO ? -EIO : ret;
}

/* Return: bytes until the end, or -errno. */
static ssize_t read_all(int fd, uint8_t *buf, size_t max)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read_some(fd, buf + len, max - len);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n == 0) {
			return len < max ? (ssize_t)len : -E2BIG;
		}
		len += n > 0 ? (size_t)n : 0;
	}
}

/* Rings that ran here say nothing any more; load() may tell of those there. */
static int load_bytes(struct vu *vu, const uint8_t *buf, size_t len,
		      struct av_err *err)
{
	bool ran[VU_MAX_QUEUES];
	int ret;

	for (unsigned int i = 0; i < vu->n_rings; i++) {
		ran[i] = vu->ring[i].ran;
	}
	vu_rings_forget(vu);
	ret = vu->ops->load(vu->ctx, buf, len, err);
	for (unsigned int i = 0; ret && i < vu->n_rings; i++) {
		vu->ring[i].ran = ran[i];
	}
	if (!ret) {
		vu_note(vu, "state loaded: %zu bytes", len);
	}
	return ret;
}

static int load(struct vu *vu, struct av_err *err)
{
	uint8_t *buf = malloc(VU_STATE_MAX + 1);
	ssize_t n = -ENOMEM;
	int ret;

	if (buf) {
		n = read_all(vu->state_fd, buf, VU_STATE_MAX + 1);
	}
	vu_set_fd(&vu->state_fd, -1);
	if (vu_any_running(vu)) {
		ret = av_err_set(err, -EBUSY, "queues run");
	} else if (n < 0) {
		ret = av_err_set(err, (int)n, "%s",
				 n == -EAGAIN ? "its pipe was not closed"
					      : strerror((int)-n));
	} else {
		ret = load_bytes(vu, buf, (size_t)n, err);
	}
	free(buf);
	return ret;
}

int vu_check_device_state(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct av_err why = { 0 };
	int ret = vu->state_ret;

	vu->state_ret = 0;
	if (ret < 0) {
		return av_err_set(err, ret == -EPROTO ? -EIO : ret,
				  "it has failed before");
	}
	if (vu->state_fd >= 0) {
		ret = load(vu, &why);
	}
	if (ret < 0) {
		return av_err_set(err, ret == -EPROTO ? -EIO : ret,
				  "device state: %s", why.msg);
	}
	m->p.u64 = 0;
	m->reply_size = sizeof(m->p.u64);
	return 0;
}
