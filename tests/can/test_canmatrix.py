#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare avsim's DBC reader and codec with python3-canmatrix.

    test_canmatrix.py [FILE.dbc...]

For every message of every file the helper tests/can/dbc_oracle prints what avsim decodes
from random frames and packs into others; canmatrix must agree on every signal:
raw value, physical value, presence by multiplexer, labels, packed bytes.

Where canmatrix itself is at fault the comparison works around it, here:

* Identifiers with bits 29 or 30 set (toyota_2017_ref_pt.dbc has 32) make it drop
  the BO_ line and give the signals to the message before. The file is handed to
  it with the identifiers that avsim takes them for.
* It ignores a VAL_ without the ';' at its end (toyota_new_mc_pt_generated.dbc
  has one), which avsim warns of and takes. It is added.
* A signal beyond the message's length makes it fail. Frames are padded with
  zeros first, which is what avsim reads there.
* It packs overlapping signals in an order of its own (all little endian ones
  win), so packed frames are compared only where no two packed signals overlap.
* Its raw_value of a float is the float, avsim's is the bits.
"""
import glob
import logging
import math
import os
import re
import struct
import subprocess
import sys
from decimal import Decimal
from io import BytesIO

logging.disable(logging.CRITICAL)
sys.stdout, real_stdout = sys.stderr, sys.stdout
try:  # the import prints which file formats it lacks
    import canmatrix.formats
except ImportError as e:
    print('SKIP test_canmatrix.py: %s' % e)
    sys.exit(77)
sys.stdout = real_stdout

SEED, FRAMES = '7', '6'
PAD = 80  # bytes: start bit 511 and 64 bits more


def repair(text):
    def fix(m):
        n = int(m.group(2))
        if n & 0x60000000 and n != 0xC0000000:
            n = (n & 0x1FFFFFFF) | 0x80000000
        return m.group(1) + str(n).encode()
    text = re.sub(rb'(?m)^(BO_ )(\d+)', fix, text)
    return re.sub(rb'(?m)^(VAL_ \d[^;\n]*")[ \t]*\r?$', rb'\1 ;', text)


def load(path):
    raw = repair(open(path, 'rb').read())
    try:
        raw.decode('utf-8')
        enc = 'utf-8'
    except UnicodeDecodeError:
        enc = 'iso-8859-1'
    db = canmatrix.formats.load_flat(BytesIO(raw), 'dbc', dbcImportEncoding=enc,
                                     dbcImportCommentEncoding=enc)
    return {(f.arbitration_id.id, bool(f.arbitration_id.extended)): f
            for f in db.frames}


class Mismatch(Exception):
    pass


class Frame:
    """One message as canmatrix sees it."""

    def __init__(self, cm):
        self.cm = cm
        self.sig = {}
        for s in cm.signals:
            self.sig.setdefault(s.name, s)

    def raw(self, name, data):
        little, big = self.cm.bytes_to_bitstrings(data)
        return self.cm.bitstring_to_signal_list([self.sig[name]], big, little,
                                                8 * len(data))[0]

    def last_byte(self, s):
        return (s.start_bit + s.size - 1) // 8 + 1

    def present(self, name, data, size):
        s = self.sig[name]
        if self.last_byte(s) > size:
            return False
        if self.cm.is_complex_multiplexed:
            if not s.muxer_for_signal:
                return True
            up = s.muxer_for_signal
            return (self.present(up, data, size) and
                    s.multiplexer_value_in_range(self.raw(up, data)))
        if s.mux_val is None or s.is_multiplexer:
            return True
        for m in self.cm.signals:
            if m.is_multiplexer:
                return self.raw(m.name, data) == s.mux_val
        return True

    def bits(self, s):
        first = s.start_bit
        if s.is_little_endian:
            return {k // 8 * 8 + 7 - k % 8
                    for k in range(first, first + s.size)}
        return set(range(first, first + s.size))


def same_number(a, b):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-12 * max(abs(a), abs(b), 1e-9)


def check_signal(frame, data, size, name, raw, phys, there):
    s = frame.sig.get(name)
    if s is None:
        raise Mismatch('canmatrix has no signal %s' % name)
    want = frame.raw(name, data)
    if s.is_float:
        have = (struct.unpack('<f', struct.pack('<I', raw))[0]
                if s.size == 32 else
                struct.unpack('<d', struct.pack('<q', raw))[0])
        if not same_number(want, have):
            raise Mismatch('%s: float %r, canmatrix %r' % (name, have, want))
        want_phys = float(want) * float(s.factor) + float(s.offset)
    else:
        have = raw
        if not s.is_signed and raw < 0:
            have += 1 << 64
        if have != want:
            raise Mismatch('%s: raw %d, canmatrix %d' % (name, have, want))
        want_phys = float(s.raw2phys(Decimal(want)))
        # cancellation near zero costs digits that Decimal keeps
        scale = abs(float(want) * float(s.factor)) + abs(float(s.offset))
        if abs(want_phys - phys) <= 1e-15 * 4 * scale:
            want_phys = phys
    if not same_number(want_phys, phys):
        raise Mismatch('%s: physical %r, canmatrix %r' %
                       (name, phys, want_phys))
    if frame.present(name, data, size) != there:
        raise Mismatch('%s: present %d, canmatrix %d' %
                       (name, there, not there))


def check_encoded(frame, size, hexdata, pairs):
    values, used = {}, set()
    for pair in pairs:
        name, raw = pair.rsplit('=', 1)
        s, raw = frame.sig[name], int(raw)
        if s.is_float:
            fmt = ('<f', '<I') if s.size == 32 else ('<d', '<q')
            v = struct.unpack(fmt[0], struct.pack(fmt[1], raw))[0]
            if math.isnan(v):
                continue  # avsim takes a NaN for "leave the bits 0"
            values[name] = v
        else:
            if s.size > 52:  # through a double: the last bits may go
                return False
            values[name] = raw
        if frame.last_byte(s) > size or used & frame.bits(s):
            return False
        used |= frame.bits(s)
    want = bytes(frame.cm.signals_to_bytes(values)).hex().upper()
    if want != hexdata:
        raise Mismatch('packed %s, canmatrix %s from %s' %
                       (hexdata, want, ' '.join(pairs)))
    return True


def check_labels(frame, labels):
    for name, have in labels.items():
        want = {int(k): v for k, v in frame.sig[name].values.items()}
        if have != want:
            raise Mismatch('%s: labels %r, canmatrix %r' % (name, have, want))


def run(helper, path):
    frames = load(path)
    out = subprocess.run([helper, path, SEED, FRAMES], check=True,
                         stdout=subprocess.PIPE).stdout.decode('utf-8')
    stats = dict(messages=0, signals=0, decoded=0, packed=0, not_packed=0)
    frame, labels, seen, bad = None, {}, set(), 0
    for line in out.splitlines():
        kind, _, rest = line.partition(' ')
        try:
            if kind == 'M':
                ident, ext, size, name = rest.split(' ', 3)
                key, size = (int(ident), ext == '1'), int(size)
                labels = {}
                if key not in frames:
                    raise Mismatch('canmatrix has no message %s' % name)
                frame = Frame(frames.pop(key))
                if frame.cm.size != size:
                    raise Mismatch('%s: %d bytes, canmatrix %d' %
                                   (name, size, frame.cm.size))
                stats['messages'] += 1
            elif kind == 'L':
                sig, raw, text = rest.split(' ', 2)
                labels.setdefault(sig, {})[int(raw)] = text
            elif kind == 'D':
                check_labels(frame, labels)
                data = bytes.fromhex(rest).ljust(PAD, b'\0')
            elif kind == 'S':
                sig, raw, phys, there = rest.split(' ')
                check_signal(frame, data, size, sig, int(raw), float(phys),
                             there == '1')
                stats['decoded'] += 1
                seen.add((name, sig))
            elif kind == 'E':
                hexdata, *pairs = rest.split(' ')
                ok = check_encoded(frame, size, hexdata, pairs)
                stats['packed' if ok else 'not_packed'] += 1
            else:
                raise Mismatch(line)
        except Mismatch as e:
            bad += 1
            if bad <= 20:
                print('%s: %s: %s' % (path, name, e))
    for left in frames.values():
        if left.name != 'VECTOR__INDEPENDENT_SIG_MSG':
            bad += 1
            print('%s: avsim lacks message %s' % (path, left.name))
    stats['signals'] = len(seen)
    print('%s: %s%s' % (path.rsplit('/', 1)[-1],
                        ' '.join('%s %d' % kv for kv in stats.items()),
                        ', %d MISMATCHES' % bad if bad else ''))
    return bad == 0 and stats['decoded'] > 0 and stats['packed'] > 0


def main():
    top = os.environ.get('AVSIM_TOP_SRCDIR', '.')
    build = os.environ.get('AVSIM_TOP_BUILDDIR', top)
    shared = os.environ.get('AVSIM_SHARED_DATA', top + '/../shared/data')
    paths = sys.argv[1:]
    if not paths:
        paths = [top + '/tests/data/can/sample.dbc']
        paths += sorted(glob.glob(shared + '/can/*.dbc'))
        if len(paths) == 1:
            print('no shared data: only the sample of the source tree')
    helper = build + '/tests/can/dbc_oracle'
    sys.exit(0 if all([run(helper, p) for p in paths]) else 1)


main()
