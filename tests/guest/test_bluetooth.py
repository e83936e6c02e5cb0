# SPDX-License-Identifier: Apache-2.0
"""BlueZ on the simulated controller, through a console port: attach, scan,
pair, connect, a call over the hands-free service. btmon and the kernel watch."""
import os
import re
import socket
import struct
import threading
import time

import bluez
import kit
from bluez import ctl
from guest import SLOW

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/11"]
MAC = "02:00:5E:10:20:30"

SCENARIO = """name: bt
duration: 3600s
seed: 1
vehicle: compact-ev
timeline:
  - at: 1s
    do: { phone-appear: { name: Anna's phone, address: "%s" } }
  - when: HVAC_TEMPERATURE_SET/ROW_1_LEFT > 24  # the test says when
    do:
      - phone-call: "+49891234"
      - wait: 8s
      - phone-hang-up
""" % MAC


def setup(t):
    path = os.path.join(t.dir, "bt.yaml")
    with open(path, "w") as f:
        f.write(SCENARIO)
    t.snoop = os.path.join(t.dir, "hci.snoop")
    t.car = t.avsim("--scenario", path, "--speed", "1", "--bt-snoop",
                    t.snoop).start("bt.sock")
    g = t.new_guest()
    ch = g.chardev(t.car.sock("bt.sock"))
    g.add("-device", "virtio-serial-pci,id=btbus",
          "-chardev", "null,id=nothing",
          "-device", "virtconsole,bus=btbus.0,chardev=nothing",  # hvc0
          "-device", "virtconsole,bus=btbus.0,chardev=" + ch,
          "-chardev", "socket,id=bus,path=%s/bus.sock,server=on,wait=off" %
          t.dir,
          "-device", "virtconsole,bus=btbus.0,chardev=bus")
    g.start()
    g.check("btmon -w /tmp/btmon.snoop >/dev/null 2>&1 &")
    bluez.start(g, "/dev/hvc1")


def test_scan_finds_the_phone(t):
    out = ctl(t.guest, ("power on", "power on succeeded"),
              ("scan on", MAC + " Anna's phone"),
              ("scan off", "Discovery stopped"), ("info " + MAC, "UUID: "))
    assert MAC + " Anna's phone" in out, out
    assert "Icon: phone" in out and "Handsfree Audio Gateway" in out, out


def test_pairs_by_comparing_numbers(t):
    out = ctl(t.guest, ("pair " + MAC, "Confirm passkey"),
              ("yes", "Pairing successful"),
              ("trust " + MAC, "trust succeeded"), ("info " + MAC, "UUID: "))
    assert re.search(r"Confirm passkey \d{6}", out), out
    assert "Pairing successful" in out, out
    assert "Paired: yes" in out and "Bonded: yes" in out, out
    assert "Connected: yes" in out, out


def test_l2cap_echo(t):
    out = t.guest.check("l2ping -c 5 -s 600 " + MAC)
    assert "5 sent, 5 received" in out, out


class HandsFree(threading.Thread):
    """What a car's telephony program is for bluetoothd: the hands-free profile,
    registered over D-Bus. Runs on the host; hvc2 is its way to the bus. The
    descriptor of a connection cannot come along; bluetoothd keeps its own."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect(path)
        self.serial, self.buf, self.called = 0, b"", []
        for line, answer in ((b"\0AUTH EXTERNAL 30\r\n", b"OK "),
                             (b"NEGOTIATE_UNIX_FD\r\n", b"AGREE")):
            self.s.sendall(line)
            while b"\r\n" not in self.buf:
                self.buf += self.s.recv(4096)
            assert self.buf.startswith(answer), self.buf
            self.buf = b""
        self.s.sendall(b"BEGIN\r\n")
        bus = b"org.freedesktop.DBus"
        self.send(1, [(1, b"o", b"/org/freedesktop/DBus"), (2, b"s", bus),
                      (3, b"s", b"Hello"), (6, b"s", bus)])
        body = self.text(b"/hf") + \
            self.text(b"0000111e-0000-1000-8000-00805f9b34fb")
        body += b"\0" * (-len(body) % 4) + struct.pack("<I", 0)
        body += b"\0" * (-len(body) % 8)
        bluez = b"org.bluez"
        self.send(1, [(1, b"o", b"/org/bluez"),
                      (2, b"s", b"org.bluez.ProfileManager1"),
                      (3, b"s", b"RegisterProfile"), (6, b"s", bluez),
                      (8, b"g", b"osa{sv}")], body)
        self.registered = threading.Event()
        self.start()

    @staticmethod
    def text(v):
        return struct.pack("<I", len(v)) + v + b"\0"

    def send(self, kind, fields, body=b""):
        self.serial += 1
        out = b""
        for code, sig, value in fields:
            out += b"\0" * (-len(out) % 8) + bytes([code, 1]) + sig + b"\0"
            if sig == b"u":
                out += struct.pack("<I", value)
            elif sig == b"g":
                out += bytes([len(value)]) + value + b"\0"
            else:
                out += self.text(value)
        head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body),
                           self.serial, len(out)) + out
        self.s.sendall(head + b"\0" * (-len(head) % 8) + body)

    def receive(self):
        """(type, serial, {field: string or number})"""
        def need(n):
            while len(self.buf) < n:
                self.buf += self.s.recv(4096)
        need(16)
        kind = self.buf[1]
        body, serial, length = struct.unpack_from("<III", self.buf, 4)
        total = (16 + length + 7) // 8 * 8 + body
        need(total)
        msg, self.buf = self.buf[:total], self.buf[total:]
        fields, at_ = {}, 16
        while at_ < 16 + length:
            at_ = (at_ + 7) // 8 * 8
            code, sig = msg[at_], msg[at_ + 2:at_ + 3]
            at_ += 4
            if sig == b"g":
                fields[code] = msg[at_ + 1:at_ + 1 + msg[at_]]
                at_ += 2 + msg[at_]
            else:
                n = struct.unpack_from("<I", msg, at_)[0]
                at_ += 4
                fields[code] = n
                if sig != b"u":
                    fields[code] = msg[at_:at_ + n]
                    at_ += n + 1
        return kind, serial, fields

    def run(self):
        while True:
            try:
                kind, serial, f = self.receive()
            except OSError:
                return
            if kind in (2, 3) and f.get(5) == 2:
                self.called.append("registered" if kind == 2 else f.get(4))
                self.registered.set()
            if kind == 1:
                self.called.append(f[3].decode())
                self.send(2, [(5, b"u", serial), (6, b"s", f[7])])


def test_connects_the_hands_free_profile(t):
    t.guest.check("socat UNIX-CONNECT:/run/dbus/system_bus_socket "
                  "/dev/hvc2,raw,echo=0 >/tmp/socat.log 2>&1 & sleep 0.5")
    hf = HandsFree(os.path.join(t.dir, "bus.sock"))
    assert hf.registered.wait(30) and hf.called == ["registered"], hf.called
    out = ctl(t.guest, ("disconnect " + MAC, "Disconnection successful"),
              ("connect " + MAC, "Connection successful"))
    assert "NewConnection" in hf.called, (hf.called, out)
    assert "Connection successful" in out, out
    # the program ends, and its connection with it
    t.guest.check("killall socat socat1 2>/dev/null; true")
    ctl(t.guest, ("disconnect " + MAC, "Disconnection successful"))


def test_the_link_is_secured_with_the_key(t):
    out = t.guest.check("l2ping -c 12 %s >/dev/null & sleep 2; hcitool con; "
                        "hcitool auth %s && hcitool con && "
                        "hcitool enc %s 1 && hcitool rssi %s && "
                        "hcitool lst %s && hcitool con" %
                        ((MAC,) * 5))
    con = re.findall(r"ACL.*lm (.*?) *$", out, re.M)
    assert con == ["CENTRAL", "CENTRAL AUTH", "CENTRAL AUTH ENCRYPT"], out


def rfcomm(t):
    """The hands-free service on /dev/rfcomm0; what it says in /tmp/at."""
    t.guest.check("rfcomm connect 0 %s 3 >/tmp/rfcomm.log 2>&1 & "
                  "until [ -c /dev/rfcomm0 ]; do sleep 0.1; done; "
                  "stty -F /dev/rfcomm0 raw -echo; "
                  "cat /dev/rfcomm0 >>/tmp/at 2>/dev/null & sleep 0.5" % MAC,
                  timeout=40)


def at(t, text, want):
    """An answer, with what comes behind it."""
    t.guest.check(r"printf '%s\r' >/dev/rfcomm0" % text)
    end = time.monotonic() + 15 * SLOW
    while True:
        out = t.guest.check("cat /tmp/at")
        done = re.search("^(OK|ERROR)", out, re.M)
        if done and re.search(want, out) or time.monotonic() > end:
            break
    t.guest.check(": >/tmp/at")
    assert done and re.search(want, out), (text, out)


def test_hands_free_service_level(t):
    rfcomm(t)
    at(t, "AT+BRSF=63", r"\+BRSF: \d+\s+OK")  # no codec negotiation
    at(t, "AT+CIND=?", r"callsetup.*\s+OK")
    at(t, "AT+CIND?", r"\+CIND: 1,0,0,0,.*\s+OK")
    at(t, "AT+CMER=3,0,0,1", "OK")
    at(t, "AT+CHLD=?", r"\(0,1,2\)\s+OK")
    at(t, "AT+CLIP=1", "OK")


def said(t, *want, timeout=30):
    """What the phone says by itself until the last of these lines; in this
    order, and others only where RING and +CLIP come again."""
    out = t.guest.check("for i in $(seq %d); do grep -qF '%s' /tmp/at && break; "
                        "sleep 0.1; done; cat /tmp/at; : >/tmp/at" %
                        (10 * timeout, want[-1]), timeout=timeout + 10)
    got = [line for line in out.replace("\r", "\n").split("\n") if line]
    once = [line for i, line in enumerate(got) if line not in got[:i]]
    assert once == list(want), (want, got)
    return got


def test_an_incoming_call_rings_as_scripted_and_is_missed(t):
    t.car.ctl("set", "HVAC_TEMPERATURE_SET/ROW_1_LEFT", "25")
    got = said(t, "+CIEV: 3,1", "RING", '+CLIP: "+49891234",145', "+CIEV: 3,0")
    # every 3 s of its 8
    assert got.count("RING") == 3 and got[1::2][:3] == ["RING"] * 3, got
    at(t, "AT+CIND?", r"\+CIND: 1,0,0,0")


def test_an_answered_call_is_active_until_the_caller_hangs_up(t):
    t.car.ctl("do", "phone-call", "number=030123")
    said(t, "+CIEV: 3,1", "RING", '+CLIP: "030123",129')
    at(t, "AT+CIND?", r"\+CIND: 1,0,1,0")
    at(t, "ATA", r"OK[\s\S]*\+CIEV: 2,1\s+\+CIEV: 3,0")
    at(t, "AT+CIND?", r"\+CIND: 1,1,0,0")
    t.car.ctl("do", "phone-hang-up")
    said(t, "+CIEV: 2,0")


def test_a_refused_call_ends(t):
    t.car.ctl("do", "phone-call", "number=")
    said(t, "+CIEV: 3,1", "RING")  # withheld: no +CLIP
    at(t, "AT+CHUP", r"OK[\s\S]*\+CIEV: 3,0")
    t.guest.check("rfcomm release 0 2>/dev/null; true")


def test_supported_commands_are_what_btmon_calls_them(t):
    out = t.guest.check("btmon -r /tmp/btmon.snoop | "
                        "grep -E 'Octet [0-9]+ - Bit [0-9]' | sort -u")
    with open(os.path.join(kit.TOP, "sim/bluetooth/hci_table.c")) as f:
        rows = re.findall(r"\((?:0x\w+), +(\d+), +(\d), .*?\"(.*?)\"", f.read())
    names = {(int(a), int(b)): n for a, b, n in rows}
    seen = re.findall(r"^\s*(.*?) \(Octet (\d+) - Bit (\d)\)", out, re.M)
    assert len(seen) > 100, out

    def plain(n):
        return re.sub(r"filter |white |accept list|[^a-z]", "",
                      n.lower().replace("accept list", "list").replace(
                          "synchronous", "sync"))
    wrong = []
    for name, octet, bit in seen:
        key = int(octet), int(bit)
        if key == (10, 7):  # its row is not one of the macros
            continue
        a, b = plain(name), plain(names.get(key, ""))
        if a[:12] != b[:12] and a not in b and b not in a or not b:
            wrong.append((key, name, names.get(key)))
    assert not wrong, wrong


def test_no_protocol_error(t):
    out = t.guest.check("btmon -r /tmp/btmon.snoop > /tmp/btmon.txt; "
                        "grep -iE 'malformed|invalid (packet|size)|unexpected|"
                        "too short|Unknown command|"
                        "HCI Event: (Data Buffer Overflow|Hardware Error)' "
                        "/tmp/btmon.txt || true")
    assert out == "", out
    out = t.guest.check("dmesg | grep -iE 'bluetooth.*(unexpected|corrupt|error|"
                        "timeout|failed|frame reassembly)' || true")
    assert out == "", out


def test_nothing_over_1000_bytes_reaches_the_guest(t):
    with open(t.snoop, "rb") as f:
        data = f.read()
    at_ = 16
    sizes = []
    while at_ + 24 <= len(data):
        _, n, flags = struct.unpack_from(">III", data, at_)
        if at_ + 24 + n > len(data):
            break  # still in the writer's buffer
        if flags & 1:
            sizes.append(n)
        at_ += 24 + n
    assert len(sizes) > 100 and max(sizes) <= 1000, (len(sizes), sizes[-3:])
