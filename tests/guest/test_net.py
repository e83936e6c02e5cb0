# SPDX-License-Identifier: Apache-2.0
"""virtio-net: Linux's driver on it, and the network behind it."""

MATRIX = ["arm64/11", "x86_64/11", "arm64/10"]

# What udhcpc calls with what it was told.
DHCP_SCRIPT = b"""#!/bin/sh
case $1 in
deconfig)
	ip -4 addr flush dev $interface
	ip link set $interface up ;;
bound | renew)
	ip -4 addr flush dev $interface
	ip addr add $ip/${mask:-24} dev $interface
	ip route replace default via $router dev $interface
	mkdir -p /etc
	for s in $dns; do echo nameserver $s; done >/etc/resolv.conf
	echo "$interface $ip/$mask via $router dns $dns" ;;
esac
"""


def setup(t):
    t.car = t.avsim("--scenario", "idle", "--linger",
                    "--device", "net").start("net.sock")
    g = t.new_guest()
    g.vhost("net", t.car.sock("net.sock"))
    g.start()
    g.put(DHCP_SCRIPT, "/dhcp")


def dhcp(t, dev="eth0"):
    return t.guest.check("ip link set %s up; "
                         "udhcpc -i %s -n -q -s /dhcp 2>&1" % (dev, dev),
                         timeout=60)


def test_dhcp_gives_the_address(t):
    out = dhcp(t)
    assert "eth0 10.0.2.15/24 via 10.0.2.2 dns 10.0.2.3" in out, out


def test_ping(t):
    t.guest.check("ping -c 3 10.0.2.2", timeout=30)
