# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/hal_config.c %D%/hal_config.h \
	%D%/imu.c %D%/imu.h \
	%D%/imu_motion.c %D%/imu_priv.h \
	%D%/imu_trace.c %D%/imu_trace.h \
	%D%/sensors_file.c %D%/sensors_file.h

nobase_dist_pkgdata_DATA += sim/vehicles/compact-ev/sensors.yaml \
	sim/vehicles/compact-ev/sensor_hal_configuration.xml

UNIT_TESTS += tests/unit/test_imu tests/unit/test_imu_files
tests_unit_test_imu_LDADD = $(CMOCKA_LDADD)
tests_unit_test_imu_files_LDADD = $(CMOCKA_LDADD)

EXTRA_DIST += tests/data/imu/sample.csv tests/data/imu/mistakes.csv

FUZZERS += tests/fuzz/fuzz_hal_config tests/fuzz/fuzz_imu_trace
tests_fuzz_fuzz_hal_config_SOURCES = tests/fuzz/fuzz_hal_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_hal_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_imu_trace_SOURCES = tests/fuzz/fuzz_imu_trace.c $(FUZZ_MAIN)
tests_fuzz_fuzz_imu_trace_LDFLAGS = $(FUZZ_LINK)
FUZZERS += tests/fuzz/fuzz_sensors
tests_fuzz_fuzz_sensors_SOURCES = tests/fuzz/fuzz_sensors.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sensors_LDFLAGS = $(FUZZ_LINK)
