# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
nobase_dist_pkgdata_DATA += \
	sim/vehicles/compact-ev/bus.dbc \
	sim/vehicles/compact-ev/signals.yaml
