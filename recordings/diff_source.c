/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/diff_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int grow(void **v, size_t *cap, size_t want, size_t size)
{
	size_t n = *cap ? *cap : 64;
	void *p;

	if (want <= *cap) {
		return 0;
	}
	while (n < want) {
		n *= 2;
	}
	p = realloc(*v, n * size);
	if (!p) {
		return -ENOMEM;
	}
	*v = p;
	*cap = n;
	return 0;
}

int diff_batch_rec(struct diff_batch *b, const struct diff_rec *r)
{
	if (b->n == b->cap &&
	    grow((void **)&b->rec, &b->cap, b->n + 1, sizeof(*b->rec)) < 0) {
		return -ENOMEM;
	}
	b->rec[b->n++] = *r;
	return 0;
}

int diff_batch_name(struct diff_batch *b, enum rec_channel ch, const char *key,
		    size_t len)
{
	if (grow((void **)&b->name, &b->cap_names, b->n_names + 1,
		 sizeof(*b->name)) < 0 ||
	    grow((void **)&b->names, &b->names_cap, b->names_len + len + 1,
		 1) < 0) {
		return -ENOMEM;
	}
	b->name[b->n_names++] =
		(struct diff_name){ .ch = ch, .text = b->names_len };
	memcpy(b->names + b->names_len, key, len);
	b->names[b->names_len + len] = '\0';
	b->names_len += len + 1;
	return 0;
}

void diff_batch_finish(struct diff_batch *b)
{
	free(b->rec);
	free(b->name);
	free(b->names);
	free(b->text);
	*b = (struct diff_batch){ 0 };
}

/* ---- names ---- */

struct diff_names_slot {
	uint64_t hash;
	size_t text; /* offset + 1, 0 = free */
	uint32_t len;
	uint32_t id;
};

/* Eight bytes at a time; only has to spread, nothing depends on its order. */
static uint64_t hash_span(const char *p, size_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ len, w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, p, len);
	h = (h ^ w) * 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h;
}

static int names_rehash(struct diff_names *t)
{
	size_t cap = t->cap ? t->cap * 2 : 256;
	struct diff_names_slot *v = calloc(cap, sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->cap; i++) {
		size_t k = t->slot[i].hash & (cap - 1);

		if (!t->slot[i].text) {
			continue;
		}
		while (v[k].text) {
			k = (k + 1) & (cap - 1);
		}
		v[k] = t->slot[i];
	}
	/* the slots have moved: what follows what is learnt anew */
	for (size_t k = 0; k < cap; k++) {
		if (v[k].text) {
			t->next[v[k].id] = (uint32_t)k;
		}
	}
	free(t->slot);
	t->slot = v;
	t->cap = cap;
	return 0;
}

static bool is_span(const struct diff_names *t, const struct diff_names_slot *s,
		    const char *span, size_t len)
{
	return s->len == len && !memcmp(t->text + s->text - 1, span, len);
}

static int add_span(struct diff_names *t, size_t k, uint64_t hash,
		    const char *span, size_t len)
{
	if (grow((void **)&t->text, &t->text_cap, t->text_len + len + 1, 1) <
		    0 ||
	    grow((void **)&t->next, &t->next_cap, t->n + 1,
		 sizeof(*t->next)) < 0) {
		return -ENOMEM;
	}
	memcpy(t->text + t->text_len, span, len);
	t->slot[k] = (struct diff_names_slot){ .hash = hash,
					       .text = t->text_len + 1,
					       .len = (uint32_t)len,
					       .id = (uint32_t)t->n };
	t->next[t->n] = (uint32_t)k;
	t->text_len += len;
	t->n++;
	return 0;
}

int64_t diff_names_get(struct diff_names *t, const char *span, size_t len,
		       bool *is_new)
{
	uint64_t h;
	size_t k;

	*is_new = false;
	/* cyclic keys come round in the same order: no need to hash them */
	if (t->n > 0) {
		const struct diff_names_slot *s = &t->slot[t->next[t->last]];

		if (is_span(t, s, span, len)) {
			t->last = s->id;
			return s->id;
		}
	}
	if (t->n * 2 >= t->cap && names_rehash(t) < 0) {
		return -ENOMEM;
	}
	h = hash_span(span, len);
	for (k = h & (t->cap - 1); t->slot[k].text; k = (k + 1) & (t->cap - 1)) {
		if (t->slot[k].hash == h && is_span(t, &t->slot[k], span, len)) {
			break;
		}
	}
	if (!t->slot[k].text) {
		if (add_span(t, k, h, span, len) < 0) {
			return -ENOMEM;
		}
		*is_new = true;
	}
	t->next[t->last] = (uint32_t)k;
	t->last = t->slot[k].id;
	return t->last;
}

void diff_names_finish(struct diff_names *t)
{
	free(t->slot);
	free(t->text);
	free(t->next);
	*t = (struct diff_names){ 0 };
}

/* ---- reading ahead ---- */

/*
 * A ring of batches between the thread that fills them and the one that
 * compares. Batch i belongs to the filler while filled <= i < taken + N_BATCHES
 * and to the comparer while taken <= i < filled.
 */
#define N_BATCHES 3

struct diff_feed {
	struct diff_source *src;
	pthread_t thread;
	bool threaded; /* no thread to be had: filled when asked */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct diff_batch batch[N_BATCHES];
	unsigned long filled, taken;
	bool holds; /* the comparer still reads batch @taken */
	bool stop;
	int end; /* 1 more, 0 all is filled, -errno */
	struct av_err err;
};

static void empty_batch(struct diff_batch *b)
{
	b->n = 0;
	b->n_names = 0;
	b->names_len = 0;
	b->text_len = 0;
}

static void *fill_ahead(void *arg)
{
	struct diff_feed *f = arg;
	int ret = 1;

	pthread_mutex_lock(&f->lock);
	while (ret > 0) {
		struct diff_batch *b;

		while (!f->stop && f->filled - f->taken == N_BATCHES) {
			pthread_cond_wait(&f->cond, &f->lock);
		}
		if (f->stop) {
			break;
		}
		b = &f->batch[f->filled % N_BATCHES];
		pthread_mutex_unlock(&f->lock);
		empty_batch(b);
		ret = f->src->ops->fill(f->src, b, &f->err);
		pthread_mutex_lock(&f->lock);
		f->filled += ret >= 0;
		f->end = ret;
		pthread_cond_broadcast(&f->cond);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int diff_feed_start(struct diff_source *s, struct diff_feed **out,
		    struct av_err *err)
{
	struct diff_feed *f = calloc(1, sizeof(*f));

	if (!f) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	f->src = s;
	f->end = 1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->cond, NULL);
	f->threaded = pthread_create(&f->thread, NULL, fill_ahead, f) == 0;
	*out = f;
	return 0;
}

static int next_unthreaded(struct diff_feed *f, const struct diff_batch **out)
{
	*out = NULL;
	if (f->end > 0) {
		empty_batch(&f->batch[0]);
		f->end = f->src->ops->fill(f->src, &f->batch[0], &f->err);
		*out = f->end >= 0 ? &f->batch[0] : NULL;
	}
	return f->end < 0 ? f->end : 0;
}

int diff_feed_next(struct diff_feed *f, const struct diff_batch **out,
		   struct av_err *err)
{
	int ret = 0;

	if (!f->threaded) {
		ret = next_unthreaded(f, out);
	} else {
		pthread_mutex_lock(&f->lock);
		if (f->holds) {
			f->holds = false;
			f->taken++;
			pthread_cond_broadcast(&f->cond);
		}
		while (f->filled == f->taken && f->end > 0) {
			pthread_cond_wait(&f->cond, &f->lock);
		}
		*out = NULL;
		if (f->filled != f->taken) {
			*out = &f->batch[f->taken % N_BATCHES];
			f->holds = true;
		} else {
			ret = f->end;
		}
		pthread_mutex_unlock(&f->lock);
	}
	if (ret < 0 && err) {
		*err = f->err;
	}
	return ret;
}

void diff_feed_stop(struct diff_feed *f)
{
	if (!f) {
		return;
	}
	if (f->threaded) {
		pthread_mutex_lock(&f->lock);
		f->stop = true;
		pthread_cond_broadcast(&f->cond);
		pthread_mutex_unlock(&f->lock);
		pthread_join(f->thread, NULL);
	}
	for (int i = 0; i < N_BATCHES; i++) {
		diff_batch_finish(&f->batch[i]);
	}
	pthread_cond_destroy(&f->cond);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
