#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# avsim diff as a user types it, on dumps: status, texts, reports that other
# programs can read.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
: "${PYTHON:=/usr/bin/python3}"

dump() { # BRAKE_S GEAR: two seconds of a drive
	awk -v brake="$1" -v gear="$2" 'BEGIN {
		for (i = 0; i < 200; i++) {
			t = i / 100
			v = t < brake ? 8 : 8 - (t - brake) * 4
			printf "%.9f\timu\taccel\t%.4f\t0\t9.81\n", t, t < brake ? 0 : -4
			if (i % 10 == 0)
				printf "%.9f\tvhal\tPERF_VEHICLE_SPEED/GLOBAL\t%.6g\n", t, v
			if (i == 150)
				printf "%.9f\tvhal\tGEAR_SELECTION/GLOBAL\t%d\n", t, gear
			if (i == 160)
				printf "%.9f\tdevice\ta&b\t\"x < y\"\n", t
		}
	}'
}
dump 1 4 >a.txt
dump 1 4 >same.txt
dump 1.2 8 >b.txt

check 0 "$avsim" diff a.txt same.txt
says out 'a.txt and same.txt are the same: 4 keys, 222 records'

check 1 "$avsim" diff a.txt b.txt --context 1
says out 'a.txt and b.txt differ: 3 of 4 keys'
says out 'first difference at 1.000000000 s: imu:accel changed'
says out '> 1.000000000  imu      accel  -4.0000  0  9.81'
says out 'vhal:GEAR_SELECTION/GLOBAL'

check 1 "$avsim" diff a.txt b.txt --only 'vhal:GEAR*'
says out 'changed, 4 -> 8 (delta 4)'
check 0 "$avsim" diff a.txt b.txt --only device --quiet
[ -s out ] && fail '--quiet is not quiet'
check 0 "$avsim" diff a.txt b.txt --to 0.99
check 1 "$avsim" diff a.txt b.txt --from 1s

# tolerances
cat >ok.yaml <<'Y'
- match: imu,vhal:PERF*
  time: 250ms
  max_gap: 300ms
  kind: continuous
  abs: 0.8
- match: vhal:GEAR*
  abs: 4
Y
check 0 "$avsim" diff a.txt b.txt --tolerances ok.yaml
says out 'within tolerance'
check 2 "$avsim" diff a.txt b.txt \
	--tolerances "$top/tests/data/tolerances/mistakes.yaml"
says err "mistakes.yaml:1:10: 'match': no channel is called 'vhla' (did you mean 'vhal'?)"
says err "mistakes.yaml:2:8: 'abs' must be"
says err 'mistakes.yaml:5:12: '
says err "unknown key 'mtch' (did you mean 'match'?)"
[ -s out ] && fail 'compared although the tolerances are wrong'

# trouble
check 2 "$avsim" diff a.txt
check 2 "$avsim" diff a.txt nowhere.txt
says err 'cannot open nowhere.txt: No such file or directory'
check 2 "$avsim" diff a.txt b.txt --report x.pdf
says err 'want .txt, .json, .xml or .html'
check 2 "$avsim" diff a.txt b.txt --report nowhere/x.json
says err 'cannot write nowhere/x.json'
printf 'hello\n' >junk.txt
check 2 "$avsim" diff a.txt junk.txt
says err 'junk.txt:1:1: '
check 2 "$avsim" diff a.txt b.txt --tolerance ok.yaml
says err "did you mean '--tolerances'?"

# compressed, and through a pipe
if command -v zstd >/dev/null; then
	zstd -q a.txt -o a.zst
	check 0 "$avsim" diff a.zst same.txt
	head -c 200 a.zst >cut.zst
	check 2 "$avsim" diff cut.zst same.txt
	says err 'cut.zst ends in the middle'
fi
mkfifo pipe
cat b.txt >pipe &
check 1 "$avsim" diff a.txt pipe
says out 'first difference at 1.000000000 s'

# reports, all at once, the same every time
check 1 "$avsim" diff a.txt b.txt --report r.txt --report r.json \
	--report r.xml --report r.html
cmp -s out r.txt || fail 'the .txt report is not what is printed'
check 1 "$avsim" diff a.txt b.txt --report r2.html
cmp -s r.html r2.html || fail 'two HTML reports of one comparison differ'
command -v "$PYTHON" >/dev/null || skip 'no python3 for the reports'
"$PYTHON" - <<'P' || fail 'reports'
import json, re, xml.dom.minidom, xml.etree.ElementTree as ET
from html.parser import HTMLParser

j = json.load(open("r.json"))
assert j["format"] == "avsim-diff" and j["version"] == 1
assert j["verdict"] == "differ" and j["first"]["key"] == "accel"
assert j["first"]["point"]["t"] == 1.0
assert sum(r["mark"] for r in j["first"]["context_a"]) == 1
keys = {(k["channel"], k["key"]): k for k in j["keys"]}
assert keys["device", "a&b"]["verdict"] == "same"
gear = keys["vhal", "GEAR_SELECTION/GLOBAL"]
assert (gear["changed"], gear["worst_delta"]) == (1, 4)
assert (gear["first"]["a"], gear["first"]["b"]) == ("4", "8")
for k in j["keys"]:
    assert k["records_a"] == k["same"] + k["changed"] + k["shifted"] + k["missing"]
assert j["total"]["changed"] == sum(c["changed"] for c in j["channels"].values())

x = ET.parse("r.xml").getroot()
suite = x.find("testsuite")
cases = suite.findall("testcase")
assert x.tag == "testsuites" and len(cases) == 4 == int(suite.get("tests"))
bad = [c.get("name") for c in cases if c.find("failure") is not None]
assert len(bad) == 3 == int(suite.get("failures")), bad
assert any(c.get("name") == "device:a&b" for c in cases)
assert all(c.get("classname").startswith("avsim.diff.") for c in cases)

h = open("r.html", encoding="utf-8").read()
assert not re.search(r"(src|href)\s*=|url\(|@import|<script|<link|http", h)
class Balanced(HTMLParser):
    void = {"meta", "br", "hr", "img"}
    def __init__(self):
        super().__init__()
        self.open, self.n = [], 0
    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)
        self.n += tag == "svg"
    def handle_startendtag(self, tag, attrs):
        pass
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
p = Balanced()
p.feed(h)
assert not p.open and p.n >= 12, (p.open, p.n)
for svg in re.findall(r"<figure>\n(<svg.*?</svg>\n</svg>)", h, re.S):
    xml.dom.minidom.parseString(svg)
    assert "NaN" not in svg and "nan" not in svg and "inf" not in svg
P
command -v xmllint >/dev/null && { xmllint --noout r.xml || fail 'xmllint'; }
done_testing
