#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A recorded drive plays as it was: CAN, motion sensors, positions, one clock.

The scenario rav4 with its bundled seconds, and, where the shared sample data
is, the whole minute. Judged against the files themselves, which this reads on
its own: speeds by the rule of the DBC (message 0x0aa), motion on straight lines
between the rows, fixes row by row. Then the three against each other, by the
recording's time alone.
"""
import bisect
import csv
import os
import sys
import tempfile
from fractions import Fraction

import judge
from judge import TOP, avsim, check

DATA = os.environ.get("AVSIM_SHARED_DATA",
                      os.path.join(TOP, "..", "shared", "data"))


def ns(text):
    return int(Fraction(text) * 10 ** 9)


def dump(rec, only):
    """[(ns, key, [values])]"""
    out = []
    for line in avsim("dump", rec, "--only", only).splitlines():
        f = line.split("\t")
        out.append((ns(f[0]), f[2], f[3:]))
    return out


def rows(path):
    with open(path) as f:
        return list(csv.DictReader(f))


class Line:
    """Values over time (ns), joined by straight lines."""

    def __init__(self, t, v):
        self.t, self.v = t, v

    def at(self, t):
        i = bisect.bisect_left(self.t, t)
        if i < len(self.t) and self.t[i] == t:
            return self.v[i]
        if i in (0, len(self.t)):
            return None
        w = (t - self.t[i - 1]) / (self.t[i] - self.t[i - 1])
        return self.v[i - 1] + w * (self.v[i] - self.v[i - 1])


def read_wheels(path):
    """[(Unix ns, mean speed in m/s)] of the log, and its first stamp on can0."""
    out, first = [], None
    with open(path) as f:
        for line in f:
            stamp, iface, frame = line.split()
            if first is None:
                first = ns(stamp[1:-1])
            if iface == "can0" and frame.startswith("0AA#"):
                d = bytes.fromhex(frame[4:])
                kph = [int.from_bytes(d[i:i + 2], "big") * 0.01 - 67.67
                       for i in range(0, 8, 2)]
                out.append((ns(stamp[1:-1]), sum(kph) / 4 / 3.6))
    return out, first


def check_speed(rec, wheels, zero):
    """Each property is what the last frame before it said."""
    stamps = [t for t, _ in wheels]
    got = dump(rec, "vhal:PERF_VEHICLE_SPEED")
    span = (stamps[-1] - zero) / 1e9
    n = 0
    for t, _, v in got:
        i = bisect.bisect_right(stamps, t + zero) - 1
        if i >= 0 and v[0] != "unavailable":
            check(abs(float(v[0]) - wheels[i][1]) < 1e-5, "speed at", t, v,
                  wheels[i][1])
            n += 1
    check(n > 9.5 * span, n, "speeds in", span, "s")
    return n


def check_imu(rec, sensor, path, cols, quantum, zero):
    """Chip axes are right, ahead, up; the file's ahead, right, down."""
    r = rows(path)
    t = [ns(x["unix_time_s"]) - zero for x in r]
    ahead, right, down = (Line(t, [float(x[c]) for x in r]) for c in cols)
    n = worst = 0
    for at, _, v in dump(rec, "imu:" + sensor):
        want = (right.at(at), ahead.at(at), down.at(at))
        if want[0] is None:
            check(at > t[-1] or at < t[0], sensor, "at", at, "out of nothing")
            continue
        for g, w in zip(v, (want[0], want[1], -want[2])):
            worst = max(worst, abs(float(g) - w))
        n += 1
    check(worst <= quantum, sensor, "off by", worst)
    check(n > 0, "no samples of", sensor)
    return n, worst


def check_fixes(rec, path, zero, end):
    names = ("latitude_deg", "longitude_deg", "altitude_m", "speed_mps",
             "bearing_deg")
    want = [(ns(x["unix_receive_time_s"]) - zero, int(x["utc_fix_time_ms"]),
             *(float(x[c]) for c in names)) for x in rows(path)]
    want = [w for w in want if 0 <= w[0] <= end]
    got = dump(rec, "gnss:fix/GPS")
    check(len(got) == len(want), len(got), "fixes, want", len(want))
    for (t, _, v), w in zip(got, want):
        check(t == w[0] and int(v[0]) == w[1], "fix at", t, v[0], w)
        have = [float(v[i]) for i in (1, 2, 3, 5, 6)]
        check(have == list(w[2:]), "fix", have, w)
    return got


def check_together(rec, fixes, epoch_ns, speed_bound, change_bound):
    """What the three say of the same moment, by the recording alone."""
    r = dump(rec, "signal:Vehicle.Speed")
    wheels = Line([t for t, _, _ in r], [float(v[0]) / 3.6 for _, _, v in r])
    worst = 0
    for _, _, v in fixes:  # a fix is of its own time, and told 0.2 s later
        w = wheels.at(int(v[0]) * 10 ** 6 - epoch_ns)
        if w is not None:
            worst = max(worst, abs(float(v[5]) - w))
    check(worst < speed_bound, "GNSS and wheels differ by", worst, "m/s")
    # what the accelerometer integrates to over 4 s; its part of gravity (hill
    # and mounting) is the mean of the whole drive, so hills stay in the bound
    a = [(t, float(v[1])) for t, _, v in dump(rec, "imu:scmi.iio.accel")]
    v = [0.0]
    for (t0, a0), (t1, a1) in zip(a, a[1:]):
        v.append(v[-1] + (a0 + a1) / 2 * (t1 - t0) / 1e9)
    integral = Line([t for t, _ in a], v)
    t0, t1 = max(a[0][0], wheels.t[0]), min(a[-1][0], wheels.t[-1])
    bias = ((integral.at(t1) - integral.at(t0)) -
            (wheels.at(t1) - wheels.at(t0))) / (t1 - t0)
    span, off = 4 * 10 ** 9, 0
    for t in range(t0, t1 - span, 10 ** 8):
        dv = wheels.at(t + span) - wheels.at(t)
        di = integral.at(t + span) - integral.at(t) - bias * span
        off = max(off, abs(dv - di))
    check(off < change_bound, "integrated acceleration and wheels differ by",
          off, "m/s in 4 s")
    return worst, off


def play(scenario, files, end, bounds):
    with tempfile.TemporaryDirectory() as work:
        rec = os.path.join(work, "rav4.avrec")
        avsim("run", scenario, "--headless", "--record", rec)
        check("all as recorded" in avsim("replay", rec, "--headless"),
              "the replay differs")
        wheels, zero = read_wheels(files["can"])
        n = check_speed(rec, wheels, zero)
        accel = check_imu(rec, "scmi.iio.accel", files["imu"],
                          ["accel_%s_mps2" % a
                           for a in ("forward", "right", "down")], 0.001, zero)
        gyro = check_imu(rec, "scmi.iio.gyro", files["imu"],
                         ["gyro_%s_rad_s" % a
                          for a in ("forward", "right", "down")], 0.0001, zero)
        mag = check_imu(rec, "scmi.iio.mag", files["mag"],
                        ["mag_%s_uT" % a
                         for a in ("forward", "right", "down")], 0.01, zero)
        fixes = check_fixes(rec, files["gnss"], zero, end)
        print("%s: %d speeds, %d fixes; off by at most: accel %.2g of %d, gyro "
              "%.2g of %d, mag %.2g of %d"
              % (os.path.basename(scenario), n, len(fixes), *accel[::-1],
                 *gyro[::-1], *mag[::-1]))
        print("  wheels against GNSS %.3f m/s, against the integral %.3f m/s"
              % check_together(rec, fixes, zero, *bounds))


play(os.path.join(TOP, "scenarios", "rav4.yaml"),
     {k: os.path.join(TOP, "scenarios", "rav4", f) for k, f in
      (("can", "can.candump"), ("imu", "imu.csv"), ("mag", "magnetometer.csv"),
       ("gnss", "gnss.csv"))}, 12 * 10 ** 9, (0.5, 0.5))

shared = {k: os.path.join(os.path.abspath(DATA), f) for k, f in
          (("can", "can/rav4_drive_60s.candump.log"),
           ("imu", "imu/rav4_imu_104hz.csv"),
           ("mag", "imu/rav4_magnetometer_10hz.csv"),
           ("gnss", "gnss/rav4_gnss_ublox_10hz.csv"),
           ("dbc0", "can/toyota_new_mc_pt_generated.dbc"),
           ("dbc1", "can/toyota_adas.dbc"))}
if all(os.access(f, os.R_OK) for f in shared.values()):
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "minute.yaml")
        with open(path, "w") as f:
            f.write("duration: 60s\nvehicle: rav4\n"
                    "can: { trace: %(can)s, dbc: { can0: %(dbc0)s, "
                    "can1: %(dbc1)s } }\n"
                    "imu: [%(imu)s, %(mag)s]\n"
                    "gnss: { trace: %(gnss)s }\n"
                    "timeline:\n"
                    "  - at: 0s\n    do:\n"
                    "      - sensor-rate: { sensor: scmi.iio.accel, rate: "
                    "100 Hz }\n" % shared)
        play(path, shared, 60 * 10 ** 9, (0.5, 2.5))
        # the published decode of the same minute
        wheels, _ = read_wheels(shared["can"])
        decode = rows(os.path.join(DATA, "can/rav4_decoded_wheel_speed.csv"))
        check(len(wheels) == len(decode), len(wheels), "and", len(decode))
        check(all(abs(w[1] - float(d["speed_mps"])) < 1e-9
                  for w, d in zip(wheels, decode)), "the published decode")
else:
    print("SKIP (part): no shared sample data, so only the bundled seconds")
sys.exit(judge.failures > 0)
