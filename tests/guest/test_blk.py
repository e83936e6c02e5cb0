# SPDX-License-Identifier: Apache-2.0
"""virtio-blk: ext4 and fio on it, QEMU and avsim killed under load, images
that are not written to, faults."""
import hashlib
import os
import select
import signal
import time

from guest import SLOW

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/11", "x86_64/10"]

MIB = 1 << 20


def image(t, name, mib, byte=0):
    path = os.path.join(t.dir, name)
    with open(path, "wb") as f:
        if byte:
            f.write(bytes([byte]) * (mib * MIB))
        f.truncate(mib * MIB)
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


SOCKETS = ("disk.sock", "over.sock", "ro.sock")


def setup(t):
    t.disk = image(t, "disk.raw", 256)
    t.over = image(t, "over.raw", 16, 0x77)
    t.ro = image(t, "ro.raw", 16, 0x78)
    t.car = t.avsim("--scenario", "idle", "--linger",
                    "--device", "disk:blk,serial=DISK-1,file=" + t.disk,
                    "--device", "over:blk,overlay=on,home=child,file=" + t.over,
                    "--device", "ro:blk,readonly=on,file=" + t.ro
                    ).start(*SOCKETS)
    g = t.new_guest(extras=("fio",))
    for s in SOCKETS:
        g.vhost("blk", t.car.sock(s))
    g.start()


def test_it_is_what_the_options_say(t):
    out = t.guest.check(
        "cd /sys/block; cat vda/serial; echo; cat vda/size vda/ro vdb/size "
        "vdc/ro; cat vda/queue/discard_max_bytes vda/queue/write_cache; "
        "cat vda/queue/physical_block_size")
    want = ["DISK-1", str(256 * 2048), "0", str(16 * 2048), "1",
            str((1 << 22) * 512), "write", "back", "4096"]
    assert out.split() == want, out


def test_ext4_takes_fio_verify(t):
    t.guest.check(
        "mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && fio --name=v "
        "--directory=/mnt --size=16M --bs=4k --rw=randwrite --ioengine=libaio "
        "--direct=1 --iodepth=16 --verify=crc32c --do_verify=1 "
        "--verify_fatal=1 && rm /mnt/v.* && fstrim -v /mnt", timeout=240)


def test_what_was_synced_is_there_after_qemu_was_killed(t):
    t.guest.check("dd if=/dev/urandom of=/mnt/keep bs=1M count=8 2>/dev/null; "
                  "sync; sha256sum /mnt/keep >/mnt/keep.sum; sync")
    t.guest.kill()
    t.guest.start()
    out = t.guest.check("mount /dev/vda /mnt && sha256sum -c /mnt/keep.sum",
                        timeout=60)
    assert "OK" in out, out


def test_overlay_takes_writes_and_the_image_none(t):
    before = digest(t.over)
    t.guest.check("dd if=/dev/zero of=/dev/vdb bs=3k count=100 seek=7 "
                  "oflag=direct conv=notrunc 2>/dev/null || "
                  "dd if=/dev/zero of=/dev/vdb bs=4k count=75 seek=7 "
                  "oflag=direct 2>/dev/null; sync; "
                  "dd if=/dev/vdb bs=4k skip=7 count=1 iflag=direct "
                  "2>/dev/null | tr -d '\\0' | wc -c")
    assert digest(t.over) == before


def child_dies(t):
    pid = t.car.device_process("blk")
    os.kill(pid, signal.SIGKILL)
    stop = time.monotonic() + 20 * SLOW
    while t.car.device_process("blk") in (None, pid):
        assert time.monotonic() < stop
        time.sleep(0.05)


def test_what_is_on_an_overlay_outlives_its_process(t):
    t.guest.check("mkfs.ext4 -q /dev/vdb && mkdir -p /media && "
                  "mount /dev/vdb /media && "
                  "dd if=/dev/urandom of=/media/keep bs=64k count=32 "
                  "2>/dev/null; sha256sum /media/keep >/media/keep.sum; sync")
    child_dies(t)
    drop = "sync; echo 3 >/proc/sys/vm/drop_caches; "
    t.guest.check(drop + "sha256sum -c /media/keep.sum", timeout=60)
    # and under load: what was written before and what is being written
    job = t.guest.send(
        "fio --name=o --filename=/media/load --size=4M --bs=4k --rw=randwrite "
        "--ioengine=libaio --direct=1 --iodepth=16 --verify=crc32c "
        "--verify_fatal=1 --do_verify=1 --loops=4 --output=/tmp/over.txt; "
        "echo fio $?; tail -5 /tmp/over.txt", timeout=300)
    kills = 0
    while kills < 4 and not select.select([t.guest.sock], [], [], 0.5)[0]:
        child_dies(t)
        kills += 1
    assert kills >= 2, "fio was done after %d kills" % kills
    rc, out = t.guest.collect(job)
    assert rc == 0 and "fio 0" in out, out
    t.guest.check(drop + "sha256sum -c /media/keep.sum", timeout=60)
    errors = t.guest.check("dmesg | grep -ci 'i/o error\\|ext4.*error' || true")
    assert errors.strip() == "0", t.guest.check("dmesg | tail -20")
    with open(t.over, "rb") as f:
        assert f.read().strip(b"\x77") == b""


def said_lost(t):
    with open(t.car.log) as f:
        return f.read().count("over: what the guest wrote is lost")


def test_guest_that_goes_on_without_its_overlay_gets_errors(t):
    """The new avsim has the image as it was; what it shows the guest of that
    would be neither what the guest wrote nor what it has in its caches."""
    t.guest.check("sync; echo 3 >/proc/sys/vm/drop_caches")
    t.car.kill()
    t.car.start(*SOCKETS)
    t.guest.check("mount | grep -q ' /mnt ' && cat /mnt/keep.sum", timeout=60)
    rc, _ = t.guest.run("cat /media/keep /media/load >/tmp/stale 2>/dev/null")
    assert rc != 0
    t.guest.check("! [ -s /tmp/stale ]")
    for at in range(0, 16, 3):
        rc, out = t.guest.run("dd if=/dev/vdb bs=1M count=1 skip=%d "
                              "iflag=direct 2>/dev/null | wc -c" % at)
        assert out.strip() == "0", out
    t.guest.run("echo x >/media/more; sync")
    assert said_lost(t) == 1
    # the driver begins anew: an overlay like any other, with nothing in it
    t.guest.run("umount -l /media")
    t.guest.check("cd /sys/bus/virtio/drivers/virtio_blk; "
                  "d=$(basename $(readlink -f /sys/block/vdb/device)); "
                  "echo $d >unbind; echo $d >bind", timeout=60)
    out = t.guest.check("dd if=/dev/vdb bs=1M iflag=direct 2>/dev/null | "
                        "md5sum", timeout=60)
    assert out.split()[0] == hashlib.md5(b"\x77" * (16 * MIB)).hexdigest(), out
    t.guest.check("dmesg -c >/dev/null")


def test_nothing_is_lost_when_avsim_is_killed_under_load(t):
    """Each block carries its own number and checksum; a lost or twisted write
    fails the verification, a lost request hangs fio."""
    job = t.guest.send(
        "fio --name=k --filename=/mnt/load --size=32M --bs=4k --rw=randwrite "
        "--ioengine=libaio --direct=1 --iodepth=32 --verify=crc32c "
        "--verify_fatal=1 --do_verify=1 --loops=2 --output=/tmp/fio.txt; "
        "echo fio $?; tail -5 /tmp/fio.txt", timeout=300)
    kills = 0
    while kills < 8 and not select.select([t.guest.sock], [], [], 1.0)[0]:
        t.car.kill()
        kills += 1
        t.car.start(*SOCKETS)
    assert kills >= 3, "fio was done after %d kills" % kills
    rc, out = t.guest.collect(job)
    assert rc == 0 and "fio 0" in out, out
    # an answer too many would be "id N is not a head!" of a broken queue
    errors = t.guest.check("dmesg | grep -ci 'i/o error\\|not a head' || true")
    assert errors.strip() == "0", t.guest.check("dmesg | tail -20")


def test_other_sizes_are_zeroed_and_discarded(t):
    t.guest.check("umount /mnt; blkdiscard -o 1048576 -l 1048576 /dev/vda && "
                  "blkdiscard -z -o 4194304 -l 524288 /dev/vda && "
                  "dd if=/dev/vda bs=64k skip=16 count=16 iflag=direct "
                  "2>/dev/null | tr -d '\\0' | wc -c | grep -qx 0 && "
                  "dd if=/dev/vda bs=64k skip=64 count=8 iflag=direct "
                  "2>/dev/null | tr -d '\\0' | wc -c | grep -qx 0", timeout=60)


def test_read_only_refuses_writes(t):
    rc, _ = t.guest.run("dd if=/dev/zero of=/dev/vdc bs=4k count=1 "
                        "oflag=direct 2>/dev/null")
    assert rc != 0
    out = t.guest.check("dd if=/dev/vdc bs=4k count=1 2>/dev/null | md5sum")
    assert out.split()[0] == hashlib.md5(b"\x78" * 4096).hexdigest(), out


def test_faults_reach_the_guest_and_end(t):
    read = ("dd if=/dev/vda of=/dev/null bs=4k count=4 iflag=direct "
            "2>/dev/null")
    t.car.ctl("fault", "blk-error", "device=disk")
    rc, _ = t.guest.run(read)
    assert rc != 0
    t.car.ctl("clear", "blk-error")
    t.guest.check(read)
    t.car.ctl("fault", "blk-slow", "by=300ms", "device=disk")
    t0 = time.monotonic()
    t.guest.check(read)
    assert time.monotonic() - t0 >= 1.2  # four of them, one after the other
    t.car.ctl("clear", "blk-slow")
    t.car.ctl("fault", "blk-full", "device=disk")
    rc, _ = t.guest.run("dd if=/dev/zero of=/dev/vda bs=4k count=1 seek=9999 "
                        "oflag=direct 2>/dev/null")
    assert rc != 0
    t.guest.check(read)
    t.car.ctl("clear", "blk-full")
