# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/vhal.c %D%/vhal.h \
	%D%/vhal_check.c \
	%D%/vhal_enums.c \
	%D%/vhal_json.c %D%/vhal_json.h \
	%D%/vhal_load.c %D%/vhal_load.h \
	%D%/vhal_mem.c \
	%D%/vhal_names.c \
	%D%/vhal_priv.h \
	%D%/vhal_props.c \
	%D%/vhal_read.c \
	%D%/vhal_rules.c \
	%D%/vhal_sub.c \
	%D%/vhal_tables.c \
	%D%/vhal_text.c

UNIT_TESTS += tests/unit/test_vhal tests/unit/test_vhal_load tests/unit/test_vhal_rules \
	tests/unit/test_vhal_text
tests_unit_test_vhal_LDADD = $(CMOCKA_LDADD)
tests_unit_test_vhal_rules_LDADD = $(CMOCKA_LDADD)
tests_unit_test_vhal_text_LDADD = $(CMOCKA_LDADD)
tests_unit_test_vhal_load_LDADD = $(CMOCKA_LDADD)
EXTRA_DIST += tests/data/vhal/users.json tests/data/vhal/vendor.json

FUZZERS += tests/fuzz/fuzz_vhal
tests_fuzz_fuzz_vhal_SOURCES = tests/fuzz/fuzz_vhal.c $(FUZZ_MAIN)
tests_fuzz_fuzz_vhal_LDFLAGS = $(FUZZ_LINK)
