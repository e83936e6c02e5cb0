/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as a Perfetto trace. Without --only it has what a trace of a
 * running avsim has by default; frames and signals only if asked for.
 */
#include "config.h"

#include "recordings/formats_int.h"
#include "recordings/perfetto.h"
#include "sim/core/log.h"

#include <errno.h>

static void put_packet(void *ctx, bool head, const uint8_t *data, size_t len)
{
	(void)head;
	fwrite(data, 1, len, ctx);
}

int export_perfetto_run(struct rec_reader *r, const struct rec_filter *f,
			FILE *out, struct av_err *err)
{
	const struct rec_meta *meta = rec_meta(r);
	struct perfetto *p =
		perfetto_create(meta->title, f->from, put_packet, out);
	struct rec_filter filter = *f;
	struct rec_record rec;
	vtime end = f->from;
	int ret;

	if (!p) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	filter.text = true;
	if (!f->only) {
		filter.channels = f->channels ? f->channels : PERFETTO_CHANNELS;
		filter.signals = false;
	}
	if (meta->epoch_ns > 0) {
		perfetto_clock(p, 0, meta->epoch_ns);
	}
	ret = rec_seek(r, &filter, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		perfetto_put(p, &rec);
		end = rec.t;
		ret = 0;
	}
	perfetto_end(p, end);
	if (ret == 0 && perfetto_lost(p) > 0) {
		av_log(AV_LOG_WARN, "export",
		       "%llu records are not in the trace, which has room for "
		       "%d tracks: leave some out with --only",
		       (unsigned long long)perfetto_lost(p),
		       PERFETTO_TRACKS_MAX);
	}
	perfetto_destroy(p);
	return ret;
}
