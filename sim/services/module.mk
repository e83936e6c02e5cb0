# SPDX-License-Identifier: Apache-2.0
# gRPC and what speaks it. The code for the messages is generated; it is not
# ours to lint, so it has a library and flags of its own.
PROTO_DIR = sim/services/proto
PROTOS = \
	audio_focus \
	control \
	dumpstate \
	google/protobuf/empty \
	perfetto_config \
	reflection \
	tracing \
	vhal_aidl \
	vhal_hidl \
	vhal_hidl_types
PROTO_GEN_C = $(PROTOS:%=$(PROTO_DIR)/%.pb-c.c)
PROTO_GEN_H = $(PROTOS:%=$(PROTO_DIR)/%.pb-c.h)

noinst_LIBRARIES += libavproto.a
nodist_libavproto_a_SOURCES = \
	sim/services/proto/audio_focus.pb-c.c \
	sim/services/proto/control.pb-c.c \
	sim/services/proto/dumpstate.pb-c.c \
	sim/services/proto/google/protobuf/empty.pb-c.c \
	sim/services/proto/perfetto_config.pb-c.c \
	sim/services/proto/reflection.pb-c.c \
	sim/services/proto/tracing.pb-c.c \
	sim/services/proto/vhal_aidl.pb-c.c \
	sim/services/proto/vhal_hidl.pb-c.c \
	sim/services/proto/vhal_hidl_types.pb-c.c
libavproto_a_CFLAGS = -std=c17 -w
libavproto_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(PROTO_DIR)
AM_CPPFLAGS += -I$(PROTO_DIR) -I$(top_builddir)/$(PROTO_DIR)
protodir = $(pkgdatadir)/proto
nobase_dist_pkgdata_DATA += $(PROTOS:%=$(PROTO_DIR)/%.proto)
BUILT_SOURCES += $(PROTO_GEN_H) $(PROTO_DIR)/descriptors.h
CLEANFILES += $(PROTO_GEN_C) $(PROTO_GEN_H) $(PROTO_DIR)/descriptors.h \
	$(PROTO_DIR)/all.pb

SUFFIXES = .proto .pb-c.c .pb-c.h
.proto.pb-c.c:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && protoc-c -I$(top_srcdir)/$(PROTO_DIR) \
		--c_out=$(PROTO_DIR) $<
.proto.pb-c.h:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && protoc-c -I$(top_srcdir)/$(PROTO_DIR) \
		--c_out=$(PROTO_DIR) $<

# All .proto files as one FileDescriptorSet in C, for server reflection.
$(PROTO_DIR)/descriptors.h: $(PROTOS:%=$(PROTO_DIR)/%.proto)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && protoc -I$(top_srcdir)/$(PROTO_DIR) \
		--include_imports --descriptor_set_out=$(PROTO_DIR)/all.pb \
		$(PROTOS:%=%.proto) && \
	{ echo 'static const unsigned char descriptor_set[] = {'; \
	od -An -v -tx1 $(PROTO_DIR)/all.pb | \
	sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '};'; } >$@.t && mv $@.t $@

libavsim_a_SOURCES += \
	%D%/audio_focus.c %D%/audio_focus.h \
	%D%/audio_sessions.c %D%/audio_sessions.h \
	%D%/bt_host.c %D%/bt_host.h \
	%D%/bt_remote.c %D%/bt_remote.h \
	%D%/control.c %D%/control.h \
	%D%/door.c %D%/door.h \
	%D%/dumpstate.c %D%/dumpstate.h %D%/dumpstate_int.h \
	%D%/dumpstate_config.c %D%/dumpstate_config.h \
	%D%/dumpstate_text.c \
	%D%/emulator_port.c %D%/emulator_port.h \
	%D%/gnss_host.c %D%/gnss_host.h \
	%D%/grpc.h \
	%D%/grpc_call.c \
	%D%/grpc_client.c \
	%D%/grpc_reflect.c %D%/grpc_reflect.h \
	%D%/grpc_server.c %D%/grpc_server_int.h \
	%D%/grpc_wire.c %D%/grpc_wire.h \
	%D%/hands.c %D%/hands.h \
	%D%/nmea_pty.c %D%/nmea_pty.h \
	%D%/power.c %D%/power.h \
	%D%/power_marker.c %D%/power_marker.h \
	%D%/pty.c %D%/pty.h \
	%D%/services.c %D%/services.h \
	%D%/rundir.c %D%/rundir.h \
	%D%/sensor_channel.c %D%/sensor_channel.h \
	%D%/sock.c %D%/sock.h \
	%D%/steer.c %D%/steer.h \
	%D%/stream.h \
	%D%/trace_store.c %D%/trace_store.h \
	%D%/tracing.c %D%/tracing.h \
	%D%/tracing_config.c %D%/tracing_config.h \
	%D%/vhal_aidl.c \
	%D%/vhal_dump.c %D%/vhal_dump.h \
	%D%/vhal_fake.c \
	%D%/vhal_hidl.c %D%/vhal_hidl.h \
	%D%/vhal_service.c %D%/vhal_service.h %D%/vhal_service_int.h

# Garage Mode against a scripted guest.
TESTS += tests/services/test_power.py
EXTRA_DIST += tests/services/test_power.py tests/services/fake_guest_power.py
UNIT_TESTS += tests/unit/test_power
tests_unit_test_power_LDADD = $(CMOCKA_LDADD)
FUZZERS += tests/fuzz/fuzz_dumpstate
tests_fuzz_fuzz_dumpstate_SOURCES = tests/fuzz/fuzz_dumpstate.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dumpstate_LDFLAGS = $(FUZZ_LINK)
FUZZERS += tests/fuzz/fuzz_emulator
tests_fuzz_fuzz_emulator_SOURCES = tests/fuzz/fuzz_emulator.c $(FUZZ_MAIN)
tests_fuzz_fuzz_emulator_LDFLAGS = $(FUZZ_LINK)
UNIT_TESTS += tests/unit/test_sock
tests_unit_test_sock_LDADD = $(CMOCKA_LDADD)
UNIT_TESTS += tests/unit/test_sensor_channel
tests_unit_test_sensor_channel_LDADD = $(CMOCKA_LDADD)
TESTS += tests/services/test_gnss.py
EXTRA_DIST += tests/services/test_gnss.py
TESTS += tests/services/test_audio_focus.py tests/services/test_dumpstate.py \
	tests/services/test_emulator.py tests/services/test_tracing.py
EXTRA_DIST += tests/services/audio_guest.py \
	tests/services/protos.py tests/services/running.py \
	tests/services/perfetto_trace.proto tests/services/perfetto_trace.py \
	tests/services/test_audio_focus.py tests/services/test_dumpstate.py \
	tests/services/test_emulator.py tests/services/test_tracing.py \
	tests/data/dumpstate/mistakes.xml tests/data/dumpstate/sample.xml
BENCHES += tests/bench/bench_grpc
EXTRA_DIST += tests/bench/peer_grpc.cc tests/bench/peer_grpc.sh
CLEANFILES += tests/bench/bench_grpc-peer
