/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks, the reading half (layout: rec_chunk.c). The bytes may be hostile: all
 * sizes are bounded before memory is asked for, each column is read between its
 * own ends, and what a step makes of them is checked in that step.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct span {
	const uint8_t *at, *end;
};

struct entry {
	struct can_frame frame; /* REC_CAN: with the data of its last record */
	char *key;		/* others */
	double *v;		/* values of its last record */
	size_t n;		/* values + 1, 0: text */
};

struct rec_decoder {
	struct rec_crc crc;
	ZSTD_DCtx *zstd;
	uint8_t *raw;
	size_t raw_room;
	struct entry *entry;
	size_t n_entries;
	struct rec_chunk_info info;
	struct span seq, time, index, data;
	uint64_t unit;
	bool wide; /* two bytes per index */
	uint32_t left;
	uint64_t at_seq;
	vtime at_t;
};

struct rec_decoder *rec_decoder_create(void)
{
	struct rec_decoder *d = calloc(1, sizeof(*d));

	if (d) {
		rec_crc_init(&d->crc);
		d->zstd = ZSTD_createDCtx();
		if (!d->zstd) {
			free(d);
			return NULL;
		}
	}
	return d;
}

static void drop_entries(struct rec_decoder *d)
{
	for (size_t i = 0; i < d->n_entries; i++) {
		free(d->entry[i].key);
		free(d->entry[i].v);
	}
	free(d->entry);
	d->entry = NULL;
	d->n_entries = 0;
	d->left = 0;
}

void rec_decoder_destroy(struct rec_decoder *d)
{
	if (!d) {
		return;
	}
	drop_entries(d);
	ZSTD_freeDCtx(d->zstd);
	free(d->raw);
	free(d);
}

uint32_t rec_decode_dict_size(const struct rec_decoder *d)
{
	return (uint32_t)d->n_entries;
}

/* False past the end or over 64 bits. */
static inline bool get_varint(struct span *s, uint64_t *out)
{
	uint64_t v = 0;

	if (s->at < s->end && *s->at < 0x80) {
		*out = *s->at++;
		return true;
	}
	for (unsigned int shift = 0; s->at < s->end && shift < 64; shift += 7) {
		uint8_t b = *s->at++;

		if (shift == 63 && b > 1) {
			return false;
		}
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

/* The next @len bytes of @s as a span of their own. */
static bool take(struct span *s, uint64_t len, struct span *out)
{
	if (len > (uint64_t)(s->end - s->at)) {
		return false;
	}
	out->at = s->at;
	out->end = s->at + len;
	s->at = out->end;
	return true;
}

static bool can_length_ok(unsigned int flags, unsigned int len)
{
	return len <= ((flags & CAN_FD) ? 64u : 8u);
}

static bool get_can_entry(struct span *s, struct entry *e)
{
	uint64_t id;

	if (!get_varint(s, &id) || s->end - s->at < 3) {
		return false;
	}
	e->frame.bus = s->at[0];
	e->frame.flags = s->at[1] & 0x7f;
	e->frame.tx = s->at[1] >> 7;
	e->frame.len = s->at[2];
	s->at += 3;
	e->frame.id = (uint32_t)id;
	return id <= 0x1fffffff && can_length_ok(e->frame.flags, e->frame.len);
}

/* @room: doubles that the chunk can hold; every entry has a record in it */
static int get_key_entry(struct span *s, struct entry *e, size_t *room)
{
	struct span key;
	uint64_t len, n;

	if (!get_varint(s, &len) || len > REC_KEY_MAX || !take(s, len, &key) ||
	    !get_varint(s, &n) || n > REC_VALUES_MAX + 1) {
		return -EBADMSG;
	}
	e->n = (size_t)n;
	if (e->n > 1 && e->n - 1 > *room) {
		return -EBADMSG;
	}
	*room -= e->n > 1 ? e->n - 1 : 0;
	e->key = malloc((size_t)len + 1);
	if (e->n > 1) {
		e->v = calloc(e->n - 1, sizeof(*e->v));
	}
	if (!e->key || (e->n > 1 && !e->v)) {
		return -ENOMEM;
	}
	memcpy(e->key, key.at, (size_t)len);
	e->key[len] = '\0';
	return rec_key_ok(e->key, (size_t)len) ? 0 : -EBADMSG;
}

static int get_dict(struct rec_decoder *d, struct span *s)
{
	size_t room = (size_t)(s->end - s->at) / 8;
	uint64_t n;

	/* an entry takes three bytes at least, and a record */
	if (!get_varint(s, &n) || n == 0 || n > d->info.count ||
	    n > (uint64_t)(s->end - s->at) / 2) {
		return -EBADMSG;
	}
	d->entry = calloc((size_t)n, sizeof(*d->entry));
	if (!d->entry) {
		return -ENOMEM;
	}
	while (d->n_entries < n) {
		struct entry *e = &d->entry[d->n_entries++];
		int ret;

		if (d->info.ch == REC_CAN) {
			ret = get_can_entry(s, e) ? 0 : -EBADMSG;
		} else {
			ret = get_key_entry(s, e, &room);
		}
		if (ret < 0) {
			return ret;
		}
	}
	d->wide = n > 256;
	return 0;
}

static int get_columns(struct rec_decoder *d, struct span *s)
{
	uint64_t seq_len, time_len;

	if (!get_varint(s, &d->unit) || d->unit == 0 ||
	    d->unit > INT64_MAX || !get_varint(s, &seq_len) ||
	    !get_varint(s, &time_len) || !take(s, seq_len, &d->seq) ||
	    !take(s, time_len, &d->time) ||
	    !take(s, (uint64_t)d->info.count * (d->wide ? 2 : 1), &d->index)) {
		return -EBADMSG;
	}
	d->data = *s;
	return 0;
}

static bool info_sane(const struct rec_chunk_info *i)
{
	return rec_is_bulk(i->ch) && i->count > 0 &&
	       i->count <= REC_CHUNK_RECORDS_MAX && i->size > 0 &&
	       i->size <= REC_CHUNK_RAW_MAX && i->last_seq >= i->first_seq &&
	       i->last_seq - i->first_seq >= i->count - 1 &&
	       i->first_t >= 0 && i->last_t >= i->first_t;
}

static int unpack(struct rec_decoder *d, const uint8_t *data, size_t len,
		  const char **why)
{
	unsigned long long said = ZSTD_getFrameContentSize(data, len);
	size_t got;

	if (said != d->info.size) {
		*why = "its compressed data has another size than it says";
		return -EBADMSG;
	}
	if (d->info.size > d->raw_room) {
		free(d->raw);
		d->raw = malloc(d->info.size);
		d->raw_room = d->raw ? d->info.size : 0;
		if (!d->raw) {
			return -ENOMEM;
		}
	}
	got = ZSTD_decompressDCtx(d->zstd, d->raw, d->info.size, data, len);
	if (ZSTD_isError(got) || got != d->info.size) {
		*why = "its compressed data is damaged";
		return -EBADMSG;
	}
	return 0;
}

int rec_decode_open(struct rec_decoder *d, const struct rec_chunk_info *info,
		    const uint8_t *data, size_t len, const char **why)
{
	struct span s;
	int ret;

	drop_entries(d);
	d->info = *info;
	*why = "it cannot be what it says it is";
	if (!info_sane(info)) {
		return -EBADMSG;
	}
	if (rec_crc_of(&d->crc, data, len) != info->crc) {
		*why = "its checksum is wrong";
		return -EBADMSG;
	}
	ret = unpack(d, data, len, why);
	if (ret < 0) {
		return ret;
	}
	*why = "its columns are damaged";
	s = (struct span){ .at = d->raw, .end = d->raw + info->size };
	ret = get_dict(d, &s);
	if (ret == 0) {
		ret = get_columns(d, &s);
	}
	if (ret < 0) {
		drop_entries(d);
		return ret;
	}
	d->left = info->count;
	d->at_seq = info->first_seq;
	d->at_t = info->first_t;
	return 0;
}

/* Sequence number and time of the next record. */
static bool step(struct rec_decoder *d)
{
	uint64_t ds, dt;

	if (d->left == d->info.count) {
		return true; /* the first one's are in the row */
	}
	if (!get_varint(&d->seq, &ds) || !get_varint(&d->time, &dt) ||
	    ds >= d->info.last_seq - d->at_seq ||
	    dt > (uint64_t)(d->info.last_t - d->at_t) / d->unit) {
		return false;
	}
	d->at_seq += ds + 1;
	d->at_t += (vtime)(dt * d->unit);
	return true;
}

static bool get_frame(struct rec_decoder *d, struct entry *e,
		      struct rec_chunk_record *out)
{
	struct span data;

	if (!take(&d->data, e->frame.len, &data)) {
		return false;
	}
	if (e->frame.len == 8) {
		uint64_t a, b;

		memcpy(&a, e->frame.data, 8);
		memcpy(&b, data.at, 8);
		a ^= b;
		memcpy(e->frame.data, &a, 8);
	} else {
		for (size_t i = 0; i < e->frame.len; i++) {
			e->frame.data[i] ^= data.at[i];
		}
	}
	e->frame.t = d->at_t;
	out->frame = &e->frame;
	return true;
}

static bool get_other(struct rec_decoder *d, struct entry *e,
		      struct rec_chunk_record *out)
{
	struct span data;
	uint64_t len;

	out->frame = NULL;
	out->key = e->key;
	out->text = NULL;
	if (e->n == 0) {
		if (!get_varint(&d->data, &len) || len > REC_TEXT_MAX ||
		    !take(&d->data, len, &data)) {
			return false;
		}
		out->text = (const char *)data.at;
		out->text_len = (size_t)len;
		return true;
	}
	if (!take(&d->data, (e->n - 1) * 8, &data)) {
		return false;
	}
	for (size_t i = 0; i < e->n - 1; i++) {
		uint64_t a, b;

		memcpy(&a, &e->v[i], 8);
		memcpy(&b, data.at + 8 * i, 8);
		a ^= b;
		memcpy(&e->v[i], &a, 8);
	}
	out->v = e->v;
	out->n = e->n - 1;
	return true;
}

int rec_decode_next(struct rec_decoder *d, struct rec_chunk_record *out,
		    const char **why)
{
	uint32_t k;
	bool ok;

	if (d->left == 0) {
		return 0;
	}
	if (!step(d)) {
		goto damaged;
	}
	k = d->index.at[0];
	if (d->wide) {
		k |= (uint32_t)d->index.at[1] << 8;
	}
	d->index.at += d->wide ? 2 : 1;
	if (k >= d->n_entries) {
		goto damaged;
	}
	d->left--;
	out->seq = d->at_seq;
	out->t = d->at_t;
	out->dict = k;
	ok = d->info.ch == REC_CAN ? get_frame(d, &d->entry[k], out) :
				     get_other(d, &d->entry[k], out);
	if (ok && d->left == 0) {
		ok = d->at_seq == d->info.last_seq &&
		     d->at_t == d->info.last_t && d->seq.at == d->seq.end &&
		     d->time.at == d->time.end && d->data.at == d->data.end;
	}
	if (ok) {
		return 1;
	}
damaged:
	*why = "its columns are damaged";
	d->left = 0;
	return -EBADMSG;
}
