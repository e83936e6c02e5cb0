#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""OBD2 frames, user requests, keys and views as a guest meets them: a live run,
a python3-grpcio guest, and the replay without it."""
import os
import shutil
import subprocess
import threading

import protos
import running
from protos import build, top

work = protos.modules('control', 'vhal_aidl', 'vhal_hidl', 'vhal_hidl_types')
room_mib = 800 if protos.sanitized else 200
import grpc  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # noqa: E402
import control_pb2 as cpb            # noqa: E402
import control_pb2_grpc as cpbg      # noqa: E402
import vhal_aidl_pb2 as apb          # noqa: E402
import vhal_aidl_pb2_grpc as apbg    # noqa: E402

LIVE, FREEZE, INFO, CLEAR = range(0x11E00D00, 0x11E00D04)
INITIAL, SWITCH, CREATE, REMOVE, IDENT = range(0x11E00F07, 0x11E00F0C)
KEY, ROTARY, EVS, GEAR = 0x11410A10, 0x11410A20, 0x11410F10, 0x11400400
SUGGEST, DUAL, TEMP = 0x11610515, 0x15200509, 0x15600503
SHOW, DISPLAY_STATE = 0x11400F37, 0x11410F35
V_INT, V_MIXED = 0x21400101, 0x21E00102
OK, TRY_AGAIN, INVALID, NOT_AVAILABLE, DENIED = range(5)

# a car of its own: the bundled one, with users and vendor properties
car = f'{work.name}/car'
shutil.copytree(f'{top}/sim/vehicles/compact-ev', car)
os.chmod(car, 0o755)
shutil.copy(f'{top}/tests/data/vhal/users.json', car)
with open(f'{car}/vendor.json', 'w') as f:
    f.write('''{"enums": {"Mood": {"CALM": 0, "SPORTY": 3}}, "properties": [
 {"property": %d, "name": "ACME_MOOD", "enum": "Mood", "access": 3, "changeMode": 1,
  "defaultValue": {"int32Values": [0]}},
 {"property": %d, "name": "ACME_BLOB", "access": 3, "changeMode": 1,
  "configArray": [1, 0, 1, 0, 0, 1, 0, 1, 4]}]}''' % (V_INT, V_MIXED))
yaml = open(f'{car}/vehicle.yaml').read()
assert 'vhal: [vhal.json]' in yaml
os.chmod(f'{car}/vehicle.yaml', 0o644)
with open(f'{car}/vehicle.yaml', 'w') as f:
    f.write(yaml.replace('vhal: [vhal.json]', 'vhal: [vhal.json, users.json, vendor.json]'))
with open(f'{work.name}/drive.yaml', 'w') as f:
    f.write('''name: drive
summary: what a guest can ask for beside values
duration: 600s
start: { gear: P, ignition: on }
timeline:
  - { at: 500ms, do: { brake: 50 % } }
''')
run_dir, record = f'{work.name}/run', f'{work.name}/a.avrec'
avsim = running.start(f'{work.name}/drive.yaml', run_dir, 'ctl.sock', '--vehicle', car,
                      '--record', record)


def connect(name):
    return grpc.insecure_channel(f'unix:{run_dir}/{name}',
                                 options=[('grpc.use_local_subchannel_pool', 1)])


ach, cch = connect('vhal.sock'), connect('ctl.sock')
aidl, ctl = apbg.VehicleServerStub(ach), cpbg.ControlStub(cch)


def do(text):
    ctl.Command(cpb.CommandRequest(text=text), timeout=10)


def get(prop, **kw):
    return aidl.GetValues(apb.VehiclePropValueRequests(requests=[
        apb.VehiclePropValueRequest(request_id=1, value=apb.VehiclePropValue(
            prop=prop, **kw))]), timeout=10).results[0]


def set_(prop, **kw):
    return aidl.SetValues(apb.VehiclePropValueRequests(requests=[
        apb.VehiclePropValueRequest(request_id=1, value=apb.VehiclePropValue(
            prop=prop, **kw))]), timeout=10).results[0].status


seen, cond = [], threading.Condition()


def reader():
    try:
        for m in aidl.StartPropertyValuesStream(Empty()):
            with cond:
                seen.extend(m.values)
                cond.notify_all()
    except grpc.RpcError:
        pass


threading.Thread(target=reader, daemon=True).start()


def wait(prop, test, after=0, timeout=10):
    with cond:
        assert cond.wait_for(lambda: any(v.prop == prop and test(v) for v in seen[after:]),
                             timeout), (hex(prop), [v for v in seen if v.prop == prop][-3:])


def mark():
    with cond:
        return len(seen)


def ints(*x):
    return lambda v: v.int32_values[:] == list(x)


configs = {c.prop: c for c in aidl.GetAllPropertyConfig(Empty(), timeout=10)}
assert configs[LIVE].config_array[:] == [0, 0] and configs[CLEAR].config_array[:] == [1]
for p in (INITIAL, SWITCH, CREATE, REMOVE, IDENT, V_INT, V_MIXED):
    assert p in configs, hex(p)

# ---- OBD2 ----
wait(LIVE, lambda v: len(v.int32_values) == 32 and len(v.float_values) == 71 and
     v.int32_values[21] == 8 and v.byte_values[(32 + 68) // 8] >> ((32 + 68) % 8) & 1)
assert get(INFO).status == OK and get(INFO).value.int64_values[:] == []
assert get(FREEZE).status == INVALID
assert get(FREEZE, int64_values=[1]).status == NOT_AVAILABLE
do('fault name=dtc code=P0A0F for=2')
wait(INFO, lambda v: len(v.int64_values) == 1)
do('fault name=dtc code=U0100 for=2')
wait(INFO, lambda v: len(v.int64_values) == 2)
wait(LIVE, lambda v: v.int32_values[1] == 1)
a, b = get(INFO).value.int64_values
frame = get(FREEZE, int64_values=[a])
assert frame.status == OK and frame.value.timestamp == a
assert frame.value.string_value == 'P0A0F' and len(frame.value.float_values) == 71
assert get(FREEZE, int64_values=[b]).value.string_value == 'U0100'
two = aidl.GetValues(apb.VehiclePropValueRequests(requests=[
    apb.VehiclePropValueRequest(request_id=i, value=apb.VehiclePropValue(
        prop=FREEZE, int64_values=[t])) for i, t in enumerate((a, b))]), timeout=10).results
assert [r.value.string_value for r in two] == ['P0A0F', 'U0100']
assert get(CLEAR).status == DENIED
assert set_(CLEAR, int64_values=[12345]) == INVALID
assert set_(CLEAR, int64_values=[a]) == OK
wait(INFO, lambda v: v.int64_values[:] == [b])
assert get(FREEZE, int64_values=[a]).status == NOT_AVAILABLE
n = mark()
assert set_(CLEAR) == OK
wait(INFO, lambda v: v.int64_values[:] == [], n)

# ---- users ----
assert set_(INITIAL, int32_values=[71, 3, 10, 8, 1, 10, 8]) == OK
wait(INITIAL, ints(71, 0))
assert set_(SWITCH, int32_values=[72, 2, 11, 0, 10, 8, 0]) == OK
wait(SWITCH, ints(72, 3, 1))
assert set_(SWITCH, int32_values=[73, 4, 11]) == INVALID
assert set_(CREATE, int32_values=[74, 12, 0, 10, 8, 0], string_value='guest') == OK
wait(CREATE, ints(74, 1))
assert set_(REMOVE, int32_values=[75, 12, 0, 10, 8, 0]) == OK
assert get(IDENT, int32_values=[76, 10, 0, 1, 1]).status == NOT_AVAILABLE
assert set_(IDENT, int32_values=[77, 10, 0, 1, 1, 1]) == NOT_AVAILABLE
do("vhal-inject property=SWITCH_USER value='{i32:[-1,4,10]}'")
wait(SWITCH, ints(-1, 4, 10))

# ---- keys, knobs, views ----
do('key code=VOLUME_UP')
wait(KEY, ints(0, 24, 0))
wait(KEY, ints(1, 24, 0))
do('rotary detents=2 knob=volume')
wait(ROTARY, ints(1, 2, 0, 50000000))
do('gear to=R')
wait(GEAR, ints(2))
wait(EVS, ints(0, 1))
do('gear to=P')
n = mark()
wait(EVS, ints(0, 0), n)
assert set_(SHOW, int32_values=[2]) == OK
wait(DISPLAY_STATE, lambda v: v.int32_values[0] == 1)

# ---- climate ----
assert set_(SUGGEST, float_values=[70, 49, 0, 0]) == OK
wait(SUGGEST, lambda v: [round(x, 1) for x in v.float_values] == [70, 49, 21, 69.8])
assert set_(SUGGEST, float_values=[70, 50, 0, 0]) == INVALID
assert set_(DUAL, area_id=0x75, int32_values=[0]) == OK
wait(DUAL, ints(0))
assert set_(TEMP, area_id=0x31, float_values=[19]) == OK
assert set_(TEMP, area_id=0x44, float_values=[25]) == OK
wait(TEMP, lambda v: v.area_id == 0x44 and v.float_values[:] == [25])
n = mark()
assert set_(DUAL, area_id=0x75, int32_values=[1]) == OK
wait(DUAL, ints(1), n)
wait(TEMP, lambda v: v.area_id == 0x44 and v.float_values[:] == [19], n)
assert set_(TEMP, area_id=0x44, float_values=[23]) == OK
wait(TEMP, lambda v: v.area_id == 0x31 and v.float_values[:] == [23], n)

# ---- vendor ----
assert set_(V_INT, int32_values=[3]) == OK
wait(V_INT, ints(3))
assert set_(V_MIXED, int32_values=[1], int64_values=[2], float_values=[0.5],
            byte_values=b'abcd', string_value='x') == OK
wait(V_MIXED, lambda v: v.byte_values == b'abcd' and v.string_value == 'x')
assert set_(V_MIXED, int32_values=[1, 2], int64_values=[2], float_values=[0.5]) == INVALID

# ---- a flood of sets: what does not fit is refused, not kept ----
replies = [aidl.SetValues.future(apb.VehiclePropValueRequests(requests=[
    apb.VehiclePropValueRequest(request_id=k, value=apb.VehiclePropValue(
        prop=V_INT, int32_values=[k & 1])) for k in range(120000)]), timeout=60)
    for _ in range(2)]
codes = [r.status for f in replies for r in f.result().results]
assert len(codes) == 240000 and set(codes) == {OK, TRY_AGAIN}, set(codes)
with open(f'/proc/{avsim.pid}/status') as f:
    peak = int([line for line in f if line.startswith('VmHWM')][0].split()[1])
assert peak < room_mib << 10, f'{peak} KiB'
assert get(GEAR).status == OK

ctl.Quit(Empty(), timeout=10)
out, _ = avsim.communicate(timeout=60)
assert avsim.returncode == 0, out
ach.close()
cch.close()
replay = subprocess.run([f'{build}/avsim', 'replay', record, '--headless'],
                        capture_output=True, text=True)
assert replay.returncode == 0 and 'all as recorded' in replay.stdout, \
    replay.stdout + replay.stderr
print(f'VHAL extras: all as expected; flood took {codes.count(OK)} of 240000 sets, '
      f'peak {peak >> 10} MiB')
