# SPDX-License-Identifier: Apache-2.0
"""Console ports: by virtio-serial on chardev sockets (--port), and by the
vhost-user console where QEMU has the generic device. Every port carries 10 MB
both ways, a shell is reached over one, and ports come back after a crash."""
import hashlib
import os
import select
import time

from guest import Skip

MATRIX = ["arm64/11", "x86_64/11", "arm64/10"]
SIZE = 10_000_000


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
    for dev in ("hvc0", "hvc1")[:1 + t.vu]:
        g.check("for i in $(seq 50); do [ -e /dev/%s ] && break; sleep 0.1; "
                "done; setsid dash -c 'while :; do getty -n -l /usr/bin/dash "
                "38400 %s vt100; sleep 0.2; done' </dev/null >/dev/null 2>&1 &"
                % (dev, dev))
    time.sleep(2)


def named(t, name):
    """The guest's device of a port."""
    return "/dev/" + t.guest.check(
        "for i in $(seq 50); do for n in /sys/class/virtio-ports/*/name; do "
        "[ \"$(cat $n)\" = %s ] && basename ${n%%/name} && exit 0; done; "
        "sleep 0.1; done; ls /sys/class/virtio-ports; exit 1" % name).strip()


def echo(t, name):
    out = t.guest.check(
        "head -c %d /dev/urandom >/tmp/f; exec 3<>%s; cat /tmp/f >&3 & "
        "head -c %d <&3 | md5sum; md5sum </tmp/f; rm /tmp/f" %
        (SIZE, named(t, name), SIZE), timeout=120)
    sums = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert len(sums) == 2 and sums[0] == sums[1], out


class Pty:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.buf = b""
        time.sleep(0.2)  # avsim looks for us 20 times a second

    def read(self, n, seconds=120):
        end = time.monotonic() + seconds
        while len(self.buf) < n and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                self.buf += os.read(self.fd, 65536)
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def until(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.buf and time.monotonic() < end:
            if select.select([self.fd], [], [], 1)[0]:
                self.buf += os.read(self.fd, 65536)
        assert text in self.buf, self.buf[-400:]

    def write(self, data, seconds=120):
        end = time.monotonic() + seconds
        while data and time.monotonic() < end:
            if select.select([], [self.fd], [], 1)[1]:
                data = data[os.write(self.fd, data[:4096]):]
        assert not data, "%d bytes were not taken" % len(data)

    def close(self):
        os.close(self.fd)


def both_ways(t, name, path):
    dev = named(t, name)
    pty = Pty(path)
    token = t.guest.send("head -c %d /dev/urandom >/tmp/g; md5sum </tmp/g; "
                         "cat /tmp/g >%s; rm /tmp/g" % (SIZE, dev), timeout=120)
    got = pty.read(SIZE)
    rc, out = t.guest.collect(token)
    assert rc == 0 and out.split()[0] == hashlib.md5(got).hexdigest(), (
        out, len(got))
    data = os.urandom(SIZE)
    token = t.guest.send("head -c %d <%s | md5sum" % (SIZE, dev), timeout=120)
    pty.write(data)
    rc, out = t.guest.collect(token)
    pty.close()
    assert rc == 0 and out.split()[0] == hashlib.md5(data).hexdigest(), out


def shell(t, path):
    """A login on a console's terminal; which hvcN it is, the kernel decides."""
    pty = Pty(path)
    pty.write(b"echo answer $((6 * 7)); tty; stty size; echo end$((1))\r")
    pty.until(b"answer 42")
    pty.until(b"/dev/hvc")
    pty.until(b"end1")
    said = pty.buf
    pty.write(b"exit\r")
    time.sleep(0.3)
    pty.close()
    return said


def test_chardev_echo_10_mb(t):
    echo(t, "echo")


def test_chardev_pty_10_mb_each_way(t):
    both_ways(t, "data", t.pty)


def test_chardev_file_has_what_was_said(t):
    t.guest.check("echo hello >%s; echo again >%s" % ((named(t, "said"),) * 2))
    time.sleep(0.5)
    with open(t.file) as f:
        assert f.read() == "hello\nagain\n"


def test_chardev_shell_on_a_console(t):
    shell(t, t.shell)


def only_vhost_user(t):
    if not t.vu:
        raise Skip("QEMU 10 has no vhost-user console")


def test_vhost_user_echo_10_mb(t):
    only_vhost_user(t)
    echo(t, "vu-echo")


def test_vhost_user_pty_10_mb_each_way(t):
    only_vhost_user(t)
    both_ways(t, "vu-data", t.vu_pty)


def test_vhost_user_shell_and_size(t):
    only_vhost_user(t)
    said = shell(t, t.vu_shell)
    assert b"30 100" in said, said


def test_ports_come_back_after_a_crash(t):
    t.car.kill()
    t.guest.check("sleep 1")
    t.car.start(*t.socks)
    time.sleep(2)
    echo(t, "echo")
    both_ways(t, "data", t.pty)
