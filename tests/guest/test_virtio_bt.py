# SPDX-License-Identifier: Apache-2.0
"""virtio-bt: Linux's own driver on QEMU's generic test device, without
btattach. What the controller can do is test_bluetooth.py's."""
import time

MATRIX = ["arm64/11", "x86_64/11"]
CI = ["x86_64/11"]
MAC = "02:00:5E:10:20:30"


def setup(t):
    t.car = t.avsim("--scenario", "idle", "--linger", "--speed", "1",
                    "--device", "bt0:bt").start("bt0.sock", "ctl.sock")
    t.car.ctl("do", "phone-appear", "name='Anna''s phone'",
              "address=" + MAC)
    g = t.new_guest()
    g.vhost("bt", t.car.sock("bt0.sock"))
    g.start()


def test_the_kernels_driver_brings_it_up(t):
    out = t.guest.check("hciconfig hci0 up; hciconfig hci0", timeout=40)
    assert "UP RUNNING" in out and "Bus: VIRTIO" in out, out


def test_an_inquiry_finds_the_phone(t):
    out = t.guest.check("timeout 25 hcitool scan --flush </dev/null",
                        timeout=40)
    assert MAC in out and "Anna's phone" in out, out


def test_a_link_carries_data(t):
    out = t.guest.check("l2ping -c 3 -s 500 %s </dev/null" % MAC, timeout=40)
    assert "3 sent, 3 received" in out, out


def test_a_pause_of_the_machine_costs_nothing(t):
    token = t.guest.send("l2ping -c 5 -t 20 %s </dev/null" % MAC, timeout=60)
    time.sleep(2)
    with t.guest.paused():
        time.sleep(1)
    rc, out = t.guest.collect(token)
    assert rc == 0 and "5 sent, 5 received" in out, out
    out = t.guest.check("hciconfig hci0")
    assert "UP RUNNING" in out, out


def test_a_reboot_finds_a_controller_that_was_reset(t):
    t.guest.reboot()
    test_the_kernels_driver_brings_it_up(t)
    test_a_link_carries_data(t)
