/* SPDX-License-Identifier: Apache-2.0 */
/* All formats of positions: which one is asked of the bytes themselves. */
#include "config.h"

#include "sim/gnss/text.h"
#include "sim/gnss/trace.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct gnss_trace *t, const struct gnss_item *it)
{
	char fix[GNSS_FIX_LINE_MAX], nmea[GNSS_NMEA_FIX_MAX];
	char sats[GNSS_NMEA_SATS_MAX];
	const struct gnss_fix *f;
	size_t n;

	assert(it->unix_ns >= 0);
	switch (it->kind) {
	case GNSS_FIX:
		assert(it->idx < t->n_fixes && it->provider[0]);
		f = &t->fix[it->idx];
		assert(f->mode < 2 || (f->lat_deg >= -90 && f->lat_deg <= 90));
		n = gnss_fix_line(f, it->provider, it->unix_ns, fix);
		assert(n < sizeof(fix) && !memchr(fix, '\n', n));
		assert(gnss_nmea_fix(f, nmea) < sizeof(nmea));
		break;
	case GNSS_SATS:
		assert(it->n > 0 && it->n <= GNSS_SATS_MAX &&
		       it->idx + it->n <= t->n_sats);
		assert(gnss_nmea_sats(NULL, t->sat + it->idx, it->n, sats) <
		       sizeof(sats));
		break;
	case GNSS_RAW:
		assert(it->idx < t->n_headers && it->text < t->text_len);
		assert(memchr(t->text + it->text, '\0',
			      t->text_len - it->text));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct av_diags notes = { 0 }, d = { 0 };
	struct gnss_trace *t;
	char text[300];
	int ret = gnss_trace_parse("f", (const char *)data, size, &t, &notes,
				   &d);

	if (ret == 0) {
		assert(d.n == 0 && t->n > 0);
		for (size_t i = 0; i < t->n; i++) {
			assert(i == 0 ||
			       t->item[i - 1].unix_ns <= t->item[i].unix_ns);
			check_item(t, &t->item[i]);
		}
		/* nothing is left out without a word */
		assert(t->skipped <= notes.n + notes.dropped);
		gnss_trace_summary(t, text, sizeof(text));
		if (t->n_fixes < 100) {
			(void)gnss_trace_resample(t, 1);
		}
	} else {
		assert(!t && d.n + d.dropped > 0);
	}
	gnss_trace_destroy(t);
	av_diags_finish(&notes);
	av_diags_finish(&d);
	return 0;
}
