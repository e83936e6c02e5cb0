/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of TOPIC_GNSS as records, the same for the recorder and for those
 * who compare with it:
 *
 *   fix/PROVIDER	the values of struct gnss_fix
 *   sat/G05		azimuth, elevation, C/N0, 1 if used
 *   raw/header		names of the columns of the rows that follow
 *   raw		one row of GnssLogger
 */
#include "config.h"

#include "recordings/rec_gnss.h"

#include "sim/gnss/text.h"

#include <string.h>

static void split_rows(const struct gnss_event *e, rec_gnss_fn *fn, void *ctx)
{
	char row[GNSS_ROW_MAX + 1];

	if (e->new_header) {
		fn(ctx, e->t, "raw/header", NULL, 0, e->header);
	}
	for (const char *p = e->rows; *p;) {
		size_t len = strcspn(p, "\n");
		size_t n = len < GNSS_ROW_MAX ? len : GNSS_ROW_MAX;

		memcpy(row, p, n);
		row[n] = '\0';
		fn(ctx, e->t, "raw", NULL, 0, row);
		p += len + (p[len] == '\n');
	}
}

void rec_gnss_split(const struct gnss_event *e, rec_gnss_fn *fn, void *ctx)
{
	char key[5 + GNSS_PROVIDER_MAX], name[8];

	switch (e->kind) {
	case GNSS_FIX:
		snprintf(key, sizeof(key), "fix/%s", e->provider);
		fn(ctx, e->t, key, e->fix->v, GNSS_FIX_N, NULL);
		break;
	case GNSS_SATS:
		for (size_t i = 0; i < e->n_sats; i++) {
			const struct gnss_sat *s = &e->sat[i];
			const double v[] = { s->azimuth_deg,
					     s->elevation_deg,
					     s->cn0_dbhz, s->used };

			snprintf(key, sizeof(key), "sat/%s",
				 gnss_sat_name(s->system, s->svid, name));
			fn(ctx, e->t, key, v, 4, NULL);
		}
		break;
	case GNSS_RAW:
		split_rows(e, fn, ctx);
		break;
	}
}
