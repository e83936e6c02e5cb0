#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The diff of two canonical dumps as one would write it with pandas: each record
of A to the nearest one of B with the same key, within a tolerance of time, for
what is missing and changed; and the other way round for what is extra.

    peer_pandas.py A.txt B.txt TIME_S

Prints missing, changed, extra and, on the last line, the seconds it took.
"""
import sys
import time

import pandas as pd


def read(path):
    return pd.read_csv(path, sep='\t', header=None, usecols=[0, 2, 3],
                       names=['t', 'channel', 'key', 'value'])


def main():
    start = time.perf_counter()
    a, b = read(sys.argv[1]), read(sys.argv[2])
    # whole nanoseconds: an epsilon of floats must not decide
    for d in (a, b):
        d['t'] = (d['t'] * 1e9).round().astype('int64')
    how = {'on': 't', 'by': 'key', 'direction': 'nearest',
           'tolerance': int(float(sys.argv[3]) * 1e9),
           'suffixes': ('_a', '_b')}
    m = pd.merge_asof(a, b, **how)
    missing = m['value_b'].isna()
    extra = pd.merge_asof(b, a, **how)['value_b'].isna()
    changed = (m['value_a'] - m['value_b']).abs() > 0
    took = time.perf_counter() - start
    print(int(missing.sum()))
    print(int((changed & ~missing).sum()))
    print(int(extra.sum()))
    print(took)


main()
