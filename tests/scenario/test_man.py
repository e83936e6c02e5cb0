#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""avsim-scenario(5) mentions every verb, fault, argument and key there is."""
import json
import os
import re
import shutil
import subprocess
import sys

from judge import AVSIM, TOP

MAN = os.path.join(TOP, "man", "avsim-scenario.5")

with open(MAN) as f:
    text = f.read()
missing = []


def avsim(*args):
    return subprocess.run([AVSIM, *args], capture_output=True, text=True,
                          check=True).stdout


def rows(kind):
    """[(name, [arguments])]"""
    out = []
    for line in avsim("list", kind).splitlines():
        if line.startswith("    "):
            out[-1][1].append(line.split()[0])
        else:
            out.append((line.split()[0], []))
    return out


for kind in ("actions", "faults"):
    found = rows(kind)
    assert len(found) >= 3, found
    for name, args in found:
        items = re.findall(r"^\.It Cm %s\b(?!-)(.*)$" % re.escape(name), text,
                           re.M)
        want = [("Ar %s" % arg) for arg in args]
        if not any(all(w in item for w in want) for item in items):
            missing.append("%s: %s %s" % (kind, name, " ".join(args)))

schema = json.loads(avsim("lint", "--schema"))
entry = schema["definitions"]["entry"]["anyOf"]
expect = schema["definitions"]["expectation"]["anyOf"]
keys = set(schema["properties"])
keys |= set(schema["definitions"]["start"]["properties"])
for part in entry + expect:
    keys |= set(part["properties"])
keys |= {"over", "ease", "profile", "unit", "wait", "until", "points", "file",
         "reverse", "radius", "abs", "changed", "distance_to", "in_zone",
         "max", "min", "missing", "set", "stale", "var", "route_left",
         "cross_track", "arrived"}
for key in sorted(keys):
    if not re.search(r"^\.(It )?(Cm|Pq Cm) .*(?<![\w-])%s(?![\w-])"
                     % re.escape(key), text, re.M):
        missing.append("key or function " + key)

for what in missing:
    print("FAIL: the manual page lacks", what)
if shutil.which("mandoc"):
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MAN],
                          capture_output=True, text=True)
    print(lint.stdout, end="")
    missing += lint.stdout.splitlines()
sys.exit(1 if missing else 0)
