/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection: message orders as QEMU 10 (hw/virtio/vhost.c, vhost-user.c)
 * and crosvm (vhost_user_frontend) send them.
 */
#include "config.h"

#include "front_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 253 /* the kernel's own limit */
#define STATUS_DRIVER_OK 0x0f
#define PF(bit) (1ull << (bit))

int front_fail(struct front *f, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return code;
}

struct front_mem *front_mem(const struct front *f)
{
	return f->o.mem;
}

const char *front_why(const struct front *f)
{
	return f->why;
}

int front_socket(const struct front *f)
{
	return f->sock;
}

uint64_t front_offered(const struct front *f)
{
	return f->offered & ~VHOST_USER_F_PROTOCOL_FEATURES;
}

uint64_t front_features(const struct front *f)
{
	return f->features & ~VHOST_USER_F_PROTOCOL_FEATURES;
}

uint64_t front_protocol(const struct front *f)
{
	return f->pf;
}

unsigned int front_n_queues(const struct front *f)
{
	return f->n_queues;
}

int front_inflight_fd(const struct front *f)
{
	return f->inflight_fd;
}

bool front_has_pf(const struct front *f, enum vu_protocol_feature bit)
{
	return f->pf & PF(bit);
}

/* ---- messages ---- */

int front_send_raw(struct front *f, const void *bytes, size_t len,
		   const int *fds, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *c;

		memset(&ctl, 0, sizeof(ctl));
		m.msg_control = ctl.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	while (iov.iov_len) {
		n = sendmsg(f->sock, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			int e = errno == EPIPE ? ECONNRESET : errno;

			return front_fail(f, -e, "cannot send: %s",
					  strerror(e));
		}
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	return 0;
}

int front_send(struct front *f, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, const int *fds, size_t n_fds)
{
	uint8_t buf[sizeof(struct vu_header) + VU_MAX_PAYLOAD];
	struct vu_header h = { request, VU_VERSION | flags, size };

	if (size > VU_MAX_PAYLOAD) {
		return front_fail(f, -E2BIG, "payload of %u bytes", size);
	}
	memcpy(buf, &h, sizeof(h));
	if (size) {
		memcpy(buf + sizeof(h), payload, size);
	}
	return front_send_raw(f, buf, sizeof(h) + size, fds, n_fds);
}

/* Exactly @len bytes and at most one descriptor. */
static int recv_all(struct front *f, int sock, void *buf, size_t len, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} ctl;
	uint8_t *p = buf;

	while (len) {
		struct pollfd pfd = { .fd = sock, .events = POLLIN };
		struct iovec iov = { .iov_base = p, .iov_len = len };
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = ctl.buf,
			.msg_controllen = sizeof(ctl.buf),
		};
		ssize_t n;

		if (poll(&pfd, 1, FRONT_WAIT_MS) == 0) {
			return front_fail(f, -ETIMEDOUT, "no answer");
		}
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return front_fail(f, -ECONNRESET, "the device hung up");
		}
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c;
		     c = CMSG_NXTHDR(&m, c)) {
			size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < k; i++) {
				int got;

				memcpy(&got, CMSG_DATA(c) + i * sizeof(int),
				       sizeof(int));
				if (fd && *fd < 0) {
					*fd = got;
				} else {
					close(got);
				}
			}
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int front_recv(struct front *f, uint32_t request, void *payload, uint32_t max,
	       int *fd)
{
	struct vu_header h;
	int ret;

	if (fd) {
		*fd = -1;
	}
	ret = recv_all(f, f->sock, &h, sizeof(h), fd);
	if (ret < 0) {
		return ret;
	}
	if (h.request != request || h.size > max ||
	    (h.flags & (VU_FLAG_VERSION | VU_FLAG_REPLY)) !=
		    (VU_VERSION | VU_FLAG_REPLY)) {
		return front_fail(f, -EPROTO,
				  "reply to %u, flags 0x%x, size %u; want one "
				  "to %u of at most %u",
				  h.request, h.flags, h.size, request, max);
	}
	ret = recv_all(f, f->sock, payload, h.size, NULL);
	return ret < 0 ? ret : (int)h.size;
}

int front_get_u64(struct front *f, uint32_t request, uint64_t *out)
{
	int ret = front_send(f, request, 0, NULL, 0, NULL, 0);

	if (ret == 0) {
		ret = front_recv(f, request, out, 8, NULL);
	}
	if (ret < 0) {
		return ret;
	}
	return ret == 8 ? 0
			: front_fail(f, -EPROTO, "a reply of %d bytes", ret);
}

int front_barrier(struct front *f)
{
	uint64_t ignore;

	return front_get_u64(f, VU_GET_FEATURES, &ignore);
}

int front_send_ack(struct front *f, uint32_t request, const void *payload,
		   uint32_t size, const int *fds, size_t n_fds)
{
	uint64_t answer;
	int ret = front_send(f, request, VU_FLAG_NEED_REPLY, payload, size, fds,
			     n_fds);

	if (ret == 0) {
		ret = front_recv(f, request, &answer, 8, NULL);
	}
	if (ret < 0) {
		return ret;
	}
	if (ret != 8) {
		return front_fail(f, -EPROTO, "an answer of %d bytes", ret);
	}
	return answer ? front_fail(f, -EREMOTEIO, "request %u was refused",
				   request)
		      : 0;
}

/* A message that QEMU sends without wanting an answer. */
static int tell(struct front *f, uint32_t request, const void *payload,
		uint32_t size, int fd)
{
	if (f->o.all_acks && front_has_pf(f, VU_PF_REPLY_ACK)) {
		return front_send_ack(f, request, payload, size, &fd, fd >= 0);
	}
	return front_send(f, request, 0, payload, size, &fd, fd >= 0);
}

static int tell_u64(struct front *f, uint32_t request, uint64_t v, int fd)
{
	return tell(f, request, &v, 8, fd);
}

int front_get_config(struct front *f, uint32_t off, void *buf, uint32_t len)
{
	struct vu_config c = { .offset = off, .size = len };
	uint32_t size = (uint32_t)offsetof(struct vu_config, data) + len;
	int ret;

	if (len > VU_CONFIG_MAX) {
		return front_fail(f, -E2BIG, "config of %u bytes", len);
	}
	ret = front_send(f, VU_GET_CONFIG, 0, &c, size, NULL, 0);
	if (ret == 0) {
		ret = front_recv(f, VU_GET_CONFIG, &c, sizeof(c), NULL);
	}
	if (ret < 0) {
		return ret;
	}
	if (ret == 0) {
		return front_fail(f, -ENODATA, "config window refused");
	}
	if ((uint32_t)ret != size || c.offset != off || c.size != len) {
		return front_fail(f, -EPROTO, "config reply of %d bytes", ret);
	}
	memcpy(buf, c.data, len);
	return 0;
}

int front_set_config(struct front *f, uint32_t off, const void *buf,
		     uint32_t len, uint32_t flags)
{
	struct vu_config c = { .offset = off, .size = len, .flags = flags };
	uint32_t size = (uint32_t)offsetof(struct vu_config, data) + len;

	if (len > VU_CONFIG_MAX) {
		return front_fail(f, -E2BIG, "config of %u bytes", len);
	}
	memcpy(c.data, buf, len);
	if (front_has_pf(f, VU_PF_REPLY_ACK)) {
		return front_send_ack(f, VU_SET_CONFIG, &c, size, NULL, 0);
	}
	return front_send(f, VU_SET_CONFIG, 0, &c, size, NULL, 0);
}

int front_config_changes(struct front *f, int timeout_ms)
{
	struct pollfd p = { .fd = f->be_sock, .events = POLLIN };
	int n = 0;

	while (f->be_sock >= 0 && poll(&p, 1, n ? 0 : timeout_ms) > 0) {
		struct vu_header h;
		uint64_t zero = 0;
		int ret = recv_all(f, f->be_sock, &h, sizeof(h), NULL);

		if (ret < 0) {
			return ret;
		}
		if (h.request != VU_BE_CONFIG_CHANGE || h.size) {
			return front_fail(f, -EPROTO, "back-end request %u",
					  h.request);
		}
		if (h.flags & VU_FLAG_NEED_REPLY) {
			struct vu_header r = { h.request,
					       VU_VERSION | VU_FLAG_REPLY, 8 };
			struct iovec iov[2] = { { &r, sizeof(r) },
						{ &zero, 8 } };
			struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

			if (sendmsg(f->be_sock, &m, MSG_NOSIGNAL) < 0) {
				return -errno;
			}
		}
		n++;
	}
	return n;
}

int front_hung_up(struct front *f, int timeout_ms)
{
	struct pollfd p = { .fd = f->sock, .events = POLLRDHUP };

	if (poll(&p, 1, timeout_ms) > 0) {
		return front_fail(f, -ECONNRESET, "the device hung up");
	}
	return 0;
}

/* ---- at the VMM's start ---- */

int front_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, ret;

	if (strlen(path) >= sizeof(a.sun_path)) {
		return -ENAMETOOLONG;
	}
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		ret = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return ret;
	}
	return fd;
}

static int connect_to(struct front *f, const char *path)
{
	struct timeval tv = { .tv_sec = FRONT_WAIT_MS / 1000 };
	int fd = path ? front_connect(path) : f->sock;

	if (fd < 0) {
		return front_fail(f, fd, "cannot connect to %s: %s", path,
				  strerror(-fd));
	}
	f->sock = fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return 0;
}

static int open_channel(struct front *f)
{
	int sv[2], ret;

	if (!front_has_pf(f, VU_PF_BACKEND_REQ)) {
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
		return -errno;
	}
	f->be_sock = sv[0];
	ret = tell(f, VU_SET_BACKEND_REQ_FD, NULL, 0, sv[1]);
	close(sv[1]);
	return ret;
}

static int negotiate_protocol(struct front *f)
{
	uint64_t can = PF(VU_PF_MQ) | PF(VU_PF_LOG_SHMFD) |
		       PF(VU_PF_REPLY_ACK) | PF(VU_PF_BACKEND_REQ) |
		       PF(VU_PF_CONFIG) | PF(VU_PF_INFLIGHT_SHMFD) |
		       PF(VU_PF_RESET_DEVICE) | PF(VU_PF_CONFIGURE_MEM_SLOTS) |
		       PF(VU_PF_STATUS) | PF(VU_PF_DEVICE_STATE);
	uint64_t pf;
	int ret;

	if (!(f->offered & VHOST_USER_F_PROTOCOL_FEATURES)) {
		return 0;
	}
	if (f->o.order == FRONT_CROSVM) {
		can &= ~(PF(VU_PF_CONFIGURE_MEM_SLOTS) |
			 PF(VU_PF_INFLIGHT_SHMFD) | PF(VU_PF_LOG_SHMFD));
	}
	ret = front_get_u64(f, VU_GET_PROTOCOL_FEATURES, &pf);
	if (ret < 0) {
		return ret;
	}
	pf &= can & ~f->o.without_pf;
	/* not "tell": an answer is owed only once REPLY_ACK is agreed on */
	ret = front_send(f, VU_SET_PROTOCOL_FEATURES, 0, &pf, 8, NULL, 0);
	f->pf = pf;
	return ret;
}

static int ask_counts(struct front *f)
{
	uint64_t n = 1;
	int ret = 0;

	if (front_has_pf(f, VU_PF_MQ)) {
		ret = front_get_u64(f, VU_GET_QUEUE_NUM, &n);
	}
	if (ret == 0 && front_has_pf(f, VU_PF_CONFIGURE_MEM_SLOTS)) {
		ret = front_get_u64(f, VU_GET_MAX_MEM_SLOTS, &f->slots);
	}
	if (ret < 0) {
		return ret;
	}
	if (n == 0 || n > VU_MAX_QUEUES) {
		return front_fail(f, -EPROTO, "%llu queues",
				  (unsigned long long)n);
	}
	if (!f->n_queues) {
		f->n_queues = f->o.n_queues ? f->o.n_queues : (unsigned int)n;
		f->q = calloc(f->n_queues, sizeof(*f->q));
		for (unsigned int i = 0; f->q && i < f->n_queues; i++) {
			struct front_ring *r = &f->q[i].r;

			r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			r->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			r->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		}
	}
	return f->q ? 0 : -ENOMEM;
}

static void choose_features(struct front *f)
{
	uint64_t no = VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER |
		      VIRTIO_F_ACCESS_PLATFORM | VHOST_F_LOG_ALL;
	uint64_t want = f->o.want ? f->o.want : f->offered & ~no;

	if (f->o.order == FRONT_CROSVM) {
		/* what it lets through for vhost-user: 0-23, 50-63, and these
		 */
		want &= 0xfffc000000ffffffull | VIRTIO_F_VERSION_1 |
			VIRTIO_F_EVENT_IDX | VHOST_USER_F_PROTOCOL_FEATURES;
	}
	want |= f->o.also | VIRTIO_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES;
	f->features = want & f->offered & ~f->o.without;
}

static int hello_qemu(struct front *f)
{
	int ret;

	if ((ret = front_get_u64(f, VU_GET_FEATURES, &f->offered)) < 0 ||
	    (ret = negotiate_protocol(f)) < 0 || (ret = ask_counts(f)) < 0 ||
	    (ret = open_channel(f)) < 0 ||
	    (ret = tell(f, VU_SET_OWNER, NULL, 0, -1)) < 0 ||
	    (ret = front_get_u64(f, VU_GET_FEATURES, &f->offered)) < 0) {
		return ret;
	}
	for (unsigned int i = 0; i < f->n_queues; i++) {
		ret = tell_u64(f, VU_SET_VRING_CALL, i, f->q[i].r.call_fd);
		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

static int hello_crosvm(struct front *f)
{
	int ret;

	if ((ret = tell(f, VU_SET_OWNER, NULL, 0, -1)) < 0 ||
	    (ret = front_get_u64(f, VU_GET_FEATURES, &f->offered)) < 0 ||
	    (ret = negotiate_protocol(f)) < 0 || (ret = open_channel(f)) < 0) {
		return ret;
	}
	return ask_counts(f);
}

static int hello(struct front *f)
{
	int ret;

	f->pf = 0;
	ret = f->o.order == FRONT_CROSVM ? hello_crosvm(f) : hello_qemu(f);
	if (ret == 0) {
		choose_features(f);
	}
	return ret;
}

int front_open(const struct front_opts *o, struct front **out,
	       struct av_err *err)
{
	struct front *f = calloc(1, sizeof(*f));
	int ret;

	if (!f) {
		return -ENOMEM;
	}
	f->o = *o;
	f->be_sock = f->inflight_fd = -1;
	f->sock = o->path ? -1 : o->conn_fd;
	ret = connect_to(f, o->path);
	if (ret == 0) {
		ret = hello(f);
	}
	if (ret < 0) {
		av_err_set(err, ret, "%s", f->why);
		front_close(f);
		return ret;
	}
	*out = f;
	return 0;
}

static void hang_up(struct front *f)
{
	if (f->sock >= 0) {
		close(f->sock);
	}
	if (f->be_sock >= 0) {
		close(f->be_sock);
	}
	f->sock = f->be_sock = -1;
	memset(f->shared, 0, sizeof(f->shared));
}

static int move(struct front *f, const char *path, int fd, struct av_err *err)
{
	int ret;

	hang_up(f);
	f->sock = fd;
	ret = connect_to(f, path);
	if (ret == 0) {
		ret = hello(f);
	}
	return ret < 0 ? av_err_set(err, ret, "%s", f->why) : 0;
}

int front_move(struct front *f, const char *path, struct av_err *err)
{
	return move(f, path, -1, err);
}

int front_move_fd(struct front *f, int conn_fd, struct av_err *err)
{
	return move(f, NULL, conn_fd, err);
}

void front_close(struct front *f)
{
	if (!f) {
		return;
	}
	hang_up(f);
	if (f->inflight_fd >= 0) {
		close(f->inflight_fd);
	}
	for (unsigned int i = 0; f->q && i < f->n_queues; i++) {
		front_queue_finish(&f->q[i]);
		close(f->q[i].r.kick_fd);
		close(f->q[i].r.call_fd);
		close(f->q[i].r.err_fd);
	}
	free(f->q);
	free(f);
}

/* ---- at DRIVER_OK ---- */

int front_set_features(struct front *f)
{
	return tell_u64(f, VU_SET_FEATURES, f->features, -1);
}

static int send_region(struct front *f, uint32_t request, unsigned int i)
{
	struct vu_mem_slot s = { .region = front_mem_region(f->o.mem, i) };
	int fd = front_mem_fd(f->o.mem, i);
	bool has_fd = request == VU_ADD_MEM_REG;

	if (front_has_pf(f, VU_PF_REPLY_ACK)) {
		return front_send_ack(f, request, &s, sizeof(s), &fd, has_fd);
	}
	return front_send(f, request, 0, &s, sizeof(s), &fd, has_fd);
}

static int send_table(struct front *f)
{
	struct vu_mem_table t = { .n = front_mem_count(f->o.mem) };
	uint32_t size = (uint32_t)(8 + t.n * sizeof(t.region[0]));
	int fds[VU_MAX_REGIONS];

	if (t.n > VU_MAX_REGIONS) {
		return front_fail(f, -E2BIG,
				  "%u regions without CONFIGURE_MEM_SLOTS",
				  t.n);
	}
	for (unsigned int i = 0; i < t.n; i++) {
		t.region[i] = front_mem_region(f->o.mem, i);
		fds[i] = front_mem_fd(f->o.mem, i);
	}
	if (f->o.order == FRONT_QEMU && front_has_pf(f, VU_PF_REPLY_ACK)) {
		return front_send_ack(f, VU_SET_MEM_TABLE, &t, size, fds, t.n);
	}
	return front_send(f, VU_SET_MEM_TABLE, 0, &t, size, fds, t.n);
}

int front_set_memory(struct front *f)
{
	unsigned int n = front_mem_count(f->o.mem);
	int ret = 0;

	if (f->o.order == FRONT_CROSVM ||
	    !front_has_pf(f, VU_PF_CONFIGURE_MEM_SLOTS)) {
		return send_table(f);
	}
	if (n > f->slots) {
		return front_fail(f, -E2BIG, "%u regions, %llu slots", n,
				  (unsigned long long)f->slots);
	}
	for (unsigned int i = 0; i < n && ret == 0; i++) {
		if (!f->shared[i]) {
			ret = send_region(f, VU_ADD_MEM_REG, i);
			f->shared[i] = ret == 0;
		}
	}
	return ret;
}

int front_ring_addr(struct front *f, unsigned int q, uint32_t flags)
{
	const struct front_ring *r = &f->q[q].r;
	struct vu_addr a = {
		.index = q,
		.flags = flags,
		.desc = front_mem_uva(f->o.mem, r->desc_gpa),
		.used = front_mem_uva(f->o.mem, r->used_gpa),
		.avail = front_mem_uva(f->o.mem, r->avail_gpa),
		.log = r->used_gpa,
	};

	return tell(f, VU_SET_VRING_ADDR, &a, sizeof(a), -1);
}

int front_ring_setup(struct front *f, unsigned int q)
{
	struct front_queue *fq = &f->q[q];
	struct front_ring *r = &fq->r;
	struct vu_state num = { q, 0 }, base = { q, 0 };
	int ret = front_queue_make(f, q);

	if (ret < 0) {
		return ret;
	}
	num.num = r->num;
	base.num = r->packed && f->o.base16 ? fq->base & 0xffff : fq->base;
	if ((ret = tell(f, VU_SET_VRING_NUM, &num, sizeof(num), -1)) < 0 ||
	    (ret = tell(f, VU_SET_VRING_BASE, &base, sizeof(base), -1)) < 0 ||
	    (ret = front_ring_addr(f, q, 0)) < 0) {
		return ret;
	}
	if (f->o.order == FRONT_CROSVM) {
		ret = tell_u64(f, VU_SET_VRING_CALL, q, r->call_fd);
		return ret < 0 ? ret
			       : tell_u64(f, VU_SET_VRING_KICK, q, r->kick_fd);
	}
	if ((ret = tell_u64(f, VU_SET_VRING_ERR, q, r->err_fd)) < 0 ||
	    (ret = tell_u64(f, VU_SET_VRING_KICK, q, r->kick_fd)) < 0) {
		return ret;
	}
	return tell_u64(f, VU_SET_VRING_CALL, q, r->call_fd);
}

int front_ring_enable(struct front *f, unsigned int q, bool on)
{
	struct vu_state s = { q, on };

	if (!(f->features & VHOST_USER_F_PROTOCOL_FEATURES)) {
		return 0;
	}
	return tell(f, VU_SET_VRING_ENABLE, &s, sizeof(s), -1);
}

static int inflight_start(struct front *f)
{
	int ret;

	if (!f->o.inflight || !front_has_pf(f, VU_PF_INFLIGHT_SHMFD)) {
		return 0;
	}
	if (f->inflight_fd < 0) {
		struct vu_inflight ask = {
			.queues = (uint16_t)f->n_queues,
			.queue_size = f->o.queue_size ? f->o.queue_size : 256,
		};

		ret = front_send(f, VU_GET_INFLIGHT_FD, 0, &ask, sizeof(ask),
				 NULL, 0);
		if (ret == 0) {
			ret = front_recv(f, VU_GET_INFLIGHT_FD, &f->inflight,
					 sizeof(f->inflight), &f->inflight_fd);
		}
		if (ret < 0) {
			return ret;
		}
		if (ret != sizeof(f->inflight) || f->inflight_fd < 0) {
			return front_fail(f, -EPROTO, "no in-flight table");
		}
	}
	return tell(f, VU_SET_INFLIGHT_FD, &f->inflight, sizeof(f->inflight),
		    f->inflight_fd);
}

static int start(struct front *f)
{
	uint64_t status;
	int ret;

	if ((ret = front_set_features(f)) < 0 ||
	    (ret = inflight_start(f)) < 0 || (ret = front_set_memory(f)) < 0) {
		return ret;
	}
	for (unsigned int i = 0; i < f->n_queues; i++) {
		ret = front_ring_setup(f, i);
		if (ret < 0) {
			return ret;
		}
	}
	for (unsigned int i = 0; i < f->n_queues && !f->o.no_enable; i++) {
		ret = front_ring_enable(f, i, true);
		if (ret < 0) {
			return ret;
		}
	}
	if (front_has_pf(f, VU_PF_STATUS)) {
		if ((ret = front_get_u64(f, VU_GET_STATUS, &status)) < 0 ||
		    (ret = tell_u64(f, VU_SET_STATUS, status | STATUS_DRIVER_OK,
				    -1)) < 0) {
			return ret;
		}
	}
	return front_barrier(f);
}

int front_start(struct front *f, struct av_err *err)
{
	int ret = start(f);

	return ret < 0 ? av_err_set(err, ret, "%s", f->why) : 0;
}

int front_ring_stop(struct front *f, unsigned int q, uint32_t *base)
{
	struct vu_state s = { q, 0 };
	int ret = front_send(f, VU_GET_VRING_BASE, 0, &s, sizeof(s), NULL, 0);

	if (ret == 0) {
		ret = front_recv(f, VU_GET_VRING_BASE, &s, sizeof(s), NULL);
	}
	if (ret < 0) {
		return ret;
	}
	if (ret != sizeof(s) || s.index != q) {
		return front_fail(f, -EPROTO, "base of ring %u for %u", s.index,
				  q);
	}
	f->q[q].base = s.num;
	if (base) {
		*base = s.num;
	}
	return 0;
}

static int stop(struct front *f)
{
	int ret;

	for (unsigned int i = 0; i < f->n_queues; i++) {
		ret = front_ring_enable(f, i, false);
		if (ret < 0) {
			return ret;
		}
	}
	for (unsigned int i = 0; i < f->n_queues; i++) {
		ret = f->q[i].r.num ? front_ring_stop(f, i, NULL) : 0;
		if (ret < 0) {
			return ret;
		}
	}
	return front_has_pf(f, VU_PF_STATUS) ? tell_u64(f, VU_SET_STATUS, 0, -1)
					     : 0;
}

int front_stop(struct front *f, struct av_err *err)
{
	int ret = stop(f);

	return ret < 0 ? av_err_set(err, ret, "%s", f->why) : 0;
}

int front_reset(struct front *f, struct av_err *err)
{
	int ret = stop(f);

	if (ret == 0 && front_has_pf(f, VU_PF_RESET_DEVICE)) {
		ret = tell(f, VU_RESET_DEVICE, NULL, 0, -1);
	}
	if (ret < 0) {
		return av_err_set(err, ret, "%s", f->why);
	}
	for (unsigned int i = 0; i < f->n_queues; i++) {
		if (f->q[i].r.num) {
			front_queue_reset(&f->q[i]);
		}
	}
	if (f->inflight_fd >= 0) {
		close(f->inflight_fd);
		f->inflight_fd = -1;
	}
	return 0;
}

int front_reconnect(struct front *f, const char *path, struct av_err *err)
{
	int ret = front_move(f, path, err);

	if (ret < 0) {
		return ret;
	}
	for (unsigned int i = 0; ret == 0 && i < f->n_queues; i++) {
		if (f->q[i].r.num) {
			f->q[i].base = front_queue_base(&f->q[i]);
		}
	}
	if (ret == 0) {
		ret = start(f);
	}
	return ret < 0 ? av_err_set(err, ret, "%s", f->why) : 0;
}
