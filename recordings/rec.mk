# SPDX-License-Identifier: Apache-2.0
# Tests of the recorder.
UNIT_TESTS += \
	tests/unit/test_rec \
	tests/unit/test_rec_chunk \
	tests/unit/test_rec_full \
	tests/unit/test_rec_hostile \
	tests/unit/test_rec_kill \
	tests/unit/test_replay_check
EXTRA_DIST += tests/unit/rec_rig.h
tests_unit_test_rec_LDADD = $(CMOCKA_LDADD)
tests_unit_test_rec_chunk_LDADD = $(CMOCKA_LDADD)
tests_unit_test_rec_full_LDADD = $(CMOCKA_LDADD)
tests_unit_test_rec_kill_LDADD = $(CMOCKA_LDADD)
tests_unit_test_replay_check_LDADD = $(CMOCKA_LDADD)
tests_unit_test_rec_hostile_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_avrec tests/fuzz/fuzz_chunk
tests_fuzz_fuzz_avrec_SOURCES = tests/fuzz/fuzz_avrec.c $(FUZZ_MAIN)
tests_fuzz_fuzz_avrec_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_chunk_SOURCES = tests/fuzz/fuzz_chunk.c $(FUZZ_MAIN)
tests_fuzz_fuzz_chunk_LDFLAGS = $(FUZZ_LINK)
BENCHES += tests/bench/bench_rec
dist_man_MANS += man/avsim-recording.5
