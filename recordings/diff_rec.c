/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings as a source. Two recordings are compared by what they hold (numbers,
 * frames); against a dump, or for a report, by their canonical text.
 */
#include "config.h"

#include "recordings/diff_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS 4096
/* 126 years, as in a dump: the distance of any two times fits into a vtime. */
#define TIME_MAX (INT64_C(4000000000) * VT_S)

struct rec_source {
	struct diff_source s;
	struct rec_reader *r;
	struct diff_names names;
	struct rec_filter filter;
	struct rec_record rec; /* handed back each time, as rec_next() wants */
	vtime last;
	char *span; /* channel byte + key */
	size_t span_cap;
};

static int take_text(struct diff_batch *b, const char *p, size_t len,
		     size_t *off)
{
	if (b->text_len + len > b->text_cap) {
		size_t cap = b->text_cap ? b->text_cap * 2 : 65536;
		char *v;

		while (cap < b->text_len + len) {
			cap *= 2;
		}
		v = realloc(b->text, cap);
		if (!v) {
			return -ENOMEM;
		}
		b->text = v;
		b->text_cap = cap;
	}
	*off = b->text_len;
	memcpy(b->text + b->text_len, p, len);
	b->text_len += len;
	return 0;
}

static int key_id(struct rec_source *s, struct diff_batch *b,
		  const struct rec_record *rec, uint32_t *id)
{
	size_t len = strlen(rec->key);
	bool is_new;
	int64_t n;

	if (len + 1 > s->span_cap) {
		char *v = realloc(s->span, len + 128);

		if (!v) {
			return -ENOMEM;
		}
		s->span = v;
		s->span_cap = len + 128;
	}
	s->span[0] = (char)rec->ch;
	memcpy(s->span + 1, rec->key, len);
	n = diff_names_get(&s->names, s->span, len + 1, &is_new);
	if (n < 0 ||
	    (is_new && diff_batch_name(b, rec->ch, rec->key, len) < 0)) {
		return -ENOMEM;
	}
	*id = (uint32_t)n;
	return 0;
}

static int take_value(struct rec_source *s, struct diff_batch *b,
		      const struct rec_record *rec, struct diff_rec *out,
		      size_t *off)
{
	if (!s->s.text && rec->frame) {
		const struct can_frame *f = rec->frame;
		char buf[2 + sizeof(f->data)];

		buf[0] = (char)f->flags;
		buf[1] = (char)f->len;
		memcpy(buf + 2, f->data, f->len);
		out->kind = DIFF_FRAME;
		out->len = 2u + f->len;
		return take_text(b, buf, out->len, off);
	}
	if (!s->s.text && rec->val == REC_VAL_NUM) {
		out->kind = DIFF_NUM;
		out->num = rec->num;
		return 0;
	}
	out->kind = DIFF_TEXT;
	out->len = (uint32_t)strlen(rec->text);
	return take_text(b, rec->text, out->len, off);
}

/* Values move while the batch's text grows: offsets first, pointers at last. */
static void set_pointers(struct diff_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		b->rec[i].val = b->text ? b->text + (uintptr_t)b->rec[i].val :
					  "";
	}
}

static int rec_fill(struct diff_source *src, struct diff_batch *b,
		    struct av_err *err)
{
	struct rec_source *s = (struct rec_source *)src;
	struct rec_record *rec = &s->rec;
	int ret = 1;

	while (b->n < BATCH_RECORDS &&
	       (ret = rec_next(s->r, rec, err)) > 0) {
		struct diff_rec out = { .t = rec->t, .pos = rec->seq };
		size_t off = 0;

		if (rec->t < s->last || rec->t < -TIME_MAX || rec->t > TIME_MAX) {
			return av_err_set(err, -EINVAL,
					  "%s is damaged: time goes back at "
					  "record %llu",
					  src->name,
					  (unsigned long long)rec->seq);
		}
		s->last = rec->t;
		if (key_id(s, b, rec, &out.key) < 0 ||
		    take_value(s, b, rec, &out, &off) < 0) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		out.val = (const char *)(uintptr_t)off;
		if (diff_batch_rec(b, &out) < 0) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	set_pointers(b);
	return ret;
}

/* As avsim dump: by default a recording has the signals of its frames. */
static bool wants_signals(const char *only)
{
	return !only || strstr(only, "sig") || strpbrk(only, "*?");
}

static int rec_restart(struct diff_source *src, const struct diff_near *near,
		       struct av_err *err)
{
	static const vtime back[] = { VT_S, 30 * VT_S };
	struct rec_source *s = (struct rec_source *)src;
	struct rec_filter f = { .from = src->from,
				.to = src->to,
				.only = src->only,
				.signals = wants_signals(src->only),
				.text = src->text };
	int begin = 1, ret;

	/* signals come out of frames by their changes: from the beginning */
	if (near && near->back < 2 && !f.signals &&
	    near->t - back[near->back] > f.from) {
		f.from = near->t - back[near->back];
		begin = 0;
	}
	diff_names_finish(&s->names);
	s->last = INT64_MIN;
	s->filter = f;
	ret = rec_seek(s->r, &s->filter, err);
	return ret < 0 ? ret : begin;
}

static void rec_source_close(struct diff_source *src)
{
	struct rec_source *s = (struct rec_source *)src;

	rec_close_reader(s->r);
	diff_names_finish(&s->names);
	free(s->span);
	free(s->s.name);
	free(s);
}

static const struct diff_source_ops rec_ops = {
	.restart = rec_restart,
	.fill = rec_fill,
	.close = rec_source_close,
};

int diff_source_rec(const char *path, struct diff_source **out,
		    struct av_err *err)
{
	struct rec_source *s = calloc(1, sizeof(*s));
	int ret;

	if (!s || !(s->s.name = strdup(path))) {
		free(s);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	s->s.ops = &rec_ops;
	s->s.to = VT_NEVER;
	ret = rec_open(path, &s->r, err);
	if (ret < 0) {
		rec_source_close(&s->s);
		return ret;
	}
	*out = &s->s;
	return 0;
}
