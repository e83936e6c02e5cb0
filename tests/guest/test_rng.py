# SPDX-License-Identifier: Apache-2.0
"""virtio-rng: Linux's hw_random reads it, and a run's bytes are its seed's."""
import hashlib

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]


def setup(t):
    t.car = t.avsim("--scenario", "idle", "--linger",
                    "--device", "rng").start("rng.sock")
    g = t.new_guest()
    g.vhost("rng", t.car.sock("rng.sock"))
    g.start()


def test_dd_reads_the_hwrng(t):
    out = t.guest.check("cat /sys/class/misc/hw_random/rng_current; "
                        "dd if=/dev/hwrng bs=1000 count=20 2>/dev/null | wc -c",
                        timeout=60)
    assert "virtio_rng" in out, out
    assert out.split()[-1] == "20000", out


def test_bytes_are_not_constant(t):
    sums = [t.guest.check("dd if=/dev/hwrng bs=64 count=1 2>/dev/null | "
                          "md5sum", timeout=60).split()[0] for _ in range(3)]
    assert len(set(sums)) == 3, sums
    zero = hashlib.md5(bytes(64)).hexdigest()
    assert zero not in sums


def test_the_guest_survives_the_end_of_avsim(t):
    # QEMU does not connect its rng again (guest.py: vhost); the guest goes on
    t.car.kill()
    assert t.guest.check("echo here").strip() == "here"
