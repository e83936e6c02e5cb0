# SPDX-License-Identifier: Apache-2.0
"""avsim running a scenario in real time, for who talks to its services."""
import atexit
import os
import resource
import subprocess
import time

from protos import build


def few_files():
    """As many descriptors as a login usually has."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


def start(scenario, run_dir, ready, *args):
    """The process, once the socket @ready is in @run_dir, and is ours alone.
    @args: what else avsim run takes."""
    p = subprocess.Popen(
        [f'{build}/avsim', 'run', scenario, '--headless', '--speed', '1',
         '--run-dir', run_dir, *args],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=few_files)
    atexit.register(p.kill)
    sock = f'{run_dir}/{ready}'
    for _ in range(200):
        if os.path.exists(sock) or p.poll() is not None:
            break
        time.sleep(0.05)
    assert p.poll() is None, p.communicate()[0]
    assert os.stat(sock).st_mode & 0o777 == 0o600
    return p


def stop(p):
    """What it said."""
    p.terminate()
    out, _ = p.communicate(timeout=60)
    assert p.returncode in (0, 1), out
    assert 'Sanitizer' not in out, out
    return out
