#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Captures as a user makes them, judged by tshark: what it reads out of them is
what candump shows, it has nothing to complain about, and a killed run's capture
can be read."""
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

top = os.path.abspath(os.environ.get('AVSIM_TOP_SRCDIR', '.'))
build = os.environ.get('AVSIM_TOP_BUILDDIR', top)
if not shutil.which('tshark'):
    print('SKIP test_capture.py: no tshark')
    sys.exit(77)
work = tempfile.TemporaryDirectory()
w = work.name
env = dict(os.environ, HOME=w, WIRESHARK_CONFIG_DIR=w, XDG_STATE_HOME=f'{w}/state')


def avsim(*args, status=0):
    r = subprocess.run([f'{build}/avsim', *args], capture_output=True, text=True, env=env)
    assert r.returncode == status, (args, r.returncode, r.stdout, r.stderr)
    return r.stdout + r.stderr


def tshark(name, *args):
    r = subprocess.run(['tshark', '-n', '-r', f'{w}/{name}', *args], capture_output=True,
                       text=True, env=env)
    said = [x for x in r.stderr.splitlines() if 'Running as user' not in x]
    assert r.returncode == 0 and not said, (r.returncode, said)
    return r.stdout


def clean(name):
    bad = tshark(name, '-Y', '_ws.malformed || _ws.expert')
    assert not bad, bad


FIELDS = ['frame.time_epoch', 'frame.interface_name', 'can.id', 'can.flags.xtd', 'can.flags.rtr',
          'can.flags.err', 'can.len', 'data.data', 'canfd.flags.brs', 'canfd.flags.esi',
          '_ws.col.Protocol', 'can.err.ctrl.rx_warning']


def as_candump(name, iface=None):
    """Lines of candump -L out of what tshark decoded."""
    out = []
    for line in tshark(name, '-T', 'fields', *sum((['-e', f] for f in FIELDS), [])).splitlines():
        t, bus, can_id, xtd, rtr, err, n, data, brs, esi, proto, warning = line.split('\t')
        sec, frac = t.split('.')
        stamp = f'({int(sec):010d}.{frac if frac[6:] != "000" else frac[:6]})'
        if err == '1':
            assert warning == '1'
            out.append(f'{stamp} {bus or iface} 20000004#0004000000000000')
            continue
        text = f'{int(can_id):0{8 if xtd == "1" else 3}X}'
        if proto == 'CANFD':
            text += f'##{int(brs) + 2 * int(esi)}{data.upper()}'
        elif rtr == '1':
            text += '#R' + (n if n != '0' else '')
        else:
            assert len(data) == 2 * int(n)
            text += f'#{data.upper()}'
        out.append(f'{stamp} {bus or iface} {text}')
    return out


def lines(name):
    with open(f'{w}/{name}') as f:
        return f.read().splitlines()


# a run: the capture is what the recording has, and the same every time
out = avsim('run', 'parking', '--record', f'{w}/a.avrec', '--capture', f'{w}/a.pcapng')
avsim('export', f'{w}/a.avrec', '--format', 'candump', '-o', f'{w}/a.log')
clean('a.pcapng')
want = lines('a.log')
assert len(want) > 10000 and as_candump('a.pcapng') == want
assert f'can {len(want)})' in out, out
avsim('run', 'parking', '--no-record', '--capture', f'{w}/b.pcapng')
avsim('replay', f'{w}/a.avrec', '--capture', f'{w}/c.pcapng')
avsim('replay', f'{w}/a.avrec', '--only', 'power:*', '--capture', f'{w}/d.pcapng')
with open(f'{w}/a.pcapng', 'rb') as f:
    first = f.read()
for other in 'bcd':
    with open(f'{w}/{other}.pcapng', 'rb') as f:
        assert f.read() == first, f'{other}.pcapng differs'
avsim('export', f'{w}/a.avrec', '--format', 'pcapng', '-o', f'{w}/e.pcapng')
clean('e.pcapng')
assert as_candump('e.pcapng') == want

# frames of all kinds, several buses
avsim('import', f'{top}/tests/data/can/sample.candump.log', '-o', f'{w}/s.avrec')
avsim('export', f'{w}/s.avrec', '--format', 'candump', '-o', f'{w}/s.log')
avsim('export', f'{w}/s.avrec', '--format', 'pcapng', '-o', f'{w}/s.pcapng')
avsim('replay', f'{w}/s.avrec', '--capture', f'{w}/s2.pcapng')
for name in ('s.pcapng', 's2.pcapng'):
    assert as_candump(name) == lines('s.log'), name
avsim('replay', f'{w}/s.avrec', '--capture', f'{w}/s3.pcapng', '--capture-only', 'can:can1')
only = [x for x in lines('s.log') if ' can1 ' in x]
assert as_candump('s3.pcapng') == only
avsim('replay', f'{w}/s.avrec', '--capture', f'{w}/s.pcap', '--capture-only', 'can:can1')
avsim('export', f'{w}/s.avrec', '--format', 'pcap', '--only', 'can:can1:*', '-o', f'{w}/s2.pcap')
for name in ('s.pcap', 's2.pcap'):
    clean(name)
    assert as_candump(name, 'can1') == only, name

# what cannot be done is said before anything runs
for args, text in ((['--capture', f'{w}/a.pcapng'], 'remove it'),
                   (['--capture', f'{w}/no/a.pcapng'], 'No such file'),
                   (['--capture-only', 'can'], 'goes with --capture')):
    assert text in avsim('run', 'parking', '--no-record', *args, status=2), text
assert 'choose one with --capture-only' in avsim(
    'replay', f'{w}/s.avrec', '--capture', f'{w}/x.pcap', status=2)
assert not os.path.exists(f'{w}/x.pcap')
assert "can1 comes second" in avsim(
    'export', f'{w}/s.avrec', '--format', 'pcap', '-o', f'{w}/x2.pcap', status=2)

# killed: what was there is whole
p = subprocess.Popen([f'{build}/avsim', 'run', 'parking', '--headless', '--no-record', '--speed', '1',
                      '--capture', f'{w}/k.pcapng'], stdout=subprocess.DEVNULL, env=env)
for _ in range(600):
    time.sleep(0.1)
    if os.path.exists(f'{w}/k.pcapng') and os.path.getsize(f'{w}/k.pcapng') > 50000:
        break
p.send_signal(signal.SIGKILL)
p.wait()
clean('k.pcapng')
killed = as_candump('k.pcapng')
assert len(killed) > 500 and killed == want[:len(killed)]

# packets of devices beside each other, as their ports bring them
MS = 1000000
arp = bytes.fromhex('ffffffffffff0200000000010806000108000604000102000000'
                    '00010a00020f0000000000000a000202')
feed = [(1 * MS, 1, 0, 0, arp), (2 * MS, 2, 0, 0, bytes.fromhex('01030c00')),
        (3 * MS, 2, 1, 0, bytes.fromhex('040e0401030c00')),
        (4 * MS, 3, 0, 0, struct.pack('<QQIIIHHIII', 3, 2, 1024, 9300, 0, 1, 1, 0, 262144, 0)),
        (5 * MS, 1, 1, 65549, arp + bytes(22)), (6 * MS, 9, 1, 0, b'x'), (7 * MS, 0, 1, 0, b'x' * 16)]
r = subprocess.run([f'{build}/tests/services/capture_feed', f'{w}/f.pcapng'], stdout=subprocess.PIPE,
                   input=b''.join(struct.pack('<qBBHII', t, link, to, 0, full, len(d)) + d
                                  for t, link, to, full, d in feed), check=True)
assert r.stdout == b'2 refused\n', r.stdout
clean('f.pcapng')
got = [x.split('\t') for x in tshark(
    'f.pcapng', '-T', 'fields', '-e', 'frame.interface_name', '-e', '_ws.col.Protocol',
    '-e', 'frame.packet_flags_direction', '-e', 'frame.time_epoch', '-e', 'frame.len',
    '-e', '_ws.col.Info').splitlines()]
assert [g[:3] for g in got] == [
    ['net0', 'ARP', '0x00000002'], ['bt0', 'HCI_CMD', '0x00000002'],
    ['bt0', 'HCI_EVT', '0x00000001'], ['vsock0', 'vSocket', '0x00000002'],
    ['net0', 'ARP', '0x00000001']], got
assert [g[3] for g in got] == [f'1700000000.00{i}000000' for i in range(1, 6)], got
assert got[4][4] == '65549' and 'Reset' in got[1][5] and 'Request' in got[3][5], got
print(f'tshark: {len(want)} frames as candump shows them, {len(killed)} after a kill')
