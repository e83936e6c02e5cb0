#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Garage Mode against a scripted guest: verdicts, exit codes, replays without the
guest; marker file and socket."""
import os
import socket
import stat
import subprocess
import sys
import time

import protos
from protos import build, top

tmp = protos.modules('vhal_aidl')
work = tmp.name
env = dict(os.environ, PYTHONPATH=work, XDG_STATE_HOME=work)
avsim = f'{build}/avsim'
failed = []

# Virtual time runs twice as fast as the guest's: a postponement a second, five
# seconds without are 2.5 of the wall's.
SPEED = '2'
with open(f'{work}/power.yaml', 'w') as f:
    f.write('''name: power
duration: 120s
vehicle: compact-ev
params:
  max: { default: 1h }
  ask: { default: true }
  call-off: { default: false }
  want: { default: finished }
start: { gear: P, ignition: on }
timeline:
  - when: $ask and power == on
    do:
      - wait: 500ms
      - power: { request: shutdown, param: can-sleep, max: $max }
  - when: $call-off and power == garage
    do:
      - wait: 3s
      - power: on
  - when: power == prepare
    do:
      - until: power == on or power == finished or power == overdue
      - wait: 500ms
      - end
expect:
  - that: power == $want
'''.replace('call-off', 'call_off'))


def check(ok, what, *more):
    if not ok:
        failed.append(what)
        print('FAIL:', what, *more, sep='\n')


class Run:
    def __init__(self, name, guest, *args):
        self.name, self.rec = name, f'{work}/{name}.avrec'
        self.dir = f'{work}/{name}'
        self.avsim = subprocess.Popen(
            [avsim, 'run', f'{work}/power.yaml', '--headless', '--speed', SPEED,
             '--run-dir', self.dir, '--record', self.rec, *args],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        self.guest = subprocess.Popen(
            [sys.executable, os.path.join(top, 'tests/services/fake_guest_power.py'),
             f'{self.dir}/vhal.sock', *guest],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)

    def finish(self, status, *says):
        """Exit status, summary; then the same without the guest."""
        try:
            out, _ = self.avsim.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.avsim.kill()
            out, _ = self.avsim.communicate()
            check(False, f'{self.name}: does not end')
        self.guest.terminate()
        said, _ = self.guest.communicate()
        check(self.avsim.returncode == status,
              f'{self.name}: exit status {self.avsim.returncode}, want {status}',
              out, said)
        for s in says:
            check(s in out, f'{self.name}: no "{s}" in', out, said)
        check('Traceback' not in said, f'{self.name}: the guest fell over', said)
        again = subprocess.run([avsim, 'replay', self.rec, '--headless'], env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, timeout=60)
        check(again.returncode == status and 'all as recorded' in again.stdout,
              f'{self.name}: replay {again.returncode}', again.stdout)
        self.said = said
        return self.power()

    def power(self):
        """Keys and texts of the power channel."""
        out = subprocess.run([avsim, 'dump', self.rec, '--only', 'power'], env=env,
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        return [line.split('\t')[2:] for line in out.splitlines()]


def states(events):
    return [text for key, text in events if key == 'state']


def wait_for(test, what):
    for _ in range(300):
        if test():
            return
        time.sleep(0.1)
    check(False, f'{what} did not come')


asked = ['starting', 'on', 'prepare']
finish = Run('finish', ['--postpone', '2'])
silent = Run('silent', ['--postpone', '1', '--then', 'silent'],
             '--set', 'want=overdue')
deaf = Run('deaf', ['--deaf'], '--set', 'want=overdue')
cancel = Run('cancel', ['--postpone', '-1'],
             '--set', 'call_off=true', '--set', 'want=on')
maximum = Run('maximum', ['--postpone', '-1'],
              '--set', 'max=4s', '--set', 'want=overdue')

# marker and socket: asked through the socket, called off by the file
marker, path = f'{work}/marker', f'{work}/power.sock'
by_file = Run('by-file', ['--postpone', '-1'],
              '--power-state-file', marker, '--power-state-socket', path,
              '--set', 'ask=false', '--set', 'want=on')
wait_for(lambda: os.path.exists(path), 'the socket')
check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, 'the socket is not private')
with open(marker, 'w') as f:
    f.write('nonsense\n')
# the guest is up when it has been answered
lines = iter(by_file.guest.stdout.readline, '')
next(line for line in lines if 'asked for [0, 0]' in line)
time.sleep(0.5)
for text in (b'', b'shutdown now ' + b'x' * 2000):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(text)
    s.close()
next(line for line in lines if 'asked for [1, 2]' in line)
with open(marker) as f:
    check(f.read() == 'shutdown now ' + 'x' * 1011, 'the marker was not written')
check(not [n for n in os.listdir(work) if n.startswith('marker.')],
      'a temporary file was left')
time.sleep(1)
with open(marker, 'w') as f:
    f.write('on\n')

got = finish.finish(0, 'expected:   1 of 1 passed')
check(states(got) == asked + ['garage', 'finished'], f'finish: {got}')
check(['postpone', '2 postponements, 10 s in all'] in got, f'finish: {got}')
check(['report', 'DEEP_SLEEP_ENTRY 0'] in got, f'finish: {got}')
check('guest: asleep' in finish.said, 'finish: no FINISHED', finish.said)

got = silent.finish(1, 'power: fail', 'the guest keeps the deadlines of a shutdown',
                    'no heartbeat for', '1 postponement, 5 s in all',
                    'expected:   1 of 2 passed')
check(states(got) == asked + ['garage', 'overdue'], f'silent: {got}')

got = deaf.finish(1, 'no answer to the shutdown request for 6 s (limit 5 s)')
check(states(got) == asked + ['overdue'], f'deaf: {got}')

got = cancel.finish(0, 'expected:   1 of 1 passed')
check(states(got) == asked + ['garage', 'cancel', 'starting', 'on'], f'cancel: {got}')

got = maximum.finish(1, 'not finished within the maximum of 4 s after')
check(states(got) == asked + ['garage', 'overdue'], f'maximum: {got}')

got = by_file.finish(0, "want 'shutdown' or 'on' as first word, not 'nonsense'")
check(states(got) == asked + ['garage', 'cancel', 'starting', 'on'], f'marker: {got}')
check(['request', 'shutdown param=can-sleep from=service'] in got, f'marker: {got}')
check(sum(key == 'request' for key, _ in got) == 2, f'marker: {got}')
check(not os.path.exists(path), 'the socket was left')


def run(*args):
    return subprocess.run([avsim, 'run', f'{work}/power.yaml', '--headless', *args],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60)


# a marker from before is acted upon; without a guest nobody is to blame
with open(marker, 'w') as f:
    f.write(' \n shutdown\n')
r = run('--power-state-file', marker, '--until', '10s', '--record', f'{work}/old.avrec',
        '--set', 'want=none')
check(r.returncode == 0 and 'says shutdown' in r.stdout, 'stale marker', r.stdout)
out = subprocess.run([avsim, 'dump', f'{work}/old.avrec', '--only', 'power,command'],
                     stdout=subprocess.PIPE, text=True, env=env).stdout
check('0.010000000\tcommand\tservice\tpower request=shutdown param=can-sleep' in out
      and '\tpower\tstate\tnone' in out, 'stale marker', out)

# options that do not go together, a marker that is a folder
r = run('--power-state-socket', path)
check(r.returncode == 2 and 'needs --power-state-file' in r.stdout, r.stdout)
r = run('--power-state-file', work + '/')
check(r.returncode == 2 and 'needs a name' in r.stdout, r.stdout)

sys.exit(1 if failed else 0)
