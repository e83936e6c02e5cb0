/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a chunk, which zstd and a checksum otherwise keep a fuzzer
 * away from. Input: channel, count (2 bytes), span of seq (2), span of time (3),
 * then the columns.
 */
#include "config.h"

#include "recordings/rec_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rec_chunk_info *info, const uint8_t *data,
		  size_t len)
{
	struct rec_decoder *d = rec_decoder_create();
	struct rec_chunk_record rec = { 0 };
	const char *why = NULL;
	uint64_t last_seq = info->first_seq;
	uint64_t n = 0, sum = 0;
	int ret = rec_decode_open(d, info, data, len, &why);

	while (ret == 0 && (ret = rec_decode_next(d, &rec, &why)) > 0) {
		assert(rec.seq >= last_seq && rec.seq <= info->last_seq);
		assert(rec.t >= info->first_t && rec.t <= info->last_t);
		assert(rec.dict < rec_decode_dict_size(d));
		if (info->ch == REC_CAN) {
			assert(rec.frame->len <= 64);
			sum += rec.frame->data[0];
		} else {
			sum += strlen(rec.key);
			for (size_t i = 0; i < rec.text_len && rec.text; i++) {
				sum += (uint8_t)rec.text[i];
			}
			for (size_t i = 0; i < rec.n && !rec.text; i++) {
				sum += rec.v[i] > 0;
			}
		}
		last_seq = rec.seq;
		n++;
		ret = 0;
	}
	assert(ret < 0 ? why && *why : n == info->count);
	assert(sum < UINT64_MAX);
	rec_decoder_destroy(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_chunk_info info = { .first_seq = 10, .first_t = 1000 };
	struct rec_crc crc;
	size_t room, len;
	uint8_t *packed;

	if (size <= HEAD) {
		return 0;
	}
	info.ch = (enum rec_channel)(data[0] % REC_N_CHANNELS);
	info.count = (uint32_t)(data[1] | data[2] << 8);
	info.last_seq = info.first_seq + (uint64_t)(data[3] | data[4] << 8);
	info.last_t = info.first_t + (data[5] | data[6] << 8 | data[7] << 16);
	info.size = (uint32_t)(size - HEAD);
	room = ZSTD_compressBound(info.size);
	packed = malloc(room);
	len = ZSTD_compress(packed, room, data + HEAD, info.size, -5);
	assert(packed && !ZSTD_isError(len));
	rec_crc_init(&crc);
	info.crc = rec_crc_of(&crc, packed, len);
	check(&info, packed, len);
	free(packed);
	return 0;
}
