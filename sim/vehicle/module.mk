# SPDX-License-Identifier: Apache-2.0
# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
libavsim_a_SOURCES += \
	%D%/actuate.c \
	%D%/battery.c \
	%D%/body.c \
	%D%/cabin.c \
	%D%/chassis.c \
	%D%/driver.c \
	%D%/geo.c \
	%D%/model.h \
	%D%/powertrain.c \
	%D%/vehicle.c %D%/vehicle.h \
	%D%/vehicle_file.c %D%/vehicle_file.h \
	%D%/vehicle_params.h

nobase_dist_pkgdata_DATA += sim/vehicles/compact-ev/vehicle.yaml

UNIT_TESTS += tests/unit/test_vehicle_file
tests_unit_test_vehicle_file_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_vehicle
tests_unit_test_vehicle_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_vehicle_body
tests_unit_test_vehicle_body_LDADD = $(CMOCKA_LDADD)
EXTRA_DIST += tests/unit/vehicle_rig.h

FUZZERS += tests/fuzz/fuzz_vehicle
tests_fuzz_fuzz_vehicle_SOURCES = tests/fuzz/fuzz_vehicle.c $(FUZZ_MAIN)
tests_fuzz_fuzz_vehicle_LDFLAGS = $(FUZZ_LINK)
