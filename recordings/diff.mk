# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	recordings/diff.c recordings/diff.h recordings/diff_int.h \
	recordings/diff_align.c \
	recordings/diff_curve.c \
	recordings/diff_dump.c \
	recordings/diff_files.c \
	recordings/diff_look.c \
	recordings/diff_note.c \
	recordings/diff_rec.c \
	recordings/diff_source.c recordings/diff_source.h \
	recordings/diff_value.c \
	recordings/report.c recordings/report.h \
	recordings/report_html.c \
	recordings/report_json.c \
	recordings/report_junit.c \
	recordings/report_plot.c recordings/report_plot.h \
	recordings/report_text.c \
	recordings/tolerance.c recordings/tolerance.h

UNIT_TESTS += tests/unit/test_diff tests/unit/test_tolerance
tests_unit_test_diff_LDADD = $(CMOCKA_LDADD)
tests_unit_test_tolerance_LDADD = $(CMOCKA_LDADD)

FUZZERS += tests/fuzz/fuzz_diff tests/fuzz/fuzz_tolerance
tests_fuzz_fuzz_diff_SOURCES = tests/fuzz/fuzz_diff.c $(FUZZ_MAIN)
tests_fuzz_fuzz_diff_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_tolerance_SOURCES = tests/fuzz/fuzz_tolerance.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tolerance_LDFLAGS = $(FUZZ_LINK)

BENCHES += tests/bench/bench_diff
EXTRA_DIST += tests/bench/peer_pandas.py tests/data/tolerances tests/golden
