# SPDX-License-Identifier: Apache-2.0
"""What the ports of a profile carry, by the profile alone: trout's ports on
arm64 (kit), Cuttlefish's consoles on x86_64 (kit-x86_64). A client that asks as
the GNSS HAL does gets the receiver's fixes and raw measurements, BlueZ attaches
to the controller and finds a phone, a client of the sensor channel gets samples.
The recording is the judge of all values."""
import base64
import gzip
import os
import re
import time

import bluez
from guest import Skip
from launch import launch

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/10", "x86_64/11"]
MAC = "02:00:5E:10:20:30"
# service -> port: the name and number on arm64, the console on x86_64
NAMED = {"bt": ("bt-uart", 1), "gnss-raw": ("gnss-uart", 2),
         "gnss-fixed": ("gnss-uart", 2), "sensors-control": ("sensors-control", 3),
         "sensors-data": ("sensors-data", 4)}
HVC = {"bt": 5, "gnss-raw": 6, "gnss-fixed": 7, "sensors-control": 3,
       "sensors-data": 4}

# One poll a second, as the HAL: the port is opened anew, asked, and what comes is
# read. The HAL waits for 20 ms, an emulated guest needs more to start a program.
# The mode of the line is left as it is. "@" ends a poll.
HAL = r"""
for i in $(seq 12); do
	exec 3<>%s
	cat <&3 &
	printf %s >&3
	sleep 0.2
	kill $!
	wait
	exec 3>&-
	echo @
	sleep 0.7
done
"""

# Sensors: the data console is read from before the request on, which is two
# seconds later.
SENSORS = r"""
exec 3<>%(control)s 4<>%(data)s
case %(data)s in *hvc*) stty raw -echo <&3; stty raw -echo <&4 ;; esac
cat <&4 >/tmp/data &
sleep 2
wc -c </tmp/data >/tmp/before
printf '\002\000\000\000\015\000\000\000list-sensors\000' >&3
dd bs=1 count=8 <&3 2>/dev/null >/tmp/head
dd bs=1 count=$(od -An -tu4 -j4 /tmp/head | tr -d ' ') <&3 2>/dev/null >/tmp/mask
sleep 12
kill $!
"""


def setup(t):
    launch(t, "--scenario", "city-drive", "--linger",
           record=os.path.join(t.dir, "run.avrec"))
    t.answers = {}


def dev(t, service):
    if t.arch == "x86_64":
        return "/dev/hvc%d" % HVC[service]
    return t.guest.port(NAMED[service][0])


def test_names_and_numbers(t):
    if t.arch == "x86_64":
        out = t.guest.check("ls -d /sys/class/tty/hvc*")
        have = {int(n) for n in re.findall(r"hvc(\d+)", out)}
        assert have == set(range(8)), out
        return
    for service, (name, nr) in NAMED.items():
        assert re.fullmatch(r"/dev/vport\d+p%d" % nr, dev(t, service)), name


def ask(t, service, request):
    """Answers to polls, by the HAL's rules."""
    out = t.guest.check(HAL % (dev(t, service), request), timeout=120)
    buf, got = "", []
    for poll in out.split("@\n"):
        buf += poll.replace("\r\n", "\n")
        if "\n\n\n\n" in buf:
            text, buf = buf.split("\n\n\n\n", 1)
            if text:
                got.append(text)
    return got


def test_gnss_client_gets_fixes(t):
    got = ask(t, "gnss-fixed", "CMD_GET_LOCATION")
    assert len(got) >= 8, got
    for text in got:
        cols = text.split("\n")[0].split(",")
        assert cols[0] == "Fix" and len(cols) >= 12, text
    t.answers["fix"] = got


def test_gnss_client_gets_raw_measurements(t):
    """6 KB each. A console that echoes them, as the HAL leaves it, takes seconds
    for that: Linux sends an echo back 16 bytes at a time."""
    if t.arch == "x86_64":
        t.guest.check("exec 4<>%s; stty -echo <&4; setsid sleep 100 <&4 "
                      ">/dev/null 2>&1 &" % dev(t, "gnss-raw"))
    got = ask(t, "gnss-raw", "CMD_GET_RAWMEASUREMENT")
    t.answers["raw"] = [g for g in got if "Raw" in g.split("\n")[0]]
    assert len(t.answers["raw"]) >= 5, got
    for text in t.answers["raw"]:
        head, *rows = text.split("\n")
        n = len(head.split("Raw", 1)[1].split(","))
        assert n == 37 and rows, text
        for row in rows:
            assert len(row.split(",")) == n and row.split(",")[-1], row


def test_btattach_on_the_profiles_port(t):
    line = dev(t, "bt")
    if t.arch == "arm64":  # a port is no terminal, and Linux wants one
        t.guest.check("socat PTY,link=/tmp/hci,raw,echo=0 %s "
                      ">/tmp/socat.log 2>&1 & sleep 1; [ -e /tmp/hci ] || "
                      "cat /tmp/socat.log" % line)
        line = "/tmp/hci"
    bluez.start(t.guest, line)


def test_bluetooth_finds_the_phone(t):
    t.car.ctl("do", "phone-appear", "name=Anna", "address=" + MAC)
    out = bluez.ctl(t.guest, ("power on", "power on succeeded"),
                    ("scan on", MAC + " Anna"))
    assert MAC + " Anna" in out, out
    out = t.guest.check("hcitool name " + MAC)
    assert out.strip().endswith("Anna"), out


def test_sensor_channel_delivers_samples(t):
    t.guest.check(SENSORS % {"control": dev(t, "sensors-control"),
                             "data": dev(t, "sensors-data")}, timeout=60)
    assert t.guest.check("cat /tmp/before").strip() == "0"  # nobody had asked
    head = base64.b64decode(t.guest.check("base64 /tmp/head"))
    assert head == b"\2\0\0\x80" + bytes([7, 0, 0, 0]), head
    mask = t.guest.check("cat /tmp/mask")
    bits = {i for i in range(32) if int(mask) >> i & 1}
    assert bits >= {0, 1, 10, 17} and mask.strip() == "132615", mask
    data = gzip.decompress(base64.b64decode(
        t.guest.check("gzip -c /tmp/data | base64")))
    t.frames = []
    while data:
        assert data[:4] == b"\2\0\0\x80" and len(data) >= 8, data[:40]
        n = int.from_bytes(data[4:8], "little")
        if len(data) < 8 + n:
            break  # the reader was ended half way
        text = data[8:8 + n].decode()
        data = data[8 + n:]
        name, *v = text.rstrip("\n").split(":")
        assert text.endswith("\n") and len(v) == 3, text
        t.frames.append((name, tuple(float(x) for x in v)))
    names = [n for n, _ in t.frames]
    # a second in the guest is one of the run's, give or take its start
    for name in ("acceleration", "gyroscope", "magnetic",
                 "acceleration-uncalibrated", "gyroscope-uncalibrated"):
        assert 10 <= names.count(name) <= 14, (name, names)
    assert len(set(v for n, v in t.frames if n == "acceleration")) > 5


def dump(t, only):
    return [line.split("\t") for line in t.car.dump(only).splitlines()]


def test_the_recording_has_what_the_sensor_channel_gave(t):
    if not hasattr(t, "frames"):
        raise Skip("there are no samples")
    time.sleep(1)
    assert t.car.stop(60) == 0
    # as the document of the reference mounting says; it does not name the
    # magnetometer, which has the car's axes
    chips = {"acceleration": ("scmi.iio.accel", lambda x, y, z: (x, -y, -z)),
             "gyroscope": ("scmi.iio.gyro", lambda x, y, z: (x, -y, -z)),
             "magnetic": ("scmi.iio.mag", lambda x, y, z: (x, y, z))}
    per_sensor = {}
    for name, (chip, turned) in chips.items():
        known = {}
        for at, _, _, *v in dump(t, "imu:" + chip):
            v = turned(*(round(float(x), 6) for x in v))
            known.setdefault(v, []).append(float(at))
        per_sensor[name] = seconds = []
        for n, v in t.frames:
            if n == name:
                assert v in known, (name, v)
                seconds.append([s for s in known[v] if s == int(s)])
        assert all(seconds), (name, seconds)
    # one second after the other, and the same ones of all sensors
    first = min(per_sensor["acceleration"][0])
    for name, seconds in per_sensor.items():
        for i, s in enumerate(seconds):
            assert first + i in s, (name, i, s)


def test_the_recording_has_what_the_gnss_client_got(t):
    fixes = {row[3]: row for row in dump(t, "gnss:fix*")}
    for text in t.answers.get("fix", []):
        cols = text.split("\n")[0].split(",")
        row = fixes[cols[8]]  # by its time
        assert abs(float(cols[2]) - float(row[4])) < 1e-7, (cols, row)
        assert abs(float(cols[3]) - float(row[5])) < 1e-7, (cols, row)
    raws = {row[3] for row in dump(t, "gnss:raw")}
    for text in t.answers.get("raw", []):
        for row in text.split("\n")[1:]:
            assert row in raws, row
    assert len({a.split(",")[8] for a in t.answers["fix"]}) >= 6, t.answers
