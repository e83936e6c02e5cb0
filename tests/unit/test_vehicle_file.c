/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bundle.h"
#include "sim/vehicle/vehicle_file.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

static char *text;
static size_t text_len;

static void load(void)
{
	char path[4096];

	free(text);
	CHECK_EQ(av_read_file(
			 src_path("sim/vehicles/compact-ev/vehicle.yaml", path),
			 1 << 20, &text, &text_len, NULL),
		 0);
}

/* Replace the first @from by @to in a fresh copy of the bundled file. */
static void load_with(const char *from, const char *to)
{
	char *where, *copy;

	load();
	where = strstr(text, from);
	CHECK(where);
	copy = malloc(text_len + strlen(to) + 1);
	CHECK(copy);
	sprintf(copy, "%.*s%s%s", (int)(where - text), text, to,
		where + strlen(from));
	free(text);
	text = copy;
	text_len = strlen(copy);
}

/* The file with @from -> @to is refused with @message. */
static void refused(const char *from, const char *to, const char *message)
{
	struct vehicle_file f;
	struct av_diags d = { 0 };
	bool found = false;

	load_with(from, to);
	CHECK_EQ(vehicle_file_parse("v.yaml", text, text_len, &f, &d), -EINVAL);
	for (size_t i = 0; i < d.n; i++) {
		found |= strstr(d.v[i].msg, message) != NULL;
	}
	if (!found) {
		fail_msg("'%s' -> '%s': want '%s', got '%s'", from, to, message,
			 d.n ? d.v[0].msg : "nothing");
	}
	av_diags_finish(&d);
}

TEST(vehicle_file_bundled_car_loads_in_base_units)
{
	struct vehicle_file f;
	struct av_diags d = { 0 };

	(void)state_;
	load();
	CHECK_EQ(vehicle_file_parse("v.yaml", text, text_len, &f, &d), 0);
	CHECK_EQ(d.n, 0);
	CHECK_STR(f.info.make, "Avsim");
	CHECK_EQ(f.info.year, 2026);
	CHECK_NEAR(f.info.length_m, 4.261, 1e-12);
	CHECK_EQ(f.n_buses, 1);
	CHECK_STR(f.bus[0].name, "can0");
	CHECK_STR(f.bus[0].dbc, "bus.dbc");
	CHECK_NEAR(f.bus[0].bit_rate, 500e3, 0);
	CHECK_NEAR(f.bus[0].fd_bit_rate, 0, 0);
	CHECK_STR(f.signals, "signals.yaml");
	CHECK_EQ(f.n_vhal, 1);
	CHECK_NEAR(f.params.chassis_mass, 1650, 0);
	CHECK_NEAR(f.params.battery_usable_energy, 58 * 3.6e6, 1e-6);
	CHECK_NEAR(f.params.motor_top_speed, 160 / 3.6, 1e-9);
	CHECK_NEAR(f.params.tyre_cold_pressure, 250e3, 1e-9);
	CHECK(!f.params.motor_drives_front);
	CHECK_NEAR(vehicle_curve_at(&f.params.battery_cell_voltage, 0.55), 3.73,
		   1e-9);
	CHECK_NEAR(vehicle_curve_at(&f.params.battery_cell_voltage, -1), 3.30,
		   0);
	CHECK_NEAR(vehicle_curve_at(&f.params.battery_cell_voltage, 2), 4.16,
		   0);
}

TEST(vehicle_file_mistakes_are_named_with_a_remedy)
{
	(void)state_;
	refused("mass: 1650 kg", "mas: 1650 kg", "did you mean 'mass'?");
	refused("mass: 1650 kg", "mas: 1650 kg", "'mass' is missing");
	refused("mass: 1650 kg", "mass: 1650 km", "'mass': ");
	refused("mass: 1650 kg", "mass: 20 kg", "from 300 to 10000 kg");
	refused("mass: 1650 kg", "mass: nan", "'mass': ");
	refused("chassis:", "chasis:", "did you mean 'chassis'?");
	refused("aero:", "aero: 3\nx:", "want keys and values");
	refused("drives: rear", "drives: raer", "did you mean 'rear'?");
	refused("front_to_cog: 1440 mm", "front_to_cog: 3 m", "wheelbase");
	refused("[5 %, 3.42 V]", "[0 %, 3.42 V]", "must rise");
	refused("[5 %, 3.42 V]", "[5 %, 3.2 V]", "must not fall");
	refused("[5 %, 3.42 V]", "[5 %]", "list of two");
	refused("cell_voltage_max: 4.20 V", "cell_voltage_max: 4.1 V",
		"between");
	refused("bit_rate: 500 kbit/s", "bit_rate: 500 km", "'bit_rate': ");
	refused("bit_rate: 500", "baud: 500", "unknown key 'baud'");
	refused("vhal: [vhal.json]", "vhal: []", "property files");
	refused("fade_end: 2 km/h", "fade_end: 9 km/h", "fade_start");
}

TEST(vehicle_file_two_buses_of_one_name_are_refused)
{
	const char *one =
		"  - {name: can0, dbc: bus.dbc, bit_rate: 500 kbit/s}";
	char two[256];

	(void)state_;
	snprintf(two, sizeof(two), "%s\n%s", one, one);
	refused(one, two, "'can0' is there twice");
}

TEST(vehicle_file_all_errors_come_at_once)
{
	struct vehicle_file f;
	struct av_diags d = { 0 };

	(void)state_;
	CHECK_EQ(vehicle_file_parse("v.yaml", "info: {}\n", 9, &f, &d),
		 -EINVAL);
	CHECK(d.n >= 20); /* 8 of info, buses, files, one per section */
	av_diags_finish(&d);
	CHECK_EQ(vehicle_file_parse("v.yaml", "", 0, &f, &d), -EINVAL);
	CHECK_EQ(d.n, 1);
	av_diags_finish(&d);
}

int main(void)
{
	int ret = RUN_TESTS(T(vehicle_file_bundled_car_loads_in_base_units),
			    T(vehicle_file_mistakes_are_named_with_a_remedy),
			    T(vehicle_file_two_buses_of_one_name_are_refused),
			    T(vehicle_file_all_errors_come_at_once));

	free(text);
	return ret;
}
