/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of any kind as a trace: the first byte of a line is its channel, a key
 * and a text follow with a tab between. And a trace configuration: all of it.
 */
#include "config.h"

#include "recordings/perfetto.h"
#include "sim/core/text.h"
#include "sim/services/tracing.h"
#include "sim/services/tracing_config.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly one field of that length is in it. */
static void check_packet(void *ctx, bool head, const uint8_t *data, size_t len)
{
	size_t at = 1, body = 0;
	unsigned int shift = 0;

	(void)ctx;
	(void)head;
	assert(len > 2 && len <= PERFETTO_PACKET_MAX && data[0] == 0x0a);
	do {
		body |= (size_t)(data[at] & 0x7f) << shift;
		shift += 7;
	} while (data[at++] & 0x80);
	assert(at + body == len);
}

static void put_line(struct perfetto *p, vtime t, const char *line)
{
	struct rec_record rec = { .t = t };
	char *key, *tab;

	if (!*line) {
		return;
	}
	rec.ch = (enum rec_channel)((unsigned char)*line % REC_N_CHANNELS);
	key = strdup(line + 1);
	tab = key ? strchr(key, '\t') : NULL;
	if (tab) {
		*tab = '\0';
		rec.key = key;
		rec.text = tab + 1;
		if (av_num_parse(rec.text, strlen(rec.text), &rec.num) == 0) {
			rec.val = REC_VAL_NUM;
		}
		perfetto_put(p, &rec);
	}
	free(key);
}

static void check_config(const uint8_t *data, size_t size)
{
	Perfetto__Protos__TraceConfig *c =
		perfetto__protos__trace_config__unpack(NULL, size, data);
	struct tracing_config got;
	struct av_err err = { 0 };

	if (c && tracing_config_read(c, &got, &err) == 0) {
		assert(got.size <= TRACING_BUFFER_MAX && got.channels != 0);
		assert(memchr(got.ignored, '\0', sizeof(got.ignored)));
	} else if (c) {
		assert(err.msg[0]);
	}
	perfetto__protos__trace_config__free_unpacked(c, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perfetto *p = perfetto_create("fuzz", 0, check_packet, NULL);
	char *text = malloc(size + 1);
	vtime t = 0;

	check_config(data, size);
	if (p && text) {
		memcpy(text, data, size);
		text[size] = '\0';
		for (char *line = text, *end; line; line = end) {
			end = strchr(line, '\n');
			if (end) {
				*end++ = '\0';
			}
			put_line(p, t, line);
			t += 1000;
		}
		perfetto_end(p, t);
	}
	free(text);
	perfetto_destroy(p);
	return 0;
}
