#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The audio focus client against a server that behaves like the guest's audio
control HAL: acquire, release, heartbeats, retries, a guest that restarts, and
the same recording with and without a guest."""
import os
import subprocess
import time

import protos
from protos import build

work = protos.modules('audio_focus', 'control')
import grpc  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
import audio_focus_pb2 as pb          # noqa: E402
import audio_focus_pb2_grpc as pbg    # noqa: E402
import control_pb2 as cpb             # noqa: E402
import control_pb2_grpc as cpbg       # noqa: E402
from audio_guest import AudioGuest, EXCLUSIVE, GAIN, MAY_DUCK, TRANSIENT  # noqa: E402

EMERGENCY, SAFETY, STATUS, ANNOUNCEMENT = range(1000, 1004)
run_dir, address = f'{work.name}/run', f'unix:{work.name}/guest.sock'
with open(f'{work.name}/chime.yaml', 'w') as f:
    f.write('''name: chime
summary: sounds of the car
duration: 600s
vehicle: compact-ev
start: { gear: P, ignition: on }
timeline:
  - at: 0s
    do: { audio-focus: { do: acquire, usage: announcement, duck: true, for: 1500ms } }
  - at: 500ms
    do: { audio-focus: { do: acquire, usage: emergency, exclusive: true } }
  - at: 700ms
    do: { audio-focus: { do: acquire, usage: emergency } }
  - at: 1s
    do: { audio-focus: { do: release, usage: emergency } }
  - at: 2s
    do: { audio-focus: { do: release, usage: emergency } }
''')


def run(*args, **kw):
    return subprocess.Popen(
        [f'{build}/avsim', 'run', f'{work.name}/chime.yaml', '--headless', *args],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


# ---- mistakes ----
for args, text in [(['--audio-focus', 'nowhere'], 'wants HOST:PORT'),
                   (['--audio-focus', 'x:99999'], 'wants HOST:PORT'),
                   (['--audio-focus', '/x', '--audio-usages', '7'], 'wants android')]:
    p = run('--no-record', '--until', '1s', *args)
    out, _ = p.communicate(timeout=20)
    assert p.returncode == 2 and text in out, out


def dump(record, only):
    return subprocess.run([f'{build}/avsim', 'dump', record, '--only', only],
                          capture_output=True, text=True, check=True).stdout


# ---- without a guest: the world is the same ----
alone = f'{work.name}/alone.avrec'
p = run('--record', alone, '--until', '4s', '--speed', 'max')
out, _ = p.communicate(timeout=20)
assert p.returncode == 0, out
want = dump(alone, 'audio')
lines = [x.split('\t') for x in want.splitlines()]
assert [x[0] for x in lines] == ['0.000000000', '0.500000000', '0.700000000',
                                 '1.000000000', '1.500000000', '2.000000000'], want
assert lines[0][1:3] == ['audio', 'focus'] and \
    lines[0][3].startswith('acquire usage=announcement zone=0 transient duck session='), want
assert ' exclusive ' in lines[1][3] and ' exclusive ' not in lines[2][3]
ids = [x[3].split('session=')[1] for x in lines]
assert len(set(ids)) == 3 and ids[3] == ids[1] and ids[4] == ids[0] and ids[5] == ids[2]
assert all(len(i) == 16 and int(i, 16) >> 48 for i in ids)
replay = subprocess.run([f'{build}/avsim', 'replay', alone, '--headless'],
                        capture_output=True, text=True)
assert replay.returncode == 0 and 'all as recorded' in replay.stdout, replay.stdout

# ---- with one ----
guest = AudioGuest(pb, pbg, address, expiry=2.5)
record = f'{work.name}/with.avrec'
avsim = run('--speed', '1', '--run-dir', run_dir, '--record', record,
            '--audio-focus', f'{work.name}/guest.sock')
guest.wait(lambda: len(guest.changes) >= 4)
assert [c[1:] for c in guest.changes] == [
    ('gain', ANNOUNCEMENT, 0, MAY_DUCK), ('gain', EMERGENCY, 0, EXCLUSIVE),
    ('abandon', ANNOUNCEMENT, 0, 0), ('abandon', EMERGENCY, 0, 0)], guest.changes
assert guest.log == [], guest.log
assert [f'{r.session_id:016x}' for _, m in guest.messages for r in m.acquire_requests] == \
    ids[:3], 'other ids than without a guest'
beats = [m for _, m in guest.messages if m.active_sessions]
assert 1 <= len(beats) <= 3

ctl = cpbg.ControlStub(grpc.insecure_channel(f'unix:{run_dir}/ctl.sock'))


def do(text):
    ctl.Command(cpb.CommandRequest(text=f'audio-focus {text}'), timeout=10)


for bad in ['do=release usage=safety duck=true', 'do=acquire usage=safety zone=0.5',
            'do=acquire usage=safety transient=false duck=true',
            'do=acquire usage=safety exclusive=true duck=true', 'do=acquire usage=music']:
    try:
        do(bad)
        raise AssertionError(bad)
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.INVALID_ARGUMENT, e

# heartbeats keep a session for longer than the guest would
n = len(guest.changes)
do('do=acquire usage=safety zone=2')
do('do=acquire usage=vehicle-status transient=false')
guest.wait(lambda: len(guest.changes) == n + 2)
assert [c[1:] for c in guest.changes[n:]] == [('gain', SAFETY, 2, TRANSIENT),
                                              ('gain', STATUS, 0, GAIN)]
m0 = len(guest.messages)
time.sleep(3.6)
assert len(guest.changes) == n + 2 and guest.log == [], (guest.changes, guest.log)
times = [t for t, m in guest.messages[m0:] if m.active_sessions]
assert len(times) in (3, 4) and all(0.8 < b - a < 1.3 for a, b in zip(times, times[1:])), times
assert all(len(m.active_sessions) == 2 for _, m in guest.messages[m0:])

# a guest that says no twice is asked again, a second apart
guest.fail = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL]
m0 = len(guest.messages)
do('do=acquire usage=emergency')
guest.wait(lambda: guest.changes[-1][1:] == ('gain', EMERGENCY, 0, TRANSIENT))
tries = [t for t, m in guest.messages[m0:] if m.acquire_requests]
# a heartbeat between them may have met one of the refusals
assert len(tries) in (2, 3) and tries[-1] - tries[0] > 0.9, tries

# a guest that starts anew hears of all sessions again
guest.stop()
time.sleep(0.3)
os.path.exists(f'{work.name}/guest.sock') and os.unlink(f'{work.name}/guest.sock')
do('do=release usage=safety zone=2')
guest = AudioGuest(pb, pbg, address, expiry=2.5)
guest.wait(lambda: len(guest.changes) >= 2)
assert {c[1:] for c in guest.changes} == {('gain', STATUS, 0, GAIN),
                                          ('gain', EMERGENCY, 0, TRANSIENT)}, guest.changes

# the end of the run releases what is on
ctl.Quit(Empty(), timeout=10)
out, _ = avsim.communicate(timeout=20)
assert avsim.returncode == 0 and 'Sanitizer' not in out, out
guest.wait(lambda: not guest.sessions, timeout=1)
assert [x for x in guest.log if 'expired' in x] == []
guest.stop()
with_guest = dump(record, 'audio').splitlines()
assert with_guest[:6] == want.splitlines(), 'a guest changes what happens'
replay = subprocess.run([f'{build}/avsim', 'replay', record, '--headless'],
                        capture_output=True, text=True)
assert replay.returncode == 0 and 'all as recorded' in replay.stdout, replay.stdout

# later guests count usages otherwise; nobody there at first
os.path.exists(f'{work.name}/guest.sock') and os.unlink(f'{work.name}/guest.sock')
avsim = run('--speed', '1', '--no-record', '--run-dir', run_dir, '--audio-focus',
            f'{work.name}/guest.sock', '--audio-usages', 'policy')
time.sleep(0.8)
guest = AudioGuest(pb, pbg, address)
guest.wait(lambda: any(c[1:3] == ('gain', 14) for c in guest.changes))
avsim.terminate()
out, _ = avsim.communicate(timeout=20)
assert 'no audio focus in the guest' in out and 'takes audio focus' in out, out
guest.stop()
print('audio focus: all as expected')
