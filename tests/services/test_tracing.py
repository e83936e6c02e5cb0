#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Traces: `avsim export --format perfetto`, and the tracing service as a guest's
client asks it (python3-grpcio). What is in them is held against the recording of
the same run."""
import re
import subprocess
import time

import protos
import running
from protos import build

work = protos.modules('tracing', 'perfetto_config', 'vhal_aidl')
import grpc  # noqa: E402
from perfetto_trace import Trace, protoc_decodes, query  # noqa: E402
from perfetto_config_pb2 import TraceConfig  # noqa: E402
import tracing_pb2 as pb                # noqa: E402
import tracing_pb2_grpc as pbg          # noqa: E402
import vhal_aidl_pb2 as vpb             # noqa: E402
import vhal_aidl_pb2_grpc as vpbg       # noqa: E402

C = grpc.StatusCode
TEMP, LEFT = 0x15600503, 0x31
S = 10 ** 9


def avsim(*args, status=0):
    p = subprocess.run([f'{build}/avsim', *args], capture_output=True,
                       text=True, stdin=subprocess.DEVNULL)
    assert p.returncode == status, p
    return p.stdout + p.stderr


def dump(rec, only):
    """[(ns, key, text)] of a recording."""
    out = []
    for line in avsim('dump', rec, '--only', only).splitlines():
        t, _, key, text = line.split('\t', 3)
        out.append((int(t.replace('.', '')), key, text))
    return out


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def export(rec, *args):
    out = f'{rec}.pftrace'
    avsim('export', rec, '--format', 'perfetto', '-o', out, *args)
    with open(out, 'rb') as f:
        data = f.read()
    return out, data, Trace(data)


# ---- out of a recording ----
SCENARIO = '''name: drive
summary: a bit of everything
duration: 20s
vehicle: compact-ev
start: { gear: P, ignition: on, date: 2026-06-01T10:00:00Z }
timeline:
  - at: 1s
    do: { mark: { text: first ä } }
  - at: 2s
    do: [ { speed: { to: 30 km/h } }, { mark: { text: second } } ]
  - at: 4s
    do: { fault: { name: gnss-outage, for: 3s } }
  - at: 5s
    do: { fault: { name: can-mute, bus: can0, for: 1s } }
  - at: 6s
    do: { audio-focus: { do: acquire, usage: announcement, duck: true, for: 2s } }
  - at: 7s
    do: { audio-focus: { do: acquire, usage: safety, for: 3s } }
expect:
  - that: PERF_VEHICLE_SPEED > 1 km/h
    by: 19s
    name: moves
'''
drive = f'{work.name}/drive.yaml'
with open(drive, 'w') as f:
    f.write(SCENARIO)
rec = f'{work.name}/drive.avrec'
avsim('run', drive, '--headless', '--speed', 'max', '--record', rec)
path, data, t = export(rec)
protoc_decodes(path)
assert data == export(rec)[1]
ROOT = 'avsim drive'
assert t.root == ROOT

# each number of a property is there, and nothing else
speed = [(at, float(v)) for at, _, v in dump(rec, 'vhal:PERF_VEHICLE_SPEED')]
assert len(speed) > 100 and t.counters[f'{ROOT}/vhal/PERF_VEHICLE_SPEED'] == speed
units = {t.units[u] for u in t.tracks[f'{ROOT}/vhal/PERF_VEHICLE_SPEED']}
assert units == {'METER_PER_SEC'}, units
n = 0
for at, key, text in dump(rec, 'vhal'):
    where = f'{ROOT}/vhal/{key}'
    if where in t.counters and number(text) is not None:
        assert (at, number(text)) in t.counters[where], (at, key, text)
        n += 1
    else:
        assert any(s.start <= at <= s.end for s in t.slices[where]), (at, key, text)
assert n > 1000, n
gear = t.slices[f'{ROOT}/vhal/GEAR_SELECTION']
assert [s.name for s in gear] == ['GEAR_PARK', 'GEAR_DRIVE'], gear
assert gear[0].start < S and gear[0].end == gear[1].start
assert t.names(f'{ROOT}/vhal/INFO_MAKE') == ['"Avsim"']

# what lasts
marks = t.slices[f'{ROOT}/scenario/mark']
assert [(s.start, s.end, s.name) for s in marks][0] == (1 * S, 2 * S, 'first ä'), marks
assert marks[1].name == 'second' and marks[1].end == t.last
for fault, begin, end in (('gnss-outage', 4, 7), ('can-mute', 5, 6)):
    got = t.slices[f'{ROOT}/faults/{fault}']
    want = [at for at, key, _ in dump(rec, f'fault:{fault}')]
    assert [(s.start, s.end) for s in got] == [tuple(want)], (got, want)
    assert abs(got[0].start - begin * S) < S / 10, got
    assert abs(got[0].end - end * S) < S / 10, got
assert 'bus=can0' in t.names(f'{ROOT}/faults/can-mute')[0]
focus = t.slices[f'{ROOT}/audio/focus']
assert len(focus) == 2 and len(t.tracks[f'{ROOT}/audio/focus']) == 2, focus
assert focus[0].name.startswith('usage=announcement') and focus[1].start < focus[0].end
assert f'{ROOT}/scenario/do' in t.instants and f'{ROOT}/scenario/expect' in t.instants
axis = [w for w in t.counters if w.startswith(f'{ROOT}/imu/') and w.endswith(' z')]
assert axis and len(t.counters[axis[0]]) > 100, list(t.counters)
assert len(t.counters[f'{ROOT}/gnss/GPS speed_mps']) > 10
assert not {f'{ROOT}/can', f'{ROOT}/signals'} & set(t.tracks), 'asked for by nobody'
assert t.clocks == [{6: 0, 1: 1780308000 * S}], t.clocks  # the scenario's date

# frames and signals on demand
frames = dump(rec, 'can:can0:*')
_, _, t = export(rec, '--only', 'can:can0:*')
assert len(t.instants[f'{ROOT}/can/can0']) == len(frames) > 1000
at, key, text = frames[7]
assert (at, key.split(':')[1], {'data': text}) in t.instants[f'{ROOT}/can/can0']
_, _, t = export(rec, '--only', 'signal:Vehicle.Speed')
want = [(at, float(v)) for at, _, v in dump(rec, 'signal:Vehicle.Speed')]
assert t.counters[f'{ROOT}/signals/Vehicle.Speed'] == want and len(want) > 100

rows = query(path, 'select count(*) from counter join counter_track on '
             'counter.track_id = counter_track.id where name = '
             "'PERF_VEHICLE_SPEED';")
if rows is None:
    print('SKIP (part): no trace_processor_shell to ask what it makes of it '
          '(AVSIM_TRACE_PROCESSOR names one)')
else:
    assert rows == [[str(len(speed))]], rows
    bad = query(path, "select name, value from stats where severity in "
                "('error', 'data_loss') and value > 0;")
    assert bad == [], bad

# ---- the service ----
run_dir = f'{work.name}/run'


def start_run(record, *args):
    return running.start(drive, run_dir, 'tracing.sock', '--linger', '--record', record, *args)


def channel(name):
    return grpc.insecure_channel(f'unix:{run_dir}/{name}.sock',
                                 options=[('grpc.use_local_subchannel_pool', 1)])


def start(config=None):
    return stub.StartTracing(pb.StartTracingRequest(host_config=config), timeout=20)


def session(**config):
    r = start(TraceConfig(**config))
    assert r.is_ok and not r.error_str and r.session_id.session_id > 0, r
    return r.session_id


def refused(r):
    """As both versions of the reference client look."""
    assert not r.is_ok and r.error_str and not r.session_id.session_id, r
    return r.error_str


def fetch(which):
    data, code, text = b'', C.OK, ''
    try:
        for b in stub.GetTracingFile(which, timeout=60):
            assert 0 < len(b.buffer) <= 65536
            data += b.buffer
    except grpc.RpcError as e:
        return data, e.code(), e.details()
    return data, code, text


def trace(which, cut=False):
    assert stub.StopTracing(which, timeout=20).is_ok
    data, code, text = fetch(which)
    assert code == C.OK, (code, text)
    return Trace(data, cut)


def virtual():
    """Seconds of the run so far."""
    return float(re.search(r'time: +([0-9.]+) s', avsim('ctl', '--run-dir', run_dir,
                                                 'status')).group(1))


def wait_until(seconds):
    deadline = time.monotonic() + 60 + 10 * seconds
    while virtual() < seconds:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def sources(*names):
    return [TraceConfig.DataSource(config={'name': n}) for n in names]


record = f'{work.name}/live.avrec'
car = start_run(record, '--tracing-tcp', '0')
stub = pbg.TracingServerStub(channel('tracing'))
vhal = vpbg.VehicleServerStub(channel('vhal'))

# a session through the faults of the scenario, with what a guest does meanwhile
wall = time.time_ns()
drive_trace = session()
r = vhal.SetValues(vpb.VehiclePropValueRequests(requests=[vpb.VehiclePropValueRequest(
    request_id=1, value=vpb.VehiclePropValue(prop=TEMP, area_id=LEFT,
                                             float_values=[26.5]))]), timeout=20)
assert r.results[0].status == 0
long = session(data_sources=sources('avsim.can', 'avsim.signal', 'avsim.imu'))
short = session(duration_ms=1000, data_sources=sources('linux.ftrace', 'avsim.vhal'))

# mistakes, one by one
assert '40000 kB' in refused(start(TraceConfig(buffers=[
    TraceConfig.BufferConfig(size_kb=40000)])))
text = refused(start(TraceConfig(data_sources=sources('avsim.vehicle'))))
assert "'avsim.vehicle'" in text and 'avsim.vhal' in text and 'avsim.can' in text, text
for n in (0, 99):
    assert str(n) in refused(stub.StopTracing(pb.TracingSessionIdentifier(
        session_id=n), timeout=20))
assert fetch(pb.TracingSessionIdentifier(session_id=0))[1] == C.INVALID_ARGUMENT
assert fetch(pb.TracingSessionIdentifier(session_id=99))[1] == C.NOT_FOUND
data, code, text = fetch(drive_trace)
assert (data, code) == (b'', C.FAILED_PRECONDITION) and 'stop it first' in text, text
raw = channel('tracing').unary_unary(
    '/tracing_vm_proto.TracingServer/StartTracing',
    request_serializer=lambda b: b, response_deserializer=pb.RequestStatus.FromString)
try:  # a configuration in Perfetto's text form is none
    raw(b'\n\x10duration_ms: 100', timeout=20)
    assert False, 'taken'
except grpc.RpcError as e:
    assert e.code() == C.INVALID_ARGUMENT, e
# the first version of the reference client: bytes with write_into_file in them,
# and fields that are nothing to us
old = raw(b'\n\x02\x40\x01', timeout=20)
assert old.is_ok, old
odd = raw(b'\n\x09' + b'\x60\x01' + b'\xea\x01\x02/x' + b'\x68\x05', timeout=20)
assert odd.is_ok, odd

# over by itself: the end is where it was asked for
wait_until(virtual() + 1.5)
t = Trace(fetch(short)[0])
assert 0 < t.last - t.first <= 1 * S, (t.first, t.last)
assert stub.StopTracing(short, timeout=20).is_ok
assert {w.split('/')[1] for w in t.counters} == {'vhal'}, set(t.counters)
notes = [name for _, name, _ in t.instants[ROOT]]
assert any('data source linux.ftrace' in x for x in notes), notes
t = trace(odd.session_id)
notes = [name for _, name, _ in t.instants[ROOT]]
assert any('deferred_start' in x and 'output_path' in x and 'flush' not in x
           for x in notes), notes
trace(old.session_id)

# small buffers: the newest, or the oldest, and said so
ring = session(buffers=[TraceConfig.BufferConfig(size_kb=64)],
               data_sources=sources('avsim.can', 'avsim.signal', 'avsim.vhal'))
first = session(buffers=[TraceConfig.BufferConfig(
    size_kb=100, fill_policy=TraceConfig.BufferConfig.DISCARD)],
    data_sources=sources('avsim.can'))
limit = session(write_into_file=True, max_file_size_bytes=70000,
                data_sources=sources('avsim.can'))
wait_until(virtual() + 6)
t = trace(ring, cut=True)
assert any('gave way' in name for _, name, _ in t.instants[ROOT]), t.instants[ROOT]
body = [at for at, _, _ in t.instants[f'{ROOT}/can/can0']]
assert body[0] > t.first + S and t.last - body[-1] < S, (t.first, body[0], body[-1])
assert f'{ROOT}/vhal/GEAR_SELECTION' in t.slices
for which, most in ((first, 128 << 10), (limit, 128 << 10)):
    data = fetch(which)[0]
    t = Trace(data)
    assert len(data) <= most + 4096, len(data)
    assert any('full' in name for _, name, _ in t.instants[ROOT])
    body = [at for at, _, _ in t.instants[f'{ROOT}/can/can0']]
    assert body[0] - t.first < S / 2 and t.last - body[-1] < S / 2

# the first one: values of its beginning, the scenario, requests, both clocks
wait_until(10)
live = trace(drive_trace)
made = {w for w in live.tracks if w.startswith(f'{ROOT}/vhal/')}
assert len(made) > 150, len(made)
assert live.slices[f'{ROOT}/vhal/INFO_MAKE'][0].start == live.first
assert [s.name for s in live.slices[f'{ROOT}/vhal/GEAR_SELECTION']][-1] == 'GEAR_DRIVE'
assert len(live.slices[f'{ROOT}/faults/gnss-outage']) == 1
assert any(v == 26.5 for _, v in live.counters[f'{ROOT}/vhal/HVAC_TEMPERATURE_SET/'
                                               'ROW_1_LEFT|ROW_2_LEFT|ROW_2_CENTER']), \
    [w for w in live.counters if 'HVAC_TEMPERATURE_SET' in w]
guest = live.instants[f'{ROOT}/commands/guest']
assert len(guest) == 1 and '26.5' in guest[0][1], guest
calls = [s for w, v in live.slices.items() if w.startswith(f'{ROOT}/services/')
         for s in v]
sets = [s for s in calls if s.name == 'SetValues']
assert len(sets) == 1 and sets[0].args['status'] == 'OK', calls
assert sets[0].args['host_us'] > 0 and sets[0].args['bytes_in'] > 0, sets
assert any(s.name == 'StartTracing' for s in calls)
for c in live.clocks:
    passed = c[6] - live.clocks[0][6]  # at speed 1, unless the host is late
    assert abs(c[1] - live.clocks[0][1] - passed) < 30 * S, live.clocks
assert len(live.clocks) > 5 and abs(live.clocks[0][1] - wall) < 60 * S, live.clocks

# many: what is over goes, what runs stays, and what is being read
assert stub.StopTracing(long, timeout=20).is_ok
slow = grpc.insecure_channel(f'unix:{run_dir}/tracing.sock', options=[
    ('grpc.use_local_subchannel_pool', 1), ('grpc.http2.bdp_probe', 0)])
reading = pbg.TracingServerStub(slow).GetTracingFile(long, timeout=60)
data = next(reading).buffer
ids = [session() for _ in range(7)]
assert fetch(ring)[1] == C.NOT_FOUND
assert 'stop one first' in refused(start())
for x in ids:
    assert stub.StopTracing(x, timeout=20).is_ok
big = session(write_into_file=True)
assert '2 sessions' in refused(start(TraceConfig(write_into_file=True)))  # one is read
assert fetch(ids[6])[1] == C.NOT_FOUND
data += b''.join(b.buffer for b in reading)
t = Trace(data)
assert len(data) > 600000 and len(t.instants[f'{ROOT}/can/can0']) > 5000, len(data)
assert stub.StopTracing(big, timeout=20).is_ok
for _ in range(100):  # its place is free as soon as the last byte is sent
    r = start(TraceConfig(write_into_file=True))
    if r.is_ok:
        break
    time.sleep(0.02)
assert r.is_ok, r
out = running.stop(car)
assert 'linux.ftrace' in out or 'deferred_start' in out, out

# what the live trace has of properties is what the recording has, from there on
for at, key, text in dump(record, 'vhal'):
    if live.first < at <= live.last and number(text) is not None:
        where = f'{ROOT}/vhal/{key}'
        if where in live.counters:
            assert (at, number(text)) in live.counters[where], (at, key, text)

# a run is the same with a trace and without (but for what was asked of it)
runs = []
for i in range(2):
    runs.append(f'{work.name}/same{i}.avrec')
    car = start_run(runs[i], '--until', '8s')
    if i == 1:
        stub = pbg.TracingServerStub(channel('tracing'))
        session(duration_ms=3000)
        session(data_sources=sources('avsim.can', 'avsim.signal', 'avsim'))
    out, _ = car.communicate(timeout=120)
    assert car.returncode in (0, 1) and 'Sanitizer' not in out, out
both = [dump(r, 'can,vhal,imu,gnss,scenario,fault,audio,power,command') for r in runs]
assert len(both[0]) > 5000 and both[0] == both[1], 'a trace changes the run'
assert 'as recorded' in avsim('replay', runs[1], '--speed', 'max', '--headless')
print('tracing: all as expected')
