/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by threads, where io_uring is not permitted; see blk_io.h. */
#include "config.h"

#include "vdevices/blk_io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_THREADS = 4 };

struct blk_pool {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work, done;
	struct blk_job *todo, **todo_tail;
	struct blk_job *finished, **finished_tail;
	bool end;
	int event_fd;
	unsigned int n_threads;
	pthread_t thread[N_THREADS];
};

static int run_job(const struct blk_job *j)
{
	ssize_t n = 0;

	do {
		switch (j->op) {
		case BLK_READ:
			n = preadv(j->fd, j->iov, (int)j->n_iov, (off_t)j->off);
			break;
		case BLK_WRITE:
			n = pwritev(j->fd, j->iov, (int)j->n_iov,
				    (off_t)j->off);
			break;
		case BLK_SYNC:
			n = fdatasync(j->fd);
			break;
		case BLK_ALLOCATE:
			n = fallocate(j->fd, j->mode, (off_t)j->off,
				      (off_t)j->len);
			break;
		}
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

static void append(struct blk_job ***tail, struct blk_job *j)
{
	j->next = NULL;
	**tail = j;
	*tail = &j->next;
}

static struct blk_job *take(struct blk_job **head, struct blk_job ***tail)
{
	struct blk_job *j = *head;

	if (j) {
		*head = j->next;
		if (!*head) {
			*tail = head;
		}
	}
	return j;
}

static void *worker(void *ctx)
{
	struct blk_pool *p = ctx;
	uint64_t one = 1;
	struct blk_job *j;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		j = take(&p->todo, &p->todo_tail);
		if (!j) {
			if (p->end) {
				break;
			}
			pthread_cond_wait(&p->work, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		j->res = run_job(j);
		pthread_mutex_lock(&p->lock);
		append(&p->finished_tail, j);
		pthread_cond_signal(&p->done);
		if (write(p->event_fd, &one, sizeof(one)) < 0) {
			continue; /* full: it is readable anyway */
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int blk_pool_open(int event_fd, struct blk_pool **out)
{
	struct blk_pool *p = calloc(1, sizeof(*p));
	sigset_t all, old;
	int ret = 0;

	if (!p) {
		return -ENOMEM;
	}
	p->event_fd = event_fd;
	p->todo_tail = &p->todo;
	p->finished_tail = &p->finished;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->n_threads < N_THREADS && !ret) {
		ret = -pthread_create(&p->thread[p->n_threads], NULL, worker,
				      p);
		p->n_threads += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!p->n_threads) {
		blk_pool_close(p);
		return ret;
	}
	*out = p;
	return 0;
}

void blk_pool_close(struct blk_pool *p)
{
	if (!p) {
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->n_threads; i++) {
		pthread_join(p->thread[i], NULL);
	}
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void blk_pool_submit(struct blk_pool *p, struct blk_job *j)
{
	pthread_mutex_lock(&p->lock);
	append(&p->todo_tail, j);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

struct blk_job *blk_pool_reap(struct blk_pool *p, bool wait)
{
	struct blk_job *j;

	pthread_mutex_lock(&p->lock);
	while (wait && !p->finished) {
		pthread_cond_wait(&p->done, &p->lock);
	}
	j = take(&p->finished, &p->finished_tail);
	pthread_mutex_unlock(&p->lock);
	return j;
}
