/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compare two recordings by channel and key.
 *
 * Both are read once, in time order, by a thread each; one stream per key takes
 * what both sides hold of it. Memory goes with the number of keys and with what
 * has to wait for a decision (at most a stream's window), not with the length
 * of the recordings.
 *
 * Event keys, and continuous ones without max_gap, are aligned as sequences:
 *	same	 equal in value (abs, rel) and in time (time)
 *	shifted	 equal in value, apart by more than time and at most window
 *	changed	 at the same place in the sequence with another value
 *	missing	 in A only
 *	extra	 in B only
 * Continuous keys with max_gap are compared as curves on a common time base:
 * each sample of a side is held against the values that the other takes within
 * +- time of it, between samples by interpolation across gaps up to max_gap.
 *	same	 samples of A that agree
 *	changed	 samples out of tolerance, of the side that has more of them
 *	missing	 samples of A where B has nothing within max_gap
 *	extra	 the other way round
 */
#ifndef AVSIM_RECORDINGS_DIFF_H
#define AVSIM_RECORDINGS_DIFF_H

#include "recordings/tolerance.h"

#define DIFF_TEXT_MAX 256 /* of a value kept for a report, "..." at the end */

enum diff_what {
	DIFF_CHANGED,
	DIFF_SHIFTED,
	DIFF_MISSING,
	DIFF_EXTRA,
	DIFF_N_WHATS
};
extern const char *const diff_what_names[DIFF_N_WHATS];

struct diff_counts {
	uint64_t a, b; /* records of each side */
	uint64_t same;
	uint64_t n[DIFF_N_WHATS];
	uint64_t allowed; /* missing and extra that a rule allows; not in n */
	uint64_t ignored; /* records of ignored keys, of both sides */
};

/* One difference. */
struct diff_point {
	enum diff_what what;
	vtime t;	 /* the earlier of the records' times */
	bool has[2];	 /* there is a record of A, of B */
	vtime at[2];	 /* its time */
	uint64_t pos[2]; /* its place in the source */
	char *text[2];	 /* its value, cut to DIFF_TEXT_MAX; may be NULL */
	double delta;	 /* |a - b|, NaN where there is none */
	uint64_t read[2]; /* how far the sources were read when it was found */
};

struct diff_span {
	vtime from, to;
	uint64_t n;
};
#define DIFF_SPANS_MAX 64 /* per key; the nearest ones are joined beyond */

struct diff_key {
	enum rec_channel ch;
	char *key;
	int rule; /* index into the tolerances, -1 = exact */
	struct tolerance tol;
	bool curve; /* compared on a common time base */
	struct diff_counts c;
	struct diff_point first; /* valid if the key differs */
	bool has_worst;
	double worst;	 /* greatest |a - b|, in tolerance or not; may be inf */
	vtime worst_t;
	char *worst_text[2];
	vtime worst_shift; /* greatest distance in time of a pair */
	struct diff_span *span;
	size_t n_spans;
};

static inline uint64_t diff_total(const struct diff_counts *c)
{
	return c->n[DIFF_CHANGED] + c->n[DIFF_SHIFTED] + c->n[DIFF_MISSING] +
	       c->n[DIFF_EXTRA];
}

/* A canonical line near the first difference. */
struct diff_line {
	vtime t;
	enum rec_channel ch;
	char *key;
	char *text;
	bool mark; /* is the record that differs */
};

/* What a key did over time, thinned out for a picture. */
#define DIFF_TRACE_LABELS 12
struct diff_trace {
	size_t key; /* index of the key */
	bool numeric;
	size_t column; /* numeric: of the values, or byte of a frame, from 0 */
	size_t n_labels; /* not numeric: y is an index into @label */
	char **label;	 /* ... or DIFF_TRACE_LABELS: it found no room */
	vtime zoom_from, zoom_to; /* around the key's first difference */
	struct diff_trace_side {
		size_t n;
		vtime *t;
		double *y;
	} side[2], zoom[2];
};

struct diff_result {
	char *name[2];
	bool differs;
	struct diff_counts total;
	struct diff_counts channel[REC_N_CHANNELS];
	struct diff_key *key; /* sorted by channel, then key */
	size_t n_keys;
	size_t first; /* key with the earliest difference, if differs */
	vtime begin, end; /* first and last record of both sides */
	struct diff_line *context[2];
	size_t n_context[2];
	struct diff_trace *trace;
	size_t n_traces;
	char *tolerances; /* name of the file or NULL */
	char *only;	  /* or NULL */
};

struct diff_opts {
	const struct tolerances *tol; /* NULL = exact */
	const char *only;	      /* av_glob_only(), NULL = all */
	vtime from, to;		      /* inclusive; 0 and VT_NEVER for all */
	size_t context; /* records around the first difference to keep */
	size_t traces;	/* keys, worst first, to keep a trace of */
	/* Kind of a vhal key: true for a property whose change mode is
	 * continuous. May be NULL. */
	bool (*continuous)(const char *key);
};
#define DIFF_CONTEXT_MAX 1000
#define DIFF_KEYS_MAX 100000 /* a car has thousands; each costs some memory */

/**
 * diff_files() - Compare two files, each a recording (.avrec) or a canonical
 * dump, plain or compressed with zstd; told apart by content
 *
 * Return: 0 with @out filled (diff_result_finish() frees); -errno with @err.
 */
int diff_files(const char *a, const char *b, const struct diff_opts *o,
	       struct diff_result *out, struct av_err *err);

/* The same on two sources, which stay the caller's (see diff_source.h). */
struct diff_source;
int diff_sources(struct diff_source *a, struct diff_source *b,
		 const struct diff_opts *o, struct diff_result *out,
		 struct av_err *err);

void diff_result_finish(struct diff_result *r);

#endif
