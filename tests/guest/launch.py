# SPDX-License-Identifier: Apache-2.0
"""A guest that avsim starts by itself, from a profile."""
import os

import kit

PROFILES = {"arm64": "kit", "x86_64": "kit-x86_64"}
AGENT = """
qemu-args:
  - -chardev
  - socket,id=agent,path=${run}/agent.sock,server=on,wait=off
  - -device
  - virtio-serial-pci,id=agentbus
  - -device
  - virtserialport,bus=agentbus.0,chardev=agent,name=agent
"""


def bundled(arch):
    """Text of the kit's profile."""
    with open(os.path.join(kit.TOP, "vdevices", "guests",
                           PROFILES[arch] + ".yaml")) as f:
        return f.read()


def launch(t, *args, profile=None, ready="rng0.sock", record=None):
    """avsim as t.car, which starts t.guest from the text of a profile, by
    default the kit's of this variant; the agent's port is added. args: what
    else avsim run takes; ready: the socket that is there when it is up."""
    # ${kit} of the profile: this variant's parts
    current = os.path.join(t.dir, "kit", "current")
    os.makedirs(current)
    os.symlink(kit.kernel(t.arch), os.path.join(current, "kernel-" + t.arch))
    os.symlink(kit.initrd(t.arch),
               os.path.join(current, "initrd-%s.cpio" % t.arch))
    path = os.path.join(t.dir, "agent.yaml")
    with open(path, "w") as f:
        f.write((profile or bundled(t.arch)) + AGENT)
    t.car = t.avsim(*args, "--guest", path, record=record,
                    env={"AVSIM_GUEST_CACHE": os.path.join(t.dir, "kit"),
                         "AVSIM_QEMU": kit.qemu(t.qemu, t.arch),
                         "XDG_CACHE_HOME": os.path.join(t.dir, "cache")})
    t.car.start(ready)
    t.new_guest().attach(t.car.sock("agent.sock"))
