/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading in recorded order: a merge of the events table and of one lane per
 * bulk channel by sequence number. Each holds one record ahead; memory is one
 * unpacked chunk per lane, whatever the length of the recording.
 */
#include "config.h"

#include "recordings/rec_reader.h"
#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- filter ---- */

static bool channel_wanted(const struct rec_reader *r, enum rec_channel ch)
{
	return !r->filter.channels || (r->filter.channels >> ch & 1);
}

static bool key_wanted(const struct rec_reader *r, enum rec_channel ch,
		       const char *key)
{
	return channel_wanted(r, ch) &&
	       (!r->only || av_glob_only(r->only, rec_channel_names[ch], key));
}

static bool derives(const struct rec_reader *r)
{
	return r->filter.signals && channel_wanted(r, REC_SIGNAL);
}

/* ---- bulk lanes ---- */

static int chunk_fail(const struct rec_reader *r, const struct rec_chunk_at *c,
		      struct av_err *err, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "chunk %lld (%s): %s", (long long)c->id,
		 rec_channel_names[c->info.ch], why);
	return rec_reader_fail(r, err, text);
}

/* The lane's notes about keys, for the dictionary of the chunk just opened. */
static int fit_dict(struct rec_lane *l)
{
	size_t n = rec_decode_dict_size(l->dec);

	if (n > l->dict_room) {
		free(l->wanted);
		free(l->can_key);
		l->wanted = malloc(n * sizeof(*l->wanted));
		l->can_key = l->ch == REC_CAN ? malloc(n * sizeof(*l->can_key)) :
						NULL;
		l->dict_room = n;
		if (!l->wanted || (l->ch == REC_CAN && !l->can_key)) {
			l->dict_room = 0;
			return -ENOMEM;
		}
	}
	memset(l->wanted, 0, n * sizeof(*l->wanted)); /* WANTED_UNKNOWN */
	return 0;
}

static int open_chunk(struct rec_reader *r, struct rec_lane *l,
		      struct av_err *err)
{
	const struct rec_chunk_at *c = &l->chunk[l->next++];
	sqlite3_stmt *st = r->chunk_data;
	const char *why = "a chunk is gone";
	int ret = -EBADMSG;

	sqlite3_bind_int64(st, 1, c->id);
	if (sqlite3_step(st) == SQLITE_ROW &&
	    sqlite3_column_type(st, 0) == SQLITE_BLOB) {
		const uint8_t *data = sqlite3_column_blob(st, 0);

		ret = rec_decode_open(l->dec, &c->info, data,
				      (size_t)sqlite3_column_bytes(st, 0),
				      &why);
	}
	sqlite3_reset(st);
	if (ret == 0) {
		ret = fit_dict(l);
	}
	if (ret == -ENOMEM) {
		return av_err_set(err, ret, "out of memory");
	}
	l->open = ret == 0;
	return ret < 0 ? chunk_fail(r, c, err, why) : 0;
}

/* Have the lane's next record in l->rec, if there is one. */
static int lane_step(struct rec_reader *r, struct rec_lane *l,
		     struct av_err *err)
{
	l->has = false;
	for (;;) {
		const char *why = "";
		int ret;

		if (l->open) {
			ret = rec_decode_next(l->dec, &l->rec, &why);
			if (ret < 0) {
				return chunk_fail(r, &l->chunk[l->next - 1],
						  err, why);
			}
			if (ret > 0) {
				l->has = true;
				return 0;
			}
			l->open = false;
		}
		/* chunks that end before the wanted time are not unpacked,
		 * unless signals depend on what they held last */
		while (l->next < l->n_chunks &&
		       l->chunk[l->next].info.last_t < r->filter.from &&
		       !(l->ch == REC_CAN && r->derived)) {
			l->next++;
		}
		if (l->next == l->n_chunks ||
		    l->chunk[l->next].info.first_t > r->filter.to) {
			return 0;
		}
		ret = open_chunk(r, l, err);
		if (ret < 0) {
			return ret;
		}
	}
}

/* ---- events ---- */

/* Rows come in order of seq, in which time never goes back. A file where they
 * do not may be made so that there is no end to them. */
static int event_order(struct rec_reader *r, int64_t seq, vtime t,
		       struct av_err *err)
{
	char text[64];

	if (seq <= r->event_row || t < r->event_t) {
		snprintf(text, sizeof(text), "event %lld is out of order",
			 (long long)seq);
		return rec_reader_fail(r, err, text);
	}
	r->event_row = seq;
	r->event_t = t;
	return 0;
}

static int event_step(struct rec_reader *r, struct av_err *err)
{
	int step;

	r->has_event = false;
	if (r->events_done) {
		return 0;
	}
	for (;;) {
		sqlite3_int64 seq, key, t;

		step = sqlite3_step(r->events);
		if (step != SQLITE_ROW) {
			break;
		}
		seq = sqlite3_column_int64(r->events, 0);
		t = sqlite3_column_int64(r->events, 1);
		if (event_order(r, seq, t, err) < 0) {
			return -EBADMSG;
		}
		key = sqlite3_column_int64(r->events, 2);
		if (key < 1 || (size_t)key >= r->n_keys || !r->key[key].name) {
			return rec_reader_fail(r, err,
					       "an event has no key");
		}
		if (t > r->filter.to) {
			break; /* times never go back */
		}
		if (r->key[key].wanted && t >= r->filter.from) {
			r->event_seq = (uint64_t)seq;
			r->event_key = &r->key[key];
			r->has_event = true;
			return 0;
		}
	}
	r->events_done = true;
	if (step != SQLITE_ROW && step != SQLITE_DONE) {
		return rec_reader_fail(r, err, sqlite3_errmsg(r->db));
	}
	return 0;
}

/* ---- seeking ---- */

/* SQLite looks at the length without loading the bytes. */
#define CHUNK_DATA_MAX "9000000" /* over ZSTD_compressBound(REC_CHUNK_RAW_MAX) */

static int prepare(struct rec_reader *r, struct av_err *err)
{
	if (!r->events &&
	    (sqlite3_prepare_v2(r->db,
				"SELECT seq, t, key, value, note FROM events "
				"WHERE rowid >= ? ORDER BY rowid",
				-1, &r->events, NULL) != SQLITE_OK ||
	     sqlite3_prepare_v2(r->db,
				"SELECT seq, t FROM events WHERE rowid >= ? "
				"ORDER BY rowid LIMIT 1",
				-1, &r->event_at, NULL) != SQLITE_OK ||
	     sqlite3_prepare_v2(r->db,
				"SELECT data FROM chunks WHERE rowid = ? AND "
				"length(data) <= " CHUNK_DATA_MAX,
				-1, &r->chunk_data, NULL) != SQLITE_OK)) {
		return rec_reader_fail(r, err, sqlite3_errmsg(r->db));
	}
	for (size_t i = 0; i < REC_N_BULK; i++) {
		struct rec_lane *l = &r->lane[i];

		if (l->n_chunks > 0 && !l->dec) {
			l->dec = rec_decoder_create();
			if (!l->dec) {
				return av_err_set(err, -ENOMEM,
						  "out of memory");
			}
		}
	}
	return 0;
}

/* Row of the first event at or after @from, or any where there is none. Both
 * time and seq go up, so the table's own order is an index of time; in a file
 * where they do not it ends as soon. */
static int first_event(struct rec_reader *r, vtime from, sqlite3_int64 *row,
		       struct av_err *err)
{
	sqlite3_int64 lo = 0, hi = INT64_MAX;

	while (from > 0 && lo < hi) {
		sqlite3_int64 mid = lo + (hi - lo) / 2;
		int step;

		sqlite3_bind_int64(r->event_at, 1, mid);
		step = sqlite3_step(r->event_at);
		if (step == SQLITE_ROW &&
		    sqlite3_column_int64(r->event_at, 1) < from) {
			lo = sqlite3_column_int64(r->event_at, 0);
			lo += lo < hi;
		} else {
			hi = mid;
		}
		sqlite3_reset(r->event_at);
		if (step != SQLITE_ROW && step != SQLITE_DONE) {
			return rec_reader_fail(r, err, sqlite3_errmsg(r->db));
		}
	}
	*row = from > 0 ? lo : INT64_MIN;
	return 0;
}

int rec_seek(struct rec_reader *r, const struct rec_filter *f,
	     struct av_err *err)
{
	bool any_events = false;
	sqlite3_int64 row = 0;
	char *only = NULL;
	int ret;

	if (f->only) {
		only = strdup(f->only);
		if (!only) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	free(r->only);
	r->only = only;
	r->filter = *f;
	r->filter.only = only;
	rec_derived_destroy(r->derived);
	r->derived = NULL;
	r->started = false;
	ret = prepare(r, err);
	if (ret == 0 && derives(r)) {
		ret = rec_derived_create(r, &r->derived, err);
	}
	if (ret < 0) {
		return ret;
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		struct rec_key *k = &r->key[i];

		k->wanted = k->name && key_wanted(r, k->ch, k->name);
		any_events = any_events || k->wanted;
	}
	sqlite3_reset(r->events);
	ret = any_events ? first_event(r, f->from, &row, err) : 0;
	if (ret < 0) {
		return ret;
	}
	sqlite3_bind_int64(r->events, 1, row);
	r->event_row = -1;
	r->event_t = 0;
	r->last_seq = 0;
	r->last_t = 0;
	r->events_done = !any_events;
	ret = event_step(r, err);
	for (size_t i = 0; i < REC_N_BULK && ret == 0; i++) {
		struct rec_lane *l = &r->lane[i];

		l->next = 0;
		l->open = l->has = false;
		if (channel_wanted(r, l->ch) ||
		    (l->ch == REC_CAN && derives(r))) {
			ret = lane_step(r, l, err);
		}
	}
	return ret;
}

/* ---- records ---- */

static int no_memory(struct av_err *err)
{
	return av_err_set(err, -ENOMEM, "out of memory");
}

#define NUM_EXACT_MAX (INT64_C(1) << 53)

static int event_record(struct rec_reader *r, struct rec_record *out,
			struct av_err *err)
{
	sqlite3_stmt *st = r->events;
	const struct rec_key *k = r->event_key;
	bool has_note = sqlite3_column_type(st, 4) != SQLITE_NULL;
	struct rec_value v = { .type = VALUE_NONE };
	const char *note = NULL;
	size_t note_len = 0;

	out->seq = r->event_seq;
	out->t = r->event_t;
	out->ch = k->ch;
	out->key = k->name;
	switch (sqlite3_column_type(st, 3)) {
	case SQLITE_INTEGER:
		v.type = VALUE_INT;
		v.i = sqlite3_column_int64(st, 3);
		out->num = (double)v.i;
		break;
	case SQLITE_FLOAT:
		v.type = VALUE_REAL;
		v.d = sqlite3_column_double(st, 3);
		out->num = v.d;
		break;
	case SQLITE_NULL:
		break;
	default:
		v.type = VALUE_TEXT;
		v.text = (const char *)sqlite3_column_text(st, 3);
		v.len = (size_t)sqlite3_column_bytes(st, 3);
		if (v.len > REC_TEXT_MAX) {
			return rec_reader_fail(r, err, "a text is absurd");
		}
		break;
	}
	if (has_note && sqlite3_column_bytes(st, 4) > REC_KEY_MAX) {
		return rec_reader_fail(r, err, "a note is absurd");
	}
	/* a greater whole number is not what its double is */
	if (!has_note && (v.type == VALUE_REAL ||
			  (v.type == VALUE_INT && v.i <= NUM_EXACT_MAX &&
			   v.i >= -NUM_EXACT_MAX))) {
		out->val = REC_VAL_NUM;
		if (!r->filter.text) {
			return 1;
		}
	}
	if (has_note) {
		note = (const char *)sqlite3_column_text(st, 4);
		note_len = (size_t)sqlite3_column_bytes(st, 4);
	}
	if (rec_value_text(&r->text, k->ch, &v, note, note_len) < 0) {
		return no_memory(err);
	}
	out->text = r->text.buf;
	return 1;
}

static int can_text(struct rec_reader *r, const struct can_frame *f,
		    struct rec_record *out, struct av_err *err)
{
	if (r->text.room < REC_CAN_TEXT_MAX) {
		char *p = realloc(r->text.buf, REC_CAN_TEXT_MAX);

		if (!p) {
			return no_memory(err);
		}
		r->text.buf = p;
		r->text.room = REC_CAN_TEXT_MAX;
	}
	rec_can_text(f, r->text.buf);
	out->text = r->text.buf;
	return 1;
}

static int bulk_record(struct rec_reader *r, struct rec_lane *l,
		       struct rec_record *out, struct av_err *err)
{
	const struct rec_chunk_record *c = &l->rec;
	int ret = 0;

	out->seq = c->seq;
	out->t = c->t;
	out->ch = l->ch;
	if (l->ch == REC_CAN) {
		out->frame = c->frame;
		out->key = l->can_key[c->dict];
		return r->filter.text ? can_text(r, c->frame, out, err) : 1;
	}
	out->key = c->key;
	if (c->text) {
		r->text.len = 0;
		ret = rec_clean_text(&r->text, c->text, c->text_len, true);
		out->text = r->text.buf;
	} else {
		if (c->n == 1) {
			out->val = REC_VAL_NUM;
			out->num = c->v[0];
		}
		if (r->filter.text || c->n != 1) {
			ret = rec_values_text(&r->text, c->v, c->n);
			out->text = r->text.buf;
		}
	}
	return ret < 0 ? no_memory(err) : 1;
}

/* A signal that the last frame changed. */
static int derived_record(struct rec_reader *r, struct rec_record *out,
			  struct av_err *err)
{
	const char *key;
	double value;

	while (rec_derived_next(r->derived, &key, &value)) {
		if (!key_wanted(r, REC_SIGNAL, key)) {
			continue;
		}
		/* seq and t are still those of the frame */
		out->ch = REC_SIGNAL;
		out->key = key;
		out->val = REC_VAL_NUM;
		out->num = value;
		out->frame = NULL;
		if (r->filter.text) {
			if (rec_values_text(&r->text, &value, 1) < 0) {
				return no_memory(err);
			}
			out->text = r->text.buf;
		}
		return 1;
	}
	return 0;
}

static struct rec_lane *first_lane(struct rec_reader *r)
{
	struct rec_lane *best = NULL;

	for (size_t i = 0; i < REC_N_BULK; i++) {
		struct rec_lane *l = &r->lane[i];

		if (l->has && (!best || l->rec.seq < best->rec.seq)) {
			best = l;
		}
	}
	return best;
}

/* The record that was handed out last is consumed only now: until here its
 * pointers were the caller's. */
static int consume(struct rec_reader *r, struct av_err *err)
{
	struct rec_lane *l;

	if (!r->started) {
		r->started = true;
		return 0;
	}
	l = r->cur;
	return l ? lane_step(r, l, err) : event_step(r, err);
}

/* Between channels as within one: seq goes up, time never back. */
static int in_order(struct rec_reader *r, uint64_t seq, vtime t,
		    struct av_err *err)
{
	char text[64];

	if (seq <= r->last_seq || t < r->last_t) {
		snprintf(text, sizeof(text), "record %llu is out of order",
			 (unsigned long long)seq);
		return rec_reader_fail(r, err, text);
	}
	r->last_seq = seq;
	r->last_t = t;
	return 0;
}

/* Of the lane's record: does the filter let its key through? Asked once for
 * each key of a chunk. */
static bool lane_wanted(const struct rec_reader *r, struct rec_lane *l)
{
	enum rec_wanted *w = &l->wanted[l->rec.dict];
	const char *key = l->rec.key;

	if (*w == WANTED_UNKNOWN) {
		if (l->ch == REC_CAN) {
			const struct can_frame *f = l->rec.frame;

			rec_can_key(f, rec_bus_name(r, f->bus),
				    l->can_key[l->rec.dict]);
			key = l->can_key[l->rec.dict];
		}
		*w = key_wanted(r, l->ch, key) ? WANTED_YES : WANTED_NO;
	}
	return *w == WANTED_YES;
}

/* The lane's record, or else a signal that it changed; 0: neither is wanted. */
static int lane_record(struct rec_reader *r, struct rec_lane *l,
		       struct rec_record *out, struct av_err *err)
{
	bool derive = r->derived && l->ch == REC_CAN;

	if (derive) {
		rec_derived_frame(r->derived, l->rec.frame);
	}
	if (l->rec.t < r->filter.from || l->rec.t > r->filter.to) {
		return 0;
	}
	if (lane_wanted(r, l)) {
		return bulk_record(r, l, out, err);
	}
	out->seq = l->rec.seq;
	out->t = l->rec.t;
	return derive ? derived_record(r, out, err) : 0;
}

int rec_next(struct rec_reader *r, struct rec_record *out, struct av_err *err)
{
	int ret;

	if (r->derived && r->started) {
		out->text = NULL;
		ret = derived_record(r, out, err);
		if (ret != 0) {
			return ret;
		}
	}
	for (;;) {
		struct rec_lane *l;

		ret = consume(r, err);
		if (ret < 0) {
			return ret;
		}
		l = first_lane(r);
		*out = (struct rec_record){ .val = REC_VAL_TEXT };
		if (r->has_event && (!l || r->event_seq < l->rec.seq)) {
			r->cur = NULL;
			ret = in_order(r, r->event_seq, r->event_t, err);
			return ret < 0 ? ret : event_record(r, out, err);
		}
		r->cur = l;
		if (!l) {
			return 0;
		}
		ret = in_order(r, l->rec.seq, l->rec.t, err);
		if (ret == 0) {
			ret = lane_record(r, l, out, err);
		}
		if (ret != 0) {
			return ret;
		}
	}
}
