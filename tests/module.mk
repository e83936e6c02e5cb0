# SPDX-License-Identifier: Apache-2.0
AM_TESTS_ENVIRONMENT = \
	AVSIM_TOP_SRCDIR='$(abs_top_srcdir)'; export AVSIM_TOP_SRCDIR; \
	AVSIM_TOP_BUILDDIR='$(abs_top_builddir)'; export AVSIM_TOP_BUILDDIR; \
	AVSIM_DATADIR='$(abs_top_srcdir)'; export AVSIM_DATADIR; \
	PYTHON=/usr/bin/python3; export PYTHON;

# A unit test: one file tests/unit/test_NAME.c and these rows in its module.mk
# (a fuzzer's: tests/fuzz/fuzz_NAME.c, corpus in tests/fuzz/corpus/NAME).
#   UNIT_TESTS += tests/unit/test_NAME
#   tests_unit_test_NAME_LDADD = $(CMOCKA_LDADD)
#   FUZZERS += tests/fuzz/fuzz_NAME
#   tests_fuzz_fuzz_NAME_SOURCES = tests/fuzz/fuzz_NAME.c $(FUZZ_MAIN)
#   tests_fuzz_fuzz_NAME_LDFLAGS = $(FUZZ_LINK)
UNIT_TESTS += tests/unit/test_core
tests_unit_test_core_LDADD = $(CMOCKA_LDADD)
EXTRA_DIST += tests/data docs \
	tests/unit/test.h tests/fuzz/replay_main.c tests/fuzz/corpus

if FUZZ
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) $(AV_FUZZ_LDFLAGS)
else
FUZZ_MAIN = tests/fuzz/replay_main.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZERS)
endif
check_PROGRAMS += $(FUZZERS)

if CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
BENCHES += tests/bench/bench_run
EXTRA_PROGRAMS += $(BENCHES)
CLEANFILES += $(BENCHES)
EXTRA_DIST += tests/bench/bench.h tests/bench/peer_sumo.sh

# The gRPC layer against python3-grpcio.
check_PROGRAMS += tests/services/grpc_testd tests/services/capture_feed
TESTS += tests/services/test_capture.py
EXTRA_DIST += tests/services/test_capture.py
TESTS += tests/services/test_tshark.py tests/services/test_vhal_extras.py
EXTRA_DIST += tests/services/test_tshark.py tests/services/test_vhal_extras.py
TESTS += tests/services/test_grpc.py tests/services/test_vhal.py
EXTRA_DIST += tests/services/test_grpc.py tests/services/test_vhal.py

# The command line, as a user drives it.
CLI_TESTS = \
	tests/cli/test_diff.sh \
	tests/cli/test_golden.sh \
	tests/cli/test_guest.sh \
	tests/cli/test_ctl.sh \
	tests/cli/test_imu.sh \
	tests/cli/test_layers.sh \
	tests/cli/test_man.sh \
	tests/cli/test_recording.sh \
	tests/cli/test_output.sh \
	tests/cli/test_replay.sh \
	tests/cli/test_run.sh \
	tests/cli/test_rundir.sh \
	tests/cli/test_speeds.sh \
	tests/cli/test_verify.sh
TESTS += $(CLI_TESTS)
EXTRA_DIST += $(CLI_TESTS) tests/cli/lib.sh
