# SPDX-License-Identifier: Apache-2.0
"""Clients of avsim's services by python3-grpcio, as a guest has them: what each
asks for and what must come back. The way a channel takes is the test's."""
import os
import sys
import time

import kit
from guest import SLOW, Skip

sys.path.insert(0, os.path.join(kit.TOP, "tests", "services"))
import protos  # noqa: E402

PROTOS = ("vhal_aidl", "vhal_hidl", "vhal_hidl_types", "dumpstate", "tracing",
          "perfetto_config")
SPEED, TEMP, LEFT = 0x11600207, 0x15600503, 0x31


def modules(folder, *others):
    """Have Python modules of the protos used here, and of @others, to import;
    grpc."""
    try:
        protos.make(folder, *PROTOS, *others)
        import grpc
    except ImportError as e:
        raise Skip("no python3-grpcio: %s" % e)
    return grpc


def vhal_of_android_14_and_later(channel, speed_is=lambda v: True):
    """The configuration, a set that comes back, and a speed that @speed_is."""
    import vhal_aidl_pb2 as pb
    import vhal_aidl_pb2_grpc as pbg
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.VehicleServerStub(channel)
    configs = list(stub.GetAllPropertyConfig(Empty(), timeout=30 * SLOW))
    assert len(configs) > 50, len(configs)
    events = stub.StartPropertyValuesStream(Empty())
    stub.Subscribe(pb.SubscribeRequest(options=pb.SubscribeOptions(
        prop_id=SPEED, area_ids=[0], sample_rate=10)), timeout=30 * SLOW)
    r = stub.SetValues(pb.VehiclePropValueRequests(requests=[
        pb.VehiclePropValueRequest(request_id=1, value=pb.VehiclePropValue(
            prop=TEMP, area_id=LEFT, float_values=[26.5]))]),
        timeout=30 * SLOW)
    assert r.results[0].status == 0, r
    seen, end = set(), time.monotonic() + 60 * SLOW
    for batch in events:
        for v in batch.values:
            if v.prop == TEMP and v.area_id == LEFT and \
                    v.float_values[:] == [26.5]:
                seen.add("temp")
            if v.prop == SPEED and speed_is(v.float_values[0]):
                seen.add("speed")
        if len(seen) == 2:
            break
        assert time.monotonic() < end, seen
    events.cancel()
    assert seen == {"temp", "speed"}


def vhal_of_android_11_and_12(channel):
    """The configuration, and a set that comes back."""
    import vhal_hidl_pb2 as pb
    import vhal_hidl_pb2_grpc as pbg
    import vhal_hidl_types_pb2 as tpb
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.VehicleServerStub(channel)
    assert len(list(stub.GetAllPropertyConfig(Empty(),
                                              timeout=30 * SLOW))) > 50
    events = stub.StartPropertyValuesStream(Empty())
    r = stub.SetProperty(pb.WrappedVehiclePropValue(
        value=tpb.VehiclePropValue(prop=TEMP, area_id=LEFT,
                                   float_values=[19.5])), timeout=30 * SLOW)
    assert r.status_code == 0, r
    end = time.monotonic() + 60 * SLOW
    for m in events:
        if m.value.prop == TEMP and m.value.float_values[:] == [19.5]:
            break
        assert time.monotonic() < end
    events.cancel()


def dumpstate(channel):
    """What it can be asked for, and what it says of the run."""
    import dumpstate_pb2 as pb
    import dumpstate_pb2_grpc as pbg
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.DumpstateServerStub(channel)
    names = stub.GetAvailableServices(Empty(), timeout=30 * SLOW).service_names
    assert "avsim-status" in names, names
    return names, b"".join(b.buffer for b in stub.GetServiceLogs(
        pb.ServiceLogRequest(service_name="avsim-status"), timeout=30 * SLOW))


def start_tracing(channel):
    """The service's stub, and a session of it."""
    import perfetto_config_pb2 as cpb
    import tracing_pb2 as pb
    import tracing_pb2_grpc as pbg
    stub = pbg.TracingServerStub(channel)
    r = stub.StartTracing(pb.StartTracingRequest(
        host_config=cpb.TraceConfig(write_into_file=True)), timeout=30 * SLOW)
    assert r.is_ok and not r.error_str, r
    return stub, r.session_id
