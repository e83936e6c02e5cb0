# SPDX-License-Identifier: Apache-2.0
# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
libavsim_a_SOURCES += \
	%D%/bind.c %D%/bind.h %D%/bind_message.c %D%/bind_read.c \
	%D%/obd2.c %D%/obd2.h \
	%D%/signals.c %D%/signals.h %D%/signals_priv.h
nobase_dist_pkgdata_DATA += \
	sim/vehicles/compact-ev/bus.dbc \
	sim/vehicles/compact-ev/signals.yaml \
	sim/vehicles/compact-ev/vhal.json \
	sim/vehicles/rav4/README \
	sim/vehicles/rav4/sensors.yaml \
	sim/vehicles/rav4/signals.yaml \
	sim/vehicles/rav4/vhal.json
UNIT_TESTS += tests/unit/test_signals tests/unit/test_signals_vehicle
tests_unit_test_signals_LDADD = $(CMOCKA_LDADD)
tests_unit_test_signals_vehicle_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_obd2 tests/unit/test_signals_rav4
tests_unit_test_obd2_LDADD = $(CMOCKA_LDADD)
tests_unit_test_signals_rav4_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_signals
tests_fuzz_fuzz_signals_SOURCES = tests/fuzz/fuzz_signals.c $(FUZZ_MAIN)
tests_fuzz_fuzz_signals_LDFLAGS = $(FUZZ_LINK)
BENCHES += tests/bench/bench_signals
