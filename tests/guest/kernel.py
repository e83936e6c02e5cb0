# SPDX-License-Identifier: Apache-2.0
"""A guest kernel out of Debian's kernel source package: allnoconfig plus the
fragments kit/common.config and kit/ARCH.config, everything built in.

About 25 minutes of CPU time an architecture. Needs, as Debian packages: gcc (for
arm64 guests gcc-aarch64-linux-gnu), make flex bison bc libssl-dev libelf-dev
xz-utils kmod perl."""
import os
import re
import shutil
import subprocess

from apt import Apt, Unavailable, run

SERIES = "linux-source-7.3"
TOOLS = {"make": "make", "flex": "flex", "bison": "bison", "bc": "bc",
         "xz": "xz-utils", "perl": "perl", "gcc": "gcc"}
FILES = {"/usr/include/openssl/opensslv.h": "libssl-dev",
         "/usr/include/libelf.h": "libelf-dev"}
# one file a symbol: what allnoconfig may not be able to switch on
KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit")


def make_args(arch):
    if arch == "arm64":
        args = ["ARCH=arm64"]
        if os.uname().machine != "aarch64":
            args.append("CROSS_COMPILE=aarch64-linux-gnu-")
        return args, "Image", "arch/arm64/boot/Image"
    args = ["ARCH=x86_64"]
    if os.uname().machine != "x86_64":
        args.append("CROSS_COMPILE=x86_64-linux-gnu-")
    return args, "bzImage", "arch/x86/boot/bzImage"


def check_tools(arch):
    args = make_args(arch)[0]
    tools = dict(TOOLS)
    for a in args:
        if a.startswith("CROSS_COMPILE="):
            prefix = a.split("=")[1]
            tools[prefix + "gcc"] = "gcc-" + prefix.rstrip("-").replace("_", "-")
    lacking = [p for t, p in tools.items() if not shutil.which(t)]
    lacking += [p for f, p in FILES.items() if not os.path.exists(f)]
    if lacking:
        raise Unavailable("a kernel is built with: apt-get install "
                          "--no-install-recommends " + " ".join(lacking))


def source(cache):
    """The unpacked kernel source and its version."""
    import kit
    apt = Apt(cache, ["trixie", "trixie-backports"], "amd64")
    want = kit.pinned(SERIES)
    known = [v for p, v in apt.versions(SERIES) if p == SERIES]
    if not known:
        raise Unavailable("the archive has no %s any more: raise the series in "
                          "kit/versions and kernel.py" % SERIES)
    version = want if want in known else known[0]
    tree = os.path.join(cache, "linux-" + version)
    with kit.locked("linux"):
        if os.path.isdir(tree):
            return tree, version
        kit.say("unpacking %s %s" % (SERIES, version))
        deb = apt.download_one("%s=%s" % (SERIES, version))
        new = tree + ".new"
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(os.path.join(new, "Documentation"))
        outer = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                                 stdout=subprocess.PIPE)
        middle = subprocess.Popen(
            ["tar", "-xO", "--wildcards", "./usr/src/linux-source-*.tar.xz"],
            stdin=outer.stdout, stdout=subprocess.PIPE)
        run_tar = subprocess.run(
            ["tar", "-xJ", "--strip-components=1", "-C", new,
             "--exclude=*/Documentation/*", "--exclude=*/tools/testing/*",
             "--exclude=*/drivers/gpu/drm/amd/include/*"], stdin=middle.stdout)
        outer.stdout.close()
        middle.stdout.close()
        if outer.wait() or middle.wait() or run_tar.returncode:
            raise Unavailable("cannot unpack " + deb)
        # Kconfig reads this one
        with open(os.path.join(new, "Documentation", "Kconfig"), "w") as f:
            f.write("#\n")
        os.unlink(deb)
        os.rename(new, tree)
    return tree, version


def unmet(fragment, config):
    """Lines of the fragment that are not so in the configuration made of it."""
    with open(config) as f:
        have = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", f.read(), re.M))
    with open(fragment) as f:
        asked = re.findall(r"^(CONFIG_\w+)=(.*)$", f.read(), re.M)
    return ["%s=%s" % (k, v) for k, v in asked if have.get(k, "n") != v]


def make(arch, out, cache):
    if os.environ.get("AVSIM_GUEST_BUILD") == "no":
        raise Unavailable("no kernel for %s at hand, and AVSIM_GUEST_BUILD=no "
                          "forbids half an hour of compiling" % arch)
    check_tools(arch)
    tree, version = source(cache)
    args, target, image = make_args(arch)
    obj = os.path.join(out, "obj")
    os.makedirs(obj)
    fragment = os.path.join(obj, "fragment")
    with open(fragment, "w") as f:
        for name in ("common.config", arch + ".config"):
            with open(os.path.join(KIT, name)) as part:
                f.write(part.read())
    make = ["make", "-s", "-C", tree, "O=" + obj] + args
    with open(os.path.join(out, "log"), "w") as log:
        def step(argv, what):
            if subprocess.run(argv, stdout=log, stderr=log,
                              stdin=subprocess.DEVNULL).returncode:
                keep = os.path.join(cache, "kernel-%s.log" % arch)
                shutil.copy(log.name, keep)
                raise Unavailable("%s failed, see %s" % (what, keep))
        step(make + ["KCONFIG_ALLCONFIG=" + fragment, "allnoconfig"],
             "the kernel's configuration")
        missing = unmet(fragment, os.path.join(obj, ".config"))
        jobs = os.environ.get("AVSIM_GUEST_JOBS") or str(os.cpu_count() or 1)
        step(["nice"] + make + ["-j" + jobs, "KBUILD_BUILD_TIMESTAMP=@0",
                                "KBUILD_BUILD_USER=kit",
                                "KBUILD_BUILD_HOST=kit", target],
             "the kernel's build")
    shutil.copy(os.path.join(obj, image), os.path.join(out, "kernel"))
    shutil.copy(os.path.join(obj, ".config"), os.path.join(out, "config"))
    shutil.rmtree(obj)
    return "package %s %s\n" % (SERIES, version) + "".join(
        "not as asked %s\n" % m for m in missing)
