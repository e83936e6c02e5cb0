# SPDX-License-Identifier: Apache-2.0
"""The guest's userland: cpio archives that the kernel unpacks one behind the
other. "base" is core.list (also to be had ready-made), "tools" our init, the
accounts and tools.list, the others are taken along where a test needs them."""
import hashlib
import os
import shutil

import closure
import cpio
import kit
from apt import Apt, Unavailable, unpack

ETC = {
    "etc/passwd": "root::0:0:root:/root:/bin/sh\n"
                  "tcpdump:x:100:100::/tmp:/bin/sh\n"
                  "messagebus:x:101:101::/run:/bin/false\n"
                  "nobody:x:65534:65534::/:/bin/sh\n",
    "etc/group": "root:x:0:\ntty:x:5:\ntcpdump:x:100:\nmessagebus:x:101:\n"
                 "bluetooth:x:102:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/mke2fs.conf": "[defaults]\n\tbase_features = sparse_super,"
                       "large_file,filetype,resize_inode,dir_index,ext_attr\n"
                       "[fs_types]\n\text4 = {\n\t\tfeatures = has_journal,"
                       "extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,"
                       "extra_isize\n\t}\n",
    "etc/dbus-1/system.d/bluetooth.conf":
        '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus '
        'Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/'
        '1.0/busconfig.dtd">\n<busconfig><policy user="root">'
        '<allow own="*"/><allow send_destination="*"/>'
        '<allow send_interface="*"/></policy></busconfig>\n',
}


def userland(arch):
    """The unpacked packages of kit/packages; made once, used by all archives."""
    apt = Apt(kit.cache_dir(), [kit.STABLE], kit.DEBIAN_ARCH[arch])
    h = hashlib.sha256(" ".join(kit.lines("packages")).encode()).hexdigest()[:16]
    root = os.path.join(kit.cache_dir(), "userland-%s-%s" % (arch, h))
    with kit.locked("userland-" + arch):
        if not os.path.isdir(root):
            debs = apt.download(kit.lines("packages"))
            shutil.rmtree(root + ".new", ignore_errors=True)
            unpack(debs, root + ".new")
            with open(os.path.join(root + ".new", "PACKAGES"), "w") as f:
                f.write("".join("package %s\n" % os.path.basename(d)
                                for d in debs))
            os.rename(root + ".new", root)
            apt.clean()
    return root


def collect(arch, listed, tmp):
    root = userland(arch)
    c = closure.Closure(root, tmp)
    for rel in kit.lines(listed):
        c.add(rel)
    if c.missing:
        raise Unavailable("%s: not in the packages: %s" %
                          (arch, ", ".join(sorted(c.missing)[:5])))
    with open(os.path.join(root, "PACKAGES")) as f:
        return root, f.read()


def fill_base(w, root, tmp):
    for d in ("dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp", "usr",
              "usr/bin", "usr/lib", "usr/sbin", "var/lib/alsa"):
        w.dir(d)
    for d in ("bin", "sbin", "lib"):
        w.link(d, "usr/" + d)
    if os.path.isdir(os.path.join(tmp, "usr/lib64")):
        w.link("lib64", "usr/lib64")
    w.node("dev/console", 0o600, 5, 1)
    w.node("dev/null", 0o666, 1, 3)
    for d in ("usr/share/alsa", "etc/alsa"):
        if os.path.isdir(os.path.join(root, d)):
            w.tree(root, d)


def fill_tools(w, root, tmp):
    with open(os.path.join(kit.KIT, "init"), "rb") as f:
        w.file("init", f.read(), 0o755)
    for name, text in ETC.items():
        w.file(name, text.encode())
    w.dir("var/lib/bluetooth", 0o700)


# name -> (list, archives below it, what it has beside the list)
ARCHIVES = {
    "base": ("core.list", [], fill_base),
    "tools": ("tools.list", ["base"], fill_tools),
    "fio": ("fio.list", ["base", "tools"], None),
}


def make(part, out):
    name = part.name.split("-")[0]
    listed, below, fill = ARCHIVES[name]
    tmp = os.path.join(out, "tree")
    root, note = collect(part.arch, listed, tmp)
    w = cpio.Writer(os.path.join(out, name + ".cpio"), [
        os.path.join(kit.ensure("%s-%s" % (b, part.arch)), b + ".cpio")
        for b in below])
    if fill:
        fill(w, root, tmp)
    for top in sorted(os.listdir(tmp)):
        w.tree(tmp, top)
    w.close()
    shutil.rmtree(tmp)
    return note
