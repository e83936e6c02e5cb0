# SPDX-License-Identifier: Apache-2.0
"""avsim starts the guest by itself: --guest, --print-vmm, and the end of it."""
import os
import subprocess
import time

import kit
from guest import TOP_BUILD, Guest

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
PROFILES = {"arm64": "kit", "x86_64": "kit-x86_64"}


def profile(t):
    """The bundled profile with an agent port more."""
    with open(os.path.join(kit.TOP, "vdevices", "guests",
                           PROFILES[t.arch] + ".yaml")) as f:
        text = f.read()
    path = os.path.join(t.dir, "agent.yaml")
    with open(path, "w") as f:
        f.write(text + """
qemu-args:
  - -chardev
  - socket,id=agent,path=${run}/agent.sock,server=on,wait=off
  - -device
  - virtio-serial-pci,id=agentbus
  - -device
  - virtserialport,bus=agentbus.0,chardev=agent,name=agent
""")
    return path


def setup(t):
    # ${kit} of the profile: this variant's parts
    current = os.path.join(t.dir, "kit", "current")
    os.makedirs(current)
    os.symlink(kit.kernel(t.arch), os.path.join(current, "kernel-" + t.arch))
    os.symlink(kit.initrd(t.arch),
               os.path.join(current, "initrd-%s.cpio" % t.arch))
    t.profile = profile(t)
    t.car = t.avsim("--scenario", "idle", "--linger", "--guest", t.profile,
                    env={"AVSIM_GUEST_CACHE": os.path.join(t.dir, "kit"),
                         "AVSIM_QEMU": kit.qemu(t.qemu, t.arch),
                         "XDG_CACHE_HOME": os.path.join(t.dir, "cache")})
    t.car.start("rng0.sock")
    t.guest = Guest(t.arch, t.qemu)
    t.closing.append(t.guest.kill)
    t.guest.attach(t.car.sock("agent.sock"))


def pids(t):
    """Processes with this run's sockets on their command line."""
    out = subprocess.run(["ps", "-eo", "pid,args"], text=True,
                         stdout=subprocess.PIPE).stdout
    return [line for line in out.splitlines()
            if t.car.sock("guest-serial.log") in line]


def test_its_devices_are_avsims(t):
    out = t.guest.check("cat /sys/class/misc/hw_random/rng_current; "
                        "head -c 1000 /dev/hwrng | wc -c")
    assert "virtio_rng" in out and out.split()[-1] == "1000", out


def test_all_devices_of_the_profile_are_there(t):
    out = t.guest.check("cat /sys/bus/virtio/devices/*/device | sort -u; "
                        "cat /sys/class/input/event*/device/name; ls /dev/vsock")
    for ident in ("0x0001", "0x0004", "0x0012", "0x0013"):
        assert ident in out, out
    assert "eth0" in t.guest.check("ls /sys/class/net")


def test_the_serial_log_is_in_the_run_dir(t):
    with open(t.car.sock("guest-serial.log")) as f:
        assert "GUEST-READY" in f.read()


def test_avsim_ends_the_guest(t):
    assert len(pids(t)) == 1, pids(t)
    start = time.monotonic()
    assert t.car.stop() == 0
    assert time.monotonic() - start < 20
    assert pids(t) == []
    with open(t.car.log) as f:
        text = f.read()
    assert "guest: started: QEMU emulator version" in text, text
    assert "guest: ended" in text, text


def test_a_guest_that_fails_is_reported_and_the_run_goes_on(t):
    t.car.args += ["--guest-set", "cpu=abacus"]
    t.car.start("rng0.sock")
    for _ in range(100):
        with open(t.car.log) as f:
            text = f.read()
        if "ended with status" in text:
            break
        time.sleep(0.1)
    assert "guest-vmm.log" in text, text
    assert t.car.alive()
    assert t.car.stop() == 0


def test_the_printed_command_works(t):
    t.car.args = ["--scenario", "idle", "--linger", "--no-vmm",
                  "--guest", PROFILES[t.arch]]
    t.car.start("rng0.sock", "knob0.sock")  # first and last device
    out = subprocess.run(
        [os.path.join(TOP_BUILD, "avsim"), "run", "--guest", PROFILES[t.arch],
         "--print-vmm", "--run-dir", t.car.dir], text=True, check=True,
        stdout=subprocess.PIPE, env=t.car.env)
    argv = subprocess.run(["sh", "-c", "printf '%s\\0' " + out.stdout],
                          check=True, stdout=subprocess.PIPE, text=True)
    g = t.new_guest(argv=argv.stdout.split("\0")[:-1])
    g.start()
    assert "virtio_rng" in g.check("cat /sys/class/misc/hw_random/rng_current")
    assert g.poweroff() == 0
