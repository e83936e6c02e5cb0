/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a diff gets its records from: a source fills batches, in order of time.
 * A source is used by one thread at a time; its key numbers are its own.
 */
#ifndef AVSIM_RECORDINGS_DIFF_SOURCE_H
#define AVSIM_RECORDINGS_DIFF_SOURCE_H

#include "recordings/rec.h"

enum diff_val {
	DIFF_TEXT,  /* canonical value columns */
	DIFF_NUM,   /* one number in @num */
	DIFF_FRAME, /* CAN: flags, length, data */
};

struct diff_rec {
	vtime t;
	uint64_t pos; /* place in the source, rising; see diff_near */
	double num;
	const char *val; /* of the batch, not NUL-ended */
	uint32_t len;
	uint32_t key;
	enum diff_val kind;
};

/* A key seen for the first time. Its number is that of the one before + 1. */
struct diff_name {
	enum rec_channel ch;
	size_t text; /* offset of its NUL-ended text in the batch's names */
};

struct diff_batch {
	struct diff_rec *rec;
	size_t n, cap;
	struct diff_name *name;
	size_t n_names, cap_names;
	char *names; /* texts of @name */
	size_t names_len, names_cap;
	char *text; /* what @rec points into */
	size_t text_len, text_cap;
};

/* Room for @n more; pointers of records are the caller's to keep right. */
int diff_batch_rec(struct diff_batch *b, const struct diff_rec *r);
int diff_batch_name(struct diff_batch *b, enum rec_channel ch, const char *key,
		    size_t len);
void diff_batch_finish(struct diff_batch *b);

/* Where to start reading; NULL pointer = from the beginning. */
struct diff_near {
	vtime t;
	uint64_t pos;	 /* from a record or from diff_point.read */
	unsigned int back; /* 0, 1, 2: ever further before it */
};

struct diff_source {
	const struct diff_source_ops *ops;
	char *name; /* for people */
	bool text;  /* wants DIFF_TEXT only: so that unlike sources compare */
	const char *only;
	vtime from, to;
};

struct diff_source_ops {
	/**
	 * @restart: begin reading; key numbers start anew
	 *
	 * Return: 1 at the very beginning, 0 somewhere near, -errno.
	 */
	int (*restart)(struct diff_source *s, const struct diff_near *near,
		       struct av_err *err);
	/**
	 * @fill: the next records into the (emptied) batch
	 *
	 * Return: 1 there may be more, 0 these were the last, -errno.
	 */
	int (*fill)(struct diff_source *s, struct diff_batch *b,
		    struct av_err *err);
	void (*close)(struct diff_source *s);
};

static inline void diff_source_close(struct diff_source *s)
{
	if (s) {
		s->ops->close(s);
	}
}

/* A file by content. Return: 0 or -errno with @err naming it. */
int diff_source_open(const char *path, struct diff_source **out,
		     struct av_err *err);

/* A canonical dump in a file (zstd or plain), or in memory (borrowed). */
int diff_source_dump(const char *path, struct diff_source **out,
		     struct av_err *err);
int diff_source_mem(const char *name, const char *buf, size_t len,
		    struct diff_source **out, struct av_err *err);
/* A recording. */
int diff_source_rec(const char *path, struct diff_source **out,
		    struct av_err *err);

/* ---- names to numbers ---- */
struct diff_names {
	struct diff_names_slot *slot;
	size_t n, cap;
	uint32_t *next; /* by number: the slot of what followed it last time */
	size_t next_cap;
	uint32_t last;
	char *text;
	size_t text_len, text_cap;
};
/* Number of the span, *is_new if it was given just now; -ENOMEM. */
int64_t diff_names_get(struct diff_names *t, const char *span, size_t len,
		       bool *is_new);
void diff_names_finish(struct diff_names *t);

/* ---- a source read ahead by a thread ---- */
struct diff_feed;
int diff_feed_start(struct diff_source *s, struct diff_feed **out,
		    struct av_err *err);
/* The next batch, borrowed until the next call; NULL at the end. */
int diff_feed_next(struct diff_feed *f, const struct diff_batch **out,
		   struct av_err *err);
void diff_feed_stop(struct diff_feed *f);

#endif
