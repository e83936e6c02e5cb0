# SPDX-License-Identifier: Apache-2.0
"""virtio-scmi: Linux's scmi_iio makes IIO devices of the vehicle's
accelerometer and gyroscope, and what a guest reads is what was recorded.

Of each read, guest and recording must agree in every sample: values to the
quantum, times to the nanosecond, none missing. How long a read takes does not
matter. AVSIM_GUEST_SCMI=full: 60 s of samples at either rate.

The guest has one processor: Linux moves samples from the interrupt to a worker
through a queue of some 50, and where a loaded host holds up the worker's
processor alone for 60 ms, it drops what comes meanwhile."""
import base64
import gzip
import os
import struct
import subprocess

import kit
from guest import SLOW, TOP_BUILD, Guest

MATRIX = ["arm64/11", "arm64/10"]
CI = ["arm64/11"]
FULL = os.environ.get("AVSIM_GUEST_SCMI") == "full"
SECONDS = {100: 60 if FULL else 5, 400: 60 if FULL else 10}
NAMES = ("scmi.iio.accel", "scmi.iio.gyro")
QUANTA = {"scmi.iio.accel": 1000, "scmi.iio.gyro": 10000}
HOMES = {"11": "loop", "10": "child"}  # where the device runs
PROFILE = """guest: scmi
summary: "Linux of the guest kit with motion sensors"
proven: this test
arch: arm64
accel: tcg
machine: virt
cpu: cortex-a57
cpus: 1
memory: 512M
kernel: ${kit}/kernel-arm64
initrd: ${kit}/initrd-arm64.cpio
cmdline: console=ttyAMA0 quiet panic=-1
devices:
  scmi0: {home: HOME}
qemu-args:
  - -chardev
  - socket,id=agent,path=${run}/agent.sock,server=on,wait=off
  - -device
  - virtio-serial-pci,id=agentbus
  - -device
  - virtserialport,bus=agentbus.0,chardev=agent,name=agent
"""


def setup(t):
    current = os.path.join(t.dir, "kit", "current")
    os.makedirs(current)
    os.symlink(kit.kernel(t.arch), os.path.join(current, "kernel-" + t.arch))
    os.symlink(kit.initrd(t.arch),
               os.path.join(current, "initrd-%s.cpio" % t.arch))
    path = os.path.join(t.dir, "scmi.yaml")
    with open(path, "w") as f:
        f.write(PROFILE.replace("HOME", HOMES[t.qemu]))
    t.recording = os.path.join(t.dir, "run.avrec")
    t.reads = []  # (sensor, rate, [(t, x, y, z)])
    t.car = t.avsim("--scenario", "city-drive", "--linger", "--guest", path,
                    record=t.recording,
                    env={"AVSIM_GUEST_CACHE": os.path.join(t.dir, "kit"),
                         "AVSIM_QEMU": kit.qemu(t.qemu, t.arch),
                         "XDG_CACHE_HOME": os.path.join(t.dir, "cache")})
    t.car.start("scmi0.sock")
    t.guest = Guest(t.arch, t.qemu)
    t.closing.append(t.guest.kill)
    t.guest.attach(t.car.sock("agent.sock"))


def device(t, name):
    return t.guest.check("grep -l '^%s$' /sys/bus/iio/devices/*/name" %
                         name).strip()[:-len("/name")]


def attr(t, name, pattern):
    return t.guest.check("cat %s/%s" % (device(t, name), pattern)).strip()


def test_scmi_iio_makes_both_devices(t):
    out = t.guest.check("cat /sys/bus/iio/devices/iio:device*/name")
    assert sorted(out.split()) == list(NAMES), out
    log = t.guest.check("dmesg | grep -i scmi")
    assert "avsim" in log, log


def test_iio_info_shows_scale_range_and_rates(t):
    out = t.guest.check("iio_info", timeout=60)
    for name in NAMES:
        assert name in out, out
    for name, scale, top in (("scmi.iio.accel", "0.001", "39226"),
                             ("scmi.iio.gyro", "0.0001", "87266")):
        part = out[out.index(name):].split("iio:device")[0]
        assert "sampling_frequency_available" in part, part
        got = [float(x) for x in attr(
            t, name, "*sampling_frequency_available").split()]
        assert sorted(got) == [12.5, 25, 50, 100, 200, 400], got
        scales = attr(t, name, "*_scale").split()
        assert set(float(s) for s in scales) == {float(scale)}, scales
        raw = attr(t, name, "*raw_available").strip("[] \n").split()
        assert [float(x) for x in raw] == [-int(top), 1, int(top)], raw
        # the HAL wants exactly x, y, z and a time
        scan = attr(t, name, "scan_elements/*_index").split()
        assert sorted(scan) == ["0", "1", "2", "3"], scan
        assert set(attr(t, name, "scan_elements/*_type").split()) == \
            {"le:s64/64>>0"}, part


def test_a_single_read_shows_the_mounting(t):
    # reference configuration: rotate, x from 0, y from 1 and z from 2 negated;
    # raw z is down, so what the HAL makes of it is gravity upward
    z = int(attr(t, "scmi.iio.accel", "in_accel_z_raw"))
    assert 9000 < -z < 10600, z


START = """
cd %(dev)s
for e in scan_elements/*_en; do echo 1 >$e; done
echo %(rate)d >$(ls -d *sampling_frequency | head -n 1)
echo 16384 >buffer/length
echo %(wake)d >buffer/watermark
echo 1 >buffer/enable
dd if=/dev/$(basename %(dev)s) of=/tmp/%(name)s bs=%(block)d \
count=%(blocks)d iflag=fullblock 2>/dev/null
echo 0 >buffer/enable
"""


def start_read(t, name, rate, seconds):
    wake = rate // 10
    return START % {"dev": device(t, name), "name": name, "rate": rate,
                    "wake": wake, "block": 32 * wake, "blocks": 10 * seconds}


def fetch(t, name, rate):
    text = t.guest.check("gzip -c /tmp/%s | base64; rm /tmp/%s" % (name, name),
                         timeout=120)
    data = gzip.decompress(base64.b64decode(text))
    rows = [(r[3], r[0], r[1], r[2]) for r in struct.iter_unpack("<4q", data)]
    t.reads.append((name, rate, rows))
    return rows


def lost_by_linux(t):
    """Not 0: samples found Linux's queue full; it seems to tell of at most ten
    in 5 s."""
    return int(t.guest.run("dmesg | grep -c 'queue full'")[1].split()[0])


def check_read(t, rows, rate, seconds):
    assert len(rows) == rate * seconds, len(rows)
    for a, b in zip(rows, rows[1:]):
        assert b[0] > a[0], (a, b)
    # after the first few, which a driver may get at the old rate, in step
    late = rows[rate // 10:]
    steps = {b[0] - a[0] for a, b in zip(late, late[1:])}
    assert steps == {1000000000 // rate}, (steps, lost_by_linux(t))


def test_buffered_reads_at_100_hz(t):
    n = SECONDS[100]
    t.guest.check(start_read(t, "scmi.iio.accel", 100, n),
                  timeout=30 + 3 * n)
    check_read(t, fetch(t, "scmi.iio.accel", 100), 100, n)


def test_both_at_400_hz(t):
    n = SECONDS[400]
    t.guest.check("(%s) & (%s) & wait" %
                  tuple(start_read(t, name, 400, n) for name in NAMES),
                  timeout=30 + 3 * n)
    for name in NAMES:
        check_read(t, fetch(t, name, 400), 400, n)


def test_iio_readdev_streams(t):
    out = t.guest.check(
        "iio_attr -q -d scmi.iio.gyro sampling_frequency >/dev/null 2>&1; "
        "iio_readdev -T 60000 -b 100 -s 1000 scmi.iio.gyro 2>/tmp/err "
        ">/tmp/scmi.iio.gyro; cat /tmp/err", timeout=90)
    rows = fetch(t, "scmi.iio.gyro", 400)
    assert len(rows) == 1000, (len(rows), out)


def test_the_recording_has_what_the_guest_read(t):
    health = [line for line in t.car.ctl("status").splitlines()
              if "scmi0" in line]
    assert t.car.stop(60) == 0
    out = subprocess.run([os.path.join(TOP_BUILD, "avsim"), "dump", "--only",
                          "device:scmi0", t.recording], text=True, check=True,
                         stdout=subprocess.PIPE, env=t.car.env).stdout
    assert " dropped=0" in out.strip().splitlines()[-1], (out[-600:], health)
    for name, rate, rows in t.reads:
        known = recorded(t, name)
        within = [k for k in known if rows[0][0] <= k <= rows[-1][0]]
        assert len(within) == len(rows), (name, rate, len(within), len(rows))
        for ns, *xyz in rows:
            assert known[ns] == xyz, (name, rate, ns, known.get(ns), xyz)
    commands = dump(t, "command:*")
    assert "sensor-rate" in commands, commands[:400]


def dump(t, only):
    return subprocess.run([os.path.join(TOP_BUILD, "avsim"), "dump", "--only",
                           only, t.recording], text=True, check=True,
                          stdout=subprocess.PIPE, env=t.car.env,
                          timeout=300 * SLOW).stdout


def recorded(t, name):
    """ns -> quanta, of the recording's channel imu."""
    known = {}
    for line in dump(t, "imu:" + name).splitlines():
        at, _, _, *v = line.split("\t")
        s, frac = at.split(".")
        known[int(s) * 10**9 + int(frac)] = [round(float(x) * QUANTA[name])
                                             for x in v]
    return known
