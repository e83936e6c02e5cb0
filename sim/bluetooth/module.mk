# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/bluetooth.c %D%/bluetooth.h \
	%D%/btsnoop.c %D%/btsnoop.h \
	%D%/controller.c %D%/controller.h \
	%D%/h4.c %D%/h4.h \
	%D%/hci.c %D%/hci.h %D%/hci_priv.h %D%/hci_proto.h \
	%D%/hci_acl.c \
	%D%/hci_auth.c \
	%D%/hci_link.c \
	%D%/hci_link_cmd.c \
	%D%/hci_scan.c \
	%D%/hci_sync.c \
	%D%/hci_table.c \
	%D%/peer.h \
	%D%/phone.c %D%/phone.h %D%/phone_priv.h \
	%D%/phone_hfp.c \
	%D%/phone_l2cap.c \
	%D%/phone_rfcomm.c \
	%D%/phone_sdp.c

EXTRA_DIST += tests/unit/bt_rig.h
UNIT_TESTS += tests/unit/test_bluetooth
tests_unit_test_bluetooth_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_bt tests/fuzz/fuzz_h4
tests_fuzz_fuzz_bt_SOURCES = tests/fuzz/fuzz_bt.c $(FUZZ_MAIN)
tests_fuzz_fuzz_bt_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_h4_SOURCES = tests/fuzz/fuzz_h4.c $(FUZZ_MAIN)
tests_fuzz_fuzz_h4_LDFLAGS = $(FUZZ_LINK)
TESTS += tests/services/test_bluetooth.py
EXTRA_DIST += tests/services/test_bluetooth.py
