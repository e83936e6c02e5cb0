# SPDX-License-Identifier: Apache-2.0
"""A server that behaves as a guest's audio control HAL does: calls are queued
and answered at once, sessions are counted per usage and zone, only the first
acquires focus and only the last abandons it, and a session without a heartbeat
for 5 s ends. Used by test_audio_focus.py."""
import queue
import threading
import time
from concurrent import futures

import grpc

EXPIRY_S, CHECK_S, EXPIRE_MAX = 5.0, 1.0, 256
GAIN, TRANSIENT, MAY_DUCK, EXCLUSIVE = 1, 2, 3, 4


def focus_change(r):
    if not r.is_transient:
        return GAIN
    if r.is_exclusive:
        return EXCLUSIVE
    return MAY_DUCK if r.allow_duck else TRANSIENT


class AudioGuest:
    """@changes: what the framework sees, (time, 'gain'|'abandon', usage, zone,
    focus change); @log: what the HAL complains of; @fail: statuses for the next
    calls, instead of an answer."""

    def __init__(self, pb, pbg, address, expiry=EXPIRY_S):
        self.expiry, self.pb = expiry, pb
        self.sessions, self.count = {}, {}  # id: [key, last beat]; key: n
        self.changes, self.log, self.messages = [], [], []
        self.fail = []
        self.lock, self.todo, self.running = threading.Condition(), queue.Queue(), True
        outer = self

        class Servicer(pbg.AudioFocusControlServerServicer):
            def AudioRequests(self, m, context):
                with outer.lock:
                    if outer.fail:
                        code = outer.fail.pop(0)
                        outer.messages.append((time.monotonic(), m))
                        context.abort(code, 'not now')
                outer.todo.put((time.monotonic(), m))
                return pb.google_dot_protobuf_dot_empty__pb2.Empty()

        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        pbg.add_AudioFocusControlServerServicer_to_server(Servicer(), self.server)
        assert self.server.add_insecure_port(address), address
        self.server.start()
        for work in (self.worker, self.expire):
            threading.Thread(target=work, daemon=True).start()

    def change(self, *what):
        self.changes.append((time.monotonic(), *what))
        self.lock.notify_all()

    def end(self, sid):
        key = self.sessions.pop(sid)[0]
        self.count[key] -= 1
        if self.count[key] == 0:
            self.change('abandon', *key, 0)

    def worker(self):
        while self.running:
            t, m = self.todo.get()
            with self.lock:
                self.messages.append((t, m))
                for sid in m.active_sessions:
                    if sid in self.sessions:
                        self.sessions[sid][1] = t
                    else:
                        self.log.append(f'heartbeat of unknown session {sid:x}')
                for r in m.acquire_requests:
                    if r.session_id in self.sessions:
                        self.log.append(f'session {r.session_id:x} is there already')
                        continue
                    key = (r.audio_usage, r.zone_id)
                    self.sessions[r.session_id] = [key, t]
                    self.count[key] = self.count.get(key, 0) + 1
                    if self.count[key] == 1:
                        self.change('gain', *key, focus_change(r))
                for sid in m.release_requests:
                    if sid in self.sessions:
                        self.end(sid)
                    else:
                        self.log.append(f'release of unknown session {sid:x}')
                self.lock.notify_all()

    def expire(self):
        while self.running:
            time.sleep(CHECK_S)
            with self.lock:
                now = time.monotonic()
                old = [s for s, (_, t) in self.sessions.items() if now - t > self.expiry]
                for sid in old[:EXPIRE_MAX]:
                    self.log.append(f'session {sid:x} expired')
                    self.end(sid)

    def wait(self, test, timeout=8):
        with self.lock:
            assert self.lock.wait_for(test, timeout), (self.changes, self.log)

    def stop(self):
        self.running = False
        self.server.stop(0).wait()
