# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/can_log.c %D%/can_log.h \
	%D%/candump.c %D%/candump.h \
	%D%/dbc.h %D%/dbc_priv.h \
	%D%/dbc_attr.c \
	%D%/dbc_codec.c \
	%D%/dbc_lex.c \
	%D%/dbc_link.c \
	%D%/dbc_parse.c \
	%D%/dbc_stmt.c \
	%D%/dbc_values.c \
	%D%/ecu.c %D%/ecu.h %D%/ecu_priv.h \
	%D%/ecu_pack.c \
	%D%/ecu_wire.c \
	%D%/frame_bits.c %D%/stuff_table.h

UNIT_TESTS += tests/unit/test_can_log \
	tests/unit/test_candump tests/unit/test_dbc tests/unit/test_ecu
tests_unit_test_can_log_LDADD = $(CMOCKA_LDADD)
tests_unit_test_candump_LDADD = $(CMOCKA_LDADD)
tests_unit_test_dbc_LDADD = $(CMOCKA_LDADD)
tests_unit_test_ecu_LDADD = $(CMOCKA_LDADD)

# Every signal of every DBC against python3-canmatrix.
check_PROGRAMS += tests/can/dbc_oracle
TESTS += tests/can/test_canmatrix.py
EXTRA_DIST += tests/can/test_canmatrix.py \
	tests/data/can/sample.dbc tests/data/can/sample.candump.log

FUZZERS += tests/fuzz/fuzz_candump tests/fuzz/fuzz_dbc
tests_fuzz_fuzz_candump_SOURCES = tests/fuzz/fuzz_candump.c $(FUZZ_MAIN)
tests_fuzz_fuzz_candump_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dbc_SOURCES = tests/fuzz/fuzz_dbc.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dbc_LDFLAGS = $(FUZZ_LINK)

BENCHES += tests/bench/bench_can
EXTRA_DIST += tests/bench/bench.h tests/bench/peer_canmatrix.py
