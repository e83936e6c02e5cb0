#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DPDK's testpmd with its virtio-user driver against the network device:
packets from it, and datagrams from the host to it through a forward, which
needs it to answer libslirp's ARP. It polls and never asks for interrupts, in
split and packed rings, and sends its features and memory table its own way."""
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import peer

PACKAGES = ["dpdk-dev", "librte-net-virtio23", "librte-bus-vdev23",
            "librte-mempool-ring23"]
DRIVERS = ["librte_bus_vdev", "librte_mempool_ring", "librte_net_virtio"]
LIMIT_S = 60


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Testpmd:
    def __init__(self, root, sock, mode, vdev):
        lib = os.path.join(root, "usr/lib/x86_64-linux-gnu")
        # preloaded, because its own way refuses drivers in /tmp
        pmds = [glob.glob(lib + "/dpdk/pmds-*/%s.so.*" % d)[0] for d in DRIVERS]
        env = dict(os.environ, LD_LIBRARY_PATH=lib,
                   LD_PRELOAD=":".join(pmds),
                   XDG_RUNTIME_DIR=os.path.dirname(sock))
        self.text = ""
        self.p = subprocess.Popen(
            [os.path.join(root, "usr/bin/dpdk-testpmd"), "--no-pci",
             "--no-huge", "-m", "256", "--no-telemetry", "--vdev",
             "net_virtio_user0,path=%s%s" % (sock, vdev), "--",
             "--forward-mode=" + mode, "--stats-period=1",
             "--total-num-mbufs=4096"], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.p.stdout:
            self.text += line

    def counter(self, name):
        """The last that it printed of it; -1 before the first."""
        found = re.findall(name + r":\s*(\d+)", self.text)
        return int(found[-1]) if found else -1

    def wait(self, what, done):
        end = time.monotonic() + LIMIT_S
        while not done():
            if self.p.poll() is not None or time.monotonic() > end:
                print(self.text[-3000:])
                raise AssertionError("testpmd: no " + what)
            time.sleep(0.1)

    def stop(self):
        self.p.send_signal(signal.SIGINT)
        status = self.p.wait(LIMIT_S)
        self.reader.join(LIMIT_S)
        assert status in (0, -signal.SIGINT), self.text[-2000:]


def sends(root, sock, vdev):
    t = Testpmd(root, sock, "txonly", vdev)
    t.wait("packets sent", lambda: t.counter("TX-packets") > 5000)
    t.stop()
    assert t.counter("TX-errors") == 0
    return t.counter("TX-total") if t.counter("TX-packets") < 0 else \
        t.counter("TX-packets")


def receives(root, sock, vdev, port):
    t = Testpmd(root, sock, "icmpecho", vdev)
    t.wait("statistics", lambda: t.counter("RX-packets") >= 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        def more():
            for i in range(50):
                s.sendto(b"%d" % i, ("127.0.0.1", port))
            return t.counter("RX-packets") > 200
        t.wait("datagrams received", more)
    t.stop()
    assert t.counter("RX-errors") == 0
    return t.counter("RX-packets")


def main():
    if os.uname().machine != "x86_64":
        peer.skip("the packages are unpacked for x86_64")
    root = peer.unpacked("dpdk", ["bookworm"], PACKAGES, "**/dpdk-testpmd",
                         closure=True, leave=("libc6", "libdpdk-dev"))
    rings = {"split": "", "packed": ",packed_vq=1",
             "in-order": ",in_order=1,mrg_rxbuf=0"}
    for home in ("loop", "thread", "child"):
        for ring, more in rings.items():
            port = free_udp_port()
            vdev = ",queues=1,queue_size=256" + more
            with peer.device("net", home,
                             forward="udp:%d:7" % port) as sock:
                out = sends(root, sock, vdev)
                back = receives(root, sock, vdev, port)
            print("ok   testpmd net/%s %s: %d packets out, %d in" %
                  (home, ring, out, back))
    return 0


if __name__ == "__main__":
    sys.exit(main())
