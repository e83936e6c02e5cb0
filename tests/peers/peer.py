# SPDX-License-Identifier: Apache-2.0
"""Front-ends that others wrote, against avsim's devices, without a guest. They
come as Debian packages, unpacked beside the system as the guest kit's are."""
import contextlib
import ctypes
import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
import apt  # noqa: E402
import kit  # noqa: E402

BUILD = os.environ.get("AVSIM_TOP_BUILDDIR", os.path.join(HERE, "..", ".."))
CONTRACT = os.path.join(BUILD, "tests", "contract", "contract")


def skip(reason):
    print("SKIP: tests/peers/%s: %s" % (os.path.basename(sys.argv[0]), reason))
    sys.exit(77)


def unpacked(name, suites, packages, marker, closure=False, leave=()):
    """A folder with the packages of the last suite unpacked, from the cache or
    from the archive. `marker`: a file (glob) that shows they are there."""
    root = os.path.join(kit.cache_dir(), "peer-" + name)
    if not glob.glob(os.path.join(root, marker), recursive=True):
        try:
            a = apt.Apt(kit.cache_dir(), suites, "amd64")
            debs = (a.download(packages) if closure else
                    [a.download_one(p) for p in packages])
            shutil.rmtree(root + ".new", ignore_errors=True)
            apt.unpack([d for d in debs if not
                        os.path.basename(d).startswith(tuple(leave))],
                       root + ".new")
            shutil.rmtree(root, ignore_errors=True)
            os.rename(root + ".new", root)
            a.clean()
        except (apt.Unavailable, OSError) as e:
            skip(str(e))
    if not glob.glob(os.path.join(root, marker), recursive=True):
        skip("%s is not in %s" % (marker, " ".join(packages)))
    return root


def libblkio():
    """The library, loaded: Debian 13's or the one that is installed."""
    name = os.environ.get("AVSIM_LIBBLKIO")
    if not name and os.uname().machine != "x86_64":
        skip("the package is unpacked for x86_64; AVSIM_LIBBLKIO names another")
    if not name:
        root = unpacked("libblkio", ["trixie"], ["libblkio1"],
                        "**/libblkio.so.1")
        name = glob.glob(os.path.join(root, "**/libblkio.so.1"),
                         recursive=True)[0]
    try:
        lib = ctypes.CDLL(name)
    except OSError as e:
        skip(str(e))
    lib.blkio_get_error_msg.restype = ctypes.c_char_p
    lib.blkio_get_queue.restype = ctypes.c_void_p
    return lib


@contextlib.contextmanager
def device(name, home=None, **options):
    """A device of the contract suite's rig; gives the socket's path. It must
    be alive at the end."""
    known = subprocess.run([CONTRACT, "--serve", "/nowhere/x", "--device", name],
                           stdin=subprocess.DEVNULL, capture_output=True,
                           text=True)
    if "usage:" in known.stderr:
        skip("this avsim has no device %s" % name)
    with tempfile.TemporaryDirectory(prefix="avsim-peer-") as d:
        sock = os.path.join(d, "s")
        argv = [CONTRACT, "--serve", sock, "--device", name]
        if home:
            argv += ["--home", home]
        for k, v in options.items():
            argv += ["--option", "%s=%s" % (k, v)]
        p = subprocess.Popen(argv, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
        try:
            assert p.stdout.readline() == "serving\n", "the device does not start"
            yield sock
        finally:
            p.stdin.close()
            status = p.wait(60)
        assert status == 0, "the device did not survive it: %d" % status
