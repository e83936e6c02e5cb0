# SPDX-License-Identifier: Apache-2.0
"""avsim's services over AF_VSOCK, as a guest's HALs reach them: every byte goes
from a client on the host into the guest, and from there by socat's AF_VSOCK to
the service (or, for audio focus, from avsim to a server in the guest).
Judged by python3-grpcio."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from guest import SLOW, TOP_BUILD, Skip
import kit

sys.path.insert(0, os.path.join(kit.TOP, "tests", "services"))

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["x86_64/11", "arm64/10"]
PROTOS = ("vhal_aidl", "vhal_hidl", "vhal_hidl_types", "dumpstate", "tracing",
          "perfetto_config", "audio_focus", "control")
SPEED, TEMP, LEFT = 0x11600207, 0x15600503, 0x31
BACK = 7777  # where the guest's audio control is played, on the host

SCENARIO = """name: audio
summary: parking, with a sound of the car now and then
duration: 600s
vehicle: compact-ev
start: { gear: P, ignition: on, outside_temp: 5 degC, cabin_temp: 15 degC }
timeline:
  - at: 500ms
    do: { speed: { to: 30 km/h } }
  - every: 2s
    do: { audio-focus: { do: acquire, usage: announcement, duck: true, for: 1s } }
"""


def stubs(folder):
    try:
        import grpc
        from grpc_tools import protoc
    except ImportError as e:
        raise Skip("no python3-grpcio: %s" % e)
    src = os.path.join(kit.TOP, "sim/services/proto")
    assert protoc.main(["protoc", "-I" + src, "--python_out=" + folder,
                        "--grpc_python_out=" + folder] +
                       ["%s/%s.proto" % (src, p) for p in PROTOS]) == 0
    sys.path.insert(0, folder)
    return grpc


def pipe(a, b):
    try:
        while True:
            d = a.recv(1 << 16)
            if not d:
                break
            b.sendall(d)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Tunnel:
    """A unix socket for gRPC clients; each connection goes to a port of the
    guest by the hybrid socket, where socat takes it to the host's port."""

    def __init__(self, t, path, port):
        self.hybrid, self.port = t.hybrid, port
        t.guest.check("(socat VSOCK-LISTEN:%d,fork VSOCK-CONNECT:2:%d "
                      ">/dev/null 2>&1 </dev/null &)" % (20000 + port, port))
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(path)
        self.s.listen(16)
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            c, _ = self.s.accept()
            for _ in range(50):
                g = socket.socket(socket.AF_UNIX)
                g.connect(self.hybrid)
                g.sendall(b"CONNECT %d\n" % (20000 + self.port))
                line = b""
                while not line.endswith(b"\n"):
                    b = g.recv(1)
                    if not b:
                        break
                    line += b
                if line.startswith(b"OK "):
                    break
                time.sleep(0.1)  # socat does not listen yet
            for x, y in ((c, g), (g, c)):
                threading.Thread(target=pipe, args=(x, y),
                                 daemon=True).start()


def setup(t):
    t.proto = tempfile.mkdtemp(dir=t.dir)
    t.grpc = stubs(t.proto)
    scenario = os.path.join(t.dir, "audio.yaml")
    with open(scenario, "w") as f:
        f.write(SCENARIO)
    t.record = os.path.join(t.dir, "run.avrec")
    t.capture = os.path.join(t.dir, "c.pcapng")
    t.car = t.avsim(scenario, "--speed", "1", "--device", "vsock0",
                    "--capture", t.capture, "--capture-only", "vsock",
                    "--audio-focus", "vsock:3:9410",
                    record=t.record).start("vsock0.sock", "vsock.sock")
    t.hybrid = t.car.sock("vsock.sock")
    g = t.new_guest()
    g.vhost("vsock", t.car.sock("vsock0.sock"))
    g.start()


def channel(t, port):
    path = os.path.join(t.dir, "t%d.sock" % port)
    t.tunnel = Tunnel(t, path, port)
    return t.grpc.insecure_channel("unix:" + path, options=[
        ("grpc.use_local_subchannel_pool", 1)])


def test_tracing_starts(t):
    """The session is fetched when the others have made something to see."""
    import perfetto_config_pb2 as cpb
    import tracing_pb2 as pb
    import tracing_pb2_grpc as pbg
    t.tracing = pbg.TracingServerStub(channel(t, 9510))
    r = t.tracing.StartTracing(pb.StartTracingRequest(
        host_config=cpb.TraceConfig(write_into_file=True)), timeout=30 * SLOW)
    assert r.is_ok and not r.error_str, r
    t.session = r.session_id


def test_vhal_of_android_14_and_later(t):
    import vhal_aidl_pb2 as pb
    import vhal_aidl_pb2_grpc as pbg
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.VehicleServerStub(channel(t, 9300))
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
    seen, stop = set(), time.monotonic() + 60 * SLOW
    for batch in events:
        for v in batch.values:
            if v.prop == TEMP and v.area_id == LEFT and \
                    v.float_values[:] == [26.5]:
                seen.add("temp")
            if v.prop == SPEED and v.float_values[0] > 1:
                seen.add("speed")
        if len(seen) == 2:
            break
        assert time.monotonic() < stop, seen
    events.cancel()
    assert seen == {"temp", "speed"}


def test_vhal_of_android_11_and_12(t):
    import vhal_hidl_pb2 as pb
    import vhal_hidl_pb2_grpc as pbg
    import vhal_hidl_types_pb2 as tpb
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.VehicleServerStub(channel(t, 9210))
    assert len(list(stub.GetAllPropertyConfig(Empty(),
                                              timeout=30 * SLOW))) > 50
    events = stub.StartPropertyValuesStream(Empty())
    r = stub.SetProperty(pb.WrappedVehiclePropValue(
        value=tpb.VehiclePropValue(prop=TEMP, area_id=LEFT,
                                   float_values=[19.5])), timeout=30 * SLOW)
    assert r.status_code == 0, r
    stop = time.monotonic() + 60 * SLOW
    for m in events:
        if m.value.prop == TEMP and m.value.float_values[:] == [19.5]:
            break
        assert time.monotonic() < stop
    events.cancel()


def test_dumpstate_collects(t):
    import dumpstate_pb2 as pb
    import dumpstate_pb2_grpc as pbg
    from google.protobuf.empty_pb2 import Empty
    stub = pbg.DumpstateServerStub(channel(t, 9310))
    names = stub.GetAvailableServices(Empty(), timeout=30 * SLOW).service_names
    assert "avsim-status" in names and "avsim-devices" in names, names
    text = b"".join(b.buffer for b in stub.GetServiceLogs(
        pb.ServiceLogRequest(service_name="avsim-status"), timeout=30 * SLOW))
    assert b"audio" in text, text


def test_tracing_collects(t):
    from perfetto_trace import Trace
    r = t.tracing.StopTracing(t.session, timeout=30 * SLOW)
    assert r.is_ok, r
    data = b"".join(b.buffer for b in t.tracing.GetTracingFile(
        t.session, timeout=60 * SLOW))
    trace = Trace(data)
    root = trace.root
    speed = trace.counters[root + "/vhal/PERF_VEHICLE_SPEED"]
    assert max(v for _, v in speed) > 1, speed[-10:]
    calls = {s.name: s.args for w, v in trace.slices.items()
             if w.startswith(root + "/services/") for s in v}
    assert {"SetValues", "SetProperty", "GetServiceLogs"} <= set(calls), calls
    assert "cid 3" in calls["SetValues"]["peer"], calls
    assert any("26.5" in n for _, n, _ in
               trace.instants[root + "/commands/guest"])
    assert trace.counters[root + "/devices/vsock0/requests"]


def test_audio_focus_reaches_a_server_in_the_guest(t):
    import audio_focus_pb2 as pb
    import audio_focus_pb2_grpc as pbg
    from audio_guest import MAY_DUCK, AudioGuest
    guest = AudioGuest(pb, pbg, "unix:%s_%d" % (t.hybrid, BACK))
    t.guest.check("(socat VSOCK-LISTEN:9410,fork VSOCK-CONNECT:2:%d "
                  ">/dev/null 2>&1 </dev/null &)" % BACK)
    guest.wait(lambda: any(c[1] == "gain" and c[4] == MAY_DUCK
                           for c in guest.changes), 40 * SLOW)
    guest.wait(lambda: any(c[1] == "abandon" for c in guest.changes),
               40 * SLOW)
    guest.stop()


def test_the_run_replays_without_the_guest(t):
    """Last: ends avsim. What the guest set is in the recording."""
    t.car.stop()
    avsim = os.path.join(TOP_BUILD, "avsim")
    env = dict(os.environ, AVSIM_DATADIR=kit.TOP)
    out = subprocess.run([avsim, "replay", t.record, "--speed", "max"],
                         text=True, stdin=subprocess.DEVNULL, env=env,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert out.returncode == 0, out.stdout
    assert "as recorded" in out.stdout, out.stdout
    dump = subprocess.run([avsim, "dump", t.record, "--only", "command:*"],
                          text=True, stdout=subprocess.PIPE, env=env).stdout
    assert "guest" in dump and "26.5" in dump and "19.5" in dump, dump


def test_wireshark_decodes_the_capture(t):
    """After the run has ended: gRPC inside of vsock, by our Lua script."""
    if not shutil.which("tshark"):
        raise Skip("no tshark")
    script = os.path.join(kit.TOP, "recordings", "vsock_http2.lua")

    def tshark(*args):
        p = subprocess.run(["tshark", "-X", "lua_script:" + script, "-r",
                            t.capture] + list(args), text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 0, p.stderr
        return p.stdout
    paths = tshark("-Y", "http2.headers.path", "-T", "fields", "-e",
                   "http2.headers.path")
    assert "VehicleServer/SetValues" in paths, paths
    assert "VehicleServer/SetProperty" in paths, paths
    assert "DumpstateServer" in paths, paths
    assert tshark("-Y", "_ws.malformed") == ""
