# SPDX-License-Identifier: Apache-2.0
"""One guest under QEMU's software emulation, and avsim, driven from a test.

    g = t.new_guest()                          # run.py: of the test's variant
    g.vhost("rng", t.car.sock("rng.sock"))     # before start()
    g.start()
    rc, out = g.run("head -c 100000 /dev/hwrng | wc -c")

Commands go over the virtio port "agent": the host sends one line
"ID SECONDS BASE64", the guest's init runs the text with dash and answers with
what it prints and a line "@@RC ID STATUS". The serial console goes to a file."""
import base64
import contextlib
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import kit  # noqa: E402
from apt import Unavailable  # noqa: E402,F401

# A loaded machine may be several times slower than an idle one.
SLOW = float(os.environ.get("AVSIM_GUEST_SLOW", "1"))
TOP_BUILD = os.environ.get("AVSIM_TOP_BUILDDIR", kit.TOP)


class GuestError(Exception):
    pass


class Skip(Exception):
    """Raised by a test that cannot be run here, with the reason."""


def free_port():
    """TCP's, on the host."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def die_with_parent():
    """In a child before exec: a killed test leaves no process behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def end(process):
    if process and process.poll() is None:
        process.kill()
    if process:
        process.wait()


class Avsim:
    """avsim in a run dir of its own: start(), kill() as a crash would, start()
    again. args: what follows "avsim run --headless --run-dir DIR"; record: the
    file, without one nothing is recorded; env: more of the environment."""

    def __init__(self, args, run_dir, record=None, env=None):
        self.args, self.dir, self.record = list(args), run_dir, record
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault("AVSIM_DATADIR", kit.TOP)
        self.log = run_dir + ".avsim.log"
        self.process = None

    def command(self):
        return [os.path.join(TOP_BUILD, "avsim"), "run", "--headless",
                "--run-dir", self.dir] + (
                    ["--record", self.record] if self.record else
                    ["--no-record"]) + self.args

    def start(self, *sockets, timeout=30):
        """Starts it and waits until these sockets are in its run dir."""
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        for s in sockets:
            if os.path.exists(self.sock(s)):
                os.unlink(self.sock(s))
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=die_with_parent, env=self.env)
        stop = time.monotonic() + timeout * SLOW
        while not all(os.path.exists(self.sock(s)) for s in sockets):
            if self.process.poll() is not None:
                raise GuestError("avsim ended with %d: %s" %
                                 (self.process.returncode, tail(self.log)))
            if time.monotonic() > stop:
                raise GuestError("avsim did not open %s: %s" %
                                 (" ".join(sockets), tail(self.log)))
            time.sleep(0.02)
        return self

    def sock(self, name):
        """Path of a socket in the run dir: sock("rng.sock")."""
        return os.path.join(self.dir, name)

    def ctl(self, *words, timeout=30):
        """Output of avsim ctl."""
        p = subprocess.run([os.path.join(TOP_BUILD, "avsim"), "ctl",
                            "--run-dir", self.dir] + list(words), text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=timeout * SLOW)
        if p.returncode:
            raise GuestError("avsim ctl %s: %s" % (" ".join(words), p.stdout))
        return p.stdout

    def dump(self, only):
        """Text of what its recording has of these channels."""
        return subprocess.run([os.path.join(TOP_BUILD, "avsim"), "dump",
                               "--only", only, self.record], text=True,
                              check=True, stdout=subprocess.PIPE, env=self.env,
                              timeout=300 * SLOW).stdout

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9; its sockets stay behind, as after a crash."""
        end(self.process)

    def device_process(self, kind):
        """Pid of the child that hosts the device of that type, or None."""
        proc = "/proc/%d/task" % self.process.pid
        for task in os.listdir(proc):
            with open("%s/%s/children" % (proc, task)) as f:
                pids = f.read().split()
            for pid in pids:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    if b"--device-host\0%s\0" % kind.encode() in f.read():
                        return int(pid)
        return None

    def stop(self, timeout=30):
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(timeout * SLOW)


# of vhost(): QEMU's device; or, for its generic test device, virtio id and bytes
# of configuration
STUBS = {
    "blk": "vhost-user-blk-pci",
    "input": "vhost-user-input-pci",
    "rng": "vhost-user-rng-pci",
    "vsock": "vhost-user-vsock-pci",
}
GENERIC = {"bt": (40, 5), "console": (3, 12)}


def qemu_major(binary):
    out = subprocess.run([binary, "--version"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    m = re.search(r"version (\d+)\.(\d+)", out)
    if not m:
        raise GuestError("%s does not tell its version" % binary)
    return int(m.group(1)), int(m.group(2))


class Guest:
    """@qemu: "10", "11" (the kit's own) or "host"; @workdir: for its socket and
    logs; @extras: archives beside base and tools ("fio"); @argv: a VMM command
    line made elsewhere (avsim --print-vmm), to which the agent port is added."""

    def __init__(self, arch, qemu, workdir, extras=(), memory_mib=512,
                 argv=None):
        self.arch, self.memory_mib = arch, memory_mib
        self.binary = kit.qemu(qemu, arch) if argv is None else argv[0]
        self.kernel, self.initrd = kit.kernel(arch), kit.initrd(arch, extras)
        self.dir = workdir
        self.log = os.path.join(self.dir, "serial.log")
        self.qemu_log = os.path.join(self.dir, "qemu.log")
        self.given = list(argv) if argv else None
        self.args = []
        self.chardevs = 0
        self.process = self.sock = None
        self.buf = b""
        self.ids = 0
        self.ready_line = ""
        self._version = None

    # ---- before start ----------------------------------------------------
    @property
    def version(self):
        if self._version is None:
            self._version = qemu_major(self.binary)
        return self._version

    def add(self, *args):
        """More arguments for QEMU."""
        self.args += args
        return self

    def chardev(self, path, reconnect=True):
        """A client chardev on a listening socket; its id."""
        name = "ch%d" % self.chardevs
        self.chardevs += 1
        again = ""
        if reconnect:
            again = (",reconnect-ms=200" if self.version >= (9, 2) else
                     ",reconnect=1")
        self.add("-chardev", "socket,id=%s,path=%s%s" % (name, path, again))
        return name

    def vhost(self, kind, path, opts="", queues=2):
        """A vhost-user device of type @kind whose back-end listens on @path;
        net, or one of STUBS and GENERIC. GENERIC's need QEMU 10.2 and are told
        how many @queues there are.

        Only blk and net connect again to a new back-end. The stubs built on
        QEMU's vhost-user-base (rng, input, test-device ...) free the session at
        a hang-up and assert if a chardev comes back: for them it must not."""
        ch = self.chardev(path, kind in ("blk", "net"))
        if kind == "net":
            return self.add(
                "-netdev", "vhost-user,id=n%s,chardev=%s" % (ch, ch),
                "-device", "virtio-net-pci,netdev=n%s%s" % (ch, opts))
        if kind in STUBS:
            return self.add("-device", "%s,chardev=%s%s" %
                            (STUBS[kind], ch, opts))
        if self.version < (10, 2):
            raise Unavailable("QEMU %d.%d has no device for %s" %
                              (self.version + (kind,)))
        return self.add(
            "-device", "vhost-user-test-device-pci,chardev=%s,virtio-id=%d,"
            "config_size=%d,num_vqs=%d%s" % (ch, *GENERIC[kind], queues, opts))

    def command(self):
        agent = os.path.join(self.dir, "agent.sock")
        base = ["-chardev", "socket,id=agent,path=%s,server=on,wait=off" % agent,
                "-device", "virtio-serial-pci,id=agentbus",
                "-device", "virtserialport,bus=agentbus.0,chardev=agent,name=agent",
                "-qmp", "unix:%s/qmp.sock,server=on,wait=off" % self.dir]
        if self.given:
            return self.given + base + self.args
        arm = self.arch == "arm64"
        return [self.binary,
                "-M", ("virt" if arm else "q35") + ",memory-backend=mem",
                "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" %
                self.memory_mib, "-m", "%dM" % self.memory_mib,
                "-cpu", "cortex-a57" if arm else "qemu64,+ssse3,+sse4.1,+sse4.2",
                "-smp", "2", "-accel", "tcg", "-display", "none",
                "-nodefaults",
                "-chardev", "file,id=serial,path=%s,append=on" % self.log,
                "-serial", "chardev:serial",
                "-kernel", self.kernel, "-initrd", self.initrd,
                "-append", "console=%s quiet panic=-1" %
                ("ttyAMA0" if arm else "ttyS0")] + base + self.args

    # ---- life --------------------------------------------------------------
    def start(self, timeout=60):
        """Starts QEMU and waits until the guest takes commands."""
        agent = os.path.join(self.dir, "agent.sock")
        if os.path.exists(agent):
            os.unlink(agent)
        with open(self.qemu_log, "a") as err:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=err,
                stderr=err, preexec_fn=die_with_parent)
        return self.attach(agent, timeout)

    def attach(self, agent, timeout=60):
        """Talks to a guest's agent socket; start() does it for its own QEMU,
        a guest that avsim started has no process here."""
        stop = time.monotonic() + timeout * SLOW
        self.sock = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.sock.connect(agent)
                break
            except OSError:
                self._alive("did not open its agent socket")
                if time.monotonic() > stop:
                    raise GuestError("QEMU did not open its agent socket")
                time.sleep(0.02)
        self.buf = b""
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        self.ready_line = self._until(re.compile(rb"@@READY ([^\n]*)\n"),
                                      timeout, "boot").group(1).decode()
        return self.ready_line

    def _alive(self, what):
        if self.process and self.process.poll() is not None:
            raise GuestError("QEMU %s: status %d: %s" % (
                what, self.process.returncode, tail(self.qemu_log)))

    def _until(self, pattern, timeout, what):
        stop = time.monotonic() + timeout * SLOW
        while True:
            m = pattern.search(self.buf)
            if m:
                self.before = self.buf[:m.start()]
                self.buf = self.buf[m.end():]
                return m
            left = stop - time.monotonic()
            if left <= 0:
                raise GuestError("%s: no answer in %.0f s; serial log: %s" %
                                 (what, timeout * SLOW, tail(self.log)))
            if select.select([self.sock], [], [], min(left, 1))[0]:
                data = self.sock.recv(1 << 16)
                if not data:
                    if self.process:
                        self.process.wait(10)
                    self._alive("ended during " + what)
                    raise GuestError("the agent's socket closed during " + what)
                self.buf += data
            else:
                self._alive("ended during " + what)

    def send(self, script, timeout=30):
        """Starts a command; collect() has its answer."""
        self.ids += 1
        text = base64.b64encode(script.encode())
        self.sock.sendall(b"%d %d %s\n" % (self.ids, max(1, timeout * SLOW),
                                           text))
        return self.ids, timeout, script

    def collect(self, token):
        ident, timeout, script = token
        m = self._until(re.compile(rb"\n@@RC %d (\d+)\n" % ident),
                        timeout + 15, "'%s'" % script[:60])
        return int(m.group(1)), self.before.decode(errors="replace")

    def run(self, script, timeout=30):
        """(status, output) of a dash script in the guest; 124 or 143: it was
        ended after @timeout seconds."""
        return self.collect(self.send(script, timeout))

    def check(self, script, timeout=30):
        """Output of a script that must succeed."""
        rc, out = self.run(script, timeout)
        if rc:
            raise GuestError("'%s' in the guest: status %d: %s" %
                             (script[:60], rc, out[-400:]))
        return out

    def port(self, name):
        """The guest's device of a virtio port, once it has one."""
        return "/dev/" + self.check(
            "for i in $(seq 50); do for n in /sys/class/virtio-ports/*/name; do "
            "[ \"$(cat $n)\" = %s ] && basename ${n%%/name} && exit 0; done; "
            "sleep 0.1; done; ls /sys/class/virtio-ports; exit 1" %
            name).strip()

    def put(self, data, path, mode=0o755):
        """A file into the guest (some hundred KiB at most)."""
        text = base64.b64encode(data).decode()
        self.check(": >%s" % path)
        for i in range(0, len(text), 49152):
            self.check("base64 -d >>%s <<'@@'\n%s\n@@" %
                       (path, text[i:i + 49152]))
        self.check("chmod %o %s" % (mode, path))

    def reboot(self, timeout=60):
        """The guest reboots by itself; QEMU and its devices stay."""
        self.send("reboot -f")
        return self.wait_ready(timeout)

    def qmp(self, command, timeout=30):
        """A command without arguments for QEMU itself: its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout * SLOW)
            s.connect(os.path.join(self.dir, "qmp.sock"))
            f = s.makefile("rw")
            f.readline()  # its greeting
            for c in ("qmp_capabilities", command):
                f.write(json.dumps({"execute": c}) + "\n")
                f.flush()
                m = json.loads(f.readline())
                while "event" in m:
                    m = json.loads(f.readline())
                if "return" not in m:
                    raise GuestError("QMP %s: %s" % (c, m))
            return m["return"]

    @contextlib.contextmanager
    def paused(self):
        """with g.paused(): the machine stands still, its devices do not."""
        self.qmp("stop")
        try:
            yield
        finally:
            self.qmp("cont")

    def kill(self):
        """kill -9 of QEMU; start() boots again."""
        end(self.process)
        if self.sock:
            self.sock.close()
        self.process = self.sock = None

    def poweroff(self, timeout=30):
        """An orderly end; QEMU's exit status."""
        self.sock.sendall(b"quit 1 -\n")
        try:
            status = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise GuestError("the guest did not power off")
        self.sock.close()
        self.process = self.sock = None
        return status


def tail(path, n=600):
    try:
        with open(path, "rb") as f:
            return f.read()[-n:].decode(errors="replace")
    except OSError:
        return ""
