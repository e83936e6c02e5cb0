#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole avsim's virtio-blk against libblkio: random writes, reads, flushes,
discards and zeroes, held against a copy in memory."""
import ctypes
import os
import random
import shutil
import subprocess
import tempfile
import time

import peer

SIZE = 8 << 20
SEED = int(os.environ.get("AVSIM_SEED", "1"))
DEPTH = 32


class Region(ctypes.Structure):
    _fields_ = [("addr", ctypes.c_void_p), ("iova", ctypes.c_uint64),
                ("len", ctypes.c_size_t), ("fd_offset", ctypes.c_int64),
                ("fd", ctypes.c_int), ("flags", ctypes.c_uint32)]


class Completion(ctypes.Structure):
    _fields_ = [("user_data", ctypes.c_void_p), ("error", ctypes.c_char_p),
                ("ret", ctypes.c_int), ("reserved", ctypes.c_uint8 * 12)]


B = peer.libblkio()
run_dir = tempfile.mkdtemp(prefix="avsim-blkio-")
disk = os.path.join(run_dir, "disk.raw")


def must(ret, what):
    if ret < 0:
        raise SystemExit("%s: %s" % (what, B.blkio_get_error_msg().decode()))


def start():
    with open(disk, "wb") as f:
        f.truncate(SIZE)
    p = subprocess.Popen(
        [os.path.join(peer.BUILD, "avsim"), "run", "--headless", "--no-record",
         "--scenario", "idle", "--linger", "--run-dir", run_dir + "/run",
         "--device", "blk,file=" + disk], stdin=subprocess.DEVNULL)
    sock = run_dir + "/run/blk.sock"
    for _ in range(3000):
        if os.path.exists(sock):
            return p, sock
        if p.poll() is not None:
            raise SystemExit("avsim ended with %d" % p.returncode)
        time.sleep(0.01)
    raise SystemExit("avsim did not listen")


def connect(sock):
    b = ctypes.c_void_p()
    must(B.blkio_create(b"virtio-blk-vhost-user", ctypes.byref(b)), "create")
    must(B.blkio_set_str(b, b"path", sock.encode()), "path")
    must(B.blkio_connect(b), "connect")
    must(B.blkio_start(b), "start")
    capacity = ctypes.c_uint64()
    must(B.blkio_get_uint64(b, b"capacity", ctypes.byref(capacity)), "capacity")
    assert capacity.value == SIZE, capacity.value
    r = Region()
    must(B.blkio_alloc_mem_region(b, ctypes.byref(r),
                                  ctypes.c_size_t(DEPTH << 17)), "memory")
    must(B.blkio_map_mem_region(b, ctypes.byref(r)), "map")
    return b, ctypes.c_void_p(B.blkio_get_queue(b, 0)), r


def do_io(q, n):
    """n completions: their user data."""
    c = (Completion * n)()
    got = B.blkioq_do_io(q, c, n, n, None)
    must(got, "do_io")
    assert got == n, got
    for x in c:
        assert x.ret == 0, os.strerror(-x.ret)
    return [x.user_data or 0 for x in c]


def turn(q, r, rng, model):
    """DEPTH requests at once, on places of the disk that do not overlap."""
    slots = rng.sample(range(SIZE >> 17), DEPTH)
    expect = {}
    for i, slot in enumerate(slots):
        off = (slot << 17) + rng.randrange(128) * 512
        n = rng.randrange(1, 128) * 512
        buf = ctypes.c_void_p(r.addr + (i << 17))
        args = (q, ctypes.c_uint64(off))
        user = ctypes.c_void_p(i)
        kind = rng.choice(["read", "read", "write", "write", "zero", "discard",
                           "flush"])
        if kind == "read":
            B.blkioq_read(*args, buf, ctypes.c_size_t(n), user, 0)
            expect[i] = bytes(model[off:off + n])
        elif kind == "write":
            data = rng.randbytes(n)
            ctypes.memmove(buf, data, n)
            model[off:off + n] = data
            B.blkioq_write(*args, buf, ctypes.c_size_t(n), user, 0)
        elif kind == "zero":
            model[off:off + n] = bytes(n)
            B.blkioq_write_zeroes(*args, ctypes.c_uint64(n), user, 0)
        elif kind == "discard":  # ours makes holes, which read as zeroes
            model[off:off + n] = bytes(n)
            B.blkioq_discard(*args, ctypes.c_uint64(n), user, 0)
        else:
            B.blkioq_flush(q, user, 0)
    assert sorted(do_io(q, DEPTH)) == list(range(DEPTH))
    for i, want in expect.items():
        assert ctypes.string_at(r.addr + (i << 17), len(want)) == want, i


def main():
    print("seed", SEED)
    rng = random.Random(SEED)
    avsim, sock = start()
    b = None
    try:
        b, q, r = connect(sock)
        model = bytearray(SIZE)
        for _ in range(200):
            turn(q, r, rng, model)
        B.blkioq_flush(q, None, 0)
        do_io(q, 1)
        with open(disk, "rb") as f:
            assert f.read() == bytes(model), "the image is not what was written"
        p = ctypes.c_void_p(b.value)
        B.blkio_destroy(ctypes.byref(p))
        assert avsim.poll() is None
        print("200 turns of %d requests" % DEPTH)
    finally:
        avsim.terminate()
        avsim.wait(30)
        shutil.rmtree(run_dir)


main()
