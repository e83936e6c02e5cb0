/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings (.avrec): SQLite. Rows for what people query, compressed
 * time-ordered chunks for bulk, in the same file; one sequence number over all
 * records gives the order. Format: avsim-recording(5).
 */
#ifndef AVSIM_RECORDINGS_REC_H
#define AVSIM_RECORDINGS_REC_H

#include "sim/bundle.h"
#include "sim/core/err.h"
#include "sim/topics.h"

enum rec_channel {
	REC_CAN,
	REC_SIGNAL, /* not stored: derived from the frames when read */
	REC_VHAL,
	REC_IMU,
	REC_GNSS,
	REC_CAMERA,
	REC_AUDIO,
	REC_POWER,
	REC_COMMAND,
	REC_FAULT,
	REC_SCENARIO,
	REC_DEVICE,
	REC_N_CHANNELS
};
extern const char *const rec_channel_names[REC_N_CHANNELS];

/* ---- meta: what a recording says about itself ---- */
struct rec_meta {
	const char *title;	/* scenario name or imported file */
	const char *generator;	/* "avsim 0.1.0" */
	const char *kind;	/* "run" (scenario) or "import" (frames are inputs) */
	uint64_t seed;
	const char *params;	/* "K=V\nK=V", sorted */
	vtime duration;		/* planned, -1 unknown */
	int64_t epoch_ns;	/* Unix time of virtual 0; 0 = not tied */
};

/* ---- writer ---- */
struct rec_writer;

/**
 * rec_create() - New recording at @path (must not exist), with the run's inputs
 *
 * Rows and chunks are committed by rec_tick(), at least every 100 ms of wall
 * time (the caller's clock; nothing here reads one), by a thread of its own;
 * the caller never waits for the disk while the queue has room, and never loses
 * a record otherwise.
 */
int rec_create(const char *path, const struct rec_meta *meta,
	       const struct bundle *inputs, struct rec_writer **out,
	       struct av_err *err);

/* One record. @key and @text are copied. t never goes back. */
void rec_can(struct rec_writer *w, const struct can_frame *f);
void rec_text(struct rec_writer *w, enum rec_channel ch, vtime t,
	      const char *key, const char *text);
void rec_vhal(struct rec_writer *w, const struct vhal_event *e);
void rec_command(struct rec_writer *w, const struct cmd_event *e);
/* Bulk channel of doubles (imu, gnss): @n values under @key. */
void rec_values(struct rec_writer *w, enum rec_channel ch, vtime t,
		const char *key, const double *v, size_t n);

/* Make everything so far durable against kill -9 soon; does not block. */
void rec_tick(struct rec_writer *w);
/* Something came since the last rec_tick(), or the thread is still at it and
 * may yet fail. */
bool rec_waits(struct rec_writer *w);

/* 0, or why recording has stopped (-ENOSPC, -EIO ...); @err says it once. */
int rec_status(struct rec_writer *w, struct av_err *err);

struct rec_counts {
	uint64_t n[REC_N_CHANNELS];
};
void rec_counts(const struct rec_writer *w, struct rec_counts *out);

/**
 * rec_close() - Flush, build indexes, write verdict and end time, free
 * @verdict:	"pass", "fail", "none"
 *
 * Return: 0 or the first error of the recording's life (the file is intact up
 * to there).
 */
int rec_close(struct rec_writer *w, vtime end, const char *verdict,
	      struct av_err *err);

/* ---- reader ---- */
struct rec_reader;

/* One record in canonical form, borrowed until the next rec_next(). */
struct rec_record {
	uint64_t seq;
	vtime t;
	enum rec_channel ch;
	const char *key;
	const char *text;	       /* value columns, tab separated */
	const struct can_frame *frame; /* REC_CAN */
	enum { REC_VAL_TEXT, REC_VAL_NUM } val; /* REC_VAL_NUM: one plain number */
	double num;
};

struct rec_filter {
	vtime from, to;	     /* inclusive; 0 and VT_NEVER for all */
	uint32_t channels;   /* bit per rec_channel, 0 = all */
	const char *only;    /* glob over "channel:key", or NULL */
	bool signals;	     /* derive REC_SIGNAL */
	bool text;	     /* fill @text (diff may not need it) */
};

/* Any file may be hostile: opened read-only, defensive, schema checked. */
int rec_open(const char *path, struct rec_reader **out, struct av_err *err);
void rec_close_reader(struct rec_reader *r);
const struct rec_meta *rec_meta(const struct rec_reader *r);
const struct bundle *rec_inputs(struct rec_reader *r, struct av_err *err);
bool rec_complete(const struct rec_reader *r); /* closed properly */
vtime rec_end(const struct rec_reader *r);
const char *rec_verdict(const struct rec_reader *r);
void rec_reader_counts(const struct rec_reader *r, struct rec_counts *out);

int rec_seek(struct rec_reader *r, const struct rec_filter *f,
	     struct av_err *err);
/* 1 a record, 0 the end, -errno damage (@err names where). */
int rec_next(struct rec_reader *r, struct rec_record *out, struct av_err *err);

/* "t<TAB>channel<TAB>key<TAB>values\n" into @buf; snprintf-like. */
size_t rec_line(const struct rec_record *rec, char *buf, size_t size);

#endif
