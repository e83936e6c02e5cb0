# SPDX-License-Identifier: Apache-2.0
# Guest profiles, and the VMMs that run them.
libavsim_a_SOURCES += \
	vdevices/fdt.c %D%/fdt.h \
	vdevices/guest.c %D%/guest.h \
	vdevices/vmm.c %D%/vmm.h \
	vdevices/vmm_child.c \
	vdevices/vmm_crosvm.c \
	vdevices/vmm_int.h \
	vdevices/vmm_prepare.c \
	vdevices/vmm_probe.c \
	vdevices/vmm_qemu.c
nobase_dist_pkgdata_DATA += \
	vdevices/guests/cuttlefish-auto.yaml \
	vdevices/guests/guest.schema.json \
	vdevices/guests/kit.yaml \
	vdevices/guests/kit-x86_64.yaml \
	vdevices/guests/trout-arm64.yaml
UNIT_TESTS += tests/unit/test_guest
tests_unit_test_guest_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_guest tests/fuzz/fuzz_fdt
tests_fuzz_fuzz_guest_SOURCES = tests/fuzz/fuzz_guest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_guest_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_fdt_SOURCES = tests/fuzz/fuzz_fdt.c $(FUZZ_MAIN)
tests_fuzz_fuzz_fdt_LDFLAGS = $(FUZZ_LINK)
dist_man_MANS += man/avsim-guest.5
