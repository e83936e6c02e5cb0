#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Motion sensors, positions and wheels of one scenario agree.

Out of a recording alone, as a navigation in the car would have it: the turning
of the gyroscope and the speed of the wheels make a path, which must be that of
the fixes; the accelerometer must make the changes of the wheels' speed; speed
and course of a fix must be those of wheels and path. The sensors are turned by
the vehicle's sensor_hal_configuration.xml, as a guest's HAL does.
"""
import math
import os
import sys
import tempfile
import xml.etree.ElementTree as ET
from bisect import bisect_right

import judge
from judge import TOP, avsim, check

DELAY = 0.015  # of the motion sensors, s: sim/sensors/imu.h
WHEEL = "signal:Vehicle.Chassis.Axle.Row%d.Wheel.%s.Speed"


def dump(rec, only):
    """[(s, [number])]"""
    rows = [line.split("\t") for line in
            avsim("dump", rec, "--only", only).splitlines()]
    return [(float(r[0]), [float(x) for x in r[3:]]) for r in rows]


def mounted(name):
    root = ET.parse(os.path.join(TOP, "sim/vehicles/compact-ev",
                                 "sensor_hal_configuration.xml")).getroot()
    return next(s for s in root.iter("sensor") if s.get("name") == name)


def turning(name):
    """From the axes of the chip to right, ahead and up."""
    turn = mounted(name).find(".//orientation")
    how = [(int(turn.find(a).get("map")),
            -1 if turn.find(a).get("negate") == "true" else 1) for a in "xyz"]
    return lambda v: [sign * v[i] for i, sign in how]


def held(rows):
    """The value of a signal at a time: that of its last change."""
    times = [t for t, _ in rows]
    return lambda t: rows[max(bisect_right(times, t) - 1, 0)][1][0]


def between(rows):
    """The value at a time, on straight lines."""
    times = [t for t, _ in rows]

    def at(t):
        i = min(max(bisect_right(times, t), 1), len(rows) - 1)
        (t0, a), (t1, b) = rows[i - 1], rows[i]
        w = (t - t0) / (t1 - t0)
        return [x + w * (y - x) for x, y in zip(a, b)]
    return at


def degrees_apart(a, b):
    return abs((a - b + 180) % 360 - 180)


def drive(scenario, until, heading):
    with open(os.path.join(TOP, "scenarios", scenario + ".yaml")) as f:
        text = f.read()
    rates = "".join("\n  - {at: 0s, do: {sensor-rate: {sensor: scmi.iio.%s, "
                    "rate: 100 Hz}}}" % s for s in ("accel", "gyro"))
    with tempfile.TemporaryDirectory() as work:
        path, rec = os.path.join(work, "d.yaml"), os.path.join(work, "d.avrec")
        with open(path, "w") as f:
            f.write(text.replace("\ntimeline:", "\ntimeline:" + rates, 1))
        avsim("run", path, "--headless", "--speed", "max", "--until", until,
              "--record", rec)
        wheels = [held(dump(rec, WHEEL % (r, s))) for r in (1, 2)
                  for s in ("Left", "Right")]
        gyro = dump(rec, "imu:scmi.iio.gyro")
        accel = dump(rec, "imu:scmi.iio.accel")
        fixes = [(t, v) for t, v in dump(rec, "gnss:fix/GPS") if v[15] >= 2]
    check(len(gyro) > 4000 and len(accel) > 4000 and len(fixes) > 40,
          len(gyro), len(accel), len(fixes))

    def speed(t):
        return sum(w(t) for w in wheels) / 4 / 3.6

    # the path: turning about the axis that points up, rolling ahead
    up, h, x, y, gone = turning("scmi.iio.gyro"), math.radians(heading), 0, 0, 0
    path, last = [(0.0, [0.0, 0.0, heading, 0.0])], 0.0
    for t, v in gyro:
        t -= DELAY
        dt, last = t - last, t
        h -= up(v)[2] * dt
        x += speed(t) * math.sin(h) * dt
        y += speed(t) * math.cos(h) * dt
        gone += speed(t) * dt
        path.append((t, [x, y, math.degrees(h), gone]))
    at = between(path)
    lat0, lon0 = fixes[0][1][1:3]
    off = course = differs = 0
    for t, v in fixes:
        if t > path[-1][0]:
            break
        x, y, h, gone = at(t)
        east = math.radians(v[2] - lon0) * 6378137 * math.cos(
            math.radians(lat0))
        north = math.radians(v[1] - lat0) * 6371000
        off = max(off, math.hypot(x - east, y - north) - gone / 100)
        differs = max(differs, abs(v[5] - abs(speed(t))))  # backwards too
        if v[5] > 4:
            course = max(course, degrees_apart(v[6], h))
    # less gravity as the nose goes up and down (forgotten in 10 s, for the
    # gyroscope's sake), and less the pull outward, as the chip is ahead of the
    # rear axle. What is left is in the mean of the whole drive.
    ahead, nose, tilts = turning("scmi.iio.accel"), 0.0, []
    for (t0, _), (t1, v) in zip(gyro, gyro[1:]):
        nose += (up(v)[0] - nose / 10) * (t1 - t0)
        tilts.append((t1, [nose, up(v)[2]]))
    tilt, v = between(tilts), 0.0
    arm = float(mounted("scmi.iio.accel").find(".//location/y").text) / 1000
    sums = [(accel[0][0] - DELAY, [0.0])]
    for (t0, a), (t1, b) in zip(accel, accel[1:]):
        nose, yaw = tilt(t1)
        v += ((ahead(a)[1] + ahead(b)[1]) / 2 + arm * yaw ** 2 -
              9.80665 * math.sin(nose)) * (t1 - t0)
        sums.append((t1 - DELAY, [v]))
    made = between(sums)
    t0, t1 = sums[0][0], sums[-1][0]
    bias = (v - (speed(t1) - speed(t0))) / (t1 - t0)
    change = max(abs(made(t + 4)[0] - made(t)[0] - 4 * bias -
                     (speed(t + 4) - speed(t)))
                 for t in (t0 + i / 5 for i in range(int((t1 - t0 - 4) * 5))))
    print("%s, %.0f m: path off by %.2f m beyond 1 %%, speeds by %.2f m/s, "
          "courses by %.1f degrees, changes of speed by %.2f m/s in 4 s"
          % (scenario, path[-1][1][3], off, differs, course, change))
    check(path[-1][1][3] > 50, "the car stood")
    return off, differs, course, change


for name, until, heading, bounds in (
        ("city-drive", "100s", 0, (8, 0.6, 5, 0.8)),
        ("parking", "60s", 90, (5, 0.6, 5, 0.8))):
    for got, bound in zip(drive(name, until, heading), bounds):
        check(got < bound, name, got, "is not below", bound)
sys.exit(judge.failures > 0)
