/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the recorder share: the staged form of a record, the chunk
 * codec, the schema. Not for other modules.
 */
#ifndef AVSIM_RECORDINGS_REC_INT_H
#define AVSIM_RECORDINGS_REC_INT_H

#include "recordings/rec.h"

#include <sqlite3.h>
#include <zstd.h>

/* ---- schema ---- */

#define REC_APPLICATION_ID 0x61767265 /* "avre" */
#define REC_VERSION_MAJOR 1
#define REC_VERSION_MINOR 0
#define REC_USER_VERSION (REC_VERSION_MAJOR * 1000 + REC_VERSION_MINOR)

extern const char rec_schema_sql[];  /* tables and views of a new file */
extern const char rec_indexes_sql[]; /* made when it is closed */

struct rec_column {
	const char *table, *name, *type;
};
extern const struct rec_column rec_columns[]; /* NULL-ended, by table */

/* What one record and one file may hold at most. */
enum {
	REC_KEY_MAX = 1024,	     /* bytes of a key; longer ones are cut */
	REC_TEXT_MAX = 1 << 20,	     /* bytes of a text; likewise */
	REC_VALUES_MAX = 4096,	     /* doubles in one record */
	REC_KEYS_MAX = 1 << 20,	     /* distinct keys of a file */
	REC_CHUNK_RECORDS = 16384,   /* the writer's chunks; records */
	REC_CHUNK_BYTES = 768 << 10, /* and bytes, staged */
	REC_CHUNK_RECORDS_MAX = 65536,
	REC_CHUNK_RAW_MAX = 8 << 20,
	REC_CHUNKS_MAX = 1 << 20,
};

static inline bool rec_is_bulk(enum rec_channel ch)
{
	return ch == REC_CAN || ch == REC_IMU || ch == REC_GNSS ||
	       ch == REC_CAMERA || ch == REC_AUDIO;
}

/* ---- staged records: from the caller to the writer thread ---- */

enum rec_item_kind {
	ITEM_CAN,    /* followed by @can.len bytes of data */
	ITEM_INT,    /* by key and note; value in @i */
	ITEM_FLOAT,  /* likewise, a single-precision value in @f */
	ITEM_DOUBLE, /* likewise, in @d */
	ITEM_TEXT,   /* by key, note and text */
	ITEM_NONE,   /* by key and note: there is no value */
	ITEM_VALUES, /* by key, then @n doubles at rec_item_values() */
};

struct rec_item {
	uint32_t size; /* with all that follows, a multiple of 8 */
	uint8_t ch;
	uint8_t kind;
	uint16_t key_len;
	uint64_t seq;
	vtime t;
	union {
		struct {
			uint32_t id;
			uint8_t bus, flags, len, tx;
		} can;
		int64_t i;
		double d;
		float f;
		struct {
			uint32_t text_len;
			uint32_t note_len;
		} text; /* ITEM_TEXT; key, note and text end with NUL each */
		uint64_t n;
	};
};

/* May these bytes be a key? No control characters: a record is one line, and
 * tabs part its columns. */
bool rec_key_ok(const char *key, size_t len);
/* What is stored in place of @key: cut to REC_KEY_MAX, control characters
 * replaced. @out: REC_KEY_MAX + 1 bytes. Return: its length. */
size_t rec_key_clean(const char *key, char *out);

/* Strings behind an item: "key\0note\0text\0". */
static inline const char *rec_item_key(const struct rec_item *it)
{
	return (const char *)(it + 1);
}

static inline const char *rec_item_note(const struct rec_item *it)
{
	return rec_item_key(it) + it->key_len + 1;
}

static inline const uint8_t *rec_item_data(const struct rec_item *it)
{
	return (const uint8_t *)(it + 1);
}

static inline const double *rec_item_values(const struct rec_item *it)
{
	return (const double *)(const void *)(rec_item_data(it) +
					      ((it->key_len + 8u) & ~7u));
}

static inline const char *rec_item_text(const struct rec_item *it)
{
	return rec_item_note(it) + it->text.note_len + 1;
}

/* ---- staging: public calls make items of records ---- */

#define REC_ITEM_CAN_MAX (sizeof(struct rec_item) + 64)

/* Bytes the item needs, then the item itself at @p (8-byte aligned). */
struct rec_put {
	enum rec_channel ch;
	enum rec_item_kind kind;
	vtime t;
	const char *key, *note, *text;
	const double *v;
	size_t n;
	int64_t i;
	double d;
	float f;
	size_t key_len, note_len, text_len; /* filled by rec_put_size() */
};
size_t rec_put_size(struct rec_put *p);
void rec_put_write(const struct rec_put *p, uint64_t seq, struct rec_item *it);
void rec_put_can(const struct can_frame *f, uint64_t seq, struct rec_item *it);
/* @buf: a scratch buffer that may grow, for texts of vectors. 0 or -ENOMEM. */
struct rec_scratch {
	char *buf;
	size_t size;
};
int rec_put_vhal(const struct vhal_event *e, struct rec_scratch *s,
		 struct rec_put *p);
int rec_put_command(const struct cmd_event *e, struct rec_scratch *s,
		    struct rec_put *p);

static inline size_t rec_can_size(const struct can_frame *f)
{
	return sizeof(struct rec_item) + ((f->len + 7u) & ~7u);
}

/* ---- chunk codec (rec_chunk.c) ---- */

struct rec_encoder;
struct rec_encoder *rec_encoder_create(void);
void rec_encoder_destroy(struct rec_encoder *e);

/* What the columns of a chunks row say. */
struct rec_chunk_info {
	enum rec_channel ch;
	uint64_t first_seq, last_seq;
	vtime first_t, last_t;
	uint32_t count;
	uint32_t size; /* bytes before compression */
	uint32_t crc;  /* CRC-32 of the compressed bytes */
};

/**
 * rec_encode() - Make one chunk of @n items of one bulk channel
 * @data, @len:	the compressed bytes, borrowed until the next call
 *
 * Return: 0 or -ENOMEM.
 */
int rec_encode(struct rec_encoder *e, enum rec_channel ch, const uint8_t *items,
	       size_t n, struct rec_chunk_info *info, const uint8_t **data,
	       size_t *len);

struct rec_decoder;

/* One record of a chunk; strings and data are borrowed until the next step. */
struct rec_chunk_record {
	uint64_t seq;
	vtime t;
	const struct can_frame *frame; /* REC_CAN */
	uint32_t dict;		       /* index into the chunk's dictionary */
	const char *key;	       /* others */
	const double *v;
	size_t n;
	const char *text; /* NULL: values */
	size_t text_len;
};

struct rec_decoder *rec_decoder_create(void);
void rec_decoder_destroy(struct rec_decoder *d);

/**
 * rec_decode_open() - Take on a chunk: check it, unpack it
 *
 * Return: 0, -EBADMSG with @why set to what is wrong, -ENOMEM.
 */
int rec_decode_open(struct rec_decoder *d, const struct rec_chunk_info *info,
		    const uint8_t *data, size_t len, const char **why);
/* 1 a record, 0 the end, -EBADMSG with @why. */
int rec_decode_next(struct rec_decoder *d, struct rec_chunk_record *out,
		    const char **why);
uint32_t rec_decode_dict_size(const struct rec_decoder *d);

/* CRC-32 (IEEE 802.3), eight bytes a step. */
struct rec_crc {
	uint32_t tab[8][256];
};
void rec_crc_init(struct rec_crc *c);
uint32_t rec_crc_of(const struct rec_crc *c, const uint8_t *data, size_t len);

/* ---- a new file (rec_image.c) ---- */

/* The reader takes a compressed input at up to this ratio; beyond it is stored
 * as it is. */
#define REC_INPUT_RATIO_MAX 200

/* Put a whole empty recording at @path, where nothing may be yet. */
int rec_image_place(const char *path, const struct rec_meta *meta,
		    const struct bundle *inputs, struct av_err *err);
/* SQLite result codes; rec_sqlite_errno() makes a -errno of one. */
int rec_meta_put(sqlite3 *db, const char *key, const char *value);
int rec_meta_put_int(sqlite3 *db, const char *key, int64_t v);
int rec_sqlite_errno(int sqlite_code);

/* ---- the SQLite side of the writer (rec_store.c) ---- */

struct rec_store;

int rec_store_create(const char *path, const struct rec_meta *meta,
		     const struct bundle *inputs, struct rec_store **out,
		     struct av_err *err);
/* All of these: 0 or -errno, with the reason in rec_store_error(). */
int rec_store_item(struct rec_store *s, const struct rec_item *it);
int rec_store_commit(struct rec_store *s); /* flushes open chunks as well */
void rec_store_rollback(struct rec_store *s);
const struct av_err *rec_store_error(const struct rec_store *s);
int rec_store_finish(struct rec_store *s, vtime end, const char *verdict,
		     const struct rec_counts *counts);
void rec_store_destroy(struct rec_store *s);

/* ---- texts of records (rec_line.c) ---- */

/* "can0:2C1" into @buf (at least REC_CAN_KEY_MAX). Return: length. */
#define REC_CAN_KEY_MAX 64
size_t rec_can_key(const struct can_frame *f, const char *bus, char *buf);
#define REC_CAN_TEXT_MAX 160
size_t rec_can_text(const struct can_frame *f, char *buf);

/* The double nearest to the shortest decimal of @v: 0.1f gives 0.1, so that a
 * query shows what the dump shows. */
double rec_float_decimal(float v);

/* A value of the events table. */
struct rec_value {
	enum { VALUE_NONE, VALUE_INT, VALUE_REAL, VALUE_TEXT } type;
	int64_t i;
	double d;
	const char *text;
	size_t len;
};

struct rec_text {
	char *buf;
	size_t len, room;
};
/* Canonical value columns into @b (grown). 0 or -ENOMEM. */
int rec_value_text(struct rec_text *b, enum rec_channel ch,
		   const struct rec_value *v, const char *note,
		   size_t note_len);
int rec_values_text(struct rec_text *b, const double *v, size_t n);
/* @text with control characters spelled out; tabs stay if @tabs. */
int rec_clean_text(struct rec_text *b, const char *text, size_t len, bool tabs);

#endif
