/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Each device has a port pair, a health page and a listening socket that live
 * as long as the run; its host may come and go. A child that dies leaves the
 * socket (and the front-end's attempts to connect again) where they are; a new
 * child takes over. QEMU sees one device disconnect and reconnect, nothing
 * else.
 *
 * A device's events go onto TOPIC_DEVICE. Health is published once a second
 * where it changed.
 */
#include "config.h"

#include "vdevices/devices.h"

#include "scenarios/fault.h"
#include "sim/core/log.h"
#include "sim/services/sock.h"
#include "sim/world.h"
#include "vdevices/handle.h"
#include "vdevices/host.h"
#include "vdevices/sandbox.h"
#include "vdevices/vsock_switch.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BACKLOG = 4,
	PATH_LEN = 108, /* sun_path */
	HEALTH_MS = 1000,
	START_MS = 10000, /* a child that has said nothing by then is broken */
	STOP_MS = 2000,
	RETRY_MAX_MS = 5000,
	QUICK_NS = 1000000000, /* a child that lived shorter fails to start */
	EVENTS_MAX = 200, /* of a device at once, and then so many a second: */
	EVENTS_EACH_TICK = 5, /* a guest shall not fill a disk with them */
};

struct device {
	struct devices *ds;
	struct vdev_args args;
	const struct vdev_type *type;
	enum vdev_home home;
	struct health *health;
	int health_fd;
	int listen_fd, conn_fd;
	int keep[VDEV_KEEP]; /* of type->keep(); -1 */
	char path[PATH_LEN]; /* "" = a passed descriptor */
	struct port *port;
	struct vdev_host *host;     /* VDEV_LOOP */
	struct vdev_thread *thread; /* VDEV_THREAD */
	pid_t pid;                  /* VDEV_CHILD; 0 none */
	int pidfd;
	uv_poll_t *watch; /* of pidfd */
	uv_timer_t *retry;
	int64_t started;
	unsigned int quick; /* deaths in a row soon after the start */
	void *glue;
	bool glue_open;
	char why[512];  /* it could not start again */
	char told[512]; /* the last of these that the user was told */
	uint64_t published; /* sum over health when it last was */
	unsigned int events_left; /* that may be published now */
	uint64_t unheard;         /* events that were not */
};

struct devices {
	struct devices_env env;
	struct device *v;
	size_t n;
	uv_timer_t *tick;
	struct vsock_switch *vsock; /* NULL: no device of that type */
	uint32_t warned; /* bits of enum sandbox_part */
};

/* ---- events ---- */

static void publish(struct device *dev, const char *text)
{
	struct world *w = dev->ds->env.w;
	struct text_event e = { .t = evq_now(w->q),
				.key = dev->args.name,
				.text = text };

	bus_publish(w->bus, TOPIC_DEVICE, &e);
}

/* A guest or a child wrote it: one line of printable text, whatever it is. */
static void clean(char *text, size_t size, const char *data, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++) {
		text[i] = data[i] < ' ' || data[i] > '~' ? '?' : data[i];
	}
	text[n] = '\0';
}

static void event(struct device *dev, uint32_t id, const char *data, size_t len)
{
	char text[512];

	if (!dev->events_left) {
		dev->unheard++;
		return;
	}
	dev->events_left--;
	clean(text, sizeof(text), data, len);
	publish(dev, text);
	if (id == PORT_WARN) {
		av_log(AV_LOG_WARN, dev->args.name, "%s", text);
	}
}

static uint64_t get(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void publish_health(struct device *dev)
{
	const struct health *h = dev->health;
	uint32_t state = atomic_load(&h->state);
	uint64_t sum = get(&h->requests) + get(&h->errors) + get(&h->resets) +
		       get(&h->connects) + get(&h->restarts) +
		       get(&h->dropped) + state;
	char text[256];

	if (sum == dev->published) {
		return;
	}
	dev->published = sum;
	snprintf(text, sizeof(text),
		 "health state=%s requests=%" PRIu64 " in=%" PRIu64
		 " out=%" PRIu64 " depth=%u p99=%" PRId64 "us errors=%" PRIu64
		 " resets=%" PRIu64 " connects=%" PRIu64 " restarts=%" PRIu64
		 " dropped=%" PRIu64,
		 health_state_names[state < HEALTH_N ? state : HEALTH_DEAD],
		 get(&h->requests), get(&h->bytes_in), get(&h->bytes_out),
		 atomic_load(&h->queue_depth), health_quantile(h, 0.99) / 1000,
		 get(&h->errors), get(&h->resets), get(&h->connects),
		 get(&h->restarts), get(&h->dropped));
	publish(dev, text);
}

static void more_events(struct device *dev)
{
	char text[64];

	if (dev->unheard) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " more events were not recorded",
			 dev->unheard);
		publish(dev, text);
		dev->unheard = 0;
	}
	dev->events_left += EVENTS_EACH_TICK;
	if (dev->events_left > EVENTS_MAX) {
		dev->events_left = EVENTS_MAX;
	}
}

/* Once a run: what this host has devices do without. */
static void warn_sandbox(struct devices *ds, uint32_t lacks)
{
	for (int i = 0; i < SANDBOX_N_PARTS; i++) {
		if (lacks & ~ds->warned & 1u << i) {
			av_log(AV_LOG_WARN, "sandbox",
			       "devices are confined less than they could be: "
			       "%s; remedy: %s",
			       sandbox_lacks[i].what, sandbox_lacks[i].remedy);
		}
	}
	ds->warned |= lacks;
}

static void on_tick(uv_timer_t *t)
{
	struct devices *ds = t->data;
	uint32_t lacks = 0;

	for (size_t i = 0; i < ds->n; i++) {
		struct device *dev = &ds->v[i];

		if (!dev->health) {
			continue; /* it did not start, so nothing does */
		}
		publish_health(dev);
		more_events(dev);
		lacks |= atomic_load(&dev->health->sandbox_lacks);
	}
	warn_sandbox(ds, lacks);
}

/* ---- faults ---- */

static bool fault_is_for(const struct device *dev, const struct fault_event *e)
{
	const struct fault *f = e->fault;

	if (!f->device || strcmp(f->device, dev->type->name) != 0) {
		return false;
	}
	for (size_t i = 0; f->arg[i].name; i++) {
		if (!strcmp(f->arg[i].name, "device") && e->args->has[i]) {
			return !strcmp(e->args->v[i].str, dev->args.name);
		}
	}
	return true;
}

static double number(const struct arg_spec *s, const struct args *a, size_t i)
{
	if (!a->has[i]) {
		return NAN;
	}
	switch (s->type) {
	case ARG_NUM:
		return a->v[i].num;
	case ARG_TIME:
		return vtime_to_s(a->v[i].time);
	case ARG_BOOL:
		return a->v[i].flag;
	case ARG_ENUM:
		return a->v[i].idx;
	default:
		return NAN;
	}
}

static void send_fault(void *ctx, const struct fault_event *e)
{
	struct device *dev = ctx;
	const struct arg_spec *s = e->fault->arg;
	struct port_fault p = { 0 };
	size_t n = 0;

	if (!fault_is_for(dev, e)) {
		return;
	}
	snprintf(p.name, sizeof(p.name), "%s", e->fault->name);
	for (size_t i = 0; s[i].name && n < PORT_FAULT_ARGS; i++) {
		if (strcmp(s[i].name, "device") != 0) {
			p.v[n++] = number(&s[i], e->args, i);
		}
	}
	while (n < PORT_FAULT_ARGS) {
		p.v[n++] = NAN;
	}
	if (device_send(dev, e->begins ? PORT_FAULT : PORT_CLEAR, 0, &p,
			sizeof(p))) {
		publish(dev, "lost a fault: its port is full");
	}
}

static void on_fault(void *ctx, const void *msg)
{
	struct devices *ds = ctx;

	for (size_t i = 0; i < ds->n; i++) {
		send_fault(&ds->v[i], msg);
	}
}

/* ---- messages ---- */

/* A child that cannot start says why, and ends. */
static void keep_reason(struct device *dev, const char *data, size_t len)
{
	const size_t skip = sizeof(VDEV_CHILD_FAILED) - 1;

	if (len > skip && !memcmp(data, VDEV_CHILD_FAILED, skip)) {
		clean(dev->why, sizeof(dev->why), data + skip, len - skip);
	}
}

static void on_message(void *ctx, const struct port_msg *m)
{
	struct device *dev = ctx;
	const struct vdev_glue *g = dev->type->glue;
	char text[4097];

	switch (m->h.kind) {
	case PORT_EVENT:
		keep_reason(dev, m->data, m->len);
		event(dev, m->h.id, m->data, m->len);
		break;
	case PORT_READY:
		dev->quick = 0;
		dev->told[0] = '\0';
		break;
	case PORT_COMMAND:
		memcpy(text, m->data, m->len);
		text[m->len] = '\0';
		cmdq_post(dev->ds->env.w->cmdq, CMD_FROM_GUEST, text);
		break;
	case PORT_PACKET:
		if (dev->ds->env.packet) {
			dev->ds->env.packet(dev->ds->env.ctx, dev, m);
		}
		break;
	default:
		if (g && g->message) {
			g->message(dev, dev->glue, m);
		}
		break;
	}
}

static void on_writable(void *ctx)
{
	struct device *dev = ctx;

	if (dev->glue_open && dev->type->glue->writable) {
		dev->type->glue->writable(dev, dev->glue);
	}
}

static const struct port_ops port_ops = {
	.message = on_message,
	.writable = on_writable,
};

/* ---- hosts ---- */

static struct vdev_host_opts host_opts(struct device *dev, int port_fd)
{
	return (struct vdev_host_opts){ .type = dev->type,
					.args = &dev->args,
					.listen_fd = dev->listen_fd,
					.conn_fd = dev->conn_fd,
					.port_fd = port_fd,
					.health = dev->health };
}

/* Hosts in this process take their descriptors over; the parent keeps its own.
 */
static int own_fds(struct vdev_host_opts *o, struct av_err *err)
{
	int *fd[2] = { &o->listen_fd, &o->conn_fd };

	for (int i = 0; i < 2; i++) {
		if (*fd[i] < 0) {
			continue;
		}
		*fd[i] = fcntl(*fd[i], F_DUPFD_CLOEXEC, 3);
		if (*fd[i] < 0) {
			return av_err_set(err, -errno,
					  "no file descriptor left; raise "
					  "ulimit -n");
		}
	}
	return 0;
}

static int start_here(struct device *dev, int port_fd, struct av_err *err)
{
	struct vdev_host_opts o = host_opts(dev, port_fd);
	int ret = own_fds(&o, err);

	if (ret) {
		close(port_fd);
		return ret;
	}
	if (dev->home == VDEV_THREAD) {
		return vdev_thread_start(&o, &dev->thread, err);
	}
	ret = vdev_host_create(dev->ds->env.loop, &o, &dev->host, err);
	if (ret) {
		dev->host = NULL;
		return ret;
	}
	return vdev_host_begin(dev->host, err);
}

/* The first words of a child, waited for: what it cannot open is the user's
 * error, told before the run begins. */
static int await_ready(struct device *dev, int fd, struct av_err *err)
{
	struct {
		struct port_header h;
		char text[512];
	} m;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const size_t skip = sizeof(VDEV_CHILD_FAILED) - 1;
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, START_MS) <= 0) {
			return av_err_set(err, -ETIMEDOUT,
					  "%s: its process does not answer",
					  dev->args.name);
		}
		n = recv(fd, &m, sizeof(m) - 1, 0);
		if (n < (ssize_t)sizeof(m.h)) {
			return av_err_set(err, -EPIPE,
					  "%s: its process ended at once",
					  dev->args.name);
		}
		((char *)&m)[n] = '\0';
		if (m.h.kind == PORT_READY) {
			return 0;
		}
		if (m.h.kind != PORT_EVENT) {
			continue;
		}
		if (!strncmp(m.text, VDEV_CHILD_FAILED, skip)) {
			return av_err_set(err, -EINVAL, "%s", m.text + skip);
		}
		event(dev, m.h.id, m.text, (size_t)n - sizeof(m.h));
	}
}

static void on_child_end(uv_poll_t *p, int status, int events);

static int start_child(struct device *dev, int port_fd, struct av_err *err)
{
	struct vdev_host_opts o = host_opts(dev, port_fd);
	int pid =
		vdev_child_start(&o, dev->health_fd, dev->ds->env.sandbox, err);

	close(port_fd);
	if (pid < 0) {
		return pid;
	}
	dev->pid = pid;
	dev->why[0] = '\0';
	dev->started = health_clock_ns();
	dev->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	dev->watch = calloc(1, sizeof(*dev->watch));
	if (dev->pidfd < 0 || !dev->watch ||
	    uv_poll_init(dev->ds->env.loop, dev->watch, dev->pidfd)) {
		free(dev->watch);
		dev->watch = NULL;
		return av_err_set(err, -ENOMEM, "%s: cannot watch its process",
				  dev->args.name);
	}
	dev->watch->data = dev;
	uv_poll_start(dev->watch, UV_READABLE, on_child_end);
	return 0;
}

/* @wait: the first start; failing then is an error of the user's. */
static int start(struct device *dev, bool wait, struct av_err *err)
{
	int fd[2];
	int ret = port_pair(fd);

	if (ret) {
		return av_err_set(err, ret, "%s: no message port: %s",
				  dev->args.name, strerror(-ret));
	}
	ret = dev->home == VDEV_CHILD ? start_child(dev, fd[1], err)
				      : start_here(dev, fd[1], err);
	if (!ret && dev->home == VDEV_CHILD && wait) {
		ret = await_ready(dev, fd[0], err);
	}
	if (ret) {
		close(fd[0]);
		return ret;
	}
	ret = port_open(dev->ds->env.loop, fd[0], true, &port_ops, dev,
			&dev->port);
	return ret ? av_err_set(err, ret, "%s: no message port: %s",
				dev->args.name, strerror(-ret))
		   : 0;
}

static void reap(struct device *dev, char *how, size_t size)
{
	int st = 0;

	handle_close(dev->watch);
	waitpid(dev->pid, &st, 0);
	close(dev->pidfd);
	dev->pid = 0;
	dev->pidfd = -1;
	if (WIFSIGNALED(st)) {
		snprintf(how, size, "signal %d (%s)", WTERMSIG(st),
			 strsignal(WTERMSIG(st)));
	} else {
		snprintf(how, size, "status %d", WEXITSTATUS(st));
	}
}

/* Once, however often it is tried. */
static void tell_why(struct device *dev, const char *why)
{
	if (!strcmp(dev->told, why)) {
		return;
	}
	snprintf(dev->told, sizeof(dev->told), "%s", why);
	av_log(AV_LOG_WARN, dev->args.name,
	       "its process cannot start again: %s; avsim goes on trying", why);
}

static void on_retry(uv_timer_t *t)
{
	struct device *dev = t->data;
	struct av_err err = { 0 };

	if (start(dev, false, &err)) {
		publish(dev, err.msg);
		tell_why(dev, err.msg);
		uv_timer_start(dev->retry, on_retry, RETRY_MAX_MS, 0);
		return;
	}
	health_add(&dev->health->restarts, 1);
	publish(dev, "process restarted");
	/* what the world had told the old one, it tells again */
	if (dev->ds->env.w->faults) {
		faults_of_device(dev->ds->env.w->faults, dev->type->name,
				 send_fault, dev);
	}
	if (dev->glue_open && dev->type->glue->restarted) {
		dev->type->glue->restarted(dev, dev->glue);
	}
}

/* What becomes of a device whose process ended. */
static const char *what_now(const struct device *dev, uint32_t state)
{
	if (dev->conn_fd >= 0) {
		return "it stays down: the connection that was passed to it "
		       "(fd=) went with it";
	}
	if (state == HEALTH_WAITING || state == HEALTH_DEAD) {
		return "it is started again; nobody was connected";
	}
	return dev->type->reconnects
		       ? "it is started again, and QEMU connects to it where "
			 "its chardev has reconnect"
		       : "it is started again, but no VMM connects to such a "
			 "device again: restart the guest";
}

static void on_child_end(uv_poll_t *p, int status, int events)
{
	struct device *dev = p->data;
	uint64_t wait = 0;
	char how[64], text[128];
	uint32_t state;

	(void)status;
	(void)events;
	reap(dev, how, sizeof(how));
	port_drain(dev->port);
	port_close(dev->port);
	dev->port = NULL;
	state = atomic_exchange(&dev->health->state, HEALTH_DEAD);
	snprintf(text, sizeof(text), "process ended: %s", how);
	publish(dev, text);
	if (dev->why[0]) {
		tell_why(dev, dev->why);
	} else {
		av_log(AV_LOG_WARN, dev->args.name, "its process ended (%s); %s",
		       how, what_now(dev, state));
	}
	if (dev->conn_fd >= 0) {
		close(dev->conn_fd); /* now the front-end learns of it */
		dev->conn_fd = -1;
		return;
	}
	if (health_clock_ns() - dev->started < QUICK_NS) {
		dev->quick++;
		wait = dev->quick < 8 ? 50u << dev->quick : RETRY_MAX_MS;
	} else {
		dev->quick = 0;
	}
	uv_timer_start(dev->retry, on_retry,
		       wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS, 0);
}

/* ---- set-up ---- */

static int open_health(struct device *dev, struct av_err *err)
{
	void *m = MAP_FAILED;

	dev->health_fd = memfd_create("avsim-health", MFD_CLOEXEC);
	if (dev->health_fd >= 0 &&
	    !ftruncate(dev->health_fd, sizeof(*dev->health))) {
		m = mmap(NULL, sizeof(*dev->health), PROT_READ | PROT_WRITE,
			 MAP_SHARED, dev->health_fd, 0);
	}
	if (m == MAP_FAILED) {
		return av_err_set(err, -errno, "%s: no shared memory: %s",
				  dev->args.name, strerror(errno));
	}
	dev->health = m;
	return 0;
}

static int open_socket(struct device *dev, const struct device_spec *s,
		       struct av_err *err)
{
	int on = 0, ret;
	socklen_t len = sizeof(on);

	if (s->fd >= 0) {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len)) {
			return av_err_set(err, -ENOTSOCK,
					  "%s: descriptor %d is no socket",
					  s->name, s->fd);
		}
		*(on ? &dev->listen_fd : &dev->conn_fd) = s->fd;
		return 0;
	}
	if (s->socket) {
		snprintf(dev->path, sizeof(dev->path), "%s", s->socket);
	}
	if ((s->socket && strlen(s->socket) >= sizeof(dev->path)) ||
	    (!s->socket && snprintf(dev->path, sizeof(dev->path), "%s/%s.sock",
				    dev->ds->env.run_dir,
				    s->name) >= (int)sizeof(dev->path))) {
		dev->path[0] = '\0';
		return av_err_set(err, -ENAMETOOLONG,
				  "%s: its socket's path is longer than %d "
				  "bytes; take a shorter --run-dir",
				  s->name, PATH_LEN - 1);
	}
	ret = sock_bind_unix(dev->path, BACKLOG, &dev->listen_fd, err);
	if (ret) {
		dev->path[0] = '\0';
	}
	return ret;
}

static int open_keep(struct device *dev, struct av_err *err)
{
	int ret = dev->type->keep
			  ? dev->type->keep(&dev->args, dev->keep, err)
			  : 0;

	dev->args.keep = dev->keep[0] >= 0 ? dev->keep : NULL;
	return ret;
}

static int open_glue(struct device *dev, struct av_err *err)
{
	const struct vdev_glue *g = dev->type->glue;
	int ret;

	if (!g) {
		return 0;
	}
	dev->glue = calloc(1, g->size ? g->size : 1);
	if (!dev->glue) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = g->open ? g->open(dev, dev->ds->env.w, dev->glue, err) : 0;
	dev->glue_open = !ret;
	return ret;
}

static int open_device(struct device *dev, const struct device_spec *s,
		       struct av_err *err)
{
	const struct devices_env *env = &dev->ds->env;
	int ret;

	dev->type = s->type;
	dev->home = s->home_given ? s->home : s->type->home;
	dev->args.name = s->name;
	dev->args.seed = env->w->seed;
	dev->args.capture = env->packet;
	dev->args.n_opts = s->n_opts;
	for (size_t i = 0; i < s->n_opts; i++) {
		dev->args.opt[i].key = s->opt[i].key;
		dev->args.opt[i].value = s->opt[i].value;
	}
	if (s->type->loop_only) {
		dev->args.acceptor = env->acceptor;
		dev->args.acceptor_ctx = env->ctx;
		dev->args.vsock = dev->ds->vsock;
	}
	dev->retry = calloc(1, sizeof(*dev->retry));
	if (!dev->retry) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	uv_timer_init(env->loop, dev->retry);
	dev->retry->data = dev;
	ret = open_health(dev, err);
	ret = ret ? ret : open_keep(dev, err);
	ret = ret ? ret : open_socket(dev, s, err);
	ret = ret ? ret : start(dev, true, err);
	ret = ret ? ret : open_glue(dev, err);
	if (!ret && env->w->faults) {
		faults_of_device(env->w->faults, dev->type->name, send_fault,
				 dev);
	}
	return ret;
}

static void stop_child(struct device *dev)
{
	struct pollfd p = { .fd = dev->pidfd, .events = POLLIN };
	char how[64];

	if (!dev->pid) {
		return;
	}
	if (dev->pidfd < 0 || poll(&p, 1, STOP_MS) <= 0) {
		kill(dev->pid, SIGKILL);
	}
	reap(dev, how, sizeof(how));
}

static void close_device(struct device *dev)
{
	if (dev->glue_open && dev->type->glue->close) {
		dev->type->glue->close(dev, dev->glue);
	}
	free(dev->glue);
	vdev_host_close(dev->host);
	port_close(dev->port); /* threads and children end by that */
	if (dev->thread) {
		vdev_thread_join(dev->thread);
	}
	stop_child(dev);
	handle_close(dev->watch);
	handle_close(dev->retry);
	if (dev->health) {
		munmap(dev->health, sizeof(*dev->health));
	}
	if (dev->health_fd >= 0) {
		close(dev->health_fd);
	}
	if (dev->path[0]) {
		unlink(dev->path);
	}
	if (dev->listen_fd >= 0) {
		close(dev->listen_fd);
	}
	if (dev->conn_fd >= 0) {
		close(dev->conn_fd);
	}
	for (int k = 0; k < VDEV_KEEP; k++) {
		if (dev->keep[k] >= 0) {
			close(dev->keep[k]);
		}
	}
}

/* One for all vsock devices of the run. */
static int open_switch(struct devices *ds, const struct device_spec *s,
		       size_t n, struct av_err *err)
{
	const struct vsock_switch_env env = { .loop = ds->env.loop,
					      .q = ds->env.w->q,
					      .run_dir = ds->env.run_dir,
					      .acceptor = ds->env.acceptor,
					      .ctx = ds->env.ctx };

	for (size_t i = 0; i < n && !ds->vsock; i++) {
		if (s[i].type->id != VIRTIO_ID_VSOCK) {
			continue;
		}
		ds->vsock = vsock_switch_create(&env);
		if (!ds->vsock) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

int devices_create(const struct devices_env *env, const struct device_spec *s,
		   size_t n, struct devices **out, struct av_err *err)
{
	struct devices *ds = calloc(1, sizeof(*ds));
	int ret = 0;

	if (!ds) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ds->env = *env;
	ds->v = calloc(n ? n : 1, sizeof(*ds->v));
	ds->tick = calloc(1, sizeof(*ds->tick));
	if (!ds->v || !ds->tick) {
		free(ds->tick);
		free(ds->v);
		free(ds);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	uv_timer_init(env->loop, ds->tick);
	ds->tick->data = ds;
	ret = open_switch(ds, s, n, err);
	for (size_t i = 0; i < n && !ret; i++) {
		struct device *dev = &ds->v[i];

		dev->ds = ds;
		dev->health_fd = dev->listen_fd = dev->conn_fd = -1;
		dev->pidfd = -1;
		for (int k = 0; k < VDEV_KEEP; k++) {
			dev->keep[k] = -1;
		}
		dev->events_left = EVENTS_MAX;
		ds->n++;
		ret = open_device(dev, &s[i], err);
	}
	if (ret) {
		devices_destroy(ds);
		return ret;
	}
	if (n) {
		ret = bus_subscribe(env->w->bus, TOPIC_FAULT, STAGE_TAP,
				    "devices", on_fault, ds, err);
		if (ret) {
			devices_destroy(ds);
			return ret;
		}
		uv_timer_start(ds->tick, on_tick, HEALTH_MS, HEALTH_MS);
	}
	*out = ds;
	return 0;
}

void devices_destroy(struct devices *ds)
{
	if (!ds) {
		return;
	}
	bus_unsubscribe(ds->env.w->bus, on_fault, ds);
	on_tick(ds->tick);
	for (size_t i = 0; i < ds->n; i++) {
		close_device(&ds->v[i]);
	}
	vsock_switch_destroy(ds->vsock);
	handle_close(ds->tick);
	free(ds->v);
	free(ds);
}

/* ---- asked about ---- */

size_t devices_count(const struct devices *ds)
{
	return ds ? ds->n : 0;
}

struct device *devices_at(struct devices *ds, size_t i)
{
	return &ds->v[i];
}

struct vsock_switch *devices_vsock(struct devices *ds)
{
	return ds ? ds->vsock : NULL;
}

struct device *devices_find(struct devices *ds, const char *name)
{
	for (size_t i = 0; ds && i < ds->n; i++) {
		if (!strcmp(ds->v[i].args.name, name)) {
			return &ds->v[i];
		}
	}
	return NULL;
}

const char *device_name(const struct device *dev)
{
	return dev->args.name;
}

const char *device_socket(const struct device *dev)
{
	return dev->path;
}

const struct vdev_type *device_type(const struct device *dev)
{
	return dev->type;
}

const struct health *device_health(const struct device *dev)
{
	return dev->health;
}

enum vdev_home device_home(const struct device *dev)
{
	return dev->home;
}

const char *device_opt(const struct device *dev, const char *key,
		       const char *otherwise)
{
	return vdev_opt(&dev->args, key, otherwise);
}

int device_send(struct device *dev, enum port_kind kind, uint32_t id,
		const void *data, size_t len)
{
	if (!dev->port) {
		return -EPIPE;
	}
	return port_send(dev->port, kind, id, evq_now(dev->ds->env.w->q), data,
			 len);
}
