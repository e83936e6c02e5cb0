#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The VHAL services of both generations, judged by python3-grpcio clients made
from our protos, under a running scenario."""
import os
import socket
import subprocess
import threading
import time

import protos
import running
from protos import build

work = protos.modules('control', 'vhal_aidl', 'vhal_hidl', 'vhal_hidl_types')
import grpc  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
import control_pb2_grpc as cpbg      # noqa: E402
import vhal_aidl_pb2 as apb          # noqa: E402
import vhal_aidl_pb2_grpc as apbg    # noqa: E402
import vhal_hidl_pb2 as hpb          # noqa: E402
import vhal_hidl_pb2_grpc as hpbg    # noqa: E402
import vhal_hidl_types_pb2 as htpb   # noqa: E402

SPEED, GEAR, IGNITION = 0x11600207, 0x11400400, 0x11400409
TEMP, LEFT = 0x15600503, 0x31
CURRENT_TEMP, FAN, VIN = 0x15600502, 0x15400500, 0x11100100
POWER_REPORT, POWER_REQ = 0x11410A01, 0x11410A00
POLICY = 0x11100F23
DISPLAY, HEARTBEAT = 0x11400A03, 0x11500F33
OK, TRY_AGAIN, INVALID, NOT_AVAILABLE, DENIED = range(5)

with open(f'{work.name}/drive.yaml', 'w') as f:
    f.write('''name: drive
summary: a drive for clients of the VHAL
duration: 600s
vehicle: compact-ev
start: { gear: P, ignition: on, outside_temp: 5 degC, cabin_temp: 15 degC }
timeline:
  - at: 500ms
    do: { speed: { to: 30 km/h } }
''')
run_dir = f'{work.name}/run'
record = f'{work.name}/a.avrec'
avsim = running.start(f'{work.name}/drive.yaml', run_dir, 'ctl.sock', '--record', record,
                      '--vhal-tcp', '0')
assert os.stat(run_dir).st_mode & 0o777 == 0o700
assert os.stat(f'{run_dir}/vhal.sock').st_mode & 0o777 == 0o600


# TCP only where asked for, and then on the loopback address
inodes = {os.readlink(f'/proc/{avsim.pid}/fd/{f}') for f in os.listdir(f'/proc/{avsim.pid}/fd')}
listens = []
for net, family in (('tcp', 4), ('tcp6', 6)):
    with open(f'/proc/{avsim.pid}/net/{net}') as f:
        listens += [c[1] for c in map(str.split, f)
                    if c[3] == '0A' and f'socket:[{c[9]}]' in inodes]
assert len(listens) == 1 and listens[0].startswith('0100007F:'), listens


def connect(name='vhal.sock'):
    return grpc.insecure_channel(f'unix:{run_dir}/{name}',
                                 options=[('grpc.use_local_subchannel_pool', 1)])


def rss():
    with open(f'/proc/{avsim.pid}/statm') as f:
        return int(f.read().split()[1]) * 4096


class Stream(threading.Thread):
    """Collects the values of a property stream by (property, area)."""

    def __init__(self, call, unpack):
        super().__init__(daemon=True)
        self.call, self.unpack, self.seen = call, unpack, {}
        self.lock, self.order = threading.Condition(), True
        self.start()

    def run(self):
        try:
            for msg in self.call:
                with self.lock:
                    for v in self.unpack(msg):
                        old = self.seen.setdefault((v.prop, v.area_id), [])
                        if old and old[-1].timestamp > v.timestamp:
                            self.order = False
                        old.append(v)
                    self.lock.notify_all()
        except grpc.RpcError:
            pass

    def wait(self, key, test, timeout=10):
        with self.lock:
            assert self.lock.wait_for(
                lambda: any(test(v) for v in self.seen.get(key, [])), timeout), \
                (hex(key[0]), self.seen.get(key, [])[-3:])


ctl_ch = connect('ctl.sock')
ctl = cpbg.ControlStub(ctl_ch)

# ---- AIDL generation ----
ach = connect()
aidl = apbg.VehicleServerStub(ach)
configs = {c.prop: c for c in aidl.GetAllPropertyConfig(Empty(), timeout=10)}
assert len(configs) > 90, len(configs)
speed = configs[SPEED]
assert speed.access == apb.READ and speed.change_mode == apb.CONTINUOUS
assert speed.min_sample_rate > 0 and speed.max_sample_rate >= 1
assert [a.area_id for a in speed.area_configs] == [0]
assert all(c.access and c.area_configs and all(a.access for a in c.area_configs)
           for c in configs.values()), 'access must be filled everywhere'
assert HEARTBEAT in configs
areas = [a.area_id for a in configs[TEMP].area_configs]
assert LEFT in areas, areas


def get(prop, area=0, rid=7):
    r = aidl.GetValues(apb.VehiclePropValueRequests(requests=[
        apb.VehiclePropValueRequest(request_id=rid, value=apb.VehiclePropValue(
            prop=prop, area_id=area))]), timeout=10).results
    assert len(r) == 1 and r[0].request_id == rid
    return r[0]


def set_(prop, area=0, **kw):
    r = aidl.SetValues(apb.VehiclePropValueRequests(requests=[
        apb.VehiclePropValueRequest(request_id=9, value=apb.VehiclePropValue(
            prop=prop, area_id=area, **kw))]), timeout=10).results
    assert len(r) == 1 and r[0].request_id == 9
    return r[0].status


assert get(GEAR).value.int32_values[:] in ([4], [8])
assert get(VIN).value.string_value
assert get(0x12345678).status == INVALID
assert not get(0x12345678).HasField('value')
many = aidl.GetValues(apb.VehiclePropValueRequests(requests=[
    apb.VehiclePropValueRequest(request_id=i, value=apb.VehiclePropValue(prop=p))
    for i, p in enumerate([SPEED, GEAR, IGNITION, 1])]), timeout=10).results
assert [r.status for r in many] == [0, 0, 0, INVALID]

astream = Stream(aidl.StartPropertyValuesStream(Empty()), lambda m: m.values)
astream.wait((GEAR, 0), lambda v: True)
astream.wait((VIN, 0), lambda v: v.string_value)

# a set: accepted, a frame on the bus, the value back, the cabin gets warmer
assert aidl.UpdateSampleRate(apb.UpdateSampleRateRequest(
    prop=SPEED, area_id=0, sample_rate=10), timeout=10).status_code == OK
assert set_(TEMP, LEFT, float_values=[26.5]) == OK
astream.wait((TEMP, LEFT), lambda v: v.float_values[:] == [26.5])
assert get(TEMP, LEFT).value.float_values[0] == 26.5
assert set_(GEAR, int32_values=[8]) == DENIED
assert set_(TEMP, LEFT, float_values=[99]) == INVALID
assert set_(TEMP, LEFT, int32_values=[20]) == INVALID
assert set_(TEMP, 0x4000, float_values=[20]) == INVALID
assert set_(0x12345678, int32_values=[1]) == INVALID
# a text with all that quoting could get wrong
words = 'it\'s \'so\' "here" \\ there\n\tend é'
assert set_(POLICY, string_value=words) == OK
astream.wait((POLICY, 0), lambda v: v.string_value == words)
# a picture of the cluster: as much as a command can hold, no more
NAVIGATION = 0x11700F38
picture = bytes(range(256)) * 127
assert set_(NAVIGATION, byte_values=picture) == OK
assert set_(NAVIGATION, byte_values=picture * 2) == INVALID


def speeds(after):
    """How many come in 2 s, @after so many."""
    time.sleep(after)
    with astream.lock:
        before = len(astream.seen[(SPEED, 0)])
    time.sleep(2)
    with astream.lock:
        return len(astream.seen[(SPEED, 0)]) - before


# sample rates: 10 Hz of speed on the virtual clock
n = speeds(2.2)
assert 17 <= n <= 23, f'{n} speeds in 2 s at 10 Hz'
assert aidl.Subscribe(apb.SubscribeRequest(options=apb.SubscribeOptions(
    prop_id=SPEED, area_ids=[0], sample_rate=2)), timeout=10).status_code == OK
n = speeds(0.3)
assert 3 <= n <= 6, f'{n} speeds in 2 s at 2 Hz'
assert aidl.Unsubscribe(apb.UnsubscribeRequest(prop_id=SPEED, area_id=0),
                        timeout=10).status_code == OK
assert aidl.Subscribe(apb.SubscribeRequest(options=apb.SubscribeOptions(
    prop_id=1, area_ids=[0])), timeout=10).status_code == INVALID
assert aidl.CheckHealth(Empty(), timeout=10).status_code == OK
assert get(SPEED).value.float_values[0] > 3

# Android 16
mm = aidl.GetMinMaxSupportedValues(apb.GetMinMaxSupportedValuesRequest(
    prop_id_area_id=[apb.PropIdAreaId(prop_id=TEMP, area_id=LEFT),
                     apb.PropIdAreaId(prop_id=1)]), timeout=10).result
assert mm[0].status == OK and mm[0].min_supported_value.float_values[0] == 16
assert mm[1].status == INVALID
lists = aidl.GetSupportedValuesLists(apb.GetSupportedValuesListsRequest(
    prop_id_area_id=[apb.PropIdAreaId(prop_id=TEMP, area_id=LEFT)]), timeout=10).result
assert len(lists) == 1 and lists[0].status == OK


def dump(*args):
    r = aidl.Dump(apb.DumpOptions(options=args), timeout=10)
    return r.buffer, r.caller_should_dump_state


text, more = dump()
assert more and 'PERF_VEHICLE_SPEED = ' in text
assert 'GEAR_SELECTION' in dump('--list')[0]
assert '26.5' in dump('--get', 'HVAC_TEMPERATURE_SET')[0]
dump('--set', 'HVAC_TEMPERATURE_SET', '-a', str(LEFT), '-f', '24')
astream.wait((TEMP, LEFT), lambda v: v.float_values[:] == [24])
dump('--inject-event', 'HW_KEY_INPUT', '-i', '0', '3', '0')
astream.wait((0x11410A10, 0), lambda v: v.int32_values[:] == [0, 3, 0])
dump('--genfakedata', '--keypress', '66', '0')
astream.wait((0x11410A10, 0), lambda v: v.int32_values[:] == [1, 66, 0])
dump('--genfakedata', '--startlinear', 'ENGINE_RPM' if 0x11600305 in configs else 'PERF_VEHICLE_SPEED',
     '1000', '1000', '100', '10', '100000000')
assert 'wants' in dump('--genfakedata')[0]
assert 'unknown option' in dump('--nonsense')[0]

# ---- HIDL generation, same port ----
hch = connect()
hidl = hpbg.VehicleServerStub(hch)
hconf = {c.prop: c for c in hidl.GetAllPropertyConfig(Empty(), timeout=10)}
assert hconf.keys() == configs.keys()
for p in (0x11E00D00, 0x11E00D01):
    assert len(hconf[p].config_array) >= 2, 'the guest aborts without'
assert hconf[TEMP].value_type == 0x600000
hstream = Stream(hidl.StartPropertyValuesStream(Empty()), lambda m: [m.value])
hstream.wait((GEAR, 0), lambda v: v.status == htpb.AVAILABLE and v.value_type == 0x400000)


def hset(prop, area=0, **kw):
    return hidl.SetProperty(hpb.WrappedVehiclePropValue(value=htpb.VehiclePropValue(
        prop=prop, area_id=area, **kw)), timeout=10).status_code


assert hset(TEMP, LEFT, float_values=[19]) == hpb.OK
hstream.wait((TEMP, LEFT), lambda v: v.float_values[:] == [19])
astream.wait((TEMP, LEFT), lambda v: v.float_values[:] == [19])
assert hset(GEAR, int32_values=[-8]) == hpb.ACCESS_DENIED
assert hset(1, int32_values=[1]) == hpb.INVALID_ARG
with hstream.lock:
    n0 = len(hstream.seen[(VIN, 0)])
hidl.SendAllPropertyValuesToStream(Empty(), timeout=10)
time.sleep(0.3)
with hstream.lock:
    assert len(hstream.seen[(VIN, 0)]) == n0 + 1

# reconnect: configuration is not asked again, all values come again
hch.close()
hch = connect()
hidl = hpbg.VehicleServerStub(hch)
again = Stream(hidl.StartPropertyValuesStream(Empty()), lambda m: [m.value])
again.wait((VIN, 0), lambda v: v.string_value)
with hstream.lock, again.lock:
    assert again.seen[(VIN, 0)][0].timestamp >= hstream.seen[(VIN, 0)][-1].timestamp

# ---- a client that never reads, among others ----
before = rss()
import struct  # noqa: E402


def frame(kind, flags, stream, body):
    return struct.pack('>I', len(body))[1:] + bytes([kind, flags]) + \
        struct.pack('>I', stream) + body


def lit(name, value):
    return b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value


deaf = socket.socket(socket.AF_UNIX)
deaf.connect(f'{run_dir}/vhal.sock')
path = b'/android.hardware.automotive.vehicle.proto.VehicleServer/StartPropertyValuesStream'
deaf.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, b'') +
             frame(1, 4, 1, b'\x83\x86' + lit(b':path', path) +
                   lit(b':authority', b'x') + lit(b'content-type', b'application/grpc')) +
             frame(0, 1, 1, bytes(5)))

# ---- 200 clients at once ----
failed = []


def client():
    try:
        with connect() as ch:
            st = apbg.VehicleServerStub(ch)
            it = iter(st.StartPropertyValuesStream(Empty(), timeout=60))
            next(it)
            for _ in range(3):
                st.GetValues(apb.VehiclePropValueRequests(requests=[
                    apb.VehiclePropValueRequest(request_id=1, value=apb.VehiclePropValue(
                        prop=SPEED))]), timeout=60)
    except Exception as e:  # noqa: BLE001
        failed.append(e)


threads = [threading.Thread(target=client) for _ in range(200)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert not failed, failed[0]
assert rss() - before < 100 << 20, f'grew by {(rss() - before) >> 20} MiB'
deaf.close()

assert astream.order and hstream.order, 'time stamps went back'
warm = get(CURRENT_TEMP, 1)
assert warm.status == OK and warm.value.float_values[0] > 15.5

# ---- the end; the recording replays without any of us ----
ctl.Quit(Empty(), timeout=10)
out, _ = avsim.communicate(timeout=20)
assert avsim.returncode == 0, out
for ch in (ach, hch, ctl_ch):
    ch.close()
dumped = subprocess.run([f'{build}/avsim', 'dump', record, '--only', 'command'],
                        capture_output=True, text=True, check=True).stdout
assert 'guest' in dumped and 'HVAC_TEMPERATURE_SET' in dumped, dumped
assert picture.hex() in dumped.lower(), 'the picture is not in the recording'
assert 'CLUSTER_NAVIGATION_STATE' not in dumped.split(picture.hex())[-1], dumped[-500:]
frames = subprocess.run([f'{build}/avsim', 'dump', record, '--only', 'signal'],
                        capture_output=True, text=True, check=True).stdout
assert 'HVAC_REQ' in frames or 'Hvac' in frames or 'HVAC' in frames
traced = subprocess.run([f'{build}/avsim', 'dump', record, '--only', 'device'],
                        capture_output=True, text=True, check=True).stdout
assert 'vhal_proto.VehicleServer/SetProperty\tOK\t' in traced, traced[-500:]
assert 'VehicleServer/GetValues\tOK\t' in traced
replay = subprocess.run([f'{build}/avsim', 'replay', record, '--headless'],
                        capture_output=True, text=True)
assert replay.returncode == 0 and 'all as recorded' in replay.stdout, replay.stdout
print('VHAL services: all as expected')
