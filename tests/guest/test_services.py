# SPDX-License-Identifier: Apache-2.0
"""avsim's services over AF_VSOCK, as a guest's HALs reach them: every byte goes
from a client on the host into the guest, and from there by socat's AF_VSOCK to
the service (or, for audio focus, from avsim to a server in the guest).
Judged by python3-grpcio."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import clients
import kit
from guest import SLOW, TOP_BUILD, Skip

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["x86_64/11", "arm64/10"]
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
    t.grpc = clients.modules(tempfile.mkdtemp(dir=t.dir), "audio_focus")
    scenario = os.path.join(t.dir, "audio.yaml")
    with open(scenario, "w") as f:
        f.write(SCENARIO)
    t.capture = os.path.join(t.dir, "c.pcapng")
    t.car = t.avsim(scenario, "--speed", "1", "--device", "vsock0",
                    "--capture", t.capture, "--capture-only", "vsock",
                    "--audio-focus", "vsock:3:9410",
                    record=os.path.join(t.dir, "run.avrec"))
    t.car.start("vsock0.sock", "vsock.sock")
    t.hybrid = t.car.sock("vsock.sock")
    g = t.new_guest()
    g.vhost("vsock", t.car.sock("vsock0.sock"))
    g.start()


def channel(t, port):
    path = os.path.join(t.dir, "t%d.sock" % port)
    Tunnel(t, path, port)
    return t.grpc.insecure_channel("unix:" + path, options=[
        ("grpc.use_local_subchannel_pool", 1)])


def virtual(t):
    """Seconds of the run so far."""
    return float(re.search(r"time: +([\d.]+) s", t.car.ctl("status")).group(1))


def test_tracing_starts(t):
    """The session is fetched when the others have made something to see."""
    t.tracing, t.session = clients.start_tracing(channel(t, 9510))
    t.began = virtual(t)


def test_vhal_of_android_14_and_later(t):
    clients.vhal_of_android_14_and_later(channel(t, 9300), lambda v: v > 1)


def test_vhal_of_android_11_and_12(t):
    clients.vhal_of_android_11_and_12(channel(t, 9210))


def test_dumpstate_collects(t):
    names, text = clients.dumpstate(channel(t, 9310))
    assert "avsim-devices" in names, names
    assert b"audio" in text, text


def test_tracing_collects(t):
    from perfetto_trace import Trace
    while virtual(t) < t.began + 2:  # devices tell their figures once a second
        time.sleep(0.1)
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
    out = subprocess.run([os.path.join(TOP_BUILD, "avsim"), "replay",
                          t.car.record, "--speed", "max"],
                         text=True, stdin=subprocess.DEVNULL, env=t.car.env,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert out.returncode == 0, out.stdout
    assert "as recorded" in out.stdout, out.stdout
    dump = t.car.dump("command:*")
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
