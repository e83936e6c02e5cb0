/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats_int.h"

#include <string.h>

/* RFC 4180: quoted where it holds a comma, a quote or a line end. */
void csv_put_field(FILE *out, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, out);
		return;
	}
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"') {
			fputc('"', out);
		}
		fputc(*s, out);
	}
	fputc('"', out);
}

int export_csv_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err)
{
	struct rec_filter all = *f;
	struct rec_record rec;
	int ret;

	all.text = true;
	ret = rec_seek(r, &all, err);
	fputs("t,channel,key,value\n", out);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		char t[VTIME_STR_MAX];

		vtime_format(rec.t, t);
		fprintf(out, "%s,%s,", t, rec_channel_names[rec.ch]);
		csv_put_field(out, rec.key);
		fputc(',', out);
		csv_put_field(out, rec.text ? rec.text : "");
		fputc('\n', out);
		ret = 0;
	}
	return ret;
}
