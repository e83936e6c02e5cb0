#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What python3-canmatrix does per second: load a DBC, decode or encode frames.

    peer_canmatrix.py load|decode|encode FILE.dbc
"""
import logging
import random
import sys
import time

logging.disable(logging.CRITICAL)
out, sys.stdout = sys.stdout, sys.stderr
import canmatrix.formats  # noqa: E402  (prints which formats it lacks)


def main():
    what, path = sys.argv[1:]
    t, n = time.process_time(), 0
    if what == 'load':
        while time.process_time() - t < 0.5 or n == 0:
            canmatrix.formats.loadp_flat(path)
            n += 1
        return n / (time.process_time() - t)
    frames = canmatrix.formats.loadp_flat(path).frames
    rnd = random.Random(1)
    work = []
    for _ in range(500):
        f = rnd.choice(frames)
        data = bytes(rnd.randrange(256) for _ in range(8))
        raw = {k: v.raw_value for k, v in f.decode(data).items()}
        work.append((f, data, raw))
    t = time.process_time()
    while time.process_time() - t < 1:
        for f, data, raw in work:
            if what == 'decode':
                for v in f.decode(data).values():
                    v.phys_value
            else:
                f.encode(raw)
            n += 1
    return n / (time.process_time() - t)


print(main(), file=out)
