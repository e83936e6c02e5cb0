# SPDX-License-Identifier: Apache-2.0
"""A guest's GNSS HAL on console ports: it asks, reads up to the end mark, and
gets every fix and every epoch of both GnssLogger files, spaced as they were. One
file on trout's one port, the other on Cuttlefish's two."""
import os
import time

import kit
from guest import Avsim, Skip

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/11"]
DATA = os.environ.get("AVSIM_SHARED_DATA",
                      os.path.join(kit.TOP, "..", "shared", "data"))
NEW = os.path.join(DATA, "gnss", "pixel7_gnss_log_v3064.txt")
OLD = os.path.join(DATA, "gnss", "pseudoranges_log_2016_06_30_21_26_07.txt")
SPEED = 4

SCENARIO = """name: gnss
duration: 600s
seed: 1
vehicle: compact-ev
gnss: { trace: %s }
timeline: []
"""

# Polls without the HAL's second between, so that spacing can be told: with $3
# seconds between, 0 at once. An answer ends with four line feeds; it is kept with
# the guest's clock before it if it is another than the one before.
CLIENT = r"""
exec 3<>$1; out=$2 pause=$3 last=; shift 3
: >$out
while [ ! -e /tmp/stop ]; do
	for cmd in "$@"; do
		printf %s "$cmd" >&3
		empty=0 text=
		while [ $empty -lt 3 ] && read -r line <&3; do
			if [ -n "$line" ]; then
				[ -n "$text" ] || read -r up rest </proc/uptime
				text="$text$line
"
				empty=0
			else
				empty=$((empty + 1))
			fi
		done
		[ -n "$text" ] || { read -r line <&3; continue; }
		[ "$text" = "$last" ] || printf '@ %s\n%s' $up "$text" >>$out
		last=$text
	done
	[ $pause = 0 ] || sleep $pause
done
"""


def setup(t):
    for path in (NEW, OLD):
        if not os.path.exists(path):
            raise Skip("%s is not there" % path)
    t.cars = []
    g = t.new_guest()
    g.add("-device", "virtio-serial-pci,id=gnss")
    for i, (file, ports) in enumerate((
            (NEW, ("gnss-raw", "gnss-fixed")), (OLD, ("gnss",)))):
        scenario = os.path.join(t.dir, "gnss%d.yaml" % i)
        with open(scenario, "w") as f:
            f.write(SCENARIO % file)
        # the trace begins at 0, and the guest is not there yet
        args = ["--scenario", scenario, "--linger", "--speed", "0.01"]
        for p in ports:
            args += ["--port", "%s=%s" % (p, p)]
        car = Avsim(args, os.path.join(t.dir, "run%d" % i))
        t.closing.append(car.kill)
        t.cars.append(car.start(*(p + ".port" for p in ports)))
        for p in ports:
            g.add("-device", "virtserialport,bus=gnss.0,chardev=%s,name=%s" %
                  (g.chardev(car.sock(p + ".port")), p))
    g.start()
    g.put(CLIENT.encode(), "/tmp/client")
    t.got = {}


def record(path, tag):
    with open(path) as f:
        return [line.rstrip("\n").split(",") for line in f
                if line.startswith(tag + ",")]


def when(row):
    """Unix milliseconds of a Fix, in both of its formats."""
    return int(row[8] if len(row) > 8 else row[7])


def answers(text):
    """[(seconds, [line])]"""
    out = []
    for line in text.splitlines():
        if line.startswith("@ "):
            out.append((float(line[2:]), []))
        elif out:
            out[-1][1].append(line)
    return out


def test_both_files_play(t):
    loc, raw = "CMD_GET_LOCATION", "CMD_GET_RAWMEASUREMENT"
    for name, words in (("gnss-raw", "0.05 " + raw), ("gnss-fixed", "0 " + loc),
                        ("gnss", "0.02 " + loc + " " + raw)):
        t.guest.check("setsid dash /tmp/client %s /tmp/%s %s "
                      "</dev/null >/dev/null 2>&1 &" %
                      (t.guest.port(name), name, words))
    time.sleep(1)
    for car in t.cars:
        car.ctl("speed", str(SPEED))
    longest = max(when(r[-1]) - when(r[0]) for r in
                  (record(NEW, "Fix"), record(OLD, "Fix"))) / 1000
    time.sleep(longest / SPEED + 5)
    t.guest.check("touch /tmp/stop")
    for name in ("gnss-raw", "gnss-fixed", "gnss"):
        t.got[name] = answers(t.guest.check(
            "cat /tmp/%s" % name, timeout=120))


def fixes(got):
    """[(seconds, unix ms)], each once."""
    out = []
    for up, lines in got:
        f = lines[0].split(",")
        if f[0] == "Fix":
            assert len(f) >= 12, lines[0]
            row = (up, int(f[8]), f[1])
            if not out or row[1:] != out[-1][1:]:
                out.append(row)
    return out


def check_fixes(file, got):
    want = [when(r) for r in record(file, "Fix")]
    have = fixes(got)
    assert sorted(w for _, w, _ in have) == sorted(want), (
        len(have), len(want), sorted(set(want) - {w for _, w, _ in have})[:5])


def check_raw(file, got):
    """Every row, byte for byte, below the header of its file."""
    with open(file) as f:
        header = next(line for line in f if line.startswith("# Raw,")).strip()
    want = [",".join(r) for r in record(file, "Raw")]
    have = []
    for _, lines in got:
        if "Raw" in lines[0] and not lines[0].startswith("Fix"):
            assert lines[0] == header, lines[0]
            assert lines[1:] and len({r.split(",")[2] for r in lines[1:]}) == 1, \
                lines[:3]
            have += lines[1:]
    assert sorted(have) == sorted(want), (
        len(have), len(want), sorted(set(want) - set(have))[:2],
        sorted(set(have) - set(want))[:2])


def test_every_fix_of_the_new_log(t):
    check_fixes(NEW, t.got["gnss-fixed"])


def test_every_measurement_of_the_new_log(t):
    check_raw(NEW, t.got["gnss-raw"])


def test_every_fix_of_the_old_log_on_a_shared_port(t):
    check_fixes(OLD, t.got["gnss"])


def test_every_measurement_of_the_old_log_on_a_shared_port(t):
    check_raw(OLD, t.got["gnss"])


def test_fixes_are_spaced_as_in_the_log(t):
    """Within 20 ms: on a quiet machine all are. A loaded one's guest reads some
    late; three of four must hold there. The first came before the speed did."""
    off = []
    have = fixes(t.got["gnss-fixed"])[1:]
    for (a, at, _), (b, bt, _) in zip(have, have[1:]):
        if bt > at:
            off.append(abs((b - a) - (bt - at) / 1000 / SPEED))
    near = sum(x <= 0.020 for x in off)
    assert len(off) > 100 and near >= 0.75 * len(off), (near, sorted(off)[-10:])


def test_the_other_ports_request_gets_an_end_mark_alone(t):
    out = t.guest.check(
        "exec 3<>%s; printf CMD_GET_RAWMEASUREMENT >&3; "
        "head -c 4 <&3 | od -An -tx1" % t.guest.port("gnss-fixed"), timeout=20)
    assert out.split() == ["0a"] * 4, out
