#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped JSON Schema of scenarios against the parser.

The schema is what the program prints; every bundled scenario and many samples,
right and wrong, get the same verdict from the schema and from avsim lint.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import judge
from judge import AVSIM, TOP, check

try:
    import jsonschema
    import yaml
except ImportError as e:
    print("SKIP: no python3-jsonschema or python3-yaml:", e)
    sys.exit(77)

SCENARIOS = os.path.join(TOP, "scenarios")


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema: no dates, no on and off, no base 60."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"^(true|false)$", "tf"),
        ("null", r"^(|null|~)$", ["", "n", "~"]),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+)([eE][-+]?[0-9]+)?$",
         "-+.0123456789")):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag,
                               re.compile(pattern), list(first))
Core.add_constructor("tag:yaml.org,2002:int", lambda l, n: int(n.value))
Core.add_constructor("tag:yaml.org,2002:float", lambda l, n: float(n.value))


def lint(path):
    r = subprocess.run([AVSIM, "lint", "--syntax", path],
                       capture_output=True, text=True)
    check(r.returncode in (0, 2), path, "exit", r.returncode)
    return r.returncode == 0, r.stderr.strip()


def schema_says(validator, text):
    try:
        doc = yaml.load(text, Loader=Core)
    except yaml.YAMLError as e:
        return False, str(e)
    errors = [e.message[:300] for e in validator.iter_errors(doc)]
    return not errors, "; ".join(errors)


def sample(validator, text, want):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        got, why = lint(f.name)
    says, because = schema_says(validator, text)
    check(got == want, "lint says", got, "of\n", text, why)
    check(says == want, "schema says", says, "of\n", text, because)


HEAD = "duration: 9s\n"
RIGHT = [
    "duration: 90\n", "duration: 1.5min\n", "duration: 2 h\n",
    "duration: 1s\nseed: 5\nname: x\nsummary: y\nvehicle: z\n",
    "duration: $d\nparams: { d: 5s, e: { default: 1, help: x } }\n",
    HEAD + "start: { lat: 48.1, lon: -11, alt: 5 m, heading: 90 deg }\n",
    HEAD + "start: { speed: 0, gear: N, soc: 0.5, ignition: off }\n",
    HEAD + "start: { soc: 50 %, odometer: 5 km, date: 2026-01-01T00:00:00Z }\n",
    HEAD + "start: { outside_temp: -5, cabin_temp: 20 degC, battery_temp: 50 degF }\n",
    HEAD + "can: { trace: a.log, dbc: { can0: a.dbc, can1: b.dbc } }\n",
    HEAD + "routes: { a: [[0, 0], [1 m, 2 km], [5, 5, 5 km/h]] }\n",
    HEAD + "routes: { a: { points: [{ x: 1, y: 2, speed: 3 m/s }, [0, 0]], reverse: true } }\n",
    HEAD + "routes: { a: { file: x.csv, speed: 5 mph } }\n",
    HEAD + "zones: { z: { x: 1, y: 2, radius: 5 m }, y: [[0, 0], [1, 1], [2, 0]] }\n",
    HEAD + "timeline: []\n",
    HEAD + "timeline: [{ at: 1s, do: lock }]\n",
    HEAD + "timeline: [{ at: 1s, do: [lock, { unlock: }, { mark: hello }] }]\n",
    HEAD + "timeline: [{ every: 1s, from: 2s, until: 3s, times: 4, do: end }]\n",
    HEAD + "timeline: [{ when: t > 1 s, repeat: on, within: 5s, do: end, name: x }]\n",
    HEAD + "timeline: [{ at: 1s, do: [{ wait: 5 }, { until: t > 3 s }] }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: 50 km/h } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: { to: 5 m/s, over: 3s, ease: smooth } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: { profile: [[0, 0], [1s, 5 km/h]] } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { brake: { profile: x.csv } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { stop: { accel: 3 } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { stop: } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { var: { name: rain, value: 30 % } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { set: { property: X, value: [1, 2] } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { inject: { bus: can0, id: 123 } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { fault: { name: tyre-leak, wheel: fl, for: 5s } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { clear-fault: } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { turn-signal: off } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { weather: { rain: 50 %, wind: -3 m/s, grade: 3 deg } } }]\n",
    HEAD + "faults: [{ at: 1s, fault: can-mute, bus: can0, for: 2s }]\n",
    HEAD + "faults: [{ when: t > 3 s, fault: tyre-leak, wheel: rr, rate: 1 % }]\n",
    HEAD + "expect: [{ that: t > 1 s }, { that: t > 1 s, by: 2s, name: x }]\n",
    HEAD + "expect: [{ that: t > 1 s, at: 2s }, { always: true }]\n",
    HEAD + "expect: [{ when: t > 1 s, that: t > 2 s, within: 2s }]\n",
    HEAD + "expect: [{ never: t > 1 s, from: 1s, until: 2s }]\n",
]
WRONG = [
    "name: x\n", "- a\n", "duration: soon\n", "duration: -1s\n",
    "duration: 5 m\n", HEAD + "nmae: x\n", HEAD + "seed: -1\n",
    HEAD + "seed: x\n", HEAD + "params: [a]\n", HEAD + "params: { 1a: 5 }\n",
    HEAD + "params: { a: { help: x } }\n", HEAD + "start: { lat: x }\n",
    HEAD + "start: { heading: 90 }\n", HEAD + "start: { soc: 50 km }\n",
    HEAD + "start: { gear: 5 }\n", HEAD + "start: { where: here }\n",
    HEAD + "can: a.log\n", HEAD + "can: { trace: a.log }\n",
    HEAD + "can: { dbc: { can0: a.dbc } }\n",
    HEAD + "can: { trace: a.log, dbc: {} }\n",
    HEAD + "can: { trace: a.log, dbc: a.dbc }\n",
    HEAD + "can: { trace: a.log, dbc: { can0: a }, imu: x }\n",
    HEAD + "can: { trace: a.log, dbc: { can0: a } }\nstart: { gear: P }\n",
    HEAD + "start: [1]\n", HEAD + "routes: { a: [[0, 0]] }\n",
    HEAD + "routes: { a: [[0, 0], [1]] }\n",
    HEAD + "routes: { a: [[0, 0], [1, 1, 5]] }\n",
    HEAD + "routes: { a: { speed: 5 km/h } }\n",
    HEAD + "routes: { a: [[0, 0], { x: 1 }] }\n",
    HEAD + "zones: { a: { x: 1, y: 1 } }\n", HEAD + "zones: { a: [[0, 0]] }\n",
    HEAD + "timeline: { at: 1s }\n", HEAD + "timeline:\n",
    HEAD + "timeline: [{ at: 1s }]\n", HEAD + "timeline: [{ do: lock }]\n",
    HEAD + "timeline: [{ at: 1s, every: 1s, do: lock }]\n",
    HEAD + "timeline: [{ at: 1s, times: 5, do: lock }]\n",
    HEAD + "timeline: [{ every: 1s, repeat: true, do: lock }]\n",
    HEAD + "timeline: [{ at: 1s, do: [] }]\n",
    HEAD + "timeline: [{ at: 1s, do: lokc }]\n",
    HEAD + "timeline: [{ at: 1s, do: horn }]\n",
    HEAD + "timeline: [{ at: 1s, do: { lock: 5 } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { horn: 5 } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { horn: true, lock: } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: 50 } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: 5 km } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: { to: 0, ease: round, over: 1s } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: { profile: [] } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { speed: { to: 0, profile: [[0, 0]] } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { gear: { to: P, over: 1s } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { gear: X } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { stop: { accel: 300 } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { door: { open: true } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { var: { name: speed, value: 1 } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { fault: { name: none } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { fault: { name: tyre-leak } } }]\n",
    HEAD + "timeline: [{ at: 1s, do: { wait: long } }]\n",
    HEAD + "faults: [{ at: 1s }]\n",
    HEAD + "faults: [{ at: 1s, fault: tyre-leak, wheel: fl, bus: x }]\n",
    HEAD + "faults: [{ fault: tyre-leak, wheel: fl }]\n",
    HEAD + "expect: [{ by: 1s }]\n", HEAD + "expect: [{ that: t > 1 s, from: 1s }]\n",
    HEAD + "expect: [{ that: t > 1 s, within: 1s }]\n",
    HEAD + "expect: [{ when: t > 1 s, that: t > 2 s }]\n",
    HEAD + "expect: [{ always: t > 1 s, never: t > 2 s }]\n",
    HEAD + "expect: [{ always: t > 1 s, by: 2s }]\n",
]

printed = subprocess.run([AVSIM, "lint", "--schema"], capture_output=True,
                         text=True, check=True).stdout
with open(os.path.join(SCENARIOS, "scenario.schema.json")) as f:
    check(f.read() == printed, "scenario.schema.json is old: avsim lint "
          "--schema > scenarios/scenario.schema.json")
schema = json.loads(printed)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)

bundled = sorted(n for n in os.listdir(SCENARIOS) if n.endswith(".yaml"))
for name in bundled:
    path = os.path.join(SCENARIOS, name)
    with open(path) as f:
        says, because = schema_says(validator, f.read())
    check(says, name, because)
    check(lint(path)[0], name)
for text in RIGHT:
    sample(validator, text, True)
for text in WRONG:
    sample(validator, text, False)

# no verb takes an argument that nobody knows
verbs = schema["definitions"]["action"]["anyOf"][1]["properties"]
for verb in verbs:
    if verb not in ("wait", "until"):
        sample(validator, HEAD + "timeline: [{ at: 1s, do: { %s: "
               "{ no-such-argument: 1 } } }]\n" % verb, False)
print(len(bundled), "scenarios,", len(RIGHT), "right and",
      len(WRONG) + len(verbs) - 2, "wrong samples,", judge.failures, "failures")
sys.exit(1 if judge.failures else 0)
