/* SPDX-License-Identifier: Apache-2.0 */
/* A device in a thread and loop of its own. */
#include "config.h"

#include "vdevices/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vdev_thread {
	pthread_t thread;
	uv_sem_t started;
	struct vdev_host_opts opts;
	int ret;
	struct av_err err;
};

static void on_ended(void *ctx)
{
	uv_stop(ctx);
}

static int begin(struct vdev_thread *t, uv_loop_t *loop,
		 struct vdev_host **host)
{
	int ret = vdev_host_create(loop, &t->opts, host, &t->err);

	if (ret) {
		return ret;
	}
	ret = vdev_host_begin(*host, &t->err);
	if (ret) {
		vdev_host_close(*host);
		*host = NULL;
	}
	return ret;
}

static void *run(void *arg)
{
	struct vdev_thread *t = arg;
	struct vdev_host *host = NULL;
	uv_loop_t loop;

	t->ret = uv_loop_init(&loop);
	if (t->ret) {
		av_err_set(&t->err, t->ret, "%s: no event loop: %s",
			   t->opts.args->name, strerror(-t->ret));
		uv_sem_post(&t->started);
		return NULL;
	}
	t->opts.own_loop = true;
	t->opts.on_ended = on_ended;
	t->opts.ended_ctx = &loop;
	t->ret = begin(t, &loop, &host);
	uv_sem_post(&t->started);
	while (host && !vdev_host_ended(host)) {
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	vdev_host_close(host);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return NULL;
}

int vdev_thread_start(const struct vdev_host_opts *o, struct vdev_thread **out,
		      struct av_err *err)
{
	struct vdev_thread *t = calloc(1, sizeof(*t));
	sigset_t all, old;
	int ret;

	if (!t) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	t->opts = *o;
	uv_sem_init(&t->started, 0);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = -pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		uv_sem_destroy(&t->started);
		free(t);
		return av_err_set(err, ret, "%s: no thread: %s", o->args->name,
				  strerror(-ret));
	}
	uv_sem_wait(&t->started);
	if (t->ret) {
		ret = t->ret;
		if (err) {
			*err = t->err;
		}
		vdev_thread_join(t);
		return ret;
	}
	*out = t;
	return 0;
}

void vdev_thread_join(struct vdev_thread *t)
{
	pthread_join(t->thread, NULL);
	uv_sem_destroy(&t->started);
	free(t);
}
