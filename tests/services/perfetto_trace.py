# SPDX-License-Identifier: Apache-2.0
"""A Perfetto trace of avsim's, decoded by Google's protobuf and held against the
rules by which trace_processor takes it: `Trace(bytes)`."""
import collections
import os
import shutil
import subprocess
import sys
import tempfile

from google.protobuf import unknown_fields
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
work = tempfile.TemporaryDirectory()
assert protoc.main(['protoc', f'-I{HERE}', f'--python_out={work.name}',
                    f'{HERE}/perfetto_trace.proto']) == 0
sys.path.insert(0, work.name)
import perfetto_trace_pb2 as pb  # noqa: E402

BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4
Slice = collections.namedtuple('Slice', 'start end name args')


def known(m):
    """No field that the schema does not have, at any depth."""
    assert len(unknown_fields.UnknownFieldSet(m)) == 0, m
    for d, v in m.ListFields():
        if d.type == d.TYPE_MESSAGE:
            for x in v if d.label == d.LABEL_REPEATED else [v]:
                known(x)


class Trace:
    """tracks: path -> [uuid]; by path: counters [(t, value)], instants [(t, name,
    args)], slices [Slice] (end None: still open)."""

    def __init__(self, data, cut=False):
        t = pb.Trace.FromString(data)
        known(t)
        self.tracks = collections.defaultdict(list)
        self.units, self.clocks, self.packets = {}, [], len(t.packet)
        self.counters = collections.defaultdict(list)
        self.instants = collections.defaultdict(list)
        self.slices = collections.defaultdict(list)
        path, events = {}, []
        assert len({p.trusted_packet_sequence_id for p in t.packet}) == 1
        assert t.packet[0].trusted_packet_sequence_id > 0
        for p in t.packet:
            assert sum(p.HasField(f) for f in (
                'clock_snapshot', 'track_event', 'track_descriptor')) == 1, p
            if p.HasField('clock_snapshot'):
                self.clocks.append({c.clock_id: c.timestamp
                                    for c in p.clock_snapshot.clocks})
            elif p.HasField('track_descriptor'):
                d = p.track_descriptor
                assert d.uuid not in path, d
                above = path[d.parent_uuid] + '/' if d.parent_uuid else ''
                path[d.uuid] = above + d.name
                self.tracks[path[d.uuid]].append(d.uuid)
                if d.HasField('counter'):
                    self.units[d.uuid] = d.counter.unit_name
            else:
                assert p.HasField('timestamp')
                e = p.track_event
                assert (e.type == COUNTER) == (e.track_uuid in self.units), e
                assert e.HasField('double_counter_value') == (e.type == COUNTER)
                assert (e.name != '') == (e.type in (BEGIN, INSTANT)), e
                assert e.track_uuid in path or cut, e
                events.append((p.timestamp, e))
        events.sort(key=lambda x: x[0])  # stable, as the trace_processor's
        stack = collections.defaultdict(list)
        self.first, self.last = events[0][0], events[-1][0]
        for at, e in events:
            args = {a.name: a.string_value or a.double_value
                    for a in e.debug_annotations}
            where = path[e.track_uuid]
            if e.type == COUNTER:
                self.counters[where].append((at, e.double_counter_value))
            elif e.type == INSTANT:
                self.instants[where].append((at, e.name, args))
            elif e.type == BEGIN:
                stack[e.track_uuid].append((at, e.name, args))
                assert len(stack[e.track_uuid]) == 1, (where, e)
            else:
                assert stack[e.track_uuid] or cut, (where, at)
                if stack[e.track_uuid]:
                    b = stack[e.track_uuid].pop()
                    self.slices[where].append(Slice(b[0], at, b[1], b[2]))
        for uuid, left in stack.items():
            for at, name, args in left:
                self.slices[path[uuid]].append(Slice(at, None, name, args))
        for s in self.slices.values():
            s.sort(key=lambda x: x.start)
        self.root = path[t.packet[0].track_descriptor.uuid] \
            if t.packet[0].HasField('track_descriptor') else None

    def names(self, where):
        return [x.name for x in self.slices[where]]


def protoc_decodes(path):
    """The same by protoc, where it is."""
    if not shutil.which('protoc'):
        return
    with open(path, 'rb') as f:
        p = subprocess.run(['protoc', f'-I{HERE}', '--decode',
                            'perfetto.protos.Trace', 'perfetto_trace.proto'],
                           stdin=f, capture_output=True, text=True)
    assert p.returncode == 0 and not p.stderr, p.stderr[:500]
    assert p.stdout.count('\npacket {') > 10


def query(path, sql):
    """By Perfetto's own trace_processor_shell, where somebody has put it (it is
    in no Debian package): rows of text, or None."""
    shell = os.environ.get('AVSIM_TRACE_PROCESSOR') or \
        shutil.which('trace_processor_shell') or shutil.which('trace_processor')
    if not shell:
        return None
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as f:
        f.write(sql)
        f.flush()
        p = subprocess.run([shell, '-q', f.name, path], capture_output=True,
                           text=True)
    assert p.returncode == 0, p.stderr
    return [line.replace('"', '').split(',')
            for line in p.stdout.strip().splitlines()[1:]]
