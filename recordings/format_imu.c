/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motion sensors as a trace that plays again (sim/sensors/imu_trace.h,
 * avsim-recording(5)): a row per time, columns SENSOR_x SENSOR_y SENSOR_z, of an
 * uncalibrated sensor also SENSOR_bias_x ..., empty where it has no sample then.
 * Two passes: the sensors first, for the header.
 */
#include "config.h"

#include "recordings/formats_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SENSORS_MAX 64

struct sheet {
	size_t n;
	char *name[SENSORS_MAX];
	size_t n_values[SENSORS_MAX];
	char *value[SENSORS_MAX]; /* of the present row, tab separated */
};

static size_t count_values(const char *text)
{
	size_t n = 1;

	for (; *text; text++) {
		n += *text == '\t';
	}
	return n;
}

/* Index of the sensor, SENSORS_MAX if it is not there. */
static size_t find(const struct sheet *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->name[i], name)) {
			return i;
		}
	}
	return SENSORS_MAX;
}

static int note_sensor(struct sheet *s, const struct rec_record *rec,
		       struct av_err *err)
{
	size_t values = count_values(rec->text), i = find(s, rec->key);

	if (i < SENSORS_MAX) {
		return 0;
	}
	if (values != 3 && values != 6) {
		return av_err_set(err, -EINVAL,
				  "records of %s have %zu values, a motion "
				  "sensor has 3 or 6",
				  rec->key, values);
	}
	if (s->n == SENSORS_MAX) {
		return av_err_set(err, -E2BIG, "more than %d motion sensors",
				  SENSORS_MAX);
	}
	s->name[s->n] = strdup(rec->key);
	if (!s->name[s->n]) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	s->n_values[s->n++] = values;
	return 0;
}

static void put_header(const struct sheet *s, FILE *out)
{
	static const char *const axes[] = { "x",      "y",	"z",
					    "bias_x", "bias_y", "bias_z" };

	fputs("time_s", out);
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->n_values[i]; k++) {
			fprintf(out, ",%s_%s", s->name[i], axes[k]);
		}
	}
	fputc('\n', out);
}

static void put_row(struct sheet *s, vtime t, FILE *out)
{
	char text[VTIME_STR_MAX];

	vtime_format(t, text);
	fputs(text, out);
	for (size_t i = 0; i < s->n; i++) {
		const char *v = s->value[i];

		for (size_t k = 0; !v && k < s->n_values[i]; k++) {
			fputc(',', out);
		}
		if (v) {
			fputc(',', out);
			for (; *v; v++) {
				fputc(*v == '\t' ? ',' : *v, out);
			}
		}
		free(s->value[i]);
		s->value[i] = NULL;
	}
	fputc('\n', out);
}

static int put_rows(struct sheet *s, struct rec_reader *r, FILE *out,
		    struct av_err *err)
{
	struct rec_record rec;
	vtime t = -1;
	int ret;

	while ((ret = rec_next(r, &rec, err)) > 0) {
		size_t i = find(s, rec.key);

		if (i == SENSORS_MAX ||
		    count_values(rec.text) != s->n_values[i]) {
			return av_err_set(err, -EBADMSG,
					  "records of %s have different "
					  "numbers of values",
					  rec.key);
		}
		if (t >= 0 && (rec.t != t || s->value[i])) {
			put_row(s, t, out);
		}
		t = rec.t;
		s->value[i] = strdup(rec.text);
		if (!s->value[i]) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	if (ret == 0 && t >= 0) {
		put_row(s, t, out);
	}
	return ret;
}

int export_imu_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err)
{
	struct rec_filter imu = *f;
	struct rec_record rec;
	struct sheet s = { 0 };
	int ret;

	imu.channels = 1u << REC_IMU;
	imu.text = true;
	ret = rec_seek(r, &imu, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		ret = note_sensor(&s, &rec, err);
	}
	if (ret == 0 && s.n == 0) {
		ret = av_err_set(err, -ENODATA,
				 "no records of motion sensors to export");
	}
	if (ret == 0) {
		ret = rec_seek(r, &imu, err);
	}
	if (ret == 0) {
		put_header(&s, out);
		ret = put_rows(&s, r, out, err);
	}
	for (size_t i = 0; i < s.n; i++) {
		free(s.name[i]);
		free(s.value[i]);
	}
	return ret;
}
