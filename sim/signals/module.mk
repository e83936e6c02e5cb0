# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
libavsim_a_SOURCES += \
	%D%/bind.c %D%/bind.h %D%/bind_message.c %D%/bind_read.c \
	%D%/signals.c %D%/signals.h %D%/signals_priv.h
nobase_dist_pkgdata_DATA += \
	sim/vehicles/compact-ev/bus.dbc \
	sim/vehicles/compact-ev/signals.yaml \
	sim/vehicles/compact-ev/vhal.json
