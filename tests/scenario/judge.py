# SPDX-License-Identifier: Apache-2.0
"""What the tests of scenarios share: where things are, and what is wrong, counted
and told."""
import os
import subprocess

TOP = os.environ.get("AVSIM_TOP_SRCDIR", ".")
AVSIM = os.path.join(os.environ.get("AVSIM_TOP_BUILDDIR", "."), "avsim")
failures = 0


def check(ok, *what):
    global failures
    if not ok:
        failures += 1
        if failures <= 100:  # one mistake may be wrong in every row
            print("FAIL", *what)


def avsim(*args):
    r = subprocess.run([AVSIM, *args], capture_output=True, text=True)
    check(r.returncode == 0, args[0], "exit", r.returncode, r.stderr)
    return r.stdout
