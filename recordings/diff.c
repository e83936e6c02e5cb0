/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/diff.h"

#include "recordings/diff_int.h"
#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One side of the merge: its batches, and its key numbers as streams. */
struct side {
	struct diff_feed *feed;
	const struct diff_batch *b; /* NULL: at the end */
	size_t i;
	struct diff_stream **stream; /* by key number of the source */
	size_t n_streams, cap_streams;
	vtime first, last;
	uint64_t n;
};

/* ---- streams ---- */

static void choose_rule(struct diff_stream *s)
{
	const struct diff_opts *o = s->d->o;
	struct diff_key *k = &s->k;
	const struct tolerance *def = tolerance_default(k->ch);

	k->rule = tolerances_find(o->tol, k->ch, k->key);
	k->tol = k->rule < 0 ? *def : o->tol->rule[k->rule];
	k->tol.match = NULL;
	if (k->rule >= 0 && k->tol.kind == TOL_KIND_DEFAULT) {
		k->tol.kind = def->kind;
	}
	if ((k->rule < 0 || o->tol->rule[k->rule].kind == TOL_KIND_DEFAULT) &&
	    k->ch == REC_VHAL && o->continuous && o->continuous(k->key)) {
		k->tol.kind = TOL_CONTINUOUS;
	}
	if (k->tol.interp == TOL_INTERP_DEFAULT) {
		k->tol.interp = def->interp == TOL_INTERP_DEFAULT ?
					TOL_LINEAR :
					def->interp;
	}
}

static struct diff_stream *new_stream(struct diff *d, enum rec_channel ch,
				      const char *key)
{
	struct diff_stream *s = calloc(1, sizeof(*s));

	if (!s || !(s->k.key = strdup(key))) {
		free(s);
		return NULL;
	}
	if (d->n_streams == d->cap_streams) {
		size_t cap = d->cap_streams ? d->cap_streams * 2 : 64;
		struct diff_stream **v = realloc(d->stream, cap * sizeof(*v));

		if (!v) {
			free(s->k.key);
			free(s);
			return NULL;
		}
		d->stream = v;
		d->cap_streams = cap;
	}
	s->d = d;
	s->k.ch = ch;
	s->k.first.delta = NAN;
	s->look = 8;
	s->last = INT64_MIN;
	choose_rule(s);
	d->stream[d->n_streams++] = s;
	return s;
}

/* The stream of a key, made on first sight. */
static struct diff_stream *get_stream(struct diff *d, enum rec_channel ch,
				      const char *key)
{
	size_t len = strlen(key);
	char small[256], *span = small;
	struct diff_stream *s = NULL;
	bool is_new;
	int64_t id;

	if (len + 1 > sizeof(small) && !(span = malloc(len + 1))) {
		return NULL;
	}
	span[0] = (char)ch;
	memcpy(span + 1, key, len);
	id = diff_names_get(&d->names, span, len + 1, &is_new);
	if (id >= 0 && is_new) {
		s = new_stream(d, ch, key);
	} else if (id >= 0) {
		s = d->stream[id];
	}
	if (span != small) {
		free(span);
	}
	return s;
}

static void free_stream(struct diff_stream *s)
{
	diff_align_free(s);
	diff_curve_free(s);
	free(s);
}

/* By its first record a stream is a sequence or a curve. */
static void decide(struct diff_stream *s, const struct diff_rec *r)
{
	double v[CURVE_COLS_MAX];
	bool all_num;
	size_t cols;

	s->decided = true;
	if (s->k.tol.kind != TOL_CONTINUOUS || s->k.tol.max_gap == 0) {
		return;
	}
	cols = diff_value_nums(r, v, CURVE_COLS_MAX, &all_num);
	if (all_num) {
		s->k.curve = true;
		if (diff_curve_init(s, cols) < 0) {
			s->d->error = -ENOMEM;
			s->k.curve = false;
		}
	}
}

static inline void push(struct diff_stream *s, int side,
			const struct diff_rec *r)
{
	s->d->read[side] = r->pos;
	if (side) {
		s->k.c.b++;
	} else {
		s->k.c.a++;
	}
	if (s->k.tol.ignore) {
		s->k.c.ignored++;
		return;
	}
	if (!s->decided) {
		decide(s, r);
	}
	if (s->k.curve) {
		diff_curve_push(s, side, r);
	} else {
		diff_align_push(s, side, r);
	}
}

/* ---- merging ---- */

/* The next batch that has records, and the streams of its new keys. */
static int next_batch(struct diff *d, struct side *m, struct av_err *err)
{
	do {
		int ret = diff_feed_next(m->feed, &m->b, err);

		if (ret < 0) {
			return ret;
		}
		m->i = 0;
		for (size_t i = 0; m->b && i < m->b->n_names; i++) {
			const struct diff_name *n = &m->b->name[i];

			if (m->n_streams == m->cap_streams) {
				size_t cap = m->cap_streams ?
						     m->cap_streams * 2 :
						     64;
				struct diff_stream **v =
					realloc(m->stream, cap * sizeof(*v));

				if (!v) {
					return -ENOMEM;
				}
				m->stream = v;
				m->cap_streams = cap;
			}
			if (d->n_streams >= DIFF_KEYS_MAX) {
				return av_err_set(err, -E2BIG,
						  "there are more than %d keys; "
						  "compare a part of them with "
						  "--only",
						  DIFF_KEYS_MAX);
			}
			m->stream[m->n_streams] =
				get_stream(d, n->ch, m->b->names + n->text);
			if (!m->stream[m->n_streams]) {
				return -ENOMEM;
			}
			m->n_streams++;
		}
	} while (m->b && m->b->n == 0);
	return 0;
}

static int merge(struct diff *d, struct side m[2], struct av_err *err)
{
	int ret = next_batch(d, &m[0], err);

	ret = ret < 0 ? ret : next_batch(d, &m[1], err);
	while (ret == 0 && d->error == 0 && (m[0].b || m[1].b)) {
		/* of equal times A goes first */
		int k = !m[0].b || (m[1].b && m[1].b->rec[m[1].i].t <
						      m[0].b->rec[m[0].i].t);
		const struct diff_rec *r = &m[k].b->rec[m[k].i];

		if (m[k].n++ == 0) {
			m[k].first = r->t;
		}
		m[k].last = r->t;
		push(m[k].stream[r->key], k, r);
		if (++m[k].i == m[k].b->n) {
			ret = next_batch(d, &m[k], err);
		}
	}
	return ret < 0 ? ret : d->error;
}

static int run(struct diff *d, struct diff_source *src[2], struct side m[2],
	       struct av_err *err)
{
	int ret = 0;

	*err = (struct av_err){ 0 };
	for (int i = 0; i < 2 && ret >= 0; i++) {
		src[i]->only = d->o->only;
		src[i]->from = d->o->from > 0 ? d->o->from : INT64_MIN;
		src[i]->to = d->o->to;
		ret = src[i]->ops->restart(src[i], NULL, err);
		if (ret >= 0) {
			ret = diff_feed_start(src[i], &m[i].feed, err);
		}
	}
	if (ret >= 0) {
		ret = merge(d, m, err);
	}
	diff_feed_stop(m[0].feed);
	diff_feed_stop(m[1].feed);
	for (size_t i = 0; i < d->n_streams && ret >= 0; i++) {
		if (d->stream[i]->k.curve) {
			diff_curve_end(d->stream[i]);
		} else {
			diff_align_end(d->stream[i]);
		}
	}
	return ret < 0 ? ret : d->error;
}

/* ---- results ---- */

static int by_name(const void *a, const void *b)
{
	const struct diff_key *x = a, *y = b;

	if (x->ch != y->ch) {
		return x->ch < y->ch ? -1 : 1;
	}
	return strcmp(x->key, y->key);
}

static void add_counts(struct diff_counts *sum, const struct diff_counts *c)
{
	sum->a += c->a;
	sum->b += c->b;
	sum->same += c->same;
	sum->allowed += c->allowed;
	sum->ignored += c->ignored;
	for (int i = 0; i < DIFF_N_WHATS; i++) {
		sum->n[i] += c->n[i];
	}
}

static void sum_up(struct diff_result *r)
{
	r->total = (struct diff_counts){ 0 };
	for (size_t i = 0; i < r->n_keys; i++) {
		const struct diff_key *k = &r->key[i];

		add_counts(&r->total, &k->c);
		add_counts(&r->channel[k->ch], &k->c);
		if (diff_total(&k->c) > 0 &&
		    (!r->differs || k->first.t < r->key[r->first].first.t)) {
			r->differs = true;
			r->first = i;
		}
	}
}

static char *copy_text(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* Move what the streams have found into @r. */
static int collect(struct diff *d, const struct side m[2],
		   struct diff_source *src[2], struct diff_result *r)
{
	const struct diff_opts *o = d->o;

	r->name[0] = strdup(src[0]->name);
	r->name[1] = strdup(src[1]->name);
	r->tolerances = copy_text(o->tol ? o->tol->name : NULL);
	r->only = copy_text(o->only);
	r->key = calloc(d->n_streams ? d->n_streams : 1, sizeof(*r->key));
	if (!r->name[0] || !r->name[1] || !r->key) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < d->n_streams; i++) {
		r->key[i] = d->stream[i]->k;
		d->stream[i]->k = (struct diff_key){ 0 };
	}
	r->n_keys = d->n_streams;
	qsort(r->key, r->n_keys, sizeof(*r->key), by_name);
	r->begin = r->end = 0;
	for (int i = 0; i < 2; i++) {
		if (m[i].n > 0) {
			bool only = !m[!i].n;

			r->begin = only || m[i].first < m[!i].first ?
					   m[i].first :
					   m[!i].first;
			r->end = only || m[i].last > m[!i].last ? m[i].last :
								  m[!i].last;
		}
	}
	sum_up(r);
	return 0;
}

static void key_finish(struct diff_key *k)
{
	free(k->key);
	diff_point_finish(&k->first);
	free(k->worst_text[0]);
	free(k->worst_text[1]);
	free(k->span);
}

static void diff_finish(struct diff *d, struct side m[2])
{
	for (size_t i = 0; i < d->n_streams; i++) {
		key_finish(&d->stream[i]->k);
		free_stream(d->stream[i]);
	}
	free(d->stream);
	free(d->align);
	diff_names_finish(&d->names);
	free(m[0].stream);
	free(m[1].stream);
}

int diff_sources(struct diff_source *a, struct diff_source *b,
		 const struct diff_opts *o, struct diff_result *out,
		 struct av_err *err)
{
	struct diff_source *src[2] = { a, b };
	struct diff d = { .o = o };
	struct side m[2] = { { 0 }, { 0 } };
	struct av_err mine;
	int ret;

	*out = (struct diff_result){ 0 };
	err = err ? err : &mine;
	/* numbers and frames compare as such between two recordings */
	a->text = b->text = a->text || b->text;
	d.align = malloc(sizeof(*d.align));
	ret = d.align ? run(&d, src, m, err) : -ENOMEM;
	if (ret >= 0) {
		ret = collect(&d, m, src, out);
	}
	diff_finish(&d, m);
	if (ret >= 0 && out->differs && o->context > 0) {
		ret = diff_look_context(src, o, out, err);
	}
	if (ret >= 0 && out->differs && o->traces > 0) {
		ret = diff_look_traces(src, o, out, err);
	}
	if (ret < 0) {
		diff_result_finish(out);
		if (!err->msg[0]) {
			av_err_set(err, ret, "out of memory");
		}
		return ret;
	}
	return 0;
}

void diff_result_finish(struct diff_result *r)
{
	for (size_t i = 0; i < r->n_keys; i++) {
		key_finish(&r->key[i]);
	}
	free(r->key);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < r->n_context[i]; k++) {
			free(r->context[i][k].key);
			free(r->context[i][k].text);
		}
		free(r->context[i]);
		free(r->name[i]);
	}
	for (size_t i = 0; i < r->n_traces; i++) {
		struct diff_trace *t = &r->trace[i];

		for (size_t k = 0; k < t->n_labels; k++) {
			free(t->label[k]);
		}
		free(t->label);
		for (int side = 0; side < 2; side++) {
			free(t->side[side].t);
			free(t->side[side].y);
			free(t->zoom[side].t);
			free(t->zoom[side].y);
		}
	}
	free(r->trace);
	free(r->tolerances);
	free(r->only);
	*r = (struct diff_result){ 0 };
}
