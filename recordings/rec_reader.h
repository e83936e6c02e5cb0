/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the reader: what opening (rec_open.c) hands to reading (rec_read.c).
 */
#ifndef AVSIM_RECORDINGS_REC_READER_H
#define AVSIM_RECORDINGS_REC_READER_H

#include "recordings/rec_int.h"

#define REC_N_BULK 5

struct rec_key {
	char *name; /* NULL: no such id */
	enum rec_channel ch;
	bool wanted; /* by the present filter */
};

/* Directory entry of one chunk, without its data. */
struct rec_chunk_at {
	int64_t id;
	struct rec_chunk_info info;
};

/* One bulk channel while it is read: always one record ahead. */
struct rec_lane {
	enum rec_channel ch;
	struct rec_chunk_at *chunk;
	size_t n_chunks;
	size_t next; /* chunk to open next */
	struct rec_decoder *dec;
	bool open, has;
	struct rec_chunk_record rec;
	/* by place in the open chunk's dictionary */
	enum rec_wanted {
		WANTED_UNKNOWN,
		WANTED_NO,
		WANTED_YES
	} *wanted;
	char (*can_key)[REC_CAN_KEY_MAX]; /* where @wanted is known */
	size_t dict_room;
};

struct rec_derived; /* signals out of frames (rec_signal.c) */

struct rec_reader {
	char *path;
	sqlite3 *db;
	struct rec_meta meta;
	char *meta_text[4];
	vtime end;
	char verdict[8];
	bool complete;
	struct rec_counts counts;
	struct rec_key *key; /* by id */
	size_t n_keys;
	struct bundle inputs;
	bool has_inputs;
	char **bus_name; /* of inputs, by bus index */
	size_t n_buses;

	/* reading */
	struct rec_filter filter;
	char *only;
	sqlite3_stmt *events, *event_at, *chunk_data;
	bool has_event, events_done;
	uint64_t event_seq;
	int64_t event_row; /* seq and time of the row last looked at */
	vtime event_t;
	const struct rec_key *event_key;
	struct rec_lane lane[REC_N_BULK];
	struct rec_derived *derived;
	struct rec_text text;
	uint64_t last_seq; /* of the record handed out last */
	vtime last_t;
	struct rec_lane *cur; /* what it came from, NULL: events */
	bool started;
};

int rec_reader_fail(const struct rec_reader *r, struct av_err *err,
		    const char *what);
/* The same with the database's own words. */
int rec_reader_sql_fail(const struct rec_reader *r, struct av_err *err);
int rec_load_buses(struct rec_reader *r, struct av_err *err);
const char *rec_bus_name(const struct rec_reader *r, unsigned int bus);

/* ---- signals ---- */
int rec_derived_create(struct rec_reader *r, struct rec_derived **out,
		       struct av_err *err);
void rec_derived_destroy(struct rec_derived *d);
/* What @f changes, in order; then rec_derived_next() until it is false. */
void rec_derived_frame(struct rec_derived *d, const struct can_frame *f);
bool rec_derived_next(struct rec_derived *d, const char **key, double *value);

#endif
