/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk codec: what goes in comes out, and nothing else is let through. */
#include "config.h"

#include "sim/core/rand.h"
#include "tests/unit/rec_rig.h"

#include <errno.h>

#define ITEMS_MAX ((size_t)6 << 20)

/* Items one behind the other, as the store hands them over. */
struct series {
	uint64_t *buf; /* aligned for items */
	size_t len, n;
	uint64_t seq;
	vtime t;
};

static void series_init(struct series *s)
{
	*s = (struct series){ .buf = calloc(1, ITEMS_MAX) };
	CHECK(s->buf != NULL);
}

static struct rec_item *series_room(struct series *s, size_t size)
{
	struct rec_item *it = (void *)((char *)s->buf + s->len);

	CHECK(s->len + size <= ITEMS_MAX);
	s->len += size;
	s->n++;
	return it;
}

static void add_put(struct series *s, struct rec_put *p)
{
	size_t size = rec_put_size(p);

	p->t = s->t;
	rec_put_write(p, s->seq, series_room(s, size));
}

static void add_frame(struct series *s, struct can_frame *f)
{
	f->t = s->t;
	rec_put_can(f, s->seq, series_room(s, rec_can_size(f)));
}

static struct can_frame random_frame(struct av_rand *r, unsigned int ids)
{
	static const uint8_t fd_len[] = { 0,  1,  2,  3,  4,  5,  6,  7,
					  8,  12, 16, 20, 24, 32, 48, 64 };
	struct can_frame f = { .bus = (uint8_t)av_rand_below(r, 3),
			       .tx = av_rand_below(r, 2) };

	f.id = (uint32_t)av_rand_below(r, ids);
	if (av_rand_below(r, 3) == 0) {
		f.flags = CAN_FD | (uint8_t)(av_rand_below(r, 4) << 1);
		f.len = fd_len[av_rand_below(r, 16)];
	} else {
		f.flags = av_rand_below(r, 4) ? 0 : CAN_RTR;
		f.len = (uint8_t)av_rand_below(r, 9);
	}
	if (av_rand_below(r, 2)) {
		f.flags |= CAN_EXT;
		f.id |= 0x1fff0000;
	}
	av_rand_bytes(r, f.data, f.len);
	return f;
}

static void check_frame(const struct rec_item *it,
			const struct rec_chunk_record *rec)
{
	const struct can_frame *f = rec->frame;

	CHECK(f != NULL);
	CHECK_EQ(f->t, it->t);
	CHECK_EQ(f->id, it->can.id);
	CHECK_EQ(f->bus, it->can.bus);
	CHECK_EQ(f->flags, it->can.flags);
	CHECK_EQ(f->tx, it->can.tx);
	CHECK_EQ(f->len, it->can.len);
	CHECK(!memcmp(f->data, rec_item_data(it), f->len));
}

static void check_other(const struct rec_item *it,
			const struct rec_chunk_record *rec)
{
	CHECK_STR(rec->key, rec_item_key(it));
	if (it->kind == ITEM_VALUES) {
		CHECK(rec->text == NULL);
		CHECK_EQ(rec->n, it->n);
		CHECK(it->n == 0 || !memcmp(rec->v, rec_item_values(it),
					    it->n * sizeof(double)));
	} else {
		CHECK_EQ(rec->text_len, it->text.text_len);
		CHECK(!memcmp(rec->text, rec_item_text(it), rec->text_len));
	}
}

static void check_back(const struct series *s, enum rec_channel ch)
{
	struct rec_encoder *e = rec_encoder_create();
	struct rec_decoder *d = rec_decoder_create();
	const struct rec_item *it = (const void *)s->buf;
	struct rec_chunk_info info;
	struct rec_chunk_record rec;
	const uint8_t *data;
	const char *why = "";
	size_t len;

	CHECK_EQ(rec_encode(e, ch, (const uint8_t *)s->buf, s->n, &info, &data,
			    &len),
		 0);
	CHECK_EQ(info.count, s->n);
	CHECK_EQ(rec_decode_open(d, &info, data, len, &why), 0);
	for (size_t i = 0; i < s->n; i++) {
		CHECK_EQ(rec_decode_next(d, &rec, &why), 1);
		CHECK_EQ(rec.seq, it->seq);
		CHECK_EQ(rec.t, it->t);
		if (ch == REC_CAN) {
			check_frame(it, &rec);
		} else {
			check_other(it, &rec);
		}
		it = (const void *)((const char *)it + it->size);
	}
	CHECK_EQ(rec_decode_next(d, &rec, &why), 0);
	rec_encoder_destroy(e);
	rec_decoder_destroy(d);
}

/* Every length, few ids and many, steps of time alike and wild. */
TEST(chunk_gives_back_random_frames)
{
	static const unsigned int ids[] = { 1, 40, 0x800 };
	static const size_t counts[] = { 1, 2, 300, REC_CHUNK_RECORDS };
	struct av_rand r;
	struct series s;

	av_rand_init(&r, 1, "chunk");
	series_init(&s);
	for (size_t round = 0; round < 24; round++) {
		size_t n = counts[round % 4];
		uint64_t step = round % 2 ? 1000000 : 1;

		s.len = s.n = 0;
		s.seq = av_rand_below(&r, 1000) + 1;
		s.t = (vtime)av_rand_below(&r, UINT64_C(1) << 40);
		for (size_t i = 0; i < n; i++) {
			struct can_frame f =
				random_frame(&r, ids[round / 4 % 3]);

			add_frame(&s, &f);
			s.seq += 1 + (round % 3 ? 0 : av_rand_below(&r, 300));
			s.t += (vtime)(step * av_rand_below(&r, 50));
		}
		check_back(&s, REC_CAN);
	}
	free(s.buf);
}

TEST(chunk_keeps_extreme_times_and_sequence_numbers)
{
	struct can_frame f = { .id = 1, .len = 1 };
	struct series s;

	series_init(&s);
	s.seq = 1;
	add_frame(&s, &f);
	s.seq = UINT64_C(1) << 62;
	s.t = INT64_MAX - 1;
	add_frame(&s, &f);
	s.seq++;
	s.t = INT64_MAX;
	add_frame(&s, &f);
	check_back(&s, REC_CAN);
	free(s.buf);
}

TEST(chunk_gives_back_values_and_texts_of_other_channels)
{
	static const double odd[] = { NAN, -0.0,     1e308,  INFINITY,
				      0.1, -INFINITY, 5e-324 };
	struct av_rand r;
	struct series s;
	double v[REC_VALUES_MAX];

	av_rand_init(&r, 2, "chunk");
	series_init(&s);
	for (size_t i = 0; i < 3000; i++) {
		char key[32], text[300];
		struct rec_put p = { .ch = REC_GNSS, .key = key };

		snprintf(key, sizeof(key), "k%u",
			 (unsigned int)av_rand_below(&r, 400));
		if (i % 3 == 0) {
			p.kind = ITEM_TEXT;
			p.text = text;
			memset(text, 'a' + (int)(i % 26), sizeof(text));
			text[av_rand_below(&r, sizeof(text))] = '\0';
			text[sizeof(text) - 1] = '\0';
		} else {
			p.kind = ITEM_VALUES;
			p.v = v;
			p.n = i == 1 ? REC_VALUES_MAX : av_rand_below(&r, 9);
			for (size_t k = 0; k < p.n; k++) {
				v[k] = odd[av_rand_below(&r, 7)];
			}
		}
		s.seq++;
		s.t += 1000;
		add_put(&s, &p);
	}
	check_back(&s, REC_GNSS);
	free(s.buf);
}

TEST(chunk_takes_a_key_and_a_text_of_full_length)
{
	char *key = calloc(1, REC_KEY_MAX + 100);
	char *text = calloc(1, REC_TEXT_MAX + 100);
	struct rec_put p = { .ch = REC_CAMERA,
			     .kind = ITEM_TEXT,
			     .key = key,
			     .text = text };
	struct series s;

	memset(key, 'k', REC_KEY_MAX + 99);
	memset(text, 't', REC_TEXT_MAX + 99);
	series_init(&s);
	s.seq = 1;
	add_put(&s, &p);
	CHECK_EQ(p.key_len, REC_KEY_MAX);
	CHECK_EQ(p.text_len, REC_TEXT_MAX);
	check_back(&s, REC_CAMERA);
	free(s.buf);
	free(key);
	free(text);
}

/* ---- damage ---- */

struct coded {
	struct series s;
	struct rec_encoder *e;
	struct rec_chunk_info info;
	const uint8_t *data;
	size_t len;
};

static void code(struct coded *c, enum rec_channel ch)
{
	struct av_rand r;

	av_rand_init(&r, 3, "damage");
	series_init(&c->s);
	for (size_t i = 0; i < 500; i++) {
		struct can_frame f = random_frame(&r, 40);
		double v[2] = { (double)i, 1 };
		struct rec_put p = { .ch = ch,
				     .kind = i % 2 ? ITEM_VALUES : ITEM_TEXT,
				     .key = i % 3 ? "a" : "b",
				     .text = "hello",
				     .v = v,
				     .n = 2 };

		c->s.seq += 1 + i % 2;
		c->s.t += VT_MS;
		if (ch == REC_CAN) {
			add_frame(&c->s, &f);
		} else {
			add_put(&c->s, &p);
		}
	}
	c->e = rec_encoder_create();
	CHECK_EQ(rec_encode(c->e, ch, (const uint8_t *)c->s.buf, c->s.n,
			    &c->info, &c->data, &c->len),
		 0);
}

/* Read all: number of records, or -errno. */
static int decode(const struct rec_chunk_info *info, const uint8_t *data,
		  size_t len)
{
	struct rec_decoder *d = rec_decoder_create();
	struct rec_chunk_record rec;
	const char *why = NULL;
	int n = 0, ret = rec_decode_open(d, info, data, len, &why);

	if (ret == 0) {
		while ((ret = rec_decode_next(d, &rec, &why)) > 0) {
			n++;
		}
	}
	if (ret < 0) {
		CHECK(why && *why);
	}
	rec_decoder_destroy(d);
	return ret < 0 ? ret : n;
}

TEST(chunk_whose_row_lies_is_refused)
{
	struct coded c;
	struct rec_chunk_info bad[14];
	size_t n = 0;

	code(&c, REC_CAN);
	CHECK_EQ(decode(&c.info, c.data, c.len), 500);
	for (size_t i = 0; i < 14; i++) {
		bad[i] = c.info;
	}
	bad[n++].count++;
	bad[n++].count--;
	bad[n++].count = 0;
	bad[n++].count = UINT32_MAX;
	bad[n++].size++;
	bad[n++].size = 0;
	bad[n++].size = UINT32_MAX;
	bad[n++].crc ^= 1;
	bad[n++].last_seq++;
	bad[n++].last_seq = 0;
	bad[n++].last_t -= 1;
	bad[n++].first_t = -1;
	bad[n++].ch = REC_VHAL;
	bad[n++].ch = REC_N_CHANNELS;
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(decode(&bad[i], c.data, c.len), -EBADMSG);
	}
	CHECK_EQ(decode(&c.info, c.data, c.len - 1), -EBADMSG);
	CHECK_EQ(decode(&c.info, c.data, 0), -EBADMSG);
	rec_encoder_destroy(c.e);
	free(c.s.buf);
}

/* Behind a good checksum: each byte of the columns changed in turn. Whatever
 * comes out, it ends, and no record is past what the row says. */
static void mutate(enum rec_channel ch)
{
	struct coded c;
	struct rec_crc crc;
	uint8_t *raw, *packed;
	size_t room;

	code(&c, ch);
	rec_crc_init(&crc);
	raw = malloc(c.info.size);
	room = ZSTD_compressBound(c.info.size);
	packed = malloc(room);
	CHECK_EQ(ZSTD_decompress(raw, c.info.size, c.data, c.len),
		 c.info.size);
	for (size_t i = 0; i < c.info.size; i++) {
		struct rec_chunk_info info = c.info;
		uint8_t old = raw[i];
		size_t len;
		int n;

		raw[i] ^= (uint8_t)(1u << (i % 8));
		len = ZSTD_compress(packed, room, raw, info.size, 1);
		info.crc = rec_crc_of(&crc, packed, len);
		n = decode(&info, packed, len);
		CHECK(n == -EBADMSG || n == 500);
		raw[i] = 0xff;
		len = ZSTD_compress(packed, room, raw, info.size, 1);
		info.crc = rec_crc_of(&crc, packed, len);
		n = decode(&info, packed, len);
		CHECK(n == -EBADMSG || n == 500);
		raw[i] = old;
	}
	free(raw);
	free(packed);
	rec_encoder_destroy(c.e);
	free(c.s.buf);
}

TEST(chunk_with_any_column_byte_changed_ends_in_good_order)
{
	mutate(REC_CAN);
	mutate(REC_IMU);
}

TEST(crc_is_that_of_ieee_802_3)
{
	struct rec_crc c;

	rec_crc_init(&c);
	CHECK_EQ(rec_crc_of(&c, (const uint8_t *)"123456789", 9), 0xcbf43926u);
	CHECK_EQ(rec_crc_of(&c, (const uint8_t *)"", 0), 0);
}

int main(void)
{
	return RUN_TESTS(
		T(chunk_gives_back_random_frames),
		T(chunk_keeps_extreme_times_and_sequence_numbers),
		T(chunk_gives_back_values_and_texts_of_other_channels),
		T(chunk_takes_a_key_and_a_text_of_full_length),
		T(chunk_whose_row_lies_is_refused),
		T(chunk_with_any_column_byte_changed_ends_in_good_order),
		T(crc_is_that_of_ieee_802_3));
}
