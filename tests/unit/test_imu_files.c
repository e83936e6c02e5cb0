/* SPDX-License-Identifier: Apache-2.0 */
/* sensors.yaml, sensor_hal_configuration.xml and CSV traces. */
#include "config.h"

#include "sim/bundle.h"
#include "sim/sensors/hal_config.h"
#include "sim/sensors/imu_trace.h"
#include "sim/sensors/sensors_file.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* Some message is exactly that. */
static bool says(const struct av_diags *d, unsigned int line, unsigned int col,
		 const char *text)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].line == line && d->v[i].col == col &&
		    strstr(d->v[i].msg, text)) {
			return true;
		}
	}
	for (size_t i = 0; i < d->n; i++) {
		printf("%u:%u: %s\n", d->v[i].line, d->v[i].col, d->v[i].msg);
	}
	return false;
}

static char *slurp(const char *path, size_t *len)
{
	struct av_err err;
	char *data;

	if (av_read_file(path, 1 << 24, &data, len, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	return data;
}

/* ---- sensors.yaml ---- */

TEST(sensors_file_of_the_bundled_car_is_read)
{
	struct sensors_file f;
	struct av_diags d = { 0 };
	char path[4096];
	size_t len;
	char *data = slurp(
		src_path("sim/vehicles/compact-ev/sensors.yaml", path), &len);

	CHECK_EQ(sensors_file_parse("s.yaml", data, len, &f, &d), 0);
	CHECK_STR(f.hal_config, "sensor_hal_configuration.xml");
	CHECK_EQ(f.n_chips, 3);
	CHECK_STR(f.chip[0].name, "scmi.iio.accel");
	CHECK_STR(f.chip[1].uncal, "gyro_uncal");
	CHECK_EQ(f.chip[1].kind, IMU_GYRO);
	CHECK_EQ(f.chip[1].exponent, -4);
	CHECK_NEAR(f.chip[0].rate_hz[0], 12.5, 0);
	CHECK_NEAR(f.chip[0].rate_hz[f.chip[0].n_rates - 1], 400, 0);
	free(data);
}

TEST(sensors_file_mistakes_are_told_with_their_place)
{
	static const char text[] =
		"sensors:\n"
		"  - {name: a b, kind: gyroscope, quantum: 0.002, range: 1,\n"
		"     rates: [100 Hz, 50 Hz]}\n"
		"  - {name: c, kind: gyroscop, quantum: 0.1, range: 1,\n"
		"     rates: [10 Hz]}\n"
		"  - {name: d, kind: magnetometer, quantum: 0.1, range: 1,\n"
		"     rates: [10 Hz], uncalibrated: d, nois: 1}\n";
	struct sensors_file f;
	struct av_diags d = { 0 };

	CHECK_EQ(sensors_file_parse("s", text, strlen(text), &f, &d), -EINVAL);
	CHECK(says(&d, 2, 12, "letters, digits"));
	CHECK(says(&d, 2, 43, "power of ten"));
	CHECK(says(&d, 3, 22, "must rise"));
	CHECK(says(&d, 4, 21, "gyroscope"));
	CHECK(says(&d, 7, 39, "nois"));
	av_diags_finish(&d);
}

/* ---- XML ---- */

#define HEAD                                                                   \
	"<sensorHalConfiguration version=\"1.0\"><modules>"                    \
	"<module halName=\"" HAL_MODULE "\" halVersion=\"2.0\"><sensors>\n"
#define TAIL "</sensors></module></modules></sensorHalConfiguration>"

static int hal(const char *text, struct hal_config *c, struct av_diags *d)
{
	return hal_config_parse("h.xml", text, strlen(text), c, d);
}

TEST(hal_config_orientation_and_location_are_read)
{
	static const char text[] = HEAD
		"<sensor name=\"a\" type=\"1\"><configuration>"
		"<orientation rotate=\"false\"><x map=\"2\" negate=\"true\"/>"
		"<y map=\"0\" negate=\"0\"/><z map=\"1\" negate=\"1\"/>"
		"</orientation><location><x> -12.5 </x><y>0</y><z>7</z>"
		"</location></configuration></sensor>\n"
		"<sensor name=\"a\" type=\"4\"/>" TAIL;
	struct hal_config c;
	struct av_diags d = { 0 };
	const struct hal_sensor *s;

	CHECK_EQ(hal(text, &c, &d), 0);
	CHECK_EQ(c.n, 2);
	s = hal_config_find(&c, "a", 1);
	CHECK(s && s->configured && !s->rotate);
	CHECK_EQ(s->map[0], 2);
	CHECK_EQ(s->map[1], 0);
	CHECK_EQ(s->map[2], 1);
	CHECK(s->negate[0] && !s->negate[1] && s->negate[2]);
	CHECK_NEAR(s->location_mm[0], -12.5, 0);
	CHECK_NEAR(s->location_mm[2], 7, 0);
	s = hal_config_find(&c, "a", 4);
	CHECK(s && !s->configured);
	CHECK(!hal_config_find(&c, "a", 2));
}

TEST(hal_config_modules_of_others_are_left_alone)
{
	static const char text[] =
		"<sensorHalConfiguration version=\"1.0\"><modules>"
		"<module halName=\"other\" halVersion=\"1\"><sensors>"
		"<sensor name=\"a\" type=\"1\"/></sensors></module>"
		"</modules></sensorHalConfiguration>";
	struct hal_config c;
	struct av_diags d = { 0 };

	CHECK_EQ(hal(text, &c, &d), 0);
	CHECK_EQ(c.n, 0);
}

TEST(hal_config_names_may_hold_an_ampersand)
{
	static const char text[] = HEAD
		"<sensor name=\"a &amp; b\" type=\"1\"/>" TAIL;
	struct hal_config c;
	struct av_diags d = { 0 };

	CHECK_EQ(hal(text, &c, &d), 0);
	CHECK(hal_config_find(&c, "a & b", 1));
}

TEST(hal_config_mistakes_are_told_with_their_place)
{
	static const char text[] = HEAD
		"<sensor name=\"a\" type=\"0\"/>\n"
		"<sensor name=\"b\" type=\"1\"><configuration>\n"
		"<orientation rotate=\"maybe\">\n"
		"<x map=\"3\" negate=\"true\"/>\n"
		"<y map=\"1\" negate=\"true\"/>\n"
		"<z map=\"1\"/></orientation>\n"
		"<location><x>left</x><y>1</y></location>\n"
		"</configuration></sensor>\n"
		"<sensr/>" TAIL;
	struct hal_config c;
	struct av_diags d = { 0 };

	CHECK_EQ(hal(text, &c, &d), -EINVAL);
	CHECK(says(&d, 2, 1, "'type' is a whole number"));
	CHECK(says(&d, 4, 1, "'rotate' is true or false"));
	CHECK(says(&d, 5, 1, "'map' is a whole number from 0 to 2"));
	CHECK(says(&d, 7, 1, "'z' needs 'negate'"));
	CHECK(says(&d, 7, 13, "have the same 'map'"));
	CHECK(says(&d, 8, 22, "millimetres"));
	CHECK(says(&d, 8, 30, "'location' needs 'z'"));
	CHECK(says(&d, 10, 1, "did you mean 'sensor'?"));
	av_diags_finish(&d);
}

TEST(hal_config_document_types_are_refused)
{
	static const char text[] =
		"<!DOCTYPE a [<!ENTITY b SYSTEM \"/etc/passwd\">]>"
		"<sensorHalConfiguration version=\"1\">&b;"
		"</sensorHalConfiguration>";
	struct hal_config c;
	struct av_diags d = { 0 };

	CHECK_EQ(hal(text, &c, &d), -EINVAL);
	CHECK(strstr(d.v[0].msg, "document type"));
	av_diags_finish(&d);
}

/* ---- traces ---- */

TEST(imu_trace_columns_are_brought_to_common_axes_and_units)
{
	static const char text[] =
		"# comment\r\n"
		"time_s,accel_back_g,accel_right_g,accel_down_g,"
		"gyro_uncal_x_deg_s,gyro_uncal_y_deg_s,gyro_uncal_z_deg_s\r\n"
		"-0.5,1,0,-1,180,,0\r\n";
	struct av_diags d = { 0 };
	struct imu_trace *t;
	char fixed[256];
	double v[6];

	CHECK_EQ(imu_trace_parse("t", text, strlen(text), &t, &d), -EINVAL);
	CHECK(strstr(d.v[0].msg, "some axes"));
	av_diags_finish(&d);
	snprintf(fixed, sizeof(fixed), "%.*s180,-90,0\n",
		 (int)(strstr(text, "180,,0") - text), text);
	CHECK_EQ(imu_trace_parse("t", fixed, strlen(fixed), &t, &d), 0);
	CHECK_EQ(t->n_series, 2);
	CHECK(t->series[0].car_axes && !t->series[1].car_axes);
	CHECK(t->series[1].uncal && t->series[1].kind == IMU_GYRO);
	CHECK(imu_series_at(&t->series[0], -VT_S / 2, v));
	CHECK_NEAR(v[0], -9.80665, 1e-12);
	CHECK_NEAR(v[1], 0, 0);
	CHECK_NEAR(v[2], 9.80665, 1e-12);
	CHECK(imu_series_at(&t->series[1], -VT_S / 2, v));
	CHECK_NEAR(v[0], 3.141592653589793, 1e-12);
	imu_trace_destroy(t);
}

TEST(imu_trace_mistakes_are_told_with_their_place)
{
	struct av_diags d = { 0 };
	struct imu_trace *t;
	char path[4096];
	size_t len;
	char *data = slurp(src_path("tests/data/imu/mistakes.csv", path), &len);

	CHECK_EQ(imu_trace_parse("m.csv", data, len, &t, &d), -EINVAL);
	CHECK_EQ(d.n, 5);
	CHECK(says(&d, 3, 7, "'zero' is no number"));
	CHECK(says(&d, 4, 1, "3 fields, want 4"));
	CHECK(says(&d, 5, 14, "more fields than columns"));
	CHECK(says(&d, 7, 1, "the time does not rise"));
	CHECK(says(&d, 8, 1, "'soon' is no time"));
	av_diags_finish(&d);
	free(data);
}

TEST(imu_trace_mistakes_of_the_header_are_told)
{
	static const struct {
		const char *text, *msg;
		unsigned int col;
	} bad[] = {
		{ "t,accel_x_mps2\n", "first column", 1 },
		{ "time_s,accel_forwrd_mps2\n", "neither", 8 },
		{ "time_s,accel_x_uT\n", "neither", 8 },
		{ "time_s,a_x,a_y\n", "all three axes", 8 },
		{ "time_s,a_x,a_x,a_y,a_z\n", "twice", 12 },
		{ "time_s,mag_x_uT,mag_left_uT,mag_up_uT\n", "mixed", 17 },
		{ "time_s,a_x,a_y,a_z,a_bias_x\n", "and their bias", 8 },
		{ "time_s\n", "no columns", 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct av_diags d = { 0 };
		struct imu_trace *t;

		CHECK_EQ(imu_trace_parse("t", bad[i].text, strlen(bad[i].text),
					 &t, &d),
			 -EINVAL);
		CHECK(says(&d, 1, bad[i].col, bad[i].msg));
		av_diags_finish(&d);
	}
}

TEST(imu_trace_gaps_and_ends_are_silent)
{
	static const char text[] = "time_s,a_x,a_y,a_z\n"
				   "1,0,0,0\n1.5,1,2,3\n2.6,2,2,2\n";
	struct av_diags d = { 0 };
	struct imu_trace *t;
	double v[6];

	CHECK_EQ(imu_trace_parse("t", text, strlen(text), &t, &d), 0);
	CHECK(!imu_series_at(t->series, VT_S - 1, v));
	CHECK(imu_series_at(t->series, 1250 * VT_MS, v));
	CHECK_NEAR(v[2], 1.5, 1e-12);
	CHECK(!imu_series_at(t->series, 2 * VT_S, v)); /* 1.1 s apart */
	CHECK(imu_series_at(t->series, 2600 * VT_MS, v));
	CHECK(!imu_series_at(t->series, 2600 * VT_MS + 1, v));
	CHECK(imu_series_at(t->series, VT_S, v)); /* back again */
	imu_trace_destroy(t);
}

TEST(imu_trace_unix_times_are_exact)
{
	static const char text[] = "unix_time_s,a_x,a_y,a_z\n"
				   "1533226488.429536123,0,0,0\n";
	struct av_diags d = { 0 };
	struct imu_trace *t;

	CHECK_EQ(imu_trace_parse("t", text, strlen(text), &t, &d), 0);
	CHECK(t->unix_time);
	CHECK(t->first == INT64_C(1533226488429536123));
	imu_trace_destroy(t);
}

TEST(imu_trace_rav4_files_are_read_whole)
{
	static const struct {
		const char *file;
		size_t rows, series;
	} files[] = {
		{ "imu/rav4_imu_104hz.csv", 6256, 3 },
		{ "imu/rav4_magnetometer_10hz.csv", 592, 1 },
	};

	for (size_t i = 0; i < 2; i++) {
		struct av_diags d = { 0 };
		struct imu_trace *t;
		char buf[4096];
		const char *path = shared_path(files[i].file, buf);
		size_t len;
		char *data;

		if (!path) {
			SKIP("no shared data");
		}
		data = slurp(path, &len);
		CHECK_EQ(imu_trace_parse(path, data, len, &t, &d), 0);
		CHECK_EQ(t->n_series, files[i].series);
		for (size_t k = 0; k < t->n_series; k++) {
			CHECK_EQ(t->series[k].n, files[i].rows);
			CHECK(t->series[k].car_axes);
		}
		imu_trace_destroy(t);
		free(data);
	}
}

int main(void)
{
	return RUN_TESTS(
		T(sensors_file_of_the_bundled_car_is_read),
		T(sensors_file_mistakes_are_told_with_their_place),
		T(hal_config_orientation_and_location_are_read),
		T(hal_config_modules_of_others_are_left_alone),
		T(hal_config_names_may_hold_an_ampersand),
		T(hal_config_mistakes_are_told_with_their_place),
		T(hal_config_document_types_are_refused),
		T(imu_trace_columns_are_brought_to_common_axes_and_units),
		T(imu_trace_mistakes_are_told_with_their_place),
		T(imu_trace_mistakes_of_the_header_are_told),
		T(imu_trace_gaps_and_ends_are_silent),
		T(imu_trace_unix_times_are_exact),
		T(imu_trace_rav4_files_are_read_whole));
}
