/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/imu_trace.h"

#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GRAVITY 9.80665
#define DEG 0.017453292519943295
#define TIME_MAX (INT64_MAX / 4) /* differences fit as well */

/* ---- columns ---- */

struct column {
	size_t series; /* index */
	size_t value;  /* of the six */
	double scale;
};

struct reader {
	const char *name;
	const char *p, *end; /* what is left to read */
	unsigned int line;
	struct av_diags *d;
	struct imu_trace *t;
	size_t n_columns;
	struct column column[IMU_TRACE_COLUMNS_MAX]; /* [0] is the time */
	const char *title[IMU_TRACE_COLUMNS_MAX];
	size_t title_len[IMU_TRACE_COLUMNS_MAX];
	size_t n_rows, room;
	double *row; /* n_columns each; NaN where the field is empty */
	vtime *time;
	bool bad;
};

static const struct {
	const char *prefix;
	enum imu_kind kind;
	bool uncal;
} kinds[] = {
	/* longer ones first */
	{ "accel_uncal_", IMU_ACCEL, true }, { "gyro_uncal_", IMU_GYRO, true },
	{ "mag_uncal_", IMU_MAG, true },     { "accel_", IMU_ACCEL, false },
	{ "gyro_", IMU_GYRO, false },	     { "mag_", IMU_MAG, false },
};

static const struct {
	const char *name;
	size_t value;
	double sign;
	bool car;
} axes[] = {
	{ "forward", 0, 1, true }, { "back", 0, -1, true },
	{ "left", 1, 1, true },	   { "right", 1, -1, true },
	{ "up", 2, 1, true },	   { "down", 2, -1, true },
	{ "x", 0, 1, false },	   { "y", 1, 1, false },
	{ "z", 2, 1, false },
};

static const struct {
	const char *name;
	enum imu_kind kind;
	double scale;
} units[] = {
	{ "mps2", IMU_ACCEL, 1 }, { "g", IMU_ACCEL, GRAVITY },
	{ "rad_s", IMU_GYRO, 1 }, { "deg_s", IMU_GYRO, DEG },
	{ "uT", IMU_MAG, 1 },
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

static void complain(struct reader *r, const char *at, const char *line,
		     const char *text)
{
	av_diag_add(r->d, r->name, r->line, (unsigned int)(at - line) + 1,
		    "%s", text);
	r->bad = true;
}

/* The series of that description, made if need be. */
static struct imu_series *series_of(struct reader *r,
				    const struct imu_series *want)
{
	struct imu_trace *t = r->t;

	for (size_t i = 0; i < t->n_series; i++) {
		struct imu_series *s = &t->series[i];

		if (!strcmp(s->name, want->name) && s->kind == want->kind &&
		    s->uncal == want->uncal) {
			return s;
		}
	}
	t->series[t->n_series] = *want;
	t->series[t->n_series].n_values = 3;
	return &t->series[t->n_series++];
}

/* "forward_mps2" of a kind. Return: false if it is something else. */
static bool axis_and_unit(const char *s, size_t len, struct imu_series *want,
			  struct column *c)
{
	for (size_t a = 0; a < N(axes); a++) {
		size_t n = strlen(axes[a].name);

		if (len <= n || strncmp(s, axes[a].name, n) != 0 ||
		    s[n] != '_') {
			continue;
		}
		for (size_t u = 0; u < N(units); u++) {
			if (units[u].kind == want->kind &&
			    strlen(units[u].name) == len - n - 1 &&
			    !strncmp(s + n + 1, units[u].name, len - n - 1)) {
				want->car_axes = axes[a].car;
				c->value = axes[a].value;
				c->scale = axes[a].sign * units[u].scale;
				return true;
			}
		}
	}
	return false;
}

static bool of_kind(const char *s, size_t len, struct imu_series *want,
		    struct column *c)
{
	for (size_t i = 0; i < N(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (len > n && !strncmp(s, kinds[i].prefix, n)) {
			want->kind = kinds[i].kind;
			want->uncal = kinds[i].uncal;
			if (axis_and_unit(s + n, len - n, want, c)) {
				return true;
			}
		}
	}
	return false;
}

/* "NAME_x", "NAME_bias_x" */
static bool of_sensor(const char *s, size_t len, struct imu_series *want,
		      struct column *c)
{
	const char *axis;

	*want = (struct imu_series){ 0 };
	if (len < 3 || s[len - 2] != '_' || !s[len - 1]) {
		return false;
	}
	axis = strchr("xyz", s[len - 1]);
	if (!axis) {
		return false;
	}
	c->value = (size_t)(*axis - 'x');
	c->scale = 1;
	len -= 2;
	if (len > 5 && !strncmp(s + len - 5, "_bias", 5)) {
		c->value += 3;
		len -= 5;
	}
	if (len >= SENSORS_NAME_MAX) {
		return false;
	}
	memcpy(want->name, s, len);
	return true;
}

static bool title_taken(const struct reader *r, const struct column *c)
{
	for (size_t i = 1; i < r->n_columns; i++) {
		if (r->column[i].series == c->series &&
		    r->column[i].value == c->value) {
			return true;
		}
	}
	return false;
}

static void read_title(struct reader *r, const char *s, size_t len,
		       const char *line)
{
	struct imu_series want = { 0 }, *got;
	struct column *c = &r->column[r->n_columns];
	char text[200];

	if (r->n_columns == 0) {
		r->t->unix_time = len == 11 && !strncmp(s, "unix_time_s", 11);
		if (!r->t->unix_time && (len != 6 || strncmp(s, "time_s", 6))) {
			complain(r, s, line,
				 "the first column must be time_s or "
				 "unix_time_s");
		}
		return;
	}
	if (!of_kind(s, len, &want, c) && !of_sensor(s, len, &want, c)) {
		snprintf(text, sizeof(text),
			 "column '%.*s' is neither KIND_AXIS_UNIT like "
			 "accel_forward_mps2 nor SENSOR_x, _y, _z",
			 len < 64 ? (int)len : 64, s);
		complain(r, s, line, text);
		return;
	}
	got = series_of(r, &want);
	c->series = (size_t)(got - r->t->series);
	if (got->car_axes != want.car_axes) {
		complain(r, s, line,
			 "axes of the chip and of the car are mixed");
	} else if (title_taken(r, c)) {
		complain(r, s, line, "this axis is there twice");
	}
	if (c->value >= 3) {
		got->n_values = 6;
	}
}

/* All three axes, or all six values, have a column. */
static void check_series(struct reader *r)
{
	char text[120];

	for (size_t i = 0; i < r->t->n_series; i++) {
		const struct imu_series *s = &r->t->series[i];
		size_t n = 0, k = 0;

		for (size_t c = 1; c < r->n_columns; c++) {
			if (r->column[c].series == i) {
				k = k ? k : c;
				n++;
			}
		}
		if (n != s->n_values) {
			snprintf(text, sizeof(text),
				 "'%.*s': want columns for all three axes%s",
				 r->title_len[k] < 64 ? (int)r->title_len[k] :
							64,
				 r->title[k],
				 s->n_values == 6 ? " and their bias" : "");
			complain(r, r->title[k], r->title[0], text);
		}
	}
	if (r->n_columns < 2) {
		complain(r, "", "", "no columns of a sensor in this header");
	}
}

/* ---- lines ---- */

/* The next line that is neither empty nor a comment, without its end. */
static const char *next_line(struct reader *r, const char **stop)
{
	while (r->p < r->end) {
		const char *s = r->p;
		const char *nl = memchr(s, '\n', (size_t)(r->end - s));

		*stop = nl ? nl : r->end;
		r->p = nl ? nl + 1 : r->end;
		r->line++;
		if (*stop > s && (*stop)[-1] == '\r') {
			(*stop)--;
		}
		if (*stop > s && *s != '#') {
			return s;
		}
	}
	return NULL;
}

static const char *field_end(const char *s, const char *stop)
{
	const char *comma = memchr(s, ',', (size_t)(stop - s));

	return comma ? comma : stop;
}

static int read_header(struct reader *r)
{
	const char *stop, *line = next_line(r, &stop), *s = line;

	if (!line) {
		r->line = 0;
		return av_diag_add(r->d, r->name, 0, 0,
				   "the file has no header");
	}
	for (;;) {
		const char *e = field_end(s, stop);

		if (r->n_columns == IMU_TRACE_COLUMNS_MAX) {
			complain(r, s, line, "too many columns");
			break;
		}
		r->title[r->n_columns] = s;
		r->title_len[r->n_columns] = (size_t)(e - s);
		read_title(r, s, (size_t)(e - s), line);
		r->n_columns++;
		if (e == stop) {
			break;
		}
		s = e + 1;
	}
	if (!r->bad) {
		check_series(r);
	}
	return r->bad ? -EINVAL : 0;
}

/* Seconds with up to nine digits behind the point, exact; the double of a
 * Unix time is only good for 0.2 us. */
static int read_time(const char *s, size_t len, vtime *out)
{
	bool neg = len > 0 && *s == '-';
	int64_t v = 0, unit = VT_S;
	bool point = false;
	size_t digits = 0;

	for (size_t i = neg; i < len; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9') {
			return -EINVAL;
		}
		digits++;
		if (point) {
			unit /= 10;
			v += (s[i] - '0') * unit; /* beyond ns: dropped */
		} else if (v > TIME_MAX / 10) {
			return -EINVAL;
		} else {
			v = v * 10 + (s[i] - '0') * VT_S;
		}
	}
	*out = neg ? -v : v;
	return digits > 0 ? 0 : -EINVAL;
}

static int room_for_row(struct reader *r)
{
	size_t room = r->room ? 2 * r->room : 256;
	double *row;
	vtime *time;

	if (r->n_rows < r->room) {
		return 0;
	}
	row = realloc(r->row, room * r->n_columns * sizeof(*row));
	if (!row) {
		return -ENOMEM;
	}
	r->row = row;
	time = realloc(r->time, room * sizeof(*time));
	if (!time) {
		return -ENOMEM;
	}
	r->time = time;
	r->room = room;
	return 0;
}

static void read_fields(struct reader *r, const char *line, const char *stop)
{
	double *row = r->row + r->n_rows * r->n_columns;
	const char *s = line;
	char text[120];
	size_t n = 0;

	for (;; n++) {
		const char *e = field_end(s, stop);
		size_t len = (size_t)(e - s);

		if (n == r->n_columns) {
			complain(r, s, line, "more fields than columns");
			return;
		}
		row[n] = NAN;
		if (n == 0 ? read_time(s, len, &r->time[r->n_rows]) < 0 :
			     len > 0 && (av_num_parse(s, len, &row[n]) < 0 ||
					 !isfinite(row[n]))) {
			snprintf(text, sizeof(text), "'%.*s' is no %s",
				 len < 40 ? (int)len : 40, s,
				 n == 0 ? "time in seconds" : "number");
			complain(r, s, line, text);
			return;
		}
		if (e == stop) {
			break;
		}
		s = e + 1;
	}
	if (n + 1 < r->n_columns) {
		snprintf(text, sizeof(text), "%zu fields, want %zu", n + 1,
			 r->n_columns);
		complain(r, line, line, text);
	} else if (r->n_rows > 0 &&
		   r->time[r->n_rows] <= r->time[r->n_rows - 1]) {
		complain(r, line, line, "the time does not rise");
	} else {
		r->n_rows++;
	}
}

static int read_rows(struct reader *r)
{
	const char *line, *stop;

	while ((line = next_line(r, &stop))) {
		if (room_for_row(r) < 0) {
			return -ENOMEM;
		}
		read_fields(r, line, stop);
		if (r->d->n >= AV_DIAGS_MAX) {
			break; /* enough said */
		}
	}
	if (!r->bad && r->n_rows == 0) {
		av_diag_add(r->d, r->name, 0, 0, "no rows in this file");
		r->bad = true;
	}
	return r->bad ? -EINVAL : 0;
}

/* ---- series ---- */

/* A row is a sample of a series if it has all of its values. */
static int fill(struct reader *r, size_t index)
{
	struct imu_series *s = &r->t->series[index];

	s->t = malloc(r->n_rows * sizeof(*s->t));
	s->v = malloc(r->n_rows * sizeof(*s->v));
	if (!s->t || !s->v) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < r->n_rows; i++) {
		const double *row = r->row + i * r->n_columns;
		double *v = s->v[s->n];
		size_t n = 0;

		for (size_t c = 1; c < r->n_columns; c++) {
			const struct column *col = &r->column[c];

			if (col->series == index && !isnan(row[c])) {
				v[col->value] = row[c] * col->scale;
				n++;
			}
		}
		if (n == s->n_values) {
			s->t[s->n++] = r->time[i];
		} else if (n > 0) {
			av_diag_add(r->d, r->name, 0, 0,
				    "the row of %.9f s has some axes of a "
				    "sensor and not all",
				    vtime_to_s(r->time[i]));
			r->bad = true;
		}
	}
	return 0;
}

static int read_all(struct reader *r)
{
	int ret = read_header(r);

	if (ret == 0) {
		ret = read_rows(r);
	}
	for (size_t i = 0; ret == 0 && i < r->t->n_series; i++) {
		ret = fill(r, i);
	}
	if (ret == 0 && r->bad) {
		ret = -EINVAL;
	}
	if (ret == 0) {
		r->t->first = r->time[0];
		r->t->last = r->time[r->n_rows - 1];
	}
	return ret;
}

int imu_trace_parse(const char *name, const char *buf, size_t len,
		    struct imu_trace **out, struct av_diags *d)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct imu_trace *t = calloc(1, sizeof(*t));
	int ret = -ENOMEM;

	*out = NULL;
	if (r && t) {
		t->series = calloc(IMU_TRACE_COLUMNS_MAX, sizeof(*t->series));
	}
	if (r && t && t->series) {
		*r = (struct reader){ .name = name,
				      .p = buf,
				      .end = buf + len,
				      .d = d,
				      .t = t };
		ret = read_all(r);
		free(r->row);
		free(r->time);
	}
	free(r);
	if (ret < 0) {
		imu_trace_destroy(t);
		return ret;
	}
	*out = t;
	return 0;
}

void imu_trace_destroy(struct imu_trace *t)
{
	if (!t) {
		return;
	}
	for (size_t i = 0; t->series && i < t->n_series; i++) {
		free(t->series[i].t);
		free(t->series[i].v);
	}
	free(t->series);
	free(t);
}

bool imu_series_at(struct imu_series *s, vtime t, double v[IMU_VALUES_MAX])
{
	const double *a, *b;
	double w;
	size_t i;

	if (s->n == 0 || t < s->t[0] || t > s->t[s->n - 1]) {
		return false;
	}
	i = s->t[s->at] <= t ? s->at : 0;
	while (i + 1 < s->n && s->t[i + 1] <= t) {
		i++;
	}
	s->at = i;
	a = s->v[i];
	if (s->t[i] == t) {
		memcpy(v, a, s->n_values * sizeof(*v));
		return true;
	}
	if (s->t[i + 1] - s->t[i] > IMU_TRACE_GAP) {
		return false;
	}
	b = s->v[i + 1];
	w = (double)(t - s->t[i]) / (double)(s->t[i + 1] - s->t[i]);
	for (size_t k = 0; k < s->n_values; k++) {
		v[k] = a[k] + w * (b[k] - a[k]);
	}
	return true;
}
