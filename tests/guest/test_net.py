# SPDX-License-Identifier: Apache-2.0
"""virtio-net: Linux's driver on it, and the network behind it."""
import contextlib
import hashlib
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from guest import SLOW, Skip, free_port

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]
CI = ["x86_64/11", "arm64/10"]
GUEST_PORT = 7000
MAC = "52:54:00:ab:cd:01"

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
	echo "$interface $ip/$mask via $router dns $dns name $hostname" ;;
esac
"""


def setup(t):
    t.port = free_port()
    t.pairs = pairs = 2 if t.qemu == "11" else 1
    t.car = t.avsim(
        "--scenario", "idle", "--linger", "--device", "rng", "--device",
        "net,hostname=car,queues=%d,forward=tcp:%d:%d" %
        (pairs, t.port, GUEST_PORT), record=os.path.join(t.dir, "run.avrec"))
    t.car.start("net.sock", "rng.sock")
    g = t.new_guest()
    ch = g.chardev(t.car.sock("net.sock"))
    g.add("-netdev", "vhost-user,id=n,chardev=%s,queues=%d" % (ch, pairs),
          "-device", "virtio-net-pci,netdev=n,mac=%s%s" %
          (MAC, ",mq=on,vectors=6" if pairs > 1 else ""))
    g.vhost("rng", t.car.sock("rng.sock"))
    g.start()
    g.put(DHCP_SCRIPT, "/dhcp")


def dhcp(t, dev="eth0"):
    return t.guest.check("ip link set %s up; "
                         "udhcpc -i %s -n -q -t 10 -s /dhcp 2>&1" %
                         (dev, dev), timeout=60)


def wait(t, script, timeout=30):
    """Until @script succeeds in the guest; its output."""
    stop = time.monotonic() + timeout * SLOW
    while True:
        rc, out = t.guest.run(script, timeout=10)
        if not rc:
            return out
        assert time.monotonic() < stop, "'%s': %s" % (script, out)
        time.sleep(0.2)


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Page(http.server.BaseHTTPRequestHandler):
    body = os.urandom(1 << 16) * 80

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self):
        got = self.rfile.read(int(self.headers["Content-Length"]))
        text = hashlib.sha256(got).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


def test_dhcp_gives_the_address(t):
    out = dhcp(t)
    assert "eth0 10.0.2.15/24 via 10.0.2.2 dns 10.0.2.3 name car" in out, out


def test_offloads_were_negotiated(t):
    out = t.guest.check("ethtool -k eth0 | grep -E "
                        "'^(tx-checksumming|rx-checksumming|rx-gro-hw|"
                        "tcp-segmentation-offload):'")
    assert out.count(": on") == 4, out


def test_it_has_as_many_queues_as_were_given(t):
    out = t.guest.check("ethtool -l eth0 | grep Combined")
    assert out.split() == ["Combined:", str(t.pairs)] * 2, out


def test_ping_of_the_router(t):
    t.guest.check("ping -c 3 10.0.2.2", timeout=30)


def test_ipv6_by_router_advertisement(t):
    wait(t, "ip -6 addr show eth0 | grep 'fec0::' | grep -v tentative")
    t.guest.check("ping -6 -c 2 fec0::2", timeout=30)


def test_http_download_and_upload_with_checksums(t):
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                 Page)) as port:
        url = "http://10.0.2.2:%d/" % port
        out = t.guest.check("wget -q -O - %s | sha256sum" % url, timeout=120)
        assert out.split()[0] == hashlib.sha256(Page.body).hexdigest(), out
        # a POST by hand: busybox's wget takes no file
        out = t.guest.check(
            "head -c 3000000 /dev/urandom >/tmp/up; sha256sum </tmp/up; "
            "(printf 'POST / HTTP/1.0\\r\\nContent-Length: 3000000\\r\\n\\r\\n'"
            "; cat /tmp/up) | socat -t20 - TCP:10.0.2.2:%d | tail -n 1; "
            "rm /tmp/up" % port, timeout=120)
        sums = re.findall(r"[0-9a-f]{64}", out)
        assert len(sums) == 2 and sums[0] == sums[1], out


def echo_udp(sock, stop):
    sock.settimeout(0.2)
    while not stop.is_set():
        with contextlib.suppress(socket.timeout):
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)


def test_udp_there_and_back_also_in_fragments(t):
    stop = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        thread = threading.Thread(target=echo_udp, args=(s, stop))
        thread.start()
        try:
            for n in (1, 1400, 9000, 40000):
                out = t.guest.check(
                    "head -c %d /dev/zero | tr '\\0' x >/tmp/d; socat -b65536 "
                    "-t2 - UDP:10.0.2.2:%d </tmp/d | cmp - /tmp/d && echo same"
                    % (n, port), timeout=60)
                assert out.strip() == "same", (n, out)
        finally:
            stop.set()
            thread.join()


def test_a_closed_port_is_refused(t):
    rc, out = t.guest.run("socat - TCP:10.0.2.2:%d </dev/null" % free_port(),
                          timeout=30)
    assert rc and "refused" in out, out


def test_iperf3_both_ways(t):
    server = shutil.which("iperf3")
    if not server:
        raise Skip("no iperf3 on the host: apt-get install iperf3")
    for back in ("", " -R"):
        port = free_port()
        p = subprocess.Popen([server, "-s", "-1", "-p", str(port)],
                             stdout=subprocess.DEVNULL)
        try:
            out = wait(t, "iperf3 -c 10.0.2.2 -p %d -t 2%s" % (port, back), 60)
        finally:
            p.kill()
            p.wait()
        rates = re.findall(r"([\d.]+) ([KMG])bits/sec.*receiver", out)
        assert rates and float(rates[-1][0]) > 1, out
        print("iperf3%s: %s %sbit/s" % ((back,) + rates[-1]), file=sys.stderr)


def test_a_forwarded_port_leads_into_the_guest(t):
    t.guest.check("(socat TCP-LISTEN:%d,reuseaddr,fork EXEC:cat "
                  ">/dev/null 2>&1 </dev/null &) ; sleep 0.2" % GUEST_PORT)
    data = os.urandom(300000)
    with socket.create_connection(("127.0.0.1", t.port), 20 * SLOW) as s:
        sender = threading.Thread(target=s.sendall, args=(data,))
        sender.start()
        got = b""
        s.settimeout(30 * SLOW)
        while len(got) < len(data):
            part = s.recv(65536)
            assert part, len(got)
            got += part
        sender.join()
    assert got == data
    t.guest.check("killall socat")


def test_link_down_and_up_is_seen_by_ip_link(t):
    t.car.ctl("fault", "net-down")
    wait(t, "ip link show eth0 | grep NO-CARRIER")
    t.car.ctl("clear", "net-down")
    wait(t, "ip link show eth0 | grep LOWER_UP")
    wait(t, "ping -c 1 -W 1 10.0.2.2")


def test_delay_and_loss_are_felt(t):
    t.car.ctl("fault", "net-delay", "time=300ms")
    out = wait(t, "ping -c 2 -W 5 10.0.2.2")
    t.car.ctl("clear", "net-delay")
    least = float(re.search(r"min/avg/max = ([\d.]+)/", out).group(1))
    assert least >= 590, out
    t.car.ctl("fault", "net-loss", "share=100%")
    time.sleep(0.5)
    rc, out = t.guest.run("ping -c 2 -W 1 10.0.2.2", timeout=20)
    t.car.ctl("clear", "net-loss")
    assert rc and "100% packet loss" in out, out
    wait(t, "ping -c 1 -W 1 10.0.2.2")


def test_a_killed_child_comes_back_and_disturbs_nobody(t):
    pid = t.car.device_process("net")
    os.kill(pid, signal.SIGKILL)
    t.guest.check("dd if=/dev/hwrng bs=100 count=1 2>/dev/null | wc -c")
    wait(t, "ping -c 1 -W 1 10.0.2.2")
    assert t.car.device_process("net") not in (None, pid)
    stop = time.monotonic() + 20 * SLOW
    while True:
        out = t.car.dump("device:*")
        if re.search(r"\tnet\t.*process restarted", out):
            break
        assert time.monotonic() < stop, out[-2000:]
        time.sleep(0.3)
    assert re.search(r"\tnet\t.*process ended: signal 9", out), out
    assert not re.search(r"\trng\t.*disconnected", out), out


def test_the_network_is_back_after_avsim_was_killed(t):
    t.car.kill()
    t.car.record = os.path.join(t.dir, "run2.avrec")
    wait(t, "ip link show eth0 | grep NO-CARRIER")
    t.car.start("net.sock")
    wait(t, "ping -c 1 -W 1 10.0.2.2")
    assert "10.0.2.15" in dhcp(t)


def test_wpa_supplicant_joins_virtwifi(t):
    # virt_wifi takes all frames of eth0
    t.guest.check("ip addr flush dev eth0; "
                  "ip link add link eth0 name vwifi type virt_wifi && "
                  "ip link set vwifi up && "
                  "printf 'ctrl_interface=/tmp/wpa\\nnetwork={\\n"
                  "ssid=\"VirtWifi\"\\nkey_mgmt=NONE\\n}\\n' >/tmp/wpa.conf && "
                  "wpa_supplicant -B -i vwifi -D nl80211 -c /tmp/wpa.conf",
                  timeout=60)
    wait(t, "wpa_cli -p /tmp/wpa -i vwifi status | grep wpa_state=COMPLETED",
         60)
    out = t.guest.check("wpa_cli -p /tmp/wpa -i vwifi status")
    assert "ssid=VirtWifi" in out, out
    out = dhcp(t, "vwifi")
    assert "vwifi 10.0.2.15/24" in out, out
    t.guest.check("ping -c 2 -I vwifi 10.0.2.2", timeout=30)
