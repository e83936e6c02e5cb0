/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "contract.h"

#include "sim/services/stream.h"
#include "tests/vu/echo.h"
#include "tests/vu/procfs.h"
#include "vdevices/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct rig_shared {
	_Atomic int ready; /* 1 both devices serve, < 0 -errno with err */
	_Atomic int device_pid;
	struct av_err err;
};

/* ---- inside ---- */

/* One device in the rig, the world's end of its port included. */
struct hosted {
	struct vdev_args args;
	struct vdev_host_opts o;
	struct vdev_host *host;
	struct vdev_thread *thread;
	pid_t child;
	struct port *port;
	const struct contract_row *row; /* NULL: a bystander */
	bool ready;
};

struct inside {
	uv_loop_t loop;
	uv_poll_t control;
	struct hosted device, bystander;
	struct rig_shared *sh;
	const struct contract_row *row;
	void *world;
};

static void on_message(void *ctx, const struct port_msg *m)
{
	struct hosted *h = ctx;

	h->ready = h->ready || m->h.kind == PORT_READY;
	if (h->row && h->row->answer) {
		h->row->answer(h->port, m);
	}
	if (m->h.kind == PORT_EVENT && getenv("AVSIM_CONTRACT_EVENTS")) {
		fprintf(stderr, "%s: %.*s\n", h->args.name, (int)m->len,
			(const char *)m->data);
	}
}

static void on_closed(void *ctx)
{
	(void)ctx;
}

static const struct port_ops port_ops = {
	.message = on_message,
	.closed = on_closed,
};

/* ---- services ---- */

/* The service "deaf": takes nothing. */
static int deaf_accept(struct av_acceptor *a, struct av_stream *s)
{
	echo_accept(a, s);
	if (s->user) {
		av_stream_hold(s, true);
	}
	return s->user ? 0 : -ENOMEM;
}

static struct av_acceptor *acceptor(void *ctx, const char *name)
{
	static struct av_acceptor echo = { .name = "echo",
					   .accept = echo_accept };
	static struct av_acceptor deaf = { .name = "deaf",
					   .accept = deaf_accept };

	(void)ctx;
	if (!strcmp(name, "deaf")) {
		return &deaf;
	}
	/* a Bluetooth host that hears its own data is a host all the same */
	return strcmp(name, "echo") && strcmp(name, "bt") ? NULL : &echo;
}

static int begin_here(struct inside *in, struct hosted *h, struct av_err *err)
{
	int ret = vdev_host_create(&in->loop, &h->o, &h->host, err);

	return ret < 0 ? ret : vdev_host_begin(h->host, err);
}

static int begin(struct inside *in, struct hosted *h, enum vdev_home home,
		 int health_fd, struct av_err *err)
{
	int fd[2], ret = port_pair(fd);

	if (ret == 0) {
		ret = port_open(&in->loop, fd[0], true, &port_ops, h, &h->port);
	}
	if (ret < 0) {
		return av_err_set(err, ret, "port: %s", strerror(-ret));
	}
	if (h->row && h->row->told) {
		port_send(h->port, PORT_CONTROL, 0, 0, h->row->told,
			  strlen(h->row->told));
	}
	h->o.port_fd = fd[1];
	h->o.args = &h->args;
	h->o.conn_fd = -1;
	switch (home) {
	case VDEV_LOOP:
		return begin_here(in, h, err);
	case VDEV_THREAD:
		return vdev_thread_start(&h->o, &h->thread, err);
	case VDEV_CHILD:
		ret = vdev_child_start(&h->o, health_fd, true, err);
		h->child = ret;
		/* duplicated into the child, so ours still */
		close(h->o.listen_fd);
		close(h->o.port_fd);
		return ret < 0 ? ret : 0;
	}
	return -EINVAL;
}

static void end(struct hosted *h)
{
	if (h->thread) {
		port_send(h->port, PORT_STOP, 0, 0, NULL, 0);
		vdev_thread_join(h->thread);
	}
	if (h->child > 0) {
		int status;

		port_send(h->port, PORT_STOP, 0, 0, NULL, 0);
		if (waitpid(h->child, &status, 0) == h->child && status) {
			fprintf(stderr, "rig: device's child: status 0x%x\n",
				(unsigned int)status);
			_exit(3);
		}
	}
	if (h->host) {
		vdev_host_close(h->host);
	}
	if (h->port) {
		port_close(h->port);
	}
}

static void on_control(uv_poll_t *p, int status, int events)
{
	struct inside *in = p->data;

	(void)status;
	(void)events;
	uv_close((uv_handle_t *)p, NULL);
	end(&in->device);
	if (in->row->world_end) {
		in->row->world_end(in->world);
	}
	end(&in->bystander);
}

/* Until both devices say that they serve. */
static void wait_ready(struct inside *in)
{
	while (!in->device.ready || !in->bystander.ready) {
		int status;

		if (in->device.child > 0 &&
		    waitpid(in->device.child, &status, WNOHANG) > 0) {
			av_err_set(&in->sh->err, -ECHILD,
				   "confined child ended with 0x%x", status);
			atomic_store(&in->sh->ready, -ECHILD);
			_exit(2);
		}
		uv_run(&in->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static int begin_both(struct inside *in, struct rig *r, int health_fd)
{
	int ret;

	if (r->home == VDEV_LOOP) {
		in->device.args.acceptor = acceptor;
	}
	if (in->row->world) {
		in->world = in->row->world(&in->loop, r->dir, &in->device.args);
	}
	ret = begin(in, &in->device, r->home, health_fd, &r->sh->err);
	if (ret < 0) {
		return ret;
	}
	return begin(in, &in->bystander, VDEV_LOOP, -1, &r->sh->err);
}

static void inside_main(struct rig *r, const struct vdev_type *type,
			const struct contract_row *row,
			const struct vdev_args *args, const int listen_fd[2],
			int control, int health_fd)
{
	static struct health other;
	struct inside *in = calloc(1, sizeof(*in));
	int ret;

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&in->loop);
	in->sh = r->sh;
	in->row = row;
	in->device.args = *args;
	in->device.row = row;
	in->device.o.type = type;
	in->device.o.listen_fd = listen_fd[0];
	in->device.o.health = r->health;
	in->bystander.args.name = "bystander";
	in->bystander.o.type = vdev_type_find("rng");
	in->bystander.o.listen_fd = listen_fd[1];
	in->bystander.o.health = &other;
	ret = begin_both(in, r, health_fd);
	if (ret < 0) {
		atomic_store(&r->sh->ready, ret);
		_exit(2);
	}
	wait_ready(in);
	atomic_store(&r->sh->device_pid,
		     in->device.child > 0 ? in->device.child : getpid());
	atomic_store(&r->sh->ready, 1);
	uv_poll_init(&in->loop, &in->control, control);
	in->control.data = in;
	uv_poll_start(&in->control, UV_READABLE | UV_DISCONNECT, on_control);
	uv_run(&in->loop, UV_RUN_DEFAULT);
	ret = uv_loop_close(&in->loop);
	free(in);
	close(control);
	close(health_fd);
	exit(ret == 0 ? 0 : 4); /* with the leak check of a sanitizer build */
}

/* ---- outside ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 16) < 0) {
		abort();
	}
	return fd;
}

static void put_options(struct rig *r, const struct contract_row *row,
			struct vdev_args *a, char path[VDEV_OPTS_MAX][128])
{
	for (size_t i = 0; i < VDEV_OPTS_MAX && row->opt[i].key; i++) {
		const char *v = row->opt[i].value;

		if (v[0] == '@') {
			snprintf(path[i], 128, "%s/%s", r->dir, v + 1);
			v = path[i];
		}
		a->opt[i].key = row->opt[i].key;
		a->opt[i].value = v;
		a->n_opts = i + 1;
	}
}

static int wait_for_rig(struct rig *r, struct av_err *err)
{
	for (int i = 0; i < FRONT_WAIT_MS / 2; i++) {
		int s = atomic_load(&r->sh->ready);

		if (s > 0) {
			return 0;
		}
		if (s < 0) {
			return av_err_set(err, s, "device does not start: %s",
					  r->sh->err.msg);
		}
		if (waitpid(r->pid, &s, WNOHANG) == r->pid) {
			r->pid = 0;
			return av_err_set(err, -ECHILD,
					  "ended while starting: 0x%x", s);
		}
		usleep(2000);
	}
	return av_err_set(err, -ETIMEDOUT, "device does not get ready");
}

int rig_start(struct rig *r, const struct vdev_type *type,
	      const struct contract_row *row, enum vdev_home home,
	      struct av_err *err)
{
	const char *tmp = getenv("TMPDIR");
	struct vdev_args args = { .name = "dut0", .seed = 1 };
	char path[VDEV_OPTS_MAX][128];
	int fd[2], ctl[2], health_fd, ret;

	memset(r, 0, sizeof(*r));
	r->type = type;
	r->home = home;
	snprintf(r->dir, sizeof(r->dir), "%s/avsim-contract-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir)) {
		return av_err_set(err, -errno, "%s: %s", r->dir,
				  strerror(errno));
	}
	snprintf(r->socket, sizeof(r->socket), "%s/dut0.sock", r->dir);
	snprintf(r->bystander, sizeof(r->bystander), "%s/other.sock", r->dir);
	ret = row->prepare ? row->prepare(r->dir) : 0;
	if (ret < 0) {
		return av_err_set(err, ret, "prepare: %s", strerror(-ret));
	}
	put_options(r, row, &args, path);
	r->sh = mmap(NULL, sizeof(*r->sh), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	health_fd = memfd_create("health", MFD_CLOEXEC);
	if (ftruncate(health_fd, sizeof(*r->health)) < 0 ||
	    pipe2(ctl, O_CLOEXEC) < 0) {
		abort();
	}
	r->health = mmap(NULL, sizeof(*r->health), PROT_READ | PROT_WRITE,
			 MAP_SHARED, health_fd, 0);
	fd[0] = listen_at(r->socket);
	fd[1] = listen_at(r->bystander);
	fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		close(ctl[1]);
		inside_main(r, type, row, &args, fd, ctl[0], health_fd);
	}
	close(fd[0]);
	close(fd[1]);
	close(ctl[0]);
	close(health_fd);
	r->control = ctl[1];
	return wait_for_rig(r, err);
}

int rig_alive(struct rig *r, struct av_err *err)
{
	int status;
	pid_t dev = rig_device_pid(r);

	if (r->pid <= 0) {
		return av_err_set(err, -ECHILD, "no process");
	}
	if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
		r->pid = 0;
		return av_err_set(err, -ECHILD, "process died: status 0x%x",
				  (unsigned int)status);
	}
	if (dev != r->pid && dev > 0) {
		char p[64], state[512] = "";
		FILE *f;

		/* not ours to wait for: gone or a zombie */
		snprintf(p, sizeof(p), "/proc/%d/stat", dev);
		f = fopen(p, "r");
		if (!f || !fgets(state, sizeof(state), f) ||
		    !strrchr(state, ')') || strrchr(state, ')')[2] == 'Z') {
			if (f) {
				fclose(f);
			}
			return av_err_set(err, -ECHILD, "confined child died");
		}
		fclose(f);
	}
	return 0;
}

static int unlink_one(const char *p, const struct stat *st, int type,
		      struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(p);
}

int rig_stop(struct rig *r, struct av_err *err)
{
	int ret = 0, status = 0;

	if (r->control > 0) {
		close(r->control);
	}
	for (int ms = 0; r->pid > 0; ms += 2) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			break;
		}
		if (ms >= FRONT_WAIT_MS) {
			kill(r->pid, SIGKILL);
			if (rig_device_pid(r) > 0) {
				kill(rig_device_pid(r), SIGKILL);
			}
			waitpid(r->pid, NULL, 0);
			ret = av_err_set(err, -ECHILD, "did not end");
			break;
		}
		usleep(2000);
	}
	if (ret == 0 && status) {
		ret = av_err_set(err, -ECHILD, "ended with status 0x%x",
				 (unsigned int)status);
	}
	if (r->health) {
		munmap(r->health, sizeof(*r->health));
	}
	if (r->sh) {
		munmap(r->sh, sizeof(*r->sh));
	}
	nftw(r->dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
	memset(r, 0, sizeof(*r));
	return ret;
}

pid_t rig_device_pid(const struct rig *r)
{
	return r->sh ? atomic_load(&r->sh->device_pid) : 0;
}

int rig_fds(const struct rig *r)
{
	return proc_fds(rig_device_pid(r));
}

long rig_rss_kb(const struct rig *r)
{
	char p[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(p, sizeof(p), "/proc/%d/status", rig_device_pid(r));
	f = fopen(p, "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "VmRSS: %ld", &kb);
	}
	if (f) {
		fclose(f);
	}
	return kb;
}

int64_t rig_cpu_ns(const struct rig *r)
{
	struct timespec ts;
	clockid_t id;

	if (clock_getcpuclockid(rig_device_pid(r), &id) ||
	    clock_gettime(id, &ts)) {
		return -1;
	}
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

bool rig_is_child(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], VDEV_CHILD_ARG);
}
