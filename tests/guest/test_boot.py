# SPDX-License-Identifier: Apache-2.0
"""The kit itself: every guest with QEMU's own virtio devices, no avsim. What
fails here is the kit's fault, not a device's."""
import os

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["arm64/10", "x86_64/11"]
DISK = 16 << 20


def setup(t):
    g = t.new_guest(extras=("fio",))
    t.disk = os.path.join(t.dir, "disk.img")
    with open(t.disk, "wb") as f:
        f.truncate(DISK)
    port = "socket,id=port,path=%s/port.sock,server=on,wait=off" % t.dir
    g.add("-device", "virtio-rng-pci",
          "-drive", "if=none,id=d0,format=raw,file=" + t.disk,
          "-device", "virtio-blk-pci,drive=d0",
          "-netdev", "user,id=n0,restrict=on",
          "-device", "virtio-net-pci,netdev=n0",
          "-device", "virtio-multitouch-pci",
          "-chardev", port, "-device", "virtio-serial-pci,id=ports",
          "-device", "virtserialport,bus=ports.0,chardev=port,name=probe")
    g.start()


def test_commands_have_a_status_and_an_output(t):
    assert t.guest.run("echo out; echo err >&2; exit 7") == (7, "out\nerr\n")
    rc, _ = t.guest.run("sleep 60", timeout=1)
    assert rc == 143, rc


def test_tools_of_the_lists_start(t):
    missing = t.guest.check(
        "for p in bluetoothd bluetoothctl dbus-daemon curl mkfs.ext4 fio evtest "
        "iperf3 socat wpa_supplicant iio_readdev candump btattach btmon tcpdump "
        "getty login udhcpc wget ping; do command -v $p >/dev/null || echo $p; "
        "done; for p in bluetoothd fio curl; do $p --version >/dev/null || "
        "echo $p fails; done")
    assert missing == "", missing


def test_block_device_takes_ext4_and_fio_verify(t):
    t.guest.check("mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && fio "
                  "--name=v --directory=/mnt --size=2m --bs=4k --rw=randwrite "
                  "--verify=crc32c --do_verify=1 && umount /mnt && "
                  "e2fsck -fn /dev/vda", timeout=90)


def test_network_gets_an_address_by_dhcp(t):
    t.guest.check("ip link set eth0 up && udhcpc -i eth0 -n -q -s /bin/true",
                  timeout=30)


def test_input_and_ports_are_there(t):
    out = t.guest.check("cat /sys/class/input/event*/device/name "
                        "/sys/class/virtio-ports/*/name")
    assert "probe" in out and "Virtio" in out.title(), out


def test_files_arrive_whole(t):
    data = bytes(range(256)) * 500
    t.guest.put(data, "/tmp/f")
    assert t.guest.check("wc -c </tmp/f").strip() == str(len(data))


def test_guest_reboots_under_the_same_qemu(t):
    t.guest.run("echo gone >/tmp/mark")
    t.guest.reboot()
    assert t.guest.run("cat /tmp/mark")[0] != 0


def test_killed_qemu_starts_again(t):
    t.guest.kill()
    t.guest.start()
    t.guest.check("test -b /dev/vda")


def test_guest_powers_off(t):
    assert t.guest.poweroff() == 0
