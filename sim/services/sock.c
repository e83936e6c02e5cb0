/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Non-blocking sockets polled by libuv. A connection writes straight to the
 * socket; what does not fit is refused to the service (it keeps its own queue)
 * and on_writable follows. Bytes taken before close are in the kernel already,
 * so closing needs no lingering.
 *
 * Out of descriptors: accept() would fail for ever with the connection still in
 * the backlog, and the poll would spin. One descriptor is kept in reserve; it
 * is given up to accept and drop the connection, then taken again.
 */
#include "config.h"

#include "sim/services/sock.h"

#include "sim/core/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>
#include <unistd.h>

#define READ_SIZE 65536
#define ACCEPT_BATCH 64
#define BACKLOG 128

struct conn {
	struct av_stream s;
	struct sock_listener *l; /* NULL for an outgoing one */
	struct conn *next, *prev;
	uv_poll_t poll;
	int fd;
	bool held, want_write, closing;
	bool eof; /* the peer sends no more, and the service knows */
	char peer[64];
};

struct sock_listener {
	uv_loop_t *loop;
	uv_poll_t poll;
	struct av_acceptor *acceptor;
	struct conn *conns;
	unsigned int n_conns;
	uint64_t refused;
	int fd, reserve;
	char path[108]; /* unix socket to remove, "" = none */
	bool closed;
};

/* ---- connections ---- */

static void on_conn(uv_poll_t *p, int status, int events);

static void conn_poll(struct conn *c)
{
	int events = (c->held || c->eof ? 0 : UV_READABLE) |
		     (c->want_write ? UV_WRITABLE : 0);

	/* a service that knows halves reads up to the end, held or not */
	if (!c->s.on_eof) {
		events |= UV_DISCONNECT;
	}
	if (events) {
		uv_poll_start(&c->poll, events, on_conn);
	} else {
		uv_poll_stop(&c->poll);
	}
}

static void conn_freed(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct sock_listener *l = c->l;

	close(c->fd);
	free(c);
	if (l && --l->n_conns == 0 && l->closed) {
		free(l);
	}
}

static void conn_unlink(struct conn *c)
{
	if (c->closing) {
		return;
	}
	c->closing = true;
	if (c->l) {
		if (c->prev) {
			c->prev->next = c->next;
		} else {
			c->l->conns = c->next;
		}
		if (c->next) {
			c->next->prev = c->prev;
		}
	}
	uv_close((uv_handle_t *)&c->poll, conn_freed);
}

static void conn_lost(struct conn *c)
{
	if (!c->closing && c->s.on_closed) {
		c->s.on_closed(&c->s);
	}
	conn_unlink(c);
}

static ssize_t conn_write(struct av_stream *s, const void *buf, size_t len)
{
	struct conn *c = (struct conn *)s;
	size_t done = 0;

	if (c->closing) {
		return -EPIPE;
	}
	while (done < len) {
		ssize_t n = send(c->fd, (const char *)buf + done, len - done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
			      errno == ENOBUFS)) {
			c->want_write = true;
			conn_poll(c);
			break;
		}
		if (n < 0) {
			return -errno; /* the poll reports it as closed */
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static void conn_hold(struct av_stream *s, bool hold)
{
	struct conn *c = (struct conn *)s;

	if (!c->closing && c->held != hold) {
		c->held = hold;
		conn_poll(c);
	}
}

static void conn_close(struct av_stream *s)
{
	struct conn *c = (struct conn *)s;

	c->s.on_closed = NULL;
	conn_unlink(c);
}

static void conn_end(struct av_stream *s)
{
	struct conn *c = (struct conn *)s;

	if (!c->closing) {
		shutdown(c->fd, SHUT_WR);
	}
}

static const struct av_stream_ops conn_ops = {
	.write = conn_write,
	.hold = conn_hold,
	.close = conn_close,
	.end = conn_end,
};

static void conn_read(struct conn *c)
{
	char buf[READ_SIZE];
	ssize_t n;

	/* one read a turn: a flooding peer does not starve the others */
	do {
		n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->s.on_data(&c->s, buf, (size_t)n);
	} else if (n == 0 && c->s.on_eof) {
		c->eof = true;
		conn_poll(c);
		c->s.on_eof(&c->s);
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
		conn_lost(c);
	}
}

static void on_conn(uv_poll_t *p, int status, int events)
{
	struct conn *c = p->data;

	if (status < 0) {
		conn_lost(c);
		return;
	}
	if ((events & UV_WRITABLE) && c->want_write) {
		c->want_write = false;
		conn_poll(c);
		c->s.on_writable(&c->s);
	}
	if (!c->closing && (events & (UV_READABLE | UV_DISCONNECT))) {
		if (c->held && c->s.on_eof) {
			conn_poll(c); /* its end is read when it is not held */
		} else if (c->held && (events & UV_DISCONNECT)) {
			conn_lost(c); /* nobody will read what is left */
		} else if (!c->held) {
			conn_read(c);
		}
	}
}

/* Takes @fd, also on failure. */
static struct conn *conn_create(uv_loop_t *loop, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c || uv_poll_init(loop, &c->poll, fd) < 0) {
		free(c);
		close(fd);
		return NULL;
	}
	c->fd = fd;
	c->poll.data = c;
	c->s.ops = &conn_ops;
	c->s.peer = c->peer;
	return c;
}

/* ---- listeners ---- */

static void name_peer(struct conn *c, const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(c->peer, sizeof(c->peer), "%s:%u", host,
			 ntohs(in->sin_port));
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;

		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		snprintf(c->peer, sizeof(c->peer), "[%s]:%u", host,
			 ntohs(in->sin6_port));
	} else if (sa->ss_family == AF_VSOCK) {
		const struct sockaddr_vm *vm = (const void *)sa;

		snprintf(c->peer, sizeof(c->peer), "cid %u port %u",
			 vm->svm_cid, vm->svm_port);
	} else {
		snprintf(c->peer, sizeof(c->peer), "unix");
	}
}

static void adopt(struct sock_listener *l, int fd,
		  const struct sockaddr_storage *sa)
{
	struct conn *c;
	int one = 1;

	if (l->n_conns >= SOCK_CONNS_MAX) {
		close(fd);
		l->refused++;
		return;
	}
	c = conn_create(l->loop, fd);
	if (!c) {
		l->refused++;
		return;
	}
	name_peer(c, sa);
	if (sa->ss_family == AF_INET || sa->ss_family == AF_INET6) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	c->l = l;
	l->n_conns++;
	c->next = l->conns;
	if (c->next) {
		c->next->prev = c;
	}
	l->conns = c;
	if (l->acceptor->accept(l->acceptor, &c->s) < 0) {
		c->s.on_closed = NULL;
		conn_unlink(c);
		l->refused++;
		return;
	}
	conn_poll(c);
}

static void drop_one(struct sock_listener *l)
{
	int fd;

	if (l->reserve >= 0) {
		close(l->reserve);
	}
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
	}
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	l->refused++;
}

static void on_listener(uv_poll_t *p, int status, int events)
{
	struct sock_listener *l = p->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t len = sizeof(sa);
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			adopt(l, fd, &sa);
		} else if (errno == EMFILE || errno == ENFILE) {
			drop_one(l);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* @fd listens already. */
static int listener_start(uv_loop_t *loop, int fd, struct av_acceptor *a,
			  struct sock_listener **out, struct av_err *err)
{
	struct sock_listener *l = calloc(1, sizeof(*l));

	if (!l || uv_poll_init(loop, &l->poll, fd) < 0) {
		int ret = l ? -errno : -ENOMEM;

		free(l);
		close(fd);
		return av_err_set(err, ret, "cannot listen for %s: %s", a->name,
				  strerror(-ret));
	}
	l->loop = loop;
	l->fd = fd;
	l->acceptor = a;
	l->poll.data = l;
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uv_poll_start(&l->poll, UV_READABLE, on_listener);
	*out = l;
	return 0;
}

static int unix_address(struct sockaddr_un *sa, const char *path,
			struct av_err *err)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path)) {
		return av_err_set(err, -ENAMETOOLONG,
				  "socket path is longer than %zu bytes: %s",
				  sizeof(sa->sun_path) - 1, path);
	}
	strcpy(sa->sun_path, path);
	return 0;
}

/* Whether @name can be taken; a socket there is a dead one, and goes. */
static bool free_name(const char *name)
{
	struct stat st;

	if (lstat(name, &st)) {
		return true;
	}
	return S_ISSOCK(st.st_mode) && !unlink(name);
}

/*
 * Bound under another name until it listens: whoever waits for the file to
 * appear can connect. Where that name is no use (too long by a letter, or
 * somebody's file) it appears a moment too early.
 */
static int appear(int fd, const struct sockaddr_un *sa, int backlog)
{
	struct sockaddr_un first = *sa;
	size_t len = strlen(sa->sun_path);
	mode_t mask;
	int ret;

	if (!free_name(sa->sun_path)) {
		return -EADDRINUSE;
	}
	if (len + 1 < sizeof(first.sun_path)) {
		memcpy(first.sun_path + len, "~", 2);
		if (!free_name(first.sun_path)) {
			first = *sa;
		}
	}
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&first, sizeof(first));
	umask(mask);
	if (ret < 0) {
		return -errno;
	}
	if (listen(fd, backlog) < 0 ||
	    rename(first.sun_path, sa->sun_path) < 0) {
		ret = -errno;
		unlink(first.sun_path);
	}
	return ret;
}

int sock_bind_unix(const char *path, int backlog, int *out, struct av_err *err)
{
	struct sockaddr_un sa;
	int fd, ret;

	ret = unix_address(&sa, path, err);
	if (ret < 0) {
		return ret;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return av_err_set(err, -errno, "cannot open a socket: %s",
				  strerror(errno));
	}
	/* somebody there? then it is not ours to take */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 ||
	    errno == EAGAIN) {
		close(fd);
		return av_err_set(err, -EADDRINUSE,
				  "%s is in use by another process: end it, "
				  "or take another folder or path",
				  path);
	}
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return av_err_set(err, -errno, "cannot open a socket: %s",
				  strerror(errno));
	}
	ret = appear(fd, &sa, backlog);
	if (ret < 0) {
		close(fd);
		return av_err_set(err, ret, "cannot make socket %s: %s", path,
				  strerror(-ret));
	}
	*out = fd;
	return 0;
}

int sock_listen_unix(uv_loop_t *loop, const char *path, struct av_acceptor *a,
		     struct sock_listener **out, struct av_err *err)
{
	int fd;
	int ret = sock_bind_unix(path, BACKLOG, &fd, err);

	ret = ret ? ret : listener_start(loop, fd, a, out, err);
	if (ret == 0) {
		strcpy((*out)->path, path);
	}
	return ret;
}

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	}
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(
		       &((const struct sockaddr_in6 *)(const void *)sa)
				->sin6_addr);
}

/* "PORT", "HOST:PORT", "[V6]:PORT" */
static int split_address(const char *address, char host[256], char port[16],
			 struct av_err *err)
{
	const char *colon = strrchr(address, ':');
	const char *p = colon ? colon + 1 : address;
	size_t len = colon ? (size_t)(colon - address) : 0;
	unsigned long n;
	char *end;

	if (len > 1 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	n = strtoul(p, &end, 10);
	if (end == p || *end || n > 65535 || len > 255) {
		return av_err_set(err, -EINVAL,
				  "want PORT or HOST:PORT, not '%.64s'",
				  address);
	}
	snprintf(host, 256, "%.*s", len ? (int)len : 9,
		 len ? address : "127.0.0.1");
	snprintf(port, 16, "%lu", n);
	return 0;
}

int sock_listen_vsock(uv_loop_t *loop, uint32_t port, struct av_acceptor *a,
		      struct sock_listener **out, struct av_err *err)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_ANY,
				  .svm_port = port };
	int fd =
		socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int ret = -errno;

		if (fd >= 0) {
			close(fd);
		}
		return av_err_set(
			err, ret, "cannot listen on AF_VSOCK port %u: %s%s",
			port, strerror(-ret),
			ret == -EAFNOSUPPORT ? "; the host's kernel needs the "
					       "module vhost_vsock"
					     : "");
	}
	return listener_start(loop, fd, a, out, err);
}

int sock_listen_tcp(uv_loop_t *loop, const char *address, struct av_acceptor *a,
		    struct sock_listener **out, unsigned int *port,
		    struct av_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *ai = NULL;
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char host[256], service[16];
	int fd = -1, one = 1, ret;

	ret = split_address(address, host, service, err);
	if (ret < 0) {
		return ret;
	}
	ret = getaddrinfo(host, service, &hints, &ai);
	if (ret != 0) {
		return av_err_set(err, -EINVAL, "no such address: %s: %s",
				  address, gai_strerror(ret));
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	}
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		ret = av_err_set(err, -errno, "cannot listen on %s: %s",
				 address, strerror(errno));
		goto fail;
	}
	if (!is_loopback(ai->ai_addr)) {
		av_log(AV_LOG_WARN, a->name,
		       "listens on %s: anybody who reaches this address "
		       "controls the vehicle",
		       address);
	}
	freeaddrinfo(ai);
	if (port && getsockname(fd, (struct sockaddr *)&bound, &len) == 0) {
		*port = ntohs(
			bound.ss_family == AF_INET6
				? ((struct sockaddr_in6 *)&bound)->sin6_port
				: ((struct sockaddr_in *)&bound)->sin_port);
	}
	return listener_start(loop, fd, a, out, err);

fail:
	if (fd >= 0) {
		close(fd);
	}
	freeaddrinfo(ai);
	return ret;
}

static void listener_freed(uv_handle_t *h)
{
	struct sock_listener *l = h->data;

	close(l->fd);
	if (l->reserve >= 0) {
		close(l->reserve);
	}
	l->closed = true;
	if (l->n_conns == 0) {
		free(l);
	}
}

void sock_listener_destroy(struct sock_listener *l)
{
	if (!l) {
		return;
	}
	if (l->path[0]) {
		unlink(l->path);
	}
	while (l->conns) {
		conn_lost(l->conns);
	}
	uv_close((uv_handle_t *)&l->poll, listener_freed);
}

void sock_listener_stats(const struct sock_listener *l, unsigned int *open_now,
			 uint64_t *refused)
{
	*open_now = l->n_conns;
	*refused = l->refused;
}

/* ---- outgoing ---- */

int sock_adopt(uv_loop_t *loop, int fd, const char *name,
	       struct av_stream **out)
{
	struct conn *c = conn_create(loop, fd);

	if (!c) {
		return -ENOMEM;
	}
	snprintf(c->peer, sizeof(c->peer), "%.60s", name);
	conn_poll(c);
	*out = &c->s;
	return 0;
}

static int connected(uv_loop_t *loop, int fd, const struct sockaddr *sa,
		     socklen_t len, const char *name, struct av_stream **out,
		     struct av_err *err)
{
	/* a host that does not answer must not stop the loop: what is written
	 * waits, and a failure is reported as closed */
	if (fd < 0 || (connect(fd, sa, len) < 0 && errno != EINPROGRESS)) {
		int ret = -errno;

		if (fd >= 0) {
			close(fd);
		}
		return av_err_set(err, ret, "cannot connect to %s: %s", name,
				  strerror(-ret));
	}
	if (sock_adopt(loop, fd, name, out)) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int sock_connect_unix(uv_loop_t *loop, const char *path, struct av_stream **out,
		      struct av_err *err)
{
	return sock_connect_unix_type(loop, path, SOCK_STREAM, out, err);
}

int sock_connect_unix_type(uv_loop_t *loop, const char *path, int type,
			   struct av_stream **out, struct av_err *err)
{
	struct sockaddr_un sa;
	int ret = unix_address(&sa, path, err);

	if (ret < 0) {
		return ret;
	}
	return connected(
		loop, socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		(struct sockaddr *)&sa, sizeof(sa), path, out, err);
}

int sock_connect_vsock(uv_loop_t *loop, uint32_t cid, uint32_t port,
		       struct av_stream **out, struct av_err *err)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK,
				  .svm_cid = cid,
				  .svm_port = port };
	char name[40];

	snprintf(name, sizeof(name), "vsock:%u:%u", cid, port);
	return connected(
		loop,
		socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		(struct sockaddr *)&sa, sizeof(sa), name, out, err);
}

int sock_connect_tcp(uv_loop_t *loop, const char *host, unsigned int port,
		     struct av_stream **out, struct av_err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	char service[16], name[300];
	int ret;

	snprintf(service, sizeof(service), "%u", port);
	snprintf(name, sizeof(name), "%s:%u", host, port);
	ret = getaddrinfo(host, service, &hints, &ai);
	if (ret != 0) {
		return av_err_set(err, -EINVAL, "no such address: %s: %s", name,
				  gai_strerror(ret));
	}
	ret = connected(loop,
			socket(ai->ai_family,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
			ai->ai_addr, ai->ai_addrlen, name, out, err);
	freeaddrinfo(ai);
	return ret;
}
