# SPDX-License-Identifier: Apache-2.0
"""A guest that avsim starts by itself, from a bundled profile of the kit."""
import os

import kit
from guest import Guest

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


def launch(t, *args, record=None):
    """avsim with the variant's profile, in which the agent's port is more, as
    t.car; its guest is t.guest. args: what else avsim run takes."""
    # ${kit} of the profile: this variant's parts
    current = os.path.join(t.dir, "kit", "current")
    os.makedirs(current)
    os.symlink(kit.kernel(t.arch), os.path.join(current, "kernel-" + t.arch))
    os.symlink(kit.initrd(t.arch),
               os.path.join(current, "initrd-%s.cpio" % t.arch))
    path = os.path.join(t.dir, "agent.yaml")
    with open(os.path.join(kit.TOP, "vdevices", "guests",
                           PROFILES[t.arch] + ".yaml")) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text + AGENT)
    t.car = t.avsim(*args, "--guest", path, record=record,
                    env={"AVSIM_GUEST_CACHE": os.path.join(t.dir, "kit"),
                         "AVSIM_QEMU": kit.qemu(t.qemu, t.arch),
                         "XDG_CACHE_HOME": os.path.join(t.dir, "cache")})
    t.car.start("rng0.sock")
    t.guest = Guest(t.arch, t.qemu)
    t.closing.append(t.guest.kill)
    t.guest.attach(t.car.sock("agent.sock"))
