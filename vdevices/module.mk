# SPDX-License-Identifier: Apache-2.0
# vhost-user, virtqueues, guest memory and the devices: one file each.
libavsim_a_SOURCES += \
	%D%/dev_rng.c \
	%D%/device.h \
	%D%/devices.h \
	%D%/guard.c %D%/guard.h \
	%D%/guest_mem.c %D%/guest_mem.h \
	%D%/health.h \
	%D%/host.h \
	%D%/port.h \
	%D%/sandbox.h \
	%D%/table.c \
	%D%/trust.c %D%/trust.h \
	%D%/vhost_user.c %D%/vhost_user.h \
	%D%/virtq.c \
	%D%/virtq.h \
	%D%/virtq_chain.c \
	%D%/virtq_impl.h \
	%D%/virtq_inflight.c \
	%D%/virtq_packed.c \
	%D%/vu_impl.h \
	%D%/vu_msg.c \
	%D%/vu_proto.h \
	%D%/vu_ring.c \
	%D%/vu_state.c

UNIT_TESTS += tests/unit/test_vhost_user
tests_unit_test_vhost_user_SOURCES = tests/unit/test_vhost_user.c \
	tests/unit/vu_rig.h
tests_unit_test_vhost_user_LDADD = $(CMOCKA_LDADD)
