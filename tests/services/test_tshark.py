#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A captured session of the VHAL services, decoded by tshark with our protos: no
malformed message, and the names of our fields are found. Once over TCP, once over
vsock with the dissector that avsim brings."""
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import protos
import running
from protos import build, top

if not shutil.which('tshark'):
    print('SKIP test_tshark.py: no tshark')
    sys.exit(77)
work = protos.modules('control', 'vhal_aidl', 'vhal_hidl', 'vhal_hidl_types')
import grpc  # noqa: E402
from grpc_tools import protoc  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
import control_pb2_grpc as cpbg      # noqa: E402
import vhal_aidl_pb2 as apb          # noqa: E402
import vhal_aidl_pb2_grpc as apbg    # noqa: E402
import vhal_hidl_pb2 as hpb          # noqa: E402
import vhal_hidl_pb2_grpc as hpbg    # noqa: E402
import vhal_hidl_types_pb2 as htpb   # noqa: E402

PORT = 9300
lock = threading.Lock()
packets = []  # (time, connection, from the client, bytes)


class Relay:
    """TCP on loopback in front of a unix socket; keeps what passes."""

    def __init__(self, path):
        self.path, self.n = path, 0
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            a, _ = self.listener.accept()
            b = socket.socket(socket.AF_UNIX)
            b.connect(self.path)
            self.n += 1
            for x, y, client in ((a, b, True), (b, a, False)):
                threading.Thread(target=self.copy, args=(x, y, self.n, client),
                                 daemon=True).start()

    def copy(self, x, y, n, client):
        try:
            while True:
                data = x.recv(30000)
                if not data:
                    break
                with lock:
                    packets.append((time.time(), n, client, data))
                y.sendall(data)
        except OSError:
            pass


def checksum(b):
    s = sum(struct.unpack(f'>{len(b) // 2}H', b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def ip(client, port, seq, ack, flags, data):
    """An IPv4 packet with a TCP segment: raw IP, no Ethernet around it."""
    src, dst = (port, PORT) if client else (PORT, port)
    tcp = struct.pack('>HHIIBBHHH', src, dst, seq & 0xffffffff, ack & 0xffffffff,
                      0x50, flags, 65535, 0, 0) + data
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                       *((b'\x0a\0\0\x01', b'\x0a\0\0\x02') if client else
                         (b'\x0a\0\0\x02', b'\x0a\0\0\x01')))
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + tcp


def write_pcap(path):
    pos = {}
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, 101))

        def put(t, p):
            f.write(struct.pack('<IIII', int(t), int(t % 1 * 1e9), len(p), len(p)) + p)

        for t, n, client, data in packets:
            port = 40000 + n
            if n not in pos:
                put(t, ip(True, port, 0, 0, 2, b''))
                put(t, ip(False, port, 0, 1, 0x12, b''))
                put(t, ip(True, port, 1, 1, 0x10, b''))
                pos[n] = {True: 1, False: 1}
            put(t, ip(client, port, pos[n][client], pos[n][not client], 0x18, data))
            pos[n][client] += len(data)


def write_vsock(path):
    """The same as a guest with CID 3 would have it over virtio-vsock, each
    direction cut anew, through avsim's own capture."""
    feed, seen, base = [], set(), packets[0][0]

    def put(t, port, client, op, data=b''):
        src, dst = ((3, port), (2, PORT)) if client else ((2, PORT), (3, port))
        head = struct.pack('<QQIIIHHIII', src[0], dst[0], src[1], dst[1], len(data),
                           1, op, 0, 262144, 0)
        feed.append(struct.pack('<qBBHII', int((t - base) * 1e9), 3, not client, 0, 0,
                                44 + len(data)) + head + data)

    for i, (t, n, client, data) in enumerate(packets):
        port = 40000 + n
        if n not in seen:
            put(t, port, True, 1)
            put(t, port, False, 2)
            seen.add(n)
        step = (7, 100, 1000, 65536)[i % 4]
        for at in range(0, len(data), step):
            put(t, port, client, 5, data[at:at + step])
    for n in sorted(seen):
        put(t, 40000 + n, True, 4)
        put(t, 40000 + n, False, 3)
    r = subprocess.run([f'{build}/tests/services/capture_feed', path], input=b''.join(feed),
                       stdout=subprocess.PIPE, check=True)
    assert r.stdout == b'0 refused\n', r.stdout


with open(f'{work.name}/s.yaml', 'w') as f:
    f.write('''name: s
summary: a session to look at
duration: 60s
vehicle: compact-ev
start: { gear: D, ignition: on }
timeline:
  - { at: 500ms, do: { speed: { to: 30 km/h } } }
''')
run_dir = f'{work.name}/run'
avsim = running.start(f'{work.name}/s.yaml', run_dir, 'ctl.sock', '--no-record')
relay = Relay(f'{run_dir}/vhal.sock')
TEMP, LEFT, SPEED = 0x15600503, 0x31, 0x11600207

for generation in ('aidl', 'hidl'):
    with grpc.insecure_channel(f'127.0.0.1:{relay.port}', options=[
            ('grpc.use_local_subchannel_pool', 1)]) as ch:
        st = apbg.VehicleServerStub(ch) if generation == 'aidl' else \
            hpbg.VehicleServerStub(ch)
        assert len(list(st.GetAllPropertyConfig(Empty(), timeout=10))) > 90
        stream = st.StartPropertyValuesStream(Empty())
        seen = iter(stream)
        next(seen)
        if generation == 'aidl':
            st.GetValues(apb.VehiclePropValueRequests(requests=[
                apb.VehiclePropValueRequest(request_id=i, value=apb.VehiclePropValue(
                    prop=p)) for i, p in enumerate((SPEED, 1))]), timeout=10)
            st.SetValues(apb.VehiclePropValueRequests(requests=[
                apb.VehiclePropValueRequest(request_id=5, value=apb.VehiclePropValue(
                    prop=TEMP, area_id=LEFT, float_values=[23.5]))]), timeout=10)
            st.UpdateSampleRate(apb.UpdateSampleRateRequest(
                prop=SPEED, sample_rate=10), timeout=10)
            st.CheckHealth(Empty(), timeout=10)
            st.Dump(apb.DumpOptions(options=['--list']), timeout=10)
        else:
            st.SetProperty(hpb.WrappedVehiclePropValue(value=htpb.VehiclePropValue(
                prop=TEMP, area_id=LEFT, float_values=[20])), timeout=10)
            st.SendAllPropertyValuesToStream(Empty(), timeout=10)
        t = time.time()
        while time.time() - t < 1.5:
            next(seen)
        stream.cancel()
        time.sleep(0.1)
with grpc.insecure_channel(f'unix:{run_dir}/ctl.sock') as ch:
    cpbg.ControlStub(ch).Quit(Empty(), timeout=10)
out, _ = avsim.communicate(timeout=20)
assert avsim.returncode == 0, out

pcap, pcapng = f'{work.name}/session.pcap', f'{work.name}/session.pcapng'
with lock:
    write_pcap(pcap)
    write_vsock(pcapng)
    total = sum(len(p[3]) for p in packets)
google = os.path.join(os.path.dirname(protoc.__file__), '_proto')
env = dict(os.environ, HOME=work.name, WIRESHARK_CONFIG_DIR=work.name)
LUA = ['-X', f'lua_script:{top}/recordings/vsock_http2.lua']


def tshark(name, *args):
    r = subprocess.run(
        ['tshark', '-n', '-r', name, '-d', f'tcp.port=={PORT},http2',
         '-o', f'uat:protobuf_search_paths:"{protos.FOLDER}","TRUE"',
         '-o', f'uat:protobuf_search_paths:"{google}","TRUE"',
         '-o', 'protobuf.preload_protos:TRUE', *args],
        capture_output=True, text=True, env=env)
    assert r.returncode == 0 and 'Lua' not in r.stderr, r.stderr
    return r.stdout


def messages(name, *args):
    """How many messages are in a capture without a fault."""
    bad = tshark(name, *args, '-Y', '_ws.malformed || _ws.expert.severity == error')
    assert not bad, bad
    text = tshark(name, *args, '-Y', 'grpc', '-O', 'grpc,protobuf')
    for want in ('float_values', 'request_id', 'area_configs', 'config_array', 'update_status',
                 'SetValues', 'StartPropertyValuesStream', 'VehiclePropValue'):
        assert want in text, want
    for wrong in ('Malformed', 'malformed', 'Unknown Field', 'undecoded', 'failed to decode'):
        assert wrong not in text, [line for line in text.splitlines() if wrong in line][:5]
    return text.count('Protocol Buffers:')


whole = messages(pcap)
assert whole > 200, whole
assert messages(pcapng, *LUA) == whole
assert messages(pcapng, *LUA, '-2') == whole  # twice over, as Wireshark does
assert not tshark(pcapng, '-Y', 'grpc'), 'tshark can do it alone: the dissector can go'
# the check can fail: a byte of a message turned over is seen
with lock:
    for i, (t, n, client, data) in enumerate(packets):
        at = data.find(b'\x0d\0\0\xbc\x41')  # fixed32 of 23.5
        if client and (at >= 0 or b'\0\0\xbc\x41' in data):
            at = data.find(b'\0\0\xbc\x41')
            packets[i] = (t, n, client, data[:at - 1] + b'\xff' + data[at:])
            break
    else:
        raise AssertionError('the set is not in the capture')
    write_pcap(pcap)
bad = tshark(pcap, '-Y', 'grpc', '-O', 'grpc,protobuf')
assert any(w in bad for w in ('Malformed', 'malformed', 'undecoded', 'failed to decode'))
print(f'tshark: {total} bytes, {whole} messages, none malformed, over TCP and vsock')
