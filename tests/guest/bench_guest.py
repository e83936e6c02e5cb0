#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-guest: avsim's net and blk against QEMU's own, seen from one
Linux guest that has both, in turns; medians.

  bench_guest.py [ARCH/QEMU]        default x86_64/11

net: iperf3 for two seconds each way, host's server on its loopback, through
avsim's slirp and through -netdev user. blk: fio, 4 KiB at random places, queue
depth 1 and 16, each on a file of its own in the page cache. Emulated guests
are slow: most of both figures is the guest's own work."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from guest import SLOW, GuestError, Unavailable, free_port  # noqa: E402
from run import Run  # noqa: E402

ROUNDS = 5
DISK_MIB = 64
NET_S, BLK_S = 2, 2


def row(name, values, unit, goal, peers):
    """As bench_row() of tests/bench/bench.h."""
    value, peer = statistics.median(values), statistics.median(peers)
    ratio = value / peer if peer else 0
    print("%-38s %22s  %-10s %-40s %9.3g  %s" % (
        name, "%.4g %s" % (value, unit), ">= %.1fx" % goal,
        "QEMU's own %.4g" % peer, ratio,
        "PASS" if ratio >= goal else "MISS"), flush=True)


def iperf(t, server, router, back):
    """Mbit/s as the receiver saw them."""
    port = free_port()
    p = subprocess.Popen([server, "-s", "-1", "-p", str(port)],
                         stdout=subprocess.DEVNULL)
    command = "iperf3 -J -c %s -p %d -t %d%s" % (router, port, NET_S,
                                                 " -R" if back else "")
    stop = time.monotonic() + 30 * SLOW
    try:
        while True:
            rc, out = t.guest.run(command, timeout=30)
            if rc == 0:
                break
            if time.monotonic() > stop:
                raise GuestError("%s: %s" % (command, out[-300:]))
            time.sleep(0.2)
    finally:
        p.kill()
        p.wait()
    end = json.loads(out[out.index("{"):])["end"]
    return end["sum_received"]["bits_per_second"] / 1e6


def fio(t, disk, write, depth):
    """Requests a second."""
    out = t.guest.check(
        "fio --name=b --filename=/dev/%s --direct=1 --bs=4k --rw=%s "
        "--ioengine=libaio --iodepth=%d --runtime=%d --time_based "
        "--output-format=terse" %
        (disk, "randwrite" if write else "randread", depth, BLK_S),
        timeout=30 + BLK_S)
    fields = [s for s in out.splitlines() if s.startswith("3;")][0].split(";")
    return float(fields[48 if write else 7])


def by_serial(t, serial):
    return t.guest.check("cd /sys/block; for d in vd*; do [ \"$(cat "
                         "$d/serial)\" = %s ] && echo $d; done; true" %
                         serial).strip()


def by_mac(t, mac):
    return t.guest.check("cd /sys/class/net; grep -l %s */address" %
                         mac).strip().split("/")[0]


def setup(t):
    for name in ("avsim.raw", "qemu.raw"):
        with open(os.path.join(t.dir, name), "wb") as f:
            f.write(b"\x5a" * (DISK_MIB << 20))
    t.car = t.avsim("--scenario", "idle", "--linger", "--device",
                    "net,net=10.0.3.0/24", "--device", "disk:blk,serial=AVSIM,"
                    "file=" + os.path.join(t.dir, "avsim.raw")
                    ).start("net.sock", "disk.sock")
    g = t.new_guest(extras=("fio",))
    g.vhost("net", t.car.sock("net.sock"), ",mac=52:54:00:00:00:01")
    g.vhost("blk", t.car.sock("disk.sock"))
    g.add("-netdev", "user,id=own", "-device",
          "virtio-net-pci,netdev=own,mac=52:54:00:00:00:02",
          "-drive", "if=none,id=own-disk,format=raw,file=" +
          os.path.join(t.dir, "qemu.raw"),
          "-device", "virtio-blk-pci,drive=own-disk,serial=QEMU")
    g.start()
    for mac, net in (("52:54:00:00:00:01", 3), ("52:54:00:00:00:02", 2)):
        dev = by_mac(t, mac)
        g.check("ip link set %s up; ip addr add 10.0.%d.15/24 dev %s" %
                (dev, net, dev))


def bench_net(t):
    server = shutil.which("iperf3")
    if not server:
        print("net: no iperf3 on the host: apt-get install iperf3")
        return
    for back, name in ((False, "iperf3, guest to host"),
                       (True, "iperf3, host to guest")):
        v = {"10.0.3.2": [], "10.0.2.2": []}
        for _ in range(ROUNDS):
            for router in v:
                v[router].append(iperf(t, server, router, back))
        row(name, v["10.0.3.2"], "Mbit/s", 1.0, v["10.0.2.2"])


def bench_blk(t):
    disks = [by_serial(t, "AVSIM"), by_serial(t, "QEMU")]
    for write in (False, True):
        for depth in (1, 16):
            v = {d: [] for d in disks}
            for _ in range(ROUNDS):
                for d in disks:
                    v[d].append(fio(t, d, write, depth))
            row("4 KiB random %s, depth %d" %
                ("write" if write else "read", depth),
                v[disks[0]], "/s", 0.9, v[disks[1]])


def main(argv):
    arch, qemu = (argv[0] if argv else "x86_64/11").split("/")
    folder = tempfile.mkdtemp(prefix="avg-")
    t = Run(arch, qemu, folder)
    print("== guest, %s, QEMU %s\n%-38s %22s  %-10s %-40s %9s" % (
        arch, qemu, "figure", "value", "goal", "peer, same run", "ratio"))
    try:
        setup(t)
        bench_net(t)
        bench_blk(t)
    except Unavailable as e:
        print("skipped: %s" % e)
    finally:
        t.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
