# SPDX-License-Identifier: Apache-2.0
"""virtio-scmi: Linux's scmi_iio makes IIO devices of the vehicle's
accelerometer and gyroscope, and what a guest reads is what was recorded.

Of each read, guest and recording must agree in every sample: values to the
quantum, times to the nanosecond, none missing. How long a read takes does not
matter. AVSIM_GUEST_SCMI=full: 60 s of samples at either rate.

A guest that the host starves gets its samples late; where it cannot keep up for
seconds avsim drops some, and counts and records that. Only then a read that
lacks samples is skipped, never for what Linux lost by itself. The guest has one
processor: see avsim-devices(5) about several."""
import base64
import gzip
import os
import re
import struct
import xml.etree.ElementTree as ET

import kit
from guest import Skip
from launch import launch

MATRIX = ["arm64/11", "arm64/10"]
CI = ["arm64/11"]
FULL = os.environ.get("AVSIM_GUEST_SCMI") == "full"
SECONDS = {100: 60 if FULL else 5, 400: 60 if FULL else 10}
NAMES = ("scmi.iio.accel", "scmi.iio.gyro")
QUANTA = {"scmi.iio.accel": 1000, "scmi.iio.gyro": 10000}
HOMES = {"11": "loop", "10": "child"}  # where the device runs
SCENARIO = """name: weave
summary: the car speeds up, brakes and turns all the time
duration: 600s
seed: 1
vehicle: compact-ev
start: { speed: 5 m/s, ignition: on, gear: D }
timeline:
  - every: 9s
    do: [{ throttle: 40 % }, wait: 4s, { throttle: 0 },
         { brake: 15 % }, wait: 3s, { brake: 0 }]
  - every: 7s
    do: [{ steer: { angle: 60 deg, over: 1s } }, wait: 3s,
         { steer: { angle: -60 deg, over: 1s } }]
"""
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
"""


def setup(t):
    drive = os.path.join(t.dir, "weave.yaml")
    with open(drive, "w") as f:
        f.write(SCENARIO)
    t.reads = []  # (sensor, rate, [(t, x, y, z)])
    launch(t, "--scenario", drive, "--linger",
           profile=PROFILE.replace("HOME", HOMES[t.qemu]), ready="scmi0.sock",
           record=os.path.join(t.dir, "run.avrec"))


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
    for name, channel, scale, top in (
            ("scmi.iio.accel", "accel", 0.001, 39226),
            ("scmi.iio.gyro", "anglvel", 0.0001, 87266)):
        part = re.search(r"iio:device\d: %s \(buffer capable\)\n"
                         r"(?:\t\t.*\n)+" % re.escape(name), out)
        assert part, out
        found = re.findall(r"\t\t\t(\S+): +\(input, index: (\d), format: "
                           r"le:S64/64>>0\)\n((?:\t\t\t.*attr.*\n)*)",
                           part.group(0))
        # the HAL wants exactly x, y, z and a time
        assert [(n, i) for n, i, _ in found] == [
            (channel + "_x", "0"), (channel + "_y", "1"), (channel + "_z", "2"),
            ("timestamp", "3")], part.group(0)
        for _, _, attrs in found[:3]:
            value = dict(re.findall(r"attr +\d: (\w+) value: (.*)", attrs))
            assert float(value["scale"]) == scale, attrs
            assert [float(x) for x in value["raw_available"].strip(
                "[]").split()] == [-top, 1, top], attrs
            assert sorted(float(x) for x in value[
                "sampling_frequency_available"].split()) == [
                    12.5, 25, 50, 100, 200, 400], attrs
    # and the last file that matches is the one that the HAL takes
    assert attr(t, "scmi.iio.gyro", "*_scale").split() == ["0.000100000"] * 3


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


def dropped(t):
    """What avsim says, once a second, that it could not get rid of."""
    return max([int(n) for n in re.findall(
        r" dropped=(\d+)", t.car.dump("device:scmi0"))] or [0])


def check_read(t, rows, rate, seconds):
    assert len(rows) == rate * seconds, len(rows)
    for a, b in zip(rows, rows[1:]):
        assert b[0] > a[0], (a, b)
    steps = {b[0] - a[0] for a, b in zip(rows, rows[1:])}
    if steps != {1000000000 // rate} and dropped(t):
        raise Skip("the host gave the guest too little time: %d samples "
                   "dropped and counted" % dropped(t))
    assert steps == {1000000000 // rate}, (steps, lost_by_linux(t))


def read_both(t, rate):
    n = SECONDS[rate]
    t.guest.check("(%s) & (%s) & wait" %
                  tuple(start_read(t, name, rate, n) for name in NAMES),
                  timeout=30 + 3 * n)
    for name in NAMES:
        check_read(t, fetch(t, name, rate), rate, n)


def test_buffered_reads_at_100_hz(t):
    read_both(t, 100)


def test_both_at_400_hz(t):
    read_both(t, 400)


def test_iio_readdev_streams(t):
    out = t.guest.check(
        "iio_attr -q -d scmi.iio.gyro sampling_frequency >/dev/null 2>&1; "
        "iio_readdev -T 60000 -b 100 -s 1000 scmi.iio.gyro 2>/tmp/err "
        ">/tmp/scmi.iio.gyro; cat /tmp/err", timeout=90)
    rows = fetch(t, "scmi.iio.gyro", 400)
    assert len(rows) == 1000, (len(rows), out)


def test_a_reboot_in_the_middle_of_a_read(t):
    """QEMU says no more of it than of a pause."""
    t.guest.check("(%s) >/dev/null 2>&1 </dev/null & sleep 2" %
                  start_read(t, NAMES[0], 400, 1000))
    t.guest.reboot()
    test_scmi_iio_makes_both_devices(t)
    test_a_single_read_shows_the_mounting(t)
    read_both(t, 100)


def test_the_recording_has_what_the_guest_read(t):
    assert t.car.stop(60) == 0
    lost = dropped(t)
    for name, rate, rows in t.reads:
        known = recorded(t, name)
        within = [k for k in known if rows[0][0] <= k <= rows[-1][0]]
        assert 0 <= len(within) - len(rows) <= lost, (
            name, rate, len(within), len(rows), lost)
        for ns, *xyz in rows:
            assert known[ns] == xyz, (name, rate, ns, known.get(ns), xyz)
    commands = t.car.dump("command:*")
    assert "sensor-rate" in commands, commands[:400]


def hal_axes(name, kind):
    """What trout's sensors HAL makes of (x, y, z) by the vehicle's file."""
    path = os.path.join(kit.TOP, "sim/vehicles/compact-ev",
                        "sensor_hal_configuration.xml")
    module = next(m for m in ET.parse(path).getroot().iter("module")
                  if m.get("halName") ==
                  "android.hardware.sensors@2.0-Google-IIO-Subhal")
    sensor = next(s for s in module.iter("sensor")
                  if s.get("name") == name and s.get("type") == str(kind))
    turn = sensor.find("configuration/orientation")
    assert turn.get("rotate") == "true"
    how = [(int(turn.find(a).get("map")), turn.find(a).get("negate") == "true")
           for a in "xyz"]
    return lambda v: [(-v[i] if negate else v[i]) / QUANTA[name]
                      for i, negate in how]


def alike(rows, axis, turn, signal, factor):
    """Slope and correlation of an axis of the HAL with a signal of the car,
    both as means of 0.5 s; and the mean of the axis."""
    bins, i = {}, 0
    for ns, *xyz in rows:
        ns -= 15000000  # the sensors' delay, see sim/sensors/imu.h
        while i + 1 < len(signal) and signal[i + 1][0] <= ns:
            i += 1
        bins.setdefault(ns // 500000000, []).append(
            (turn(xyz)[axis], signal[i][1] * factor))
    pairs = [[sum(c) / len(c) for c in zip(*b)] for b in bins.values()]
    n = len(pairs)
    my, mx = [sum(c) / n for c in zip(*pairs)]
    sxx = sum((x - mx) ** 2 for _, x in pairs)
    syy = sum((y - my) ** 2 for y, _ in pairs)
    sxy = sum((y - my) * (x - mx) for y, x in pairs)
    return sxy / sxx, sxy / (sxx * syy) ** 0.5, my


def test_the_hal_makes_the_cars_motion_of_it(t):
    """Right, ahead and up of the car, out of the guest's raw values and the
    configuration file, against speed and yaw rate on the CAN bus."""
    deg = 3.141592653589793 / 180
    reads = {name: rows for name, rate, rows in t.reads if rate == 400 and
             len(rows) > 1000}
    acc, gyr = (reads[n] for n in NAMES)
    of_acc, of_gyr = hal_axes(NAMES[0], 1), hal_axes(NAMES[1], 4)
    car = "Vehicle.Acceleration."
    for rows, axis, turn, path, factor in (
            (acc, 0, of_acc, car + "Lateral", -1),  # right, and left
            (acc, 1, of_acc, car + "Longitudinal", 1),
            (gyr, 2, of_gyr, "Vehicle.AngularVelocity.Yaw", deg)):
        slope, together, _ = alike(rows, axis, turn, signal(t, path), factor)
        assert 0.8 < slope < 1.25 and together > 0.95, (path, slope, together)
    up = alike(acc, 2, of_acc, signal(t, car + "Longitudinal"), 1)[2]
    assert 9.6 < up < 10.0, up


def signal(t, path):
    """[(ns, value)]"""
    return [(ns, v[0]) for ns, v in channel(t, "signal:" + path)]


def channel(t, only):
    """[(ns, [values])]"""
    out = []
    for line in t.car.dump(only).splitlines():
        at, _, _, *v = line.split("\t")
        s, frac = at.split(".")
        out.append((int(s) * 10**9 + int(frac), [float(x) for x in v]))
    return out


def recorded(t, name):
    """ns -> quanta, of the recording's channel imu."""
    return {ns: [round(x * QUANTA[name]) for x in v]
            for ns, v in channel(t, "imu:" + name)}
