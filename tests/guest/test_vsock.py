# SPDX-License-Identifier: Apache-2.0
"""virtio-vsock: socat in the guest against avsim's services, unix sockets and
programs on the host, and the host against socat in the guest."""
import fcntl
import hashlib
import os
import socket
import struct
import termios
import threading
import time

from guest import SLOW

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/11", "x86_64/10"]
PORT = 7010


def setup(t):
    t.car = t.avsim("--scenario", "idle", "--linger",
                    "--device", "vsock0,ports=7011=exec:cat;7012=closed")
    t.car.start("vsock0.sock", "vsock.sock")
    t.hybrid = t.car.sock("vsock.sock")
    g = t.new_guest()
    g.vhost("vsock", t.car.sock("vsock0.sock"))
    g.start()


def serve(path, handler):
    """One connection at a time on a unix socket, in a thread."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(16)

    def loop():
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            with c:
                handler(c)
    threading.Thread(target=loop, daemon=True).start()
    return s


def read_all(c):
    out = b""
    while True:
        b = c.recv(1 << 16)
        if not b:
            return out
        out += b


def waiting(c):
    """Bytes that nobody has read yet."""
    return struct.unpack("i", fcntl.ioctl(c, termios.FIONREAD, bytes(4)))[0]


def test_the_guest_has_its_cid(t):
    out = t.guest.check("cat /sys/bus/virtio/drivers/vmw_vsock_virtio*/*/device;"
                        "dmesg | grep -c vsock || true")
    assert "0x0013" in out, out


def test_a_program_on_the_host_echoes(t):
    out = t.guest.check("echo hello | socat -t 5 - VSOCK-CONNECT:2:7011",
                        timeout=30)
    assert out.strip() == "hello", out


def test_a_closed_port_refuses_at_once(t):
    rc, out = t.guest.run("socat - VSOCK-CONNECT:2:7012 </dev/null",
                          timeout=20)
    assert rc != 0 and "reset" in out.lower(), (rc, out)
    rc, out = t.guest.run("socat - VSOCK-CONNECT:2:7999 </dev/null",
                          timeout=20)
    assert rc != 0 and "reset" in out.lower(), (rc, out)


def test_guest_to_unix_socket_with_half_close(t):
    """The guest sends all, ends its half, and gets the answer after that."""
    def handler(c):
        data = read_all(c)
        c.sendall(hashlib.sha256(data).hexdigest().encode())
    s = serve("%s_%d" % (t.hybrid, PORT), handler)
    out = t.guest.check("head -c 3000000 /dev/urandom >/tmp/r; "
                        "sha256sum </tmp/r; "
                        "socat -t 20 - VSOCK-CONNECT:2:%d </tmp/r" % PORT,
                        timeout=60)
    s.close()
    lines = out.replace("-", " ").split()
    assert lines[0] == lines[1], out


def test_unix_socket_to_guest_with_half_close(t):
    """The host sends all and ends its half; the guest answers after that."""
    data = os.urandom(3000000)
    got = []

    def handler(c):
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)
        got.append(read_all(c))
    s = serve("%s_%d" % (t.hybrid, PORT + 10), handler)
    out = t.guest.check("socat -t 20 VSOCK-CONNECT:2:%d "
                        "'EXEC:sha256sum'; echo done" % (PORT + 10),
                        timeout=60)
    s.close()
    assert "done" in out
    assert got and got[0].split()[0].decode() == \
        hashlib.sha256(data).hexdigest(), got


def test_host_reaches_a_server_in_the_guest(t):
    t.guest.check("(socat VSOCK-LISTEN:9410,fork EXEC:cat "
                  ">/dev/null 2>&1 </dev/null &); "
                  "until ss --vsock -l -n | grep -q ':9410'; do sleep 0.1; done")
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(30)
    c.connect(t.hybrid)
    c.sendall(b"CONNECT 9410\n")
    f = c.makefile("rb")
    assert f.readline().startswith(b"OK "), "no OK"
    c.sendall(b"ping\n")
    assert f.readline() == b"ping\n"
    c.close()
    # nobody there: closed without an answer
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(30)
    c.connect(t.hybrid)
    c.sendall(b"CONNECT 9411\n")
    assert c.recv(10) == b""


def said(t, path, text):
    """Once the guest has it in a file."""
    return t.guest.run("for i in $(seq 100); do grep -q '%s' %s && exit 0; "
                       "sleep 0.1; done; cat %s; exit 1" % (text, path, path))


def test_a_pause_of_the_machine_keeps_connections(t):
    """One each way, that were there before and are used while it is paused:
    QEMU stops the device with the messages that begin a reset."""
    t.guest.check("(socat VSOCK-LISTEN:9420 EXEC:cat >/dev/null 2>&1 "
                  "</dev/null &); mkfifo /tmp/in; (sleep 1000 >/tmp/in &); "
                  "(socat - VSOCK-CONNECT:2:7011 </tmp/in >/tmp/out 2>&1 &); "
                  "echo one >/tmp/in; "
                  "until ss --vsock -l -n | grep -q ':9420'; do sleep 0.1; done")
    rc, out = said(t, "/tmp/out", "one")
    assert rc == 0, out
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(30)
    c.connect(t.hybrid)
    c.sendall(b"CONNECT 9420\n")
    f = c.makefile("rb")
    assert f.readline().startswith(b"OK "), "no OK"
    for i in range(3):
        with t.guest.paused():
            c.sendall(b"asleep\n")
            time.sleep(1 + 8 * (i == 1))  # as long as a close may take
        assert f.readline() == b"asleep\n"
        c.sendall(b"awake\n")
        assert f.readline() == b"awake\n"
        t.guest.check("echo two%d >/tmp/in" % i)
        rc, out = said(t, "/tmp/out", "two%d" % i)
        assert rc == 0, out
    c.close()


def test_a_reboot_ends_connections(t):
    t.guest.check("(socat VSOCK-LISTEN:9430 EXEC:cat >/dev/null 2>&1 "
                  "</dev/null &); "
                  "until ss --vsock -l -n | grep -q ':9430'; do sleep 0.1; done")
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(30)
    c.connect(t.hybrid)
    c.sendall(b"CONNECT 9430\n")
    assert c.recv(100).startswith(b"OK "), "no OK"
    t.guest.reboot()
    assert c.recv(1) == b""
    c.close()
    test_a_program_on_the_host_echoes(t)


def test_a_reader_that_stops_holds_the_guest_and_loses_nothing(t):
    full, go, got = threading.Event(), threading.Event(), []

    def handler(c):
        n = 0
        while not n or waiting(c) != n:  # until no more is coming
            n = waiting(c)
            time.sleep(0.5)
        full.set()
        go.wait(30 * SLOW)
        got.append(hashlib.sha256(read_all(c)).hexdigest())
    s = serve("%s_%d" % (t.hybrid, PORT + 1000), handler)
    t.guest.check("head -c 5000000 /dev/urandom >/tmp/r; "
                  "(socat -u OPEN:/tmp/r VSOCK-CONNECT:2:%d && >/tmp/sent) "
                  "</dev/null >/dev/null 2>&1 &" % (PORT + 1000))
    assert full.wait(30 * SLOW)
    t.guest.check("[ ! -e /tmp/sent ]")
    go.set()
    out = t.guest.check("until [ -e /tmp/sent ]; do sleep 0.1; done; "
                        "sha256sum </tmp/r", timeout=60)
    s.close()
    end = time.monotonic() + 10 * SLOW
    while not got and time.monotonic() < end:
        time.sleep(0.1)
    assert got and got[0] == out.split()[0], (got, out)
