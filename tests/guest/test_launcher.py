# SPDX-License-Identifier: Apache-2.0
"""avsim starts the guest by itself: --guest, --print-vmm, and the end of it."""
import os
import subprocess
import time

from guest import TOP_BUILD, Skip
from launch import PROFILES, launch

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]


def setup(t):
    launch(t, "--scenario", "idle", "--linger")


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
    assert ("0x0020" in out) == (t.arch == "arm64"), out  # SCMI
    if t.arch == "arm64":
        names = t.guest.check("cat /sys/bus/iio/devices/iio:device*/name")
        assert "scmi.iio.accel" in names, names
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
    # not the processor: QEMU is asked for the machine's device tree before
    t.car.args += ["--guest-set", "kernel=/nowhere"]
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


def test_a_machine_that_qemu_does_not_have_starts_no_run(t):
    if t.arch != "arm64":
        raise Skip("no device tree is made")
    out = subprocess.run(t.car.command() + ["--guest-set", "cpu=abacus"],
                         text=True, env=t.car.env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert out.returncode == 2 and "abacus" in out.stdout, out


def test_the_printed_command_works(t):
    t.car.args = ["--scenario", "idle", "--linger", "--no-vmm",
                  "--guest", PROFILES[t.arch]]
    t.car.start("rng0.sock", "sensors-data.port")  # first and last
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
