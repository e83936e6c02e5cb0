#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make check-guest: each file tests/guest/test_NAME.py against each variant it
names, one guest a file and variant, two at a time.

  run.py [--list] [-j N] [--keep] [all | ci | NAME[/ARCH/QEMU]...]

all, which is also what no name means, is everything: 20 minutes and more on two
processors. ci is what .ci/run has the time for: of each file the variants that it
names in CI, so that most devices meet both architectures and both QEMUs, and each
of the four pairs meets some devices.

A test file has
  MATRIX         variants "ARCH/QEMU", as "arm64/11"
  CI             those of ci, where they are not all
  setup(t)       starts what it needs and the guest, in t.guest
  test_*(t)      one row each, in the order of the file
t is a Run, below. Skip("why") raised anywhere skips a row, or in setup() all of
them; so does Unavailable of a part that cannot be had here."""
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import kit  # noqa: E402
from guest import SLOW, Avsim, Guest, Skip, Unavailable, tail  # noqa: E402

LOGS = os.path.join(os.environ.get("AVSIM_TOP_BUILDDIR", os.getcwd()),
                    "tests", "guest", "logs")
GROUP_SECONDS = 420


class Run:
    """What a test file gets: arch, qemu, a folder for sockets, and ends what
    was started through it."""

    def __init__(self, arch, qemu, folder):
        self.arch, self.qemu, self.dir = arch, qemu, folder
        self.guest = None
        self.closing = []

    def new_guest(self, **kw):
        """A Guest of this variant, not started; the first is t.guest."""
        name = "guest%d" % len(self.closing)
        folder = os.path.join(self.dir, name)
        os.mkdir(folder)
        g = Guest(self.arch, self.qemu, folder, **kw)
        self.closing.append(g.kill)
        self.guest = self.guest or g
        return g

    def avsim(self, *args, **kw):
        """avsim run with these arguments, headless; see guest.Avsim."""
        a = Avsim(args, os.path.join(self.dir, "run"), **kw)
        self.closing.append(a.kill)
        return a

    def close(self):
        for f in reversed(self.closing):
            f()


def load(name):
    path = os.path.join(HERE, "test_%s.py" % name)
    spec = importlib.util.spec_from_file_location("test_" + name, path)
    mod = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mod)
    tests = [(n[5:], f) for n, f in vars(mod).items()
             if n.startswith("test_") and callable(f)]
    return mod, tests


def reason(e):
    text = str(e) or type(e).__name__
    if not isinstance(e, (Skip, Unavailable)):
        at = traceback.extract_tb(e.__traceback__)
        own = [f for f in at if os.path.basename(f.filename).startswith(
            ("test_", "clients"))]
        f = (own or at)[-1]
        text = "%s:%d: %s: %s" % (os.path.basename(f.filename), f.lineno,
                                  type(e).__name__, text)
    return text


def worker(name, arch, qemu, keep):
    """One file on one variant; a row a line of JSON on the standard output."""
    def row(test, verdict, why="", seconds=0.0):
        print(json.dumps([test, verdict, why, seconds]), flush=True)

    mod, tests = load(name)
    folder = tempfile.mkdtemp(prefix="avg-")
    t = Run(arch, qemu, folder)
    broken, failed = None, False
    start = time.monotonic()
    try:
        mod.setup(t)
        row("(setup)", "info", t.guest.ready_line if t.guest else "",
            time.monotonic() - start)
    except Exception as e:
        broken = e
    for test, f in tests:
        if broken is not None:
            skip = isinstance(broken, (Skip, Unavailable))
            row(test, "SKIP" if skip else "FAIL", "setup: " + reason(broken))
            failed |= not skip
            continue
        start = time.monotonic()
        try:
            f(t)
            row(test, "PASS", "", time.monotonic() - start)
        except (Skip, Unavailable) as e:
            row(test, "SKIP", reason(e), time.monotonic() - start)
        except Exception as e:
            failed = True
            row(test, "FAIL", reason(e), time.monotonic() - start)
    t.close()
    logs = os.path.join(LOGS, "%s-%s-%s" % (name, arch, qemu))
    shutil.rmtree(logs, ignore_errors=True)
    for root, _, files in os.walk(folder):
        for n in files:
            if n.endswith(".log"):
                os.makedirs(logs, exist_ok=True)
                rel = os.path.relpath(os.path.join(root, n), folder)
                shutil.copy(os.path.join(root, n),
                            os.path.join(logs, rel.replace("/", "-")))
    if keep:
        print(folder, file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if failed:
        for n in sorted(os.listdir(logs) if os.path.isdir(logs) else []):
            row(n, "log", tail(os.path.join(logs, n), 1500))
    return 0


def variants(name, wanted):
    """Of a file, those that were asked for."""
    mod, _ = load(name)
    if not wanted or "all" in wanted or name in wanted:
        return mod.MATRIX
    ci = getattr(mod, "CI", mod.MATRIX) if "ci" in wanted else []
    return [v for v in mod.MATRIX
            if v in ci or "%s/%s" % (name, v) in wanted]


class Group:
    """A file on a variant, in a process of its own: worker()."""

    def __init__(self, name, variant):
        self.name, self.variant = name, variant
        self.arch, self.qemu = variant.split("/")
        self.process = None

    def start(self, keep):
        self.out = tempfile.TemporaryFile("w+")
        argv = [sys.executable, os.path.join(HERE, "run.py"), "--worker",
                self.name, self.arch, self.qemu] + (["--keep"] if keep else [])
        self.process = subprocess.Popen(argv, stdout=self.out,
                                        stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        self.end = time.monotonic() + GROUP_SECONDS * SLOW

    def done(self):
        if self.process.poll() is not None:
            return True
        if time.monotonic() < self.end:
            return False
        # what it started ends with it (PR_SET_PDEATHSIG)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return True

    def rows(self):
        self.out.seek(0)
        rows = [json.loads(line) for line in self.out]
        seen = [r[0] for r in rows]
        if self.process.returncode:
            why = "took longer than %d s" % (GROUP_SECONDS * SLOW) \
                if self.process.returncode == -signal.SIGKILL else \
                "ended with status %d" % self.process.returncode
            rest = [n for n, _ in load(self.name)[1] if n not in seen]
            rows += [[n, "FAIL", "the group " + why, 0.0]
                     for n in rest or ["(end)"]]
        return rows


def report(group, counts, last):
    """Prints and counts. False: it failed beside another guest, and an emulated
    processor has deadlines that it cannot keep there; it gets a second try
    alone, whose rows are the ones that count."""
    rows = group.rows()
    if not last and any(r[1] == "FAIL" for r in rows):
        for test, verdict, why, seconds in rows:
            if verdict == "FAIL":
                print("again, alone: %-9s %-9s %s: %s" %
                      (group.name, group.variant, test, why), flush=True)
        return False
    for test, verdict, why, seconds in rows:
        where = "%-9s %-9s %s" % (group.name, group.variant, test)
        if verdict == "log":
            print("---- %s\n%s" % (test, why))
            continue
        if verdict == "info":
            print("      %-50s %5.1f s  %s" % (where, seconds, why))
            continue
        counts[verdict] += 1
        print("%s: %-50s %5.1f s%s" % (verdict, where, seconds,
                                       "  " + why if why else ""), flush=True)
    return True


def prepare(groups):
    """The parts that all groups need: made here, out of their time. What
    cannot be had they find out for themselves, and skip."""
    for arch, qemu in sorted({(g.arch, g.qemu) for g in groups}):
        for part in (kit.kernel, kit.initrd, lambda a: kit.qemu(qemu, a)):
            try:
                part(arch)
            except Unavailable as e:
                print("check-guest: %s/%s: %s" % (arch, qemu, e), flush=True)
                break


def run_groups(groups, jobs, keep, ended):
    waiting, running = groups[:], []
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(waiting.pop(0))
            running[-1].start(keep)
        for g in [g for g in running if g.done()]:
            running.remove(g)
            ended(g)
        time.sleep(0.05)


def main(argv):
    if argv[:1] == ["--worker"]:
        return worker(argv[1], argv[2], argv[3], "--keep" in argv)
    keep, listing, jobs, wanted = False, False, 2, []
    while argv:
        a = argv.pop(0)
        if a == "--keep":
            keep = True
        elif a == "--list":
            listing = True
        elif a == "-j" and argv:
            jobs = int(argv.pop(0))
        elif a.startswith("-"):
            print(__doc__, file=sys.stderr)
            return 2
        else:
            wanted.append(a)
    names = sorted(m.group(1) for m in (re.match(r"test_(\w+)\.py$", n)
                                        for n in os.listdir(HERE)) if m)
    groups = [Group(n, v) for n in names for v in variants(n, wanted)]
    if not groups:
        print("check-guest: no such test: " + " ".join(wanted), file=sys.stderr)
        return 2
    if listing:
        for g in groups:
            print(g.name, g.variant, " ".join(n for n, _ in load(g.name)[1]))
        return 0
    began = time.monotonic()
    prepare(groups)
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    again = []
    run_groups(groups, jobs, keep, lambda g: report(g, counts, jobs == 1) or
               again.append(Group(g.name, g.variant)))
    run_groups(again, 1, keep, lambda g: report(g, counts, True))
    print("check-guest: took %d s" % (time.monotonic() - began))
    print("# PASS: %(PASS)d\n# FAIL: %(FAIL)d\n# SKIP: %(SKIP)d" % counts)
    print("check-guest: %(PASS)d passed, %(FAIL)d failed, %(SKIP)d skipped" %
          counts)
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
