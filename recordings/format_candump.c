/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats_int.h"
#include "sim/can/candump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

int export_candump_run(struct rec_reader *r, const struct rec_filter *f,
		       FILE *out, struct av_err *err)
{
	struct rec_filter can = *f;
	struct rec_record rec;
	int ret;

	can.channels = 1u << REC_CAN;
	can.text = false;
	ret = rec_seek(r, &can, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		char line[CANDUMP_LINE_MAX], iface[64];
		size_t n = strcspn(rec.key, ":");

		snprintf(iface, sizeof(iface), "%.*s", (int)n, rec.key);
		n = candump_format(rec.frame, iface,
				   rec_meta(r)->epoch_ns + rec.t, line);
		fwrite(line, 1, n, out);
		ret = 0;
	}
	return ret;
}

/* ---- in ---- */

struct import_source {
	struct candump_reader r;
};

/* "(1690000000.123456) can0 123#..." behind empty lines and a BOM */
bool candump_probe(const char *head, size_t len)
{
	size_t i = len > 2 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < len && strchr(" \t\r\n", head[i])) {
		i++;
	}
	return i + 2 < len && head[i] == '(' && head[i + 1] >= '0' &&
	       head[i + 1] <= '9';
}

struct import_source *candump_open(const char *name, const char *data,
				   size_t len)
{
	struct import_source *s = calloc(1, sizeof(*s));

	if (s) {
		candump_reader_init(&s->r, name, data, len);
	}
	return s;
}

int candump_step(struct import_source *s, struct can_frame *f,
		 unsigned long *line, struct av_diags *d)
{
	int ret = candump_next(&s->r, f, d);

	*line = s->r.line;
	return ret;
}

const char *candump_iface(const struct import_source *s, unsigned int bus)
{
	return bus < s->r.n_ifaces ? s->r.iface[bus] : NULL;
}

void candump_close(struct import_source *s)
{
	free(s);
}
