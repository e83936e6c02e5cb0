# SPDX-License-Identifier: Apache-2.0
"""Console ports: by virtio-serial on chardev sockets (--port), and by the
vhost-user console where QEMU has the generic device. Every port carries 10 MB
both ways (to a file: one way), one logs in on each console, and ports come back
after a crash."""
import hashlib
import os
import re
import select
import time

from guest import SLOW, Skip

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/11", "x86_64/10"]
SIZE = 10_000_000
WINDOW = 32768


def setup(t):
    t.pty = os.path.join(t.dir, "data.pty")
    t.shell = os.path.join(t.dir, "shell.pty")
    t.file = os.path.join(t.dir, "said.txt")
    t.vu_pty = os.path.join(t.dir, "vu.pty")
    t.vu_shell = os.path.join(t.dir, "vushell.pty")
    args = ["--scenario", "idle", "--linger",
            "--port", "echo=echo", "--port", "data=pty:" + t.pty,
            "--port", "shell=pty:" + t.shell, "--port", "said=file:" + t.file]
    socks = ["echo.port", "data.port", "shell.port", "said.port"]
    t.vu = t.qemu == "11"
    if t.vu:
        args += ["--device", "console0:console,size=100x30,ports=hvc=pty:%s;"
                 "vu-echo=echo;vu-data=pty:%s" % (t.vu_shell, t.vu_pty)]
        socks.append("console0.sock")
    t.car = t.avsim(*args).start(*socks)
    g = t.new_guest()
    g.add("-device", "virtio-serial-pci,id=ports")
    for name in ("echo", "data", "said"):
        ch = g.chardev(t.car.sock(name + ".port"))
        g.add("-device", "virtserialport,bus=ports.0,chardev=%s,name=%s" %
              (ch, name))
    ch = g.chardev(t.car.sock("shell.port"))
    g.add("-device", "virtconsole,bus=ports.0,nr=20,chardev=" + ch)
    if t.vu:
        # 3 ports and the control queues
        g.vhost("console", t.car.sock("console0.sock"), queues=8)
    t.socks = socks
    g.start()
    # which of them is hvc0, the kernel decides
    for dev in ("hvc0", "hvc1")[:1 + t.vu]:
        getty(t, dev)


def echo(t, name, size=SIZE):
    out = t.guest.check(
        "head -c %d /dev/urandom >/tmp/f; exec 3<>%s; cat /tmp/f >&3 & "
        "head -c %d <&3 | md5sum; md5sum </tmp/f; rm /tmp/f" %
        (size, t.guest.port(name), size), timeout=120)
    sums = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert len(sums) == 2 and sums[0] == sums[1], out


class Pty:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.buf = bytearray()
        time.sleep(0.2)  # avsim looks for us 20 times a second

    def read(self, n, seconds=120):
        end = time.monotonic() + seconds * SLOW
        while len(self.buf) < n and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                self.buf += os.read(self.fd, 65536)
        out = bytes(self.buf[:n])
        del self.buf[:n]
        return out

    def drain(self):
        """What was said before is of no interest."""
        while select.select([self.fd], [], [], 0.5)[0]:
            os.read(self.fd, 65536)
        self.buf.clear()

    def until(self, text, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while text not in self.buf and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                self.buf += os.read(self.fd, 65536)
        assert text in self.buf, self.buf[-400:]

    def write(self, data, seconds=120):
        end = time.monotonic() + seconds * SLOW
        while data and time.monotonic() < end:
            if select.select([], [self.fd], [], 1)[1]:
                data = data[os.write(self.fd, data[:4096]):]
        assert not data, "%d bytes were not taken" % len(data)

    def close(self):
        os.close(self.fd)


def both_ways(t, dev, path, size=SIZE, window=0):
    """@window: bytes that are on their way at most."""
    pty = Pty(path)
    pty.drain()
    token = t.guest.send(
        "head -c %d /dev/urandom >/tmp/g; md5sum </tmp/g; %s; rm /tmp/g" %
        (size, "cat /tmp/g >%s" % dev if not window else
         "exec 3<>%s 4</tmp/g; for i in $(seq %d); do dd bs=%d count=1 <&4 >&3 "
         "2>/dev/null; read -r go <&3; done" %
         (dev, -(-size // window), window)), timeout=240)
    got = b""
    while window and len(got) < size:
        part = pty.read(min(window, size - len(got)), 20)
        if not part:
            break
        got += part
        pty.write(b"\n")
    got = got or pty.read(size)
    rc, out = t.guest.collect(token)
    assert rc == 0 and out.split()[0] == hashlib.md5(got).hexdigest(), (
        out, len(got))
    data = os.urandom(size)
    token = t.guest.send("head -c %d <%s | md5sum" % (size, dev), timeout=120)
    pty.write(data)
    rc, out = t.guest.collect(token)
    pty.close()
    assert rc == 0 and out.split()[0] == hashlib.md5(data).hexdigest(), out


def getty(t, dev):
    """Logins on a console until /tmp/end-DEV is there."""
    t.guest.check("rm -f /tmp/end-%s /tmp/ended-%s; for i in $(seq 50); do "
                  "[ -e /dev/%s ] && break; sleep 0.1; done; setsid dash -c "
                  "'until [ -e /tmp/end-%s ]; do getty 38400 %s vt100; done; "
                  ">/tmp/ended-%s' </dev/null >/dev/null 2>&1 &" %
                  ((dev,) * 6))


def login(t, path):
    """root logs in on a console, and out; the last login there. Its device, and
    what it said."""
    pty = Pty(path)
    pty.write(b"\r")
    pty.until(b"login: ")
    pty.write(b"root\r")
    pty.until(b"# ")
    # login's PATH has none of busybox's applets
    pty.write(b"PATH=$PATH:/opt/busybox; echo answer $((6 * 7)); tty; stty size; "
              b"touch /tmp/end-$(basename $(tty)); echo end$((1))\r")
    pty.until(b"end1")
    said = pty.buf
    assert b"answer 42" in said, said
    dev = re.search(rb"/dev/(hvc\d+)", said).group(1).decode()
    pty.write(b"exit\r")
    t.guest.check("for i in $(seq 100); do [ -e /tmp/ended-%s ] && exit 0; "
                  "sleep 0.1; done; exit 1" % dev, timeout=20)
    pty.close()
    return dev, said


def raw(t, dev):
    """The terminal out of the way, for as long as the guest runs."""
    t.guest.check("setsid dash -c 'exec 3<>/dev/%s; stty raw -echo <&3; "
                  "while sleep 100; do :; done' </dev/null >/dev/null 2>&1 & "
                  "for i in $(seq 100); do stty -F /dev/%s -a 2>/dev/null | "
                  "grep -q -e '-icanon' && exit 0; sleep 0.1; done; exit 1" %
                  (dev, dev), timeout=20)
    return "/dev/" + dev


def long_lived(t, name):
    """What is written to /tmp/in goes out by a port that stays open, and what
    comes back is in /tmp/out."""
    t.guest.check("rm -f /tmp/in; mkfifo /tmp/in; setsid dash -c "
                  "'echo $$ >/tmp/pid; exec 3<>%s 4<>/tmp/in; "
                  "cat <&3 >/tmp/out & cat <&4 >&3' </dev/null >/dev/null 2>&1 "
                  "& sleep 0.5" % t.guest.port(name))


def echoes(t, text):
    t.guest.check("echo %s >/tmp/in; for i in $(seq 100); do "
                  "grep -q %s /tmp/out && exit 0; sleep 0.1; done; "
                  "cat /tmp/out; exit 1" % (text, text), timeout=20)


def test_a_reboot_with_an_open_port(t):
    """First: the others want the consoles that it takes along."""
    only_vhost_user(t)
    long_lived(t, "vu-echo")
    echoes(t, "before")
    t.guest.reboot()
    long_lived(t, "vu-echo")
    echoes(t, "after")
    out = t.guest.check("kill -- -$(cat /tmp/pid); cat /tmp/out")
    assert "before" not in out, out
    for dev in ("hvc0", "hvc1"):
        getty(t, dev)


def test_chardev_echo_10_mb(t):
    echo(t, "echo")


def test_chardev_pty_10_mb_each_way(t):
    both_ways(t, t.guest.port("data"), t.pty)


def test_chardev_file_has_the_10_mb_that_were_said(t):
    dev = t.guest.port("said")
    t.guest.check("echo hello >%s; echo again >%s" % (dev, dev))
    out = t.guest.check("head -c %d /dev/urandom >/tmp/h; md5sum </tmp/h; "
                        "cat /tmp/h >%s; rm /tmp/h" % (SIZE, dev), timeout=120)
    end = time.monotonic() + 60 * SLOW
    while os.path.getsize(t.file) < SIZE + 12 and time.monotonic() < end:
        time.sleep(0.1)
    with open(t.file, "rb") as f:
        assert f.read(12) == b"hello\nagain\n"
        assert hashlib.md5(f.read()).hexdigest() == out.split()[0]


def test_chardev_console_login(t):
    t.console, _ = login(t, t.shell)


def test_chardev_console_10_mb_each_way(t):
    # QEMU drops what a virtconsole's socket does not take at once, and says so
    # in its source; a socket takes some 40 of a console's writes, of 2 KiB or 4
    both_ways(t, raw(t, t.console), t.shell, window=WINDOW)


def only_vhost_user(t):
    if not t.vu:
        raise Skip("QEMU 10 has no device for a vhost-user console")


def test_vhost_user_echo_10_mb(t):
    only_vhost_user(t)
    echo(t, "vu-echo")


def test_vhost_user_port_stays_open_over_a_pause(t):
    only_vhost_user(t)
    long_lived(t, "vu-echo")
    for i in range(3):
        echoes(t, "number%d" % i)
        with t.guest.paused():
            time.sleep(0.5)
    echoes(t, "last")
    t.guest.check("kill -- -$(cat /tmp/pid)")


def test_vhost_user_pty_10_mb_each_way(t):
    only_vhost_user(t)
    both_ways(t, t.guest.port("vu-data"), t.vu_pty)


def test_vhost_user_console_login_and_size(t):
    only_vhost_user(t)
    t.vu_console, said = login(t, t.vu_shell)
    assert b"30 100" in said, said


def test_vhost_user_console_10_mb_each_way(t):
    only_vhost_user(t)
    both_ways(t, raw(t, t.vu_console), t.vu_shell)


def test_ports_come_back_after_a_crash(t):
    """Those of virtio-serial. The guest must not speak to the vhost-user console
    again: QEMU does not connect it, and Linux waits for its answer in a loop."""
    t.car.kill()
    t.guest.check("sleep 1")
    t.car.start(*t.socks)
    time.sleep(2)
    echo(t, "echo", 1000000)
    both_ways(t, t.guest.port("data"), t.pty, 1000000)
    both_ways(t, "/dev/" + t.console, t.shell, 1000000, window=WINDOW)
