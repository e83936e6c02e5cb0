/* SPDX-License-Identifier: Apache-2.0 */
/* A device's state, through a pipe as crosvm does it. */
#include "config.h"

#include "front_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Says which way, with the pipe's end @fd, which is closed. */
static int begin(struct front *f, bool load, int fd)
{
	struct vu_transfer t = { .direction = load };
	uint64_t answer = 0;
	int got = -1;
	int ret = front_send(f, VU_SET_DEVICE_STATE_FD, 0, &t, sizeof(t), &fd,
			     1);

	close(fd);
	if (ret == 0) {
		ret = front_recv(f, VU_SET_DEVICE_STATE_FD, &answer, 8, &got);
	}
	if (got >= 0) {
		close(got);
	}
	if (ret < 0) {
		return ret;
	}
	return answer & 0xff ? front_fail(f, -EREMOTEIO, "state: refused") : 0;
}

static int verdict(struct front *f)
{
	uint64_t v = 0;
	int ret = front_get_u64(f, VU_CHECK_DEVICE_STATE, &v);

	if (ret < 0) {
		return ret;
	}
	return v ? front_fail(f, -EREMOTEIO, "state: it has failed") : 0;
}

/* The verdict is asked for in any case: it is of the last transfer. */
static int judged(struct front *f, int ret)
{
	int check = ret == 0 || ret == -EREMOTEIO ? verdict(f) : ret;

	return ret < 0 && check == 0 ? ret : check;
}

ssize_t front_save(struct front *f, void *buf, size_t max)
{
	size_t len = 0;
	ssize_t n = 1;
	int p[2], ret;

	if (pipe2(p, O_CLOEXEC) < 0) {
		return -errno;
	}
	ret = begin(f, false, p[1]);
	while (ret == 0 && len < max && n > 0) {
		n = read(p[0], (uint8_t *)buf + len, max - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(p[0]);
	ret = judged(f, ret);
	return ret < 0 ? ret : (ssize_t)len;
}

int front_load(struct front *f, const void *buf, size_t len)
{
	int p[2], ret;

	if (pipe2(p, O_CLOEXEC) < 0) {
		return -errno;
	}
	fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
	/* nobody reads before it is closed */
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	ret = write(p[1], buf, len) == (ssize_t)len ? 0 : -EFBIG;
	if (ret < 0) {
		close(p[0]);
		close(p[1]);
		return front_fail(f, ret, "a state of %zu bytes", len);
	}
	ret = begin(f, true, p[0]);
	close(p[1]);
	return judged(f, ret);
}
