#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dumpstate service, judged by a python3-grpcio client made from our proto:
what a guest does for a bug report, and what can go wrong with commands."""
import os
import subprocess
import threading
import time

import protos
import running
from protos import build, top

work = protos.modules('dumpstate')
room_mib = 400 if protos.sanitized else 30
import grpc  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
import dumpstate_pb2 as pb            # noqa: E402
import dumpstate_pb2_grpc as pbg      # noqa: E402

OWN = ['avsim-status', 'avsim-events', 'avsim-devices', 'avsim-properties']
C = grpc.StatusCode

# ---- mistakes in the file: all of them, with their places, before the run ----
bad = subprocess.run(
    [f'{build}/avsim', 'run', 'parking', '--headless', '--dumpstate-config',
     f'{top}/tests/data/dumpstate/mistakes.xml', '--record', f'{work.name}/no.avrec'],
    capture_output=True, text=True)
assert bad.returncode == 2, bad
assert not os.path.exists(f'{work.name}/no.avrec')
for line in [":1:1: version '2.0' is unknown",
             ":1:1: 'dumpstateHalConfiguration' has no attribute 'color'",
             'text outside of a tag',
             ":3:3: 'a/b' cannot be a service",
             ":5:3: service 'twice' is there already, in line 4",
             ":6:3: 'command' holds '|': no shell runs it",
             ":7:3: 'command' holds an open quote",
             ":8:3: 'service' needs 'command'",
             ":9:3: 'services' cannot hold 'servise' (did you mean 'service",
             ":10:3: 'avsim-status': names that begin with avsim- are",
             ":12:2: 'systemLogs' needs 'service'"]:
    assert line in bad.stderr, (line, bad.stderr)
with open(f'{work.name}/laughs.xml', 'w') as f:
    f.write('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>')
bad = subprocess.run([f'{build}/avsim', 'run', 'parking', '--dumpstate-config', f.name],
                     capture_output=True, text=True)
assert bad.returncode == 2 and 'document type' in bad.stderr, bad.stderr

# ---- a run with commands of all kinds ----
pids = f'{work.name}/pids'
script = f'{work.name}/slow'
with open(script, 'w') as f:
    f.write(f'#!/bin/sh\nsleep 300 &\necho $$ $! >>{pids}\necho started\nwait\n')
os.chmod(script, 0o755)
orphan = f'{work.name}/orphan'
with open(orphan, 'w') as f:
    f.write('#!/bin/sh\nsleep 300 &\necho left one behind\n')
os.chmod(orphan, 0o755)
config = f'{work.name}/host.xml'
with open(config, 'w') as f:
    f.write(f'''<?xml version="1.0"?>
<dumpstateHalConfiguration version="1.0">
  <services>
    <service name="words" command="/bin/echo 'a  b' &quot;c \\&quot;\\x d&quot; e\\ f '$HOME' "/>
    <service name="big" command="head -c 5000000 /dev/zero"/>
    <service name="endless" command="yes"/>
    <service name="fails" command="sh -c 'echo so far; echo not this &gt;&amp;2; exit 3'"/>
    <service name="killed" command="sh -c 'kill -9 $$'"/>
    <service name="missing" command="/no/such/program"/>
    <service name="slow" command="{script}"/>
    <service name="orphan" command="{orphan}"/>
    <service name="stdin" command="cat"/>
  </services>
  <systemLogs><service name="log" command="echo all is well"/></systemLogs>
</dumpstateHalConfiguration>
''')
with open(f'{work.name}/drive.yaml', 'w') as f:
    f.write('''name: drive
summary: something to report
duration: 600s
vehicle: compact-ev
start: { gear: P, ignition: on }
timeline:
  - at: 500ms
    do: { mark: { text: half a second } }
expect:
  - that: PERF_VEHICLE_SPEED < 1 km/h
    name: stays
''')
run_dir = f'{work.name}/run'


def start(*args):
    return running.start(f'{work.name}/drive.yaml', run_dir, 'dumpstate.sock', '--no-record',
                         *args)


def connect():
    ch = grpc.insecure_channel(f'unix:{run_dir}/dumpstate.sock',
                               options=[('grpc.use_local_subchannel_pool', 1)])
    # the path is there a moment before somebody listens
    grpc.channel_ready_future(ch).result(timeout=20)
    return pbg.DumpstateServerStub(ch), ch


def logs(call):
    """Data, status and text of a stream; chunks are small enough."""
    data = b''
    try:
        for b in call:
            assert len(b.buffer) <= 65536
            data += b.buffer
    except grpc.RpcError as e:
        return data, e.code(), e.details()
    return data, C.OK, ''


def service(name, timeout=20):
    return logs(stub.GetServiceLogs(pb.ServiceLogRequest(service_name=name),
                                    timeout=timeout))


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().split(') ')[1][0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):  # or gone since it was opened
        return False


def gone(pid):
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


avsim = start('--dumpstate-config', config, '--dumpstate-tcp', '0')
stub, ch = connect()

# the order in which a guest asks
names = list(stub.GetAvailableServices(Empty(), timeout=10).service_names)
assert names == OWN + ['words', 'big', 'endless', 'fails', 'killed', 'missing', 'slow',
                       'orphan', 'stdin'], names
assert logs(stub.GetSystemLogs(Empty(), timeout=10)) == (b'all is well\n', C.OK, '')
assert service('words')[0] == b'a  b c "\\x d e f $HOME\n', service('words')
assert service('') == (b'', C.OK, '')
assert service('stdin') == (b'', C.OK, '')
assert service('nonsense') == (b'', C.INTERNAL, 'Bad service name: nonsense')
assert service('system_log')[1] == C.INTERNAL
data, code, text = service('fails')
assert (data, code) == (b'so far\n', C.INTERNAL) and 'echo so far' in text and '768' in text, (data, code, text)
assert service('killed')[1] == C.INTERNAL and 'signal 9' in service('killed')[2]
assert service('missing')[1] == C.INTERNAL and 'cannot be started' in service('missing')[2]
data, code, _ = service('big')
assert (len(data), code) == (5000000, C.OK)
data, code, text = service('endless')
assert (len(data), code) == (16 << 20, C.RESOURCE_EXHAUSTED), (len(data), code)
t0 = time.monotonic()
assert service('orphan')[:2] == (b'left one behind\n', C.OK)
assert time.monotonic() - t0 < 5, 'waited for what the command left behind'

# ten seconds for a slow one, meanwhile: cancelled ones, deaf readers, too many
slow = {}
waiter = threading.Thread(target=lambda: slow.update(r=service('slow', 30)))
waiter.start()
call = stub.GetServiceLogs(pb.ServiceLogRequest(service_name='slow'))
assert next(call).buffer == b'started\n'
time.sleep(0.2)
with open(pids) as f:
    all_pids = [int(x) for line in f for x in line.split()]
assert len(all_pids) == 4
call.cancel()
for _ in range(100):
    left = [p for p in all_pids if alive(p)]
    if len(left) == 2:
        break
    time.sleep(0.02)
assert len(left) == 2, 'a cancelled call leaves its command running'


def rss():
    with open(f'/proc/{avsim.pid}/statm') as f:
        return int(f.read().split()[1]) * 4096


deaf_stub, deaf_ch = connect()
before = rss()
deaf = [deaf_stub.GetServiceLogs(pb.ServiceLogRequest(service_name='endless'))
        for _ in range(20)]
time.sleep(1.0)
assert rss() - before < room_mib << 20, f'grew by {(rss() - before) >> 20} MiB'
assert service('words')[1] == C.RESOURCE_EXHAUSTED, 'no limit of commands'
assert service('avsim-status')[1] == C.OK
for d in deaf:
    d.cancel()
deaf_ch.close()
for _ in range(100):
    if service('words')[1] == C.OK:
        break
    time.sleep(0.02)
assert service('words')[1] == C.OK

# avsim about itself
status = service('avsim-status')[0].decode()
for want in ['scenario: drive', 'pace: 1 x', 'seed: ', 'verdict: ', 'expect none: stays']:
    assert want in status, (want, status)
events = service('avsim-events')[0].decode()
assert '0.500000000\tscenario\tmark\thalf a second\n' in events, events[-2000:]
assert len(events.splitlines()) <= 1000
devices = service('avsim-devices')[0].decode()
assert 'service vhal:' in devices and 'commands running' in devices, devices
props = service('avsim-properties')[0].decode()
assert '\tINFO_VIN\t"' in props and '\tGEAR_SELECTION\t4\n' in props, props

waiter.join()
data, code, text = slow['r']
assert (data, code) == (b'started\n', C.DEADLINE_EXCEEDED) and 'too long' in text, slow
assert all(gone(p) for p in all_pids), 'the group of a command is left running'

# the end takes running commands along
call = stub.GetServiceLogs(pb.ServiceLogRequest(service_name='slow'))
assert next(call).buffer == b'started\n'
time.sleep(0.2)
running.stop(avsim)
with open(pids) as f:
    all_pids = [int(x) for line in f for x in line.split()]
assert len(all_pids) == 6 and all(gone(p) for p in all_pids)
assert not os.path.exists(run_dir)
ch.close()

# ---- without a file: avsim's own state, no command at all ----
avsim = start()
stub, ch = connect()
assert list(stub.GetAvailableServices(Empty(), timeout=10).service_names) == OWN
data, code, _ = logs(stub.GetSystemLogs(Empty(), timeout=10))
assert code == C.OK and b'scenario: drive' in data and b'service vhal:' in data
running.stop(avsim)
ch.close()
print('dumpstate: all as expected')
