# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
