# SPDX-License-Identifier: Apache-2.0
"""cpio archives as the kernel unpacks them ("newc"), written without root:
device nodes are records like any other, owners and times are fixed."""
import hashlib
import os
import stat


def contents(path):
    """{name: sha256 of its bytes} of the regular files of an archive."""
    out = {}
    with open(path, "rb") as f:
        while True:
            head = f.read(110)
            if len(head) < 110 or head[:6] != b"070701":
                return out
            mode, size, namelen = (int(head[6 + 8 * i:14 + 8 * i], 16)
                                   for i in (1, 6, 11))
            name = f.read(namelen)[:-1].decode()
            f.read(-(110 + namelen) % 4)
            data = f.read(size)
            f.read(-size % 4)
            if stat.S_ISREG(mode):
                out[name] = hashlib.sha256(data).digest()


class Writer:
    def __init__(self, path, below=()):
        """@below: archives that are unpacked before this one; tree() leaves
        out what they have already."""
        self.f = open(path, "wb")
        self.below = {}
        for b in below:
            self.below.update(contents(b))
        self.ino = 0
        self.pos = 0
        self.seen = set()

    def _record(self, name, mode, data=b"", rdev=(0, 0)):
        self.ino += 1
        raw = name.encode() + b"\0"
        head = "070701" + "".join("%08X" % v for v in (
            self.ino, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0,
            len(data), 0, 0, rdev[0], rdev[1], len(raw), 0))
        for part in (head.encode() + raw, data):
            self.f.write(part)
            self.pos += len(part)
            pad = -self.pos % 4
            self.f.write(b"\0" * pad)
            self.pos += pad

    def parents(self, name):
        up = os.path.dirname(name)
        if up and up not in self.seen:
            self.dir(up)

    def dir(self, name, mode=0o755):
        if name not in self.seen:
            self.parents(name)
            self.seen.add(name)
            self._record(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        self.parents(name)
        self._record(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.parents(name)
        self._record(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, mode, major, minor):
        self.parents(name)
        self._record(name, stat.S_IFCHR | mode, b"", (major, minor))

    def tree(self, root, name):
        """What lies at ROOT/NAME, folders with everything in them."""
        path = os.path.join(root, name)
        if os.path.islink(path):
            self.link(name, os.readlink(path))
        elif os.path.isdir(path):
            self.dir(name)
            for sub in sorted(os.listdir(path)):
                self.tree(root, os.path.join(name, sub))
        else:
            with open(path, "rb") as f:
                data = f.read()
            if self.below.get(name) != hashlib.sha256(data).digest():
                self.file(name, data, os.stat(path).st_mode & 0o777)

    def close(self):
        self._record("TRAILER!!!", 0)
        self.f.write(b"\0" * (-self.pos % 512))
        self.f.close()
