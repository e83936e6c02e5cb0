#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated Bluetooth controller and phone, used by a host stack written
here from the specifications: HCI, L2CAP, SDP, RFCOMM, hands-free unit. No
kernel is needed. tshark reads the capture."""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty

TOP = os.environ.get("AVSIM_TOP_SRCDIR", ".")
AVSIM = os.path.abspath(os.path.join(
    os.environ.get("AVSIM_TOP_BUILDDIR", "."), "avsim"))
WORK = tempfile.mkdtemp(prefix="avsim-bt-")
ADDR = bytes.fromhex("0302015e0002")  # 02:00:5E:01:02:03
SCENARIO = """name: bt
duration: 600s
seed: 1
vehicle: compact-ev
timeline:
  - at: 10ms
    do: { phone-appear: { name: Test phone, address: "02:00:5E:01:02:03" } }
"""


class Run:
    """avsim at ten times the speed of time: procedures take seconds."""

    def __init__(self, *args, speed="10"):
        self.dir = tempfile.mkdtemp(dir=WORK)
        os.chmod(self.dir, 0o700)
        path = os.path.join(WORK, "bt.yaml")
        with open(path, "w") as f:
            f.write(SCENARIO)
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.p = subprocess.Popen(
            [AVSIM, "run", path, "--headless", "--no-record", "--speed",
             speed, "--run-dir", self.dir] + list(args),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.sock = os.path.join(self.dir, "bt.sock")
        self.await_file(self.sock)

    def await_file(self, path):
        """Sockets appear one after the other, each ready to be connected to."""
        stop = time.monotonic() + 30
        while not os.path.exists(path):
            assert self.p.poll() is None and time.monotonic() < stop, \
                self.text()
            time.sleep(0.02)

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def do(self, *words):
        subprocess.run([AVSIM, "ctl", "--run-dir", self.dir, "do", *words],
                       check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.p.terminate()
        assert self.p.wait(30) == 0, self.text()
        return self.text()


class Host:
    """The car's host stack, on anything with read and write."""

    def __init__(self, read, write):
        self.read, self.write = read, write
        self.buf = b""
        self.queue = []  # packets not asked for yet
        self.credits = 0
        self.handle = self.sync = None
        self.l2 = b""
        self.frames = []
        self.key = None
        self.fcs_table = []
        for i in range(256):
            c = i
            for _ in range(8):
                c = (c >> 1) ^ 0xe0 if c & 1 else c >> 1
            self.fcs_table.append(c)
        self.text = b""
        self.voice = []

    # ---- HCI ----
    def packet(self):
        while True:
            b = self.buf
            if b:
                head = {2: 5, 3: 4, 4: 3}[b[0]]
                if len(b) >= head:
                    n = head + (struct.unpack_from("<H", b, 3)[0]
                                if b[0] == 2 else b[head - 1])
                    assert n <= 1000, n
                    if len(b) >= n:
                        self.buf = b[n:]
                        return b[:n]
            self.buf += self.read()

    def pump(self):
        """One packet, to where it belongs."""
        p = self.packet()
        if p[0] == 4:
            if p[1] == 0x13:
                for i in range(p[3]):
                    h, n = struct.unpack_from("<HH", p, 4 + 4 * i)
                    assert h == self.handle
                    self.credits += n
                assert self.credits <= self.n_acl
            elif p[1] == 0x05:
                self.queue.append(p)
            else:
                self.queue.append(p)
        elif p[0] == 2:
            h, n = struct.unpack_from("<HH", p, 1)
            assert h & 0xfff == self.handle and h & 0xc000 == 0
            if (h >> 12) & 3 == 2:
                assert not self.l2
            self.l2 += p[5:]
            n, cid = struct.unpack_from("<HH", self.l2)
            if len(self.l2) >= n + 4:
                self.frames.append((cid, self.l2[4:4 + n]))
                assert len(self.l2) == n + 4
                self.l2 = b""
        else:
            assert struct.unpack_from("<H", p, 1)[0] == self.sync
            self.voice.append(p[4:])

    def event(self, code):
        """Parameters of the next event of that code; earlier ones stay."""
        while True:
            for i, p in enumerate(self.queue):
                if p[1] == code:
                    del self.queue[i]
                    return p[3:]
            self.pump()

    def command(self, op, params=b""):
        self.write(struct.pack("<BHB", 1, op, len(params)) + params)

    def do(self, op, params=b"", status=0):
        self.command(op, params)
        e = self.event(0x0e)
        assert e[0] == 1 and struct.unpack_from("<H", e, 1)[0] == op, e
        assert e[3] == status, (hex(op), e)
        return e[4:]

    def ask(self, op, params=b"", status=0):
        self.command(op, params)
        e = self.event(0x0f)
        assert struct.unpack_from("<H", e, 2)[0] == op and e[0] == status, \
            (hex(op), e)

    def start(self):
        self.do(0x0c03)
        self.do(0x0c01, b"\xff" * 7 + b"\x3f")
        self.do(0x0c56, b"\1")
        self.do(0x0c45, b"\2")
        self.do(0x0c24, bytes.fromhex("080426"))
        self.do(0x0c1a, b"\3")
        size, sco, self.n_acl, _ = struct.unpack("<HBHH", self.do(0x1005))
        assert 27 <= size <= 995 and sco, (size, sco)
        self.acl_len, self.credits = size, self.n_acl
        return self.do(0x1009)

    # ---- link ----
    def inquire(self):
        self.ask(0x0401, bytes.fromhex("338b9e0400"))
        e = self.event(0x2f)
        assert e[1:7] == ADDR and e[9:12] == bytes.fromhex("0c027a"), e
        assert struct.unpack_from("b", e, 14)[0] == -50
        assert b"\x0b\x09Test phone" in e and b"\3\3\x1f\x11" in e
        self.do(0x0402)

    def connect(self):
        self.ask(0x0405, ADDR + bytes.fromhex("18cc0100000001"))
        e = self.event(0x03)
        assert e[0] == 0 and e[3:9] == ADDR and e[9] == 1
        self.handle = struct.unpack_from("<H", e, 1)[0]
        self.credits, self.l2 = self.n_acl, b""
        self.h = struct.pack("<H", self.handle)

    def authenticate(self):
        self.ask(0x0411, self.h)
        assert self.event(0x17) == ADDR
        if self.key:
            self.do(0x040b, ADDR + self.key)
        else:
            self.do(0x040c, ADDR)
            assert self.event(0x31) == ADDR
            self.do(0x042b, ADDR + b"\1\0\3")
            assert self.event(0x32)[6] == 1
            e = self.event(0x33)
            assert 0 <= struct.unpack_from("<I", e, 6)[0] < 1000000
            self.do(0x042c, ADDR)
            assert self.event(0x36) == b"\0" + ADDR
            e = self.event(0x18)
            self.key = e[6:22]
            assert e[22] == 5 and any(self.key)
        assert self.event(0x06) == b"\0" + self.h

    def encrypt(self, on):
        self.ask(0x0413, self.h + bytes([on]))
        assert self.event(0x08) == b"\0" + self.h + bytes([on])

    # ---- L2CAP ----
    def l2send(self, cid, data):
        frame, flags = struct.pack("<HH", len(data), cid) + data, 2
        while frame:
            while self.credits == 0:
                self.pump()
            part, frame = frame[:self.acl_len], frame[self.acl_len:]
            self.write(struct.pack("<BHH", 2, self.handle | flags << 12,
                                   len(part)) + part)
            self.credits -= 1
            flags = 1

    def l2recv(self, cid):
        while True:
            for i, (c, data) in enumerate(self.frames):
                if c == cid:
                    del self.frames[i]
                    return data
            self.pump()

    def signal(self, code, ident, data):
        self.l2send(1, struct.pack("<BBH", code, ident, len(data)) + data)

    def signalled(self, code):
        data = self.l2recv(1)
        assert data[0] == code and len(data) == 4 + struct.unpack_from(
            "<H", data, 2)[0], data
        return data[1], data[4:]

    def channel(self, psm, cid):
        self.signal(2, 9, struct.pack("<HH", psm, cid))
        ident, d = self.signalled(3)
        remote, source, result, _ = struct.unpack("<HHHH", d)
        assert ident == 9 and source == cid
        if result:
            return -result
        ident, d = self.signalled(4)
        assert struct.unpack("<HH", d[:4]) == (cid, 0)
        self.signal(5, ident, struct.pack("<HHH", remote, 0, 0))
        # an option that it does not know is named, then left out
        self.signal(4, 10, struct.pack("<HHBBBBBH", remote, 0, 0x55, 1, 0,
                                       1, 2, 500))
        ident, d = self.signalled(5)
        assert ident == 10 and d == struct.pack("<HHHBBB", cid, 0, 3, 0x55, 1,
                                                 0), d
        self.signal(4, 11, struct.pack("<HHBBH", remote, 0, 1, 2, 500))
        ident, d = self.signalled(5)
        assert ident == 11 and d == struct.pack("<HHH", cid, 0, 0)
        return remote

    # ---- SDP ----
    def record(self, remote, most):
        got, more, n = b"", b"\0", 0
        while True:
            req = bytes.fromhex("350319111f") + struct.pack(">H", most) + \
                bytes.fromhex("35050a0000ffff") + more
            self.l2send(remote, struct.pack(">BHH", 6, 7, len(req)) + req)
            d = self.l2recv(0x70)
            pdu, tid, total, part = struct.unpack_from(">BHHH", d)
            assert pdu == 7 and tid == 7 and total == len(d) - 5, d
            assert part <= most
            got += d[7:7 + part]
            more, n = d[7 + part:], n + 1
            if more == b"\0":
                return got, n

    # ---- RFCOMM ----
    def fcs(self, data):
        c = 0xff
        for b in data:
            c = self.fcs_table[c ^ b]
        return 0xff - c

    def rf(self, addr, control, data=b""):
        head = bytes([addr, control, len(data) << 1 | 1])
        n = 2 if control & 0xef == 0xef else 3
        self.l2send(self.rf_cid, head + data + bytes([self.fcs(head[:n])]))

    def rf_recv(self):
        d = self.l2recv(0x71)
        head = 3 if d[2] & 1 else 4
        n = d[2] >> 1 | (d[3] << 7 if head == 4 else 0)
        uih = d[1] & 0xef == 0xef
        assert d[-1] == self.fcs(d[:2 if uih else 3]), d
        extra = 1 if d[1] == 0xff else 0
        assert len(d) == head + extra + n + 1, d
        if extra:
            self.tx_credits += d[head]
        return d[0], d[1], d[head + extra:-1]

    def open_rfcomm(self):
        self.rf_cid = self.channel(3, 0x71)
        assert self.rf_cid > 0
        self.rf(0x03, 0x3f)
        assert self.rf_recv()[:2] == (0x03, 0x73)  # UA
        self.rf(0x03, 0xef, bytes.fromhex("83110" "6f000002c010005"))
        addr, control, d = self.rf_recv()
        assert (addr, control) == (1, 0xef)
        assert d[:2] == b"\x81\x11" and d[2] == 6 and d[3] == 0xe0, d
        self.tx_credits = d[9]
        self.max = struct.unpack_from("<H", d, 6)[0]
        assert 1 <= self.tx_credits <= 7 and self.max == 300
        self.rf(0x1b, 0x3f)
        assert self.rf_recv()[:2] == (0x1b, 0x73)
        addr, control, d = self.rf_recv()
        assert d[:2] == b"\xe3\x05", d
        self.rf(0x03, 0xef, b"\xe1" + d[1:])
        self.rf(0x03, 0xef, bytes.fromhex("e3051b8d"))
        assert self.rf_recv()[2] == bytes.fromhex("e1051b8d")
        self.granted = 5

    def line(self):
        """The next line that the gateway says."""
        while True:
            m = re.match(rb"\r\n([^\r]*)\r\n", self.text)
            if m:
                self.text = self.text[m.end():]
                return m.group(1).decode()
            addr, control, data = self.rf_recv()
            if addr == 0x19 and data:
                self.granted -= 1
                assert self.granted >= 0  # never beyond what we gave
                self.text += data
                if self.granted < 3:
                    self.grant(5)

    def grant(self, n):
        head = bytes([0x1b, 0xff, 1, n])
        self.l2send(self.rf_cid, head + bytes([self.fcs(head[:2])]))
        self.granted += n

    def at(self, text, *want):
        while self.tx_credits == 0:
            self.rf_recv()
        self.tx_credits -= 1
        self.rf(0x1b, 0xef, text.encode() + b"\r")
        for w in want:
            got = self.line()
            assert re.fullmatch(w, got), (text, w, got)

    def expect(self, pattern):
        while True:
            got = self.line()
            if re.fullmatch(pattern, got):
                return got

    def service_level(self):
        self.at("AT+BRSF=191", r"\+BRSF: \d+", "OK")
        self.at("AT+BAC=1", "OK")
        self.at("AT+CIND=?", r"\+CIND: \(\"service.*", "OK")
        self.at("AT+CIND?", r"\+CIND: 1,0,0,0,\d,0,\d", "OK")
        self.at("AT+CMER=3,0,0,1", "OK")
        self.at("AT+CHLD=?", r"\+CHLD: \(0,1,2\)", "OK")
        self.at("AT+CLIP=1", "OK")

    def accept_audio(self):
        e = self.event(0x04)
        assert e[:6] == ADDR and e[9] == 2
        self.ask(0x0429, ADDR + struct.pack("<IIHHBH", 8000, 8000, 0xffff,
                                            0x60, 0xff, 0x3f))
        e = self.event(0x2c)
        assert e[0] == 0 and e[9] == 2 and e[16] == 2, e
        self.sync = struct.unpack_from("<H", e, 1)[0]


def on_socket(run, path=None):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    run.await_file(path or run.sock)
    s.connect(path or run.sock)

    def read():
        data = s.recv(65536)
        assert data, "closed"
        return data
    return Host(read, s.sendall), s


def next_host(run, path=None):
    """Started, as soon as avsim has seen the one before go."""
    stop = time.monotonic() + 30
    while True:
        h, s = on_socket(run, path)
        try:
            h.start()
            return h, s
        except (AssertionError, OSError):
            assert time.monotonic() < stop
            s.close()


def is_hung_up_on(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        try:
            assert s.recv(10) == b""
        except ConnectionResetError:
            pass


def test_a_call(snoop):
    run = Run("--bt-snoop", snoop)
    h, s = on_socket(run)
    h.start()
    h.inquire()
    h.ask(0x0419, ADDR + bytes(4))
    e = h.event(0x07)
    assert e[0] == 0 and e[7:].rstrip(b"\0") == b"Test phone"
    h.connect()
    h.signal(8, 3, b"ping" * 100)
    assert h.signalled(9) == (3, b"ping" * 100)
    h.signal(10, 4, b"\2\0")
    assert h.signalled(11)[1][:4] == b"\2\0\0\0"
    assert h.channel(3, 0x71) == -3  # security block
    h.authenticate()
    h.encrypt(1)
    assert h.do(0x1408, h.h) == h.h + b"\x10"
    h.encrypt(0)
    h.encrypt(1)
    sdp = h.channel(1, 0x70)
    whole, n = h.record(sdp, 0xffff)
    assert n == 1
    parts, n = h.record(sdp, 20)
    assert parts == whole and n > 3
    assert bytes.fromhex("09000435" "0c350319010035051900030803") in whole
    h.open_rfcomm()
    h.service_level()
    h.at("AT+FOO", "ERROR")

    run.do("phone-call", "number=+4989555")
    h.expect("RING")
    assert h.line() == '+CLIP: "+4989555",145'
    h.at("ATA", "OK")
    assert h.expect(r"\+CIEV: 2,1") and h.expect(r"\+CIEV: 3,0")
    h.expect(r"\+BCS: 1")
    h.at("AT+BCS=1", "OK")
    h.accept_audio()
    while len(h.voice) < 20:
        h.pump()
        h.write(struct.pack("<BHB", 3, h.sync, 120) +
                struct.pack("<60h", *([1000, -1000] * 30)))
    samples = struct.unpack("<1200h", b"".join(h.voice[:20]))
    assert max(samples) == 8000 and min(samples) == -8000
    crossings = sum(1 for a, b in zip(samples, samples[1:]) if a < 0 <= b)
    assert 58 <= crossings <= 61, crossings  # 400 Hz in 150 ms
    h.at("AT+CHUP", "OK")
    h.expect(r"\+CIEV: 2,0")
    e = h.event(0x05)
    assert e[0] == 0 and struct.unpack_from("<H", e, 1)[0] == h.sync
    h.sync = None

    # the phone leaves; it comes back with the key that we know
    h.ask(0x0406, h.h + b"\x13")
    assert h.event(0x05) == b"\0" + h.h + b"\x16"
    h.frames, h.text = [], b""
    h.connect()
    h.authenticate()
    h.encrypt(1)
    run.do("fault", "name=bt-link-loss", "for=1")
    assert h.event(0x05) == b"\0" + h.h + b"\x08"
    h.ask(0xfc01, status=1)  # somebody's vendor command
    s.close()
    text = run.stop()
    assert "error" not in text.lower(), text


def test_many_at_once_wait_their_turn():
    """As much data as there are credits for, again and again."""
    run = Run()
    h, s = on_socket(run)
    h.start()
    h.connect()
    h.signal(0x77, 5, b"")
    assert h.signalled(1) == (5, b"\0\0")  # not understood
    for i in range(200):
        h.l2send(1, struct.pack("<BBH", 8, 1 + i % 200, 600) + bytes(600))
    for i in range(200):
        assert h.signalled(9)[0] == 1 + i % 200
    s.close()
    run.stop()


def test_one_host_at_a_time():
    run = Run()
    h, s = on_socket(run)
    h.start()
    is_hung_up_on(run.sock)
    h.do(0x1009)
    s.close()
    _, s = next_host(run)
    s.close()
    run.stop()


def test_a_port_of_the_vmm():
    """--port NAME=bt: the controller behind a console port's socket, whole
    procedures and bulk; one host at a time, whichever way it comes."""
    run = Run("--port", "bt-uart=bt")
    port = os.path.join(run.dir, "bt-uart.port")
    h, s = on_socket(run, port)
    h.start()
    h.inquire()
    h.connect()
    for i in range(100):
        h.l2send(1, struct.pack("<BBH", 8, 1 + i, 600) + bytes(600))
    for i in range(100):
        assert h.signalled(9)[0] == 1 + i
    is_hung_up_on(run.sock)
    h.do(0x1009)
    # the next finds a controller after power-on, nothing of the first
    h.ask(0x0401, bytes.fromhex("338b9e0400"))
    s.close()
    h, s = next_host(run, port)
    h.inquire()
    # in pieces, as a console may cut it
    h.write = lambda b: [s.sendall(b[i:i + 3]) for i in range(0, len(b), 3)]
    h.connect()
    s.close()
    run.stop()


def test_pty_waits_for_the_socket():
    """Who opens the pty while somebody else has the controller gets it then."""
    path = os.path.join(WORK, "hci2")
    run = Run("--bt-pty", path)
    h, s = on_socket(run)
    h.start()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    h.do(0x1009)
    s.close()
    p = Host(lambda: os.read(fd, 4096), lambda b: os.write(fd, b))
    p.start()
    p.inquire()
    os.close(fd)
    run.stop()


def test_pty():
    path = os.path.join(WORK, "hci")
    run = Run("--bt-pty", path)
    for _ in range(2):  # the second finds nothing of the first
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd)
        h = Host(lambda: os.read(fd, 4096), lambda b: os.write(fd, b))
        addr = h.start()
        h.inquire()
        assert addr[5] == 2
        h.ask(0x0401, bytes.fromhex("338b9e0400"))
        os.close(fd)
        time.sleep(0.3)
    run.stop()
    assert not os.path.lexists(path)


def test_passes_to_a_tcp_controller():
    ear = socket.create_server(("127.0.0.1", 0))
    ear.settimeout(30)
    run = Run("--bt-controller", "tcp:127.0.0.1:%d" % ear.getsockname()[1])
    far, _ = ear.accept()
    far.settimeout(30)
    h, s = on_socket(run)
    s.sendall(bytes.fromhex("01030c"))
    s.sendall(bytes.fromhex("00"))
    assert far.recv(100) == bytes.fromhex("01030c00")
    far.sendall(bytes.fromhex("040e04"))
    far.sendall(bytes.fromhex("01030c00"))
    assert h.packet() == bytes.fromhex("040e0401030c00")
    big = b"\x02\x01\x20" + struct.pack("<H", 900) + bytes(range(180)) * 5
    far.sendall(big * 200)
    got = b""
    while len(got) < len(big) * 200:
        got += h.read()
    assert got == big * 200
    far.close()
    assert h.packet() == bytes.fromhex("041001ff")  # hardware error
    s.close()
    text = run.stop()
    assert "closed the connection" in text, text


def test_controllers_that_are_not_there():
    for what, why in (("hci63", "no Bluetooth|CAP_NET_ADMIN|no such"),
                      ("tcp:localhost", "tcp:HOST:PORT"),
                      ("usb", "tcp:HOST:PORT or a controller as hci0")):
        p = subprocess.run([AVSIM, "run", os.path.join(WORK, "bt.yaml"),
                            "--headless", "--no-record", "--bt-controller",
                            what], text=True, capture_output=True)
        assert p.returncode == 2, (what, p)
        assert re.search(why, p.stderr), (what, p.stderr)


def test_tshark_reads_it_clean(snoop):
    if not shutil.which("tshark"):
        print("SKIP tshark is not here")
        return
    out = subprocess.run(
        ["tshark", "-r", snoop, "-T", "fields", "-e", "_ws.col.Protocol",
         "-e", "_ws.col.Info", "-e", "_ws.malformed", "-e",
         "_ws.expert.message", "-E", "separator=|"],
        check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).stdout
    seen, bad = set(), []
    for line in out.splitlines():
        proto, info, malformed, expert = line.split("|", 3)
        seen.add(proto)
        if malformed or (expert and "AT+FOO" not in info):
            bad.append(line)
    assert not bad, bad
    for p in ("HCI_CMD", "HCI_EVT", "L2CAP", "SDP", "RFCOMM", "HFP"):
        assert p in seen, (p, seen)


def main():
    snoop = os.path.join(WORK, "hci.snoop")
    failed = 0
    for name, fn in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            fn(*([snoop] if "snoop" in fn.__code__.co_varnames[:1] else []))
            print("ok", name)
        except Exception:  # noqa: BLE001
            import traceback
            traceback.print_exc()
            print("FAIL", name)
            failed += 1
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
