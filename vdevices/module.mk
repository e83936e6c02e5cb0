# SPDX-License-Identifier: Apache-2.0
# vhost-user, virtqueues, guest memory.
libavsim_a_SOURCES += \
	%D%/guard.c %D%/guard.h \
	%D%/guest_mem.c %D%/guest_mem.h \
	%D%/notify.c %D%/notify.h \
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

UNIT_TESTS += tests/unit/test_guest_mem tests/unit/test_trust
tests_unit_test_guest_mem_LDADD = $(CMOCKA_LDADD)
tests_unit_test_trust_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_notify
tests_unit_test_notify_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_vhost_user
tests_unit_test_vhost_user_SOURCES = tests/unit/test_vhost_user.c \
	tests/unit/vu_rig.h
tests_unit_test_vhost_user_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_vhost_user
tests_fuzz_fuzz_vhost_user_SOURCES = tests/fuzz/fuzz_vhost_user.c \
	tests/unit/vu_rig.h $(FUZZ_MAIN)
tests_fuzz_fuzz_vhost_user_LDFLAGS = $(FUZZ_LINK)

EXTRA_DIST += tests/unit/stream_rig.h
UNIT_TESTS += tests/unit/test_port tests/unit/test_target
tests_unit_test_port_LDADD = $(CMOCKA_LDADD)
tests_unit_test_target_LDADD = $(CMOCKA_LDADD)

# Where devices run, and their way to the world.
libavsim_a_SOURCES += \
	%D%/device.h \
	%D%/device_spec.c \
	%D%/devices.c %D%/devices.h \
	%D%/handle.h \
	%D%/health.c %D%/health.h \
	%D%/host.c %D%/host.h \
	%D%/host_child.c \
	%D%/host_impl.h \
	%D%/host_queues.c \
	%D%/host_thread.c \
	%D%/port.c %D%/port.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/sandbox_probe.c \
	%D%/spin.c %D%/spin.h \
	%D%/state.c %D%/state.h \
	%D%/table.c

UNIT_TESTS += tests/unit/test_sandbox tests/unit/test_spin
UNIT_TESTS += tests/unit/test_devices
tests_unit_test_devices_SOURCES = tests/unit/test_devices.c \
	tests/unit/scenario_world.h
tests_unit_test_devices_LDADD = $(FRONT_LDADD) $(CMOCKA_LDADD)
tests_unit_test_sandbox_LDADD = $(CMOCKA_LDADD)
tests_unit_test_spin_LDADD = $(CMOCKA_LDADD)

# The devices.
libavsim_a_SOURCES += %D%/dev_bt.c %D%/dev_console.c %D%/dev_input.c %D%/dev_rng.c
FUZZERS += tests/fuzz/fuzz_device
tests_fuzz_fuzz_device_SOURCES = tests/fuzz/fuzz_device.c $(FUZZ_MAIN)
tests_fuzz_fuzz_device_LDFLAGS = $(FUZZ_LINK)
# The same inputs, with an eye on each fetch.
FUZZERS += tests/fuzz/fetch_device
tests_fuzz_fetch_device_SOURCES = tests/fuzz/fuzz_device.c \
	%D%/virtq.c \
	%D%/virtq_chain.c \
	%D%/virtq_inflight.c \
	%D%/virtq_packed.c $(FUZZ_MAIN)
tests_fuzz_fetch_device_CPPFLAGS = $(AM_CPPFLAGS) -DVIRTQ_HOOKS
tests_fuzz_fetch_device_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/unit/device_rig.h
UNIT_TESTS += tests/unit/test_input
tests_unit_test_input_LDADD = tests/vu/libfront.a $(CMOCKA_LDADD)

libavsim_a_SOURCES += \
	%D%/blk.h \
	%D%/blk_image.c %D%/blk_image.h \
	%D%/blk_io.c %D%/blk_io.h \
	%D%/blk_pool.c \
	%D%/blk_request.c \
	%D%/blk_uring.c \
	%D%/dev_blk.c
UNIT_TESTS += tests/unit/test_blk
tests_unit_test_blk_LDADD = tests/vu/libfront.a $(CMOCKA_LDADD)

libavsim_a_SOURCES += \
	%D%/dev_net.c \
	%D%/net_big.c %D%/net_big.h \
	%D%/net_ctrl.c %D%/net_ctrl.h \
	%D%/net_frame.c %D%/net_frame.h \
	%D%/net_line.c %D%/net_line.h \
	%D%/net_opts.c %D%/net_opts.h \
	%D%/net_stack.c %D%/net_stack.h
UNIT_TESTS += tests/unit/test_net
tests_unit_test_net_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_net_attacks
tests_unit_test_net_attacks_LDADD = $(FRONT_LDADD) $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_net
tests_fuzz_fuzz_net_SOURCES = tests/fuzz/fuzz_net.c $(FUZZ_MAIN)
tests_fuzz_fuzz_net_LDFLAGS = $(FUZZ_LINK)
BENCHES += tests/bench/bench_net
tests_bench_bench_net_LDADD = $(FRONT_LDADD)
EXTRA_DIST += tests/bench/peer_passt.sh

libavsim_a_SOURCES += \
	%D%/dev_vsock.c \
	%D%/vsock.c %D%/vsock.h %D%/vsock_priv.h \
	%D%/vsock_in.c \
	%D%/vsock_out.c \
	%D%/bridge.c %D%/bridge.h \
	%D%/ports.c %D%/ports.h \
	%D%/target.c %D%/target.h \
	%D%/vsock_exec.c \
	%D%/vsock_fault.c \
	%D%/vsock_hybrid.c \
	%D%/vsock_switch.c %D%/vsock_switch.h %D%/vsock_switch_priv.h
UNIT_TESTS += tests/unit/test_vsock
tests_unit_test_vsock_LDADD = $(CMOCKA_LDADD)

libavsim_a_SOURCES += \
	%D%/dev_scmi.c \
	%D%/scmi.c %D%/scmi.h
UNIT_TESTS += tests/unit/test_scmi tests/unit/test_scmi_queue
tests_unit_test_scmi_LDADD = $(CMOCKA_LDADD)
tests_unit_test_scmi_queue_LDADD = tests/vu/libfront.a $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_scmi
tests_fuzz_fuzz_scmi_SOURCES = tests/fuzz/fuzz_scmi.c $(FUZZ_MAIN)
tests_fuzz_fuzz_scmi_LDFLAGS = $(FUZZ_LINK)

UNIT_TESTS += tests/unit/test_virtq
tests_unit_test_virtq_SOURCES = tests/unit/test_virtq.c tests/unit/virtq_rig.h
tests_unit_test_virtq_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_virtq_hooks
tests_unit_test_virtq_hooks_SOURCES = tests/unit/test_virtq_hooks.c \
	tests/unit/virtq_rig.h \
	%D%/virtq.c \
	%D%/virtq_chain.c \
	%D%/virtq_inflight.c \
	%D%/virtq_packed.c
tests_unit_test_virtq_hooks_CPPFLAGS = $(AM_CPPFLAGS) -DVIRTQ_HOOKS
tests_unit_test_virtq_hooks_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_virtq
tests_fuzz_fuzz_virtq_SOURCES = tests/fuzz/fuzz_virtq.c $(FUZZ_MAIN)
tests_fuzz_fuzz_virtq_LDFLAGS = $(FUZZ_LINK)
UNIT_TESTS += tests/unit/test_no_alloc
tests_unit_test_no_alloc_LDADD = $(FRONT_LDADD) $(CMOCKA_LIBS)
UNIT_TESTS += tests/unit/test_vsock_mass
tests_unit_test_vsock_mass_LDADD = $(FRONT_LDADD) $(CMOCKA_LIBS)
BENCHES += tests/bench/bench_virtq tests/bench/bench_blk
tests_bench_bench_blk_LDADD = $(FRONT_LDADD)
BENCHES += tests/bench/bench_devices
tests_bench_bench_devices_LDADD = $(FRONT_LDADD)
BENCHES += tests/bench/bench_vsock
tests_bench_bench_vsock_LDADD = $(FRONT_LDADD)
EXTRA_DIST += tests/bench/peer_vsock.sh
FUZZERS += tests/fuzz/fuzz_vsock
tests_fuzz_fuzz_vsock_SOURCES = tests/fuzz/fuzz_vsock.c $(FUZZ_MAIN)
tests_fuzz_fuzz_vsock_LDFLAGS = $(FUZZ_LINK)
dist_man_MANS += man/avsim-devices.5
