/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: bytes and descriptors in, replies out. Header and payload are
 * read in two steps, so that a message never swallows the next one's
 * descriptors, and a half message waits here for the rest. Nothing blocks: who
 * does not read its replies is hung up on.
 */
#include "config.h"

#include "vdevices/notify.h"
#include "vdevices/vu_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BUDGET = 32, /* messages a call */
	NOTES = 64,  /* a connection */
	NOTE_MAX = 640,
};

void vu_note(struct vu *vu, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list ap;

	if (vu->notes_left == 0) {
		return;
	}
	vu->notes_left--;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vu->ops->note(vu->ctx, text);
	if (vu->notes_left == 0) {
		vu->ops->note(vu->ctx, "too many remarks about this front-end; "
				       "no more until it connects again");
	}
}

/* ---- descriptors ---- */

void vu_set_fd(int *slot, int fd)
{
	if (*slot >= 0) {
		close(*slot);
	}
	*slot = fd;
}

int vu_take_fd(struct vu_msg *m, size_t i)
{
	int fd = i < m->n_fds ? m->fd[i] : -1;

	if (fd >= 0) {
		m->fd[i] = -1;
	}
	return fd;
}

void vu_close_fds(struct vu_msg *m)
{
	for (size_t i = 0; i < m->n_fds; i++) {
		vu_set_fd(&m->fd[i], -1);
	}
	m->n_fds = 0;
}

/* All queues of a device have the same one. */
static struct notify *notify(const struct vu *vu)
{
	return vu->n_rings ? virtq_get_notify(vu->ring[0].q) : NULL;
}

int vu_signal(const struct vu *vu, int fd)
{
	return notify_signal(notify(vu), fd);
}

bool vu_event_fd(const struct vu *vu, int fd)
{
	struct stat st;
	int flags;

	if (gm_fstat(fd, &st) || !trust_event_mode(st.st_mode)) {
		return false;
	}
	if (notify(vu)) {
		return notify_takes(notify(vu), fd);
	}
	/* who fills its counter shall not stop us, unless he goes to the
	 * trouble of taking the flag back */
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && (flags & O_NONBLOCK ||
			      fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

/* ---- features ---- */

bool vu_has(const struct vu *vu, enum vu_protocol_feature bit)
{
	return vu->protocol >> bit & 1;
}

uint64_t vu_offered(const struct vu *vu)
{
	return vu->ops->features(vu->ctx) | VHOST_F_LOG_ALL |
	       VHOST_USER_F_PROTOCOL_FEATURES;
}

uint64_t vu_offered_protocol(const struct vu *vu)
{
	uint64_t f = 1u << VU_PF_MQ | 1u << VU_PF_LOG_SHMFD |
		     1u << VU_PF_REPLY_ACK | 1u << VU_PF_BACKEND_REQ |
		     1u << VU_PF_INFLIGHT_SHMFD | 1u << VU_PF_RESET_DEVICE |
		     1u << VU_PF_CONFIGURE_MEM_SLOTS | 1u << VU_PF_STATUS;

	if (vu->ops->config_size(vu->ctx) > 0) {
		f |= 1u << VU_PF_CONFIG;
	}
	if (vu->ops->save && vu->ops->load) {
		f |= 1u << VU_PF_DEVICE_STATE;
	}
	return f;
}

bool vu_reads_config(const struct vu *vu)
{
	return vu_has(vu, VU_PF_CONFIG);
}

uint64_t vu_features(const struct vu *vu)
{
	return vu->features &
	       ~(VHOST_USER_F_PROTOCOL_FEATURES | VHOST_F_LOG_ALL);
}

/* ---- life ---- */

int vu_create(int fd, const struct vu_ops *ops, void *ctx,
	      struct virtq *const *queues, struct vu **out)
{
	unsigned int n = ops->n_queues(ctx);
	struct vu *vu;

	*out = NULL;
	vu = calloc(1, sizeof(*vu) + n * sizeof(vu->ring[0]));
	if (vu) {
		vu->mem = gm_create();
	}
	if (!vu || !vu->mem || n > VU_MAX_QUEUES) {
		int ret = n > VU_MAX_QUEUES ? -EINVAL : -ENOMEM;

		close(fd);
		if (vu) {
			gm_destroy(vu->mem);
		}
		free(vu);
		return ret;
	}
	vu->fd = fd;
	vu->ops = ops;
	vu->ctx = ctx;
	vu->backend_fd = vu->log_fd = vu->state_fd = -1;
	vu->notes_left = NOTES;
	vu->n_rings = n;
	for (unsigned int i = 0; i < n; i++) {
		vu->ring[i].q = queues[i];
		vu->ring[i].kick_fd = -1;
		vu->ring[i].call_fd = -1;
		vu->ring[i].err_fd = -1;
	}
	*out = vu;
	return 0;
}

void vu_destroy(struct vu *vu)
{
	if (!vu) {
		return;
	}
	vu_rings_stop(vu);
	vu->ops->reset(vu->ctx);
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu_set_fd(&vu->ring[i].kick_fd, -1);
		vu_set_fd(&vu->ring[i].call_fd, -1);
		vu_set_fd(&vu->ring[i].err_fd, -1);
	}
	vu_close_fds(&vu->m);
	vu_set_fd(&vu->backend_fd, -1);
	vu_set_fd(&vu->log_fd, -1);
	vu_set_fd(&vu->state_fd, -1);
	vu_set_fd(&vu->fd, -1);
	gm_file_unmap(vu->inflight_map);
	gm_destroy(vu->mem);
	free(vu);
}

/* ---- out ---- */

int vu_send(int sock, uint32_t request, uint32_t flags, const void *payload,
	    uint32_t size, int fd)
{
	struct vu_header h = { .request = request,
			       .flags = flags | VU_VERSION,
			       .size = size };
	struct iovec iov[2] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = (void *)payload, .iov_len = size },
	};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} c = { 0 };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *cm;

		mh.msg_control = c.buf;
		mh.msg_controllen = sizeof(c.buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	}
	do {
		n = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return -errno;
	}
	return (size_t)n == sizeof(h) + size ? 0 : -EIO;
}

static void send_config_change(struct vu *vu)
{
	int ret;

	if (!vu->config_pending || vu->backend_fd < 0) {
		return;
	}
	ret = vu_send(vu->backend_fd, VU_BE_CONFIG_CHANGE, 0, NULL, 0, -1);
	if (ret == -EAGAIN) {
		return; /* again when it talks to us */
	}
	vu->config_pending = false;
	if (ret < 0) {
		vu_set_fd(&vu->backend_fd, -1);
	}
}

void vu_config_changed(struct vu *vu)
{
	if (vu_has(vu, VU_PF_CONFIG) && vu->backend_fd >= 0) {
		vu->config_pending = true;
		send_config_change(vu);
	}
}

/* ---- in ---- */

/* Return: bytes, 0 end of file, -errno. Descriptors are added to @m. */
static ssize_t receive(int sock, struct vu_msg *m, void *buf, size_t len,
		       struct av_err *err)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * VU_FDS)];
	} c;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = c.buf,
			     .msg_controllen = sizeof(c.buf) };
	bool too_many;
	ssize_t n;

	do {
		n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return -errno;
	}
	too_many = mh.msg_flags & MSG_CTRUNC;
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&mh); cm;
	     cm = CMSG_NXTHDR(&mh, cm)) {
		size_t n_fds;

		if (cm->cmsg_level != SOL_SOCKET ||
		    cm->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		n_fds = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n_fds; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			       sizeof(fd));
			if (m->n_fds < VU_FDS) {
				m->fd[m->n_fds++] = fd;
			} else {
				close(fd);
				too_many = true;
			}
		}
	}
	if (too_many) {
		return av_err_set(err, -EPROTO,
				  "more than %d descriptors in a message, or "
				  "no room for them",
				  VU_FDS);
	}
	return n;
}

static int hung_up(const struct vu_msg *m, struct av_err *err)
{
	if (m->have == 0 && m->n_fds == 0) {
		return av_err_set(err, -ECONNRESET, "the front-end hung up");
	}
	return av_err_set(err, -EPROTO,
			  "the front-end hung up in the middle of a message");
}

/* Return: 1 a whole message, 0 not yet, -errno. */
static int fill(struct vu *vu, struct av_err *err)
{
	struct vu_msg *m = &vu->m;

	for (;;) {
		size_t want = sizeof(m->h);
		uint8_t *to = (uint8_t *)&m->h + m->have;
		ssize_t n;

		if (m->have >= sizeof(m->h)) {
			want += m->h.size;
			to = m->p.bytes + (m->have - sizeof(m->h));
			if (m->have == want) {
				return 1;
			}
		}
		n = receive(vu->fd, m, to, want - m->have, err);
		if (n == -EAGAIN) {
			return 0;
		}
		if (n == 0 || n == -ECONNRESET || n == -EPIPE) {
			return hung_up(m, err);
		}
		if (n < 0) {
			if (n != -EPROTO) {
				av_err_set(err, (int)n, "cannot receive: %s",
					   strerror((int)-n));
			}
			return (int)n;
		}
		m->have += (size_t)n;
		if (m->have == sizeof(m->h)) {
			struct av_err why = { 0 };
			int ret = trust_msg(&m->h, m->n_fds,
					    vu_msg_shape(m->h.request), &why);

			if (ret < 0) {
				return av_err_set(err, ret, "%s: %s",
						  vu_msg_name(m->h.request),
						  why.msg);
			}
		}
	}
}

static int one_message(struct vu *vu, struct av_err *err)
{
	int ret = fill(vu, err);

	if (ret <= 0) {
		return ret;
	}
	ret = vu_msg_handle(vu, err);
	vu_close_fds(&vu->m);
	vu->m.have = 0;
	if (!ret && gm_broken(vu->mem)) {
		ret = av_err_set(err, -EPROTO, "a shared file was truncated");
	}
	return ret ? ret : 1;
}

int vu_input(struct vu *vu, struct av_err *err)
{
	int ret = 1;

	if (vu->over) {
		return av_err_set(err, vu->over, "the connection is over");
	}
	send_config_change(vu);
	for (int i = 0; i < BUDGET && ret > 0; i++) {
		ret = one_message(vu, err);
	}
	vu->over = ret < 0 ? ret : 0;
	return ret;
}

/* ---- queues ---- */

bool vu_kicked(struct vu *vu, unsigned int q)
{
	struct vu_ring *r = &vu->ring[q];
	uint64_t count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };

	/* not read(): whether that blocks is up to the front-end, which has
	 * the same open file */
	if (r->kick_fd >= 0 &&
	    preadv2(r->kick_fd, &iov, 1, -1, RWF_NOWAIT) < 0 &&
	    errno != EAGAIN && errno != EINTR) {
		vu_note(vu, "queue %u: kick descriptor unusable: %s", q,
			strerror(errno));
		vu->ops->watch_kick(vu->ctx, q, -1);
	}
	virtq_count_kick(r->q);
	return r->running;
}

int vu_check(struct vu *vu)
{
	send_config_change(vu);
	if (vu->log_fd >= 0 && gm_log_take(vu->mem)) {
		int ret = vu_signal(vu, vu->log_fd);

		if (ret < 0 && ret != -EAGAIN) {
			vu_set_fd(&vu->log_fd, -1);
		}
	}
	return gm_broken(vu->mem) ? -EFAULT : 0;
}

bool vu_queue_runs(const struct vu *vu, unsigned int q)
{
	return vu->ring[q].running;
}
