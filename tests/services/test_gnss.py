#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Positions against independent readers: gpsd on the pty reports the track of the
parking scenario; pynmea2 and gpxpy read exports; every position of a real NMEA
drive comes out as it went in."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

top = os.environ.get('AVSIM_TOP_SRCDIR', '.')
build = os.environ.get('AVSIM_TOP_BUILDDIR', top)
shared = os.environ.get('AVSIM_SHARED_DATA', f'{top}/../shared/data')
avsim = f'{build}/avsim'
tmp = tempfile.TemporaryDirectory()
work = tmp.name
env = dict(os.environ, XDG_STATE_HOME=work)
failed = []
ran = 0


def check(ok, text):
    if not ok:
        print('FAIL:', text)
        failed.append(text)
    return ok


def run(*args, status=0):
    r = subprocess.run([avsim, *args], capture_output=True, text=True, env=env)
    check(r.returncode == status, f'avsim {args}: {r.returncode} {r.stderr}')
    return r


def fixes(rec):
    """{unix ms: (lat, lon, speed)} of the receiver's fixes."""
    out = {}
    for line in run('dump', rec, '--only', 'gnss:fix/GPS').stdout.splitlines():
        v = [float(x) for x in line.split('\t')[3:]]
        if v[15] >= 2:
            out[int(v[0])] = v[1], v[2], v[5]
    return out


# ---- gpsd ----

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def reports(gpsd):
    """Parking, four times as fast, with gpsd on the pty: its TPV and SKY."""
    pty, port = f'{work}/gps', free_port()
    rec = f'{work}/parking.avrec'
    a = subprocess.Popen([avsim, 'run', '--scenario', 'parking', '--headless',
                          '--speed', '4', '--record', rec, '--nmea-pty', pty],
                         env=env, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    for _ in range(200):
        if os.path.islink(pty):
            break
        time.sleep(0.05)
    target = os.path.realpath(pty)
    os.chmod(target, 0o666)  # gpsd drops its rights before it opens it
    # a fixed speed: it looks for the right one for seconds otherwise
    g = subprocess.Popen([gpsd, '-N', '-n', '-b', '-s', '38400', '-f', '8N1',
                          '-S', str(port), target],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out = []
    try:
        p = None
        for _ in range(100):
            p = subprocess.Popen(['gpspipe', '-w', f'localhost:{port}'],
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True)
            time.sleep(0.2)
            if p.poll() is None:
                break
        a.wait(120)
        time.sleep(1)
        g.terminate()  # gpspipe ends with it, and writes what it holds back
        for line in p.communicate(timeout=20)[0].splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                pass
    finally:
        for x in a, g:
            if x.poll() is None:
                x.send_signal(signal.SIGTERM)
                x.wait(20)
    check(a.returncode == 0, 'the parking run')
    check(not os.path.lexists(pty), 'the link stays behind')
    return rec, out


def unix_ms(text):
    t = time.strptime(text[:19], '%Y-%m-%dT%H:%M:%S')
    import calendar
    return calendar.timegm(t) * 1000 + int(round(float('0' + text[19:-1]) *
                                                 1000) if text[19] == '.'
                                           else 0)


def test_gpsd():
    gpsd = shutil.which('gpsd') or shutil.which('/usr/sbin/gpsd')
    if not gpsd or not shutil.which('gpspipe'):
        print('SKIP gpsd: no gpsd or gpspipe')
        return
    rec, out = reports(gpsd)
    want = fixes(rec)
    tpv = [r for r in out if r.get('class') == 'TPV' and r.get('mode', 0) >= 2
           and 'lat' in r and 'time' in r]
    sky = [r for r in out if r.get('class') == 'SKY' and r.get('satellites')]
    check(len(want) == 61 or len(want) == 60, f'{len(want)} fixes recorded')
    check(len({r['time'] for r in tpv}) >= 40, f'{len(tpv)} TPV reports')
    for r in tpv:
        w = want.get(unix_ms(r['time']))
        if not check(w, f'no fix at {r["time"]}'):
            continue
        check(abs(r['lat'] - w[0]) < 1e-8 and abs(r['lon'] - w[1]) < 1e-8,
              f'{r["time"]}: {r["lat"]} {r["lon"]}, recorded {w}')
        if 'speed' in r:
            check(abs(r['speed'] - w[2]) < 0.002,
                  f'{r["time"]}: speed {r["speed"]}, recorded {w[2]}')
    lats = [r['lat'] for r in tpv]
    check((max(lats) - min(lats)) * 111195 < 20, 'the car did not go north')
    check(sky and max(len(r['satellites']) for r in sky) >= 12,
          'satellites of gpsd')
    check(any(r.get('hdop', 99) < 2 for r in sky), 'HDOP of gpsd')
    print(f'gpsd: {len(tpv)} TPV, {len(sky)} SKY')


# ---- exports ----

def sentences(path):
    """{(kind, time of day): (latitude, longitude)} of RMC and GGA, by pynmea2."""
    import pynmea2
    out = {}
    with open(path, errors='replace') as f:
        for line in f:
            try:
                m = pynmea2.parse(line.strip(), check=True)
            except pynmea2.ParseError:
                continue
            if m.sentence_type in ('RMC', 'GGA') and m.lat:
                out[m.sentence_type, str(m.timestamp)] = m.latitude, m.longitude
    return out


def test_nmea_drive():
    src = f'{shared}/gnss/MTV.Local1.ublox-F9K.20200206.nmea'
    rec, back = f'{work}/mtv.avrec', f'{work}/mtv.nmea'
    if not os.path.exists(src):
        print('SKIP the NMEA drive: no shared data')
        return
    r = run('import', src, '-o', rec)
    check('13 rows left out' in r.stderr, f'counts: {r.stderr[-200:]}')
    check('7181:43: wrong checksum' in r.stderr, 'place of a bad row')
    r = run('replay', '--headless', rec)
    check('all as recorded' in r.stdout, r.stdout)
    run('export', rec, '--format', 'nmea', '-o', back)
    a, b = sentences(src), sentences(back)
    check(len(a) == 3306, f'{len(a)} positions')
    bad = [k for k in a if k not in b or abs(a[k][0] - b[k][0]) > 1e-12 or
           abs(a[k][1] - b[k][1]) > 1e-12]
    check(not bad, f'{len(bad)} positions differ: {bad[:3]}')
    with open(back) as f:
        import pynmea2
        for line in f:
            pynmea2.parse(line.strip(), check=True)
    print(f'NMEA: {len(a)} positions, identical')


def there_and_back(what, names, form):
    """Each file of the shared data, imported and exported again: its name, it,
    the recording and the export."""
    for name in names:
        src = f'{shared}/gnss/{name}'
        rec, back = f'{work}/{name}.avrec', f'{work}/{name}'
        if not os.path.exists(src):
            print(f'SKIP {what}: no shared data')
            return
        run('import', src, '-o', rec)
        run('export', rec, '--format', form, '-o', back)
        yield name, src, rec, back


def test_gpx():
    import gpxpy
    want = {'around-visnjan-with-car.gpx': 104, 'cerknicko-jezero.gpx': 296}
    for name, src, _, back in there_and_back('GPX', want, 'gpx'):
        points = []
        for path in src, back:
            with open(path) as f:
                g = gpxpy.parse(f)
            points.append([(p.latitude, p.longitude, p.elevation, p.time)
                           for t in g.tracks for s in t.segments
                           for p in s.points if p.time])
        check(len(points[1]) == want[name], f'{name}: {len(points[1])} points')
        check(sorted(points[0], key=lambda p: p[3]) ==
              sorted(points[1], key=lambda p: p[3]), f'{name}: points differ')


def test_logger():
    """Raw rows come out as they went in, in their order."""
    for name, src, rec, back in there_and_back(
            'GnssLogger', ('pixel7_gnss_log_v3064.txt',
                           'pseudoranges_log_2016_06_30_21_26_07.txt'),
            'gnsslogger'):
        raw = []
        for path in src, back:
            with open(path) as f:
                raw.append([x.rstrip('\r\n') for x in f
                            if x.startswith('Raw,')])
        check(raw[0] == raw[1], f'{name}: raw rows differ')
        # and once more round: everything comes in again
        again = f'{work}/again.avrec'
        run('import', back, '-o', again)
        a = run('dump', rec, '--only', 'gnss:raw').stdout
        b = run('dump', again, '--only', 'gnss:raw').stdout
        check(a and a == b, f'{name}: raw rows of the export differ')
        os.unlink(again)


def test_kml():
    src = f'{shared}/gnss/google_ext.kml'
    if not os.path.exists(src):
        print('SKIP KML: no shared data')
        return
    run('import', src, '-o', f'{work}/k.avrec')
    run('export', f'{work}/k.avrec', '--format', 'kml', '-o', f'{work}/k.kml')
    run('import', f'{work}/k.kml', '-o', f'{work}/k2.avrec')
    a, b = [run('dump', f'{work}/{x}.avrec', '--only', 'gnss:fix/GPS').stdout
            for x in ('k', 'k2')]
    check(a.count('\n') == 451 and a == b, 'KML there and back')


def test_rav4():
    """The minute of CAN and of positions on one clock."""
    can = f'{shared}/can/rav4_drive_60s.candump.log'
    if not os.path.exists(can):
        print('SKIP RAV4: no shared data')
        return
    run('import', can, f'{shared}/gnss/rav4_gnss_ublox_10hz.csv', '-o',
        f'{work}/rav4.avrec')
    r = run('replay', '--headless', f'{work}/rav4.avrec')
    check('all as recorded' in r.stdout, r.stdout)
    lines = run('dump', f'{work}/rav4.avrec', '--only',
                'gnss:fix/GPS').stdout.splitlines()
    with open(can) as f:
        t0 = float(f.readline()[1:].split(')')[0])
    first = lines[0].split('\t')
    check(abs(t0 + float(first[0]) - 1533226488.504478) < 1e-5,
          f'first fix at {first[0]}')
    check(len(lines) == 579, f'{len(lines)} fixes')


def test_refusals():
    with open(f'{work}/bad.gpx', 'w') as f:
        f.write('<gpx><trk>\n<trkpt></gpx>\n')
    r = run('import', f'{work}/bad.gpx', '-o', f'{work}/x.avrec', status=2)
    check('bad.gpx:2:' in r.stderr, r.stderr)
    check(not os.path.exists(f'{work}/x.avrec'), 'a recording of nothing')
    open(f'{work}/file', 'w').close()
    r = run('run', '--scenario', 'parking', '--headless', '--no-record',
            '--nmea-pty', f'{work}/file', status=2)
    check('cannot link the pty' in r.stderr, r.stderr)


test_refusals()
test_gpsd()
try:
    import pynmea2  # noqa: F401
    test_nmea_drive()
except ImportError as e:
    print('SKIP NMEA:', e)
try:
    import gpxpy  # noqa: F401
    test_gpx()
except ImportError as e:
    print('SKIP GPX:', e)
test_logger()
test_kml()
test_rav4()
sys.exit(1 if failed else 0)
