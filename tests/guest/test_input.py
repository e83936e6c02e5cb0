# SPDX-License-Identifier: Apache-2.0
"""virtio-input: what a scenario's hands do reaches evtest, in order."""
import re
import time

from guest import SLOW

MATRIX = ["arm64/11", "x86_64/11", "arm64/10", "x86_64/10"]

KINDS = ("touch", "keys", "rotary")
NAMES = {"touch": "avsim Multitouch Touchscreen", "keys": "Test Keys",
         "rotary": "avsim Rotary"}

# for one touch screen, keys and knob: what evtest prints, without its times
EXPECTED = {
    "touch": """
        ABS_MT_TRACKING_ID 0, ABS_MT_POSITION_X 100, ABS_MT_POSITION_Y 200,
        BTN_TOUCH 1, ABS_X 100, ABS_Y 200, SYN
        ABS_MT_TRACKING_ID -1, BTN_TOUCH 0, SYN
        ABS_MT_SLOT 1, ABS_MT_TRACKING_ID 1, ABS_MT_POSITION_X 1079,
        ABS_MT_POSITION_Y 599, BTN_TOUCH 1, ABS_X 1079, ABS_Y 599, SYN
        ABS_MT_SLOT 0, ABS_MT_TRACKING_ID 2, ABS_MT_POSITION_X 10,
        ABS_MT_POSITION_Y 20, ABS_X 10, ABS_Y 20, SYN
        ABS_MT_SLOT 1, ABS_MT_TRACKING_ID -1, SYN
        ABS_MT_SLOT 0, ABS_MT_TRACKING_ID -1, BTN_TOUCH 0, SYN""",
    "keys": """
        KEY_HOMEPAGE 1, SYN
        KEY_HOMEPAGE 0, SYN
        KEY_VOLUMEUP 1, SYN
        KEY_BACK 1, SYN
        KEY_BACK 0, SYN
        KEY_VOLUMEUP 0, SYN""",
    "rotary": "REL_WHEEL 1, SYN " * 3 + "REL_WHEEL -1, SYN " * 2 +
              "REL_DIAL 1, SYN",
}


def setup(t):
    t.car = t.avsim(
        "--scenario", "idle", "--linger",
        "--device", "touch0:input,width=1080,height=600",
        "--device", "keys0:input,kind=keys,name=Test Keys,product=0abc",
        "--device", "knob0:input,kind=rotary").start(
            "touch0.sock", "keys0.sock", "knob0.sock")
    g = t.new_guest()
    for s in ("touch0.sock", "keys0.sock", "knob0.sock"):
        g.vhost("input", t.car.sock(s))
    g.start()


def node(t, kind):
    out = t.guest.check(
        "for i in /sys/class/input/event*; do "
        "echo $(basename $i) $(cat $i/device/name); done")
    for line in out.splitlines():
        if line.split(None, 1)[1:] == [NAMES[kind]]:
            return "/dev/input/" + line.split()[0]
    raise AssertionError("no %s in: %s" % (NAMES[kind], out))


def events(text):
    """evtest's lines as "CODE VALUE", SYN for the end of a frame."""
    out = []
    for line in text.splitlines():
        if "SYN_REPORT" in line:
            out.append("SYN")
        m = re.search(r"type \d+ \(EV_\w+\), code \d+ \((\w+)\), value (\S+)",
                      line)
        if m and m.group(1) != "SYN_REPORT":
            value = m.group(2)
            # keys in decimal; the kernel shows -1 of an id as it is
            out.append("%s %s" % (m.group(1), int(value, 10)))
    return out


def words(text):
    return [" ".join(w.split()) for w in
            re.sub(r"SYN(?=\s)", "SYN,", text.strip() + " ").split(",")
            if w.strip()]


def do(t, line):
    t.car.ctl("do", *line.split())


class Watch:
    """evtest on a device, its output in a file of the guest."""

    def __init__(self, t, kind):
        self.t, self.out = t, "/tmp/ev-" + kind
        t.guest.check("evtest %s >%s 2>&1 </dev/null & echo $! >%s.pid; "
                      "for i in $(seq 100); do grep -q 'Testing' %s && exit 0; "
                      "sleep 0.1; done; exit 1" %
                      (node(t, kind), self.out, self.out, self.out))

    def until(self, done, seconds=20):
        """Events once done(events), or after a while."""
        end = time.monotonic() + seconds * SLOW
        while True:
            got = events(self.t.guest.check("cat " + self.out))
            if done(got) or time.monotonic() > end:
                return got
            time.sleep(0.3)

    def stop(self):
        self.t.guest.check("kill $(cat %s.pid)" % self.out)


def scripted(t, kind, *lines, pause=0.3):
    want = words(EXPECTED[kind])
    w = Watch(t, kind)
    for line in lines:
        do(t, line)
        time.sleep(pause)
    got = w.until(lambda got: len(got) >= len(want))
    w.stop()
    assert got == want, "%s\nwanted\n%s" % (got, want)


def test_identity_and_capabilities(t):
    out = t.guest.check("cat /proc/bus/input/devices")
    assert "Vendor=0fff Product=0fff" in out, out
    assert "Vendor=0fff Product=0abc" in out, out
    out = t.guest.check("timeout 1 evtest %s </dev/null; true" %
                        node(t, "touch"))
    for text in ("ABS_MT_POSITION_X", "INPUT_PROP_DIRECT", "Max     1079",
                 "Max      599", "BTN_TOUCH", "Max        9"):
        assert text in out, (text, out)


def test_touches_in_order(t):
    scripted(t, "touch", "touch x=100 y=200 for=0", "touch x=5000 y=9999 "
             "action=press finger=1", "touch x=10 y=20 action=press",
             "touch action=release finger=1", "touch action=release")


def test_keys_in_order(t):
    scripted(t, "keys", "press code=HOMEPAGE", "press code=volumeup action=down",
             "press code=KEY_BACK for=0.1", "press code=volumeup action=up")


def test_knob_in_order(t):
    scripted(t, "rotary", "turn detents=3", "turn detents=-2",
             "turn detents=1 axis=dial")


def test_a_swipe_is_smooth_and_whole(t):
    w = Watch(t, "touch")
    do(t, "swipe x=0 y=300 to-x=1000 to-y=300 for=0.5")
    got = w.until(lambda got: got[-2:] == ["BTN_TOUCH 0", "SYN"])
    w.stop()
    x = [int(e.split()[1]) for e in got if e.startswith("ABS_MT_POSITION_X")]
    assert x == sorted(x) and x[-1] == 1000, x
    # 60 Hz for half a second, and where it began
    assert 29 <= len(x) <= 32, x
    assert got[-3:] == ["ABS_MT_TRACKING_ID -1", "BTN_TOUCH 0", "SYN"], got


def test_a_finger_lifted_while_the_machine_is_paused(t):
    w = Watch(t, "touch")
    do(t, "touch x=7 y=8 action=press finger=2")
    w.until(lambda got: "SYN" in got)
    with t.guest.paused():
        do(t, "touch action=release finger=2")
        time.sleep(0.5)
    got = w.until(lambda got: got.count("SYN") >= 2)
    w.stop()
    assert got[-3:] == ["ABS_MT_TRACKING_ID -1", "BTN_TOUCH 0", "SYN"], got


def test_a_reboot_forgets_and_goes_on(t):
    do(t, "touch x=1 y=1 action=press finger=3")
    t.guest.reboot()
    do(t, "touch action=release finger=3")
    w = Watch(t, "keys")
    do(t, "press code=OK")
    got = w.until(lambda got: len(got) >= 4)
    w.stop()
    assert got == ["KEY_OK 1", "SYN", "KEY_OK 0", "SYN"], got
