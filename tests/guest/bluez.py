# SPDX-License-Identifier: Apache-2.0
"""BlueZ in a guest: its daemon on a controller behind a serial line, and
bluetoothctl."""
import re

from guest import SLOW


def start(g, line):
    """Until bluetoothd too has seen the controller."""
    g.check("mkdir -p /run/dbus; "
            "dbus-daemon --config-file=/usr/share/dbus-1/system.conf "
            "--nopidfile; "
            "btattach -B %s -P h4 >/tmp/attach.log 2>&1 & "
            "sleep 1; bluetoothd -n >/tmp/bluetoothd.log 2>&1 & "
            "for i in $(seq 200); do "
            "hciconfig hci0 2>/dev/null | grep -q RUNNING && "
            "dbus-send --system --print-reply --dest=org.bluez "
            "/org/bluez/hci0 org.freedesktop.DBus.Introspectable.Introspect "
            "2>/dev/null | grep -q GattManager && exit 0; sleep 0.2; done; "
            "cat /tmp/attach.log /tmp/bluetoothd.log; exit 1" % line,
            timeout=60)


def ctl(g, *steps):
    """bluetoothctl: commands, each with what it has to say before the next one
    comes, within 20 s; all that it said, in plain text."""
    words = "".join('echo "%s"; hear "%s"; ' % step for step in steps)
    out = g.check(
        'hear() { for i in $(seq %d); do grep -qF "$1" /tmp/ctl && return; '
        "sleep 0.1; done; echo not heard: $1 >&2; }; "
        ": >/tmp/ctl; (%secho quit) | bluetoothctl >/tmp/ctl 2>&1; "
        "cat /tmp/ctl" % (200 * SLOW, words), timeout=30 * (1 + len(steps)))
    out = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", out)
    assert "not heard" not in out, out
    return out
