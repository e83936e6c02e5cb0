/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's caller side: records are staged in blocks; full blocks go through
 * a bounded queue to a thread that owns the database. One thread calls all of
 * rec_*(); it waits for the disk only when all blocks are full.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* 8 blocks of 128 KiB: 25000 frames, 10 ms of the fastest caller. */
#define BLOCK_SIZE ((size_t)128 << 10)
#define BLOCKS_MAX 8
/* Without rec_tick() (an import): commit after that many blocks. */
#define BLOCKS_PER_COMMIT 64

struct block {
	struct block *next;
	size_t len, room;
	uint64_t data[]; /* items; aligned for them */
};

struct rec_writer {
	/* the caller's */
	struct block *cur;
	uint64_t seq;
	vtime last_t;
	struct rec_counts counts;
	struct rec_scratch scratch;
	bool told; /* rec_status() gave the reason */

	/* both, under @lock */
	pthread_mutex_t lock;
	pthread_cond_t work, room;
	struct block *head, **tail; /* full, oldest first */
	struct block *free;
	unsigned int n_blocks; /* made so far */
	uint64_t n_pushed, n_done;
	uint64_t commit_at; /* commit once that many blocks are done */
	bool commit_wanted, committing, quit;

	atomic_int stopped; /* -errno of the store */
	struct rec_store *store; /* the thread's, until it has ended */
	pthread_t thread;
};

/* ---- writer thread ---- */

static void stop(struct rec_writer *w, int ret)
{
	rec_store_rollback(w->store);
	atomic_store_explicit(&w->stopped, ret, memory_order_release);
}

static void store_block(struct rec_writer *w, const struct block *b)
{
	const char *p = (const char *)b->data, *end = p + b->len;

	while (p < end && atomic_load_explicit(&w->stopped,
					       memory_order_relaxed) == 0) {
		const struct rec_item *it = (const void *)p;
		int ret = rec_store_item(w->store, it);

		if (ret < 0) {
			stop(w, ret);
		}
		p += it->size;
	}
}

static void commit(struct rec_writer *w)
{
	int ret = atomic_load(&w->stopped) == 0 ? rec_store_commit(w->store) :
						  0;

	if (ret < 0) {
		stop(w, ret);
	}
}

/* Next block to store, or NULL: commit (@commit_now) or quit. */
static struct block *next_block(struct rec_writer *w, bool *commit_now)
{
	struct block *b;

	*commit_now = false;
	while (!w->head) {
		if (w->commit_wanted) {
			w->commit_wanted = false;
			*commit_now = w->committing = true;
			return NULL;
		}
		if (w->quit) {
			return NULL;
		}
		pthread_cond_wait(&w->work, &w->lock);
	}
	b = w->head;
	w->head = b->next;
	if (!w->head) {
		w->tail = &w->head;
	}
	return b;
}

static void give_back(struct rec_writer *w, struct block *b)
{
	if (b->room > BLOCK_SIZE) { /* made for one large record */
		free(b);
	} else {
		b->next = w->free;
		w->free = b;
	}
	pthread_cond_signal(&w->room);
}

static void *writer_main(void *arg)
{
	struct rec_writer *w = arg;
	uint64_t uncommitted = 0;
	bool commit_now;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct block *b = next_block(w, &commit_now);

		if (!b && !commit_now) {
			break;
		}
		pthread_mutex_unlock(&w->lock);
		if (b) {
			store_block(w, b);
			uncommitted++;
		}
		pthread_mutex_lock(&w->lock);
		if (b) {
			w->n_done++;
			give_back(w, b);
		}
		if (w->commit_wanted && w->n_done >= w->commit_at) {
			w->commit_wanted = false;
			commit_now = w->committing = true;
		}
		if (commit_now || uncommitted >= BLOCKS_PER_COMMIT) {
			pthread_mutex_unlock(&w->lock);
			commit(w);
			uncommitted = 0;
			pthread_mutex_lock(&w->lock);
			w->committing = false;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- caller ---- */

static void out_of_memory(struct rec_writer *w)
{
	int none = 0;

	atomic_compare_exchange_strong(&w->stopped, &none, -ENOMEM);
}

static struct block *block_new(size_t room)
{
	struct block *b = malloc(sizeof(*b) + room);

	if (b) {
		b->len = 0;
		b->room = room;
	}
	return b;
}

static void push(struct rec_writer *w)
{
	w->cur->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->tail = w->cur;
	w->tail = &w->cur->next;
	w->n_pushed++;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	w->cur = NULL;
}

/* A block to fill: a free one, a new one while there are few, else wait. */
static struct block *get_block(struct rec_writer *w)
{
	struct block *b = NULL;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		b = w->free;
		if (b) {
			w->free = b->next;
			b->len = 0;
			break;
		}
		if (w->n_blocks < BLOCKS_MAX) {
			b = block_new(BLOCK_SIZE);
			if (b) {
				w->n_blocks++;
				break;
			}
			if (w->n_blocks == 0) {
				break;
			}
		}
		pthread_cond_wait(&w->room, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return b;
}

/* A block of its own for a record larger than a block; waits like the others
 * do, so that the queue stays bounded. */
static struct block *get_large(struct rec_writer *w, size_t size)
{
	pthread_mutex_lock(&w->lock);
	while (w->n_pushed - w->n_done >= BLOCKS_MAX) {
		pthread_cond_wait(&w->room, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return block_new(size);
}

/* Room for @size bytes in the current block, the slow way. */
static struct rec_item *make_room(struct rec_writer *w, size_t size)
{
	if (w->cur) {
		push(w);
	}
	w->cur = size > BLOCK_SIZE ? get_large(w, size) : get_block(w);
	if (!w->cur) {
		out_of_memory(w);
		return NULL;
	}
	return (void *)w->cur->data;
}

/* Where the next item goes; NULL: recording has stopped. */
static inline struct rec_item *stage(struct rec_writer *w, enum rec_channel ch,
				     vtime t, size_t size)
{
	struct block *b = w->cur;
	struct rec_item *it;

	if (atomic_load_explicit(&w->stopped, memory_order_relaxed) != 0) {
		return NULL;
	}
	assert(t >= w->last_t);
	if (b && size <= b->room - b->len) {
		it = (void *)((char *)b->data + b->len);
	} else {
		it = make_room(w, size);
		if (!it) {
			return NULL;
		}
	}
	w->cur->len += size;
	w->last_t = t;
	w->counts.n[ch]++;
	w->seq++;
	return it;
}

static void put(struct rec_writer *w, struct rec_put *p)
{
	size_t size = rec_put_size(p);
	struct rec_item *it = stage(w, p->ch, p->t, size);

	if (it) {
		rec_put_write(p, w->seq, it);
	}
}

void rec_can(struct rec_writer *w, const struct can_frame *f)
{
	struct rec_item *it;

	assert(f->len <= ((f->flags & CAN_FD) ? 64 : 8) && f->id <= 0x1fffffff);
	it = stage(w, REC_CAN, f->t, rec_can_size(f));

	if (it) {
		rec_put_can(f, w->seq, it);
	}
}

void rec_text(struct rec_writer *w, enum rec_channel ch, vtime t,
	      const char *key, const char *text)
{
	assert(ch != REC_CAN && ch != REC_SIGNAL);
	put(w, &(struct rec_put){ .ch = ch,
				  .kind = ITEM_TEXT,
				  .t = t,
				  .key = key,
				  .text = text });
}

void rec_values(struct rec_writer *w, enum rec_channel ch, vtime t,
		const char *key, const double *v, size_t n)
{
	assert(ch != REC_CAN && rec_is_bulk(ch));
	put(w, &(struct rec_put){ .ch = ch,
				  .kind = ITEM_VALUES,
				  .t = t,
				  .key = key,
				  .v = v,
				  .n = n });
}

void rec_vhal(struct rec_writer *w, const struct vhal_event *e)
{
	struct rec_put p;

	if (rec_put_vhal(e, &w->scratch, &p) < 0) {
		out_of_memory(w);
		return;
	}
	put(w, &p);
}

void rec_command(struct rec_writer *w, const struct cmd_event *e)
{
	struct rec_put p;

	if (rec_put_command(e, &w->scratch, &p) < 0) {
		out_of_memory(w);
		return;
	}
	put(w, &p);
}

void rec_tick(struct rec_writer *w)
{
	if (w->cur && w->cur->len > 0) {
		push(w);
	}
	pthread_mutex_lock(&w->lock);
	if (w->commit_at != w->n_pushed) {
		w->commit_wanted = true;
		w->commit_at = w->n_pushed;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
}

bool rec_waits(struct rec_writer *w)
{
	bool waits;

	pthread_mutex_lock(&w->lock);
	waits = (w->cur && w->cur->len > 0) || w->commit_at != w->n_pushed ||
		w->commit_wanted || w->committing;
	pthread_mutex_unlock(&w->lock);
	return waits;
}

/* The thread writes its reason before it sets @stopped. */
static int reason(struct rec_writer *w, int code, struct av_err *err)
{
	const struct av_err *e = rec_store_error(w->store);

	if (e->code != 0) {
		return av_err_set(err, e->code, "%s", e->msg);
	}
	return av_err_set(err, code, "recording stopped: %s", strerror(-code));
}

int rec_status(struct rec_writer *w, struct av_err *err)
{
	int code = atomic_load_explicit(&w->stopped, memory_order_acquire);

	if (code != 0) {
		reason(w, code, w->told ? NULL : err);
		w->told = true;
	}
	return code;
}

void rec_counts(const struct rec_writer *w, struct rec_counts *out)
{
	*out = w->counts;
}

/* Signals are for the thread that runs the loop. */
static int start_thread(struct rec_writer *w)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

static void writer_free(struct rec_writer *w)
{
	struct block *b;

	while ((b = w->free)) {
		w->free = b->next;
		free(b);
	}
	free(w->cur);
	free(w->scratch.buf);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->room);
	rec_store_destroy(w->store);
	free(w);
}

int rec_create(const char *path, const struct rec_meta *meta,
	       const struct bundle *inputs, struct rec_writer **out,
	       struct av_err *err)
{
	struct rec_writer *w = calloc(1, sizeof(*w));
	int ret;

	*out = NULL;
	if (!w) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	w->tail = &w->head;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->room, NULL);
	ret = rec_store_create(path, meta, inputs, &w->store, err);
	if (ret == 0) {
		ret = start_thread(w);
		if (ret < 0) {
			av_err_set(err, ret, "cannot start a thread: %s",
				   strerror(-ret));
		}
	}
	if (ret < 0) {
		writer_free(w);
		return ret;
	}
	*out = w;
	return 0;
}

int rec_close(struct rec_writer *w, vtime end, const char *verdict,
	      struct av_err *err)
{
	int ret;

	if (!w) {
		return 0;
	}
	if (w->cur && w->cur->len > 0) {
		push(w);
	}
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	ret = atomic_load(&w->stopped);
	if (ret == 0) {
		ret = rec_store_finish(w->store, end, verdict, &w->counts);
	}
	if (ret != 0) {
		reason(w, ret, err);
	}
	writer_free(w);
	return ret;
}
