/* SPDX-License-Identifier: Apache-2.0 */
/* A real log through the RAV4 binding table, against its published decode. */
#include "config.h"

#include "tests/unit/test.h"

#include "sim/bundle.h"
#include "sim/can/candump.h"
#include "sim/signals/signals.h"

#include <string.h>

struct drive {
	struct evq *q;
	struct bus *bus;
	struct vhal *vhal;
	struct signals *s;
	struct dbc *dbc[2];
	char *log;
	size_t log_len;
};

static char *read_file(const char *path, size_t *len)
{
	char *text = NULL;

	CHECK_EQ(av_read_file(path, 1 << 26, &text, len, NULL), 0);
	return text;
}

static bool drive_open(struct drive *d)
{
	static const char *const dbcs[] = {
		"can/toyota_new_mc_pt_generated.dbc", "can/toyota_adas.dbc"
	};
	struct signals_bus bus[2] = { { "can0", NULL }, { "can1", NULL } };
	struct av_diags diags = { 0 };
	char path[4096], *text;
	size_t len;

	memset(d, 0, sizeof(*d));
	if (!shared_path("can/rav4_drive_60s.candump.log", path)) {
		return false;
	}
	d->log = read_file(path, &d->log_len);
	for (int i = 0; i < 2; i++) {
		if (!shared_path(dbcs[i], path)) {
			free(d->log);
			return false;
		}
		text = read_file(path, &len);
		CHECK_EQ(dbc_parse(path, text, len, &d->dbc[i], &diags, NULL),
			 0);
		bus[i].dbc = d->dbc[i];
		free(text);
	}
	d->q = evq_create();
	d->bus = bus_create(av_topics, TOPIC_N);
	d->vhal = vhal_create(d->q, d->bus);
	text = read_file(src_path("sim/vehicles/rav4/vhal.json", path), &len);
	CHECK_EQ(vhal_load(d->vhal, path, text, len, &diags), 0);
	free(text);
	text = read_file(src_path("sim/vehicles/rav4/signals.yaml", path),
			 &len);
	if (signals_create(path, text, len, bus, 2, d->vhal, &d->s, &diags) <
	    0) {
		av_diags_print(&diags, stdout);
		fail_msg("the RAV4 table does not load");
	}
	free(text);
	CHECK_EQ(signals_attach(d->s, d->bus, NULL, NULL), 0);
	CHECK_EQ(vhal_start(d->vhal, NULL), 0);
	return true;
}

static void drive_close(struct drive *d)
{
	signals_destroy(d->s);
	vhal_destroy(d->vhal);
	bus_destroy(d->bus);
	evq_destroy(d->q);
	dbc_destroy(d->dbc[0]);
	dbc_destroy(d->dbc[1]);
	free(d->log);
}

static double value(const struct drive *d, const char *key)
{
	int i = signals_find(d->s, key);

	if (i < 0) {
		fail_msg("no signal %s", key);
	}
	return signals_value(d->s, (uint32_t)i, NULL, NULL);
}

static const struct vhal_value *prop(const struct drive *d, const char *name)
{
	struct av_err err = { 0 };
	int32_t p, a;

	if (vhal_find(d->vhal, name, &p, &a, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	return vhal_get(d->vhal, (uint32_t)vhal_slot_of(d->vhal, p, a));
}

static FILE *open_csv(const char *rel)
{
	char path[4096], line[256];
	FILE *f;

	CHECK(shared_path(rel, path) != NULL);
	f = fopen(path, "r");
	CHECK(f != NULL && fgets(line, sizeof(line), f));
	return f;
}

/* Numbers of the next line after the time. */
static void next_row(FILE *f, double *v, int n)
{
	char line[256], *at;

	CHECK(fgets(line, sizeof(line), f) != NULL);
	strtod(line, &at);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(*at, ',');
		v[i] = strtod(at + 1, &at);
	}
}

static void check_wheels(const struct drive *d, FILE *csv)
{
	static const char *const keys[] = {
		"Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed",
		"Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed",
		"Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed",
		"Vehicle.Chassis.Axle.Row2.Wheel.Right.Speed",
	};
	const struct vhal_value *speed = prop(d, "PERF_VEHICLE_SPEED");
	double v[5];

	next_row(csv, v, 5);
	for (int i = 0; i < 4; i++) {
		CHECK_NEAR(value(d, keys[i]) / 3.6, v[i + 1], 1e-9);
	}
	CHECK_NEAR(value(d, "Vehicle.Speed") / 3.6, v[0], 1e-9);
	CHECK_NEAR(speed->f32[0], v[0], 1e-5);
}

static void check_steering(const struct drive *d, FILE *csv)
{
	double deg;

	next_row(csv, &deg, 1);
	CHECK_NEAR(value(d, "Vehicle.Chassis.SteeringWheel.Angle"), deg, 1e-9);
	/* front wheels, left negative */
	CHECK_NEAR(prop(d, "PERF_STEERING_ANGLE")->f32[0], deg / -16.9,
		   0.002 * fabs(deg) + 1e-6);
}

TEST(rav4_log_becomes_properties_that_match_the_published_decode)
{
	struct candump_reader r;
	struct can_frame f;
	struct av_diags diags = { 0 };
	struct drive d;
	FILE *wheels, *steering;
	int64_t start = 0;
	size_t n = 0, n_wheels = 0, n_steering = 0;

	if (!drive_open(&d)) {
		SKIP("no shared data");
	}
	wheels = open_csv("can/rav4_decoded_wheel_speed.csv");
	steering = open_csv("can/rav4_decoded_steering.csv");
	candump_reader_init(&r, "rav4.log", d.log, d.log_len);
	while (candump_next(&r, &f, &diags) > 0) {
		start = n++ ? start : f.t;
		f.t -= start;
		evq_run_until(d.q, f.t);
		bus_publish(d.bus, TOPIC_CAN, &f);
		if (f.bus == 0 && f.id == 0x0aa) {
			check_wheels(&d, wheels);
			n_wheels++;
		} else if (f.bus == 0 && f.id == 0x025) {
			check_steering(&d, steering);
			n_steering++;
		}
	}
	CHECK_EQ(n, 98680);
	CHECK_EQ(n_wheels, 4974);
	CHECK_EQ(n_steering, 4974);
	fclose(wheels);
	fclose(steering);
	drive_close(&d);
}

TEST(rav4_every_bound_property_gets_a_value_from_the_log)
{
	struct candump_reader r;
	struct can_frame f;
	struct av_diags diags = { 0 };
	struct drive d;
	size_t n = 0;

	if (!drive_open(&d)) {
		SKIP("no shared data");
	}
	candump_reader_init(&r, "rav4.log", d.log, d.log_len);
	while (candump_next(&r, &f, &diags) > 0) {
		bus_publish(d.bus, TOPIC_CAN, &f);
	}
	for (uint32_t s = 0; s < vhal_n_slots(d.vhal); s++) {
		if (vhal_slot_config(d.vhal, s)->bound) {
			n++;
			if (vhal_get(d.vhal, s)->status != VHAL_AVAILABLE) {
				fail_msg("%s has no value",
					 vhal_slot_name(d.vhal, s));
			}
		}
	}
	print_message("%zu property-area pairs\n", n);
	CHECK(n >= 30);
	CHECK_EQ(prop(&d, "GEAR_SELECTION")->i32[0], 8);
	CHECK_EQ(prop(&d, "TURN_SIGNAL_STATE")->i32[0], 0);
	CHECK_EQ(prop(&d, "CRUISE_CONTROL_STATE")->i32[0], 2);
	CHECK_EQ(prop(&d, "SEAT_BELT_BUCKLED/ROW_1_LEFT")->i32[0], 1);
	CHECK_EQ(prop(&d, "DOOR_POS/ROW_1_LEFT")->i32[0], 0);
	CHECK_EQ(prop(&d, "DOOR_LOCK/ROW_2_RIGHT")->i32[0], 1);
	CHECK_NEAR(prop(&d, "PERF_ODOMETER")->f32[0], 15590 * 1.609344, 0.01);
	CHECK(prop(&d, "ENGINE_RPM")->f32[0] > 900);
	drive_close(&d);
}

int main(void)
{
	return RUN_TESTS(
		T(rav4_log_becomes_properties_that_match_the_published_decode),
		T(rav4_every_bound_property_gets_a_value_from_the_log));
}
