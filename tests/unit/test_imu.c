/* SPDX-License-Identifier: Apache-2.0 */
/* What motion sensors of a simulated car show. */
#include "config.h"

#include "recordings/replay_check.h"
#include "recordings/replay_source.h"
#include "tests/unit/scenario_world.h"

#include <errno.h>
#include <unistd.h>

#define G 9.80665
#define PI 3.141592653589793

/* Chips without flaws, axes of the car (right, ahead, up), in the rear axle. */
#define CHIP(name, kind, quantum, range, more)                                 \
	"  - {name: " name ", kind: " kind ", quantum: " quantum               \
	", range: " range ", rates: [10 Hz, 400 Hz]" more "}\n"
#define POSITION ", position: [1.33 m, 0 m, 0.198 m]" /* centre of mass */
#define IDEAL                                                                  \
	"sensors:\n" CHIP("acc", "accelerometer", "1e-6", "100", POSITION)     \
	CHIP("gyr", "gyroscope", "1e-7", "20", POSITION)                       \
	CHIP("mag", "magnetometer", "1e-3", "1000", POSITION)

#define MAX 30000
struct samples {
	struct run r;
	size_t n;
	struct imu_sample s[MAX];
	/* states as published, to compare with */
	size_t n_states;
	struct vehicle_state *state; /* by step, MAX of them */
};

static void on_sample(void *ctx, const void *msg)
{
	struct samples *x = ctx;

	CHECK(x->n < MAX);
	x->s[x->n++] = *(const struct imu_sample *)msg;
}

static void on_state(void *ctx, const void *msg)
{
	struct samples *x = ctx;

	CHECK(x->n_states < MAX);
	x->state[x->n_states++] = *(const struct vehicle_state *)msg;
}

static struct samples *begin(const char *sensors, const char *scenario)
{
	struct samples *x = calloc(1, sizeof(*x));
	struct av_err err;

	x->state = calloc(MAX, sizeof(*x->state));
	x->r.sensors = sensors;
	run_begin(&x->r, scenario);
	bus_subscribe(x->r.w->bus, TOPIC_IMU, STAGE_TAP, "test", on_sample, x,
		      &err);
	bus_subscribe(x->r.w->bus, TOPIC_VEHICLE, STAGE_TAP, "test", on_state,
		      x, &err);
	return x;
}

static void finish(struct samples *x)
{
	run_finish(&x->r);
	free(x->state);
	free(x);
}

static size_t sensor(const struct samples *x, const char *name)
{
	int i = imu_find(x->r.w->imu, name);

	CHECK(i >= 0);
	return (size_t)i;
}

static void rate(struct samples *x, const char *name, double hz)
{
	struct av_err err = { 0 };

	if (imu_set_rate(x->r.w->imu, sensor(x, name), hz, &err) < 0) {
		fail_msg("%s", err.msg);
	}
}

static const struct imu_sample *last_of(const struct samples *x,
					const char *name)
{
	for (size_t i = x->n; i-- > 0;) {
		if (!strcmp(x->s[i].name, name)) {
			return &x->s[i];
		}
	}
	fail_msg("no sample of %s", name);
	return NULL;
}

/* Mean of one axis from @from to @to; NaN where there was no sample. */
static double mean_of(const struct samples *x, const char *name, int axis,
		      vtime from, vtime to)
{
	double sum = 0, n = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->s[i].name, name) && x->s[i].t > from &&
		    x->s[i].t <= to) {
			sum += x->s[i].value[axis];
			n++;
		}
	}
	return n > 0 ? sum / n : NAN;
}

static size_t count_of(const struct samples *x, const char *name, vtime from,
		       vtime to)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		n += !strcmp(x->s[i].name, name) && x->s[i].t > from &&
		     x->s[i].t <= to;
	}
	return n;
}

#define CHECK_VEC(s, x, y, z, tol)                                             \
	do {                                                                   \
		CHECK_NEAR((s)->value[0], x, tol);                             \
		CHECK_NEAR((s)->value[1], y, tol);                             \
		CHECK_NEAR((s)->value[2], z, tol);                             \
	} while (0)

/* ---- axes and gravity ---- */

TEST(imu_car_at_rest_feels_gravity_upwards)
{
	struct samples *x = begin(IDEAL, "duration: 3s\n");

	world_run_until(x->r.w, VT_NEVER);
	CHECK_VEC(last_of(x, "acc"), 0, 0, G, 1e-5);
	CHECK_VEC(last_of(x, "gyr"), 0, 0, 0, 1e-6);
	finish(x);
}

TEST(imu_hill_turns_gravity_backwards)
{
	struct samples *x = begin(IDEAL, "duration: 6s\n"
					 "timeline:\n"
					 "  - {at: 0s, do: {weather: {grade: "
					 "0.1 rad}}}\n");

	world_run_until(x->r.w, VT_NEVER);
	/* nose up: y (ahead) sees a part of gravity, as if speeding up */
	CHECK_VEC(last_of(x, "acc"), 0, G * sin(0.1), G * cos(0.1), 1e-3);
	finish(x);
}

TEST(imu_hal_configuration_gives_axes_of_the_chip)
{
	struct samples *x = begin(NULL, "duration: 1s\n");
	double car[3];
	const struct imu_sample *s;

	rate(x, "accel_uncal", 10);
	world_run_until(x->r.w, VT_NEVER);
	s = last_of(x, "scmi.iio.accel");
	CHECK_VEC(s, 0, 0, -G, 0.3); /* its z looks down */
	imu_to_car(x->r.w->imu, s->sensor, s->value, car);
	CHECK_NEAR(car[2], -s->value[2], 0);
	CHECK_NEAR(car[1], -s->value[1], 0);
	CHECK_NEAR(car[0], s->value[0], 0);
	/* the uncalibrated sensor is the same chip */
	CHECK_NEAR(last_of(x, "accel_uncal")->value[2], -G, 1.5);
	/* the file does not have this one: axes of the car */
	CHECK(last_of(x, "scmi.iio.mag")->value[2] < 0); /* north: downward */
	finish(x);
}

TEST(imu_turned_chip_is_turned_as_the_hal_undoes)
{
	static const char xml[] =
		"<sensorHalConfiguration version=\"1.0\"><modules>"
		"<module halName=\"android.hardware.sensors@2.0-Google-IIO-"
		"Subhal\" halVersion=\"2.0\"><sensors>"
		"<sensor name=\"acc\" type=\"1\"><configuration>"
		"<orientation rotate=\"%s\"><x map=\"1\" negate=\"false\"/>"
		"<y map=\"2\" negate=\"true\"/><z map=\"0\" negate=\"true\"/>"
		"</orientation><location><x>0</x><y>0</y><z>0</z></location>"
		"</configuration></sensor></sensors></module></modules>"
		"</sensorHalConfiguration>";
	static const char *const rotate[] = { "true", "false" };

	for (int i = 0; i < 2; i++) {
		struct samples *x = calloc(1, sizeof(*x));
		struct av_err err;
		char text[1024];

		snprintf(text, sizeof(text), xml, rotate[i]);
		x->state = calloc(MAX, sizeof(*x->state));
		x->r.sensors = "hal_configuration: h.xml\n" IDEAL;
		/* the file has to be there before the world is made */
		run_try(&x->r, "duration: 5s\ntimeline:\n  - {at: 0s, do: "
			       "{weather: {grade: 0.1 rad}}}\n",
			NULL, 0);
		CHECK(run_says(&x->r, "'h.xml' that 'hal_configuration'"));
		av_diags_finish(&x->r.d);
		bundle_add(&x->r.in, BUNDLE_SENSORS, "h.xml", "h.xml", text,
			   strlen(text));
		CHECK_EQ(world_create(&(struct world_opts){ .inputs = &x->r.in,
							    .until = VT_NEVER },
				      &x->r.w, &x->r.d),
			 0);
		bus_subscribe(x->r.w->bus, TOPIC_IMU, STAGE_TAP, "test",
			      on_sample, x, &err);
		world_start(x->r.w, &err);
		world_run_until(x->r.w, VT_NEVER);
		/* right = ch1, ahead = -ch2, up = -ch0 */
		CHECK_VEC(last_of(x, "acc"), -G * cos(0.1), 0, -G * sin(0.1),
			  2e-3);
		finish(x);
	}
}

TEST(imu_lever_arm_feels_the_circle)
{
	/* two chips, 2 m apart along the car, on a circle: w^2 r less ahead */
	static const char sensors[] =
		"sensors:\n" CHIP("a", "accelerometer", "1e-6", "100",
				  ", position: [0 m, 0 m, 0.198 m]")
		CHIP("b", "accelerometer", "1e-6", "100",
		     ", position: [2 m, 0 m, 0.198 m]")
		CHIP("gyr", "gyroscope", "1e-7", "20", POSITION);
	struct samples *x = begin(
		sensors, "duration: 20s\n"
			 "start: {speed: 5 m/s}\n"
			 "timeline:\n  - {at: 0s, do: {speed: 5 m/s}}\n"
			 "  - {at: 0s, do: {var: {name: steering_wheel, value: "
			 "3 rad}}}\n");
	const struct imu_sample *a, *b;
	double w;

	world_run_until(x->r.w, VT_NEVER);
	a = last_of(x, "a");
	b = last_of(x, "b");
	w = last_of(x, "gyr")->value[2];
	CHECK(w > 0.2); /* to the left */
	CHECK_NEAR(b->value[1] - a->value[1], -2 * w * w, 2e-3);
	CHECK(a->value[0] < -1); /* pushed to the left: x looks right */
	finish(x);
}

TEST(imu_compass_follows_the_heading)
{
	static const double heading[] = { 0, 90, 180, 270 };

	for (size_t i = 0; i < 4; i++) {
		struct samples *x;
		const struct imu_sample *s;
		char text[200];
		double h = heading[i] * PI / 180, east, north;

		snprintf(text, sizeof(text),
			 "duration: 1s\nstart: {heading: %g deg}\n",
			 heading[i]);
		x = begin(IDEAL, text);
		world_run_until(x->r.w, VT_NEVER);
		s = last_of(x, "mag");
		/* back into the world: right and ahead */
		east = s->value[0] * cos(h) + s->value[1] * sin(h);
		north = s->value[1] * cos(h) - s->value[0] * sin(h);
		/* dipole of 2020 at 48 N 11.6 E, worked out by hand */
		CHECK_NEAR(east, -4.85, 0.05);
		CHECK_NEAR(north, 19.26, 0.1);
		CHECK_NEAR(s->value[2], -44.4, 0.1);
		finish(x);
	}
}

/* ---- time ---- */

TEST(imu_intervals_are_exact_at_any_rate)
{
	static const double rates[] = { 400, 12.5, 3, 104.3, 200 };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct samples *x = begin(IDEAL, "duration: 11s\n");
		size_t n = 0;

		world_run_until(x->r.w, VT_S);
		rate(x, "gyr", rates[i]);
		world_run_until(x->r.w, VT_NEVER);
		for (size_t k = 0; k < x->n; k++) {
			if (strcmp(x->s[k].name, "gyr") ||
			    x->s[k].t <= VT_S) {
				continue;
			}
			n++;
			CHECK(x->s[k].t ==
			      VT_S + llround((double)n * 1e9 / rates[i]));
		}
		CHECK_EQ(n, (size_t)floor(10 * rates[i]));
		finish(x);
	}
}

TEST(imu_nobody_asks_ten_times_a_second)
{
	struct samples *x = begin(NULL, "duration: 2s\n");

	CHECK_EQ(imu_count(x->r.w->imu), 6);
	world_run_until(x->r.w, VT_S / 2);
	rate(x, "scmi.iio.accel", 400);
	world_run_until(x->r.w, VT_S + 1);
	rate(x, "scmi.iio.accel", 0);
	world_run_until(x->r.w, VT_NEVER);
	/* 2 others 20 times; this one 5, 200 and then from 1.1 s on 10;
	 * uncalibrated ones only if somebody asks */
	CHECK_EQ(x->n, 2 * 20 + 5 + 200 + 10);
	finish(x);
}

TEST(imu_motion_runs_on_between_steps_of_the_vehicle)
{
	struct samples *x = begin(IDEAL,
				  "duration: 6s\n"
				  "timeline:\n"
				  "  - {at: 0.5s, do: {speed: 50 km/h}}\n");
	double before = 0, worst = 0, most = 0;
	size_t equal = 0, n = 0;

	rate(x, "acc", 400);
	world_run_until(x->r.w, VT_NEVER);
	for (size_t i = 0; i < x->n; i++) {
		if (strcmp(x->s[i].name, "acc") || x->s[i].t < 800 * VT_MS ||
		    x->s[i].t > 1500 * VT_MS) {
			continue; /* while the force builds up */
		}
		if (n++ > 0) {
			double d = fabs(x->s[i].value[1] - before);

			worst = d > worst ? d : worst;
			equal += d == 0;
		}
		before = x->s[i].value[1];
		most = before > most ? before : most;
	}
	CHECK(n == 281 && most > 1);
	/* a stair-step of 10 ms would be equal three times out of four */
	CHECK(equal < n / 20);
	CHECK(worst < 0.05);
	finish(x);
}

TEST(imu_delay_is_fifteen_milliseconds)
{
	struct samples *x = begin(IDEAL, "duration: 8s\n"
					 "start: {speed: 10 m/s}\n"
					 "timeline:\n  - {at: 1s, do: {stop: "
					 "{accel: 3 m/s2}}}\n");
	double sum = 0;

	rate(x, "acc", 100);
	world_run_until(x->r.w, VT_NEVER);
	/* what was felt up to a moment is the speed gained 15 ms before it;
	 * the body's dive is small and taken as level */
	for (size_t i = 0; i < x->n; i++) {
		const struct imu_sample *s = &x->s[i];
		size_t k = (size_t)(s->t / VEHICLE_STEP);
		double then;

		if (strcmp(s->name, "acc") || s->t <= 30 * VT_MS) {
			continue;
		}
		sum += s->value[1] * 0.01;
		if (s->t > 2000 * VT_MS && s->t < 2500 * VT_MS) {
			then = 0.5 * (x->state[k - 1].v[VV_speed] +
				      x->state[k - 2].v[VV_speed]);
			CHECK_NEAR(10 + sum, then, 0.2);
		}
	}
	finish(x);
}

/* ---- flaws ---- */

#define FLAWED                                                                 \
	"sensors:\n" CHIP("acc", "accelerometer", "1e-6", "100",               \
			  ", noise: 0.01, bias: 0.3, residual: 0.02, "         \
			  "uncalibrated: unc")

static void moments(const struct samples *x, const char *name, int axis,
		    double *mean, double *dev)
{
	double s = 0, q = 0;
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->s[i].name, name) && x->s[i].t > VT_S) {
			s += x->s[i].value[axis];
			n++;
		}
	}
	*mean = s / (double)n;
	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->s[i].name, name) && x->s[i].t > VT_S) {
			double d = x->s[i].value[axis] - *mean;

			q += d * d;
		}
	}
	*dev = sqrt(q / (double)n);
}

TEST(imu_noise_has_its_density_and_bias_its_deviation)
{
	struct samples *x = begin(FLAWED, "duration: 31s\n");
	double mean, dev, other, bias[3], estimate;

	rate(x, "acc", 400);
	rate(x, "unc", 100);
	world_run_until(x->r.w, VT_NEVER);
	for (int i = 0; i < 3; i++) {
		moments(x, "acc", i, &mean, &dev);
		CHECK_NEAR(dev, 0.01 * sqrt(200), 0.005);
		CHECK_NEAR(mean, i == 2 ? G : 0, 0.08);
		moments(x, "unc", i, &other, &dev);
		CHECK_NEAR(dev, 0.01 * sqrt(50), 0.005);
		bias[i] = other - (i == 2 ? G : 0);
		estimate = last_of(x, "unc")->value[i + 3];
		/* calibrated = uncalibrated - estimate */
		CHECK_NEAR(other - mean, estimate, 0.01);
		CHECK_NEAR(bias[i], estimate, 0.08);
	}
	CHECK(fabs(bias[0]) + fabs(bias[1]) + fabs(bias[2]) > 0.05);
	CHECK(fabs(bias[0] - bias[1]) > 0.02);
	CHECK_EQ(last_of(x, "unc")->n, 6);
	finish(x);
}

TEST(imu_both_sensors_of_a_chip_share_its_noise)
{
	struct samples *x = begin(FLAWED, "duration: 3s\n");
	size_t n = 0;

	rate(x, "unc", 10);
	world_run_until(x->r.w, VT_NEVER);
	for (size_t i = 0; i + 1 < x->n; i++) {
		const struct imu_sample *a = &x->s[i], *b = &x->s[i + 1];

		if (!strcmp(a->name, "acc") && a->t == b->t) {
			CHECK_NEAR(b->value[0] - a->value[0], b->value[3],
				   2e-6);
			n++;
		}
	}
	CHECK(n > 20);
	finish(x);
}

TEST(imu_seed_decides_and_reading_has_no_effect)
{
	struct samples *a = begin(NULL, "duration: 4s\nseed: 7\n");
	struct samples *b = begin(NULL, "duration: 4s\nseed: 7\n");
	struct samples *c = begin(NULL, "duration: 4s\nseed: 8\n");
	struct imu_sample s;

	world_run_until(a->r.w, VT_NEVER);
	world_run_until(c->r.w, VT_NEVER);
	for (vtime t = 0; t < 4 * VT_S; t += 1234567) {
		world_run_until(b->r.w, t);
		for (size_t i = 0; i < imu_count(b->r.w->imu); i += 2) {
			imu_read(b->r.w->imu, i, &s);
		}
	}
	world_run_until(b->r.w, VT_NEVER);
	CHECK(a->n == 3 * 40);
	CHECK_EQ(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		CHECK(a->s[i].t == b->s[i].t);
		CHECK_EQ(memcmp(a->s[i].raw, b->s[i].raw, sizeof(s.raw)), 0);
	}
	CHECK(memcmp(a->s[9].raw, c->s[9].raw, sizeof(s.raw)) != 0);
	finish(a);
	finish(b);
	finish(c);
}

TEST(imu_values_are_whole_quanta_within_the_range)
{
	static const char sensors[] =
		"sensors:\n" CHIP("acc", "accelerometer", "0.01", "9.5", "");
	struct samples *x = begin(sensors, "duration: 1s\n");
	const struct imu_sample *s;
	struct imu_info info;

	world_run_until(x->r.w, VT_NEVER);
	s = last_of(x, "acc");
	imu_info(x->r.w->imu, 0, &info);
	CHECK_EQ(info.raw_max, 950);
	CHECK_EQ(info.exponent, -2);
	CHECK_EQ(info.android_type, 1);
	CHECK_EQ(s->raw[2], 950); /* gravity is beyond its range */
	CHECK_NEAR(s->value[2], 9.5, 0);
	finish(x);
}

/* ---- commands ---- */

TEST(imu_enable_is_a_command_of_the_guest)
{
	struct samples *x = begin(NULL, "duration: 2s\n");
	struct imu *m = x->r.w->imu;
	size_t i = sensor(x, "scmi.iio.gyro");

	CHECK_EQ(imu_enable(m, i, 0), -EDOM);
	CHECK_EQ(imu_enable(m, i, 401), -EDOM);
	CHECK_EQ(imu_enable(m, i, 100), 0);
	CHECK_NEAR(imu_rate(m, i), 0, 0);
	world_run_until(x->r.w, VT_S);
	CHECK_NEAR(imu_rate(m, i), 100, 0);
	CHECK_EQ(imu_disable(m, i), 0);
	world_run_until(x->r.w, VT_NEVER);
	CHECK_NEAR(imu_rate(m, i), 0, 0);
	finish(x);
}

/* What a guest asked for between two steps is in the recording, and a replay
 * without the guest gives the same channel. */
TEST(imu_replay_without_the_guest_gives_the_same_samples)
{
	struct samples *x = calloc(1, sizeof(*x));
	struct rec_meta meta = {
		.title = "t", .generator = "test", .kind = "run", .params = ""
	};
	struct imu *m;
	char path[] = "/tmp/avsim-imu-XXXXXX";
	struct rec_writer *rec;
	struct av_err err = { 0 };
	struct replay_source *source;
	struct replay_check *check;
	struct replay_result res = { 0 };
	struct world *w;
	size_t n;

	CHECK_EQ(run_try(&x->r, "duration: 3s\n", NULL, 0), 0);
	m = x->r.w->imu;
	meta.seed = x->r.w->seed;
	CHECK(mkdtemp(path) != NULL);
	rmdir(path); /* the name is free */
	CHECK_EQ(rec_create(path, &meta, &x->r.in, &rec, &err), 0);
	CHECK_EQ(world_record(x->r.w, rec, &err), 0);
	bus_subscribe(x->r.w->bus, TOPIC_IMU, STAGE_TAP, "test", on_sample, x,
		      &err);
	CHECK_EQ(world_start(x->r.w, &err), 0);
	world_run_until(x->r.w, 1003 * VT_MS);
	CHECK_EQ(imu_enable(m, sensor(x, "accel_uncal"), 400), 0);
	world_run_until(x->r.w, 1777 * VT_MS);
	CHECK_EQ(imu_enable(m, sensor(x, "accel_uncal"), 12.5), 0);
	world_run_until(x->r.w, 2111 * VT_MS);
	CHECK_EQ(imu_disable(m, sensor(x, "accel_uncal")), 0);
	world_run_until(x->r.w, VT_NEVER);
	CHECK_EQ(rec_close(rec, 3 * VT_S, "none", &err), 0);
	n = count_of(x, "accel_uncal", 0, VT_NEVER);
	/* from 1.01 s to before 1.78 s at 400 Hz, to 2.12 s at 12.5 Hz */
	CHECK_EQ(n, 307 + 4);

	CHECK_EQ(world_create(&(struct world_opts){ .inputs = &x->r.in,
						    .until = VT_NEVER },
			      &w, &x->r.d),
		 0);
	CHECK_EQ(replay_source_create(path, w, &source, &err), 0);
	CHECK_EQ(replay_check_create(path, w->bus, &check, &err), 0);
	CHECK_EQ(world_start(w, &err), 0);
	world_run_until(w, VT_NEVER);
	replay_check_finish(check, &res);
	if (res.differs || res.error[0]) {
		fail_msg("%s%s, want %s", res.error, res.got, res.want);
	}
	CHECK(res.n_compared > n);
	replay_check_destroy(check);
	replay_source_destroy(source);
	world_destroy(w);
	unlink(path);
	finish(x);
}

/* ---- faults ---- */

TEST(imu_faults_begin_and_end)
{
	struct samples *x = begin(
		IDEAL,
		"duration: 12s\n"
		"start: {speed: 10 m/s}\n"
		"timeline:\n  - {at: 0s, do: {speed: 20 m/s}}\n"
		"faults:\n"
		"  - {at: 2s, for: 2s, fault: sensor-bias, sensor: gyr, by: 10 deg/s, "
		"axis: z}\n"
		"  - {at: 2s, for: 2s, fault: sensor-stuck, sensor: acc}\n"
		"  - {at: 2s, for: 2s, fault: sensor-dropout, sensor: mag}\n"
		"  - {at: 6s, for: 2s, fault: sensor-noise, sensor: mag, deviation: "
		"5}\n"
		"  - {at: 6s, for: 2s, fault: sensor-clock, sensor: gyr, factor: "
		"1.5}\n");
	double lo = 1e9, hi = -1e9;

	world_run_until(x->r.w, VT_NEVER);
	CHECK_NEAR(mean_of(x, "gyr", 2, 0, 2 * VT_S), 0, 1e-3);
	CHECK_NEAR(mean_of(x, "gyr", 2, 2050 * VT_MS, 3950 * VT_MS), PI / 18, 1e-3);
	CHECK_NEAR(mean_of(x, "gyr", 1, 2050 * VT_MS, 3950 * VT_MS), 0, 1e-3);
	CHECK_NEAR(mean_of(x, "gyr", 2, 4050 * VT_MS, 6 * VT_S), 0, 1e-3);
	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->s[i].name, "acc") && x->s[i].t > 2050 * VT_MS &&
		    x->s[i].t <= 3950 * VT_MS) {
			lo = fmin(lo, x->s[i].value[1]);
			hi = fmax(hi, x->s[i].value[1]);
		}
	}
	CHECK(lo == hi && lo > 0.5); /* while the car got on */
	CHECK_EQ(count_of(x, "mag", 2050 * VT_MS, 3950 * VT_MS), 0);
	CHECK_EQ(count_of(x, "mag", 4050 * VT_MS, 6 * VT_S), 20);
	CHECK_EQ(count_of(x, "gyr", 6050 * VT_MS, 7950 * VT_MS), 29);
	CHECK_EQ(count_of(x, "gyr", 8050 * VT_MS, 10 * VT_S), 20);
	lo = 1e9;
	hi = -1e9;
	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->s[i].name, "mag") && x->s[i].t > 6050 * VT_MS &&
		    x->s[i].t <= 8 * VT_S) {
			lo = fmin(lo, x->s[i].value[2]);
			hi = fmax(hi, x->s[i].value[2]);
		}
	}
	CHECK(hi - lo > 5 && hi - lo < 40);
	finish(x);
}

TEST(imu_faults_know_the_sensors_and_their_units)
{
	struct run r = { 0 };

	CHECK_EQ(run_try(&r,
			 "duration: 1s\n"
			 "faults:\n"
			 "  - {at: 0s, fault: sensor-stuck, sensor: scmi.iio.gyr}\n"
			 "  - {at: 0s, fault: sensor-bias, sensor: scmi.iio.gyro, by: "
			 "1 m/s2}\n"
			 "timeline:\n"
			 "  - {at: 0s, do: {sensor-rate: {sensor: "
			 "scmi.iio.accel, rate: 500 Hz}}}\n",
			 NULL, 0),
		 -EINVAL);
	CHECK(run_says(&r, "did you mean 'scmi.iio.gyro'?"));
	CHECK(run_says(&r, "m/s2"));
	CHECK(run_says(&r, "samples at 0.1 to 400 Hz"));
	run_finish(&r);
}

/* ---- integrated again ---- */

static void rotate(const double c[3][3], const double v[3], double out[3])
{
	for (int i = 0; i < 3; i++) {
		out[i] = c[i][0] * v[0] + c[i][1] * v[1] + c[i][2] * v[2];
	}
}

/* c = c * exp(w dt), exact for a constant rate (Rodrigues). */
static void turn(double c[3][3], const double w[3], double dt)
{
	double a = sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
	double s = a > 0 ? sin(a * dt) / a : 0;
	double k = a > 0 ? (1 - cos(a * dt)) / (a * a) : 0;
	double x[3][3] = { { 0, -w[2], w[1] },
			   { w[2], 0, -w[0] },
			   { -w[1], w[0], 0 } };
	double e[3][3], out[3][3];

	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			double xx = 0;

			for (int l = 0; l < 3; l++) {
				xx += x[i][l] * x[l][j];
			}
			e[i][j] = (i == j) + s * x[i][j] + k * xx;
		}
	}
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			out[i][j] = 0;
			for (int l = 0; l < 3; l++) {
				out[i][j] += c[i][l] * e[l][j];
			}
		}
	}
	memcpy(c, out, sizeof(out));
}

struct bounds {
	/* worst, rad, m/s, m, m/s, m */
	double heading, speed, position, wheel, height;
};

static double wrap(double a)
{
	return a - 2 * PI * floor((a + PI) / (2 * PI));
}

/* Strapdown: attitude by the gyroscope, velocity and position by the
 * accelerometer, from the known start on; nothing else is used. */
static void navigate(struct samples *x, const char *acc, const char *gyr,
		     double hz, struct bounds *worst)
{
	size_t ia = sensor(x, acc), ig = sensor(x, gyr);
	const struct vehicle_state *s0 = &x->state[0];
	double h = s0->v[VV_heading], dt = 1 / hz;
	/* columns right, ahead, up in east, north, up */
	double c[3][3] = { { cos(h), sin(h), 0 },
			   { -sin(h), cos(h), 0 },
			   { 0, 0, 1 } };
	double v[3] = { s0->v[VV_speed] * sin(h), s0->v[VV_speed] * cos(h), 0 };
	double p[3] = { 0 }, w[3] = { 0 }, f[3], a[3];
	bool turned = false;
	double z0 = s0->v[VV_pos_z];

	*worst = (struct bounds){ 0 };
	for (size_t i = 0; i < x->n; i++) {
		const struct imu_sample *s = &x->s[i];
		const struct vehicle_state *a0, *a1;
		double speed, wheel;
		size_t k;

		if (s->sensor == ig) {
			imu_to_car(x->r.w->imu, ig, s->value, w);
			turn(c, w, dt / 2);
			turned = true;
		}
		if (s->sensor != ia || !turned) {
			continue;
		}
		imu_to_car(x->r.w->imu, ia, s->value, f);
		rotate(c, f, a);
		a[2] -= G;
		for (int j = 0; j < 3; j++) {
			p[j] += (v[j] + a[j] * dt / 2) * dt;
			v[j] += a[j] * dt;
		}
		turn(c, w, dt / 2);
		/* this is the end of the sample's interval, less the delay */
		k = (size_t)(s->t / VEHICLE_STEP);
		if (k < 2 || k >= x->n_states) {
			continue;
		}
		a0 = &x->state[k - 1];
		a1 = &x->state[k - 2];
#define THEN(var) (0.5 * (a0->v[VV_##var] + a1->v[VV_##var]))
		speed = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
		wheel = 0.332 / 2 *
			fabs(THEN(wheel_speed_rl) + THEN(wheel_speed_rr));
		worst->heading =
			fmax(worst->heading,
			     fabs(wrap(atan2(c[0][1], c[1][1]) -
				       a0->v[VV_heading])));
		worst->speed = fmax(worst->speed,
				    fabs(speed - fabs(THEN(speed))));
		worst->wheel = fmax(worst->wheel, fabs(speed - wheel));
		worst->position = fmax(worst->position,
				       hypot(p[0] - THEN(pos_x),
					     p[1] - THEN(pos_y)));
		worst->height =
			fmax(worst->height, fabs(p[2] + z0 - THEN(pos_z)));
#undef THEN
	}
}

static char *bundled(const char *name)
{
	char rel[200], path[4096], *data;
	struct av_err err;
	size_t len;

	snprintf(rel, sizeof(rel), "scenarios/%s.yaml", name);
	if (av_read_file(src_path(rel, path), 1 << 20, &data, &len, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	return data;
}

static struct bounds drive(const char *sensors, const char *scenario,
			   const char *acc, const char *gyr, vtime until)
{
	char *text = strchr(scenario, ':') ? strdup(scenario) :
					     bundled(scenario);
	struct samples *x = begin(sensors, text);
	struct bounds b;

	rate(x, acc, 100);
	rate(x, gyr, 100);
	world_run_until(x->r.w, until);
	navigate(x, acc, gyr, 100, &b);
	printf("%s: heading %.5f rad, speed %.4f m/s, wheels %.3f m/s, "
	       "position %.3f m, height %.3f m\n",
	       strchr(scenario, ':') ? "hills" : scenario, b.heading, b.speed,
	       b.wheel, b.position, b.height);
	finish(x);
	free(text);
	return b;
}

TEST(imu_integrated_gives_speed_heading_and_position_of_parking)
{
	struct bounds b = drive(IDEAL, "parking", "acc", "gyr", 60 * VT_S);

	CHECK(b.heading < 0.005);
	CHECK(b.speed < 0.2);
	CHECK(b.wheel < 0.6);
	CHECK(b.position < 1);
}

TEST(imu_integrated_gives_speed_heading_and_position_of_highway)
{
	struct bounds b = drive(IDEAL, "highway", "acc", "gyr", 60 * VT_S);

	CHECK(b.heading < 0.005);
	CHECK(b.speed < 0.2);
	CHECK(b.wheel < 1);
	CHECK(b.position < 3);
}

TEST(imu_integrated_follows_hills)
{
	struct bounds b =
		drive(IDEAL,
		      "duration: 40s\n"
		      "start: {speed: 20 m/s}\n"
		      "timeline:\n"
		      "  - {at: 0s, do: {speed: 20 m/s}}\n"
		      "  - {at: 5s, do: {weather: {grade: 0.06 rad}}}\n"
		      "  - {at: 15s, do: {weather: {grade: -0.05 rad}}}\n"
		      "  - {at: 25s, do: {weather: {grade: 0 rad}}}\n",
		      "acc", "gyr", 40 * VT_S);

	CHECK(b.heading < 0.002);
	CHECK(b.speed < 0.1);
	CHECK(b.height < 0.5); /* 12 m up and 10 m down */
	CHECK(b.position < 1);
}

/*
 * The bundled chips, off the centre of mass, with all their flaws. In a minute
 * what calibration left of the bias makes 4 deviations of 0.0003 rad/s and 0.03
 * m/s2: 0.07 rad, 7.2 m/s (along with tilt from the gyroscope: 0.07 rad * g / 2
 * over 60 s, 21 m/s) and their integral.
 */
TEST(imu_integrated_with_flaws_stays_within_them)
{
	struct bounds b = drive(NULL, "parking", "scmi.iio.accel",
				"scmi.iio.gyro", 60 * VT_S);

	CHECK(b.heading < 0.08);
	CHECK(b.speed < 28);
	CHECK(b.speed > 0.05); /* flaws are there */
	CHECK(b.position < 840);
}

int main(void)
{
	return RUN_TESTS(
		T(imu_car_at_rest_feels_gravity_upwards),
		T(imu_hill_turns_gravity_backwards),
		T(imu_hal_configuration_gives_axes_of_the_chip),
		T(imu_turned_chip_is_turned_as_the_hal_undoes),
		T(imu_lever_arm_feels_the_circle),
		T(imu_compass_follows_the_heading),
		T(imu_intervals_are_exact_at_any_rate),
		T(imu_nobody_asks_ten_times_a_second),
		T(imu_motion_runs_on_between_steps_of_the_vehicle),
		T(imu_delay_is_fifteen_milliseconds),
		T(imu_noise_has_its_density_and_bias_its_deviation),
		T(imu_both_sensors_of_a_chip_share_its_noise),
		T(imu_seed_decides_and_reading_has_no_effect),
		T(imu_values_are_whole_quanta_within_the_range),
		T(imu_enable_is_a_command_of_the_guest),
		T(imu_replay_without_the_guest_gives_the_same_samples),
		T(imu_faults_begin_and_end),
		T(imu_faults_know_the_sensors_and_their_units),
		T(imu_integrated_gives_speed_heading_and_position_of_parking),
		T(imu_integrated_gives_speed_heading_and_position_of_highway),
		T(imu_integrated_follows_hills),
		T(imu_integrated_with_flaws_stays_within_them));
}
