/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks, the writing half. One chunk holds records of one bulk channel, stored
 * by column so that like lies beside like, then compressed with zstd:
 *
 *	varint  entries of the dictionary
 *	        entry of can: varint id, then bus, flags, length (a byte each)
 *	        entry of others: varint length of the key, the key, varint kind:
 *	        0 text, else number of doubles + 1
 *	varint  time unit in ns, varint bytes of the seq column, varint bytes of
 *	        the time column
 *	seq     per record but the first: varint difference - 1
 *	time    per record but the first: varint difference / unit
 *	index   per record: place in the dictionary, 1 byte (2 if more than 256)
 *	data    per record: can: the bytes, xor those of the entry's last record;
 *	        doubles: likewise, 8 bytes each; text: varint length, bytes
 *
 * All integers little endian, varints as in protobuf. Sequence number and time
 * of the first and the last record are columns of the table.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Level 1: three times as fast as 3, and the columns are small already. */
#define ZSTD_LEVEL 1

void rec_crc_init(struct rec_crc *c)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int k = 0; k < 8; k++) {
			v = v & 1 ? (v >> 1) ^ 0xedb88320u : v >> 1;
		}
		c->tab[0][i] = v;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int k = 1; k < 8; k++) {
			uint32_t v = c->tab[k - 1][i];

			c->tab[k][i] = (v >> 8) ^ c->tab[0][v & 255];
		}
	}
}

uint32_t rec_crc_of(const struct rec_crc *c, const uint8_t *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (; len >= 8; data += 8, len -= 8) {
		uint32_t lo = crc ^ ((uint32_t)data[0] | (uint32_t)data[1] << 8 |
				     (uint32_t)data[2] << 16 |
				     (uint32_t)data[3] << 24);

		crc = c->tab[7][lo & 255] ^ c->tab[6][lo >> 8 & 255] ^
		      c->tab[5][lo >> 16 & 255] ^ c->tab[4][lo >> 24] ^
		      c->tab[3][data[4]] ^ c->tab[2][data[5]] ^
		      c->tab[1][data[6]] ^ c->tab[0][data[7]];
	}
	for (; len > 0; data++, len--) {
		crc = (crc >> 8) ^ c->tab[0][(crc ^ *data) & 255];
	}
	return ~crc;
}

struct buf {
	uint8_t *p;
	size_t len, room;
};

static int buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->len + more;
	uint8_t *p;

	if (want <= b->room) {
		return 0;
	}
	want += want / 2;
	p = realloc(b->p, want);
	if (!p) {
		return -ENOMEM;
	}
	b->p = p;
	b->room = want;
	return 0;
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}
#define VARINT_MAX 10

struct entry {
	const struct rec_item *first, *prev;
};

struct rec_encoder {
	struct rec_crc crc;
	ZSTD_CCtx *zstd;
	struct buf raw, seq, time, data, out;
	struct entry *entry; /* the dictionary */
	size_t n_entries, entry_room;
	uint32_t *hash; /* entry + 1, 0 = free */
	size_t hash_room, hash_mask;
	uint16_t *index; /* per record */
	size_t index_room;
};

struct rec_encoder *rec_encoder_create(void)
{
	struct rec_encoder *e = calloc(1, sizeof(*e));

	if (!e) {
		return NULL;
	}
	rec_crc_init(&e->crc);
	e->zstd = ZSTD_createCCtx();
	if (!e->zstd) {
		free(e);
		return NULL;
	}
	ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	return e;
}

void rec_encoder_destroy(struct rec_encoder *e)
{
	if (!e) {
		return;
	}
	ZSTD_freeCCtx(e->zstd);
	free(e->raw.p);
	free(e->seq.p);
	free(e->time.p);
	free(e->data.p);
	free(e->out.p);
	free(e->entry);
	free(e->hash);
	free(e->index);
	free(e);
}

static int dict_reset(struct rec_encoder *e, size_t n)
{
	size_t room = 64;

	while (room < n * 2) {
		room *= 2;
	}
	if (room > e->hash_room) {
		free(e->hash);
		e->hash = malloc(room * sizeof(*e->hash));
		e->hash_room = e->hash ? room : 0;
		if (!e->hash) {
			return -ENOMEM;
		}
	}
	memset(e->hash, 0, room * sizeof(*e->hash));
	e->hash_mask = room - 1;
	if (n > e->entry_room) {
		free(e->entry);
		e->entry = malloc(n * sizeof(*e->entry));
		e->entry_room = e->entry ? n : 0;
	}
	if (n > e->index_room) {
		free(e->index);
		e->index = malloc(n * sizeof(*e->index));
		e->index_room = e->index ? n : 0;
	}
	e->n_entries = 0;
	return e->entry && e->index ? 0 : -ENOMEM;
}

static uint64_t can_word(const struct rec_item *it)
{
	uint64_t v;

	memcpy(&v, &it->can, sizeof(v));
	return v;
}

static uint32_t item_hash(const struct rec_item *it)
{
	uint64_t h;

	if (it->kind == ITEM_CAN) {
		h = can_word(it) * UINT64_C(0x9e3779b97f4a7c15);
		return (uint32_t)(h >> 32);
	}
	h = UINT64_C(0xcbf29ce484222325);
	for (const char *k = rec_item_key(it); *k; k++) {
		h = (h ^ (uint8_t)*k) * UINT64_C(0x100000001b3);
	}
	return (uint32_t)(h >> 32 ^ h);
}

static bool item_same(const struct rec_item *a, const struct rec_item *b)
{
	if (a->kind != b->kind) {
		return false;
	}
	if (a->kind == ITEM_CAN) {
		return can_word(a) == can_word(b);
	}
	return a->key_len == b->key_len &&
	       (a->kind != ITEM_VALUES || a->n == b->n) &&
	       !memcmp(rec_item_key(a), rec_item_key(b), a->key_len);
}

/* Place of the item's entry, which is added if new. */
static size_t dict_find(struct rec_encoder *e, const struct rec_item *it)
{
	size_t h = item_hash(it) & e->hash_mask;

	for (;; h = (h + 1) & e->hash_mask) {
		uint32_t k = e->hash[h];

		if (k == 0) {
			break;
		}
		if (item_same(e->entry[k - 1].first, it)) {
			return k - 1;
		}
	}
	e->entry[e->n_entries] = (struct entry){ .first = it, .prev = NULL };
	e->hash[h] = (uint32_t)++e->n_entries;
	return e->n_entries - 1;
}

/* @p has room for @len rounded up to 8; so have both sources. */
static void put_xor(uint8_t *p, const uint8_t *data, const uint8_t *prev,
		    size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t a, b = 0;

		memcpy(&a, data + i, 8);
		if (prev) {
			memcpy(&b, prev + i, 8);
		}
		a ^= b;
		memcpy(p + i, &a, 8);
	}
}

static int put_data(struct rec_encoder *e, const struct rec_item *it,
		    const struct rec_item *prev)
{
	struct buf *b = &e->data;
	size_t len;

	if (buf_reserve(b, it->size + VARINT_MAX + 8) < 0) {
		return -ENOMEM;
	}
	switch (it->kind) {
	case ITEM_CAN:
		put_xor(b->p + b->len, rec_item_data(it),
			prev ? rec_item_data(prev) : NULL, it->can.len);
		b->len += it->can.len;
		break;
	case ITEM_VALUES:
		len = (size_t)it->n * 8;
		put_xor(b->p + b->len, (const uint8_t *)rec_item_values(it),
			prev ? (const uint8_t *)rec_item_values(prev) : NULL,
			len);
		b->len += len;
		break;
	default:
		len = it->text.text_len;
		b->len = (size_t)(put_varint(b->p + b->len, len) - b->p);
		memcpy(b->p + b->len, rec_item_text(it), len);
		b->len += len;
		break;
	}
	return 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

#define NEXT(it) (const struct rec_item *)(const void *)((const char *)(it) + (it)->size)

/* Dictionary, index, sequence and data columns; @unit divides all time steps. */
static int first_pass(struct rec_encoder *e, const struct rec_item *it,
		      size_t n, uint64_t *unit)
{
	const struct rec_item *before = NULL;
	uint8_t *p;

	e->seq.len = e->data.len = 0;
	if (dict_reset(e, n) < 0 || buf_reserve(&e->seq, n * VARINT_MAX) < 0) {
		return -ENOMEM;
	}
	p = e->seq.p;
	*unit = 0;
	for (size_t i = 0; i < n; i++, before = it, it = NEXT(it)) {
		size_t k = dict_find(e, it);

		e->index[i] = (uint16_t)k;
		if (put_data(e, it, e->entry[k].prev) < 0) {
			return -ENOMEM;
		}
		e->entry[k].prev = it;
		if (before) {
			uint64_t dt = (uint64_t)it->t - (uint64_t)before->t;

			p = put_varint(p, it->seq - before->seq - 1);
			if (*unit != 1 && (*unit == 0 || dt % *unit != 0)) {
				*unit = gcd(*unit, dt);
			}
		}
	}
	if (*unit == 0) {
		*unit = 1; /* all at one time */
	}
	e->seq.len = (size_t)(p - e->seq.p);
	return 0;
}

static int time_pass(struct rec_encoder *e, const struct rec_item *it, size_t n,
		     uint64_t unit)
{
	const struct rec_item *next;
	uint8_t *p;

	e->time.len = 0;
	if (buf_reserve(&e->time, n * VARINT_MAX) < 0) {
		return -ENOMEM;
	}
	p = e->time.p;
	for (size_t i = 1; i < n; i++, it = next) {
		uint64_t dt;

		next = NEXT(it);
		dt = (uint64_t)next->t - (uint64_t)it->t;
		p = put_varint(p, unit == 1 ? dt : dt / unit);
	}
	e->time.len = (size_t)(p - e->time.p);
	return 0;
}

static uint8_t *put_entry(uint8_t *p, const struct rec_item *it)
{
	if (it->kind == ITEM_CAN) {
		p = put_varint(p, it->can.id);
		*p++ = it->can.bus;
		*p++ = (uint8_t)(it->can.flags | (it->can.tx ? 0x80 : 0));
		*p++ = it->can.len;
		return p;
	}
	p = put_varint(p, it->key_len);
	memcpy(p, rec_item_key(it), it->key_len);
	p += it->key_len;
	return put_varint(p, it->kind == ITEM_VALUES ? it->n + 1 : 0);
}

/* All columns, one behind the other, in e->raw. */
static int assemble(struct rec_encoder *e, size_t n, uint64_t unit)
{
	size_t need = 4 * VARINT_MAX + e->seq.len + e->time.len + 2 * n +
		      e->data.len;
	uint8_t *p;

	for (size_t i = 0; i < e->n_entries; i++) {
		need += 2 * VARINT_MAX + 3 + e->entry[i].first->key_len;
	}
	e->raw.len = 0;
	if (buf_reserve(&e->raw, need) < 0) {
		return -ENOMEM;
	}
	p = put_varint(e->raw.p, e->n_entries);
	for (size_t i = 0; i < e->n_entries; i++) {
		p = put_entry(p, e->entry[i].first);
	}
	p = put_varint(p, unit);
	p = put_varint(p, e->seq.len);
	p = put_varint(p, e->time.len);
	memcpy(p, e->seq.p, e->seq.len);
	p += e->seq.len;
	memcpy(p, e->time.p, e->time.len);
	p += e->time.len;
	if (e->n_entries <= 256) {
		for (size_t i = 0; i < n; i++) {
			*p++ = (uint8_t)e->index[i];
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			*p++ = (uint8_t)e->index[i];
			*p++ = (uint8_t)(e->index[i] >> 8);
		}
	}
	memcpy(p, e->data.p, e->data.len);
	p += e->data.len;
	e->raw.len = (size_t)(p - e->raw.p);
	return 0;
}

int rec_encode(struct rec_encoder *e, enum rec_channel ch, const uint8_t *items,
	       size_t n, struct rec_chunk_info *info, const uint8_t **data,
	       size_t *len)
{
	const struct rec_item *first = (const void *)items, *last = first;
	uint64_t unit;
	size_t ret;

	if (first_pass(e, first, n, &unit) < 0 ||
	    time_pass(e, first, n, unit) < 0 || assemble(e, n, unit) < 0) {
		return -ENOMEM;
	}
	e->out.len = 0;
	if (buf_reserve(&e->out, ZSTD_compressBound(e->raw.len)) < 0) {
		return -ENOMEM;
	}
	ret = ZSTD_compress2(e->zstd, e->out.p, e->out.room, e->raw.p,
			     e->raw.len);
	if (ZSTD_isError(ret)) {
		return -ENOMEM; /* nothing else can fail with room for all */
	}
	for (size_t i = 1; i < n; i++) {
		last = NEXT(last);
	}
	*data = e->out.p;
	*len = ret;
	*info = (struct rec_chunk_info){
		.ch = ch,
		.first_seq = first->seq,
		.last_seq = last->seq,
		.first_t = first->t,
		.last_t = last->t,
		.count = (uint32_t)n,
		.size = (uint32_t)e->raw.len,
		.crc = rec_crc_of(&e->crc, e->out.p, ret),
	};
	return 0;
}
