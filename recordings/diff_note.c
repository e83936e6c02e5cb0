/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the books of a stream: counts, the first difference, the worst one,
 * and where in time differences lie.
 */
#include "config.h"

#include "recordings/diff_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const diff_what_names[DIFF_N_WHATS] = { "changed", "shifted",
						    "missing", "extra" };

void diff_point_finish(struct diff_point *p)
{
	free(p->text[0]);
	free(p->text[1]);
	*p = (struct diff_point){ 0 };
}

/* Spans stay sorted. Beyond DIFF_SPANS_MAX the two nearest become one. */
static void join_nearest(struct diff_key *k)
{
	size_t best = 1;

	for (size_t i = 2; i < k->n_spans; i++) {
		if (k->span[i].from - k->span[i - 1].to <
		    k->span[best].from - k->span[best - 1].to) {
			best = i;
		}
	}
	if (k->span[best].to > k->span[best - 1].to) {
		k->span[best - 1].to = k->span[best].to;
	}
	k->span[best - 1].n += k->span[best].n;
	memmove(&k->span[best], &k->span[best + 1],
		(k->n_spans - best - 1) * sizeof(*k->span));
	k->n_spans--;
}

static int add_span(struct diff_key *k, vtime from, vtime to)
{
	size_t i = k->n_spans;

	if (i == 0 || (i & (i - 1)) == 0) {
		size_t cap = i ? i * 2 : 1;
		struct diff_span *v = realloc(k->span, cap * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		k->span = v;
	}
	while (i > 0 && k->span[i - 1].from > from) {
		i--;
	}
	memmove(&k->span[i + 1], &k->span[i],
		(k->n_spans - i) * sizeof(*k->span));
	k->span[i] = (struct diff_span){ .from = from, .to = to, .n = 1 };
	k->n_spans++;
	if (k->n_spans == DIFF_SPANS_MAX) {
		join_nearest(k);
	}
	return 0;
}

/* True if the point is to be counted as a difference. */
static bool count(struct diff_stream *s, enum diff_what what)
{
	struct diff_counts *c = &s->k.c;

	if ((what == DIFF_MISSING && s->k.tol.allow_missing) ||
	    (what == DIFF_EXTRA && s->k.tol.allow_extra)) {
		c->allowed++;
		return false;
	}
	c->n[what]++;
	return true;
}

static bool is_first(const struct diff_stream *s, vtime t)
{
	const struct diff_point *f = &s->k.first;

	return !(f->has[0] || f->has[1]) || t < f->t;
}

void diff_note(struct diff_stream *s, enum diff_what what,
	       const struct diff_item *a, const struct diff_item *b,
	       double delta)
{
	const struct diff_item *side[2] = { a, b };
	struct diff_point p = { .what = what, .delta = delta };
	vtime to;

	if (!count(s, what)) {
		return;
	}
	p.t = a && b ? (a->t < b->t ? a->t : b->t) : (a ? a->t : b->t);
	to = a && b ? (a->t > b->t ? a->t : b->t) : p.t;
	if (add_span(&s->k, p.t, to) < 0) {
		s->d->error = -ENOMEM;
	}
	if (!is_first(s, p.t)) {
		return;
	}
	for (int i = 0; i < 2; i++) {
		p.read[i] = s->d->read[i];
		if (side[i]) {
			p.has[i] = true;
			p.at[i] = side[i]->t;
			p.pos[i] = side[i]->pos;
			p.text[i] = diff_item_text(side[i]);
		}
	}
	diff_point_finish(&s->k.first);
	s->k.first = p;
}

void diff_note_at(struct diff_stream *s, enum diff_what what, int side, vtime t,
		  uint64_t pos, double delta, char *text_a, char *text_b)
{
	struct diff_point p = { .what = what,
				.t = t,
				.delta = delta,
				.text = { text_a, text_b },
				.read = { s->d->read[0], s->d->read[1] } };

	p.has[side] = true;
	p.at[side] = t;
	p.pos[side] = pos;
	if (count(s, what)) {
		if (add_span(&s->k, t, t) < 0) {
			s->d->error = -ENOMEM;
		}
		if (is_first(s, t)) {
			diff_point_finish(&s->k.first);
			s->k.first = p;
			return;
		}
	}
	diff_point_finish(&p);
}

void diff_note_delta(struct diff_stream *s, double delta, vtime t,
		     const struct diff_item *a, const struct diff_item *b)
{
	struct diff_key *k = &s->k;

	if (isnan(delta) || delta == 0 || (k->has_worst && delta <= k->worst)) {
		return;
	}
	k->has_worst = true;
	k->worst = delta;
	k->worst_t = t;
	free(k->worst_text[0]);
	free(k->worst_text[1]);
	k->worst_text[0] = a ? diff_item_text(a) : NULL;
	k->worst_text[1] = b ? diff_item_text(b) : NULL;
}
