#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libblkio's vhost-user driver (Rust, written against the specification)
against the block device: what is written is read, by several queues at once,
in every home, and is in the file."""
import ctypes as c
import random
import sys
import tempfile

import peer

MIB = 1 << 20
SIZE = 64 * MIB


class Region(c.Structure):
    _fields_ = [("addr", c.c_void_p), ("len", c.c_size_t),
                ("iova", c.c_uint64), ("fd_offset", c.c_int64),
                ("fd", c.c_int), ("flags", c.c_uint32)]


class Completion(c.Structure):
    _fields_ = [("user_data", c.c_void_p), ("error_msg", c.c_char_p),
                ("ret", c.c_int), ("reserved", c.c_uint8 * 12)]


class Timespec(c.Structure):
    _fields_ = [("s", c.c_long), ("ns", c.c_long)]


class Blkio:
    def __init__(self, lib, path, queues):
        self.lib, self.b = lib, c.c_void_p()
        self.ok(lib.blkio_create(b"virtio-blk-vhost-user", c.byref(self.b)))
        self.ok(lib.blkio_set_str(self.b, b"path", path.encode()))
        self.ok(lib.blkio_connect(self.b))
        self.ok(lib.blkio_set_int(self.b, b"num-queues", queues))
        self.ok(lib.blkio_start(self.b))
        self.mem = Region()
        self.ok(lib.blkio_alloc_mem_region(self.b, c.byref(self.mem), 4 * MIB))
        self.ok(lib.blkio_map_mem_region(self.b, c.byref(self.mem)))
        self.q = [c.c_void_p(lib.blkio_get_queue(self.b, i))
                  for i in range(queues)]

    def ok(self, ret):
        if ret < 0:
            raise OSError(-ret, self.lib.blkio_get_error_msg().decode())

    def u64(self, name):
        v = c.c_uint64()
        self.ok(self.lib.blkio_get_uint64(self.b, name, c.byref(v)))
        return v.value

    def buf(self, off):
        return c.c_void_p(self.mem.addr + off)

    def put(self, off, data):
        c.memmove(self.mem.addr + off, data, len(data))

    def get(self, off, n):
        return c.string_at(self.mem.addr + off, n)

    def wait(self, q, n):
        """n completions of queue q, all of them good."""
        done = (Completion * n)()
        got = 0
        while got < n:
            t = Timespec(30, 0)
            ret = self.lib.blkioq_do_io(
                q, c.byref(done, got * c.sizeof(Completion)), n - got, n - got,
                c.byref(t))
            self.ok(ret)
            got += ret
        for d in done:
            if d.ret:
                raise OSError(-d.ret, "request %r failed" % d.user_data)

    def close(self):
        self.lib.blkio_destroy(c.byref(self.b))


def verify(b, queues):
    """Random blocks there and back, 32 in flight on each queue."""
    rnd = random.Random(7)
    model = {}
    for _ in range(40):
        work = []
        # each queue its own part of the disk, so that order does not matter
        for qi, q in enumerate(b.q):
            part = SIZE // queues
            for i in range(32):
                at = qi * part + rnd.randrange(part // 4096) * 4096
                if any(at == w[1] for w in work):
                    continue
                off = len(work) * 4096
                if rnd.random() < 0.5:
                    data = rnd.randbytes(4096)
                    b.put(off, data)
                    model[at] = data
                    b.lib.blkioq_write(q, c.c_uint64(at), b.buf(off),
                                       c.c_size_t(4096), None, 0)
                    work.append((q, at, None, off))
                else:
                    b.lib.blkioq_read(q, c.c_uint64(at), b.buf(off),
                                      c.c_size_t(4096), None, 0)
                    work.append((q, at, model.get(at, bytes(4096)), off))
        for q in b.q:
            b.wait(q, sum(1 for w in work if w[0] is q))
        for _, at, want, off in work:
            if want is not None:
                assert b.get(off, 4096) == want, "block at %d differs" % at
    return model


def others(b, model):
    q = b.q[0]
    first = min(model)
    b.lib.blkioq_flush(q, None, 0)
    b.wait(q, 1)
    b.lib.blkioq_write_zeroes(q, c.c_uint64(first), c.c_uint64(4096), None, 0)
    b.wait(q, 1)
    b.put(0, b"x" * 4096)
    b.lib.blkioq_read(q, c.c_uint64(first), b.buf(0), c.c_size_t(4096), None, 0)
    b.wait(q, 1)
    assert b.get(0, 4096) == bytes(4096), "zeroes were not written"
    model[first] = bytes(4096)
    last = max(model)
    b.lib.blkioq_discard(q, c.c_uint64(last), c.c_uint64(4096), None, 0)
    b.wait(q, 1)
    del model[last]
    # one large request, in many pieces of memory
    big = random.Random(8).randbytes(MIB)
    b.put(0, big)
    b.lib.blkioq_write(q, c.c_uint64(SIZE - MIB), b.buf(0), c.c_size_t(MIB),
                       None, 0)
    b.wait(q, 1)
    b.put(0, bytes(MIB))
    b.lib.blkioq_read(q, c.c_uint64(SIZE - MIB), b.buf(0), c.c_size_t(MIB),
                      None, 0)
    b.wait(q, 1)
    assert b.get(0, MIB) == big, "1 MiB came back different"
    for i in range(MIB // 4096):
        model[SIZE - MIB + i * 4096] = big[i * 4096:(i + 1) * 4096]


def run(lib, home, queues):
    with tempfile.NamedTemporaryFile(prefix="avsim-peer-") as disk:
        disk.truncate(SIZE)
        with peer.device("blk", home, file=disk.name, queues=8) as sock:
            for _ in range(3):          # the next client is served
                b = Blkio(lib, sock, queues)
                assert b.u64(b"capacity") == SIZE
                b.close()
            b = Blkio(lib, sock, queues)
            model = verify(b, queues)
            others(b, model)
            b.lib.blkioq_flush(b.q[0], None, 0)
            b.wait(b.q[0], 1)
            b.close()
        with open(disk.name, "rb") as f:
            for at, data in model.items():
                f.seek(at)
                assert f.read(4096) == data, "%d is not in the file" % at
    print("ok   libblkio blk/%s with %d queues: %d blocks as written" %
          (home, queues, len(model)))


def main():
    lib = peer.libblkio()
    for home in ("loop", "thread", "child"):
        run(lib, home, 1)
    run(lib, "thread", 4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
