/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: whatever the file holds, opening and reading it ends, and what
 * comes out is in order.
 */
#include "config.h"

#include "recordings/rec.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SQLite opens by path only: a file in memory, where there is such a place. */
static const char *put(const uint8_t *data, size_t size)
{
	static char path[64];
	FILE *f;

	if (!*path) {
		const char *dir = access("/dev/shm", W_OK) ? "/tmp" :
							     "/dev/shm";

		snprintf(path, sizeof(path), "%s/fuzz_avrec.%ld", dir,
			 (long)getpid());
	}
	f = fopen(path, "wb");
	assert(f);
	fwrite(data, 1, size, f);
	fclose(f);
	return path;
}

static void check_record(const struct rec_record *rec, uint64_t *seq, vtime *t)
{
	char line[512];
	size_t n = rec_line(rec, line, sizeof(line));

	assert(rec->ch < REC_N_CHANNELS && rec->key && rec->text);
	assert(rec->seq > *seq || (rec->seq == *seq && rec->ch == REC_SIGNAL));
	assert(rec->t >= *t);
	assert(rec->ch != REC_CAN || rec->frame);
	assert(!strpbrk(rec->key, "\t\n") && !strchr(rec->text, '\n'));
	assert(n < sizeof(line) ? line[n - 1] == '\n' : n > 0);
	*seq = rec->seq;
	*t = rec->t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_filter f = { .to = VT_NEVER, .text = true, .signals = true };
	const char *path = put(data, size);
	struct rec_reader *r = NULL;
	struct av_err err = { 0 };
	struct rec_record rec;
	uint64_t seq = 0;
	vtime t = 0;
	int ret = rec_open(path, &r, &err), n = 0;

	if (ret == 0) {
		if (!rec_inputs(r, &err) || rec_seek(r, &f, &err) < 0) {
			f.signals = false;
			ret = rec_seek(r, &f, &err);
		}
		while (ret == 0 && n++ < RECORDS_MAX &&
		       (ret = rec_next(r, &rec, &err)) > 0) {
			check_record(&rec, &seq, &t);
			ret = 0;
		}
		rec_close_reader(r);
	}
	assert(ret >= 0 || err.msg[0]);
	unlink(path);
	return 0;
}
