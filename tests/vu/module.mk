# SPDX-License-Identifier: Apache-2.0
# A fake guest (front.h). What uses it: prog_LDADD = $(FRONT_LDADD)
EXTRA_LIBRARIES += tests/vu/libfront.a
# make clean takes nothing of EXTRA_ by itself
CLEANFILES += $(EXTRA_LIBRARIES)
tests_vu_libfront_a_SOURCES = \
	%D%/echo.h %D%/front.c %D%/front.h \
	%D%/front_mem.c \
	%D%/front_priv.h \
	%D%/front_ring.c \
	%D%/front_state.c \
	%D%/procfs.c %D%/procfs.h \
	%D%/vpeer.c %D%/vpeer.h
FRONT_LDADD = tests/vu/libfront.a $(LDADD)
