# SPDX-License-Identifier: Apache-2.0
# vhost-user, virtqueues, guest memory and the devices: one file each.
libavsim_a_SOURCES += \
	%D%/dev_rng.c \
	%D%/device.h \
	%D%/devices.h \
	%D%/guest_mem.h \
	%D%/health.h \
	%D%/host.h \
	%D%/port.h \
	%D%/sandbox.h \
	%D%/table.c \
	%D%/trust.h \
	%D%/vhost_user.h \
	%D%/virtq.c \
	%D%/virtq.h \
	%D%/virtq_chain.c \
	%D%/virtq_impl.h \
	%D%/virtq_inflight.c \
	%D%/virtq_packed.c \
	%D%/vu_proto.h
