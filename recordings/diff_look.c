/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second look, once it is known where the recordings differ: the lines
 * around the first difference, and the traces for a picture.
 */
#include "config.h"

#include "recordings/diff_int.h"
#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading without a thread ---- */

struct key_name {
	enum rec_channel ch;
	char *key;
	ptrdiff_t trace; /* wanted by this trace, -1 by none */
};

struct reader {
	struct diff_source *src;
	struct diff_batch b;
	size_t i;
	bool last; /* the batch is the last one */
	struct key_name *name;
	size_t n_names, cap_names;
	const struct diff_result *r; /* for key_name.trace; may be NULL */
};

static int reader_start(struct reader *rd, struct diff_source *src,
			const struct diff_near *near, struct av_err *err)
{
	*rd = (struct reader){ .src = src };
	src->text = true;
	return src->ops->restart(src, near, err);
}

static void reader_finish(struct reader *rd)
{
	for (size_t i = 0; i < rd->n_names; i++) {
		free(rd->name[i].key);
	}
	free(rd->name);
	diff_batch_finish(&rd->b);
}

static ptrdiff_t find_trace(const struct diff_result *r, enum rec_channel ch,
			    const char *key)
{
	for (size_t i = 0; r && i < r->n_traces; i++) {
		const struct diff_key *k = &r->key[r->trace[i].key];

		if (k->ch == ch && !strcmp(k->key, key)) {
			return (ptrdiff_t)i;
		}
	}
	return -1;
}

static int add_names(struct reader *rd)
{
	for (size_t i = 0; i < rd->b.n_names; i++) {
		const struct diff_name *n = &rd->b.name[i];
		const char *key = rd->b.names + n->text;
		struct key_name *v = rd->name;

		if (rd->n_names == rd->cap_names) {
			size_t cap = rd->cap_names ? rd->cap_names * 2 : 64;

			v = realloc(v, cap * sizeof(*v));
			if (!v) {
				return -ENOMEM;
			}
			rd->name = v;
			rd->cap_names = cap;
		}
		v[rd->n_names] = (struct key_name){ .ch = n->ch,
						    .key = strdup(key),
						    .trace = find_trace(rd->r,
									n->ch,
									key) };
		if (!v[rd->n_names].key) {
			return -ENOMEM;
		}
		rd->n_names++;
	}
	return 0;
}

/* 1 with a record, 0 at the end, -errno. */
static int reader_next(struct reader *rd, const struct diff_rec **out,
		       struct av_err *err)
{
	while (rd->i == rd->b.n) {
		int ret;

		if (rd->last) {
			return 0;
		}
		rd->i = rd->b.n = rd->b.n_names = rd->b.names_len =
			rd->b.text_len = 0;
		ret = rd->src->ops->fill(rd->src, &rd->b, err);
		if (ret < 0) {
			return ret;
		}
		rd->last = ret == 0;
		ret = add_names(rd);
		if (ret < 0) {
			return av_err_set(err, ret, "out of memory");
		}
	}
	*out = &rd->b.rec[rd->i++];
	return 1;
}

/* ---- context ---- */

/* The last @want lines before the place, then the place and as many after. */
struct window {
	struct diff_line *line; /* 2 * want + 1 */
	size_t want;
	size_t n_before, at; /* ring of the first @want entries */
	size_t n_after;
	bool found;
};

static int set_line(struct diff_line *l, const struct reader *rd,
		    const struct diff_rec *r, bool mark)
{
	const struct key_name *n = &rd->name[r->key];
	struct diff_item view;

	free(l->key);
	free(l->text);
	diff_item_view(&view, r);
	*l = (struct diff_line){ .t = r->t,
				 .ch = n->ch,
				 .key = strdup(n->key),
				 .text = diff_item_text(&view),
				 .mark = mark };
	return l->key && l->text ? 0 : -ENOMEM;
}

/* One record in order. Return: 1 enough seen, 0 go on, -errno. */
static int window_take(struct window *w, const struct reader *rd,
		       const struct diff_rec *r, const struct diff_key *k,
		       int side)
{
	const struct diff_point *p = &k->first;
	/* a signal has the place of the frame that it came in */
	bool mark = p->has[side] && r->pos == p->pos[side] &&
		    rd->name[r->key].ch == k->ch &&
		    !strcmp(rd->name[r->key].key, k->key);
	int ret;

	w->found = w->found || mark || (!p->has[side] && r->t > p->t);
	if (w->found) {
		ret = set_line(&w->line[w->want + w->n_after], rd, r, mark);
		w->n_after++;
		return ret < 0 ? ret : w->n_after > w->want;
	}
	ret = set_line(&w->line[w->at], rd, r, false);
	w->at = (w->at + 1) % w->want;
	w->n_before += w->n_before < w->want;
	return ret;
}

static void window_clear(struct window *w)
{
	for (size_t i = 0; i < 2 * w->want + 1; i++) {
		free(w->line[i].key);
		free(w->line[i].text);
		w->line[i] = (struct diff_line){ 0 };
	}
	w->n_before = w->at = w->n_after = 0;
	w->found = false;
}

static int read_window(struct window *w, struct diff_source *src,
		       const struct diff_near *near, const struct diff_key *k,
		       int side, struct av_err *err)
{
	struct reader rd;
	const struct diff_rec *r;
	int begin = reader_start(&rd, src, near, err), ret = begin;

	while (ret >= 0 && (ret = reader_next(&rd, &r, err)) > 0) {
		ret = window_take(w, &rd, r, k, side);
		if (ret != 0) {
			break;
		}
	}
	reader_finish(&rd);
	if (ret < 0) {
		return ret;
	}
	return begin == 1 || (w->n_before == w->want &&
			      (w->found || !k->first.has[side]));
}

/* The ring put straight: oldest line first, no hole before the place. */
static void straighten(struct window *w, struct diff_result *r, int side)
{
	struct diff_line *out = calloc(2 * w->want + 1, sizeof(*out));
	size_t start = w->n_before == w->want ? w->at : 0;
	size_t n = 0;

	if (!out) {
		window_clear(w);
		free(w->line);
		return;
	}
	for (size_t i = 0; i < w->n_before; i++) {
		out[n++] = w->line[(start + i) % w->want];
	}
	for (size_t i = 0; i < w->n_after; i++) {
		out[n++] = w->line[w->want + i];
	}
	free(w->line);
	r->context[side] = out;
	r->n_context[side] = n;
}

int diff_look_context(struct diff_source *src[2], const struct diff_opts *o,
		      struct diff_result *r, struct av_err *err)
{
	const struct diff_key *k = &r->key[r->first];
	const struct diff_point *p = &k->first;
	size_t want = o->context < DIFF_CONTEXT_MAX ? o->context :
						      DIFF_CONTEXT_MAX;

	for (int side = 0; side < 2; side++) {
		struct window w = { .want = want };
		int ret = 0;

		w.line = calloc(2 * want + 1, sizeof(*w.line));
		if (!w.line) {
			return -ENOMEM;
		}
		for (unsigned int back = 0; back < 3 && ret == 0; back++) {
			struct diff_near near = { .t = p->t,
						  .pos = p->has[side] ?
								 p->pos[side] :
								 p->read[side],
						  .back = back };

			window_clear(&w);
			ret = read_window(&w, src[side], &near, k, side, err);
		}
		if (ret < 0) {
			window_clear(&w);
			free(w.line);
			return ret;
		}
		straighten(&w, r, side);
	}
	return 0;
}

/* ---- traces ---- */

#define TRACE_POINTS 1024

/* Halve the points: of each four the least and the greatest stay. */
static void thin_out(struct diff_trace_side *s)
{
	size_t n = 0;

	for (size_t i = 0; i + 4 <= s->n; i += 4) {
		size_t lo = i, hi = i;

		for (size_t k = i + 1; k < i + 4; k++) {
			lo = s->y[k] < s->y[lo] ? k : lo;
			hi = s->y[k] > s->y[hi] ? k : hi;
		}
		if (lo == hi) {
			hi = i + 3;
		}
		for (size_t k = i; k < i + 4; k++) {
			if (k == lo || k == hi) {
				s->t[n] = s->t[k];
				s->y[n++] = s->y[k];
			}
		}
	}
	s->n = n;
}

static double label_index(struct diff_trace *t, const struct diff_rec *r)
{
	struct diff_item view;
	char *text;

	diff_item_view(&view, r);
	text = diff_item_text(&view);
	for (size_t i = 0; text && i < t->n_labels; i++) {
		if (!strcmp(t->label[i], text)) {
			free(text);
			return (double)i;
		}
	}
	if (!text || t->n_labels == DIFF_TRACE_LABELS) {
		free(text);
		return DIFF_TRACE_LABELS; /* one row for all others */
	}
	t->label[t->n_labels] = text;
	return (double)t->n_labels++;
}

static void point_add(struct diff_trace_side *s, vtime t, double y)
{
	if (s->n == TRACE_POINTS) {
		thin_out(s);
	}
	s->t[s->n] = t;
	s->y[s->n++] = y;
}

/* Byte @i of a frame in hex, NaN where it has none. */
static double hex_byte(const char *hex, size_t len, size_t i)
{
	char two[3] = "";
	char *end;
	unsigned long v;

	if (2 * i + 2 > len) {
		return NAN;
	}
	memcpy(two, hex + 2 * i, 2);
	v = strtoul(two, &end, 16);
	return *end ? NAN : (double)v;
}

static void trace_add(struct diff_trace *t, enum rec_channel ch, int side,
		      const struct diff_rec *r)
{
	struct diff_trace_side *z = &t->zoom[side];
	double v[CURVE_COLS_MAX], y = NAN;
	bool all_num;

	if (!t->numeric) {
		y = label_index(t, r);
	} else if (ch == REC_CAN) {
		y = hex_byte(r->val, r->len, t->column);
	} else if (diff_value_nums(r, v, CURVE_COLS_MAX, &all_num) >
		   t->column) {
		y = v[t->column];
	}
	point_add(&t->side[side], r->t, y);
	/* one point before the window and one after it, for the lines there */
	if (r->t <= t->zoom_from) {
		z->n = 0;
	}
	if (z->n == 0 || z->t[z->n - 1] <= t->zoom_to) {
		point_add(z, r->t, y);
	}
}

static size_t nums_of_text(const char *text, double *v, bool *all_num)
{
	struct diff_rec r = { .kind = DIFF_TEXT,
			      .val = text,
			      .len = (uint32_t)strlen(text) };

	return diff_value_nums(&r, v, CURVE_COLS_MAX, all_num);
}

static int side_init(struct diff_trace_side *s)
{
	s->t = calloc(TRACE_POINTS, sizeof(*s->t));
	s->y = calloc(TRACE_POINTS, sizeof(*s->y));
	return s->t && s->y ? 0 : -ENOMEM;
}

/* A thirtieth of the whole to both sides of the first difference. */
static void set_zoom(struct diff_trace *t, const struct diff_result *r,
		     const struct diff_key *k)
{
	vtime w = (r->end - r->begin) / 30;

	w = w < 100 * VT_MS ? 100 * VT_MS : w;
	w = w > 5 * VT_S ? 5 * VT_S : w;
	t->zoom_from = k->first.t - w > r->begin ? k->first.t - w : r->begin;
	t->zoom_to = k->first.t + w;
}

static size_t first_other_byte(const char *a, const char *b)
{
	size_t i = 0;

	while (a && b && a[i] && a[i] == b[i]) {
		i++;
	}
	return i / 2;
}

static int trace_init(struct diff_trace *t, const struct diff_result *r,
		      const struct diff_key *k)
{
	double v[2][CURVE_COLS_MAX];
	bool num[2] = { true, true };
	size_t n[2] = { 0, 0 };

	set_zoom(t, r, k);
	t->label = calloc(DIFF_TRACE_LABELS, sizeof(*t->label));
	if (!t->label) {
		return -ENOMEM;
	}
	for (int i = 0; i < 2; i++) {
		const char *text = k->first.text[i];

		if (text) {
			n[i] = nums_of_text(*text == '~' ? text + 1 : text,
					    v[i], &num[i]);
		}
		if (side_init(&t->side[i]) < 0 || side_init(&t->zoom[i]) < 0) {
			return -ENOMEM;
		}
	}
	if (k->ch == REC_CAN) {
		t->numeric = true;
		t->column = first_other_byte(k->first.text[0],
					     k->first.text[1]);
		return 0;
	}
	t->numeric = num[0] && num[1];
	/* of several columns the first that differs */
	while (t->column + 1 < n[0] && t->column + 1 < n[1] &&
	       diff_num_same(v[0][t->column], v[1][t->column])) {
		t->column++;
	}
	return 0;
}

struct ranked {
	const struct diff_key *k;
	size_t idx;
	bool first;
};

/* What a car does comes before the signals that say so, these before frames. */
static int layer(enum rec_channel ch)
{
	return ch == REC_CAN ? 2 : ch == REC_SIGNAL ? 1 : 0;
}

/* The first difference, then layer by layer the most differences. */
static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	uint64_t nx = diff_total(&x->k->c), ny = diff_total(&y->k->c);

	if (x->first != y->first) {
		return x->first ? -1 : 1;
	}
	if (layer(x->k->ch) != layer(y->k->ch)) {
		return layer(x->k->ch) - layer(y->k->ch);
	}
	if (nx != ny) {
		return nx > ny ? -1 : 1;
	}
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

static int choose(struct diff_result *r, size_t max)
{
	struct ranked *v = calloc(r->n_keys, sizeof(*v));
	size_t n = 0;
	int ret = 0;

	if (!v) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		if (diff_total(&r->key[i].c) > 0) {
			v[n++] = (struct ranked){ &r->key[i], i,
						  i == r->first };
		}
	}
	qsort(v, n, sizeof(*v), by_rank);
	n = n < max ? n : max;
	r->trace = calloc(n ? n : 1, sizeof(*r->trace));
	ret = r->trace ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && ret == 0; i++) {
		r->trace[i].key = v[i].idx;
		r->n_traces = i + 1;
		ret = trace_init(&r->trace[i], r, v[i].k);
	}
	free(v);
	return ret;
}

int diff_look_traces(struct diff_source *src[2], const struct diff_opts *o,
		     struct diff_result *r, struct av_err *err)
{
	int ret = choose(r, o->traces);

	for (int side = 0; side < 2 && ret >= 0; side++) {
		struct reader rd;
		const struct diff_rec *rec;

		ret = reader_start(&rd, src[side], NULL, err);
		rd.r = r;
		while (ret >= 0 && (ret = reader_next(&rd, &rec, err)) > 0) {
			ptrdiff_t i = rd.name[rec->key].trace;

			if (i >= 0) {
				trace_add(&r->trace[i], rd.name[rec->key].ch,
					  side, rec);
			}
		}
		reader_finish(&rd);
	}
	return ret;
}
