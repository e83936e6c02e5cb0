# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/gnss.c %D%/gnss.h \
	%D%/serve.c %D%/serve.h \
	%D%/sky.c %D%/sky.h \
	%D%/text.c %D%/text.h \
	%D%/trace.c %D%/trace.h \
	%D%/trace_csv.c \
	%D%/trace_logger.c \
	%D%/trace_nmea.c \
	%D%/trace_xml.c

UNIT_TESTS += tests/unit/test_gnss tests/unit/test_gnss_trace
tests_unit_test_gnss_LDADD = $(CMOCKA_LDADD)
tests_unit_test_gnss_trace_LDADD = $(CMOCKA_LDADD)

FUZZERS += tests/fuzz/fuzz_gnss tests/fuzz/fuzz_gnss_serve
tests_fuzz_fuzz_gnss_SOURCES = tests/fuzz/fuzz_gnss.c $(FUZZ_MAIN)
tests_fuzz_fuzz_gnss_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_gnss_serve_SOURCES = tests/fuzz/fuzz_gnss_serve.c $(FUZZ_MAIN)
tests_fuzz_fuzz_gnss_serve_LDFLAGS = $(FUZZ_LINK)
