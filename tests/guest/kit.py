#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The guest kit's parts: kernels, initramfs archives and QEMU, made of Debian
packages and kept in a cache outside the source tree.

  kit.py build [ARCH...]   make what is missing (make guest-kit)
  kit.py show              the parts and where they are
  kit.py path PART         make one and print its folder

A part lives in CACHE/PART-KEY, KEY being the sha256 of everything it is made
from: the files of kit/ that it uses, the script that makes it, and the package
versions that kit/versions names. Ready-made parts, where a folder of them is at
hand, stand in for kernels, base archives and QEMU 11 as long as their README
names the same inputs. Nothing in the cache is removed: parts of other keys may
belong to another work tree; the whole folder may go at any time.

  AVSIM_GUEST_CACHE         the cache, instead of $XDG_CACHE_HOME/avsim/guest-kit
  AVSIM_SHARED_GUEST_CACHE  ready-made parts, instead of ../shared/guest-cache;
                            empty: make everything
  AVSIM_DEBIAN_MIRROR       the archive, instead of the host's own
  AVSIM_GUEST_BUILD=no      do not compile kernels: what is not at hand is missing
  AVSIM_GUEST_JOBS          compilers at a time; default: one per processor
"""
import contextlib
import fcntl
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import closure  # noqa: E402
from apt import Apt, Unavailable, run, unpack  # noqa: E402

KIT = os.path.join(HERE, "kit")
TOP = os.path.dirname(os.path.dirname(HERE))
ARCHES = {"arm64": "aarch64", "x86_64": "x86_64"}
DEBIAN_ARCH = {"arm64": "arm64", "x86_64": "amd64"}
STABLE = "trixie"  # the userland's suite


def cache_dir():
    d = os.environ.get("AVSIM_GUEST_CACHE")
    if not d:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(
            os.path.expanduser("~"), ".cache")
        d = os.path.join(base, "avsim", "guest-kit")
    return os.path.abspath(d)


def lines(name):
    with open(os.path.join(KIT, name)) as f:
        return [s.strip() for s in f if s.strip() and not s.startswith("#")]


def pinned(package):
    return dict(s.split(None, 1) for s in lines("versions"))[package]


def sha(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def say(text):
    print("guest-kit: " + text, file=sys.stderr, flush=True)


class Part:
    """inputs: files of kit/; code: scripts; versions: rows of kit/versions."""

    def __init__(self, name, make, arch, inputs=(), code=(), versions=(),
                 ready=None):
        self.name, self.make, self.arch = name, make, arch
        self.inputs, self.code, self.versions = inputs, code, versions
        self.ready = ready

    def key(self):
        h = hashlib.sha256()
        for f in self.inputs:
            h.update(("%s %s\n" % (f, sha(os.path.join(KIT, f)))).encode())
        for f in self.code:
            h.update(("%s %s\n" % (f, sha(os.path.join(HERE, f)))).encode())
        for v in self.versions:
            h.update(("%s %s\n" % (v, pinned(v))).encode())
        return h.hexdigest()[:16]

    def folder(self):
        return os.path.join(cache_dir(), "%s-%s" % (self.name, self.key()))

    def have(self):
        return os.path.exists(os.path.join(self.folder(), "manifest"))


@contextlib.contextmanager
def locked(name):
    os.makedirs(cache_dir(), exist_ok=True)
    with open(os.path.join(cache_dir(), ".lock-" + name), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def ensure(name):
    """Folder of the part, made now if it is not there yet."""
    part = PARTS[name]
    if part.have():
        return part.folder()
    with locked(name):
        if part.have():  # another process made it meanwhile
            return part.folder()
        start = time.time()
        tmp = part.folder() + ".new"
        shutil.rmtree(tmp, ignore_errors=True)
        os.makedirs(tmp)
        note = take_ready(part, tmp)
        if note is None:
            say("making %s" % name)
            note = part.make(part, tmp)
        with open(os.path.join(tmp, "manifest"), "w") as f:
            f.write("".join("input %s %s\n" % (i, sha(os.path.join(KIT, i)))
                            for i in part.inputs) + note.rstrip() + "\n")
        shutil.rmtree(part.folder(), ignore_errors=True)
        os.rename(tmp, part.folder())
        say("%s is in %s (%.0f s)" % (name, part.folder(), time.time() - start))
    return part.folder()


# ---- ready-made parts -----------------------------------------------------
def ready_dir():
    d = os.environ.get("AVSIM_SHARED_GUEST_CACHE")
    if d is None:
        d = os.path.join(os.path.dirname(TOP), "shared", "guest-cache")
    return d if d and os.path.isdir(d) else None


def ready_readme():
    """({file: sha256}, {input: first 16 digits of its sha256})"""
    d = ready_dir()
    try:
        with open(os.path.join(d, "README.md")) as f:
            text = f.read()
    except (OSError, TypeError):
        return {}, {}
    files = dict(re.findall(r"^\| `([^`]+)` .*\b([0-9a-f]{64})\b", text, re.M))
    m = re.search(r"^Inputs: (.*)", text, re.M)
    inputs = dict(re.findall(r"(\S+) ([0-9a-f]{16})\b", m.group(1) if m else ""))
    return files, inputs


def take_ready(part, out):
    """The part from the ready-made ones; None where they do not have it or
    were made from something else."""
    files, inputs = ready_readme()
    if not part.ready or part.ready[0] not in files:
        return None
    name, use = part.ready
    for i in part.inputs:
        if sha(os.path.join(KIT, i))[:16] != inputs.get(i):
            say("%s differs from the ready-made part's: making %s" %
                (i, part.name))
            return None
    path = os.path.join(ready_dir(), name)
    try:
        if sha(path) != files[name]:
            say("%s is not what its README says: making %s" % (path, part.name))
            return None
        use(path, out)
    except OSError as e:
        say("%s: %s: making %s" % (path, e.strerror, part.name))
        return None
    return "ready-made %s %s" % (name, files[name])


def gunzip_to(name):
    def use(path, out):
        with gzip.open(path) as src, open(os.path.join(out, name), "wb") as dst:
            shutil.copyfileobj(src, dst)
    return use


def copy_to(name):
    return lambda path, out: shutil.copy(path, os.path.join(out, name))


# ---- kernels --------------------------------------------------------------
def make_kernel(part, out):
    import kernel
    return kernel.make(part.arch, out, cache_dir())


# ---- initramfs archives ---------------------------------------------------
def make_archive(part, out):
    import initramfs
    return initramfs.make(part, out)


# ---- QEMU -----------------------------------------------------------------
QEMU_PACKAGES = ["qemu-system-arm", "qemu-system-x86", "qemu-utils"]
QEMU_PROGRAMS = ["qemu-system-aarch64", "qemu-system-x86_64"]
WRAPPER = """#!/bin/sh
# {name} of {what}, run with the libraries it was unpacked with
t=$(dirname "$(dirname "$(readlink -f "$0")")")/tree
lib=$t/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR=$lib/qemu
ld=$(ls "$t"/usr/lib64/ld-linux-x86-64.so.2 \\
	"$t"/lib64/ld-linux-x86-64.so.2 \\
	"$lib"/ld-linux-x86-64.so.2 \\
	"$t"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 2>/dev/null | head -n 1)
exec "$ld" --argv0 {name} \\
	--library-path "$lib:$t/lib/x86_64-linux-gnu:$lib/pulseaudio" \\
	"$t/usr/bin/{name}" {data}"$@"
"""
# Where the system emulators find firmware; qemu-storage-daemon needs none.
DATA = """-L "$t/usr/share/qemu" -L "$t/usr/share/seabios" \\
	-L "$t/usr/lib/ipxe/qemu" """


def wrappers(out, what):
    os.makedirs(os.path.join(out, "bin"))
    for name in os.listdir(os.path.join(out, "tree", "usr", "bin")):
        path = os.path.join(out, "bin", name)
        with open(path, "w") as f:
            f.write(WRAPPER.format(
                name=name, what=what,
                data=DATA if name.startswith("qemu-system-") else ""))
        os.chmod(path, 0o755)


def host_is_amd64():
    if os.uname().machine != "x86_64":
        raise Unavailable("the kit's QEMU is unpacked for amd64 hosts only: "
                          "install qemu-system-arm and qemu-system-x86")


def use_qemu(path, out):
    host_is_amd64()
    os.makedirs(os.path.join(out, "tree"))
    run(["tar", "--zstd", "-xf", path, "-C", os.path.join(out, "tree")],
        "unpacking " + path)
    wrappers(out, "the kit")


def make_qemu(suites, versions_row):
    def make(part, out):
        host_is_amd64()
        apt = Apt(cache_dir(), suites, "amd64")
        want = pinned(versions_row)
        known = [v for p, v in apt.versions("qemu-system-arm")]
        packages = QEMU_PACKAGES
        if want in known:
            packages = ["%s=%s" % (p, want) for p in QEMU_PACKAGES]
        debs = apt.download(packages)
        root = os.path.join(out, "root")
        unpack(debs, root)
        tree = os.path.join(out, "tree")
        c = closure.Closure(root, tree)
        for name in QEMU_PROGRAMS + ["qemu-storage-daemon"]:
            c.add("usr/bin/" + name)
        for rel in ("usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"):
            if os.path.isdir(os.path.join(root, rel)):
                c.add(rel)
        shutil.rmtree(root)
        wrappers(out, suites[-1])
        note = "".join("package %s\n" % os.path.basename(d) for d in debs)
        apt.clean()
        return note
    return make


PARTS = {}


def parts():
    def row(name, make, arch, **kw):
        PARTS[name] = Part(name, make, arch, **kw)

    row("qemu11", make_qemu(["trixie", "trixie-backports"], "qemu11"), None,
        code=("closure.py",), versions=("qemu11",),
        ready=("qemu-11.1.3-min.tar.zst", use_qemu))
    row("qemu10", make_qemu(["bookworm", "bookworm-backports"], "qemu10"), None,
        code=("closure.py",), versions=("qemu10",))
    for arch, (ready_image, use) in {
            "arm64": ("Image.gz-7.3-arm64", gunzip_to("kernel")),
            "x86_64": ("bzImage-7.3-x86_64", copy_to("kernel"))}.items():
        deb = DEBIAN_ARCH[arch]
        row("kernel-" + arch, make_kernel, arch, ready=(ready_image, use),
            inputs=("common.config", arch + ".config"), code=("kernel.py",),
            versions=("linux-source-7.3",))
        code = ("closure.py", "cpio.py", "initramfs.py")
        row("base-" + arch, make_archive, arch, inputs=("core.list",),
            code=code,
            ready=("initramfs-%s.cpio.gz" % deb, gunzip_to("base.cpio")))
        lists = ("core.list", "packages", "tools.list")
        row("tools-" + arch, make_archive, arch, inputs=lists + ("init",),
            code=code)
        row("fio-" + arch, make_archive, arch, inputs=lists + ("fio.list",),
            code=code)


parts()


def kernel(arch):
    return os.path.join(ensure("kernel-" + arch), "kernel")


def initrd(arch, extras=()):
    """The archive that a guest boots: base, tools and the extras asked for, one
    behind the other, as the kernel takes them."""
    names = ["base", "tools"] + sorted(extras)
    folders = [ensure("%s-%s" % (n, arch)) for n in names]
    h = hashlib.sha256("\n".join(folders).encode()).hexdigest()[:16]
    path = os.path.join(cache_dir(), "initrd-%s-%s.cpio" % (arch, h))
    with locked("initrd"):
        if not os.path.exists(path):
            with open(path + ".new", "wb") as out:
                for n, d in zip(names, folders):
                    with open(os.path.join(d, n + ".cpio"), "rb") as f:
                        shutil.copyfileobj(f, out)
                    out.write(b"\0" * (-out.tell() % 512))
            os.rename(path + ".new", path)
    return path


def link_current(arches):
    """Names without keys in them, for people and guest profiles (${kit})."""
    there = {}
    for arch in arches:
        there["qemu-system-" + ARCHES[arch]] = qemu("11", arch)
        there["kernel-" + arch] = kernel(arch)
        there["initrd-%s.cpio" % arch] = initrd(arch)
    d = os.path.join(cache_dir(), "current")
    os.makedirs(d, exist_ok=True)
    for name, path in there.items():
        new = os.path.join(d, ".new-" + name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        os.symlink(path, new)
        os.rename(new, os.path.join(d, name))
    say("ready: %s" % d)


def qemu(version, arch):
    """QEMU 10 or 11 of the kit; "host" is the one on the PATH."""
    name = "qemu-system-" + ARCHES[arch]
    if version == "host":
        path = os.environ.get("AVSIM_QEMU") or shutil.which(name)
        if not path:
            raise Unavailable("no %s on this host" % name)
        return path
    return os.path.join(ensure("qemu" + version), "bin", name)


def main(argv):
    what = argv[0] if argv else "build"
    try:
        if what == "build":
            for name, part in PARTS.items():
                if not argv[1:] or part.arch is None or part.arch in argv[1:]:
                    ensure(name)
            link_current(argv[1:] or ARCHES)
        elif what == "path" and len(argv) == 2 and argv[1] in PARTS:
            print(ensure(argv[1]))
        elif what == "show":
            for name, part in PARTS.items():
                print("%-14s %-7s %s" % (name, "there" if part.have() else
                                         "missing", part.folder()))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (Unavailable, subprocess.SubprocessError, OSError) as e:
        say("cannot make the kit: %s" % e)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
