#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The gRPC layer, judged by python3-grpcio and by raw sockets."""
import atexit
import os
import random
import resource
import socket
import subprocess
import threading
import time

import protos
from protos import build

work = protos.modules('control', 'reflection')
import grpc  # noqa: E402
import control_pb2 as pb            # noqa: E402
import control_pb2_grpc as pbg      # noqa: E402
import reflection_pb2 as rpb        # noqa: E402
import reflection_pb2_grpc as rpbg  # noqa: E402

path = f'{work.name}/s.sock'


def preexec():
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))


daemon = subprocess.Popen([f'{build}/tests/services/grpc_testd', path, '0', '3'],
                          stdout=subprocess.PIPE, text=True, preexec_fn=preexec)
atexit.register(daemon.kill)
port = int(daemon.stdout.readline().split()[1])


def rss():
    with open(f'/proc/{daemon.pid}/statm') as f:
        return int(f.read().split()[1]) * 4096


def n_fds():
    return len(os.listdir(f'/proc/{daemon.pid}/fd'))


def connect(target=f'unix:{path}', **kw):
    options = [('grpc.max_send_message_length', 64 << 20),
               ('grpc.max_receive_message_length', 64 << 20),
               ('grpc.use_local_subchannel_pool', 1)]
    ch = grpc.insecure_channel(target, options=options)
    return ch, pbg.ControlStub(ch)


def status_of(fn):
    try:
        fn()
    except grpc.RpcError as e:
        return e.code(), e.details()
    return grpc.StatusCode.OK, ''


def raw():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(5)
    return s


channel, stub = connect()

# unary, empty, over unix and TCP
for target in (f'unix:{path}', f'127.0.0.1:{port}'):
    ch, st = connect(target)
    names = ['a', 'Ünicode', '', 'x' * 100000]
    got = st.Get(pb.NameRequest(names=names), timeout=10)
    assert [i.name for i in got.items] == names
    assert len(st.Get(pb.NameRequest(), timeout=10).items) == 0
    ch.close()

# 4 MiB fits, 16 MB does not
big = 'y' * (4 << 20)
assert len(stub.Get(pb.NameRequest(names=[big[:-100]]), timeout=30)
           .items[0].name) == (4 << 20) - 100
code, text = status_of(lambda: stub.Get(pb.NameRequest(names=[big * 4]), timeout=30))
assert code == grpc.StatusCode.RESOURCE_EXHAUSTED, (code, text)

# statuses and texts, percent-encoded on the wire
for value in grpc.StatusCode:
    n = value.value[0]
    if n == 0:
        continue
    code, text = status_of(lambda: stub.Command(
        pb.CommandRequest(text=f'fail {n} é 100% \n done'), timeout=10))
    assert code == value and text == 'é 100% \n done', (code, text)

# unknown method, unknown service
code, text = status_of(lambda: stub.Pause(pb.StepRequest(), timeout=10)
                       if False else channel.unary_unary(
                           '/avsim.v1.Control/Nonsense',
                           request_serializer=pb.NameRequest.SerializeToString,
                           response_deserializer=pb.ItemList.FromString)(
                               pb.NameRequest(), timeout=10))
assert code == grpc.StatusCode.UNIMPLEMENTED and 'Nonsense' in text, (code, text)
code, _ = status_of(lambda: channel.unary_unary('/no.Such/Thing')(b'', timeout=10))
assert code == grpc.StatusCode.UNIMPLEMENTED
# a request that is no message
code, _ = status_of(lambda: channel.unary_unary('/avsim.v1.Control/Get')(
    b'\xff\xff\xff', timeout=10))
assert code == grpc.StatusCode.INVALID_ARGUMENT, code
# compressed requests are refused, not misread
code, _ = status_of(lambda: stub.Get(pb.NameRequest(names=['a' * 9999]), timeout=10,
                                     compression=grpc.Compression.Gzip))
assert code == grpc.StatusCode.UNIMPLEMENTED, code

# server streaming: order, count, back-pressure
n = 20000
want = n
for msg in stub.Subscribe(pb.SubscribeRequest(globs=[f'{n} 10']), timeout=60):
    assert msg.items[0].name == str(want)
    want -= 1
assert want == 0

# cancel in mid-stream, then go on
call = stub.Subscribe(pb.SubscribeRequest(globs=['100000000 1000']))
for _, msg in zip(range(10), call):
    pass
call.cancel()
assert stub.Get(pb.NameRequest(names=['after']), timeout=10).items[0].name == 'after'

# deadlines: the client's, and the server's own for a client that does not care
t = time.time()
code, _ = status_of(lambda: stub.Command(pb.CommandRequest(text='hang'), timeout=0.3))
assert code == grpc.StatusCode.DEADLINE_EXCEEDED and time.time() - t < 3

# a client that never reads: the queue is bounded, others go on
slow_ch, slow = connect()
slow_call = slow.Subscribe(pb.SubscribeRequest(globs=['100000000 10000']))
next(iter(slow_call))
before = rss()
t = time.time()
for _ in range(200):
    stub.Get(pb.NameRequest(names=['x']), timeout=10)
assert time.time() - t < 10
# (python's own client buffers; a raw socket does not read at all)
assert rss() - before < 64 << 20, f'grew by {(rss() - before) >> 20} MiB'
slow_call.cancel()
slow_ch.close()

# reflection
rstub = rpbg.ServerReflectionStub(channel)
answers = list(rstub.ServerReflectionInfo(iter([
    rpb.ServerReflectionRequest(list_services=''),
    rpb.ServerReflectionRequest(file_containing_symbol='avsim.v1.Control'),
    rpb.ServerReflectionRequest(file_containing_symbol='avsim.v1.Control.Get'),
    rpb.ServerReflectionRequest(file_by_filename='google/protobuf/empty.proto'),
    rpb.ServerReflectionRequest(file_containing_symbol='no.Such'),
]), timeout=10))
assert 'avsim.v1.Control' in [s.name for s in answers[0].list_services_response.service]
from google.protobuf import descriptor_pb2  # noqa: E402
for a in answers[1:3]:
    fd = descriptor_pb2.FileDescriptorProto.FromString(
        a.file_descriptor_response.file_descriptor_proto[0])
    assert fd.name == 'control.proto' and fd.service[0].name == 'Control'
assert answers[3].file_descriptor_response.file_descriptor_proto
assert answers[4].error_response.error_code == 5

# what is not gRPC: closed, nothing else disturbed
random.seed(1)
MAGIC = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
for i in range(300):
    s = raw()
    try:
        kind = i % 5
        if kind == 0:
            s.sendall(bytes(random.randrange(256) for _ in range(random.randrange(1, 2000))))
        elif kind == 1:
            s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        elif kind == 2:
            s.sendall(MAGIC + bytes(random.randrange(256) for _ in range(500)))
        elif kind == 3:
            s.sendall(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(500))
        else:
            s.sendall(MAGIC + b'\0\0\0\4\0\0\0\0\0' + b'\0\0\x40\1\4\0\0\0\1' + bytes(64))
    except OSError:
        pass
    s.close()
assert stub.Get(pb.NameRequest(names=['ok']), timeout=10).items

# PING flood without reading: the server gives up on that connection
s = raw()
s.sendall(MAGIC + b'\0\0\0\4\0\0\0\0\0')
try:
    for _ in range(20000):
        s.sendall(b'\0\0\x08\x06\0\0\0\0\0' + b'12345678')
    closed = False
except OSError:
    closed = True
s.close()
assert stub.Get(pb.NameRequest(names=['ok']), timeout=10).items

# rapid reset: HEADERS and RST_STREAM without end
import struct  # noqa: E402


def frame(kind, flags, stream, body):
    return struct.pack('>I', len(body))[1:] + bytes([kind, flags]) + \
        struct.pack('>I', stream) + body


# :method POST, :scheme http, :path and content-type as literals
def lit(name, value):
    return b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value


headers = b'\x83\x86' + lit(b':path', b'/avsim.v1.Control/Command') + \
    lit(b':authority', b'x') + lit(b'content-type', b'application/grpc')


def ends(s, seconds=60):
    """The server hangs up, whatever it says before."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    s.close()
    return True


# pseudo headers behind others are malformed: as many resets, but the server's
malformed = b'\x83\x86' + lit(b'content-type', b'application/grpc') + \
    lit(b':path', b'/avsim.v1.Control/Command')
for request in (headers, malformed):
    s = raw()
    s.sendall(MAGIC + frame(4, 0, 0, b''))
    try:
        for i in range(10000):
            s.sendall(frame(1, 4, 2 * i + 1, request) +
                      frame(3, 0, 2 * i + 1, b'\0\0\0\x08'))
    except OSError:
        pass
    assert ends(s), 'ten thousand resets were accepted'

# ten thousand calls at once: those over the limit are refused, the connection lives
s = raw()
s.sendall(MAGIC + frame(4, 0, 0, b''))
refused = b''
s.settimeout(0.01)
for i in range(10000):
    try:
        s.sendall(frame(1, 4, 2 * i + 1, headers))
        refused += s.recv(65536) if i % 100 == 99 else b''
    except socket.timeout:
        pass
    except OSError:
        break
s.settimeout(10)
try:
    while b'\0\0\x04\x03\0' not in refused:
        part = s.recv(65536)
        if not part:
            break
        refused += part
except OSError:
    pass
assert b'\0\0\x04\x03\0' in refused or b'\x07\0\0\0\0\0' in refused, refused[:100]
s.close()
assert stub.Get(pb.NameRequest(names=['ok']), timeout=10).items

# HPACK bombs: one long entry in the table, named thousands of times by a byte each
with open(f'{build}/config.h') as f:  # ASan keeps what is freed for a while
    room = (200 if '#define AVSIM_SANITIZED 1' in f.read() else 8) << 20
before = rss()
for n in (100, 4000, 16000):
    s = raw()
    bomb = headers + b'\x40\x01a' + b'\x7f\xd1\x1d' + b'x' * 3920 + b'\xbe' * n
    try:
        s.sendall(MAGIC + frame(4, 0, 0, b'') + frame(1, 5, 1, bomb[:16384]) +
                  frame(1, 5, 3, b'\xbe' * min(n, 16000)) * 50)
        s.settimeout(0.5)
        s.recv(65536)
    except OSError:
        pass
    s.close()
assert rss() - before < room, f'grew by {(rss() - before) >> 20} MiB'
# header blocks that never end (CONTINUATION flood)
s = raw()
try:
    s.sendall(MAGIC + frame(4, 0, 0, b'') + frame(1, 0, 1, headers))
    for _ in range(20000):
        s.sendall(frame(9, 0, 1, lit(b'x', b'y' * 100)))
except OSError:
    pass
s.close()
# the header that made another server abort (CVE-2023-1428): odd te, long value
s = raw()
try:
    s.sendall(MAGIC + frame(4, 0, 0, b'') + frame(
        1, 5, 1, headers + lit(b'te', b'x') + b'\0\x04grpc\x7f\xa9\x45' + b'z' * 9000))
except OSError:
    pass
s.close()
assert stub.Get(pb.NameRequest(names=['ok']), timeout=10).items
assert rss() - before < room, f'grew by {(rss() - before) >> 20} MiB'

# subscribers that never read are let go (here after 3 s): one whose window is shut,
# one with a window without end and a full socket
quiet_path = headers.replace(lit(b':path', b'/avsim.v1.Control/Command'),
                             lit(b':path', b'/avsim.v1.Control/Subscribe'))
ask = pb.SubscribeRequest(globs=['100000000 10000']).SerializeToString()
ask = frame(1, 4, 1, quiet_path) + frame(0, 1, 1, b'\0' + struct.pack('>I', len(ask)) + ask)
shut, full = raw(), raw()
shut.sendall(MAGIC + frame(4, 0, 0, b'') + ask)
full.sendall(MAGIC + frame(4, 0, 0, struct.pack('>HI', 4, 0x7fffffff)) +
             frame(8, 0, 0, struct.pack('>I', 0x7fff0000)) + ask)
t = time.time()
lat = []
while time.time() - t < 6:
    t1 = time.time()
    stub.Get(pb.NameRequest(names=['x']), timeout=10)
    lat.append(time.time() - t1)
    time.sleep(0.02)
assert sorted(lat)[len(lat) // 2] < 0.1, 'others suffer'
got = b''
shut.settimeout(10)
while b'\0\0\x04\x03\0\0\0\0\x01' not in got[-200:]:
    part = shut.recv(65536)
    assert part, 'hung up instead of a reset'
    got += part
shut.close()
assert ends(full, 10), 'a full socket is kept'
# a length prefix of 2^32 - 1
s = raw()
s.sendall(MAGIC + frame(4, 0, 0, b'') + frame(1, 4, 1, headers) +
          frame(0, 1, 1, b'\0\xff\xff\xff\xff'))
data = b''
try:
    while b'\x01\x05' not in data:  # some HEADERS with END_STREAM|END_HEADERS
        part = s.recv(4096)
        if not part:
            break
        data += part
except OSError:
    pass
s.close()
assert data, 'no answer to a huge length prefix'

# more connections than descriptors, then recovery
held = []
for _ in range(400):
    try:
        s = raw()
        s.settimeout(0.2)
        held.append(s)
    except OSError:
        break
assert len(held) > 100
for s in held:
    s.close()
time.sleep(0.5)
ch, st = connect()
assert st.Get(pb.NameRequest(names=['recovered']), timeout=10).items
ch.close()

# 100 clients at once (the daemon has 128 descriptors)
def client(errors):
    try:
        c, st = connect()
        for _ in range(5):
            st.Get(pb.NameRequest(names=['z']), timeout=30)
        c.close()
    except Exception as e:  # noqa: BLE001
        errors.append(e)


errors = []
threads = [threading.Thread(target=client, args=(errors,)) for _ in range(100)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert not errors, errors[0]

time.sleep(0.5)
fds = n_fds()
assert fds < 30, f'{fds} descriptors open'
status_of(lambda: stub.Quit(pb.NameRequest(), timeout=5))
channel.close()
out = daemon.stdout.read().split()
assert daemon.wait(10) == 0, daemon.returncode
stats = dict(zip(out[::2], map(int, out[1::2])))
print(stats)
assert stats['open_calls'] <= 1, stats
assert stats['max_queued'] <= (8 << 20) + 20000, stats
assert stats['hangs_ended'] >= 1 and stats['streams_ended'] >= 3, stats
assert stats['protocol_errors'] >= 100, stats
assert stats['stalled'] >= 2, stats
print('gRPC layer: all as expected')
