/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the diff share. A stream is one key of both sides; it is
 * compared either as a sequence (diff_align.c) or as a curve (diff_curve.c).
 */
#ifndef AVSIM_RECORDINGS_DIFF_INT_H
#define AVSIM_RECORDINGS_DIFF_INT_H

#include "recordings/diff.h"
#include "recordings/diff_source.h"

/* A value that waits. Short ones (nearly all) need no memory of their own. */
#define ITEM_INLINE 24
struct diff_item {
	vtime t;
	uint64_t pos;
	double num;
	uint32_t len;
	uint8_t kind; /* enum diff_val */
	bool gone;    /* matched out of order */
	union {
		char in[ITEM_INLINE];
		char *heap;
	} u;
};

static inline const char *item_val(const struct diff_item *i)
{
	return i->len <= ITEM_INLINE ? i->u.in : i->u.heap;
}

struct diff_queue { /* ring; cap is a power of two */
	struct diff_item *v;
	uint32_t cap, head, n;
};

static inline struct diff_item *queue_at(const struct diff_queue *q, uint32_t i)
{
	return &q->v[(q->head + i) & (q->cap - 1)];
}

struct diff_curve;

struct diff_stream {
	struct diff_key k;
	struct diff *d;
	vtime last; /* newest record of both sides */
	/* as a sequence */
	struct diff_queue q[2];
	uint32_t look; /* lookahead that the open dispute wants */
	bool dispute;
	/* as a curve */
	struct diff_curve *curve;
	bool decided; /* the first record has settled which of the two */
};

/* Scratch of the alignment, shared by all streams. */
#define ALIGN_MAX 128
struct diff_align {
	uint32_t cost[ALIGN_MAX + 1][ALIGN_MAX + 1];
	uint8_t step[ALIGN_MAX + 1][ALIGN_MAX + 1];
	uint8_t path[2 * ALIGN_MAX];
};

struct diff {
	const struct diff_opts *o;
	struct diff_align *align;
	struct diff_stream **stream;
	size_t n_streams, cap_streams;
	struct diff_names names; /* channel byte + key -> stream */
	uint64_t read[2];	 /* position of the newest record taken */
	int error;		 /* -ENOMEM, looked at once per record */
};

/* ---- values (diff_value.c) ---- */

enum diff_cmp { CMP_EQUAL, CMP_WITHIN, CMP_DIFFERENT };

/* Two numbers under a rule. */
bool diff_num_within(const struct tolerance *t, double a, double b);
/* |a - b|; 0 for equal ones incl. NaN and NaN, inf against a number and NaN. */
double diff_num_delta(double a, double b);

/* @delta: greatest difference of numbers in it, NaN where there are none */
enum diff_cmp diff_value_cmp(const struct diff_stream *s,
			     const struct diff_item *a,
			     const struct diff_item *b, double *delta);

/* The record's value as an item that borrows its text. */
void diff_item_view(struct diff_item *i, const struct diff_rec *r);
/* Its value for people, cut to DIFF_TEXT_MAX; caller frees, NULL = no memory */
char *diff_item_text(const struct diff_item *i);
/*
 * The numbers of a value, column by column, at most @max. What is no number
 * becomes a NaN that carries a hash of the text, so that equal texts are equal
 * and others are not. Return: how many there are; *all_num says if each is one.
 */
size_t diff_value_nums(const struct diff_rec *r, double *out, size_t max,
		       bool *all_num);
/* Same number, or NaN with the same bits. */
bool diff_num_same(double a, double b);

/* ---- streams ---- */

/* A record of @side has come; all earlier ones of both sides have. */
void diff_align_push(struct diff_stream *s, int side, const struct diff_rec *r);
void diff_align_end(struct diff_stream *s);
void diff_align_free(struct diff_stream *s);

int diff_curve_init(struct diff_stream *s, size_t cols);
#define CURVE_COLS_MAX 32
void diff_curve_push(struct diff_stream *s, int side, const struct diff_rec *r);
void diff_curve_end(struct diff_stream *s);
void diff_curve_free(struct diff_stream *s);

/* ---- findings (diff_note.c) ---- */

/* A difference; @a, @b are NULL where that side has no record. */
void diff_note(struct diff_stream *s, enum diff_what what,
	       const struct diff_item *a, const struct diff_item *b,
	       double delta);
/* The same from a curve: one record, the texts made by the caller (taken). */
void diff_note_at(struct diff_stream *s, enum diff_what what, int side, vtime t,
		  uint64_t pos, double delta, char *text_a, char *text_b);
/* Two values were compared; keeps the greatest. */
void diff_note_delta(struct diff_stream *s, double delta, vtime t,
		     const struct diff_item *a, const struct diff_item *b);

void diff_point_finish(struct diff_point *p);

/* ---- second look (diff_look.c) ---- */
int diff_look_context(struct diff_source *src[2], const struct diff_opts *o,
		      struct diff_result *r, struct av_err *err);
int diff_look_traces(struct diff_source *src[2], const struct diff_opts *o,
		     struct diff_result *r, struct av_err *err);

#endif
