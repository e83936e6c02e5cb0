# SPDX-License-Identifier: Apache-2.0
"""--host-vsock: avsim as it serves a VMM with the kernel's vhost-vsock. Such a
kernel is the guest's: this avsim runs inside of it, with the host's libraries,
and is reached by AF_VSOCK over the loopback CID. The judge is python3-grpcio on
the host, through a TCP port that a socat of the guest takes to AF_VSOCK."""
import os
import re
import subprocess
import tarfile
import tempfile

import clients
import kit
from guest import SLOW, TOP_BUILD, Skip, free_port

MATRIX = ["x86_64/11"]
PORTS = (9210, 9300, 9310, 9510)  # VHAL, both generations; dumpstate; tracing
DATA = ("scenarios", "sim/vehicles")


def libraries(program):
    """What the dynamic linker would load, the linker itself among it."""
    out = subprocess.run(["ldd", program], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    if out.returncode:
        raise Skip("ldd: " + out.stdout.strip())
    return re.findall(r"(/\S+) \(0x", out.stdout)


def bundle(path):
    """avsim, its libraries and its data, as a tar that is the guest's disk."""
    avsim = os.path.join(TOP_BUILD, "avsim")
    with tarfile.open(path, "w", dereference=True) as tar:
        tar.add(avsim, "avsim")
        for lib in libraries(avsim):
            tar.add(lib, "lib/" + os.path.basename(lib))
        for d in DATA:
            tar.add(os.path.join(kit.TOP, d), "data/" + d)


def setup(t):
    if os.uname().machine != "x86_64":
        raise Skip("the guest is x86_64, this avsim is not")
    t.grpc = clients.modules(tempfile.mkdtemp(dir=t.dir))
    disk = os.path.join(t.dir, "avsim.tar")
    bundle(disk)
    t.port = {p: free_port() for p in PORTS}
    forwards = "".join(",hostfwd=tcp:127.0.0.1:%d-:%d" % (t.port[p], p)
                       for p in PORTS)
    g = t.new_guest(memory_mib=768)
    g.add("-drive", "if=none,id=d0,format=raw,readonly=on,file=" + disk,
          "-device", "virtio-blk-pci,drive=d0",
          "-netdev", "user,id=n0" + forwards,
          "-device", "virtio-net-pci,netdev=n0")
    g.start()
    g.check("mkdir -p /opt && tar xf /dev/vda -C /opt && ip link set lo up && "
            "ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0",
            timeout=60)


def start(t, *options):
    """avsim in the guest; what it says is in /tmp/avsim.txt."""
    ld = [n for n in libraries(os.path.join(TOP_BUILD, "avsim"))
          if os.path.basename(n).startswith("ld-linux")][0]
    t.guest.check(
        "rm -rf /tmp/run; mkdir -m 700 /tmp/run; cd /opt; "
        "AVSIM_DATADIR=/opt/data setsid lib/%s --library-path /opt/lib ./avsim "
        "run --headless --no-record --scenario parking --speed 1 --run-dir "
        "/tmp/run %s </dev/null >/tmp/avsim.txt 2>&1 & echo $! >/tmp/avsim.pid;"
        "for i in $(seq 300); do [ -S /tmp/run/vhal.sock ] && break; sleep 0.1; "
        "done; [ -S /tmp/run/vhal.sock ] || { cat /tmp/avsim.txt; exit 1; }" %
        (os.path.basename(ld), " ".join(options)), timeout=60)


def stop(t):
    t.guest.check("kill $(cat /tmp/avsim.pid); for i in $(seq 100); do "
                  "kill -0 $(cat /tmp/avsim.pid) 2>/dev/null || exit 0; "
                  "sleep 0.1; done; exit 1", timeout=30)


def listening(t):
    return sorted(int(p) for p in re.findall(
        r"v_str\s+LISTEN\s.*?\*:(\d+)", t.guest.check("ss --vsock -l -n")))


def test_nobody_listens_without_the_option(t):
    start(t)
    assert listening(t) == [], t.guest.check("ss --vsock -l -n")
    rc, out = t.guest.run("socat -T 5 - VSOCK-CONNECT:1:9300 </dev/null",
                          timeout=20)
    assert rc != 0, out
    stop(t)


def test_it_listens_at_the_known_ports(t):
    start(t, "--host-vsock")
    assert listening(t) == sorted(PORTS), t.guest.check("ss --vsock -l -n")
    for p in PORTS:
        t.guest.check("(socat TCP-LISTEN:%d,fork,reuseaddr VSOCK-CONNECT:1:%d "
                      ">/dev/null 2>&1 </dev/null &)" % (p, p))
        t.guest.check("for i in $(seq 50); do ss -ltn | grep -q ':%d ' && "
                      "exit 0; sleep 0.1; done; exit 1" % p)


def test_a_peer_gets_settings_of_http2(t):
    """By hand: the preface, and the first frame that comes back."""
    out = t.guest.check(
        r"(printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0'; "
        "sleep 1) | socat -t 2 - VSOCK-CONNECT:1:9300 2>/dev/null | head -c 9 | "
        "od -An -tx1", timeout=30).split()
    assert len(out) == 9 and out[3] == "04", out


def channel(t, port):
    return t.grpc.insecure_channel("127.0.0.1:%d" % t.port[port], options=[
        ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)])


def test_vhal_of_android_14_and_later(t):
    clients.vhal_of_android_14_and_later(channel(t, 9300))


def test_vhal_of_android_11_and_12(t):
    clients.vhal_of_android_11_and_12(channel(t, 9210))


def test_dumpstate_collects(t):
    _, text = clients.dumpstate(channel(t, 9310))
    assert b"parking" in text, text


def test_tracing_starts_and_stops(t):
    stub, session = clients.start_tracing(channel(t, 9510))
    r = stub.StopTracing(session, timeout=30 * SLOW)
    assert r.is_ok, r


def test_it_ends_and_leaves_no_listener(t):
    stop(t)
    assert listening(t) == [], t.guest.check("ss --vsock -l -n")
