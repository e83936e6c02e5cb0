#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The debug port, judged by a client that does what the Python tools for the
VHAL emulator do: one recv for the length, one for the body."""
import queue
import re
import socket
import struct
import subprocess
import threading
import time

import protos
import running
from protos import build

work = protos.modules('dumpstate', 'vhal_hidl_types')
room_mib = 400 if protos.sanitized else 24
import grpc  # noqa: E402
import dumpstate_pb2 as dpb           # noqa: E402
import dumpstate_pb2_grpc as dpbg     # noqa: E402
import vhal_hidl_types_pb2 as pb      # noqa: E402

SPEED, GEAR, VIN = 0x11600207, 0x11400400, 0x11100100
TEMP, LEFT, NIGHT, KEY = 0x15600503, 0x31, 0x11200407, 0x11410A10

with open(f'{work.name}/drive.yaml', 'w') as f:
    f.write('''name: drive
summary: a drive for a debug tool
duration: 600s
vehicle: compact-ev
start: { gear: P, ignition: on }
timeline:
  - at: 500ms
    do: { speed: { to: 30 km/h } }
''')
run_dir, record = f'{work.name}/run', f'{work.name}/a.avrec'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def start(*args):
    return running.start(f'{work.name}/drive.yaml', run_dir, 'dumpstate.sock', *args)


class Tool(threading.Thread):
    """Like vhal_emulator.py: a thread that receives, replies in a queue."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_connection(('127.0.0.1', port), timeout=20)
        self.replies, self.pushed, self.split = queue.Queue(), [], 0
        self.start()

    def run(self):
        try:
            while True:
                head = self.sock.recv(4)
                if len(head) < 4:
                    break
                n, = struct.unpack('!I', head)
                body = self.sock.recv(n)
                while len(body) < n:  # the real tool would be lost here
                    self.split += 1
                    body += self.sock.recv(n - len(body))
                m = pb.EmulatorMessage()
                m.ParseFromString(body)
                if m.msg_type == pb.SET_PROPERTY_ASYNC:
                    self.pushed.append(m)
                else:
                    self.replies.put(m)
        except OSError:
            pass
        self.replies.put(None)

    def send(self, m):
        data = m.SerializeToString()
        self.sock.sendall(struct.pack('!I', len(data)) + data)

    def ask(self, kind, **kw):
        self.send(pb.EmulatorMessage(msg_type=kind, **kw))
        m = self.replies.get(timeout=10)
        assert m is not None and m.msg_type == kind + 1, m
        return m

    def get(self, prop, area=None):
        q = pb.VehiclePropGet(prop=prop)
        if area is not None:
            q.area_id = area
        return self.ask(pb.GET_PROPERTY_CMD, prop=[q])

    def set(self, prop, area=0, kind=None, status=pb.AVAILABLE, **kw):
        return self.ask(pb.SET_PROPERTY_CMD, value=[pb.VehiclePropValue(
            prop=prop, area_id=area, value_type=types.get(prop, 0), status=status,
            **kw)]).status

    def wait(self, prop, area, test):
        for _ in range(200):
            for m in list(self.pushed):
                assert m.status == pb.RESULT_OK and len(m.value) == 1
                v = m.value[0]
                if (v.prop, v.area_id) == (prop, area) and test(v):
                    return v
            time.sleep(0.02)
        raise AssertionError((hex(prop), self.pushed[-3:]))


# ---- off by default ----
avsim = start('--no-record')
try:
    socket.create_connection(('127.0.0.1', 33452), timeout=1).close()
    listens = True
except OSError:
    listens = False
running.stop(avsim)
assert not listens, 'the port is open without being asked for'

port = free_port()
avsim = start(f'--debug-port={port}', '--record', record)
t = Tool()

# what the tool does first
configs = t.ask(pb.GET_CONFIG_ALL_CMD)
assert configs.status == pb.RESULT_OK and len(configs.config) > 90
types = {c.prop: c.value_type for c in configs.config}
assert types[SPEED] == 0x00600000 and types[GEAR] == 0x00400000
temp = t.ask(pb.GET_CONFIG_CMD, prop=[pb.VehiclePropGet(prop=TEMP)])
assert temp.status == pb.RESULT_OK and len(temp.config) == 1
left = {a.area_id: a for a in temp.config[0].area_configs}[LEFT]
assert left.min_float_value == 16 and not left.HasField('min_int32_value')
bad = t.ask(pb.GET_CONFIG_CMD, prop=[pb.VehiclePropGet(prop=1)])
assert bad.status == pb.ERROR_INVALID_PROPERTY and not bad.config
assert t.ask(pb.GET_CONFIG_CMD).status == pb.ERROR_INVALID_PROPERTY

# values
gear = t.get(GEAR)
assert gear.status == pb.RESULT_OK and gear.value[0].int32_values[:] in ([4], [8])
assert t.get(VIN, 0).value[0].string_value
assert t.get(TEMP, LEFT).value[0].float_values
assert t.get(TEMP, 0x4000).status == pb.ERROR_INVALID_PROPERTY
assert t.get(1).status == pb.ERROR_INVALID_PROPERTY and not t.get(1).value
everything = t.ask(pb.GET_PROPERTY_ALL_CMD)
assert everything.status == pb.RESULT_OK and len(everything.value) > 100
assert {v.prop for v in everything.value} <= set(types)
assert all(v.timestamp > 0 for v in everything.value)

# a set is a change from the vehicle: also of what guests may only read
other = Tool()
time.sleep(0.2)
assert t.set(NIGHT, int32_values=[1]) == pb.RESULT_OK
for tool in (t, other):
    tool.wait(NIGHT, 0, lambda v: v.int32_values[:] == [1])
assert t.get(NIGHT).value[0].int32_values[:] == [1]
name = "it's a \\ car, \"quoted\" \u00e4"
assert t.set(VIN, string_value=name) == pb.RESULT_OK
t.wait(VIN, 0, lambda v: v.string_value == name)
assert t.set(TEMP, LEFT, status=pb.UNAVAILABLE, float_values=[20]) == pb.RESULT_OK
other.wait(TEMP, LEFT, lambda v: v.status == pb.UNAVAILABLE)
assert t.set(KEY, int32_values=[0, 66, 0]) == pb.RESULT_OK
assert t.set(KEY, int32_values=[0, 66, 0]) == pb.RESULT_OK
for bad in [(1, 0, {'int32_values': [1]}), (TEMP, 0x4000, {'float_values': [20]}),
            (TEMP, LEFT, {'int32_values': [20]}), (GEAR, 0, {'int32_values': [1, 2]}),
            (VIN, 0, {})]:
    assert t.set(bad[0], bad[1], **bad[2]) == pb.ERROR_INVALID_PROPERTY, bad
assert t.ask(pb.SET_PROPERTY_CMD).status == pb.ERROR_INVALID_PROPERTY
t.wait(SPEED, 0, lambda v: v.float_values[0] > 1)

# the rest
help_text = t.ask(pb.DEBUG_CMD, debug_commands=['--help'])
assert help_text.status == pb.RESULT_OK and '--list' in help_text.debug_result
t.send(pb.EmulatorMessage(msg_type=pb.GET_CONFIG_RESP))
m = t.replies.get(timeout=10)
assert (m.msg_type, m.status) == (pb.GET_CONFIG_RESP, pb.ERROR_UNIMPLEMENTED_CMD)
t.sock.sendall(b'\0\0\0\2\x08\x63')  # a type that does not exist
assert t.replies.get(timeout=10).status == pb.ERROR_UNIMPLEMENTED_CMD
for i in range(200):  # one answer each, in order
    t.send(pb.EmulatorMessage(msg_type=[pb.GET_PROPERTY_CMD, pb.GET_CONFIG_CMD][i % 2],
                              prop=[pb.VehiclePropGet(prop=GEAR)]))
for i in range(200):
    assert t.replies.get(timeout=10).msg_type == \
        [pb.GET_PROPERTY_RESP, pb.GET_CONFIG_RESP][i % 2]

# what is no protocol costs its own connection only
for junk in [b'\0\0\0\0', b'\xff\xff\xff\xff', b'\0\x20\0\0', b'\0\0\0\4abcd',
             b'GET / HTTP/1.0\r\n\r\n']:
    s = socket.create_connection(('127.0.0.1', port), timeout=10)
    s.sendall(junk)
    while True:
        try:
            if not s.recv(65536):
                break
        except ConnectionResetError:
            break
    s.close()

# one that never reads: bounded, and nobody else notices


def rss():
    with open(f'/proc/{avsim.pid}/statm') as f:
        return int(f.read().split()[1]) * 4096


before = rss()
deaf = socket.create_connection(('127.0.0.1', port), timeout=5)
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
ask = pb.EmulatorMessage(msg_type=pb.GET_CONFIG_ALL_CMD).SerializeToString()
deaf.settimeout(0.5)
try:
    for _ in range(100000):
        deaf.sendall((struct.pack('!I', len(ask)) + ask) * 100)
except (socket.timeout, TimeoutError):
    pass
assert rss() - before < room_mib << 20, f'grew by {(rss() - before) >> 20} MiB'
n = len(t.pushed)
t0 = time.monotonic()
assert t.get(GEAR).status == pb.RESULT_OK
assert time.monotonic() - t0 < 2
time.sleep(0.5)
assert len(t.pushed) > n
# what it slept through, it gets with the newest values
for i in range(3000):
    assert t.set(NIGHT, int32_values=[i % 2]) == pb.RESULT_OK
ch = grpc.insecure_channel(f'unix:{run_dir}/dumpstate.sock')
text = b''.join(b.buffer for b in dpbg.DumpstateServerStub(ch).GetServiceLogs(
    dpb.ServiceLogRequest(service_name='avsim-devices'), timeout=10)).decode()
line = [x for x in text.splitlines() if 'debug port' in x][0]
assert '3 connections open' in line, line
assert int(re.search(r'(\d+) replaced', line).group(1)) > 0, line
assert int(re.search(r'(\d+) broken', line).group(1)) == 5, line
ch.close()
deaf.close()

assert t.split == 0 and other.split == 0, 'a body came in pieces'
running.stop(avsim)
assert t.replies.get(timeout=10) is None

# sets are commands of a user: recorded, and a replay needs no tool
dumped = subprocess.run([f'{build}/avsim', 'dump', record, '--only', 'command'],
                        capture_output=True, text=True, check=True).stdout
assert 'vhal-inject' in dumped and 'NIGHT_MODE' in dumped and "it''s" in dumped, dumped[:2000]
assert 'refused' not in dumped
replay = subprocess.run([f'{build}/avsim', 'replay', record, '--headless'],
                        capture_output=True, text=True)
assert 'all as recorded' in replay.stdout, (replay.stdout, replay.stderr)
print('debug port: all as expected')
