# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/capture.c %D%/capture.h \
	%D%/feed.c %D%/feed.h \
	%D%/format_candump.c \
	%D%/format_csv.c \
	%D%/format_csv_wide.c \
	%D%/format_gnss.c \
	%D%/format_imu.c \
	%D%/format_pcap.c \
	%D%/format_perfetto.c \
	%D%/formats.c %D%/formats.h %D%/formats_int.h \
	%D%/pcap.c %D%/pcap.h \
	%D%/perfetto.c %D%/perfetto.h \
	%D%/perfetto_wire.c %D%/perfetto_wire.h \
	%D%/rec.h \
	%D%/rec_chunk.c \
	%D%/rec_gnss.c %D%/rec_gnss.h \
	%D%/rec_image.c \
	%D%/rec_inputs.c \
	%D%/rec_int.h \
	%D%/rec_line.c \
	%D%/rec_live.c %D%/rec_live.h \
	%D%/rec_open.c \
	%D%/rec_put.c \
	%D%/rec_read.c \
	%D%/rec_reader.h \
	%D%/rec_schema.c \
	%D%/rec_signal.c \
	%D%/rec_store.c \
	%D%/rec_unchunk.c \
	%D%/rec_write.c \
	%D%/replay_check.c %D%/replay_check.h \
	%D%/replay_source.c %D%/replay_source.h

nobase_dist_pkgdata_DATA += recordings/vsock_http2.lua

UNIT_TESTS += tests/unit/test_capture
tests_unit_test_capture_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_perfetto
tests_unit_test_perfetto_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_rec_media
tests_unit_test_rec_media_LDADD = $(CMOCKA_LDADD)

FUZZERS += tests/fuzz/fuzz_perfetto
tests_fuzz_fuzz_perfetto_SOURCES = tests/fuzz/fuzz_perfetto.c $(FUZZ_MAIN)
tests_fuzz_fuzz_perfetto_LDFLAGS = $(FUZZ_LINK)

include recordings/diff.mk
include recordings/rec.mk
